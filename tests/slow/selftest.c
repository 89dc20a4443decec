// The engine's self-test. It trains and scores made-up networks of all kinds, and prints of each
// its name, the sum of its losses, and a hash of its weights, gradients, statistics and logits.
//
//     selftest                     programs for other processors must print the same lines
//     selftest level               what engine_level says: the best variant this processor runs
//     selftest fuzz SEED COUNT     random networks, every array in memory of exactly its size
#include "networks.h"

// ---- augmentation ----

enum { AFFINE, BENT, ANY_FLOATS };

static float any_float(Random *random) { // infinities, NaN and denormals among them
    const uint32_t bits = (uint32_t)bits_of(random);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float *draw_floats(int64_t count, float size, int kind, Random *random) {
    float *values = zeros(count, 4);
    for (int64_t k = 0; k < count; k++) {
        const int any = kind == ANY_FLOATS && between(random, 0, 63) == 0;
        values[k] = any ? any_float(random) : size * symmetric(random);
    }
    return values;
}

// Warps made-up pictures; the loss is the mean of the new pixels.
static Outcome warped(int count, int kind, Random random) {
    uint8_t *from = zeros(count * AREA, 1), *to = zeros(count * AREA, 1);
    for (int k = 0; k < count * AREA; k++) from[k] = (uint8_t)bits_of(&random);
    float *maps = draw_floats(count * 6, .5f, kind, &random);
    for (int i = 0; i < count; i++) maps[6 * i] += 1, maps[6 * i + 2] *= 9, maps[6 * i + 4] += 1;
    float *moves = kind == AFFINE ? 0 : draw_floats(count * 2 * POINTS * POINTS, 3, kind, &random);
    float *spline = draw_floats(POINTS * SIDE, 1, kind, &random);
    float *amounts = draw_floats(count, 1, AFFINE, &random);
    amounts[0] = 0;
    engine_warp(from, to, count, maps, moves, spline, amounts);
    Outcome found = {0, fnv(FNV_START, to, count * AREA)};
    for (int k = 0; k < count * AREA; k++) found.loss += to[k];
    found.loss /= count * AREA;
    release();
    return found;
}

// ---- the list ----

static const Network LIST[] = {
    {"linear", .decay = .01f},
    {"linear, RGB", .channels = 3, .optimizer = SGD, .momentum = .9f},
    {"linear, 2 classes", .classes = 2, .optimizer = ADAMW, .decay = .1f},
    {"linear, 100 classes", .classes = 100, .smoothing = .1f},
    {"hidden", .hidden = 33, .optimizer = ADAMW, .decay = .01f},
    {"hidden, RGB, dropout", .hidden = 50, .channels = 3, .dropout = .5f},
    {"4 of 5x5 in threes", {{4, 5, 3}}, .batch = 32, .images = 100},
    {"17 of 4x4, pool with a rest", {{17, 4, 2, 3, 2}}, .optimizer = SGD, .decay = .01f},
    {"48 of 3x3, RGB", {{48, 3, 1, 1, 4}}, .channels = 3, .optimizer = ADAMW, .decay = .1f},
    {"2 convolutions in place", {{9, 3, 2}, {20, 3}}},
    {"2 convolutions, padded", {{20, 3, 2, 1}, {33, 5, 1, 2, 2}}, .optimizer = SGD, .rate = .1f},
    {"3 convolutions in place", {{3, 5, 2}, {40, 3, 2}, {5, 2}}, .smoothing = .1f},
    {"batch-norm", {{10, 5, 2, 0, 1, 1}}, .decay = .01f},
    {"batch-norm, pool with a rest", {{21, 3, 1, 1, 3, 1}, {7, 4, 1, 0, 4, 1}}, .optimizer = ADAMW},
    {"batch-norm held", {{10, 5, 2, 0, 2, 1}, {12, 3, 1, 0, 1, 1}}, .fixed_norm = 1},
    {"3 with batch-norm, dropout", {{16, 3, 2, 1, 1, 1}, {24, 3, 1, 1, 2, 1}, {31, 3, 1, 1, 2, 1}},
     .dropout = .3f, .smoothing = .05f},
    {"convolution, hidden, dropout", {{12, 5, 2, 2, 2}}, .hidden = 20, .dropout = .25f},
    {"first frozen", {{8, 5, 2, 0, 1, 1, 1}, {8, 3}}},
    {"middle and last frozen", {{8, 5, 2}, {9, 3, 1, 1, 2, 1, 1}, {10, 3}}, .frozen = 1},
    {"all frozen", {{8, 5, 2, 0, 1, 1, 1}}, .frozen = 1},
    {"batch of 1", {{11, 5, 3}}, .batch = 1, .images = 7},
    {"batch of 1, batch-norm of 1", {{11, 28, 1, 0, 1, 1}}, .batch = 1, .images = 7},
    {"last batch of 1", {{6, 3, 3, 0, 1, 1}}, .batch = 6, .images = 25},
    {"more outputs than inputs", {{5, 28}}, .hidden = 40, .classes = 100},
    {"fewer images than a batch", {{6, 7, 4}}, .batch = 70, .images = 9},
    {"leaky ReLU", {{12, 5, 2, 0, 2}}, .hidden = 20, .activation = LEAKY},
    {"tanh, mean pooling", {{12, 5, 1, 0, 2}, {20, 3, 1, 1, 2}}, .activation = TANH, .pool_mean = 1},
    {"gelu, batch-norm", {{12, 5, 2, 0, 2, 1}, {9, 3}}, .hidden = 20, .activation = GELU},
    {"silu, average", {{12, 5, 2}, {20, 3, 1, 1}}, .activation = SILU, .average = 1},
    {"mean pooling with a rest", {{17, 4, 2, 3, 2}}, .pool_mean = 1, .optimizer = SGD},
    {"average after pooling", {{17, 5, 2, 0, 2, 1}}, .average = 1, .pool_mean = 1},
    {"hidden tanh, dropout twice", .hidden = 30, .activation = TANH, .dropout = .4f},
    {"no class for some", {{8, 5, 3, 0, 2}}, .unlabelled = 3},
    {"no class for any", {{8, 5, 3}}, .unlabelled = 1, .smoothing = .1f},
    {"no optimizer", {{8, 5, 2, 0, 2, 1}, {8, 3}}, .optimizer = NO_OPTIMIZER},
    {"1x1", {{5, 1}, {18, 1, 3, 1}}},
    {"kernel as large as its input", {{5, 34, 1, 3}, {19, 3, 1, 1}}},
    {"strides over the input", {{5, 3, 28}, {6, 1, 2, 1, 2}}},
    {"pool as large as its input", {{35, 9, 5, 0, 4, 1}}},
    {"all padding", {{4, 2, 9, 28}, {5, 1, 1, 2}}},
    {"weights that vanish", {{4, 5, 3}}, .optimizer = ADAMW, .decay = 99, .epochs = 12},
    {"what is not finite", {{4, 5, 3, 0, 1, 1}}, .optimizer = SGD, .rate = 1e30f},
};

// ---- random networks ----

enum { MOST_TERMS = 100000000, MOST_WORK = 8000000, CHOICES = 4 };

static int smaller(int a, int b) { return a < b ? a : b; }

static int one_of(Random *random, const int *choices) {
    return choices[between(random, 0, CHOICES - 1)];
}

// Any layer that a book allows for a side, extremes more often than by chance.
static Conv any_conv(Random *r, int side) {
    Conv c = {between(r, 1, 40), .norm = between(r, 0, 1), .frozen = !between(r, 0, 4)};
    const int paddings[CHOICES] = {0, 0, between(r, 1, 3), between(r, 0, SIDE)};
    c.padding = one_of(r, paddings);
    const int padded = side + 2 * c.padding, widest = smaller(padded, 2 * SIDE);
    const int small = between(r, 1, smaller(7, widest));
    const int kernels[CHOICES] = {1, widest, small, between(r, 1, widest)};
    c.kernel = one_of(r, kernels);
    const int strides[CHOICES] = {1, between(r, 1, 2), between(r, 1, 3), between(r, 1, SIDE)};
    c.stride = one_of(r, strides);
    const int most = smaller((padded - c.kernel) / c.stride + 1, SIDE);
    const int pools[CHOICES] = {1, most, between(r, 1, smaller(3, most)), between(r, 1, most)};
    c.pool = one_of(r, pools);
    return c;
}

static Network any_network(Random *r) {
    Network n = {"fuzz", .channels = between(r, 0, 1) ? 3 : 1, .classes = between(r, 2, 100),
                 .hidden = between(r, 0, 2) ? 0 : between(r, 1, 50), .batch = between(r, 1, 70),
                 .images = between(r, 1, 100), .epochs = 1, .unlabelled = between(r, 0, 3),
                 .optimizer = between(r, ADAM, NO_OPTIMIZER), .fixed_norm = !between(r, 0, 4),
                 .frozen = !between(r, 0, 4), .decay = between(r, 0, 1) * .1f, .momentum = .9f,
                 .smoothing = between(r, 0, 1) * .1f, .dropout = between(r, 0, 1) * .5f};
    int side = SIDE;
    for (int k = 0, count = between(r, 0, MOST_CONV); k < count; k++) {
        const Conv c = n.conv[k] = any_conv(r, side);
        side = ((side + 2 * c.padding - c.kernel) / c.stride + 1) / c.pool;
    }
    return with_usual(n);
}

// Whether training it takes a second or so.
static int quick(const Network *n) {
    Layer layers[MOST_CONV + 2];
    const Engine e = planned(n, layers);
    int64_t terms = 0;
    for (const Layer *l = layers; l < layers + e.count; l++)
        terms += n->images * places(l, 1) * fan_in(l) * l->width;
    return terms < MOST_TERMS && e.work < MOST_WORK;
}

static Network quick_network(Random *random) {
    Network n = any_network(random);
    while (!quick(&n)) n = any_network(random);
    return n;
}

// ---- what is printed ----

static void print(const char *name, Outcome found) {
    unsigned long long bits;
    memcpy(&bits, &found.loss, sizeof bits);
    const int exponent = (int)(bits >> 52 & 0x7FF) - 1023;
    char loss[40] = "nan";
    if (found.loss == found.loss) // as %a of C, which each library writes its own way
        snprintf(loss, sizeof loss, "0x1.%013llxp%+d", bits & 0xFFFFFFFFFFFFF, exponent);
    printf("%-30s %-22s %016llx\n", name, loss, (unsigned long long)found.hash);
}

static void print_list(void) {
    for (const Network *listed = LIST; listed < LIST + sizeof LIST / sizeof *LIST; listed++) {
        const Network n = with_usual(*listed);
        print(n.name, trained(&n, fnv(FNV_START, n.name, (int64_t)strlen(n.name)), 0));
    }
    for (Random number = 0; number < 40; number++) {
        Random random = number;
        const Network n = quick_network(&random);
        char name[40];
        snprintf(name, sizeof name, "random %d", (int)number);
        print(name, trained(&n, random, 0));
    }
    print("warp", warped(7, AFFINE, 1));
    print("warp, bent", warped(7, BENT, 2));
    print("warp by any floats", warped(70, ANY_FLOATS, 3));
}

static void describe(int64_t number, const Network *n) {
    printf("%lld: %d images of %d channels, batches of %d", (long long)number, n->images,
           n->channels, n->batch);
    for (const Conv *c = n->conv; c < n->conv + MOST_CONV && c->filters; c++)
        printf("; %d of %dx%d, stride %d, padding %d, pool %d%s%s", c->filters, c->kernel,
               c->kernel, c->stride, c->padding, c->pool, c->norm ? ", norm" : "",
               c->frozen ? ", frozen" : "");
    printf("; hidden %d; %d classes%s; optimizer %d%s%s\n", n->hidden, n->classes,
           n->frozen ? ", frozen" : "", n->optimizer, n->dropout > 0 ? ", dropout" : "",
           n->fixed_norm ? ", fixed norm" : "");
    fflush(stdout);
}

// Trains random networks, in the engine's own memory and apart: no array may hold what another's
// place decides. Whether all were the same.
static int fuzz(Random seed, int64_t count) {
    for (int64_t number = 0; number < count; number++) {
        Random random = fnv(seed, &number, sizeof number);
        const Network n = quick_network(&random);
        describe(number, &n);
        if (trained(&n, random, 0).hash != trained(&n, random, 1).hash) {
            printf("other bits when its arrays lie apart\n");
            return 0;
        }
        warped(between(&random, 1, 3), between(&random, AFFINE, ANY_FLOATS), random);
    }
    return 1;
}

int main(int count, char **words) {
    if (count == 4 && !strcmp(words[1], "fuzz"))
        return !fuzz(strtoull(words[2], 0, 10), atoll(words[3]));
    if (count == 2 && !strcmp(words[1], "level")) return printf("%d\n", engine_level()) < 0;
    print_list();
    return 0;
}

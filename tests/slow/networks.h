// Made-up networks for the engine's self-test: described, drawn, trained, scored and hashed.
// Nothing depends on a library's numbers: not even its random ones.
#define _POSIX_C_SOURCE 200112L
#include <stdio.h>
#include <stdlib.h>
#include "../../src/mnistlab/training/native/engine.c"

// ---- memory ----

enum { MOST_ARRAYS = 256 };
static void *arrays[MOST_ARRAYS];
static int array_count;

// Zeros of exactly that size that begin on a cache line, as Python's do.
static void *zeros(int64_t count, size_t size) {
    void *memory = 0;
#ifdef _WIN32
    memory = _aligned_malloc(count * size, 64);
#else
    if (posix_memalign(&memory, 64, count * size)) memory = 0;
#endif
    if (!memory || array_count == MOST_ARRAYS) exit(2);
    arrays[array_count++] = memory;
    return memset(memory, 0, count * size);
}

static int64_t *copy(const int64_t *from, int64_t count) {
    return memcpy(zeros(count, sizeof *from), from, sizeof *from * count);
}

static void release(void) {
    while (array_count) {
#ifdef _WIN32
        _aligned_free(arrays[--array_count]);
#else
        free(arrays[--array_count]);
#endif
    }
}

// ---- random numbers ----

typedef uint64_t Random;

static uint64_t bits_of(Random *random) { // splitmix64 (Steele, Lea and Flood 2014)
    uint64_t z = *random += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static int between(Random *random, int least, int most) { // both included
    return most <= least ? least : least + (int)(bits_of(random) % (uint64_t)(most - least + 1));
}

static float symmetric(Random *random) { // -1 to 1, a multiple of 2^-23
    return (float)((int64_t)(bits_of(random) >> 40) - (1 << 23)) / (1 << 23);
}

// ---- hashes ----

static const uint64_t FNV_START = 0xCBF29CE484222325;

static uint64_t fnv(uint64_t hash, const void *from, int64_t size) { // FNV-1a
    const uint8_t *bytes = from;
    for (int64_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * 0x100000001B3;
    return hash;
}

// No processor promises which NaN comes out: all count as one.
static uint64_t fnv_floats(uint64_t hash, const float *from, int64_t count) {
    static const uint32_t nan = 0x7FC00000;
    for (int64_t i = 0; i < count; i++)
        hash = fnv(hash, from[i] != from[i] ? (const void *)&nan : from + i, 4);
    return hash;
}

// ---- networks ----

enum { MOST_CONV = 4 };

typedef struct {
    int filters, kernel, stride, padding, pool, norm, frozen; // stride and pool 0: 1
} Conv;

typedef struct {
    const char *name;
    Conv conv[MOST_CONV]; // up to the first without filters
    int hidden;           // outputs of a linear layer with ReLU before the last; 0: no such layer
    int channels, classes, batch, images, epochs; // 0: 1, 10, 16, 40, 2
    int unlabelled;                               // every so many images have label -1; 0: none
    int optimizer, fixed_norm, frozen;            // frozen: the last layer
    int activation, pool_mean, average;           // activation 0: RECTIFIED
    float rate, decay, momentum, smoothing, dropout; // rate 0: 0.01
} Network;

static int otherwise(int chosen, int usual) { return chosen ? chosen : usual; }

static Network with_usual(Network n) {
    n.channels = otherwise(n.channels, 1), n.classes = otherwise(n.classes, 10);
    n.batch = otherwise(n.batch, 16), n.images = otherwise(n.images, 40);
    n.epochs = otherwise(n.epochs, 2);
    if (n.rate == 0) n.rate = .01f;
    for (Conv *c = n.conv; c < n.conv + MOST_CONV; c++)
        c->stride = otherwise(c->stride, 1), c->pool = otherwise(c->pool, 1);
    return n;
}

static Layer linear_layer(int inputs, int outputs) {
    return (Layer){.linear = 1, .channels = inputs, .side = 1, .kernel = 1, .stride = 1,
                   .filters = outputs, .pool = 1};
}

// The network's layers as the engine takes them, their sizes planned.
static Engine planned(const Network *n, Layer *layers) {
    Layer *l = layers;
    int side = SIDE, stored = n->channels;
    const int activation = otherwise(n->activation, RECTIFIED);
    for (const Conv *c = n->conv; c < n->conv + MOST_CONV && c->filters; c++, l++) {
        *l = (Layer){.channels = stored, .side = side, .padding = c->padding, .kernel = c->kernel,
                     .stride = c->stride, .filters = c->filters, .norm = c->norm,
                     .activation = activation, .pool = c->pool, .pool_mean = n->pool_mean,
                     .frozen = c->frozen};
        side = ((side + 2 * c->padding - c->kernel) / c->stride + 1) / c->pool;
        stored = (int)whole(c->filters);
    }
    if (n->average && l > layers) l[-1].average = side = 1;
    int inputs = side * side * stored;
    if (n->hidden) {
        *l = linear_layer(inputs, n->hidden);
        l->dropout = n->dropout > 0;
        l++->activation = activation;
        inputs = (int)whole(n->hidden);
    }
    *l = linear_layer(inputs, n->classes);
    l->dropout = n->dropout > 0, l->frozen = n->frozen;
    Engine e = {.layers = layers, .count = l + 1 - layers, .batch = n->batch, .rate = n->rate,
                .decay = n->decay, .momentum = n->momentum, .smoothing = n->smoothing,
                .kept = 1 - n->dropout, .optimizer = n->optimizer, .fixed_norm = n->fixed_norm,
                .beta1_power = 1, .beta2_power = 1};
    engine_plan(&e);
    return e;
}

// Every array of the layers in memory of its own, so that a sanitizer sees each step beside it.
static void place_apart(Engine *e) {
    for (Layer *l = e->layers; l < e->layers + e->count; l++) {
        l->input = zeros(e->batch * l->image, 4);
        l->d_input = shares(l, e) ? l->input : zeros(e->batch * l->image, 4);
        l->moments = zeros(2 * l->width, 4);
        l->turned = zeros(l->linear ? 0 : fan_in(l) * l->filters, 4);
        l->taps = copy(l->taps, fan_in(l));
        l->weight_rows = copy(l->weight_rows, l->linear ? l->filters : fan_in(l));
        l->places = copy(l->places, places(l, e->batch));
        l->spots = copy(l->spots, places(l, e->batch));
        l->outs = copy(l->outs, l->filters);
    }
    for (Layer *l = e->layers; l < e->layers + e->count; l++) {
        l->z = staged(l, e) ? zeros(e->batch * l->z_image, 4) : l[1].input;
        l->d_z = staged(l, e) ? zeros(e->batch * l->z_image, 4) : l[1].d_input;
    }
}

static void place(Engine *e, int apart) {
    e->weight = zeros(e->parameters, 4), e->gradient = zeros(e->parameters, 4);
    e->first = zeros(e->parameters, 4), e->second = zeros(e->parameters, 4);
    e->running = zeros(e->statistics, 4), e->memory = zeros(e->work, 4);
    engine_place(e);
    if (apart) place_apart(e);
}

// Random weights about 1/sqrt(inputs) in size; what pads channels to whole vectors stays 0: of
// every `stored` inputs, `real` are there.
static void draw_weights(const Engine *e, const Layer *l, int stored, int real, Random *random) {
    float size = 1;
    while (size * size * fan_in(l) > 1) size /= 2;
    float *w = e->weight;
    for (int64_t k = 0; k < fan_in(l); k++)
        for (int64_t f = 0; f < l->filters && k % stored < real; f++) {
            const int64_t at = l->linear ? f * l->channels + k : k * l->width + f;
            w[l->weight + at] = size * symmetric(random);
        }
    for (int64_t f = 0; f < l->filters; f++) {
        w[l->bias + f] = size * symmetric(random);
        if (!l->norm) continue;
        w[l->gamma + f] = 1 + symmetric(random) / 4, w[l->beta + f] = symmetric(random) / 4;
        e->running[l->mean + f] = symmetric(random) / 4;
        e->running[l->variance + f] = 1 + symmetric(random) / 2;
    }
}

static void draw_all_weights(const Engine *e, int channels, Random *random) {
    for (const Layer *l = e->layers; l < e->layers + e->count; l++) {
        const int real = l > e->layers ? l[-1].filters : channels;
        draw_weights(e, l, l > e->layers ? l[-1].width : channels, real, random);
    }
}

// ---- training ----

typedef struct {
    uint8_t *images, *mask; // ink of any darkness on a third of the pixels; what dropout leaves
    int32_t *labels;
    int64_t *order;
} Data;

static Data draw_data(const Network *n, int64_t features, Random *random) {
    const int64_t pixels = (int64_t)n->images * AREA * n->channels, kept = n->images * features;
    Data data = {zeros(pixels, 1), n->dropout > 0 ? zeros(kept, 1) : 0, zeros(n->images, 4),
                 zeros(n->images, 8)};
    for (int64_t k = 0; k < pixels; k++)
        data.images[k] = between(random, 0, 2) ? 0 : (uint8_t)between(random, 1, 255);
    for (int64_t k = 0; data.mask && k < kept; k++)
        data.mask[k] = symmetric(random) / 2 + .5f >= n->dropout;
    for (int i = 0; i < n->images; i++) {
        const int no_class = n->unlabelled && i % n->unlabelled == 0;
        data.labels[i] = no_class ? -1 : between(random, 0, n->classes - 1);
        const int other = between(random, 0, i);
        data.order[i] = data.order[other];
        data.order[other] = i;
    }
    return data;
}

typedef struct {
    double loss;
    uint64_t hash;
} Outcome;

// Trains for all epochs, then scores every image.
static Outcome trained(const Network *n, Random random, int apart) {
    Layer layers[MOST_CONV + 2];
    Engine e = planned(n, layers);
    place(&e, apart);
    draw_all_weights(&e, n->channels, &random);
    const Data data = draw_data(n, e.dropped, &random);
    float *logits = zeros((int64_t)n->images * n->classes, 4);
    Outcome found = {0, FNV_START};
    for (int epoch = 0; epoch < n->epochs; epoch++) {
        int64_t hits;
        found.loss += engine_train(&e, data.images, data.labels, data.order, n->images, data.mask,
                                   &hits);
        found.hash = fnv(found.hash, &hits, sizeof hits);
    }
    engine_score(&e, data.images, n->images, logits);
    found.hash = fnv_floats(found.hash, e.weight, e.parameters);
    found.hash = fnv_floats(found.hash, e.gradient, e.parameters);
    found.hash = fnv_floats(found.hash, e.running, e.statistics);
    found.hash = fnv_floats(found.hash, logits, (int64_t)n->images * n->classes);
    release();
    return found;
}

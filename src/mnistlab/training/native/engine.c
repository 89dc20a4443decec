// The native engine: trains and scores small networks on one core.
//
// Everything is channels last: an image is rows of positions, a position is its channels side by
// side, inner channels padded with zeros to whole vectors of 16. A layer's input is stored with its
// padding around it, so no loop asks where an image ends. Sums are fused multiply-adds in one
// written order on 16 lanes, whatever the processor's vectors are, so all variants that have FMA
// give the same bits (but where a result rounds up to the smallest normal number: x86 keeps it, ARM
// flushes it to 0).
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#ifndef SOURCE
#define SOURCE "unknown" // set when the package is built: the hash of this file
#endif
#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif
#define UNROLL _Pragma("clang loop unroll(full)") // else sums would live in memory
#define INLINE static inline __attribute__((always_inline))

enum { LANES = 16 };
typedef float v16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t i16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint8_t b16 __attribute__((vector_size(16), aligned(1), may_alias));
#define LOAD(p) (*(const v16 *)(p))
#define STORE(p, v) (*(v16 *)(p) = (v))
#define ALL(x) ((v16){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x})
#define WHERE(mask, v) ((v16)((i16)(v) & (i16)(mask))) // v where the mask is set, otherwise 0

// Tiles that fill the registers: ROWS x VECTORS sums, DOT_ROWS x DOT_OUTS dot products.
#if defined(__AVX512F__)
enum { ROWS = 8, VECTORS = 2, DOT_ROWS = 4, DOT_OUTS = 5 };
#elif defined(__AVX2__) || defined(__aarch64__)
enum { ROWS = 6, VECTORS = 1, DOT_ROWS = 2, DOT_OUTS = 2 };
#else
enum { ROWS = 3, VECTORS = 1, DOT_ROWS = 1, DOT_OUTS = 2 };
#endif

INLINE v16 fma16(v16 a, v16 b, v16 c) {
#if (defined(__FMA__) || defined(__aarch64__)) && __has_builtin(__builtin_elementwise_fma)
    return __builtin_elementwise_fma(a, b, c);
#else
    return a * b + c;
#endif
}

INLINE v16 sqrt16(v16 a) {
    v16 root;
    for (int i = 0; i < LANES; i++) root[i] = __builtin_sqrtf(a[i]);
    return root;
}

// 1/a to an ulp for a normal a > 0 (nonsense for infinity: by then training has diverged), where
// divisions would make all else wait: a guess from the bits, 12 % off, and three steps of Newton's
// method.
INLINE v16 inverse16(v16 a) {
    const i16 magic = (i16)ALL(0.f) + 0x7EF311C3;
    v16 r = (v16)(magic - (i16)a);
    for (int i = 0; i < 3; i++) r *= fma16(-a, r, ALL(2.f));
    return r;
}

INLINE v16 relu16(v16 a) { return (v16)((i16)a & ~(i16)(a < ALL(0.f))); } // NaN stays NaN

INLINE v16 max16(v16 a, v16 b) { // NaN if either is
    i16 second = (b > a) | (b != b);
    return (v16)((second & (i16)b) | (~second & (i16)a));
}

INLINE float sum16(v16 v) { // a tree over lanes: 8 + 8, 4 + 4, 2 + 2, 1 + 1
    v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    return v[0] + v[1];
}

// e^x for x <= 0: 2^n times a polynomial (the Taylor series to the 7th power, |r| <= ln 2 / 2)
static v16 exp16(v16 x) {
    const v16 least = ALL(-87.f),
              shift = ALL(12582912.f); // adding 1.5·2^23 rounds to whole numbers
    i16 low = x < least;
    x = (v16)((low & (i16)least) | (~low & (i16)x));
    v16 t = fma16(x, ALL(1.44269504f), shift), n = t - shift;
    v16 r = fma16(n, ALL(-0.693359375f), x);
    r = fma16(n, ALL(2.12194440e-4f), r);
    v16 p = ALL(1.f / 5040);
    const float terms[] = {1.f / 720, 1.f / 120, 1.f / 24, 1.f / 6, .5f, 1, 1};
    for (int i = 0; i < 7; i++) p = fma16(p, r, ALL(terms[i]));
    return (v16)((i16)p + (((i16)t - (i16)shift) << 23));
}

// ---- activations ----

enum { IDENTITY, RECTIFIED, LEAKY, TANH, GELU, SILU };
static const float LEAK = .01f; // PyTorch's default

INLINE v16 choose16(i16 mask, v16 a, v16 b) { return (v16)((mask & (i16)a) | (~mask & (i16)b)); }

INLINE v16 size16(v16 x) { return (v16)((i16)x & 0x7FFFFFFF); }

// tanh x: near 0 an odd polynomial (Cephes, tanhf), else (1 - e^-2|x|)/(1 + e^-2|x|) with x's sign
static v16 tanh16(v16 x) {
    const v16 size = size16(x), s = x * x, e = exp16(ALL(-2.f) * size);
    v16 p = ALL(-5.70498872745e-3f);
    const float terms[] = {2.06390887954e-2f, -5.37397155531e-2f, 1.33314422036e-1f,
                           -3.33332819422e-1f};
    for (int i = 0; i < 4; i++) p = fma16(p, s, ALL(terms[i]));
    const v16 near = fma16(p * s, x, x), far = (ALL(1.f) - e) / (ALL(1.f) + e);
    const v16 signed_far = (v16)((i16)far | ((i16)x & (int32_t)0x80000000));
    return choose16(size < ALL(.625f), near, choose16(x == x, signed_far, x));
}

// 1/(1 + e^-x)
static v16 sigmoid16(v16 x) {
    const v16 e = exp16(-size16(x));
    return choose16(x == x, choose16(x < ALL(0.f), e, ALL(1.f)) / (ALL(1.f) + e), x);
}

// The normal distribution's function, to 1e-7 (Abramowitz and Stegun 1964, 7.1.26), and density.
static v16 normal16(v16 x, v16 *density) {
    const v16 size = size16(x) * ALL(.70710678f), e = exp16(-size * size);
    const v16 t = ALL(1.f) / fma16(size, ALL(.3275911f), ALL(1.f));
    v16 p = ALL(1.061405429f);
    const float terms[] = {-1.453152027f, 1.421413741f, -.284496736f, .254829592f};
    for (int i = 0; i < 4; i++) p = fma16(p, t, ALL(terms[i]));
    const v16 tail = ALL(.5f) * p * t * e;
    *density = ALL(.39894228f) * e;
    return choose16(x == x, choose16(x < ALL(0.f), tail, ALL(1.f) - tail), x);
}

// An activation other than ReLU, and its slope at x. Not inlined: they would fill the loops around.
static __attribute__((noinline)) v16 curve(int activation, v16 x) {
    v16 density;
    switch (activation) {
    case TANH:
        return tanh16(x);
    case GELU:
        return x * normal16(x, &density);
    case SILU:
        return x * sigmoid16(x);
    default:
        return choose16(x > ALL(0.f), x, ALL(LEAK) * x);
    }
}

static __attribute__((noinline)) v16 slope(int activation, v16 x) {
    v16 density, y;
    switch (activation) {
    case TANH:
        y = tanh16(x);
        return fma16(-y, y, ALL(1.f));
    case GELU:
        y = normal16(x, &density);
        return fma16(x, density, y);
    case SILU:
        y = sigmoid16(x);
        return y * fma16(x, ALL(1.f) - y, ALL(1.f));
    default:
        return choose16(x > ALL(0.f), ALL(1.f), ALL(LEAK));
    }
}

// ---- layers ----

typedef struct {
    // what the caller sets; a linear layer has `channels` inputs, kernel = stride = side = 1
    int32_t linear, channels, side, padding, kernel, stride, filters, norm, activation, pool,
        pool_mean, average, dropout, frozen; // average: over all positions, after pooling
    // what engine_plan finds: filters in whole vectors, sides of the output before and after
    // pooling
    int32_t width, out, after;
    int64_t weight, bias, gamma, beta, end; // places in the parameters, a layer's side by side
    int64_t mean, variance;                 // places in the running statistics of batch-norm
    int64_t dropped;                        // where its features are in an image's dropout mask
    int64_t row, image, z_image;            // floats from one row, or image, to the next
    float *input, *z, *d_input, *d_z; // activations and their gradients; z before normalisation
    float *turned, *moments; // filters turned for the way back; mean, 1/deviation of a batch
    int64_t *taps, *places, *spots, *weight_rows, *outs; // where things lie, see find_places
} Layer;

enum { ADAM, ADAMW, SGD, NO_OPTIMIZER };

typedef struct {
    Layer *layers;
    int64_t count, batch;                 // layers; images a batch at most
    int64_t parameters, statistics, work; // sizes that engine_plan finds, in floats
    int64_t dropped;                      // features that dropout may take of an image
    float *weight, *gradient, *first, *second, *running, *memory; // arrays of these sizes
    int32_t optimizer, fixed_norm;                // fixed_norm: batch-norm as in inference
    float rate, decay, momentum, smoothing, kept; // kept: the share that dropout leaves
    double beta1_power, beta2_power;              // of the steps done; 1 at first
} Engine;

static int64_t whole(int64_t n) { return (n + LANES - 1) / LANES * LANES; }

// Whether the output before activation has a place of its own; it else lies, rectified, in the next
// layer's input, where nothing is normalised, pooled or padded between the two. Either way
// positions follow one another.
static int staged(const Layer *l, const Engine *e) {
    return l == e->layers + e->count - 1 || l->norm || l->pool > 1 || l->average
        || l->activation > RECTIFIED || l[1].padding;
}

static int rectified_in_place(const Layer *l, const Engine *e) {
    return l->activation == RECTIFIED && !staged(l, e);
}

// Whether the gradient of the input lies where the input does: a linear layer's takes its place
// part by part, and the first layer's is never asked for.
static int shares(const Layer *l, const Engine *e) { return l->linear || l == e->layers; }

static int64_t fan_in(const Layer *l) { return (int64_t)l->kernel * l->kernel * l->channels; }
static int64_t places(const Layer *l, int64_t batch) {
    return l->linear ? batch : (int64_t)l->out * l->out;
}

static int64_t weight_rows(const Layer *l) { return l->linear ? l->filters : fan_in(l); }

// Find the sizes of all arrays, from what the caller has set.
EXPORT void engine_plan(Engine *e) {
    e->parameters = e->statistics = e->dropped = 0;
    for (Layer *l = e->layers; l < e->layers + e->count; l++) {
        int64_t padded = l->side + 2 * l->padding;
        l->width = whole(l->filters);
        l->out = (padded - l->kernel) / l->stride + 1;
        l->after = l->out / l->pool;
        l->row = padded * l->channels;
        l->image = whole(padded * l->row) + LANES; // else images might share cache sets
        l->weight = e->parameters;
        l->bias = l->weight + fan_in(l) * (l->linear ? l->filters : l->width);
        l->gamma = l->bias + l->width;
        l->beta = l->gamma + (l->norm ? l->width : 0);
        l->end = e->parameters = l->beta + (l->norm ? l->width : 0);
        l->mean = e->statistics;
        l->variance = l->mean + (l->norm ? l->width : 0);
        e->statistics = l->variance + (l->norm ? l->width : 0);
        l->dropped = e->dropped;
        e->dropped += l->dropout ? l->channels : 0;
    }
    e->work = 0;
    for (Layer *l = e->layers; l < e->layers + e->count; l++) {
        int last = l == e->layers + e->count - 1;
        l->z_image = staged(l, e) ? places(l, 1) * l->width + (last ? 0 : LANES) : l[1].image;
        e->work +=
            e->batch * ((shares(l, e) ? 1 : 2) * l->image + (staged(l, e) ? 2 * l->z_image : 0))
            + 2 * l->width + (l->linear ? 0 : whole(fan_in(l) * l->filters))
            + 2 * (whole(fan_in(l)) + whole(weight_rows(l)) + whole(l->filters))
            + 4 * whole(places(l, e->batch));
    }
}

static void *take(float **memory, int64_t floats) {
    float *taken = *memory;
    *memory += whole(floats);
    return taken;
}

// Where in memory the numbers of a sum lie: taps in the input; positions (of a linear layer:
// images) in the input and in z; a tap's (a linear layer's filter's) row of weights; filters.
static void find_places(Layer *l, int64_t batch) {
    const int64_t length = l->kernel * l->channels, step = l->stride * l->channels;
    for (int64_t k = 0; k < fan_in(l); k++) l->taps[k] = k / length * l->row + k % length;
    for (int64_t k = 0; k < weight_rows(l); k++)
        l->weight_rows[k] = k * (l->linear ? l->channels : l->width);
    for (int64_t p = 0; p < places(l, batch); p++) {
        l->places[p] =
            l->linear ? p * l->image : p / l->out * l->stride * l->row + p % l->out * step;
        l->spots[p] = p * (l->linear ? l->z_image : l->width);
    }
    for (int64_t k = 0; k < l->filters; k++) l->outs[k] = k;
}

// Share the memory out; it holds zeros, and the padding around inputs stays so.
EXPORT void engine_place(Engine *e) {
    float *memory = e->memory;
    for (Layer *l = e->layers; l < e->layers + e->count; l++) {
        l->input = take(&memory, e->batch * l->image);
        l->d_input = shares(l, e) ? l->input : take(&memory, e->batch * l->image);
        l->moments = take(&memory, 2 * l->width);
        l->turned = take(&memory, l->linear ? 0 : fan_in(l) * l->filters);
        l->taps = take(&memory, 2 * fan_in(l)); // whole numbers of two floats
        l->weight_rows = take(&memory, 2 * weight_rows(l));
        l->places = take(&memory, 2 * places(l, e->batch));
        l->spots = take(&memory, 2 * places(l, e->batch));
        l->outs = take(&memory, 2 * l->filters);
        find_places(l, e->batch);
    }
    for (Layer *l = e->layers; l < e->layers + e->count; l++) {
        l->z = staged(l, e) ? take(&memory, e->batch * l->z_image) : l[1].input;
        l->d_z = staged(l, e) ? take(&memory, e->batch * l->z_image) : l[1].d_input;
    }
}

// ---- the tile ----

// Sums of products: to[j] = from + sum of a[j][k]·b[k] over the terms k of every image, for rows
// j, where a is a number and b are vectors.
typedef struct {
    const int64_t *a_rows, *to_rows;  // where the rows begin in a and in the result
    const int64_t *terms;             // where the terms of a row lie, from its beginning
    int64_t count, b_step;            // how many, at least one; from one to the next in b
    int64_t images, a_image, b_image; // and from image to image, at least one
} Sum;

// How a sum is stored: as it is; rectified; added to what is there; or where the number in its
// place is positive, in `from`, which then is no beginning of the sum.
enum { SET, RELU, ADD, GATE };

INLINE void tile(const Sum *s, int64_t row, const float *a, const float *b, const float *from,
                 float *to, int how, const int rows, const int vectors) {
    v16 t[ROWS][VECTORS];
    const float *x[ROWS];
    UNROLL for (int j = 0; j < rows; j++) {
        x[j] = a + s->a_rows[row + j];
        for (int g = 0; g < vectors; g++)
            t[j][g] = from && how != GATE ? LOAD(from + LANES * g) : ALL(0.f);
    }
    const int64_t b_step = s->b_step;
    int64_t i = 0;
    do {
        const float *y = b + i * s->b_image;
        const int64_t *term = s->terms, *end = term + s->count, image = i * s->a_image;
        do {
            const int64_t at = image + *term;
            v16 f[VECTORS];
            for (int g = 0; g < vectors; g++) f[g] = LOAD(y + LANES * g);
            for (int j = 0; j < rows; j++) {
                v16 number = ALL(x[j][at]);
                for (int g = 0; g < vectors; g++) t[j][g] = fma16(number, f[g], t[j][g]);
            }
            y += b_step;
        } while (++term < end);
    } while (++i < s->images);
    UNROLL for (int j = 0; j < rows; j++) UNROLL for (int g = 0; g < vectors; g++) {
        const int64_t at = s->to_rows[row + j] + LANES * g;
        v16 sum = t[j][g];
        if (how == ADD) sum += LOAD(to + at);
        if (how == RELU) sum = relu16(sum);
        if (how == GATE) sum = WHERE(LOAD(from + at) > ALL(0.f), sum);
        STORE(to + at, sum);
    }
}

#define TILE(N, G) \
    case N: \
        tile(s, row, a, b, from, to, how, N < ROWS ? N : ROWS, G); \
        break;
#define TILES(G) \
    switch (rows) { \
        TILE(1, G) TILE(2, G) TILE(3, G) TILE(4, G) TILE(5, G) TILE(6, G) TILE(7, G) TILE(8, G) \
    }

static void tile_of(const Sum *s, int64_t row, int64_t rows, int64_t vectors, const float *a,
                    const float *b, const float *from, float *to, int how) {
    if (vectors == 1) {
        TILES(1)
    } else {
        TILES(VECTORS)
    }
}

// The same for any number of rows and a width of whole vectors.
static void product(const Sum *s, int64_t rows, int64_t width, const float *a, const float *b,
                    const float *from, float *to, int how) {
    const int64_t blocks = (rows + ROWS - 1) / ROWS;
    for (int64_t c = 0, vectors; c < width; c += vectors * LANES) {
        vectors = width - c >= VECTORS * LANES ? VECTORS : 1;
        for (int64_t k = 0, row = 0, n; k < blocks; k++, row += n) {
            n = (rows - row + blocks - k - 1) / (blocks - k);
            tile_of(s, row, n, vectors, a, b + c, from ? from + c : 0, to + c, how);
        }
    }
}

// z[i][k] = bias[k] + x[i]·w[k], summed in 16 lanes, for `rows` images and `outs` outputs
INLINE void dots(const float *x, int64_t x_row, const float *w, int64_t n, const float *bias,
                 float *z, int64_t z_row, int rectify, const int rows, const int outs) {
    v16 t[DOT_ROWS][DOT_OUTS];
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < outs; k++) t[i][k] = ALL(0.f);
    for (int64_t f = 0; f < n; f += LANES) {
        v16 a[DOT_ROWS];
        for (int i = 0; i < rows; i++) a[i] = LOAD(x + i * x_row + f);
        for (int k = 0; k < outs; k++) {
            v16 b = LOAD(w + k * n + f);
            for (int i = 0; i < rows; i++) t[i][k] = fma16(a[i], b, t[i][k]);
        }
    }
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < outs; k++) {
            float sum = sum16(t[i][k]) + bias[k];
            z[i * z_row + k] = rectify && sum < 0 ? 0 : sum;
        }
}

static void linear(const Engine *e, const Layer *l, int64_t batch) {
    const float *w = e->weight + l->weight, *bias = e->weight + l->bias;
    const int rectify = rectified_in_place(l, e);
    for (int64_t i = 0, rows; i < batch; i += rows) {
        rows = batch - i >= DOT_ROWS ? DOT_ROWS : 1;
        for (int64_t k = 0, outs; k < l->filters; k += outs) {
            outs = l->filters - k >= DOT_OUTS ? DOT_OUTS : 1;
            const float *x = l->input + i * l->image, *v = w + k * l->channels;
            float *z = l->z + i * l->z_image + k;
#define DOTS(R, O) dots(x, l->image, v, l->channels, bias + k, z, l->z_image, rectify, R, O)
            if (rows == 1) {
                if (outs == 1) DOTS(1, 1);
                else DOTS(1, DOT_OUTS);
            } else {
                if (outs == 1) DOTS(DOT_ROWS, 1);
                else DOTS(DOT_ROWS, DOT_OUTS);
            }
        }
    }
}

// ---- forward ----

enum { CHUNK = 1 << 15 }; // floats: of so many images at a time that they stay in the cache

static int64_t images_at_a_time(const Layer *l) { return CHUNK / (l->image + l->z_image) + 1; }

static void convolve(const Engine *e, const Layer *l, int64_t first, int64_t end) {
    const Sum sum = {l->places, l->spots, l->taps, fan_in(l), l->width, 1, 0, 0};
    for (int64_t i = first; i < end; i++)
        product(&sum, places(l, 1), l->width, l->input + i * l->image, e->weight + l->weight,
                e->weight + l->bias, l->z + i * l->z_image, rectified_in_place(l, e) ? RELU : SET);
}

// Add an image's part to 16 sums; image by image, so that rounding stays small.
INLINE void accumulate(float *sums, v16 part, int64_t image) {
    STORE(sums, image ? LOAD(sums) + part : part);
}

// sums[c] = f over all positions, for 16 channels at a time; `at` is their place in z. Image by
// image, so that an image stays in the cache and rounding stays small.
#define SUM_POSITIONS(sums, first, end, f) \
    for (int64_t i = first; i < end; i++) \
        for (int64_t c = 0; c < l->width; c += LANES) { \
            v16 part = ALL(0.f); \
            for (int64_t p = 0; p < l->out * l->out; p++) { \
                const int64_t at = i * l->z_image + p * l->width + c; \
                part += f; \
            } \
            accumulate(sums + c, part, i); \
        }

static const float EPSILON = 1e-5f, STEP = .1f; // of batch-norm, PyTorch's defaults

// A convolution, and with batch-norm the sums of its outputs while they are at hand.
static void convolve_and_sum(const Engine *e, const Layer *l, int64_t batch) {
    const int64_t images = images_at_a_time(l);
    for (int64_t first = 0; first < batch; first += images) {
        const int64_t end = batch - first < images ? batch : first + images;
        convolve(e, l, first, end);
        if (l->norm) SUM_POSITIONS(l->moments, first, end, LOAD(l->z + at))
    }
}

// Mean and 1/deviation of the batch, whose sums are there, or of the running statistics.
static void moments(const Engine *e, const Layer *l, int64_t batch, int training) {
    const float count = (float)(batch * l->out * l->out),
                unbiased = count > 1 ? count / (count - 1) : 1;
    float *mean = l->moments, *variance = l->moments + l->width; // and in the end 1/deviation
    float *running_mean = e->running + l->mean, *running_variance = e->running + l->variance;
    if (training && !e->fixed_norm) {
        for (int64_t c = 0; c < l->width; c += LANES) STORE(mean + c, LOAD(mean + c) / ALL(count));
        SUM_POSITIONS(variance, 0, batch,
                      (LOAD(l->z + at) - LOAD(mean + c)) * (LOAD(l->z + at) - LOAD(mean + c)))
        for (int64_t c = 0; c < l->width; c += LANES) {
            STORE(variance + c, LOAD(variance + c) / ALL(count));
            v16 m = LOAD(running_mean + c), v = LOAD(running_variance + c);
            STORE(running_mean + c, m + ALL(STEP) * (LOAD(mean + c) - m));
            STORE(running_variance + c, v + ALL(STEP) * (LOAD(variance + c) * ALL(unbiased) - v));
        }
    } else {
        memcpy(mean, running_mean, sizeof(float) * l->width);
        memcpy(variance, running_variance, sizeof(float) * l->width);
    }
    for (int64_t c = 0; c < l->width; c += LANES)
        STORE(variance + c, ALL(1.f) / sqrt16(LOAD(variance + c) + ALL(EPSILON)));
}

// What makes a staged layer's output of z: normalisation, activation, pooling.
typedef struct {
    v16 mean, inverse, gamma, beta;
} Norm;

INLINE Norm norm_of(const Engine *e, const Layer *l, int64_t c) {
    if (!l->norm) return (Norm){ALL(0.f), ALL(1.f), ALL(1.f), ALL(0.f)};
    return (Norm){LOAD(l->moments + c), LOAD(l->moments + l->width + c),
                  LOAD(e->weight + l->gamma + c), LOAD(e->weight + l->beta + c)};
}

INLINE v16 normalised(const Layer *l, const Norm *n, v16 z) {
    return l->norm ? fma16((z - n->mean) * n->inverse, n->gamma, n->beta) : z;
}

INLINE v16 activated(const Layer *l, v16 x) {
    if (l->activation == RECTIFIED) return relu16(x);
    return l->activation == IDENTITY ? x : curve(l->activation, x);
}

INLINE v16 output_of(const Layer *l, const Norm *n, v16 z) {
    return activated(l, normalised(l, n, z));
}

// The outputs that are pooled, their maximum or mean, the first of them made of z.
INLINE v16 pooled(const Layer *l, const Norm *n, const float *z) {
    v16 one = output_of(l, n, LOAD(z));
    for (int64_t u = 0; u < l->pool; u++)
        for (int64_t v = u == 0; v < l->pool; v++) {
            const v16 other = output_of(l, n, LOAD(z + (u * l->out + v) * l->width));
            one = l->pool_mean ? one + other : max16(one, other);
        }
    return l->pool_mean ? one * ALL(1 / (float)(l->pool * l->pool)) : one;
}

// Of an average over all positions, one's share.
INLINE v16 share_of(const Layer *l) { return ALL(1 / (float)(l->after * l->after)); }

// Where the next layer's input has a position of this one's output.
INLINE int64_t place_after(const Layer *l, int64_t r, int64_t q) {
    const Layer *next = l + 1;
    if (l->average) return 0;
    if (next->linear) return (r * l->after + q) * l->width;
    return (r + next->padding) * next->row + (q + next->padding) * l->width;
}

static void normalise_and_pool(const Engine *e, const Layer *l, int64_t batch) {
    for (int64_t i = 0; i < batch; i++)
        for (int64_t c = 0; c < l->width; c += LANES) {
            const Norm norm = norm_of(e, l, c);
            const float *z = l->z + i * l->z_image + c;
            float *to = l[1].input + i * l[1].image + c;
            v16 total = ALL(0.f);
            for (int64_t r = 0; r < l->after; r++)
                for (int64_t q = 0; q < l->after; q++) {
                    const v16 y = pooled(l, &norm, z + (r * l->out + q) * l->pool * l->width);
                    if (l->average) total += y;
                    else STORE(to + place_after(l, r, q), y);
                }
            if (l->average) STORE(to, total * share_of(l));
        }
}

// Features that dropout leaves, scaled up; the others 0. The same for activations and their
// gradients.
static void drop(const Engine *e, const Layer *l, float *at, const uint8_t *mask, int64_t batch) {
    const v16 scale = ALL(1 / e->kept);
    for (int64_t i = 0; i < batch; i++)
        for (int64_t f = 0; f < l->channels; f += LANES) {
            i16 keep = __builtin_convertvector(*(const b16 *)(mask + i * e->dropped + f), i16) != 0;
            float *x = at + i * l->image + f;
            STORE(x, WHERE(keep, LOAD(x) * scale));
        }
}

// The images `order` (or the first ones) as floats in [0, 1]; meanwhile the `ahead` after them are
// fetched.
static void read_images(const Layer *l, const uint8_t *images, const int64_t *order, int64_t batch,
                        int64_t ahead) {
    const int64_t rows = l->linear ? 1 : l->side,
                  length = l->linear ? l->channels : l->side * l->channels;
    for (int64_t i = batch; order && i < batch + ahead; i++)
        for (int64_t k = 0; k < rows * length; k += 64)
            __builtin_prefetch(images + order[i] * rows * length + k);
    for (int64_t i = 0; i < batch; i++)
        for (int64_t r = 0; r < rows; r++) {
            const uint8_t *from = images + ((order ? order[i] : i) * rows + r) * length;
            float *to =
                l->input + i * l->image + (r + l->padding) * l->row + l->padding * l->channels;
            for (int64_t k = 0; k < length; k += LANES) {
                const int64_t at =
                    k + LANES <= length ? k : length - LANES; // the last vector overlaps
                STORE(to + at,
                      __builtin_convertvector(*(const b16 *)(from + at), v16) * ALL(1 / 255.f));
            }
        }
}

static void forward(const Engine *e, int64_t batch, const uint8_t *mask, int training) {
    for (const Layer *l = e->layers; l < e->layers + e->count; l++) {
        if (training && l->dropout) drop(e, l, l->input, mask + l->dropped, batch);
        if (l->linear) linear(e, l, batch);
        else convolve_and_sum(e, l, batch);
        if (l->norm) moments(e, l, batch, training);
        if (l < e->layers + e->count - 1 && staged(l, e)) normalise_and_pool(e, l, batch);
    }
}

// ---- loss ----

// ln x for a normal x > 0: 2·artanh((m - 1)/(m + 1)) + n·ln 2 with x = m·2^n, m about 1
static double log_of(double x) {
    union {
        double value;
        int64_t bits;
    } u = {x};
    int64_t n = (u.bits - 0x3FE6A09E667F3BCD) >> 52; // the bits of sqrt(1/2)
    u.bits -= n * (INT64_C(1) << 52);
    double s = (u.value - 1) / (u.value + 1), square = s * s, series = 0;
    for (int k = 21; k > 0; k -= 2) series = series * square + 1.0 / k;
    return 2 * s * series + (double)n * 0.69314718055994530942;
}

// Sum of the losses of a batch; the last layer's d_z becomes their gradient divided by `batch`.
// Label -1 is no class: every class has an equal share. `hits` counts right answers.
static double softmax(const Engine *e, const int32_t *labels, const int64_t *order, int64_t batch,
                      int64_t *hits) {
    const Layer *l = e->layers + e->count - 1;
    const i16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    double loss = 0;
    for (int64_t i = 0; i < batch; i++) {
        const float *z = l->z + i * l->z_image;
        float *d = l->d_z + i * l->z_image;
        const int32_t label = labels[order[i]];
        const float equal = (label < 0 ? 1 : e->smoothing) / (float)l->filters;
        const float own = label < 0 ? 0 : 1 - e->smoothing;
        int64_t top = 0;
        double total = 0, all = 0;
        for (int64_t k = 0; k < l->filters; k++) {
            if (z[k] > z[top] || (z[k] != z[k] && z[top] == z[top])) top = k;
            all += z[k];
        }
        for (int64_t k = 0; k < l->width; k += LANES) {
            i16 real = lane + (int32_t)k < (int32_t)l->filters;
            v16 p = WHERE(real, exp16(LOAD(z + k) - ALL(z[top])));
            STORE(d + k, p);
            total += sum16(p);
        }
        for (int64_t k = 0; k < l->width; k += LANES) {
            i16 real = lane + (int32_t)k < (int32_t)l->filters;
            v16 p = LOAD(d + k) / ALL((float)total);
            STORE(d + k, WHERE(real, (p - ALL(equal)) / ALL((float)batch)));
        }
        if (label >= 0) d[label] -= own / (float)batch;
        loss += log_of(total) + z[top] - equal * all - (label < 0 ? 0 : own * z[label]);
        *hits += top == label;
    }
    return loss;
}

// ---- backward ----

// d_z of one place, normalised x, from the gradient d of its output.
INLINE v16 unactivated(const Layer *l, v16 x, v16 d) {
    if (l->activation == RECTIFIED) return WHERE(x > ALL(0.f), d);
    return l->activation == IDENTITY ? d : d * slope(l->activation, x);
}

// d_z of 16 channels of an image from the gradient of what the next layer was given: each maximum's
// to the first place that has it, a mean's shared out. Also their sum, and that of d_z times z as
// batch-norm has it.
static void unpool_channels(const Layer *l, const Norm *norm, const float *z, const float *d_next,
                            float *d_z, v16 *sum, v16 *product) {
    const v16 part = ALL(1 / (float)(l->pool * l->pool));
    *sum = *product = ALL(0.f);
    for (int64_t r = 0; r < l->after; r++)
        for (int64_t q = 0; q < l->after; q++) {
            const int64_t first = (r * l->out + q) * l->pool * l->width;
            v16 d = LOAD(d_next + place_after(l, r, q));
            if (l->average) d *= share_of(l);
            if (l->pool_mean) d *= part;
            const v16 most = l->pool_mean ? ALL(0.f) : pooled(l, norm, z + first);
            i16 waiting = l->activation == RECTIFIED ? most > ALL(0.f) : most == most;
            for (int64_t u = 0; u < l->pool; u++)
                for (int64_t v = 0; v < l->pool; v++) {
                    const int64_t at = first + (u * l->out + v) * l->width;
                    const v16 x = normalised(l, norm, LOAD(z + at));
                    v16 mine;
                    if (l->pool_mean) {
                        mine = unactivated(l, x, d);
                    } else {
                        const i16 here = waiting & (activated(l, x) == most);
                        waiting &= ~here;
                        mine = WHERE(here, d);
                        if (l->activation > RECTIFIED) mine *= slope(l->activation, x);
                    }
                    STORE(d_z + at, mine);
                    *sum += mine;
                    *product += mine * ((LOAD(z + at) - norm->mean) * norm->inverse);
                }
        }
}

// d_z of all images, and with batch-norm the gradients of beta and gamma.
static void unpool(const Engine *e, const Layer *l, int64_t batch) {
    for (int64_t i = 0; i < batch; i++) {
        float *d_z = l->d_z + i * l->z_image;
        if (l->out % l->pool) memset(d_z, 0, sizeof(float) * l->z_image);
        for (int64_t c = 0; c < l->width; c += LANES) {
            const Norm norm = norm_of(e, l, c);
            v16 d_beta, d_gamma;
            unpool_channels(l, &norm, l->z + i * l->z_image + c, l[1].d_input + i * l[1].image + c,
                            d_z + c, &d_beta, &d_gamma);
            if (!l->norm) continue;
            accumulate(e->gradient + l->beta + c, d_beta, i);
            accumulate(e->gradient + l->gamma + c, d_gamma, i);
        }
    }
}

// Through batch-norm, d_z of images `first` to `end` in place (Ioffe and Szegedy 2015).
static void unnormalise(const Engine *e, const Layer *l, int64_t first, int64_t end,
                        int64_t batch) {
    const v16 count = ALL((float)(batch * l->out * l->out)), zero = ALL(0.f);
    const float *d_beta = e->gradient + l->beta, *d_gamma = e->gradient + l->gamma;
    for (int64_t i = first; i < end; i++)
        for (int64_t c = 0; c < l->width; c += LANES) {
            const Norm n = norm_of(e, l, c);
            const v16 shift = e->fixed_norm ? zero : LOAD(d_beta + c) / count;
            const v16 slope = e->fixed_norm ? zero : LOAD(d_gamma + c) / count;
            for (int64_t p = 0; p < l->out * l->out; p++) {
                const int64_t at = i * l->z_image + p * l->width + c;
                v16 unit = (LOAD(l->z + at) - n.mean) * n.inverse;
                STORE(l->d_z + at,
                      n.gamma * n.inverse * (LOAD(l->d_z + at) - shift - unit * slope));
            }
        }
}

// d_z = 0 where the output was not positive.
static void rectify(const Layer *l, int64_t batch) {
    for (int64_t i = 0; i < batch; i++)
        for (int64_t k = i * l->z_image, end = k + places(l, 1) * l->width; k < end; k += LANES)
            STORE(l->d_z + k, WHERE(LOAD(l->z + k) > ALL(0.f), LOAD(l->d_z + k)));
}

static void bias_gradient(const Engine *e, const Layer *l, int64_t first, int64_t end) {
    float *sums = e->gradient + l->bias;
    if (l->norm && !e->fixed_norm)
        memset(sums, 0, sizeof(float) * l->width); // batch-norm takes any bias away
    else SUM_POSITIONS(sums, first, end, LOAD(l->d_z + at))
}

enum { PART = 64 }; // features: what both products need of them stays in the first cache

// A linear layer's gradients, a part of the features at a time: that of the input replaces it.
static void linear_gradients(const Engine *e, const Layer *l, int64_t batch, int inputs) {
    const Sum images = {l->outs, l->weight_rows, l->spots, batch, l->image, 1, 0, 0};
    const Sum filters = {l->spots, l->places, l->outs, l->filters, l->channels, 1, 0, 0};
    const int gate = l > e->layers && rectified_in_place(l - 1, e);
    const float *weight = e->weight + l->weight;
    for (int64_t f = 0; f < l->channels; f += PART) {
        const int64_t width = l->channels - f < PART ? l->channels - f : PART;
        if (!l->frozen)
            product(&images, l->filters, width, l->d_z, l->input + f, 0,
                    e->gradient + l->weight + f, SET);
        if (inputs)
            product(&filters, batch, width, l->d_z, weight + f, gate ? l->input + f : 0,
                    l->d_input + f, gate ? GATE : SET);
    }
}

static void filter_gradient(const Engine *e, const Layer *l, int64_t first, int64_t end) {
    const Sum sum = {l->taps,  l->weight_rows, l->places, places(l, 1),
                     l->width, end - first,    l->image,  l->z_image};
    product(&sum, fan_in(l), l->width, l->input + first * l->image, l->d_z + first * l->z_image, 0,
            e->gradient + l->weight, first ? ADD : SET);
}

static void turn_filters(const Engine *e, const Layer *l) {
    const float *w = e->weight + l->weight;
    const int64_t size = fan_in(l);
    for (int64_t k = 0; k < size; k++)
        for (int64_t c = 0; c < l->filters; c++) l->turned[c * size + k] = w[k * l->width + c];
}

static void input_gradient(const Layer *l, int64_t first, int64_t end) {
    const int64_t size = fan_in(l);
    const Sum sum = {l->spots, l->places, l->outs, l->filters, size, 1, 0, 0};
    memset(l->d_input + first * l->image, 0, sizeof(float) * (end - first) * l->image);
    for (int64_t i = first; i < end; i++) // tap by tap, so that sums are in the order of the taps
        for (int64_t k = 0; k < size; k += l->channels)
            product(&sum, places(l, 1), l->channels, l->d_z + i * l->z_image, l->turned + k, 0,
                    l->d_input + i * l->image + l->taps[k], ADD);
}

// A convolution's gradients, and what it passes on to the layer below if that is asked for.
static void filter_gradients(const Engine *e, const Layer *l, int64_t batch, int inputs) {
    if (inputs) turn_filters(e, l);
    const int64_t images = images_at_a_time(l);
    for (int64_t first = 0; first < batch; first += images) {
        const int64_t end = batch - first < images ? batch : first + images;
        if (l->norm) unnormalise(e, l, first, end, batch);
        bias_gradient(e, l, first, end);
        if (!l->frozen) filter_gradient(e, l, first, end);
        if (inputs) input_gradient(l, first, end);
    }
}

static void backward(const Engine *e, int64_t batch, const uint8_t *mask) {
    const Layer *last = e->layers + e->count - 1, *lowest = e->layers;
    while (lowest < last && lowest->frozen)
        lowest++; // below it nothing learns, and no gradient is needed
    for (const Layer *l = last; l >= lowest; l--) {
        if (l < last && staged(l, e)) unpool(e, l, batch);
        else if (rectified_in_place(l, e) && !l[1].linear)
            rectify(l, batch); // a linear layer has done it
        if (l->linear) {
            bias_gradient(e, l, 0, batch);
            linear_gradients(e, l, batch, l > lowest);
        } else {
            filter_gradients(e, l, batch, l > lowest);
        }
        if (l > lowest && l->dropout) drop(e, l, l->d_input, mask + l->dropped, batch);
    }
}

// ---- optimizers ----

// Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019), SGD with momentum; PyTorch's
// defaults.
static void update(Engine *e) {
    if (e->optimizer == NO_OPTIMIZER) return;
    e->beta1_power *= .9, e->beta2_power *= .999;
    const v16 rate = ALL((float)(e->rate / (1 - e->beta1_power)));
    const v16 root = ALL(1.f) / sqrt16(ALL((float)(1 - e->beta2_power)));
    for (const Layer *l = e->layers; l < e->layers + e->count; l++) {
        if (l->frozen) continue;
        for (int64_t k = l->weight; k < l->end; k += LANES) {
            v16 p = LOAD(e->weight + k), g = LOAD(e->gradient + k), m = LOAD(e->first + k);
            if (e->optimizer == ADAMW) p *= ALL(1 - e->rate * e->decay);
            else g = fma16(ALL(e->decay), p, g);
            if (e->optimizer == SGD) {
                m = fma16(ALL(e->momentum), m, g);
                p -= ALL(e->rate) * m;
            } else {
                v16 v = LOAD(e->second + k);
                m = fma16(ALL(.1f), g - m, m);
                v = fma16(ALL(.001f) * g, g, ALL(.999f) * v);
                p -= rate * m * inverse16(fma16(sqrt16(v), root, ALL(1e-8f)));
                STORE(e->second + k, v);
            }
            STORE(e->first + k, m);
            STORE(e->weight + k, p);
        }
    }
}

// ---- augmentation ----
// Pictures (SIDE, SIDE) sampled at other places, and their lines made thicker or thinner. Floats
// are added and multiplied in one written order, so every processor gives the same bytes.

enum { SIDE = 28, AREA = SIDE * SIDE, POINTS = 5, ROOM = SIDE + 2, STRIDE = 32 };

INLINE float larger(float a, float b) { return a > b ? a : b; }

// A place brought to the nearest one that is at most a pixel outside the picture; NaN to the first.
INLINE float within_room(float place) {
    place = larger(place, 0);
    return place < ROOM - 1 ? place : ROOM - 1;
}

INLINE float byte_of(uint32_t four, int which) { return (int)(four >> (8 * which) & 255); }

// The four pixels around each place, a byte each, so that one load brings all that interpolation
// needs; zeros outside the picture. Place (0, 0) is one pixel above and left of the first pixel.
static void pack_neighbours(const uint8_t *picture, uint32_t *packed) {
    uint8_t padded[(ROOM + 2) * STRIDE] = {0};
    for (int y = 0; y < SIDE; y++) memcpy(padded + (y + 1) * STRIDE + 1, picture + y * SIDE, SIDE);
    for (int i = 0; i < ROOM * STRIDE; i++) {
        const uint8_t *above = padded + i, *below = above + STRIDE;
        packed[i] = above[0] | above[1] << 8 | below[0] << 16 | (uint32_t)below[1] << 24;
    }
}

// Where each pixel is taken from on one axis: places (SIDE, SIDE), counted as above; `map` is that
// axis's row of an affine map of (x, y, 1) about the picture's centre.
static void seen_places(const float *map, float *places) {
    const float middle = (SIDE - 1) / 2.0f, start = map[2] + middle + 1;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            places[y * SIDE + x] = map[0] * (x - middle) + map[1] * (y - middle) + start;
}

// Moves places by displacements (POINTS, POINTS), interpolated along each axis by spline (POINTS,
// SIDE).
static void bend(const float *displacements, const float *spline, float *places) {
    float across[POINTS][SIDE] = {{0}};
    for (int row = 0; row < POINTS; row++)
        for (int point = 0; point < POINTS; point++)
            for (int x = 0; x < SIDE; x++)
                across[row][x] += displacements[row * POINTS + point] * spline[point * SIDE + x];
    for (int y = 0; y < SIDE; y++)
        for (int row = 0; row < POINTS; row++)
            for (int x = 0; x < SIDE; x++)
                places[y * SIDE + x] += spline[row * SIDE + y] * across[row][x];
}

// Bilinear interpolation of packed pixels at places xs and ys.
static void sample(const uint32_t *packed, const float *xs, const float *ys, float *pixels) {
    for (int i = 0; i < AREA; i++) {
        float x = within_room(xs[i]), y = within_room(ys[i]);
        int left = (int)x, top = (int)y;
        uint32_t four = packed[top * STRIDE + left];
        float above = byte_of(four, 0) + (x - left) * (byte_of(four, 1) - byte_of(four, 0));
        float below = byte_of(four, 2) + (x - left) * (byte_of(four, 3) - byte_of(four, 2));
        pixels[i] = above + (y - top) * (below - above);
    }
}

// Blends pixels by `amount` with the largest of their 3×3 neighbours, zeros around the picture; by
// a negative amount with the smallest, which is the largest of the negated pixels, negated.
static void thicken(float amount, float *pixels) {
    const float sign = amount < 0 ? -1.0f : 1.0f;
    float padded[ROOM * STRIDE] = {0}, column[SIDE * STRIDE];
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            padded[(y + 1) * STRIDE + x + 1] = sign * pixels[y * SIDE + x];
    for (int i = 0; i < SIDE * STRIDE; i++)
        column[i] = larger(larger(padded[i], padded[i + STRIDE]), padded[i + 2 * STRIDE]);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const float *three = column + y * STRIDE + x;
            float extreme = sign * larger(larger(three[0], three[1]), three[2]);
            pixels[y * SIDE + x] += sign * amount * (extreme - pixels[y * SIDE + x]);
        }
}

// Pictures (count, SIDE, SIDE) varied and rounded. Maps (count, 2, 3), rows x and y, lead from a
// place in the new picture to one in the old, in pixels about the centre; displacements
// (count, 2, POINTS, POINTS), x and y, are in pixels, or NULL; amounts (count), -1 to 1, thicken or
// thin. `to` is other memory than `from`.
EXPORT void engine_warp(const uint8_t *from, uint8_t *to, int64_t count, const float *maps,
                        const float *displacements, const float *spline, const float *amounts) {
    uint32_t packed[ROOM * STRIDE];
    float places[2][AREA], pixels[AREA];
    for (int64_t n = 0; n < count; n++) {
        pack_neighbours(from + n * AREA, packed);
        for (int axis = 0; axis < 2; axis++) {
            const int64_t row = 2 * n + axis;
            seen_places(maps + row * 3, places[axis]);
            if (displacements) bend(displacements + row * POINTS * POINTS, spline, places[axis]);
        }
        sample(packed, places[0], places[1], pixels);
        if (amounts[n] != 0) thicken(amounts[n], pixels);
        for (int i = 0; i < AREA; i++) to[n * AREA + i] = (uint8_t)(int)(pixels[i] + 0.5f);
    }
}

// ---- what Python calls ----

// Denormals count as 0 while the engine works: L2 on pixels that are always 0 drives weights there,
// where arithmetic is many times slower. The register is restored on return.
static uint64_t flush_denormals(void) {
    uint64_t before = 0;
#if defined(__x86_64__)
    before = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr((uint32_t)before | 0x8040);
#elif defined(__aarch64__)
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | (1 << 24)));
#endif
    return before;
}

static void restore_denormals(uint64_t before) {
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr((uint32_t)before);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
#endif
}

// Learn from images (n, side, side, channels) in the order (count,), a batch at a time; labels (n,)
// int32. `mask` (count, dropped) says what dropout leaves, in the order of learning. Sum of the
// losses.
EXPORT double engine_train(Engine *e, const uint8_t *images, const int32_t *labels,
                           const int64_t *order, int64_t count, const uint8_t *mask,
                           int64_t *hits) {
    const uint64_t before = flush_denormals();
    double loss = 0;
    *hits = 0;
    for (int64_t at = 0; at < count; at += e->batch) {
        const int64_t batch = count - at < e->batch ? count - at : e->batch;
        const uint8_t *kept = mask ? mask + at * e->dropped : 0;
        const int64_t left = count - at - batch;
        read_images(e->layers, images, order + at, batch, left < batch ? left : batch);
        forward(e, batch, kept, 1);
        loss += softmax(e, labels, order + at, batch, hits);
        backward(e, batch, kept);
        update(e);
    }
    restore_denormals(before);
    return loss;
}

// Logits (n, classes) of images (n, side, side, channels).
EXPORT void engine_score(const Engine *e, const uint8_t *images, int64_t n, float *logits) {
    const uint64_t before = flush_denormals();
    const Layer *first = e->layers, *last = first + e->count - 1;
    const int64_t size =
        first->linear ? first->channels : (int64_t)first->side * first->side * first->channels;
    for (int64_t at = 0; at < n; at += e->batch) {
        const int64_t batch = n - at < e->batch ? n - at : e->batch;
        read_images(first, images + at * size, 0, batch, 0);
        forward(e, batch, 0, 0);
        for (int64_t i = 0; i < batch; i++)
            memcpy(logits + (at + i) * last->filters, last->z + i * last->z_image,
                   sizeof(float) * last->filters);
    }
    restore_denormals(before);
}

EXPORT const char *engine_source(void) { return SOURCE; }

// The best of this file's x86-64 levels that processor and system support: 2, 3 (AVX2) or 4
// (AVX-512).
EXPORT int engine_level(void) {
#if defined(__x86_64__)
    unsigned a, b, c, d, low = 0, high;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 2;
    const int fma = (c >> 12 & 1) && (c >> 22 & 1) && (c >> 29 & 1); // FMA, MOVBE, F16C
    if (c >> 27 & 1) __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !fma) return 2;
    const unsigned bits3 = 1 << 3 | 1 << 5 | 1 << 8; // BMI1, AVX2, BMI2
    const unsigned bits4 =
        1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31; // F, DQ, CD, BW, VL
    if ((b & bits3) != bits3 || (low & 6) != 6) return 2;
    return (b & bits4) == bits4 && (low & 0xE6) == 0xE6 ? 4 : 3;
#else
    return 0;
#endif
}

/* draw.c: random values as pure functions of a key and a place.
 *
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3") turns a counter of four words into four words.  The
 * counter of element (item, feature) holds the item and the group of PER features it stands in; key words 0 and 1 are Philox's key,
 * words 2 and 3 stand in the counter. */
#include "vm/kernel/multi/multi.h"

enum { PER = REAL_BITS == 32 ? 4 : 2, LANES = 64 };          /* values of a counter; counters worked at once, at most */
typedef struct Words { uint32_t w[4]; } Words;

/* Lanes to work for so many wanted: whole vectors, so that no loop has a rest. */
static inline int whole_lanes(int wanted) { return (wanted + 15) & ~15; }
#define EACH_LANE for (int l = 0; l < lanes; l++)

static inline __attribute__((always_inline)) Words philox(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t k0, uint32_t k1) {
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++, k0 += 0x9e3779b9u, k1 += 0xbb67ae85u) {
        uint64_t p = (uint64_t)c0 * 0xd2511f53u, q = (uint64_t)c2 * 0xcd9e8d57u;
        c0 = (uint32_t)(q >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)q;
        c2 = (uint32_t)(p >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p;
    }
    return (Words){ { c0, c1, c2, c3 } };
}

/* Words of neighboring counters: those of neighboring items of one group, or of neighboring groups of one item. */
static void words_of_items(uint32_t w[4][LANES], const uint32_t key[4], int64_t item, uint32_t group, int lanes) {
    uint32_t low = (uint32_t)item, high = (uint32_t)((uint64_t)item >> 32);
    EACH_LANE {
        uint32_t c0 = low + (uint32_t)l, c1 = high + (c0 < low);
        Words out = philox(c0, c1 ^ key[2], group, key[3], key[0], key[1]);
        w[0][l] = out.w[0]; w[1][l] = out.w[1]; w[2][l] = out.w[2]; w[3][l] = out.w[3];
    }
}
static void words_of_groups(uint32_t w[4][LANES], const uint32_t key[4], int64_t item, uint32_t group, int lanes) {
    uint32_t low = (uint32_t)item, high = (uint32_t)((uint64_t)item >> 32);
    EACH_LANE {
        Words out = philox(low, high ^ key[2], group + (uint32_t)l, key[3], key[0], key[1]);
        w[0][l] = out.w[0]; w[1][l] = out.w[1]; w[2][l] = out.w[2]; w[3][l] = out.w[3];
    }
}

/* --- words to values ------------------------------------------------------------------------------------------------------ */

#if REAL_BITS == 32
static inline float uniform_of(uint32_t w) { return (float)(int32_t)(w >> 8) * 0x1p-24f; }

static void uniforms(REAL v[PER][LANES], uint32_t w[4][LANES], int lanes) {
    for (int j = 0; j < PER; j++)
        EACH_LANE v[j][l] = uniform_of(w[j][l]);
}

/* Box and Muller: a radius from one word (31 bits, never 0) and an angle from another. */
static inline void normal_pair(float *x, float *y, uint32_t u, uint32_t a) {
    float radius = M(sqrt)(-2 * log_positive(((float)(int32_t)(u >> 1) + 0.5f) * 0x1p-31f, 0));
    float angle = (float)(int32_t)(a << 2) * (0x1p-32f * 1.57079633f);          /* from the middle of a quarter */
    *x = radius * turned_sin(angle, (a >> 30) + 1);
    *y = radius * turned_sin(angle, a >> 30);
}
#else
/* 53 bits of two words, as a whole number. */
static inline double wide_of(uint32_t high, uint32_t low) {
    return (double)(int32_t)(high >> 5) * 0x1p26 + (double)(int32_t)(low >> 6);
}
static void uniforms(REAL v[PER][LANES], uint32_t w[4][LANES], int lanes) {
    for (int j = 0; j < PER; j++)
        EACH_LANE v[j][l] = wide_of(w[2 * j][l], w[2 * j + 1][l]) * 0x1p-53;
}

static inline void normal_pair(double *x, double *y, double u, double a) {
    double radius = M(sqrt)(-2 * log_positive((u + 0.5) * 0x1p-53, 0));
    double t = FMA(a, 0x1p-51, ROUNDER), angle = (a * 0x1p-51 - (t - ROUNDER)) * 1.5707963267948966;
    *x = radius * turned_sin(angle, bits_of(t) + 1);
    *y = radius * turned_sin(angle, bits_of(t));
}
#endif

/* Normals of the pairs that hold the features from..to-1 of a group. */
static void normals(REAL v[PER][LANES], uint32_t w[4][LANES], int from, int to, int lanes) {
    for (int j = from & ~1; j < to; j += 2)
        EACH_LANE
#if REAL_BITS == 32
            normal_pair(&v[j][l], &v[j + 1][l], w[j][l], w[j + 1][l]);
#else
            normal_pair(&v[j][l], &v[j + 1][l], wide_of(w[0][l], w[1][l]), wide_of(w[2][l], w[3][l]));
#endif
}

/* --- values to their places ----------------------------------------------------------------------------------------------- */

typedef struct Draw { bool normal; REAL *to; const uint32_t *key; int64_t i0, items, f0, features; ptrdiff_t item_stride, feature_stride; } Draw;

static void values_of(const Draw *d, REAL v[PER][LANES], uint32_t w[4][LANES], int from, int to, int lanes) {
    if (d->normal) normals(v, w, from, to, lanes);
    else uniforms(v, w, lanes);
}

/* Items in the lanes: one group of features at a time. */
static void draw_by_items(const Draw *d) {
    int64_t end = d->f0 + d->features;
    for (int64_t group = d->f0 / PER; group * PER < end; group++) {
        int from = d->f0 > group * PER ? (int)(d->f0 - group * PER) : 0, to = end - group * PER < PER ? (int)(end - group * PER) : PER;
        for (int64_t i = 0; i < d->items; i += LANES) {
            int wanted = d->items - i < LANES ? (int)(d->items - i) : LANES, lanes = whole_lanes(wanted);
            uint32_t w[4][LANES];
            REAL v[PER][LANES];
            words_of_items(w, d->key, d->i0 + i, (uint32_t)group, lanes);
            values_of(d, v, w, from, to, lanes);
            for (int j = from; j < to; j++) {
                REAL *out = d->to + (group * PER + j - d->f0) * d->feature_stride + i * d->item_stride;
                if (d->item_stride == 1) memcpy(out, v[j], sizeof v[j][0] * (size_t)wanted);
                else for (int l = 0; l < wanted; l++) out[l * d->item_stride] = v[j][l];
            }
        }
    }
}

/* The features from..to-1 of a line of groups, to out[feature * stride]. */
static void place_features(REAL *restrict out, REAL v[PER][LANES], int from, int to, ptrdiff_t stride) {
    if (stride == 1 && from == 0 && to % PER == 0) {
        for (int l = 0; l < to / PER; l++)
            for (int j = 0; j < PER; j++) out[l * PER + j] = v[j][l];
        return;
    }
    for (int f = from; f < to; f++) out[f * stride] = v[f % PER][f / PER];
}

/* Groups of features in the lanes: one item at a time. */
static void draw_by_features(const Draw *d) {
    int64_t end = d->f0 + d->features;
    for (int64_t i = 0; i < d->items; i++)
        for (int64_t group = d->f0 / PER; group * PER < end; group += LANES) {
            int from = d->f0 > group * PER ? (int)(d->f0 - group * PER) : 0;
            int to = end - group * PER < PER * LANES ? (int)(end - group * PER) : PER * LANES, lanes = whole_lanes((to + PER - 1) / PER);
            uint32_t w[4][LANES];
            REAL v[PER][LANES];
            words_of_groups(w, d->key, d->i0 + i, (uint32_t)group, lanes);
            values_of(d, v, w, 0, PER, lanes);
            place_features(d->to + i * d->item_stride + (group * PER - d->f0) * d->feature_stride, v, from, to, d->feature_stride);
        }
}

/* The way that writes values together, where one fills a vector's lanes; else the one that fills more. */
static void draw(const Draw *d) {
    if (d->items <= 0 || d->features <= 0) return;
    bool lines = d->feature_stride == 1 && d->features >= 16 * PER, rows = d->item_stride == 1 && d->items >= 16;
    if (lines || (!rows && d->items * PER < d->features)) draw_by_features(d);
    else draw_by_items(d);
}

void KERNEL(uniform)(void *to, const uint32_t key[4], int64_t i0, int64_t items, int64_t f0, int64_t features, ptrdiff_t item_stride,
                     ptrdiff_t feature_stride) {
    draw(&(Draw){ false, to, key, i0, items, f0, features, item_stride, feature_stride });
}
void KERNEL(normal)(void *to, const uint32_t key[4], int64_t i0, int64_t items, int64_t f0, int64_t features, ptrdiff_t item_stride,
                    ptrdiff_t feature_stride) {
    draw(&(Draw){ true, to, key, i0, items, f0, features, item_stride, feature_stride });
}

/* --- permutations --------------------------------------------------------------------------------------------------------- */

/* A number x below size is a pair (high, low) = (x / low_size, x % low_size), and the pairs are hardly more than size.  A Feistel
 * network turns pairs into pairs: in each round one half is moved, around its range, by a hash of the other.  It is a bijection, and so is
 * walking on along it until the pair is a number below size again. */
enum { ROUNDS = 8 };
typedef struct Network { uint32_t high_size, low_size, key[ROUNDS]; } Network;

static Network network_of(const uint32_t key[4], uint64_t size) {
    uint64_t high = (uint64_t)sqrt((double)size);
    while (high * high < size) high++;
    Network net = { .high_size = (uint32_t)high, .low_size = (uint32_t)((size + high - 1) / high) };
    for (uint32_t i = 0; i < ROUNDS; i += 4) {
        Words w = philox(i, 0, key[2], key[3], key[0], key[1]);
        memcpy(net.key + i, w.w, sizeof w.w);
    }
    return net;
}

/* x moved around 0..size-1 by a hash of y. */
static inline __attribute__((always_inline)) uint32_t moved(uint32_t x, uint32_t size, uint32_t y, uint32_t key) {
    uint32_t h = y ^ key;
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    h ^= h >> 16;
    x += (uint32_t)((uint64_t)h * size >> 32);
    return x >= size ? x - size : x;
}

static inline __attribute__((always_inline)) void walk(const Network *net, uint32_t *high, uint32_t *low) {
#pragma GCC unroll 8
    for (int i = 0; i < ROUNDS; i += 2) {
        *high = moved(*high, net->high_size, *low, net->key[i]);
        *low = moved(*low, net->low_size, *high, net->key[i + 1]);
    }
}

void KERNEL(permutation)(void *to, const uint32_t key[4], int64_t size, int64_t i0, int64_t n, ptrdiff_t stride) {
    const Network net = network_of(key, (uint64_t)size);
    uint32_t high = (uint32_t)(i0 / net.low_size), low = (uint32_t)(i0 % net.low_size);
    for (int64_t i = 0; i < n; i += LANES) {
        uint32_t h[LANES], l[LANES];
        for (int j = 0; j < LANES; j++) {
            h[j] = high;
            l[j] = low;
            if (++low == net.low_size) {
                low = 0;
                high++;
            }
        }
        for (int j = 0; j < LANES; j++) walk(&net, &h[j], &l[j]);
        for (int j = 0; j < LANES && i + j < n; j++) {
            uint64_t x;
            while ((x = (uint64_t)h[j] * net.low_size + l[j]) >= (uint64_t)size) walk(&net, &h[j], &l[j]);
            ((REAL *)to)[(i + j) * stride] = (REAL)x;
        }
    }
}

/* kernel_test.c: the leaf loops.  Accuracy against wider arithmetic, fixed trees, panels that do not show, the same bits from each
 * build, known random vectors, moments of draws, permutations, threads. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "vm/kernel/kernel.h"

enum { PAD = 64 };

/* --- helpers -------------------------------------------------------------------------------------------------------------- */

/* The kernels of one build, or null where the processor does not run it. */
static const Kernels *build_of(const char *name, Precision precision) {
    const char *why;
    setenv("EBM_KERNELS", name, 1);
    const Kernels *k = kernels_for(precision, &why);
    unsetenv("EBM_KERNELS");
    return k;
}

/* Each build there is, in both precisions. */
static int all_builds(const Kernels *list[4]) {
    int n = 0;
    for (int p = 0; p < 2; p++)
        for (int b = 0; b < 2; b++) {
            const Kernels *k = build_of(b ? "v4" : "v3", p ? PRECISION_F64 : PRECISION_F32);
            if (k) list[n++] = k;
        }
    assert_true(n >= 2);
    return n;
}

/* Zeroed room for n values, padded as the machine pads. */
static void *values_new(const Kernels *k, int64_t n) {
    size_t bytes = ((size_t)(n + PAD) * k->bytes + 63) / 64 * 64;
    void *p = aligned_alloc(64, bytes);
    assert_non_null(p);
    memset(p, 0, bytes);
    return p;
}
static double get(const Kernels *k, const void *x, int64_t i) {
    return k->bytes == sizeof(double) ? ((const double *)x)[i] : (double)((const float *)x)[i];
}
static void set(const Kernels *k, void *x, int64_t i, double v) {
    if (k->bytes == sizeof(double)) ((double *)x)[i] = v;
    else ((float *)x)[i] = (float)v;
}
static double rounded(const Kernels *k, double v) { return k->bytes == sizeof(double) ? v : (double)(float)v; }

static uint64_t noise_state = 1;
static double noise(double from, double to) {
    uint64_t z = noise_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return from + (to - from) * (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}
static void *noise_new(const Kernels *k, int64_t n, double from, double to) {
    void *x = values_new(k, n);
    for (int64_t i = 0; i < n; i++) set(k, x, i, noise(from, to));
    return x;
}

static bool same_value(double a, double b) { return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b)); }
static void assert_same(const Kernels *k, const void *a, const void *b, int64_t n, const char *what) {
    for (int64_t i = 0; i < n; i++)
        if (!same_value(get(k, a, i), get(k, b, i))) fail_msg("%s: %s: value %ld is %a, not %a", k->name, what, (long)i, get(k, a, i), get(k, b, i));
}

static double map_value(const Kernels *k, Op op, double x, double y) {
    char room[4][64] __attribute__((aligned(64))) = { { 0 } };
    void *reg[3] = { room[0], room[1], room[2] };
    TileStep step = { (uint8_t)op, 2, 0, 1, 1 };
    set(k, reg[0], 0, x);
    set(k, reg[1], 0, y);
    k->tile(&step, 1, reg, 1);
    return get(k, reg[2], 0);
}

/* --- maps ----------------------------------------------------------------------------------------------------------------- */

static long double sigmoid_exact(long double x)  { return 1 / (1 + expl(-x)); }
static long double softplus_exact(long double x) { return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x)); }

typedef struct Sweep { const char *name; Op op; long double (*exact)(long double); double from, to, ulp32, ulp64; } Sweep;
static const Sweep sweeps[] = {
    { "exp", OP_exp, expl, -87.3, 88.7, 1.5, 1.5 },          { "exp", OP_exp, expl, -1, 1, 1.5, 1.5 },
    { "exp", OP_exp, expl, -700, 700, 1.5, 1.5 },
    { "expm1", OP_expm1, expm1l, -20, 88, 2, 2 },            { "expm1", OP_expm1, expm1l, -.5, .5, 2, 2 },
    { "expm1", OP_expm1, expm1l, -1e-4, 1e-4, 2, 2 },
    { "log", OP_log, logl, 1e-30, 1e-20, 2, 2 },             { "log", OP_log, logl, .3, 3, 2, 2 },
    { "log", OP_log, logl, .99, 1.01, 2, 2 },                { "log", OP_log, logl, 1, 1e30, 2, 2 },
    { "log1p", OP_log1p, log1pl, -.9, 3, 2, 2 },             { "log1p", OP_log1p, log1pl, -1e-3, 1e-3, 2, 2 },
    { "log1p", OP_log1p, log1pl, 0, 1e9, 2, 2 },
    { "tanh", OP_tanh, tanhl, -10, 10, 2, 2.5 },             { "tanh", OP_tanh, tanhl, -1, 1, 2, 2.5 },
    { "tanh", OP_tanh, tanhl, -1e-3, 1e-3, 2, 2.5 },
    { "sigmoid", OP_sigmoid, sigmoid_exact, -87, -10, 2, 2 }, { "sigmoid", OP_sigmoid, sigmoid_exact, -10, 20, 2.5, 2.5 }, { "sigmoid", OP_sigmoid, sigmoid_exact, -1, 1, 2, 2 },
    { "softplus", OP_softplus, softplus_exact, -80, 80, 2, 2 }, { "softplus", OP_softplus, softplus_exact, -2, 2, 2, 2 },
    { "sin", OP_sin, sinl, -10, 10, 2, 2 },                  { "sin", OP_sin, sinl, -9e4, 9e4, 2, 2 },
    { "cos", OP_cos, cosl, -10, 10, 2, 2 },                  { "cos", OP_cos, cosl, -9e4, 9e4, 2, 2 },
    { "sin", OP_sin, sinl, -1e9, 1e9, 2, 2 },                { "cos", OP_cos, cosl, -1e9, 1e9, 2, 2 },
    { "erf", OP_erf, erfl, -5, 5, 2, 2 },                    { "erf", OP_erf, erfl, -1e-2, 1e-2, 2, 2 },
    { "sqrt", OP_sqrt, sqrtl, 0, 1e6, .51, .51 },            { "floor", OP_floor, floorl, -1e6, 1e6, 0, 0 },
};

/* Distance in units of the last place of the exact value. */
static double ulps(const Kernels *k, double value, long double exact) {
    if (isinf(value) && (double)rounded(k, (double)exact) == value) return 0;
    int e;
    (void)frexpl(exact, &e);
    int least = k->bytes == sizeof(double) ? -1021 : -125;
    long double unit = ldexpl(1, (e < least ? least : e) - (k->bytes == sizeof(double) ? 53 : 24));
    return (double)(fabsl((long double)value - exact) / unit);
}

static void test_accuracy(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    bool print = getenv("KERNEL_TEST_PRINT") != NULL;
    for (int b = 0; b < n; b++) {
        const Kernels *k = list[b];
        bool wide = k->bytes == sizeof(double);
        for (size_t s = 0; s < sizeof sweeps / sizeof *sweeps; s++) {
            const Sweep *w = &sweeps[s];
            if (!wide && w->to > 300 && w->op == OP_exp) continue;
            double worst = 0, at = 0;
            for (int t = 0; t < 20; t++) {
                void *x = noise_new(k, TILE, w->from, w->to), *y = values_new(k, TILE), *reg[2] = { x, y };
                k->tile(&(TileStep){ (uint8_t)w->op, 1, 0, 0, 0 }, 1, reg, TILE);
                for (int i = 0; i < TILE; i++) {
                    double u = ulps(k, get(k, y, i), w->exact((long double)get(k, x, i)));
                    if (!(u <= worst)) { worst = u; at = get(k, x, i); }
                }
                free(x);
                free(y);
            }
            if (print) printf("%s %-8s %10g .. %-10g %.2f ulp at %a\n", k->name, w->name, w->from, w->to, worst, at);
            if (!(worst <= (wide ? w->ulp64 : w->ulp32))) fail_msg("%s: %s is %g ulp off at %a", k->name, w->name, worst, at);
        }
    }
}

static void test_two_operands(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    for (int b = 0; b < n; b++) {
        const Kernels *k = list[b];
        double worst_pow = 0, worst_angle = 0;
        for (int i = 0; i < 20000; i++) {
            double x = rounded(k, noise(0, i % 2 ? 4 : 1000)), y = rounded(k, noise(-9, 9));
            double u = ulps(k, map_value(k, OP_pow, x, y), powl((long double)x, (long double)y));
            if (!(u <= worst_pow)) worst_pow = u;
            x = rounded(k, noise(-3, 3));
            u = ulps(k, map_value(k, OP_atan2, x, y), atan2l((long double)x, (long double)y));
            if (!(u <= worst_angle)) worst_angle = u;
        }
        if (getenv("KERNEL_TEST_PRINT")) printf("%s pow %.2f atan2 %.2f ulp\n", k->name, worst_pow, worst_angle);
        assert_true(worst_pow <= 1);
        assert_true(worst_angle <= 2.5);
    }
}

typedef struct Special { Op op; double x, y, value; } Special;
static const Special specials[] = {
    { OP_exp, -INFINITY, 0, 0 }, { OP_exp, INFINITY, 0, INFINITY }, { OP_exp, NAN, 0, NAN }, { OP_exp, 0, 0, 1 }, { OP_exp, 1000, 0, INFINITY },
    { OP_exp, -1000, 0, 0 }, { OP_expm1, -INFINITY, 0, -1 }, { OP_expm1, INFINITY, 0, INFINITY }, { OP_expm1, NAN, 0, NAN }, { OP_expm1, 0, 0, 0 },
    { OP_log, 0, 0, -INFINITY }, { OP_log, -1, 0, NAN }, { OP_log, INFINITY, 0, INFINITY }, { OP_log, 1, 0, 0 }, { OP_log, NAN, 0, NAN },
    { OP_log, -INFINITY, 0, NAN }, { OP_log1p, -1, 0, -INFINITY }, { OP_log1p, -2, 0, NAN }, { OP_log1p, INFINITY, 0, INFINITY },
    { OP_log1p, 0, 0, 0 }, { OP_log1p, NAN, 0, NAN }, { OP_tanh, INFINITY, 0, 1 }, { OP_tanh, -INFINITY, 0, -1 }, { OP_tanh, NAN, 0, NAN },
    { OP_tanh, -0.0, 0, -0.0 }, { OP_sigmoid, -INFINITY, 0, 0 }, { OP_sigmoid, INFINITY, 0, 1 }, { OP_sigmoid, 0, 0, .5 }, { OP_sigmoid, NAN, 0, NAN },
    { OP_softplus, INFINITY, 0, INFINITY }, { OP_softplus, -INFINITY, 0, 0 }, { OP_softplus, NAN, 0, NAN }, { OP_sqrt, -1, 0, NAN },
    { OP_sqrt, INFINITY, 0, INFINITY }, { OP_sin, 0, 0, 0 }, { OP_cos, 0, 0, 1 }, { OP_sin, INFINITY, 0, NAN }, { OP_cos, -INFINITY, 0, NAN },
    { OP_sin, NAN, 0, NAN }, { OP_erf, INFINITY, 0, 1 }, { OP_erf, -INFINITY, 0, -1 }, { OP_erf, NAN, 0, NAN }, { OP_abs, -0.0, 0, 0 },
    { OP_sign, -3, 0, -1 }, { OP_sign, 0, 0, 0 }, { OP_neg, 2, 0, -2 },
    { OP_pow, 0, 0, 1 }, { OP_pow, 0, 2, 0 }, { OP_pow, 0, -1, INFINITY }, { OP_pow, -2, 3, -8 }, { OP_pow, -2, 2, 4 }, { OP_pow, -2, -1, -.5 },
    { OP_pow, -2, .5, NAN }, { OP_pow, INFINITY, 2, INFINITY }, { OP_pow, INFINITY, -2, 0 }, { OP_pow, INFINITY, 0, 1 }, { OP_pow, .5, INFINITY, 0 },
    { OP_pow, 2, INFINITY, INFINITY }, { OP_pow, 1, INFINITY, 1 }, { OP_pow, -1, INFINITY, 1 }, { OP_pow, NAN, 0, 1 }, { OP_pow, 1, NAN, 1 },
    { OP_pow, NAN, 1, NAN }, { OP_pow, 2, NAN, NAN }, { OP_pow, 3, 4, 81 }, { OP_pow, 10, 200, INFINITY }, { OP_pow, 4, .5, 2 },
    { OP_pow, -INFINITY, 3, -INFINITY }, { OP_pow, 16777216, 2, 281474976710656.0 },
    { OP_atan2, 0, 0, 0 }, { OP_atan2, 0, 1, 0 }, { OP_atan2, -0.0, 1, -0.0 }, { OP_atan2, NAN, 1, NAN }, { OP_atan2, 1, NAN, NAN },
    { OP_max, 1, 2, 2 }, { OP_min, 1, 2, 1 }, { OP_mod, -1, 3, 2 }, { OP_gate, 0, INFINITY, 0 }, { OP_gate, 2, 3, 6 }, { OP_lt, 1, 2, 1 },
    { OP_le, 2, 2, 1 }, { OP_eq, 2, 3, 0 }, { OP_ne, NAN, NAN, 1 },
};

static void test_specials(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    for (int b = 0; b < n; b++)
        for (size_t s = 0; s < sizeof specials / sizeof *specials; s++) {
            const Special *p = &specials[s];
            if (p->x == 10 && list[b]->bytes == sizeof(double)) continue;   /* 1e200 is a double */
            double v = map_value(list[b], p->op, p->x, p->y);
            bool same = isnan(p->value) ? isnan(v) : v == p->value && signbit(v) == signbit(p->value);
            if (!same) fail_msg("%s: special %zu: op %d of %g and %g gives %g, not %g", list[b]->name, s, (int)p->op, p->x, p->y, v, p->value);
        }
    static const double angles[][3] = { { 0, -1, M_PI }, { -0.0, -1, -M_PI }, { 1, 0, M_PI_2 }, { -1, 0, -M_PI_2 }, { INFINITY, INFINITY, M_PI_4 },
        { INFINITY, -INFINITY, 3 * M_PI_4 }, { 1, INFINITY, 0 }, { 1, -INFINITY, M_PI }, { INFINITY, 1, M_PI_2 } };
    for (int b = 0; b < n; b++)
        for (size_t s = 0; s < sizeof angles / sizeof *angles; s++)
            assert_true(fabs(map_value(list[b], OP_atan2, angles[s][0], angles[s][1]) - angles[s][2]) < 3e-7);
}

/* A program of several steps, in place, at each count. */
static void test_tile_program(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    for (int b = 0; b < n; b++) {
        const Kernels *k = list[b];
        for (int count = 1; count <= TILE; count += count < 70 ? 1 : 61) {
            void *x = noise_new(k, TILE, -2, 2), *y = noise_new(k, TILE, -2, 2), *z = values_new(k, TILE), *reg[3] = { x, y, z };
            double *expect = malloc(sizeof(double) * (size_t)count);
            assert_non_null(expect);
            for (int i = 0; i < count; i++) {
                double s = rounded(k, get(k, x, i) * get(k, y, i));
                expect[i] = get(k, y, i) != 0 && s < get(k, x, i) ? s : rounded(k, s - get(k, x, i));
            }
            double after = get(k, z, count);
            TileStep steps[] = { { OP_mul, 2, 0, 1, 0 }, { OP_lt, 1, 2, 0, 0 }, { OP_sub, 0, 2, 0, 0 }, { OP_select, 2, 1, 2, 0 } };
            k->tile(steps, 4, reg, count);
            for (int i = 0; i < count; i++) assert_true(same_value(get(k, z, i), expect[i]));
            assert_true(get(k, z, count) == after);
            free(expect);
            free(x);
            free(y);
            free(z);
        }
    }
}

/* --- the same bits from each build ---------------------------------------------------------------------------------------- */

static const Op maps[] = {
#define MAP1(name, ...) OP_##name,
#define MAP2(name, ...) OP_##name,
#define MAP3(name, ...) OP_##name,
#define FOLD(...)
#define OTHER(...)
#include "vm/base/ops.def"
#undef MAP1
#undef MAP2
#undef MAP3
#undef FOLD
#undef OTHER
};

/* Any bit pattern, and values in sensible ranges between. */
static void *wild_new(const Kernels *k, int64_t n) {
    void *x = noise_new(k, n, -6, 6);
    for (int64_t i = 0; i < n; i += 3) {
        uint64_t bits = (uint64_t)noise(0, 0x1p53) << 11 ^ (uint64_t)noise(0, 0x1p53);
        memcpy((char *)x + (size_t)i * k->bytes, &bits, k->bytes);
    }
    return x;
}

static void test_builds_agree_on_maps(void **state) {
    (void)state;
    for (int p = 0; p < 2; p++) {
        const Kernels *a = build_of("v3", p ? PRECISION_F64 : PRECISION_F32), *b = build_of("v4", p ? PRECISION_F64 : PRECISION_F32);
        if (!b) skip();
        for (size_t m = 0; m < sizeof maps / sizeof *maps; m++)
            for (int t = 0; t < 12; t++) {
                unsigned before = t % 2 ? flush_set() : 0;
                void *x = wild_new(a, TILE), *y = wild_new(a, TILE), *z = wild_new(a, TILE), *va = values_new(a, TILE), *vb = values_new(a, TILE);
                int count = t < 6 ? TILE : 1 + 37 * t % 100;
                TileStep step = { (uint8_t)maps[m], 3, 0, 1, 2 };
                a->tile(&step, 1, (void *[]){ x, y, z, va }, count);
                b->tile(&step, 1, (void *[]){ x, y, z, vb }, count);
                if (t % 2) flush_restore(before);
                char what[32];
                snprintf(what, sizeof what, "map %zu", m);
                assert_same(a, vb, va, TILE, what);
                free(x); free(y); free(z); free(va); free(vb);
            }
    }
}

static void test_builds_agree_on_folds(void **state) {
    (void)state;
    static const Op folds[] = { OP_sum, OP_prod, OP_maximum, OP_minimum, OP_logsumexp };
    for (int p = 0; p < 2; p++) {
        const Kernels *a = build_of("v3", p ? PRECISION_F64 : PRECISION_F32), *b = build_of("v4", p ? PRECISION_F64 : PRECISION_F32);
        if (!b) skip();
        for (int t = 0; t < 30; t++) {
            int rows = (int)noise(1, t % 2 ? 40 : 900), lanes = (int)noise(1, 150), stride = lanes + t % 5;
            void *x = noise_new(a, (int64_t)rows * stride, -1.5, 1.5), *y = noise_new(a, (int64_t)rows * stride, -1.5, 1.5);
            void *va = values_new(a, 200), *vb = values_new(a, 200);
            for (int f = 0; f < 5; f++) {
                a->fold_rows(folds[f], va, x, rows, lanes, stride);
                b->fold_rows(folds[f], vb, x, rows, lanes, stride);
                assert_same(a, vb, va, lanes, "fold_rows");
                a->fold_line(folds[f], va, x, (int64_t)rows * lanes, 1 + t % 2 * 0);
                b->fold_line(folds[f], vb, x, (int64_t)rows * lanes, 1);
                assert_same(a, vb, va, 1, "fold_line");
            }
            for (int c = 0; c < 4; c++) {
                a->lane_dot(va, x, y, rows, lanes, stride, c & 1, stride, c >> 1);
                b->lane_dot(vb, x, y, rows, lanes, stride, c & 1, stride, c >> 1);
                assert_same(a, vb, va, lanes, "lane_dot");
            }
            free(x); free(y); free(va); free(vb);
        }
    }
}

static void test_builds_agree_on_draws(void **state) {
    (void)state;
    for (int p = 0; p < 2; p++) {
        const Kernels *a = build_of("v3", p ? PRECISION_F64 : PRECISION_F32), *b = build_of("v4", p ? PRECISION_F64 : PRECISION_F32);
        if (!b) skip();
        uint32_t key[4] = { 1, 2, 3, 4 };
        void *va = values_new(a, 20000), *vb = values_new(a, 20000);
        a->normal(va, key, 77, 1000, 3, 20, 1, 1000);
        b->normal(vb, key, 77, 1000, 3, 20, 1, 1000);
        assert_same(a, vb, va, 20000, "normal");
        a->uniform(va, key, 77, 1000, 3, 20, 20, 1);
        b->uniform(vb, key, 77, 1000, 3, 20, 20, 1);
        assert_same(a, vb, va, 20000, "uniform");
        a->permutation(va, key, 20000, 0, 20000, 1);
        b->permutation(vb, key, 20000, 0, 20000, 1);
        assert_same(a, vb, va, 20000, "permutation");
        free(va);
        free(vb);
    }
}

/* --- folds ---------------------------------------------------------------------------------------------------------------- */

/* The tree over leaves, written as the definition says it: pairs of equal height join at once, the rest from the youngest up. */
static double tree_of(const Kernels *k, double *leaf, int64_t n, Op op) {
    int height[64], depth = 0;
    double part[64];
    for (int64_t i = 0; i < n; i++) {
        part[depth] = leaf[i];
        height[depth++] = 0;
        while (depth > 1 && (height[depth - 1] == height[depth - 2] || i == n - 1)) {
            depth--;
            part[depth - 1] = rounded(k, op == OP_prod ? part[depth - 1] * part[depth] : part[depth - 1] + part[depth]);
            height[depth - 1]++;
        }
    }
    return part[0];
}

static void test_fold_rows_tree(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    static const int sizes[] = { 1, 2, 5, 255, 256, 257, 512, 600, 1024, 1700, 2817 };
    for (int b = 0; b < n; b++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            const Kernels *k = list[b];
            int rows = sizes[s], lanes = 67;
            void *x = noise_new(k, (int64_t)rows * lanes, .99, 1.01), *to = values_new(k, lanes);
            for (int f = 0; f < 2; f++) {
                Op op = f ? OP_prod : OP_sum;
                k->fold_rows(op, to, x, rows, lanes, lanes);
                for (int c = 0; c < lanes; c++) {
                    double leaf[16];
                    int leaves = 0;
                    for (int r0 = 0; r0 < rows; r0 += 256, leaves++) {
                        leaf[leaves] = f;
                        for (int r = r0; r < rows && r < r0 + 256; r++) {
                            double v = get(k, x, (int64_t)r * lanes + c);
                            leaf[leaves] = rounded(k, f ? leaf[leaves] * v : leaf[leaves] + v);
                        }
                    }
                    assert_true(same_value(get(k, to, c), tree_of(k, leaf, leaves, op)));
                }
            }
            free(x);
            free(to);
        }
}

static void test_fold_line_tree(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    static const int sizes[] = { 1, 3, 16, 17, 255, 256, 300, 1000, 2400 };
    for (int b = 0; b < n; b++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int stride = 1; stride <= 3; stride++) {
                const Kernels *k = list[b];
                int count = sizes[s];
                void *x = noise_new(k, (int64_t)count * stride, -1, 1), *to = values_new(k, 1);
                k->fold_line(OP_sum, to, x, count, stride);
                double leaf[16];
                int leaves = 0;
                for (int i0 = 0; i0 < count; i0 += 256, leaves++) {
                    double acc[16] = { 0 };
                    for (int i = i0; i < count && i < i0 + 256; i++) acc[i % 16] = rounded(k, acc[i % 16] + get(k, x, (int64_t)i * stride));
                    for (int half = 8; half > 0; half /= 2)
                        for (int l = 0; l < half; l++) acc[l] = rounded(k, acc[l] + acc[l + half]);
                    leaf[leaves] = acc[0];
                }
                assert_true(same_value(get(k, to, 0), tree_of(k, leaf, leaves, OP_sum)));
                double most = -INFINITY, least = INFINITY, exps = 0;
                for (int i = 0; i < count; i++) {
                    double v = get(k, x, (int64_t)i * stride);
                    most = fmax(most, v);
                    least = fmin(least, v);
                    exps += exp(v);
                }
                k->fold_line(OP_maximum, to, x, count, stride);
                assert_true(get(k, to, 0) == most);
                k->fold_line(OP_minimum, to, x, count, stride);
                assert_true(get(k, to, 0) == least);
                k->fold_line(OP_logsumexp, to, x, count, stride);
                assert_true(fabs(get(k, to, 0) - log(exps)) < (k->bytes == 8 ? 1e-13 : 1e-5));
                free(x);
                free(to);
            }
}

static void test_fold_edges(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    for (int b = 0; b < n; b++) {
        const Kernels *k = list[b];
        void *x = values_new(k, 6), *to = values_new(k, 2);
        double in[6] = { -INFINITY, 1, -INFINITY, NAN, -INFINITY, INFINITY };
        for (int i = 0; i < 6; i++) set(k, x, i, in[i]);
        k->fold_rows(OP_logsumexp, to, x, 3, 2, 2);
        assert_true(get(k, to, 0) == -INFINITY);
        assert_true(isnan(get(k, to, 1)));
        k->fold_rows(OP_maximum, to, x, 3, 2, 2);
        assert_true(isnan(get(k, to, 1)));
        k->fold_line(OP_logsumexp, to, x, 3, 2);
        assert_true(get(k, to, 0) == -INFINITY);
        k->fold_line(OP_logsumexp, to, (char *)x + 4 * k->bytes, 2, 1);
        assert_true(get(k, to, 0) == INFINITY);
        k->fold_line(OP_maximum, to, x, 6, 1);
        assert_true(isnan(get(k, to, 0)));
        k->fold_line(OP_sum, to, x, 0, 1);
        assert_true(get(k, to, 0) == 0);
        k->fold_line(OP_prod, to, x, 0, 1);
        assert_true(get(k, to, 0) == 1);
        k->fold_line(OP_maximum, to, x, 0, 1);
        assert_true(get(k, to, 0) == -INFINITY);
        k->fold_rows(OP_minimum, to, x, 0, 2, 2);
        assert_true(get(k, to, 0) == INFINITY);
        free(x);
        free(to);
    }
}

/* --- order along an axis -------------------------------------------------------------------------------------------------- */

static void test_along(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    for (int b = 0; b < n; b++) {
        const Kernels *k = list[b];
        double in[8] = { 3, 1, NAN, 2, 1, 3, -0.0, 0 };
        void *x = values_new(k, 16), *to = values_new(k, 16), *scratch = values_new(k, 24);
        for (int i = 0; i < 8; i++) set(k, x, 2 * i, in[i]);
        k->argsort_line(to, x, 8, 1, 2, false, scratch);
        static const int up[8] = { 6, 7, 1, 4, 3, 0, 5, 2 }, down[8] = { 0, 5, 3, 1, 4, 6, 7, 2 };
        for (int i = 0; i < 8; i++) assert_true(get(k, to, i) == up[i]);
        k->argsort_line(to, x, 8, 2, 2, true, scratch);
        for (int i = 0; i < 8; i++) assert_true(get(k, to, 2 * i) == down[i]);
        k->arg_line(true, to, x, 8, 2);
        assert_true(get(k, to, 0) == 2);
        set(k, x, 4, 3);
        k->arg_line(true, to, x, 8, 2);
        assert_true(get(k, to, 0) == 0);
        k->arg_line(false, to, x, 8, 2);
        assert_true(get(k, to, 0) == 6);
        k->cumsum_line(to, x, 8, 1, 2, false);
        static const double sums[8] = { 3, 4, 7, 9, 10, 13, 13, 13 }, back[8] = { 13, 10, 9, 6, 4, 3, 0, 0 };
        for (int i = 0; i < 8; i++) assert_true(get(k, to, i) == sums[i]);
        k->cumsum_line(to, x, 8, 1, 2, true);
        for (int i = 0; i < 8; i++) assert_true(get(k, to, i) == back[i]);
        free(x); free(to); free(scratch);
    }
}

static void test_argsort_and_arg_at_random(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    for (int b = 0; b < n; b++)
        for (int t = 0; t < 40; t++) {
            const Kernels *k = list[b];
            int count = 1 + t * t, lanes = 1 + t * 3;
            void *x = values_new(k, (int64_t)count * lanes), *to = values_new(k, count > lanes ? count : lanes), *scratch = values_new(k, 3 * count);
            for (int i = 0; i < count * lanes; i++) set(k, x, i, t % 3 ? floor(noise(-15, 15)) : noise(-1e3, 1));
            k->argsort_line(to, x, count, 1, 1, t % 2, scratch);
            for (int i = 1; i < count; i++) {
                int64_t p = (int64_t)get(k, to, i - 1), q = (int64_t)get(k, to, i);
                double u = get(k, x, p), v = get(k, x, q);
                assert_true((t % 2 ? u > v : u < v) || (u == v && p < q));
            }
            k->arg_rows(t % 2, to, x, count, lanes, lanes);
            for (int c = 0; c < lanes; c++) {
                int best = 0;
                for (int r = 1; r < count; r++) {
                    double v = get(k, x, r * lanes + c), u = get(k, x, best * lanes + c);
                    if (t % 2 ? v > u : v < u) best = r;
                }
                assert_true(get(k, to, c) == best);
            }
            free(x); free(to); free(scratch);
        }
}

static void test_moves(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    for (int b = 0; b < n; b++) {
        const Kernels *k = list[b];
        void *x = noise_new(k, 4000, -1, 1), *tile = values_new(k, TILE), *back = values_new(k, 4000);
        static const int strides[][2] = { { 40, 1 }, { 1, 20 }, { 0, 1 }, { 7, 0 }, { 3, 50 }, { 0, 0 } };
        for (size_t s = 0; s < sizeof strides / sizeof *strides; s++) {
            int rows = 13, cols = 31;
            k->load(tile, x, rows, cols, strides[s][0], strides[s][1]);
            for (int r = 0; r < rows; r++)
                for (int c = 0; c < cols; c++) assert_true(get(k, tile, r * cols + c) == get(k, x, r * strides[s][0] + c * strides[s][1]));
            if (s != 0 && s != 1) continue;
            k->store(back, tile, rows, cols, strides[s][0], strides[s][1]);
            for (int r = 0; r < rows; r++)
                for (int c = 0; c < cols; c++) assert_true(get(k, tile, r * cols + c) == get(k, back, r * strides[s][0] + c * strides[s][1]));
        }
        assert_true(k->find_nonfinite(x, 40, 50, 100) == -1);
        set(k, x, 3 * 100 + 49, INFINITY);
        set(k, x, 4 * 100 + 1, NAN);
        assert_true(k->find_nonfinite(x, 40, 50, 100) == 3 * 50 + 49);
        assert_true(k->find_nonfinite(x, 40, 49, 100) == 4 * 49 + 1);
        free(x); free(tile); free(back);
    }
}

/* --- products ------------------------------------------------------------------------------------------------------------- */

typedef struct Shape3 { int m, n, k; bool ta, tb; } Shape3;
static const Shape3 products[] = {
    { 1, 1, 1, 0, 0 }, { 3, 5, 7, 0, 0 }, { 8, 32, 64, 0, 0 }, { 13, 47, 256, 1, 0 }, { 9, 33, 257, 0, 1 }, { 17, 64, 600, 1, 1 },
    { 2, 100, 1300, 0, 0 }, { 31, 1, 300, 0, 0 }, { 1, 31, 300, 0, 1 }, { 64, 16, 784, 0, 0 }, { 40, 40, 0, 0, 0 }, { 23, 80, 128, 0, 1 },
};

static void run_product(const Kernels *k, const Shape3 *s, int m0, int m, int n0, int n, const void *a, const void *b, void *c, bool accumulate) {
    ptrdiff_t ar = s->ta ? 1 : s->k, ac = s->ta ? s->m : 1, br = s->tb ? 1 : s->n, bc = s->tb ? s->k : 1;
    void *scratch = values_new(k, (int64_t)k->product_scratch(m, n, s->k));
    k->product(m, n, s->k, (const char *)a + (size_t)(m0 * ar) * k->bytes, ar, ac, (const char *)b + (size_t)(n0 * bc) * k->bytes, br, bc,
               (char *)c + (size_t)(m0 * s->n + n0) * k->bytes, s->n, accumulate, scratch);
    free(scratch);
}

static void check_product(const Kernels *k, const Shape3 *s, const void *a, const void *b, const void *c, double times) {
    for (int i = 0; i < s->m; i++)
        for (int j = 0; j < s->n; j++) {
            double sum = 0, size = 0;
            for (int p = 0; p < s->k; p++) {
                double t = get(k, a, s->ta ? p * s->m + i : i * s->k + p) * get(k, b, s->tb ? j * s->k + p : p * s->n + j);
                sum += t;
                size += fabs(t);
            }
            assert_true(fabs(get(k, c, i * s->n + j) - times * sum) <= size * (k->bytes == 8 ? 1e-14 : 3e-6));
        }
}

static void test_product(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    for (int b = 0; b < n; b++)
        for (size_t s = 0; s < sizeof products / sizeof *products; s++) {
            const Kernels *k = list[b];
            const Shape3 *p = &products[s];
            void *x = noise_new(k, p->m * p->k, -1, 1), *y = noise_new(k, p->k * p->n, -1, 1), *c = noise_new(k, p->m * p->n, 5, 6);
            double after = get(k, c, p->m * p->n);
            run_product(k, p, 0, p->m, 0, p->n, x, y, c, false);
            check_product(k, p, x, y, c, 1);
            run_product(k, p, 0, p->m, 0, p->n, x, y, c, true);
            check_product(k, p, x, y, c, 2);
            assert_true(get(k, c, p->m * p->n) == after);
            free(x); free(y); free(c);
        }
}

/* The whole and its parts, and each value as its definition says: a chain of fused multiply-adds a leaf, and the tree. */
static void test_product_bits(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    for (size_t s = 0; s < sizeof products / sizeof *products; s++)
        for (int b = 0; b < n; b++) {
            const Kernels *k = list[b];
            const Shape3 *p = &products[s];
            void *x = noise_new(k, p->m * p->k, -1, 1), *y = noise_new(k, p->k * p->n, -1, 1);
            void *whole = values_new(k, p->m * p->n), *parts = values_new(k, p->m * p->n);
            run_product(k, p, 0, p->m, 0, p->n, x, y, whole, false);
            for (int i = 0; i < p->m; i += 5)
                for (int j = 0; j < p->n; j += 19)
                    run_product(k, p, i, p->m - i < 5 ? p->m - i : 5, j, p->n - j < 19 ? p->n - j : 19, x, y, parts, false);
            assert_same(k, parts, whole, p->m * p->n, "panels of a product");
            for (int i = 0; i < p->m; i += 3)
                for (int j = 0; j < p->n; j += 7) {
                    double leaf[16] = { 0 };
                    int leaves = 0;
                    for (int q0 = 0; q0 < p->k || leaves == 0; q0 += 256, leaves++)
                        for (int q = q0; q < p->k && q < q0 + 256; q++) {
                            double u = get(k, x, p->ta ? q * p->m + i : i * p->k + q), v = get(k, y, p->tb ? j * p->k + q : q * p->n + j);
                            leaf[leaves] = k->bytes == 8 ? fma(u, v, leaf[leaves]) : (double)fmaf((float)u, (float)v, (float)leaf[leaves]);
                        }
                    assert_true(same_value(get(k, whole, i * p->n + j), tree_of(k, leaf, leaves, OP_sum)));
                }
            free(x); free(y); free(whole); free(parts);
        }
}

/* Pairs at any places give the bits of one product whose k runs on over them; BLAS gives nearly the same. */
static void test_product_of_pairs(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    const char *why;
    const Blas *blas = blas_load(&why);
    static const int shapes[][4] = { { 17, 48, 10, 9 }, { 5, 20, 100, 7 }, { 8, 32, 300, 3 }, { 64, 32, 1, 9 }, { 3, 7, 16, 1 } };
    for (int b = 0; b < n; b++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (int turned = 0; turned < 2; turned++) {
                const Kernels *k = list[b];
                int rows = shapes[s][0], cols = shapes[s][1], depth = shapes[s][2], pairs = shapes[s][3], all = depth * pairs;
                void *x = noise_new(k, 2 * rows * all, -1, 1), *y = noise_new(k, 2 * cols * all, -1, 1);
                void *one_x = values_new(k, rows * all), *one_y = values_new(k, cols * all), *c = values_new(k, rows * cols), *d = values_new(k, rows * cols);
                Kernels with = kernels_with_blas(k, blas);
                size_t room = k->product_scratch(rows, cols, all), other = with.product_scratch(rows, cols, all);
                void *scratch = values_new(k, (int64_t)(room > other ? room : other));
                ptrdiff_t a_at[9], b_at[9], br = turned ? 1 : cols, bc = turned ? depth : 1;
                for (int p = 0; p < pairs; p++) {
                    a_at[p] = (pairs - 1 - p) * 2 * rows * depth;
                    b_at[p] = (p * 5 % pairs) * 2 * cols * depth;
                    for (int q = 0; q < depth; q++) {
                        for (int i = 0; i < rows; i++) set(k, one_x, i * all + p * depth + q, get(k, x, a_at[p] + i * depth + q));
                        for (int j = 0; j < cols; j++) set(k, one_y, (p * depth + q) * cols + j, get(k, y, b_at[p] + q * br + j * bc));
                    }
                }
                k->product_sum(rows, cols, depth, pairs, a_at, b_at, x, depth, 1, y, br, bc, c, cols, false, scratch);
                k->product(rows, cols, all, one_x, all, 1, one_y, cols, 1, d, cols, false, scratch);
                assert_same(k, c, d, rows * cols, "product of pairs");
                with.product_sum(rows, cols, depth, pairs, a_at, b_at, x, depth, 1, y, br, bc, c, cols, false, scratch);
                for (int i = 0; i < rows * cols; i++) assert_true(fabs(get(k, c, i) - get(k, d, i)) < 1e-4);
                free(x); free(y); free(one_x); free(one_y); free(c); free(d); free(scratch);
            }
}

static void test_lane_dot(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    for (int b = 0; b < n; b++)
        for (int t = 0; t < 24; t++) {
            const Kernels *k = list[b];
            int lanes = 1 + 11 * t, depth = 1 + 37 * t, ac = t & 1, bc = t >> 1 & 1;
            void *x = noise_new(k, depth * lanes, -1, 1), *y = noise_new(k, depth * lanes, -1, 1), *to = values_new(k, lanes);
            k->lane_dot(to, x, y, depth, lanes, lanes, ac, lanes, bc);
            for (int c = 0; c < lanes; c++) {
                double leaf[16] = { 0 };
                int leaves = 0;
                for (int q0 = 0; q0 < depth; q0 += 256, leaves++)
                    for (int q = q0; q < depth && q < q0 + 256; q++) {
                        double u = get(k, x, q * lanes + c * ac), v = get(k, y, q * lanes + c * bc);
                        leaf[leaves] = k->bytes == 8 ? fma(u, v, leaf[leaves]) : (double)fmaf((float)u, (float)v, (float)leaf[leaves]);
                    }
                assert_true(same_value(get(k, to, c), tree_of(k, leaf, leaves, OP_sum)));
            }
            free(x); free(y); free(to);
        }
}

/* --- OpenBLAS ------------------------------------------------------------------------------------------------------------- */

static void test_blas_products(void **state) {
    (void)state;
    const char *why;
    const Blas *blas = blas_load(&why);
    if (!blas) skip();
    const Kernels *list[4];
    int n = all_builds(list);
    for (int b = 0; b < n; b++)
        for (size_t s = 0; s < sizeof products / sizeof *products; s++) {
            Kernels with = kernels_with_blas(list[b], blas);
            const Shape3 *p = &products[s];
            void *x = noise_new(&with, p->m * p->k, -1, 1), *y = noise_new(&with, p->k * p->n, -1, 1), *c = values_new(&with, p->m * p->n);
            run_product(&with, p, 0, p->m, 0, p->n, x, y, c, false);
            check_product(&with, p, x, y, c, 1);
            run_product(&with, p, 0, p->m, 0, p->n, x, y, c, true);
            check_product(&with, p, x, y, c, 2);
            free(x); free(y); free(c);
        }
    assert_non_null(blas_core(blas));
    Kernels same = kernels_with_blas(list[0], NULL);
    assert_ptr_equal(same.product, list[0]->product);
}

/* Neither side of the product has a stride of 1: both are copied. */
static void test_blas_strides(void **state) {
    (void)state;
    const char *why;
    const Blas *blas = blas_load(&why);
    if (!blas) skip();
    const Kernels *own = build_of("v3", PRECISION_F32);
    Kernels with = kernels_with_blas(own, blas);
    enum { M = 5, N = 6, K = 7 };
    void *a = noise_new(own, 2 * M * K, -1, 1), *b = noise_new(own, 3 * K * N, -1, 1), *c = values_new(own, M * N), *d = values_new(own, M * N);
    void *scratch = values_new(own, (int64_t)(with.product_scratch(M, N, K) + own->product_scratch(M, N, K)));
    with.product(M, N, K, a, 2 * K, 2, b, 3 * N, 3, c, N, false, scratch);
    own->product(M, N, K, a, 2 * K, 2, b, 3 * N, 3, d, N, false, scratch);
    for (int i = 0; i < M * N; i++) assert_true(fabs(get(own, c, i) - get(own, d, i)) < 1e-5);
    free(a); free(b); free(c); free(d); free(scratch);
}

static void blas_work(void *context, int64_t task, int thread) {
    (void)thread;
    const Kernels *with = context;
    enum { N = 64 };
    static const Shape3 shape = { N, N, N, 0, 0 };
    void *a = values_new(with, N * N), *b = values_new(with, N * N), *c = values_new(with, N * N);
    for (int i = 0; i < N * N; i++) {
        set(with, a, i, (double)(i % 7 + task % 5));
        set(with, b, i, (double)(i % 5 - 2));
    }
    run_product(with, &shape, 0, N, 0, N, a, b, c, false);
    check_product(with, &shape, a, b, c, 1);
    free(a); free(b); free(c);
}

static void test_blas_from_many_threads(void **state) {
    (void)state;
    const char *why;
    const Blas *blas = blas_load(&why);
    if (!blas) skip();
    Kernels with = kernels_with_blas(build_of("v3", PRECISION_F32), blas);
    Pool *pool = pool_new(4);
    pool_run(pool, blas_work, &with, 60);
    pool_free(pool);
}

static void test_svdvals(void **state) {
    (void)state;
    const char *why;
    if (!blas_load(&why)) skip();
    for (int p = 0; p < 2; p++) {
        const Kernels *k = build_of("v3", p ? PRECISION_F64 : PRECISION_F32);
        /* diag(3, -5, 2) with two more columns, turned: the values are 5, 3, 2. */
        double m[3][5] = { { 3, 0, 0, 0, 0 }, { 0, -5, 0, 0, 0 }, { 0, 0, 2, 0, 0 } };
        for (int turn = 0; turn < 2; turn++) {
            int rows = turn ? 5 : 3, cols = turn ? 3 : 5;
            void *x = values_new(k, 15), *s = values_new(k, 3);
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < cols; j++) {
                    double u = turn ? m[j][i] : m[i][j], v = turn ? m[j][(i + 1) % 5] : m[i][(j + 1) % 5];
                    set(k, x, i * cols + j, .6 * u + .8 * v * 0 + .4 * u);
                }
            assert_true(svdvals(p ? PRECISION_F64 : PRECISION_F32, x, rows, cols, s));
            assert_true(fabs(get(k, s, 0) - 5) < 1e-5 && fabs(get(k, s, 1) - 3) < 1e-5 && fabs(get(k, s, 2) - 2) < 1e-5);
            free(x);
            free(s);
        }
        void *x = noise_new(k, 35, -1, 1), *s = values_new(k, 5);
        double squares = 0, total = 0;
        for (int i = 0; i < 35; i++) squares += get(k, x, i) * get(k, x, i);
        assert_true(svdvals(p ? PRECISION_F64 : PRECISION_F32, x, 7, 5, s));
        for (int i = 0; i < 5; i++) {
            total += get(k, s, i) * get(k, s, i);
            assert_true(i == 0 || get(k, s, i) <= get(k, s, i - 1));
        }
        assert_true(fabs(total - squares) < 1e-4);
        free(x);
        free(s);
    }
}

/* --- draws ---------------------------------------------------------------------------------------------------------------- */

/* Counter, key and result of the Random123 distribution's known answers for philox4x32-10. */
static const uint32_t known[3][10] = {
    { 0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 },
    { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd },
    { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 },
};

static void test_known_vectors(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    for (int b = 0; b < n; b++)
        for (int v = 0; v < 3; v++) {
            const Kernels *k = list[b];
            const uint32_t *w = known[v];
            int per = k->bytes == sizeof(double) ? 2 : 4;
            uint32_t key[4] = { w[4], w[5], w[1], w[3] };
            void *to = values_new(k, 4);
            k->uniform(to, key, w[0], 1, (int64_t)w[2] * per, per, 1, 1);
            for (int j = 0; j < per; j++) {
                double expect = per == 4 ? (w[6 + j] >> 8) * 0x1p-24 : ((w[6 + 2 * j] >> 5) * 0x1p26 + (w[7 + 2 * j] >> 6)) * 0x1p-53;
                assert_true(get(k, to, j) == expect);
            }
            free(to);
        }
}

/* Any chunk, any layout, any side of 2^32: the same values. */
static void test_draws_do_not_show_chunks(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    enum { ITEMS = 150, FEATURES = 21 };
    for (int b = 0; b < n; b++)
        for (int kind = 0; kind < 2; kind++) {
            const Kernels *k = list[b];
            void (*draw)(void *, const uint32_t[4], int64_t, int64_t, int64_t, int64_t, ptrdiff_t, ptrdiff_t) = kind ? k->normal : k->uniform;
            uint32_t key[4] = { 5, 6, 7, 8 };
            int64_t i0 = (INT64_C(1) << 32) - 70;
            void *whole = values_new(k, ITEMS * FEATURES), *parts = values_new(k, ITEMS * FEATURES);
            draw(whole, key, i0, ITEMS, 0, FEATURES, 1, ITEMS);
            draw(parts, key, i0, ITEMS, 0, FEATURES, FEATURES, 1);
            for (int i = 0; i < ITEMS; i++)
                for (int f = 0; f < FEATURES; f++) assert_true(get(k, whole, f * ITEMS + i) == get(k, parts, i * FEATURES + f));
            for (int i = 0; i < ITEMS; i += 11)
                for (int f = 0; f < FEATURES; f += 4) {
                    int items = ITEMS - i < 11 ? ITEMS - i : 11, features = FEATURES - f < 4 ? FEATURES - f : 4;
                    draw((char *)parts + (size_t)(f * ITEMS + i) * k->bytes, key, i0 + i, items, f, features, 1, ITEMS);
                }
            assert_same(k, parts, whole, ITEMS * FEATURES, "chunks of draws");
            for (int i = 0; i < ITEMS; i++) draw((char *)parts + (size_t)i * k->bytes, key, i0 + i, 1, 0, FEATURES, 1, ITEMS);
            assert_same(k, parts, whole, ITEMS * FEATURES, "items one by one");
            free(whole);
            free(parts);
        }
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Largest distance of the empirical distribution from the exact one, times sqrt(n). */
static double distance(double *x, int n, double (*distribution)(double)) {
    double worst = 0;
    qsort(x, (size_t)n, sizeof *x, ascending);
    for (int i = 0; i < n; i++) {
        double f = distribution(x[i]);
        worst = fmax(worst, fmax(f - (double)i / n, (double)(i + 1) / n - f));
    }
    return worst * sqrt(n);
}
static double even(double x) { return x; }
static double bell(double x) { return .5 * erfc(-x / sqrt(2)); }

static void test_moments(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    enum { COUNT = 100000, FEATURES = 4 };
    for (int b = 0; b < n; b++) {
        const Kernels *k = list[b];
        uint32_t key[4];
        random_key(key, 11, 22, 33, NULL, 0);
        void *x = values_new(k, COUNT);
        double *sorted = malloc(sizeof(double) * COUNT);
        assert_non_null(sorted);
        k->normal(x, key, 0, COUNT / FEATURES, 0, FEATURES, 1, COUNT / FEATURES);
        double m[5] = { 0 }, cross = 0, lag = 0;
        for (int i = 0; i < COUNT; i++) {
            double v = sorted[i] = get(k, x, i);
            for (int p = 1; p < 5; p++) m[p] += pow(v, p) / COUNT;
            cross += v * get(k, x, (i + COUNT / FEATURES) % COUNT) / COUNT;
            lag += v * get(k, x, (i + 1) % COUNT) / COUNT;
        }
        assert_true(fabs(m[1]) < .013 && fabs(m[2] - 1) < .018 && fabs(m[3]) < .04 && fabs(m[4] - 3) < .13);
        assert_true(fabs(cross) < .013 && fabs(lag) < .013);
        assert_true(distance(sorted, COUNT, bell) < 1.63);
        k->uniform(x, key, 0, COUNT / FEATURES, 0, FEATURES, 1, COUNT / FEATURES);
        for (int i = 0; i < COUNT; i++) {
            sorted[i] = get(k, x, i);
            assert_true(sorted[i] >= 0 && sorted[i] < 1);
        }
        assert_true(distance(sorted, COUNT, even) < 1.63);
        free(x);
        free(sorted);
    }
}

/* One bit of any ingredient moves about half of the key's bits. */
static void test_keys(void **state) {
    (void)state;
    int flips = 0, tries = 0;
    for (int t = 0; t < 50; t++) {
        uint64_t in[3] = { (uint64_t)noise(0, 0x1p53), (uint64_t)t, (uint64_t)noise(0, 100) };
        int64_t times[2] = { t, 3 };
        uint32_t one[4], two[4];
        random_key(one, in[0], in[1], in[2], times, 2);
        for (int bit = 0; bit < 256; bit++, tries++) {
            uint64_t other[4] = { in[0], in[1], in[2], (uint64_t)times[1] };
            other[bit / 64] ^= UINT64_C(1) << bit % 64;
            random_key(two, other[0], other[1], other[2], (int64_t[]){ times[0], (int64_t)other[3] }, 2);
            int changed = 0;
            for (int w = 0; w < 4; w++) changed += __builtin_popcount(one[w] ^ two[w]);
            assert_true(changed > 25 && changed < 103);
            flips += changed;
        }
    }
    assert_true(fabs((double)flips / tries - 64) < 1);
    uint32_t none[4], zero[4];
    random_key(none, 1, 2, 3, NULL, 0);
    random_key(zero, 1, 2, 3, (int64_t[]){ 0 }, 1);
    assert_true(memcmp(none, zero, sizeof none) != 0);
}

static void test_permutation_is_bijective(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    static const int sizes[] = { 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 100, 127, 128, 129, 1000, 4096, 4097, 50000 };
    for (int b = 0; b < n; b++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            const Kernels *k = list[b];
            int size = sizes[s];
            uint32_t key[4];
            random_key(key, s, 1, 2, NULL, 0);
            void *to = values_new(k, size), *one = values_new(k, 2);
            char *seen = calloc((size_t)size, 1);
            assert_non_null(seen);
            k->permutation(to, key, size, 0, size, 1);
            double lag = 0;
            for (int i = 0; i < size; i++) {
                int64_t v = (int64_t)get(k, to, i);
                assert_true(v >= 0 && v < size && !seen[v]);
                seen[v] = 1;
                lag += (get(k, to, i) / size - .5) * (get(k, to, (i + 1) % size) / size - .5) * 12 / size;
            }
            if (size >= 1000) assert_true(fabs(lag) * sqrt(size) < 4);
            k->permutation(one, key, size, size - 1, 1, 1);
            assert_true(get(k, one, 0) == get(k, to, size - 1));
            free(to); free(one); free(seen);
        }
}

/* Each of the 24 orders of 4 comes about equally often. */
static void test_permutation_is_fair(void **state) {
    (void)state;
    const Kernels *k = build_of("v3", PRECISION_F32);
    int count[256] = { 0 };
    enum { TRIES = 24000 };
    for (int t = 0; t < TRIES; t++) {
        uint32_t key[4];
        float p[PAD];
        random_key(key, 9, (uint64_t)t, 0, NULL, 0);
        k->permutation(p, key, 4, 0, 4, 1);
        count[(int)p[0] << 6 | (int)p[1] << 4 | (int)p[2] << 2 | (int)p[3]]++;
    }
    double chi = 0;
    int orders = 0;
    for (int i = 0; i < 256; i++)
        if (count[i]) {
            chi += (count[i] - TRIES / 24.) * (count[i] - TRIES / 24.) / (TRIES / 24.);
            orders++;
        }
    assert_true(orders == 24);
    assert_true(chi < 50);                                   /* 23 degrees of freedom: 1 in 1000 above */
}

/* --- threads and tiny numbers --------------------------------------------------------------------------------------------- */

enum { TASKS = 1000 };
typedef struct Count { atomic_int done[TASKS]; int threads; } Count;
static void count_task(void *context, int64_t task, int thread) {
    Count *c = context;
    assert_true(thread >= 0 && thread < c->threads);
    atomic_fetch_add(&c->done[task], 1);
}

static void test_pool(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        Pool *pool = pool_new(threads);
        assert_non_null(pool);
        assert_int_equal(pool_threads(pool), threads);
        for (int run = 0; run < 300; run++) {
            static Count c;
            memset(&c, 0, sizeof c);
            c.threads = threads;
            int tasks = run % 3 == 0 ? TASKS : run % 7;
            pool_run(pool, count_task, &c, tasks);
            for (int t = 0; t < TASKS; t++) assert_int_equal(c.done[t], t < tasks);
        }
        pool_free(pool);
    }
}

static void test_flush(void **state) {
    (void)state;
    volatile float tiny = 1e-38f;
    unsigned before = flush_set();
    float flushed = tiny * .01f;
    flush_restore(before);
    float kept = tiny * .01f;
    assert_true(flushed == 0);
    assert_true(kept != 0);
}

static void test_choice(void **state) {
    (void)state;
    const char *why;
    assert_string_equal(build_of("v3", PRECISION_F32)->name, "v3 f32");
    assert_string_equal(build_of("v3", PRECISION_F64)->name, "v3 f64");
    setenv("EBM_KERNELS", "v9", 1);
    assert_null(kernels_for(PRECISION_F32, &why));
    assert_non_null(why);
    unsetenv("EBM_KERNELS");
    assert_non_null(kernels_for(PRECISION_F32, &why));
    assert_null(why);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice), cmocka_unit_test(test_flush), cmocka_unit_test(test_accuracy), cmocka_unit_test(test_two_operands),
        cmocka_unit_test(test_specials), cmocka_unit_test(test_tile_program), cmocka_unit_test(test_builds_agree_on_maps),
        cmocka_unit_test(test_builds_agree_on_folds), cmocka_unit_test(test_builds_agree_on_draws), cmocka_unit_test(test_fold_rows_tree),
        cmocka_unit_test(test_fold_line_tree), cmocka_unit_test(test_fold_edges), cmocka_unit_test(test_along),
        cmocka_unit_test(test_argsort_and_arg_at_random), cmocka_unit_test(test_moves), cmocka_unit_test(test_product),
        cmocka_unit_test(test_product_bits), cmocka_unit_test(test_product_of_pairs), cmocka_unit_test(test_lane_dot), cmocka_unit_test(test_blas_products),
        cmocka_unit_test(test_blas_strides), cmocka_unit_test(test_blas_from_many_threads), cmocka_unit_test(test_svdvals),
        cmocka_unit_test(test_known_vectors), cmocka_unit_test(test_draws_do_not_show_chunks), cmocka_unit_test(test_moments),
        cmocka_unit_test(test_keys), cmocka_unit_test(test_permutation_is_bijective), cmocka_unit_test(test_permutation_is_fair),
        cmocka_unit_test(test_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

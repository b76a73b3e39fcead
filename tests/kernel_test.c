/* kernel_test.c: maps, folds and what runs along an axis: accuracy against wider arithmetic, special values, fixed trees of sums, the same bits
 * from each build; and the choice of the build. */
#include "tests/kernel_values.h"

/* --- maps ----------------------------------------------------------------------------------------------------------------- */

static double map_value(const Kernels *k, Op op, double x, double y) {
    char room[4][64] __attribute__((aligned(64))) = { { 0 } };
    void *reg[3] = { room[0], room[1], room[2] };
    TileStep step = { .op = (uint8_t)op, .dst = 2, .a = 0, .b = 1, .c = 1 };
    set(k, reg[0], 0, x);
    set(k, reg[1], 0, y);
    unsigned flags = flush_set();           /* as the machine's threads do */
    k->tile(&step, 1, reg, 1);
    flush_restore(flags);
    return get(k, reg[2], 0);
}

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
    { "tanh", OP_tanh, tanhl, -10, 10, 2.5, 2.5 },             { "tanh", OP_tanh, tanhl, -1, 1, 2.5, 2.5 },
    { "tanh", OP_tanh, tanhl, -1e-3, 1e-3, 2, 2.5 },
    { "sigmoid", OP_sigmoid, sigmoid_exact, -87, -10, 2.5, 2 }, { "sigmoid", OP_sigmoid, sigmoid_exact, -10, 20, 2.5, 2.5 }, { "sigmoid", OP_sigmoid, sigmoid_exact, -1, 1, 2, 2 },
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
                k->tile(&(TileStep){ .op = (uint8_t)w->op, .dst = 1 }, 1, reg, TILE);
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
            TileStep steps[] = { { .op = OP_mul, .dst = 2, .a = 0, .b = 1 }, { .op = OP_lt, .dst = 1, .a = 2, .b = 0 }, { .op = OP_sub, .dst = 0, .a = 2, .b = 0 },
                { .op = OP_select, .dst = 2, .a = 1, .b = 2, .c = 0 } };
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

/* Registers of noise and of nothing. */
enum { NOISE = 5, REGISTERS = 12 };
static void registers_new(const Kernels *k, void *reg[REGISTERS]) {
    for (int r = 0; r < REGISTERS; r++) reg[r] = r < NOISE ? noise_new(k, TILE, -2, 2) : values_new(k, TILE);
}
static void registers_free(void *reg[REGISTERS]) {
    for (int r = 0; r < REGISTERS; r++) free(reg[r]);
}

/* A chain gives what its steps but the last give, and then the last. */
static void test_joined_chains(void **state) {
    (void)state;
    static const struct { uint8_t joined, before, operands; const char *last; } chains[] = {
#define JOINED2(before, last, ...) { JOINED_##before##_##last, OP_##before, 3, #last },
#define JOINED3(before, last, ...) { JOINED_##before##_##last, JOINED_##before, 4, #last },
#define JOINED4(before, last, ...) { JOINED_##before##_##last, JOINED_##before, 5, #last },
#include "vm/kernel/joined.def"
    };
    const Kernels *list[4];
    int n = all_builds(list);
    for (int b = 0; b < n; b++)
        for (size_t c = 0; c < sizeof chains / sizeof *chains; c++)
            for (int count = 37; count <= TILE; count += TILE - 37) {
                const Kernels *k = list[b];
                void *reg[REGISTERS];
                registers_new(k, reg);
                bool from = strcmp(chains[c].last, "from") == 0;
                uint8_t last = (uint8_t)(from ? OP_sub : op_named(chains[c].last)), other = (uint8_t)(chains[c].operands - 1);
                TileStep joined = { chains[c].joined, .dst = 5, .a = 0, .b = 1, .c = 2, .d = 3, .e = 4 }, before = joined;
                before.op = chains[c].before;
                before.dst = 6;
                TileStep steps[2] = { before, { .op = last, .dst = 6, .a = from ? other : 6, .b = from ? 6 : other } };
                k->tile(&joined, 1, reg, count);
                k->tile(steps, 2, reg, count);
                assert_same(k, reg[5], reg[6], TILE, chains[c].last);
                registers_free(reg);
            }
}

/* A curve with the sum it is of and the product with its argument keeps all three. */
static void test_joined_curves(void **state) {
    (void)state;
    static const struct { uint8_t op, of_sum, gate, gate_of_sum; } curves[] = {
#define CURVED(f) { OP_##f, JOINED_add_##f, 0, 0 },
#define GATED(f) { OP_##f, JOINED_add_##f, JOINED_##f##_gate, JOINED_add_##f##_gate },
#include "vm/kernel/joined.def"
    };
    const Kernels *list[4];
    int n = all_builds(list);
    for (int b = 0; b < n; b++)
        for (size_t c = 0; c < sizeof curves / sizeof *curves; c++)
            for (int count = 1; count <= TILE; count += count < 70 ? 1 : 61) {
                const Kernels *k = list[b];
                void *reg[REGISTERS];
                registers_new(k, reg);
                TileStep steps[] = { { .op = OP_add, .dst = 5, .a = 0, .b = 1 }, { .op = curves[c].op, .dst = 6, .a = 5 }, { .op = OP_mul, .dst = 7, .a = 5, .b = 6 } };
                TileStep of_sum = { curves[c].of_sum, .dst = 9, .a = 0, .b = 1, .sum = 8 };
                TileStep gate = { curves[c].gate, .dst = 10, .a = 5, .curve = 9 }, gate_of_sum = { curves[c].gate_of_sum, .dst = 10, .a = 0, .b = 1, .sum = 8, .curve = 9 };
                k->tile(steps, 3, reg, count);
                k->tile(&of_sum, 1, reg, count);
                assert_same(k, reg[8], reg[5], TILE, "sum");
                assert_same(k, reg[9], reg[6], TILE, "curve of a sum");
                for (int g = 0; g < 2 && curves[c].gate; g++) {
                    void *fresh[] = { values_new(k, TILE), values_new(k, TILE), values_new(k, TILE) }, *own[REGISTERS];
                    memcpy(own, reg, sizeof own);
                    memcpy(&own[8], fresh, sizeof fresh);
                    k->tile(g ? &gate_of_sum : &gate, 1, own, count);
                    if (g) assert_same(k, own[8], reg[5], TILE, "sum of a gate");
                    assert_same(k, own[9], reg[6], TILE, "curve of a gate");
                    assert_same(k, own[10], reg[7], TILE, "gate");
                    for (int f = 0; f < 3; f++) free(fresh[f]);
                }
                registers_free(reg);
            }
}

/* --- the same bits from each build ---------------------------------------------------------------------------------------- */

static const uint8_t maps[] = {
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
#define JOINED2(before, last, ...) JOINED_##before##_##last,
#define CURVED(f) JOINED_add_##f,
#define GATED(f) JOINED_##f##_gate, JOINED_add_##f##_gate,
#include "vm/kernel/joined.def"
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
                TileStep step = { maps[m], .dst = 3, .a = 0, .b = 1, .c = 2, .d = 1, .e = 0, .sum = 4, .curve = 5 };
                void *sum = values_new(a, TILE), *curve = values_new(a, TILE);
                a->tile(&step, 1, (void *[]){ x, y, z, va, sum, curve }, count);
                b->tile(&step, 1, (void *[]){ x, y, z, vb, sum, curve }, count);
                free(sum); free(curve);
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
                a->fold_line(folds[f], va, x, (int64_t)rows * lanes, 1);
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

/* --- folds ---------------------------------------------------------------------------------------------------------------- */

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
                double most = get(k, x, 0), least = most, exps = exp(most);
                for (int i = 1; i < count; i++) {
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

/* Past the caches goes what goes through them, in whole vectors (the second) or not. */
static void test_streams(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    for (int b = 0; b < n; b++) {
        const Kernels *k = list[b];
        static const struct { int rows, cols, row, col; } cases[] = { { 13, 31, 40, 1 }, { 13, 32, 64, 1 }, { 13, 32, 40, 1 }, { 5, 16, 1, 20 }, { 1, 512, 512, 1 } };
        for (size_t s = 0; s < sizeof cases / sizeof *cases; s++) {
            void *tile = noise_new(k, TILE, -1, 1), *plain = values_new(k, 4000), *past = values_new(k, 4000);
            memset(plain, 0, 4000 * k->bytes);
            memset(past, 0, 4000 * k->bytes);
            k->store(plain, tile, cases[s].rows, cases[s].cols, cases[s].row, cases[s].col);
            k->stream(past, tile, cases[s].rows, cases[s].cols, cases[s].row, cases[s].col);
            assert_memory_equal(plain, past, 4000 * k->bytes);
            free(tile); free(plain); free(past);
        }
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
        cmocka_unit_test(test_accuracy), cmocka_unit_test(test_two_operands), cmocka_unit_test(test_specials),
        cmocka_unit_test(test_tile_program), cmocka_unit_test(test_joined_chains), cmocka_unit_test(test_joined_curves), cmocka_unit_test(test_builds_agree_on_maps), cmocka_unit_test(test_builds_agree_on_folds),
        cmocka_unit_test(test_fold_rows_tree), cmocka_unit_test(test_fold_line_tree), cmocka_unit_test(test_fold_edges),
        cmocka_unit_test(test_along), cmocka_unit_test(test_argsort_and_arg_at_random), cmocka_unit_test(test_streams), cmocka_unit_test(test_moves),
        cmocka_unit_test(test_flush), cmocka_unit_test(test_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

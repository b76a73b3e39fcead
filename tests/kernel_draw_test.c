/* kernel_draw_test.c: random draws: known vectors, chunks that do not show, moments and distributions, keys, permutations. */
#include "tests/kernel_values.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builds_agree_on_draws), cmocka_unit_test(test_known_vectors),
        cmocka_unit_test(test_draws_do_not_show_chunks), cmocka_unit_test(test_moments), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_permutation_is_bijective), cmocka_unit_test(test_permutation_is_fair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

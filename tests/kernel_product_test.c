/* kernel_product_test.c: products of matrices, our own and by OpenBLAS: the definition of their bits, panels that do not show, calls from
 * many threads; singular values; the pool of threads. */
#include <stdatomic.h>
#include "tests/kernel_values.h"

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

/* Single values have the bits of a product's, however many there are and however they lie. */
static void test_dots(void **state) {
    (void)state;
    static const struct { int rows, k, a_row, a_col, b_row, b_col; } cases[] = {
        { 1, 1, 0, 1, 0, 1 }, { 1, 0, 0, 1, 0, 1 }, { 1, 5000, 0, 1, 0, 1 }, { 1, 2304, 0, 2, 0, 1 }, { 3, 700, 700, 1, 0, 1 }, { 8, 256, 256, 1, 256, 1 },
        { 21, 513, 1, 21, 513, 1 }, { 16, 2048, 2048, 1, 2048, 1 }, { 9, 300, 0, 1, 1, 9 },
    };
    const Kernels *list[4];
    int n = all_builds(list);
    for (int b = 0; b < n; b++)
        for (size_t s = 0; s < sizeof cases / sizeof *cases; s++) {
            const Kernels *k = list[b];
            int rows = cases[s].rows, terms = cases[s].k;
            void *x = noise_new(k, 2 * rows * terms + 1, -1, 1), *y = noise_new(k, 2 * rows * terms + 1, -1, 1);
            void *one = noise_new(k, 2 * rows, 5, 6), *all = values_new(k, 2 * rows), *scratch = values_new(k, (int64_t)k->product_scratch(1, 1, terms));
            memcpy(all, one, (size_t)(2 * rows) * k->bytes);
            for (int pass = 0; pass < 2; pass++) {
                for (int r = 0; r < rows; r++)
                    k->product(1, 1, terms, (char *)x + (size_t)(r * cases[s].a_row) * k->bytes, 0, cases[s].a_col, (char *)y + (size_t)(r * cases[s].b_row) * k->bytes,
                               cases[s].b_col, 0, (char *)one + (size_t)(2 * r) * k->bytes, 1, pass, scratch);
                k->dots(rows, terms, x, cases[s].a_row, cases[s].a_col, y, cases[s].b_row, cases[s].b_col, all, 2, pass);
                assert_same(k, all, one, 2 * rows, "dots");
            }
            free(x); free(y); free(one); free(all); free(scratch);
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

/* Many matrices by one give the bits of a product each, whether they go several at a time or not. */
static void test_product_of_many(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    static const int shapes[][3] = { { 17, 16, 10 }, { 40, 16, 300 }, { 3, 8, 5 }, { 8, 11, 40 }, { 1, 16, 33 } };
    enum { MANY = 5 };
    for (int b = 0; b < n; b++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (int lay = 0; lay < 3; lay++) {         /* one after the other; side by side; columns apart */
                const Kernels *k = list[b];
                int rows = shapes[s][0], cols = shapes[s][1], depth = shapes[s][2];
                ptrdiff_t next = lay == 1 ? cols : cols * depth, row = lay == 1 ? MANY * 200 : lay == 2 ? 1 : cols, col = lay == 2 ? depth : 1;
                void *x = noise_new(k, rows * depth, -1, 1), *y = noise_new(k, (MANY * 200 + cols) * depth, -1, 1);
                void *c = values_new(k, MANY * rows * cols), *d = values_new(k, MANY * rows * cols), *scratch = values_new(k, (int64_t)k->product_scratch(rows, cols, depth));
                for (int pass = 0; pass < 2; pass++) {
                    k->product_many(MANY, rows, cols, depth, x, 1, rows, y, next, row, col, c, cols, MANY * cols, pass, scratch);
                    for (int i = 0; i < MANY; i++)
                        k->product(rows, cols, depth, x, 1, rows, (char *)y + (size_t)(i * next) * k->bytes, row, col, (char *)d + (size_t)(i * cols) * k->bytes, MANY * cols, pass, scratch);
                    assert_same(k, c, d, MANY * rows * cols, "product of many");
                }
                free(x); free(y); free(c); free(d); free(scratch);
            }
}

/* A product in each lane is lane_dot for each of its values, whatever does not fill a block or a vector. */
static void test_lane_product(void **state) {
    (void)state;
    const Kernels *list[4];
    int n = all_builds(list);
    for (int b = 0; b < n; b++)
        for (int t = 0; t < 12; t++) {
            const Kernels *k = list[b];
            int rows = 1 + t * 5 % 14, columns = 1 + t * 3 % 10, depth = t == 7 ? 600 : 1 + 11 * t, lanes = 3 + 8 * (t % 5);
            int a_row = depth * lanes, b_column = lanes, b_step = columns * lanes;
            void *x = noise_new(k, (int64_t)rows * a_row, -1, 1), *y = noise_new(k, (int64_t)depth * b_step, -1, 1);
            void *to = values_new(k, (int64_t)rows * columns * lanes), *one = values_new(k, lanes);
            k->lane_product(rows, columns, depth, lanes, x, a_row, lanes, y, b_column, b_step, to, columns * lanes, lanes);
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++) {
                    k->lane_dot(one, (char *)x + (size_t)(i * a_row) * k->bytes, (char *)y + (size_t)(j * b_column) * k->bytes, depth, lanes, lanes, 1, b_step, 1);
                    for (int c = 0; c < lanes; c++) assert_true(same_value(get(k, to, (i * columns + j) * lanes + c), get(k, one, c)));
                }
            free(x); free(y); free(to); free(one);
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

static void test_svd(void **state) {
    (void)state;
    const char *why;
    if (!blas_load(&why)) skip();
    for (int p = 0; p < 2; p++) {
        const Kernels *k = build_of("v3", p ? PRECISION_F64 : PRECISION_F32);
        /* diag(3, -5, 2) with two more columns, and turned: the values are 5, 3, 2. */
        double m[3][5] = { { 3, 0, 0, 0, 0 }, { 0, -5, 0, 0, 0 }, { 0, 0, 2, 0, 0 } };
        for (int turn = 0; turn < 2; turn++) {
            int rows = turn ? 5 : 3, cols = turn ? 3 : 5;
            void *x = values_new(k, 15), *s = values_new(k, 3);
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < cols; j++) set(k, x, i * cols + j, turn ? m[j][i] : m[i][j]);
            assert_true(svd(p ? PRECISION_F64 : PRECISION_F32, x, rows, cols, s, NULL, NULL));
            assert_true(fabs(get(k, s, 0) - 5) < 1e-5 && fabs(get(k, s, 1) - 3) < 1e-5 && fabs(get(k, s, 2) - 2) < 1e-5);
            free(x);
            free(s);
        }
        void *x = noise_new(k, 35, -1, 1), *s = values_new(k, 5);
        double squares = 0, total = 0;
        for (int i = 0; i < 35; i++) squares += get(k, x, i) * get(k, x, i);
        assert_true(svd(p ? PRECISION_F64 : PRECISION_F32, x, 7, 5, s, NULL, NULL));
        for (int i = 0; i < 5; i++) {
            total += get(k, s, i) * get(k, s, i);
            assert_true(i == 0 || get(k, s, i) <= get(k, s, i - 1));
        }
        assert_true(fabs(total - squares) < 1e-4);
        free(x);
        free(s);
    }
}

/* --- threads --------------------------------------------------------------------------------------------------------------- */

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_product), cmocka_unit_test(test_product_bits), cmocka_unit_test(test_dots), cmocka_unit_test(test_product_of_pairs), cmocka_unit_test(test_product_of_many),
        cmocka_unit_test(test_lane_dot), cmocka_unit_test(test_lane_product), cmocka_unit_test(test_blas_products), cmocka_unit_test(test_blas_strides),
        cmocka_unit_test(test_blas_from_many_threads), cmocka_unit_test(test_svd), cmocka_unit_test(test_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

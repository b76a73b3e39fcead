/* blas.c: OpenBLAS, as the second provider of products and the home of LAPACK.
 *
 * OpenBLAS chooses its kernels as it is loaded, and often wrongly (0.3.21 takes new processors for a Prescott, five times slower).  So it
 * is not linked but loaded here, after we looked at the processor ourselves and put our choice into the environment, where the user has
 * not made one.  Our own threads share out the work, each calling it on one thread.
 *
 * The library is one for a process whatever we do, and so is the record of it below, filled once: the only state of this file. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "vm/kernel/kernel.h"

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };     /* of CBLAS */

typedef void (*Sgemm)(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb,
                      float beta, float *c, int ldc);
typedef void (*Dgemm)(int order, int ta, int tb, int m, int n, int k, double alpha, const double *a, int lda, const double *b, int ldb,
                      double beta, double *c, int ldc);
typedef void (*Gesdd)(const char *job, const int *m, const int *n, void *a, const int *lda, void *s, void *u, const int *ldu, void *vt,
                      const int *ldvt, void *work, const int *lwork, int *iwork, int *info, size_t job_length);

struct Blas {
    const char *core, *why;
    Sgemm sgemm;
    Dgemm dgemm;
    Gesdd sgesdd, dgesdd;
};

static Blas the_blas;
static pthread_once_t loaded = PTHREAD_ONCE_INIT;

static const char *suitable_core(void) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl")) return "SkylakeX";
    return "Haswell";                                        /* what Zen without AVX-512 runs best, too */
}

/* A variable set for the time of loading only, and only where the user has not set it; whether we did. */
static bool lend(const char *name, const char *value) { return !getenv(name) && setenv(name, value, 1) == 0; }

/* The address of a function; copied, as ISO C has no cast for it. */
static bool find(void *library, const char *name, void *function) {
    void *address = dlsym(library, name);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

static void load(void) {
    const char *core = suitable_core();
    bool lent_core = lend("OPENBLAS_CORETYPE", core), lent_threads = lend("OPENBLAS_NUM_THREADS", "1");
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (lent_core) unsetenv("OPENBLAS_CORETYPE");
    if (lent_threads) unsetenv("OPENBLAS_NUM_THREADS");
    Blas *b = &the_blas;
    b->core = lent_core ? core : "user's choice";
    if (!library) b->why = "libopenblas.so.0 cannot be loaded (Debian: libopenblas0-pthread)";
    else if (!find(library, "cblas_sgemm", &b->sgemm) || !find(library, "cblas_dgemm", &b->dgemm)
             || !find(library, "sgesdd_", &b->sgesdd) || !find(library, "dgesdd_", &b->dgesdd))
        b->why = "libopenblas.so.0 lacks cblas_sgemm, cblas_dgemm, sgesdd or dgesdd";
}

const Blas *blas_load(const char **why) {
    pthread_once(&loaded, load);
    *why = the_blas.why;
    return the_blas.why ? NULL : &the_blas;
}

const char *blas_core(const Blas *blas) { return blas->core; }

/* --- products ------------------------------------------------------------------------------------------------------------- */

/* An operand as CBLAS takes it: one of its strides is 1. */
typedef struct Operand { const void *at; int transposed, ld; } Operand;

/* The operand itself where its strides allow, else a copy in *scratch, which moves on. */
static Operand operand(const void *x, int64_t rows, int64_t cols, ptrdiff_t row, ptrdiff_t col, size_t bytes, char **scratch) {
    if ((col == 1 || cols == 1) && row >= cols) return (Operand){ x, PLAIN, (int)row };
    if ((row == 1 || rows == 1) && col >= rows) return (Operand){ x, TRANSPOSED, (int)col };
    char *to = *scratch;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < cols; c++, *scratch += bytes) memcpy(*scratch, (const char *)x + (r * row + c * col) * (ptrdiff_t)bytes, bytes);
    return (Operand){ to, PLAIN, cols > 0 ? (int)cols : 1 };
}

static size_t blas_scratch(int64_t m, int64_t n, int64_t k) { return (size_t)(m * k + k * n); }

/* The two precisions differ in nothing but their names. */
#define BLAS_PRODUCTS(bits, Real, gemm) \
static void blas_product_##bits(int64_t m, int64_t n, int64_t k, const void *a, ptrdiff_t a_row, ptrdiff_t a_col, const void *b, \
                                ptrdiff_t b_row, ptrdiff_t b_col, void *c, ptrdiff_t c_row, bool accumulate, void *scratch) { \
    char *room = scratch; \
    Operand x = operand(a, m, k, a_row, a_col, sizeof(Real), &room), y = operand(b, k, n, b_row, b_col, sizeof(Real), &room); \
    the_blas.gemm(ROW_MAJOR, x.transposed, y.transposed, (int)m, (int)n, (int)k, 1, x.at, x.ld, y.at, y.ld, accumulate, c, \
                  (int)(c_row > n ? c_row : n)); \
} \
static void blas_product_sum_##bits(int64_t m, int64_t n, int64_t k, int64_t pairs, const ptrdiff_t *a_at, const ptrdiff_t *b_at, \
                                    const void *a, ptrdiff_t a_row, ptrdiff_t a_col, const void *b, ptrdiff_t b_row, ptrdiff_t b_col, \
                                    void *c, ptrdiff_t c_row, bool accumulate, void *scratch) { \
    for (int64_t r = 0; r < m && !accumulate; r++) memset((Real *)c + r * c_row, 0, (size_t)n * sizeof(Real)); \
    for (int64_t s = 0; s < pairs; s++) \
        if (a_at[s] != PAIR_LEFT_OUT) \
            blas_product_##bits(m, n, k, (const Real *)a + a_at[s], a_row, a_col, (const Real *)b + b_at[s], b_row, b_col, c, c_row, true, scratch); \
} \
static void blas_product_many_##bits(int64_t count, int64_t m, int64_t n, int64_t k, const void *a, ptrdiff_t a_row, ptrdiff_t a_col, \
                                     const void *b, ptrdiff_t b_next, ptrdiff_t b_row, ptrdiff_t b_col, void *c, ptrdiff_t c_next, \
                                     ptrdiff_t c_row, bool accumulate, void *scratch) { \
    for (int64_t i = 0; i < count; i++) \
        blas_product_##bits(m, n, k, a, a_row, a_col, (const Real *)b + i * b_next, b_row, b_col, (Real *)c + i * c_next, c_row, accumulate, scratch); \
}
BLAS_PRODUCTS(32, float, sgemm)
BLAS_PRODUCTS(64, double, dgemm)

Kernels kernels_with_blas(const Kernels *kernels, const Blas *blas) {
    Kernels with = *kernels;
    if (blas) {
        bool wide = kernels->bytes == sizeof(double);
        with.product = wide ? blas_product_64 : blas_product_32;
        with.product_sum = wide ? blas_product_sum_64 : blas_product_sum_32;
        with.product_many = wide ? blas_product_many_64 : blas_product_many_32;
        with.product_scratch = blas_scratch;
    }
    return with;
}

/* --- LAPACK --------------------------------------------------------------------------------------------------------------- */

/* Vector k of the right ones gets plus as the sign of its largest value; that of the left ones turns with it. */
#define TURN_VECTORS(bits, Real) \
static void turn_vectors_##bits(int64_t rows, int64_t cols, int64_t least, Real *left, Real *right) { \
    for (int64_t k = 0; k < least; k++) { \
        Real *v = right + k * cols, most = 0; \
        for (int64_t c = 0; c < cols; c++) if ((v[c] < 0 ? -v[c] : v[c]) > (most < 0 ? -most : most)) most = v[c]; \
        if (most >= 0) continue; \
        for (int64_t c = 0; c < cols; c++) v[c] = -v[c]; \
        for (int64_t r = 0; r < rows; r++) left[r * least + k] = -left[r * least + k]; \
    } \
}
TURN_VECTORS(32, float)
TURN_VECTORS(64, double)

bool svd(Precision precision, void *matrix, int64_t rows, int64_t cols, void *values, void *left, void *right) {
    const char *why;
    const Blas *blas = blas_load(&why);
    int64_t least = rows < cols ? rows : cols;
    if (!blas || rows > INT32_MAX || cols > INT32_MAX) return false;
    if (least == 0) return true;
    /* LAPACK reads columns first: it sees the transpose, whose left vectors are the right ones. */
    int m = (int)cols, n = (int)rows, k = (int)least, ask = -1, info = 0;
    const char *job = left ? "S" : "N";
    double first[2] = { 0, 0 };                              /* holds one value of either precision */
    int *places = malloc(8 * (size_t)least * sizeof *places);
    Gesdd gesdd = precision == PRECISION_F64 ? blas->dgesdd : blas->sgesdd;
    if (!places) return false;
    gesdd(job, &m, &n, matrix, &m, values, right, &m, left, &k, first, &ask, places, &info, 1);
    float first_single;
    memcpy(&first_single, first, sizeof first_single);
    int size = info == 0 ? (int)(precision == PRECISION_F64 ? first[0] : (double)first_single) + 1 : 0;
    void *work = info == 0 ? malloc((size_t)size * precision_bytes(precision)) : NULL;
    if (work) gesdd(job, &m, &n, matrix, &m, values, right, &m, left, &k, work, &size, places, &info, 1);
    bool done = work && info == 0;
    if (done && left && precision == PRECISION_F64) turn_vectors_64(rows, cols, least, left, right);
    else if (done && left) turn_vectors_32(rows, cols, least, left, right);
    free(work);
    free(places);
    return done;
}

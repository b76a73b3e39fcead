/* kernel_values.h: what the kernels' tests share: the builds there are, arrays of either precision, noise, and the tree of sums. */
#ifndef EBM_TESTS_KERNEL_VALUES_H
#define EBM_TESTS_KERNEL_VALUES_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "vm/kernel/kernel.h"

enum { PAD = 64 };

/* The kernels of one build, or null where the processor does not run it. */
static inline const Kernels *build_of(const char *name, Precision precision) {
    const char *why;
    setenv("EBM_KERNELS", name, 1);
    const Kernels *k = kernels_for(precision, &why);
    unsetenv("EBM_KERNELS");
    return k;
}

/* Each build there is, in both precisions. */
static inline int all_builds(const Kernels *list[4]) {
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
static inline void *values_new(const Kernels *k, int64_t n) {
    size_t bytes = ((size_t)(n + PAD) * k->bytes + 63) / 64 * 64;
    void *p = aligned_alloc(64, bytes);
    assert_non_null(p);
    memset(p, 0, bytes);
    return p;
}
static inline double get(const Kernels *k, const void *x, int64_t i) {
    return k->bytes == sizeof(double) ? ((const double *)x)[i] : (double)((const float *)x)[i];
}
static inline void set(const Kernels *k, void *x, int64_t i, double v) {
    if (k->bytes == sizeof(double)) ((double *)x)[i] = v;
    else ((float *)x)[i] = (float)v;
}
static inline double rounded(const Kernels *k, double v) { return k->bytes == sizeof(double) ? v : (double)(float)v; }

static inline double noise(double from, double to) {
    static uint64_t state = 1;
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return from + (to - from) * (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}
static inline void *noise_new(const Kernels *k, int64_t n, double from, double to) {
    void *x = values_new(k, n);
    for (int64_t i = 0; i < n; i++) set(k, x, i, noise(from, to));
    return x;
}

static inline bool same_value(double a, double b) { return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b)); }
static inline void assert_same(const Kernels *k, const void *a, const void *b, int64_t n, const char *what) {
    for (int64_t i = 0; i < n; i++)
        if (!same_value(get(k, a, i), get(k, b, i))) fail_msg("%s: %s: value %ld is %a, not %a", k->name, what, (long)i, get(k, a, i), get(k, b, i));
}

/* The tree over leaves, written as the definition says it: pairs of equal height join at once, the rest from the youngest up. */
static inline double tree_of(const Kernels *k, double *leaf, int64_t n, Op op) {
    int height[64], depth = 0;
    double part[64] = { 0 };
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

#endif

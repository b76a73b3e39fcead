/* curve.c: the elementary functions that one plain loop over a tile would not do, or not do well. */
#include "vm/kernel/multi/vector.h"

/* dst may be the operand: equal places only, so each pass of a loop stands alone. */
#define EACH _Pragma("GCC ivdep") for (int i = 0; i < count; i++)

/* sin and cos of angles beyond the fast reduction, by libm in double precision; true if there was one and all is done. */
static bool turn_large(bool cosine, REAL *d, const REAL *a, int count) {
    int large = 0;
    EACH large |= M(fabs)(a[i]) > ANGLE_LIMIT;
    if (!large) return false;
    for (int i = 0; i < count; i++) {
        double x = (double)a[i];
        d[i] = !(M(fabs)(a[i]) > ANGLE_LIMIT) ? (cosine ? M(cos)(a[i]) : M(sin)(a[i])) : (REAL)(cosine ? cos(x) : sin(x));
    }
    return true;
}

/* Functions made for vectors, and a loop over them; the rest of a tile that fills no vector is copied into one. */
#if REAL_BITS == 32
#define LOOP_OF(name) \
    static void name##_tile(REAL *d, const REAL *a, int count) { \
        int i = 0; \
        for (; i + LANES <= count; i += LANES) *(V *)(d + i) = name##_of_vector(*(const V *)(a + i)); \
        if (i == count) return; \
        V rest = { 0 }; \
        memcpy(&rest, a + i, (size_t)(count - i) * sizeof(REAL)); \
        rest = name##_of_vector(rest); \
        memcpy(d + i, &rest, (size_t)(count - i) * sizeof(REAL)); \
    }
LOOP_OF(exp)
LOOP_OF(expm1)
LOOP_OF(sigmoid)
LOOP_OF(tanh)
#else
#define LOOP_OF(name) \
    static void name##_tile(REAL *d, const REAL *a, int count) { EACH d[i] = M(name)(a[i]); }
#endif
LOOP_OF(exp_falling)

/* Functions whose operations wait for each other too long for one loop run as several. */
static void softplus_tile(REAL *d, const REAL *a, int count) {
    REAL half[TILE];
    exp_falling_tile(half, a, count);
    EACH d[i] = softplus_second(a[i], half[i]);
}
#if REAL_BITS == 32
static void erf_tile(REAL *d, const REAL *a, int count) {
    REAL half[TILE] = { 0 };
    EACH half[i] = erf_first(a[i]);
    exp_tile(half, half, count);
    EACH d[i] = erf_second(a[i], half[i]);
}
#endif

bool KERNEL(curve)(int op, REAL *d, const REAL *a, int count) {
    switch (op) {
    case OP_sin: return turn_large(false, d, a, count);
    case OP_cos: return turn_large(true, d, a, count);
    case OP_softplus: softplus_tile(d, a, count); return true;
#if REAL_BITS == 32
    case OP_exp: exp_tile(d, a, count); return true;
    case OP_expm1: expm1_tile(d, a, count); return true;
    case OP_sigmoid: sigmoid_tile(d, a, count); return true;
    case OP_tanh: tanh_tile(d, a, count); return true;
    case OP_erf: erf_tile(d, a, count); return true;
#endif
    default: return false;
    }
}

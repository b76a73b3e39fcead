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

/* What a loop over a curve takes and makes: curve(a), or curve(a + b), the sum in `sum`; times its argument, where there is a place for the curve. */
typedef struct Curved { REAL *to, *sum, *curve, *a, *b; } Curved;

#if REAL_BITS == 32
/* Functions made for vectors, and loops over them; the rest of a tile that fills no vector is copied into one. */
#define LOOP_OF(name, f, summed, gated) \
    INLINE void name##_vector(Curved l, int i) { \
        V x = *(const V *)(l.a + i); \
        if (summed) x += *(const V *)(l.b + i); \
        V y = f##_of_vector(x); \
        if (summed) *(V *)(l.sum + i) = x; \
        if (gated) *(V *)(l.curve + i) = y, y *= x; \
        *(V *)(l.to + i) = y; \
    } \
    static void name(Curved l, int count) { \
        int i = 0; \
        for (; i + LANES <= count; i += LANES) name##_vector(l, i); \
        if (i == count) return; \
        REAL part[5][LANES] = { 0 }; \
        size_t bytes = (size_t)(count - i) * sizeof(REAL); \
        memcpy(part[3], l.a + i, bytes); \
        if (summed) memcpy(part[4], l.b + i, bytes); \
        name##_vector((Curved){ part[0], part[1], part[2], part[3], part[4] }, 0); \
        if (summed) memcpy(l.sum + i, part[1], bytes); \
        if (gated) memcpy(l.curve + i, part[2], bytes); \
        memcpy(l.to + i, part[0], bytes); \
    }
#else
#define LOOP_OF(name, f, summed, gated) \
    static void name(Curved l, int count) { \
        REAL *made = gated ? l.curve : l.to; \
        const REAL *x = summed ? l.sum : l.a; \
        if (summed) EACH l.sum[i] = l.a[i] + l.b[i]; \
        EACH made[i] = M(f)(x[i]); \
        if (gated) EACH l.to[i] = x[i] * made[i]; \
    }
#endif
#define CURVED(f) LOOP_OF(f##_tile, f, false, false) LOOP_OF(add_##f##_tile, f, true, false)
#define GATED(f) LOOP_OF(f##_gate_tile, f, false, true) LOOP_OF(add_##f##_gate_tile, f, true, true)
#include "vm/kernel/joined.def"

static void exp_falling_tile(REAL *to, const REAL *a, int count) { EACH to[i] = M(exp_falling)(a[i]); }

/* Functions whose operations wait for each other too long for one loop run as several. */
static void softplus_tile(REAL *d, const REAL *a, int count) {
    REAL half[TILE];
    exp_falling_tile(half, a, count);
    EACH d[i] = softplus_second(a[i], half[i]);
}
#if REAL_BITS == 32
static void erf_tile(REAL *d, const REAL *a, int count) {
    REAL half[TILE];
    EACH half[i] = erf_first(a[i]);
    exp_tile((Curved){ .to = half, .a = half }, count);
    EACH d[i] = erf_second(a[i], half[i]);
}
#endif

bool KERNEL(curve)(const TileStep *step, void *const *reg, int count) {
    Curved loop = { reg[step->dst], reg[step->sum], reg[step->curve], reg[step->a], reg[step->b] };
    switch (step->op) {
    case OP_sin: return turn_large(false, loop.to, loop.a, count);
    case OP_cos: return turn_large(true, loop.to, loop.a, count);
    case OP_softplus: softplus_tile(loop.to, loop.a, count); return true;
#if REAL_BITS == 32
    case OP_erf: erf_tile(loop.to, loop.a, count); return true;
#endif
#define CURVED(f) \
    case OP_##f: f##_tile(loop, count); return true; \
    case JOINED_add_##f: add_##f##_tile(loop, count); return true;
#define GATED(f) \
    case JOINED_##f##_gate: f##_gate_tile(loop, count); return true; \
    case JOINED_add_##f##_gate: add_##f##_gate_tile(loop, count); return true;
#include "vm/kernel/joined.def"
    default: return false;
    }
}

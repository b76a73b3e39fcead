/* tile.c: tile programs.  Each map of ops.def is one loop over the values of a tile; the steps of a program run one after another
 * on tiles that stay in the nearest cache. */
#include "vm/kernel/multi/multi.h"

/* dst may be one of the operands: equal places only, so each pass of the loop stands alone. */
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

/* The functions whose operations wait for each other too long for one loop run as two. */
#define IN_TWO_LOOPS(name) \
    static void name##_tile(REAL *d, const REAL *a, int count) { \
        REAL half[TILE]; \
        EACH half[i] = name##_first(a[i]); \
        EACH d[i] = name##_second(a[i], half[i]); \
    }
IN_TWO_LOOPS(softplus)
#if REAL_BITS == 32
IN_TWO_LOOPS(erf)
#endif

/* Whether the step has a way of its own, and is done. */
static bool run_special(int op, REAL *d, const REAL *a, int count) {
    switch (op) {
    case OP_sin: return turn_large(false, d, a, count);
    case OP_cos: return turn_large(true, d, a, count);
    case OP_softplus: softplus_tile(d, a, count); return true;
#if REAL_BITS == 32
    case OP_erf: erf_tile(d, a, count); return true;
#endif
    default: return false;
    }
}

void KERNEL(tile)(const TileStep *steps, int n_steps, void *const *reg, int count) {
    for (const TileStep *s = steps; s < steps + n_steps; s++) {
        REAL *d = reg[s->dst];
        const REAL *a = reg[s->a], *b = reg[s->b], *c = reg[s->c];
        if (run_special(s->op, d, a, count)) continue;
        switch (s->op) {
#define MAP1(name, expr, ...) case OP_##name: EACH { REAL x = a[i]; d[i] = (expr); } break;
#define MAP2(name, expr, ...) case OP_##name: EACH { REAL x = a[i], y = b[i]; d[i] = (expr); } break;
#define MAP3(name, expr, ...) case OP_##name: EACH { REAL x = a[i], y = b[i], z = c[i]; d[i] = (expr); } break;
#define FOLD(...)
#define OTHER(...)
#include "vm/base/ops.def"
#undef MAP1
#undef MAP2
#undef MAP3
#undef FOLD
#undef OTHER
        default: break;         /* the planner puts maps alone into a program */
        }
    }
}

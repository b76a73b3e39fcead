/* tile.c: tile programs.  Each map of ops.def is one loop over the values of a tile; the steps of a program run one after another
 * on tiles that stay in the nearest cache. */
#include "vm/kernel/multi/multi.h"

/* dst may be one of the operands: equal places only, so each pass of the loop stands alone. */
#define EACH _Pragma("GCC ivdep") for (int i = 0; i < count; i++)

void KERNEL(tile)(const TileStep *steps, int n_steps, void *const *reg, int count) {
    for (const TileStep *s = steps; s < steps + n_steps; s++) {
        REAL *d = reg[s->dst];
        const REAL *a = reg[s->a], *b = reg[s->b], *c = reg[s->c];
        if (KERNEL(curve)(s->op, d, a, count)) continue;
        switch (s->op) {
#define MAP1(name, expr, ...) case OP_##name: EACH { REAL x = a[i]; d[i] = (expr); } break;
#define MAP2(name, expr, ...) case OP_##name: EACH { REAL x = a[i], y = b[i]; d[i] = (expr); } break;
#define MAP3(name, expr, ...) case OP_##name: EACH { REAL x = a[i], y = b[i], z = c[i]; d[i] = (expr); } break;
#define FOLD(...)
#define OTHER(...)
#include "vm/base/ops.def"
#define JOINED(inner, outer, first, second) \
        case JOINED_##inner##_##outer: EACH { REAL x = a[i], y = b[i], z = c[i], t = (first); d[i] = (second); } break;
#include "vm/kernel/joined.def"
#undef JOINED
#undef MAP1
#undef MAP2
#undef MAP3
#undef FOLD
#undef OTHER
        default: break;         /* the planner puts maps alone into a program */
        }
    }
}

/* tile.c: tile programs.  Each map of ops.def is one loop over the values of a tile; the steps of a program run one after another
 * on tiles that stay in the nearest cache. */
#include "vm/kernel/multi/multi.h"

/* dst may be one of the operands: equal places only, so each pass of the loop stands alone. */
#define EACH _Pragma("GCC ivdep") for (int i = 0; i < count; i++)

void KERNEL(tile)(const TileStep *steps, int n_steps, void *const *reg, int count) {
    for (const TileStep *s = steps; s < steps + n_steps; s++) {
        if (KERNEL(curve)(s, reg, count)) continue;
        REAL *to = reg[s->dst];
        const REAL *a = reg[s->a], *b = reg[s->b], *c = reg[s->c], *d = reg[s->d], *e = reg[s->e];
        switch (s->op) {
#define MAP1(name, expr, ...) case OP_##name: EACH { REAL x = a[i]; to[i] = (expr); } break;
#define MAP2(name, expr, ...) case OP_##name: EACH { REAL x = a[i], y = b[i]; to[i] = (expr); } break;
#define MAP3(name, expr, ...) case OP_##name: EACH { REAL x = a[i], y = b[i], z = c[i]; to[i] = (expr); } break;
#define FOLD(...)
#define OTHER(...)
#include "vm/base/ops.def"
#define JOINED2(inner, outer, expr) case JOINED_##inner##_##outer: EACH { REAL x = a[i], y = b[i], z = c[i]; to[i] = (expr); } break;
#define JOINED3(inner, outer, expr) case JOINED_##inner##_##outer: EACH { REAL x = a[i], y = b[i], z = c[i], w = d[i]; to[i] = (expr); } break;
#define JOINED4(inner, outer, expr) case JOINED_##inner##_##outer: EACH { REAL x = a[i], y = b[i], z = c[i], w = d[i], v = e[i]; to[i] = (expr); } break;
#include "vm/kernel/joined.def"
#undef MAP1
#undef MAP2
#undef MAP3
#undef FOLD
#undef OTHER
        default: break;         /* the planner puts maps alone into a program */
        }
    }
}

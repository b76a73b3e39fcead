/* op_rows.h: turns the rows of ops.def, of whatever form, into OP_ROW(name, family, operands, vjp x, vjp y, vjp z, fuzz, flops, doc). */
#define MAP1(name, expr, vx, fuzz, flops, doc)             OP_ROW(name, FAMILY_MAP, 1, vx, 0, 0, fuzz, flops, doc)
#define MAP2(name, expr, vx, vy, fuzz, flops, doc)         OP_ROW(name, FAMILY_MAP, 2, vx, vy, 0, fuzz, flops, doc)
#define MAP3(name, expr, vx, vy, vz, fuzz, flops, doc)     OP_ROW(name, FAMILY_MAP, 3, vx, vy, vz, fuzz, flops, doc)
#define FOLD(name, vx, fuzz, flops, doc)                   OP_ROW(name, FAMILY_FOLD, 1, vx, 0, 0, fuzz, flops, doc)
#define OTHER(name, family, operands, vx, vy, vz, fuzz, flops, doc) OP_ROW(name, family, operands, vx, vy, vz, fuzz, flops, doc)
#include "vm/base/ops.def"
#undef MAP1
#undef MAP2
#undef MAP3
#undef FOLD
#undef OTHER
#undef OP_ROW

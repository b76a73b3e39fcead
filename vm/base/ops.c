/* ops.c: the tables that derive from ops.def: what is known of each op, and the value of a map in double precision (for
 * constants known before the run). */
#include <math.h>
#include <string.h>
#include "vm/base/graph.h"

const OpInfo op_info[OP_COUNT] = {
#define OP_ROW(name, family, operands, vx, vy, vz, fuzz, flops, doc) \
    [OP_##name] = { #name, family, operands, { vx, vy, vz }, fuzz, flops, doc },
#include "vm/base/op_rows.h"
};

Op op_named(const char *name)
{
    for (int op = 0; op < OP_COUNT; op++)
        if (!strcmp(op_info[op].name, name)) return (Op)op;
    return OP_COUNT;
}

static double sigmoid(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

#define REAL double
#define M(f) f
#define MAP(name, expr) \
    static double value_of_##name(double x, double y, double z) { (void)y; (void)z; return expr; }
#define MAP1(name, expr, ...) MAP(name, expr)
#define MAP2(name, expr, ...) MAP(name, expr)
#define MAP3(name, expr, ...) MAP(name, expr)
#define FOLD(...)
#define OTHER(...)
#include "vm/base/ops.def"
#undef MAP1
#undef MAP2
#undef MAP3

double op_value(Op op, double x, double y, double z)
{
    static double (*const table[OP_COUNT])(double, double, double) = {
#define ROW(name) [OP_##name] = value_of_##name,
#define MAP1(name, ...) ROW(name)
#define MAP2(name, ...) ROW(name)
#define MAP3(name, ...) ROW(name)
#include "vm/base/ops.def"
    };
    return table[op] ? table[op](x, y, z) : NAN;
}

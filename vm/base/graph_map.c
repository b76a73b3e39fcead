/* graph_map.c: maps, folds and dots: their shape rules, and what is known of their values before the run.
 *
 * Spreads are taken off the operands and put on the result, so that values constant along an axis are computed once. */
#include <assert.h>
#include <math.h>
#include "vm/base/graph_inner.h"

/* ---- Maps ---- */

static Node *map1(Graph *g, Op op, Node *x)          { return graph_map(g, op, x, NULL, NULL); }
static Node *map2(Graph *g, Op op, Node *x, Node *y) { return graph_map(g, op, x, y, NULL); }

static bool is_power_of_two(double v)
{
    int exponent;
    return isfinite(v) && v != 0 && fabs(frexp(v, &exponent)) == 0.5 && exponent > -120 && exponent < 120;
}

/* Factors may be joined if the product neither overflows nor vanishes in single precision. */
static bool is_ordinary(double v) { return fabs(v) > 1e-30 && fabs(v) < 1e30; }

static Node *simplify_add(Graph *g, Node *x, Node *y)
{
    if (is_const(x, 0)) return y;
    if (is_const(y, 0)) return x;
    if (y->op == OP_neg) return map2(g, OP_sub, x, y->in[0]);
    if (x->op == OP_neg) return map2(g, OP_sub, y, x->in[0]);
    if (x == y) return map2(g, OP_mul, x, graph_const(g, 2));
    return NULL;
}

static Node *simplify_sub(Graph *g, Node *x, Node *y)
{
    if (is_const(y, 0)) return x;
    if (is_const(x, 0)) return map1(g, OP_neg, y);
    if (y->op == OP_neg) return map2(g, OP_add, x, y->in[0]);
    return NULL;
}

static Node *scale(Graph *g, Node *x, double factor)
{
    if (factor == 0) return graph_const(g, 0);
    if (factor == 1) return x;
    if (factor == -1) return map1(g, OP_neg, x);
    if (x->op == OP_neg) return map2(g, OP_mul, x->in[0], graph_const(g, -factor));
    if (x->op == OP_mul)
        for (int k = 0; k < 2; k++)
            if (is_number(x->in[k]) && is_ordinary(x->in[k]->value) && is_ordinary(factor) && is_ordinary(x->in[k]->value * factor))
                return map2(g, OP_mul, x->in[1 - k], graph_const(g, x->in[k]->value * factor));
    return NULL;
}

static Node *simplify_mul(Graph *g, Node *x, Node *y)
{
    if (is_number(y)) return scale(g, x, y->value);
    if (is_number(x)) return scale(g, y, x->value);
    if (x->op == OP_neg && y->op == OP_neg) return map2(g, OP_mul, x->in[0], y->in[0]);
    return NULL;
}

static Node *simplify_div(Graph *g, Node *x, Node *y)
{
    if (is_const(x, 0)) return x;
    if (is_number(y) && is_power_of_two(y->value)) return map2(g, OP_mul, x, graph_const(g, 1 / y->value));
    if (x->op == OP_neg && y->op == OP_neg) return map2(g, OP_div, x->in[0], y->in[0]);
    return NULL;
}

static Node *simplify_pow(Graph *g, Node *x, Node *y)
{
    if (!is_number(y)) return NULL;
    Node *square = y->value >= 2 && y->value <= 4 ? map2(g, OP_mul, x, x) : NULL;
    if (y->value == 0) return graph_const(g, 1);
    if (y->value == 1) return x;
    if (y->value == 2) return square;
    if (y->value == 3) return map2(g, OP_mul, square, x);
    if (y->value == 4) return map2(g, OP_mul, square, square);
    if (y->value == 0.5) return map1(g, OP_sqrt, x);
    if (y->value == -1) return map2(g, OP_div, graph_const(g, 1), x);
    if (y->value == -0.5) return map2(g, OP_div, graph_const(g, 1), map1(g, OP_sqrt, x));
    return NULL;
}

static Node *simplify_gate(Graph *g, Node *x, Node *y)
{
    if (is_const(x, 0)) return x;
    if (is_number(x) || (is_number(y) && isfinite(y->value))) return map2(g, OP_mul, x, y);
    return NULL;
}

/* A bound that bounds nothing. */
static Node *simplify_bound(double none, Node *x, Node *y)
{
    return is_const(x, none) ? y : is_const(y, none) ? x : NULL;
}

static Node *simplify(Graph *g, Op op, Node *x, Node *y, Node *z)
{
    switch (op) {
    case OP_neg: return x->op == OP_neg ? x->in[0] : NULL;
    case OP_add: return simplify_add(g, x, y);
    case OP_sub: return simplify_sub(g, x, y);
    case OP_mul: return simplify_mul(g, x, y);
    case OP_div: return simplify_div(g, x, y);
    case OP_pow: return simplify_pow(g, x, y);
    case OP_gate: return simplify_gate(g, x, y);
    case OP_max: case OP_min: return x == y ? x : simplify_bound(op == OP_max ? -INFINITY : INFINITY, x, y);
    case OP_select:
        if (is_number(x)) return x->value != 0 ? y : z;
        return y == z ? y : NULL;
    default: return NULL;
    }
}

static bool commutes(Op op)
{
    return op == OP_add || op == OP_mul || op == OP_eq || op == OP_ne;
}

static Node *make_map(Graph *g, Op op, Node *x, Node *y, Node *z, int n_in)
{
    if (is_number(x) && (!y || is_number(y)) && (!z || is_number(z)))
        return graph_const(g, op_value(op, x->value, y ? y->value : 0, z ? z->value : 0));
    Node *simpler = simplify(g, op, x, y, z);
    if (simpler) return simpler;
    Node *in[3] = { x, y, z };
    if (commutes(op) && in[0]->id > in[1]->id) in[0] = y, in[1] = x;
    Node pattern = { .op = op, .n_in = n_in, .in = in, .axes = x->axes };
    for (int i = 0; i < n_in; i++) pattern.axes = axes_union(&pattern.axes, &in[i]->axes);
    return node_make(g, &pattern);
}

Node *graph_map(Graph *g, Op op, Node *x, Node *y, Node *z)
{
    int n_in = op_info[op].operands;
    assert(op_info[op].family == FAMILY_MAP && x && (n_in < 2 || y) && (n_in < 3 || z));
    if (n_in < 2) y = NULL;
    if (n_in < 3) z = NULL;
    Axes axes = x->axes;
    if (y) axes = axes_union(&axes, &y->axes);
    if (z) axes = axes_union(&axes, &z->axes);
    return graph_spread(g, make_map(g, op, bare(x), y ? bare(y) : NULL, z ? bare(z) : NULL, n_in), axes);
}

bool node_is_opaque(const Node *n)
{
    switch (n->op) {
    case OP_const: case OP_iota: case OP_spread: case OP_neg: case OP_index: case OP_reshape: return false;
    case OP_mul: return !is_number(n->in[0]) && !is_number(n->in[1]);
    default: return true;
    }
}

/* ---- Folds ---- */

/* What folding `count` equal values x gives. */
static Node *fold_equal(Graph *g, Op op, Node *x, int64_t count)
{
    if (count == 1) return x;
    switch (op) {
    case OP_sum: return map2(g, OP_mul, x, graph_const(g, (double)count));
    case OP_prod: return map2(g, OP_pow, x, graph_const(g, (double)count));
    case OP_logsumexp: return map2(g, OP_add, x, graph_const(g, log((double)count)));
    default: return x;
    }
}

Node *graph_fold(Graph *g, Op op, Node *x, Axes over)
{
    assert(op_info[op].family == FAMILY_FOLD);
    Axes result = axes_minus(&x->axes, &over);
    Node *r = bare(x);
    Axes lacking = axes_minus(&over, &r->axes), inner = axes_common(&over, &r->axes);
    if (inner.n) {
        Node pattern = { .op = op, .n_in = 1, .in = &r, .axes = axes_minus(&r->axes, &over) };
        r = node_make(g, &pattern);
    }
    return graph_spread(g, fold_equal(g, op, r, axes_count(&lacking)), result);
}

/* ---- Dots ---- */

Node *graph_dot(Graph *g, Node *x, Node *y, Axes over)
{
    Axes all = axes_union(&x->axes, &y->axes), result = axes_minus(&all, &over);
    x = bare(x);
    y = bare(y);
    Axes neither = axes_minus(&over, &x->axes);
    neither = axes_minus(&neither, &y->axes);
    Axes in_x = axes_common(&over, &x->axes), in_y = axes_common(&over, &y->axes);
    x = graph_fold(g, OP_sum, x, axes_minus(&in_x, &in_y));
    y = graph_fold(g, OP_sum, y, axes_minus(&in_y, &in_x));
    Axes common = axes_common(&in_x, &in_y);
    Node *r;
    if (common.n) {
        Node *in[2] = { x, y };
        if (x->id > y->id) in[0] = y, in[1] = x;
        all = axes_union(&x->axes, &y->axes);
        Node pattern = { .op = OP_dot, .n_in = 2, .in = in, .axes = axes_minus(&all, &common) };
        r = node_make(g, &pattern);
    } else {
        r = map2(g, OP_mul, x, y);
    }
    return graph_spread(g, fold_equal(g, OP_sum, r, axes_count(&neither)), result);
}

Node *graph_fit(Graph *g, Node *x, Axes axes)
{
    return graph_spread(g, graph_fold(g, OP_sum, x, axes_minus(&x->axes, &axes)), axes);
}

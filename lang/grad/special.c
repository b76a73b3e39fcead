/* special.c: the rules that name another op instead of a formula: products, extremes, and moves, each with its adjoint. */
#include <assert.h>
#include "lang/grad/grad_inner.h"

/* ---- Products ---- */

static Node *slice(Graph *g, Node *x, Axis axis, int64_t start, Axis part)
{
    Move move = { .n = 1, .at = { { .from = axis, .offset = start, .n = 1, .term = { { part, 1 } } } } };
    return graph_index(g, x, &move, axes_with(axes_without(x->axes, axis), part));
}

static Node *value_at(Graph *g, Node *x, Axis axis, int64_t at)
{
    Move move = { .n = 1, .at = { { .from = axis, .offset = at } } };
    return graph_index(g, x, &move, axes_without(x->axes, axis));
}

/* The product along an axis by halves: products of two only, whose derivatives need no division and so may be taken at 0. */
static Node *product_along(Graph *g, Node *x, Axis axis)
{
    Node *odd = NULL;
    while (axis_size(axis) > 1) {
        int64_t size = axis_size(axis), half = size / 2;
        Axis part = axis_make(half, axis_number(axis));
        if (size % 2) {
            Node *last = value_at(g, x, axis, size - 1);
            odd = odd ? map2(g, OP_mul, odd, last) : last;
        }
        x = map2(g, OP_mul, slice(g, x, axis, 0, part), slice(g, x, axis, half, part));
        axis = part;
    }
    x = value_at(g, x, axis, 0);
    return odd ? map2(g, OP_mul, x, odd) : x;
}

/* The fold as products of two of a variable in the place of its operand. */
static Node *product_of(Graph *g, const Node *n, Node *variable)
{
    Axes over = node_over(n);
    Node *r = variable;
    for (int i = 0; i < over.n; i++) r = product_along(g, r, over.at[i]);
    return r;
}

static Node *prod_reverse(Graph *g, Node *n, Node *cotangent)
{
    Node *x = graph_variable(g, n->in[0]->axes), *r = product_of(g, n, x), *result;
    grad_reverse(g, &r, &cotangent, 1, &x, 1, &result);
    if (result) graph_substitute(g, &result, 1, &x, &n->in[0], 1);
    return result;
}

static Node *prod_forward(Graph *g, Node *n, Node *tangent)
{
    Node *x = graph_variable(g, n->in[0]->axes), *r = product_of(g, n, x), *result;
    grad_forward(g, &r, 1, &x, &tangent, 1, &result);
    if (result) graph_substitute(g, &result, 1, &x, &n->in[0], 1);
    return result;
}

/* ---- Extremes ---- */

/* The axes as one, for a value that does not have it. */
static Axis joined_axis(const Axes *over, const Axes *taken)
{
    Axis axis = axis_make(axes_count(over), 0x7e00);
    while (axes_have(taken, axis)) axis++;
    return axis;
}

/* 1 at the extreme value, the first at a tie, 0 elsewhere. */
static Node *extreme_mask(Graph *g, Node *n)
{
    Node *x = n->in[0], *number = graph_const(g, 0);
    Axes over = node_over(n);
    Shape from = { .n = over.n }, to = { .n = 1, .at = { joined_axis(&over, &x->axes) } };
    int64_t stride = axes_count(&over);
    for (int i = 0; i < over.n; i++) {
        from.at[i] = over.at[i];
        stride /= axis_size(over.at[i]);
        Node *step = map2(g, OP_mul, graph_iota(g, over.at[i]), graph_const(g, (double)stride));
        number = map2(g, OP_add, number, step);
    }
    Node *line = graph_reshape(g, x, from, to);
    Node *place = graph_along(g, n->op == OP_maximum ? OP_argmax : OP_argmin, line, to.at[0], false);
    return map2(g, OP_eq, number, place);
}

/* ---- Moves ---- */

static Node *concat_reverse(Graph *g, Node *n, int k, Node *cotangent)
{
    int64_t start = 0;
    for (int i = 0; i < k; i++) start += n->part[i] ? axis_size(n->part[i]) : 1;
    if (!n->part[k]) return value_at(g, cotangent, n->axis, start);
    return slice(g, cotangent, n->axis, start, n->part[k]);
}

static Node *dot_reverse(Graph *g, Node *n, int k, Node *cotangent)
{
    Node *other = n->in[1 - k];
    Axes all = axes_union(&cotangent->axes, &other->axes);
    return graph_dot(g, cotangent, other, axes_minus(&all, &n->in[k]->axes));
}

static Node *gather_reverse(Graph *g, Node *n, Node *cotangent)
{
    Node *x = n->in[0], *index = n->in[1];
    return graph_scatter(g, cotangent, index, n->axis, axes_minus(&index->axes, &x->axes));
}

static Node *put_reverse(Graph *g, Node *n, int k, Node *cotangent)
{
    if (k == 2) return graph_gather(g, cotangent, n->axis, n->in[1]);
    return graph_put(g, cotangent, n->axis, n->in[1], graph_const(g, 0), node_over(n));
}

Node *special_reverse(Sweep *s, Node *n, int k, Node *cotangent)
{
    Graph *g = s->g;
    Node *x = n->in[0];
    switch (n->op) {
    case OP_prod: return prod_reverse(g, n, cotangent);
    case OP_maximum: case OP_minimum: return map2(g, OP_mul, cotangent, extreme_mask(g, n));
    case OP_dot: return dot_reverse(g, n, k, cotangent);
    case OP_index: return graph_place(g, cotangent, n->move, x->axes);
    case OP_place: return graph_index(g, cotangent, n->move, x->axes);
    case OP_reshape: return graph_reshape(g, cotangent, *n->to, *n->from);
    case OP_concat: return concat_reverse(g, n, k, cotangent);
    case OP_gather: return gather_reverse(g, n, cotangent);
    case OP_scatter: return graph_gather(g, cotangent, n->axis, n->in[1]);
    case OP_put: return put_reverse(g, n, k, cotangent);
    case OP_cumsum: return graph_along(g, OP_cumsum, cotangent, n->axis, !n->flag);
    case OP_svdvals: return svdvals_reverse(g, n, cotangent);
    case OP_svdvectors: return svdvectors_reverse(g, n, cotangent);
    default: assert(!"a rule without code"); return NULL;
    }
}

/* ---- Forward ---- */

/* The op is linear in the operands that have rules: the op of their tangents. */
static Node *linear_forward(Sweep *s, Node *n, Node *const *tangents)
{
    Node *in[n->n_in];
    bool any = false;
    for (int k = 0; k < n->n_in; k++) {
        in[k] = n->in[k];
        if (!rule_text(s->change, n, k)) continue;
        in[k] = tangents[k] ? tangents[k] : zeros(s->g, n->in[k]->axes);
        any = any || tangents[k];
    }
    return any ? graph_rebuild(s->g, n, in) : NULL;
}

static Node *dot_forward(Graph *g, Node *n, Node *const *tangents)
{
    Axes over = node_over(n);
    Node *x = tangents[0] ? graph_dot(g, tangents[0], n->in[1], over) : NULL;
    Node *y = tangents[1] ? graph_dot(g, n->in[0], tangents[1], over) : NULL;
    return x && y ? map2(g, OP_add, x, y) : x ? x : y;
}

Node *special_forward(Sweep *s, Node *n, Node *const *tangents)
{
    if (n->op == OP_dot) return dot_forward(s->g, n, tangents);
    if (n->op == OP_prod) return tangents[0] ? prod_forward(s->g, n, tangents[0]) : NULL;
    if (n->op == OP_maximum || n->op == OP_minimum) {
        if (!tangents[0]) return NULL;
        return graph_dot(s->g, tangents[0], extreme_mask(s->g, n), node_over(n));
    }
    if (n->op == OP_svdvals) return tangents[0] ? svdvals_forward(s->g, n, tangents[0]) : NULL;
    if (n->op == OP_svdvectors) return tangents[0] ? svdvectors_forward(s->g, n, tangents[0]) : NULL;
    return linear_forward(s, n, tangents);
}

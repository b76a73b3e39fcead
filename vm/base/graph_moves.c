/* graph_moves.c: ops that move values without (much) arithmetic: spread, reshape, concat, gather, scatter, put, the ops along an axis,
 * and the marks stop and implicit. */
#include <assert.h>
#include "vm/base/graph_inner.h"

Node *graph_spread(Graph *g, Node *x, Axes onto)
{
    Axes axes = axes_union(&x->axes, &onto);
    Node *base = bare(x);
    if (axes_equal(&axes, &base->axes)) return base;
    Node pattern = { .op = OP_spread, .n_in = 1, .in = &base, .axes = axes };
    return node_make(g, &pattern);
}

Axes node_over(const Node *n)
{
    Axes all = { 0 };
    for (int i = n->op == OP_put ? 1 : 0; i < n->n_in; i++) all = axes_union(&all, &n->in[i]->axes);
    return axes_minus(&all, &n->axes);
}

/* An axis of this size that is in none of the sets; for names that do not leave one node. */
static Axis spare_axis(int64_t size, const Axes *a, const Axes *b)
{
    unsigned number = 0x7f00;
    while (axes_have(a, axis_make(size, number)) || axes_have(b, axis_make(size, number))) number++;
    return axis_make(size, number);
}

/* ---- Reshape ---- */

/* Leaves out axes that are the same at the ends of both shapes. */
static void trim(Shape *from, Shape *to)
{
    while (from->n && to->n && from->at[from->n - 1] == to->at[to->n - 1]) from->n--, to->n--;
    int same = 0;
    while (same < from->n && same < to->n && from->at[same] == to->at[same]) same++;
    for (int i = same; i < from->n; i++) from->at[i - same] = from->at[i];
    for (int i = same; i < to->n; i++) to->at[i - same] = to->at[i];
    from->n -= same;
    to->n -= same;
    for (int i = from->n; i < MAX_AXES; i++) from->at[i] = 0;
    for (int i = to->n; i < MAX_AXES; i++) to->at[i] = 0;
}

/* Axes of size 1 under no name: values at 0. */
static Node *drop_axes(Graph *g, Node *x, const Shape *from)
{
    Move move = { .n = from->n };
    for (int i = 0; i < from->n; i++) move.at[i] = (Coord){ .from = from->at[i] };
    Axes gone = axes_of(*from);
    return graph_index(g, x, &move, axes_minus(&x->axes, &gone));
}

static Node *reshape_bare(Graph *g, Node *x, Shape from, Shape to)
{
    trim(&from, &to);
    Axes old = axes_of(from), new = axes_of(to), here = axes_common(&old, &x->axes);
    if (!here.n || !from.n) return graph_spread(g, x, new);
    if (!to.n) return drop_axes(g, x, &from);
    x = graph_spread(g, x, old);
    if (from.n == 1 && to.n == 1) return graph_rename(g, x, from.at[0], to.at[0]);
    if (x->op == OP_reshape && x->to->n == from.n && !memcmp(x->to->at, from.at, (size_t)from.n * sizeof(Axis))) {
        Shape first = *x->from;
        return graph_reshape(g, x->in[0], first, to);
    }
    Axes kept = axes_minus(&x->axes, &old);
    Node pattern = { .op = OP_reshape, .n_in = 1, .in = &x, .axes = axes_union(&kept, &new), .from = &from, .to = &to };
    return node_make(g, &pattern);
}

Node *graph_reshape(Graph *g, Node *x, Shape from, Shape to)
{
    Axes old = axes_of(from), new = axes_of(to), kept = axes_minus(&x->axes, &old);
    assert(axes_count(&old) == axes_count(&new));
    return graph_spread(g, reshape_bare(g, bare(x), from, to), axes_union(&kept, &new));
}

/* ---- Concat ---- */

Node *graph_concat(Graph *g, Node **in, const Axis *part, int n, Axis axis)
{
    Axes others = { 0 };
    int64_t places = 0;
    for (int i = 0; i < n; i++) {
        Axes own = part[i] ? axes_without(in[i]->axes, part[i]) : in[i]->axes;
        others = axes_union(&others, &own);
        places += part[i] ? axis_size(part[i]) : 1;
    }
    assert(places == axis_size(axis) && !axes_have(&others, axis));
    (void)places;
    Axes result = axes_with(others, axis);
    if (n == 1) return graph_spread(g, part[0] ? graph_rename(g, in[0], part[0], axis) : in[0], result);
    Node *full[n];
    for (int i = 0; i < n; i++) full[i] = graph_spread(g, in[i], part[i] ? axes_with(others, part[i]) : others);
    Node pattern = { .op = OP_concat, .n_in = n, .in = full, .axes = result, .axis = axis, .part = part };
    return node_make(g, &pattern);
}

/* ---- Gather, scatter, put ---- */

static Node *gather_bare(Graph *g, Node *x, Axis axis, Node *index)
{
    Axes rest = axes_without(x->axes, axis);
    Move move = { .n = 1 };
    if (affine_coord(index, axis, &move.at[0])) return graph_index(g, x, &move, axes_union(&rest, &index->axes));
    Node *in[2] = { x, index };
    Node pattern = { .op = OP_gather, .n_in = 2, .in = in, .axis = axis, .axes = axes_union(&rest, &index->axes) };
    return node_make(g, &pattern);
}

Node *graph_gather(Graph *g, Node *x, Axis axis, Node *index)
{
    Axes rest = axes_without(x->axes, axis), result = axes_union(&rest, &index->axes);
    x = bare(x);
    index = bare(index);
    if (!axes_have(&x->axes, axis)) return graph_spread(g, x, result);
    if (!axes_have(&index->axes, axis)) return graph_spread(g, gather_bare(g, x, axis, index), result);
    Axis other = spare_axis(axis_size(axis), &x->axes, &index->axes);
    Node *r = gather_bare(g, x, axis, graph_rename(g, index, axis, other));
    return graph_spread(g, graph_rename(g, r, other, axis), result);
}

/* Gives axes of `over` that the result has too (`taken`) other names in v and index. */
static void part_names(Graph *g, Node **v, Node **index, Axes *over, const Axes *taken)
{
    Axes clash = axes_common(over, taken);
    for (int i = 0; i < clash.n; i++) {
        Axes used = axes_union(&(*v)->axes, &(*index)->axes);
        Axis other = spare_axis(axis_size(clash.at[i]), &used, taken);
        *v = graph_rename(g, *v, clash.at[i], other);
        *index = graph_rename(g, *index, clash.at[i], other);
        *over = axes_with(axes_without(*over, clash.at[i]), other);
    }
}

Node *graph_scatter(Graph *g, Node *v, Node *index, Axis axis, Axes over)
{
    Axes all = axes_union(&v->axes, &index->axes), result = axes_minus(&all, &over);
    assert(!axes_have(&result, axis));
    result = axes_with(result, axis);
    v = bare(v);
    index = bare(index);
    Axes alone = axes_minus(&over, &index->axes);
    v = graph_fold(g, OP_sum, v, alone);
    over = axes_minus(&over, &alone);
    if (is_const(v, 0)) return graph_spread(g, v, result);
    Axes taken = axes_one(axis);
    part_names(g, &v, &index, &over, &taken);
    Node *in[2] = { v, index };
    Move move = { .n = 1 };
    if (affine_coord(index, axis, &move.at[0])) return graph_spread(g, graph_place(g, v, &move, result), result);
    all = axes_union(&v->axes, &index->axes);
    Node pattern = { .op = OP_scatter, .n_in = 2, .in = in, .axis = axis, .axes = axes_with(axes_minus(&all, &over), axis) };
    return graph_spread(g, node_make(g, &pattern), result);
}

Node *graph_put(Graph *g, Node *base, Axis axis, Node *index, Node *v, Axes over)
{
    Axes taken = axes_with(base->axes, axis);
    index = graph_spread(g, index, over);
    part_names(g, &v, &index, &over, &taken);
    Axes source = axes_union(&v->axes, &index->axes), outer = axes_minus(&source, &over), result = axes_union(&taken, &outer);
    Node *in[3] = { graph_spread(g, base, result), index, v };
    Node pattern = { .op = OP_put, .n_in = 3, .in = in, .axis = axis, .axes = result };
    return node_make(g, &pattern);
}

/* ---- Along an axis ---- */

/* The same for a value that is constant along the axis. */
static Node *along_equal(Graph *g, Op op, Node *x, Axis axis, bool backward)
{
    if (op == OP_argmax || op == OP_argmin) return graph_const(g, 0);
    Node *place = graph_iota(g, axis);
    if (op == OP_argsort) return place;
    Node *size = graph_const(g, (double)axis_size(axis)), *one = graph_const(g, 1);
    Node *count = backward ? graph_map(g, OP_sub, size, place, NULL) : graph_map(g, OP_add, place, one, NULL);
    return graph_map(g, OP_mul, x, count, NULL);
}

Node *graph_along(Graph *g, Op op, Node *x, Axis axis, bool flag)
{
    assert(op == OP_argmax || op == OP_argmin || op == OP_cumsum || op == OP_argsort);
    bool stays = op == OP_cumsum || op == OP_argsort;
    Axes result = stays ? axes_with(x->axes, axis) : axes_without(x->axes, axis);
    Node *r = bare(x);
    if (!axes_have(&r->axes, axis)) {
        r = along_equal(g, op, r, axis, flag);
    } else {
        Node pattern = { .op = op, .n_in = 1, .in = &r, .axis = axis, .flag = stays && flag,
                         .axes = stays ? r->axes : axes_without(r->axes, axis) };
        r = node_make(g, &pattern);
    }
    return graph_spread(g, r, result);
}

static Node *of_matrix(Graph *g, Op op, Node *x, Axis rows, Axis columns, Axis out, bool left)
{
    Axes matrix = axes_with(axes_one(rows), columns), kept = axes_minus(&x->axes, &matrix);
    Axis part[2] = { columns, out };
    x = graph_spread(g, bare(x), matrix);
    Axes made = axes_minus(&x->axes, &matrix);
    made = axes_with(made, out);
    if (op == OP_svdvectors) made = axes_with(made, left ? rows : columns);
    Node pattern = { .op = op, .n_in = 1, .in = &x, .axis = rows, .part = part, .axes = made, .flag = left };
    return graph_spread(g, node_make(g, &pattern), axes_union(&made, &kept));
}

Node *graph_svdvals(Graph *g, Node *x, Axis rows, Axis columns, Axis out)
{
    return of_matrix(g, OP_svdvals, x, rows, columns, out, false);
}

Node *graph_svdvectors(Graph *g, Node *x, Axis rows, Axis columns, Axis out, bool left)
{
    return of_matrix(g, OP_svdvectors, x, rows, columns, out, left);
}

/* ---- Marks ---- */

Node *graph_stop(Graph *g, Node *x)
{
    Node *base = bare(x);
    if (base->op != OP_stop && base->op != OP_const && base->op != OP_iota) {
        Node pattern = { .op = OP_stop, .n_in = 1, .in = &base, .axes = base->axes };
        base = node_make(g, &pattern);
    }
    return graph_spread(g, base, x->axes);
}

Node *graph_implicit(Graph *g, Node *z, Node *residual, bool symmetric)
{
    Node *in[2] = { z, residual };
    Node pattern = { .op = OP_implicit, .n_in = 2, .in = in, .axes = z->axes, .flag = symmetric };
    return node_make(g, &pattern);
}

/* fold.c: sums, products, extremes over axes, and what runs along one axis: argmax, cumsum, argsort, singular values. */
#include "lang/plan/inside.h"

/* The dims of a nest that the result lacks. */
static int count_folded(const Nest *nest)
{
    int n = 0;
    for (int d = 0; d < nest->n; d++) n += nest->dim[d].stride[0] == 0;
    return n;
}

static int folded_dim(const Nest *nest)
{
    for (int d = 0; d < nest->n; d++)
        if (nest->dim[d].stride[0] == 0) return d;
    return -1;
}

static Shape shape_without(const Shape *shape, Axis a)
{
    Shape left = { 0 };
    for (int i = 0; i < shape->n; i++)
        if (shape->at[i] != a) left.at[left.n++] = shape->at[i];
    return left;
}

static void fold_nest(Planner *p, Node *n, Nest *nest, const View *to, const View *from)
{
    nest_begin(nest, (const View *[]){ to, from }, 2);
    for (int i = 0; i < n->in[0]->axes.n; i++) nest_axis(p, nest, n->in[0]->axes.at[i], lane_of(p, n));
    nest_tidy(nest);
}

/* The operand copied so that the folded axes are one in memory. */
static View copied_for_fold(Planner *p, Node *n, const View *from)
{
    Node *x = n->in[0];
    Axis lane = axes_have(&x->axes, lane_of(p, n)) ? lane_of(p, n) : 0;
    Shape order = { 0 };
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < x->axes.n; i++)
            if (axes_have(&n->axes, x->axes.at[i]) == (pass == 0)) order.at[order.n++] = x->axes.at[i];
    View to = view_new(p, &order, lane, false);
    emit_copy(p, n, &to, from, &x->axes, lane);
    return to;
}

/* Puts the folded dim, then the contiguous columns if there are any, last.  Returns whether there are columns. */
static bool arrange_fold(Nest *nest)
{
    int k = folded_dim(nest);
    if (k < 0) {
        const int64_t zero[2] = { 0 };
        nest_dim(nest, 1, zero);
    } else {
        nest_last(nest, k);
    }
    for (int d = 0; d < nest->n - 1; d++)
        if (nest->dim[d].stride[0] == 1 && nest->dim[d].stride[1] == 1) {
            nest_last(nest, d);
            return true;
        }
    return false;
}

static void add_fold(Planner *p, Node *n, Nest *nest, Op op)
{
    bool columns = arrange_fold(nest);
    Instr *instr = nest_instr(p, nest, columns ? INSTR_FOLD_ROWS : INSTR_FOLD_LINE, n);
    instr->op = op;
    split_instr(p, instr, 0, columns ? instr->n_dims - 2 : instr->n_dims - 1, op_info[op].flops);
    if (columns && instr->split < 0) split_instr(p, instr, instr->n_dims - 1, instr->n_dims, op_info[op].flops);
    instr_add(p, instr);
}

void emit_sum(Planner *p, Node *n, Nest *nest) { add_fold(p, n, nest, OP_sum); }

void emit_items_sum(Planner *p, Node *n, const View *to, const View *from)
{
    Nest nest;
    nest_begin(&nest, (const View *[]){ to, from }, 2);
    for (int i = 0; i < n->axes.n; i++) nest_axis(p, &nest, n->axes.at[i], 0);
    nest_tidy(&nest);
    nest_axis(p, &nest, lane_of(p, n), lane_of(p, n));
    add_fold(p, n, &nest, OP_sum);
}

/* Of a slice's items: first over the other axes, one after the other, then over the items; so bits do not depend on what is one in memory. */
static void emit_sliced_fold(Planner *p, Node *n)
{
    const Shape *all = &info_of(p, n->in[0])->order;
    Axis lane = lane_of(p, n);
    Shape order = *all;
    View from = *view_of(p, n->in[0]);
    Nest nest;
    for (int i = 0; i < all->n; i++) {
        if (axes_have(&n->axes, all->at[i]) || all->at[i] == lane) continue;
        Shape left = shape_without(&order, all->at[i]);
        View to = view_new(p, &left, lane, false);
        nest_begin(&nest, (const View *[]){ &to, &from }, 2);
        for (int k = 0; k < order.n; k++) nest_axis(p, &nest, order.at[k], lane);
        nest_tidy(&nest);
        add_fold(p, n, &nest, OP_sum);
        order = left;
        from = to;
    }
    View to = view_for(p, n);
    emit_items_sum(p, n, &to, &from);
}

void emit_fold(Planner *p, Node *n)
{
    if (p->region && info_of(p, n)->sliced) {
        emit_sliced_fold(p, n);
        return;
    }
    View to = view_for(p, n), from = *view_of(p, n->in[0]);
    Nest nest;
    fold_nest(p, n, &nest, &to, &from);
    if (count_folded(&nest) > 1) {
        from = copied_for_fold(p, n, &from);
        fold_nest(p, n, &nest, &to, &from);
    }
    add_fold(p, n, &nest, n->op);
}

/* A nest over all axes but one, which comes last. */
static void along_nest(Planner *p, Node *n, Nest *nest, const View *to, const View *from)
{
    nest_begin(nest, (const View *[]){ to, from }, 2);
    for (int i = 0; i < n->in[0]->axes.n; i++)
        if (n->in[0]->axes.at[i] != n->axis) nest_axis(p, nest, n->in[0]->axes.at[i], lane_of(p, n));
    nest_tidy(nest);
    const int64_t strides[2] = { view_stride(to, n->axis), view_stride(from, n->axis) };
    nest_dim(nest, axis_size(n->axis), strides);
}

void emit_along(Planner *p, Node *n)
{
    View to = view_for(p, n), from = *view_of(p, n->in[0]);
    Nest nest;
    along_nest(p, n, &nest, &to, &from);
    InstrKind kind = n->op == OP_cumsum ? INSTR_CUMSUM : n->op == OP_argsort ? INSTR_ARGSORT : INSTR_ARG_LINE;
    bool columns = kind == INSTR_ARG_LINE && arrange_fold(&nest);
    Instr *instr = nest_instr(p, &nest, columns ? INSTR_ARG_ROWS : kind, n);
    instr->flag = kind == INSTR_ARG_LINE ? n->op == OP_argmax : n->flag;
    if (kind == INSTR_ARGSORT) scratch_needed(p, 3 * axis_size(n->axis));
    split_instr(p, instr, 0, columns ? instr->n_dims - 2 : instr->n_dims - 1, op_info[n->op].flops);
    instr_add(p, instr);
}

/* Singular values or vectors: the nest's last two dims are the matrix; of the result, along is the axis of its values, side that of vectors. */
void emit_svd(Planner *p, Node *n)
{
    Axis rows = n->axis, columns = n->part[0], out = n->part[1], side = n->flag ? rows : columns;
    bool vectors = n->op == OP_svdvectors;
    View to = view_for(p, n), from = *view_of(p, n->in[0]);
    Nest nest;
    nest_begin(&nest, (const View *[]){ &to, &from }, 2);
    for (int i = 0; i < n->axes.n; i++)
        if (n->axes.at[i] != out && !(vectors && n->axes.at[i] == side)) nest_axis(p, &nest, n->axes.at[i], lane_of(p, n));
    nest_tidy(&nest);
    nest_dim(&nest, axis_size(rows), (int64_t[]){ vectors && n->flag ? view_stride(&to, rows) : 0, view_stride(&from, rows) });
    nest_dim(&nest, axis_size(columns), (int64_t[]){ vectors && !n->flag ? view_stride(&to, columns) : 0, view_stride(&from, columns) });
    Instr *instr = nest_instr(p, &nest, INSTR_SVD, n);
    instr->along_stride = view_stride(&to, out);
    instr->flag = n->flag;
    int64_t least = axis_size(out), sides = vectors ? axis_size(rows) + axis_size(columns) : 0;
    scratch_needed(p, padded(axis_size(rows) * axis_size(columns)) + padded(least) + least * sides);
    instr_add(p, instr);
}

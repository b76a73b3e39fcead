/* graph_check.c: whether a graph keeps its rules: number and order of operands, axes of each family, scopes.  For passes under
 * development and tests; a broken rule is a fault of ours, never of a text. */
#include <stdlib.h>
#include "vm/base/graph_inner.h"

static Axes inputs_union(const Node *n)
{
    Axes all = { 0 };
    for (int i = 0; i < n->n_in; i++) all = axes_union(&all, &n->in[i]->axes);
    return all;
}

static bool axes_sorted(const Axes *axes)
{
    for (int i = 1; i < axes->n; i++)
        if (axes->at[i - 1] >= axes->at[i]) return false;
    for (int i = 0; i < axes->n; i++)
        if (axis_size(axes->at[i]) < 1) return false;
    return true;
}

static const char *check_index(const Axes *outer, const Axes *inner, const Move *move)
{
    Axes gone = { 0 }, terms = { 0 };
    for (int i = 0; i < move->n; i++) {
        if (i && move->at[i - 1].from >= move->at[i].from) return "coordinates are not sorted";
        if (!axes_have(inner, move->at[i].from)) return "a coordinate of an axis that is not there";
        gone = axes_with(gone, move->at[i].from);
        for (int k = 0; k < move->at[i].n; k++) terms = axes_with(terms, move->at[i].term[k].axis);
    }
    Axes kept = axes_minus(inner, &gone), all = axes_union(&kept, &terms);
    return axes_equal(&all, outer) ? NULL : "axes are not those the move gives";
}

static const char *check_reshape(const Node *n)
{
    Axes from = axes_of(*n->from), to = axes_of(*n->to), kept = axes_minus(&n->in[0]->axes, &from), all = axes_union(&kept, &to);
    if (!axes_within(&from, &n->in[0]->axes)) return "reshape of axes that are not there";
    if (axes_count(&from) != axes_count(&to)) return "reshape to another count";
    return axes_equal(&all, &n->axes) ? NULL : "axes of a reshape";
}

static const char *check_concat(const Node *n)
{
    int64_t places = 0;
    for (int i = 0; i < n->n_in; i++) {
        Axes other = n->part[i] ? axes_without(n->in[i]->axes, n->part[i]) : n->in[i]->axes;
        Axes result = axes_with(other, n->axis);
        if (n->part[i] && !axes_have(&n->in[i]->axes, n->part[i])) return "concat along an axis that is not there";
        if (!axes_equal(&result, &n->axes)) return "axes of a concat";
        places += n->part[i] ? axis_size(n->part[i]) : 1;
    }
    return places == axis_size(n->axis) ? NULL : "size of a concat";
}

static const char *check_move(const Node *n)
{
    const Axes *x = n->n_in ? &n->in[0]->axes : NULL;
    Axes all = inputs_union(n);
    switch (n->op) {
    case OP_spread: return axes_within(x, &n->axes) && n->in[0]->op != OP_spread ? NULL : "axes of a spread";
    case OP_index: return check_index(&n->axes, x, n->move);
    case OP_place: return check_index(x, &n->axes, n->move);
    case OP_reshape: return check_reshape(n);
    case OP_concat: return check_concat(n);
    case OP_gather: {
        Axes rest = axes_without(*x, n->axis), result = axes_union(&rest, &n->in[1]->axes);
        if (!axes_have(x, n->axis) || axes_have(&n->in[1]->axes, n->axis)) return "axis of a gather";
        return axes_equal(&result, &n->axes) ? NULL : "axes of a gather";
    }
    case OP_scatter: {
        Axes rest = axes_without(n->axes, n->axis);
        return axes_have(&n->axes, n->axis) && !axes_have(&all, n->axis) && axes_within(&rest, &all) ? NULL : "axes of a scatter";
    }
    case OP_put: return axes_have(x, n->axis) && axes_equal(x, &n->axes) ? NULL : "axes of a put";
    case OP_stop: return axes_equal(x, &n->axes) ? NULL : "axes of a stop";
    case OP_implicit: return axes_equal(x, &n->axes) ? NULL : "axes of an implicit";
    default: return NULL;
    }
}

static const char *check_along(const Node *n)
{
    const Axes *x = &n->in[0]->axes;
    if (!axes_have(x, n->axis)) return "an op along an axis that is not there";
    if (n->op == OP_svdvals || n->op == OP_svdvectors) return axes_have(x, n->part[0]) && axes_have(&n->axes, n->part[1]) ? NULL : "axes of singular values";
    Axes result = n->op == OP_argmax || n->op == OP_argmin ? axes_without(*x, n->axis) : *x;
    return axes_equal(&result, &n->axes) ? NULL : "axes of an op along an axis";
}

static const char *check_axes(const Node *n)
{
    Axes all = inputs_union(n);
    switch (op_info[n->op].family) {
    case FAMILY_MAP: return axes_equal(&all, &n->axes) ? NULL : "axes of a map";
    case FAMILY_FOLD: return axes_within(&n->axes, &all) && n->axes.n < all.n ? NULL : "axes of a fold";
    case FAMILY_DOT: {
        Axes over = node_over(n), both = axes_common(&n->in[0]->axes, &n->in[1]->axes);
        return over.n && axes_within(&over, &both) && axes_within(&n->axes, &all) ? NULL : "axes of a dot";
    }
    case FAMILY_MOVE: return check_move(n);
    case FAMILY_ALONG: return check_along(n);
    default: return NULL;
    }
}

static const char *check_loop(const Loop *loop, const Node *node)
{
    if (node->n_in != 2 * loop->n_carry + loop->n_keep) return "operands of a loop";
    for (int i = 0; i < loop->n_carry; i++) {
        const Axes *axes = &loop->carry[i]->axes;
        if (!axes_equal(axes, &loop->init[i]->axes) || !axes_equal(axes, &loop->next[i]->axes)) return "axes of a carry";
        if (!scope_within(loop, loop->next[i]->scope)) return "a next value of another loop's";
        if (scope_within(loop->init[i]->scope, loop)) return "a first value inside its loop";
    }
    for (int i = 0; i < loop->n_keep; i++)
        if (!scope_within(loop, loop->keep[i]->scope)) return "a kept value of another loop's";
    if (node->scope && scope_within(node->scope, loop)) return "a loop inside itself";
    return NULL;
}

static const char *check_scope(const Node *n)
{
    if (n->op == OP_loop) return check_loop(n->loop, n);
    if (n->op == OP_carry || n->op == OP_time) return n->scope == n->loop ? NULL : "scope of a loop's leaf";
    Loop *deepest = NULL;
    for (int i = 0; i < n->n_in; i++) {
        Loop *scope = n->in[i]->scope;
        if (!scope_within(scope, deepest) && !scope_within(deepest, scope)) return "values of two loops side by side";
        deepest = scope_deeper(deepest, scope);
    }
    return n->scope == deepest ? NULL : "scope";
}

static const char *check_node(const Node *n)
{
    int operands = op_info[n->op].operands;
    if (operands >= 0 && n->n_in != operands) return "number of operands";
    for (int i = 0; i < n->n_in; i++)
        if (n->in[i]->id >= n->id) return "order of operands";
    if (!axes_sorted(&n->axes)) return "axes not in order";
    const char *broken = check_axes(n);
    return broken ? broken : check_scope(n);
}

const char *graph_check(Graph *g, Node *const *roots, int n_roots)
{
    NodeList stack = { 0 };
    const char *broken = NULL;
    walk_begin(g);
    for (int i = 0; i < n_roots; i++) node_list_push(&stack, roots[i]);
    while (stack.n && !broken) {
        Node *n = stack.at[--stack.n];
        if (walk_mark(g, n)) continue;
        const char *what = check_node(n);
        if (what) broken = arena_format(&g->arena, "node %u (%s): %s", n->id, op_info[n->op].name, what);
        for (int i = 0; i < n->n_in; i++) node_list_push(&stack, n->in[i]);
    }
    free(stack.at);
    return broken;
}

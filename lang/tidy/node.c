/* node.c: the tidied form of one node whose operands are tidy. */
#include <string.h>
#include "lang/tidy/tidy_inner.h"

/* ---- Renames ---- */

static bool same_rename(const Node *a, const Node *b)
{
    if (a->move->n != b->move->n) return false;
    for (int i = 0; i < a->move->n; i++)
        if (a->move->at[i].from != b->move->at[i].from || a->move->at[i].term[0].axis != b->move->at[i].term[0].axis) return false;
    return true;
}

/* Axes that a rename takes from and gives to. */
static Axes touched(const Node *rename)
{
    Axes axes = { 0 };
    for (int i = 0; i < rename->move->n; i++) {
        axes = axes_with(axes, rename->move->at[i].from);
        axes = axes_with(axes, rename->move->at[i].term[0].axis);
    }
    return axes;
}

/* A map of values renamed alike is the map of the values, renamed: the map may be known already, and the rename may meet another. */
static Node *rename_after_map(Graph *g, Node *n)
{
    Node *rename = NULL, *in[3] = { 0 };
    for (int i = 0; i < n->n_in && !rename; i++)
        if (node_is_rename(n->in[i])) rename = n->in[i];
    if (!rename) return n;
    Axes axes = touched(rename);
    for (int i = 0; i < n->n_in; i++) {
        Axes common = axes_common(&n->in[i]->axes, &axes);
        bool alike = node_is_rename(n->in[i]) && same_rename(n->in[i], rename) && axes_equal(&n->in[i]->in[0]->axes, &rename->in[0]->axes);
        if (!alike && common.n) return n;
        in[i] = alike ? n->in[i]->in[0] : n->in[i];
    }
    Node *r = graph_map(g, n->op, in[0], in[1], in[2]);
    return graph_index(g, r, rename->move, n->axes);
}

/* A fold over renamed axes is the fold over the axes before, where the renaming of what is left stays a renaming. */
static Node *fold_before_rename(Graph *g, Node *n)
{
    Node *rename = n->in[0];
    if (!node_is_rename(rename)) return n;
    Axes over = node_over(n), before = { 0 };
    Move rest = { 0 };
    for (int i = 0; i < over.n; i++) {
        Axis from = over.at[i];
        for (int k = 0; k < rename->move->n; k++)
            if (rename->move->at[k].term[0].axis == over.at[i]) from = rename->move->at[k].from;
        before = axes_with(before, from);
    }
    for (int k = 0; k < rename->move->n; k++)
        if (!axes_have(&before, rename->move->at[k].from)) rest.at[rest.n++] = rename->move->at[k];
    return graph_index(g, graph_fold(g, n->op, rename->in[0], before), &rest, n->axes);
}

/* ---- Families ---- */

/* (x * a) * b with a and b small beside x: x * (a * b). */
static Node *small_factors_first(Graph *g, const Live *live, const Node *old, Node *n)
{
    if (n->op != OP_mul) return n;
    for (int k = 0; k < 2; k++) {
        Node *product = n->in[k], *b = n->in[1 - k];
        if (product->op != OP_mul || live->uses[old->in[k]->id] > 1) continue;
        for (int j = 0; j < 2; j++) {
            Node *x = product->in[1 - j], *a = product->in[j];
            Axes small = axes_union(&a->axes, &b->axes);
            if (a->op == OP_const || b->op == OP_const || axes_equal(&small, &x->axes)) continue;
            if (axes_within(&small, &x->axes)) return map2(g, OP_mul, x, map2(g, OP_mul, a, b));
        }
    }
    return n;
}

static Node *tidy_sum(Graph *g, const Live *live, const Node *old, Node *n)
{
    Node *x = n->in[0];
    bool shared = live->uses[old->in[0]->id] > 1;
    if (x->op == OP_sum && !shared) {
        Axes inner = node_over(x), outer = node_over(n);
        return contract_sum(g, x->in[0], axes_union(&inner, &outer));
    }
    if (shared && !is_expansive(x)) return n;
    return contract_sum(g, x, node_over(n));
}

Node *tidy_node(Graph *g, const Live *live, const Node *old, Node *n)
{
    if (op_info[n->op].family == FAMILY_FOLD && old->op == n->op) {
        Node *r = fold_before_rename(g, n);
        if (r != n) return r;
        return n->op == OP_sum ? tidy_sum(g, live, old, n) : n;
    }
    if (n->op == OP_dot && old->op == OP_dot) return contract_dot(g, n->in[0], n->in[1], node_over(n));
    if (op_info[n->op].family == FAMILY_MAP && old->op == n->op && old->n_in == n->n_in)
        return rename_after_map(g, small_factors_first(g, live, old, n));
    return n;
}

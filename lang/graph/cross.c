/* cross.c: whether a value mixes the items of another: whether its place n depends, with a derivative, on places of x other than n.
 *
 * From x on, the axis of the items is followed through the graph: maps keep it, renamings rename it; whatever sums, shifts or sorts along it,
 * or meets it under two names, mixes. */
#include <stdlib.h>
#include <string.h>
#include "lang/graph/builder.h"

/* What a node carries of the items: the axis they lie along; 0: it does not depend on x; MIXED. */
#define MIXED (~(Axis)0)

typedef struct Follow { Axis *carries; } Follow;

static Axis together(Axis a, Axis b)
{
    if (!a || !b) return a ? a : b;
    return a == b ? a : MIXED;
}

static Axis carried(const Follow *f, const Node *n) { return n ? f->carries[n->id] : 0; }

/* A coordinate that is one axis under another name. */
static bool is_renaming(const Coord *c)
{
    return c->n == 1 && c->term[0].coef == 1 && !c->offset && !c->wrap && axis_size(c->from) == axis_size(c->term[0].axis);
}

static Axis through_index(const Node *n, Axis a)
{
    for (int i = 0; i < n->move->n; i++)
        if (n->move->at[i].from == a) return is_renaming(&n->move->at[i]) ? n->move->at[i].term[0].axis : MIXED;
    return a;
}

static Axis through_place(const Node *n, Axis a)
{
    for (int i = 0; i < n->move->n; i++)
        for (int k = 0; k < n->move->at[i].n; k++)
            if (n->move->at[i].term[k].axis == a) return is_renaming(&n->move->at[i]) ? n->move->at[i].from : MIXED;
    return a;
}

/* Row-major: a leading axis of the same size keeps its items. */
static Axis through_reshape(const Node *n, Axis a)
{
    for (int i = 0; i < n->from->n; i++) {
        if (n->from->at[i] != a) continue;
        return i == 0 && n->to->n && axis_size(n->to->at[0]) == axis_size(a) ? n->to->at[0] : MIXED;
    }
    return a;
}

static Axis over_operands(const Follow *f, const Node *n)
{
    Axes over = node_over(n);
    Axis all = 0;
    for (int i = 0; i < n->n_in; i++) {
        Axis a = carried(f, n->in[i]);
        all = together(all, a && a != MIXED && axes_have(&over, a) ? MIXED : a);
    }
    return all;
}

static Axis of_concat(const Follow *f, const Node *n)
{
    Axis all = 0;
    for (int i = 0; i < n->n_in; i++) {
        Axis a = carried(f, n->in[i]);
        all = together(all, a && n->part[i] == a ? MIXED : a);
    }
    return all;
}

static Axis of_result(const Follow *f, const Node *n)
{
    const Loop *l = n->in[0]->loop;
    int i = (int)n->key;
    return i < l->n_carry ? together(carried(f, l->init[i]), carried(f, l->next[i])) : carried(f, l->keep[i - l->n_carry]);
}

static Axis of_node(const Follow *f, const Node *n)
{
    if (n->op == OP_carry) return together(carried(f, n->loop->init[n->key]), carried(f, n->loop->next[n->key]));
    if (n->op == OP_result) return of_result(f, n);
    if (n->op == OP_loop || n->op == OP_stop || !n->n_in) return 0;
    Axis a = carried(f, n->in[0]), all = 0;
    switch (op_info[n->op].family) {
    case FAMILY_MAP:
        for (int i = 0; i < n->n_in; i++) {
            const char *rule = op_info[n->op].vjp[i];
            if (rule && strcmp(rule, "0") != 0) all = together(all, carried(f, n->in[i]));
        }
        return all;
    case FAMILY_FOLD: case FAMILY_DOT: return over_operands(f, n);
    case FAMILY_ALONG:
        if (n->op == OP_svdvals || n->op == OP_svdvectors) return a && (a == n->axis || a == n->part[0]) ? MIXED : a;
        return n->op != OP_cumsum ? 0 : a && a == n->axis ? MIXED : a;
    default: break;
    }
    if (a == MIXED) return MIXED;
    switch (n->op) {
    case OP_index:    return a ? through_index(n, a) : 0;
    case OP_place:    return a ? through_place(n, a) : 0;
    case OP_reshape:  return a ? through_reshape(n, a) : 0;
    case OP_concat:   return of_concat(f, n);
    case OP_gather:   return a == n->axis ? (a ? MIXED : 0) : a;
    case OP_scatter: case OP_put: return over_operands(f, n);
    case OP_implicit: return together(a, carried(f, n->in[1]));
    default:          return a;
    }
}

/* Whether e, at its axis `to`, depends on x at other places of `from` than the same. */
bool crosses_items(Builder *b, const Node *e, Axis to, const Node *x, Axis from)
{
    uint32_t size = graph_size(b->g);
    Follow f = { calloc((size_t)size + 1, sizeof(Axis)) };
    if (!f.carries) return false;
    f.carries[x->id] = from;
    bool changes = true;
    /* what a loop carries depends on its own next value: a pass or two more */
    for (int pass = 0; pass < 8 && changes; pass++) {
        changes = false;
        for (uint32_t id = 0; id < size; id++) {
            if (id == x->id) continue;
            Axis now = of_node(&f, graph_node(b->g, id));
            changes |= now != f.carries[id];
            f.carries[id] = now;
        }
    }
    Axis found = f.carries[e->id];
    free(f.carries);
    return found && found != to;
}

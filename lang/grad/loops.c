/* loops.c: forward derivatives of loops: the loop again, with a tangent beside each carry.  backward.c has the others. */
#include <stdlib.h>
#include "lang/grad/grad_inner.h"

/* The loop with tangents, while it is built. */
typedef struct Doubled {
    Flow flow;
    Loop *loop;
    int *number;                /* the carry that holds the tangent of a carry; -1: none */
    int n_values;               /* of values: next values, then kept values */
    Node **values, **tangents;
} Doubled;

static void find_doubled_flow(Doubled *d)
{
    Loop *loop = d->flow.loop;
    for (int i = 0; i < loop->n_carry; i++) flow_reach(&d->flow, loop->carry[i]), flow_reach(&d->flow, loop->next[i]);
    for (int j = 0; j < loop->n_keep; j++) flow_reach(&d->flow, loop->keep[j]);
    flow_ready(&d->flow);
}

static Loop *doubled_scope(const Doubled *d, Node *loop_node)
{
    const Sweep *s = d->flow.s;
    const Loop *old = d->flow.loop;
    Loop *scope = loop_node->scope;
    for (int i = 0; i < old->n_carry; i++)
        if (s->at[old->init[i]->id]) scope = deepest_scope(scope, s->at[old->init[i]->id]->scope);
    for (int i = 0; i < d->flow.captured.n; i++) {
        const Node *t = s->at[d->flow.captured.at[i]->id];
        if (t) scope = deepest_scope(scope, t->scope);
    }
    return scope;
}

/* The carries of the old loop and their tangents; wrt and their tangents for the body's derivative. */
static void double_carries(Graph *g, Doubled *d, NodeStack *from, NodeStack *to, NodeStack *wrt, NodeStack *tangents)
{
    const Sweep *s = d->flow.s;
    Loop *old = d->flow.loop;
    node_push(from, old->time);
    node_push(to, d->loop->time);
    for (int i = 0; i < old->n_carry; i++) {
        node_push(from, old->carry[i]);
        node_push(to, graph_carry(g, d->loop, old->init[i], old->carry[i]->axes));
    }
    for (int i = 0; i < old->n_carry; i++) {
        Axes axes = axes_union(&old->carry[i]->axes, &s->extra);
        Node *first = s->at[old->init[i]->id];
        d->number[i] = -1;
        if (!s->active.is[old->carry[i]->id]) continue;
        d->number[i] = d->loop->n_carry;
        node_push(wrt, to->at[1 + i]);
        node_push(tangents, graph_carry(g, d->loop, first ? first : zeros(g, axes), axes));
    }
    for (int i = 0; i < d->flow.captured.n; i++) {
        Node *tangent = s->at[d->flow.captured.at[i]->id];
        if (!tangent) continue;
        node_push(wrt, d->flow.captured.at[i]);
        node_push(tangents, tangent);
    }
}

static void close_doubled(Graph *g, Doubled *d)
{
    Sweep *s = d->flow.s;
    Loop *old = d->flow.loop;
    d->loop->until = old->until;
    for (int i = 0; i < old->n_carry; i++) {
        graph_loop_next(g, d->loop, i, d->values[i]);
        if (d->number[i] >= 0) graph_loop_next(g, d->loop, d->number[i], d->tangents[i] ? d->tangents[i] : graph_const(g, 0));
    }
    for (int j = 0; j < old->n_keep; j++)
        if (d->tangents[old->n_carry + j]) graph_loop_keep(g, d->loop, d->tangents[old->n_carry + j], old->keep_axis);
    graph_loop_close(g, d->loop);
    for (int i = 0; i < old->n_carry; i++)
        if (d->number[i] >= 0) *sweep_result(s, old, i) = graph_result(g, d->loop, d->number[i]);
    for (int j = 0; j < old->n_keep; j++) {
        Node *tangent = d->tangents[old->n_carry + j];
        if (!tangent) continue;
        int kept = graph_loop_keep(g, d->loop, tangent, old->keep_axis);
        *sweep_result(s, old, old->n_carry + j) = graph_result(g, d->loop, d->loop->n_carry + kept);
    }
}

static void build_doubled(Sweep *s, Doubled *d, Node *loop_node)
{
    Graph *g = s->g;
    Loop *old = d->flow.loop;
    NodeStack from = { 0 }, to = { 0 }, wrt = { 0 }, tangents = { 0 };
    find_doubled_flow(d);
    d->loop = graph_loop_open(g, doubled_scope(d, loop_node), old->passes);
    double_carries(g, d, &from, &to, &wrt, &tangents);
    for (int i = 0; i < old->n_carry; i++) d->values[i] = old->next[i];
    for (int j = 0; j < old->n_keep; j++) d->values[old->n_carry + j] = old->keep[j];
    graph_substitute(g, d->values, d->n_values, from.at, to.at, from.n);
    grad_forward_changed(g, (RuleChange *)s->change, d->values, d->n_values, wrt.at, tangents.at, wrt.n, d->tangents);
    close_doubled(g, d);
    free(from.at);
    free(to.at);
    free(wrt.at);
    free(tangents.at);
}

/* A result whose carry is not active itself has the tangent of its next value, in the last pass. */
static bool any_result_active(const Sweep *s, const Loop *loop)
{
    for (int i = 0; i < loop->n_carry; i++)
        if (s->active.is[loop->carry[i]->id]) return true;
    for (int j = 0; j < loop->n_keep; j++)
        if (s->active.is[loop->keep[j]->id]) return true;
    return false;
}

void loop_forward(Sweep *s, Node *loop_node)
{
    Loop *old = loop_node->loop;
    if (!any_result_active(s, old)) return;
    Doubled d = { .n_values = old->n_carry + old->n_keep };
    flow_begin(&d.flow, s, old);
    d.number = calloc((size_t)old->n_carry + 1, sizeof *d.number);
    d.values = calloc((size_t)d.n_values + 1, sizeof *d.values);
    d.tangents = calloc((size_t)d.n_values + 1, sizeof *d.tangents);
    if (!d.number || !d.values || !d.tangents) abort();
    build_doubled(s, &d, loop_node);
    flow_end(&d.flow);
    free(d.number);
    free(d.values);
    free(d.tangents);
}

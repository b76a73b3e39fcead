/* loops.c: derivatives of loops, which are loops.
 *
 * Forward: the loop again, with a tangent beside each carry.
 * Reverse: a loop that runs backward.  The tape holds the carries at the start of each pass and nothing else; a pass backward computes
 * the pass anew from them (draws depend on the number of the pass alone, so they are the same), and takes its derivative.  The
 * cotangents of the carries go from pass to pass; those of values from outside the loop are summed over the passes. */
#include <stdlib.h>
#include "lang/grad/grad_inner.h"

typedef struct Nodes { Node **at; int n, room; } Nodes;

static void push(Nodes *list, Node *n)
{
    if (list->n == list->room) {
        list->room = list->room ? 2 * list->room : 64;
        list->at = realloc(list->at, (size_t)list->room * sizeof *list->at);
        if (!list->at) abort();
    }
    list->at[list->n++] = n;
}

static bool within(const Loop *scope, const Loop *loop)
{
    for (; scope; scope = scope->outer)
        if (scope == loop) return true;
    return false;
}

static Loop *deepest(Loop *a, Loop *b)
{
    if (!a || !b) return a ? a : b;
    return a->depth >= b->depth ? a : b;
}

/* ---- What flows through a loop ---- */

/* The parts of a loop that a derivative is about. */
typedef struct Flow {
    Sweep *s;
    Loop *loop;
    bool *carry;                /* carries reached from the wanted values through active nodes */
    Nodes captured;             /* active values from outside that the body uses on the way, by id */
    Nodes slices;               /* reads of such values at a place that the number of the pass alone gives, by id (reverse only) */
    bool wants_slices;
    Nodes stack;
    bool *seen;
} Flow;

/* Whether the value is arithmetic on the number of the pass and values from outside. */
static bool is_timed(const Flow *f, const Node *n)
{
    if (!within(n->scope, f->loop) || n == f->loop->time) return true;
    if (op_info[n->op].family != FAMILY_MAP) return false;
    for (int k = 0; k < n->n_in; k++)
        if (!is_timed(f, n->in[k])) return false;
    return true;
}

static bool is_slice(const Flow *f, const Node *n)
{
    return f->wants_slices && n->op == OP_gather && n->scope == f->loop && !within(n->in[0]->scope, f->loop) && is_timed(f, n->in[1]);
}

static void reach_node(Flow *f, Node *n)
{
    const Active *active = &f->s->active;
    if (f->seen[n->id]) return;
    f->seen[n->id] = true;
    bool mine = within(n->scope, f->loop);
    if (n->op == OP_carry && n->loop == f->loop) {
        if (!active->is[n->id] || f->carry[n->key]) return;
        f->carry[n->key] = true;
        push(&f->stack, f->loop->next[n->key]);
    } else if (!mine) {
        if (active->is[n->id]) push(&f->captured, n);
    } else if (is_slice(f, n)) {
        if (active->is[n->id]) push(&f->slices, n);
    } else if (n->op == OP_loop || active->is[n->id]) {
        for (int k = 0; k < n->n_in; k++) push(&f->stack, n->in[k]);
    }
}

static void reach(Flow *f, Node *from)
{
    push(&f->stack, from);
    while (f->stack.n) reach_node(f, f->stack.at[--f->stack.n]);
}

static int by_id(const void *a, const void *b)
{
    const Node *const *x = a, *const *y = b;
    return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

static void flow_begin(Flow *f, Sweep *s, Loop *loop)
{
    *f = (Flow){ .s = s, .loop = loop };
    f->carry = calloc((size_t)loop->n_carry + 1, sizeof *f->carry);
    f->seen = calloc(s->active.size + 1, sizeof *f->seen);
    if (!f->carry || !f->seen) abort();
}

static void flow_ready(Flow *f)
{
    if (f->captured.n) qsort(f->captured.at, (size_t)f->captured.n, sizeof(Node *), by_id);
    if (f->slices.n) qsort(f->slices.at, (size_t)f->slices.n, sizeof(Node *), by_id);
}

static void flow_end(Flow *f)
{
    free(f->carry);
    free(f->seen);
    free(f->stack.at);
    free(f->captured.at);
    free(f->slices.at);
}

static bool is_invariant(const Loop *loop, int i) { return loop->next[i] == loop->carry[i]; }

/* ---- Reverse ---- */

/* The loop that runs backward, while it is built. */
typedef struct Backward {
    Flow flow;
    Node **cotangents;          /* of the forward loop's results; null: none */
    int n_keep;                 /* values kept before the tape was */
    Loop *loop;
    Node *pass;                 /* number of the forward pass that is undone */
    Node **old;                 /* what stands for each forward carry in the body */
    int *number;                /* the carry of the new loop that holds a forward carry's cotangent; -1: none */
    Nodes outs, seeds, wrt;     /* wrt: carries, captured values, slices */
} Backward;

static Loop *backward_scope(const Backward *b, const Node *loop_node)
{
    const Loop *forward = b->flow.loop;
    Loop *scope = loop_node->scope;
    for (int i = 0; i < forward->n_carry + b->n_keep; i++)
        if (b->cotangents[i]) scope = deepest(scope, b->cotangents[i]->scope);
    return scope;
}

/* What a forward carry held at the start of the pass: read from the tape, or itself a carry where it never changes. */
static Node *old_carry(Graph *g, Backward *b, int i)
{
    Loop *forward = b->flow.loop;
    if (is_invariant(forward, i)) return graph_carry(g, b->loop, forward->init[i], forward->carry[i]->axes);
    Axis axis = forward->n_keep ? forward->keep_axis : graph_fresh_axis(g, forward->passes);
    int kept = graph_loop_keep(g, forward, forward->carry[i], axis);
    return graph_gather(g, graph_result(g, forward, forward->n_carry + kept), axis, b->pass);
}

static void open_backward(Graph *g, Backward *b, Node *loop_node)
{
    Loop *forward = b->flow.loop;
    b->loop = graph_loop_open(g, backward_scope(b, loop_node), forward->passes);
    b->pass = map2(g, OP_sub, graph_const(g, (double)(forward->passes - 1)), b->loop->time);
    for (int i = 0; i < forward->n_carry; i++) b->old[i] = old_carry(g, b, i);
}

/* A new carry that starts as the cotangent of the final value, or 0. */
static Node *cotangent_carry(Graph *g, Backward *b, int i)
{
    Node *carry = b->flow.loop->carry[i], *last = b->cotangents[i];
    b->number[i] = b->loop->n_carry;
    return graph_carry(g, b->loop, last ? graph_fit(g, last, carry->axes) : zeros(g, carry->axes), carry->axes);
}

/* The values of the pass with cotangents, and what they are derived by. */
static void gather_ends(Graph *g, Backward *b)
{
    Loop *forward = b->flow.loop;
    for (int i = 0; i < forward->n_carry; i++) {
        if (!b->flow.carry[i]) continue;
        push(&b->seeds, cotangent_carry(g, b, i));
        push(&b->outs, forward->next[i]);
        push(&b->wrt, b->old[i]);
    }
    for (int j = 0; j < b->n_keep; j++) {
        Node *kept = b->cotangents[forward->n_carry + j];
        if (!kept) continue;
        push(&b->outs, forward->keep[j]);
        push(&b->seeds, graph_gather(g, kept, forward->keep_axis, b->pass));
    }
    for (int i = 0; i < b->flow.captured.n; i++) push(&b->wrt, b->flow.captured.at[i]);
    for (int i = 0; i < b->flow.slices.n; i++) push(&b->wrt, b->flow.slices.at[i]);
}

/* The ends, and the slices among wrt, as values of the pass that is undone. */
static void recompute_pass(Graph *g, Backward *b)
{
    Loop *forward = b->flow.loop;
    Nodes from = { 0 }, to = { 0 }, roots = { 0 };
    int n_slices = b->flow.slices.n, first = b->wrt.n - n_slices;
    for (int i = 0; i < b->outs.n; i++) push(&roots, b->outs.at[i]);
    for (int i = 0; i < n_slices; i++) push(&roots, b->wrt.at[first + i]);
    push(&from, forward->time);
    push(&to, b->pass);
    for (int i = 0; i < forward->n_carry; i++) push(&from, forward->carry[i]), push(&to, b->old[i]);
    graph_substitute(g, roots.at, roots.n, from.at, to.at, from.n);
    for (int i = 0; i < b->outs.n; i++) b->outs.at[i] = roots.at[i];
    for (int i = 0; i < n_slices; i++) b->wrt.at[first + i] = roots.at[b->outs.n + i];
    free(from.at);
    free(to.at);
    free(roots.at);
}

/* Sets next values from the cotangents of the pass; captured[i] becomes the number of the carry that sums it, or -1. */
static void close_backward(Graph *g, Backward *b, Node *const *parts, int *captured)
{
    Loop *forward = b->flow.loop;
    int at = 0;
    for (int i = 0; i < forward->n_carry; i++) {
        if (!b->flow.carry[i]) continue;
        graph_loop_next(g, b->loop, b->number[i], parts[at] ? parts[at] : zeros(g, forward->carry[i]->axes));
        at++;
    }
    for (int i = 0; i < b->flow.captured.n; i++, at++) {
        captured[i] = -1;
        if (!parts[at]) continue;
        Axes axes = b->flow.captured.at[i]->axes;
        captured[i] = b->loop->n_carry;
        Node *sum = graph_carry(g, b->loop, zeros(g, axes), axes);
        graph_loop_next(g, b->loop, captured[i], map2(g, OP_add, sum, parts[at]));
    }
    Axis passes = b->flow.slices.n ? graph_fresh_axis(g, forward->passes) : 0;
    for (int i = 0; i < b->flow.slices.n; i++, at++)
        if (parts[at]) graph_loop_keep(g, b->loop, parts[at], passes);
    graph_loop_close(g, b->loop);
}

/* The cotangents of slices, collected over the passes, go to their places all at once. */
static void place_slices(Sweep *s, Backward *b, Node *const *parts)
{
    Graph *g = s->g;
    Axis passes = b->loop->keep_axis;
    for (int i = 0; i < b->flow.slices.n; i++) {
        Node *slice = b->flow.slices.at[i], *x = slice->in[0], *index = slice->in[1];
        if (!parts[i]) continue;
        int kept = graph_loop_keep(g, b->loop, parts[i], passes);
        Node *pass = map2(g, OP_sub, graph_const(g, (double)(b->loop->passes - 1)), graph_iota(g, passes));
        graph_substitute(g, &index, 1, &b->flow.loop->time, &pass, 1);
        Node *all = graph_result(g, b->loop, b->loop->n_carry + kept);
        Axes over = axes_minus(&index->axes, &x->axes);
        sweep_add(s, x, graph_scatter(g, all, index, slice->axis, axes_with(over, passes)));
    }
}

static void find_flow(Backward *b)
{
    Loop *loop = b->flow.loop;
    for (int i = 0; i < loop->n_carry; i++)
        if (b->cotangents[i]) reach(&b->flow, loop->carry[i]), reach(&b->flow, loop->next[i]);
    for (int j = 0; j < b->n_keep; j++)
        if (b->cotangents[loop->n_carry + j]) reach(&b->flow, loop->keep[j]);
    for (int i = 0; i < loop->n_carry; i++)         /* a final value with a cotangent, whose carry itself is not active */
        if (b->cotangents[i]) b->flow.carry[i] = true;
    flow_ready(&b->flow);
}

static void build_backward(Sweep *s, Backward *b, Node *loop_node)
{
    Graph *g = s->g;
    Loop *forward = b->flow.loop;
    find_flow(b);
    open_backward(g, b, loop_node);
    gather_ends(g, b);
    recompute_pass(g, b);
    Node **parts = calloc((size_t)b->wrt.n + 1, sizeof *parts);
    int *captured = calloc((size_t)b->flow.captured.n + 1, sizeof *captured);
    if (!parts || !captured) abort();
    grad_reverse_changed(g, (RuleChange *)s->change, b->outs.at, b->seeds.at, b->outs.n, b->wrt.at, b->wrt.n, parts);
    close_backward(g, b, parts, captured);
    for (int i = 0; i < forward->n_carry; i++)
        if (b->number[i] >= 0 && s->active.is[forward->init[i]->id])
            sweep_add(s, forward->init[i], graph_result(g, b->loop, b->number[i]));
    for (int i = 0; i < b->flow.captured.n; i++)
        if (captured[i] >= 0) sweep_add(s, b->flow.captured.at[i], graph_result(g, b->loop, captured[i]));
    place_slices(s, b, parts + (b->wrt.n - b->flow.slices.n));
    free(parts);
    free(captured);
}

void loop_reverse(Sweep *s, Node *loop_node)
{
    Loop *forward = loop_node->loop;
    Backward b = { .cotangents = s->results[loop_node->id], .n_keep = forward->n_keep };
    if (!b.cotangents) return;
    flow_begin(&b.flow, s, forward);
    b.flow.wants_slices = true;
    b.old = calloc((size_t)forward->n_carry + 1, sizeof *b.old);
    b.number = calloc((size_t)forward->n_carry + 1, sizeof *b.number);
    if (!b.old || !b.number) abort();
    for (int i = 0; i < forward->n_carry; i++) b.number[i] = -1;
    build_backward(s, &b, loop_node);
    flow_end(&b.flow);
    free(b.old);
    free(b.number);
    free(b.outs.at);
    free(b.seeds.at);
    free(b.wrt.at);
}

/* ---- Forward ---- */

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
    for (int i = 0; i < loop->n_carry; i++) reach(&d->flow, loop->carry[i]), reach(&d->flow, loop->next[i]);
    for (int j = 0; j < loop->n_keep; j++) reach(&d->flow, loop->keep[j]);
    flow_ready(&d->flow);
}

static Loop *doubled_scope(const Doubled *d, Node *loop_node)
{
    const Sweep *s = d->flow.s;
    const Loop *old = d->flow.loop;
    Loop *scope = loop_node->scope;
    for (int i = 0; i < old->n_carry; i++)
        if (s->at[old->init[i]->id]) scope = deepest(scope, s->at[old->init[i]->id]->scope);
    for (int i = 0; i < d->flow.captured.n; i++) {
        const Node *t = s->at[d->flow.captured.at[i]->id];
        if (t) scope = deepest(scope, t->scope);
    }
    return scope;
}

/* The carries of the old loop and their tangents; wrt and their tangents for the body's derivative. */
static void double_carries(Graph *g, Doubled *d, Nodes *from, Nodes *to, Nodes *wrt, Nodes *tangents)
{
    const Sweep *s = d->flow.s;
    Loop *old = d->flow.loop;
    push(from, old->time);
    push(to, d->loop->time);
    for (int i = 0; i < old->n_carry; i++) {
        push(from, old->carry[i]);
        push(to, graph_carry(g, d->loop, old->init[i], old->carry[i]->axes));
    }
    for (int i = 0; i < old->n_carry; i++) {
        Axes axes = axes_union(&old->carry[i]->axes, &s->extra);
        Node *first = s->at[old->init[i]->id];
        d->number[i] = -1;
        if (!s->active.is[old->carry[i]->id]) continue;
        d->number[i] = d->loop->n_carry;
        push(wrt, to->at[1 + i]);
        push(tangents, graph_carry(g, d->loop, first ? first : zeros(g, axes), axes));
    }
    for (int i = 0; i < d->flow.captured.n; i++) {
        Node *tangent = s->at[d->flow.captured.at[i]->id];
        if (!tangent) continue;
        push(wrt, d->flow.captured.at[i]);
        push(tangents, tangent);
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
    Nodes from = { 0 }, to = { 0 }, wrt = { 0 }, tangents = { 0 };
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

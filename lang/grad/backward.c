/* backward.c: reverse derivatives of loops, which are loops that run backward.
 *
 * The tape holds the carries at the start of each pass and nothing else; a pass backward computes the pass anew from them (draws depend on
 * the number of the pass alone, so they are the same), and takes its derivative.  The cotangents of the carries go from pass to pass; those of
 * values from outside the loop are summed over the passes.
 *
 * A tape that would be large is cut: N passes are some sqrt(N) segments, of which only the starts are kept; before a segment is undone its
 * passes are made once more, with a tape of their own.  The sums run on from segment to segment in the same order, so the bits are the same. */
#include <math.h>
#include <stdlib.h>
#include "lang/grad/grad_inner.h"

/* The loop that runs backward, while it is built. */
typedef struct Backward {
    Flow flow;
    Node **cotangents;          /* of the forward loop's results; null: none */
    int n_keep;                 /* values kept before the tape was */
    Node **carried;             /* the cotangent of each forward carry, as far as passes have been undone; null: none */
    Node **sums;                /* that of each captured value */
    bool *summed;               /* whether any pass added to it */
    Node **parts;               /* those of slices, collected over the passes undone last, along `along` */
    Axis along;
    /* of the stretch of passes at hand */
    Loop *loop;
    Node *pass;                 /* number of the forward pass that is undone */
    Node **old;                 /* what stands for each forward carry in the body */
    int *number;                /* the carry of the new loop that holds a forward carry's cotangent; -1: none */
    NodeStack outs, seeds, wrt;     /* wrt: carries, captured values, slices */
} Backward;

static bool is_invariant(const Loop *loop, int i) { return loop->next[i] == loop->carry[i]; }

static Loop *backward_scope(const Backward *b, const Node *loop_node)
{
    const Loop *forward = b->flow.loop;
    Loop *scope = loop_node->scope;
    for (int i = 0; i < forward->n_carry + b->n_keep; i++)
        if (b->cotangents[i]) scope = deepest_scope(scope, b->cotangents[i]->scope);
    return scope;
}

/* ---- The forward passes, made once more ---- */


static Loop *stretch_open(Graph *g, const Loop *forward, Loop *scope, int64_t passes, Node *const *first)
{
    Loop *loop = graph_loop_open(g, scope, passes);
    for (int i = 0; i < forward->n_carry; i++) graph_carry(g, loop, first[i], forward->carry[i]->axes);
    return loop;
}

static void stretch_close(Graph *g, const Loop *forward, Loop *loop, Node *time)
{
    NodeStack from = { 0 }, to = { 0 }, next = { 0 };
    node_push(&from, forward->time);
    node_push(&to, time);
    for (int i = 0; i < forward->n_carry; i++) {
        node_push(&from, forward->carry[i]);
        node_push(&to, loop->carry[i]);
        node_push(&next, forward->next[i]);
    }
    graph_substitute(g, next.at, next.n, from.at, to.at, from.n);
    for (int i = 0; i < forward->n_carry; i++) graph_loop_next(g, loop, i, next.at[i]);
    graph_loop_close(g, loop);
    free(from.at);
    free(to.at);
    free(next.at);
}

static Node *number_of_pass(Graph *g, Node *segment, int64_t passes, Node *pass)
{
    return map2(g, OP_add, map2(g, OP_mul, segment, graph_const(g, (double)passes)), pass);
}

/* segments x passes passes, as a loop of loops. */
static Loop *segmented(Graph *g, const Loop *forward, Loop *scope, int64_t segments, int64_t passes)
{
    Loop *outer = stretch_open(g, forward, scope, segments, forward->init);
    Loop *inner = stretch_open(g, forward, outer, passes, outer->carry);
    stretch_close(g, forward, inner, number_of_pass(g, outer->time, passes, inner->time));
    for (int i = 0; i < forward->n_carry; i++) graph_loop_next(g, outer, i, graph_result(g, inner, i));
    graph_loop_close(g, outer);
    return outer;
}

/* What carry i of a closed loop held at the start of its pass: read from its tape. */
static Node *from_tape(Graph *g, Loop *loop, int i, Node *pass)
{
    if (is_invariant(loop, i)) return loop->init[i];
    Axis axis = loop->n_keep ? loop->keep_axis : graph_fresh_axis(g, loop->passes);
    int kept = graph_loop_keep(g, loop, loop->carry[i], axis);
    return graph_gather(g, graph_result(g, loop, loop->n_carry + kept), axis, pass);
}

/* ---- A stretch of passes undone ---- */

/* Opens the loop that undoes the passes of `taped`, which are those of the forward loop from number `first` on. */
static void open_backward(Graph *g, Backward *b, Loop *scope, Loop *taped, Node *first)
{
    b->loop = graph_loop_open(g, scope, taped->passes);
    Node *pass = map2(g, OP_sub, graph_const(g, (double)(taped->passes - 1)), b->loop->time);
    b->pass = map2(g, OP_add, first, pass);
    for (int i = 0; i < taped->n_carry; i++) {
        b->old[i] = from_tape(g, taped, i, pass);
        if (is_invariant(taped, i)) b->old[i] = graph_carry(g, b->loop, b->old[i], taped->carry[i]->axes);
        b->number[i] = -1;
    }
    b->outs.n = b->seeds.n = b->wrt.n = 0;
}

/* A new carry that starts as the cotangent at hand. */
static Node *cotangent_carry(Graph *g, Backward *b, int i)
{
    b->number[i] = b->loop->n_carry;
    return graph_carry(g, b->loop, b->carried[i], b->flow.loop->carry[i]->axes);
}

/* The values of the pass with cotangents, and what they are derived by. */
static void gather_ends(Graph *g, Backward *b)
{
    Loop *forward = b->flow.loop;
    for (int i = 0; i < forward->n_carry; i++) {
        if (!b->flow.carry[i]) continue;
        node_push(&b->seeds, cotangent_carry(g, b, i));
        node_push(&b->outs, forward->next[i]);
        node_push(&b->wrt, b->old[i]);
    }
    for (int j = 0; j < b->n_keep; j++) {
        Node *kept = b->cotangents[forward->n_carry + j];
        if (!kept) continue;
        node_push(&b->outs, forward->keep[j]);
        node_push(&b->seeds, graph_gather(g, kept, forward->keep_axis, b->pass));
    }
    for (int i = 0; i < b->flow.captured.n; i++) node_push(&b->wrt, b->flow.captured.at[i]);
    for (int i = 0; i < b->flow.slices.n; i++) node_push(&b->wrt, b->flow.slices.at[i]);
}

/* The ends, and the slices among wrt, as values of the pass that is undone. */
static void recompute_pass(Graph *g, Backward *b)
{
    Loop *forward = b->flow.loop;
    NodeStack from = { 0 }, to = { 0 }, roots = { 0 };
    int n_slices = b->flow.slices.n, first = b->wrt.n - n_slices;
    for (int i = 0; i < b->outs.n; i++) node_push(&roots, b->outs.at[i]);
    for (int i = 0; i < n_slices; i++) node_push(&roots, b->wrt.at[first + i]);
    node_push(&from, forward->time);
    node_push(&to, b->pass);
    for (int i = 0; i < forward->n_carry; i++) node_push(&from, forward->carry[i]), node_push(&to, b->old[i]);
    graph_substitute(g, roots.at, roots.n, from.at, to.at, from.n);
    for (int i = 0; i < b->outs.n; i++) b->outs.at[i] = roots.at[i];
    for (int i = 0; i < n_slices; i++) b->wrt.at[first + i] = roots.at[b->outs.n + i];
    free(from.at);
    free(to.at);
    free(roots.at);
}

/* Sets next values from the cotangents of the pass, and takes the loop's results for what is carried on. */
static void close_backward(Graph *g, Backward *b, Node *const *parts)
{
    Loop *forward = b->flow.loop;
    int n = b->flow.captured.n, at = 0, *captured = calloc((size_t)n + 1, sizeof *captured);
    if (!captured) abort();
    for (int i = 0; i < forward->n_carry; i++) {
        if (!b->flow.carry[i]) continue;
        graph_loop_next(g, b->loop, b->number[i], parts[at] ? parts[at] : zeros(g, forward->carry[i]->axes));
        at++;
    }
    for (int i = 0; i < n; i++, at++) {
        if (!parts[at]) continue;
        b->summed[i] = true;
        captured[i] = b->loop->n_carry;
        Node *sum = graph_carry(g, b->loop, b->sums[i], b->flow.captured.at[i]->axes);
        graph_loop_next(g, b->loop, captured[i], map2(g, OP_add, sum, parts[at]));
    }
    b->along = b->flow.slices.n ? graph_fresh_axis(g, b->loop->passes) : 0;
    for (int i = 0; i < b->flow.slices.n; i++) if (parts[at + i]) graph_loop_keep(g, b->loop, parts[at + i], b->along);
    graph_loop_close(g, b->loop);
    for (int i = 0; i < forward->n_carry; i++) if (b->flow.carry[i]) b->carried[i] = graph_result(g, b->loop, b->number[i]);
    for (int i = 0; i < n; i++) if (parts[at - n + i]) b->sums[i] = graph_result(g, b->loop, captured[i]);
    for (int i = 0; i < b->flow.slices.n; i++) {
        b->parts[i] = NULL;
        if (parts[at + i]) b->parts[i] = graph_result(g, b->loop, b->loop->n_carry + graph_loop_keep(g, b->loop, parts[at + i], b->along));
    }
    free(captured);
}

/* Undoes the passes of `taped`, in a loop that stands in `scope`. */
static void undo(Graph *g, Backward *b, Loop *scope, Loop *taped, Node *first)
{
    open_backward(g, b, scope, taped, first);
    gather_ends(g, b);
    recompute_pass(g, b);
    Node **parts = calloc((size_t)b->wrt.n + 1, sizeof *parts);
    if (!parts) abort();
    grad_reverse_changed(g, (RuleChange *)b->flow.s->change, b->outs.at, b->seeds.at, b->outs.n, b->wrt.at, b->wrt.n, parts);
    close_backward(g, b, parts);
    free(parts);
}

/* ---- Segments ---- */

/* The loop around those that undo one segment each, while it is built: its carries hold what is carried on. */
typedef struct Outer { Loop *loop; int *carry, *sum; } Outer;

static Outer outer_open(Graph *g, Backward *b, Loop *scope, int64_t segments)
{
    const Loop *forward = b->flow.loop;
    Outer o = { .loop = graph_loop_open(g, scope, segments) };
    o.carry = calloc((size_t)forward->n_carry + 1, sizeof *o.carry);
    o.sum = calloc((size_t)b->flow.captured.n + 1, sizeof *o.sum);
    if (!o.carry || !o.sum) abort();
    for (int i = 0; i < forward->n_carry; i++) {
        if (!b->flow.carry[i]) continue;
        o.carry[i] = o.loop->n_carry;
        b->carried[i] = graph_carry(g, o.loop, b->carried[i], forward->carry[i]->axes);
    }
    for (int i = 0; i < b->flow.captured.n; i++) {
        o.sum[i] = o.loop->n_carry;
        b->sums[i] = graph_carry(g, o.loop, b->sums[i], b->flow.captured.at[i]->axes);
    }
    return o;
}

static void outer_close(Graph *g, Backward *b, Outer *o)
{
    for (int i = 0; i < b->flow.loop->n_carry; i++) if (b->flow.carry[i]) graph_loop_next(g, o->loop, o->carry[i], b->carried[i]);
    for (int i = 0; i < b->flow.captured.n; i++) graph_loop_next(g, o->loop, o->sum[i], b->sums[i]);
    Axis along = b->flow.slices.n ? graph_fresh_axis(g, o->loop->passes) : 0;
    for (int i = 0; i < b->flow.slices.n; i++) if (b->parts[i]) graph_loop_keep(g, o->loop, b->parts[i], along);
    graph_loop_close(g, o->loop);
    for (int i = 0; i < b->flow.loop->n_carry; i++) if (b->flow.carry[i]) b->carried[i] = graph_result(g, o->loop, o->carry[i]);
    for (int i = 0; i < b->flow.captured.n; i++) b->sums[i] = graph_result(g, o->loop, o->sum[i]);
    Axis all = b->flow.slices.n ? graph_fresh_axis(g, axis_size(along) * axis_size(b->along)) : 0;
    for (int i = 0; i < b->flow.slices.n; i++) {
        if (!b->parts[i]) continue;
        Node *kept = graph_result(g, o->loop, o->loop->n_carry + graph_loop_keep(g, o->loop, b->parts[i], along));
        b->parts[i] = graph_reshape(g, kept, (Shape){ 2, { along, b->along } }, (Shape){ 1, { all } });
    }
    b->along = all;
    free(o->carry);
    free(o->sum);
}

/* Slices of the passes undone first, then of those before them, as one. */
static void join_parts(Graph *g, Backward *b, Node *const *last, Axis along)
{
    Axis all = graph_fresh_axis(g, axis_size(along) + axis_size(b->along)), part[2] = { along, b->along };
    for (int i = 0; i < b->flow.slices.n; i++)
        if (b->parts[i]) b->parts[i] = graph_concat(g, (Node *[]){ last[i], b->parts[i] }, part, 2, all);
    b->along = all;
}

/* All passes, segment by segment, from the last: the forward loop's values at the starts of segments are computed here, by loops of their own. */
static void undo_in_segments(Graph *g, Backward *b, Node *loop_node)
{
    Loop *forward = b->flow.loop, *scope = backward_scope(b, loop_node), *last = NULL;
    int64_t passes = (int64_t)ceil(sqrt((double)forward->passes)), segments = forward->passes / passes, rest = forward->passes % passes;
    Loop *starts = segmented(g, forward, loop_node->scope, segments, passes);
    Node **ends = calloc((size_t)forward->n_carry + 1, sizeof *ends), **tail = calloc((size_t)b->flow.slices.n + 1, sizeof *tail);
    if (!ends || !tail) abort();
    for (int i = 0; i < forward->n_carry; i++) ends[i] = graph_result(g, starts, i);
    Axis along = 0;
    if (rest) {
        Node *before = graph_const(g, (double)(segments * passes));
        last = stretch_open(g, forward, loop_node->scope, rest, ends);
        stretch_close(g, forward, last, map2(g, OP_add, before, last->time));
        for (int i = 0; i < forward->n_carry; i++) ends[i] = graph_result(g, last, i);
        undo(g, b, scope, last, before);
        along = b->along;
        for (int i = 0; i < b->flow.slices.n; i++) tail[i] = b->parts[i];
    }
    graph_loop_equals(g, forward, ends);
    Outer outer = outer_open(g, b, scope, segments);
    Node *segment = map2(g, OP_sub, graph_const(g, (double)(segments - 1)), outer.loop->time);
    for (int i = 0; i < forward->n_carry; i++) ends[i] = from_tape(g, starts, i, segment);
    Loop *again = stretch_open(g, forward, outer.loop, passes, ends);
    stretch_close(g, forward, again, number_of_pass(g, segment, passes, again->time));
    undo(g, b, outer.loop, again, number_of_pass(g, segment, passes, graph_const(g, 0)));
    outer_close(g, b, &outer);
    if (rest) join_parts(g, b, tail, along);
    free(ends);
    free(tail);
}

/* ---- The whole ---- */

/* Values that the tape of the whole loop would hold. */
static double tape_size(const Loop *forward)
{
    double size = 0;
    for (int i = 0; i < forward->n_carry; i++) if (!is_invariant(forward, i)) size += (double)axes_count(&forward->carry[i]->axes);
    return size * (double)forward->passes;
}

static void find_flow(Backward *b)
{
    Loop *loop = b->flow.loop;
    for (int i = 0; i < loop->n_carry; i++)
        if (b->cotangents[i]) flow_reach(&b->flow, loop->carry[i]), flow_reach(&b->flow, loop->next[i]);
    for (int j = 0; j < b->n_keep; j++)
        if (b->cotangents[loop->n_carry + j]) flow_reach(&b->flow, loop->keep[j]);
    for (int i = 0; i < loop->n_carry; i++)         /* a final value with a cotangent, whose carry itself is not active */
        if (b->cotangents[i]) b->flow.carry[i] = true;
    flow_ready(&b->flow);
}

static void start_cotangents(Graph *g, Backward *b)
{
    Loop *forward = b->flow.loop;
    for (int i = 0; i < forward->n_carry; i++) {
        Node *last = b->cotangents[i];
        if (b->flow.carry[i]) b->carried[i] = last ? graph_fit(g, last, forward->carry[i]->axes) : zeros(g, forward->carry[i]->axes);
    }
    for (int i = 0; i < b->flow.captured.n; i++) b->sums[i] = zeros(g, b->flow.captured.at[i]->axes);
}

/* The cotangents of slices, collected over the passes from the last, go to their places all at once. */
static void place_slices(Sweep *s, Backward *b)
{
    Graph *g = s->g;
    for (int i = 0; i < b->flow.slices.n; i++) {
        Node *slice = b->flow.slices.at[i], *x = slice->in[0], *index = slice->in[1];
        if (!b->parts[i]) continue;
        Node *pass = map2(g, OP_sub, graph_const(g, (double)(b->flow.loop->passes - 1)), graph_iota(g, b->along));
        graph_substitute(g, &index, 1, &b->flow.loop->time, &pass, 1);
        Axes over = axes_minus(&index->axes, &x->axes);
        sweep_add(s, x, graph_scatter(g, b->parts[i], index, slice->axis, axes_with(over, b->along)));
    }
}

static void build_backward(Sweep *s, Backward *b, Node *loop_node)
{
    Graph *g = s->g;
    Loop *forward = b->flow.loop;
    start_cotangents(g, b);
    if (tape_size(forward) > graph_largest_tape(g) && forward->passes >= 4) undo_in_segments(g, b, loop_node);
    else undo(g, b, backward_scope(b, loop_node), forward, graph_const(g, 0));
    for (int i = 0; i < forward->n_carry; i++)
        if (b->flow.carry[i] && s->active.is[forward->init[i]->id]) sweep_add(s, forward->init[i], b->carried[i]);
    for (int i = 0; i < b->flow.captured.n; i++)
        if (b->summed[i]) sweep_add(s, b->flow.captured.at[i], b->sums[i]);
    place_slices(s, b);
}

static void *fresh(int n, size_t size)
{
    void *memory = calloc((size_t)n + 1, size);
    if (!memory) abort();
    return memory;
}

void loop_reverse(Sweep *s, Node *loop_node)
{
    Loop *forward = loop_node->loop;
    Backward b = { .cotangents = s->results[loop_node->id], .n_keep = forward->n_keep };
    if (!b.cotangents) return;
    flow_begin(&b.flow, s, forward);
    b.flow.wants_slices = true;
    find_flow(&b);
    b.carried = fresh(forward->n_carry, sizeof *b.carried);
    b.old = fresh(forward->n_carry, sizeof *b.old);
    b.number = fresh(forward->n_carry, sizeof *b.number);
    b.sums = fresh(b.flow.captured.n, sizeof *b.sums);
    b.summed = fresh(b.flow.captured.n, sizeof *b.summed);
    b.parts = fresh(b.flow.slices.n, sizeof *b.parts);
    build_backward(s, &b, loop_node);
    flow_end(&b.flow);
    free(b.carried);
    free(b.old);
    free(b.number);
    free(b.sums);
    free(b.summed);
    free(b.parts);
    free(b.outs.at);
    free(b.seeds.at);
    free(b.wrt.at);
}

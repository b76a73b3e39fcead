/* several.c: the n lowest configurations of a sequence, for chain(best = n): Viterbi's algorithm with the n best ways to each state. */
#include "lang/graph/chain.h"

static Node *map2(Graph *g, Op op, Node *x, Node *y) { return graph_map(g, op, x, y, NULL); }

/* Every pass takes the lowest head of all lists. */
Ways merge_ways(Graph *g, Loop *around, Axis rank, Axis over, Node *lists, Node *more)
{
    Node *n = graph_const(g, (double)axis_size(rank)), *one = graph_const(g, 1);
    Axes axes = more ? axes_union(&lists->axes, &more->axes) : lists->axes;
    axes = axes_with(axes_without(axes, rank), over);
    Loop *loop = graph_loop_open(g, around, axis_size(rank));
    Node *head = graph_carry(g, loop, graph_spread(g, graph_const(g, 0), axes), axes);
    Node *energy = graph_gather(g, lists, rank, map2(g, OP_min, head, map2(g, OP_sub, n, one)));
    if (more) energy = map2(g, OP_add, energy, more);
    energy = graph_map(g, OP_select, map2(g, OP_lt, head, n), energy, graph_const(g, 2 * no_way));
    energy = graph_spread(g, energy, axes);
    Node *from = graph_along(g, OP_argmin, energy, over, false);
    Node *taken = map2(g, OP_eq, graph_iota(g, over), from);
    graph_loop_next(g, loop, 0, graph_spread(g, map2(g, OP_add, head, taken), axes));
    int at[3];
    at[0] = graph_loop_keep(g, loop, graph_fold(g, OP_minimum, energy, axes_one(over)), rank);
    at[1] = graph_loop_keep(g, loop, from, rank);
    at[2] = graph_loop_keep(g, loop, graph_gather(g, head, over, from), rank);
    graph_loop_close(g, loop);
    return (Ways){ graph_result(g, loop, 1 + at[0]), graph_result(g, loop, 1 + at[1]), graph_result(g, loop, 1 + at[2]) };
}

Node *ways_or_first(Graph *g, Axis rank, Node *energy, Node *states)
{
    Node *first = graph_gather(g, states, rank, graph_const(g, 0));
    return graph_map(g, OP_select, map2(g, OP_lt, energy, graph_const(g, no_way / 10)), states, first);
}

/* Ways to each state l of a place come from lists of states k of the one before.  Of all places but the last, along `axis`: the ways on to each state of the next one {axis, l, rank}. */
typedef struct Kept { Node *state, *rank; Axis axis; } Kept;

static Ways forward(Sequence *s, Loop *around, Axis rank, Kept *kept)
{
    Graph *g = s->g;
    Axes axes = axes_union(&s->unary->axes, &s->pair->axes);
    axes = axes_with(axes_without(axes_without(axes_without(axes, s->t), s->e), s->l), rank);
    Node *first = graph_gather(g, s->unary, s->t, graph_const(g, 0));
    first = graph_map(g, OP_select, map2(g, OP_eq, graph_iota(g, rank), graph_const(g, 0)), first, graph_const(g, no_way));
    first = graph_spread(g, first, axes);
    if (s->length < 2) return merge_ways(g, around, rank, s->k, first, NULL);
    Loop *loop = graph_loop_open(g, around, s->length - 1);
    Node *ways = graph_carry(g, loop, first, axes);
    Ways next = merge_ways(g, loop, rank, s->k, ways, graph_gather(g, s->pair, s->e, loop->time));
    Node *here = graph_gather(g, s->unary, s->t, map2(g, OP_add, loop->time, graph_const(g, 1)));
    graph_loop_next(g, loop, 0, graph_spread(g, map2(g, OP_add, graph_rename(g, next.energy, s->l, s->k), here), axes));
    kept->axis = graph_fresh_axis(g, s->length - 1);
    int state = graph_loop_keep(g, loop, next.from, kept->axis), from = graph_loop_keep(g, loop, next.rank, kept->axis);
    graph_loop_close(g, loop);
    kept->state = graph_result(g, loop, 1 + state);
    kept->rank = graph_result(g, loop, 1 + from);
    return merge_ways(g, around, rank, s->k, graph_result(g, loop, 0), NULL);
}

/* The numbers of states {t, rank}, from the last place to the first. */
static Node *backward(Sequence *s, Loop *around, Axis rank, const Ways *last, const Kept *kept)
{
    Graph *g = s->g;
    if (s->length < 2) return graph_spread(g, last->from, axes_with(last->from->axes, s->t));
    Axis which = graph_fresh_axis(g, axis_size(rank));      /* of the whole configurations, told from the ranks on the way */
    Node *state = graph_rename(g, last->from, rank, which), *from = graph_rename(g, last->rank, rank, which);
    Axes axes = axes_with(axes_union(&state->axes, &from->axes), which);
    Loop *loop = graph_loop_open(g, around, s->length - 1);
    Node *y = graph_carry(g, loop, graph_spread(g, state, axes), axes), *r = graph_carry(g, loop, graph_spread(g, from, axes), axes);
    Node *t = map2(g, OP_sub, graph_const(g, (double)s->length - 2), loop->time), *next[2], *all[2] = { kept->state, kept->rank };
    for (int i = 0; i < 2; i++) {
        next[i] = graph_gather(g, graph_gather(g, graph_gather(g, all[i], kept->axis, t), s->l, y), rank, r);
        next[i] = graph_spread(g, next[i], axes);
        graph_loop_next(g, loop, i, next[i]);
    }
    Axis passes = graph_fresh_axis(g, s->length - 1);
    int index = graph_loop_keep(g, loop, next[0], passes);
    graph_loop_close(g, loop);
    return graph_rename(g, states_in_order(s, state, graph_result(g, loop, 2 + index), passes), which, rank);
}

Node *sequence_several(Sequence *s, Loop *around, Axis rank)
{
    Graph *g = s->g;
    Kept kept = { 0 };
    Ways last = forward(s, around, rank, &kept);
    return ways_or_first(g, rank, last.energy, backward(s, around, rank, &last, &kept));
}

/* sequence.c: messages along a sequence, for chain(): forward to the last place, and back. */
#include "lang/graph/chain.h"

static Node *constant(Sequence *s, double x) { return graph_const(s->g, x); }
static Node *add(Sequence *s, Node *x, Node *y) { return graph_map(s->g, OP_add, x, y, NULL); }
static Node *minus(Sequence *s, Node *x) { return graph_map(s->g, OP_neg, x, NULL, NULL); }
/* ---- forward ---- */

static Node *at_link(Sequence *s, Node *x, Node *t) { return graph_gather(s->g, x, s->e, t); }
static Node *at_time(Sequence *s, Node *x, Node *t) { return graph_gather(s->g, x, s->t, t); }

/* Axes of messages: those of all terms but the sequence's and the neighbor's. */
static Axes message_axes(Sequence *s)
{
    Axes all = axes_union(&s->unary->axes, &s->pair->axes);
    return axes_without(axes_without(axes_without(all, s->t), s->e), s->l);
}

/* The loop of messages, up to the last place.  soft: -log sum exp, else the minimum.  keep: 0 nothing, 1 the messages as they were at each place
 * but the last, 2 the best state before each state l of the next place. */
typedef struct Forward { Node *last, *kept; Axis axis; } Forward;

static Forward forward(Sequence *s, Loop *around, bool soft, int keep)
{
    Graph *g = s->g;
    Axes axes = message_axes(s);
    Node *first = graph_spread(g, at_time(s, s->unary, constant(s, 0)), axes);
    Forward r = { .last = first };
    if (s->length < 2) return r;
    Loop *loop = graph_loop_open(g, around, s->length - 1);
    Node *m = graph_carry(g, loop, first, axes);
    Node *both = add(s, m, at_link(s, s->pair, loop->time));
    both = graph_spread(g, both, axes_with(axes_with(axes, s->k), s->l));
    Node *next = soft ? minus(s, graph_fold(g, OP_logsumexp, minus(s, both), axes_one(s->k))) : graph_fold(g, OP_minimum, both, axes_one(s->k));
    next = add(s, graph_rename(g, next, s->l, s->k), at_time(s, s->unary, add(s, loop->time, constant(s, 1))));
    graph_loop_next(g, loop, 0, graph_spread(g, next, axes));
    int index = 0;
    if (keep) {
        r.axis = graph_fresh_axis(g, s->length - 1);
        index = graph_loop_keep(g, loop, keep == 1 ? m : graph_along(g, OP_argmin, both, s->k, false), r.axis);
    }
    graph_loop_close(g, loop);
    r.last = graph_result(g, loop, 0);
    if (keep) r.kept = graph_result(g, loop, loop->n_carry + index);
    return r;
}

Node *sequence_free(Sequence *s, Loop *around)
{
    Forward f = forward(s, around, true, 0);
    return minus(s, graph_fold(s->g, OP_logsumexp, minus(s, f.last), axes_one(s->k)));
}

/* ---- backward: a sequence, from the last place to the first ---- */

Node *states_in_order(Sequence *s, Node *last, Node *kept, Axis axis)
{
    Graph *g = s->g;
    Node *end = graph_map(g, OP_eq, graph_iota(g, s->t), constant(s, (double)s->length - 1), NULL);
    if (!kept) return graph_spread(g, last, axes_with(last->axes, s->t));
    Move move = { .n = 1 };
    move.at[0] = (Coord){ .from = axis, .offset = s->length - 2, .n = 1, .term = { { s->t, -1 } } };
    Node *rest = graph_index(g, kept, &move, axes_with(axes_without(kept->axes, axis), s->t));
    return graph_map(g, OP_select, end, last, rest);
}

/* The next state (of the place before) from the state y at t+1. */
typedef Node *Choose(Sequence *s, const Forward *f, Node *t, Node *y, Node *luck);

static Node *choose_best(Sequence *s, const Forward *f, Node *t, Node *y, Node *luck)
{
    (void)luck;
    return graph_gather(s->g, graph_gather(s->g, f->kept, f->axis, t), s->l, y);
}

Node *drawn_state(Sequence *s, Node *energy, Node *u)
{
    Graph *g = s->g;
    Node *log_p = minus(s, energy);
    log_p = graph_map(g, OP_sub, log_p, graph_fold(g, OP_logsumexp, log_p, axes_one(s->k)), NULL);
    Node *sums = graph_along(g, OP_cumsum, graph_map(g, OP_exp, log_p, NULL, NULL), s->k, false);
    Node *n = graph_fold(g, OP_sum, graph_map(g, OP_le, sums, u, NULL), axes_one(s->k));
    return graph_map(g, OP_min, n, constant(s, (double)s->states - 1), NULL);
}

static Node *choose_drawn(Sequence *s, const Forward *f, Node *t, Node *y, Node *luck)
{
    Node *message = graph_gather(s->g, f->kept, f->axis, t);
    Node *pair = graph_gather(s->g, at_link(s, s->pair, t), s->l, y);
    return drawn_state(s, add(s, message, pair), at_time(s, luck, t));
}

static Node *backward(Sequence *s, Loop *around, const Forward *f, Node *last, Choose *choose, Node *luck)
{
    Graph *g = s->g;
    if (s->length < 2) return states_in_order(s, last, NULL, 0);
    Axes axes = axes_union(&last->axes, &f->kept->axes);
    axes = axes_without(axes_without(axes_without(axes, f->axis), s->k), s->l);
    if (luck) { Axes more = axes_without(luck->axes, s->t); axes = axes_union(&axes, &more); }
    Loop *loop = graph_loop_open(g, around, s->length - 1);
    Node *y = graph_carry(g, loop, graph_spread(g, last, axes), axes);
    Node *t = graph_map(g, OP_sub, constant(s, (double)s->length - 2), loop->time, NULL);
    Node *next = graph_spread(g, choose(s, f, t, y, luck), axes);
    graph_loop_next(g, loop, 0, next);
    Axis axis = graph_fresh_axis(g, s->length - 1);
    int index = graph_loop_keep(g, loop, next, axis);
    graph_loop_close(g, loop);
    return states_in_order(s, last, graph_result(g, loop, loop->n_carry + index), axis);
}

Node *sequence_best(Sequence *s, Loop *around)
{
    Forward f = forward(s, around, false, 2);
    return backward(s, around, &f, graph_along(s->g, OP_argmin, f.last, s->k, false), choose_best, NULL);
}

Node *sequence_drawn(Sequence *s, Loop *around, Node *luck)
{
    Forward f = forward(s, around, true, 1);
    Node *last = drawn_state(s, f.last, at_time(s, luck, constant(s, (double)s->length - 1)));
    return backward(s, around, &f, last, choose_drawn, luck);
}

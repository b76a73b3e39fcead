/* wide.c: sequences whose terms reach over three places, y[t], y[t+1], y[t+2], for chain(): as a sequence of pairs of neighbors, of which one pair
 * follows another where they agree on the place that they share. */
#include "lang/grad/grad.h"
#include "lang/graph/chain.h"

static const double never = 1e30;       /* the energy of pairs that do not agree */

static Node *map2(Sequence *s, Op op, Node *x, Node *y) { return graph_map(s->g, op, x, y, NULL); }
static Node *number_of(Sequence *s, double x) { return graph_const(s->g, x); }

/* ---- terms ---- */

/* Five colors tell a place from its two neighbors on either side. */
static Node *color(Sequence *s, int64_t on) { return map2(s, OP_mod, map2(s, OP_add, graph_iota(s->g, s->t), number_of(s, (double)on)), number_of(s, 5)); }

/* The derivative of a value at each place by the indicators, along `states`, of the place that lies `on` farther. */
static Node *derivative_at(Sequence *s, Node *value, int64_t on, Axis states)
{
    Graph *g = s->g;
    Axis turn = graph_fresh_axis(g, 5);
    Node *same = map2(s, OP_eq, graph_iota(g, s->k), graph_iota(g, states)), *by = NULL;
    Node *along = map2(s, OP_mul, map2(s, OP_eq, color(s, 0), graph_iota(g, turn)), same);
    grad_forward(g, &value, 1, &s->f.at[0].state, &along, 1, &by);
    Axes all = axes_with(axes_with(axes_with(axes_with(value->axes, s->t), s->k), states), turn);
    return graph_gather(g, graph_spread(g, by ? by : number_of(s, 0), all), turn, color(s, on));
}

/* The first `size(to)` places. */
static Node *head_of(Sequence *s, Node *x, Axis from, Axis to)
{
    Move move = { .n = 1, .at = { { .from = from, .n = 1, .term = { { to, 1 } } } } };
    return graph_index(s->g, x, &move, axes_with(axes_without(x->axes, from), to));
}

void wide_terms(Sequence *s, Node *slope)
{
    Node *next = derivative_at(s, slope, 1, s->l), *far = derivative_at(s, slope, 2, s->l);
    s->triple = NULL;
    if (graph_depends(s->g, next, s->f.at[0].state)) {
        s->triple = derivative_at(s, next, 2, s->m);
        s->triple = head_of(s, finite_rest(&s->f, s->triple), s->t, s->far_e);
    }
    s->pair = head_of(s, finite_rest(&s->f, next), s->t, s->e);
    s->far = head_of(s, finite_rest(&s->f, far), s->t, s->far_e);
    s->pair = graph_spread(s->g, s->pair, axes_with(axes_with(s->pair->axes, s->k), s->l));
    s->far = graph_spread(s->g, s->far, axes_with(axes_with(s->far->axes, s->k), s->l));
    if (s->triple) s->triple = graph_spread(s->g, s->triple, axes_with(axes_with(axes_with(s->triple->axes, s->k), s->l), s->m));
}

/* ---- pairs as states ---- */

static Node *first_of_pair(Sequence *s, Axis pairs) { return graph_map(s->g, OP_floor, map2(s, OP_div, graph_iota(s->g, pairs), number_of(s, (double)s->states)), NULL, NULL); }
static Node *second_of_pair(Sequence *s, Axis pairs) { return map2(s, OP_mod, graph_iota(s->g, pairs), number_of(s, (double)s->states)); }

Sequence wide_pairs(Sequence *s, bool agree)
{
    Graph *g = s->g;
    Sequence w = *s;
    w.wide = false;
    w.states = s->states * s->states;
    w.length = s->length - 1;
    w.t = s->e;
    w.e = s->far_e;
    w.k = s->pairs_k;
    w.l = s->pairs_l;
    Node *a = first_of_pair(s, w.k), *b = second_of_pair(s, w.k), *c = first_of_pair(s, w.l), *d = second_of_pair(s, w.l);
    Node *last = graph_gather(g, graph_gather(g, s->unary, s->t, number_of(s, (double)s->length - 1)), s->k, b);
    Node *at_end = map2(s, OP_eq, graph_iota(g, w.t), number_of(s, (double)w.length - 1));
    Node *unary = graph_gather(g, head_of(s, s->unary, s->t, w.t), s->k, a);
    unary = map2(s, OP_add, unary, graph_map(g, OP_select, at_end, last, number_of(s, 0)));
    unary = map2(s, OP_add, unary, graph_gather(g, graph_gather(g, s->pair, s->k, a), s->l, b));
    Node *pair = graph_gather(g, graph_gather(g, s->far, s->k, a), s->l, d);
    if (s->triple) pair = map2(s, OP_add, pair, graph_gather(g, graph_gather(g, graph_gather(g, s->triple, s->k, a), s->l, b), s->m, d));
    pair = graph_map(g, OP_select, map2(s, OP_eq, b, c), pair, number_of(s, agree ? never : 0));
    w.unary = graph_spread(g, unary, axes_with(axes_with(unary->axes, w.t), w.k));
    w.pair = graph_spread(g, pair, axes_with(axes_with(pair->axes, w.k), w.l));
    return w;
}

Node *wide_states(Sequence *s, Node *pairs)
{
    Graph *g = s->g;
    Node *n = number_of(s, (double)s->states), *end = map2(s, OP_eq, graph_iota(g, s->t), number_of(s, (double)s->length - 1));
    Node *at = graph_map(g, OP_select, end, number_of(s, (double)s->length - 2), graph_iota(g, s->t));
    Node *here = graph_gather(g, pairs, s->e, at);
    return graph_map(g, OP_select, end, map2(s, OP_mod, here, n), graph_map(g, OP_floor, map2(s, OP_div, here, n), NULL, NULL));
}

Node *wide_luck(Sequence *s, Node *luck) { return head_of(s, luck, s->t, s->e); }

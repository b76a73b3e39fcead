/* chain.c: chain(): dynamic programming where an energy is a sum of terms of one place and of two neighbors along a sequence.
 *
 * That it is so is read from the gradient: the energies of the states of place t depend on the states of t-1 and t+1 alone.  The terms
 * themselves are its values where all states are 0, and its derivatives by the neighbor's indicators. */
#include <string.h>
#include "lang/grad/grad.h"
#include "lang/graph/finite.h"

typedef struct Sequence {
    Finite f;
    Graph *g;
    Axis t, k, l;               /* places; states of a place, and of the next one */
    int64_t length, states;
    Node *base;                 /* what no state changes */
    Node *unary;                /* {t, k}: energy of state k at t */
    Node *pair;                 /* {t, k, l}: energy of k at t with l at t+1; unspecified at the last place */
} Sequence;

static Node *constant(Sequence *s, double x) { return graph_const(s->g, x); }
static Node *add(Sequence *s, Node *x, Node *y) { return graph_map(s->g, OP_add, x, y, NULL); }
static Node *minus(Sequence *s, Node *x) { return graph_map(s->g, OP_neg, x, NULL, NULL); }

/* ---- whether it is a chain ---- */

static bool refuse(Inference *x, const Node *where, const char *why)
{
    Diagnostic *d = complain(x->b, "E0371", x->infer->by->span, "chain() needs an energy of neighbors along one sequence, but %s", why);
    if (where && where->origin) diag_note(d, where->origin->span, "this term breaks the chain");
    diag_help(d, "terms may be functions of y[t], and of y[t] and y[t+1]; exact() serves small domains of any energy");
    return false;
}

static bool is_neighbor(const Offset *o) { return !o->any && !o->wrap && (o->by == 1 || o->by == -1); }

/* The first value of the energy in which other places than neighbors meet. */
static const Node *what_breaks(const Finite *f, Node *energy)
{
    Graph *g = f->b->g;
    uint32_t size = graph_size(g);
    for (uint32_t id = 0; id <= energy->id && id < size; id++) {
        Node *n = graph_node(g, id), *slope[MAX_BINDERS];
        if ((n->op != OP_mul && n->op != OP_dot) || !graph_depends(g, energy, n) || !graph_depends(g, n, f->at[0].state)) continue;
        finite_slopes(f, graph_fold(g, OP_sum, n, n->axes), slope);
        Touches t = touches_of(f, 0, slope[0]);
        for (int i = 0; i < t.n; i++) if (!is_neighbor(t.at[i])) return n;
    }
    return NULL;
}

static bool check_chain(Inference *x, Sequence *s, Node *energy, Node *slope)
{
    Touches t = touches_of(&s->f, 0, slope);
    for (int i = 0; i < t.n; i++) if (!is_neighbor(t.at[i])) return refuse(x, what_breaks(&s->f, energy), "places meet that are no neighbors");
    return true;
}

/* ---- its terms ---- */

/* Energies of pairs: the slope's derivative by the indicators of every third place at once, so that neighbors are told apart. */
static Node *pair_terms(Sequence *s, Node *slope)
{
    Graph *g = s->g;
    Axis turn = graph_fresh_axis(g, 3);
    Node *third = constant(s, 3), *at = graph_iota(g, s->t);
    Node *here = graph_map(g, OP_eq, graph_map(g, OP_mod, at, third, NULL), graph_iota(g, turn), NULL);
    Node *same = graph_map(g, OP_eq, graph_iota(g, s->k), graph_iota(g, s->l), NULL);
    Node *along = graph_map(g, OP_mul, here, same, NULL), *by = NULL;
    grad_forward(g, &slope, 1, &s->f.at[0].state, &along, 1, &by);
    Axes all = axes_with(axes_with(axes_with(axes_with(slope->axes, s->t), s->k), s->l), turn);
    by = graph_spread(g, by ? by : constant(s, 0), all);
    return graph_gather(g, by, turn, graph_map(g, OP_mod, add(s, at, constant(s, 1)), third, NULL));
}

static bool find_terms(Inference *x, Sequence *s, Closure *energy)
{
    Builder *b = x->b;
    s->g = b->g;
    if (x->n != 1) return refuse(x, NULL, "several names are sought");
    if (!finite_parts(x, &s->f, true)) return false;
    FinitePart *p = &s->f.at[0];
    if (p->shape.n != 1) return refuse(x, NULL, "the sought array is no sequence");
    Node *e = finite_energy(x, &s->f, energy), *slope;
    if (!e) return s->f.refused ? refuse(x, s->f.refused, "this one has a function of many places") : false;
    stand_at(b, x->e->span);
    s->t = p->shape.at[0];
    s->k = p->choice;
    s->l = graph_fresh_axis(b->g, p->states);
    s->length = axis_size(s->t);
    s->states = p->states;
    finite_slopes(&s->f, e, &slope);
    if (!check_chain(x, s, e, slope)) return false;
    s->base = finite_rest(&s->f, e);
    s->unary = finite_rest(&s->f, slope);
    s->unary = graph_spread(b->g, s->unary, axes_with(axes_with(s->unary->axes, s->t), s->k));
    s->pair = pair_terms(s, slope);
    return true;
}

/* ---- forward ---- */

static Node *at_time(Sequence *s, Node *x, Node *t) { return graph_gather(s->g, x, s->t, t); }

/* Axes of messages: those of all terms but the sequence's and the neighbor's. */
static Axes message_axes(Sequence *s)
{
    Axes all = axes_union(&s->unary->axes, &s->pair->axes);
    return axes_without(axes_without(all, s->t), s->l);
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
    Node *both = add(s, m, at_time(s, s->pair, loop->time));
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

static Node *free_energy(Sequence *s, Loop *around)
{
    Forward f = forward(s, around, true, 0);
    return add(s, s->base, minus(s, graph_fold(s->g, OP_logsumexp, minus(s, f.last), axes_one(s->k))));
}

/* ---- backward: a sequence, from the last place to the first ---- */

static Node *class_of(Sequence *s, Node *choice)
{
    const FinitePart *p = &s->f.at[0];
    double step = s->states == 2 ? p->high - p->low : 1;
    return add(s, graph_map(s->g, OP_mul, choice, constant(s, step), NULL), constant(s, p->low));
}

/* States of all places from the last one's, and those kept of the others, last first, along `axis`. */
static Node *in_order(Sequence *s, Node *last, Node *kept, Axis axis)
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

/* The number of states whose running sum of probabilities exp(-energy) u is beyond. */
static Node *drawn_state(Sequence *s, Node *energy, Node *u)
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
    Node *pair = graph_gather(s->g, at_time(s, s->pair, t), s->l, y);
    return drawn_state(s, add(s, message, pair), at_time(s, luck, t));
}

static Node *backward(Sequence *s, Loop *around, const Forward *f, Node *last, Choose *choose, Node *luck)
{
    Graph *g = s->g;
    if (s->length < 2) return class_of(s, in_order(s, last, NULL, 0));
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
    return class_of(s, in_order(s, last, graph_result(g, loop, loop->n_carry + index), axis));
}

/* ---- answers ---- */

static Node *best(Sequence *s, Loop *around)
{
    Forward f = forward(s, around, false, 2);
    return backward(s, around, &f, graph_along(s->g, OP_argmin, f.last, s->k, false), choose_best, NULL);
}

static Node *drawn(Inference *x, Sequence *s)
{
    Builder *b = x->b;
    uint64_t chain = b->at.chain;
    b->at.chain = mix_hash(chain, x->at[0].name.text, (uint64_t)turn_of(b, x->e));
    Node *luck = finite_luck(&s->f, 0, x->at[0].name.text);
    b->at.chain = chain;
    Forward f = forward(s, b->at.loop, true, 1);
    Node *last = drawn_state(s, f.last, at_time(s, luck, constant(s, (double)s->length - 1)));
    return graph_stop(b->g, backward(s, b->at.loop, &f, last, choose_drawn, luck));
}

/* How the free energy's derivatives by its terms, along `unary` and `pair`, add up. */
static Node *free_along(Sequence *s, Loop *around, Node *unary, Node *pair)
{
    Sequence free = *s;
    free.base = constant(s, 0);
    free.unary = graph_variable(s->g, s->unary->axes);
    free.pair = graph_variable(s->g, s->pair->axes);
    Node *total = free_energy(&free, around), *leaf[2] = { free.unary, free.pair }, *term[2] = { unary, pair }, *more = NULL;
    grad_forward(s->g, &total, 1, leaf, term, 2, &more);
    if (!more) return constant(s, 0);
    graph_substitute(s->g, &more, 1, leaf, (Node *const[]){ s->unary, s->pair }, 2);
    return more;
}

/* Probabilities of the states of each place: the free energy's derivatives by their energies. */
static Node *shares(Sequence *s, Loop *around)
{
    Sequence free = *s;
    free.unary = graph_variable(s->g, s->unary->axes);
    Node *total = free_energy(&free, around), *one = graph_spread(s->g, constant(s, 1), total->axes), *p = NULL;
    grad_reverse(s->g, &total, &one, 1, &free.unary, 1, &p);
    graph_substitute(s->g, &p, 1, &free.unary, &s->unary, 1);
    return p;
}

/* The expected value: of a function that is itself a chain, how the free energy grows with it; of an array each of whose values is a sum of functions of
 * one place, its value at the shares of the states. */
static Value *expected(Inference *x, Sequence *s, Shape items)
{
    Builder *b = x->b;
    Value *v = finite_value(&s->f, &x->at[0], 0, s->f.at[0].value);
    Value *value = apply_values(b, energy_closure(x, x->infer->of, items), &v, 1, x->infer->of->span);
    if (value->kind != VALUE_ARRAY) return b->none;
    Node *e = finite_polynomial(&s->f, value->node), *slope;
    if (!e) { refuse(x, s->f.refused, "the function has another structure"); return b->none; }
    finite_slopes(&s->f, graph_fold(b->g, OP_sum, e, axes_of(value->shape)), &slope);
    if (!graph_depends(b->g, slope, s->f.at[0].state)) {
        graph_substitute(b->g, &e, 1, &s->f.at[0].state, (Node *const[]){ shares(s, b->at.loop) }, 1);
        return array(b, e, value->shape);
    }
    if (value->shape.n) { refuse(x, finite_meeting(&s->f, e), "the expectation of an array with several places in one value is asked for"); return b->none; }
    if (!check_chain(x, s, e, slope)) return b->none;
    return array(b, add(s, finite_rest(&s->f, e), free_along(s, b->at.loop, finite_rest(&s->f, slope), pair_terms(s, slope))), shape_none());
}

Value *solve_chain(Inference *x, Shape items)
{
    Builder *b = x->b;
    Sequence s = { 0 };
    if (!find_terms(x, &s, energy_closure(x, x->infer->kind == INFER_EXPECTATION ? x->infer->under : x->infer->of, items))) return b->none;
    if (x->infer->kind == INFER_ARGMAX) {
        s.unary = minus(&s, s.unary);
        s.pair = minus(&s, s.pair);
    }
    s.unary = finite_observed(&s.f, 0, s.unary);
    s.unary = graph_spread(b->g, s.unary, axes_with(axes_with(s.unary->axes, s.t), s.k));
    switch (x->infer->kind) {
    case INFER_ARGMAX: case INFER_ARGMIN: return finite_value(&s.f, &x->at[0], 0, best(&s, b->at.loop));
    case INFER_SAMPLE: return finite_value(&s.f, &x->at[0], 0, drawn(x, &s));
    case INFER_EXPECTATION: return expected(x, &s, items);
    case INFER_MARGINAL: return array(b, free_energy(&s, b->at.loop), shape_none());
    }
    return b->none;
}

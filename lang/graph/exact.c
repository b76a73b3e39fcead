/* exact.c: exact(): finite domains by enumeration.
 *
 * Configurations have numbers: the digits of a number are the states of the places.  Many are visited in chunks, one after another in a
 * loop, of which nothing but a chunk's own answer is kept (its least energy and where, the log of its sum, its mean), so that memory is
 * that of one chunk whatever their number. */
#include <math.h>
#include <string.h>
#include "lang/graph/infer.h"

enum { CHUNK = 8192 };
static const double most_states = 1e7;

typedef struct Exact {
    Inference *x;
    Builder *b;
    Graph *g;
    Shape items;
    int64_t states, size, chunks;   /* size: of a chunk; the last one may be short */
    Axis axis;                  /* the states of a chunk */
} Exact;

static Node *constant(const Exact *s, double x) { return graph_const(s->g, x); }
static Node *map2(const Exact *s, Op op, Node *x, Node *y) { return graph_map(s->g, op, x, y, NULL); }
static Node *minus(const Exact *s, Node *x) { return graph_map(s->g, OP_neg, x, NULL, NULL); }
static Node *whole_part(const Exact *s, Node *x) { return graph_map(s->g, OP_floor, x, NULL, NULL); }

/* ---- configurations by number ---- */

static double states_of_place(const Binder *v) { return v->domain.kind == CLASS_SPIN ? 2 : v->domain.high - v->domain.low + 1; }

static double places_of(const Binder *v)
{
    double all = 1;
    for (int i = 0; i < v->shape.n; i++) all *= (double)axis_size(v->shape.at[i]);
    return all;
}

static double states_of(const Binder *v) { return pow(states_of_place(v), places_of(v)); }

/* Place p holds digit number places-1-p in base `one`. */
static Node *digits(const Exact *s, const Binder *v, Node *number)
{
    double one = states_of_place(v);
    Node *place = constant(s, 0);
    for (int i = 0; i < v->shape.n; i++) {
        place = map2(s, OP_mul, place, constant(s, (double)axis_size(v->shape.at[i])));
        place = map2(s, OP_add, place, graph_iota(s->g, v->shape.at[i]));
    }
    Node *power = map2(s, OP_sub, constant(s, places_of(v) - 1), place);
    /* rounded, so that powers are whole */
    Node *weight = whole_part(s, map2(s, OP_add, map2(s, OP_pow, constant(s, one), power), constant(s, 0.5)));
    return whole_part(s, map2(s, OP_div, number, weight));
}

/* The value of binder v in configuration number `state`, a node of whole numbers; `below`: states of the binders after it. */
static Value *decode(const Exact *s, const Binder *v, Node *state, double below)
{
    Node *digit = below > 1 ? whole_part(s, map2(s, OP_div, state, constant(s, below))) : state;
    if (v->shape.n) digit = digits(s, v, digit);
    digit = map2(s, OP_mod, digit, constant(s, states_of_place(v)));
    if (v->domain.kind == CLASS_SPIN) digit = map2(s, OP_mul, digit, constant(s, v->domain.high - v->domain.low));
    Value *r = array(s->b, map2(s, OP_add, constant(s, v->domain.low), digit), v->shape);
    r->domain = v->domain;
    return r;
}

static void configuration(const Exact *s, Node *state, Value **v)
{
    double below = 1;
    for (int i = s->x->n - 1; i >= 0; i--) {
        v[i] = decode(s, &s->x->at[i], state, below);
        below *= states_of(&s->x->at[i]);
    }
}

static Value *answer(const Exact *s, Node *state)
{
    Value *v[MAX_BINDERS] = { NULL };
    configuration(s, state, v);
    return together(s->b, v, s->x->n);
}

/* ---- the energies of one chunk ---- */

/* given mask, values: 1 where a configuration is other than observed; null: nothing is given. */
static Node *barred(const Exact *s, Value *const *v)
{
    Builder *b = s->b;
    const Given *given = b->at.given;
    Node *any = NULL;
    for (int i = 0; given && i < s->x->n; i++) {
        if (!given->mask[i]) continue;
        Node *differs = map2(s, OP_ne, aligned(b, given->value[i], v[i]->shape), v[i]->node);
        Node *misses = map2(s, OP_mul, map2(s, OP_ne, aligned(b, given->mask[i], v[i]->shape), constant(s, 0)), differs);
        misses = graph_fold(s->g, OP_maximum, misses, axes_of(v[i]->shape));
        any = any ? map2(s, OP_max, any, misses) : misses;
    }
    return any;
}

typedef struct Chunk { Node *state; Node *energy; Value *f; } Chunk;   /* f: what is expected; null elsewhere */

/* The configurations number first, first + 1, ..; what is beyond the last one or not as observed is out of reach.  False after a report. */
static bool visit(const Exact *s, Node *first, Chunk *c)
{
    Builder *b = s->b;
    Inference *x = s->x;
    bool expect = x->infer->kind == INFER_EXPECTATION;
    Value *v[MAX_BINDERS] = { NULL };
    Axes before = b->at.hidden;
    b->at.hidden = axes_with(before, s->axis);
    c->state = map2(s, OP_add, graph_iota(s->g, s->axis), first);
    configuration(s, c->state, v);
    Value *e = energy_at(x, energy_closure(x, expect ? x->infer->under : x->infer->of, s->items), v);
    c->f = expect && e->kind == VALUE_ARRAY ? apply_values(b, energy_closure(x, x->infer->of, s->items), v, x->n, x->infer->of->span) : NULL;
    b->at.hidden = before;
    if (e->kind == VALUE_NONE || (c->f && c->f->kind != VALUE_ARRAY)) return false;
    stand_at(b, x->e->span);
    Node *bar = barred(s, v), *far = constant(s, x->infer->kind == INFER_ARGMAX ? -1e30 : 1e30);
    c->energy = bar ? map2(s, OP_add, e->node, map2(s, OP_mul, bar, far)) : e->node;
    if (s->states % s->size) {
        Node *is_one = map2(s, OP_lt, c->state, constant(s, (double)s->states));
        c->energy = graph_map(s->g, OP_select, is_one, c->energy, far);
    }
    c->energy = graph_spread(s->g, c->energy, axes_with(c->energy->axes, s->axis));
    return true;
}

/* ---- chunk after chunk ---- */

enum { MAX_KEPT = 2 };
typedef struct Kept { int n; Node *node[MAX_KEPT]; Shape shape; Axis axis; } Kept;   /* node: as kept of each chunk, along `axis` */

/* What is kept of a chunk; false after a report. */
typedef bool Keep(const Exact *s, Node *first, Kept *k);

static bool visit_all(Exact *s, Keep *keep, Kept *k)
{
    Builder *b = s->b;
    k->axis = graph_fresh_axis(s->g, s->chunks);
    if (s->chunks == 1) {
        if (!keep(s, constant(s, 0), k)) return false;
        for (int i = 0; i < k->n; i++) k->node[i] = graph_spread(s->g, k->node[i], axes_with(k->node[i]->axes, k->axis));
        return true;
    }
    Loop *around = b->at.loop, *loop = b->at.loop = graph_loop_open(s->g, around, s->chunks);
    bool fine = keep(s, map2(s, OP_mul, loop->time, constant(s, (double)s->size)), k);
    b->at.loop = around;
    if (!fine) return false;
    int at[MAX_KEPT];
    for (int i = 0; i < k->n; i++) at[i] = graph_loop_keep(s->g, loop, k->node[i], k->axis);
    graph_loop_close(s->g, loop);
    for (int i = 0; i < k->n; i++) k->node[i] = graph_result(s->g, loop, loop->n_carry + at[i]);
    return true;
}

static Node *at_place(const Exact *s, Node *x, Axis axis, Node *place)
{
    return graph_gather(s->g, graph_spread(s->g, x, axes_with(x->axes, axis)), axis, place);
}

/* ---- argmin and argmax ---- */

static bool is_argmax(const Exact *s) { return s->x->infer->kind == INFER_ARGMAX; }

static bool keep_best(const Exact *s, Node *first, Kept *k)
{
    Chunk c;
    if (!visit(s, first, &c)) return false;
    Node *place = graph_along(s->g, is_argmax(s) ? OP_argmax : OP_argmin, c.energy, s->axis, false);
    *k = (Kept){ .n = 2, .axis = k->axis };
    k->node[0] = graph_fold(s->g, is_argmax(s) ? OP_maximum : OP_minimum, c.energy, axes_one(s->axis));
    k->node[1] = map2(s, OP_add, first, place);
    return true;
}

static Value *best(Exact *s)
{
    Kept k = { 0 };
    if (!visit_all(s, keep_best, &k)) return s->b->none;
    Node *chunk = graph_along(s->g, is_argmax(s) ? OP_argmax : OP_argmin, k.node[0], k.axis, false);
    return answer(s, at_place(s, k.node[1], k.axis, chunk));
}

/* ---- sums ---- */

static Node *log_sum(const Exact *s, Node *log_p, Axis over) { return graph_fold(s->g, OP_logsumexp, log_p, axes_one(over)); }

static bool keep_sum(const Exact *s, Node *first, Kept *k)
{
    Chunk c;
    if (!visit(s, first, &c)) return false;
    *k = (Kept){ .n = 1, .node = { log_sum(s, minus(s, c.energy), s->axis) }, .axis = k->axis };
    return true;
}

static Value *marginal(Exact *s)
{
    Kept k = { 0 };
    if (!visit_all(s, keep_sum, &k)) return s->b->none;
    return array(s->b, minus(s, log_sum(s, k.node[0], k.axis)), shape_none());
}

/* Along an axis: exp(log_p), divided by its sum. */
static Node *shares(const Exact *s, Node *log_p, Node *sum, Axis along)
{
    Node *p = graph_map(s->g, OP_exp, map2(s, OP_sub, log_p, sum), NULL, NULL);
    return graph_spread(s->g, p, axes_with(p->axes, along));
}

static bool keep_mean(const Exact *s, Node *first, Kept *k)
{
    Chunk c;
    if (!visit(s, first, &c)) return false;
    Node *log_p = minus(s, c.energy), *sum = log_sum(s, log_p, s->axis);
    *k = (Kept){ .n = 2, .node = { sum, graph_dot(s->g, shares(s, log_p, sum, s->axis), c.f->node, axes_one(s->axis)) }, .shape = c.f->shape, .axis = k->axis };
    return true;
}

static Value *expectation(Exact *s)
{
    Kept k = { 0 };
    if (!visit_all(s, keep_mean, &k)) return s->b->none;
    Node *p = shares(s, k.node[0], log_sum(s, k.node[0], k.axis), k.axis);
    return array(s->b, graph_dot(s->g, p, k.node[1], axes_one(k.axis)), k.shape);
}

/* ---- draws ---- */

/* The number of places whose running sum of shares u is beyond. */
static Node *drawn_place(const Exact *s, Node *log_p, Axis along, Node *u)
{
    Node *sums = graph_along(s->g, OP_cumsum, shares(s, log_p, log_sum(s, log_p, along), along), along, false);
    Node *n = graph_fold(s->g, OP_sum, map2(s, OP_le, sums, u), axes_one(along));
    return map2(s, OP_min, n, constant(s, (double)axis_size(along) - 1));
}

/* A chunk by its share, then a configuration of it. */
static Value *drawn(Exact *s)
{
    Builder *b = s->b;
    Kept k = { 0 };
    Chunk c;
    if (!visit_all(s, keep_sum, &k)) return b->none;
    uint64_t chain = b->at.chain;
    b->at.chain = mix_hash(chain, s->x->at[0].name.text, (uint64_t)turn_of(b, s->x->e));
    b->at.draw_name = s->x->at[0].name.text;
    b->at.draw_count = 0;
    Node *first = constant(s, 0);
    if (s->chunks > 1) first = map2(s, OP_mul, drawn_place(s, k.node[0], k.axis, random_node(b, RANDOM_UNIFORM, 0, shape_none())), constant(s, (double)s->size));
    Node *u = random_node(b, RANDOM_UNIFORM, 0, shape_none());
    b->at.chain = chain;
    if (!visit(s, graph_stop(s->g, first), &c)) return b->none;
    return answer(s, graph_stop(s->g, map2(s, OP_add, first, drawn_place(s, minus(s, c.energy), s->axis, u))));
}

/* ---- the solver ---- */

static bool exact_serves(Inference *x, double *states)
{
    *states = 1;
    for (int i = 0; i < x->n; i++) {
        Binder *v = &x->at[i];
        if (v->domain.kind != CLASS_WHOLE && v->domain.kind != CLASS_SPIN) {
            Diagnostic *d = complain(x->b, "E0360", x->infer->by->span, "exact() sums over finite domains, but %s is real", v->name.text);
            diag_help(d, "%s", x->n > 1 ? "exact() may serve the finite names alone; alternate(..) moves all of them in turn" : real_solvers(x->infer->kind));
            return false;
        }
        if (!v->has_shape) {
            complain(x->b, "E0363", v->name.span, "the shape of %s is not known", v->name.text);
            return false;
        }
        *states *= states_of(v);
    }
    return true;
}

static Value *too_many_states(Inference *x, double states, const Node *couples)
{
    static const char *const instead[] = {
        [INFER_ARGMIN] = "annealed_gibbs(..) searches low energy",
        [INFER_ARGMAX] = "annealed_gibbs(..) searches low energy, of the negated value",
        [INFER_SAMPLE] = "gibbs(..) and the samplers of discrete.ebm draw",
        [INFER_MARGINAL] = "ais(..) estimates the log of the sum",
        [INFER_EXPECTATION] = "the mean over samples of gibbs(..) estimates it"
    };
    Diagnostic *d = complain(x->b, "E0364", x->infer->by->span, "exact() would visit %g states; 10 million is the most", states);
    if (couples && couples->origin) diag_note(d, couples->origin->span, "were it not for this, which brings places together, each could be summed out by itself");
    diag_help(d, "chain() serves sequences of neighbors; %s; or shrink the domain", instead[x->infer->kind]);
    return x->b->none;
}

Value *solve_exact(Inference *x, Shape items)
{
    Builder *b = x->b;
    Exact s = { .x = x, .b = b, .g = b->g, .items = items };
    double states;
    if (!exact_serves(x, &states)) return b->none;
    const Node *couples = NULL;
    if (states > 16 && (x->n > 1 || x->at[0].shape.n)) {
        bool serves;
        Value *r = solve_independent(x, items, &serves, &couples);
        if (serves) return r;
    }
    if (states > most_states) return too_many_states(x, states, couples);
    s.states = (int64_t)states;
    s.size = s.states < CHUNK ? s.states : CHUNK;
    s.chunks = (s.states + s.size - 1) / s.size;
    s.axis = hidden_axis(b, s.size, s.chunks > 1 && !items.n ? ITEM_AXIS : INDEX_AXIS);
    switch (x->infer->kind) {
    case INFER_ARGMIN: case INFER_ARGMAX: return best(&s);
    case INFER_MARGINAL: return marginal(&s);
    case INFER_EXPECTATION: return expectation(&s);
    case INFER_SAMPLE: return drawn(&s);
    }
    return b->none;
}

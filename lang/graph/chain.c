/* chain.c: chain(): dynamic programming where an energy is a sum of terms of one place and of two places that are linked, as a sequence (y[t],
 * y[t+1]) or as a tree (y[i], y[parent[i]]); of few classes also of three in a row (wide.c).
 *
 * Which places are linked is read from the gradient: the energies of the states of a place depend on the states of those alone.  The terms
 * themselves are its values where all states are 0, and its derivatives by the indicators of the linked places. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "lang/grad/grad.h"
#include "lang/graph/chain.h"

static Node *constant(Sequence *s, double x) { return graph_const(s->g, x); }
static Node *add(Sequence *s, Node *x, Node *y) { return graph_map(s->g, OP_add, x, y, NULL); }
static Node *minus(Sequence *s, Node *x) { return graph_map(s->g, OP_neg, x, NULL, NULL); }

/* ---- whether it is one ---- */

static bool refuse(Inference *x, const Node *where, const char *what, const char *why)
{
    Diagnostic *d = complain(x->b, "E0371", x->infer->by->span, "chain() needs an energy whose places are linked as a sequence or a tree, but %s", why);
    if (where && where->origin) diag_note(d, where->origin->span, "%s", what);
    diag_help(d, "terms may be functions of y[t], of y[t] and y[t+1] (of up to 8 classes, also y[t+2]), or of y[i] and y[parent[i]]; exact() serves small domains of any energy, gibbs(..) samples");
    return false;
}

static bool refuse_shape(Inference *x, const char *why, const char *instead)
{
    Diagnostic *d = complain(x->b, "E0371", x->infer->by->span, "chain() needs an energy whose places are linked as a sequence or a tree, but %s", why);
    if (x->at[0].where.source) diag_note(d, x->at[0].where, "%s gets its shape here", x->at[0].name.text);
    diag_help(d, "%s", instead);
    return false;
}

/* first[i]: a place with a lower number that i is joined to, or i. */
static int64_t first_of(const int64_t *first, int64_t i)
{
    while (first[i] != i) i = first[i];
    return i;
}

static bool has_link(const Links *links, int n, Link link)
{
    for (int i = 0; i < n; i++)
        if ((links->at[i].from == link.from && links->at[i].to == link.to) || (links->at[i].from == link.to && links->at[i].to == link.from)) return true;
    return false;
}

/* Adds the links of one value to those of the values before it; false where one closes a ring, *at. */
static bool add_links(Builder *b, Links *all, const Links *more, int64_t *first, Link *at)
{
    Link *at_all = ARENA_ARRAY(b->arena, Link, all->n + more->n + 1);
    memcpy(at_all, all->at, sizeof *at_all * (size_t)all->n);
    all->at = at_all;
    for (int i = 0; i < more->n; i++) {
        *at = more->at[i];
        if (at->from == at->to || has_link(all, all->n, *at)) continue;
        int64_t p = first_of(first, at->from), q = first_of(first, at->to);
        if (p == q) return false;
        first[p > q ? p : q] = p > q ? q : p;
        all->at[all->n++] = *at;
    }
    return true;
}

/* The first value of the energy that links places in a ring, and which. */
static const Node *what_closes(const Finite *f, Node *energy, Link *at)
{
    Builder *b = f->b;
    int64_t length = axis_size(f->at[0].shape.at[0]), *first = ARENA_ARRAY(b->arena, int64_t, length);
    Links all = { .at = ARENA_ARRAY(b->arena, Link, 1) };
    for (int64_t i = 0; i < length; i++) first[i] = i;
    uint32_t size = graph_size(b->g);
    for (uint32_t id = 0; id <= energy->id && id < size; id++) {
        Node *n = graph_node(b->g, id), *slope[MAX_BINDERS];
        if ((n->op != OP_mul && n->op != OP_dot) || !graph_depends(b->g, energy, n) || !graph_depends(b->g, n, f->at[0].state)) continue;
        finite_slopes(f, graph_fold(b->g, OP_sum, n, n->axes), slope);
        Links more = links_of(f, 0, slope[0]);
        if (more.many || !add_links(b, &all, &more, first, at)) return n;
    }
    return NULL;
}

static bool refuse_ring(Inference *x, Sequence *s, Node *energy)
{
    Link ring = { 0, 0 };
    char why[160];
    const Node *where = what_closes(&s->f, energy, &ring);
    const char *y = x->at[0].name.text;
    snprintf(why, sizeof why, "%s[%lld] and %s[%lld] are linked directly as well as through others", y, (long long)ring.from, y, (long long)ring.to);
    return refuse(x, where, "this term links them", ring.from == ring.to ? "all places act on each other" : why);
}

/* Adds the axes along which a value links places that lie apart; returns along how many there are links then. */
static int add_axes(const Finite *f, Node *value, bool *linked)
{
    Node *slope[MAX_BINDERS];
    finite_slopes(f, graph_fold(f->b->g, OP_sum, value, value->axes), slope);
    Touches touches = touches_of(f, 0, slope[0]);
    int rank = f->at[0].shape.n, n = 0;
    for (int i = 0; i < touches.n; i++)
        for (int a = 0; a < rank; a++) linked[a] |= touches.at[i][a].any || touches.at[i][a].by;
    for (int a = 0; a < rank; a++) n += linked[a];
    return n;
}

/* The first value of the energy with which places are linked along one axis (most = 0), or along a further one (most = 1); null if there is none. */
static const Node *what_crosses(const Finite *f, Node *energy, int most)
{
    bool linked[MAX_AXES] = { false };
    Graph *g = f->b->g;
    uint32_t size = graph_size(g);
    for (uint32_t id = 0; id <= energy->id && id < size; id++) {
        Node *n = graph_node(g, id);
        bool product = n->op == OP_mul || n->op == OP_dot;
        if (product && graph_depends(g, energy, n) && graph_depends(g, n, f->at[0].state) && add_axes(f, n, linked) > most) return n;
    }
    return NULL;
}

/* An array of several axes: is it linked along more than one of them? */
static bool refuse_grid(Inference *x, Sequence *s, Node *energy)
{
    const char *y = x->at[0].name.text;
    const Node *crosses = what_crosses(&s->f, energy, 1), *links = crosses ? crosses : what_crosses(&s->f, energy, 0);
    char why[160];
    snprintf(why, sizeof why, crosses ? "%s is linked along more than one axis" : links ? "%s has more than one axis" : "no place of %s acts on another", y);
    Diagnostic *d = complain(x->b, "E0371", x->infer->by->span, "chain() needs an energy whose places are linked as a sequence or a tree, but %s", why);
    if (links && links->origin) diag_note(d, links->origin->span, crosses ? "with this term they are" : "this term links places along one axis");
    diag_help(d, "%s", crosses ? "a grid is served by exact() if small, else by gibbs(..), swendsen_wang(..) and annealed_gibbs(..)"
                     : links ? "an energy of one row maps over all of them" : "exact() serves it, place by place");
    return false;
}

/* Links to other places; *self: whether there are others, which go from a place to itself. */
static Links to_others(const Links *links, bool *self)
{
    Links r = *links;
    r.n = 0;
    for (int i = 0; i < links->n; i++) if (links->at[i].from != links->at[i].to) r.at[r.n++] = links->at[i];
    *self = r.n < links->n;
    return r;
}

static bool within(const Links *links, int64_t far)
{
    for (int i = 0; i < links->n; i++) if (links->at[i].from - links->at[i].to > far || links->at[i].to - links->at[i].from > far) return false;
    return true;
}

/* Finds out how the places are linked: along the sequence, or as a tree. */
static bool find_links(Inference *x, Sequence *s, Node *energy, Node *slope, bool *self)
{
    Links links = links_of(&s->f, 0, slope);
    if (links.unknown) return refuse(x, links.unknown, "it looks up places by values that are not", "which ones are linked is not known before the run");
    if (links.many) return refuse_ring(x, s, energy);
    links = to_others(&links, self);
    if (within(&links, 1)) return true;
    s->tree = tree_of(x->b, &links, s->t, s->states, s->one_by_one);
    s->wide = !s->tree && !*self && within(&links, 2) && s->states <= MOST_WIDE_STATES;
    return s->tree || s->wide || refuse_ring(x, s, energy);
}

/* ---- its terms ---- */

/* A color for each place, such that those it is linked to have two other ones. */
static Node *colors(Sequence *s, bool linked)
{
    if (s->tree) return tree_color(s->tree, linked);
    Node *at = graph_iota(s->g, s->t);
    return graph_map(s->g, OP_mod, linked ? add(s, at, constant(s, 1)) : at, constant(s, 3), NULL);
}

/* The slope's derivative by the indicators of all places of one color at once, for each color {t, k, l, turn}: so the places that a place is
 * linked to are told apart. */
static Node *by_color(Sequence *s, Node *slope, Axis turn)
{
    Graph *g = s->g;
    Node *here = graph_map(g, OP_eq, colors(s, false), graph_iota(g, turn), NULL);
    Node *same = graph_map(g, OP_eq, graph_iota(g, s->k), graph_iota(g, s->l), NULL);
    Node *along = graph_map(g, OP_mul, here, same, NULL), *by = NULL;
    grad_forward(g, &slope, 1, &s->f.at[0].state, &along, 1, &by);
    Axes all = axes_with(axes_with(axes_with(axes_with(slope->axes, s->t), s->k), s->l), turn);
    return graph_spread(g, by ? by : constant(s, 0), all);
}

/* Whether a value at each place depends on the places that those are linked to alone (up), on the others alone (down). */
typedef enum Side { SIDE_UP, SIDE_DOWN, SIDE_BOTH } Side;

static Side side_of(Sequence *s, Node *part)
{
    Links links = links_of(&s->f, 0, part);
    int up = 0, down = 0;
    for (int i = 0; i < links.n; i++) {
        Link at = links.at[i];
        bool goes_up = s->tree ? tree_parent(s->tree, at.from) == at.to : at.to == at.from + 1, goes_down = s->tree ? tree_parent(s->tree, at.to) == at.from : at.from == at.to + 1;
        up += goes_up;
        down += goes_down;
    }
    return links.many || up + down < links.n ? SIDE_BOTH : !down ? SIDE_UP : up ? SIDE_BOTH : SIDE_DOWN;
}

/* The slope is a sum: parts of one side are told apart without colors, and stay alike along the sequence if they are. */
static Node *pair_parts(Sequence *s, Node *part, Node *along)
{
    Graph *g = s->g;
    if (part->op == OP_add || part->op == OP_sub) {
        Node *x = pair_parts(s, part->in[0], along), *y = pair_parts(s, part->in[1], along);
        return graph_map(g, part->op, x, y, NULL);
    }
    if (part->op == OP_neg) return minus(s, pair_parts(s, part->in[0], along));
    if (!graph_depends(g, part, s->f.at[0].state)) return constant(s, 0);
    switch (side_of(s, part)) {
    case SIDE_DOWN: return constant(s, 0);
    case SIDE_UP: {
        Node *by = NULL;
        grad_forward(g, &part, 1, &s->f.at[0].state, &along, 1, &by);
        return by ? by : constant(s, 0);
    }
    case SIDE_BOTH: break;
    }
    Axis turn = graph_fresh_axis(g, 3);
    return graph_gather(g, by_color(s, part, turn), turn, colors(s, true));
}

static Node *pair_terms(Sequence *s, Node *slope)
{
    Graph *g = s->g;
    Node *along = graph_map(g, OP_eq, graph_iota(g, s->k), graph_iota(g, s->l), NULL);
    Node *pair = pair_parts(s, slope, along);
    if (!s->tree) {
        Move move = { .n = 1, .at = { { .from = s->t, .n = 1, .term = { { s->e, 1 } } } } };
        pair = graph_index(g, pair, &move, axes_with(axes_without(pair->axes, s->t), s->e));
    }
    return graph_spread(g, pair, axes_with(axes_with(pair->axes, s->k), s->l));
}

/* Energies of single states; self: products of a place's own states count too, half their derivative. */
static Node *unary_terms(Sequence *s, Node *slope, bool self)
{
    Graph *g = s->g;
    Node *unary = finite_rest(&s->f, slope);
    if (self) {
        Axis turn = graph_fresh_axis(g, 3);
        Node *own = graph_gather(g, by_color(s, slope, turn), turn, colors(s, false));
        unary = add(s, unary, graph_map(g, OP_mul, constant(s, 0.5), graph_gather(g, own, s->l, graph_iota(g, s->k)), NULL));
    }
    return graph_spread(g, unary, axes_with(axes_with(unary->axes, s->t), s->k));
}

static bool find_terms(Inference *x, Sequence *s, Closure *energy)
{
    Builder *b = x->b;
    s->g = b->g;
    if (x->n != 1) return refuse_shape(x, "several names are sought", "one class may stand for both, k = n * y + z; or one of them may be summed out inside: marginal z of .. by exact()");
    if (!finite_parts(x, &s->f, true)) return false;
    FinitePart *p = &s->f.at[0];
    if (!p->shape.n) return refuse_shape(x, "a single value is sought", "exact() serves it");
    Node *e = finite_energy(x, &s->f, energy), *slope;
    if (!e) return s->f.refused ? refuse(x, s->f.refused, "this is what brings them together", "it has a function of many of them") : false;
    stand_at(b, x->e->span);
    if (p->shape.n != 1) return refuse_grid(x, s, e);
    s->t = p->shape.at[0];
    s->k = p->choice;
    s->l = graph_fresh_axis(b->g, p->states);
    s->length = axis_size(s->t);
    s->states = p->states;
    finite_slopes(&s->f, e, &slope);
    bool self;
    if (!find_links(x, s, e, slope, &self)) return false;
    s->e = s->tree || s->length < 2 ? s->t : graph_fresh_axis(b->g, s->length - 1);
    s->base = finite_rest(&s->f, e);
    s->unary = unary_terms(s, slope, self);
    if (s->wide) {
        s->m = graph_fresh_axis(b->g, p->states);
        s->far_e = graph_fresh_axis(b->g, s->length - 2);
        s->pairs_k = graph_fresh_axis(b->g, p->states * p->states);
        s->pairs_l = graph_fresh_axis(b->g, p->states * p->states);
        wide_terms(s, slope);
        return true;
    }
    s->pair = pair_terms(s, slope);
    return !graph_depends(b->g, s->pair, p->state) || refuse(x, finite_meeting(&s->f, e), "this is one of them", "three states meet in a product");
}

/* ---- answers ---- */

static Node *free_energy(Sequence *s, Loop *around)
{
    if (!s->wide) return s->tree ? tree_free(s, around) : sequence_free(s, around);
    Sequence pairs = wide_pairs(s, true);
    return sequence_free(&pairs, around);
}

static Node *best(Sequence *s, Loop *around)
{
    if (!s->wide) return s->tree ? tree_best(s, around) : sequence_best(s, around);
    Sequence pairs = wide_pairs(s, true);
    return wide_states(s, sequence_best(&pairs, around));
}

static Node *drawn_by(Sequence *s, Loop *around, Node *luck)
{
    if (!s->wide) return s->tree ? tree_drawn(s, around, luck) : sequence_drawn(s, around, luck);
    Sequence pairs = wide_pairs(s, true);
    return wide_states(s, sequence_drawn(&pairs, around, wide_luck(s, luck)));
}

static Node *drawn(Inference *x, Sequence *s)
{
    Builder *b = x->b;
    uint64_t chain = b->at.chain;
    b->at.chain = mix_hash(chain, x->at[0].name.text, (uint64_t)turn_of(b, x->e));
    Node *luck = finite_luck(&s->f, 0, x->at[0].name.text);
    b->at.chain = chain;
    return graph_stop(b->g, drawn_by(s, b->at.loop, luck));
}

/* Values from numbers of states. */
static Value *values_of(Inference *x, Sequence *s, Node *choice)
{
    const FinitePart *p = &s->f.at[0];
    double step = s->states == 2 ? p->high - p->low : 1;
    return finite_value(&s->f, &x->at[0], 0, add(s, graph_map(s->g, OP_mul, choice, constant(s, step), NULL), constant(s, p->low)));
}

/* How the free energy's derivatives by its terms, along `unary` and `pair`, add up. */
static Node *free_along(Sequence *s, Loop *around, Node *unary, Node *pair)
{
    Sequence free = *s;
    free.unary = graph_variable(s->g, s->unary->axes);
    Axes links = axes_have(&pair->axes, s->e) ? axes_with(s->pair->axes, s->e) : s->pair->axes;
    free.pair = graph_variable(s->g, links);
    Node *total = free_energy(&free, around), *leaf[2] = { free.unary, free.pair }, *term[2] = { unary, pair }, *more = NULL;
    grad_forward(s->g, &total, 1, leaf, term, 2, &more);
    if (!more) return constant(s, 0);
    graph_substitute(s->g, &more, 1, leaf, (Node *const[]){ s->unary, graph_spread(s->g, s->pair, links) }, 2);
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

/* The same for a function with this slope. */
static Node *function_along(Sequence *s, Node *slope, bool self)
{
    Loop *around = s->f.b->at.loop;
    if (!s->wide) return free_along(s, around, unary_terms(s, slope, self), pair_terms(s, slope));
    Sequence f = *s;
    f.unary = unary_terms(s, slope, false);
    wide_terms(&f, slope);
    Sequence pairs = wide_pairs(s, true), more = wide_pairs(&f, false);
    return free_along(&pairs, around, more.unary, more.pair);
}

/* Whether a function links no other places than the energy does. */
static bool follows_links(Inference *x, Sequence *s, Node *value, Node *slope, bool *self)
{
    Links links = links_of(&s->f, 0, slope);
    bool fits = !links.many;
    if (fits) links = to_others(&links, self);
    if (fits && !s->tree) fits = within(&links, s->wide ? 2 : 1) && !(s->wide && *self);
    for (int i = 0; fits && s->tree && i < links.n; i++) fits = tree_parent(s->tree, links.at[i].from) == links.at[i].to || tree_parent(s->tree, links.at[i].to) == links.at[i].from;
    return fits || refuse(x, finite_meeting(&s->f, value), "this is one of its terms", "the function links places that the energy does not");
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
    if (!e) { refuse(x, s->f.refused, "this is what brings them together", "the function is one of many of them"); return b->none; }
    finite_slopes(&s->f, graph_fold(b->g, OP_sum, e, axes_of(value->shape)), &slope);
    if (!graph_depends(b->g, slope, s->f.at[0].state)) {
        graph_substitute(b->g, &e, 1, &s->f.at[0].state, (Node *const[]){ shares(s, b->at.loop) }, 1);
        return array(b, e, value->shape);
    }
    bool self;
    if (value->shape.n) refuse(x, finite_meeting(&s->f, e), "in this one places meet", "the expectation of an array is asked for, each of whose values must be a function of single places then");
    if (value->shape.n || !follows_links(x, s, e, slope, &self)) return b->none;
    return array(b, add(s, finite_rest(&s->f, e), function_along(s, slope, self)), shape_none());
}

/* chain(best = n): n; 0: not asked for; -1 after a report. */
static int64_t wanted_best(Inference *x, const Closure *solver)
{
    int64_t n = 0;
    for (const Field *f = solver->settings; f; f = f->next) if (!want_size(x->b, f->value, x->infer->by->span, "how many are the best", &n)) return -1;
    bool argmin = x->infer->kind == INFER_ARGMIN || x->infer->kind == INFER_ARGMAX;
    if (solver->settings && (n < 1 || !argmin)) {
        complain(x->b, "E0305", x->infer->by->span, argmin ? "chain(best = n) needs at least one" : "chain(best = n) gives the n best configurations: it serves argmin and argmax");
        return -1;
    }
    return n;
}

/* The n best, along a new first axis. */
static Value *best_several(Inference *x, Sequence *s, int64_t n)
{
    Builder *b = x->b;
    double there_are = pow((double)s->states, (double)s->length);
    if ((double)n > there_are) {
        complain(b, "E0305", x->infer->by->span, "there are %g configurations only, but the best %lld are wanted", there_are, (long long)n);
        return b->none;
    }
    Axis rank = plain_axis(n, &s->f.at[0].shape);
    Sequence pairs = s->wide ? wide_pairs(s, true) : *s;
    Node *states = s->tree ? tree_several(s, b->at.loop, rank) : sequence_several(&pairs, b->at.loop, rank);
    Value *v = values_of(x, s, s->wide ? wide_states(s, states) : states);
    Value *all = array(b, v->node, shape_join((Shape){ 1, { rank } }, v->shape));
    all->domain = v->domain;
    return standard(b, all);
}

Value *solve_chain(Inference *x, const Closure *solver, Shape items)
{
    Builder *b = x->b;
    Sequence s = { 0 };
    int64_t several = wanted_best(x, solver);
    if (several < 0) return b->none;
    s.one_by_one = several > 0;
    if (!find_terms(x, &s, energy_closure(x, x->infer->kind == INFER_EXPECTATION ? x->infer->under : x->infer->of, items))) return b->none;
    if (x->infer->kind == INFER_ARGMAX) {
        s.unary = minus(&s, s.unary);
        s.pair = minus(&s, s.pair);
        if (s.wide) s.far = minus(&s, s.far);
        if (s.triple) s.triple = minus(&s, s.triple);
    }
    s.unary = finite_observed(&s.f, 0, s.unary);
    s.unary = graph_spread(b->g, s.unary, axes_with(axes_with(s.unary->axes, s.t), s.k));
    switch (x->infer->kind) {
    case INFER_ARGMAX: case INFER_ARGMIN: return several ? best_several(x, &s, several) : values_of(x, &s, best(&s, b->at.loop));
    case INFER_SAMPLE: return values_of(x, &s, drawn(x, &s));
    case INFER_EXPECTATION: return expected(x, &s, items);
    case INFER_MARGINAL: return array(b, add(&s, s.base, free_energy(&s, b->at.loop)), shape_none());
    }
    return b->none;
}

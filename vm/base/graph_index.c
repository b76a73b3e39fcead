/* graph_index.c: affine moves: index, its adjoint place, and renames, with moves of moves joined where that keeps the values. */
#include <assert.h>
#include <math.h>
#include "vm/base/graph_inner.h"

/* ---- Coordinates ---- */

typedef struct Range { int64_t low, high; } Range;

/* The smallest and largest value of a coordinate before wrapping. */
static Range coord_range(const Coord *c)
{
    Range r = { c->offset, c->offset };
    for (int k = 0; k < c->n; k++) {
        int64_t most = c->term[k].coef * (axis_size(c->term[k].axis) - 1);
        if (most > 0) r.high += most;
        else r.low += most;
    }
    return r;
}

static bool always_inside(const Coord *c)
{
    Range r = coord_range(c);
    return r.low >= 0 && r.high < axis_size(c->from);
}

static bool never_inside(const Coord *c)
{
    Range r = coord_range(c);
    return !c->wrap && (r.high < 0 || r.low >= axis_size(c->from));
}

/* The coordinate is the place along one axis of the same size: a new name only. */
static bool is_pure(const Coord *c)
{
    return c->n == 1 && c->offset == 0 && c->term[0].coef == 1 && axis_size(c->term[0].axis) == axis_size(c->from);
}

/* Adds coef * axis; false if there is no room for it. */
static bool add_term(Coord *c, Axis axis, int64_t coef)
{
    for (int k = 0; k < c->n; k++)
        if (c->term[k].axis == axis) {
            c->term[k].coef += coef;
            return true;
        }
    if (c->n == 3) return false;
    c->term[c->n].axis = axis;
    c->term[c->n++].coef = coef;
    return true;
}

static int64_t modulo(int64_t a, int64_t n)
{
    int64_t rest = a % n;
    return rest < 0 ? rest + n : rest;
}

/* Terms with a factor other than 0 and axes longer than 1, sorted; no wrap where nothing wraps. */
static Coord tidy_coord(const Coord *c)
{
    Coord t = { .from = c->from, .offset = c->offset, .wrap = c->wrap };
    for (int k = 0; k < c->n; k++) {
        Axis axis = c->term[k].axis;
        int64_t coef = c->term[k].coef;
        bool present = false;
        for (int j = 0; j < t.n; j++) present = present || t.term[j].axis == axis;
        if (present || coef == 0) {
            bool fits = coef == 0 || add_term(&t, axis, coef);
            assert(fits);
            (void)fits;
            continue;
        }
        int at = t.n++;
        for (; at > 0 && t.term[at - 1].axis > axis; at--) t.term[at] = t.term[at - 1];
        t.term[at].axis = axis;
        t.term[at].coef = coef;
    }
    if (t.wrap && always_inside(&t)) t.wrap = false;
    if (t.wrap) t.offset = modulo(t.offset, axis_size(t.from));
    return t;
}

static void insert_coord(Move *m, const Coord *c)
{
    int at = m->n++;
    assert(m->n <= MAX_AXES);
    for (; at > 0 && m->at[at - 1].from > c->from; at--) m->at[at] = m->at[at - 1];
    m->at[at] = *c;
}

static const Coord *coord_of(const Move *m, Axis from)
{
    for (int i = 0; i < m->n; i++)
        if (m->at[i].from == from) return &m->at[i];
    return NULL;
}

/* Adds factor * n to the coordinate, if n is arithmetic on places along axes. */
static bool add_affine(Coord *c, const Node *n, int64_t factor)
{
    switch (n->op) {
    case OP_const:
        if (n->value != floor(n->value) || fabs(n->value) > 1e9) return false;
        c->offset += factor * (int64_t)n->value;
        return true;
    case OP_iota: return add_term(c, n->axis, factor);
    case OP_neg: return add_affine(c, n->in[0], -factor);
    case OP_add: return add_affine(c, n->in[0], factor) && add_affine(c, n->in[1], factor);
    case OP_sub: return add_affine(c, n->in[0], factor) && add_affine(c, n->in[1], -factor);
    case OP_mul:
        for (int k = 0; k < 2; k++) {
            const Node *by = n->in[k];
            if (by->op == OP_const && by->value == floor(by->value) && fabs(by->value) < 1e9)
                return add_affine(c, n->in[1 - k], factor * (int64_t)by->value);
        }
        return false;
    default: return false;
    }
}

bool affine_coord(const Node *index, Axis from, Coord *c)
{
    *c = (Coord){ .from = from };
    return add_affine(c, index, 1) && always_inside(c);
}

static Axes sources(const Move *m)
{
    Axes set = { 0 };
    for (int i = 0; i < m->n; i++) set = axes_with(set, m->at[i].from);
    return set;
}

static Axes term_axes(const Move *m)
{
    Axes set = { 0 };
    for (int i = 0; i < m->n; i++)
        for (int k = 0; k < m->at[i].n; k++) set = axes_with(set, m->at[i].term[k].axis);
    return set;
}

/* Axes of the result of moving a value with these axes. */
static Axes moved_axes(const Axes *axes, const Move *m)
{
    Axes gone = sources(m), terms = term_axes(m), kept = axes_minus(axes, &gone);
    return axes_union(&kept, &terms);
}

/* ---- Moves of moves ---- */

/* outer after inner: the coordinate of one source axis of inner, in terms of outer's axes.  False if that is not one affine
 * coordinate that is 0 outside at the same places. */
static bool compose_coord(const Coord *inner, const Move *outer, Coord *joined)
{
    if (is_pure(inner)) {
        const Coord *next = coord_of(outer, inner->term[0].axis);
        if (!next) *joined = *inner;
        else *joined = *next, joined->from = inner->from;
        return true;
    }
    Coord c = { .from = inner->from, .offset = inner->offset, .wrap = inner->wrap };
    for (int k = 0; k < inner->n; k++) {
        const Coord *next = coord_of(outer, inner->term[k].axis);
        int64_t coef = inner->term[k].coef;
        if (!next) {
            if (!add_term(&c, inner->term[k].axis, coef)) return false;
            continue;
        }
        bool same_wrap = next->wrap && inner->wrap && axis_size(next->from) % axis_size(inner->from) == 0;
        if (!same_wrap && (next->wrap || !always_inside(next))) return false;
        c.offset += coef * next->offset;
        for (int j = 0; j < next->n; j++)
            if (!add_term(&c, next->term[j].axis, coef * next->term[j].coef)) return false;
    }
    *joined = c;
    return true;
}

/* The move from x to the result of outer, where inner leads from x to what outer moves. */
static bool compose(const Node *inner, const Move *outer, Move *joined)
{
    Move m = { 0 };
    for (int i = 0; i < inner->move->n; i++) {
        Coord c;
        if (!compose_coord(&inner->move->at[i], outer, &c)) return false;
        insert_coord(&m, &c);
    }
    Axes gone = sources(inner->move), kept = axes_minus(&inner->in[0]->axes, &gone);
    for (int i = 0; i < outer->n; i++)
        if (axes_have(&kept, outer->at[i].from)) insert_coord(&m, &outer->at[i]);
    *joined = m;
    return true;
}

/* ---- Index ---- */

/* 0, 1, 2, .. at affine places inside is arithmetic. */
static Node *index_of_iota(Graph *g, const Coord *c)
{
    Node *value = graph_const(g, (double)c->offset);
    for (int k = 0; k < c->n; k++) {
        Node *along = graph_iota(g, c->term[k].axis), *coef = graph_const(g, (double)c->term[k].coef);
        value = graph_map(g, OP_add, value, graph_map(g, OP_mul, along, coef, NULL), NULL);
    }
    if (c->wrap) value = graph_map(g, OP_mod, value, graph_const(g, (double)axis_size(c->from)), NULL);
    return value;
}

/* The move that places values right where a part of the given place wants them: a padded image's gradient is only needed inside.  False if it is
 * more than a part. */
static bool part_of_place(const Node *place, const Move *part, Move *move, Axes *onto)
{
    Move joined = { 0 };
    *onto = place->axes;
    int found = 0;
    for (int i = 0; i < place->move->n; i++) {
        Coord c = place->move->at[i];
        const Coord *next = coord_of(part, c.from);
        if (next) {
            Axis axis = next->n == 1 ? next->term[0].axis : 0;
            if (!axis || next->term[0].coef != 1 || next->wrap || c.wrap || !always_inside(next)) return false;
            if (axes_have(&place->in[0]->axes, axis) || axes_have(onto, axis)) return false;
            *onto = axes_with(axes_without(*onto, c.from), axis);
            c.from = axis;
            c.offset -= next->offset;
            found++;
        }
        insert_coord(&joined, &c);
    }
    *move = joined;
    return found == part->n;
}

static Node *index_bare(Graph *g, Node *x, const Move *given)
{
    Move move = { 0 };
    for (int i = 0; i < given->n; i++) {
        Coord c = tidy_coord(&given->at[i]);
        if (never_inside(&c)) return graph_const(g, 0);
        if (axes_have(&x->axes, c.from)) {
            if (!is_pure(&c) || c.term[0].axis != c.from) insert_coord(&move, &c);
        } else if (!always_inside(&c) && !c.wrap) {
            x = graph_spread(g, x, axes_one(c.from));
            insert_coord(&move, &c);
        }
    }
    if (!move.n || is_const(x, 0)) return x;
    if (x->op == OP_iota && (move.at[0].wrap || always_inside(&move.at[0]))) return index_of_iota(g, &move.at[0]);
    Move joined;
    if (x->op == OP_index && compose(x, &move, &joined)) return index_bare(g, x->in[0], &joined);
    Axes onto;
    if (x->op == OP_place && part_of_place(x, &move, &joined, &onto)) return bare(graph_place(g, x->in[0], &joined, onto));
    Node pattern = { .op = OP_index, .n_in = 1, .in = &x, .axes = moved_axes(&x->axes, &move), .move = &move };
    return node_make(g, &pattern);
}

Node *graph_index(Graph *g, Node *x, const Move *move, Axes onto)
{
    Node *r = index_bare(g, bare(x), move);
    assert(axes_within(&r->axes, &onto));
    return graph_spread(g, r, onto);
}

Node *graph_rename(Graph *g, Node *x, Axis from, Axis to)
{
    if (from == to || !axes_have(&x->axes, from)) return x;
    assert(axis_size(from) == axis_size(to));
    Move move = { .n = 1, .at = { { .from = from, .n = 1, .term = { { to, 1 } } } } };
    return graph_index(g, x, &move, moved_axes(&x->axes, &move));
}

bool node_is_rename(const Node *n)
{
    if (n->op != OP_index || n->axes.n != n->in[0]->axes.n) return false;
    for (int i = 0; i < n->move->n; i++)
        if (!is_pure(&n->move->at[i])) return false;
    return true;
}

/* ---- Place ---- */

/* The axis is a term of this coordinate only, and names no kept axis: each value has one place, and each place one value. */
static bool is_invertible(const Move *m, int at, const Axes *kept)
{
    const Coord *c = &m->at[at];
    if (c->n != 1 || (c->term[0].coef != 1 && c->term[0].coef != -1)) return false;
    Axis axis = c->term[0].axis;
    if (c->wrap && axis_size(axis) != axis_size(c->from)) return false;
    if (axes_have(kept, axis)) return false;
    for (int i = 0; i < m->n; i++)
        for (int k = 0; k < m->at[i].n; k++)
            if (i != at && m->at[i].term[k].axis == axis) return false;
    return true;
}

/* The index that undoes the move, if there is one. */
static bool invert(const Move *m, const Axes *kept, Move *inverse)
{
    *inverse = (Move){ 0 };
    for (int i = 0; i < m->n; i++) {
        const Coord *c = &m->at[i];
        if (!is_invertible(m, i, kept)) return false;
        int64_t coef = c->term[0].coef;
        Coord back = { .from = c->term[0].axis, .offset = -coef * c->offset, .n = 1, .term = { { c->from, coef } }, .wrap = c->wrap };
        insert_coord(inverse, &back);
    }
    return true;
}

/* v at the one place `at` along an axis it lacks, 0 elsewhere. */
static Node *place_at(Graph *g, Node *v, Axis axis, int64_t at)
{
    Node *here = graph_map(g, OP_eq, graph_iota(g, axis), graph_const(g, (double)at), NULL);
    return graph_map(g, OP_select, here, v, graph_const(g, 0));
}

static Node *place_moving(Graph *g, Node *v, const Move *move, Axes onto)
{
    Axes from = sources(move), terms = term_axes(move), kept = axes_minus(&onto, &from);
    Axes unused = axes_minus(&kept, &v->axes);
    unused = axes_minus(&unused, &terms);
    onto = axes_minus(&onto, &unused);
    kept = axes_minus(&kept, &unused);
    v = graph_spread(g, v, terms);
    Move inverse;
    if (invert(move, &kept, &inverse)) return graph_index(g, v, &inverse, onto);
    Node pattern = { .op = OP_place, .n_in = 1, .in = &v, .axes = onto, .move = move };
    return node_make(g, &pattern);
}

Node *graph_place(Graph *g, Node *v, const Move *given, Axes onto)
{
    Move move = { 0 };
    Axes fixed = { 0 }, inner = onto;
    for (int i = 0; i < given->n; i++) {
        Coord c = tidy_coord(&given->at[i]);
        assert(axes_have(&onto, c.from));
        if (never_inside(&c)) return graph_spread(g, graph_const(g, 0), onto);
        if (c.n == 0) fixed = axes_with(fixed, c.from), inner = axes_without(inner, c.from);
        else if (!is_pure(&c) || c.term[0].axis != c.from) insert_coord(&move, &c);
    }
    Axes from = sources(&move), terms = term_axes(&move), kept = axes_minus(&inner, &from), all = axes_union(&kept, &terms);
    Node *r = bare(graph_fold(g, OP_sum, v, axes_minus(&v->axes, &all)));
    if (!is_const(r, 0) && move.n) r = place_moving(g, r, &move, inner);
    for (int i = 0; i < given->n; i++)
        if (axes_have(&fixed, given->at[i].from)) {
            Coord c = tidy_coord(&given->at[i]);
            r = place_at(g, bare(r), c.from, c.offset);
        }
    return graph_spread(g, r, onto);
}

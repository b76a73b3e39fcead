/* links.c: which places of a sought sequence act on each other, place by place: read from the graph of a gradient, through shifts and through
 * tables whose numbers are known before the run. */
#include <stdlib.h>
#include <string.h>
#include "lang/graph/finite.h"

/* A value's place along `axis` -> the place of the sequence that it depends on.  axis 0: wherever the value stands (`from` is 0). */
typedef struct Relation { Axis axis; int n, room; Link *at; } Relation;
enum { MAX_RELATIONS = 6 };
typedef struct Reach { int n; Relation at[MAX_RELATIONS]; } Reach;

typedef struct Walk {
    const Finite *f;
    const FinitePart *part;
    Reach **of;                 /* by id; null: depends on no place */
    Arena arena;
    int64_t most;               /* pairs that a relation may have */
    const Node *unknown;        /* the first look-up whose places are not known */
} Walk;

static int by_place(const void *a, const void *b)
{
    const Link *x = a, *y = b;
    if (x->from != y->from) return x->from < y->from ? -1 : 1;
    return x->to < y->to ? -1 : x->to > y->to;
}

static void sort_links(Relation *r)
{
    if (r->n) qsort(r->at, (size_t)r->n, sizeof *r->at, by_place);
    int kept = 0;
    for (int i = 0; i < r->n; i++) if (!i || by_place(&r->at[i], &r->at[i - 1])) r->at[kept++] = r->at[i];
    r->n = kept;
}

static Relation relation(Walk *w, Axis axis, int room)
{
    return (Relation){ .axis = axis, .room = room, .at = ARENA_ARRAY(&w->arena, Link, room ? room : 1) };
}

static void add_link(Walk *w, Relation *r, int64_t from, int64_t to)
{
    if (r->n == r->room) {
        Link *old = r->at;
        r->room = r->room ? 2 * r->room : 16;
        r->at = ARENA_ARRAY(&w->arena, Link, r->room);
        if (r->n) memcpy(r->at, old, sizeof *old * (size_t)r->n);
    }
    r->at[r->n++] = (Link){ from, to };
}

/* Wherever the value stands. */
static Relation blurred(Walk *w, const Relation *r)
{
    Relation all = relation(w, 0, r->n);
    for (int i = 0; i < r->n; i++) add_link(w, &all, 0, r->at[i].to);
    sort_links(&all);
    return all;
}

/* The operand's place `place[j]` stands at j of `axis`; outside: nowhere. */
static Relation read_at(Walk *w, const Relation *r, Axis axis, const int64_t *place)
{
    Relation out = relation(w, axis, r->n);
    int64_t size = axis ? axis_size(axis) : 1;
    for (int64_t j = 0; j < size; j++) {
        int low = 0, high = r->n;
        while (low < high) {
            int middle = (low + high) / 2;
            if (r->at[middle].from < place[j]) low = middle + 1;
            else high = middle;
        }
        for (int i = low; i < r->n && r->at[i].from == place[j]; i++) add_link(w, &out, j, r->at[i].to);
    }
    return out;
}

/* What stands at j goes to place[j] of `axis`. */
static Relation put_at(Walk *w, const Relation *r, Axis axis, const int64_t *place)
{
    Relation out = relation(w, axis, r->n);
    for (int i = 0; i < r->n; i++) if (place[r->at[i].from] >= 0 && place[r->at[i].from] < axis_size(axis)) add_link(w, &out, place[r->at[i].from], r->at[i].to);
    sort_links(&out);
    return out;
}

static Relation only_where(Walk *w, const Relation *r, const double *mask, bool holds)
{
    Relation out = relation(w, r->axis, r->n);
    for (int i = 0; i < r->n; i++) if ((mask[r->at[i].from] != 0) == holds) add_link(w, &out, r->at[i].from, r->at[i].to);
    return out;
}

/* Along an axis that the relation does not tell of: it holds at the places of the mask alone. */
static Relation spread_where(Walk *w, const Relation *r, Axis axis, const double *mask, bool holds)
{
    int64_t size = axis_size(axis), places = 0;
    for (int64_t j = 0; j < size; j++) places += (mask[j] != 0) == holds;
    if (places * r->n > w->most) return *r;
    Relation out = relation(w, axis, (int)places * r->n);
    for (int64_t j = 0; j < size; j++)
        for (int i = 0; (mask[j] != 0) == holds && i < r->n; i++) add_link(w, &out, j, r->at[i].to);
    return out;
}

/* ---- through the ops ---- */

static int64_t wrapped(const Coord *m, int64_t at)
{
    int64_t size = axis_size(m->from);
    return m->wrap ? ((at % size) + size) % size : at;
}

static Relation through_index(Walk *w, const Node *n, const Relation *r)
{
    for (int i = 0; i < n->move->n; i++) {
        const Coord *m = &n->move->at[i];
        if (m->from != r->axis) continue;
        if (m->n > 1) return blurred(w, r);
        int64_t size = m->n ? axis_size(m->term[0].axis) : 1, *place = ARENA_ARRAY(&w->arena, int64_t, size);
        for (int64_t j = 0; j < size; j++) place[j] = wrapped(m, m->offset + (m->n ? m->term[0].coef * j : 0));
        Relation out = read_at(w, r, m->n ? m->term[0].axis : 0, place);
        return m->n ? out : blurred(w, &out);
    }
    return *r;
}

static Relation through_place(Walk *w, const Node *n, const Relation *r)
{
    const Coord *by = NULL;
    int64_t coef = 0;
    for (int i = 0; i < n->move->n; i++)
        for (int k = 0; k < n->move->at[i].n; k++) {
            if (n->move->at[i].term[k].axis != r->axis) continue;
            if (by) return blurred(w, r);
            by = &n->move->at[i];
            coef = by->term[k].coef;
        }
    if (!by) return *r;
    if (by->n > 1) return blurred(w, r);
    int64_t size = axis_size(r->axis), *place = ARENA_ARRAY(&w->arena, int64_t, size);
    for (int64_t j = 0; j < size; j++) place[j] = wrapped(by, by->offset + coef * j);
    return put_at(w, r, by->from, place);
}

/* The numbers of a table along its one axis (0: a single number); false if they are not known before the run. */
static bool table_of(Walk *w, const Node *n, Axis *axis, int64_t **place)
{
    if (n->axes.n > 1) return false;
    *axis = n->axes.n ? n->axes.at[0] : 0;
    Axis along = *axis ? *axis : axis_make(1, 0);
    double *x = ARENA_ARRAY(&w->arena, double, axis_size(along));
    if (!known_along(w->f->b, n, along, x)) return false;
    *place = ARENA_ARRAY(&w->arena, int64_t, axis_size(along));
    for (int64_t j = 0; j < axis_size(along); j++) (*place)[j] = (int64_t)x[j];
    return true;
}

static Relation through_gather(Walk *w, const Node *n, int i, const Relation *r)
{
    Axis axis;
    int64_t *place;
    if (i) return blurred(w, r);
    if (r->axis != n->axis) return *r;
    if (!table_of(w, n->in[1], &axis, &place)) {
        if (!w->unknown) w->unknown = n;
        return blurred(w, r);
    }
    Relation out = read_at(w, r, axis, place);
    return axis ? out : blurred(w, &out);
}

static Relation through_scatter(Walk *w, const Node *n, int i, const Relation *r)
{
    Axis axis;
    int64_t *place;
    Axes over = node_over(n);
    if (i) return blurred(w, r);
    if (!axes_have(&over, r->axis)) return *r;
    return table_of(w, n->in[1], &axis, &place) && axis == r->axis ? put_at(w, r, n->axis, place) : blurred(w, r);
}

static Relation through_concat(Walk *w, const Node *n, int i, const Relation *r)
{
    if (!n->part[i] || n->part[i] != r->axis) return *r;
    int64_t before = 0, size = axis_size(r->axis), *place = ARENA_ARRAY(&w->arena, int64_t, size);
    for (int k = 0; k < i; k++) before += n->part[k] ? axis_size(n->part[k]) : 1;
    for (int64_t j = 0; j < size; j++) place[j] = before + j;
    return put_at(w, r, n->axis, place);
}

/* Where a mask that is known before the run lets the operand through. */
static Relation masked(Walk *w, const Node *mask, const Relation *r, bool holds)
{
    if (mask->axes.n != 1 || (r->axis && mask->axes.at[0] != r->axis)) return *r;
    Axis axis = mask->axes.at[0];
    double *x = ARENA_ARRAY(&w->arena, double, axis_size(axis));
    if (!known_along(w->f->b, mask, axis, x)) return *r;
    return r->axis ? only_where(w, r, x, holds) : spread_where(w, r, axis, x, holds);
}

/* What operand i depends on, as the result n does. */
static Relation passed_on(Walk *w, const Node *n, int i, const Relation *r)
{
    Axes over = { 0 };
    switch (n->op) {
    case OP_index: return through_index(w, n, r);
    case OP_place: return through_place(w, n, r);
    case OP_gather: return through_gather(w, n, i, r);
    case OP_scatter: return through_scatter(w, n, i, r);
    case OP_concat: return through_concat(w, n, i, r);
    case OP_spread: case OP_stop: return *r;
    case OP_select: return i ? masked(w, n->in[0], r, i == 1) : *r;
    case OP_mul: return masked(w, n->in[1 - i], r, true);
    case OP_dot: case OP_sum: case OP_prod: case OP_maximum: case OP_minimum: case OP_logsumexp: over = node_over(n); break;
    default:
        if (op_info[n->op].family == FAMILY_MAP) return *r;
        return blurred(w, r);
    }
    return axes_have(&over, r->axis) ? blurred(w, r) : *r;
}

static void join(Walk *w, Reach *set, const Relation *r)
{
    if (!r->n) return;
    int i = 0;
    while (i < set->n && set->at[i].axis != r->axis) i++;
    if (i == MAX_RELATIONS) {
        Relation all = blurred(w, r);
        for (i = 0; i < set->n && set->at[i].axis; i++) {}
        if (i == set->n) { set->at[i = 0] = blurred(w, &set->at[0]); }
        for (int k = 0; k < all.n; k++) add_link(w, &set->at[i], 0, all.at[k].to);
    } else if (i == set->n) {
        set->at[set->n] = relation(w, r->axis, r->n);
        for (int k = 0; k < r->n; k++) add_link(w, &set->at[set->n], r->at[k].from, r->at[k].to);
        set->n++;
    } else for (int k = 0; k < r->n; k++) add_link(w, &set->at[i], r->at[k].from, r->at[k].to);
    sort_links(&set->at[i]);
    if (set->at[i].n > w->most) set->at[i] = blurred(w, &set->at[i]);
}

static void visit(Walk *w, const Node *n)
{
    Reach *set = NULL;
    if (n == w->part->state) {
        Axis t = w->part->shape.at[0];
        set = ARENA_NEW(&w->arena, Reach);
        set->n = 1;
        set->at[0] = relation(w, t, (int)axis_size(t));
        for (int64_t i = 0; i < axis_size(t); i++) add_link(w, &set->at[0], i, i);
    }
    for (int i = 0; i < n->n_in; i++) {
        const Reach *in = w->of[n->in[i]->id];
        if (!in) continue;
        if (!set) set = ARENA_NEW(&w->arena, Reach);
        for (int k = 0; k < in->n; k++) {
            Relation r = passed_on(w, n, i, &in->at[k]);
            join(w, set, &r);
        }
    }
    w->of[n->id] = set;
}

/* Every place is linked to those that the slope depends on wherever it stands. */
static Links told(Walk *w, const Reach *reach)
{
    Builder *b = w->f->b;
    Axis t = w->part->shape.at[0];
    Relation all = relation(w, t, 0);
    for (int i = 0; reach && i < reach->n; i++) {
        const Relation *r = &reach->at[i];
        bool every = r->axis != t;
        if (every && r->n * axis_size(t) > w->most) return (Links){ .many = true };
        for (int k = 0; k < r->n; k++)
            for (int64_t j = every ? 0 : r->at[k].from; j < (every ? axis_size(t) : r->at[k].from + 1); j++) add_link(w, &all, j, r->at[k].to);
    }
    sort_links(&all);
    Links out = { .n = all.n, .at = ARENA_ARRAY(b->arena, Link, all.n ? all.n : 1) };
    memcpy(out.at, all.at, sizeof *all.at * (size_t)all.n);
    return out;
}

Links links_of(const Finite *f, int part, Node *slope)
{
    const Graph *g = f->b->g;
    Walk w = { .f = f, .part = &f->at[part], .most = 1 << 20 };
    Links links = { .many = true };
    bool *need = nodes_below(g, slope);
    w.of = calloc((size_t)slope->id + 1, sizeof *w.of);
    if (need && w.of) {
        for (uint32_t id = 0; id <= slope->id; id++) if (need[id]) visit(&w, graph_node(g, id));
        links = told(&w, w.of[slope->id]);
        links.unknown = w.unknown;
    }
    free(need);
    free(w.of);
    arena_free(&w.arena);
    return links;
}

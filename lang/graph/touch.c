/* touch.c: which places of a sought array act on each other, read from the graph of a gradient: s[i+1, j] is one place on along the first
 * axis.  From it come colors: sets of places that can be drawn at once. */
#include <stdlib.h>
#include <string.h>
#include "lang/graph/finite.h"

/* The coordinate of a touched place along one axis, as a function of the place of the value: offset + coef*axis. */
typedef struct Coordinate { bool any, wrap; Axis axis; int64_t coef, offset; } Coordinate;
/* The value may touch it from one place alone: select(i == 3, .., 0). */
enum { MAX_STANDS = 4 };
typedef struct Stand { Axis axis; int64_t at; } Stand;
typedef struct Touch { Coordinate at[MAX_AXES]; int n; Stand from[MAX_STANDS]; } Touch;
typedef struct TouchSet { int n; bool full; Touch at[MAX_TOUCHES]; } TouchSet;

typedef struct Walk {
    const FinitePart *part;
    uint32_t size;
    TouchSet **of;              /* by id; null: touches nothing */
    Arena arena;
} Walk;

static const Coordinate anywhere = { .any = true };

static bool same_coordinate(const Coordinate *a, const Coordinate *b)
{
    return a->any == b->any && (a->any || (a->wrap == b->wrap && a->axis == b->axis && a->coef == b->coef && a->offset == b->offset));
}

static void add_touch(Walk *w, TouchSet *set, const Touch *t)
{
    int rank = w->part->shape.n;
    for (int i = 0; i < set->n; i++) {
        bool same = true;
        for (int a = 0; a < rank; a++) same &= same_coordinate(&set->at[i].at[a], &t->at[a]);
        same &= set->at[i].n == t->n;
        for (int k = 0; same && k < t->n; k++) same &= set->at[i].from[k].axis == t->from[k].axis && set->at[i].from[k].at == t->from[k].at;
        if (same) return;
    }
    if (set->n < MAX_TOUCHES) { set->at[set->n++] = *t; return; }
    set->n = 1;                 /* too many to tell apart: all places */
    set->at[0].n = 0;
    for (int a = 0; a < rank; a++) set->at[0].at[a] = anywhere;
}

static void leave(Touch *t, int k) { t->from[k] = t->from[--t->n]; }

/* Coordinates that run along `axis` of the operand can be anywhere. */
static Touch blurred(const Walk *w, Touch t, const Axes *over)
{
    for (int a = 0; a < w->part->shape.n; a++) if (!t.at[a].any && axes_have(over, t.at[a].axis)) t.at[a] = anywhere;
    for (int k = t.n - 1; k >= 0; k--) if (axes_have(over, t.from[k].axis)) leave(&t, k);
    return t;
}

static bool keeps_wrap(const Walk *w, int a, const Coordinate *c, Axis from)
{
    return axis_size(from) == axis_size(w->part->shape.at[a]) && (c->coef == 1 || c->coef == -1);
}

/* The operand's axis c.from stands at an affine place of the result's axes. */
static Coordinate through_index(const Walk *w, int a, Coordinate c, const Coord *m)
{
    if (m->n > 1 || (m->wrap && !keeps_wrap(w, a, &c, m->from))) return anywhere;
    c.offset += c.coef * m->offset;
    c.wrap |= m->wrap;
    c.axis = m->n ? m->term[0].axis : 0;
    c.coef = m->n ? c.coef * m->term[0].coef : 0;
    return c;
}

/* The operand's axis m.term stands where the result's axis m.from is offset + coef*term. */
static Coordinate through_place(const Walk *w, int a, Coordinate c, const Coord *m)
{
    int64_t coef = m->term[0].coef;
    if (m->n != 1 || (coef != 1 && coef != -1) || (m->wrap && !keeps_wrap(w, a, &c, m->from))) return anywhere;
    c.offset -= c.coef * coef * m->offset;
    c.wrap |= m->wrap;
    c.axis = m->from;
    c.coef *= coef;
    return c;
}

static bool moved(const Node *n, Axis axis, const Coord **by)
{
    int found = 0;
    for (int i = 0; i < n->move->n; i++) {
        const Coord *m = &n->move->at[i];
        bool it = n->op == OP_index && m->from == axis;
        for (int k = 0; n->op == OP_place && k < m->n; k++) it |= m->term[k].axis == axis;
        if (it) { *by = m; found++; }
    }
    if (found > 1) *by = NULL;
    return found > 0;
}

/* Where the place that touches stands after the move; false if that cannot be said. */
static bool stand_moved(const Node *n, Stand *at)
{
    const Coord *m = NULL;
    if (!moved(n, at->axis, &m)) return true;
    if (!m || m->n != 1 || (m->term[0].coef != 1 && m->term[0].coef != -1)) return false;
    int64_t coef = m->term[0].coef, size = axis_size(m->from), to = n->op == OP_index ? coef * (at->at - m->offset) : m->offset + coef * at->at;
    if (m->wrap) to = ((to % size) + size) % size;
    *at = (Stand){ n->op == OP_index ? m->term[0].axis : m->from, to };
    return true;
}

static Touch through_move(const Walk *w, const Node *n, Touch t)
{
    for (int k = t.n - 1; k >= 0; k--) if (!stand_moved(n, &t.from[k])) leave(&t, k);
    for (int a = 0; a < w->part->shape.n; a++) {
        const Coord *m = NULL;
        if (t.at[a].any || !t.at[a].axis || !moved(n, t.at[a].axis, &m)) continue;
        t.at[a] = !m ? anywhere : n->op == OP_index ? through_index(w, a, t.at[a], m) : through_place(w, a, t.at[a], m);
    }
    return t;
}

/* Axes of operand i along which the result mixes values. */
static Axes mixed(const Node *n, int i)
{
    Axes none = { 0 };
    switch (n->op) {
    case OP_sum: case OP_prod: case OP_maximum: case OP_minimum: case OP_logsumexp: case OP_dot: return node_over(n);
    case OP_gather: return i ? none : axes_one(n->axis);
    case OP_cumsum: case OP_argsort: case OP_argmax: case OP_argmin: return axes_one(n->axis);
    case OP_concat: return n->part[i] ? axes_one(n->part[i]) : none;
    case OP_reshape: return axes_of(*n->from);
    case OP_spread: case OP_stop: return none;
    default: return op_info[n->op].family == FAMILY_MAP ? none : n->in[i]->axes;
    }
}

/* select(axis == number, x, ..): x counts at one place. */
static void stand_on(const Node *n, Touch *t)
{
    const Node *is = n->in[0];
    if (is->op != OP_eq || t->n == MAX_STANDS) return;
    for (int i = 0; i < 2; i++)
        if (is->in[i]->op == OP_const && is->in[1 - i]->op == OP_iota) t->from[t->n++] = (Stand){ is->in[1 - i]->axis, (int64_t)is->in[i]->value };
}

/* What operand i touches, as the result n does. */
static Touch passed_on(const Walk *w, const Node *n, int i, Touch t)
{
    if (n->op == OP_index || n->op == OP_place) return through_move(w, n, t);
    if (op_info[n->op].family == FAMILY_LOOP) {
        for (int a = 0; a < w->part->shape.n; a++) t.at[a] = anywhere;
        t.n = 0;
        return t;
    }
    if (n->op == OP_select && i == 1) stand_on(n, &t);
    Axes over = mixed(n, i);
    return blurred(w, t, &over);
}

static void visit(Walk *w, const Node *n)
{
    TouchSet *set = NULL;
    int rank = w->part->shape.n;
    if (n == w->part->state) {
        set = ARENA_NEW(&w->arena, TouchSet);
        set->n = 1;
        for (int a = 0; a < rank; a++) set->at[0].at[a] = (Coordinate){ .axis = w->part->shape.at[a], .coef = 1 };
    }
    for (int i = 0; i < n->n_in; i++) {
        const TouchSet *in = w->of[n->in[i]->id];
        if (!in) continue;
        if (!set) set = ARENA_NEW(&w->arena, TouchSet);
        for (int k = 0; k < in->n; k++) {
            Touch t = passed_on(w, n, i, in->at[k]);
            add_touch(w, set, &t);
        }
    }
    w->of[n->id] = set;
}

bool *nodes_below(const Graph *g, Node *root)
{
    bool *need = calloc((size_t)root->id + 1, sizeof *need);
    if (!need) return NULL;
    need[root->id] = true;
    for (uint32_t id = root->id + 1; id-- > 0;) {
        if (!need[id]) continue;
        const Node *n = graph_node(g, id);
        for (int i = 0; i < n->n_in; i++) need[n->in[i]->id] = true;
    }
    return need;
}

/* How far along an axis the touched place lies from the one that touches it. */
static Offset offset_of(const Touch *t, int a, Axis axis)
{
    const Coordinate *c = &t->at[a];
    if (c->any) return (Offset){ .any = true };
    if (c->axis == axis && c->coef == 1) return (Offset){ .by = c->offset, .wrap = c->wrap };
    for (int k = 0; k < t->n && !c->axis && !c->wrap; k++) if (t->from[k].axis == axis) return (Offset){ .by = c->offset - t->from[k].at };
    return (Offset){ .any = true };
}

Touches touches_of(const Finite *f, int part, Node *slope)
{
    const Graph *g = f->b->g;
    Walk w = { .part = &f->at[part], .size = graph_size(g) };
    int rank = w.part->shape.n;
    Touches r = { .n = 1 };
    for (int a = 0; a < rank; a++) r.at[0][a].any = true;
    w.of = calloc(w.size, sizeof *w.of);
    bool *need = nodes_below(g, slope);
    if (w.of && need) {
        r.n = 0;
        for (uint32_t id = 0; id <= slope->id; id++) if (need[id]) visit(&w, graph_node(g, id));
        const TouchSet *set = w.of[slope->id];
        for (int i = 0; set && i < set->n; i++, r.n++)
            for (int a = 0; a < rank; a++) r.at[i][a] = offset_of(&set->at[i], a, w.part->shape.at[a]);
    }
    free(w.of);
    free(need);
    arena_free(&w.arena);
    return r;
}

static bool can_be_zero(const Offset *o, int64_t size) { return o->any || (o->wrap ? o->by % size == 0 : o->by == 0); }

static bool touches_own(const Finite *f, int part, const Offset *o)
{
    bool own = true;
    for (int a = 0; a < f->at[part].shape.n; a++) own &= can_be_zero(&o[a], axis_size(f->at[part].shape.at[a]));
    return own;
}

bool touches_itself(const Finite *f, int part, const Touches *t)
{
    for (int i = 0; i < t->n; i++) if (touches_own(f, part, t->at[i])) return true;
    return false;
}

/* ---- colors ---- */

/* Whether no difference of places that the offsets allow, from axis `a` on, is a multiple of the number of colors; sum, zero: of the axes before. */
static bool keeps_apart(const Finite *f, int part, const Coloring *c, const Offset *o, int a, int64_t sum, bool zero)
{
    const Shape *shape = &f->at[part].shape;
    if (a == shape->n) return zero || sum % c->colors != 0;
    int64_t size = axis_size(shape->at[a]), low = o[a].by, high = low, step = 1;
    if (o[a].any) { low = 1 - size; high = size - 1; }
    else if (o[a].wrap) { low = ((o[a].by % size) + size) % size - size; high = low + size; step = size; }
    for (int64_t d = low; d <= high; d += step) {
        if (d <= -size || d >= size) continue;
        bool inside = d > -size + 1 && d < size - 1, one_is_last = d && c->last[a];
        if ((inside || !one_is_last) && !keeps_apart(f, part, c, o, a + 1, sum + c->coef[a] * d, zero && d == 0)) return false;
        if (one_is_last && !keeps_apart(f, part, c, o, a + 1, sum + c->coef[a] * d + (d > 0 ? 1 : -1), false)) return false;
    }
    return true;
}

static bool is_coloring(const Finite *f, int part, const Touches *t, const Coloring *c)
{
    for (int i = 0; i < t->n; i++) if (!keeps_apart(f, part, c, t->at[i], 0, 0, true)) return false;
    return true;
}

static bool wraps(const Touches *t, int a)
{
    for (int i = 0; i < t->n; i++) if (t->at[i][a].wrap) return true;
    return false;
}

static bool search(const Finite *f, int part, const Touches *t, Coloring *c, int a, bool rings)
{
    if (a == f->at[part].shape.n) return is_coloring(f, part, t, c);
    for (int64_t k = 0; k < c->colors; k++) {
        c->coef[a] = (k + 1) % c->colors;
        int ways = rings && wraps(t, a) ? 2 : 1;
        for (int way = 0; way < ways; way++) {
            c->last[a] = way == 1;
            if (search(f, part, t, c, a + 1, rings)) return true;
        }
    }
    return false;
}

Coloring coloring_of(const Finite *f, int part, const Touches *t)
{
    const Shape *shape = &f->at[part].shape;
    int64_t places = 1;
    for (int a = 0; a < shape->n; a++) places *= axis_size(shape->at[a]);
    Coloring c = { 0 };
    int64_t most = shape->n <= 1 ? 256 : shape->n == 2 ? 40 : 8;
    for (c.colors = 1; c.colors <= most && c.colors < places; c.colors++)
        if (search(f, part, t, &c, 0, false) || search(f, part, t, &c, 0, true)) return c;
    c = (Coloring){ .colors = places };
    for (int a = shape->n - 1, stride = 1; a >= 0; a--) {
        c.coef[a] = stride;
        stride *= (int)axis_size(shape->at[a]);
    }
    return c;
}

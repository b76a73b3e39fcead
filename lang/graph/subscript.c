/* subscript.c: reading places of an array: x[i+1, 0:8, y[n]].  A subscript that is affine in index names moves axes; anything else
 * gathers. */
#include <math.h>
#include <string.h>
#include "lang/graph/range.h"

/* offset + sum coef[k] * index[k]; wrapped by a modulus where mod > 0. */
typedef struct Affine { int64_t offset, mod; int n; Binding *index[3]; int64_t coef[3]; } Affine;

/* ---- affine forms over index names that are bound ---- */

static bool add_term(Affine *a, Binding *x, int64_t coef)
{
    for (int i = 0; i < a->n; i++) if (a->index[i] == x) { a->coef[i] += coef; return true; }
    if (a->n == 3) return false;
    a->index[a->n] = x;
    a->coef[a->n++] = coef;
    return true;
}

static bool affine_add(Affine *a, const Affine *x, int64_t factor)
{
    if (x->mod) return false;
    a->offset += factor * x->offset;
    for (int i = 0; i < x->n; i++) if (!add_term(a, x->index[i], factor * x->coef[i])) return false;
    return true;
}

/* The affine form of e; false if it is none. */
static bool affine(Builder *b, Scope *scope, const Expr *e, Affine *a)
{
    memset(a, 0, sizeof *a);
    Affine x, y;
    int64_t k;
    if (e->kind == EXPR_NAME) {
        Binding *i = lookup(scope, e->name.text);
        if (i && i->kind == BINDING_INDEX) return add_term(a, i, 1);
    }
    if (e->kind == EXPR_NAME || e->kind == EXPR_NUMBER || e->kind == EXPR_FIELD || e->kind == EXPR_CALL) {
        if (!whole_number(b, scope, e, &k)) return false;
        a->offset = k;
        return true;
    }
    if (e->kind == EXPR_UNARY && e->op == UNARY_NEG) return affine(b, scope, e->kid[0], &x) && affine_add(a, &x, -1);
    if (e->kind != EXPR_BINARY) return false;
    switch ((Binary)e->op) {
    case BINARY_ADD: return affine(b, scope, e->kid[0], &x) && affine(b, scope, e->kid[1], &y) && affine_add(a, &x, 1) && affine_add(a, &y, 1);
    case BINARY_SUB: return affine(b, scope, e->kid[0], &x) && affine(b, scope, e->kid[1], &y) && affine_add(a, &x, 1) && affine_add(a, &y, -1);
    case BINARY_MUL:
        if (!affine(b, scope, e->kid[0], &x) || !affine(b, scope, e->kid[1], &y)) return false;
        if (!x.n && !x.mod) return affine_add(a, &y, x.offset);
        return !y.n && !y.mod && affine_add(a, &x, y.offset);
    case BINARY_MOD:
        if (!affine(b, scope, e->kid[0], &x) || !affine(b, scope, e->kid[1], &y) || y.n || y.mod || y.offset <= 0) return false;
        if (!affine_add(a, &x, 1)) return false;
        a->mod = y.offset;
        return true;
    case BINARY_DIV:
        if (!affine(b, scope, e->kid[0], &x) || !affine(b, scope, e->kid[1], &y) || x.n || x.mod || y.n || y.mod || !whole_number(b, scope, e, &k)) return false;
        a->offset = k;
        return true;
    default: return false;
    }
}

/* Least and greatest value of an affine form. */
static void affine_range(const Affine *a, int64_t *low, int64_t *high)
{
    *low = *high = a->offset;
    for (int i = 0; i < a->n; i++) {
        int64_t p = a->coef[i] * a->index[i]->low, q = a->coef[i] * (a->index[i]->low + axis_size(a->index[i]->axis) - 1);
        *low += p < q ? p : q;
        *high += p < q ? q : p;
    }
}

/* ---- reading a subscripted value ---- */

typedef struct Reading {
    Builder *b;
    const Expr *e;
    Value *base;
    int n_gathers;
    Axis gather_axis[MAX_AXES];
    Value *gather_at[MAX_AXES];
    Move move;
    Axes onto;
    Shape left;                 /* what stays visible of the base, plain axes */
} Reading;

static bool inside(Reading *r, int p, int64_t low, int64_t high, Span span)
{
    int64_t size = axis_size(r->base->shape.at[p]);
    if (low >= 0 && high < size) return true;
    Diagnostic *d;
    if (low == high)
        d = complain(r->b, "E0310", span, "%s has places 0 to %lld along axis %d, but place %lld is read", expr_text(r->b, r->e->kid[0]), (long long)size - 1, p + 1, (long long)low);
    else
        d = complain(r->b, "E0310", span, "%s has places 0 to %lld along axis %d, but places %lld to %lld are read", expr_text(r->b, r->e->kid[0]), (long long)size - 1, p + 1,
                     (long long)low, (long long)high);
    if (low == high) diag_help(d, low < 0 ? "indices start at 0 and do not count from the end: the last place is %lld" : "indices start at 0: the last place is %lld", (long long)size - 1);
    else diag_help(d, "indices start at 0; `mod` wraps around");
    return false;
}

static void move_axis(Reading *r, Axis from, Coord c)
{
    if (!axes_have(&r->base->node->axes, from)) return;
    c.from = from;
    r->move.at[r->move.n++] = c;
    for (int i = 0; i < c.n; i++) r->onto = axes_with(r->onto, c.term[i].axis);
}

static bool read_affine(Reading *r, int p, const Affine *a, Span span)
{
    Axis axis = r->base->shape.at[p];
    int64_t low, high;
    affine_range(a, &low, &high);
    if (a->mod && a->mod != axis_size(axis)) {
        complain(r->b, "E0310", span, "mod %lld does not wrap an axis of size %lld", (long long)a->mod, (long long)axis_size(axis));
        return false;
    }
    if (!a->mod && !inside(r, p, low, high, span)) return false;
    Coord c = { .offset = a->offset, .n = a->n, .wrap = a->mod > 0 };
    for (int i = 0; i < a->n; i++) {
        c.term[i].axis = a->index[i]->axis;
        c.term[i].coef = a->coef[i];
        c.offset += a->coef[i] * a->index[i]->low;
    }
    move_axis(r, axis, c);
    return true;
}

/* Where the value of a subscript lies, if its domain tells. */
static bool read_computed(Reading *r, int p, Value *at, Span span)
{
    Builder *b = r->b;
    if (at->kind == VALUE_NONE) return false;
    if (at->kind != VALUE_ARRAY) {
        complain(b, "E0311", span, "a subscript must be a whole number, not %s", value_text(b, at));
        return false;
    }
    int64_t size = axis_size(r->base->shape.at[p]);
    if (at->domain.kind != CLASS_WHOLE) {
        Diagnostic *d = complain(b, "E0311", span, "a subscript must be a class or a whole number, but this is a real");
        diag_help(d, "classes come from data with classes(n), argmin, argmax, choose, or whole arithmetic on indices");
        return false;
    }
    if (at->domain.low < 0 || at->domain.high >= (double)size) {
        Diagnostic *d = complain(b, "E0310", span, "the subscript runs over {%g..%g}, but axis %d of %s has places 0 to %lld", at->domain.low, at->domain.high, p + 1,
                                 expr_text(b, r->e->kid[0]), (long long)size - 1);
        diag_help(d, "indices start at 0");
        return false;
    }
    r->gather_axis[r->n_gathers] = r->base->shape.at[p];
    r->gather_at[r->n_gathers++] = at;
    return true;
}

static bool read_slice(Reading *r, Scope *scope, int p, const Subscript *s)
{
    Builder *b = r->b;
    Axis axis = r->base->shape.at[p];
    int64_t from = 0, to = axis_size(axis);
    if (s->kind == SUBSCRIPT_SLICE) {
        if (s->low && !want_size(b, eval(b, scope, s->low), s->low->span, "the start of a slice", &from)) return false;
        if (s->high && !want_size(b, eval(b, scope, s->high), s->high->span, "the end of a slice", &to)) return false;
    }
    if (from >= to || to > axis_size(axis)) {
        complain(b, "E0310", s->span, "the slice %lld:%lld does not lie in an axis of size %lld", (long long)from, (long long)to, (long long)axis_size(axis));
        return false;
    }
    Axis fresh = plain_axis(to - from, &r->left);
    r->left.at[r->left.n++] = fresh;
    Coord c = { .offset = from, .n = 1 };
    c.term[0].axis = fresh;
    c.term[0].coef = 1;
    move_axis(r, axis, c);
    return true;
}

/* Gathers follow the moves: each turns an axis into the axes of its index. */
static Value *finish_reading(Reading *r)
{
    Builder *b = r->b;
    Node *node = r->base->node;
    if (r->move.n) node = graph_index(b->g, node, &r->move, r->onto);
    Shape front = { 0 };
    for (int k = 0; k < r->n_gathers; k++) {
        Value *at = r->gather_at[k];
        if (!at->shape.n) {
            if (axes_have(&node->axes, r->gather_axis[k])) node = graph_gather(b->g, node, r->gather_axis[k], at->node);
            continue;
        }
        Shape taken = shape_join(front, r->left), fresh = { 0 };
        for (int i = 0; i < at->shape.n; i++) {
            Axis a = plain_axis(axis_size(at->shape.at[i]), &taken);
            while (axes_have(&node->axes, a)) { taken.at[taken.n++] = a; a = plain_axis(axis_size(a), &taken); }
            taken.at[taken.n++] = a;
            fresh.at[fresh.n++] = a;
        }
        Node *index = relabel(b, at->node, at->shape, fresh);
        if (axes_have(&node->axes, r->gather_axis[k])) node = graph_gather(b->g, node, r->gather_axis[k], index);
        front = shape_join(front, fresh);
    }
    Value *v = array(b, node, shape_join(front, r->left));
    v->domain = r->base->domain;
    return standard(b, v);
}

/* Rows of a record, or of an array of a file, which is read no further. */
static Value *slice_rows(Builder *b, Scope *scope, const Expr *e, Value *base)
{
    const Subscript *s = &e->subscripts[0];
    int64_t from = 0, to = 0;
    Value *first = base->kind == VALUE_ARRAY ? base : base->fields ? base->fields->value : NULL;
    if (e->n_subscripts != 1 || s->kind != SUBSCRIPT_SLICE || !first || first->kind != VALUE_ARRAY || !first->shape.n) {
        complain(b, "E0302", e->span, "a record takes a slice of its rows: data[0:100]");
        return b->none;
    }
    to = axis_size(first->shape.at[0]);
    if (s->low && !want_size(b, eval(b, scope, s->low), s->low->span, "the start of a slice", &from)) return b->none;
    if (s->high && !want_size(b, eval(b, scope, s->high), s->high->span, "the end of a slice", &to)) return b->none;
    if (from >= to || to > axis_size(first->shape.at[0])) {
        complain(b, "E0310", s->span, "the slice %lld:%lld does not lie in %lld rows", (long long)from, (long long)to, (long long)axis_size(first->shape.at[0]));
        return b->none;
    }
    return rows_of(b, base, from, to);
}

/* A known number of a list that is written out, [2, 3][0]; else null. */
static Value *known_member(Builder *b, Scope *scope, const Expr *e, const Value *base)
{
    int64_t at;
    const Subscript *s = &e->subscripts[0];
    if (!base->n_items || e->n_subscripts != 1 || s->kind != SUBSCRIPT_AT) return NULL;
    if (s->at->kind != EXPR_NUMBER || !whole_number(b, scope, s->at, &at) || at < 0 || at >= base->n_items) return NULL;
    return is_known(base->items[at]) ? base->items[at] : NULL;
}

static Value *read_places(Builder *b, Scope *scope, const Expr *e, Value *base);

/* The same places of each of several arrays. */
static Value *places_of_each(Builder *b, Scope *scope, const Expr *e, const Value *base)
{
    Value *r = value_new(b, VALUE_BUNDLE);
    r->n_items = base->n_items;
    r->items = ARENA_ARRAY(b->arena, Value *, base->n_items);
    for (int i = 0; i < base->n_items; i++) {
        r->items[i] = read_places(b, scope, e, base->items[i]);
        if (r->items[i]->kind == VALUE_NONE) return b->none;
    }
    return r;
}

Value *eval_subscripts(Builder *b, Scope *scope, const Expr *e) { return read_places(b, scope, e, eval(b, scope, e->kid[0])); }

static Value *read_places(Builder *b, Scope *scope, const Expr *e, Value *base)
{
    if (base->kind == VALUE_NONE) return base;
    if (base->kind == VALUE_BUNDLE) return places_of_each(b, scope, e, base);
    bool is_slice = e->n_subscripts == 1 && e->subscripts[0].kind == SUBSCRIPT_SLICE;
    if (base->kind == VALUE_RECORD || (is_slice && is_from_file(b, base))) return slice_rows(b, scope, e, base);
    if (base->kind != VALUE_ARRAY) {
        complain(b, "E0302", e->span, "%s cannot be subscripted: it is %s", expr_text(b, e->kid[0]), value_text(b, base));
        return b->none;
    }
    if (!range_count_fits(b, e, base)) return b->none;
    Value *member = known_member(b, scope, e, base);
    if (member) return member;
    stand_at(b, e->span);
    Reading r = { .b = b, .e = e, .base = base, .onto = base->node->axes };
    for (int p = 0; p < base->shape.n; p++) r.onto = axes_without(r.onto, base->shape.at[p]);
    bool fine = true;
    Subscript whole = { .kind = SUBSCRIPT_ALL };
    for (int p = 0; p < base->shape.n; p++) {
        const Subscript *s = p < e->n_subscripts ? &e->subscripts[p] : &whole;
        if (s->kind != SUBSCRIPT_AT) { fine &= read_slice(&r, scope, p, s); continue; }
        Affine a;
        if (affine(b, scope, s->at, &a)) { fine &= read_affine(&r, p, &a, s->span); continue; }
        /* a gathered axis keeps its name until it is gathered: out of the way of what stays visible */
        Value *at = eval(b, scope, s->at);
        stand_at(b, e->span);
        fine &= read_computed(&r, p, at, s->span);
        if (fine && axes_have(&base->node->axes, base->shape.at[p])) {
            Axis aside = hidden_axis(b, axis_size(base->shape.at[p]), INDEX_AXIS | 0x2000u | (unsigned)p << 8);
            Coord c = { .n = 1 };
            c.term[0].axis = aside;
            c.term[0].coef = 1;
            move_axis(&r, base->shape.at[p], c);
            r.gather_axis[r.n_gathers - 1] = aside;
        }
    }
    return fine ? finish_reading(&r) : b->none;
}

/* subscript.c: subscripts and index equations: y[o] = sum[i] W[o,i] * x[i].
 *
 * An index name is a hidden axis while its equation is built; bare subscripts fix how far it runs, affine ones shrink it so that every
 * access is inside.  A subscript that is affine in index names moves axes; anything else gathers. */
#include <math.h>
#include <string.h>
#include "lang/graph/builder.h"

enum { MAX_INDICES = 16, MAX_BOUNDS = 64 };

/* offset + sum coef[k] * index[k]; wrapped by a modulus where mod > 0. */
typedef struct Affine { int64_t offset, mod; int n; Binding *index[3]; int64_t coef[3]; } Affine;

/* ---- affine forms over index names that are bound ---- */

static bool whole_number(Builder *b, Scope *scope, const Expr *e, int64_t *x);

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
    default: return false;
    }
}

static bool whole_number(Builder *b, Scope *scope, const Expr *e, int64_t *x)
{
    if (e->kind == EXPR_CALL) return false;
    Value *v = eval(b, scope, e);
    if (v->kind != VALUE_ARRAY || !is_known(v) || known(v) != floor(known(v))) return false;
    if (v->domain.kind == CLASS_WHOLE && v->domain.low < v->domain.high) return false;     /* a class: all of its domain must be inside */
    *x = (int64_t)known(v);
    return true;
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
    diag_help(d, "indices start at 0; `mod` wraps around");
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

static bool bad_count(Builder *b, const Expr *e, const Value *base)
{
    if (e->n_subscripts <= base->shape.n) return false;
    Diagnostic *d = complain(b, "E0302", e->span, "%s has %d ax%ss, but %d subscripts are written", expr_text(b, e->kid[0]), base->shape.n,
                             base->shape.n == 1 ? "i" : "e", e->n_subscripts);
    diag_help(d, "its shape is %s", shape_text(b, base->shape));
    return true;
}

static Value *slice_record(Builder *b, Scope *scope, const Expr *e, Value *base)
{
    const Subscript *s = &e->subscripts[0];
    int64_t from = 0, to = 0;
    Value *first = base->fields ? base->fields->value : NULL;
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

Value *eval_subscripts(Builder *b, Scope *scope, const Expr *e)
{
    Value *base = eval(b, scope, e->kid[0]);
    if (base->kind == VALUE_NONE) return base;
    if (base->kind == VALUE_RECORD) return slice_record(b, scope, e, base);
    if (base->kind != VALUE_ARRAY) {
        complain(b, "E0302", e->span, "%s cannot be subscripted: it is %s", expr_text(b, e->kid[0]), value_text(b, base));
        return b->none;
    }
    if (bad_count(b, e, base)) return b->none;
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

/* ---- how far indices run ---- */

typedef struct IndexName {
    const char *name;
    Span span;
    bool fixed;                 /* a bare subscript or `i: n` said so */
    bool written;               /* `i: n`: it does not shrink */
    int64_t low, high;          /* runs over low .. high-1; high < 0: not known yet */
    Span source;                /* what fixed it */
} IndexName;

/* A subscript that must stay inside: its expression and the size of the axis. */
typedef struct Bound { const Expr *at; int64_t size; } Bound;

typedef struct Search {
    Builder *b;
    Scope *scope;
    int n; IndexName at[MAX_INDICES];
    int n_bounds; Bound bounds[MAX_BOUNDS];
    int n_inner; const char *inner[MAX_INDICES];   /* index names of reductions inside, not known yet */
    bool failed;
} Search;

static IndexName *find_index(Search *s, const char *name)
{
    for (int i = 0; i < s->n; i++) if (!strcmp(s->at[i].name, name)) return &s->at[i];
    return NULL;
}

/* Whether e mentions an index of this search, or one of a reduction inside. */
static bool mentions_open(Search *s, const Expr *e)
{
    if (!e) return false;
    if (e->kind == EXPR_NAME) {
        if (find_index(s, e->name.text)) return true;
        for (int i = 0; i < s->n_inner; i++) if (!strcmp(s->inner[i], e->name.text)) return true;
        return false;
    }
    for (int i = 0; i < 3; i++) if (mentions_open(s, e->kid[i])) return true;
    for (int i = 0; i < e->list.n; i++) if (mentions_open(s, e->list.at[i])) return true;
    for (int i = 0; i < e->n_args; i++) if (mentions_open(s, e->args[i].value)) return true;
    for (int i = 0; i < e->n_subscripts; i++)
        if (mentions_open(s, e->subscripts[i].at) || mentions_open(s, e->subscripts[i].low) || mentions_open(s, e->subscripts[i].high)) return true;
    if (e->infer) return mentions_open(s, e->infer->of) || mentions_open(s, e->infer->under) || mentions_open(s, e->infer->from);
    return false;
}

static void fix_index(Search *s, IndexName *x, int64_t size, Span span)
{
    if (x->fixed && x->high != size) {
        Diagnostic *d = complain(s->b, "E0312", span, "index %s runs over %lld places here, but over %lld elsewhere", x->name, (long long)size, (long long)x->high);
        diag_note(d, x->source, "it runs over %lld here", (long long)x->high);
        s->failed = true;
        return;
    }
    x->fixed = true;
    x->low = 0;
    x->high = size;
    x->source = span;
}

static void search(Search *s, const Expr *e);

static void search_subscripts(Search *s, const Expr *e)
{
    bool any = false;
    for (int i = 0; i < e->n_subscripts; i++) any |= e->subscripts[i].kind == SUBSCRIPT_AT && mentions_open(s, e->subscripts[i].at);
    if (!any || mentions_open(s, e->kid[0])) return;
    Value *base = eval(s->b, s->scope, e->kid[0]);
    if (base->kind == VALUE_NONE) { s->failed = true; return; }
    if (base->kind != VALUE_ARRAY) return;
    if (bad_count(s->b, e, base)) { s->failed = true; return; }
    for (int p = 0; p < e->n_subscripts; p++) {
        const Subscript *x = &e->subscripts[p];
        if (x->kind != SUBSCRIPT_AT) continue;
        int64_t size = axis_size(base->shape.at[p]);
        IndexName *i = x->at->kind == EXPR_NAME ? find_index(s, x->at->name.text) : NULL;
        if (i) fix_index(s, i, size, x->span);
        else if (s->n_bounds < MAX_BOUNDS && mentions_open(s, x->at)) s->bounds[s->n_bounds++] = (Bound){ x->at, size };
    }
}

static void search(Search *s, const Expr *e)
{
    if (!e) return;
    int inner = s->n_inner;
    if (e->kind == EXPR_REDUCE)
        for (int i = 0; i < e->n_subscripts && s->n_inner < MAX_INDICES; i++) {
            const Subscript *x = &e->subscripts[i];
            const Expr *name = x->kind == SUBSCRIPT_AT ? x->at : x->low;
            if (name && name->kind == EXPR_NAME) s->inner[s->n_inner++] = name->name.text;
        }
    if (e->kind == EXPR_INDEX) search_subscripts(s, e);
    for (int i = 0; i < 3; i++) search(s, e->kid[i]);
    for (int i = 0; i < e->list.n; i++) search(s, e->list.at[i]);
    for (int i = 0; i < e->n_args; i++) search(s, e->args[i].value);
    if (e->kind == EXPR_INDEX)
        for (int i = 0; i < e->n_subscripts; i++) search(s, e->subscripts[i].at);
    s->n_inner = inner;
}

/* The affine form of a bound in this search's own terms: coefficient of x, and the range of the rest; false if not affine or not known. */
static bool bound_form(Search *s, const Expr *e, const IndexName *x, int64_t *coef, int64_t *low, int64_t *high)
{
    int64_t k;
    *coef = *low = *high = 0;
    if (e->kind == EXPR_NAME) {
        IndexName *i = find_index(s, e->name.text);
        if (i == x) { *coef = 1; return true; }
        if (i) {
            if (i->high < 0) return false;
            *low = i->low;
            *high = i->high - 1;
            return true;
        }
        Binding *known_index = lookup(s->scope, e->name.text);
        if (known_index && known_index->kind == BINDING_INDEX) {
            *low = known_index->low;
            *high = known_index->low + axis_size(known_index->axis) - 1;
            return true;
        }
    }
    if ((e->kind == EXPR_NAME || e->kind == EXPR_NUMBER) && !mentions_open(s, e)) {
        if (!whole_number(s->b, s->scope, e, &k)) return false;
        *low = *high = k;
        return true;
    }
    int64_t c[2], l[2], h[2];
    if (e->kind == EXPR_UNARY && e->op == UNARY_NEG) {
        if (!bound_form(s, e->kid[0], x, &c[0], &l[0], &h[0])) return false;
        *coef = -c[0]; *low = -h[0]; *high = -l[0];
        return true;
    }
    if (e->kind != EXPR_BINARY) return false;
    for (int i = 0; i < 2; i++) if (!bound_form(s, e->kid[i], x, &c[i], &l[i], &h[i])) return false;
    switch ((Binary)e->op) {
    case BINARY_ADD: *coef = c[0] + c[1]; *low = l[0] + l[1]; *high = h[0] + h[1]; return true;
    case BINARY_SUB: *coef = c[0] - c[1]; *low = l[0] - h[1]; *high = h[0] - l[1]; return true;
    case BINARY_MUL: {
        int q = !c[0] && l[0] == h[0] ? 0 : !c[1] && l[1] == h[1] ? 1 : -1;
        if (q < 0) return false;
        int64_t f = l[q];
        *coef = c[1 - q] * f;
        *low = f >= 0 ? l[1 - q] * f : h[1 - q] * f;
        *high = f >= 0 ? h[1 - q] * f : l[1 - q] * f;
        return true;
    }
    default: return false;
    }
}

static int64_t floor_div(int64_t a, int64_t b) { int64_t q = a / b; return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q; }

/* Shrinks the range of x so that coef*x + rest stays within 0 .. size-1. */
static void shrink(Search *s, IndexName *x, const Bound *bound)
{
    int64_t coef, low, high;
    if (!bound_form(s, bound->at, x, &coef, &low, &high) || !coef) return;
    int64_t top = bound->size - 1 - high, bottom = -low, least, most;   /* bottom <= coef * x <= top */
    if (coef > 0) { most = floor_div(top, coef); least = -floor_div(-bottom, coef); }
    else { most = floor_div(-bottom, -coef); least = -floor_div(top, -coef); }
    if (x->high < 0 || most + 1 < x->high) x->high = most + 1;
    if (least > x->low) x->low = least;
}

static bool only_index(Search *s, const Expr *e, const IndexName *x)
{
    for (int i = 0; i < s->n; i++) {
        if (&s->at[i] == x) continue;
        Search one = { .n = 1 };
        one.at[0] = s->at[i];
        if (mentions_open(&one, e)) return false;
    }
    return true;
}

static void settle(Search *s)
{
    for (int round = 0; round < 2; round++)
        for (int k = 0; k < s->n_bounds; k++)
            for (int i = 0; i < s->n; i++) {
                IndexName *x = &s->at[i];
                Search one = { .n = 1 };
                one.at[0] = *x;
                if (!mentions_open(&one, s->bounds[k].at)) continue;
                /* with several indices in one subscript, those that a bare subscript fixed keep their range */
                if (x->written || (x->fixed && !only_index(s, s->bounds[k].at, x))) continue;
                shrink(s, x, &s->bounds[k]);
            }
    for (int i = 0; i < s->n; i++) {
        IndexName *x = &s->at[i];
        if (s->failed || x->high >= 0) {
            if (!s->failed && x->high <= x->low) {
                complain(s->b, "E0313", x->span, "index %s has no place to run over", x->name);
                s->failed = true;
            }
            continue;
        }
        Diagnostic *d = complain(s->b, "E0313", x->span, "nothing tells how far index %s runs", x->name);
        diag_help(d, "subscript an array with it, or write [%s: n]", x->name);
        s->failed = true;
    }
}

static void add_index(Search *s, const char *name, Span span)
{
    if (find_index(s, name)) {
        complain(s->b, "E0314", span, "index %s is named twice", name);
        s->failed = true;
    } else if (s->n < MAX_INDICES) s->at[s->n++] = (IndexName){ .name = name, .span = span, .high = -1 };
}

/* `i` or `i: n` in brackets. */
static void add_subscript(Search *s, const Subscript *x)
{
    const Expr *name = x->kind == SUBSCRIPT_AT ? x->at : x->low;
    if (!name || name->kind != EXPR_NAME) {
        complain(s->b, "E0314", x->span, "an index name is wanted here, such as i or i: 10");
        s->failed = true;
        return;
    }
    add_index(s, name->name.text, name->span);
    int64_t n;
    if (x->kind == SUBSCRIPT_SLICE && !s->failed) {
        if (x->high && want_size(s->b, eval(s->b, s->scope, x->high), x->high->span, "the size of an index", &n)) {
            fix_index(s, &s->at[s->n - 1], n, x->span);
            s->at[s->n - 1].written = true;
        }
        else s->failed = true;
    }
}

/* Binds the indices in `inner` as hidden axes. */
static void bind_indices(Search *s, Scope *inner, Shape *axes)
{
    Builder *b = s->b;
    for (int i = 0; i < s->n; i++) {
        Axis a = hidden_axis(b, s->at[i].high - s->at[i].low, INDEX_AXIS);
        b->at.hidden = axes_with(b->at.hidden, a);
        axes->at[axes->n++] = a;
        Binding *x = bind(b, inner, s->at[i].name, NULL, s->at[i].span);
        x->kind = BINDING_INDEX;
        x->axis = a;
        x->low = s->at[i].low;
    }
}

/* ---- reductions ---- */

Value *eval_reduction(Builder *b, Scope *scope, const Expr *e)
{
    Search s = { .b = b, .scope = scope };
    for (int i = 0; i < e->n_subscripts; i++) add_subscript(&s, &e->subscripts[i]);
    search(&s, e->kid[0]);
    settle(&s);
    if (s.failed) return b->none;
    Axes before = b->at.hidden;
    Scope *inner = scope_new(b, scope);
    Shape axes = { 0 };
    bind_indices(&s, inner, &axes);
    Value *v = eval(b, inner, e->kid[0]);
    b->at.hidden = before;
    if (v->kind == VALUE_NONE) return v;
    const char *name = e->name.text;
    if (v->kind != VALUE_ARRAY) {
        complain(b, "E0306", e->kid[0]->span, "%s needs numbers, but this is %s", name, value_text(b, v));
        return b->none;
    }
    stand_at(b, e->span);
    Node *node = v->node;
    Value *r = array(b, node, v->shape);
    Axes over = axes_of(axes);
    if (!strcmp(name, "argmin") || !strcmp(name, "argmax")) {
        if (axes.n != 1) {
            complain(b, "E0314", e->span, "%s takes one index", name);
            return b->none;
        }
        node = graph_spread(b->g, node, axes_union(&node->axes, &over));
        r->node = graph_along(b->g, name[3] == 'i' ? OP_argmin : OP_argmax, node, axes.at[0], false);
        if (s.at[0].low) r->node = graph_map(b->g, OP_add, r->node, graph_const(b->g, (double)s.at[0].low), NULL);
        r->domain = (Domain){ CLASS_WHOLE, (double)s.at[0].low, (double)s.at[0].high - 1 };
        return r;
    }
    Op op = !strcmp(name, "prod") ? OP_prod : !strcmp(name, "max") || !strcmp(name, "any") ? OP_maximum
          : !strcmp(name, "min") || !strcmp(name, "all") ? OP_minimum : !strcmp(name, "logsumexp") ? OP_logsumexp : OP_sum;
    if (!strcmp(name, "any") || !strcmp(name, "all")) {
        node = graph_map(b->g, OP_ne, node, graph_const(b->g, 0), NULL);
        r->domain = (Domain){ CLASS_WHOLE, 0, 1 };
    }
    r->node = graph_fold(b->g, op, node, over);
    if (!strcmp(name, "mean")) r->node = graph_map(b->g, OP_mul, r->node, graph_const(b->g, 1 / (double)axes_count(&over)), NULL);
    if (v->domain.kind == CLASS_WHOLE && (op == OP_maximum || op == OP_minimum) && !r->domain.kind) r->domain = v->domain;
    return r;
}

/* ---- equations ---- */

/* Undefined names in the subscripts of a scatter are its indices. */
static void add_free_names(Search *s, const Expr *e)
{
    if (!e) return;
    if (e->kind == EXPR_INDEX) {
        for (int i = 0; i < e->n_subscripts; i++) {
            const Expr *at = e->subscripts[i].at;
            if (e->subscripts[i].kind == SUBSCRIPT_AT && at->kind == EXPR_NAME && !lookup(s->scope, at->name.text) && !find_index(s, at->name.text))
                add_index(s, at->name.text, at->span);
            else add_free_names(s, at);
        }
        return;
    }
    for (int i = 0; i < 3; i++) add_free_names(s, e->kid[i]);
    for (int i = 0; i < e->n_args; i++) add_free_names(s, e->args[i].value);
}

/* The value with its index axes turned into leading visible axes. */
static Value *make_visible(Builder *b, Value *v, Shape axes)
{
    Shape sizes = { 0 };
    for (int i = 0; i < axes.n; i++) sizes.at[sizes.n++] = axis_make(axis_size(axes.at[i]), 0);
    return unhide(b, v, axes, sizes);
}

/* x'[at[n], ..] = v: the present value with places replaced. */
static Value *scatter(Builder *b, Scope *inner, const Expr *lhs, Value *base, Value *v, Shape axes, const bool *bare)
{
    int computed = -1;
    for (int p = 0; p < lhs->n_subscripts; p++) {
        if (bare[p]) continue;
        if (computed >= 0) {
            complain(b, "E0315", lhs->span, "one subscript of the left side may be computed, the others are index names");
            return b->none;
        }
        computed = p;
    }
    Value *at = eval(b, inner, lhs->subscripts[computed].at);
    if (at->kind == VALUE_NONE || v->kind == VALUE_NONE) return b->none;
    Span span = lhs->subscripts[computed].span;
    int64_t size = axis_size(base->shape.at[computed]);
    if (at->kind != VALUE_ARRAY || at->shape.n || at->domain.kind != CLASS_WHOLE || at->domain.low < 0 || at->domain.high >= (double)size) {
        Diagnostic *d = complain(b, "E0311", span, "the places written must be whole numbers of 0 to %lld", (long long)size - 1);
        diag_help(d, "choose(%lld, k) draws distinct places", (long long)size);
        return b->none;
    }
    Axes over = axes_of(axes);
    if (v->shape.n != base->shape.n - lhs->n_subscripts) {
        complain(b, "E0301", lhs->span, "the left side leaves %d axes for the value, but it has shape %s", base->shape.n - lhs->n_subscripts, shape_text(b, v->shape));
        return b->none;
    }
    Shape keep = { 0 };
    for (int p = lhs->n_subscripts; p < base->shape.n; p++) keep.at[keep.n++] = base->shape.at[p];
    if (!same_sizes(&keep, &v->shape)) {
        complain(b, "E0301", lhs->span, "the left side has room for %s, but the value is %s", shape_text(b, keep), shape_text(b, v->shape));
        return b->none;
    }
    Node *node = relabel(b, v->node, v->shape, keep), *index = at->node;
    /* a bare index walks along its axis of the base */
    Shape from = { 0 }, onto = { 0 };
    for (int p = 0; p < lhs->n_subscripts; p++) {
        if (!bare[p]) continue;
        Binding *x = lookup(inner, lhs->subscripts[p].at->name.text);
        from.at[from.n++] = x->axis;
        onto.at[onto.n++] = base->shape.at[p];
        over = axes_without(over, x->axis);
    }
    node = relabel(b, node, from, onto);
    index = relabel(b, index, from, onto);
    Axes all = axes_union(&node->axes, &over);
    node = graph_spread(b->g, node, all);
    Value *r = array(b, graph_put(b->g, base->node, base->shape.at[computed], index, node, over), base->shape);
    r->domain = base->domain;
    return r;
}

/* target[..] = value */
void eval_equation(Builder *b, Scope *scope, const Stmt *st)
{
    const Expr *lhs = st->targets.at[0], *name = lhs->kid[0];
    Search s = { .b = b, .scope = scope };
    bool bare[MAX_AXES] = { false }, scatters = false;
    for (int p = 0; p < lhs->n_subscripts && p < MAX_AXES; p++) {
        const Subscript *x = &lhs->subscripts[p];
        const Expr *i = x->kind == SUBSCRIPT_AT ? x->at : x->kind == SUBSCRIPT_SLICE ? x->low : NULL;
        bare[p] = i && i->kind == EXPR_NAME;
        if (bare[p]) add_subscript(&s, x);
        else scatters = true;
    }
    Binding *cell = lookup(scope, name->name.text);
    Value *base = scatters && cell ? cell->value : NULL;
    if (scatters && (!base || name->kind != EXPR_PRIMED)) {
        Diagnostic *d = complain(b, "E0315", lhs->span, "computed places can be written only into the next value of something: %s'[..] = ..", name->name.text);
        diag_help(d, "index names alone on the left side make a new array");
        return;
    }
    if (scatters && base->kind != VALUE_ARRAY) return;
    for (int p = 0; scatters && p < lhs->n_subscripts; p++) {
        if (!bare[p]) add_free_names(&s, lhs->subscripts[p].at);
        else if (p < base->shape.n && find_index(&s, lhs->subscripts[p].at->name.text))
            fix_index(&s, find_index(&s, lhs->subscripts[p].at->name.text), axis_size(base->shape.at[p]), lhs->subscripts[p].span);
    }
    search(&s, st->value);
    for (int p = 0; scatters && p < lhs->n_subscripts; p++) if (!bare[p]) search(&s, lhs->subscripts[p].at);
    settle(&s);
    for (int i = 0; i < s.n && !s.failed; i++)
        if (s.at[i].low > 0) {
            Diagnostic *d = complain(b, "E0313", s.at[i].span, "index %s of the left side starts at 0, but the right side can only start at %lld", s.at[i].name, (long long)s.at[i].low);
            diag_help(d, "shift the subscripts: [%s+1] in place of [%s], or wrap with mod", s.at[i].name, s.at[i].name);
            s.failed = true;
        }
    Value *v = b->none;
    if (!s.failed) {
        Axes before = b->at.hidden;
        Scope *inner = scope_new(b, scope);
        Shape axes = { 0 };
        bind_indices(&s, inner, &axes);
        v = st->draw ? eval_drawn(b, inner, st->value, NULL, name->name.text) : eval(b, inner, st->value);
        stand_at(b, st->span);
        if (v->kind == VALUE_ARRAY) {
            if (scatters) v = scatter(b, inner, lhs, base, v, axes, bare);
            b->at.hidden = before;
            if (!scatters) v = make_visible(b, v, axes);
        } else if (v->kind != VALUE_NONE) {
            complain(b, "E0306", st->value->span, "an index equation gives numbers, but this is %s", value_text(b, v));
            v = b->none;
        }
        b->at.hidden = before;
    }
    if (v->kind == VALUE_ARRAY && v->fields) {
        Value *plain = ARENA_NEW(b->arena, Value);
        *plain = *v;
        plain->fields = NULL;
        v = plain;
    }
    if (name->kind == EXPR_PRIMED) {
        if (!cell) { complain(b, "E0201", name->span, "unknown name `%s`", name->name.text); return; }
        assign_next(b, cell, v, st->span);
    } else bind(b, scope, name->name.text, v, name->span);
}

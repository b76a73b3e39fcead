/* range.c: how far indices run.  Bare subscripts fix a range and must agree; affine ones shrink it so that every access is inside.
 * Indices of reductions inside take part, as the places they reach shrink those outside: y[i] = sum[k] w[k] * x[i+k]. */
#include <math.h>
#include <string.h>
#include "lang/graph/range.h"

static int find_index(const Search *s, const char *name)
{
    for (int i = s->n - 1; i >= 0; i--) if (s->at[i].open && !strcmp(s->at[i].name, name)) return i;
    return -1;
}

/* Whether e mentions an index that is being sought, or one of a reduction inside. */
static bool mentions_open(const Search *s, const Expr *e)
{
    if (!e) return false;
    if (e->kind == EXPR_NAME) return find_index(s, e->name.text) >= 0;
    for (int i = 0; i < 3; i++) if (mentions_open(s, e->kid[i])) return true;
    for (int i = 0; i < e->list.n; i++) if (mentions_open(s, e->list.at[i])) return true;
    for (int i = 0; i < e->n_args; i++) if (mentions_open(s, e->args[i].value)) return true;
    for (int i = 0; i < e->n_subscripts; i++)
        if (mentions_open(s, e->subscripts[i].at) || mentions_open(s, e->subscripts[i].low) || mentions_open(s, e->subscripts[i].high)) return true;
    if (!e->infer) return false;
    for (int i = 0; i < e->infer->from.n; i++) if (mentions_open(s, e->infer->from.at[i])) return true;
    for (int i = 0; i < e->infer->given.n; i++) if (mentions_open(s, e->infer->given.at[i])) return true;
    return mentions_open(s, e->infer->of) || mentions_open(s, e->infer->under);
}

bool range_count_fits(Builder *b, const Expr *e, const Value *base)
{
    if (e->n_subscripts <= base->shape.n) return true;
    Diagnostic *d = complain(b, "E0302", e->span, "%s has %d ax%ss, but %d subscript%s written", expr_text(b, e->kid[0]), base->shape.n,
                             base->shape.n == 1 ? "i" : "e", e->n_subscripts, e->n_subscripts == 1 ? " is" : "s are");
    diag_help(d, "its shape is %s", shape_text(b, base->shape));
    return false;
}

bool whole_number(Builder *b, Scope *scope, const Expr *e, int64_t *x)
{
    if (e->kind == EXPR_CALL) return false;
    Value *v = eval(b, scope, e);
    if (v->kind != VALUE_ARRAY || !is_known(v) || known(v) != floor(known(v))) return false;
    if (v->domain.kind == CLASS_WHOLE && v->domain.low < v->domain.high) return false;     /* a class: all of its domain must be inside */
    *x = (int64_t)known(v);
    return true;
}

/* ---- affine forms over the indices of the search ---- */

static bool add_term(Bound *f, int index, int64_t coef)
{
    for (int i = 0; i < f->n; i++) if (f->index[i] == index) { f->coef[i] += coef; return true; }
    if (f->n == MAX_TERMS) return false;
    f->index[f->n] = index;
    f->coef[f->n++] = coef;
    return true;
}

static bool add_form(Bound *f, const Bound *x, int64_t factor)
{
    f->low += factor >= 0 ? factor * x->low : factor * x->high;
    f->high += factor >= 0 ? factor * x->high : factor * x->low;
    for (int i = 0; i < x->n; i++) if (!add_term(f, x->index[i], factor * x->coef[i])) return false;
    return true;
}

static bool is_number(const Bound *f) { return !f->n && f->low == f->high; }

/* The form of e; false if it is not affine. */
static bool form_of(Search *s, const Expr *e, Bound *f)
{
    memset(f, 0, sizeof *f);
    if (e->kind == EXPR_NAME) {
        int i = find_index(s, e->name.text);
        if (i >= 0) return add_term(f, i, 1);
        Binding *outer = lookup(s->scope, e->name.text);
        if (outer && outer->kind == BINDING_INDEX) {
            f->low = outer->low;
            f->high = outer->low + axis_size(outer->axis) - 1;
            return true;
        }
    }
    if (e->kind == EXPR_NAME || e->kind == EXPR_NUMBER || e->kind == EXPR_FIELD) {
        int64_t k;
        if (mentions_open(s, e) || !whole_number(s->b, s->scope, e, &k)) return false;
        f->low = f->high = k;
        return true;
    }
    Bound x, y;
    if (e->kind == EXPR_UNARY && e->op == UNARY_NEG) return form_of(s, e->kid[0], &x) && add_form(f, &x, -1);
    if (e->kind != EXPR_BINARY || !form_of(s, e->kid[0], &x) || !form_of(s, e->kid[1], &y)) return false;
    switch ((Binary)e->op) {
    case BINARY_ADD: return add_form(f, &x, 1) && add_form(f, &y, 1);
    case BINARY_SUB: return add_form(f, &x, 1) && add_form(f, &y, -1);
    case BINARY_MUL:
        if (is_number(&x)) return add_form(f, &y, x.low);
        return is_number(&y) && add_form(f, &x, y.low);
    case BINARY_DIV: {
        int64_t k;
        if (!is_number(&x) || !is_number(&y) || !whole_number(s->b, s->scope, e, &k)) return false;
        f->low = f->high = k;
        return true;
    }
    default: return false;
    }
}

/* ---- searching ---- */

static void fix_index(Search *s, IndexName *x, int64_t size, Span span)
{
    if (x->written && x->high <= size) return;      /* a written range may be a part of the axis */
    if (x->fixed && x->high != size) {
        if (!x->inner) {
            Diagnostic *d = complain(s->b, "E0312", span, "index %s runs over %lld places here, but over %lld elsewhere", x->name, (long long)size, (long long)x->high);
            diag_note(d, x->source, "it runs over %lld here", (long long)x->high);
            s->failed = true;
        }
        return;
    }
    x->fixed = true;
    x->low = 0;
    x->high = size;
    x->source = span;
}

/* What subscripts of this array say of ranges. */
static void fix_by(Search *s, const Expr *e, const Value *base)
{
    if (!range_count_fits(s->b, e, base)) { s->failed = true; return; }
    for (int p = 0; p < e->n_subscripts; p++) {
        const Subscript *x = &e->subscripts[p];
        if (x->kind != SUBSCRIPT_AT) continue;
        int64_t size = axis_size(base->shape.at[p]);
        int i = x->at->kind == EXPR_NAME ? find_index(s, x->at->name.text) : -1;
        Bound f;
        if (i >= 0) fix_index(s, &s->at[i], size, x->span);
        else if (s->n_bounds < MAX_BOUNDS && mentions_open(s, x->at) && form_of(s, x->at, &f)) {
            f.size = size;
            s->bounds[s->n_bounds++] = f;
        }
    }
}

static void search_subscripts(Search *s, const Expr *e)
{
    bool any = false;
    for (int i = 0; i < e->n_subscripts; i++) any |= e->subscripts[i].kind == SUBSCRIPT_AT && mentions_open(s, e->subscripts[i].at);
    if (!any || mentions_open(s, e->kid[0])) return;
    Value *base = eval(s->b, s->scope, e->kid[0]);
    if (base->kind == VALUE_NONE) { s->failed = true; return; }
    if (base->kind == VALUE_BUNDLE) for (int i = 0; i < base->n_items; i++) fix_by(s, e, base->items[i]);
    else if (base->kind == VALUE_ARRAY) fix_by(s, e, base);
}

static const Expr *index_name(const Subscript *x)
{
    const Expr *name = x->kind == SUBSCRIPT_AT ? x->at : x->kind == SUBSCRIPT_SLICE ? x->low : NULL;
    return name && name->kind == EXPR_NAME ? name : NULL;
}

static void open_reduction(Search *s, const Expr *e)
{
    for (int i = 0; i < e->n_subscripts && s->n < MAX_INDICES; i++) {
        const Subscript *x = &e->subscripts[i];
        const Expr *name = index_name(x);
        if (!name) continue;
        int64_t size = -1;
        if (x->kind == SUBSCRIPT_SLICE && x->high && !mentions_open(s, x->high)) whole_number(s->b, s->scope, x->high, &size);
        s->at[s->n++] = (IndexName){ .name = name->name.text, .span = x->span, .inner = true, .open = true, .high = size, .fixed = size >= 0, .written = size >= 0 };
    }
}

void range_search(Search *s, const Expr *e)
{
    if (!e) return;
    int before = s->n;
    if (e->kind == EXPR_REDUCE) open_reduction(s, e);
    if (e->kind == EXPR_INDEX) search_subscripts(s, e);
    for (int i = 0; i < 3; i++) range_search(s, e->kid[i]);
    for (int i = 0; i < e->list.n; i++) range_search(s, e->list.at[i]);
    for (int i = 0; i < e->n_args; i++) range_search(s, e->args[i].value);
    if (e->kind == EXPR_INDEX)
        for (int i = 0; i < e->n_subscripts; i++) range_search(s, e->subscripts[i].at);
    for (int i = before; i < s->n; i++) s->at[i].open = false;
}

/* ---- settling ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

/* Shrinks the range of index number `which` so that the bound holds wherever the others are. */
static void shrink(Search *s, int which, const Bound *f)
{
    IndexName *x = &s->at[which];
    int64_t coef = 0, low = f->low, high = f->high;
    for (int i = 0; i < f->n; i++) {
        const IndexName *y = &s->at[f->index[i]];
        if (f->index[i] == which) { coef = f->coef[i]; continue; }
        if (y->high < 0) return;
        int64_t p = f->coef[i] * y->low, q = f->coef[i] * (y->high - 1);
        low += p < q ? p : q;
        high += p < q ? q : p;
    }
    if (!coef) return;
    int64_t top = f->size - 1 - high, bottom = -low, least, most;   /* bottom <= coef * x <= top */
    if (coef > 0) { most = floor_div(top, coef); least = -floor_div(-bottom, coef); }
    else { most = floor_div(-bottom, -coef); least = -floor_div(top, -coef); }
    if (x->high < 0 || most + 1 < x->high) x->high = most + 1 > 0 ? most + 1 : 0;
    if (least > x->low) x->low = least;
}

bool range_settle(Search *s)
{
    for (int round = 0; round < 2; round++)
        for (int k = 0; k < s->n_bounds; k++)
            for (int i = 0; i < s->bounds[k].n; i++) {
                const IndexName *x = &s->at[s->bounds[k].index[i]];
                /* with several indices in one subscript, those that a bare subscript fixed keep their range */
                if (x->written || (x->fixed && s->bounds[k].n > 1)) continue;
                shrink(s, s->bounds[k].index[i], &s->bounds[k]);
            }
    for (int i = 0; i < s->n_sought && !s->failed; i++) {
        IndexName *x = &s->at[i];
        if (x->high < 0 && x->otherwise) x->high = x->otherwise;
        if (x->high > x->low) continue;
        if (x->high >= 0) complain(s->b, "E0313", x->span, "index %s has no place to run over", x->name);
        else diag_help(complain(s->b, "E0313", x->span, "nothing tells how far index %s runs", x->name), "subscript an array with it, or write [%s: n]", x->name);
        s->failed = true;
    }
    return !s->failed;
}

/* ---- the indices sought ---- */

static IndexName *add_index(Search *s, const char *name, Span span)
{
    if (find_index(s, name) >= 0) {
        complain(s->b, "E0314", span, "index %s is named twice", name);
        s->failed = true;
        return NULL;
    }
    if (s->n >= MAX_AXES) {
        complain(s->b, "E0314", span, "an equation has at most %d indices", MAX_AXES);
        s->failed = true;
        return NULL;
    }
    s->at[s->n] = (IndexName){ .name = name, .span = span, .high = -1, .open = true };
    s->n_sought = s->n + 1;
    return &s->at[s->n++];
}

void range_add(Search *s, const Subscript *x)
{
    const Expr *name = index_name(x);
    if (!name) {
        complain(s->b, "E0314", x->span, "an index name is wanted here, such as i or i: 10");
        s->failed = true;
        return;
    }
    IndexName *i = add_index(s, name->name.text, name->span);
    int64_t n;
    if (!i || x->kind != SUBSCRIPT_SLICE) return;
    if (x->high && want_size(s->b, eval(s->b, s->scope, x->high), x->high->span, "the size of an index", &n)) {
        fix_index(s, i, n, x->span);
        i->written = true;
    } else s->failed = true;
}

/* The reductions around a subscript of the left side: their indices are their own. */
typedef struct Around {
    const Expr *reduction;
    const struct Around *outer;
} Around;

static bool bound_around(const Around *around, const char *name)
{
    for (; around; around = around->outer)
        for (int i = 0; i < around->reduction->n_subscripts; i++) {
            const Expr *own = index_name(&around->reduction->subscripts[i]);
            if (own && !strcmp(own->name.text, name)) return true;
        }
    return false;
}

static void add_free(Search *s, const Expr *e, const Around *around)
{
    if (!e) return;
    if (e->kind == EXPR_NAME) {
        const char *name = e->name.text;
        bool known = bound_around(around, name) || lookup(s->scope, name) || find_index(s, name) >= 0 || builtin_named(name) || global_value(s->b, name, e->span);
        if (!known) add_index(s, name, e->span);
        return;
    }
    Around here = { .reduction = e, .outer = around };
    if (e->kind == EXPR_REDUCE) around = &here;
    if (e->kind == EXPR_INDEX)
        for (int i = 0; i < e->n_subscripts; i++) add_free(s, e->subscripts[i].at, around);
    for (int i = 0; i < 3; i++) add_free(s, e->kid[i], around);
    for (int i = 0; i < e->n_args; i++) add_free(s, e->args[i].value, around);
}

void range_add_free(Search *s, const Expr *e) { add_free(s, e, NULL); }

void range_fix(Search *s, const char *name, int64_t size, Span span)
{
    int i = find_index(s, name);
    if (i >= 0) fix_index(s, &s->at[i], size, span);
}

void range_suppose(Search *s, const char *name, int64_t size)
{
    int i = find_index(s, name);
    if (i >= 0) s->at[i].otherwise = size;
}

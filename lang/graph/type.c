/* type.c: written types against values: ranks, sizes and size variables, domains and their retractions. */
#include <ctype.h>
#include <math.h>
#include <string.h>
#include "lang/graph/builder.h"

bool type_rank(const Type *type, int *rank, bool *rest)
{
    *rank = 0;
    *rest = false;
    for (int i = 0; i < type->n_dims; i++)
        if (type->dims[i].size) ++*rank;
        else *rest = true;
    return !*rest;
}

/* An upper-case name that means nothing yet. */
bool is_size_variable(Scope *scope, const Expr *e)
{
    return e->kind == EXPR_NAME && isupper((unsigned char)e->name.text[0]) && !lookup(scope, e->name.text);
}

static bool eval_bound(Builder *b, Scope *scope, const Expr *e, double *x)
{
    return want_known(b, eval(b, scope, e), e->span, "the bound of a domain", x);
}

bool eval_domain(Builder *b, Scope *scope, const Type *type, Domain *domain)
{
    *domain = (Domain){ 0 };
    switch (type->domain) {
    case DOMAIN_REAL: return true;
    case DOMAIN_RANGE:
        domain->kind = CLASS_WHOLE;
        if (!eval_bound(b, scope, type->low, &domain->low) || !eval_bound(b, scope, type->high, &domain->high)) return false;
        if (domain->high < domain->low) {
            complain(b, "E0321", type->span, "the range {%g..%g} is empty", domain->low, domain->high);
            return false;
        }
        return true;
    case DOMAIN_BOX:
        domain->kind = CLASS_BOX;
        if (!eval_bound(b, scope, type->low, &domain->low) || !eval_bound(b, scope, type->high, &domain->high)) return false;
        if (domain->high <= domain->low) {
            complain(b, "E0321", type->span, "the box %g..%g is empty", domain->low, domain->high);
            return false;
        }
        return true;
    case DOMAIN_SET: {
        double x[64] = { 0 };
        int n = type->set.n;
        if (n > 64) n = 64;
        for (int i = 0; i < n; i++) if (!eval_bound(b, scope, type->set.at[i], &x[i])) return false;
        bool steps = true;
        for (int i = 1; i < n; i++) steps &= x[i] == x[i - 1] + 1;
        domain->low = x[0];
        domain->high = x[n - 1];
        if (steps) { domain->kind = CLASS_WHOLE; return true; }
        if (n == 2 && x[0] < x[1]) { domain->kind = CLASS_SPIN; return true; }
        Diagnostic *d = complain(b, "E0321", type->span, "a set of values must be two numbers, or whole numbers in a row");
        diag_help(d, "write {0..9} for classes, {-1, 1} for spins, and look other values up in an array");
        return false;
    }
    case DOMAIN_NAMED:
        if (!strcmp(type->name.text, "simplex")) domain->kind = CLASS_SIMPLEX;
        else if (!strcmp(type->name.text, "sphere")) domain->kind = CLASS_SPHERE;
        else if (!strcmp(type->name.text, "positive")) domain->kind = CLASS_POSITIVE;
        else {
            static const char *const known_domains[] = { "simplex", "sphere", "positive" };
            Diagnostic *d = complain(b, "E0321", type->name.span, "unknown domain `%s`", type->name.text);
            const char *near = nearest_name(type->name.text, known_domains, 3);
            diag_help(d, near ? "did you mean `%s`?" : "domains are simplex, sphere, positive, {0..9}, {-1, 1}, 0..1%s", near ? near : "");
            return false;
        }
        return true;
    }
    return true;
}

bool eval_shape(Builder *b, Scope *scope, const Type *type, Shape *shape)
{
    int64_t dims[MAX_AXES];
    int n = 0;
    if (type->like.text) {
        Binding *x = lookup(scope, type->like.text);
        Value *of = x ? x->value : global_value(b, type->like.text, type->like.span);
        if (!of && !b->damaged) complain(b, "E0201", type->like.span, "nothing is called `%s`", type->like.text);
        if (!of) return false;
        if (of->kind != VALUE_ARRAY) {
            if (of->kind != VALUE_NONE) complain(b, "E0303", type->like.span, "`like %s` needs an array, but it is %s", type->like.text, value_text(b, of));
            return false;
        }
        *shape = shape_refresh(of->shape);
        return true;
    }
    for (int i = 0; i < type->n_dims; i++) {
        const Dim *d = &type->dims[i];
        if (!d->size) {
            Binding *s = lookup(scope, d->rest.text);
            if (!s || s->value->kind != VALUE_SHAPE) {
                complain(b, "E0303", d->span, "..%s is not the rest of a known shape here", d->rest.text);
                return false;
            }
            for (int k = 0; k < s->value->shape.n && n < MAX_AXES - 2; k++) dims[n++] = axis_size(s->value->shape.at[k]);
            continue;
        }
        if (n >= MAX_AXES - 2) { complain(b, "E0303", type->span, "an array has at most %d axes", MAX_AXES - 2); return false; }
        if (!want_size(b, eval(b, scope, d->size), d->span, "a size", &dims[n])) return false;
        if (dims[n] == 0) { complain(b, "E0303", d->span, "an axis cannot have size 0"); return false; }
        n++;
    }
    *shape = shape_fresh(dims, n);
    return true;
}

static void bind_size(Builder *b, Scope *scope, const Dim *d, int64_t size)
{
    Value *n = number(b, (double)size);
    n->domain = (Domain){ CLASS_WHOLE, (double)size, (double)size };
    bind(b, scope, d->size->name.text, n, d->span);
}

/* Size variables that stand alone, so that all of a signature's are known when its expressions are read: {0..K-1} before [K]. */
void solve_sizes(Builder *b, Scope *scope, const Type *type, const Value *v)
{
    int rank, at = 0;
    bool rest;
    type_rank(type, &rank, &rest);
    for (int i = 0; i < type->n_dims; i++) {
        const Dim *d = &type->dims[i];
        if (!d->size) { at += v->shape.n - rank; continue; }
        if (at < v->shape.n && is_size_variable(scope, d->size)) bind_size(b, scope, d, axis_size(v->shape.at[at]));
        at++;
    }
}

/* ..S of several arrays: [n, ..S] is a shape for each. */
void bind_rests(Builder *b, Scope *scope, const Type *type, Value *v)
{
    const Dim *d = type->dims;
    if (type->n_dims == 1 && !d->size && !lookup(scope, d->rest.text)) bind(b, scope, d->rest.text, v, d->span);
}

/* Whether visible shape of v is what the type says, solving size variables into the scope. */
bool match_type(Builder *b, Scope *scope, const Type *type, const Value *v, const char *what, Span span)
{
    int rank;
    bool rest;
    type_rank(type, &rank, &rest);
    int extra = v->shape.n - rank, at = 0;
    for (int i = 0; i < type->n_dims; i++) {
        const Dim *d = &type->dims[i];
        if (!d->size) {
            Value *s = value_new(b, VALUE_SHAPE);
            Shape part = { 0 };
            for (int k = 0; k < extra; k++) part.at[part.n++] = v->shape.at[at + k];
            s->shape = shape_refresh(part);
            Binding *known_rest = lookup(scope, d->rest.text);
            if (!known_rest) bind(b, scope, d->rest.text, s, d->span);
            else if (known_rest->value->kind == VALUE_SHAPE && !same_sizes(&known_rest->value->shape, &s->shape)) {
                complain(b, "E0304", span, "%s: ..%s is %s here but %s elsewhere in this call", what, d->rest.text, shape_text(b, s->shape),
                         shape_text(b, known_rest->value->shape));
                return false;
            }
            at += extra;
            continue;
        }
        int64_t size = axis_size(v->shape.at[at++]), want;
        if (is_size_variable(scope, d->size)) {
            bind_size(b, scope, d, size);
            continue;
        }
        if (!want_size(b, eval(b, scope, d->size), d->span, "a size", &want)) return false;
        if (want == size) continue;
        Expr whole = { .span = type->span };
        const char *wanted = expr_text(b, &whole), *solved = "";
        if (d->size->kind != EXPR_NUMBER) solved = arena_format(b->arena, " with %s = %lld", expr_text(b, d->size), (long long)want);
        diag_note(complain(b, "E0304", span, "%s has shape %s, but %s%s is wanted", what, shape_text(b, v->shape), wanted, solved), type->span,
                  "the shape is declared here");
        return false;
    }
    return true;
}

static const char *domain_words(Builder *b, Domain d)
{
    switch (d.kind) {
    case CLASS_WHOLE: return arena_format(b->arena, d.low == d.high ? "%g" : "{%g..%g}", d.low, d.high);
    case CLASS_SPIN:  return arena_format(b->arena, "{%g, %g}", d.low, d.high);
    case CLASS_BOX:   return arena_format(b->arena, "reals of %g..%g", d.low, d.high);
    default:          return "reals";
    }
}

bool domain_fits(Builder *b, Domain want, const Value *v, const char *what, Span span)
{
    if (want.kind != CLASS_WHOLE && want.kind != CLASS_SPIN) return true;
    Domain has = v->domain;
    bool constant = v->kind == VALUE_ARRAY && v->node->op == OP_const && v->node->value == floor(v->node->value);   /* zeros([N]) too */
    if (has.kind != CLASS_WHOLE && constant) has = (Domain){ CLASS_WHOLE, v->node->value, v->node->value };
    bool fits = want.kind == CLASS_WHOLE ? has.kind == CLASS_WHOLE && has.low >= want.low && has.high <= want.high
                                         : (has.kind == CLASS_SPIN && has.low == want.low && has.high == want.high) ||
                                           (has.kind == CLASS_WHOLE && has.low == has.high && (has.low == want.low || has.low == want.high));
    if (fits) return true;
    Diagnostic *d = complain(b, "E0320", span, "%s takes values of %s, but this %s %s", what, domain_words(b, want),
                             has.kind == CLASS_WHOLE && has.low == has.high ? "is" : "has", domain_words(b, has));
    if (has.kind == CLASS_WHOLE && want.kind == CLASS_WHOLE) {
        if (has.high - has.low == want.high - want.low) diag_help(d, "shift the values by %g", want.low - has.low);
        else diag_help(d, "the declared range must hold all values");
    } else if (want.kind == CLASS_SPIN && has.kind == CLASS_WHOLE) diag_help(d, "2*x - 1 turns bits into spins");
    else if (want.kind == CLASS_WHOLE && has.kind == CLASS_SPIN) diag_help(d, "(x + 1) / 2 is not known to be whole: use bits from the start");
    else diag_help(d, "a class comes from data with classes(n), from argmin, argmax or choose, or from a whole number");
    return false;
}

/* ---- retractions: back into the domain after an update ---- */

/* The nearest point of the simplex along the last axis: max(x - t, 0), where t is the largest of (sum of the k largest - 1) / k. */
static Node *onto_simplex(Builder *b, Node *x, Shape shape)
{
    Graph *g = b->g;
    Axis axis = shape.at[shape.n - 1], aside = plain_axis(axis_size(axis), &shape);
    Node *order = graph_along(g, OP_argsort, x, axis, true);
    Node *sums = graph_along(g, OP_cumsum, graph_gather(g, graph_rename(g, x, axis, aside), aside, order), axis, false);
    Node *one = graph_const(g, 1), *k = graph_map(g, OP_add, graph_iota(g, axis), one, NULL);
    Node *t = graph_fold(g, OP_maximum, graph_map(g, OP_div, graph_map(g, OP_sub, sums, one, NULL), k, NULL), axes_one(axis));
    return graph_map(g, OP_max, graph_map(g, OP_sub, x, t, NULL), graph_const(g, 0), NULL);
}

Value *retract(Builder *b, Value *v, Domain domain)
{
    if (v->kind != VALUE_ARRAY) return v;
    Graph *g = b->g;
    Node *x = v->node;
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *v;
    Axes last = { 0 };
    if (v->shape.n) last = axes_one(v->shape.at[v->shape.n - 1]);
    switch (domain.kind) {
    case CLASS_BOX:
        r->node = graph_map(g, OP_max, graph_const(g, domain.low), graph_map(g, OP_min, x, graph_const(g, domain.high), NULL), NULL);
        break;
    case CLASS_POSITIVE:
        r->node = graph_map(g, OP_max, x, graph_const(g, 1e-8), NULL);
        break;
    case CLASS_SPHERE: {
        Node *square = graph_fold(g, OP_sum, graph_map(g, OP_mul, x, x, NULL), last);
        Node *norm = graph_map(g, OP_sqrt, graph_map(g, OP_max, square, graph_const(g, 1e-30), NULL), NULL, NULL);
        r->node = graph_map(g, OP_div, x, norm, NULL);
        break;
    }
    case CLASS_SIMPLEX: if (v->shape.n) r->node = onto_simplex(b, graph_spread(g, x, axes_union(&x->axes, &last)), v->shape); break;
    default: break;
    }
    r->domain = domain;
    return r;
}

Value *retract_all(Builder *b, Value *v, const Value *like)
{
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *v;
    r->items = ARENA_ARRAY(b->arena, Value *, v->n_items);
    for (int i = 0; i < v->n_items; i++) r->items[i] = i < like->n_items ? retract(b, v->items[i], like->items[i]->domain) : v->items[i];
    return r;
}

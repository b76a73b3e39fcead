/* given.c: given mask, values: what is observed stands in its places whenever the energy is asked, and in the result. */
#include "lang/graph/infer.h"

static Span pair_span(const Inference *x, int pair) { return x->infer->given.at[2 * pair]->span; }

/* One of a pair, with the chains it has for itself in hiding; null after a report. */
static Value *given_array(Inference *x, const Expr *e, const Binder *v, const Shape *items)
{
    Builder *b = x->b;
    Value *a = eval(b, x->scope, e);
    if (a->kind != VALUE_ARRAY) {
        if (a->kind != VALUE_NONE) complain(b, "E0368", e->span, "given takes arrays, but this is %s", value_text(b, a));
        return NULL;
    }
    int extra = v->has_shape ? a->shape.n - v->shape.n : 0;
    if (extra > 0 && extra <= items->n) {
        Shape mine = { 0 }, own = { 0 };
        for (int q = 0; q < extra; q++) { mine.at[mine.n++] = a->shape.at[q]; own.at[own.n++] = items->at[items->n - extra + q]; }
        a = hide(b, a, mine, own);
    }
    if (!a->shape.n || !v->has_shape || same_sizes(&a->shape, &v->shape)) return a;
    Diagnostic *d = complain(b, "E0368", e->span, "what is given has shape %s, but %s is %s", shape_text(b, a->shape), v->name.text, shape_text(b, v->shape));
    if (v->where.source) diag_note(d, v->where, "%s gets its shape here", v->name.text);
    return NULL;
}

/* Reals cannot stand where states are counted. */
static bool takes_values(Inference *x, const Binder *v, const Value *a, Span span)
{
    bool finite = v->typed && (v->domain.kind == CLASS_WHOLE || v->domain.kind == CLASS_SPIN);
    if (!finite || a->node->op == OP_const || a->domain.kind == CLASS_WHOLE || a->domain.kind == CLASS_SPIN) return true;
    Diagnostic *d = complain(x->b, "E0320", span, "%s takes values of %s, but what is given has reals", v->name.text,
                             arena_format(x->b->arena, v->domain.kind == CLASS_SPIN ? "{%g, %g}" : "{%g..%g}", v->domain.low, v->domain.high));
    diag_help(d, "a class comes from data with classes(n), from argmin, argmax or choose, from a comparison, or from a whole number");
    return false;
}

static bool nothing_masked(const Value *mask) { return mask->node->op == OP_const && mask->node->value == 0; }

static bool set_pair(Inference *x, Given *g, int pair, int binder, const Shape *items)
{
    const Expr *const *e = (const Expr *const *)x->infer->given.at + 2 * pair;
    const Binder *v = &x->at[binder];
    Value *mask = given_array(x, e[0], v, items), *value = mask ? given_array(x, e[1], v, items) : NULL;
    if (!value || !takes_values(x, v, value, e[1]->span)) return false;
    if (nothing_masked(mask)) return true;
    g->mask[binder] = mask;
    g->value[binder] = value;
    return true;
}

/* Which of several names a single pair is for: the one that has its shape. */
static int binder_of_pair(Inference *x, int names, const Shape *items)
{
    Builder *b = x->b;
    Value *mask = eval(b, x->scope, x->infer->given.at[0]);
    if (mask->kind == VALUE_NONE) return -1;
    int found = -1, n = 0;
    for (int i = 0; mask->kind == VALUE_ARRAY && mask->shape.n && i < names; i++) {
        const Binder *v = &x->at[i];
        int extra = mask->shape.n - v->shape.n;
        Shape own = { 0 };
        for (int k = 0; k < v->shape.n && extra >= 0; k++) own.at[own.n++] = mask->shape.at[extra + k];
        if (!v->has_shape || extra < 0 || extra > items->n || !same_sizes(&own, &v->shape)) continue;
        found = i;
        n++;
    }
    if (n == 1) return found;
    Diagnostic *d = complain(b, "E0368", pair_span(x, 0), "which of the %d names this mask is for cannot be told from its shape", names);
    diag_help(d, "write a mask and values for each: given 0, 0, mask, v leaves the first one free");
    return -1;
}

bool set_given(Inference *x, Shape items)
{
    Builder *b = x->b;
    int pairs = x->infer->given.n / 2, names = x->infer->names.n;
    if (!pairs) return true;
    Given *g = ARENA_NEW(b->arena, Given);
    if (pairs == 1 && names > 1) {
        int binder = binder_of_pair(x, names, &items);
        if (binder < 0 || !set_pair(x, g, 0, binder, &items)) return false;
    } else if (pairs != names) {
        complain(b, "E0368", pair_span(x, 0), "given has %d pairs of a mask and values, but %d names are sought", pairs, names);
        return false;
    } else for (int i = 0; i < pairs; i++) if (!set_pair(x, g, i, i, &items)) return false;
    for (int i = 0; i < names; i++) if (g->mask[i]) b->at.given = g;
    return true;
}

Value *with_observed(Builder *b, const Given *g, int binder, Value *x, Span span)
{
    if (!g || !g->mask[binder] || x->kind != VALUE_ARRAY) return x;
    Value *r = map_values(b, OP_select, g->mask[binder], g->value[binder], x, span, "given");
    if (r->kind == VALUE_ARRAY) r->domain = x->domain;
    return r;
}

Value *all_observed(Builder *b, const Given *g, Value *r, Span span)
{
    if (!g || r->kind != VALUE_BUNDLE) return with_observed(b, g, 0, r, span);
    Value *all[MAX_BINDERS];
    for (int i = 0; i < r->n_items; i++) all[i] = with_observed(b, g, i, r->items[i], span);
    return together(b, all, r->n_items);
}

/* free(E, x), in a solver: 1 where x may move, 0 where it is given. */
static Value *free_part(Builder *b, const Given *g, int binder, const Value *x)
{
    Node *one = graph_const(b->g, 1);
    if (!g || !g->mask[binder]) return array(b, one, x->shape);
    return array(b, graph_map(b->g, OP_eq, aligned(b, g->mask[binder], x->shape), graph_const(b->g, 0), NULL), x->shape);
}

Value *free_places(Builder *b, const CallArgs *args)
{
    const Value *e = args->at[0].value, *x = args->at[1].value;
    if (e->kind == VALUE_NONE || x->kind == VALUE_NONE) return b->none;
    if (e->kind != VALUE_FUNCTION || (x->kind != VALUE_ARRAY && x->kind != VALUE_BUNDLE)) {
        complain(b, "E0306", args->span, "free takes a solver's energy and what it moves, but these are %s and %s", value_text(b, e), value_text(b, x));
        return b->none;
    }
    if (x->kind == VALUE_ARRAY) return free_part(b, e->fn->given, 0, x);
    Value *all[MAX_BINDERS];
    for (int i = 0; i < x->n_items && i < MAX_BINDERS; i++) all[i] = free_part(b, e->fn->given, i, x->items[i]);
    return together(b, all, x->n_items < MAX_BINDERS ? x->n_items : MAX_BINDERS);
}

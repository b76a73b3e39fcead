/* equation.c: reductions and index equations: y[o] = sum[i] W[o,i] * x[i].  An index name is a hidden axis while its equation is built. */
#include <string.h>
#include "lang/graph/range.h"

/* ---- reductions ---- */

/* Binds the indices in `inner` as hidden axes. */
static void bind_indices(Search *s, Scope *inner, Shape *axes)
{
    Builder *b = s->b;
    for (int i = 0; i < s->n_sought; i++) {
        Axis a = hidden_axis(b, s->at[i].high - s->at[i].low, INDEX_AXIS);
        b->at.hidden = axes_with(b->at.hidden, a);
        axes->at[axes->n++] = a;
        Binding *x = bind(b, inner, s->at[i].name, NULL, s->at[i].span);
        x->kind = BINDING_INDEX;
        x->axis = a;
        x->low = s->at[i].low;
    }
}

static Value *reduced(Builder *b, const Expr *e, const Search *s, Shape axes, Value *v);

/* Each of several arrays by itself. */
static Value *reduced_each(Builder *b, const Expr *e, const Search *s, Shape axes, const Value *v)
{
    Value *r = value_new(b, VALUE_BUNDLE);
    r->n_items = v->n_items;
    r->items = ARENA_ARRAY(b->arena, Value *, v->n_items);
    for (int i = 0; i < v->n_items; i++) {
        r->items[i] = reduced(b, e, s, axes, v->items[i]);
        if (r->items[i]->kind == VALUE_NONE) return b->none;
    }
    return r;
}

Value *eval_reduction(Builder *b, Scope *scope, const Expr *e)
{
    Search s = { .b = b, .scope = scope };
    for (int i = 0; i < e->n_subscripts; i++) range_add(&s, &e->subscripts[i]);
    range_search(&s, e->kid[0]);
    if (!range_settle(&s)) return b->none;
    Axes before = b->at.hidden;
    Scope *inner = scope_new(b, scope);
    Shape axes = { 0 };
    bind_indices(&s, inner, &axes);
    Value *v = eval(b, inner, e->kid[0]);
    b->at.hidden = before;
    return v->kind == VALUE_BUNDLE ? reduced_each(b, e, &s, axes, v) : reduced(b, e, &s, axes, v);
}

static Value *reduced(Builder *b, const Expr *e, const Search *s, Shape axes, Value *v)
{
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
        r->node = graph_along(b->g, name[4] == 'i' ? OP_argmin : OP_argmax, node, axes.at[0], false);
        if (s->at[0].low) r->node = graph_map(b->g, OP_add, r->node, graph_const(b->g, (double)s->at[0].low), NULL);
        r->domain = (Domain){ CLASS_WHOLE, (double)s->at[0].low, (double)s->at[0].high - 1 };
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

/* The left side of an equation. */
typedef struct Left {
    const Expr *lhs, *name;
    Binding *cell;              /* what a primed name stands for */
    Value *base;                /* its present value, where places of it are written */
    bool scatters, bare[MAX_AXES];
} Left;

/* Index names alone, of an array that places are written in, run along its axes. */
static bool fix_by_base(Builder *b, Search *s, const Left *left, const Value *base)
{
    const Expr *lhs = left->lhs;
    if (!range_count_fits(b, lhs, base)) return false;
    for (int p = 0; p < lhs->n_subscripts; p++)
        if (left->bare[p]) range_fix(s, lhs->subscripts[p].at->name.text, axis_size(base->shape.at[p]), lhs->subscripts[p].span);
    return true;
}

static bool read_left(Builder *b, Search *s, Left *left)
{
    const Expr *lhs = left->lhs;
    for (int p = 0; p < lhs->n_subscripts && p < MAX_AXES; p++) {
        const Subscript *x = &lhs->subscripts[p];
        const Expr *i = x->kind == SUBSCRIPT_AT ? x->at : x->kind == SUBSCRIPT_SLICE ? x->low : NULL;
        left->bare[p] = i && i->kind == EXPR_NAME;
        if (left->bare[p]) range_add(s, x);
        else left->scatters = true;
    }
    left->cell = lookup(s->scope, left->name->name.text);
    if (!left->scatters) {
        const Value *present = left->cell && left->name->kind == EXPR_PRIMED ? left->cell->value : NULL;
        for (int p = 0; present && present->kind == VALUE_ARRAY && p < lhs->n_subscripts && p < present->shape.n; p++)
            if (lhs->subscripts[p].kind == SUBSCRIPT_AT) range_suppose(s, lhs->subscripts[p].at->name.text, axis_size(present->shape.at[p]));
        return true;
    }
    left->base = left->cell ? left->cell->value : NULL;
    if (!left->base || left->name->kind != EXPR_PRIMED) {
        Diagnostic *d = complain(b, "E0315", lhs->span, "computed places can be written only into the next value of something: %s'[..] = ..", left->name->name.text);
        diag_help(d, "index names alone on the left side make a new array");
        return false;
    }
    for (int p = 0; p < lhs->n_subscripts; p++) if (!left->bare[p]) range_add_free(s, lhs->subscripts[p].at);
    if (left->base->kind == VALUE_ARRAY) return fix_by_base(b, s, left, left->base);
    for (int i = 0; left->base->kind == VALUE_BUNDLE && i < left->base->n_items; i++) if (!fix_by_base(b, s, left, left->base->items[i])) return false;
    if (left->base->kind != VALUE_BUNDLE && left->base->kind != VALUE_NONE)
        complain(b, "E0302", lhs->span, "%s has no places to write: it is %s", left->name->name.text, value_text(b, left->base));
    return left->base->kind == VALUE_BUNDLE;
}

static bool starts_at_zero(Builder *b, Search *s)
{
    for (int i = 0; i < s->n_sought; i++) {
        if (s->at[i].low <= 0) continue;
        Diagnostic *d = complain(b, "E0313", s->at[i].span, "index %s of the left side starts at 0, but the right side can only start at %lld", s->at[i].name, (long long)s->at[i].low);
        diag_help(d, "shift the subscripts: [%s+1] in place of [%s], or wrap with mod", s->at[i].name, s->at[i].name);
        return false;
    }
    return true;
}

/* Into one array, or into each of several its own value, or one for all. */
static Value *scatter_each(Builder *b, Scope *inner, const Left *left, Value *v, Shape axes)
{
    const Value *base = left->base;
    if (base->kind == VALUE_ARRAY && v->kind == VALUE_ARRAY) return scatter(b, inner, left->lhs, left->base, v, axes, left->bare);
    if (base->kind != VALUE_BUNDLE || (v->kind == VALUE_BUNDLE && v->n_items != base->n_items)) {
        complain(b, "E0306", left->lhs->span, "the left side is %s, but the value is %s", value_text(b, base), value_text(b, v));
        return b->none;
    }
    Value *r = value_new(b, VALUE_BUNDLE);
    r->n_items = base->n_items;
    r->items = ARENA_ARRAY(b->arena, Value *, base->n_items);
    for (int i = 0; i < base->n_items; i++) {
        r->items[i] = scatter(b, inner, left->lhs, base->items[i], v->kind == VALUE_BUNDLE ? v->items[i] : v, axes, left->bare);
        if (r->items[i]->kind == VALUE_NONE) return r->items[i];
    }
    return r;
}

static Value *right_side(Builder *b, Search *s, const Stmt *st, const Left *left)
{
    Axes before = b->at.hidden;
    Scope *inner = scope_new(b, s->scope);
    Shape axes = { 0 };
    bind_indices(s, inner, &axes);
    Value *v = st->draw ? eval_drawn(b, inner, st->value, NULL, left->name->name.text) : eval(b, inner, st->value);
    stand_at(b, st->span);
    bool numbers = v->kind == VALUE_ARRAY || v->kind == VALUE_BUNDLE;
    if (numbers && left->scatters) v = scatter_each(b, inner, left, v, axes);
    b->at.hidden = before;
    if (numbers && !left->scatters) v = make_visible(b, v, axes);
    if (v->kind == VALUE_NONE || v->kind == VALUE_BUNDLE) return v;
    if (v->kind != VALUE_ARRAY) {
        complain(b, "E0306", st->value->span, "an index equation gives numbers, but this is %s", value_text(b, v));
        return b->none;
    }
    Value *plain = ARENA_NEW(b->arena, Value);
    *plain = *v;
    plain->fields = NULL;
    return plain;
}

/* target[..] = value */
void eval_equation(Builder *b, Scope *scope, const Stmt *st)
{
    Search s = { .b = b, .scope = scope };
    Left left = { .lhs = st->targets.at[0], .name = st->targets.at[0]->kid[0] };
    Value *v = b->none;
    if (read_left(b, &s, &left)) {
        range_search(&s, st->value);
        for (int p = 0; left.scatters && p < left.lhs->n_subscripts; p++) if (!left.bare[p]) range_search(&s, left.lhs->subscripts[p].at);
        if (range_settle(&s) && starts_at_zero(b, &s)) v = right_side(b, &s, st, &left);
    }
    const Expr *name = left.name;
    if (name->kind != EXPR_PRIMED) bind(b, scope, name->name.text, v, name->span);
    else if (left.cell) assign_next(b, left.cell, v, st->span);
    else complain(b, "E0201", name->span, "nothing is called `%s`", name->name.text);
}

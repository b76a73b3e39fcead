/* expr.c: expressions: numbers, names, operators, arrays, fields, conditions. */
#include <math.h>
#include <string.h>
#include "lang/graph/builder.h"

Scope *scope_new(Builder *b, Scope *outer)
{
    Scope *s = ARENA_NEW(b->arena, Scope);
    s->outer = outer;
    return s;
}

Binding *bind(Builder *b, Scope *scope, const char *name, Value *value, Span span)
{
    Binding *x = ARENA_NEW(b->arena, Binding);
    x->name = name;
    x->value = value;
    x->span = span;
    x->below = scope->last;
    scope->last = x;
    return x;
}

Binding *lookup(Scope *scope, const char *name)
{
    for (; scope; scope = scope->outer)
        for (Binding *x = scope->last; x; x = x->below)
            if (!strcmp(x->name, name)) return x;
    return NULL;
}

/* The text of an expression on one line, for labels and reports. */
const char *expr_text(Builder *b, const Expr *e)
{
    if (!e->span.source) return "";
    size_t n = e->span.end - e->span.start, at = 0;
    char *text = arena_alloc(b->arena, n + 1);
    bool space = false;
    for (size_t i = 0; i < n; i++) {
        char c = e->span.source->text[e->span.start + i];
        if (c == ' ' || c == '\n' || c == '\t') { space = at > 0; continue; }
        if (space) text[at++] = ' ';
        space = false;
        text[at++] = c;
    }
    text[at] = 0;
    return text;
}

/* Whether the name was reported as unknown already, at another place. */
static bool is_blamed(const Builder *b, const char *name)
{
    char quoted[128];
    snprintf(quoted, sizeof quoted, "`%s`", name);
    for (const Diagnostic *d = b->diagnostics->first; d; d = d->next)
        if (!strcmp(d->code, "E0201") && strstr(d->message, quoted)) return true;
    return false;
}

static Value *unknown_name(Builder *b, Scope *scope, const char *name, Span span)
{
    if (b->damaged || is_blamed(b, name)) return b->none;
    const char *all[1024];
    int n = 0;
    for (Scope *s = scope; s; s = s->outer)
        for (Binding *x = s->last; x && n < 1000; x = x->below) all[n++] = x->name;
    for (Global *g = b->first_global; g && n < 1000; g = g->order) all[n++] = g->name;
    for (int i = 0; builtin_at(i) && n < 1020; i++) all[n++] = builtin_at(i)->name;
    Diagnostic *d = complain(b, "E0201", span, "nothing is called `%s`", name);
    const char *near = nearest_name(name, all, n);
    if (near) diag_help(d, "did you mean `%s`?", near);
    return b->none;
}

static Value *index_value(Builder *b, const Binding *x)
{
    Node *iota = graph_iota(b->g, x->axis);
    Value *v = array(b, x->low ? graph_map(b->g, OP_add, iota, graph_const(b->g, (double)x->low), NULL) : iota, shape_none());
    v->domain = (Domain){ CLASS_WHOLE, (double)x->low, (double)(x->low + axis_size(x->axis) - 1) };
    return v;
}

static Value *truth(Builder *b, bool is)
{
    Value *v = number(b, is);
    v->domain = (Domain){ CLASS_WHOLE, is, is };
    return v;
}

static Value *eval_name(Builder *b, Scope *scope, const Expr *e)
{
    stand_at(b, e->span);
    Binding *x = lookup(scope, e->name.text);
    if (x) {
        if (x->kind == BINDING_INDEX) return index_value(b, x);
        return x->value ? x->value : b->none;
    }
    Value *v = global_value(b, e->name.text, e->span);
    if (v) {
        if (v->kind == VALUE_FUNCTION) {
            return function_at(b, v->fn, b->at.run, e);
        }
        return v;
    }
    const char *n = e->name.text;
    if (!strcmp(n, "true") || !strcmp(n, "false")) return truth(b, n[0] == 't');
    if (!strcmp(n, "training")) return truth(b, is_training(b));
    if (!strcmp(n, "pi")) return number(b, 3.14159265358979323846);
    if (!strcmp(n, "inf")) return number(b, INFINITY);
    if (!strcmp(n, "zeros")) {
        Value *z = value_new(b, VALUE_ZEROS);
        return z;
    }
    const Builtin *f = builtin_named(n);
    if (f) {
        Closure *c = ARENA_NEW(b->arena, Closure);
        c->kind = CLOSURE_BUILTIN;
        c->builtin = f;
        c->name = f->name;
        c->span = e->span;
        return function_value(b, c);
    }
    return unknown_name(b, scope, n, e->span);
}

static Value *eval_primed(Builder *b, Scope *scope, const Expr *e)
{
    Binding *x = lookup(scope, e->name.text);
    if (!x) return unknown_name(b, scope, e->name.text, e->span);
    if (x->next) return x->next;
    Diagnostic *d = complain(b, "E0212", e->span, "%s' is read before it is given a value", e->name.text);
    diag_help(d, "%s is its present value; %s' may be read after an equation for it", e->name.text, e->name.text);
    return b->none;
}

static Value *eval_number(Builder *b, const Expr *e)
{
    stand_at(b, e->span);
    Value *v = number(b, e->number);
    if (e->number == floor(e->number) && fabs(e->number) < 1e15) v->domain = (Domain){ CLASS_WHOLE, e->number, e->number };
    v->unit = e->kind == EXPR_QUANTITY ? e->unit : UNIT_NONE;
    return v;
}

static Value *list_of_strings(Builder *b, Value **v, int n, Span span)
{
    const char **at = ARENA_ARRAY(b->arena, const char *, n);
    for (int i = 0; i < n; i++) {
        if (v[i]->kind != VALUE_STRING) {
            complain(b, "E0306", span, "a list of strings holds strings alone, but one of its places is %s", value_text(b, v[i]));
            return b->none;
        }
        at[i] = v[i]->string;
    }
    return texts_value(b, at, n, NULL, "text");
}

/* [n, ..S] where S is the rest of member number `part` of what has several arrays; null after a report. */
static Value *shape_for(Builder *b, Scope *scope, const Expr *e, int part)
{
    int64_t dims[MAX_AXES];
    int at = 0;
    for (int i = 0; i < e->list.n; i++) {
        const Expr *x = e->list.at[i];
        if (x->kind != EXPR_REST) {
            Value *v = eval(b, scope, x);
            if (at >= MAX_AXES - 2 || !want_size(b, v, x->span, "a size", &dims[at])) return NULL;
            at++;
            continue;
        }
        Binding *s = lookup(scope, x->name.text);
        const Value *of = !s ? b->none : s->value->kind == VALUE_BUNDLE && part < s->value->n_items ? s->value->items[part] : s->value;
        if (of->kind != VALUE_SHAPE && of->kind != VALUE_ARRAY) {
            if (!s || of->kind != VALUE_NONE) complain(b, "E0303", x->span, "..%s is not the rest of a shape here", x->name.text);
            return NULL;
        }
        for (int k = 0; k < of->shape.n && at < MAX_AXES - 2; k++) dims[at++] = axis_size(of->shape.at[k]);
    }
    Value *v = value_new(b, VALUE_SHAPE);
    v->shape = shape_fresh(dims, at);
    return v;
}

/* A shape; of the rest of several arrays, an array of zeros for each: what `like` would give. */
static Value *listed_shape(Builder *b, Scope *scope, const Expr *e)
{
    int parts = 0;
    for (int i = 0; i < e->list.n; i++) {
        const Binding *s = e->list.at[i]->kind == EXPR_REST ? lookup(scope, e->list.at[i]->name.text) : NULL;
        if (s && s->value->kind == VALUE_BUNDLE) parts = s->value->n_items;
    }
    Value *r = value_new(b, VALUE_BUNDLE);
    r->n_items = parts;
    r->items = ARENA_ARRAY(b->arena, Value *, parts + 1);
    for (int i = 0; i < parts || !i; i++) {
        Value *shape = shape_for(b, scope, e, i);
        if (!shape || !parts) return shape ? shape : b->none;
        r->items[i] = array(b, graph_const(b->g, 0), shape->shape);
    }
    return r;
}

static Value *eval_array(Builder *b, Scope *scope, const Expr *e)
{
    int n = e->list.n;
    bool rest = false;
    for (int i = 0; i < n; i++) rest |= e->list.at[i]->kind == EXPR_REST;
    if (!n) {
        Value *v = value_new(b, VALUE_SHAPE);   /* [] as a shape: a scalar */
        return v;
    }
    if (!rest) {
        Value **v = ARENA_ARRAY(b->arena, Value *, n);
        bool bad = false;
        for (int i = 0; i < n; i++) bad |= (v[i] = eval(b, scope, e->list.at[i]))->kind == VALUE_NONE;
        if (!bad && v[0]->kind == VALUE_STRING) return list_of_strings(b, v, n, e->span);
        return bad ? b->none : stack_values(b, v, n, e->span);
    }
    return listed_shape(b, scope, e);
}

static Value *eval_like(Builder *b, Scope *scope, const Expr *e)
{
    Binding *x = lookup(scope, e->name.text);
    Value *of = x ? x->value : global_value(b, e->name.text, e->span);
    if (!of) return unknown_name(b, scope, e->name.text, e->span);
    if (of->kind == VALUE_NONE) return b->none;
    if (of->kind == VALUE_BUNDLE) return of;
    if (of->kind != VALUE_ARRAY) {
        complain(b, "E0303", e->span, "`like %s` needs an array, but it is %s", e->name.text, value_text(b, of));
        return b->none;
    }
    Value *v = value_new(b, VALUE_SHAPE);
    v->shape = shape_refresh(of->shape);
    return v;
}

/* ---- operators ---- */

static const char *const binary_sign[] = {
    [BINARY_ADD] = "+", [BINARY_SUB] = "-", [BINARY_MUL] = "*", [BINARY_DIV] = "/", [BINARY_MOD] = "mod", [BINARY_POW] = "^",
    [BINARY_LT] = "<", [BINARY_GT] = ">", [BINARY_LE] = "<=", [BINARY_GE] = ">=", [BINARY_EQ] = "==", [BINARY_NE] = "!=",
    [BINARY_AND] = "and", [BINARY_OR] = "or"
};

static Value *closure_sum(Builder *b, Value *x, Value *y, Span span)
{
    Closure *c = ARENA_NEW(b->arena, Closure);
    c->kind = CLOSURE_SUM;
    c->a = x->fn;
    c->b = y->fn;
    c->span = span;
    c->name = "a sum of energies";
    return function_value(b, c);
}

static Value *closure_scale(Builder *b, Value *scale, Value *f, Span span)
{
    Closure *c = ARENA_NEW(b->arena, Closure);
    c->kind = CLOSURE_SCALE;
    c->scale = scale;
    c->a = f->fn;
    c->span = span;
    c->name = "a scaled energy";
    return function_value(b, c);
}

static Value *plots_together(Builder *b, Value *x, Value *y)
{
    Value *v = value_new(b, VALUE_PLOT);
    v->n_layers = v->n_items = x->n_layers + y->n_layers;
    v->layers = ARENA_ARRAY(b->arena, PlotLayer, v->n_layers);
    v->items = ARENA_ARRAY(b->arena, Value *, v->n_layers);
    memcpy(v->items, x->items, sizeof(Value *) * (size_t)x->n_layers);
    memcpy(v->items + x->n_layers, y->items, sizeof(Value *) * (size_t)y->n_layers);
    memcpy(v->layers, x->layers, sizeof(PlotLayer) * (size_t)x->n_layers);
    memcpy(v->layers + x->n_layers, y->layers, sizeof(PlotLayer) * (size_t)y->n_layers);
    return v;
}

/* Terms live on through sums of energies and through scaling by a number. */
static void keep_terms(Builder *b, Value *r, int op, Value *x, Value *y)
{
    if (r->kind != VALUE_ARRAY) return;
    if (op == BINARY_ADD && (x->fields || y->fields) && same_sizes(&x->shape, &y->shape)) {
        for (Field *f = x->fields; f; f = f->next) field_add(b, &r->fields, f->name, f->value);
        for (Field *f = y->fields; f; f = f->next) if (!field_of(r, f->name)) field_add(b, &r->fields, f->name, f->value);
    }
}

static Value *combine(Builder *b, const Expr *e, Value *x, Value *y)
{
    const char *sign = binary_sign[e->op];
    Span span = e->op_span.source ? e->op_span : e->span;
    if (x->kind == VALUE_NONE || y->kind == VALUE_NONE) return b->none;
    if (e->op == BINARY_ADD && x->kind == VALUE_FUNCTION && y->kind == VALUE_FUNCTION) return closure_sum(b, x, y, e->span);
    if (e->op == BINARY_MUL && x->kind == VALUE_ARRAY && y->kind == VALUE_FUNCTION) return closure_scale(b, x, y, e->span);
    if (e->op == BINARY_ADD && x->kind == VALUE_PLOT && y->kind == VALUE_PLOT) return plots_together(b, x, y);
    Value *r;
    switch ((Binary)e->op) {
    case BINARY_ADD: r = map_values(b, OP_add, x, y, NULL, span, sign); break;
    case BINARY_SUB: r = map_values(b, OP_sub, x, y, NULL, span, sign); break;
    case BINARY_MUL: r = map_values(b, OP_mul, x, y, NULL, span, sign); break;
    case BINARY_DIV: r = map_values(b, OP_div, x, y, NULL, span, sign); break;
    case BINARY_MOD: r = map_values(b, OP_mod, x, y, NULL, span, sign); break;
    case BINARY_POW: r = map_values(b, OP_pow, x, y, NULL, span, sign); break;
    case BINARY_LT:  r = map_values(b, OP_lt, x, y, NULL, span, sign); break;
    case BINARY_GT:  r = map_values(b, OP_lt, y, x, NULL, span, sign); break;
    case BINARY_LE:  r = map_values(b, OP_le, x, y, NULL, span, sign); break;
    case BINARY_GE:  r = map_values(b, OP_le, y, x, NULL, span, sign); break;
    case BINARY_EQ:  r = map_values(b, OP_eq, x, y, NULL, span, sign); break;
    case BINARY_NE:  r = map_values(b, OP_ne, x, y, NULL, span, sign); break;
    case BINARY_AND: case BINARY_OR: {
        Value *zero = number(b, 0);
        x = map_values(b, OP_ne, x, zero, NULL, span, sign);
        y = map_values(b, OP_ne, y, zero, NULL, span, sign);
        r = map_values(b, e->op == BINARY_AND ? OP_min : OP_max, x, y, NULL, span, sign);
        break;
    }
    default: r = b->none;
    }
    keep_terms(b, r, e->op, x, y);
    return r;
}

static Value *eval_binary(Builder *b, Scope *scope, const Expr *e)
{
    Value *x = eval(b, scope, e->kid[0]);
    Value *y = eval(b, scope, e->kid[1]);
    return combine(b, e, x, y);
}

static Value *eval_unary(Builder *b, Scope *scope, const Expr *e)
{
    Value *x = eval(b, scope, e->kid[0]);
    if (x->kind == VALUE_NONE) return x;
    if (e->op == UNARY_NEG && x->kind == VALUE_FUNCTION) return closure_scale(b, number(b, -1), x, e->span);
    if (e->op == UNARY_NEG) {
        Value *r = map_values(b, OP_neg, x, NULL, NULL, e->span, "minus");
        if (r->kind == VALUE_ARRAY && x->domain.kind == CLASS_WHOLE) r->domain = (Domain){ CLASS_WHOLE, -x->domain.high, -x->domain.low };
        return r;
    }
    return map_values(b, OP_eq, x, number(b, 0), NULL, e->span, "not");
}

/* The domain of what is one of two values. */
static void set_either(Value *r, const Value *x, const Value *y)
{
    if (r->kind == VALUE_BUNDLE)
        for (int i = 0; i < r->n_items; i++) set_either(r->items[i], x->kind == VALUE_BUNDLE ? x->items[i] : x, y->kind == VALUE_BUNDLE ? y->items[i] : y);
    if (r->kind != VALUE_ARRAY) return;
    Domain a = x->domain, c = y->domain;
    if (a.kind == CLASS_WHOLE && c.kind == CLASS_WHOLE) r->domain = (Domain){ CLASS_WHOLE, fmin(a.low, c.low), fmax(a.high, c.high) };
    if (a.kind == CLASS_SPIN && c.kind == CLASS_SPIN && a.low == c.low && a.high == c.high) r->domain = a;
}

static Value *eval_if(Builder *b, Scope *scope, const Expr *e)
{
    Value *c = eval(b, scope, e->kid[0]);
    if (c->kind == VALUE_NONE) return c;
    if (is_known(c)) return eval(b, scope, e->kid[known(c) != 0 ? 1 : 2]);
    Value *x = eval(b, scope, e->kid[1]), *y = eval(b, scope, e->kid[2]);
    Value *r = map_values(b, OP_select, c, x, y, e->span, "if");
    set_either(r, x, y);
    return r;
}

static Value *eval_lambda(Builder *b, Scope *scope, const Expr *e)
{
    Closure *c = ARENA_NEW(b->arena, Closure);
    c->kind = CLOSURE_LAMBDA;
    c->name = "fn";
    c->lambda = (Expr *)e;
    c->root = b->at.root;
    c->scope = scope;
    c->run = b->at.run;
    c->owner = b->at.owner;
    c->span = e->span;
    return function_value(b, c);
}

Value *eval(Builder *b, Scope *scope, const Expr *e)
{
    switch (e->kind) {
    case EXPR_NUMBER: case EXPR_QUANTITY: return eval_number(b, e);
    case EXPR_STRING: {
        Value *v = value_new(b, VALUE_STRING);
        v->string = e->string;
        return v;
    }
    case EXPR_NAME:   return eval_name(b, scope, e);
    case EXPR_PRIMED: return eval_primed(b, scope, e);
    case EXPR_LIKE:   return eval_like(b, scope, e);
    case EXPR_ARRAY:  return eval_array(b, scope, e);
    case EXPR_REST:   complain(b, "E0303", e->span, "..%s stands only inside the brackets of a shape", e->name.text); return b->none;
    case EXPR_CALL:   return eval_call(b, scope, e);
    case EXPR_INDEX:  return eval_subscripts(b, scope, e);
    case EXPR_FIELD:  return eval_field(b, scope, e);
    case EXPR_UNARY:  return eval_unary(b, scope, e);
    case EXPR_BINARY: return eval_binary(b, scope, e);
    case EXPR_REDUCE: return eval_reduction(b, scope, e);
    case EXPR_IF:     return eval_if(b, scope, e);
    case EXPR_LAMBDA: return eval_lambda(b, scope, e);
    case EXPR_PIPE:   return eval_pipe(b, scope, e);
    case EXPR_INFER:  return eval_inference(b, scope, e);
    }
    return b->none;
}

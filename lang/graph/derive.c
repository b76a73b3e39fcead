/* derive.c: grad[x](e), hvp[x](e, v), jvp[x](y, v), laplacian[x](e). */
#include <string.h>
#include "lang/grad/grad.h"
#include "lang/graph/builder.h"

static const char *const derivatives[] = { "grad", "hvp", "jvp", "laplacian" };

bool is_derivative(const Expr *callee)
{
    if (callee->kind != EXPR_INDEX || callee->kid[0]->kind != EXPR_NAME) return false;
    for (int i = 0; i < 4; i++) if (!strcmp(callee->kid[0]->name.text, derivatives[i])) return true;
    return false;
}

/* ---- what a derivative is taken by ---- */

enum { MAX_WRT = 64 };
typedef struct Wrt { Value *value; int n; Node *node[MAX_WRT]; } Wrt;

static bool wrt_of(Builder *b, Scope *scope, const Expr *e, Wrt *w)
{
    const Expr *callee = e->kid[0];
    const Subscript *s = callee->subscripts;
    if (callee->n_subscripts != 1 || s->kind != SUBSCRIPT_AT || s->at->kind != EXPR_NAME) {
        Diagnostic *d = complain(b, "E0350", callee->span, "%s takes the name of one variable in brackets", callee->kid[0]->name.text);
        diag_help(d, "grad[x](e) is the derivative of e by x");
        return false;
    }
    w->value = eval(b, scope, s->at);
    if (w->value->kind == VALUE_NONE) return false;
    if (w->value->kind == VALUE_BUNDLE) {
        w->n = w->value->n_items > MAX_WRT ? MAX_WRT : w->value->n_items;
        for (int i = 0; i < w->n; i++) w->node[i] = w->value->items[i]->node;
        return true;
    }
    if (w->value->kind != VALUE_ARRAY) {
        complain(b, "E0350", s->at->span, "%s is %s: derivatives are taken by arrays", s->at->name.text, value_text(b, w->value));
        return false;
    }
    w->n = 1;
    w->node[0] = w->value->node;
    return true;
}

/* A name whose value is a constant, or a part of what e reads by other ways, gets a leaf of its own while e is built; it is replaced by
 * the value in the result. */
typedef struct Leaf { Node *leaf, *value; } Leaf;

static Scope *with_leaves(Builder *b, Scope *scope, const char *name, Wrt *w, Leaf *leaves, Span span)
{
    static const uint32_t first_leaf = 0x40000000u;
    Scope *inner = scope_new(b, scope);
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *w->value;
    if (r->kind == VALUE_BUNDLE) r->items = ARENA_ARRAY(b->arena, Value *, r->n_items);
    for (int i = 0; i < w->n; i++) {
        Value *one = r->kind == VALUE_BUNDLE ? w->value->items[i] : w->value;
        Axes axes = axes_of(one->shape);
        axes = axes_union(&axes, &w->node[i]->axes);
        axes = axes_union(&axes, &b->at.hidden);
        Node *leaf = graph_slot(b->g, first_leaf + graph_size(b->g), 0, axes);
        leaves[i] = (Leaf){ leaf, graph_spread(b->g, w->node[i], axes) };
        Value *v = ARENA_NEW(b->arena, Value);
        *v = *one;
        v->node = leaf;
        v->fields = NULL;
        v->n_items = 0;
        w->node[i] = leaf;
        if (r->kind == VALUE_BUNDLE) r->items[i] = v;
        else r = v;
    }
    bind(b, inner, name, r, span);
    return inner;
}

static bool mentions(const Expr *e, const char *name)
{
    if (!e) return false;
    if (e->kind == EXPR_NAME) return !strcmp(e->name.text, name);
    for (int i = 0; i < 3; i++) if (mentions(e->kid[i], name)) return true;
    for (int i = 0; i < e->list.n; i++) if (mentions(e->list.at[i], name)) return true;
    for (int i = 0; i < e->n_args; i++) if (mentions(e->args[i].value, name)) return true;
    for (int i = 0; i < e->n_subscripts; i++) if (mentions(e->subscripts[i].at, name)) return true;
    if (!e->infer) return false;
    for (int i = 0; i < e->infer->from.n; i++) if (mentions(e->infer->from.at[i], name)) return true;
    for (int i = 0; i < e->infer->given.n; i++) if (mentions(e->infer->given.at[i], name)) return true;
    return mentions(e->infer->of, name);
}

/* ---- items must not mix ---- */

/* Axes that e shows must be leading axes of x that nothing on the way has summed over or moved. */
static bool per_item(Builder *b, const Value *e, const Value *x, const Node *leaf, Span span)
{
    if (!e->shape.n) return true;
    if (e->shape.n <= x->shape.n) {
        bool leads = true;
        for (int i = 0; i < e->shape.n; i++) leads &= axis_size(e->shape.at[i]) == axis_size(x->shape.at[i]);
        bool crosses = false;
        for (int i = 0; leads && i < e->shape.n; i++) crosses |= crosses_items(b, e->node, e->shape.at[i], leaf, x->shape.at[i]);
        if (leads && !crosses) return true;
        if (leads) {
            diag_help(complain(b, "E0353", span, "this mixes the items of %s, so it has no derivative for each of them alone", shape_text(b, x->shape)),
                      "sum it for the derivative of all of them together: grad[..](sum(e)); what is the same for all items can be held constant with stop(..)");
            return false;
        }
    }
    Diagnostic *d = complain(b, "E0351", span, "the derivative of %s by an array %s is not one value for each item", value_text(b, e), shape_text(b, x->shape));
    diag_help(d, "take the derivative of a single number, such as sum(e), or of one energy for each item");
    return false;
}

/* ---- derivatives ---- */

static Value *result_like(Builder *b, const Wrt *w, Node **nodes)
{
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *w->value;
    r->fields = NULL;
    r->n_items = w->value->kind == VALUE_BUNDLE ? w->n : 0;
    r->domain = (Domain){ 0 };
    r->unit = UNIT_NONE;
    if (r->kind == VALUE_ARRAY) {
        r->node = nodes[0] ? nodes[0] : graph_const(b->g, 0);
        return r;
    }
    r->items = ARENA_ARRAY(b->arena, Value *, w->n);
    for (int i = 0; i < w->n; i++) {
        r->items[i] = ARENA_NEW(b->arena, Value);
        *r->items[i] = *w->value->items[i];
        r->items[i]->domain = (Domain){ 0 };
        r->items[i]->node = nodes[i] ? nodes[i] : graph_const(b->g, 0);
    }
    return r;
}

static bool gradient(Builder *b, Value *e, Wrt *w, Node **out)
{
    Node *one = graph_const(b->g, 1);
    Node *seed = graph_spread(b->g, one, e->node->axes);
    grad_reverse(b->g, &e->node, &seed, 1, w->node, w->n, out);
    bool any = false;
    for (int i = 0; i < w->n; i++) any |= out[i] != NULL;
    return any;
}

/* Tangents of the wrt from the value(s) of v. */
static bool tangents_of(Builder *b, const Wrt *w, const Value *v, Span span, Node **out)
{
    for (int i = 0; i < w->n; i++) {
        const Value *x = w->value->kind == VALUE_BUNDLE ? w->value->items[i] : w->value;
        const Value *t = v->kind == VALUE_BUNDLE ? (i < v->n_items ? v->items[i] : NULL) : v;
        if (!t || t->kind != VALUE_ARRAY || !same_sizes(&t->shape, &x->shape)) {
            complain(b, "E0301", span, "the direction must have the shape of the variable, %s, but it is %s", shape_text(b, x->shape), t ? value_text(b, t) : "missing");
            return false;
        }
        out[i] = relabel(b, t->node, t->shape, x->shape);
    }
    return true;
}

static Value *hessian_product(Builder *b, Value *e, Wrt *w, Value *v, Span span)
{
    Node *g[MAX_WRT], *t[MAX_WRT], *h[MAX_WRT], *outs[MAX_WRT], *result[MAX_WRT] = { 0 };
    if (!tangents_of(b, w, v, span, t) || !gradient(b, e, w, g)) return result_like(b, w, result);
    int n = 0;
    for (int i = 0; i < w->n; i++) if (g[i]) outs[n++] = g[i];
    grad_forward(b->g, outs, n, w->node, t, w->n, h);
    n = 0;
    for (int i = 0; i < w->n; i++) if (g[i]) result[i] = h[n++];
    return result_like(b, w, result);
}

static Value *directional(Builder *b, Value *y, Wrt *w, Value *v, Span span)
{
    Node *t[MAX_WRT], *r = NULL;
    if (!tangents_of(b, w, v, span, t)) return b->none;
    grad_forward(b->g, &y->node, 1, w->node, t, w->n, &r);
    return array(b, r ? r : graph_const(b->g, 0), y->shape);
}

/* Trace of the second derivative: all unit directions at once, along an axis of their own. */
static Value *laplacian(Builder *b, Value *e, Wrt *w, Span span)
{
    Node *g[MAX_WRT], *h = NULL;
    if (w->value->kind != VALUE_ARRAY) {
        complain(b, "E0350", span, "laplacian takes one array");
        return b->none;
    }
    gradient(b, e, w, g);
    if (!g[0]) return number(b, 0);
    Shape x = w->value->shape, lead = { 0 }, inner = { 0 };
    for (int i = 0; i < x.n; i++) { if (i < e->shape.n) lead.at[lead.n++] = x.at[i]; else inner.at[inner.n++] = x.at[i]; }
    Node *unit = graph_const(b->g, 1);
    Axes before = b->at.hidden, over = { 0 };
    for (int i = 0; i < inner.n; i++) {
        Axis k = hidden_axis(b, axis_size(inner.at[i]), INDEX_AXIS);
        b->at.hidden = axes_with(b->at.hidden, k);
        over = axes_with(axes_with(over, k), inner.at[i]);
        unit = graph_map(b->g, OP_mul, unit, graph_map(b->g, OP_eq, graph_iota(b->g, inner.at[i]), graph_iota(b->g, k), NULL), NULL);
    }
    b->at.hidden = before;
    grad_forward(b->g, &g[0], 1, w->node, &unit, 1, &h);
    if (!h) return number(b, 0);
    return array(b, graph_dot(b->g, h, unit, over), lead);
}

/* Next values that states of layers were given while e was built are of the value too, not of its leaf. */
static void settle_wishes(Builder *b, int from, Node **leaves, Node **values, int n)
{
    TrainBuild *t = b->at.train;
    for (int i = from; t && i < t->n_wishes; i++) graph_substitute(b->g, &t->wishes[i].node, 1, leaves, values, n);
}

/* Whether e varies along items or indices around that some of its variables lack: each place then has a derivative of its own. */
static bool varies_around(const Builder *b, const Value *e, const Wrt *w)
{
    Axes around = axes_common(&b->at.hidden, &e->node->axes);
    for (int i = 0; i < w->n; i++) if (!axes_within(&around, &w->node[i]->axes)) return true;
    return false;
}

/* e, built before, as a function of leaves that have these axes. */
static Value *in_leaves(Builder *b, const Value *e, Wrt *w, Leaf *leaves)
{
    Axes around = axes_common(&b->at.hidden, &e->node->axes);
    Node *from[MAX_WRT], *to[MAX_WRT];
    for (int i = 0; i < w->n; i++) {
        Axes axes = axes_union(&w->node[i]->axes, &around);
        from[i] = w->node[i];
        to[i] = w->node[i] = graph_variable(b->g, axes);
        leaves[i] = (Leaf){ to[i], graph_spread(b->g, from[i], axes) };
    }
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *e;
    graph_substitute(b->g, &r->node, 1, from, to, w->n);
    return r;
}

Value *eval_derivative(Builder *b, Scope *scope, const Expr *e)
{
    const Expr *callee = e->kid[0];
    const char *kind = callee->kid[0]->name.text, *name;
    bool two = !strcmp(kind, "hvp") || !strcmp(kind, "jvp");
    Wrt w;
    if (!wrt_of(b, scope, e, &w)) return b->none;
    name = callee->subscripts[0].at->name.text;
    if (e->n_args != (two ? 2 : 1)) {
        Diagnostic *d = complain(b, "E0332", e->span, "%s takes %s", kind, two ? "a value and a direction" : "one value");
        diag_help(d, two ? "use: %s[x](e, v)" : "use: %s[x](e)", kind);
        return b->none;
    }
    /* Where e is written in terms of the name itself, the name becomes a leaf, so that nothing reaches its value by another way. */
    Leaf leaves[MAX_WRT];
    bool leaf = mentions(e->args[0].value, name);
    Value *given = w.value;
    int wishes = b->at.train ? b->at.train->n_wishes : 0;
    Scope *inner = leaf ? with_leaves(b, scope, name, &w, leaves, callee->span) : scope;
    Value *v = eval(b, inner, e->args[0].value), *direction = two ? eval(b, scope, e->args[1].value) : NULL;
    if (v->kind == VALUE_NONE || (direction && direction->kind == VALUE_NONE)) return b->none;
    Span span = e->args[0].value->span;
    if (v->kind != VALUE_ARRAY) {
        complain(b, "E0350", span, "%s needs a number to differentiate, but this is %s", kind, value_text(b, v));
        return b->none;
    }
    if (!leaf && varies_around(b, v, &w)) {
        v = in_leaves(b, v, &w, leaves);
        leaf = true;
    }
    if (strcmp(kind, "jvp") != 0 && given->kind == VALUE_ARRAY && !per_item(b, v, given, w.node[0], span)) return b->none;
    stand_at(b, e->span);
    Value *r;
    Node *g[MAX_WRT] = { 0 };
    w.value = given;
    if (!strcmp(kind, "grad")) {
        if (!gradient(b, v, &w, g)) {
            Diagnostic *d = warn(b, "W0352", e->span, "%s does not depend on %s: the derivative is 0", expr_text(b, e->args[0].value), name);
            diag_help(d, "%s must be what the expression was computed from, not a copy of it", name);
        }
        r = result_like(b, &w, g);
    } else if (!strcmp(kind, "hvp")) r = hessian_product(b, v, &w, direction, e->args[1].value->span);
    else if (!strcmp(kind, "jvp")) r = directional(b, v, &w, direction, e->args[1].value->span);
    else r = laplacian(b, v, &w, span);
    if (!leaf || r->kind == VALUE_NONE) return r;
    Node *from[MAX_WRT], *to[MAX_WRT], *roots[MAX_WRT];
    int n = 0;
    for (int i = 0; i < w.n; i++) { from[i] = leaves[i].leaf; to[i] = leaves[i].value; }
    if (r->kind == VALUE_ARRAY) roots[n++] = r->node;
    else for (int i = 0; i < r->n_items; i++) roots[n++] = r->items[i]->node;
    graph_substitute(b->g, roots, n, from, to, w.n);
    settle_wishes(b, wishes, from, to, w.n);
    if (r->kind == VALUE_ARRAY) r->node = roots[0];
    else for (int i = 0; i < r->n_items; i++) r->items[i]->node = roots[i];
    return r;
}

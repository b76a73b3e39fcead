/* draws.c: the built-in functions that draw random values. */
#include "lang/graph/builtin.h"

/* The full shape of a draw: as given, or declared by the param or state it is for. */
static bool drawn_shape(Builder *b, const CallArg *a, const Value *like, Span span, const char *name, Shape *shape)
{
    if (b->at.in_energy) {
        Diagnostic *d = complain(b, "E0210", span, "an energy draws nothing: it must give one number for one configuration");
        diag_help(d, "draw in the regime, the solver or the train, and pass the values in");
        return false;
    }
    if (a) return shape_wanted(b, a->value, a->span, shape);
    if (like && like->kind == VALUE_ARRAY && like->shape.n) { *shape = shape_refresh(like->shape); return true; }
    if (b->at.drawn) { *shape = *b->at.drawn; return true; }
    Diagnostic *d = complain(b, "E0303", span, "%s needs a shape here", name);
    diag_help(d, "%s(.., [N, 2]) or %s(.., like x); the declared shape is taken only in param and state", name, name);
    return false;
}

/* An operand of a draw, which may have the last axes of the shape. */
static Value *trailing(Builder *b, Value *v, Shape shape, Span span)
{
    if (v->kind != VALUE_ARRAY || !v->shape.n) return v;
    Shape last = { 0 };
    for (int i = shape.n - v->shape.n; i >= 0 && i < shape.n; i++) last.at[last.n++] = shape.at[i];
    if (v->shape.n > shape.n || !same_sizes(&last, &v->shape)) {
        complain(b, "E0301", span, "the bounds have shape %s, but the draw has %s", shape_text(b, v->shape), shape_text(b, shape));
        return b->none;
    }
    return array(b, relabel(b, v->node, v->shape, last), shape);
}

Value *call_uniform(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    Shape shape;
    Value *low = array_argument(b, args, "low", 0), *high = array_argument(b, args, "high", 1);
    if (low->kind != VALUE_ARRAY || high->kind != VALUE_ARRAY) return b->none;
    if (!drawn_shape(b, argument(args, "shape", 2), NULL, args->span, "uniform", &shape)) return b->none;
    low = trailing(b, low, shape, args->at[0].span);
    high = trailing(b, high, shape, args->at[1].span);
    if (low->kind == VALUE_NONE || high->kind == VALUE_NONE) return b->none;
    Value *u = array(b, random_node(b, RANDOM_UNIFORM, 0, shape), shape);
    Value *width = map_values(b, OP_sub, high, low, NULL, args->span, "uniform");
    return map_values(b, OP_add, low, map_values(b, OP_mul, width, u, NULL, args->span, "uniform"), NULL, args->span, "uniform");
}

Value *call_normal(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    const CallArg *a = argument(args, "shape", 0);
    if (a && a->value->kind == VALUE_BUNDLE) {
        Value *r = value_new(b, VALUE_BUNDLE);
        r->n_items = a->value->n_items;
        r->items = ARENA_ARRAY(b->arena, Value *, r->n_items);
        for (int i = 0; i < r->n_items; i++) {
            Shape like = shape_refresh(a->value->items[i]->shape);
            r->items[i] = array(b, random_node(b, RANDOM_NORMAL, 0, like), like);
        }
        return r;
    }
    Shape shape;
    if (!drawn_shape(b, a, NULL, args->span, "normal", &shape)) return b->none;
    return array(b, random_node(b, RANDOM_NORMAL, 0, shape), shape);
}

Value *call_bernoulli(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    Shape shape;
    Value *p = array_argument(b, args, "p", 0);
    if (p->kind != VALUE_ARRAY || !drawn_shape(b, argument(args, "shape", 1), p, args->span, "bernoulli", &shape)) return b->none;
    p = trailing(b, p, shape, args->at[0].span);
    Value *u = array(b, random_node(b, RANDOM_UNIFORM, 0, shape), shape);
    Value *r = map_values(b, OP_lt, u, p, NULL, args->span, "bernoulli");
    if (r->kind == VALUE_ARRAY) r->domain = (Domain){ CLASS_WHOLE, 0, 1 };
    return r;
}

Value *call_spins(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    Shape shape;
    if (!drawn_shape(b, argument(args, "shape", 0), NULL, args->span, "spins", &shape)) return b->none;
    Node *u = random_node(b, RANDOM_UNIFORM, 0, shape), *half = graph_const(b->g, 0.5);
    Value *r = array(b, graph_map(b->g, OP_select, graph_map(b->g, OP_lt, u, half, NULL), graph_const(b->g, -1), graph_const(b->g, 1)), shape);
    r->domain = (Domain){ CLASS_SPIN, -1, 1 };
    return r;
}

/* A choice for each item of a mapped function: one is a scaled uniform draw; several are the first places of a random order. */
static Node *choose_for_items(Builder *b, int64_t n, Shape shape)
{
    Graph *g = b->g;
    if (axis_size(shape.at[0]) == 1) {
        Node *u = random_node(b, RANDOM_UNIFORM, 0, shape);
        Node *place = graph_map(g, OP_floor, graph_map(g, OP_mul, u, graph_const(g, (double)n), NULL), NULL, NULL);
        return graph_map(g, OP_min, place, graph_const(g, (double)n - 1), NULL);
    }
    Axis all = plain_axis(n, &shape);
    Node *order = graph_along(g, OP_argsort, random_node(b, RANDOM_UNIFORM, 0, (Shape){ 1, { all } }), all, false);
    Move first = { .n = 1 };
    first.at[0] = (Coord){ .from = all, .n = 1 };
    first.at[0].term[0].axis = shape.at[0];
    first.at[0].term[0].coef = 1;
    return graph_index(g, order, &first, axes_with(axes_without(order->axes, all), shape.at[0]));
}

Value *call_choose(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    int64_t n, k;
    if (!want_size(b, args->at[0].value, args->at[0].span, "how many there are to choose from", &n)) return b->none;
    if (!want_size(b, args->at[1].value, args->at[1].span, "how many are chosen", &k)) return b->none;
    if (k < 1 || k > n) {
        complain(b, "E0303", args->span, "%lld distinct ones cannot be chosen of %lld", (long long)k, (long long)n);
        return b->none;
    }
    Shape shape = shape_fresh(&k, 1);
    if (b->at.in_energy && !drawn_shape(b, NULL, NULL, args->span, "choose", &shape)) return b->none;
    bool mapped = false;
    for (int i = 0; i < b->at.hidden.n; i++) mapped |= axis_is_item(b->at.hidden.at[i]);
    Value *v = array(b, mapped ? choose_for_items(b, n, shape) : random_node(b, RANDOM_CHOOSE, n, shape), shape);
    v->domain = (Domain){ CLASS_WHOLE, 0, (double)n - 1 };
    return v;
}

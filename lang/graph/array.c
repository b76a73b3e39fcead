/* array.c: arrays as values: shapes, alignment, element-wise operations, hiding axes for mapped functions. */
#include <math.h>
#include <string.h>
#include "lang/graph/builder.h"

Value *value_new(Builder *b, ValueKind kind)
{
    Value *v = ARENA_NEW(b->arena, Value);
    v->kind = kind;
    return v;
}

Value *array(Builder *b, Node *node, Shape shape)
{
    Value *v = value_new(b, VALUE_ARRAY);
    v->node = node;
    v->shape = shape;
    return v;
}

Value *number(Builder *b, double x) { return array(b, graph_const(b->g, x), shape_none()); }

Shape shape_none(void) { return (Shape){ 0 }; }

Shape shape_join(Shape a, Shape b)
{
    for (int i = 0; i < b.n && a.n < MAX_AXES; i++) a.at[a.n++] = b.at[i];
    return a;
}

Axis plain_axis(int64_t size, const Shape *used)
{
    for (unsigned k = 0;; k++) {
        Axis a = axis_make(size, k);
        bool taken = false;
        for (int i = 0; used && i < used->n; i++) taken |= used->at[i] == a;
        if (!taken) return a;
    }
}

Shape shape_fresh(const int64_t *dims, int n)
{
    Shape s = { 0 };
    for (int i = 0; i < n; i++) {
        Axis a = plain_axis(dims[i], &s);
        s.at[s.n++] = a;
    }
    return s;
}

Shape shape_refresh(Shape shape)
{
    int64_t dims[MAX_AXES];
    for (int i = 0; i < shape.n; i++) dims[i] = axis_size(shape.at[i]);
    return shape_fresh(dims, shape.n);
}

Axis hidden_axis(Builder *b, int64_t size, unsigned flag)
{
    for (unsigned k = 0;; k++) {
        Axis a = axis_make(size, flag | k);
        if (!axes_have(&b->at.hidden, a)) return a;
    }
}

bool same_sizes(const Shape *a, const Shape *b)
{
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++) if (axis_size(a->at[i]) != axis_size(b->at[i])) return false;
    return true;
}

bool is_known(const Value *v) { return v->kind == VALUE_ARRAY && v->shape.n == 0 && v->node->op == OP_const; }
double known(const Value *v) { return v->node->value; }

bool want_known(Builder *b, const Value *v, Span span, const char *what, double *x)
{
    if (v->kind == VALUE_NONE) return false;
    if (is_known(v)) { *x = known(v); return true; }
    Diagnostic *d = complain(b, "E0305", span, "%s must be a number known before the run, but this is %s%s", what, value_text(b, v),
                             v->kind == VALUE_ARRAY && v->shape.n == 0 ? " that is computed" : "");
    diag_help(d, "sizes, loop bounds and settings of shapes come from options, settings and sizes of arrays");
    return false;
}

bool want_size(Builder *b, const Value *v, Span span, const char *what, int64_t *n)
{
    double x;
    if (!want_known(b, v, span, what, &x)) return false;
    if (x != floor(x) || x < 0 || x > 1e12) {
        complain(b, "E0305", span, x < 0 ? "%s must be 0 or more, not %g" : "%s must be a whole number, not %g", what, x);
        return false;
    }
    *n = (int64_t)x;
    return true;
}

/* The node with axes from[i] under the names to[i]. */
Node *relabel(Builder *b, Node *node, Shape from, Shape to)
{
    Move move = { 0 };
    Axes onto = node->axes;
    for (int i = 0; i < from.n; i++) {
        if (from.at[i] == to.at[i] || !axes_have(&node->axes, from.at[i])) continue;
        onto = axes_without(onto, from.at[i]);
    }
    for (int i = 0; i < from.n; i++) {
        if (from.at[i] == to.at[i] || !axes_have(&node->axes, from.at[i])) continue;
        Coord *c = &move.at[move.n++];
        c->from = from.at[i];
        c->n = 1;
        c->term[0].axis = to.at[i];
        c->term[0].coef = 1;
        onto = axes_with(onto, to.at[i]);
    }
    return move.n ? graph_index(b->g, node, &move, onto) : node;
}

Node *aligned(Builder *b, const Value *v, Shape to)
{
    return v->shape.n ? relabel(b, v->node, v->shape, to) : v->node;
}

Value *standard(Builder *b, Value *v)
{
    if (v->kind != VALUE_ARRAY || !v->shape.n) return v;
    Shape to = shape_refresh(v->shape);
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *v;
    r->node = relabel(b, v->node, v->shape, to);
    r->shape = to;
    return r;
}

Field *field_add(Builder *b, Field **list, const char *name, Value *value)
{
    Field *f = ARENA_NEW(b->arena, Field);
    f->name = name;
    f->value = value;
    while (*list) list = &(*list)->next;
    return *list = f;
}

Value *field_of(const Value *v, const char *name)
{
    for (Field *f = v->fields; f; f = f->next) if (!strcmp(f->name, name)) return f->value;
    return NULL;
}

/* ---- domains of results ---- */

static Domain result_domain(Op op, const Value *x, const Value *y)
{
    Domain whole = { CLASS_WHOLE, 0, 1 }, real = { 0 };
    switch (op) {
    case OP_lt: case OP_le: case OP_eq: case OP_ne: return whole;
    default: break;
    }
    if (op == OP_floor) return x->domain.kind == CLASS_WHOLE ? x->domain : x->floored;
    if (!y || x->domain.kind != CLASS_WHOLE || y->domain.kind != CLASS_WHOLE) return real;
    double a = x->domain.low, A = x->domain.high, c = y->domain.low, C = y->domain.high;
    switch (op) {
    case OP_add: return (Domain){ CLASS_WHOLE, a + c, A + C };
    case OP_sub: return (Domain){ CLASS_WHOLE, a - C, A - c };
    case OP_mul: return a >= 0 && c >= 0 ? (Domain){ CLASS_WHOLE, a * c, A * C } : real;
    case OP_max: return (Domain){ CLASS_WHOLE, fmax(a, c), fmax(A, C) };
    case OP_min: return (Domain){ CLASS_WHOLE, fmin(a, c), fmin(A, C) };
    case OP_mod: return is_known(y) && known(y) > 0 ? (Domain){ CLASS_WHOLE, 0, known(y) - 1 } : real;
    default:     return real;
    }
}

/* i / 2 is real, but its floor is whole: floor(i / 2) can be a subscript. */
static Domain floored_domain(Op op, const Value *x, const Value *y)
{
    if (op != OP_div || x->domain.kind != CLASS_WHOLE || y->domain.kind != CLASS_WHOLE || !is_known(y) || known(y) <= 0) return (Domain){ 0 };
    return (Domain){ CLASS_WHOLE, floor(x->domain.low / known(y)), floor(x->domain.high / known(y)) };
}

/* ---- element-wise operations ---- */

Value *bundle_map(Builder *b, Op op, Value *x, Value *y, Value *z, Span span, const char *sign)
{
    Value *all[3] = { x, y, z };
    int n = 0;
    for (int i = 0; i < 3; i++) {
        if (!all[i] || all[i]->kind != VALUE_BUNDLE) continue;
        if (n && all[i]->n_items != n) {
            complain(b, "E0307", span, "bundles of %d and %d cells do not go together", n, all[i]->n_items);
            return b->none;
        }
        n = all[i]->n_items;
    }
    Value *r = value_new(b, VALUE_BUNDLE);
    r->n_items = n;
    r->items = ARENA_ARRAY(b->arena, Value *, n);
    for (int k = 0; k < n; k++) {
        Value *part[3];
        for (int i = 0; i < 3; i++) part[i] = all[i] && all[i]->kind == VALUE_BUNDLE ? all[i]->items[k] : all[i];
        r->items[k] = map_values(b, op, part[0], part[1], part[2], span, sign);
        if (r->items[k]->kind == VALUE_NONE) return b->none;
    }
    return r;
}

static Value *refuse_operand(Builder *b, const Value *v, Span span, const char *sign)
{
    if (v->kind != VALUE_NONE)
        complain(b, "E0306", span, "%s needs numbers, but this is %s", sign, value_text(b, v));
    return b->none;
}

Value *map_values(Builder *b, Op op, Value *x, Value *y, Value *z, Span span, const char *sign)
{
    Value *all[3] = { x, y, z };
    for (int i = 0; i < 3; i++) {
        if (all[i] && all[i]->kind == VALUE_NONE) return b->none;
        if (all[i] && all[i]->kind == VALUE_BUNDLE) return bundle_map(b, op, x, y, z, span, sign);
    }
    const Value *shaped = NULL;
    for (int i = 0; i < 3; i++) {
        if (!all[i]) continue;
        if (all[i]->kind != VALUE_ARRAY) return refuse_operand(b, all[i], span, sign);
        if (!all[i]->shape.n) continue;
        if (shaped && !same_sizes(&shaped->shape, &all[i]->shape)) {
            Diagnostic *d = complain(b, "E0301", span, "%s needs equal shapes or a number, but these are %s and %s", sign,
                                     shape_text(b, shaped->shape), shape_text(b, all[i]->shape));
            diag_help(d, "nothing broadcasts by itself: write an index equation, such as  y[n, d] = x[n, d] + b[d]");
            return b->none;
        }
        if (!shaped) shaped = all[i];
    }
    stand_at(b, span);
    Node *n[3] = { 0 };
    for (int i = 0; i < 3; i++) if (all[i]) n[i] = shaped ? aligned(b, all[i], shaped->shape) : all[i]->node;
    Value *r = array(b, graph_map(b->g, op, n[0], n[1], n[2]), shaped ? shaped->shape : shape_none());
    r->domain = result_domain(op, x, y);
    r->floored = floored_domain(op, x, y);
    if (r->domain.kind == CLASS_REAL && y && x->domain.kind == CLASS_WHOLE && y->domain.kind == CLASS_WHOLE && is_known(r) && known(r) == floor(known(r)))
        r->domain = (Domain){ CLASS_WHOLE, known(r), known(r) };      /* 6 / 2 */
    return r;
}

/* ---- folds over everything visible ---- */

static Node *count_node(Builder *b, Shape s)
{
    double n = 1;
    for (int i = 0; i < s.n; i++) n *= (double)axis_size(s.at[i]);
    return graph_const(b->g, n);
}

static Value *fold_bundle(Builder *b, const char *name, Value *x, Span span)
{
    Value *r = NULL;
    double count = 0;
    bool mean = !strcmp(name, "mean");
    Op op = !strcmp(name, "max") || !strcmp(name, "any") ? OP_max : !strcmp(name, "min") || !strcmp(name, "all") ? OP_min : OP_add;
    for (int k = 0; k < x->n_items; k++) {
        Value *part = fold_values(b, mean ? "sum" : name, x->items[k], span);
        count += count_node(b, x->items[k]->shape)->value;
        r = r ? map_values(b, op, r, part, NULL, span, name) : part;
    }
    return mean && r ? map_values(b, OP_div, r, number(b, count), NULL, span, name) : r ? r : b->none;
}

/* argmin and argmax are functions of a vector: they map over the axes before the last. */
static Value *extreme_places(Builder *b, const char *name, Value *x, Span span)
{
    if (!x->shape.n) {
        Diagnostic *d = complain(b, "E0302", span, "%s needs a vector, but this is %s", name, value_text(b, x));
        diag_help(d, "name the index: %s[k] e[k]", name);
        return b->none;
    }
    Axis last = x->shape.at[x->shape.n - 1];
    Axes along = axes_one(last);
    Value *r = array(b, x->node, x->shape);
    r->shape.n--;
    r->node = graph_along(b->g, name[4] == 'i' ? OP_argmin : OP_argmax, graph_spread(b->g, x->node, axes_union(&x->node->axes, &along)), last, false);
    r->domain = (Domain){ CLASS_WHOLE, 0, (double)axis_size(last) - 1 };
    return standard(b, r);
}

Value *fold_values(Builder *b, const char *name, Value *x, Span span)
{
    if (x->kind == VALUE_BUNDLE) return fold_bundle(b, name, x, span);
    if (x->kind != VALUE_ARRAY) return refuse_operand(b, x, span, name);
    stand_at(b, span);
    Axes over = axes_of(x->shape);
    Value *r = array(b, x->node, shape_none());
    if (!strcmp(name, "argmin") || !strcmp(name, "argmax")) return extreme_places(b, name, x, span);
    if (!strcmp(name, "sum"))            r->node = graph_fold(b->g, OP_sum, x->node, over);
    else if (!strcmp(name, "mean"))      r->node = graph_map(b->g, OP_mul, graph_fold(b->g, OP_sum, x->node, over),
                                                             graph_const(b->g, 1 / count_node(b, x->shape)->value), NULL);
    else if (!strcmp(name, "prod"))      r->node = graph_fold(b->g, OP_prod, x->node, over);
    else if (!strcmp(name, "max"))       r->node = graph_fold(b->g, OP_maximum, x->node, over);
    else if (!strcmp(name, "min"))       r->node = graph_fold(b->g, OP_minimum, x->node, over);
    else if (!strcmp(name, "logsumexp")) r->node = graph_fold(b->g, OP_logsumexp, x->node, over);
    else {                               /* any, all */
        bool any = !strcmp(name, "any");
        r->node = graph_fold(b->g, any ? OP_maximum : OP_minimum, graph_map(b->g, OP_ne, x->node, graph_const(b->g, 0), NULL), over);
        r->domain = (Domain){ CLASS_WHOLE, 0, 1 };
    }
    if (x->domain.kind == CLASS_WHOLE && (!strcmp(name, "max") || !strcmp(name, "min"))) r->domain = x->domain;
    return r;
}

/* ---- hiding ---- */

static Shape tail(Shape s, int from)
{
    Shape r = { 0 };
    for (int i = from; i < s.n; i++) r.at[r.n++] = s.at[i];
    return r;
}

Value *hide(Builder *b, Value *v, Shape visible, Shape items)
{
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *v;
    Shape mine = { 0 };
    for (int i = 0; i < visible.n; i++) mine.at[mine.n++] = v->shape.at[i];
    r->node = relabel(b, v->node, mine, items);
    r->shape = tail(v->shape, visible.n);
    r->fields = NULL;
    r->n_items = 0;
    return standard(b, r);
}

static Value *unhide_array(Builder *b, Value *v, Shape items, Shape visible)
{
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *v;
    /* The frame comes first under the standard names, so what was visible moves out of its way. */
    Shape whole = shape_refresh(shape_join(visible, v->shape));
    Shape from = shape_join(items, v->shape);
    r->node = relabel(b, v->node, from, whole);
    r->shape = whole;
    r->n_items = 0;
    return r;
}

Value *unhide(Builder *b, Value *v, Shape items, Shape visible)
{
    if (!items.n) return v;
    Value *r = v;
    if (v->kind == VALUE_ARRAY) {
        r = unhide_array(b, v, items, visible);
    } else if (v->kind == VALUE_BUNDLE) {
        r = ARENA_NEW(b->arena, Value);
        *r = *v;
        r->items = ARENA_ARRAY(b->arena, Value *, v->n_items);
        for (int i = 0; i < v->n_items; i++) r->items[i] = unhide(b, v->items[i], items, visible);
    } else if (v->kind == VALUE_RECORD) {
        r = ARENA_NEW(b->arena, Value);
        *r = *v;
    } else return v;
    if (v->fields) {
        r->fields = NULL;
        for (Field *f = v->fields; f; f = f->next) field_add(b, &r->fields, f->name, unhide(b, f->value, items, visible));
    }
    return r;
}

/* ---- joining ---- */

/* Arrays of equal inner shapes joined along their first axis; scalars count for one place. */
static Value *join(Builder *b, Value **v, int n, bool stack, Span span)
{
    Shape inner = { 0 };
    bool have = false;
    int64_t total = 0;
    for (int i = 0; i < n; i++) {
        if (v[i]->kind == VALUE_NONE) return b->none;
        if (v[i]->kind != VALUE_ARRAY) return refuse_operand(b, v[i], span, stack ? "an array" : "concat");
        bool piece = stack || !v[i]->shape.n;
        Shape mine = piece ? v[i]->shape : tail(v[i]->shape, 1);
        total += piece ? 1 : axis_size(v[i]->shape.at[0]);
        if (have && !same_sizes(&inner, &mine)) {
            complain(b, "E0301", span, "parts of unlike shapes cannot be joined: %s and %s", shape_text(b, v[i ? i - 1 : 0]->shape), shape_text(b, v[i]->shape));
            return b->none;
        }
        inner = mine;
        have = true;
    }
    stand_at(b, span);
    int64_t dims[MAX_AXES] = { total };
    for (int i = 0; i < inner.n; i++) dims[i + 1] = axis_size(inner.at[i]);
    Shape whole = shape_fresh(dims, inner.n + 1), rest = tail(whole, 1);
    Node **in = ARENA_ARRAY(b->arena, Node *, n);
    Axis *part = ARENA_ARRAY(b->arena, Axis, n);
    for (int i = 0; i < n; i++) {
        bool piece = stack || !v[i]->shape.n;
        if (piece) {
            in[i] = relabel(b, v[i]->node, v[i]->shape, rest);
            part[i] = 0;
            continue;
        }
        Axis own = plain_axis(axis_size(v[i]->shape.at[0]), &whole);
        Shape to = shape_join((Shape){ 1, { own } }, rest);
        in[i] = relabel(b, v[i]->node, v[i]->shape, to);
        in[i] = graph_spread(b->g, in[i], axes_with(in[i]->axes, own));
        part[i] = own;
    }
    Value *r = array(b, graph_concat(b->g, in, part, n, whole.at[0]), whole);
    Domain d = v[0]->domain;
    for (int i = 1; i < n; i++) {
        if (v[i]->domain.kind != d.kind || d.kind != CLASS_WHOLE) { d = (Domain){ 0 }; break; }
        d.low = fmin(d.low, v[i]->domain.low);
        d.high = fmax(d.high, v[i]->domain.high);
    }
    if (d.kind == CLASS_WHOLE) r->domain = d;
    return r;
}

Value *concat_values(Builder *b, Value **v, int n, Span span) { return join(b, v, n, false, span); }

Value *stack_values(Builder *b, Value **v, int n, Span span)
{
    Value *r = join(b, v, n, true, span);
    if (r->kind == VALUE_ARRAY) {
        r->items = ARENA_ARRAY(b->arena, Value *, n);
        memcpy(r->items, v, sizeof(Value *) * (size_t)n);
        r->n_items = n;
    }
    return r;
}

bool shape_wanted(Builder *b, const Value *v, Span span, Shape *shape)
{
    if (v->kind == VALUE_NONE) return false;
    if (v->kind == VALUE_SHAPE) { *shape = v->shape; return true; }
    if (v->kind == VALUE_ARRAY && v->shape.n == 1 && v->n_items) {
        int64_t dims[MAX_AXES];
        if (v->n_items > MAX_AXES - 2) { complain(b, "E0303", span, "a shape has at most %d sizes", MAX_AXES - 2); return false; }
        for (int i = 0; i < v->n_items; i++)
            if (!want_size(b, v->items[i], span, "a size", &dims[i])) return false;
        *shape = shape_fresh(dims, v->n_items);
        return true;
    }
    if (is_known(v)) {
        int64_t n;
        if (!want_size(b, v, span, "a size", &n)) return false;
        *shape = shape_fresh(&n, 1);
        return true;
    }
    Diagnostic *d = complain(b, "E0303", span, "a shape is wanted here, such as [N, 2] or `like x`, but this is %s", value_text(b, v));
    diag_help(d, "write the sizes in brackets");
    return false;
}

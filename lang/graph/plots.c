/* plots.c: the built-in functions that say what a picture shows. */
#include <string.h>
#include "lang/graph/builtin.h"
#include "lang/graph/dataset.h"

static Value *plot_of(Builder *b, PlotKind kind, Value *v, const char *label)
{
    Value *p = value_new(b, VALUE_PLOT);
    p->n_layers = 1;
    p->layers = ARENA_NEW(b->arena, PlotLayer);
    p->layers[0].kind = kind;
    p->layers[0].label = label;
    p->n_items = 1;
    p->items = ARENA_ARRAY(b->arena, Value *, 1);
    p->items[0] = v;
    return p;
}

Value *call_box(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    double x[4];
    if (args->n != 2 && args->n != 4) { complain(b, "E0332", args->span, "box takes two or four numbers: box(x from, x to, y from, y to)"); return b->none; }
    for (int i = 0; i < args->n; i++) if (!want_known(b, args->at[i].value, args->at[i].span, "a side of a box", &x[i])) return b->none;
    if (args->n == 2) { x[2] = x[0]; x[3] = x[1]; }
    if (x[0] >= x[1] || x[2] >= x[3]) { complain(b, "E0383", args->span, "the box is empty"); return b->none; }
    Value *v[4];
    for (int i = 0; i < 4; i++) v[i] = number(b, x[i]);
    Value *r = stack_values(b, v, 4, args->span);
    r->is_box = true;
    return r;
}

/* A function of a point at many: one whose operand has no type maps over them too. */
static Value *at_points(Builder *b, const CallArg *f, Value *points)
{
    const Signature *s = operands_of(f->value->fn);
    if (!s || !s->n || s->at[0].type) return apply_values(b, f->value->fn, &points, 1, f->span);
    Shape frame = { 1, { points->shape.at[0] } }, items = { 1, { hidden_axis(b, axis_size(points->shape.at[0]), ITEM_AXIS) } };
    Axes before = b->at.hidden;
    b->at.hidden = axes_with(before, items.at[0]);
    Value *point = hide(b, points, frame, items), *v = apply_values(b, f->value->fn, &point, 1, f->span);
    b->at.hidden = before;
    return unhide(b, v, items, frame);
}

/* Values of a function on a grid of n x n points of a box: [n, n] or [n, n, 2]. */
static Value *on_grid(Builder *b, const CallArgs *args, int64_t n, bool vectors, double box[4])
{
    const CallArg *f = argument(args, "f", 0), *area = argument(args, "box", 1);
    if (!f || !area || f->value->kind == VALUE_NONE || area->value->kind == VALUE_NONE) return b->none;
    if (f->value->kind != VALUE_FUNCTION) { complain(b, "E0383", f->span, "a function of the plane is drawn here, but this is %s", value_text(b, f->value)); return b->none; }
    if (!area->value->is_box) { complain(b, "E0383", area->span, "the area to draw is a box(x from, x to, y from, y to)"); return b->none; }
    for (int i = 0; i < 4; i++) box[i] = known(area->value->items[i]);
    int64_t all = n * n;
    Shape line = shape_fresh(&all, 1);
    Node *k = graph_iota(b->g, line.at[0]), *size = graph_const(b->g, (double)n);
    Node *part[2] = { graph_map(b->g, OP_mod, k, size, NULL), graph_map(b->g, OP_floor, graph_map(b->g, OP_div, k, size, NULL), NULL, NULL) };
    Value *xy[2];
    for (int i = 0; i < 2; i++) {
        Node *p = graph_map(b->g, OP_mul, part[i], graph_const(b->g, (box[2 * i + 1] - box[2 * i]) / (double)(n - 1)), NULL);
        xy[i] = array(b, graph_map(b->g, OP_add, p, graph_const(b->g, box[2 * i]), NULL), line);
    }
    Value *points = stack_values(b, xy, 2, args->span), *turned = ARENA_NEW(b->arena, Value);
    *turned = *points;
    turned->shape.at[0] = points->shape.at[1];
    turned->shape.at[1] = points->shape.at[0];
    turned->n_items = 0;
    turned = standard(b, turned);
    Value *v = at_points(b, f, turned);
    if (v->kind == VALUE_NONE) return v;
    int64_t dims[3] = { n, n, 2 };
    bool fits = v->kind == VALUE_ARRAY && v->shape.n == (vectors ? 2 : 1) && axis_size(v->shape.at[0]) == all && (!vectors || axis_size(v->shape.at[1]) == 2);
    if (!fits) {
        complain(b, "E0383", f->span, "the function drawn must give %s for each point [2], but for all points it gives %s", vectors ? "a vector [2]" : "a number", value_text(b, v));
        return b->none;
    }
    return reshaped(b, v, shape_fresh(dims, vectors ? 3 : 2));
}

static Value *field_plot(Builder *b, const CallArgs *args, PlotKind kind, int64_t n)
{
    double box[4];
    Value *v = on_grid(b, args, n, kind == PLOT_ARROWS, box);
    if (v->kind == VALUE_NONE) return v;
    Value *p = plot_of(b, kind, v, args->at[0].expr ? expr_text(b, args->at[0].expr) : NULL);
    memcpy(p->layers[0].box, box, sizeof box);
    return p;
}
Value *call_contour(Builder *b, Scope *s, const CallArgs *args) { (void)s; return field_plot(b, args, PLOT_CONTOUR, 160); }
Value *call_arrows(Builder *b, Scope *s, const CallArgs *args) { (void)s; return field_plot(b, args, PLOT_ARROWS, 24); }

static Value *many_layers(Builder *b, const CallArgs *args, PlotKind kind, const char *name, int least, int most)
{
    Value *p = value_new(b, VALUE_PLOT);
    p->layers = ARENA_ARRAY(b->arena, PlotLayer, args->n);
    p->items = ARENA_ARRAY(b->arena, Value *, args->n);
    for (int i = 0; i < args->n; i++) {
        const CallArg *a = &args->at[i];
        Value *v = a->value;
        if (v->kind == VALUE_NONE) return v;
        if (v->kind != VALUE_ARRAY || v->shape.n < least || v->shape.n > most || (kind == PLOT_SCATTER && axis_size(v->shape.at[1]) != 2)) {
            static const char *const drawn[] = { [PLOT_SCATTER] = "points [n, 2]", [PLOT_CURVE] = "a vector", [PLOT_IMAGES] = "images [n, h, w] or [n, c, h, w]",
                                                 [PLOT_HEAT] = "a matrix [h, w] or several [n, h, w]", [PLOT_TABLE] = "numbers and vectors" };
            complain(b, "E0383", a->span, "%s draws %s, but this is %s", name, drawn[kind], value_text(b, v));
            return b->none;
        }
        PlotLayer *l = &p->layers[p->n_layers];
        l->kind = kind;
        l->label = a->name ? a->name : a->expr ? expr_text(b, a->expr) : NULL;
        Value *every = field_of(v, "every");
        if (kind == PLOT_CURVE && every) l->every = known(every);
        p->items[p->n_layers++] = v;
    }
    p->n_items = p->n_layers;
    return p;
}
Value *call_scatter(Builder *b, Scope *s, const CallArgs *args) { (void)s; return many_layers(b, args, PLOT_SCATTER, "scatter", 2, 2); }
Value *call_curve(Builder *b, Scope *s, const CallArgs *args) { (void)s; return many_layers(b, args, PLOT_CURVE, "curve", 1, 1); }
Value *call_images(Builder *b, Scope *s, const CallArgs *args) { (void)s; return many_layers(b, args, PLOT_IMAGES, "images", 3, 4); }

Value *call_heat(Builder *b, Scope *s, const CallArgs *args) { (void)s; return many_layers(b, args, PLOT_HEAT, "heat", 2, 3); }

Value *call_table(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    const CallArg *file = argument(args, "file", 0);
    if (file && (file->value->kind == VALUE_STRING || args->n == 1)) return call_table_file(b, s, args);
    return many_layers(b, args, PLOT_TABLE, "table", 0, 1);
}

/* builtin.c: the built-in functions: what cannot be written in the language. */
#include <math.h>
#include <string.h>
#include "lang/graph/builtin.h"
#include "lang/graph/dataset.h"
#include "lang/graph/infer.h"

const CallArg *argument(const CallArgs *args, const char *name, int at)
{
    int seen = 0;
    for (int i = 0; i < args->n; i++) {
        if (args->at[i].name) {
            if (name && !strcmp(args->at[i].name, name)) return &args->at[i];
        } else if (seen++ == at) return &args->at[i];
    }
    return NULL;
}

Value *array_argument(Builder *b, const CallArgs *args, const char *name, int at)
{
    const CallArg *a = argument(args, name, at);
    if (!a) { complain(b, "E0335", args->span, "the argument `%s` is missing", name); return b->none; }
    if (a->value->kind == VALUE_ARRAY || a->value->kind == VALUE_BUNDLE || a->value->kind == VALUE_NONE) return a->value;
    complain(b, "E0306", a->span, "`%s` must be an array, but this is %s", name, value_text(b, a->value));
    return b->none;
}

static Node *whole(Builder *b, const Value *v)
{
    Axes axes = axes_of(v->shape);
    return graph_spread(b->g, v->node, axes_union(&v->node->axes, &axes));
}

/* ---- element-wise ---- */

static Value *call_max(Builder *b, Scope *scope, const CallArgs *args)
{
    (void)scope;
    return map_values(b, OP_max, args->at[0].value, args->at[1].value, NULL, args->span, "max");
}

static Value *call_min(Builder *b, Scope *scope, const CallArgs *args)
{
    (void)scope;
    return map_values(b, OP_min, args->at[0].value, args->at[1].value, NULL, args->span, "min");
}

/* Reductions written as calls; with two arguments max and min are element-wise. */
static Value *reduce_or(Builder *b, const CallArgs *args, const char *name)
{
    return fold_values(b, name, array_argument(b, args, "x", 0), args->span);
}
#define REDUCTION(name) static Value *call_##name(Builder *b, Scope *s, const CallArgs *args) { (void)s; return reduce_or(b, args, #name); }
REDUCTION(sum) REDUCTION(mean) REDUCTION(prod) REDUCTION(logsumexp) REDUCTION(any) REDUCTION(all) REDUCTION(argmin) REDUCTION(argmax)

static Value *call_max_any(Builder *b, Scope *s, const CallArgs *args) { return args->n == 2 ? call_max(b, s, args) : reduce_or(b, args, "max"); }
static Value *call_min_any(Builder *b, Scope *s, const CallArgs *args) { return args->n == 2 ? call_min(b, s, args) : reduce_or(b, args, "min"); }

/* ---- making and reshaping ---- */

static Value *filled(Builder *b, const CallArgs *args, double x)
{
    Shape shape;
    if (args->n && args->at[0].value->kind == VALUE_BUNDLE) {
        Value *like = args->at[0].value, *r = value_new(b, VALUE_BUNDLE);
        r->n_items = like->n_items;
        r->items = ARENA_ARRAY(b->arena, Value *, like->n_items);
        for (int i = 0; i < like->n_items; i++) r->items[i] = array(b, graph_const(b->g, x), like->items[i]->shape);
        return r;
    }
    if (!args->n) shape = b->at.drawn ? *b->at.drawn : shape_none();
    else if (!shape_wanted(b, args->at[0].value, args->at[0].span, &shape)) return b->none;
    return array(b, graph_const(b->g, x), shape);
}

static Value *call_zeros(Builder *b, Scope *s, const CallArgs *args) { (void)s; return filled(b, args, 0); }
static Value *call_ones(Builder *b, Scope *s, const CallArgs *args) { (void)s; return filled(b, args, 1); }

/* The number of each place of a shape, the last axis fastest, counted on from `first`. */
static Value *numbered(Builder *b, Shape shape, int64_t first)
{
    Axes axes = axes_of(shape);
    Node *place = graph_const(b->g, 0);
    for (int i = 0; i < shape.n; i++) {
        place = graph_map(b->g, OP_mul, place, graph_const(b->g, (double)axis_size(shape.at[i])), NULL);
        place = graph_map(b->g, OP_add, place, graph_iota(b->g, shape.at[i]), NULL);
    }
    if (first) place = graph_map(b->g, OP_add, place, graph_const(b->g, (double)first), NULL);
    Value *v = array(b, place, shape);
    v->domain = (Domain){ CLASS_WHOLE, (double)first, (double)(first + axes_count(&axes) - 1) };
    return v;
}

static Value *call_iota(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    const Value *a = args->at[0].value;
    Shape shape;
    if (a->kind == VALUE_BUNDLE) {
        Value *all[MAX_BINDERS];
        if (a->n_items > MAX_BINDERS) { complain(b, "E0306", args->span, "iota is like at most %d arrays", MAX_BINDERS); return b->none; }
        int64_t first = 0;
        for (int i = 0; i < a->n_items; i++) {
            Axes axes = axes_of(a->items[i]->shape);
            all[i] = numbered(b, shape_refresh(a->items[i]->shape), first);
            first += axes_count(&axes);
        }
        return together(b, all, a->n_items);
    }
    if (!shape_wanted(b, a, args->at[0].span, &shape)) return b->none;
    for (int i = 0; i < shape.n; i++) if (!axis_size(shape.at[i])) return b->none;
    return numbered(b, shape, 0);
}

static Value *call_concat(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    Value *v[MAX_ARGS];
    for (int i = 0; i < args->n; i++) v[i] = args->at[i].value;
    return concat_values(b, v, args->n, args->span);
}

Value *reshaped(Builder *b, Value *v, Shape to)
{
    v = standard(b, v);
    Shape fresh = { 0 }, used = v->shape;   /* names that differ from the old ones, so that both can stand side by side */
    for (int i = 0; i < to.n; i++) {
        Axis a = plain_axis(axis_size(to.at[i]), &used);
        used.at[used.n++] = a;
        fresh.at[fresh.n++] = a;
    }
    Value *r = array(b, graph_reshape(b->g, whole(b, v), v->shape, fresh), fresh);
    r->domain = v->domain;
    return standard(b, r);
}

static bool has_as_many(Builder *b, Value *v, Shape to, Span span)
{
    Axes from = axes_of(standard(b, v)->shape), onto = axes_of(to);
    if (axes_count(&from) == axes_count(&onto)) return true;
    Diagnostic *d = complain(b, "E0303", span, "%s has %lld values, but %s has %lld", shape_text(b, v->shape), (long long)axes_count(&from), shape_text(b, to),
                             (long long)axes_count(&onto));
    diag_help(d, "reshape keeps the values and their order");
    return false;
}

/* A vector as several arrays, one after the other. */
static Value *reshaped_to_all(Builder *b, Value *v, const Value *like, Span span)
{
    Value *all[MAX_BINDERS];
    int64_t at = 0;
    if (v->shape.n != 1 || like->n_items > MAX_BINDERS) { complain(b, "E0303", span, "several arrays are made of one vector, but this is %s", value_text(b, v)); return b->none; }
    for (int i = 0; i < like->n_items; i++) {
        Axes axes = axes_of(like->items[i]->shape);
        int64_t n = axes_count(&axes);
        if (at + n > axis_size(v->shape.at[0])) { complain(b, "E0303", span, "%s has too few values for all these arrays", value_text(b, v)); return b->none; }
        all[i] = reshaped(b, rows_of(b, v, at, at + n), like->items[i]->shape);
        at += n;
    }
    return together(b, all, like->n_items);
}

static Value *call_reshape(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    Value *v = array_argument(b, args, "x", 0);
    Shape to;
    const CallArg *a = argument(args, "shape", 1);
    if (v->kind == VALUE_ARRAY && a && a->value->kind == VALUE_BUNDLE) return reshaped_to_all(b, v, a->value, a->span);
    if (v->kind != VALUE_ARRAY || !a || !shape_wanted(b, a->value, a->span, &to) || !has_as_many(b, v, to, a->span)) return b->none;
    return reshaped(b, v, to);
}

static Value *flattened(Builder *b, Value *v)
{
    Axes axes = axes_of(v->shape);
    int64_t n = axes_count(&axes);
    return v->kind != VALUE_ARRAY || v->shape.n == 1 ? v : reshaped(b, v, shape_fresh(&n, 1));
}

static Value *call_flatten(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    Value *v = array_argument(b, args, "x", 0), *all[MAX_BINDERS];
    if (v->kind != VALUE_BUNDLE || v->n_items > MAX_BINDERS) return v->kind == VALUE_BUNDLE ? b->none : flattened(b, v);
    for (int i = 0; i < v->n_items; i++) all[i] = flattened(b, v->items[i]);
    return concat_values(b, all, v->n_items, args->span);
}

static Value *call_transpose(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    Value *v = array_argument(b, args, "x", 0);
    if (v->kind != VALUE_ARRAY) return b->none;
    if (v->shape.n != 2) {
        Diagnostic *d = complain(b, "E0302", args->span, "transpose needs a matrix, but this is %s", shape_text(b, v->shape));
        diag_help(d, "an index equation moves any axes: y[j, i, k] = x[i, j, k]");
        return b->none;
    }
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *v;
    r->shape.at[0] = v->shape.at[1];
    r->shape.at[1] = v->shape.at[0];
    r->n_items = 0;
    return standard(b, r);
}

/* ---- along the last axis ---- */

static Value *along(Builder *b, const CallArgs *args, const char *name)
{
    Value *v = array_argument(b, args, "x", 0);
    if (v->kind != VALUE_ARRAY) return b->none;
    if (!v->shape.n) { complain(b, "E0302", args->span, "%s needs an array, but this is a number", name); return b->none; }
    Axis axis = v->shape.at[v->shape.n - 1];
    Node *x = whole(b, v), *r;
    Domain domain = v->domain;
    if (!strcmp(name, "cumsum")) {
        r = graph_along(b->g, OP_cumsum, x, axis, false);
        domain = (Domain){ 0 };
    } else {
        r = graph_along(b->g, OP_argsort, x, axis, false);
        if (!strcmp(name, "sort")) {
            /* the place runs along the axis's name; the source axis needs another */
            Axis aside = plain_axis(axis_size(axis), &v->shape);
            x = graph_rename(b->g, x, axis, aside);
            r = graph_gather(b->g, x, aside, r);
        } else domain = (Domain){ CLASS_WHOLE, 0, (double)axis_size(axis) - 1 };
    }
    Value *out = array(b, r, v->shape);
    out->domain = domain;
    return out;
}
static Value *call_cumsum(Builder *b, Scope *s, const CallArgs *args) { (void)s; return along(b, args, "cumsum"); }
static Value *call_sort(Builder *b, Scope *s, const CallArgs *args) { (void)s; return along(b, args, "sort"); }
static Value *call_argsort(Builder *b, Scope *s, const CallArgs *args) { (void)s; return along(b, args, "argsort"); }

/* A matrix, with the axis that counts its singular values; null after a report. */
static Value *matrix_argument(Builder *b, const CallArgs *args, const char *name, Axis *out)
{
    Value *v = array_argument(b, args, "x", 0);
    if (v->kind != VALUE_ARRAY) return NULL;
    if (v->shape.n != 2) { complain(b, "E0302", args->span, "%s needs a matrix, but this is %s", name, shape_text(b, v->shape)); return NULL; }
    int64_t rows = axis_size(v->shape.at[0]), columns = axis_size(v->shape.at[1]);
    *out = plain_axis(rows < columns ? rows : columns, &v->shape);
    return v;
}

static Value *call_svdvals(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    Axis out;
    Value *v = matrix_argument(b, args, "svdvals", &out);
    return v ? standard(b, array(b, graph_svdvals(b->g, whole(b, v), v->shape.at[0], v->shape.at[1], out), (Shape){ 1, { out } })) : b->none;
}

static Value *call_svd(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    Axis out;
    Value *v = matrix_argument(b, args, "svd", &out), *r = value_new(b, VALUE_RECORD);
    if (!v) return b->none;
    Axis rows = v->shape.at[0], columns = v->shape.at[1];
    Node *x = whole(b, v);
    field_add(b, &r->fields, "u", standard(b, array(b, graph_svdvectors(b->g, x, rows, columns, out, true), (Shape){ 2, { rows, out } })));
    field_add(b, &r->fields, "s", standard(b, array(b, graph_svdvals(b->g, x, rows, columns, out), (Shape){ 1, { out } })));
    field_add(b, &r->fields, "v", standard(b, array(b, graph_svdvectors(b->g, x, rows, columns, out, false), (Shape){ 2, { columns, out } })));
    return r;
}

static Value *call_stop(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    Value *v = array_argument(b, args, "x", 0);
    if (v->kind != VALUE_ARRAY) return v->kind == VALUE_BUNDLE ? v : b->none;
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *v;
    r->fields = NULL;
    r->node = graph_stop(b->g, v->node);
    return r;
}

/* project(y, x): y in the domain of x, as an update of x would be.  y may have further leading axes. */
static Value *call_project(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    Value *y = args->at[0].value, *x = args->at[1].value;
    if (y->kind == VALUE_NONE || x->kind == VALUE_NONE) return b->none;
    bool finite = x->kind == VALUE_ARRAY && (x->domain.kind == CLASS_WHOLE || x->domain.kind == CLASS_SPIN);
    if (y->kind == VALUE_ARRAY && finite) return nearest_state(b, y, x->domain);
    if (y->kind == VALUE_ARRAY && x->kind == VALUE_ARRAY) return retract(b, y, x->domain);
    if (y->kind != VALUE_BUNDLE || x->kind != VALUE_BUNDLE || y->n_items != x->n_items) {
        complain(b, "E0306", args->span, "project takes a value and the variable whose domain it is brought into, but these are %s and %s", value_text(b, y), value_text(b, x));
        return b->none;
    }
    return retract_all(b, y, x);
}

/* No step of reals stays on a simplex or a sphere. */
static bool has_inside(Builder *b, const Value *x, Span span)
{
    if (x->kind == VALUE_BUNDLE) {
        for (int i = 0; i < x->n_items; i++) if (!has_inside(b, x->items[i], span)) return false;
        return true;
    }
    bool simplex = x->domain.kind == CLASS_SIMPLEX;
    if (!simplex && x->domain.kind != CLASS_SPHERE) return true;
    Diagnostic *d = complain(b, "E0360", span, "steps of reals do not stay on a %s", simplex ? "simplex" : "sphere");
    if (simplex) diag_help(d, "let z: [K-1] be sought, of E(p) - sum(log(p)) where p = softmax(concat(z, [0])): that gives p by exp(-E)");
    else diag_help(d, "let z: [D] be sought, of E(x) + 0.5 * sum(z^2) where x = z / sqrt(sum(z^2)): that gives x by exp(-E)");
    return false;
}

/* lies_in(y, x): whether y lies in the domain of x. */
static Value *call_lies_in(Builder *b, Scope *s, const CallArgs *args)
{
    Value *x = args->at[1].value, *near = call_project(b, s, args);
    if (near->kind == VALUE_NONE || !has_inside(b, x, args->span)) return b->none;
    return fold_values(b, "all", map_values(b, OP_eq, near, args->at[0].value, NULL, args->span, "lies_in"), args->span);
}

static Value *call_smooth(Builder *b, Scope *s, const CallArgs *args) { (void)s; return smooth_part(b, args); }
static Value *call_free(Builder *b, Scope *s, const CallArgs *args)     { (void)s; return free_places(b, args); }
static Value *call_prox(Builder *b, Scope *s, const CallArgs *args)   { (void)s; return prox_of(b, args); }

/* ---- averages ---- */

static Value *call_ema(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    const CallArg *f = argument(args, "f", 0), *decay = argument(args, "decay", 1);
    double d = 0.99;
    if (!f || f->value->kind != VALUE_FUNCTION) { complain(b, "E0382", args->span, "ema follows a net: ema(f, decay = 0.99)"); return b->none; }
    Value *schedule = decay && is_schedule(decay->value) ? decay->value : NULL;
    if (decay && !schedule && !want_known(b, decay->value, decay->span, "the decay of an average", &d)) return b->none;
    if (d < 0 || d > 1) { complain(b, "E0382", decay->span, "the decay of an average lies in 0..1, not %g", d); return b->none; }
    Closure *c = ARENA_NEW(b->arena, Closure);
    c->kind = CLOSURE_EMA;
    c->a = f->value->fn;
    c->decay = d;
    c->schedule = schedule;
    c->name = "ema";
    c->instance = b->at.draw_name ? b->at.draw_name : "average";
    c->span = args->span;
    return function_value(b, c);
}

/* ---- the table ---- */

static const Builtin builtins[] = {
    { "sum", "sum(x), sum[i] e", "Sum over all places, or over the index.", 1, 1, call_sum, "x" },
    { "mean", "mean(x), mean[i] e", "Mean over all places, or over the index.", 1, 1, call_mean, "x" },
    { "prod", "prod(x), prod[i] e", "Product over all places, or over the index.", 1, 1, call_prod, "x" },
    { "max", "max(x), max(a, b), max[i] e", "The largest value; of two arrays, place by place.", 1, 2, call_max_any, "a b" },
    { "min", "min(x), min(a, b), min[i] e", "The smallest value; of two arrays, place by place.", 1, 2, call_min_any, "a b" },
    { "logsumexp", "logsumexp(x), logsumexp[i] e", "log of the sum of exponentials, without overflow.", 1, 1, call_logsumexp, "x" },
    { "any", "any(x), any[i] e", "1 if any value is not 0.", 1, 1, call_any, "x" },
    { "all", "all(x), all[i] e", "1 if no value is 0.", 1, 1, call_all, "x" },
    { "argmin", "argmin(x), argmin[i] e", "Place of the smallest value of a vector (along the last axis of an array); the first at a tie.", 1, 1, call_argmin, "x" },
    { "argmax", "argmax(x), argmax[i] e", "Place of the largest value of a vector (along the last axis of an array); the first at a tie.", 1, 1, call_argmax, "x" },
    { "summary", "summary(f)", "The layers of a net or an energy: what each takes and gives, parameters, operations for one item; a text to show.", 1, 1, call_summary, "f" },
    { "zeros", "zeros(shape)", "An array of zeros.", 0, 1, call_zeros, "shape" },
    { "ones", "ones(shape)", "An array of ones.", 0, 1, call_ones, "shape" },
    { "iota", "iota(n), iota(shape)", "0, 1, .. n-1; the number of each place of a shape, the last axis fastest; of several arrays one after the other.", 1, 1, call_iota, "n" },
    { "concat", "concat(a, b, ..)", "Arrays joined along their first axis; numbers count for one place.", 1, MAX_ARGS, call_concat, "" },
    { "reshape", "reshape(x, shape)", "The same values in the same (row-major) order in another shape.", 2, 2, call_reshape, "x shape" },
    { "flatten", "flatten(x)", "All values in one vector, row-major.", 1, 1, call_flatten, "x" },
    { "transpose", "transpose(x)", "A matrix with its axes exchanged.", 1, 1, call_transpose, "x" },
    { "cumsum", "cumsum(x)", "Running sum along the last axis.", 1, 1, call_cumsum, "x" },
    { "sort", "sort(x)", "Values in ascending order along the last axis.", 1, 1, call_sort, "x" },
    { "argsort", "argsort(x)", "Places in ascending order of value along the last axis; stable.", 1, 1, call_argsort, "x" },
    { "svdvals", "svdvals(x)", "Singular values of a matrix, descending.", 1, 1, call_svdvals, "x" },
    { "svd", "svd(x)", "Singular value decomposition of a matrix [N, D]: u [N, K], s [K] descending, v [D, K], with x = u diag(s) transpose(v), K = min(N, D).", 1, 1, call_svd, "x" },
    { "stop", "stop(x)", "x as a constant: no derivative passes.", 1, 1, call_stop, "x" },
    { "lies_in", "lies_in(y, x)", "In a solver: whether y lies in the domain of x, for samplers that take no move out of it. No domain but a simplex or a sphere is refused.", 2, 2, call_lies_in, "y x" },
    { "project", "project(y, x)", "y brought into the domain of x: a box, the simplex, the sphere, the nearest class or spin; as it is where x is any real.", 2, 2, call_project, "y x" },
    { "free", "free(E, x)", "In a solver: 1 where x may move, 0 where it is given.", 2, 2, call_free, "E x" },
    { "smooth", "smooth(E, x)", "In a solver: the energy without its terms weight * abs(x) and weight * sqrt(sum(x^2)), which prox takes.", 2, 2, call_smooth, "E x" },
    { "prox", "prox(E, v, step)", "In a solver: the least of step * g(x) + |x - v|^2 / 2, where g is the terms of the energy that smooth leaves out.", 3, 3, call_prox, "E v step" },
    { "states", "states(x)", "The values that classes, bits or spins x can take: [K].", 1, 1, builtin_states, "x" },
    { "changes", "changes(E, x)", "In a solver: what the energy would change by, setting each place (row-major) of classes, bits or spins to each of its states: [places, K]. Exact where places meet in products, to first order elsewhere.", 2, 2, builtin_changes, "E x" },
    { "pairwise", "pairwise(E, x)", "In a solver: an energy of pairs of spins or bits x as sum of field s + sum over pairs of coupling s s', with s = -1 or 1: a record of coupling and neighbor, [places, neighbors of each], and field, [places].", 2, 2, builtin_pairwise, "E x" },
    { "uniform", "uniform(low, high, shape)", "Uniform draws in low..high.", 2, 3, call_uniform, "low high shape" },
    { "normal", "normal(shape)", "Normal draws of mean 0 and deviation 1.", 0, 1, call_normal, "shape" },
    { "bernoulli", "bernoulli(p, shape)", "1 with probability p, else 0.", 1, 2, call_bernoulli, "p shape" },
    { "spins", "spins(shape)", "-1 or 1, even odds.", 0, 1, call_spins, "shape" },
    { "choose", "choose(n, k)", "k distinct numbers of 0..n-1 in random order.", 2, 2, call_choose, "n k" },
    { "draw", "draw(data, batch = 128)", "The next rows of a data set in a fresh random order each epoch, the same rows of all columns. In trains.", 1, 2, draw_rows, "data batch" },
    { "read", "read(\"file\", part = 0)", "An array of a data file: idx, npy, npz, safetensors; part: its number or name. sha256: the digest the file must have.", 1, 3, call_read, "file part sha256" },
    { "table", "table(\"file.csv\", columns = [\"a\", \"b\"]), table(name = x, ..)", "The columns of a file as a record, all or those named; or a table of numbers to show.", 1, MAX_ARGS, call_table, "*" },
    { "classes", "classes(n)(x)", "x as classes 0..n-1; checked when the data is read.", 1, 1, call_classes, "n" },
    { "dataset", "dataset(image = x, label = y)", "A record of columns with one rows axis.", 1, MAX_ARGS, call_dataset, "*" },
    { "split", "split(train = a, test = b)", "A data set that brings its own split.", 2, 2, call_split, "train test" },
    { "pictures", "pictures(\"folder\", gray = false)", "The PNG and JPEG files of a folder, in order of their names, as images in 0..1: [n, height, width], or [n, 3, height, width] if one is in color; gray = true makes colors gray. Of a folder with subfolders a data set with the columns image and label: the subfolders are the classes, in order of their names.", 1, 3, call_pictures, "folder gray sha256" },
    { "shuffled", "shuffled(data)", "The rows of a data set in a random order, the same for all columns.", 1, 1, call_shuffled, "data" },
    { "load", "load(\"model.safetensors\")", "The run of a saved model: load(..).f is f with its cells.", 1, 1, call_load, "file" },
    { "lines", "lines(\"file\")", "The lines of a text file, as texts.", 1, 2, call_lines, "file sha256" },
    { "text", "text(\"file\")", "The whole of a text file, as one text.", 1, 2, call_text, "file sha256" },
    { "split_columns", "split_columns(a = f, b = g, by = \"\\t\")(texts)", "A data set of texts that are cut at a separator: each column is made by its function of its texts.", 1, MAX_ARGS, call_split_columns, "*" },
    { "chars", "chars(pad = 16, alphabet = \"..\", cut = false)(texts)", "Texts as rows of `pad` classes: 0 behind the end of the text, and from 1 on its characters by their place in the alphabet (without one: all that occur, in order). Of one text without pad: a sequence of classes from 0.", 0, 3, call_chars, "pad alphabet cut" },
    { "labels", "labels(pad = 16, by = \" \", cut = false)(texts)", "Texts as classes from 0, in their order; with pad, each text is a sequence of labels, cut at `by` (without: each character is one), in rows of `pad` classes, 0 behind the end.", 0, 3, call_labels, "pad by cut" },
    { "pieces", "pieces(most = 256, pad = 16, cut = false)(texts)", "Texts as classes that stand for pieces of words, learnt from the texts by byte-pair encoding over characters: at most `most` of them. Rows of `pad` as chars gives; of one text without pad, a sequence.", 0, 3, call_pieces, "most pad cut" },
    { "numbers", "numbers(texts)", "Texts as the numbers that they are.", 1, 1, call_numbers, "texts" },
    { "exact", "exact()", "Solver for finite domains: enumerates all states, or sums out place by place where no place acts on another. Serves argmin, argmax, marginal, expectation and sample.", 0, 0, builtin_exact, "" },
    { "chain", "chain(best = n)", "Solver for classes, bits or spins that the energy links as a sequence (y[t], y[t+1]) or a tree (y[i], y[parent[i]], parent known before the run): dynamic programming. Serves argmin, argmax, marginal, expectation and sample; with best = n, argmin and argmax give the n best, along a new first axis.", 0, 1, builtin_chain, "best" },
    { "gibbs", "gibbs(sweeps = 10)", "Samples classes, bits and spins: each sweep draws every place given all others; places that do not act on each other are drawn at once.", 0, 1, builtin_gibbs, "sweeps" },
    { "icm", "icm(sweeps = 10)", "Iterated conditional modes (Besag 1986): argmin over classes, bits and spins; each sweep sets every place to its state of least energy given all others.", 0, 1, builtin_icm, "sweeps" },
    { "alternate", "alternate(rounds = 100, real = mala(steps = 10, step = 0.05), finite = gibbs(sweeps = 1))", "Solver for names of different domains: in each round the finite ones move by one solver and the real ones by another, while the rest stands still; `name = solver` gives a name its own. Under argmin: descent(steps = 10, step = 0.1) and icm(sweeps = 1).", 0, MAX_ARGS, builtin_alternate, "*" },
    { "annealed_gibbs", "annealed_gibbs(sweeps = 200, hot = 3, cold = 0.1)", "Searches low energy among classes, bits and spins: Gibbs sweeps at temperatures that fall from hot to cold; gives the best each chain has seen.", 0, 3, builtin_annealed_gibbs, "sweeps hot cold" },
    { "ais", "ais(E, levels = 1000, chains = 256)", "log of the sum of exp(-E) over all states of E's arguments, by annealed importance sampling: from the uniform distribution, in equal steps of the inverse temperature, a Gibbs sweep at each.", 1, 3, builtin_ais, "E levels chains" },
    { "ais_chains", "ais_chains(E, levels = 1000, chains = 256)", "What each chain of ais says of log Z: [chains]. The log of the mean of their exponentials is ais(E); it tends to be low.", 1, 3, builtin_ais_chains, "E levels chains" },
    { "reverse_ais_chains", "reverse_ais_chains(E, x, levels = 1000)", "What each chain says of log Z that goes the way of ais back, from one of the samples x of the argument that is not latent; with samples that are exact, minus the log of the mean of exp(-) of them tends to be high.", 2, 3, builtin_reverse_ais_chains, "E x levels" },
    { "log_partition", "log_partition(E)", "log of the sum of exp(-E) over all states of E's arguments, exactly, of up to 10 million states. Its gradient is minus the expectation of that of E.", 1, 1, builtin_log_partition, "E" },
    { "free_energy", "free_energy(E, x, ..)", "E with its latents summed out, exactly: marginal of them, by exact(). E itself where it has none.", 2, MAX_ARGS, builtin_free_energy, "*" },
    { "ema", "ema(f, decay = 0.99)", "A net whose cells follow those of f: a' = decay a + (1 - decay) f'; the decay a number or a schedule. Its output is stopped.", 1, 2, call_ema, "f decay" },
    { "box", "box(x0, x1, y0, y1)", "An area of the plane to draw; box(a, b) takes both sides alike.", 2, 4, call_box, "x0 x1 y0 y1" },
    { "contour", "contour(f, box)", "A function of the plane as colors and level lines.", 2, 2, call_contour, "f box" },
    { "arrows", "arrows(f, box)", "A vector field of the plane.", 2, 2, call_arrows, "f box" },
    { "scatter", "scatter(x)", "Points [n, 2].", 1, MAX_ARGS, call_scatter, "*" },
    { "curve", "curve(a, b, ..)", "Vectors or records over their places.", 1, MAX_ARGS, call_curve, "*" },
    { "images", "images(x, ..)", "Images [n, h, w] or [n, c, h, w]; several are rows below each other.", 1, MAX_ARGS, call_images, "*" },
    { "heat", "heat(m, ..)", "A matrix [h, w], or several [n, h, w], as colors with their range; images(x) + heat(m) lays each over its image (attention maps).", 1, MAX_ARGS, call_heat, "*" },
};
enum { N_BUILTINS = sizeof builtins / sizeof *builtins };

/* ---- maps of the op table as functions ---- */

/* Maps that are written as operators, or are for rules only, have no function. */
static bool is_function_op(Op op)
{
    static const Op written[] = { OP_neg, OP_add, OP_sub, OP_mul, OP_div, OP_pow, OP_mod, OP_max, OP_min, OP_lt, OP_le, OP_eq, OP_ne, OP_gate, OP_select };
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) if (written[i] == op) return false;
    return op_info[op].family == FAMILY_MAP;
}

static Value *call_op(Builder *b, Op op, const CallArgs *args)
{
    const CallArg *a = args->at;
    return map_values(b, op, a[0].value, args->n > 1 ? a[1].value : NULL, args->n > 2 ? a[2].value : NULL, args->span, op_info[op].name);
}
#define OP_ROW(op, family, ...) static Value *op_call_##op(Builder *b, Scope *s, const CallArgs *args) { (void)s; return call_op(b, OP_##op, args); }
#include "vm/base/op_rows.h"

static const Builtin op_builtins[OP_COUNT] = {
#define OP_ROW(op, family, operands, vx, vy, vz, fuzz, flops, text) \
    [OP_##op] = { #op, operands == 1 ? #op "(x)" : #op "(x, y)", text, operands, operands, op_call_##op, "x y z" },
#include "vm/base/op_rows.h"
};

const Builtin *builtin_named(const char *name)
{
    for (int i = 0; i < N_BUILTINS; i++) if (!strcmp(builtins[i].name, name)) return &builtins[i];
    Op op = op_named(name);
    return op != OP_COUNT && is_function_op(op) ? &op_builtins[op] : NULL;
}

const Builtin *builtin_at(int i)
{
    if (i < N_BUILTINS) return &builtins[i];
    i -= N_BUILTINS;
    for (int op = 0; op < OP_COUNT; op++) if (is_function_op((Op)op) && i-- == 0) return &op_builtins[op];
    return NULL;
}

/* fuzz_graph.c: random graphs of all ops. */
#include "tests/fuzz_graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t next_word(Fuzz *f)
{
    uint64_t x = f->state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

int64_t fuzz_pick(Fuzz *f, int64_t n) { return (int64_t)(next_word(f) % (uint64_t)n); }
static double unit(Fuzz *f) { return (double)(next_word(f) >> 42) * 0x1p-22; }
static bool chance(Fuzz *f, int percent) { return fuzz_pick(f, 100) < percent; }

/* ---- Leaves ---- */

static int64_t index_in(const Axes *axes, const Shape *shape, int64_t at)
{
    int64_t place[MAX_AXES], row = 0;
    for (int i = axes->n - 1; i >= 0; i--) place[i] = at % axis_size(axes->at[i]), at /= axis_size(axes->at[i]);
    for (int i = 0; i < shape->n; i++)
        for (int k = 0; k < axes->n; k++)
            if (axes->at[k] == shape->at[i]) row = row * axis_size(shape->at[i]) + place[k];
    return row;
}

static double drawn_at(const Fuzz *f, const void *drawn, int64_t i)
{
    return f->draws == PRECISION_F64 ? ((const double *)drawn)[i] : (double)((const float *)drawn)[i];
}

/* A step's rows, one after the other, each from the permutation of its epoch. */
static void draw_rows(const Fuzz *f, const Kernels *k, const Node *leaf, const int64_t *times, char *drawn)
{
    int64_t count = axes_count(&leaf->axes);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = (int64_t)f->step * count + i;
        uint32_t key[4];
        random_key(key, f->seed, leaf->key, (uint64_t)(at / leaf->size), times, leaf->n_in);
        k->permutation(drawn + i * (int64_t)k->bytes, key, leaf->size, at % leaf->size, 1, 1);
    }
}

static void draw_values(const Fuzz *f, const Node *leaf, const double *times, double *values)
{
    const char *why;
    const Kernels *k = kernels_for(f->draws, &why);
    int64_t t[MAX_AXES], count = axes_count(&leaf->axes), items = 1;
    for (int i = 0; i < leaf->n_in; i++) t[i] = (int64_t)times[i];
    uint32_t key[4];
    random_key(key, f->seed, leaf->key, f->step, t, leaf->n_in);
    char *drawn = malloc((size_t)(count + 64) * sizeof(double));
    for (int i = 0; i < leaf->to->n; i++) {
        if (i && !(axis_is_item(leaf->to->at[i]) && axis_is_item(leaf->to->at[i - 1]))) break;
        items *= axis_size(leaf->to->at[i]);
    }
    int64_t features = count / items;
    switch (leaf->kind) {
    case RANDOM_CHOOSE: k->permutation(drawn, key, leaf->size, 0, count, 1); break;
    case RANDOM_ROWS: draw_rows(f, k, leaf, t, drawn); break;
    case RANDOM_UNIFORM: k->uniform(drawn, key, 0, items, 0, features, features, 1); break;
    case RANDOM_NORMAL: k->normal(drawn, key, 0, items, 0, features, features, 1); break;
    }
    for (int64_t i = 0; i < count; i++) values[i] = drawn_at(f, drawn, index_in(&leaf->axes, leaf->to, i));
    free(drawn);
}

static void leaf_values(void *context, const Node *leaf, const double *times, double *values)
{
    const Fuzz *f = context;
    if (leaf->op == OP_step) values[0] = (double)f->step;
    else if (leaf->op == OP_random) draw_values(f, leaf, times, values);
    else
        for (int64_t i = 0; i < axes_count(&leaf->axes); i++)
            values[i] = slot_value(f->store, (uint32_t)leaf->key, index_in(&leaf->axes, &f->store->slots[leaf->key].shape, i));
}

static Axis fresh_axis(Fuzz *f, int64_t size, bool item) { return axis_make(size, f->axes++ | (item ? ITEM_AXIS : 0)); }

static Shape shuffled(Fuzz *f, const Axes *axes)
{
    Shape s = { .n = axes->n };
    memcpy(s.at, axes->at, sizeof s.at);
    for (int i = s.n - 1; i > 0; i--) {
        int64_t k = fuzz_pick(f, i + 1);
        Axis a = s.at[i];
        s.at[i] = s.at[k];
        s.at[k] = a;
    }
    return s;
}

typedef enum Content { CONTENT_REALS, CONTENT_PLACES, CONTENT_PERMUTATION } Content;

/* A slot: real values, places of 0 .. size-1, or a permutation along its one axis. */
static Node *new_slot(Fuzz *f, Axes axes, Content content, int64_t size)
{
    char name[32];
    snprintf(name, sizeof name, "s%u", f->store->n);
    uint32_t slot = store_add(f->store, name, shuffled(f, &axes), chance(f, 50));
    int64_t count = axes_count(&axes);
    for (int64_t i = 0; i < count; i++) {
        double value = content == CONTENT_REALS ? 4 * unit(f) - 2 : (double)fuzz_pick(f, size);
        if (content == CONTENT_PERMUTATION) value = (double)((i * 7 + 3) % size);
        slot_set(f->store, slot, i, value);
    }
    f->store->slots[slot].filled = true;
    return graph_slot(f->graph, slot, 0, axes);
}

/* ---- Values to work on ---- */

static void add(Fuzz *f, Node *n)
{
    if (f->n == FUZZ_POOL || n->axes.n > 5 || axes_count(&n->axes) > 8000) return;
    if (!f->loop) {
        const double *values = oracle_value(f->oracle, n);
        for (int64_t i = 0; i < axes_count(&n->axes); i++)
            if (!isfinite(values[i]) || fabs(values[i]) > 1e3) return;
    } else {
        n = graph_map(f->graph, OP_tanh, n, NULL, NULL);
    }
    f->pool[f->n++] = n;
}

static Node *any(Fuzz *f) { return f->pool[chance(f, 60) && f->n > 12 ? f->n - 1 - (int)fuzz_pick(f, 12) : (int)fuzz_pick(f, f->n)]; }
static Node *any_leaf(Fuzz *f) { return f->pool[fuzz_pick(f, f->floor)]; }

static Node *any_with_axis(Fuzz *f)
{
    for (int tries = 0; tries < 20; tries++) {
        Node *n = any(f);
        if (n->axes.n) return n;
    }
    return f->pool[1];
}

static Axis axis_of(Fuzz *f, const Node *n) { return n->axes.at[fuzz_pick(f, n->axes.n)]; }

static Axes some_axes(Fuzz *f, const Axes *axes)
{
    Axes some = { 0 };
    for (int i = 0; i < axes->n; i++)
        if (chance(f, 45)) some = axes_with(some, axes->at[i]);
    return some;
}

/* ---- Ops ---- */

static void make_map(Fuzz *f)
{
    Graph *g = f->graph;
    static const Op smooth[] = { OP_neg, OP_abs, OP_tanh, OP_sin, OP_cos, OP_sigmoid, OP_softplus, OP_erf, OP_expm1 };
    static const Op two[] = { OP_add, OP_sub, OP_mul, OP_max, OP_min, OP_gate, OP_atan2 };
    static const Op steps[] = { OP_lt, OP_le, OP_ne, OP_eq };
    Node *x = any(f), *y = any(f);
    switch (fuzz_pick(f, 6)) {
    case 0: add(f, graph_map(g, smooth[fuzz_pick(f, 9)], x, NULL, NULL)); break;
    case 1: add(f, graph_map(g, two[fuzz_pick(f, 7)], x, y, NULL)); break;
    case 2: add(f, graph_map(g, OP_div, x, graph_map(g, OP_add, graph_const(g, 1.5), graph_map(g, OP_abs, y, NULL, NULL), NULL), NULL)); break;
    case 3: add(f, graph_map(g, OP_select, graph_map(g, steps[fuzz_pick(f, 4)], any_leaf(f), any_leaf(f), NULL), x, y)); break;
    case 4: add(f, graph_map(g, fuzz_pick(f, 2) ? OP_floor : OP_sign, any_leaf(f), NULL, NULL)); break;
    default: add(f, graph_map(g, OP_log1p, graph_map(g, OP_sqrt, graph_map(g, OP_exp, graph_map(g, OP_tanh, x, NULL, NULL), NULL, NULL), NULL, NULL), NULL, NULL));
    }
}

static void make_fold(Fuzz *f)
{
    static const Op folds[] = { OP_sum, OP_maximum, OP_minimum, OP_logsumexp, OP_prod };
    Node *x = any_with_axis(f);
    add(f, graph_fold(f->graph, folds[fuzz_pick(f, 5)], x, some_axes(f, &x->axes)));
}

static void make_dot(Fuzz *f)
{
    Node *x = any_with_axis(f), *y = any_with_axis(f);
    Axes all = axes_union(&x->axes, &y->axes);
    if (chance(f, 50)) {
        Axes common = axes_common(&x->axes, &y->axes), fresh = axes_minus(&x->axes, &common);
        y = new_slot(f, axes_with(fresh.n ? axes_one(fresh.at[0]) : common, fresh_axis(f, 2 + fuzz_pick(f, 5), false)), CONTENT_REALS, 0);
        all = fresh.n ? axes_one(fresh.at[0]) : common;
    }
    if (axes_count(&all) > 20000 || all.n > 6) return;
    add(f, graph_dot(f->graph, x, y, some_axes(f, &all)));
}

static void make_index(Fuzz *f, bool place)
{
    Node *x = any_with_axis(f);
    Axis from = axis_of(f, x);
    int64_t size = axis_size(from);
    Coord c = { .from = from };
    switch (fuzz_pick(f, 5)) {
    case 0: c.n = 1; c.term[0].axis = fresh_axis(f, size, axis_is_item(from)); c.term[0].coef = 1; break;
    case 1: c.n = 1; c.term[0].axis = fresh_axis(f, 1 + fuzz_pick(f, size), false); c.term[0].coef = 1; c.offset = fuzz_pick(f, 4) - 1; c.wrap = chance(f, 40); break;
    case 2: c.n = 2; c.term[0].axis = fresh_axis(f, 2 + fuzz_pick(f, 3), false); c.term[1].axis = fresh_axis(f, 3, false); c.term[0].coef = 2; c.term[1].coef = 1; c.offset = -1; c.wrap = chance(f, 30); break;
    case 3: c.n = 1; c.term[0].axis = axis_of(f, x); c.term[0].coef = chance(f, 50) ? 1 : -1; c.offset = fuzz_pick(f, 3); c.wrap = chance(f, 50); break;
    default: c.offset = fuzz_pick(f, size); break;
    }
    Move move = { .n = 1, .at = { c } };
    Axes onto = axes_without(x->axes, from);
    for (int k = 0; k < c.n; k++) onto = axes_with(onto, c.term[k].axis);
    if (!place) {
        add(f, graph_index(f->graph, x, &move, onto));
    } else if (onto.n <= 5 && axes_count(&onto) < 8000) {
        Node *v = graph_index(f->graph, x, &move, onto);
        add(f, graph_place(f->graph, v, &move, chance(f, 70) ? x->axes : axes_with(axes_minus(&x->axes, &onto), from)));
    }
}

static void make_reshape(Fuzz *f)
{
    Node *x = any_with_axis(f);
    Axis a = axis_of(f, x), b = axis_of(f, x);
    Shape from = { .n = 1, .at = { a } }, to = { .n = 1 };
    if (a != b) {
        from.n = 2;
        from.at[1] = b;
        to.at[0] = fresh_axis(f, axis_size(a) * axis_size(b), false);
    } else {
        int64_t part = 1;
        while (part < 4 && axis_size(a) % (part + 1) == 0) part++;
        to.n = 2;
        to.at[0] = fresh_axis(f, part, false);
        to.at[1] = fresh_axis(f, axis_size(a) / part, false);
    }
    add(f, graph_reshape(f->graph, x, from, to));
}

static void make_concat(Fuzz *f)
{
    Node *in[3];
    Axis part[3];
    int n = 1 + (int)fuzz_pick(f, 3);
    int64_t size = 0;
    for (int i = 0; i < n; i++) {
        in[i] = any_with_axis(f);
        part[i] = chance(f, 70) ? axis_of(f, in[i]) : 0;
        size += part[i] ? axis_size(part[i]) : 1;
    }
    Axes all = { 0 };
    for (int i = 0; i < n; i++) all = axes_union(&all, &in[i]->axes);
    if (all.n > 5 || axes_count(&all) > 8000) return;
    add(f, graph_concat(f->graph, in, part, n, fresh_axis(f, size, false)));
}

static Node *places(Fuzz *f, int64_t size, Axes axes)
{
    if (f->loop && f->loop->time && chance(f, 50)) return graph_map(f->graph, OP_mod, f->loop->time, graph_const(f->graph, (double)size), NULL);
    return new_slot(f, axes, CONTENT_PLACES, size);
}

static void make_gather(Fuzz *f, bool scatter)
{
    Node *x = any_with_axis(f), *other = any_with_axis(f);
    Axis axis = axis_of(f, x);
    Axes axes = chance(f, 50) ? some_axes(f, &other->axes) : some_axes(f, &x->axes);
    if (!scatter) {
        add(f, graph_gather(f->graph, x, axis, places(f, axis_size(axis), axes)));
        return;
    }
    Axis along = fresh_axis(f, 2 + fuzz_pick(f, 6), false);
    Node *index = places(f, axis_size(along), axes);
    Axes all = axes_union(&x->axes, &index->axes);
    if (all.n > 5) return;
    add(f, graph_scatter(f->graph, x, index, along, some_axes(f, &all)));
}

static void make_put(Fuzz *f)
{
    Node *base = any_with_axis(f), *v = any(f);
    Axis axis = axis_of(f, base);
    int64_t n = 1 + fuzz_pick(f, axis_size(axis) < 9 ? axis_size(axis) : 9), size = axis_size(axis);
    if (size % 7 == 0) return;
    Axis over = fresh_axis(f, n, false);
    Node *index = new_slot(f, axes_one(over), CONTENT_PERMUTATION, size);
    if (axes_have(&v->axes, axis)) v = graph_fold(f->graph, OP_sum, v, axes_one(axis));
    if (v->axes.n && chance(f, 50)) v = graph_rename(f->graph, v, v->axes.at[0], fresh_axis(f, axis_size(v->axes.at[0]), false));
    if (chance(f, 70)) v = graph_map(f->graph, OP_add, v, graph_map(f->graph, OP_mul, graph_iota(f->graph, over), graph_const(f->graph, 0.1), NULL), NULL);
    Axes all = axes_union(&v->axes, &base->axes);
    if (all.n > 5 || axes_count(&all) > 8000) return;
    add(f, graph_put(f->graph, base, axis, index, v, axes_one(over)));
}

static void make_along(Fuzz *f)
{
    static const Op ops[] = { OP_argmax, OP_argmin, OP_argsort };
    if (chance(f, 40)) {
        Node *x = any_with_axis(f);
        add(f, graph_along(f->graph, OP_cumsum, x, axis_of(f, x), chance(f, 50)));
        return;
    }
    Node *x = any_leaf(f);
    if (x->op != OP_slot || !x->axes.n) return;
    add(f, graph_along(f->graph, ops[fuzz_pick(f, 3)], x, axis_of(f, x), chance(f, 50)));
}

static void make_draw(Fuzz *f)
{
    Node *like = any(f);
    Axes axes = like->axes;
    Shape shape = { .n = axes.n };
    shape = shuffled(f, &axes);
    Node *times[4];
    int n = 0;
    for (Loop *l = f->loop; l; l = l->outer) n++;
    int i = n;
    for (Loop *l = f->loop; l; l = l->outer) times[--i] = l->time;
    int64_t kind = fuzz_pick(f, 6);
    if (kind == 0 && !f->loop) {
        int64_t size = 5 + fuzz_pick(f, 40);
        shape = (Shape){ .n = 1, .at = { fresh_axis(f, 1 + fuzz_pick(f, size), false) } };
        add(f, graph_random(f->graph, chance(f, 50) ? RANDOM_CHOOSE : RANDOM_ROWS, next_word(f), size, shape, times, n));
        return;
    }
    add(f, graph_random(f->graph, kind < 3 ? RANDOM_UNIFORM : RANDOM_NORMAL, next_word(f), 0, shape, times, n));
}

static void make_one(Fuzz *f);

static void make_loop(Fuzz *f)
{
    if (f->loop && f->loop->outer) return;
    Graph *g = f->graph;
    int first = f->n, n_carry = 1 + (int)fuzz_pick(f, 3);
    Node *init[3];
    for (int i = 0; i < n_carry; i++) init[i] = any(f);
    Loop *outer = f->loop, *loop = graph_loop_open(g, outer, 1 + fuzz_pick(f, 4));
    f->loop = loop;
    for (int i = 0; i < n_carry; i++) add(f, graph_carry(g, loop, init[i], init[i]->axes));
    for (int i = 0; i < 6; i++) make_one(f);
    int swap = chance(f, 30);
    for (int i = 0; i < n_carry; i++) {
        Node *next = f->pool[f->n - 1 - (int)fuzz_pick(f, f->n - first < 5 ? f->n - first : 5)];
        if (swap && n_carry > 1 && axes_equal(&init[0]->axes, &init[1]->axes) && i < 2) next = loop->carry[1 - i];
        graph_loop_next(g, loop, i, graph_fit(g, next, init[i]->axes));
    }
    int keep = chance(f, 50) ? graph_loop_keep(g, loop, f->pool[f->n - 1], fresh_axis(f, loop->passes, false)) : -1;
    graph_loop_close(g, loop);
    f->loop = outer;
    f->n = first;
    for (int i = 0; i < n_carry; i++) add(f, graph_result(g, loop, i));
    if (keep >= 0) add(f, graph_result(g, loop, keep));
}

static void make_one(Fuzz *f)
{
    switch (fuzz_pick(f, 20)) {
    case 0: case 1: case 2: case 3: case 4: make_map(f); break;
    case 5: case 6: make_fold(f); break;
    case 7: case 8: case 9: make_dot(f); break;
    case 10: make_index(f, false); break;
    case 11: make_index(f, true); break;
    case 12: make_reshape(f); break;
    case 13: make_concat(f); break;
    case 14: make_gather(f, false); break;
    case 15: make_gather(f, true); break;
    case 16: make_put(f); break;
    case 17: make_along(f); break;
    case 18: make_draw(f); break;
    default: make_loop(f);
    }
}

/* ---- Whole graphs ---- */

static void add_output(Fuzz *f, Node *n)
{
    char name[32];
    snprintf(name, sizeof name, "out%d", f->n_outputs);
    uint32_t slot = store_add(f->store, name, shuffled(f, &n->axes), chance(f, 50));
    f->outputs[f->n_outputs++] = (Output){ slot, n };
}

void fuzz_begin(Fuzz *f, uint64_t seed, int size, Precision draws)
{
    *f = (Fuzz){ .graph = graph_new(), .store = store_new(PRECISION_F64), .state = seed, .seed = seed, .axes = 1, .draws = draws };
    f->oracle = oracle_new(f->graph, leaf_values, f);
    f->step = (uint64_t)fuzz_pick(f, 9);
    f->items = chance(f, 30) ? 16 * (1 + fuzz_pick(f, 8)) : chance(f, 50) ? 16 + fuzz_pick(f, 120) : 2 + fuzz_pick(f, 20);
    Axis batch = fresh_axis(f, f->items, false), item = fresh_axis(f, f->items, true), inner = fresh_axis(f, 3 + fuzz_pick(f, 20), true);
    Axis d = fresh_axis(f, 1 + fuzz_pick(f, 6), false), e = fresh_axis(f, 2 + fuzz_pick(f, 6), false);
    add(f, new_slot(f, (Axes){ 0 }, CONTENT_REALS, 0));
    add(f, new_slot(f, axes_with(axes_one(batch), d), CONTENT_REALS, 0));
    add(f, new_slot(f, axes_with(axes_one(d), e), CONTENT_REALS, 0));
    add(f, new_slot(f, axes_with(axes_one(batch), e), CONTENT_REALS, 0));
    add(f, new_slot(f, axes_one(e), CONTENT_REALS, 0));
    add(f, new_slot(f, axes_with(axes_one(inner), e), CONTENT_REALS, 0));
    f->floor = f->n;
    add(f, graph_rename(f->graph, f->pool[1], batch, item));
    add(f, graph_rename(f->graph, f->pool[3], batch, item));
    add(f, graph_iota(f->graph, d));
    add(f, graph_step(f->graph));
    f->floor = f->n;
    for (int i = 0; i < size; i++) make_one(f);
    int wanted = 1 + (int)fuzz_pick(f, FUZZ_OUTPUTS - 1);
    for (int i = 0; i < wanted; i++) add_output(f, f->pool[f->n - 1 - (int)fuzz_pick(f, f->n < 12 ? f->n : 12)]);
}

void fuzz_end(Fuzz *f)
{
    oracle_free(f->oracle);
    graph_free(f->graph);
    store_free(f->store);
}

Store *fuzz_store(const Fuzz *f, Precision precision)
{
    Store *store = store_new(precision);
    for (uint32_t i = 0; i < f->store->n; i++) {
        const Slot *slot = &f->store->slots[i];
        store_add(store, slot->name, slot->shape, slot->is_cell);
        if (!slot->filled) continue;
        for (int64_t k = 0; k < slot_count(slot); k++) slot_set(store, i, k, slot_value(f->store, i, k));
        store->slots[i].filled = true;
    }
    return store;
}

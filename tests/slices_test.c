/* slices_test.c: sums over items that are made slice by slice where the items are have the values that the oracle finds the slow way, and the same bits
 * whatever the chunks and threads: weights' gradients with inner places, those of a convolution, sums place by place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "lang/plan/plan.h"
#include "tests/oracle.h"
#include "vm/code.h"

enum { OUTPUTS = 10, LONG_WAY = 8 };

/* A layer applied to places of items, and sums over the items of all it gives. */
typedef struct Layer {
    Graph *graph;
    Store *store;
    Output outputs[OUTPUTS];
    int n;
} Layer;

static uint32_t filled(Store *store, const char *name, Shape shape)
{
    uint32_t slot = store_add(store, name, shape, true);
    for (int64_t i = 0; i < slot_count(&store->slots[slot]); i++) slot_set(store, slot, i, sin((double)(i * i % 1009) + (double)slot));
    store->slots[slot].filled = true;
    return slot;
}

static Node *read_slot(const Layer *l, uint32_t slot) { return graph_slot(l->graph, slot, 0, axes_of(l->store->slots[slot].shape)); }

static void add_output(Layer *l, Node *n)
{
    static const char *const names[OUTPUTS] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" };
    Shape shape = { .n = n->axes.n };
    memcpy(shape.at, n->axes.at, sizeof shape.at);
    l->outputs[l->n] = (Output){ store_add(l->store, names[l->n], shape, false), n };
    l->n++;
}

/* Three neighboring places of each place. */
static Node *windows(Graph *g, Node *x, Axis place, Axis at, Axis tap)
{
    Move move = { .n = 1 };
    move.at[0] = (Coord){ .from = place, .n = 2 };
    move.at[0].term[0].axis = at, move.at[0].term[0].coef = 1;
    move.at[0].term[1].axis = tap, move.at[0].term[1].coef = 1;
    return graph_index(g, x, &move, axes_with(axes_with(axes_without(x->axes, place), at), tap));
}

/* A value that is used early, and once more long after by a sum over items, when what it is made of is still there. */
static void add_long_way(Layer *l, Node *y, Axis item, Axis t, Axis h)
{
    Graph *g = l->graph;
    Axis other = axis_make(axis_size(h), 9);
    uint32_t slot = filled(l->store, "square", (Shape){ 2, { other, h } });
    Node *square = read_slot(l, slot), *twice = graph_map(g, OP_mul, y, graph_map(g, OP_cos, y, NULL, NULL), NULL), *way = twice;
    for (int i = 0; i < 9; i++) {
        way = graph_map(g, OP_tanh, graph_rename(g, graph_dot(g, square, way, axes_one(h)), other, h), NULL, NULL);
        if (i == 7) add_output(l, graph_dot(g, graph_rename(g, way, h, other), twice, axes_with(axes_one(item), t)));
    }
    add_output(l, graph_fold(g, OP_sum, graph_map(g, OP_mul, way, graph_map(g, OP_add, y, graph_map(g, OP_cos, y, NULL, NULL), NULL), NULL), axes_with(axes_one(item), t)));
}

static Layer layer_new(int64_t items, int64_t places, Precision precision)
{
    Layer l = { .graph = graph_new(), .store = store_new(precision) };
    Graph *g = l.graph;
    Axis n = axis_make(items, 1), item = axis_make(items, 2 | ITEM_AXIS), t = axis_make(places, 3), f = axis_make(20, 4), h = axis_make(24, 5);
    Axis at = axis_make(places - 2, 6), tap = axis_make(3, 7), out = axis_make(17, 8);
    uint32_t x = filled(l.store, "x", (Shape){ 3, { n, t, f } }), w = filled(l.store, "w", (Shape){ 2, { h, f } }), kernel = filled(l.store, "kernel", (Shape){ 3, { out, h, tap } });
    Node *xs = graph_rename(g, read_slot(&l, x), n, item);
    Node *y = graph_map(g, OP_tanh, graph_dot(g, read_slot(&l, w), xs, axes_one(f)), NULL, NULL);
    Node *window = windows(g, y, t, at, tap);
    Node *z = graph_map(g, OP_sigmoid, graph_dot(g, read_slot(&l, kernel), window, axes_with(axes_one(h), tap)), NULL, NULL);
    Node *slope = graph_map(g, OP_mul, y, y, NULL);
    add_output(&l, graph_dot(g, slope, xs, axes_with(axes_one(item), t)));
    add_output(&l, graph_dot(g, slope, y, axes_with(axes_one(item), t)));
    add_output(&l, graph_dot(g, slope, y, axes_one(item)));
    add_output(&l, graph_fold(g, OP_sum, slope, axes_with(axes_one(item), t)));
    add_output(&l, graph_fold(g, OP_sum, z, axes_with(axes_with(axes_one(item), at), out)));
    add_output(&l, graph_dot(g, z, window, axes_with(axes_one(item), at)));
    add_output(&l, graph_dot(g, z, z, axes_with(axes_with(axes_one(item), at), out)));
    add_output(&l, graph_dot(g, z, xs, axes_one(item)));
    add_long_way(&l, y, item, t, h);
    return l;
}

static void layer_free(Layer *l)
{
    store_free(l->store);
    graph_free(l->graph);
}

static void leaf_values(void *context, const Node *leaf, const double *times, double *values)
{
    (void)times;
    const Layer *l = context;
    const Shape *shape = &l->store->slots[leaf->key].shape;
    int64_t place[MAX_AXES];
    for (int64_t at = 0; at < axes_count(&leaf->axes); at++) {
        int64_t left = at, row = 0;
        for (int i = leaf->axes.n - 1; i >= 0; i--) place[i] = left % axis_size(leaf->axes.at[i]), left /= axis_size(leaf->axes.at[i]);
        for (int i = 0; i < shape->n; i++)
            for (int k = 0; k < leaf->axes.n; k++)
                if (leaf->axes.at[k] == shape->at[i]) row = row * axis_size(shape->at[i]) + place[k];
        values[at] = slot_value(l->store, (uint32_t)leaf->key, row);
    }
}

/* The results, one after the other, of a run in chunks of that size. */
static double *results(int64_t items, int64_t places, Precision precision, int64_t chunk, int threads, int64_t *count)
{
    Layer l = layer_new(items, places, precision);
    Diagnostics diagnostics = { 0 };
    Code *code = plan_chunked(&(Program){ .graph = l.graph, .n = l.n, .outputs = l.outputs }, l.store, chunk, &diagnostics);
    assert_non_null(code);
    Machine *machine = machine_new(threads, precision, &diagnostics);
    assert_true(machine_run(machine, code, l.store, (RunKey){ 0 }, &diagnostics));
    double *all = NULL;
    *count = 0;
    for (int i = 0; i < l.n; i++) {
        int64_t n = slot_count(&l.store->slots[l.outputs[i].slot]);
        all = realloc(all, (size_t)(*count + n) * sizeof *all);
        for (int64_t k = 0; k < n; k++) all[(*count)++] = slot_value(l.store, l.outputs[i].slot, k);
    }
    machine_free(machine);
    code_free(code);
    layer_free(&l);
    return all;
}

static const int64_t sizes[][2] = { { 100, 9 }, { 128, 5 }, { 71, 40 }, { 64, 7 }, { 129, 3 }, { 300, 4 } };
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void test_same_values(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        int64_t count, seen = 0;
        double *got = results(sizes[i][0], sizes[i][1], PRECISION_F64, 0, 1, &count);
        Layer l = layer_new(sizes[i][0], sizes[i][1], PRECISION_F64);
        Oracle *oracle = oracle_new(l.graph, leaf_values, &l);
        for (int k = 0; k < l.n; k++) {
            const double *expected = oracle_value(oracle, l.outputs[k].value);
            int64_t n = axes_count(&l.outputs[k].value->axes);
            for (int64_t j = 0; j < n; j++) assert_true(fabs(got[seen + j] - expected[j]) <= 1e-11 * (1 + fabs(expected[j])) * (double)sizes[i][0]);
            seen += n;
        }
        assert_int_equal(seen, count);
        oracle_free(oracle);
        layer_free(&l);
        free(got);
    }
}

static void test_same_bits(void **state)
{
    (void)state;
    static const struct { int64_t chunk; int threads; } variants[] = { { 16, 1 }, { 16, 3 }, { 32, 2 }, { 48, 1 }, { 128, 2 } };
    for (int i = 0; i < SIZES; i++) {
        int64_t count, again;
        double *first = results(sizes[i][0], sizes[i][1], PRECISION_F32, 32, 1, &count);
        for (size_t v = 0; v < sizeof variants / sizeof variants[0]; v++) {
            double *other = results(sizes[i][0], sizes[i][1], PRECISION_F32, variants[v].chunk, variants[v].threads, &again);
            assert_int_equal(count, again);
            assert_memory_equal(first, other, (size_t)count * sizeof *first);
            free(other);
        }
        free(first);
    }
}

/* Chosen by the planner itself: threads change no bit. */
static void test_same_bits_of_threads(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        int64_t count, again;
        double *first = results(sizes[i][0], sizes[i][1], PRECISION_F32, 0, 1, &count);
        for (int threads = 2; threads <= 3; threads++) {
            double *other = results(sizes[i][0], sizes[i][1], PRECISION_F32, 0, threads, &again);
            assert_memory_equal(first, other, (size_t)count * sizeof *first);
            free(other);
        }
        free(first);
    }
}

static int64_t count_kind(const Block *block, InstrKind kind, InstrKind within, bool inside)
{
    int64_t n = 0;
    for (int i = 0; i < block->n; i++) {
        const Instr *instr = block->at[i];
        n += inside && instr->kind == kind;
        n += count_kind(&instr->body, kind, within, inside || instr->kind == within);
    }
    return n;
}

/* Of 512 items, slices of 128 in chunks of 32: all products are made in the region, and nothing of the items is left. */
static void test_items_stay(void **state)
{
    (void)state;
    Layer l = layer_new(512, 8, PRECISION_F32);
    Diagnostics diagnostics = { 0 };
    l.n = 1;
    Code *code = plan(&(Program){ .graph = l.graph, .n = l.n, .outputs = l.outputs }, l.store, &diagnostics);
    assert_non_null(code);
    assert_int_equal(count_kind(&code->main, INSTR_CHUNKS, INSTR_REGION, false), 1);
    assert_int_equal(count_kind(&code->main, INSTR_PRODUCT, INSTR_REGION, false), 2);
    assert_true(code->arena_values < 512 * 8 * 20);
    code_free(code);
    layer_free(&l);
}

/* Items with very much to keep go through in chunks of 16, each summed by itself. */
static void test_heavy_items(void **state)
{
    (void)state;
    Layer l = layer_new(64, 6000, PRECISION_F32);
    Diagnostics diagnostics = { 0 };
    Code *code = plan(&(Program){ .graph = l.graph, .n = 1, .outputs = &l.outputs[LONG_WAY] }, l.store, &diagnostics);
    assert_non_null(code);
    assert_int_equal(count_kind(&code->main, INSTR_CHUNKS, INSTR_REGION, false), 0);
    assert_true(count_kind(&code->main, INSTR_PRODUCT, INSTR_REGION, false) > 2);
    for (int i = 0; i < code->main.n; i++)
        if (code->main.at[i]->kind == INSTR_REGION) assert_int_equal(code->main.at[i]->chunk, 16);
    code_free(code);
    layer_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_values), cmocka_unit_test(test_same_bits), cmocka_unit_test(test_same_bits_of_threads), cmocka_unit_test(test_items_stay),
        cmocka_unit_test(test_heavy_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* slices_test.c: sums over items that are made slice by slice where the items are have the values that the oracle finds the slow way, and the same bits
 * whatever the chunks and threads: weights' gradients with inner places, those of a convolution, sums place by place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/layer.h"
#include "vm/code.h"

enum { LONG_WAY = 8 };          /* number of a result */

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
    uint32_t slot = layer_slot(l, "square", (Shape){ 2, { other, h } });
    Node *square = layer_read(l, slot), *twice = graph_map(g, OP_mul, y, graph_map(g, OP_cos, y, NULL, NULL), NULL), *way = twice;
    for (int i = 0; i < 9; i++) {
        way = graph_map(g, OP_tanh, graph_rename(g, graph_dot(g, square, way, axes_one(h)), other, h), NULL, NULL);
        if (i == 7) layer_output(l, graph_dot(g, graph_rename(g, way, h, other), twice, axes_with(axes_one(item), t)));
    }
    layer_output(l, graph_fold(g, OP_sum, graph_map(g, OP_mul, way, graph_map(g, OP_add, y, graph_map(g, OP_cos, y, NULL, NULL), NULL), NULL), axes_with(axes_one(item), t)));
}

static Layer layer_new(int64_t items, int64_t places, Precision precision)
{
    Layer l = layer_begin(precision);
    Graph *g = l.graph;
    Axis n = axis_make(items, 1), item = axis_make(items, 2 | ITEM_AXIS), t = axis_make(places, 3), f = axis_make(20, 4), h = axis_make(24, 5);
    Axis at = axis_make(places - 2, 6), tap = axis_make(3, 7), out = axis_make(17, 8);
    uint32_t x = layer_slot(&l, "x", (Shape){ 3, { n, t, f } }), w = layer_slot(&l, "w", (Shape){ 2, { h, f } }), kernel = layer_slot(&l, "kernel", (Shape){ 3, { out, h, tap } });
    Node *xs = graph_rename(g, layer_read(&l, x), n, item);
    Node *y = graph_map(g, OP_tanh, graph_dot(g, layer_read(&l, w), xs, axes_one(f)), NULL, NULL);
    Node *window = windows(g, y, t, at, tap);
    Node *z = graph_map(g, OP_sigmoid, graph_dot(g, layer_read(&l, kernel), window, axes_with(axes_one(h), tap)), NULL, NULL);
    Node *slope = graph_map(g, OP_mul, y, y, NULL);
    layer_output(&l, graph_dot(g, slope, xs, axes_with(axes_one(item), t)));
    layer_output(&l, graph_dot(g, slope, y, axes_with(axes_one(item), t)));
    layer_output(&l, graph_dot(g, slope, y, axes_one(item)));
    layer_output(&l, graph_fold(g, OP_sum, slope, axes_with(axes_one(item), t)));
    layer_output(&l, graph_fold(g, OP_sum, z, axes_with(axes_with(axes_one(item), at), out)));
    layer_output(&l, graph_dot(g, z, window, axes_with(axes_one(item), at)));
    layer_output(&l, graph_dot(g, z, z, axes_with(axes_with(axes_one(item), at), out)));
    layer_output(&l, graph_dot(g, z, xs, axes_one(item)));
    add_long_way(&l, y, item, t, h);
    return l;
}

static const int64_t sizes[][2] = { { 100, 9 }, { 128, 5 }, { 71, 40 }, { 64, 7 }, { 129, 3 }, { 300, 4 } };
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void test_same_values(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) layer_check_values(layer_new, sizes[i][0], sizes[i][1]);
}

static void test_same_bits(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) layer_check_bits(layer_new, sizes[i][0], sizes[i][1]);
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
    l.n = 1;
    Code *code = layer_plan(&l, 0);
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
    l.outputs[0] = l.outputs[LONG_WAY];
    l.n = 1;
    Code *code = layer_plan(&l, 0);
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
        cmocka_unit_test(test_same_values), cmocka_unit_test(test_same_bits), cmocka_unit_test(test_items_stay),
        cmocka_unit_test(test_heavy_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

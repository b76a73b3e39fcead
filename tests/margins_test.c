/* margins_test.c: products over windows of an image with zeros around it leave the zeros out, forward and backward, and give what the oracle finds the
 * slow way, with the same bits whatever the chunks and threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include "tests/layer.h"
#include "vm/code.h"

enum { KERNEL = 3, INPUTS = 17, FEATURES = 20 };

static int64_t places_for(int64_t size, int stride, int pad) { return (size + 2 * pad - KERNEL) / stride + 1; }

static Coord window(Axis from, Axis tap, Axis at, int stride, int pad)
{
    return (Coord){ .from = from, .offset = -pad, .n = 2, .term = { { tap, 1 }, { at, stride } } };
}

/* A convolution of images of size x (size + 2) values, its gradients by the images and by the kernel. */
static Layer convolution(int64_t items, int64_t size, Precision precision, int stride, int pad)
{
    Layer l = layer_begin(precision);
    Graph *g = l.graph;
    Axis n = axis_make(items, 1), item = axis_make(items, 2 | ITEM_AXIS), y = axis_make(size, 3), x = axis_make(size + 2, 4), c = axis_make(INPUTS, 5);
    Axis v = axis_make(places_for(size, stride, pad), 6), u = axis_make(places_for(size + 2, stride, pad), 7);
    Axis dy = axis_make(KERNEL, 8), dx = axis_make(KERNEL, 9), f = axis_make(FEATURES, 10);
    uint32_t image = layer_slot(&l, "image", (Shape){ 4, { n, y, x, c } }), kernel = layer_slot(&l, "kernel", (Shape){ 4, { f, c, dy, dx } });
    Node *h = graph_map(g, OP_tanh, graph_rename(g, layer_read(&l, image), n, item), NULL, NULL), *weights = layer_read(&l, kernel);
    Move move = { .n = 2, .at = { window(y, dy, v, stride, pad), window(x, dx, u, stride, pad) } };
    Axes taps = axes_with(axes_one(dy), dx), results = axes_with(axes_with(axes_one(item), v), u), both = axes_union(&taps, &results);
    Node *windows = graph_index(g, h, &move, axes_with(both, c));
    Node *z = graph_map(g, OP_tanh, graph_dot(g, weights, windows, axes_with(taps, c)), NULL, NULL);
    Node *back = graph_place(g, graph_dot(g, weights, z, axes_one(f)), &move, h->axes);
    layer_output(&l, graph_rename(g, z, item, n));
    layer_output(&l, graph_rename(g, graph_map(g, OP_mul, back, h, NULL), item, n));
    layer_output(&l, graph_dot(g, z, windows, results));
    return l;
}

static Layer half_size(int64_t items, int64_t size, Precision precision) { return convolution(items, size, precision, 2, 1); }
static Layer same_size(int64_t items, int64_t size, Precision precision) { return convolution(items, size, precision, 1, 1); }
static Layer far_around(int64_t items, int64_t size, Precision precision) { return convolution(items, size, precision, 1, 5); }
static Layer no_margin(int64_t items, int64_t size, Precision precision) { return convolution(items, size, precision, 1, 0); }

static MakeLayer *const layers[] = { half_size, same_size, far_around, no_margin };

static void test_same_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        for (int64_t items = 3; items <= 35; items += 32) layer_check_values(layers[i], items, 5);
}

static void test_same_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) layer_check_bits(layers[i], 70, 6);
}

/* The products of a layer, at most that many. */
static int find_products(const Block *block, const Instr **found, int most)
{
    int n = 0;
    for (int i = 0; i < block->n && n < most; i++) {
        if (block->at[i]->kind == INSTR_PRODUCT) found[n++] = block->at[i];
        n += find_products(&block->at[i]->body, found + n, most - n);
    }
    return n;
}

static double share_of_flops(const Instr *instr)
{
    double all = 2;
    for (int d = 0; d < instr->n_dims; d++) all *= (double)instr->dim[d];
    return instr_flops(instr) / all;
}

/* Of 7 rows of results of 7 rows of images, 19 of 21 taps are within; of 9 columns 25 of 27.  Columns and inputs are one dim of the last product. */
static void test_left_out(void **state)
{
    (void)state;
    static const int margins[] = { 2, 2, 1 };
    Layer l = same_size(64, 7, PRECISION_F32);
    Code *code = layer_plan(&l, 0);
    const Instr *products[4];
    assert_int_equal(find_products(&code->main, products, 4), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(products[i]->n_margins, margins[i]);
        assert_true(fabs(share_of_flops(products[i]) - 19.0 / 21 * (margins[i] == 2 ? 25.0 / 27 : 1)) < 1e-12);
    }
    code_free(code);
    layer_free(&l);
}

static void test_nothing_to_leave_out(void **state)
{
    (void)state;
    Layer l = no_margin(64, 7, PRECISION_F32);
    Code *code = layer_plan(&l, 0);
    const Instr *products[4];
    assert_int_equal(find_products(&code->main, products, 4), 3);
    for (int i = 0; i < 3; i++) assert_int_equal(products[i]->n_margins, 0);
    code_free(code);
    layer_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_same_values), cmocka_unit_test(test_same_bits), cmocka_unit_test(test_left_out),
                                         cmocka_unit_test(test_nothing_to_leave_out) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

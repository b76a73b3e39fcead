/* plan_test.c: the shape of the code that graphs become: what is one region, one instruction, or no work at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include "lang/plan/plan.h"
#include "vm/code.h"

/* ---- Graphs to plan ---- */

typedef struct Bench { Graph *g; Store *store; Output outputs[8]; int n; Code *code; } Bench;

static Bench bench_new(void) { return (Bench){ .g = graph_new(), .store = store_new(PRECISION_F32) }; }

static void bench_free(Bench *b)
{
    code_free(b->code);
    store_free(b->store);
    graph_free(b->g);
}

static Node *cell(Bench *b, const char *name, Shape shape)
{
    uint32_t slot = store_add(b->store, name, shape, true);
    slot_memory(b->store, slot);
    b->store->slots[slot].filled = true;
    return graph_slot(b->g, slot, 0, axes_of(shape));
}

static void output(Bench *b, const char *name, Shape shape, Node *value) { b->outputs[b->n++] = (Output){ store_add(b->store, name, shape, true), value }; }

static void plan_bench(Bench *b)
{
    Diagnostics diagnostics = { 0 };
    b->code = plan(&(Program){ b->g, b->n, b->outputs }, b->store, &diagnostics);
    assert_non_null(b->code);
    assert_int_equal(diagnostics.errors, 0);
}

/* ---- Looking at code ---- */

static int count(const Block *block, InstrKind kind)
{
    int n = 0;
    for (int i = 0; i < block->n; i++) n += (block->at[i]->kind == kind) + count(&block->at[i]->body, kind);
    return n;
}

static int count_all(const Block *block)
{
    int n = block->n;
    for (int i = 0; i < block->n; i++) n += count_all(&block->at[i]->body);
    return n;
}

static const Instr *find(const Block *block, InstrKind kind)
{
    for (int i = 0; i < block->n; i++) {
        if (block->at[i]->kind == kind) return block->at[i];
        const Instr *inside = find(&block->at[i]->body, kind);
        if (inside) return inside;
    }
    return NULL;
}

/* ---- Tests ---- */

static Node *map1(Graph *g, Op op, Node *x) { return graph_map(g, op, x, NULL, NULL); }
static Node *map2(Graph *g, Op op, Node *x, Node *y) { return graph_map(g, op, x, y, NULL); }

/* Chains that move on their own, each by a layer of a network: all passes run inside one region, and only weights and chains are global. */
static void test_chains_are_one_region(void **state)
{
    (void)state;
    Bench b = bench_new();
    Axis n = axis_make(100, 1), item = axis_make(100, 2 | ITEM_AXIS), d = axis_make(3, 3), h = axis_make(20, 4);
    Node *x = cell(&b, "x", (Shape){ 2, { n, d } }), *w = cell(&b, "w", (Shape){ 2, { h, d } });
    Node *start = graph_rename(b.g, x, n, item);
    Loop *loop = graph_loop_open(b.g, NULL, 5);
    Node *carry = graph_carry(b.g, loop, start, start->axes);
    Node *hidden = map1(b.g, OP_tanh, graph_dot(b.g, w, carry, axes_one(d)));
    graph_loop_next(b.g, loop, 0, map2(b.g, OP_sub, carry, graph_dot(b.g, w, hidden, axes_one(h))));
    graph_loop_close(b.g, loop);
    output(&b, "moved", (Shape){ 2, { n, d } }, graph_rename(b.g, graph_result(b.g, loop, 0), item, n));
    plan_bench(&b);
    assert_int_equal(count(&b.code->main, INSTR_REGION), 1);
    const Instr *region = find(&b.code->main, INSTR_REGION);
    assert_int_equal(region->items, 100);
    assert_int_equal(region->chunk % 16, 0);
    assert_int_equal(count(&region->body, INSTR_LOOP), 1);
    assert_int_equal(count(&region->body, INSTR_PRODUCT), 2);
    assert_int_equal(count(&region->body, INSTR_MAP), 2);
    assert_true(b.code->arena_values < 3 * 112 + 64);
    bench_free(&b);
}

/* A statistic of the items parts the work before it from the work after it. */
static void test_statistic_parts_regions(void **state)
{
    (void)state;
    Bench b = bench_new();
    Axis n = axis_make(64, 1 | ITEM_AXIS), d = axis_make(3, 3);
    Node *x = cell(&b, "x", (Shape){ 2, { n, d } });
    Node *y = map1(b.g, OP_exp, x), *mean = graph_fold(b.g, OP_sum, y, axes_one(n));
    output(&b, "y", (Shape){ 2, { n, d } }, map1(b.g, OP_tanh, map2(b.g, OP_sub, y, mean)));
    plan_bench(&b);
    assert_int_equal(count(&b.code->main, INSTR_REGION), 2);
    assert_int_equal(b.code->main.at[0]->kind, INSTR_REGION);
    assert_int_equal(b.code->main.at[1]->kind, INSTR_FOLD_LINE);
    assert_int_equal(b.code->main.at[2]->kind, INSTR_REGION);
    bench_free(&b);
}

/* What a later region alone needs, and can make of what is kept for it anyway, is not kept: two arrays, of exp(x) and of the result. */
static void test_maps_wait_for_their_region(void **state)
{
    (void)state;
    Bench b = bench_new();
    Axis n = axis_make(1024, 1 | ITEM_AXIS), d = axis_make(3, 3);
    Node *x = cell(&b, "x", (Shape){ 2, { n, d } }), *one = graph_const(b.g, 1);
    Node *y = map1(b.g, OP_exp, x), *early = map2(b.g, OP_sub, one, y), *mean = graph_fold(b.g, OP_sum, y, axes_one(n));
    output(&b, "y", (Shape){ 2, { n, d } }, map2(b.g, OP_mul, early, map2(b.g, OP_sub, y, mean)));
    plan_bench(&b);
    assert_int_equal(count(&b.code->main, INSTR_REGION), 2);
    assert_int_equal(count(&b.code->main, INSTR_MAP), 2);
    assert_true(b.code->arena_values < 2 * 3 * 1024 + 256);
    bench_free(&b);
}

/* A product that one sum uses runs with it; one that is stored, or used twice, does not. */
static void test_steps_join(void **state)
{
    (void)state;
    Bench b = bench_new();
    Axis n = axis_make(64, 1);
    Shape shape = { 1, { n } };
    Node *x = cell(&b, "x", shape), *y = cell(&b, "y", shape), *xy = map2(b.g, OP_mul, x, y), *both = map2(b.g, OP_add, xy, y);
    Node *less = map2(b.g, OP_sub, y, map2(b.g, OP_add, x, graph_const(b.g, 0.5))), *twice = map2(b.g, OP_sub, x, y);
    output(&b, "stored", shape, xy);
    output(&b, "sum", shape, both);
    output(&b, "less", shape, less);
    output(&b, "square", shape, map2(b.g, OP_mul, twice, twice));
    plan_bench(&b);
    const TileProgram *tile = find(&b.code->main, INSTR_MAP)->tile;
    assert_int_equal(tile->n_steps, 6);
    assert_int_equal(tile->n_joined, 5);
    int joined = 0;
    for (int i = 0; i < tile->n_joined; i++) joined += tile->joined[i].op == JOINED_add_from;
    assert_int_equal(joined, 1);
    bench_free(&b);
}

/* A sum, its sigmoid and their product, all stored, are one step; the chain that makes x sigmoid(x)'s derivative is another.  What is used between keeps its
 * register. */
static void test_curves_join(void **state)
{
    (void)state;
    Bench b = bench_new();
    Axis n = axis_make(64, 1);
    Shape shape = { 1, { n } };
    Node *x = cell(&b, "x", shape), *y = cell(&b, "y", shape), *sum = map2(b.g, OP_add, x, y), *s = map1(b.g, OP_sigmoid, sum), *gate = map2(b.g, OP_mul, s, sum);
    Node *d = map2(b.g, OP_mul, map2(b.g, OP_add, s, map2(b.g, OP_mul, gate, map2(b.g, OP_sub, graph_const(b.g, 1), s))), y);
    output(&b, "gate", shape, gate);
    output(&b, "d", shape, d);
    output(&b, "tanh", shape, map1(b.g, OP_tanh, map2(b.g, OP_add, x, graph_const(b.g, 1))));
    plan_bench(&b);
    const TileProgram *tile = find(&b.code->main, INSTR_MAP)->tile;
    assert_int_equal(tile->n_steps, 9);
    assert_int_equal(tile->n_joined, 3);
    int found = 0;
    for (int i = 0; i < tile->n_joined; i++)
        found += tile->joined[i].op == JOINED_add_sigmoid_gate || tile->joined[i].op == JOINED_sub_mul_add_mul || tile->joined[i].op == JOINED_add_tanh;
    assert_int_equal(found, 3);
    bench_free(&b);
}

/* Maps over the same axes are one instruction, and what they alone use is never stored. */
static void test_maps_fuse(void **state)
{
    (void)state;
    Bench b = bench_new();
    Axis a = axis_make(1000, 1);
    Node *x = cell(&b, "x", (Shape){ 1, { a } }), *m = cell(&b, "m", (Shape){ 1, { a } }), *rate = cell(&b, "rate", (Shape){ 0 });
    Node *next = map2(b.g, OP_add, map2(b.g, OP_mul, m, graph_const(b.g, 0.9)), map2(b.g, OP_mul, x, graph_const(b.g, 0.1)));
    b.outputs[b.n++] = (Output){ 1, next };
    b.outputs[b.n++] = (Output){ 0, map2(b.g, OP_sub, x, map2(b.g, OP_mul, rate, map1(b.g, OP_sqrt, next))) };
    plan_bench(&b);
    assert_int_equal(count_all(&b.code->main), 1);
    const Instr *map = b.code->main.at[0];
    assert_int_equal(map->kind, INSTR_MAP);
    assert_int_equal(map->tile->n_results, 2);
    assert_int_equal(map->n_refs, 5);
    /* next values change places with the old ones */
    assert_int_equal(count(&b.code->commit, INSTR_SWAP), 2);
    assert_int_equal(count(&b.code->commit, INSTR_COPY), 0);
    bench_free(&b);
}

/* One operation on a value that is kept for later anyway is made again later: only that value goes through memory. */
static void test_made_again(void **state)
{
    (void)state;
    Bench b = bench_new();
    Axis a = axis_make(1000, 1);
    Node *y = map1(b.g, OP_exp, cell(&b, "x", (Shape){ 1, { a } })), *half = map2(b.g, OP_mul, y, graph_const(b.g, 0.5));
    Node *total = graph_fold(b.g, OP_sum, map1(b.g, OP_tanh, half), axes_one(a));
    output(&b, "z", (Shape){ 1, { a } }, map2(b.g, OP_mul, y, map2(b.g, OP_add, total, half)));
    plan_bench(&b);
    assert_int_equal(count(&b.code->main, INSTR_MAP), 2);
    assert_int_equal(find(&b.code->main, INSTR_MAP)->tile->n_results, 2);
    const Instr *last = b.code->main.at[b.code->main.n - 1];
    assert_int_equal(last->kind, INSTR_MAP);
    assert_int_equal(last->tile->n_steps, 3);
    assert_int_equal(last->n_refs, 3);
    bench_free(&b);
}

/* Many maps do not fit the registers of one program, and still become few. */
static void test_long_maps_are_cut(void **state)
{
    (void)state;
    Bench b = bench_new();
    Axis a = axis_make(100, 1);
    Node *sum = NULL;
    for (int i = 0; i < 50; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", i);
        Node *x = map1(b.g, OP_tanh, cell(&b, name, (Shape){ 1, { a } }));
        sum = sum ? map2(b.g, OP_add, sum, x) : x;
    }
    output(&b, "sum", (Shape){ 1, { a } }, sum);
    plan_bench(&b);
    int maps = count(&b.code->main, INSTR_MAP);
    assert_in_range(maps, 2, 4);
    for (int i = 0; i < b.code->main.n; i++) assert_true(b.code->main.at[i]->tile->n_registers <= TILE_REGISTERS);
    bench_free(&b);
}

/* Transposes, windows inside an image and flattening are strides. */
static void test_views_cost_nothing(void **state)
{
    (void)state;
    Bench b = bench_new();
    Axis h = axis_make(8, 1), w = axis_make(9, 2), i = axis_make(6, 3), p = axis_make(3, 4), o = axis_make(5, 5), both = axis_make(54, 6);
    Node *x = cell(&b, "x", (Shape){ 2, { h, w } }), *k = cell(&b, "k", (Shape){ 2, { o, p } });
    Move window = { 1, { { .from = h, .n = 2, .term = { { i, 1 }, { p, 1 } } } } };
    Node *windows = graph_index(b.g, x, &window, axes_with(axes_with(axes_one(w), i), p));
    Node *y = graph_dot(b.g, k, windows, axes_one(p));
    output(&b, "y", (Shape){ 2, { o, both } }, graph_reshape(b.g, y, (Shape){ 2, { i, w } }, (Shape){ 1, { both } }));
    plan_bench(&b);
    assert_int_equal(count_all(&b.code->main), 1);
    assert_int_equal(b.code->main.at[0]->kind, INSTR_PRODUCT);
    bench_free(&b);
}

/* Values that are never needed together share memory. */
static void test_memory_is_shared(void **state)
{
    (void)state;
    Bench b = bench_new();
    Axis a = axis_make(64, 1), c = axis_make(64, 2);
    Node *w = cell(&b, "w", (Shape){ 2, { a, c } }), *x = w;
    for (int i = 0; i < 20; i++) {
        x = map1(b.g, OP_tanh, x);
        Node *turned = graph_rename(b.g, x, c, axis_make(64, 3));
        x = graph_rename(b.g, graph_dot(b.g, w, graph_rename(b.g, turned, a, c), axes_one(c)), axis_make(64, 3), c);
    }
    output(&b, "x", (Shape){ 2, { a, c } }, x);
    plan_bench(&b);
    assert_int_equal(count(&b.code->main, INSTR_PRODUCT), 20);
    assert_true(b.code->arena_values <= 3 * (64 * 64 + 16));
    bench_free(&b);
}

/* Parameters keep to plain arrays even where their axis has the size and name of a mapped one. */
static void test_parameters_are_not_chunked(void **state)
{
    (void)state;
    Bench b = bench_new();
    Axis n = axis_make(64, 1 | ITEM_AXIS), d = axis_make(64, 3), feature = axis_make(64, 4 | ITEM_AXIS);
    Node *x = cell(&b, "x", (Shape){ 2, { n, d } }), *w = cell(&b, "w", (Shape){ 1, { d } });
    Node *deviation = map1(b.g, OP_exp, graph_rename(b.g, graph_fold(b.g, OP_sum, map1(b.g, OP_tanh, x), axes_one(n)), d, feature));
    output(&b, "s", (Shape){ 0 }, graph_fold(b.g, OP_sum, deviation, axes_one(feature)));
    b.outputs[b.n++] = (Output){ 1, map2(b.g, OP_mul, w, w) };
    plan_bench(&b);
    bool plain = false;
    for (int i = 0; i < b.code->main.n; i++) plain |= b.code->main.at[i]->kind == INSTR_MAP && b.code->main.at[i]->op == OP_mul;
    assert_true(plain);
    bench_free(&b);
}

/* Rows that a net is applied to by an index of an equation are chunked as rows it is mapped over; not its features, though a function is mapped over these. */
static void test_rows_of_an_equation(void **state)
{
    (void)state;
    Bench b = bench_new();
    Axis n = axis_make(2048, 1), d = axis_make(64, 3), h = axis_make(64, 4), feature = axis_make(64, 5 | ITEM_AXIS);
    Node *x = map1(b.g, OP_exp, cell(&b, "x", (Shape){ 2, { n, d } })), *w = cell(&b, "w", (Shape){ 2, { h, d } });
    Node *y = graph_rename(b.g, map1(b.g, OP_tanh, graph_rename(b.g, graph_dot(b.g, w, x, axes_one(d)), h, feature)), feature, h);
    output(&b, "s", (Shape){ 1, { n } }, graph_fold(b.g, OP_sum, y, axes_one(h)));
    plan_bench(&b);
    assert_int_equal(count(&b.code->main, INSTR_REGION), 1);
    assert_int_equal(find(&b.code->main, INSTR_REGION)->items, 2048);
    bench_free(&b);
}

/* Variances of columns: no matrix on either side of the product, so its sums run lane by lane along what is contiguous. */
static void test_sums_of_squares_by_column(void **state)
{
    (void)state;
    Bench b = bench_new();
    Axis a = axis_make(40, 1), c = axis_make(16, 2), n = axis_make(128, 3);
    Node *x = cell(&b, "x", (Shape){ 3, { a, c, n } });
    Axes summed = axes_with(axes_one(a), n);
    output(&b, "s", (Shape){ 1, { c } }, graph_dot(b.g, x, x, summed));
    plan_bench(&b);
    assert_int_equal(count(&b.code->main, INSTR_PRODUCT), 0);
    const Instr *dot = find(&b.code->main, INSTR_LANE_DOT), *sum = find(&b.code->main, INSTR_FOLD_LINE);
    assert_non_null(dot);
    assert_non_null(sum);
    assert_int_equal(dot->dim[dot->n_dims - 2], 40);
    assert_int_equal(dot->dim[dot->n_dims - 1], 16 * 128);
    assert_true(dot->split >= 0);
    assert_int_equal(sum->op, OP_sum);
    assert_int_equal(sum->dim[sum->n_dims - 1], 128);
    bench_free(&b);
}

static Node *gradient(Bench *b, const char *x, const char *y, Axis n, Axis i, Axis j)
{
    return graph_dot(b->g, cell(b, x, (Shape){ 2, { i, n } }), cell(b, y, (Shape){ 2, { j, n } }), axes_one(n));
}

/* A gradient by two uses of a weight, and what is made of it, under other names: one product of two pairs, a map of the weight, no copy. */
static void test_sums_of_products(void **state)
{
    (void)state;
    Bench b = bench_new();
    Axis i = axis_make(20, 1), j = axis_make(30, 2), n = axis_make(48, 3), r = axis_make(20, 4), c = axis_make(30, 5);
    Node *w = cell(&b, "w", (Shape){ 2, { r, c } });
    Node *sum = map2(b.g, OP_add, gradient(&b, "x", "y", n, i, j), gradient(&b, "u", "v", n, i, j));
    sum = graph_rename(b.g, graph_rename(b.g, sum, i, r), j, c);
    output(&b, "g", (Shape){ 2, { r, c } }, sum);
    b.outputs[b.n++] = (Output){ (uint32_t)w->key, map2(b.g, OP_sub, w, sum) };
    plan_bench(&b);
    const Instr *product = find(&b.code->main, INSTR_PRODUCT), *map = find(&b.code->main, INSTR_MAP);
    assert_int_equal(count_all(&b.code->main), 2);
    assert_non_null(product);
    assert_non_null(map);
    assert_int_equal(instr_terms(product), 2);
    assert_int_equal(instr_pairs(product), 2);
    assert_true(instr_flops(product) == 2.0 * 2 * 20 * 30 * 48);
    for (int k = 0; k < b.code->commit.n; k++) {
        assert_int_equal(b.code->commit.at[k]->kind, INSTR_SWAP);
        assert_true(b.code->commit.at[k]->ref[1].guarded);          /* by the map: one is its operand, one its result */
    }
    bench_free(&b);
}

/* Pairs of another length add themselves; a product that something else needs stays by itself, and small ones are no matter. */
static void test_sums_that_are_no_one_product(void **state)
{
    (void)state;
    Bench b = bench_new();
    Axis i = axis_make(20, 1), j = axis_make(30, 2), n = axis_make(48, 3), k = axis_make(64, 4), few = axis_make(4, 5);
    output(&b, "longer", (Shape){ 2, { i, j } }, map2(b.g, OP_add, gradient(&b, "x", "y", n, i, j), gradient(&b, "u", "v", k, i, j)));
    plan_bench(&b);
    assert_int_equal(count(&b.code->main, INSTR_PRODUCT), 2);
    assert_int_equal(count(&b.code->main, INSTR_MAP), 0);
    assert_true(b.code->main.at[b.code->main.n - 1]->flag);
    bench_free(&b);
    b = bench_new();
    Node *other = gradient(&b, "x", "y", n, i, j);
    output(&b, "sum", (Shape){ 2, { i, j } }, map2(b.g, OP_add, other, gradient(&b, "u", "v", n, i, j)));
    output(&b, "other", (Shape){ 2, { i, j } }, other);
    output(&b, "few", (Shape){ 2, { few, j } }, map2(b.g, OP_add, gradient(&b, "a", "b", n, few, j), gradient(&b, "c", "d", n, few, j)));
    plan_bench(&b);
    assert_int_equal(count(&b.code->main, INSTR_PRODUCT), 4);
    assert_int_equal(count(&b.code->main, INSTR_MAP), 2);
    bench_free(&b);
}

static void test_cost(void **state)
{
    (void)state;
    Bench b = bench_new();
    Axis n = axis_make(100, 1 | ITEM_AXIS), d = axis_make(30, 3), h = axis_make(20, 4);
    Node *x = cell(&b, "x", (Shape){ 2, { n, d } }), *w = cell(&b, "w", (Shape){ 2, { h, d } });
    output(&b, "y", (Shape){ 2, { n, h } }, graph_dot(b.g, w, x, axes_one(d)));
    plan_bench(&b);
    Cost cost = code_cost(b.code);
    assert_true(cost.flops == 2.0 * 100 * 30 * 20);
    assert_true(cost.bytes > 4.0 * (100 * 30 + 30 * 20 + 100 * 20));
    assert_int_equal(cost.arena, 4 * (b.code->arena_values + b.code->local_values));
    bench_free(&b);
}

static void test_too_large(void **state)
{
    (void)state;
    Bench b = bench_new();
    Node *x = graph_iota(b.g, axis_make(1 << 20, 1)), *y = graph_iota(b.g, axis_make(1 << 20, 2));
    Node *sum = graph_fold(b.g, OP_sum, map1(b.g, OP_tanh, map2(b.g, OP_add, x, y)), axes_one(axis_make(1 << 20, 1)));
    output(&b, "s", (Shape){ 1, { axis_make(1 << 20, 2) } }, sum);
    Diagnostics diagnostics = { 0 };
    assert_null(plan(&(Program){ b.g, b.n, b.outputs }, b.store, &diagnostics));
    assert_int_equal(diagnostics.errors, 1);
    assert_string_equal(diagnostics.first->code, "E0904");
    diagnostics_free(&diagnostics);
    bench_free(&b);
}

/* Every instruction has its line. */
static void test_print(void **state)
{
    (void)state;
    Bench b = bench_new();
    Axis n = axis_make(40, 1 | ITEM_AXIS), d = axis_make(3, 3);
    Node *x = cell(&b, "x", (Shape){ 2, { n, d } });
    output(&b, "s", (Shape){ 1, { d } }, graph_fold(b.g, OP_sum, map1(b.g, OP_exp, x), axes_one(n)));
    plan_bench(&b);
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    code_print(out, b.code);
    fclose(out);
    assert_non_null(strstr(text, "region of 40 items in chunks of 16\n  map"));
    assert_non_null(strstr(text, "=exp(r"));
    assert_non_null(strstr(text, "\nfold line sum"));
    assert_non_null(strstr(text, "\ncommit\n"));
    free(text);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chains_are_one_region), cmocka_unit_test(test_statistic_parts_regions), cmocka_unit_test(test_maps_wait_for_their_region), cmocka_unit_test(test_steps_join), cmocka_unit_test(test_curves_join),
        cmocka_unit_test(test_maps_fuse), cmocka_unit_test(test_made_again),
        cmocka_unit_test(test_long_maps_are_cut), cmocka_unit_test(test_views_cost_nothing), cmocka_unit_test(test_memory_is_shared),
        cmocka_unit_test(test_parameters_are_not_chunked), cmocka_unit_test(test_rows_of_an_equation), cmocka_unit_test(test_sums_of_squares_by_column), cmocka_unit_test(test_sums_of_products),
        cmocka_unit_test(test_sums_that_are_no_one_product), cmocka_unit_test(test_cost), cmocka_unit_test(test_too_large), cmocka_unit_test(test_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* machine_test.c: planned and run, random graphs of all ops have the values that the oracle finds the slow way; threads and chunks change no
 * bit; a run after the first allocates nothing; what goes wrong is reported where it arose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "lang/plan/plan.h"
#include "tests/fuzz_graph.h"

/* ---- Running ---- */

static bool run_program(Graph *graph, Output *outputs, int n, Store *store, int64_t chunk, RunKey key, Diagnostics *diagnostics)
{
    Program program = { .graph = graph, .n = n, .outputs = outputs };
    Code *code = plan_chunked(&program, store, chunk, diagnostics);
    if (!code) return false;
    Machine *machine = machine_new(1, store->precision, diagnostics);
    assert_non_null(machine);
    bool well = machine_run(machine, code, store, key, diagnostics);
    machine_free(machine);
    code_free(code);
    return well;
}

static int64_t row_place(const Axes *axes, const Shape *shape, int64_t at)
{
    int64_t place[MAX_AXES], row = 0;
    for (int i = axes->n - 1; i >= 0; i--) place[i] = at % axis_size(axes->at[i]), at /= axis_size(axes->at[i]);
    for (int i = 0; i < shape->n; i++)
        for (int k = 0; k < axes->n; k++)
            if (axes->at[k] == shape->at[i]) row = row * axis_size(shape->at[i]) + place[k];
    return row;
}

/* Largest difference from the oracle, relative to 1 and the largest value. */
static double worst_difference(Fuzz *f, const Store *store)
{
    double worst = 0;
    for (int i = 0; i < f->n_outputs; i++) {
        const Output *o = &f->outputs[i];
        const double *expected = oracle_value(f->oracle, o->value);
        double scale = 1;
        for (int64_t k = 0; k < axes_count(&o->value->axes); k++) scale = fmax(scale, fabs(expected[k]));
        for (int64_t k = 0; k < axes_count(&o->value->axes); k++) {
            double got = slot_value(store, o->slot, row_place(&o->value->axes, &store->slots[o->slot].shape, k));
            double difference = isnan(got) ? INFINITY : fabs(got - expected[k]) / scale;
            if (difference > worst) worst = difference;
        }
    }
    return worst;
}

/* The difference of one value alone. */
static double difference_of(Fuzz *f, Node *n)
{
    Diagnostics diagnostics = { 0 };
    Fuzz one = *f;
    Store *store = fuzz_store(f, PRECISION_F64);
    Shape shape = { .n = n->axes.n };
    memcpy(shape.at, n->axes.at, sizeof shape.at);
    one.n_outputs = 1;
    one.outputs[0] = (Output){ store_add(store, "alone", shape, false), n };
    bool well = run_program(f->graph, one.outputs, 1, store, 0, (RunKey){ f->seed, f->step, 0 }, &diagnostics);
    double difference = well ? worst_difference(&one, store) : INFINITY;
    store_free(store);
    diagnostics_free(&diagnostics);
    return difference;
}

/* Narrows a failure down to the first value of the pool that differs. */
static void show_failure(Fuzz *f)
{
    for (int i = 0; i < f->n; i++) {
        double difference = difference_of(f, f->pool[i]);
        if (difference < 1e-9) continue;
        fprintf(stderr, "first differing value: %%%u, by %g\n", f->pool[i]->id, difference);
        graph_print(stderr, f->graph, &f->pool[i], 1, false);
        Store *store = fuzz_store(f, PRECISION_F64);
        Diagnostics diagnostics = { 0 };
        Shape shape = { .n = f->pool[i]->axes.n };
        memcpy(shape.at, f->pool[i]->axes.at, sizeof shape.at);
        Output output = { store_add(store, "alone", shape, false), f->pool[i] };
        Code *code = plan(&(Program){ f->graph, 1, &output }, store, &diagnostics);
        if (code) code_print(stderr, code);
        code_free(code);
        store_free(store);
        diagnostics_free(&diagnostics);
        return;
    }
}

static void fail_graph(Fuzz *f, uint64_t seed, double difference, const Diagnostics *diagnostics)
{
    fprintf(stderr, "seed %llu: difference %g\n", (unsigned long long)seed, difference);
    diagnostics_print(stderr, diagnostics, false);
    if (getenv("FUZZ_SHOW")) show_failure(f);
    fail();
}

static void check_against_oracle(uint64_t seed, int size, Precision precision, int64_t chunk, double allowed)
{
    Fuzz f;
    Diagnostics diagnostics = { 0 };
    fuzz_begin(&f, seed, size, precision);
    Store *store = fuzz_store(&f, precision);
    bool well = run_program(f.graph, f.outputs, f.n_outputs, store, chunk, (RunKey){ f.seed, f.step, 0 }, &diagnostics);
    double difference = well ? worst_difference(&f, store) : INFINITY;
    if (!(difference <= allowed)) fail_graph(&f, seed, difference, &diagnostics);
    store_free(store);
    diagnostics_free(&diagnostics);
    fuzz_end(&f);
}

/* The environment variables FUZZ_SEED and FUZZ_RUNS look at other graphs. */
static uint64_t first_seed(void) { return getenv("FUZZ_SEED") ? strtoull(getenv("FUZZ_SEED"), NULL, 10) : 1; }
static uint64_t graphs(uint64_t usual) { return getenv("FUZZ_RUNS") ? strtoull(getenv("FUZZ_RUNS"), NULL, 10) : usual; }

static void test_oracle_double(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < graphs(400); i++) check_against_oracle(first_seed() + i, 4 + (int)((first_seed() + i) % 40), PRECISION_F64, 0, 1e-8);
}

static void test_oracle_chunks(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < graphs(200); i++) check_against_oracle(first_seed() + 3000 + i, 4 + (int)(i % 30), PRECISION_F64, 16 + 16 * (int64_t)(i % 3), 1e-8);
}

static void test_oracle_single(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 150; i++) check_against_oracle(5000 + i, 4 + (int)(i % 12), PRECISION_F32, 0, 2e-3);
}

/* ---- Same bits ---- */

static void compare_stores(const Fuzz *f, const Store *a, const Store *b, uint64_t seed)
{
    for (int i = 0; i < f->n_outputs; i++) {
        const Slot *x = &a->slots[f->outputs[i].slot], *y = &b->slots[f->outputs[i].slot];
        if (memcmp(x->data, y->data, (size_t)slot_count(x) * precision_bytes(a->precision)) == 0) continue;
        fprintf(stderr, "seed %llu: bits differ\n", (unsigned long long)seed);
        fail();
    }
}

static void run_variant(Fuzz *f, Store *store, int64_t chunk, int threads)
{
    Diagnostics diagnostics = { 0 };
    Code *code = plan_chunked(&(Program){ f->graph, f->n_outputs, f->outputs }, store, chunk, &diagnostics);
    assert_non_null(code);
    Machine *machine = machine_new(threads, store->precision, &diagnostics);
    assert_true(machine_run(machine, code, store, (RunKey){ f->seed, f->step, 0 }, &diagnostics));
    machine_free(machine);
    code_free(code);
    diagnostics_free(&diagnostics);
}

static void test_same_bits(void **state)
{
    (void)state;
    static const struct { int64_t chunk; int threads; } variants[] = { { 32, 2 }, { 16, 1 }, { 48, 2 }, { 128, 1 } };
    for (uint64_t seed = 9000; seed < 9080; seed++) {
        Fuzz f;
        fuzz_begin(&f, seed, 4 + (int)(seed % 30), PRECISION_F32);
        Store *first = fuzz_store(&f, PRECISION_F32);
        run_variant(&f, first, 32, 1);
        for (size_t v = 0; v < sizeof variants / sizeof variants[0]; v++) {
            Store *store = fuzz_store(&f, PRECISION_F32);
            run_variant(&f, store, variants[v].chunk, variants[v].threads);
            compare_stores(&f, first, store, seed);
            store_free(store);
        }
        store_free(first);
        fuzz_end(&f);
    }
}

/* ---- Steps ---- */

static uint32_t cell(Store *store, const char *name, Shape shape, double first, double step)
{
    uint32_t slot = store_add(store, name, shape, true);
    for (int64_t i = 0; i < slot_count(&store->slots[slot]); i++) slot_set(store, slot, i, first + step * (double)i);
    store->slots[slot].filled = true;
    return slot;
}

static Node *read_slot(Graph *g, const Store *store, uint32_t slot) { return graph_slot(g, slot, 0, axes_of(store->slots[slot].shape)); }

/* A large product shared among threads, a chunked loop, an update of a cell: run again, nothing is allocated. */
static void test_no_allocation(void **state)
{
    (void)state;
    Graph *g = graph_new();
    Store *store = store_new(PRECISION_F32);
    Axis n = axis_make(200, 1), item = axis_make(200, 2 | ITEM_AXIS), d = axis_make(70, 3), h = axis_make(90, 4);
    uint32_t x = cell(store, "x", (Shape){ 2, { n, d } }, -0.1, 1e-5), w = cell(store, "w", (Shape){ 2, { h, d } }, -0.2, 1e-4);
    Node *xs = graph_rename(g, read_slot(g, store, x), n, item), *ws = read_slot(g, store, w);
    Loop *loop = graph_loop_open(g, NULL, 3);
    Node *carry = graph_carry(g, loop, xs, xs->axes);
    Node *hidden = graph_map(g, OP_tanh, graph_dot(g, ws, carry, axes_one(d)), NULL, NULL);
    Node *times[] = { loop->time };
    Node *noise = graph_random(g, RANDOM_NORMAL, 5, 0, (Shape){ 2, { item, d } }, times, 1);
    graph_loop_next(g, loop, 0, graph_map(g, OP_add, graph_dot(g, ws, hidden, axes_one(h)), noise, NULL));
    graph_loop_close(g, loop);
    Node *moved = graph_result(g, loop, 0);
    Node *gradient = graph_dot(g, graph_map(g, OP_tanh, graph_dot(g, ws, moved, axes_one(d)), NULL, NULL), moved, axes_one(item));
    Output outputs[2] = { { x, graph_rename(g, moved, item, n) }, { w, graph_map(g, OP_sub, ws, graph_map(g, OP_mul, gradient, graph_const(g, 1e-3), NULL), NULL) } };
    Diagnostics diagnostics = { 0 };
    Code *code = plan(&(Program){ g, 2, outputs }, store, &diagnostics);
    Machine *machine = machine_new(2, PRECISION_F32, &diagnostics);
    RunKey key = { 1, 0, 0 };
    assert_true(machine_run(machine, code, store, key, &diagnostics));
    struct mallinfo2 before = mallinfo2();
    for (key.step = 1; key.step < 6; key.step++) assert_true(machine_run(machine, code, store, key, &diagnostics));
    struct mallinfo2 after = mallinfo2();
    assert_int_equal(before.uordblks, after.uordblks);
    assert_int_equal(before.hblks, after.hblks);
    machine_free(machine);
    code_free(code);
    store_free(store);
    graph_free(g);
}

static void test_swap(void **state)
{
    (void)state;
    Graph *g = graph_new();
    Store *store = store_new(PRECISION_F64);
    Axis a = axis_make(5, 1);
    uint32_t x = cell(store, "x", (Shape){ 1, { a } }, 0, 1), y = cell(store, "y", (Shape){ 1, { a } }, 100, 1), z = cell(store, "z", (Shape){ 1, { a } }, 0, 0);
    Output outputs[3] = { { x, read_slot(g, store, y) }, { y, read_slot(g, store, x) },
                          { z, graph_map(g, OP_add, read_slot(g, store, x), read_slot(g, store, z), NULL) } };
    Diagnostics diagnostics = { 0 };
    assert_true(run_program(g, outputs, 3, store, 0, (RunKey){ 0 }, &diagnostics));
    for (int64_t i = 0; i < 5; i++) {
        assert_true(slot_value(store, x, i) == 100 + (double)i);
        assert_true(slot_value(store, y, i) == (double)i);
        assert_true(slot_value(store, z, i) == (double)i);
    }
    store_free(store);
    graph_free(g);
}

/* Cells that move by one a step, run by two codes in turn: a change of places must not lose the order of steps. */
static void test_turns(void **state)
{
    (void)state;
    Graph *g = graph_new();
    Store *store = store_new(PRECISION_F32);
    Axis a = axis_make(50, 1);
    uint32_t x = cell(store, "x", (Shape){ 1, { a } }, 0, 1), y = cell(store, "y", (Shape){ 1, { a } }, 0, 0);
    Node *next = graph_map(g, OP_add, read_slot(g, store, x), graph_const(g, 1), NULL);
    Output outputs[2] = { { x, next }, { y, next } };
    Diagnostics diagnostics = { 0 };
    Code *codes[2] = { plan(&(Program){ g, 1, outputs }, store, &diagnostics), plan(&(Program){ g, 2, outputs }, store, &diagnostics) };
    Machine *machine = machine_new(1, PRECISION_F32, &diagnostics);
    for (int i = 0; i < 7; i++) assert_true(machine_run(machine, codes[i % 3 == 2], store, (RunKey){ 0 }, &diagnostics));
    for (int64_t i = 0; i < 50; i++) {
        assert_true(slot_value(store, x, i) == (double)i + 7);
        assert_true(slot_value(store, y, i) == (double)i + 6);
    }
    code_free(codes[0]);
    code_free(codes[1]);
    machine_free(machine);
    store_free(store);
    graph_free(g);
}

/* Values that are made again where they are used: early and, once all is added up, late, by more maps than fit one program. */
static void test_made_again(void **state)
{
    (void)state;
    enum { VALUES = 60, PLACES = 100 };
    Graph *g = graph_new();
    Store *store = store_new(PRECISION_F64);
    Axis a = axis_make(PLACES, 1);
    Node *root[VALUES], *twice[VALUES], *early = NULL, *late = NULL;
    double sum = 0, expected[PLACES] = { 0 };
    for (int i = 0; i < VALUES; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", i);
        root[i] = graph_map(g, OP_sqrt, read_slot(g, store, cell(store, name, (Shape){ 1, { a } }, i, 1)), NULL, NULL);
        twice[i] = graph_map(g, OP_mul, root[i], graph_const(g, 2), NULL);
        Node *square = graph_map(g, OP_mul, twice[i], root[i], NULL);
        early = early ? graph_map(g, OP_add, early, square, NULL) : square;
        for (int k = 0; k < PLACES; k++) sum += 2 * (i + k);
    }
    Node *total = graph_fold(g, OP_sum, early, axes_one(a));
    for (int i = 0; i < VALUES; i++) {
        Node *term = graph_map(g, OP_add, graph_map(g, OP_div, twice[i], total, NULL), graph_map(g, OP_mul, root[i], total, NULL), NULL);
        late = late ? graph_map(g, OP_add, late, term, NULL) : term;
        for (int k = 0; k < PLACES; k++) expected[k] += 2 * sqrt(i + k) / sum + sqrt(i + k) * sum;
    }
    Output output = { cell(store, "late", (Shape){ 1, { a } }, 0, 0), late };
    Diagnostics diagnostics = { 0 };
    assert_true(run_program(g, &output, 1, store, 0, (RunKey){ 0 }, &diagnostics));
    for (int k = 0; k < PLACES; k++) assert_true(fabs(slot_value(store, output.slot, k) - expected[k]) < 1e-9 * expected[k]);
    store_free(store);
    graph_free(g);
}

/* ---- Trouble ---- */

static const char text[] = "log(x - 1)\nexp(y)\nput(z)\n";

typedef struct Place { Source *source; Origin origin; } Place;

static void at_place(Graph *g, Place *place, uint32_t start)
{
    place->origin = (Origin){ .span = { place->source, start, start + 3 } };
    graph_set_origin(g, &place->origin);
}

/* The run fails with this code at this place, and leaves the cells as they were. */
static void expect_trouble(Graph *g, Output *outputs, int n, Store *store, const char *code, uint32_t start)
{
    Diagnostics diagnostics = { 0 };
    double before = slot_value(store, outputs[0].slot, 0);
    assert_false(run_program(g, outputs, n, store, 0, (RunKey){ 0 }, &diagnostics));
    assert_int_equal(diagnostics.errors, 1);
    assert_string_equal(diagnostics.first->code, code);
    assert_int_equal(diagnostics.first->fault, FAULT_MACHINE);
    assert_int_equal(diagnostics.first->span.start, start);
    assert_true(slot_value(store, outputs[0].slot, 0) == before);
    diagnostics_free(&diagnostics);
}

static void test_not_finite(void **state)
{
    (void)state;
    Graph *g = graph_new();
    Store *store = store_new(PRECISION_F32);
    Place first = { .source = source_new("test", text, sizeof text - 1) }, second = first;
    Axis n = axis_make(40, 1 | ITEM_AXIS);
    uint32_t x = cell(store, "x", (Shape){ 1, { n } }, 0.9, 0.01);
    at_place(g, &first, 0);
    Node *log = graph_map(g, OP_log, graph_map(g, OP_sub, read_slot(g, store, x), graph_const(g, 1), NULL), NULL, NULL);
    at_place(g, &second, 11);
    Output output = { x, graph_map(g, OP_exp, graph_map(g, OP_mul, log, graph_const(g, 2), NULL), NULL, NULL) };
    expect_trouble(g, &output, 1, store, "E0901", 0);
    source_free(first.source);
    store_free(store);
    graph_free(g);
}

static void test_places(void **state)
{
    (void)state;
    Graph *g = graph_new();
    Store *store = store_new(PRECISION_F32);
    Place here = { .source = source_new("test", text, sizeof text - 1) };
    Axis n = axis_make(40, 1), k = axis_make(3, 2);
    uint32_t x = cell(store, "x", (Shape){ 1, { n } }, 0, 1), far = cell(store, "far", (Shape){ 1, { k } }, 38, 1), same = cell(store, "same", (Shape){ 1, { k } }, 7, 0);
    at_place(g, &here, 18);
    Output gathered = { far, graph_gather(g, read_slot(g, store, x), n, read_slot(g, store, far)) };
    expect_trouble(g, &gathered, 1, store, "E0902", 18);
    Output put = { x, graph_put(g, read_slot(g, store, x), n, read_slot(g, store, same), graph_const(g, 1), axes_one(k)) };
    expect_trouble(g, &put, 1, store, "E0903", 18);
    source_free(here.source);
    store_free(store);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oracle_double), cmocka_unit_test(test_oracle_chunks), cmocka_unit_test(test_oracle_single), cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_no_allocation), cmocka_unit_test(test_swap), cmocka_unit_test(test_turns), cmocka_unit_test(test_made_again), cmocka_unit_test(test_not_finite), cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

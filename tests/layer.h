/* layer.h: a graph of a few results over slots filled with fixed values, run in chunks and by threads or computed by the oracle. */
#ifndef EBM_TESTS_LAYER_H
#define EBM_TESTS_LAYER_H

#include "lang/plan/plan.h"
#include "vm/machine.h"

enum { LAYER_OUTPUTS = 10 };
typedef struct Layer {
    Graph *graph;
    Store *store;
    Output outputs[LAYER_OUTPUTS];
    int n;
} Layer;

typedef Layer MakeLayer(int64_t items, int64_t places, Precision precision);

Layer    layer_begin(Precision precision);
void     layer_free(Layer *l);
uint32_t layer_slot(Layer *l, const char *name, Shape shape);
Node    *layer_read(const Layer *l, uint32_t slot);
void     layer_output(Layer *l, Node *n);
/* The results of the layer, one after the other, of a run in chunks of that size (0: the planner's choice); the caller's to free. */
double  *layer_results(MakeLayer *make, int64_t items, int64_t places, Precision precision, int64_t chunk, int threads, int64_t *count);
/* Fails unless double precision gives what the oracle finds the slow way. */
void     layer_check_values(MakeLayer *make, int64_t items, int64_t places);
/* Fails unless chunks of the sizes that may be asked for, and threads, give the same bits; likewise the planner's choice. */
void     layer_check_bits(MakeLayer *make, int64_t items, int64_t places);
Code    *layer_plan(Layer *l, int64_t chunk);

#endif

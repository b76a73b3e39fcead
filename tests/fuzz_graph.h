/* fuzz_graph.h: random graphs of all ops, with slots that hold random values, for tests of the machine against the oracle. */
#ifndef EBM_TESTS_FUZZ_GRAPH_H
#define EBM_TESTS_FUZZ_GRAPH_H

#include "tests/oracle.h"
#include "vm/base/store.h"
#include "vm/kernel/kernel.h"

enum { FUZZ_POOL = 400, FUZZ_OUTPUTS = 8 };

typedef struct Fuzz {
    Graph *graph;
    Store *store;               /* double precision */
    Oracle *oracle;
    uint64_t state;             /* of the generator */
    uint64_t seed, step;        /* of the draws */
    Node *pool[FUZZ_POOL];
    int n, floor;               /* nodes; those below `floor` are leaves and the like with values far from ties */
    Loop *loop;                 /* open; null outside */
    unsigned axes;
    int64_t items;              /* size of item axes */
    Precision draws;            /* whose random draws the oracle is given */
    Output outputs[FUZZ_OUTPUTS];
    int n_outputs;
} Fuzz;

/* A graph of about `size` values with a few outputs, each with its slot. */
void fuzz_begin(Fuzz *f, uint64_t seed, int size, Precision draws);
void fuzz_end(Fuzz *f);
/* A random whole number in 0 .. n-1. */
int64_t fuzz_pick(Fuzz *f, int64_t n);
/* The same store's slots in another precision. */
Store *fuzz_store(const Fuzz *f, Precision precision);

#endif

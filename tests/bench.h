/* bench.h: a graph with an oracle and leaves that hold given values, for tests that try random graphs. */
#ifndef EBM_TESTS_BENCH_H
#define EBM_TESTS_BENCH_H

#include "lang/grad/grad.h"
#include "tests/oracle.h"

enum { BENCH_LEAVES = 512, BENCH_AXES = 4 };

typedef struct Bench {
    Graph *g;
    Oracle *oracle;
    uint64_t state;             /* of the random numbers that make the test */
    int n;
    Node *leaf[BENCH_LEAVES];
    double *data[BENCH_LEAVES];
    Axis axis[BENCH_AXES];      /* sizes 2, 3, 4, 2 */
    RuleChange *change;         /* null but in tests of the tests */
} Bench;

void   bench_begin(Bench *b, uint64_t seed);
void   bench_end(Bench *b);
double bench_uniform(Bench *b, double from, double to);
int    bench_choose(Bench *b, int n);                    /* 0 .. n-1 */
Axes   bench_axes(Bench *b);                             /* a random set */
/* A leaf with random values: "from to", "from! to" keeps them 0.1 away from 0 (see ops.def). */
Node  *bench_leaf(Bench *b, Axes axes, const char *fuzz);
Node  *bench_leaf_of(Bench *b, Axes axes, const double *values);
/* The values of a node, computed anew. */
const double *bench_value(Bench *b, const Node *n);
/* Sum of the values times random weights: a scalar that all of them move. */
Node  *bench_scalar(Bench *b, Node *n);
/* The largest relative error of the derivatives of a scalar by some leaves (forward and reverse mode) against central differences along
 * a random direction; infinite when a derivative cannot be built.  order 2: of the derivatives of the derivatives too. */
double bench_error(Bench *b, Node *scalar, Node *const *leaves, int n, int order);
/* Largest difference of two nodes' values, relative. */
double bench_difference(Bench *b, const Node *x, const Node *y);

#endif

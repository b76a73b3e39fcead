/* oracle.h: the value of any node, computed the slow and obvious way in double precision: one array a node, one value at a time,
 * following the words of graph.h.  It shares nothing with the machine but op_value, and is what the machine is compared to. */
#ifndef EBM_TESTS_ORACLE_H
#define EBM_TESTS_ORACLE_H

#include "vm/base/graph.h"

typedef struct Oracle Oracle;

/* Gives a SLOT, STEP or RANDOM leaf its values, row-major in the order of leaf->axes.  times: the values of a RANDOM leaf's operands. */
typedef void OracleLeaf(void *context, const Node *leaf, const double *times, double *values);

Oracle *oracle_new(const Graph *graph, OracleLeaf *leaf, void *context);
void    oracle_free(Oracle *oracle);
/* The values of a node outside of loops, row-major in the order of node->axes; the oracle's, until it forgets or is freed. */
const double *oracle_value(Oracle *oracle, const Node *node);
/* Drops all that was computed; for when leaves have new values. */
void    oracle_forget(Oracle *oracle);

#endif

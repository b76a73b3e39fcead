/* tidy.h: rewrites a graph into one that computes the same with less: common factors, products found (sum of mul is dot), spreads and
 * renames pushed out of the way, loop-invariant values hoisted, dead values dropped. */
#ifndef EBM_TIDY_H
#define EBM_TIDY_H

#include "vm/base/graph.h"

/* Rewrites the values in place: roots[i] is replaced by its tidied form. */
void tidy(Graph *g, Node **roots, int n_roots);

#endif

/* tidy.h: rewrites a graph into one that computes the same with less: products found (a sum of products is a dot), factors and divisors
 * that do not vary taken out of sums, renames out of the way, carries and kept values that nobody reads dropped, loops of one pass
 * unrolled.  Values hold but for rounding. */
#ifndef EBM_TIDY_H
#define EBM_TIDY_H

#include "vm/base/graph.h"

/* Rewrites the values in place: roots[i] is replaced by its tidied form.  For values whose derivatives have been taken: the marks stop and
 * implicit are gone after it. */
void tidy(Graph *g, Node **roots, int n_roots);

#endif

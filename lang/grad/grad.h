/* grad.h: derivatives as graphs.  Every function builds ordinary nodes, so derivatives differentiate again, to any order, through
 * loops and gathers too. */
#ifndef EBM_GRAD_H
#define EBM_GRAD_H

#include "vm/base/graph.h"

/* Reverse mode: the cotangents of wrt[0..n) for the cotangents seeds[i] of outs[i] (fitted to their axes).  result[k] is null where
 * no out depends on wrt[k] differentiably.  wrt may be any nodes (leaves or values in between). */
void grad_reverse(Graph *g, Node *const *outs, Node *const *seeds, int n_outs, Node *const *wrt, int n_wrt, Node **result);

/* Forward mode: the tangents of outs for the tangents of wrt; null where there is none. */
void grad_forward(Graph *g, Node *const *outs, int n_outs, Node *const *wrt, Node *const *tangents, int n_wrt, Node **result);

#endif

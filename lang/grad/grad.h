/* grad.h: derivatives as graphs.  Every function builds ordinary nodes, so derivatives differentiate again, to any order, through
 * loops and gathers too. */
#ifndef EBM_GRAD_H
#define EBM_GRAD_H

#include "vm/base/graph.h"

/* In both modes wrt are taken as independent: what one of them is computed from counts for nothing.  A value that is itself simplified
 * away in the outs cannot be found in them: make such values a graph_variable first. */

/* Reverse mode: the cotangents of wrt[0..n) for the cotangents seeds[i] of outs[i] (fitted to their axes).  result[k] is null where
 * no out depends on wrt[k] differentiably.  wrt may be any nodes (leaves or values in between). */
void grad_reverse(Graph *g, Node *const *outs, Node *const *seeds, int n_outs, Node *const *wrt, int n_wrt, Node **result);

/* Forward mode: the tangents of outs for the tangents of wrt; null where there is none.  Tangents may have axes that their wrt lack, such
 * as one along which several directions lie: the result has them too. */
void grad_forward(Graph *g, Node *const *outs, int n_outs, Node *const *wrt, Node *const *tangents, int n_wrt, Node **result);

/* For tests of the tests: one rule's text is taken to be another while this derivative is built.  False if the text is not a rule. */
typedef struct RuleChange { Op op; int operand; const char *text; bool failed; } RuleChange;
bool grad_reverse_changed(Graph *g, RuleChange *change, Node *const *outs, Node *const *seeds, int n_outs,
                          Node *const *wrt, int n_wrt, Node **result);
bool grad_forward_changed(Graph *g, RuleChange *change, Node *const *outs, int n_outs, Node *const *wrt, Node *const *tangents, int n_wrt,
                          Node **result);

#endif

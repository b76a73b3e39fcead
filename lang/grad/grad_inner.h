/* grad_inner.h: what the files of the derivatives share among themselves. */
#ifndef EBM_GRAD_INNER_H
#define EBM_GRAD_INNER_H

#include "lang/grad/grad.h"

/* ---- rule.c: the rules as text ---- */

/* What a rule's names stand for: operands x y z, result r, cotangent or tangent g.  Null where the op has none. */
typedef struct Names5 { Node *x, *y, *z, *r, *g; } Names5;

/* The value of a rule's text; null if the text is not an expression in these names. */
Node *rule_value(Graph *g, const char *text, const Names5 *names);
/* The text that holds for an operand; null where there is no derivative ("0" or none). */
const char *rule_text(const RuleChange *change, const Node *n, int operand);

/* ---- active.c: what lies between wrt and outs ---- */

typedef struct Active {
    int n;                      /* nodes that the outs need, in ascending order of ids, not going below wrt */
    Node **cone;
    uint32_t size;              /* ids at the start: nodes made later are not in the cone */
    bool *is;                   /* by id: depends differentiably on wrt */
    bool *wrt;                  /* by id: is one of wrt */
} Active;

void active_find(Active *a, Graph *g, const RuleChange *change, Node *const *outs, int n_outs, Node *const *wrt, int n_wrt);
void active_free(Active *a);
/* Whether the node stands in the body of a loop that is closed: such nodes are differentiated with their loop. */
bool is_in_closed_loop(const Node *n);

/* ---- Sweeps ---- */

/* One walk over the active nodes: downward with cotangents, or upward with tangents. */
typedef struct Sweep {
    Graph *g;
    const RuleChange *change;
    Active active;
    Node *const *wrt;
    int n_wrt;
    Axes extra;                 /* forward: axes that tangents may have beyond their nodes' (several directions at once) */
    Node **at;                  /* by id: the cotangent or tangent; null if there is none */
    Node ***results;            /* by id of a LOOP node: the same for each result */
} Sweep;

void sweep_begin(Sweep *s, Graph *g, const RuleChange *change, Node *const *outs, int n_outs, Node *const *wrt, int n_wrt);
void sweep_end(Sweep *s);
/* Adds a cotangent, fitted to the node's axes; one that is absent or 0 changes nothing. */
void sweep_add(Sweep *s, Node *n, Node *cotangent);
/* A tangent with its node's axes, and those of the extra ones that it has. */
Node *sweep_fit(const Sweep *s, Node *tangent, const Node *n);
/* The cell for one result of a loop. */
Node **sweep_result(Sweep *s, const Loop *loop, int index);

/* ---- special.c: rules that are not text ("@name") ---- */

/* The cotangent of operand k, given that of n. */
Node *special_reverse(Sweep *s, Node *n, int k, Node *cotangent);
/* The tangent of n, given those of its operands (null: none). */
Node *special_forward(Sweep *s, Node *n, Node *const *tangents);

/* ---- svd.c ---- */

Node *svdvals_reverse(Graph *g, Node *n, Node *cotangent);
Node *svdvals_forward(Graph *g, Node *n, Node *tangent);
Node *svdvectors_reverse(Graph *g, Node *n, Node *cotangent);
Node *svdvectors_forward(Graph *g, Node *n, Node *tangent);

/* ---- flow.c: what of a loop a derivative is about ---- */

typedef struct Flow {
    Sweep *s;
    Loop *loop;
    bool *carry;                /* carries reached from the wanted values through active nodes */
    NodeStack captured;             /* active values from outside that the body uses on the way, by id */
    NodeStack slices;               /* reads of such values at a place that the number of the pass alone gives, by id (reverse only) */
    bool wants_slices;
    NodeStack stack;
    bool *seen;
} Flow;

void flow_begin(Flow *f, Sweep *s, Loop *loop);
void flow_reach(Flow *f, Node *from);   /* this value is wanted */
void flow_ready(Flow *f);               /* once all are */
void flow_end(Flow *f);
Loop *deepest_scope(Loop *a, Loop *b);

/* ---- backward.c, loops.c, implicit.c ---- */

void loop_reverse(Sweep *s, Node *loop_node);
void loop_forward(Sweep *s, Node *loop_node);
void implicit_reverse(Sweep *s, Node *n, Node *cotangent);
Node *implicit_forward(Sweep *s, Node *n);

static inline Node *map1(Graph *g, Op op, Node *x)          { return graph_map(g, op, x, NULL, NULL); }
static inline Node *map2(Graph *g, Op op, Node *x, Node *y) { return graph_map(g, op, x, y, NULL); }
static inline Node *zeros(Graph *g, Axes axes)              { return graph_spread(g, graph_const(g, 0), axes); }

#endif

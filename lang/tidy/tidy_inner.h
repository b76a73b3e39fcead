/* tidy_inner.h: what the files of tidy share among themselves. */
#ifndef EBM_TIDY_INNER_H
#define EBM_TIDY_INNER_H

#include "lang/tidy/tidy.h"

/* The values that some roots need, and how often each is used. */
typedef struct Live {
    int n;
    Node **node;                /* in ascending order of ids */
    uint32_t size;              /* ids at the start */
    int *uses;                  /* by id */
    bool **results;             /* by id of a LOOP node: which carries and kept values are read */
    int n_products;
    Node **product;             /* the products of two values, in ascending order of their operands' ids */
} Live;

void live_find(Live *live, Graph *g, Node *const *roots, int n_roots);
void live_free(Live *live);
/* The product x * y, if it is needed; null if not. */
Node *live_product(const Live *live, const Node *x, const Node *y);

/* The node, just rebuilt from `old` with tidied operands, in its tidied form. */
Node *tidy_node(Graph *g, const Live *live, const Node *old, Node *node);

/* ---- sink.c ---- */

/* Under which names alone a map is wanted, by its id; null: under its own, or several. */
typedef struct Wanted { Arena memory; const Move **move; bool *by_map; } Wanted;     /* by_map: a map uses the value, under any names */
void wanted_find(Wanted *wanted, const Live *live, Node *const *roots, int n_roots);
void wanted_free(Wanted *wanted);
/* The part of a renaming that concerns these axes. */
Move move_within(const Move *rename, const Axes *axes);

/* ---- share.c ---- */

/* A sum or difference of two products that share a factor as one product; anything else as it is. */
Node *add_sharing(Graph *g, Node *n);

/* ---- contract.c ---- */

/* The sum of x over axes, and of x*y: as dots of what varies, times what does not. */
Node *contract_sum(Graph *g, Node *x, Axes over);
Node *contract_dot(Graph *g, Node *x, Node *y, Axes over);
/* Whether a map has more values than any of the factors it is made of: summing it without a dot would cost more than it need. */
bool  is_expansive(const Node *x);

static inline Node *map1(Graph *g, Op op, Node *x)          { return graph_map(g, op, x, NULL, NULL); }
static inline Node *map2(Graph *g, Op op, Node *x, Node *y) { return graph_map(g, op, x, y, NULL); }

#endif

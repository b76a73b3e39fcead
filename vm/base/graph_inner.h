/* graph_inner.h: what the files that make up the graph share among themselves. */
#ifndef EBM_BASE_GRAPH_INNER_H
#define EBM_BASE_GRAPH_INNER_H

#include <string.h>
#include "vm/base/graph.h"

struct Graph {
    Arena arena;                /* nodes, loops and their attributes */
    Node **nodes;               /* by id */
    uint32_t n, room;
    uint64_t *table;            /* hash table: upper half of the hash, then id + 1; 0 where free; table_room is a power of 2 */
    uint64_t *hashes;           /* of each node, by id */
    uint32_t table_room;
    uint32_t *marks;            /* by id: the walk that last saw the node */
    uint32_t marks_room, walk;
    uint32_t loops;
    unsigned fresh_axes;
    const Origin *origin;
    double largest_tape;
};

/* The one node that is equal to the pattern but for id, scope and origin.  The pattern and what it points to may be temporary. */
Node *node_make(Graph *g, const Node *pattern);
/* A node that is never merged with another. */
Node *node_make_new(Graph *g, const Node *pattern, Loop *scope);

/* The deeper of two scopes, of which one must contain the other. */
Loop *scope_deeper(Loop *a, Loop *b);
bool  scope_within(const Loop *inner, const Loop *outer);

/* Marks for a walk over the graph: begin, then mark returns whether the node was already seen. */
void walk_begin(Graph *g);
bool walk_mark(Graph *g, const Node *n);
bool walk_seen(const Graph *g, const Node *n);

static inline bool is_const(const Node *n, double value) { return n->op == OP_const && n->value == value; }
static inline bool is_number(const Node *n) { return n->op == OP_const; }
/* What is below spreads. */
static inline Node *bare(Node *n)
{
    while (n->op == OP_spread) n = n->in[0];
    return n;
}

/* The coordinate along `from` that a computed place is, if it is affine in axes and always inside. */
bool affine_coord(const Node *index, Axis from, Coord *c);

/* A growing list of nodes, freed by its user. */
typedef struct NodeList { Node **at; int n, room; } NodeList;
void node_list_push(NodeList *list, Node *n);

#endif

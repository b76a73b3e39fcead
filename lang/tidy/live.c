/* live.c: the values that are needed.  A loop is needed carry by carry. */
#include <stdlib.h>
#include <string.h>
#include "lang/tidy/tidy_inner.h"

static void *fresh(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);
    if (!memory) abort();
    return memory;
}

static void use(Live *live, NodeStack *s, Node *n)
{
    live->uses[n->id]++;
    node_push(s, n);
}

/* A carry that is read needs its first and its next value. */
static void use_result(Live *live, NodeStack *s, const Loop *loop, int i)
{
    bool **read = &live->results[loop->node->id];
    if (!*read) *read = fresh((size_t)(loop->n_carry + loop->n_keep), sizeof **read);
    if ((*read)[i]) return;
    (*read)[i] = true;
    if (i >= loop->n_carry) {
        use(live, s, loop->keep[i - loop->n_carry]);
        return;
    }
    use(live, s, loop->init[i]);
    use(live, s, loop->next[i]);
    node_push(s, loop->carry[i]);
}

static void visit(Live *live, NodeStack *s, Node *n)
{
    switch (n->op) {
    case OP_result:
        use_result(live, s, n->loop, (int)n->key);
        node_push(s, n->in[0]);
        break;
    case OP_carry:
        if (n->loop->node) use_result(live, s, n->loop, (int)n->key);
        break;
    case OP_loop: node_push(s, n->loop->time); break;
    case OP_implicit: use(live, s, n->in[0]); break;
    default:
        for (int i = 0; i < n->n_in; i++) use(live, s, n->in[i]);
    }
}

/* ---- products ---- */

typedef struct Factors { uint32_t low, high; } Factors;

static Factors factors_of(const Node *x, const Node *y)
{
    return x->id < y->id ? (Factors){ x->id, y->id } : (Factors){ y->id, x->id };
}

static int compare_factors(Factors a, Factors b)
{
    if (a.low != b.low) return a.low < b.low ? -1 : 1;
    return a.high == b.high ? 0 : a.high < b.high ? -1 : 1;
}

static int compare_products(const void *a, const void *b)
{
    const Node *x = *(Node *const *)a, *y = *(Node *const *)b;
    return compare_factors(factors_of(x->in[0], x->in[1]), factors_of(y->in[0], y->in[1]));
}

static int compare_to_product(const void *factors, const void *product)
{
    const Node *n = *(Node *const *)product;
    return compare_factors(*(const Factors *)factors, factors_of(n->in[0], n->in[1]));
}

static void find_products(Live *live)
{
    live->product = fresh((size_t)live->n, sizeof(Node *));
    for (int i = 0; i < live->n; i++)
        if (live->node[i]->op == OP_mul) live->product[live->n_products++] = live->node[i];
    qsort(live->product, (size_t)live->n_products, sizeof(Node *), compare_products);
}

Node *live_product(const Live *live, const Node *x, const Node *y)
{
    Factors factors = factors_of(x, y);
    Node **found = bsearch(&factors, live->product, (size_t)live->n_products, sizeof(Node *), compare_to_product);
    return found ? *found : NULL;
}

/* ---- all ---- */

void live_find(Live *live, Graph *g, Node *const *roots, int n_roots)
{
    *live = (Live){ .size = graph_size(g) };
    live->uses = fresh(live->size, sizeof *live->uses);
    live->results = fresh(live->size, sizeof *live->results);
    bool *seen = fresh(live->size, sizeof *seen);
    NodeStack stack = { 0 };
    for (int i = 0; i < n_roots; i++) use(live, &stack, roots[i]);
    while (stack.n) {
        Node *n = stack.at[--stack.n];
        if (seen[n->id]) continue;
        seen[n->id] = true;
        live->n++;
        visit(live, &stack, n);
    }
    live->node = fresh((size_t)live->n, sizeof(Node *));
    live->n = 0;
    for (uint32_t id = 0; id < live->size; id++)
        if (seen[id]) live->node[live->n++] = graph_node(g, id);
    find_products(live);
    free(seen);
    free(stack.at);
}

void live_free(Live *live)
{
    for (int i = 0; i < live->n; i++) free(live->results[live->node[i]->id]);
    free(live->results);
    free(live->product);
    free(live->node);
    free(live->uses);
}

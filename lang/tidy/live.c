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
    free(seen);
    free(stack.at);
}

void live_free(Live *live)
{
    for (int i = 0; i < live->n; i++) free(live->results[live->node[i]->id]);
    free(live->results);
    free(live->node);
    free(live->uses);
}

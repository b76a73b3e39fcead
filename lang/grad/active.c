/* active.c: which nodes lie between wrt and outs; no others are differentiated. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "lang/grad/grad_inner.h"

static void *fresh(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);
    if (!memory) abort();
    return memory;
}

bool is_in_closed_loop(const Node *n)
{
    return n->scope && n->scope->node;
}

static int by_id(const void *a, const void *b)
{
    const Node *const *x = a, *const *y = b;
    return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

/* Values outside loops that are older than all of wrt cannot depend on them. */
static void find_cone(Active *a, Node *const *outs, int n_outs, uint32_t oldest)
{
    NodeStack stack = { 0 }, cone = { 0 };
    bool *seen = fresh(a->size, sizeof *seen);
    for (int i = 0; i < n_outs; i++) node_push(&stack, outs[i]);
    while (stack.n) {
        Node *n = stack.at[--stack.n];
        if (seen[n->id] || (n->id < oldest && !n->scope)) continue;
        seen[n->id] = true;
        node_push(&cone, n);
        if (a->wrt[n->id]) continue;
        for (int i = 0; i < n->n_in; i++)
            if (!seen[n->in[i]->id]) node_push(&stack, n->in[i]);
        if (n->op != OP_loop) continue;
        for (int i = 0; i < n->loop->n_carry; i++) node_push(&stack, n->loop->carry[i]);
    }
    free(seen);
    free(stack.at);
    if (cone.n) qsort(cone.at, (size_t)cone.n, sizeof *cone.at, by_id);
    a->cone = cone.at;
    a->n = cone.n;
}

static bool result_is_active(const Active *a, const Node *n)
{
    const Loop *loop = n->loop;
    int i = (int)n->key;
    if (i >= loop->n_carry) return a->is[loop->keep[i - loop->n_carry]->id];
    return a->is[loop->carry[i]->id] || a->is[loop->next[i]->id];
}

static bool node_is_active(const Active *a, const RuleChange *change, const Node *n)
{
    switch (n->op) {
    case OP_loop: return false;
    case OP_result: return result_is_active(a, n);
    case OP_carry:
        return n->loop->node && (a->is[n->loop->init[n->key]->id] || a->is[n->loop->next[n->key]->id]);
    default: break;
    }
    for (int k = 0; k < n->n_in; k++)
        if (a->is[n->in[k]->id] && rule_text(change, n, k)) return true;
    return false;
}

/* A carry is active if its first or its next value is, which may depend on the carry: repeat until nothing changes. */
static void find_active(Active *a, const RuleChange *change)
{
    bool again = true;
    while (again) {
        again = false;
        for (int i = 0; i < a->n; i++) {
            Node *n = a->cone[i];
            if (a->is[n->id] || !node_is_active(a, change, n)) continue;
            a->is[n->id] = true;
            again = true;
        }
    }
}

void active_find(Active *a, Graph *g, const RuleChange *change, Node *const *outs, int n_outs, Node *const *wrt, int n_wrt)
{
    *a = (Active){ .size = graph_size(g) };
    a->is = fresh(a->size, sizeof *a->is);
    a->wrt = fresh(a->size, sizeof *a->wrt);
    uint32_t oldest = a->size;
    for (int i = 0; i < n_wrt; i++) {
        a->is[wrt[i]->id] = a->wrt[wrt[i]->id] = true;
        if (wrt[i]->id < oldest) oldest = wrt[i]->id;
    }
    find_cone(a, outs, n_outs, oldest);
    find_active(a, change);
}

void active_free(Active *a)
{
    free(a->cone);
    free(a->is);
    free(a->wrt);
}

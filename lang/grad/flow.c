/* flow.c: what of a loop a derivative is about: the carries between what is wanted and what it is derived by, and the values from outside
 * that the body uses on the way. */
#include <stdlib.h>
#include "lang/grad/grad_inner.h"

static bool within(const Loop *scope, const Loop *loop)
{
    for (; scope; scope = scope->outer)
        if (scope == loop) return true;
    return false;
}

Loop *deepest_scope(Loop *a, Loop *b)
{
    if (!a || !b) return a ? a : b;
    return a->depth >= b->depth ? a : b;
}

/* Whether the value is arithmetic on the number of the pass and values from outside. */
static bool is_timed(const Flow *f, const Node *n)
{
    if (!within(n->scope, f->loop) || n == f->loop->time) return true;
    if (op_info[n->op].family != FAMILY_MAP) return false;
    for (int k = 0; k < n->n_in; k++)
        if (!is_timed(f, n->in[k])) return false;
    return true;
}

static bool is_slice(const Flow *f, const Node *n)
{
    return f->wants_slices && n->op == OP_gather && n->scope == f->loop && !within(n->in[0]->scope, f->loop) && is_timed(f, n->in[1]);
}

static void reach_node(Flow *f, Node *n)
{
    const Active *active = &f->s->active;
    if (f->seen[n->id]) return;
    f->seen[n->id] = true;
    bool mine = within(n->scope, f->loop);
    if (n->op == OP_carry && n->loop == f->loop) {
        if (!active->is[n->id] || f->carry[n->key]) return;
        f->carry[n->key] = true;
        node_push(&f->stack, f->loop->next[n->key]);
    } else if (!mine) {
        if (active->is[n->id]) node_push(&f->captured, n);
    } else if (is_slice(f, n)) {
        if (active->is[n->id]) node_push(&f->slices, n);
    } else if (n->op == OP_loop || active->is[n->id]) {
        for (int k = 0; k < n->n_in; k++) node_push(&f->stack, n->in[k]);
    }
}

void flow_reach(Flow *f, Node *from)
{
    node_push(&f->stack, from);
    while (f->stack.n) reach_node(f, f->stack.at[--f->stack.n]);
}

static int by_id(const void *a, const void *b)
{
    const Node *const *x = a, *const *y = b;
    return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

void flow_begin(Flow *f, Sweep *s, Loop *loop)
{
    *f = (Flow){ .s = s, .loop = loop };
    f->carry = calloc((size_t)loop->n_carry + 1, sizeof *f->carry);
    f->seen = calloc(s->active.size + 1, sizeof *f->seen);
    if (!f->carry || !f->seen) abort();
}

void flow_ready(Flow *f)
{
    if (f->captured.n) qsort(f->captured.at, (size_t)f->captured.n, sizeof(Node *), by_id);
    if (f->slices.n) qsort(f->slices.at, (size_t)f->slices.n, sizeof(Node *), by_id);
}

void flow_end(Flow *f)
{
    free(f->carry);
    free(f->seen);
    free(f->stack.at);
    free(f->captured.at);
    free(f->slices.at);
}

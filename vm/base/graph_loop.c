/* graph_loop.c: loops, built from the inside: open, carries, body, next values, close, results. */
#include <assert.h>
#include <stdlib.h>
#include "vm/base/graph_inner.h"

Loop *graph_loop_open(Graph *g, Loop *outer, int64_t passes)
{
    Loop *loop = ARENA_NEW(&g->arena, Loop);
    loop->id = ++g->loops;
    loop->outer = outer;
    loop->depth = outer ? outer->depth + 1 : 1;
    loop->passes = passes;
    loop->until = -1;
    Node pattern = { .op = OP_time, .loop = loop };
    loop->time = node_make_new(g, &pattern, loop);
    return loop;
}

/* The array with one more place, in the arena; arrays grow at powers of two. */
static Node **with_room(Graph *g, Node **array, int n)
{
    if (n & (n - 1)) return array;
    Node **wider = ARENA_ARRAY(&g->arena, Node *, n ? 2 * n : 1);
    if (n) memcpy(wider, array, (size_t)n * sizeof *array);
    return wider;
}

Node *graph_carry(Graph *g, Loop *loop, Node *init, Axes axes)
{
    int i = loop->n_carry;
    assert(!loop->node && axes_within(&init->axes, &axes));
    loop->carry = with_room(g, loop->carry, i);
    loop->init = with_room(g, loop->init, i);
    loop->next = with_room(g, loop->next, i);
    loop->init[i] = graph_spread(g, init, axes);        /* before the leaf, so that ids are in order of need */
    Node pattern = { .op = OP_carry, .loop = loop, .key = (uint64_t)i, .axes = axes };
    loop->carry[i] = node_make_new(g, &pattern, loop);
    loop->next[i] = loop->carry[i];
    loop->n_carry++;
    return loop->carry[i];
}

void graph_loop_next(Graph *g, Loop *loop, int carry, Node *next)
{
    assert(!loop->node && carry < loop->n_carry && axes_within(&next->axes, &loop->carry[carry]->axes));
    loop->next[carry] = graph_spread(g, next, loop->carry[carry]->axes);
}

/* The operands of the LOOP node, as they stand. */
static void set_operands(Graph *g, Loop *loop, Node *node)
{
    int n = 2 * loop->n_carry + loop->n_keep, at = 0;
    node->in = ARENA_ARRAY(&g->arena, Node *, n);
    for (int i = 0; i < loop->n_carry; i++) node->in[at++] = loop->init[i];
    for (int i = 0; i < loop->n_carry; i++) node->in[at++] = loop->next[i];
    for (int i = 0; i < loop->n_keep; i++) node->in[at++] = loop->keep[i];
    node->n_in = n;
}

int graph_loop_keep(Graph *g, Loop *loop, Node *value, Axis axis)
{
    assert(!loop->n_keep || loop->keep_axis == axis);
    assert(axis_size(axis) == loop->passes && !axes_have(&value->axes, axis));
    for (int i = 0; i < loop->n_keep; i++)
        if (loop->keep[i] == value) return i;
    assert(!loop->node || value->id < loop->node->id);
    loop->keep_axis = axis;
    loop->keep = with_room(g, loop->keep, loop->n_keep);
    loop->keep[loop->n_keep++] = value;
    if (loop->node) set_operands(g, loop, loop->node);
    return loop->n_keep - 1;
}

/* The deepest scope outside the loop on which its values depend. */
static Loop *free_scope(Graph *g, Loop *loop)
{
    NodeList stack = { 0 };
    Loop *deepest = NULL;
    walk_begin(g);
    for (int i = 0; i < loop->n_carry; i++) node_list_push(&stack, loop->init[i]), node_list_push(&stack, loop->next[i]);
    for (int i = 0; i < loop->n_keep; i++) node_list_push(&stack, loop->keep[i]);
    while (stack.n) {
        Node *n = stack.at[--stack.n];
        if (walk_mark(g, n)) continue;
        if (!n->scope || !scope_within(n->scope, loop)) {
            deepest = scope_deeper(deepest, n->scope);
            continue;
        }
        for (int i = 0; i < n->n_in; i++) node_list_push(&stack, n->in[i]);
    }
    free(stack.at);
    return deepest;
}

Node *graph_loop_close(Graph *g, Loop *loop)
{
    assert(!loop->node);
    Node pattern = { .op = OP_loop, .loop = loop };
    Loop *scope = free_scope(g, loop);
    loop->node = node_make_new(g, &pattern, scope);
    set_operands(g, loop, loop->node);
    return loop->node;
}

void graph_loop_equals(Graph *g, Loop *loop, Node *const *ends)
{
    loop->same = ARENA_ARRAY(&g->arena, Node *, loop->n_carry + 1);
    for (int i = 0; i < loop->n_carry; i++) loop->same[i] = ends[i];
}

double graph_largest_tape(const Graph *g)            { return g->largest_tape; }
void   graph_limit_tape(Graph *g, double values)     { g->largest_tape = values; }

Node *graph_result(Graph *g, Loop *loop, int index)
{
    assert(loop->node && index < loop->n_carry + loop->n_keep);
    bool kept = index >= loop->n_carry;
    if (!kept && (loop->passes == 0 || loop->next[index] == loop->carry[index])) return loop->init[index];
    Axes axes = kept ? axes_with(loop->keep[index - loop->n_carry]->axes, loop->keep_axis) : loop->carry[index]->axes;
    Node pattern = { .op = OP_result, .n_in = 1, .in = &loop->node, .loop = loop, .key = (uint64_t)index, .axes = axes };
    return node_make(g, &pattern);
}

bool graph_depends(Graph *g, const Node *value, const Node *leaf)
{
    NodeList stack = { 0 };
    bool found = false;
    walk_begin(g);
    node_list_push(&stack, g->nodes[value->id]);
    while (stack.n && !found) {
        Node *n = stack.at[--stack.n];
        if (n == leaf) found = true;
        if (n->id < leaf->id || walk_mark(g, n)) continue;
        for (int i = 0; i < n->n_in; i++) node_list_push(&stack, n->in[i]);
    }
    free(stack.at);
    return found;
}

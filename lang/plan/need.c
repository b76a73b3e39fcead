/* need.c: which nodes the outputs need, and the block (top, or body of a loop) each of them stands in. */
#include "lang/plan/inside.h"

#include <string.h>

void node_list_add(Planner *p, NodeList *list, Node *n)
{
    if (list->n == list->room) {
        int room = list->room ? 2 * list->room : 16;
        Node **at = ARENA_ARRAY(&p->work, Node *, room);
        if (list->n) memcpy(at, list->at, (size_t)list->n * sizeof *at);
        list->at = at;
        list->room = room;
    }
    list->at[list->n++] = n;
}

bool is_view(const Node *n)
{
    return n->op == OP_spread || n->op == OP_stop || n->op == OP_implicit || n->op == OP_result || node_is_rename(n);
}

Node *node_below(Node *n)
{
    while (n->op == OP_spread || n->op == OP_stop || n->op == OP_implicit) n = n->in[0];
    return n;
}

Node *below_rename(Node *n, Shape *names)
{
    Shape outer = *names;
    for (int i = 0; i < outer.n; i++)
        for (int k = 0; k < n->move->n; k++)
            if (outer.at[i] == n->move->at[k].term[0].axis) names->at[i] = n->move->at[k].from;
    return n->in[0];
}

bool gathers_elements(const Planner *p, const Node *n)
{
    if (n->op != OP_gather) return false;
    const Node *from = n->in[0];
    while (node_is_rename(from)) from = from->in[0];
    return from->op == OP_slot && p->store->slots[from->key].elements;
}

static bool within(const Loop *inner, const Loop *outer)
{
    for (; inner; inner = inner->outer)
        if (inner == outer) return true;
    return false;
}

void visit_operands(Planner *p, Node *n, void (*visit)(Planner *p, Node *user, Node *operand, int which, void *context), void *context)
{
    switch (n->op) {
    case OP_const: case OP_slot: case OP_iota: case OP_step: case OP_random: case OP_carry: case OP_time:
        return;
    case OP_implicit:
        visit(p, n, n->in[0], 0, context);
        return;
    case OP_loop: {
        LoopInfo *info = &p->loops[n->loop->id];
        for (int i = 0; i < n->loop->n_carry; i++)
            if (info->carry_needed[i]) visit(p, n, n->loop->init[i], -1, context);
        for (int i = 0; i < info->outside.n; i++) visit(p, n, info->outside.at[i], -1, context);
        return;
    }
    default:
        for (int i = gathers_elements(p, n); i < n->n_in; i++) visit(p, n, n->in[i], i, context);
    }
}

/* ---- Need ---- */

static void need(Planner *p, NodeList *todo, Node *n)
{
    if (p->needed[n->id]) return;
    p->needed[n->id] = true;
    info_of(p, n)->view.buffer = info_of(p, n)->outside.buffer = -1;
    node_list_add(p, todo, n);
}

static void need_carry(Planner *p, NodeList *todo, Loop *loop, int i)
{
    LoopInfo *info = &p->loops[loop->id];
    if (info->carry_needed[i]) return;
    info->carry_needed[i] = true;
    need(p, todo, loop->carry[i]);
    need(p, todo, loop->init[i]);
    need(p, todo, loop->next[i]);
}

static void need_result(Planner *p, NodeList *todo, Node *n)
{
    Loop *loop = n->in[0]->loop;
    int i = (int)n->key;
    need(p, todo, n->in[0]);
    if (i < loop->n_carry) {
        need_carry(p, todo, loop, i);
    } else {
        p->loops[loop->id].keep_needed[i - loop->n_carry] = true;
        need(p, todo, loop->keep[i - loop->n_carry]);
    }
}

static void need_operands(Planner *p, NodeList *todo, Node *n)
{
    switch (n->op) {
    case OP_carry: need_carry(p, todo, n->loop, (int)n->key); need(p, todo, n->loop->node); return;
    case OP_result: need_result(p, todo, n); return;
    case OP_loop: p->loops[n->loop->id].needed = true; return;
    case OP_implicit: need(p, todo, n->in[0]); return;
    case OP_random: case OP_time: return;
    default:
        for (int i = gathers_elements(p, n); i < n->n_in; i++) need(p, todo, n->in[i]);
    }
}

static void prepare_loops(Planner *p)
{
    uint32_t size = graph_size(p->graph);
    for (uint32_t id = 0; id < size; id++) {
        const Node *n = graph_node(p->graph, id);
        if (n->loop && n->loop->id >= p->n_loops) p->n_loops = n->loop->id + 1;
    }
    p->loops = ARENA_ARRAY(&p->work, LoopInfo, p->n_loops + 1);
    for (uint32_t id = 0; id < size; id++) {
        const Loop *loop = graph_node(p->graph, id)->loop;
        if (!loop || p->loops[loop->id].carry_needed) continue;
        p->loops[loop->id].carry_needed = ARENA_ARRAY(&p->work, bool, loop->n_carry + 1);
        p->loops[loop->id].keep_escapes = ARENA_ARRAY(&p->work, bool, loop->n_keep + 1);
        p->loops[loop->id].keep_needed = ARENA_ARRAY(&p->work, bool, loop->n_keep + 1);
    }
}

/* ---- Blocks ---- */

typedef struct Outside { const Loop *loop; uint32_t *seen; } Outside;

static void note_outside(Planner *p, Node *user, Node *operand, int which, void *context)
{
    (void)user, (void)which;
    Outside *o = context;
    if (operand->op == OP_const || within(operand->scope, o->loop)) return;
    if (o->seen[operand->id] == o->loop->id + 1) return;
    o->seen[operand->id] = o->loop->id + 1;
    node_list_add(p, &p->loops[o->loop->id].outside, operand);
}

/* Inner loops close first, so that what they read is known when the loop around them is looked at. */
static void find_outside(Planner *p, Loop *loop, uint32_t *seen)
{
    LoopInfo *info = &p->loops[loop->id];
    Outside outside = { loop, seen };
    for (int i = 0; i < info->body.n; i++) visit_operands(p, info->body.at[i], note_outside, &outside);
    for (int i = 0; i < loop->n_carry; i++)
        if (info->carry_needed[i]) note_outside(p, loop->node, loop->next[i], -1, &outside);
    for (int i = 0; i < loop->n_keep; i++)
        if (info->keep_needed[i]) note_outside(p, loop->node, loop->keep[i], -1, &outside);
}

void find_needed(Planner *p)
{
    prepare_loops(p);
    NodeList todo = { 0 };
    for (int i = 0; i < p->program->n; i++) need(p, &todo, p->program->outputs[i].value);
    while (todo.n) {
        Node *n = todo.at[--todo.n];
        need_operands(p, &todo, n);
    }
    uint32_t size = graph_size(p->graph);
    uint32_t *seen = ARENA_ARRAY(&p->work, uint32_t, size + 1);
    for (uint32_t id = 0; id < size; id++) {
        Node *n = graph_node(p->graph, id);
        if (!p->needed[id]) continue;
        if (n->op == OP_loop) find_outside(p, n->loop, seen);
        node_list_add(p, n->scope ? &p->loops[n->scope->id].body : &p->top, n);
    }
}

/* plan.c: from a graph to code, stage by stage (see inside.h). */
#include "lang/plan/inside.h"

#include <stdlib.h>
#include "lang/tidy/tidy.h"

/* ---- Uses ---- */

static void count_use(Planner *p, Node *user, Node *operand, int which, void *context)
{
    (void)which, (void)context;
    info_of(p, node_below(operand))->uses++;
    info_of(p, node_below(operand))->user = user;
}

static bool is_mark(const Node *n) { return n->op == OP_spread || n->op == OP_stop || n->op == OP_implicit; }

/* How often each value is used, seen through spreads and marks. */
static void count_all_uses(Planner *p)
{
    for (uint32_t id = 0; id < graph_size(p->graph); id++) {
        Node *n = graph_node(p->graph, id);
        if (!p->needed[id] || is_mark(n)) continue;
        visit_operands(p, n, count_use, NULL);
        if (n->op != OP_loop) continue;
        const LoopInfo *loop = &p->loops[n->loop->id];
        for (int i = 0; i < n->loop->n_carry; i++)
            if (loop->carry_needed[i]) count_use(p, n, n->loop->next[i], -1, NULL);
        for (int i = 0; i < n->loop->n_keep; i++)
            if (loop->keep_needed[i]) count_use(p, n, n->loop->keep[i], -1, NULL);
    }
    for (int i = 0; i < p->program->n; i++) count_use(p, NULL, p->program->outputs[i].value, -1, NULL);
}

/* ---- Refusals ---- */

enum { MOST_VALUES = INT64_C(1) << 33 };                /* of one array, and of the arena */

static bool sizes_are_sane(Planner *p)
{
    for (uint32_t id = 0; id < graph_size(p->graph); id++) {
        const Node *n = graph_node(p->graph, id);
        if (!p->needed[id]) continue;
        double count = 1;
        for (int i = 0; i < n->axes.n; i++) count *= (double)axis_size(n->axes.at[i]);
        if (count <= (double)MOST_VALUES || n->op == OP_spread) continue;
        Diagnostic *d = diag_error(p->diagnostics, "E0904", n->origin ? n->origin->span : (Span){ 0 }, "this array would have %.3g values", count);
        d->fault = FAULT_MACHINE;
        if (n->origin) diag_trace(d, n->origin);
        return false;
    }
    return true;
}

static Program tidied(Arena *memory, const Program *program)
{
    Node **roots = ARENA_ARRAY(memory, Node *, program->n + 1);
    for (int i = 0; i < program->n; i++) roots[i] = program->outputs[i].value;
    tidy(program->graph, roots, program->n);
    Program result = *program;
    result.outputs = ARENA_ARRAY(memory, Output, program->n + 1);
    for (int i = 0; i < program->n; i++) result.outputs[i] = (Output){ program->outputs[i].slot, roots[i] };
    return result;
}

static void plan_stages(Planner *p)
{
    find_needed(p);
    if (!sizes_are_sane(p)) {
        p->failed = true;
        return;
    }
    count_all_uses(p);
    find_regions(p);
    find_sums(p);
    find_orders(p);
    emit_program(p);
    if (!p->failed) place_buffers(p);
}

Code *plan(const Program *program, const Store *store, Diagnostics *diagnostics) { return plan_chunked(program, store, 0, diagnostics); }

Code *plan_chunked(const Program *given, const Store *store, int64_t chunk, Diagnostics *diagnostics)
{
    Code *code = calloc(1, sizeof *code);
    if (!code) return NULL;
    Planner p = { .memory = &code->memory, .graph = given->graph, .store = store, .diagnostics = diagnostics, .code = code, .chunk = chunk };
    Program program = tidied(&p.work, given);
    p.program = &program;
    code->precision = store->precision;
    p.info = ARENA_ARRAY(&p.work, Info, graph_size(p.graph) + 1);
    p.needed = ARENA_ARRAY(&p.work, bool, graph_size(p.graph) + 1);
    p.slot_buffers = ARENA_ARRAY(&p.work, int, store->n + 1);
    p.element_buffers = ARENA_ARRAY(&p.work, int, store->n + 1);
    code->slots = ARENA_ARRAY(p.memory, SlotUse, 2 * (int64_t)store->n + program.n + 1);
    code->spares = ARENA_ARRAY(p.memory, void *, 2 * (int64_t)store->n + program.n + 1);
    plan_stages(&p);
    arena_free(&p.work);
    if (p.failed) {
        code_free(code);
        return NULL;
    }
    code->cost = code_cost(code);
    return code;
}

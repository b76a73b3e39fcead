/* session_together.c: slots that one program fills together: what a solver found, and what it recorded on the way.
 *
 * Each has a program of its own, which would make the solver's way again.  The first one that is needed takes the others of its group along,
 * as far as anything in the script asks for them: a trace of draws that nobody looks at is never stored. */
#include "lang/session_inside.h"

#include <stdlib.h>

typedef struct Asked { bool *is; uint32_t *waiting; uint32_t n_waiting, n; } Asked;

static void ask(Asked *asked, uint32_t slot)
{
    if (slot >= asked->n || asked->is[slot]) return;
    asked->is[slot] = true;
    asked->waiting[asked->n_waiting++] = slot;
}

static void ask_reads(Asked *asked, const Program *program)
{
    int n;
    uint32_t *reads = program->n ? program_reads(program, &n) : NULL;
    for (int i = 0; reads && i < n; i++) ask(asked, reads[i]);
    free(reads);
}

static void ask_action(Asked *asked, const Action *action)
{
    ask_reads(asked, &action->program);
    for (int i = 0; i < action->n_values; i++)
        if (action->values[i] != TEXT_ONLY) ask(asked, action->values[i]);
    for (int i = 0; i < action->n_layers; i++) ask(asked, action->layers[i].slot);
}

static void ask_train(Asked *asked, const Train *train)
{
    for (int p = 0; p < train->n_phases; p++) {
        ask_reads(asked, &train->phases[p].program);
        if (train->recording) ask_reads(asked, &train->recording[p].program);
    }
    for (int e = 0; e < train->n_everys; e++)
        for (int i = 0; i < train->everys[e].n_actions; i++) ask_action(asked, &train->everys[e].actions[i]);
    for (int i = 0; i < train->n_cells; i++) ask(asked, train->cells[i]);
}

/* Marks all slots that an action or a train of the script comes to read. */
static void ask_all(Asked *asked, const Script *script)
{
    for (int i = 0; i < script->n_actions; i++) {
        const Action *action = &script->actions[i];
        if (action->kind == ACTION_TRAIN) ask_train(asked, action->train);
        else ask_action(asked, action);
    }
    while (asked->n_waiting) {
        uint32_t slot = asked->waiting[--asked->n_waiting];
        if (slot >= (uint32_t)script->n_fills) continue;
        const Fill *fill = &script->fills[slot];
        if (fill->is_copy) ask(asked, fill->source);
        else if (fill->has_program) ask_reads(asked, &fill->program);
    }
}

bool session_fill_together(Session *session, uint32_t slot)
{
    const Script *script = session->script;
    const Fill *first = &script->fills[slot];
    const char *name = script->store->slots[slot].name;
    RunKey key = { .seed = script->seed };
    if (!first->group) return session_compute(session, &first->program, key, name);
    uint32_t n = script->store->n;
    Asked asked = { calloc((size_t)n + 1, sizeof(bool)), calloc((size_t)n + 1, sizeof(uint32_t)), 0, n };
    Output *outputs = calloc((size_t)script->n_fills + 1, sizeof *outputs);
    bool well = false;
    if (asked.is && asked.waiting && outputs) {
        ask_all(&asked, script);
        Program all = { .graph = first->program.graph, .outputs = outputs };
        for (uint32_t i = 0; i < (uint32_t)script->n_fills; i++) {
            const Fill *fill = &script->fills[i];
            if (i != slot && (fill->group != first->group || !fill->has_program || !asked.is[i] || script->store->slots[i].filled)) continue;
            outputs[all.n++] = fill->program.outputs[0];
        }
        well = session_compute(session, &all, key, name);
    }
    free(asked.is);
    free(asked.waiting);
    free(outputs);
    return well;
}

/* session.c: fills slots when they are needed and does the actions of a script in text order.
 *
 * A slot gets its value at first use: from a file, as a copy of another slot, by its own program, or from the train that writes it.
 * What a program reads is found by walking its graph, so nothing is computed that nothing asks for. */
#define _GNU_SOURCE
#include "lang/session_inside.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

Session *session_new(Script *script, const SessionOptions *options, Diagnostics *diagnostics)
{
    Session *session = calloc(1, sizeof *session);
    if (!session) return NULL;
    session->script = script;
    session->options = *options;
    session->diagnostics = diagnostics;
    return session;
}

static void drop_claims(Session *session)
{
    for (int i = 0; i < session->n_claims; i++) free(session->claims[i].detail);
    session->n_claims = 0;
}

void session_free(Session *session)
{
    if (!session) return;
    drop_claims(session);
    free(session->claims);
    free(session->saves);
    free(session->place.rows);
    free(session->slots);
    profile_free(session->profile);
    machine_free(session->machine);
    free(session);
}

void session_tell(Session *session, const EbmEvent *event)
{
    if (session->options.hear) session->options.hear(session->options.context, event);
}

void session_note(Session *session, const char *format, ...)
{
    char text[1000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    session_tell(session, &(EbmEvent){ .kind = EBM_NOTE, .text = text });
}

void session_set_source(Session *session, const char *name, const char *text)
{
    session->source_name = name;
    session->source_text = text;
}

void session_leave_to(Session *session, const Source *fresh)
{
    session->actions_left = session->script->n_actions;
    session->fresh = fresh;
}

void session_rewind(Session *session)
{
    drop_claims(session);
    session->n_saves = 0;
    session->claims_at_save = 0;
    session->actions_done = session->actions_left = 0;
    session->again = true;
}

/* ---- what a program reads ---- */

static void mark_all(bool *wanted, Node *const *nodes, int n)
{
    for (int i = 0; i < n; i++)
        if (nodes[i]) wanted[nodes[i]->id] = true;
}

/* Marks what a node needs; bodies of loops have lower numbers than their LOOP, so one sweep downwards reaches all. */
static void mark_operands(bool *wanted, const Node *node)
{
    mark_all(wanted, node->in, node->n_in);
    if (node->op != OP_loop) return;
    const Loop *loop = node->loop;
    mark_all(wanted, loop->init, loop->n_carry);
    mark_all(wanted, loop->next, loop->n_carry);
    mark_all(wanted, loop->keep, loop->n_keep);
}

static int compare_slots(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Which nodes the program needs, by number; the caller frees. */
static bool *mark_needed(const Program *program)
{
    uint32_t size = graph_size(program->graph);
    bool *wanted = calloc((size_t)size + 1, sizeof *wanted);
    if (!wanted) return NULL;
    for (int i = 0; i < program->n; i++) wanted[program->outputs[i].value->id] = true;
    for (uint32_t id = size; id-- > 0;)
        if (wanted[id]) mark_operands(wanted, graph_node(program->graph, id));
    return wanted;
}

uint32_t *program_reads(const Program *program, int *n)
{
    uint32_t size = graph_size(program->graph), reads = 0;
    bool *wanted = mark_needed(program);
    *n = 0;
    if (!wanted) return NULL;
    for (uint32_t id = 0; id < size; id++) reads += wanted[id] && graph_node(program->graph, id)->op == OP_slot;
    uint32_t *found = calloc((size_t)reads + 1, sizeof *found);
    for (uint32_t id = 0, at = 0; found && id < size; id++)
        if (wanted[id] && graph_node(program->graph, id)->op == OP_slot) found[at++] = (uint32_t)graph_node(program->graph, id)->key;
    free(wanted);
    if (!found) return NULL;
    qsort(found, reads, sizeof *found, compare_slots);
    for (uint32_t i = 0; i < reads; i++)
        if (!i || found[i] != found[i - 1]) found[(*n)++] = found[i];
    return found;
}

/* ---- running one program ---- */

static bool have_machine(Session *session)
{
    if (session->machine) return true;
    session->machine = machine_new(session->options.threads, session->script->store->precision, session->diagnostics);
    if (!session->machine || (session->options.blas && !machine_use_blas(session->machine, session->diagnostics))) return false;
    if (!session->options.profile) return true;
    session->profile = profile_new(session->machine);
    machine_keep_time(session->machine);
    return session->profile != NULL;
}

void session_drop_code(Session *session, Code *code, const char *label)
{
    if (!code) return;
    if (session->profile) profile_take(session->profile, code, label);
    code_free(code);
}

Code *session_plan(Session *session, const Program *program)
{
    return plan(program, session->script->store, session->diagnostics);
}

bool session_execute(Session *session, Code *code, const Program *program, RunKey key, Diagnostics *diagnostics)
{
    Store *store = session->script->store;
    if (!have_machine(session)) return false;
    for (int i = 0; i < program->n; i++) slot_memory(store, program->outputs[i].slot);
    if (!machine_run(session->machine, code, store, key, diagnostics)) return false;
    for (int i = 0; i < program->n; i++) store->slots[program->outputs[i].slot].filled = true;
    return true;
}

bool session_compute(Session *session, const Program *program, RunKey key, const char *label)
{
    if (!program->n) return true;
    if (!session_ensure_reads(session, program, NULL)) return false;
    Code *code = session_plan(session, program);
    bool well = code && session_execute(session, code, program, key, session->diagnostics);
    session_drop_code(session, code, label);
    return well;
}

/* ---- filling slots ---- */

Span session_slot_span(const Session *session, uint32_t slot)
{
    const Script *script = session->script;
    return slot < (uint32_t)script->n_fills ? script->fills[slot].span : (Span){ 0 };
}

/* The number of the action that runs the train. */
static int train_action(const Script *script, const Train *train)
{
    for (int i = 0; i < script->n_actions; i++)
        if (script->actions[i].kind == ACTION_TRAIN && script->actions[i].train == train) return i;
    return script->n_actions;
}

/* A value of a run: the run goes first if it stands before the present action. */
static bool ensure_by_train(Session *session, uint32_t slot, Train *train)
{
    const char *name = session->script->store->slots[slot].name;
    if (!train->done && train != session->training && train_action(session->script, train) < session->actions_done) {
        if (!session_train(session, train)) return false;
        if (session->script->store->slots[slot].filled) return true;
    }
    Diagnostic *d = diag_error(session->diagnostics, "E0610", session_slot_span(session, slot), "'%s' is not known yet: the run '%s' %s",
                               name, train->name, train->done || train == session->training ? "has not set it" : "stands later in the text");
    if (!train->done && train != session->training) diag_help(d, "move what uses '%s' below the train '%s'", name, train->name);
    return false;
}

static bool copy_slot(Session *session, uint32_t to, uint32_t from)
{
    Store *store = session->script->store;
    if (!session_ensure(session, from)) return false;
    size_t bytes = (size_t)slot_count(&store->slots[from]) * precision_bytes(store->precision);
    memcpy(slot_memory(store, to), slot_memory(store, from), bytes);
    store->slots[to].filled = true;
    return true;
}

/* By the slot's own recipe, whoever may write it later: this is also how a train's cells begin. */
bool session_fill(Session *session, uint32_t slot)
{
    const Script *script = session->script;
    Slot *s = &script->store->slots[slot];
    if (s->filled) return true;
    if (s->load) return session_load(session, slot);
    const Fill *fill = slot < (uint32_t)script->n_fills ? &script->fills[slot] : NULL;
    if (fill && fill->is_copy) return copy_slot(session, slot, fill->source);
    if (fill && fill->has_program) return session_fill_together(session, slot);
    diag_error(session->diagnostics, "E0611", session_slot_span(session, slot), "'%s' has no value and nothing that would give it one", s->name);
    return false;
}

bool session_know(Session *session)
{
    const Script *script = session->script;
    if (session->n_slots < script->store->n) {
        SlotState *slots = realloc(session->slots, script->store->n * sizeof *slots);
        if (!slots) return false;
        memset(slots + session->n_slots, 0, (script->store->n - session->n_slots) * sizeof *slots);
        session->slots = slots;
        session->n_slots = script->store->n;
    }
    for (int i = 0; i < script->n_actions; i++) {
        Train *train = script->actions[i].train;
        if (script->actions[i].kind != ACTION_TRAIN) continue;
        for (int c = 0; c < train->n_cells; c++) session->slots[train->cells[c]].writer = train;
        for (int e = 0; e < train->n_everys; e++)
            for (int r = 0; r < train->everys[e].n_records; r++) {
                session->slots[train->everys[e].records[r].curve].writer = train;
                session->slots[train->everys[e].records[r].value].writer = train;
            }
    }
    return true;
}

bool session_ensure(Session *session, uint32_t slot)
{
    if (session->script->store->slots[slot].filled) return true;
    if (slot >= session->n_slots && !session_know(session)) return false;
    SlotState *state = &session->slots[slot];
    if (state->busy) {
        diag_error(session->diagnostics, "E0611", session_slot_span(session, slot), "'%s' needs itself", session->script->store->slots[slot].name);
        return false;
    }
    state->busy = true;
    bool well = state->writer ? ensure_by_train(session, slot, state->writer) : session_fill(session, slot);
    session->slots[slot].busy = false;
    return well;
}

static bool writes(const Program *program, uint32_t slot)
{
    for (int i = 0; i < program->n; i++)
        if (program->outputs[i].slot == slot) return true;
    return false;
}

static bool train_writes(const Train *train, uint32_t slot)
{
    for (int p = 0; p < train->n_phases; p++) {
        if (writes(&train->phases[p].program, slot)) return true;
        if (train->recording && writes(&train->recording[p].program, slot)) return true;
    }
    return false;
}

static bool train_has_cell(const Train *train, uint32_t slot)
{
    for (int i = 0; i < train->n_cells; i++)
        if (train->cells[i] == slot) return true;
    return false;
}

bool session_ensure_reads(Session *session, const Program *program, const Train *inside)
{
    int n;
    uint32_t *reads = program_reads(program, &n);
    bool well = reads && session_know(session);
    for (int i = 0; well && i < n; i++) {
        if (inside && train_has_cell(inside, reads[i])) well = session_fill(session, reads[i]);
        else if (inside && train_writes(inside, reads[i])) slot_memory(session->script->store, reads[i]);
        else well = session_ensure(session, reads[i]);
    }
    free(reads);
    return well;
}

/* ---- actions in text order ---- */

/* Files saved before later claims were known are written again with their results. */
static bool renew_saves(Session *session)
{
    bool well = true;
    if (session->claims_at_save == session->n_claims) return true;
    session->claims_at_save = session->n_claims;
    for (int i = 0; i < session->n_saves; i++) well &= session_save(session, &session->saves[i]);
    return well;
}

static EbmStatus status_of(const Session *session)
{
    EbmStatus status = EBM_WELL;
    for (int i = 0; i < session->n_claims; i++)
        if (!session->claims[i].holds) status = EBM_CLAIM_FAILED;
    for (const Diagnostic *d = session->diagnostics->first; d; d = d->next) {
        if (d->severity != SEVERITY_ERROR) continue;
        EbmStatus fault = d->fault == FAULT_TEXT ? EBM_TEXT_WRONG : d->fault == FAULT_MACHINE ? EBM_MACHINE_WRONG : EBM_CLAIM_FAILED;
        if (fault > status) status = fault;
    }
    return session->interrupted ? EBM_INTERRUPTED : status;
}

/* What was shown in answer to a prompt is not shown again. */
static bool was_typed(const Action *action)
{
    bool shows = action->kind == ACTION_PRINT || action->kind == ACTION_SHOW;
    return shows && action->span.source && !strcmp(action->span.source->name, "<prompt>");
}

EbmStatus session_run(Session *session)
{
    Script *script = session->script;
    bool well = session_know(session);
    while (well && !session->interrupted && session->actions_done < script->n_actions) {
        Action *action = &script->actions[session->actions_done++];
        if (session->actions_done <= session->actions_left && action->span.source != session->fresh) continue;
        if (session->again && was_typed(action)) continue;
        if (action->kind == ACTION_TRAIN) well = action->train->done || session_train(session, action->train);
        else well = session_act(session, action, (RunKey){ .seed = script->seed }, NULL, 0);
        if (*session->options.stop) session->interrupted = true;
    }
    if (well && !session->interrupted) renew_saves(session);
    session_report_profile(session);
    EbmStatus status = status_of(session);
    session->actions_done = script->n_actions;
    session->interrupted = session->again = false;
    return status;
}

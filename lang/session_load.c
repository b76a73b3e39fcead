/* session_load.c: slots that files fill.  Those that a train reads are read by a thread of their own, one after the other, while the
 * train's cells are computed and its programs planned; whoever needs one of them, or any other file, waits for that thread. */
#include "lang/session_inside.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct Load { uint32_t slot; const char *error; } Load;

struct Loads {
    Store *store;
    int n;
    Load *at;
    pthread_t thread;
};

static const char *read_slot(Store *store, uint32_t slot)
{
    Slot *s = &store->slots[slot];
    const char *error = s->elements ? s->load_elements(s->context, s) : s->map && !s->data ? s->map(s->context, s, store->precision) : NULL;
    if (error || s->mapped || s->elements) return error;
    slot_memory(store, slot);
    return s->load(s->context, s, store->precision);
}

static void *read_all(void *context)
{
    Loads *loads = context;
    for (int i = 0; i < loads->n; i++) loads->at[i].error = read_slot(loads->store, loads->at[i].slot);
    return NULL;
}

static void add_load(Loads *loads, uint32_t slot)
{
    const Slot *s = &loads->store->slots[slot];
    if (s->filled || !s->load) return;
    for (int i = 0; i < loads->n; i++)
        if (loads->at[i].slot == slot) return;
    Load *more = realloc(loads->at, ((size_t)loads->n + 1) * sizeof *more);
    if (!more) return;                  /* it is read when it is needed */
    loads->at = more;
    loads->at[loads->n++] = (Load){ slot, NULL };
}

static void loads_free(Loads *loads)
{
    free(loads->at);
    free(loads);
}

void session_begin_loads(Session *session, const Train *train)
{
    Loads *loads = session->options.threads == 1 || session->loads ? NULL : calloc(1, sizeof *loads);
    if (!loads) return;
    loads->store = session->script->store;
    for (int p = 0; p < train->n_phases; p++) {
        int n = 0;
        uint32_t *reads = program_reads(&train->phases[p].program, &n);
        for (int i = 0; reads && i < n; i++) add_load(loads, reads[i]);
        free(reads);
    }
    if (loads->n && pthread_create(&loads->thread, NULL, read_all, loads) == 0) session->loads = loads;
    else loads_free(loads);
}

static bool take(Session *session, uint32_t slot, const char *error)
{
    Slot *s = &session->script->store->slots[slot];
    if (error) diag_error(session->diagnostics, "E0790", session_slot_span(session, slot), "'%s' cannot be read: %s", s->name, error)->fault = FAULT_MACHINE;
    s->filled = !error;
    return !error;
}

bool session_end_loads(Session *session)
{
    Loads *loads = session->loads;
    bool well = true;
    if (!loads) return true;
    pthread_join(loads->thread, NULL);
    session->loads = NULL;
    for (int i = 0; i < loads->n; i++) well &= take(session, loads->at[i].slot, loads->at[i].error);
    loads_free(loads);
    return well;
}

bool session_load(Session *session, uint32_t slot)
{
    if (!session_end_loads(session)) return false;
    return session->script->store->slots[slot].filled || take(session, slot, read_slot(session->script->store, slot));
}

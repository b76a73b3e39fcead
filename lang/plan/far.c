/* far.c: which results are read so much later that the caches have been filled with other things by then.  They are written past the caches: a line
 * that is written whole need not be fetched first, and drives nothing out. */
#include "lang/plan/inside.h"

enum { FAR = 1 << 23 };         /* values that go through the processor between the writing and the reading; of all memory that is used */

/* What is known of a buffer on the way: the one result that fills it, if a kernel that can write past the caches does. */
typedef struct Written { Ref *by; double at; bool near; } Written;
typedef struct Way { Planner *p; Written *written; double moved; } Way;

static void note_read(Way *way, const Ref *ref)
{
    Written *w = ref->base >= 0 ? &way->written[ref->base] : NULL;
    if (w && way->moved - w->at < FAR) w->near = true;
}

static void note_write(Way *way, const Instr *instr, Ref *ref)
{
    if (ref->base < 0) return;
    Written *w = &way->written[ref->base];
    bool can = instr->kind == INSTR_MAP || instr->kind == INSTR_COPY;
    if (!can || (w->by && w->by != ref)) w->near = true;
    w->by = ref;
    w->at = way->moved;
}

/* The body of a loop is gone through twice: a pass reads what the one before has written. */
static void follow(Way *way, const Block *block)
{
    for (int i = 0; i < block->n; i++) {
        Instr *instr = block->at[i];
        int results = instr_results(instr);
        bool reads_all = instr->kind != INSTR_MAP && instr->kind != INSTR_COPY;
        for (int r = reads_all ? 0 : results; r < instr->n_refs; r++) note_read(way, &instr->ref[r]);
        for (int r = 0; r < results && r < instr->n_refs; r++) note_write(way, instr, &instr->ref[r]);
        for (int pass = 0; pass < (instr->kind == INSTR_LOOP ? 2 : 1); pass++) follow(way, &instr->body);
        if (instr->kind != INSTR_LOOP && instr->kind != INSTR_REGION && instr->kind != INSTR_CHUNKS) way->moved += instr_bytes(instr, 1);
    }
}

void find_far(Planner *p)
{
    const Code *code = p->code;
    if (code->arena_values + code->local_values < FAR) return;
    Way way = { .p = p, .written = ARENA_ARRAY(&p->work, Written, p->n_buffers + 1) };
    follow(&way, &code->main);
    follow(&way, &code->commit);
    for (int i = 0; i < p->n_buffers; i++) {
        const Written *w = &way.written[i];
        if (w->by && !w->near && p->buffers[i].base < BASE_SLOT) w->by->far = true;
    }
}

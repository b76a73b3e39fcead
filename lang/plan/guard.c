/* guard.c: which results of maps are committed, and by nothing else written.  The map looks whether they are finite while it has them in the nearest cache,
 * so that the commit need not read them again from far away. */
#include "lang/plan/inside.h"

/* What is known of a buffer: the one map's result that fills it; blocked: something else does, or does its work there. */
typedef struct Maker { Ref *by; bool blocked; } Maker;

static void note_result(Maker *maker, Ref *ref)
{
    if (maker->by) maker->blocked = true;
    maker->by = ref;
}

static void find_makers(Maker *makers, const Block *block)
{
    for (int i = 0; i < block->n; i++) {
        Instr *instr = block->at[i];
        for (int r = 0; r < instr->n_refs; r++) {
            Ref *ref = &instr->ref[r];
            if (ref->base < 0) continue;
            if (instr->kind != INSTR_MAP) makers[ref->base].blocked = true;
            else if (r < instr_results(instr)) note_result(&makers[ref->base], ref);
        }
        find_makers(makers, &instr->body);
    }
}

void find_guarded(Planner *p)
{
    const Block *commit = &p->code->commit;
    Maker *makers = ARENA_ARRAY(&p->work, Maker, p->n_buffers + 1);
    find_makers(makers, &p->code->main);
    for (int i = 0; i < commit->n; i++) {
        const Instr *instr = commit->at[i];
        if (!instr->flag || (instr->kind != INSTR_COPY && instr->kind != INSTR_SWAP) || instr->ref[1].base < 0) continue;
        const Maker *maker = &makers[instr->ref[1].base];
        if (maker->by && !maker->blocked) maker->by->guarded = instr->ref[1].guarded = true;
    }
}

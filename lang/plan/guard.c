/* guard.c: which committed values a map has in the nearest cache: its results that nothing else writes, and operands that it reads whole once they are made
 * (a product's, say).  It looks whether they are finite, so that the commit need not read them again from far away. */
#include "lang/plan/inside.h"

/* What is known of a buffer: the one map's result that fills it; blocked: something else does, or does its work there.  And the last map outside of loops that
 * reads it after all has been written. */
typedef struct Maker { Ref *by; bool blocked; const Instr *reader; Ref *read; } Maker;

static void note_result(Maker *maker, Ref *ref)
{
    if (maker->by) maker->blocked = true;
    maker->by = ref;
}

static void note_read(Maker *maker, const Instr *reader, Ref *ref)
{
    maker->reader = reader;
    maker->read = ref;
}

/* How many places of an operand the instruction goes through. */
static double count_places(const Instr *instr, const Ref *ref)
{
    double places = 1;
    for (int d = 0; d < instr->n_dims; d++)
        if (ref->stride[d]) places *= (double)instr->dim[d];
    return places;
}

/* Whether the map that reads the buffer sees all that the commit takes from there. */
static bool reads_all(const Maker *maker, const Instr *commit)
{
    return maker->read && maker->read->offset == commit->ref[1].offset && count_places(maker->reader, maker->read) == count_places(commit, &commit->ref[1]);
}

static void find_makers(Maker *makers, const Block *block, bool inside)
{
    for (int i = 0; i < block->n; i++) {
        Instr *instr = block->at[i];
        for (int r = 0; r < instr->n_refs; r++) {
            Ref *ref = &instr->ref[r];
            if (ref->base < 0) continue;
            Maker *maker = &makers[ref->base];
            bool writes = r < instr_results(instr);
            if (instr->kind != INSTR_MAP) maker->blocked = true;
            else if (writes) note_result(maker, ref);
            if (writes || inside) maker->read = NULL;
            else if (instr->kind == INSTR_MAP) note_read(maker, instr, ref);
        }
        find_makers(makers, &instr->body, true);
    }
}

void find_guarded(Planner *p)
{
    const Block *commit = &p->code->commit;
    Maker *makers = ARENA_ARRAY(&p->work, Maker, p->n_buffers + 1);
    find_makers(makers, &p->code->main, false);
    for (int i = 0; i < commit->n; i++) {
        const Instr *instr = commit->at[i];
        if (!instr->flag || (instr->kind != INSTR_COPY && instr->kind != INSTR_SWAP) || instr->ref[1].base < 0) continue;
        const Maker *maker = &makers[instr->ref[1].base];
        Ref *seen = maker->by && !maker->blocked ? maker->by : reads_all(maker, instr) ? maker->read : NULL;
        if (seen) seen->guarded = instr->ref[1].guarded = true;
    }
}

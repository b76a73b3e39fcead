/* together.c: instructions that follow each other and do not wait for each other: the machine shares them out in one go, so that threads
 * wait for each other once, and small ones find a thread of their own.
 *
 * All that they touch is in use for the whole of them, so that none lies where another still reads. */
#include "lang/plan/inside.h"

/* Whether it can run beside others: it does nothing but read and write its operands. */
static bool may_join(const Instr *instr)
{
    switch (instr->kind) {
    case INSTR_MAP: case INSTR_FILL: case INSTR_IOTA: case INSTR_COPY: case INSTR_FOLD_ROWS: case INSTR_FOLD_LINE: case INSTR_PRODUCT: case INSTR_LANE_DOT:
    case INSTR_UNIFORM: case INSTR_NORMAL: return true;
    default: return false;
    }
}

static bool is_written(const Instr *instr, int ref) { return ref < instr_results(instr); }

/* Whether one writes what the other touches. */
static bool must_wait(const Instr *x, const Instr *y)
{
    for (int i = 0; i < x->n_refs; i++)
        for (int k = 0; k < y->n_refs; k++)
            if (x->ref[i].base >= 0 && x->ref[i].base == y->ref[k].base && (is_written(x, i) || is_written(y, k))) return true;
    return false;
}

/* How many from the first on go together: 1 or more, or 0 if none of them is worth sharing. */
static int count_together(Instr *const *at, int n)
{
    bool shared = false;
    int k = 0;
    for (; k < n && may_join(at[k]); k++) {
        for (int i = 0; i < k; i++)
            if (must_wait(at[i], at[k])) return shared ? k : 0;
        shared = shared || at[k]->split >= 0;
    }
    return shared ? k : 0;
}

void join_instrs(Instr *const *at, int n)
{
    for (int i = 0; i < n; i++) {
        int together = count_together(at + i, n - i);
        if (together < 2) continue;
        at[i]->with = together - 1;
        i += together - 1;
    }
}

/* run.c: runs blocks of instructions: each by its kernel, loops pass by pass; share.c shares out what is large. */
#include "vm/inside.h"

/* ---- Walks ---- */

void walk_begin_at(Walk *walk, const Frame *frame, const Instr *instr, int kernel_dims)
{
    walk->instr = instr;
    walk->outer = instr->n_dims - kernel_dims;
    walk->bytes = frame->kernels->bytes;
    for (int d = 0; d < instr->n_dims; d++) {
        walk->dim[d] = d == instr->lane ? frame->lanes : d == instr->split && frame->part ? frame->part : instr->dim[d];
        walk->index[d] = 0;
    }
    for (int r = 0; r < instr->n_refs; r++) {
        const Ref *ref = &instr->ref[r];
        int64_t offset = ref->offset + ref->chunk * frame->item;
        if (ref->pass >= 0) offset += ref->pass_stride * frame->times[ref->pass];
        if (frame->part) offset += ref->stride[instr->split] * frame->part_from;
        walk->at[r] = ref->base < 0 ? (uintptr_t)offset : (uintptr_t)frame->base[ref->base] + (uintptr_t)(offset * (int64_t)walk->bytes);
    }
}

static void move_on(Walk *walk, int d, int64_t places)
{
    const Instr *instr = walk->instr;
    for (int r = 0; r < instr->n_refs; r++) {
        int64_t step = instr->ref[r].stride[d] * places;
        walk->at[r] += (uintptr_t)(instr->ref[r].base < 0 ? step : step * (int64_t)walk->bytes);
    }
}

bool walk_step(Walk *walk)
{
    for (int d = walk->outer - 1; d >= 0; d--) {
        if (++walk->index[d] < walk->dim[d]) {
            move_on(walk, d, 1);
            return true;
        }
        move_on(walk, d, 1 - walk->dim[d]);
        walk->index[d] = 0;
    }
    return false;
}

void trouble_note(Frame *frame, const Instr *instr, TroubleKind kind, double value, int64_t size)
{
    if (frame->trouble.kind) return;
    frame->trouble = (Trouble){ kind, instr->origin, instr->op, value, size, frame->item };
}

/* ---- Instructions ---- */

void run_instr(Frame *frame, const Instr *instr)
{
    switch (instr->kind) {
    case INSTR_MAP: run_map(frame, instr); break;
    case INSTR_FILL: run_fill(frame, instr); break;
    case INSTR_IOTA: run_iota(frame, instr); break;
    case INSTR_STEP: run_step(frame, instr); break;
    case INSTR_COPY: run_copy(frame, instr); break;
    case INSTR_ADD: run_add(frame, instr); break;
    case INSTR_FOLD_ROWS: case INSTR_FOLD_LINE: run_fold(frame, instr); break;
    case INSTR_ARG_ROWS: case INSTR_ARG_LINE: run_arg(frame, instr); break;
    case INSTR_PRODUCT: run_product(frame, instr); break;
    case INSTR_LANE_DOT: run_lane_dot(frame, instr); break;
    case INSTR_GATHER: run_gather(frame, instr); break;
    case INSTR_SCATTER: run_scatter(frame, instr); break;
    case INSTR_PUT: run_put(frame, instr); break;
    case INSTR_DISTINCT: run_distinct(frame, instr); break;
    case INSTR_CUMSUM: run_cumsum(frame, instr); break;
    case INSTR_ARGSORT: run_argsort(frame, instr); break;
    case INSTR_SVD: run_svd(frame, instr); break;
    case INSTR_UNIFORM: case INSTR_NORMAL: run_draw(frame, instr); break;
    case INSTR_CHOOSE: case INSTR_ROWS: run_places(frame, instr); break;
    case INSTR_SWAP: case INSTR_LOOP: case INSTR_REGION: case INSTR_CHUNKS: break;
    }
}

static void check_result(Frame *frame, const Instr *instr)
{
    double value;
    if (instr->kind == INSTR_MAP || instr->kind == INSTR_FILL || instr->kind == INSTR_DISTINCT || frame->trouble.kind) return;
    if (!ref_is_finite(frame, instr, 0, &value)) trouble_note(frame, instr, TROUBLE_NOT_FINITE, value, 0);
}

/* Whether a loop has had enough: its ref 0 is nowhere 0, for the items of the chunk at hand. */
static bool is_done(const Frame *frame, const Instr *instr)
{
    Walk walk;
    walk_begin_at(&walk, frame, instr, 0);
    do
        if (real_at(walk_pointer(&walk, 0), walk.bytes) == 0) return false;
    while (walk_step(&walk));
    return true;
}

static void run_loop(Frame *frame, const Instr *instr)
{
    Walk walk;
    walk_begin_at(&walk, frame, instr, 0);
    for (int64_t t = 0; t < instr->passes && !frame->trouble.kind; t++) {
        frame->times[instr->depth] = t;
        if (instr->has_time) real_put(walk_pointer(&walk, instr->n_refs - 1), walk.bytes, (double)t);
        run_block(frame, &instr->body);
        if (instr->flag && is_done(frame, instr)) break;
    }
}

/* Whether instructions outside regions are large enough to be shared out, and there is someone to share them with. */
static bool is_shared(const Frame *frame, const Instr *instr) { return (instr->split >= 0 || instr->with > 0) && frame->machine->threads > 1; }

static void run_watched(Frame *frame, const Instr *instr)
{
    if (frame->checking) {
        run_instr(frame, instr);
        check_result(frame, instr);
        return;
    }
    uint64_t began = ticks_now();
    run_instr(frame, instr);
    frame->tallies[instr->number].own += ticks_now() - began;
}

void run_block(Frame *frame, const Block *block)
{
    for (int i = 0; i < block->n && !frame->trouble.kind; i++) {
        const Instr *instr = block->at[i];
        if (instr->kind == INSTR_LOOP) {
            run_loop(frame, instr);
        } else if (instr->kind == INSTR_REGION) {
            run_region(frame, &block->at[i]);
        } else if (instr->kind == INSTR_CHUNKS) {
            run_chunks(frame, instr);
        } else if (is_shared(frame, instr) && !frame->checking) {
            run_together(frame, &block->at[i], 1 + instr->with);
            i += instr->with;
        } else if (frame->watched) {
            run_watched(frame, instr);
        } else {
            run_instr(frame, instr);
        }
    }
}

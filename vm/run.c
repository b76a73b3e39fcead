/* run.c: runs blocks of instructions: shares large ones out among threads, runs regions chunk by chunk and loops pass by pass. */
#include "vm/inside.h"

#include <string.h>

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

static void run_instr(Frame *frame, const Instr *instr)
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
    case INSTR_SWAP: case INSTR_LOOP: case INSTR_REGION: break;
    }
}

static void check_result(Frame *frame, const Instr *instr)
{
    double value;
    if (instr->kind == INSTR_MAP || instr->kind == INSTR_FILL || instr->kind == INSTR_DISTINCT || frame->trouble.kind) return;
    if (!ref_is_finite(frame, instr, 0, &value)) trouble_note(frame, instr, TROUBLE_NOT_FINITE, value, 0);
}

/* ---- Sharing out ---- */

typedef struct Job { Machine *machine; const Instr *instr; } Job;

/* Trouble of any thread becomes the first thread's; of several, that of the first items. */
static void gather_trouble(Machine *machine)
{
    Frame *first = &machine->frames[0];
    for (int t = 1; t < machine->threads; t++) {
        Trouble *other = &machine->frames[t].trouble;
        if (other->kind && (!first->trouble.kind || other->item < first->trouble.item)) first->trouble = *other;
        other->kind = TROUBLE_NONE;
    }
}

static void run_part(void *context, int64_t task, int thread)
{
    const Job *job = context;
    Frame *frame = &job->machine->frames[thread];
    int64_t dim = job->instr->dim[job->instr->split], from = task * job->instr->grain;
    frame->part_from = from;
    frame->part = dim - from < job->instr->grain ? dim - from : job->instr->grain;
    run_instr(frame, job->instr);
    frame->part = 0;
}

static void run_part_timed(void *context, int64_t task, int thread)
{
    const Job *job = context;
    uint64_t began = ticks_now();
    run_part(context, task, thread);
    job->machine->frames[thread].tallies[job->instr->number].own += ticks_now() - began;
}

static void share_times(Machine *machine)
{
    for (int t = 1; t < machine->threads; t++)
        memcpy(machine->frames[t].times, machine->frames[0].times, sizeof machine->frames[0].times);
}

static void run_split(Frame *frame, const Instr *instr, void (*part)(void *, int64_t, int))
{
    Machine *machine = frame->machine;
    Job job = { machine, instr };
    share_times(machine);
    pool_run(machine->pool, part, &job, (instr->dim[instr->split] + instr->grain - 1) / instr->grain);
    gather_trouble(machine);
}

static void run_chunk(void *context, int64_t task, int thread)
{
    const Job *job = context;
    Frame *frame = &job->machine->frames[thread];
    const Instr *instr = job->instr;
    if (frame->trouble.kind) return;
    frame->item = task * instr->chunk;
    frame->lanes = instr->items - frame->item < instr->chunk ? instr->items - frame->item : instr->chunk;
    run_block(frame, &instr->body);
    frame->item = frame->lanes = 0;
}

static void run_chunk_timed(void *context, int64_t task, int thread)
{
    const Job *job = context;
    uint64_t began = ticks_now();
    run_chunk(context, task, thread);
    job->machine->frames[thread].tallies[job->instr->number].own += ticks_now() - began;
}

/* A region whose chunks are looked at, or timed. */
static void run_region_watched(Frame *frame, Job *job, int64_t chunks)
{
    if (frame->checking) {
        for (int64_t task = 0; task < chunks; task++) run_chunk(job, task, 0);
        return;
    }
    uint64_t began = ticks_now();
    share_times(job->machine);
    pool_run(job->machine->pool, run_chunk_timed, job, chunks);
    gather_trouble(job->machine);
    frame->tallies[job->instr->number].shared += ticks_now() - began;
}

static void run_region(Frame *frame, const Instr *instr)
{
    Machine *machine = frame->machine;
    Job job = { machine, instr };
    int64_t chunks = (instr->items + instr->chunk - 1) / instr->chunk;
    if (frame->watched) {
        run_region_watched(frame, &job, chunks);
        return;
    }
    share_times(machine);
    pool_run(machine->pool, run_chunk, &job, chunks);
    gather_trouble(machine);
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

/* Whether an instruction outside regions is large enough to be shared out, and there is someone to share it with. */
static bool is_shared(const Frame *frame, const Instr *instr) { return instr->split >= 0 && frame->machine->threads > 1; }

static void run_watched(Frame *frame, const Instr *instr)
{
    if (frame->checking) {
        run_instr(frame, instr);
        check_result(frame, instr);
        return;
    }
    uint64_t began = ticks_now();
    Tally *tally = &frame->tallies[instr->number];
    if (is_shared(frame, instr)) {
        run_split(frame, instr, run_part_timed);
        tally->shared += ticks_now() - began;
    } else {
        run_instr(frame, instr);
        tally->own += ticks_now() - began;
    }
}

void run_block(Frame *frame, const Block *block)
{
    for (int i = 0; i < block->n && !frame->trouble.kind; i++) {
        const Instr *instr = block->at[i];
        if (instr->kind == INSTR_LOOP) run_loop(frame, instr);
        else if (instr->kind == INSTR_REGION) run_region(frame, instr);
        else if (frame->watched) run_watched(frame, instr);
        else if (is_shared(frame, instr)) run_split(frame, instr, run_part);
        else run_instr(frame, instr);
    }
}

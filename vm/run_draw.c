/* run_draw.c: random draws.  A draw is a pure function of the run's seed, the place in the program, the step, the passes of the loops
 * around it and the element's number; see random_key. */
#include "vm/inside.h"

static void draw_key(const Frame *frame, const Instr *instr, uint64_t step, uint32_t key[4])
{
    int64_t times[MAX_DEPTH];
    for (int i = 0; i < instr->n_times; i++) {
        const PassNumber *number = &instr->time[i];
        times[i] = number->fixed;
        for (int k = 0; k < number->n; k++) times[i] += number->term[k].factor * frame->times[number->term[k].depth];
    }
    random_key(key, frame->key.seed, instr->key, step, times, instr->n_times);
}

/* The step, with new draws for each attempt at it after a rollback. */
static uint64_t step_of(const Frame *frame) { return frame->key.step + frame->key.attempt * UINT64_C(0x9e3779b97f4a7c15); }

void run_draw(Frame *frame, const Instr *instr)
{
    Walk walk;
    uint32_t key[4];
    draw_key(frame, instr, step_of(frame), key);
    walk_begin_at(&walk, frame, instr, 2);
    int64_t items = walk.dim[walk.outer], features = walk.dim[walk.outer + 1];
    int64_t item_stride = instr->ref[0].stride[walk.outer], feature_stride = instr->ref[0].stride[walk.outer + 1];
    do
        (instr->kind == INSTR_UNIFORM ? frame->kernels->uniform : frame->kernels->normal)(
            walk_pointer(&walk, 0), key, (int64_t)walk.at[1], items, (int64_t)walk.at[2], features, item_stride, feature_stride);
    while (walk_step(&walk));
}

/* This step's rows of a data set: read on through one permutation an epoch. */
static void run_rows(Frame *frame, const Instr *instr, char *to, int64_t n, int64_t stride)
{
    uint64_t size = (uint64_t)instr->size, at = frame->key.step * (uint64_t)n;
    for (int64_t done = 0; done < n;) {
        uint64_t epoch = at / size, place = at % size;
        int64_t run = n - done;
        if ((uint64_t)run > size - place) run = (int64_t)(size - place);
        uint32_t key[4];
        draw_key(frame, instr, epoch, key);
        frame->kernels->permutation(to + done * stride * (int64_t)frame->kernels->bytes, key, instr->size, (int64_t)place, run, stride);
        done += run;
        at += (uint64_t)run;
    }
}

void run_places(Frame *frame, const Instr *instr)
{
    Walk walk;
    walk_begin_at(&walk, frame, instr, 1);
    int64_t n = walk.dim[walk.outer], stride = instr->ref[0].stride[walk.outer];
    do {
        if (instr->kind == INSTR_ROWS) {
            run_rows(frame, instr, walk_pointer(&walk, 0), n, stride);
            continue;
        }
        uint32_t key[4];
        draw_key(frame, instr, step_of(frame), key);
        frame->kernels->permutation(walk_pointer(&walk, 0), key, instr->size, 0, n, stride);
    } while (walk_step(&walk));
}

/* run_move.c: values filled in, copied, summed into places, fetched from and sent to computed places. */
#include "vm/inside.h"

#include <string.h>

/* The last dim is the inner loop; a nest without dims has one place. */
typedef struct Inner { Walk walk; int64_t n; int64_t stride[4]; } Inner;

static void inner_begin(Inner *in, const Frame *frame, const Instr *instr)
{
    int inner = instr->n_dims > 0;
    walk_begin_at(&in->walk, frame, instr, inner);
    in->n = inner ? in->walk.dim[in->walk.outer] : 1;
    for (int r = 0; r < instr->n_refs && r < 4; r++) in->stride[r] = inner ? instr->ref[r].stride[in->walk.outer] : 0;
}

void run_fill(Frame *frame, const Instr *instr)
{
    Inner in;
    inner_begin(&in, frame, instr);
    int64_t step = in.stride[0];
    do {
        if (in.walk.bytes == sizeof(double)) {
            double *to = walk_pointer(&in.walk, 0);
            for (int64_t i = 0; i < in.n; i++) to[i * step] = instr->value;
        } else {
            float *to = walk_pointer(&in.walk, 0), value = (float)instr->value;
            for (int64_t i = 0; i < in.n; i++) to[i * step] = value;
        }
    } while (walk_step(&in.walk));
}

void run_iota(Frame *frame, const Instr *instr)
{
    Inner in;
    inner_begin(&in, frame, instr);
    int64_t first = instr->lane >= 0 ? frame->item : 0;
    char *to = walk_pointer(&in.walk, 0);
    for (int64_t i = 0; i < in.n; i++) real_put(to + i * in.stride[0] * (int64_t)in.walk.bytes, in.walk.bytes, (double)(first + i));
}

void run_step(Frame *frame, const Instr *instr)
{
    Inner in;
    inner_begin(&in, frame, instr);
    real_put(walk_pointer(&in.walk, 0), in.walk.bytes, (double)frame->key.step);
}

void run_copy(Frame *frame, const Instr *instr)
{
    Inner in;
    inner_begin(&in, frame, instr);
    int64_t t = in.stride[0], f = in.stride[1];
    do {
        if (t == 1 && f == 1) {
            memmove(walk_pointer(&in.walk, 0), walk_pointer(&in.walk, 1), (size_t)in.n * in.walk.bytes);
        } else if (in.walk.bytes == sizeof(double)) {
            double *to = walk_pointer(&in.walk, 0);
            const double *from = walk_pointer(&in.walk, 1);
            for (int64_t i = 0; i < in.n; i++) to[i * t] = from[i * f];
        } else {
            float *to = walk_pointer(&in.walk, 0);
            const float *from = walk_pointer(&in.walk, 1);
            for (int64_t i = 0; i < in.n; i++) to[i * t] = from[i * f];
        }
    } while (walk_step(&in.walk));
}

void run_add(Frame *frame, const Instr *instr)
{
    Inner in;
    inner_begin(&in, frame, instr);
    int64_t t = in.stride[0], f = in.stride[1];
    do {
        if (in.walk.bytes == sizeof(double)) {
            double *to = walk_pointer(&in.walk, 0);
            const double *from = walk_pointer(&in.walk, 1);
            for (int64_t i = 0; i < in.n; i++) to[i * t] += from[i * f];
        } else {
            float *to = walk_pointer(&in.walk, 0);
            const float *from = walk_pointer(&in.walk, 1);
            for (int64_t i = 0; i < in.n; i++) to[i * t] += from[i * f];
        }
    } while (walk_step(&in.walk));
}

/* ---- Computed places ---- */

/* The place an index names; -1, with trouble noted, if there is none. */
static int64_t named_place(Frame *frame, const Instr *instr, double index)
{
    if (index >= 0 && index < (double)instr->size) return (int64_t)index;
    trouble_note(frame, instr, TROUBLE_RANGE, index, instr->size);
    return -1;
}

typedef enum Direction { FETCH, SEND, SUM } Direction;

/* Result and source are refs 0 and 1, the index is ref 2.  FETCH looks up places in the source, the others in the result. */
static void run_indexed(Frame *frame, const Instr *instr, Direction direction)
{
    Inner in;
    inner_begin(&in, frame, instr);
    const int64_t bytes = (int64_t)in.walk.bytes;
    do {
        char *to = walk_pointer(&in.walk, 0);
        const char *from = walk_pointer(&in.walk, 1), *index = walk_pointer(&in.walk, 2);
        int64_t place = 0;
        for (int64_t i = 0; i < in.n; i++) {
            if (i == 0 || in.stride[2]) place = named_place(frame, instr, real_at(index + i * in.stride[2] * bytes, in.walk.bytes));
            if (place < 0) return;
            int64_t far = place * instr->along_stride;
            char *t = to + (i * in.stride[0] + (direction == FETCH ? 0 : far)) * bytes;
            const char *f = from + (i * in.stride[1] + (direction == FETCH ? far : 0)) * bytes;
            if (bytes == sizeof(double)) {
                if (direction == SUM) *(double *)t += *(const double *)f;
                else *(double *)t = *(const double *)f;
            } else {
                if (direction == SUM) *(float *)t += *(const float *)f;
                else *(float *)t = *(const float *)f;
            }
        }
    } while (walk_step(&in.walk));
}

void run_gather(Frame *frame, const Instr *instr) { run_indexed(frame, instr, FETCH); }
void run_scatter(Frame *frame, const Instr *instr) { run_indexed(frame, instr, SUM); }
void run_put(Frame *frame, const Instr *instr) { run_indexed(frame, instr, SEND); }

void run_distinct(Frame *frame, const Instr *instr)
{
    Walk walk, inner;
    char *mark = frame->scratch;
    walk_begin_at(&walk, frame, instr, instr->sums);
    do {
        memset(mark, 0, (size_t)instr->size);
        inner = walk;
        inner.outer = instr->n_dims;
        bool more = true;
        while (more) {
            int64_t place = named_place(frame, instr, real_at(walk_pointer(&inner, 0), walk.bytes));
            if (place < 0) return;
            if (mark[place]) {
                trouble_note(frame, instr, TROUBLE_TWICE, (double)place, instr->size);
                return;
            }
            mark[place] = 1;
            more = false;
            for (int d = instr->n_dims - 1; d >= walk.outer && !more; d--) {
                int64_t step = instr->ref[0].stride[d] * (int64_t)walk.bytes;
                if (++inner.index[d] < inner.dim[d]) {
                    inner.at[0] += (uintptr_t)step;
                    more = true;
                } else {
                    inner.at[0] -= (uintptr_t)(step * (inner.dim[d] - 1));
                    inner.index[d] = 0;
                }
            }
        }
    } while (walk_step(&walk));
}

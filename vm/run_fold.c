/* run_fold.c: folds, extremes' places, running sums, sorted places, singular values. */
#include "vm/inside.h"

void run_fold(Frame *frame, const Instr *instr)
{
    Walk walk;
    bool rows = instr->kind == INSTR_FOLD_ROWS;
    walk_begin_at(&walk, frame, instr, rows ? 2 : 1);
    const int64_t *dim = &walk.dim[walk.outer], *from = &instr->ref[1].stride[walk.outer];
    do
        if (rows) frame->kernels->fold_rows(instr->op, walk_pointer(&walk, 0), walk_pointer(&walk, 1), dim[0], dim[1], from[0]);
        else frame->kernels->fold_line(instr->op, walk_pointer(&walk, 0), walk_pointer(&walk, 1), dim[0], from[0]);
    while (walk_step(&walk));
}

void run_arg(Frame *frame, const Instr *instr)
{
    Walk walk;
    bool rows = instr->kind == INSTR_ARG_ROWS;
    walk_begin_at(&walk, frame, instr, rows ? 2 : 1);
    const int64_t *dim = &walk.dim[walk.outer], *from = &instr->ref[1].stride[walk.outer];
    do
        if (rows) frame->kernels->arg_rows(instr->flag, walk_pointer(&walk, 0), walk_pointer(&walk, 1), dim[0], dim[1], from[0]);
        else frame->kernels->arg_line(instr->flag, walk_pointer(&walk, 0), walk_pointer(&walk, 1), dim[0], from[0]);
    while (walk_step(&walk));
}

void run_cumsum(Frame *frame, const Instr *instr)
{
    Walk walk;
    walk_begin_at(&walk, frame, instr, 1);
    int k = walk.outer;
    do
        frame->kernels->cumsum_line(walk_pointer(&walk, 0), walk_pointer(&walk, 1), walk.dim[k], instr->ref[0].stride[k], instr->ref[1].stride[k], instr->flag);
    while (walk_step(&walk));
}

void run_argsort(Frame *frame, const Instr *instr)
{
    Walk walk;
    walk_begin_at(&walk, frame, instr, 1);
    int k = walk.outer;
    do
        frame->kernels->argsort_line(walk_pointer(&walk, 0), walk_pointer(&walk, 1), walk.dim[k], instr->ref[0].stride[k], instr->ref[1].stride[k], instr->flag, frame->scratch);
    while (walk_step(&walk));
}

/* Vectors, `length` values each, one after the other every `apart`, go to where the result has them: that length at one stride, vectors at the other. */
static void put_vectors(char *to, const char *from, int64_t n, int64_t length, int64_t within, int64_t apart, int64_t to_within, int64_t to_apart, size_t bytes)
{
    for (int64_t k = 0; k < n; k++)
        for (int64_t i = 0; i < length; i++)
            real_put(to + (k * to_apart + i * to_within) * (int64_t)bytes, bytes, real_at(from + (k * apart + i * within) * (int64_t)bytes, bytes));
}

void run_svd(Frame *frame, const Instr *instr)
{
    Walk walk;
    walk_begin_at(&walk, frame, instr, 2);
    int64_t rows = walk.dim[walk.outer], cols = walk.dim[walk.outer + 1], small = rows < cols ? rows : cols, bytes = (int64_t)walk.bytes;
    const int64_t *stride = &instr->ref[1].stride[walk.outer], *to_stride = &instr->ref[0].stride[walk.outer];
    char *matrix = frame->scratch, *values = matrix + (rows * cols + 15) / 16 * 16 * bytes, *left = NULL, *right = NULL;
    if (instr->op == OP_svdvectors) {
        left = values + (small + 15) / 16 * 16 * bytes;
        right = left + rows * small * bytes;
    }
    do {
        const char *from = walk_pointer(&walk, 1);
        char *to = walk_pointer(&walk, 0);
        for (int64_t r = 0; r < rows; r++)
            for (int64_t c = 0; c < cols; c++)
                real_put(matrix + (r * cols + c) * bytes, walk.bytes, real_at(from + (r * stride[0] + c * stride[1]) * bytes, walk.bytes));
        if (!svd(frame->machine->precision, matrix, rows, cols, values, left, right)) {
            trouble_note(frame, instr, TROUBLE_LIBRARY, 0, 0);
            return;
        }
        if (!left) put_vectors(to, values, small, 1, 0, 1, 0, instr->along_stride, walk.bytes);
        else if (instr->flag) put_vectors(to, left, small, rows, small, 1, to_stride[0], instr->along_stride, walk.bytes);
        else put_vectors(to, right, small, cols, 1, cols, to_stride[1], instr->along_stride, walk.bytes);
    } while (walk_step(&walk));
}

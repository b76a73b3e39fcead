/* run_product.c: products of matrices, and sums of products lane by lane. */
#include "vm/inside.h"

/* Whether any of the dims that add up has moved on from its first place. */
static bool is_further_sum(const Walk *walk)
{
    for (int d = walk->outer - walk->instr->sums; d < walk->outer; d++)
        if (walk->index[d]) return true;
    return false;
}

void run_product(Frame *frame, const Instr *instr)
{
    Walk walk;
    walk_begin_at(&walk, frame, instr, 3);
    const int64_t *dim = &walk.dim[walk.outer], *c = &instr->ref[0].stride[walk.outer];
    const int64_t *a = &instr->ref[1].stride[walk.outer], *b = &instr->ref[2].stride[walk.outer];
    do
        frame->kernels->product(dim[0], dim[1], dim[2], walk_pointer(&walk, 1), a[0], a[2], walk_pointer(&walk, 2), b[2], b[1],
                                walk_pointer(&walk, 0), c[0], is_further_sum(&walk), frame->scratch);
    while (walk_step(&walk));
}

void run_lane_dot(Frame *frame, const Instr *instr)
{
    Walk walk;
    walk_begin_at(&walk, frame, instr, 2);
    const int64_t *dim = &walk.dim[walk.outer], *a = &instr->ref[1].stride[walk.outer], *b = &instr->ref[2].stride[walk.outer];
    do
        frame->kernels->lane_dot(walk_pointer(&walk, 0), walk_pointer(&walk, 1), walk_pointer(&walk, 2), dim[0], dim[1], a[0], a[1], b[0], b[1]);
    while (walk_step(&walk));
}

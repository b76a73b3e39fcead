/* run_product.c: products of matrices, and sums of products lane by lane. */
#include "vm/inside.h"

#include <string.h>

/* Whether any of the dims that add up has moved on from its first place. */
static bool is_further_sum(const Walk *walk)
{
    for (int d = walk->outer - walk->instr->sums; d < walk->outer; d++)
        if (walk->index[d]) return true;
    return false;
}

/* Products of one value each: the innermost of the outer loops, if it leads to different places, goes through the kernel. */
static void run_dots(Frame *frame, const Instr *instr)
{
    Walk walk;
    int m = instr->n_dims - 3;
    bool rows = m > 0 && !instr->sums;
    walk_begin_at(&walk, frame, instr, rows ? 4 : 3);
    const int64_t *k = &walk.dim[m + 2];
    const int64_t *c = instr->ref[0].stride, *a = instr->ref[1].stride, *b = instr->ref[2].stride;
    do
        frame->kernels->dots(rows ? walk.dim[m - 1] : 1, *k, walk_pointer(&walk, 1), rows ? a[m - 1] : 0, a[m + 2], walk_pointer(&walk, 2), rows ? b[m - 1] : 0,
                             b[m + 2], walk_pointer(&walk, 0), rows ? c[m - 1] : 0, instr->flag || is_further_sum(&walk));
    while (walk_step(&walk));
}

/* Where each pair of matrices stands, seen from the first: of the operands, at all places that the dims which add up lead to. */
static int64_t find_pairs(const Walk *walk, ptrdiff_t *a_at, ptrdiff_t *b_at)
{
    const Instr *instr = walk->instr;
    const int64_t *dim = walk->dim;
    int first = instr->n_dims - 3 - instr->sums;
    int64_t pairs = instr_terms(instr);
    for (int64_t t = 0; t < pairs; t++) {
        a_at[t] = (ptrdiff_t)(walk->at[1 + 2 * t] - walk->at[1]) / (ptrdiff_t)walk->bytes;
        b_at[t] = (ptrdiff_t)(walk->at[2 + 2 * t] - walk->at[2]) / (ptrdiff_t)walk->bytes;
    }
    for (int d = first + instr->sums - 1; d >= first; d--) {        /* the innermost goes fastest */
        for (int64_t i = 1; i < dim[d]; i++)
            for (int64_t s = 0; s < pairs; s++) {
                a_at[i * pairs + s] = a_at[s] + i * instr->ref[1].stride[d];
                b_at[i * pairs + s] = b_at[s] + i * instr->ref[2].stride[d];
            }
        pairs *= dim[d];
    }
    return pairs;
}

/* ---- Margins ---- */

/* The place along a dim where the walk stands, or the first of those that the kernel walks. */
static int64_t place_along(const Frame *frame, const Walk *walk, int d)
{
    return (d < walk->outer ? walk->index[d] : 0) + (frame->part && d == walk->instr->split ? frame->part_from : 0);
}

/* Narrows the places from .. to-1 of dim d, which is not walked, to those that no margin leaves out where the walk stands. */
static void narrow(const Frame *frame, const Walk *walk, int d, int64_t *from, int64_t *to)
{
    const Instr *instr = walk->instr;
    for (int i = 0; i < instr->n_margins; i++) {
        const Margin *m = &instr->margins[i];
        if ((m->dim[0] == d) == (m->dim[1] == d)) continue;
        int k = m->dim[1] == d;
        int64_t at = m->offset + m->coef[0] * place_along(frame, walk, m->dim[0]) + m->coef[1] * place_along(frame, walk, m->dim[1]);
        while (*from < *to && at + m->coef[k] * *from < 0) ++*from;
        while (*from < *to && at + m->coef[k] * (*to - 1) >= m->size) --*to;
    }
}

/* Whether nothing is to be added where the walk stands. */
static bool is_left_out(const Frame *frame, const Walk *walk)
{
    const Instr *instr = walk->instr;
    for (int i = 0; instr->flag && i < instr->n_margins; i++) {
        const Margin *m = &instr->margins[i];
        int64_t at = m->offset + m->coef[0] * place_along(frame, walk, m->dim[0]) + m->coef[1] * place_along(frame, walk, m->dim[1]);
        if (m->dim[0] < walk->outer && m->dim[1] < walk->outer && (at < 0 || at >= m->size)) return true;
    }
    return false;
}

/* Where the pairs of A stand, in the order of find_pairs, but for those that are left out where the walk stands. */
static const ptrdiff_t *leave_out(const Frame *frame, const Walk *walk, int64_t pairs, const ptrdiff_t *a_at, ptrdiff_t *kept)
{
    const Instr *instr = walk->instr;
    int first = instr->n_dims - 3 - instr->sums;
    int64_t inner = instr_terms(instr);
    bool any = false;
    for (int d = first + instr->sums - 1; d >= first; inner *= walk->dim[d--]) {
        int64_t from = 0, to = walk->dim[d];
        narrow(frame, walk, d, &from, &to);
        if (from == 0 && to == walk->dim[d]) continue;
        if (!any) memcpy(kept, a_at, (size_t)pairs * sizeof *kept);
        any = true;
        for (int64_t s = 0; s < pairs; s++)
            if (s / inner % walk->dim[d] < from || s / inner % walk->dim[d] >= to) kept[s] = PAIR_LEFT_OUT;
    }
    return any ? kept : a_at;
}

/* All pairs of matrices go to one call of the kernel, which keeps the sums in registers. */
static void run_pairs(Frame *frame, const Instr *instr)
{
    Walk walk;
    ptrdiff_t a_at[MAX_PAIRS], b_at[MAX_PAIRS], kept[MAX_PAIRS];
    walk_begin_at(&walk, frame, instr, 3 + instr->sums);
    int64_t pairs = find_pairs(&walk, a_at, b_at);
    int m = instr->n_dims - 3;
    const int64_t *dim = &walk.dim[m], *c = &instr->ref[0].stride[m], *a = &instr->ref[1].stride[m], *b = &instr->ref[2].stride[m];
    do
        frame->kernels->product_sum(dim[0], dim[1], dim[2], pairs, leave_out(frame, &walk, pairs, a_at, kept), b_at, walk_pointer(&walk, 1), a[0], a[2], walk_pointer(&walk, 2), b[2], b[1],
                                    walk_pointer(&walk, 0), c[0], false, frame->scratch);
    while (walk_step(&walk));
}

/* Long pairs that are operands follow each other: what is walked of each then stays in the second cache. */
static bool is_short(const Instr *instr)
{
    enum { LONG = 256 };
    return instr_terms(instr) == 1 || instr->dim[instr->n_dims - 1] < LONG;
}

/* Whether the innermost of the outer loops leads through B and C alone. */
static bool is_many(const Instr *instr)
{
    int outer = instr->n_dims - 4;
    return outer >= 0 && !instr->sums && instr_terms(instr) == 1 && !instr->ref[1].stride[outer] && instr->ref[2].stride[outer];
}

static void run_many(Frame *frame, const Instr *instr)
{
    Walk walk;
    walk_begin_at(&walk, frame, instr, 4);
    const int64_t *dim = &walk.dim[walk.outer], *c = &instr->ref[0].stride[walk.outer];
    const int64_t *a = &instr->ref[1].stride[walk.outer], *b = &instr->ref[2].stride[walk.outer];
    size_t bytes = frame->kernels->bytes;
    do {
        int64_t from = 0, to = dim[0];
        narrow(frame, &walk, walk.outer, &from, &to);
        if (from == to || is_left_out(frame, &walk)) continue;
        frame->kernels->product_many(to - from, dim[1], dim[2], dim[3], walk_pointer(&walk, 1), a[1], a[3], (char *)walk_pointer(&walk, 2) + (size_t)(from * b[0]) * bytes, b[0],
                                     b[3], b[2], (char *)walk_pointer(&walk, 0) + (size_t)(from * c[0]) * bytes, c[0], c[1], instr->flag, frame->scratch);
    } while (walk_step(&walk));
}

void run_product(Frame *frame, const Instr *instr)
{
    Walk walk;
    if (instr_pairs(instr) > 1 && !instr->flag && instr_pairs(instr) <= MAX_PAIRS && is_short(instr)) {
        run_pairs(frame, instr);
        return;
    }
    if (instr->dim[instr->n_dims - 3] == 1 && instr->dim[instr->n_dims - 2] == 1) {
        run_dots(frame, instr);
        return;
    }
    if (is_many(instr)) {
        run_many(frame, instr);
        return;
    }
    walk_begin_at(&walk, frame, instr, 3);
    const int64_t *dim = &walk.dim[walk.outer], *c = &instr->ref[0].stride[walk.outer];
    const int64_t *a = &instr->ref[1].stride[walk.outer], *b = &instr->ref[2].stride[walk.outer];
    do
        for (int t = 0; t < instr_terms(instr) && !is_left_out(frame, &walk); t++)
            frame->kernels->product(dim[0], dim[1], dim[2], walk_pointer(&walk, 1 + 2 * t), a[0], a[2], walk_pointer(&walk, 2 + 2 * t), b[2], b[1],
                                    walk_pointer(&walk, 0), c[0], instr->flag || t || is_further_sum(&walk), frame->scratch);
    while (walk_step(&walk));
}

/* Whether the two loops around the kernel's each lead through one operand alone, and both operands have lanes of their own: then they are the rows
 * and columns of a product in each lane. */
static bool is_lane_product(const Instr *instr)
{
    int n = instr->n_dims;
    const int64_t *a = instr->ref[1].stride, *b = instr->ref[2].stride;
    return n >= 4 && a[n - 4] && !b[n - 4] && !a[n - 3] && b[n - 3] && a[n - 1] == 1 && b[n - 1] == 1;
}

static void run_lane_product(Frame *frame, const Instr *instr)
{
    Walk walk;
    walk_begin_at(&walk, frame, instr, 4);
    const int64_t *dim = &walk.dim[walk.outer], *to = &instr->ref[0].stride[walk.outer];
    const int64_t *a = &instr->ref[1].stride[walk.outer], *b = &instr->ref[2].stride[walk.outer];
    do
        frame->kernels->lane_product(dim[0], dim[1], dim[2], dim[3], walk_pointer(&walk, 1), a[0], a[2], walk_pointer(&walk, 2), b[1], b[2],
                                     walk_pointer(&walk, 0), to[0], to[1]);
    while (walk_step(&walk));
}

void run_lane_dot(Frame *frame, const Instr *instr)
{
    Walk walk;
    if (is_lane_product(instr)) {
        run_lane_product(frame, instr);
        return;
    }
    walk_begin_at(&walk, frame, instr, 2);
    const int64_t *dim = &walk.dim[walk.outer], *a = &instr->ref[1].stride[walk.outer], *b = &instr->ref[2].stride[walk.outer];
    do
        frame->kernels->lane_dot(walk_pointer(&walk, 0), walk_pointer(&walk, 1), walk_pointer(&walk, 2), dim[0], dim[1], a[0], a[1], b[0], b[1]);
    while (walk_step(&walk));
}

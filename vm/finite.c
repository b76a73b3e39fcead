/* finite.c: the search for values that are not finite. */
#include "vm/inside.h"

#include <math.h>

/* The instruction as seen by one operand: its dims in another order, the one in which its values follow each other last. */
static Instr seen_by(const Instr *instr, int ref, Ref *own)
{
    Instr seen = *instr;
    int last = instr->n_dims - 1, best = last;
    for (int d = last; d >= 0 && instr->ref[ref].stride[best] != 1; d--)
        if (instr->ref[ref].stride[d] == 1) best = d;
    *own = instr->ref[ref];
    seen.ref = own;
    seen.n_refs = 1;
    if (best == last) return seen;
    own->stride[last] = instr->ref[ref].stride[best];
    own->stride[best] = instr->ref[ref].stride[last];
    seen.dim[last] = instr->dim[best];
    seen.dim[best] = instr->dim[last];
    if (instr->lane == last || instr->lane == best) seen.lane = last + best - instr->lane;
    if (instr->split == last || instr->split == best) seen.split = last + best - instr->split;
    return seen;
}

bool ref_is_finite(const Frame *frame, const Instr *instr, int ref, double *value)
{
    Walk walk;
    Ref own;
    Instr seen = seen_by(instr, ref, &own);
    int inner = seen.n_dims > 0;
    walk_begin_at(&walk, frame, &seen, inner);
    int64_t n = inner ? walk.dim[walk.outer] : 1, stride = inner ? own.stride[walk.outer] : 0;
    do {
        const char *from = walk_pointer(&walk, 0);
        if (stride == 1) {
            int64_t at = frame->kernels->find_nonfinite(from, 1, n, 0);
            if (at < 0) continue;
            *value = real_at(from + at * (int64_t)walk.bytes, walk.bytes);
            return false;
        }
        for (int64_t i = 0; i < (stride ? n : 1); i++) {
            *value = real_at(from + i * stride * (int64_t)walk.bytes, walk.bytes);
            if (!isfinite(*value)) return false;
        }
    } while (walk_step(&walk));
    return true;
}

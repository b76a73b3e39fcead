/* finite.c: the search for values that are not finite. */
#include "vm/inside.h"

#include <math.h>

bool ref_is_finite(const Frame *frame, const Instr *instr, int ref, double *value)
{
    Walk walk;
    int inner = instr->n_dims > 0;
    walk_begin_at(&walk, frame, instr, inner);
    int64_t n = inner ? walk.dim[walk.outer] : 1, stride = inner ? instr->ref[ref].stride[walk.outer] : 0;
    do {
        const char *from = walk_pointer(&walk, ref);
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

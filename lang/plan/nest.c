/* nest.c: from axes and views to the loops and strides of an instruction. */
#include "lang/plan/inside.h"

#include <stdlib.h>
#include <string.h>

void nest_begin(Nest *nest, const View *const *views, int n_views)
{
    nest->n = 0;
    nest->n_views = n_views;
    nest->whole_chunks = false;
    for (int i = 0; i < n_views; i++) {
        nest->view[i] = views[i];
        nest->item_stride[i] = 0;
    }
}

void nest_axis(Planner *p, Nest *nest, Axis a, Axis lane)
{
    NestDim *d = &nest->dim[nest->n++];
    d->lane = p->region && a == lane;
    d->axis = a;
    d->size = d->lane ? p->region->chunk : axis_size(a);
    for (int i = 0; i < nest->n_views; i++) d->stride[i] = view_stride(nest->view[i], a);
    if (!d->lane) return;
    nest->whole_chunks = p->region->items % p->region->chunk == 0 && p->region->slice % p->region->chunk == 0;
    for (int i = 0; i < nest->n_views; i++) nest->item_stride[i] = d->stride[i];
}

void nest_dim(Nest *nest, int64_t size, const int64_t *strides)
{
    NestDim *d = &nest->dim[nest->n++];
    d->lane = false;
    d->axis = 0;
    d->size = size;
    for (int i = 0; i < nest->n_views; i++) d->stride[i] = strides[i];
}

/* Whether `outer` goes outside: by the stride in the result, then in the operands; the lanes innermost of all that is in the result. */
static bool goes_outside(const Nest *nest, const NestDim *outer, const NestDim *inner)
{
    if (outer->lane != inner->lane) return outer->lane ? inner->stride[0] == 0 : outer->stride[0] != 0;
    for (int i = 0; i < nest->n_views; i++) {
        int64_t a = llabs(outer->stride[i]), b = llabs(inner->stride[i]);
        if (a != b) return a > b;
    }
    return outer->size > inner->size;
}

static bool one_in_memory(const Nest *nest, const NestDim *outer, const NestDim *inner)
{
    if (outer->lane || (inner->lane && !nest->whole_chunks)) return false;
    for (int i = 0; i < nest->n_views; i++)
        if (outer->stride[i] != inner->stride[i] * inner->size) return false;
    return true;
}

void nest_tidy(Nest *nest)
{
    int n = 0;
    for (int i = 0; i < nest->n; i++)
        if (nest->dim[i].size != 1 || nest->dim[i].lane) nest->dim[n++] = nest->dim[i];
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && goes_outside(nest, &nest->dim[k], &nest->dim[k - 1]); k--) {
            NestDim d = nest->dim[k];
            nest->dim[k] = nest->dim[k - 1];
            nest->dim[k - 1] = d;
        }
    int kept = 0;
    for (int i = 0; i < n; i++) {
        if (kept && one_in_memory(nest, &nest->dim[kept - 1], &nest->dim[i])) {
            NestDim merged = nest->dim[i];
            merged.size *= nest->dim[kept - 1].size;
            merged.axis = 0;
            nest->dim[kept - 1] = merged;
        } else {
            nest->dim[kept++] = nest->dim[i];
        }
    }
    nest->n = kept;
}

void nest_merge(Nest *nest, int from)
{
    while (nest->n - from > 1 && one_in_memory(nest, &nest->dim[nest->n - 2], &nest->dim[nest->n - 1])) {
        NestDim *outer = &nest->dim[nest->n - 2];
        NestDim merged = nest->dim[nest->n - 1];
        merged.size *= outer->size;
        merged.axis = 0;
        *outer = merged;
        nest->n--;
    }
}

void nest_last(Nest *nest, int at)
{
    NestDim d = nest->dim[at];
    memmove(&nest->dim[at], &nest->dim[at + 1], (size_t)(nest->n - at - 1) * sizeof d);
    nest->dim[nest->n - 1] = d;
}

Instr *nest_instr(Planner *p, const Nest *nest, InstrKind kind, const Node *node)
{
    Instr *instr = instr_new(p, kind, node);
    if (nest->n > MAX_DIMS) {
        diag_error(p->diagnostics, "E0904", node && node->origin ? node->origin->span : (Span){ 0 }, "this value has too many axes to compute");
        p->failed = true;
        return instr;
    }
    instr->n_dims = nest->n;
    instr->n_refs = nest->n_views;
    instr->ref = ARENA_ARRAY(p->memory, Ref, nest->n_views + 1);
    for (int d = 0; d < nest->n; d++) {
        instr->dim[d] = nest->dim[d].size;
        if (nest->dim[d].lane && !nest->whole_chunks) instr->lane = d;
    }
    for (int r = 0; r < nest->n_views; r++) {
        Ref *ref = &instr->ref[r];
        const View *view = nest->view[r];
        ref->base = view->buffer;
        ref->offset = view->offset;
        ref->pass = -1;
        for (int d = 0; d < nest->n; d++) ref->stride[d] = nest->dim[d].stride[r];
        if (view->buffer < 0 || p->buffers[view->buffer].base != BASE_LOCAL) ref->chunk = nest->item_stride[r] + view->apart;
    }
    return instr;
}

/* machine.c: one run of code: finds the memory, computes, looks at the results, and commits them. */
#define _GNU_SOURCE
#include "vm/base/memory.h"
#include "vm/inside.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* ---- The machine ---- */

static int threads_allowed(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}

static void *memory_for(int64_t values, size_t bytes)
{
    return array_zeros(((size_t)values * bytes + 64 + 63) / 64 * 64);
}

static Machine *machine_refused(Machine *machine, Diagnostics *diagnostics, const char *why)
{
    Diagnostic *d = diag_error(diagnostics, "E0906", (Span){ 0 }, "this machine cannot run programs: %s", why);
    d->fault = FAULT_MACHINE;
    machine_free(machine);
    return NULL;
}

Machine *machine_new(int threads, Precision precision, Diagnostics *diagnostics)
{
    const char *why = "out of memory";
    Machine *machine = calloc(1, sizeof *machine);
    if (!machine) return machine_refused(machine, diagnostics, why);
    machine->precision = precision;
    machine->kernels = kernels_for(precision, &why);
    if (!machine->kernels) return machine_refused(machine, diagnostics, why);
    machine->pool = pool_new(threads > 0 ? threads : threads_allowed());
    if (!machine->pool) return machine_refused(machine, diagnostics, "no threads");
    machine->threads = pool_threads(machine->pool);
    machine->frames = calloc((size_t)machine->threads, sizeof *machine->frames);
    if (!machine->frames) return machine_refused(machine, diagnostics, "out of memory");
    for (int t = 0; t < machine->threads; t++) {
        Frame *frame = &machine->frames[t];
        frame->machine = machine;
        frame->kernels = machine->kernels;
        frame->tiles = memory_for((int64_t)TILE * TILE_REGISTERS, machine->kernels->bytes);
        if (!frame->tiles) return machine_refused(machine, diagnostics, "out of memory");
    }
    return machine;
}

bool machine_use_blas(Machine *machine, Diagnostics *diagnostics)
{
    const char *why = NULL;
    const Blas *blas = blas_load(&why);
    if (!blas) {
        Diagnostic *d = diag_error(diagnostics, "E0906", (Span){ 0 }, "OpenBLAS cannot be used: %s", why);
        d->fault = FAULT_MACHINE;
        return false;
    }
    machine->with_blas = kernels_with_blas(machine->kernels, blas);
    machine->kernels = &machine->with_blas;
    for (int t = 0; t < machine->threads; t++) machine->frames[t].kernels = machine->kernels;
    return true;
}

void machine_keep_time(Machine *machine) { machine->keeps_time = true; }

void machine_free(Machine *machine)
{
    if (!machine) return;
    pool_free(machine->pool);
    for (int t = 0; machine->frames && t < machine->threads; t++) {
        free(machine->frames[t].tiles);
        free(machine->frames[t].local);
        free(machine->frames[t].scratch);
    }
    free(machine->frames);
    free(machine->base);
    free(machine);
}

/* ---- Memory of a run; allocated at a code's first run only ---- */

static int64_t scratch_of(const Kernels *kernels, const Block *block)
{
    int64_t most = 0;
    for (int i = 0; i < block->n; i++) {
        const Instr *instr = block->at[i];
        int64_t own = scratch_of(kernels, &instr->body);
        if (instr->kind == INSTR_PRODUCT) {
            const int64_t *dim = &instr->dim[instr->n_dims - 3];
            int64_t pairs = instr_pairs(instr);
            int64_t product = (int64_t)kernels->product_scratch(dim[0], dim[1], dim[2] * (pairs <= MAX_PAIRS ? pairs : 1));
            if (product > own) own = product;
        }
        if (own > most) most = own;
    }
    return most;
}

/* Replaces each thread's memory by more. */
static bool widen_frames(Machine *machine, int64_t local, int64_t scratch)
{
    size_t bytes = machine->kernels->bytes;
    for (int t = 0; t < machine->threads; t++) {
        Frame *frame = &machine->frames[t];
        if (local > machine->local_room) {
            free(frame->local);
            frame->local = memory_for(local, bytes);
            if (!frame->local) return false;
        }
        if (scratch > machine->scratch_room) {
            free(frame->scratch);
            frame->scratch = memory_for(scratch, bytes);
            if (!frame->scratch) return false;
        }
    }
    if (local > machine->local_room) machine->local_room = local;
    if (scratch > machine->scratch_room) machine->scratch_room = scratch;
    return true;
}

static bool widen_bases(Machine *machine, int count)
{
    if (count <= machine->bases_room) return true;
    char **base = realloc(machine->base, (size_t)(count * machine->threads) * sizeof *base);
    if (!base) return false;
    machine->base = base;
    machine->bases_room = count;
    return true;
}

/* A tile of every constant that the code's maps use. */
static bool fill_constants(Code *code, size_t bytes)
{
    code->constant_tiles = memory_for((int64_t)code->n_constants * TILE, bytes);
    if (!code->constant_tiles) return false;
    for (int64_t i = 0; i < (int64_t)code->n_constants * TILE; i++) real_put((char *)code->constant_tiles + (size_t)i * bytes, bytes, code->constants[i / TILE]);
    return true;
}

static bool find_memory(Machine *machine, Code *code, const Store *store)
{
    if (!code->arena) {
        if (machine->keeps_time) {
            code->threads = machine->threads;
            code->tallies = calloc((size_t)(code->n_instrs * code->threads + 1), sizeof *code->tallies);
            if (!code->tallies) return false;
        }
        int64_t own = scratch_of(machine->kernels, &code->main);
        if (own > code->scratch_values) code->scratch_values = own;
        code->arena = memory_for(code->arena_values, machine->kernels->bytes);
        if (!code->arena || !fill_constants(code, machine->kernels->bytes)) return false;
        for (int i = 0; i < code->n_slots; i++) {
            if (!code->slots[i].spare) continue;
            code->spares[i] = memory_for(slot_count(&store->slots[code->slots[i].slot]) + 64, machine->kernels->bytes);
            if (!code->spares[i]) return false;
        }
    }
    return widen_frames(machine, code->local_values, code->scratch_values) && widen_bases(machine, BASE_SLOT + code->n_slots);
}

static char *base_of_slot(const Code *code, int i, const Store *store)
{
    const Slot *slot = &store->slots[code->slots[i].slot];
    return code->slots[i].spare ? code->spares[i] : code->slots[i].elements ? (char *)slot->elements : slot->data;
}

/* Fills the frames' bases.  False if a slot that is read holds nothing. */
static bool set_bases(Machine *machine, Code *code, Store *store, RunKey key, Diagnostics *diagnostics)
{
    for (int i = 0; i < code->n_slots; i++) {
        const SlotUse *use = &code->slots[i];
        Slot *slot = &store->slots[use->slot];
        if (use->read && !slot->filled) {
            Diagnostic *d = diag_error(diagnostics, "E0905", (Span){ 0 }, "%s has no value yet", slot->name);
            d->fault = FAULT_MACHINE;
            return false;
        }
        if (!use->elements || !slot->elements->at) slot_memory(store, use->slot);
    }
    for (int t = 0; t < machine->threads; t++) {
        Frame *frame = &machine->frames[t];
        frame->base = machine->base + t * machine->bases_room;
        frame->base[BASE_ARENA] = code->arena;
        frame->constants = code->constant_tiles;
        frame->base[BASE_LOCAL] = frame->base[BASE_SLICE] = frame->local;
        for (int i = 0; i < code->n_slots; i++) frame->base[BASE_SLOT + i] = base_of_slot(code, i, store);
        frame->key = key;
        frame->checking = frame->suspects = false;
        frame->tallies = code->tallies ? code->tallies + t * code->n_instrs : NULL;
        frame->watched = frame->tallies != NULL;
        frame->trouble = (Trouble){ 0 };
    }
    return true;
}

/* ---- Trouble ---- */

static const char *shown(double value) { return isnan(value) ? "not a number" : value > 0 ? "infinite" : "minus infinity"; }

static void report(const Trouble *trouble, Diagnostics *diagnostics)
{
    Span span = trouble->origin ? trouble->origin->span : (Span){ 0 };
    Diagnostic *d = NULL;
    switch (trouble->kind) {
    case TROUBLE_NOT_FINITE:
        if (trouble->op == OP_solution) {
            d = diag_error(diagnostics, "E0908", span, "the linear system of this derivative was not solved: %s",
                           isnan(trouble->value) ? "its matrix is not positive" : "the iteration did not come to an end");
            break;
        }
        d = diag_error(diagnostics, "E0901", span, "the result of %s is %s", op_info[trouble->op].name, shown(trouble->value));
        break;
    case TROUBLE_RANGE:
        d = diag_error(diagnostics, "E0902", span, "index %g is not one of the places 0 to %lld", trouble->value, (long long)trouble->size - 1);
        break;
    case TROUBLE_TWICE:
        d = diag_error(diagnostics, "E0903", span, "place %g is assigned twice", trouble->value);
        break;
    case TROUBLE_LIBRARY:
        d = diag_error(diagnostics, "E0907", span, "singular values need LAPACK, which cannot be loaded");
        break;
    case TROUBLE_NONE: return;
    }
    d->fault = FAULT_MACHINE;
    if (trouble->origin) diag_trace(d, trouble->origin);
}

static bool any_suspects(const Machine *machine)
{
    bool any = false;
    for (int t = 0; t < machine->threads; t++) any |= machine->frames[t].suspects;
    return any;
}

static const Instr *first_not_finite(Frame *frame, const Code *code, double *value)
{
    bool suspects = any_suspects(frame->machine);
    for (int i = 0; i < code->commit.n; i++) {
        const Instr *instr = code->commit.at[i];
        if (!instr->flag || (instr->ref[1].guarded && !suspects)) continue;
        if (!ref_is_finite(frame, instr, 1, value)) return instr;
    }
    return NULL;
}

/* Runs again, looking at every result, for the first place where a value is not finite. */
static void find_source(Frame *frame, const Code *code, const Instr *result, double value)
{
    bool watched = frame->watched;
    frame->checking = frame->watched = true;
    frame->trouble = (Trouble){ 0 };
    run_block(frame, &code->main);
    frame->checking = false;
    frame->watched = watched;
    if (!frame->trouble.kind) trouble_note(frame, result, TROUBLE_NOT_FINITE, value, 0);
}

/* ---- A run ---- */

static bool compute(Frame *frame, Code *code, Store *store, Diagnostics *diagnostics)
{
    double value;
    run_block(frame, &code->main);
    if (!frame->trouble.kind) {
        const Instr *result = first_not_finite(frame, code, &value);
        if (result) find_source(frame, code, result, value);
    }
    if (frame->trouble.kind) {
        report(&frame->trouble, diagnostics);
        return false;
    }
    run_block(frame, &code->commit);
    for (int i = 0; i < code->n_slots; i++) {
        Slot *slot = &store->slots[code->slots[i].slot];
        if (code->slots[i].written) slot->filled = true;
        if (!code->slots[i].swapped) continue;
        void *old = slot->data;
        slot->data = code->spares[i];
        code->spares[i] = old;
    }
    return true;
}

bool machine_run(Machine *machine, Code *code, Store *store, RunKey key, Diagnostics *diagnostics)
{
    if (!find_memory(machine, code, store)) {
        Diagnostic *d = diag_error(diagnostics, "E0904", (Span){ 0 }, "this needs %.3g bytes of memory, which cannot be had", (double)code->cost.arena);
        d->fault = FAULT_MACHINE;
        return false;
    }
    if (!set_bases(machine, code, store, key, diagnostics)) return false;
    unsigned flags = flush_set();
    uint64_t began = code->tallies ? ticks_now() : 0;
    bool well = compute(&machine->frames[0], code, store, diagnostics);
    if (code->tallies) {
        code->ticks += ticks_now() - began;
        code->runs++;
    }
    flush_restore(flags);
    return well;
}

/* profile.c: rows of a profile out of the counts in code, and the rates of the machine they are held against. */
#include "vm/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "vm/inside.h"

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- Rates ---- */

/* Ten tries of a few milliseconds each; the best counts, as others use the machine too. */
enum { TRIES = 10 };

typedef struct Trial { const Kernels *kernels; char *memory; int64_t values; } Trial;

static double best_of(const Trial *trial, void (*once)(const Trial *), int repeats)
{
    double best = INFINITY;
    for (int i = 0; i < TRIES; i++) {
        double began = seconds_now();
        for (int k = 0; k < repeats; k++) once(trial);
        best = fmin(best, (seconds_now() - began) / repeats);
    }
    return best;
}

/* A panel of 32 items by 128 features and 128 outputs: what the products of a chunk look like. */
enum { PANEL_ITEMS = 32, PANEL_FEATURES = 128 };

static void one_product(const Trial *t)
{
    size_t bytes = t->kernels->bytes;
    char *weights = t->memory, *items = weights + PANEL_FEATURES * PANEL_FEATURES * bytes, *to = items + PANEL_FEATURES * PANEL_ITEMS * bytes;
    char *scratch = to + PANEL_FEATURES * PANEL_ITEMS * bytes;
    t->kernels->product(PANEL_FEATURES, PANEL_ITEMS, PANEL_FEATURES, weights, PANEL_FEATURES, 1, items, PANEL_ITEMS, 1, to, PANEL_ITEMS, false, scratch);
}

/* c = a + b over three thirds of the memory. */
static void one_sum(const Trial *t)
{
    int64_t third = t->values / 3;
    char *a = t->memory, *b = a + third * (int64_t)t->kernels->bytes, *c = b + third * (int64_t)t->kernels->bytes;
    const TileStep add = { .op = OP_add, .dst = 2, .a = 0, .b = 1 };
    for (int64_t i = 0; i + TILE <= third; i += TILE) {
        int64_t at = i * (int64_t)t->kernels->bytes;
        t->kernels->tile(&add, 1, (void *[]){ a + at, b + at, c + at }, TILE);
    }
}

static double sum_rate(const Kernels *kernels, int64_t size, int repeats)
{
    Trial trial = { kernels, calloc((size_t)size + 64, 1), size / (int64_t)kernels->bytes };
    if (!trial.memory) return INFINITY;
    memset(trial.memory, 0, (size_t)size);          /* so that every page is there */
    double seconds = best_of(&trial, one_sum, repeats);
    free(trial.memory);
    return (double)size / seconds;
}

static double product_rate(const Kernels *kernels)
{
    int64_t scratch = (int64_t)kernels->product_scratch(PANEL_FEATURES, PANEL_ITEMS, PANEL_FEATURES);
    int64_t values = PANEL_FEATURES * (PANEL_FEATURES + 2 * PANEL_ITEMS) + scratch + 64;
    Trial trial = { kernels, calloc((size_t)values, kernels->bytes), values };
    if (!trial.memory) return INFINITY;
    double seconds = best_of(&trial, one_product, 200);
    free(trial.memory);
    return 2.0 * PANEL_FEATURES * PANEL_ITEMS * PANEL_FEATURES / seconds;
}

enum { NEAR_BYTES = 384 << 10, FAR_BYTES = 48 << 20 };

static Rates measure_rates(const Kernels *kernels)
{
    unsigned flags = flush_set();
    Rates rates = { product_rate(kernels), sum_rate(kernels, NEAR_BYTES, 50), sum_rate(kernels, FAR_BYTES, 1) };
    flush_restore(flags);
    return rates;
}

static double seconds_of_a_tick(void)
{
    enum { TICKS = 20000000 };
    double began = seconds_now();
    uint64_t first = ticks_now(), ticks;
    while ((ticks = ticks_now() - first) < TICKS) { }
    return (seconds_now() - began) / (double)ticks;
}

Profile *profile_new(Machine *machine)
{
    Profile *profile = calloc(1, sizeof *profile);
    if (!profile) return NULL;
    profile->rates = measure_rates(machine->kernels);
    profile->tick = seconds_of_a_tick();
    return profile;
}

void profile_free(Profile *profile)
{
    if (!profile) return;
    arena_free(&profile->memory);
    free(profile->rows);
    free(profile);
}

/* ---- Rows ---- */

/* Operands that fit into the second cache count at its rate, larger ones at that of what lies beyond. */
static double bytes_seconds(const Profile *p, const Instr *instr, double bytes)
{
    double seconds = 0;
    if (instr->kind == INSTR_SWAP) return 0;
    for (int r = 0; r < instr->n_refs; r++) {
        double places = bytes;
        if (instr->ref[r].base < 0) continue;
        for (int d = 0; d < instr->n_dims; d++)
            if (instr->ref[r].stride[d]) places *= (double)instr->dim[d];
        seconds += places / (places <= NEAR_BYTES ? p->rates.near_bytes : p->rates.far_bytes);
    }
    return seconds;
}

static void add_parts(Profile *p, ProfileRow *row, const Instr *instr)
{
    row->n_parts = instr->tile ? instr->tile->n_steps : 1;
    row->parts = ARENA_ARRAY(&p->memory, ProfilePart, row->n_parts);
    double sum = 0;
    for (int i = 0; i < row->n_parts; i++) {
        ProfilePart *part = &row->parts[i];
        *part = (ProfilePart){ instr->origin, instr->op, 1 };
        if (instr->tile) *part = (ProfilePart){ instr->tile->origins[i], instr->tile->steps[i].op, op_info[instr->tile->steps[i].op].flops };
        sum += part->share;
    }
    for (int i = 0; i < row->n_parts; i++) row->parts[i].share = sum > 0 ? row->parts[i].share / sum : 1.0 / row->n_parts;
}

static ProfileRow *new_row(Profile *p)
{
    if (p->n == p->room) {
        int room = p->room ? 2 * p->room : 64;
        ProfileRow *rows = realloc(p->rows, (size_t)room * sizeof *rows);
        if (!rows) return NULL;
        p->rows = rows;
        p->room = room;
    }
    return &p->rows[p->n++];
}

typedef struct Taking { Profile *profile; const Code *code; const char *label; double bytes; } Taking;

/* Seconds of all threads in the instruction, and how long threads waited for each other in it. */
static double own_seconds(const Taking *t, const Instr *instr, double *waiting)
{
    uint64_t own = 0;
    for (int k = 0; k < t->code->threads; k++) own += t->code->tallies[k * t->code->n_instrs + instr->number].own;
    uint64_t shared = t->code->tallies[instr->number].shared * (uint64_t)t->code->threads;
    *waiting = shared > own ? (double)(shared - own) * t->profile->tick : 0;
    return (double)own * t->profile->tick;
}

/* Adds rows for the block, each of whose instructions ran `times` times; returns the seconds of all of them. */
static double take_block(const Taking *t, const Block *block, double times)
{
    double sum = 0, waiting;
    for (int i = 0; i < block->n; i++) {
        const Instr *instr = block->at[i];
        double own = own_seconds(t, instr, &waiting);
        double inner = instr->kind == INSTR_REGION || instr->kind == INSTR_CHUNKS ? take_block(t, &instr->body, times * (double)instr->items / (double)instr->chunk)
                     : instr->kind == INSTR_LOOP   ? take_block(t, &instr->body, times * (double)instr->passes) : 0;
        bool untimed = instr->kind == INSTR_LOOP || instr->kind == INSTR_CHUNKS;
        sum += untimed ? inner : own;
        ProfileRow *row = untimed ? NULL : new_row(t->profile);
        if (!row) continue;
        bool kernel = instr->kind != INSTR_REGION;
        *row = (ProfileRow){ .label = t->label, .kind = instr_name(instr), .op = instr->op, .node = instr->node, .origin = instr->origin, .runs = times,
                             .seconds = fmax(own - inner, 0), .waiting = waiting, .flops = kernel ? times * instr_flops(instr) : 0,
                             .bytes = kernel ? times * instr_bytes(instr, t->bytes) : 0 };
        if (kernel) row->bound = fmax(row->flops / t->profile->rates.flops, times * bytes_seconds(t->profile, instr, t->bytes));
        add_parts(t->profile, row, instr);
    }
    return sum;
}

void profile_take(Profile *profile, const Code *code, const char *label)
{
    if (!code->tallies || !code->runs) return;
    Taking taking = { profile, code, label, (double)precision_bytes(code->precision) };
    profile->runs += (double)code->runs;
    profile->run_seconds += (double)code->ticks * profile->tick;
    take_block(&taking, &code->main, (double)code->runs);
    take_block(&taking, &code->commit, (double)code->runs);
}

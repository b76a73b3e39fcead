/* run_map.c: tile programs over nests of loops.  Where an operand or a result is contiguous over a whole tile, the
 * program works on it in place; otherwise it goes through the thread's own tiles. */
#include "vm/inside.h"

#include <math.h>

typedef struct TileRun {
    Frame *frame;
    const Instr *instr;
    const TileProgram *program;
    Walk walk;
    int64_t rows, cols;
    char *own;                  /* memory of the registers */
    void *reg[TILE_REGISTERS];
    bool steady[MAX_REFS];      /* an operand that is one value for the whole nest: loaded once */
    bool guards;                /* some operands or results */
    bool flat[MAX_REFS];        /* a tile of it is contiguous */
    bool stored[MAX_REFS];      /* a result that is made in its place */
    bool fetches;               /* more than the second cache holds: the next tile is fetched meanwhile */
} TileRun;

static void *own_register(const TileRun *run, int reg) { return run->own + (size_t)reg * TILE * run->walk.bytes; }

static void fill_register(TileRun *run, int reg, double value, int count)
{
    char *to = own_register(run, reg);
    run->reg[reg] = to;
    if (run->walk.bytes == sizeof(double)) for (int i = 0; i < count; i++) ((double *)to)[i] = value;
    else for (int i = 0; i < count; i++) ((float *)to)[i] = (float)value;
}

/* Constants and operands that do not change stay in their registers. */
static void fill_steady(TileRun *run)
{
    int count = run->rows * run->cols < TILE ? (int)(run->rows * run->cols) : TILE;
    for (int i = 0; i < run->program->n_constants; i++) {
        const TileConst *c = &run->program->constants[i];
        run->reg[c->reg] = run->frame->constants + (size_t)c->number * TILE * run->walk.bytes;
    }
    for (int r = run->program->n_results; r < run->instr->n_refs; r++) {
        run->steady[r] = true;
        for (int d = 0; d < run->instr->n_dims; d++) run->steady[r] &= run->instr->ref[r].stride[d] == 0;
        if (run->steady[r]) fill_register(run, run->program->in[r - run->program->n_results], real_at(walk_pointer(&run->walk, r), run->walk.bytes), count);
    }
}

/* Whether a whole tile of operand r is contiguous: where its rows follow each other, or a tile has one row. */
static bool is_flat(const TileRun *run, int r, bool one_row)
{
    const int64_t *stride = &run->instr->ref[r].stride[run->walk.outer];
    return (stride[1] == 1 || run->cols == 1) && (one_row || stride[0] == run->cols);
}

/* Place of the tile (row, col) in operand r. */
static inline char *tile_place(const TileRun *run, int r, int64_t row, int64_t col)
{
    const int64_t *stride = &run->instr->ref[r].stride[run->walk.outer];
    return (char *)(run->walk.at[r] + (uintptr_t)((row * stride[0] + col * stride[1]) * (int64_t)run->walk.bytes));
}

/* Step by step, to find the first that makes a value that is not finite. */
static void run_steps_checked(TileRun *run, int count)
{
    const TileProgram *program = run->program;
    for (int i = 0; i < program->n_steps && !run->frame->trouble.kind; i++) {
        run->frame->kernels->tile(&program->steps[i], 1, run->reg, count);
        const char *made = run->reg[program->steps[i].dst];
        int64_t at = run->frame->kernels->find_nonfinite(made, 1, count, 0);
        if (at < 0) continue;
        run->frame->trouble = (Trouble){ TROUBLE_NOT_FINITE, program->origins[i], program->steps[i].op,
                                         real_at(made + (size_t)at * run->walk.bytes, run->walk.bytes), 0, run->frame->item };
    }
}

/* Looks whether what is guarded is finite: results and operands are still in their registers. */
static void look_at_guarded(const TileRun *run, int count)
{
    const TileProgram *program = run->program;
    for (int r = 0; r < run->instr->n_refs; r++) {
        int reg = r < program->n_results ? program->out[r] : program->in[r - program->n_results];
        if (run->instr->ref[r].guarded && run->frame->kernels->find_nonfinite(run->reg[reg], 1, count, 0) >= 0) run->frame->suspects = true;
    }
}

/* What follows a tile of what is contiguous. */
static void fetch_next(const TileRun *run, int64_t row, int64_t col, int count)
{
    enum { LINE = 64 };
    size_t bytes = (size_t)count * run->walk.bytes;
    for (int r = 0; r < run->instr->n_refs; r++) {
        if (!run->flat[r] || run->steady[r] || run->instr->ref[r].far) continue;
        const char *next = tile_place(run, r, row, col) + bytes;
        for (size_t at = 0; at < bytes; at += LINE) __builtin_prefetch(next + at, 0, 2);
    }
}

/* Operands that are contiguous are worked on in place; others go through registers of the thread's own. */
static void run_tile(TileRun *run, int64_t row, int64_t col, int rows, int cols)
{
    const TileProgram *program = run->program;
    const Kernels *k = run->frame->kernels;
    int n_results = program->n_results, n_refs = run->instr->n_refs, outer = run->walk.outer;
    for (int r = n_results; r < n_refs; r++) {
        if (run->steady[r]) continue;
        int reg = program->in[r - n_results];
        char *place = tile_place(run, r, row, col);
        if (run->flat[r]) run->reg[reg] = place;
        else k->load(run->reg[reg], place, rows, cols, run->instr->ref[r].stride[outer], run->instr->ref[r].stride[outer + 1]);
    }
    for (int r = 0; r < n_results; r++)
        if (run->stored[r]) run->reg[program->out[r]] = tile_place(run, r, row, col);
    if (run->fetches) fetch_next(run, row, col, rows * cols);
    if (run->frame->checking) run_steps_checked(run, rows * cols);
    else k->tile(program->joined, program->n_joined, run->reg, rows * cols);
    if (run->guards) look_at_guarded(run, rows * cols);
    for (int r = 0; r < n_results; r++)
        if (!run->stored[r]) (run->instr->ref[r].far ? k->stream : k->store)(tile_place(run, r, row, col), run->reg[program->out[r]], rows, cols, run->instr->ref[r].stride[outer], run->instr->ref[r].stride[outer + 1]);
}

/* What is contiguous in each tile; of two results in one register, the second is stored, as are those that go past the caches. */
static void find_flat(TileRun *run, bool one_row)
{
    const TileProgram *program = run->program;
    for (int r = 0; r < run->instr->n_refs; r++) run->flat[r] = is_flat(run, r, one_row);
    for (int r = 0; r < run->instr->n_refs; r++) run->guards |= run->instr->ref[r].guarded;
    for (int r = 0; r < program->n_results; r++)
        run->stored[r] = !run->instr->ref[r].far && run->flat[r] && !(r && program->out[r] == program->out[r - 1]);
}

static bool is_large(const TileRun *run)
{
    enum { SECOND_CACHE = 1 << 20 };
    double values = 1;
    for (int d = 0; d < run->instr->n_dims; d++) values *= (double)run->walk.dim[d];
    return values * run->instr->n_refs * (double)run->walk.bytes > SECOND_CACHE;
}

void run_map(Frame *frame, const Instr *instr)
{
    TileRun run = { .frame = frame, .instr = instr, .program = instr->tile, .own = frame->tiles };
    walk_begin_at(&run.walk, frame, instr, 2);
    run.rows = run.walk.dim[run.walk.outer];
    run.cols = run.walk.dim[run.walk.outer + 1];
    for (int r = 0; r < TILE_REGISTERS; r++) run.reg[r] = own_register(&run, r);
    fill_steady(&run);
    int64_t cols = run.cols < TILE ? run.cols : TILE, rows = TILE / cols;
    find_flat(&run, rows == 1 || run.rows == 1);
    run.fetches = is_large(&run);
    do
        for (int64_t row = 0; row < run.rows; row += rows)
            for (int64_t col = 0; col < run.cols; col += cols)
                run_tile(&run, row, col, (int)(run.rows - row < rows ? run.rows - row : rows), (int)(run.cols - col < cols ? run.cols - col : cols));
    while (walk_step(&run.walk) && !frame->trouble.kind);
    streams_end(instr, run.program->n_results);
}

/* code.h: what the planner makes and the machine runs: instructions over planned memory.
 *
 * An instruction is a nest of loops around a kernel.  Its `dim`s are the sizes, outermost first; the last few belong to the kernel
 * (see InstrKind), the rest are walked.  Each operand (Ref) has one stride a dim, in values, so any layout is legal.
 *
 * Memory is addressed by base and offset.  A base below BASE_NONE is a slot's elements, read by gathers alone: base_of_elements gives its number.  Base ARENA is the code's own arena (values that live across regions), LOCAL the arena
 * of the thread at hand (values of one chunk inside a region), SLICE the same arena seen such that items are numbered from the first of all (values of all chunks
 * of a slice), SLOT + i the i-th slot the code uses.  Inside a REGION an operand moves on by
 * `chunk` values for every item, and the dim `lane` counts the items of the chunk at hand. */
#ifndef EBM_CODE_H
#define EBM_CODE_H

#include "vm/base/graph.h"
#include "vm/kernel/kernel.h"
#include "vm/machine.h"

enum { MAX_PAIRS = 128 };       /* of matrices in one call of a product's kernel */
enum { MAX_DIMS = 14, MAX_REFS = 64, MAX_DEPTH = 12 };
enum { BASE_NONE = -1, BASE_ARENA, BASE_LOCAL, BASE_SLICE, BASE_SLOT };
static inline int32_t base_of_elements(int32_t base) { return BASE_NONE - 1 - base; }      /* to and fro */

typedef struct Ref {
    int32_t base;
    int64_t offset;             /* values */
    int64_t chunk;              /* values for each item before the chunk's first */
    int pass;                   /* moves on by pass_stride for each pass of the loop at this depth; -1: of none */
    int64_t pass_stride;
    bool guarded;               /* of a map: looked at while it is at hand, whether it is finite; so the commit that takes it need not look */
    bool far;                   /* a map's or copy's result: written past the caches, as it is read much later */
    int64_t stride[MAX_DIMS];
} Ref;

/* The kernel's dims are named after each kind; ref 0 is the result unless said otherwise. */
typedef enum InstrKind {
    INSTR_MAP,                  /* rows, cols: a tile program; refs: results, then operands */
    INSTR_FILL,                 /* : ref 0 = value */
    INSTR_IOTA,                 /* : ref 0 = place along dim `along`, plus its first place in a split or chunk */
    INSTR_STEP,                 /* ref 0 = number of the training step */
    INSTR_COPY,                 /* : ref 0 = ref 1 */
    INSTR_ADD,                  /* : ref 0 += ref 1; places of ref 0 may repeat */
    INSTR_FOLD_ROWS,            /* k, cols: contiguous columns */
    INSTR_FOLD_LINE,            /* k */
    INSTR_ARG_ROWS,             /* k, cols */
    INSTR_ARG_LINE,             /* k */
    INSTR_PRODUCT,              /* m, n, k; `sums` dims before these add up into the result; refs 3 and 4, 5 and 6, ..: further pairs of matrices with the strides of 1 and 2 */
    INSTR_LANE_DOT,             /* k, cols; `sums` as in a product are not allowed */
    INSTR_GATHER,               /* : ref 0 = ref 1 at ref 2 along an axis of ref 1 (size, along_stride) */
    INSTR_SCATTER,              /* : ref 0 at ref 2 (size, along_stride of ref 0) += ref 1 */
    INSTR_PUT,                  /* : ref 0 at ref 2 (size, along_stride of ref 0) = ref 1 */
    INSTR_DISTINCT,             /* : refuses a place (of size) that ref 0 names twice along the last `sums` dims */
    INSTR_CUMSUM,               /* k */
    INSTR_ARGSORT,              /* k */
    INSTR_SVD,              /* rows, cols; ref 0 walks the outer dims, along_stride between its values */
    INSTR_UNIFORM,              /* items, features: ref 1 is no memory but the item's number, ref 2 the feature's */
    INSTR_NORMAL,
    INSTR_CHOOSE,               /* k: the k first places of a permutation of `size` */
    INSTR_ROWS,                 /* k: this step's rows of `size` */
    INSTR_SWAP,                 /* a commit without a copy: ref 1 is a spare of the slot that is ref 0 */
    INSTR_LOOP,                 /* passes over body; the last ref, if has_time: the pass's number; ref 0, if flag: ends once it is nowhere 0 */
    INSTR_REGION,               /* body for each chunk of `chunk` items of `items`; a chunk that holds chunks is a slice */
    INSTR_CHUNKS                /* body for each chunk of `chunk` items of the slice at hand, of `items` at most */
} InstrKind;

typedef struct TileConst { uint8_t reg; int number; double value; } TileConst;      /* number: among the code's constants */

/* A tile program: operands (refs n_results ..) are in registers in[], results are found in out[].  Two results that follow each other may
 * be one register: a value that is kept in two places. */
typedef struct TileProgram {
    int n_steps, n_registers, n_results, n_constants, n_joined;
    TileStep *steps;
    TileStep *joined;           /* the same, some of them in one: what is run */
    TileConst *constants;
    uint8_t *out, *in;
    const Origin **origins;     /* of each step */
} TileProgram;

/* The number of a pass, for the key of a draw: fixed + sum factor * (pass of the loop at that depth).  A loop that runs backward counts down,
 * one of segments counts on. */
enum { MAX_TERMS = 6 };
typedef struct PassNumber {
    int64_t fixed;
    int n;
    struct { int depth; int64_t factor; } term[MAX_TERMS];
} PassNumber;

/* Of a product: the places offset + coef[0]*i + coef[1]*j of two dims, outer or summed, that are not in 0..size-1 hold zeros, or values nobody
 * wants: what they would add is left out. */
typedef struct Margin { int dim[2]; int64_t coef[2], offset, size; } Margin;

typedef struct Instr Instr;
typedef struct Block { int n; Instr **at; } Block;

struct Instr {
    InstrKind kind;
    Op op;
    const Origin *origin;
    uint32_t node;              /* of the graph, for printing */
    int n_dims, n_refs;
    int lane;                   /* dim that counts the items of the chunk at hand; -1: none, or every chunk is whole */
    int split;                  /* dim that may be shared out among threads; -1: none */
    int64_t grain;              /* places of it to a task */
    int with;                   /* so many instructions after this one need not wait for it, nor for each other */
    int64_t dim[MAX_DIMS];
    Ref *ref;
    double value;
    bool flag;                  /* product: adds to what is there; cumsum: backward; argsort: descending; svd: left; arg: largest; a commit: must be finite; loop: may end early */
    bool has_time;              /* loop */
    int along;                  /* iota */
    int64_t along_stride, size;
    int sums;
    int n_margins;
    Margin *margins;
    uint64_t key;               /* draws: place in the program */
    int n_times;
    PassNumber *time;           /* draws: numbers of the passes of the loops they stand in */
    TileProgram *tile;
    int depth;                  /* loop: its depth, from 0 */
    int64_t passes, items, chunk;
    Block body;
    int span;                   /* the planner's number of the body */
    int number;                 /* among the code's instructions */
};

/* What an instruction has taken, in ticks of the processor's clock: of the thread at hand; from begin to end of what all threads share. */
typedef struct Tally { uint64_t own, shared; } Tally;

/* A slot the code reads or writes.  A spare holds the slot's next value, computed in place; at the commit the two change places.  elements: of the slot, as they are
 * stored, to be gathered from. */
typedef struct SlotUse { uint32_t slot; bool read, written, spare, swapped, elements; } SlotUse;

struct Code {
    Arena memory;               /* owns all of this but the run's arena */
    Precision precision;
    Block main;                 /* computes */
    Block commit;               /* copies results to their slots, once all is known to be well; flag: must be finite */
    int n_slots;
    SlotUse *slots;
    int n_instrs;               /* made; numbers are below it */
    int n_constants;            /* distinct ones of its tile programs */
    double *constants;
    int64_t arena_values;       /* of the arena, and of each thread's arena */
    int64_t local_values;
    int64_t scratch_values;     /* of each thread's scratch (kernels' own) */
    Cost cost;
    void *arena;                /* allocated by the machine at the first run, freed with the code; as are the spares, by slot use */
    void **spares;
    void *constant_tiles;       /* a tile of each constant, likewise */
    Tally *tallies;             /* of a machine that keeps time: n_instrs for each thread, thread by thread */
    int threads;                /* that there are tallies for */
    uint64_t runs, ticks;       /* of a machine that keeps time */
};

/* Name of a kind of instruction, for printing. */
const char *instr_name(const Instr *instr);
/* A product's pairs of matrices that are operands, and all of them: each at the places of the dims that add up. */
static inline int instr_terms(const Instr *instr) { return (instr->n_refs - 1) / 2; }
static inline int64_t instr_pairs(const Instr *instr)
{
    int64_t pairs = instr_terms(instr);
    for (int d = instr->n_dims - 3 - instr->sums; d < instr->n_dims - 3; d++) pairs *= instr->dim[d];
    return pairs;
}
/* How many of its operands, the first ones, are results. */
int instr_results(const Instr *instr);
/* Flops of one run of a whole nest, and the bytes of its operands, each counted once. */
double instr_flops(const Instr *instr);
double instr_bytes(const Instr *instr, double bytes_of_a_value);

#endif

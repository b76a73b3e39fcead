/* inside.h: what the parts of the machine share: the frame a thread works in, and the walk over an instruction's outer loops. */
#ifndef EBM_VM_INSIDE_H
#define EBM_VM_INSIDE_H

#include "vm/code.h"

/* What went wrong in a run, as the kernels see it. */
typedef enum TroubleKind { TROUBLE_NONE, TROUBLE_RANGE, TROUBLE_TWICE, TROUBLE_NOT_FINITE, TROUBLE_LIBRARY } TroubleKind;
typedef struct Trouble {
    TroubleKind kind;
    const Origin *origin;
    Op op;
    double value;
    int64_t size, item;         /* item: first of the chunk it happened in */
} Trouble;

/* What one thread works with. */
typedef struct Frame {
    Machine *machine;
    const Kernels *kernels;
    char **base;                /* start of each base; see code.h.  Of elements: their Elements */
    char *local;                /* its own arena */
    char *scratch, *tiles;
    char *constants;            /* the code's tiles of constants */
    RunKey key;
    int64_t item, lanes;        /* of the chunk at hand */
    int64_t part_from, part;    /* places of the split dim this task has; part 0: all */
    int64_t times[MAX_DEPTH];
    bool watched;               /* checking, or keeping time */
    bool checking;              /* look at every result for values that are not finite */
    bool suspects;              /* a guarded result was not finite */
    Tally *tallies;             /* keeping time: by number of the instruction; else null */
    Trouble trouble;
} Frame;

struct Machine {
    Pool *pool;
    const Kernels *kernels;
    Kernels with_blas;          /* what kernels points to once products are OpenBLAS's */
    Precision precision;
    int threads;
    bool keeps_time;
    Frame *frames;              /* one a thread */
    char **base;                /* room for the bases of each thread */
    int bases_room;
    int64_t local_room, scratch_room;   /* values of each thread's memory */
};

/* A walk over the outer loops of an instruction.  at[r] is the address of operand r (or a plain number, for BASE_NONE; of elements the place). */
typedef struct Walk {
    const Instr *instr;
    int outer;                  /* dims that are walked; the kernel's come after */
    int64_t dim[MAX_DIMS], index[MAX_DIMS];
    uintptr_t at[MAX_REFS];
    size_t bytes;
} Walk;

void walk_begin_at(Walk *walk, const Frame *frame, const Instr *instr, int kernel_dims);
bool walk_step(Walk *walk);                             /* false when all is done */
static inline void *walk_pointer(const Walk *walk, int ref) { return (void *)walk->at[ref]; }

void trouble_note(Frame *frame, const Instr *instr, TroubleKind kind, double value, int64_t size);

static inline uint64_t ticks_now(void) { return __builtin_ia32_rdtsc(); }

/* run.c */
void run_block(Frame *frame, const Block *block);
void run_instr(Frame *frame, const Instr *instr);

/* share.c */
/* Runs n instructions that do not wait for each other, those that are split in parts. */
void run_together(Frame *frame, Instr *const *instrs, int n);
void run_region(Frame *frame, Instr *const *region);
void run_chunks(Frame *frame, const Instr *chunks);

/* run_map.c .. run_draw.c */
void run_map(Frame *frame, const Instr *instr);
void run_product(Frame *frame, const Instr *instr);
void run_lane_dot(Frame *frame, const Instr *instr);
void run_fold(Frame *frame, const Instr *instr);
void run_arg(Frame *frame, const Instr *instr);
void run_cumsum(Frame *frame, const Instr *instr);
void run_argsort(Frame *frame, const Instr *instr);
void run_svd(Frame *frame, const Instr *instr);
void run_fill(Frame *frame, const Instr *instr);
void run_iota(Frame *frame, const Instr *instr);
void run_step(Frame *frame, const Instr *instr);
void run_copy(Frame *frame, const Instr *instr);
void run_add(Frame *frame, const Instr *instr);
void run_gather(Frame *frame, const Instr *instr);
void run_scatter(Frame *frame, const Instr *instr);
void run_put(Frame *frame, const Instr *instr);
void run_distinct(Frame *frame, const Instr *instr);
void run_draw(Frame *frame, const Instr *instr);
void run_places(Frame *frame, const Instr *instr);

/* What of an instruction's results went past the caches is there for all threads. */
static inline void streams_end(const Instr *instr, int results)
{
    for (int r = 0; r < results; r++)
        if (instr->ref[r].far) {
            __builtin_ia32_sfence();
            return;
        }
}

/* finite.c: whether an operand's values are finite over the whole nest; *value is the first that is not. */
bool ref_is_finite(const Frame *frame, const Instr *instr, int ref, double *value);

static inline double real_at(const void *p, size_t bytes) { return bytes == sizeof(double) ? *(const double *)p : (double)*(const float *)p; }
static inline void real_put(void *p, size_t bytes, double value)
{
    if (bytes == sizeof(double)) *(double *)p = value;
    else *(float *)p = (float)value;
}

#endif

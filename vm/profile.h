/* profile.h: where the time of runs goes, instruction by instruction.
 *
 * A machine that keeps time (machine_keep_time) counts, for every code it runs, the ticks each thread spends in each instruction.  When a
 * code is done with, profile_take turns its counts into rows.  Times are of all threads added up; a region's own row is what its chunks
 * take beyond the instructions inside it, and `waiting` is what threads spend without a task while others have one. */
#ifndef EBM_PROFILE_H
#define EBM_PROFILE_H

#include "vm/base/graph.h"
#include "vm/machine.h"

/* What one thread of this machine can do at best, measured: products, and bytes to and from the second cache and beyond it. */
typedef struct Rates { double flops, near_bytes, far_bytes; } Rates;

/* A place in the text with a share of a row's time: a fused map has one for each of its steps. */
typedef struct ProfilePart { const Origin *origin; Op op; double share; } ProfilePart;

typedef struct ProfileRow {
    const char *label;          /* whose code it was: borrowed */
    const char *kind;           /* of the instruction */
    Op op;
    uint32_t node;
    const Origin *origin;
    double runs, seconds, waiting, flops, bytes;
    double bound;               /* seconds that it would take at the machine's rates */
    int n_parts;
    ProfilePart *parts;
} ProfileRow;

typedef struct Profile {
    Arena memory;               /* owns the parts */
    Rates rates;
    int n, room;
    ProfileRow *rows;
    double runs;                /* of codes */
    double run_seconds;         /* from begin to end of them */
    double tick;                /* seconds of one */
} Profile;

/* Measures the machine's rates, which takes some hundredths of a second.  Null when out of memory. */
Profile *profile_new(Machine *machine);
void     profile_free(Profile *profile);
/* Adds what the code took so far.  label and the origins of the code's instructions must outlive the profile. */
void     profile_take(Profile *profile, const Code *code, const char *label);

#endif

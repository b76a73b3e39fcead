/* machine.h: runs a plan's code on the store.  The machine does not know what an energy is. */
#ifndef EBM_MACHINE_H
#define EBM_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include "vm/base/diag.h"
#include "vm/base/store.h"

/* What the planner makes (vm/code.h): instructions, buffers, chunking; owned by whoever planned it. */
typedef struct Code Code;
void code_free(Code *code);
void code_print(FILE *out, const Code *code);

typedef struct Machine Machine;                          /* threads, kernels, the arena of the code at hand */
/* threads 0: as many as the processors this process may use.  Null with a diagnostic if the processor or a library will not do. */
Machine *machine_new(int threads, Precision precision, Diagnostics *diagnostics);
void     machine_free(Machine *machine);
/* From now on products are OpenBLAS's; false with a diagnostic when it cannot be loaded.  Bits then depend on library and processor. */
bool     machine_use_blas(Machine *machine, Diagnostics *diagnostics);

/* From now on every code that is run for the first time keeps the time each instruction takes (vm/profile.h). */
void     machine_keep_time(Machine *machine);

typedef struct RunKey { uint64_t seed; uint64_t step; uint64_t attempt; } RunKey;   /* attempt: raised after a rollback, for new draws */

/* Runs the code once: reads slots, writes slots.  Allocates only at a code's first run.  Slots that are read must be filled.
 * False with a diagnostic (at the text's place) when a value is not finite where that matters, or an index is out of range. */
bool machine_run(Machine *machine, Code *code, Store *store, RunKey key, Diagnostics *diagnostics);

/* Bytes of the arena, flops and bytes moved per run, as planned. */
typedef struct Cost { int64_t arena; double flops, bytes; } Cost;
Cost code_cost(const Code *code);

#endif

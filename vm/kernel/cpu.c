/* cpu.c: which build of the kernels this processor runs, and its treatment of tiny numbers. */
#include <stdlib.h>
#include <string.h>
#include "vm/kernel/kernel.h"

extern const Kernels kernels_v3_32, kernels_v3_64, kernels_v4_32, kernels_v4_64;

/* Whether the processor, and the operating system with it, keeps what the name promises. */
static bool runs_v3(void) { return __builtin_cpu_supports("x86-64-v3"); }
static bool runs_v4(void) { return __builtin_cpu_supports("x86-64-v4"); }

const Kernels *kernels_for(Precision precision, const char **why) {
    __builtin_cpu_init();
    *why = NULL;
    if (!runs_v3()) {
        *why = "this processor is older than x86-64-v3 (AVX2, FMA)";
        return NULL;
    }
    const char *wish = getenv("EBM_KERNELS");
    bool older = wish && strcmp(wish, "v3") == 0;
    if (wish && !older && strcmp(wish, "v4") != 0) {
        *why = "EBM_KERNELS is neither v3 nor v4";
        return NULL;
    }
    if (wish && !older && !runs_v4()) {
        *why = "EBM_KERNELS asks for v4, which this processor lacks";
        return NULL;
    }
    if (older || !runs_v4()) return precision == PRECISION_F64 ? &kernels_v3_64 : &kernels_v3_32;
    return precision == PRECISION_F64 ? &kernels_v4_64 : &kernels_v4_32;
}

/* Bits of the control register: denormals are zero on the way in, flushed to zero on the way out. */
enum { DENORMALS_ARE_ZERO = 0x0040, FLUSH_TO_ZERO = 0x8000 };

unsigned flush_set(void) {
    unsigned before = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(before | DENORMALS_ARE_ZERO | FLUSH_TO_ZERO);
    return before;
}

void flush_restore(unsigned before) { __builtin_ia32_ldmxcsr(before); }

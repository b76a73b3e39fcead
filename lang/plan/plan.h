/* plan.h: from a graph to code: order, layout, chunks, buffers. */
#ifndef EBM_PLAN_H
#define EBM_PLAN_H

#include "vm/machine.h"

/* Plans one program.  Null with a diagnostic when it cannot be run (an array too large, say).  The code keeps no reference to the
 * graph but origins. */
Code *plan(const Program *program, const Store *store, Diagnostics *diagnostics);

/* The same with chunks of so many items (a multiple of 16; 0: as the planner thinks best), and chunks for small arrays where the planner
 * would keep them to large ones.  No result depends on the size of the chunks. */
Code *plan_chunked(const Program *program, const Store *store, int64_t chunk, Diagnostics *diagnostics);

#endif

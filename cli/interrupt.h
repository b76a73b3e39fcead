/* interrupt.h: Ctrl-C ends a train cleanly. */
#ifndef EBM_CLI_INTERRUPT_H
#define EBM_CLI_INTERRUPT_H

#include "lang/ebm.h"

/* From now on Ctrl-C stops this session's train; null: it only counts.  hard: a second Ctrl-C ends the process. */
void interrupt_watch(Ebm *ebm, bool hard);
/* Whether Ctrl-C was pressed since the last call. */
bool interrupt_taken(void);

#endif

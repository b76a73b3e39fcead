/* repl.h: the prompt. */
#ifndef EBM_CLI_REPL_H
#define EBM_CLI_REPL_H

#include "cli/options.h"

/* Reads and answers until the end of the input or :quit; returns the exit status. */
int repl(const Options *options);

#endif

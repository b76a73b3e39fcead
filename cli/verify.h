/* verify.h: runs the text of a saved model again and compares what it saves. */
#ifndef EBM_CLI_VERIFY_H
#define EBM_CLI_VERIFY_H

#include "cli/options.h"

/* `ebm verify MODEL`: the exit status; 1 when the model is not what its text gives. */
int verify(Options *options);

#endif

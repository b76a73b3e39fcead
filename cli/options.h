/* options.h: the command line, read. */
#ifndef EBM_CLI_OPTIONS_H
#define EBM_CLI_OPTIONS_H

#include "lang/ebm.h"

enum { MAX_SETS = 64, MAX_OPERANDS = 8 };

typedef struct Options {
    const char *command;        /* "run", "check", ..; "repl" if nothing was said */
    int n_operands;
    const char *operands[MAX_OPERANDS];
    EbmSettings settings;       /* without a listener; its lists are those below */
    const char *set_names[MAX_SETS];
    double set_values[MAX_SETS];
    const char *stage;          /* explain; null if not said */
    bool dot, json, picture;
} Options;

/* False, with a line on stderr, when the command line is wrong. */
bool options_read(Options *options, int argc, char **argv);
void options_free(Options *options);
/* All of it in a page. */
void options_help(FILE *out);

#endif

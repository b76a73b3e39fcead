/* diag.h: errors are values.  A Diagnostics list collects what is wrong with a text or a run; nothing below cli/
 * prints or exits.  A code is stable ("E0301") and explained by `ebm explain CODE`; the codes are listed in codes.def. */
#ifndef EBM_BASE_DIAG_H
#define EBM_BASE_DIAG_H

#include <stdbool.h>
#include <stdio.h>
#include "vm/base/source.h"

typedef enum Severity { SEVERITY_ERROR, SEVERITY_WARNING } Severity;

/* What is to blame; it decides the exit status. */
typedef enum Fault { FAULT_TEXT, FAULT_MACHINE, FAULT_CLAIM } Fault;

typedef struct Note { Span span; char *text; struct Note *next; } Note;

typedef struct Diagnostic {
    Severity severity;
    Fault fault;
    const char *code;           /* a constant such as "E0301" */
    Span span;
    char *message;              /* one line, no final stop */
    Note *notes;                /* places and facts, in the order added */
    char *help;                 /* the nearest thing that would work; may be null */
    struct Diagnostic *next;
} Diagnostic;

typedef struct Diagnostics {
    Diagnostic *first, *last;   /* in order of discovery */
    int errors, warnings;
} Diagnostics;

void diagnostics_free(Diagnostics *list);

/* Adds an error; the returned diagnostic belongs to the list and takes notes and help.  An error with the same code at the
 * same span as an earlier one is not added again (the earlier one is returned). */
Diagnostic *diag_error(Diagnostics *list, const char *code, Span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
Diagnostic *diag_warning(Diagnostics *list, const char *code, Span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diag_note(Diagnostic *d, Span span, const char *format, ...) __attribute__((format(printf, 3, 4)));
void diag_help(Diagnostic *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One note for every call in the chain, innermost first ("in dense, called here"). */
void diag_trace(Diagnostic *d, const Origin *origin);

/* Puts the diagnostics of one source, found in several passes over it, in the order of its text. */
void diagnostics_sort(Diagnostics *list, const Source *source);

/* Writes one diagnostic: file:line:column, severity, code and message, the source line with a caret, notes, help. */
void diag_print(FILE *out, const Diagnostic *d, bool color);
void diagnostics_print(FILE *out, const Diagnostics *list, bool color);

/* The candidate nearest to name by edit distance, or null when none is near enough to be meant. */
const char *nearest_name(const char *name, const char *const *candidates, int count);

#endif

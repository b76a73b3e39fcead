/* codes.h: what is known of each code a diagnostic may carry; the rows are in codes.def. */
#ifndef EBM_BASE_CODES_H
#define EBM_BASE_CODES_H

typedef struct CodeInfo {
    const char *code;           /* "E0101" */
    const char *title;          /* a few words */
    const char *text;           /* a paragraph: what it means, what to do, an example; lines end in \n */
} CodeInfo;

/* The row of a code (any case), or null. */
const CodeInfo *code_info(const char *code);
/* The rows in the order of codes.def: null from the end on. */
const CodeInfo *code_at(int i);

#endif

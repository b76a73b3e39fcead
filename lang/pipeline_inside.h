/* pipeline_inside.h: what the files of the pipeline share; no one else includes it. */
#ifndef EBM_PIPELINE_INSIDE_H
#define EBM_PIPELINE_INSIDE_H

#include "lang/ebm.h"
#include "lang/graph/build.h"
#include "lang/session.h"

/* One text that was added, with its syntax; kept to the end, as spans point into it. */
typedef struct Entry { Source *source; File *file; struct Entry *next; } Entry;

/* One statement of the program as it stands: the entries' statements, less those that were defined again. */
typedef struct Item { const Source *source; Stmt *stmt; } Item;
typedef struct Items { int n; Item *at; } Items;

struct Ebm {
    EbmSettings settings;       /* strings are copies */
    Diagnostics diagnostics;    /* since the last report */
    Entry *entries;             /* newest first */
    Items items;                /* in text order */
    Builder *builder;
    Builder *checker;           /* of a text with mistakes, until they are reported: they point into its library */
    File *whole;                /* the syntax the builder has, if it was put together from items */
    Session *session;
    char *name, *text;          /* of the program: for saved models */
    EbmStatus worst;
    volatile sig_atomic_t stop;
};

/* Builds a text with the program as it stands, without adding it; its actions stand at the end of the script.  False if mistaken. */
bool pipeline_try(Ebm *ebm, const char *text);

#endif

/* build.h: from checked syntax to programs.  The builder interprets definitions on graph values: a call is inlined, sizes are solved,
 * shapes and domains are checked, and what remains is a Script of programs to run. */
#ifndef EBM_BUILD_H
#define EBM_BUILD_H

#include "lang/graph/script.h"
#include "lang/text/syntax.h"

typedef struct Builder Builder;

typedef struct BuildOptions {
    int n_sets;                 /* ebm run --set name=value */
    const char *const *set_names;
    const double *set_values;
    bool has_seed;
    uint64_t seed;
    bool has_precision;
    Precision precision;
    const char *data_dir;       /* where data files are looked for first; may be null */
    const char *stdlib_dir;     /* null: the library built into the program */
    bool quick;                 /* train for a hundredth of the steps, to try a text out */
} BuildOptions;

/* Library texts built into the program: pairs of name ("layers.ebm") and text, ended by a null name; defined in a generated file. */
typedef struct LibraryText { const char *name, *text; } LibraryText;
extern const LibraryText library_texts[];

Builder *builder_new(const BuildOptions *options, Diagnostics *diagnostics);
void     builder_free(Builder *b);
Script  *builder_script(Builder *b);                    /* owned by the builder */

/* Defines and checks what the file holds and appends its actions.  The file must outlive the builder.  False if there were errors. */
bool builder_add(Builder *b, const File *file);         /* a file with mistakes of the grammar is checked as far as it was read; false then */

/* For the prompt and for documentation. */
void builder_describe(Builder *b, FILE *out, const char *name);  /* kind, signature, shapes, ## comment; says so if unknown */
void builder_summary(Builder *b, FILE *out);            /* definitions with shapes, parameter counts, trains with their sizes */
/* The built-in functions, from 0; false after the last. */
typedef struct BuiltinText { const char *name, *usage, *doc; } BuiltinText;
bool builder_builtin(int i, BuiltinText *text);
int  builder_names(Builder *b, const char ***names);    /* every name that can be written at top level; *names is to be freed (not the texts) */

#endif

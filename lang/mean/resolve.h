/* resolve.h: names.  Checks, before any shape is known, that every name means something and that nothing is done in vain. */
#ifndef EBM_RESOLVE_H
#define EBM_RESOLVE_H

#include "lang/text/syntax.h"

/* Names known from outside the file: built-in functions, the library's definitions, earlier prompt lines. */
typedef struct KnownNames { int n; const char *const *at; } KnownNames;

/* Whether the parser found mistakes in the file; then only its sound statements are looked at, and unknown names stay silent. */
bool is_damaged(const File *file, const Diagnostics *diagnostics);
/* Whether a mistake among `from` and what follows it lies inside the statement. */
bool is_broken(const Stmt *s, const Diagnostic *from);

/* Reports unknown names (with the nearest spelling), names defined twice, locals that hide a local or an argument, locals that are never
 * used, results thrown away, recursion and cycles, statements where they do not belong, primes without a cell, and the like.
 * False if there were errors. */
bool resolve(const File *file, KnownNames known, Diagnostics *diagnostics);

#endif

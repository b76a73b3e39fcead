/* range.h: how far the indices of an equation or a reduction run. */
#ifndef EBM_RANGE_H
#define EBM_RANGE_H

#include "lang/graph/builder.h"

enum { MAX_INDICES = 64, MAX_BOUNDS = 64, MAX_TERMS = 4 };

typedef struct IndexName {
    const char *name;
    Span span;
    bool fixed;                 /* a bare subscript or `i: n` said so */
    bool written;               /* `i: n`: it does not shrink */
    bool inner;                 /* of a reduction inside */
    bool open;                  /* its name can be seen at this place of the search */
    int64_t low, high;          /* runs over low .. high-1; high < 0: not known yet */
    int64_t otherwise;          /* where nothing else tells it runs over 0 .. otherwise-1, if that is not 0 */
    Span source;                /* what fixed it */
} IndexName;

/* A subscript that must stay inside an axis: 0 <= sum coef*index + (low .. high) < size. */
typedef struct Bound { int n; int index[MAX_TERMS]; int64_t coef[MAX_TERMS], low, high, size; } Bound;

typedef struct Search {
    Builder *b;
    Scope *scope;
    int n; IndexName at[MAX_INDICES];   /* those sought come first */
    int n_sought;
    int n_bounds; Bound bounds[MAX_BOUNDS];
    bool failed;
} Search;

/* Adds the index of `i` or `i: n` in brackets. */
void range_add(Search *s, const Subscript *x);
/* Adds the undefined names in e, a computed subscript of a left side. */
void range_add_free(Search *s, const Expr *e);
/* Says that index `name` runs over all `size` places. */
void range_fix(Search *s, const char *name, int64_t size, Span span);
/* Says that index `name` runs over `size` places where nothing else tells. */
void range_suppose(Search *s, const char *name, int64_t size);
/* Looks through e for subscripts that tell how far the sought indices run. */
void range_search(Search *s, const Expr *e);
/* Settles all ranges; false after a report. */
bool range_settle(Search *s);
/* Whether a subscripted value has enough axes; reports if not. */
bool range_count_fits(Builder *b, const Expr *e, const Value *base);
/* A whole number known before the run. */
bool whole_number(Builder *b, Scope *scope, const Expr *e, int64_t *x);

#endif

/* builtin.h: what the files of the built-in functions share: builtin.c with the table of all, and draws.c and plots.c. */
#ifndef EBM_BUILTIN_H
#define EBM_BUILTIN_H

#include "lang/graph/builder.h"

/* An argument that is to be an array or several of them; else a complaint, and nothing. */
Value *array_argument(Builder *b, const CallArgs *args, const char *name, int at);
/* The same values, row-major, in a shape of as many places. */
Value *reshaped(Builder *b, Value *v, Shape to);

/* draws.c */
Value *call_uniform(Builder *b, Scope *s, const CallArgs *args);
Value *call_normal(Builder *b, Scope *s, const CallArgs *args);
Value *call_bernoulli(Builder *b, Scope *s, const CallArgs *args);
Value *call_spins(Builder *b, Scope *s, const CallArgs *args);
Value *call_choose(Builder *b, Scope *s, const CallArgs *args);

/* plots.c */
Value *call_box(Builder *b, Scope *s, const CallArgs *args);
Value *call_contour(Builder *b, Scope *s, const CallArgs *args);
Value *call_arrows(Builder *b, Scope *s, const CallArgs *args);
Value *call_scatter(Builder *b, Scope *s, const CallArgs *args);
Value *call_curve(Builder *b, Scope *s, const CallArgs *args);
Value *call_images(Builder *b, Scope *s, const CallArgs *args);
Value *call_heat(Builder *b, Scope *s, const CallArgs *args);
Value *call_table(Builder *b, Scope *s, const CallArgs *args);

#endif

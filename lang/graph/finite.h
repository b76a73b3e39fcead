/* finite.h: an energy of finitely many values, as a polynomial.
 *
 * Every place of a sought array takes one of K states.  The energy is rewritten, without changing it at any configuration, into sums and
 * products of state variables: a place of two values stands for itself; one of K classes has K indicators, 1 for the class it is in and 0
 * for the others.  Then the energies of all states of a place come from one gradient, and which places act on each other can be read from
 * the graph of that gradient. */
#ifndef EBM_FINITE_H
#define EBM_FINITE_H

#include "lang/graph/infer.h"

typedef struct FinitePart {
    Shape shape;                /* the declared one */
    double low, high;           /* least value; with two states, the other one */
    int64_t states;
    bool indicators;            /* the state variable has an axis `choice` of `states` places; else it is the value itself */
    Axis choice;
    Node *value;                /* the leaf the energy was built with */
    Node *state;                /* the leaf the polynomial is made of */
} FinitePart;

typedef struct Finite {
    Builder *b;
    int n; FinitePart at[MAX_BINDERS];
    const Node *refused;        /* what is no polynomial of the states; null if all is */
} Finite;

/* finite.c */
/* The parts of the binders; false after a report (a real one, an unknown shape).  always: indicators for two states as well. */
bool  finite_parts(Inference *x, Finite *f, bool always);
/* The energy as a polynomial of the leaves `state`; null after a report or where f->refused. */
Node *finite_energy(Inference *x, Finite *f, Closure *energy);
/* The same for any value made of the leaves `value`. */
Node *finite_polynomial(Finite *f, Node *value);
/* Derivatives by each part's state; a zero where there is none. */
void  finite_slopes(const Finite *f, Node *energy, Node **slope);
/* Whether a slope's own slope depends on the state no more. */
bool  finite_is_quadratic(const Finite *f, int part, Node *slope);
/* What is left of a polynomial where all states are 0. */
Node *finite_rest(const Finite *f, Node *polynomial);
/* The state variable that stands for the value `node` of a part, and back for a class number. */
Node *finite_state(const Finite *f, int part, Node *node);
/* given mask, values: a slope with indicators, made so high that no other state than the observed one is taken. */
Node *finite_observed(const Finite *f, int part, Node *slope);
/* 1 where a value is other than observed, else 0; null if nothing of the part is. */
Node *finite_misses(const Finite *f, int part, Node *value);
/* The value with the least (slopes at its states), and one drawn from exp(-slope) by u in 0..1. */
Node *finite_least(const Finite *f, int part, Node *slope);
Node *finite_drawn(const Finite *f, int part, Node *slope, Node *u);
/* -log of the sum over the states of exp(-slope). */
Node *finite_free(const Finite *f, int part, Node *slope);
/* The expected state variable under exp(-slope). */
Node *finite_mean(const Finite *f, int part, Node *slope);
/* The first product, or other value, in which places of the parts meet: for messages.  May be null. */
const Node *finite_meeting(const Finite *f, Node *energy);
/* An array of the part's domain. */
Value *finite_value(const Finite *f, const Binder *binder, int part, Node *node);
/* Uniform draws, one for each place of the part; key: the name they are for. */
Node *finite_luck(const Finite *f, int part, const char *name);

/* touch.c: which places of a state a value depends on, seen from the value's own place. */
enum { MAX_TOUCHES = 32 };
typedef struct Offset { bool any; bool wrap; int64_t by; } Offset;   /* along one axis; wrap: modulo its size */
typedef struct Touches {
    int n;
    Offset at[MAX_TOUCHES][MAX_AXES];   /* along each axis of the part's shape */
} Touches;
/* Of the slope of `part` (one value for each of its places) on the states of the same part. */
Touches touches_of(const Finite *f, int part, Node *slope);
/* Whether a place may be among those it touches itself. */
bool touches_itself(const Finite *f, int part, const Touches *t);
/* Colors such that places of one color do not touch each other: color = sum (coef[axis]*place, and 1 more at the last place where
 * last[axis]: an odd ring has three) mod colors. */
typedef struct Coloring { int64_t colors; int64_t coef[MAX_AXES]; bool last[MAX_AXES]; } Coloring;
Coloring coloring_of(const Finite *f, int part, const Touches *t);
/* Which nodes the root is made of, by id up to the root's; to be freed, null if there is no memory. */
bool *nodes_below(const Graph *g, Node *root);

/* links.c: the same along one axis, place by place, and through tables that are known before the run: parent[i]. */
typedef struct Link { int64_t from, to; } Link;             /* the slope at `from` depends on the state at `to` */
typedef struct Links {
    int n; Link *at;                /* in order, none twice; in the builder's arena */
    bool many;                      /* too many to tell */
    const Node *unknown;            /* a look-up whose places are not known before the run: may be any; else null */
} Links;
Links links_of(const Finite *f, int part, Node *slope);

/* known.c: numbers that are the same in every run. */
bool  known_along(const Builder *b, const Node *n, Axis axis, double *x);           /* all values of n along its one axis (or of a scalar: the same) */
Node *known_table(Builder *b, const char *name, Shape shape, const double *x);      /* whole numbers, row-major, as an array */

#endif

/* sweep.h: Gibbs sweeps (gibbs.c), for what is built on them. */
#ifndef EBM_SWEEP_H
#define EBM_SWEEP_H

#include "lang/graph/finite.h"

typedef struct Sweep {
    Finite f;
    Node *energy;               /* of the parts' leaves `value` */
    Node *slope[MAX_BINDERS];   /* of the leaves `state` */
    bool alone[MAX_BINDERS];    /* goes place after place: the energy is asked for every state of each */
    bool least;                 /* takes the state of least energy, draws none */
    bool backward;              /* blocks in the opposite order: the reversal of a sweep */
    Coloring colors[MAX_BINDERS];
    bool squares[MAX_BINDERS];  /* places act on themselves: slopes are taken half way between the two states */
    int order[MAX_BINDERS];     /* latents that were not named come first */
} Sweep;

/* Finds the blocks of the energy over the binders; false after a report. */
bool  prepare_sweeps(Inference *x, Closure *energy, Sweep *s);
/* One sweep over all places of all parts; values are replaced by the new ones.  heat: inverse temperature; null: 1. */
void  sweep(Inference *x, Sweep *s, Node **values, Node *heat);
/* One part of it. */
void  sweep_part(Inference *x, Sweep *s, int part, Node **values, Node *heat);
/* The values as carries of the loop. */
void  open_values(Sweep *s, Loop *loop, Node *const *start, Node **values);
/* The energy at the values. */
Node *energy_here(Sweep *s, Node *const *values);

#endif

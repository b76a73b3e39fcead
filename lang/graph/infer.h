/* infer.h: what the files of inference share: what is sought, and the energy as a function of it alone. */
#ifndef EBM_INFER_H
#define EBM_INFER_H

#include "lang/graph/builder.h"

enum { MAX_BINDERS = 16 };

typedef struct Binder {
    Name name;
    bool fresh;                 /* a latent that was not named before `of`: drawn along and dropped */
    bool typed;                 /* its declared shape and domain are known */
    const Type *type;
    Closure *owner;             /* whose parameter it is passed to */
    Shape shape;
    Domain domain;
    bool has_shape;
    Span where;
} Binder;

/* given mask, values: of each binder; null: nothing of it is observed. */
typedef struct Given { Value *mask[MAX_BINDERS], *value[MAX_BINDERS]; } Given;

typedef struct Inference {
    Builder *b;
    Scope *scope;
    const Expr *e;
    const Infer *infer;
    int n; Binder at[MAX_BINDERS];
    Shape frame;                /* of the other arguments */
    Span frame_at;
    Closure *energy;            /* a function of the binders that is at hand; null: infer->of is one */
    bool failed;
} Inference;

/* infer.c */
const char *infer_word(InferKind kind);                 /* argmin, .. */
Closure *energy_closure(Inference *x, const Expr *of, Shape items);
Value *energy_at(Inference *x, Closure *c, Value **v);  /* one number for each configuration; VALUE_NONE after a report */
Value *together(Builder *b, Value **v, int n);          /* one value, or a bundle */

/* given.c */
bool   set_given(Inference *x, Shape items);            /* reads the clause into the context; false after a report */
Value *with_observed(Builder *b, const Given *g, int binder, Value *x, Span span);     /* x as the energy sees it: what is given in its places */
Value *all_observed(Builder *b, const Given *g, Value *r, Span span);                  /* the same of one value or the bundle of all */

/* implicit.c: what a solver found, v, with the derivative of the implicit function theorem; by_prox: the energy may have corners there. */
Value *with_implicit(Inference *x, Closure *energy, Value **v, bool by_prox);

/* latent.c: exact() where every place is independent of all others: no state is visited.  *serves is false, and nothing is reported, where the
 * energy couples places; then *couples is the first value that does (may be null). */
Value *solve_independent(Inference *x, Shape items, bool *serves, const Node **couples);

/* exact.c: exact() over finite domains. */
Value *solve_exact(Inference *x, Shape items);

/* serves.c: whether the solver can, with a report if not; likewise whether what it asks the energy of is of the domain of what is sought. */
bool   is_solver(const Closure *solver, const char *builtin);
const char *real_solvers(InferKind kind);               /* what serves real variables instead: help */
bool   solver_serves(Inference *x, const Closure *solver);
bool   asked_fits(const Closure *energy, int binder, const Value *v);

/* infer.c: by any solver, from starting points whose frames are hidden. */
Value *solve_by(Inference *x, Closure *solver, Value *from, Shape items);

/* alternate.c: alternate(rounds, real, finite, ..): the names in turn, each by a solver of its own. */
Value *solve_alternate(Inference *x, const Closure *solver, Value **v, Shape items);

/* gibbs.c: gibbs(sweeps) over the binders, which stand at v; null after a report. */
Value *solve_gibbs(Inference *x, const Closure *solver, Value **v, Shape items);
/* icm(sweeps): the same with the least state instead of a draw. */
Value *solve_icm(Inference *x, const Closure *solver, Value **v, Shape items);
/* annealed_gibbs(sweeps, hot, cold): a configuration of low energy. */
Value *solve_annealed_gibbs(Inference *x, const Closure *solver, Value **v, Shape items);

/* discrete.c: states(x); changes(E, x); pairwise(E, x); the nearest value of a finite domain. */
Value *states_of_domain(Builder *b, const CallArgs *args);
Value *changes_of_moves(Builder *b, const CallArgs *args);
Value *pairs_of_energy(Builder *b, const CallArgs *args);
Value *nearest_state(Builder *b, Value *y, Domain domain);

/* partition.c: log of the sum of exp(-E) over all configurations of the energy's arguments: exactly; and what each chain of annealed importance sampling says
 * of it, from the uniform distribution up and from samples of the one argument that is not latent down.  place: the expression that names the energy,
 * which keys the draws. */
Value *log_partition_exact(Builder *b, Closure *energy, Span span);
Value *ais_estimates(Builder *b, Closure *energy, const Expr *place, Span span, int64_t levels, int64_t chains);
Value *reverse_ais_estimates(Builder *b, Closure *energy, const Expr *place, Span span, Value *samples, int64_t levels);

/* solvers.c: the built-in functions that give solvers, and those that ask an energy. */
#define SOLVER_BUILTIN(name) Value *builtin_##name(Builder *b, Scope *scope, const CallArgs *args)
SOLVER_BUILTIN(exact);   SOLVER_BUILTIN(chain);     SOLVER_BUILTIN(gibbs);   SOLVER_BUILTIN(icm);     SOLVER_BUILTIN(alternate);     SOLVER_BUILTIN(annealed_gibbs);
SOLVER_BUILTIN(states);  SOLVER_BUILTIN(changes);   SOLVER_BUILTIN(pairwise);
SOLVER_BUILTIN(ais);     SOLVER_BUILTIN(ais_chains); SOLVER_BUILTIN(reverse_ais_chains);  SOLVER_BUILTIN(log_partition);  SOLVER_BUILTIN(free_energy);

/* chain.c: chain(), where the energy factors along the one axis of one binder. */
Value *solve_chain(Inference *x, const Closure *solver, Shape items);

#endif

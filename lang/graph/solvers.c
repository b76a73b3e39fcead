/* solvers.c: the built-in functions that give solvers, and those that ask an energy of its configurations. */
#include <math.h>
#include <string.h>
#include "lang/graph/infer.h"

/* A solver that is built in: what `by` takes. */
static Value *call_solver(Builder *b, const char *name, const CallArgs *args)
{
    Closure *c = ARENA_NEW(b->arena, Closure);
    c->kind = CLOSURE_BUILTIN;
    c->builtin = builtin_named(name);
    c->name = name;
    c->span = args->span;
    c->configured = true;
    return function_value(b, c);
}

SOLVER_BUILTIN(exact)
{
    (void)scope;
    return call_solver(b, "exact", args);
}

/* Settings of a solver, by name or in order. */
static Value *call_with_settings(Builder *b, const char *name, const CallArgs *args, const char *const *names, const double *presets, int n)
{
    Value *r = call_solver(b, name, args);
    for (int k = 0; k < n; k++) {
        Value *v = number(b, presets[k]);
        for (int i = 0; i < args->n; i++) if (args->at[i].name ? !strcmp(args->at[i].name, names[k]) : i == k) v = args->at[i].value;
        field_add(b, &r->fn->settings, names[k], v);
    }
    return r;
}

SOLVER_BUILTIN(chain)
{
    (void)scope;
    return call_with_settings(b, "chain", args, (const char *const[]){ "best" }, (const double[]){ 0 }, args->n ? 1 : 0);
}

SOLVER_BUILTIN(gibbs)
{
    (void)scope;
    return call_with_settings(b, "gibbs", args, (const char *const[]){ "sweeps" }, (const double[]){ 10 }, 1);
}

SOLVER_BUILTIN(icm)
{
    (void)scope;
    return call_with_settings(b, "icm", args, (const char *const[]){ "sweeps" }, (const double[]){ 10 }, 1);
}

/* alternate(rounds = 100, real = .., finite = .., name = ..): solvers by name. */
SOLVER_BUILTIN(alternate)
{
    (void)scope;
    Value *r = call_solver(b, "alternate", args), *rounds = number(b, 100);
    for (int i = 0; i < args->n; i++) {
        const CallArg *a = &args->at[i];
        if (a->value->kind == VALUE_NONE) return b->none;
        if (a->name ? !strcmp(a->name, "rounds") : !i) { rounds = a->value; continue; }
        if (!a->name) {
            Diagnostic *d = complain(b, "E0332", a->span, "alternate's solvers are given by name");
            diag_help(d, "alternate(rounds = 100, real = mala(steps = 10), finite = gibbs(sweeps = 1))");
            return b->none;
        }
        field_add(b, &r->fn->settings, a->name, a->value);
    }
    field_add(b, &r->fn->settings, "rounds", rounds);
    return r;
}

SOLVER_BUILTIN(annealed_gibbs)
{
    (void)scope;
    return call_with_settings(b, "annealed_gibbs", args, (const char *const[]){ "sweeps", "hot", "cold" }, (const double[]){ 200, 3, 0.1 }, 3);
}

/* ---- what an energy is asked ---- */

SOLVER_BUILTIN(states)   { (void)scope; return states_of_domain(b, args); }
SOLVER_BUILTIN(changes)  { (void)scope; return changes_of_moves(b, args); }
SOLVER_BUILTIN(pairwise) { (void)scope; return pairs_of_energy(b, args); }

/* The arguments of a function of those names, some of which may be missing. */
static void in_order(const CallArgs *args, const char *const *names, Value **v, int n)
{
    for (int i = 0; i < args->n; i++)
        for (int k = 0; k < n; k++) if (args->at[i].name ? !strcmp(args->at[i].name, names[k]) : i == k) v[k] = args->at[i].value;
}

static Closure *energy_argument(Builder *b, const CallArgs *args, const Value *v, const char *usage)
{
    if (v && v->kind == VALUE_FUNCTION) return v->fn;
    if (v && v->kind == VALUE_NONE) return NULL;
    Diagnostic *d = complain(b, "E0367", args->span, "%.*s takes an energy, but this is %s", (int)strcspn(usage, "("), usage, v ? value_text(b, v) : "missing");
    diag_help(d, "write its name alone: %s", usage);
    return NULL;
}

static bool count_argument(Builder *b, const CallArgs *args, const Value *v, const char *what, const char *who, int64_t *n)
{
    if (!want_size(b, v, args->span, arena_format(b->arena, "the number of %s", what), n)) return false;
    if (*n >= 1) return true;
    complain(b, "E0305", args->span, "%s needs at least one of the %s", who, what);
    return false;
}

static Value *chains_up(Builder *b, const CallArgs *args, const char *usage)
{
    Value *v[3] = { NULL, number(b, 1000), number(b, 256) };
    in_order(args, (const char *const[]){ "E", "levels", "chains" }, v, 3);
    int64_t levels, chains;
    Closure *energy = energy_argument(b, args, v[0], usage);
    if (!energy || !count_argument(b, args, v[1], "levels", "ais", &levels) || !count_argument(b, args, v[2], "chains", "ais", &chains)) return b->none;
    return ais_estimates(b, energy, args->at[0].expr, args->span, levels, chains);
}

SOLVER_BUILTIN(ais_chains)
{
    (void)scope;
    return chains_up(b, args, "ais_chains(E, levels = 1000, chains = 256)");
}

SOLVER_BUILTIN(ais)
{
    (void)scope;
    Value *v = chains_up(b, args, "ais(E, levels = 1000, chains = 256)");
    if (v->kind == VALUE_NONE) return v;
    Node *sum = graph_fold(b->g, OP_logsumexp, v->node, axes_of(v->shape));
    return array(b, graph_map(b->g, OP_sub, sum, graph_const(b->g, log((double)axis_size(v->shape.at[0]))), NULL), shape_none());
}

SOLVER_BUILTIN(reverse_ais_chains)
{
    (void)scope;
    Value *v[3] = { NULL, NULL, number(b, 1000) };
    in_order(args, (const char *const[]){ "E", "x", "levels" }, v, 3);
    int64_t levels;
    Closure *energy = energy_argument(b, args, v[0], "reverse_ais_chains(E, x, levels = 1000)");
    if (!energy || !v[1] || !count_argument(b, args, v[2], "levels", "reverse_ais_chains", &levels)) return b->none;
    return reverse_ais_estimates(b, energy, args->at[0].expr, args->span, v[1], levels);
}

SOLVER_BUILTIN(log_partition)
{
    (void)scope;
    Closure *energy = energy_argument(b, args, args->at[0].value, "log_partition(E)");
    return energy ? log_partition_exact(b, energy, args->span) : b->none;
}

/* ---- free_energy(E, x, ..) ---- */

static Expr *name_expr(Builder *b, const char *name, Span span)
{
    Expr *e = ARENA_NEW(b->arena, Expr);
    e->kind = EXPR_NAME;
    e->span = span;
    e->name = (Name){ .text = name, .span = span };
    return e;
}

/* marginal h of E(x; h) by exact(), where the names with spaces are bound in the scope. */
static Expr *marginal_expr(Builder *b, const Signature *s, int latents, Span span)
{
    Expr *e = ARENA_NEW(b->arena, Expr), *call = ARENA_NEW(b->arena, Expr);
    Infer *infer = ARENA_NEW(b->arena, Infer);
    call->kind = EXPR_CALL;
    call->span = span;
    call->kid[0] = name_expr(b, "the energy", span);
    call->args = ARENA_ARRAY(b->arena, Arg, s->n);
    infer->kind = INFER_MARGINAL;
    infer->names.at = ARENA_ARRAY(b->arena, Name, latents);
    for (int i = 0; i < s->n; i++) {
        const char *name = s->at[i].latent ? s->at[i].name.text : arena_format(b->arena, "argument %d", i);
        call->args[call->n_args++] = (Arg){ .value = name_expr(b, name, span), .latent = s->at[i].latent };
        if (s->at[i].latent) infer->names.at[infer->names.n++] = (Name){ .text = name, .span = span };
    }
    infer->of = call;
    infer->by = name_expr(b, "the solver", span);
    e->kind = EXPR_INFER;
    e->span = span;
    e->infer = infer;
    return e;
}

SOLVER_BUILTIN(free_energy)
{
    (void)scope;
    Closure *energy = energy_argument(b, args, args->at[0].value, "free_energy(E, x)");
    const Signature *s = energy ? operands_of(energy) : NULL;
    if (!energy) return b->none;
    int observed = 0, latents = 0;
    for (int i = 0; s && i < s->n; i++) if (s->at[i].latent) latents++; else observed++;
    CallArgs rest = { .span = args->span };
    for (int i = 1; i < args->n; i++) rest.at[rest.n++] = args->at[i];
    if (!latents || observed != rest.n) return apply(b, energy, &rest);   /* which says what is missing */
    Scope *inner = scope_new(b, NULL);
    bind(b, inner, "the energy", args->at[0].value, args->span);
    CallArgs none = { .span = args->span };
    bind(b, inner, "the solver", builtin_exact(b, NULL, &none), args->span);
    for (int i = 0, k = 0; i < s->n; i++)
        if (!s->at[i].latent) bind(b, inner, arena_format(b->arena, "argument %d", i), rest.at[k++].value, args->span);
    return eval_inference(b, inner, marginal_expr(b, s, latents, args->span));
}

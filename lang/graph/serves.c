/* serves.c: whether a solver can serve what it is asked for: the kind of inference, and the domains of what is sought. */
#include <string.h>
#include "lang/graph/infer.h"

bool is_solver(const Closure *solver, const char *name) { return solver->kind == CLOSURE_BUILTIN && !strcmp(solver->name, name); }

static bool serves_only(Inference *x, const Closure *solver, InferKind kind, const char *other)
{
    if (x->infer->kind == kind) return true;
    Diagnostic *d = complain(x->b, "E0360", x->infer->by->span, "%s serves %s, but this is %s", solver->name, infer_word(kind), infer_word(x->infer->kind));
    diag_help(d, "%s; exact() and chain() serve both, on smaller domains and on sequences", other);
    return false;
}

const char *real_solvers(InferKind kind)
{
    switch (kind) {
    case INFER_SAMPLE: return "langevin(..), hmc(..), nuts(..) and their kin sample real variables";
    case INFER_MARGINAL: return "of real variables ais_real(..)(E, x), and x.log_z of smc(..), estimate the log of the integral of exp(-E)";
    case INFER_EXPECTATION: return "of real variables the mean over draws of nuts(..) or hmc(..) estimates it";
    default: return "descent(..), lbfgs(..) and their kin minimize over real variables; cem(..) needs no gradient";
    }
}

bool finite_domain(Domain d) { return d.kind == CLASS_WHOLE || d.kind == CLASS_SPIN; }

static const char *finite_solvers(const Inference *x)
{
    return x->n > 1 ? "alternate(..) moves real names and finite ones in turn, each by a solver of its own"
                    : "exact(), gibbs(..) and the samplers of discrete.ebm serve finite domains";
}

/* The library's solvers that draw nothing search; those of a program may carry noise that they start from. */
static bool draws_if_asked(Inference *x, const Closure *solver)
{
    const Span at = solver->def->name.span;
    if (x->infer->kind != INFER_SAMPLE || strncmp(at.source->name, "<stdlib>", 8) != 0 || text_draws(x->b, &solver->def->block)) return true;
    Diagnostic *d = complain(x->b, "E0360", x->infer->by->span, "%s draws nothing: it searches low energy, but this is sample", solver->name);
    diag_help(d, "argmin %s of ..; langevin(..), hmc(..), nuts(..) and their kin sample", x->at[0].name.text);
    return false;
}

const char *domain_name(Domain d)
{
    switch (d.kind) {
    case CLASS_WHOLE:    return "whole values";
    case CLASS_SPIN:     return "spin values";
    case CLASS_BOX:      return "reals in a box";
    case CLASS_SIMPLEX:  return "vectors on a simplex";
    case CLASS_SPHERE:   return "vectors on a sphere";
    case CLASS_POSITIVE: return "positive reals";
    default:             return "reals";
    }
}

/* A solver whose operand has a domain, solver s(..)(E, x: simplex[..S]), serves that alone; one that takes derivatives, no finite one. */
static bool domains_served(Inference *x, const Closure *solver)
{
    Builder *b = x->b;
    Span by = x->infer->by->span;
    const Signature *s = operands_of(solver);
    Domain want = { 0 };
    if (s && s->n == 2 && s->at[1].type && !eval_domain(b, solver->scope, s->at[1].type, &want)) return false;
    for (int i = 0; i < x->n; i++) {
        const Binder *v = &x->at[i];
        if (want.kind != CLASS_REAL && (v->domain.kind != want.kind || v->domain.low != want.low || v->domain.high != want.high)) {
            Diagnostic *d = complain(b, "E0360", by, "%s serves %s, but %s takes %s", solver->name, domain_name(want), v->name.text, domain_name(v->domain));
            if (v->where.source) diag_note(d, v->where, "%s gets its domain here", v->name.text);
            diag_help(d, finite_domain(v->domain) ? finite_solvers(x) : "descent(..), lbfgs(..) and langevin(..) serve reals");
            return false;
        }
        if (!finite_domain(v->domain) || !text_takes_derivatives(b, &solver->def->block)) continue;
        Diagnostic *d = complain(b, "E0360", by, "%s needs a gradient, but %s takes %s", solver->name, v->name.text, domain_name(v->domain));
        diag_help(d, "%s", finite_solvers(x));
        return false;
    }
    return true;
}

bool asked_fits(const Closure *energy, int binder, const Value *v)
{
    const Inference *x = energy->inference;
    if (!x || !x->infer->by || binder >= x->n || v->kind != VALUE_ARRAY) return true;
    const Binder *want = &x->at[binder];
    if (!want->typed || !finite_domain(want->domain) || finite_domain(v->domain) || v->node->op == OP_const) return true;
    Diagnostic *d = complain(x->b, "E0360", x->infer->by->span, "%s takes %s, but %s moves to reals", want->name.text, domain_name(want->domain), expr_text(x->b, x->infer->by));
    diag_help(d, "%s; in a solver of your own, project(y, x) gives the nearest values", finite_solvers(x));
    return false;
}

bool solver_serves(Inference *x, const Closure *solver)
{
    Builder *b = x->b;
    Span by = x->infer->by->span;
    if (x->infer->kind == INFER_MARGINAL || x->infer->kind == INFER_EXPECTATION) {
        Diagnostic *d = complain(b, "E0360", by, "%s needs a solver that sums out, but %s searches or samples", infer_word(x->infer->kind), solver->name);
        diag_help(d, "exact() sums over finite domains");
        return false;
    }
    if (x->infer->kind == INFER_ARGMAX) {
        Diagnostic *d = complain(b, "E0360", by, "%s finds low energy", solver->name);
        diag_help(d, "write argmin of the negated value, or argmax .. by exact() on a finite domain");
        return false;
    }
    if (is_solver(solver, "gibbs")) return serves_only(x, solver, INFER_SAMPLE, "argmin .. by annealed_gibbs(..) searches");
    if (is_solver(solver, "alternate") || is_solver(solver, "exact") || is_solver(solver, "chain")) return true;
    if (is_solver(solver, "icm")) return serves_only(x, solver, INFER_ARGMIN, "gibbs(..) samples");
    if (is_solver(solver, "annealed_gibbs")) return serves_only(x, solver, INFER_ARGMIN, "gibbs(..) samples");
    if (solver->kind != CLOSURE_DEF || solver->def->kind != DEF_SOLVER) {
        Diagnostic *d = complain(b, "E0360", by, "`by` needs a solver, but this is the %s %s", solver->kind == CLOSURE_DEF ? def_kind_name(solver->def->kind) : "function", solver->name);
        bool energy_first = solver->kind == CLOSURE_DEF && solver->def->kind == DEF_FN && operands_of(solver)->n > 1 && !operands_of(solver)->at[0].type;
        if (energy_first) diag_help(d, "a function of an energy and a start is called: %s(..)(E, start)", solver->name);
        else diag_help(d, "solvers are exact(), langevin(..), descent(..) and those you define with `solver`");
        return false;
    }
    return draws_if_asked(x, solver) && domains_served(x, solver);
}

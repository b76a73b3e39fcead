/* infer.c: inference as an expression: argmin, argmax, sample, marginal, expectation.
 *
 * The energy becomes a function of the bound names alone.  Axes that the starting point or the other arguments have beyond the declared
 * shapes are chains or items: they go into hiding, the solver works on one of them, and they come back in front of the result. */
#include <math.h>
#include <string.h>
#include "lang/graph/infer.h"
#include "lang/grad/grad.h"

static const char *const kind_word[] = { "argmin", "argmax", "sample", "marginal", "expectation" };

static Binder *find_binder(Inference *x, const char *name)
{
    for (int i = 0; i < x->n; i++) if (!strcmp(x->at[i].name.text, name)) return &x->at[i];
    return NULL;
}

static bool mentions_binder(Inference *x, const Expr *e)
{
    if (!e) return false;
    if (e->kind == EXPR_NAME) return find_binder(x, e->name.text) != NULL;
    for (int i = 0; i < 3; i++) if (mentions_binder(x, e->kid[i])) return true;
    for (int i = 0; i < e->list.n; i++) if (mentions_binder(x, e->list.at[i])) return true;
    for (int i = 0; i < e->n_args; i++) if (mentions_binder(x, e->args[i].value)) return true;
    for (int i = 0; i < e->n_subscripts; i++) if (mentions_binder(x, e->subscripts[i].at)) return true;
    return false;
}

/* ---- what the binders are ---- */

/* A box says where samplers stay; everything else must agree. */
static bool domains_agree(Domain a, Domain b)
{
    return a.kind == b.kind && a.low == b.low && a.high == b.high;
}

static void declare(Inference *x, Binder *v, const Type *type, Closure *owner, Span where)
{
    Builder *b = x->b;
    Scope *scope = scope_new(b, owner->scope);
    if (owner->kind == CLOSURE_DEF) bind_settings(b, owner, scope);
    Domain domain;
    if (!eval_domain(b, scope, type, &domain)) { x->failed = true; return; }
    int rank;
    bool rest, sizes = type_rank(type, &rank, &rest) && !type->like.text;
    for (int i = 0; i < type->n_dims; i++) if (type->dims[i].size && is_size_variable(scope, type->dims[i].size)) sizes = false;
    if (v->typed && !domains_agree(domain, v->domain)) {
        if (domain.kind == CLASS_REAL) return;
        if (v->domain.kind != CLASS_REAL) {
            diag_note(complain(b, "E0361", where, "%s is asked to take values of two different domains", v->name.text), v->where, "the other use is here");
            x->failed = true;
            return;
        }
    }
    v->typed = true;
    v->domain = domain;
    v->where = where;
    if (!v->type || sizes) { v->type = type; v->owner = owner; }
    if (sizes && !v->has_shape) v->has_shape = eval_shape(b, scope, type, &v->shape);
}

static void add_frame(Inference *x, const Shape *frame, Span span)
{
    if (frame->n <= x->frame.n) return;
    x->frame = *frame;
    x->frame_at = span;
}

static void collect(Inference *x, const Expr *e);

static Closure *callee_of(Inference *x, const Expr *callee)
{
    if (is_derivative(callee) || mentions_binder(x, callee)) return NULL;
    Value *f = eval(x->b, x->scope, callee);
    if (f->kind == VALUE_NONE) x->failed = true;
    return f->kind == VALUE_FUNCTION ? f->fn : NULL;
}

static void collect_argument(Inference *x, Closure *c, const Param *p, const Expr *arg)
{
    if (arg->kind == EXPR_NAME) {
        Binder *v = find_binder(x, arg->name.text);
        if (!v && p->latent && x->infer->kind == INFER_SAMPLE && !lookup(x->scope, arg->name.text) && x->n < MAX_BINDERS) {
            v = &x->at[x->n++];
            *v = (Binder){ .name = arg->name, .fresh = true };
        }
        if (v) {
            if (p->type && !p->type->like.text) declare(x, v, p->type, c, arg->span);
            return;
        }
    }
    if (mentions_binder(x, arg) || !p->type || p->type->like.text) return;
    Value *a = eval(x->b, x->scope, arg);
    if (a->kind != VALUE_ARRAY) { x->failed |= a->kind == VALUE_NONE; return; }
    int rank;
    bool rest;
    Shape frame = { 0 };
    if (!type_rank(p->type, &rank, &rest)) return;
    for (int i = 0; i < a->shape.n - rank; i++) frame.at[frame.n++] = a->shape.at[i];
    add_frame(x, &frame, arg->span);
}

static void collect_call(Inference *x, const Expr *e)
{
    Closure *c = callee_of(x, e->kid[0]);
    const Signature *s = c ? operands_of(c) : NULL;
    if (!s) return;
    int seen = 0, late = 0;
    for (int i = 0; i < s->n && !s->at[i].latent; i++) late = i + 1;
    for (int i = 0; i < e->n_args; i++) {
        int at = e->args[i].latent ? late++ : seen++;
        if (e->args[i].name.text) for (int k = 0; k < s->n; k++) if (!strcmp(s->at[k].name.text, e->args[i].name.text)) at = k;
        if (at < s->n) collect_argument(x, c, &s->at[at], e->args[i].value);
    }
}

/* A binder used as a subscript takes the places of that axis. */
static void collect_subscripts(Inference *x, const Expr *e)
{
    for (int i = 0; i < e->n_subscripts; i++) {
        const Expr *at = e->subscripts[i].at;
        Binder *v = e->subscripts[i].kind == SUBSCRIPT_AT && at->kind == EXPR_NAME ? find_binder(x, at->name.text) : NULL;
        if (!v || v->typed || mentions_binder(x, e->kid[0])) continue;
        Value *base = eval(x->b, x->scope, e->kid[0]);
        if (base->kind != VALUE_ARRAY || i >= base->shape.n) continue;
        v->typed = v->has_shape = true;
        v->domain = (Domain){ CLASS_WHOLE, 0, (double)axis_size(base->shape.at[i]) - 1 };
        v->where = at->span;
    }
}

static void collect(Inference *x, const Expr *e)
{
    if (!e || e->kind == EXPR_LAMBDA) return;
    if (e->kind == EXPR_CALL) collect_call(x, e);
    if (e->kind == EXPR_INDEX) collect_subscripts(x, e);
    if (e->kind == EXPR_PIPE && e->kid[0]->kind == EXPR_NAME && !mentions_binder(x, e->kid[1])) {
        Closure *c = callee_of(x, e->kid[1]);
        const Signature *s = c ? operands_of(c) : NULL;
        if (s && s->n) collect_argument(x, c, &s->at[0], e->kid[0]);
    }
    for (int i = 0; i < 3; i++) if (!(i == 0 && e->kind == EXPR_CALL && e->kid[0]->kind == EXPR_NAME)) collect(x, e->kid[i]);
    for (int i = 0; i < e->list.n; i++) collect(x, e->list.at[i]);
    for (int i = 0; i < e->n_args; i++) collect(x, e->args[i].value);
}

/* ---- the energy as a function of the bound names ---- */

Closure *energy_closure(Inference *x, const Expr *of, Shape items)
{
    Builder *b = x->b;
    Infer *infer = ARENA_NEW(b->arena, Infer);
    *infer = *x->infer;
    infer->of = (Expr *)of;
    infer->names.n = x->n;
    infer->names.at = ARENA_ARRAY(b->arena, Name, x->n);
    for (int i = 0; i < x->n; i++) infer->names.at[i] = x->at[i].name;
    Expr *e = ARENA_NEW(b->arena, Expr);
    *e = *x->e;
    e->infer = infer;
    Closure *c = ARENA_NEW(b->arena, Closure);
    c->kind = CLOSURE_INFER;
    c->name = "the energy";
    c->span = of->span;
    c->lambda = e;
    c->scope = x->scope;
    c->root = b->at.root;
    c->run = b->at.run;
    c->owner = b->at.owner;
    c->items = items;
    return c;
}

Value *together(Builder *b, Value **v, int n)
{
    if (n == 1) return v[0];
    Value *r = value_new(b, VALUE_BUNDLE);
    r->n_items = n;
    r->items = ARENA_ARRAY(b->arena, Value *, n);
    memcpy(r->items, v, sizeof(Value *) * (size_t)n);
    return r;
}

Value *energy_at(Inference *x, Closure *c, Value **v)
{
    CallArgs args = { .span = c->span };
    for (int i = 0; i < x->n; i++) args.at[args.n++] = (CallArg){ .value = v[i], .span = c->span, .latent = c->kind != CLOSURE_INFER && x->at[i].fresh };
    Value *e = apply(x->b, c, &args);
    if (e->kind == VALUE_NONE) return e;
    if (e->kind != VALUE_ARRAY || e->shape.n) {
        Diagnostic *d = complain(x->b, "E0362", c->span, "%s needs one number for each configuration, but this is %s", kind_word[x->infer->kind], value_text(x->b, e));
        diag_help(d, "other arguments may have further leading axes only if the bound names' axes go with them");
        return x->b->none;
    }
    return e;
}

/* ---- solvers of the library ---- */

static bool uses_derivative(const Expr *e)
{
    if (!e) return false;
    if (e->kind == EXPR_CALL && is_derivative(e->kid[0])) return true;
    for (int i = 0; i < 3; i++) if (uses_derivative(e->kid[i])) return true;
    for (int i = 0; i < e->n_args; i++) if (uses_derivative(e->args[i].value)) return true;
    return false;
}

static bool block_uses_derivative(const Block *block)
{
    for (int i = 0; i < block->n; i++)
        if (uses_derivative(block->at[i]->value) || block_uses_derivative(&block->at[i]->block)) return true;
    return false;
}

/* Whether the text calls the function of that name. */
static bool calls(const Expr *e, const char *name)
{
    if (!e) return false;
    if (e->kind == EXPR_CALL && e->kid[0]->kind == EXPR_NAME && !strcmp(e->kid[0]->name.text, name)) return true;
    for (int i = 0; i < 3; i++) if (calls(e->kid[i], name)) return true;
    for (int i = 0; i < e->n_args; i++) if (calls(e->args[i].value, name)) return true;
    return false;
}

static bool block_calls(const Block *block, const char *name)
{
    for (int i = 0; i < block->n; i++)
        if (calls(block->at[i]->value, name) || block_calls(&block->at[i]->block, name)) return true;
    return false;
}

static bool is_builtin(const Closure *solver, const char *name) { return solver->kind == CLOSURE_BUILTIN && !strcmp(solver->name, name); }

static bool serves_only(Inference *x, const Closure *solver, InferKind kind, const char *other)
{
    if (x->infer->kind == kind) return true;
    Diagnostic *d = complain(x->b, "E0360", x->infer->by->span, "%s serves %s, but this is %s", solver->name, kind_word[kind], kind_word[x->infer->kind]);
    diag_help(d, "%s; exact() and chain() serve both, on smaller domains and on sequences", other);
    return false;
}

static bool solver_serves(Inference *x, const Closure *solver)
{
    Builder *b = x->b;
    Span by = x->infer->by->span;
    if (x->infer->kind == INFER_MARGINAL || x->infer->kind == INFER_EXPECTATION) {
        Diagnostic *d = complain(b, "E0360", by, "%s needs a solver that sums out, but %s searches or samples", kind_word[x->infer->kind], solver->name);
        diag_help(d, "exact() sums over finite domains");
        return false;
    }
    if (x->infer->kind == INFER_ARGMAX) {
        Diagnostic *d = complain(b, "E0360", by, "%s finds low energy", solver->name);
        diag_help(d, "write argmin of the negated value, or argmax .. by exact() on a finite domain");
        return false;
    }
    if (is_builtin(solver, "gibbs")) return serves_only(x, solver, INFER_SAMPLE, "argmin .. by annealed_gibbs(..) searches");
    if (is_builtin(solver, "annealed_gibbs")) return serves_only(x, solver, INFER_ARGMIN, "gibbs(..) samples");
    if (solver->kind != CLOSURE_DEF || solver->def->kind != DEF_SOLVER) {
        Diagnostic *d = complain(b, "E0360", by, "`by` needs a solver, but this is the %s %s", solver->kind == CLOSURE_DEF ? def_kind_name(solver->def->kind) : "function", solver->name);
        diag_help(d, "solvers are exact(), langevin(..), descent(..) and those you define with `solver`");
        return false;
    }
    for (int i = 0; i < x->n; i++) {
        Binder *v = &x->at[i];
        if ((v->domain.kind == CLASS_WHOLE || v->domain.kind == CLASS_SPIN) && block_uses_derivative(&solver->def->block)) {
            Diagnostic *d = complain(b, "E0360", by, "%s needs a gradient, but %s takes %s values", solver->name, v->name.text,
                                     v->domain.kind == CLASS_SPIN ? "spin" : "whole");
            diag_help(d, "exact() serves finite domains");
            return false;
        }
    }
    return true;
}

/* The starting point of each binder, with the frame axes in hiding. */
static bool starting_points(Inference *x, Value *from, Shape items, Value **v)
{
    Builder *b = x->b;
    for (int i = 0; i < x->n; i++) {
        Binder *k = &x->at[i];
        Value *f = from->kind == VALUE_BUNDLE ? (i < from->n_items ? from->items[i] : b->none) : from;
        if (from->kind == VALUE_ZEROS || k->fresh) {
            if (!k->has_shape) {
                Diagnostic *d = complain(b, "E0363", k->name.span, "the shape of %s is not known, so it cannot start from zeros", k->name.text);
                diag_help(d, "write the shape: from zeros([..])");
                return false;
            }
            v[i] = array(b, graph_const(b->g, 0), k->shape);
        } else if (f->kind != VALUE_ARRAY) {
            if (f->kind != VALUE_NONE) complain(b, "E0365", x->infer->from->span, "a starting point must be an array, but this is %s", value_text(b, f));
            return false;
        } else {
            int rank = k->has_shape ? k->shape.n : f->shape.n, extra = f->shape.n - rank;
            Shape mine = { 0 }, own = { 0 };
            for (int q = 0; q < extra; q++) { mine.at[mine.n++] = f->shape.at[q]; own.at[own.n++] = items.at[items.n - extra + q]; }
            v[i] = hide(b, f, mine, own);
            if (k->has_shape && !same_sizes(&v[i]->shape, &k->shape)) {
                Diagnostic *d = complain(b, "E0304", x->infer->from->span, "the starting point of %s has shape %s, but %s is %s", k->name.text, shape_text(b, f->shape), k->name.text,
                                         shape_text(b, k->shape));
                diag_note(d, k->where, "%s gets its shape here", k->name.text);
                return false;
            }
        }
        if (k->typed && !k->fresh && f->kind == VALUE_ARRAY && !domain_fits(b, k->domain, v[i], k->name.text, x->infer->from->span)) return false;
        Value *typed = ARENA_NEW(b->arena, Value);
        *typed = *v[i];
        typed->domain = k->typed ? k->domain : (Domain){ 0 };   /* where nothing is declared, a solver walks over the reals */
        v[i] = typed;
    }
    return true;
}

static Value *with_implicit(Inference *x, Closure *energy, Value **v)
{
    Builder *b = x->b;
    Value *e = energy_at(x, energy, v);
    if (e->kind == VALUE_NONE) return e;
    Node *wrt[MAX_BINDERS], *g[MAX_BINDERS], *seed = graph_spread(b->g, graph_const(b->g, 1), e->node->axes);
    for (int i = 0; i < x->n; i++) wrt[i] = v[i]->node;
    grad_reverse(b->g, &e->node, &seed, 1, wrt, x->n, g);
    Value *out[MAX_BINDERS];
    for (int i = 0; i < x->n; i++) {
        if (!g[i]) {
            complain(b, "E0366", x->infer->through.span, "the energy does not depend on %s differentiably, so it has no implicit derivative", x->at[i].name.text);
            return b->none;
        }
        out[i] = array(b, graph_implicit(b->g, v[i]->node, g[i]), v[i]->shape);
    }
    return together(b, out, x->n);
}

static Value *all_observed(Builder *b, const Closure *energy, Value *r)
{
    if (r->kind != VALUE_BUNDLE) return with_observed(b, energy, r);
    Value *all[MAX_BINDERS];
    for (int i = 0; i < r->n_items; i++) all[i] = with_observed(b, energy, r->items[i]);
    return together(b, all, r->n_items);
}

/* What the solver recorded, as constants, becomes part of what was found: of the whole, and of each name. */
static Value *with_reached(Builder *b, Value *found, const Field *reached)
{
    if (!reached || found->kind == VALUE_NONE) return found;
    Field *fields = NULL;
    for (const Field *f = reached; f; f = f->next) {
        Value *v = f->value;
        if (v->kind == VALUE_ARRAY) v = array(b, graph_stop(b->g, v->node), v->shape);
        field_add(b, &fields, f->name, v);
    }
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *found;
    r->fields = fields;
    if (r->kind != VALUE_BUNDLE) return r;
    r->items = ARENA_ARRAY(b->arena, Value *, r->n_items);
    for (int i = 0; i < r->n_items; i++) r->items[i] = with_reached(b, found->items[i], reached);
    return r;
}

/* What is given stands in its places whenever the energy is asked, and in the result: no solver need know of it. */
static Value *solve(Inference *x, Closure *solver, Value *from, Shape items)
{
    Builder *b = x->b;
    Value *v[MAX_BINDERS] = { NULL };
    if (!starting_points(x, from, items, v)) return b->none;
    if (is_builtin(solver, "gibbs")) return solve_gibbs(x, solver, v, items);
    if (is_builtin(solver, "annealed_gibbs")) return solve_annealed_gibbs(x, solver, v, items);
    Closure *energy = energy_closure(x, x->infer->of, items);
    energy->mask = b->at.clamp_mask;
    energy->observed = b->at.clamp_value;
    b->at.clamp_mask = b->at.clamp_value = NULL;
    for (int i = 0; i < x->n; i++) v[i] = with_observed(b, energy, v[i]);
    Value *operands[2] = { function_value(b, energy), together(b, v, x->n) };
    const Signature *s = operands_of(solver);
    if (!s || s->n != 2) {
        complain(b, "E0367", x->infer->by->span, "a solver used for inference takes two operands, (E, x: [..S]), but %s does not", solver->name);
        return b->none;
    }
    if (block_calls(&solver->def->block, "prox")) {
        const Name *through = &x->infer->through;
        if (through->text && !strcmp(through->text, "implicit")) {
            Diagnostic *d = complain(b, "E0366", through->span, "%s finds minima at corners, where the energy has no derivative to be 0", solver->name);
            diag_help(d, "write through unroll");
            return b->none;
        }
        if (!prox_serves(b, energy, operands[1], x->at[0].domain, solver->name, x->infer->by->span)) return b->none;
    }
    uint64_t chain = b->at.chain;
    b->at.chain = mix_hash(chain, x->at[0].name.text, (uint64_t)turn_of(b, x->e));
    Value *r = apply_values(b, solver, operands, 2, x->infer->by->span);
    b->at.chain = chain;
    if (r->kind == VALUE_NONE) return r;
    const char *through = x->infer->through.text;
    if (through && !strcmp(through, "unroll")) return with_reached(b, all_observed(b, energy, r), r->fields);
    Value *out[MAX_BINDERS];
    int n = r->kind == VALUE_BUNDLE ? r->n_items : 1;
    for (int i = 0; i < n; i++) {
        Value *one = r->kind == VALUE_BUNDLE ? r->items[i] : r;
        out[i] = ARENA_NEW(b->arena, Value);
        *out[i] = *one;
        out[i]->node = graph_stop(b->g, one->node);
        if (b->at.train && x->infer->kind == INFER_SAMPLE) note_sampled(b, out[i]->node);
    }
    Value *found = through && !strcmp(through, "implicit") ? with_implicit(x, energy, out) : together(b, out, n);
    return found->kind == VALUE_NONE ? found : with_reached(b, all_observed(b, energy, found), r->fields);
}

/* ---- the expression ---- */

static bool check_through(Inference *x)
{
    const Name *t = &x->infer->through;
    if (!t->text || !strcmp(t->text, "unroll") || !strcmp(t->text, "implicit")) return true;
    static const char *const ways[] = { "unroll", "implicit" };
    Diagnostic *d = complain(x->b, "E0366", t->span, "`through` takes unroll or implicit, not %s", t->text);
    const char *near = nearest_name(t->text, ways, 2);
    if (near) diag_help(d, "did you mean `%s`?", near);
    return false;
}

/* The frame of the whole: the starting point's further axes, which must end in those of the other arguments. */
static bool whole_frame(Inference *x, Value *from, Shape *frame)
{
    *frame = x->frame;
    Value *f = from && from->kind == VALUE_BUNDLE && from->n_items ? from->items[0] : from;
    if (!f || f->kind != VALUE_ARRAY || !x->at[0].has_shape) {
        if (f && f->kind == VALUE_ARRAY && !x->at[0].has_shape && x->at[0].type) {
            int rank;
            bool rest;
            if (type_rank(x->at[0].type, &rank, &rest) && f->shape.n >= rank) {
                Shape own = { 0 };
                for (int i = f->shape.n - rank; i < f->shape.n; i++) own.at[own.n++] = f->shape.at[i];
                x->at[0].shape = shape_refresh(own);
                x->at[0].has_shape = true;
                return whole_frame(x, from, frame);
            }
        }
        return true;
    }
    int extra = f->shape.n - x->at[0].shape.n;
    if (extra < 0) {
        complain(x->b, "E0304", x->infer->from->span, "the starting point of %s has shape %s, but %s is %s", x->at[0].name.text, shape_text(x->b, f->shape), x->at[0].name.text,
                 shape_text(x->b, x->at[0].shape));
        return false;
    }
    if (!extra) return true;
    Shape chains = { 0 };
    for (int i = 0; i < extra; i++) chains.at[chains.n++] = f->shape.at[i];
    for (int i = 1; i <= x->frame.n; i++) {
        if (extra >= i && axis_size(chains.at[extra - i]) == axis_size(x->frame.at[x->frame.n - i])) continue;
        Diagnostic *d = complain(x->b, "E0308", x->infer->from->span, "the starting point has chains %s, but the other arguments have items %s", shape_text(x->b, chains), shape_text(x->b, x->frame));
        diag_note(d, x->frame_at, "these items");
        return false;
    }
    *frame = chains;
    return true;
}

static bool set_given(Inference *x, Shape items)
{
    Builder *b = x->b;
    if (!x->infer->given.n) return true;
    if (x->infer->given.n != 2) { complain(b, "E0368", x->e->span, "given takes a mask and values"); return false; }
    Value *v[2];
    for (int i = 0; i < 2; i++) {
        v[i] = eval(b, x->scope, x->infer->given.at[i]);
        if (v[i]->kind != VALUE_ARRAY) {
            if (v[i]->kind != VALUE_NONE) complain(b, "E0368", x->infer->given.at[i]->span, "given takes arrays, but this is %s", value_text(b, v[i]));
            return false;
        }
        int extra = x->at[0].has_shape ? v[i]->shape.n - x->at[0].shape.n : 0;
        if (extra > 0 && extra <= items.n) {
            Shape mine = { 0 }, own = { 0 };
            for (int q = 0; q < extra; q++) { mine.at[mine.n++] = v[i]->shape.at[q]; own.at[own.n++] = items.at[items.n - extra + q]; }
            v[i] = hide(b, v[i], mine, own);
        }
    }
    for (int i = 0; i < 2; i++) {
        bool fits = !v[i]->shape.n;
        for (int k = 0; k < x->n; k++) fits |= !x->at[k].has_shape || same_sizes(&v[i]->shape, &x->at[k].shape);
        if (fits) continue;
        Diagnostic *d = complain(b, "E0368", x->infer->given.at[i]->span, "what is given has shape %s, but %s is %s", shape_text(b, v[i]->shape), x->at[0].name.text, shape_text(b, x->at[0].shape));
        if (x->at[0].where.source) diag_note(d, x->at[0].where, "%s gets its shape here", x->at[0].name.text);
        return false;
    }
    b->at.clamp_mask = v[0];
    b->at.clamp_value = v[1];
    return true;
}

static Value *infer(Builder *b, Scope *scope, const Expr *e)
{
    const Infer *infer = e->infer;
    Inference x = { .b = b, .scope = scope, .e = e, .infer = infer };
    for (int i = 0; i < infer->names.n && i < MAX_BINDERS; i++) x.at[x.n++] = (Binder){ .name = infer->names.at[i] };
    if (!infer->by) {
        Diagnostic *d = complain(b, "E0369", e->span, "%s needs to know how: `by` is missing", kind_word[infer->kind]);
        diag_help(d, "by exact() for finite domains, by descent(..) or langevin(..) for reals");
        return b->none;
    }
    if (!check_through(&x)) return b->none;
    collect(&x, infer->under ? infer->under : infer->of);
    if (infer->under) collect(&x, infer->of);
    Value *solver = eval(b, scope, infer->by), *from = infer->from ? eval(b, scope, infer->from) : NULL;
    if (x.failed || solver->kind == VALUE_NONE || (from && from->kind == VALUE_NONE)) return b->none;
    if (solver->kind != VALUE_FUNCTION) {
        complain(b, "E0360", infer->by->span, "`by` needs a solver, but this is %s", value_text(b, solver));
        return b->none;
    }
    Shape frame;
    if (!whole_frame(&x, from, &frame)) return b->none;
    bool exact = is_builtin(solver->fn, "exact"), chain = is_builtin(solver->fn, "chain");
    if (!exact && !chain && !solver_serves(&x, solver->fn)) return b->none;
    if (!exact && !chain && !from) {
        Diagnostic *d = complain(b, "E0365", e->span, "%s needs a starting point: `from` is missing", solver->fn->name);
        diag_help(d, "from zeros, or from an array of the right shape");
        return b->none;
    }
    Context before = b->at;
    Shape items = { 0 };
    for (int i = 0; i < frame.n; i++) {
        Axis a = hidden_axis(b, axis_size(frame.at[i]), ITEM_AXIS);
        b->at.hidden = axes_with(b->at.hidden, a);
        items.at[items.n++] = a;
    }
    Value *r = set_given(&x, items) ? exact ? solve_exact(&x, items) : chain ? solve_chain(&x, items) : solve(&x, solver->fn, from, items) : b->none;
    b->at = before;
    graph_set_origin(b->g, b->at.origin);
    r = unhide(b, r, items, frame);
    if (r->kind == VALUE_BUNDLE && infer->names.n < r->n_items) {
        if (infer->names.n == 1) return r->items[0];
        Value *cut = ARENA_NEW(b->arena, Value);
        *cut = *r;
        cut->n_items = infer->names.n;
        return cut;
    }
    return r;
}

/* What is searched or sampled is that of nets that stand still; a marginal and an expectation are parts of the losses they stand in. */
Value *eval_inference(Builder *b, Scope *scope, const Expr *e)
{
    bool still = b->at.still;
    b->at.still |= e->infer->kind != INFER_MARGINAL && e->infer->kind != INFER_EXPECTATION;
    Value *v = infer(b, scope, e);
    b->at.still = still;
    return v;
}

/* infer.c: inference as an expression: argmin, argmax, sample, marginal, expectation.
 *
 * The energy becomes a function of the bound names alone.  Axes that the starting point or the other arguments have beyond the declared
 * shapes are chains or items: they go into hiding, the solver works on one of them, and they come back in front of the result. */
#include <math.h>
#include <string.h>
#include "lang/graph/infer.h"
#include "lang/grad/grad.h"

const char *infer_word(InferKind kind)
{
    static const char *const word[] = { "argmin", "argmax", "sample", "marginal", "expectation" };
    return word[kind];
}

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

/* Where the types of a call's operands are read: its settings are known, and the sizes that its other arguments have. */
static Scope *scope_of_types(Builder *b, Closure *c)
{
    Scope *scope = scope_new(b, c->scope);
    if (c->kind == CLOSURE_DEF) bind_settings(b, c, scope);
    return scope;
}

static void declare(Inference *x, Binder *v, const Type *type, Closure *owner, Scope *scope, Span where)
{
    Builder *b = x->b;
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

/* What is sought is declared by the parameter it is passed to. */
static void collect_sought(Inference *x, Closure *c, Scope *scope, const Param *p, const Expr *arg)
{
    if (arg->kind != EXPR_NAME) return;
    Binder *v = find_binder(x, arg->name.text);
    if (!v && p->latent && x->infer->kind == INFER_SAMPLE && !lookup(x->scope, arg->name.text) && x->n < MAX_BINDERS) {
        v = &x->at[x->n++];
        *v = (Binder){ .name = arg->name, .fresh = true };
    }
    if (v && p->type && !p->type->like.text) declare(x, v, p->type, c, scope, arg->span);
}

/* The others bring sizes and a frame. */
static void collect_given(Inference *x, Scope *scope, const Param *p, const Expr *arg)
{
    bool latent = arg->kind == EXPR_NAME && p->latent && x->infer->kind == INFER_SAMPLE && !lookup(x->scope, arg->name.text);
    if (latent || mentions_binder(x, arg) || !p->type || p->type->like.text) return;
    Value *a = eval(x->b, x->scope, arg);
    if (a->kind != VALUE_ARRAY) { x->failed |= a->kind == VALUE_NONE; return; }
    int rank;
    bool rest;
    Shape frame = { 0 };
    if (!type_rank(p->type, &rank, &rest)) return;
    Value own = *a;
    own.shape.n = 0;
    for (int i = 0; i < a->shape.n; i++) {
        Shape *to = i < a->shape.n - rank && !rest ? &frame : &own.shape;
        to->at[to->n++] = a->shape.at[i];
    }
    if (own.shape.n >= rank) solve_sizes(x->b, scope, p->type, &own);
    if (!rest) add_frame(x, &frame, arg->span);
}

/* In a solver, the energy it was given is asked: its names keep their shapes and domains. */
static void collect_of_inference(Inference *x, const Closure *c, const Expr *e)
{
    const Inference *outer = c->inference;
    for (int i = 0; i < e->n_args && i < outer->n; i++) {
        const Expr *arg = e->args[i].value;
        Binder *v = arg->kind == EXPR_NAME ? find_binder(x, arg->name.text) : NULL;
        const Binder *known = &outer->at[i];
        if (!v || v->typed || (e->n_args == 1 && outer->n > 1)) continue;
        v->typed = known->typed;
        v->domain = known->domain;
        v->has_shape = known->has_shape;
        v->shape = known->shape;
        v->where = arg->span;
    }
}

static void collect_call(Inference *x, const Expr *e)
{
    Closure *c = callee_of(x, e->kid[0]);
    if (c && c->kind == CLOSURE_INFER) { collect_of_inference(x, c, e); return; }
    const Signature *s = c ? operands_of(c) : NULL;
    bool settings = c && c->kind == CLOSURE_DEF && c->def->n_signatures == 2 && !c->configured;   /* f(settings) of f(settings)(x) */
    if (!s || settings) return;
    Scope *scope = scope_of_types(x->b, c);
    int to[MAX_ARGS], seen = 0, late = 0;
    for (int i = 0; i < s->n && !s->at[i].latent; i++) late = i + 1;
    for (int i = 0; i < e->n_args && i < MAX_ARGS; i++) {
        to[i] = e->args[i].latent ? late++ : seen++;
        if (e->args[i].name.text) for (int k = 0; k < s->n; k++) if (!strcmp(s->at[k].name.text, e->args[i].name.text)) to[i] = k;
        if (to[i] < s->n) collect_given(x, scope, &s->at[to[i]], e->args[i].value);
    }
    for (int i = 0; i < e->n_args && i < MAX_ARGS; i++) if (to[i] < s->n) collect_sought(x, c, scope, &s->at[to[i]], e->args[i].value);
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
        if (s && s->n) collect_sought(x, c, scope_of_types(x->b, c), &s->at[0], e->kid[0]);
    }
    for (int i = 0; i < 3; i++) if (!(i == 0 && e->kind == EXPR_CALL && e->kid[0]->kind == EXPR_NAME)) collect(x, e->kid[i]);
    for (int i = 0; i < e->list.n; i++) collect(x, e->list.at[i]);
    for (int i = 0; i < e->n_args; i++) collect(x, e->args[i].value);
}

/* ---- the energy as a function of the bound names ---- */

Closure *energy_closure(Inference *x, const Expr *of, Shape items)
{
    Builder *b = x->b;
    if (x->energy) return x->energy;
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
    Inference *copy = ARENA_NEW(b->arena, Inference);
    *copy = *x;
    c->inference = copy;
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
        Diagnostic *d = complain(x->b, "E0362", c->span, "%s needs one number for each configuration, but this is %s", infer_word(x->infer->kind), value_text(x->b, e));
        diag_help(d, "other arguments may have further leading axes only if the bound names' axes go with them");
        return x->b->none;
    }
    return e;
}

/* Where the starting point of a binder is written. */
static Span start_span(const Inference *x, int i)
{
    const Exprs *from = &x->infer->from;
    return from->n ? from->at[i < from->n ? i : 0]->span : x->e->span;
}

/* The starting point of a binder, of several or one for all; null: there is none. */
static Value *start_of(Inference *x, Value *from, int i)
{
    if (from->kind != VALUE_BUNDLE) return from;
    return i < from->n_items ? from->items[i] : x->b->none;
}

/* The frame's axes in hiding; null after a report. */
static Value *start_inside(Inference *x, int i, Value *f, Shape items)
{
    Builder *b = x->b;
    const Binder *k = &x->at[i];
    int extra = k->has_shape ? f->shape.n - k->shape.n : 0;
    Shape mine = { 0 }, own = { 0 };
    for (int q = 0; q < extra; q++) { mine.at[mine.n++] = f->shape.at[q]; own.at[own.n++] = items.at[items.n - extra + q]; }
    Value *v = hide(b, f, mine, own);
    if (!k->has_shape || same_sizes(&v->shape, &k->shape)) return v;
    Diagnostic *d = complain(b, "E0304", start_span(x, i), "the starting point of %s has shape %s, but %s is %s", k->name.text, shape_text(b, f->shape), k->name.text, shape_text(b, k->shape));
    diag_note(d, k->where, "%s gets its shape here", k->name.text);
    return NULL;
}

/* The starting point of each binder, with the frame axes in hiding. */
static bool starting_points(Inference *x, Value *from, Shape items, Value **v)
{
    Builder *b = x->b;
    for (int i = 0; i < x->n; i++) {
        Binder *k = &x->at[i];
        Value *f = start_of(x, from, i);
        if (f->kind == VALUE_ZEROS || k->fresh) {
            if (!k->has_shape) {
                Diagnostic *d = complain(b, "E0363", k->name.span, "the shape of %s is not known, so it cannot start from zeros", k->name.text);
                diag_help(d, "write the shape: from zeros([..])");
                return false;
            }
            v[i] = array(b, graph_const(b->g, 0), k->shape);
        } else if (f->kind != VALUE_ARRAY) {
            if (f->kind != VALUE_NONE) complain(b, "E0365", start_span(x, i), "a starting point must be an array, but this is %s", value_text(b, f));
            return false;
        } else if (!(v[i] = start_inside(x, i, f, items))) return false;
        if (k->typed && !k->fresh && f->kind == VALUE_ARRAY && !domain_fits(b, k->domain, v[i], k->name.text, start_span(x, i))) return false;
        Value *typed = ARENA_NEW(b->arena, Value);
        *typed = *v[i];
        typed->domain = k->typed ? k->domain : (Domain){ 0 };   /* where nothing is declared, a solver walks over the reals */
        v[i] = typed;
    }
    return true;
}

/* As a constant; of an array for each name, that of name number k. */
static Value *recorded_value(Builder *b, Value *v, int k)
{
    if (v->kind == VALUE_BUNDLE && k >= 0 && k < v->n_items) v = v->items[k];
    return v->kind == VALUE_ARRAY ? array(b, graph_stop(b->g, v->node), v->shape) : v;
}

/* What the solver recorded becomes part of what was found: of the whole (k < 0), or of name number k. */
static Value *with_reached_by(Builder *b, Value *found, const Field *reached, int k)
{
    if (!reached || found->kind == VALUE_NONE) return found;
    Field *fields = NULL;
    for (const Field *f = reached; f; f = f->next) field_add(b, &fields, f->name, recorded_value(b, f->value, k));
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *found;
    r->fields = fields;
    if (r->kind != VALUE_BUNDLE) return r;
    r->items = ARENA_ARRAY(b->arena, Value *, r->n_items);
    for (int i = 0; i < r->n_items; i++) r->items[i] = with_reached_by(b, found->items[i], reached, i);
    return r;
}

static Value *with_reached(Builder *b, Value *found, const Field *reached) { return with_reached_by(b, found, reached, -1); }

/* What is given stands in its places whenever the energy is asked, and in the result: no solver need know of it. */
static Value *solve(Inference *x, Closure *solver, Value *from, Shape items)
{
    Builder *b = x->b;
    Value *v[MAX_BINDERS] = { NULL };
    if (!starting_points(x, from, items, v)) return b->none;
    if (is_solver(solver, "gibbs")) return solve_gibbs(x, solver, v, items);
    if (is_solver(solver, "icm")) return solve_icm(x, solver, v, items);
    if (is_solver(solver, "alternate")) return solve_alternate(x, solver, v, items);
    if (is_solver(solver, "annealed_gibbs")) return solve_annealed_gibbs(x, solver, v, items);
    Closure *energy = energy_closure(x, x->infer->of, items);
    const Given *given = energy->given = b->at.given;
    b->at.given = NULL;
    for (int i = 0; i < x->n; i++) v[i] = with_observed(b, given, i, v[i], energy->span);
    Value *operands[2] = { function_value(b, energy), together(b, v, x->n) };
    const Signature *s = operands_of(solver);
    if (!s || s->n != 2) {
        complain(b, "E0367", x->infer->by->span, "a solver used for inference takes two operands, (E, x: [..S]), but %s does not", solver->name);
        return b->none;
    }
    bool by_prox = text_takes_prox(b, &solver->def->block);
    if (by_prox && !prox_serves(b, energy, operands[1], solver->name, x->infer->by->span)) return b->none;
    uint64_t chain = b->at.chain;
    b->at.chain = mix_hash(chain, x->at[0].name.text, (uint64_t)turn_of(b, x->e));
    Value *r = apply_values(b, solver, operands, 2, x->infer->by->span);
    b->at.chain = chain;
    if (r->kind == VALUE_NONE) return r;
    const char *through = x->infer->through.text;
    if (through && !strcmp(through, "unroll")) return with_reached(b, all_observed(b, given, r, energy->span), r->fields);
    Value *out[MAX_BINDERS];
    int n = r->kind == VALUE_BUNDLE ? r->n_items : 1;
    for (int i = 0; i < n; i++) {
        Value *one = r->kind == VALUE_BUNDLE ? r->items[i] : r;
        out[i] = ARENA_NEW(b->arena, Value);
        *out[i] = *one;
        out[i]->node = graph_stop(b->g, one->node);
        if (b->at.train && x->infer->kind == INFER_SAMPLE) note_sampled(b, out[i]->node);
    }
    Value *found = through && !strcmp(through, "implicit") ? with_implicit(x, energy, out, by_prox) : together(b, out, n);
    return found->kind == VALUE_NONE ? found : with_reached(b, all_observed(b, given, found, energy->span), r->fields);
}

Value *solve_by(Inference *x, Closure *solver, Value *from, Shape items)
{
    if (is_solver(solver, "exact")) return solve_exact(x, items);
    return is_solver(solver, "chain") ? solve_chain(x, solver, items) : solve(x, solver, from, items);
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

/* A shape that only the starting point knows: its last axes. */
static void shape_from_start(Binder *v, const Value *f)
{
    int rank;
    bool rest;
    if (v->has_shape || !v->type || !type_rank(v->type, &rank, &rest) || f->shape.n < rank) return;
    Shape own = { 0 };
    for (int i = f->shape.n - rank; i < f->shape.n; i++) own.at[own.n++] = f->shape.at[i];
    v->shape = shape_refresh(own);
    v->has_shape = true;
}

/* Whether the last axes of the longer of two frames are those of the other one. */
static bool frames_agree(const Shape *x, const Shape *y)
{
    for (int i = 1; i <= x->n && i <= y->n; i++) if (axis_size(x->at[x->n - i]) != axis_size(y->at[y->n - i])) return false;
    return true;
}

/* Whether the frame of one starting point fits that of the whole, which becomes the longer of the two. */
static bool add_chains(Inference *x, int i, const Value *f, Shape *frame)
{
    Builder *b = x->b;
    Binder *v = &x->at[i];
    shape_from_start(v, f);
    if (!v->has_shape) return true;
    int extra = f->shape.n - v->shape.n;
    if (extra < 0) {
        complain(b, "E0304", start_span(x, i), "the starting point of %s has shape %s, but %s is %s", v->name.text, shape_text(b, f->shape), v->name.text, shape_text(b, v->shape));
        return false;
    }
    Shape chains = { 0 };
    for (int k = 0; k < extra; k++) chains.at[chains.n++] = f->shape.at[k];
    if (!extra) return true;
    if (!frames_agree(&chains, frame) || chains.n < x->frame.n) {
        bool items = x->frame.n && (!frames_agree(&chains, &x->frame) || chains.n < x->frame.n);
        Diagnostic *d = complain(b, "E0308", start_span(x, i), "the starting point has chains %s, but %s %s", shape_text(b, chains), items ? "the other arguments have items" : "others have",
                                 shape_text(b, items ? x->frame : *frame));
        if (items) diag_note(d, x->frame_at, "these items");
        return false;
    }
    if (chains.n > frame->n) *frame = chains;
    return true;
}

/* The frame of the whole: the starting points' further axes, which must end in those of the other arguments. */
static bool whole_frame(Inference *x, Value *from, Shape *frame)
{
    *frame = x->frame;
    for (int i = 0; from && i < x->n; i++) {
        Value *f = x->at[i].fresh ? x->b->none : start_of(x, from, i);
        if (f->kind == VALUE_ARRAY && (from->kind == VALUE_BUNDLE || !i) && !add_chains(x, i, f, frame)) return false;
    }
    return true;
}

/* The value of the clause; null: there is none. */
static Value *starting_value(Inference *x)
{
    Builder *b = x->b;
    const Exprs *from = &x->infer->from;
    if (!from->n) return NULL;
    if (from->n == 1) return eval(b, x->scope, from->at[0]);
    if (from->n != x->infer->names.n) {
        Diagnostic *d = complain(b, "E0365", start_span(x, 0), "%d starting points are given, but %d names are sought", from->n, x->infer->names.n);
        diag_help(d, "one for each name, in their order, or from zeros");
        return b->none;
    }
    Value *v[MAX_BINDERS];
    for (int i = 0; i < from->n; i++) {
        v[i] = eval(b, x->scope, from->at[i]);
        if (v[i]->kind == VALUE_NONE) return v[i];
    }
    return together(b, v, from->n);
}

static Value *infer(Builder *b, Scope *scope, const Expr *e)
{
    const Infer *infer = e->infer;
    Inference x = { .b = b, .scope = scope, .e = e, .infer = infer };
    if (infer->names.n > MAX_BINDERS) {
        complain(b, "E0342", e->span, "%d names are sought; %d is the most", infer->names.n, MAX_BINDERS);
        return b->none;
    }
    for (int i = 0; i < infer->names.n; i++) x.at[x.n++] = (Binder){ .name = infer->names.at[i] };
    if (!infer->by) {
        Diagnostic *d = complain(b, "E0369", e->span, "%s needs to know how: `by` is missing", infer_word(infer->kind));
        diag_help(d, "by exact() for finite domains, by descent(..) or langevin(..) for reals");
        return b->none;
    }
    if (!check_through(&x)) return b->none;
    collect(&x, infer->under ? infer->under : infer->of);
    if (infer->under) collect(&x, infer->of);
    Value *solver = eval(b, scope, infer->by), *from = starting_value(&x);
    if (x.failed || solver->kind == VALUE_NONE || (from && from->kind == VALUE_NONE)) return b->none;
    if (solver->kind != VALUE_FUNCTION) {
        complain(b, "E0360", infer->by->span, "`by` needs a solver, but this is %s", value_text(b, solver));
        return b->none;
    }
    Shape frame;
    if (!whole_frame(&x, from, &frame)) return b->none;
    bool exact = is_solver(solver->fn, "exact"), chain = is_solver(solver->fn, "chain");
    if (!exact && !chain && !solver_serves(&x, solver->fn)) return b->none;
    if (!exact && !chain && !from) {
        Diagnostic *d = complain(b, "E0365", e->span, "%s needs a starting point: `from` is missing", solver->fn->name);
        diag_help(d, "from zeros, or from an array of the right shape");
        return b->none;
    }
    Context before = b->at;
    b->at.given = NULL;
    Shape items = { 0 };
    for (int i = 0; i < frame.n; i++) {
        Axis a = hidden_axis(b, axis_size(frame.at[i]), ITEM_AXIS);
        b->at.hidden = axes_with(b->at.hidden, a);
        items.at[items.n++] = a;
    }
    Value *r = set_given(&x, items) ? solve_by(&x, solver->fn, from, items) : b->none;
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

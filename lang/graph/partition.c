/* partition.c: the sum of exp(-E) over all configurations of an energy's arguments: exactly, and by annealed importance sampling (Neal 2001) from either
 * end, of which the text of the library makes bounds and bridges. */
#include <math.h>
#include <string.h>
#include "lang/graph/sweep.h"

/* ---- an energy's arguments as what is sought ---- */

typedef struct Whole { Expr by, e; Infer infer; Inference x; } Whole;

static bool declare_argument(Inference *x, Closure *owner, Scope *scope, const Param *p)
{
    Builder *b = x->b;
    Binder *v = &x->at[x->n++];
    *v = (Binder){ .name = p->name, .typed = true, .type = p->type, .owner = owner, .where = p->name.span, .fresh = p->latent };
    if (!p->type) return true;
    int rank;
    bool rest;
    if (!eval_domain(b, scope, p->type, &v->domain)) return false;
    bool sizes = type_rank(p->type, &rank, &rest);
    for (int k = 0; k < p->type->n_dims; k++) if (p->type->dims[k].size && is_size_variable(scope, p->type->dims[k].size)) sizes = false;
    if (sizes) v->has_shape = eval_shape(b, scope, p->type, &v->shape);
    return true;
}

static const Signature *arguments_of(Closure *energy, Closure **owner)
{
    for (*owner = energy; (*owner)->kind == CLOSURE_SUM || (*owner)->kind == CLOSURE_SCALE;) *owner = (*owner)->a;
    return operands_of(*owner);
}

/* The arguments of an energy as binders; false after a report. */
static bool all_arguments(Builder *b, const char *who, Closure *energy, Span span, InferKind kind, Whole *w)
{
    *w = (Whole){ .by = { .span = span }, .e = { .span = span }, .infer = { .kind = kind } };
    w->infer.by = &w->by;
    w->infer.of = &w->e;
    w->x = (Inference){ .b = b, .e = &w->e, .infer = &w->infer, .energy = energy };
    Closure *owner;
    const Signature *s = arguments_of(energy, &owner);
    if (!s || !s->n || s->n > MAX_BINDERS) {
        complain(b, "E0367", span, "%s needs an energy of declared arguments", who);
        return false;
    }
    Scope *scope = scope_new(b, owner->scope);
    if (owner->kind == CLOSURE_DEF) bind_settings(b, owner, scope);
    bool fine = true;
    for (int i = 0; i < s->n && fine; i++) fine = declare_argument(&w->x, owner, scope, &s->at[i]);
    stand_at(b, span);          /* not in the energy's text, where its types were read */
    return fine;
}

/* ---- exactly ---- */

Value *log_partition_exact(Builder *b, Closure *energy, Span span)
{
    Whole w;
    if (!all_arguments(b, "log_partition", energy, span, INFER_MARGINAL, &w)) return b->none;
    const Given *before = b->at.given;
    b->at.given = NULL;
    Value *free = solve_exact(&w.x, shape_none());
    b->at.given = before;
    return free->kind == VALUE_ARRAY ? map_values(b, OP_neg, free, NULL, NULL, span, "-") : b->none;
}

/* ---- annealed importance sampling ---- */

static Node *constant(Sweep *s, double x) { return graph_const(s->f.b->g, x); }
static Node *map2(Sweep *s, Op op, Node *x, Node *y) { return graph_map(s->f.b->g, op, x, y, NULL); }

static double log_states(const Sweep *s)
{
    double sum = 0;
    for (int i = 0; i < s->f.n; i++) {
        Axes places = axes_of(s->f.at[i].shape);
        sum += (double)axes_count(&places) * log((double)s->f.at[i].states);
    }
    return sum;
}

/* Where chains begin that go up to exp(-E): uniform draws. */
static void start_evenly(Inference *x, Sweep *s, Node **start)
{
    for (int i = 0; i < s->f.n; i++) {
        Node *level = graph_spread(s->f.b->g, constant(s, 0), s->f.at[i].state->axes);
        start[i] = finite_drawn(&s->f, i, level, finite_luck(&s->f, i, arena_format(x->b->arena, "%s at first", x->at[i].name.text)));
    }
}

/* log of the weights of the chains that were led from `start` in the uniform distribution to exp(-E), or (backward) from exp(-E) down, where they are those of the
 * way up: log f(next) / f(here), level by level. */
static Node *log_weights(Inference *x, Sweep *s, Node *const *start, int64_t levels, Axes chains)
{
    Builder *b = x->b;
    Graph *g = b->g;
    Node *values[MAX_BINDERS];
    Loop *around = b->at.loop, *loop = b->at.loop = graph_loop_open(g, around, levels);
    open_values(s, loop, start, values);
    Node *weight = graph_carry(g, loop, graph_spread(g, constant(s, 0), chains), chains);
    Node *step = constant(s, 1 / (double)levels), *one = constant(s, 1);
    Node *level = s->backward ? map2(s, OP_sub, constant(s, (double)levels), loop->time) : map2(s, OP_add, loop->time, one);
    Node *heat = map2(s, OP_mul, level, step);
    if (s->backward) sweep(x, s, values, heat);
    Node *next = map2(s, OP_sub, weight, map2(s, OP_mul, step, energy_here(s, values)));
    if (!s->backward) sweep(x, s, values, heat);
    for (int i = 0; i < s->f.n; i++) graph_loop_next(g, loop, i, values[i]);
    graph_loop_next(g, loop, s->f.n, graph_spread(g, next, chains));
    b->at.loop = around;
    graph_loop_close(g, loop);
    return graph_result(g, loop, s->f.n);
}

/* Chains along an axis; the context stands among them. */
static Axis open_chains(Builder *b, int64_t chains, const char *key, const Expr *place)
{
    Axis axis = hidden_axis(b, chains, ITEM_AXIS);
    b->at.hidden = axes_with(b->at.hidden, axis);
    b->at.chain = mix_hash(b->at.chain, key, place ? (uint64_t)turn_of(b, place) : 0);
    b->at.given = NULL;
    return axis;
}

/* What each chain says of log Z. */
static Value *estimates(Builder *b, Sweep *s, Node *weight, Axis axis)
{
    Node *log_z = map2(s, OP_add, weight, constant(s, log_states(s)));
    int64_t n = axis_size(axis);
    Shape shape = shape_fresh(&n, 1);
    return array(b, graph_stop(b->g, graph_rename(b->g, graph_spread(b->g, log_z, axes_with(log_z->axes, axis)), axis, shape.at[0])), shape);
}

Value *ais_estimates(Builder *b, Closure *energy, const Expr *place, Span span, int64_t levels, int64_t chains)
{
    Whole w;
    if (!all_arguments(b, "ais", energy, span, INFER_MARGINAL, &w)) return b->none;
    Context before = b->at;
    Axis axis = open_chains(b, chains, "ais", place);
    Sweep s = { 0 };
    Node *start[MAX_BINDERS], *weight = NULL;
    if (prepare_sweeps(&w.x, energy, &s)) {
        start_evenly(&w.x, &s, start);
        weight = log_weights(&w.x, &s, start, levels, b->at.hidden);
    }
    b->at = before;
    graph_set_origin(b->g, b->at.origin);
    return weight ? estimates(b, &s, weight, axis) : b->none;
}

/* ---- from the other end ---- */

/* The one argument that is not latent. */
static int observed_argument(const Inference *x)
{
    int found = -1;
    for (int i = 0; i < x->n; i++) if (!x->at[i].fresh) found = found < 0 ? i : MAX_BINDERS;
    return found;
}

static bool check_samples(Whole *w, const Value *samples, Span span)
{
    Builder *b = w->x.b;
    int at = observed_argument(&w->x);
    if (at < 0 || at >= w->x.n) {
        Diagnostic *d = complain(b, "E0367", span, "reverse annealing starts from samples of one argument, but the energy has %s", at < 0 ? "none that is not latent" : "several that are not latent");
        diag_help(d, "make an energy of the others as latents, E(v; h), or sum them out first");
        return false;
    }
    Binder *v = &w->x.at[at];
    if (samples->kind != VALUE_ARRAY || samples->shape.n < 1) {
        if (samples->kind != VALUE_NONE) complain(b, "E0304", span, "samples of %s are an array [n, ..], but this is %s", v->name.text, value_text(b, samples));
        return false;
    }
    Shape own = { 0 };
    for (int i = 1; i < samples->shape.n; i++) own.at[own.n++] = samples->shape.at[i];
    if (!v->has_shape) {
        v->shape = shape_refresh(own);
        v->has_shape = true;
    }
    if (!same_sizes(&own, &v->shape)) {
        complain(b, "E0304", span, "samples of %s have shape [n, ..] with %s, but this is %s", v->name.text, shape_text(b, v->shape), shape_text(b, samples->shape));
        return false;
    }
    return domain_fits(b, v->domain, samples, v->name.text, span);
}

/* The latents from their distribution given the samples, which is at hand where they do not act on each other. */
static bool draw_latents(Whole *w, Sweep *s, Node **start, Span span)
{
    Inference *x = &w->x;
    for (int i = 0; i < x->n; i++) {
        if (!x->at[i].fresh) continue;
        bool free = !s->alone[i] && s->colors[i].colors == 1 && !s->squares[i];
        for (int k = 0; free && k < x->n; k++) free &= !x->at[k].fresh || !graph_depends(x->b->g, s->slope[i], s->f.at[k].state);
        if (!free) {
            Diagnostic *d = complain(x->b, "E0360", span, "the latents %s act on each other, so that samples of the rest say no more than their mean", x->at[i].name.text);
            diag_help(d, "sum them out first, or make them arguments and give samples of all");
            return false;
        }
        sweep_part(x, s, i, start, NULL);
    }
    return true;
}

Value *reverse_ais_estimates(Builder *b, Closure *energy, const Expr *place, Span span, Value *samples, int64_t levels)
{
    Whole w;
    if (!all_arguments(b, "reverse_ais", energy, span, INFER_MARGINAL, &w) || !check_samples(&w, samples, span)) return b->none;
    Context before = b->at;
    Axis axis = open_chains(b, axis_size(samples->shape.at[0]), "reverse ais", place);
    Sweep s = { .backward = true };
    Node *start[MAX_BINDERS], *weight = NULL;
    if (prepare_sweeps(&w.x, energy, &s)) {
        Value *v = hide(b, samples, (Shape){ 1, { samples->shape.at[0] } }, (Shape){ 1, { axis } });
        for (int i = 0; i < w.x.n; i++) {
            Node *at = w.x.at[i].fresh ? constant(&s, s.f.at[i].low) : relabel(b, v->node, v->shape, s.f.at[i].shape);
            start[i] = graph_spread(b->g, at, s.f.at[i].value->axes);
        }
        if (draw_latents(&w, &s, start, span)) weight = log_weights(&w.x, &s, start, levels, b->at.hidden);
    }
    b->at = before;
    graph_set_origin(b->g, b->at.origin);
    return weight ? estimates(b, &s, weight, axis) : b->none;
}

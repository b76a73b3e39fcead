/* implicit.c: `through implicit`: what a solver found, as a value that follows its energy by the implicit function theorem.
 *
 * All arrays that are sought are one vector, so that what one does to the other counts.  Where nothing bounds them the vector is where the
 * gradient is 0; where there are corner terms or a domain, it is where a proximal gradient step leads back to itself. */
#include "lang/graph/infer.h"
#include "lang/grad/grad.h"

/* The arrays as parts of one vector. */
typedef struct Joined {
    Builder *b;
    int n;
    Axes axes[MAX_BINDERS];     /* all that an array may vary along, its items' too */
    Shape shape[MAX_BINDERS];
    Axis line[MAX_BINDERS];     /* its places in a row; 0: a single number */
    Axis whole;
} Joined;

static void join_begin(Joined *j, Builder *b, Value **v, int n)
{
    *j = (Joined){ .b = b, .n = n };
    Axes items = { 0 };
    for (int k = 0; k < n; k++) {
        Axes own = axes_of(v[k]->shape), further = axes_minus(&v[k]->node->axes, &own);
        items = axes_union(&items, &further);
    }
    int64_t places = 0;
    for (int k = 0; k < n; k++) {
        Axes own = axes_of(v[k]->shape);
        j->shape[k] = v[k]->shape;
        j->axes[k] = axes_union(&own, &items);
        if (own.n) j->line[k] = graph_fresh_axis(b->g, axes_count(&own));
        places += axes_count(&own);
    }
    j->whole = graph_fresh_axis(b->g, places);
}

static Node *join(const Joined *j, Node *const *parts)
{
    Graph *g = j->b->g;
    if (j->n == 1) return graph_fit(g, parts[0], j->axes[0]);
    Node *in[MAX_BINDERS];
    for (int k = 0; k < j->n; k++) {
        in[k] = graph_fit(g, parts[k], j->axes[k]);
        if (j->line[k]) in[k] = graph_reshape(g, in[k], j->shape[k], (Shape){ 1, { j->line[k] } });
    }
    return graph_concat(g, in, j->line, j->n, j->whole);
}

static Node *part_of(const Joined *j, Node *whole, int k)
{
    Graph *g = j->b->g;
    if (j->n == 1) return whole;
    int64_t start = 0;
    for (int i = 0; i < k; i++) start += j->line[i] ? axis_size(j->line[i]) : 1;
    Move move = { .n = 1, .at = { { .from = j->whole, .offset = start } } };
    Axes axes = axes_without(whole->axes, j->whole);
    if (!j->line[k]) return graph_index(g, whole, &move, axes);
    move.at[0].n = 1;
    move.at[0].term[0].axis = j->line[k];
    move.at[0].term[0].coef = 1;
    return graph_reshape(g, graph_index(g, whole, &move, axes_with(axes, j->line[k])), (Shape){ 1, { j->line[k] } }, j->shape[k]);
}

/* ---- where the vector stands still ---- */

/* The derivatives of a number by the leaves; 0 where it does not depend on one. */
static void slopes(Builder *b, Node *e, Node **leaves, int n, Node **out)
{
    Node *seed = graph_spread(b->g, graph_const(b->g, 1), e->axes);
    grad_reverse(b->g, &e, &seed, 1, leaves, n, out);
}

/* One over the largest curvature, about: the length of a step whose residual has the size of the way to go. */
static Node *step_length(const Joined *j, Node **leaves, Node **slope)
{
    Graph *g = j->b->g;
    Loop *loop = graph_loop_open(g, j->b->at.loop, 10);
    Node *u[MAX_BINDERS], *h[MAX_BINDERS], *outs[MAX_BINDERS], *tangents[MAX_BINDERS], *size = NULL, *before = NULL;
    for (int k = 0; k < j->n; k++) {
        Node *place = graph_const(g, 1);
        for (int i = 0; i < j->shape[k].n; i++) place = graph_map(g, OP_add, graph_map(g, OP_mul, place, graph_const(g, 3), NULL), graph_iota(g, j->shape[k].at[i]), NULL);
        u[k] = graph_carry(g, loop, graph_map(g, OP_sin, place, NULL, NULL), j->axes[k]);
        tangents[k] = u[k];
        outs[k] = slope[k] ? slope[k] : graph_const(g, 0);
    }
    grad_forward(g, outs, j->n, leaves, tangents, j->n, h);
    for (int k = 0; k < j->n; k++) {
        h[k] = graph_spread(g, h[k] ? h[k] : graph_const(g, 0), j->axes[k]);
        Axes inner = axes_of(j->shape[k]);
        Node *hh = graph_dot(g, h[k], h[k], inner), *uu = graph_dot(g, u[k], u[k], inner);
        size = size ? graph_map(g, OP_add, size, hh, NULL) : hh;
        before = before ? graph_map(g, OP_add, before, uu, NULL) : uu;
    }
    Node *tiny = graph_const(g, 1e-30), *norm = graph_map(g, OP_sqrt, graph_map(g, OP_max, size, tiny, NULL), NULL, NULL);
    int last = 0;
    for (int k = 0; k < j->n; k++, last = k) graph_loop_next(g, loop, k, graph_map(g, OP_div, h[k], norm, NULL));
    Node *ratio = graph_map(g, OP_div, norm, graph_map(g, OP_sqrt, graph_map(g, OP_max, before, tiny, NULL), NULL, NULL), NULL);
    graph_carry(g, loop, graph_const(g, 1), ratio->axes);
    graph_loop_next(g, loop, last, ratio);
    graph_loop_close(g, loop);
    Node *curvature = graph_map(g, OP_max, graph_result(g, loop, last), graph_const(g, 1e-12), NULL);
    return graph_map(g, OP_div, graph_const(g, 1), curvature, NULL);
}

/* x - project(prox(x - s grad smooth(x))) at the leaves; null after a report. */
static bool prox_residuals(Inference *x, const Joined *j, Closure *energy, Value **at, Node **leaves, Node **residual)
{
    Builder *b = x->b;
    Graph *g = b->g;
    Span span = x->infer->through.span;
    Value *moved[MAX_BINDERS];
    Node *slope[MAX_BINDERS];
    CallArgs args = { .n = 2, .span = span };
    args.at[0].value = function_value(b, energy);
    args.at[1].value = together(b, at, j->n);
    Value *e = smooth_part(b, &args);
    if (e->kind != VALUE_ARRAY) return false;
    slopes(b, e->node, leaves, j->n, slope);
    Node *s = graph_stop(g, step_length(j, leaves, slope));
    for (int k = 0; k < j->n; k++) {
        Node *step = graph_map(g, OP_mul, s, slope[k] ? slope[k] : graph_const(g, 0), NULL);
        moved[k] = array(b, graph_spread(g, graph_map(g, OP_sub, leaves[k], step, NULL), j->axes[k]), at[k]->shape);
    }
    args.n = 3;
    args.at[1].value = together(b, moved, j->n);
    args.at[2].value = array(b, s, shape_none());
    Value *to = prox_of(b, &args);
    if (to->kind == VALUE_NONE) return false;
    for (int k = 0; k < j->n; k++) {
        Value *one = retract(b, to->kind == VALUE_BUNDLE ? to->items[k] : to, at[k]->domain);
        residual[k] = graph_map(g, OP_sub, leaves[k], one->node, NULL);
    }
    return true;
}

static bool gradient_residuals(Inference *x, const Joined *j, Closure *energy, Value **at, Node **leaves, Node **residual)
{
    Value *e = energy_at(x, energy, at);
    if (e->kind == VALUE_NONE) return false;
    slopes(x->b, e->node, leaves, j->n, residual);
    for (int k = 0; k < j->n; k++) {
        if (residual[k]) continue;
        complain(x->b, "E0366", x->infer->through.span, "the energy does not depend on %s differentiably, so it has no implicit derivative", x->at[k].name.text);
        return false;
    }
    return true;
}

/* ---- the whole ---- */

Value *with_implicit(Inference *x, Closure *energy, Value **v, bool by_prox)
{
    Builder *b = x->b;
    Graph *g = b->g;
    Joined j;
    Value *at[MAX_BINDERS];
    Node *leaves[MAX_BINDERS], *residual[MAX_BINDERS], *nodes[MAX_BINDERS], *parts[MAX_BINDERS];
    bool bounded = by_prox;
    join_begin(&j, b, v, x->n);
    for (int k = 0; k < x->n; k++) {
        nodes[k] = v[k]->node;
        leaves[k] = graph_variable(g, j.axes[k]);
        at[k] = array(b, leaves[k], v[k]->shape);
        at[k]->domain = x->at[k].typed ? x->at[k].domain : (Domain){ 0 };
        bounded |= at[k]->domain.kind != CLASS_REAL;
    }
    stand_at(b, x->infer->through.span);
    if (!(bounded ? prox_residuals : gradient_residuals)(x, &j, energy, at, leaves, residual)) return b->none;
    stand_at(b, x->infer->through.span);
    Node *z = graph_stop(g, join(&j, nodes)), *left = join(&j, residual);
    if (z->op != OP_stop) {
        complain(b, "E0366", x->infer->through.span, "what was found does not depend on the energy, so it has no implicit derivative");
        return b->none;
    }
    for (int k = 0; k < x->n; k++) parts[k] = part_of(&j, z, k);
    graph_substitute(g, &left, 1, leaves, parts, x->n);
    Node *found = graph_implicit(g, z, left, !bounded);
    Value *out[MAX_BINDERS];
    for (int k = 0; k < x->n; k++) {
        out[k] = array(b, part_of(&j, found, k), v[k]->shape);
        out[k]->domain = v[k]->domain;
    }
    return together(b, out, x->n);
}

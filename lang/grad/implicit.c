/* implicit.c: the derivative of a minimizer z(p) of an energy, by the implicit function theorem.
 *
 * At the minimum the residual f(z, p) is 0, so A dz + (df/dp) dp = 0 with A = df/dz.  Where f is the gradient of the energy, A is its
 * Hessian, which is symmetric; where f is z less one step of a proximal method, it is not.  Both modes need one solution of A w = u or
 * A'w = u, found by conjugate gradients, item by item: on the system itself, or on its normal equations A'A w = A'u. */
#include "lang/grad/grad_inner.h"

/* The residual as a function of the implicit node itself instead of its value alone, so that what is made of it differentiates again. */
static Node *residual_of(Graph *g, Node *n)
{
    Node *residual = n->in[1];
    graph_substitute(g, &residual, 1, &n->in[0], &n, 1);
    return graph_fit(g, residual, n->axes);
}

/* A w = u, or A'w = u. */
typedef struct System {
    Graph *g;
    Node *residual, *z;
    bool symmetric, transposed;
} System;

/* A v: the residual's change along v. */
static Node *forward_times(const System *s, Node *v)
{
    Node *product;
    grad_forward(s->g, &s->residual, 1, &s->z, &v, 1, &product);
    return graph_spread(s->g, product ? product : graph_const(s->g, 0), axes_union(&s->z->axes, &v->axes));
}

/* A'v, built for a vector with z's own axes; further ones that v has (several right sides) are carried along. */
static Node *backward_times(const System *s, Node *v)
{
    Node *one = graph_variable(s->g, s->z->axes), *product;
    grad_reverse(s->g, &s->residual, &one, 1, &s->z, 1, &product);
    if (!product) product = graph_const(s->g, 0);
    product = graph_spread(s->g, product, s->z->axes);
    graph_substitute(s->g, &product, 1, &one, &v, 1);
    return graph_spread(s->g, product, axes_union(&s->z->axes, &v->axes));
}

static Node *times(const System *s, Node *v)       { return s->transposed && !s->symmetric ? backward_times(s, v) : forward_times(s, v); }
static Node *times_back(const System *s, Node *v)  { return s->transposed || s->symmetric ? forward_times(s, v) : backward_times(s, v); }

static Axes inner_axes(const Node *z)
{
    Axes inner = { 0 };
    for (int i = 0; i < z->axes.n; i++)
        if (!axis_is_item(z->axes.at[i])) inner = axes_with(inner, z->axes.at[i]);
    return inner;
}

/* ---- Conjugate gradients ---- */

static Node *chosen(Graph *g, Node *c, Node *x, Node *y) { return graph_map(g, OP_select, c, x, y); }

/* a / b where `going`, else 0. */
static Node *quotient(Graph *g, Node *going, Node *a, Node *b)
{
    return map2(g, OP_mul, going, map2(g, OP_div, a, chosen(g, going, b, graph_const(g, 1))));
}

/* The iteration while it is built: w is what is sought, r what is left of u, p the direction, size what the step is made from. */
typedef struct Descent {
    Loop *loop;
    Axes inner;
    Node *w, *r, *p, *size, *bad;
    Node *enough;
} Descent;

static Descent descent_begin(const System *s, Node *u, Node *first_direction)
{
    Graph *g = s->g;
    Descent d = { .inner = inner_axes(s->z) };
    int64_t n = axes_count(&d.inner), passes = 2 * n < 200 ? 2 * n : 200;
    Axes axes = axes_union(&s->z->axes, &u->axes), outer = axes_minus(&axes, &d.inner);
    Node *first = graph_dot(g, first_direction, first_direction, d.inner);
    d.enough = map2(g, OP_mul, first, graph_const(g, 1e-24));
    d.loop = graph_loop_open(g, deepest_scope(s->residual->scope, deepest_scope(s->z->scope, u->scope)), passes);
    d.w = graph_carry(g, d.loop, zeros(g, axes), axes);
    d.r = graph_carry(g, d.loop, u, axes);
    d.p = graph_carry(g, d.loop, first_direction, axes);
    d.size = graph_carry(g, d.loop, first, outer);
    d.bad = graph_carry(g, d.loop, zeros(g, outer), outer);
    graph_carry(g, d.loop, zeros(g, outer), outer);     /* whether this item has enough: once all have, the loop ends */
    d.loop->until = 5;
    return d;
}

/* w, or what is not finite where it does not solve the system: 0 for what was not reached, less for what cannot be. */
static Node *descent_end(const System *s, const Descent *d, Node *u)
{
    Graph *g = s->g;
    graph_loop_close(g, d->loop);
    Node *w = graph_result(g, d->loop, 0), *r = graph_result(g, d->loop, 1), *bad = graph_result(g, d->loop, 4);
    Node *left = graph_dot(g, r, r, d->inner), *first = graph_dot(g, u, u, d->inner);
    Node *reached = map2(g, OP_le, left, map2(g, OP_mul, first, graph_const(g, 1e-8)));
    return map2(g, OP_solution, w, chosen(g, reached, graph_const(g, 1), map1(g, OP_neg, bad)));
}

/* The matrix is symmetric: a direction that it does not bend upward shows that it is not positive. */
static Node *solve_symmetric(const System *s, Node *u)
{
    Graph *g = s->g;
    Descent d = descent_begin(s, u, u);
    Node *ap = times(s, d.p), *bend = graph_dot(g, d.p, ap, d.inner), *zero = graph_const(g, 0);
    Node *wanting = map2(g, OP_lt, d.enough, d.size), *upward = map2(g, OP_lt, zero, bend), *going = map2(g, OP_mul, wanting, upward);
    Node *step = quotient(g, going, d.size, bend);
    Node *r = map2(g, OP_sub, d.r, map2(g, OP_mul, step, ap)), *size = graph_dot(g, r, r, d.inner);
    Node *bent = map2(g, OP_mul, wanting, map2(g, OP_lt, bend, zero));
    graph_loop_next(g, d.loop, 0, map2(g, OP_add, d.w, map2(g, OP_mul, step, d.p)));
    graph_loop_next(g, d.loop, 1, r);
    graph_loop_next(g, d.loop, 2, map2(g, OP_add, r, map2(g, OP_mul, quotient(g, going, size, d.size), d.p)));
    graph_loop_next(g, d.loop, 3, size);
    graph_loop_next(g, d.loop, 5, map2(g, OP_le, size, d.enough));
    graph_loop_next(g, d.loop, 4, map2(g, OP_max, d.bad, bent));
    return descent_end(s, &d, u);
}

/* Any matrix, by the normal equations (CGNR; Hestenes & Stiefel 1952, section 10). */
static Node *solve_general(const System *s, Node *u)
{
    Graph *g = s->g;
    Descent d = descent_begin(s, u, times_back(s, u));
    Node *ap = times(s, d.p), *bend = graph_dot(g, ap, ap, d.inner), *zero = graph_const(g, 0);
    Node *going = map2(g, OP_mul, map2(g, OP_lt, d.enough, d.size), map2(g, OP_lt, zero, bend));
    Node *step = quotient(g, going, d.size, bend);
    Node *r = map2(g, OP_sub, d.r, map2(g, OP_mul, step, ap)), *back = times_back(s, r), *size = graph_dot(g, back, back, d.inner);
    graph_loop_next(g, d.loop, 0, map2(g, OP_add, d.w, map2(g, OP_mul, step, d.p)));
    graph_loop_next(g, d.loop, 1, r);
    graph_loop_next(g, d.loop, 2, map2(g, OP_add, back, map2(g, OP_mul, quotient(g, going, size, d.size), d.p)));
    graph_loop_next(g, d.loop, 3, size);
    graph_loop_next(g, d.loop, 5, map2(g, OP_le, size, d.enough));
    return descent_end(s, &d, u);
}

/* The solution is itself an implicit value (where A w - u vanishes), and so differentiates again. */
static Node *solve(const System *s, Node *u)
{
    Graph *g = s->g;
    Node *w = graph_stop(g, s->symmetric ? solve_symmetric(s, u) : solve_general(s, u));
    return graph_implicit(g, w, map2(g, OP_sub, times(s, w), u), s->symmetric);
}

/* ---- The two modes ---- */

void implicit_reverse(Sweep *s, Node *n, Node *cotangent)
{
    Graph *g = s->g;
    System system = { g, residual_of(g, n), n, .symmetric = n->flag, .transposed = true };
    Node *w = map1(g, OP_neg, solve(&system, cotangent));
    Node *wrt[s->n_wrt + 1], *parts[s->n_wrt + 1];
    for (int i = 0; i < s->n_wrt; i++) wrt[i] = s->wrt[i];
    wrt[s->n_wrt] = n;
    grad_reverse(g, &system.residual, &w, 1, wrt, s->n_wrt + 1, parts);
    for (int i = 0; i < s->n_wrt; i++) sweep_add(s, s->wrt[i], parts[i]);
}

Node *implicit_forward(Sweep *s, Node *n)
{
    Graph *g = s->g;
    System system = { g, residual_of(g, n), n, .symmetric = n->flag };
    Node *wrt[s->n_wrt + 1], *tangents[s->n_wrt + 1], *result;
    for (int i = 0; i < s->n_wrt; i++) wrt[i] = s->wrt[i], tangents[i] = s->at[s->wrt[i]->id];
    wrt[s->n_wrt] = n;
    tangents[s->n_wrt] = NULL;
    grad_forward(g, &system.residual, 1, wrt, tangents, s->n_wrt + 1, &result);
    return result ? map1(g, OP_neg, solve(&system, result)) : NULL;
}

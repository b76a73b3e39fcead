/* implicit.c: the derivative of a minimizer z(p) of an energy, by the implicit function theorem.
 *
 * At the minimum the residual f(z, p) = dE/dz is 0, so H dz + (df/dp) dp = 0 with H = df/dz, which is symmetric.  Both modes need one
 * solution of H w = u, found by conjugate gradients, item by item. */
#include "lang/grad/grad_inner.h"

/* The residual as a function of the implicit node itself instead of its value alone, so that what is made of it differentiates again. */
static Node *residual_of(Graph *g, Node *n)
{
    Node *residual = n->in[1];
    graph_substitute(g, &residual, 1, &n->in[0], &n, 1);
    return graph_fit(g, residual, n->axes);
}

static Node *hessian_times(Graph *g, Node *residual, Node *z, Node *v)
{
    Node *product;
    grad_forward(g, &residual, 1, &z, &v, 1, &product);
    return graph_spread(g, product ? product : graph_const(g, 0), axes_union(&z->axes, &v->axes));
}

static Axes inner_axes(const Node *z)
{
    Axes inner = { 0 };
    for (int i = 0; i < z->axes.n; i++)
        if (!axis_is_item(z->axes.at[i])) inner = axes_with(inner, z->axes.at[i]);
    return inner;
}

static Loop *deepest(Loop *a, Loop *b)
{
    if (!a || !b) return a ? a : b;
    return a->depth >= b->depth ? a : b;
}

/* w with H w = u (u may have more axes than z: several right sides) after a fixed number of passes; a pass changes nothing where the solution is reached (or H is not positive). */
static Node *conjugate_gradients(Graph *g, Node *residual, Node *z, Node *u)
{
    Axes inner = inner_axes(z);
    int64_t passes = 2 * axes_count(&inner) < 50 ? 2 * axes_count(&inner) : 50;
    Axes axes = axes_union(&z->axes, &u->axes), outer = axes_minus(&axes, &inner);
    Node *first = graph_dot(g, u, u, inner), *enough = map2(g, OP_mul, first, graph_const(g, 1e-24)), *one = graph_const(g, 1);
    Loop *loop = graph_loop_open(g, deepest(residual->scope, deepest(z->scope, u->scope)), passes);
    Node *w = graph_carry(g, loop, zeros(g, axes), axes), *r = graph_carry(g, loop, u, axes), *p = graph_carry(g, loop, u, axes);
    Node *rr = graph_carry(g, loop, first, outer);
    Node *hp = hessian_times(g, residual, z, p), *php = graph_dot(g, p, hp, inner);
    Node *going = map2(g, OP_mul, map2(g, OP_lt, enough, rr), map2(g, OP_lt, graph_const(g, 0), php));
    Node *safe_php = graph_map(g, OP_select, going, php, one), *safe_rr = graph_map(g, OP_select, going, rr, one);
    Node *alpha = map2(g, OP_mul, going, map2(g, OP_div, rr, safe_php));
    Node *next_r = map2(g, OP_sub, r, map2(g, OP_mul, alpha, hp)), *next_rr = graph_dot(g, next_r, next_r, inner);
    Node *beta = map2(g, OP_mul, going, map2(g, OP_div, next_rr, safe_rr));
    graph_loop_next(g, loop, 0, map2(g, OP_add, w, map2(g, OP_mul, alpha, p)));
    graph_loop_next(g, loop, 1, next_r);
    graph_loop_next(g, loop, 2, map2(g, OP_add, next_r, map2(g, OP_mul, beta, p)));
    graph_loop_next(g, loop, 3, next_rr);
    graph_loop_close(g, loop);
    return graph_result(g, loop, 0);
}

/* The solution is itself an implicit value (the minimizer of w'Hw/2 - u'w), and so differentiates again. */
static Node *solve(Graph *g, Node *residual, Node *z, Node *u)
{
    Node *w = graph_stop(g, conjugate_gradients(g, residual, z, u));
    return graph_implicit(g, w, map2(g, OP_sub, hessian_times(g, residual, z, w), u));
}

void implicit_reverse(Sweep *s, Node *n, Node *cotangent)
{
    Graph *g = s->g;
    Node *residual = residual_of(g, n), *w = map1(g, OP_neg, solve(g, residual, n, cotangent));
    Node *wrt[s->n_wrt + 1], *parts[s->n_wrt + 1];
    for (int i = 0; i < s->n_wrt; i++) wrt[i] = s->wrt[i];
    wrt[s->n_wrt] = n;
    grad_reverse(g, &residual, &w, 1, wrt, s->n_wrt + 1, parts);
    for (int i = 0; i < s->n_wrt; i++) sweep_add(s, s->wrt[i], parts[i]);
}

Node *implicit_forward(Sweep *s, Node *n)
{
    Graph *g = s->g;
    Node *residual = residual_of(g, n), *wrt[s->n_wrt + 1], *tangents[s->n_wrt + 1], *result;
    for (int i = 0; i < s->n_wrt; i++) wrt[i] = s->wrt[i], tangents[i] = s->at[s->wrt[i]->id];
    wrt[s->n_wrt] = n;
    tangents[s->n_wrt] = NULL;
    grad_forward(g, &residual, 1, wrt, tangents, s->n_wrt + 1, &result);
    return result ? map1(g, OP_neg, solve(g, residual, n, result)) : NULL;
}

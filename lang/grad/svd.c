/* svd.c: derivatives of singular values and vectors, x = U diag(s) V' (Townsend 2016, "Differentiating the singular value decomposition").
 *
 * With P = U' dx V:  ds = diag(P),
 *   dU = U (F o (P S + S P')) + (1 - U U') dx V / S,   dV = V (F o (S P + P' S)) + (1 - V V') dx' U / S,   F_ij = 1 / (s_j^2 - s_i^2).
 * Values need nothing but the vectors; vectors need values that differ, and are not 0 where the matrix is not square. */
#include "lang/grad/grad_inner.h"

/* The parts of a decomposition, with its axes. */
typedef struct Svd {
    Graph *g;
    Node *x;
    Axis rows, columns, out, other, aside;      /* other and aside: out again, for pairs of vectors */
    Node *u, *v, *s;
} Svd;

static Svd svd_of(Graph *g, const Node *n)
{
    Svd d = { .g = g, .x = n->in[0], .rows = n->axis, .columns = n->part[0], .out = n->part[1] };
    d.other = graph_fresh_axis(g, axis_size(d.out));
    d.aside = graph_fresh_axis(g, axis_size(d.out));
    d.u = graph_svdvectors(g, d.x, d.rows, d.columns, d.out, true);
    d.v = graph_svdvectors(g, d.x, d.rows, d.columns, d.out, false);
    d.s = graph_svdvals(g, d.x, d.rows, d.columns, d.out);
    return d;
}

/* U diag(g) V': the cotangent of the matrix for that of its singular values. */
Node *svdvals_reverse(Graph *g, Node *n, Node *cotangent)
{
    Svd d = svd_of(g, n);
    return graph_dot(g, map2(g, OP_mul, d.u, cotangent), d.v, axes_one(d.out));
}

Node *svdvals_forward(Graph *g, Node *n, Node *tangent)
{
    Svd d = svd_of(g, n);
    return graph_dot(g, graph_dot(g, tangent, d.v, axes_one(d.columns)), d.u, axes_one(d.rows));
}

static Node *by_other(const Svd *d, Node *x) { return graph_rename(d->g, x, d->out, d->other); }

/* Vectors of one side (`mine`, along `side`) for a tangent; turned: the tangent times the vectors of the other side. */
static Node *vectors_forward(const Svd *d, Node *mine, Node *turned, Axis side, Node *p, bool left)
{
    Graph *g = d->g;
    Node *si = by_other(d, d->s), *sj = d->s;                                      /* p has i along `other`, j along `out` */
    Node *swapped = graph_rename(g, by_other(d, graph_rename(g, p, d->other, d->aside)), d->aside, d->out);
    Node *pair = left ? map2(g, OP_add, map2(g, OP_mul, p, sj), map2(g, OP_mul, si, swapped))
                      : map2(g, OP_add, map2(g, OP_mul, si, p), map2(g, OP_mul, swapped, sj));
    Node *same = map2(g, OP_eq, graph_iota(g, d->other), graph_iota(g, d->out)), *one = graph_const(g, 1);
    Node *apart = map2(g, OP_sub, map2(g, OP_mul, sj, sj), map2(g, OP_mul, si, si));
    Node *f = graph_map(g, OP_select, same, graph_const(g, 0), map2(g, OP_div, one, graph_map(g, OP_select, same, one, apart)));
    Node *within = graph_dot(g, by_other(d, mine), map2(g, OP_mul, f, pair), axes_one(d->other));
    if (axis_size(side) == axis_size(d->out)) return within;
    Node *inside = graph_dot(g, by_other(d, mine), left ? p : swapped, axes_one(d->other));
    return map2(g, OP_add, within, map2(g, OP_div, map2(g, OP_sub, turned, inside), sj));
}

Node *svdvectors_forward(Graph *g, Node *n, Node *tangent)
{
    Svd d = svd_of(g, n);
    Node *xv = graph_dot(g, tangent, d.v, axes_one(d.columns)), *xu = graph_dot(g, tangent, d.u, axes_one(d.rows));
    Node *p = graph_dot(g, by_other(&d, d.u), xv, axes_one(d.rows));
    return n->flag ? vectors_forward(&d, d.u, xv, d.rows, p, true) : vectors_forward(&d, d.v, xu, d.columns, p, false);
}

/* The tangent is linear in that of the matrix: its transpose. */
Node *svdvectors_reverse(Graph *g, Node *n, Node *cotangent)
{
    Node *change = graph_variable(g, n->in[0]->axes), *tangent = svdvectors_forward(g, n, change), *result;
    grad_reverse(g, &tangent, &cotangent, 1, &change, 1, &result);
    return result;
}

/* prox.c: an energy taken apart for proximal solvers: smooth(E, x), the energy without its terms that have a corner at 0, and prox(E, v, step), which moves v
 * by those terms alone: the least of step * g(x) + |x - v|^2 / 2.
 *
 * The terms are found in the graph of the energy at a leaf x.  Each abs(x), of x or of parts of it, and a norm sqrt(sum(x^2)) of parts of x are replaced
 * by leaves of their own; where the energy is linear in such a leaf, with a weight that does not depend on x, the term is w * |x| or w * norm, and has
 * a known prox: soft thresholds, of numbers or of groups.  So lambda * sum(abs(x)), weights of one's own, slices and means are all found. */
#include <stdlib.h>
#include "lang/grad/grad.h"
#include "lang/graph/builder.h"

enum { MAX_CORNERS = 16 };

/* abs(part) or sqrt(sum(part^2)), where part are places of x. */
typedef struct Corner {
    Node *node, *part;
    bool group;
    Node *leaf;                 /* stands for |x|, or for the norm */
    Node *weight;               /* the energy's derivative by the leaf; null: not a term of its own */
} Corner;

typedef struct Split {
    Builder *b;
    Node *leaf;                 /* stands for x */
    Node *smooth;               /* of the leaf */
    int n; Corner at[MAX_CORNERS];
} Split;

/* ---- finding corners ---- */

/* Places of the leaf, each at most once if `once`. */
static bool is_part(const Node *n, const Node *leaf, bool once)
{
    for (; n != leaf; n = n->in[0]) {
        if (n->op == OP_spread) { if (once) return false; continue; }
        if (n->op == OP_reshape) continue;
        if (n->op != OP_index) return false;
        Axes seen = { 0 };
        for (int i = 0; once && i < n->move->n; i++) {
            const Coord *c = &n->move->at[i];
            if (c->n > 1 || (c->n && (!c->term[0].coef || axes_have(&seen, c->term[0].axis)))) return false;
            if (c->n) seen = axes_with(seen, c->term[0].axis);
        }
    }
    return true;
}

static void note_corner(Split *s, Node *n)
{
    if (s->n == MAX_CORNERS) return;
    if (n->op == OP_abs && is_part(n->in[0], s->leaf, false)) {
        s->at[s->n++] = (Corner){ .node = n, .part = n->in[0] };
    } else if (n->op == OP_sqrt && n->in[0]->op == OP_sum) {
        Node *square = n->in[0]->in[0];
        if (square->op == OP_mul && square->in[0] == square->in[1] && is_part(square->in[0], s->leaf, true))
            s->at[s->n++] = (Corner){ .node = n, .part = square->in[0], .group = true };
    }
}

static void find_corners(Split *s, Node *n, bool *seen)
{
    if (seen[n->id]) return;
    seen[n->id] = true;
    note_corner(s, n);
    for (int i = 0; i < n->n_in; i++) find_corners(s, n->in[i], seen);
}

/* ---- taking apart ---- */

/* The part, or the norm of the part, of another value than the leaf. */
static Node *with_leaf(Split *s, Node *n, Node *value)
{
    graph_substitute(s->b->g, &n, 1, &s->leaf, &value, 1);
    return n;
}

static bool is_linear(Split *s, const Corner *c)
{
    Graph *g = s->b->g;
    if (!c->weight || graph_depends(g, c->weight, s->leaf)) return false;
    for (int i = 0; i < s->n; i++) if (graph_depends(g, c->weight, s->at[i].leaf)) return false;
    return true;
}

static void take_apart(Split *s, Node *energy)
{
    Graph *g = s->b->g;
    bool *seen = calloc(graph_size(g), 1);
    if (!seen) abort();
    find_corners(s, energy, seen);
    free(seen);
    Node *from[MAX_CORNERS], *to[MAX_CORNERS], *leaves[MAX_CORNERS], *weights[MAX_CORNERS] = { NULL };
    for (int i = 0; i < s->n; i++) {
        Corner *c = &s->at[i];
        c->leaf = leaves[i] = graph_variable(g, c->group ? c->node->axes : s->leaf->axes);
        from[i] = c->node;
        to[i] = c->group ? c->leaf : with_leaf(s, c->part, c->leaf);
    }
    s->smooth = energy;
    if (!s->n) return;
    graph_substitute(g, &s->smooth, 1, from, to, s->n);
    Node *seed = graph_spread(g, graph_const(g, 1), s->smooth->axes);
    grad_reverse(g, &s->smooth, &seed, 1, leaves, s->n, weights);
    for (int i = 0; i < s->n; i++) s->at[i].weight = weights[i];
    bool linear[MAX_CORNERS];
    for (int i = 0; i < s->n; i++) linear[i] = is_linear(s, &s->at[i]);
    for (int i = 0; i < s->n; i++) {
        Corner *c = &s->at[i];
        if (!linear[i]) c->weight = NULL;
        to[i] = linear[i] ? graph_const(g, 0) : c->group ? c->node : graph_map(g, OP_abs, s->leaf, NULL, NULL);
        to[i] = graph_spread(g, to[i], c->leaf->axes);
    }
    graph_substitute(g, &s->smooth, 1, leaves, to, s->n);
}

/* The energy at x, taken apart; false after a report. */
static bool split_energy(Builder *b, Closure *energy, const Value *x, Span span, Split *s)
{
    *s = (Split){ .b = b };
    Axes axes = axes_of(x->shape);
    axes = axes_union(&axes, &x->node->axes);
    for (int k = 0; k < b->at.hidden.n; k++) if (axis_is_item(b->at.hidden.at[k])) axes = axes_with(axes, b->at.hidden.at[k]);
    s->leaf = graph_variable(b->g, axes);
    Value *at = ARENA_NEW(b->arena, Value);
    *at = *x;
    at->node = s->leaf;
    at->fields = NULL;
    at->n_items = 0;
    Value *e = apply_values(b, energy, &at, 1, span);
    if (e->kind != VALUE_ARRAY) return false;
    take_apart(s, e->node);
    return true;
}

static int count_terms(const Split *s, bool group)
{
    int n = 0;
    for (int i = 0; i < s->n; i++) n += s->at[i].weight && s->at[i].group == group;
    return n;
}

/* ---- the prox ---- */

static Node *soft_threshold(Split *s, Node *v, Node *step)
{
    Graph *g = s->b->g;
    Node *w = NULL;
    for (int i = 0; i < s->n; i++)
        if (s->at[i].weight && !s->at[i].group) w = w ? graph_map(g, OP_add, w, s->at[i].weight, NULL) : s->at[i].weight;
    if (!w) return v;
    Node *rest = graph_map(g, OP_sub, graph_map(g, OP_abs, v, NULL, NULL), graph_map(g, OP_mul, step, w, NULL), NULL);
    return graph_map(g, OP_mul, graph_map(g, OP_sign, v, NULL, NULL), graph_map(g, OP_max, rest, graph_const(g, 0), NULL), NULL);
}

/* Each group shorter by step * w, but not below 0; places of no group stay. */
static Node *group_threshold(Split *s, const Corner *c, Node *v, Node *step)
{
    Graph *g = s->b->g;
    Node *norm = with_leaf(s, c->node, v), *part = with_leaf(s, c->part, v);
    Node *cut = graph_map(g, OP_min, graph_map(g, OP_mul, step, c->weight, NULL), norm, NULL);
    Node *share = graph_map(g, OP_div, cut, graph_map(g, OP_max, norm, graph_const(g, 1e-30), NULL), NULL);
    Node *less = graph_map(g, OP_mul, part, share, NULL), *back;
    less = graph_spread(g, less, c->part->axes);
    grad_reverse(g, &c->part, &less, 1, &s->leaf, 1, &back);      /* the adjoint of taking parts puts them back */
    return graph_map(g, OP_sub, v, back, NULL);
}

/* ---- the two functions of the language ---- */

static bool operands(Builder *b, const CallArgs *args, const char *name)
{
    for (int i = 0; i < args->n; i++) if (args->at[i].value->kind == VALUE_NONE) return false;
    if (args->at[0].value->kind != VALUE_FUNCTION || args->at[1].value->kind != VALUE_ARRAY || (args->n > 2 && args->at[2].value->kind != VALUE_ARRAY)) {
        complain(b, "E0306", args->span, "%s takes an energy and one array, but these are %s and %s", name, value_text(b, args->at[0].value), value_text(b, args->at[1].value));
        return false;
    }
    return true;
}

Value *smooth_part(Builder *b, const CallArgs *args)
{
    Split s;
    const Value *x = args->at[1].value;
    if (!operands(b, args, "smooth") || !split_energy(b, args->at[0].value->fn, x, args->span, &s)) return b->none;
    stand_at(b, args->span);
    return array(b, with_leaf(&s, s.smooth, graph_spread(b->g, x->node, s.leaf->axes)), shape_none());
}

Value *prox_of(Builder *b, const CallArgs *args)
{
    Split s;
    const Value *v = args->at[1].value;
    if (!operands(b, args, "prox") || !split_energy(b, args->at[0].value->fn, v, args->span, &s)) return b->none;
    stand_at(b, args->span);
    Node *node = graph_spread(b->g, v->node, s.leaf->axes), *step = args->at[2].value->node;
    node = soft_threshold(&s, node, step);
    for (int i = 0; i < s.n; i++) if (s.at[i].weight && s.at[i].group) node = group_threshold(&s, &s.at[i], node, step);
    Value *r = array(b, node, v->shape);
    r->domain = v->domain;
    return r;
}

/* Whether a proximal solver can serve the energy of x; false after a report at `by`. */
bool prox_serves(Builder *b, Closure *energy, const Value *x, Domain domain, const char *solver, Span by)
{
    if (x->kind != VALUE_ARRAY) {
        complain(b, "E0360", by, "%s solves for one array at a time", solver);
        return false;
    }
    Split s;
    if (!split_energy(b, energy, x, energy->span, &s)) return false;
    int numbers = count_terms(&s, false), groups = count_terms(&s, true);
    for (int i = 0; i < s.n; i++) {
        const Node *w = s.at[i].weight;
        while (w && w->op == OP_spread) w = w->in[0];
        if (!w || w->op != OP_const || w->value >= 0) continue;
        diag_note(complain(b, "E0360", by, "%s needs corner terms of positive weight, but this energy has one of weight %g", solver, w->value), energy->span, "this energy");
        return false;
    }
    if (groups > 1) {
        diag_note(complain(b, "E0360", by, "%s serves one norm of groups, but this energy has %d", solver, groups), energy->span, "this energy");
        return false;
    }
    bool along = domain.kind == CLASS_SIMPLEX || domain.kind == CLASS_SPHERE;
    if ((numbers || groups) && (along || (groups && domain.kind != CLASS_REAL))) {
        diag_note(complain(b, "E0360", by, "%s has no prox for corner terms together with this domain", solver), energy->span, "this energy");
        return false;
    }
    if (numbers || groups || domain.kind != CLASS_REAL) return true;
    Diagnostic *d = complain(b, "E0360", by, "%s needs a term with a prox, but this energy has none", solver);
    diag_note(d, energy->span, "no term of this is weight * abs(x), or weight * the norm of a group, and x has no box, simplex or sign");
    diag_help(d, "add such a term, lambda * sum(abs(x)), or minimize a smooth energy by descent(..), nesterov(..) or lbfgs(..)");
    return false;
}

/* prox.c: an energy taken apart for proximal solvers: smooth(E, x), the energy without its terms that have a corner at 0, and prox(E, v, step), which moves v
 * by those terms alone: the least of step * g(x) + |x - v|^2 / 2.
 *
 * The terms are found in the graph of the energy at a leaf for each array of x.  Each abs(x), of x or of parts of it, and a norm sqrt(sum(x^2)) of parts of x are replaced
 * by leaves of their own; where the energy is linear in such a leaf, with a weight that does not depend on x, the term is w * |x| or w * norm, and has
 * a known prox: soft thresholds, of numbers or of groups.  So lambda * sum(abs(x)), weights of one's own, slices and means are all found. */
#include <stdlib.h>
#include "lang/grad/grad.h"
#include "lang/graph/infer.h"

enum { MAX_CORNERS = 32 };

/* abs(part) or sqrt(sum(part^2)), where part are places of one array of x. */
typedef struct Corner {
    Node *node, *part;
    int of;                     /* the number of that array */
    bool group;
    Node *leaf;                 /* stands for |x|, or for the norm */
    Node *weight;               /* the energy's derivative by the leaf; null: not a term of its own */
} Corner;

typedef struct Split {
    Builder *b;
    int n_leaves; Node *leaf[MAX_BINDERS];      /* one for each array of x */
    const Given *given;         /* what is observed of x: terms are found without it; null: nothing is */
    Node *smooth;               /* of the leaves */
    int n; Corner at[MAX_CORNERS];
} Split;

/* The arrays of a value: itself, or the members of a bundle. */
static int arrays_of(const Value *v) { return v->kind == VALUE_BUNDLE ? v->n_items : 1; }
static const Value *array_of(const Value *v, int i) { return v->kind == VALUE_BUNDLE ? v->items[i] : v; }

/* ---- finding corners ---- */

/* What is given stands in its places: the others are those of the leaf. */
static const Node *below_given(Graph *g, const Node *n, const Node *leaf)
{
    bool given = n->op == OP_select && !graph_depends(g, n->in[0], leaf) && !graph_depends(g, n->in[1], leaf);
    return given ? n->in[2] : n;
}

/* Places of the leaf, each at most once (and none of them given) if `once`. */
static bool is_part(Graph *g, const Node *n, const Node *leaf, bool once)
{
    for (; n != leaf; n = n->in[0]) {
        if (!once) n = below_given(g, n, leaf);
        if (n == leaf) return true;
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

/* The array of x whose places n is; -1: none. */
static int whose_part(const Split *s, const Node *n, bool once)
{
    for (int k = 0; k < s->n_leaves; k++) if (is_part(s->b->g, n, s->leaf[k], once)) return k;
    return -1;
}

static void note_corner(Split *s, Node *n)
{
    bool group = n->op == OP_sqrt && n->in[0]->op == OP_sum;
    if (s->n == MAX_CORNERS || !(group || n->op == OP_abs)) return;
    Node *part = n->in[0];
    if (group) {
        Node *square = n->in[0]->in[0];
        if (square->op != OP_mul || square->in[0] != square->in[1]) return;
        part = square->in[0];
    }
    int of = whose_part(s, part, group);
    bool observed = of >= 0 && s->given && s->given->mask[of];
    if (of >= 0 && !(group && observed)) s->at[s->n++] = (Corner){ .node = n, .part = part, .of = of, .group = group };
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
static Node *of_value(Split *s, const Corner *c, Node *n, Node *value)
{
    graph_substitute(s->b->g, &n, 1, &s->leaf[c->of], &value, 1);
    return n;
}

static bool depends_on_x(Split *s, const Node *n)
{
    for (int k = 0; k < s->n_leaves; k++) if (graph_depends(s->b->g, n, s->leaf[k])) return true;
    return false;
}

static bool is_linear(Split *s, const Corner *c)
{
    Graph *g = s->b->g;
    if (!c->weight || depends_on_x(s, c->weight)) return false;
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
        c->leaf = leaves[i] = graph_variable(g, c->group ? c->node->axes : s->leaf[c->of]->axes);
        from[i] = c->node;
        to[i] = c->group ? c->leaf : of_value(s, c, c->part, c->leaf);
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
        to[i] = linear[i] ? graph_const(g, 0) : c->group ? c->node : graph_map(g, OP_abs, s->leaf[c->of], NULL, NULL);
        to[i] = graph_spread(g, to[i], c->leaf->axes);
    }
    graph_substitute(g, &s->smooth, 1, leaves, to, s->n);
}

/* A variable in the place of an array of x. */
static Value *leaf_value(Builder *b, const Value *x)
{
    Axes axes = axes_of(x->shape);
    axes = axes_union(&axes, &x->node->axes);
    axes = axes_union(&axes, &b->at.hidden);
    Value *leaf = ARENA_NEW(b->arena, Value);
    *leaf = *x;
    leaf->node = graph_variable(b->g, axes);
    leaf->fields = NULL;
    leaf->n_items = 0;
    return leaf;
}

/* The energy at x, taken apart; false after a report. */
static bool split_energy(Builder *b, Closure *energy, const Value *x, Span span, Split *s)
{
    Closure free = *energy;
    free.given = NULL;
    *s = (Split){ .b = b, .n_leaves = arrays_of(x), .given = energy->given };
    Value *at[MAX_BINDERS];
    for (int k = 0; k < s->n_leaves; k++) {
        at[k] = leaf_value(b, array_of(x, k));
        s->leaf[k] = at[k]->node;
    }
    Value *point = together(b, at, s->n_leaves), *e = apply_values(b, &free, &point, 1, span);
    if (e->kind != VALUE_ARRAY) return false;
    take_apart(s, e->node);
    return true;
}

/* Terms with a prox in array k of x. */
static int count_terms(const Split *s, int k, bool group)
{
    int n = 0;
    for (int i = 0; i < s->n; i++) n += s->at[i].weight && s->at[i].of == k && s->at[i].group == group;
    return n;
}

/* ---- the prox ---- */

static Node *soft_threshold(Split *s, int k, Node *v, Node *step)
{
    Graph *g = s->b->g;
    Node *w = NULL;
    for (int i = 0; i < s->n; i++)
        if (s->at[i].weight && s->at[i].of == k && !s->at[i].group) w = w ? graph_map(g, OP_add, w, s->at[i].weight, NULL) : s->at[i].weight;
    if (!w) return v;
    Node *rest = graph_map(g, OP_sub, graph_map(g, OP_abs, v, NULL, NULL), graph_map(g, OP_mul, step, w, NULL), NULL);
    return graph_map(g, OP_mul, graph_map(g, OP_sign, v, NULL, NULL), graph_map(g, OP_max, rest, graph_const(g, 0), NULL), NULL);
}

/* Each group shorter by step * w, but not below 0; places of no group stay. */
static Node *group_threshold(Split *s, const Corner *c, Node *v, Node *step)
{
    Graph *g = s->b->g;
    Node *norm = of_value(s, c, c->node, v), *part = of_value(s, c, c->part, v);
    Node *cut = graph_map(g, OP_min, graph_map(g, OP_mul, step, c->weight, NULL), norm, NULL);
    Node *share = graph_map(g, OP_div, cut, graph_map(g, OP_max, norm, graph_const(g, 1e-30), NULL), NULL);
    Node *less = graph_map(g, OP_mul, part, share, NULL), *back;
    less = graph_spread(g, less, c->part->axes);
    grad_reverse(g, &c->part, &less, 1, &s->leaf[c->of], 1, &back);      /* the adjoint of taking parts puts them back */
    return graph_map(g, OP_sub, v, back, NULL);
}

/* Array k of v, moved by the terms in it: numbers first, then groups (whose terms scale, so that the one does not disturb the other). */
static Value *moved_array(Split *s, int k, const Value *v, Node *step)
{
    Node *node = soft_threshold(s, k, graph_spread(s->b->g, v->node, s->leaf[k]->axes), step);
    for (int i = 0; i < s->n; i++) if (s->at[i].weight && s->at[i].group && s->at[i].of == k) node = group_threshold(s, &s->at[i], node, step);
    Value *r = array(s->b, node, v->shape);
    r->domain = v->domain;
    return r;
}

/* ---- the two functions of the language ---- */

static bool is_arrays(const Value *v) { return v->kind == VALUE_ARRAY || (v->kind == VALUE_BUNDLE && v->n_items <= MAX_BINDERS); }

static bool operands(Builder *b, const CallArgs *args, const char *name)
{
    for (int i = 0; i < args->n; i++) if (args->at[i].value->kind == VALUE_NONE) return false;
    if (args->at[0].value->kind != VALUE_FUNCTION || !is_arrays(args->at[1].value) || (args->n > 2 && args->at[2].value->kind != VALUE_ARRAY)) {
        complain(b, "E0306", args->span, "%s takes an energy and what it is a function of, but these are %s and %s", name, value_text(b, args->at[0].value),
                 value_text(b, args->at[1].value));
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
    Node *at[MAX_BINDERS];
    for (int k = 0; k < s.n_leaves; k++) {
        Value one = *array_of(x, k);
        at[k] = graph_spread(b->g, with_observed(b, s.given, k, &one, args->span)->node, s.leaf[k]->axes);
    }
    graph_substitute(b->g, &s.smooth, 1, s.leaf, at, s.n_leaves);
    return array(b, s.smooth, shape_none());
}

Value *prox_of(Builder *b, const CallArgs *args)
{
    Split s;
    const Value *v = args->at[1].value;
    if (!operands(b, args, "prox") || !split_energy(b, args->at[0].value->fn, v, args->span, &s)) return b->none;
    stand_at(b, args->span);
    Value *r[MAX_BINDERS];
    for (int k = 0; k < s.n_leaves; k++) r[k] = moved_array(&s, k, array_of(v, k), args->at[2].value->node);
    return together(b, r, s.n_leaves);
}

/* ---- whether it is known at all ---- */

/* The places that an axis of the leaf is read at, first and last; all of them if that cannot be said. */
static void places_read(const Node *part, const Node *leaf, Axis axis, int64_t *first, int64_t *last)
{
    *first = 0;
    *last = axis_size(axis) - 1;
    if (part->op != OP_index || part->in[0] != leaf) return;
    for (int i = 0; i < part->move->n; i++) {
        const Coord *c = &part->move->at[i];
        if (c->from != axis || c->wrap || c->n > 1) continue;
        int64_t along = c->n ? c->term[0].coef * (axis_size(c->term[0].axis) - 1) : 0;
        *first = c->offset + (along < 0 ? along : 0);
        *last = c->offset + (along > 0 ? along : 0);
    }
}

static bool apart(const Split *s, const Corner *a, const Corner *b)
{
    const Node *leaf = s->leaf[a->of];
    for (int i = 0; i < leaf->axes.n; i++) {
        int64_t first[2], last[2];
        places_read(a->part, leaf, leaf->axes.at[i], &first[0], &last[0]);
        places_read(b->part, leaf, leaf->axes.at[i], &first[1], &last[1]);
        if (last[0] < first[1] || last[1] < first[0]) return true;
    }
    return false;
}

static bool groups_overlap(const Split *s, int k)
{
    for (int i = 0; i < s->n; i++)
        for (int j = 0; j < i; j++) {
            const Corner *a = &s->at[i], *b = &s->at[j];
            if (a->weight && b->weight && a->group && b->group && a->of == k && b->of == k && !apart(s, a, b)) return true;
        }
    return false;
}

static bool has_negative_weight(const Split *s, double *weight)
{
    for (int i = 0; i < s->n; i++) {
        const Node *w = s->at[i].weight;
        while (w && w->op == OP_spread) w = w->in[0];
        if (!w || w->op != OP_const || w->value >= 0) continue;
        *weight = w->value;
        return true;
    }
    return false;
}

/* Array k of x with its terms and its domain together: false after a report. */
static bool serves_array(const Split *s, int k, Domain domain, const Closure *energy, const char *solver, Span by)
{
    Builder *b = s->b;
    int numbers = count_terms(s, k, false), groups = count_terms(s, k, true);
    if (groups > 1 && groups_overlap(s, k)) {
        diag_note(complain(b, "E0360", by, "%s serves norms of groups that do not overlap, but this energy has %d on the same places", solver, groups), energy->span, "this energy");
        return false;
    }
    bool along = domain.kind == CLASS_SIMPLEX || domain.kind == CLASS_SPHERE;
    if ((numbers || groups) && (along || (groups && domain.kind != CLASS_REAL))) {
        diag_note(complain(b, "E0360", by, "%s has no prox for corner terms together with this domain", solver), energy->span, "this energy");
        return false;
    }
    return true;
}

/* Whether a proximal solver can serve the energy of x; false after a report at `by`. */
bool prox_serves(Builder *b, Closure *energy, const Value *x, const char *solver, Span by)
{
    Split s;
    double weight;
    if (!split_energy(b, energy, x, energy->span, &s)) return false;
    if (has_negative_weight(&s, &weight)) {
        diag_note(complain(b, "E0360", by, "%s needs corner terms of positive weight, but this energy has one of weight %g", solver, weight), energy->span, "this energy");
        return false;
    }
    bool any = false;
    for (int k = 0; k < s.n_leaves; k++) {
        Domain domain = array_of(x, k)->domain;
        if (!serves_array(&s, k, domain, energy, solver, by)) return false;
        any |= count_terms(&s, k, false) || count_terms(&s, k, true) || domain.kind != CLASS_REAL;
    }
    if (any) return true;
    Diagnostic *d = complain(b, "E0360", by, "%s needs a term with a prox, but this energy has none", solver);
    diag_note(d, energy->span, "no term of this is weight * abs(x), or weight * the norm of a group, and x has no box, simplex or sign");
    diag_help(d, "add such a term, lambda * sum(abs(x)), or minimize a smooth energy by descent(..), nesterov(..) or lbfgs(..)");
    return false;
}

/* finite.c: an energy of finitely many values as a polynomial of its states (finite.h). */
#include <stdlib.h>
#include <string.h>
#include "lang/grad/grad.h"
#include "lang/graph/finite.h"

/* ---- the parts ---- */

bool finite_parts(Inference *x, Finite *f, bool always)
{
    Builder *b = x->b;
    f->b = b;
    f->n = x->n;
    for (int i = 0; i < x->n; i++) {
        Binder *v = &x->at[i];
        if (v->domain.kind != CLASS_WHOLE && v->domain.kind != CLASS_SPIN) {
            Diagnostic *d = complain(b, "E0360", x->infer->by->span, "%s has real values, but this solver serves finite domains", v->name.text);
            diag_help(d, x->n > 1 ? "alternate(..) moves real names and finite ones in turn, each by a solver of its own" : real_solvers(x->infer->kind));
            return false;
        }
        if (!v->has_shape) {
            complain(b, "E0363", v->name.span, "the shape of %s is not known", v->name.text);
            return false;
        }
        FinitePart *p = &f->at[i];
        p->shape = v->shape;
        p->low = v->domain.low;
        p->high = v->domain.high;
        p->states = v->domain.kind == CLASS_SPIN ? 2 : (int64_t)(v->domain.high - v->domain.low) + 1;
        p->indicators = always || p->states != 2;
        Axes axes = axes_of(p->shape);
        axes = axes_union(&axes, &b->at.hidden);
        p->value = p->state = graph_variable(b->g, axes);
        if (!p->indicators) continue;
        p->choice = graph_fresh_axis(b->g, p->states);
        p->state = graph_variable(b->g, axes_with(axes, p->choice));
    }
    return true;
}

Value *finite_value(const Finite *f, const Binder *binder, int part, Node *node)
{
    Value *v = array(f->b, node, f->at[part].shape);
    v->domain = binder->domain;
    return v;
}

/* The values of the states along an axis. */
static Node *values_along(const Finite *f, const FinitePart *p, Axis axis)
{
    Graph *g = f->b->g;
    double step = p->states == 2 ? p->high - p->low : 1;
    return graph_map(g, OP_add, graph_const(g, p->low), graph_map(g, OP_mul, graph_const(g, step), graph_iota(g, axis), NULL), NULL);
}

static Node *number_of_state(const Finite *f, const FinitePart *p)
{
    return p->indicators ? graph_dot(f->b->g, p->state, values_along(f, p, p->choice), axes_one(p->choice)) : p->state;
}

/* ---- the polynomial ---- */

/* Ids below `size` were there before; made and depends are by id. */
typedef struct Rewrite {
    Finite *f;
    Graph *g;
    uint32_t size;
    Node **made;
    bool *depends;
} Rewrite;

static const FinitePart *part_of_leaf(const Finite *f, const Node *n)
{
    for (int i = 0; i < f->n; i++) if (f->at[i].value == n) return &f->at[i];
    return NULL;
}

static void mark_dependent(Rewrite *r)
{
    for (uint32_t id = 0; id < r->size; id++) {
        const Node *n = graph_node(r->g, id);
        r->depends[id] = part_of_leaf(r->f, n) != NULL;
        for (int i = 0; i < n->n_in; i++) if (n->in[i]->id < r->size && r->depends[n->in[i]->id]) r->depends[id] = true;
    }
}

static bool depends(const Rewrite *r, const Node *n) { return n->id < r->size && r->depends[n->id]; }

/* A view is a part's values at affine places, or at those that a constant tells: what a table can be indexed by. */
static const FinitePart *part_of_view(const Rewrite *r, const Node *n)
{
    while (n->op == OP_index || n->op == OP_spread || n->op == OP_stop || (n->op == OP_gather && !depends(r, n->in[1]))) n = n->in[0];
    return part_of_leaf(r->f, n);
}

enum { MAX_VIEWS = 4, MAX_TABLE = 1 << 14 };
typedef struct Views { int n; Node *at[MAX_VIEWS]; const FinitePart *part[MAX_VIEWS]; bool failed; } Views;

/* The views that a value is made of, place by place. */
static void find_views(const Rewrite *r, Node *n, Views *v)
{
    if (!depends(r, n) || v->failed) return;
    const FinitePart *p = part_of_view(r, n);
    if (p) {
        for (int i = 0; i < v->n; i++) if (v->at[i] == n) return;
        if (v->n == MAX_VIEWS) { v->failed = true; return; }
        v->part[v->n] = p;
        v->at[v->n++] = n;
        return;
    }
    if (op_info[n->op].family != FAMILY_MAP && n->op != OP_gather && n->op != OP_spread && n->op != OP_stop) { v->failed = true; return; }
    for (int i = 0; i < n->n_in; i++) {
        find_views(r, n->in[i], v);
        /* places of a view picked by another value are not place by place */
        for (int k = 0; n->op == OP_gather && i == 0 && k < v->n; k++) v->failed |= axes_have(&v->at[k]->axes, n->axis);
    }
}

/* Indicators of a view along axis k. */
static Node *indicators(const Rewrite *r, Node *view, const FinitePart *p, Axis k)
{
    Graph *g = r->g;
    Node *from = p->value;
    if (p->indicators) {
        Node *hot = view;
        graph_substitute(g, &hot, 1, &from, (Node *const[]){ p->state }, 1);
        return graph_rename(g, hot, p->choice, k);
    }
    Node *second = graph_map(g, OP_mul, graph_map(g, OP_sub, view, graph_const(g, p->low), NULL), graph_const(g, 1 / (p->high - p->low)), NULL);
    graph_substitute(g, &second, 1, &from, (Node *const[]){ p->state }, 1);
    Node *first = graph_map(g, OP_sub, graph_const(g, 1), second, NULL), *at = graph_iota(g, k);
    return graph_map(g, OP_add, first, graph_map(g, OP_mul, at, graph_map(g, OP_sub, second, first, NULL), NULL), NULL);
}

/* Any function of some views: its table over all their states, times the indicators. */
static Node *table_of(Rewrite *r, Node *n, const Views *v)
{
    Graph *g = r->g;
    Axis k[MAX_VIEWS];
    Node *to[MAX_VIEWS], *table = n;
    graph_set_origin(g, n->origin);
    for (int i = 0; i < v->n; i++) {
        k[i] = graph_fresh_axis(g, v->part[i]->states);
        to[i] = values_along(r->f, v->part[i], k[i]);
    }
    graph_substitute(g, &table, 1, (Node *const *)v->at, to, v->n);
    for (int i = 0; i < v->n; i++) table = graph_dot(g, graph_spread(g, table, axes_with(table->axes, k[i])), indicators(r, v->at[i], v->part[i], k[i]), axes_one(k[i]));
    return graph_spread(g, table, axes_union(&table->axes, &n->axes));
}

static bool small_table(const Views *v)
{
    double size = 1;
    for (int i = 0; i < v->n; i++) size *= (double)v->part[i]->states;
    return !v->failed && size <= MAX_TABLE;
}

/* Whether the op is a sum or a product of what depends on the states. */
static bool is_polynomial(const Rewrite *r, const Node *n)
{
    switch (n->op) {
    case OP_neg: case OP_add: case OP_sub: case OP_mul: case OP_sum: case OP_dot: case OP_spread: case OP_index: case OP_place: case OP_reshape:
    case OP_concat: case OP_stop:
        return true;
    case OP_div: case OP_gather: return !depends(r, n->in[1]);
    case OP_select: return !depends(r, n->in[0]);
    default: return false;
    }
}

/* A product both of whose factors are made of the same places, as (x[t] - x[t+1])^2. */
static bool is_square(const Rewrite *r, const Node *n)
{
    if (n->op != OP_mul || !depends(r, n->in[0]) || !depends(r, n->in[1])) return false;
    Views x = { 0 }, y = { 0 };
    find_views(r, n->in[0], &x);
    find_views(r, n->in[1], &y);
    if (x.failed || y.failed) return false;
    for (int i = 0; i < x.n; i++) for (int k = 0; k < y.n; k++) if (x.at[i] == y.at[k]) return true;
    return false;
}

static Node *rewrite(Rewrite *r, Node *n);

static Node *rewrite_operands(Rewrite *r, Node *n)
{
    if (n->op == OP_stop) return rewrite(r, n->in[0]);
    Node **in = ARENA_ARRAY(r->f->b->arena, Node *, n->n_in);
    for (int i = 0; i < n->n_in; i++) {
        in[i] = rewrite(r, n->in[i]);
        if (!in[i]) return NULL;
    }
    graph_set_origin(r->g, n->origin);
    return graph_rebuild(r->g, n, in);
}

static Node *rewrite_new(Rewrite *r, Node *n)
{
    const FinitePart *p = part_of_leaf(r->f, n);
    if (p) return number_of_state(r->f, p);
    if (is_polynomial(r, n) && !is_square(r, n)) return rewrite_operands(r, n);
    Views v = { 0 };
    find_views(r, n, &v);
    if (small_table(&v)) return table_of(r, n, &v);
    if (is_polynomial(r, n)) return rewrite_operands(r, n);
    r->f->refused = n;
    return NULL;
}

static Node *rewrite(Rewrite *r, Node *n)
{
    if (!depends(r, n)) return n;
    if (r->made[n->id]) return r->made[n->id];
    Node *new = rewrite_new(r, n);
    return r->made[n->id] = new;
}

Node *finite_polynomial(Finite *f, Node *value)
{
    Rewrite r = { .f = f, .g = f->b->g, .size = graph_size(f->b->g) };
    r.made = calloc(r.size, sizeof *r.made);
    r.depends = calloc(r.size, sizeof *r.depends);
    Node *e = NULL;
    f->refused = value;
    if (r.made && r.depends) {
        f->refused = NULL;
        mark_dependent(&r);
        const Origin *before = graph_origin(r.g);
        e = rewrite(&r, value);
        graph_set_origin(r.g, before);
    }
    free(r.made);
    free(r.depends);
    return e;
}

Node *finite_energy(Inference *x, Finite *f, Closure *energy)
{
    Value *v[MAX_BINDERS] = { NULL };
    for (int i = 0; i < x->n; i++) v[i] = finite_value(f, &x->at[i], i, f->at[i].value);
    f->refused = NULL;
    Value *e = energy_at(x, energy, v);
    return e->kind == VALUE_NONE ? NULL : finite_polynomial(f, e->node);
}

void finite_slopes(const Finite *f, Node *energy, Node **slope)
{
    Graph *g = f->b->g;
    Node *wrt[MAX_BINDERS], *one = graph_spread(g, graph_const(g, 1), energy->axes);
    for (int i = 0; i < f->n; i++) wrt[i] = f->at[i].state;
    grad_reverse(g, &energy, &one, 1, wrt, f->n, slope);
    for (int i = 0; i < f->n; i++) if (!slope[i]) slope[i] = graph_spread(g, graph_const(g, 0), wrt[i]->axes);
}

bool finite_is_quadratic(const Finite *f, int part, Node *slope)
{
    const FinitePart *p = &f->at[part];
    Node *along = graph_variable(f->b->g, p->state->axes), *second = NULL;
    grad_forward(f->b->g, &slope, 1, &p->state, &along, 1, &second);
    return !second || !graph_depends(f->b->g, second, p->state);
}

/* ---- where all states are 0 ---- */

typedef struct Rest { const Finite *f; Graph *g; uint32_t size; Node **made; bool *zero, *depends; } Rest;

static bool is_state(const Finite *f, const Node *n)
{
    for (int i = 0; i < f->n; i++) if (f->at[i].state == n) return true;
    return false;
}

static void mark_zeros(Rest *r)
{
    for (uint32_t id = 0; id < r->size; id++) {
        const Node *n = graph_node(r->g, id);
        bool state = is_state(r->f, n), any = state, all = n->n_in > 0;
        for (int i = 0; i < n->n_in; i++) {
            any |= r->depends[n->in[i]->id];
            all &= r->zero[n->in[i]->id];
        }
        r->depends[id] = any;
        switch (n->op) {
        case OP_mul: case OP_dot: r->zero[id] = r->zero[n->in[0]->id] || r->zero[n->in[1]->id]; break;
        case OP_div: case OP_gather: r->zero[id] = r->zero[n->in[0]->id]; break;
        case OP_neg: case OP_add: case OP_sub: case OP_sum: case OP_spread: case OP_index: case OP_place: case OP_reshape: case OP_concat: r->zero[id] = all; break;
        default: r->zero[id] = state;
        }
    }
}

static Node *rest_of(Rest *r, Node *n)
{
    if (n->id >= r->size || !r->depends[n->id]) return n;
    if (r->zero[n->id]) return graph_spread(r->g, graph_const(r->g, 0), n->axes);
    if (r->made[n->id]) return r->made[n->id];
    if (n->op == OP_add || n->op == OP_sub) {
        bool first = r->zero[n->in[0]->id], second = r->zero[n->in[1]->id];
        if (second) return r->made[n->id] = graph_spread(r->g, rest_of(r, n->in[0]), n->axes);
        if (first) {
            Node *x = rest_of(r, n->in[1]);
            return r->made[n->id] = graph_spread(r->g, n->op == OP_sub ? graph_map(r->g, OP_neg, x, NULL, NULL) : x, n->axes);
        }
    }
    Node **in = ARENA_ARRAY(r->f->b->arena, Node *, n->n_in);
    for (int i = 0; i < n->n_in; i++) in[i] = rest_of(r, n->in[i]);
    return r->made[n->id] = graph_rebuild(r->g, n, in);
}

Node *finite_rest(const Finite *f, Node *polynomial)
{
    Rest r = { .f = f, .g = f->b->g, .size = graph_size(f->b->g) };
    r.made = calloc(r.size, sizeof *r.made);
    r.zero = calloc(r.size, sizeof *r.zero);
    r.depends = calloc(r.size, sizeof *r.depends);
    Node *e = polynomial;
    if (r.made && r.zero && r.depends) {
        mark_zeros(&r);
        e = rest_of(&r, polynomial);
    }
    free(r.made);
    free(r.zero);
    free(r.depends);
    return e;
}

/* ---- one place ---- */

static Node *constant(const Finite *f, double x) { return graph_const(f->b->g, x); }
static Node *map2(const Finite *f, Op op, Node *x, Node *y) { return graph_map(f->b->g, op, x, y, NULL); }
static Node *map1(const Finite *f, Op op, Node *x) { return graph_map(f->b->g, op, x, NULL, NULL); }

/* Energy of the second state less that of the first. */
static Node *gap_of(const Finite *f, const FinitePart *p, Node *slope) { return map2(f, OP_mul, slope, constant(f, p->high - p->low)); }

Node *finite_state(const Finite *f, int part, Node *node)
{
    const FinitePart *p = &f->at[part];
    return p->indicators ? map2(f, OP_eq, node, values_along(f, p, p->choice)) : node;
}

/* The value of a state's number. */
static Node *value_of_choice(const Finite *f, const FinitePart *p, Node *choice)
{
    return map2(f, OP_add, map2(f, OP_mul, choice, constant(f, p->states == 2 ? p->high - p->low : 1)), constant(f, p->low));
}

Node *finite_misses(const Finite *f, int part, Node *value)
{
    Builder *b = f->b;
    const Value *mask = b->at.given ? b->at.given->mask[part] : NULL;
    Shape shape = f->at[part].shape;
    if (!mask) return NULL;
    return map2(f, OP_mul, map2(f, OP_ne, aligned(b, mask, shape), constant(f, 0)), map2(f, OP_ne, value, aligned(b, b->at.given->value[part], shape)));
}

Node *finite_observed(const Finite *f, int part, Node *slope)
{
    const FinitePart *p = &f->at[part];
    Node *misses = finite_misses(f, part, values_along(f, p, p->choice));
    return misses ? map2(f, OP_add, slope, map2(f, OP_mul, misses, constant(f, 1e30))) : slope;
}

Node *finite_least(const Finite *f, int part, Node *slope)
{
    const FinitePart *p = &f->at[part];
    if (p->indicators) return value_of_choice(f, p, graph_along(f->b->g, OP_argmin, slope, p->choice, false));
    return graph_map(f->b->g, OP_select, map2(f, OP_lt, gap_of(f, p, slope), constant(f, 0)), constant(f, p->high), constant(f, p->low));
}

static Node *probabilities(const Finite *f, const FinitePart *p, Node *slope)
{
    Node *minus = map1(f, OP_neg, slope);
    return map1(f, OP_exp, map2(f, OP_sub, minus, graph_fold(f->b->g, OP_logsumexp, minus, axes_one(p->choice))));
}

Node *finite_drawn(const Finite *f, int part, Node *slope, Node *u)
{
    const FinitePart *p = &f->at[part];
    Graph *g = f->b->g;
    if (!p->indicators) return graph_map(g, OP_select, map2(f, OP_lt, u, map1(f, OP_sigmoid, map1(f, OP_neg, gap_of(f, p, slope)))), constant(f, p->high), constant(f, p->low));
    /* The number of states whose running sum of probabilities u is beyond. */
    Node *beyond = map2(f, OP_le, graph_along(g, OP_cumsum, probabilities(f, p, slope), p->choice, false), u);
    Node *choice = graph_fold(g, OP_sum, beyond, axes_one(p->choice));
    return value_of_choice(f, p, map2(f, OP_min, choice, constant(f, (double)p->states - 1)));
}

Node *finite_free(const Finite *f, int part, Node *slope)
{
    const FinitePart *p = &f->at[part];
    if (p->indicators) return map1(f, OP_neg, graph_fold(f->b->g, OP_logsumexp, map1(f, OP_neg, slope), axes_one(p->choice)));
    return map2(f, OP_sub, map2(f, OP_mul, slope, constant(f, p->low)), map1(f, OP_softplus, map1(f, OP_neg, gap_of(f, p, slope))));
}

Node *finite_mean(const Finite *f, int part, Node *slope)
{
    const FinitePart *p = &f->at[part];
    if (p->indicators) return probabilities(f, p, slope);
    Node *second = map1(f, OP_sigmoid, map1(f, OP_neg, gap_of(f, p, slope)));
    return map2(f, OP_add, constant(f, p->low), map2(f, OP_mul, constant(f, p->high - p->low), second));
}

Node *finite_luck(const Finite *f, int part, const char *name)
{
    f->b->at.draw_name = name;
    f->b->at.draw_count = 0;
    return random_node(f->b, RANDOM_UNIFORM, 0, f->at[part].shape);
}

/* ---- for messages ---- */

const Node *finite_meeting(const Finite *f, Node *energy)
{
    Graph *g = f->b->g;
    uint32_t size = graph_size(g);
    bool *on = calloc(size, sizeof *on);
    const Node *found = NULL;
    for (uint32_t id = 0; on && id <= energy->id && !found; id++) {
        const Node *n = graph_node(g, id);
        int met = 0;
        for (int i = 0; i < n->n_in; i++) if (n->in[i]->id < size && on[n->in[i]->id]) met++;
        on[id] = met > 0 || is_state(f, n);
        if (met > 1 && (n->op == OP_mul || n->op == OP_dot) && graph_depends(g, energy, n)) found = n;
    }
    free(on);
    return found;
}

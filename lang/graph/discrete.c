/* discrete.c: what solvers of finite domains ask of an energy: the values of a place, what each move would change, which places act on
 * each other in pairs. */
#include <string.h>
#include "lang/grad/grad.h"
#include "lang/graph/finite.h"

enum { MAX_PAIRED = 4096 };     /* places: the couplings of all pairs are computed once */

static bool is_finite(const Value *x) { return x->kind == VALUE_ARRAY && (x->domain.kind == CLASS_WHOLE || x->domain.kind == CLASS_SPIN); }

/* What is asked for, as an inference over the one name x. */
typedef struct Asked { Expr by, whole; Infer infer; Inference x; Finite f; Value *at; Node *energy; Span span; } Asked;

static void refuse_domain(Builder *b, Span span, const char *who, const Value *x)
{
    bool several = x->kind == VALUE_BUNDLE;
    Diagnostic *d = complain(b, "E0360", span, "%s needs one name of classes, bits or spins, but what is sought is %s", who, several ? value_text(b, x) : "real");
    diag_help(d, "%s", several ? "gibbs(..) and exact() serve several names; alternate(..) gives each a solver of its own" : real_solvers(INFER_SAMPLE));
}

static bool ask(Builder *b, const CallArgs *args, const char *who, Asked *a)
{
    const Value *E = args->at[0].value;
    Value *x = args->at[1].value;
    if (E->kind == VALUE_NONE || x->kind == VALUE_NONE) return false;
    if (E->kind != VALUE_FUNCTION) {
        complain(b, "E0367", args->at[0].span, "%s takes an energy, but this is %s", who, value_text(b, E));
        return false;
    }
    if (!is_finite(x)) {
        refuse_domain(b, args->at[1].span, who, x);
        return false;
    }
    a->span = args->span;
    a->by.span = a->whole.span = args->span;
    a->infer.kind = INFER_SAMPLE;
    a->infer.by = &a->by;
    a->at = x;
    a->x = (Inference){ .b = b, .e = &a->whole, .infer = &a->infer, .n = 1 };
    a->x.at[0] = (Binder){ .name = { .text = "x", .span = args->span }, .typed = true, .has_shape = true, .shape = x->shape, .domain = x->domain };
    return true;
}

static bool ask_energy(Asked *a, Closure *energy, bool indicators)
{
    if (!finite_parts(&a->x, &a->f, indicators)) return false;
    Value *v = finite_value(&a->f, &a->x.at[0], 0, a->f.at[0].value), *e = apply_values(a->x.b, energy, &v, 1, a->span);
    if (e->kind != VALUE_ARRAY || e->shape.n) {
        if (e->kind != VALUE_NONE) complain(a->x.b, "E0362", a->span, "one number for each configuration is needed, but the energy is %s", value_text(a->x.b, e));
        return false;
    }
    a->energy = e->node;
    return true;
}

static Node *constant(const Asked *a, double x) { return graph_const(a->x.b->g, x); }
static Node *map2(const Asked *a, Op op, Node *x, Node *y) { return graph_map(a->x.b->g, op, x, y, NULL); }

static int64_t places_of(const Asked *a) { Axes axes = axes_of(a->f.at[0].shape); return axes_count(&axes); }

/* The axes of the places as one, row-major. */
static Node *in_one_row(const Asked *a, Node *n, Axis row)
{
    Shape shape = a->f.at[0].shape;
    Axes all = axes_of(shape);
    n = graph_spread(a->x.b->g, n, axes_union(&n->axes, &all));
    if (!shape.n) return graph_spread(a->x.b->g, n, axes_with(n->axes, row));
    return graph_reshape(a->x.b->g, n, shape, (Shape){ 1, { row } });
}

/* ---- states(x) ---- */

static Node *state_along(const Asked *a, Axis axis)
{
    const FinitePart *p = &a->f.at[0];
    return map2(a, OP_add, constant(a, p->low), map2(a, OP_mul, constant(a, p->states == 2 ? p->high - p->low : 1), graph_iota(a->x.b->g, axis)));
}

Value *states_of_domain(Builder *b, const CallArgs *args)
{
    const Value *x = args->at[0].value;
    if (x->kind == VALUE_NONE) return b->none;
    if (!is_finite(x)) {
        refuse_domain(b, args->at[0].span, "states", x);
        return b->none;
    }
    Domain d = x->domain;
    int64_t n = d.kind == CLASS_SPIN ? 2 : (int64_t)(d.high - d.low) + 1;
    Shape shape = shape_fresh(&n, 1);
    Node *k = graph_iota(b->g, shape.at[0]);
    if (d.kind == CLASS_SPIN) k = graph_map(b->g, OP_mul, k, graph_const(b->g, d.high - d.low), NULL);
    Value *v = array(b, graph_map(b->g, OP_add, k, graph_const(b->g, d.low), NULL), shape);
    v->domain = d;
    return v;
}

/* ---- changes(E, x) ---- */

/* From the polynomial, whose slopes by the states' indicators are the energies of all states of a place. */
static Node *changes_exactly(Asked *a, Node *polynomial)
{
    Graph *g = a->x.b->g;
    const FinitePart *p = &a->f.at[0];
    Node *slope;
    finite_slopes(&a->f, polynomial, &slope);
    Node *here = graph_spread(g, finite_state(&a->f, 0, a->at->node), p->state->axes), *state = p->state;
    graph_substitute(g, &slope, 1, &state, &here, 1);
    Node *now = graph_dot(g, graph_spread(g, slope, axes_union(&slope->axes, &p->state->axes)), here, axes_one(p->choice));
    return map2(a, OP_sub, slope, now);
}

/* To first order, of an energy that is no polynomial. */
static Node *changes_by_gradient(Asked *a)
{
    Graph *g = a->x.b->g;
    const FinitePart *p = &a->f.at[0];
    Node *one = graph_spread(g, constant(a, 1), a->energy->axes), *slope = NULL, *value = p->value;
    grad_reverse(g, &a->energy, &one, 1, &value, 1, &slope);
    if (!slope) slope = graph_spread(g, constant(a, 0), value->axes);
    Node *here = graph_spread(g, a->at->node, value->axes);
    graph_substitute(g, &slope, 1, &value, &here, 1);
    return map2(a, OP_mul, slope, map2(a, OP_sub, state_along(a, p->choice), here));
}

Value *changes_of_moves(Builder *b, const CallArgs *args)
{
    Asked a = { 0 };
    if (!ask(b, args, "changes", &a) || !ask_energy(&a, args->at[0].value->fn, true)) return b->none;
    Node *polynomial = finite_polynomial(&a.f, a.energy), *change = polynomial ? changes_exactly(&a, polynomial) : changes_by_gradient(&a);
    int64_t dims[2] = { places_of(&a), a.f.at[0].states };
    Shape shape = shape_fresh(dims, 2);
    change = graph_spread(b->g, change, axes_with(change->axes, a.f.at[0].choice));
    Axis row = graph_fresh_axis(b->g, dims[0]);
    change = graph_rename(b->g, graph_rename(b->g, in_one_row(&a, change, row), a.f.at[0].choice, shape.at[1]), row, shape.at[0]);
    return array(b, change, shape);
}

/* ---- pairwise(E, x) ---- */

typedef struct Pairs { Asked *a; Axis place, turn; int64_t turns; Touches touches; bool all; Node *neighbor, *is_there; } Pairs;

static Value *not_pairwise(Builder *b, Span span, const Node *where, const char *why)
{
    Diagnostic *d = complain(b, "E0370", span, "clusters need an energy of pairs of spins or bits, but %s", why);
    if (where && where->origin) diag_note(d, where->origin->span, "they come together here");
    diag_help(d, "gibbs(..) and gibbs_with_gradients(..) serve other energies");
    return b->none;
}

/* The coordinate of a place of the row along axis `at` of the shape. */
static Node *coordinate(const Pairs *p, int at)
{
    const Shape *shape = &p->a->f.at[0].shape;
    int64_t stride = 1;
    for (int i = at + 1; i < shape->n; i++) stride *= axis_size(shape->at[i]);
    Node *n = graph_map(p->a->x.b->g, OP_floor, map2(p->a, OP_div, graph_iota(p->a->x.b->g, p->place), constant(p->a, (double)stride)), NULL, NULL);
    return map2(p->a, OP_mod, n, constant(p->a, (double)axis_size(shape->at[at])));
}

/* By how much turn number t goes on along axis `at`. */
static Node *shift_of_turn(const Pairs *p, int at)
{
    Node *by = constant(p->a, 0), *turn = graph_iota(p->a->x.b->g, p->turn);
    for (int t = 0; t < p->touches.n; t++) {
        Node *is = map2(p->a, OP_eq, turn, constant(p->a, t));
        by = map2(p->a, OP_add, by, map2(p->a, OP_mul, is, constant(p->a, (double)p->touches.at[t][at].by)));
    }
    return by;
}

/* neighbor[place, turn], and whether it is there: inside, another place, and not met in an earlier turn. */
static void find_neighbors(Pairs *p)
{
    Graph *g = p->a->x.b->g;
    const Shape *shape = &p->a->f.at[0].shape;
    Node *own = graph_iota(g, p->place), *number = constant(p->a, 0), *inside = constant(p->a, 1);
    for (int i = 0; i < shape->n && !p->all; i++) {
        Node *size = constant(p->a, (double)axis_size(shape->at[i])), *to = map2(p->a, OP_add, coordinate(p, i), shift_of_turn(p, i));
        bool wrap = false;
        for (int t = 0; t < p->touches.n; t++) wrap |= p->touches.at[t][i].wrap;
        if (!wrap) inside = map2(p->a, OP_mul, inside, map2(p->a, OP_mul, map2(p->a, OP_le, constant(p->a, 0), to), map2(p->a, OP_lt, to, size)));
        number = map2(p->a, OP_add, map2(p->a, OP_mul, number, size), map2(p->a, OP_mod, to, size));
    }
    if (p->all) number = graph_iota(g, p->turn);
    Axes both = axes_with(axes_one(p->place), p->turn);
    p->neighbor = graph_spread(g, graph_map(g, OP_select, inside, number, own), both);
    p->is_there = graph_spread(g, map2(p->a, OP_ne, p->neighbor, own), both);
    for (int t = 0; t + 1 < p->turns && !p->all; t++) {
        Node *then = graph_gather(g, p->neighbor, p->turn, constant(p->a, t));
        Node *later = map2(p->a, OP_lt, constant(p->a, t), graph_iota(g, p->turn));
        p->is_there = map2(p->a, OP_mul, p->is_there, map2(p->a, OP_sub, constant(p->a, 1), map2(p->a, OP_mul, later, map2(p->a, OP_eq, p->neighbor, then))));
    }
}

/* Axes along which one touch wraps and another does not have all places for neighbors: they are few or unusual. */
static bool wraps_alike(const Touches *t, int rank)
{
    for (int a = 0; a < rank; a++)
        for (int i = 0; i < t->n; i++)
            if (t->at[i][a].any || (t->at[i][a].by && t->at[0][a].by && t->at[i][a].wrap != t->at[0][a].wrap)) return false;
    return true;
}

/* Second derivatives of each place of the row by all others, along `other`. */
static Node *couplings(Pairs *p, Node *slope, Axis other)
{
    Graph *g = p->a->x.b->g;
    Node *state = p->a->f.at[0].state, *number = constant(p->a, 0), *second = NULL;
    const Shape *shape = &p->a->f.at[0].shape;
    for (int i = 0; i < shape->n; i++) number = map2(p->a, OP_add, map2(p->a, OP_mul, number, constant(p->a, (double)axis_size(shape->at[i]))), graph_iota(g, shape->at[i]));
    Node *along = map2(p->a, OP_eq, number, graph_iota(g, other));
    along = graph_spread(g, along, axes_union(&along->axes, &state->axes));
    grad_forward(g, &slope, 1, &state, &along, 1, &second);
    if (!second) second = constant(p->a, 0);
    return in_one_row(p->a, graph_spread(g, second, axes_with(second->axes, other)), p->place);
}

static Value *in_record(Builder *b, const Pairs *p, Node *node, bool turns)
{
    int64_t dims[2] = { axis_size(p->place), p->turns };
    Shape shape = shape_fresh(dims, turns ? 2 : 1);
    Axes own = axes_of((Shape){ turns ? 2 : 1, { p->place, p->turn } });
    node = graph_rename(b->g, graph_spread(b->g, node, axes_union(&node->axes, &own)), p->place, shape.at[0]);
    return array(b, turns ? graph_rename(b->g, node, p->turn, shape.at[1]) : node, shape);
}

Value *pairs_of_energy(Builder *b, const CallArgs *args)
{
    Asked a = { 0 };
    if (!ask(b, args, "pairwise", &a)) return b->none;
    if (!ask_energy(&a, args->at[0].value->fn, false)) return b->none;
    const FinitePart *part = &a.f.at[0];
    if (part->states != 2) return not_pairwise(b, args->span, NULL, arena_format(b->arena, "these places have %lld states", (long long)part->states));
    Node *polynomial = finite_polynomial(&a.f, a.energy), *slope;
    if (!polynomial) return not_pairwise(b, args->span, a.f.refused, "this one has another function of them");
    finite_slopes(&a.f, polynomial, &slope);
    if (!finite_is_quadratic(&a.f, 0, slope)) return not_pairwise(b, args->span, finite_meeting(&a.f, polynomial), "in this one three or more come together");
    int64_t places = places_of(&a);
    if (places > MAX_PAIRED) return not_pairwise(b, args->span, NULL, arena_format(b->arena, "there are %lld places, of which %d is the most", (long long)places, MAX_PAIRED));
    Pairs p = { .a = &a, .place = graph_fresh_axis(b->g, places), .touches = touches_of(&a.f, 0, slope) };
    p.all = !wraps_alike(&p.touches, part->shape.n);
    p.turns = p.all ? places : p.touches.n ? p.touches.n : 1;
    p.turn = graph_fresh_axis(b->g, p.turns);
    find_neighbors(&p);
    Axis other = graph_fresh_axis(b->g, places);
    double half = 0.5 * (part->high - part->low);
    Node *coupling = graph_gather(b->g, couplings(&p, slope, other), other, p.neighbor);
    coupling = map2(&a, OP_mul, map2(&a, OP_mul, coupling, p.is_there), constant(&a, half * half));
    Node *state = part->state, *middle = graph_spread(b->g, constant(&a, 0.5 * (part->high + part->low)), state->axes);
    graph_substitute(b->g, &slope, 1, &state, &middle, 1);
    Value *r = value_new(b, VALUE_RECORD), *neighbor = in_record(b, &p, p.neighbor, true);
    neighbor->domain = (Domain){ CLASS_WHOLE, 0, (double)places - 1 };
    field_add(b, &r->fields, "coupling", in_record(b, &p, coupling, true));
    field_add(b, &r->fields, "neighbor", neighbor);
    field_add(b, &r->fields, "field", in_record(b, &p, map2(&a, OP_mul, in_one_row(&a, slope, p.place), constant(&a, half)), false));
    return r;
}

/* ---- project(y, x) ---- */

Value *nearest_state(Builder *b, Value *y, Domain d)
{
    Graph *g = b->g;
    Node *n = y->node, *low = graph_const(g, d.low), *high = graph_const(g, d.high);
    if (d.kind == CLASS_SPIN) n = graph_map(g, OP_select, graph_map(g, OP_le, graph_const(g, 0.5 * (d.low + d.high)), n, NULL), high, low);
    else n = graph_map(g, OP_max, low, graph_map(g, OP_min, high, graph_map(g, OP_floor, graph_map(g, OP_add, n, graph_const(g, 0.5), NULL), NULL, NULL), NULL), NULL);
    Value *r = array(b, n, y->shape);
    r->domain = d;
    return r;
}

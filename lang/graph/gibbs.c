/* gibbs.c: Gibbs sampling in blocks, and what is built on it: simulated annealing (and, in partition.c, annealed importance sampling).
 *
 * A sweep draws every place of the sought arrays from its conditional distribution.  Places that do not act on each other are drawn at
 * once: the energies of all states of all of them come from one gradient.  Which those are is found from the energy (touch.c): a grid
 * becomes a checkerboard, a restricted Boltzmann machine its two layers.  An energy that is no polynomial is asked for each state of each
 * place, one place after another: slower, and as right. */
#include <math.h>
#include <string.h>
#include "lang/grad/grad.h"
#include "lang/graph/sweep.h"

enum { UNROLLED_COLORS = 4 };

static Node *constant(Sweep *s, double x) { return graph_const(s->f.b->g, x); }

/* ---- which places can be drawn at once ---- */

/* The slopes and colors of each part, from the energy as a polynomial; where it is none, or a place of several states acts on itself, the
 * part goes place after place. */
static void find_blocks(Sweep *s)
{
    Node *energy = finite_polynomial(&s->f, s->energy);
    if (energy) finite_slopes(&s->f, energy, s->slope);
    for (int i = 0; i < s->f.n; i++) {
        s->alone[i] = !energy;
        if (!energy) continue;
        Touches t = touches_of(&s->f, i, s->slope[i]);
        s->squares[i] = touches_itself(&s->f, i, &t);
        s->colors[i] = coloring_of(&s->f, i, &t);
        s->alone[i] = s->squares[i] && (s->f.at[i].indicators || !finite_is_quadratic(&s->f, i, s->slope[i]));
    }
}

bool prepare_sweeps(Inference *x, Closure *energy, Sweep *s)
{
    Value *v[MAX_BINDERS] = { NULL };
    if (!finite_parts(x, &s->f, false)) return false;
    for (int i = 0; i < x->n; i++) v[i] = finite_value(&s->f, &x->at[i], i, s->f.at[i].value);
    Value *e = energy_at(x, energy, v);
    if (e->kind == VALUE_NONE) return false;
    s->energy = e->node;
    stand_at(x->b, x->e->span);
    find_blocks(s);
    int n = 0;
    for (int i = 0; i < s->f.n; i++) if (x->at[i].fresh) s->order[n++] = i;
    for (int i = 0; i < s->f.n; i++) if (!x->at[i].fresh) s->order[n++] = i;
    return true;
}

/* ---- a sweep ---- */

static Node *color_of(Sweep *s, int part)
{
    Graph *g = s->f.b->g;
    const Coloring *c = &s->colors[part];
    Node *sum = constant(s, 0);
    for (int a = 0; a < s->f.at[part].shape.n; a++) {
        Axis axis = s->f.at[part].shape.at[a];
        Node *place = graph_iota(g, axis);
        sum = graph_map(g, OP_add, sum, graph_map(g, OP_mul, place, constant(s, (double)c->coef[a]), NULL), NULL);
        if (c->last[a]) sum = graph_map(g, OP_add, sum, graph_map(g, OP_eq, place, constant(s, (double)axis_size(axis) - 1), NULL), NULL);
    }
    return graph_map(g, OP_mod, sum, constant(s, (double)c->colors), NULL);
}

static Node *clamped(Sweep *s, int part, Node *node)
{
    Builder *b = s->f.b;
    const Value *mask = b->at.given ? b->at.given->mask[part] : NULL;
    Shape shape = s->f.at[part].shape;
    return mask ? graph_map(b->g, OP_select, aligned(b, mask, shape), aligned(b, b->at.given->value[part], shape), node) : node;
}

/* The values of a part with its places where `chosen` is 1 (null: all) drawn anew.  luck: uniform draws; null: the least is taken.  heat: inverse
 * temperature; null: 1. */
static Node *draw_block(Sweep *s, int part, Node *const *values, Node *chosen, Node *luck, Node *heat)
{
    Graph *g = s->f.b->g;
    Finite *f = &s->f;
    Node *from[MAX_BINDERS], *to[MAX_BINDERS], *slope = s->slope[part];
    for (int i = 0; i < f->n; i++) {
        Node *at = values[i];
        if (i == part && s->squares[i]) {
            Node *half = constant(s, 0.5 * (f->at[i].low + f->at[i].high));
            at = chosen ? graph_map(g, OP_select, chosen, half, at) : graph_spread(g, half, at->axes);
        }
        from[i] = f->at[i].state;
        to[i] = graph_spread(g, finite_state(f, i, at), f->at[i].state->axes);
    }
    graph_substitute(g, &slope, 1, from, to, f->n);
    if (heat) slope = graph_map(g, OP_mul, slope, heat, NULL);
    Node *drawn = luck ? finite_drawn(f, part, slope, luck) : finite_least(f, part, slope);
    if (chosen) drawn = graph_map(g, OP_select, chosen, drawn, values[part]);
    return graph_spread(g, clamped(s, part, drawn), f->at[part].value->axes);
}

/* 0, 1, .. or the other way round. */
static Node *turn_of_loop(Sweep *s, Loop *loop)
{
    return s->backward ? graph_map(s->f.b->g, OP_sub, constant(s, (double)loop->passes - 1), loop->time, NULL) : loop->time;
}

static Node *draw_colors_in_loop(Sweep *s, int part, Node **values, Node *luck, Node *heat)
{
    Graph *g = s->f.b->g;
    Loop *loop = graph_loop_open(g, s->f.b->at.loop, s->colors[part].colors);
    Node *before = values[part];
    values[part] = graph_carry(g, loop, before, s->f.at[part].value->axes);
    Node *chosen = graph_map(g, OP_eq, color_of(s, part), turn_of_loop(s, loop), NULL);
    graph_loop_next(g, loop, 0, draw_block(s, part, values, chosen, luck, heat));
    values[part] = before;
    graph_loop_close(g, loop);
    return graph_result(g, loop, 0);
}

/* ---- place after place ---- */

Node *energy_here(Sweep *s, Node *const *values)
{
    Node *from[MAX_BINDERS], *to[MAX_BINDERS], *e = s->energy;
    for (int i = 0; i < s->f.n; i++) {
        from[i] = s->f.at[i].value;
        to[i] = graph_spread(s->f.b->g, values[i], from[i]->axes);
    }
    graph_substitute(s->f.b->g, &e, 1, from, to, s->f.n);
    return e;
}

/* The energy where the place that `is` marks is set to `to`. */
static Node *energy_tried(Sweep *s, int part, Node *const *values, Node *is, Node *to)
{
    Node *tried[MAX_BINDERS];
    memcpy(tried, values, sizeof(Node *) * (size_t)s->f.n);
    tried[part] = graph_map(s->f.b->g, OP_select, is, to, values[part]);
    return energy_here(s, tried);
}

/* What finite_drawn takes: energies of all states of the place, or with two states the slope between them. */
static Node *slope_alone(Sweep *s, int part, Node *const *values, Node *is)
{
    Graph *g = s->f.b->g;
    const FinitePart *p = &s->f.at[part];
    if (p->indicators) {
        Node *state = graph_map(g, OP_add, constant(s, p->low), graph_iota(g, p->choice), NULL);
        Node *e = energy_tried(s, part, values, is, state);
        return graph_spread(g, e, axes_with(e->axes, p->choice));
    }
    Node *high = energy_tried(s, part, values, is, constant(s, p->high)), *low = energy_tried(s, part, values, is, constant(s, p->low));
    return graph_map(g, OP_div, graph_map(g, OP_sub, high, low, NULL), constant(s, p->high - p->low), NULL);
}

static Node *number_of_place(Sweep *s, int part)
{
    Graph *g = s->f.b->g;
    Node *number = constant(s, 0);
    for (int a = 0; a < s->f.at[part].shape.n; a++) {
        Axis axis = s->f.at[part].shape.at[a];
        number = graph_map(g, OP_add, graph_map(g, OP_mul, number, constant(s, (double)axis_size(axis)), NULL), graph_iota(g, axis), NULL);
    }
    return number;
}

static Node *draw_alone(Sweep *s, int part, Node **values, Node *luck, Node *heat)
{
    Graph *g = s->f.b->g;
    Axes places = axes_of(s->f.at[part].shape);
    Loop *loop = graph_loop_open(g, s->f.b->at.loop, axes_count(&places));
    Node *before = values[part];
    values[part] = graph_carry(g, loop, before, s->f.at[part].value->axes);
    Node *is = graph_map(g, OP_eq, number_of_place(s, part), turn_of_loop(s, loop), NULL);
    Node *slope = slope_alone(s, part, values, is);
    if (heat) slope = graph_map(g, OP_mul, slope, heat, NULL);
    Node *u = luck ? graph_fold(g, OP_sum, graph_map(g, OP_mul, graph_spread(g, is, places), luck, NULL), places) : NULL;
    Node *chosen = u ? finite_drawn(&s->f, part, slope, u) : finite_least(&s->f, part, slope);
    Node *next = clamped(s, part, graph_map(g, OP_select, is, chosen, values[part]));
    graph_loop_next(g, loop, 0, graph_spread(g, next, s->f.at[part].value->axes));
    values[part] = before;
    graph_loop_close(g, loop);
    return graph_result(g, loop, 0);
}

/* ---- a sweep over all parts ---- */

void sweep_part(Inference *x, Sweep *s, int part, Node **values, Node *heat)
{
    Graph *g = x->b->g;
    int64_t colors = s->colors[part].colors;
    Node *luck = s->least ? NULL : finite_luck(&s->f, part, x->at[part].name.text);
    if (s->alone[part]) values[part] = draw_alone(s, part, values, luck, heat);
    else if (colors == 1) values[part] = draw_block(s, part, values, NULL, luck, heat);
    else if (colors > UNROLLED_COLORS) values[part] = draw_colors_in_loop(s, part, values, luck, heat);
    else for (int64_t k = 0; k < colors; k++) {
        Node *color = constant(s, (double)(s->backward ? colors - 1 - k : k));
        values[part] = draw_block(s, part, values, graph_map(g, OP_eq, color_of(s, part), color, NULL), luck, heat);
    }
}

void sweep(Inference *x, Sweep *s, Node **values, Node *heat)
{
    for (int k = 0; k < s->f.n; k++) sweep_part(x, s, s->order[s->backward ? s->f.n - 1 - k : k], values, heat);
}

void open_values(Sweep *s, Loop *loop, Node *const *start, Node **values)
{
    for (int i = 0; i < s->f.n; i++) values[i] = graph_carry(s->f.b->g, loop, graph_spread(s->f.b->g, start[i], s->f.at[i].value->axes), s->f.at[i].value->axes);
}

static bool count_setting(Inference *x, const Closure *solver, const char *name, int64_t *to)
{
    Value settings = { .fields = solver->settings };
    if (!want_size(x->b, field_of(&settings, name), x->infer->by->span, name, to)) return false;
    if (*to > 0) return true;
    complain(x->b, "E0360", x->infer->by->span, "%s must be above 0", name);
    return false;
}

static bool temperature_setting(Inference *x, const Closure *solver, const char *name, double *to)
{
    Value settings = { .fields = solver->settings };
    if (!want_known(x->b, field_of(&settings, name), x->infer->by->span, name, to)) return false;
    if (*to > 0) return true;
    complain(x->b, "E0360", x->infer->by->span, "%s is a temperature, which must be above 0", name);
    return false;
}

/* Where the chains start.  From zeros spins start low: 0 is none of theirs. */
static void find_start(Inference *x, Sweep *s, Value **v, Node **start)
{
    for (int i = 0; i < x->n; i++) {
        Node *at = relabel(x->b, v[i]->node, v[i]->shape, s->f.at[i].shape);
        start[i] = clamped(s, i, at->op == OP_const && at->value == 0 ? constant(s, x->at[i].domain.low) : at);
    }
}

static Value *ended(Inference *x, Sweep *s, Loop *loop, int first)
{
    Builder *b = x->b;
    Value *out[MAX_BINDERS];
    for (int i = 0; i < x->n; i++) {
        Node *end = graph_stop(b->g, graph_result(b->g, loop, first + i));
        if (b->at.train && x->infer->kind == INFER_SAMPLE) note_sampled(b, end);
        out[i] = finite_value(&s->f, &x->at[i], i, end);
    }
    return together(b, out, x->n);
}

/* Opens the loop of sweeps with the values as its first carries; the context stands inside. */
static Loop *open_sweeps(Inference *x, Sweep *s, int64_t sweeps, Node *const *start, Node **values)
{
    Builder *b = x->b;
    b->at.chain = mix_hash(b->at.chain, x->at[0].name.text, (uint64_t)turn_of(b, x->e));
    b->at.loop = graph_loop_open(b->g, b->at.loop, sweeps);
    open_values(s, b->at.loop, start, values);
    return b->at.loop;
}

static Value *solve_by_sweeps(Inference *x, const Closure *solver, Value **v, Shape items, bool least)
{
    Builder *b = x->b;
    Sweep s = { .least = least };
    int64_t sweeps;
    Node *values[MAX_BINDERS], *start[MAX_BINDERS];
    if (!count_setting(x, solver, "sweeps", &sweeps) || !prepare_sweeps(x, energy_closure(x, x->infer->of, items), &s)) return b->none;
    find_start(x, &s, v, start);
    Context before = b->at;
    Loop *loop = open_sweeps(x, &s, sweeps, start, values);
    sweep(x, &s, values, NULL);
    for (int i = 0; i < s.f.n; i++) graph_loop_next(b->g, loop, i, values[i]);
    b->at = before;
    graph_loop_close(b->g, loop);
    return ended(x, &s, loop, 0);
}

Value *solve_gibbs(Inference *x, const Closure *solver, Value **v, Shape items) { return solve_by_sweeps(x, solver, v, items, false); }
Value *solve_icm(Inference *x, const Closure *solver, Value **v, Shape items)   { return solve_by_sweeps(x, solver, v, items, true); }

/* ---- simulated annealing ---- */

static Node *map2(Sweep *s, Op op, Node *x, Node *y) { return graph_map(s->f.b->g, op, x, y, NULL); }

/* Sweeps at temperatures that fall from hot to cold in equal ratios; the best configuration that a sweep of the chain ended in. */
Value *solve_annealed_gibbs(Inference *x, const Closure *solver, Value **v, Shape items)
{
    Builder *b = x->b;
    Graph *g = b->g;
    Sweep s = { 0 };
    int64_t sweeps;
    double hot, cold;
    Node *values[MAX_BINDERS], *start[MAX_BINDERS], *best[MAX_BINDERS];
    if (!count_setting(x, solver, "sweeps", &sweeps) || !temperature_setting(x, solver, "hot", &hot) || !temperature_setting(x, solver, "cold", &cold)) return b->none;
    if (!prepare_sweeps(x, energy_closure(x, x->infer->of, items), &s)) return b->none;
    find_start(x, &s, v, start);
    Context before = b->at;
    Axes chains = b->at.hidden;
    Node *least = graph_spread(g, energy_here(&s, start), chains);
    Loop *loop = open_sweeps(x, &s, sweeps, start, values);
    open_values(&s, loop, start, best);
    least = graph_carry(g, loop, least, chains);
    Node *part = map2(&s, OP_div, loop->time, constant(&s, sweeps > 1 ? (double)sweeps - 1 : 1));
    Node *heat = map2(&s, OP_div, map2(&s, OP_pow, constant(&s, hot / cold), part), constant(&s, hot));
    sweep(x, &s, values, heat);
    Node *e = graph_spread(g, energy_here(&s, values), chains), *better = map2(&s, OP_lt, e, least);
    for (int i = 0; i < s.f.n; i++) {
        graph_loop_next(g, loop, i, values[i]);
        graph_loop_next(g, loop, s.f.n + i, graph_spread(g, graph_map(g, OP_select, better, values[i], best[i]), s.f.at[i].value->axes));
    }
    graph_loop_next(g, loop, 2 * s.f.n, graph_spread(g, map2(&s, OP_min, e, least), chains));
    b->at = before;
    graph_loop_close(g, loop);
    return ended(x, &s, loop, s.f.n);
}

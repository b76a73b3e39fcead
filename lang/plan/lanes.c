/* lanes.c: which axis of a node runs along the SIMD lanes.
 *
 * Axes of neighboring values whose places go along with each other (an axis and its new name, an axis through a map) form a class: the
 * values' one notion of an item, whatever they call it.  A class with an item axis in it is a candidate for the lanes.  A
 * node can be chunked when it has such an axis and treats its places apart; a loop, when its whole body can. */
#include "lang/plan/inside.h"

#include <string.h>

enum { FEWEST_ITEMS = 8, SMALL_CARRIED = 16384 };   /* values a loop may carry for each chunk anew */

/* ---- Classes of axes ---- */

/* An axis of a node; -1 if it has no such axis. */
static int entry_of(const Lanes *l, const Node *n, Axis a)
{
    for (int i = 0; i < n->axes.n; i++)
        if (n->axes.at[i] == a) return l->first[n->id] + i;
    return -1;
}

static int root_of(Lanes *l, int entry)
{
    while (l->at[entry].parent != entry) entry = l->at[entry].parent = l->at[l->at[entry].parent].parent;
    return entry;
}

int class_of(Lanes *l, const Node *n, Axis a) { return root_of(l, entry_of(l, n, a)); }

static void join(Lanes *l, const Node *n, Axis a, const Node *m, Axis b)
{
    int x = class_of(l, n, a), y = class_of(l, m, b);
    if (x == y) return;
    l->at[y].parent = x;
    l->at[x].item |= l->at[y].item;
    l->at[x].weight += l->at[y].weight;
}

/* Leaves that many unrelated values may share say nothing of what goes along with what. */
static bool is_shared(Node *n)
{
    Node *below = node_below(n);
    return below->op == OP_const || below->op == OP_slot || below->op == OP_iota;
}

static void join_axes(Planner *p, Node *user, Node *operand, int which, void *context)
{
    (void)context;
    if (which < 0 || user->op == OP_result || is_shared(operand)) return;
    for (int i = 0; i < user->axes.n; i++) {
        Axis a = user->axes.at[i], in;
        if (axis_in_operand(user, which, a, &in) && in) join(p->lanes, user, a, operand, in);
    }
}

static void join_same(Lanes *l, Node *n, Node *m)
{
    for (int i = 0; i < n->axes.n && !is_shared(m); i++)
        if (axes_have(&m->axes, n->axes.at[i])) join(l, n, n->axes.at[i], m, n->axes.at[i]);
}

static void find_classes(Planner *p, Lanes *l)
{
    uint32_t size = graph_size(p->graph);
    int entries = 0;
    l->first = ARENA_ARRAY(&p->work, int, size + 1);
    for (uint32_t id = 0; id < size; id++) {
        l->first[id] = entries;
        entries += graph_node(p->graph, id)->axes.n;
    }
    l->at = ARENA_ARRAY(&p->work, AxisClass, entries + 1);
    for (uint32_t id = 0; id < size; id++) {
        const Node *n = graph_node(p->graph, id);
        for (int i = 0; i < n->axes.n; i++)
            l->at[l->first[id] + i] = (AxisClass){ .parent = l->first[id] + i, .item = axis_is_item(n->axes.at[i]),
                                                   .weight = n->op == OP_spread ? 0 : (double)axes_count(&n->axes) };
    }
    for (uint32_t id = 0; id < size; id++) {
        Node *n = graph_node(p->graph, id);
        if (!p->needed[id]) continue;
        visit_operands(p, n, join_axes, NULL);
        int i = (int)n->key;
        if (n->op == OP_carry) {
            join_same(l, n, n->loop->init[i]);
            join_same(l, n, n->loop->next[i]);
        } else if (n->op == OP_result) {
            const Loop *loop = n->in[0]->loop;
            join_same(l, n, i < loop->n_carry ? loop->carry[i] : loop->keep[i - loop->n_carry]);
        }
    }
}

/* A map that makes a large array of small ones (all pairs of two sets): it is worth chunking though nothing was mapped over. */
static bool grows_large(const Planner *p, const Node *n)
{
    enum { LARGE = 1 << 20, FEW = 64 };
    int64_t count = axes_count(&n->axes), most = 0;
    if (op_info[n->op].family != FAMILY_MAP || count < (p->chunk ? FEW : LARGE)) return false;
    for (int k = 0; k < n->n_in; k++) {
        int64_t own = axes_count(&node_below(n->in[k])->axes);
        if (own > most) most = own;
    }
    return most <= count / 8;
}

static void mark_growing(Planner *p, Lanes *l)
{
    for (uint32_t id = 0; id < graph_size(p->graph); id++) {
        const Node *n = graph_node(p->graph, id);
        if (!p->needed[id] || !grows_large(p, n)) continue;
        for (int i = 0; i < n->axes.n; i++)
            for (int k = 0; k < n->n_in; k++)
                if (!axes_have(&node_below(n->in[k])->axes, n->axes.at[i])) l->at[class_of(l, n, n->axes.at[i])].item = true;
    }
}

/* Whether the node is stored values, by whatever names of their axes. */
static bool is_stored(Node *n)
{
    for (n = node_below(n); n->op == OP_index; n = node_below(n->in[0])) {}
    return n->op == OP_slot;
}

/* Whether the axis goes through a large product with stored weights and is none of theirs: rows that a net is applied to, by whatever equation. */
static bool are_rows(const Node *n, Axis a)
{
    enum { MANY = 64, LARGE = 1 << 16 };
    if (n->op != OP_dot || !axes_have(&n->axes, a) || axis_size(a) < MANY || axes_count(&n->axes) < LARGE) return false;
    bool stored[2] = { is_stored(n->in[0]), is_stored(n->in[1]) };
    return stored[0] != stored[1] && !axes_have(&n->in[stored[0] ? 0 : 1]->axes, a);
}

static void mark_rows(Planner *p, Lanes *l)
{
    for (uint32_t id = 0; id < graph_size(p->graph); id++) {
        const Node *n = graph_node(p->graph, id);
        for (int i = 0; i < n->axes.n && p->needed[id]; i++)
            if (are_rows(n, n->axes.at[i])) l->at[class_of(l, n, n->axes.at[i])].item = true;
    }
}

static bool is_candidate(Lanes *l, const Node *n, Axis a) { return axis_size(a) >= FEWEST_ITEMS && l->at[class_of(l, n, a)].item; }

/* The axis that would run along the lanes: of the class with most work; within a class the one that was mapped over. */
static Axis choose_axis(Lanes *l, const Node *n)
{
    Axis best = 0;
    for (int i = 0; i < n->axes.n; i++) {
        Axis a = n->axes.at[i];
        if (!is_candidate(l, n, a)) continue;
        double weight = l->at[class_of(l, n, a)].weight, most = best ? l->at[class_of(l, n, best)].weight : -1;
        if (weight > most || (weight == most && axis_is_item(a) && !axis_is_item(best))) best = a;
    }
    return best;
}

Axis item_axis(const Planner *p, const Node *n) { return p->lanes->chosen[n->id]; }

/* ---- How places along an axis meet ---- */

static bool move_names(const Move *move, Axis a)
{
    for (int i = 0; i < move->n; i++)
        for (int k = 0; k < move->at[i].n; k++)
            if (move->at[i].term[k].axis == a) return true;
    return false;
}

static bool move_takes(const Move *move, Axis a)
{
    for (int i = 0; i < move->n; i++)
        if (move->at[i].from == a) return true;
    return false;
}

static bool shape_names(const Shape *shape, Axis a)
{
    for (int i = 0; i < shape->n; i++)
        if (shape->at[i] == a) return true;
    return false;
}

/* Where one coordinate is but the place along `a`, the axis of the source it renames. */
static Axis renamed_from(const Node *n, Axis a)
{
    Axis from = 0;
    for (int i = 0; i < n->move->n; i++) {
        const Coord *c = &n->move->at[i];
        for (int k = 0; k < c->n; k++) {
            if (c->term[k].axis != a) continue;
            if (from || c->n != 1 || c->offset || c->term[0].coef != 1 || axis_size(c->from) != axis_size(a)) return 0;
            from = c->from;
        }
    }
    return from;
}

bool axis_in_operand(const Node *n, int which, Axis a, Axis *in_operand)
{
    const Node *x = n->in[which];
    *in_operand = axes_have(&x->axes, a) ? a : 0;
    switch (n->op) {
    case OP_index:
        if (!move_names(n->move, a)) return !move_takes(n->move, a);
        *in_operand = renamed_from(n, a);
        return *in_operand && (!axes_have(&x->axes, a) || move_takes(n->move, a));
    case OP_place: return !move_takes(n->move, a) && !move_names(n->move, a);
    case OP_reshape: return !shape_names(n->to, a) && !shape_names(n->from, a);
    case OP_concat:
        if (n->axis == a) return false;
        for (int i = 0; i < n->n_in; i++)
            if (n->part[i] == a) return false;
        return true;
    case OP_gather: return which == 1 || n->axis != a;
    case OP_scatter: case OP_put: case OP_cumsum: case OP_argsort: case OP_argmax: case OP_argmin: return n->axis != a;
    case OP_svdvals: case OP_svdvectors: return n->axis != a && n->part[0] != a && n->part[1] != a;
    default: return true;
    }
}

bool runs_along(const Node *user, int which, Axis lane, Axis operand_lane)
{
    Axis a;
    return lane && operand_lane && axis_in_operand(user, which, lane, &a) && a == operand_lane;
}

bool can_chunk(const Node *n, Axis lane)
{
    Axis a;
    switch (n->op) {
    case OP_slot: case OP_const: case OP_iota: case OP_step: case OP_carry: case OP_time: case OP_loop: return false;
    case OP_random: return n->kind == RANDOM_UNIFORM || n->kind == RANDOM_NORMAL;
    case OP_result: case OP_implicit: case OP_spread: case OP_stop: return true;
    default:
        for (int i = 0; i < n->n_in; i++)
            if (!axis_in_operand(n, i, lane, &a)) return n->op == OP_gather;
        return true;
    }
}

/* ---- Loops ---- */

typedef struct LoopCheck { Lanes *lanes; Loop *loop; int class; bool well, mapped; } LoopCheck;

/* The one axis of the class; 0 if there is none, *twice if there are more. */
static Axis axis_of_class(Lanes *l, const Node *n, int class, bool *twice)
{
    Axis found = 0;
    for (int i = 0; i < n->axes.n; i++) {
        if (class_of(l, n, n->axes.at[i]) != class) continue;
        *twice |= found != 0;
        found = n->axes.at[i];
    }
    return found;
}

static bool is_inside(const Loop *inner, const Loop *outer)
{
    for (; inner; inner = inner->outer)
        if (inner == outer) return true;
    return false;
}

static void check_edge(Planner *p, Node *user, Node *operand, int which, void *context)
{
    (void)p;
    LoopCheck *c = context;
    bool twice = false;
    if (which < 0 || user->op == OP_result || !is_inside(operand->scope, c->loop)) return;
    Axis lane = axis_of_class(c->lanes, user, c->class, &twice), in = axis_of_class(c->lanes, operand, c->class, &twice);
    if (twice || (in && !runs_along(user, which, lane, in))) c->well = false;
}

static void check_body(Planner *p, Loop *loop, LoopCheck *c)
{
    LoopInfo *info = &p->loops[loop->id];
    for (int i = 0; i < info->body.n && c->well; i++) {
        Node *n = info->body.at[i];
        bool twice = false;
        Axis lane = axis_of_class(c->lanes, n, c->class, &twice);
        if (twice) c->well = false;
        c->mapped |= axis_is_item(lane);
        if (n->op == OP_loop) check_body(p, n->loop, c);
        else if (n->op != OP_carry && n->op != OP_time && lane && !can_chunk(n, lane)) c->well = false;
        if (!lane && axes_count(&n->axes) > SMALL_CARRIED && n->op != OP_spread) c->well = false;
        visit_operands(p, n, check_edge, c);
    }
}

/* All needed results of the loop have the axis, so that every chunk has its own part of them. */
static bool results_have_class(Planner *p, Lanes *l, const Loop *loop, int class)
{
    for (uint32_t id = loop->node->id; id < graph_size(p->graph); id++) {
        const Node *n = graph_node(p->graph, id);
        bool twice = false;
        if (p->needed[id] && n->op == OP_result && n->in[0] == loop->node && !axis_of_class(l, n, class, &twice)) return false;
    }
    return true;
}

static void assign_body(Planner *p, Lanes *l, Loop *loop, int class)
{
    LoopInfo *info = &p->loops[loop->id];
    bool twice = false;
    info->chunked = true;
    info_of(p, loop->node)->lane = 0;
    for (int i = 0; i < info->body.n; i++) {
        Node *n = info->body.at[i];
        Info *own = info_of(p, n);
        own->lane = l->chosen[n->id] = axis_of_class(l, n, class, &twice);
        own->chunked = true;
        if (n->op == OP_loop) assign_body(p, l, n->loop, class);
    }
}

static bool try_class(Planner *p, Lanes *l, Loop *loop, int class)
{
    LoopCheck check = { l, loop, class, true, false };
    if (!results_have_class(p, l, loop, class)) return false;
    check_body(p, loop, &check);
    return check.well && check.mapped;
}

void chunk_loop(Planner *p, Loop *loop)
{
    Lanes *l = p->lanes;
    const LoopInfo *info = &p->loops[loop->id];
    int tried[8] = { 0 }, n_tried = 0;
    while (n_tried < 8) {
        int best = -1;
        Axis axis = 0;
        for (int i = 0; i < loop->n_carry; i++) {
            if (!info->carry_needed[i]) continue;
            for (int k = 0; k < loop->carry[i]->axes.n; k++) {
                Axis a = loop->carry[i]->axes.at[k];
                int class = class_of(l, loop->carry[i], a);
                bool again = !is_candidate(l, loop->carry[i], a);
                for (int t = 0; t < n_tried; t++) again |= tried[t] == class;
                if (!again && (best < 0 || l->at[class].weight > l->at[best].weight)) best = class, axis = a;
            }
        }
        if (best < 0) return;
        tried[n_tried++] = best;
        if (!try_class(p, l, loop, best)) continue;
        assign_body(p, l, loop, best);
        p->loops[loop->id].items = axis_size(axis);
        p->loops[loop->id].class = best;
        info_of(p, loop->node)->chunked = true;
        return;
    }
}

/* ---- Streams: values whose lanes run along with each other ---- */

typedef struct Streams { uint32_t *parent; bool *mapped; } Streams;

static uint32_t stream_of(const Streams *s, uint32_t id)
{
    while (s->parent[id] != id) id = s->parent[id] = s->parent[s->parent[id]];
    return id;
}

static void join_streams(Streams *s, const Node *a, const Node *b)
{
    uint32_t x = stream_of(s, a->id), y = stream_of(s, b->id);
    if (x == y) return;
    uint32_t low = x < y ? x : y, high = x < y ? y : x;
    s->parent[high] = low;
    s->mapped[low] |= s->mapped[high];
}

static void join_operand(Planner *p, Node *user, Node *operand, int which, void *context)
{
    const Axis *chosen = p->lanes->chosen;
    if (which >= 0 && user->op != OP_result && operand->op != OP_slot && runs_along(user, which, chosen[user->id], chosen[operand->id]))
        join_streams(context, user, operand);
}

static void join_passes(Planner *p, Streams *s, const Node *n)
{
    const Loop *loop = n->op == OP_result ? n->in[0]->loop : n->loop;
    int i = (int)n->key;
    const Node *inner[2] = { i < loop->n_carry ? loop->carry[i] : loop->keep[i - loop->n_carry], NULL };
    if (n->op == OP_carry) inner[0] = loop->init[i], inner[1] = loop->next[i];
    for (int k = 0; k < 2 && inner[k]; k++)
        if (p->lanes->chosen[n->id] && p->lanes->chosen[n->id] == p->lanes->chosen[inner[k]->id] && inner[k]->op != OP_slot) join_streams(s, n, inner[k]);
}

/* A class may join axes of quite different use (the outputs of a layer, once a statistic was mapped over them).  Only a stream of
 * values in which some axis was mapped over is worth its lanes; the others keep to plain arrays. */
static void drop_idle_lanes(Planner *p)
{
    uint32_t size = graph_size(p->graph);
    Lanes *l = p->lanes;
    Streams s = { ARENA_ARRAY(&p->work, uint32_t, size + 1), ARENA_ARRAY(&p->work, bool, size + 1) };
    for (uint32_t id = 0; id < size; id++) {
        const Node *n = graph_node(p->graph, id);
        s.parent[id] = id;
        bool mapped = axis_is_item(l->chosen[id]) || (p->needed[id] && (grows_large(p, n) || are_rows(n, l->chosen[id])));
        s.mapped[id] = l->chosen[id] && mapped && (n->op == OP_carry || n->op == OP_result || can_chunk(n, l->chosen[id]));
    }
    for (uint32_t id = 0; id < size; id++) {
        Node *n = graph_node(p->graph, id);
        if (!p->needed[id] || !l->chosen[id]) continue;
        visit_operands(p, n, join_operand, &s);
        if (n->op == OP_carry || n->op == OP_result) join_passes(p, &s, n);
    }
    for (uint32_t id = 0; id < size; id++)
        if (!s.mapped[stream_of(&s, id)]) l->chosen[id] = 0;
}

void find_lanes(Planner *p)
{
    uint32_t size = graph_size(p->graph);
    p->lanes = ARENA_NEW(&p->work, Lanes);
    find_classes(p, p->lanes);
    mark_growing(p, p->lanes);
    mark_rows(p, p->lanes);
    p->lanes->chosen = ARENA_ARRAY(&p->work, Axis, size + 1);
    for (uint32_t id = 0; id < size; id++)
        if (p->needed[id]) p->lanes->chosen[id] = choose_axis(p->lanes, graph_node(p->graph, id));
    drop_idle_lanes(p);
}

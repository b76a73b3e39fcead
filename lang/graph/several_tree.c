/* several_tree.c: the n lowest configurations of a tree, for chain(best = n): messages are lists of the n lowest ways, and so is what lies in the slots of
 * parents, where the lists of their children are joined: the n lowest sums of one of each. */
#include "lang/graph/chain.h"

static Node *map2(Graph *g, Op op, Node *x, Node *y) { return graph_map(g, op, x, y, NULL); }
static Node *select3(Graph *g, Node *c, Node *x, Node *y) { return graph_map(g, OP_select, c, x, y); }

/* Whose turn a pass is: the place, its slot and its parent's. */
typedef struct Turn { Node *place, *in, *out; } Turn;

static Node *of_pass(const Sequence *s, Node *table, Node *pass)
{
    return graph_gather(s->g, graph_gather(s->g, table, s->tree->pass, pass), s->tree->side, graph_const(s->g, 0));
}

static Turn turn_in(const Sequence *s, Node *pass)
{
    const Tree *tree = s->tree;
    return (Turn){ of_pass(s, tree->place, pass), of_pass(s, tree->in, pass), of_pass(s, tree->out, pass) };
}

/* Of each pass: which way of the parent's slot, {k, rank}, was made of which way before and which one sent (before, sent); and which state and way of
 * the sender, {l, rank}, was sent (from, rank). */
typedef struct Choices { Node *energy, *before, *sent, *from, *rank; Axis pass; } Choices;

static Choices upward(Sequence *s, Loop *around, Axis rank)
{
    Graph *g = s->g;
    const Tree *tree = s->tree;
    Axes all = axes_union(&s->unary->axes, &s->pair->axes), axes = axes_without(axes_without(axes_without(all, s->t), s->l), s->e);
    axes = axes_with(axes_with(axes_with(axes, s->k), rank), tree->slot);
    Node *nothing = select3(g, map2(g, OP_eq, graph_iota(g, rank), graph_const(g, 0)), graph_const(g, 0), graph_const(g, no_way));
    Loop *loop = graph_loop_open(g, around, tree->passes);
    Node *slots = graph_carry(g, loop, graph_spread(g, nothing, axes), axes);
    Turn turn = turn_in(s, loop->time);
    Node *told = map2(g, OP_add, graph_gather(g, slots, tree->slot, turn.in), graph_gather(g, s->unary, s->t, turn.place));
    Ways sent = merge_ways(g, loop, rank, s->k, told, graph_gather(g, s->pair, s->t, turn.place));
    Node *emptied = select3(g, graph_gather(g, tree->keep, tree->pass, loop->time), slots, nothing);
    Axis before = graph_fresh_axis(g, axis_size(rank));
    Node *there = graph_rename(g, graph_gather(g, emptied, tree->slot, turn.out), rank, before);
    Ways joined = merge_ways(g, loop, rank, before, graph_rename(g, sent.energy, s->l, s->k), there);
    Node *energy = map2(g, OP_min, joined.energy, graph_const(g, no_way));
    graph_loop_next(g, loop, 0, graph_spread(g, select3(g, map2(g, OP_eq, graph_iota(g, tree->slot), turn.out), energy, emptied), axes));
    Node *keep[] = { joined.from, joined.rank, sent.from, sent.rank }, *kept[4];
    int at[4];
    Choices r = { .pass = graph_fresh_axis(g, tree->passes) };
    for (int i = 0; i < 4; i++) at[i] = graph_loop_keep(g, loop, keep[i], r.pass);
    graph_loop_close(g, loop);
    for (int i = 0; i < 4; i++) kept[i] = graph_result(g, loop, 1 + at[i]);
    Node *total = graph_gather(g, graph_result(g, loop, 0), tree->slot, graph_const(g, TOTAL));
    r.energy = graph_gather(g, total, s->k, graph_const(g, 0));
    r.before = kept[0];
    r.sent = kept[1];
    r.from = kept[2];
    r.rank = kept[3];
    return r;
}

/* One choice of a pass, for state y and way r. */
static Node *chosen(const Sequence *s, const Choices *c, Node *table, Axis states, Node *pass, Node *y, Node *r, Axis rank)
{
    return graph_gather(s->g, graph_gather(s->g, graph_gather(s->g, table, c->pass, pass), states, y), rank, r);
}

/* The numbers of states {t, rank}: from the roots down, each slot knows which of its ways, and which state of its place, is the one. */
static Node *downward(Sequence *s, Loop *around, Axis rank, const Choices *c)
{
    Graph *g = s->g;
    const Tree *tree = s->tree;
    Axis which = graph_fresh_axis(g, axis_size(rank));      /* of the whole configurations, told from the ways */
    Axes axes = axes_without(axes_without(c->energy->axes, rank), s->k);
    axes = axes_with(axes_with(axes, which), tree->slot);
    Loop *loop = graph_loop_open(g, around, tree->passes);
    Node *way = graph_carry(g, loop, graph_spread(g, graph_iota(g, which), axes), axes), *state = graph_carry(g, loop, graph_spread(g, graph_const(g, 0), axes), axes);
    Node *pass = map2(g, OP_sub, graph_const(g, (double)tree->passes - 1), loop->time), *places = graph_iota(g, tree->slot);
    Turn turn = turn_in(s, pass);
    Node *r = graph_gather(g, way, tree->slot, turn.out), *l = graph_gather(g, state, tree->slot, turn.out);
    Node *before = chosen(s, c, c->before, s->k, pass, l, r, rank), *sent = chosen(s, c, c->sent, s->k, pass, l, r, rank);
    Node *k = chosen(s, c, c->from, s->l, pass, l, sent, rank), *mine = chosen(s, c, c->rank, s->l, pass, l, sent, rank);
    Node *is_in = map2(g, OP_eq, places, turn.in), *is_out = map2(g, OP_eq, places, turn.out);
    graph_loop_next(g, loop, 0, graph_spread(g, select3(g, is_in, mine, select3(g, is_out, before, way)), axes));
    graph_loop_next(g, loop, 1, graph_spread(g, select3(g, is_in, k, state), axes));
    Axis passes = graph_fresh_axis(g, tree->passes);
    int index = graph_loop_keep(g, loop, graph_spread(g, k, axes_without(axes, tree->slot)), passes);
    graph_loop_close(g, loop);
    return graph_rename(g, graph_gather(g, graph_result(g, loop, 2 + index), passes, tree->sent), which, rank);
}

Node *tree_several(Sequence *s, Loop *around, Axis rank)
{
    Choices c = upward(s, around, rank);
    return ways_or_first(s->g, rank, c.energy, downward(s, around, rank, &c));
}

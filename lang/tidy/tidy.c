/* tidy.c: makes all live values anew, operands first, each in its tidied form; loops are copied with what is read of them. */
#include <stdlib.h>
#include "lang/tidy/tidy_inner.h"

typedef struct Tidy {
    Graph *g;
    Live live;
    Node **new;                 /* by id: the tidied form */
    Loop **loops;               /* by id of the LOOP node: its copy; null where it is unrolled */
    int **numbers;              /* by id of the LOOP node: the copy's number of each carry and kept value */
    const Wanted *wanted;       /* in the last pass: renamings sink, and nothing else changes */
} Tidy;

static Node *current(const Tidy *t, const Node *n) { return t->new[n->id]; }

static bool is_unrolled(const Loop *loop) { return loop->passes == 1; }

/* ---- Loops ---- */

/* The copy of the innermost loop that encloses this one and is copied. */
static Loop *scope_of_copy(const Tidy *t, const Loop *loop)
{
    for (Loop *outer = loop->node->scope; outer; outer = outer->outer) {
        if (!outer->node) return outer;
        if (t->loops[outer->node->id]) return t->loops[outer->node->id];
    }
    return NULL;
}

static void open_loop(Tidy *t, const Loop *loop)
{
    uint32_t id = loop->node->id;
    if (t->numbers[id]) return;
    t->numbers[id] = calloc((size_t)(loop->n_carry + loop->n_keep) + 1, sizeof(int));
    if (!t->numbers[id]) abort();
    if (!is_unrolled(loop)) t->loops[id] = graph_loop_open(t->g, scope_of_copy(t, loop), loop->passes);
    t->new[loop->time->id] = is_unrolled(loop) ? graph_const(t->g, 0) : t->loops[id]->time;
}

static void make_carry(Tidy *t, const Node *n)
{
    const Loop *loop = n->loop;
    int i = (int)n->key;
    Node *init = current(t, loop->init[i]);
    if (is_unrolled(loop) || loop->next[i] == n) {
        t->new[n->id] = init;
        return;
    }
    t->numbers[loop->node->id][i] = t->loops[loop->node->id]->n_carry;
    t->new[n->id] = graph_carry(t->g, t->loops[loop->node->id], init, n->axes);
}

static void close_loop(Tidy *t, const Loop *loop)
{
    Loop *copy = t->loops[loop->node->id];
    int *number = t->numbers[loop->node->id];
    const bool *read = t->live.results[loop->node->id];
    if (!copy || !read) return;
    if (loop->until >= 0 && read[loop->until] && loop->next[loop->until] != loop->carry[loop->until]) copy->until = number[loop->until];
    for (int i = 0; i < loop->n_carry; i++)
        if (read[i] && loop->next[i] != loop->carry[i]) graph_loop_next(t->g, copy, number[i], current(t, loop->next[i]));
    for (int i = loop->n_carry; i < loop->n_carry + loop->n_keep; i++)
        if (read[i]) number[i] = copy->n_carry + graph_loop_keep(t->g, copy, current(t, loop->keep[i - loop->n_carry]), loop->keep_axis);
    graph_loop_close(t->g, copy);
}

static Node *make_result(Tidy *t, const Node *n)
{
    const Loop *loop = n->loop;
    int i = (int)n->key;
    bool kept = i >= loop->n_carry;
    if (is_unrolled(loop)) {
        Node *value = current(t, kept ? loop->keep[i - loop->n_carry] : loop->next[i]);
        return kept ? graph_spread(t->g, value, axes_one(loop->keep_axis)) : value;
    }
    if (!kept && loop->next[i] == loop->carry[i]) return current(t, loop->init[i]);
    return graph_result(t->g, t->loops[loop->node->id], t->numbers[loop->node->id][i]);
}

/* ---- All nodes ---- */

static Axes axes_renamed(Axes axes, const Move *move)
{
    for (int i = 0; i < move->n; i++) axes = axes_without(axes, move->at[i].from);
    for (int i = 0; i < move->n; i++) axes = axes_with(axes, move->at[i].term[0].axis);
    return axes;
}

/* The map under the names it is wanted under: its operands are, or get a renaming. */
static Node *map_as_wanted(Tidy *t, const Node *n)
{
    Node *in[3] = { 0 };
    for (int i = 0; i < n->n_in; i++) {
        in[i] = current(t, n->in[i]);
        Move move = move_within(t->wanted->move[n->id], &n->in[i]->axes);
        if (move.n && !t->wanted->move[n->in[i]->id]) in[i] = graph_index(t->g, in[i], &move, axes_renamed(n->in[i]->axes, &move));
    }
    return graph_map(t->g, n->op, in[0], in[1], in[2]);
}

static Node *make(Tidy *t, Node *n)
{
    switch (n->op) {
    case OP_stop: case OP_implicit: return current(t, n->in[0]);
    case OP_result: return make_result(t, n);
    default: break;
    }
    if (n->n_in == 0) return n;
    if (t->wanted && t->wanted->move[n->id]) return map_as_wanted(t, n);
    if (t->wanted && node_is_rename(n) && t->wanted->move[n->in[0]->id]) return current(t, n->in[0]);
    Node *in[n->n_in];
    for (int i = 0; i < n->n_in; i++) in[i] = current(t, n->in[i]);
    Node *r = graph_rebuild(t->g, n, in);
    return t->wanted ? r : tidy_node(t->g, &t->live, n, r);
}

/* The leaves of a loop that is still open (we tidy inside its body) stay what they are. */
static void visit(Tidy *t, Node *n)
{
    bool leaf = (n->op == OP_time || n->op == OP_carry) && n->loop->node;
    graph_set_origin(t->g, n->origin);
    if (leaf) {
        open_loop(t, n->loop);
        if (n->op == OP_carry) make_carry(t, n);
    } else if (n->op == OP_loop) {
        open_loop(t, n->loop);
        close_loop(t, n->loop);
    } else {
        t->new[n->id] = make(t, n);
    }
}

static void tidy_once(Graph *g, Node **roots, int n_roots, bool last)
{
    const Origin *before = graph_origin(g);
    Tidy t = { .g = g };
    Wanted wanted = { 0 };
    live_find(&t.live, g, roots, n_roots);
    if (last) {
        wanted_find(&wanted, &t.live, roots, n_roots);
        t.wanted = &wanted;
    }
    t.new = calloc(t.live.size + 1, sizeof *t.new);
    t.loops = calloc(t.live.size + 1, sizeof(Loop *));
    t.numbers = calloc(t.live.size + 1, sizeof *t.numbers);
    if (!t.new || !t.loops || !t.numbers) abort();
    for (int i = 0; i < t.live.n; i++) visit(&t, t.live.node[i]);
    for (int i = 0; i < n_roots; i++) roots[i] = current(&t, roots[i]);
    for (int i = 0; i < t.live.n; i++) free(t.numbers[t.live.node[i]->id]);
    if (last) wanted_free(&wanted);
    live_free(&t.live);
    free(t.new);
    free(t.loops);
    free(t.numbers);
    graph_set_origin(g, before);
}

/* Whether only final carries of the loop are read, of which another loop that is needed too has the values. */
static bool is_made_twice(const Live *live, const bool *needed, const Loop *loop, int i)
{
    const bool *read = live->results[loop->node->id];
    for (int k = loop->n_carry; k < loop->n_carry + loop->n_keep; k++) if (read && read[k]) return false;
    const Node *same = loop->same[i];
    return read && read[i] && same && same->op == OP_result && needed[same->in[0]->id];
}

/* Loops that a derivative has cut into segments: where the segments are needed, the whole need not be made too. */
static void use_segments(Graph *g, Node **roots, int n_roots)
{
    Live live;
    NodeStack from = { 0 }, to = { 0 };
    live_find(&live, g, roots, n_roots);
    bool *needed = calloc(live.size + 1, sizeof *needed);
    if (!needed) abort();
    for (int i = 0; i < live.n; i++) needed[live.node[i]->id] = true;
    for (int k = 0; k < live.n; k++) {
        Loop *loop = live.node[k]->op == OP_loop ? live.node[k]->loop : NULL;
        for (int i = 0; loop && loop->same && i < loop->n_carry; i++) {
            if (!is_made_twice(&live, needed, loop, i)) continue;
            node_push(&from, graph_result(g, loop, i));
            node_push(&to, loop->same[i]);
        }
    }
    live_free(&live);
    free(needed);
    if (from.n) graph_substitute(g, roots, n_roots, from.at, to.at, from.n);
    free(from.at);
    free(to.at);
}

/* What one pass finds may show more to the next; two see nearly all.  A third lets renamings sink. */
void tidy(Graph *g, Node **roots, int n_roots)
{
    use_segments(g, roots, n_roots);
    for (int pass = 0; pass < 3; pass++) tidy_once(g, roots, n_roots, pass == 2);
}

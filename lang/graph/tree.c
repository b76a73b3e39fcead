/* tree.c: messages along a tree, for chain().
 *
 * Every place sends one message to its parent, after all of its children have sent theirs.  A schedule made here, from links that are known before
 * the run, says which places send in which pass: branch by branch, and as many at once as keep the passes few.  Messages on their way lie in
 * slots, one for each parent that has heard of some of its children only; so a pass costs what it works on, whatever the size of the tree. */
#include <stdlib.h>
#include <string.h>
#include "lang/graph/chain.h"

/* ---- growing it ---- */

/* Links both ways, in order of their first place; first[i]: the first one of place i.  order: places, each after its parent. */
typedef struct Growth {
    Arena *arena;
    int64_t n, n_links, n_order;
    Link *link;
    int64_t *first, *parent, *depth, *order, *visit;
    int64_t visits;
} Growth;

static int by_place(const void *a, const void *b)
{
    const Link *x = a, *y = b;
    if (x->from != y->from) return x->from < y->from ? -1 : 1;
    return x->to < y->to ? -1 : x->to > y->to;
}

static Growth growth_of(Arena *arena, const Links *links, int64_t n)
{
    Growth w = { .arena = arena, .n = n };
    Link *all = ARENA_ARRAY(arena, Link, 2 * links->n + 1);
    int64_t both = 0;
    for (int i = 0; i < links->n; i++) {
        all[both++] = links->at[i];
        all[both++] = (Link){ links->at[i].to, links->at[i].from };
    }
    qsort(all, (size_t)both, sizeof *all, by_place);
    for (int64_t i = 0; i < both; i++) if (!i || by_place(&all[i], &all[i - 1])) all[w.n_links++] = all[i];
    w.link = all;
    w.first = ARENA_ARRAY(arena, int64_t, n + 1);
    for (int64_t i = 0; i < w.n_links; i++) w.first[all[i].from + 1]++;
    for (int64_t i = 0; i < n; i++) w.first[i + 1] += w.first[i];
    w.parent = ARENA_ARRAY(arena, int64_t, n);
    w.depth = ARENA_ARRAY(arena, int64_t, n);
    w.order = ARENA_ARRAY(arena, int64_t, n);
    w.visit = ARENA_ARRAY(arena, int64_t, n);
    return w;
}

/* Visits all that is joined to the root, the near ones first, after what is in order up to `at`; false if it comes to a place twice. */
static bool grow(Growth *w, int64_t root, int64_t at)
{
    int64_t mark = ++w->visits;
    w->n_order = at;
    w->order[w->n_order++] = root;
    w->parent[root] = -1;
    w->depth[root] = 0;
    w->visit[root] = mark;
    for (; at < w->n_order; at++) {
        int64_t i = w->order[at];
        for (int64_t k = w->first[i]; k < w->first[i + 1]; k++) {
            int64_t j = w->link[k].to;
            if (j == w->parent[i]) continue;
            if (w->visit[j] == mark) return false;
            w->visit[j] = mark;
            w->parent[j] = i;
            w->depth[j] = w->depth[i] + 1;
            w->order[w->n_order++] = j;
        }
    }
    return true;
}

/* From the middle of the longest path, so that the tree is as low as can be. */
static bool grow_from_middle(Growth *w, int64_t any)
{
    int64_t before = w->n_order;
    if (!grow(w, any, before)) return false;
    grow(w, w->order[w->n_order - 1], before);
    int64_t middle = w->order[w->n_order - 1];
    for (int64_t up = w->depth[middle] / 2; up > 0; up--) middle = w->parent[middle];
    return grow(w, middle, before);
}

static bool grow_all(Growth *w)
{
    for (int64_t i = 0; i < w->n; i++) if (!w->visit[i] && !grow_from_middle(w, i)) return false;
    return true;
}

/* ---- who sends when ---- */

typedef struct Schedule {
    int64_t passes, width, slots, sent;
    int64_t *place;             /* passes x width; -1: no one */
    int64_t *in, *out;          /* of each place: its slots */
    int64_t *left;              /* children that have not sent yet */
    int64_t *turn, *at_turn;    /* of each place, its number in the order of turns; and back */
    int64_t *ready, n_ready;    /* turns of those that are ready, as a heap: the first of them first */
    int64_t *free_slot, n_free;
} Schedule;

/* Turns: below each place its largest branch comes first, then the others, then it sends itself; so few parents wait at a time. */
static void take_turns(Schedule *q, const Growth *w)
{
    int64_t *size = ARENA_ARRAY(w->arena, int64_t, w->n), *low = ARENA_ARRAY(w->arena, int64_t, w->n), next = 0;
    for (int64_t k = w->n - 1; k >= 0; k--) {
        int64_t i = w->order[k];
        size[i]++;
        if (w->parent[i] >= 0) size[w->parent[i]] += size[i];
    }
    for (int64_t k = 0; k < w->n; k++) {
        int64_t i = w->order[k], large = -1;
        if (w->parent[i] < 0) { low[i] = next; next += size[i]; }
        q->turn[i] = low[i] + size[i] - 1;
        q->at_turn[q->turn[i]] = i;
        for (int64_t j = w->first[i]; j < w->first[i + 1]; j++) {
            int64_t child = w->link[j].to;
            if (child != w->parent[i] && (large < 0 || size[child] > size[large])) large = child;
        }
        if (large < 0) continue;
        int64_t at = low[i] + size[large];
        low[large] = low[i];
        for (int64_t j = w->first[i]; j < w->first[i + 1]; j++) {
            int64_t child = w->link[j].to;
            if (child == w->parent[i] || child == large) continue;
            low[child] = at;
            at += size[child];
        }
    }
}

static void make_ready(Schedule *q, int64_t turn)
{
    int64_t at = q->n_ready++;
    for (; at > 0 && q->ready[(at - 1) / 2] > turn; at = (at - 1) / 2) q->ready[at] = q->ready[(at - 1) / 2];
    q->ready[at] = turn;
}

static int64_t first_ready(Schedule *q)
{
    int64_t first = q->ready[0], last = q->ready[--q->n_ready], at = 0;
    for (int64_t below; (below = 2 * at + 1) < q->n_ready; at = below) {
        if (below + 1 < q->n_ready && q->ready[below + 1] < q->ready[below]) below++;
        if (q->ready[below] >= last) break;
        q->ready[at] = q->ready[below];
    }
    q->ready[at] = last;
    return first;
}

static int64_t new_slot_of(Schedule *q) { return q->n_free ? q->free_slot[--q->n_free] : q->slots++; }

/* The slots of one pass: those that its places were told through are free again, those of their parents are taken. */
static void give_slots(Schedule *q, const Growth *w, const int64_t *place)
{
    for (int64_t k = 0; k < q->width && place[k] >= 0; k++) if (q->in[place[k]] >= FIRST_SLOT) q->free_slot[q->n_free++] = q->in[place[k]];
    for (int64_t k = 0; k < q->width && place[k] >= 0; k++) {
        int64_t up = w->parent[place[k]];
        if (up >= 0 && q->in[up] < FIRST_SLOT) q->in[up] = new_slot_of(q);
        q->out[place[k]] = up >= 0 ? q->in[up] : TOTAL;
    }
}

static void fill_pass(Schedule *q, const Growth *w, int64_t *place)
{
    int64_t n = 0;
    for (; n < q->width && q->n_ready; n++) place[n] = q->at_turn[first_ready(q)];
    q->sent += n;
    for (int64_t k = n; k < q->width; k++) place[k] = -1;
    give_slots(q, w, place);
    for (int64_t k = 0; k < n; k++) {
        int64_t up = w->parent[place[k]];
        if (up >= 0 && !--q->left[up]) make_ready(q, q->turn[up]);
    }
}

/* Energies of pairs of states that one pass should work on at most: they stay in the nearest cache. */
enum { MOST_PAIRS = 2048 };

static Schedule schedule_of(Growth *w, int64_t states)
{
    Schedule q = { .slots = FIRST_SLOT };
    int64_t most = MOST_PAIRS / (states * states);
    int64_t height = 1;
    for (int64_t i = 0; i < w->n; i++) if (w->depth[i] >= height) height = w->depth[i] + 1;
    q.width = (w->n + height - 1) / height;
    if (q.width > most) q.width = most ? most : 1;
    q.place = ARENA_ARRAY(w->arena, int64_t, (height + w->n / q.width + 2) * q.width);
    q.in = ARENA_ARRAY(w->arena, int64_t, w->n);
    q.out = ARENA_ARRAY(w->arena, int64_t, w->n);
    q.left = ARENA_ARRAY(w->arena, int64_t, w->n);
    q.turn = ARENA_ARRAY(w->arena, int64_t, w->n);
    q.at_turn = ARENA_ARRAY(w->arena, int64_t, w->n);
    q.ready = ARENA_ARRAY(w->arena, int64_t, w->n);
    q.free_slot = ARENA_ARRAY(w->arena, int64_t, w->n);
    take_turns(&q, w);
    for (int64_t i = 0; i < w->n; i++) if (w->parent[i] >= 0) q.left[w->parent[i]]++;
    for (int64_t i = 0; i < w->n; i++) if (!q.left[i]) make_ready(&q, q.turn[i]);
    for (; q.sent < w->n; q.passes++) fill_pass(&q, w, q.place + q.passes * q.width);
    return q;
}

/* ---- as tables ---- */

static Node *table(Builder *b, Arena *arena, const char *name, Axis first, Axis second, const int64_t *x)
{
    Shape shape = { .n = second ? 2 : 1, .at = { first, second } };
    int64_t count = axis_size(first) * (second ? axis_size(second) : 1);
    double *values = ARENA_ARRAY(arena, double, count);
    for (int64_t i = 0; i < count; i++) values[i] = (double)x[i];
    return known_table(b, name, shape, values);
}

static void note_passes(Builder *b, Tree *tree, const Growth *w, const Schedule *q)
{
    int64_t count = q->passes * q->width, *place = ARENA_ARRAY(w->arena, int64_t, count), *in = ARENA_ARRAY(w->arena, int64_t, count);
    int64_t *out = ARENA_ARRAY(w->arena, int64_t, count), *keep = ARENA_ARRAY(w->arena, int64_t, q->passes * q->slots), *sent = ARENA_ARRAY(w->arena, int64_t, w->n);
    for (int64_t i = 0; i < q->passes * q->slots; i++) keep[i] = i % q->slots >= TOTAL;
    for (int64_t i = 0; i < count; i++) {
        int64_t who = q->place[i], pass = i / q->width;
        place[i] = who < 0 ? 0 : who;
        in[i] = who < 0 ? ZERO : q->in[who];
        out[i] = who < 0 ? DUMP : q->out[who];
        if (who < 0) continue;
        keep[pass * q->slots + in[i]] = 0;
        sent[who] = (q->passes - 1 - pass) * q->width + i % q->width;
    }
    tree->place = table(b, w->arena, "tree: places", tree->pass, tree->side, place);
    tree->in = table(b, w->arena, "tree: told", tree->pass, tree->side, in);
    tree->out = table(b, w->arena, "tree: tells", tree->pass, tree->side, out);
    tree->keep = table(b, w->arena, "tree: kept", tree->pass, tree->slot, keep);
    tree->sent = table(b, w->arena, "tree: sent", tree->t, 0, sent);
}

static void note_colors(Builder *b, Tree *tree, const Growth *w)
{
    int64_t *color = ARENA_ARRAY(w->arena, int64_t, w->n), *above = ARENA_ARRAY(w->arena, int64_t, w->n);
    for (int64_t i = 0; i < w->n; i++) {
        color[i] = w->depth[i] % 3;
        above[i] = (w->depth[i] + 2) % 3;
    }
    tree->color = table(b, w->arena, "tree: depth", tree->t, 0, color);
    tree->above = table(b, w->arena, "tree: above", tree->t, 0, above);
}

const Tree *tree_of(Builder *b, const Links *links, Axis t, int64_t states, bool one_by_one)
{
    Arena arena = { 0 };
    Growth w = growth_of(&arena, links, axis_size(t));
    Tree *tree = NULL;
    if (grow_all(&w)) {
        Schedule q = schedule_of(&w, one_by_one ? MOST_PAIRS : states);
        tree = ARENA_NEW(b->arena, Tree);
        int64_t *parent = ARENA_ARRAY(b->arena, int64_t, w.n);
        memcpy(parent, w.parent, sizeof *parent * (size_t)w.n);
        *tree = (Tree){ .places = w.n, .passes = q.passes, .width = q.width, .parent = parent, .t = t };
        tree->pass = graph_fresh_axis(b->g, q.passes);
        tree->side = graph_fresh_axis(b->g, q.width);
        tree->slot = graph_fresh_axis(b->g, q.slots);
        note_passes(b, tree, &w, &q);
        note_colors(b, tree, &w);
    }
    arena_free(&arena);
    return tree;
}

int64_t tree_parent(const Tree *tree, int64_t place) { return tree->parent[place]; }

Node *tree_color(const Tree *tree, bool linked) { return linked ? tree->above : tree->color; }

/* ---- messages to the root ---- */

static Node *map2(Graph *g, Op op, Node *x, Node *y) { return graph_map(g, op, x, y, NULL); }
static Node *minus(Graph *g, Node *x) { return graph_map(g, OP_neg, x, NULL, NULL); }

/* total: the energy that the roots are told of, and tell.  kept: of each pass what the next is for (see below). */
typedef enum Keep { KEEP_NOTHING, KEEP_TOLD, KEEP_CHOICE } Keep;
typedef struct Upward { Node *total, *kept, *pair; } Upward;

/* What lies at places, in the order in which they send: {pass, side}. */
static Node *by_pass(const Sequence *s, Node *x) { return graph_gather(s->g, x, s->t, s->tree->place); }
static Node *at_pass(const Sequence *s, Node *x, Node *pass) { return graph_gather(s->g, x, s->tree->pass, pass); }

/* Slots after a pass: those that were emptied, and what was sent. */
static Node *slots_after(const Sequence *s, Node *slots, Node *pass, Node *sent, Node *into)
{
    const Tree *tree = s->tree;
    Node *kept = map2(s->g, OP_mul, slots, at_pass(s, tree->keep, pass));
    return map2(s->g, OP_add, kept, graph_scatter(s->g, sent, at_pass(s, into, pass), tree->slot, axes_one(tree->side)));
}

/* soft: -log sum exp, else the minimum.  Kept are, of each pass: KEEP_TOLD: energies of the states of who sends, with all below, {pass, side, k};
 * KEEP_CHOICE: the best state for each of the parent's, {pass, side, l}. */
static Upward upward(Sequence *s, Loop *around, bool soft, Keep keep)
{
    Graph *g = s->g;
    const Tree *tree = s->tree;
    Upward r = { .pair = by_pass(s, s->pair) };
    Node *unary = by_pass(s, s->unary);
    Axes all = axes_union(&s->unary->axes, &s->pair->axes), axes = axes_with(axes_without(axes_without(all, s->t), s->l), tree->slot);
    Loop *loop = graph_loop_open(g, around, tree->passes);
    Node *slots = graph_carry(g, loop, graph_spread(g, graph_const(g, 0), axes), axes);
    Node *told = map2(g, OP_add, graph_gather(g, slots, tree->slot, at_pass(s, tree->in, loop->time)), at_pass(s, unary, loop->time));
    Node *both = map2(g, OP_add, told, at_pass(s, r.pair, loop->time));
    both = graph_spread(g, both, axes_with(axes_with(both->axes, s->k), s->l));
    Node *sent = soft ? minus(g, graph_fold(g, OP_logsumexp, minus(g, both), axes_one(s->k))) : graph_fold(g, OP_minimum, both, axes_one(s->k));
    Node *next = slots_after(s, slots, loop->time, graph_rename(g, sent, s->l, s->k), tree->out);
    graph_loop_next(g, loop, 0, graph_spread(g, next, axes));
    int index = 0;
    if (keep) index = graph_loop_keep(g, loop, keep == KEEP_TOLD ? told : graph_along(g, OP_argmin, both, s->k, false), tree->pass);
    graph_loop_close(g, loop);
    Move at = { .n = 2, .at = { { .from = tree->slot, .offset = TOTAL }, { .from = s->k } } };
    r.total = graph_index(g, graph_result(g, loop, 0), &at, axes_without(axes_without(axes, tree->slot), s->k));
    if (keep) r.kept = graph_result(g, loop, loop->n_carry + index);
    return r;
}

Node *tree_free(Sequence *s, Loop *around) { return upward(s, around, true, KEEP_NOTHING).total; }

/* ---- choices from the root ---- */

/* The states of who sends in a pass, from those of their parents. */
static Node *chosen(Sequence *s, const Upward *up, Node *pass, Node *above, Node *luck)
{
    Graph *g = s->g;
    Node *kept = at_pass(s, up->kept, pass);
    if (!luck) return graph_gather(g, kept, s->l, above);
    Node *energy = map2(g, OP_add, kept, graph_gather(g, at_pass(s, up->pair, pass), s->l, above));
    return drawn_state(s, energy, at_pass(s, luck, pass));
}

/* The states of all places, from those of each pass, the last pass first. */
static Node *in_order(Sequence *s, Node *kept, Axis passes)
{
    const Tree *tree = s->tree;
    Axis flat = graph_fresh_axis(s->g, tree->passes * tree->width);
    kept = graph_spread(s->g, kept, axes_with(kept->axes, tree->side));
    Node *all = graph_reshape(s->g, kept, (Shape){ 2, { passes, tree->side } }, (Shape){ 1, { flat } });
    return graph_gather(s->g, all, flat, tree->sent);
}

static Node *downward(Sequence *s, Loop *around, const Upward *up, Node *luck)
{
    Graph *g = s->g;
    const Tree *tree = s->tree;
    if (luck) luck = by_pass(s, luck);
    Axes axes = axes_union(&s->unary->axes, &s->pair->axes);
    if (luck) axes = axes_union(&axes, &luck->axes);
    Axis none[] = { s->t, s->k, s->l, tree->pass, tree->side };
    for (int i = 0; i < 5; i++) axes = axes_without(axes, none[i]);
    Axes slots_axes = axes_with(axes, tree->slot), side_axes = axes_with(axes, tree->side);
    Loop *loop = graph_loop_open(g, around, tree->passes);
    Node *slots = graph_carry(g, loop, graph_spread(g, graph_const(g, 0), slots_axes), slots_axes);
    Node *pass = map2(g, OP_sub, graph_const(g, (double)tree->passes - 1), loop->time);
    Node *above = graph_gather(g, slots, tree->slot, at_pass(s, tree->out, pass));
    Node *state = graph_spread(g, chosen(s, up, pass, above, luck), side_axes);
    graph_loop_next(g, loop, 0, graph_spread(g, slots_after(s, slots, pass, state, tree->in), slots_axes));
    Axis passes = graph_fresh_axis(g, tree->passes);
    int index = graph_loop_keep(g, loop, state, passes);
    graph_loop_close(g, loop);
    return in_order(s, graph_result(g, loop, loop->n_carry + index), passes);
}

Node *tree_best(Sequence *s, Loop *around)
{
    Upward up = upward(s, around, false, KEEP_CHOICE);
    return downward(s, around, &up, NULL);
}

Node *tree_drawn(Sequence *s, Loop *around, Node *luck)
{
    Upward up = upward(s, around, true, KEEP_TOLD);
    return downward(s, around, &up, luck);
}

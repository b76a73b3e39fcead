/* graph_substitute.c: values made anew with other operands: one node, or all that some roots need. */
#include <assert.h>
#include <stdlib.h>
#include "vm/base/graph_inner.h"

/* ---- One node ---- */

static Node *rebuild_place(Graph *g, const Node *n, Node *v)
{
    Axes more = axes_minus(&v->axes, &n->in[0]->axes);
    return graph_place(g, v, n->move, axes_union(&n->axes, &more));
}

static Node *rebuild_index(Graph *g, const Node *n, Node *x)
{
    Axes more = axes_minus(&x->axes, &n->in[0]->axes);
    return graph_index(g, x, n->move, axes_union(&n->axes, &more));
}

Node *graph_rebuild(Graph *g, const Node *n, Node *const *in)
{
    switch (op_info[n->op].family) {
    case FAMILY_MAP: return graph_map(g, n->op, in[0], n->n_in > 1 ? in[1] : NULL, n->n_in > 2 ? in[2] : NULL);
    case FAMILY_FOLD: return graph_fold(g, n->op, in[0], node_over(n));
    case FAMILY_DOT: return graph_dot(g, in[0], in[1], node_over(n));
    default: break;
    }
    switch (n->op) {
    case OP_random: return graph_random(g, n->kind, n->key, n->size, *n->to, (Node **)in, n->n_in);
    case OP_spread: return graph_spread(g, in[0], n->axes);
    case OP_index: return rebuild_index(g, n, in[0]);
    case OP_place: return rebuild_place(g, n, in[0]);
    case OP_reshape: return graph_reshape(g, in[0], *n->from, *n->to);
    case OP_concat: return graph_concat(g, (Node **)in, n->part, n->n_in, n->axis);
    case OP_gather: return graph_gather(g, in[0], n->axis, in[1]);
    case OP_scatter: return graph_scatter(g, in[0], in[1], n->axis, node_over(n));
    case OP_put: return graph_put(g, in[0], n->axis, in[1], in[2], node_over(n));
    case OP_argmax: case OP_argmin: case OP_cumsum: case OP_argsort: return graph_along(g, n->op, in[0], n->axis, n->flag);
    case OP_svdvals: return graph_svdvals(g, in[0], n->axis, n->part[0], n->part[1]);
    case OP_svdvectors: return graph_svdvectors(g, in[0], n->axis, n->part[0], n->part[1], n->flag);
    case OP_stop: return graph_stop(g, in[0]);
    case OP_implicit: return graph_implicit(g, in[0], in[1], n->flag);
    default:
        assert(n->n_in == 0);
        return graph_node(g, n->id);
    }
}

/* ---- All that some roots need ---- */

typedef struct Copy {
    Graph *g;
    NodeList cone;              /* in ascending order of ids */
    Node **new;                 /* by id: what replaces the node; null: not yet known to change */
    bool *changed;
    Axes *extra;                /* by id: axes that the copy may have more; null if no replacement has more axes */
    Loop **loops;               /* by id of the LOOP node: its copy */
    Loop *inside;               /* the deepest scope of the replacements */
} Copy;

static int by_id(const void *a, const void *b)
{
    const Node *const *x = a, *const *y = b;
    return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

/* All nodes that the roots need, but for what replaced ones need; for a loop also its leaves. */
static void find_cone(Copy *c, Node *const *roots, int n)
{
    NodeList stack = { 0 };
    walk_begin(c->g);
    for (int i = 0; i < n; i++) node_list_push(&stack, roots[i]);
    while (stack.n) {
        Node *at = stack.at[--stack.n];
        if (walk_mark(c->g, at)) continue;
        node_list_push(&c->cone, at);
        if (c->new[at->id]) continue;
        for (int i = 0; i < at->n_in; i++)
            if (!walk_seen(c->g, at->in[i])) node_list_push(&stack, at->in[i]);
        if (at->op != OP_loop) continue;
        node_list_push(&stack, at->loop->time);
        for (int i = 0; i < at->loop->n_carry; i++) node_list_push(&stack, at->loop->carry[i]);
    }
    free(stack.at);
    if (c->cone.n) qsort(c->cone.at, (size_t)c->cone.n, sizeof *c->cone.at, by_id);
}

/* A loop that changes is copied whole: its leaves change too. */
static bool change_leaves(Copy *c, const Loop *loop)
{
    if (c->changed[loop->time->id]) return false;
    c->changed[loop->time->id] = true;
    for (int i = 0; i < loop->n_carry; i++) c->changed[loop->carry[i]->id] = true;
    return true;
}

static void find_changes(Copy *c)
{
    bool again = true;
    while (again) {
        again = false;
        for (int i = 0; i < c->cone.n; i++) {
            Node *n = c->cone.at[i];
            if (c->new[n->id]) continue;
            for (int k = 0; k < n->n_in && !c->changed[n->id]; k++) c->changed[n->id] = c->changed[n->in[k]->id];
            if (n->op == OP_loop && c->changed[n->id]) again = change_leaves(c, n->loop) || again;
        }
    }
}

/* The extra axes of what a node is computed from. */
static Axes extra_of(const Copy *c, const Node *n)
{
    Axes extra = c->extra[n->id];
    for (int i = 0; i < n->n_in; i++) extra = axes_union(&extra, &c->extra[n->in[i]->id]);
    if (n->op == OP_carry && n->loop->node) {
        extra = axes_union(&extra, &c->extra[n->loop->init[n->key]->id]);
        extra = axes_union(&extra, &c->extra[n->loop->next[n->key]->id]);
    }
    return extra;
}

/* Lets the extra axes of replacements flow to all that depends on them, through loops too. */
static void find_extra(Copy *c, Node *const *from, Node *const *to, int n)
{
    bool again = false;
    for (int i = 0; i < n; i++) again = again || !axes_within(&to[i]->axes, &from[i]->axes);
    if (!again) return;
    c->extra = calloc(c->g->n, sizeof *c->extra);
    if (!c->extra) abort();
    for (int i = 0; i < n; i++) c->extra[from[i]->id] = axes_minus(&to[i]->axes, &from[i]->axes);
    while (again) {
        again = false;
        for (int i = 0; i < c->cone.n; i++) {
            Node *at = c->cone.at[i];
            if (c->new[at->id] || !c->changed[at->id]) continue;
            Axes extra = extra_of(c, at);
            if (axes_equal(&extra, &c->extra[at->id])) continue;
            c->extra[at->id] = extra;
            again = true;
        }
    }
}

static Node *current(const Copy *c, Node *n) { return c->new[n->id] ? c->new[n->id] : n; }

static Loop *copied_loop(Copy *c, const Loop *loop)
{
    return loop->node ? c->loops[loop->node->id] : NULL;
}

/* Whether the loop's leaves are replaced: then the copy does not stand in it any more. */
static bool is_left(const Copy *c, const Loop *loop)
{
    if (c->new[loop->time->id]) return true;
    for (int i = 0; i < loop->n_carry; i++)
        if (c->new[loop->carry[i]->id]) return true;
    return false;
}

/* The loop in which the copy of a loop stands. */
static Loop *scope_of_copy(Copy *c, const Loop *loop)
{
    Loop *outer = loop->node->scope;
    while (outer && !copied_loop(c, outer) && is_left(c, outer)) outer = outer->outer;
    if (outer && copied_loop(c, outer)) outer = copied_loop(c, outer);
    return scope_deeper(outer, c->inside);
}

static void open_copy(Copy *c, const Loop *loop)
{
    Loop *copy = graph_loop_open(c->g, scope_of_copy(c, loop), loop->passes);
    c->loops[loop->node->id] = copy;
    c->new[loop->time->id] = copy->time;
}

static void copy_carry(Copy *c, const Loop *loop, int i)
{
    Loop *copy = c->loops[loop->node->id];
    Node *init = current(c, loop->init[i]);
    Axes axes = axes_union(&loop->carry[i]->axes, &init->axes);
    if (c->extra) axes = axes_union(&axes, &c->extra[loop->carry[i]->id]);
    c->new[loop->carry[i]->id] = graph_carry(c->g, copy, init, axes);
}

static Node *close_copy(Copy *c, const Loop *loop)
{
    Loop *copy = c->loops[loop->node->id];
    copy->until = loop->until;
    for (int i = 0; i < loop->n_carry; i++) graph_loop_next(c->g, copy, i, current(c, loop->next[i]));
    for (int i = 0; i < loop->n_keep; i++) {
        copy->keep_axis = loop->keep_axis;
        copy->keep = i ? copy->keep : ARENA_ARRAY(&c->g->arena, Node *, 2 * loop->n_keep);
        copy->keep[copy->n_keep++] = current(c, loop->keep[i]);
    }
    return graph_loop_close(c->g, copy);
}

static Node *copy_node(Copy *c, Node *n)
{
    if (n->op == OP_loop) return close_copy(c, n->loop);
    if (n->op == OP_result) return graph_result(c->g, c->loops[n->in[0]->id], (int)n->key);
    Node *in[n->n_in + 1];
    for (int i = 0; i < n->n_in; i++) in[i] = current(c, n->in[i]);
    return graph_rebuild(c->g, n, in);
}

/* What equals the final carries of a copied loop, as far as that was copied too. */
static void copy_equal_ends(Copy *c, const Loop *loop)
{
    Loop *copy = c->loops[loop->node->id];
    if (!loop->same || !copy) return;
    Node **ends = ARENA_ARRAY(&c->g->arena, Node *, loop->n_carry + 1);
    for (int i = 0; i < loop->n_carry; i++) {
        Node *same = loop->same[i];
        Loop *other = same && same->op == OP_result ? c->loops[same->in[0]->id] : NULL;
        ends[i] = other && other->node ? graph_result(c->g, other, (int)same->key) : NULL;
    }
    copy->same = ends;
}

static void copy_cone(Copy *c)
{
    const Origin *before = c->g->origin;
    for (int i = 0; i < c->cone.n; i++) {
        Node *n = c->cone.at[i];
        if (c->new[n->id] || !c->changed[n->id]) continue;
        graph_set_origin(c->g, n->origin);
        if (n->op == OP_time) open_copy(c, n->loop);
        else if (n->op == OP_carry) copy_carry(c, n->loop, (int)n->key);
        else c->new[n->id] = copy_node(c, n);
    }
    for (int i = 0; i < c->cone.n; i++) if (c->cone.at[i]->op == OP_loop) copy_equal_ends(c, c->cone.at[i]->loop);
    graph_set_origin(c->g, before);
}

void graph_substitute(Graph *g, Node **roots, int n_roots, Node *const *from, Node *const *to, int n)
{
    uint32_t size = g->n;
    Copy c = { .g = g };
    c.new = calloc(size, sizeof *c.new);
    c.changed = calloc(size, sizeof *c.changed);
    c.loops = calloc(size, sizeof(Loop *));
    if (!c.new || !c.changed || !c.loops) abort();
    for (int i = 0; i < n; i++) {
        c.new[from[i]->id] = to[i];
        c.changed[from[i]->id] = from[i] != to[i];
        c.inside = scope_deeper(c.inside, to[i]->scope);
    }
    find_cone(&c, roots, n_roots);
    find_changes(&c);
    find_extra(&c, from, to, n);
    copy_cone(&c);
    for (int i = 0; i < n_roots; i++) roots[i] = current(&c, roots[i]);
    free(c.cone.at);
    free(c.new);
    free(c.changed);
    free(c.extra);
    free(c.loops);
}

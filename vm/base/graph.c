/* graph.c: the nodes of a graph, made once each (hash-consing), and its leaves. */
#include <assert.h>
#include <stdlib.h>
#include "vm/base/graph_inner.h"

/* Memory for the tables that grow; as with arenas, nothing sensible can be done without it. */
static void *grow(void *old, size_t size)
{
    void *memory = realloc(old, size);
    if (!memory) abort();
    return memory;
}

Graph *graph_new(void)
{
    Graph *g = grow(NULL, sizeof *g);
    memset(g, 0, sizeof *g);
    g->table_room = 1024;
    g->largest_tape = 1 << 24;
    g->table = grow(NULL, g->table_room * sizeof *g->table);
    memset(g->table, 0, g->table_room * sizeof *g->table);
    return g;
}

void graph_free(Graph *g)
{
    if (!g) return;
    arena_free(&g->arena);
    free(g->nodes);
    free(g->table);
    free(g->hashes);
    free(g->marks);
    free(g);
}

Arena *graph_arena(Graph *g) { return &g->arena; }
uint32_t graph_size(const Graph *g) { return g->n; }
Node *graph_node(const Graph *g, uint32_t id) { return g->nodes[id]; }
void graph_set_origin(Graph *g, const Origin *origin) { g->origin = origin; }
const Origin *graph_origin(const Graph *g) { return g->origin; }

Axis graph_fresh_axis(Graph *g, int64_t size)
{
    return axis_make(size, 0x4000u + g->fresh_axes++ % 0x3f00u);
}

void node_list_push(NodeList *list, Node *n)
{
    if (list->n == list->room) {
        list->room = list->room ? 2 * list->room : 64;
        list->at = grow(list->at, (size_t)list->room * sizeof *list->at);
    }
    list->at[list->n++] = n;
}

/* ---- Scopes and walks ---- */

bool scope_within(const Loop *inner, const Loop *outer)
{
    if (!outer) return true;
    for (; inner; inner = inner->outer)
        if (inner == outer) return true;
    return false;
}

Loop *scope_deeper(Loop *a, Loop *b)
{
    if (!a || !b) return a ? a : b;
    return b->depth > a->depth ? b : a;
}

void walk_begin(Graph *g)
{
    if (g->marks_room < g->n) {
        uint32_t room = g->n + g->n / 2 + 1024;
        g->marks = grow(g->marks, room * sizeof *g->marks);
        memset(g->marks + g->marks_room, 0, (room - g->marks_room) * sizeof *g->marks);
        g->marks_room = room;
    }
    g->walk++;
}

bool walk_seen(const Graph *g, const Node *n) { return g->marks[n->id] == g->walk; }

bool walk_mark(Graph *g, const Node *n)
{
    if (g->marks[n->id] == g->walk) return true;
    g->marks[n->id] = g->walk;
    return false;
}

/* ---- Hash-consing ---- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t hash_move(uint64_t h, const Move *move)
{
    for (int i = 0; i < move->n; i++) {
        const Coord *c = &move->at[i];
        h = mix(h, c->from);
        h = mix(h, (uint64_t)c->offset * 2 + c->wrap);
        for (int k = 0; k < c->n; k++) h = mix(mix(h, c->term[k].axis), (uint64_t)c->term[k].coef);
    }
    return h;
}

static uint64_t hash_shape(uint64_t h, const Shape *shape)
{
    for (int i = 0; i < shape->n; i++) h = mix(h, shape->at[i]);
    return mix(h, (uint64_t)shape->n);
}

/* Number of entries of `part`. */
static int parts_of(const Node *n)
{
    if (!n->part) return 0;
    return n->op == OP_svdvals || n->op == OP_svdvectors ? 2 : n->n_in;
}

static uint64_t hash_node(const Node *n)
{
    uint64_t h = mix(n->op, (uint64_t)n->n_in);
    for (int i = 0; i < n->n_in; i++) h = mix(h, n->in[i]->id);
    for (int i = 0; i < n->axes.n; i++) h = mix(h, n->axes.at[i]);
    h = mix(h, bits_of(n->value));
    h = mix(h, n->axis);
    h = mix(h, n->key);
    h = mix(h, (uint64_t)n->size * 16 + n->kind * 2 + n->flag);
    if (n->loop) h = mix(h, n->loop->id);
    if (n->move) h = hash_move(h, n->move);
    if (n->from) h = hash_shape(h, n->from);
    if (n->to) h = hash_shape(h, n->to);
    for (int i = 0; i < parts_of(n); i++) h = mix(h, n->part[i]);
    return h;
}

static bool same_move(const Move *a, const Move *b)
{
    if (!a || !b) return a == b;
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++) {
        const Coord *c = &a->at[i], *d = &b->at[i];
        if (c->from != d->from || c->offset != d->offset || c->n != d->n || c->wrap != d->wrap) return false;
        for (int k = 0; k < c->n; k++)
            if (c->term[k].axis != d->term[k].axis || c->term[k].coef != d->term[k].coef) return false;
    }
    return true;
}

static bool same_shape(const Shape *a, const Shape *b)
{
    if (!a || !b) return a == b;
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++)
        if (a->at[i] != b->at[i]) return false;
    return true;
}

static bool same_node(const Node *a, const Node *b)
{
    if (a->op != b->op || a->n_in != b->n_in || !axes_equal(&a->axes, &b->axes)) return false;
    for (int i = 0; i < a->n_in; i++)
        if (a->in[i] != b->in[i]) return false;
    if (bits_of(a->value) != bits_of(b->value) || a->axis != b->axis || a->key != b->key || a->size != b->size) return false;
    if (a->kind != b->kind || a->flag != b->flag || a->loop != b->loop) return false;
    if (!same_move(a->move, b->move) || !same_shape(a->from, b->from) || !same_shape(a->to, b->to)) return false;
    if (parts_of(a) != parts_of(b)) return false;
    for (int i = 0; i < parts_of(a); i++)
        if (a->part[i] != b->part[i]) return false;
    return true;
}

static void *keep_copy(Graph *g, const void *from, size_t size)
{
    void *copy = arena_alloc(&g->arena, size);
    memcpy(copy, from, size);
    return copy;
}

/* The node itself, with copies of all that the pattern points to. */
static Node *add_node(Graph *g, const Node *pattern, uint64_t hash)
{
    if (g->n == g->room) {
        g->room = g->room ? 2 * g->room : 1024;
        g->nodes = grow(g->nodes, g->room * sizeof(Node *));
        g->hashes = grow(g->hashes, g->room * sizeof *g->hashes);
    }
    Node *n = keep_copy(g, pattern, sizeof *pattern);
    if (n->n_in) n->in = keep_copy(g, pattern->in, (size_t)n->n_in * sizeof(Node *));
    if (n->move) n->move = keep_copy(g, pattern->move, sizeof(Move));
    if (n->from) n->from = keep_copy(g, pattern->from, sizeof(Shape));
    if (n->to) n->to = keep_copy(g, pattern->to, sizeof(Shape));
    if (n->part) n->part = keep_copy(g, pattern->part, (size_t)parts_of(pattern) * sizeof(Axis));
    n->id = g->n;
    n->origin = g->origin;
    g->hashes[g->n] = hash;
    g->nodes[g->n++] = n;
    return n;
}

static void enter(uint64_t *table, uint32_t room, uint64_t hash, uint32_t id)
{
    uint32_t at = (uint32_t)hash & (room - 1);
    while (table[at]) at = (at + 1) & (room - 1);
    table[at] = hash >> 32 << 32 | (id + 1);
}

static void widen_table(Graph *g)
{
    uint32_t room = g->table_room * 2;
    uint64_t *table = grow(NULL, room * sizeof *table);
    memset(table, 0, room * sizeof *table);
    for (uint32_t id = 0; id < g->n; id++) enter(table, room, g->hashes[id], id);
    free(g->table);
    g->table = table;
    g->table_room = room;
}

Node *node_make(Graph *g, const Node *pattern)
{
    uint64_t hash = hash_node(pattern);
    for (uint32_t at = (uint32_t)hash & (g->table_room - 1); g->table[at]; at = (at + 1) & (g->table_room - 1)) {
        if (g->table[at] >> 32 != hash >> 32) continue;
        Node *known = g->nodes[(uint32_t)g->table[at] - 1];
        if (same_node(known, pattern)) return known;
    }
    Loop *scope = NULL;
    for (int i = 0; i < pattern->n_in; i++) scope = scope_deeper(scope, pattern->in[i]->scope);
    Node *n = add_node(g, pattern, hash);
    n->scope = scope;
    if ((uint64_t)g->n * 2 > g->table_room) widen_table(g);
    else enter(g->table, g->table_room, hash, n->id);
    return n;
}

Node *node_make_new(Graph *g, const Node *pattern, Loop *scope)
{
    uint64_t hash = mix(hash_node(pattern), g->n);
    Node *n = add_node(g, pattern, hash);
    n->scope = scope;
    if ((uint64_t)g->n * 2 > g->table_room) widen_table(g);
    else enter(g->table, g->table_room, hash, n->id);
    return n;
}

/* ---- Leaves ---- */

Node *graph_const(Graph *g, double value)
{
    Node pattern = { .op = OP_const, .value = value };
    return node_make(g, &pattern);
}

Node *graph_slot(Graph *g, uint32_t slot, uint32_t epoch, Axes axes)
{
    Node pattern = { .op = OP_slot, .key = slot, .size = epoch, .axes = axes };
    return node_make(g, &pattern);
}

Node *graph_variable(Graph *g, Axes axes)
{
    Node pattern = { .op = OP_slot, .key = UINT32_MAX, .size = (int64_t)g->n, .axes = axes };
    return node_make_new(g, &pattern, NULL);
}

Node *graph_iota(Graph *g, Axis axis)
{
    Node pattern = { .op = OP_iota, .axis = axis, .axes = axes_one(axis) };
    return node_make(g, &pattern);
}

Node *graph_step(Graph *g)
{
    Node pattern = { .op = OP_step };
    return node_make(g, &pattern);
}

Node *graph_random(Graph *g, RandomKind kind, uint64_t key, int64_t size, Shape order, Node **times, int n_times)
{
    Node pattern = { .op = OP_random, .kind = kind, .key = key, .size = size, .axes = axes_of(order), .to = &order,
                     .n_in = n_times, .in = times };
    return node_make(g, &pattern);
}

/* ---- Walks ---- */

void node_push(NodeStack *s, Node *n)
{
    if (s->n == s->room) {
        s->room = s->room ? 2 * s->room : 256;
        s->at = grow(s->at, (size_t)s->room * sizeof *s->at);
    }
    s->at[s->n++] = n;
}

/* known.c: numbers that are the same in every run, such as the places of an array that is written out: read from the graph while it is built. */
#include <stdio.h>
#include <string.h>
#include "lang/graph/finite.h"

/* The place along each axis that is looked at. */
typedef struct Places { int n; Axis axis[2 * MAX_AXES]; int64_t at[2 * MAX_AXES]; } Places;

/* The text, and how many more nodes are looked at before a value counts as not known. */
typedef struct Look { const Builder *b; int64_t left; } Look;
enum { MOST_LOOKS = 64 };       /* for each place */

static bool place_along(const Places *p, Axis axis, int64_t *at)
{
    for (int i = p->n - 1; i >= 0; i--) if (p->axis[i] == axis) { *at = p->at[i]; return true; }
    return false;
}

/* A later entry counts before an earlier one. */
static bool set_place(Places *p, Axis axis, int64_t at)
{
    if (p->n == 2 * MAX_AXES) return false;
    p->axis[p->n] = axis;
    p->at[p->n++] = at;
    return true;
}

static bool look(Look *l, const Node *n, const Places *p, double *x);

static bool look_map(Look *l, const Node *n, const Places *p, double *x)
{
    double in[3] = { 0 };
    for (int i = 0; i < n->n_in; i++) if (!look(l, n->in[i], p, &in[i])) return false;
    *x = op_value(n->op, in[0], in[1], in[2]);
    return true;
}

static bool look_index(Look *l, const Node *n, const Places *p, double *x)
{
    Places to = *p;
    for (int i = 0; i < n->move->n; i++) {
        const Coord *c = &n->move->at[i];
        int64_t at = c->offset, size = axis_size(c->from), along;
        for (int k = 0; k < c->n; k++) {
            if (!place_along(p, c->term[k].axis, &along)) return false;
            at += c->term[k].coef * along;
        }
        if (c->wrap) at = ((at % size) + size) % size;
        if (at < 0 || at >= size) { *x = 0; return true; }
        if (!set_place(&to, c->from, at)) return false;
    }
    return look(l, n->in[0], &to, x);
}

static bool look_gather(Look *l, const Node *n, const Places *p, double *x)
{
    Places to = *p;
    double at;
    if (!look(l, n->in[1], p, &at) || !(at >= 0 && at < (double)axis_size(n->axis))) return false;
    return set_place(&to, n->axis, (int64_t)at) && look(l, n->in[0], &to, x);
}

static bool look_concat(Look *l, const Node *n, const Places *p, double *x)
{
    Places to = *p;
    int64_t at;
    if (!place_along(p, n->axis, &at)) return false;
    for (int i = 0; i < n->n_in; i++) {
        int64_t size = n->part[i] ? axis_size(n->part[i]) : 1;
        if (at < size) return (!n->part[i] || set_place(&to, n->part[i], at)) && look(l, n->in[i], &to, x);
        at -= size;
    }
    return false;
}

static bool look_reshape(Look *l, const Node *n, const Places *p, double *x)
{
    Places to = *p;
    int64_t flat = 0, at;
    for (int i = 0; i < n->to->n; i++) {
        if (!place_along(p, n->to->at[i], &at)) return false;
        flat = flat * axis_size(n->to->at[i]) + at;
    }
    for (int i = n->from->n - 1; i >= 0; i--) {
        if (!set_place(&to, n->from->at[i], flat % axis_size(n->from->at[i]))) return false;
        flat /= axis_size(n->from->at[i]);
    }
    return look(l, n->in[0], &to, x);
}

/* A named value is the program that fills its slot. */
static bool look_slot(Look *l, const Node *n, const Places *p, double *x)
{
    const Script *script = &l->b->script;
    if (n->key >= (uint64_t)script->n_fills || script->store->slots[n->key].is_cell) return false;
    const Fill *fill = &script->fills[n->key];
    return fill->has_program && look(l, fill->program.outputs[0].value, p, x);
}

static bool look(Look *l, const Node *n, const Places *p, double *x)
{
    int64_t at;
    if (--l->left < 0) return false;
    switch (n->op) {
    case OP_const: *x = n->value; return true;
    case OP_iota:
        if (!place_along(p, n->axis, &at)) return false;
        *x = (double)at;
        return true;
    case OP_spread: case OP_stop: return look(l, n->in[0], p, x);
    case OP_index: return look_index(l, n, p, x);
    case OP_gather: return look_gather(l, n, p, x);
    case OP_concat: return look_concat(l, n, p, x);
    case OP_reshape: return look_reshape(l, n, p, x);
    case OP_slot: return look_slot(l, n, p, x);
    default: return op_info[n->op].family == FAMILY_MAP && look_map(l, n, p, x);
    }
}

bool known_along(const Builder *b, const Node *n, Axis axis, double *x)
{
    for (int i = 0; i < n->axes.n; i++) if (n->axes.at[i] != axis) return false;
    Look l = { b, MOST_LOOKS * axis_size(axis) };
    for (int64_t at = 0; at < axis_size(axis); at++) {
        Places p = { .n = 1, .axis = { axis }, .at = { at } };
        if (!look(&l, n, &p, &x[at])) return false;
    }
    return true;
}

Node *known_table(Builder *b, const char *name, Shape shape, const double *x)
{
    Store *store = b->script.store;
    Axes axes = axes_of(shape);
    int64_t count = axes_count(&axes);
    char full[80];
    uint64_t hash = 0;
    for (int64_t i = 0; i < count; i++) hash = mix_hash(hash, name, (uint64_t)x[i]);
    snprintf(full, sizeof full, "%s %016llx", name, (unsigned long long)hash);     /* equal tables are one, and no other has its name */
    uint32_t slot = 0;
    while (slot < store->n && strcmp(store->slots[slot].name, full) != 0) slot++;
    if (slot == store->n) {
        slot = new_slot(b, full, shape, false, (Span){ 0 });
        slot_memory(store, slot);
        for (int64_t i = 0; i < count; i++) slot_set(store, slot, i, x[i]);
        store->slots[slot].filled = true;
    }
    Shape from = store->slots[slot].shape;
    return relabel(b, graph_slot(b->g, slot, 0, axes_of(from)), from, shape);
}

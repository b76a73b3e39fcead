/* session_digest.c: what a changed text leaves as it was.
 *
 * Every slot gets a number made from all that decides its value: its recipe's graph, node by node, the slots this reads, and for what a
 * train moves, the whole train.  Axes count in the order in which they are met, as their own numbers differ from one build to the next.  Slots
 * of two scripts with the same name and number hold the same value, so a session takes it over from an earlier one. */
#include "lang/session_inside.h"

#include <stdlib.h>
#include <string.h>

/* ---- mixing ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
    hash *= 0xD6E8FEB86659FD93u;
    return hash ^ hash >> 32;
}

static uint64_t mix_text(uint64_t hash, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) hash = mix(hash, (unsigned char)text[i]);
    return mix(hash, length);
}

static uint64_t mix_number(uint64_t hash, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return mix(hash, bits);
}

static uint64_t mix_name(uint64_t hash, const char *text)
{
    return text ? mix_text(hash, text, strlen(text)) : mix(hash, 1);
}

/* ---- one program ---- */

/* Digests of the slots of one session's script; 0: not known yet. */
typedef struct Digests { Session *session; uint64_t *slots; } Digests;

static uint64_t slot_digest(Digests *d, uint32_t slot, const Train *inside);

enum { MAX_SEEN = 512 };

/* The walk through one program: hashes by node number, axes in the order met. */
typedef struct Walk {
    Digests *digests;
    const Train *inside;
    uint64_t *hashes;           /* 0: not visited */
    Axis seen[MAX_SEEN];
    int n_seen;
} Walk;

static uint64_t axis_digest(Walk *w, Axis axis)
{
    int at = 0;
    while (at < w->n_seen && w->seen[at] != axis) at++;
    if (at == w->n_seen && w->n_seen < MAX_SEEN) w->seen[w->n_seen++] = axis;
    return mix(mix((uint64_t)axis_size(axis), (uint64_t)at), axis_is_item(axis));
}

static uint64_t mix_axes(Walk *w, uint64_t hash, const Axis *at, int n)
{
    hash = mix(hash, (uint64_t)n);
    for (int i = 0; i < n; i++) hash = mix(hash, axis_digest(w, at[i]));
    return hash;
}

static uint64_t mix_move(Walk *w, uint64_t hash, const Move *move)
{
    for (int i = 0; i < move->n; i++) {
        const Coord *c = &move->at[i];
        hash = mix(mix(mix(hash, axis_digest(w, c->from)), (uint64_t)c->offset), c->wrap);
        for (int t = 0; t < c->n; t++) hash = mix(mix(hash, axis_digest(w, c->term[t].axis)), (uint64_t)c->term[t].coef);
    }
    return hash;
}

static uint64_t mix_nodes(const Walk *w, uint64_t hash, Node *const *nodes, int n)
{
    for (int i = 0; i < n; i++) hash = mix(hash, nodes[i] ? w->hashes[nodes[i]->id] : 1);
    return hash;
}

static uint64_t mix_loop(Walk *w, uint64_t hash, const Loop *loop)
{
    hash = mix(mix(mix(hash, (uint64_t)loop->passes), (uint64_t)loop->n_carry), (uint64_t)(loop->until + 1));
    hash = mix_nodes(w, hash, loop->init, loop->n_carry);
    hash = mix_nodes(w, hash, loop->next, loop->n_carry);
    hash = mix_nodes(w, hash, loop->keep, loop->n_keep);
    return loop->n_keep ? mix(hash, axis_digest(w, loop->keep_axis)) : hash;
}

/* Loops that a leaf stands in: how deep, and how long each is. */
static uint64_t mix_nesting(uint64_t hash, const Loop *loop)
{
    for (; loop; loop = loop->outer) hash = mix(hash, (uint64_t)loop->passes);
    return hash;
}

static uint64_t node_digest(Walk *w, const Node *n)
{
    uint64_t hash = mix(mix_number(mix(n->op, (uint64_t)n->n_in), n->value), (uint64_t)n->size);
    hash = mix(mix(hash, n->kind), n->flag);
    hash = n->op == OP_slot ? mix(hash, slot_digest(w->digests, (uint32_t)n->key, w->inside)) : mix(hash, n->key);
    hash = mix_nodes(w, hash, n->in, n->n_in);
    hash = mix_axes(w, hash, n->axes.at, n->axes.n);
    if (n->axis) hash = mix(hash, axis_digest(w, n->axis));
    if (n->move) hash = mix_move(w, hash, n->move);
    if (n->from) hash = mix_axes(w, hash, n->from->at, n->from->n);
    if (n->to) hash = mix_axes(w, hash, n->to->at, n->to->n);
    if (n->part)
        for (int i = 0; i < n->n_in; i++) hash = mix(hash, n->part[i] ? axis_digest(w, n->part[i]) : 0);
    if (n->op == OP_loop) hash = mix_loop(w, hash, n->loop);
    else if (n->loop) hash = mix_nesting(hash, n->loop);
    return hash ? hash : 1;
}

/* Marks what the outputs need, then digests it in order of creation: operands before users, bodies before their loops. */
static void walk(Walk *w, const Program *program, uint32_t size)
{
    for (int i = 0; i < program->n; i++) w->hashes[program->outputs[i].value->id] = 1;
    for (uint32_t id = size; id-- > 0;) {
        if (!w->hashes[id]) continue;
        const Node *n = graph_node(program->graph, id);
        for (int i = 0; i < n->n_in; i++) w->hashes[n->in[i]->id] = 1;
        if (n->op != OP_loop) continue;
        for (int i = 0; i < n->loop->n_carry; i++) w->hashes[n->loop->init[i]->id] = w->hashes[n->loop->next[i]->id] = 1;
        for (int i = 0; i < n->loop->n_keep; i++) w->hashes[n->loop->keep[i]->id] = 1;
    }
    for (uint32_t id = 0; id < size; id++)
        if (w->hashes[id]) w->hashes[id] = node_digest(w, graph_node(program->graph, id));
}

/* 0 when out of memory or axes: then nothing is taken over. */
static uint64_t program_digest(Digests *d, const Program *program, const Train *inside)
{
    uint32_t size = graph_size(program->graph);
    Walk *w = calloc(1, sizeof *w);
    uint64_t hash = 0;
    if (w) {
        *w = (Walk){ .digests = d, .inside = inside, .hashes = calloc((size_t)size + 1, sizeof *w->hashes) };
        if (w->hashes) {
            walk(w, program, size);
            hash = mix(7, (uint64_t)program->n);
            for (int i = 0; i < program->n; i++) {
                hash = mix(hash, w->hashes[program->outputs[i].value->id]);
                hash = mix_name(hash, d->session->script->store->slots[program->outputs[i].slot].name);
            }
        }
        if (w->n_seen == MAX_SEEN) hash = 0;
        free(w->hashes);
    }
    free(w);
    return hash;
}

/* ---- trains and slots ---- */

static uint64_t mix_period(uint64_t hash, Period period)
{
    return mix(mix_number(hash, period.count), period.unit);
}

static uint64_t train_digest(Digests *d, const Train *train)
{
    uint64_t hash = mix_name(11, train->name);
    for (int p = 0; p < train->n_phases; p++) hash = mix(hash, program_digest(d, &train->phases[p].program, train));
    for (int p = 0; train->recording && p < train->n_phases; p++) hash = mix(hash, program_digest(d, &train->recording[p].program, train));
    hash = mix_number(mix(hash, (uint64_t)train->steps), train->seconds);
    for (int i = 0; i < train->n_guards; i++) hash = mix(hash, train->guards[i].rollback);
    for (int e = 0; e < train->n_everys; e++) {
        hash = mix_period(hash, train->everys[e].period);
        for (int r = 0; r < train->everys[e].n_records; r++) hash = mix_name(hash, train->everys[e].records[r].name);
    }
    for (int i = 0; i < train->n_cells; i++) hash = mix(hash, slot_digest(d, train->cells[i], train));
    return hash;
}

/* The text that defines a slot, for values that come from files. */
static uint64_t mix_definition(uint64_t hash, Span span)
{
    return span.source ? mix_text(hash, span.source->text + span.start, span.end - span.start) : hash;
}

static uint64_t recipe_digest(Digests *d, uint32_t slot)
{
    const Script *script = d->session->script;
    const Slot *s = &script->store->slots[slot];
    uint64_t hash = mix_name(13, s->name);
    for (int i = 0; i < s->shape.n; i++) hash = mix(hash, (uint64_t)axis_size(s->shape.at[i]));
    if (slot >= (uint32_t)script->n_fills) return hash;
    const Fill *fill = &script->fills[slot];
    if (s->load) return mix_definition(hash, fill->span);
    if (fill->is_copy) return mix(hash, slot_digest(d, fill->source, NULL));
    return fill->has_program ? mix(hash, program_digest(d, &fill->program, NULL)) : hash;
}

static uint64_t slot_digest(Digests *d, uint32_t slot, const Train *inside)
{
    const Train *writer = d->session->slots[slot].writer;
    if (writer && writer == inside) return recipe_digest(d, slot);
    if (!d->slots[slot]) {
        d->slots[slot] = 1;
        uint64_t hash = writer ? mix_name(train_digest(d, writer), d->session->script->store->slots[slot].name) : recipe_digest(d, slot);
        d->slots[slot] = hash ? hash : 1;
    }
    return d->slots[slot];
}

/* ---- taking over ---- */

static bool digests_open(Digests *d, Session *session)
{
    *d = (Digests){ session, NULL };
    if (!session_know(session)) return false;
    d->slots = calloc((size_t)session->n_slots + 1, sizeof *d->slots);
    return d->slots != NULL;
}

/* The earlier train of the same name if it ran and is the same in all. */
static bool ran_before(Digests *now, Digests *before, const Train *train)
{
    const Script *script = before->session->script;
    for (int i = 0; i < script->n_actions; i++) {
        const Train *other = script->actions[i].kind == ACTION_TRAIN ? script->actions[i].train : NULL;
        if (other && other->done && !strcmp(other->name, train->name)) return train_digest(now, train) == train_digest(before, other);
    }
    return false;
}

static void take_values(Digests *now, Digests *before)
{
    Store *to = now->session->script->store;
    const Store *from = before->session->script->store;
    for (uint32_t slot = 0; slot < to->n; slot++)
        for (uint32_t source = 0; source < from->n; source++) {
            if (!from->slots[source].filled || from->slots[source].mapped || from->slots[source].mapped_elements || to->slots[slot].filled || strcmp(to->slots[slot].name, from->slots[source].name) != 0) continue;
            const Train *writer = now->session->slots[slot].writer;
            if (writer && !writer->done) continue;
            if (slot_count(&to->slots[slot]) != slot_count(&from->slots[source])) continue;
            if (slot_digest(now, slot, NULL) == slot_digest(before, source, NULL)) slot_copy(to, slot, from, source);
        }
}

void session_take_over(Session *session, Session *earlier)
{
    const Script *script = session->script, *old = earlier->script;
    Digests now = { 0 }, before = { 0 };
    if (script->seed != old->seed || script->store->precision != old->store->precision) return;
    if (digests_open(&now, session) && digests_open(&before, earlier)) {
        for (int i = 0; i < script->n_actions; i++)
            if (script->actions[i].kind == ACTION_TRAIN && ran_before(&now, &before, script->actions[i].train)) script->actions[i].train->done = true;
        take_values(&now, &before);
    }
    free(now.slots);
    free(before.slots);
}

/* sink.c: where a chain of maps is wanted by maps under other names alone, it is computed under those.
 *
 * Tidying moves renamings outwards, as equal values should meet.  What is left of them stands where computed values of one space join those of
 * another: a gradient, under the names of a layer's text, and the moments of its cell.  There the planner would make two maps with an array
 * between them.  The last pass lets the renaming sink through maps that nothing else uses, onto what is no map and can have any names. */
#include <stdlib.h>
#include <string.h>
#include "lang/tidy/tidy_inner.h"

static const Move conflict;

static bool moves_equal(const Move *a, const Move *b)
{
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++)
        if (a->at[i].from != b->at[i].from || a->at[i].term[0].axis != b->at[i].term[0].axis) return false;
    return true;
}

Move move_within(const Move *rename, const Axes *axes)
{
    Move move = { 0 };
    for (int i = 0; i < rename->n; i++)
        if (axes_have(axes, rename->at[i].from)) move.at[move.n++] = rename->at[i];
    return move;
}

static void vote(Wanted *w, const Node *x, const Move *move)
{
    const Move **now = &w->move[x->id];
    if (op_info[x->op].family != FAMILY_MAP || !x->axes.n) return;
    if (!*now) *now = move;
    else if (*now != &conflict && (move == &conflict || !moves_equal(*now, move))) *now = &conflict;
}

/* A map passes on what is wanted of it; a renaming says what it wants if a map wants that: for others a value can have the new names where it lies. */
static void vote_operands(Wanted *w, const Node *n)
{
    bool is_map = op_info[n->op].family == FAMILY_MAP, is_rename = node_is_rename(n) && w->by_map[n->id];
    const Move *move = is_rename ? n->move : is_map ? w->move[n->id] : NULL;
    for (int i = 0; i < n->n_in; i++) {
        w->by_map[n->in[i]->id] |= is_map;
        const Move *own = &conflict;
        if (move && move != &conflict) {
            Move *part = ARENA_NEW(&w->memory, Move);
            *part = move_within(move, &n->in[i]->axes);
            if (part->n) own = part;
        }
        vote(w, n->in[i], own);
    }
}

void wanted_find(Wanted *w, const Live *live, Node *const *roots, int n_roots)
{
    *w = (Wanted){ 0 };
    w->move = calloc(live->size + 1, sizeof *w->move);
    w->by_map = calloc(live->size + 1, sizeof *w->by_map);
    if (!w->move || !w->by_map) abort();
    for (int i = 0; i < n_roots; i++) vote(w, roots[i], &conflict);
    for (int i = live->n - 1; i >= 0; i--) vote_operands(w, live->node[i]);
    for (int i = 0; i < live->n; i++)
        if (w->move[live->node[i]->id] == &conflict) w->move[live->node[i]->id] = NULL;
}

void wanted_free(Wanted *w)
{
    arena_free(&w->memory);
    free(w->move);
    free(w->by_map);
}

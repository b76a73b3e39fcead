/* levels.c: levels and regions.
 *
 * A node's level is the number of steps across items on the way to it.  The chunked nodes of one level and one number of items are a region,
 * which runs chunk by chunk; what crosses items runs whole, before the regions of its level. */
#include "lang/plan/inside.h"

#include <limits.h>
#include <string.h>

/* ---- Levels and regions of a block ---- */

typedef struct LevelOf { Loop *scope; int level; } LevelOf;
typedef struct Aligned { const Node *operand; bool well; } Aligned;

static void check_alignment(Planner *p, Node *user, Node *operand, int which, void *context)
{
    Aligned *a = context;
    if (operand != a->operand || which < 0) return;
    a->well &= runs_along(user, which, info_of(p, user)->lane, info_of(p, operand)->lane);
}

/* Whether all that a chunked loop's body takes from `operand` is of the chunk at hand. */
static bool loop_runs_along(Planner *p, Loop *loop, Node *operand)
{
    const LoopInfo *info = &p->loops[loop->id];
    Aligned a = { operand, info_of(p, operand)->lane != 0 };
    for (int i = 0; i < info->body.n && a.well; i++) {
        Node *n = info->body.at[i];
        if (n->op == OP_loop) a.well &= loop_runs_along(p, n->loop, operand);
        else visit_operands(p, n, check_alignment, &a);
    }
    for (int i = 0; i < loop->n_carry; i++) {
        if (!info->carry_needed[i] || (loop->init[i] != operand && loop->next[i] != operand)) continue;
        a.well &= info_of(p, loop->carry[i])->lane == info_of(p, operand)->lane;
    }
    return a.well;
}

static bool same_chunks(Planner *p, Node *user, Node *operand, int which)
{
    if (!info_of(p, user)->chunked) return false;
    if (user->op == OP_loop) return loop_runs_along(p, user->loop, operand);
    if (operand->op == OP_loop) return true;
    return runs_along(user, which, info_of(p, user)->lane, info_of(p, operand)->lane);
}

static void raise_level(Planner *p, Node *user, Node *operand, int which, void *context)
{
    LevelOf *l = context;
    const Info *info = info_of(p, operand);
    if (operand->scope != l->scope || operand->op == OP_const) return;
    int level = info->level + (info->chunked && !same_chunks(p, user, operand, which));
    if (level > l->level) l->level = level;
}

static Region *region_for(Planner *p, Loop *scope, int level, int64_t items)
{
    for (int i = 0; i < p->n_regions; i++) {
        Region *r = p->regions[i];
        if (r->scope == scope && r->level == level && r->items == items) return r;
    }
    if ((p->n_regions & (p->n_regions - 1)) == 0) {
        Region **regions = ARENA_ARRAY(&p->work, Region *, p->n_regions ? 2 * p->n_regions : 1);
        if (p->n_regions) memcpy(regions, p->regions, (size_t)p->n_regions * sizeof *regions);
        p->regions = regions;
    }
    Region *r = ARENA_NEW(&p->work, Region);
    *r = (Region){ .id = p->n_regions + 1, .items = items, .level = level, .scope = scope };
    return p->regions[p->n_regions++] = r;
}

static void set_region(Planner *p, Loop *loop, int region)
{
    const LoopInfo *info = &p->loops[loop->id];
    for (int i = 0; i < info->body.n; i++) {
        info_of(p, info->body.at[i])->region = region;
        if (info->body.at[i]->op == OP_loop) set_region(p, info->body.at[i]->loop, region);
    }
}

static void note_level(Planner *p, Node *user, Node *operand, int which, void *context)
{
    (void)context;
    Node *below = node_below(operand);
    Info *info = info_of(p, below);
    int level = info_of(p, user)->level;
    bool beside = !info->chunked || (which >= 0 && user->op != OP_loop && same_chunks(p, user, below, which));
    if (!beside) info->lowest_use = -1;
    if (level < info->lowest_use) info->lowest_use = level;
    if (level > info->deepest_use) info->deepest_use = level;
    info->uses_seen++;
}

static bool is_at_hand(const Node *n) { return n->op == OP_slot || n->op == OP_const || n->axes.n == 0; }

/* Whether the operand is there at later levels, too, without being kept for this. */
static bool is_there(const Planner *p, const Node *n, const Node *operand)
{
    const Info *own = info_of(p, n), *info = info_of(p, operand);
    if (is_at_hand(operand)) return true;
    return own->chunked && (!info->chunked || operand->scope != n->scope || info->level < own->level || info->deepest_use > info->level);
}

/* Maps that wait go to the level of the maps that need them, so that nothing need keep what they give: those of slots alone (moments that wait for their
 * gradients), and those of values that are kept for later anyway (1 - y of a derivative beside the y that was made on the way there). */
static void sink_levels(Planner *p, const NodeList *nodes)
{
    for (int i = 0; i < nodes->n; i++) {
        info_of(p, nodes->at[i])->lowest_use = INT_MAX;
        info_of(p, nodes->at[i])->uses_seen = info_of(p, nodes->at[i])->deepest_use = 0;
    }
    for (int i = nodes->n - 1; i >= 0; i--) {
        Node *n = nodes->at[i];
        Info *info = info_of(p, n);
        bool waits = op_info[n->op].family == FAMILY_MAP && n->axes.n && info->uses_seen == info->uses && info->lowest_use != INT_MAX;
        for (int k = 0; k < n->n_in; k++) waits = waits && is_there(p, n, node_below(n->in[k]));
        if (waits && info->lowest_use > info->level) info->level = info->lowest_use;
        if (n != node_below(n)) continue;
        visit_operands(p, n, note_level, NULL);
    }
    for (int i = 0; i < nodes->n; i++) {
        Info *info = info_of(p, nodes->at[i]), *below = info_of(p, node_below(nodes->at[i]));
        if (below->level > info->level) info->level = below->level;
    }
}

/* A sum of products place by place whose operands are made in chunks along what it sums: chunks along the lane would have to turn them first. */
static bool sums_across(Planner *p, const Node *n, Axis lane)
{
    if (n->op != OP_dot || !axes_within(&n->in[0]->axes, &n->in[1]->axes) || !axes_within(&n->in[1]->axes, &n->in[0]->axes)) return false;
    for (int i = 0; i < 2; i++) {
        const Info *made = info_of(p, node_below(n->in[i]));
        if (made->chunked && made->lane != lane && axes_have(&n->in[i]->axes, made->lane)) return true;
    }
    return false;
}

static void level_block(Planner *p, Loop *scope, NodeList *nodes);

static void level_node(Planner *p, Node *n)
{
    Info *info = info_of(p, n);
    if (n->op == OP_loop) {
        chunk_loop(p, n->loop);
        if (!p->loops[n->loop->id].chunked) level_block(p, n->loop, &p->loops[n->loop->id].body);
    } else if (n->op == OP_result && info_of(p, n->in[0])->chunked) {
        for (int k = 0; k < n->axes.n; k++)
            if (class_of(p->lanes, n, n->axes.at[k]) == p->loops[n->in[0]->loop->id].class) info->lane = p->lanes->chosen[n->id] = n->axes.at[k];
        info->chunked = true;
    } else if (n->op != OP_result) {
        Axis lane = p->lanes->chosen[n->id];
        info->chunked = lane && can_chunk(n, lane) && !sums_across(p, n, lane);
        info->lane = info->chunked ? lane : 0;
        if (!info->chunked) slice_node(p, n);
    }
    LevelOf level = { n->scope, 0 };
    visit_operands(p, n, raise_level, &level);
    info->level = level.level;
}

/* The items whose chunks a node is computed in. */
static int64_t items_of(const Planner *p, const Node *n)
{
    if (n->op == OP_loop) return p->loops[n->loop->id].items;
    return n->op == OP_result ? p->loops[n->in[0]->loop->id].items : axis_size(info_of(p, n)->lane);
}

static void level_block(Planner *p, Loop *scope, NodeList *nodes)
{
    for (int i = 0; i < nodes->n; i++) level_node(p, nodes->at[i]);
    sink_levels(p, nodes);
    for (int i = 0; i < nodes->n; i++) {
        Node *n = nodes->at[i];
        if (!info_of(p, n)->chunked) continue;
        Region *region = region_for(p, scope, info_of(p, n)->level, items_of(p, n));
        info_of(p, n)->region = region->id;
        node_list_add(p, &region->nodes, n);
        if (info_of(p, n)->sliced) region->slice = slice_items(p, region->items);
        if (n->op == OP_loop) set_region(p, n->loop, region->id);
    }
}

/* ---- Escapes ---- */

/* A value that the sums of a slice use after all its chunks.  What is a view of others in ways of its own goes to the arena. */
static void keep(Planner *p, Node *n)
{
    Family family = op_info[n->op].family;
    if (family == FAMILY_MAP || family == FAMILY_DOT || family == FAMILY_FOLD || (is_view(n) && n->op != OP_result)) info_of(p, n)->kept = true;
    else info_of(p, n)->escapes = true;
}

static void note_escape(Planner *p, Node *user, Node *operand, int which, void *context)
{
    (void)which, (void)context;
    Info *info = info_of(p, operand);
    if (!info->region) return;
    const Info *its = user ? info_of(p, user) : NULL;
    if (!user || its->region != info->region) info->escapes = true;
    else if (its->sliced && p->regions[info->region - 1]->chunk < p->regions[info->region - 1]->slice) keep(p, operand);
    else if (!is_view(user) || user->op == OP_result) info->stays = true;
}

/* Values used outside their region are kept in the code's arena; and so is what a view that is used outside looks at. */
static void find_escapes(Planner *p)
{
    for (uint32_t id = 0; id < graph_size(p->graph); id++) {
        Node *n = graph_node(p->graph, id);
        if (!p->needed[id]) continue;
        visit_operands(p, n, note_escape, NULL);
        if (n->op != OP_loop) continue;
        for (int i = 0; i < n->loop->n_carry; i++)
            if (p->loops[n->loop->id].carry_needed[i]) note_escape(p, n, n->loop->next[i], -1, NULL);
        for (int i = 0; i < n->loop->n_keep; i++)
            if (p->loops[n->loop->id].keep_needed[i]) note_escape(p, n, n->loop->keep[i], -1, NULL);
    }
    for (int i = 0; i < p->program->n; i++) note_escape(p, NULL, p->program->outputs[i].value, -1, NULL);
    for (uint32_t id = graph_size(p->graph); id-- > 0;) {
        const Node *n = graph_node(p->graph, id);
        const Info *info = &p->info[id];
        if (!p->needed[id]) continue;
        bool passes_on = (is_view(n) && n->op != OP_result) || (n->op == OP_index && index_is_inside(n));
        passes_on = passes_on && info_of(p, n->in[0])->region == info->region;
        if (passes_on && info->stays) info_of(p, n->in[0])->stays = true;
        if (passes_on && info->kept) keep(p, n->in[0]);
        if (!info->escapes) continue;
        if (n->op == OP_result && (int)n->key >= n->in[0]->loop->n_carry)
            p->loops[n->in[0]->loop->id].keep_escapes[(int)n->key - n->in[0]->loop->n_carry] = true;
        else if (passes_on) info_of(p, n->in[0])->escapes = true;
    }
}

enum { LITTLE = 512, VERY_MUCH = 1 << 20 };    /* values that are computed for each item */

/* How many there are in a region.  A loop counts as more than little. */
static int64_t values_an_item(const Planner *p, const Region *region)
{
    int64_t values = 0;
    for (int i = 0; i < region->nodes.n; i++) {
        const Node *n = region->nodes.at[i];
        if (p->info[n->id].sliced) continue;
        if (n->op == OP_loop) values += LITTLE;
        if (!is_view(n)) values += axes_count(&n->axes) / region->items;
    }
    return values;
}

/* 32 items fill the registers of a product's tile; few items are cut small for the sake of more threads, and those with very much to keep for the sake
 * of memory; many items with little to do each are cut large.  What is kept is never kept for more than a chunk where it is very much. */
static void cut_region(const Planner *p, Region *region)
{
    int64_t values = values_an_item(p, region);
    bool heavy = !p->chunk && values > VERY_MUCH;
    region->chunk = p->chunk ? p->chunk : region->items < 64 || heavy ? 16 : region->items >= 512 && values < LITTLE ? 64 : 32;
    if (!region->slice) return;
    if (heavy) region->slice = region->chunk;
    if (region->chunk > region->slice) region->chunk = region->slice;
}

void find_regions(Planner *p)
{
    find_lanes(p);
    find_multiplied(p);
    level_block(p, NULL, &p->top);
    for (int i = 0; i < p->n_regions; i++) cut_region(p, p->regions[i]);
    find_escapes(p);
}

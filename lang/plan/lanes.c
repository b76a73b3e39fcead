/* lanes.c: which axis of a node runs along the SIMD lanes, and the regions that run chunk by chunk.
 *
 * Axes that renames lead to each other form a class; a class with an item axis in it is a candidate for the lanes.  A node is
 * chunked when it has such an axis and treats its places apart.  Its level is the number of steps across items on
 * the way to it; the chunked nodes of one level and one number of items are a region.  A loop is chunked when its whole body is. */
#include "lang/plan/inside.h"

#include <string.h>

enum { FEWEST_ITEMS = 8, SMALL_CARRIED = 16384 };

/* ---- Classes of axes ---- */

typedef struct AxisClass { Axis axis; int parent; bool item; double weight; } AxisClass;
struct Lanes { AxisClass *at; int n, room; int *table; Axis *chosen; };

static int find_axis(const Lanes *l, Axis a)
{
    uint64_t at = (a * UINT64_C(0x9e3779b97f4a7c15)) >> 32;
    while (l->table[at & (uint64_t)(l->room - 1)] && l->at[l->table[at & (uint64_t)(l->room - 1)] - 1].axis != a) at++;
    return (int)(at & (uint64_t)(l->room - 1));
}

static int axis_entry(Lanes *l, Axis a)
{
    int slot = find_axis(l, a);
    if (!l->table[slot]) {
        l->at[l->n] = (AxisClass){ .axis = a, .parent = l->n, .item = axis_is_item(a) };
        l->table[slot] = ++l->n;
    }
    return l->table[slot] - 1;
}

static int class_of(Lanes *l, Axis a)
{
    int c = axis_entry(l, a);
    while (l->at[c].parent != c) c = l->at[c].parent;
    return c;
}

static void join(Lanes *l, Axis a, Axis b)
{
    int x = class_of(l, a), y = class_of(l, b);
    if (x == y) return;
    l->at[y].parent = x;
    l->at[x].item |= l->at[y].item;
}

static void find_classes(Planner *p, Lanes *l)
{
    uint32_t size = graph_size(p->graph);
    int axes = 0;
    for (uint32_t id = 0; id < size; id++)
        if (p->info[id].needed) axes += graph_node(p->graph, id)->axes.n + MAX_AXES / 4;
    l->room = 64;
    while (l->room < 2 * axes) l->room *= 2;
    l->table = ARENA_ARRAY(&p->work, int, l->room);
    l->at = ARENA_ARRAY(&p->work, AxisClass, l->room);
    for (uint32_t id = 0; id < size; id++) {
        const Node *n = graph_node(p->graph, id);
        if (!p->info[id].needed) continue;
        for (int i = 0; i < n->axes.n; i++) axis_entry(l, n->axes.at[i]);
        if (n->op == OP_index && node_is_rename(n))
            for (int i = 0; i < n->move->n; i++) join(l, n->move->at[i].from, n->move->at[i].term[0].axis);
    }
    for (uint32_t id = 0; id < size; id++) {
        const Node *n = graph_node(p->graph, id);
        if (!p->info[id].needed || n->op == OP_spread) continue;
        for (int i = 0; i < n->axes.n; i++) l->at[class_of(l, n->axes.at[i])].weight += (double)axes_count(&n->axes);
    }
}

static bool is_candidate(Lanes *l, Axis a) { return axis_size(a) >= FEWEST_ITEMS && l->at[class_of(l, a)].item; }

/* The axis that would run along the lanes: of the class with most work; within a class the one that was mapped over. */
static Axis choose_axis(Lanes *l, const Axes *axes)
{
    Axis best = 0;
    for (int i = 0; i < axes->n; i++) {
        Axis a = axes->at[i];
        if (!is_candidate(l, a)) continue;
        double weight = l->at[class_of(l, a)].weight, most = best ? l->at[class_of(l, best)].weight : -1;
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
    case OP_svdvals: return n->axis != a && n->part[0] != a && n->part[1] != a;
    default: return true;
    }
}

static bool runs_along(const Node *user, int which, Axis lane, Axis operand_lane)
{
    Axis a;
    return lane && operand_lane && axis_in_operand(user, which, lane, &a) && a == operand_lane;
}

/* Whether the op itself can be computed for some places of the axis alone. */
static bool can_chunk(const Node *n, Axis lane)
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

typedef struct LoopCheck { Lanes *lanes; Loop *loop; int class; bool well; } LoopCheck;

/* The one axis of the class; 0 if there is none, *twice if there are more. */
static Axis axis_of_class(Lanes *l, const Axes *axes, int class, bool *twice)
{
    Axis found = 0;
    for (int i = 0; i < axes->n; i++) {
        if (class_of(l, axes->at[i]) != class) continue;
        *twice |= found != 0;
        found = axes->at[i];
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
    Axis lane = axis_of_class(c->lanes, &user->axes, c->class, &twice), in = axis_of_class(c->lanes, &operand->axes, c->class, &twice);
    if (twice || (in && !runs_along(user, which, lane, in))) c->well = false;
}

static void check_body(Planner *p, Loop *loop, LoopCheck *c)
{
    LoopInfo *info = &p->loops[loop->id];
    for (int i = 0; i < info->body.n && c->well; i++) {
        Node *n = info->body.at[i];
        bool twice = false;
        Axis lane = axis_of_class(c->lanes, &n->axes, c->class, &twice);
        if (twice) c->well = false;
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
        if (p->info[id].needed && n->op == OP_result && n->in[0] == loop->node && !axis_of_class(l, &n->axes, class, &twice)) return false;
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
        own->lane = l->chosen[n->id] = axis_of_class(l, &n->axes, class, &twice);
        own->chunked = true;
        if (n->op == OP_loop) assign_body(p, l, n->loop, class);
    }
}

static bool try_class(Planner *p, Lanes *l, Loop *loop, int class)
{
    LoopCheck check = { l, loop, class, true };
    if (!results_have_class(p, l, loop, class)) return false;
    check_body(p, loop, &check);
    return check.well;
}

/* Chunks the loop along the heaviest class of its carries that will do. */
static void chunk_loop(Planner *p, Lanes *l, Loop *loop)
{
    const LoopInfo *info = &p->loops[loop->id];
    int tried[8], n_tried = 0;
    while (n_tried < 8) {
        int best = -1;
        Axis axis = 0;
        for (int i = 0; i < loop->n_carry; i++) {
            if (!info->carry_needed[i]) continue;
            for (int k = 0; k < loop->carry[i]->axes.n; k++) {
                Axis a = loop->carry[i]->axes.at[k];
                int class = class_of(l, a);
                bool again = !is_candidate(l, a);
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

static void level_block(Planner *p, Lanes *l, Loop *scope, NodeList *nodes)
{
    for (int i = 0; i < nodes->n; i++) {
        Node *n = nodes->at[i];
        Info *info = info_of(p, n);
        int64_t items = 0;
        if (n->op == OP_loop) {
            chunk_loop(p, l, n->loop);
            const LoopInfo *loop = &p->loops[n->loop->id];
            if (!loop->chunked) level_block(p, l, n->loop, &p->loops[n->loop->id].body);
            items = loop->items;
        } else if (n->op == OP_result && info_of(p, n->in[0])->chunked) {
            items = p->loops[n->in[0]->loop->id].items;
            for (int k = 0; k < n->axes.n; k++)
                if (class_of(l, n->axes.at[k]) == p->loops[n->in[0]->loop->id].class) info->lane = l->chosen[n->id] = n->axes.at[k];
            info->chunked = true;
        } else if (n->op != OP_result) {
            Axis lane = l->chosen[n->id];
            info->chunked = lane && can_chunk(n, lane);
            info->lane = info->chunked ? lane : 0;
            items = info->chunked ? axis_size(lane) : 0;
        }
        LevelOf level = { scope, 0 };
        visit_operands(p, n, raise_level, &level);
        info->level = level.level;
        if (!info->chunked) continue;
        Region *region = region_for(p, scope, info->level, items);
        info->region = region->id;
        node_list_add(p, &region->nodes, n);
        if (n->op == OP_loop) set_region(p, n->loop, region->id);
    }
}

/* ---- Escapes ---- */

static void note_escape(Planner *p, Node *user, Node *operand, int which, void *context)
{
    (void)which, (void)context;
    Info *info = info_of(p, operand);
    if (info->region && (!user || info_of(p, user)->region != info->region)) info->escapes = true;
}

/* Values used outside their region are kept in the code's arena; and so is what a view that is used outside looks at. */
static void find_escapes(Planner *p)
{
    for (uint32_t id = 0; id < graph_size(p->graph); id++) {
        Node *n = graph_node(p->graph, id);
        if (!p->info[id].needed) continue;
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
        if (!p->info[id].needed || !p->info[id].escapes) continue;
        if (n->op == OP_result && (int)n->key >= n->in[0]->loop->n_carry)
            p->loops[n->in[0]->loop->id].keep_escapes[(int)n->key - n->in[0]->loop->n_carry] = true;
        else if (is_view(n) && n->op != OP_result && info_of(p, n->in[0])->region == p->info[id].region) info_of(p, n->in[0])->escapes = true;
    }
}

/* 32 items fill the registers of a product's tile; few items are cut small for the sake of more threads, many items with little to do each
 * are cut large. */
static int64_t chunk_size(const Region *region)
{
    enum { LITTLE = 512 };
    int64_t features = 0;
    for (int i = 0; i < region->nodes.n; i++) {
        const Node *n = region->nodes.at[i];
        if (n->op == OP_loop) features += LITTLE;
        if (!is_view(n)) features += axes_count(&n->axes) / region->items;
    }
    if (region->items < 64) return 16;
    return region->items >= 512 && features < LITTLE ? 64 : 32;
}

void find_regions(Planner *p)
{
    uint32_t size = graph_size(p->graph);
    p->lanes = ARENA_NEW(&p->work, Lanes);
    find_classes(p, p->lanes);
    p->lanes->chosen = ARENA_ARRAY(&p->work, Axis, size + 1);
    for (uint32_t id = 0; id < size; id++)
        if (p->info[id].needed) p->lanes->chosen[id] = choose_axis(p->lanes, &graph_node(p->graph, id)->axes);
    level_block(p, p->lanes, NULL, &p->top);
    find_escapes(p);
    for (int i = 0; i < p->n_regions; i++) p->regions[i]->chunk = p->chunk ? p->chunk : chunk_size(p->regions[i]);
}

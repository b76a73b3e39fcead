/* fuse.c: the order of a straight stretch of nodes, with maps over the same axes fused into tile programs.
 *
 * Maps of one depth and the same axes become one unit, where the depth of a map is that of its operands of the same
 * axes, and every other way from node to node goes one deeper: so units never wait for each other in a circle. */
#include "lang/plan/inside.h"

#include <limits.h>
#include <string.h>

typedef struct Edge { int to; struct Edge *next; } Edge;
typedef struct Unit { NodeList nodes; Node *first; int depth, waits; uint32_t key; bool is_map, done; Edge *users; } Unit;
typedef struct Stretch { Unit *unit; int n, batch; } Stretch;

/* Sums of products that are one product are no maps. */
static bool is_map(const Planner *p, const Node *n)
{
    const Info *info = &p->info[n->id];
    return op_info[n->op].family == FAMILY_MAP && !info->n_terms && !info->in_terms;
}

/* The orders but for the lane, which lies innermost wherever it stands in them. */
static bool same_order(const Shape *a, const Shape *b, Axis lane)
{
    int i = 0, j = 0;
    for (;; i++, j++) {
        while (i < a->n && lane && a->at[i] == lane) i++;
        while (j < b->n && lane && b->at[j] == lane) j++;
        if (i >= a->n || j >= b->n) return i >= a->n && j >= b->n;
        if (a->at[i] != b->at[j]) return false;
    }
}

/* The same axes, in the same order in memory: two matrices that happen to have each other's sizes would be walked across their rows. */
static bool same_space(const Planner *p, const Node *a, const Node *b)
{
    const Info *x = &p->info[a->id], *y = &p->info[b->id];
    return axes_equal(&a->axes, &b->axes) && x->lane == y->lane && same_order(&x->order, &y->order, x->lane ? x->lane : item_axis(p, a));
}

static bool is_member(const Planner *p, const Stretch *s, const Node *n) { return p->info[n->id].batch == s->batch; }

/* ---- Depths and units ---- */

typedef struct DepthOf { Stretch *stretch; int depth; } DepthOf;

static void deepen(Planner *p, Node *user, Node *operand, int which, void *context)
{
    (void)which;
    DepthOf *d = context;
    Node *below = is_map(p, user) ? node_below(operand) : operand;
    if (!is_member(p, d->stretch, below)) return;
    int depth = info_of(p, below)->depth;
    if (!(is_map(p, user) && is_map(p, below) && same_space(p, user, below))) depth++;
    if (depth > d->depth) d->depth = depth;
}

/* A use seen from the operand: how deep it may go down at most, how deep it is needed at least to be kept anyway. */
static void note_use(Planner *p, Node *user, Node *operand, int which, void *context)
{
    (void)which;
    Stretch *s = context;
    Node *below = is_map(p, user) ? node_below(operand) : operand;
    if (!is_member(p, s, below)) return;
    Info *info = info_of(p, below);
    int depth = info_of(p, user)->depth - !(is_map(p, user) && is_map(p, below) && same_space(p, user, below));
    if (depth < info->lowest_use) info->lowest_use = depth;
    if (depth > info->deepest_use) info->deepest_use = depth;
    info->uses_seen++;
}

/* Operands that live in registers only, and would have to be kept in memory if n went deeper. */
static int newly_kept(Planner *p, const Stretch *s, const Node *n)
{
    int kept = 0;
    for (int k = 0; k < n->n_in; k++) {
        const Node *below = node_below(n->in[k]);
        const Info *info = info_of(p, below);
        if (!is_map(p, below) || !is_member(p, s, below) || info->depth != info_of(p, n)->depth || !same_space(p, n, below)) continue;
        kept += info->deepest_use <= info->depth && info->uses_seen == info->uses;
    }
    return kept;
}

/* A map that only deeper maps need goes down to them, where its value stays in a register.  Users come after what they use, so
 * a walk from the last node to the first knows where all users are; uses of an operand that are still to be seen are counted as far away. */
static void sink_maps(Planner *p, Stretch *s, Node **nodes, int n)
{
    for (int i = 0; i < n; i++) {
        Info *info = info_of(p, nodes[i]);
        info->lowest_use = INT_MAX;
        info->deepest_use = info->uses_seen = 0;
    }
    for (int i = n - 1; i >= 0; i--) {
        Info *info = info_of(p, nodes[i]);
        bool inside = is_map(p, nodes[i]) && info->uses_seen == info->uses && info->lowest_use != INT_MAX;
        if (inside && info->lowest_use > info->depth && !newly_kept(p, s, nodes[i])) info->depth = info->lowest_use;
        visit_operands(p, nodes[i], note_use, s);
    }
}

static int unit_of(Planner *p, Stretch *s, Node *n)
{
    int depth = info_of(p, n)->depth;
    if (is_map(p, n))
        for (int u = s->n - 1; u >= 0; u--)
            if (s->unit[u].is_map && s->unit[u].depth == depth && same_space(p, s->unit[u].first, n)) return u;
    s->unit[s->n] = (Unit){ .first = n, .depth = depth, .is_map = is_map(p, n) };
    return s->n++;
}

/* ---- What is made again ---- */

static void note_reach(Planner *p, Node *user, Node *operand, int which, void *context)
{
    (void)which;
    Node *below = is_map(p, user) ? node_below(operand) : operand;
    if (!is_member(p, context, below)) return;
    Info *info = info_of(p, below);
    if (info_of(p, user)->depth > info->deepest_use) info->deepest_use = info_of(p, user)->depth;
    if (is_map(p, user) && is_map(p, below) && same_space(p, user, below)) info->uses_seen++;
}

/* The one value that a map is made of beside constants; null if there are more. */
static Node *only_operand(const Node *n)
{
    Node *only = NULL;
    for (int k = 0; k < n->n_in; k++) {
        Node *below = node_below(n->in[k]);
        if (below->op == OP_const || below == only) continue;
        if (only) return NULL;
        only = below;
    }
    return only;
}

/* Whether to make a map's value anew wherever it is used: one operation on a value that is kept as long anyway, for maps alone, some of them later. */
static bool is_again(const Planner *p, const Stretch *s, const Node *n)
{
    const Info *info = info_of(p, n);
    if (!is_map(p, n) || op_info[n->op].flops > 1 || info->escapes || info->spare) return false;
    if (info->uses_seen != info->uses || info->deepest_use <= info->depth) return false;
    const Node *from = only_operand(n);
    if (!from || info_of(p, from)->again) return false;
    return !is_member(p, s, from) || info_of(p, from)->deepest_use >= info->deepest_use;
}

static void find_again(Planner *p, Stretch *s, Node **nodes, int n)
{
    for (int i = 0; i < n; i++) info_of(p, nodes[i])->deepest_use = info_of(p, nodes[i])->uses_seen = 0;
    for (int i = 0; i < n; i++) visit_operands(p, nodes[i], note_reach, s);
    for (int i = 0; i < n; i++) info_of(p, nodes[i])->again = is_again(p, s, nodes[i]);
}

/* What is made again stands before each map that uses it. */
static void add_copies(Planner *p, Unit *unit, const Node *user)
{
    for (int k = 0; k < user->n_in; k++) {
        Node *below = node_below(user->in[k]);
        if (below->op != OP_const && info_of(p, below)->again) node_list_add(p, &unit->nodes, below);
    }
}

static void form_units(Planner *p, Stretch *s, Node **nodes, int n)
{
    for (int i = 0; i < n; i++) {
        DepthOf d = { s, 0 };
        visit_operands(p, nodes[i], deepen, &d);
        info_of(p, nodes[i])->depth = d.depth;
    }
    sink_maps(p, s, nodes, n);
    for (int i = 0; i < n; i++) {
        int u = unit_of(p, s, nodes[i]);
        info_of(p, nodes[i])->unit = u;
        s->unit[u].key = nodes[i]->id;
    }
    find_again(p, s, nodes, n);
    for (int i = 0; i < n; i++) {
        Unit *unit = &s->unit[info_of(p, nodes[i])->unit];
        if (info_of(p, nodes[i])->again) continue;
        if (unit->is_map) add_copies(p, unit, nodes[i]);
        node_list_add(p, &unit->nodes, nodes[i]);
    }
}

/* ---- Order ---- */

static void add_edge(Planner *p, Stretch *s, const Node *from, int to)
{
    if (!is_member(p, s, from)) return;
    int unit = info_of(p, from)->unit;
    if (unit == to) return;
    Edge *edge = ARENA_NEW(&p->work, Edge);
    *edge = (Edge){ to, s->unit[unit].users };
    s->unit[unit].users = edge;
    s->unit[to].waits++;
}

static void wait_for(Planner *p, Node *user, Node *operand, int which, void *context)
{
    (void)which;
    Stretch *s = context;
    int to = info_of(p, user)->unit;
    add_edge(p, s, operand, to);
    Node *below = node_below(operand);
    if (below != operand) add_edge(p, s, below, to);
}

static int next_ready(const Stretch *s)
{
    int best = -1;
    for (int u = 0; u < s->n; u++)
        if (!s->unit[u].done && !s->unit[u].waits && (best < 0 || s->unit[u].key < s->unit[best].key)) best = u;
    return best;
}

/* ---- Tile programs ---- */

/* The part [from, to) of a unit's maps that becomes one instruction. */
typedef struct Tile {
    Planner *p;
    const NodeList *nodes;
    int from, to;
    int (*made_at)[3];          /* by place in nodes and operand: the place of the operand in nodes, or -1 */
    int *reg, *last, *within;   /* by place in nodes: register of the value; its last use and number of uses in the tile */
    bool *stored;               /* used outside the tile */
    bool anew;                  /* made once more: nothing but the last value is stored */
    int n_registers, n_loads, n_constants, n_steps;
    Node *load[TILE_REGISTERS];
    uint8_t load_reg[TILE_REGISTERS];
    TileConst constant[TILE_REGISTERS];
    bool busy[TILE_REGISTERS];
    TileStep *steps;
} Tile;

enum { LONGEST_TILE = 96 };     /* maps in one tile program */

static int take_register(Tile *t)
{
    for (int r = 0; r < TILE_REGISTERS; r++)
        if (!t->busy[r]) {
            t->busy[r] = true;
            if (r >= t->n_registers) t->n_registers = r + 1;
            return r;
        }
    return -1;
}

static int constant_register(Tile *t, double value)
{
    for (int i = 0; i < t->n_constants; i++)
        if (memcmp(&t->constant[i].value, &value, sizeof value) == 0) return t->constant[i].reg;
    int r = take_register(t);
    if (r >= 0) t->constant[t->n_constants++] = (TileConst){ .reg = (uint8_t)r, .value = value };
    return r;
}

static int load_register(Tile *t, Node *n)
{
    for (int i = 0; i < t->n_loads; i++)
        if (t->load[i] == n) return t->load_reg[i];
    int r = take_register(t);
    if (r < 0) return -1;
    t->load[t->n_loads] = n;
    t->load_reg[t->n_loads++] = (uint8_t)r;
    return r;
}

/* Register of an operand that comes from outside the tile; -1 if there is none left. */
static int outside_register(Tile *t, Node *operand)
{
    Node *n = node_below(operand);
    return n->op == OP_const ? constant_register(t, n->value) : load_register(t, n);
}

static void count_uses(Tile *t)
{
    for (int i = t->from; i < t->to; i++) {
        t->last[i] = i;
        t->within[i] = 0;
        for (int k = 0; k < t->nodes->at[i]->n_in; k++) {
            int at = t->made_at[i][k];
            if (at < t->from) continue;
            t->last[at] = i;
            t->within[at] += !info_of(t->p, t->nodes->at[i])->again;
        }
    }
}

/* Gives every value a register; false if there are not enough.  Registers of operands and results are bound to memory; only those
 * of values that stay inside are used again. */
static bool assign_registers(Tile *t)
{
    memset(t->busy, 0, sizeof t->busy);
    t->n_registers = t->n_loads = t->n_constants = t->n_steps = 0;
    count_uses(t);
    for (int i = t->from; i < t->to; i++)
        for (int k = 0; k < t->nodes->at[i]->n_in; k++)
            if (t->made_at[i][k] < t->from && outside_register(t, t->nodes->at[i]->in[k]) < 0) return false;
    for (int i = t->from; i < t->to; i++) {
        Node *n = t->nodes->at[i];
        int in[3] = { 0 };
        for (int k = 0; k < n->n_in; k++)
            in[k] = t->made_at[i][k] < t->from ? outside_register(t, n->in[k]) : t->reg[t->made_at[i][k]];
        t->stored[i] = t->anew ? i == t->to - 1 : !info_of(t->p, n)->again && t->within[i] < info_of(t->p, n)->uses;
        if ((t->reg[i] = take_register(t)) < 0) return false;
        t->steps[t->n_steps++] = (TileStep){ .op = (uint8_t)n->op, .dst = (uint8_t)t->reg[i], .a = (uint8_t)in[0], .b = (uint8_t)in[1], .c = (uint8_t)in[2] };
        for (int k = 0; k < n->n_in; k++) {
            int at = t->made_at[i][k];
            if (at >= t->from && !t->stored[at] && t->last[at] == i) t->busy[t->reg[at]] = false;
        }
    }
    return true;
}

/* The number of a constant among the code's. */
static int constant_number(Planner *p, double value)
{
    Code *code = p->code;
    for (int i = 0; i < code->n_constants; i++)
        if (memcmp(&code->constants[i], &value, sizeof value) == 0) return i;
    if (code->n_constants == p->constants_room) {
        int room = p->constants_room ? 2 * p->constants_room : 16;
        double *constants = ARENA_ARRAY(p->memory, double, room);
        if (code->n_constants) memcpy(constants, code->constants, (size_t)code->n_constants * sizeof *constants);
        code->constants = constants;
        p->constants_room = room;
    }
    code->constants[code->n_constants] = value;
    return code->n_constants++;
}

static TileProgram *tile_program(Planner *p, const Tile *t, int n_results)
{
    TileProgram *program = ARENA_NEW(p->memory, TileProgram);
    program->n_steps = t->n_steps;
    program->n_registers = t->n_registers;
    program->n_results = n_results;
    program->n_constants = t->n_constants;
    program->steps = ARENA_ARRAY(p->memory, TileStep, t->n_steps);
    program->constants = ARENA_ARRAY(p->memory, TileConst, t->n_constants + 1);
    program->origins = ARENA_ARRAY(p->memory, const Origin *, t->n_steps);
    program->out = ARENA_ARRAY(p->memory, uint8_t, n_results + 1);
    program->in = ARENA_ARRAY(p->memory, uint8_t, t->n_loads + 1);
    memcpy(program->steps, t->steps, (size_t)t->n_steps * sizeof *t->steps);
    join_steps(p, &(TileUses){ t->made_at + t->from, t->within + t->from, t->stored + t->from, t->from }, program);
    for (int i = 0; i < t->n_constants; i++)
        program->constants[i] = (TileConst){ t->constant[i].reg, constant_number(p, t->constant[i].value), t->constant[i].value };
    memcpy(program->in, t->load_reg, (size_t)t->n_loads);
    int out = 0;
    for (int i = t->from; i < t->to; i++) {
        program->origins[i - t->from] = t->nodes->at[i]->origin;
        if (t->stored[i]) program->out[out++] = (uint8_t)t->reg[i];
        if (t->stored[i] && !t->anew && info_of(p, t->nodes->at[i])->doubled) program->out[out++] = (uint8_t)t->reg[i];
    }
    return program;
}

/* One instruction of the tile, whose results, the first of the views, have the axes of `first`. */
static void add_map(Planner *p, const Tile *t, const View **views, int n_results, const Node *first)
{
    int n = n_results;
    for (int i = 0; i < t->n_loads; i++) views[n++] = view_of(p, t->load[i]);
    Nest nest;
    nest_begin(&nest, views, n);
    for (int i = 0; i < first->axes.n; i++) nest_axis(p, &nest, first->axes.at[i], info_of(p, first)->lane);
    nest_tidy(&nest);
    while (nest.n < 2) {
        NestDim one = { .size = 1 };
        memmove(&nest.dim[1], &nest.dim[0], (size_t)nest.n * sizeof one);
        nest.dim[0] = one;
        nest.n++;
    }
    Instr *instr = nest_instr(p, &nest, INSTR_MAP, first);
    instr->tile = tile_program(p, t, n_results);
    double flops = 0;
    for (int i = 0; i < t->n_steps; i++) flops += op_info[t->steps[i].op].flops;
    split_instr(p, instr, 0, instr->n_dims, flops / 4 + 1);
    instr_add(p, instr);
}

static void emit_tile(Planner *p, Tile *t)
{
    const View *views[MAX_REFS];
    int n = 0;
    Node *first = t->nodes->at[t->from];
    for (int i = t->from; i < t->to; i++)
        if (t->stored[i]) {
            if (n) info_of(p, t->nodes->at[i])->order = info_of(p, first)->order;
            else first = t->nodes->at[i];
            view_for(p, t->nodes->at[i]);
            views[n++] = &info_of(p, t->nodes->at[i])->view;
            if (info_of(p, t->nodes->at[i])->doubled) views[n++] = &info_of(p, t->nodes->at[i])->outside;
        }
    if (n) add_map(p, t, views, n, first);
}

/* The place of operand k of the map at i in its unit's list, or -1. */
static int made_at(const Planner *p, const NodeList *nodes, int i, int k, int unit)
{
    const Node *user = nodes->at[i], *below = node_below(user->in[k]);
    const Info *info = info_of(p, below);
    if (!is_map(p, below) || info->batch != info_of(p, user)->batch) return -1;
    if (!info->again) return info->unit == unit ? info->place : -1;
    while (nodes->at[i] != below) i--;
    return i;
}

static bool ends_before_user(const Tile *t) { return info_of(t->p, t->nodes->at[t->to - 1])->again; }

static Tile tile_new(Planner *p, const NodeList *nodes)
{
    Tile t = { .p = p, .nodes = nodes };
    t.made_at = arena_alloc(&p->work, (size_t)nodes->n * sizeof *t.made_at);
    t.reg = ARENA_ARRAY(&p->work, int, nodes->n);
    t.last = ARENA_ARRAY(&p->work, int, nodes->n);
    t.within = ARENA_ARRAY(&p->work, int, nodes->n);
    t.stored = ARENA_ARRAY(&p->work, bool, nodes->n);
    t.steps = ARENA_ARRAY(&p->work, TileStep, nodes->n);
    return t;
}

/* A unit of maps becomes as few instructions as registers allow. */
static void emit_maps(Planner *p, const NodeList *nodes, int unit)
{
    Tile t = tile_new(p, nodes);
    for (int i = 0; i < nodes->n; i++) {
        info_of(p, nodes->at[i])->place = i;
        for (int k = 0; k < nodes->at[i]->n_in; k++) t.made_at[i][k] = made_at(p, nodes, i, k, unit);
    }
    for (t.from = 0; t.from < nodes->n; t.from = t.to) {
        int room = nodes->n - t.from;
        if (room > LONGEST_TILE) room = LONGEST_TILE;
        t.to = t.from + room;
        while (ends_before_user(&t) || !assign_registers(&t)) t.to--;           /* one map always fits */
        emit_tile(p, &t);
    }
}

/* ---- Made anew ---- */

/* Lists the maps that make n of values in memory which are needed later than `depth` anyway; false if there are none such, or too much to do. */
static bool list_anew(Planner *p, const Node *user, Node *n, NodeList *list, double *flops)
{
    const Info *info = info_of(p, n);
    enum { LITTLE = 3 };
    for (int i = 0; i < list->n; i++)
        if (list->at[i] == n) return true;
    if (!is_map(p, n) || info->batch != info_of(p, user)->batch || (*flops += op_info[n->op].flops) > LITTLE) return false;
    for (int k = 0; k < n->n_in; k++) {
        Node *below = node_below(n->in[k]);
        const Info *in = info_of(p, below);
        bool inside = p->region && in->region == p->region->id, lies = in->view.buffer >= 0;
        if (!inside || (lies && in->deepest_use >= info_of(p, user)->depth)) continue;
        if (!list_anew(p, user, below, list, flops)) return false;
    }
    node_list_add(p, list, n);
    return true;
}

/* What n, a value that is used here for the last time, and long ago before, is made anew of for `user`: where it lies then. */
bool make_anew(Planner *p, const Node *user, Node *n, View *to)
{
    enum { LONG_AGO = 12 };
    NodeList nodes = { 0 };
    double flops = 0;
    const Info *info = info_of(p, n), *its = info_of(p, user);
    if (!p->region || p->region->summing || info->batch != its->batch || info->deepest_use > its->depth || its->depth - info->depth < LONG_AGO || !list_anew(p, user, n, &nodes, &flops)) return false;
    Tile t = tile_new(p, &nodes);
    t.anew = true;
    t.to = nodes.n;
    for (int i = 0; i < nodes.n; i++)
        for (int k = 0; k < nodes.at[i]->n_in; k++) {
            t.made_at[i][k] = -1;
            for (int j = 0; j < i; j++)
                if (nodes.at[j] == node_below(nodes.at[i]->in[k])) t.made_at[i][k] = j;
        }
    if (!assign_registers(&t)) return false;
    const View *views[MAX_REFS] = { to };
    *to = view_new(p, &info->order, info->lane, false);
    add_map(p, &t, views, 1, n);
    return true;
}

static void emit_alone(Planner *p, Node *n)
{
    const Info *info = info_of(p, n);
    emit_single(p, n);
    if (info->doubled) emit_copy(p, n, &info->outside, &info->view, &n->axes, lane_of(p, n));
}

void emit_straight(Planner *p, Node **nodes, int n)
{
    if (!n) return;
    Stretch s = { .batch = ++p->batches };
    s.unit = ARENA_ARRAY(&p->work, Unit, n);
    for (int i = 0; i < n; i++) info_of(p, nodes[i])->batch = s.batch;
    form_units(p, &s, nodes, n);
    for (int i = 0; i < n; i++) visit_operands(p, nodes[i], wait_for, &s);
    for (int u; (u = next_ready(&s)) >= 0;) {
        Unit *unit = &s.unit[u];
        unit->done = true;
        for (Edge *e = unit->users; e; e = e->next) s.unit[e->to].waits--;
        if (unit->is_map) emit_maps(p, &unit->nodes, u);
        else emit_alone(p, unit->nodes.at[0]);
    }
}

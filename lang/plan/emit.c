/* emit.c: instructions for blocks: what crosses items one by one, regions chunk by chunk, loops with their bodies; and the copies that put
 * results into slots. */
#include "lang/plan/inside.h"

#include <string.h>

Instr *instr_new(Planner *p, InstrKind kind, const Node *node)
{
    Instr *instr = ARENA_NEW(p->memory, Instr);
    instr->kind = kind;
    instr->lane = instr->split = -1;
    instr->grain = 1;
    instr->number = p->code->n_instrs++;
    if (node) {
        instr->op = node->op;
        instr->origin = node->origin;
        instr->node = node->id;
    }
    return instr;
}

/* Blocks grow by doubling, at sizes that are powers of two. */
void instr_add(Planner *p, Instr *instr)
{
    Block *b = p->block;
    if ((b->n & (b->n - 1)) == 0) {
        Instr **at = ARENA_ARRAY(p->memory, Instr *, b->n ? 2 * b->n : 1);
        if (b->n) memcpy(at, b->at, (size_t)b->n * sizeof *at);
        b->at = at;
    }
    b->at[b->n++] = instr;
}

Axis lane_of(const Planner *p, const Node *n) { return p->region ? p->info[n->id].lane : 0; }

void scratch_needed(Planner *p, int64_t values)
{
    if (values > p->code->scratch_values) p->code->scratch_values = values;
}

/* Shares a large instruction outside regions among threads, along the largest of the dims [first, last). */
void split_instr(const Planner *p, Instr *instr, int first, int last, double work)
{
    enum { SMALL = 1 << 15, TASKS = 16 };
    int best = -1;
    for (int d = 0; d < instr->n_dims; d++) {
        work *= (double)instr->dim[d];
        if (d >= first && d < last && (best < 0 || instr->dim[d] > instr->dim[best])) best = d;
    }
    if (p->region || best < 0 || work < SMALL || instr->dim[best] < 2) return;
    int64_t grain = (instr->dim[best] + TASKS - 1) / TASKS;
    if (grain > 16) grain = padded(grain);
    instr->split = best;
    instr->grain = grain;
}

void emit_copy(Planner *p, const Node *node, const View *to, const View *from, const Axes *axes, Axis lane)
{
    Nest nest;
    nest_begin(&nest, (const View *[]){ to, from }, 2);
    for (int i = 0; i < axes->n; i++) nest_axis(p, &nest, axes->at[i], lane);
    nest_tidy(&nest);
    Instr *instr = nest_instr(p, &nest, INSTR_COPY, node);
    split_instr(p, instr, 0, instr->n_dims, 1);
    instr_add(p, instr);
}

void emit_fill(Planner *p, const Node *node, const View *to, const Axes *axes, Axis lane, double value)
{
    Nest nest;
    nest_begin(&nest, (const View *[]){ to }, 1);
    for (int i = 0; i < axes->n; i++) nest_axis(p, &nest, axes->at[i], lane);
    nest_tidy(&nest);
    Instr *instr = nest_instr(p, &nest, INSTR_FILL, node);
    instr->value = value;
    split_instr(p, instr, 0, instr->n_dims, 1);
    instr_add(p, instr);
}

/* ---- Spans: stretches of instructions that buffers live in ---- */

static int span_open(Planner *p)
{
    if (p->n_spans == p->spans_room) {
        int room = p->spans_room ? 2 * p->spans_room : 16;
        SpanOf *spans = ARENA_ARRAY(&p->work, SpanOf, room);
        if (p->n_spans) memcpy(spans, p->spans, (size_t)p->n_spans * sizeof *spans);
        p->spans = spans;
        p->spans_room = room;
    }
    p->spans[p->n_spans] = (SpanOf){ .outer = p->span, .region = p->region ? p->region->id : 0 };
    p->span = p->n_spans;
    return p->n_spans++;
}

/* ---- Loops ---- */

static void emit_block(Planner *p, const Loop *scope, const NodeList *nodes);

static bool is_carry_of(const Planner *p, const Loop *loop, int buffer, int but)
{
    const LoopInfo *info = &p->loops[loop->id];
    for (int i = 0; i < loop->n_carry; i++)
        if (i != but && info->carry_needed[i] && info->carry[i].buffer == buffer) return true;
    return false;
}

/* The next values become the carries.  One that lies in another carry (a swap) is first put aside. */
static void emit_next(Planner *p, Loop *loop)
{
    LoopInfo *info = &p->loops[loop->id];
    View *next = ARENA_ARRAY(&p->work, View, loop->n_carry + 1);
    for (int i = 0; i < loop->n_carry; i++) {
        if (!info->carry_needed[i]) continue;
        Node *value = loop->next[i];
        next[i] = *view_of(p, value);
        if (!is_carry_of(p, loop, next[i].buffer, i)) continue;
        View aside = view_new(p, &info_of(p, value)->order, info_of(p, loop->carry[i])->lane, false);
        emit_copy(p, value, &aside, &next[i], &value->axes, lane_of(p, value));
        next[i] = aside;
    }
    for (int i = 0; i < loop->n_carry; i++)
        if (info->carry_needed[i] && loop->next[i] != loop->carry[i])
            emit_copy(p, loop->next[i], &info->carry[i], &next[i], &loop->carry[i]->axes, lane_of(p, loop->carry[i]));
}

/* Kept values go to their pass's place. */
static void emit_keep(Planner *p, Loop *loop)
{
    LoopInfo *info = &p->loops[loop->id];
    for (int j = 0; j < loop->n_keep; j++) {
        if (!info->keep_needed[j]) continue;
        emit_copy(p, loop->keep[j], &info->keep[j], view_of(p, loop->keep[j]), &loop->keep[j]->axes, lane_of(p, loop->keep[j]));
        Ref *to = &p->block->at[p->block->n - 1]->ref[0];
        to->pass = info->depth;
        to->pass_stride = view_stride(&info->keep[j], loop->keep_axis);
    }
}

static void lay_out_loop(Planner *p, Loop *loop)
{
    LoopInfo *info = &p->loops[loop->id];
    info->carry = ARENA_ARRAY(&p->work, View, loop->n_carry + 1);
    info->keep = ARENA_ARRAY(&p->work, View, loop->n_keep + 1);
    for (int i = 0; i < loop->n_carry; i++)
        if (info->carry_needed[i]) info->carry[i] = view_for(p, loop->carry[i]);
    for (int j = 0; j < loop->n_keep; j++) {
        if (!info->keep_needed[j]) continue;
        const Info *kept = info_of(p, loop->keep[j]);
        Shape order = { .n = 1, .at = { loop->keep_axis } };
        for (int i = 0; i < kept->order.n && order.n < MAX_AXES; i++) order.at[order.n++] = kept->order.at[i];
        Axis lane = kept->lane ? kept->lane : item_axis(p, loop->keep[j]);
        info->keep[j] = view_new(p, &order, lane, info->keep_escapes[j]);
    }
    Info *time = loop->time ? info_of(p, loop->time) : NULL;
    if (time && p->needed[loop->time->id]) time->view = (View){ .buffer = buffer_new(p, p->region ? BASE_LOCAL : BASE_ARENA, 1) };
}

/* Whether the loop may end before its last pass: all that it keeps would have to be there. */
static bool ends_early(const Planner *p, const Loop *loop)
{
    const LoopInfo *info = &p->loops[loop->id];
    bool keeps = false;
    for (int j = 0; j < loop->n_keep; j++) keeps = keeps || info->keep_needed[j];
    return !keeps && loop->until >= 0 && info->carry_needed[loop->until];
}

static Instr *loop_instr(Planner *p, Node *n)
{
    Loop *loop = n->loop;
    const Info *time = loop->time ? info_of(p, loop->time) : NULL;
    const View *views[2] = { NULL, NULL };
    Nest nest;
    int n_views = 0;
    bool early = ends_early(p, loop), has_time = time && p->needed[loop->time->id];
    if (early) views[n_views++] = &p->loops[loop->id].carry[loop->until];
    if (has_time) views[n_views++] = &time->view;
    nest_begin(&nest, views, n_views);
    if (early) {
        const Node *done = loop->carry[loop->until];
        for (int i = 0; i < done->axes.n; i++) nest_axis(p, &nest, done->axes.at[i], lane_of(p, done));
    }
    nest_tidy(&nest);
    Instr *instr = nest_instr(p, &nest, INSTR_LOOP, n);
    instr->passes = loop->passes;
    instr->depth = p->loops[loop->id].depth;
    instr->flag = early;
    instr->has_time = has_time;
    return instr;
}

static void emit_loop(Planner *p, Node *n)
{
    Loop *loop = n->loop;
    LoopInfo *info = &p->loops[loop->id];
    info->depth = p->depth;
    if (p->depth >= MAX_DEPTH) {
        diag_error(p->diagnostics, "E0904", n->origin ? n->origin->span : (Span){ 0 }, "loops are nested too deeply (more than %d)", MAX_DEPTH);
        p->failed = true;
        return;
    }
    lay_out_loop(p, loop);
    for (int i = 0; i < loop->n_carry; i++)
        if (info->carry_needed[i])
            emit_copy(p, loop->init[i], &info->carry[i], view_of(p, loop->init[i]), &loop->carry[i]->axes, lane_of(p, loop->carry[i]));
    Instr *instr = loop_instr(p, n);
    instr_add(p, instr);
    Block *block = p->block;
    int outer = p->span;
    instr->span = span_open(p);
    p->block = &instr->body;
    p->depth++;
    if (p->region) emit_straight(p, info->body.at, info->body.n);
    else emit_block(p, loop, &info->body);
    emit_keep(p, loop);
    emit_next(p, loop);
    p->depth--;
    p->block = block;
    p->span = outer;
}

static void emit_result(Planner *p, Node *n)
{
    Loop *loop = n->in[0]->loop;
    LoopInfo *loop_info = &p->loops[loop->id];
    Info *info = info_of(p, n);
    int i = (int)n->key;
    info->view = i < loop->n_carry ? loop_info->carry[i] : loop_info->keep[i - loop->n_carry];
    if (!p->region || !is_used_after(info) || p->buffers[info->view.buffer].base != BASE_LOCAL) return;
    info->outside = view_after(p, &info->order, info->lane, info);
    emit_copy(p, n, &info->outside, &info->view, &n->axes, info->lane);
}

/* ---- Leaves and single nodes ---- */

static void emit_slot(Planner *p, Node *n)
{
    info_of(p, n)->view = slot_view(&p->store->slots[n->key].shape, slot_buffer(p, (uint32_t)n->key, false));
}

static void emit_step(Planner *p, Node *n)
{
    View view = view_for(p, n);
    Nest nest;
    nest_begin(&nest, (const View *[]){ &view }, 1);
    instr_add(p, nest_instr(p, &nest, INSTR_STEP, n));
}

void emit_single(Planner *p, Node *n)
{
    if (info_of(p, n)->in_terms) return;
    if (info_of(p, n)->n_terms) {
        emit_terms(p, n);
        return;
    }
    switch (op_info[n->op].family) {
    case FAMILY_DOT: emit_dot(p, n); return;
    case FAMILY_FOLD: emit_fold(p, n); return;
    case FAMILY_ALONG:
        if (n->op == OP_svdvals || n->op == OP_svdvectors) emit_svd(p, n);
        else emit_along(p, n);
        return;
    default: break;
    }
    switch (n->op) {
    case OP_slot: emit_slot(p, n); break;
    case OP_iota: emit_iota(p, n); break;
    case OP_step: emit_step(p, n); break;
    case OP_random: emit_random(p, n); break;
    case OP_index: emit_index(p, n); break;
    case OP_place: emit_place(p, n); break;
    case OP_reshape: emit_reshape(p, n); break;
    case OP_concat: emit_concat(p, n); break;
    case OP_gather: emit_gather(p, n); break;
    case OP_scatter: emit_scatter(p, n); break;
    case OP_put: emit_put(p, n); break;
    case OP_loop: emit_loop(p, n); break;
    case OP_result: emit_result(p, n); break;
    case OP_carry: info_of(p, n)->view = p->loops[n->loop->id].carry[n->key]; break;
    default: break;             /* constants, times and views lie where they are asked for */
    }
}

/* ---- Blocks ---- */

/* The region's nodes: all, or those that are sums of slices, or those that are not. */
static void emit_nodes(Planner *p, const Region *region, bool sums, bool others)
{
    Node **nodes = ARENA_ARRAY(&p->work, Node *, region->nodes.n + 1);
    int n = 0;
    for (int i = 0; i < region->nodes.n; i++)
        if (info_of(p, region->nodes.at[i])->sliced ? sums : others) nodes[n++] = region->nodes.at[i];
    emit_straight(p, nodes, n);
}

/* A block that goes through items: all that is emitted until it is closed. */
static Block *open_items(Planner *p, InstrKind kind, int64_t items, int64_t chunk)
{
    Block *outer = p->block;
    Instr *instr = instr_new(p, kind, NULL);
    instr->items = items;
    instr->chunk = chunk;
    instr_add(p, instr);
    instr->span = span_open(p);
    p->block = &instr->body;
    return outer;
}

static void close_items(Planner *p, Block *outer, int span)
{
    if (!p->block->n) outer->n--;       /* nothing but views */
    p->block = outer;
    p->span = span;
}

/* Slices that are more than a chunk: chunk by chunk, then the sums of all. */
static void emit_slice(Planner *p, Region *region)
{
    int span = p->span;
    Block *outer = open_items(p, INSTR_CHUNKS, region->slice, region->chunk);
    emit_nodes(p, region, false, true);
    close_items(p, outer, span);
    region->summing = true;
    region->chunk = region->slice;
    emit_nodes(p, region, true, false);
    region->summing = false;
}

static void emit_region(Planner *p, Region *region)
{
    int span = p->span;
    p->region = region;
    Block *outer = open_items(p, INSTR_REGION, region->items, region->slice ? region->slice : region->chunk);
    region->span = p->span;
    if (region->slice > region->chunk) emit_slice(p, region);
    else emit_nodes(p, region, true, true);
    p->region = NULL;
    close_items(p, outer, span);
    for (int i = 0; i < region->nodes.n; i++)
        if (info_of(p, region->nodes.at[i])->sliced) emit_slices(p, region->nodes.at[i]);
}

/* A block's nodes level by level: first what crosses items or has none, then the regions. */
static void emit_block(Planner *p, const Loop *scope, const NodeList *nodes)
{
    int levels = 0;
    for (int i = 0; i < nodes->n; i++)
        if (info_of(p, nodes->at[i])->level >= levels) levels = info_of(p, nodes->at[i])->level + 1;
    Node **whole = ARENA_ARRAY(&p->work, Node *, nodes->n + 1);
    for (int level = 0; level < levels; level++) {
        int n = 0;
        for (int i = 0; i < nodes->n; i++)
            if (info_of(p, nodes->at[i])->level == level && !info_of(p, nodes->at[i])->region) whole[n++] = nodes->at[i];
        emit_straight(p, whole, n);
        for (int r = 0; r < p->n_regions; r++)
            if (p->regions[r]->scope == scope && p->regions[r]->level == level) emit_region(p, p->regions[r]);
    }
}

/* The slot use that a buffer is the spare of; null if it is no spare. */
static SlotUse *spare_use(const Planner *p, int buffer)
{
    int base = p->buffers[buffer].base;
    if (base < BASE_SLOT || !p->code->slots[base - BASE_SLOT].spare) return NULL;
    return &p->code->slots[base - BASE_SLOT];
}

/* One result goes to its slot: a spare changes places with it, anything else is copied. */
static void emit_output(Planner *p, const Output *o, const View *from)
{
    const Slot *slot = &p->store->slots[o->slot];
    SlotUse *spare = spare_use(p, from->buffer);
    View to = slot_view(&slot->shape, slot_buffer(p, o->slot, true));
    Axes axes = axes_of(slot->shape);
    emit_copy(p, o->value, &to, from, &axes, 0);
    Instr *instr = p->block->at[p->block->n - 1];
    instr->flag = slot->is_cell || slot->shape.n == 0;
    if (spare && spare->slot == o->slot) {
        instr->kind = INSTR_SWAP;
        instr->split = -1;
        spare->swapped = true;
    }
}

/* What the commit reads: a value that lies in a slot itself is put aside first, as that slot may be overwritten. */
static View for_commit(Planner *p, Node *n)
{
    View from = *view_of(p, n);
    if (p->buffers[from.buffer].base < BASE_SLOT || spare_use(p, from.buffer)) return from;
    View aside = view_new(p, &info_of(p, n)->order, 0, true);
    emit_copy(p, n, &aside, &from, &n->axes, 0);
    return aside;
}

/* Results go to their slots once everything is computed. */
static void emit_commit(Planner *p)
{
    const Program *program = p->program;
    View *from = ARENA_ARRAY(&p->work, View, program->n + 1), *index = ARENA_ARRAY(&p->work, View, program->n + 1);
    for (int i = 0; i < program->n; i++) {
        Node *n = program->outputs[i].value;
        bool put = info_of(p, n)->at_commit;
        from[i] = for_commit(p, put ? n->in[2] : n);
        if (put) index[i] = for_commit(p, n->in[1]);
    }
    p->block = &p->code->commit;
    for (int i = 0; i < program->n; i++) {
        const Output *o = &program->outputs[i];
        if (!info_of(p, o->value)->at_commit) {
            emit_output(p, o, &from[i]);
            continue;
        }
        View slot = slot_view(&p->store->slots[o->slot].shape, slot_buffer(p, o->slot, true));
        emit_put_into(p, o->value, &slot, &from[i], &index[i]);
        p->block->at[p->block->n - 1]->flag = true;
    }
}

/* Whether a value is its slot's present one with some places set, and nothing else is made of it. */
static bool only_puts(const Planner *p, const Output *o)
{
    const Node *n = o->value;
    if (n->op != OP_put || n->scope || info_of(p, n)->region || info_of(p, n)->uses != 1) return false;
    return n->in[0]->op == OP_slot && n->in[0]->key == o->slot;
}

/* Values whose slot can have them without a copy. */
static void find_spares(Planner *p)
{
    for (int i = 0; i < p->program->n; i++) {
        const Output *o = &p->program->outputs[i];
        if (only_puts(p, o)) {
            info_of(p, o->value)->at_commit = true;
            continue;
        }
        Shape *order = ARENA_NEW(&p->work, Shape);
        *order = p->store->slots[o->slot].shape;
        Node *below = o->value;
        while (node_is_rename(below)) below = below_rename(below, order);
        Info *info = info_of(p, below);
        if (axes_count(&below->axes) < 2 || is_view(below) || info->spare) continue;
        info->spare = (int)o->slot + 1;
        info->spare_order = order;
    }
}

void emit_program(Planner *p)
{
    p->block = &p->code->main;
    p->span = -1;
    span_open(p);
    find_spares(p);
    emit_block(p, NULL, &p->top);
    emit_commit(p);
    Block body = p->code->main;
    p->code->main = p->prologue;
    p->block = &p->code->main;
    for (int i = 0; i < body.n; i++) instr_add(p, body.at[i]);
}

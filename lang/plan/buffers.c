/* buffers.c: when each buffer is in use, and where it lies: buffers that are never in use together share memory.
 *
 * A buffer made outside a loop or region and touched inside is in use for the whole of it, as another pass or chunk may
 * still need it.  Results and operands of one instruction never share. */
#include "lang/plan/inside.h"

#include <string.h>

/* ---- Live ranges ---- */

static void number_block(Planner *p, const Block *block, int *position)
{
    for (int i = 0; i < block->n; i++) {
        Instr *instr = block->at[i];
        (*position)++;
        if (instr->kind != INSTR_LOOP && instr->kind != INSTR_REGION && instr->kind != INSTR_CHUNKS) continue;
        p->spans[instr->span].first = *position;
        number_block(p, &instr->body, position);
        p->spans[instr->span].last = ++*position;
    }
}

static void touch(Planner *p, int number, int span, int position)
{
    if (number < 0) return;
    Buffer *b = &p->buffers[number];
    int first = position, last = position;
    for (; span != b->home && span > 0; span = p->spans[span].outer) {
        first = p->spans[span].first;
        last = p->spans[span].last;
    }
    if (b->first < 0 || first < b->first) b->first = first;
    if (last > b->last) b->last = last;
}

/* What instructions that go together touch is in use from the first, which stands here, to the last. */
static void touch_together(Planner *p, Instr *const *at, int span, int position)
{
    int n = 1 + at[0]->with;
    for (int i = 0; i < n; i++)
        for (int r = 0; r < at[i]->n_refs; r++) {
            touch(p, at[i]->ref[r].base, span, position);
            touch(p, at[i]->ref[r].base, span, position + n - 1);
        }
}

static void touch_block(Planner *p, const Block *block, int span, int *position)
{
    for (int i = 0; i < block->n; i++) {
        Instr *instr = block->at[i];
        (*position)++;
        for (int r = 0; r < instr->n_refs; r++) touch(p, instr->ref[r].base, span, *position);
        if (instr->with) touch_together(p, &block->at[i], span, *position);
        if (instr->kind != INSTR_LOOP && instr->kind != INSTR_REGION && instr->kind != INSTR_CHUNKS) continue;
        touch_block(p, &instr->body, instr->span, position);
        ++*position;
    }
}

/* ---- Places ---- */

static bool together(const Buffer *a, const Buffer *b) { return a->first <= b->last && b->first <= a->last; }

/* Places one buffer among those already placed (by rising offset); returns the end of what is used. */
static int64_t place_buffer(Planner *p, int number, int *placed, int *n_placed)
{
    Buffer *b = &p->buffers[number];
    int64_t at = 0;
    for (int i = 0; i < *n_placed; i++) {
        const Buffer *other = &p->buffers[placed[i]];
        if (!together(b, other)) continue;
        if (at + b->count <= other->offset) break;
        if (other->offset + other->count > at) at = other->offset + other->count;
    }
    b->offset = at;
    int i = (*n_placed)++;
    for (; i > 0 && p->buffers[placed[i - 1]].offset > at; i--) placed[i] = placed[i - 1];
    placed[i] = number;
    return at + b->count;
}

typedef struct Sized { int64_t count; int number; } Sized;

/* Largest first; equal ones by number.  A merge sort, so that the order is the same everywhere. */
static void sort_sized(Sized *list, Sized *spare, int n)
{
    if (n < 2) return;
    int half = n / 2;
    sort_sized(list, spare, half);
    sort_sized(list + half, spare, n - half);
    memcpy(spare, list, (size_t)n * sizeof *list);
    for (int i = 0, a = 0, b = half; i < n; i++)
        list[i] = b == n || (a < half && spare[a].count >= spare[b].count) ? spare[a++] : spare[b++];
}

/* Places the buffers of one arena: the code's (region 0), or a thread's within one region. */
static int64_t place_arena(Planner *p, int region)
{
    Sized *list = ARENA_ARRAY(&p->work, Sized, 2 * p->n_buffers + 1);
    int *placed = ARENA_ARRAY(&p->work, int, p->n_buffers + 1);
    int n = 0, n_placed = 0;
    for (int i = 0; i < p->n_buffers; i++) {
        const Buffer *b = &p->buffers[i];
        if (b->base < BASE_SLOT && b->region == region && b->first >= 0) list[n++] = (Sized){ b->count, i };
    }
    sort_sized(list, list + n, n);
    int64_t size = 0;
    for (int i = 0; i < n; i++) {
        int64_t end = place_buffer(p, list[i].number, placed, &n_placed);
        if (end > size) size = end;
    }
    return size;
}

/* ---- Refs ---- */

static void resolve_block(Planner *p, const Block *block)
{
    for (int i = 0; i < block->n; i++) {
        Instr *instr = block->at[i];
        for (int r = 0; r < instr->n_refs; r++) {
            Ref *ref = &instr->ref[r];
            if (ref->base < 0) continue;
            const Buffer *b = &p->buffers[ref->base];
            bool elements = b->base >= BASE_SLOT && p->code->slots[b->base - BASE_SLOT].elements;
            ref->base = elements ? base_of_elements(b->base) : b->base;
            ref->offset += b->offset;
        }
        resolve_block(p, &instr->body);
    }
}

static void join_block(const Block *block)
{
    join_instrs(block->at, block->n);
    for (int i = 0; i < block->n; i++)
        if (block->at[i]->kind == INSTR_LOOP) join_block(&block->at[i]->body);
}

void place_buffers(Planner *p)
{
    Code *code = p->code;
    int position = 0;
    number_block(p, &code->main, &position);
    number_block(p, &code->commit, &position);
    position = 0;
    join_block(&code->main);
    touch_block(p, &code->main, 0, &position);
    touch_block(p, &code->commit, 0, &position);
    code->arena_values = place_arena(p, 0);
    for (int r = 1; r <= p->n_regions; r++) {
        int64_t size = place_arena(p, r);
        if (size > code->local_values) code->local_values = size;
    }
    find_guarded(p);
    find_far(p);
    resolve_block(p, &code->main);
    resolve_block(p, &code->commit);
}

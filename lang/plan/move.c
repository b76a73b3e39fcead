/* move.c: values moved from place to place.  Where a move can be told by strides alone it is a view and costs nothing: an index inside its
 * source, most reshapes.  An index that reaches outside first copies its source with a margin of zeros (or wrapped values) around it,
 * so that windows of a padded image are views too. */
#include "lang/plan/inside.h"

/* ---- Affine moves ---- */

/* What a coordinate needs of its source axis: places low .. high, under a name of that size. */
typedef struct Extent { Axis from, wide; int64_t low, high; bool wrap; } Extent;

static Extent extent_of(const Coord *c)
{
    Extent e = { .from = c->from, .low = c->offset, .high = c->offset, .wrap = c->wrap };
    for (int k = 0; k < c->n; k++) {
        int64_t most = c->term[k].coef * (axis_size(c->term[k].axis) - 1);
        if (most > 0) e.high += most;
        else e.low += most;
    }
    return e;
}

static bool is_inside(const Extent *e) { return e->low >= 0 && e->high < axis_size(e->from); }

static void name_wide(Extent *e, const Axes *taken)
{
    unsigned number = axis_number(e->from) & ~ITEM_AXIS;
    while (axes_have(taken, axis_make(e->high - e->low + 1, number))) number = (number + 1) & 0x7fffu;
    e->wide = axis_make(e->high - e->low + 1, number);
}

/* The extents of a move and the axes of its source with those that reach outside widened. */
static bool widen(const Move *move, const Axes *axes, bool cover, Extent *extent, Axes *wide)
{
    bool any = false;
    *wide = *axes;
    for (int i = 0; i < move->n; i++) {
        Extent *e = &extent[i];
        *e = extent_of(&move->at[i]);
        e->wide = e->from;
        if (is_inside(e)) continue;
        if (cover && !e->wrap && e->low > 0) e->low = 0;
        if (cover && !e->wrap && e->high < axis_size(e->from) - 1) e->high = axis_size(e->from) - 1;
        any = true;
        name_wide(e, wide);
        *wide = axes_with(axes_without(*wide, e->from), e->wide);
    }
    return any;
}

static Shape widened_order(const Shape *order, const Extent *extent, int n)
{
    Shape wide = *order;
    for (int i = 0; i < wide.n; i++)
        for (int k = 0; k < n; k++)
            if (wide.at[i] == extent[k].from) wide.at[i] = extent[k].wide;
    return wide;
}

/* Strides along the result's axes of a walk over `v`, whose axes the move leads to. */
static View moved_view(const View *v, const Move *move, const Extent *extent, const Axes *kept)
{
    View moved = { .buffer = v->buffer, .offset = v->offset };
    for (int i = 0; i < kept->n; i++) view_set(&moved, kept->at[i], view_stride(v, kept->at[i]));
    for (int i = 0; i < move->n; i++) {
        const Coord *c = &move->at[i];
        bool wide = extent[i].wide != c->from;
        int64_t stride = view_stride(v, extent[i].wide);
        moved.offset += (wide ? c->offset - extent[i].low : c->offset) * stride;
        for (int k = 0; k < c->n; k++)
            view_set(&moved, c->term[k].axis, view_stride(&moved, c->term[k].axis) + c->term[k].coef * stride);
    }
    return moved;
}

static int64_t modulo(int64_t a, int64_t n) { return (a % n + n) % n; }

/* Between a value and its widened copy, one instruction for each stretch of places that stays in step. */
typedef struct Margins { Planner *p; Node *node; InstrKind kind; const Extent *extent; int n; bool to_wide; View plain, wide; Axes others; Axis lane; } Margins;

static void emit_stretch(const Margins *m, const Nest *stretches, int64_t plain_offset, int64_t wide_offset)
{
    View plain = m->plain, wide = m->wide;
    plain.offset += plain_offset;
    wide.offset += wide_offset;
    Nest nest;
    nest_begin(&nest, m->to_wide ? (const View *[]){ &wide, &plain } : (const View *[]){ &plain, &wide }, 2);
    for (int i = 0; i < m->others.n; i++) nest_axis(m->p, &nest, m->others.at[i], m->lane);
    for (int i = 0; i < stretches->n; i++) nest_dim(&nest, stretches->dim[i].size, stretches->dim[i].stride);
    nest_tidy(&nest);
    Instr *instr = nest_instr(m->p, &nest, m->kind, m->node);
    if (m->kind == INSTR_COPY) split_instr(m->p, instr, 0, instr->n_dims, 1);
    instr_add(m->p, instr);
}

static void emit_margins(const Margins *m, int i, Nest *stretches, int64_t plain_offset, int64_t wide_offset)
{
    while (i < m->n && m->extent[i].wide == m->extent[i].from) i++;
    if (i == m->n) {
        emit_stretch(m, stretches, plain_offset, wide_offset);
        return;
    }
    const Extent *e = &m->extent[i];
    int64_t size = axis_size(e->from), plain = view_stride(&m->plain, e->from), wide = view_stride(&m->wide, e->wide);
    int64_t low = e->wrap || e->low > 0 ? e->low : 0, high = e->wrap || e->high < size - 1 ? e->high : size - 1;
    for (int64_t at = low; at <= high;) {
        int64_t start = modulo(at, size), length = size - start;
        if (length > high - at + 1) length = high - at + 1;
        int64_t strides[2] = { m->to_wide ? wide : plain, m->to_wide ? plain : wide };
        nest_dim(stretches, length, strides);
        emit_margins(m, i + 1, stretches, plain_offset + start * plain, wide_offset + (at - e->low) * wide);
        stretches->n--;
        at += length;
    }
}

static void move_margins(Planner *p, Node *n, InstrKind kind, const Extent *extent, const Move *move, bool to_wide, const View *plain, const View *wide, const Axes *axes, Axis lane)
{
    Margins m = { p, n, kind, extent, move->n, to_wide, *plain, *wide, *axes, lane };
    for (int i = 0; i < move->n; i++)
        if (extent[i].wide != extent[i].from) m.others = axes_without(m.others, extent[i].from);
    Nest stretches = { .n_views = 2 };
    emit_margins(&m, 0, &stretches, 0, 0);
}

static bool is_wanted_outside(const Planner *p, const Node *n, const View *view)
{
    return p->region && is_used_after(&p->info[n->id]) && p->buffers[view->buffer].base == BASE_LOCAL;
}

/* A view of chunk memory that is wanted outside the region is copied there. */
static void note_view(Planner *p, Node *n, const View *view)
{
    Info *info = info_of(p, n);
    info->view = *view;
    if (!is_wanted_outside(p, n, view)) return;
    info->outside = view_after(p, &info->order, info->lane, info);
    emit_copy(p, n, &info->outside, view, &n->axes, info->lane);
}

static Axes source_axes(const Move *move)
{
    Axes from = { 0 };
    for (int i = 0; i < move->n; i++) from = axes_with(from, move->at[i].from);
    return from;
}

bool index_is_inside(const Node *n)
{
    for (int i = 0; i < n->move->n; i++) {
        Extent e = extent_of(&n->move->at[i]);
        if (!is_inside(&e)) return false;
    }
    return true;
}

/* Whether every place of the widened source is one of the source's: around the ends it goes on at the other one. */
static bool is_covered(const Move *move, const Extent *extent)
{
    for (int i = 0; i < move->n; i++) if (extent[i].wide != extent[i].from && !extent[i].wrap) return false;
    return true;
}

/* The source with a margin on all sides that the index reaches; for users outside the region a copy of it. */
static void emit_widened(Planner *p, Node *n, const View *source, const Extent *extent, const Axes *wide_axes, const Axes *kept)
{
    Node *x = n->in[0];
    Info *info = info_of(p, n);
    Shape order = widened_order(&info_of(p, x)->order, extent, n->move->n);
    Axis lane = item_axis(p, x);
    if (p->region) axis_in_operand(n, 0, lane_of(p, n), &lane);
    if (!axes_have(wide_axes, lane)) lane = 0;
    bool both = info->escapes && info->stays;
    View wide = view_new(p, &order, lane, info->escapes && !both);
    if (!is_covered(n->move, extent)) emit_fill(p, n, &wide, wide_axes, lane, 0);
    move_margins(p, n, INSTR_COPY, extent, n->move, true, source, &wide, &x->axes, lane);
    info->view = moved_view(&wide, n->move, extent, kept);
    if (!both) return;
    View outside = view_new(p, &order, lane, true);
    emit_copy(p, n, &outside, &wide, wide_axes, lane);
    info->outside = moved_view(&outside, n->move, extent, kept);
}

void emit_index(Planner *p, Node *n)
{
    if (node_is_rename(n)) return;
    Node *x = n->in[0];
    Info *info = info_of(p, n), *below = info_of(p, x);
    const View *source = view_of(p, x);
    Extent extent[MAX_AXES];
    Axes wide_axes, from = source_axes(n->move), kept = axes_minus(&x->axes, &from);
    if (widen(n->move, &x->axes, false, extent, &wide_axes)) {
        emit_widened(p, n, source, extent, &wide_axes, &kept);
        return;
    }
    View moved = moved_view(source, n->move, extent, &kept);
    if (is_wanted_outside(p, n, &moved) && below->outside.buffer >= 0) {
        info->view = moved;
        info->outside = moved_view(&below->outside, n->move, extent, &kept);
    } else {
        note_view(p, n, &moved);
    }
}

static void add_into(Planner *p, const Node *place, const View *to, const View *values)
{
    const Node *v = place->in[0];
    Nest nest;
    nest_begin(&nest, (const View *[]){ to, values }, 2);
    for (int i = 0; i < v->axes.n; i++) nest_axis(p, &nest, v->axes.at[i], lane_of(p, place));
    nest_tidy(&nest);
    instr_add(p, nest_instr(p, &nest, INSTR_ADD, place));
}

void emit_place(Planner *p, Node *n)
{
    Node *v = n->in[0];
    bool makes = v->op == OP_dot && is_left_to_place(p, v);
    View to;
    Extent extent[MAX_AXES];
    Axes wide_axes, from = source_axes(n->move), kept = axes_minus(&n->axes, &from);
    bool outside = widen(n->move, &n->axes, true, extent, &wide_axes), wraps = false;
    for (int i = 0; i < n->move->n; i++) wraps |= extent[i].wrap && extent[i].wide != extent[i].from;
    if (outside) {
        Shape order = widened_order(&info_of(p, n)->order, extent, n->move->n);
        Axis lane = p->region ? lane_of(p, n) : item_axis(p, n);
        if (!axes_have(&kept, lane)) lane = 0;
        to = view_new(p, &order, lane, info_of(p, n)->escapes);
    } else {
        to = view_for(p, n);
    }
    emit_fill(p, n, &to, &wide_axes, lane_of(p, n), 0);
    View target = moved_view(&to, n->move, extent, &kept);
    if (!makes || !emit_dot_into(p, v, &target)) {
        if (makes) emit_dot_alone(p, v);
        add_into(p, n, &target, view_of(p, v));
    }
    if (!outside) return;
    if (wraps) {
        View folded = view_for(p, n);
        emit_fill(p, n, &folded, &n->axes, lane_of(p, n), 0);
        move_margins(p, n, INSTR_ADD, extent, n->move, false, &folded, &to, &n->axes, lane_of(p, n));
        return;
    }
    View inside = { .buffer = to.buffer, .offset = to.offset };
    for (int i = 0; i < kept.n; i++) view_set(&inside, kept.at[i], view_stride(&to, kept.at[i]));
    for (int i = 0; i < n->move->n; i++) {
        int64_t stride = view_stride(&to, extent[i].wide);
        if (extent[i].wide != extent[i].from) inside.offset -= extent[i].low * stride;
        view_set(&inside, extent[i].from, stride);
    }
    info_of(p, n)->view = inside;
}

/* ---- Reshape ---- */

/* Strides of `to` over memory that has the given strides for `from`; false if the new axes are not regular in it. */
static bool reshape_strides(const Shape *from, const int64_t *old, const Shape *to, int64_t *new)
{
    int i = 0, k = 0;
    while (i < from->n || k < to->n) {
        int first = i, begin = k;
        int64_t have = 1, want = 1;
        do {
            if (have <= want && i < from->n) have *= axis_size(from->at[i++]);
            else want *= axis_size(to->at[k++]);
        } while (have != want || (i < from->n && axis_size(from->at[i]) == 1) || (k < to->n && axis_size(to->at[k]) == 1));
        int64_t stride = 0, extent = 1;
        bool begun = false;
        for (int a = i - 1; a >= first; a--) {
            if (axis_size(from->at[a]) == 1) continue;
            if (begun && old[a] != stride * extent) return false;
            if (!begun) stride = old[a];
            begun = true;
            extent *= axis_size(from->at[a]);
        }
        for (int a = k - 1; a >= begin; a--) {
            new[a] = stride;
            stride *= axis_size(to->at[a]);
        }
    }
    return true;
}

static bool reshape_view(const Node *n, const View *from, View *to)
{
    int64_t old[MAX_AXES], new[MAX_AXES];
    for (int i = 0; i < n->from->n; i++) old[i] = view_stride(from, n->from->at[i]);
    if (!reshape_strides(n->from, old, n->to, new)) return false;
    *to = *from;
    for (int i = 0; i < n->from->n; i++) view_drop(to, n->from->at[i]);
    for (int i = 0; i < n->to->n; i++) view_set(to, n->to->at[i], new[i]);
    return true;
}

static bool shape_has(const Shape *s, Axis a)
{
    for (int i = 0; i < s->n; i++)
        if (s->at[i] == a) return true;
    return false;
}

void emit_reshape(Planner *p, Node *n)
{
    Node *x = n->in[0];
    View source = *view_of(p, x), view;
    if (!reshape_view(n, &source, &view)) {
        Shape order = { 0 };
        const Shape *old = &info_of(p, x)->order;
        for (int i = 0; i < old->n; i++)
            if (!shape_has(n->from, old->at[i])) order.at[order.n++] = old->at[i];
        for (int i = 0; i < n->from->n; i++) order.at[order.n++] = n->from->at[i];
        Axis lane = p->region ? lane_of(p, n) : item_axis(p, n);
        if (shape_has(n->from, lane) || shape_has(n->to, lane)) lane = 0;
        View copy = view_new(p, &order, lane, false);
        emit_copy(p, n, &copy, &source, &x->axes, lane_of(p, n));
        reshape_view(n, &copy, &view);
    }
    note_view(p, n, &view);
}

/* ---- Concat, gather, scatter, put ---- */

/* One operand's stretch of a concat.  The joined axis may have the name of one that the result keeps: it is walked apart. */
static void emit_part(Planner *p, Node *n, int i, const View *whole, int64_t at)
{
    Node *x = n->in[i];
    View to = *whole, from = *view_of(p, x);
    Axes others = axes_without(n->axes, n->axis);
    int64_t strides[2] = { view_stride(whole, n->axis), n->part[i] ? view_stride(&from, n->part[i]) : 0 };
    to.offset += at * strides[0];
    if (n->part[i]) view_drop(&from, n->part[i]);
    Nest nest;
    nest_begin(&nest, (const View *[]){ &to, &from }, 2);
    for (int k = 0; k < others.n; k++) nest_axis(p, &nest, others.at[k], lane_of(p, n));
    if (n->part[i]) nest_dim(&nest, axis_size(n->part[i]), strides);
    nest_tidy(&nest);
    Instr *instr = nest_instr(p, &nest, INSTR_COPY, n);
    split_instr(p, instr, 0, instr->n_dims, 1);
    instr_add(p, instr);
}

void emit_concat(Planner *p, Node *n)
{
    View to = view_for(p, n);
    int64_t at = 0;
    for (int i = 0; i < n->n_in; i++) {
        emit_part(p, n, i, &to, at);
        at += n->part[i] ? axis_size(n->part[i]) : 1;
    }
}

static Instr *indexed_instr(Planner *p, Node *n, InstrKind kind, const View *to, const View *values, const View *index, const Axes *axes)
{
    Nest nest;
    nest_begin(&nest, (const View *[]){ to, values, index }, 3);
    for (int i = 0; i < axes->n; i++) nest_axis(p, &nest, axes->at[i], lane_of(p, n));
    nest_tidy(&nest);
    Instr *instr = nest_instr(p, &nest, kind, n);
    instr->size = axis_size(n->axis);
    return instr;
}

void emit_gather(Planner *p, Node *n)
{
    View to = view_for(p, n);
    View from = gathers_elements(p, n) ? elements_view(p, n->in[0]) : *view_of(p, n->in[0]);
    Instr *instr = indexed_instr(p, n, INSTR_GATHER, &to, &from, view_of(p, n->in[1]), &n->axes);
    instr->along_stride = view_stride(&from, n->axis);
    split_instr(p, instr, 0, instr->n_dims, 2);
    instr_add(p, instr);
}

void emit_scatter(Planner *p, Node *n)
{
    View to = view_for(p, n);
    emit_fill(p, n, &to, &n->axes, lane_of(p, n), 0);
    Axes axes = axes_union(&n->in[0]->axes, &n->in[1]->axes);
    Instr *instr = indexed_instr(p, n, INSTR_SCATTER, &to, view_of(p, n->in[0]), view_of(p, n->in[1]), &axes);
    instr->along_stride = view_stride(&to, n->axis);
    int own = 0;                /* dims that lead to different places */
    while (own < instr->n_dims && instr->ref[0].stride[own]) own++;
    split_instr(p, instr, 0, own, 2);
    instr_add(p, instr);
}

/* Refuses an index that names a place twice. */
static void emit_distinct(Planner *p, Node *n)
{
    Node *index = n->in[1];
    View own = *view_of(p, index);
    Nest nest;
    nest_begin(&nest, (const View *[]){ &own }, 1);
    int sums = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < index->axes.n; i++)
            if (axes_have(&n->axes, index->axes.at[i]) == (pass == 0)) {
                nest_axis(p, &nest, index->axes.at[i], lane_of(p, n));
                sums += pass;
            }
    Instr *instr = nest_instr(p, &nest, INSTR_DISTINCT, n);
    instr->sums = sums;
    instr->size = axis_size(n->axis);
    scratch_needed(p, instr->size);
    instr_add(p, instr);
}

void emit_put_into(Planner *p, Node *n, const View *to, const View *values, const View *index)
{
    Axes axes = axes_union(&n->in[1]->axes, &n->in[2]->axes), others = axes_without(n->axes, n->axis);
    axes = axes_union(&axes, &others);
    Instr *instr = indexed_instr(p, n, INSTR_PUT, to, values, index, &axes);
    instr->along_stride = view_stride(to, n->axis);
    instr_add(p, instr);
}

void emit_put(Planner *p, Node *n)
{
    bool later = info_of(p, n)->at_commit;
    View to = { 0 };
    if (!later) {
        to = view_for(p, n);
        emit_copy(p, n, &to, view_of(p, n->in[0]), &n->axes, lane_of(p, n));
    }
    emit_distinct(p, n);
    if (!later) emit_put_into(p, n, &to, view_of(p, n->in[2]), view_of(p, n->in[1]));
}

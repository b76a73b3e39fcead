/* dot.c: products.  The axes of a dot fall into four kinds: of the left operand alone (m), of the right alone (n), of both and kept, of both and
 * summed (k).  Where the result's contiguous axis belongs to one operand, that operand is the right side of a matrix product;
 * where it belongs to both (items with weights of their own), the sum runs lane by lane. */
#include "lang/plan/inside.h"

#include <string.h>


typedef enum Kind { KIND_M, KIND_N, KIND_BOTH, KIND_K } Kind;

enum { C, A, B };               /* order of refs */

/* A dim from the merged nest belongs to the kind its strides show. */
static Kind dim_kind(const NestDim *d)
{
    if (!d->stride[C]) return KIND_K;
    return d->stride[A] && d->stride[B] ? KIND_BOTH : d->stride[A] ? KIND_M : KIND_N;
}

/* The largest dim of a kind, at least as far in as any other of its size; -1 if there is none. */
static int largest_dim(const Nest *nest, int n, Kind kind)
{
    int best = -1;
    for (int d = 0; d < n; d++)
        if (dim_kind(&nest->dim[d]) == kind && (best < 0 || nest->dim[d].size >= nest->dim[best].size)) best = d;
    return best;
}

static void swap_sides(Nest *nest)
{
    const View *view = nest->view[A];
    int64_t item = nest->item_stride[A];
    nest->item_stride[A] = nest->item_stride[B];
    nest->item_stride[B] = item;
    nest->view[A] = nest->view[B];
    nest->view[B] = view;
    for (int d = 0; d < nest->n; d++) {
        int64_t s = nest->dim[d].stride[A];
        nest->dim[d].stride[A] = nest->dim[d].stride[B];
        nest->dim[d].stride[B] = s;
    }
}

static void add_one(Nest *nest)
{
    const int64_t zero[3] = { 0 };
    nest_dim(nest, 1, zero);
}

/* Moves the dim to the end, or adds one of size 1.  Returns how many dims are left before those at the end. */
static int put_last(Nest *nest, int at, int left)
{
    if (at < 0) {
        add_one(nest);
        return left;
    }
    nest_last(nest, at);
    return left - 1;
}

/* Moves what is left of the summed dims behind the other loops; returns how many there are.  `left` dims stand before the kernel's. */
static int sums_inside(Nest *nest, int left)
{
    NestDim dims[MAX_DIMS + MAX_AXES] = { { 0 } };
    int n = 0, sums = 0;
    for (int d = 0; d < left; d++)
        if (dim_kind(&nest->dim[d]) != KIND_K) dims[n++] = nest->dim[d];
    for (int d = 0; d < left; d++)
        if (dim_kind(&nest->dim[d]) == KIND_K) dims[n++] = nest->dim[d], sums++;
    memcpy(nest->dim, dims, (size_t)n * sizeof dims[0]);
    return sums;
}

/* The dim along which the result is contiguous; the lane if there is one; -1: none. */
static int contiguous_dim(const Nest *nest)
{
    for (int d = 0; d < nest->n; d++)
        if (nest->dim[d].lane && nest->dim[d].stride[C]) return d;
    for (int d = 0; d < nest->n; d++)
        if (nest->dim[d].stride[C] == 1) return d;
    return -1;
}

/* Shares a product out: whole matrices where there are enough of them, else its columns (packed once each), else its rows. */
static void split_product(Planner *p, Instr *instr, int loops)
{
    enum { ENOUGH = 8, COLUMNS = 32, ROWS = 16 };
    int m = instr->n_dims - 3, n = m + 1;
    split_instr(p, instr, 0, loops, 1);
    if (instr->split >= 0 && instr->dim[instr->split] >= ENOUGH) return;
    int dim = instr->dim[n] >= 2 * COLUMNS ? n : instr->dim[m] >= 2 * ROWS ? m : -1;
    if (dim < 0) return;
    instr->split = -1;
    split_instr(p, instr, dim, dim + 1, 1);
    int64_t least = dim == n ? COLUMNS : ROWS;
    instr->grain = (instr->grain + least - 1) / least * least;
}

/* The dim along which a product sums in the kernel. */
static int inner_sum(const Planner *p, const Node *n, const Nest *nest, int left)
{
    if (!p->region || !p->info[n->id].sliced) return largest_dim(nest, left, KIND_K);
    while (left > 0 && dim_kind(&nest->dim[left - 1]) != KIND_K) left--;
    return left - 1;
}

/* Of the loops around the kernel, the longest through the right operand alone goes innermost: the kernel takes several of its places at once. */
static void many_last(Nest *nest, int left)
{
    int many = largest_dim(nest, left, KIND_N);
    if (many < 0) return;
    NestDim d = nest->dim[many];
    memmove(&nest->dim[many], &nest->dim[many + 1], (size_t)(left - many - 1) * sizeof d);
    nest->dim[left - 1] = d;
}

static void leave_zeros_out(Planner *p, const Node *n, const Nest *nest, Instr *instr)
{
    if (instr->flag && is_left_to_place(p, n)) find_margins(p, instr, nest, info_of(p, n)->user->move);
    for (int k = 0; k < 2; k++)
        if (move_of_zeros(n->in[k])) find_margins(p, instr, nest, move_of_zeros(n->in[k]));
}

/* adds: onto what is there. */
static Instr *emit_product(Planner *p, Node *n, Nest *nest, int columns, bool adds)
{
    if (columns >= 0 && dim_kind(&nest->dim[columns]) == KIND_M) swap_sides(nest);
    int left = nest->n;
    int rows = largest_dim(nest, left, KIND_M);
    left = put_last(nest, rows, left);
    if (rows >= 0 && rows < columns) columns--;
    if (columns >= 0) {
        nest_last(nest, columns);
        left--;
    } else {
        add_one(nest);
    }
    left = put_last(nest, inner_sum(p, n, nest, left), left);
    int sums = sums_inside(nest, left);
    if (!sums) many_last(nest, left);
    Instr *instr = nest_instr(p, nest, INSTR_PRODUCT, n);
    if (p->failed) return instr;
    instr->sums = sums;
    instr->flag = adds;
    leave_zeros_out(p, n, nest, instr);
    split_product(p, instr, left - sums);
    instr_add(p, instr);
    return instr;
}

static int count_kind(const Nest *nest, Kind kind)
{
    int n = 0;
    for (int d = 0; d < nest->n; d++) n += dim_kind(&nest->dim[d]) == kind;
    return n;
}

/* Moves the largest dim of a kind, if there is one, to the end of all but the columns'. */
static void kind_last(Nest *nest, Kind kind, int *left, int *columns)
{
    int at = largest_dim(nest, *left, kind);
    if (at < 0) return;
    nest_last(nest, at);
    (*left)--;
    if (at < *columns) (*columns)--;
}

/* Loops that lead through one operand alone stand next to the sum: they are the rows and columns of a product in each lane. */
static void emit_lane_dot(Planner *p, Node *n, Nest *nest, int columns)
{
    int left = nest->n;
    kind_last(nest, KIND_M, &left, &columns);
    kind_last(nest, KIND_N, &left, &columns);
    int k = largest_dim(nest, left, KIND_K);
    put_last(nest, k, left);
    if (k >= 0 && k < columns) columns--;
    nest_last(nest, columns);
    Instr *instr = nest_instr(p, nest, INSTR_LANE_DOT, n);
    if (p->failed) return;
    split_instr(p, instr, 0, instr->n_dims - 2, 1);
    if (instr->split < 0 && instr->lane < 0) split_instr(p, instr, instr->n_dims - 1, instr->n_dims, 1);
    instr_add(p, instr);
}

/* An operand copied so that its summed axes are one in memory: first all others, then the summed, then the lanes. */
static View copied_for_sum(Planner *p, Node *n, Node *operand, const View *from)
{
    Axes both = axes_union(&n->in[0]->axes, &n->in[1]->axes);
    Axes summed = axes_minus(&both, &n->axes);
    Axes axes = axes_union(&operand->axes, &summed);
    Shape order = { 0 };
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < axes.n; i++)
            if (axes_have(&summed, axes.at[i]) == (pass == 1)) order.at[order.n++] = axes.at[i];
    Axis lane = lane_of(p, n);
    if (!axes_have(&operand->axes, lane)) lane = 0;
    View to = view_new(p, &order, lane, false);
    emit_copy(p, n, &to, from, &axes, lane);
    return to;
}

/* Of a sum by slices: the summed dims in an order that only shapes decide, whatever is one in memory: so that the bits do not depend on how large chunks are.
 * Items go innermost, or the longest axis where there are too many others for one call of the kernel. */
static void add_sums(Planner *p, const Node *n, Nest *nest)
{
    const Shape *order = &info_of(p, n->in[0])->order;
    Axis inner = info_of(p, n)->lane;
    int64_t others = 1, sizes = 1;
    int from = nest->n;
    for (int i = 0; i < order->n; i++)
        if (!axes_have(&n->axes, order->at[i])) sizes *= axis_size(order->at[i]);
    others = sizes / axis_size(inner);
    for (int i = 0; i < order->n && others > MAX_PAIRS; i++)
        if (!axes_have(&n->axes, order->at[i]) && axis_size(order->at[i]) >= axis_size(inner)) inner = order->at[i];
    for (int i = 0; i < order->n; i++)
        if (!axes_have(&n->axes, order->at[i]) && order->at[i] != inner) nest_axis(p, nest, order->at[i], lane_of(p, n));
    nest_axis(p, nest, inner, lane_of(p, n));
    if (others <= MAX_PAIRS) nest_merge(nest, from);
}

static void dot_nest(Planner *p, Node *n, Nest *nest, const View *c, const View *a, const View *b)
{
    if (info_of(p, n)->sliced && p->region) {
        nest_begin(nest, (const View *[]){ c, a, b }, 3);
        for (int i = 0; i < n->axes.n; i++) nest_axis(p, nest, n->axes.at[i], 0);
        nest_tidy(nest);
        add_sums(p, n, nest);
        return;
    }
    Axes all = axes_union(&n->in[0]->axes, &n->in[1]->axes);
    nest_begin(nest, (const View *[]){ c, a, b }, 3);
    for (int i = 0; i < all.n; i++) nest_axis(p, nest, all.at[i], lane_of(p, n));
    nest_tidy(nest);
}

static bool is_unit(int64_t stride) { return stride == 0 || stride == 1; }

/* Copies what a lane dot cannot walk: sums over more than one dim, lanes that are not contiguous. */
static int fit_for_lanes(Planner *p, Node *n, Nest *nest, const View *c, View *a, View *b, int columns)
{
    bool many = count_kind(nest, KIND_K) > 1;
    bool copy_a = many || !is_unit(nest->dim[columns].stride[A]), copy_b = many || !is_unit(nest->dim[columns].stride[B]);
    if (copy_a) *a = copied_for_sum(p, n, n->in[0], a);
    if (copy_b) *b = copied_for_sum(p, n, n->in[1], b);
    if (copy_a || copy_b) dot_nest(p, n, nest, c, a, b);
    return contiguous_dim(nest);
}

/* Where few of the result's values are contiguous (the window of a kernel, say), its longest axis goes innermost instead. */
static void widen_columns(Planner *p, Node *n, Nest *nest, View *c, const View *a, const View *b)
{
    enum { FEW = 16 };
    int columns = contiguous_dim(nest);
    Shape *order = &info_of(p, n)->order;
    int longest = order->n - 1;
    if (columns < 0 || nest->dim[columns].lane || nest->dim[columns].size >= FEW) return;
    for (int i = 0; i < order->n; i++)
        if (axis_size(order->at[i]) > axis_size(order->at[longest])) longest = i;
    if (axis_size(order->at[longest]) < FEW) return;
    Axis axis = order->at[longest];
    for (int i = longest; i + 1 < order->n; i++) order->at[i] = order->at[i + 1];
    order->at[order->n - 1] = axis;
    *c = view_for(p, n);
    dot_nest(p, n, nest, c, a, b);
}

/* A summed axis along which both operands are contiguous and long; 0: none. */
static Axis contiguous_sum(const Node *n, const View *a, const View *b)
{
    enum { LONG = 16 };
    for (int i = 0; i < n->in[0]->axes.n; i++) {
        Axis x = n->in[0]->axes.at[i];
        if (!axes_have(&n->axes, x) && axis_size(x) >= LONG && view_stride(a, x) == 1 && view_stride(b, x) == 1) return x;
    }
    return 0;
}

/* A summed axis but x that `order` lacks, the one farthest apart in memory; 0: none. */
static Axis widest_sum(const Node *n, const View *a, const Shape *order, Axis x)
{
    Axis widest = 0;
    for (int i = 0; i < n->in[0]->axes.n; i++) {
        Axis y = n->in[0]->axes.at[i];
        bool has = y == x;
        for (int k = 0; k < order->n; k++) has |= order->at[k] == y;
        if (!has && (!widest || view_stride(a, y) > view_stride(a, widest))) widest = y;
    }
    return widest;
}

/* Sums of products place by place, as the variances of columns are: no matrix on either side, so nothing that would be used twice.  One sum
 * runs lane by lane along an axis x that is contiguous in both operands; what it leaves, x and what cannot be one with that sum in memory,
 * is summed then.  False: they do not stand so. */
static bool emit_two_sums(Planner *p, Node *n, const View *c, View *a, View *b)
{
    Axis x = contiguous_sum(n, a, b);
    Shape order = info_of(p, n)->order;
    Nest nest;
    if (!x) return false;
    for (int sums = 2; sums > 1;) {
        if (order.n == MAX_AXES) return false;
        order.at[order.n++] = x;
        View lanes = slot_view(&order, -1);
        dot_nest(p, n, &nest, &lanes, a, b);
        sums = count_kind(&nest, KIND_K);
        if (!sums) return false;
        if (sums > 1) order.at[order.n - 1] = widest_sum(n, a, &order, x);
    }
    View lanes = view_new(p, &order, 0, false);
    dot_nest(p, n, &nest, &lanes, a, b);
    emit_lane_dot(p, n, &nest, contiguous_dim(&nest));
    nest_begin(&nest, (const View *[]){ c, &lanes }, 2);
    for (int i = 0; i < order.n; i++) nest_axis(p, &nest, order.at[i], 0);
    nest_tidy(&nest);
    emit_sum(p, n, &nest);
    return true;
}

/* Sums of products place by place over a slice: item by item along the other summed axis, if there is one, then over the items.
 * False: they do not stand so. */
static bool emit_sliced_dots(Planner *p, Node *n, const View *c, const View *a, const View *b)
{
    Axis lane = lane_of(p, n);
    Shape order = info_of(p, n)->order;
    Nest nest;
    if (view_stride(a, lane) != 1 || view_stride(b, lane) != 1) return false;
    order.at[order.n++] = lane;
    View items = view_new(p, &order, lane, false);
    nest_begin(&nest, (const View *[]){ &items, a, b }, 3);
    for (int i = 0; i < n->in[0]->axes.n; i++)
        if (n->in[0]->axes.at[i] != lane) nest_axis(p, &nest, n->in[0]->axes.at[i], 0);
    nest_axis(p, &nest, lane, lane);
    emit_lane_dot(p, n, &nest, nest.n - 1);
    emit_items_sum(p, n, c, &items);
    return true;
}

bool is_left_to_place(const Planner *p, const Node *dot)
{
    const Info *info = &p->info[dot->id];
    const Node *place = info->user;
    if (!p->region || info->uses != 1 || info->escapes || !place || place->op != OP_place || place->in[0] != dot) return false;
    const Info *its = &p->info[place->id];
    if (place->scope != dot->scope || its->region != info->region || !info->lane || its->lane != info->lane) return false;
    for (int i = 0; i < place->move->n; i++)
        if (place->move->at[i].wrap) return false;
    return true;
}

/* A slot's value under any names, as it is for the whole run. */
static bool is_stored(const Node *n)
{
    while (node_is_rename(n) || n->op == OP_spread || n->op == OP_stop) n = n->in[0];
    return n->op == OP_slot;
}

/* Weights copied once a run, before all else, so that the product's rows lie side by side and its sum runs along them: [others][summed][kept]. */
static View packed_weights(Planner *p, Node *dot, Node *weights, const Axes *moved)
{
    View from = *view_of(p, weights);
    Axes summed = axes_minus(&weights->axes, &dot->axes);
    Shape order = { 0 };
    for (int pass = 0; pass < 3; pass++)
        for (int i = 0; i < weights->axes.n; i++) {
            Axis a = weights->axes.at[i];
            int place = axes_have(moved, a) ? 0 : axes_have(&summed, a) ? 1 : 2;
            if (place == pass) order.at[order.n++] = a;
        }
    int span = p->span;
    Region *region = p->region;
    Block *block = p->block;
    p->span = 0;
    p->region = NULL;
    p->block = &p->prologue;
    View to = view_new(p, &order, 0, true);
    emit_copy(p, dot, &to, &from, &weights->axes, 0);
    p->span = span;
    p->region = region;
    p->block = block;
    return to;
}

/* The axes of the dot that share a place's axis with another. */
static Axes moved_axes(const Node *place)
{
    Axes moved = { 0 };
    for (int i = 0; i < place->move->n; i++)
        for (int k = 0; place->move->at[i].n > 1 && k < place->move->at[i].n; k++) moved = axes_with(moved, place->move->at[i].term[k].axis);
    return moved;
}

bool emit_dot_into(Planner *p, Node *n, const View *to)
{
    enum { FEWEST_ROWS = 16 };
    Axis lane = lane_of(p, n);
    int weights = axes_have(&n->in[0]->axes, lane) ? 1 : 0;
    if (axes_have(&n->in[weights]->axes, lane) || !is_stored(n->in[weights])) return false;
    Axes moved = moved_axes(info_of(p, n)->user);
    View a = packed_weights(p, n, n->in[weights], &moved), b = *view_of(p, n->in[1 - weights]);
    Nest nest;
    dot_nest(p, n, &nest, to, &a, &b);
    int columns = contiguous_dim(&nest);
    if (columns < 0 || !nest.dim[columns].lane || dim_kind(&nest.dim[columns]) != KIND_N || count_kind(&nest, KIND_K) != 1) return false;
    int rows = largest_dim(&nest, nest.n, KIND_M);
    /* Rows and columns of one product must not meet: what it adds to a place it reads before. */
    if (rows < 0 || nest.dim[rows].size < FEWEST_ROWS || nest.dim[rows].stride[C] < nest.dim[columns].size) return false;
    emit_product(p, n, &nest, columns, true);
    return true;
}

void emit_dot(Planner *p, Node *n)
{
    if (!is_left_to_place(p, n)) emit_dot_alone(p, n);
}

void emit_dot_alone(Planner *p, Node *n)
{
    View c = view_for(p, n), a = *view_of(p, n->in[0]), b = *view_of(p, n->in[1]);
    Nest nest;
    if (info_of(p, n)->sliced && p->region) {
        make_anew(p, n, n->in[0], &a);
        make_anew(p, n, n->in[1], &b);
    }
    dot_nest(p, n, &nest, &c, &a, &b);
    widen_columns(p, n, &nest, &c, &a, &b);
    if (info_of(p, n)->sliced && p->region && !count_kind(&nest, KIND_M) && !count_kind(&nest, KIND_N) && emit_sliced_dots(p, n, &c, &a, &b)) return;
    int columns = contiguous_dim(&nest);
    if (!p->region && !count_kind(&nest, KIND_M) && !count_kind(&nest, KIND_N) && emit_two_sums(p, n, &c, &a, &b)) return;
    if (columns < 0 || dim_kind(&nest.dim[columns]) != KIND_BOTH) {
        emit_product(p, n, &nest, columns, false);
        return;
    }
    const NestDim *d = &nest.dim[columns];
    if (!d->lane && ((info_of(p, n)->sliced && p->region) || !is_unit(d->stride[A]) || !is_unit(d->stride[B]) || count_kind(&nest, KIND_K) > 1)) {
        emit_product(p, n, &nest, -1, false);
        return;
    }
    emit_lane_dot(p, n, &nest, fit_for_lanes(p, n, &nest, &c, &a, &b, columns));
}

/* ---- Sums of products ---- */

/* Whether two products walk alike, into the same place. */
static bool walk_alike(const Instr *x, const Instr *y)
{
    if (x->n_dims != y->n_dims || x->sums || y->sums || x->ref[C].offset != y->ref[C].offset) return false;
    for (int d = 0; d < x->n_dims; d++) {
        if (x->dim[d] != y->dim[d]) return false;
        for (int r = C; r <= B; r++)
            if (x->ref[r].stride[d] != y->ref[r].stride[d]) return false;
    }
    return true;
}

/* The matrices of a product become another pair of the first one's. */
static void add_pair(Planner *p, Instr *first, const Instr *other)
{
    Ref *ref = ARENA_ARRAY(p->memory, Ref, first->n_refs + 2);
    memcpy(ref, first->ref, (size_t)first->n_refs * sizeof *ref);
    memcpy(ref + first->n_refs, other->ref + A, 2 * sizeof *ref);
    first->ref = ref;
    first->n_refs += 2;
}

/* One product of several pairs of matrices; those that do not walk like the first add themselves to what is there. */
void emit_terms(Planner *p, Node *n)
{
    const Info *info = info_of(p, n);
    View c = view_for(p, n);
    Instr *first = NULL;
    for (int t = 0; t < info->n_terms && !p->failed; t++) {
        const Term *term = &info->terms[t];
        View to = { .buffer = c.buffer, .offset = c.offset }, a = *view_of(p, term->dot->in[0]), b = *view_of(p, term->dot->in[1]);
        for (int i = 0; i < n->axes.n; i++) view_set(&to, term->names.at[i], view_stride(&c, n->axes.at[i]));
        Nest nest;
        dot_nest(p, term->dot, &nest, &to, &a, &b);
        Instr *instr = emit_product(p, term->dot, &nest, contiguous_dim(&nest), t > 0);
        if (first && !p->failed && walk_alike(first, instr)) {
            add_pair(p, first, instr);
            p->block->n--;
        }
        if (!first) first = instr;
    }
}

/* layout.c: the order of a value's axes in memory, and where values lie.
 *
 * A value whose result goes to a slot takes the slot's order, and so do, going back, the values it is made of element by element; others follow
 * their operands.  The lane axis is always innermost, padded to 16 values. */
#include "lang/plan/inside.h"

#include <string.h>

/* ---- Orders ---- */

static void order_add(Shape *order, const Node *n, Axis a)
{
    if (!axes_have(&n->axes, a)) return;
    for (int i = 0; i < order->n; i++)
        if (order->at[i] == a) return;
    order->at[order->n++] = a;
}

static void order_add_all(Shape *order, const Node *n, const Shape *from)
{
    for (int i = 0; i < from->n; i++) order_add(order, n, from->at[i]);
}

/* Sets the order if there is none yet; axes that `wish` lacks come first, as set. */
static void set_order(Planner *p, const Node *n, const Shape *wish)
{
    Info *info = info_of(p, n);
    if (!p->needed[n->id] || info->ordered) return;
    Shape rest = { 0 }, order = { 0 };
    for (int i = 0; i < n->axes.n; i++) {
        bool wished = false;
        for (int k = 0; k < wish->n; k++) wished |= wish->at[k] == n->axes.at[i];
        if (!wished) rest.at[rest.n++] = n->axes.at[i];
    }
    order_add_all(&order, n, &rest);
    order_add_all(&order, n, wish);
    info->order = order;
    info->ordered = true;
}

/* `order` with the axes `out` replaced by the axes `in` at the place of the first of them. */
static Shape order_replace(const Shape *order, const Shape *out, const Shape *in)
{
    Shape result = { 0 };
    bool done = false;
    for (int i = 0; i < order->n; i++) {
        bool replaced = false;
        for (int k = 0; k < out->n; k++) replaced |= out->at[k] == order->at[i];
        if (!replaced && result.n < MAX_AXES) result.at[result.n++] = order->at[i];
        for (int k = 0; replaced && !done && k < in->n; k++)
            if (result.n < MAX_AXES) result.at[result.n++] = in->at[k];
        done |= replaced;
    }
    return result;
}

static Shape shape_one(Axis a) { return (Shape){ .n = 1, .at = { a } }; }

/* Passes a node's order on to what it is made of. */
static void order_operands(Planner *p, const Node *n)
{
    const Shape *order = &info_of(p, n)->order;
    if (op_info[n->op].family == FAMILY_MAP || n->op == OP_spread || n->op == OP_stop || n->op == OP_put || n->op == OP_cumsum || n->op == OP_argsort) {
        for (int i = 0; i < n->n_in; i++) set_order(p, n->in[i], order);
    } else if (n->op == OP_implicit) {
        set_order(p, n->in[0], order);
    } else if (node_is_rename(n)) {
        Shape wish = *order;
        for (int i = 0; i < wish.n; i++)
            for (int k = 0; k < n->move->n; k++)
                if (order->at[i] == n->move->at[k].term[0].axis) wish.at[i] = n->move->at[k].from;
        set_order(p, n->in[0], &wish);
    } else if (n->op == OP_reshape) {
        Shape wish = order_replace(order, n->to, n->from);
        set_order(p, n->in[0], &wish);
    } else if (n->op == OP_carry) {
        set_order(p, n->loop->init[n->key], order);
        set_order(p, n->loop->next[n->key], order);
    } else if (n->op == OP_result) {
        const Loop *loop = n->in[0]->loop;
        int i = (int)n->key;
        set_order(p, i < loop->n_carry ? loop->carry[i] : loop->keep[i - loop->n_carry], order);
    }
}

static int smaller_operand(const Node *dot) { return dot->in[1]->axes.n < dot->in[0]->axes.n; }

/* Whether the axes that a dot keeps of its larger operand stand together at the end of it, next to the lanes: then the weights' axes go
 * outside of them in the result too, and all of them are the columns of one product. */
static bool keeps_run(const Planner *p, const Node *n)
{
    const Node *large = n->in[!smaller_operand(n)], *small = n->in[smaller_operand(n)];
    const Shape *order = &p->info[large->id].order;
    Axis lane = item_axis(p, large);
    bool summed = false, any = false;
    for (int i = order->n - 1; i >= 0; i--) {
        Axis a = order->at[i];
        if (a == lane) continue;
        bool kept = axes_have(&n->axes, a) && !axes_have(&small->axes, a);
        if (kept && summed) return false;
        any |= kept;
        summed |= !kept;
    }
    return any && lane;
}

/* An order that follows the operands'. */
static void order_from_operands(Planner *p, const Node *n)
{
    Shape order = { 0 };
    if (n->op == OP_slot) {
        order = p->store->slots[n->key].shape;
    } else if (n->op == OP_reshape) {
        order = order_replace(&info_of(p, n->in[0])->order, n->from, n->to);
    } else if (n->op == OP_index) {
        order = info_of(p, n->in[0])->order;
        for (int i = 0; i < n->move->n; i++) {
            const Coord *c = &n->move->at[i];
            Shape from = shape_one(c->from), terms = { 0 };
            for (int k = 0; k < c->n; k++) terms.at[terms.n++] = c->term[k].axis;
            order = order_replace(&order, &from, &terms);
        }
    } else if (n->op == OP_carry) {
        order = info_of(p, n->loop->init[n->key])->order;
    } else if (n->op == OP_result) {
        const Loop *loop = n->in[0]->loop;
        int i = (int)n->key;
        order = info_of(p, i < loop->n_carry ? loop->carry[i] : loop->keep[i - loop->n_carry])->order;
    } else if (n->op == OP_dot && keeps_run(p, n)) {
        int small = smaller_operand(n);
        order_add_all(&order, n, &info_of(p, n->in[small])->order);
        order_add_all(&order, n, &info_of(p, n->in[!small])->order);
    } else if (gathers_elements(p, n)) {
        Shape from = elements_order(p, n->in[0]);
        order_add_all(&order, n, &from);
        order_add_all(&order, n, &info_of(p, n->in[1])->order);
    } else if (n->op != OP_random && n->op != OP_loop) {
        for (int wanted = MAX_AXES; wanted >= 0; wanted--)      /* the largest first; of these, maps, so that maps upon maps are walked alike */
            for (int i = 0; i < 2 * n->n_in; i++) {
                const Node *operand = n->in[i % n->n_in];
                const Info *in = info_of(p, operand);
                if ((op_info[operand->op].family == FAMILY_MAP) == (i >= n->n_in)) continue;
                if (p->needed[operand->id] && in->order.n == wanted) order_add_all(&order, n, &in->order);
            }
    } else if (n->to) {
        order = *n->to;
    }
    set_order(p, n, &order);
}

/* A matrix that is computed before a loop for a product in it lies as the product reads it best: its sum along the rows. */
static void order_weights(Planner *p, const Node *dot)
{
    for (int k = 0; k < 2 && dot->op == OP_dot && dot->scope; k++) {
        const Node *weights = dot->in[k];
        if (op_info[weights->op].family != FAMILY_MAP || weights->scope == dot->scope || weights->axes.n != 2 || item_axis(p, weights)) continue;
        if (axes_have(&dot->axes, weights->axes.at[0]) == axes_have(&dot->axes, weights->axes.at[1])) continue;
        Shape order = { .n = 1 };
        order.at[0] = weights->axes.at[!axes_have(&dot->axes, weights->axes.at[0])];
        order_add_all(&order, weights, &(Shape){ .n = 2, .at = { weights->axes.at[0], weights->axes.at[1] } });
        set_order(p, weights, &order);
    }
}

void find_orders(Planner *p)
{
    for (int i = 0; i < p->program->n; i++) {
        const Output *o = &p->program->outputs[i];
        set_order(p, o->value, &p->store->slots[o->slot].shape);
    }
    uint32_t size = graph_size(p->graph);
    for (uint32_t id = size; id-- > 0;)
        if (p->needed[id] && p->info[id].ordered) order_operands(p, graph_node(p->graph, id));
    for (uint32_t id = 0; id < size; id++)
        if (p->needed[id]) order_weights(p, graph_node(p->graph, id));
    for (uint32_t id = 0; id < size; id++)
        if (p->needed[id] && !p->info[id].ordered) order_from_operands(p, graph_node(p->graph, id));
}

/* ---- Views and buffers ---- */

int64_t padded(int64_t count) { return (count + 15) / 16 * 16; }

int64_t view_stride(const View *v, Axis a)
{
    for (int i = 0; i < v->n; i++)
        if (v->axis[i] == a) return v->stride[i];
    return 0;
}

void view_set(View *v, Axis a, int64_t stride)
{
    int i = 0;
    while (i < v->n && v->axis[i] != a) i++;
    if (i == MAX_AXES) return;
    v->axis[i] = a;
    v->stride[i] = stride;
    if (i == v->n) v->n++;
}

void view_drop(View *v, Axis a)
{
    for (int i = 0; i < v->n; i++)
        if (v->axis[i] == a) {
            v->n--;
            v->axis[i] = v->axis[v->n];
            v->stride[i] = v->stride[v->n];
            return;
        }
}

int buffer_new(Planner *p, int32_t base, int64_t count)
{
    if (p->n_buffers == p->buffers_room) {
        int room = p->buffers_room ? 2 * p->buffers_room : 64;
        Buffer *buffers = ARENA_ARRAY(&p->work, Buffer, room);
        if (p->n_buffers) memcpy(buffers, p->buffers, (size_t)p->n_buffers * sizeof *buffers);
        p->buffers = buffers;
        p->buffers_room = room;
    }
    int home = p->span;
    if (base == BASE_ARENA && p->region)
        while (p->spans[home].region == p->region->id) home = p->spans[home].outer;
    p->buffers[p->n_buffers] = (Buffer){ .base = base, .count = padded(count) + 16, .home = home, .first = -1, .last = -1,
                                         .region = base == BASE_LOCAL ? p->region->id : 0 };
    return p->n_buffers++;
}

View slot_view(const Shape *shape, int buffer)
{
    View view = { .buffer = buffer };
    int64_t stride = 1;
    for (int i = shape->n - 1; i >= 0; i--) {
        view_set(&view, shape->at[i], stride);
        stride *= axis_size(shape->at[i]);
    }
    return view;
}

int slot_buffer(Planner *p, uint32_t slot, bool written)
{
    int number = p->slot_buffers[slot] - 1;
    if (number < 0) {
        number = buffer_new(p, BASE_SLOT + p->code->n_slots, slot_count(&p->store->slots[slot]));
        p->slot_buffers[slot] = number + 1;
        p->code->slots[p->code->n_slots++] = (SlotUse){ .slot = slot };
    }
    SlotUse *use = &p->code->slots[p->buffers[number].base - BASE_SLOT];
    if (written) use->written = true;
    else use->read = true;
    return number;
}

/* The slot's own order, under the names that a chain of renames gives its axes. */
Shape elements_order(const Planner *p, const Node *n)
{
    if (n->op == OP_slot) return p->store->slots[n->key].shape;
    Shape order = elements_order(p, n->in[0]), named = order;
    for (int i = 0; i < order.n; i++)
        for (int k = 0; k < n->move->n; k++)
            if (order.at[i] == n->move->at[k].from) named.at[i] = n->move->at[k].term[0].axis;
    return named;
}

View elements_view(Planner *p, const Node *n)
{
    Shape order = elements_order(p, n);
    while (n->op != OP_slot) n = n->in[0];
    int number = p->element_buffers[n->key] - 1;
    if (number < 0) {
        number = buffer_new(p, BASE_SLOT + p->code->n_slots, slot_count(&p->store->slots[n->key]));
        p->element_buffers[n->key] = number + 1;
        p->code->slots[p->code->n_slots++] = (SlotUse){ .slot = (uint32_t)n->key, .read = true, .elements = true };
    }
    return slot_view(&order, number);
}

View view_new(Planner *p, const Shape *order, Axis lane, bool escapes)
{
    bool local = p->region && !escapes;
    View view = { 0 };
    int64_t stride = 1;
    if (lane) {
        view_set(&view, lane, 1);
        stride = local && p->region ? p->region->chunk : padded(axis_size(lane));
    }
    for (int i = order->n - 1; i >= 0; i--) {
        if (order->at[i] == lane) continue;
        view_set(&view, order->at[i], stride);
        stride *= axis_size(order->at[i]);
    }
    view.buffer = buffer_new(p, local ? BASE_LOCAL : BASE_ARENA, stride);
    return view;
}

View view_after(Planner *p, const Shape *order, Axis lane, const Info *info)
{
    if (info->escapes) return view_new(p, order, lane, true);
    int64_t chunk = p->region->chunk;
    p->region->chunk = p->region->slice;
    View view = view_new(p, order, lane, false);
    p->region->chunk = chunk;
    p->buffers[view.buffer].base = BASE_SLICE;
    p->buffers[view.buffer].home = p->region->span;
    return view;
}

/* A whole value that becomes the next value of a slot is made in a spare of the slot, in the slot's own layout. */
static bool view_spare(Planner *p, const Node *n)
{
    Info *info = info_of(p, n);
    if (!info->spare || p->region || p->depth || n->scope) return false;
    uint32_t slot = (uint32_t)info->spare - 1;
    int number = buffer_new(p, BASE_SLOT + p->code->n_slots, slot_count(&p->store->slots[slot]));
    p->code->slots[p->code->n_slots++] = (SlotUse){ .slot = slot, .spare = true };
    info->view = slot_view(info->spare_order, number);
    info->order = *info->spare_order;
    info->spare = 0;            /* once */
    return true;
}

View view_for(Planner *p, const Node *n)
{
    Info *info = info_of(p, n);
    if (view_spare(p, n)) return info->view;
    if (info->sliced && p->region) return info->view = slice_view(p, n);
    Axis lane = info->lane ? info->lane : item_axis(p, n);
    bool after = p->region && is_used_after(info);
    info->doubled = after && info->stays;
    info->view = after && !info->doubled ? view_after(p, &info->order, lane, info) : view_new(p, &info->order, lane, info->escapes && !info->doubled);
    if (info->doubled) info->outside = view_after(p, &info->order, lane, info);
    return info->view;
}

/* Constants are filled in before anything else, once a run. */
static View constant_view(Planner *p, const Node *n)
{
    int span = p->span;
    Region *region = p->region;
    Block *block = p->block;
    p->span = 0;
    p->region = NULL;
    p->block = &p->prologue;
    View view = { .buffer = buffer_new(p, BASE_ARENA, 1) };
    emit_fill(p, n, &view, &n->axes, 0, n->value);
    p->span = span;
    p->region = region;
    p->block = block;
    return view;
}

/* A rename may give several axes new names at once (a transposed matrix keeps its two). */
static View renamed_view(const Node *n, const View *from)
{
    View view = *from;
    for (int i = 0; i < n->move->n; i++) view_drop(&view, n->move->at[i].from);
    for (int i = 0; i < n->move->n; i++) view_set(&view, n->move->at[i].term[0].axis, view_stride(from, n->move->at[i].from));
    return view;
}

const View *view_of(Planner *p, Node *n)
{
    Info *info = info_of(p, n);
    bool inside = !info->region || (p->region && p->region->id == info->region && !p->region->summing);
    View *view = inside ? &info->view : &info->outside;
    if (view->buffer >= 0) return view;
    if (n->op == OP_const) *view = constant_view(p, n);
    else if (n->op == OP_spread || n->op == OP_stop || n->op == OP_implicit) *view = *view_of(p, n->in[0]);
    else if (node_is_rename(n)) *view = renamed_view(n, view_of(p, n->in[0]));
    else return &info->view;
    return view;
}

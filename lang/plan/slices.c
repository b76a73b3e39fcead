/* slices.c: sums over items that are made where the items are: the gradients of weights.
 *
 * The items of a region are cut into slices, by their number alone.  A slice is gone through by one thread, chunk by chunk; what its sums need of the
 * items is kept in the thread's own memory until all chunks are done, and then summed.  After the region the slices' sums are added in
 * their order.  So nothing of the items need go from one thread to another or through memory, and the bits depend on shapes alone. */
#include "lang/plan/inside.h"

/* Planned in chunks of a size that was asked for (tests do), slices are short, so that there are some. */
int64_t slice_items(const Planner *p, int64_t items)
{
    enum { LEAST = 32, MOST = 128, FEW = 4 };
    if (p->chunk) return LEAST;
    int64_t slice = ((items + FEW - 1) / FEW + LEAST - 1) / LEAST * LEAST;
    return slice < MOST ? slice : MOST;
}

static int64_t count_slices(const Planner *p, int64_t items) { return (items + slice_items(p, items) - 1) / slice_items(p, items); }

/* The axis of an operand that is made chunk by chunk along it, where the dot sums over it; 0: none. */
static Axis summed_lane(const Planner *p, const Node *n, int which)
{
    const Info *info = &p->info[n->in[which]->id];
    Axis lane = info->chunked ? info->lane : 0;
    bool summed = lane && n->in[which]->scope == n->scope && !axes_have(&n->axes, lane);
    for (int i = 0; i < n->n_in; i++) summed = summed && axes_have(&n->in[i]->axes, lane);
    return summed ? lane : 0;
}

/* Whether the sums of slices are few values beside what need not be kept for them, and lie in the second cache. */
static bool pays(const Planner *p, const Node *n, Axis lane)
{
    enum { MOST_VALUES = 80000 };
    int64_t values = axes_count(&n->axes), slices = count_slices(p, axis_size(lane)), operands = 0;
    for (int i = 0; i < n->n_in; i++) operands += axes_count(&n->in[i]->axes);
    return slices > 1 && values <= MOST_VALUES && (p->chunk || slices * values <= operands);
}

static bool is_narrow(const Node *n)
{
    return n->op != OP_dot || (axes_within(&n->in[0]->axes, &n->in[1]->axes) && axes_within(&n->in[1]->axes, &n->in[0]->axes));
}

/* Sums of products place by place go along one axis but the items, so that what they give does not depend on which axes are one in memory. */
static bool is_plain(const Node *n)
{
    if (n->op != OP_dot || !is_narrow(n)) return true;
    return n->axes.n + 1 < MAX_AXES && n->in[0]->axes.n - n->axes.n <= 2;
}

/* Whether some product of matrices sums over that many items by slices: for the sake of narrow sums alone nothing is sliced. */
static bool are_multiplied(const Planner *p, int64_t items)
{
    for (int i = 0; i < p->n_multiplied; i++)
        if (p->multiplied[i] == items) return true;
    return p->chunk;
}

void find_multiplied(Planner *p)
{
    uint32_t size = graph_size(p->graph);
    for (uint32_t id = 0; id < size; id++) {
        const Node *n = graph_node(p->graph, id);
        if (!p->needed[id] || n->op != OP_dot || is_narrow(n) || p->lanes->chosen[id]) continue;
        for (int i = 0; i < 2; i++) {
            Axis lane = p->lanes->chosen[n->in[i]->id];
            bool summed = lane && !axes_have(&n->axes, lane) && axes_have(&n->in[1 - i]->axes, lane);
            if (!summed || !pays(p, n, lane) || are_multiplied(p, axis_size(lane)) || p->n_multiplied == MOST_MULTIPLIED) continue;
            p->multiplied[p->n_multiplied++] = axis_size(lane);
        }
    }
}

static void find_level(Planner *p, Node *user, Node *operand, int which, void *context)
{
    (void)user, (void)which;
    int *level = context;
    if (info_of(p, operand)->level > *level) *level = info_of(p, operand)->level;
}

void slice_node(Planner *p, Node *n)
{
    Info *info = info_of(p, n);
    int level = 0;
    if ((n->op != OP_dot && n->op != OP_sum) || p->lanes->chosen[n->id]) return;
    visit_operands(p, n, find_level, &level);
    for (int i = 0; i < n->n_in; i++) {
        Axis lane = summed_lane(p, n, i);
        if (!lane || info_of(p, n->in[i])->level != level || !pays(p, n, lane) || !is_plain(n)) continue;
        if (is_narrow(n) && !are_multiplied(p, axis_size(lane))) continue;
        info->sliced = info->chunked = true;
        info->lane = lane;
        return;
    }
}

/* The slices that a sum is made by. */
typedef struct Slices { int64_t n, items, apart; } Slices;       /* number; items and values from one to the next, of which there are so many for each item */

static Slices slices_of(const Planner *p, const Node *n)
{
    const Region *region = p->regions[info_of(p, n)->region - 1];
    int64_t items = region->slice, apart = (padded(axes_count(&n->axes)) + items - 1) / items * items;
    return (Slices){ (region->items + items - 1) / items, items, apart };
}

View slice_view(Planner *p, const Node *n)
{
    Slices slices = slices_of(p, n);
    View view = slot_view(&info_of(p, n)->order, buffer_new(p, BASE_ARENA, slices.apart * slices.n));
    view.apart = slices.apart / slices.items;
    return view;
}

void emit_slices(Planner *p, Node *n)
{
    Info *info = info_of(p, n);
    Slices slices = slices_of(p, n);
    View to = view_new(p, &info->order, 0, true), from = info->view;
    from.apart = 0;
    Nest nest;
    nest_begin(&nest, (const View *[]){ &to, &from }, 2);
    for (int i = 0; i < info->order.n; i++) nest_axis(p, &nest, info->order.at[i], 0);
    nest_dim(&nest, slices.n, (int64_t[]){ 0, slices.apart });
    nest_tidy(&nest);
    emit_sum(p, n, &nest);
    info->outside = to;
}

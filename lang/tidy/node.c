/* node.c: the tidied form of one node whose operands are tidy. */
#include <string.h>
#include "lang/tidy/tidy_inner.h"

/* ---- Renames ---- */

/* A stored value can have any names at no cost. */
static bool is_stored(const Node *n)
{
    if (n->op == OP_index && node_is_rename(n)) n = n->in[0];
    return op_info[n->op].family == FAMILY_LEAF && n->op != OP_carry;
}

/* Whether the renaming makes an axis the only item axis of the value: the plan runs what follows item by item, so it stays. */
static bool makes_items(const Node *rename)
{
    bool makes = false;
    Axes kept = rename->in[0]->axes;
    for (int i = 0; i < rename->move->n; i++) {
        const Coord *c = &rename->move->at[i];
        makes = makes || (axis_is_item(c->term[0].axis) && !axis_is_item(c->from));
        kept = axes_without(kept, c->from);
        if (axis_is_item(c->from)) return false;
    }
    for (int i = 0; i < kept.n; i++)
        if (axis_is_item(kept.at[i])) return false;
    return makes;
}

/* The operand whose renaming is to go outside: the largest renamed one that is computed. */
static Node *find_pivot(const Node *n)
{
    Node *pivot = NULL;
    for (int i = 0; i < n->n_in; i++) {
        Node *x = n->in[i];
        if (!node_is_rename(x) || is_stored(x) || makes_items(x)) continue;
        if (!pivot || axes_count(&x->axes) > axes_count(&pivot->axes)) pivot = x;
    }
    return pivot;
}

/* What undoes the renaming for a value that has some of the new names: all of them must be free to go back to the old ones.  False if
 * the value has an old name of its own. */
static bool undo_rename(const Move *rename, const Axes *axes, Move *undo)
{
    Axes back = { 0 }, gone = { 0 };
    *undo = (Move){ 0 };
    for (int i = 0; i < rename->n; i++) {
        Axis from = rename->at[i].from, to = rename->at[i].term[0].axis;
        if (!axes_have(axes, to)) continue;
        undo->at[undo->n++] = (Coord){ .from = to, .n = 1, .term = { { from, 1 } } };
        gone = axes_with(gone, to);
        back = axes_with(back, from);
    }
    Axes kept = axes_minus(axes, &gone), clash = axes_common(&kept, &back);
    for (int i = 0; i < rename->n; i++)
        if (axes_have(&kept, rename->at[i].from)) return false;
    return !clash.n;
}

static Axes renamed_axes(Axes axes, const Move *move)
{
    for (int i = 0; i < move->n; i++) axes = axes_without(axes, move->at[i].from);
    for (int i = 0; i < move->n; i++) axes = axes_with(axes, move->at[i].term[0].axis);
    return axes;
}

/* The value under the names that it would have without the renaming; null where that would cost a renaming of a computed value. */
static Node *before_rename(Graph *g, Node *x, const Node *pivot)
{
    Move undo;
    if (!undo_rename(pivot->move, &x->axes, &undo)) return NULL;
    if (!undo.n) return x;
    if (!node_is_rename(x) && !is_stored(x)) return NULL;
    return graph_index(g, x, &undo, renamed_axes(x->axes, &undo));
}

/* A map of renamed values is the map of the values, renamed: the map may be known already, and the renaming may meet another that
 * undoes it. */
static Node *rename_after_map(Graph *g, Node *n)
{
    Node *pivot = op_info[n->op].family == FAMILY_MAP ? find_pivot(n) : NULL, *in[3] = { 0 };
    if (!pivot) return n;
    for (int i = 0; i < n->n_in; i++)
        if (!(in[i] = before_rename(g, n->in[i], pivot))) return n;
    Node *r = graph_map(g, n->op, in[0], in[1], in[2]);
    return graph_index(g, r, pivot->move, n->axes);
}

/* The renamings of an operand's axes that a dot keeps go outside, if the other operand has neither name. */
static Node *rename_after_dot(Graph *g, Node *n)
{
    Axes over = node_over(n);
    for (int k = 0; k < 2; k++) {
        Node *x = n->in[k], *other = n->in[1 - k];
        if (!node_is_rename(x) || is_stored(x) || makes_items(x)) continue;
        Axes old = { 0 }, new = { 0 };
        for (int i = 0; i < x->move->n; i++) {
            old = axes_with(old, x->move->at[i].from);
            new = axes_with(new, x->move->at[i].term[0].axis);
        }
        Axes both = axes_union(&old, &new), shared = axes_common(&both, &other->axes), summed = axes_common(&new, &over);
        if (shared.n || summed.n) continue;
        return graph_index(g, graph_dot(g, x->in[0], other, over), x->move, n->axes);
    }
    return n;
}

/* A fold over renamed axes is the fold over the axes before, where the renaming of what is left stays a renaming. */
static Node *fold_before_rename(Graph *g, Node *n)
{
    Node *rename = n->in[0];
    if (!node_is_rename(rename) || makes_items(rename)) return n;
    Axes over = node_over(n), before = { 0 };
    Move rest = { 0 };
    for (int i = 0; i < over.n; i++) {
        Axis from = over.at[i];
        for (int k = 0; k < rename->move->n; k++)
            if (rename->move->at[k].term[0].axis == over.at[i]) from = rename->move->at[k].from;
        before = axes_with(before, from);
    }
    for (int k = 0; k < rename->move->n; k++)
        if (!axes_have(&before, rename->move->at[k].from)) rest.at[rest.n++] = rename->move->at[k];
    Node *x = rename->in[0], *r = n->op == OP_sum ? contract_sum(g, x, before) : graph_fold(g, n->op, x, before);
    return graph_index(g, r, &rest, n->axes);
}

static bool is_term(const Move *move, Axis a)
{
    for (int i = 0; i < move->n; i++)
        for (int k = 0; k < move->at[i].n; k++)
            if (move->at[i].term[k].axis == a) return true;
    return false;
}

/* A place of renamed values is a place of the values: what it says of the new names holds for the old, and an axis that it kept gets its name
 * there. */
static Node *place_before_rename(Graph *g, Node *n)
{
    const Node *rename = n->in[0];
    if (!node_is_rename(rename)) return n;
    Move move = *n->move;
    for (int i = 0; i < rename->move->n; i++) {
        Axis from = rename->move->at[i].from, to = rename->move->at[i].term[0].axis;
        if (!is_term(n->move, to) && move.n == MAX_AXES) return n;
        if (!is_term(n->move, to)) move.at[move.n++] = (Coord){ .from = to, .n = 1, .term = { { from, 1 } } };
        for (int k = 0; k < n->move->n; k++)
            for (int j = 0; j < n->move->at[k].n; j++)
                if (n->move->at[k].term[j].axis == to) move.at[k].term[j].axis = from;
    }
    return graph_place(g, rename->in[0], &move, n->axes);
}

/* ---- Families ---- */

/* (x * a) * b with a and b small beside x: x * (a * b). */
static Node *small_factors_first(Graph *g, const Live *live, const Node *old, Node *n)
{
    if (n->op != OP_mul) return n;
    for (int k = 0; k < 2; k++) {
        Node *product = n->in[k], *b = n->in[1 - k];
        if (product->op != OP_mul || live->uses[old->in[k]->id] > 1) continue;
        for (int j = 0; j < 2; j++) {
            Node *x = product->in[1 - j], *a = product->in[j];
            Axes small = axes_union(&a->axes, &b->axes);
            if (a->op == OP_const || b->op == OP_const || axes_equal(&small, &x->axes)) continue;
            if (axes_within(&small, &x->axes)) return map2(g, OP_mul, x, map2(g, OP_mul, a, b));
        }
    }
    return n;
}

/* a * (b * c) where a * b is needed anyway: (a * b) * c, a factor less to be made, and a factor less to be kept for it: of x * sigmoid(x), whose
 * derivative then reads the product and not x. */
static Node *known_factors_first(Graph *g, const Live *live, const Node *old, Node *n)
{
    if (n->op != OP_mul) return n;
    for (int k = 0; k < 2; k++) {
        const Node *a = n->in[1 - k], *product = n->in[k];
        if (product->op != OP_mul || live->uses[old->in[k]->id] > 1) continue;
        for (int j = 0; j < 2; j++) {
            Node *known = live_product(live, a, product->in[j]);
            if (known) return map2(g, OP_mul, known, product->in[1 - j]);
        }
    }
    return n;
}

static Node *tidy_sum(Graph *g, const Live *live, const Node *old, Node *n)
{
    Node *x = n->in[0];
    bool shared = live->uses[old->in[0]->id] > 1;
    if (x->op == OP_sum && !shared) {
        Axes inner = node_over(x), outer = node_over(n);
        return contract_sum(g, x->in[0], axes_union(&inner, &outer));
    }
    if (shared && !is_expansive(x)) return n;
    return contract_sum(g, x, node_over(n));
}

static bool is_zero(const Node *n)
{
    while (n->op == OP_spread) n = n->in[0];
    return n->op == OP_const && n->value == 0;
}

/* A value between zeros is an index that reaches outside of it: a window over it then needs no copy but the plan's own margin. */
static Node *padding_as_index(Graph *g, Node *n)
{
    int at = -1;
    int64_t before = 0;
    for (int i = 0; i < n->n_in; i++) {
        if (is_zero(n->in[i])) {
            if (at < 0) before += n->part[i] ? axis_size(n->part[i]) : 1;
        } else if (at >= 0) {
            return n;
        } else {
            at = i;
        }
    }
    if (at < 0 || !n->part[at]) return n;
    Axes others = axes_without(n->axes, n->axis), own = axes_without(n->in[at]->axes, n->part[at]);
    if (!axes_equal(&others, &own)) return n;
    Move move = { .n = 1, .at = { { .from = n->part[at], .offset = -before, .n = 1, .term = { { n->axis, 1 } } } } };
    return graph_index(g, n->in[at], &move, n->axes);
}

Node *tidy_node(Graph *g, const Live *live, const Node *old, Node *n)
{
    if (n->op == OP_concat && old->op == OP_concat) return padding_as_index(g, n);
    if (op_info[n->op].family == FAMILY_FOLD && old->op == n->op) {
        Node *r = fold_before_rename(g, n);
        if (r != n) return r;
        return n->op == OP_sum ? tidy_sum(g, live, old, n) : n;
    }
    if (n->op == OP_dot && old->op == OP_dot) {
        Node *r = rename_after_dot(g, n);
        return r != n ? r : contract_dot(g, n->in[0], n->in[1], node_over(n));
    }
    if (n->op == OP_place && old->op == OP_place) return place_before_rename(g, n);
    if (op_info[n->op].family == FAMILY_MAP && old->op == n->op && old->n_in == n->n_in) {
        bool single = n->n_in == 2 && live->uses[old->in[0]->id] == 1 && live->uses[old->in[1]->id] == 1;
        Node *r = single ? add_sharing(g, n) : n;
        if (r != n) return r;
        return rename_after_map(g, known_factors_first(g, live, old, small_factors_first(g, live, old, n)));
    }
    return n;
}

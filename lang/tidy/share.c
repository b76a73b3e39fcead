/* share.c: a sum of two products that share a factor is one product, of matrices or value by value: a b + a c = a (b + c).
 *
 * The derivative of a matrix of products of the columns of x by x is such a sum: each column is a left factor once and a right factor once.
 * There b and c are one matrix and its transpose; where that is symmetric, as a covariance is, the sum is twice the matrix. */
#include "lang/tidy/tidy_inner.h"

/* A value whose axes go by other names; 0: an axis that is summed. */
typedef struct Named { Node *n; Axis to[MAX_AXES]; } Named;

static Named named(Node *n)
{
    Named x = { .n = n };
    for (int i = 0; i < n->axes.n; i++) x.to[i] = n->axes.at[i];
    return x;
}

static Axis name_of(const Named *x, Axis a)
{
    for (int i = 0; i < x->n->axes.n; i++)
        if (x->n->axes.at[i] == a) return x->to[i];
    return 0;
}

static Axis renamed_axis(const Move *move, Axis a)
{
    for (int i = 0; i < move->n; i++)
        if (move->at[i].from == a) return move->at[i].term[0].axis;
    return a;
}

/* The value below its renamings, with the names they give. */
static Named below_renames(Named x)
{
    while (node_is_rename(x.n)) {
        Named inner = { .n = x.n->in[0] };
        for (int i = 0; i < inner.n->axes.n; i++) inner.to[i] = name_of(&x, renamed_axis(x.n->move, inner.n->axes.at[i]));
        x = inner;
    }
    return x;
}

static Node *as_named(Graph *g, const Named *x)
{
    Move move = { 0 };
    Axes axes = { 0 };
    for (int i = 0; i < x->n->axes.n; i++) {
        Axis from = x->n->axes.at[i];
        axes = axes_with(axes, x->to[i]);
        if (x->to[i] != from) move.at[move.n++] = (Coord){ .from = from, .n = 1, .term = { { x->to[i], 1 } } };
    }
    return move.n ? graph_index(g, x->n, &move, axes) : x->n;
}

/* ---- Symmetry ---- */

static Axis swapped(Axis a, Axis i, Axis j) { return a == i ? j : a == j ? i : a; }

static bool commutes(Op op) { return op == OP_add || op == OP_mul || op == OP_eq || op == OP_ne || op == OP_max || op == OP_min || op == OP_dot; }

static bool same_swapped(Node *x, Node *y, Axis i, Axis j, int depth);

static bool same_operands(const Node *x, const Node *y, Axis i, Axis j, int depth)
{
    bool straight = true;
    for (int k = 0; k < x->n_in && straight; k++) straight = same_swapped(x->in[k], y->in[k], i, j, depth - 1);
    return straight || (commutes(x->op) && same_swapped(x->in[0], y->in[1], i, j, depth - 1) && same_swapped(x->in[1], y->in[0], i, j, depth - 1));
}

/* One array under two renamings that differ by the swap. */
static bool same_below(Node *x, Node *y, Axis i, Axis j)
{
    Named a = below_renames(named(x)), b = below_renames(named(y));
    if (a.n != b.n) return false;
    for (int k = 0; k < a.n->axes.n; k++)
        if (swapped(a.to[k], i, j) != b.to[k]) return false;
    return true;
}

/* Whether y is x with the axes i and j swapped, as far as can be seen. */
static bool same_swapped(Node *x, Node *y, Axis i, Axis j, int depth)
{
    if (same_below(x, y, i, j)) return true;
    if (!depth || x->op != y->op || x->n_in != y->n_in) return false;
    if (x->op == OP_iota) return swapped(x->axis, i, j) == y->axis;
    if (op_info[x->op].family != FAMILY_MAP && x->op != OP_dot) return false;
    for (int k = 0; k < x->axes.n; k++)
        if (!axes_have(&y->axes, swapped(x->axes.at[k], i, j))) return false;
    return same_operands(x, y, i, j, depth);
}

/* Whether b is a under names that differ by a swap of two axes in which the value is symmetric. */
static bool is_transpose_of_symmetric(const Named *a, const Named *b)
{
    enum { DEPTH = 6 };
    int differ[2], n = 0;
    if (a->n != b->n) return false;
    for (int k = 0; k < a->n->axes.n; k++) {
        if (a->to[k] == b->to[k]) continue;
        if (n == 2) return false;
        differ[n++] = k;
    }
    return n == 2 && a->to[differ[0]] == b->to[differ[1]] && a->to[differ[1]] == b->to[differ[0]]
        && same_swapped(a->n, a->n, a->n->axes.at[differ[0]], a->n->axes.at[differ[1]], DEPTH);
}

/* ---- Products ---- */

/* Operand k of a dot under the names of its result; what is summed has none. */
static Named operand_of(const Named *dot, int k)
{
    Named x = { .n = dot->n->in[k] };
    for (int i = 0; i < x.n->axes.n; i++) x.to[i] = name_of(dot, x.n->axes.at[i]);
    return x;
}

static bool names_equal(const Named *a, const Named *b)
{
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n->axes.n; i++)
        if (a->to[i] != b->to[i]) return false;
    return true;
}

/* Gives the summed axes of the factor that two dots share new names, and the same to the other factor of each.  False: that has a sum of its own. */
static bool name_sums(Graph *g, Named *shared, Node *const operand[2], Named *const other[2])
{
    Named own[2] = { named(operand[0]), named(operand[1]) };
    for (int k = 0; k < 2; k++) own[k] = below_renames(own[k]);
    for (int i = 0; i < shared->n->axes.n; i++) {
        if (shared->to[i]) continue;
        shared->to[i] = graph_fresh_axis(g, axis_size(shared->n->axes.at[i]));
        for (int k = 0; k < 2; k++)
            for (int j = 0; j < other[k]->n->axes.n; j++)
                if (other[k]->n->axes.at[j] == own[k].to[i]) other[k]->to[j] = shared->to[i];
    }
    for (int k = 0; k < 2; k++)
        for (int j = 0; j < other[k]->n->axes.n; j++)
            if (!other[k]->to[j]) return false;
    return true;
}

static Axes axes_named(const Named *x)
{
    Axes axes = { 0 };
    for (int i = 0; i < x->n->axes.n; i++) axes = axes_with(axes, x->to[i]);
    return axes;
}

/* a shared with x, and a shared with y: the product with what op makes of x and y; null where that does not pay. */
static Node *product_with_both(Graph *g, Op op, const Named *shared, Named x, Named y, const Axes *result)
{
    enum { SCALED = 16, ADDED = 128 };      /* multiply-adds that are saved for each value of x, at least */
    Axes axes = axes_named(&x), others = axes_named(&y), all = axes_named(shared);
    all = axes_union(&all, &axes);
    Axes over = axes_minus(&all, result);
    if (!axes_equal(&axes, &others)) return NULL;
    x = below_renames(x);
    y = below_renames(y);
    bool twice = op == OP_add && is_transpose_of_symmetric(&x, &y);
    if (axes_count(&all) / axes_count(&axes) < (twice ? SCALED : ADDED)) return NULL;
    Node *both = twice ? map2(g, OP_mul, as_named(g, &x), graph_const(g, 2)) : map2(g, op, as_named(g, &x), as_named(g, &y));
    return graph_dot(g, as_named(g, shared), both, over);
}

static Node *join_dots(Graph *g, Op op, const Named *a, const Named *b)
{
    Axes result = axes_named(a);
    for (int i = 0; i < 4; i++) {
        int left = i / 2, right = i % 2;
        Named shared = operand_of(a, left), same = operand_of(b, right), x = operand_of(a, 1 - left), y = operand_of(b, 1 - right);
        Node *operands[2] = { shared.n, same.n };
        Named *others[2] = { &x, &y };
        shared = below_renames(shared);
        same = below_renames(same);
        if (!names_equal(&shared, &same) || !name_sums(g, &shared, operands, others)) continue;
        Node *r = product_with_both(g, op, &shared, x, y, &result);
        if (r) return r;
    }
    return NULL;
}

/* ---- Sums of dots ---- */

/* Which operand is a factor or divisor without axes; -1: none. */
static int scale_at(const Node *x)
{
    if ((x->op == OP_mul || x->op == OP_div) && !x->in[1]->axes.n) return 1;
    return x->op == OP_mul && !x->in[0]->axes.n ? 0 : -1;
}

/* The value that is scaled. */
static Named without_scale(const Named *x, int at)
{
    Named inner = { .n = x->n->in[1 - at] };
    for (int i = 0; i < inner.n->axes.n; i++) inner.to[i] = name_of(x, inner.n->axes.at[i]);
    return inner;
}

static Node *add_dots(Graph *g, Node *n)
{
    enum { MOST_SCALES = 4 };
    Op scaled[MOST_SCALES];
    Node *by[MOST_SCALES];
    int scales = 0;
    Named a = below_renames(named(n->in[0])), b = below_renames(named(n->in[1]));
    while (scales < MOST_SCALES && a.n->op == b.n->op) {
        int at = scale_at(a.n), at_b = scale_at(b.n);
        if (at < 0 || at_b < 0 || a.n->in[at] != b.n->in[at_b]) break;
        scaled[scales] = a.n->op;
        by[scales++] = a.n->in[at];
        a = below_renames(without_scale(&a, at));
        b = below_renames(without_scale(&b, at_b));
    }
    Axes one = axes_named(&a), other = axes_named(&b);
    if (a.n->op != OP_dot || b.n->op != OP_dot || !axes_equal(&one, &other)) return NULL;
    Node *r = join_dots(g, n->op, &a, &b);
    if (!r) return NULL;
    while (scales--) r = map2(g, scaled[scales], r, by[scales]);
    return r;
}

/* ---- Sums of products value by value ---- */

static bool has_factor(const Node *product, const Node *factor, int depth)
{
    if (product == factor) return true;
    return depth && product->op == OP_mul && (has_factor(product->in[0], factor, depth - 1) || has_factor(product->in[1], factor, depth - 1));
}

enum { FACTOR_DEPTH = 5 };

/* The youngest factor, itself no product, that another product has too; null: none. */
static Node *youngest_shared(Node *product, const Node *other, int depth)
{
    if (product->op != OP_mul) return has_factor(other, product, FACTOR_DEPTH) ? product : NULL;
    if (!depth) return NULL;
    Node *a = youngest_shared(product->in[0], other, depth - 1), *b = youngest_shared(product->in[1], other, depth - 1);
    return a && (!b || a->id > b->id) ? a : b;
}

/* The product without one of its factors; null: it is that factor alone. */
static Node *without_factor(Graph *g, Node *product, const Node *factor)
{
    if (product == factor) return NULL;
    int at = has_factor(product->in[0], factor, FACTOR_DEPTH) ? 0 : 1;
    Node *left = without_factor(g, product->in[at], factor), *right = product->in[1 - at];
    return left ? map2(g, OP_mul, left, right) : right;
}

/* a b + a c: a (b + c), a the youngest of what they share, as what is older may be at hand: of a function's derivative, which is computed with the
 * function, a gradient needs one array then. */
static Node *add_products(Graph *g, Node *n)
{
    Node *x = n->in[0], *y = n->in[1];
    if (x->op != OP_mul || y->op != OP_mul || is_expansive(n)) return NULL;
    Node *shared = youngest_shared(x, y, FACTOR_DEPTH);
    if (!shared || shared->op == OP_const) return NULL;
    Node *b = without_factor(g, x, shared), *c = without_factor(g, y, shared);
    if (!axes_equal(&b->axes, &c->axes) && !axes_within(&b->axes, &c->axes) && !axes_within(&c->axes, &b->axes)) return NULL;
    return map2(g, OP_mul, shared, map2(g, n->op, b, c));
}

Node *add_sharing(Graph *g, Node *n)
{
    if (n->op != OP_add && n->op != OP_sub) return n;
    Node *r = add_dots(g, n);
    if (!r) r = add_products(g, n);
    return r ? graph_spread(g, r, n->axes) : n;
}

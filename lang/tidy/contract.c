/* contract.c: sums of products.
 *
 * What is summed is taken apart into factors and divisors.  Those that do not vary along the summed axes go outside.  The others are
 * grouped so that no product is formed that has more values than need be, and the last two groups meet in a dot. */
#include <math.h>
#include "lang/tidy/tidy_inner.h"

enum { MAX_FACTORS = 16 };

typedef struct Factors {
    int n;
    Node *at[MAX_FACTORS];
    double scale;               /* a number that multiplies all */
    Node *divisor;              /* null: none */
} Factors;

static bool touches(const Node *x, const Axes *over)
{
    Axes common = axes_common(&x->axes, over);
    return common.n > 0;
}

static bool is_ordinary(double v) { return fabs(v) > 1e-30 && fabs(v) < 1e30; }

/* Takes a product apart.  A divisor is taken out only where it does not vary along `over`.  pending: places that others will need. */
static void take_apart(Graph *g, Factors *f, Node *x, const Axes *over, int pending)
{
    bool room = f->n + pending + 2 <= MAX_FACTORS;
    if (x->op == OP_spread) x = x->in[0];
    if (x->op == OP_neg) {
        f->scale = -f->scale;
        take_apart(g, f, x->in[0], over, pending);
    } else if (x->op == OP_const && is_ordinary(x->value) && is_ordinary(f->scale * x->value)) {
        f->scale *= x->value;
    } else if (x->op == OP_mul && room) {
        take_apart(g, f, x->in[0], over, pending + 1);
        take_apart(g, f, x->in[1], over, pending);
    } else if (x->op == OP_div && !touches(x->in[1], over) && room) {
        f->divisor = f->divisor ? map2(g, OP_mul, f->divisor, x->in[1]) : x->in[1];
        take_apart(g, f, x->in[0], over, pending);
    } else {
        f->at[f->n++] = x;
    }
}

static int64_t count(const Node *x) { return axes_count(&x->axes); }

/* depth: how far down to look. */
static bool expands(const Node *x, int depth)
{
    bool known = x->op == OP_mul || x->op == OP_add || x->op == OP_sub || x->op == OP_neg;
    if (!known || !depth) return false;
    for (int i = 0; i < x->n_in; i++) {
        if (count(x->in[i]) < count(x)) continue;
        bool inner = expands(x->in[i], depth - 1);
        if (x->op == OP_mul || !inner) return inner;
    }
    return true;
}

bool is_expansive(const Node *x) { return expands(x, 6); }

/* ---- Grouping ---- */

static void drop(Factors *f, int at)
{
    for (f->n--; at < f->n; at++) f->at[at] = f->at[at + 1];
}

/* Multiplies factors whose axes are within another's: that costs no more values than are there. */
static void join_contained(Graph *g, Factors *f)
{
    for (int i = 0; i < f->n; i++)
        for (int j = 0; j < f->n; j++)
            if (i != j && axes_within(&f->at[j]->axes, &f->at[i]->axes) && f->n > 2) {
                f->at[i] = map2(g, OP_mul, f->at[i], f->at[j]);
                drop(f, j);
                i = -1;
                break;
            }
}

/* Axes of `over` that only these two factors have. */
static Axes own_axes(const Factors *f, int i, int j, const Axes *over)
{
    Axes both = axes_union(&f->at[i]->axes, &f->at[j]->axes), own = axes_common(&both, over);
    for (int k = 0; k < f->n; k++)
        if (k != i && k != j) own = axes_minus(&own, &f->at[k]->axes);
    return own;
}

/* Contracts two of the factors, the pair with the smallest result; axes summed by that leave `over`. */
static void join_pair(Graph *g, Factors *f, Axes *over)
{
    int best_i = 0, best_j = 1;
    double least = INFINITY;
    for (int i = 0; i < f->n; i++)
        for (int j = i + 1; j < f->n; j++) {
            Axes both = axes_union(&f->at[i]->axes, &f->at[j]->axes), own = own_axes(f, i, j, over), left = axes_minus(&both, &own);
            if ((double)axes_count(&left) >= least) continue;
            least = (double)axes_count(&left);
            best_i = i;
            best_j = j;
        }
    Axes own = own_axes(f, best_i, best_j, over);
    f->at[best_i] = graph_dot(g, f->at[best_i], f->at[best_j], own);
    *over = axes_minus(over, &own);
    drop(f, best_j);
}

/* Factors that do not vary along `over`, multiplied; the others stay.  A factor stays too where the result (`values` of them) has more
 * values than the factor it would stand beside. */
static Node *take_outer(Graph *g, Factors *f, const Axes *over, int64_t values)
{
    Node *outer = NULL;
    int64_t largest = 0;
    for (int i = 0; i < f->n; i++)
        if (touches(f->at[i], over) && count(f->at[i]) > largest) largest = count(f->at[i]);
    for (int i = f->n - 1; i >= 0; i--) {
        if (touches(f->at[i], over) || (values > largest && largest)) continue;
        outer = outer ? map2(g, OP_mul, outer, f->at[i]) : f->at[i];
        drop(f, i);
    }
    return outer;
}

/* The factor to which a number outside costs least. */
static void scale_smallest(Graph *g, Factors *f)
{
    int best = 0;
    for (int i = 1; i < f->n; i++)
        if (count(f->at[i]) < count(f->at[best])) best = i;
    f->at[best] = map2(g, OP_mul, f->at[best], graph_const(g, f->scale));
    f->scale = 1;
}

/* The sum of the product of the factors over axes; factors: at least one. */
static Node *contract(Graph *g, Factors *f, Axes over, Axes result)
{
    int64_t values = axes_count(&result), inner = 0;
    Node *outer = take_outer(g, f, &over, values);
    for (int i = 0; i < f->n; i++) inner = count(f->at[i]) > inner ? count(f->at[i]) : inner;
    if (f->scale != 1 && f->n && values > inner) scale_smallest(g, f);
    join_contained(g, f);
    while (f->n > 2) join_pair(g, f, &over), join_contained(g, f);
    Node *r = f->n == 2 ? graph_dot(g, f->at[0], f->at[1], over)
            : graph_fold(g, OP_sum, f->n ? f->at[0] : graph_const(g, 1), over);
    if (outer) r = map2(g, OP_mul, r, outer);
    if (f->scale != 1) r = map2(g, OP_mul, r, graph_const(g, f->scale));
    if (f->divisor) r = map2(g, OP_div, r, f->divisor);
    return graph_spread(g, r, result);
}

/* ---- Sums and dots ---- */

static bool is_sum(const Node *x) { return x->op == OP_add || x->op == OP_sub; }

Node *contract_sum(Graph *g, Node *x, Axes over)
{
    Axes result = axes_minus(&x->axes, &over);
    if (is_sum(x) && is_expansive(x)) {
        Node *a = contract_sum(g, graph_spread(g, x->in[0], x->axes), over);
        Node *b = contract_sum(g, graph_spread(g, x->in[1], x->axes), over);
        return graph_spread(g, map2(g, x->op, a, b), result);
    }
    Axes missing = axes_minus(&over, &x->axes);
    Node *base = x->op == OP_spread ? x->in[0] : x;
    Factors f = { .scale = 1 };
    take_apart(g, &f, base, &over, 0);
    if (f.n == 1 && f.at[0] == base && !missing.n) return graph_fold(g, OP_sum, x, over);
    return contract(g, &f, over, result);
}

Node *contract_dot(Graph *g, Node *x, Node *y, Axes over)
{
    Axes all = axes_union(&x->axes, &y->axes), result = axes_minus(&all, &over);
    Factors f = { .scale = 1 };
    take_apart(g, &f, x, &over, 1);
    take_apart(g, &f, y, &over, 0);
    if (f.n == 2 && f.at[0] == x && f.at[1] == y) return graph_dot(g, x, y, over);
    return contract(g, &f, over, result);
}

/* terms.c: sums of products of matrices: a weight's gradient by several uses (two views, data and negatives) is one.  Added up by a map, each product would be written
 * and read again; so they are one product with several pairs of matrices, whose sums stay in registers (emit_terms, in dot.c). */
#include "lang/plan/inside.h"

#include <string.h>

enum { MOST_TERMS = 16 };

typedef struct Found { Term at[MOST_TERMS]; Node *inner[MOST_TERMS]; int n, n_inner; } Found;

/* Whether a value is made for one other alone, and like `root`: at once, or in a loop's body, but not chunk by chunk. */
static bool is_inner(const Planner *p, const Node *root, const Node *n)
{
    const Info *info = &p->info[n->id];
    return info->uses == 1 && !info->chunked && !info->region && n->scope == root->scope && n->axes.n == root->axes.n;
}

/* Matrices on both sides, large enough for a product of matrices. */
static bool has_sides(const Node *dot)
{
    enum { LEAST = 16 };
    Axes left = axes_minus(&dot->in[0]->axes, &dot->in[1]->axes), right = axes_minus(&dot->in[1]->axes, &dot->in[0]->axes);
    Axes sides = axes_union(&left, &right);
    return axes_equal(&sides, &dot->axes) && axes_count(&left) >= LEAST && axes_count(&right) >= LEAST;
}

/* Whether x is a sum of products (or one) that nothing else needs; names: of the root's axes in it. */
static bool find_terms(const Planner *p, Found *found, const Node *root, Node *x, Shape names)
{
    for (;;) {
        x = node_below(x);
        if (!is_inner(p, root, x)) return false;
        if (!node_is_rename(x)) break;
        x = below_rename(x, &names);
    }
    for (int i = 0; i < names.n; i++)
        if (!axes_have(&x->axes, names.at[i])) return false;
    if (x->op == OP_dot) {
        if (found->n == MOST_TERMS || !has_sides(x)) return false;
        found->at[found->n++] = (Term){ x, names };
        return true;
    }
    if (x->op != OP_add || found->n_inner == MOST_TERMS) return false;
    found->inner[found->n_inner++] = x;
    return find_terms(p, found, root, x->in[0], names) && find_terms(p, found, root, x->in[1], names);
}

static void join_terms(Planner *p, Node *root)
{
    Found found = { .n = 0 };
    Shape names = { .n = root->axes.n };
    Info *info = info_of(p, root);
    if (info->chunked || info->region || info->in_terms) return;
    for (int i = 0; i < names.n; i++) names.at[i] = root->axes.at[i];
    if (!find_terms(p, &found, root, root->in[0], names) || !find_terms(p, &found, root, root->in[1], names)) return;
    info->n_terms = found.n;
    info->terms = ARENA_ARRAY(&p->work, Term, found.n);
    memcpy(info->terms, found.at, (size_t)found.n * sizeof *found.at);
    for (int i = 0; i < found.n; i++) info_of(p, found.at[i].dot)->in_terms = true;
    for (int i = 0; i < found.n_inner; i++) info_of(p, found.inner[i])->in_terms = true;
}

/* Users before what they use, so that a sum is found whole. */
void find_sums(Planner *p)
{
    for (uint32_t id = graph_size(p->graph); id-- > 0;)
        if (p->needed[id] && graph_node(p->graph, id)->op == OP_add) join_terms(p, graph_node(p->graph, id));
}

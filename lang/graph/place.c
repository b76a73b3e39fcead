/* place.c: where draws stand.  A draw is keyed by the names of the values that it is drawn for, through all calls that lead to it, so
 * that a line added elsewhere changes no draw. */
#include <string.h>
#include "lang/graph/builder.h"

static bool is_same_word(const Expr *a, const Expr *b)
{
    return a->kind == b->kind && a->span.source == b->span.source && (a->kind != EXPR_NAME || !strcmp(a->name.text, b->name.text));
}

static int count_before(const Expr *in, const Expr *e)
{
    if (!in || in->span.source != e->span.source || in->span.start > e->span.start) return 0;
    int n = is_same_word(in, e) && in->span.start < e->span.start;
    for (int i = 0; i < 3; i++) n += count_before(in->kid[i], e);
    for (int i = 0; i < in->list.n; i++) n += count_before(in->list.at[i], e);
    for (int i = 0; i < in->n_args; i++) n += count_before(in->args[i].value, e);
    for (int i = 0; i < in->n_subscripts; i++)
        n += count_before(in->subscripts[i].at, e) + count_before(in->subscripts[i].low, e) + count_before(in->subscripts[i].high, e);
    if (!in->infer) return n;
    const Infer *x = in->infer;
    n += count_before(x->of, e) + count_before(x->under, e) + count_before(x->by, e);
    for (int i = 0; i < x->from.n; i++) n += count_before(x->from.at[i], e);
    for (int i = 0; i < x->given.n; i++) n += count_before(x->given.at[i], e);
    return n;
}

/* How many-th of its like e is in the expression being built: f(x) + f(x) are two places. */
int turn_of(const Builder *b, const Expr *e)
{
    return b->at.root ? count_before(b->at.root, e) : e->site;
}

/* Goes to a statement that binds `name`, or to one without a name, which its text tells from others. */
void place_at(Builder *b, const Expr *value, const char *name)
{
    b->at.root = value;
    b->at.chain = mix_hash(b->at.chain, name ? name : expr_text(b, value), name ? 4 : 5);
}

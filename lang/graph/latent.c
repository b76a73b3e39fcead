/* latent.c: exact() where no place of the sought arrays acts on another, as in the hidden layer of a restricted Boltzmann machine: the sum
 * over all states is a product of sums, one for each place. */
#include <string.h>
#include "lang/graph/finite.h"

static Node *sum_places(const Finite *f, int part, Node *node)
{
    Axes places = axes_of(f->at[part].shape);
    Axes all = axes_union(&places, &node->axes);
    return graph_fold(f->b->g, OP_sum, graph_spread(f->b->g, node, all), places);
}

static Value *least_parts(Inference *x, const Finite *f, Node *const *slope)
{
    Value *out[MAX_BINDERS];
    for (int i = 0; i < f->n; i++) out[i] = finite_value(f, &x->at[i], i, finite_least(f, i, slope[i]));
    return together(x->b, out, f->n);
}

static Value *drawn_parts(Inference *x, const Finite *f, Node *const *slope)
{
    Builder *b = x->b;
    uint64_t chain = b->at.chain;
    Value *out[MAX_BINDERS];
    b->at.chain = mix_hash(chain, x->at[0].name.text, (uint64_t)turn_of(b, x->e));
    for (int i = 0; i < f->n; i++)
        out[i] = finite_value(f, &x->at[i], i, graph_stop(b->g, finite_drawn(f, i, slope[i], finite_luck(f, i, x->at[i].name.text))));
    b->at.chain = chain;
    return together(b, out, f->n);
}

/* The expected value of a function that is itself affine in every place: its value at the means. */
static Value *expected(Inference *x, Finite *f, Shape items, Node *const *slope, bool *serves)
{
    Builder *b = x->b;
    Value *v[MAX_BINDERS] = { NULL };
    for (int i = 0; i < f->n; i++) v[i] = finite_value(f, &x->at[i], i, f->at[i].value);
    Value *e = apply_values(b, energy_closure(x, x->infer->of, items), v, f->n, x->infer->of->span);
    if (e->kind != VALUE_ARRAY) return b->none;
    Node *p = finite_polynomial(f, e->node), *total, *own[MAX_BINDERS], *from[MAX_BINDERS], *to[MAX_BINDERS];
    *serves = p != NULL;
    if (!p) return b->none;
    total = graph_fold(b->g, OP_sum, p, axes_of(e->shape));
    finite_slopes(f, total, own);
    for (int i = 0; i < f->n; i++) {
        Touches t = touches_of(f, i, own[i]);
        *serves &= !touches_itself(f, i, &t);
        from[i] = f->at[i].state;
        to[i] = finite_mean(f, i, slope[i]);
    }
    if (!*serves) return b->none;
    graph_substitute(b->g, &p, 1, from, to, f->n);
    return array(b, p, e->shape);
}

Value *solve_independent(Inference *x, Shape items, bool *serves, const Node **couples)
{
    Builder *b = x->b;
    Finite f = { 0 };
    *serves = true;
    *couples = NULL;
    if (!finite_parts(x, &f, b->at.given != NULL)) return b->none;
    bool expect = x->infer->kind == INFER_EXPECTATION;
    Node *e = finite_energy(x, &f, energy_closure(x, expect ? x->infer->under : x->infer->of, items)), *slope[MAX_BINDERS];
    if (!e && !f.refused) return b->none;
    *couples = f.refused;
    *serves = e != NULL;
    if (!e) return b->none;
    stand_at(b, x->e->span);
    finite_slopes(&f, e, slope);
    for (int i = 0; i < f.n; i++)
        for (int k = 0; k < f.n; k++) if (graph_depends(b->g, slope[i], f.at[k].state)) *serves = false;
    if (!*serves) {
        *couples = finite_meeting(&f, e);
        return b->none;
    }
    if (x->infer->kind == INFER_ARGMAX) for (int i = 0; i < f.n; i++) slope[i] = graph_map(b->g, OP_neg, slope[i], NULL, NULL);
    if (b->at.given) for (int i = 0; i < f.n; i++) slope[i] = finite_observed(&f, i, slope[i]);
    switch (x->infer->kind) {
    case INFER_ARGMIN: case INFER_ARGMAX: return least_parts(x, &f, slope);
    case INFER_SAMPLE: return drawn_parts(x, &f, slope);
    case INFER_EXPECTATION: return expected(x, &f, items, slope, serves);
    case INFER_MARGINAL: break;
    }
    Node *free = finite_rest(&f, e);
    for (int i = 0; i < f.n; i++) free = graph_map(b->g, OP_add, free, sum_places(&f, i, finite_free(&f, i, slope[i])), NULL);
    return array(b, free, shape_none());
}

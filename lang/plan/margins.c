/* margins.c: which terms of a product are zeros that an index reaches around its source, as a convolution does around an image: the machine leaves
 * them out.  The values stay the same, and so do their bits: what is left out would add 0 to sums in an order that stays as it is. */
#include "lang/plan/inside.h"

static bool reaches_outside(const Coord *c)
{
    int64_t high = c->offset;
    for (int k = 0; k < c->n; k++) high += c->term[k].coef * (axis_size(c->term[k].axis) - 1);
    return c->offset < 0 || high >= axis_size(c->from);
}

/* The dim of the instruction that goes along the axis and no other; -1: none. */
static int dim_along(const Nest *nest, Axis axis)
{
    for (int d = 0; d < nest->n; d++)
        if (nest->dim[d].axis == axis) return d;
    return -1;
}

/* A sum must be written where all its terms are left out, too: one dim leads to the sum, the other along it.  What is added to a place that nobody wants
 * need not be made at all. */
static bool can_leave_out(const Instr *instr, const Margin *m)
{
    int outer = instr->n_dims - 3 - instr->sums, summed = 0;
    for (int k = 0; k < 2; k++) {
        if (m->dim[k] < 0 || m->dim[k] >= instr->n_dims - 3 || m->coef[k] <= 0) return false;
        summed += m->dim[k] >= outer;
    }
    return summed == (instr->flag ? 0 : 1);
}

void find_margins(Planner *p, Instr *instr, const Nest *nest, const Move *move)
{
    for (int i = 0; i < move->n; i++) {
        const Coord *c = &move->at[i];
        if (c->n != 2 || c->wrap || !reaches_outside(c)) continue;
        Margin m = { .offset = c->offset, .size = axis_size(c->from) };
        for (int k = 0; k < 2; k++) {
            m.dim[k] = dim_along(nest, c->term[k].axis);
            m.coef[k] = c->term[k].coef;
        }
        if (!can_leave_out(instr, &m)) continue;
        if (!instr->margins) instr->margins = ARENA_ARRAY(p->memory, Margin, 2 * MAX_AXES);
        instr->margins[instr->n_margins++] = m;
    }
}

const Move *move_of_zeros(const Node *n)
{
    while (n->op == OP_spread || n->op == OP_stop) n = n->in[0];
    return n->op == OP_index && !node_is_rename(n) ? n->move : NULL;
}

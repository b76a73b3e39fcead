/* leaf.c: values that are made from nothing: counts and random draws. */
#include "lang/plan/inside.h"

void emit_iota(Planner *p, Node *n)
{
    View to = view_for(p, n);
    Nest nest;
    nest_begin(&nest, (const View *[]){ &to }, 1);
    nest_axis(p, &nest, n->axis, lane_of(p, n));
    instr_add(p, nest_instr(p, &nest, INSTR_IOTA, n));
}

/* Numbers of elements as if they were memory: item and feature of each place.  Items are the leading item axes of the shape (the
 * first axis at least), features the rest, both row-major. */
static void number_elements(const Shape *shape, View *item, View *feature)
{
    int items = shape->n > 0;
    while (items < shape->n && axis_is_item(shape->at[items - 1]) && axis_is_item(shape->at[items])) items++;
    *item = (View){ .buffer = -1 };
    *feature = (View){ .buffer = -1 };
    int64_t stride = 1;
    for (int i = items - 1; i >= 0; i--) {
        view_set(item, shape->at[i], stride);
        stride *= axis_size(shape->at[i]);
    }
    stride = 1;
    for (int i = shape->n - 1; i >= items; i--) {
        view_set(feature, shape->at[i], stride);
        stride *= axis_size(shape->at[i]);
    }
}

enum { TO, ITEM, FEATURE };

/* Puts the dim along which numbers of one sort follow each other last (the longest), or a dim of size 1. */
static void put_run_last(Nest *nest, int sort, int movable)
{
    int best = -1;
    for (int d = 0; d < movable; d++) {
        const NestDim *dim = &nest->dim[d];
        bool alone = dim->stride[sort] == 1 && dim->stride[ITEM + FEATURE - sort] == 0;
        if (alone && (best < 0 || dim->size > nest->dim[best].size)) best = d;
    }
    if (best >= 0) nest_last(nest, best);
    else nest_dim(nest, 1, (int64_t[]){ 0, 0, 0 });
}

static void emit_draws(Planner *p, Node *n, Instr **made)
{
    View to = view_for(p, n), item, feature;
    number_elements(n->to, &item, &feature);
    Nest nest;
    nest_begin(&nest, (const View *[]){ &to, &item, &feature }, 3);
    for (int i = 0; i < n->axes.n; i++) nest_axis(p, &nest, n->axes.at[i], lane_of(p, n));
    nest_tidy(&nest);
    int movable = nest.n;
    put_run_last(&nest, ITEM, movable);
    put_run_last(&nest, FEATURE, nest.n == movable ? movable - 1 : movable);
    *made = nest_instr(p, &nest, n->kind == RANDOM_UNIFORM ? INSTR_UNIFORM : INSTR_NORMAL, n);
    split_instr(p, *made, 0, (*made)->n_dims, 20);
}

static void emit_places(Planner *p, Node *n, Instr **made)
{
    View to = view_for(p, n);
    Nest nest;
    nest_begin(&nest, (const View *[]){ &to }, 1);
    nest_axis(p, &nest, n->axes.at[0], 0);
    *made = nest_instr(p, &nest, n->kind == RANDOM_CHOOSE ? INSTR_CHOOSE : INSTR_ROWS, n);
    (*made)->size = n->size;
}

/* fixed + sum factor * (pass of a loop): a pass, a number where a loop has been unrolled, a pass counted down by a backward loop, or counted on
 * from segment to segment. */
typedef struct Pass { int64_t fixed; int n; const Loop *loop[MAX_TERMS]; int64_t factor[MAX_TERMS]; } Pass;

static bool add_pass(Pass *sum, const Pass *x, int64_t factor)
{
    sum->fixed += factor * x->fixed;
    for (int k = 0; k < x->n; k++) {
        if (sum->n == MAX_TERMS) return false;
        sum->loop[sum->n] = x->loop[k];
        sum->factor[sum->n++] = factor * x->factor[k];
    }
    return true;
}

static bool pass_of(const Node *n, Pass *pass)
{
    Pass x, y;
    *pass = (Pass){ 0 };
    switch (n->op) {
    case OP_time:  *pass = (Pass){ 0, 1, { n->loop }, { 1 } }; return true;
    case OP_const: pass->fixed = (int64_t)n->value; return true;
    case OP_neg:   return pass_of(n->in[0], &x) && add_pass(pass, &x, -1);
    case OP_add: case OP_sub:
        return pass_of(n->in[0], &x) && pass_of(n->in[1], &y) && add_pass(pass, &x, 1) && add_pass(pass, &y, n->op == OP_sub ? -1 : 1);
    case OP_mul:
        if (!pass_of(n->in[0], &x) || !pass_of(n->in[1], &y) || (x.n && y.n)) return false;
        return x.n ? add_pass(pass, &x, y.fixed) : add_pass(pass, &y, x.fixed);
    default: return false;
    }
}

/* A draw's key holds the passes of the loops around it. */
static void set_time(Planner *p, Instr *instr, int i, const Node *time)
{
    Pass pass;
    if (!pass_of(time, &pass)) {
        p->failed = true;
        diag_error(p->diagnostics, "E0904", instr->origin ? instr->origin->span : (Span){ 0 }, "a draw in a loop depends on more than the loop's pass");
        return;
    }
    PassNumber *number = &instr->time[i];
    number->fixed = pass.fixed;
    number->n = pass.n;
    for (int k = 0; k < pass.n; k++) {
        number->term[k].depth = p->loops[pass.loop[k]->id].depth;
        number->term[k].factor = pass.factor[k];
    }
}

void emit_random(Planner *p, Node *n)
{
    Instr *instr;
    if (n->kind == RANDOM_UNIFORM || n->kind == RANDOM_NORMAL) emit_draws(p, n, &instr);
    else emit_places(p, n, &instr);
    instr->key = n->key;
    instr->n_times = n->n_in < MAX_DEPTH ? n->n_in : MAX_DEPTH;
    instr->time = ARENA_ARRAY(p->memory, PassNumber, n->n_in + 1);
    for (int i = 0; i < n->n_in && i < MAX_DEPTH; i++) set_time(p, instr, i, n->in[i]);
    instr_add(p, instr);
}

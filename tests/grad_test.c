/* grad_test.c: every op's derivative, generated from the table of ops: random axes, first and second derivative in both modes against
 * differences; loops, moves and solvers; and the same tests on wrong rules, all of which they must find. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/bench.h"

static Node *map1(Bench *b, Op op, Node *x)          { return graph_map(b->g, op, x, NULL, NULL); }
static Node *map2(Bench *b, Op op, Node *x, Node *y) { return graph_map(b->g, op, x, y, NULL); }
static Node *number(Bench *b, double v)              { return graph_const(b->g, v); }

/* ---- One random use of an op ---- */

/* A coordinate along an axis: shifted, mirrored, strided, windowed, wrapped or fixed. */
static Coord random_coord(Bench *b, Axis from)
{
    Axis free1 = axis_make(axis_size(from), 40 + axis_number(from)), free2 = axis_make(2, 50 + axis_number(from));
    Coord c = { .from = from, .n = 1, .term = { { from, 1 } } };
    switch (bench_choose(b, 7)) {
    case 0: c.offset = bench_choose(b, 3) - 1; break;
    case 1: c.term[0].axis = free1; c.term[0].coef = -1; c.offset = axis_size(from) - 1; break;
    case 2: c.term[0].axis = free2; c.term[0].coef = 2; c.offset = bench_choose(b, 2); break;
    case 3: c.n = 2; c.term[0].axis = free1; c.term[1].axis = free2; c.term[1].coef = 1; c.offset = -bench_choose(b, 2); break;
    case 4: c.wrap = true; c.offset = bench_choose(b, 4); break;
    case 5: c.n = 0; c.offset = bench_choose(b, (int)axis_size(from)); break;
    default: c.n = 2; c.wrap = true; c.term[0].axis = free1; c.term[1].axis = free2; c.term[1].coef = 2; break;
    }
    return c;
}

static Axes moved(Axes axes, const Move *move)
{
    for (int i = 0; i < move->n; i++) axes = axes_without(axes, move->at[i].from);
    for (int i = 0; i < move->n; i++)
        for (int k = 0; k < move->at[i].n; k++) axes = axes_with(axes, move->at[i].term[k].axis);
    return axes;
}

static Move random_move(Bench *b, const Axes *axes)
{
    Move move = { 0 };
    for (int i = 0; i < axes->n; i++)
        if (bench_choose(b, 3)) move.at[move.n++] = random_coord(b, axes->at[i]);
    if (axes->n >= 2 && bench_choose(b, 4) == 0) {      /* the diagonal of the first two */
        move.n = 1;
        move.at[0] = (Coord){ .from = axes->at[0], .n = 1, .term = { { axes->at[1], 1 } } };
    }
    return move;
}

/* Places along an axis for all of some axes; distinct along `distinct`. */
static Node *random_places(Bench *b, Axis axis, Axes axes, Axis distinct)
{
    int64_t size = axis_size(axis), count = axes_count(&axes);
    double v[count];
    int64_t inner = 1, i = axes.n - 1;
    while (i >= 0 && axes.at[i] != distinct) inner *= axis_size(axes.at[i--]);
    for (int64_t k = 0; k < count; k++) {
        int64_t place = distinct ? (k / inner % axis_size(distinct) + k / (inner * axis_size(distinct))) : bench_choose(b, (int)size);
        v[k] = (double)(place % size);
    }
    return bench_leaf_of(b, axes, v);
}

static Node *random_concat(Bench *b, Node **in, int *n)
{
    Axes rest = axes_with(axes_one(b->axis[0]), b->axis[1]), other = axes_one(b->axis[1]);
    Axis part[3] = { b->axis[2], 0, axis_make(3, 61) };
    in[0] = bench_leaf(b, axes_with(other, part[0]), "-2 2");
    in[1] = bench_leaf(b, rest, "-2 2");
    in[2] = bench_leaf(b, axes_one(part[2]), "-2 2");
    *n = 3;
    return graph_concat(b->g, in, part, 3, axis_make(axis_size(part[0]) + 1 + 3, 62));
}

/* z = argmin of sum(p z^2/2 + z^4/4) - x.z, found by Newton's method in a loop. */
static Node *implicit_use(Bench *b, Node **in, int *n)
{
    Axes axes = axes_one(b->axis[1]);
    Node *x = in[0] = bench_leaf(b, axes, "-2 2"), *p = in[1] = bench_leaf(b, axes, ".5 2");
    *n = 2;
    Loop *loop = graph_loop_open(b->g, NULL, 40);
    Node *z = graph_carry(b->g, loop, graph_spread(b->g, number(b, 0), axes), axes);
    Node *coupling = graph_spread(b->g, map2(b, OP_mul, number(b, .3), graph_fold(b->g, OP_sum, z, axes)), axes);
    Node *f = map2(b, OP_sub, map2(b, OP_add, map2(b, OP_add, map2(b, OP_mul, p, z), map2(b, OP_pow, z, number(b, 3))), coupling), x);
    Node *slope = map2(b, OP_add, map2(b, OP_add, p, map2(b, OP_mul, number(b, 3), map2(b, OP_mul, z, z))), number(b, 1));
    graph_loop_next(b->g, loop, 0, map2(b, OP_sub, z, map2(b, OP_div, f, slope)));
    graph_loop_close(b->g, loop);
    Node *stopped = graph_stop(b->g, graph_result(b->g, loop, 0)), *residual = f;
    graph_substitute(b->g, &residual, 1, &z, &stopped, 1);
    return graph_implicit(b->g, stopped, residual);
}

/* A loop with a draw, a captured value, a kept value, a value read by the number of the pass, and an inner loop. */
static Node *loop_use(Bench *b, Node **in, int *n, bool nested)
{
    Graph *g = b->g;
    Axes axes = axes_one(b->axis[1]);
    Axis passes = axis_make(4, 70);
    Node *x = in[0] = bench_leaf(b, axes, "-1 1"), *w = in[1] = bench_leaf(b, axes_with(axes, b->axis[0]), "-1 1");
    Node *read = in[2] = bench_leaf(b, axes_with(axes_one(passes), b->axis[1]), "-1 1");
    *n = 3;
    Loop *loop = graph_loop_open(g, NULL, 4);
    Node *a = graph_carry(g, loop, x, axes), *c = graph_carry(g, loop, number(b, .5), axes);
    Shape shape = { .n = 1, .at = { b->axis[1] } };
    Node *noise = graph_random(g, RANDOM_NORMAL, 7, 0, shape, &loop->time, 1);
    Node *h = map1(b, OP_tanh, graph_dot(g, map2(b, OP_mul, w, a), w, axes_one(b->axis[0])));
    Node *now = graph_gather(g, read, passes, loop->time);
    if (nested) {
        Loop *inner = graph_loop_open(g, loop, 3);
        Node *q = graph_carry(g, inner, a, axes);
        Node *step = map2(b, OP_mul, map1(b, OP_sin, map2(b, OP_add, q, c)), graph_rename(g, graph_fold(g, OP_sum, w, axes_one(b->axis[0])), 0, 0));
        graph_loop_next(g, inner, 0, map2(b, OP_add, q, map2(b, OP_mul, step, map2(b, OP_add, inner->time, number(b, .5)))));
        graph_loop_close(g, inner);
        h = map2(b, OP_add, h, graph_result(g, inner, 0));
    }
    graph_loop_next(g, loop, 0, map2(b, OP_add, map2(b, OP_mul, h, now), map2(b, OP_mul, noise, c)));
    graph_loop_next(g, loop, 1, map2(b, OP_sub, c, map2(b, OP_mul, number(b, .3), a)));
    int kept = graph_loop_keep(g, loop, map2(b, OP_mul, h, c), passes);
    graph_loop_close(g, loop);
    Node *collected = graph_result(g, loop, loop->n_carry + kept), *last = graph_result(g, loop, 0);
    Node *first = graph_result(g, loop, 1);
    return map2(b, OP_add, collected, map2(b, OP_mul, last, first));
}

static Node *move_use(Bench *b, Op op, Node **in, int *n)
{
    Graph *g = b->g;
    Axis axis = b->axis[2], over = axis_make(3, 60);
    Axes x_axes = axes_with(bench_axes(b), axis);
    Node *x = in[0] = op == OP_place ? NULL : bench_leaf(b, x_axes, "-2 2");
    Axes where = axes_with(bench_choose(b, 2) ? axes_one(b->axis[1]) : axes_one(b->axis[0]), over);
    *n = 1;
    switch (op) {
    case OP_spread: return graph_spread(g, x, axes_one(axis_make(3, 9)));
    case OP_stop: return map2(b, OP_add, x, map2(b, OP_mul, number(b, 0), graph_stop(g, x)));
    case OP_index: { Move m = random_move(b, &x_axes); return graph_index(g, x, &m, moved(x_axes, &m)); }
    case OP_place: {
        Move m = random_move(b, &x_axes);
        in[0] = bench_leaf(b, moved(x_axes, &m), "-2 2");
        return graph_place(g, in[0], &m, x_axes);
    }
    case OP_reshape: {
        x = in[0] = bench_leaf(b, axes_with(x_axes, b->axis[0]), "-2 2");
        Shape from = { .n = 2, .at = { axis, b->axis[0] } }, to = { .n = 2, .at = { axis_make(2, 80), axis_make(4, 81) } };
        return graph_reshape(g, x, from, to);
    }
    case OP_concat: return random_concat(b, in, n);
    case OP_gather: return graph_gather(g, x, axis, random_places(b, axis, where, 0));
    case OP_scatter: {
        Axes v_axes = axes_without(x_axes, axis);
        if (bench_choose(b, 2)) v_axes = axes_with(v_axes, over);
        in[0] = bench_leaf(b, v_axes, "-2 2");
        return graph_scatter(g, in[0], random_places(b, axis, where, 0), axis, bench_choose(b, 2) ? axes_one(over) : where);
    }
    case OP_put: {
        Node *v = in[1] = bench_leaf(b, bench_choose(b, 2) ? where : axes_one(over), "-2 2");
        *n = 2;
        return graph_put(g, x, axis, random_places(b, axis, where, over), v, axes_one(over));
    }
    case OP_cumsum: return graph_along(g, op, x, axis, bench_choose(b, 2));
    case OP_implicit: return implicit_use(b, in, n);
    case OP_loop: return loop_use(b, in, n, true);
    case OP_result: return loop_use(b, in, n, false);
    default: fail_msg("no test for the derivative of %s", op_info[op].name); return NULL;
    }
}

static Node *use(Bench *b, Op op, Node **in, int *n)
{
    const OpInfo *info = &op_info[op];
    *n = info->operands;
    for (int k = 0; k < *n && info->family <= FAMILY_DOT; k++) {
        Axes axes = bench_axes(b);
        if (info->family != FAMILY_MAP) axes = axes_with(axes, b->axis[1]);
        in[k] = bench_leaf(b, axes, info->fuzz);
    }
    switch (info->family) {
    case FAMILY_MAP: return graph_map(b->g, op, in[0], in[1], in[2]);
    case FAMILY_FOLD: return graph_fold(b->g, op, in[0], axes_with(bench_axes(b), b->axis[1]));
    case FAMILY_DOT: return graph_dot(b->g, in[0], in[1], axes_with(bench_axes(b), b->axis[1]));
    default: return move_use(b, op, in, n);
    }
}

static bool has_rule(Op op)
{
    for (int k = 0; k < 3; k++)
        if (op_info[op].vjp[k] && strcmp(op_info[op].vjp[k], "0")) return true;
    return op_info[op].family == FAMILY_MAP;
}

/* Bends the value, so that a second derivative sees the cotangent change. */
static Node *bent_scalar(Bench *b, Node *r)
{
    return bench_scalar(b, map2(b, OP_add, r, map2(b, OP_mul, number(b, .1), map2(b, OP_mul, r, r))));
}

static double try_op(Op op, uint64_t seed, RuleChange *change)
{
    Bench b;
    Node *in[4] = { 0 };
    int n;
    bench_begin(&b, seed);
    b.change = change;
    Node *scalar = bent_scalar(&b, use(&b, op, in, &n));
    double error = bench_error(&b, scalar, in, n, 2);
    const char *broken = graph_check(b.g, (Node *const[]){ graph_node(b.g, graph_size(b.g) - 1), scalar }, 2);
    if (broken) fail_msg("%s", broken);
    bench_end(&b);
    return error;
}

enum { TRIALS = 12 };

static void all_ops_agree_with_differences(void **state)
{
    (void)state;
    for (int op = 0; op < OP_COUNT; op++) {
        if (!has_rule((Op)op)) continue;
        int trials = op == OP_implicit || op == OP_loop || op == OP_result ? 2 : TRIALS;
        for (int i = 0; i < trials; i++) {
            double error = try_op((Op)op, (uint64_t)(1000 * op + i), NULL);
            if (!(error < 2e-6)) fail_msg("derivative of %s, trial %d: error %g", op_info[op].name, i, error);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ops_agree_with_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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
    return graph_implicit(b->g, stopped, residual, true);
}

/* A loop with a draw, a captured value, a kept value, a value read by the number of the pass, and an inner loop. */
static Node *loop_use(Bench *b, Node **in, int *n, bool nested, int64_t times)
{
    Graph *g = b->g;
    Axes axes = axes_one(b->axis[1]);
    Axis passes = axis_make(times, 70);
    Node *x = in[0] = bench_leaf(b, axes, "-1 1"), *w = in[1] = bench_leaf(b, axes_with(axes, b->axis[0]), "-1 1");
    Node *read = in[2] = bench_leaf(b, axes_with(axes_one(passes), b->axis[1]), "-1 1");
    *n = 3;
    Loop *loop = graph_loop_open(g, NULL, times);
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
    case OP_spread: {           /* maps do without spreads, but joining does not */
        Axis joined = axis_make(4, 9);
        Node *both[2] = { graph_spread(g, x, axes_one(axis_make(3, 8))), number(b, .5) };
        return graph_concat(g, both, (Axis[]){ axis_make(3, 8), 0 }, 2, joined);
    }
    case OP_svdvals: case OP_svdvectors: {     /* the diagonal keeps the values apart */
        Axis rows = b->axis[bench_choose(b, 2) ? 1 : 2], columns = b->axis[rows == b->axis[1] ? 2 : 1], out = axis_make(3, 71);
        Node *turn = in[0] = bench_leaf(b, axes_with(axes_with(bench_choose(b, 2) ? axes_one(b->axis[0]) : axes_one(rows), rows), columns), "-.5 .5");
        Node *same = map2(b, OP_eq, graph_iota(g, rows), graph_iota(g, columns));
        Node *matrix = map2(b, OP_add, turn, map2(b, OP_mul, same, map2(b, OP_add, number(b, 1), map2(b, OP_mul, number(b, 1.5), graph_iota(g, rows)))));
        return op == OP_svdvals ? graph_svdvals(g, matrix, rows, columns, out) : graph_svdvectors(g, matrix, rows, columns, out, bench_choose(b, 2));
    }
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
    case OP_loop: return loop_use(b, in, n, true, 4);
    case OP_result: return loop_use(b, in, n, false, 4);
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
    if (op == OP_select) return graph_map(b->g, op, map2(b, OP_lt, in[0], number(b, 0)), in[1], in[2]);
    switch (info->family) {
    case FAMILY_MAP: return graph_map(b->g, op, in[0], in[1], in[2]);
    case FAMILY_FOLD: return graph_fold(b->g, op, in[0], op == OP_prod ? axes_one(b->axis[1]) : axes_with(bench_axes(b), b->axis[1]));
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

/* Bends the value, so that a second derivative sees the cotangent change (and nothing is simplified away). */
static Node *bent_scalar(Bench *b, Node *r)
{
    return bench_scalar(b, map1(b, OP_sin, r));
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

/* By the name, so that a row more in the table moves no other op's inputs. */
static uint64_t seed_of(Op op, int trial)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (const char *c = op_info[op].name; *c; c++) h = (h ^ (uint64_t)*c) * 0x100000001b3u;
    return 1000 * (h >> 40) + (uint64_t)trial;
}

static void all_ops_agree_with_differences(void **state)
{
    (void)state;
    for (int op = 0; op < OP_COUNT; op++) {
        if (!has_rule((Op)op)) continue;
        int trials = op == OP_implicit || op == OP_loop || op == OP_result ? 2 : TRIALS;
        for (int i = 0; i < trials; i++) {
            double error = try_op((Op)op, seed_of((Op)op, i), NULL);
            if (!(error < 1e-5)) fail_msg("derivative of %s, trial %d: error %g", op_info[op].name, i, error);
        }
    }
}

/* ---- Moves and solvers are one thing with their adjoints; ties; values at 0 ---- */

static void a_tie_takes_the_first(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 1);
    Axes axes = axes_with(axes_one(b.axis[0]), b.axis[1]);
    const double v[] = { 1, 5, 2, 5, 0, 5 };
    Node *x = bench_leaf_of(&b, axes, v), *r = graph_fold(b.g, OP_maximum, x, axes), *one = number(&b, 1), *cotangent;
    grad_reverse(b.g, &r, &one, 1, &x, 1, &cotangent);
    const double *c = bench_value(&b, cotangent);
    for (int i = 0; i < 6; i++) assert_true(c[i] == (i == 1));
    bench_end(&b);
}

static void a_product_has_derivatives_at_zero(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 2);
    const double v[] = { 2, 0, 3, 0 };
    Axes axes = axes_one(b.axis[2]);
    Node *x = bench_leaf_of(&b, axes, v), *r = graph_fold(b.g, OP_prod, x, axes);
    assert_true(bench_error(&b, map2(&b, OP_add, r, graph_fold(b.g, OP_sum, x, axes)), &x, 1, 2) < 1e-6);
    bench_end(&b);
}

static void a_stopped_value_has_no_derivative(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 3);
    Node *x = bench_leaf(&b, axes_one(b.axis[1]), "-1 1"), *r = bench_scalar(&b, graph_stop(b.g, map2(&b, OP_mul, x, x)));
    Node *one = number(&b, 1), *cotangent, *tangent;
    grad_reverse(b.g, &r, &one, 1, &x, 1, &cotangent);
    grad_forward(b.g, &r, 1, &x, &one, 1, &tangent);
    assert_null(cotangent);
    assert_null(tangent);
    bench_end(&b);
}

/* sqrt, log, div and pow at their singular points: a cotangent of 0 gives 0, not 0 times infinity. */
static void a_gate_keeps_nan_away(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 4);
    const double v[] = { 0, 1, 4 };
    Axes axes = axes_one(b.axis[1]);
    Node *x = bench_leaf_of(&b, axes, v), *one = number(&b, 1), *cotangent;
    Node *safe = graph_map(b.g, OP_select, x, map1(&b, OP_sqrt, x), number(&b, 0));
    Node *logs = graph_map(b.g, OP_select, x, map1(&b, OP_log, x), number(&b, 0));
    Node *r = graph_fold(b.g, OP_sum, map2(&b, OP_add, safe, logs), axes);
    grad_reverse(b.g, &r, &one, 1, &x, 1, &cotangent);
    const double *c = bench_value(&b, cotangent);
    assert_true(c[0] == 0 && c[1] == 1.5 && fabs(c[2] - 0.5) < 1e-15);
    bench_end(&b);
}

/* Hessian times vector: forward over reverse is reverse over reverse, through a loop. */
static void both_hessian_products_agree(void **state)
{
    (void)state;
    Bench b;
    Node *in[4], *one, *g1, *forward, *reverse, *v;
    int n;
    bench_begin(&b, 5);
    one = number(&b, 1);
    Node *r = bent_scalar(&b, loop_use(&b, in, &n, true, 4));
    v = bench_leaf(&b, in[0]->axes, "-1 1");
    grad_reverse(b.g, &r, &one, 1, in, 1, &g1);
    grad_forward(b.g, &g1, 1, in, &v, 1, &forward);
    Node *product = graph_dot(b.g, g1, v, v->axes);
    grad_reverse(b.g, &product, &one, 1, in, 1, &reverse);
    assert_true(bench_difference(&b, forward, reverse) < 1e-9);
    bench_end(&b);
}

static Node *slice_at(Bench *b, Node *x, Axis axis, int64_t at)
{
    Move move = { .n = 1, .at = { { .from = axis, .offset = at } } };
    return x ? graph_index(b->g, x, &move, axes_without(x->axes, axis)) : NULL;
}

/* Tangents with an axis of their own are several tangents, for every op. */
static void several_directions_at_once(void **state)
{
    (void)state;
    Axis several = axis_make(3, 200);
    for (int op = 0; op < OP_COUNT; op++)
        for (uint64_t trial = 0; has_rule((Op)op) && trial < 3; trial++) {
            Bench b;
            Node *in[4] = { 0 }, *wide[4], *one[4], *all, *each;
            int n;
            bench_begin(&b, 1000 * (uint64_t)op + trial);
            Node *r = map1(&b, OP_sin, use(&b, (Op)op, in, &n));
            for (int k = 0; k < n; k++) wide[k] = bench_leaf(&b, k ? in[k]->axes : axes_with(in[k]->axes, several), "-1 1");
            grad_forward(b.g, &r, 1, in, wide, n, &all);
            for (int64_t at = 0; at < 3; at++) {
                for (int k = 0; k < n; k++) one[k] = slice_at(&b, wide[k], several, at);
                grad_forward(b.g, &r, 1, in, one, n, &each);
                if (!all && !each) continue;
                double difference = bench_difference(&b, slice_at(&b, all, several, at), each);
                if (!(difference < 1e-9)) fail_msg("%s, trial %d: %g", op_info[op].name, (int)trial, difference);
            }
            if (all) assert_null(graph_check(b.g, &all, 1));
            bench_end(&b);
        }
}

/* ---- Wrong rules are found ---- */

/* Wrong by the letter, right in meaning: x in r's place where both are equal at the points tried, and the like. */
static const char *const equal_rules[] = {
    "abs x: g / sign(x)",
    "max x: g * le(r, x)", "max y: g * lt(x, r)",
    "min x: g * le(x, r)", "min y: g * lt(r, x)",
};

static bool is_equal_in_meaning(const char *text)
{
    for (size_t i = 0; i < sizeof equal_rules / sizeof *equal_rules; i++)
        if (!strcmp(equal_rules[i], text)) return true;
    return false;
}

typedef struct Mutants { char text[400][96]; int n; } Mutants;

static void add_mutant(Mutants *m, const char *rule, size_t at, size_t cut, const char *put)
{
    char *text = m->text[m->n];
    snprintf(text, sizeof m->text[0], "%.*s%s%s", (int)at, rule, put, rule + at + cut);
    if (!strcmp(text, rule)) return;
    for (int i = 0; i < m->n; i++)
        if (!strcmp(m->text[i], text)) return;
    m->n++;
}

/* The rule with one operator, name or sign changed, with one factor dropped, minus the rule, and 0. */
static void make_mutants(Mutants *m, const char *rule, int operands)
{
    static const char *const swaps[] = { "*/", "/*", "+-", "-+" };
    size_t length = strlen(rule);
    for (size_t at = 0; at < length; at++) {
        bool alone = (at == 0 || !strchr("abcdefghijklmnopqrstuvwxyz0123456789", rule[at - 1]))
                  && !strchr("abcdefghijklmnopqrstuvwxyz0123456789(", rule[at + 1] ? rule[at + 1] : ' ');
        for (size_t k = 0; k < 4; k++)
            if (rule[at] == swaps[k][0] && at) add_mutant(m, rule, at, 1, (char[]){ swaps[k][1], 0 });
        if (rule[at] == '-' && (at == 0 || strchr("( ", rule[at - 1]))) add_mutant(m, rule, at, 1, "");
        if (!alone || !strchr("xyzrg", rule[at])) continue;
        for (const char *name = "xyzrg"; *name; name++)
            if (*name < 'x' || *name - 'x' < operands) add_mutant(m, rule, at, 1, (char[]){ *name, 0 });
        if (at > 2 && !strncmp(rule + at - 2, "* ", 2)) add_mutant(m, rule, at - 2, 3, "* 1");
    }
    char minus[96];
    snprintf(minus, sizeof minus, "-(%s)", rule);
    add_mutant(m, minus, 0, 0, "");
    add_mutant(m, "-", 0, 1, "0");
    if (!strcmp(m->text[m->n - 1], rule)) m->n--;
}

static bool is_caught(Op op, int operand, const char *text)
{
    for (int i = 0; i < TRIALS; i++) {
        RuleChange change = { .op = op, .operand = operand, .text = text };
        if (!(try_op(op, seed_of(op, i), &change) < 1e-5)) return true;
    }
    return false;
}

/* The derivatives of a loop by its three leaves, one after the other, with a tape of so many values. */
static int loop_gradients(double largest_tape, int64_t passes, bool nested, double *values, double *error)
{
    Bench b;
    Node *in[4] = { 0 }, *one, *cotangent[3];
    int n, total = 0;
    bench_begin(&b, 77);
    graph_limit_tape(b.g, largest_tape);
    Node *scalar = bent_scalar(&b, loop_use(&b, in, &n, nested, passes));
    one = number(&b, 1);
    grad_reverse(b.g, &scalar, &one, 1, in, n, cotangent);
    for (int i = 0; i < n; i++) {
        const double *value = bench_value(&b, cotangent[i]);
        for (int64_t k = 0; k < axes_count(&cotangent[i]->axes); k++) values[total++] = value[k];
    }
    *error = bench_error(&b, scalar, in, n, 2);
    bench_end(&b);
    return total;
}

static void a_cut_tape_changes_no_bit(void **state)
{
    (void)state;
    static const int64_t passes[] = { 4, 5, 7, 12 };
    for (int i = 0; i < 8; i++) {
        double whole[512], cut[512], error;
        int n = loop_gradients(1e9, passes[i / 2], i % 2, whole, &error);
        assert_int_equal(loop_gradients(0, passes[i / 2], i % 2, cut, &error), n);
        assert_memory_equal(whole, cut, (size_t)n * sizeof *whole);
        if (!(error < 1e-5)) fail_msg("%lld passes: error %g", (long long)passes[i / 2], error);
    }
}

static void wrong_rules_are_found(void **state)
{
    (void)state;
    int total = 0, missed = 0, equal = 0;
    Mutants *m = malloc(sizeof *m);
    for (int op = 0; op < OP_COUNT; op++)
        for (int k = 0; k < op_info[op].operands && k < 3; k++) {
            const char *rule = op_info[op].vjp[k];
            if (!rule || *rule == '@' || !has_rule((Op)op)) continue;
            m->n = 0;
            make_mutants(m, rule, op_info[op].operands);
            for (int i = 0; i < m->n; i++, total++) {
                if (is_caught((Op)op, k, m->text[i])) continue;
                char where[160];
                snprintf(where, sizeof where, "%s %c: %s", op_info[op].name, 'x' + k, m->text[i]);
                if (is_equal_in_meaning(where)) equal++;
                else missed++, print_error("not found: %s\n", where);
            }
        }
    free(m);
    print_message("%d wrong rules, %d of them right in meaning\n", total, equal);
    assert_int_equal(missed, 0);
    assert_int_equal(equal, (int)(sizeof equal_rules / sizeof *equal_rules));
    assert_true(total > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ops_agree_with_differences),
        cmocka_unit_test(a_tie_takes_the_first),
        cmocka_unit_test(a_product_has_derivatives_at_zero),
        cmocka_unit_test(a_stopped_value_has_no_derivative),
        cmocka_unit_test(a_gate_keeps_nan_away),
        cmocka_unit_test(both_hessian_products_agree),
        cmocka_unit_test(several_directions_at_once),
        cmocka_unit_test(a_cut_tape_changes_no_bit),
        cmocka_unit_test(wrong_rules_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

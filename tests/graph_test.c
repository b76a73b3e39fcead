/* graph_test.c: the graph's constructors keep values: what is simplified while it is built equals what is computed step by step. */
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

static void check(Bench *b, Node *n)
{
    const char *broken = graph_check(b->g, &n, 1);
    if (broken) fail_msg("%s", broken);
}

/* ---- Axes ---- */

static void axes_are_sets(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 0);
    for (int i = 0; i < 200; i++) {
        Axes x = bench_axes(&b), y = bench_axes(&b);
        Axes both = axes_common(&x, &y), all = axes_union(&x, &y), rest = axes_minus(&x, &y), again = axes_union(&rest, &both);
        assert_true(axes_within(&both, &x) && axes_within(&x, &all) && axes_equal(&again, &x));
        assert_int_equal(all.n + both.n, x.n + y.n);
        assert_int_equal(axes_count(&all) * axes_count(&both), axes_count(&x) * axes_count(&y));
        for (int k = 1; k < all.n; k++) assert_true(all.at[k - 1] < all.at[k]);
    }
    bench_end(&b);
}

/* ---- One node for one value ---- */

static void equal_values_are_one_node(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 1);
    Node *x = bench_leaf(&b, axes_one(b.axis[0]), "-1 1"), *y = bench_leaf(&b, axes_one(b.axis[1]), "-1 1");
    assert_ptr_equal(map2(&b, OP_mul, x, y), map2(&b, OP_mul, y, x));
    assert_ptr_not_equal(map2(&b, OP_sub, x, y), map2(&b, OP_sub, y, x));
    assert_ptr_equal(graph_const(b.g, 2), graph_const(b.g, 2));
    assert_ptr_not_equal(graph_const(b.g, 0.0), graph_const(b.g, -0.0));
    assert_ptr_not_equal(graph_slot(b.g, 1, 0, x->axes), graph_slot(b.g, 1, 1, x->axes));
    assert_ptr_not_equal(graph_variable(b.g, x->axes), graph_variable(b.g, x->axes));
    Shape shape = { .n = 1, .at = { b.axis[0] } };
    assert_ptr_equal(graph_random(b.g, RANDOM_NORMAL, 5, 0, shape, NULL, 0), graph_random(b.g, RANDOM_NORMAL, 5, 0, shape, NULL, 0));
    assert_ptr_not_equal(graph_random(b.g, RANDOM_NORMAL, 5, 0, shape, NULL, 0), graph_random(b.g, RANDOM_NORMAL, 6, 0, shape, NULL, 0));
    assert_ptr_not_equal(graph_random(b.g, RANDOM_NORMAL, 5, 0, shape, NULL, 0), graph_random(b.g, RANDOM_UNIFORM, 5, 0, shape, NULL, 0));
    Axes all = axes_union(&x->axes, &y->axes);
    assert_ptr_equal(map2(&b, OP_add, graph_spread(b.g, x, all), y), map2(&b, OP_add, x, y));
    bench_end(&b);
}

/* ---- Simplification ---- */

/* Every map with numbers for some operands, against the same with leaves that hold the numbers. */
static void numbers_fold_to_what_they_give(void **state)
{
    (void)state;
    static const double values[] = { 0, 1, -1, 2, 3, 4, 0.5, -0.5, -2, 0.3 };
    for (int op = 0; op < OP_COUNT; op++)
        for (uint64_t trial = 0; op_info[op].family == FAMILY_MAP && trial < 60; trial++) {
            Bench b;
            Node *folded[3] = { 0 }, *plain[3] = { 0 };
            bench_begin(&b, 100 * (uint64_t)op + trial);
            for (int k = 0; k < op_info[op].operands; k++) {
                folded[k] = plain[k] = bench_leaf(&b, axes_one(b.axis[0]), ".5 2");
                if (bench_choose(&b, 2)) continue;
                double v = values[bench_choose(&b, 10)];
                folded[k] = graph_const(b.g, v);
                plain[k] = bench_leaf_of(&b, (Axes){ 0 }, &v);
                if (bench_choose(&b, 2)) folded[k] = map1(&b, OP_neg, folded[k]), plain[k] = map1(&b, OP_neg, plain[k]);
            }
            Node *x = graph_map(b.g, (Op)op, folded[0], folded[1], folded[2]), *y = graph_map(b.g, (Op)op, plain[0], plain[1], plain[2]);
            Axes all = axes_union(&x->axes, &y->axes);
            double difference = bench_difference(&b, graph_spread(b.g, x, all), graph_spread(b.g, y, all));
            bool undefined = isnan(*bench_value(&b, y)) && *bench_value(&b, x) == 0;    /* 0 * inf, 0 / 0 */
            if (!(difference < 1e-12) && !undefined) fail_msg("%s, trial %d: %g", op_info[op].name, (int)trial, difference);
            check(&b, x);
            bench_end(&b);
        }
}

static void trivial_operations_vanish(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 2);
    Node *x = bench_leaf(&b, axes_one(b.axis[0]), "-1 1"), *zero = graph_const(b.g, 0), *one = graph_const(b.g, 1), *two = graph_const(b.g, 2);
    assert_ptr_equal(map2(&b, OP_mul, x, one), x);
    assert_ptr_equal(map2(&b, OP_add, zero, x), x);
    assert_ptr_equal(map2(&b, OP_sub, x, zero), x);
    assert_ptr_equal(map2(&b, OP_div, x, one), x);
    assert_ptr_equal(map2(&b, OP_pow, x, one), x);
    assert_ptr_equal(map1(&b, OP_neg, map1(&b, OP_neg, x)), x);
    assert_ptr_equal(map2(&b, OP_pow, x, two), map2(&b, OP_mul, x, x));
    assert_ptr_equal(map2(&b, OP_pow, x, graph_const(b.g, 0.5)), map1(&b, OP_sqrt, x));
    assert_ptr_equal(map2(&b, OP_mul, x, zero), graph_spread(b.g, zero, x->axes));
    assert_ptr_equal(map2(&b, OP_mul, map2(&b, OP_mul, x, two), graph_const(b.g, 3)), map2(&b, OP_mul, x, graph_const(b.g, 6)));
    assert_ptr_equal(graph_map(b.g, OP_select, one, x, zero), x);
    assert_ptr_equal(graph_stop(b.g, graph_stop(b.g, x)), graph_stop(b.g, x));
    assert_ptr_equal(graph_rename(b.g, graph_rename(b.g, x, b.axis[0], b.axis[3]), b.axis[3], b.axis[0]), x);
    assert_ptr_equal(map2(&b, OP_max, x, graph_const(b.g, -INFINITY)), x);
    assert_ptr_equal(map2(&b, OP_min, graph_const(b.g, INFINITY), x), x);
    assert_int_equal(map1(&b, OP_exp, one)->op, OP_const);
    bench_end(&b);
}

/* Of an opaque value, everything computed from it keeps it as an operand. */
static void opaque_values_are_not_passed_by(void **state)
{
    (void)state;
    static const double values[] = { 0, 1, -1, 2, 0.5, -2 };
    Bench b;
    bench_begin(&b, 3);
    Node *y = bench_leaf(&b, axes_one(b.axis[2]), ".5 2");
    Node *kinds[] = { y, map1(&b, OP_exp, y), map1(&b, OP_neg, y), map2(&b, OP_mul, y, y), map2(&b, OP_mul, y, graph_const(b.g, 3)),
                      graph_rename(b.g, y, b.axis[2], axis_make(4, 50)), graph_stop(b.g, y), graph_spread(b.g, y, axes_one(b.axis[0])) };
    int opaque = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        Node *x = kinds[i];
        if (!node_is_opaque(x)) continue;
        opaque++;
        for (int op = 0; op < OP_COUNT; op++)
            for (int k = 0; op_info[op].family == FAMILY_MAP && k < 6; k++) {
                Node *n = graph_const(b.g, values[k]), *r = graph_map(b.g, (Op)op, x, n, y), *s = graph_map(b.g, (Op)op, n, x, y);
                assert_true(!graph_depends(b.g, r, y) || op == OP_select || graph_depends(b.g, r, x));
                assert_true(!graph_depends(b.g, s, y) || op == OP_select || graph_depends(b.g, s, x));
            }
    }
    assert_int_equal(opaque, 4);
    bench_end(&b);
}

static void folds_of_what_does_not_vary(void **state)
{
    (void)state;
    static const Op folds[] = { OP_sum, OP_prod, OP_maximum, OP_minimum, OP_logsumexp };
    for (uint64_t trial = 0; trial < 60; trial++) {
        Bench b;
        bench_begin(&b, trial);
        Axes mine = bench_axes(&b), more = bench_axes(&b), over = bench_axes(&b), all = axes_union(&mine, &more);
        Node *x = bench_leaf(&b, mine, ".5 2"), *wide = graph_spread(b.g, x, all);
        const double *v = bench_value(&b, wide);
        Node *full = bench_leaf_of(&b, all, v);
        over = axes_common(&over, &all);
        Op op = folds[trial % 5];
        assert_true(bench_difference(&b, graph_fold(b.g, op, wide, over), graph_fold(b.g, op, full, over)) < 1e-12);
        Node *y = bench_leaf(&b, bench_axes(&b), "-1 1");
        Node *dot = graph_dot(b.g, wide, y, over), *same = graph_fold(b.g, OP_sum, map2(&b, OP_mul, full, y), over);
        assert_true(bench_difference(&b, dot, same) < 1e-12);
        check(&b, dot);
        bench_end(&b);
    }
}

/* ---- Moves ---- */

static Coord random_coord(Bench *b, Axis from, unsigned number)
{
    Axis same = axis_make(axis_size(from), number), two = axis_make(2, number + 1);
    Coord c = { .from = from, .n = 1, .term = { { bench_choose(b, 2) ? same : from, 1 } } };
    switch (bench_choose(b, 7)) {
    case 0: c.offset = bench_choose(b, 5) - 2; break;
    case 1: c.term[0].coef = -1; c.offset = axis_size(from) - bench_choose(b, 3); break;
    case 2: c.term[0].axis = two; c.term[0].coef = 2; c.offset = bench_choose(b, 3) - 1; break;
    case 3: c.n = 2; c.term[1].axis = two; c.term[1].coef = 1 + bench_choose(b, 2); c.offset = -bench_choose(b, 2); break;
    case 4: c.wrap = true; c.offset = bench_choose(b, 9) - 4; break;
    case 5: c.n = 0; c.offset = bench_choose(b, (int)axis_size(from)); break;
    default: break;
    }
    return c;
}

static Move random_move(Bench *b, Axes axes, unsigned number, Axes *result)
{
    Move move = { 0 };
    for (int i = 0; i < axes.n; i++)
        if (bench_choose(b, 3)) move.at[move.n] = random_coord(b, axes.at[i], number + 2 * (unsigned)i), move.n++;
    *result = axes;
    for (int i = 0; i < move.n; i++) *result = axes_without(*result, move.at[i].from);
    for (int i = 0; i < move.n; i++)
        for (int k = 0; k < move.at[i].n; k++) *result = axes_with(*result, move.at[i].term[k].axis);
    return move;
}

/* A move of a move, joined, against the same with a wall between; and place is the adjoint of index. */
static void moves_of_moves_join(void **state)
{
    (void)state;
    int joined = 0;
    for (uint64_t trial = 0; trial < 2000; trial++) {
        Bench b;
        Axes axes1, axes2;
        bench_begin(&b, trial);
        Axes axes = axes_with(axes_one(b.axis[1]), b.axis[2]);
        Node *x = bench_leaf(&b, axes, "-1 1");
        Move m1 = random_move(&b, axes, 20, &axes1), m2 = random_move(&b, axes1, 30, &axes2);
        Node *once = graph_index(b.g, x, &m1, axes1), *both = graph_index(b.g, once, &m2, axes2);
        Node *apart = graph_index(b.g, graph_stop(b.g, once), &m2, axes2);
        if (!(bench_difference(&b, both, apart) == 0)) fail_msg("trial %d", (int)trial);
        joined += both->op == OP_index && both->in[0] == x;
        Node *v = bench_leaf(&b, axes2, "-1 1"), *back = graph_place(b.g, v, &m2, axes1);
        double one = *bench_value(&b, graph_dot(b.g, v, apart, axes2));
        double other = *bench_value(&b, graph_dot(b.g, back, once, axes1));
        if (!(fabs(one - other) < 1e-12)) fail_msg("trial %d: place is not the adjoint of index", (int)trial);
        check(&b, both);
        check(&b, back);
        bench_end(&b);
    }
    assert_true(joined > 300);
}

/* A part of what is placed is placed there at once. */
static void parts_of_places_join(void **state)
{
    (void)state;
    int joined = 0;
    for (uint64_t trial = 0; trial < 2000; trial++) {
        Bench b;
        Axes inner;
        bench_begin(&b, trial);
        Axes axes = axes_with(axes_one(b.axis[1]), b.axis[2]);
        Move move = random_move(&b, axes, 20, &inner), part = { .n = 1 + bench_choose(&b, 2) };
        Axes onto = axes;
        for (int i = 0; i < part.n; i++) {
            Axis from = b.axis[1 + i];
            int first = bench_choose(&b, (int)axis_size(from)), size = 1 + bench_choose(&b, (int)axis_size(from) - first);
            part.at[i] = (Coord){ .from = from, .offset = first, .n = 1, .term = { { axis_make(size, 70 + (unsigned)i), 1 } } };
            onto = axes_with(axes_without(onto, from), part.at[i].term[0].axis);
        }
        Node *whole = graph_place(b.g, bench_leaf(&b, inner, "-1 1"), &move, axes);
        Node *both = graph_index(b.g, whole, &part, onto), *apart = graph_index(b.g, graph_stop(b.g, whole), &part, onto);
        if (!(bench_difference(&b, both, apart) == 0)) fail_msg("trial %d", (int)trial);
        joined += whole->op == OP_place && both->op == OP_place;
        check(&b, both);
        bench_end(&b);
    }
    assert_true(joined > 200);
}

static void affine_places_are_moves(void **state)
{
    (void)state;
    for (uint64_t trial = 0; trial < 300; trial++) {
        Bench b;
        bench_begin(&b, trial);
        Axis axis = b.axis[2], out = axis_make(bench_choose(&b, 4) + 1, 60);
        Axes x_axes = axes_with(bench_axes(&b), axis);
        Node *x = bench_leaf(&b, x_axes, "-1 1");
        Node *index = map2(&b, OP_sub, graph_const(b.g, bench_choose(&b, 4)), graph_iota(b.g, bench_choose(&b, 2) ? out : axis));
        if (bench_choose(&b, 2)) index = map2(&b, OP_mul, graph_iota(b.g, b.axis[0]), graph_const(b.g, 3));
        const double *places = bench_value(&b, index);
        bool inside = true;
        for (int64_t i = 0; i < axes_count(&index->axes); i++) inside = inside && places[i] >= 0 && places[i] < 4;
        Node *opaque = bench_leaf_of(&b, index->axes, places);
        if (inside) {
            assert_true(bench_difference(&b, graph_gather(b.g, x, axis, index), graph_gather(b.g, x, axis, opaque)) == 0);
            Axes v_axes = axes_without(x_axes, axis), over = index->axes;
            Node *v = bench_leaf(&b, v_axes, "-1 1");
            assert_true(bench_difference(&b, graph_scatter(b.g, v, index, axis, over), graph_scatter(b.g, v, opaque, axis, over)) < 1e-14);
        }
        bench_end(&b);
    }
}

static void reshapes_keep_order(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 3);
    Axis rows = axis_make(6, 70), left = axis_make(3, 71), right = axis_make(8, 72);
    Shape from = { .n = 2, .at = { rows, b.axis[2] } }, to = { .n = 2, .at = { left, right } }, line = { .n = 1, .at = { axis_make(24, 73) } };
    Node *x = bench_leaf(&b, axes_with(axes_with(axes_one(rows), b.axis[2]), b.axis[0]), "-1 1");
    Node *y = graph_reshape(b.g, x, from, to), *z = graph_reshape(b.g, y, to, line), *apart = graph_reshape(b.g, graph_stop(b.g, y), to, line);
    assert_ptr_equal(z->in[0], x);
    assert_true(bench_difference(&b, z, apart) == 0);
    assert_ptr_equal(graph_reshape(b.g, z, line, from), x);
    bench_end(&b);
}

/* ---- Loops and substitution ---- */

/* sum over passes of (t + x), for each x */
static Node *counting_loop(Bench *b, Node *x, Loop **loop)
{
    *loop = graph_loop_open(b->g, NULL, 4);
    Node *sum = graph_carry(b->g, *loop, graph_const(b->g, 0), x->axes);
    graph_loop_next(b->g, *loop, 0, map2(b, OP_add, sum, map2(b, OP_add, x, (*loop)->time)));
    graph_loop_close(b->g, *loop);
    return graph_result(b->g, *loop, 0);
}

static void a_loop_counts(void **state)
{
    (void)state;
    Bench b;
    Loop *loop;
    bench_begin(&b, 4);
    const double v[] = { 10, 20 };
    Node *x = bench_leaf_of(&b, axes_one(b.axis[0]), v), *r = counting_loop(&b, x, &loop);
    const double *sums = bench_value(&b, r);
    assert_true(sums[0] == 46 && sums[1] == 86);
    assert_null(r->scope);
    assert_ptr_equal(loop->next[0]->scope, loop);
    check(&b, r);
    bench_end(&b);
}

static void substitution_carries_new_axes_through_loops(void **state)
{
    (void)state;
    Bench b;
    Loop *loop;
    bench_begin(&b, 5);
    Node *x = graph_variable(b.g, axes_one(b.axis[0])), *r = counting_loop(&b, x, &loop), *s = graph_fold(b.g, OP_sum, r, x->axes);
    Node *wide = bench_leaf(&b, axes_with(axes_one(b.axis[0]), b.axis[1]), "-1 1"), *both[2] = { r, s };
    graph_substitute(b.g, both, 2, &x, &wide, 1);
    Node *expected = map2(&b, OP_add, map2(&b, OP_mul, wide, graph_const(b.g, 4)), graph_const(b.g, 6));
    assert_true(bench_difference(&b, both[0], expected) < 1e-14);
    assert_true(bench_difference(&b, both[1], graph_fold(b.g, OP_sum, expected, x->axes)) < 1e-14);
    assert_false(graph_depends(b.g, both[1], x));
    assert_true(graph_depends(b.g, s, x) && graph_depends(b.g, both[1], wide));
    check(&b, both[1]);
    bench_end(&b);
}

static void what_does_not_vary_stands_outside(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 6);
    Node *x = bench_leaf(&b, axes_one(b.axis[0]), "-1 1");
    Loop *outer = graph_loop_open(b.g, NULL, 2), *inner = graph_loop_open(b.g, outer, 3);
    Node *a = graph_carry(b.g, inner, x, x->axes), *fixed = map1(&b, OP_exp, x);
    graph_loop_next(b.g, inner, 0, map2(&b, OP_mul, a, fixed));
    Node *node = graph_loop_close(b.g, inner);
    assert_null(fixed->scope);
    assert_null(node->scope);       /* the inner loop uses nothing of the outer one */
    assert_ptr_equal(a->scope, inner);
    bench_end(&b);
}

static void the_checker_sees_what_is_broken(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 7);
    Node *x = bench_leaf(&b, axes_one(b.axis[0]), "-1 1"), *y = map1(&b, OP_exp, x), *z = map1(&b, OP_tanh, y);
    assert_null(graph_check(b.g, &z, 1));
    Axes right = y->axes;
    y->axes = axes_one(b.axis[1]);
    assert_non_null(graph_check(b.g, &z, 1));
    y->axes = right;
    y->in[0] = z;
    assert_non_null(graph_check(b.g, &z, 1));
    y->in[0] = x;
    assert_null(graph_check(b.g, &z, 1));
    bench_end(&b);
}

static void a_graph_prints_one_line_a_node(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 8);
    char *text = NULL;
    size_t length = 0;
    Node *x = bench_leaf(&b, axes_one(b.axis[0]), "-1 1"), *e = map1(&b, OP_exp, x), *y = map2(&b, OP_mul, e, graph_const(b.g, 2.5));
    FILE *out = open_memstream(&text, &length);
    graph_print(out, b.g, &y, 1, false);
    fclose(out);
    assert_string_equal(text, "%0 = slot 0 epoch 0 {1:2}\n%1 = exp %0 {1:2}\n%2 = const 2.5 {}\n%3 = mul %1 %2 {1:2}\nroots %3\n");
    free(text);
    out = open_memstream(&text, &length);
    graph_print(out, b.g, &y, 1, true);
    fclose(out);
    assert_non_null(strstr(text, "n1 -> n3;"));
    free(text);
    bench_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(axes_are_sets),
        cmocka_unit_test(equal_values_are_one_node),
        cmocka_unit_test(numbers_fold_to_what_they_give),
        cmocka_unit_test(trivial_operations_vanish),
        cmocka_unit_test(opaque_values_are_not_passed_by),
        cmocka_unit_test(folds_of_what_does_not_vary),
        cmocka_unit_test(moves_of_moves_join),
        cmocka_unit_test(parts_of_places_join),
        cmocka_unit_test(affine_places_are_moves),
        cmocka_unit_test(reshapes_keep_order),
        cmocka_unit_test(a_loop_counts),
        cmocka_unit_test(substitution_carries_new_axes_through_loops),
        cmocka_unit_test(what_does_not_vary_stands_outside),
        cmocka_unit_test(the_checker_sees_what_is_broken),
        cmocka_unit_test(a_graph_prints_one_line_a_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

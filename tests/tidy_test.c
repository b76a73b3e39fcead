/* tidy_test.c: tidying keeps values, on random graphs, their derivatives, and loops; and it finds what it is for. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "lang/tidy/tidy.h"
#include "tests/bench.h"

static Node *map1(Bench *b, Op op, Node *x)          { return graph_map(b->g, op, x, NULL, NULL); }
static Node *map2(Bench *b, Op op, Node *x, Node *y) { return graph_map(b->g, op, x, y, NULL); }

/* ---- Random values ---- */

static Node *pick(Bench *b, Node **pool, int n) { return pool[bench_choose(b, n)]; }

/* Another value, bounded, from those at hand. */
static Node *random_value(Bench *b, Node **pool, int n)
{
    static const Op maps[] = { OP_mul, OP_mul, OP_mul, OP_add, OP_sub, OP_max };
    Graph *g = b->g;
    Node *x = pick(b, pool, n), *y = pick(b, pool, n);
    Axes some = bench_axes(b);
    switch (bench_choose(b, 12)) {
    case 0: return map1(b, OP_tanh, x);
    case 1: return map1(b, OP_neg, x);
    case 2: return map2(b, OP_mul, x, graph_const(g, bench_uniform(b, -2, 2)));
    case 3: return graph_fold(g, OP_sum, x, axes_common(&some, &x->axes));
    case 4: return graph_fold(g, OP_sum, map2(b, OP_mul, x, y), some);
    case 5: return graph_dot(g, x, y, some);
    case 6: return graph_fold(g, OP_logsumexp, x, axes_common(&some, &x->axes));
    case 7: return map2(b, OP_div, x, map2(b, OP_add, map2(b, OP_mul, y, y), graph_const(g, 1)));
    case 8: return graph_spread(g, x, some);
    case 9: {
        if (!axes_have(&x->axes, b->axis[0]) || axes_have(&x->axes, b->axis[3])) return map1(b, OP_sin, x);
        return graph_rename(g, x, b->axis[0], b->axis[3]);
    }
    default: return map2(b, maps[bench_choose(b, 6)], x, y);
    }
}

/* A loop around random values, with its carries among them. */
static Node *random_loop(Bench *b, Node **pool, int n)
{
    Graph *g = b->g;
    Node *inner[40], *start = pick(b, pool, n);
    Loop *loop = graph_loop_open(g, NULL, bench_choose(b, 3) + 1);
    int m = 0;
    for (; m < n && m < 8; m++) inner[m] = pool[m];
    inner[m++] = graph_carry(g, loop, start, start->axes);
    inner[m++] = graph_carry(g, loop, graph_const(g, 0.5), axes_one(b->axis[1]));
    inner[m++] = graph_carry(g, loop, graph_const(g, 2), (Axes){ 0 });
    for (int i = 0; i < 8; i++, m++) inner[m] = random_value(b, inner, m);
    graph_loop_next(g, loop, 0, map1(b, OP_tanh, graph_fit(g, inner[m - 1], start->axes)));
    graph_loop_next(g, loop, 1, map1(b, OP_sin, graph_fit(g, inner[m - 2], axes_one(b->axis[1]))));
    int kept = graph_loop_keep(g, loop, map1(b, OP_tanh, inner[m - 3]), axis_make(loop->passes, 77));
    graph_loop_close(g, loop);
    if (bench_choose(b, 2)) return graph_result(g, loop, bench_choose(b, 3));
    Node *all = graph_result(g, loop, loop->n_carry + kept);
    return graph_fold(g, OP_sum, all, axes_one(loop->keep_axis));
}

enum { VALUES = 24 };

static void values_hold(void **state)
{
    (void)state;
    int changed = 0;
    for (uint64_t seed = 0; seed < 150; seed++) {
        Bench b;
        Node *pool[VALUES], *before[VALUES], *after[VALUES], *one, *sum;
        bench_begin(&b, seed);
        int n = 0, m = 0;
        for (; n < 4; n++) pool[n] = bench_leaf(&b, bench_axes(&b), "-1 1");
        for (; n < VALUES - 1; n++) pool[n] = random_value(&b, pool, n);
        pool[n] = random_loop(&b, pool, n);
        n++;
        one = graph_const(b.g, 1);
        sum = graph_const(b.g, 0);
        for (int i = n - 4; i < n; i++) sum = map2(&b, OP_add, sum, bench_scalar(&b, map1(&b, OP_tanh, pool[i])));
        grad_reverse(b.g, &sum, &one, 1, pool, 4, before);
        for (int i = 0; i < 4; i++)
            if (before[i]) before[m++] = before[i];
        for (int i = n - 4; i < n; i++) before[m++] = pool[i];
        for (int i = 0; i < m; i++) after[i] = before[i];
        tidy(b.g, after, m);
        const char *broken = graph_check(b.g, after, m);
        if (broken) fail_msg("seed %d: %s", (int)seed, broken);
        for (int i = 0; i < m; i++) {
            double difference = bench_difference(&b, before[i], after[i]);
            if (!(difference < 1e-9)) fail_msg("seed %d, value %d: difference %g", (int)seed, i, difference);
            changed += before[i] != after[i];
        }
        bench_end(&b);
    }
    assert_true(changed > 100);
}

/* ---- What it is for ---- */

static Node *tidied(Bench *b, Node *x)
{
    Node *r = x;
    tidy(b->g, &r, 1);
    assert_null(graph_check(b->g, &r, 1));
    assert_true(bench_difference(b, x, r) < 1e-12);
    return r;
}

/* The most values that any node below has. */
static int64_t largest(const Node *n)
{
    int64_t most = axes_count(&n->axes);
    for (int i = 0; i < n->n_in; i++) {
        int64_t below = largest(n->in[i]);
        most = below > most ? below : most;
    }
    return most;
}

static void a_sum_of_products_is_a_dot(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 1);
    Axis n = axis_make(5, 90), o = axis_make(6, 91), i = axis_make(7, 92);
    Axes no = axes_with(axes_one(n), o), oi = axes_with(axes_one(o), i), ni = axes_with(axes_one(n), i);
    Node *w = bench_leaf(&b, oi, "-1 1"), *x = bench_leaf(&b, ni, "-1 1"), *y = bench_leaf(&b, ni, "-1 1"), *a = bench_leaf(&b, axes_one(n), "-1 1");
    Node *r = tidied(&b, graph_fold(b.g, OP_sum, map2(&b, OP_mul, w, x), axes_one(i)));
    assert_int_equal(r->op, OP_dot);
    assert_true(axes_equal(&r->axes, &no));
    /* three factors, two of them on the same axes */
    r = tidied(&b, graph_fold(b.g, OP_sum, map2(&b, OP_mul, map2(&b, OP_mul, w, x), y), axes_one(i)));
    assert_int_equal(r->op, OP_dot);
    /* a factor and a number go outside, and a sum of two products is two dots */
    Node *scaled = map2(&b, OP_mul, map2(&b, OP_mul, a, map2(&b, OP_mul, w, x)), graph_const(b.g, 3));
    assert_true(largest(tidied(&b, graph_fold(b.g, OP_sum, scaled, axes_one(i)))) <= 42);
    Node *two = map2(&b, OP_sub, map2(&b, OP_mul, w, x), map2(&b, OP_mul, map2(&b, OP_mul, w, w), y));
    assert_true(largest(tidied(&b, graph_fold(b.g, OP_sum, two, axes_one(i)))) <= 42);
    bench_end(&b);
}

static void a_chain_of_products_goes_pair_by_pair(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 2);
    Axis i = axis_make(5, 90), j = axis_make(6, 91), k = axis_make(7, 92), l = axis_make(4, 93);
    Node *x = bench_leaf(&b, axes_with(axes_one(i), j), "-1 1"), *y = bench_leaf(&b, axes_with(axes_one(j), k), "-1 1");
    Node *z = bench_leaf(&b, axes_with(axes_one(k), l), "-1 1");
    Node *all = map2(&b, OP_mul, map2(&b, OP_mul, x, y), z);
    assert_true(largest(tidied(&b, graph_fold(b.g, OP_sum, all, axes_with(axes_one(j), k)))) <= 42);
    bench_end(&b);
}

static void a_product_of_many_factors(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 6);
    Node *left = graph_const(b.g, 1), *right = graph_const(b.g, 1);
    for (int i = 0; i < 30; i++) {
        left = map2(&b, OP_mul, left, bench_leaf(&b, bench_axes(&b), ".9 1.1"));
        right = map2(&b, OP_mul, bench_leaf(&b, bench_axes(&b), ".9 1.1"), map1(&b, OP_neg, right));
    }
    Axes over = axes_with(axes_one(b.axis[0]), b.axis[1]);
    tidied(&b, graph_fold(b.g, OP_sum, map2(&b, OP_mul, left, right), over));
    tidied(&b, graph_dot(b.g, left, right, over));
    bench_end(&b);
}

static void a_loop_keeps_what_is_read(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 3);
    Axes axes = axes_one(b.axis[1]);
    Node *x = bench_leaf(&b, axes, "-1 1");
    Loop *loop = graph_loop_open(b.g, NULL, 5);
    Node *read = graph_carry(b.g, loop, x, axes), *unread = graph_carry(b.g, loop, x, axes), *fixed = graph_carry(b.g, loop, x, axes);
    graph_loop_next(b.g, loop, 0, map2(&b, OP_add, map1(&b, OP_sin, read), fixed));
    graph_loop_next(b.g, loop, 1, map1(&b, OP_sin, unread));
    graph_loop_keep(b.g, loop, unread, axis_make(5, 9));
    graph_loop_close(b.g, loop);
    Node *r = tidied(&b, graph_result(b.g, loop, 0));
    assert_int_equal(r->op, OP_result);
    assert_int_equal(r->loop->n_carry, 1);
    assert_int_equal(r->loop->n_keep, 0);
    bench_end(&b);
}

static void a_body_is_tidied_too(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 7);
    Axis o = axis_make(6, 91), i = axis_make(6, 92);
    Node *w = bench_leaf(&b, axes_with(axes_one(o), i), "-.3 .3"), *x = bench_leaf(&b, axes_one(i), "-1 1");
    Loop *loop = graph_loop_open(b.g, NULL, 5);
    Node *carry = graph_carry(b.g, loop, x, x->axes);
    Node *product = graph_fold(b.g, OP_sum, map2(&b, OP_mul, w, carry), axes_one(i));
    graph_loop_next(b.g, loop, 0, graph_rename(b.g, graph_stop(b.g, product), o, i));
    graph_loop_close(b.g, loop);
    Node *next = tidied(&b, graph_result(b.g, loop, 0))->loop->next[0];
    assert_true(node_is_rename(next));
    assert_int_equal(next->in[0]->op, OP_dot);
    bench_end(&b);
}

/* Renamings that mapped functions leave behind meet and vanish; one that makes items stays. */
static void renames_vanish(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 8);
    Axis i = axis_make(6, 91), j = axis_make(6, 92), item = axis_make(3, ITEM_AXIS | 93), rows = axis_make(3, 94);
    Node *x = bench_leaf(&b, axes_with(axes_one(i), item), "-1 1"), *y = map1(&b, OP_exp, x);
    Node *there = map1(&b, OP_sin, graph_rename(b.g, y, i, j)), *back = map2(&b, OP_mul, graph_rename(b.g, there, j, i), y);
    assert_ptr_equal(tidied(&b, back), map2(&b, OP_mul, map1(&b, OP_sin, y), y));
    Node *z = map1(&b, OP_exp, bench_leaf(&b, axes_with(axes_one(i), rows), "-1 1"));
    Node *r = tidied(&b, map1(&b, OP_sin, graph_rename(b.g, z, rows, item)));
    assert_int_equal(r->op, OP_sin);
    assert_true(axes_have(&r->axes, item));
    bench_end(&b);
}

/* A gradient under names of its own, and moments under a cell's: all maps end up under the cell's, with renamings of the product alone. */
static void renames_sink_to_products(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 6);
    Axis i = b.axis[1], k = b.axis[2], sum = b.axis[0], to_i = axis_make(axis_size(i), 70), to_k = axis_make(axis_size(k), 71);
    Axes left = axes_with(axes_one(i), sum), right = axes_with(axes_one(k), sum), cell = axes_with(axes_one(to_i), to_k);
    Node *x = bench_leaf(&b, left, "-1 1"), *y = bench_leaf(&b, right, "-1 1"), *moment = bench_leaf(&b, cell, "-1 1");
    Node *gradient = graph_dot(b.g, x, y, axes_one(sum));
    Node *squared = map2(&b, OP_mul, gradient, gradient), *half = map2(&b, OP_mul, gradient, graph_const(b.g, 0.5));
    Node *roots[2], *kept[2];
    Node *in[2] = { half, squared };
    for (int r = 0; r < 2; r++) {
        Node *renamed = graph_rename(b.g, graph_rename(b.g, in[r], i, to_i), k, to_k);
        roots[r] = kept[r] = map2(&b, OP_add, map1(&b, OP_sin, moment), renamed);
    }
    tidy(b.g, roots, 2);
    for (int r = 0; r < 2; r++) {
        assert_true(bench_difference(&b, roots[r], kept[r]) < 1e-12);
        for (uint32_t id = 0; id < graph_size(b.g); id++) {
            const Node *n = graph_node(b.g, id);
            if (node_is_rename(n) && op_info[n->in[0]->op].family == FAMILY_MAP) assert_false(graph_depends(b.g, roots[r], n));
        }
    }
    bench_end(&b);
}

/* A product that is needed anyway is a factor of others: of s * (x * g), where x * s is known, only that is read. */
static void known_products_are_factors(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 7);
    Axes axes = axes_one(b.axis[1]);
    Node *x = bench_leaf(&b, axes, "-1 1"), *g = bench_leaf(&b, axes, "-1 1"), *s = map1(&b, OP_sigmoid, x), *y = map2(&b, OP_mul, x, s);
    Node *before = map2(&b, OP_mul, s, map2(&b, OP_mul, x, g)), *roots[2] = { y, before };
    tidy(b.g, roots, 2);
    assert_ptr_equal(roots[0], y);
    assert_ptr_equal(roots[1], map2(&b, OP_mul, y, g));
    assert_true(bench_difference(&b, roots[1], before) < 1e-12);
    bench_end(&b);
}

/* How many products are below some values. */
static int products(Bench *b, Node *const *roots, int n)
{
    int found = 0;
    for (uint32_t id = 0; id < graph_size(b->g); id++) {
        Node *dot = graph_node(b->g, id);
        bool needed = false;
        for (int r = 0; r < n; r++) needed = needed || graph_depends(b->g, roots[r], dot);
        found += needed && dot->op == OP_dot;
    }
    return found;
}

/* The derivative of sum f(C), C[i, j] = sum_n x[n, i] x[n, j] / 7, by x: two products, or one where f(C) is symmetric. */
static Node *gram_gradient(Bench *b, bool symmetric, bool weighted)
{
    Graph *g = b->g;
    Axis n = axis_make(48, 95), i = axis_make(5, 96), j = axis_make(5, 97);
    Axes square = axes_with(axes_one(i), j);
    Node *x = bench_leaf(b, axes_with(axes_one(n), i), "-1 1"), *gradient, *one = graph_const(g, 1);
    Node *c = map2(b, OP_div, graph_dot(g, x, graph_rename(g, x, i, j), axes_one(n)), graph_const(g, 7));
    Node *weight = symmetric ? map2(b, OP_ne, graph_iota(g, i), graph_iota(g, j)) : map2(b, OP_lt, graph_iota(g, i), graph_iota(g, j));
    if (weighted) weight = bench_leaf(b, square, "-1 1");
    Node *loss = graph_fold(g, OP_sum, map2(b, OP_mul, weight, map2(b, OP_mul, c, c)), square);
    grad_reverse(g, &loss, &one, 1, &x, 1, &gradient);
    return gradient;
}

static void products_share_a_factor(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        Bench b;
        bench_begin(&b, 11);
        Node *x = tidied(&b, gram_gradient(&b, kind == 0, kind == 2));
        /* Too few multiply-adds are saved for a sum of a matrix and its transpose. */
        assert_int_equal(products(&b, &x, 1), kind == 0 ? 2 : 3);
        bench_end(&b);
    }
    Bench b;
    bench_begin(&b, 12);
    Axis n = axis_make(300, 95), i = axis_make(5, 96), k = axis_make(3, 97);
    Node *w = bench_leaf(&b, axes_with(axes_one(n), i), "-1 1"), *x = bench_leaf(&b, axes_with(axes_one(i), k), "-1 1"), *y = bench_leaf(&b, axes_with(axes_one(i), k), "-1 1");
    Node *scale = bench_leaf(&b, (Axes){ 0 }, "1 2");
    Node *one = map2(&b, OP_mul, graph_dot(b.g, w, x, axes_one(i)), scale), *other = map2(&b, OP_mul, graph_dot(b.g, w, y, axes_one(i)), scale);
    Node *difference = tidied(&b, map2(&b, OP_sub, one, other));
    assert_int_equal(products(&b, &difference, 1), 1);
    bench_end(&b);
}

/* The gradient of x sigmoid(x) by x: one product with what the function leaves, not three. */
static void a_gradient_stands_outside(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 13);
    Node *x = bench_leaf(&b, axes_one(axis_make(9, 95)), "-1 1"), *s = map1(&b, OP_sigmoid, x), *rest = map2(&b, OP_sub, graph_const(b.g, 1), s);
    Node *later = map1(&b, OP_exp, bench_leaf(&b, x->axes, "-1 1"));
    Node *sum = map2(&b, OP_add, map2(&b, OP_mul, later, s), map2(&b, OP_mul, map2(&b, OP_mul, s, map2(&b, OP_mul, x, later)), rest));
    Node *r = tidied(&b, sum);
    assert_int_equal(r->op, OP_mul);
    assert_true(r->in[0] == later || r->in[1] == later);
    assert_false(graph_depends(b.g, r->in[r->in[0] == later], later));
    bench_end(&b);
}

static void a_loop_of_one_pass_is_unrolled(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 4);
    Node *x = bench_leaf(&b, axes_one(b.axis[1]), "-1 1");
    Loop *loop = graph_loop_open(b.g, NULL, 1);
    Node *carry = graph_carry(b.g, loop, x, x->axes);
    graph_loop_next(b.g, loop, 0, map2(&b, OP_add, map1(&b, OP_sin, carry), loop->time));
    graph_loop_close(b.g, loop);
    assert_ptr_equal(tidied(&b, graph_result(b.g, loop, 0)), map1(&b, OP_sin, x));
    bench_end(&b);
}

static void logsumexp_stays_stable(void **state)
{
    (void)state;
    Bench b;
    bench_begin(&b, 5);
    const double v[] = { 1000, 999, -1000 };
    Axes axes = axes_one(b.axis[1]);
    Node *x = bench_leaf_of(&b, axes, v), *r = graph_fold(b.g, OP_logsumexp, x, axes), *one = graph_const(b.g, 1), *soft;
    grad_reverse(b.g, &r, &one, 1, &x, 1, &soft);
    Node *roots[2] = { r, soft };
    tidy(b.g, roots, 2);
    assert_true(fabs(*bench_value(&b, roots[0]) - (1000 + log1p(exp(-1)))) < 1e-9);
    assert_true(fabs(bench_value(&b, roots[1])[0] - 1 / (1 + exp(-1))) < 1e-12);
    bench_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_hold),
        cmocka_unit_test(a_sum_of_products_is_a_dot),
        cmocka_unit_test(a_chain_of_products_goes_pair_by_pair),
        cmocka_unit_test(a_product_of_many_factors),
        cmocka_unit_test(a_loop_keeps_what_is_read),
        cmocka_unit_test(a_body_is_tidied_too),
        cmocka_unit_test(renames_vanish),
        cmocka_unit_test(renames_sink_to_products),
        cmocka_unit_test(known_products_are_factors),
        cmocka_unit_test(products_share_a_factor),
        cmocka_unit_test(a_gradient_stands_outside),
        cmocka_unit_test(a_loop_of_one_pass_is_unrolled),
        cmocka_unit_test(logsumexp_stays_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

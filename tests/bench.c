/* bench.c: see bench.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/bench.h"

static uint64_t scramble(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static double unit(uint64_t x) { return (double)(x >> 11) * 0x1p-53; }

/* Slots hold the bench's data; draws depend on key and times alone. */
static void give_leaf(void *context, const Node *leaf, const double *times, double *values)
{
    Bench *b = context;
    int64_t count = axes_count(&leaf->axes);
    if (leaf->op == OP_slot) {
        memcpy(values, b->data[leaf->key], (size_t)count * sizeof *values);
    } else if (leaf->op == OP_step) {
        values[0] = 3;
    } else {
        uint64_t key = leaf->key;
        for (int i = 0; i < leaf->n_in; i++) key = scramble(key + (uint64_t)(int64_t)times[i] + 1);
        for (int64_t i = 0; i < count; i++) values[i] = unit(scramble(key + 77 * (uint64_t)i)) * 2 - 1;
    }
}

void bench_begin(Bench *b, uint64_t seed)
{
    *b = (Bench){ .g = graph_new(), .state = scramble(seed + 1) };
    b->oracle = oracle_new(b->g, give_leaf, b);
    for (unsigned i = 0; i < BENCH_AXES; i++) b->axis[i] = axis_make(i == 3 ? 2 : (int)i + 2, i + 1);
}

void bench_end(Bench *b)
{
    oracle_free(b->oracle);
    graph_free(b->g);
    for (int i = 0; i < b->n; i++) free(b->data[i]);
}

double bench_uniform(Bench *b, double from, double to) { return from + (to - from) * unit(scramble(++b->state)); }

int bench_choose(Bench *b, int n) { return (int)(scramble(++b->state) % (uint64_t)n); }

Axes bench_axes(Bench *b)
{
    Axes axes = { 0 };
    for (int i = 0; i < BENCH_AXES; i++)
        if (bench_choose(b, 2)) axes = axes_with(axes, b->axis[i]);
    return axes;
}

Node *bench_leaf(Bench *b, Axes axes, const char *fuzz)
{
    char *end;
    double from = strtod(fuzz, &end);
    bool away = *end == '!';
    double to = strtod(end + away, NULL);
    int64_t count = axes_count(&axes);
    double values[count];
    for (int64_t i = 0; i < count; i++) {
        values[i] = bench_uniform(b, from, to);
        if (away && fabs(values[i]) < 0.1) values[i] = 0.5;
    }
    return bench_leaf_of(b, axes, values);
}

Node *bench_leaf_of(Bench *b, Axes axes, const double *values)
{
    size_t size = (size_t)axes_count(&axes) * sizeof *values;
    if (b->n == BENCH_LEAVES || !(b->data[b->n] = malloc(size))) abort();
    memcpy(b->data[b->n], values, size);
    b->leaf[b->n] = graph_slot(b->g, (uint32_t)b->n, 0, axes);
    return b->leaf[b->n++];
}

const double *bench_value(Bench *b, const Node *n)
{
    oracle_forget(b->oracle);
    return oracle_value(b->oracle, n);
}

Node *bench_scalar(Bench *b, Node *n)
{
    Axes none = { 0 };
    return graph_fit(b->g, graph_map(b->g, OP_mul, n, bench_leaf(b, n->axes, "-1! 1"), NULL), none);
}

/* ---- Derivatives against differences ---- */

static double relative(double seen, double told)
{
    double error = fabs(seen - told) / (1 + fabs(seen));
    return isfinite(error) ? error : INFINITY;
}

static void shift(Bench *b, Node *leaf, const double *direction, double by)
{
    for (int64_t i = 0; i < axes_count(&leaf->axes); i++) b->data[leaf->key][i] += by * direction[i];
}

/* Central difference of the scalar when all leaves move along their directions. */
static double difference_along(Bench *b, Node *scalar, Node *const *leaves, Node *const *directions, int n)
{
    double h = 1e-5;
    for (int k = 0; k < n; k++) shift(b, leaves[k], b->data[directions[k]->key], h);
    double up = *bench_value(b, scalar);
    for (int k = 0; k < n; k++) shift(b, leaves[k], b->data[directions[k]->key], -2 * h);
    double down = *bench_value(b, scalar);
    for (int k = 0; k < n; k++) shift(b, leaves[k], b->data[directions[k]->key], h);
    return (up - down) / (2 * h);
}

/* Sum over the leaves of cotangent times direction. */
static Node *along(Bench *b, Node *const *cotangents, Node *const *directions, int n)
{
    Node *sum = graph_const(b->g, 0);
    for (int k = 0; k < n; k++) {
        if (!cotangents[k]) continue;
        Node *part = graph_dot(b->g, cotangents[k], directions[k], directions[k]->axes);
        sum = graph_map(b->g, OP_add, sum, part, NULL);
    }
    return sum;
}

static double error_of(Bench *b, Node *scalar, Node *const *leaves, int n, int order, Node *const *axes_from)
{
    Node *directions[n], *cotangents[n], *tangent, *one = graph_const(b->g, 1);
    for (int k = 0; k < n; k++) directions[k] = bench_leaf(b, axes_from[k]->axes, "-1! 1");
    if (!grad_reverse_changed(b->g, b->change, &scalar, &one, 1, leaves, n, cotangents)) return INFINITY;
    if (!grad_forward_changed(b->g, b->change, &scalar, 1, leaves, directions, n, &tangent)) return INFINITY;
    Node *told = along(b, cotangents, directions, n);
    double seen = difference_along(b, scalar, leaves, directions, n);
    double worst = relative(seen, *bench_value(b, told));
    worst = fmax(worst, relative(seen, tangent ? *bench_value(b, tangent) : 0));
    if (order < 2 || worst > 1e-3) return worst;
    worst = fmax(worst, error_of(b, told, leaves, n, 1, leaves) * 0.1);
    if (tangent) worst = fmax(worst, error_of(b, tangent, leaves, n, 1, leaves) * 0.1);
    return worst;
}

double bench_error(Bench *b, Node *scalar, Node *const *leaves, int n, int order)
{
    return error_of(b, scalar, leaves, n, order, leaves);
}

double bench_difference(Bench *b, const Node *x, const Node *y)
{
    if (!axes_equal(&x->axes, &y->axes)) return INFINITY;
    oracle_forget(b->oracle);
    const double *v = oracle_value(b->oracle, x), *w = oracle_value(b->oracle, y);
    double worst = 0;
    for (int64_t i = 0; i < axes_count(&x->axes); i++) {
        bool same = v[i] == w[i] || (isnan(v[i]) && isnan(w[i]));
        worst = fmax(worst, same ? 0 : relative(v[i], w[i]));
    }
    return worst;
}

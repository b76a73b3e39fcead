/* oracle.c: see oracle.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/oracle.h"

struct Oracle {
    const Graph *graph;
    OracleLeaf *leaf;
    void *context;
    double **values;            /* by id */
    double ***results;          /* by id of a LOOP node: an array for each result */
    uint32_t room;
};

static void *fresh(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);
    if (!memory) abort();
    return memory;
}

Oracle *oracle_new(const Graph *graph, OracleLeaf *leaf, void *context)
{
    Oracle *o = fresh(1, sizeof *o);
    o->graph = graph;
    o->leaf = leaf;
    o->context = context;
    return o;
}

static void forget_node(Oracle *o, const Node *n)
{
    if (n->id >= o->room) return;
    free(o->values[n->id]);
    o->values[n->id] = NULL;
    if (!o->results[n->id]) return;
    for (int i = 0; o->results[n->id][i]; i++) free(o->results[n->id][i]);
    free(o->results[n->id]);
    o->results[n->id] = NULL;
}

void oracle_forget(Oracle *o)
{
    for (uint32_t id = 0; id < o->room; id++) forget_node(o, graph_node(o->graph, id));
}

void oracle_free(Oracle *o)
{
    if (!o) return;
    oracle_forget(o);
    free(o->values);
    free(o->results);
    free(o);
}

/* The graph may have grown since the last question. */
static void make_room(Oracle *o)
{
    uint32_t room = graph_size(o->graph);
    if (room <= o->room) return;
    double **values = fresh(room, sizeof *values);
    double ***results = fresh(room, sizeof *results);
    if (o->room) {
        memcpy(values, o->values, o->room * sizeof *values);
        memcpy(results, o->results, o->room * sizeof *results);
    }
    free(o->values);
    free(o->results);
    o->values = values;
    o->results = results;
    o->room = room;
}

/* ---- Places: coordinates along named axes ---- */

typedef struct Place { int n; Axis axis[3 * MAX_AXES]; int64_t at[3 * MAX_AXES]; } Place;

static int64_t *coordinate(Place *p, Axis axis)
{
    for (int i = 0; i < p->n; i++)
        if (p->axis[i] == axis) return &p->at[i];
    p->axis[p->n] = axis;
    p->at[p->n] = 0;
    return &p->at[p->n++];
}

/* Sets the coordinates along `axes` to those of value number i, row-major. */
static void go_to(Place *p, const Axis *axes, int n, int64_t i)
{
    for (int k = n - 1; k >= 0; k--) {
        *coordinate(p, axes[k]) = i % axis_size(axes[k]);
        i /= axis_size(axes[k]);
    }
}

static int64_t number_at(Place *p, const Axis *axes, int n)
{
    int64_t number = 0;
    for (int k = 0; k < n; k++) number = number * axis_size(axes[k]) + *coordinate(p, axes[k]);
    return number;
}

static const double *compute(Oracle *o, const Node *n);

static double value_at(Oracle *o, const Node *n, Place *p)
{
    return compute(o, n)[number_at(p, n->axes.at, n->axes.n)];
}

/* ---- Families ---- */

static double fold(Op op, const double *v, int64_t n)
{
    double r = op == OP_prod ? 1 : op == OP_sum ? 0 : v[0];
    for (int64_t i = 0; i < n; i++) {
        if (op == OP_sum) r += v[i];
        else if (op == OP_prod) r *= v[i];
        else if (op == OP_minimum ? v[i] < r : v[i] > r) r = v[i];
    }
    if (op != OP_logsumexp || isinf(r)) return r;
    double s = 0;
    for (int64_t i = 0; i < n; i++) s += exp(v[i] - r);
    return r + log(s);
}

static double fold_at(Oracle *o, const Node *n, Place *p)
{
    Axes over = node_over(n);
    int64_t count = axes_count(&over);
    double *line = fresh((size_t)count, sizeof *line);
    for (int64_t j = 0; j < count; j++) {
        go_to(p, over.at, over.n, j);
        line[j] = value_at(o, n->in[0], p);
        if (n->op == OP_dot) line[j] *= value_at(o, n->in[1], p);
    }
    double r = fold(n->op == OP_dot ? OP_sum : n->op, line, count);
    free(line);
    return r;
}

static double map_at(Oracle *o, const Node *n, Place *p)
{
    double v[3] = { 0 };
    for (int i = 0; i < n->n_in; i++) v[i] = value_at(o, n->in[i], p);
    return op_value(n->op, v[0], v[1], v[2]);
}

/* Where the move leads from a place; false if outside. */
static bool follow(const Move *move, const Axes *axes, Place *p, Place *to)
{
    to->n = 0;
    for (int i = 0; i < axes->n; i++) {
        const Coord *c = NULL;
        for (int k = 0; k < move->n; k++)
            if (move->at[k].from == axes->at[i]) c = &move->at[k];
        int64_t at = c ? c->offset : *coordinate(p, axes->at[i]), size = axis_size(axes->at[i]);
        for (int k = 0; c && k < c->n; k++) at += c->term[k].coef * *coordinate(p, c->term[k].axis);
        if (c && c->wrap) at = (at % size + size) % size;
        if (at < 0 || at >= size) return false;
        *coordinate(to, axes->at[i]) = at;
    }
    return true;
}

static double concat_at(Oracle *o, const Node *n, Place *p)
{
    int64_t at = *coordinate(p, n->axis);
    int i = 0;
    for (; i < n->n_in; i++) {
        int64_t size = n->part[i] ? axis_size(n->part[i]) : 1;
        if (at < size) break;
        at -= size;
    }
    if (n->part[i]) *coordinate(p, n->part[i]) = at;
    return value_at(o, n->in[i], p);
}

static double gather_at(Oracle *o, const Node *n, Place *p)
{
    double at = value_at(o, n->in[1], p);
    if (!(at >= 0 && at < (double)axis_size(n->axis))) return NAN;
    *coordinate(p, n->axis) = (int64_t)at;
    return value_at(o, n->in[0], p);
}

static double move_at(Oracle *o, const Node *n, Place *p)
{
    Place to;
    switch (n->op) {
    case OP_index: return follow(n->move, &n->in[0]->axes, p, &to) ? value_at(o, n->in[0], &to) : 0;
    case OP_reshape: go_to(p, n->from->at, n->from->n, number_at(p, n->to->at, n->to->n)); return value_at(o, n->in[0], p);
    case OP_concat: return concat_at(o, n, p);
    case OP_gather: return gather_at(o, n, p);
    default: return value_at(o, n->in[0], p);
    }
}

static double along_at(Oracle *o, const Node *n, Place *p)
{
    int64_t size = axis_size(n->axis), here = n->op == OP_argmax || n->op == OP_argmin ? 0 : *coordinate(p, n->axis), best = 0;
    double *line = fresh((size_t)size, sizeof *line), sum = 0;
    for (int64_t i = 0; i < size; i++) {
        *coordinate(p, n->axis) = i;
        line[i] = value_at(o, n->in[0], p);
        if (n->flag ? i >= here : i <= here) sum += line[i];
        if (n->op == OP_argmin ? line[i] < line[best] : line[i] > line[best]) best = i;
    }
    double r = n->op == OP_cumsum ? sum : (double)best;
    for (int64_t i = 0; n->op == OP_argsort && i < size; i++) {      /* the value with `here` values before it */
        int64_t before = 0;
        for (int64_t j = 0; j < size; j++)
            before += (n->flag ? line[j] > line[i] : line[j] < line[i]) || (line[j] == line[i] && j < i);
        if (before == here) r = (double)i;
    }
    free(line);
    return r;
}

/* Turns the columns of a matrix until all are at right angles (one-sided Jacobi); v turns with them. */
static void turn_columns(double *a, double *v, int64_t rows, int64_t columns, int64_t i, int64_t j)
{
    double x = 0, y = 0, z = 0;
    for (int64_t r = 0; r < rows; r++) {
        double p = a[r * columns + i], q = a[r * columns + j];
        x += p * p, y += q * q, z += p * q;
    }
    if (z == 0) return;
    double tau = (y - x) / (2 * z), t = (tau < 0 ? -1 : 1) / (fabs(tau) + sqrt(1 + tau * tau)), c = 1 / sqrt(1 + t * t), s = c * t;
    for (int64_t r = 0; r < rows + columns; r++) {
        double *row = r < rows ? a + r * columns : v + (r - rows) * columns, p = row[i], q = row[j];
        row[i] = c * p - s * q;
        row[j] = s * p + c * q;
    }
}

/* Singular value number k, descending; *column is where it stands among the turned columns of a. */
static double singular_value(double *a, double *v, int64_t rows, int64_t columns, int64_t k, int64_t *column)
{
    for (int64_t i = 0; i < columns; i++) v[i * columns + i] = 1;
    for (int sweep = 0; sweep < 60; sweep++)
        for (int64_t i = 0; i < columns; i++)
            for (int64_t j = i + 1; j < columns; j++) turn_columns(a, v, rows, columns, i, j);
    double *length = fresh((size_t)columns, sizeof *length), found = 0;
    for (int64_t i = 0; i < columns; i++) {
        for (int64_t r = 0; r < rows; r++) length[i] += a[r * columns + i] * a[r * columns + i];
        length[i] = sqrt(length[i]);
    }
    for (int64_t i = 0; i < columns; i++) {
        int64_t before = 0;
        for (int64_t j = 0; j < columns; j++) before += length[j] > length[i] || (length[j] == length[i] && j < i);
        if (before == k) found = length[i], *column = i;
    }
    free(length);
    return found;
}

static double svd_at(Oracle *o, const Node *n, Place *p)
{
    int64_t rows = axis_size(n->axis), columns = axis_size(n->part[0]), k = *coordinate(p, n->part[1]), column = 0, most = 0;
    int64_t row = n->op == OP_svdvectors ? *coordinate(p, n->flag ? n->axis : n->part[0]) : 0;
    double *a = fresh((size_t)(rows * columns), sizeof *a), *v = fresh((size_t)(columns * columns), sizeof *v);
    for (int64_t i = 0; i < rows * columns; i++) {
        *coordinate(p, n->axis) = i / columns;
        *coordinate(p, n->part[0]) = i % columns;
        a[i] = value_at(o, n->in[0], p);
    }
    double r = singular_value(a, v, rows, columns, k, &column);
    for (int64_t i = 0; i < columns; i++) if (fabs(v[i * columns + column]) > fabs(v[most * columns + column])) most = i;
    double sign = v[most * columns + column] < 0 ? -1 : 1;
    if (n->op == OP_svdvectors) r = sign * (n->flag ? a[row * columns + column] / r : v[row * columns + column]);
    free(a);
    free(v);
    return r;
}

/* ---- Ops that send values to places ---- */

static void send_place(Oracle *o, const Node *n, double *values)
{
    const Axes *from = &n->in[0]->axes;
    for (int64_t i = 0; i < axes_count(from); i++) {
        Place p = { 0 }, to;
        go_to(&p, from->at, from->n, i);
        if (follow(n->move, &n->axes, &p, &to)) values[number_at(&to, n->axes.at, n->axes.n)] += value_at(o, n->in[0], &p);
    }
}

static void send_scatter(Oracle *o, const Node *n, double *values)
{
    Axes from = axes_union(&n->in[0]->axes, &n->in[1]->axes);
    for (int64_t i = 0; i < axes_count(&from); i++) {
        Place p = { 0 };
        go_to(&p, from.at, from.n, i);
        double v = value_at(o, n->in[0], &p), at = value_at(o, n->in[1], &p);
        if (!(at >= 0 && at < (double)axis_size(n->axis))) continue;
        *coordinate(&p, n->axis) = (int64_t)at;
        values[number_at(&p, n->axes.at, n->axes.n)] += v;
    }
}

static void send_put(Oracle *o, const Node *n, double *values)
{
    Axes outer = axes_without(n->axes, n->axis), over = node_over(n), from = axes_union(&outer, &over);
    memcpy(values, compute(o, n->in[0]), (size_t)axes_count(&n->axes) * sizeof *values);
    for (int64_t i = 0; i < axes_count(&from); i++) {
        Place p = { 0 };
        go_to(&p, from.at, from.n, i);
        double v = value_at(o, n->in[2], &p), at = value_at(o, n->in[1], &p);
        if (!(at >= 0 && at < (double)axis_size(n->axis))) continue;
        *coordinate(&p, n->axis) = (int64_t)at;
        values[number_at(&p, n->axes.at, n->axes.n)] = v;
    }
}

/* ---- Loops ---- */

static bool inside(const Loop *scope, const Loop *loop)
{
    for (; scope; scope = scope->outer)
        if (scope == loop) return true;
    return false;
}

static double *copy_of(const double *from, int64_t count)
{
    double *copy = fresh((size_t)count, sizeof *copy);
    memcpy(copy, from, (size_t)count * sizeof *copy);
    return copy;
}

static void forget_pass(Oracle *o, const Loop *loop)
{
    for (uint32_t id = loop->time->id; id < loop->node->id; id++) {
        const Node *n = graph_node(o->graph, id);
        if (inside(n->scope, loop)) forget_node(o, n);
    }
}

static void keep_pass(Oracle *o, const Loop *loop, double **results, int64_t t)
{
    for (int j = 0; j < loop->n_keep; j++) {
        const Node *kept = loop->keep[j];
        Axes axes = axes_with(kept->axes, loop->keep_axis);
        const double *v = compute(o, kept);
        for (int64_t i = 0; i < axes_count(&kept->axes); i++) {
            Place p = { 0 };
            go_to(&p, kept->axes.at, kept->axes.n, i);
            *coordinate(&p, loop->keep_axis) = t;
            results[loop->n_carry + j][number_at(&p, axes.at, axes.n)] = v[i];
        }
    }
}

static void run_loop(Oracle *o, const Node *n)
{
    const Loop *loop = n->loop;
    int carries = loop->n_carry, total = carries + loop->n_keep;
    double **results = fresh((size_t)total + 1, sizeof *results);
    for (int i = 0; i < carries; i++) results[i] = copy_of(compute(o, loop->init[i]), axes_count(&loop->init[i]->axes));
    for (int j = 0; j < loop->n_keep; j++)
        results[carries + j] = fresh((size_t)(axes_count(&loop->keep[j]->axes) * loop->passes), sizeof(double));
    for (int64_t t = 0; t < loop->passes; t++) {
        forget_pass(o, loop);
        double time = (double)t;
        o->values[loop->time->id] = copy_of(&time, 1);
        for (int i = 0; i < carries; i++) o->values[loop->carry[i]->id] = copy_of(results[i], axes_count(&loop->carry[i]->axes));
        keep_pass(o, loop, results, t);
        for (int i = 0; i < carries; i++)
            memcpy(results[i], compute(o, loop->next[i]), (size_t)axes_count(&loop->carry[i]->axes) * sizeof(double));
    }
    forget_pass(o, loop);
    o->results[n->id] = results;
}

/* ---- One node ---- */

static void compute_leaf(Oracle *o, const Node *n, double *values)
{
    double times[16] = { 0 };
    switch (n->op) {
    case OP_const: values[0] = n->value; break;
    case OP_iota: for (int64_t i = 0; i < axis_size(n->axis); i++) values[i] = (double)i; break;
    case OP_random: for (int i = 0; i < n->n_in; i++) times[i] = compute(o, n->in[i])[0]; o->leaf(o->context, n, times, values); break;
    case OP_slot: case OP_step: o->leaf(o->context, n, times, values); break;
    default: abort();           /* a loop's leaf outside of its loop */
    }
}

static double one_at(Oracle *o, const Node *n, Place *p)
{
    switch (op_info[n->op].family) {
    case FAMILY_MAP: return map_at(o, n, p);
    case FAMILY_FOLD: case FAMILY_DOT: return fold_at(o, n, p);
    case FAMILY_ALONG: return n->op == OP_svdvals || n->op == OP_svdvectors ? svd_at(o, n, p) : along_at(o, n, p);
    default: return move_at(o, n, p);
    }
}

static const double *compute(Oracle *o, const Node *n)
{
    if (o->values[n->id]) return o->values[n->id];
    int64_t count = axes_count(&n->axes);
    double *values = fresh((size_t)count, sizeof *values);
    if (op_info[n->op].family == FAMILY_LEAF) {
        compute_leaf(o, n, values);
    } else if (n->op == OP_loop) {
        run_loop(o, n);
    } else if (n->op == OP_result) {
        const Loop *loop = n->loop;
        compute(o, n->in[0]);
        int known = 0;          /* values kept since the loop was run need another run */
        while (o->results[n->in[0]->id][known]) known++;
        if (known < loop->n_carry + loop->n_keep) forget_node(o, n->in[0]), compute(o, n->in[0]);
        memcpy(values, o->results[n->in[0]->id][n->key], (size_t)count * sizeof *values);
    } else if (n->op == OP_place) {
        send_place(o, n, values);
    } else if (n->op == OP_scatter) {
        send_scatter(o, n, values);
    } else if (n->op == OP_put) {
        send_put(o, n, values);
    } else {
        for (int64_t i = 0; i < count; i++) {
            Place p = { 0 };
            go_to(&p, n->axes.at, n->axes.n, i);
            values[i] = one_at(o, n, &p);
        }
    }
    return o->values[n->id] = values;
}

const double *oracle_value(Oracle *o, const Node *node)
{
    make_room(o);
    return compute(o, node);
}

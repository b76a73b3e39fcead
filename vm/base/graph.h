/* graph.h: the graph that lang/ builds and vm/ runs.
 *
 * A value is a node: hash-consed, in single-assignment form, with every size known.  The graph speaks in axes, not in positions:
 * a node carries a *set* of axes, and operands of a map may lack axes that the others have (they are constant along them).  So
 * x{n,d} * w{d} needs no broadcast, and a mapped function is the same nodes with one axis more.  Order in memory, strides and
 * transposes appear only in the plan.
 *
 * Every value is real (float or double, one for a whole program).  Integers and truth values are reals too: classes, indices
 * and 0/1; exact below 2^24 in single precision, which the builder checks.
 *
 * A loop is a region without a list of its nodes: the body is what depends on the loop's CARRY and TIME leaves (see Loop). */
#ifndef EBM_BASE_GRAPH_H
#define EBM_BASE_GRAPH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "vm/base/arena.h"
#include "vm/base/source.h"

/* An axis is its size and a number that tells axes of one size apart.  ITEM_AXIS marks an axis over which a function was
 * mapped (batch rows, chains): values at different places along it do not mix inside the mapped function, so the
 * plan may run it in chunks with items in the SIMD lanes. */
typedef uint64_t Axis;
enum { MAX_AXES = 12 };
#define ITEM_AXIS 0x8000u
static inline Axis    axis_make(int64_t size, unsigned number) { return (uint64_t)size << 16 | number; }
static inline int64_t axis_size(Axis a)   { return (int64_t)(a >> 16); }
static inline unsigned axis_number(Axis a) { return (unsigned)(a & 0xffffu); }
static inline bool    axis_is_item(Axis a) { return (a & ITEM_AXIS) != 0; }

/* A set of axes, sorted by value, none twice. */
typedef struct Axes { int n; Axis at[MAX_AXES]; } Axes;
/* An ordered list of distinct axes: a shape.  The first is the outermost in row-major host arrays. */
typedef struct Shape { int n; Axis at[MAX_AXES]; } Shape;

Axes    axes_of(Shape shape);
Axes    axes_one(Axis a);
bool    axes_have(const Axes *set, Axis a);
Axes    axes_with(Axes set, Axis a);
Axes    axes_without(Axes set, Axis a);
Axes    axes_union(const Axes *a, const Axes *b);
Axes    axes_minus(const Axes *a, const Axes *b);
Axes    axes_common(const Axes *a, const Axes *b);
bool    axes_equal(const Axes *a, const Axes *b);
bool    axes_within(const Axes *small, const Axes *large);
int64_t axes_count(const Axes *set);                     /* product of the sizes; 1 for none */

/* Op families; they decide the shape rule.  The rows are in ops.def. */
typedef enum Family { FAMILY_LEAF, FAMILY_MAP, FAMILY_FOLD, FAMILY_DOT, FAMILY_MOVE, FAMILY_ALONG, FAMILY_LOOP } Family;

typedef enum Op {
#define OP_ROW(name, ...) OP_##name,
#include "vm/base/op_rows.h"
    OP_COUNT
} Op;

typedef struct OpInfo {
    const char *name;           /* as in ops.def; a map's name is also its name in the language */
    Family family;
    int operands;               /* -1: any number */
    const char *vjp[3];         /* cotangent of each operand as text of the language; null: none, "0": zero, "@name": built in grad */
    const char *fuzz;           /* "from to", "!" after from keeps random test inputs away from 0 */
    double flops;               /* per value of the result (map), per value of the operand (fold, along) */
    const char *doc;
} OpInfo;
extern const OpInfo op_info[OP_COUNT];
Op op_named(const char *name);                           /* OP_COUNT if there is none */
double op_value(Op op, double x, double y, double z);    /* of a map, in double precision; NaN for other families */

typedef enum RandomKind {
    RANDOM_UNIFORM,             /* [0, 1), 24 bits (53 in double precision) */
    RANDOM_NORMAL,              /* mean 0, deviation 1 */
    RANDOM_CHOOSE,              /* distinct integers of 0 .. size-1, in random order; one axis */
    RANDOM_ROWS                 /* rows of step number s of a data set with `size` rows: a fresh permutation an epoch,
                                 * read on from where step s-1 ended; one axis */
} RandomKind;

/* Coordinate along source axis `from` as an affine function of the result's axes: offset + sum coef*axis,
 * then modulo the size of `from` if wrap.  A source axis without a Coord is kept as it is. */
typedef struct Coord {
    Axis from;
    int64_t offset;
    int n;
    struct { Axis axis; int64_t coef; } term[3];
    bool wrap;
} Coord;
typedef struct Move { int n; Coord at[MAX_AXES]; } Move;

typedef struct Node Node;
typedef struct Loop Loop;
typedef struct Graph Graph;

struct Node {
    Op op;
    uint32_t id;                /* order of creation: operands come before users, bodies before their LOOP */
    int n_in;
    Node **in;
    Axes axes;                  /* of the result */
    Loop *scope;                /* the innermost open loop this value depends on; null outside loops */
    const Origin *origin;       /* where in the text it came from; may be null */
    /* attributes, zero where an op has none */
    double value;               /* const */
    Axis axis;                  /* iota, gather, scatter, put, concat (result), argmax, argmin, cumsum, argsort */
    uint64_t key;               /* slot: number; random: place in the program; carry, result: index */
    int64_t size;               /* random choose/rows: how many to choose from; slot: epoch of the read */
    RandomKind kind;            /* random */
    bool flag;                  /* cumsum: backward; argsort: descending; implicit: symmetric; svdvectors: left */
    Loop *loop;                 /* carry, time, loop */
    const Move *move;           /* index, place */
    const Shape *from, *to;     /* reshape: these axes, in this order, become those; random: `to` is the full shape */
    const Axis *part;           /* concat: the axis of each operand that is joined; 0: it lacks it and counts for one place;
                                 * svdvals, svdvectors: {columns, out} */
};

/* repeat: `passes` passes over the carries.  In pass t, carry[i] (a CARRY leaf) holds init[i] or the last pass's next[i]; TIME is t.
 * keep[j] is collected over the passes along keep_axis (size: passes).  RESULT i of the LOOP node is the final carry i for
 * i < n_carry, else kept value i - n_carry.  All carries of a loop have fixed axes: init is spread to them.
 * The LOOP node's operands are init[..], next[..], keep[..], in this order, so that a walk over operands reaches the body.
 * A loop may end early: once carry number `until` is not 0 anywhere after a pass.  The builder sees to it that further passes would change
 * no carry, so that making them all is as good; a loop whose kept values are read makes them all.
 * Reading a loop's kept value adds it even after the loop was closed (this is how a derivative gets its tape); a kept value
 * without a RESULT in the values wanted need not be stored. */
struct Loop {
    uint32_t id;
    int depth;                  /* 1 + the depth of outer; 1 at top */
    Loop *outer;                /* the loop whose body this one stands in; null at top */
    int64_t passes;
    Node *time;
    int n_carry, n_keep;
    Node **carry, **init, **next, **keep;
    Axis keep_axis;
    int until;                  /* number of a carry; -1: all passes are made */
    Node **same;                /* the final carries, as other loops compute them too (a derivative cut this one into segments); null, all or one: none do */
    Node *node;                 /* the LOOP node once closed */
};

/* The graph owns all its nodes; they live until graph_free. */
Graph *graph_new(void);
void   graph_free(Graph *graph);
Arena *graph_arena(Graph *graph);
uint32_t graph_size(const Graph *graph);                 /* nodes made so far; ids are below it */
Node  *graph_node(const Graph *graph, uint32_t id);
/* Origin given to nodes made from now on (a node found again by hash-consing keeps its first). */
void   graph_set_origin(Graph *graph, const Origin *origin);
const Origin *graph_origin(const Graph *graph);

/* An axis that no one else has (its number is from 0x4000 on; the builder's own numbers stay below). */
Axis   graph_fresh_axis(Graph *graph, int64_t size);

/* Leaves. */
Node *graph_const(Graph *g, double value);
Node *graph_slot(Graph *g, uint32_t slot, uint32_t epoch, Axes axes);
Node *graph_iota(Graph *g, Axis axis);                   /* 0, 1, .. along the axis */
/* A leaf that stands for a value not given yet, opaque to simplification: take derivatives with regard to it (a value in between may be
 * simplified away: x*1, index of index, a constant), then graph_substitute what it stands for. */
Node *graph_variable(Graph *g, Axes axes);
Node *graph_step(Graph *g);                              /* number of the training step, from 0 */
/* `order` is the full shape: element numbers, and so the drawn values, follow it (first axis: the item).  times: numbers of the
 * passes of the loops it stands in, outermost first: TIME leaves, or in a loop that runs backward scalars computed from them; the
 * drawn values depend on the numbers alone.  size: see RandomKind. */
Node *graph_random(Graph *g, RandomKind kind, uint64_t key, int64_t size, Shape order, Node **times, int n_times);

/* Maps: element-wise; the result has the union of the axes.  Folds constants and trivial identities (x*1, x+0, x*0 where x
 * is a constant, double negation), so a value known before the run is a CONST node. */
Node *graph_map(Graph *g, Op op, Node *x, Node *y, Node *z);
/* Folds: SUM, PROD, MAX, MIN, LSE over axes; axes the operand lacks: sum multiplies by the size, prod takes the power, lse adds
 * the log of the size. */
Node *graph_fold(Graph *g, Op op, Node *x, Axes over);
/* sum over `over` of x*y: the product of matrices and all its kin. */
Node *graph_dot(Graph *g, Node *x, Node *y, Axes over);
/* Constant along new axes. */
Node *graph_spread(Graph *g, Node *x, Axes onto);
/* Sum or spread x to exactly these axes: what fits a cotangent to its operand. */
Node *graph_fit(Graph *g, Node *x, Axes axes);
/* Result value at (axes of result) = x at the coordinates the move gives, 0 outside; `onto`: axes of the result. */
Node *graph_index(Graph *g, Node *x, const Move *move, Axes onto);
/* Adjoint of index: sums each value of v into the place it came from; `onto`: axes of the result. */
Node *graph_place(Graph *g, Node *v, const Move *move, Axes onto);
Node *graph_rename(Graph *g, Node *x, Axis from, Axis to);
bool  node_is_rename(const Node *n);                     /* an INDEX that only gives axes other names */
/* The axes `from`, row-major, become the axes `to` (equal counts); other axes are kept. */
Node *graph_reshape(Graph *g, Node *x, Shape from, Shape to);
/* Operands are spread to have all axes that another has, but for the joined ones. */
Node *graph_concat(Graph *g, Node **in, const Axis *part, int n, Axis axis);
/* r[..] = x[.., index[..], ..] along `axis`; axes common to x and index are walked together.  (In a GATHER node index lacks `axis`.) */
Node *graph_gather(Graph *g, Node *x, Axis axis, Node *index);
/* r[.., a] = sum over `over` of v where index == a: the adjoint of gather.  v and index may each lack axes that the other has; a
 * SCATTER or PUT node's result has none of `over` (they are renamed if need be). */
Node *graph_scatter(Graph *g, Node *v, Node *index, Axis axis, Axes over);
/* base with the places index (distinct along `over`) along `axis` replaced by v. */
Node *graph_put(Graph *g, Node *base, Axis axis, Node *index, Node *v, Axes over);
/* The axes that a fold, dot, scatter or put runs over: those of its operands (put: index and v) that its result lacks. */
Axes  node_over(const Node *n);
/* argmax and argmin (the axis goes), cumsum and argsort (it stays) along one axis. */
Node *graph_along(Graph *g, Op op, Node *x, Axis axis, bool flag);
/* Singular values of the matrix rows x columns, along `out` (size: the smaller of the two).  Attributes: axis = rows, part = {columns, out}. */
Node *graph_svdvals(Graph *g, Node *x, Axis rows, Axis columns, Axis out);
/* Its singular vectors: the left ones {rows, out}, or the right ones {columns, out}.  Of the largest component of a right one (the first at a
 * tie) the sign is plus. */
Node *graph_svdvectors(Graph *g, Node *x, Axis rows, Axis columns, Axis out, bool left);
Node *graph_stop(Graph *g, Node *x);                     /* x, without a derivative */
/* z with the derivative of where the residual, a node of z, is 0 (z being a STOP node).  symmetric: the residual's derivative by z is, as that
 * of a gradient is. */
Node *graph_implicit(Graph *g, Node *z, Node *residual, bool symmetric);

/* Whether no simplification looks through the node: it can be found again in all that was computed from it, so that a derivative by it is
 * whole.  Others (a number, -x, 2*x, a slice, a reshape) can have been passed by; take derivatives by a graph_variable instead. */
bool  node_is_opaque(const Node *n);

/* Loops: open, make carries, build the body, set next values, close, read results. */
Loop *graph_loop_open(Graph *g, Loop *outer, int64_t passes);
Node *graph_carry(Graph *g, Loop *loop, Node *init, Axes axes);   /* returns the CARRY leaf */
void  graph_loop_next(Graph *g, Loop *loop, int carry, Node *next);
/* Returns the number of the kept value.  A loop has one keep_axis: the axis of the first call (later ones must be equal). */
int   graph_loop_keep(Graph *g, Loop *loop, Node *value, Axis axis);
Node *graph_loop_close(Graph *g, Loop *loop);
Node *graph_result(Graph *g, Loop *loop, int index);

/* The node made anew from other operands, one for each of its own, by the same constructor with the same attributes (axes that only
 * the new operands have are kept in the result).  Not for CARRY, TIME, LOOP and RESULT. */
Node *graph_rebuild(Graph *g, const Node *node, Node *const *in);
/* A copy of the values `roots` in which each `from[i]` is replaced by `to[i]`; loops that depend on one are copied.  A replacement
 * may have more axes than what it replaces: they are carried along (this maps a value over them). */
void  graph_substitute(Graph *g, Node **roots, int n_roots, Node *const *from, Node *const *to, int n);
/* These values are the loop's final carries, one for each: where both are needed, only they are computed. */
void  graph_loop_equals(Graph *g, Loop *loop, Node *const *ends);
/* How many values a derivative may keep of a loop's passes; beyond that it keeps fewer and makes passes again. */
double graph_largest_tape(const Graph *g);
void  graph_limit_tape(Graph *g, double values);

/* Whether `value` depends on `leaf`. */
bool  graph_depends(Graph *g, const Node *value, const Node *leaf);

/* Nodes still to be looked at, for walks; `at` is the walker's to free. */
typedef struct NodeStack { Node **at; int n, room; } NodeStack;
void node_push(NodeStack *s, Node *n);

/* Text of the nodes the roots need, one a line; and the same for graphviz. */
void  graph_print(FILE *out, const Graph *g, Node *const *roots, int n_roots, bool dot);
/* Null if the graph keeps its rules, else what is broken (in the graph's arena). */
const char *graph_check(Graph *g, Node *const *roots, int n_roots);

#endif

/* inside.h: what the parts of the planner share.
 *
 * The planner goes once through these stages, each in the file of its name:
 *   need     which nodes the outputs need, and the blocks (top, bodies of loops) they stand in
 *   lanes    which axis of a node runs along the SIMD lanes
 *   levels   order of what crosses items and of regions that run chunk by chunk
 *   slices   sums over items that are made in the items' region
 *   terms    sums of products that are one product
 *   layout   the order of the axes in memory; views and buffers
 *   emit     instructions, block by block (fuse: maps, join: their steps; dot: products, margins: without zeros; move, fold, leaf: the rest)
 *   together instructions that need not wait for each other
 *   buffers  live ranges and places in the arenas (guard: whether results are finite; far: what is written past the caches) */
#ifndef EBM_PLAN_INSIDE_H
#define EBM_PLAN_INSIDE_H

#include "lang/plan/plan.h"
#include "vm/code.h"

/* A stretch of planned memory.  The slot buffers stand for the store's own memory. */
typedef struct Buffer {
    int32_t base;               /* BASE_ARENA, BASE_LOCAL, BASE_SLICE, BASE_SLOT + i */
    int64_t count;              /* values */
    int64_t offset;             /* within its base, once placed */
    int home;                   /* the span (see Span of instructions) it was made in: it lives within one pass of it */
    int region;                 /* local: the region whose chunks it belongs to */
    int first, last;            /* positions of the first and last instruction that touch it */
} Buffer;

/* Where a node's values lie: strides by axis.  An axis that is not listed has stride 0. */
typedef struct View {
    int buffer;                 /* number of the buffer; -1: not laid out yet */
    int64_t offset;
    int64_t apart;              /* of a slice's sums: values for each item before the slice's first */
    int n;
    Axis axis[MAX_AXES];
    int64_t stride[MAX_AXES];
} View;

typedef struct NodeList { Node **at; int n, room; } NodeList;

/* A chunked stretch of a block: nodes that treat one item axis each as independent places. */
typedef struct Region {
    int id;                     /* from 1 */
    int64_t items, chunk;
    int64_t slice;              /* items that are summed together (slices.c); 0: nothing is summed in it */
    bool summing;               /* its chunks are done: what is emitted is for the whole slice, and chunk its items */
    int span;
    int level;
    Loop *scope;                /* of the block it is a part of */
    NodeList nodes;
} Region;
typedef struct Lanes Lanes;

/* What the planner knows of a loop. */
typedef struct LoopInfo {
    bool needed, chunked;       /* chunked: it runs whole inside one region */
    bool *carry_needed, *keep_needed, *keep_escapes;
    NodeList body;              /* nodes directly in it, in order */
    NodeList outside;           /* nodes of other scopes that its body reads */
    View *carry, *keep;
    int depth;
    int64_t items;              /* chunked: their number, and the class of axes they run along (lanes.c) */
    int class;
} LoopInfo;

/* A product that is one of a sum's terms, and the names of the sum's axes in it. */
typedef struct Term { Node *dot; Shape names; } Term;

/* What the planner knows of a node. */
typedef struct Info {
    bool chunked;               /* computed chunk by chunk, in its region */
    bool escapes, stays;        /* used outside its region; used inside it */
    bool kept;                  /* used by sums of the slice, which come after its chunks */
    bool doubled;               /* stays, and escapes or is kept: made in the chunk's memory, then copied to the arena or the slice's */
    bool sliced;                /* a sum over items that is made slice by slice in their region (slices.c); its lane is the summed axis */
    Axis lane;                  /* of a chunked node; 0: none, it is the same for all items */
    int level, region;
    int uses;                   /* by other nodes (through spreads and stops), loops and outputs */
    Node *user;                 /* one of them; null: an output */
    int lowest_use, deepest_use, uses_seen;     /* depths of its uses in the stretch, and their number (fuse.c) */
    int batch, depth, unit, place; /* of the stretch being emitted: the fused map, or the node alone (fuse.c) */
    bool again;                 /* made wherever it is used rather than kept (fuse.c) */
    int spare;                  /* slot + 1 whose next value this is, if it may be made in place (layout.c) */
    const Shape *spare_order;   /* the slot's order, in its own axes */
    bool at_commit;             /* a put into a slot that becomes its next value and is nothing else: done in the slot, at the commit */
    int n_terms;                /* of a sum of products that is made as one product; 0: no such sum */
    Term *terms;
    bool in_terms;              /* it is made within such a sum */
    Shape order;                /* of its axes in memory, outermost first; n = 0 until known (or scalar) */
    bool ordered;
    View view;                  /* where it lies */
    View outside;               /* where users outside its region find it, if not there */
} Info;

/* A span of instructions, from position `first` to `last`: the code, the body of a loop, of a region. */
typedef struct SpanOf { int outer, region, first, last; } SpanOf;

enum { MOST_MULTIPLIED = 16 };
typedef struct Planner {
    Arena *memory;              /* of the code */
    Arena work;                 /* of the planning */
    Graph *graph;
    const Program *program;
    const Store *store;
    Diagnostics *diagnostics;
    Code *code;
    bool *needed;               /* by node id */
    Info *info;                 /* by node id; of the needed ones, which are few of all that the graph holds: the others' memory is not touched */
    LoopInfo *loops;            /* by loop id */
    uint32_t n_loops;
    NodeList top;               /* needed nodes outside loops */
    Lanes *lanes;
    Region **regions;           /* by id - 1 */
    int n_regions;
    Buffer *buffers;
    int n_buffers, buffers_room;
    SpanOf *spans;
    int n_spans, spans_room;
    int span;                   /* the one being filled */
    int *slot_buffers;          /* by slot of the store: its buffer + 1, or 0 */
    int *element_buffers;       /* the same of its elements */
    Region *region;             /* being filled; null outside */
    int depth;                  /* of loops around */
    Block *block;               /* instructions being collected; room in block_room */
    Block prologue;             /* constants */
    int batches;
    int constants_room;         /* of the code's constants */
    int64_t chunk;              /* asked for; 0: choose */
    int64_t multiplied[MOST_MULTIPLIED];        /* numbers of items that products of matrices sum over by slices */
    int n_multiplied;
    bool failed;
} Planner;

static inline Info *info_of(const Planner *p, const Node *n) { return &p->info[n->id]; }
void node_list_add(Planner *p, NodeList *list, Node *n);
/* The node that a value is the same array as: below spreads, stops and implicits. */
Node *node_below(Node *n);
/* Calls visit for each node whose value `n` reads: its operands; for a loop, first values and all that its body reads from
 * outside; for a result, its loop. */
void visit_operands(Planner *p, Node *n, void (*visit)(Planner *p, Node *user, Node *operand, int which, void *context), void *context);
bool is_view(const Node *n);
/* The operand of a renaming; what `names` calls by the new names has the old ones then. */
Node *below_rename(Node *n, Shape *names);
/* Whether a gather takes its values from a slot's elements: it reads them where they are stored, and its operand is made for others alone. */
bool gathers_elements(const Planner *p, const Node *n);

/* need.c */
void find_needed(Planner *p);

/* lanes.c */
typedef struct AxisClass { int parent; bool item; double weight; } AxisClass;
struct Lanes {
    AxisClass *at;              /* a forest with an entry for each axis of each node: a class is known by its root */
    int *first;                 /* by node: entry of its first axis */
    Axis *chosen;               /* by node: the axis that would run along the lanes; 0: none */
};
void find_lanes(Planner *p);
int  class_of(Lanes *lanes, const Node *n, Axis a);
/* The axis of operand `which` that runs along with the result's axis a: an axis of the operand, 0 if it is constant along a;
 * false if places along a mix. */
bool axis_in_operand(const Node *n, int which, Axis a, Axis *in_operand);
bool runs_along(const Node *user, int which, Axis lane, Axis operand_lane);
/* Whether the op itself can be computed for some places of the axis alone. */
bool can_chunk(const Node *n, Axis lane);
/* Chunks the loop along the heaviest class of its carries that will do. */
void chunk_loop(Planner *p, Loop *loop);
/* An axis of a value computed outside regions that regions will run along: it goes innermost in memory.  0: none. */
Axis item_axis(const Planner *p, const Node *n);

/* terms.c */
void find_sums(Planner *p);

/* levels.c */
void find_regions(Planner *p);

/* slices.c */
/* Makes the node, which could not be chunked, a sum by slices if it is one and that pays. */
void    slice_node(Planner *p, Node *n);
int64_t slice_items(const Planner *p, int64_t items);
void    find_multiplied(Planner *p);                    /* how many items products sum over by slices */
void    find_multiplied(Planner *p);                    /* how many items products sum over by slices */
/* Whether all slices consist of vectors of items that lie side by side. */
enum { LANES_SUMMED = 16 };
Axis    vector_axis(const Node *n);                     /* of as many lanes; none of the node's own */
bool    slice_has_vectors(const Planner *p, const View *view, Axis lane);
View    slice_view(Planner *p, const Node *n);          /* of the sums of all slices */
void    emit_slices(Planner *p, Node *n);               /* after the region: their sum */

/* layout.c */
void    find_orders(Planner *p);
View    slot_view(const Shape *shape, int buffer);      /* row-major */
int     slot_buffer(Planner *p, uint32_t slot, bool written);
View    elements_view(Planner *p, const Node *n);       /* of a slot, or of new names for its axes */
Shape   elements_order(const Planner *p, const Node *n);
int     buffer_new(Planner *p, int32_t base, int64_t count);
/* A new buffer for a value with these axes where it is to be kept (this chunk's memory, or the arena). */
View    view_new(Planner *p, const Shape *order, Axis lane, bool escapes);
/* The same for a value that is used after its chunk: in the arena, or for the slice. */
View    view_after(Planner *p, const Shape *order, Axis lane, const Info *info);
static inline bool is_used_after(const Info *info) { return info->escapes || info->kept; }
View    view_for(Planner *p, const Node *n);            /* view_new for a node, noted as its place */
/* Where a node lies; constants are put into memory when first asked for. */
const View *view_of(Planner *p, Node *n);
int64_t view_stride(const View *v, Axis a);
void    view_set(View *v, Axis a, int64_t stride);
void    view_drop(View *v, Axis a);
int64_t padded(int64_t count);                          /* to 16 values */

/* nest.c: loops around a kernel. */
typedef struct NestDim { int64_t size; bool lane; Axis axis; int64_t stride[MAX_REFS]; } NestDim;        /* axis: 0 where dims have become one */
/* whole_chunks: no chunk is cut short, so the lanes may be one with other dims.  item_stride: of each view, from item to item. */
typedef struct Nest { int n, n_views; bool whole_chunks; int64_t item_stride[MAX_REFS]; NestDim dim[MAX_DIMS + MAX_AXES]; const View *view[MAX_REFS]; } Nest;
void    nest_begin(Nest *nest, const View *const *views, int n_views);
void    nest_axis(Planner *p, Nest *nest, Axis a, Axis lane);
void    nest_dim(Nest *nest, int64_t size, const int64_t *strides);
/* Sorts the dims by the result's strides, drops dims of size 1 and merges dims that are one in memory. */
void    nest_tidy(Nest *nest);
/* Merges dims from the innermost one outward, down to `from`, as far as they are one in memory. */
void    nest_merge(Nest *nest, int from);
/* Takes the dim `at` out of the nest and puts it last. */
void    nest_last(Nest *nest, int at);
Instr  *nest_instr(Planner *p, const Nest *nest, InstrKind kind, const Node *node);

/* emit.c */
void    emit_program(Planner *p);
Instr  *instr_new(Planner *p, InstrKind kind, const Node *node);
void    instr_add(Planner *p, Instr *instr);
void    emit_copy(Planner *p, const Node *node, const View *to, const View *from, const Axes *axes, Axis lane);
void    emit_fill(Planner *p, const Node *node, const View *to, const Axes *axes, Axis lane, double value);
Axis    lane_of(const Planner *p, const Node *n);       /* its lane axis while in a region, else 0 */
void    scratch_needed(Planner *p, int64_t values);      /* of the kernels' own memory, for each thread */
void    split_instr(const Planner *p, Instr *instr, int first, int last, double work);  /* work: of one turn of the nest */

/* join.c: fills a tile program's joined steps.  By step, from the program's first: where its operands were made (below `from`: outside), how many steps of the
 * program use its value, and whether that is kept. */
typedef struct TileUses { int (*made_at)[3]; const int *within; const bool *stored; int from; } TileUses;
void join_steps(Planner *p, const TileUses *uses, TileProgram *program);

/* fuse.c */
void    emit_straight(Planner *p, Node **nodes, int n); /* nodes of one level or region, in any order */
bool    make_anew(Planner *p, const Node *user, Node *n, View *to);
void    emit_single(Planner *p, Node *n);               /* emit.c: one node that is no map */

/* dot.c, fold.c, move.c, leaf.c */
void    emit_dot(Planner *p, Node *n);
/* Whether the dot is made by the place that alone uses it (a convolution's derivative by its data): emit_dot leaves it to emit_place. */
bool    is_left_to_place(const Planner *p, const Node *dot);
/* Adds the products into the places that `to` leads to; false if that cannot be done, and then emit_dot_alone makes the dot. */
bool    emit_dot_into(Planner *p, Node *dot, const View *to);
void    emit_dot_alone(Planner *p, Node *n);
void    emit_terms(Planner *p, Node *n);                /* a sum of products (terms.c) */
void    emit_fold(Planner *p, Node *n);
/* The sum over the items of a slice (slices.c), whose values lie item by item in `from` with all axes of n. */
void    emit_items_sum(Planner *p, Node *n, const View *to, const View *from);
void    emit_sum(Planner *p, Node *n, Nest *nest);     /* of the one dim the nest's first view lacks */
void    emit_along(Planner *p, Node *n);
void    emit_svd(Planner *p, Node *n);
bool    index_is_inside(const Node *n);                 /* a view: no place is outside the source */
void    emit_index(Planner *p, Node *n);
void    emit_place(Planner *p, Node *n);
void    emit_reshape(Planner *p, Node *n);
void    emit_concat(Planner *p, Node *n);
void    emit_gather(Planner *p, Node *n);
void    emit_scatter(Planner *p, Node *n);
void    emit_put(Planner *p, Node *n);
void    emit_put_into(Planner *p, Node *n, const View *to, const View *values, const View *index);
void    emit_iota(Planner *p, Node *n);
void    emit_random(Planner *p, Node *n);

/* margins.c: marks the places of a product's nest that the move, of an operand or of what it is added to, leads outside. */
void    find_margins(Planner *p, Instr *instr, const Nest *nest, const Move *move);
/* The move of an index that gives zeros where it reaches outside; null: the node is none. */
const Move *move_of_zeros(const Node *n);

/* together.c; before operands are given their places. */
void    join_instrs(Instr *const *at, int n);

/* buffers.c */
void    place_buffers(Planner *p);

/* guard.c: marks results that are looked at while they are made; refs still name their buffers. */
void    find_guarded(Planner *p);

/* far.c: marks results that are written past the caches; buffers are placed, refs still name them. */
void    find_far(Planner *p);

#endif

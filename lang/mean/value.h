/* value.h: what an expression means while a text is being built: arrays of graph nodes, functions, records, and the like.
 * Values live in the script's arena and are never changed once another value refers to them. */
#ifndef EBM_VALUE_H
#define EBM_VALUE_H

#include "lang/text/syntax.h"
#include "vm/base/diag.h"
#include "vm/base/graph.h"
#include "vm/base/store.h"

typedef struct Train Train;     /* a run: lang/graph/script.h */

typedef enum ValueKind {
    VALUE_NONE,                 /* a mistake that was reported; whatever uses it stays silent */
    VALUE_ARRAY,                /* numbers, truth values, classes, energies */
    VALUE_FUNCTION,             /* definitions, lambdas, built-in functions, and these with settings */
    VALUE_RECORD,               /* columns of a data set, values of a regime */
    VALUE_STRING,
    VALUE_TEXTS,                /* several strings: lines of a file, a column of a table, ["a", "b"] */
    VALUE_SHAPE,                /* [N, ..S], like x */
    VALUE_BUNDLE,               /* several arrays that are handled as one: cells of an optimizer, several binders */
    VALUE_PLOT,
    VALUE_RUN,                  /* a train, or the cells of a saved one */
    VALUE_MODULE,               /* use "file.ebm" as m */
    VALUE_ZEROS                 /* `from zeros`: takes the shape that is needed */
} ValueKind;

typedef enum DomainClass { CLASS_REAL, CLASS_WHOLE, CLASS_SPIN, CLASS_BOX, CLASS_SIMPLEX, CLASS_SPHERE, CLASS_POSITIVE } DomainClass;
typedef struct Domain { DomainClass kind; double low, high; } Domain;    /* WHOLE: low..high, both included; SPIN: low or high; BOX: low to high */

typedef struct Value Value;
typedef struct Closure Closure;
/* Texts, and how messages call them: "PATH: UNIT 7"; `first` counts those before them. */
typedef struct TextList { int64_t n; const char *const *at; const char *path, *unit; int64_t first; } TextList;
typedef struct Field { const char *name; Value *value; struct Field *next; } Field;

struct Value {
    ValueKind kind;
    Node *node;                 /* ARRAY: its axes are among those of `shape` and the hidden ones of the functions being mapped */
    Shape shape;                /* ARRAY: the visible axes, in order */
    Domain domain;
    Domain floored;             /* ARRAY of reals: a whole number divided by one; what its floor is one of.  REAL: not known */
    Unit unit;                  /* of a quantity */
    Field *fields;              /* RECORD: in order; ARRAY: the terms of an energy, or parts such as .train and .test */
    Closure *fn;                /* FUNCTION */
    const char *string;         /* STRING */
    const TextList *texts;      /* TEXTS */
    int n_items;                /* BUNDLE, array literal: the members; SHAPE: the sizes as axes in `shape` */
    Value **items;
    Train *run;                 /* RUN */
    const struct Module *module;/* MODULE; with `run`, as it is in that run */
    int n_layers;               /* PLOT */
    PlotLayer *layers;
    bool is_box;                /* ARRAY made by box(..), an area to draw */
    bool is_energy;             /* ARRAY: an energy or a term of one, for each visible item */
};

typedef enum BindingKind { BINDING_VALUE, BINDING_INDEX, BINDING_TIME, BINDING_CELL, BINDING_STATE } BindingKind;

/* A name in a scope. */
typedef struct Binding {
    const char *name;
    BindingKind kind;
    Span span;
    Value *value;               /* as it is now */
    Value *next;                /* its primed value, once assigned; null before */
    Axis axis; int64_t low;     /* INDEX: runs from low over the axis */
    int64_t passes;             /* TIME: runs from 0 to passes - 1 */
    uint32_t *cells;            /* CELL: one slot for each member of a bundle, else one; STATE, of a layer: one while it is trained, else none */
    int n_cells;
    bool sought;                /* what a solver moves */
    struct Binding *below;      /* the binding before it in the same scope */
} Binding;

typedef struct Scope {
    struct Scope *outer;        /* lexically; null: the top level follows */
    Binding *last;
} Scope;

typedef enum ClosureKind {
    CLOSURE_DEF, CLOSURE_LAMBDA, CLOSURE_BUILTIN,
    CLOSURE_SUM, CLOSURE_SCALE, /* energies add and scale: a + b; scale * a */
    CLOSURE_EMA,                /* a follows the cells of another net */
    CLOSURE_INFER               /* the `of` part of an inference as a function of its binders */
} ClosureKind;

struct Closure {
    ClosureKind kind;
    const char *name;           /* as the reader knows it */
    Span span;                  /* where it was used or made */
    Def *def;
    Expr *lambda;               /* LAMBDA, INFER: the expression */
    const struct Builtin *builtin;
    Scope *scope;               /* LAMBDA, INFER: what it can see */
    Field *settings;            /* configuration as given */
    bool configured;
    Train *run;                 /* the run whose cells it reads; null: initial ones */
    const char *owner;          /* path that owns the parameters of layers used inside: a lambda's, an inference's */
    const char *instance;       /* path of this layer's own parameters if it was given a name */
    int site;                   /* how many-th use of the name in its definition */
    int turn;                   /* how many-th use in its statement */
    const Expr *root;           /* LAMBDA, INFER: the expression of the statement it stands in */
    Closure *a, *b;
    Value *scale;
    double decay;               /* EMA, where it has no schedule */
    struct Value *schedule;     /* EMA: its decay as a function of (t, total); else null */
    Shape items;                /* INFER: the item axes its calls are mapped over */
    const struct Inference *inference;  /* INFER: what is sought */
    const struct Given *given;  /* INFER: what stands in its places; null: nothing does */
};

#endif

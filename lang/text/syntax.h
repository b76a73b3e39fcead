/* syntax.h: what the parser makes of a text.  Names are as written; nothing is resolved or checked here.
 *
 * All syntax lives in the arena of its File, and is freed with it.  Lists are arrays with a count. */
#ifndef EBM_TEXT_SYNTAX_H
#define EBM_TEXT_SYNTAX_H

#include <stdbool.h>
#include <stdio.h>
#include "vm/base/arena.h"
#include "vm/base/diag.h"
#include "vm/base/source.h"

typedef struct Expr Expr;
typedef struct Stmt Stmt;
typedef struct Def Def;

typedef struct Name { const char *text; Span span; } Name;
typedef struct Names { int n; Name *at; } Names;
typedef struct Exprs { int n; Expr **at; } Exprs;
typedef struct Block { int n; Stmt **at; Span span; } Block;

/* One entry of a shape: a size, or the rest of the shape under a name ([N, ..S]; size is null). */
typedef struct Dim { Expr *size; Name rest; Span span; } Dim;

typedef enum DomainKind {
    DOMAIN_REAL,                /* [D] */
    DOMAIN_RANGE,               /* {lo..hi} */
    DOMAIN_SET,                 /* {a, b, ..} */
    DOMAIN_BOX,                 /* lo..hi [..] */
    DOMAIN_NAMED                /* simplex[K], sphere[K, D], positive[D]: `name` */
} DomainKind;

typedef struct Type {
    DomainKind domain;
    Expr *low, *high;           /* range, box */
    Exprs set;                  /* set */
    Name name;                  /* named */
    bool has_dims;              /* {0..9} alone and [] differ only in the text: both are scalars */
    int n_dims;
    Dim *dims;
    Name like;                  /* `like x`: the type of x; else text is null */
    Span span;
} Type;

typedef struct Param { Name name; Type *type; Expr *preset; bool latent; Span span; } Param;   /* type, preset may be null */
/* One list of parameters; latent ones follow a semicolon. */
typedef struct Signature { int n; Param *at; Span span; } Signature;

/* One argument: name.text is null for a positional one; latent: after the semicolon. */
typedef struct Arg { Name name; Expr *value; bool latent; } Arg;

typedef enum SubscriptKind { SUBSCRIPT_AT, SUBSCRIPT_ALL, SUBSCRIPT_SLICE } SubscriptKind;   /* a[e], a[:], a[lo:hi] */
typedef struct Subscript {
    SubscriptKind kind;
    Expr *at;                   /* AT: the place; in `i: n` of a left side or a reduction, the index name */
    Expr *low, *high;           /* SLICE: either may be null.  `i: n` is read as a slice with low = i, high = n */
    Span span;
} Subscript;

typedef enum ExprKind {
    EXPR_NUMBER, EXPR_QUANTITY, EXPR_STRING, EXPR_NAME, EXPR_PRIMED, EXPR_LIKE,
    EXPR_ARRAY,                 /* [a, b, ..S]: list; a `..S` entry is EXPR_REST */
    EXPR_REST,                  /* ..S */
    EXPR_CALL, EXPR_INDEX, EXPR_FIELD,
    EXPR_UNARY, EXPR_BINARY,
    EXPR_REDUCE,                /* sum[i, j] body */
    EXPR_IF, EXPR_LAMBDA,
    EXPR_PIPE,                  /* a |> f(c): kid[0] |> kid[1] */
    EXPR_INFER                  /* argmin, argmax, sample, marginal, expectation */
} ExprKind;

typedef enum Unary { UNARY_NEG, UNARY_NOT } Unary;
typedef enum Binary {
    BINARY_ADD, BINARY_SUB, BINARY_MUL, BINARY_DIV, BINARY_MOD, BINARY_POW,
    BINARY_LT, BINARY_GT, BINARY_LE, BINARY_GE, BINARY_EQ, BINARY_NE, BINARY_AND, BINARY_OR
} Binary;
typedef enum InferKind { INFER_ARGMIN, INFER_ARGMAX, INFER_SAMPLE, INFER_MARGINAL, INFER_EXPECTATION } InferKind;
typedef enum Unit { UNIT_NONE, UNIT_STEPS, UNIT_EPOCHS, UNIT_SECONDS, UNIT_MILLISECONDS } Unit;

typedef struct Infer {
    InferKind kind;
    Names names;
    Expr *of, *under, *by;          /* null where the clause is absent */
    Exprs given;                    /* mask and values, mask and values, .. */
    Exprs from;                     /* none, one, or one for each name */
    Name through;                   /* text null, "unroll" or "implicit" */
} Infer;

struct Expr {
    ExprKind kind;
    Span span;
    Name name;                  /* NAME, PRIMED (without the prime), LIKE, REST, FIELD, REDUCE (the reduction); span of the word itself */
    double number;              /* NUMBER, QUANTITY */
    Unit unit;                  /* QUANTITY */
    const char *string;         /* STRING, unescaped */
    int op;                     /* UNARY, BINARY: enum Unary or Binary; the operator's place is `op_span` */
    Span op_span;
    Expr *kid[3];               /* operands; CALL: the callee; INDEX, FIELD: the base; REDUCE, LAMBDA: the body; IF: condition, then, else */
    Exprs list;                 /* ARRAY */
    int n_args; Arg *args; bool has_latent;     /* CALL; has_latent: a semicolon was written */
    int n_subscripts; Subscript *subscripts;    /* INDEX; REDUCE: the indices */
    Signature *params;          /* LAMBDA */
    Infer *infer;               /* INFER */
    int site;                   /* NAME: how many-th use of this name in its definition or top-level statement, from 1 in text order (set by the parser; a template used
                                 * for the k-th time names its parameters by it: dense1, dense2) */
    int depth;                  /* levels of expressions in it, itself included; never more than DEEPEST_EXPR (build.h), so recursion is safe */
};

typedef enum StmtKind {
    STMT_EXPR,                  /* an expression alone: a result, or a regime used */
    STMT_BIND,                  /* targets = value, or targets ~ value (draw) */
    STMT_PARAM, STMT_STATE, STMT_TERM, STMT_REPEAT, STMT_KEEP,
    STMT_LOWER, STMT_RAISE, STMT_MINIMIZE, STMT_UPDATE, STMT_GUARD, STMT_EVERY, STMT_UNTIL, STMT_CHECKPOINT,
    STMT_RECORD, STMT_PHASE,
    STMT_DEF, STMT_OPTION, STMT_DATA, STMT_SEED, STMT_PRECISION, STMT_EDITION, STMT_USE,
    STMT_CLAIM, STMT_SHOW, STMT_SAVE, STMT_LOAD, STMT_PRINT
} StmtKind;

struct Stmt {
    StmtKind kind;
    Span span;
    const char *doc;            /* the ## comment above, without the marks; null if there is none */
    Exprs targets;              /* BIND: NAME, PRIMED, or INDEX over one of them (an index equation) */
    bool draw;                  /* BIND, PARAM, STATE: written with ~ */
    Name name;                  /* PARAM, STATE, TERM, OPTION, DATA, PHASE; REPEAT: `as`; KEEP, LOWER, RAISE, MINIMIZE: `as`; USE: `as`;
                                 * PRECISION: f32 or f64; GUARD: rollback or stop; LOAD: the name bound; text null if absent */
    Type *type;                 /* PARAM, STATE, DATA; may be null */
    Expr *value;                /* the expression; REPEAT: the count; EVERY, UNTIL, CHECKPOINT: the period; GUARD: the condition; UPDATE: the optimizer;
                                 * SEED, EDITION: the number; SAVE, SHOW: what */
    Exprs list;                 /* UPDATE: what is updated; RECORD, PRINT: the values */
    Name *as;                   /* RECORD: a name for each value, text null if not given */
    Block block;                /* REPEAT, EVERY, PHASE */
    const char *string;         /* OPTION: its description; CLAIM: the claim; SHOW, SAVE: the file after ->, null if none; USE, LOAD: the file */
    Span string_span;
    const char *digest;         /* USE: "sha256:..." or null */
    Def *def;                   /* DEF */
};

typedef enum DefKind {
    DEF_LAYER, DEF_ENCODER, DEF_PREDICTOR, DEF_DECODER, DEF_NET, DEF_ENERGY, DEF_FN, DEF_SOLVER, DEF_REGIME, DEF_OPTIMIZER, DEF_TRAIN
} DefKind;

struct Def {
    DefKind kind;
    Name name;
    Span span;
    const char *doc;
    int n_signatures;           /* 0: train, or another name (encoder slow = ema(f)); 1: operands; 2: configuration and operands */
    Signature signatures[2];
    Type *result;               /* null where not written */
    Expr *value;                /* = expr; else null and the block counts */
    Block block;
};

typedef struct File {
    Arena arena;                /* owns all below */
    const Source *source;       /* not owned */
    Block block;                /* the statements of the file in text order */
} File;

const char *def_kind_name(DefKind kind);                /* "layer", "encoder", .. */

/* Parses a whole text.  Never null: what could be read is returned, and diagnostics tell what is wrong. */
File *parse(const Source *source, Diagnostics *diagnostics);
void  file_free(File *file);

/* The multi-line prompt: feed lines until the text is complete. */
typedef struct Feed Feed;
typedef enum FeedState { FEED_MORE, FEED_DONE, FEED_ERROR } FeedState;
Feed *feed_new(void);
/* Whether the lines so far (each ends in a newline) are a complete text. */
FeedState feed_line(Feed *feed, const char *line);
void  feed_free(Feed *feed);

/* One token a line: line:column, kind, text.  (ebm explain --stage tokens) */
void tokens_print(FILE *out, const Source *source, Diagnostics *diagnostics);
/* The syntax as an indented tree.  (--stage ast) */
void syntax_print(FILE *out, const File *file);
/* The text of a file without errors in the one style (ebm fmt): indentation, blanks around signs, blank lines.  Line breaks,
 * comments and columns that were aligned by hand are kept; formatting twice changes nothing more. */
void format_print(FILE *out, const File *file);

#endif

/* builder.h: what the files of lang/graph share.  The Context says where the builder stands: inside which calls, loops, trains. */
#ifndef EBM_BUILDER_H
#define EBM_BUILDER_H

#include "lang/graph/build.h"
#include "lang/mean/value.h"

#define INDEX_AXIS 0x1000u      /* an axis an index name runs along: hidden, as item axes are; graph_fresh_axis numbers from 0x4000 on */

typedef struct Update { uint32_t slot; Node *node; Binding *binding; } Update;
typedef struct Loss { const char *name; Node *node; Span span; } Loss;
typedef struct AverageOf { uint32_t average, source; const Closure *by; } AverageOf;

/* A next value that a use of a layer has for a state of it. */
typedef struct Wish { uint32_t slot; Node *node; Span span; } Wish;

typedef struct Summary Summary;

typedef struct Stray { uint32_t slot; const char *path; Span span; } Stray;

/* A train while it is being built. */
typedef struct TrainBuild {
    Train *train;
    Def *def;
    Scope *scope;
    int n_updates, updates_room; Update *updates;
    int n_losses, losses_room; Loss *losses;
    int64_t rows, batch;        /* of the first draw; 0 before */
    double total;               /* steps, once `until` is known */
    int n_uses;                 /* regimes and optimizers used so far, to name their states */
    int n_wishes, wishes_room; Wish *wishes;          /* for states of layers, in this phase */
    int n_sampled, sampled_room; Node **sampled;      /* values drawn by `sample` */
    int n_energies, energies_room; Node **energies;   /* energies of whatever */
    int n_guards, guards_room; struct { Value *value, *side[2]; const char *comparison; const Stmt *stmt; } *guards;
    bool total_known;
    int n_strays, strays_room; Stray *strays;         /* parameters outside an update that its losses act on */
} TrainBuild;

/* The cells of a run: which slot of the run stands for which initial slot. */
typedef struct RunCells {
    Train *train;
    int n, room;
    uint32_t *initial, *own;
    Field *states;              /* what regimes and the train itself keep, by their names in the run: cd.chains */
    const char *saved;          /* a run that was loaded: its file */
    Span span;
    struct RunCells *next;
} RunCells;

typedef struct Context {
    Axes hidden;                /* item and index axes of the mapped functions and index equations around */
    Loop *loop;                 /* the innermost repeat */
    const Origin *origin;       /* place being built, with the calls that led there */
    const char *what;           /* the definition being built */
    uint64_t chain;             /* hash of the calls and names that led here: places of draws */
    const Expr *root;           /* the expression of the statement being built */
    const char *owner;          /* path that owns parameters */
    const char *average;        /* building an average's copy: the average's name; else null */
    const Closure *average_by;  /* what says how it follows */
    Train *run;                 /* whose cells are read */
    TrainBuild *train;          /* the train being built, for regimes and optimizers; null elsewhere */
    const char *use;            /* the name the value being built will be bound to; names the states of a regime */
    bool in_energy;
    bool still;                 /* inside a solver or a record: nets are as they are when not trained */
    Shape *drawn;               /* `~` in param and state: the declared shape; else null */
    const char *draw_name;      /* the name a draw is bound to */
    int draw_count;
    Shape items;                /* calls with frames of these sizes map over these axes (inference) */
    const struct Given *given;  /* given mask, values: for built-in solvers; null: nothing is */
    int depth;                  /* of calls */
    unsigned epoch;             /* phase of the train */
} Context;

typedef enum GlobalState { GLOBAL_UNSEEN, GLOBAL_OPEN, GLOBAL_DONE } GlobalState;

/* A name at top level. */
typedef struct Global {
    const char *name;
    const Stmt *stmt;           /* null for built-in functions */
    int target;                 /* which of several targets it is */
    bool library;
    const struct Module *module;/* of a file used under a name; null for all others */
    GlobalState state;
    Value *value;
    struct RunValue *runs;      /* of a named value: what it is with the cells of runs */
    struct Global *next;        /* in its hash chain */
    struct Global *order;       /* in order of definition */
} Global;

enum { GLOBAL_BUCKETS = 512 };

/* Files used under one name: what they define can be seen from outside by that name alone, m.f. */
typedef struct Module { const char *name; } Module;

typedef struct UsedFile {
    const char *path;
    File *file;
    Source *source;
    bool library;
    const Module *module;
    struct UsedFile *next;
} UsedFile;

struct Builder {
    Script script;
    Graph *g;                   /* = script.graph */
    Arena *arena;               /* = &script.arena */
    Diagnostics *diagnostics;
    bool damaged;               /* the parser left parts of the text out: what is missing stays silent */
    BuildOptions options;
    Context at;
    Value *none;                /* the one VALUE_NONE */
    Global *buckets[GLOBAL_BUCKETS];
    Global *first_global, *last_global;
    RunCells *runs;
    int fill_group, n_groups;   /* of the slots made now; see Fill */
    int n_params; struct ParamInfo *params; int params_room;
    int n_averages, averages_room; AverageOf *averages;
    int n_applied, applied_room; const Def **applied;     /* definitions that were called */
    Summary *summary;           /* being made; else null */
    UsedFile *used;             /* library and used files; owned */
    struct DataSource *sources; /* open data files; owned */
};

/* A parameter: an initial slot, named by its path. */
typedef struct ParamInfo { const char *path; uint32_t slot; Domain domain; bool is_average, is_state; Span span; } ParamInfo;

/* An argument of a call. */
enum { MAX_ARGS = 24 };
typedef struct CallArg { const char *name; Span span; Value *value; const Expr *expr; bool latent; } CallArg;
typedef struct CallArgs { int n; CallArg at[MAX_ARGS]; Span span; } CallArgs;

/* A built-in function.  Args come evaluated. */
typedef struct Builtin {
    const char *name;
    const char *usage;          /* "uniform(low, high, shape)" */
    const char *doc;
    int least, most;            /* positional and named arguments together */
    Value *(*call)(Builder *b, Scope *scope, const CallArgs *args);
    const char *names;          /* names of the arguments in order, separated by spaces; "*": any names */
} Builtin;
const CallArg *argument(const CallArgs *args, const char *name, int at);     /* of that name or at that place; null if it was not given */
const Builtin *builtin_named(const char *name);
const Builtin *builtin_at(int i);                       /* null after the last */

/* report.c: mistakes.  A mistake inside library text is shown at the user's call, with a note of the inner place. */
Diagnostic *complain(Builder *b, const char *code, Span span, const char *format, ...) __attribute__((format(printf, 4, 5)));
Diagnostic *warn(Builder *b, const char *code, Span span, const char *format, ...) __attribute__((format(printf, 4, 5)));
const char *shape_text(Builder *b, Shape shape);        /* "[256, 2]" */
const char *value_text(Builder *b, const Value *v);     /* "an array [256, 2]", "a function", .. */
const char *nearest_setting(const char *written, const char *const *known, int n);   /* by spelling, or as other libraries call it; may be null */
void stand_at(Builder *b, Span span);                   /* origin of the nodes made next */

/* array.c: values of arrays. */
Value *value_new(Builder *b, ValueKind kind);
Value *array(Builder *b, Node *node, Shape shape);
Value *number(Builder *b, double x);
bool   is_known(const Value *v);                        /* a scalar known before the run */
double known(const Value *v);
bool   want_known(Builder *b, const Value *v, Span span, const char *what, double *x);
bool   want_size(Builder *b, const Value *v, Span span, const char *what, int64_t *n);
Shape  shape_none(void);
Shape  shape_join(Shape a, Shape b);
Shape  shape_fresh(const int64_t *dims, int n);         /* distinct plain axes of these sizes */
Shape  shape_refresh(Shape shape);                      /* the same sizes under the standard plain axes */
Axis   plain_axis(int64_t size, const Shape *used);     /* a visible axis that is not among used */
Axis   hidden_axis(Builder *b, int64_t size, unsigned flag);   /* a hidden axis that is not in use around */
bool   same_sizes(const Shape *a, const Shape *b);
Node  *relabel(Builder *b, Node *node, Shape from, Shape to);
Node  *aligned(Builder *b, const Value *v, Shape to);
Value *standard(Builder *b, Value *v);                  /* v under the standard plain axes */
Value *map_values(Builder *b, Op op, Value *x, Value *y, Value *z, Span span, const char *sign);
Value *fold_values(Builder *b, const char *name, Value *x, Span span);   /* sum(x), mean(x), .. */
Value *hide(Builder *b, Value *v, Shape visible, Shape items);   /* the leading axes `visible` go into hiding as items */
Value *unhide(Builder *b, Value *v, Shape items, Shape visible); /* and come back in front */
Value *field_of(const Value *v, const char *name);
Field *field_add(Builder *b, Field **list, const char *name, Value *value);
Value *bundle_map(Builder *b, Op op, Value *x, Value *y, Value *z, Span span, const char *sign);
Value *concat_values(Builder *b, Value **v, int n, Span span);
Value *stack_values(Builder *b, Value **v, int n, Span span);
bool   shape_wanted(Builder *b, const Value *v, Span span, Shape *shape);  /* reads a shape argument */

/* texts.c */
Value *texts_value(Builder *b, const char *const *at, int64_t n, const char *path, const char *unit);
Value *some_texts(Builder *b, const Value *v, int64_t from, int64_t to);

/* expr.c, subscript.c, infer.c, derive.c */
Value *eval(Builder *b, Scope *scope, const Expr *e);
Binding *lookup(Scope *scope, const char *name);
Binding *bind(Builder *b, Scope *scope, const char *name, Value *value, Span span);
Scope *scope_new(Builder *b, Scope *outer);
Value *global_value(Builder *b, const char *name, Span span);   /* null if there is none */
Value *eval_subscripts(Builder *b, Scope *scope, const Expr *e);
Value *eval_field(Builder *b, Scope *scope, const Expr *e);
Value *function_at(Builder *b, const Closure *of, Train *run, const Expr *e);
Value *eval_reduction(Builder *b, Scope *scope, const Expr *e);
void   eval_equation(Builder *b, Scope *scope, const Stmt *s);
Value *eval_inference(Builder *b, Scope *scope, const Expr *e);
bool   is_derivative(const Expr *callee);
Value *eval_derivative(Builder *b, Scope *scope, const Expr *e);
bool   finite_domain(Domain d);                              /* classes, bits, spins (serves.c) */
const char *domain_name(Domain d);
const char *expr_text(Builder *b, const Expr *e);       /* as written, on one line */

/* build.c, use.c: names at top level and the files they come from. */
Global *find_global(Builder *b, const char *name, const Source *from);   /* what the name means in that text; null if nothing */
Value  *module_member(Builder *b, const Module *module, const char *name, Span span);   /* null if there is none */
void    add_names(Builder *b, const Block *block, bool library, const Module *module);
bool    resolve_names(Builder *b, const File *file);
const UsedFile *used_file(const Builder *b, const Source *source);  /* null: not a library or used file */
void    add_library(Builder *b);
void    use_statement(Builder *b, const Stmt *s);
Value  *module_of_use(Builder *b, const Stmt *s);
Value  *loaded_run(Builder *b, const Stmt *s);
const char *path_of(Builder *b, Span span, const char *name);       /* of a definition: "f", or "m.f" */

/* called.c */
bool   text_takes_derivatives(Builder *b, const Block *block);
bool   text_draws(Builder *b, const Block *block);
bool   text_takes_prox(Builder *b, const Block *block);

/* prox.c */
Value *smooth_part(Builder *b, const CallArgs *args);           /* smooth(E, x) */
Value *free_places(Builder *b, const CallArgs *args);           /* free(E, x): given.c */
Value *prox_of(Builder *b, const CallArgs *args);               /* prox(E, v, step) */
bool   prox_serves(Builder *b, Closure *energy, const Value *x, const char *solver, Span by);

/* call.c */
Value *function_value(Builder *b, Closure *closure);
Value *closure_of_def(Builder *b, Def *def, Span span, int site);
Value *eval_call(Builder *b, Scope *scope, const Expr *e);
Value *eval_pipe(Builder *b, Scope *scope, const Expr *e);
Value *configure(Builder *b, Closure *closure, const CallArgs *args);
Value *apply(Builder *b, Closure *closure, const CallArgs *args);
Value *apply_values(Builder *b, Closure *closure, Value **values, int n, Span span);
Value *apply_body(Builder *b, Closure *c, const Signature *s, Value **v, const Span *spans, Span span);
const Signature *operands_of(const Closure *closure);   /* null if it has no signature of its own */
bool   eval_args(Builder *b, Scope *scope, const Expr *call, CallArgs *args);
uint64_t mix_hash(uint64_t h, const char *text, uint64_t number);
void   bind_settings(Builder *b, Closure *closure, Scope *scope);

/* type.c */
bool   type_rank(const Type *type, int *rank, bool *rest);
bool   eval_domain(Builder *b, Scope *scope, const Type *type, Domain *domain);
bool   eval_shape(Builder *b, Scope *scope, const Type *type, Shape *shape);   /* all sizes must be known */
void   solve_sizes(Builder *b, Scope *scope, const Type *type, const Value *v);
void   bind_rests(Builder *b, Scope *scope, const Type *type, Value *v);
bool   match_type(Builder *b, Scope *scope, const Type *type, const Value *v, const char *what, Span span);  /* solves size variables */
Value *retract(Builder *b, Value *v, Domain domain);
Value *retract_all(Builder *b, Value *v, const Value *like);    /* each member of a bundle into the domain of its like */
bool   domain_fits(Builder *b, Domain want, const Value *v, const char *what, Span span);
bool   is_size_variable(Scope *scope, const Expr *e);

/* block.c */
Value *eval_block(Builder *b, Scope *scope, const Block *block, const Def *def);
void   eval_statement(Builder *b, Scope *scope, const Stmt *s, const Def *def, Value **result);
Value *eval_drawn(Builder *b, Scope *scope, const Expr *e, Shape *declared, const char *name);
void   bind_targets(Builder *b, Scope *scope, const Stmt *s, Value *v);
void   assign_next(Builder *b, Binding *cell, Value *v, Span span);  /* x' = v */
Node  *random_node(Builder *b, RandomKind kind, int64_t size, Shape full);

/* cross.c */
bool crosses_items(Builder *b, const Node *e, Axis to, const Node *x, Axis from);

/* place.c */
int  turn_of(const Builder *b, const Expr *e);
void place_at(Builder *b, const Expr *value, const char *name);

/* trial.c */
void   note_applied(Builder *b, const Def *def);
void   try_definitions(Builder *b, const Block *block);
const char *try_net(Builder *b, Closure *c);            /* so that its parameters are known; gives sizes that were guessed, "N = 5", or null */

/* summary.c */
Value *call_summary(Builder *b, Scope *scope, const CallArgs *args);
int    summary_enter(Builder *b, const Closure *c, const char *path, Value **v, int n);   /* while a summary is made: a row for this call, else -1 */
void   summary_leave(Builder *b, int row, Value *result);
int64_t count_params(Builder *b, const char *root);     /* describe.c */

/* cells.c */
Value *param_value(Builder *b, Scope *scope, const Stmt *s);
bool   is_read(const Builder *b, const ParamInfo *p);
Binding *state_cell(Builder *b, Scope *scope, const Stmt *s);
Binding *layer_state(Builder *b, Scope *scope, const Stmt *s);
bool   is_cell(const Binding *x);
bool   is_training(const Builder *b);                   /* what is built here is a train's own use of its nets, for its losses */
void   wish_next(Builder *b, uint32_t slot, Node *node, Span span);
void   grant_wishes(Builder *b);                        /* states of layers get the mean of what their uses wish for */
Node  *read_slot(Builder *b, uint32_t initial, Axes axes);
uint32_t slot_of_value(Builder *b, const char *name, Value *v, Span span);    /* a new slot filled by the value */
uint32_t new_slot(Builder *b, const char *name, Shape shape, bool is_cell, Span span);
uint32_t output_slot(Builder *b, Program *program, const char *name, Value *v);
Program program_new(Builder *b, int room);
RunCells *run_cells(Builder *b, Train *train);
uint32_t  run_slot(Builder *b, RunCells *run, uint32_t initial);
Value *stored(Builder *b, const char *name, Value *v, Span span);             /* arrays in it computed once, in slots */

/* train.c, optimize.c, action.c, data.c */
void   build_train(Builder *b, const Stmt *s);
void   train_statement(Builder *b, Scope *scope, const Stmt *s, const Def *def);
void   build_update(Builder *b, Scope *scope, const Stmt *s);
void   check_strays(Builder *b);                        /* gradients that no update of the train makes use of */
const char *scalar_comparison(Builder *b, Scope *scope, const Expr *e, Value *side[2]);
void   build_action(Builder *b, Scope *scope, const Stmt *s, Action *action);
void  *grown(Builder *b, void *old, int n, int *room, size_t size);   /* room for one more in an array of the arena */
bool is_schedule(const Value *v);                       /* a function of (t, total) */
Value *scheduled(Builder *b, Value *v);                 /* a setting that is a function of (t, total), at this step */
const char *use_path(Builder *b, const Closure *c);     /* path that owns the states of a regime or optimizer being entered */
void   note_sampled(Builder *b, Node *node);
void   note_energy(Builder *b, Node *node);
void   add_update(Builder *b, uint32_t slot, Node *node, Span span);
void   sources_free(Builder *b);
bool   saved_array(Builder *b, const char *path, const char *name, Span span, uint32_t *slot);  /* false: the file has none of that name */
void   note_file(Builder *b, const char *path);
Value *draw_rows(Builder *b, Scope *scope, const CallArgs *args);
Value *rows_of(Builder *b, Value *v, int64_t from, int64_t to);
bool   is_from_file(const Builder *b, const Value *v);           /* an array of a file, as it is there */

#endif

/* resolver.h: what the files that resolve names share; no one else includes it.
 *
 *   resolve.c          the file as a whole: its top-level names, each statement in turn, then what concerns several of them
 *   scope.c            which names are visible, and what each is; names declared twice, hidden, never used
 *   unknown.c          a name that means nothing: the nearest spelling, and what users of other libraries may have meant
 *   resolve_expr.c     expressions and types
 *   resolve_next.c     next values: x' on either side
 *   resolve_stmt.c     statements of a body, and where each belongs
 *   resolve_def.c      definitions and trains
 *   resolve_order.c    recursion, random draws inside energies, runs used before they are trained
 */
#ifndef EBM_RESOLVER_H
#define EBM_RESOLVER_H

#include "lang/mean/resolve.h"

typedef enum MeaningKind {
    MEANING_SETTING,            /* an argument of a configuration list */
    MEANING_OPERAND,            /* an argument of the last list */
    MEANING_SIZE,               /* a size variable of a signature */
    MEANING_LOCAL, MEANING_STATE, MEANING_PARAM, MEANING_TERM,
    MEANING_LOSS,               /* minimize .. as name, also of a regime in use */
    MEANING_INDEX,              /* sum[i], y[i] = */
    MEANING_PASS,               /* repeat n as t */
    MEANING_BOUND               /* before `of`, an argument of fn(..) ->, a fresh latent: known in one expression only */
} MeaningKind;

/* What a name is inside a definition. */
typedef struct Meaning {
    MeaningKind kind;
    const char *text;
    Span span;
    int reads;
    bool spared;                /* need not be read */
    bool typed;                 /* an operand with a type: data, not a number known before the run */
    struct Meaning *group;      /* targets of one statement are read if one of them is: the first of them; else itself */
    struct Meaning *next;
} Meaning;

typedef enum ScopeKind { SCOPE_DEF, SCOPE_BLOCK, SCOPE_REPEAT, SCOPE_EVERY, SCOPE_EXPR } ScopeKind;

/* x' = .. was met: from here on x' may be read. */
typedef struct NextValue { const Meaning *of; Span span; int phase; struct NextValue *next; } NextValue;

typedef struct NameScope {
    ScopeKind kind;
    Meaning *names;             /* newest first */
    NextValue *nexts;
    struct NameScope *outer;
} NameScope;

/* One statement of the file, and which others it needs. */
typedef struct Link { struct TopItem *to; Span at; struct Link *next; } Link;
typedef enum Mark { MARK_NEW, MARK_OPEN, MARK_DONE } Mark;
typedef struct TopItem {
    const Stmt *stmt;
    int number;                 /* in text order */
    Name name;                  /* text null for commands */
    Link *links, **links_end;   /* in text order */
    Span draw;                  /* the first random draw in the body; source null: none */
    Mark mark;
} TopItem;
typedef struct TopName { Name name; TopItem *item; } TopName;

/* What a name without a meaning is taken for. */
typedef enum Unknown { UNKNOWN_IS_ERROR, UNKNOWN_IS_INDEX, UNKNOWN_IS_SIZE } Unknown;

typedef struct NameList { const char *text; struct NameList *next; } NameList;
typedef struct Blame { const char *text; const TopItem *item; Diagnostic *report; struct Blame *next; } Blame;
typedef struct MeaningList { Meaning *meaning; struct MeaningList *next; } MeaningList;

typedef struct Resolver {
    const File *file;
    KnownNames known;
    Diagnostics *diagnostics;
    Arena arena;                /* owns all that is made here; freed at the end */
    int n_items, n_tops;
    TopItem *items;
    TopName *tops;
    bool has_train;
    bool damaged;               /* the parser left out what it could not read: names may be missing through no fault of their users */
    NameList *fields;           /* names after a point, anywhere in the file */
    MeaningList *regime_locals; /* locals of regimes that the regime itself does not read */
    /* where the resolver stands */
    TopItem *item;
    const Def *def;             /* null at top level */
    NameScope *scope;
    Unknown unknown;
    bool in_result, in_subscript, in_latent;   /* in the type after ->; between [ ]; a bare name after the semicolon of a call */
    bool in_equation;           /* naming the left side of x[..] = .. */
    bool fresh_latents;         /* inside what `sample` samples */
    int phase, phases;          /* number of the phase, 0 outside of them; how many there were */
    Blame *blamed;              /* unknown names, newest first: one for each item where it is met, one report for all */
} Resolver;

/* scope.c */
void     enter_scope(Resolver *r, ScopeKind kind);
void     leave_scope(Resolver *r);                      /* reports what was never read */
NameScope *innermost(const Resolver *r, ScopeKind kind);  /* null if there is none in this definition */
Meaning *find_meaning(const Resolver *r, const char *text);
Meaning *declare(Resolver *r, MeaningKind kind, Name name);   /* reports a name that is taken */
Meaning *declare_in(Resolver *r, NameScope *scope, MeaningKind kind, Name name);
const char *meaning_text(MeaningKind kind);             /* "a size", "an index", .. */
TopName *find_top(const Resolver *r, const char *text);
const Def *find_def(const Resolver *r, const char *text);    /* a definition of this file that no local hides; else null */
bool     is_known_name(const Resolver *r, const char *text);
void     report_unread_of_regimes(Resolver *r);

/* unknown.c */
bool is_blamed_here(const Resolver *r, const char *text);   /* reported as unknown in this item; null: any name */
bool is_name(const Resolver *r, const char *text);      /* means anything here */
bool use_name(Resolver *r, Name name);                  /* counts the use; reports an unknown name */
bool use_base(Resolver *r, Name name, const char *member);    /* the same before .member */
void want_word(Resolver *r, Name word, const char *const words[2], const char *after);   /* one of two words stands there */
const char *join_text(Resolver *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* resolve_expr.c */
void resolve_expr(Resolver *r, const Expr *e);
void resolve_type(Resolver *r, const Type *type);
void resolve_signature(Resolver *r, const Signature *signature, MeaningKind kind);
/* The name a call or pipeline ends in: `pcd` of pcd(pool = 9)(E, x); null if it is none. */
const Expr *callee_name(const Expr *e);
bool may_be_regime(const Resolver *r, const Expr *e);

/* resolve_next.c */
void read_next(Resolver *r, const Expr *e);             /* x' in an expression */
void want_first_value(Resolver *r, Name name, Span span);   /* reports x' where there is no x, and makes it known */
void set_next(Resolver *r, Name name, Span span);       /* x' = .. */

/* resolve_stmt.c */
void resolve_block(Resolver *r, const Block *block);
void resolve_bind(Resolver *r, const Stmt *s);
const Def *regime_in_use(const Resolver *r, const Stmt *s);   /* a regime of this file that a statement uses; else null */

/* resolve_def.c */
void resolve_def(Resolver *r, const Def *def);
bool gives_a_value(DefKind kind);                       /* fn, layer and the nets */

/* resolve_order.c */
void check_recursion(Resolver *r);
void check_draws_in_energies(Resolver *r);
void check_runs_in_order(Resolver *r);

#endif

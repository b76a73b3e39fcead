/* build.h: what the grammar's actions call: nodes of the tree, made in the reader's arena. */
#ifndef EBM_TEXT_BUILD_H
#define EBM_TEXT_BUILD_H

#include "lang/text/token.h"

/* Lists that exist only while reading. */
typedef struct Args { int n; Arg *at; } Args;
typedef struct Subscripts { int n; Subscript *at; } Subscripts;
typedef struct Dims { int n; Dim *at; } Dims;
typedef struct Signatures { int n; Signature *at; } Signatures;
typedef struct Recorded { Exprs values; Names as; } Recorded;

/* A ( [ or { that is still open. */
typedef struct Opener {
    const Token *token;
    bool is_block;              /* { of a block: newlines end statements inside */
    const Token *statement;     /* the first token of the statement it stands in */
    const Token *outdented;     /* the first statement inside that begins no further right than that; null if none */
} Opener;

enum { DEEPEST_BRACKETS = 200, DEEPEST_EXPR = 1000 };

/* How the text ended: whether more text could have made it complete. */
typedef enum Ending { ENDING_WHOLE, ENDING_IN_STATEMENT, ENDING_IN_BRACKETS } Ending;
/* As parse(), and says how the text ended: WHOLE unless its end was the first thing wrong. */
File *parse_to_end(const Source *source, Diagnostics *diagnostics, Ending *ending);

/* One reading of one text. */
typedef struct Reader {
    File *file;
    Arena *arena;               /* the file's */
    Diagnostics *diagnostics;
    Tokens tokens;
    int at;                     /* number of the token being pushed */
    const Token *statement;     /* the first token of the statement being read */
    int depth;
    Opener open[DEEPEST_BRACKETS];
    Opener suspect;             /* a block that seems to have been closed by an outer block's }; token null if none */
    int item;                   /* number of the definition or other statement of the top level being read, from 1 */
    bool at_separator;          /* the token pushed is the separator in front of number `at` */
    bool failed;                /* the parser has just reported an error */
    bool quiet;                 /* errors are consequences of one already reported */
    Ending ending;
    bool too_deep;              /* reported already */
} Reader;

/* Lists double when their count is a power of two. */
#define LIST_ADD(arena, list, item) do { \
        if (((list).n & ((list).n - 1)) == 0) \
            (list).at = list_grow((arena), (list).at, (list).n, sizeof *(list).at); \
        (list).at[(list).n++] = (item); \
    } while (0)
void *list_grow(Arena *arena, const void *items, int n, size_t size);

Name  name_of(const Token *token);
Names names_add(Reader *r, Names names, const Token *token);
Exprs exprs_add(Reader *r, Exprs list, Expr *e);

Expr *expr_number(Reader *r, const Token *token);
Expr *expr_string(Reader *r, const Token *token);
Expr *expr_name(Reader *r, const Token *token);               /* a name or a primed one; counts its site */
Expr *expr_named(Reader *r, ExprKind kind, const Token *name, Span span);   /* LIKE, REST */
Expr *expr_array(Reader *r, Exprs list, Span span);
Expr *expr_unary(Reader *r, Unary op, const Token *sign, Expr *x, Span span);
Expr *expr_binary(Reader *r, Binary op, const Token *sign, Expr *x, Expr *y, Span span);
Expr *expr_pipe(Reader *r, Expr *x, Expr *f, const Token *sign, Span span);
Expr *expr_call(Reader *r, Expr *callee, Args args, Args latent, bool has_latent, Span span);
Expr *expr_index(Reader *r, Expr *base, Subscripts list, Span span);
Expr *expr_field(Reader *r, Expr *base, const Token *word, Span span);
Expr *expr_reduce(Reader *r, const Token *reduction, Subscripts list, Expr *body, Span span);
Expr *expr_if(Reader *r, Expr *condition, Expr *then, Expr *otherwise, Span span);
Expr *expr_lambda(Reader *r, Signature params, Expr *body, Span span);
Expr *expr_infer(Reader *r, const Token *word, Names names, Infer clauses, Span span);
/* The same expression in parentheses: a wider place in the text. */
Expr *expr_widen(Expr *e, Span span);

Subscript subscript_at(Expr *at);
Subscript subscript_slice(Expr *low, Expr *high, Span span);
Subscript subscript_all(Span span);

Type *type_new(Reader *r, DomainKind domain, Span span);
Type *type_with_dims(Type *type, Dims dims, Span span);
Expr *bound_of(Reader *r, const Token *minus, const Token *number, Span span);

Signature signature_of(Reader *r, Signature observed, Signature latent, Span span);
Signature signature_add(Reader *r, Signature list, Param param);

Stmt *stmt_new(Reader *r, StmtKind kind, Span span);
Stmt *stmt_bind(Reader *r, Exprs targets, bool draw, Expr *value, Span span);
Stmt *stmt_value(Reader *r, StmtKind kind, Expr *value, Name name, Span span);
Stmt *stmt_named(Reader *r, StmtKind kind, const Token *name, Expr *value, Span span);
Stmt *stmt_cell(Reader *r, StmtKind kind, const Token *name, Type *type, const Token *sign, Expr *value, Span span);
Stmt *stmt_file(Reader *r, StmtKind kind, const Token *file, Span span);
Stmt *stmt_string(Stmt *s, const Token *string);
Stmt *stmt_def(Reader *r, const Token *keyword, const Token *name, Signatures signatures, Type *result, Expr *value,
               const Block *block, Span span);

/* Reports an error of the text; null once the reader is quiet or enough were reported. */
Diagnostic *reader_error(Reader *r, const char *code, Span span, const char *format, ...) __attribute__((format(printf, 4, 5)));
#define HELP(d, ...) do { if (d) diag_help((d), __VA_ARGS__); } while (0)
#define NOTE(d, ...) do { if (d) diag_note((d), __VA_ARGS__); } while (0)

/* ---- what complain.c is told by the parser ---- */

/* Where the parser stood when it met a token it cannot take. */
typedef struct Mishap {
    const char *expected[128];  /* names of tokens, as grammar.y spells them */
    int n_expected;
    const Token *construct;     /* the keyword of the innermost construct that is not finished; null at a statement's start */
} Mishap;
void explain_mishap(Reader *r, const Mishap *mishap);

#endif

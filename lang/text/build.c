/* build.c: nodes of the tree, made as the grammar recognizes them. */
#include "lang/text/build.h"

#include <stdarg.h>
#include <string.h>

#include "lang/text/grammar.tab.h"

/* ---- lists and names ---- */

void *list_grow(Arena *arena, const void *items, int n, size_t size)
{
    void *wider = arena_alloc(arena, size * (size_t)(n ? n * 2 : 1));
    if (n) memcpy(wider, items, size * (size_t)n);
    return wider;
}

Name name_of(const Token *token) { return (Name){ token->text, token->span }; }

Names names_add(Reader *r, Names names, const Token *token)
{
    LIST_ADD(r->arena, names, name_of(token));
    return names;
}

Exprs exprs_add(Reader *r, Exprs list, Expr *e)
{
    LIST_ADD(r->arena, list, e);
    return list;
}

/* ---- depth: whoever walks the tree may do so by recursion ---- */

static void deepen(int *depth, const Expr *e)
{
    if (e && e->depth > *depth) *depth = e->depth;
}

static int deepest_part(const Expr *e)
{
    int depth = 0;
    for (int i = 0; i < 3; i++) deepen(&depth, e->kid[i]);
    for (int i = 0; i < e->list.n; i++) deepen(&depth, e->list.at[i]);
    for (int i = 0; i < e->n_args; i++) deepen(&depth, e->args[i].value);
    for (int i = 0; i < e->n_subscripts; i++) {
        deepen(&depth, e->subscripts[i].at);
        deepen(&depth, e->subscripts[i].low);
        deepen(&depth, e->subscripts[i].high);
    }
    if (e->params)
        for (int i = 0; i < e->params->n; i++) deepen(&depth, e->params->at[i].preset);
    if (e->infer) {
        const Infer *infer = e->infer;
        for (int i = 0; i < infer->given.n; i++) deepen(&depth, infer->given.at[i]);
        deepen(&depth, infer->of);
        deepen(&depth, infer->under);
        deepen(&depth, infer->by);
        for (int i = 0; i < infer->from.n; i++) deepen(&depth, infer->from.at[i]);
    }
    return depth;
}

/* Notes how deep a finished expression is; one too deep is reported once and cut. */
static Expr *settle(Reader *r, Expr *e)
{
    e->depth = deepest_part(e) + 1;
    if (e->depth <= DEEPEST_EXPR) return e;
    if (!r->too_deep) {
        Diagnostic *d = reader_error(r, "E0109", e->span, "this expression is nested more than %d levels deep", DEEPEST_EXPR);
        HELP(d, "give parts of it names");
    }
    r->too_deep = true;
    *e = (Expr){ .kind = EXPR_NUMBER, .span = e->span, .depth = 1 };
    return e;
}

static Expr *expr_new(Reader *r, ExprKind kind, Span span)
{
    Expr *e = ARENA_NEW(r->arena, Expr);
    e->kind = kind;
    e->span = span;
    e->depth = 1;
    return e;
}

/* ---- expressions ---- */

Expr *expr_number(Reader *r, const Token *token)
{
    Expr *e = expr_new(r, token->kind == T_QUANTITY ? EXPR_QUANTITY : EXPR_NUMBER, token->span);
    e->number = token->number;
    e->unit = token->unit;
    return e;
}

Expr *expr_string(Reader *r, const Token *token)
{
    Expr *e = expr_new(r, EXPR_STRING, token->span);
    e->string = token->text;
    return e;
}

static int count_use(Reader *r, Word *word)
{
    if (word->item != r->item) {
        word->item = r->item;
        word->uses = 0;
    }
    return ++word->uses;
}

Expr *expr_name(Reader *r, const Token *token)
{
    bool primed = token->kind == T_PRIMED;
    Expr *e = expr_new(r, primed ? EXPR_PRIMED : EXPR_NAME, token->span);
    e->name = name_of(token);
    if (primed) e->name.span.end = e->name.span.start + (uint32_t)strlen(token->text);
    else e->site = count_use(r, token->word);
    return e;
}

Expr *expr_named(Reader *r, ExprKind kind, const Token *name, Span span)
{
    Expr *e = expr_new(r, kind, span);
    e->name = name_of(name);
    return e;
}

Expr *expr_array(Reader *r, Exprs list, Span span)
{
    Expr *e = expr_new(r, EXPR_ARRAY, span);
    e->list = list;
    return settle(r, e);
}

static void set_sign(Expr *e, const Token *sign)
{
    if (sign) e->op_span = sign->span;
}

Expr *expr_unary(Reader *r, Unary op, const Token *sign, Expr *x, Span span)
{
    Expr *e = expr_new(r, EXPR_UNARY, span);
    e->op = op;
    e->kid[0] = x;
    set_sign(e, sign);
    return settle(r, e);
}

Expr *expr_binary(Reader *r, Binary op, const Token *sign, Expr *x, Expr *y, Span span)
{
    Expr *e = expr_new(r, EXPR_BINARY, span);
    e->op = op;
    e->kid[0] = x;
    e->kid[1] = y;
    set_sign(e, sign);
    return settle(r, e);
}

Expr *expr_pipe(Reader *r, Expr *x, Expr *f, const Token *sign, Span span)
{
    Expr *e = expr_new(r, EXPR_PIPE, span);
    e->kid[0] = x;
    e->kid[1] = f;
    set_sign(e, sign);
    return settle(r, e);
}

Expr *expr_call(Reader *r, Expr *callee, Args args, Args latent, bool has_latent, Span span)
{
    Expr *e = expr_new(r, EXPR_CALL, span);
    e->kid[0] = callee;
    e->has_latent = has_latent || latent.n > 0;
    for (int i = 0; i < latent.n; i++) {
        latent.at[i].latent = true;
        LIST_ADD(r->arena, args, latent.at[i]);
    }
    e->n_args = args.n;
    e->args = args.at;
    return settle(r, e);
}

Expr *expr_index(Reader *r, Expr *base, Subscripts list, Span span)
{
    Expr *e = expr_new(r, EXPR_INDEX, span);
    e->kid[0] = base;
    e->n_subscripts = list.n;
    e->subscripts = list.at;
    return settle(r, e);
}

Expr *expr_field(Reader *r, Expr *base, const Token *word, Span span)
{
    if (base->kind == EXPR_NUMBER || base->kind == EXPR_QUANTITY) {
        Diagnostic *d = reader_error(r, "E0110", span, "a number has no fields");
        HELP(d, "a number has digits on both sides of its point: 1.0, 1.0e-3");
    }
    Expr *e = expr_new(r, EXPR_FIELD, span);
    e->kid[0] = base;
    e->name = name_of(word);
    return settle(r, e);
}

Expr *expr_reduce(Reader *r, const Token *reduction, Subscripts list, Expr *body, Span span)
{
    Expr *e = expr_new(r, EXPR_REDUCE, span);
    e->name = name_of(reduction);
    e->n_subscripts = list.n;
    e->subscripts = list.at;
    e->kid[0] = body;
    return settle(r, e);
}

Expr *expr_if(Reader *r, Expr *condition, Expr *then, Expr *otherwise, Span span)
{
    Expr *e = expr_new(r, EXPR_IF, span);
    e->kid[0] = condition;
    e->kid[1] = then;
    e->kid[2] = otherwise;
    return settle(r, e);
}

Expr *expr_lambda(Reader *r, Signature params, Expr *body, Span span)
{
    Expr *e = expr_new(r, EXPR_LAMBDA, span);
    e->params = ARENA_NEW(r->arena, Signature);
    *e->params = params;
    e->kid[0] = body;
    return settle(r, e);
}

static InferKind infer_kind(const Token *word)
{
    switch (word->kind) {
    case T_SAMPLE: return INFER_SAMPLE;
    case T_MARGINAL: return INFER_MARGINAL;
    case T_EXPECTATION: return INFER_EXPECTATION;
    default: return strcmp(word->text, "argmin") ? INFER_ARGMAX : INFER_ARGMIN;
    }
}

Expr *expr_infer(Reader *r, const Token *word, Names names, Infer clauses, Span span)
{
    Expr *e = expr_new(r, EXPR_INFER, span);
    e->name = name_of(word);
    e->infer = ARENA_NEW(r->arena, Infer);
    *e->infer = clauses;
    e->infer->kind = infer_kind(word);
    e->infer->names = names;
    return settle(r, e);
}

Expr *expr_widen(Expr *e, Span span)
{
    e->span = span;
    return e;
}

Subscript subscript_at(Expr *at) { return (Subscript){ .kind = SUBSCRIPT_AT, .at = at, .span = at->span }; }

Subscript subscript_all(Span span) { return (Subscript){ .kind = SUBSCRIPT_ALL, .span = span }; }

Subscript subscript_slice(Expr *low, Expr *high, Span span)
{
    return (Subscript){ .kind = SUBSCRIPT_SLICE, .low = low, .high = high, .span = span };
}

/* ---- types and signatures ---- */

Type *type_new(Reader *r, DomainKind domain, Span span)
{
    Type *type = ARENA_NEW(r->arena, Type);
    type->domain = domain;
    type->span = span;
    return type;
}

Type *type_with_dims(Type *type, Dims dims, Span span)
{
    type->has_dims = true;
    type->n_dims = dims.n;
    type->dims = dims.at;
    type->span = span;
    return type;
}

Expr *bound_of(Reader *r, const Token *minus, const Token *number, Span span)
{
    Expr *e = expr_number(r, number);
    return minus ? expr_unary(r, UNARY_NEG, minus, e, span) : e;
}

Signature signature_of(Reader *r, Signature observed, Signature latent, Span span)
{
    for (int i = 0; i < latent.n; i++) {
        latent.at[i].latent = true;
        observed = signature_add(r, observed, latent.at[i]);
    }
    observed.span = span;
    return observed;
}

Signature signature_add(Reader *r, Signature list, Param param)
{
    LIST_ADD(r->arena, list, param);
    return list;
}

/* ---- statements ---- */

/* The token that begins at an offset. */
static const Token *token_at(const Reader *r, uint32_t offset)
{
    int low = 0, high = r->tokens.n - 1;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (r->tokens.at[middle].span.start < offset) low = middle + 1;
        else high = middle;
    }
    return &r->tokens.at[low];
}

Stmt *stmt_new(Reader *r, StmtKind kind, Span span)
{
    Stmt *s = ARENA_NEW(r->arena, Stmt);
    s->kind = kind;
    s->span = span;
    s->doc = tokens_doc(r->arena, &r->tokens, token_at(r, span.start));
    return s;
}

/* Only cells, names and their places can be given values. */
static void check_target(Reader *r, const Expr *e)
{
    const Expr *base = e->kind == EXPR_INDEX ? e->kid[0] : e;
    if (base->kind == EXPR_NAME || base->kind == EXPR_PRIMED) return;
    Diagnostic *d = reader_error(r, "E0114", e->span, "this cannot be given a value");
    if (base->kind == EXPR_CALL && base->kid[0]->kind == EXPR_NAME)
        HELP(d, "a function is defined with fn: fn %s(..) = ..", base->kid[0]->name.text);
    else HELP(d, "the left side is a name, a name with indices (y[i] = ..) or a cell's next value (x' = ..)");
}

Stmt *stmt_bind(Reader *r, Exprs targets, bool draw, Expr *value, Span span)
{
    Stmt *s = stmt_new(r, STMT_BIND, span);
    for (int i = 0; i < targets.n; i++) check_target(r, targets.at[i]);
    s->targets = targets;
    s->draw = draw;
    s->value = value;
    return s;
}

Stmt *stmt_value(Reader *r, StmtKind kind, Expr *value, Name name, Span span)
{
    Stmt *s = stmt_new(r, kind, span);
    s->value = value;
    s->name = name;
    return s;
}

Stmt *stmt_named(Reader *r, StmtKind kind, const Token *name, Expr *value, Span span)
{
    return stmt_value(r, kind, value, name_of(name), span);
}

Stmt *stmt_cell(Reader *r, StmtKind kind, const Token *name, Type *type, const Token *sign, Expr *value, Span span)
{
    Stmt *s = stmt_named(r, kind, name, value, span);
    s->type = type;
    s->draw = sign->kind == '~';
    return s;
}

Stmt *stmt_string(Stmt *s, const Token *string)
{
    s->string = string->text;
    s->string_span = string->span;
    return s;
}

Stmt *stmt_file(Reader *r, StmtKind kind, const Token *file, Span span)
{
    return stmt_string(stmt_new(r, kind, span), file);
}

static const char *const def_names[] = {
    [DEF_LAYER] = "layer", [DEF_ENCODER] = "encoder", [DEF_PREDICTOR] = "predictor", [DEF_DECODER] = "decoder", [DEF_NET] = "net",
    [DEF_ENERGY] = "energy", [DEF_FN] = "fn", [DEF_SOLVER] = "solver", [DEF_REGIME] = "regime", [DEF_OPTIMIZER] = "optimizer",
    [DEF_TRAIN] = "train"
};

const char *def_kind_name(DefKind kind) { return def_names[kind]; }

static DefKind def_kind(const Token *keyword)
{
    int kind = 0;
    while (kind < DEF_TRAIN && strcmp(def_names[kind], keyword->text)) kind++;
    return (DefKind)kind;
}

Stmt *stmt_def(Reader *r, const Token *keyword, const Token *name, Signatures signatures, Type *result, Expr *value,
               const Block *block, Span span)
{
    Stmt *s = stmt_new(r, STMT_DEF, span);
    Def *def = ARENA_NEW(r->arena, Def);
    def->kind = def_kind(keyword);
    def->name = name_of(name);
    def->span = span;
    def->doc = s->doc;
    def->result = result;
    def->value = value;
    if (block) def->block = *block;
    if (signatures.n > 2) {
        Diagnostic *d = reader_error(r, "E0115", signatures.at[2].span, "a definition has at most two lists of arguments");
        HELP(d, "the first list configures, the second is computed on");
        signatures.n = 2;
    }
    def->n_signatures = signatures.n;
    for (int i = 0; i < signatures.n; i++) def->signatures[i] = signatures.at[i];
    s->def = def;
    s->name = def->name;
    return s;
}

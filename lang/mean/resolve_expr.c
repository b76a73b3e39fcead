/* resolve_expr.c: the names in expressions, types and signatures. */
#include <string.h>
#include "lang/mean/resolver.h"
#include "vm/base/graph.h"

static void resolve_exprs(Resolver *r, const Exprs *list)
{
    for (int i = 0; i < list->n; i++) resolve_expr(r, list->at[i]);
}

/* ---- types and signatures ---- */

static void resolve_dims(Resolver *r, const Type *type)
{
    for (int i = 0; i < type->n_dims; i++) {
        const Dim *dim = &type->dims[i];
        if (dim->size) resolve_expr(r, dim->size);
        else if (dim->rest.text) use_name(r, dim->rest);
    }
}

void resolve_type(Resolver *r, const Type *type)
{
    if (type->like.text) use_name(r, type->like);
    if (type->low) resolve_expr(r, type->low);
    if (type->high) resolve_expr(r, type->high);
    resolve_exprs(r, &type->set);
    resolve_dims(r, type);
}

/* Names of sizes in a signature are made known by standing there. */
static void resolve_argument_type(Resolver *r, const Type *type)
{
    Unknown before = r->unknown;
    r->unknown = UNKNOWN_IS_SIZE;
    resolve_type(r, type);
    r->unknown = before;
}

void resolve_signature(Resolver *r, const Signature *signature, MeaningKind kind)
{
    for (int i = 0; i < signature->n; i++)
        if (signature->at[i].type) resolve_argument_type(r, signature->at[i].type);
    for (int i = 0; i < signature->n; i++) {
        const Param *p = &signature->at[i];
        if (p->preset) resolve_expr(r, p->preset);
        declare(r, kind, p->name)->typed = p->type && kind == MEANING_OPERAND;
    }
}

/* ---- calls ---- */

const Expr *callee_name(const Expr *e)
{
    for (;;) {
        if (e->kind == EXPR_PIPE) e = e->kid[1];
        else if (e->kind == EXPR_CALL) e = e->kid[0];
        else return e->kind == EXPR_NAME || e->kind == EXPR_FIELD ? e : NULL;
    }
}

/* Functions that every program knows and that are no regimes. */
static bool is_plain_function(const char *name)
{
    static const char *const plain[] = { "mean", "prod", "any", "all", "draw", "concat", "reshape", "transpose", "zeros", "ones", "normal",
                                         "uniform", "bernoulli", "clamp", "std", "softmax", "accuracy", "mmd", "auroc", "dense", "relu", NULL };
    for (int i = 0; plain[i]; i++)
        if (!strcmp(plain[i], name)) return true;
    return op_named(name) != OP_COUNT;
}

bool may_be_regime(const Resolver *r, const Expr *e)
{
    if (e->kind != EXPR_CALL && e->kind != EXPR_PIPE) return false;
    const Expr *callee = callee_name(e);
    if (!callee) return false;
    if (callee->kind == EXPR_FIELD) return true;                 /* of another file, or of a run */
    const Meaning *m = find_meaning(r, callee->name.text);
    if (m) return m->kind == MEANING_SETTING || m->kind == MEANING_OPERAND;
    const TopName *top = find_top(r, callee->name.text);
    if (top) return top->item->stmt->kind == STMT_DEF && top->item->stmt->def->kind == DEF_REGIME;
    return !is_plain_function(callee->name.text);
}

static void report_setting_twice(Resolver *r, const Expr *call, int i)
{
    const Name *name = &call->args[i].name;
    for (int j = 0; j < i; j++) {
        const Name *other = &call->args[j].name;
        if (!other->text || strcmp(other->text, name->text)) continue;
        Diagnostic *d = diag_error(r->diagnostics, "E0205", name->span, "`%s` is given twice in one call", name->text);
        diag_note(d, other->span, "it is first given here");
        diag_help(d, "keep one of them");
        return;
    }
}

/* An undefined bare name in a latent place is a fresh latent under `sample`: it is drawn along and dropped. */
static bool is_fresh_latent(const Resolver *r, const Arg *arg)
{
    return r->fresh_latents && arg->latent && arg->value->kind == EXPR_NAME && !is_name(r, arg->value->name.text);
}

static void resolve_call(Resolver *r, const Expr *e)
{
    resolve_expr(r, e->kid[0]);
    for (int i = 0; i < e->n_args; i++) {
        const Arg *arg = &e->args[i];
        if (arg->name.text) report_setting_twice(r, e, i);
        if (is_fresh_latent(r, arg)) {
            declare(r, MEANING_BOUND, arg->value->name);
            continue;
        }
        r->in_latent = arg->latent && arg->value->kind == EXPR_NAME;
        resolve_expr(r, arg->value);
        r->in_latent = false;
    }
}

/* ---- fields ---- */

static void note_field(Resolver *r, const char *name)
{
    NameList *field = ARENA_NEW(&r->arena, NameList);
    *field = (NameList){ name, r->fields };
    r->fields = field;
}

static void resolve_field(Resolver *r, const Expr *e)
{
    const char *member = e->name.text;
    const Expr *base = e;
    for (; base->kind == EXPR_FIELD; base = base->kid[0]) note_field(r, base->name.text);
    if (base->kind == EXPR_NAME) use_base(r, base->name, member);
    else resolve_expr(r, base);
}

/* ---- places and reductions ---- */

static bool is_derivative_word(const char *text)
{
    return !strcmp(text, "grad") || !strcmp(text, "hvp") || !strcmp(text, "jvp") || !strcmp(text, "laplacian");
}

static bool is_own_word(const Resolver *r, const Expr *e)
{
    return e->kind == EXPR_NAME && is_derivative_word(e->name.text) && !find_meaning(r, e->name.text) && !find_top(r, e->name.text);
}

/* grad without brackets, as other libraries write it. */
static void report_bare_derivative(Resolver *r, const Expr *e)
{
    Diagnostic *d = diag_error(r->diagnostics, "E0350", e->span, "%s takes the name of one variable in brackets", e->name.text);
    diag_help(d, "the derivative of E by x is %s[x](E(x)%s); as a function, fn(x) -> %s[x](E(x)%s)", e->name.text,
              e->name.text[1] == 'v' ? ", v" : "", e->name.text, e->name.text[1] == 'v' ? ", v" : "");
}

/* A definition where an index was meant, as in x[i, k] with a function k. */
static bool report_no_place(Resolver *r, const Expr *at)
{
    const Def *def = at->kind == EXPR_NAME ? find_def(r, at->name.text) : NULL;
    if (!def) return false;
    Diagnostic *d = diag_error(r->diagnostics, "E0201", at->span, "no index is called `%s` here: it is the %s", at->name.text, def_kind_name(def->kind));
    diag_help(d, "an index is bound by a reduction, sum[%s] .., or on the left of its equation, y[%s] = ..", at->name.text, at->name.text);
    return true;
}

static void resolve_subscripts(Resolver *r, const Expr *e)
{
    bool before = r->in_subscript;
    r->in_subscript = !is_own_word(r, e->kid[0]);
    for (int i = 0; i < e->n_subscripts; i++) {
        const Subscript *s = &e->subscripts[i];
        if (s->at && !(r->in_subscript && report_no_place(r, s->at))) resolve_expr(r, s->at);
        if (s->low) resolve_expr(r, s->low);
        if (s->high) resolve_expr(r, s->high);
    }
    r->in_subscript = before;
}

/* What stands in the place of an index; names in it are no further mistakes. */
static void resolve_no_index(Resolver *r, const Expr *e, const Subscript *s)
{
    Diagnostic *d = diag_error(r->diagnostics, "E0222", s->span, "%s[..] needs names of indices in its brackets", e->name.text);
    diag_help(d, "an index is a name: %s[i, j] a[i,j], or with its range %s[i: n]; of a whole array, write %s(a)", e->name.text, e->name.text, e->name.text);
    Unknown before = r->unknown;
    r->unknown = UNKNOWN_IS_INDEX;
    if (s->at) resolve_expr(r, s->at);
    if (s->low) resolve_expr(r, s->low);
    r->unknown = before;
}

static void resolve_reduction(Resolver *r, const Expr *e)
{
    for (int i = 0; i < e->n_subscripts; i++)
        if (e->subscripts[i].kind == SUBSCRIPT_SLICE && e->subscripts[i].high) resolve_expr(r, e->subscripts[i].high);
    enter_scope(r, SCOPE_EXPR);
    for (int i = 0; i < e->n_subscripts; i++) {
        const Subscript *s = &e->subscripts[i];
        const Expr *index = s->kind == SUBSCRIPT_SLICE ? s->low : s->at;
        if (index && index->kind == EXPR_NAME) declare(r, MEANING_INDEX, index->name);
        else resolve_no_index(r, e, s);
    }
    resolve_expr(r, e->kid[0]);
    leave_scope(r);
}

/* ---- inference ---- */

static const char *infer_word(InferKind kind)
{
    static const char *const words[] = { "argmin", "argmax", "sample", "marginal", "expectation" };
    return words[kind];
}

/* Every name before `of` must be what the expression is a function of. */
static void check_binders(Resolver *r, const Infer *infer)
{
    for (int i = 0; i < infer->names.n; i++) {
        const Name *name = &infer->names.at[i];
        Meaning *m = find_meaning(r, name->text);
        if (!m || m->reads) continue;
        Diagnostic *d = diag_error(r->diagnostics, "E0217", name->span, "`%s` does not occur in the expression after `of`", name->text);
        diag_help(d, "%s %s of e looks for values of `%s` in e: name there what is sought, as in E(x; %s)", infer_word(infer->kind),
                  name->text, name->text, name->text);
        m->reads++;
    }
}

static void resolve_inference(Resolver *r, const Expr *e)
{
    const Infer *infer = e->infer;
    if (infer->kind == INFER_SAMPLE && r->item && !r->item->draw.source) r->item->draw = e->span;
    bool before = r->fresh_latents;
    int errors = r->diagnostics->errors;
    enter_scope(r, SCOPE_EXPR);
    for (int i = 0; i < infer->names.n; i++) declare(r, MEANING_BOUND, infer->names.at[i]);
    r->fresh_latents = infer->kind == INFER_SAMPLE;
    if (infer->of) resolve_expr(r, infer->of);
    if (infer->under) resolve_expr(r, infer->under);
    if (r->diagnostics->errors == errors) check_binders(r, infer);
    leave_scope(r);
    r->fresh_latents = before;
    resolve_exprs(r, &infer->given);
    if (infer->by) resolve_expr(r, infer->by);
    resolve_exprs(r, &infer->from);
}

static void resolve_lambda(Resolver *r, const Expr *e)
{
    enter_scope(r, SCOPE_EXPR);
    resolve_signature(r, e->params, MEANING_BOUND);
    resolve_expr(r, e->kid[0]);
    leave_scope(r);
}

/* ---- all kinds ---- */

void resolve_expr(Resolver *r, const Expr *e)
{
    switch (e->kind) {
    case EXPR_NUMBER: case EXPR_QUANTITY: case EXPR_STRING: return;
    case EXPR_NAME: case EXPR_LIKE: case EXPR_REST:
        if (is_own_word(r, e)) report_bare_derivative(r, e);
        else use_name(r, e->name);
        return;
    case EXPR_PRIMED: read_next(r, e); return;
    case EXPR_ARRAY:  resolve_exprs(r, &e->list); return;
    case EXPR_CALL:   resolve_call(r, e); return;
    case EXPR_FIELD:  resolve_field(r, e); return;
    case EXPR_REDUCE: resolve_reduction(r, e); return;
    case EXPR_LAMBDA: resolve_lambda(r, e); return;
    case EXPR_INFER:  resolve_inference(r, e); return;
    case EXPR_INDEX:
        if (!is_own_word(r, e->kid[0])) resolve_expr(r, e->kid[0]);
        resolve_subscripts(r, e);
        return;
    case EXPR_UNARY: case EXPR_BINARY: case EXPR_IF: case EXPR_PIPE:
        for (int i = 0; i < 3; i++)
            if (e->kid[i]) resolve_expr(r, e->kid[i]);
        return;
    }
}

/* print.c: tokens and syntax as text: statements as an indented tree, expressions in prefix form with all parentheses. */
#include <stdlib.h>
#include <string.h>

#include "lang/text/build.h"
#include "lang/text/grammar.tab.h"

/* ---- tokens ---- */

static const char *kind_name(const Token *t)
{
    switch (t->kind) {
    case 0: return "end";
    case T_NAME: return "name";
    case T_PRIMED: return "primed";
    case T_NUMBER: return "number";
    case T_QUANTITY: return "quantity";
    case T_STRING: return "string";
    case T_DIGEST: return "digest";
    case T_INVALID: return "invalid";
    default: return t->word ? "keyword" : "symbol";
    }
}

void tokens_print(FILE *out, const Source *source, Diagnostics *diagnostics)
{
    Arena arena = { 0 };
    Tokens tokens = tokens_read(&arena, source, diagnostics);
    for (int i = 0; i < tokens.n; i++) {
        const Token *t = &tokens.at[i];
        const char *doc = tokens_doc(&arena, &tokens, t);
        int length = (int)(t->span.end - t->span.start);
        if (doc) fprintf(out, "%d:%d doc\n", t->line, t->column);
        fprintf(out, "%d:%d %s%s%.*s\n", t->line, t->column, kind_name(t), length ? " " : "", length, source->text + t->span.start);
    }
    tokens_free(&tokens);
    arena_free(&arena);
}

/* ---- expressions ---- */

static void print_expr(FILE *out, const Expr *e);

static void print_quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '\n') fputs("\\n", out);
        else if (*text == '\t') fputs("\\t", out);
        else if (*text == '\r') fputs("\\r", out);
        else {
            if (*text == '"' || *text == '\\') fputc('\\', out);
            fputc(*text, out);
        }
    }
    fputc('"', out);
}

static void print_dims(FILE *out, const Type *type)
{
    fputc('[', out);
    for (int i = 0; i < type->n_dims; i++) {
        if (i) fputs(", ", out);
        if (type->dims[i].size) print_expr(out, type->dims[i].size);
        else fprintf(out, "..%s", type->dims[i].rest.text);
    }
    fputc(']', out);
}

static void print_range(FILE *out, const Type *type)
{
    print_expr(out, type->low);
    fputs("..", out);
    print_expr(out, type->high);
}

static void print_type(FILE *out, const Type *type)
{
    if (type->like.text) {
        fprintf(out, "like %s", type->like.text);
        return;
    }
    switch (type->domain) {
    case DOMAIN_REAL: break;
    case DOMAIN_RANGE:
        fputc('{', out);
        print_range(out, type);
        fputc('}', out);
        break;
    case DOMAIN_SET:
        for (int i = 0; i < type->set.n; i++) {
            fputs(i ? ", " : "{", out);
            print_expr(out, type->set.at[i]);
        }
        fputc('}', out);
        break;
    case DOMAIN_BOX:
        print_range(out, type);
        if (type->has_dims) fputc(' ', out);
        break;
    case DOMAIN_NAMED:
        fputs(type->name.text, out);
        break;
    }
    if (type->has_dims) print_dims(out, type);
}

static void print_signature(FILE *out, const Signature *s)
{
    fputc('(', out);
    for (int i = 0; i < s->n; i++) {
        const Param *p = &s->at[i];
        bool turn = p->latent && (i == 0 || !s->at[i - 1].latent);
        fprintf(out, "%s%s", turn ? "; " : i ? ", " : "", p->name.text);
        if (p->type) {
            fputs(": ", out);
            print_type(out, p->type);
        }
        if (p->preset) {
            fputs(" = ", out);
            print_expr(out, p->preset);
        }
    }
    fputc(')', out);
}

static void print_subscripts(FILE *out, const Expr *e)
{
    fputc('[', out);
    for (int i = 0; i < e->n_subscripts; i++) {
        const Subscript *s = &e->subscripts[i];
        if (i) fputs(", ", out);
        if (s->kind == SUBSCRIPT_AT) print_expr(out, s->at);
        else {
            if (s->low) print_expr(out, s->low);
            fputc(':', out);
            if (s->high) print_expr(out, s->high);
        }
    }
    fputc(']', out);
}

static void print_call(FILE *out, const Expr *e)
{
    fputs("(call ", out);
    print_expr(out, e->kid[0]);
    for (int i = 0; i < e->n_args; i++) {
        const Arg *arg = &e->args[i];
        if (arg->latent && (i == 0 || !e->args[i - 1].latent)) fputs(" ;", out);
        fputc(' ', out);
        if (arg->name.text) fprintf(out, "%s=", arg->name.text);
        print_expr(out, arg->value);
    }
    fputc(')', out);
}

static void print_clause(FILE *out, const char *word, const Expr *e)
{
    if (!e) return;
    fprintf(out, " %s ", word);
    print_expr(out, e);
}

static void print_infer(FILE *out, const Expr *e)
{
    const Infer *infer = e->infer;
    fprintf(out, "(%s", e->name.text);
    for (int i = 0; i < infer->names.n; i++) fprintf(out, "%s%s", i ? ", " : " ", infer->names.at[i].text);
    print_clause(out, "of", infer->of);
    print_clause(out, "under", infer->under);
    for (int i = 0; i < infer->given.n; i++) print_clause(out, i ? "," : "given", infer->given.at[i]);
    print_clause(out, "by", infer->by);
    for (int i = 0; i < infer->from.n; i++) print_clause(out, i ? "," : "from", infer->from.at[i]);
    if (infer->through.text) fprintf(out, " through %s", infer->through.text);
    fputc(')', out);
}

static void print_prefix(FILE *out, const char *operator, const Expr *const *kids, int n)
{
    fprintf(out, "(%s", operator);
    for (int i = 0; i < n; i++) {
        fputc(' ', out);
        print_expr(out, kids[i]);
    }
    fputc(')', out);
}

static const char *const unary_names[] = { [UNARY_NEG] = "neg", [UNARY_NOT] = "not" };
static const char *const binary_names[] = {
    [BINARY_ADD] = "+", [BINARY_SUB] = "-", [BINARY_MUL] = "*", [BINARY_DIV] = "/", [BINARY_MOD] = "mod", [BINARY_POW] = "^",
    [BINARY_LT] = "<", [BINARY_GT] = ">", [BINARY_LE] = "<=", [BINARY_GE] = ">=", [BINARY_EQ] = "==", [BINARY_NE] = "!=",
    [BINARY_AND] = "and", [BINARY_OR] = "or"
};
static const char *const unit_names[] = {
    [UNIT_NONE] = "", [UNIT_STEPS] = " steps", [UNIT_EPOCHS] = " epochs", [UNIT_SECONDS] = " s", [UNIT_MILLISECONDS] = " ms"
};

/* In as few digits as give the number back. */
static void print_number(FILE *out, double number, Unit unit)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) break;
    }
    fprintf(out, "%s%s", text, unit_names[unit]);
}

static void print_expr(FILE *out, const Expr *e)
{
    const Expr *const *kids = (const Expr *const *)e->kid;
    switch (e->kind) {
    case EXPR_NUMBER: case EXPR_QUANTITY: print_number(out, e->number, e->unit); break;
    case EXPR_STRING: print_quoted(out, e->string); break;
    case EXPR_NAME:
        fputs(e->name.text, out);
        if (e->site > 1) fprintf(out, "#%d", e->site);
        break;
    case EXPR_PRIMED: fprintf(out, "%s'", e->name.text); break;
    case EXPR_LIKE: fprintf(out, "(like %s)", e->name.text); break;
    case EXPR_REST: fprintf(out, "..%s", e->name.text); break;
    case EXPR_ARRAY: print_prefix(out, "array", (const Expr *const *)e->list.at, e->list.n); break;
    case EXPR_CALL: print_call(out, e); break;
    case EXPR_INDEX:
        fputs("(index ", out);
        print_expr(out, e->kid[0]);
        fputc(' ', out);
        print_subscripts(out, e);
        fputc(')', out);
        break;
    case EXPR_FIELD:
        fputs("(field ", out);
        print_expr(out, e->kid[0]);
        fprintf(out, " %s)", e->name.text);
        break;
    case EXPR_UNARY: print_prefix(out, unary_names[e->op], kids, 1); break;
    case EXPR_BINARY: print_prefix(out, binary_names[e->op], kids, 2); break;
    case EXPR_REDUCE:
        fprintf(out, "(%s ", e->name.text);
        print_subscripts(out, e);
        fputc(' ', out);
        print_expr(out, e->kid[0]);
        fputc(')', out);
        break;
    case EXPR_IF: print_prefix(out, "if", kids, 3); break;
    case EXPR_LAMBDA:
        fputs("(fn ", out);
        print_signature(out, e->params);
        fputc(' ', out);
        print_expr(out, e->kid[0]);
        fputc(')', out);
        break;
    case EXPR_PIPE: print_prefix(out, "|>", kids, 2); break;
    case EXPR_INFER: print_infer(out, e); break;
    }
}

/* ---- statements ---- */

static const char *const stmt_names[] = {
    [STMT_EXPR] = "value", [STMT_BIND] = "bind", [STMT_PARAM] = "param", [STMT_STATE] = "state", [STMT_TERM] = "term",
    [STMT_REPEAT] = "repeat", [STMT_KEEP] = "keep", [STMT_LOWER] = "lower", [STMT_RAISE] = "raise", [STMT_MINIMIZE] = "minimize",
    [STMT_UPDATE] = "update", [STMT_GUARD] = "guard", [STMT_EVERY] = "every", [STMT_UNTIL] = "until", [STMT_CHECKPOINT] = "checkpoint",
    [STMT_RECORD] = "record", [STMT_PHASE] = "phase", [STMT_DEF] = "define", [STMT_OPTION] = "option", [STMT_DATA] = "data",
    [STMT_SEED] = "seed", [STMT_PRECISION] = "precision", [STMT_EDITION] = "edition", [STMT_USE] = "use", [STMT_CLAIM] = "claim",
    [STMT_SHOW] = "show", [STMT_SAVE] = "save", [STMT_LOAD] = "load", [STMT_PRINT] = "print"
};

static void print_block(FILE *out, const Block *block, int depth);

static void print_doc(FILE *out, const char *doc, int depth)
{
    while (doc && *doc) {
        int length = (int)strcspn(doc, "\n");
        fprintf(out, "%*s## %.*s\n", depth * 2, "", length, doc);
        doc += length;
        if (*doc) doc++;
    }
}

static void print_def(FILE *out, const Def *def, int depth)
{
    fprintf(out, "%s %s", def_kind_name(def->kind), def->name.text);
    for (int i = 0; i < def->n_signatures; i++) {
        fputc(' ', out);
        print_signature(out, &def->signatures[i]);
    }
    if (def->result) {
        fputs(" -> ", out);
        print_type(out, def->result);
    }
    if (def->value) {
        fputs(" = ", out);
        print_expr(out, def->value);
    }
    fputc('\n', out);
    if (!def->value) print_block(out, &def->block, depth + 1);
}

static void print_exprs(FILE *out, const Exprs *list, const Name *as)
{
    for (int i = 0; i < list->n; i++) {
        fputs(i ? ", " : " ", out);
        print_expr(out, list->at[i]);
        if (as && as[i].text) fprintf(out, " as %s", as[i].text);
    }
}

static void print_stmt(FILE *out, const Stmt *s, int depth)
{
    print_doc(out, s->doc, depth);
    fprintf(out, "%*s%s", depth * 2, "", stmt_names[s->kind]);
    if (s->kind == STMT_DEF) {
        fputc(' ', out);
        print_def(out, s->def, depth);
        return;
    }
    if (s->name.text) fprintf(out, " %s%s", s->name.text, s->draw ? " ~" : "");
    if (s->type) {
        fputs(": ", out);
        print_type(out, s->type);
    }
    print_exprs(out, &s->targets, NULL);
    if (s->kind == STMT_BIND) fputs(s->draw ? " ~" : " =", out);
    print_exprs(out, &s->list, s->as);
    if (s->value) {
        fputs(s->kind == STMT_UPDATE ? " by " : " ", out);
        print_expr(out, s->value);
    }
    if (s->string) {
        fputc(' ', out);
        print_quoted(out, s->string);
    }
    if (s->digest) fprintf(out, " %s", s->digest);
    fputc('\n', out);
    print_block(out, &s->block, depth + 1);
}

static void print_block(FILE *out, const Block *block, int depth)
{
    for (int i = 0; i < block->n; i++) print_stmt(out, block->at[i], depth);
}

void syntax_print(FILE *out, const File *file) { print_block(out, &file->block, 0); }

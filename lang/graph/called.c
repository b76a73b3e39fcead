/* called.c: what the text of a solver does, itself or by the functions it calls: derivatives, a prox, draws. */
#include <string.h>
#include "lang/graph/builder.h"

enum { DEEPEST = 4 };           /* functions of functions that are followed */

typedef bool CallKind(const Expr *call);

static bool is_prox(const Expr *call) { return call->kid[0]->kind == EXPR_NAME && !strcmp(call->kid[0]->name.text, "prox"); }
static bool is_gradient(const Expr *call) { return is_derivative(call->kid[0]); }

static bool block_calls(Builder *b, const Block *block, CallKind *kind, int depth);
static bool callee_calls(Builder *b, const Expr *callee, CallKind *kind, int depth);

static bool calls(Builder *b, const Expr *e, CallKind *kind, int depth)
{
    if (!e) return false;
    if (e->kind == EXPR_CALL && (kind(e) || callee_calls(b, e->kid[0], kind, depth))) return true;
    for (int i = 0; i < 3; i++) if (calls(b, e->kid[i], kind, depth)) return true;
    for (int i = 0; i < e->list.n; i++) if (calls(b, e->list.at[i], kind, depth)) return true;
    for (int i = 0; i < e->n_args; i++) if (calls(b, e->args[i].value, kind, depth)) return true;
    return false;
}

static const Def *function_named(Builder *b, const Expr *name)
{
    const Global *g = find_global(b, name->name.text, name->span.source);
    const Def *def = g && g->stmt && g->stmt->kind == STMT_DEF ? g->stmt->def : NULL;
    return def && (def->kind == DEF_FN || def->kind == DEF_SOLVER) ? def : NULL;
}

static bool callee_calls(Builder *b, const Expr *callee, CallKind *kind, int depth)
{
    const Def *def = callee->kind == EXPR_NAME && depth < DEEPEST ? function_named(b, callee) : NULL;
    return def && (calls(b, def->value, kind, depth + 1) || block_calls(b, &def->block, kind, depth + 1));
}

static bool block_calls(Builder *b, const Block *block, CallKind *kind, int depth)
{
    for (int i = 0; i < block->n; i++)
        if (calls(b, block->at[i]->value, kind, depth) || block_calls(b, &block->at[i]->block, kind, depth)) return true;
    return false;
}

static bool is_sample(const Expr *e) { return e->kind == EXPR_INFER && e->infer->kind == INFER_SAMPLE; }

static bool block_draws(Builder *b, const Block *block, int depth);

static bool draws(Builder *b, const Expr *e, int depth)
{
    if (!e) return false;
    if (is_sample(e)) return true;
    if (e->kind == EXPR_CALL && e->kid[0]->kind == EXPR_NAME && depth < DEEPEST) {
        const Def *def = function_named(b, e->kid[0]);
        if (def && (draws(b, def->value, depth + 1) || block_draws(b, &def->block, depth + 1))) return true;
    }
    for (int i = 0; i < 3; i++) if (draws(b, e->kid[i], depth)) return true;
    for (int i = 0; i < e->list.n; i++) if (draws(b, e->list.at[i], depth)) return true;
    for (int i = 0; i < e->n_args; i++) if (draws(b, e->args[i].value, depth)) return true;
    return false;
}

static bool block_draws(Builder *b, const Block *block, int depth)
{
    for (int i = 0; i < block->n; i++)
        if (block->at[i]->draw || draws(b, block->at[i]->value, depth) || block_draws(b, &block->at[i]->block, depth)) return true;
    return false;
}

bool text_draws(Builder *b, const Block *block)             { return block_draws(b, block, 0); }
bool text_takes_derivatives(Builder *b, const Block *block) { return block_calls(b, block, is_gradient, 0); }
bool text_takes_prox(Builder *b, const Block *block)        { return block_calls(b, block, is_prox, 0); }

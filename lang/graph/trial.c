/* trial.c: definitions that nothing has used yet are built once on values of their declared shapes, so that mistakes in them are found. */
#include <ctype.h>
#include <string.h>
#include "lang/graph/builder.h"

void note_applied(Builder *b, const Def *def)
{
    if (b->n_applied && b->applied[b->n_applied - 1] == def) return;
    for (int i = 0; i < b->n_applied; i++) if (b->applied[i] == def) return;
    b->applied = grown(b, b->applied, b->n_applied, &b->applied_room, sizeof *b->applied);
    b->applied[b->n_applied++] = def;
}

static bool is_applied(const Builder *b, const Def *def)
{
    for (int i = 0; i < b->n_applied; i++) if (b->applied[i] == def) return true;
    return false;
}

/* Sizes that a call would solve: for these there is nothing to try. */
static bool has_free_size(const Expr *e)
{
    if (!e) return false;
    if (e->kind == EXPR_NAME) return isupper((unsigned char)e->name.text[0]);
    for (int i = 0; i < 3; i++) if (has_free_size(e->kid[i])) return true;
    return false;
}

static bool is_plain_type(const Type *type)
{
    if (!type || type->like.text || has_free_size(type->low) || has_free_size(type->high)) return false;
    for (int i = 0; i < type->n_dims; i++) if (!type->dims[i].size || has_free_size(type->dims[i].size)) return false;
    return true;
}

static bool can_try(const Def *def)
{
    switch (def->kind) {
    case DEF_FN: case DEF_ENERGY: case DEF_ENCODER: case DEF_PREDICTOR: case DEF_DECODER: case DEF_NET: break;
    default: return false;
    }
    if (!def->n_signatures) return false;
    const Signature *settings = &def->signatures[0], *operands = &def->signatures[def->n_signatures - 1];
    for (int i = 0; def->n_signatures == 2 && i < settings->n; i++) if (!settings->at[i].preset) return false;
    for (int i = 0; i < operands->n; i++) if (!is_plain_type(operands->at[i].type)) return false;
    return operands->n > 0;
}

/* A value of the type that is not known: it is never computed. */
static Value *some_value(Builder *b, Scope *scope, const Type *type)
{
    Shape shape;
    Domain domain;
    if (!eval_shape(b, scope, type, &shape) || !eval_domain(b, scope, type, &domain)) return b->none;
    Value *v = array(b, graph_slot(b->g, 0, 0, axes_of(shape)), shape);
    v->domain = domain;
    return v;
}

static void try_definition(Builder *b, Value *f)
{
    const Def *def = f->fn->def;
    const Signature *s = &def->signatures[def->n_signatures - 1];
    Scope *scope = scope_new(b, NULL);
    CallArgs args = { .n = 0, .span = def->name.span };
    if (def->n_signatures == 2) bind_settings(b, f->fn, scope);
    for (int i = 0; i < s->n && i < MAX_ARGS; i++) {
        Value *v = some_value(b, scope, s->at[i].type);
        if (v->kind == VALUE_NONE) return;
        args.at[args.n++] = (CallArg){ .value = v, .span = s->at[i].span, .latent = s->at[i].latent };
    }
    apply(b, f->fn, &args);
}

void try_definitions(Builder *b, const Block *block)
{
    for (int i = 0; i < block->n; i++) {
        const Stmt *s = block->at[i];
        if (s->kind != STMT_DEF || !can_try(s->def) || is_applied(b, s->def)) continue;
        memset(&b->at, 0, sizeof b->at);
        stand_at(b, s->def->name.span);
        Value *f = global_value(b, s->def->name.text, s->def->name.span);
        if (f && f->kind == VALUE_FUNCTION && f->fn->kind == CLOSURE_DEF && f->fn->def == s->def) try_definition(b, f);
    }
}

/* resolve_def.c: definitions: their arguments and bodies, and what a train must say. */
#include <string.h>
#include "lang/mean/resolver.h"

bool gives_a_value(DefKind kind)
{
    switch (kind) {
    case DEF_LAYER: case DEF_ENCODER: case DEF_PREDICTOR: case DEF_DECODER: case DEF_NET: case DEF_FN: return true;
    default: return false;
    }
}

/* ---- results ---- */

static const Expr *last_named(const Block *block)
{
    for (int i = block->n - 1; i >= 0; i--)
        if (block->at[i]->kind == STMT_BIND) {
            const Expr *t = block->at[i]->targets.at[0];
            if (t->kind == EXPR_INDEX) t = t->kid[0];
            return t->kind == EXPR_NAME || t->kind == EXPR_PRIMED ? t : NULL;
        }
    return NULL;
}

static void report_no_result(Resolver *r, const Def *def)
{
    const Expr *last = last_named(&def->block);
    bool energy = def->kind == DEF_ENERGY;
    Diagnostic *d = diag_error(r->diagnostics, "E0216", def->name.span, "the %s `%s` gives no value", def_kind_name(def->kind), def->name.text);
    if (energy) diag_help(d, "an energy has terms (term name = ..), or an expression on its last line");
    else if (last) diag_help(d, "the last line of the body is its value: add the line %s", last->name.text);
    else diag_help(d, "the last line of the body is its value: end with an expression");
    Meaning *m = last ? find_meaning(r, last->name.text) : NULL;
    if (m) m->group->spared = true;
}

static bool has_statement(const Block *block, StmtKind kind)
{
    for (int i = 0; i < block->n; i++)
        if (block->at[i]->kind == kind) return true;
    return false;
}

static void check_result(Resolver *r, const Def *def)
{
    const Block *block = &def->block;
    if (!gives_a_value(def->kind) && def->kind != DEF_ENERGY) return;
    if (def->kind == DEF_ENERGY && has_statement(block, STMT_TERM)) return;
    if (!block->n || block->at[block->n - 1]->kind != STMT_EXPR) report_no_result(r, def);
}

/* ---- solvers and optimizers ---- */

static bool moves(const Block *block, const char *text)
{
    for (int i = 0; i < block->n; i++) {
        const Stmt *s = block->at[i];
        for (int t = 0; t < s->targets.n; t++) {
            const Expr *target = s->targets.at[t]->kind == EXPR_INDEX ? s->targets.at[t]->kid[0] : s->targets.at[t];
            if (target->kind == EXPR_PRIMED && !strcmp(target->name.text, text)) return true;
        }
        if (moves(&s->block, text)) return true;
    }
    return false;
}

/* An optimizer moves its first operand, a solver its last. */
static void check_moves(Resolver *r, const Def *def)
{
    if ((def->kind != DEF_SOLVER && def->kind != DEF_OPTIMIZER) || !def->n_signatures) return;
    const Signature *s = &def->signatures[def->n_signatures - 1];
    if (!s->n) return;
    const Name *operand = &s->at[def->kind == DEF_SOLVER ? s->n - 1 : 0].name;
    if (moves(&def->block, operand->text)) return;
    Diagnostic *d = diag_error(r->diagnostics, "E0454", def->name.span, "the %s `%s` never moves `%s`", def_kind_name(def->kind), def->name.text, operand->text);
    diag_note(d, operand->span, "`%s` is what it gives back", operand->text);
    diag_help(d, "say what its next value is: %s' = ..", operand->text);
}

/* ---- trains ---- */

static int count_statements(const Block *block, StmtKind kind)
{
    int n = 0;
    for (int i = 0; i < block->n; i++) {
        n += block->at[i]->kind == kind;
        if (block->at[i]->kind == STMT_PHASE) n += count_statements(&block->at[i]->block, kind);
    }
    return n;
}

static bool has_objective(const Resolver *r, const Block *block)
{
    for (int i = 0; i < block->n; i++) {
        const Stmt *s = block->at[i];
        switch (s->kind) {
        case STMT_LOWER: case STMT_RAISE: case STMT_MINIMIZE: return true;
        case STMT_EXPR: case STMT_BIND:
            if (may_be_regime(r, s->value)) return true;
            break;
        case STMT_PHASE:
            if (has_objective(r, &s->block)) return true;
            break;
        default: break;
        }
    }
    return false;
}

static void check_untils(Resolver *r, const Def *def)
{
    const Stmt *first = NULL;
    for (int i = 0; i < def->block.n; i++) {
        const Stmt *s = def->block.at[i];
        if (s->kind != STMT_UNTIL) continue;
        if (first) {
            Diagnostic *d = diag_error(r->diagnostics, "E0218", s->span, "the train `%s` says twice how long it runs", def->name.text);
            diag_note(d, first->span, "the first time is here");
            diag_help(d, "keep one of them");
        }
        first = s;
    }
    if (first) return;
    Diagnostic *d = diag_error(r->diagnostics, "E0215", def->name.span, "the train `%s` does not say how long it runs", def->name.text);
    diag_help(d, "end it with: until 1000 steps (or 5 epochs, or 30 s)");
}

/* sound: the body has no other mistake that may be the cause. */
static void check_train(Resolver *r, const Def *def, bool sound)
{
    bool updates = count_statements(&def->block, STMT_UPDATE) > 0, objective = has_objective(r, &def->block);
    if (!updates) {
        Diagnostic *d = diag_error(r->diagnostics, "E0214", def->name.span, "the train `%s` updates nothing", def->name.text);
        diag_help(d, "say what is trained and how: update E by adam(lr = 1e-3)");
    } else if (!objective && sound) {
        Diagnostic *d = diag_error(r->diagnostics, "E0224", def->name.span, "the train `%s` has nothing to minimize", def->name.text);
        diag_help(d, "say what it is after: lower E(x), minimize loss as name, or use a regime such as pcd()(E, x)");
    }
    check_untils(r, def);
}

/* ---- definitions ---- */

static void check_draw(Resolver *r, const Def *def)
{
    if (def->kind != DEF_ENERGY || !r->item->draw.source) return;
    Diagnostic *d = diag_error(r->diagnostics, "E0210", r->item->draw, "the energy `%s` draws at random", def->name.text);
    diag_help(d, "an energy is a function of its arguments: draw in the regime or train, and pass the values in");
}

void resolve_def(Resolver *r, const Def *def)
{
    int errors = r->diagnostics->errors;
    r->def = def;
    enter_scope(r, SCOPE_DEF);
    for (int i = 0; i < def->n_signatures; i++)
        resolve_signature(r, &def->signatures[i], i + 1 < def->n_signatures ? MEANING_SETTING : MEANING_OPERAND);
    r->in_result = true;
    if (def->result) resolve_type(r, def->result);
    r->in_result = false;
    if (def->value) {
        resolve_expr(r, def->value);
    } else {
        enter_scope(r, SCOPE_BLOCK);
        resolve_block(r, &def->block);
        check_result(r, def);
        if (r->diagnostics->errors == errors) check_moves(r, def);
        leave_scope(r);
        if (def->kind == DEF_TRAIN) check_train(r, def, r->diagnostics->errors == errors);
    }
    check_draw(r, def);
    leave_scope(r);
    r->def = NULL;
}

/* resolve_stmt.c: the statements of a body: where each belongs, the names it makes, and that its value goes somewhere. */
#include <string.h>
#include "lang/mean/resolver.h"

/* ---- where statements belong ---- */

enum { DIRECT = 1, IN_REPEAT = 2, IN_EVERY = 4, IN_PHASE = 8 };
#define BIT(kind) (1u << (kind))
enum { NETS = BIT(DEF_LAYER) | BIT(DEF_ENCODER) | BIT(DEF_PREDICTOR) | BIT(DEF_DECODER) | BIT(DEF_NET), ANY = BIT(DEF_TRAIN + 1) - 1 };

static const struct Place { StmtKind kind; const char *word; unsigned defs, nests; const char *help; } places[] = {
    { STMT_PARAM, "param", NETS | BIT(DEF_ENERGY), DIRECT, "parameters belong to a layer, a net or an energy; a value that a train or regime moves by itself is a state" },
    { STMT_STATE, "state", NETS | BIT(DEF_TRAIN) | BIT(DEF_REGIME) | BIT(DEF_OPTIMIZER), DIRECT | IN_PHASE,
      "a layer, a net, a train, a regime or an optimizer has states, outside repeat; a value that repeat carries is given before it and moved by x' = .." },
    { STMT_TERM, "term", BIT(DEF_ENERGY), DIRECT, "terms are the named parts of an energy; elsewhere give the value a name: x = .." },
    { STMT_REPEAT, "repeat", ANY, DIRECT | IN_REPEAT | IN_EVERY | IN_PHASE, "" },
    { STMT_KEEP, "keep", ANY, IN_REPEAT, "keep collects a value over the passes of the repeat it stands in" },
    { STMT_LOWER, "lower", BIT(DEF_TRAIN) | BIT(DEF_REGIME), DIRECT | IN_PHASE, "lower, raise and minimize say what a train or a regime is after: write them there" },
    { STMT_RAISE, "raise", BIT(DEF_TRAIN) | BIT(DEF_REGIME), DIRECT | IN_PHASE, "lower, raise and minimize say what a train or a regime is after: write them there" },
    { STMT_MINIMIZE, "minimize", BIT(DEF_TRAIN) | BIT(DEF_REGIME), DIRECT | IN_PHASE, "lower, raise and minimize say what a train or a regime is after: write them there" },
    { STMT_UPDATE, "update", BIT(DEF_TRAIN), DIRECT | IN_PHASE, "a train, or a phase of it, says what is updated and by which optimizer" },
    { STMT_GUARD, "guard", BIT(DEF_TRAIN), DIRECT | IN_PHASE, "guards watch over a train: write it there" },
    { STMT_EVERY, "every", BIT(DEF_TRAIN), DIRECT, "every belongs to the body of a train" },
    { STMT_UNTIL, "until", BIT(DEF_TRAIN), DIRECT, "a train says how long it runs, in its own body; until c ends a repeat that it stands in" },
    { STMT_UNTIL, "until", ANY, IN_REPEAT, "until c ends the repeat it stands in" },
    { STMT_CHECKPOINT, "checkpoint", BIT(DEF_TRAIN), DIRECT, "checkpoints belong to the body of a train" },
    { STMT_RECORD, "record", BIT(DEF_TRAIN), IN_EVERY, "say how often: every 100 steps { record .. }, in a train" },
    { STMT_RECORD, "record", BIT(DEF_SOLVER), DIRECT, "a solver records what it reached, in its own body" },
    { STMT_PHASE, "phase", BIT(DEF_TRAIN), DIRECT, "phases split the step of a train: write them in its body, one after the other" },
    { STMT_SHOW, "show", BIT(DEF_TRAIN), IN_EVERY, "write it at top level, or in a train: every 100 steps { show .. }" },
    { STMT_PRINT, "print", BIT(DEF_TRAIN), IN_EVERY, "write it at top level, or in a train: every 100 steps { print .. }" },
    { STMT_CLAIM, "claim", 0, 0, "claims stand at top level, after the trains they speak of; inside a train, guard e else stop watches a condition" },
    { STMT_SAVE, "save", 0, 0, "runs are saved at top level; while training, checkpoint every 1000 steps keeps the state" },
    { STMT_LOAD, "load", 0, 0, "models are loaded at top level" },
};
enum { PLACES = sizeof places / sizeof places[0] };

static unsigned nesting(const Resolver *r)
{
    const NameScope *s = r->scope;
    while (s->kind == SCOPE_EXPR) s = s->outer;
    if (s->kind == SCOPE_REPEAT) return IN_REPEAT;
    if (s->kind == SCOPE_EVERY) return IN_EVERY;
    return r->phase ? IN_PHASE : DIRECT;
}

static void check_place(Resolver *r, const Stmt *s)
{
    static const char *const inside[] = { [DIRECT] = "", [IN_REPEAT] = "a repeat of ", [IN_EVERY] = "an every of ", [IN_PHASE] = "a phase of " };
    const struct Place *p = NULL;
    for (int i = 0; i < PLACES; i++) {
        if (places[i].kind != s->kind) continue;
        bool here = places[i].defs & BIT(r->def->kind);
        if (here && places[i].nests & nesting(r)) return;
        if (!p || here) p = &places[i];
    }
    if (!p) return;
    bool mine = p->defs & BIT(r->def->kind);
    Span word = { s->span.source, s->span.start, s->span.start + (uint32_t)strlen(p->word) };
    Diagnostic *d = diag_error(r->diagnostics, "E0209", word, "`%s` does not belong in %sthe %s `%s`", p->word, mine ? inside[nesting(r)] : "",
                               def_kind_name(r->def->kind), r->def->name.text);
    if (mine && nesting(r) == DIRECT) diag_note(d, (Span){ 0 }, "it stands in the body itself");
    diag_help(d, "%s", p->help);
}

/* ---- values with names ---- */

static const Expr *target_base(const Expr *target)
{
    const Expr *base = target->kind == EXPR_INDEX ? target->kid[0] : target;
    return base->kind == EXPR_NAME || base->kind == EXPR_PRIMED ? base : NULL;
}

/* A bare name subscripting a left side is an index; so is `i` in `i: n`. */
static void declare_indices(Resolver *r, const Expr *target)
{
    for (int i = 0; i < target->n_subscripts; i++) {
        const Subscript *s = &target->subscripts[i];
        const Expr *index = s->kind == SUBSCRIPT_SLICE ? s->low : s->at;
        if (s->kind == SUBSCRIPT_SLICE && s->high) resolve_expr(r, s->high);
        if (index && index->kind == EXPR_NAME) declare(r, MEANING_INDEX, index->name);
    }
    r->unknown = UNKNOWN_IS_INDEX;
    for (int i = 0; i < target->n_subscripts; i++) {
        const Subscript *s = &target->subscripts[i];
        const Expr *place = s->kind == SUBSCRIPT_SLICE ? s->low : s->at;
        if (place && place->kind != EXPR_NAME) resolve_expr(r, place);
    }
    r->unknown = UNKNOWN_IS_ERROR;
}

static void make_name(Resolver *r, const Expr *base, Meaning **first)
{
    if (base->kind == EXPR_PRIMED) {
        set_next(r, base->name, base->span);
        return;
    }
    if (!r->def) return;                                        /* known already, at top level */
    Meaning *m = declare(r, MEANING_LOCAL, base->name);
    if (!*first) *first = m;
    m->group = *first;
}

/* A regime has an effect even if its record is not looked at. */
static bool has_effect(const Resolver *r, const Expr *value)
{
    if (!may_be_regime(r, value)) return false;
    const Expr *callee = callee_name(value);
    const Def *def = callee->kind == EXPR_NAME ? find_def(r, callee->name.text) : NULL;
    return def || (value->kind == EXPR_CALL && value->kid[0]->kind == EXPR_CALL);
}

void resolve_bind(Resolver *r, const Stmt *s)
{
    for (int i = 0; i < s->targets.n; i++) {
        const Expr *base = target_base(s->targets.at[i]);
        if (base && base->kind == EXPR_PRIMED) want_first_value(r, base->name, base->span);
    }
    enter_scope(r, SCOPE_EXPR);
    for (int i = 0; i < s->targets.n; i++)
        if (s->targets.at[i]->kind == EXPR_INDEX) declare_indices(r, s->targets.at[i]);
    resolve_expr(r, s->value);
    leave_scope(r);
    if (s->draw && r->item && !r->item->draw.source) r->item->draw = s->span;
    Meaning *first = NULL;
    bool effect = has_effect(r, s->value);
    for (int i = 0; i < s->targets.n; i++) {
        const Expr *base = target_base(s->targets.at[i]);
        r->in_equation = s->targets.at[i]->kind == EXPR_INDEX;
        if (base) make_name(r, base, &first);
        r->in_equation = false;
    }
    if (first && effect) first->spared = true;
}

/* ---- losses and regimes ---- */

const Def *regime_in_use(const Resolver *r, const Stmt *s)
{
    if ((s->kind != STMT_EXPR && s->kind != STMT_BIND) || !may_be_regime(r, s->value)) return NULL;
    const Expr *callee = callee_name(s->value);
    const Def *def = callee && callee->kind == EXPR_NAME ? find_def(r, callee->name.text) : NULL;
    return def && def->kind == DEF_REGIME ? def : NULL;
}

static void declare_loss(Resolver *r, Name name)
{
    NameScope *body = innermost(r, SCOPE_BLOCK);
    for (const Meaning *m = body->names; m; m = m->next)
        if (!strcmp(m->text, name.text)) return;                /* minimize loss as loss */
    declare_in(r, body, MEANING_LOSS, name);
}

/* The names of a regime's losses are those of the train that uses it. */
static void declare_losses_of(Resolver *r, const Def *regime, int depth)
{
    enum { DEEPEST = 8 };
    for (int i = 0; i < regime->block.n && depth < DEEPEST; i++) {
        const Stmt *s = regime->block.at[i];
        bool is_loss = s->kind == STMT_LOWER || s->kind == STMT_RAISE || s->kind == STMT_MINIMIZE;
        if (is_loss && s->name.text) declare_loss(r, s->name);
        const Def *inner = regime_in_use(r, s);
        if (inner) declare_losses_of(r, inner, depth + 1);
    }
}

static void resolve_loss(Resolver *r, const Stmt *s)
{
    resolve_expr(r, s->value);
    if (!s->name.text || !r->scope || !innermost(r, SCOPE_BLOCK)) return;
    for (const Meaning *m = innermost(r, SCOPE_BLOCK)->names; m; m = m->next) {
        if (strcmp(m->text, s->name.text) || m->kind != MEANING_LOSS) continue;
        Diagnostic *d = diag_error(r->diagnostics, "E0219", s->name.span, "two losses are called `%s`", s->name.text);
        diag_note(d, m->span, "the first is here");
        diag_help(d, "a run keeps one curve for each name: call one of them otherwise");
        return;
    }
    declare_loss(r, s->name);
}

/* ---- values without names ---- */

static void report_thrown_away(Resolver *r, const Stmt *s)
{
    Diagnostic *d = diag_error(r->diagnostics, "E0207", s->value->span, "this value is thrown away");
    switch (r->def->kind) {
    case DEF_TRAIN: case DEF_REGIME:
        diag_help(d, "give it a name (x = ..), or say what it is for: lower e, minimize l, every 100 steps { record v as name }");
        break;
    case DEF_SOLVER: case DEF_OPTIMIZER:
        diag_help(d, "a %s gives the last value of its operand: write x' = ..", def_kind_name(r->def->kind));
        break;
    case DEF_ENERGY:
        diag_help(d, "an energy is the sum of its terms, or the expression on its last line: write term name = ..");
        break;
    default:
        diag_help(d, innermost(r, SCOPE_REPEAT) ? "carry it to the next pass, x' = .., or collect it: keep v as name"
                                                : "give it a name, or make it the last line: that is the value of the body");
    }
}

static bool is_result(const Resolver *r, const Block *block, const Stmt *s)
{
    if (nesting(r) != DIRECT || s != block->at[block->n - 1]) return false;
    if (gives_a_value(r->def->kind)) return true;
    if (r->def->kind != DEF_ENERGY) return false;
    for (int i = 0; i < block->n; i++)
        if (block->at[i]->kind == STMT_TERM) return false;
    return true;
}

static void resolve_alone(Resolver *r, const Block *block, const Stmt *s)
{
    int errors = r->diagnostics->errors;
    resolve_expr(r, s->value);
    if (is_result(r, block, s) || r->diagnostics->errors > errors) return;
    bool home = (r->def->kind == DEF_TRAIN || r->def->kind == DEF_REGIME) && nesting(r) & (DIRECT | IN_PHASE);
    if (!(home && may_be_regime(r, s->value))) report_thrown_away(r, s);
}

/* ---- repeat and keep ---- */

/* Whether some pass leaves a trace: a next value or something kept. */
static bool leaves_a_trace(const Block *block)
{
    for (int i = 0; i < block->n; i++) {
        const Stmt *s = block->at[i];
        if (s->kind == STMT_KEEP || (s->kind == STMT_REPEAT && leaves_a_trace(&s->block))) return true;
        for (int t = 0; t < s->targets.n; t++) {
            const Expr *base = target_base(s->targets.at[t]);
            if (base && base->kind == EXPR_PRIMED) return true;
        }
    }
    return false;
}

static void report_idle_repeat(Resolver *r, Span word)
{
    Diagnostic *d = diag_error(r->diagnostics, "E0213", word, "this repeat does nothing: no pass changes what the next one sees");
    diag_help(d, "x' = .. gives the next pass its x; keep v as name collects v over the passes");
}

/* The length of a loop does not depend on the data. */
static void check_count(Resolver *r, const Expr *e)
{
    if (e->kind == EXPR_NAME) {
        const Meaning *m = find_meaning(r, e->name.text);
        if (!m || !m->typed) return;
        Diagnostic *d = diag_error(r->diagnostics, "E0227", e->span, "the length of this repeat depends on the argument `%s`", m->text);
        diag_note(d, m->span, "`%s` is known only when the program runs", m->text);
        diag_help(d, "loops have a known length: make it a setting, f(%s)(x: ..), or use a size of the signature", m->text);
        return;
    }
    for (int i = 0; i < 3 && e->kind != EXPR_LAMBDA; i++)
        if (e->kid[i]) check_count(r, e->kid[i]);
    for (int i = 0; i < e->n_args; i++) check_count(r, e->args[i].value);
}

static void resolve_repeat(Resolver *r, const Stmt *s)
{
    check_count(r, s->value);
    resolve_expr(r, s->value);
    Span word = { s->span.source, s->span.start, s->span.start + 6 };
    int errors = r->diagnostics->errors;
    enter_scope(r, SCOPE_REPEAT);
    if (s->name.text) declare(r, MEANING_PASS, s->name);
    resolve_block(r, &s->block);
    if (!leaves_a_trace(&s->block)) {
        if (r->diagnostics->errors == errors) report_idle_repeat(r, word);
        for (Meaning *m = r->scope->names; m; m = m->next) m->spared = true;
    }
    leave_scope(r);
}

static void resolve_keep(Resolver *r, const Stmt *s)
{
    resolve_expr(r, s->value);
    NameScope *repeat = innermost(r, SCOPE_REPEAT);
    if (!repeat) return;
    if (s->name.text) {
        declare_in(r, repeat->outer, MEANING_LOCAL, s->name);
        return;
    }
    Diagnostic *d = diag_error(r->diagnostics, "E0220", s->value->span, "what is kept needs a name");
    diag_help(d, s->value->kind == EXPR_NAME ? "write keep %s as %ss" : "write keep v as vs: vs has one entry for each pass", s->value->name.text, s->value->name.text);
}

/* ---- records ---- */

static const Name *record_name(const Stmt *s, int i)
{
    if (s->as[i].text) return &s->as[i];
    const Expr *e = s->list.at[i];
    return e->kind == EXPR_NAME || e->kind == EXPR_FIELD ? &e->name : NULL;
}

static void check_record_name(Resolver *r, const Name *name)
{
    const Def *def = NULL;
    const TopName *top = find_top(r, name->text);
    if (top && top->item->stmt->kind == STMT_DEF) def = top->item->stmt->def;
    if (!def || def == r->def) return;
    const char *run = r->def->name.text;
    Diagnostic *d = diag_error(r->diagnostics, "E0219", name->span, "the name `%s` is taken: %s.%s is the %s", name->text, run, name->text, def_kind_name(def->kind));
    diag_note(d, top->name.span, "`%s` is defined here", name->text);
    diag_help(d, "record it under another name: .. as %s_mean", name->text);
}

/* What a regime of another file minimizes is known to the builder alone. */
static bool may_be_a_loss_from_outside(const Resolver *r, const Expr *e)
{
    if (e->kind != EXPR_NAME || is_name(r, e->name.text)) return false;
    for (int i = 0; i < r->def->block.n; i++) {
        const Stmt *s = r->def->block.at[i];
        if ((s->kind == STMT_EXPR || s->kind == STMT_BIND) && may_be_regime(r, s->value) && !regime_in_use(r, s)) return true;
    }
    return false;
}

static void resolve_record(Resolver *r, const Stmt *s)
{
    for (int i = 0; i < s->list.n; i++) {
        if (!may_be_a_loss_from_outside(r, s->list.at[i])) resolve_expr(r, s->list.at[i]);
        const Name *name = record_name(s, i);
        if (name) {
            check_record_name(r, name);
            continue;
        }
        Diagnostic *d = diag_error(r->diagnostics, "E0220", s->list.at[i]->span, "what is recorded needs a name");
        if (r->def->kind == DEF_SOLVER) diag_help(d, "write record .. as name: it is then a part of what %s finds, found.name", r->def->name.text);
        else diag_help(d, "write record .. as name: the curve is then %s.name", r->def->name.text);
    }
}

/* ---- all kinds ---- */

static void resolve_cell(Resolver *r, const Stmt *s)
{
    if (s->type) resolve_type(r, s->type);
    if (s->value) resolve_expr(r, s->value);
    declare(r, s->kind == STMT_PARAM ? MEANING_PARAM : MEANING_STATE, s->name);
}

static void resolve_nested(Resolver *r, const Stmt *s)
{
    if (s->kind == STMT_REPEAT) {
        resolve_repeat(r, s);
    } else if (s->kind == STMT_PHASE) {
        r->phase = ++r->phases;
        resolve_block(r, &s->block);
        r->phase = 0;
    } else {
        resolve_expr(r, s->value);
        enter_scope(r, SCOPE_EVERY);
        resolve_block(r, &s->block);
        leave_scope(r);
    }
}

static void resolve_statement(Resolver *r, const Block *block, const Stmt *s)
{
    check_place(r, s);
    switch (s->kind) {
    case STMT_EXPR:   resolve_alone(r, block, s); break;
    case STMT_BIND:   resolve_bind(r, s); break;
    case STMT_PARAM: case STMT_STATE: resolve_cell(r, s); break;
    case STMT_TERM:
        resolve_expr(r, s->value);
        declare(r, MEANING_TERM, s->name);
        break;
    case STMT_REPEAT: case STMT_PHASE: case STMT_EVERY: resolve_nested(r, s); break;
    case STMT_KEEP:   resolve_keep(r, s); break;
    case STMT_LOWER: case STMT_RAISE: case STMT_MINIMIZE: resolve_loss(r, s); break;
    case STMT_RECORD: resolve_record(r, s); break;
    case STMT_GUARD:
        resolve_expr(r, s->value);
        want_word(r, s->name, (const char *const[]){ "rollback", "stop" }, "else");
        break;
    default:
        if (s->value) resolve_expr(r, s->value);
        for (int i = 0; i < s->list.n; i++) resolve_expr(r, s->list.at[i]);
    }
    const Def *regime = r->def->kind == DEF_TRAIN ? regime_in_use(r, s) : NULL;
    if (regime && innermost(r, SCOPE_BLOCK)) declare_losses_of(r, regime, 0);
}

void resolve_block(Resolver *r, const Block *block)
{
    for (int i = 0; i < block->n; i++) resolve_statement(r, block, block->at[i]);
}

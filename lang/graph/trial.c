/* trial.c: definitions that nothing has used yet are built once on stand-ins, so that mistakes in them are found.
 *
 * What a call would solve is not known: sizes are tried three ways (primes, numbers with many divisors, small powers of two), and what is
 * reported is a mistake in all of them.  Operands without a type, which may be functions, are values that keep silent. */
#include <ctype.h>
#include <stdlib.h>
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

/* ---- sizes ---- */

enum { WAYS = 3, SIZES = 8 };
static const int sizes[WAYS][SIZES] = { { 5, 7, 11, 13, 17, 19, 23, 29 }, { 24, 48, 72, 96, 120, 144, 168, 192 }, { 2, 4, 8, 16, 32, 64, 128, 256 } };

typedef struct Trial {
    Builder *b;
    Scope *scope;
    int way, n_sizes;
    bool guessed;               /* sizes, settings or operands are not known */
    const char *said;           /* "N = 5, D = 7" */
} Trial;

static void bind_size(Trial *t, const char *name, Span span)
{
    Value *n = number(t->b, sizes[t->way][t->n_sizes++ % SIZES]);
    n->domain = (Domain){ CLASS_WHOLE, n->node->value, n->node->value };
    bind(t->b, t->scope, name, n, span);
    t->guessed = true;
    t->said = arena_format(t->b->arena, "%s%s%s = %g", t->said ? t->said : "", t->said ? ", " : "", name, n->node->value);
}

/* `..S` stands for one axis, two, or none. */
static void bind_rest(Trial *t, const Name *name)
{
    static const int ranks[WAYS] = { 1, 2, 0 };
    int64_t dims[2];
    if (lookup(t->scope, name->text)) return;
    for (int i = 0; i < ranks[t->way]; i++) dims[i] = sizes[t->way][t->n_sizes++ % SIZES];
    Value *s = value_new(t->b, VALUE_SHAPE);
    s->shape = shape_fresh(dims, ranks[t->way]);
    bind(t->b, t->scope, name->text, s, name->span);
    t->guessed = true;
}

/* Binds the size variables of a signature: those that stand alone as a size. */
static void bind_sizes(Trial *t, const Signature *s)
{
    for (int i = 0; i < s->n; i++) {
        const Type *type = s->at[i].type;
        for (int k = 0; type && k < type->n_dims; k++) {
            const Dim *d = &type->dims[k];
            if (!d->size) bind_rest(t, &d->rest);
            else if (is_size_variable(t->scope, d->size)) bind_size(t, d->size->name.text, d->span);
        }
    }
}

/* ---- operands ---- */

/* A value that is not known, in a slot that is never filled. */
static Value *unknown(Builder *b, Shape shape, Span span)
{
    return array(b, graph_slot(b->g, new_slot(b, "(trial)", shape, false, span), 0, axes_of(shape)), shape);
}

static Value *unknown_bundle(Trial *t, Span span)
{
    static const int64_t dims[] = { 37, 31, 41 };
    Value *v = value_new(t->b, VALUE_BUNDLE);
    v->n_items = 2;
    v->items = ARENA_ARRAY(t->b->arena, Value *, 2);
    for (int i = 0; i < 2; i++) {
        v->items[i] = unknown(t->b, shape_fresh(dims + i, 2 - i), span);
        v->items[i]->string = i ? "b" : "a";
    }
    return v;
}

static Value *stand_in(Trial *t, const Def *def, const Param *p)
{
    Builder *b = t->b;
    if (!p->type) return def->kind == DEF_OPTIMIZER ? unknown_bundle(t, p->span) : p->preset ? NULL : b->none;
    Shape shape;
    Domain domain;
    if (p->type->like.text || !eval_shape(b, t->scope, p->type, &shape) || !eval_domain(b, t->scope, p->type, &domain)) return b->none;
    Value *v = unknown(b, shape, p->span);
    v->domain = domain;
    return v;
}

/* A setting without a preset: a size if it is written like one, else a value that keeps silent. */
static void settle(Trial *t, Closure *c, const Signature *s)
{
    for (int i = 0; i < s->n; i++) {
        const Param *p = &s->at[i];
        Value *v = NULL;
        if (p->preset) {
            bind(t->b, t->scope, p->name.text, eval(t->b, t->scope, p->preset), p->name.span);
            continue;
        }
        if (!p->type && isupper((unsigned char)p->name.text[0])) {
            bind_size(t, p->name.text, p->span);
            v = t->scope->last->value;
        } else bind(t->b, t->scope, p->name.text, v = t->b->none, p->name.span);
        t->guessed = true;
        field_add(t->b, &c->settings, p->name.text, v);
    }
    c->configured = true;
}

/* ---- trying ---- */

static void build(Trial *t, const Closure *f)
{
    Builder *b = t->b;
    const Def *def = f->def;
    const Signature *s = &def->signatures[def->n_signatures - 1];
    Closure *c = ARENA_NEW(b->arena, Closure);
    *c = *f;
    Value *v[MAX_ARGS];
    Span spans[MAX_ARGS];
    if (def->n_signatures == 2) settle(t, c, &def->signatures[0]);
    bind_sizes(t, s);
    for (int i = 0; i < s->n && i < MAX_ARGS; i++) {
        v[i] = stand_in(t, def, &s->at[i]);
        spans[i] = s->at[i].span;
        if (v[i] && v[i]->kind == VALUE_NONE) t->guessed = true;
    }
    Train train = { .name = "trial", .span = def->span };
    TrainBuild around = { .train = &train, .def = (Def *)def, .scope = scope_new(b, NULL), .total = 1000, .total_known = true };
    if (def->kind == DEF_REGIME || def->kind == DEF_OPTIMIZER) {
        b->at.train = &around;
        b->at.run = &train;
        b->at.owner = train.name;
    }
    if (s->n > MAX_ARGS) return;
    int row = summary_enter(b, c, path_of(b, def->name.span, def->name.text), v, s->n);
    summary_leave(b, row, apply_body(b, c, s, v, spans, def->name.span));
}

/* One way, with nothing left behind but diagnostics; the parameters of a net whose sizes are all written stay known. */
static bool attempt(Builder *b, const Closure *f, int way, Diagnostics *found, const char **said)
{
    Trial t = { .b = b, .scope = scope_new(b, NULL), .way = way };
    Diagnostics *before = b->diagnostics;
    int params = b->n_params, averages = b->n_averages, applied = b->n_applied;
    RunCells *runs = b->runs;
    memset(&b->at, 0, sizeof b->at);
    b->diagnostics = found;
    stand_at(b, f->def->name.span);
    build(&t, f);
    *said = t.said;
    b->diagnostics = before;
    memset(&b->at, 0, sizeof b->at);
    b->runs = runs;
    b->n_applied = applied;
    if (!t.guessed && !found->errors) return false;
    b->n_params = params;
    b->n_averages = averages;
    return t.guessed;
}

static const Diagnostic *same_in(const Diagnostics *list, const Diagnostic *d)
{
    for (const Diagnostic *x = list->first; x; x = x->next)
        if (x->severity == d->severity && !strcmp(x->code, d->code) && x->span.source == d->span.source && x->span.start == d->span.start) return x;
    return NULL;
}

static const char *next_number(const char *text, long *number)
{
    while (*text && !isdigit((unsigned char)*text)) text++;
    if (!*text) return NULL;
    char *end;
    *number = strtol(text, &end, 10);
    return end;
}

/* Whether a size that was guessed meets one that is written ("[7], but [2] is wanted"): then 2 would do.  Guessed sizes are other numbers in
 * every way; written ones are the same. */
static bool would_do(const Diagnostic *d, const Diagnostic *other)
{
    static const char *const of_sizes[] = { "E0301", "E0304", "E0308", "E0309", "E0312" };
    bool sizes_differ = false;
    for (size_t i = 0; i < sizeof of_sizes / sizeof of_sizes[0]; i++) sizes_differ |= !strcmp(d->code, of_sizes[i]);
    if (!sizes_differ || !strcmp(d->message, other->message)) return false;
    const char *x = d->message, *y = other->message;
    long p, q;
    while ((x = next_number(x, &p)) && (y = next_number(y, &q))) if (p == q) return true;
    return false;
}

/* Moves what all ways have found into the builder's list. */
static void report(Builder *b, const Def *def, Diagnostics *found, int ways, const char *said)
{
    for (Diagnostic *d = found[0].first; d; d = d->next) {
        bool sure = d->severity == SEVERITY_ERROR && d->fault == FAULT_TEXT && !same_in(b->diagnostics, d);
        for (int w = 1; w < ways && sure; w++) {
            const Diagnostic *other = same_in(&found[w], d);
            sure = other && !would_do(d, other);
        }
        if (!sure) continue;
        Diagnostic *copy = diag_error(b->diagnostics, d->code, d->span, "%s", d->message);
        for (const Note *n = d->notes; n; n = n->next) diag_note(copy, n->span, "%s", n->text);
        if (said) diag_note(copy, def->name.span, "nothing calls %s: it was tried with %s", def->name.text, said);
        if (d->help) diag_help(copy, "%s", d->help);
        copy->fault = d->fault;
    }
}

static void try_definition(Builder *b, const Closure *f)
{
    Diagnostics found[WAYS] = { { 0 } };
    int ways = 1;
    const char *said, *ignored;
    bool guessed = attempt(b, f, 0, &found[0], &said);
    while (guessed && ways < WAYS && found[ways - 1].errors) {
        attempt(b, f, ways, &found[ways], &ignored);
        ways++;
    }
    if (found[ways - 1].errors) report(b, f->def, found, ways, said);
    for (int w = 0; w < ways; w++) diagnostics_free(&found[w]);
}

const char *try_net(Builder *b, Closure *c)
{
    Diagnostics found = { 0 };
    const char *said;
    Context before = b->at;
    attempt(b, c, 0, &found, &said);
    b->at = before;
    graph_set_origin(b->g, b->at.origin);
    diagnostics_free(&found);
    return said;
}

void try_definitions(Builder *b, const Block *block)
{
    for (int i = 0; i < block->n; i++) {
        const Stmt *s = block->at[i];
        if (s->kind != STMT_DEF || !s->def->n_signatures || is_applied(b, s->def)) continue;
        memset(&b->at, 0, sizeof b->at);
        stand_at(b, s->def->name.span);
        Value *f = global_value(b, s->def->name.text, s->def->name.span);
        if (f && f->kind == VALUE_FUNCTION && f->fn->kind == CLOSURE_DEF && f->fn->def == s->def) try_definition(b, f->fn);
    }
}

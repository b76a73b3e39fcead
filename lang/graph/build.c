/* build.c: the top level: definitions by name, in any order; trains and commands in text order. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lang/graph/builder.h"
#include "lang/mean/resolve.h"

/* ---- names at top level ---- */

static unsigned bucket_of(const char *name) { return (unsigned)(mix_hash(0, name, 0) % GLOBAL_BUCKETS); }

/* The text's own names go before the library's, so a name that is defined again does not reach into the library. */
Global *find_global(Builder *b, const char *name, const Source *from)
{
    const UsedFile *file = used_file(b, from);
    Global *library = NULL;
    for (Global *g = b->buckets[bucket_of(name)]; g; g = g->next) {
        if (strcmp(g->name, name) != 0) continue;
        if (g->library) library = library ? library : g;
        else if (!(file && file->library) && g->module == (file ? file->module : NULL)) return g;
    }
    return library;
}

/* A later name hides the library's, and at the prompt an earlier line's. */
static Global *add_global(Builder *b, const char *name, const Stmt *s, int target, bool library, const Module *module)
{
    Global *g = ARENA_NEW(b->arena, Global);
    g->name = name;
    g->stmt = s;
    g->target = target;
    g->library = library;
    g->module = module;
    unsigned k = bucket_of(name);
    g->next = b->buckets[k];
    b->buckets[k] = g;
    if (b->last_global) b->last_global->order = g;
    else b->first_global = g;
    b->last_global = g;
    return g;
}

void add_names(Builder *b, const Block *block, bool library, const Module *module)
{
    for (int i = 0; i < block->n; i++) {
        const Stmt *s = block->at[i];
        switch (s->kind) {
        case STMT_DEF: add_global(b, s->def->name.text, s, 0, library, module); break;
        case STMT_OPTION: case STMT_DATA: add_global(b, s->name.text, s, 0, library, module); break;
        case STMT_USE: case STMT_LOAD: if (s->name.text) add_global(b, s->name.text, s, 0, library, module); break;
        case STMT_BIND:
            for (int k = 0; k < s->targets.n; k++) {
                const Expr *t = s->targets.at[k];
                if (t->kind == EXPR_INDEX) t = t->kid[0];
                if (t->kind == EXPR_NAME) add_global(b, t->name.text, s, k, library, module);
            }
            break;
        default: break;
        }
    }
}

/* ---- values of names ---- */

static Value *option_value(Builder *b, const Stmt *s)
{
    Value *v = eval(b, NULL, s->value);
    double x;
    if (!want_known(b, v, s->value->span, "an option", &x)) return b->none;
    const char *path = path_of(b, s->span, s->name.text);
    for (int i = 0; i < b->options.n_sets; i++)
        if (!strcmp(b->options.set_names[i], path)) {
            Value *set = number(b, b->options.set_values[i]);
            if (set->node->value == floor(set->node->value)) set->domain = (Domain){ CLASS_WHOLE, set->node->value, set->node->value };
            set->unit = v->unit;
            v = set;
        }
    Script *script = &b->script;
    void *more = arena_alloc(b->arena, sizeof *script->options * (size_t)(script->n_options + 1));
    if (script->n_options) memcpy(more, script->options, sizeof *script->options * (size_t)script->n_options);
    script->options = more;
    script->options[script->n_options].name = path;
    script->options[script->n_options].value = known(v);
    script->options[script->n_options++].description = s->string;
    return v;
}

/* data x: [2] = ..: the type of a row. */
static Value *check_data(Builder *b, const Stmt *s, Value *v)
{
    if (!s->type || v->kind == VALUE_NONE) return v;
    Value *one = v->kind == VALUE_RECORD && v->fields && !v->fields->next ? v->fields->value : v;
    if (one->kind != VALUE_ARRAY || !one->shape.n) {
        complain(b, "E0389", s->value->span, "a data set has rows, but this is %s", value_text(b, v));
        return b->none;
    }
    int rank;
    bool rest;
    type_rank(s->type, &rank, &rest);
    Value row = *one;
    row.shape.n = 0;
    for (int i = 1; i < one->shape.n; i++) row.shape.at[row.shape.n++] = one->shape.at[i];
    if (!rest && row.shape.n != rank) {
        complain(b, "E0389", s->type->span, "the rows of %s have shape %s", s->name.text, shape_text(b, row.shape));
        return b->none;
    }
    if (!match_type(b, scope_new(b, NULL), s->type, &row, "a row", s->type->span)) return b->none;
    Domain domain;
    if (!eval_domain(b, NULL, s->type, &domain) || !domain_fits(b, domain, one, s->name.text, s->type->span)) return b->none;
    if (domain.kind == CLASS_REAL) return one;
    Value *typed = ARENA_NEW(b->arena, Value);
    *typed = *one;
    typed->domain = domain;
    return typed;
}

/* encoder slow = ema(f): another name for a function. */
static Value *alias_value(Builder *b, const Def *def)
{
    const char *before = b->at.draw_name;
    b->at.draw_name = def->name.text;
    Value *v = eval(b, NULL, def->value);
    b->at.draw_name = before;
    if (v->kind == VALUE_FUNCTION && v->fn->kind == CLOSURE_DEF && v->fn->def->kind == DEF_LAYER) {
        Closure *c = ARENA_NEW(b->arena, Closure);
        *c = *v->fn;
        c->instance = def->name.text;
        return function_value(b, c);
    }
    if (v->kind != VALUE_FUNCTION && v->kind != VALUE_NONE) {
        complain(b, "E0336", def->value->span, "%s %s needs a function, but this is %s", def_kind_name(def->kind), def->name.text, value_text(b, v));
        return b->none;
    }
    return v;
}

static void eval_top_binding(Builder *b, Scope *scope, const Stmt *s)
{
    const char *name = s->targets.at[0]->name.text;
    if (s->targets.at[0]->kind == EXPR_INDEX) { eval_equation(b, scope, s); return; }
    b->at.use = name;
    b->at.root = s->value;
    b->at.chain = mix_hash(0, name, 0);
    b->at.owner = path_of(b, s->span, name);
    Value *v = s->draw ? eval_drawn(b, scope, s->value, NULL, name) : eval(b, scope, s->value);
    bind_targets(b, scope, s, v);
}

/* What an inference finds and what its solver records are computed at once. */
static int group_of(Builder *b, const Stmt *s) { return s->value->kind == EXPR_INFER ? ++b->n_groups : 0; }

static void define_binding(Builder *b, const Stmt *s)
{
    Scope *scope = scope_new(b, NULL);
    eval_top_binding(b, scope, s);
    b->fill_group = group_of(b, s);
    for (Global *g = b->first_global; g; g = g->order) {
        if (g->stmt != s) continue;
        Binding *x = lookup(scope, g->name);
        g->value = x && x->value ? stored(b, g->name, x->value, s->span) : b->none;
        g->state = GLOBAL_DONE;
    }
    b->fill_group = 0;
}

static void define(Builder *b, Global *g)
{
    Context before = b->at;
    Train *run = b->at.run;
    memset(&b->at, 0, sizeof b->at);
    g->state = GLOBAL_OPEN;
    const Stmt *s = g->stmt;
    stand_at(b, s->span);
    switch (s->kind) {
    case STMT_DEF:
        if (s->def->kind == DEF_TRAIN) build_train(b, s);
        else if (!s->def->n_signatures && s->def->value) g->value = alias_value(b, s->def);
        else g->value = closure_of_def(b, s->def, s->def->name.span, 0);
        break;
    case STMT_OPTION: g->value = option_value(b, s); break;
    case STMT_DATA:
        b->at.use = s->name.text;
        b->at.root = s->value;
        b->at.chain = mix_hash(0, s->name.text, 0);
        g->value = stored(b, s->name.text, check_data(b, s, eval_drawn(b, NULL, s->value, NULL, s->name.text)), s->span);
        break;
    case STMT_BIND: define_binding(b, s); break;
    case STMT_USE: g->value = module_of_use(b, s); break;
    case STMT_LOAD: g->value = loaded_run(b, s); break;
    default: g->value = b->none;
    }
    g->state = GLOBAL_DONE;
    if (!g->value) g->value = b->none;
    b->at = before;
    b->at.run = run;
    graph_set_origin(b->g, b->at.origin);
}

/* What a named value is with the cells of a run: `fit.y`. */
typedef struct RunValue { Train *run; Value *value; struct RunValue *next; } RunValue;

/* Whether v is what was stored for `initial`: computed by the same node. */
static bool is_stored_as(Builder *b, const Value *initial, Value *v)
{
    if (initial->kind != VALUE_ARRAY || v->kind != VALUE_ARRAY || initial->node->op != OP_slot) return initial->kind == v->kind && initial->node == v->node;
    if (v->node == initial->node) return true;
    if (initial->node->key >= (uint64_t)b->script.n_fills) return false;
    const Fill *fill = &b->script.fills[initial->node->key];
    v = standard(b, v);
    Axes axes = axes_of(v->shape);
    return fill->has_program && fill->program.outputs[0].value == graph_spread(b->g, v->node, axes_union(&v->node->axes, &axes));
}

static Value *value_in_run(Builder *b, Global *g, Train *run)
{
    for (RunValue *r = g->runs; r; r = r->next) if (r->run == run) return r->value;
    Context before = b->at;
    memset(&b->at, 0, sizeof b->at);
    b->at.run = run;
    stand_at(b, g->stmt->span);
    Scope *scope = scope_new(b, NULL);
    eval_top_binding(b, scope, g->stmt);
    b->at = before;
    graph_set_origin(b->g, b->at.origin);
    Binding *x = lookup(scope, g->name);
    RunValue *r = ARENA_NEW(b->arena, RunValue);
    *r = (RunValue){ run, x && x->value ? x->value : b->none, g->runs };
    b->fill_group = group_of(b, g->stmt);
    if (is_stored_as(b, g->value, r->value)) r->value = g->value;
    else r->value = stored(b, arena_format(b->arena, "%s.%s", run->name, g->name), r->value, g->stmt->span);
    b->fill_group = 0;
    g->runs = r;
    return r->value;
}

static Value *value_of(Builder *b, Global *g, Span span)
{
    const char *name = g->name;
    if (g->state == GLOBAL_OPEN) {
        complain(b, "E0208", span, "%s is needed to compute itself", name);
        return b->none;
    }
    if (g->state == GLOBAL_UNSEEN) {
        if (g->stmt->kind == STMT_DEF && g->stmt->def->kind == DEF_TRAIN) {
            Diagnostic *d = complain(b, "E0225", span, "%s is used before it is trained", name);
            diag_note(d, g->stmt->span, "trains run in text order; it stands here");
            return b->none;
        }
        define(b, g);
    }
    /* inside a train, and for what no cell can move, it is what it was at first */
    if (b->at.run && !b->at.train && g->stmt && g->stmt->kind == STMT_BIND && g->value->kind == VALUE_ARRAY) return value_in_run(b, g, b->at.run);
    return g->value;
}

Value *global_value(Builder *b, const char *name, Span span)
{
    Global *g = find_global(b, name, span.source);
    return g ? value_of(b, g, span) : NULL;
}

Value *module_member(Builder *b, const Module *module, const char *name, Span span)
{
    for (Global *g = b->buckets[bucket_of(name)]; g; g = g->next) if (g->module == module && !strcmp(g->name, name)) return value_of(b, g, span);
    return NULL;
}

/* ---- the builder ---- */

Builder *builder_new(const BuildOptions *options, Diagnostics *diagnostics)
{
    Builder *b = calloc(1, sizeof *b);
    if (!b) return NULL;
    if (options) b->options = *options;
    b->diagnostics = diagnostics;
    b->arena = &b->script.arena;
    b->g = b->script.graph = graph_new();
    b->script.store = store_new(b->options.has_precision ? b->options.precision : PRECISION_F32);
    b->script.seed = b->options.has_seed ? b->options.seed : 0;
    b->none = value_new(b, VALUE_NONE);
    new_slot(b, "(none)", shape_none(), false, (Span){ 0 });   /* slot 0 stands for no slot */
    add_library(b);
    return b;
}

void builder_free(Builder *b)
{
    if (!b) return;
    sources_free(b);
    for (UsedFile *u = b->used; u; u = u->next) {
        file_free(u->file);
        source_free(u->source);
    }
    store_free(b->script.store);
    graph_free(b->g);
    Arena arena = b->script.arena;
    free(b);
    arena_free(&arena);
}

Script *builder_script(Builder *b) { return &b->script; }

/* Statements that set how everything is read: before all else. */
static bool settings(Builder *b, const Block *block)
{
    bool known_names = true;                                    /* what a file that cannot be used defines is not known */
    for (int i = 0; i < block->n; i++) {
        const Stmt *s = block->at[i];
        double x;
        int64_t seed;
        int errors;
        switch (s->kind) {
        case STMT_SEED:
            if (want_size(b, eval(b, NULL, s->value), s->value->span, "the seed", &seed) && !b->options.has_seed) b->script.seed = (uint64_t)seed;
            break;
        case STMT_PRECISION:
            if (!b->options.has_precision) b->script.store->precision = strcmp(s->name.text, "f64") ? PRECISION_F32 : PRECISION_F64;
            break;
        case STMT_EDITION:
            if (want_known(b, eval(b, NULL, s->value), s->span, "the edition", &x) && x != 1)
                complain(b, "E0391", s->span, "this program reads edition 1, not %g", x);
            break;
        case STMT_USE:
            errors = b->diagnostics->errors;
            use_statement(b, s);
            known_names &= b->diagnostics->errors == errors;
            break;
        default: break;
        }
    }
    return known_names;
}

static bool known_from_outside(Builder *b, const Global *g, const File *file)
{
    const UsedFile *own = used_file(b, file->source);
    return g->library || (g->module == (own ? own->module : NULL) && (!g->stmt || g->stmt->span.source != file->source));
}

bool resolve_names(Builder *b, const File *file)
{
    int n = 0, room = 1024;
    const char **names = malloc(sizeof *names * (size_t)room);
    if (!names) return false;
    for (Global *g = b->first_global; g && n < room - 200; g = g->order) if (known_from_outside(b, g, file)) names[n++] = g->name;
    for (int i = 0; builtin_at(i) && n < room - 8; i++) names[n++] = builtin_at(i)->name;
    static const char *const more[] = { "true", "false", "training", "pi", "inf", "grad", "hvp", "jvp", "laplacian" };
    for (int i = 0; i < 9 && n < room; i++) names[n++] = more[i];
    bool fine = resolve(file, (KnownNames){ n, names }, b->diagnostics);
    free(names);
    return fine;
}

/* Definitions that nothing has used yet are built all the same, so that mistakes in them are found. */
static void define_rest(Builder *b, const File *file)
{
    for (Global *g = b->first_global; g; g = g->order)
        if (!g->library && g->state == GLOBAL_UNSEEN && g->stmt && g->stmt->span.source == file->source &&
            !(g->stmt->kind == STMT_DEF && g->stmt->def->kind == DEF_TRAIN)) define(b, g);
}

static void run_commands(Builder *b, const Block *block)
{
    Script *script = &b->script;
    for (int i = 0; i < block->n; i++) {
        const Stmt *s = block->at[i];
        memset(&b->at, 0, sizeof b->at);
        if (s->kind == STMT_DEF && s->def->kind == DEF_TRAIN) {
            Global *g = find_global(b, s->def->name.text, s->span.source);
            if (g && g->stmt == s && g->state == GLOBAL_UNSEEN) { g->state = GLOBAL_OPEN; build_train(b, s); g->state = GLOBAL_DONE; if (!g->value) g->value = b->none; }
            continue;
        }
        if (s->kind == STMT_CLAIM || s->kind == STMT_SHOW || s->kind == STMT_SAVE || s->kind == STMT_PRINT) {
            Action action;
            build_action(b, NULL, s, &action);
            script->actions = grown(b, script->actions, script->n_actions, &script->actions_room, sizeof(Action));
            script->actions[script->n_actions++] = action;
        } else if (s->kind == STMT_EXPR) {
            Exprs one = { 1, (Expr **)&s->value };
            Stmt print = *s;
            print.kind = STMT_PRINT;
            print.list = one;
            Action action;
            build_action(b, NULL, &print, &action);
            script->actions = grown(b, script->actions, script->n_actions, &script->actions_room, sizeof(Action));
            script->actions[script->n_actions++] = action;
        }
    }
}

static bool check_sets(Builder *b, const File *file)
{
    bool fine = true;
    for (int i = 0; i < b->options.n_sets; i++) {
        const char *all[256];
        int n = 0;
        bool known = false;
        for (Global *o = b->first_global; o && n < 256; o = o->order)
            if (o->stmt && o->stmt->kind == STMT_OPTION) known |= !strcmp(all[n++] = path_of(b, o->stmt->span, o->name), b->options.set_names[i]);
        if (known) continue;
        Span top = { file->source, 0, 0 };
        Diagnostic *d = complain(b, "E0392", top, "there is no option called `%s` to set", b->options.set_names[i]);
        const char *near = nearest_name(b->options.set_names[i], all, n);
        if (near) diag_help(d, "did you mean `%s`?", near);
        else if (!n) diag_help(d, "this text declares no options");
        fine = false;
    }
    return fine;
}

/* What the names of broken statements stand for is not known: all that uses them stays silent, and all else is checked still.  Gives the
 * statements that are sound. */
static Block sound_part(Builder *b, const File *file, const Diagnostic *from)
{
    Block sound = { .span = file->block.span };
    sound.at = ARENA_ARRAY(b->arena, Stmt *, file->block.n + 1);
    for (int i = 0; i < file->block.n; i++) {
        Stmt *s = file->block.at[i];
        if (!is_broken(s, from)) {
            sound.at[sound.n++] = s;
            continue;
        }
        for (Global *g = b->first_global; g; g = g->order) {
            if (g->stmt != s) continue;
            g->value = b->none;
            g->state = GLOBAL_DONE;
        }
    }
    return sound;
}

static const char *word_at(Builder *b, const char *from, const char *end, const char **after)
{
    while (from < end && (*from == ' ' || *from == '\t')) from++;
    const char *at = from;
    while (at < end && (isalnum((unsigned char)*at) || *at == '_' || (unsigned char)*at >= 0x80)) at++;
    *after = at;
    return at > from ? arena_copy(b->arena, from, (size_t)(at - from)) : NULL;
}

/* The name that a line with a mistake of the grammar seems to define (`x = ..`, `net f(..`): nothing is known of it, and the library is not meant. */
static void lose_name(Builder *b, Span mistake)
{
    size_t length;
    const char *line = source_line(mistake.source, mistake.start, &length), *end = line + length, *after;
    const char *name = word_at(b, line, end, &after), *second = name ? word_at(b, after, end, &after) : NULL;
    if (second) name = second;
    const Global *old = name ? find_global(b, name, mistake.source) : NULL;
    if (!name || (old && !old->library)) return;
    Global *g = add_global(b, name, NULL, 0, false, NULL);
    g->value = b->none;
    g->state = GLOBAL_DONE;
}

static void lose_names(Builder *b, const File *file)
{
    for (const Diagnostic *d = b->diagnostics->first; d; d = d->next)
        if (d->span.source && d->span.source == file->source) lose_name(b, d->span);
}

bool builder_add(Builder *b, const File *file)
{
    int errors = b->diagnostics->errors, actions = b->script.n_actions;
    const Diagnostic *last = b->diagnostics->last;
    memset(&b->at, 0, sizeof b->at);
    b->damaged = is_damaged(file, b->diagnostics);
    bool known_names = settings(b, &file->block);
    add_names(b, &file->block, false, NULL);
    if (b->damaged) lose_names(b, file);
    if (!check_sets(b, file) || !known_names) return false;
    Block block = file->block;
    if (!resolve_names(b, file) || b->damaged) block = sound_part(b, file, last && !b->damaged ? last->next : b->diagnostics->first);
    run_commands(b, &block);
    define_rest(b, file);
    try_definitions(b, &block);
    memset(&b->at, 0, sizeof b->at);
    if (b->diagnostics->errors > errors || b->damaged) {
        b->script.n_actions = actions;
        return false;
    }
    return true;
}

/* field.c: what stands after a dot: a run's definitions and records, a module's names, a net's parameters, columns, terms, splits. */
#include <stdio.h>
#include <string.h>
#include "lang/graph/builder.h"

/* The function with the cells of the run, where it has none yet. */
static Closure *in_run(Builder *b, const Closure *of, Train *run)
{
    Closure *c = ARENA_NEW(b->arena, Closure);
    *c = *of;
    if (!c->run) c->run = run;
    if (c->a) c->a = in_run(b, c->a, run);
    if (c->b) c->b = in_run(b, c->b, run);
    return c;
}

/* A function as it is used at e, with the cells of a run. */
Value *function_at(Builder *b, const Closure *of, Train *run, const Expr *e)
{
    Closure *c = in_run(b, of, run);
    c->site = e->site;
    c->turn = turn_of(b, e);
    c->span = e->span;
    return function_value(b, c);
}

static bool is_global(const Builder *b, const char *name)
{
    for (const Global *g = b->first_global; g; g = g->order) if (!strcmp(g->name, name)) return true;
    return false;
}

/* The path that the parameters of a net or an energy stand under; null for what owns none. */
static const char *params_root(Builder *b, const Closure *c)
{
    if (c->instance) return c->instance;
    if (c->kind != CLOSURE_DEF || c->configured) return NULL;
    return c->def->kind <= DEF_FN && c->def->kind != DEF_LAYER ? path_of(b, c->def->name.span, c->def->name.text) : NULL;
}

/* m.f, a definition of a file used as m. */
static Value *member_of_module(Builder *b, const Value *base, const Expr *e)
{
    const Module *module = base->module;
    Train *before = b->at.run;
    if (base->run) b->at.run = base->run;
    Value *v = module_member(b, module, e->name.text, e->name.span);
    if (v && v->kind == VALUE_FUNCTION) v = function_at(b, v->fn, b->at.run, e);
    b->at.run = before;
    if (v) return v;
    Diagnostic *d = complain(b, "E0203", e->name.span, "%s defines nothing called `%s`", module->name, e->name.text);
    const char *all[256];
    int n = 0;
    for (Global *g = b->first_global; g && n < 256; g = g->order) if (g->module == module) all[n++] = g->name;
    const char *near = nearest_name(e->name.text, all, n);
    if (near) diag_help(d, "did you mean `%s`?", near);
    return b->none;
}

static bool has_params(const Builder *b, const char *root)
{
    size_t n = strlen(root);
    for (int i = 0; i < b->n_params; i++) if (!strncmp(b->params[i].path, root, n) && b->params[i].path[n] == '.') return true;
    return false;
}

/* ---- runs ---- */

static Value *no_such_part_of_run(Builder *b, const Value *run, const Expr *e)
{
    if (b->damaged) return b->none;
    Diagnostic *d = complain(b, "E0203", e->name.span, "the run %s has nothing called `%s`", run->run->name, e->name.text);
    const char *all[512];
    int n = 0;
    for (Field *f = run->fields; f && n < 500; f = f->next) all[n++] = f->name;
    for (Global *g = b->first_global; g && n < 500; g = g->order) if (!g->library) all[n++] = g->name;
    const char *near = nearest_name(e->name.text, all, n);
    if (near) diag_help(d, "did you mean `%s`?", near);
    else diag_help(d, "a run has the definitions of the text, what it records by name, and the states of its regimes");
    return b->none;
}

static Value *state_named(Builder *b, const Field *states, const char *name);

/* States with names such as cd.chains and cd.slots as a record of records. */
static Value *record_of_states(Builder *b, const Field *states)
{
    Value *r = value_new(b, VALUE_RECORD);
    for (const Field *f = states; f; f = f->next) {
        const char *name = arena_copy(b->arena, f->name, strcspn(f->name, "."));
        if (!field_of(r, name)) field_add(b, &r->fields, name, state_named(b, states, name));
    }
    return r;
}

/* The state of that name, or all those whose names begin with it and a dot; null if there are none. */
static Value *state_named(Builder *b, const Field *states, const char *name)
{
    size_t n = strlen(name);
    Field *parts = NULL;
    for (const Field *f = states; f; f = f->next) {
        if (!strcmp(f->name, name)) return f->value;
        if (!strncmp(f->name, name, n) && f->name[n] == '.') field_add(b, &parts, f->name + n + 1, f->value);
    }
    return parts ? record_of_states(b, parts) : NULL;
}

/* fit.name: a record, a state at its end, or what the text defines as name, with the cells that fit moved. */
static Value *part_of_run(Builder *b, const Value *run, const Expr *e)
{
    Value *v = field_of(run, e->name.text);
    if (!v) v = state_named(b, run_cells(b, run->run)->states, e->name.text);
    if (v) return v;
    Train *before = b->at.run;
    b->at.run = run->run;
    v = global_value(b, e->name.text, e->name.span);
    if (v && v->kind == VALUE_FUNCTION) v = function_at(b, v->fn, run->run, e);
    else if (v && v->kind == VALUE_MODULE) {
        Value *m = ARENA_NEW(b->arena, Value);
        *m = *v;
        m->run = run->run;
        v = m;
    }
    b->at.run = before;
    return v ? v : no_such_part_of_run(b, run, e);
}

/* ---- parameters ---- */

static Value *no_such_parameter(Builder *b, const Closure *net, const char *path, const Expr *e)
{
    if (b->diagnostics->errors) return b->none;             /* it may be missing because it was found wrong */
    Diagnostic *d = complain(b, "E0203", e->name.span, "%s has no parameter called `%s`", net->name, e->name.text);
    const char *all[256];
    int n = 0;
    size_t skip = strlen(path) - strlen(e->name.text);
    for (int i = 0; i < b->n_params && n < 256; i++)
        if (!strncmp(b->params[i].path, path, skip)) all[n++] = b->params[i].path + skip;
    const char *near = nearest_name(e->name.text, all, n);
    if (near) diag_help(d, "did you mean `%s`?", near);
    else if (n) diag_help(d, "it has %s%s%s", all[0], n > 1 ? ", " : "", n > 1 ? all[1] : "");
    return b->none;
}

static Value *parameter(Builder *b, const ParamInfo *p, Train *run)
{
    Train *before = b->at.run;
    b->at.run = run;
    Shape shape = b->script.store->slots[p->slot].shape;
    Value *v = array(b, read_slot(b, p->slot, axes_of(shape)), shape);
    v->domain = p->domain;
    b->at.run = before;
    return v;
}

/* f.dense1.W: a parameter by its path; f.dense1 is the path so far. */
static Value *part_of_net(Builder *b, Closure *net, const char *root, const Expr *e)
{
    const char *path = arena_format(b->arena, "%s.%s", root, e->name.text);
    if (net->kind == CLOSURE_DEF && !has_params(b, root)) try_net(b, net);
    for (int i = 0; i < b->n_params; i++) if (!strcmp(b->params[i].path, path)) return parameter(b, &b->params[i], net->run);
    size_t n = strlen(path);
    for (int i = 0; i < b->n_params; i++) {
        if (strncmp(b->params[i].path, path, n) || b->params[i].path[n] != '.') continue;
        Closure *c = ARENA_NEW(b->arena, Closure);
        *c = *net;
        c->instance = path;
        return function_value(b, c);
    }
    return no_such_parameter(b, net, path, e);
}

/* ---- data sets and records ---- */

/* data.train, data.test: the last fifth, in order, is the test set of a set that does not bring its own. */
static Value *part_of_split(Builder *b, Value *data, const char *name)
{
    bool train = !strcmp(name, "train");
    const Value *first = data->kind == VALUE_RECORD && data->fields ? data->fields->value : data;
    bool texts = first->kind == VALUE_TEXTS;
    if ((!train && strcmp(name, "test")) || (!texts && (first->kind != VALUE_ARRAY || !first->shape.n))) return NULL;
    int64_t n = texts ? first->texts->n : axis_size(first->shape.at[0]), cut = n - n / 5;
    return train ? rows_of(b, data, 0, cut) : rows_of(b, data, cut, n);
}

static void help_with_part(Builder *b, Diagnostic *d, const Value *base, const char *name)
{
    const char *all[256] = { 0 };
    int n = 0;
    for (Field *f = base->fields; f && n < 256; f = f->next) all[n++] = f->name;
    const char *near = nearest_name(name, all, n);
    if (near) diag_help(d, "did you mean `%s`?", near);
    else if (n) {
        char list[256] = "";
        for (int i = 0; i < n; i++)
            if (strlen(list) + strlen(all[i]) + 3 < sizeof list) strcat(strcat(list, i ? ", " : ""), all[i]);
        diag_help(d, "it has %s", list);
    } else if (base->kind == VALUE_ARRAY && !strcmp(name, "T")) diag_help(d, "say it with indices: y[j, i] = x[i, j]");
    else if (base->kind == VALUE_ARRAY && (!strcmp(name, "shape") || !strcmp(name, "size")))
        diag_help(d, "name the sizes in the signature: fn f(x: [N, D]) can use N and D as numbers");
    else if (!strcmp(name, "detach")) diag_help(d, "stop(x) is x without a gradient");
    else if (base->kind == VALUE_FUNCTION && base->fn->kind == CLOSURE_DEF && base->fn->def->kind == DEF_REGIME)
        diag_help(d, "it is a regime: name its use, u = %s(..)(E, x), and read u.%s", base->fn->name, name);
    else if (builtin_named(name) || is_global(b, name)) diag_help(d, "values have no methods: write %s(..)", name);
}

Value *eval_field(Builder *b, Scope *scope, const Expr *e)
{
    Value *base = eval(b, scope, e->kid[0]);
    const char *name = e->name.text;
    if (base->kind == VALUE_NONE) return base;
    stand_at(b, e->span);
    if (base->kind == VALUE_MODULE) return member_of_module(b, base, e);
    if (base->kind == VALUE_RUN) return part_of_run(b, base, e);
    const char *root = base->kind == VALUE_FUNCTION ? params_root(b, base->fn) : NULL;
    if (root) return part_of_net(b, base->fn, root, e);
    Value *v = field_of(base, name);
    if (!v && (base->kind == VALUE_ARRAY || base->kind == VALUE_RECORD || base->kind == VALUE_TEXTS)) v = part_of_split(b, base, name);
    if (v) return v;
    help_with_part(b, complain(b, "E0203", e->name.span, "%s has no part called `%s`", value_text(b, base), name), base, name);
    return b->none;
}

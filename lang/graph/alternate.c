/* alternate.c: alternate(): several names of different domains, each moved by its own solver while the others stand still, round after round. */
#include <string.h>
#include "lang/graph/infer.h"

/* Names that one solver moves together. */
typedef struct Group { Closure *solver; int n, at[MAX_BINDERS]; } Group;
typedef struct Groups { int n; Group at[MAX_BINDERS]; } Groups;

static bool is_finite(const Binder *v) { return v->domain.kind == CLASS_WHOLE || v->domain.kind == CLASS_SPIN; }

/* ---- which solver moves what ---- */

/* A solver of the library or a built-in one, with these settings. */
static Closure *known_solver(Inference *x, const char *name, const char *const *settings, const double *values, int n)
{
    Builder *b = x->b;
    const Builtin *built_in = builtin_named(name);
    Value *f = built_in ? NULL : global_value(b, name, x->infer->by->span);
    CallArgs args = { .span = x->infer->by->span };
    for (int i = 0; i < n; i++) args.at[args.n++] = (CallArg){ .name = settings[i], .value = number(b, values[i]), .span = args.span };
    if (built_in) return built_in->call(b, NULL, &args)->fn;
    if (f && f->kind == VALUE_FUNCTION && f->fn->kind == CLOSURE_DEF) f = configure(b, f->fn, &args);
    if (f && f->kind == VALUE_FUNCTION) return f->fn;
    if (!f || f->kind != VALUE_NONE) {
        Diagnostic *d = complain(b, "E0360", args.span, "alternate moves real names by %s, which is another thing here", name);
        diag_help(d, "say which solver: alternate(real = ..)");
    }
    return NULL;
}

static Closure *preset(Inference *x, bool finite)
{
    if (x->infer->kind == INFER_ARGMIN)
        return finite ? known_solver(x, "icm", (const char *const[]){ "sweeps" }, (const double[]){ 1 }, 1)
                      : known_solver(x, "descent", (const char *const[]){ "steps", "step" }, (const double[]){ 10, 0.1 }, 2);
    return finite ? known_solver(x, "gibbs", (const char *const[]){ "sweeps" }, (const double[]){ 1 }, 1)
                  : known_solver(x, "mala", (const char *const[]){ "steps", "step" }, (const double[]){ 10, 0.05 }, 2);
}

/* The solver of a setting; null: it is not given, or *failed after a report. */
static Closure *setting(Inference *x, const Closure *solver, const char *name, bool *failed)
{
    Value settings = { .fields = solver->settings };
    Value *v = field_of(&settings, name);
    if (!v) return NULL;
    if (v->kind == VALUE_FUNCTION) return v->fn;
    *failed = true;
    if (v->kind != VALUE_NONE) {
        Diagnostic *d = complain(x->b, "E0360", x->infer->by->span, "alternate's `%s` is a solver, but this is %s", name, value_text(x->b, v));
        diag_help(d, "alternate(real = mala(steps = 10), finite = gibbs(sweeps = 1))");
    }
    return NULL;
}

/* Every setting is one of alternate's own, or a name that is sought. */
static bool check_settings(Inference *x, const Closure *solver)
{
    const char *known[MAX_BINDERS + 3] = { "rounds", "real", "finite" };
    int n = 3;
    for (int i = 0; i < x->n; i++) known[n++] = x->at[i].name.text;
    for (const Field *f = solver->settings; f; f = f->next) {
        bool found = false;
        for (int i = 0; i < n; i++) found |= !strcmp(known[i], f->name);
        if (found) continue;
        Diagnostic *d = complain(x->b, "E0331", x->infer->by->span, "alternate has no setting called `%s`", f->name);
        const char *near = nearest_setting(f->name, known, n);
        if (near) diag_help(d, "did you mean `%s`?", near);
        else diag_help(d, "it takes rounds, real, finite, and each of the names that are sought");
        return false;
    }
    return true;
}

static void add_to_group(Groups *g, Closure *solver, int binder, bool own)
{
    for (int i = 0; i < g->n && !own; i++) {
        if (g->at[i].solver != solver) continue;
        g->at[i].at[g->at[i].n++] = binder;
        return;
    }
    g->at[g->n++] = (Group){ .solver = solver, .n = 1, .at = { binder } };
}

static bool find_groups(Inference *x, const Closure *solver, Groups *g)
{
    bool failed = false;
    Closure *of[2] = { setting(x, solver, "real", &failed), setting(x, solver, "finite", &failed) };
    for (int i = 0; i < x->n && !failed; i++) {
        bool finite = is_finite(&x->at[i]);
        Closure *own = setting(x, solver, x->at[i].name.text, &failed);
        if (!own && !of[finite]) of[finite] = preset(x, finite);
        if (!own && !of[finite]) return false;
        add_to_group(g, own ? own : of[finite], i, own != NULL);
    }
    return !failed;
}

/* ---- a round ---- */

/* The group's own inference: the other names stand in scope as they are now. */
static Inference part_of(const Inference *x, const Group *group, Value *const *v)
{
    Builder *b = x->b;
    Infer *infer = ARENA_NEW(b->arena, Infer);
    *infer = *x->infer;
    infer->names = (Names){ .n = group->n, .at = ARENA_ARRAY(b->arena, Name, group->n) };
    Inference part = *x;
    part.infer = infer;
    part.scope = scope_new(b, x->scope);
    part.n = 0;
    for (int i = 0; i < x->n; i++) {
        bool mine = false;
        for (int k = 0; k < group->n; k++) mine |= group->at[k] == i;
        if (!mine) { bind(b, part.scope, x->at[i].name.text, v[i], x->at[i].name.span); continue; }
        infer->names.at[part.n] = x->at[i].name;
        part.at[part.n] = x->at[i];
        part.at[part.n++].fresh = false;
    }
    return part;
}

static const Given *given_of(Builder *b, const Given *whole, const Group *group)
{
    Given *g = ARENA_NEW(b->arena, Given);
    bool any = false;
    for (int k = 0; whole && k < group->n; k++) {
        g->mask[k] = whole->mask[group->at[k]];
        g->value[k] = whole->value[group->at[k]];
        any |= g->mask[k] != NULL;
    }
    return any ? g : NULL;
}

/* Moves the names of a group; false after a report. */
static bool move_group(Inference *x, const Group *group, Value **v, const Given *given, Shape items)
{
    Builder *b = x->b;
    Inference part = part_of(x, group, v);
    Value *from[MAX_BINDERS];
    for (int k = 0; k < group->n; k++) from[k] = v[group->at[k]];
    b->at.given = given_of(b, given, group);
    Value *r = solve_by(&part, group->solver, together(b, from, group->n), items);
    b->at.given = given;
    if (r->kind == VALUE_NONE) return false;
    for (int k = 0; k < group->n; k++) {
        Value *to = ARENA_NEW(b->arena, Value);
        *to = *(r->kind == VALUE_BUNDLE ? r->items[k] : r);
        to->domain = v[group->at[k]]->domain;
        to->fields = NULL;
        v[group->at[k]] = to;
    }
    return true;
}

/* The names as the loop carries them. */
static void open_carries(Inference *x, Loop *loop, Value **v)
{
    Builder *b = x->b;
    for (int i = 0; i < x->n; i++) {
        Axes axes = axes_of(v[i]->shape);
        axes = axes_union(&axes, &b->at.hidden);
        bool zeros = is_finite(&x->at[i]) && v[i]->node->op == OP_const && v[i]->node->value == 0;
        Node *start = zeros ? graph_const(b->g, x->at[i].domain.low) : v[i]->node;    /* from zeros spins start low: 0 is none of theirs */
        Value *r = ARENA_NEW(b->arena, Value);
        *r = *v[i];
        r->node = graph_carry(b->g, loop, graph_spread(b->g, start, axes), axes);
        v[i] = r;
    }
}

Value *solve_alternate(Inference *x, const Closure *solver, Value **v, Shape items)
{
    Builder *b = x->b;
    const Given *given = b->at.given;
    Groups groups = { 0 };
    int64_t rounds;
    Value settings = { .fields = solver->settings };
    if (!check_settings(x, solver) || !find_groups(x, solver, &groups)) return b->none;
    if (!want_size(b, field_of(&settings, "rounds"), x->infer->by->span, "rounds", &rounds)) return b->none;
    for (int i = 0; i < groups.n; i++) {
        Inference part = part_of(x, &groups.at[i], v);
        if (!solver_serves(&part, groups.at[i].solver)) return b->none;
    }
    Context before = b->at;
    Loop *loop = b->at.loop = graph_loop_open(b->g, before.loop, rounds);
    Value *start[MAX_BINDERS];
    for (int i = 0; i < x->n; i++) start[i] = with_observed(b, given, i, v[i], x->e->span);
    open_carries(x, loop, start);
    memcpy(v, start, sizeof(Value *) * (size_t)x->n);
    bool fine = true;
    for (int i = 0; i < groups.n && fine; i++) fine = move_group(x, &groups.at[i], v, given, items);
    if (fine) for (int i = 0; i < x->n; i++) graph_loop_next(b->g, loop, i, graph_spread(b->g, relabel(b, v[i]->node, v[i]->shape, start[i]->shape), start[i]->node->axes));
    b->at = before;
    if (!fine) return b->none;
    stand_at(b, x->e->span);
    graph_loop_close(b->g, loop);
    for (int i = 0; i < x->n; i++) {
        Value *r = ARENA_NEW(b->arena, Value);
        *r = *start[i];
        r->node = graph_stop(b->g, graph_result(b->g, loop, i));
        if (b->at.train && x->infer->kind == INFER_SAMPLE) note_sampled(b, r->node);
        v[i] = r;
    }
    return together(b, v, x->n);
}

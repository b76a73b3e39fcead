/* optimize.c: update E by adam(..): which cells move, their gradients, the optimizer's text applied to all of them as one bundle. */
#include <string.h>
#include "lang/grad/grad.h"
#include "lang/graph/builder.h"

enum { MAX_NAMES = 256, MAX_CELLS = 1024 };

/* ---- which parameters a definition's text reaches ---- */

typedef struct Reach { Builder *b; int n; const char *names[MAX_NAMES]; } Reach;

static void reach_global(Reach *r, const Global *g);

static void reach_expr(Reach *r, const Expr *e)
{
    if (!e) return;
    if (e->kind == EXPR_NAME || e->kind == EXPR_PRIMED) reach_global(r, find_global(r->b, e->name.text, e->name.span.source));
    if (e->kind == EXPR_FIELD && e->kid[0]->kind == EXPR_NAME) {
        const Global *g = find_global(r->b, e->kid[0]->name.text, e->kid[0]->name.span.source);
        if (g && g->value && g->value->kind == VALUE_RUN) return;      /* another run's cells are constants */
        if (g && g->value && g->value->kind == VALUE_MODULE)
            for (const Global *m = r->b->first_global; m; m = m->order) if (m->module == g->value->module && !strcmp(m->name, e->name.text)) reach_global(r, m);
    }
    for (int i = 0; i < 3; i++) reach_expr(r, e->kid[i]);
    for (int i = 0; i < e->list.n; i++) reach_expr(r, e->list.at[i]);
    for (int i = 0; i < e->n_args; i++) reach_expr(r, e->args[i].value);
    for (int i = 0; i < e->n_subscripts; i++) reach_expr(r, e->subscripts[i].at);
    if (e->infer) {
        reach_expr(r, e->infer->of);
        reach_expr(r, e->infer->under);
    }
}

static void reach_block(Reach *r, const Block *block)
{
    for (int i = 0; i < block->n; i++) {
        const Stmt *s = block->at[i];
        reach_expr(r, s->value);
        for (int k = 0; k < s->list.n; k++) reach_expr(r, s->list.at[k]);
        reach_block(r, &s->block);
    }
}

static void reach_global(Reach *r, const Global *g)
{
    if (!g || !g->stmt || g->library || r->n == MAX_NAMES) return;
    const char *path = path_of(r->b, g->stmt->span, g->name);
    for (int i = 0; i < r->n; i++) if (!strcmp(r->names[i], path)) return;
    r->names[r->n++] = path;
    if (g->stmt->kind == STMT_BIND) { reach_expr(r, g->stmt->value); return; }
    if (g->stmt->kind != STMT_DEF) return;
    const Def *d = g->stmt->def;
    if (!d->n_signatures && d->value && d->value->kind == EXPR_CALL && d->value->kid[0]->kind == EXPR_NAME && !strcmp(d->value->kid[0]->name.text, "ema")) return;
    reach_expr(r, d->value);
    reach_block(r, &d->block);
}

static bool owned_by(const char *path, const char *root)
{
    size_t n = strlen(root);
    return !strncmp(path, root, n) && path[n] == '.';
}

static bool reaches(const Reach *r, const char *path)
{
    for (int k = 0; k < r->n; k++) if (owned_by(path, r->names[k])) return true;
    return false;
}

static bool moves_by_gradient(const ParamInfo *p) { return !p->is_average && !p->is_state; }

/* The parameters that the names reach come first; *all: with the others after them. */
static int find_params(Builder *b, const Reach *r, int *which, int *all)
{
    int n = 0;
    for (int i = 0; i < b->n_params && n < MAX_CELLS; i++)
        if (moves_by_gradient(&b->params[i]) && reaches(r, b->params[i].path)) which[n++] = i;
    *all = n;
    for (int i = 0; i < b->n_params && *all < MAX_CELLS; i++)
        if (moves_by_gradient(&b->params[i]) && !reaches(r, b->params[i].path)) which[(*all)++] = i;
    return n;
}

/* Each name of an update has a part in what the train is after. */
static bool each_name_moves(Builder *b, const Stmt *s, const int *which, Node **g, int n)
{
    bool fine = true;
    for (int i = 0; i < s->list.n; i++) {
        Reach one = { .b = b };
        reach_expr(&one, s->list.at[i]);
        bool any = false, moves = false;
        for (int k = 0; k < n; k++) {
            if (!reaches(&one, b->params[which[k]].path)) continue;
            any = true;
            moves |= g[k] != NULL;
        }
        if (moves || (any && s->list.n == 1)) continue;
        fine = false;
        const char *name = s->list.at[i]->name.text;
        Diagnostic *d = complain(b, "E0450", s->list.at[i]->span, any ? "no loss of this train depends on a parameter of %s" : "%s reaches no parameters that this train uses", name);
        diag_help(d, "leave %s out of the update, or use it in what is lowered or minimized", name);
    }
    return fine;
}

/* ---- the optimizer ---- */

bool is_schedule(const Value *v)
{
    if (v->kind != VALUE_FUNCTION || v->fn->kind == CLOSURE_BUILTIN) return false;
    const Signature *s = operands_of(v->fn);
    return s && s->n == 2 && !strcmp(s->at[0].name.text, "t") && !strcmp(s->at[1].name.text, "total");
}

/* A setting that is a function of (t, total) is its value at this step. */
Value *scheduled(Builder *b, Value *v)
{
    if (!is_schedule(v)) return v;
    Value *at[2] = { array(b, graph_step(b->g), shape_none()), number(b, b->at.train->total) };
    return apply_values(b, v->fn, at, 2, v->fn->span);
}

const char *use_path(Builder *b, const Closure *c)
{
    const char *owner = b->at.owner ? b->at.owner : b->at.train->train->name;
    if (b->at.use && c->def->kind == DEF_REGIME) return arena_format(b->arena, "%s.%s", owner, b->at.use);
    return arena_format(b->arena, "%s.%s%d", owner, c->name, ++b->at.train->n_uses);
}

static Value *bundle_of(Builder *b, int n)
{
    Value *v = value_new(b, VALUE_BUNDLE);
    v->n_items = n;
    v->items = ARENA_ARRAY(b->arena, Value *, n);
    return v;
}

/* Reports what gets no gradient: all cells of an update is a mistake, some of them is worth a word. */
static bool check_gradients(Builder *b, const Stmt *s, const int *which, Node **g, int n)
{
    int missing = 0, moved = 0;
    const char *first = NULL;
    for (int i = 0; i < n; i++) {
        const ParamInfo *p = &b->params[which[i]];
        if (g[i]) moved++;
        else if (is_read(b, p)) { missing++; if (!first) first = p->path; }
    }
    if (!moved) {
        Diagnostic *d = complain(b, "E0451", s->span, "no cell that this update moves gets a gradient: %s, for one, does not act on any loss",
                                 first ? first : n ? b->params[which[0]].path : "its net");
        diag_help(d, "lower, raise or minimize something that is computed from it, outside stop(..)");
        return false;
    }
    if (missing) {
        Diagnostic *d = warn(b, "W0451", s->span, "%s%s get%s no gradient and will not move", first,
                             missing > 1 ? arena_format(b->arena, " and %d more", missing - 1) : "", missing > 1 ? "" : "s");
        diag_help(d, "the losses of this train do not depend on it");
    }
    return true;
}

/* Parameters outside this update whose gradients were found too; a later update of the train may yet move them. */
static void note_strays(Builder *b, const Stmt *s, const int *which, Node **g, int from, int to)
{
    TrainBuild *t = b->at.train;
    for (int i = from; i < to; i++) {
        if (!g[i]) continue;
        const ParamInfo *p = &b->params[which[i]];
        t->strays = grown(b, t->strays, t->n_strays, &t->strays_room, sizeof(Stray));
        t->strays[t->n_strays++] = (Stray){ p->slot, p->path, s->span };
    }
}

static bool is_moved(Builder *b, uint32_t slot)
{
    const Train *train = b->at.train->train;
    uint32_t own = run_slot(b, run_cells(b, b->at.train->train), slot);
    for (int i = 0; i < train->n_cells; i++) if (train->cells[i] == own) return true;
    return false;
}

void check_strays(Builder *b)
{
    TrainBuild *t = b->at.train;
    const Stray *first = NULL;
    int n = 0;
    for (int i = 0; i < t->n_strays; i++) {
        bool again = is_moved(b, t->strays[i].slot);
        for (int k = 0; k < i && !again; k++) again = t->strays[k].slot == t->strays[i].slot;
        if (again) continue;
        if (!first) first = &t->strays[i];
        n++;
    }
    if (!first || b->diagnostics->errors) return;
    Diagnostic *d = warn(b, "W0452", first->span, "the losses pull on %s%s, but no update of this train moves %s", first->path,
                         n > 1 ? arena_format(b->arena, " and %d more", n - 1) : "", n > 1 ? "them" : "it");
    diag_help(d, "add it to what is updated: update .., %.*s by ..; if it is to stay as it is, say so: stop(..)", (int)strcspn(first->path, "."), first->path);
}

static Node *objective(Builder *b)
{
    TrainBuild *t = b->at.train;
    Node *sum = NULL;
    for (int i = 0; i < t->n_losses; i++) sum = sum ? graph_map(b->g, OP_add, sum, t->losses[i].node, NULL) : t->losses[i].node;
    return sum;
}

static bool find_targets(Builder *b, const Stmt *s, Reach *r)
{
    for (int i = 0; i < s->list.n; i++) {
        const Expr *e = s->list.at[i];
        if (e->kind != EXPR_NAME && e->kind != EXPR_FIELD) {
            Diagnostic *d = complain(b, "E0450", e->span, "update takes the names of energies and nets");
            diag_help(d, "update E by adam()");
            return false;
        }
        Value *v = eval(b, NULL, e);
        if (v->kind == VALUE_NONE) return false;
        if (v->kind == VALUE_FUNCTION && v->fn->kind == CLOSURE_EMA) {
            Diagnostic *d = complain(b, "E0450", e->span, "%s is a moving average, which follows its net by itself", e->name.text);
            diag_help(d, "leave it out of the update: %s moves whenever %s does", e->name.text, v->fn->a && v->fn->a->name ? v->fn->a->name : "its net");
            return false;
        }
        if (v->kind != VALUE_FUNCTION || v->fn->kind != CLOSURE_DEF) {
            complain(b, "E0450", e->span, "%s is %s, which has no parameters to update", e->name.text, value_text(b, v));
            return false;
        }
        reach_expr(r, e);
    }
    return true;
}

void build_update(Builder *b, Scope *scope, const Stmt *s)
{
    Reach reach = { .b = b };
    int *which = ARENA_ARRAY(b->arena, int, MAX_CELLS);
    Value *optimizer = eval(b, scope, s->value);
    if (!find_targets(b, s, &reach) || optimizer->kind == VALUE_NONE) return;
    if (optimizer->kind != VALUE_FUNCTION || optimizer->fn->kind != CLOSURE_DEF || optimizer->fn->def->kind != DEF_OPTIMIZER) {
        Diagnostic *d = complain(b, "E0450", s->value->span, "update .. by needs an optimizer, but this is %s", value_text(b, optimizer));
        diag_help(d, "optimizers are sgd(..), adam(..), adamw(..) and those you define with `optimizer`");
        return;
    }
    Node *loss = objective(b);
    if (!loss && b->diagnostics->errors) return;                /* what it would be was found wrong */
    if (!loss) {
        Diagnostic *d = complain(b, "E0453", s->span, "there is nothing to lower: this train has no loss");
        diag_help(d, "lower E(x), raise E(y), minimize l, or use a regime");
        return;
    }
    int all, n = find_params(b, &reach, which, &all);
    Node **wrt = ARENA_ARRAY(b->arena, Node *, all + 1), **g = ARENA_ARRAY(b->arena, Node *, all + 1);
    for (int i = 0; i < all; i++) wrt[i] = read_slot(b, b->params[which[i]].slot, axes_of(b->script.store->slots[b->params[which[i]].slot].shape));
    stand_at(b, s->span);
    Node *seed = graph_const(b->g, 1);
    grad_reverse(b->g, &loss, &seed, 1, wrt, all, g);
    if (b->diagnostics->errors) return;                         /* a part of the losses may be missing */
    if (!each_name_moves(b, s, which, g, n) || !check_gradients(b, s, which, g, n)) return;
    note_strays(b, s, which, g, n, all);
    int moved = 0;
    for (int i = 0; i < n; i++)
        if (g[i]) { wrt[moved] = wrt[i]; g[moved] = g[i]; which[moved++] = which[i]; }
    Value *bundles[2] = { bundle_of(b, moved), bundle_of(b, moved) };
    for (int i = 0; i < moved; i++) {
        const ParamInfo *p = &b->params[which[i]];
        Shape shape = b->script.store->slots[p->slot].shape;
        for (int k = 0; k < 2; k++) {
            bundles[k]->items[i] = array(b, k ? g[i] : wrt[i], shape);
            bundles[k]->items[i]->string = p->path;
        }
    }
    Value *next = apply_values(b, optimizer->fn, bundles, 2, s->value->span);
    if (next->kind != VALUE_BUNDLE || next->n_items != moved) {
        if (next->kind != VALUE_NONE) complain(b, "E0454", s->value->span, "%s does not give next values for the cells (w' = ..)", optimizer->fn->name);
        return;
    }
    for (int i = 0; i < moved; i++) {
        const ParamInfo *p = &b->params[which[i]];
        Shape shape = b->script.store->slots[p->slot].shape;
        Value *v = next->items[i];
        v = retract(b, array(b, relabel(b, v->node, v->shape, shape), shape), p->domain);
        add_update(b, run_slot(b, run_cells(b, b->at.train->train), p->slot), v->node, s->span);
    }
}

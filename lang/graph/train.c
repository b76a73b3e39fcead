/* train.c: trains: their losses, phases, guards and records. */
#include <math.h>
#include <string.h>
#include "lang/graph/builder.h"

/* ---- what a train gathers ---- */

void add_update(Builder *b, uint32_t slot, Node *node, Span span)
{
    TrainBuild *t = b->at.train;
    if (!t) return;
    for (int i = 0; i < t->n_updates; i++)
        if (t->updates[i].slot == slot) {
            complain(b, "E0455", span, "%s gets two next values in one step", b->script.store->slots[slot].name);
            return;
        }
    t->updates = grown(b, t->updates, t->n_updates, &t->updates_room, sizeof(Update));
    t->updates[t->n_updates++] = (Update){ .slot = slot, .node = node };
}

static void add_loss(Builder *b, const char *name, Node *node, Span span)
{
    TrainBuild *t = b->at.train;
    t->losses = grown(b, t->losses, t->n_losses, &t->losses_room, sizeof(Loss));
    t->losses[t->n_losses++] = (Loss){ name, node, span };
}

void note_sampled(Builder *b, Node *node)
{
    TrainBuild *t = b->at.train;
    t->sampled = grown(b, t->sampled, t->n_sampled, &t->sampled_room, sizeof(Node *));
    t->sampled[t->n_sampled++] = node;
}

void note_energy(Builder *b, Node *node)
{
    TrainBuild *t = b->at.train;
    t->energies = grown(b, t->energies, t->n_energies, &t->energies_room, sizeof(Node *));
    t->energies[t->n_energies++] = node;
}

/* ---- losses ---- */

/* An energy of sampled values that the loss contains linearly; null if there is none. */
static Node *linear_energy(Builder *b, Node *n)
{
    TrainBuild *t = b->at.train;
    for (int i = 0; i < t->n_energies; i++) {
        if (t->energies[i] != n) continue;
        for (int k = 0; k < t->n_sampled; k++) if (graph_depends(b->g, n, t->sampled[k])) return n;
    }
    Node *found = NULL;
    switch (n->op) {
    case OP_add: case OP_sub:
        if (!(found = linear_energy(b, n->in[0]))) found = linear_energy(b, n->in[1]);
        return found;
    case OP_neg: case OP_sum: case OP_spread: case OP_index: case OP_reshape: return linear_energy(b, n->in[0]);
    case OP_mul: case OP_div:
        if (n->in[1]->op == OP_const) return linear_energy(b, n->in[0]);
        return n->op == OP_mul && n->in[0]->op == OP_const ? linear_energy(b, n->in[1]) : NULL;
    default: return NULL;
    }
}

static Value *scalar_of(Builder *b, Value *v, const Expr *e, const char *what)
{
    if (v->kind == VALUE_NONE) return v;
    if (v->kind == VALUE_ARRAY) return v;
    complain(b, "E0456", e->span, "%s needs a number, but this is %s", what, value_text(b, v));
    return b->none;
}

static void name_loss(Builder *b, Scope *scope, const Stmt *s, Value *v)
{
    if (!s->name.text) return;
    bind(b, b->at.train->scope, s->name.text, v, s->name.span);
    if (scope != b->at.train->scope) bind(b, scope, s->name.text, v, s->name.span);
}

/* The loss a statement adds to the objective, as one number; what is none was complained of. */
static Value *added_loss(Builder *b, Scope *scope, const Stmt *s)
{
    bool minimize = s->kind == STMT_MINIMIZE;
    const char *what = minimize ? "minimize" : s->kind == STMT_LOWER ? "lower" : "raise";
    Value *v = scalar_of(b, eval(b, scope, s->value), s->value, what);
    if (v->kind == VALUE_NONE) return v;
    if (minimize && v->shape.n) {
        Diagnostic *d = complain(b, "E0456", s->value->span, "a loss is one number, but this has shape %s", shape_text(b, v->shape));
        diag_help(d, "average it: minimize mean(..)");
        return b->none;
    }
    if (minimize && linear_energy(b, v->node)) {
        Diagnostic *d = complain(b, "E0457", s->value->span, "this minimizes an energy of sampled values linearly, and only the words lower and raise say which way");
        diag_help(d, "write  lower E(x)  for data and  raise E(neg)  for samples; minimize takes nonlinear functions of them, such as a square");
        return b->none;
    }
    Value *mean = v->shape.n ? fold_values(b, "mean", v, s->value->span) : v;
    stand_at(b, s->span);
    Node *node = s->kind == STMT_RAISE ? graph_map(b->g, OP_neg, mean->node, NULL, NULL) : mean->node;
    const char *name = s->name.text ? s->name.text : arena_format(b->arena, "%s%s%s", minimize ? "" : what, minimize ? "" : " ", expr_text(b, s->value));
    add_loss(b, name, node, s->span);
    return mean;
}

static void loss_statement(Builder *b, Scope *scope, const Stmt *s)
{
    name_loss(b, scope, s, added_loss(b, scope, s));
}

/* ---- lengths ---- */

static bool steps_of(Builder *b, Value *v, const Expr *e, double *steps, double *seconds)
{
    double n;
    TrainBuild *t = b->at.train;
    *steps = *seconds = 0;
    if (!want_known(b, v, e->span, "a length", &n)) return false;
    if (n <= 0) { complain(b, "E0458", e->span, "a length must be more than 0"); return false; }
    switch (v->unit) {
    case UNIT_STEPS: *steps = n; return true;
    case UNIT_SECONDS: *seconds = n; return true;
    case UNIT_MILLISECONDS: *seconds = n / 1000; return true;
    case UNIT_EPOCHS:
        if (!t->batch && b->diagnostics->errors) return false;  /* what it draws was found wrong */
        if (!t->batch) {
            Diagnostic *d = complain(b, "E0459", e->span, "epochs are counted by a draw, and this train draws no data");
            diag_help(d, "x = draw(data, batch = 128), or count in steps");
            return false;
        }
        *steps = ceil(n * (double)t->rows / (double)t->batch);
        return true;
    case UNIT_NONE: break;
    }
    Diagnostic *d = complain(b, "E0458", e->span, "a length needs a unit");
    diag_help(d, "write %g steps, %g epochs or %g s", n, n, n);
    return false;
}

static const Stmt *find_statement(const Block *block, StmtKind kind)
{
    for (int i = 0; i < block->n; i++) if (block->at[i]->kind == kind) return block->at[i];
    return NULL;
}

/* `until`, once the draws are known. */
static void know_total(Builder *b)
{
    TrainBuild *t = b->at.train;
    if (t->total_known) return;
    t->total_known = true;
    const Stmt *until = find_statement(&t->def->block, STMT_UNTIL);
    if (!until) {
        Diagnostic *d = complain(b, "E0215", t->def->name.span, "%s does not say when it ends", t->train->name);
        diag_help(d, "until 1000 steps, until 5 epochs, until 30 s");
        t->total = 1;
        return;
    }
    double steps, seconds;
    if (!steps_of(b, eval(b, t->scope, until->value), until->value, &steps, &seconds)) { t->total = 1; return; }
    if (b->options.quick && steps) steps = ceil(steps / 100);
    t->train->steps = (int64_t)ceil(steps);
    t->train->seconds = seconds;
    t->total = steps ? steps : 10000;
}

/* ---- records and guards ---- */

typedef struct Due { const Stmt *stmt; Every *every; Value **values; } Due;

/* At step 0 and after every period, and once more at the end. */
static int64_t rows_recorded(const Train *t, const Period *p)
{
    int64_t steps = t->steps ? t->steps : 100000, every = p->count >= 1 ? (int64_t)p->count : 1;
    return (steps - 1) / every + 2;
}

static const char *record_name(Builder *b, const Stmt *s, int i)
{
    const Expr *e = s->list.at[i];
    if (s->as && s->as[i].text) return s->as[i].text;
    if (e->kind == EXPR_NAME || e->kind == EXPR_FIELD) return e->name.text;
    Diagnostic *d = complain(b, "E0220", e->span, "this record needs a name");
    diag_help(d, "record %s as name", expr_text(b, e));
    return NULL;
}

static void add_record(Builder *b, Scope *scope, const Stmt *s, int i, Every *every, Value *run, Program *program)
{
    Train *t = b->at.train->train;
    const char *name = record_name(b, s, i);
    uint64_t chain = b->at.chain;
    place_at(b, s->list.at[i], name);
    Value *v = eval(b, scope, s->list.at[i]);
    b->at.chain = chain;
    b->at.root = NULL;
    if (name && v->kind == VALUE_NONE) field_add(b, &run->fields, name, v);
    if (!name || v->kind == VALUE_NONE) return;
    if (v->kind == VALUE_FUNCTION && b->diagnostics->errors) {  /* a loss of this name was found wrong */
        field_add(b, &run->fields, name, b->none);
        return;
    }
    if (v->kind != VALUE_ARRAY) {
        complain(b, "E0460", s->list.at[i]->span, "a record keeps numbers, but this is %s", value_text(b, v));
        return;
    }
    bool clash = field_of(run, name) != NULL;
    for (Global *g = b->first_global; g && !clash; g = g->order)
        clash = !g->library && !g->module && !strcmp(g->name, name) && !(g->stmt && g->stmt->def == b->at.train->def);
    if (clash) {
        Diagnostic *d = complain(b, "E0219", s->list.at[i]->span, "%s.%s would mean two things: the record, and what the text defines as %s", t->name, name, name);
        diag_help(d, "give the record another name: record .. as name");
        return;
    }
    Record *r = &every->records[every->n_records++];
    r->name = name;
    r->span = s->list.at[i]->span;
    Value *flat = v->is_energy && v->shape.n ? fold_values(b, "mean", v, r->span) : standard(b, v);    /* energies of items by their mean */
    r->value = output_slot(b, program, arena_format(b->arena, "%s.%s now", t->name, name), flat);
    int64_t dims[MAX_AXES] = { rows_recorded(t, &every->period) };
    for (int k = 0; k < flat->shape.n; k++) dims[k + 1] = axis_size(flat->shape.at[k]);
    Shape shape = shape_fresh(dims, flat->shape.n + 1);
    r->curve = new_slot(b, arena_format(b->arena, "%s.%s", t->name, name), shape, false, r->span);
    Value *curve = array(b, graph_slot(b->g, r->curve, 0, axes_of(shape)), shape);
    Value *every_value = number(b, every->period.count);
    field_add(b, &curve->fields, "every", every_value);
    field_add(b, &run->fields, name, curve);
}

static bool period_of(Builder *b, const Stmt *s, Period *p)
{
    double steps, seconds;
    if (!steps_of(b, eval(b, b->at.train->scope, s->value), s->value, &steps, &seconds)) return false;
    if (b->options.quick && steps) steps = ceil(steps / 100);
    *p = seconds ? (Period){ seconds, UNIT_SECONDS } : (Period){ steps, UNIT_STEPS };
    return true;
}

static void every_statement(Builder *b, Scope *scope, const Stmt *s, Value *run, Program *program, Every *every)
{
    if (!period_of(b, s, &every->period)) return;
    bool still = b->at.still;
    b->at.still = true;
    int records = 0;
    for (int i = 0; i < s->block.n; i++) records += s->block.at[i]->list.n;
    every->records = ARENA_ARRAY(b->arena, Record, records + 1);
    every->actions = ARENA_ARRAY(b->arena, Action, s->block.n + 1);
    for (int i = 0; i < s->block.n; i++) {
        const Stmt *st = s->block.at[i];
        if (st->kind == STMT_RECORD) for (int k = 0; k < st->list.n; k++) add_record(b, scope, st, k, every, run, program);
        else if (st->kind == STMT_SHOW || st->kind == STMT_PRINT) {
            Action *a = &every->actions[every->n_actions++];
            build_action(b, scope, st, a);
            for (int k = 0; k < a->program.n; k++) program->outputs[program->n++] = a->program.outputs[k];
            a->program.n = 0;
        } else complain(b, "E0209", st->span, "`every` holds record, show and print");
    }
    b->at.still = still;
}

static void guard_statement(Builder *b, Scope *scope, const Stmt *s)
{
    TrainBuild *t = b->at.train;
    Value *v = eval(b, scope, s->value);
    if (v->kind == VALUE_NONE) return;
    if (v->kind != VALUE_ARRAY || v->shape.n || v->domain.kind != CLASS_WHOLE) {
        Diagnostic *d = complain(b, "E0462", s->value->span, "a guard is one condition that must hold, but this is %s", value_text(b, v));
        diag_help(d, "guard max(abs(x)) < 10 else rollback");
        return;
    }
    t->guards = grown(b, t->guards, t->n_guards, &t->guards_room, sizeof *t->guards);
    t->guards[t->n_guards].value = v;
    t->guards[t->n_guards].comparison = scalar_comparison(b, scope, s->value, t->guards[t->n_guards].side);
    t->guards[t->n_guards++].stmt = s;
}

void train_statement(Builder *b, Scope *scope, const Stmt *s, const Def *def)
{
    if (!b->at.train) {
        Diagnostic *d = complain(b, "E0209", s->span, "this statement belongs to a train or a regime");
        if (def) diag_help(d, "%s is %s %s", def->name.text, def->kind == DEF_ENERGY || def->kind == DEF_OPTIMIZER || def->kind == DEF_ENCODER ? "an" : "a", def_kind_name(def->kind));
        return;
    }
    switch (s->kind) {
    case STMT_LOWER: case STMT_RAISE: case STMT_MINIMIZE: loss_statement(b, scope, s); break;
    case STMT_UPDATE: know_total(b); build_update(b, scope, s); break;
    case STMT_GUARD:  guard_statement(b, scope, s); break;
    default: complain(b, "E0209", s->span, "this statement stands in a train only"); break;
    }
}

/* ---- phases ---- */

static void add_output(Program *p, uint32_t slot, Node *node) { p->outputs[p->n++] = (Output){ slot, node }; }

static Node *full_node(Builder *b, Node *node, Shape shape)
{
    Axes axes = axes_of(shape);
    return graph_spread(b->g, node, axes_union(&node->axes, &axes));
}

/* How much an average keeps at this step, and how much it takes. */
static void shares_of(Builder *b, const Closure *by, Node **kept, Node **taken)
{
    Value *v = by->schedule ? scheduled(b, by->schedule) : number(b, by->decay);
    if (v->kind != VALUE_ARRAY || v->shape.n) {
        if (v->kind != VALUE_NONE) complain(b, "E0382", by->span, "the decay of an average is one number at each step");
        v = number(b, 1);
    }
    *kept = v->node;
    *taken = by->schedule ? graph_map(b->g, OP_sub, graph_const(b->g, 1), v->node, NULL) : graph_const(b->g, 1 - by->decay);
}

/* Averages follow the values their sources get in this phase. */
static void follow_averages(Builder *b)
{
    TrainBuild *t = b->at.train;
    RunCells *run = run_cells(b, t->train);
    for (int i = 0; i < b->n_averages; i++) {
        const AverageOf *a = &b->averages[i];
        uint32_t source = run_slot(b, run, a->source);
        for (int k = 0; k < t->n_updates; k++) {
            if (t->updates[k].slot != source) continue;
            Shape from = b->script.store->slots[a->source].shape, to = b->script.store->slots[a->average].shape;
            Node *now = read_slot(b, a->average, axes_of(to));
            Node *next = relabel(b, t->updates[k].node, from, to);
            Node *kept, *taken;
            shares_of(b, a->by, &kept, &taken);
            Node *mixed = graph_map(b->g, OP_add, graph_map(b->g, OP_mul, kept, now, NULL), graph_map(b->g, OP_mul, taken, next, NULL), NULL);
            add_update(b, run_slot(b, run, a->average), mixed, (Span){ 0 });
            break;
        }
    }
}

/* Arrays bound so far are handed to later phases in slots, as cells they came from may have moved. */
static void hand_over(Builder *b, Scope *scope, Program *program)
{
    for (Binding *x = scope->last; x; x = x->below) {
        if (x->kind != BINDING_VALUE || !x->value || x->value->kind != VALUE_ARRAY || x->value->node->op == OP_const || x->value->node->op == OP_slot) continue;
        Value *v = standard(b, x->value), *r = ARENA_NEW(b->arena, Value);
        uint32_t slot = output_slot(b, program, arena_format(b->arena, "%s.%s between phases", b->at.train->train->name, x->name), v);
        *r = *v;
        r->node = graph_slot(b->g, slot, 0, axes_of(v->shape));
        r->fields = NULL;
        x->value = r;
    }
}

/* Guards are judged on what they were in the phase they stand in. */
static void finish_guards(Builder *b, Program *program)
{
    TrainBuild *t = b->at.train;
    Train *train = t->train;
    Guard *all = ARENA_ARRAY(b->arena, Guard, train->n_guards + t->n_guards + 1);
    if (train->n_guards) memcpy(all, train->guards, sizeof(Guard) * (size_t)train->n_guards);
    train->guards = all;
    for (int i = 0; i < t->n_guards; i++) {
        Guard *g = &train->guards[train->n_guards++];
        const Stmt *s = t->guards[i].stmt;
        g->text = expr_text(b, s->value);
        g->span = s->span;
        g->rollback = !strcmp(s->name.text, "rollback");
        g->slot = output_slot(b, program, arena_format(b->arena, "%s: guard %d", train->name, train->n_guards), t->guards[i].value);
        g->reason = s->string;
        g->comparison = t->guards[i].comparison;
        for (int k = 0; g->comparison && k < 2; k++)
            g->sides[k] = output_slot(b, program, arena_format(b->arena, "%s: %s", train->name, expr_text(b, s->value->kid[k])), t->guards[i].side[k]);
    }
    t->n_guards = 0;
}

/* Outputs of a phase: losses, next values of cells, guards. */
static void finish_phase(Builder *b, const char *name, Phase *phase)
{
    TrainBuild *t = b->at.train;
    Train *train = t->train;
    grant_wishes(b);
    follow_averages(b);
    phase->name = name;
    phase->program = program_new(b, t->n_losses + t->n_updates + 3 * t->n_guards + 1024);
    Node *sum = NULL;
    for (int i = 0; i < t->n_losses; i++) sum = sum ? graph_map(b->g, OP_add, sum, t->losses[i].node, NULL) : t->losses[i].node;
    if (sum) {
        int n = train->n_losses, more = t->n_losses > 1 ? t->n_losses + 1 : 1;
        uint32_t *slots = ARENA_ARRAY(b->arena, uint32_t, n + more);
        const char **names = ARENA_ARRAY(b->arena, const char *, n + more);
        if (n) { memcpy(slots, train->losses, sizeof *slots * (size_t)n); memcpy(names, train->loss_names, sizeof *names * (size_t)n); }
        for (int i = 0; i < more; i++) {
            names[n] = i ? t->losses[i - 1].name : n ? arena_format(b->arena, "loss of %s", name) : "loss";
            Value *v = array(b, i ? t->losses[i - 1].node : sum, shape_none());
            slots[n] = output_slot(b, &phase->program, arena_format(b->arena, "%s: %s", train->name, names[n]), v);
            n++;
        }
        train->losses = slots;
        train->loss_names = names;
        train->n_losses = n;
    }
    int cells = train->n_cells;
    uint32_t *all = ARENA_ARRAY(b->arena, uint32_t, cells + t->n_updates + 1);
    const char **cell_names = ARENA_ARRAY(b->arena, const char *, cells + t->n_updates + 1);
    bool *is_state = ARENA_ARRAY(b->arena, bool, cells + t->n_updates + 1);
    if (cells) {
        memcpy(all, train->cells, sizeof *all * (size_t)cells);
        memcpy(cell_names, train->cell_names, sizeof *cell_names * (size_t)cells);
        memcpy(is_state, train->is_state, sizeof *is_state * (size_t)cells);
    }
    for (int i = 0; i < t->n_updates; i++) {
        uint32_t slot = t->updates[i].slot;
        add_output(&phase->program, slot, full_node(b, t->updates[i].node, b->script.store->slots[slot].shape));
        bool seen = false;
        for (int k = 0; k < cells; k++) seen |= all[k] == slot;
        if (seen) continue;
        const char *path = b->script.store->slots[slot].name + strlen(train->name) + 1;
        is_state[cells] = !b->script.fills[slot].is_copy;
        cell_names[cells] = arena_copy(b->arena, path, strlen(path));
        all[cells++] = slot;
    }
    train->cells = all;
    train->cell_names = cell_names;
    train->is_state = is_state;
    train->n_cells = cells;
    t->n_updates = t->n_losses = 0;
    finish_guards(b, &phase->program);
}

static bool is_deferred(StmtKind kind)
{
    return kind == STMT_UPDATE || kind == STMT_UNTIL || kind == STMT_EVERY || kind == STMT_CHECKPOINT;
}

static void run_statements(Builder *b, Scope *scope, const Block *block, bool deferred)
{
    for (int i = 0; i < block->n; i++) {
        const Stmt *s = block->at[i];
        Value *ignored = NULL;
        if (s->kind == STMT_PHASE || is_deferred(s->kind) != deferred) continue;
        if (deferred && s->kind != STMT_UPDATE) continue;
        eval_statement(b, scope, s, b->at.train->def, &ignored);
    }
}

/* Whether anything is computed after statement i. */
static bool goes_on_after(const Block *block, int i)
{
    while (++i < block->n) if (block->at[i]->kind == STMT_PHASE || block->at[i]->kind == STMT_UPDATE || !is_deferred(block->at[i]->kind)) return true;
    return false;
}

static void build_phases(Builder *b, Scope *scope, const Block *block, Train *train)
{
    int n = 0;
    for (int i = 0; i < block->n; i++) n += block->at[i]->kind == STMT_PHASE;
    train->phases = ARENA_ARRAY(b->arena, Phase, n + 2);
    if (!n) {
        run_statements(b, scope, block, false);
        know_total(b);
        run_statements(b, scope, block, true);
        finish_phase(b, "step", &train->phases[train->n_phases++]);
        return;
    }
    /* statements before a phase are computed with it */
    bool work = false;
    for (int i = 0; i < block->n; i++) {
        const Stmt *s = block->at[i];
        Value *ignored = NULL;
        if (s->kind != STMT_PHASE) {
            if (s->kind == STMT_UPDATE || !is_deferred(s->kind)) { eval_statement(b, scope, s, b->at.train->def, &ignored); work = true; }
            continue;
        }
        run_statements(b, scope, &s->block, false);
        know_total(b);
        run_statements(b, scope, &s->block, true);
        Phase *phase = &train->phases[train->n_phases++];
        finish_phase(b, s->name.text, phase);
        work = false;
        if (!goes_on_after(block, i)) continue;
        hand_over(b, scope, &phase->program);
        b->at.epoch++;
    }
    if (work) finish_phase(b, "rest", &train->phases[train->n_phases++]);
}

/* Records and pictures are further outputs of the last phase, computed only when due. */
static void build_everys(Builder *b, Scope *scope, const Block *block, Train *train, Value *run)
{
    int n = 0;
    for (int i = 0; i < block->n; i++) n += block->at[i]->kind == STMT_EVERY;
    train->everys = ARENA_ARRAY(b->arena, Every, n + 1);
    train->recording = ARENA_ARRAY(b->arena, Phase, train->n_phases + 1);
    memcpy(train->recording, train->phases, sizeof(Phase) * (size_t)train->n_phases);
    if (!train->n_phases) return;
    Phase *last = &train->recording[train->n_phases - 1];
    Program full = program_new(b, last->program.n + 1024);
    memcpy(full.outputs, last->program.outputs, sizeof(Output) * (size_t)last->program.n);
    full.n = last->program.n;
    for (int i = 0; i < block->n; i++) {
        const Stmt *s = block->at[i];
        if (s->kind == STMT_EVERY) every_statement(b, scope, s, run, &full, &train->everys[train->n_everys++]);
        if (s->kind == STMT_CHECKPOINT) period_of(b, s, &train->checkpoint);
    }
    last->program = full;
}

void build_train(Builder *b, const Stmt *s)
{
    const Def *def = s->def;
    Train *train = ARENA_NEW(b->arena, Train);
    train->name = def->name.text;
    train->doc = s->doc;
    train->span = def->span;
    Value *run = value_new(b, VALUE_RUN);
    run->run = train;
    run_cells(b, train);
    Context before = b->at;
    memset(&b->at, 0, sizeof b->at);
    TrainBuild t = { .train = train, .def = (Def *)def, .scope = scope_new(b, NULL) };
    b->at.train = &t;
    b->at.run = train;
    b->at.owner = train->name;
    b->at.what = train->name;
    b->at.chain = mix_hash(0, train->name, 0);
    stand_at(b, def->name.span);
    build_phases(b, t.scope, &def->block, train);
    build_everys(b, t.scope, &def->block, train, run);
    check_strays(b);
    b->at = before;
    graph_set_origin(b->g, b->at.origin);
    Global *g = b->first_global;
    while (g && g->stmt != s) g = g->order;
    if (g) { g->value = run; g->state = GLOBAL_DONE; }
    Script *script = &b->script;
    script->actions = grown(b, script->actions, script->n_actions, &script->actions_room, sizeof(Action));
    script->actions[script->n_actions++] = (Action){ .kind = ACTION_TRAIN, .span = def->span, .train = train };
}

/* cells.c: slots of the store as values: parameters, states, averages, a run's own cells, named values. */
#include <string.h>
#include "lang/graph/builder.h"

void *grown(Builder *b, void *old, int n, int *room, size_t size)
{
    if (n < *room) return old;
    int more = *room ? *room * 2 : 16;
    void *fresh = arena_alloc(b->arena, (size_t)more * size);
    if (n) memcpy(fresh, old, (size_t)n * size);
    *room = more;
    return fresh;
}

uint32_t new_slot(Builder *b, const char *name, Shape shape, bool is_cell, Span span)
{
    uint32_t slot = store_add(b->script.store, name, shape, is_cell);
    b->script.fills = grown(b, b->script.fills, (int)slot, &b->script.fills_room, sizeof(Fill));
    b->script.fills[slot] = (Fill){ .span = span };
    b->script.n_fills = (int)slot + 1;
    return slot;
}

Program program_new(Builder *b, int room)
{
    return (Program){ .graph = b->g, .n = 0, .outputs = ARENA_ARRAY(b->arena, Output, room) };
}

static void fill_with(Builder *b, uint32_t slot, Node *value)
{
    Program p = program_new(b, 1);
    Axes axes = axes_of(b->script.store->slots[slot].shape);
    p.outputs[p.n++] = (Output){ slot, graph_spread(b->g, value, axes_union(&value->axes, &axes)) };
    b->script.fills[slot].has_program = true;
    b->script.fills[slot].group = b->fill_group;
    b->script.fills[slot].program = p;
}

uint32_t slot_of_value(Builder *b, const char *name, Value *v, Span span)
{
    uint32_t slot = new_slot(b, name, v->shape, false, span);
    fill_with(b, slot, v->node);
    return slot;
}

uint32_t output_slot(Builder *b, Program *program, const char *name, Value *v)
{
    uint32_t slot = new_slot(b, name, v->shape, false, (Span){ 0 });
    Axes axes = axes_of(v->shape);
    program->outputs[program->n++] = (Output){ slot, graph_spread(b->g, v->node, axes_union(&v->node->axes, &axes)) };
    return slot;
}

/* [2, 3]: its members can still be sizes. */
static bool is_list_of_numbers(const Value *v)
{
    for (int i = 0; i < v->n_items; i++) if (!is_known(v->items[i])) return false;
    return v->n_items > 0;
}

/* Arrays in v are computed once: their nodes become reads of slots of their own. */
Value *stored(Builder *b, const char *name, Value *v, Span span)
{
    if (v->kind == VALUE_ARRAY) {
        if (v->node->op == OP_slot && axes_count(&v->node->axes) > 0 && b->script.store->slots[v->node->key].shape.n == v->shape.n && !v->fields) return v;
        if (v->node->op == OP_const) return v;
        Value *r = ARENA_NEW(b->arena, Value);
        *r = *v;
        v = standard(b, v);
        uint32_t slot = slot_of_value(b, name, v, span);
        r->shape = v->shape;
        r->node = graph_slot(b->g, slot, 0, axes_of(v->shape));
        if (!is_list_of_numbers(v)) r->n_items = 0;
        r->fields = NULL;
        for (Field *f = v->fields; f; f = f->next)
            field_add(b, &r->fields, f->name, stored(b, arena_format(b->arena, "%s.%s", name, f->name), f->value, span));
        return r;
    }
    if (v->kind == VALUE_BUNDLE) {
        Value *r = ARENA_NEW(b->arena, Value);
        *r = *v;
        r->items = ARENA_ARRAY(b->arena, Value *, v->n_items);
        for (int i = 0; i < v->n_items; i++) r->items[i] = stored(b, arena_format(b->arena, "%s.%d", name, i), v->items[i], span);
        return r;
    }
    if (v->kind == VALUE_RECORD) {
        Value *r = ARENA_NEW(b->arena, Value);
        *r = *v;
        r->fields = NULL;
        for (Field *f = v->fields; f; f = f->next)
            field_add(b, &r->fields, f->name, stored(b, arena_format(b->arena, "%s.%s", name, f->name), f->value, span));
        return r;
    }
    return v;
}

/* ---- cells of runs ---- */

RunCells *run_cells(Builder *b, Train *train)
{
    for (RunCells *r = b->runs; r; r = r->next) if (r->train == train) return r;
    RunCells *r = ARENA_NEW(b->arena, RunCells);
    r->train = train;
    r->next = b->runs;
    return b->runs = r;
}

static uint32_t add_run_cell(Builder *b, RunCells *run, uint32_t initial, uint32_t own)
{
    int room = run->room;
    run->initial = grown(b, run->initial, run->n, &room, sizeof(uint32_t));
    run->own = grown(b, run->own, run->n, &run->room, sizeof(uint32_t));
    run->initial[run->n] = initial;
    run->own[run->n++] = own;
    return own;
}

/* The array of a saved model that has the cell's name; the initial cell if it has none. */
static uint32_t saved_slot(Builder *b, RunCells *run, uint32_t initial)
{
    uint32_t slot;
    const char *name = b->script.store->slots[initial].name;
    if (!saved_array(b, run->saved, name, run->span, &slot)) {
        warn(b, "W0395", run->span, "%s holds no %s: its initial value is taken", run->saved, name);
        return add_run_cell(b, run, initial, initial);
    }
    const Shape *has = &b->script.store->slots[slot].shape, *wants = &b->script.store->slots[initial].shape;
    if (same_sizes(has, wants)) return add_run_cell(b, run, initial, slot);
    Diagnostic *d = complain(b, "E0396", run->span, "%s in %s has shape %s, but the text has %s", name, run->saved, shape_text(b, *has), shape_text(b, *wants));
    diag_note(d, b->script.fills[initial].span, "the text declares it here");
    return add_run_cell(b, run, initial, initial);
}

/* The run's own cell for an initial one, made when it is first needed while its train is built. */
uint32_t run_slot(Builder *b, RunCells *run, uint32_t initial)
{
    for (int i = 0; i < run->n; i++) if (run->initial[i] == initial) return run->own[i];
    if (run->saved) return saved_slot(b, run, initial);
    if (!b->at.train || b->at.train->train != run->train) return initial;
    Slot *of = &b->script.store->slots[initial];
    const char *name = arena_format(b->arena, "%s/%s", run->train->name, of->name);
    uint32_t slot = new_slot(b, name, of->shape, true, b->script.fills[initial].span);
    b->script.fills[slot].is_copy = true;
    b->script.fills[slot].source = initial;
    return add_run_cell(b, run, initial, slot);
}

Node *read_slot(Builder *b, uint32_t initial, Axes axes)
{
    uint32_t slot = b->at.run ? run_slot(b, run_cells(b, b->at.run), initial) : initial;
    return graph_slot(b->g, slot, b->at.train && b->at.run == b->at.train->train ? b->at.epoch : 0, axes);
}

/* ---- parameters ---- */

static ParamInfo *find_param(Builder *b, const char *path)
{
    for (int i = 0; i < b->n_params; i++) if (!strcmp(b->params[i].path, path)) return &b->params[i];
    return NULL;
}

static ParamInfo *add_param(Builder *b, const char *path, Shape shape, Domain domain, bool is_state, Span span)
{
    b->params = grown(b, b->params, b->n_params, &b->params_room, sizeof(ParamInfo));
    ParamInfo *p = &b->params[b->n_params++];
    *p = (ParamInfo){ .path = path, .domain = domain, .is_state = is_state, .span = span };
    p->slot = new_slot(b, path, shape, true, span);
    return &b->params[b->n_params - 1];
}

/* The first value of a cell: one for all items, before any step, drawn by the cell's name. */
static Value *first_value(Builder *b, Scope *scope, const Stmt *s, const char *path, Shape *shape, Domain domain)
{
    Context before = b->at;
    b->at.hidden = (Axes){ 0 };
    b->at.loop = NULL;
    b->at.items = shape_none();
    b->at.average = NULL;
    b->at.train = NULL;
    b->at.run = NULL;
    b->at.in_energy = false;
    b->at.chain = mix_hash(0, path, 0);
    Value *v = s->draw ? eval_drawn(b, scope, s->value, shape, s->name.text) : eval(b, scope, s->value);
    b->at = before;
    if (v->kind == VALUE_NONE) return v;
    if (v->kind != VALUE_ARRAY || (v->shape.n && shape && !same_sizes(&v->shape, shape))) {
        Diagnostic *d = complain(b, "E0344", s->value->span, "the first value of %s must have shape %s, but it is %s", s->name.text,
                                 shape ? shape_text(b, *shape) : "[]", value_text(b, v));
        diag_help(d, "a number fills the whole array; a draw such as normal() takes the declared shape");
        return b->none;
    }
    if (domain.kind == CLASS_SPHERE || domain.kind == CLASS_SIMPLEX || domain.kind == CLASS_POSITIVE) {
        Value *full = ARENA_NEW(b->arena, Value);
        *full = *v;
        if (shape) { full->node = relabel(b, v->node, v->shape, *shape); full->shape = *shape; }
        v = retract(b, full, domain);
    }
    return v;
}

static void check_free_of_items(Builder *b, const Value *v, Shape shape, Span span, const char *name)
{
    Axes own = axes_of(shape), extra = axes_minus(&v->node->axes, &own);
    if (extra.n) complain(b, "E0344", span, "the first value of %s depends on the item it is used for", name);
}

/* Registers that `average` follows `source`. */
static void follow(Builder *b, uint32_t average, uint32_t source, const Closure *by)
{
    b->averages = grown(b, b->averages, b->n_averages, &b->averages_room, sizeof(AverageOf));
    b->averages[b->n_averages++] = (AverageOf){ average, source, by };
}

static bool follows(Builder *b, uint32_t average, uint32_t source)
{
    for (int i = 0; i < b->n_averages; i++) if (b->averages[i].average == average) return b->averages[i].source == source;
    return false;
}

/* The average of parameter `at`, named by the average; parameters of other nets that the averaged one calls keep their net's name in it. */
static ParamInfo *average_of(Builder *b, int at, const char *average, const Closure *by)
{
    ParamInfo source = b->params[at];
    const char *dot = strchr(source.path, '.');
    const char *path = arena_format(b->arena, "%s%s", average, dot ? dot : "");
    ParamInfo *a = find_param(b, path);
    if (a && follows(b, a->slot, source.slot)) return a;
    if (a) {
        path = arena_format(b->arena, "%s.%s", average, source.path);
        if ((a = find_param(b, path))) return a;
    }
    a = add_param(b, path, b->script.store->slots[source.slot].shape, source.domain, source.is_state, source.span);
    a->is_average = true;
    b->script.fills[a->slot].is_copy = true;
    b->script.fills[a->slot].source = source.slot;
    follow(b, a->slot, source.slot, by);
    return a;
}

/* A new parameter of a net gets its averages at once, so that every train moves them, also one whose text does not use them:
 * `encoder slow = ema(f)` follows f in every run of f. */
static void add_averages(Builder *b, int at)
{
    const char *path = b->params[at].path, *dot = strchr(path, '.');
    for (Global *g = b->first_global; g && dot; g = g->order) {
        const Def *def = g->stmt && g->stmt->kind == STMT_DEF ? g->stmt->def : NULL;
        if (!def || g->library || def->n_signatures || !def->value || def->value->kind != EXPR_CALL) continue;
        const Expr *call = def->value;
        if (call->kid[0]->kind != EXPR_NAME || strcmp(call->kid[0]->name.text, "ema") || !call->n_args || call->args[0].value->kind != EXPR_NAME) continue;
        const char *source = call->args[0].value->name.text;
        if (strlen(source) != (size_t)(dot - path) || strncmp(source, path, (size_t)(dot - path))) continue;
        Value *v = global_value(b, g->name, def->name.span);
        if (v && v->kind == VALUE_FUNCTION && v->fn->kind == CLOSURE_EMA) average_of(b, at, g->name, v->fn);
    }
}

/* The parameter or state that a definition declares, made at its first use; null after a report. */
static ParamInfo *declared_cell(Builder *b, Scope *scope, const Stmt *s)
{
    const char *path = arena_format(b->arena, "%s.%s", b->at.owner ? b->at.owner : "main", s->name.text);
    ParamInfo *p = find_param(b, path);
    Shape shape;
    Domain domain;
    if (!eval_shape(b, scope, s->type, &shape) || !eval_domain(b, scope, s->type, &domain)) return NULL;
    if (p && !same_sizes(&shape, &b->script.store->slots[p->slot].shape)) {
        Diagnostic *d = complain(b, "E0345", s->span, "%s has shape %s here, but %s where it was used first", path, shape_text(b, shape),
                                 shape_text(b, b->script.store->slots[p->slot].shape));
        diag_help(d, "a net is one set of parameters for all uses; a layer is a template, and each use of it has its own");
        return NULL;
    }
    if (!p) {
        Value *v = first_value(b, scope, s, path, &shape, domain);
        if (v->kind == VALUE_NONE) return NULL;
        p = add_param(b, path, shape, domain, s->kind == STMT_STATE, s->span);
        Node *node = v->shape.n ? relabel(b, v->node, v->shape, shape) : v->node;
        check_free_of_items(b, array(b, node, shape), shape, s->value->span, s->name.text);
        fill_with(b, p->slot, node);
        int at = (int)(p - b->params);
        add_averages(b, at);
        p = &b->params[at];
    }
    return b->at.average ? average_of(b, (int)(p - b->params), b->at.average, b->at.average_by) : p;
}

static Value *cell_value(Builder *b, const ParamInfo *p, Span span)
{
    stand_at(b, span);
    Shape shape = b->script.store->slots[p->slot].shape;
    Value *v = array(b, read_slot(b, p->slot, axes_of(shape)), shape);
    v->domain = p->domain;
    return v;
}

Value *param_value(Builder *b, Scope *scope, const Stmt *s)
{
    const ParamInfo *p = declared_cell(b, scope, s);
    return p ? cell_value(b, p, s->span) : b->none;
}

/* Whether anything is computed from a parameter.  Settings can leave out one that a layer declares: dense(8, bias = false). */
bool is_read(const Builder *b, const ParamInfo *p)
{
    const char *dot = strchr(p->path, '.');
    if (!dot || !strchr(dot + 1, '.')) return true;             /* a net's own, which may be its value as it stands */
    for (uint32_t id = 0; id < graph_size(b->g); id++) {
        const Node *n = graph_node(b->g, id);
        for (int i = 0; n && i < n->n_in; i++) {
            if (n->in[i]->op != OP_slot || n->in[i]->key >= (uint64_t)b->script.n_fills) continue;
            uint32_t slot = (uint32_t)n->in[i]->key;
            const Fill *fill = &b->script.fills[slot];
            if (slot == p->slot || (fill->is_copy && fill->source == p->slot)) return true;
        }
    }
    return false;
}

/* ---- states of layers and nets: cells of theirs that training moves, but no optimizer ---- */

bool is_cell(const Binding *x) { return x->kind == BINDING_CELL || x->kind == BINDING_STATE; }

bool is_training(const Builder *b)
{
    return b->at.train && b->at.run == b->at.train->train && !b->at.average && !b->at.still;
}

Binding *layer_state(Builder *b, Scope *scope, const Stmt *s)
{
    const ParamInfo *p = declared_cell(b, scope, s);
    Binding *x = bind(b, scope, s->name.text, p ? cell_value(b, p, s->span) : b->none, s->name.span);
    x->kind = BINDING_STATE;
    if (!p || !is_training(b)) return x;
    x->cells = ARENA_NEW(b->arena, uint32_t);
    x->cells[0] = run_slot(b, run_cells(b, b->at.run), p->slot);
    x->n_cells = 1;
    return x;
}

void wish_next(Builder *b, uint32_t slot, Node *node, Span span)
{
    TrainBuild *t = b->at.train;
    const char *name = b->script.store->slots[slot].name + strlen(t->train->name) + 1;
    Axes own = axes_of(b->script.store->slots[slot].shape), extra = axes_minus(&node->axes, &own);
    if (extra.n || node->scope) {
        Diagnostic *d = complain(b, "E0346", span, extra.n ? "the next value of %s depends on the item it is used for" : "the next value of %s depends on the pass of the repeat it is used in", name);
        if (extra.n) diag_help(d, "a state is one for all items: what looks across the batch takes all of it, x: [N, D], and so do the nets it is used in");
        else diag_help(d, "a state moves once a step; inside repeat, normalize each item by itself: layer_norm, rms_norm");
        return;
    }
    for (int i = 0; i < t->n_wishes; i++) if (t->wishes[i].slot == slot && t->wishes[i].node == node) return;
    t->wishes = grown(b, t->wishes, t->n_wishes, &t->wishes_room, sizeof(Wish));
    t->wishes[t->n_wishes++] = (Wish){ slot, node, span };
}

void grant_wishes(Builder *b)
{
    TrainBuild *t = b->at.train;
    for (int i = 0; i < t->n_wishes; i++) {
        const Wish *first = &t->wishes[i];
        bool seen = false;
        for (int k = 0; k < i; k++) seen |= t->wishes[k].slot == first->slot;
        if (seen) continue;
        Node *sum = first->node;
        int n = 1;
        for (int k = i + 1; k < t->n_wishes; k++)
            if (t->wishes[k].slot == first->slot) { sum = graph_map(b->g, OP_add, sum, t->wishes[k].node, NULL); n++; }
        if (n > 1) sum = graph_map(b->g, OP_mul, graph_const(b->g, 1.0 / n), sum, NULL);
        add_update(b, first->slot, sum, first->span);
    }
    t->n_wishes = 0;
}

/* ---- states of regimes, optimizers and trains ---- */

static uint32_t state_slot(Builder *b, const char *name, Shape shape, Domain domain, Span span)
{
    RunCells *run = run_cells(b, b->at.train->train);
    uint32_t slot = new_slot(b, arena_format(b->arena, "%s/%s", run->train->name, name), shape, true, span);
    Value *last = array(b, graph_slot(b->g, slot, 0, axes_of(shape)), shape);
    last->domain = domain;
    field_add(b, &run->states, name, last);
    return slot;
}

static Value *read_state(Builder *b, uint32_t slot, Shape shape, Domain domain)
{
    Value *v = array(b, graph_slot(b->g, slot, b->at.epoch, axes_of(shape)), shape);
    v->domain = domain;
    return v;
}

/* "cd.chains" for the state chains of a regime bound to cd in the train fit. */
static const char *state_name(Builder *b, const Stmt *s)
{
    size_t n = strlen(b->at.train->train->name);
    const char *owner = b->at.owner && !strncmp(b->at.owner, b->at.train->train->name, n) ? b->at.owner + n : "";
    return arena_format(b->arena, "%s%s%s", *owner == '.' ? owner + 1 : owner, *owner ? "." : "", s->name.text);
}

/* `state m: like w = 0` where w is a bundle: a state for each of its cells. */
static Binding *state_bundle(Builder *b, Scope *scope, const Stmt *s, const Value *like)
{
    Value *r = value_new(b, VALUE_BUNDLE);
    r->n_items = like->n_items;
    r->items = ARENA_ARRAY(b->arena, Value *, like->n_items);
    uint32_t *cells = ARENA_ARRAY(b->arena, uint32_t, like->n_items);
    for (int i = 0; i < like->n_items; i++) {
        const char *member = like->items[i]->string;
        const char *name = member ? arena_format(b->arena, "%s.%s", state_name(b, s), member) : arena_format(b->arena, "%s.%d", state_name(b, s), i);
        Shape shape = like->items[i]->shape;
        Value *first = first_value(b, scope, s, arena_format(b->arena, "%s/%s", b->at.train->train->name, name), &shape, (Domain){ 0 });
        if (first->kind != VALUE_ARRAY) return bind(b, scope, s->name.text, b->none, s->name.span);
        cells[i] = state_slot(b, name, shape, (Domain){ 0 }, s->span);
        fill_with(b, cells[i], relabel(b, first->node, first->shape, shape));
        r->items[i] = read_state(b, cells[i], shape, (Domain){ 0 });
    }
    Binding *x = bind(b, scope, s->name.text, r, s->name.span);
    x->kind = BINDING_CELL;
    x->cells = cells;
    x->n_cells = like->n_items;
    return x;
}

Binding *state_cell(Builder *b, Scope *scope, const Stmt *s)
{
    if (!b->at.train) {
        complain(b, "E0209", s->span, "state belongs to a regime, an optimizer or a train");
        return bind(b, scope, s->name.text, b->none, s->name.span);
    }
    if (s->type && s->type->like.text) {
        Binding *like = lookup(scope, s->type->like.text);
        if (like && like->value && like->value->kind == VALUE_BUNDLE) return state_bundle(b, scope, s, like->value);
    }
    Shape shape = { 0 };
    Domain domain = { 0 };
    if (s->type && (!eval_shape(b, scope, s->type, &shape) || !eval_domain(b, scope, s->type, &domain)))
        return bind(b, scope, s->name.text, b->none, s->name.span);
    const char *name = state_name(b, s);
    Value *first = first_value(b, scope, s, arena_format(b->arena, "%s/%s", b->at.train->train->name, name), s->type ? &shape : NULL, domain);
    if (first->kind != VALUE_ARRAY) return bind(b, scope, s->name.text, b->none, s->name.span);
    if (!s->type) shape = shape_refresh(first->shape);
    uint32_t slot = state_slot(b, name, shape, domain, s->span);
    fill_with(b, slot, relabel(b, first->node, first->shape, shape));
    stand_at(b, s->span);
    Binding *x = bind(b, scope, s->name.text, read_state(b, slot, shape, domain), s->name.span);
    x->kind = BINDING_CELL;
    x->cells = ARENA_NEW(b->arena, uint32_t);
    x->cells[0] = slot;
    x->n_cells = 1;
    return x;
}

/* block.c: the statements of bodies: bindings, terms, loops. */
#include <string.h>
#include "lang/graph/builder.h"

/* ---- draws ---- */

/* A draw with the full shape `full`: hidden axes, of mapped functions and of index equations around, come first, so that items draw independently. */
Node *random_node(Builder *b, RandomKind kind, int64_t size, Shape full)
{
    Shape order = { 0 };
    for (int i = 0; i < b->at.hidden.n; i++) order.at[order.n++] = b->at.hidden.at[i];
    order = shape_join(order, full);
    Node *times[16];
    int n = 0;
    for (Loop *l = b->at.loop; l && n < 16; l = l->outer) times[n++] = l->time;
    for (int i = 0; i < n / 2; i++) { Node *t = times[i]; times[i] = times[n - 1 - i]; times[n - 1 - i] = t; }
    uint64_t place = mix_hash(b->at.chain, b->at.draw_name, (uint64_t)b->at.draw_count++);
    return graph_random(b->g, kind, place, size, order, times, n);
}

Value *eval_drawn(Builder *b, Scope *scope, const Expr *e, Shape *declared, const char *name)
{
    Context before = b->at;
    if (b->at.in_energy) {
        Diagnostic *d = complain(b, "E0210", e->span, "an energy draws nothing: it must give one number for one configuration");
        diag_help(d, "draw in the regime, the solver or the train, and pass the values in");
        return b->none;
    }
    b->at.drawn = declared;
    b->at.draw_name = name;
    b->at.draw_count = 0;
    Value *v = eval(b, scope, e);
    if (v->kind == VALUE_FUNCTION) v = apply_values(b, v->fn, NULL, 0, e->span);
    b->at = before;
    return v;
}

/* ---- bindings ---- */

/* Arrays of a carry: one, or the members of a bundle. */
static int parts_of(Value *v) { return v->kind == VALUE_BUNDLE ? v->n_items : 1; }
static Value *part_of(Value *v, int i) { return v->kind == VALUE_BUNDLE ? v->items[i] : v; }

/* Whether both are an array of this shape, or several of these. */
static bool same_arrays(const Value *x, const Value *y)
{
    if (x->kind != y->kind) return false;
    if (x->kind == VALUE_ARRAY) return same_sizes(&x->shape, &y->shape);
    bool same = x->kind != VALUE_BUNDLE || x->n_items == y->n_items;
    for (int i = 0; same && x->kind == VALUE_BUNDLE && i < x->n_items; i++) same = same_arrays(x->items[i], y->items[i]);
    return same;
}

/* Of classes, bits and spins a solver may not make reals. */
static bool moves_within(Builder *b, const Binding *x, const Value *v, Span span)
{
    for (int i = 0; i < parts_of(x->value); i++) {
        const Value *was = part_of(x->value, i), *next = part_of((Value *)v, i);
        if (!finite_domain(was->domain) || finite_domain(next->domain) || next->node->op == OP_const) continue;
        Diagnostic *d = complain(b, "E0360", span, "%s takes %s, but its next value has reals", x->name, domain_name(was->domain));
        diag_help(d, "exact(), gibbs(..) and the samplers of discrete.ebm serve finite domains; in a solver of your own, project(y, x) gives the nearest values");
        return false;
    }
    return true;
}

void assign_next(Builder *b, Binding *cell, Value *v, Span span)
{
    if (v->kind == VALUE_NONE) { cell->next = v; return; }
    if (cell->value->kind == VALUE_NONE) return;
    if (!same_arrays(v, cell->value)) {
        Diagnostic *d = complain(b, "E0340", span, "%s' must have the shape of %s, %s, but it is %s", cell->name, cell->name, value_text(b, cell->value), value_text(b, v));
        diag_note(d, cell->span, "%s is declared here", cell->name);
        cell->next = b->none;
        return;
    }
    if (cell->sought && !moves_within(b, cell, v, span)) { cell->next = b->none; return; }
    if (cell->value->kind == VALUE_ARRAY) v = retract(b, v, cell->value->domain);
    else if (v->kind == VALUE_BUNDLE) v = retract_all(b, v, cell->value);
    cell->next = v;
    if (!is_cell(cell)) return;
    for (int i = 0; i < cell->n_cells; i++) {
        Value *part = v->kind == VALUE_BUNDLE ? v->items[i] : v;
        Shape shape = b->script.store->slots[cell->cells[i]].shape;
        Node *next = relabel(b, part->node, part->shape, shape);
        if (cell->kind == BINDING_STATE) wish_next(b, cell->cells[i], next, span);
        else add_update(b, cell->cells[i], next, span);
    }
}

static void bind_one(Builder *b, Scope *scope, const Expr *target, Value *v, Span span)
{
    if (target->kind == EXPR_PRIMED) {
        Binding *cell = lookup(scope, target->name.text);
        if (!cell) { complain(b, "E0201", target->span, "nothing is called `%s`", target->name.text); return; }
        assign_next(b, cell, v, span);
        return;
    }
    if (target->kind != EXPR_NAME) {
        complain(b, "E0114", target->span, "only a name, a name with a prime, or either with subscripts can be given a value");
        return;
    }
    const char *name = target->name.text;
    if (v->kind == VALUE_FUNCTION && v->fn->kind == CLOSURE_DEF && v->fn->def->kind == DEF_LAYER && !v->fn->instance) {
        Closure *c = ARENA_NEW(b->arena, Closure);
        *c = *v->fn;
        c->instance = arena_format(b->arena, "%s.%s", b->at.owner ? b->at.owner : "main", name);
        v = function_value(b, c);
    }
    bind(b, scope, name, v, target->span);
}

void bind_targets(Builder *b, Scope *scope, const Stmt *s, Value *v)
{
    int n = s->targets.n;
    if (n == 1) { bind_one(b, scope, s->targets.at[0], v, s->span); return; }
    int have = 0;
    Value *part[MAX_ARGS];
    if (v->kind == VALUE_BUNDLE) for (int i = 0; i < v->n_items && i < MAX_ARGS; i++) part[have++] = v->items[i];
    else if (v->kind == VALUE_RECORD) for (Field *f = v->fields; f && have < MAX_ARGS; f = f->next) {
        if (!strcmp(f->name, "train") || !strcmp(f->name, "test")) continue;
        part[have++] = f->value;
    }
    if (v->kind != VALUE_NONE && have != n) {
        Diagnostic *d = complain(b, "E0342", s->span, "%d names on the left, but %s on the right", n, have ? "another number of values" : value_text(b, v));
        if (have) diag_help(d, "the right side has %d", have);
    }
    for (int i = 0; i < n; i++) bind_one(b, scope, s->targets.at[i], have == n ? part[i] : b->none, s->span);
}

static void bind_statement(Builder *b, Scope *scope, const Stmt *s)
{
    if (s->targets.n == 1 && s->targets.at[0]->kind == EXPR_INDEX) { eval_equation(b, scope, s); return; }
    const char *name = s->targets.at[0]->name.text, *use = b->at.use;
    b->at.use = name;
    Value *v = s->draw ? eval_drawn(b, scope, s->value, NULL, name) : eval(b, scope, s->value);
    b->at.use = use;
    bind_targets(b, scope, s, v);
}

/* ---- repeat ---- */

typedef struct Carries { int n; Binding *at[32]; } Carries;

static void find_carries(Scope *scope, const Block *block, Carries *c)
{
    for (int i = 0; i < block->n; i++) {
        const Stmt *s = block->at[i];
        if (s->kind == STMT_REPEAT) { find_carries(scope, &s->block, c); continue; }
        if (s->kind != STMT_BIND) continue;
        for (int k = 0; k < s->targets.n; k++) {
            const Expr *t = s->targets.at[k];
            if (t->kind == EXPR_INDEX) t = t->kid[0];
            if (t->kind != EXPR_PRIMED) continue;
            Binding *x = lookup(scope, t->name.text);
            bool seen = !x || c->n == 32;
            for (int j = 0; j < c->n && !seen; j++) seen = c->at[j] == x;
            if (!seen) c->at[c->n++] = x;
        }
    }
}

/* The carries as they are seen in the body: leaves of the loop. */
static Value *carry_value(Builder *b, Loop *loop, Value *init, const Axes *extra)
{
    if (init->kind == VALUE_BUNDLE) {
        Value *r = value_new(b, VALUE_BUNDLE);
        r->n_items = init->n_items;
        r->items = ARENA_ARRAY(b->arena, Value *, init->n_items);
        for (int i = 0; i < init->n_items; i++) r->items[i] = carry_value(b, loop, init->items[i], &extra[i]);
        return r;
    }
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *init;
    r->fields = NULL;
    r->n_items = 0;
    r->unit = UNIT_NONE;
    Axes axes = axes_of(init->shape);
    axes = axes_union(&axes, &init->node->axes);
    axes = axes_union(&axes, extra);
    r->node = graph_carry(b->g, loop, init->node, axes);
    if (r->domain.kind == CLASS_WHOLE && !r->shape.n) r->domain = (Domain){ 0 };   /* a counter is not bounded by its first value */
    return r;
}

enum { MAX_PARTS = 128 };

typedef struct Kept { const char *name; Value *value; Span span; int *index; struct Kept *next; } Kept;   /* index: in the loop, of each part */

/* ---- until: a pass after which the loop has had enough, each item for itself ---- */

static bool has_until(const Block *block)
{
    for (int i = 0; i < block->n; i++) if (block->at[i]->kind == STMT_UNTIL) return true;
    return false;
}

static Node *until_statement(Builder *b, Scope *body, const Stmt *s, Node *stops)
{
    Value *v = eval(b, body, s->value);
    if (v->kind == VALUE_NONE) return stops;
    if (v->kind != VALUE_ARRAY || v->shape.n || v->unit != UNIT_NONE) {
        Diagnostic *d = complain(b, "E0341", s->value->span, "until, in a repeat, takes a condition, but this is %s", value_text(b, v));
        if (v->unit != UNIT_NONE) diag_help(d, "the number of passes stands after repeat: repeat %g { .. }", known(v));
        else if (v->kind == VALUE_ARRAY) diag_help(d, "one truth value for each item: all(..), any(..), max(..) < ..");
        return stops;
    }
    Node *holds = graph_map(b->g, OP_ne, v->node, graph_const(b->g, 0), NULL);
    return stops ? graph_map(b->g, OP_max, stops, holds, NULL) : holds;
}

static void refuse_keep(Builder *b, const Block *block)
{
    for (int i = 0; i < block->n; i++) {
        if (block->at[i]->kind != STMT_KEEP) continue;
        Diagnostic *d = complain(b, "E0341", block->at[i]->span, "a repeat with until keeps nothing: how many passes it makes is not known before it starts");
        diag_help(d, "write into an array of fixed length: trace'[t] = v");
    }
}

/* Gives the carry its next value; false if it needs more axes for that, which are noted in extra. */
static bool set_next(Builder *b, Loop *loop, int at, Node *node, Axes *extra)
{
    Node *leaf = loop->carry[at];
    bool fits = axes_within(&node->axes, &leaf->axes);
    Axes missing = axes_minus(&node->axes, &leaf->axes);
    extra[at] = axes_union(&extra[at], &missing);
    graph_loop_next(b->g, loop, at, fits ? graph_spread(b->g, node, leaf->axes) : leaf);
    return fits;
}

static void keep_values(Builder *b, Loop *loop, Kept *kept)
{
    Axis axis = kept ? graph_fresh_axis(b->g, loop->passes) : 0;
    for (Kept *k = kept; k; k = k->next) {
        int n = parts_of(k->value);
        k->index = ARENA_ARRAY(b->arena, int, n);
        for (int i = 0; i < n; i++) {
            Value *v = part_of(k->value, i);
            if (v->kind != VALUE_ARRAY) continue;
            Axes all = axes_of(v->shape);
            all = axes_union(&all, &v->node->axes);
            k->index[i] = graph_loop_keep(b->g, loop, graph_spread(b->g, v->node, all), axis);
        }
    }
}

/* Part i of what was kept, with the passes in front. */
static Value *kept_part(Builder *b, Loop *loop, const Kept *k, int i)
{
    const Value *v = part_of(k->value, i);
    if (v->kind != VALUE_ARRAY) return b->none;
    return standard(b, array(b, graph_result(b->g, loop, loop->n_carry + k->index[i]), shape_join((Shape){ 1, { loop->keep_axis } }, v->shape)));
}

static Value *kept_value(Builder *b, Loop *loop, const Kept *k)
{
    if (k->value->kind != VALUE_BUNDLE) return kept_part(b, loop, k, 0);
    Value *r = value_new(b, VALUE_BUNDLE);
    r->n_items = k->value->n_items;
    r->items = ARENA_ARRAY(b->arena, Value *, r->n_items);
    for (int i = 0; i < r->n_items; i++) r->items[i] = kept_part(b, loop, k, i);
    return r;
}

/* Builds the body once.  extra: axes the carries need beyond those of their first values; true if more were found to be needed. */
static bool build_pass(Builder *b, Scope *scope, const Stmt *s, int64_t passes, Carries *c, Axes *extra, Loop **loop_out, Kept **kept)
{
    Loop *loop = graph_loop_open(b->g, b->at.loop, passes);
    Context before = b->at;
    b->at.loop = loop;
    Scope *body = scope_new(b, scope);
    Binding *inner[32];
    int at = 0;
    for (int i = 0; i < c->n; i++) {
        Value *init = c->at[i]->next && !is_cell(c->at[i]) ? c->at[i]->next : c->at[i]->value;
        inner[i] = bind(b, body, c->at[i]->name, carry_value(b, loop, init, &extra[at]), c->at[i]->span);
        inner[i]->sought = c->at[i]->sought;
        at += parts_of(init);
    }
    if (s->name.text) {
        Value *t = array(b, loop->time, shape_none());
        t->domain = (Domain){ CLASS_WHOLE, 0, (double)(passes - 1) };
        Binding *x = bind(b, body, s->name.text, t, s->name.span);
        x->kind = BINDING_TIME;
        x->passes = passes;
    }
    bool early = has_until(&s->block);
    Node *done = early ? graph_carry(b->g, loop, graph_const(b->g, 0), extra[at]) : NULL, *stops = NULL;
    *kept = NULL;
    Kept **end = kept;
    for (int i = 0; i < s->block.n; i++) {
        const Stmt *st = s->block.at[i];
        if (st->kind == STMT_UNTIL) {
            stops = until_statement(b, body, st, stops);
            continue;
        }
        if (st->kind == STMT_KEEP) {
            Kept *k = ARENA_NEW(b->arena, Kept);
            k->value = eval(b, body, st->value);
            k->name = st->name.text ? st->name.text : st->value->name.text;
            k->span = st->span;
            *end = k;
            end = &k->next;
            continue;
        }
        Value *ignored = NULL;
        eval_statement(b, body, st, NULL, &ignored);
    }
    if (!stops || (stops->op == OP_const && !stops->value)) done = NULL;      /* known never to hold: a tolerance of 0 */
    bool more = false;
    at = 0;
    for (int i = 0; i < c->n; i++) {
        Value *next = inner[i]->next ? inner[i]->next : inner[i]->value;
        for (int k = 0; k < parts_of(inner[i]->value); k++, at++) {
            Value *part = next->kind == VALUE_NONE ? b->none : part_of(next, k);
            Node *leaf = loop->carry[at];
            if (part->kind != VALUE_ARRAY) { graph_loop_next(b->g, loop, at, leaf); continue; }
            Value *was = part_of(inner[i]->value, k);
            Node *node = relabel(b, part->node, part->shape, was->shape);
            if (done) node = graph_map(b->g, OP_select, done, leaf, node);
            more |= !set_next(b, loop, at, node, extra);
        }
    }
    if (done) {
        more |= !set_next(b, loop, at, graph_map(b->g, OP_max, done, stops, NULL), extra);
        loop->until = at;
    }
    if (!more) keep_values(b, loop, *kept);
    b->at = before;
    *loop_out = loop;
    return more;
}

static void set_results(Builder *b, Scope *scope, Loop *loop, Carries *c, Kept *kept)
{
    int at = 0;
    for (int i = 0; i < c->n; i++) {
        Binding *x = c->at[i];
        Value *old = x->next && !is_cell(x) ? x->next : x->value, *r = ARENA_NEW(b->arena, Value);
        *r = *old;
        r->fields = NULL;
        if (old->kind == VALUE_BUNDLE) {
            r->items = ARENA_ARRAY(b->arena, Value *, old->n_items);
            for (int k = 0; k < old->n_items; k++) {
                r->items[k] = ARENA_NEW(b->arena, Value);
                *r->items[k] = *old->items[k];
                r->items[k]->node = graph_result(b->g, loop, at++);
            }
        } else if (old->kind == VALUE_ARRAY) {
            r->node = graph_result(b->g, loop, at++);
            r->n_items = 0;
            r->unit = UNIT_NONE;
            if (r->domain.kind == CLASS_WHOLE && !r->shape.n) r->domain = (Domain){ 0 };
        }
        if (is_cell(x)) assign_next(b, x, r, x->span);
        else { x->value = r; x->next = NULL; }
    }
    for (Kept *k = kept; k; k = k->next) bind(b, scope, k->name ? k->name : "kept", kept_value(b, loop, k), k->span);
}

static void repeat_statement(Builder *b, Scope *scope, const Stmt *s)
{
    int64_t passes;
    if (!want_size(b, eval(b, scope, s->value), s->value->span, "the bound of a repeat", &passes)) return;
    Carries c = { 0 };
    find_carries(scope, &s->block, &c);
    int parts = 0;
    for (int i = 0; i < c.n; i++) {
        Value *v = c.at[i]->value;
        if (!v || v->kind == VALUE_NONE) return;
        if (v->kind != VALUE_ARRAY && v->kind != VALUE_BUNDLE) {
            complain(b, "E0340", c.at[i]->span, "%s is %s: only arrays change from pass to pass", c.at[i]->name, value_text(b, v));
            return;
        }
        parts += parts_of(v);
    }
    if (!passes) return;
    if (has_until(&s->block)) refuse_keep(b, &s->block);
    if (parts > MAX_PARTS) { complain(b, "E0340", s->span, "a repeat carries at most %d arrays", MAX_PARTS); return; }
    Axes *extra = ARENA_ARRAY(b->arena, Axes, parts + 1);       /* the last: of until */
    Loop *loop;
    Kept *kept;
    int errors = b->diagnostics->errors;
    for (int round = 0; build_pass(b, scope, s, passes, &c, extra, &loop, &kept); round++)
        if (round > 8 || b->diagnostics->errors > errors) return;
    stand_at(b, s->span);
    graph_loop_close(b->g, loop);
    set_results(b, scope, loop, &c, kept);
}

/* ---- bodies ---- */

static Value *terms_together(Builder *b, Field *terms, Span span)
{
    Value *total = NULL;
    for (Field *f = terms; f; f = f->next) {
        if (f->value->kind == VALUE_NONE) return b->none;
        total = total ? map_values(b, OP_add, total, f->value, NULL, span, "+") : f->value;
        if (total->kind != VALUE_ARRAY) return b->none;
    }
    if (!total) return b->none;
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *total;
    r->fields = terms;
    return r;
}

static void term_statement(Builder *b, Scope *scope, const Stmt *s)
{
    Value *v = eval(b, scope, s->value);
    if (v->kind == VALUE_ARRAY && v->shape.n) {
        Diagnostic *d = complain(b, "E0322", s->value->span, "a term is one number for each configuration, but %s has shape %s", s->name.text, shape_text(b, v->shape));
        diag_help(d, "sum or average over the axes: sum(..), mean(..)");
        v = b->none;
    } else if (v->kind != VALUE_ARRAY && v->kind != VALUE_NONE) {
        complain(b, "E0322", s->value->span, "a term is a number, but %s is %s", s->name.text, value_text(b, v));
        v = b->none;
    }
    bind(b, scope, s->name.text, v, s->name.span);
}

static const char *target_name(const Stmt *s)
{
    const Expr *t = s->targets.at[0];
    while (t->kind == EXPR_INDEX) t = t->kid[0];
    return t->name.text;
}

static void statement(Builder *b, Scope *scope, const Stmt *s, const Def *def, Value **result)
{
    switch (s->kind) {
    case STMT_EXPR: {
        const char *use = b->at.use;
        b->at.use = NULL;
        *result = eval(b, scope, s->value);
        b->at.use = use;
        if (def && (def->kind == DEF_TRAIN || def->kind == DEF_REGIME) && (*result)->kind != VALUE_RECORD && (*result)->kind != VALUE_NONE) {
            Diagnostic *d = complain(b, "E0207", s->value->span, "this value is thrown away: it is %s, not a regime in use", value_text(b, *result));
            diag_help(d, "give it a name (x = ..), or say what it is for: lower e, minimize l, every 100 steps { record v as name }");
        }
        break;
    }
    case STMT_BIND:   bind_statement(b, scope, s); break;
    case STMT_TERM:   term_statement(b, scope, s); break;
    case STMT_PARAM:  bind(b, scope, s->name.text, param_value(b, scope, s), s->name.span); break;
    case STMT_STATE:
        if (def && def->kind <= DEF_NET) layer_state(b, scope, s);
        else state_cell(b, scope, s);
        break;
    case STMT_REPEAT: repeat_statement(b, scope, s); break;
    case STMT_RECORD:
        if (def && def->kind == DEF_SOLVER) break;          /* eval_block collects them */
        train_statement(b, scope, s, def);
        break;
    case STMT_LOWER: case STMT_RAISE: case STMT_MINIMIZE: case STMT_UPDATE: case STMT_GUARD: case STMT_EVERY: case STMT_UNTIL:
    case STMT_PHASE: case STMT_CHECKPOINT:
        train_statement(b, scope, s, def);
        break;
    default:
        complain(b, "E0209", s->span, "this statement stands at the top level of a file only");
    }
}

void eval_statement(Builder *b, Scope *scope, const Stmt *s, const Def *def, Value **result)
{
    const Expr *root = b->at.root;
    uint64_t chain = b->at.chain;
    if (s->value) place_at(b, s->value, s->kind == STMT_BIND ? target_name(s) : s->name.text);
    statement(b, scope, s, def, result);
    b->at.root = root;
    b->at.chain = chain;
}

/* record e as name, in a solver: what it reached is a part of what it finds. */
static void record_reached(Builder *b, Scope *scope, const Stmt *s, Field **records)
{
    for (int i = 0; i < s->list.n; i++) {
        const Expr *e = s->list.at[i];
        field_add(b, records, s->as && s->as[i].text ? s->as[i].text : e->name.text, eval(b, scope, e));
    }
}

static Value *with_records(Builder *b, Value *found, Field *records)
{
    if (!records) return found;
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *found;
    r->fields = records;
    return r;
}

/* The value of a body: its last expression; an energy's terms; a solver's operand; an optimizer's next cells; a regime's values. */
Value *eval_block(Builder *b, Scope *scope, const Block *block, const Def *def)
{
    Value *result = NULL;
    Field *terms = NULL, *records = NULL;
    Binding *before = scope->last;
    for (int i = 0; i < block->n; i++) {
        result = NULL;
        eval_statement(b, scope, block->at[i], def, &result);
        if (block->at[i]->kind == STMT_TERM) field_add(b, &terms, block->at[i]->name.text, scope->last->value);
        if (block->at[i]->kind == STMT_RECORD && def && def->kind == DEF_SOLVER) record_reached(b, scope, block->at[i], &records);
    }
    if (terms) return terms_together(b, terms, def ? def->span : block->span);
    if (def && (def->kind == DEF_REGIME)) {
        Value *r = value_new(b, VALUE_RECORD);
        Binding *all[256] = { NULL };
        int n = 0;
        for (Binding *x = scope->last; x && x != before && n < 256; x = x->below) all[n++] = x;
        while (n--) if (all[n]->value && all[n]->kind != BINDING_INDEX) field_add(b, &r->fields, all[n]->name, all[n]->value);
        return r;
    }
    if (result) return result;
    if (def && (def->kind == DEF_SOLVER || def->kind == DEF_OPTIMIZER)) {
        const Signature *s = &def->signatures[def->n_signatures - 1];
        const char *name = s->n ? s->at[def->kind == DEF_SOLVER ? s->n - 1 : 0].name.text : "";
        Binding *x = lookup(scope, name);
        if (x) return with_records(b, x->next ? x->next : x->value, records);
    }
    if (b->diagnostics->errors) return b->none;
    complain(b, "E0343", block->span, "this body gives no value");
    return b->none;
}

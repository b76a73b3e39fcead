/* call.c: calls.  A definition is inlined where it is used; it maps over the axes that its signature does not mention, which go into
 * hiding while its body is built. */
#include <string.h>
#include "lang/graph/infer.h"

Value *function_value(Builder *b, Closure *closure)
{
    Value *v = value_new(b, VALUE_FUNCTION);
    v->fn = closure;
    return v;
}

Value *closure_of_def(Builder *b, Def *def, Span span, int site)
{
    Closure *c = ARENA_NEW(b->arena, Closure);
    c->kind = CLOSURE_DEF;
    c->def = def;
    c->name = def->name.text;
    c->span = span;
    c->site = site;
    return function_value(b, c);
}

uint64_t mix_hash(uint64_t h, const char *text, uint64_t number)
{
    h ^= 0x9e3779b97f4a7c15u + number;
    for (; text && *text; text++) h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    h ^= h >> 31;
    h *= 0xbf58476d1ce4e5b9u;
    h ^= h >> 29;
    h *= 0x94d049bb133111ebu;
    return h ^ h >> 32;
}

/* ---- arguments ---- */

bool eval_args(Builder *b, Scope *scope, const Expr *call, CallArgs *args)
{
    args->n = 0;
    args->span = call->span;
    bool fine = true;
    for (int i = 0; i < call->n_args; i++) {
        if (i == MAX_ARGS) {
            complain(b, "E0332", call->span, "a call takes at most %d arguments", MAX_ARGS);
            return false;
        }
        const Arg *a = &call->args[i];
        CallArg *x = &args->at[args->n++];
        x->name = a->name.text;
        x->span = a->value->span;
        x->expr = a->value;
        x->latent = a->latent;
        x->value = eval(b, scope, a->value);
        if (x->name) x->span = a->name.span;
        fine &= x->value->kind != VALUE_NONE;
    }
    return fine;
}

const Signature *operands_of(const Closure *c)
{
    if (c->kind == CLOSURE_LAMBDA) return c->lambda->params;
    if (c->kind == CLOSURE_DEF && c->def->n_signatures) return &c->def->signatures[c->def->n_signatures - 1];
    if (c->kind == CLOSURE_SUM || c->kind == CLOSURE_SCALE || c->kind == CLOSURE_EMA) return operands_of(c->a);
    return NULL;
}

static const char *signature_text(Builder *b, const Signature *s)
{
    Expr whole = { .span = s->span };
    return expr_text(b, &whole);
}

/* The value of each parameter, null where none is given; false after a report. */
static bool assign(Builder *b, const Closure *c, const Signature *s, const CallArgs *args, bool settings, Value **out, Span *spans)
{
    for (int i = 0; i < s->n; i++) out[i] = NULL;
    int seen = 0, late = 0;
    for (int i = 0; i < s->n && !s->at[i].latent; i++) late = i + 1;
    for (int i = 0; i < args->n; i++) {
        const CallArg *a = &args->at[i];
        int at = -1;
        if (a->name) {
            for (int k = 0; k < s->n; k++) if (!strcmp(s->at[k].name.text, a->name)) at = k;
            if (at < 0) {
                const char *all[64];
                int n = 0;
                for (int k = 0; k < s->n && k < 64; k++) all[n++] = s->at[k].name.text;
                Diagnostic *d = complain(b, "E0331", a->span, "%s has no %s called `%s`", c->name, settings ? "setting" : "argument", a->name);
                const char *near = nearest_setting(a->name, all, n);
                if (near) diag_help(d, "did you mean `%s`?", near);
                else diag_help(d, "it takes %s", signature_text(b, s));
                return false;
            }
        } else at = a->latent ? late++ : seen++;
        if (at >= s->n || (!a->name && !a->latent && s->at[at].latent) || (a->latent && at < s->n && !s->at[at].latent)) {
            Diagnostic *d = complain(b, "E0332", a->span, "%s gets more %s than it has", c->name,
                                     settings ? "settings" : a->latent ? "latent arguments" : "arguments");
            diag_help(d, "it takes %s", signature_text(b, s));
            return false;
        }
        if (out[at]) {
            complain(b, "E0333", a->span, "%s is given twice", s->at[at].name.text);
            return false;
        }
        out[at] = a->value;
        spans[at] = a->span;
        if (a->value->kind == VALUE_NONE) return false;
    }
    return true;
}

/* ---- settings ---- */

/* Only an optimizer (and an average) knows the step and the total that a schedule is a function of. */
static bool is_misplaced_schedule(const Closure *c, const Value *v)
{
    return c->def->kind != DEF_OPTIMIZER && c->def->kind != DEF_FN && is_schedule(v);
}

Value *configure(Builder *b, Closure *closure, const CallArgs *args)
{
    const Signature *s = &closure->def->signatures[0];
    Value *given[MAX_ARGS];
    Span spans[MAX_ARGS];
    if (!assign(b, closure, s, args, true, given, spans)) return b->none;
    for (int i = 0; i < s->n; i++) {
        if (!given[i] || !is_misplaced_schedule(closure, given[i])) continue;
        Diagnostic *d = complain(b, "E0337", spans[i], "%s is a schedule, which only settings of an optimizer can be", given[i]->fn->name);
        diag_help(d, "a %s runs within one step: give it a number", def_kind_name(closure->def->kind));
        return b->none;
    }
    Closure *c = ARENA_NEW(b->arena, Closure);
    *c = *closure;
    c->configured = true;
    c->settings = NULL;
    for (int i = 0; i < s->n; i++) {
        if (given[i]) field_add(b, &c->settings, s->at[i].name.text, given[i]);
        else if (!s->at[i].preset) {
            Diagnostic *d = complain(b, "E0334", args->span, "%s needs its setting `%s`", c->name, s->at[i].name.text);
            diag_help(d, "it takes %s", signature_text(b, s));
            return b->none;
        }
    }
    return function_value(b, c);
}

/* Binds the settings in the callee's scope; presets may use earlier settings. */
void bind_settings(Builder *b, Closure *c, Scope *scope)
{
    if (c->def->n_signatures < 2) return;
    const Signature *s = &c->def->signatures[0];
    for (int i = 0; i < s->n; i++) {
        Value *v = NULL;
        for (Field *f = c->settings; f; f = f->next) if (!strcmp(f->name, s->at[i].name.text)) v = f->value;
        if (!v && s->at[i].preset) v = eval(b, scope, s->at[i].preset);
        if (!v) {
            Diagnostic *d = complain(b, "E0334", c->span, "%s needs its setting `%s`", c->name, s->at[i].name.text);
            diag_help(d, "it takes %s", signature_text(b, s));
            v = b->none;
        }
        if (c->def->kind == DEF_OPTIMIZER && b->at.train) v = scheduled(b, v);
        bind(b, scope, s->at[i].name.text, v, s->at[i].name.span);
    }
}

/* ---- mapping ---- */

/* The axes an argument has beyond its parameter's type; false after a report. */
static bool frame_of(Builder *b, const Param *p, const Value *v, Span span, Shape *frame)
{
    *frame = shape_none();
    int rank;
    bool rest;
    if (!p->type || p->type->like.text) return true;
    type_rank(p->type, &rank, &rest);
    int extra = v->shape.n - rank;
    if (extra < 0) {
        Expr whole = { .span = p->type->span };
        Diagnostic *d = complain(b, "E0304", span, "%s: %s is wanted, but this is %s", p->name.text, expr_text(b, &whole), shape_text(b, v->shape));
        diag_note(d, p->type->span, "the shape is declared here");
        const Expr *first = p->type->n_dims ? p->type->dims[0].size : NULL;
        if (extra == -1 && first && first->kind == EXPR_NAME && !strcmp(first->name.text, "N"))
            diag_help(d, "N is the batch: what looks across it takes all of it, and so do the nets it is used in: net f(x: [N, 2]) -> [N] = x |> ..");
        return false;
    }
    if (!rest) for (int i = 0; i < extra; i++) frame->at[frame->n++] = v->shape.at[i];
    return true;
}

/* The item axes for a frame: those of the inference around where the sizes are its own, else axes not in use. */
static Shape items_for(Builder *b, const Shape *frame, bool *mine)
{
    const Shape *around = &b->at.items;
    *mine = true;
    if (around->n && frame->n <= around->n) {
        Shape part = { 0 };
        for (int i = around->n - frame->n; i < around->n; i++) part.at[part.n++] = around->at[i];
        if (same_sizes(&part, frame)) { *mine = false; return part; }
    }
    Axes before = b->at.hidden;
    Shape items = { 0 };
    for (int i = 0; i < frame->n; i++) {
        Axis a = hidden_axis(b, axis_size(frame->at[i]), ITEM_AXIS);
        b->at.hidden = axes_with(b->at.hidden, a);
        items.at[items.n++] = a;
    }
    b->at.hidden = before;
    return items;
}

static bool common_frame(Builder *b, const Closure *c, const Signature *s, Value **v, const Span *spans, Shape *frames, Shape *frame)
{
    int first = -1;
    *frame = shape_none();
    for (int i = 0; i < s->n; i++) {
        frames[i] = shape_none();
        if (!v[i] || v[i]->kind != VALUE_ARRAY) continue;
        if (!frame_of(b, &s->at[i], v[i], spans[i], &frames[i])) return false;
        if (!frames[i].n) continue;
        if (first < 0) { first = i; *frame = frames[i]; continue; }
        if (same_sizes(frame, &frames[i])) continue;
        Diagnostic *d = complain(b, "E0308", spans[i], "%s maps over %s of %s, but over %s of %s", c->name, shape_text(b, *frame), s->at[first].name.text,
                                 shape_text(b, frames[i]), s->at[i].name.text);
        diag_note(d, spans[first], "%s is given here", s->at[first].name.text);
        diag_help(d, "the axes beyond the signature must be equal or absent");
        return false;
    }
    return true;
}

/* ---- applying ---- */

static const char *layer_path(Builder *b, const Closure *c)
{
    if (c->instance) return c->instance;
    if (b->at.train && (c->def->kind == DEF_REGIME || c->def->kind == DEF_OPTIMIZER)) return use_path(b, c);
    if (c->def->kind != DEF_LAYER) return path_of(b, c->def->name.span, c->def->name.text);
    return arena_format(b->arena, "%s.%s%d", b->at.owner ? b->at.owner : "main", c->def->name.text, c->site ? c->site : 1);
}

/* What the reader is told when latents are missing. */
static bool complete(Builder *b, const Closure *c, const Signature *s, Value **v, Span span)
{
    for (int i = 0; i < s->n; i++) {
        if (v[i]) continue;
        const char *name = s->at[i].name.text;
        if (s->at[i].preset) continue;
        if (s->at[i].latent) {
            Diagnostic *d = complain(b, "E0330", span, "the latent %s of %s is not bound", name, c->name);
            diag_help(d, "minimize it out (argmin %s of .. by ..), sum it out (marginal %s of .. by exact()), or give it after a semicolon", name, name);
        } else {
            Diagnostic *d = complain(b, "E0335", span, "%s needs its argument %s", c->name, name);
            diag_help(d, "it takes %s", signature_text(b, s));
        }
        return false;
    }
    return true;
}

static Value *expect_array(Builder *b, const Param *p, Value *v, Span span)
{
    if (v->kind == VALUE_ARRAY || v->kind == VALUE_BUNDLE || v->kind == VALUE_NONE) return v;
    if (v->kind == VALUE_RECORD && v->fields && !v->fields->next && v->fields->value->kind == VALUE_ARRAY) return v->fields->value;
    complain(b, "E0306", span, "%s must be an array, but this is %s", p->name.text, value_text(b, v));
    return b->none;
}

static void enter(Builder *b, const Closure *c, Span span, const char *path)
{
    Origin *o = ARENA_NEW(b->arena, Origin);
    o->span = span;
    o->what = b->at.what;
    o->caller = b->at.origin ? b->at.origin->caller : NULL;
    Origin *inner = ARENA_NEW(b->arena, Origin);
    inner->span = c->kind == CLOSURE_DEF ? c->def->name.span : c->span;
    inner->what = c->name;
    inner->caller = o;
    b->at.origin = inner;
    b->at.what = c->name;
    b->at.chain = mix_hash(b->at.chain, c->name, (uint64_t)c->turn);
    b->at.root = c->kind == CLOSURE_DEF ? c->def->value : c->root;
    b->at.run = c->run;
    b->at.items = shape_none();
    b->at.drawn = NULL;
    b->at.draw_name = NULL;
    b->at.draw_count = 0;
    b->at.depth++;
    if (path) b->at.owner = path;
}

static Value *body_value(Builder *b, const Closure *c, Scope *scope)
{
    if (c->kind == CLOSURE_LAMBDA || c->kind == CLOSURE_INFER) return eval(b, scope, c->lambda->kid[0]);
    const Def *def = c->def;
    Value *r;
    if (def->kind == DEF_ENERGY) b->at.in_energy = true;
    if (def->value) r = eval(b, scope, def->value);
    else r = eval_block(b, scope, &def->block, def);
    if (r->kind == VALUE_ARRAY && def->result && !def->result->like.text) {
        int rank;
        bool rest;
        type_rank(def->result, &rank, &rest);
        if (rest ? r->shape.n < rank : r->shape.n != rank) {
            Expr whole = { .span = def->result->span };
            Diagnostic *d = complain(b, "E0309", def->value ? def->value->span : def->span, "%s promises %s but gives %s", c->name, expr_text(b, &whole), shape_text(b, r->shape));
            diag_note(d, def->result->span, "the result is declared here");
            diag_help(d, "a function maps over the axes that its signature does not mention: join them first (flatten, sum, mean), or promise %s", shape_text(b, r->shape));
            return b->none;
        }
        if (!match_type(b, scope, def->result, r, "the result", def->result->span)) return b->none;
    }
    if (def->kind == DEF_ENERGY && r->kind == VALUE_ARRAY && r->shape.n) {
        Diagnostic *d = complain(b, "E0322", def->name.span, "an energy is one number for each configuration, but %s gives %s", c->name, shape_text(b, r->shape));
        diag_help(d, "sum or average over the axes: sum(..), mean(..)");
        return b->none;
    }
    return r;
}

static Value *as_energy(Builder *b, Value *v)
{
    if (v->kind != VALUE_ARRAY) return v;
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *v;
    r->is_energy = true;
    r->fields = NULL;
    for (Field *f = v->fields; f; f = f->next) field_add(b, &r->fields, f->name, as_energy(b, f->value));
    return r;
}

/* The body on operands whose frames are in hiding; null ones take their presets.  Moves the context: the caller puts it back. */
Value *apply_body(Builder *b, Closure *c, const Signature *s, Value **v, const Span *spans, Span span)
{
    enter(b, c, span, c->kind == CLOSURE_DEF ? layer_path(b, c) : c->owner);
    Scope *scope = scope_new(b, c->scope);
    if (c->kind == CLOSURE_DEF) bind_settings(b, c, scope);
    for (int i = 0; i < s->n; i++) if (v[i] && v[i]->kind == VALUE_ARRAY && s->at[i].type) solve_sizes(b, scope, s->at[i].type, v[i]);
    for (int i = 0; i < s->n; i++) {
        const Param *p = &s->at[i];
        if (!v[i]) v[i] = eval(b, scope, p->preset);
        if (p->type && v[i]->kind == VALUE_BUNDLE) bind_rests(b, scope, p->type, v[i]);
        if (p->type && v[i]->kind == VALUE_ARRAY) {
            Domain domain;
            if (!match_type(b, scope, p->type, v[i], p->name.text, spans[i]) || !eval_domain(b, scope, p->type, &domain) ||
                !domain_fits(b, domain, v[i], p->name.text, spans[i])) return b->none;
            if (domain.kind != CLASS_REAL) {
                Value *typed = ARENA_NEW(b->arena, Value);
                *typed = *v[i];
                typed->domain = domain;                     /* the body must serve all that is declared */
                v[i] = typed;
            }
        }
        Binding *x = bind(b, scope, p->name.text, v[i], p->name.span);
        x->sought = i && c->kind == CLOSURE_DEF && c->def->kind == DEF_SOLVER;
    }
    return body_value(b, c, scope);
}

static Value *apply_signature(Builder *b, Closure *c, const Signature *s, const CallArgs *args)
{
    Value *v[MAX_ARGS];
    Span spans[MAX_ARGS];
    Shape frames[MAX_ARGS], frame;
    for (int i = 0; i < MAX_ARGS; i++) spans[i] = args->span;
    if (!assign(b, c, s, args, false, v, spans) || !complete(b, c, s, v, args->span)) return b->none;
    for (int i = 0; i < s->n; i++) {
        if (!v[i] || !s->at[i].type) continue;
        v[i] = expect_array(b, &s->at[i], v[i], spans[i]);
        if (v[i]->kind == VALUE_NONE) return b->none;
    }
    if (!common_frame(b, c, s, v, spans, frames, &frame)) return b->none;
    stand_at(b, args->span);
    int row = b->summary && c->kind == CLOSURE_DEF && c->def->kind <= DEF_ENERGY ? summary_enter(b, c, layer_path(b, c), v, s->n) : -1;
    bool mine;
    Shape items = items_for(b, &frame, &mine);
    for (int i = 0; i < s->n; i++) {
        if (!v[i] || v[i]->kind != VALUE_ARRAY) continue;
        if (s->at[i].type) v[i] = frames[i].n ? hide(b, v[i], frames[i], items) : standard(b, v[i]);
    }
    Context before = b->at;
    for (int i = 0; i < items.n; i++) b->at.hidden = axes_with(b->at.hidden, items.at[i]);
    Value *r = apply_body(b, c, s, v, spans, args->span);
    b->at = before;
    graph_set_origin(b->g, b->at.origin);
    if (mine && frame.n) r = unhide(b, r, items, frame);
    summary_leave(b, row, r);
    if (c->kind != CLOSURE_DEF || c->def->kind != DEF_ENERGY || r->kind != VALUE_ARRAY) return r;
    if (b->at.train) note_energy(b, r->node);
    return as_energy(b, r);
}

static Value *apply_ema(Builder *b, Closure *c, const CallArgs *args)
{
    Context before = b->at;
    b->at.average = c->instance;
    b->at.average_by = c;
    Closure inner = *c->a;
    inner.run = c->run;
    Value *r = apply(b, &inner, args);
    b->at = before;
    if (r->kind != VALUE_ARRAY) return r;
    Value *stopped = ARENA_NEW(b->arena, Value);
    *stopped = *r;
    stopped->node = graph_stop(b->g, r->node);
    return stopped;
}

static Value *apply_infer(Builder *b, Closure *c, const CallArgs *args)
{
    const Infer *infer = c->lambda->infer;
    const CallArg *a = args->at;
    if (args->n != 1 && args->n != infer->names.n) {
        complain(b, "E0332", args->span, "the energy of an inference over %d names is given %d", infer->names.n, args->n);
        return b->none;
    }
    Context before = b->at;
    enter(b, c, c->span, c->owner);
    b->at.items = c->items;
    Scope *scope = scope_new(b, c->scope);
    for (int i = 0; i < infer->names.n; i++) {
        Value *v = args->n == infer->names.n ? a[i].value : a[0].value->kind == VALUE_BUNDLE ? a[0].value->items[i] : b->none;
        if (!asked_fits(c, i, v)) { b->at = before; return b->none; }
        v = with_observed(b, c->given, i, v, c->span);
        bind(b, scope, infer->names.at[i].text, v, infer->names.at[i].span);
    }
    Value *r = eval(b, scope, infer->of);
    b->at = before;
    graph_set_origin(b->g, b->at.origin);
    return r;
}

Value *apply(Builder *b, Closure *c, const CallArgs *args)
{
    if (b->at.depth > 120) {
        complain(b, "E0208", args->span, "calls are nested too deeply: %s seems to call itself", c->name);
        return b->none;
    }
    switch (c->kind) {
    case CLOSURE_BUILTIN: {
        CallArgs all = *args;
        if (c->scale) all.at[all.n++].value = c->scale;      /* classes(n)(x) */
        // cppcheck-suppress returnDanglingLifetime ; a value lives in the arena, not in the arguments
        return c->builtin->call(b, NULL, &all);
    }
    case CLOSURE_SUM: {
        Value *x = apply(b, c->a, args), *y = apply(b, c->b, args);
        return as_energy(b, map_values(b, OP_add, x, y, NULL, args->span, "+"));
    }
    case CLOSURE_SCALE: return as_energy(b, map_values(b, OP_mul, c->scale, apply(b, c->a, args), NULL, args->span, "*"));
    case CLOSURE_EMA:   return apply_ema(b, c, args);
    case CLOSURE_INFER: return apply_infer(b, c, args);
    case CLOSURE_LAMBDA: return apply_signature(b, c, c->lambda->params, args);
    case CLOSURE_DEF: break;
    }
    note_applied(b, c->def);
    if (!c->def->n_signatures) {
        complain(b, "E0332", args->span, "%s takes no arguments", c->name);
        return b->none;
    }
    if (c->def->n_signatures == 2 && !c->configured) {
        CallArgs no_settings = { .n = 0, .span = args->span };
        Value *configured = configure(b, c, &no_settings);
        return configured->kind == VALUE_NONE ? configured : apply(b, configured->fn, args);
    }
    return apply_signature(b, c, operands_of(c), args);
}

Value *apply_values(Builder *b, Closure *closure, Value **values, int n, Span span)
{
    CallArgs args = { .n = 0, .span = span };
    for (int i = 0; i < n; i++) args.at[args.n++] = (CallArg){ .value = values[i], .span = span };
    return apply(b, closure, &args);
}

/* ---- call expressions ---- */

static bool check_builtin(Builder *b, const Builtin *f, CallArgs *args)
{
    if (args->n < f->least || args->n > f->most) {
        const char *count = f->least == f->most ? arena_format(b->arena, "%d", f->most) : arena_format(b->arena, "%d to %d", f->least, f->most);
        Diagnostic *d = complain(b, "E0332", args->span, "%s takes %s argument%s, not %d", f->name, count, f->most == 1 ? "" : "s", args->n);
        bool folds = strstr(f->usage, "[i]") != NULL;       /* mean(x, axis = 0) */
        if (folds) diag_help(d, "along one axis, name it by an index: y[j] = %s[i] x[i,j]; of all values, %s(x)", f->name, f->name);
        else diag_help(d, "use: %s", f->usage);
        return false;
    }
    for (int i = 0; i < args->n; i++) {
        const char *name = args->at[i].name;
        if (!name || !strcmp(f->names, "*")) continue;
        const char *all[16];
        char words[256];
        int n = 0;
        strncpy(words, f->names, sizeof words - 1);
        words[sizeof words - 1] = 0;
        bool found = false;
        char *rest = words;
        for (char *w; (w = strsep(&rest, " ")) && n < 16;) {
            all[n++] = w;
            found |= !strcmp(w, name);
        }
        if (found) continue;
        Diagnostic *d = complain(b, "E0331", args->at[i].span, "%s has no setting called `%s`", f->name, name);
        const char *near = nearest_setting(name, all, n);
        if (near) diag_help(d, "did you mean `%s`?", near);
        else diag_help(d, "use: %s", f->usage);
        return false;
    }
    return true;
}

static Value *not_a_function(Builder *b, const Value *f, Span span)
{
    if (f->kind != VALUE_NONE) {
        Diagnostic *d = complain(b, "E0336", span, "this is %s, which cannot be called", value_text(b, f));
        if (f->kind == VALUE_ARRAY) diag_help(d, "write * to multiply, and [..] to subscript");
    }
    return b->none;
}

/* `zeros` alone takes the shape that is needed; zeros([N]) is a function. */
static Value *zeros_function(Builder *b, Span span)
{
    Closure *c = ARENA_NEW(b->arena, Closure);
    c->kind = CLOSURE_BUILTIN;
    c->builtin = builtin_named("zeros");
    c->name = c->builtin->name;
    c->span = span;
    return function_value(b, c);
}

Value *eval_call(Builder *b, Scope *scope, const Expr *e)
{
    if (is_derivative(e->kid[0])) return eval_derivative(b, scope, e);
    Value *f = eval(b, scope, e->kid[0]);
    if (f->kind == VALUE_ZEROS) f = zeros_function(b, e->kid[0]->span);
    CallArgs args;
    bool fine = eval_args(b, scope, e, &args);
    if (f->kind != VALUE_FUNCTION) return not_a_function(b, f, e->kid[0]->span);
    if (!fine) return b->none;
    stand_at(b, e->span);
    Closure *c = f->fn;
    if (c->kind == CLOSURE_BUILTIN) return check_builtin(b, c->builtin, &args) ? apply(b, c, &args) : b->none;
    if (c->kind == CLOSURE_DEF && c->def->n_signatures == 2 && !c->configured) return configure(b, c, &args);
    return apply(b, c, &args);
}

/* Arguments that a function cannot do without. */
static int least_arguments(const Closure *c)
{
    if (c->kind == CLOSURE_BUILTIN) return c->builtin->least;
    if (c->kind != CLOSURE_DEF || c->configured || c->def->n_signatures != 1) return 0;
    int n = 0;
    for (int i = 0; i < c->def->signatures[0].n; i++) n += !c->def->signatures[0].at[i].preset;
    return n;
}

/* x |> f(a) where f(a) alone wants an argument more: f(x, a).  Null if it does not. */
static Value *complete_call(Builder *b, Scope *scope, Value *x, const Expr *e)
{
    const Expr *call = e->kid[1];
    if (call->kind != EXPR_CALL || call->kid[0]->kind != EXPR_NAME || !call->n_args) return NULL;
    Value *f = eval(b, scope, call->kid[0]);
    CallArgs rest, args;
    if (f->kind != VALUE_FUNCTION || call->n_args + 1 != least_arguments(f->fn) || call->n_args >= MAX_ARGS) return NULL;
    if (!eval_args(b, scope, call, &rest)) return b->none;
    args = (CallArgs){ .n = rest.n + 1, .span = rest.span };
    args.at[0] = (CallArg){ .value = x, .span = e->kid[0]->span, .expr = e->kid[0] };
    memcpy(args.at + 1, rest.at, (size_t)rest.n * sizeof *args.at);
    stand_at(b, call->span);
    return f->fn->kind != CLOSURE_BUILTIN || check_builtin(b, f->fn->builtin, &args) ? apply(b, f->fn, &args) : b->none;
}

/* x |> f, x |> f(settings) */
Value *eval_pipe(Builder *b, Scope *scope, const Expr *e)
{
    Value *x = eval(b, scope, e->kid[0]);
    Value *done = complete_call(b, scope, x, e);
    if (done) return done;
    Value *f = eval(b, scope, e->kid[1]);
    if (f->kind != VALUE_FUNCTION) {
        if (f->kind != VALUE_NONE) {
            Diagnostic *d = complain(b, "E0336", e->kid[1]->span, "|> needs a function on its right, but this is %s", value_text(b, f));
            diag_help(d, "x |> f(settings) is f(settings)(x)");
        }
        return b->none;
    }
    if (x->kind == VALUE_NONE) return x;
    stand_at(b, e->kid[1]->span);
    CallArgs args = { .n = 1, .span = e->kid[1]->span };
    args.at[0] = (CallArg){ .value = x, .span = e->kid[0]->span, .expr = e->kid[0] };
    if (f->fn->kind == CLOSURE_BUILTIN && !check_builtin(b, f->fn->builtin, &args)) return b->none;
    return apply(b, f->fn, &args);
}

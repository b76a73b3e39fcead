/* action.c: claims, pictures, prints and saves. */
#include <string.h>
#include <strings.h>
#include "lang/graph/builder.h"

/* A slot for a value: of its own, filled once, at top level; an output of the step inside a train. */
static uint32_t slot_for(Builder *b, Action *action, const char *name, Value *v)
{
    v = standard(b, v);
    if (b->at.train) return output_slot(b, &action->program, name, v);
    if (v->node->op == OP_slot) {
        const Slot *s = &b->script.store->slots[v->node->key];
        Shape shape = s->shape;
        bool same = shape.n == v->shape.n && !b->script.fills[v->node->key].is_copy;
        for (int i = 0; same && i < shape.n; i++) same = shape.at[i] == v->shape.at[i];
        if (same) return (uint32_t)v->node->key;
    }
    return slot_of_value(b, name, v, action->span);
}

/* Both sides of a comparison of scalars, and its sign; null if `e` is no such comparison. */
const char *scalar_comparison(Builder *b, Scope *scope, const Expr *e, Value *side[2])
{
    static const char *const sign[] = { [BINARY_LT] = "<", [BINARY_GT] = ">", [BINARY_LE] = "<=", [BINARY_GE] = ">=", [BINARY_EQ] = "==", [BINARY_NE] = "!=" };
    bool compares = e->kind == EXPR_BINARY && e->op >= BINARY_LT && e->op <= BINARY_NE;
    for (int i = 0; compares && i < 2; i++) {
        side[i] = eval(b, scope, e->kid[i]);
        compares = side[i]->kind == VALUE_ARRAY && !side[i]->shape.n;
    }
    return compares ? sign[e->op] : NULL;
}

static void claim_action(Builder *b, Scope *scope, const Stmt *s, Action *a)
{
    const Expr *e = s->value;
    Value *v = eval(b, scope, e);
    a->kind = ACTION_CLAIM;
    if (v->kind == VALUE_NONE) return;
    if (v->kind != VALUE_ARRAY || v->shape.n || v->domain.kind != CLASS_WHOLE || v->domain.low < 0 || v->domain.high > 1) {
        Diagnostic *d = complain(b, "E0470", e->span, "a claim is something that holds or not, but this is %s", value_text(b, v));
        if (v->shape.n && v->domain.kind == CLASS_WHOLE) diag_help(d, "one claim is one truth value: all(%s), any(..), or a claim on a mean", expr_text(b, e));
        else diag_help(d, "compare it: claim mmd(a, b) < 0.02 \"..\"");
        return;
    }
    a->values = ARENA_ARRAY(b->arena, uint32_t, 3);
    a->labels = ARENA_ARRAY(b->arena, const char *, 3);
    Value *side[2] = { NULL, NULL };
    a->comparison = scalar_comparison(b, scope, e, side);
    const char *text = s->string ? s->string : expr_text(b, e);
    a->program = program_new(b, 3);
    a->values[a->n_values++] = output_slot(b, &a->program, arena_format(b->arena, "claim: %s", text), v);
    for (int i = 0; a->comparison && i < 2; i++) a->values[i + 1] = output_slot(b, &a->program, expr_text(b, e->kid[i]), side[i]);
    a->labels[0] = text;
    a->string = text;
}

static void show_plot(Builder *b, const Value *v, Action *a)
{
    a->n_layers = v->n_layers;
    a->layers = ARENA_ARRAY(b->arena, PlotLayer, v->n_layers);
    for (int i = 0; i < v->n_layers; i++) {
        a->layers[i] = v->layers[i];
        const char *label = v->layers[i].label ? v->layers[i].label : "plot";
        a->layers[i].slot = slot_for(b, a, arena_format(b->arena, "shown: %s", label), v->items[i]);
    }
}

/* Everything of a value that can be printed, with a label each. */
static void print_value(Builder *b, Action *a, const char *label, Value *v, Span span)
{
    switch (v->kind) {
    case VALUE_NONE: return;
    case VALUE_ARRAY: {
        if (a->n_values >= 63) return;
        a->labels[a->n_values] = label;
        a->values[a->n_values++] = slot_for(b, a, label, v);
        return;
    }
    case VALUE_RECORD:
        for (Field *f = v->fields; f; f = f->next) print_value(b, a, arena_format(b->arena, "%s.%s", label, f->name), f->value, span);
        return;
    case VALUE_BUNDLE:
        for (int i = 0; i < v->n_items; i++) print_value(b, a, arena_format(b->arena, "%s %d", label, i), v->items[i], span);
        return;
    case VALUE_TEXTS:
        if (a->n_values >= 63) return;
        a->labels[a->n_values] = arena_format(b->arena, "%s: %s, the first: \"%s\"", label, value_text(b, v), v->texts->n ? v->texts->at[0] : "");
        a->values[a->n_values++] = TEXT_ONLY;
        return;
    case VALUE_STRING:
        if (a->n_values >= 63) return;
        a->labels[a->n_values] = v->string;
        a->values[a->n_values++] = TEXT_ONLY;
        return;
    default:
        complain(b, "E0471", span, "%s cannot be printed", value_text(b, v));
    }
}

static void print_action(Builder *b, Scope *scope, const Exprs *list, Action *a)
{
    a->kind = ACTION_PRINT;
    a->values = ARENA_ARRAY(b->arena, uint32_t, 64);
    a->labels = ARENA_ARRAY(b->arena, const char *, 64);
    uint64_t chain = b->at.chain;
    for (int i = 0; i < list->n; i++) {
        b->at.chain = chain;
        place_at(b, list->at[i], NULL);
        print_value(b, a, expr_text(b, list->at[i]), eval(b, scope, list->at[i]), list->at[i]->span);
    }
}

/* The endings that vm/draw writes. */
static void check_picture_name(Builder *b, const Stmt *s)
{
    static const char *const endings[] = { ".png", ".svg", ".pdf" };
    const char *ending = s->string ? strrchr(s->string, '.') : NULL;
    for (size_t i = 0; ending && i < 3; i++) if (!strcasecmp(ending, endings[i])) return;
    if (!s->string) return;
    Diagnostic *d = complain(b, "E0471", s->string_span.source ? s->string_span : s->span, "pictures are written as .png, .svg or .pdf");
    diag_help(d, "let the name end so: \"%.*s.png\"", ending ? (int)(ending - s->string) : (int)strlen(s->string), s->string);
}

static void show_action(Builder *b, Scope *scope, const Stmt *s, Action *a)
{
    check_picture_name(b, s);
    Value *v = eval(b, scope, s->value);
    if (v->kind == VALUE_NONE) return;
    if (v->kind == VALUE_PLOT) { a->kind = ACTION_SHOW; show_plot(b, v, a); return; }
    if (s->string) {
        Diagnostic *d = complain(b, "E0471", s->value->span, "only a plot goes into a picture, but this is %s", value_text(b, v));
        diag_help(d, "scatter(..), curve(..), images(..), heat(..), contour(..), arrows(..), table(..)");
        return;
    }
    Exprs one = { 1, (Expr **)&s->value };
    print_action(b, scope, &one, a);
}

static void save_action(Builder *b, Scope *scope, const Stmt *s, Action *a)
{
    a->kind = ACTION_SAVE;
    Value *v = eval(b, scope, s->value);
    if (v->kind == VALUE_NONE) return;
    if (v->kind == VALUE_RUN) { a->saved = v->run; return; }
    if (v->kind == VALUE_STRING) {
        diag_help(complain(b, "E0471", s->value->span, "save writes arrays and runs, but this is a string"), "save fit -> \"model.safetensors\"");
        return;
    }
    a->values = ARENA_ARRAY(b->arena, uint32_t, 64);
    a->labels = ARENA_ARRAY(b->arena, const char *, 64);
    print_value(b, a, expr_text(b, s->value), v, s->value->span);
    for (int i = 0; i < a->n_values; i++)
        if (a->values[i] == TEXT_ONLY) {
            diag_help(complain(b, "E0471", s->value->span, "save writes arrays and runs, but a part of this is text"), "save the arrays that are made of it");
            return;
        }
}

void build_action(Builder *b, Scope *scope, const Stmt *s, Action *a)
{
    const Expr *root = b->at.root;
    uint64_t chain = b->at.chain;
    if (s->value) place_at(b, s->value, NULL);
    memset(a, 0, sizeof *a);
    a->span = s->span;
    a->string = s->string;
    a->program = program_new(b, 64);
    stand_at(b, s->span);
    switch (s->kind) {
    case STMT_CLAIM: claim_action(b, scope, s, a); break;
    case STMT_SHOW:  show_action(b, scope, s, a); break;
    case STMT_PRINT: print_action(b, scope, &s->list, a); break;
    case STMT_SAVE:  save_action(b, scope, s, a); break;
    default: break;
    }
    b->at.root = root;
    b->at.chain = chain;
}

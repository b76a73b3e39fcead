/* report.c: mistakes found while building.  A mistake inside library text is shown at the user's call, the inner place in a note. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "lang/graph/builder.h"

static bool is_library(Span span)
{
    return span.source && span.source->name[0] == '<' && strncmp(span.source->name, "<prompt", 7) != 0;
}

/* The nearest place in the user's own text, going out through the calls. */
static Span users_span(const Builder *b, Span span)
{
    if (!is_library(span)) return span;
    for (const Origin *o = b->at.origin; o; o = o->caller)
        if (o->span.source && !is_library(o->span)) return o->span;
    return span;
}

static Diagnostic *report(Builder *b, Severity severity, const char *code, Span span, const char *format, va_list list)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, list);
    Span shown = users_span(b, span);
    Diagnostic *d = severity == SEVERITY_ERROR ? diag_error(b->diagnostics, code, shown, "%s", text) : diag_warning(b->diagnostics, code, shown, "%s", text);
    if (span.source != shown.source && d && !d->notes)
        diag_note(d, span, "it arises here, inside the library%s%s", b->at.what ? ", in " : "", b->at.what ? b->at.what : "");
    return d;
}

Diagnostic *complain(Builder *b, const char *code, Span span, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    Diagnostic *d = report(b, SEVERITY_ERROR, code, span, format, list);
    va_end(list);
    return d;
}

Diagnostic *warn(Builder *b, const char *code, Span span, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    Diagnostic *d = report(b, SEVERITY_WARNING, code, span, format, list);
    va_end(list);
    return d;
}

const char *nearest_setting(const char *written, const char *const *known, int n)
{
    static const struct { const char *elsewhere, *here; } words[] = {
        { "learning_rate", "lr" }, { "step_size", "step" }, { "stepsize", "step" }, { "num_steps", "steps" }, { "n_steps", "steps" }, { "k", "steps" },
        { "iterations", "steps" }, { "n_iter", "steps" }, { "max_iter", "steps" }, { "weight_decay", "decay" }, { "beta1", "b1" }, { "beta2", "b2" },
        { "beta_1", "b1" }, { "beta_2", "b2" }, { "epsilon", "eps" }, { "batch_size", "batch" }, { "max_norm", "norm" }, { "buffer_size", "pool" },
        { "reinit_prob", "fresh" }, { "n_samples", "rows" }, { "kernel_size", "size" }, { "out_features", "O" }, { "units", "O" }, { "use_bias", "bias" },
    };
    const char *near = nearest_name(written, known, n);
    for (size_t i = 0; !near && i < sizeof words / sizeof words[0]; i++)
        for (int k = 0; k < n && !strcmp(words[i].elsewhere, written); k++)
            if (!strcmp(words[i].here, known[k])) near = known[k];
    return near;
}

void stand_at(Builder *b, Span span)
{
    const Origin *o = b->at.origin;
    if (!o || o->span.source != span.source || o->span.start != span.start || o->span.end != span.end) {
        Origin *fresh = ARENA_NEW(b->arena, Origin);
        fresh->span = span;
        fresh->what = b->at.what;
        fresh->caller = o ? o->caller : NULL;
        b->at.origin = fresh;
    }
    graph_set_origin(b->g, b->at.origin);
}

const char *shape_text(Builder *b, Shape shape)
{
    char text[256] = "[";
    size_t at = 1;
    for (int i = 0; i < shape.n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%lld", i ? ", " : "", (long long)axis_size(shape.at[i]));
    snprintf(text + at, sizeof text - at, "]");
    return arena_copy(b->arena, text, strlen(text));
}

/* Of a few arrays, their shapes. */
static const char *bundle_text(Builder *b, const Value *v)
{
    if (v->n_items < 2 || v->n_items > 3) return "a bundle of cells";
    const char *last = shape_text(b, v->items[v->n_items - 1]->shape), *text = shape_text(b, v->items[0]->shape);
    if (v->n_items == 3) text = arena_format(b->arena, "%s, %s", text, shape_text(b, v->items[1]->shape));
    return arena_format(b->arena, "a bundle of arrays %s and %s", text, last);
}

const char *value_text(Builder *b, const Value *v)
{
    switch (v->kind) {
    case VALUE_NONE:     return "nothing";
    case VALUE_ARRAY:
        if (v->unit != UNIT_NONE) return "a quantity";
        if (v->shape.n == 0) return v->domain.kind == CLASS_WHOLE ? "a whole number" : "a number";
        return arena_format(b->arena, "an array %s", shape_text(b, v->shape));
    case VALUE_FUNCTION: return arena_format(b->arena, "the function %s", v->fn->name ? v->fn->name : "given");
    case VALUE_RECORD:   return "a record";
    case VALUE_STRING:   return "a string";
    case VALUE_TEXTS:    return arena_format(b->arena, "a list of %lld text%s", (long long)v->texts->n, v->texts->n == 1 ? "" : "s");
    case VALUE_SHAPE:    return "a shape";
    case VALUE_BUNDLE:   return bundle_text(b, v);
    case VALUE_PLOT:     return "a plot";
    case VALUE_RUN:      return "a train";
    case VALUE_MODULE:   return "a used file";
    case VALUE_ZEROS:    return "zeros";
    }
    return "";
}

/* session_act.c: what claim, print, show and save do once their values are computed. */
#define _GNU_SOURCE
#include "lang/session_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "vm/draw/draw.h"

enum { PICTURE_COLUMNS = 78 };

/* ---- values as text ---- */

enum { SHOWN_ROWS = 8, SHOWN_COLUMNS = 10 };

static void write_number(FILE *out, double value)
{
    if (value == floor(value) && fabs(value) < 1e9) fprintf(out, "%.0f", value);
    else fprintf(out, "%.6g", value);
}

/* The values from `at` on of the axes from `axis` on: innermost ones on a line, long ones cut short in the middle of nothing. */
static void write_values(FILE *out, const Store *store, uint32_t slot, int axis, int64_t at, int indent)
{
    const Shape *shape = &store->slots[slot].shape;
    if (axis == shape->n) {
        write_number(out, slot_value(store, slot, at));
        return;
    }
    int64_t size = axis_size(shape->at[axis]), stride = 1;
    for (int i = axis + 1; i < shape->n; i++) stride *= axis_size(shape->at[i]);
    bool innermost = axis == shape->n - 1;
    int64_t shown = innermost ? SHOWN_COLUMNS : SHOWN_ROWS;
    fputc('[', out);
    for (int64_t i = 0; i < size && i < shown; i++) {
        if (i) fputs(innermost ? ", " : ",", out);
        if (i && !innermost) fprintf(out, "\n%*s", indent + 1, "");
        write_values(out, store, slot, axis + 1, at + i * stride, indent + 1);
    }
    if (size > shown) {
        if (innermost) fprintf(out, ", .. %lld more", (long long)(size - shown));
        else fprintf(out, ",\n%*s.. %lld more", indent + 1, "", (long long)(size - shown));
    }
    fputc(']', out);
}

static void write_shape(FILE *out, const Shape *shape)
{
    fputc('[', out);
    for (int i = 0; i < shape->n; i++) fprintf(out, "%s%lld", i ? ", " : "", (long long)axis_size(shape->at[i]));
    fputc(']', out);
}

char *slot_text(const Store *store, uint32_t slot, const char *label)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out) return NULL;
    const Shape *shape = &store->slots[slot].shape;
    if (label) fprintf(out, "%s", label);
    if (label && shape->n) fputs(": ", out);
    if (shape->n) write_shape(out, shape);
    if (label || shape->n) fputs(" =", out);
    if (shape->n > 1) fputs("\n", out);
    else if (label || shape->n) fputc(' ', out);
    write_values(out, store, slot, 0, 0, 0);
    fputc('\n', out);
    fclose(out);
    return text;
}

/* ---- print ---- */

static bool print_values(Session *session, const Action *action, const char *train, int64_t step)
{
    for (int i = 0; i < action->n_values; i++) {
        const char *label = action->labels ? action->labels[i] : NULL;
        char *text = NULL;
        if (action->values[i] != TEXT_ONLY) text = slot_text(session->script->store, action->values[i], label);
        else if (asprintf(&text, "%s\n", label ? label : "") < 0) text = NULL;
        if (!text) return false;
        session_tell(session, &(EbmEvent){ .kind = EBM_PRINTED, .train = train, .step = step, .text = text });
        free(text);
    }
    return true;
}

/* ---- claim ---- */

static bool record_claim(Session *session, const char *text, char *detail, bool holds)
{
    ClaimResult *claims = realloc(session->claims, (size_t)(session->n_claims + 1) * sizeof *claims);
    if (!claims) return false;
    session->claims = claims;
    claims[session->n_claims++] = (ClaimResult){ text, detail, holds };
    return true;
}

static bool judge(Session *session, const Action *action)
{
    const Store *store = session->script->store;
    bool holds = fabs(slot_value(store, action->values[0], 0)) > 0;
    char *detail = NULL;
    if (action->comparison &&
        asprintf(&detail, "%.4g %s %.4g", slot_value(store, action->values[1], 0), action->comparison,
                 slot_value(store, action->values[2], 0)) < 0)
        return false;
    session_tell(session, &(EbmEvent){ .kind = EBM_CLAIM, .text = action->string, .detail = detail, .holds = holds });
    if (record_claim(session, action->string, detail, holds)) return true;
    free(detail);
    return false;
}

/* ---- show ---- */

static const DrawKind draw_kinds[] = {
    [PLOT_CONTOUR] = DRAW_CONTOUR, [PLOT_SCATTER] = DRAW_SCATTER, [PLOT_ARROWS] = DRAW_ARROWS,
    [PLOT_CURVE] = DRAW_CURVE, [PLOT_IMAGES] = DRAW_IMAGES, [PLOT_HEAT] = DRAW_HEAT,
    [PLOT_TABLE] = DRAW_TABLE
};

/* Rows of a curve that the run reached. */
static int64_t curve_rows(const double *data, int64_t n)
{
    while (n > 0 && isnan(data[n - 1])) n--;
    return n;
}

/* The layer with its values as doubles, which are the caller's to free. */
static bool make_layer(const Session *session, const PlotLayer *plot, DrawLayer *layer)
{
    const Store *store = session->script->store;
    const Train *writer = session->slots[plot->slot].writer;
    const Slot *slot = &store->slots[plot->slot];
    int64_t count = slot_count(slot);
    double *data = calloc((size_t)count + 1, sizeof *data);
    if (!data) return false;
    for (int64_t i = 0; i < count; i++) data[i] = slot_value(store, plot->slot, i);
    *layer = (DrawLayer){ .kind = draw_kinds[plot->kind], .label = plot->label, .data = data, .every = plot->every };
    memcpy(layer->box, plot->box, sizeof layer->box);
    if (plot->every > 0 && writer) layer->box[1] = (double)writer->recorded_at;
    layer->rank = slot->shape.n < 4 ? slot->shape.n : 4;
    for (int i = 0; i < layer->rank; i++) layer->dims[i] = axis_size(slot->shape.at[i]);
    if (plot->kind == PLOT_CURVE && layer->rank == 1) layer->dims[0] = curve_rows(data, layer->dims[0]);
    return true;
}

static bool write_picture(Session *session, const Action *action, const DrawLayer *layers)
{
    char *path = session_out_path(session, action->string, action->span);
    if (!path) return false;
    const char *error = draw(path, layers, action->n_layers, NULL);
    if (error) diag_error(session->diagnostics, "E0612", action->span, "\"%s\" was not drawn: %s", action->string, error)->fault = FAULT_MACHINE;
    else session_tell(session, &(EbmEvent){ .kind = EBM_WROTE, .text = path });
    free(path);
    return !error;
}

/* Layers without a picture of their own kind are shown as numbers. */
static bool show_numbers(Session *session, const Action *action)
{
    for (int i = 0; i < action->n_layers; i++) {
        char *text = slot_text(session->script->store, action->layers[i].slot, action->layers[i].label);
        if (!text) return false;
        session_tell(session, &(EbmEvent){ .kind = EBM_PRINTED, .text = text });
        free(text);
    }
    return true;
}

static bool draw_layers(Session *session, const Action *action, const DrawLayer *layers)
{
    bool well = !action->string || write_picture(session, action, layers);
    char *text = draw_text(layers, action->n_layers, PICTURE_COLUMNS);
    if (text) session_tell(session, &(EbmEvent){ .kind = EBM_PICTURE, .text = text, .detail = action->string });
    else if (!action->string) well = show_numbers(session, action);
    free(text);
    return well;
}

static bool show(Session *session, const Action *action)
{
    DrawLayer *layers = calloc((size_t)action->n_layers + 1, sizeof *layers);
    bool well = layers != NULL;
    for (int i = 0; well && i < action->n_layers; i++) well = make_layer(session, &action->layers[i], &layers[i]);
    well = well && draw_layers(session, action, layers);
    for (int i = 0; layers && i < action->n_layers; i++) free((double *)(uintptr_t)layers[i].data);
    free(layers);
    return well;
}

/* ---- any of them ---- */

static bool ensure_values(Session *session, const Action *action)
{
    for (int i = 0; i < action->n_values; i++)
        if (action->values[i] != TEXT_ONLY && !session_ensure(session, action->values[i])) return false;
    for (int i = 0; i < action->n_layers; i++)
        if (!session_ensure(session, action->layers[i].slot)) return false;
    return true;
}

static bool keep_save(Session *session, const Action *action)
{
    Action *saves = realloc(session->saves, (size_t)(session->n_saves + 1) * sizeof *saves);
    if (!saves) return false;
    session->saves = saves;
    saves[session->n_saves++] = *action;
    session->claims_at_save = session->n_claims;
    return true;
}

bool session_act(Session *session, Action *action, RunKey key, const char *train, int64_t step)
{
    static const char *const labels[] = { [ACTION_TRAIN] = "train", [ACTION_CLAIM] = "claim", [ACTION_PRINT] = "print", [ACTION_SHOW] = "show", [ACTION_SAVE] = "save" };
    if (!session_compute(session, &action->program, key, labels[action->kind])) return false;
    if (!ensure_values(session, action)) return false;
    switch (action->kind) {
    case ACTION_TRAIN: return session_train(session, action->train);
    case ACTION_CLAIM: return judge(session, action);
    case ACTION_PRINT: return print_values(session, action, train, step);
    case ACTION_SHOW:  return show(session, action);
    case ACTION_SAVE:
        if (!session_save(session, action)) return false;
        return keep_save(session, action);
    }
    return false;
}

/* session_state.c: a state from which a train goes on as if it had not been ended: checkpoints, and what Ctrl-C leaves.
 *
 * It is a saved model with more in it: the train's cells as in any model, its curves under "record.", the cells and curves of the trains done
 * before it under their names ("pretrain/f.dense1.W", "pretrain/record.error"), and how far it is as "ebm.place" in the metadata. */
#define _GNU_SOURCE
#include "lang/session_inside.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- what a state holds ---- */

/* Slots with their names in the file; both are owned. */
typedef struct Kept { int n, room; uint32_t *slots; char **names; } Kept;

static void kept_free(Kept *kept)
{
    for (int i = 0; i < kept->n; i++) free(kept->names[i]);
    free(kept->names);
    free(kept->slots);
}

static bool keep(Kept *kept, uint32_t slot, const char *train, const char *kind, const char *name)
{
    if (kept->n == kept->room) {
        int room = kept->room ? 2 * kept->room : 64;
        uint32_t *slots = realloc(kept->slots, (size_t)room * sizeof *slots);
        if (slots) kept->slots = slots;
        char **names = realloc(kept->names, (size_t)room * sizeof *names);
        if (names) kept->names = names;
        if (!slots || !names) return false;
        kept->room = room;
    }
    if (asprintf(&kept->names[kept->n], "%s%s%s%s", train ? train : "", train ? "/" : "", kind, name) < 0) return false;
    kept->slots[kept->n++] = slot;
    return true;
}

/* prefix: the train's name, or null for the one that goes on. */
static bool keep_train(Kept *kept, const Train *train, const char *prefix)
{
    bool well = true;
    for (int i = 0; well && i < train->n_cells; i++)
        well = keep(kept, train->cells[i], prefix, train->is_state[i] ? "state." : "", train->cell_names[i]);
    for (int e = 0; e < train->n_everys; e++)
        for (int r = 0; well && r < train->everys[e].n_records; r++)
            well = keep(kept, train->everys[e].records[r].curve, prefix, "record.", train->everys[e].records[r].name);
    return well;
}

/* ---- saving ---- */

static char *place_text(const Script *script, const Train *train, const RunPlace *place)
{
    json_t *rows = json_array(), *done = json_array();
    for (int e = 0; e < train->n_everys; e++) json_array_append_new(rows, json_integer(place->rows[e]));
    for (int i = 0; i < script->n_actions; i++) {
        const Train *other = script->actions[i].kind == ACTION_TRAIN ? script->actions[i].train : NULL;
        if (other && other != train && other->done) json_array_append_new(done, json_string(other->name));
    }
    json_t *about = json_pack("{s:I, s:I, s:o, s:o}", "step", (json_int_t)place->step, "attempt", (json_int_t)place->attempt, "rows", rows, "done", done);
    /* Only a run that time limits depends on it; any other gives the same bytes each time. */
    if (about && train->seconds > 0) json_object_set_new(about, "seconds", json_real(place->seconds));
    char *text = about ? json_dumps(about, JSON_COMPACT) : NULL;
    json_decref(about);
    return text;
}

bool session_save_state(Session *session, const Train *train, const RunPlace *place, const char *file)
{
    const Script *script = session->script;
    Kept kept = { 0 };
    bool well = keep_train(&kept, train, NULL);
    for (int i = 0; well && i < script->n_actions; i++) {
        const Train *other = script->actions[i].kind == ACTION_TRAIN ? script->actions[i].train : NULL;
        if (other && other != train && other->done) well = keep_train(&kept, other, other->name);
    }
    char *text = place_text(script, train, place);
    SavedArray *arrays = calloc((size_t)kept.n + 1, sizeof *arrays);
    well = well && text && arrays;
    for (int i = 0; well && i < kept.n; i++) arrays[i] = slot_array(script->store, kept.slots[i], kept.names[i]);
    well = well && session_write_model(session, file, train->span, train->name, text, arrays, kept.n);
    free(arrays);
    free(text);
    kept_free(&kept);
    return well;
}

/* ---- going on ---- */

static const int64_t MOST_ROWS = (int64_t)1 << 40;

static bool refuse(Session *session, const char *path, const char *why, const char *name)
{
    Diagnostic *d = diag_error(session->diagnostics, "E0813", (Span){ 0 }, "'%s' cannot be resumed: %s%s%s%s", path, why, name ? " '" : "",
                               name ? name : "", name ? "'" : "");
    d->fault = FAULT_MACHINE;
    diag_help(d, "a state is what Ctrl-C and `checkpoint every` save; `ebm run` runs the text of any saved model from its start");
    return false;
}

static Train *train_named(const Script *script, const char *name)
{
    for (int i = 0; name && i < script->n_actions; i++)
        if (script->actions[i].kind == ACTION_TRAIN && !strcmp(script->actions[i].train->name, name)) return script->actions[i].train;
    return NULL;
}

static int array_named(const DataFile *file, const char *name)
{
    for (int i = 0; i < data_arrays(file); i++)
        if (!strcmp(data_array(file, i)->name, name)) return i;
    return -1;
}

static bool same_shape(const DataArray *array, const Shape *shape)
{
    if (array->rank != shape->n) return false;
    for (int i = 0; i < array->rank; i++)
        if (array->dims[i] != axis_size(shape->at[i])) return false;
    return true;
}

static bool fill_kept(Session *session, DataFile *file, const char *path, const Kept *kept)
{
    Store *store = session->script->store;
    for (int i = 0; i < kept->n; i++) {
        Slot *slot = &store->slots[kept->slots[i]];
        int at = array_named(file, kept->names[i]);
        if (at < 0) return refuse(session, path, "it does not hold", kept->names[i]);
        if (!same_shape(data_array(file, at), &slot->shape)) return refuse(session, path, "another shape than in the text has", kept->names[i]);
        char *error = data_read(file, at, slot_memory(store, kept->slots[i]), store->precision);
        if (error) {
            refuse(session, path, error, NULL);
            free(error);
            return false;
        }
        slot->filled = true;
    }
    return true;
}

/* What the place says: the train that goes on, and in `kept` the slots of it and of the trains done, which are marked so. */
static bool take_place(Session *session, const char *path, const json_t *about, Train *train, Kept *kept)
{
    json_t *rows = json_object_get(about, "rows"), *done = json_object_get(about, "done");
    RunPlace place = { .step = json_integer_value(json_object_get(about, "step")), .seconds = json_number_value(json_object_get(about, "seconds")),
                       .attempt = (uint64_t)json_integer_value(json_object_get(about, "attempt")) };
    if (place.step < 0 || json_array_size(rows) != (size_t)train->n_everys) return refuse(session, path, "its place is not one of the train", train->name);
    place.rows = calloc((size_t)train->n_everys + 1, sizeof *place.rows);
    bool well = place.rows && keep_train(kept, train, NULL);
    for (int e = 0; well && e < train->n_everys; e++) {
        place.rows[e] = json_integer_value(json_array_get(rows, (size_t)e));
        if (place.rows[e] < 0 || place.rows[e] > MOST_ROWS) well = refuse(session, path, "its place is not one of the train", train->name);
    }
    for (size_t i = 0; well && i < json_array_size(done); i++) {
        const char *name = json_string_value(json_array_get(done, i));
        Train *other = train_named(session->script, name);
        if (!other || other == train) well = refuse(session, path, "the text has no train", name ? name : "");
        else well = keep_train(kept, other, other->name);
    }
    free(session->place.rows);
    session->place = place;
    return well;
}

static void mark_done(const Script *script, const json_t *about)
{
    const json_t *done = json_object_get(about, "done");
    for (size_t i = 0; i < json_array_size(done); i++) train_named(script, json_string_value(json_array_get(done, i)))->done = true;
}

bool session_resume(Session *session, const char *path)
{
    char *place = safetensors_text(path, "ebm.place"), *name = safetensors_text(path, "ebm.train"), *error = NULL;
    json_t *about = place ? json_loads(place, 0, NULL) : NULL;
    Train *train = train_named(session->script, name);
    DataFile *file = data_open(path, &error);
    Kept kept = { 0 };
    bool well;
    if (!file) well = refuse(session, path, error ? error : "out of memory", NULL);
    else if (!about) well = refuse(session, path, "it holds no place to go on from", NULL);
    else if (!train) well = refuse(session, path, "the text has no train", name ? name : "");
    else well = take_place(session, path, about, train, &kept) && fill_kept(session, file, path, &kept);
    if (well) {
        mark_done(session->script, about);
        session->resumed = train;
    }
    kept_free(&kept);
    data_close(file);
    json_decref(about);
    free(error);
    free(name);
    free(place);
    return well;
}

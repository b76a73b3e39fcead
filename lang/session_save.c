/* session_save.c: files of results: where they may be written, and what a saved model tells of itself.
 *
 * A saved model is a safetensors file.  Its arrays carry the names of the text ("f.dense1.W"), states stand under "state.".  Its metadata
 * hold the text, seed, options, digests of data and the claims with their results, and no date: the same run gives the same bytes. */
#define _GNU_SOURCE
#include "lang/session_inside.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- places ---- */

static bool stays_inside(const char *file)
{
    if (!*file || *file == '/') return false;
    for (const char *part = file; *part;) {
        size_t length = strcspn(part, "/");
        if (length == 2 && !strncmp(part, "..", 2)) return false;
        part += length;
        part += *part == '/';
    }
    return true;
}

/* Makes the folders a path stands in. */
static bool make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        bool there = !mkdir(path, 0777) || errno == EEXIST;
        *slash = '/';
        if (!there) return false;
    }
    return true;
}

char *session_out_path(Session *session, const char *file, Span span)
{
    if (!stays_inside(file)) {
        Diagnostic *d = diag_error(session->diagnostics, "E0810", span, "\"%s\" is outside the output folder", file);
        diag_help(d, "name a file below it, such as \"pictures/a.png\"; `ebm run --out DIR` chooses the folder");
        return NULL;
    }
    const char *out = session->options.out_dir;
    char *path = NULL;
    if (asprintf(&path, "%s%s%s", out ? out : "", out && *out ? "/" : "", file) < 0) return NULL;
    if (make_folders(path)) return path;
    diag_error(session->diagnostics, "E0811", span, "the folder of \"%s\" cannot be made: %s", path, strerror(errno))->fault = FAULT_MACHINE;
    free(path);
    return NULL;
}

/* ---- what a model tells of itself ---- */

static void write_json_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\') fprintf(out, "\\%c", *c);
        else if (*c == '\n') fputs("\\n", out);
        else if (*c < 0x20) fprintf(out, "\\u%04x", *c);
        else fputc(*c, out);
    }
    fputc('"', out);
}

static void write_options(FILE *out, const Script *script)
{
    fputc('{', out);
    for (int i = 0; i < script->n_options; i++) {
        if (i) fputs(", ", out);
        write_json_text(out, script->options[i].name);
        fprintf(out, ": %.17g", script->options[i].value);
    }
    fputc('}', out);
}

static void write_digests(FILE *out, const Script *script)
{
    fputc('{', out);
    for (int i = 0; i < script->n_digests; i++) {
        if (i) fputs(", ", out);
        write_json_text(out, script->digests[i].path);
        fputs(": ", out);
        char *digest = script->digests[i].digest ? NULL : data_digest(script->digests[i].path);
        write_json_text(out, script->digests[i].digest ? script->digests[i].digest : digest ? digest : "unreadable");
        free(digest);
    }
    fputc('}', out);
}

static const ClaimResult *claim_result(const Session *session, const char *text)
{
    for (int i = session->n_claims; i-- > 0;)
        if (!strcmp(session->claims[i].text, text)) return &session->claims[i];
    return NULL;
}

static void write_claims(FILE *out, const Session *session)
{
    const Script *script = session->script;
    int n = 0;
    fputc('[', out);
    for (int i = 0; i < script->n_actions; i++) {
        if (script->actions[i].kind != ACTION_CLAIM) continue;
        const ClaimResult *result = claim_result(session, script->actions[i].string);
        fprintf(out, "%s{\"claim\": ", n++ ? ", " : "");
        write_json_text(out, script->actions[i].string);
        if (result) fprintf(out, ", \"holds\": %s", result->holds ? "true" : "false");
        if (result && result->detail) {
            fputs(", \"detail\": ", out);
            write_json_text(out, result->detail);
        }
        fputc('}', out);
    }
    fputc(']', out);
}

enum { MAX_TEXTS = 11 };

/* The metadata: keys are constants, texts are owned. */
typedef struct Metadata { int n; const char *keys[MAX_TEXTS]; char *texts[MAX_TEXTS]; } Metadata;

static FILE *open_text(Metadata *metadata, const char *key, size_t *length)
{
    metadata->keys[metadata->n] = key;
    return open_memstream(&metadata->texts[metadata->n++], length);
}

static void add_text(Metadata *metadata, const char *key, const char *text)
{
    metadata->keys[metadata->n] = key;
    metadata->texts[metadata->n++] = strdup(text);
}

static bool make_metadata(const Session *session, const char *train, const char *place, Metadata *metadata)
{
    const Script *script = session->script;
    size_t length;
    char seed[32];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)script->seed);
    FILE *out = open_text(metadata, "ebm.claims", &length);
    if (!out) return false;
    write_claims(out, session);
    fclose(out);
    out = open_text(metadata, "ebm.data", &length);
    if (!out) return false;
    write_digests(out, script);
    fclose(out);
    add_text(metadata, "ebm.file", session->source_name ? session->source_name : "");
    out = open_text(metadata, "ebm.options", &length);
    if (!out) return false;
    write_options(out, script);
    fclose(out);
    if (place) add_text(metadata, "ebm.place", place);
    add_text(metadata, "ebm.precision", script->store->precision == PRECISION_F64 ? "f64" : "f32");
    add_text(metadata, "ebm.seed", seed);
    add_text(metadata, "ebm.source", session->source_text ? session->source_text : "");
    if (train) add_text(metadata, "ebm.train", train);
    add_text(metadata, "ebm.version", EBM_VERSION);
    return true;
}

static void free_metadata(Metadata *metadata)
{
    for (int i = 0; i < metadata->n; i++) free(metadata->texts[i]);
}

/* ---- writing ---- */

SavedArray slot_array(Store *store, uint32_t slot, const char *name)
{
    const Shape *shape = &store->slots[slot].shape;
    SavedArray array = { .name = name, .rank = shape->n, .data = slot_memory(store, slot) };
    for (int i = 0; i < shape->n && i < 8; i++) array.dims[i] = axis_size(shape->at[i]);
    return array;
}

bool session_write_model(Session *session, const char *file, Span span, const char *train, const char *place, const SavedArray *arrays, int n)
{
    Metadata metadata = { 0 };
    char *path = session_out_path(session, file, span);
    bool well = path && make_metadata(session, train, place, &metadata);
    if (well) {
        const char *texts[MAX_TEXTS];
        for (int i = 0; i < metadata.n; i++) texts[i] = metadata.texts[i] ? metadata.texts[i] : "";
        char *error = safetensors_write(path, metadata.keys, texts, metadata.n, arrays, n, session->script->store->precision);
        if (error) diag_error(session->diagnostics, "E0811", span, "\"%s\" was not written: %s", path, error)->fault = FAULT_MACHINE;
        else session_tell(session, &(EbmEvent){ .kind = EBM_WROTE, .text = path });
        well = !error;
        free(error);
    }
    free_metadata(&metadata);
    free(path);
    return well;
}

static bool save_train(Session *session, const Train *train, const char *file, Span span)
{
    Store *store = session->script->store;
    SavedArray *arrays = calloc((size_t)train->n_cells + 1, sizeof *arrays);
    char **names = calloc((size_t)train->n_cells + 1, sizeof *names);
    bool well = arrays && names;
    for (int i = 0; well && i < train->n_cells; i++) {
        well = asprintf(&names[i], "%s%s", train->is_state[i] ? "state." : "", train->cell_names[i]) >= 0;
        if (well) arrays[i] = slot_array(store, train->cells[i], names[i]);
    }
    well = well && session_write_model(session, file, span, train->name, NULL, arrays, train->n_cells);
    for (int i = 0; names && i < train->n_cells; i++) free(names[i]);
    free(names);
    free(arrays);
    return well;
}

static bool save_values(Session *session, const Action *action)
{
    SavedArray *arrays = calloc((size_t)action->n_values + 1, sizeof *arrays);
    if (!arrays) return false;
    for (int i = 0; i < action->n_values; i++) arrays[i] = slot_array(session->script->store, action->values[i], action->labels[i]);
    const char *ending = strrchr(action->string, '.');
    bool well;
    if (ending && !strcmp(ending, ".npy") && action->n_values == 1) {
        char *path = session_out_path(session, action->string, action->span);
        well = path && npy_write(path, &arrays[0], session->script->store->precision);
        if (well) session_tell(session, &(EbmEvent){ .kind = EBM_WROTE, .text = path });
        else if (path) diag_error(session->diagnostics, "E0811", action->span, "\"%s\" was not written: %s", path, strerror(errno))->fault = FAULT_MACHINE;
        free(path);
    } else {
        well = session_write_model(session, action->string, action->span, NULL, NULL, arrays, action->n_values);
    }
    free(arrays);
    return well;
}

bool session_save(Session *session, const Action *action)
{
    if (!action->saved) return save_values(session, action);
    if (!action->saved->done) {
        diag_error(session->diagnostics, "E0610", action->span, "the run '%s' stands later in the text", action->saved->name);
        return false;
    }
    return save_train(session, action->saved, action->string, action->span);
}

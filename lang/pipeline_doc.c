/* pipeline_doc.c: documentation from the ## comments of the library and the built-in functions, and what a saved model holds. */
#define _GNU_SOURCE
#include "lang/pipeline_inside.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "vm/io/data.h"

/* ---- documentation ---- */

/* One documented name. */
typedef struct Topic { const char *name, *kind, *doc, *usage; const Stmt *stmt; } Topic;
typedef struct Topics { int n, room; Topic *at; } Topics;

static void add_topic(Topics *topics, Topic topic)
{
    if (topics->n == topics->room) {
        int room = topics->room ? 2 * topics->room : 64;
        Topic *at = realloc(topics->at, (size_t)room * sizeof *at);
        if (!at) return;
        topics->at = at;
        topics->room = room;
    }
    topics->at[topics->n++] = topic;
}

static void add_definitions(Topics *topics, const File *file)
{
    for (int i = 0; i < file->block.n; i++) {
        const Stmt *stmt = file->block.at[i];
        if (stmt->kind != STMT_DEF) continue;
        const char *doc = stmt->doc ? stmt->doc : stmt->def->doc;
        add_topic(topics, (Topic){ stmt->def->name.text, def_kind_name(stmt->def->kind), doc ? doc : "", NULL, stmt });
    }
}

static void add_primitives(Topics *topics)
{
    BuiltinText text;
    for (int i = 0; builder_builtin(i, &text); i++) add_topic(topics, (Topic){ text.name, "built in", text.doc, text.usage, NULL });
}

static int compare_topics(const void *a, const void *b)
{
    return strcmp(((const Topic *)a)->name, ((const Topic *)b)->name);
}

static void list_topics(FILE *out, const Topics *topics)
{
    for (int i = 0; i < topics->n; i++) {
        const Topic *topic = &topics->at[i];
        fprintf(out, "%-18s %-10s %.*s\n", topic->name, topic->kind, (int)strcspn(topic->doc, "\n"), topic->doc);
    }
}

/* The first line of a definition: its kind, name and parameters. */
static void write_signature(FILE *out, const Span span)
{
    const char *text = span.source->text + span.start;
    int depth = 0;
    for (uint32_t i = 0; i < span.end - span.start; i++) {
        if (strchr("([", text[i])) depth++;
        if (strchr(")]", text[i])) depth--;
        if (!depth && (text[i] == '\n' || (text[i] == '{' && i + 1 < span.end - span.start && text[i + 1] == '\n'))) break;
        fputc(text[i], out);
    }
    fputc('\n', out);
}

static bool write_topic(FILE *out, const Topics *topics, const char *name)
{
    bool found = false;
    for (int i = 0; i < topics->n; i++) {
        const Topic *topic = &topics->at[i];
        if (strcmp(topic->name, name)) continue;
        if (topic->stmt) {
            fprintf(out, "%s, from %s\n", topic->kind, topic->stmt->span.source->name);
            write_signature(out, topic->stmt->def->span);
        } else {
            fprintf(out, "%s, built in\n", topic->usage);
        }
        fprintf(out, "\n%s\n", topic->doc);
        found = true;
    }
    return found;
}

enum { MAX_LIBRARY = 64 };

/* Files of the library: from the folder if one is given, else those built in. */
static int read_library(Source **sources, const char *stdlib_dir)
{
    int n = 0;
    for (int i = 0; library_texts[i].name && n < MAX_LIBRARY; i++) {
        char path[1000];
        snprintf(path, sizeof path, "%s/%s", stdlib_dir ? stdlib_dir : "<stdlib>", library_texts[i].name);
        if (stdlib_dir) sources[n] = source_read(path, path);
        else sources[n] = source_new(path, library_texts[i].text, strlen(library_texts[i].text));
        n += sources[n] != NULL;
    }
    return n;
}

bool ebm_doc(FILE *out, const char *name, const char *stdlib_dir)
{
    Source *sources[MAX_LIBRARY];
    File *files[MAX_LIBRARY];
    Topics topics = { 0 };
    Diagnostics ignored = { 0 };
    int n = read_library(sources, stdlib_dir);
    for (int i = 0; i < n; i++) {
        files[i] = parse(sources[i], &ignored);
        add_definitions(&topics, files[i]);
    }
    add_primitives(&topics);
    if (topics.n) qsort(topics.at, (size_t)topics.n, sizeof *topics.at, compare_topics);
    bool found = true;
    if (name) found = write_topic(out, &topics, name);
    else list_topics(out, &topics);
    free(topics.at);
    diagnostics_free(&ignored);
    for (int i = 0; i < n; i++) {
        file_free(files[i]);
        source_free(sources[i]);
    }
    return found;
}

/* ---- saved models ---- */

static void write_claims(FILE *out, const char *text)
{
    json_t *claims = json_loads(text, 0, NULL), *claim;
    size_t i;
    json_array_foreach(claims, i, claim) {
        const char *says = json_string_value(json_object_get(claim, "claim"));
        const char *detail = json_string_value(json_object_get(claim, "detail"));
        const json_t *holds = json_object_get(claim, "holds");
        if (!says) continue;
        fprintf(out, "claim %s: %s", !holds ? "not checked" : json_is_true(holds) ? "holds" : "FAILS", says);
        if (detail) fprintf(out, " (%s)", detail);
        fputc('\n', out);
    }
    json_decref(claims);
}

static void write_metadata(FILE *out, const char *path)
{
    static const char *const keys[] = { "version", "file", "train", "seed", "precision", "options", "data" };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char key[40];
        snprintf(key, sizeof key, "ebm.%s", keys[i]);
        char *text = safetensors_text(path, key);
        if (text && strcmp(text, "{}")) fprintf(out, "%-10s %s\n", keys[i], text);
        free(text);
    }
    char *claims = safetensors_text(path, "ebm.claims");
    if (claims) write_claims(out, claims);
    free(claims);
}

static int64_t write_array(FILE *out, const DataArray *array)
{
    int64_t count = 1;
    fprintf(out, "%-32s [", array->name);
    for (int i = 0; i < array->rank; i++) {
        fprintf(out, "%s%lld", i ? ", " : "", (long long)array->dims[i]);
        count *= array->dims[i];
    }
    fputs("]\n", out);
    return count;
}

bool ebm_inspect(FILE *out, const char *path)
{
    char *error = NULL;
    DataFile *file = data_open(path, &error);
    if (!file) {
        fprintf(out, "%s\n", error ? error : "out of memory");
        free(error);
        return false;
    }
    write_metadata(out, path);
    int64_t count = 0;
    for (int i = 0; i < data_arrays(file); i++) count += write_array(out, data_array(file, i));
    fprintf(out, "%d arrays, %lld values\n", data_arrays(file), (long long)count);
    data_close(file);
    char *source = safetensors_text(path, "ebm.source");
    if (source) fprintf(out, "\n%s", source);
    free(source);
    return true;
}

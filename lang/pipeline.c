/* pipeline.c: the way from text to result, one call for each arrow: parse, build, run.
 *
 * An Ebm keeps every text that was added.  A text that only adds goes to the builder at hand.  One that defines a name again makes a
 * new program out of all statements, the new ones in the place of the old, with a new builder and a new session; the session takes over what
 * the change does not touch. */
#define _GNU_SOURCE
#include "lang/pipeline_inside.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "vm/io/data.h"

/* ---- life ---- */

static char *copy_or_null(const char *text)
{
    return text ? strdup(text) : NULL;
}

static void free_const(const char *text)
{
    free((char *)(uintptr_t)text);
}

/* The settings with copies of all strings. */
static bool copy_settings(EbmSettings *to, const EbmSettings *from)
{
    *to = *from;
    to->data_dir = copy_or_null(from->data_dir);
    to->out_dir = copy_or_null(from->out_dir);
    to->stdlib_dir = copy_or_null(from->stdlib_dir);
    const char **names = calloc((size_t)from->n_sets + 1, sizeof *names);
    double *values = calloc((size_t)from->n_sets + 1, sizeof *values);
    to->set_names = names;
    to->set_values = values;
    if (!names || !values) return false;
    for (int i = 0; i < from->n_sets; i++) {
        names[i] = strdup(from->set_names[i]);
        values[i] = from->set_values[i];
    }
    return true;
}

static void free_settings(EbmSettings *settings)
{
    for (int i = 0; settings->set_names && i < settings->n_sets; i++) free_const(settings->set_names[i]);
    free((const char **)(uintptr_t)settings->set_names);
    free((double *)(uintptr_t)settings->set_values);
    free_const(settings->data_dir);
    free_const(settings->out_dir);
    free_const(settings->stdlib_dir);
}

Ebm *ebm_open(const EbmSettings *settings)
{
    Ebm *ebm = calloc(1, sizeof *ebm);
    if (ebm && copy_settings(&ebm->settings, settings)) return ebm;
    ebm_close(ebm);
    return NULL;
}

/* The program as built: session, builder and what the builder reads. */
typedef struct Built { Builder *builder; Session *session; File *whole; } Built;

static void free_built(Built built)
{
    session_free(built.session);
    if (built.builder) builder_free(built.builder);
    if (built.whole) free(built.whole->block.at);
    free(built.whole);
}

/* Builders of mistaken texts live until their mistakes are reported. */
static void drop_mistaken(Ebm *ebm)
{
    if (ebm->checker) builder_free(ebm->checker);
    ebm->checker = NULL;
}

void ebm_close(Ebm *ebm)
{
    if (!ebm) return;
    free_built((Built){ ebm->builder, ebm->session, ebm->whole });
    drop_mistaken(ebm);
    diagnostics_free(&ebm->diagnostics);
    while (ebm->entries) {
        Entry *entry = ebm->entries;
        ebm->entries = entry->next;
        if (entry->file) file_free(entry->file);
        source_free(entry->source);
        free(entry);
    }
    free(ebm->items.at);
    free(ebm->name);
    free(ebm->text);
    free_settings(&ebm->settings);
    free(ebm);
}

void ebm_stop(Ebm *ebm)
{
    ebm->stop = 1;
}

static void worsen(Ebm *ebm, EbmStatus status)
{
    if (status > ebm->worst) ebm->worst = status;
}

EbmStatus ebm_status(const Ebm *ebm)
{
    EbmStatus status = ebm->worst;
    for (const Diagnostic *d = ebm->diagnostics.first; d; d = d->next) {
        EbmStatus fault = d->fault == FAULT_TEXT ? EBM_TEXT_WRONG : d->fault == FAULT_MACHINE ? EBM_MACHINE_WRONG : EBM_CLAIM_FAILED;
        if (d->severity == SEVERITY_ERROR && fault > status) status = fault;
    }
    return status;
}

int ebm_report(Ebm *ebm, FILE *out, bool color)
{
    int errors = ebm->diagnostics.errors;
    ebm->worst = ebm_status(ebm);
    for (const Entry *e = ebm->entries; e; e = e->next) diagnostics_sort(&ebm->diagnostics, e->source);
    diagnostics_print(out, &ebm->diagnostics, color);
    diagnostics_free(&ebm->diagnostics);
    drop_mistaken(ebm);
    return errors;
}

static void machine_error(Ebm *ebm, const char *code, const char *path, const char *why)
{
    diag_error(&ebm->diagnostics, code, (Span){ 0 }, "'%s' cannot be read: %s", path, why)->fault = FAULT_MACHINE;
}

/* ---- statements and the names they define ---- */

static const char *target_name(const Expr *target)
{
    while (target && target->kind == EXPR_INDEX) target = target->kid[0];
    return target && (target->kind == EXPR_NAME || target->kind == EXPR_PRIMED) ? target->name.text : NULL;
}

/* Name number i that a statement defines, or null; what can be said only once counts as a name. */
static const char *defined_name(const Stmt *stmt, int i)
{
    switch (stmt->kind) {
    case STMT_BIND:      return i < stmt->targets.n ? target_name(stmt->targets.at[i]) : NULL;
    case STMT_DEF:       return i ? NULL : stmt->def->name.text;
    case STMT_OPTION:
    case STMT_DATA:
    case STMT_LOAD:      return i ? NULL : stmt->name.text;
    case STMT_SEED:      return i ? NULL : "seed ";
    case STMT_PRECISION: return i ? NULL : "precision ";
    default:             return NULL;
    }
}

static bool shares_name(const Stmt *a, const Stmt *b)
{
    const char *x, *y;
    for (int i = 0; (x = defined_name(a, i)); i++)
        for (int j = 0; (y = defined_name(b, j)); j++)
            if (!strcmp(x, y)) return true;
    return false;
}

static bool redefines(const Items *items, const File *file)
{
    for (int i = 0; i < items->n; i++)
        for (int j = 0; j < file->block.n; j++)
            if (shares_name(items->at[i].stmt, file->block.at[j])) return true;
    return false;
}

/* Options, seed and precision are settled before anything is built. */
static bool settles(const File *file)
{
    for (int i = 0; i < file->block.n; i++) {
        StmtKind kind = file->block.at[i]->kind;
        if (kind == STMT_SEED || kind == STMT_PRECISION || kind == STMT_OPTION) return true;
    }
    return false;
}

/* The items with the file's statements: each in the place of the first that it defines again, else at the end. */
static Items merge(const Items *items, const Source *source, const File *file)
{
    int room = items->n + (file ? file->block.n : 0);
    Items merged = { 0, calloc((size_t)room + 1, sizeof *merged.at) };
    bool *placed = calloc((size_t)room + 1, sizeof *placed);
    for (int i = 0; merged.at && placed && i < items->n; i++) {
        bool replaced = false;
        for (int j = 0; file && j < file->block.n; j++) {
            if (!shares_name(items->at[i].stmt, file->block.at[j])) continue;
            replaced = true;
            if (!placed[j]) merged.at[merged.n++] = (Item){ source, file->block.at[j] };
            placed[j] = true;
        }
        if (!replaced) merged.at[merged.n++] = items->at[i];
    }
    for (int j = 0; merged.at && placed && file && j < file->block.n; j++)
        if (!placed[j]) merged.at[merged.n++] = (Item){ source, file->block.at[j] };
    free(placed);
    return merged;
}

/* ---- the text of the program, for saved models and :save ---- */

/* Start of the lines above a statement that belong to it: blank ones and comments. */
static uint32_t lead_start(const Item *item, const Items *items, int i)
{
    for (int j = i; j-- > 0;)
        if (items->at[j].source == item->source && items->at[j].stmt->span.end <= item->stmt->span.start) return items->at[j].stmt->span.end;
    return 0;
}

void ebm_source(const Ebm *ebm, FILE *out)
{
    const Items *items = &ebm->items;
    const Source *only = items->n ? items->at[0].source : NULL;
    bool one_text = !ebm->whole && items->n;
    for (int i = 0; i < items->n; i++) one_text = one_text && items->at[i].source == only;
    if (one_text) {
        fwrite(only->text, 1, only->length, out);
        return;
    }
    for (int i = 0; i < items->n; i++) {
        const Item *item = &items->at[i];
        uint32_t start = lead_start(item, items, i);
        const char *text = item->source->text;
        while (start < item->stmt->span.start && strchr("\n; \t", text[start])) start++;
        fwrite(text + start, 1, item->stmt->span.end - start, out);
        fputc('\n', out);
    }
}

static void renew_text(Ebm *ebm)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out) return;
    ebm_source(ebm, out);
    fclose(out);
    session_set_source(ebm->session, ebm->name ? ebm->name : "", text);
    free(ebm->text);
    ebm->text = text;
}

/* ---- building ---- */

static Builder *new_builder(Ebm *ebm)
{
    const EbmSettings *s = &ebm->settings;
    BuildOptions options = { .n_sets = s->n_sets, .set_names = s->set_names, .set_values = s->set_values, .has_seed = s->has_seed, .seed = s->seed,
                             .has_precision = s->double_precision, .precision = PRECISION_F64, .data_dir = s->data_dir,
                             .stdlib_dir = s->stdlib_dir, .quick = s->quick };
    return builder_new(&options, &ebm->diagnostics);
}

static Session *new_session(Ebm *ebm, Builder *builder)
{
    SessionOptions options = { .threads = ebm->settings.threads, .blas = ebm->settings.blas, .out_dir = ebm->settings.out_dir, .profile = ebm->settings.profile, .stop = &ebm->stop,
                               .hear = ebm->settings.hear, .context = ebm->settings.context };
    return session_new(builder_script(builder), &options, &ebm->diagnostics);
}

/* A program built from all the items.  Its builder is null if there are mistakes. */
static Built build_items(Ebm *ebm, const Items *items)
{
    Built built = { 0 };
    built.whole = calloc(1, sizeof *built.whole);
    if (!built.whole) return built;
    built.whole->block.n = items->n;
    built.whole->block.at = calloc((size_t)items->n + 1, sizeof *built.whole->block.at);
    built.whole->source = items->n ? items->at[0].source : NULL;
    for (int i = 0; built.whole->block.at && i < items->n; i++) built.whole->block.at[i] = items->at[i].stmt;
    built.builder = new_builder(ebm);
    if (built.builder && built.whole->block.at && builder_add(built.builder, built.whole)) built.session = new_session(ebm, built.builder);
    if (built.session) return built;
    if (!ebm->checker) {                                 /* what it reports points into its library */
        ebm->checker = built.builder;
        built.builder = NULL;
    }
    free_built(built);
    return (Built){ 0 };
}

/* Replaces the program by one made from the items, which become the Ebm's.  fresh: only this source's commands are still to be done. */
static bool rebuild(Ebm *ebm, Items items, const Source *fresh)
{
    Built built = build_items(ebm, &items);
    if (!built.builder) {
        free(items.at);
        return false;
    }
    if (ebm->session) session_take_over(built.session, ebm->session);
    session_leave_to(built.session, fresh);
    free_built((Built){ ebm->builder, ebm->session, ebm->whole });
    free(ebm->items.at);
    ebm->items = items;
    ebm->builder = built.builder;
    ebm->session = built.session;
    ebm->whole = built.whole;
    return true;
}

/* Adds to the program as it stands. */
static bool extend(Ebm *ebm, const Source *source, const File *file)
{
    if (!ebm->builder) {
        ebm->builder = new_builder(ebm);
        if (!ebm->builder) return false;
        ebm->session = new_session(ebm, ebm->builder);
        if (!ebm->session) return false;
    }
    Items merged = merge(&ebm->items, source, file);
    if (!merged.at || !builder_add(ebm->builder, file)) {
        free(merged.at);
        return false;
    }
    free(ebm->items.at);
    ebm->items = merged;
    return true;
}

static bool add_file(Ebm *ebm, const Source *source, const File *file)
{
    bool anew = ebm->builder && ebm->items.n && (redefines(&ebm->items, file) || settles(file));
    bool well = anew ? rebuild(ebm, merge(&ebm->items, source, file), source) : extend(ebm, source, file);
    if (well) renew_text(ebm);
    return well;
}

/* ---- texts ---- */

/* Keeps the text and parses it; null if there are mistakes in it. */
static Entry *read_entry(Ebm *ebm, const char *name, const char *text, size_t length)
{
    Entry *entry = calloc(1, sizeof *entry);
    if (!entry) return NULL;
    entry->next = ebm->entries;
    ebm->entries = entry;
    entry->source = source_new(name, text, length);
    if (!entry->source) return NULL;
    int errors = ebm->diagnostics.errors;
    entry->file = parse(entry->source, &ebm->diagnostics);
    return ebm->diagnostics.errors == errors ? entry : NULL;
}

/* What could be read of a first text with mistakes of the grammar is checked, so that further mistakes are told at once. */
static void check_damaged(Ebm *ebm)
{
    const File *file = ebm->entries ? ebm->entries->file : NULL;
    if (!file || ebm->builder || ebm->checker) return;
    ebm->checker = new_builder(ebm);
    if (ebm->checker) builder_add(ebm->checker, file);
}

bool ebm_add(Ebm *ebm, const char *name, const char *text, size_t length)
{
    if (!ebm->name) {
        const char *slash = strrchr(name, '/');
        ebm->name = strdup(slash ? slash + 1 : name);
    }
    const Entry *entry = read_entry(ebm, name, text, length);
    if (!entry) check_damaged(ebm);
    return entry && add_file(ebm, entry->source, entry->file);
}

static bool is_plot(const Expr *e)
{
    static const char *const plots[] = { "contour", "scatter", "arrows", "curve", "images", "heat", "table" };
    if (e->kind == EXPR_BINARY && e->op == BINARY_ADD) return is_plot(e->kid[0]) && is_plot(e->kid[1]);
    if (e->kind != EXPR_CALL || e->kid[0]->kind != EXPR_NAME) return false;
    for (size_t i = 0; i < sizeof plots / sizeof plots[0]; i++)
        if (!strcmp(plots[i], e->kid[0]->name.text)) return true;
    return false;
}

/* At a prompt an expression alone is shown. */
static void show_expressions(File *file)
{
    for (int i = 0; i < file->block.n; i++) {
        Stmt *stmt = file->block.at[i];
        if (stmt->kind != STMT_EXPR) continue;
        stmt->kind = is_plot(stmt->value) ? STMT_SHOW : STMT_PRINT;
        if (stmt->kind == STMT_SHOW) continue;
        stmt->list.n = 1;
        stmt->list.at = ARENA_ARRAY(&file->arena, Expr *, 1);
        stmt->list.at[0] = stmt->value;
    }
}

/* The definition an expression alone names (`E`, `fit.E`), which is nothing that could be printed; null if it names none. */
static const char *named_definition(const Ebm *ebm, const File *file)
{
    if (file->block.n != 1 || file->block.at[0]->kind != STMT_EXPR) return NULL;
    const Expr *e = file->block.at[0]->value;
    if (e->kind != EXPR_NAME && (e->kind != EXPR_FIELD || e->kid[0]->kind != EXPR_NAME)) return NULL;
    for (int i = 0; i < ebm->items.n; i++) {
        const Stmt *stmt = ebm->items.at[i].stmt;
        if (stmt->kind == STMT_DEF && !strcmp(stmt->def->name.text, e->name.text)) return stmt->def->name.text;
    }
    return NULL;
}

/* Tells what is known of a name as an answer. */
static bool answer_name(Ebm *ebm, const char *name)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out) return false;
    builder_describe(ebm->builder, out, name);
    fclose(out);
    if (ebm->settings.hear) ebm->settings.hear(ebm->settings.context, &(EbmEvent){ .kind = EBM_PRINTED, .text = text });
    free(text);
    return true;
}

bool ebm_add_prompt(Ebm *ebm, const char *text, size_t length)
{
    Entry *entry = read_entry(ebm, "<prompt>", text, length);
    if (!entry) return false;
    const char *name = named_definition(ebm, entry->file);
    if (name) return answer_name(ebm, name);
    show_expressions(entry->file);
    return add_file(ebm, entry->source, entry->file);
}

bool pipeline_try(Ebm *ebm, const char *text)
{
    Entry *entry = read_entry(ebm, "<prompt>", text, strlen(text));
    if (!entry) return false;
    show_expressions(entry->file);
    return builder_add(ebm->builder, entry->file);
}

/* ---- options ---- */

static bool set_option(EbmSettings *settings, const char *name, double value)
{
    int n = settings->n_sets, at = 0;
    while (at < n && strcmp(settings->set_names[at], name)) at++;
    const char **names = calloc((size_t)n + 2, sizeof *names);
    double *values = calloc((size_t)n + 2, sizeof *values);
    if (!names || !values) {
        free(names);
        free(values);
        return false;
    }
    for (int i = 0; i < n; i++) {
        names[i] = strdup(settings->set_names[i]);
        values[i] = settings->set_values[i];
    }
    if (at == n) names[at] = strdup(name);
    values[at] = value;
    settings->n_sets = at == n ? n + 1 : n;
    settings->set_names = names;
    settings->set_values = values;
    return true;
}

/* Frees the lists of options of settings that were replaced. */
static void drop_options(EbmSettings *settings)
{
    for (int i = 0; i < settings->n_sets; i++) free_const(settings->set_names[i]);
    free((const char **)(uintptr_t)settings->set_names);
    free((double *)(uintptr_t)settings->set_values);
}

bool ebm_set(Ebm *ebm, const char *name, double value)
{
    EbmSettings before = ebm->settings;
    if (!set_option(&ebm->settings, name, value)) return false;
    bool well = !ebm->builder || rebuild(ebm, merge(&ebm->items, NULL, NULL), NULL);
    if (!well) {
        drop_options(&ebm->settings);
        ebm->settings = before;
        return false;
    }
    drop_options(&before);
    if (ebm->session) renew_text(ebm);
    return true;
}

/* ---- files ---- */

static bool has_ending(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);
    return n >= m && !strcmp(path + n - m, ending);
}

/* Seed and options as they were when the model was saved, but for what the settings say. */
static void take_model_options(Ebm *ebm, const char *path)
{
    char *seed = safetensors_text(path, "ebm.seed"), *options = safetensors_text(path, "ebm.options");
    char *precision = safetensors_text(path, "ebm.precision");
    if (seed && !ebm->settings.has_seed) {
        ebm->settings.seed = strtoull(seed, NULL, 10);
        ebm->settings.has_seed = true;
    }
    if (precision && !strcmp(precision, "f64")) ebm->settings.double_precision = true;
    json_t *values = options ? json_loads(options, 0, NULL) : NULL;
    const char *name;
    json_t *value;
    json_object_foreach(values, name, value) {
        bool given = false;
        for (int i = 0; i < ebm->settings.n_sets; i++) given |= !strcmp(ebm->settings.set_names[i], name);
        EbmSettings before = ebm->settings;
        if (!given && json_is_number(value) && set_option(&ebm->settings, name, json_number_value(value))) drop_options(&before);
    }
    json_decref(values);
    free(seed);
    free(options);
    free(precision);
}

static bool add_model(Ebm *ebm, const char *path)
{
    char *text = safetensors_text(path, "ebm.source"), *file = safetensors_text(path, "ebm.file");
    if (text) {
        if (!ebm->builder) take_model_options(ebm, path);
        if (!ebm->name && file) ebm->name = strdup(file);
    } else {
        machine_error(ebm, "E0812", path, "it is not a model that ebm saved");
    }
    bool well = text && ebm_add(ebm, path, text, strlen(text));
    free(text);
    free(file);
    return well;
}

/* Data files are looked for beside the text unless a folder was named. */
static void look_beside(Ebm *ebm, const char *path)
{
    if (ebm->settings.data_dir) return;
    const char *slash = strrchr(path, '/');
    ebm->settings.data_dir = slash ? strndup(path, (size_t)(slash - path) + (slash == path)) : strdup(".");
}

bool ebm_add_file(Ebm *ebm, const char *path)
{
    look_beside(ebm, path);
    if (has_ending(path, ".safetensors")) return add_model(ebm, path);
    errno = 0;
    Source *source = source_read(path, path);
    if (!source) {
        machine_error(ebm, "E0812", path, errno ? strerror(errno) : "out of memory");
        return false;
    }
    bool well = ebm_add(ebm, path, source->text, source->length);
    source_free(source);
    return well;
}

bool ebm_resume(Ebm *ebm, const char *path)
{
    return ebm_add_file(ebm, path) && session_resume(ebm->session, path);
}

/* ---- running ---- */

EbmStatus ebm_run(Ebm *ebm)
{
    ebm->stop = 0;
    EbmStatus status = ebm->session ? session_run(ebm->session) : EBM_WELL;
    worsen(ebm, status);
    return status;
}

EbmStatus ebm_run_all(Ebm *ebm)
{
    if (ebm->session) session_rewind(ebm->session);
    return ebm_run(ebm);
}

void ebm_leave(Ebm *ebm)
{
    if (ebm->session) session_leave_to(ebm->session, NULL);
}

/* use.c: texts and models from elsewhere: the library, use "file.ebm" as m, load "m.safetensors" as old. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "lang/graph/dataset.h"
#include "vm/io/data.h"

/* ---- texts ---- */

const UsedFile *used_file(const Builder *b, const Source *source)
{
    for (const UsedFile *u = b->used; source && u; u = u->next) if (u->source == source) return u;
    return NULL;
}

static UsedFile *add_text(Builder *b, const char *name, const char *text, size_t length, bool library, const Module *module)
{
    UsedFile *u = ARENA_NEW(b->arena, UsedFile);
    u->path = arena_copy(b->arena, name, strlen(name));
    u->source = source_new(name, text, length);
    u->file = parse(u->source, b->diagnostics);
    u->library = library;
    u->module = module;
    u->next = b->used;
    b->used = u;
    add_names(b, &u->file->block, library, module);
    return u;
}

void add_library(Builder *b)
{
    for (const LibraryText *t = library_texts; t->name; t++) {
        const char *shown = arena_format(b->arena, "<stdlib>/%s", t->name);
        Source *s = b->options.stdlib_dir ? source_read(arena_format(b->arena, "%s/%s", b->options.stdlib_dir, t->name), shown) : NULL;
        if (s) add_text(b, shown, s->text, s->length, true, NULL);
        else add_text(b, shown, t->text, strlen(t->text), true, NULL);
        source_free(s);
    }
}

/* A file's path as seen from the text that names it. */
static const char *beside(Builder *b, const Stmt *s)
{
    const char *path = s->string, *from = s->span.source ? s->span.source->name : "<", *slash = strrchr(from, '/');
    if (from[0] == '<' || path[0] == '/' || !slash) return path;
    return arena_format(b->arena, "%.*s/%s", (int)(slash - from), from, path);
}

static Span file_span(const Stmt *s) { return s->string_span.source ? s->string_span : s->span; }

/* use "file.ebm" sha256:..: the text must be the one that was meant. */
static bool digest_holds(Builder *b, const Stmt *s, const char *path)
{
    char *digest = data_digest(path);
    bool same = !s->digest || (digest && !strcmp(digest, s->digest));
    if (!same) {
        Diagnostic *d = complain(b, "E0393", file_span(s), "%s is not the file that was meant: its digest is another", path);
        diag_note(d, s->span, "%s is wanted", s->digest);
        diag_help(d, "if the file is to be trusted as it is now, write %s", digest ? digest : "no digest");
        if (d) d->fault = FAULT_TEXT;
    }
    free(digest);
    return same;
}

/* What a used file holds beyond definitions. */
static void refuse_rest(Builder *b, const Block *block)
{
    for (int i = 0; i < block->n; i++) {
        const Stmt *s = block->at[i];
        const char *what = s->kind == STMT_SEED ? "the seed" : s->kind == STMT_PRECISION ? "the precision" : NULL;
        if (what) diag_help(warn(b, "W0394", s->span, "%s of a used file has no effect", what), "say it in the text that is run");
        if (s->kind == STMT_DEF && s->def->kind == DEF_TRAIN)
            diag_help(warn(b, "W0394", s->def->name.span, "the train %s of a used file is not run", s->def->name.text), "use a file of definitions, and train in the text that is run");
    }
}

static const Module *module_named(Builder *b, const Stmt *s)
{
    const UsedFile *around = used_file(b, s->span.source);
    if (!s->name.text) return around ? around->module : NULL;
    Module *m = ARENA_NEW(b->arena, Module);
    m->name = around && around->module ? arena_format(b->arena, "%s.%s", around->module->name, s->name.text) : s->name.text;
    return m;
}

static bool is_used(const Builder *b, const char *path, const Module *module)
{
    for (const UsedFile *u = b->used; u; u = u->next)
        if (!strcmp(u->path, path) && (u->module == module || (u->module && module && !strcmp(u->module->name, module->name)))) return true;
    return false;
}

/* Files that use each other under ever new names. */
static bool is_endless(const Builder *b, const Stmt *s, const char *path)
{
    int n = 0;
    for (const UsedFile *u = b->used; u; u = u->next) n += !strcmp(u->path, path);
    return n > 16 && used_file(b, s->span.source);
}

void use_statement(Builder *b, const Stmt *s)
{
    const char *path = beside(b, s);
    const Module *module = module_named(b, s);
    if (is_used(b, path, module)) return;
    if (is_endless(b, s, path)) { complain(b, "E0208", s->span, "%s uses itself", path); return; }
    Source *source = source_read(path, path);
    if (!source) {
        complain(b, "E0390", file_span(s), "the file %s cannot be read: %s", path, strerror(errno));
        return;
    }
    if (digest_holds(b, s, path)) {
        int errors = b->diagnostics->errors;
        note_file(b, path);
        UsedFile *u = add_text(b, path, source->text, source->length, false, module);
        const Block *block = &u->file->block;
        for (int i = 0; i < block->n; i++) if (block->at[i]->kind == STMT_USE) use_statement(b, block->at[i]);
        refuse_rest(b, block);
        if (b->diagnostics->errors == errors) resolve_names(b, u->file);
    }
    source_free(source);
}

/* The value of m in use "file.ebm" as m. */
Value *module_of_use(Builder *b, const Stmt *s)
{
    const char *path = beside(b, s);
    const UsedFile *around = used_file(b, s->span.source);
    const char *name = around && around->module ? arena_format(b->arena, "%s.%s", around->module->name, s->name.text) : s->name.text;
    for (const UsedFile *u = b->used; u; u = u->next) {
        if (!u->module || strcmp(u->path, path) || strcmp(u->module->name, name)) continue;
        Value *v = value_new(b, VALUE_MODULE);
        v->module = u->module;
        return v;
    }
    return b->none;
}

const char *path_of(Builder *b, Span span, const char *name)
{
    const UsedFile *u = used_file(b, span.source);
    return u && u->module ? arena_format(b->arena, "%s.%s", u->module->name, name) : name;
}

/* ---- models ---- */

/* A run whose cells are those of a saved model, by their names. */
static Value *run_of_file(Builder *b, const char *name, const char *file, Span span, Span file_at)
{
    uint32_t ignored;
    int errors = b->diagnostics->errors;
    saved_array(b, file, "", file_at, &ignored);      /* to see whether it can be read */
    if (b->diagnostics->errors > errors) return b->none;
    Value *v = value_new(b, VALUE_RUN);
    Train *train = ARENA_NEW(b->arena, Train);
    train->name = name;
    train->span = span;
    train->done = true;
    RunCells *run = run_cells(b, train);
    run->saved = file;
    run->span = file_at;
    v->run = train;
    return v;
}

Value *loaded_run(Builder *b, const Stmt *s) { return run_of_file(b, s->name.text, s->string, s->span, file_span(s)); }

Value *call_load(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    const char *file = string_argument(b, args, "file", 0, "load(\"model.safetensors\")");
    return file ? run_of_file(b, file, file, args->span, args->at[0].span) : b->none;
}

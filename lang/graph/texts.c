/* texts.c: texts as data: lines, columns, and the functions that turn texts into classes: chars, labels, pieces, numbers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "lang/graph/dataset.h"
#include "vm/io/number.h"
#include "vm/io/texts.h"

Value *texts_value(Builder *b, const char *const *at, int64_t n, const char *path, const char *unit)
{
    TextList *list = ARENA_NEW(b->arena, TextList);
    *list = (TextList){ n, at, path, unit, 0 };
    Value *v = value_new(b, VALUE_TEXTS);
    v->texts = list;
    return v;
}

Value *some_texts(Builder *b, const Value *v, int64_t from, int64_t to)
{
    TextList *list = ARENA_NEW(b->arena, TextList);
    *list = (TextList){ to - from, v->texts->at + from, v->texts->path, v->texts->unit, v->texts->first + from };
    Value *r = value_new(b, VALUE_TEXTS);
    r->texts = list;
    return r;
}

/* ---- texts of files ---- */

static bool read_texts(Builder *b, const CallArgs *args, const char *usage, char *(*read)(const char *, Texts *), Texts *texts, const char **where)
{
    const char *path = string_argument(b, args, "file", 0, usage), *sha256;
    char *found = path && digest_argument(b, args, &sha256) ? data_path(b, path, sha256, args->span) : NULL;
    if (!found) return false;
    char *error = read(found, texts);
    *where = arena_copy(b->arena, found, strlen(found));
    free(found);
    if (!error) return true;
    file_refused(b, error, args->span);
    return false;
}

Value *call_lines(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    Texts texts;
    const char *where;
    if (!read_texts(b, args, "lines(\"words.tsv\")", texts_lines, &texts, &where)) return b->none;
    const char **at = ARENA_ARRAY(b->arena, const char *, texts.n);
    memcpy(at, texts.at, sizeof *at * (size_t)texts.n);
    keep_bytes(b, texts.bytes);
    free(texts.at);
    return texts_value(b, at, texts.n, where, "line");
}

Value *call_text(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    Texts texts;
    const char *where;
    if (!read_texts(b, args, "text(\"book.txt\")", texts_whole, &texts, &where)) return b->none;
    Value *v = value_new(b, VALUE_STRING);
    v->string = arena_copy(b->arena, texts.at[0], strlen(texts.at[0]));
    texts_free(&texts);
    return v;
}

/* ---- functions of texts: their settings travel as a record ---- */

static Value *texts_function(Builder *b, const Builtin *builtin, Value *settings, const CallArgs *args)
{
    Closure *c = ARENA_NEW(b->arena, Closure);
    c->kind = CLOSURE_BUILTIN;
    c->name = builtin->name;
    c->builtin = builtin;
    c->scale = settings;
    c->span = args->span;
    return function_value(b, c);
}

static bool is_text(const Value *v) { return v->kind == VALUE_TEXTS || v->kind == VALUE_STRING; }

/* The settings by their names; chars(texts), without settings, is the function with none. */
static Value *with_settings(Builder *b, const CallArgs *args, const Builtin *builtin)
{
    Value *settings = value_new(b, VALUE_RECORD);
    if (args->n == 1 && !args->at[0].name && is_text(args->at[0].value)) {
        CallArgs direct = *args;
        direct.at[direct.n++].value = settings;
        // cppcheck-suppress returnDanglingLifetime ; a value lives in the arena, not in the arguments
        return builtin->call(b, NULL, &direct);
    }
    for (int i = 0; i < args->n; i++) {
        const char *name = args->at[i].name;
        if (!name) {
            diag_help(complain(b, "E0331", args->at[i].span, "the settings of %s have names", builtin->name), "use: %s", builtin->usage);
            return b->none;
        }
        field_add(b, &settings->fields, name, args->at[i].value);
    }
    return texts_function(b, builtin, settings, args);
}

static const char *where_text(Builder *b, const Value *v, int64_t row)
{
    if (v->kind != VALUE_TEXTS) return "the text";
    const TextList *t = v->texts;
    return arena_format(b->arena, "%s%s%s %lld", t->path ? t->path : "", t->path ? ": " : "", t->unit, (long long)(t->first + row + 1));
}

/* The name of what was made of texts. */
static const char *about(Builder *b, const Value *v, const char *made)
{
    return v->kind == VALUE_TEXTS && v->texts->path ? arena_format(b->arena, "%s:%s:%s", v->texts->path, v->texts->unit, made) : made;
}

/* The texts of a value: at[0..n). */
static bool texts_of(Builder *b, Value *v, Span span, const char *name, const char *const **at, int64_t *n)
{
    if (v->kind == VALUE_STRING) { *at = &v->string; *n = 1; return true; }
    if (v->kind == VALUE_TEXTS) { *at = v->texts->at; *n = v->texts->n; return true; }
    if (v->kind != VALUE_NONE)
        diag_help(complain(b, "E0306", span, "%s is a function of texts, but this is %s", name, value_text(b, v)), "texts come from lines(..), text(..) and columns of table(..)");
    return false;
}

/* ---- classes ---- */

typedef struct Coding {
    const char *name;
    Vocabulary vocabulary;
    int64_t pad;                /* row length; 0: none */
    bool cut;                   /* whether longer texts lose their ends */
} Coding;

static bool setting_size(Builder *b, const Value *settings, const char *name, Span span, int64_t *n)
{
    Value *v = field_of(settings, name);
    return !v || want_size(b, v, span, name, n);
}

/* Why a text cannot be coded. */
static void refuse_text(Builder *b, const Coding *c, const Value *v, int64_t row, int64_t n, const char *unknown, Span span)
{
    Diagnostic *d;
    if (n == -1) d = complain(b, "E0397", span, "%s: `%s` is not among its %d symbols", where_text(b, v, row), unknown, c->vocabulary.n);
    else {
        d = complain(b, "E0397", span, "%s has %lld symbols, but pad = %lld", where_text(b, v, row), (long long)n, (long long)c->pad);
        diag_help(d, "%s(pad = %lld, cut = true) keeps the first %lld", c->name, (long long)c->pad, (long long)c->pad);
    }
    if (d) d->fault = FAULT_MACHINE;
}

/* Rows of pad classes: 0 behind the end, else 1 + the symbol's number. */
static Value *coded_rows(Builder *b, const Coding *c, const Value *v, const char *const *at, int64_t n, Span span)
{
    double *values = calloc((size_t)(n * c->pad) + 1, sizeof *values);
    if (!values) return file_refused(b, NULL, span);
    char unknown[64];
    for (int64_t row = 0; row < n; row++) {
        double *to = values + row * c->pad;
        int64_t length = vocabulary_encode(&c->vocabulary, at[row], to, c->pad, unknown);
        if (length < 0 || (length > c->pad && !c->cut)) {
            refuse_text(b, c, v, row, length, unknown, span);
            free(values);
            return b->none;
        }
        for (int64_t i = 0; i < length && i < c->pad; i++) to[i]++;
    }
    bool one = v->kind == VALUE_STRING;
    const int64_t dims[2] = { one ? c->pad : n, c->pad };
    return made_data(b, about(b, v, c->name), one ? 1 : 2, dims, values, 0, c->vocabulary.n, span);
}

/* One text as a sequence of classes; many, if each is one symbol, as one class each. */
static Value *coded_sequence(Builder *b, const Coding *c, const Value *v, const char *const *at, int64_t n, Span span)
{
    if (v->kind == VALUE_TEXTS && c->vocabulary.cut != CUT_WHOLE) {
        diag_help(complain(b, "E0334", span, "%s of many texts needs its setting `pad`: rows have one length", c->name), "%s(pad = 16)", c->name);
        return b->none;
    }
    char unknown[64] = "";
    int64_t length = v->kind == VALUE_TEXTS ? n : vocabulary_encode(&c->vocabulary, at[0], NULL, 0, unknown);
    if (length < 1) {
        if (length < 0) refuse_text(b, c, v, 0, length, unknown, span);
        else complain(b, "E0397", span, "the text is empty");
        return b->none;
    }
    double *values = calloc((size_t)length, sizeof *values);
    if (!values) return file_refused(b, NULL, span);
    for (int64_t row = 0; row < n; row++) vocabulary_encode(&c->vocabulary, at[row], values + row, length - row, NULL);
    return made_data(b, about(b, v, c->name), 1, &length, values, 0, c->vocabulary.n - 1, span);
}

static Value *coded(Builder *b, Coding *c, const Value *settings, const Value *v, const char *const *at, int64_t n, Span span)
{
    const Value *cut = field_of(settings, "cut");
    double whether = 0;
    if (!setting_size(b, settings, "pad", span, &c->pad) || (cut && !want_known(b, cut, span, "cut", &whether))) return b->none;
    c->cut = whether != 0;
    return c->pad ? coded_rows(b, c, v, at, n, span) : coded_sequence(b, c, v, at, n, span);
}

/* As `cut` says, with a vocabulary learnt from the texts. */
static Value *learnt_coding(Builder *b, const CallArgs *args, const char *name, Cut cut, const char *separator, int64_t most)
{
    Value *v = args->at[0].value;
    const char *const *at;
    int64_t n;
    Span span = args->at[0].span;
    if (!texts_of(b, v, span, name, &at, &n)) return b->none;
    Coding c = { .name = name };
    if (!vocabulary_learn(&c.vocabulary, cut, separator, at, n, (int)most)) return file_refused(b, NULL, span);
    Value *r = coded(b, &c, args->at[1].value, v, at, n, span);
    vocabulary_free(&c.vocabulary);
    return r;
}

static Value *apply_chars(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    const Value *settings = args->at[1].value, *alphabet = field_of(settings, "alphabet");
    Value *v = args->at[0].value;
    const char *const *at;
    int64_t n;
    if (!alphabet) return learnt_coding(b, args, "chars", CUT_CHARACTERS, NULL, 0);
    if (!texts_of(b, v, args->span, "chars", &at, &n)) return b->none;
    Coding c = { .name = "chars" };
    if (alphabet->kind != VALUE_STRING || !*alphabet->string || !vocabulary_of(&c.vocabulary, alphabet->string)) {
        diag_help(complain(b, "E0397", args->span, "an alphabet is a string of different characters"), "chars(pad = 16, alphabet = \"abcdefghijklmnopqrstuvwxyz\")");
        return b->none;
    }
    Value *r = coded(b, &c, settings, v, at, n, args->at[0].span);
    vocabulary_free(&c.vocabulary);
    return r;
}

static Value *apply_labels(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    const Value *settings = args->at[1].value, *by = field_of(settings, "by");
    if (by && (by->kind != VALUE_STRING || !*by->string)) {
        complain(b, "E0380", args->span, "`by` is the string between two labels");
        return b->none;
    }
    Cut cut = by ? CUT_AT : field_of(settings, "pad") ? CUT_CHARACTERS : CUT_WHOLE;
    return learnt_coding(b, args, "labels", cut, by ? by->string : NULL, 0);
}

static Value *apply_pieces(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    int64_t most = 256;
    if (!setting_size(b, args->at[1].value, "most", args->span, &most)) return b->none;
    if (most > 1 << 20) { complain(b, "E0397", args->span, "at most 2^20 pieces are learnt"); return b->none; }
    return learnt_coding(b, args, "pieces", CUT_PIECES, NULL, most);
}

static const Builtin as_chars = { "chars", "chars(pad = 16)(texts)", "", 1, 1, apply_chars, "texts" };
static const Builtin as_labels = { "labels", "labels(pad = 16)(texts)", "", 1, 1, apply_labels, "texts" };
static const Builtin as_pieces = { "pieces", "pieces(most = 256, pad = 16)(texts)", "", 1, 1, apply_pieces, "texts" };
Value *call_chars(Builder *b, Scope *s, const CallArgs *args)  { (void)s; return with_settings(b, args, &as_chars); }
Value *call_labels(Builder *b, Scope *s, const CallArgs *args) { (void)s; return with_settings(b, args, &as_labels); }
Value *call_pieces(Builder *b, Scope *s, const CallArgs *args) { (void)s; return with_settings(b, args, &as_pieces); }

/* ---- numbers ---- */

Value *call_numbers(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    Value *v = args->at[0].value;
    const char *const *at;
    int64_t n;
    if (!texts_of(b, v, args->at[0].span, "numbers", &at, &n)) return b->none;
    double *values = calloc((size_t)n + 1, sizeof *values);
    if (!values) return file_refused(b, NULL, args->span);
    for (int64_t i = 0; i < n; i++) {
        if (number_parse(at[i], strlen(at[i]), &values[i])) continue;
        Diagnostic *d = complain(b, "E0397", args->at[0].span, "%s: expected a number, found '%.40s'", where_text(b, v, i), at[i]);
        if (d) d->fault = FAULT_MACHINE;
        free(values);
        return b->none;
    }
    Value *r = made_data(b, about(b, v, "numbers"), 1, &n, values, 0, 0, args->span);
    r->domain = (Domain){ 0 };
    return r;
}

/* ---- columns ---- */

/* Column `of` of n in every text, into `at`; false after a report. */
static bool cut_column(Builder *b, const Value *v, const char *separator, int of, int n, const char **at, Span span)
{
    for (int64_t row = 0; row < v->texts->n; row++) {
        const char *p = v->texts->at[row], *start = p;
        int columns = 1;
        for (const char *next; (next = strstr(p, separator)); p = next + strlen(separator)) {
            if (columns == of + 1) at[row] = arena_copy(b->arena, start, (size_t)(next - start));
            columns++;
            start = next + strlen(separator);
        }
        if (columns == of + 1) at[row] = start;
        if (columns == n) continue;
        Diagnostic *d = complain(b, "E0397", span, "%s has %d column%s; expected %d", where_text(b, v, row), columns, columns == 1 ? "" : "s", n);
        if (d) d->fault = FAULT_MACHINE;
        return false;
    }
    return true;
}

static Value *apply_split_columns(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    Value *v = args->at[0].value, *settings = args->at[1].value, *r = value_new(b, VALUE_RECORD);
    const Value *by = field_of(settings, "by");
    if (v->kind == VALUE_NONE) return v;
    if (v->kind != VALUE_TEXTS) {
        diag_help(complain(b, "E0306", args->at[0].span, "split_columns cuts texts, but this is %s", value_text(b, v)), "lines(\"words.tsv\") |> split_columns(..)");
        return b->none;
    }
    int n = 0, i = 0;
    for (const Field *f = settings->fields; f; f = f->next) n += strcmp(f->name, "by") != 0;
    for (const Field *f = settings->fields; f; f = f->next) {
        if (!strcmp(f->name, "by")) continue;
        const char **at = ARENA_ARRAY(b->arena, const char *, v->texts->n);
        if (!cut_column(b, v, by ? by->string : "\t", i++, n, at, args->at[0].span)) return b->none;
        Value *texts = texts_value(b, at, v->texts->n, v->texts->path, arena_format(b->arena, "%s of %s", f->name, v->texts->unit));
        Value *column = apply_values(b, f->value->fn, &texts, 1, args->span);
        if (column->kind == VALUE_NONE) return column;
        if (column->kind != VALUE_ARRAY || !column->shape.n || axis_size(column->shape.at[0]) != v->texts->n) {
            complain(b, "E0381", args->span, "the column %s of %lld texts must have as many rows, but it is %s", f->name, (long long)v->texts->n, value_text(b, column));
            return b->none;
        }
        field_add(b, &r->fields, f->name, column);
    }
    return r;
}

static const Builtin as_columns = { "split_columns", "split_columns(a = f, b = g)(texts)", "", 1, 1, apply_split_columns, "texts" };

Value *call_split_columns(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    for (int i = 0; i < args->n; i++) {
        const CallArg *a = &args->at[i];
        bool by = a->name && !strcmp(a->name, "by");
        if (a->value->kind == VALUE_NONE) return a->value;
        if (a->name && (by ? a->value->kind == VALUE_STRING && *a->value->string : a->value->kind == VALUE_FUNCTION)) continue;
        diag_help(complain(b, "E0381", a->span, by ? "`by` is the string between two columns" : "a column has a name and a function of texts"),
                  "split_columns(word = chars(pad = 16), tag = labels(pad = 16))");
        return b->none;
    }
    return with_settings(b, args, &as_columns);
}

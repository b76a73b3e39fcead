/* dataset.c: data sets: columns, splits, classes, tables. */
#include <string.h>
#include "lang/graph/dataset.h"

const char *string_argument(Builder *b, const CallArgs *args, const char *name, int at, const char *usage)
{
    const CallArg *a = argument(args, name, at);
    if (a && a->value->kind == VALUE_STRING) return a->value->string;
    if (a && a->value->kind == VALUE_NONE) return NULL;
    diag_help(complain(b, "E0380", a ? a->span : args->span, "a file's name stands in quotes"), "use: %s", usage);
    return NULL;
}

bool digest_argument(Builder *b, const CallArgs *args, const char **sha256)
{
    const CallArg *a = argument(args, "sha256", -1);
    *sha256 = a && a->value->kind == VALUE_STRING ? a->value->string : NULL;
    if (!a || *sha256) return true;
    complain(b, "E0380", a->span, "a digest is a string of 64 hex digits");
    return false;
}

Value *call_read(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    const char *path = string_argument(b, args, "file", 0, "read(\"images.npy\")"), *sha256;
    const CallArg *part = argument(args, "part", 1);
    return path && digest_argument(b, args, &sha256) ? read_data(b, path, part ? part->value : NULL, sha256, args->span) : b->none;
}

Value *call_pictures(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    const char *path = string_argument(b, args, "folder", 0, "pictures(\"photos\", gray = false)"), *sha256;
    const CallArg *a = argument(args, "gray", 1);
    double gray = 0;
    if (!path || !digest_argument(b, args, &sha256) || (a && !want_known(b, a->value, a->span, "gray", &gray))) return b->none;
    return read_pictures(b, path, gray != 0, sha256, args->span);
}

/* The fields of a record that a list names, in its order. */
static Value *chosen_columns(Builder *b, const Value *table, const TextList *names, const char *path, Span span)
{
    Value *r = value_new(b, VALUE_RECORD);
    for (int64_t i = 0; i < names->n; i++) {
        Value *column = field_of(table, names->at[i]);
        if (column) { field_add(b, &r->fields, names->at[i], column); continue; }
        Diagnostic *d = complain(b, "E0384", span, "%s has no column called `%s`", path, names->at[i]);
        const char *all[256];
        int n = 0;
        for (Field *f = table->fields; f && n < 256; f = f->next) all[n++] = f->name;
        const char *near = nearest_name(names->at[i], all, n);
        if (near) diag_help(d, "did you mean `%s`?", near);
        else diag_help(d, "its columns are %s%s%s%s", all[0], n > 1 ? ", " : "", n > 1 ? all[1] : "", n > 2 ? ", .." : "");
        return b->none;
    }
    return r;
}

/* table("file.csv", columns = ["a"]); without columns, or with "all", every column. */
Value *call_table_file(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    const char *path = string_argument(b, args, "file", 0, "table(\"people.csv\", columns = [\"height\", \"weight\"])"), *sha256;
    const CallArg *columns = argument(args, "columns", 1);
    bool all = !columns || (columns->value->kind == VALUE_STRING && !strcmp(columns->value->string, "all"));
    if (!path || !digest_argument(b, args, &sha256)) return b->none;
    for (int i = 0; i < args->n; i++) {
        const char *name = args->at[i].name;
        if (!name || !strcmp(name, "file") || !strcmp(name, "columns") || !strcmp(name, "sha256")) continue;
        diag_help(complain(b, "E0331", args->at[i].span, "table has no setting called `%s`", name), "use: table(\"people.csv\", columns = [\"height\"])");
        return b->none;
    }
    if (!all && columns->value->kind != VALUE_TEXTS) {
        if (columns->value->kind != VALUE_NONE)
            diag_help(complain(b, "E0384", columns->span, "columns is a list of names, but this is %s", value_text(b, columns->value)), "columns = [\"height\", \"weight\"]");
        return b->none;
    }
    Value *table = read_data(b, path, b->none, sha256, args->span);
    return all || table->kind != VALUE_RECORD ? table : chosen_columns(b, table, columns->value->texts, path, columns->span);
}

Value *call_dataset(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    Value *r = value_new(b, VALUE_RECORD);
    int64_t rows = -1;
    for (int i = 0; i < args->n; i++) {
        const CallArg *a = &args->at[i];
        if (!a->name || a->value->kind != VALUE_ARRAY || !a->value->shape.n) {
            if (a->value->kind != VALUE_NONE) complain(b, "E0381", a->span, "a data set is made of columns with names: dataset(image = x, label = y)");
            return b->none;
        }
        int64_t n = axis_size(a->value->shape.at[0]);
        if (rows >= 0 && n != rows) {
            complain(b, "E0381", a->span, "the column %s has %lld rows, but the columns before it have %lld", a->name, (long long)n, (long long)rows);
            return b->none;
        }
        rows = n;
        field_add(b, &r->fields, a->name, a->value);
    }
    return r;
}

Value *call_split(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    const CallArg *train = argument(args, "train", 0), *test = argument(args, "test", 1);
    if (!train || !test) { complain(b, "E0381", args->span, "split needs train = .. and test = .."); return b->none; }
    if (train->value->kind == VALUE_NONE || test->value->kind == VALUE_NONE) return b->none;
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *train->value;
    r->fields = NULL;
    if (train->value->kind == VALUE_RECORD)
        for (Field *f = train->value->fields; f; f = f->next) field_add(b, &r->fields, f->name, f->value);
    field_add(b, &r->fields, "train", train->value);
    field_add(b, &r->fields, "test", test->value);
    return r;
}

/* classes(n) is a function of the data; apply() hands it n after x. */
static Value *call_as_classes(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    return data_classes(b, args->at[0].value, known(args->at[1].value), args->at[0].span);
}
static const Builtin as_classes = { "classes", "classes(n)(x)", "", 1, 1, call_as_classes, "x" };

Value *call_classes(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    int64_t n;
    if (!want_size(b, args->at[0].value, args->at[0].span, "the number of classes", &n)) return b->none;
    Closure *c = ARENA_NEW(b->arena, Closure);
    c->kind = CLOSURE_BUILTIN;
    c->name = "classes";
    c->builtin = &as_classes;
    c->scale = number(b, (double)n);
    c->span = args->span;
    return function_value(b, c);
}

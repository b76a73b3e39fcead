/* data.c: data sets: files opened for their shapes and read on first need, rows, splits, draws. */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lang/graph/dataset.h"
#include "vm/base/memory.h"
#include "vm/io/data.h"

/* One array of an open file, behind a slot. */
#define NO_SLOT UINT32_MAX

typedef struct DataSource {
    char *path;
    DataFile *file;             /* shared by the arrays of a file; the first owns it */
    bool owns;
    int part;
    int64_t from, rows;         /* the rows of the array that the slot holds; rows 0: all */
    double classes;             /* values must be 0..classes-1; 0: anything */
    uint32_t slot;
    char *error;                /* kept for the report */
    char *bytes;                /* texts that values point into, owned; such a source has no file */
    struct DataSource *next;
} DataSource;

void sources_free(Builder *b)
{
    while (b->sources) {
        DataSource *s = b->sources;
        b->sources = s->next;
        if (s->owns) data_close(s->file);
        free(s->path);
        free(s->error);
        free(s->bytes);
        free(s);
    }
}

static DataSource *add_source(Builder *b, const char *path, DataFile *file, int part, bool owns)
{
    DataSource *s = calloc(1, sizeof *s);
    if (!s || !(s->path = strdup(path))) abort();
    s->file = file;
    s->part = part;
    s->owns = owns;
    s->slot = NO_SLOT;
    s->next = b->sources;
    b->sources = s;
    return s;
}

void keep_bytes(Builder *b, char *bytes)
{
    add_source(b, "", NULL, 0, false)->bytes = bytes;
}

static const char *check_classes(DataSource *s, const Slot *slot, Precision precision)
{
    int64_t n = slot_count(slot);
    const Store alone = { .precision = precision, .n = 1, .slots = (Slot *)(uintptr_t)slot };
    for (int64_t i = 0; i < n; i++) {
        double x = slot_value(&alone, 0, i);
        if (x >= 0 && x < s->classes && x == floor(x)) continue;
        free(s->error);
        if (asprintf(&s->error, "%s: row %lld has the class %g, but classes 0 to %g were declared", s->path, (long long)(s->from + i), x, s->classes - 1) < 0) s->error = NULL;
        return s->error ? s->error : "a class is out of range";
    }
    return NULL;
}

static int64_t rows_of_slot(const DataSource *s)
{
    const DataArray *a = data_array(s->file, s->part);
    return s->rows ? s->rows : a->rank ? a->dims[0] : 1;
}

static const char *load_source(void *context, Slot *slot, Precision precision)
{
    DataSource *s = context;
    free(s->error);
    s->error = data_read_rows(s->file, s->part, s->from, rows_of_slot(s), slot->data, precision);
    if (s->error) return s->error;
    return s->classes > 0 ? check_classes(s, slot, precision) : NULL;
}

static void give_back(void *mapped)
{
    data_unmap(mapped);
    free(mapped);
}

/* Memory of the file, or of what was made of it on disk, for reals of a precision or elements (null); *mapped null: it is to be read. */
static const char *map_rows(DataSource *s, const Precision *reals, const void **at, void **mapped)
{
    DataMap map;
    free(s->error);
    s->error = data_map(s->file, s->part, s->from, rows_of_slot(s), reals, 0, &map);
    if (s->error || !map.data) return s->error;
    DataMap *kept = malloc(sizeof *kept);
    if (!kept) abort();
    *kept = map;
    *at = map.data;
    *mapped = kept;
    return NULL;
}

static const char *map_source(void *context, Slot *slot, Precision precision)
{
    DataSource *s = context;
    const void *at = NULL;
    slot->give_back = give_back;
    const char *error = map_rows(s, &precision, &at, &slot->mapped);
    if (error || !at) return error;
    slot->data = (void *)(uintptr_t)at;
    return s->classes > 0 ? check_classes(s, slot, precision) : NULL;
}

static const char *load_elements(void *context, Slot *slot)
{
    DataSource *s = context;
    Elements *e = slot->elements;
    slot->give_back = give_back;
    const char *error = map_rows(s, NULL, &e->at, &slot->mapped_elements);
    void *own = NULL;
    if (!error && !e->at) {
        e->at = own = array_memory((size_t)slot_count(slot) * element_bytes(e->kind) + 1);
        if (!own) return "not enough memory";
        error = s->error = data_read_elements(s->file, s->part, s->from, rows_of_slot(s), own);
    }
    if (!error && s->classes > 0) error = check_classes(s, slot, PRECISION_F64);
    if (!error) return NULL;
    free(own);
    if (slot->mapped_elements) give_back(slot->mapped_elements);
    slot->mapped_elements = NULL;
    e->at = NULL;
    return error;
}

/* ---- finding files ---- */

static char *existing(const char *folder, const char *path)
{
    char *whole = NULL;
    if (asprintf(&whole, "%s%s%s", folder ? folder : "", folder ? "/" : "", path) < 0) return NULL;
    if (access(whole, R_OK) == 0) return whole;
    free(whole);
    return NULL;
}

/* The place in a text of the user's that led to one in the library. */
static Span in_user_text(const Builder *b, Span span)
{
    const UsedFile *used = used_file(b, span.source);
    for (const Origin *o = b->at.origin; o && used && used->library; o = o->caller)
        if ((used = used_file(b, o->span.source)) == NULL || !used->library) span = o->span;
    return span;
}

static char *find_file(Builder *b, const char *path, Span span)
{
    char *found = NULL;
    span = in_user_text(b, span);
    if (b->options.data_dir) found = existing(b->options.data_dir, path);
    if (!found && span.source && span.source->name[0] != '<') {
        const char *slash = strrchr(span.source->name, '/');
        if (slash) {
            char *folder = strndup(span.source->name, (size_t)(slash - span.source->name));
            if (folder) found = existing(folder, path);
            free(folder);
        }
    }
    if (!found) found = existing(NULL, path);
    if (!found) found = existing("/usr/share/datasets", path);
    return found;
}

static Value *source_value(Builder *b, DataSource *s, const char *name, Span span)
{
    const DataArray *a = data_array(s->file, s->part);
    int64_t dims[8];
    memcpy(dims, a->dims, sizeof dims);
    if (s->rows) dims[0] = s->rows;
    Shape shape = shape_fresh(dims, a->rank);
    s->slot = new_slot(b, name, shape, false, span);
    Slot *slot = &b->script.store->slots[s->slot];
    slot->load = load_source;
    slot->map = map_source;
    slot->context = s;
    Element kind;
    double scale;
    if (data_stays(s->file, s->part, b->script.store->precision, &kind, &scale)) {
        slot_keep_elements(slot, kind, scale);
        slot->load_elements = load_elements;
    }
    Value *v = array(b, graph_slot(b->g, s->slot, 0, axes_of(shape)), shape);
    if (a->whole && a->scale == 1 && a->high > a->low) v->domain = (Domain){ CLASS_WHOLE, a->low, a->high };
    return v;
}

void note_file(Builder *b, const char *path)
{
    Script *s = &b->script;
    for (int i = 0; i < s->n_digests; i++) if (!strcmp(s->digests[i].path, path)) return;
    void *more = arena_alloc(b->arena, sizeof *s->digests * (size_t)(s->n_digests + 1));
    if (s->n_digests) memcpy(more, s->digests, sizeof *s->digests * (size_t)s->n_digests);
    s->digests = more;
    s->digests[s->n_digests].path = arena_copy(b->arena, path, strlen(path));
    s->digests[s->n_digests++].digest = NULL;     /* taken when a model is saved */
}

/* A file already open: the source of its first array. */
static DataSource *open_source(Builder *b, const char *path)
{
    for (DataSource *s = b->sources; s; s = s->next) if (s->owns && !strcmp(s->path, path)) return s;
    return NULL;
}

static Value *array_of(Builder *b, DataSource *first, const char *path, int part, Span span)
{
    for (DataSource *s = b->sources; s; s = s->next)
        if (s->file == first->file && s->part == part && s->slot != NO_SLOT && !s->rows) {
            Shape shape = b->script.store->slots[s->slot].shape;
            Value *v = array(b, graph_slot(b->g, s->slot, 0, axes_of(shape)), shape);
            const DataArray *a = data_array(s->file, part);
            if (a->whole && a->scale == 1 && a->high > a->low) v->domain = (Domain){ CLASS_WHOLE, a->low, a->high };
            return v;
        }
    DataSource *s = first->part == part && first->slot == NO_SLOT ? first : add_source(b, path, first->file, part, false);
    const char *column = data_array(first->file, part)->name;
    return source_value(b, s, column && *column ? arena_format(b->arena, "%s:%s", path, column) : path, span);
}

static int find_part(Builder *b, DataFile *file, const Value *part, const char *path, Span span)
{
    double x;
    int n = data_arrays(file);
    if (!part) {
        if (n == 1) return 0;
        Diagnostic *d = complain(b, "E0384", span, "%s holds %d arrays: say which", path, n);
        diag_help(d, "read(\"%s\", \"%s\")", path, data_array(file, 0)->name);
        return -1;
    }
    if (part->kind == VALUE_STRING) {
        const char *all[256];
        int count = 0;
        for (int i = 0; i < n; i++) {
            if (!strcmp(data_array(file, i)->name, part->string)) return i;
            if (count < 256) all[count++] = data_array(file, i)->name;
        }
        Diagnostic *d = complain(b, "E0384", span, "%s holds nothing called `%s`", path, part->string);
        const char *near = nearest_name(part->string, all, count);
        if (near) diag_help(d, "did you mean `%s`?", near);
        return -1;
    }
    if (!want_known(b, part, span, "the part of a file", &x)) return -1;
    if (x >= 0 && x < n && x == floor(x)) return (int)x;
    complain(b, "E0384", span, "%s holds parts 0 to %d, not %g", path, n - 1, x);
    return -1;
}

static bool is_digest(const char *path, const char *sha256, char **is)
{
    *is = data_digest(path);
    const char *want = strncmp(sha256, "sha256:", 7) ? sha256 : sha256 + 7;
    return *is && !strcasecmp(*is + 7, want);
}

char *data_path(Builder *b, const char *path, const char *sha256, Span span)
{
    char *found = find_file(b, path, span), *is = NULL;
    if (!found) {
        Diagnostic *d = complain(b, "E0385", span, "the data file %s is not found", path);
        diag_help(d, !strncmp(path, "fashion-mnist/", 14) ? "install it: apt-get install dataset-fashion-mnist%s"
                                                          : "it is looked for under --data DIR, beside the text, here, and in /usr/share/datasets%s", "");
        if (d) d->fault = FAULT_MACHINE;
        return NULL;
    }
    if (sha256 && !is_digest(found, sha256, &is)) {
        Diagnostic *d = complain(b, "E0393", span, "%s is another file than was meant: its digest is %s", found, is ? is : "unknown");
        if (d) d->fault = FAULT_MACHINE;
        free(found);
        found = NULL;
    }
    free(is);
    if (found) note_file(b, found);
    return found;
}

Value *file_refused(Builder *b, char *error, Span span)
{
    Diagnostic *d = complain(b, "E0386", span, "%s", error ? error : "the file cannot be read");
    if (d) d->fault = FAULT_MACHINE;
    free(error);
    return b->none;
}

/* The file, open; null after a report.  *found (to be freed): where it is. */
static DataSource *find_source(Builder *b, const char *path, const char *sha256, Span span, char **found_at)
{
    char *found = data_path(b, path, sha256, span);
    if (!found) return NULL;
    DataSource *first = open_source(b, found);
    if (!first) {
        char *error = NULL;
        DataFile *file = data_open(found, &error);
        if (!file) {
            file_refused(b, error, span);
            free(found);
            return NULL;
        }
        first = add_source(b, found, file, 0, true);
    }
    *found_at = found;
    return first;
}

/* A folder is one source for its colors and one for its grays. */
Value *read_pictures(Builder *b, const char *path, bool gray, const char *sha256, Span span)
{
    char *found = data_path(b, path, sha256, span);
    if (!found) return b->none;
    const char *name = gray ? arena_format(b->arena, "%s (gray)", found) : arena_copy(b->arena, found, strlen(found));
    DataSource *first = open_source(b, name);
    if (!first) {
        char *error = NULL;
        DataFile *file = data_open_folder(found, gray, &error);
        if (!file) {
            free(found);
            return file_refused(b, error, span);
        }
        first = add_source(b, name, file, 0, true);
    }
    free(found);
    Value *image = array_of(b, first, name, 0, span);
    if (data_arrays(first->file) == 1) return image;
    Value *r = value_new(b, VALUE_RECORD), *label = array_of(b, first, name, 1, span);
    label->domain = (Domain){ CLASS_WHOLE, 0, data_array(first->file, 1)->high };
    field_add(b, &r->fields, "image", image);
    field_add(b, &r->fields, "label", label);
    return r;
}

Value *made_data(Builder *b, const char *about, int rank, const int64_t *dims, double *values, double low, double high, Span span)
{
    DataFile *file = data_of_values(about, rank, dims, values, low, high);
    if (!file) return file_refused(b, NULL, span);
    Value *v = source_value(b, add_source(b, about, file, 0, true), about, span);
    v->domain = (Domain){ CLASS_WHOLE, low, high };
    return v;
}

bool saved_array(Builder *b, const char *path, const char *name, Span span, uint32_t *slot)
{
    char *found;
    DataSource *first = find_source(b, path, NULL, span, &found);
    if (!first) return false;
    int part = data_arrays(first->file);
    while (part-- > 0) if (!strcmp(data_array(first->file, part)->name, name)) break;
    if (part >= 0) *slot = (uint32_t)array_of(b, first, found, part, span)->node->key;
    free(found);
    return part >= 0;
}

static Value *part_of(Builder *b, DataSource *first, const char *path, int part, Span span)
{
    const DataArray *a = data_array(first->file, part);
    return a->texts ? texts_value(b, a->texts, a->dims[0], first->path, arena_format(b->arena, "%s of row", a->name)) : array_of(b, first, path, part, span);
}

/* part: which array; null: the only one; VALUE_NONE: all, as a record. */
Value *read_data(Builder *b, const char *path, const Value *part, const char *sha256, Span span)
{
    char *found;
    DataSource *first = find_source(b, path, sha256, span, &found);
    if (!first) return b->none;
    Value *v;
    if (part && part->kind == VALUE_NONE) {
        v = value_new(b, VALUE_RECORD);
        for (int i = 0; i < data_arrays(first->file); i++) {
            const char *name = data_array(first->file, i)->name;
            field_add(b, &v->fields, arena_copy(b->arena, name, strlen(name)), part_of(b, first, found, i, span));
        }
    } else {
        int i = find_part(b, first->file, part, path, span);
        v = i < 0 ? b->none : part_of(b, first, found, i, span);
    }
    free(found);
    return v;
}

/* ---- rows ---- */

static DataSource *source_of(const Builder *b, const Node *node)
{
    for (DataSource *s = b->sources; s && node->op == OP_slot; s = s->next) if (s->slot == node->key) return s;
    return NULL;
}

Value *data_classes(Builder *b, Value *v, double n, Span span)
{
    if (v->kind == VALUE_NONE) return v;
    if (v->kind != VALUE_ARRAY) { complain(b, "E0306", span, "classes are made of numbers, but this is %s", value_text(b, v)); return b->none; }
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *v;
    r->domain = (Domain){ CLASS_WHOLE, 0, n - 1 };
    if (v->domain.kind == CLASS_WHOLE && v->domain.low >= 0 && v->domain.high < n) return r;
    DataSource *s = source_of(b, v->node);
    if (s) {
        s->classes = n;
        return r;
    }
    Diagnostic *d = complain(b, "E0387", span, "whether these values are classes 0 to %g cannot be checked", n - 1);
    diag_help(d, "classes(n) is said of data as it is read: classes(10)(read(\"labels.npy\"))");
    return b->none;
}

/* Rows from..to of a data set, read from the file by themselves; the same rows once. */
static Value *rows_of_source(Builder *b, DataSource *whole, const Value *v, int64_t from, int64_t to)
{
    from += whole->from;
    to += whole->from;
    Span span = b->at.origin ? b->at.origin->span : (Span){ 0 };
    const char *name = arena_format(b->arena, "%s[%lld:%lld]", b->script.store->slots[whole->slot].name, (long long)from, (long long)to);
    for (DataSource *s = b->sources; s; s = s->next) {
        if (s->file != whole->file || s->part != whole->part || s->from != from || s->rows != to - from || s->classes != whole->classes) continue;
        Shape shape = b->script.store->slots[s->slot].shape;
        Value *r = array(b, graph_slot(b->g, s->slot, 0, axes_of(shape)), shape);
        r->domain = v->domain;
        return r;
    }
    DataSource *s = add_source(b, whole->path, whole->file, whole->part, false);
    s->from = from;
    s->rows = to - from;
    s->classes = whole->classes;
    Value *r = source_value(b, s, name, span);
    r->domain = v->domain;
    return r;
}

/* The same axes in the same order: not those of a transposed value. */
static bool same_axes(const Shape *a, const Shape *c)
{
    bool same = a->n == c->n;
    for (int i = 0; same && i < a->n; i++) same = a->at[i] == c->at[i];
    return same;
}

bool is_from_file(const Builder *b, const Value *v)
{
    const DataSource *source = v->kind == VALUE_ARRAY && v->shape.n ? source_of(b, v->node) : NULL;
    return source && same_axes(&v->shape, &b->script.store->slots[source->slot].shape);
}

static Value *array_rows(Builder *b, Value *v, int64_t from, int64_t to)
{
    Axis axis = v->shape.at[0];
    if (to > from && is_from_file(b, v)) return rows_of_source(b, source_of(b, v->node), v, from, to);
    Shape rest = v->shape;
    Axis rows = plain_axis(to - from, &rest);
    Move move = { .n = 1 };
    move.at[0].from = axis;
    move.at[0].offset = from;
    move.at[0].n = 1;
    move.at[0].term[0].axis = rows;
    move.at[0].term[0].coef = 1;
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *v;
    r->fields = NULL;
    r->n_items = 0;
    r->shape.at[0] = rows;
    if (!axes_have(&v->node->axes, axis)) return standard(b, r);
    r->node = graph_index(b->g, v->node, &move, axes_with(axes_without(v->node->axes, axis), rows));
    r = standard(b, r);
    if (v->node->op != OP_slot || b->script.store->slots[v->node->key].is_cell) return r;
    /* rows of a named value are cut out once */
    const char *name = arena_format(b->arena, "%s[%lld:%lld]", b->script.store->slots[v->node->key].name, (long long)from, (long long)to);
    for (uint32_t i = 0; i < b->script.store->n; i++)
        if (!strcmp(b->script.store->slots[i].name, name) && same_sizes(&b->script.store->slots[i].shape, &r->shape)) {
            r->node = graph_slot(b->g, i, 0, axes_of(r->shape));
            return r;
        }
    return stored(b, name, r, b->at.origin ? b->at.origin->span : (Span){ 0 });
}

Value *rows_of(Builder *b, Value *v, int64_t from, int64_t to)
{
    if (v->kind == VALUE_TEXTS) return some_texts(b, v, from, to);
    if (v->kind == VALUE_ARRAY && v->shape.n) return array_rows(b, v, from, to);
    if (v->kind != VALUE_RECORD) return v;
    Value *r = value_new(b, VALUE_RECORD);
    for (Field *f = v->fields; f; f = f->next)
        if (strcmp(f->name, "train") && strcmp(f->name, "test")) field_add(b, &r->fields, f->name, rows_of(b, f->value, from, to));
    return r;
}

/* ---- draws ---- */

static Value *rows_at(Builder *b, Value *v, Node *rows, Axis batch)
{
    Shape to = { 1, { batch } };
    Value *r = ARENA_NEW(b->arena, Value);
    *r = *v;
    r->fields = NULL;
    r->n_items = 0;
    Shape used = v->shape;
    /* the batch's axis may be a name that the row's axes have too */
    Shape rest = { 0 };
    used.at[used.n++] = batch;
    for (int i = 1; i < v->shape.n; i++) {
        Axis a = v->shape.at[i];
        if (a == batch) { a = plain_axis(axis_size(a), &used); used.at[used.n++] = a; }
        rest.at[rest.n++] = a;
    }
    Shape aside = { 1, { 0 } };
    aside.at[0] = plain_axis(axis_size(v->shape.at[0]), &used);
    Node *node = relabel(b, v->node, v->shape, shape_join(aside, rest));
    if (axes_have(&node->axes, aside.at[0])) node = graph_gather(b->g, node, aside.at[0], rows);
    r->node = node;
    r->shape = shape_join(to, rest);
    return standard(b, r);
}

/* The first array of a data set; null after a report. */
static const Value *first_column(Builder *b, const Value *data, Span span, const char *name)
{
    const Value *first = data;
    for (const Field *f = data->kind == VALUE_RECORD ? data->fields : NULL; f && first->kind != VALUE_ARRAY; f = f->next) first = f->value;
    if (first->kind == VALUE_ARRAY && first->shape.n) return first;
    if (data->kind != VALUE_NONE) complain(b, "E0388", span, "%s takes a data set, but this is %s", name, value_text(b, data));
    return NULL;
}

/* These rows of every column. */
static Value *columns_at(Builder *b, Value *data, Node *rows, Axis axis)
{
    if (data->kind == VALUE_ARRAY) return rows_at(b, data, rows, axis);
    Value *r = value_new(b, VALUE_RECORD);
    for (Field *f = data->fields; f; f = f->next)
        if (strcmp(f->name, "train") && strcmp(f->name, "test") && f->value->kind == VALUE_ARRAY) field_add(b, &r->fields, f->name, rows_at(b, f->value, rows, axis));
    return r;
}

Value *call_shuffled(Builder *b, Scope *s, const CallArgs *args)
{
    (void)s;
    Value *data = args->at[0].value;
    const Value *first = first_column(b, data, args->at[0].span, "shuffled");
    if (!first) return b->none;
    int64_t rows = axis_size(first->shape.at[0]);
    Shape line = shape_fresh(&rows, 1);
    return columns_at(b, data, random_node(b, RANDOM_CHOOSE, rows, line), line.at[0]);
}

Value *draw_rows(Builder *b, Scope *scope, const CallArgs *args)
{
    (void)scope;
    Value *data = args->at[0].value;
    int64_t batch = 128, rows;
    if (!b->at.train) {
        Diagnostic *d = complain(b, "E0388", args->span, "draw gives the rows of a training step, so it stands in a train");
        diag_help(d, "rows(data, k) draws k rows once");
        return b->none;
    }
    for (int i = 0; i < args->n; i++)
        if ((args->at[i].name && !strcmp(args->at[i].name, "batch")) || (!args->at[i].name && i == 1))
            if (!want_size(b, args->at[i].value, args->at[i].span, "the batch", &batch)) return b->none;
    const Value *first = first_column(b, data, args->at[0].span, "draw");
    if (!first) return b->none;
    rows = axis_size(first->shape.at[0]);
    if (batch < 1 || batch > rows) {
        Diagnostic *d = complain(b, "E0388", args->span, "a batch of %lld cannot be drawn from %lld rows", (long long)batch, (long long)rows);
        diag_help(d, "the rows of a batch are distinct: batch = %lld at most", (long long)rows);
        return b->none;
    }
    if (!b->at.train->batch) { b->at.train->batch = batch; b->at.train->rows = rows; }
    Shape line = shape_fresh(&batch, 1);
    uint64_t place = mix_hash(mix_hash(b->at.chain, "draw", 0), b->at.use ? b->at.use : args->at[0].expr ? expr_text(b, args->at[0].expr) : "", 1);
    Node *at = graph_random(b->g, RANDOM_ROWS, place, rows, line, NULL, 0);
    return columns_at(b, data, at, line.at[0]);
}

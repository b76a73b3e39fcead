/* safetensors.c: the format of saved models: eight bytes with the length of a JSON header, the header (kind, shape and place of
 * every array, and a map of texts under __metadata__), then the values, without gaps.  JSON is read and written by jansson. */
#define _GNU_SOURCE
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "vm/io/inside.h"

enum { MOST_HEADER = 100000000 };           /* as the format's own reader allows */
#define METADATA "__metadata__"

static const struct { const char *name; Element element; } dtypes[] = {
    { "F64", ELEMENT_F64 }, { "F32", ELEMENT_F32 }, { "F16", ELEMENT_F16 }, { "BF16", ELEMENT_BF16 }, { "BOOL", ELEMENT_BOOL },
    { "U8", ELEMENT_U8 }, { "I8", ELEMENT_I8 }, { "U16", ELEMENT_U16 }, { "I16", ELEMENT_I16 },
    { "U32", ELEMENT_U32 }, { "I32", ELEMENT_I32 }, { "U64", ELEMENT_U64 }, { "I64", ELEMENT_I64 },
};

static bool element_named(const char *name, Element *element) {
    for (size_t i = 0; name && i < sizeof dtypes / sizeof dtypes[0]; i++)
        if (strcmp(dtypes[i].name, name) == 0) {
            *element = dtypes[i].element;
            return true;
        }
    return false;
}

/* ---- reading ---- */

/* The header as JSON, to be released; null with *error.  *start: where the values begin. */
static json_t *read_header(const char *path, Stream *s, int64_t *start, char **error) {
    uint8_t size[8];
    if (!stream_read(s, size, 8, "the length of the safetensors header", error)) return NULL;
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--) length = length << 8 | size[i];
    if (length < 2 || length > MOST_HEADER || (int64_t)length > stream_most(s) - 8) {
        *error = io_error(path, "announces a header of %llu bytes at byte 0; expected 2 to %lld", (unsigned long long)length,
                          (long long)(stream_most(s) - 8));
        return NULL;
    }
    char *text = malloc(length);
    json_error_t where;
    json_t *header = NULL;
    if (!text) *error = io_no_memory(path);
    else if (stream_read(s, text, length, "the safetensors header", error)) {
        header = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
        if (!header) *error = io_error(path, "has a broken safetensors header at byte %d: %s", 8 + where.position, where.text);
    }
    free(text);
    if (header && !json_is_object(header)) {
        *error = io_error(path, "has a broken safetensors header: expected { at byte 8");
        json_decref(header);
        header = NULL;
    }
    *start = 8 + (int64_t)length;
    return header;
}

/* Where one array lies among the values. */
typedef struct Tensor { const char *name; const json_t *about; int64_t from, to; } Tensor;

static int by_place(const void *a, const void *b) {
    const Tensor *x = a, *y = b;
    if (x->from != y->from) return x->from < y->from ? -1 : 1;
    if (x->to != y->to) return x->to < y->to ? -1 : 1;
    return strcmp(x->name, y->name);
}

static char *read_place(const char *path, Tensor *t) {
    const json_t *at = json_object_get(t->about, "data_offsets");
    const json_t *from = json_array_get(at, 0), *to = json_array_get(at, 1);
    if (json_array_size(at) != 2 || !json_is_integer(from) || !json_is_integer(to))
        return io_error(path, "array '%s': expected \"data_offsets\": [from, to] in the header", t->name);
    t->from = json_integer_value(from);
    t->to = json_integer_value(to);
    if (t->from < 0 || t->to < t->from)
        return io_error(path, "array '%s' lies at bytes %lld to %lld, which cannot be", t->name, (long long)t->from, (long long)t->to);
    return NULL;
}

static char *add_tensor(DataFile *file, const Tensor *t, int64_t start) {
    Stored stored = {0};
    const char *dtype = json_string_value(json_object_get(t->about, "dtype"));
    if (!element_named(dtype, &stored.element))
        return io_error(file->path, "array '%s' is of kind %s; expected F64, F32, F16, BF16, BOOL or I/U of 8 to 64 bits", t->name, dtype ? dtype : "(none)");
    const json_t *shape = json_object_get(t->about, "shape");
    if (!json_is_array(shape) || json_array_size(shape) > 8)
        return io_error(file->path, "array '%s': expected a \"shape\" of at most 8 sizes in the header", t->name);
    int rank = (int)json_array_size(shape);
    int64_t dims[8], count;
    for (int i = 0; i < rank; i++) {
        const json_t *size = json_array_get(shape, (size_t)i);
        dims[i] = json_is_integer(size) ? json_integer_value(size) : -1;
    }
    if (!shape_count(rank, dims, &count)) return io_error(file->path, "array '%s' has a shape that cannot be", t->name);
    if (count * (int64_t)element_bytes(stored.element) != t->to - t->from)
        return io_error(file->path, "array '%s' has %lld bytes; expected %lld by its shape", t->name, (long long)(t->to - t->from),
                        (long long)(count * (int64_t)element_bytes(stored.element)));
    stored.extent = (Extent){ .offset = start + t->from, .length = t->to - t->from, .unpacked = t->to - t->from };
    return file_add(file, t->name, rank, dims, 1, &stored) ? NULL : io_no_memory(file->path);
}

/* Adds the arrays in the order in which they lie, which must be without gap or overlap up to the end of the file. */
static char *add_tensors(DataFile *file, json_t *header, int64_t start, int64_t size) {
    Tensor *tensors = calloc(json_object_size(header) + 1, sizeof *tensors);
    if (!tensors) return io_no_memory(file->path);
    size_t n = 0;
    const char *name;
    json_t *about;
    char *error = NULL;
    json_object_foreach(header, name, about) {
        if (error || strcmp(name, METADATA) == 0) continue;
        tensors[n] = (Tensor){ .name = name, .about = about };
        error = read_place(file->path, &tensors[n++]);
    }
    if (!error) qsort(tensors, n, sizeof *tensors, by_place);
    int64_t next = 0;
    for (size_t i = 0; i < n && !error; i++) {
        if (tensors[i].from != next)
            error = io_error(file->path, "array '%s' begins at byte %lld of the values; expected %lld, where the one before it ends",
                             tensors[i].name, (long long)tensors[i].from, (long long)next);
        else error = add_tensor(file, &tensors[i], start);
        next = tensors[i].to;
    }
    if (!error && next != size - start)
        error = io_error(file->path, "has %lld bytes of values; expected %lld by its header", (long long)(size - start), (long long)next);
    free(tensors);
    return error;
}

char *safetensors_open(DataFile *file) {
    char *error = NULL;
    Stream *s = stream_open(file->path, NULL, &error);
    if (!s) return error;
    if (stream_extent(s)->packing != PACKING_PLAIN) {
        stream_close(s);
        return io_error(file->path, "is gzipped; expected a plain safetensors file");
    }
    int64_t start = 0;
    json_t *header = read_header(file->path, s, &start, &error);
    if (header) error = add_tensors(file, header, start, stream_most(s));
    json_decref(header);
    stream_close(s);
    return error;
}

char *safetensors_text(const char *path, const char *key) {
    char *error = NULL, *text = NULL;
    int64_t start = 0;
    Stream *s = stream_open(path, NULL, &error);
    json_t *header = s ? read_header(path, s, &start, &error) : NULL;
    const char *value = json_string_value(json_object_get(json_object_get(header, METADATA), key));
    if (value) text = strdup(value);
    json_decref(header);
    stream_close(s);
    free(error);
    return text;
}

/* ---- writing ---- */

static char *put_texts(const char *path, json_t *header, const char *const *keys, const char *const *texts, int n) {
    json_t *map = json_object();
    for (int i = 0; i < n; i++)
        if (json_object_get(map, keys[i]) || json_object_set_new(map, keys[i], json_string(texts[i])) != 0) {
            json_decref(map);
            return io_error(path, "cannot hold the text '%s': it is there twice or is not UTF-8", keys[i]);
        }
    return json_object_set_new(header, METADATA, map) == 0 ? NULL : io_no_memory(path);
}

static json_t *shape_json(const SavedArray *a) {
    json_t *shape = json_array();
    for (int i = 0; i < a->rank; i++) json_array_append_new(shape, json_integer(a->dims[i]));
    return shape;
}

static char *put_arrays(const char *path, json_t *header, const SavedArray *arrays, int n, Precision precision) {
    int64_t at = 0;
    for (int i = 0; i < n; i++) {
        int64_t count;
        if (arrays[i].rank < 0 || arrays[i].rank > 8 || !shape_count(arrays[i].rank, arrays[i].dims, &count))
            return io_error(path, "cannot hold array '%s': its shape cannot be", arrays[i].name);
        int64_t end = at + count * (int64_t)precision_bytes(precision);
        json_t *about = json_pack("{s:s, s:o, s:[I, I]}", "dtype", precision == PRECISION_F64 ? "F64" : "F32", "shape", shape_json(&arrays[i]),
                                  "data_offsets", (json_int_t)at, (json_int_t)end);
        bool twice = json_object_get(header, arrays[i].name) != NULL;
        if (json_object_set_new(header, arrays[i].name, about) != 0 || twice)
            return io_error(path, "cannot hold array '%s': the name is there twice or is not UTF-8", arrays[i].name);
        at = end;
    }
    return NULL;
}

/* The header's text, padded with spaces so that the values begin at a multiple of 8. */
static char *header_text(json_t *header, size_t *length) {
    char *text = json_dumps(header, JSON_COMPACT);
    if (!text) return NULL;
    size_t n = strlen(text), padded = (n + 7) / 8 * 8;
    char *whole = malloc(padded + 1);
    if (whole) {
        memcpy(whole, text, n);
        memset(whole + n, ' ', padded - n);
        *length = padded;
    }
    free(text);
    return whole;
}

static char *write_whole(const char *path, const char *header, size_t length, const SavedArray *arrays, int n, Precision precision) {
    Fresh fresh;
    if (!fresh_open(&fresh, path)) return io_error(path, "cannot be written: %s", strerror(errno));
    for (int i = 0; i < 8; i++) fputc((int)(length >> 8 * i & 255), fresh.out);
    fwrite(header, 1, length, fresh.out);
    for (int i = 0; i < n; i++) {
        int64_t count;
        shape_count(arrays[i].rank, arrays[i].dims, &count);
        if (count) fwrite(arrays[i].data, precision_bytes(precision), (size_t)count, fresh.out);
    }
    return fresh_keep(&fresh) ? NULL : io_error(path, "cannot be written: %s", strerror(errno));
}

char *safetensors_write(const char *path, const char *const *keys, const char *const *texts, int n_texts,
                        const SavedArray *arrays, int n_arrays, Precision precision) {
    json_t *header = json_object();
    if (!header) return io_no_memory(path);
    char *error = n_texts ? put_texts(path, header, keys, texts, n_texts) : NULL;
    if (!error) error = put_arrays(path, header, arrays, n_arrays, precision);
    size_t length = 0;
    char *text = error ? NULL : header_text(header, &length);
    if (!error && !text) error = io_no_memory(path);
    if (!error) error = write_whole(path, text, length, arrays, n_arrays, precision);
    free(text);
    json_decref(header);
    return error;
}

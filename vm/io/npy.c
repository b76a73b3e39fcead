/* npy.c: numpy's format for one array: a magic number, a version, a header that is the text of a Python dictionary, values. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vm/io/inside.h"

enum { MOST_HEADER = 1 << 20 };

/* What the header says. */
typedef struct Head {
    char descr[16];
    bool fortran_order;
    int rank;
    int64_t dims[8];
    bool has_descr, has_order, has_shape;
} Head;

static const char *after_space(const char *p) {
    while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r') p++;
    return p;
}

/* Moves over one character; false if it is not there. */
static bool take(const char **p, char c) {
    *p = after_space(*p);
    if (**p != c) return false;
    (*p)++;
    return true;
}

/* A text in single or double quotes, without escapes. */
static bool take_text(const char **p, char *out, size_t room) {
    *p = after_space(*p);
    char quote = **p;
    if (quote != '\'' && quote != '"') return false;
    const char *end = strchr(*p + 1, quote);
    if (!end || (size_t)(end - *p - 1) >= room) return false;
    memcpy(out, *p + 1, (size_t)(end - *p - 1));
    out[end - *p - 1] = 0;
    *p = end + 1;
    return true;
}

static bool take_word(const char **p, const char *word) {
    *p = after_space(*p);
    if (strncmp(*p, word, strlen(word)) != 0) return false;
    *p += strlen(word);
    return true;
}

static bool take_size(const char **p, int64_t *size) {
    *p = after_space(*p);
    if (**p < '0' || **p > '9') return false;
    *size = 0;
    while (**p >= '0' && **p <= '9')
        if (__builtin_mul_overflow(*size, 10, size) || __builtin_add_overflow(*size, *(*p)++ - '0', size)) return false;
    if (**p == 'L') (*p)++;     /* Python 2 wrote long sizes so */
    return true;
}

static bool take_shape(const char **p, Head *head) {
    if (!take(p, '(')) return false;
    while (!take(p, ')')) {
        if (head->rank == 8 || !take_size(p, &head->dims[head->rank++])) return false;
        if (!take(p, ',') && *after_space(*p) != ')') return false;
    }
    return true;
}

/* Null, or what was expected at *p. */
static const char *take_entry(const char **p, Head *head) {
    char key[16];
    if (!take_text(p, key, sizeof key)) return "a key in quotes";
    if (!take(p, ':')) return "a colon";
    if (strcmp(key, "descr") == 0 && !head->has_descr) {
        head->has_descr = true;
        return take_text(p, head->descr, sizeof head->descr) ? NULL : "a kind of number such as '<f4' (records are not read)";
    }
    if (strcmp(key, "fortran_order") == 0 && !head->has_order) {
        head->has_order = true;
        head->fortran_order = take_word(p, "True");
        return head->fortran_order || take_word(p, "False") ? NULL : "True or False";
    }
    if (strcmp(key, "shape") == 0 && !head->has_shape) {
        head->has_shape = true;
        return take_shape(p, head) ? NULL : "a shape of at most 8 sizes such as (60000, 28, 28)";
    }
    return "each of the keys 'descr', 'fortran_order' and 'shape' once, before this point";
}

static const char *parse_head(const char **p, Head *head) {
    if (!take(p, '{')) return "an opening brace";
    while (!take(p, '}')) {
        const char *wrong = take_entry(p, head);
        if (wrong) return wrong;
        if (!take(p, ',') && *after_space(*p) != '}') return "a comma or a closing brace";
    }
    if (!head->has_descr || !head->has_order || !head->has_shape) return "the keys 'descr', 'fortran_order' and 'shape' before it ends";
    *p = after_space(*p);
    return **p ? "nothing but space after the closing brace" : NULL;
}

static bool npy_element(const char *descr, Stored *stored) {
    static const struct { const char *name; Element element; } kinds[] = {
        { "f8", ELEMENT_F64 }, { "f4", ELEMENT_F32 }, { "f2", ELEMENT_F16 }, { "b1", ELEMENT_BOOL },
        { "u1", ELEMENT_U8 }, { "u2", ELEMENT_U16 }, { "u4", ELEMENT_U32 }, { "u8", ELEMENT_U64 },
        { "i1", ELEMENT_I8 }, { "i2", ELEMENT_I16 }, { "i4", ELEMENT_I32 }, { "i8", ELEMENT_I64 },
    };
    if (!descr[0] || !strchr("<>=|", descr[0])) return false;
    stored->big_endian = descr[0] == '>';
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(descr + 1, kinds[i].name) == 0) {
            stored->element = kinds[i].element;
            return descr[0] != '|' || element_bytes(stored->element) == 1;
        }
    return false;
}

/* Reads magic, version and length, and gives the header's text, to be freed. */
static char *read_header(DataFile *file, Stream *s, char **text, size_t *at) {
    char *error = NULL;
    uint8_t start[12];
    if (!stream_read(s, start, 10, "the npy magic number, version and header length", &error)) return error;
    if (memcmp(start, "\x93NUMPY", 6) != 0) return io_error(file->path, "is not an npy array: expected \\x93NUMPY at its first byte");
    if (start[6] < 1 || start[6] > 3) return io_error(file->path, "is npy version %d; expected 1, 2 or 3 at byte 6", start[6]);
    size_t length = (size_t)(start[8] | start[9] << 8);
    *at = 10;
    if (start[6] >= 2) {
        if (!stream_read(s, start + 10, 2, "the npy header length", &error)) return error;
        length |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
        *at = 12;
    }
    if (length > MOST_HEADER) return io_error(file->path, "announces a header of %zu bytes; expected at most %d", length, MOST_HEADER);
    *text = calloc(1, length + 1);
    if (!*text) return io_no_memory(file->path);
    if (!stream_read(s, *text, length, "the npy header", &error)) return error;
    if (strlen(*text) != length) return io_error(file->path, "has a zero byte in its npy header, at byte %zu", *at + strlen(*text));
    return NULL;
}

static char *add_array(DataFile *file, Stream *s, const char *name, const Head *head) {
    Stored stored = { .fortran_order = head->fortran_order, .skip = stream_position(s), .extent = *stream_extent(s) };
    if (!npy_element(head->descr, &stored))
        return io_error(file->path, "holds values of kind '%s'; expected b1, f2, f4, f8, i1, i2, i4, i8, u1, u2, u4 or u8", head->descr);
    int64_t count, width = (int64_t)element_bytes(stored.element), most = stream_most(s) - stored.skip;
    if (!shape_count(head->rank, head->dims, &count) || count * width > most)
        return io_error(file->path, "announces more values than it can hold: its header ends at byte %lld, and at most %lld bytes follow",
                        (long long)stored.skip, (long long)most);
    if (stored.extent.unpacked >= 0 && count * width != most)
        return io_error(file->path, "has %lld bytes of values; expected %lld by the shape in its header", (long long)most,
                        (long long)(count * width));
    return file_add(file, name, head->rank, head->dims, 1, &stored) ? NULL : io_no_memory(file->path);
}

char *npy_head(DataFile *file, Stream *s, const char *name) {
    char *text = NULL;
    size_t at = 0;
    char *error = read_header(file, s, &text, &at);
    if (!error) {
        Head head = {0};
        const char *p = text, *wrong = parse_head(&p, &head);
        error = wrong ? io_error(file->path, "has a broken npy header: expected %s at byte %zu", wrong, at + (size_t)(p - text))
                      : add_array(file, s, name, &head);
    }
    free(text);
    return error;
}

char *npy_open(DataFile *file) {
    char *error = NULL;
    Stream *s = stream_open(file->path, NULL, &error);
    if (!s) return error;
    error = npy_head(file, s, "");
    stream_close(s);
    return error;
}

bool npy_write(const char *path, const SavedArray *array, Precision precision) {
    char shape[8 * 24 + 1] = "", head[512];
    size_t used = 0;
    int64_t count;
    if (array->rank < 0 || array->rank > 8 || !shape_count(array->rank, array->dims, &count)) return false;
    for (int i = 0; i < array->rank; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%lld%s", i ? ", " : "",
                                 (long long)array->dims[i], array->rank == 1 ? "," : "");
    int length = snprintf(head, sizeof head, "{'descr': '<f%d', 'fortran_order': False, 'shape': (%s), }",
                          (int)precision_bytes(precision), shape);
    int padded = (10 + length + 1 + 63) / 64 * 64 - 10;     /* values begin at a multiple of 64 */
    Fresh fresh;
    if (!fresh_open(&fresh, path)) return false;
    fwrite("\x93NUMPY\1\0", 1, 8, fresh.out);
    fputc(padded & 255, fresh.out);
    fputc(padded >> 8, fresh.out);
    fprintf(fresh.out, "%-*s\n", padded - 1, head);
    fwrite(array->data, precision_bytes(precision), (size_t)count, fresh.out);
    return fresh_keep(&fresh);
}

/* npz.c: numpy's archive of arrays: a zip file whose members are npy files, stored or deflated. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "vm/io/inside.h"

enum { END_BYTES = 22, LOCATOR_BYTES = 20, END64_BYTES = 56, ENTRY_BYTES = 46, LOCAL_BYTES = 30 };
enum { MOST_DIRECTORY = 1 << 26 };

static uint32_t u16(const uint8_t *p) { return (uint32_t)(p[0] | p[1] << 8); }
static uint32_t u32(const uint8_t *p) { return u16(p) | u16(p + 2) << 16; }
static uint64_t u64(const uint8_t *p) { return u32(p) | (uint64_t)u32(p + 4) << 32; }

/* Reads bytes [offset, offset + n) of the file as they are. */
static char *read_at(DataFile *file, uint64_t offset, size_t n, void *out, const char *what) {
    char *error = NULL;
    if (offset > INT64_MAX) return io_error(file->path, "is a broken zip file: %s should lie at byte %llu", what, (unsigned long long)offset);
    Extent extent = { .offset = (int64_t)offset, .length = (int64_t)n, .unpacked = (int64_t)n };
    Stream *s = stream_open(file->path, &extent, &error);
    if (!s) return error;
    stream_read(s, out, n, what, &error);
    stream_close(s);
    return error;
}

static char *file_size(DataFile *file, uint64_t *size) {
    char *error = NULL;
    Stream *s = stream_open(file->path, NULL, &error);
    if (!s) return error;
    *size = (uint64_t)stream_extent(s)->length;
    stream_close(s);
    return NULL;
}

typedef struct Directory { uint64_t offset, bytes, entries; } Directory;

/* Archives past 4 GB say so, and keep the numbers in a second end record. */
static char *find_directory64(DataFile *file, uint64_t end_at, Directory *d) {
    uint8_t locator[LOCATOR_BYTES], end[END64_BYTES];
    if (end_at < LOCATOR_BYTES) return NULL;
    char *error = read_at(file, end_at - LOCATOR_BYTES, LOCATOR_BYTES, locator, "the zip64 locator");
    if (error || memcmp(locator, "PK\6\7", 4) != 0) return error;
    error = read_at(file, u64(locator + 8), END64_BYTES, end, "the zip64 end record");
    if (error) return error;
    if (memcmp(end, "PK\6\6", 4) != 0)
        return io_error(file->path, "is a broken zip file: expected the zip64 end record at byte %llu", (unsigned long long)u64(locator + 8));
    *d = (Directory){ .entries = u64(end + 32), .bytes = u64(end + 40), .offset = u64(end + 48) };
    return NULL;
}

/* The directory is announced at the end of the file, before a comment of unknown length. */
static char *find_directory(DataFile *file, Directory *d) {
    uint64_t size = 0;
    char *error = file_size(file, &size);
    if (error) return error;
    size_t n = size < END_BYTES + 65535u ? (size_t)size : END_BYTES + 65535u;
    uint8_t *tail = malloc(n + 1);
    if (!tail) return io_no_memory(file->path);
    error = read_at(file, size - n, n, tail, "the end of the zip file");
    size_t at = n >= END_BYTES ? n - END_BYTES + 1 : 0;
    while (!error && at > 0 && memcmp(tail + at - 1, "PK\5\6", 4) != 0) at--;
    if (!error && at == 0) error = io_error(file->path, "is not a whole npz (zip) file: found no zip end record in its last %zu bytes", n);
    if (!error) {
        const uint8_t *end = tail + at - 1;
        *d = (Directory){ .entries = u16(end + 10), .bytes = u32(end + 12), .offset = u32(end + 16) };
        error = find_directory64(file, size - n + at - 1, d);
    }
    free(tail);
    if (!error && (d->bytes > MOST_DIRECTORY || d->offset > size || d->bytes > size - d->offset))
        error = io_error(file->path, "is a broken zip file: its directory of %llu bytes at byte %llu does not fit in it",
                         (unsigned long long)d->bytes, (unsigned long long)d->offset);
    return error;
}

typedef struct Entry {
    char *name;                 /* without ".npy" */
    uint32_t flags, method, crc;
    uint64_t packed, unpacked, offset;
} Entry;

/* Sizes that do not fit 32 bits stand in an extra field, in this order. */
static bool read_extra(const uint8_t *extra, size_t n, Entry *e) {
    uint64_t *wide[3] = { &e->unpacked, &e->packed, &e->offset };
    for (size_t at = 0; at + 4 <= n; ) {
        size_t length = u16(extra + at + 2), used = at + 4;
        if (length > n - used) return false;
        for (int k = 0; u16(extra + at) == 1 && k < 3; k++) {
            if (*wide[k] != UINT32_MAX) continue;
            if (used + 8 > at + 4 + length) return false;
            *wide[k] = u64(extra + used);
            used += 8;
        }
        at += 4 + length;
    }
    return true;
}

/* Adds the array of one member, after a look at its local header and its npy header. */
static char *add_member(DataFile *file, const Entry *e) {
    uint8_t local[LOCAL_BYTES];
    if (e->flags & 1) return io_error(file->path, "has an encrypted member, %s", e->name);
    if (e->method != 0 && e->method != 8)
        return io_error(file->path, "packs %s by zip method %u; expected 0 (stored) or 8 (deflated)", e->name, e->method);
    char *error = read_at(file, e->offset, LOCAL_BYTES, local, "a member's header");
    if (error) return error;
    if (memcmp(local, "PK\3\4", 4) != 0)
        return io_error(file->path, "is a broken zip file: expected the header of %s at byte %llu", e->name, (unsigned long long)e->offset);
    if (e->packed > INT64_MAX || e->unpacked > INT64_MAX || (e->method == 0 && e->packed != e->unpacked) || e->unpacked / 1032 > e->packed)
        return io_error(file->path, "is a broken zip file: the sizes of %s cannot be", e->name);
    Extent extent = {
        .packing = e->method ? PACKING_DEFLATE : PACKING_PLAIN, .length = (int64_t)e->packed, .unpacked = (int64_t)e->unpacked,
        .offset = (int64_t)(e->offset + LOCAL_BYTES + u16(local + 26) + u16(local + 28)), .has_crc = true, .crc = e->crc,
    };
    Stream *s = stream_open(file->path, &extent, &error);
    if (!s) return error;
    error = npy_head(file, s, e->name);
    stream_close(s);
    return error;
}

/* Reads the directory entry at *at and adds its array. */
static char *add_entry(DataFile *file, const uint8_t *directory, size_t bytes, size_t *at) {
    const uint8_t *p = directory + *at;
    if (bytes - *at < ENTRY_BYTES || memcmp(p, "PK\1\2", 4) != 0)
        return io_error(file->path, "is a broken zip file: expected an entry at byte %zu of its directory", *at);
    size_t name = u16(p + 28), extra = u16(p + 30), whole = ENTRY_BYTES + name + extra + u16(p + 32);
    if (bytes - *at < whole) return io_error(file->path, "is a broken zip file: its directory ends within an entry");
    *at += whole;
    Entry e = { .flags = u16(p + 8), .method = u16(p + 10), .crc = u32(p + 16), .packed = u32(p + 20), .unpacked = u32(p + 24),
                .offset = u32(p + 42) };
    if (!read_extra(p + ENTRY_BYTES + name, extra, &e)) return io_error(file->path, "is a broken zip file: an entry's extra field is cut off");
    e.name = strndup((const char *)p + ENTRY_BYTES, name);
    if (!e.name) return io_no_memory(file->path);
    size_t n = strlen(e.name);
    char *error = NULL;
    if (n < 4 || strcmp(e.name + n - 4, ".npy") != 0) {
        error = io_error(file->path, "holds '%s'; expected only members ending in .npy", e.name);
    } else {
        e.name[n - 4] = 0;
        for (int i = 0; i < file->n && !error; i++)
            if (strcmp(file->arrays[i].name, e.name) == 0) error = io_error(file->path, "holds two arrays named '%s'", e.name);
        if (!error) error = add_member(file, &e);
    }
    free(e.name);
    return error;
}

char *npz_open(DataFile *file) {
    Directory d = {0};
    char *error = find_directory(file, &d);
    if (error) return error;
    uint8_t *directory = malloc(d.bytes + 1);
    if (!directory) return io_no_memory(file->path);
    error = read_at(file, d.offset, (size_t)d.bytes, directory, "the zip directory");
    size_t at = 0;
    for (uint64_t i = 0; i < d.entries && !error; i++) error = add_entry(file, directory, (size_t)d.bytes, &at);
    if (!error && file->n == 0) error = io_error(file->path, "holds no arrays");
    free(directory);
    return error;
}

/* source.c: the texts that were read, and places in them. */
#include "vm/base/source.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Offsets are 32 bits wide; no specification comes near this. */
static const size_t LONGEST_TEXT = (size_t)1 << 30;

/* Takes over `text`, which has room for a zero byte at [length]. */
static Source *source_adopt(const char *name, char *text, size_t length)
{
    Source *source = calloc(1, sizeof *source);
    char *own_name = strdup(name);
    if (!source || !own_name) {
        free(source);
        free(own_name);
        free(text);
        return NULL;
    }
    text[length] = '\0';
    *source = (Source){ .name = own_name, .text = text, .length = length };
    return source;
}

Source *source_new(const char *name, const char *text, size_t length)
{
    if (length > LONGEST_TEXT) {
        errno = EFBIG;
        return NULL;
    }
    char *copy = malloc(length + 1);
    if (!copy) return NULL;
    if (length) memcpy(copy, text, length);
    return source_adopt(name, copy, length);
}

/* All bytes of a stream, which need not know its length; null with errno set when that fails. */
static char *read_all(FILE *file, size_t *length)
{
    size_t room = 8192, used = 0;
    char *text = malloc(room + 1);
    while (text) {
        size_t got = fread(text + used, 1, room - used, file);
        used += got;
        if (used < room) break;
        char *longer = used < LONGEST_TEXT ? realloc(text, room * 2 + 1) : NULL;
        if (!longer) {
            if (used >= LONGEST_TEXT) errno = EFBIG;
            free(text);
            return NULL;
        }
        text = longer;
        room *= 2;
    }
    if (text && ferror(file)) {
        free(text);
        return NULL;
    }
    *length = used;
    return text;
}

Source *source_read(const char *path, const char *shown_name)
{
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    size_t length = 0;
    char *text = read_all(file, &length);
    int cause = errno;
    fclose(file);
    errno = cause;
    return text ? source_adopt(shown_name, text, length) : NULL;
}

void source_free(Source *source)
{
    if (!source) return;
    free(source->name);
    free(source->text);
    free(source);
}

static uint32_t within(const Source *source, uint32_t offset)
{
    return offset > source->length ? (uint32_t)source->length : offset;
}

static bool is_continuation(char byte) { return ((unsigned char)byte & 0xC0) == 0x80; }

Position source_position(const Source *source, uint32_t offset)
{
    offset = within(source, offset);
    Position place = { 1, 1 };
    uint32_t start = 0;
    for (uint32_t i = 0; i < offset; i++)
        if (source->text[i] == '\n') {
            place.line++;
            start = i + 1;
        }
    for (uint32_t i = start; i < offset; i++)
        if (!is_continuation(source->text[i])) place.column++;
    return place;
}

const char *source_line(const Source *source, uint32_t offset, size_t *length)
{
    uint32_t start = within(source, offset), end = start;
    while (start > 0 && source->text[start - 1] != '\n') start--;
    while (end < source->length && source->text[end] != '\n') end++;
    if (end > start && source->text[end - 1] == '\r') end--;
    *length = end - start;
    return source->text + start;
}

Span span_join(Span a, Span b)
{
    if (!a.source) return b;
    if (!b.source || a.source != b.source) return a;
    if (b.start < a.start) a.start = b.start;
    if (b.end > a.end) a.end = b.end;
    return a;
}

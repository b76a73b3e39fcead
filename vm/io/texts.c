/* texts.c: the texts of a file: its lines, or all of it.  UTF-8 is checked. */
#define _GNU_SOURCE
#include "vm/io/texts.h"
#include <stdlib.h>
#include <string.h>
#include "vm/io/inside.h"

void texts_free(Texts *texts) {
    free(texts->at);
    free(texts->bytes);
    *texts = (Texts){0};
}

/* Bytes of the character at p, by the rules of UTF-8 (no overlong forms, no surrogates); 0: there is none. */
static size_t character_bytes(const uint8_t *p, const uint8_t *end) {
    static const struct { uint8_t low, high, second_low, second_high; size_t n; } forms[] = {
        { 0x01, 0x7f, 0, 0, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
        { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (*p < forms[i].low || *p > forms[i].high) continue;
        if ((size_t)(end - p) < forms[i].n) return 0;
        if (forms[i].n > 1 && (p[1] < forms[i].second_low || p[1] > forms[i].second_high)) return 0;
        for (size_t k = 2; k < forms[i].n; k++) if ((p[k] & 0xc0) != 0x80) return 0;
        return forms[i].n;
    }
    return 0;
}

char *text_check(const char *path, const char *text, size_t length) {
    const uint8_t *p = (const uint8_t *)text, *end = p + length;
    int64_t line = 1;
    while (p < end) {
        size_t n = character_bytes(p, end);
        if (!n) return io_error(path, "line %lld: byte %zu of the file, 0x%02x, is not UTF-8 text", (long long)line, (size_t)(p - (const uint8_t *)text), *p);
        line += *p == '\n';
        p += n;
    }
    return NULL;
}

char *texts_whole(const char *path, Texts *texts) {
    *texts = (Texts){0};
    char *error = NULL;
    size_t length = 0;
    Stream *s = stream_open(path, NULL, &error);
    if (!s) return error;
    texts->bytes = stream_rest(s, &length, &error);
    stream_close(s);
    if (!texts->bytes) return error;
    error = text_check(path, texts->bytes, length);
    if (!error && !length) error = io_error(path, "is empty; expected text");
    if (!error && !(texts->at = calloc(1, sizeof *texts->at))) error = io_no_memory(path);
    if (error) {
        texts_free(texts);
        return error;
    }
    bool mark = length >= 3 && memcmp(texts->bytes, "\xef\xbb\xbf", 3) == 0;
    texts->at[texts->n++] = texts->bytes + (mark ? 3 : 0);
    return NULL;
}

char *texts_lines(const char *path, Texts *texts) {
    char *error = texts_whole(path, texts);
    if (error) return error;
    char *p = texts->bytes + (texts->at[0] - texts->bytes);
    int64_t n = 1;
    for (const char *c = p; (c = strchr(c, '\n')); c++) n++;
    const char **at = realloc(texts->at, sizeof *at * (size_t)n);
    if (!at) {
        texts_free(texts);
        return io_no_memory(path);
    }
    texts->at = at;
    texts->n = 0;
    while (*p) {
        char *end = strchrnul(p, '\n'), *next = *end ? end + 1 : end;
        texts->at[texts->n++] = p;
        if (end > p && end[-1] == '\r') end--;
        *end = 0;
        p = next;
    }
    return NULL;
}

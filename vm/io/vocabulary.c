/* vocabulary.c: symbols and their numbers. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "vm/io/pieces.h"

void vocabulary_free(Vocabulary *v) {
    for (int i = 0; i < v->n; i++) free(v->symbols[i]);
    free(v->symbols);
    free(v->order);
    pairs_free(v->ranks);
    *v = (Vocabulary){0};
}

/* ---- cutting ---- */

static size_t character_length(const char *p) {
    size_t n = 1;
    while (((uint8_t)p[n] & 0xc0) == 0x80) n++;
    return n;
}

/* Bytes of the symbol that begins at p, and what separates it from the next. */
static size_t symbol_length(const Vocabulary *v, const char *p, size_t *gap) {
    *gap = 0;
    if (v->cut == CUT_WHOLE) return strlen(p);
    if (v->cut != CUT_AT) return character_length(p);
    const char *end = strstr(p, v->separator);
    if (!end) return strlen(p);
    *gap = strlen(v->separator);
    return (size_t)(end - p);
}

/* The next symbol of a text, *p moved behind it; false at the end.  A text that is cut at a separator has one symbol more than separators. */
static bool next_symbol(const Vocabulary *v, const char **p, const char **symbol, size_t *length) {
    if (!*p || (!**p && v->cut != CUT_WHOLE && v->cut != CUT_AT)) return false;
    size_t gap;
    *symbol = *p;
    *length = symbol_length(v, *p, &gap);
    *p += *length + gap;
    if (!gap && (v->cut == CUT_AT || v->cut == CUT_WHOLE)) *p = NULL;
    return true;
}

/* ---- looking up ---- */

static int compare(const char *a, size_t length, const char *b) {
    int sign = strncmp(a, b, length);
    return sign ? sign : -(b[length] != 0);
}

int vocabulary_find(const Vocabulary *v, const char *symbol, size_t length) {
    for (int low = 0, high = v->n - 1; low <= high; ) {
        int middle = (low + high) / 2, sign = compare(symbol, length, v->symbols[v->order[middle]]);
        if (sign == 0) return v->order[middle];
        if (sign < 0) high = middle - 1;
        else low = middle + 1;
    }
    return -1;
}

static int by_symbol(const void *a, const void *b, void *context) {
    char **symbols = context;
    return strcmp(symbols[*(const int *)a], symbols[*(const int *)b]);
}

bool vocabulary_sort(Vocabulary *v) {
    int *order = realloc(v->order, sizeof *order * (size_t)(v->n + 1));
    if (!order) return false;
    v->order = order;
    for (int i = 0; i < v->n; i++) order[i] = i;
    qsort_r(order, (size_t)v->n, sizeof *order, by_symbol, v->symbols);
    return true;
}

/* ---- learning ---- */

/* A set of symbols under way: open addressing. */
typedef struct Set { const char **symbol; size_t *length; size_t room, n; } Set;

static uint64_t hash_symbol(const char *symbol, size_t length) {
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++) h = (h ^ (uint8_t)symbol[i]) * 0x100000001b3u;
    return h ^ h >> 29;
}

static bool set_grow(Set *s);

static bool set_add(Set *s, const char *symbol, size_t length) {
    if (2 * s->n >= s->room && !set_grow(s)) return false;
    size_t at = (size_t)hash_symbol(symbol, length) & (s->room - 1);
    for (; s->symbol[at]; at = (at + 1) & (s->room - 1))
        if (s->length[at] == length && memcmp(s->symbol[at], symbol, length) == 0) return true;
    s->symbol[at] = symbol;
    s->length[at] = length;
    s->n++;
    return true;
}

static bool set_grow(Set *s) {
    Set more = { .room = s->room ? 2 * s->room : 256 };
    more.symbol = calloc(more.room, sizeof *more.symbol);
    more.length = calloc(more.room, sizeof *more.length);
    bool fine = more.symbol && more.length;
    for (size_t i = 0; fine && i < s->room; i++) if (s->symbol[i]) fine = set_add(&more, s->symbol[i], s->length[i]);
    free(s->symbol);
    free(s->length);
    *s = more;
    return fine;
}

bool vocabulary_add(Vocabulary *v, char *symbol) {
    char **symbols = symbol ? realloc(v->symbols, sizeof *symbols * (size_t)(v->n + 1)) : NULL;
    if (!symbols) {
        free(symbol);
        return false;
    }
    v->symbols = symbols;
    v->symbols[v->n++] = symbol;
    return true;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

bool vocabulary_learn(Vocabulary *v, Cut cut, const char *separator, const char *const *texts, int64_t n, int most) {
    *v = (Vocabulary){ .cut = cut, .separator = separator };
    Set set = {0};
    bool fine = true;
    for (int64_t i = 0; i < n && fine; i++) {
        const char *p = texts[i], *symbol;
        for (size_t length; fine && next_symbol(v, &p, &symbol, &length); ) fine = set_add(&set, symbol, length);
    }
    for (size_t i = 0; i < set.room && fine; i++) if (set.symbol[i]) fine = vocabulary_add(v, strndup(set.symbol[i], set.length[i]));
    free(set.symbol);
    free(set.length);
    if (v->n) qsort(v->symbols, (size_t)v->n, sizeof *v->symbols, by_text);
    fine = fine && vocabulary_sort(v);
    if (fine && cut == CUT_PIECES) fine = pieces_learn(v, texts, n, most);
    if (!fine) vocabulary_free(v);
    return fine;
}

bool vocabulary_of(Vocabulary *v, const char *alphabet) {
    *v = (Vocabulary){ .cut = CUT_CHARACTERS };
    bool fine = true;
    for (size_t length; fine && *alphabet; alphabet += length) {
        length = character_length(alphabet);
        fine = vocabulary_add(v, strndup(alphabet, length));
    }
    fine = fine && vocabulary_sort(v);
    for (int i = 1; fine && i < v->n; i++) fine = strcmp(v->symbols[v->order[i - 1]], v->symbols[v->order[i]]) != 0;
    if (!fine) vocabulary_free(v);
    return fine;
}

/* ---- encoding ---- */

int64_t vocabulary_encode(const Vocabulary *v, const char *text, double *out, int64_t room, char *unknown) {
    if (v->cut == CUT_PIECES) return pieces_encode(v, text, out, room, unknown);
    int64_t n = 0;
    const char *symbol;
    for (size_t length; next_symbol(v, &text, &symbol, &length); n++) {
        int number = vocabulary_find(v, symbol, length);
        if (number < 0) {
            if (unknown) {
                size_t part = length < 63 ? length : 63;
                memcpy(unknown, symbol, part);
                unknown[part] = 0;
            }
            return -1;
        }
        if (n < room) out[n] = number;
    }
    return n;
}

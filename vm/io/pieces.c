/* pieces.c: word pieces.  Learning counts how often each pair of neighbors stands in the distinct words, joins the most frequent one
 * everywhere, and mends the counts of its neighbors.  Encoding joins in the order that was learnt. */
#define _GNU_SOURCE
#include "vm/io/pieces.h"
#include <stdlib.h>
#include <string.h>

/* A distinct word as symbols, and how often it occurs. */
typedef struct Word { int *at; int n; int64_t count; } Word;
typedef struct Words { Word *at; int64_t n, room; } Words;

/* Bytes of the word at p: leading white space, then all up to the next white space. */
static size_t word_length(const char *p) {
    size_t n = strspn(p, " \t\r\n");
    return n + strcspn(p + n, " \t\r\n");
}

static int compare_words(const void *a, const void *b) {
    const Word *x = a, *y = b;
    int shared = x->n < y->n ? x->n : y->n;
    for (int i = 0; i < shared; i++) if (x->at[i] != y->at[i]) return x->at[i] < y->at[i] ? -1 : 1;
    return (x->n > y->n) - (x->n < y->n);
}

/* The symbols of the characters of a word; null: out of memory.  *bad: the first character that has none. */
static int *characters_of(const Vocabulary *v, const char *p, size_t length, int *n, const char **bad) {
    int *at = malloc(sizeof *at * (length + 1));
    *n = 0;
    *bad = NULL;
    for (size_t i = 0; at && i < length; ) {
        size_t part = 1;
        while (i + part < length && ((uint8_t)p[i + part] & 0xc0) == 0x80) part++;
        at[*n] = vocabulary_find(v, p + i, part);
        if (at[*n] < 0) { *bad = p + i; return at; }
        ++*n;
        i += part;
    }
    return at;
}

static void words_free(Words *w) {
    for (int64_t i = 0; i < w->n; i++) free(w->at[i].at);
    free(w->at);
}

static bool words_add(Words *w, const Vocabulary *v, const char *text) {
    for (size_t length; *text; text += length) {
        length = word_length(text);
        if (w->n == w->room) {
            int64_t room = w->room ? 2 * w->room : 1024;
            Word *more = realloc(w->at, sizeof *more * (size_t)room);
            if (!more) return false;
            w->at = more;
            w->room = room;
        }
        Word *word = &w->at[w->n];
        const char *bad;
        *word = (Word){ .count = 1 };
        word->at = characters_of(v, text, length, &word->n, &bad);
        if (!word->at) return false;
        w->n++;
    }
    return true;
}

/* Equal words become one. */
static void words_unite(Words *w) {
    if (!w->n) return;
    qsort(w->at, (size_t)w->n, sizeof *w->at, compare_words);
    int64_t last = 0;
    for (int64_t i = 1; i < w->n; i++) {
        if (compare_words(&w->at[last], &w->at[i]) != 0) { w->at[++last] = w->at[i]; continue; }
        w->at[last].count++;
        free(w->at[i].at);
    }
    w->n = last + 1;
}

/* ---- pairs ---- */

typedef struct Pair { int first, second; bool used; int64_t count; } Pair;
struct Pairs { Pair *at; size_t room, n; };

static size_t pair_place(const Pairs *p, int first, int second) {
    uint64_t h = ((uint64_t)(uint32_t)first << 32 | (uint32_t)second) * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(h >> 32) & (p->room - 1);
    while (p->at[at].used && (p->at[at].first != first || p->at[at].second != second)) at = (at + 1) & (p->room - 1);
    return at;
}

static bool pairs_grow(Pairs *p) {
    Pairs more = { .room = p->room ? 2 * p->room : 1024 };
    more.at = calloc(more.room, sizeof *more.at);
    if (!more.at) return false;
    for (size_t i = 0; i < p->room; i++) {
        if (!p->at[i].count) continue;
        more.at[pair_place(&more, p->at[i].first, p->at[i].second)] = p->at[i];
        more.n++;
    }
    free(p->at);
    *p = more;
    return true;
}

static bool pairs_add(Pairs *p, int first, int second, int64_t count) {
    if (2 * p->n >= p->room && !pairs_grow(p)) return false;
    Pair *pair = &p->at[pair_place(p, first, second)];
    if (!pair->used) p->n++;
    *pair = (Pair){ first, second, true, pair->count + count };
    return true;
}

/* What is known of the pair; 0 if nothing. */
static int64_t pairs_count(const Pairs *p, int first, int second) {
    return p->room ? p->at[pair_place(p, first, second)].count : 0;
}

void pairs_free(Pairs *p) {
    if (p) free(p->at);
    free(p);
}

/* The pairs of a word, `times` more of each. */
static bool count_word(Pairs *p, const Word *w, int64_t times) {
    for (int k = 0; k + 1 < w->n; k++) if (!pairs_add(p, w->at[k], w->at[k + 1], times)) return false;
    return true;
}

static const Pair *most_frequent(const Pairs *p) {
    const Pair *best = NULL;
    for (size_t i = 0; i < p->room; i++) {
        const Pair *x = &p->at[i];
        if (x->count < 2) continue;
        if (!best || x->count > best->count
            || (x->count == best->count && (x->first < best->first || (x->first == best->first && x->second < best->second)))) best = x;
    }
    return best;
}

/* Every such pair of a word becomes one symbol, from left to right. */
static int join_pair(int *at, int n, int first, int second, int joined) {
    int to = 0;
    for (int i = 0; i < n; i++) {
        bool here = i + 1 < n && at[i] == first && at[i + 1] == second;
        at[to++] = here ? joined : at[i];
        i += here;
    }
    return to;
}

/* The symbol that two become. */
static bool add_join(Vocabulary *v, int first, int second) {
    size_t a = strlen(v->symbols[first]), b = strlen(v->symbols[second]);
    char *symbol = malloc(a + b + 1);
    if (symbol) {
        memcpy(symbol, v->symbols[first], a);
        memcpy(symbol + a, v->symbols[second], b + 1);
    }
    return vocabulary_add(v, symbol);
}

/* Joins the pair in all words that have it, and mends the counts. */
static bool join_everywhere(Words *words, Pairs *pairs, int first, int second, int joined) {
    for (int64_t i = 0; i < words->n; i++) {
        Word *w = &words->at[i];
        bool has = false;
        for (int k = 0; k + 1 < w->n && !has; k++) has = w->at[k] == first && w->at[k + 1] == second;
        if (!has) continue;
        if (!count_word(pairs, w, -w->count)) return false;
        w->n = join_pair(w->at, w->n, first, second, joined);
        if (!count_word(pairs, w, w->count)) return false;
    }
    return true;
}

bool pieces_learn(Vocabulary *v, const char *const *texts, int64_t n, int most) {
    Words words = {0};
    Pairs pairs = {0};
    bool fine = (v->ranks = calloc(1, sizeof *v->ranks)) != NULL;
    for (int64_t i = 0; i < n && fine; i++) fine = words_add(&words, v, texts[i]);
    if (fine) words_unite(&words);
    for (int64_t i = 0; i < words.n && fine; i++) fine = count_word(&pairs, &words.at[i], words.at[i].count);
    while (fine && v->n < most) {
        const Pair *pair = most_frequent(&pairs);
        if (!pair) break;
        int first = pair->first, second = pair->second, joined = v->n;
        fine = add_join(v, first, second) && pairs_add(v->ranks, first, second, joined) && join_everywhere(&words, &pairs, first, second, joined);
    }
    words_free(&words);
    free(pairs.at);
    return fine && vocabulary_sort(v);
}

/* ---- encoding ---- */

/* The earliest join of any two neighbors, as the symbol they become; 0: there is none. */
static int earliest_join(const Vocabulary *v, const int *at, int n, int *first, int *second) {
    int64_t best = 0;
    for (int i = 0; i + 1 < n; i++) {
        int64_t joined = pairs_count(v->ranks, at[i], at[i + 1]);
        if (!joined || (best && joined >= best)) continue;
        best = joined;
        *first = at[i];
        *second = at[i + 1];
    }
    return (int)best;
}

int64_t pieces_encode(const Vocabulary *v, const char *text, double *out, int64_t room, char *unknown) {
    int64_t count = 0;
    for (size_t length; *text; text += length) {
        length = word_length(text);
        int n;
        const char *bad;
        int *at = characters_of(v, text, length, &n, &bad);
        if (!at) return -2;
        if (bad) {
            if (unknown) {
                size_t part = 1;
                while (((uint8_t)bad[part] & 0xc0) == 0x80) part++;
                memcpy(unknown, bad, part);
                unknown[part] = 0;
            }
            free(at);
            return -1;
        }
        for (int first = 0, second = 0, joined; (joined = earliest_join(v, at, n, &first, &second)); ) n = join_pair(at, n, first, second, joined);
        for (int i = 0; i < n; i++, count++) if (count < room) out[count] = at[i];
        free(at);
    }
    return count;
}

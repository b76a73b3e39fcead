/* texts.h: texts as numbers: the lines of a file, and vocabularies that give every symbol of a text (a character, a label, a piece of a
 * word) its number. */
#ifndef EBM_TEXTS_H
#define EBM_TEXTS_H

#include <stdbool.h>
#include <stdint.h>

/* Texts of UTF-8, each ended by a zero byte. */
typedef struct Texts { int64_t n; const char **at; char *bytes; } Texts;

void  texts_free(Texts *texts);
/* The lines of a file (gzipped or not) without their ends; or all of it as one text.  Null, or an error the caller frees. */
char *texts_lines(const char *path, Texts *texts);
char *texts_whole(const char *path, Texts *texts);

/* How a text falls into symbols. */
typedef enum Cut {
    CUT_WHOLE,                  /* it is one symbol */
    CUT_CHARACTERS,
    CUT_AT,                     /* at a separator */
    CUT_PIECES                  /* words into the pieces that pairs of pieces were joined to (byte-pair encoding over characters) */
} Cut;

typedef struct Pairs Pairs;

/* Distinct symbols; a symbol's number is its place. */
typedef struct Vocabulary {
    Cut cut;
    const char *separator;      /* AT; borrowed */
    int n;
    char **symbols;             /* owned; in ascending order of bytes, which for UTF-8 is that of characters; pieces: in the order they were made */
    int *order;                 /* places in ascending order of symbols */
    Pairs *ranks;               /* PIECES: the pairs of symbols that are joined, and the symbol each becomes; owned */
} Vocabulary;

/* The symbols that occur in the texts.  CUT_PIECES: the characters, then the most frequent pair of neighbors within a word again and again
 * until there are `most` symbols or no pair occurs twice; of equally frequent pairs the one whose symbols come first.  A space goes with the
 * word after it.  False: out of memory. */
bool vocabulary_learn(Vocabulary *v, Cut cut, const char *separator, const char *const *texts, int64_t n, int most);
/* A vocabulary of the characters of a text, in its order; false if one is there twice. */
bool vocabulary_of(Vocabulary *v, const char *alphabet);
void vocabulary_free(Vocabulary *v);
/* The numbers of a text's symbols: their count, of which at most `room` are written.  -1: a symbol is not in the vocabulary, and *unknown
 * (if not null, of at least 64 bytes) says which; -2: out of memory. */
int64_t vocabulary_encode(const Vocabulary *v, const char *text, double *out, int64_t room, char *unknown);

#endif

/* pieces.h: word pieces by byte-pair encoding (Sennrich, Haddow & Birch 2016) over characters.  Private to the vocabulary. */
#ifndef EBM_PIECES_H
#define EBM_PIECES_H

#include <stddef.h>
#include "vm/io/texts.h"

/* vocabulary.c */
int  vocabulary_find(const Vocabulary *v, const char *symbol, size_t length);    /* -1: not in it */
bool vocabulary_add(Vocabulary *v, char *symbol);       /* takes the symbol, which may be null: out of memory */
bool vocabulary_sort(Vocabulary *v);                    /* the order anew */

/* Adds symbols to a vocabulary of characters. */
bool    pieces_learn(Vocabulary *v, const char *const *texts, int64_t n, int most);
void    pairs_free(Pairs *pairs);
int64_t pieces_encode(const Vocabulary *v, const char *text, double *out, int64_t room, char *unknown);

#endif

/* token.h: a text as a list of tokens.
 *
 * The scanner (scanner.l) knows characters, the list (tokens.c) knows lines, the reader (parse.c) knows where statements end. */
#ifndef EBM_TEXT_TOKEN_H
#define EBM_TEXT_TOKEN_H

#include <stdbool.h>
#include <stdint.h>
#include "lang/text/syntax.h"

/* One distinct word of the text.  The count numbers the uses of a name (Expr.site). */
typedef struct Word {
    const char *text;
    int kind;                   /* NAME or the keyword's kind */
    int uses, item;             /* in definition or other top-level statement number `item` */
} Word;

/* Kinds beside those of the grammar. */
enum { TOKEN_COMMENT = 10000, TOKEN_DOC };

typedef struct Token {
    int kind;                   /* as in grammar.y; a comment's is above */
    Span span;
    int line, column;           /* from 1, columns in code points */
    bool first;                 /* on its line */
    Word *word;                 /* names and keywords; null for others */
    const char *text;           /* string: unescaped; name (without its prime), keyword: as written; else null */
    double number;
    Unit unit;
} Token;

typedef struct Tokens {
    int n;
    Token *at;                  /* the last one is the end of the text, kind 0 */
    int n_comments;
    Token *comments;            /* in text order, apart from the rest */
} Tokens;

/* Reads all tokens.  What they point to lives in the arena, the lists until they are freed.  Characters that belong to no token are reported, and mended where the meaning is plain. */
Tokens tokens_read(Arena *arena, const Source *source, Diagnostics *diagnostics);
void tokens_free(Tokens *tokens);
/* The ## comment that stands directly above a token, without the marks; null if there is none. */
const char *tokens_doc(Arena *arena, const Tokens *tokens, const Token *token);

/* Whether token i begins a line that does not go on from the one above: outside brackets, a new statement. */
bool tokens_new_line(const Tokens *tokens, int i);

/* More errors than this in one text are not worth reading. */
enum { MOST_ERRORS = 40 };

/* ---- between scanner.l and tokens.c ---- */

typedef struct Scanning {
    Arena *arena;
    const Source *source;
    Diagnostics *diagnostics;
    uint32_t start, end;        /* of the token just read */
    const char *string;         /* of a string: its text, unescaped */
    int meant;                  /* a word's kind if it is not its own (mended text), else 0 */
    const char *meant_text;
} Scanning;

typedef struct Scanner Scanner;
Scanner *scanner_new(Scanning *scanning);
/* The next token's kind: NEWLINE_KIND for a line's end, 0 for the text's. */
int  scanner_next(Scanner *scanner);
void scanner_free(Scanner *scanner);
enum { NEWLINE_KIND = 10002 };

/* Reports bytes that are not UTF-8 and zero bytes. */
void check_encoding(const Source *source, Diagnostics *diagnostics);
/* Bytes at the front of the word that are letters, digits or _; *bad is the code point that ended it, or 0. */
size_t word_length(const char *word, size_t length, uint32_t *bad, size_t *bad_bytes);
/* Reports a character that looks like one of the language's, or like none; gives the kind of the one that was meant, 0 to skip it. */
int mend_character(Scanning *scanning, uint32_t code_point);
/* The text between the quotes with its escapes undone; unknown escapes are reported. */
const char *unescape(Scanning *scanning, const char *text, size_t length, uint32_t offset);

#endif

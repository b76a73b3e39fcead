/* tokens.c: the list of a text's tokens: words told apart, lines and columns counted, comments kept aside. */
#include "lang/text/token.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lang/text/grammar.tab.h"

/* ---- words: one Word for each distinct one ---- */

typedef struct Words { int n, room; Word **at; Arena *arena; } Words;

static int keyword_kind(const char *text)
{
    static const struct { const char *word; int kind; } keywords[] = {
#define KEYWORD(word, token) { word, T_##token },
#include "lang/text/keywords.def"
#undef KEYWORD
    };
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
        if (!strcmp(text, keywords[i].word)) return keywords[i].kind;
    return T_NAME;
}

static Word **word_place(const Words *words, const char *text, size_t length)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    uint32_t mask = (uint32_t)words->room - 1;
    Word **place = &words->at[hash & mask];
    for (uint32_t i = hash; *place; place = &words->at[++i & mask])
        if (strlen((*place)->text) == length && !memcmp((*place)->text, text, length)) break;
    return place;
}

static void words_grow(Words *words)
{
    Words wider = { words->n, words->room ? words->room * 2 : 256, NULL, words->arena };
    wider.at = ARENA_ARRAY(words->arena, Word *, wider.room);
    for (int i = 0; i < words->room; i++)
        if (words->at[i]) *word_place(&wider, words->at[i]->text, strlen(words->at[i]->text)) = words->at[i];
    *words = wider;
}

static Word *word_find(Words *words, const char *text, size_t length)
{
    if (words->n * 2 >= words->room) words_grow(words);
    Word **place = word_place(words, text, length);
    if (!*place) {
        Word *word = ARENA_NEW(words->arena, Word);
        word->text = arena_copy(words->arena, text, length);
        word->kind = keyword_kind(word->text);
        *place = word;
        words->n++;
    }
    return *place;
}

/* ---- numbers ---- */

static Unit unit_named(const char *text)
{
    return !strncmp(text, "step", 4) ? UNIT_STEPS : !strncmp(text, "epoch", 5) ? UNIT_EPOCHS : !strcmp(text, "ms") ? UNIT_MILLISECONDS
         : UNIT_SECONDS;
}

/* A number's value, its underscores left out, and its unit. */
static void read_number(Token *token, Arena *arena, Diagnostics *diagnostics)
{
    const char *text = token->span.source->text + token->span.start;
    size_t length = token->span.end - token->span.start, n = 0;
    char *digits = arena_alloc(arena, length + 1);
    for (size_t i = 0; i < length && !strchr(" \t", text[i]); i++)
        if (text[i] != '_') digits[n++] = text[i];
    digits[n] = '\0';
    token->number = strtod(digits, NULL);
    if (!isfinite(token->number)) {
        diag_error(diagnostics, "E0110", token->span, "this number is too large");
        token->number = 0;
    }
    if (token->kind != T_QUANTITY) return;
    size_t unit = length;
    while (unit > 0 && !strchr(" \t", text[unit - 1])) unit--;
    token->unit = unit_named(arena_copy(arena, text + unit, length - unit));
}

/* ---- the list ---- */

typedef struct Listing {
    Tokens tokens;
    int room, comment_room;
    Words words;
    uint32_t counted;           /* line and column below are those of this offset */
    int line, column;
    bool first;                 /* nothing but blanks on this line so far */
} Listing;

static Token *add_token(Token **at, int *n, int *room)
{
    if (*n == *room) {
        int wider = *room ? *room * 2 : 256;
        Token *tokens = realloc(*at, sizeof(Token) * (size_t)wider);
        if (!tokens) {
            fputs("ebm: out of memory while reading a text\n", stderr);
            exit(3);
        }
        *at = tokens;
        *room = wider;
    }
    return &(*at)[(*n)++];
}

void tokens_free(Tokens *tokens)
{
    free(tokens->at);
    free(tokens->comments);
    *tokens = (Tokens){ 0 };
}

static void count_to(Listing *list, const Source *source, uint32_t offset)
{
    for (; list->counted < offset; list->counted++) {
        char c = source->text[list->counted];
        if (c == '\n') {
            list->line++;
            list->column = 1;
            list->first = true;
        } else if (((unsigned char)c & 0xC0) != 0x80) list->column++;
    }
}

static void take_word(Listing *list, Scanning *s, Token *token)
{
    const char *text = s->meant ? s->meant_text : s->source->text + s->start;
    size_t length = s->meant ? strlen(text) : s->end - s->start;
    if (token->kind == T_PRIMED) length -= text[length - 1] == '\'' ? 1 : 3;    /* or a typographic prime */
    token->word = word_find(&list->words, text, length);
    token->text = token->word->text;
    if (token->kind == T_NAME) token->kind = token->word->kind;
    s->meant = 0;
    bool yes = !strcmp(token->text, "True");
    if (token->kind == T_NAME && (yes || !strcmp(token->text, "False"))) {
        Diagnostic *d = diag_error(s->diagnostics, "E0104", token->span, "there is no `%s` in this language", token->text);
        diag_help(d, "write %s", yes ? "true" : "false");
    }
}

static void take_token(Listing *list, Scanning *s, int kind)
{
    bool comment = kind == TOKEN_COMMENT || kind == TOKEN_DOC;
    Token *token = comment ? add_token(&list->tokens.comments, &list->tokens.n_comments, &list->comment_room)
                           : add_token(&list->tokens.at, &list->tokens.n, &list->room);
    count_to(list, s->source, s->start);
    *token = (Token){ .kind = kind, .span = { s->source, s->start, s->end }, .line = list->line, .column = list->column,
                      .first = list->first };
    if (!comment) list->first = false;
    if (kind == T_NAME || kind == T_PRIMED || s->meant) take_word(list, s, token);
    else if (kind == T_NUMBER || kind == T_QUANTITY) read_number(token, s->arena, s->diagnostics);
    else if (kind == T_STRING) token->text = s->string;
    else if (kind == T_DIGEST) token->text = arena_copy(s->arena, s->source->text + s->start, s->end - s->start);
}

Tokens tokens_read(Arena *arena, const Source *source, Diagnostics *diagnostics)
{
    Scanning scanning = { .arena = arena, .source = source, .diagnostics = diagnostics };
    Listing list = { .words = { .arena = arena }, .line = 1, .column = 1, .first = true };
    int most = diagnostics->errors + MOST_ERRORS, kind;
    check_encoding(source, diagnostics);
    Scanner *scanner = scanner_new(&scanning);
    do {
        kind = scanner ? scanner_next(scanner) : 0;
        if (diagnostics->errors > most) kind = 0;
        if (kind != NEWLINE_KIND) take_token(&list, &scanning, kind);
    } while (kind);
    if (scanner) scanner_free(scanner);
    Token *end = &list.tokens.at[list.tokens.n - 1];
    end->span.start = end->span.end = (uint32_t)source->length;
    return list.tokens;
}

/* ---- lines ---- */

/* A line that ends in this token goes on. */
static bool goes_on_after(const Tokens *tokens, int i)
{
    if (i < 0) return false;
    if (i > 0 && tokens->at[i - 1].kind == '.') return false;     /* a keyword there is the name of a field */
    switch (tokens->at[i].kind) {
    case '+': case '-': case '*': case '/': case '^': case '=': case '~': case ',': case '<': case '>': case ':': case '.':
    case T_ARROW: case T_PIPE: case T_DOTS: case T_LE: case T_GE: case T_EQ: case T_NE: case T_OR: case T_AND: case T_NOT: case T_MOD:
    case T_IF: case T_THEN: case T_ELSE: case T_OF: case T_UNDER: case T_BY: case T_GIVEN: case T_FROM: case T_THROUGH:
        return true;
    default:
        return false;
    }
}

/* A line that begins with this token continues the one above: no statement can begin so. */
static bool goes_on_with(const Token *t)
{
    switch (t->kind) {
    case T_PIPE: case T_THEN: case T_ELSE: case T_BY: case T_FROM: case T_GIVEN: case T_THROUGH: case T_UNDER: case '{':
        return true;
    default:
        return false;
    }
}

bool tokens_new_line(const Tokens *tokens, int i)
{
    const Token *t = &tokens->at[i];
    return t->first && !goes_on_after(tokens, i - 1) && !goes_on_with(t);
}

/* ---- documentation ---- */

/* The number of comments that begin before an offset. */
static int comments_before(const Tokens *tokens, uint32_t offset)
{
    int low = 0, high = tokens->n_comments;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (tokens->comments[middle].span.start < offset) low = middle + 1;
        else high = middle;
    }
    return low;
}

static bool is_doc(const Tokens *tokens, int i, int line)
{
    if (i < 0) return false;
    const Token *c = &tokens->comments[i];
    return c->kind == TOKEN_DOC && c->first && c->line == line;
}

const char *tokens_doc(Arena *arena, const Tokens *tokens, const Token *token)
{
    if (!token->first) return NULL;
    int end = comments_before(tokens, token->span.start), begin = end;
    while (is_doc(tokens, begin - 1, token->line - (end - begin) - 1)) begin--;
    if (begin == end) return NULL;
    size_t length = 0;
    for (int i = begin; i < end; i++) length += tokens->comments[i].span.end - tokens->comments[i].span.start;
    char *doc = arena_alloc(arena, length + 1), *to = doc;
    for (int i = begin; i < end; i++) {
        Span span = tokens->comments[i].span;
        const char *from = span.source->text + span.start, *stop = span.source->text + span.end;
        while (from < stop && *from == '#') from++;
        if (from < stop && *from == ' ') from++;
        while (stop > from && strchr(" \t\r", stop[-1])) stop--;
        if (to > doc) *to++ = '\n';
        memcpy(to, from, (size_t)(stop - from));
        to += stop - from;
    }
    return doc;
}

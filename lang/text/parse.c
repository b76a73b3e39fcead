/* parse.c: reads a text: decides where statements end, pushes tokens into the parser, and finds the way back after an error. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lang/text/build.h"
#include "lang/text/grammar.tab.h"

Diagnostic *reader_error(Reader *r, const char *code, Span span, const char *format, ...)
{
    if (r->quiet) return NULL;
    va_list arguments;
    va_start(arguments, format);
    char *message = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&message, &length);
    if (out) {
        vfprintf(out, format, arguments);
        fclose(out);
    }
    va_end(arguments);
    Diagnostic *d = diag_error(r->diagnostics, code, span, "%s", message ? message : "");
    free(message);
    return d;
}

/* ---- where statements end ---- */

static const Token *token_number(const Reader *r, int i) { return &r->tokens.at[i]; }

/* Whether the statement being read ends in front of token i. */
static bool ends_before(const Reader *r, int i)
{
    int kind = token_number(r, i)->kind;
    return kind == 0 || kind == ';' || (kind == '}' && r->depth > 0) || tokens_new_line(&r->tokens, i);
}

static bool in_block(const Reader *r) { return r->depth == 0 || r->open[r->depth - 1].is_block; }

/* ---- brackets ---- */

static bool opens_block(const Reader *r, int i)
{
    int before = i > 0 ? token_number(r, i - 1)->kind : 0;
    return token_number(r, i)->kind == '{' && in_block(r) && before != ':' && before != T_ARROW;
}

static void open_bracket(Reader *r, int i)
{
    bool block = opens_block(r, i);
    r->open[r->depth++] = (Opener){ .token = token_number(r, i), .is_block = block, .statement = r->statement };
    if (block) r->statement = NULL;
}

static bool matches(int opener, int closer)
{
    return (opener == '(' && closer == ')') || (opener == '[' && closer == ']') || (opener == '{' && closer == '}');
}

/* A } left of the block it closes belongs to an outer block: it is remembered in case a } is missing at the end. */
static void close_bracket(Reader *r, const Token *closer)
{
    if (!r->depth || !matches(r->open[r->depth - 1].token->kind, closer->kind)) return;
    Opener *top = &r->open[--r->depth];
    if (!top->is_block) return;
    if (top->outdented && closer->first && closer->column < top->statement->column && !r->suspect.token) r->suspect = *top;
    r->statement = top->statement;
}

static void drop_brackets(Reader *r)
{
    while (r->depth && !r->open[r->depth - 1].is_block) r->depth--;
}

/* ---- pushing ---- */

typedef struct Parser { text_pstate *state; int status; } Parser;

static void push(Parser *parser, Reader *r, int kind, const Token *token, Span span)
{
    if (parser->status != YYPUSH_MORE) return;
    TEXT_STYPE value = { .token = token };
    parser->status = text_push_parse(parser->state, kind, &value, &span, r);
}

static void push_token(Parser *parser, Reader *r, int i)
{
    r->at = i;
    r->at_separator = false;
    push(parser, r, token_number(r, i)->kind, token_number(r, i), token_number(r, i)->span);
}

/* The end of the statement, in front of token i. */
static void push_separator(Parser *parser, Reader *r, int i)
{
    Span span = token_number(r, i)->span;
    if (i > 0) span.start = token_number(r, i - 1)->span.end;
    span.end = span.start;
    r->at = i;
    r->at_separator = true;
    push(parser, r, T_SEP, token_number(r, i), span);
    r->statement = NULL;
    r->failed = false;
}

/* ---- beginnings of statements ---- */

static bool begins_definition(const Reader *r, int i)
{
    const Token *t = token_number(r, i);
    switch (t->kind) {
    case T_ROLE: case T_ENERGY: case T_PROCEDURE: case T_TRAIN: return true;
    case T_FN: return token_number(r, i + 1)->kind == T_NAME;
    default: return false;
    }
}

static bool begins_top(const Reader *r, int i)
{
    switch (token_number(r, i)->kind) {
    case T_OPTION: case T_DATA: case T_SEED: case T_PRECISION: case T_EDITION: case T_USE: return true;
    default: return begins_definition(r, i);
    }
}

/* A definition that stands no further right than the statement whose block is open: the block's } was forgotten. */
static bool leaves_block(const Reader *r, int i)
{
    const Token *t = token_number(r, i);
    return r->depth && t->first && begins_top(r, i) && t->column <= r->open[r->depth - 1].statement->column;
}

static void complain_unclosed(Reader *r, const Opener *opener, const Token *next)
{
    if (opener->is_block && r->suspect.token && r->suspect.token->span.start > opener->token->span.start) opener = &r->suspect;
    Diagnostic *d = reader_error(r, "E0106", opener->token->span, "this `%c` is never closed", opener->token->kind);
    if (opener->outdented) next = opener->outdented;
    if (next && next->kind) NOTE(d, next->span, "it seems to end before this");
    r->suspect = (Opener){ 0 };
}

/* Closes all blocks, as if their } were here. */
static void close_blocks(Parser *parser, Reader *r, int i)
{
    while (r->depth) {
        const Opener *top = &r->open[r->depth - 1];
        if (top->is_block) {
            if (r->statement) push_separator(parser, r, i);
            push(parser, r, '}', token_number(r, i), token_number(r, i)->span);
            r->statement = top->statement;
        }
        r->depth--;
    }
    if (r->statement) push_separator(parser, r, i);
}

static void start_statement(Parser *parser, Reader *r, int i)
{
    if (leaves_block(r, i)) {
        complain_unclosed(r, &r->open[r->depth - 1], token_number(r, i));
        bool quiet = r->quiet;
        r->quiet = true;
        close_blocks(parser, r, i);
        r->quiet = quiet;
    }
    const Token *t = token_number(r, i);
    r->statement = t;
    if (r->depth) {
        Opener *top = &r->open[r->depth - 1];
        if (t->first && t->column <= top->statement->column && !top->outdented) top->outdented = t;
    } else r->item++;
}

/* ---- the way back ---- */

/* Token i cannot be taken: the number of the token in front of which the broken statement ends.  Blocks in it are skipped
 * whole; a line that begins no further right than the statement ends it even inside brackets, so a forgotten ) costs one error. */
static int skip_statement(const Reader *r, int i, bool in_brackets)
{
    int round = in_brackets, curly = 0;
    for (int k = i;; k++) {
        const Token *t = token_number(r, k);
        if (t->kind == 0) return k;
        bool closer = t->kind == ')' || t->kind == ']' || t->kind == '}';
        if (t->first && !closer && t->column <= r->statement->column && t != r->statement) return k;
        if (k > i && !round && !curly && !closer && tokens_new_line(&r->tokens, k)) return k;
        if (t->kind == '(' || t->kind == '[') round++;
        if ((t->kind == ')' || t->kind == ']') && round) round--;
        if (t->kind == '{') curly++;
        if (t->kind == '}') {
            if (!curly && r->depth) return k;
            if (curly) curly--;
        }
        if (t->kind == ';' && !round && !curly) return k;
    }
}

static int recover(Parser *parser, Reader *r, int i)
{
    bool in_brackets = !in_block(r);
    drop_brackets(r);
    if (!r->statement) r->statement = token_number(r, i);
    int next = skip_statement(r, i, in_brackets);
    push_separator(parser, r, next);
    return next;
}

/* ---- reading ---- */

static bool too_many_errors(Reader *r, int most, int i)
{
    if (r->diagnostics->errors <= most) return false;
    reader_error(r, "E0199", token_number(r, i)->span, "too many errors; the text from here on was not read");
    return true;
}

static bool too_deep(Reader *r, int i)
{
    if (r->depth < DEEPEST_BRACKETS) return false;
    Diagnostic *d = reader_error(r, "E0109", token_number(r, i)->span, "brackets are nested more than %d deep", DEEPEST_BRACKETS);
    HELP(d, "give parts of this names; the text from here on was not read");
    return true;
}

/* Pushes token i; returns the number of the next one. */
static int read_token(Parser *parser, Reader *r, int i)
{
    int kind = token_number(r, i)->kind;
    push_token(parser, r, i);
    if (r->failed) return recover(parser, r, i);
    if (kind == '(' || kind == '[' || kind == '{') open_bracket(r, i);
    else close_bracket(r, token_number(r, i));
    return i + 1;
}

static void finish(Parser *parser, Reader *r, int i)
{
    if (r->depth) {
        if (!r->diagnostics->errors) r->ending = ENDING_IN_BRACKETS;
        complain_unclosed(r, &r->open[r->depth - 1], NULL);
        r->quiet = true;
    }
    close_blocks(parser, r, i);
    push_token(parser, r, r->tokens.n - 1);
}

static void read_all(Parser *parser, Reader *r, int most)
{
    int i = 0;
    while (parser->status == YYPUSH_MORE) {
        const Token *t = token_number(r, i);
        bool at_top = in_block(r), stop = too_many_errors(r, most, i);
        bool opening = t->kind == '(' || t->kind == '[' || t->kind == '{';
        if (stop || (opening && too_deep(r, i))) {
            r->quiet = true;
            finish(parser, r, i);
        } else if (at_top && r->statement && ends_before(r, i)) push_separator(parser, r, i);
        else if (!t->kind) finish(parser, r, i);
        else if (at_top && t->kind == ';') i++;
        else {
            if (at_top && !r->statement && !(t->kind == '}' && r->depth)) start_statement(parser, r, i);
            i = read_token(parser, r, i);
        }
    }
}

File *parse_to_end(const Source *source, Diagnostics *diagnostics, Ending *ending)
{
    File *file = calloc(1, sizeof *file);
    Reader *r = calloc(1, sizeof *r);
    Parser parser = { text_pstate_new(), YYPUSH_MORE };
    if (!file || !r || !parser.state) {
        fputs("ebm: out of memory while reading a text\n", stderr);
        exit(3);
    }
    int most = diagnostics->errors + MOST_ERRORS;
    file->source = source;
    *r = (Reader){ .file = file, .arena = &file->arena, .diagnostics = diagnostics };
    r->tokens = tokens_read(r->arena, source, diagnostics);
    read_all(&parser, r, most);
    text_pstate_delete(parser.state);
    diagnostics_sort(diagnostics, source);
    *ending = r->ending;
    tokens_free(&r->tokens);
    free(r);
    return file;
}

File *parse(const Source *source, Diagnostics *diagnostics)
{
    Ending ending;
    return parse_to_end(source, diagnostics, &ending);
}

void file_free(File *file)
{
    if (!file) return;
    arena_free(&file->arena);
    free(file);
}

/* format.c: `ebm fmt`: a text in the one style.
 *
 * It works on tokens, so that nothing is lost: what changes is the blanks between them.  Blocks are indented by two, lines that go
 * on keep their place relative to their statement, signs get blanks by the rules below, and of several empty lines one stays.
 * More than one blank stays where it aligns a token with one on the line above or below. */
#include <stdlib.h>
#include <string.h>

#include "lang/text/build.h"
#include "lang/text/grammar.tab.h"

/* Tokens and comments in text order. */
typedef struct Item { const Token *token; bool comment; int number; } Item;

typedef struct Formatter {
    Arena arena;
    FILE *out;
    const Source *source;
    Tokens tokens;
    int n;
    Item *items;
    int depth;
    struct { int kind, item; bool block; } open[DEEPEST_BRACKETS + 1];
    int last_opened;            /* the item that opened what was closed last */
    int indent, statement_column;       /* of the statement being written: its indentation now, and its column in the source */
} Formatter;

/* ---- the items ---- */

static void merge_items(Formatter *f)
{
    int tokens = f->tokens.n - 1, comments = f->tokens.n_comments;      /* the end of the text is none */
    f->items = ARENA_ARRAY(&f->arena, Item, tokens + comments + 1);
    for (int t = 0, c = 0; t < tokens || c < comments;) {
        bool comment = t == tokens || (c < comments && f->tokens.comments[c].span.start < f->tokens.at[t].span.start);
        if (comment) {
            f->items[f->n++] = (Item){ &f->tokens.comments[c], true, 0 };
            c++;
        } else {
            f->items[f->n++] = (Item){ &f->tokens.at[t], false, t };
            t++;
        }
    }
}

static const Token *near_token(const Formatter *f, int i)
{
    return i >= 0 && i < f->n && !f->items[i].comment ? f->items[i].token : NULL;
}

static bool in_block(const Formatter *f) { return f->depth == 0 || f->open[f->depth - 1].block; }

static int kind_of(const Token *t) { return t ? t->kind : 0; }

/* Blanks between two tokens as written; a tab counts as one. */
static int blanks_between(const Token *a, const Token *b) { return (int)(b->span.start - a->span.end); }

/* Whether a token of the line begins in the column. */
static bool line_has_column(const Formatter *f, int line, int column)
{
    int low = 0, high = f->n;
    while (low < high) {
        int middle = low + (high - low) / 2;
        const Token *t = f->items[middle].token;
        if (t->line < line || (t->line == line && t->column < column)) low = middle + 1;
        else high = middle;
    }
    return low < f->n && f->items[low].token->line == line && f->items[low].token->column == column;
}

static bool is_aligned(const Formatter *f, const Token *t)
{
    return line_has_column(f, t->line - 1, t->column) || line_has_column(f, t->line + 1, t->column);
}

/* ---- blanks ---- */

static bool is_operand_end(const Token *t)
{
    int kind = kind_of(t);
    return kind == T_NAME || kind == T_PRIMED || kind == T_NUMBER || kind == T_QUANTITY || kind == T_STRING || kind == ')' || kind == ']' ||
           kind == T_REDUCTION || kind == '}';
}

static bool is_word(const Formatter *f, int i)
{
    return kind_of(near_token(f, i - 1)) == '.' || kind_of(near_token(f, i + 1)) == '=';
}

static bool is_sign(const Formatter *f, int i)
{
    const Token *t = near_token(f, i), *before = near_token(f, i - 1);
    if (kind_of(t) != '-') return false;
    if (t->first && in_block(f) && tokens_new_line(&f->tokens, f->items[i].number)) return true;
    return !(is_operand_end(before) || (before && before->word && is_word(f, i - 1)));
}

/* Signs whose blanks are the author's, but the same on both sides: a*b + c, T-1. */
static bool is_free_operator(const Formatter *f, int i)
{
    int kind = kind_of(near_token(f, i));
    return kind == '+' || kind == '*' || kind == '/' || (kind == '-' && !is_sign(f, i));
}

static bool is_spaced(const Formatter *f, int i)
{
    const Token *t = near_token(f, i), *before = near_token(f, i - 1), *after = near_token(f, i + 1);
    return !before || !after || t->first || after->first || blanks_between(before, t) > 0 || blanks_between(t, after) > 0;
}

static bool in_subscript(const Formatter *f) { return f->depth && f->open[f->depth - 1].kind == '['; }

typedef enum Gap { GAP_NONE, GAP_FREE, GAP_BLANK } Gap;

/* In front of a ( or [. */
static Gap gap_before_bracket(const Formatter *f, int i, const Token *a)
{
    if (a->kind == ']') {
        int word = kind_of(near_token(f, f->last_opened - 1));
        return word == T_REDUCTION || word == T_ARGBEST ? GAP_FREE : GAP_NONE;     /* sum[i] (..), logsumexp[i](..) */
    }
    if (a->kind == T_NUMBER || a->kind == T_QUANTITY) return GAP_BLANK; /* 0..1 [28, 28] */
    if (a->kind == T_FN || a->kind == T_REDUCTION || a->kind == T_ARGBEST || a->kind == T_LOAD) return GAP_NONE;
    if (a->word && a->kind != T_NAME && a->kind != T_PRIMED) return is_word(f, i - 1) ? GAP_NONE : GAP_BLANK;
    return is_operand_end(a) ? GAP_NONE : GAP_BLANK;
}

/* Between items i-1 and i, both tokens of one line. */
static Gap gap_before(const Formatter *f, int i)
{
    const Token *a = near_token(f, i - 1), *b = near_token(f, i);
    int open = f->depth ? f->open[f->depth - 1].kind : 0;
    if (b->kind == ',' || b->kind == ';' || b->kind == ')' || b->kind == ']' || b->kind == '.') return GAP_NONE;
    if (a->kind == '(' || a->kind == '[' || a->kind == '.') return GAP_NONE;
    if (a->kind == '^' || b->kind == '^' || a->kind == T_DOTS || (b->kind == T_DOTS && is_operand_end(a))) return GAP_NONE;
    if (a->kind == '{' || b->kind == '}') return in_block(f) ? GAP_BLANK : GAP_NONE;
    if (a->kind == ',') return open == '[' || open == '{' ? GAP_FREE : GAP_BLANK;
    if (b->kind == ':') return GAP_NONE;
    if (a->kind == ':') return in_subscript(f) ? GAP_FREE : GAP_BLANK;
    if (is_sign(f, i - 1)) return GAP_NONE;
    if (is_free_operator(f, i)) return is_spaced(f, i) ? GAP_BLANK : GAP_NONE;
    if (is_free_operator(f, i - 1)) return is_spaced(f, i - 1) ? GAP_BLANK : GAP_NONE;
    if (b->kind == '(' || b->kind == '[') return gap_before_bracket(f, i, a);
    return GAP_BLANK;
}

static int blanks_before(const Formatter *f, int i)
{
    const Token *a = f->items[i - 1].token, *b = f->items[i].token;
    int written = blanks_between(a, b);
    if (f->items[i].comment) return written > 0 ? written : 1;
    Gap gap = gap_before(f, i);
    if (gap == GAP_NONE) return 0;
    if (written > 1 && is_aligned(f, b)) return written;
    return gap == GAP_FREE && written == 0 ? 0 : 1;
}

/* ---- lines ---- */

static int blocks_open(const Formatter *f)
{
    int n = 0;
    for (int i = 0; i < f->depth; i++) n += f->open[i].block;
    return n;
}

/* The number of the next token at or after item i; that of the end of the text if there is none. */
static int next_token(const Formatter *f, int i)
{
    while (i < f->n && f->items[i].comment) i++;
    return i < f->n ? f->items[i].number : f->tokens.n - 1;
}

/* The indentation of a line that begins with item i. */
static int line_indent(Formatter *f, int i)
{
    const Token *t = f->items[i].token;
    int next = next_token(f, i), kind = f->tokens.at[next].kind;
    int before = next > 0 ? f->tokens.at[next - 1].kind : 0;
    bool begins = before == '{' || before == ';' || before == 0 || tokens_new_line(&f->tokens, next) || kind == 0;
    if (in_block(f) && (begins || kind == '}')) {
        f->indent = 2 * (blocks_open(f) - (kind == '}' && !f->items[i].comment));
        f->statement_column = t->column;
        return f->indent;
    }
    bool closes = kind == ')' || kind == ']';
    int shift = t->column - f->statement_column, least = closes ? 0 : 2;
    return f->indent + (shift > least ? shift : least);
}

static void begin_line(Formatter *f, int i)
{
    const Token *t = f->items[i].token;
    if (i > 0) {
        const Token *above = f->items[i - 1].token;
        bool empty = t->line > above->line + 1 && above->kind != '{' && t->kind != '}';
        fputs(empty ? "\n\n" : "\n", f->out);
    }
    fprintf(f->out, "%*s", line_indent(f, i), "");
}

static void write_item(Formatter *f, int i)
{
    Span span = f->items[i].token->span;
    uint32_t end = span.end;
    while (f->items[i].comment && end > span.start && strchr(" \t\r", f->source->text[end - 1])) end--;
    fwrite(f->source->text + span.start, 1, end - span.start, f->out);
}

static void track_bracket(Formatter *f, int i)
{
    int kind = kind_of(near_token(f, i)), before = i > 0 ? kind_of(near_token(f, i - 1)) : 0;
    bool block = kind == '{' && in_block(f) && before != ':' && before != T_ARROW;
    if ((kind == '(' || kind == '[' || kind == '{') && f->depth < DEEPEST_BRACKETS) {
        f->open[f->depth].kind = kind;
        f->open[f->depth].item = i;
        f->open[f->depth].block = block;
        f->depth++;
    } else if ((kind == ')' || kind == ']' || kind == '}') && f->depth) f->last_opened = f->open[--f->depth].item;
}

/* A { alone on its line joins the line above. */
static bool breaks_line(const Formatter *f, int i)
{
    const Item *item = &f->items[i];
    if (i == 0) return true;
    if (f->items[i - 1].comment) return true;
    return item->token->first && (item->comment || item->token->kind != '{');
}

static char *format_once(const Source *source)
{
    char *text = NULL;
    size_t length = 0;
    Diagnostics ignored = { 0 };
    Formatter f = { .source = source, .out = open_memstream(&text, &length) };
    if (!f.out) return NULL;
    f.tokens = tokens_read(&f.arena, source, &ignored);
    merge_items(&f);
    for (int i = 0; i < f.n; i++) {
        if (breaks_line(&f, i)) begin_line(&f, i);
        else fprintf(f.out, "%*s", f.items[i].token->first ? 1 : blanks_before(&f, i), "");
        write_item(&f, i);
        track_bracket(&f, i);
    }
    if (f.n) fputc('\n', f.out);
    fclose(f.out);
    tokens_free(&f.tokens);
    arena_free(&f.arena);
    diagnostics_free(&ignored);
    return text;
}

/* Blanks that were kept to align may align nothing any more: again, until nothing changes. */
void format_print(FILE *out, const File *file)
{
    enum { MOST_ROUNDS = 10 };
    char *text = format_once(file->source);
    for (int round = 0; text && round < MOST_ROUNDS; round++) {
        Source *again = source_new(file->source->name, text, strlen(text));
        char *next = again ? format_once(again) : NULL;
        bool same = !next || !strcmp(next, text);
        source_free(again);
        free(next && !same ? text : next);
        if (same) break;
        text = next;
    }
    if (text) fputs(text, out);
    free(text);
}

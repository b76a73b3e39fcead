/* pipeline_format.c: the one style of texts: two blanks of indentation for each open brace, lines that continue a statement moved with
 * its first, no blanks at line ends, no tabs, at most one blank line in a row, one newline at the end.  What stands in a line is the author's. */
#define _GNU_SOURCE
#include "lang/pipeline_inside.h"

#include <stdlib.h>
#include <string.h>

/* Where the text stands while it is written line by line. */
typedef struct Style {
    FILE *out;
    int braces, brackets;       /* open at the start of the line */
    int shift;                  /* blanks the present statement's first line was moved by */
    bool blank;                 /* a blank line waits to be written */
    bool begun;
} Style;

static int blanks_of(const char *line, size_t length)
{
    int blanks = 0;
    for (size_t i = 0; i < length && (line[i] == ' ' || line[i] == '\t'); i++) blanks = line[i] == '\t' ? (blanks / 8 + 1) * 8 : blanks + 1;
    return blanks;
}

/* Counts the brackets of one line, past texts and comments. */
static void count_brackets(Style *s, const char *line, size_t length)
{
    bool in_text = false;
    for (size_t i = 0; i < length; i++) {
        char c = line[i];
        if (in_text && c == '\\') i++;
        else if (c == '"') in_text = !in_text;
        else if (in_text) continue;
        else if (c == '#') return;
        else if (c == '{') s->braces++;
        else if (c == '}') s->braces--;
        else if (c == '(' || c == '[') s->brackets++;
        else if (c == ')' || c == ']') s->brackets--;
    }
}

/* A line that the grammar reads as the rest of the one above. */
static bool continues(const char *words, size_t length)
{
    static const char *const leads[] = { "|>", "then ", "else ", "by ", "from ", "given ", "through " };
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++)
        if (length >= strlen(leads[i]) && !strncmp(words, leads[i], strlen(leads[i]))) return true;
    return false;
}

static void write_line(Style *s, const char *line, size_t length, bool open)
{
    int blanks = blanks_of(line, length);
    const char *words = line + strspn(line, " \t");
    size_t n = length - (size_t)(words - line);
    while (n && strchr(" \t\r", words[n - 1])) n--;
    if (!n) {
        s->blank = s->begun;
        return;
    }
    if (s->blank) fputc('\n', s->out);
    s->blank = false;
    s->begun = true;
    int depth = s->braces - (*words == '}');
    int indent = 2 * (depth > 0 ? depth : 0);
    if (open || s->brackets > 0 || continues(words, n)) indent = blanks + s->shift;
    else s->shift = indent - blanks;
    fprintf(s->out, "%*s%.*s\n", indent > 0 ? indent : 0, "", (int)n, words);
    count_brackets(s, words, n);
}

/* Whether the last word of a line leaves the statement open. */
static bool leaves_open(const char *line, size_t length)
{
    size_t end = 0;
    bool in_text = false;
    for (size_t i = 0; i < length; i++) {
        if (in_text && line[i] == '\\') i++;
        else if (line[i] == '"') in_text = !in_text;
        else if (!in_text && line[i] == '#') break;
        if (i < length && !strchr(" \t\r", line[i])) end = i + 1;
    }
    return end && !in_text && strchr("+-*/^=~,<>:.", line[end - 1]);
}

static void write_style(FILE *out, const char *text, size_t length)
{
    Style style = { .out = out };
    bool open = false;
    for (size_t at = 0; at < length;) {
        size_t n = 0;
        while (at + n < length && text[at + n] != '\n') n++;
        write_line(&style, text + at, n, open);
        if (n) open = leaves_open(text + at, n);
        at += n + 1;
    }
}

bool ebm_format(FILE *out, FILE *errors, const char *name, const char *text, size_t length)
{
    Diagnostics diagnostics = { 0 };
    Source *source = source_new(name, text, length);
    if (!source) return false;
    file_free(parse(source, &diagnostics));
    bool well = !diagnostics.errors;
    if (well) write_style(out, source->text, source->length);
    diagnostics_print(errors, &diagnostics, false);
    diagnostics_free(&diagnostics);
    source_free(source);
    return well;
}

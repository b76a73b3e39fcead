/* diag.c: lists of diagnostics, and how one is shown to the reader. */
#define _GNU_SOURCE              /* vasprintf */
#include "vm/base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- the list ---- */

static _Noreturn void give_up(void)
{
    fputs("ebm: out of memory while reporting an error\n", stderr);
    exit(3);
}

static char *format_text(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0) give_up();
    return text;
}

static bool span_equal(Span a, Span b)
{
    return a.source == b.source && a.start == b.start && a.end == b.end;
}

void diagnostics_free(Diagnostics *list)
{
    while (list->first) {
        Diagnostic *d = list->first;
        list->first = d->next;
        while (d->notes) {
            Note *note = d->notes;
            d->notes = note->next;
            free(note->text);
            free(note);
        }
        free(d->message);
        free(d->help);
        free(d);
    }
    *list = (Diagnostics){ 0 };
}

static Diagnostic *find_same(const Diagnostics *list, const char *code, Span span)
{
    for (Diagnostic *d = list->first; d; d = d->next)
        if (!strcmp(d->code, code) && span_equal(d->span, span)) return d;
    return NULL;
}

static Diagnostic *diag_add(Diagnostics *list, Severity severity, const char *code, Span span, char *message)
{
    Diagnostic *d = find_same(list, code, span);
    if (d) {
        free(message);
        return d;
    }
    d = calloc(1, sizeof *d);
    if (!d) give_up();
    *d = (Diagnostic){ .severity = severity, .fault = FAULT_TEXT, .code = code, .span = span, .message = message };
    if (list->last) list->last->next = d;
    else list->first = d;
    list->last = d;
    if (severity == SEVERITY_ERROR) list->errors++;
    else list->warnings++;
    return d;
}

Diagnostic *diag_error(Diagnostics *list, const char *code, Span span, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *message = format_text(format, arguments);
    va_end(arguments);
    return diag_add(list, SEVERITY_ERROR, code, span, message);
}

Diagnostic *diag_warning(Diagnostics *list, const char *code, Span span, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *message = format_text(format, arguments);
    va_end(arguments);
    return diag_add(list, SEVERITY_WARNING, code, span, message);
}

/* Takes over `text`; a note that is already there is not added again. */
static void note_add(Diagnostic *d, Span span, char *text)
{
    Note **end = &d->notes;
    for (; *end; end = &(*end)->next)
        if (span_equal((*end)->span, span) && !strcmp((*end)->text, text)) {
            free(text);
            return;
        }
    *end = calloc(1, sizeof **end);
    if (!*end) give_up();
    **end = (Note){ .span = span, .text = text };
}

void diag_note(Diagnostic *d, Span span, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    note_add(d, span, format_text(format, arguments));
    va_end(arguments);
}

void diag_help(Diagnostic *d, const char *format, ...)
{
    if (d->help) return;
    va_list arguments;
    va_start(arguments, format);
    d->help = format_text(format, arguments);
    va_end(arguments);
}

void diag_trace(Diagnostic *d, const Origin *origin)
{
    enum { MOST_CALLS = 8 };
    int calls = 0;
    for (; origin && origin->caller; origin = origin->caller) {
        if (!origin->caller->span.source) continue;
        if (++calls > MOST_CALLS) {
            diag_note(d, (Span){ 0 }, "and further calls around these");
            return;
        }
        if (origin->what) diag_note(d, origin->caller->span, "in %s, called here", origin->what);
        else diag_note(d, origin->caller->span, "called here");
    }
}

/* Insertion keeps the order of equals; those of other sources keep their places in front of what follows them. */
void diagnostics_sort(Diagnostics *list, const Source *source)
{
    Diagnostic *sorted = NULL, *next;
    for (Diagnostic *d = list->first; d; d = next) {
        next = d->next;
        Diagnostic **place = &sorted, **last = &sorted;
        for (; *place; place = &(*place)->next) {
            bool after = d->span.source != source || (*place)->span.source != source || (*place)->span.start <= d->span.start;
            if (after) last = &(*place)->next;
        }
        d->next = *last;
        *last = d;
    }
    list->first = sorted;
    for (list->last = sorted; list->last && list->last->next; list->last = list->last->next) { }
}

/* ---- showing ---- */

typedef struct Paint { const char *bold, *error, *warning, *mark, *off; } Paint;

static Paint paint_of(bool color)
{
    if (!color) return (Paint){ "", "", "", "", "" };
    return (Paint){ "\033[1m", "\033[1;31m", "\033[1;33m", "\033[1;32m", "\033[0m" };
}

enum { WIDEST_LINE = 140, KEPT_BEFORE = 60 };

/* The lead byte and all continuation bytes after it, as source_position counts. */
static size_t code_point_bytes(const char *at, const char *end)
{
    size_t n = 1;
    while (at + n < end && ((unsigned char)at[n] & 0xC0) == 0x80) n++;
    return n;
}

/* A tab or control character is shown as one blank, so that the caret below stays in its column; what is not UTF-8 as ?. */
static void show_code_point(FILE *out, const char *at, size_t bytes)
{
    unsigned char lead = (unsigned char)*at;
    size_t due = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (lead < 0x20 || lead == 0x7F) fputc(' ', out);
    else if (bytes != due) fputc('?', out);
    else fwrite(at, 1, bytes, out);
}

/* The source line of a span and a caret below it.  Of a very long line, the part around the caret. */
static void show_line(FILE *out, Span span, const char *mark, const char *off)
{
    size_t length;
    const char *line = source_line(span.source, span.start, &length), *end = line + length;
    Position place = source_position(span.source, span.start);
    const char *from = span.source->text + span.start, *to = span.source->text + span.end;
    if (to > end) to = end;
    int first = 1, column = 1, before = 0, carets = 0;
    if (length > WIDEST_LINE && place.column > KEPT_BEFORE) first = place.column - KEPT_BEFORE;

    fprintf(out, "%5d | %s", place.line, first > 1 ? "..." : "");
    for (const char *at = line; at < end; column++) {
        size_t bytes = code_point_bytes(at, end);
        if (column >= first + WIDEST_LINE) {
            fputs("...", out);
            break;
        }
        if (column >= first) {
            show_code_point(out, at, bytes);
            before += at < from;
            carets += at >= from && at < to;
        }
        at += bytes;
    }
    fprintf(out, "\n      | %*s%s^", before + (first > 1 ? 3 : 0), "", mark);
    for (int i = 1; i < carets; i++) fputc('~', out);
    fprintf(out, "%s\n", off);
}

static bool has_place(Span span) { return span.source != NULL; }

static void show_place(FILE *out, Span span)
{
    Position place = source_position(span.source, span.start);
    fprintf(out, "%s:%d:%d", span.source->name, place.line, place.column);
}

static bool same_line(Span a, Span b)
{
    return a.source == b.source && source_position(a.source, a.start).line == source_position(b.source, b.start).line;
}

static void show_note(FILE *out, const Note *note, Span shown, Paint paint)
{
    fprintf(out, "      %snote:%s %s", paint.bold, paint.off, note->text);
    if (has_place(note->span)) {
        fputs(" (", out);
        show_place(out, note->span);
        fputc(')', out);
    }
    fputc('\n', out);
    if (has_place(note->span) && !(has_place(shown) && same_line(note->span, shown)))
        show_line(out, note->span, paint.mark, paint.off);
}

void diag_print(FILE *out, const Diagnostic *d, bool color)
{
    Paint paint = paint_of(color);
    if (has_place(d->span)) {
        fputs(paint.bold, out);
        show_place(out, d->span);
        fprintf(out, ":%s ", paint.off);
    }
    bool error = d->severity == SEVERITY_ERROR;
    fprintf(out, "%s%s[%s]:%s %s%s%s\n", error ? paint.error : paint.warning, error ? "error" : "warning", d->code, paint.off,
            paint.bold, d->message, paint.off);
    if (has_place(d->span)) show_line(out, d->span, error ? paint.error : paint.warning, paint.off);
    for (const Note *note = d->notes; note; note = note->next) show_note(out, note, d->span, paint);
    if (d->help) fprintf(out, "      %shelp:%s %s\n", paint.bold, paint.off, d->help);
}

void diagnostics_print(FILE *out, const Diagnostics *list, bool color)
{
    for (const Diagnostic *d = list->first; d; d = d->next) diag_print(out, d, color);
}

/* ---- names that were nearly written ---- */

enum { LONGEST_NAME = 64 };

static int smaller(int a, int b) { return a < b ? a : b; }

/* Edits that turn a into b: insert, delete, replace, swap neighbors (optimal string alignment). */
static int edit_distance(const char *a, int n, const char *b, int m)
{
    int rows[3][LONGEST_NAME + 1];
    int *before = rows[0], *last = rows[1], *now = rows[2];
    for (int j = 0; j <= m; j++) last[j] = before[j] = j;
    for (int i = 1; i <= n; i++) {
        now[0] = i;
        for (int j = 1; j <= m; j++) {
            int best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = smaller(best, smaller(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) best = smaller(best, before[j - 2] + 1);
            now[j] = best;
        }
        int *oldest = before;
        before = last;
        last = now;
        now = oldest;
    }
    return last[m];
}

static int edits_allowed(int length)
{
    return length < 3 ? length - 1 : length < 5 ? 1 : length < 9 ? 2 : 3;
}

const char *nearest_name(const char *name, const char *const *candidates, int count)
{
    size_t n = strlen(name);
    if (!n || n > LONGEST_NAME) return NULL;
    const char *best = NULL;
    int best_edits = edits_allowed((int)n) + 1;
    for (int i = 0; i < count; i++) {
        size_t m = candidates[i] ? strlen(candidates[i]) : 0;
        if (!m || m > LONGEST_NAME) continue;
        int edits = strcasecmp(name, candidates[i]) ? edit_distance(name, (int)n, candidates[i], (int)m) : 0;
        if (edits < best_edits && edits < (int)(n > m ? n : m)) {
            best = candidates[i];
            best_edits = edits;
        }
    }
    return best;
}

/* csv.c: tables in text, separated by commas or tabs.  Cells may be quoted ("a ""b"""), lines end in \n or \r\n; the first line
 * names the columns if none of its cells is a number.  A column most of whose cells are numbers is an array; in it every cell must
 * be a number.  The others are columns of texts.  A text that is a large part of the memory there is stays on disk, and so do its numbers. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vm/io/inside.h"
#include "vm/io/number.h"

/* A place in the text; lines count from 1. */
typedef struct Reader {
    const char *path, *text, *p, *end;
    char separator;
    int64_t line;
} Reader;

typedef struct Cell {
    const char *start;
    size_t length;              /* without the quotes; doubled quotes inside are still double */
    bool quoted, last;          /* last of its line */
} Cell;

typedef struct Column {
    char *name;
    double *values;
    DataMap room;               /* of the values, where they lie on disk */
    int64_t numbers;            /* how many cells are numbers */
    int64_t first_bad;          /* line of the first cell that is not a number; 0: none */
    char bad[40];               /* that cell, cut to fit */
} Column;

typedef struct Table {
    int n;
    Column *columns;
    int64_t rows;
} Table;

static char *next_quoted(Reader *r, Cell *cell) {
    const char *p = r->p + 1;
    int64_t line = r->line;
    cell->start = p;
    for (;; p++) {
        if (p == r->end) return io_error(r->path, "line %lld: a quoted cell is never closed; expected \" before the end of the file", (long long)line);
        if (*p == '\n') r->line++;
        if (*p != '"') continue;
        if (p + 1 == r->end || p[1] != '"') break;
        p++;
    }
    cell->length = (size_t)(p - cell->start);
    cell->quoted = true;
    r->p = p + 1;
    if (r->p < r->end && *r->p != r->separator && *r->p != '\n' && *r->p != '\r')
        return io_error(r->path, "line %lld: expected %s or the end of the line after a closing quote", (long long)r->line,
                        r->separator == '\t' ? "a tab" : "a comma");
    return NULL;
}

/* Takes the next cell and what ends it. */
static char *next_cell(Reader *r, Cell *cell) {
    *cell = (Cell){ .start = r->p };
    if (r->p < r->end && *r->p == '"') {
        char *error = next_quoted(r, cell);
        if (error) return error;
    } else {
        while (r->p < r->end && *r->p != r->separator && *r->p != '\n') r->p++;
        cell->length = (size_t)(r->p - cell->start);
        while (cell->length && strchr(" \r", cell->start[cell->length - 1])) cell->length--;
        while (cell->length && *cell->start == ' ') { cell->start++; cell->length--; }
    }
    if (r->p < r->end && *r->p == '\r') r->p++;
    cell->last = r->p == r->end || *r->p != r->separator;
    if (r->p < r->end) r->p++;
    return NULL;
}

/* The cell's text with doubled quotes made single, to be freed. */
static char *cell_text(const Cell *cell) {
    char *text = malloc(cell->length + 1), *to = text;
    if (!text) return NULL;
    for (size_t i = 0; i < cell->length; i++) {
        *to++ = cell->start[i];
        if (cell->quoted && cell->start[i] == '"') i++;
    }
    *to = 0;
    return text;
}

static bool add_column(Table *t, char *name) {
    Column *more = name ? realloc(t->columns, sizeof *more * (size_t)(t->n + 1)) : NULL;
    if (!more) { free(name); return false; }
    t->columns = more;
    t->columns[t->n++] = (Column){ .name = name };
    return true;
}

/* Reads the first line for the names of the columns.  A line with a number in it is a row instead: the reader goes back to it. */
static char *read_names(Reader *r, Table *t) {
    Reader start = *r;
    bool numbers = false;
    for (Cell cell = {0}; !cell.last; ) {
        double value;
        char *error = next_cell(r, &cell);
        if (error) return error;
        if (number_parse(cell.start, cell.length, &value)) numbers = true;
        if (!add_column(t, cell_text(&cell))) return io_no_memory(r->path);
    }
    r->line++;
    if (numbers) *r = start;
    for (int i = 0; i < t->n; i++) {
        Column *c = &t->columns[i];
        if (numbers) {
            free(c->name);
            if (asprintf(&c->name, "column%d", i + 1) < 0) { c->name = NULL; return io_no_memory(r->path); }
        } else if (!*c->name) {
            return io_error(r->path, "line 1: column %d has no name", i + 1);
        }
        for (int k = 0; k < i; k++)
            if (strcmp(c->name, t->columns[k].name) == 0)
                return io_error(r->path, "line 1: columns %d and %d are both named '%s'", k + 1, i + 1, c->name);
    }
    return NULL;
}

/* Room for the values of as many rows as there are lines left: on disk where all columns would take a large part of the memory. */
static char *make_room(const Reader *r, Table *t, uint64_t memory) {
    size_t lines = 1;
    for (const char *p = r->p; (p = memchr(p, '\n', (size_t)(r->end - p))); p++) lines++;
    size_t bytes = lines * sizeof(double);
    for (int i = 0; i < t->n; i++) {
        Column *c = &t->columns[i];
        char *error = bytes * (size_t)t->n > memory / 4 ? map_room(r->path, bytes, &c->room) : NULL;
        if (error) return error;
        c->values = c->room.base ? c->room.data : malloc(bytes);
        if (!c->values) return io_no_memory(r->path);
    }
    return NULL;
}

static void note_cell(Column *c, const Cell *cell, int64_t line, int64_t row) {
    if (number_parse(cell->start, cell->length, &c->values[row])) {
        c->numbers++;
    } else {
        c->values[row] = (double)NAN;
        if (!c->first_bad) {
            c->first_bad = line;
            snprintf(c->bad, sizeof c->bad, "%.*s", cell->length < 32 ? (int)cell->length : 32, cell->start);
        }
    }
}

/* Whether nothing follows but empty lines. */
static bool only_line_ends(const Reader *r) {
    const char *p = r->p;
    while (p < r->end && (*p == '\n' || *p == '\r')) p++;
    return p == r->end;
}

static char *read_rows(Reader *r, Table *t) {
    while (r->p < r->end) {
        if (only_line_ends(r)) break;
        int64_t line = r->line;
        int cells = 0;
        for (Cell cell = {0}; !cell.last; cells++) {
            char *error = next_cell(r, &cell);
            if (error) return error;
            if (cells < t->n) note_cell(&t->columns[cells], &cell, line, t->rows);
        }
        if (cells != t->n)
            return io_error(r->path, "line %lld has %d %s; expected %d, as in line 1", (long long)line, cells, cells == 1 ? "cell" : "cells", t->n);
        t->rows++;
        r->line++;
    }
    if (t->rows == 0) return io_error(r->path, "has no rows; expected numbers from line %lld on", (long long)r->line);
    return NULL;
}

/* Column i again, as texts. */
static char *add_texts(DataFile *file, Reader r, const Table *t, int i) {
    char *error = text_check(file->path, r.text, (size_t)(r.end - r.text));
    if (error) return error;
    const char **texts = calloc((size_t)t->rows + 1, sizeof *texts);
    Stored stored = { .element = ELEMENT_F64, .texts = texts };
    if (!texts || !file_add(file, t->columns[i].name, 1, &t->rows, 1, &stored)) {
        free(texts);
        return io_no_memory(file->path);
    }
    file->arrays[file->n - 1].texts = texts;
    for (int64_t row = 0; row < t->rows; row++) {
        int at = 0;
        for (Cell cell = {0}; !cell.last && !error; at++) {
            error = next_cell(&r, &cell);
            if (!error && at == i && !(texts[row] = cell_text(&cell))) error = io_no_memory(file->path);
        }
        if (error) return error;
        r.line++;
    }
    return NULL;
}

/* Hands the columns over to the file; `rows` stands at the first row. */
static char *add_columns(DataFile *file, Table *t, const Reader *rows) {
    for (int i = 0; i < t->n; i++) {
        Column *c = &t->columns[i];
        if (2 * c->numbers <= t->rows) {
            char *error = add_texts(file, *rows, t, i);
            if (error) return error;
            continue;
        }
        if (c->first_bad)
            return io_error(file->path, "line %lld, column %d (%s): expected a number, found %s%s%s", (long long)c->first_bad, i + 1, c->name,
                            c->bad[0] ? "'" : "an empty cell", c->bad, c->bad[0] ? "'" : "");
        Stored stored = { .element = ELEMENT_F64, .values = c->values, .room = c->room };
        bool whole = true;
        double low = c->values[0], high = c->values[0];
        for (int64_t k = 0; k < t->rows; k++) {
            double v = c->values[k];
            if (v < low) low = v;
            if (v > high) high = v;
            if (v < rint(v) || v > rint(v)) whole = false;
        }
        if (!file_add(file, c->name, 1, &t->rows, 1, &stored)) return io_no_memory(file->path);
        c->values = NULL;
        c->room = (DataMap){0};
        DataArray *a = &file->arrays[file->n - 1];
        a->whole = whole;
        a->low = whole ? low : 0;
        a->high = whole ? high : 0;
    }
    return NULL;
}

static char *parse(DataFile *file, const char *text, size_t length, char separator, uint64_t memory) {
    if (memchr(text, 0, length)) return io_error(file->path, "has a zero byte at byte %zu; expected text", strlen(text));
    size_t mark = length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    Reader r = { .path = file->path, .text = text, .p = text + mark, .end = text + length, .separator = separator, .line = 1 };
    if (r.p == r.end) return io_error(file->path, "is empty; expected a line of names or numbers");
    Table t = {0};
    char *error = read_names(&r, &t);
    Reader rows = r;
    if (!error) error = make_room(&r, &t, memory);
    if (!error) error = read_rows(&r, &t);
    if (!error) error = add_columns(file, &t, &rows);
    for (int i = 0; i < t.n; i++) {
        free(t.columns[i].name);
        if (t.columns[i].room.base) data_unmap(&t.columns[i].room);
        else free(t.columns[i].values);
    }
    free(t.columns);
    return error;
}

/* How long a packed text is. */
static char *count_bytes(const char *path, size_t *length) {
    enum { PART = 1 << 18 };
    char *error = NULL, *part = malloc(PART);
    Stream *s = part ? stream_open(path, NULL, &error) : NULL;
    int64_t got = s ? stream_some(s, part, PART, &error) : 0;
    for (*length = 0; got > 0; got = stream_some(s, part, PART, &error)) *length += (size_t)got;
    stream_close(s);
    free(part);
    return part ? error : io_no_memory(path);
}

static char *unpack_to_disk(const char *path, size_t length, DataMap *map) {
    char *error = map_room(path, length, map);
    Stream *s = error ? NULL : stream_open(path, NULL, &error);
    if (s) stream_read(s, map->data, length, "text", &error);
    stream_close(s);
    return error;
}

/* A text too large for this memory, as it lies or unpacked. */
static char *parse_large(DataFile *file, Packing packing, size_t length, char separator, uint64_t memory) {
    DataMap map = {0};
    char *error = packing == PACKING_PLAIN ? map_whole(file->path, length, &map) : unpack_to_disk(file->path, length, &map);
    if (!error) error = parse(file, map.data, length, separator, memory);
    data_unmap(&map);
    return error;
}

/* All of it in memory; closes the stream. */
static char *parse_small(DataFile *file, Stream *s, char separator, uint64_t memory) {
    char *error = NULL;
    size_t length = 0;
    char *text = stream_rest(s, &length, &error);
    stream_close(s);
    if (text) error = parse(file, text, length, separator, memory);
    free(text);
    return error;
}

char *csv_open(DataFile *file, char separator) {
    char *error = NULL;
    Stream *s = stream_open(file->path, NULL, &error);
    if (!s) return error;
    uint64_t memory = memory_there_is();
    if ((uint64_t)stream_most(s) <= memory / 4) return parse_small(file, s, separator, memory);
    Packing packing = stream_extent(s)->packing;
    size_t length = (size_t)stream_extent(s)->length;
    if (packing != PACKING_PLAIN) error = count_bytes(file->path, &length);
    if (!error && length <= memory / 4) return parse_small(file, s, separator, memory);
    stream_close(s);
    return error ? error : parse_large(file, packing, length, separator, memory);
}

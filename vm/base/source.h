/* source.h: the texts that were read, and places in them.
 *
 * Every later stage speaks of the text through a Span.  Line and column are computed when a message is shown;
 * columns count code points, from 1. */
#ifndef EBM_BASE_SOURCE_H
#define EBM_BASE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

typedef struct Source {
    char *name;                 /* as shown to the reader: a path, "<stdlib>/..." or "<prompt>" */
    char *text;                 /* the whole text, ended by a zero byte */
    size_t length;              /* bytes in text */
} Source;

/* Bytes [start, end) of one source; source is null for things without a place. */
typedef struct Span {
    const Source *source;
    uint32_t start, end;
} Span;

/* Where a value came from: a place in the text and the chain of calls that led there, innermost first. */
typedef struct Origin {
    Span span;
    const char *what;           /* the definition whose body this place is in; null at top level */
    const struct Origin *caller;
} Origin;

typedef struct Position { int line, column; } Position;

/* Takes copies of name and text; null when out of memory. */
Source *source_new(const char *name, const char *text, size_t length);
/* Reads a whole file; null when it cannot be read (errno tells why). */
Source *source_read(const char *path, const char *shown_name);
void    source_free(Source *source);

/* Line and column (code points, both from 1) of a byte offset. */
Position source_position(const Source *source, uint32_t offset);
/* The line that holds a byte offset: *length bytes from the returned pointer, without its newline. */
const char *source_line(const Source *source, uint32_t offset, size_t *length);
/* The smallest span that holds both. */
Span span_join(Span a, Span b);

#endif

/* inside.h: what the readers of the formats share: a stream of bytes that may lie packed in a file, the kinds of stored
 * elements, and the record of where each array lies.  Private to vm/io. */
#ifndef EBM_IO_INSIDE_H
#define EBM_IO_INSIDE_H

#include <stddef.h>
#include "vm/io/data.h"

/* An error text "path: what is wrong", in memory the caller frees. */
char *io_error(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *io_no_memory(const char *path);

/* ---- streams ---- */

typedef enum Packing { PACKING_PLAIN, PACKING_GZIP, PACKING_DEFLATE } Packing;

/* A run of bytes in a file. */
typedef struct Extent {
    Packing packing;
    int64_t offset, length;     /* in the file, as packed */
    int64_t unpacked;           /* bytes once unpacked; -1: not known before they are read */
    bool has_crc;
    uint32_t crc;               /* of the unpacked bytes, checked at their end */
} Extent;

/* Reads an extent from its start to its end. */
typedef struct Stream Stream;

/* Extent null: the whole file, unpacked if it begins as gzip does.  Null with *error. */
Stream *stream_open(const char *path, const Extent *extent, char **error);
void    stream_close(Stream *stream);
const char   *stream_path(const Stream *stream);
const Extent *stream_extent(const Stream *stream);
/* Reads up to n bytes, fewer only at the end; -1 with *error if the file is broken. */
int64_t stream_some(Stream *stream, void *out, size_t n, char **error);
/* Reads n bytes; false with an *error that names `what` if there are fewer. */
bool    stream_read(Stream *stream, void *out, size_t n, const char *what, char **error);
bool    stream_skip(Stream *stream, int64_t n, const char *what, char **error);
/* Whether all is read, and was whole; false with *error if bytes follow or the check sum differs. */
bool    stream_ends(Stream *stream, char **error);
/* Bytes read so far; the most there can be in all (exact unless packed). */
int64_t stream_position(const Stream *stream);
int64_t stream_most(const Stream *stream);
/* All that is left, ended by a zero byte that *length does not count; to be freed. */
char   *stream_rest(Stream *stream, size_t *length, char **error);

/* ---- files ---- */

/* How array i of a file is stored. */
typedef struct Stored {
    DataMap converted[2];       /* all of it on disk: as it is computed with, as elements; empty until it is asked for */
    Element element;
    bool big_endian, fortran_order;
    Extent extent;
    int64_t skip;               /* unpacked bytes of the extent before the first value */
    double *values;             /* already read (csv), owned by the file; else null */
    DataMap room;               /* of the values, where they lie on disk; else empty */
    const char **texts;         /* a column of texts, each owned by the file; else null */
    const struct Folder *pictures;  /* read from these files, a row each (or the one picture there is); borrowed from the file; else null */
} Stored;

struct DataFile {
    char *path;
    int n, room;
    DataArray *arrays;
    Stored *stored;             /* as many as arrays */
    struct Folder *folder;      /* of pictures; else null */
};

/* Null, or which byte of the file's text is not UTF-8. */
char *text_check(const char *path, const char *text, size_t length);

/* The number of values of a shape; false if a size is negative or the number does not fit. */
bool shape_count(int rank, const int64_t *dims, int64_t *count);
/* Adds an array, taking a copy of its name; false when out of memory. */
bool file_add(DataFile *file, const char *name, int rank, const int64_t *dims, double scale, const Stored *stored);

/* Each reads what is needed to know the arrays and adds them; null or an error text. */
char *idx_open(DataFile *file);
char *npy_open(DataFile *file);
char *npz_open(DataFile *file);
char *csv_open(DataFile *file, char separator);
char *safetensors_open(DataFile *file);
char *wav_open(DataFile *file);
char *picture_open(DataFile *file);                     /* one picture, [height, width] or [3, height, width] */
char *pictures_open(DataFile *file, bool gray);         /* a folder of them: "image", and "label" if it has subfolders */

/* Of a run of places of an array: the values at `before` and on, and what to make of them: reals of this precision; null: elements. */
typedef struct Run { int64_t before, count; const Precision *reals; } Run;
/* Puts n elements just read to place `at` of the run's `out`. */
void put_run(const Run *run, const uint8_t *raw, size_t n, Element kind, bool big_endian, double scale, void *out, size_t at);
char *pictures_read(const struct Folder *folder, const Run *run, double scale, void *out);

/* ---- room on disk (map.c) ---- */

/* Bytes that the process may take: of the machine, of its control group, of its own limits. */
uint64_t memory_there_is(void);
/* Maps a new nameless file of zeros for `bytes` that are to be written; null or an error text, which names `path`. */
char *map_room(const char *path, size_t bytes, DataMap *map);
/* Maps a whole file of this size as it lies. */
char *map_whole(const char *path, size_t bytes, DataMap *map);

/* Reads the header of an npy stream from its start and adds the array it announces. */
char *npy_head(DataFile *file, Stream *stream, const char *name);

/* A new file beside `path` that takes its name once it is whole. */
typedef struct Fresh { FILE *out; char *path, *temporary; } Fresh;
bool fresh_open(Fresh *fresh, const char *path);
bool fresh_keep(Fresh *fresh);  /* closes and renames; false with errno, nothing left behind */
void fresh_drop(Fresh *fresh);

#endif

/* data.c: opening a data file by its name and first bytes, and reading its arrays. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "vm/io/inside.h"
#include "vm/io/picture.h"

enum { READ_BYTES = 1 << 18 };  /* unpacked and converted at a time: what stays in cache */

char *io_error(const char *path, const char *format, ...) {
    char *what = NULL, *text = NULL;
    va_list list;
    va_start(list, format);
    int length = vasprintf(&what, format, list);
    va_end(list);
    if (length < 0) return NULL;
    if (asprintf(&text, "%s: %s", path, what) < 0) text = NULL;
    free(what);
    return text;
}

char *io_no_memory(const char *path) { return io_error(path, "not enough memory to read it"); }

bool shape_count(int rank, const int64_t *dims, int64_t *count) {
    *count = 1;
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0 || __builtin_mul_overflow(*count, dims[i], count) || *count > INT64_MAX / 16) return false;
    return true;
}

bool file_add(DataFile *file, const char *name, int rank, const int64_t *dims, double scale, const Stored *stored) {
    if (file->n == file->room) {
        int room = file->room ? 2 * file->room : 4;
        DataArray *arrays = realloc(file->arrays, sizeof *arrays * (size_t)room);
        if (!arrays) return false;
        file->arrays = arrays;
        Stored *more = realloc(file->stored, sizeof *more * (size_t)room);
        if (!more) return false;
        file->stored = more;
        file->room = room;
    }
    DataArray *a = &file->arrays[file->n];
    *a = (DataArray){ .name = strdup(name), .rank = rank, .scale = scale, .whole = element_is_whole(stored->element) };
    if (!a->name) return false;
    memcpy(a->dims, dims, sizeof *dims * (size_t)rank);
    element_range(stored->element, &a->low, &a->high);
    file->stored[file->n++] = *stored;
    return true;
}

/* Whether a name ends so, in either case; with or without a further ".gz". */
static bool ends_with(const char *path, const char *ending) {
    size_t n = strlen(path), e = strlen(ending);
    if (n > 3 && strcasecmp(path + n - 3, ".gz") == 0) n -= 3;
    return n >= e && strncasecmp(path + n - e, ending, e) == 0;
}

static char *open_by_first_bytes(DataFile *file) {
    char *error = NULL;
    Stream *s = stream_open(file->path, NULL, &error);
    if (!s) return error;
    char head[6] = {0};
    int64_t got = stream_some(s, head, sizeof head, &error);
    stream_close(s);
    if (got < 0) return error;
    if (memcmp(head, "\x93NUMPY", 6) == 0) return npy_open(file);
    if (memcmp(head, "PK", 2) == 0) return npz_open(file);
    if (memcmp(head, "RIFF", 4) == 0) return wav_open(file);
    if (got >= 4 && head[0] == 0 && head[1] == 0 && head[2] >= 8 && head[2] <= 14) return idx_open(file);
    return io_error(file->path, "is of no known kind: expected a name ending in .npy, .npz, .csv, .tsv, .idx, .safetensors, .wav, .png or .jpg, "
                                "or a file beginning as idx does (gzipped or not)");
}

static char *open_by_name(DataFile *file) {
    const char *path = file->path;
    if (ends_with(path, ".npy")) return npy_open(file);
    if (ends_with(path, ".npz")) return npz_open(file);
    if (ends_with(path, ".csv")) return csv_open(file, ',');
    if (ends_with(path, ".tsv")) return csv_open(file, '\t');
    if (ends_with(path, ".safetensors")) return safetensors_open(file);
    if (ends_with(path, ".wav")) return wav_open(file);
    if (picture_named(path)) return picture_open(file);
    if (ends_with(path, ".idx") || ends_with(path, "-ubyte")) return idx_open(file);
    return open_by_first_bytes(file);
}

static DataFile *file_new(const char *path, char **error) {
    DataFile *file = calloc(1, sizeof *file);
    if (file && (file->path = strdup(path))) return file;
    free(file);
    *error = io_no_memory(path);
    return NULL;
}

/* The file if there is no error. */
static DataFile *opened(DataFile *file, const char *error) {
    if (!error) return file;
    data_close(file);
    return NULL;
}

DataFile *data_open(const char *path, char **error) {
    *error = NULL;
    DataFile *file = file_new(path, error);
    if (!file) return NULL;
    *error = open_by_name(file);
    return opened(file, *error);
}

DataFile *data_open_folder(const char *path, bool gray, char **error) {
    *error = NULL;
    DataFile *file = file_new(path, error);
    if (!file) return NULL;
    *error = pictures_open(file, gray);
    return opened(file, *error);
}

DataFile *data_of_values(const char *path, int rank, const int64_t *dims, double *values, double low, double high) {
    DataFile *file = calloc(1, sizeof *file);
    Stored stored = { .element = ELEMENT_F64, .values = values };
    if (file) file->path = strdup(path);
    if (!file || !file->path || !file_add(file, "", rank, dims, 1, &stored)) {
        free(values);
        data_close(file);
        return NULL;
    }
    file->arrays[0].whole = true;
    file->arrays[0].low = low;
    file->arrays[0].high = high;
    return file;
}

void data_close(DataFile *file) {
    if (!file) return;
    for (int i = 0; i < file->n; i++) {
        free(file->arrays[i].name);
        if (file->stored[i].room.base) data_unmap(&file->stored[i].room);
        else free(file->stored[i].values);
        for (int k = 0; k < 2; k++) data_unmap(&file->stored[i].converted[k]);
        for (int64_t k = 0; file->stored[i].texts && k < file->arrays[i].dims[0]; k++) free((char *)(uintptr_t)file->stored[i].texts[k]);
        free(file->stored[i].texts);
    }
    if (file->folder) folder_close(file->folder);
    free(file->folder);
    free(file->arrays);
    free(file->stored);
    free(file->path);
    free(file);
}

int data_arrays(const DataFile *file) { return file->n; }
const DataArray *data_array(const DataFile *file, int i) { return &file->arrays[i]; }

void put_run(const Run *run, const uint8_t *raw, size_t n, Element kind, bool big_endian, double scale, void *out, size_t at) {
    if (run->reals) element_convert(raw, n, kind, big_endian, scale, out, at, *run->reals);
    else memcpy((char *)out + at * element_bytes(kind), raw, n * element_bytes(kind));
}

/* The next values in the order in which they are stored. */
static char *read_reals(Stream *s, const Stored *stored, const DataArray *a, int64_t count, void *out, Precision precision) {
    char *error = NULL;
    size_t width = element_bytes(stored->element);
    int64_t step = READ_BYTES / (int64_t)width;
    uint8_t *raw = malloc(READ_BYTES);
    if (!raw) return io_no_memory(stream_path(s));
    for (int64_t at = 0; at < count && !error; at += step) {
        size_t n = (size_t)(count - at < step ? count - at : step);
        if (stream_read(s, raw, n * width, "values", &error))
            element_convert(raw, n, stored->element, stored->big_endian, a->scale, out, (size_t)at, precision);
    }
    free(raw);
    return error;
}

/* The next elements, straight to their place. */
static char *read_elements(Stream *s, const Stored *stored, int64_t count, void *out) {
    char *error = NULL;
    if (stream_read(s, out, (size_t)count * element_bytes(stored->element), "values", &error) && stored->big_endian)
        element_turn(out, (size_t)count, stored->element);
    return error;
}

/* From first-index-fastest to last-index-fastest. */
static void turn_fortran(const DataArray *a, int64_t count, const void *from, void *to, Precision precision) {
    int64_t index[8] = {0}, stride[8], next = 1;
    for (int k = 0; k < a->rank; k++) {
        stride[k] = next;
        next *= a->dims[k];
    }
    int64_t source = 0;
    for (int64_t i = 0; i < count; i++) {
        if (precision == PRECISION_F64) ((double *)to)[i] = ((const double *)from)[source];
        else ((float *)to)[i] = ((const float *)from)[source];
        for (int k = a->rank - 1; k >= 0; k--) {
            source += stride[k];
            if (++index[k] < a->dims[k]) break;
            source -= stride[k] * a->dims[k];
            index[k] = 0;
        }
    }
}

/* The whole array in its own order, then the run of it. */
static char *read_turned(Stream *s, const Stored *stored, const DataArray *a, int64_t all, const Run *run, void *out) {
    Precision precision = *run->reals;
    size_t width = precision_bytes(precision);
    char *raw = malloc((size_t)all * width + 1), *turned = malloc((size_t)all * width + 1);
    char *error = raw && turned ? read_reals(s, stored, a, all, raw, precision) : io_no_memory(stream_path(s));
    if (!error) {
        turn_fortran(a, all, raw, turned, precision);
        memcpy(out, turned + (size_t)run->before * width, (size_t)run->count * width);
    }
    free(raw);
    free(turned);
    return error;
}

static char *read_run(Stream *s, const Stored *stored, const DataArray *a, int64_t all, const Run *run, void *out) {
    char *error = NULL;
    int64_t width = (int64_t)element_bytes(stored->element);
    if (!stream_skip(s, stored->skip, "the header", &error)) return error;
    if (stored->fortran_order && a->rank > 1) {
        error = read_turned(s, stored, a, all, run, out);
    } else {
        if (!stream_skip(s, run->before * width, "values", &error)) return error;
        error = run->reals ? read_reals(s, stored, a, run->count, out, *run->reals) : read_elements(s, stored, run->count, out);
        int64_t after = all - run->before - run->count;
        if (!error && !stream_skip(s, after * width, "values", &error)) return error;
    }
    if (!error) stream_ends(s, &error);
    return error;
}

/* What is read already, or lies in pictures or a stream. */
static char *read_rows(DataFile *file, int i, int64_t from, int64_t rows, void *out, const Precision *reals) {
    const DataArray *a = &file->arrays[i];
    const Stored *stored = &file->stored[i];
    int64_t all, n = a->rank ? a->dims[0] : 1;
    if (!shape_count(a->rank, a->dims, &all)) return io_error(file->path, "holds an array too large to count");
    if (stored->texts) return io_error(file->path, "column '%s' holds texts, not numbers", a->name);
    if (from < 0 || rows < 0 || from > n - rows) return io_error(file->path, "has %lld rows, not %lld", (long long)n, (long long)(from + rows));
    Run run = { n ? all / n * from : 0, n ? all / n * rows : 0, reals };
    if (stored->values) {
        put_run(&run, (const uint8_t *)(stored->values + run.before), (size_t)run.count, ELEMENT_F64, false, a->scale, out, 0);
        return NULL;
    }
    if (stored->pictures) return pictures_read(stored->pictures, &run, a->scale, out);
    char *error = NULL;
    Stream *s = stream_open(file->path, &stored->extent, &error);
    if (!s) return error;
    error = read_run(s, stored, a, all, &run, out);
    stream_close(s);
    return error;
}

char *data_read_rows(DataFile *file, int i, int64_t from, int64_t rows, void *out, Precision precision) {
    return read_rows(file, i, from, rows, out, &precision);
}

bool data_stays(const DataFile *file, int i, Precision precision, Element *kind, double *scale) {
    const Stored *stored = &file->stored[i];
    *kind = stored->element;
    *scale = file->arrays[i].scale;
    return element_stays(stored->element, precision) && !stored->values && !stored->texts && (!stored->fortran_order || file->arrays[i].rank < 2);
}

char *data_read_elements(DataFile *file, int i, int64_t from, int64_t rows, void *out) { return read_rows(file, i, from, rows, out, NULL); }

char *data_read(DataFile *file, int i, void *out, Precision precision) {
    const DataArray *a = &file->arrays[i];
    return data_read_rows(file, i, 0, a->rank ? a->dims[0] : 1, out, precision);
}

/* ---- fresh files ---- */

bool fresh_open(Fresh *fresh, const char *path) {
    *fresh = (Fresh){ .path = strdup(path) };
    if (!fresh->path || asprintf(&fresh->temporary, "%s.XXXXXX", path) < 0) {
        free(fresh->path);
        errno = ENOMEM;
        return false;
    }
    int fd = mkstemp(fresh->temporary);
    if (fd >= 0) {
        mode_t mask = umask(0);
        umask(mask);
        if (fchmod(fd, 0666 & ~mask) == 0) fresh->out = fdopen(fd, "wb");
        if (fresh->out) return true;
        int why = errno;
        close(fd);
        unlink(fresh->temporary);
        errno = why;
    }
    free(fresh->temporary);
    free(fresh->path);
    return false;
}

static void fresh_free(Fresh *fresh) {
    free(fresh->temporary);
    free(fresh->path);
    *fresh = (Fresh){0};
}

void fresh_drop(Fresh *fresh) {
    int why = errno;
    fclose(fresh->out);
    unlink(fresh->temporary);
    fresh_free(fresh);
    errno = why;
}

bool fresh_keep(Fresh *fresh) {
    bool whole = !ferror(fresh->out);
    if (fclose(fresh->out) != 0) whole = false;
    if (whole && rename(fresh->temporary, fresh->path) != 0) whole = false;
    int why = errno ? errno : EIO;
    if (!whole) unlink(fresh->temporary);
    fresh_free(fresh);
    errno = why;
    return whole;
}

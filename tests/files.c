/* files.c: what the tests of data files share: a scratch folder, files put there, and what is expected of them. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>
#include "tests/files.h"

typedef struct Scratch { char folder[64]; char path[128]; } Scratch;

int set_up(void **state) {
    Scratch *s = calloc(1, sizeof *s);
    snprintf(s->folder, sizeof s->folder, "/tmp/ebm_io_XXXXXX");
    *state = s;
    return mkdtemp(s->folder) ? 0 : -1;
}

int tear_down(void **state) {
    Scratch *s = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", s->folder);
    int status = system(command);
    free(s);
    return status;
}

const char *in_scratch(void **state, const char *name) {
    Scratch *s = *state;
    snprintf(s->path, sizeof s->path, "%s/%s", s->folder, name);
    return s->path;
}

const char *put(void **state, const char *name, const void *bytes, size_t n) {
    const char *path = in_scratch(state, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return path;
}

const char *file_of_text(void **state, const char *name, const char *text) { return put(state, name, text, strlen(text)); }

uint8_t *get(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    *n = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(*n + 1);
    assert_int_equal(fread(bytes, 1, *n, f), *n);
    fclose(f);
    return bytes;
}

const char *put_gzip(void **state, const char *name, const void *bytes, size_t n) {
    const char *path = in_scratch(state, name);
    gzFile f = gzopen(path, "wb9");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, bytes, (unsigned)n), (int)n);
    assert_int_equal(gzclose(f), Z_OK);
    return path;
}

/* ---- expectations ---- */

/* Opens and reads all but texts; gives the first error, to be freed, or null. */
char *open_and_read(const char *path) {
    char *error = NULL;
    DataFile *file = data_open(path, &error);
    if (!file) {
        assert_non_null(error);
        return error;
    }
    assert_null(error);
    for (int i = 0; i < data_arrays(file) && !error; i++) {
        const DataArray *a = data_array(file, i);
        int64_t count = 1;
        for (int k = 0; k < a->rank; k++) count *= a->dims[k];
        if (a->texts) continue;
        if (count > 1 << 20) continue;      /* a broken file may still announce much; nobody has to believe it */
        double *out = malloc((size_t)count * sizeof *out + 1);
        error = data_read(file, i, out, PRECISION_F64);
        free(out);
    }
    data_close(file);
    return error;
}

void expect_refusal(const char *path, const char *reason) {
    char *error = open_and_read(path);
    if (!error) fail_msg("%s was taken; expected a refusal: %s", path, reason);
    if (!strstr(error, reason)) fail_msg("'%s' does not say: %s", error, reason);
    assert_non_null(strstr(error, path));
    free(error);
}

void expect_array(const char *path, int i, const char *name, int rank, const int64_t *dims, const double *values) {
    char *error = NULL;
    DataFile *file = data_open(path, &error);
    if (!file) fail_msg("%s", error);
    assert_true(i < data_arrays(file));
    const DataArray *a = data_array(file, i);
    assert_string_equal(a->name, name);
    assert_int_equal(a->rank, rank);
    int64_t count = 1;
    for (int k = 0; k < rank; k++) {
        assert_int_equal(a->dims[k], dims[k]);
        count *= dims[k];
    }
    double *doubles = calloc((size_t)count + 1, sizeof *doubles);
    float *floats = calloc((size_t)count + 1, sizeof *floats);
    assert_null(data_read(file, i, doubles, PRECISION_F64));
    assert_null(data_read(file, i, floats, PRECISION_F32));
    for (int64_t k = 0; k < count; k++) {
        if (doubles[k] != values[k]) fail_msg("%s: value %d is %.17g; expected %.17g", path, (int)k, doubles[k], values[k]);
        if (floats[k] != (float)values[k]) fail_msg("%s: single value %d is %.9g; expected %.9g", path, (int)k, (double)floats[k], values[k]);
    }
    assert_true(doubles[count] == 0 && floats[count] == 0);
    free(doubles);
    free(floats);
    data_close(file);
}

/* Every truncation is refused (if `strict`); every byte changed in several ways is refused or read, and nothing crashes. */
void batter(void **state, const char *name, bool strict) {
    size_t n;
    uint8_t *bytes = get(in_scratch(state, name), &n);
    char broken[64];
    snprintf(broken, sizeof broken, "broken-%s", name);
    for (size_t cut = 0; cut < n; cut++) {
        const char *path = put(state, broken, bytes, cut);
        char *error = open_and_read(path);
        if (strict && !error) fail_msg("%s cut to %zu of %zu bytes was taken", name, cut, n);
        free(error);
    }
    for (size_t at = 0; at < n; at++) {
        static const uint8_t flips[] = { 0x01, 0x80, 0xff, 0x20 };
        for (size_t k = 0; k < sizeof flips; k++) {
            bytes[at] ^= flips[k];
            free(open_and_read(put(state, broken, bytes, n)));
            bytes[at] ^= flips[k];
        }
    }
    free(bytes);
}

/* An npy file: version, header text as given, values. */
size_t make_npy(uint8_t *out, int version, const char *header, const void *values, size_t n) {
    size_t length = strlen(header), at = 8;
    memcpy(out, "\x93NUMPY", 6);
    out[6] = (uint8_t)version;
    out[7] = 0;
    out[at++] = (uint8_t)length;
    out[at++] = (uint8_t)(length >> 8);
    if (version > 1) out[at++] = 0, out[at++] = 0;
    memcpy(out + at, header, length);
    memcpy(out + at + length, values, n);
    return at + length + n;
}


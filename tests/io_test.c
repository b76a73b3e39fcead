/* io_test.c: data files: what is written is read back, what is broken is refused with a reason, and nothing crashes. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <time.h>
#include <zlib.h>
#include "tests/files.h"

/* ---- idx ---- */

static const uint8_t two_images[] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 51, 255, 102, 1, 2, 9, 8, 7, 6, 5, 4 };
static const uint8_t labels[] = { 0, 0, 8, 1, 0, 0, 0, 4, 0, 9, 200, 255 };

static void idx_images_are_scaled_to_one(void **state) {
    double values[12];
    for (int i = 0; i < 12; i++) values[i] = two_images[16 + i] * (1.0 / 255);
    assert_true(values[2] == 1.0);
    expect_array(put(state, "x.idx", two_images, sizeof two_images), 0, "", 3, (int64_t[]){ 2, 2, 3 }, values);
    expect_array(put_gzip(state, "x-ubyte.gz", two_images, sizeof two_images), 0, "", 3, (int64_t[]){ 2, 2, 3 }, values);
    expect_array(put_gzip(state, "noname", two_images, sizeof two_images), 0, "", 3, (int64_t[]){ 2, 2, 3 }, values);
}

static void idx_labels_are_not_scaled(void **state) {
    expect_array(put(state, "y-ubyte", labels, sizeof labels), 0, "", 1, (int64_t[]){ 4 }, (double[]){ 0, 9, 200, 255 });
    char *error;
    DataFile *file = data_open(in_scratch(state, "y-ubyte"), &error);
    assert_true(data_array(file, 0)->whole);
    assert_true(data_array(file, 0)->low == 0 && data_array(file, 0)->high == 255);
    data_close(file);
}

static void idx_reads_every_kind_big_endian(void **state) {
    const uint8_t shorts[] = { 0, 0, 0x0b, 1, 0, 0, 0, 2, 0xff, 0xfe, 1, 0 };
    const uint8_t ints[] = { 0, 0, 0x0c, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0 };
    const uint8_t floats[] = { 0, 0, 0x0d, 1, 0, 0, 0, 1, 0x3f, 0xc0, 0, 0 };
    const uint8_t doubles[] = { 0, 0, 0x0e, 1, 0, 0, 0, 1, 0xc0, 0, 0, 0, 0, 0, 0, 0 };
    expect_array(put(state, "s.idx", shorts, sizeof shorts), 0, "", 1, (int64_t[]){ 2 }, (double[]){ -2, 256 });
    expect_array(put(state, "i.idx", ints, sizeof ints), 0, "", 1, (int64_t[]){ 1 }, (double[]){ -256 });
    expect_array(put(state, "f.idx", floats, sizeof floats), 0, "", 1, (int64_t[]){ 1 }, (double[]){ 1.5 });
    expect_array(put(state, "d.idx", doubles, sizeof doubles), 0, "", 1, (int64_t[]){ 1 }, (double[]){ -2 });
}

static void idx_refuses_what_is_broken(void **state) {
    const uint8_t wrong[] = { 1, 0, 8, 1, 0, 0, 0, 1, 0 };
    const uint8_t kind[] = { 0, 0, 7, 1, 0, 0, 0, 1, 0 };
    const uint8_t rank[] = { 0, 0, 8, 9, 0, 0, 0, 1, 0 };
    const uint8_t large[] = { 0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0 };
    const uint8_t more[] = { 0, 0, 8, 1, 0, 0, 0, 1, 0, 0 };
    expect_refusal(put(state, "a.idx", wrong, sizeof wrong), "expected 00 00");
    expect_refusal(put(state, "a.idx", kind, sizeof kind), "expected 00 00, then 08 to 0e");
    expect_refusal(put(state, "a.idx", rank, sizeof rank), "9 axes at byte 3");
    expect_refusal(put(state, "a.idx", large, sizeof large), "more values than it can hold");
    expect_refusal(put(state, "a.idx", more, sizeof more), "has 2 bytes of values; expected 1");
    expect_refusal(put_gzip(state, "a.gz", large, sizeof large), "more values than it can hold");
    expect_refusal(put_gzip(state, "a.gz", more, sizeof more), "goes on after its last value");
    expect_refusal(put_gzip(state, "a.gz", labels, sizeof labels - 1), "is cut off");
    expect_refusal(put(state, "a.idx", "", 0), "is cut off");
    expect_refusal(in_scratch(state, "missing.idx"), "No such file");
    expect_refusal("/tmp", "folder");
    expect_refusal("/dev/zero", "device");
    expect_refusal(file_of_text(state, "a.xyz", "hello"), ".npy, .npz, .csv, .tsv, .idx, .safetensors, .wav, .png or .jpg");
}

static void idx_survives_battering(void **state) {
    put(state, "x.idx", two_images, sizeof two_images);
    batter(state, "x.idx", true);
    put_gzip(state, "x.gz", two_images, sizeof two_images);
    batter(state, "x.gz", true);
}

static void gzip_members_are_joined(void **state) {
    const char *path = put_gzip(state, "m.gz", labels, 6);
    gzFile f = gzopen(path, "ab");
    gzwrite(f, labels + 6, sizeof labels - 6);
    gzclose(f);
    expect_array(path, 0, "", 1, (int64_t[]){ 4 }, (double[]){ 0, 9, 200, 255 });
}

/* ---- npy and npz ---- */

static const char *put_npy(void **state, int version, const char *header, const void *values, size_t n) {
    uint8_t bytes[1024];
    return put(state, "a.npy", bytes, make_npy(bytes, version, header, values, n));
}


static void npy_round_trip(void **state) {
    const double doubles[] = { 1, -2.5, 1e-300, 3, 4, 5 };
    const float floats[] = { 0.1f, 2, -3 };
    const char *path = in_scratch(state, "r.npy");
    assert_true(npy_write(path, &(SavedArray){ .rank = 2, .dims = { 2, 3 }, .data = doubles }, PRECISION_F64));
    expect_array(path, 0, "", 2, (int64_t[]){ 2, 3 }, doubles);
    assert_true(npy_write(path, &(SavedArray){ .rank = 1, .dims = { 3 }, .data = floats }, PRECISION_F32));
    expect_array(path, 0, "", 1, (int64_t[]){ 3 }, (double[]){ (double)0.1f, 2, -3 });
    assert_true(npy_write(path, &(SavedArray){ .rank = 0, .data = floats }, PRECISION_F32));
    expect_array(path, 0, "", 0, NULL, (double[]){ (double)0.1f });
    size_t n;
    uint8_t *bytes = get(path, &n);
    assert_int_equal((n - 4) % 64, 0);
    assert_memory_equal(bytes, "\x93NUMPY\1\0", 8);
    free(bytes);
    assert_false(npy_write("/nonexistent/x.npy", &(SavedArray){ .rank = 0, .data = floats }, PRECISION_F32));
}

static void npy_reads_every_kind(void **state) {
    const int64_t two[] = { 2 };
    expect_array(put_npy(state, 1, NPY("|b1", "False", "(2,)"), "\0\1", 2), 0, "", 1, two, (double[]){ 0, 1 });
    expect_array(put_npy(state, 2, NPY("|u1", "False", "(2,)"), "\xff\1", 2), 0, "", 1, two, (double[]){ 255, 1 });
    expect_array(put_npy(state, 3, NPY("|i1", "False", "(2,)"), "\xff\1", 2), 0, "", 1, two, (double[]){ -1, 1 });
    expect_array(put_npy(state, 1, NPY("<u2", "False", "(2,)"), "\xff\xff\1\0", 4), 0, "", 1, two, (double[]){ 65535, 1 });
    expect_array(put_npy(state, 1, NPY("<i2", "False", "(2,)"), "\xff\xff\1\0", 4), 0, "", 1, two, (double[]){ -1, 1 });
    expect_array(put_npy(state, 1, NPY("<f2", "False", "(2,)"), "\x00\x3e\x01\x80", 4), 0, "", 1, two, (double[]){ 1.5, -ldexp(1, -24) });
    expect_array(put_npy(state, 1, NPY("<u4", "False", "(2,)"), (uint32_t[]){ 4000000000u, 7 }, 8), 0, "", 1, two, (double[]){ 4e9, 7 });
    expect_array(put_npy(state, 1, NPY("<i4", "False", "(2,)"), (int32_t[]){ -5, 7 }, 8), 0, "", 1, two, (double[]){ -5, 7 });
    expect_array(put_npy(state, 1, NPY("<i8", "False", "(2,)"), (int64_t[]){ -5, 1ll << 40 }, 16), 0, "", 1, two, (double[]){ -5, 1099511627776.0 });
    expect_array(put_npy(state, 1, NPY("<f4", "False", "(2,)"), (float[]){ 0.5f, -1 }, 8), 0, "", 1, two, (double[]){ 0.5, -1 });
    expect_array(put_npy(state, 1, NPY("<f8", "False", "(2,)"), (double[]){ 0.1, -1 }, 16), 0, "", 1, two, (double[]){ 0.1, -1 });
    expect_array(put_npy(state, 1, NPY(">i2", "False", "(2,)"), "\1\0\0\1", 4), 0, "", 1, two, (double[]){ 256, 1 });
}

static void npy_turns_fortran_order(void **state) {
    const double stored[] = { 0, 100, 10, 110, 20, 120, 1, 101, 11, 111, 21, 121 };      /* value ijk at i + 2 (j + 3 k) */
    const double turned[] = { 0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121 };
    expect_array(put_npy(state, 1, NPY("<f8", "True", "(2, 3, 2)"), stored, sizeof stored), 0, "", 3, (int64_t[]){ 2, 3, 2 }, turned);
}

static void npy_refuses_what_is_broken(void **state) {
    const double x[4] = {0};
    expect_refusal(file_of_text(state, "a.npy", "hello, this is no array"), "expected \\x93NUMPY");
    expect_refusal(put_npy(state, 4, NPY("<f8", "False", "(4,)"), x, 32), "version 4; expected 1, 2 or 3");
    expect_refusal(put_npy(state, 1, NPY("<f8", "False", "(5,)"), x, 32), "more values than it can hold");
    expect_refusal(put_npy(state, 1, NPY("<f8", "False", "(3,)"), x, 32), "has 32 bytes of values; expected 24");
    expect_refusal(put_npy(state, 1, NPY("<c8", "False", "(4,)"), x, 32), "kind '<c8'");
    expect_refusal(put_npy(state, 1, NPY("|O", "False", "(4,)"), x, 32), "kind '|O'");
    expect_refusal(put_npy(state, 1, NPY("<f8", "maybe", "(4,)"), x, 32), "expected True or False at byte");
    expect_refusal(put_npy(state, 1, NPY("<f8", "False", "(4 4)"), x, 32), "expected a shape");
    expect_refusal(put_npy(state, 1, NPY("<f8", "False", "(-4,)"), x, 32), "expected a shape");
    expect_refusal(put_npy(state, 1, NPY("<f8", "False", "(1,1,1,1,1,1,1,1,4)"), x, 32), "at most 8 sizes");
    expect_refusal(put_npy(state, 1, NPY("<f8", "False", "(99999999999999999999,)"), x, 32), "expected a shape");
    expect_refusal(put_npy(state, 1, NPY("<f8", "False", "(4294967296, 4294967296)"), x, 32), "more values than it can hold");
    expect_refusal(put_npy(state, 1, "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (4,)}", x, 32), "records are not read");
    expect_refusal(put_npy(state, 1, "{'descr': '<f8', 'shape': (4,)}", x, 32), "'fortran_order'");
    expect_refusal(put_npy(state, 1, "", x, 32), "an opening brace");
}

static void npy_survives_battering(void **state) {
    put_npy(state, 1, NPY("<f4", "True", "(2, 2)"), (float[]){ 1, 2, 3, 4 }, 16);
    batter(state, "a.npy", true);
}

static void put16(uint8_t **p, unsigned v) { *(*p)++ = (uint8_t)v; *(*p)++ = (uint8_t)(v >> 8); }
static void put32(uint8_t **p, uint32_t v) { put16(p, v & 0xffff); put16(p, v >> 16); }
static void put_bytes(uint8_t **p, const void *bytes, size_t n) { memcpy(*p, bytes, n); *p += n; }

typedef struct Member { const char *name; const uint8_t *bytes; size_t n; bool deflate; } Member;

/* A zip archive of members, as numpy's savez and savez_compressed write it. */
static size_t make_zip(uint8_t *out, const Member *members, int n) {
    uint8_t *p = out, directory[1024], *d = directory;
    for (int i = 0; i < n; i++) {
        const Member *m = &members[i];
        uint8_t packed[1024];
        size_t size = m->n;
        memcpy(packed, m->bytes, m->n);
        if (m->deflate) {
            z_stream z = { .next_in = (uint8_t *)(uintptr_t)m->bytes, .avail_in = (uInt)m->n, .next_out = packed, .avail_out = sizeof packed };
            deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
            assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
            size = z.total_out;
            deflateEnd(&z);
        }
        uint32_t offset = (uint32_t)(p - out), crc = (uint32_t)crc32(0, m->bytes, (uInt)m->n);
        unsigned length = (unsigned)strlen(m->name);
        for (int k = 0; k < 2; k++) {           /* the local header, then the entry of the directory */
            uint8_t **to = k ? &d : &p;
            put_bytes(to, k ? "PK\1\2\24\0\24\0" : "PK\3\4\24\0", k ? 8 : 6);
            put16(to, 0);
            put16(to, m->deflate ? 8 : 0);
            put32(to, 0);
            put32(to, crc);
            put32(to, (uint32_t)size);
            put32(to, (uint32_t)m->n);
            put16(to, length);
            put16(to, 0);
            if (k) { put16(to, 0); put32(to, 0); put32(to, 0); put32(to, offset); }
            put_bytes(to, m->name, length);
        }
        put_bytes(&p, packed, size);
    }
    uint32_t offset = (uint32_t)(p - out), bytes = (uint32_t)(d - directory);
    put_bytes(&p, directory, bytes);
    put_bytes(&p, "PK\5\6\0\0\0\0", 8);
    put16(&p, (unsigned)n);
    put16(&p, (unsigned)n);
    put32(&p, bytes);
    put32(&p, offset);
    put16(&p, 0);
    return (size_t)(p - out);
}

static void npz_reads_stored_and_deflated_arrays(void **state) {
    uint8_t a[512], b[512], zip[4096];
    size_t na = make_npy(a, 1, NPY("<f8", "False", "(3,)"), (double[]){ 1, 2, 3 }, 24);
    size_t nb = make_npy(b, 1, NPY("<i4", "False", "(2, 2)"), (int32_t[]){ 4, 5, 6, 7 }, 16);
    Member both[] = { { "x.npy", a, na, false }, { "label.npy", b, nb, true } };
    const char *path = put(state, "a.npz", zip, make_zip(zip, both, 2));
    expect_array(path, 0, "x", 1, (int64_t[]){ 3 }, (double[]){ 1, 2, 3 });
    expect_array(path, 1, "label", 2, (int64_t[]){ 2, 2 }, (double[]){ 4, 5, 6, 7 });
    batter(state, "a.npz", true);

    Member twice[] = { { "x.npy", a, na, false }, { "x.npy", b, nb, false } };
    expect_refusal(put(state, "a.npz", zip, make_zip(zip, twice, 2)), "two arrays named 'x'");
    Member other[] = { { "x.txt", a, na, false } };
    expect_refusal(put(state, "a.npz", zip, make_zip(zip, other, 1)), "only members ending in .npy");
    expect_refusal(put(state, "a.npz", zip, make_zip(zip, other, 0)), "holds no arrays");
    size_t n = make_zip(zip, both, 1);
    zip[30 + 5 + na - 1] ^= 1;                  /* a value */
    expect_refusal(put(state, "a.npz", zip, n), "check sum");
}

/* ---- csv and tsv ---- */

static void csv_reads_columns_of_numbers(void **state) {
    const char *path = file_of_text(state, "a.csv", "time, value,\"kind \"\"x\"\"\",note\r\n0,1.5,1e3,good\r\n1,-.5,+2E-1,\"a, b\"\r\n2,12345678901234567890,3,\r\n");
    expect_array(path, 0, "time", 1, (int64_t[]){ 3 }, (double[]){ 0, 1, 2 });
    expect_array(path, 1, "value", 1, (int64_t[]){ 3 }, (double[]){ 1.5, -0.5, 12345678901234567890.0 });
    expect_array(path, 2, "kind \"x\"", 1, (int64_t[]){ 3 }, (double[]){ 1000, 0.2, 3 });
    char *error;
    DataFile *file = data_open(path, &error);
    assert_int_equal(data_arrays(file), 4);
    assert_string_equal(data_array(file, 3)->texts[1], "a, b");
    assert_string_equal(data_array(file, 3)->texts[2], "");
    assert_true(data_array(file, 0)->whole && data_array(file, 0)->high == 2);
    assert_false(data_array(file, 1)->whole);
    data_close(file);
}

static void csv_without_names(void **state) {
    expect_array(file_of_text(state, "a.csv", "1,2\n3,4"), 1, "column2", 1, (int64_t[]){ 2 }, (double[]){ 2, 4 });
    expect_array(file_of_text(state, "a.tsv", "\xef\xbb\xbf" "a\tb\n1\t2\n\n"), 1, "b", 1, (int64_t[]){ 1 }, (double[]){ 2 });
    expect_array(put_gzip(state, "a.csv.gz", "v\n7\n", 4), 0, "v", 1, (int64_t[]){ 1 }, (double[]){ 7 });
}

static void csv_refuses_what_is_broken(void **state) {
    expect_refusal(file_of_text(state, "a.csv", "a,b\n1,2\n3,x\n5,6\n"), "line 3, column 2 (b): expected a number, found 'x'");
    expect_refusal(file_of_text(state, "a.csv", "a,b\n1,2\n,4\n5,6\n"), "line 3, column 1 (a): expected a number, found an empty cell");
    expect_refusal(file_of_text(state, "a.csv", "a,b\n1,2\n3,nan\n5,6\n"), "found 'nan'");
    expect_refusal(file_of_text(state, "a.csv", "a,b\n1,2\n3,inf\n5,6\n"), "found 'inf'");
    expect_refusal(file_of_text(state, "a.csv", "a,b\n1,2\n3,0x10\n5,6\n"), "found '0x10'");
    expect_refusal(file_of_text(state, "a.csv", "a,b\n1,2\n3,1e999\n5,6\n"), "found '1e999'");
    expect_refusal(file_of_text(state, "a.csv", "a,b\n1,2\n3\n"), "line 3 has 1 cell; expected 2");
    expect_refusal(file_of_text(state, "a.csv", "a,b\n1,2\n\n3,4\n"), "line 3 has 1 cell; expected 2");
    expect_refusal(file_of_text(state, "a.csv", "a\n1\n\n3\n"), "line 3, column 1 (a): expected a number, found an empty cell");
    expect_refusal(file_of_text(state, "a.csv", "a,b\n1,2,3\n"), "line 2 has 3 cells; expected 2");
    expect_refusal(file_of_text(state, "a.csv", "a,a\n1,2\n"), "both named 'a'");
    expect_refusal(file_of_text(state, "a.csv", "a,\n1,2\n"), "column 2 has no name");
    expect_refusal(file_of_text(state, "a.csv", "a,b\n"), "no rows");
    expect_refusal(file_of_text(state, "a.csv", "a,b\nx,\xff\n1,2\n"), "line 2: byte 6 of the file, 0xff, is not UTF-8");
    expect_refusal(file_of_text(state, "a.csv", ""), "is empty");
    expect_refusal(file_of_text(state, "a.csv", "a\n\"1\n"), "line 2: a quoted cell is never closed");
    expect_refusal(file_of_text(state, "a.csv", "a\n\"1\"2\n"), "after a closing quote");
    expect_refusal(put(state, "a.csv", "a\n1\0002\n", 6), "zero byte at byte 3");
}

static void csv_numbers_are_rounded_as_by_strtod(void **state) {
    char text[4096] = "v\n";
    double expected[40];
    unsigned seed = 1;
    for (int i = 0; i < 40; i++) {
        char number[64];
        seed = seed * 1664525u + 1013904223u;
        snprintf(number, sizeof number, "%.*g", 1 + i % 20, ldexp((double)seed, (int)(seed >> 20) % 120 - 80));
        expected[i] = strtod(number, NULL);
        strcat(text, number);
        strcat(text, "\n");
    }
    expect_array(file_of_text(state, "n.csv", text), 0, "v", 1, (int64_t[]){ 40 }, expected);
}

static void csv_survives_battering(void **state) {
    file_of_text(state, "a.csv", "a,\"b \"\"c\"\n1,2\n3,\"4\"\r\n");
    batter(state, "a.csv", false);
}

/* ---- safetensors ---- */

static char *save(const char *path, Precision precision) {
    static const float floats[] = { 1, 2, 3, 4, 5, 0.1f };
    static const double doubles[] = { 1, 2, 3, 4, 5, 0.1 };
    const void *data = precision == PRECISION_F64 ? (const void *)doubles : (const void *)floats;
    SavedArray arrays[] = { { .name = "f.dense1.W", .rank = 2, .dims = { 2, 3 }, .data = data }, { .name = "f.β", .rank = 0, .data = data },
                            { .name = "none", .rank = 1, .dims = { 0 }, .data = NULL } };
    const char *keys[] = { "source", "edition" }, *texts[] = { "energy E(x) = \"x\"\n\t# ü \\ \x01", "1" };
    return safetensors_write(path, keys, texts, 2, arrays, 3, precision);
}

static void safetensors_round_trip(void **state) {
    const char *path = in_scratch(state, "m.safetensors");
    assert_null(save(path, PRECISION_F64));
    expect_array(path, 0, "f.dense1.W", 2, (int64_t[]){ 2, 3 }, (double[]){ 1, 2, 3, 4, 5, 0.1 });
    expect_array(path, 1, "f.β", 0, NULL, (double[]){ 1 });
    expect_array(path, 2, "none", 1, (int64_t[]){ 0 }, NULL);
    char *text = safetensors_text(path, "source");
    assert_string_equal(text, "energy E(x) = \"x\"\n\t# ü \\ \x01");
    free(text);
    assert_null(safetensors_text(path, "nothing"));
    assert_null(safetensors_text("/nonexistent", "source"));
    assert_null(save(path, PRECISION_F32));
    expect_array(path, 0, "f.dense1.W", 2, (int64_t[]){ 2, 3 }, (double[]){ 1, 2, 3, 4, 5, (double)0.1f });
}

static void safetensors_is_the_same_bytes_each_time(void **state) {
    size_t n, m;
    assert_null(save(in_scratch(state, "m.safetensors"), PRECISION_F32));
    uint8_t *first = get(in_scratch(state, "m.safetensors"), &n);
    assert_null(save(in_scratch(state, "again.safetensors"), PRECISION_F32));
    uint8_t *second = get(in_scratch(state, "again.safetensors"), &m);
    assert_int_equal(n, m);
    assert_memory_equal(first, second, n);
    assert_int_equal(first[0] % 8, 0);          /* values are aligned */
    free(first);
    free(second);
}

static void safetensors_refuses_to_write_nonsense(void **state) {
    const float x = 1;
    SavedArray twice[] = { { .name = "a", .data = &x }, { .name = "a", .data = &x } };
    SavedArray bad[] = { { .name = "\xff", .data = &x } };
    const char *path = in_scratch(state, "w.safetensors"), *key = "k", *text = "\xff";
    char *error = safetensors_write(path, NULL, NULL, 0, twice, 2, PRECISION_F32);
    assert_non_null(strstr(error, "twice"));
    free(error);
    error = safetensors_write(path, NULL, NULL, 0, bad, 1, PRECISION_F32);
    assert_non_null(strstr(error, "UTF-8"));
    free(error);
    error = safetensors_write(path, &key, &text, 1, twice, 1, PRECISION_F32);
    assert_non_null(strstr(error, "UTF-8"));
    free(error);
    error = safetensors_write("/nonexistent/w.safetensors", NULL, NULL, 0, twice, 1, PRECISION_F32);
    assert_non_null(strstr(error, "No such file"));
    free(error);
    struct stat about;
    assert_int_equal(stat(path, &about), -1);   /* nothing half-written is left */
}

static const char *put_safetensors(void **state, const char *header, const void *values, size_t n) {
    uint8_t bytes[1024] = {0};
    size_t length = strlen(header);
    bytes[0] = (uint8_t)length;
    bytes[1] = (uint8_t)(length >> 8);
    memcpy(bytes + 8, header, length);
    memcpy(bytes + 8 + length, values, n);
    return put(state, "a.safetensors", bytes, 8 + length + n);
}

#define TENSOR(name, dtype, shape, from, to) "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}"

static void safetensors_reads_other_kinds(void **state) {
    const char *path = put_safetensors(state, "{" TENSOR("h", "F16", "[1]", 2, 4) "," TENSOR("b", "BF16", "[1]", 0, 2) "," TENSOR("i", "I64", "[1]", 4, 12)
                                       "," TENSOR("j", "I32", "[1,1]", 12, 16) "," TENSOR("u", "U8", "[2]", 16, 18) "}   ",
                                       "\xc0\x3f" "\x00\xbc" "\xfe\xff\xff\xff\xff\xff\xff\xff" "\3\0\0\0" "\7\377", 18);
    expect_array(path, 0, "b", 1, (int64_t[]){ 1 }, (double[]){ 1.5 });         /* in the order in which they lie */
    expect_array(path, 1, "h", 1, (int64_t[]){ 1 }, (double[]){ -1 });
    expect_array(path, 2, "i", 1, (int64_t[]){ 1 }, (double[]){ -2 });
    expect_array(path, 3, "j", 2, (int64_t[]){ 1, 1 }, (double[]){ 3 });
    expect_array(path, 4, "u", 1, (int64_t[]){ 2 }, (double[]){ 7, 255 });
}

static void safetensors_refuses_what_is_broken(void **state) {
    const uint8_t x[16] = {0};
    expect_refusal(put_safetensors(state, "{" TENSOR("a", "F32", "[4]", 0, 16) "}", x, 15), "has 15 bytes of values; expected 16");
    expect_refusal(put_safetensors(state, "{" TENSOR("a", "F32", "[3]", 0, 16) "}", x, 16), "has 16 bytes; expected 12");
    expect_refusal(put_safetensors(state, "{" TENSOR("a", "F32", "[4]", 16, 0) "}", x, 16), "cannot be");
    expect_refusal(put_safetensors(state, "{" TENSOR("a", "F32", "[1]", 0, 4) "," TENSOR("b", "F32", "[1]", 8, 12) "}", x, 12), "begins at byte 8 of the values; expected 4");
    expect_refusal(put_safetensors(state, "{" TENSOR("a", "F32", "[2]", 0, 8) "," TENSOR("b", "F32", "[1]", 4, 8) "}", x, 8), "expected 8");
    expect_refusal(put_safetensors(state, "{" TENSOR("a", "F32", "[1]", 0, 4) "," TENSOR("a", "F32", "[1]", 4, 8) "}", x, 8), "duplicate");
    expect_refusal(put_safetensors(state, "{" TENSOR("a", "C64", "[1]", 0, 8) "}", x, 8), "kind C64");
    expect_refusal(put_safetensors(state, "{" TENSOR("a", "F32", "[-1]", 0, 4) "}", x, 4), "shape that cannot be");
    expect_refusal(put_safetensors(state, "{" TENSOR("a", "F32", "[4294967296,4294967296]", 0, 0) "}", x, 0), "shape that cannot be");
    expect_refusal(put_safetensors(state, "{" TENSOR("a", "F32", "[1.5]", 0, 4) "}", x, 4), "shape that cannot be");
    expect_refusal(put_safetensors(state, "{\"a\":3}", x, 4), "data_offsets");
    expect_refusal(put_safetensors(state, "[1]", x, 4), "expected {");
    expect_refusal(put_safetensors(state, "{\"a\":", x, 4), "broken safetensors header");
    expect_refusal(put(state, "a.safetensors", "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10), "announces a header");
    expect_refusal(put(state, "a.safetensors", "abc", 3), "is cut off");
}

static void safetensors_survives_battering(void **state) {
    assert_null(save(in_scratch(state, "m.safetensors"), PRECISION_F32));
    batter(state, "m.safetensors", true);
}

/* ---- digests, and the real thing ---- */

static void digests_match_known_vectors(void **state) {
    static const struct { const char *text, *digest; } known[] = {
        { "", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    };
    for (int i = 0; i < 3; i++) {
        char *digest = data_digest(file_of_text(state, "d", known[i].text));
        assert_string_equal(digest, known[i].digest);
        free(digest);
    }
    char *million = malloc(1000000);
    memset(million, 'a', 1000000);
    char *digest = data_digest(put(state, "d", million, 1000000));
    assert_string_equal(digest, "sha256:cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(digest);
    free(million);
    assert_null(data_digest("/nonexistent"));
    assert_null(data_digest("/tmp"));
}

static void fashion_mnist_opens_at_once(void **state) {
    (void)state;
    const char *path = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz";
    if (access(path, R_OK) != 0) skip();
    struct timespec start, end;
    char *error;
    clock_gettime(CLOCK_MONOTONIC, &start);
    DataFile *file = data_open(path, &error);
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_non_null(file);
    assert_true((double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec) < 0.1);
    const DataArray *a = data_array(file, 0);
    assert_int_equal(a->dims[0] * 10000 + a->dims[1] * 100 + a->dims[2], 600002828);
    float *out = malloc(sizeof *out * 60000 * 784);
    assert_null(data_read(file, 0, out, PRECISION_F32));
    double sum = 0;
    for (int i = 0; i < 60000 * 784; i++) sum += (double)out[i];
    assert_true(fabs(sum / (60000 * 784) - 0.2860406) < 1e-6);      /* the mean that the data set is known for */
    free(out);
    data_close(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(idx_images_are_scaled_to_one), TEST(idx_labels_are_not_scaled), TEST(idx_reads_every_kind_big_endian),
        TEST(idx_refuses_what_is_broken), TEST(idx_survives_battering), TEST(gzip_members_are_joined),
        TEST(npy_round_trip), TEST(npy_reads_every_kind), TEST(npy_turns_fortran_order), TEST(npy_refuses_what_is_broken),
        TEST(npy_survives_battering), TEST(npz_reads_stored_and_deflated_arrays),
        TEST(csv_reads_columns_of_numbers), TEST(csv_without_names), TEST(csv_refuses_what_is_broken),
        TEST(csv_numbers_are_rounded_as_by_strtod), TEST(csv_survives_battering),
        TEST(safetensors_round_trip), TEST(safetensors_is_the_same_bytes_each_time), TEST(safetensors_refuses_to_write_nonsense),
        TEST(safetensors_reads_other_kinds), TEST(safetensors_refuses_what_is_broken), TEST(safetensors_survives_battering),
        TEST(digests_match_known_vectors), TEST(fashion_mnist_opens_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

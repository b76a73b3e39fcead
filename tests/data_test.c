/* data_test.c: rows of data files, arrays that stay on disk, texts and their symbols. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <xmmintrin.h>
#include "tests/files.h"
#include "vm/io/texts.h"

/* ---- rows ---- */

static const Precision precisions[] = { PRECISION_F32, PRECISION_F64 };

static void rows_are_read_by_themselves(void **state) {
    const double all[] = { 0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121 };
    const double fortran[] = { 0, 100, 10, 110, 20, 120, 1, 101, 11, 111, 21, 121 };
    uint8_t bytes[1024];
    const char *paths[5];
    size_t n = make_npy(bytes, 1, NPY("<f8", "False", "(2, 3, 2)"), all, sizeof all);
    paths[0] = strdup(put(state, "plain.npy", bytes, n));
    paths[1] = strdup(put_gzip(state, "packed.npy.gz", bytes, n));
    n = make_npy(bytes, 1, NPY("<f8", "True", "(2, 3, 2)"), fortran, sizeof fortran);
    paths[2] = strdup(put(state, "fortran.npy", bytes, n));
    paths[3] = strdup(file_of_text(state, "a.csv", "a\n5\n6\n7\n"));
    for (int i = 0; i < 4; i++) {
        char *error;
        DataFile *file = data_open(paths[i], &error);
        assert_non_null(file);
        double out[6];
        error = data_read_rows(file, 0, 1, 1, out, PRECISION_F64);
        if (error) fail_msg("%s", error);
        if (i < 3) assert_memory_equal(out, all + 6, sizeof out);
        else assert_true(out[0] == 6);
        error = data_read_rows(file, 0, 0, 1, out, PRECISION_F64);
        if (error) fail_msg("%s", error);
        if (i < 3) assert_memory_equal(out, all, sizeof out);
        error = data_read_rows(file, 0, 2, 9, out, PRECISION_F64);
        assert_non_null(strstr(error, "rows, not 11"));
        free(error);
        data_close(file);
        free((char *)(uintptr_t)paths[i]);
    }
}

/* ---- arrays that stay on disk ---- */

static void large_arrays_are_mapped(void **state) {
    uint8_t bytes[256];
    char header[128];
    snprintf(header, sizeof header, "%-117s\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (5000, 4000), }");       /* to a multiple of 64, as numpy does */
    size_t head = make_npy(bytes, 1, header, "", 0);
    const char *path = put(state, "large.npy", bytes, head);
    assert_int_equal(truncate(path, (off_t)head + 5000 * 4000 * 4), 0);       /* 80 MB of zeros that take no room */
    FILE *out = fopen(path, "r+b");
    fseek(out, (long)head + (4000 * 4000 + 7) * 4, SEEK_SET);
    fwrite(&(float){ 2.5f }, 4, 1, out);
    fclose(out);
    char *error;
    DataFile *file = data_open(path, &error);
    assert_non_null(file);
    DataMap map;
    assert_null(data_map(file, 0, 0, 5000, &precisions[PRECISION_F32], 0, &map));
    assert_non_null(map.data);
    assert_true(((float *)map.data)[4000 * 4000 + 7] == 2.5f && ((float *)map.data)[5000 * 4000 + 64] == 0);     /* readable behind its end */
    data_unmap(&map);
    assert_null(data_map(file, 0, 4000, 1000, &precisions[PRECISION_F32], 1 << 20, &map));   /* too small for a map of the file, too large for this memory */
    assert_true(((float *)map.data)[7] == 2.5f);
    data_unmap(&map);
    assert_null(data_map(file, 0, 4000, 10, &precisions[PRECISION_F32], 0, &map));
    assert_null(map.data);
    data_close(file);
}

static void arrays_are_converted_on_disk(void **state) {
    uint8_t bytes[16 + 3000];
    static const uint8_t head[] = { 0, 0, 8, 3, 0, 0, 0, 30, 0, 0, 0, 10, 0, 0, 0, 10 };
    memcpy(bytes, head, sizeof head);
    for (int i = 0; i < 3000; i++) bytes[16 + i] = (uint8_t)(i * 7);
    for (int packed = 0; packed < 2; packed++) {
        char *error;
        DataFile *file = data_open(packed ? put_gzip(state, "a.gz", bytes, sizeof bytes) : put(state, "a.idx", bytes, sizeof bytes), &error);
        assert_non_null(file);
        double read[3000];
        assert_null(data_read(file, 0, read, PRECISION_F64));
        DataMap whole, part;
        assert_null(data_map(file, 0, 0, 30, &precisions[PRECISION_F64], 4 * 3000 * 8, &whole));
        assert_null(whole.data);
        assert_null(data_map(file, 0, 0, 30, &precisions[PRECISION_F64], 1000, &whole));
        assert_memory_equal(whole.data, read, sizeof read);
        assert_null(data_map(file, 0, 10, 5, &precisions[PRECISION_F64], 1000, &part));
        assert_ptr_equal(part.data, (double *)whole.data + 1000);
        data_unmap(&part);
        data_unmap(&whole);
        data_close(file);
    }
    const char *path = put_gzip(state, "cut.gz", bytes, sizeof bytes - 1);
    char *error;
    DataFile *file = data_open(path, &error);
    assert_non_null(file);
    DataMap map;
    error = data_map(file, 0, 0, 30, &precisions[PRECISION_F64], 1000, &map);
    assert_non_null(strstr(error, "is cut off"));
    assert_null(map.data);
    free(error);
    data_close(file);
}

/* ---- elements ---- */

/* Every number of one or two bytes, and what single precision has at its edges. */
static size_t all_numbers(int width, bool big, uint8_t *bytes) {
    static const uint32_t singles[] = { 0, 1, 0x80000001u, 0x007fffffu, 0x00800000u, 0x7f7fffffu, 0xff800000u, 0x3f800001u, 0xc0490fdbu };
    size_t n = width == 1 ? 256 : width == 2 ? 65536 : sizeof singles / sizeof *singles;
    for (size_t i = 0; i < n; i++) {
        uint32_t number = width == 4 ? singles[i] : (uint32_t)i;
        for (int k = 0; k < width; k++) bytes[i * (size_t)width + (size_t)(big ? width - 1 - k : k)] = (uint8_t)(number >> 8 * k);
    }
    return n;
}

static void expect_same_reals(DataFile *file, size_t n, Element kind, double scale, Precision precision) {
    static double read[65536], fetched[65536];
    static uint8_t raw[4 * 65536];
    static int64_t places[65536];
    assert_null(data_read(file, 0, read, precision));
    assert_null(data_read_elements(file, 0, 0, (int64_t)n, raw));
    Elements elements;
    elements_begin(&elements, kind, scale);
    elements.at = raw;
    unsigned flags = _mm_getcsr();
    _mm_setcsr(flags | 0x8040);         /* as while the machine runs: denormals count as 0 */
    for (size_t i = 0; i < n; i++) places[i] = (int64_t)(n - 1 - i);
    elements_fetch(&elements, 0, places, (int64_t)n, fetched, 1, precision);
    _mm_setcsr(flags);
    size_t width = precision_bytes(precision);
    for (size_t i = 0; i < n; i++)
        if (memcmp((char *)fetched + (n - 1 - i) * width, (char *)read + i * width, width) != 0) fail_msg("kind %d, element %zu", (int)kind, i);
}

static void elements_are_the_same_numbers(void **state) {
    static const struct { const char *descr; int width; } kinds[] = {
        { "|u1", 1 }, { "|i1", 1 }, { "|b1", 1 }, { "<u2", 2 }, { ">u2", 2 }, { "<i2", 2 }, { ">i2", 2 }, { "<f2", 2 }, { ">f2", 2 }, { "<f4", 4 }, { ">f4", 4 },
    };
    static uint8_t values[4 * 65536], bytes[1024 + sizeof values];
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t n = all_numbers(kinds[k].width, kinds[k].descr[0] == '>', values);
        char header[128], *error;
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (%zu,), }   \n", kinds[k].descr, n);
        size_t length = make_npy(bytes, 1, header, values, n * (size_t)kinds[k].width);
        for (int packed = 0; packed < 2; packed++) {
            DataFile *file = data_open(packed ? put_gzip(state, "a.npy.gz", bytes, length) : put(state, "a.npy", bytes, length), &error);
            assert_non_null(file);
            for (int p = 0; p < 2; p++) {
                Element kind;
                double scale;
                bool stays = data_stays(file, 0, precisions[p], &kind, &scale);
                assert_int_equal(stays, kinds[k].width < 4 || p == 1);
                if (stays) expect_same_reals(file, n, kind, scale, precisions[p]);
            }
            data_close(file);
        }
    }
}

static void elements_are_mapped(void **state) {
    static uint8_t bytes[16 + 3000], turned[16 + 6000];
    static const uint8_t head[] = { 0, 0, 8, 3, 0, 0, 0, 30, 0, 0, 0, 10, 0, 0, 0, 10 };
    memcpy(bytes, head, sizeof head);
    memcpy(turned, head, sizeof head);
    turned[2] = 0x0b;
    for (int i = 0; i < 3000; i++) bytes[16 + i] = (uint8_t)(i * 7);
    for (int i = 0; i < 6000; i++) turned[16 + i] = (uint8_t)(i * 11);
    for (int k = 0; k < 4; k++) {
        char *error;
        DataMap map;
        int width = k < 2 ? 1 : 2;
        const char *path = k & 1 ? put_gzip(state, "a.gz", width == 1 ? bytes : turned, 16 + 3000 * (size_t)width) : put(state, "a.idx", width == 1 ? bytes : turned, 16 + 3000 * (size_t)width);
        DataFile *file = data_open(path, &error);
        assert_non_null(file);
        assert_null(data_map(file, 0, 10, 5, NULL, 0, &map));
        assert_null(map.data);
        assert_null(data_map(file, 0, 10, 5, NULL, 100, &map));
        for (int i = 0; i < 500; i++) {
            if (width == 1) assert_int_equal(((uint8_t *)map.data)[i], bytes[16 + 1000 + i]);
            else assert_int_equal(((uint16_t *)map.data)[i], turned[16 + 2000 + 2 * i] << 8 | turned[16 + 2000 + 2 * i + 1]);
        }
        data_unmap(&map);
        data_close(file);
    }
}

/* ---- texts ---- */

static void texts_are_lines(void **state) {
    Texts t;
    assert_null(texts_lines(file_of_text(state, "a.txt", "\xef\xbb\xbf" "one\r\n\ntwo"), &t));
    assert_int_equal(t.n, 3);
    assert_string_equal(t.at[0], "one");
    assert_string_equal(t.at[1], "");
    assert_string_equal(t.at[2], "two");
    texts_free(&t);
    assert_null(texts_lines(put_gzip(state, "a.txt.gz", "a\nb\n", 4), &t));
    assert_int_equal(t.n, 2);
    texts_free(&t);
    assert_null(texts_whole(file_of_text(state, "a.txt", "a\nb\n"), &t));
    assert_string_equal(t.at[0], "a\nb\n");
    texts_free(&t);
    static const struct { const char *bytes; size_t n; const char *reason; } bad[] = {
        { "a\nb\0c", 5, "line 2: byte 3" }, { "\xc0\x80", 2, "0xc0" }, { "a\xed\xa0\x80", 4, "byte 1 of the file, 0xed" }, { "\xf4\x90\x80\x80", 4, "0xf4" },
        { "ab\xe2\x82", 4, "byte 2" }, { "", 0, "is empty" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *error = texts_lines(put(state, "a.txt", bad[i].bytes, bad[i].n), &t);
        assert_non_null(error);
        if (!strstr(error, bad[i].reason)) fail_msg("'%s' does not say: %s", error, bad[i].reason);
        free(error);
    }
    char *error = texts_lines(in_scratch(state, "missing.txt"), &t);
    assert_non_null(strstr(error, "No such file"));
    free(error);
}

static void expect_codes(const Vocabulary *v, const char *text, int n, const double *codes) {
    double out[16] = {0};
    assert_int_equal(vocabulary_encode(v, text, out, 16, NULL), n);
    for (int i = 0; i < n; i++) if (out[i] != codes[i]) fail_msg("symbol %d of '%s' is %g; expected %g", i, text, out[i], codes[i]);
}

static void vocabularies_number_symbols(void **state) {
    (void)state;
    const char *const texts[] = { "ab a", "b\xc3\xa9", "ab" };
    Vocabulary v;
    assert_true(vocabulary_learn(&v, CUT_CHARACTERS, NULL, texts, 3, 0));
    assert_int_equal(v.n, 4);
    expect_codes(&v, "\xc3\xa9 ba", 4, (double[]){ 3, 0, 2, 1 });
    char unknown[64];
    double out[2];
    assert_int_equal(vocabulary_encode(&v, "a\xe2\x82\xac", out, 2, unknown), -1);
    assert_string_equal(unknown, "\xe2\x82\xac");
    assert_int_equal(vocabulary_encode(&v, "abab", out, 2, unknown), 4);
    vocabulary_free(&v);
    assert_true(vocabulary_learn(&v, CUT_AT, " ", texts, 3, 0));
    assert_int_equal(v.n, 3);
    expect_codes(&v, "b\xc3\xa9 ab a", 3, (double[]){ 2, 1, 0 });
    assert_int_equal(vocabulary_encode(&v, "ab  a", out, 2, unknown), -1);
    assert_string_equal(unknown, "");
    vocabulary_free(&v);
    assert_true(vocabulary_learn(&v, CUT_WHOLE, NULL, texts, 3, 0));
    expect_codes(&v, "b\xc3\xa9", 1, (double[]){ 2 });
    expect_codes(&v, "ab", 1, (double[]){ 0 });
    vocabulary_free(&v);
    assert_false(vocabulary_of(&v, "abca"));
    assert_true(vocabulary_of(&v, "zya"));
    expect_codes(&v, "ayz", 3, (double[]){ 2, 1, 0 });
    vocabulary_free(&v);
    /* "low lower lowest": lo (3), low (3), then e follows w in "lower" and "lowest": lowe (2); each " low" has its space: counted apart */
    const char *const story[] = { "low lower lowest" };
    assert_true(vocabulary_learn(&v, CUT_PIECES, NULL, story, 1, 100));
    assert_string_equal(v.symbols[8], "lo");
    assert_string_equal(v.symbols[9], "low");
    assert_string_equal(v.symbols[10], " low");
    assert_string_equal(v.symbols[11], " lowe");
    assert_int_equal(v.n, 12);
    expect_codes(&v, "low lowest", 4, (double[]){ 9, 11, 5, 6 });
    vocabulary_free(&v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(rows_are_read_by_themselves), TEST(large_arrays_are_mapped), TEST(arrays_are_converted_on_disk), TEST(elements_are_the_same_numbers), TEST(elements_are_mapped),
        TEST(texts_are_lines), TEST(vocabularies_number_symbols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

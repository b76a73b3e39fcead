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
        TEST(rows_are_read_by_themselves), TEST(large_arrays_are_mapped), TEST(arrays_are_converted_on_disk), TEST(texts_are_lines), TEST(vocabularies_number_symbols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* data_test.c: rows of data files, texts and their symbols. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/files.h"
#include "vm/io/texts.h"

/* ---- rows ---- */

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
        TEST(rows_are_read_by_themselves), TEST(texts_are_lines), TEST(vocabularies_number_symbols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* picture_test.c: pictures, folders of them, and sound: what is written by other hands is read, what is broken is refused. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include <jpeglib.h>
#include <png.h>
#include "tests/files.h"
#include "vm/io/picture.h"

/* ---- makers ---- */

static const char *put_png(void **state, const char *name, unsigned format, int width, int height, const void *pixels, const void *colors) {
    const char *path = in_scratch(state, name);
    png_image image = { .version = PNG_IMAGE_VERSION, .width = (png_uint_32)width, .height = (png_uint_32)height, .format = format, .colormap_entries = 4 };
    if (!png_image_write_to_file(&image, path, 0, pixels, 0, colors)) fail_msg("%s: %s", path, image.message);
    return path;
}

static const char *put_jpeg(void **state, const char *name, int channels, int width, int height, uint8_t *pixels) {
    const char *path = in_scratch(state, name);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr manager;
    jpeg.err = jpeg_std_error(&manager);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, out);
    jpeg.image_width = (JDIMENSION)width;
    jpeg.image_height = (JDIMENSION)height;
    jpeg.input_components = channels;
    jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = pixels + (size_t)jpeg.next_scanline * (size_t)(width * channels);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    fclose(out);
    return path;
}

static void make_folder(void **state, const char *name) { assert_int_equal(mkdir(in_scratch(state, name), 0700), 0); }

/* ---- PNG ---- */

static const uint8_t gray23[] = { 0, 51, 255, 102, 204, 153 };

static void png_is_read(void **state) {
    double values[12];
    for (int i = 0; i < 6; i++) values[i] = gray23[i] * (1.0 / 255);
    expect_array(put_png(state, "a.png", PNG_FORMAT_GRAY, 3, 2, gray23, NULL), 0, "", 2, (int64_t[]){ 2, 3 }, values);
    const uint8_t color[] = { 255, 0, 51, 0, 102, 204 };
    const double planes[] = { 1, 0, 0, 102 * (1.0 / 255), 51 * (1.0 / 255), 204 * (1.0 / 255) };
    expect_array(put_png(state, "a.png", PNG_FORMAT_RGB, 2, 1, color, NULL), 0, "", 3, (int64_t[]){ 3, 1, 2 }, planes);
    const uint8_t clear[] = { 255, 0, 51, 255, 255, 255, 255, 0 };
    const double on_black[] = { 1, 0, 0, 0, 51 * (1.0 / 255), 0 };
    expect_array(put_png(state, "a.png", PNG_FORMAT_RGBA, 2, 1, clear, NULL), 0, "", 3, (int64_t[]){ 3, 1, 2 }, on_black);
    const uint8_t map[] = { 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255 }, places[] = { 1, 3 };
    const double mapped[] = { 1, 0, 0, 0, 0, 1 };
    expect_array(put_png(state, "a.png", PNG_FORMAT_RGB_COLORMAP, 2, 1, places, map), 0, "", 3, (int64_t[]){ 3, 1, 2 }, mapped);
}

static void pictures_are_known_by_name(void **state) {
    (void)state;
    const char *pictures[] = { "a.png", "./a.PNG", "../far.away/b.jpg", "/x/.y/c.jpeg" };
    const char *others[] = { "a.txt", "png", ".hidden.png", "x/.hidden.png", "folder.png/a", "./a" };
    for (int i = 0; i < 4; i++) assert_true(picture_named(pictures[i]));
    for (int i = 0; i < 6; i++) assert_false(picture_named(others[i]));
}

static void png_survives_battering(void **state) {
    put_png(state, "a.png", PNG_FORMAT_GRAY, 3, 2, gray23, NULL);
    size_t n;
    uint8_t *bytes = get(in_scratch(state, "a.png"), &n);
    for (size_t cut = 0; cut < n - 12; cut++) {             /* the last chunk only says that it is the last */
        char *error = open_and_read(put(state, "cut.png", bytes, cut));
        if (!error) fail_msg("cut to %zu of %zu bytes was taken", cut, n);
        free(error);
    }
    for (size_t at = 0; at < n; at++) {
        bytes[at] ^= 0x41;
        free(open_and_read(put(state, "broken.png", bytes, n)));
        bytes[at] ^= 0x41;
    }
    free(bytes);
    expect_refusal(file_of_text(state, "text.png", "no picture"), "expected the first bytes of a PNG or JPEG file");
    expect_refusal(in_scratch(state, "missing.png"), "No such file");
}

/* ---- JPEG ---- */

static void jpeg_is_read(void **state) {
    uint8_t pixels[8 * 8 * 3];
    for (int i = 0; i < 64; i++) for (int c = 0; c < 3; c++) pixels[3 * i + c] = (uint8_t)(c == 0 ? 200 : c == 1 ? 100 : 50);
    char *error;
    DataFile *file = data_open(put_jpeg(state, "a.jpg", 3, 8, 8, pixels), &error);
    assert_non_null(file);
    assert_int_equal(data_array(file, 0)->rank, 3);
    double out[192];
    assert_null(data_read(file, 0, out, PRECISION_F64));
    data_close(file);
    for (int c = 0; c < 3; c++) for (int i = 0; i < 64; i++) assert_true(fabs(out[64 * c + i] * 255 - pixels[c]) < 3);
    put_jpeg(state, "g.jpeg", 1, 8, 8, pixels);
    file = data_open(in_scratch(state, "g.jpeg"), &error);
    assert_non_null(file);
    assert_int_equal(data_array(file, 0)->rank, 2);
    data_close(file);
    expect_refusal(put_jpeg(state, "ink.jpg", 4, 4, 4, pixels), "has 4 channels (CMYK); expected 1 (gray) or 3");
}

static void jpeg_survives_battering(void **state) {
    uint8_t pixels[16 * 16];
    for (int i = 0; i < 256; i++) pixels[i] = (uint8_t)(i * 37);
    put_jpeg(state, "a.jpg", 1, 16, 16, pixels);
    size_t n;
    uint8_t *bytes = get(in_scratch(state, "a.jpg"), &n);
    for (size_t cut = 0; cut < n - 2; cut += 3) {
        char *error = open_and_read(put(state, "cut.jpg", bytes, cut));
        if (!error) fail_msg("cut to %zu of %zu bytes was taken", cut, n);
        free(error);
    }
    for (size_t at = 0; at < n; at++) {
        bytes[at] ^= 0x41;
        free(open_and_read(put(state, "broken.jpg", bytes, n)));
        bytes[at] ^= 0x41;
    }
    free(bytes);
}

/* ---- folders ---- */

static DataFile *open_folder(void **state, const char *name, bool gray) {
    char *error = NULL;
    DataFile *file = data_open_folder(in_scratch(state, name), gray, &error);
    if (!file) fail_msg("%s", error);
    return file;
}

static void expect_no_folder(void **state, const char *name, const char *reason) {
    char *error = NULL;
    assert_null(data_open_folder(in_scratch(state, name), false, &error));
    if (!strstr(error, reason)) fail_msg("'%s' does not say: %s", error, reason);
    free(error);
}

static void folders_are_data_sets(void **state) {
    make_folder(state, "set");
    make_folder(state, "set/dog");
    make_folder(state, "set/cat");
    const uint8_t color[] = { 255, 0, 0, 0, 255, 0 };
    put_png(state, "set/dog/b.png", PNG_FORMAT_RGB, 2, 1, color, NULL);
    put_png(state, "set/dog/a.PNG", PNG_FORMAT_GRAY, 2, 1, gray23, NULL);
    put_png(state, "set/cat/c.png", PNG_FORMAT_GRAY, 2, 1, gray23 + 2, NULL);
    file_of_text(state, "set/dog/notes.txt", "not a picture");
    file_of_text(state, "set/dog/.hidden.png", "not a picture");
    DataFile *file = open_folder(state, "set", false);
    const DataArray *image = data_array(file, 0), *label = data_array(file, 1);
    assert_string_equal(image->name, "image");
    assert_int_equal(image->rank, 4);
    assert_true(image->dims[0] == 3 && image->dims[1] == 3 && image->dims[2] == 1 && image->dims[3] == 2);
    assert_true(label->whole && label->high == 1);
    double out[18], labels[3];
    assert_null(data_read(file, 0, out, PRECISION_F64));
    assert_null(data_read(file, 1, labels, PRECISION_F64));
    assert_true(labels[0] == 0 && labels[1] == 1 && labels[2] == 1);
    assert_true(out[0] == 1 && out[2] == 1 && out[4] == 1 && out[6] == 0 && out[7] == 0.2 && out[12] == 1 && out[15] == 1);
    double one[6];
    assert_null(data_read_rows(file, 0, 2, 1, one, PRECISION_F64));
    assert_memory_equal(one, out + 12, sizeof one);
    data_close(file);
    file = open_folder(state, "set", true);
    assert_int_equal(data_array(file, 0)->rank, 3);
    assert_null(data_read_rows(file, 0, 2, 1, one, PRECISION_F64));
    assert_true(fabs(one[0] * 255 - 76) < 1e-9 && fabs(one[1] * 255 - 150) < 1e-9);         /* 0.299 and 0.587 of 255 */
    data_close(file);
    file = open_folder(state, "set/cat", false);
    assert_int_equal(data_arrays(file), 1);
    data_close(file);
    char *before = data_digest(in_scratch(state, "set")), *after;
    put_png(state, "set/cat/c.png", PNG_FORMAT_GRAY, 2, 1, gray23, NULL);
    after = data_digest(in_scratch(state, "set"));
    assert_non_null(before);
    assert_non_null(after);
    assert_string_not_equal(before, after);
    free(before);
    free(after);
}

static void folders_refuse_what_is_broken(void **state) {
    expect_no_folder(state, "missing", "No such file");
    make_folder(state, "empty");
    expect_no_folder(state, "empty", "holds no pictures");
    make_folder(state, "set");
    make_folder(state, "set/a");
    expect_no_folder(state, "set", "holds no pictures");
    put_png(state, "set/a/1.png", PNG_FORMAT_GRAY, 2, 1, gray23, NULL);
    put_png(state, "set/a/2.png", PNG_FORMAT_GRAY, 1, 2, gray23, NULL);
    expect_no_folder(state, "set", "has 1 x 2 pixels; expected 2 x 1");
    file_of_text(state, "set/a/2.png", "hello");
    expect_no_folder(state, "set", "2.png: is no picture");
    put_png(state, "set/a/2.png", PNG_FORMAT_GRAY, 2, 1, gray23, NULL);
    DataFile *file = open_folder(state, "set", false);
    double out[4];
    file_of_text(state, "set/a/2.png", "hello");
    char *error = data_read(file, 0, out, PRECISION_F64);
    assert_non_null(strstr(error, "2.png: is no picture"));
    free(error);
    data_close(file);
}

/* ---- sound ---- */

static const char *put_wav(void **state, unsigned code, unsigned channels, unsigned bits, const void *frames, size_t n, uint32_t announced) {
    uint8_t bytes[256] = "RIFF....WAVEJUNK\3\0\0\0abc\0fmt \20\0\0\0", *p = bytes + 32;
    const uint32_t rate = 8000;
    const uint16_t head[] = { (uint16_t)code, (uint16_t)channels, (uint16_t)rate, (uint16_t)(rate >> 16), 0, 0, (uint16_t)(channels * bits / 8), (uint16_t)bits };
    memcpy(p, head, sizeof head);
    p += sizeof head;
    memcpy(p, "data", 4);
    memcpy(p + 4, &announced, 4);
    memcpy(p + 8, frames, n);
    return put(state, "a.wav", bytes, (size_t)(p + 8 + n - bytes));
}

static void wav_is_read(void **state) {
    expect_array(put_wav(state, 1, 1, 16, (int16_t[]){ 0, 16384, -32768 }, 6, 6), 0, "sound", 1, (int64_t[]){ 3 }, (double[]){ 0, 0.5, -1 });
    expect_array(in_scratch(state, "a.wav"), 1, "rate", 0, NULL, (double[]){ 8000 });
    expect_array(put_wav(state, 1, 2, 16, (int16_t[]){ 0, 16384, -32768, 8192 }, 8, 8), 0, "sound", 2, (int64_t[]){ 2, 2 }, (double[]){ 0, 0.5, -1, 0.25 });
    expect_array(put_wav(state, 1, 1, 8, "\200\300\0", 3, 3), 0, "sound", 1, (int64_t[]){ 3 }, (double[]){ 0, 0.5, -1 });
    expect_array(put_wav(state, 1, 1, 24, "\0\0\100\0\0\200", 6, 6), 0, "sound", 1, (int64_t[]){ 2 }, (double[]){ 0.5, -1 });
    expect_array(put_wav(state, 1, 1, 32, (int32_t[]){ 1 << 30 }, 4, 4), 0, "sound", 1, (int64_t[]){ 1 }, (double[]){ 0.5 });
    expect_array(put_wav(state, 3, 1, 32, (float[]){ 0.25f, -3 }, 8, 8), 0, "sound", 1, (int64_t[]){ 2 }, (double[]){ 0.25, -3 });
    expect_array(put_wav(state, 1, 1, 16, (int16_t[]){ 0, 16384, 7, 7 }, 8, 4), 0, "sound", 1, (int64_t[]){ 2 }, (double[]){ 0, 0.5 });   /* chunks may follow */
}

static void wav_refuses_what_is_broken(void **state) {
    const int16_t x[4] = {0};
    expect_refusal(put_wav(state, 1, 1, 16, x, 8, 10), "is cut off: expected 10 bytes of sound");
    expect_refusal(put_wav(state, 1, 2, 16, x, 8, 6), "expected frames of 4 bytes");
    expect_refusal(put_wav(state, 7, 1, 8, x, 8, 8), "kind 7 with 8 bits");
    expect_refusal(put_wav(state, 1, 1, 12, x, 8, 8), "kind 1 with 12 bits");
    expect_refusal(put_wav(state, 1, 0, 16, x, 8, 8), "0 channels");
    expect_refusal(put_wav(state, 1, 1, 16, x, 8, 0), "data chunk of 0 bytes");
    expect_refusal(file_of_text(state, "a.wav", "RIFF....AVI 0123456789"), "expected RIFF at byte 0 and WAVE");
    expect_refusal(file_of_text(state, "a.wav", "RIFF....WAVEdata\4___"), "data before its format");
    put_wav(state, 1, 1, 16, x, 8, 8);
    batter(state, "a.wav", true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(pictures_are_known_by_name), TEST(png_is_read), TEST(png_survives_battering), TEST(jpeg_is_read), TEST(jpeg_survives_battering),
        TEST(folders_are_data_sets), TEST(folders_refuse_what_is_broken), TEST(wav_is_read), TEST(wav_refuses_what_is_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

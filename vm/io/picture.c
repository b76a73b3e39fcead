/* picture.c: PNG by libpng's simplified interface, JPEG by libjpeg. */
#define _GNU_SOURCE
#include "vm/io/picture.h"
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>
#include <png.h>
#include "vm/io/inside.h"

enum { MOST_BYTES = 1 << 28 };  /* of one picture, unpacked */

bool picture_named(const char *path) {
    const char *folder = strrchr(path, '/'), *name = folder ? folder + 1 : path, *ending = strrchr(name, '.');
    return ending && name[0] != '.' && (!strcasecmp(ending, ".png") || !strcasecmp(ending, ".jpg") || !strcasecmp(ending, ".jpeg"));
}

/* Why a picture of this size is not read; null if it is. */
static char *check_size(const char *path, uint64_t width, uint64_t height) {
    if (width && height && width <= MOST_BYTES && height <= MOST_BYTES / 3 / width) return NULL;
    return io_error(path, "has %llu x %llu pixels; expected at least one and at most %d bytes of them", (unsigned long long)width, (unsigned long long)height, MOST_BYTES);
}

static char *check_wanted(const char *path, const Picture *want, int width, int height) {
    if (want->width == width && want->height == height) return NULL;
    return io_error(path, "has %d x %d pixels; expected %d x %d, as those before it", width, height, want->width, want->height);
}

/* Interleaved pixels of `from` channels to planes of `want`. */
static void spread(const uint8_t *pixels, int from, const Picture *want, uint8_t *out) {
    size_t n = (size_t)want->width * (size_t)want->height;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = pixels + i * (size_t)from;
        if (want->channels == 3) for (size_t c = 0; c < 3; c++) out[c * n + i] = p[from == 3 ? c : 0];
        else out[i] = from == 1 ? p[0] : (uint8_t)((299 * p[0] + 587 * p[1] + 114 * p[2] + 500) / 1000);
    }
}

/* ---- PNG ---- */

static char *png_refused(const char *path, png_image *image) {
    char *error = io_error(path, "is not a whole PNG file: %s", image->message);
    png_image_free(image);
    return error;
}

static char *look_at_png(const char *path, Picture *is) {
    png_image image = { .version = PNG_IMAGE_VERSION };
    if (!png_image_begin_read_from_file(&image, path)) return png_refused(path, &image);
    char *error = check_size(path, image.width, image.height);
    if (!error) *is = (Picture){ image.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1, (int)image.height, (int)image.width };
    png_image_free(&image);
    return error;
}

static char *read_png(const char *path, const Picture *want, uint8_t *out) {
    png_image image = { .version = PNG_IMAGE_VERSION };
    if (!png_image_begin_read_from_file(&image, path)) return png_refused(path, &image);
    int from = image.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1;
    char *error = check_size(path, image.width, image.height);
    if (!error) error = check_wanted(path, want, (int)image.width, (int)image.height);
    uint8_t *pixels = error ? NULL : calloc((size_t)want->width * (size_t)want->height, (size_t)from);
    if (!error && !pixels) error = io_no_memory(path);
    if (error) {
        png_image_free(&image);
        return error;
    }
    image.format = from == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;       /* 16 bits are of the same scale as 8 */
    png_color black = {0};
    if (!png_image_finish_read(&image, &black, pixels, 0, NULL) || PNG_IMAGE_FAILED(image)) error = png_refused(path, &image);
    else spread(pixels, from, want, out);
    png_image_free(&image);
    free(pixels);
    return error;
}

/* ---- JPEG ---- */

/* libjpeg reports by a jump; what it only warns of is an error here too: a picture is whole or refused. */
typedef struct Trouble { struct jpeg_error_mgr manager; jmp_buf away; char text[JMSG_LENGTH_MAX]; } Trouble;

static void leave(j_common_ptr jpeg) {
    Trouble *t = (Trouble *)jpeg->err;
    jpeg->err->format_message(jpeg, t->text);
    longjmp(t->away, 1);
}

static void leave_on_warning(j_common_ptr jpeg, int level) {
    if (level < 0) leave(jpeg);
}

static void be_silent(j_common_ptr jpeg) { (void)jpeg; }

typedef struct Jpeg { struct jpeg_decompress_struct state; Trouble trouble; FILE *file; uint8_t *pixels; } Jpeg;

static char *jpeg_close(Jpeg *j, const char *path, bool broken) {
    char *error = broken ? io_error(path, "is not a whole JPEG file: %s", j->trouble.text) : NULL;
    jpeg_destroy_decompress(&j->state);
    fclose(j->file);
    free(j->pixels);
    free(j);
    return error;
}

static Jpeg *jpeg_begin(const char *path, char **error) {
    Jpeg *j = calloc(1, sizeof *j);
    if (!j) {
        *error = io_no_memory(path);
        return NULL;
    }
    j->file = fopen(path, "rb");
    if (!j->file) {
        *error = io_error(path, "cannot be read: %s", strerror(errno));
        free(j);
        return NULL;
    }
    j->state.err = jpeg_std_error(&j->trouble.manager);
    j->trouble.manager.error_exit = leave;
    j->trouble.manager.emit_message = leave_on_warning;
    j->trouble.manager.output_message = be_silent;
    return j;
}

/* The header; what is seen of it in *is, with the channels that it has. */
static void jpeg_head(Jpeg *j, Picture *is) {
    jpeg_create_decompress(&j->state);
    jpeg_stdio_src(&j->state, j->file);
    jpeg_read_header(&j->state, TRUE);
    *is = (Picture){ j->state.num_components, (int)j->state.image_height, (int)j->state.image_width };
}

static char *check_channels(const char *path, const Picture *is) {
    if (is->channels == 1 || is->channels == 3) return NULL;
    return io_error(path, "has %d channels%s; expected 1 (gray) or 3 (red, green and blue)", is->channels, is->channels == 4 ? " (CMYK)" : "");
}

static char *look_at_jpeg(const char *path, Picture *is) {
    char *error = NULL;
    Jpeg *j = jpeg_begin(path, &error);
    if (!j) return error;
    if (setjmp(j->trouble.away)) return jpeg_close(j, path, true);
    jpeg_head(j, is);
    jpeg_close(j, path, false);
    error = check_channels(path, is);
    return error ? error : check_size(path, (uint64_t)is->width, (uint64_t)is->height);
}

/* After the header: all rows into j->pixels. */
static void jpeg_rows(Jpeg *j, const Picture *is) {
    j->state.out_color_space = is->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&j->state);
    size_t row = (size_t)is->width * (size_t)is->channels;
    while (j->state.output_scanline < j->state.output_height) {
        JSAMPROW to = j->pixels + (size_t)j->state.output_scanline * row;
        jpeg_read_scanlines(&j->state, &to, 1);
    }
    jpeg_finish_decompress(&j->state);
}

static char *read_jpeg(const char *path, const Picture *want, uint8_t *out) {
    char *error = NULL;
    Picture is;
    Jpeg *volatile j = jpeg_begin(path, &error);
    if (!j) return error;
    if (setjmp(j->trouble.away)) return jpeg_close(j, path, true);
    jpeg_head(j, &is);
    error = check_channels(path, &is);
    if (!error) error = check_size(path, (uint64_t)is.width, (uint64_t)is.height);
    if (!error) error = check_wanted(path, want, is.width, is.height);
    if (!error && !(j->pixels = malloc((size_t)is.width * (size_t)is.height * (size_t)is.channels))) error = io_no_memory(path);
    if (!error) {
        jpeg_rows(j, &is);
        spread(j->pixels, is.channels, want, out);
    }
    jpeg_close(j, path, false);
    return error;
}

/* ---- either ---- */

static char *kind_of(const char *path, bool *png) {
    char *error = NULL;
    uint8_t head[8] = {0};
    Stream *s = stream_open(path, NULL, &error);
    if (!s) return error;
    int64_t got = stream_some(s, head, sizeof head, &error);
    stream_close(s);
    if (got < 0) return error;
    *png = memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0;
    if (*png || (head[0] == 0xff && head[1] == 0xd8)) return NULL;
    return io_error(path, "is no picture: expected the first bytes of a PNG or JPEG file, found %02x %02x %02x %02x", head[0], head[1], head[2], head[3]);
}

char *picture_look(const char *path, Picture *is) {
    bool png = false;
    char *error = kind_of(path, &png);
    return error ? error : png ? look_at_png(path, is) : look_at_jpeg(path, is);
}

char *picture_read(const char *path, const Picture *want, uint8_t *out) {
    bool png = false;
    char *error = kind_of(path, &png);
    return error ? error : png ? read_png(path, want, out) : read_jpeg(path, want, out);
}

/* draw_test.c: pictures come out as files that are what they say, show the data, are the same each time, and refuse nonsense. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <cairo.h>
#include "vm/draw/draw.h"

static char folder[64];

static int set_up(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/ebm_draw_XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cairo_debug_reset_static_data();
    return system(command);
}

typedef struct File { char path[128]; unsigned char *bytes; size_t n; } File;

static File read_file(const char *name) {
    File f = {0};
    snprintf(f.path, sizeof f.path, "%s/%s", folder, name);
    FILE *in = fopen(f.path, "rb");
    assert_non_null(in);
    assert_int_equal(fseek(in, 0, SEEK_END), 0);
    f.n = (size_t)ftell(in);
    rewind(in);
    f.bytes = calloc(f.n + 1, 1);
    assert_int_equal(fread(f.bytes, 1, f.n, in), f.n);
    fclose(in);
    return f;
}

static const char *draw_to(const char *name, const DrawLayer *layers, int n) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return draw(path, layers, n, NULL);
}

static File drawn(const char *name, const DrawLayer *layers, int n) {
    const char *error = draw_to(name, layers, n);
    if (error) fail_msg("%s: %s", name, error);
    return read_file(name);
}

/* A decoded PNG, to look at single pixels. */
typedef struct Image { cairo_surface_t *surface; int width, height; } Image;

static Image look_at(const File *f) {
    assert_memory_equal(f->bytes, "\x89PNG\r\n\x1a\n", 8);
    Image image = { .surface = cairo_image_surface_create_from_png(f->path) };
    assert_int_equal(cairo_surface_status(image.surface), CAIRO_STATUS_SUCCESS);
    image.width = cairo_image_surface_get_width(image.surface);
    image.height = cairo_image_surface_get_height(image.surface);
    return image;
}

static uint32_t pixel(const Image *image, int x, int y) {
    uint32_t rgb;
    assert_in_range(x, 0, image->width - 1);
    assert_in_range(y, 0, image->height - 1);
    memcpy(&rgb, cairo_image_surface_get_data(image->surface) + y * cairo_image_surface_get_stride(image->surface) + 4 * x, 4);
    return rgb & 0xffffff;
}

static int count_pixels(const Image *image, uint32_t rgb) {
    int n = 0;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) n += pixel(image, x, y) == rgb;
    return n;
}

/* ---- sample data ---- */

enum { NY = 30, NX = 40, POINTS = 300 };
static double bowl[NY * NX], field[12 * 12 * 2], cloud[2 * POINTS], wave[50], pixels[12 * 6 * 6];

static void make_samples(void) {
    for (int i = 0; i < NY; i++)
        for (int j = 0; j < NX; j++) bowl[i * NX + j] = pow(j / 39.0 - 0.25, 2) + pow(i / 29.0 - 0.25, 2);
    for (int k = 0; k < 144; k++) {
        field[2 * k] = 5.5 - k % 12;
        field[2 * k + 1] = 5.5 - k / 12;
    }
    for (int k = 0; k < POINTS; k++) {
        cloud[2 * k] = 2 * cos(k) * (k % 7) / 7.0;
        cloud[2 * k + 1] = sin(k);
    }
    for (int k = 0; k < 50; k++) wave[k] = sin(k * 0.2);
    for (int k = 0; k < 12 * 36; k++) pixels[k] = (k % 36) / 35.0;
}

static DrawLayer contour(void) { return (DrawLayer){ DRAW_CONTOUR, "E", 2, { NY, NX }, bowl, { -2, 2, -1.5, 1.5 }, 0 }; }
static DrawLayer arrows(void)  { return (DrawLayer){ DRAW_ARROWS, "score", 3, { 12, 12, 2 }, field, { -2, 2, -1.5, 1.5 }, 0 }; }
static DrawLayer scatter(void) { return (DrawLayer){ DRAW_SCATTER, "drawn", 2, { POINTS, 2 }, cloud, { 0 }, 0 }; }
static DrawLayer curve(void)   { return (DrawLayer){ DRAW_CURVE, "loss", 1, { 50 }, wave, { 0 }, 100 }; }
static DrawLayer images(void)  { return (DrawLayer){ DRAW_IMAGES, "x", 3, { 12, 6, 6 }, pixels, { 0 }, 0 }; }
static DrawLayer table(void)   { return (DrawLayer){ DRAW_TABLE, "accuracy", 0, { 0 }, wave + 3, { 0 }, 0 }; }

typedef struct Sample { const char *name; int n; DrawLayer layers[3]; } Sample;

static int all_samples(Sample *s) {
    make_samples();
    s[0] = (Sample){ "plane", 3, { contour(), arrows(), scatter() } };
    s[1] = (Sample){ "points", 2, { scatter(), scatter() } };
    s[2] = (Sample){ "arrows", 2, { arrows(), scatter() } };
    s[3] = (Sample){ "curves", 2, { curve(), curve() } };
    s[4] = (Sample){ "images", 1, { images() } };
    s[5] = (Sample){ "rows", 2, { images(), images() } };
    s[6] = (Sample){ "table", 2, { table(), table() } };
    return 7;
}

/* ---- tests ---- */

static void every_kind_makes_every_format(void **state) {
    (void)state;
    Sample samples[8];
    int n = all_samples(samples);
    for (int i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.png", samples[i].name);
        File f = drawn(name, samples[i].layers, samples[i].n);
        Image image = look_at(&f);
        assert_in_range(image.width, 150, 1000);
        assert_in_range(image.height, 50, 1200);
        assert_true(count_pixels(&image, pixel(&image, 0, 0)) < image.width * image.height);
        cairo_surface_destroy(image.surface);
        free(f.bytes);
        snprintf(name, sizeof name, "%s.SVG", samples[i].name);
        f = drawn(name, samples[i].layers, samples[i].n);
        assert_non_null(strstr((char *)f.bytes, "<svg"));
        assert_non_null(strstr((char *)f.bytes, "</svg>"));
        free(f.bytes);
        snprintf(name, sizeof name, "%s.pdf", samples[i].name);
        f = drawn(name, samples[i].layers, samples[i].n);
        assert_memory_equal(f.bytes, "%PDF-1.", 7);
        assert_non_null(memmem(f.bytes, f.n, "%%EOF", 5));
        free(f.bytes);
    }
}

static void the_same_data_makes_the_same_bytes(void **state) {
    (void)state;
    Sample samples[8];
    int n = all_samples(samples);
    const char *endings[] = { "png", "svg", "pdf" };
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 3; k++) {
            char once[32], again[32];
            snprintf(once, sizeof once, "once.%s", endings[k]);
            snprintf(again, sizeof again, "again.%s", endings[k]);
            File a = drawn(once, samples[i].layers, samples[i].n), b = drawn(again, samples[i].layers, samples[i].n);
            if (a.n != b.n || memcmp(a.bytes, b.bytes, a.n) != 0) fail_msg("%s.%s differs when drawn again", samples[i].name, endings[k]);
            if (k == 2) assert_non_null(memmem(a.bytes, a.n, "20000101000000", 14));     /* not the time of day */
            free(a.bytes);
            free(b.bytes);
        }
}

static void other_data_makes_another_picture(void **state) {
    (void)state;
    Sample samples[8];
    int n = all_samples(samples);
    for (int i = 0; i < n; i++) {
        File a = drawn("a.png", samples[i].layers, samples[i].n);
        const DrawLayer *last = &samples[i].layers[samples[i].n - 1];
        double *value = (double *)(uintptr_t)last->data, kept = *value;
        *value = 0.37;
        File b = drawn("b.png", samples[i].layers, samples[i].n);
        *value = kept;
        if (a.n == b.n && memcmp(a.bytes, b.bytes, a.n) == 0) fail_msg("%s does not show its data", samples[i].name);
        free(a.bytes);
        free(b.bytes);
    }
}

/* Colors of the picture at the valley and at the far corner: the map's dark and light ends, row 0 at the bottom. */
static void contour_has_row_zero_at_the_bottom(void **state) {
    (void)state;
    make_samples();
    DrawLayer layer = contour();
    File f = drawn("c.png", &layer, 1);
    Image image = look_at(&f);
    int left = -1, right = -1, top = -1, bottom = -1;       /* where colors of the map are */
    for (int y = 0; y < image.height; y++)
        for (int x = 0; x < 840; x++) {
            uint32_t rgb = pixel(&image, x, y);
            if (abs((int)(rgb >> 16) - (int)(rgb & 255)) < 40) continue;
            if (left < 0 || x < left) left = x;
            if (x > right) right = x;
            if (top < 0) top = y;
            bottom = y;
        }
    assert_true(right - left > 600 && bottom - top > 400);
    uint32_t valley = pixel(&image, left + (right - left) / 4, bottom - (bottom - top) / 4);
    uint32_t corner = pixel(&image, right - 5, top + 5);
    assert_true((valley >> 8 & 255) < 40);                  /* dark violet has little green */
    assert_true((corner >> 8 & 255) > 200);                 /* yellow has much */
    cairo_surface_destroy(image.surface);
    free(f.bytes);
}

static void images_keep_their_grays(void **state) {
    (void)state;
    const double unit[] = { 0, 1, 0.5, 0.25 }, spins[] = { -1, 1, 0, -0.5 };
    DrawLayer layer = { DRAW_IMAGES, "x", 2, { 2, 2 }, unit, { 0 }, 0 };
    File f = drawn("i.png", &layer, 1);
    Image image = look_at(&f);
    assert_int_equal(pixel(&image, 2, 2), 0x000000);
    assert_int_equal(pixel(&image, 26, 2), 0xffffff);
    assert_int_equal(pixel(&image, 2, 26), 0x808080);
    assert_int_equal(pixel(&image, 26, 26), 0x404040);
    cairo_surface_destroy(image.surface);
    free(f.bytes);
    layer.data = spins;                                     /* symmetric about zero */
    f = drawn("i.png", &layer, 1);
    image = look_at(&f);
    assert_int_equal(pixel(&image, 2, 2), 0x000000);
    assert_int_equal(pixel(&image, 26, 2), 0xffffff);
    assert_int_equal(pixel(&image, 2, 26), 0x808080);
    cairo_surface_destroy(image.surface);
    free(f.bytes);
    const double red[] = { 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0 };
    layer = (DrawLayer){ DRAW_IMAGES, "x", 4, { 1, 3, 2, 2 }, red, { 0 }, 0 };
    f = drawn("i.png", &layer, 1);
    image = look_at(&f);
    assert_int_equal(pixel(&image, 2, 2), 0xff0000);
    cairo_surface_destroy(image.surface);
    free(f.bytes);
}

/* Color by value alone, and over an image only where the value is high; the map may be coarser than the image. */
static void heat_is_in_color(void **state) {
    (void)state;
    const double gray[] = { 1, 1, 1, 1 }, map[] = { 0, 2 };
    DrawLayer layers[] = { { DRAW_IMAGES, "x", 2, { 2, 2 }, gray, { 0 }, 0 }, { DRAW_HEAT, "m", 2, { 1, 2 }, map, { 0 }, 0 } };
    File f = drawn("h.png", &layers[1], 1);
    Image image = look_at(&f);
    assert_int_equal(pixel(&image, 2, 40), 0x440154);       /* below the label */
    assert_int_equal(pixel(&image, 26, 40), 0xfde725);
    cairo_surface_destroy(image.surface);
    free(f.bytes);
    f = drawn("h.png", layers, 2);
    image = look_at(&f);
    assert_int_equal(pixel(&image, 2, 40), 0xffffff);       /* the image */
    assert_int_equal(pixel(&image, 2, 70), 0xffffff);
    assert_int_equal(pixel(&image, 26, 70), 0xfeed5c);      /* three quarters of the map's color */
    cairo_surface_destroy(image.surface);
    free(f.bytes);
}

static void expect_refusal(const DrawLayer *layers, int n, const char *reason) {
    const char *error = draw_to("no.png", layers, n);
    if (!error || !strstr(error, reason)) fail_msg("'%s' does not say: %s", error ? error : "(drawn)", reason);
    char path[128];
    snprintf(path, sizeof path, "%s/no.png", folder);
    assert_int_equal(access(path, F_OK), -1);
    assert_null(draw_text(layers, n, 80));
}

static void nonsense_is_refused(void **state) {
    (void)state;
    double two[8] = { 0 };
    DrawLayer uneven[] = { { DRAW_IMAGES, "x", 3, { 2, 2, 2 }, two, { 0 }, 0 }, { DRAW_HEAT, "m", 3, { 1, 2, 2 }, two, { 0 }, 0 } };
    expect_refusal(uneven, 2, "one map for each image");
    make_samples();
    double none[4] = { (double)NAN, (double)INFINITY, (double)NAN, -(double)INFINITY };
    DrawLayer mixed[] = { contour(), images() };
    expect_refusal(mixed, 0, "nothing to draw");
    expect_refusal(mixed, 2, "go together");
    expect_refusal(&(DrawLayer){ DRAW_CONTOUR, "E", 2, { 2, 2 }, none, { 0, 1, 0, 1 }, 0 }, 1, "no finite value");
    expect_refusal(&(DrawLayer){ DRAW_CONTOUR, "E", 1, { 4 }, bowl, { 0, 1, 0, 1 }, 0 }, 1, "on a grid");
    expect_refusal(&(DrawLayer){ DRAW_CONTOUR, "E", 2, { 1, 4 }, bowl, { 0, 1, 0, 1 }, 0 }, 1, "at least 2 by 2");
    expect_refusal(&(DrawLayer){ DRAW_CONTOUR, "E", 2, { 2, 2 }, bowl, { 0, 0, 0, 1 }, 0 }, 1, "box is empty");
    expect_refusal(&(DrawLayer){ DRAW_ARROWS, "E", 3, { 1, 2, 2 }, none, { 0, 1, 0, 1 }, 0 }, 1, "no finite value");
    expect_refusal(&(DrawLayer){ DRAW_ARROWS, "E", 3, { 2, 2, 3 }, bowl, { 0, 1, 0, 1 }, 0 }, 1, "two numbers");
    expect_refusal(&(DrawLayer){ DRAW_SCATTER, "E", 2, { 2, 2 }, none, { 0 }, 0 }, 1, "no finite point");
    expect_refusal(&(DrawLayer){ DRAW_SCATTER, "E", 2, { 0, 2 }, none, { 0 }, 0 }, 1, "no points");
    expect_refusal(&(DrawLayer){ DRAW_SCATTER, "E", 2, { 2, 3 }, bowl, { 0 }, 0 }, 1, "points of two numbers");
    expect_refusal(&(DrawLayer){ DRAW_CURVE, "E", 1, { 4 }, none, { 0 }, 0 }, 1, "no finite value");
    expect_refusal(&(DrawLayer){ DRAW_CURVE, "E", 1, { 0 }, none, { 0 }, 0 }, 1, "no finite value");
    expect_refusal(&(DrawLayer){ DRAW_CURVE, "E", 2, { 2, 2 }, bowl, { 0 }, 0 }, 1, "a list of numbers");
    expect_refusal(&(DrawLayer){ DRAW_IMAGES, "E", 3, { 1, 2, 2 }, none, { 0 }, 0 }, 1, "no finite value");
    expect_refusal(&(DrawLayer){ DRAW_IMAGES, "E", 3, { 0, 2, 2 }, none, { 0 }, 0 }, 1, "no images");
    expect_refusal(&(DrawLayer){ DRAW_IMAGES, "E", 1, { 4 }, bowl, { 0 }, 0 }, 1, "two to four axes");
    expect_refusal(&(DrawLayer){ DRAW_IMAGES, "E", 4, { 1, 2, 2, 2 }, bowl, { 0 }, 0 }, 1, "1 channel");
    expect_refusal(&(DrawLayer){ DRAW_TABLE, "E", 1, { 0 }, bowl, { 0 }, 0 }, 1, "no numbers");
}

static void unknown_endings_and_folders_are_refused(void **state) {
    (void)state;
    make_samples();
    DrawLayer layer = curve();
    assert_non_null(strstr(draw_to("x.jpg", &layer, 1), ".png, .svg or .pdf"));
    assert_non_null(strstr(draw_to("png", &layer, 1), ".png, .svg or .pdf"));
    assert_non_null(strstr(draw("/nonexistent/x.png", &layer, 1, NULL), "folder does not exist"));
}

/* Odd but allowed: constants, single points, holes, huge and tiny numbers, long and broken labels. */
static void odd_data_is_drawn(void **state) {
    (void)state;
    double same[4] = { 3, 3, 3, 3 }, huge[4] = { -9e299, 9e299, 0, (double)NAN }, tiny[4] = { 1e-310, 2e-310, 3e-310, 0 };
    double beyond[4] = { 1e308, -1e308, 1, 2 };
    const char *label = "a label that is far too long to be shown as it stands, and then \xff some more \u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9";
    double *sets[] = { same, huge, tiny, beyond };
    for (int k = 0; k < 4; k++) {
        DrawLayer odd[] = {
            { DRAW_CONTOUR, label, 2, { 2, 2 }, sets[k], { 0, 1e-9, -1e9, 1e9 }, 0 }, { DRAW_SCATTER, label, 2, { 2, 2 }, sets[k], { 0 }, 0 },
            { DRAW_ARROWS, label, 3, { 1, 2, 2 }, sets[k], { 0, 1, 0, 1 }, 0 }, { DRAW_CURVE, label, 1, { 4 }, sets[k], { 0 }, 0 },
            { DRAW_CURVE, NULL, 1, { 1 }, sets[k], { 0 }, 10 }, { DRAW_IMAGES, NULL, 2, { 2, 2 }, sets[k], { 0 }, 0 },
            { DRAW_TABLE, label, 2, { 2, 2 }, sets[k], { 0 }, 0 }, { DRAW_TABLE, NULL, 1, { 4 }, sets[k], { 0 }, 0 },
        };
        for (int i = 0; i < 8; i++) {
            if (k == 3 && (i == 1 || i == 2 || i == 4)) continue;       /* nothing drawable is left of these */
            File f = drawn("odd.png", &odd[i], 1);
            free(f.bytes);
            char *text = draw_text(&odd[i], 1, 80);
            assert_non_null(text);
            free(text);
        }
    }
}

/* Columns of the widest line, in code points; each line must be valid UTF-8. */
static int widest_line(const char *text) {
    int widest = 0, n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '\n') n = 0;
        else if ((*p & 0xc0) != 0x80) n++;
        if (n > widest) widest = n;
    }
    return widest;
}

static void texts_fit_and_show_the_data(void **state) {
    (void)state;
    Sample samples[8];
    int n = all_samples(samples);
    for (int i = 0; i < n; i++)
        for (int columns = 40; columns <= 120; columns += 40) {
            char *text = draw_text(samples[i].layers, samples[i].n, columns);
            assert_non_null(text);
            assert_in_range(widest_line(text), 8, columns);
            assert_int_equal(text[strlen(text) - 1], '\n');
            free(text);
        }
    DrawLayer number = table();
    const double value = 0.8125;
    number.data = &value;
    char *text = draw_text(&number, 1, 80);
    assert_string_equal(text, "accuracy  0.8125\n");
    free(text);
    const double rising[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    text = draw_text(&(DrawLayer){ DRAW_CURVE, "up", 1, { 8 }, rising, { 0 }, 500 }, 1, 80);
    assert_non_null(strstr(text, "up  (last: 7)"));
    assert_non_null(strstr(text, "3500"));
    assert_non_null(strstr(text, "7 \u2524"));
    free(text);
}

#define TEST(name) cmocka_unit_test(name)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_kind_makes_every_format), TEST(the_same_data_makes_the_same_bytes), TEST(other_data_makes_another_picture),
        TEST(contour_has_row_zero_at_the_bottom), TEST(images_keep_their_grays), TEST(heat_is_in_color), TEST(nonsense_is_refused),
        TEST(unknown_endings_and_folders_are_refused), TEST(odd_data_is_drawn), TEST(texts_fit_and_show_the_data),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* draw.c: a picture is measured, painted and written, as PNG, SVG or PDF; the same bytes for the same layers. */
#define _GNU_SOURCE
#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "vm/draw/inside.h"

#ifdef __SANITIZE_ADDRESS__
/* fontconfig loses a few hundred bytes while it reads its configuration, once a process; they are not ours to free. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libfontconfig\n"; }
#endif

static const double POINTS = 0.5;       /* of a unit in SVG and PDF: a page is 500 points wide */

/* The bytes of a file being made. */
typedef struct Bytes { char *at; size_t n, room; } Bytes;

static cairo_status_t collect(void *closure, const unsigned char *data, unsigned length) {
    Bytes *b = closure;
    if (b->n + length > b->room) {
        size_t room = 2 * (b->n + length);
        char *more = realloc(b->at, room);
        if (!more) return CAIRO_STATUS_NO_MEMORY;
        b->at = more;
        b->room = room;
    }
    memcpy(b->at + b->n, data, length);
    b->n += length;
    return CAIRO_STATUS_SUCCESS;
}

typedef enum Format { FORMAT_NONE, FORMAT_PNG, FORMAT_SVG, FORMAT_PDF } Format;

static Format format_of(const char *path) {
    const char *dot = strrchr(path, '.');
    if (!dot) return FORMAT_NONE;
    return strcasecmp(dot, ".png") == 0 ? FORMAT_PNG : strcasecmp(dot, ".svg") == 0 ? FORMAT_SVG
         : strcasecmp(dot, ".pdf") == 0 ? FORMAT_PDF : FORMAT_NONE;
}

/* The number of part `number` among those seen so far. */
static size_t place_of(unsigned long number, unsigned long *seen, size_t *n, size_t room) {
    size_t k = 0;
    while (k < *n && seen[k] != number) k++;
    if (k == *n && k < room) seen[(*n)++] = number;
    return k;
}

/* Whether the name of a part ends at p, just before its number: "surface7, #image7. */
static bool ends_name(const char *start, const char *p) {
    static const char *const words[] = { "surface", "image" };
    if (*p < '0' || *p > '9') return false;
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(p - start) > n && memcmp(p - n, words[i], n) == 0 && strchr("\"#", p[-1 - (ptrdiff_t)n])) return true;
    }
    return false;
}

/* cairo numbers the parts of an SVG through the life of the process; here they are numbered from 0.  False when out of memory. */
static bool renumber(Bytes *svg) {
    enum { MOST = 1024 };
    unsigned long seen[MOST];
    size_t n_seen = 0;
    Bytes out = {0};
    bool well = true;
    const char *kept = svg->at, *end = svg->at + svg->n;
    for (const char *p = svg->at; well && p <= end; p++) {
        bool here = p < end && ends_name(svg->at, p);
        if (!here && p < end) continue;
        well = collect(&out, (const unsigned char *)kept, (unsigned)(p - kept)) == CAIRO_STATUS_SUCCESS;
        if (!here) break;
        char text[24], *after;
        size_t place = place_of(strtoul(p, &after, 10), seen, &n_seen, MOST);
        int n = snprintf(text, sizeof text, "%zu", place);
        well = well && collect(&out, (const unsigned char *)text, (unsigned)n) == CAIRO_STATUS_SUCCESS;
        kept = after;
        p = after - 1;
    }
    free(svg->at);
    *svg = out;
    return well;
}

static cairo_surface_t *surface_for(Format format, const Page *page, Bytes *bytes) {
    if (format == FORMAT_PNG) return cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(page->width), (int)ceil(page->height));
    double width = page->width * POINTS, height = page->height * POINTS;
    if (format == FORMAT_SVG) return cairo_svg_surface_create_for_stream(collect, bytes, width, height);
    cairo_surface_t *pdf = cairo_pdf_surface_create_for_stream(collect, bytes, width, height);
    cairo_pdf_surface_set_metadata(pdf, CAIRO_PDF_METADATA_CREATE_DATE, "2000-01-01T00:00:00Z");    /* the same bytes each time */
    return pdf;
}

typedef struct Kind { const char *(*measure)(Page *); void (*paint)(const Page *, cairo_t *); } Kind;

static void paint_page(const Page *page, const Kind *kind, cairo_t *c) {
    cairo_font_options_t *font = cairo_font_options_create();
    cairo_font_options_set_antialias(font, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(font, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(font, CAIRO_HINT_METRICS_OFF);
    cairo_set_font_options(c, font);
    cairo_font_options_destroy(font);
    cairo_set_source_rgb(c, 1, 1, 1);
    cairo_paint(c);
    put_title(page, c);
    kind->paint(page, c);
}

/* Paints the page into bytes; false when out of memory. */
static bool render(const Page *page, const Kind *kind, Format format, Bytes *bytes) {
    cairo_surface_t *surface = surface_for(format, page, bytes);
    cairo_t *c = cairo_create(surface);
    if (format != FORMAT_PNG) cairo_scale(c, POINTS, POINTS);
    paint_page(page, kind, c);
    bool well = cairo_status(c) == CAIRO_STATUS_SUCCESS;
    cairo_destroy(c);
    if (format == FORMAT_PNG) well = well && cairo_surface_write_to_png_stream(surface, collect, bytes) == CAIRO_STATUS_SUCCESS;
    cairo_surface_finish(surface);
    well = well && cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS;
    cairo_surface_destroy(surface);
    char zero = 0;
    well = well && collect(bytes, (unsigned char *)&zero, 1) == CAIRO_STATUS_SUCCESS;   /* ends the text for strtoul */
    if (well) bytes->n--;
    return well && (format != FORMAT_SVG || renumber(bytes));
}

static const char *write_bytes(const char *path, const Bytes *bytes) {
    FILE *out = fopen(path, "wb");
    if (!out) return errno == ENOENT ? "its folder does not exist" : errno == EACCES ? "its file may not be written" : "its file cannot be made";
    bool well = fwrite(bytes->at, 1, bytes->n, out) == bytes->n;
    return fclose(out) == 0 && well ? NULL : "its file cannot be written: is the disk full?";
}

static bool is_tiles(DrawKind kind) { return kind == DRAW_IMAGES || kind == DRAW_HEAT; }
static bool is_plane(DrawKind kind) { return kind == DRAW_CONTOUR || kind == DRAW_ARROWS || kind == DRAW_SCATTER; }

const char *draw_fault(const DrawLayer *layers, int n) {
    if (n < 1) return "there is nothing to draw";
    for (int i = 0; i < n; i++)
        if (layers[i].kind != layers[0].kind && !(is_plane(layers[i].kind) && is_plane(layers[0].kind)) &&
            !(is_tiles(layers[i].kind) && is_tiles(layers[0].kind)))
            return "only contour, arrows and scatter go together, and images with heat maps; curves and tables stand with their own kind";
    return NULL;
}

static const Kind *kind_of(const DrawLayer *layers) {
    static const Kind plane = { plane_measure, plane_paint }, curves = { curves_measure, curves_paint },
                      tiles = { tiles_measure, tiles_paint }, table = { table_measure, table_paint };
    switch (layers[0].kind) {
    case DRAW_CURVE: return &curves;
    case DRAW_IMAGES: case DRAW_HEAT: return &tiles;
    case DRAW_TABLE: return &table;
    default: return &plane;
    }
}

static const char *draw_page(Page *page, const char *path, Format format) {
    const Kind *kind = kind_of(page->layers);
    const char *error = kind->measure(page);
    if (error) return error;
    Bytes bytes = {0};
    error = render(page, kind, format, &bytes) ? write_bytes(path, &bytes) : "there is not enough memory for it";
    free(bytes.at);
    return error;
}

const char *draw(const char *path, const DrawLayer *layers, int n, const char *title) {
    Format format = format_of(path);
    if (format == FORMAT_NONE) return "pictures are written as .png, .svg or .pdf; the name should end so";
    const char *error = draw_fault(layers, n);
    if (error) return error;
    Page page = { .layers = layers, .n = n, .title = title && *title ? title : NULL };
    return draw_page(&page, path, format);
}

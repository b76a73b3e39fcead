/* tiles.c: grids of images and heat maps, one pixel apart; layers stand below each other, but heat maps lie over the images before them. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "vm/draw/inside.h"

enum { MOST_HEIGHT = 4000, LABEL_ROOM = 34, MOST_TILES = 4096 };

const char *tiles_of(const DrawLayer *layer, Tiles *t) {
    const int64_t *d = layer->dims;
    if (layer->rank == 2) *t = (Tiles){ .n = 1, .channels = 1, .height = d[0], .width = d[1] };
    else if (layer->rank == 3) *t = (Tiles){ .n = d[0], .channels = 1, .height = d[1], .width = d[2] };
    else if (layer->rank == 4) *t = (Tiles){ .n = d[0], .channels = d[1], .height = d[2], .width = d[3] };
    else return "images need two to four axes: [height, width], [images, height, width] or [images, channels, height, width]";
    if (t->n < 1 || t->height < 1 || t->width < 1) return "there are no images to draw";
    if (t->channels != 1 && t->channels != 3) return "images have 1 channel (gray) or 3 (red, green, blue)";
    if (t->height > PAGE_WIDTH || t->width > PAGE_WIDTH) return "images may be at most 1000 pixels wide and high";
    if (!values_range(layer->data, layer_count(layer), &t->low, &t->high)) return "the images have no finite value";
    if (layer->kind == DRAW_HEAT) return t->channels == 1 ? NULL : "heat maps have one channel: [height, width] or [maps, height, width]";
    if (t->low >= 0 && t->high <= 1) {
        t->low = 0;
        t->high = 1;
    } else {
        double largest = fmax(fabs(t->low), fabs(t->high));
        t->low = -largest;
        t->high = largest;
    }
    return NULL;
}

bool tiles_are_over(const DrawLayer *layers, int i) {
    return i > 0 && layers[i].kind == DRAW_HEAT && layers[i - 1].kind == DRAW_IMAGES;
}

/* How a layer's images are set: columns, rows, and the side of a pixel. */
typedef struct Grid { Tiles tiles; int64_t columns, rows, shown; int pixel; double top, height; } Grid;

/* Few images stand in one row, and so do the rows that are to be compared; many of one layer make about a square, of full rows if
 * they can. */
static int64_t choose_columns(const Page *page, const Tiles *t) {
    int64_t most = (PAGE_WIDTH + 1) / (t->width + 1), columns = t->n < 16 ? t->n : 16;
    if (page->n == 1 && t->n > 10) {
        double square = sqrt((double)t->n * (double)t->height / (double)t->width);
        columns = (int64_t)ceil(square);
        int64_t from = (int64_t)ceil(0.7 * square), to = (int64_t)(2 * square), best = 0;
        for (int64_t k = from > 1 ? from : 1; k <= to && k <= most; k++)
            if (t->n % k == 0 && (!best || fabs((double)k - square) < fabs((double)best - square))) best = k;
        if (best) columns = best;
    }
    return columns > most ? most : columns < 1 ? 1 : columns;
}

static int pixel_for(int64_t columns, const Tiles *t) {
    int64_t pixel = (PAGE_WIDTH - columns + 1) / (columns * t->width);
    return pixel < 1 ? 1 : pixel > 24 ? 24 : (int)pixel;
}

/* Fills grid i from `top` on; null or a fault.  All layers have pixels of one size if their images do. */
static const char *make_grid(const Page *page, int i, double top, Grid *g) {
    *g = (Grid){ .top = top };
    const char *fault = tiles_of(&page->layers[i], &g->tiles);
    if (fault) return fault;
    g->columns = choose_columns(page, &g->tiles);
    g->shown = g->tiles.n < MOST_TILES ? g->tiles.n : MOST_TILES;
    g->rows = (g->shown + g->columns - 1) / g->columns;
    g->pixel = pixel_for(g->columns, &g->tiles);
    g->height = (double)(g->rows * (g->tiles.height * g->pixel + 1) - 1);
    if (g->height > MOST_HEIGHT) {
        g->rows = (MOST_HEIGHT + 1) / (g->tiles.height * g->pixel + 1);
        if (g->rows < 1) g->rows = 1;
        g->shown = g->rows * g->columns < g->shown ? g->rows * g->columns : g->shown;
        g->height = (double)(g->rows * (g->tiles.height * g->pixel + 1) - 1);
    }
    return NULL;
}

static double grid_width(const Grid *g) { return (double)(g->columns * (g->tiles.width * g->pixel + 1) - 1); }

const char *tiles_over_fault(const DrawLayer *layers, int i) {
    Tiles images, maps;
    const char *fault = tiles_of(&layers[i - 1], &images);
    if (!fault) fault = tiles_of(&layers[i], &maps);
    if (fault) return fault;
    return images.n == maps.n ? NULL : "heat maps over images need one map for each image";
}

static bool is_labeled(const Page *page, int i, const Grid *g) {
    return page->n > 1 || g->shown < g->tiles.n || page->layers[i].kind == DRAW_HEAT;
}

const char *tiles_measure(Page *page) {
    double y = page->title ? title_height(page) : 0, widest = 0;
    if (page->n > 64) return "it has more than 64 rows of images";
    for (int i = 0; i < page->n; i++) {
        Grid g;
        const char *fault = make_grid(page, i, y, &g);
        if (!fault && tiles_are_over(page->layers, i)) {
            fault = tiles_over_fault(page->layers, i);
            if (!fault) continue;
        }
        if (fault) return fault;
        y += g.height + (is_labeled(page, i, &g) ? LABEL_ROOM : 0) + (i + 1 < page->n ? 10 : 0);
        widest = fmax(widest, grid_width(&g));
    }
    if (y > 4 * MOST_HEIGHT) return "the images would be too high for one picture; show fewer";
    page->width = fmax(widest, 200);
    page->height = y;
    return NULL;
}

static uint32_t mix_byte(double above, uint32_t below, double opacity) {
    return (uint32_t)lround(opacity * 255 * above + (1 - opacity) * (double)(below & 255));
}

/* The map's color at a place, over what is below it. */
static uint32_t heat_color(const DrawLayer *layer, const Tiles *t, int64_t image, int64_t y, int64_t x, double opacity, uint32_t below) {
    double v = layer->data[(image * t->height + y) * t->width + x];
    if (!is_drawable(v)) return 0xd55e00;
    Color color = map_color(t->high > t->low ? (v - t->low) / (t->high - t->low) : 0.5);
    return mix_byte(color.r, below >> 16, opacity) << 16 | mix_byte(color.g, below >> 8, opacity) << 8 | mix_byte(color.b, below, opacity);
}

static uint32_t pixel_color(const DrawLayer *layer, const Tiles *t, int64_t image, int64_t y, int64_t x) {
    uint32_t rgb = 0;
    if (layer->kind == DRAW_HEAT) return heat_color(layer, t, image, y, x, 1, 0);
    for (int64_t k = 0; k < 3; k++) {
        int64_t channel = t->channels == 3 ? k : 0;
        double v = layer->data[((image * t->channels + channel) * t->height + y) * t->width + x];
        if (!is_drawable(v)) return 0xd55e00;      /* to be seen */
        double part = t->high > t->low ? (v - t->low) / (t->high - t->low) : 0.5;
        rgb = rgb << 8 | (uint32_t)lround(255 * fmax(0, fmin(1, part)));
    }
    return rgb;
}

static void paint_image(const DrawLayer *layer, const Grid *g, int64_t image, unsigned char *pixels, int stride) {
    int64_t column = image % g->columns, row = image / g->columns;
    int64_t left = column * (g->tiles.width * g->pixel + 1), top = row * (g->tiles.height * g->pixel + 1);
    for (int64_t y = 0; y < g->tiles.height * g->pixel; y++) {
        uint32_t *line = (uint32_t *)(void *)(pixels + (top + y) * stride) + left;
        for (int64_t x = 0; x < g->tiles.width * g->pixel; x++)
            line[x] = pixel_color(layer, &g->tiles, image, y / g->pixel, x / g->pixel);
    }
}

/* A heat map over an image: the stronger the higher its value, so that the image is seen where it is low. */
static void paint_over(const DrawLayer *layer, const Tiles *map, const Grid *g, int64_t image, unsigned char *pixels, int stride) {
    int64_t height = g->tiles.height * g->pixel, width = g->tiles.width * g->pixel;
    int64_t left = image % g->columns * (width + 1), top = image / g->columns * (height + 1);
    for (int64_t y = 0; y < height; y++) {
        uint32_t *line = (uint32_t *)(void *)(pixels + (top + y) * stride) + left;
        for (int64_t x = 0; x < width; x++) {
            int64_t row = y * map->height / height, column = x * map->width / width;
            double v = layer->data[(image * map->height + row) * map->width + column];
            double part = map->high > map->low ? (v - map->low) / (map->high - map->low) : 0.5;
            line[x] = heat_color(layer, map, image, row, column, 0.75 * fmax(0, fmin(1, part)), line[x]);
        }
    }
}

/* Gray between images, white where the last row ends early. */
static void paint_gaps(cairo_surface_t *surface, const Grid *g) {
    cairo_t *c = cairo_create(surface);
    cairo_set_source_rgb(c, 0.72, 0.72, 0.72);
    cairo_paint(c);
    int64_t last = g->shown - (g->rows - 1) * g->columns;
    if (last < g->columns) {
        cairo_set_source_rgb(c, 1, 1, 1);
        cairo_rectangle(c, (double)(last * (g->tiles.width * g->pixel + 1) - 1), (double)((g->rows - 1) * (g->tiles.height * g->pixel + 1)),
                        grid_width(g), g->height);
        cairo_fill(c);
    }
    cairo_destroy(c);
}

/* over: the heat maps over them, or null. */
static void paint_grid(cairo_t *c, const DrawLayer *layer, const DrawLayer *over, const Grid *g, double top) {
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)grid_width(g), (int)g->height);
    if (cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS) {
        paint_gaps(surface, g);
        cairo_surface_flush(surface);
        unsigned char *pixels = cairo_image_surface_get_data(surface);
        int stride = cairo_image_surface_get_stride(surface);
        Tiles map;
        for (int64_t i = 0; i < g->shown; i++) paint_image(layer, g, i, pixels, stride);
        for (int64_t i = 0; over && !tiles_of(over, &map) && i < g->shown; i++) paint_over(over, &map, g, i, pixels, stride);
        cairo_surface_mark_dirty(surface);
        cairo_set_source_surface(c, surface, 0, top);
        cairo_pattern_set_filter(cairo_get_source(c), CAIRO_FILTER_NEAREST);
        cairo_paint(c);
    }
    cairo_surface_destroy(surface);
}

/* What stands above a row: its name, how much of it is shown, and of heat maps the range. */
static void tiles_label(const Page *page, int i, const Grid *g, char *text, size_t room) {
    const DrawLayer *layer = &page->layers[i];
    cut_text(text, 60, layer->label ? layer->label : layer->kind == DRAW_HEAT ? "heat" : "images");
    size_t n = strlen(text);
    if (g->shown < g->tiles.n) n += (size_t)snprintf(text + n, room - n, " (%lld of %lld)", (long long)g->shown, (long long)g->tiles.n);
    if (layer->kind != DRAW_HEAT) return;
    char low[40], high[40];
    number_text(low, sizeof low, g->tiles.low);
    number_text(high, sizeof high, g->tiles.high);
    snprintf(text + n, room - n, " (%s to %s)", low, high);
}

void tiles_paint(const Page *page, cairo_t *c) {
    double y = page->title ? title_height(page) : 0;
    for (int i = 0; i < page->n; i++) {
        const DrawLayer *layer = &page->layers[i];
        Grid g;
        if (make_grid(page, i, y, &g)) return;
        if (tiles_are_over(page->layers, i)) continue;
        bool covered = i + 1 < page->n && tiles_are_over(page->layers, i + 1);
        if (is_labeled(page, i, &g)) {
            char text[320];
            tiles_label(page, i, &g, text, sizeof text);
            if (covered) {
                Tiles map;
                size_t n = strlen(text);
                if (!tiles_of(&layer[1], &map)) n += (size_t)snprintf(text + n, sizeof text - n, ", over it ");
                Grid over = { .tiles = map, .shown = map.n };
                tiles_label(page, i + 1, &over, text + n, sizeof text - n);
            }
            cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
            put_text(c, 4, y + LABEL_ROOM - 10, 0, TEXT_SIZE, text);
            y += LABEL_ROOM;
        }
        paint_grid(c, layer, covered ? &layer[1] : NULL, &g, y);
        y += g.height + 10;
    }
}

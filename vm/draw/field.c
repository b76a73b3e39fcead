/* field.c: values on a grid as colors and as lines of equal value (marching squares). */
#include <math.h>
#include <string.h>
#include "vm/draw/inside.h"

/* Value between the grid's points by linear interpolation; u, v in grid steps.  Not a number next to one. */
static double between(const DrawLayer *layer, double u, double v) {
    int64_t ny = layer->dims[0], nx = layer->dims[1];
    int64_t i = (int64_t)v, j = (int64_t)u;
    if (i > ny - 2) i = ny - 2;
    if (j > nx - 2) j = nx - 2;
    const double *row = layer->data + i * nx + j;
    double b = v - (double)i, a = u - (double)j;
    return (1 - b) * ((1 - a) * row[0] + a * row[1]) + b * ((1 - a) * row[nx] + a * row[nx + 1]);
}

static void paint_row(const DrawLayer *layer, uint32_t *pixels, int width, double v, double low, double high) {
    for (int x = 0; x < width; x++) {
        double value = between(layer, (x + 0.5) / width * (double)(layer->dims[1] - 1), v);
        Color color = isnan(value) ? (Color){ 1, 1, 1 } : map_color((value - low) / (high - low));
        pixels[x] = (uint32_t)lround(color.r * 255) << 16 | (uint32_t)lround(color.g * 255) << 8 | (uint32_t)lround(color.b * 255);
    }
}

void field_fill(const Frame *f, cairo_t *c, const DrawLayer *layer, double low, double high) {
    double left = frame_x(f, layer->box[0]), right = frame_x(f, layer->box[1]), bottom = frame_y(f, layer->box[2]), top = frame_y(f, layer->box[3]);
    int width = (int)ceil(right - left), height = (int)ceil(bottom - top);
    if (width < 1 || height < 1) return;
    cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    if (cairo_surface_status(image) == CAIRO_STATUS_SUCCESS) {
        cairo_surface_flush(image);
        unsigned char *pixels = cairo_image_surface_get_data(image);
        int stride = cairo_image_surface_get_stride(image);
        for (int y = 0; y < height; y++) {
            uint32_t *row = (uint32_t *)(void *)(pixels + (ptrdiff_t)y * stride);
            paint_row(layer, row, width, (1 - (y + 0.5) / height) * (double)(layer->dims[0] - 1), low, high);
        }
        cairo_surface_mark_dirty(image);
        cairo_save(c);
        cairo_translate(c, left, top);
        cairo_scale(c, (right - left) / width, (bottom - top) / height);
        cairo_set_source_surface(c, image, 0, 0);
        cairo_rectangle(c, 0, 0, width, height);
        cairo_fill(c);
        cairo_restore(c);
    }
    cairo_surface_destroy(image);
}

typedef struct Point { double x, y; } Point;

/* Where the level crosses the side from corner a to corner b of a square. */
static Point crossing(const Point *at, const double *value, int a, int b, double level) {
    double part = (level - value[a]) / (value[b] - value[a]);
    return (Point){ at[a].x + part * (at[b].x - at[a].x), at[a].y + part * (at[b].y - at[a].y) };
}

/* Adds the level's lines through one square to the path.  Corners go around from the lower left. */
static void cross_square(cairo_t *c, const Point *at, const double *value, double level) {
    int over = 0;
    for (int k = 0; k < 4; k++) {
        if (!is_drawable(value[k])) return;
        if (value[k] > level) over |= 1 << k;
    }
    Point side[4];
    int n = 0;
    for (int k = 0; k < 4; k++)
        if ((over >> k & 1) != (over >> (k + 1) % 4 & 1)) side[n++] = crossing(at, value, k, (k + 1) % 4, level);
    if (n == 0) return;
    /* A saddle: its center tells which corners hang together. */
    int start = 0;
    if (n == 4) {
        double center = (value[0] + value[1] + value[2] + value[3]) / 4;
        start = (center > level) == (over == 5) ? 0 : 3;
    }
    for (int k = 0; k < n; k += 2) {
        Point a = side[(start + k) % n], b = side[(start + k + 1) % n];
        cairo_move_to(c, a.x, a.y);
        cairo_line_to(c, b.x, b.y);
    }
}

static void level_line(const Frame *f, cairo_t *c, const DrawLayer *layer, double level) {
    static const int dx[] = { 0, 1, 1, 0 }, dy[] = { 0, 0, 1, 1 };
    int64_t ny = layer->dims[0], nx = layer->dims[1];
    for (int64_t i = 0; i + 1 < ny; i++)
        for (int64_t j = 0; j + 1 < nx; j++) {
            Point at[4];
            double value[4];
            for (int k = 0; k < 4; k++) {
                double u = (double)(j + dx[k]) / (double)(nx - 1), v = (double)(i + dy[k]) / (double)(ny - 1);
                at[k] = (Point){ frame_x(f, layer->box[0] + u * (layer->box[1] - layer->box[0])),
                                 frame_y(f, layer->box[2] + v * (layer->box[3] - layer->box[2])) };
                value[k] = layer->data[(i + dy[k]) * nx + j + dx[k]];
            }
            cross_square(c, at, value, level);
        }
}

void field_lines(const Frame *f, cairo_t *c, const DrawLayer *layer, double low, double high) {
    Ticks levels = ticks_between(low, high, 14);
    cairo_set_line_width(c, 1);
    cairo_set_line_cap(c, CAIRO_LINE_CAP_ROUND);
    for (int i = 0; i < levels.n; i++) {
        bool dark = (levels.at[i] - low) / (high - low) < 0.5;
        set_color(c, dark ? (Color){ 1, 1, 1 } : (Color){ 0, 0, 0 }, dark ? 0.45 : 0.3);
        level_line(f, c, layer, levels.at[i]);
        cairo_stroke(c);
    }
    cairo_set_line_cap(c, CAIRO_LINE_CAP_BUTT);
}

/* plane.c: pictures of the plane: values as colors, directions as arrows, points, on common axes. */
#include <math.h>
#include <stdlib.h>
#include "vm/draw/inside.h"

enum { LEFT_ROOM = 96, BAR_ROOM = 150, MOST_KEYS = 12, MOST_ARROWS = 34 };

const char *layer_fault(const DrawLayer *layer) {
    double low, high;
    int64_t n = layer_count(layer);
    switch (layer->kind) {
    case DRAW_CONTOUR:
        if (layer->rank != 2 || layer->dims[0] < 2 || layer->dims[1] < 2) return "a contour needs values on a grid, [rows, columns], at least 2 by 2";
        if (!values_range(layer->data, n, &low, &high)) return "the contour has no finite value";
        break;
    case DRAW_ARROWS:
        if (layer->rank != 3 || layer->dims[2] != 2 || n < 2) return "arrows need two numbers at each place of a grid, [rows, columns, 2]";
        if (!values_range(layer->data, n, &low, &high)) return "the arrows have no finite value";
        break;
    case DRAW_SCATTER:
        if (layer->rank != 2 || layer->dims[1] != 2) return "a scatter needs points of two numbers, [points, 2]";
        if (n == 0) return "the scatter has no points";
        if (!values_range(layer->data, n, &low, &high)) return "the scatter has no finite point";
        return NULL;
    case DRAW_CURVE:
        if (layer->rank != 1) return "a curve needs a list of numbers, [points]";
        if (!values_range(layer->data, n, &low, &high)) return "the curve has no finite value";
        return NULL;
    default:
        return NULL;
    }
    const double *box = layer->box;
    if (!isfinite(box[0] + box[1] + box[2] + box[3]) || !(box[1] > box[0]) || !(box[3] > box[2])) return "its box is empty";
    return NULL;
}

static const DrawLayer *layer_of(const Page *page, DrawKind kind) {
    for (int i = 0; i < page->n; i++)
        if (page->layers[i].kind == kind) return &page->layers[i];
    return NULL;
}

/* ---- ranges ---- */

static void widen(double *low, double *high, double from, double to, bool first) {
    if (first || from < *low) *low = from;
    if (first || to > *high) *high = to;
}

/* Range of one coordinate of points, a little wider. */
static bool points_range(const DrawLayer *layer, int coordinate, double *low, double *high) {
    bool any = false;
    for (int64_t i = 0; i < layer->dims[0]; i++) {
        double x = layer->data[2 * i], y = layer->data[2 * i + 1];
        if (!is_drawable(x) || !is_drawable(y)) continue;
        double v = coordinate ? y : x;
        widen(low, high, v, v, !any);
        any = true;
    }
    if (!any) return false;
    double pad = *high > *low ? 0.05 * (*high - *low) : fabs(*high) > 0 ? 0.1 * fabs(*high) : 1;
    *low -= pad;
    *high += pad;
    return true;
}

/* Distance of a grid's points along x (0) or y (1). */
static double cell_of(const DrawLayer *layer, int along) {
    int64_t n = layer->dims[along ? 0 : 1];
    double span = layer->box[2 * along + 1] - layer->box[2 * along];
    return n > 1 ? span / (double)(n - 1) : span;
}

/* The boxes of grids where there are some, else the points, say what is shown; arrows at the edge have room. */
static bool find_range(const Page *page, Frame *f) {
    bool any = false, filled = layer_of(page, DRAW_CONTOUR) != NULL;
    for (int i = 0; i < page->n; i++) {
        const DrawLayer *layer = &page->layers[i];
        if (layer->kind == DRAW_SCATTER) continue;
        double x = filled ? 0 : cell_of(layer, 0) / 2, y = filled ? 0 : cell_of(layer, 1) / 2;
        widen(&f->x0, &f->x1, layer->box[0] - x, layer->box[1] + x, !any);
        widen(&f->y0, &f->y1, layer->box[2] - y, layer->box[3] + y, !any);
        any = true;
    }
    if (any) return true;
    for (int i = 0; i < page->n; i++) {
        double x0 = 0, x1 = 0, y0 = 0, y1 = 0;
        if (!points_range(&page->layers[i], 0, &x0, &x1) || !points_range(&page->layers[i], 1, &y0, &y1)) continue;
        widen(&f->x0, &f->x1, x0, x1, !any);
        widen(&f->y0, &f->y1, y0, y1, !any);
        any = true;
    }
    return any;
}

/* Contours and arrows are told by color, with a bar; contours come first. */
static const DrawLayer *bar_layer(const Page *page) {
    const DrawLayer *contour = layer_of(page, DRAW_CONTOUR);
    return contour ? contour : layer_of(page, DRAW_ARROWS);
}

static int layer_keys(const Page *page, Key *keys) {
    int n = 0, points = 0;
    bool over = layer_of(page, DRAW_CONTOUR) != NULL;
    for (int i = 0; i < page->n && n < MOST_KEYS; i++) {
        const DrawLayer *layer = &page->layers[i];
        if (layer->kind == DRAW_SCATTER) {
            keys[n++] = (Key){ MARK_DOT, over ? overlay_color(points) : layer_color(points), layer->label };
            points++;
        } else if (layer->kind == DRAW_ARROWS && over) {
            keys[n++] = (Key){ MARK_ARROW, (Color){ 0.3, 0.3, 0.3 }, layer->label };
        }
    }
    return n;
}

static Frame lay_out(const Page *page, double *height) {
    Frame f = { .left = LEFT_ROOM, .x1 = 1, .y1 = 1 };
    find_range(page, &f);
    Key keys[MOST_KEYS];
    f.width = PAGE_WIDTH - LEFT_ROOM - (bar_layer(page) ? BAR_ROOM : MARGIN);
    f.top = title_height(page) + put_keys(NULL, f.left, 0, f.width, keys, layer_keys(page, keys));
    double shape = (f.y1 - f.y0) / (f.x1 - f.x0);
    if (shape < 0.3 || shape > 1.5) shape = 0.75;       /* too unlike for one scale on both axes */
    f.height = rint(f.width * shape);
    *height = f.top + f.height + 3.5 * TEXT_SIZE + MARGIN / 2.0;
    return f;
}

const char *plane_measure(Page *page) {
    for (int i = 0; i < page->n; i++) {
        const char *fault = layer_fault(&page->layers[i]);
        if (fault) return fault;
    }
    Frame f = {0};
    if (!find_range(page, &f)) return "it has no finite point";
    page->width = PAGE_WIDTH;
    lay_out(page, &page->height);
    return NULL;
}

/* ---- points ---- */

static void paint_points(const Frame *f, cairo_t *c, const DrawLayer *layer, Color color, bool over) {
    double n = (double)layer->dims[0];
    double radius = n <= 60 ? 7 : fmax(1.6, fmin(4.5, 3 * pow(n / 1000, -0.25)));
    double opacity = n <= 60 ? 1 : fmax(0.2, fmin(0.85, 0.55 * pow(n / 2000, -0.3)));
    for (int64_t i = 0; i < layer->dims[0]; i++) {
        double x = layer->data[2 * i], y = layer->data[2 * i + 1];
        if (!is_drawable(x) || !is_drawable(y) || x < f->x0 || x > f->x1 || y < f->y0 || y > f->y1) continue;
        cairo_new_path(c);
        cairo_arc(c, frame_x(f, x), frame_y(f, y), radius, 0, 4 * acos(0));
        set_color(c, color, over ? fmin(1, opacity * 1.2) : opacity);
        if (n > 60) {
            cairo_fill(c);
            continue;
        }
        cairo_fill_preserve(c);
        cairo_set_source_rgb(c, over ? 0 : 1, over ? 0 : 1, over ? 0 : 1);
        cairo_set_line_width(c, 1.5);
        cairo_stroke(c);
    }
}

/* ---- arrows ---- */

static double length_at(const DrawLayer *layer, int64_t i, int64_t j) {
    const double *v = layer->data + 2 * (i * layer->dims[1] + j);
    return hypot(v[0], v[1]);
}

static double *arrow_lengths(const DrawLayer *layer) {
    double *lengths = malloc(sizeof *lengths * (size_t)(layer->dims[0] * layer->dims[1]));
    for (int64_t k = 0; lengths && k < layer->dims[0] * layer->dims[1]; k++)
        lengths[k] = length_at(layer, k / layer->dims[1], k % layer->dims[1]);
    return lengths;
}

/* The shaft, and the head filled, in the color that is set; `wider` makes both so much wider. */
static void paint_arrow(cairo_t *c, double x, double y, double dx, double dy, double wider) {
    double length = hypot(dx, dy), head = fmin(9, 0.4 * length), ux = dx / length, uy = dy / length;
    x -= dx / 2;
    y -= dy / 2;
    cairo_set_line_width(c, 2 + wider);
    cairo_move_to(c, x, y);
    cairo_line_to(c, x + dx - ux * head, y + dy - uy * head);
    cairo_stroke(c);
    cairo_move_to(c, x + dx, y + dy);
    cairo_line_to(c, x + dx - head * (ux + 0.5 * uy), y + dy - head * (uy - 0.5 * ux));
    cairo_line_to(c, x + dx - head * (ux - 0.5 * uy), y + dy - head * (uy + 0.5 * ux));
    cairo_close_path(c);
    cairo_fill_preserve(c);
    cairo_set_line_width(c, wider);
    if (wider > 0) cairo_stroke(c);
    cairo_new_path(c);
}

/* Arrows as long as the square root of the length they stand for, so that short ones are still seen; the color tells the length. */
static void paint_arrows(const Frame *f, cairo_t *c, const DrawLayer *layer, double high, bool colored) {
    int64_t ny = layer->dims[0], nx = layer->dims[1];
    int64_t sy = (ny + MOST_ARROWS - 1) / MOST_ARROWS, sx = (nx + MOST_ARROWS - 1) / MOST_ARROWS;
    double cell_x = cell_of(layer, 0), cell_y = cell_of(layer, 1);
    double scale_x = f->width / (f->x1 - f->x0), scale_y = f->height / (f->y1 - f->y0);
    double longest = 1.05 * sqrt((double)(sx * sy) * cell_x * scale_x * cell_y * scale_y);
    for (int64_t i = sy / 2; i < ny; i += sy)
        for (int64_t j = sx / 2; j < nx; j += sx) {
            const double *v = layer->data + 2 * (i * nx + j);
            double size = hypot(v[0], v[1]);
            if (!is_drawable(size) || !(size > 0)) continue;
            double across = v[0] * scale_x, up = v[1] * scale_y, page = hypot(across, up);
            double length = longest * sqrt(fmin(1, size / high));
            if (length < 1 || !(page > 0)) continue;
            double x = frame_x(f, layer->box[0] + (double)j * cell_x), y = frame_y(f, layer->box[2] + (double)i * cell_y);
            double dx = across / page * length, dy = -up / page * length;
            set_color(c, (Color){ 0.1, 0.1, 0.2 }, 0.6);
            if (!colored) paint_arrow(c, x, y, dx, dy, 2);
            set_color(c, colored ? map_color(0.92 * fmin(1, size / high)) : (Color){ 1, 1, 1 }, 1);
            paint_arrow(c, x, y, dx, dy, 0);
        }
}

/* ---- all of it ---- */

static void paint_field(const Frame *f, cairo_t *c, const DrawLayer *layer, bool bar) {
    double low, high, least, most;
    int64_t n = layer_count(layer);
    if (!values_core(layer->data, n, &low, &high)) return;
    values_range(layer->data, n, &least, &most);
    if (!(high > low)) {
        low -= 0.5;
        high += 0.5;
    }
    cairo_save(c);
    frame_clip(f, c);
    field_fill(f, c, layer, low, high);
    field_lines(f, c, layer, low, high);
    cairo_restore(c);
    if (bar) frame_bar(f, c, low, high, least < low, most > high, layer->label);
}

static void paint_vectors(const Frame *f, cairo_t *c, const DrawLayer *layer, bool bar) {
    double low, high, most;
    double *lengths = arrow_lengths(layer);
    int64_t n = layer->dims[0] * layer->dims[1];
    if (lengths && values_core(lengths, n, &low, &high) && high > 0) {
        values_range(lengths, n, &low, &most);
        cairo_save(c);
        frame_clip(f, c);
        paint_arrows(f, c, layer, high, bar);
        cairo_restore(c);
        if (bar) frame_bar(f, c, 0, high, false, most > high, layer->label);
    }
    free(lengths);
}

void plane_paint(const Page *page, cairo_t *c) {
    double height;
    Frame f = lay_out(page, &height);
    Key keys[MOST_KEYS];
    put_keys(c, f.left, keys_top(page), f.width, keys, layer_keys(page, keys));
    const DrawLayer *bar = bar_layer(page);
    bool over = layer_of(page, DRAW_CONTOUR) != NULL;
    int points = 0;
    for (int i = 0; i < page->n; i++)
        if (page->layers[i].kind == DRAW_CONTOUR) paint_field(&f, c, &page->layers[i], bar == &page->layers[i]);
    for (int i = 0; i < page->n; i++) {
        const DrawLayer *layer = &page->layers[i];
        if (layer->kind == DRAW_ARROWS) paint_vectors(&f, c, layer, bar == layer);
        if (layer->kind != DRAW_SCATTER) continue;
        cairo_save(c);
        frame_clip(&f, c);
        paint_points(&f, c, layer, over ? overlay_color(points) : layer_color(points), over);
        cairo_restore(c);
        points++;
    }
    frame_axes(&f, c, "x[0]", "x[1]");
}

/* curves.c: numbers over steps. */
#include <math.h>
#include <stdlib.h>
#include "vm/draw/inside.h"

enum { MOST_CURVES = 24, RIGHT_ROOM = 40, CURVE_HEIGHT = 460 };

/* Where a curve's point is along x. */
double curve_x(const DrawLayer *layer, int64_t i)
{
    double x = layer->every > 0 ? (double)i * layer->every : (double)i;
    return layer->box[1] > 0 ? fmin(x, layer->box[1]) : x;
}

/* Null if all layers fit; the frame's ranges if f is not null. */
static const char *find_range(const Page *page, Frame *f) {
    bool any = false;
    f->x0 = f->x1 = 0;
    for (int i = 0; i < page->n; i++) {
        const DrawLayer *layer = &page->layers[i];
        const char *fault = layer_fault(layer);
        if (fault) return fault;
        double low, high;
        if (!values_range(layer->data, layer->dims[0], &low, &high)) continue;
        f->y0 = any ? fmin(f->y0, low) : low;
        f->y1 = any ? fmax(f->y1, high) : high;
        f->x1 = fmax(f->x1, curve_x(layer, layer->dims[0] - 1));
        any = true;
    }
    double pad = f->y1 > f->y0 ? 0.06 * (f->y1 - f->y0) : fabs(f->y1) > 0 ? 0.1 * fabs(f->y1) : 1;
    f->y0 -= pad;
    f->y1 += pad;
    if (!(f->x1 > 0)) f->x1 = 1;
    return NULL;
}

static int curve_keys(const Page *page, Key *keys) {
    int n = page->n < MOST_CURVES ? page->n : MOST_CURVES;
    for (int i = 0; i < n; i++) keys[i] = (Key){ MARK_LINE, layer_color(i), page->layers[i].label };
    return n;
}

static Frame lay_out(const Page *page) {
    Frame f = { .height = CURVE_HEIGHT };
    find_range(page, &f);
    Ticks ticks = ticks_between(f.y0, f.y1, 6);
    double widest = 0;
    for (int i = 0; i < ticks.n; i++) widest = fmax(widest, text_width(TEXT_SIZE, ticks.text[i]));
    f.left = widest + 36;
    f.width = PAGE_WIDTH - f.left - RIGHT_ROOM;
    Key keys[MOST_CURVES];
    f.top = title_height(page) + put_keys(NULL, f.left, 0, f.width, keys, curve_keys(page, keys));
    return f;
}

const char *curves_measure(Page *page) {
    if (page->n > MOST_CURVES) return "it has more than 24 curves";
    Frame f;
    const char *fault = find_range(page, &f);
    if (fault) return fault;
    f = lay_out(page);
    page->width = PAGE_WIDTH;
    page->height = f.top + f.height + 3.5 * TEXT_SIZE + MARGIN / 2.0;
    return NULL;
}

/* One line, broken where values are not finite; a value alone between such is a dot.  Of many points within one unit of width
 * it goes through the lowest and the highest. */
static void paint_curve(const Frame *f, cairo_t *c, const DrawLayer *layer) {
    int64_t n = layer->dims[0], step = n / (int64_t)(2 * f->width) + 1;
    bool open = false;
    for (int64_t i = 0; i < n; i += step) {
        int64_t low = -1, high = -1;
        for (int64_t k = i; k < n && k < i + step; k++) {
            if (!is_drawable(layer->data[k])) continue;
            if (low < 0 || layer->data[k] < layer->data[low]) low = k;
            if (high < 0 || layer->data[k] > layer->data[high]) high = k;
        }
        if (low < 0) {
            open = false;
            continue;
        }
        int64_t first = low < high ? low : high, last = low < high ? high : low;
        double x = frame_x(f, curve_x(layer, first)), y = frame_y(f, layer->data[first]);
        if (open) cairo_line_to(c, x, y);
        else cairo_move_to(c, x, y);
        cairo_line_to(c, frame_x(f, curve_x(layer, last)), frame_y(f, layer->data[last]));
        open = true;
    }
    cairo_stroke(c);
}

/* Few points are marked, so that one sees where they are. */
static void paint_marks(const Frame *f, cairo_t *c, const DrawLayer *layer) {
    for (int64_t i = 0; i < layer->dims[0] && layer->dims[0] <= 40; i++) {
        if (!is_drawable(layer->data[i])) continue;
        cairo_new_path(c);
        cairo_arc(c, frame_x(f, curve_x(layer, i)), frame_y(f, layer->data[i]), 4, 0, 4 * acos(0));
        cairo_fill(c);
    }
}

void curves_paint(const Page *page, cairo_t *c) {
    Frame f = lay_out(page);
    Key keys[MOST_CURVES];
    put_keys(c, f.left, keys_top(page), f.width, keys, curve_keys(page, keys));
    frame_grid(&f, c);
    bool steps = false;
    for (int i = 0; i < page->n; i++) {
        const DrawLayer *layer = &page->layers[i];
        steps = steps || layer->every > 0;
        set_color(c, layer_color(i), 1);
        cairo_set_line_width(c, layer->dims[0] > 1000 ? 1.5 : 3);
        cairo_set_line_cap(c, CAIRO_LINE_CAP_ROUND);
        cairo_set_line_join(c, CAIRO_LINE_JOIN_ROUND);
        cairo_save(c);
        frame_clip(&f, c);
        paint_curve(&f, c, layer);
        paint_marks(&f, c, layer);
        cairo_restore(c);
    }
    cairo_set_line_cap(c, CAIRO_LINE_CAP_BUTT);
    frame_axes(&f, c, steps ? "step" : "number", NULL);
}

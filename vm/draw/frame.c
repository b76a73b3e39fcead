/* frame.c: the axes of a picture: round numbers, their texts, lines, and the bar of colors. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vm/draw/inside.h"

/* ---- values ---- */

int64_t layer_count(const DrawLayer *layer) {
    int64_t count = 1;
    for (int i = 0; i < layer->rank; i++) count *= layer->dims[i];
    return count;
}

bool values_range(const double *values, int64_t n, double *low, double *high) {
    bool any = false;
    for (int64_t i = 0; i < n; i++) {
        if (!is_drawable(values[i])) continue;
        if (!any || values[i] < *low) *low = values[i];
        if (!any || values[i] > *high) *high = values[i];
        any = true;
    }
    return any;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

bool values_core(const double *values, int64_t n, double *low, double *high) {
    if (!values_range(values, n, low, high)) return false;
    double *sorted = malloc(sizeof *sorted * (size_t)n);
    if (!sorted) return true;
    int64_t m = 0;
    for (int64_t i = 0; i < n; i++)
        if (is_drawable(values[i])) sorted[m++] = values[i];
    qsort(sorted, (size_t)m, sizeof *sorted, by_value);
    double first = sorted[m / 100], last = sorted[m - 1 - m / 10], core = last - first;
    free(sorted);
    if (!(core > 0)) return true;
    if (first - *low > 0.4 * core) *low = first;
    if (*high - last > 0.8 * core) *high = last;
    return true;
}

/* ---- round numbers ---- */

/* Puts true minus signs, thin spaces between thousands from five digits on, and powers without plus and leading zeroes. */
static int dress(char *out, size_t room, const char *plain) {
    size_t used = 0, whole = strspn(plain + (*plain == '-'), "0123456789");
    const char *p = plain;
    if (*p == '-') { used += (size_t)snprintf(out, room, "\u2212"); p++; }
    for (size_t left = whole; *p && used + 4 < room; p++) {
        out[used++] = *p;
        if (left && --left && left % 3 == 0 && whole > 4) used += (size_t)snprintf(out + used, room - used, "\u2009");
        if (*p != 'e') continue;
        if (*++p == '-') used += (size_t)snprintf(out + used, room - used, "\u2212");
        while (p[1] == '0' && p[2]) p++;
    }
    out[used] = 0;
    return (int)used;
}

int number_text(char *out, size_t room, double value) {
    char plain[40];
    if (!isfinite(value)) return snprintf(out, room, isnan(value) ? "nan" : value > 0 ? "\u221e" : "\u2212\u221e");
    double size = fabs(value);
    bool whole = size < 1e7 && (size >= 1e4 || (!(rint(value) < value) && !(rint(value) > value)));
    snprintf(plain, sizeof plain, whole ? "%.0f" : "%.4g", value + 0.0);
    return dress(out, room, plain);
}

Ticks ticks_between(double low, double high, int about) {
    Ticks ticks = {0};
    double span = high - low;
    if (!(span > 0) || !isfinite(span)) return ticks;
    double unit = pow(10, floor(log10(span / about)));
    double rough = span / about / unit;
    double step = (rough < 1.5 ? 1 : rough < 3.5 ? 2 : rough < 7.5 ? 5 : 10) * unit;
    if (!(step > 0)) return ticks;
    int decimals = (int)-floor(log10(step) + 1e-9);
    double largest = fmax(fabs(low), fabs(high));
    bool powers = largest >= 1e7 || decimals > 5;
    for (double k = ceil(low / step - 1e-6); k <= high / step + 1e-6 && ticks.n < 24; k++) {
        char plain[40];
        double at = k * step + 0.0;
        if (powers) snprintf(plain, sizeof plain, "%.*g", largest > 0 ? (int)fmin(15, ceil(log10(largest / step)) + 1) : 1, at);
        else snprintf(plain, sizeof plain, "%.*f", decimals > 0 ? decimals : 0, at);
        ticks.at[ticks.n] = at;
        dress(ticks.text[ticks.n++], sizeof ticks.text[0], plain);
    }
    return ticks;
}

/* ---- axes ---- */

void frame_clip(const Frame *f, cairo_t *c) {
    cairo_rectangle(c, f->left, f->top, f->width, f->height);
    cairo_clip(c);
}

void frame_grid(const Frame *f, cairo_t *c) {
    Ticks ticks = ticks_between(f->y0, f->y1, 6);
    cairo_set_source_rgb(c, 0.9, 0.9, 0.9);
    cairo_set_line_width(c, 1);
    for (int i = 0; i < ticks.n; i++) {
        double y = floor(frame_y(f, ticks.at[i])) + 0.5;
        cairo_move_to(c, f->left, y);
        cairo_line_to(c, f->left + f->width, y);
    }
    cairo_stroke(c);
}

enum { TICK = 7 };

void frame_axes(const Frame *f, cairo_t *c, const char *x_name, const char *y_name) {
    Ticks xs = ticks_between(f->x0, f->x1, 7), ys = ticks_between(f->y0, f->y1, f->height > 300 ? 6 : 4);
    double bottom = f->top + f->height;
    cairo_set_source_rgb(c, 0.25, 0.25, 0.25);
    cairo_set_line_width(c, 1.5);
    cairo_rectangle(c, f->left, f->top, f->width, f->height);
    for (int i = 0; i < xs.n; i++) {
        cairo_move_to(c, frame_x(f, xs.at[i]), bottom);
        cairo_line_to(c, frame_x(f, xs.at[i]), bottom + TICK);
    }
    for (int i = 0; i < ys.n; i++) {
        cairo_move_to(c, f->left, frame_y(f, ys.at[i]));
        cairo_line_to(c, f->left - TICK, frame_y(f, ys.at[i]));
    }
    cairo_stroke(c);
    cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
    double widest = 0;
    for (int i = 0; i < xs.n; i++) put_text(c, frame_x(f, xs.at[i]), bottom + TICK + TEXT_SIZE, 0.5, TEXT_SIZE, xs.text[i]);
    for (int i = 0; i < ys.n; i++) {
        put_text(c, f->left - TICK - 5, frame_y(f, ys.at[i]) + TEXT_SIZE * 0.36, 1, TEXT_SIZE, ys.text[i]);
        widest = fmax(widest, text_width(TEXT_SIZE, ys.text[i]));
    }
    if (x_name) put_text(c, f->left + f->width / 2, bottom + TICK + 2.5 * TEXT_SIZE, 0.5, TEXT_SIZE, x_name);
    if (y_name) put_text_up(c, f->left - TICK - 5 - widest - 14, f->top + f->height / 2, 0.5, TEXT_SIZE, y_name);
}

/* A triangle on the bar's end for the values past it. */
static void bar_tip(cairo_t *c, double x, double y, double width, double up, Color color) {
    cairo_move_to(c, x, y);
    cairo_line_to(c, x + width / 2, y - up);
    cairo_line_to(c, x + width, y);
    cairo_close_path(c);
    set_color(c, color, 1);
    cairo_fill_preserve(c);
    cairo_set_source_rgb(c, 0.25, 0.25, 0.25);
    cairo_stroke(c);
}

void frame_bar(const Frame *f, cairo_t *c, double low, double high, bool below, bool above, const char *name) {
    enum { BAR = 26, TIP = 18 };
    double x = f->left + f->width + 22, top = f->top + (above ? TIP : 0), bottom = f->top + f->height - (below ? TIP : 0);
    Frame bar = { .left = x, .top = top, .width = BAR, .height = bottom - top, .x0 = 0, .x1 = 1, .y0 = low, .y1 = high };
    cairo_pattern_t *colors = cairo_pattern_create_linear(0, bottom, 0, top);
    for (int i = 0; i <= 36; i++) {
        Color color = map_color(i / 36.0);
        cairo_pattern_add_color_stop_rgb(colors, i / 36.0, color.r, color.g, color.b);
    }
    cairo_rectangle(c, x, top, BAR, bottom - top);
    cairo_set_source(c, colors);
    cairo_fill_preserve(c);
    cairo_pattern_destroy(colors);
    cairo_set_source_rgb(c, 0.25, 0.25, 0.25);
    cairo_set_line_width(c, 1.5);
    cairo_stroke(c);
    if (above) bar_tip(c, x, top, BAR, TIP, map_color(1));
    if (below) bar_tip(c, x, bottom, BAR, -TIP, map_color(0));
    Ticks ticks = ticks_between(low, high, 7);
    double widest = 0;
    for (int i = 0; i < ticks.n; i++) {
        double y = frame_y(&bar, ticks.at[i]);
        cairo_set_source_rgb(c, 0.25, 0.25, 0.25);
        cairo_move_to(c, x + BAR, y);
        cairo_line_to(c, x + BAR + TICK, y);
        cairo_stroke(c);
        cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
        put_text(c, x + BAR + TICK + 5, y + TEXT_SIZE * 0.36, 0, TEXT_SIZE, ticks.text[i]);
        widest = fmax(widest, text_width(TEXT_SIZE, ticks.text[i]));
    }
    if (name) put_text_up(c, x + BAR + TICK + 5 + widest + 10 + TEXT_SIZE, f->top + f->height / 2, 0.5, TEXT_SIZE, name);
}

/* terminal.c: small pictures in text.  Dots are braille (two by four to a character), values are shades; no colors. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vm/draw/inside.h"
#include "vm/draw/table.h"

/* Characters in rows: each a shade (0 none to 4 full), an arrow (5 to 12) or, where dots are set, braille. */
typedef struct Screen { int columns, rows; unsigned char *dots, *shade; } Screen;

static bool screen_make(Screen *s, int columns, int rows) {
    *s = (Screen){ columns, rows, calloc((size_t)(columns * rows), 1), calloc((size_t)(columns * rows), 1) };
    return s->dots && s->shade;
}

static void screen_free(Screen *s) {
    free(s->dots);
    free(s->shade);
}

/* Sets a dot; x to the right, y down, in dots. */
static void screen_dot(Screen *s, int x, int y) {
    static const unsigned char bit[4][2] = { { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 } };
    if (x < 0 || y < 0 || x >= 2 * s->columns || y >= 4 * s->rows) return;
    s->dots[y / 4 * s->columns + x / 2] |= bit[y % 4][x % 2];
}

static void screen_row(const Screen *s, int row, FILE *out) {
    static const char *const shades[] = { " ", "\u2591", "\u2592", "\u2593", "\u2588",
                                         "\u2192", "\u2197", "\u2191", "\u2196", "\u2190", "\u2199", "\u2193", "\u2198" };
    int last = s->columns;
    while (last > 0 && !s->dots[row * s->columns + last - 1] && !s->shade[row * s->columns + last - 1]) last--;
    for (int i = 0; i < last; i++) {
        unsigned dots = s->dots[row * s->columns + i];
        if (dots) fprintf(out, "%c%c%c", 0xe2, (int)(0xa0 | dots >> 6), (int)(0x80 | (dots & 0x3f)));
        else fputs(shades[s->shade[row * s->columns + i]], out);
    }
}

/* Columns a text takes: its code points. */
static int wide(const char *text) {
    int n = 0;
    for (; *text; text++) n += (*text & 0xc0) != 0x80;
    return n;
}

static void put_right(FILE *out, const char *text, int columns) { fprintf(out, "%*s%s", columns - wide(text) > 0 ? columns - wide(text) : 0, "", text); }
static void put_left(FILE *out, const char *text, int columns) { fprintf(out, "%s%*s", text, columns - wide(text) > 0 ? columns - wide(text) : 0, ""); }

/* A screen in a frame with the ends of both ranges. */
static void put_framed(const Screen *s, FILE *out, double x0, double x1, double y0, double y1) {
    char low[40], high[40], text[40];
    number_text(low, sizeof low, y0);
    number_text(high, sizeof high, y1);
    int margin = wide(low) > wide(high) ? wide(low) : wide(high);
    for (int row = 0; row < s->rows; row++) {
        put_right(out, row == 0 ? high : row == s->rows - 1 ? low : "", margin);
        fputs(row == 0 || row == s->rows - 1 ? " \u2524" : " \u2502", out);
        screen_row(s, row, out);
        fputc('\n', out);
    }
    fprintf(out, "%*s \u2514", margin, "");
    for (int i = 0; i < s->columns; i++) fputs("\u2500", out);
    fprintf(out, "\n%*s", margin + 2, "");
    number_text(low, sizeof low, x0);
    number_text(text, sizeof text, x1);
    put_left(out, low, s->columns - wide(text));
    fprintf(out, "%s\n", text);
}

/* ---- the plane ---- */

/* The range that is shown: the boxes, else the points. */
static bool plane_range(const DrawLayer *layers, int n, double box[4]) {
    bool boxed = false, any = false;
    for (int i = 0; i < n; i++) boxed = boxed || layers[i].kind != DRAW_SCATTER;
    for (int i = 0; i < n; i++) {
        const DrawLayer *l = &layers[i];
        if (boxed == (l->kind == DRAW_SCATTER)) continue;
        for (int64_t k = 0; k < (boxed ? 2 : l->dims[0]); k++) {
            double x = boxed ? l->box[k] : l->data[2 * k], y = boxed ? l->box[2 + k] : l->data[2 * k + 1];
            if (!is_drawable(x) || !is_drawable(y)) continue;
            if (!any) box[0] = box[1] = x, box[2] = box[3] = y;
            box[0] = fmin(box[0], x), box[1] = fmax(box[1], x), box[2] = fmin(box[2], y), box[3] = fmax(box[3], y);
            any = true;
        }
    }
    if (!(box[1] > box[0])) box[0] -= 1, box[1] += 1;
    if (!(box[3] > box[2])) box[2] -= 1, box[3] += 1;
    return any;
}

/* Low values stay blank, high ones are dark with ink: as in the drawn picture the valleys show the dots. */
static void shade_contour(Screen *s, const DrawLayer *l, const double box[4]) {
    double low, high;
    if (!values_core(l->data, layer_count(l), &low, &high) || !(high > low)) return;
    for (int row = 0; row < s->rows; row++)
        for (int i = 0; i < s->columns; i++) {
            double x = box[0] + (i + 0.5) / s->columns * (box[1] - box[0]), y = box[3] - (row + 0.5) / s->rows * (box[3] - box[2]);
            double u = (x - l->box[0]) / (l->box[1] - l->box[0]), v = (y - l->box[2]) / (l->box[3] - l->box[2]);
            if (u < 0 || u > 1 || v < 0 || v > 1) continue;
            double value = l->data[lround(v * (double)(l->dims[0] - 1)) * l->dims[1] + lround(u * (double)(l->dims[1] - 1))];
            double part = (value - low) / (high - low);
            if (is_drawable(value)) s->shade[row * s->columns + i] = (unsigned char)fmax(0, fmin(3, floor(part * 4)));
        }
}

static void dot_points(Screen *s, const DrawLayer *l, const double box[4]) {
    for (int64_t k = 0; k < l->dims[0]; k++) {
        double x = (l->data[2 * k] - box[0]) / (box[1] - box[0]), y = (l->data[2 * k + 1] - box[2]) / (box[3] - box[2]);
        if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1)) continue;
        screen_dot(s, (int)fmin(2 * s->columns - 1, x * 2 * s->columns), (int)fmin(4 * s->rows - 1, (1 - y) * 4 * s->rows));
    }
}

/* Directions, one at every fourth column of every second row; none where there is no length. */
static void point_arrows(Screen *s, const DrawLayer *l, const double box[4]) {
    double across = s->columns / (box[1] - box[0]), up = 2 * s->rows / (box[3] - box[2]);
    for (int row = 1; row < s->rows; row += 2)
        for (int i = 2; i < s->columns; i += 4) {
            double x = box[0] + (i + 0.5) / s->columns * (box[1] - box[0]), y = box[3] - (row + 0.5) / s->rows * (box[3] - box[2]);
            double u = (x - l->box[0]) / (l->box[1] - l->box[0]), v = (y - l->box[2]) / (l->box[3] - l->box[2]);
            if (u < 0 || u > 1 || v < 0 || v > 1) continue;
            const double *at = l->data + 2 * (lround(v * (double)(l->dims[0] - 1)) * l->dims[1] + lround(u * (double)(l->dims[1] - 1)));
            if (!is_drawable(at[0]) || !is_drawable(at[1]) || !(hypot(at[0], at[1]) > 0)) continue;
            long eighth = lround(atan2(at[1] * up, at[0] * across) / (2 * acos(0)) * 4);
            s->shade[row * s->columns + i] = (unsigned char)(5 + (eighth + 8) % 8);
        }
}

static bool text_plane(FILE *out, const DrawLayer *layers, int n, int columns) {
    double box[4] = { 0, 1, 0, 1 };
    for (int i = 0; i < n; i++)
        if (layer_fault(&layers[i])) return false;
    if (!plane_range(layers, n, box)) return false;
    int width = columns > 72 ? 60 : columns - 12;
    double shape = (box[3] - box[2]) / (box[1] - box[0]);
    int height = (int)lround(width * 0.5 * (shape < 0.3 || shape > 1.5 ? 0.75 : shape));
    Screen s;
    bool well = screen_make(&s, width, height < 4 ? 4 : height);
    for (int i = 0; well && i < n; i++)
        if (layers[i].kind == DRAW_CONTOUR) shade_contour(&s, &layers[i], box);
    for (int i = 0; well && i < n; i++)
        if (layers[i].kind == DRAW_ARROWS) point_arrows(&s, &layers[i], box);
    for (int i = 0; well && i < n; i++)
        if (layers[i].kind == DRAW_SCATTER) dot_points(&s, &layers[i], box);
    if (well) put_framed(&s, out, box[0], box[1], box[2], box[3]);
    screen_free(&s);
    return well;
}

/* ---- curves ---- */

/* A line of dots between neighbors, unbroken upwards and downwards. */
static void dot_curve(Screen *s, const DrawLayer *l, double low, double high) {
    int width = 2 * s->columns, height = 4 * s->rows, last = -1;
    int64_t n = l->dims[0];
    for (int x = 0; x < width; x++) {
        int64_t from = x * n / width, to = (x + 1) * n / width;
        if (to <= from) to = from + 1;
        double sum = 0;
        int64_t seen = 0;
        for (int64_t k = from; k < to && k < n; k++)
            if (is_drawable(l->data[k])) sum += l->data[k], seen++;
        if (!seen) { last = -1; continue; }
        double part = high > low ? (sum / (double)seen - low) / (high - low) : 0.5;
        int y = (int)lround((1 - part) * (height - 1));
        if (last < 0) last = y;
        for (int k = last < y ? last + 1 : y; k < (last < y ? y : last); k++) screen_dot(s, x, k);
        screen_dot(s, x, y);
        last = y;
    }
}

static bool text_curves(FILE *out, const DrawLayer *layers, int n, int columns) {
    for (int i = 0; i < n; i++) {
        double low, high;
        Screen s;
        if (layer_fault(&layers[i]) || !values_range(layers[i].data, layers[i].dims[0], &low, &high)) return false;
        bool well = screen_make(&s, columns > 72 ? 60 : columns - 12, n > 2 ? 4 : 7);
        if (well) {
            dot_curve(&s, &layers[i], low, high);
            char last[40];
            number_text(last, sizeof last, layers[i].data[layers[i].dims[0] - 1]);
            char label[TABLE_TEXT];
            cut_text(label, sizeof label, layers[i].label ? layers[i].label : "");
            fprintf(out, "%s  (last: %s)\n", label, last);
            put_framed(&s, out, 0, curve_x(&layers[i], layers[i].dims[0] - 1), low, high);
        }
        screen_free(&s);
        if (!well) return false;
    }
    return true;
}

/* ---- images ---- */

/* Brightness of 0 to 1 at a place of an image, by the nearest pixel. */
static double brightness(const DrawLayer *l, const Tiles *t, int64_t image, double x, double y) {
    int64_t i = (int64_t)(y * (double)t->height), j = (int64_t)(x * (double)t->width);
    double sum = 0;
    for (int64_t k = 0; k < t->channels; k++) sum += l->data[((image * t->channels + k) * t->height + i) * t->width + j];
    double v = sum / (double)t->channels;
    return is_drawable(v) && t->high > t->low ? (v - t->low) / (t->high - t->low) : 0.5;
}

/* Gray as dots, more where it is brighter (ordered dither). */
static void dot_image(Screen *s, const DrawLayer *l, const Tiles *t, int64_t image, int left, int width, int height) {
    static const int order[4][4] = { { 0, 8, 2, 10 }, { 12, 4, 14, 6 }, { 3, 11, 1, 9 }, { 15, 7, 13, 5 } };
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            if (brightness(l, t, image, (x + 0.5) / width, (y + 0.5) / height) > (order[y % 4][x % 4] + 0.5) / 16) screen_dot(s, left + x, y);
}

static bool text_images(FILE *out, const DrawLayer *layers, int n, int columns) {
    enum { MOST_ROWS = 3, SIDE = 32 };
    for (int i = 0; i < n; i++) {
        Tiles t;
        if (tiles_are_over(layers, i)) {
            if (tiles_over_fault(layers, i)) return false;
            continue;
        }
        if (tiles_of(&layers[i], &t)) return false;
        int width = t.width < SIDE ? (int)t.width + (int)(t.width & 1) : SIDE;
        int height = (int)lround((double)width * (double)t.height / (double)t.width), cells = (height + 3) / 4;
        int across = (2 * columns + 2) / (width + 2);
        int64_t rows = n > 1 ? 1 : MOST_ROWS;
        int64_t shown = across * rows < t.n ? across * rows : t.n;
        if (across < 1 || height < 1 || height > 4 * columns) return false;
        char label[TABLE_TEXT];
        cut_text(label, sizeof label, layers[i].label ? layers[i].label : "images");
        fputs(label, out);
        if (shown < t.n) fprintf(out, "  (%lld of %lld)", (long long)shown, (long long)t.n);
        fputc('\n', out);
        for (int64_t first = 0; first < shown; first += across) {
            Screen s;
            bool well = screen_make(&s, columns, cells);
            for (int64_t k = first; well && k < shown && k < first + across; k++)
                dot_image(&s, &layers[i], &t, k, (int)(k - first) * (width + 2), width, height);
            for (int row = 0; well && row < cells; row++) {
                screen_row(&s, row, out);
                fputc('\n', out);
            }
            screen_free(&s);
            if (!well) return false;
        }
    }
    return true;
}

/* ---- tables ---- */

static bool text_table(FILE *out, const DrawLayer *layers, int n) {
    if (table_fault(layers, n)) return false;
    char text[TABLE_TEXT];
    int names = 0, widths[TABLE_COLUMNS] = {0};
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < n; i++) {
            for (int row = 0; row < table_rows(&layers[i]); row++) {
                table_name(&layers[i], row, text, sizeof text);
                if (wide(text) > names) names = wide(text);
                if (pass) put_left(out, text, names);
                for (int j = 0; j < table_columns(&layers[i]); j++) {
                    table_cell(&layers[i], row, j, text, sizeof text);
                    if (wide(text) > widths[j]) widths[j] = wide(text);
                    if (pass) put_right(out, text, widths[j] + 2);
                }
                if (pass) fputc('\n', out);
            }
            table_rest(&layers[i], text, sizeof text);
            if (pass && *text) fprintf(out, "%s\n", text);
        }
    return true;
}

char *draw_text(const DrawLayer *layers, int n, int columns) {
    enum { LEAST_COLUMNS = 24, MOST_COLUMNS = 400 };
    if (n < 1) return NULL;
    columns = columns < LEAST_COLUMNS ? LEAST_COLUMNS : columns > MOST_COLUMNS ? MOST_COLUMNS : columns;
    if (draw_fault(layers, n)) return NULL;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out) return NULL;
    DrawKind kind = layers[0].kind;
    bool well = kind == DRAW_CURVE ? text_curves(out, layers, n, columns) : kind == DRAW_IMAGES || kind == DRAW_HEAT ? text_images(out, layers, n, columns)
              : kind == DRAW_TABLE ? text_table(out, layers, n) : text_plane(out, layers, n, columns);
    if (fclose(out) != 0) well = false;
    if (well) return text;
    free(text);
    return NULL;
}

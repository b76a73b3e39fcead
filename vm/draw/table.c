/* table.c: numbers under their names, as a picture. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "vm/draw/table.h"
#include "vm/draw/inside.h"

enum { ROW_HEIGHT = 38, GAP = 36, MOST_ROWS = 400 };

int table_rows(const DrawLayer *layer) {
    int64_t rows = layer->rank < 2 ? 1 : layer->dims[0];
    for (int i = 1; i + 1 < layer->rank; i++) rows *= layer->dims[i];
    return rows < TABLE_ROWS ? (int)rows : TABLE_ROWS;
}

int table_columns(const DrawLayer *layer) {
    int64_t columns = layer->rank < 1 ? 1 : layer->dims[layer->rank - 1];
    return columns < TABLE_COLUMNS ? (int)columns : TABLE_COLUMNS;
}

void table_name(const DrawLayer *layer, int row, char *out, size_t room) {
    cut_text(out, room - 12, layer->label ? layer->label : "");
    size_t n = strlen(out);
    if (layer->rank >= 2) snprintf(out + n, room - n, "[%d]", row);
}

void table_cell(const DrawLayer *layer, int row, int column, char *out, size_t room) {
    int64_t width = layer->rank < 1 ? 1 : layer->dims[layer->rank - 1];
    number_text(out, room, layer->data[row * width + column]);
}

/* What a layer has more than is shown; empty if nothing. */
void table_rest(const DrawLayer *layer, char *out, size_t room) {
    int64_t shown = (int64_t)table_rows(layer) * table_columns(layer), all = layer_count(layer);
    out[0] = 0;
    if (shown < all) snprintf(out, room, "(%lld of %lld numbers are shown)", (long long)shown, (long long)all);
}

const char *table_fault(const DrawLayer *layers, int n) {
    int rows = 0;
    for (int i = 0; i < n; i++) {
        if (layer_count(&layers[i]) < 1) return "the table has no numbers";
        rows += table_rows(&layers[i]);
        if (rows > MOST_ROWS) return "the table has more than 400 rows";
    }
    return NULL;
}

/* Widths of the names and of the columns of numbers. */
static void widths(const Page *page, double *names, double *columns, int *n_columns) {
    *names = 0;
    *n_columns = 0;
    for (int j = 0; j < TABLE_COLUMNS; j++) columns[j] = 0;
    for (int i = 0; i < page->n; i++) {
        const DrawLayer *layer = &page->layers[i];
        if (table_columns(layer) > *n_columns) *n_columns = table_columns(layer);
        for (int row = 0; row < table_rows(layer); row++) {
            char text[TABLE_TEXT];
            table_name(layer, row, text, sizeof text);
            *names = fmax(*names, text_width(TEXT_SIZE, text));
            for (int j = 0; j < table_columns(layer); j++) {
                table_cell(layer, row, j, text, sizeof text);
                columns[j] = fmax(columns[j], text_width(TEXT_SIZE, text));
            }
        }
    }
}

const char *table_measure(Page *page) {
    const char *fault = table_fault(page->layers, page->n);
    if (fault) return fault;
    double names, columns[TABLE_COLUMNS];
    int n_columns, rows = 0;
    widths(page, &names, columns, &n_columns);
    page->width = 2 * MARGIN + names;
    for (int j = 0; j < n_columns; j++) page->width += GAP + columns[j];
    for (int i = 0; i < page->n; i++) {
        char rest[TABLE_TEXT];
        table_rest(&page->layers[i], rest, sizeof rest);
        rows += table_rows(&page->layers[i]) + (*rest != 0);
        page->width = fmax(page->width, *rest ? 2 * MARGIN + text_width(TEXT_SIZE, rest) : 0);
    }
    if (page->title) page->width = fmax(page->width, text_width(24, page->title) + 2 * MARGIN);
    page->height = title_height(page) + rows * ROW_HEIGHT + MARGIN;
    return NULL;
}

static void rule(const Page *page, cairo_t *c, double y, double width) {
    cairo_set_source_rgb(c, 0.25, 0.25, 0.25);
    cairo_set_line_width(c, width);
    cairo_move_to(c, MARGIN / 2.0, y);
    cairo_line_to(c, page->width - MARGIN / 2.0, y);
    cairo_stroke(c);
}

void table_paint(const Page *page, cairo_t *c) {
    double names, columns[TABLE_COLUMNS], y = title_height(page);
    int n_columns;
    widths(page, &names, columns, &n_columns);
    rule(page, c, y, 2);
    for (int i = 0; i < page->n; i++) {
        const DrawLayer *layer = &page->layers[i];
        char text[TABLE_TEXT];
        for (int row = 0; row < table_rows(layer); row++, y += ROW_HEIGHT) {
            cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
            table_name(layer, row, text, sizeof text);
            put_text(c, MARGIN, y + 0.5 * ROW_HEIGHT + 0.36 * TEXT_SIZE, 0, TEXT_SIZE, text);
            double x = MARGIN + names;
            for (int j = 0; j < table_columns(layer); j++) {
                x += GAP + columns[j];
                table_cell(layer, row, j, text, sizeof text);
                put_text(c, x, y + 0.5 * ROW_HEIGHT + 0.36 * TEXT_SIZE, 1, TEXT_SIZE, text);
            }
        }
        table_rest(layer, text, sizeof text);
        if (!*text) continue;
        cairo_set_source_rgb(c, 0.4, 0.4, 0.4);
        put_text(c, MARGIN, y + 0.5 * ROW_HEIGHT + 0.36 * TEXT_SIZE, 0, TEXT_SIZE, text);
        y += ROW_HEIGHT;
    }
    rule(page, c, y, 2);
}

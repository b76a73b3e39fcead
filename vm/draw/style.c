/* style.c: colors, text and the names of layers: what makes the pictures look alike. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "vm/draw/inside.h"

static Color from_hex(unsigned rgb) {
    return (Color){ (double)(rgb >> 16 & 255) / 255, (double)(rgb >> 8 & 255) / 255, (double)(rgb & 255) / 255 };
}

/* Viridis by ten of its colors: even steps of lightness, so it also reads in gray and to every eye. */
Color map_color(double t) {
    static const unsigned at[] = { 0x440154, 0x482878, 0x3e4989, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6ece58, 0xb5de2b, 0xfde725 };
    if (!(t > 0)) t = 0;
    if (t > 1) t = 1;
    double place = t * 9;
    int k = place < 8 ? (int)place : 8;
    double part = place - k;
    Color a = from_hex(at[k]), b = from_hex(at[k + 1]);
    return (Color){ a.r + part * (b.r - a.r), a.g + part * (b.g - a.g), a.b + part * (b.b - a.b) };
}

/* The palette of Okabe and Ito. */
Color layer_color(int i) {
    static const unsigned at[] = { 0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x000000 };
    return from_hex(at[i % 7]);
}

Color overlay_color(int i) {
    static const unsigned at[] = { 0xffffff, 0xff6f3c, 0x000000, 0x8fd3ff };
    return from_hex(at[i % 4]);
}

void set_color(cairo_t *c, Color color, double opacity) { cairo_set_source_rgba(c, color.r, color.g, color.b, opacity); }

/* ---- text ---- */

static void set_font(cairo_t *c, double size) {
    cairo_select_font_face(c, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(c, size);
}

/* Bytes of the UTF-8 character at p; 0 if it is none. */
static size_t character_length(const char *p) {
    const unsigned char *u = (const unsigned char *)p;
    size_t n = u[0] < 0x80 ? 1 : u[0] >= 0xc2 && u[0] < 0xe0 ? 2 : (u[0] & 0xf0) == 0xe0 ? 3 : u[0] >= 0xf0 && u[0] < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((u[i] & 0xc0) != 0x80) return 0;
    bool overlong = (n == 3 && u[0] == 0xe0 && u[1] < 0xa0) || (n == 4 && u[0] == 0xf0 && u[1] < 0x90);
    bool beyond = (n == 3 && u[0] == 0xed && u[1] >= 0xa0) || (n == 4 && u[0] == 0xf4 && u[1] >= 0x90);
    return overlong || beyond ? 0 : n;
}

void cut_text(char *out, size_t room, const char *text) {
    enum { MOST_CHARACTERS = 60 };
    size_t used = 0;
    for (int i = 0; *text; i++) {
        size_t n = character_length(text);
        if (i == MOST_CHARACTERS || used + n + 4 >= room) {
            used += (size_t)snprintf(out + used, room - used, "\u2026");
            break;
        }
        bool plain = n > 0 && (n > 1 || *text >= ' ');
        memcpy(out + used, plain ? text : "?", plain ? n : 1);
        used += plain ? n : 1;
        text += n ? n : 1;
    }
    out[used] = 0;
}

enum { LABEL_BYTES = 256 };

void put_text(cairo_t *c, double x, double y, double along, double size, const char *text) {
    cairo_text_extents_t extents;
    char label[LABEL_BYTES];
    cut_text(label, sizeof label, text);
    set_font(c, size);
    cairo_text_extents(c, label, &extents);
    cairo_move_to(c, x - along * extents.x_advance, y);
    cairo_show_text(c, label);
}

void put_text_up(cairo_t *c, double x, double y, double along, double size, const char *text) {
    cairo_save(c);
    cairo_translate(c, x, y);
    cairo_rotate(c, -acos(0));
    put_text(c, 0, 0, along, size, text);
    cairo_restore(c);
}

double text_width(double size, const char *text) {
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
    cairo_t *c = cairo_create(surface);
    cairo_font_options_t *font = cairo_font_options_create();
    cairo_font_options_set_hint_metrics(font, CAIRO_HINT_METRICS_OFF);
    cairo_set_font_options(c, font);
    cairo_font_options_destroy(font);
    cairo_text_extents_t extents;
    char label[LABEL_BYTES];
    cut_text(label, sizeof label, text);
    set_font(c, size);
    cairo_text_extents(c, label, &extents);
    cairo_destroy(c);
    cairo_surface_destroy(surface);
    return extents.x_advance;
}

enum { TITLE_SIZE = 24 };

double title_height(const Page *page) { return page->title ? 2.2 * MARGIN : MARGIN; }
double keys_top(const Page *page) { return title_height(page) - (page->title ? 3 : MARGIN / 2.0); }

void put_title(const Page *page, cairo_t *c) {
    if (!page->title) return;
    cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
    put_text(c, page->width / 2, MARGIN + TITLE_SIZE * 0.5, 0.5, TITLE_SIZE, page->title);
}

/* ---- names of layers ---- */

static void put_mark(cairo_t *c, double x, double y, const Key *key) {
    set_color(c, key->color, 1);
    cairo_set_line_width(c, 3.5);
    if (key->mark == MARK_DOT) {
        cairo_new_path(c);
        cairo_arc(c, x + 15, y, 6.5, 0, 4 * acos(0));
        cairo_fill_preserve(c);
        cairo_set_source_rgb(c, 0.35, 0.35, 0.35);
        cairo_set_line_width(c, 1);
        cairo_stroke(c);
        return;
    }
    cairo_move_to(c, x, y);
    cairo_line_to(c, x + 30, y);
    if (key->mark == MARK_ARROW) {
        cairo_move_to(c, x + 21, y - 6);
        cairo_line_to(c, x + 30, y);
        cairo_line_to(c, x + 21, y + 6);
    }
    cairo_stroke(c);
}

double put_keys(cairo_t *c, double x, double y, double width, const Key *keys, int n) {
    double at = x, line = y;
    int shown = 0;
    for (int i = 0; i < n; i++) {
        if (!keys[i].label || !*keys[i].label) continue;
        double wide = 40 + text_width(TEXT_SIZE, keys[i].label) + 30;
        if (shown++ && at + wide > x + width) {
            at = x;
            line += TEXT_SIZE * 1.5;
        }
        if (c) {
            put_mark(c, at, line + TEXT_SIZE * 0.65, &keys[i]);
            cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
            put_text(c, at + 40, line + TEXT_SIZE, 0, TEXT_SIZE, keys[i].label);
        }
        at += wide;
    }
    return shown ? line - y + TEXT_SIZE * 1.5 : 0;
}

/* inside.h: what the kinds of pictures share: a page, colors, text, axes.  Lengths are in units of which a page is about a thousand
 * wide: the pixels of a PNG.  Private to vm/draw. */
#ifndef EBM_DRAW_INSIDE_H
#define EBM_DRAW_INSIDE_H

#include <cairo.h>
#include <stdbool.h>
#include <stddef.h>
#include "vm/draw/draw.h"

enum { PAGE_WIDTH = 1000, TEXT_SIZE = 20, MARGIN = 24 };

/* A page to be painted. */
typedef struct Page {
    const DrawLayer *layers;
    int n;
    const char *title;
    double width, height;
} Page;

/* A kind of picture: it measures a page (setting the size; null, or why it cannot be drawn), and then paints it. */
const char *plane_measure(Page *page);  void plane_paint(const Page *page, cairo_t *c);     /* contour, arrows, scatter */
double curve_x(const DrawLayer *layer, int64_t i);
const char *curves_measure(Page *page); void curves_paint(const Page *page, cairo_t *c);
const char *tiles_measure(Page *page);  void tiles_paint(const Page *page, cairo_t *c);     /* images, heat maps */
const char *table_measure(Page *page);  void table_paint(const Page *page, cairo_t *c);

/* Finite, and small enough for the difference of two to be finite too. */
static inline bool is_drawable(double value) { return value > -1e300 && value < 1e300; }
int64_t layer_count(const DrawLayer *layer);            /* values it holds */
/* Lowest and highest drawable value; false if there is none. */
bool    values_range(const double *values, int64_t n, double *low, double *high);
/* The same less long tails: an end is moved in to its percentile if that leaves out much. */
bool    values_core(const double *values, int64_t n, double *low, double *high);

/* ---- colors (safe for color-blind readers) ---- */

typedef struct Color { double r, g, b; } Color;
Color map_color(double t);                              /* 0 dark, 1 light: for values */
Color layer_color(int i);                               /* of a point or curve layer on white */
Color overlay_color(int i);                             /* of a point layer on mapped values */
void  set_color(cairo_t *c, Color color, double opacity);

/* ---- text ---- */

/* A copy that is valid UTF-8 and no longer than room (or 60 characters); a cut is shown by an ellipsis. */
void   cut_text(char *out, size_t room, const char *text);
/* `along`: 0 starts at x, 0.5 is centered on it, 1 ends there.  y is the base line. */
void   put_text(cairo_t *c, double x, double y, double along, double size, const char *text);
void   put_text_up(cairo_t *c, double x, double y, double along, double size, const char *text);
double text_width(double size, const char *text);
double title_height(const Page *page);
void   put_title(const Page *page, cairo_t *c);
double keys_top(const Page *page);                      /* where the names of layers go */

typedef enum Mark { MARK_DOT, MARK_LINE, MARK_ARROW } Mark;
typedef struct Key { Mark mark; Color color; const char *label; } Key;
/* Names of layers in rows between x and x + width; null c only measures.  Gives the height. */
double put_keys(cairo_t *c, double x, double y, double width, const Key *keys, int n);

/* ---- axes ---- */

typedef struct Ticks { int n; double at[24]; char text[24][32]; } Ticks;
/* Round numbers within [low, high], about so many. */
Ticks ticks_between(double low, double high, int about);
/* A number for people: four digits, a true minus sign.  Gives its length. */
int   number_text(char *out, size_t room, double value);

typedef struct Frame {
    double left, top, width, height;                    /* on the page */
    double x0, x1, y0, y1;                              /* values at its edges */
} Frame;
static inline double frame_x(const Frame *f, double x) { return f->left + (x - f->x0) / (f->x1 - f->x0) * f->width; }
static inline double frame_y(const Frame *f, double y) { return f->top + f->height - (y - f->y0) / (f->y1 - f->y0) * f->height; }
void frame_clip(const Frame *f, cairo_t *c);
void frame_grid(const Frame *f, cairo_t *c);            /* faint lines at the ticks of y */
void frame_axes(const Frame *f, cairo_t *c, const char *x_name, const char *y_name);
/* A bar of the map's colors right of the frame; `below`, `above`: some values are past its ends. */
void frame_bar(const Frame *f, cairo_t *c, double low, double high, bool below, bool above, const char *name);

/* ---- fields on a grid ---- */

void field_fill(const Frame *f, cairo_t *c, const DrawLayer *layer, double low, double high);
void field_lines(const Frame *f, cairo_t *c, const DrawLayer *layer, double low, double high);

/* ---- pictures of values ---- */

typedef struct Tiles { int64_t n, channels, height, width; double low, high; } Tiles;
/* Shape and range of a layer of images or heat maps; or why it is none. */
const char *tiles_of(const DrawLayer *layer, Tiles *tiles);
/* Whether layer i is a heat map that lies over the images before it, not a row of its own. */
bool tiles_are_over(const DrawLayer *layers, int i);
/* Why it cannot lie there; null if it can. */
const char *tiles_over_fault(const DrawLayer *layers, int i);

/* Why layers cannot be drawn together; null if they can. */
const char *draw_fault(const DrawLayer *layers, int n);
/* What is wrong with a layer of the plane or a curve; null if nothing. */
const char *layer_fault(const DrawLayer *layer);

#endif

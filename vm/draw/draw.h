/* draw.h: pictures of results, as PNG, SVG or PDF by the file's ending, with axes and labels, through cairo. */
#ifndef EBM_DRAW_H
#define EBM_DRAW_H

#include <stdint.h>

typedef enum DrawKind { DRAW_CONTOUR, DRAW_SCATTER, DRAW_ARROWS, DRAW_CURVE, DRAW_IMAGES, DRAW_HEAT, DRAW_TABLE } DrawKind;

/* One layer; data is row-major and stays the caller's. */
typedef struct DrawLayer {
    DrawKind kind;
    const char *label;          /* for legends and table rows; may be null */
    int rank;
    int64_t dims[4];            /* contour [ny, nx], row 0 at the bottom; arrows [ny, nx, 2]; scatter [n, 2]; curve [n];
                                 * images [n, h, w] or [n, channels, h, w]; heat [h, w] or [n, h, w]; table [] */
    const double *data;
    double box[4];              /* contour, arrows: x from, x to, y from, y to; curve: its last point is at x to, if that is not 0 and comes
                                 * before its turn, as a run may end between two records */
    double every;               /* curve: distance of its points along x (steps); 0: x is the point's number */
} DrawLayer;

/* Draws the layers over each other on common axes (contour, arrows, scatter; curves), image layers as rows of images below each
 * other, heat maps as rows in color or over the images that stand before them, tables as a grid of numbers.  Returns null, or an error text that is a constant. */
const char *draw(const char *path, const DrawLayer *layers, int n, const char *title);

/* A small picture for the terminal (UTF-8 blocks, `columns` wide), in a string the caller frees; null if the layers have no such form. */
char *draw_text(const DrawLayer *layers, int n, int columns);

#endif

/* table.h: a table layer as rows of names and numbers: a scalar is one number, a vector a row, more are rows below each other.
 * Private to vm/draw. */
#ifndef EBM_DRAW_TABLE_H
#define EBM_DRAW_TABLE_H

#include <stddef.h>
#include "vm/draw/draw.h"

enum { TABLE_ROWS = 40, TABLE_COLUMNS = 12, TABLE_TEXT = 80 };

const char *table_fault(const DrawLayer *layers, int n);
int  table_rows(const DrawLayer *layer);                /* that are shown */
int  table_columns(const DrawLayer *layer);
void table_name(const DrawLayer *layer, int row, char *out, size_t room);
void table_cell(const DrawLayer *layer, int row, int column, char *out, size_t room);
void table_rest(const DrawLayer *layer, char *out, size_t room);

#endif

/* number.h: numbers in text, the same whatever the locale.  Private to vm/io. */
#ifndef EBM_IO_NUMBER_H
#define EBM_IO_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the n characters are one finite decimal number (sign, digits, point, exponent; no space), and which, rounded to nearest. */
bool number_parse(const char *text, size_t n, double *value);

#endif

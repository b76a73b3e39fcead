/* element.h: the kinds of numbers that files hold, and their way into the reals of the machine.  A large data set stays in memory as its file has
 * it (a picture's byte is a quarter of a float), and is made real where it is read. */
#ifndef EBM_BASE_ELEMENT_H
#define EBM_BASE_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum Precision { PRECISION_F32, PRECISION_F64 } Precision;
static inline size_t precision_bytes(Precision p) { return p == PRECISION_F64 ? sizeof(double) : sizeof(float); }

typedef enum Element {
    ELEMENT_BOOL, ELEMENT_U8, ELEMENT_I8, ELEMENT_U16, ELEMENT_I16, ELEMENT_U32, ELEMENT_I32, ELEMENT_U64, ELEMENT_I64,
    ELEMENT_O8, ELEMENT_I24,    /* of sound: a byte minus 128; three bytes */
    ELEMENT_F16, ELEMENT_BF16, ELEMENT_F32, ELEMENT_F64
} Element;
size_t element_bytes(Element kind);
bool   element_is_whole(Element kind);
/* Range of a byte-sized whole element; false for others (their range tells nothing). */
bool   element_range(Element kind, double *low, double *high);
/* Whether arrays of it take less memory as they are than as reals, so that they stay so (Elements). */
bool   element_stays(Element kind, Precision precision);
/* Writes n values, scaled, to out[at..at+n). */
void   element_convert(const uint8_t *from, size_t n, Element kind, bool big_endian, double scale, void *out, size_t at, Precision precision);
/* From big-endian to the machine's order, in place. */
void   element_turn(void *at, size_t n, Element kind);

/* Elements one after the other, in the machine's byte order; a value is its element times scale, rounded to a real. */
typedef struct Elements {
    const void *at;             /* null: none yet */
    Element kind;               /* one that stays */
    double scale;
    float floats[256];          /* the value of each byte, for kinds of one byte; of the precision at hand */
    double doubles[256];
} Elements;
void   elements_begin(Elements *elements, Element kind, double scale);
/* Values of the elements at[0..n), counted from `first`, to every stride-th real of `to`. */
void   elements_fetch(const Elements *elements, int64_t first, const int64_t *at, int64_t n, void *to, int64_t stride, Precision precision);
double elements_value(const Elements *elements, int64_t at);

#endif

/* element.c: the kinds of numbers that files hold, and their way into arrays of float or double. */
#include <byteswap.h>
#include <math.h>
#include <string.h>
#include "vm/io/inside.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the readers expect a little-endian machine"
#endif

size_t element_bytes(Element element) {
    switch (element) {
    case ELEMENT_BOOL: case ELEMENT_U8: case ELEMENT_I8: case ELEMENT_O8: return 1;
    case ELEMENT_I24: return 3;
    case ELEMENT_U16: case ELEMENT_I16: case ELEMENT_F16: case ELEMENT_BF16: return 2;
    case ELEMENT_U32: case ELEMENT_I32: case ELEMENT_F32: return 4;
    default: return 8;
    }
}

bool element_is_whole(Element element) { return element <= ELEMENT_I24; }

bool element_range(Element element, double *low, double *high) {
    switch (element) {
    case ELEMENT_BOOL: *low = 0; *high = 1; return true;
    case ELEMENT_U8: *low = 0; *high = 255; return true;
    case ELEMENT_I8: *low = -128; *high = 127; return true;
    default: *low = *high = 0; return false;
    }
}

static uint16_t load16(const uint8_t *p, bool big) { uint16_t v; memcpy(&v, p, 2); return big ? bswap_16(v) : v; }
static uint32_t load32(const uint8_t *p, bool big) { uint32_t v; memcpy(&v, p, 4); return big ? bswap_32(v) : v; }
static uint64_t load64(const uint8_t *p, bool big) { uint64_t v; memcpy(&v, p, 8); return big ? bswap_64(v) : v; }

static double single_of(uint32_t bits) { float f; memcpy(&f, &bits, 4); return (double)f; }
static double double_of(uint64_t bits) { double d; memcpy(&d, &bits, 8); return d; }

/* IEEE half precision. */
static double half_of(uint16_t bits) {
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double size = exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
                : exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 ? -size : size;
}

static double value_at(const uint8_t *from, size_t i, Element element, bool big) {
    switch (element) {
    case ELEMENT_BOOL: return from[i] != 0;
    case ELEMENT_U8:   return from[i];
    case ELEMENT_I8:   return (int8_t)from[i];
    case ELEMENT_O8:   return from[i] - 128;
    case ELEMENT_I24:  return (int32_t)((uint32_t)from[3 * i] << 8 | (uint32_t)from[3 * i + 1] << 16 | (uint32_t)from[3 * i + 2] << 24) >> 8;
    case ELEMENT_U16:  return load16(from + 2 * i, big);
    case ELEMENT_I16:  return (int16_t)load16(from + 2 * i, big);
    case ELEMENT_U32:  return load32(from + 4 * i, big);
    case ELEMENT_I32:  return (int32_t)load32(from + 4 * i, big);
    case ELEMENT_U64:  return (double)load64(from + 8 * i, big);
    case ELEMENT_I64:  return (double)(int64_t)load64(from + 8 * i, big);
    case ELEMENT_F16:  return half_of(load16(from + 2 * i, big));
    case ELEMENT_BF16: return single_of((uint32_t)load16(from + 2 * i, big) << 16);
    case ELEMENT_F32:  return single_of(load32(from + 4 * i, big));
    case ELEMENT_F64:  return double_of(load64(from + 8 * i, big));
    }
    return 0;
}

/* Bytes go through a table of their 256 values. */
static void convert_bytes(const uint8_t *from, size_t n, Element element, double scale, void *out, size_t at, Precision precision) {
    double doubles[256];
    float floats[256];
    for (int i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        doubles[i] = value_at(&byte, 0, element, false) * scale;
        floats[i] = (float)doubles[i];
    }
    if (precision == PRECISION_F64) {
        double *to = (double *)out + at;
        for (size_t i = 0; i < n; i++) to[i] = doubles[from[i]];
    } else {
        float *to = (float *)out + at;
        for (size_t i = 0; i < n; i++) to[i] = floats[from[i]];
    }
}

void element_convert(const uint8_t *from, size_t n, Element element, bool big, double scale, void *out, size_t at, Precision precision) {
    if (n == 0) return;
    Element same = precision == PRECISION_F64 ? ELEMENT_F64 : ELEMENT_F32;
    if (element == same && !big && scale >= 1 && scale <= 1) {
        memcpy((char *)out + at * element_bytes(same), from, n * element_bytes(same));
    } else if (element_bytes(element) == 1) {
        convert_bytes(from, n, element, scale, out, at, precision);
    } else if (precision == PRECISION_F64) {
        double *to = (double *)out + at;
        for (size_t i = 0; i < n; i++) to[i] = value_at(from, i, element, big) * scale;
    } else {
        float *to = (float *)out + at;
        for (size_t i = 0; i < n; i++) to[i] = (float)(value_at(from, i, element, big) * scale);
    }
}

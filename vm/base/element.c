/* element.c: the kinds of numbers that files hold, and their way into arrays of float or double. */
#include "vm/base/element.h"

#include <byteswap.h>
#include <math.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the readers expect a little-endian machine"
#endif

size_t element_bytes(Element kind) {
    switch (kind) {
    case ELEMENT_BOOL: case ELEMENT_U8: case ELEMENT_I8: case ELEMENT_O8: return 1;
    case ELEMENT_I24: return 3;
    case ELEMENT_U16: case ELEMENT_I16: case ELEMENT_F16: case ELEMENT_BF16: return 2;
    case ELEMENT_U32: case ELEMENT_I32: case ELEMENT_F32: return 4;
    default: return 8;
    }
}

bool element_is_whole(Element kind) { return kind <= ELEMENT_I24; }

bool element_range(Element kind, double *low, double *high) {
    switch (kind) {
    case ELEMENT_BOOL: *low = 0; *high = 1; return true;
    case ELEMENT_U8: *low = 0; *high = 255; return true;
    case ELEMENT_I8: *low = -128; *high = 127; return true;
    default: *low = *high = 0; return false;
    }
}

static uint16_t load16(const uint8_t *p, bool big) { uint16_t v; memcpy(&v, p, 2); return big ? bswap_16(v) : v; }
static uint32_t load32(const uint8_t *p, bool big) { uint32_t v; memcpy(&v, p, 4); return big ? bswap_32(v) : v; }
static uint64_t load64(const uint8_t *p, bool big) { uint64_t v; memcpy(&v, p, 8); return big ? bswap_64(v) : v; }

static double double_of(uint64_t bits) { double d; memcpy(&d, &bits, 8); return d; }

/* Single and half precision, their denormals in whole numbers: while the machine runs the processor counts them as 0, which they are not here. */
static double single_of(uint32_t bits) {
    float f;
    memcpy(&f, &bits, 4);
    if (bits << 1 >> 24) return (double)f;
    return double_of((uint64_t)(bits >> 31) << 63 | 0x3ff0000000000000u) * (double)(bits & 0x7fffffu) * 0x1p-149;
}

static double half_of(uint16_t bits) {
    uint64_t sign = (uint64_t)(bits >> 15) << 63, exponent = bits >> 10 & 31, fraction = bits & 1023;
    if (exponent == 0) return double_of(sign | 0x3ff0000000000000u) * (double)fraction * 0x1p-24;
    return double_of(sign | (exponent == 31 ? 2047u : exponent + 1008u) << 52 | fraction << 42);
}

static double value_at(const uint8_t *from, size_t i, Element kind, bool big) {
    switch (kind) {
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

bool element_stays(Element kind, Precision precision) { return kind != ELEMENT_I24 && element_bytes(kind) < precision_bytes(precision); }

void elements_begin(Elements *e, Element kind, double scale) {
    *e = (Elements){ .kind = kind, .scale = scale };
    for (int i = 0; i < 256 && element_bytes(kind) == 1; i++) {
        uint8_t byte = (uint8_t)i;
        e->doubles[i] = value_at(&byte, 0, kind, false) * scale;
        e->floats[i] = (float)e->doubles[i];
    }
}

double elements_value(const Elements *e, int64_t at) { return value_at(e->at, (size_t)at, e->kind, false) * e->scale; }

#define FETCH_EACH(REAL, VALUE) do { \
        REAL *out = to; \
        for (int64_t i = 0; i < n; i++) out[i * stride] = (REAL)(VALUE); \
    } while (0)

void elements_fetch(const Elements *e, int64_t first, const int64_t *at, int64_t n, void *to, int64_t stride, Precision precision) {
    size_t width = element_bytes(e->kind);
    const uint8_t *from = (const uint8_t *)e->at + first * (int64_t)width;
    if (width > 1 && precision == PRECISION_F64) FETCH_EACH(double, value_at(from, (size_t)at[i], e->kind, false) * e->scale);
    else if (width > 1) FETCH_EACH(float, value_at(from, (size_t)at[i], e->kind, false) * e->scale);
    else if (precision == PRECISION_F64) FETCH_EACH(double, e->doubles[from[at[i]]]);
    else if (stride == 1) for (int64_t i = 0; i < n; i++) ((float *)to)[i] = e->floats[from[at[i]]];
    else FETCH_EACH(float, e->floats[from[at[i]]]);
}

void element_turn(void *at, size_t n, Element kind) {
    if (element_bytes(kind) == 2) for (uint16_t *p = at, *end = p + n; p < end; p++) *p = bswap_16(*p);
    else if (element_bytes(kind) == 4) for (uint32_t *p = at, *end = p + n; p < end; p++) *p = bswap_32(*p);
    else if (element_bytes(kind) == 8) for (uint64_t *p = at, *end = p + n; p < end; p++) *p = bswap_64(*p);
}

/* Bytes go through a table of their 256 values. */
static void convert_bytes(const uint8_t *from, size_t n, Element kind, double scale, void *out, size_t at, Precision precision) {
    Elements e;
    elements_begin(&e, kind, scale);
    if (precision == PRECISION_F64) {
        double *to = (double *)out + at;
        for (size_t i = 0; i < n; i++) to[i] = e.doubles[from[i]];
    } else {
        float *to = (float *)out + at;
        for (size_t i = 0; i < n; i++) to[i] = e.floats[from[i]];
    }
}

void element_convert(const uint8_t *from, size_t n, Element kind, bool big, double scale, void *out, size_t at, Precision precision) {
    if (n == 0) return;
    Element same = precision == PRECISION_F64 ? ELEMENT_F64 : ELEMENT_F32;
    if (kind == same && !big && scale >= 1 && scale <= 1) {
        memcpy((char *)out + at * element_bytes(same), from, n * element_bytes(same));
    } else if (element_bytes(kind) == 1) {
        convert_bytes(from, n, kind, scale, out, at, precision);
    } else if (precision == PRECISION_F64) {
        double *to = (double *)out + at;
        for (size_t i = 0; i < n; i++) to[i] = value_at(from, i, kind, big) * scale;
    } else {
        float *to = (float *)out + at;
        for (size_t i = 0; i < n; i++) to[i] = (float)(value_at(from, i, kind, big) * scale);
    }
}

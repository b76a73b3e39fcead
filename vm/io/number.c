/* number.c: decimal numbers in text.  Short ones are exact in one operation; the others go to strtod in the C locale. */
#define _GNU_SOURCE
#include "vm/io/number.h"
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* The C locale's reading of a text already known to be a decimal number. */
static bool parse_slowly(const char *text, size_t n, double *value) {
    char copy[512];
    locale_t plain = n < sizeof copy ? newlocale(LC_ALL_MASK, "C", (locale_t)0) : (locale_t)0;
    if (!plain) return false;
    memcpy(copy, text, n);
    copy[n] = 0;
    *value = strtod_l(copy, NULL, plain);
    freelocale(plain);
    return isfinite(*value);
}

bool number_parse(const char *text, size_t n, double *value) {
    static const double ten[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
                                  1e18, 1e19, 1e20, 1e21, 1e22 };
    const char *p = text, *end = text + n;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    uint64_t digits = 0;
    int64_t seen = 0, exponent = 0;
    bool exact = true;
    for (bool after_point = false; p < end && (is_digit(*p) || (*p == '.' && !after_point)); p++) {
        if (*p == '.') { after_point = true; continue; }
        seen++;
        if (digits < (UINT64_C(1) << 53) / 10 - 1) digits = digits * 10 + (uint64_t)(*p - '0');
        else exact = false;
        if (after_point) exponent--;
    }
    if (!seen) return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        bool down = ++p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+')) p++;
        if (p == end) return false;
        int64_t power = 0;
        for (; p < end && is_digit(*p); p++) power = power < 100000 ? power * 10 + (*p - '0') : power;
        exponent += down ? -power : power;
    }
    if (p != end) return false;
    if (!exact || exponent < -22 || exponent > 22) return parse_slowly(text, n, value);
    double size = exponent < 0 ? (double)digits / ten[-exponent] : (double)digits * ten[exponent];
    *value = negative ? -size : size;
    return true;
}

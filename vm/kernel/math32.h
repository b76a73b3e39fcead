/* math32.h: elementary functions in single precision; errors under 2 units in the last place where results are normal numbers,
 * under 2.5 of tanh and sigmoid.
 * The polynomials are minimax fits of our own. */
#ifndef EBM_KERNEL_MATH32_H
#define EBM_KERNEL_MATH32_H

static inline uint32_t bits_of(float x)     { uint32_t b; memcpy(&b, &x, sizeof b); return b; }
static inline float    float_of(uint32_t b) { float x; memcpy(&x, &b, sizeof x); return x; }
static inline uint64_t bits64_of(double x)  { uint64_t b; memcpy(&b, &x, sizeof b); return b; }
static inline double   double_of(uint64_t b) { double x; memcpy(&x, &b, sizeof x); return x; }
#define WIDE_FMA(a, b, c) __builtin_fma((a), (b), (c))

/* Adding 1.5 * 2^23 rounds to a whole number k and leaves k in the low bits. */
#define ROUNDER 12582912.0f

static inline float M(fabs)(float x)  { return __builtin_fabsf(x); }
static inline float M(sqrt)(float x)  { return __builtin_sqrtf(x); }
static inline float M(floor)(float x) { return __builtin_floorf(x); }
static inline float with_sign_of(float magnitude, float sign) {
    return float_of((bits_of(magnitude) & 0x7fffffffu) | (bits_of(sign) & 0x80000000u));
}

#define VALUE float
#define F(name) M(name)
#define K(c) (c)
#define MULADD FMA
#define SMALLER(a, b) ((a) < (b) ? (a) : (b))
#define LARGER(a, b) ((a) > (b) ? (a) : (b))
#define WORD(x) bits_of(x)
#define OF_WORD(w) float_of(w)
#include "vm/kernel/exp32.h"

/* log(u) + c for a positive normal u and a small correction c. */
static inline float log_positive(float u, float c) {
    uint32_t b = bits_of(u) - 0x3f3504f3u;                   /* from sqrt(1/2) on */
    float k = (float)((int32_t)b >> 23), f = float_of((b & 0x7fffffu) + 0x3f3504f3u) - 1, z = f * f;
    float p = poly9(f, z, 3.333331045e-1f, -2.499998658e-1f, 2.000222622e-1f, -1.666925177e-1f, 1.421866566e-1f, -1.238433735e-1f,
                    1.187291561e-1f, -1.178984724e-1f, 6.915540277e-2f);
    float low = FMA(p, f * z, FMA(k, -2.12194440e-4f, c));       /* ln2 = 0.693359375 - 2.12194440e-4 */
    low = FMA(z, -0.5f, low);
    return FMA(k, 0.693359375f, f + low);
}

/* y where u is a positive normal number, and what log gives elsewhere. */
static inline float log_checked(float y, float u) {
    y = u < FLT_MIN ? (u <= -FLT_MIN ? NAN : -INFINITY) : y;
    return u <= FLT_MAX ? y : u;
}

static inline float M(log)(float x) { return log_checked(log_positive(x, 0), x); }

static inline float M(log1p)(float x) {
    float u = 1 + x, c = (x - (u - 1)) / u;
    return log_checked(log_positive(u, c), u);
}

/* Softplus and erf in two halves around an exponential, as a loop over the whole would leave a processor waiting (multi/curve.c). */

/* log(1 + e) with 0 <= e <= 1; what 1 + e loses is put back, divided roughly by 1 + e. */
static inline float softplus_second(float x, float e) {
    float u = 1 + e, d = u - 1, lost = e - d;
    return (x > 0 ? x : 0) + log_positive(u, FMA(lost, FMA(d * 0.5f, d, -d), lost));
}
static inline float M(softplus)(float x) { return softplus_second(x, M(exp_falling)(x)); }

/* sin and cos of r in [-pi/4, pi/4] turned by `quarters` quarter turns. */
static inline float turned_sin(float r, uint32_t quarters) {
    float z = r * r;
    float s = FMA(poly3(z, -1.666665423e-1f, 8.332131495e-3f, -1.951083903e-4f), z * r, r);
    float c = FMA(poly3(z, 4.166664565e-2f, -1.388730605e-3f, 2.443120518e-5f), z * z, FMA(z, -0.5f, 1));
    float y = quarters & 1 ? c : s;
    return float_of(bits_of(y) ^ (quarters & 2) << 30);
}

/* Beyond this the reduction by three parts of pi/2 loses digits; the tile loop then takes another way. */
#define ANGLE_LIMIT 1e5f
static inline float angle_reduced(float x, uint32_t *quarters) {
    float t = FMA(x, 0.636619772f, ROUNDER), k = t - ROUNDER;
    *quarters = bits_of(t);
    return FMA(k, 1.71512489e-15f, FMA(k, 4.37113883e-8f, FMA(k, -1.57079637f, x)));
}
static inline float M(sin)(float x) { uint32_t q; float r = angle_reduced(x, &q); return turned_sin(r, q); }
static inline float M(cos)(float x) { uint32_t q; float r = angle_reduced(x, &q); return turned_sin(r, q + 1); }

/* The logarithm of 1 - erf(|x|), which is smooth, for |x| not near 0. */
static inline float erf_first(float x) {
    float a = M(fabs)(x), b = a > 4 ? 4 : a;
    return poly8(b, b * b, 1.705521061e-4f, -1.129495160f, -6.333866438e-1f, -1.082366237e-1f, 2.509150047e-2f, -4.160528748e-3f,
                 4.323034417e-4f, -2.090959977e-5f);
}
static inline float erf_second(float x, float e) {
    float a = M(fabs)(x), z = a * a;
    float p = poly7(z, z * z, 1.283791671e-1f, -3.761263386e-1f, 1.128369651e-1f, -2.685941391e-2f, 5.200990548e-3f, -8.141482995e-4f,
                    8.362307343e-5f);
    return with_sign_of(a < 0.9219f ? FMA(p, a, a) : 1 - e, x);
}
static inline float M(erf)(float x) { return erf_second(x, M(exp)(erf_first(x))); }

/* log2 of a positive normal float, with the digits that pow needs. */
static inline double log2_wide(float x) {
    uint32_t b = bits_of(x) - 0x3f3504f3u;
    double m = (double)float_of((b & 0x7fffffu) + 0x3f3504f3u), s = (m - 1) / (m + 1), z = s * s;
    double p = WIDE_FMA(0.283343587827082912, z, 0.319875951077838587);
    p = WIDE_FMA(p, z, 0.412209942630016613);
    p = WIDE_FMA(p, z, 0.577077935922955505);
    p = WIDE_FMA(p, z, 0.961796694133985318);
    p = WIDE_FMA(p, z, 2.88539008177783968);
    return WIDE_FMA(p, s, (double)((int32_t)b >> 23));
}

/* 2^t as a float. */
static inline float exp2_wide(double t) {
    t = t < -200 ? -200 : t;
    t = t > 200 ? 200 : t;
    double rounded = t + 6755399441055744.0, r = t - (rounded - 6755399441055744.0);
    double p = WIDE_FMA(1.54783181205533097e-4, r, 1.34007045256027881e-3);
    p = WIDE_FMA(p, r, 9.61799344605411017e-3);
    p = WIDE_FMA(p, r, 5.55032652940361895e-2);
    p = WIDE_FMA(p, r, 0.240226515146679422);
    p = WIDE_FMA(p, r, 0.69314720703425503);
    p = WIDE_FMA(p, r, 1.0);
    return (float)double_of(bits64_of(p) + (bits64_of(rounded) << 52));
}

static inline float M(pow)(float x, float y) {
    float a = M(fabs)(x);
    double l = log2_wide(a);
    l = a < FLT_MIN ? -(double)INFINITY : l;
    l = a <= FLT_MAX ? l : (double)a;
    float r = exp2_wide((double)y * l);
    int whole = M(floor)(y) == y, odd = whole & (M(floor)(y * 0.5f) != y * 0.5f);
    r = (a == 1) | (y == 0) ? 1 : r;                         /* where the product above may be 0 times infinity */
    r = odd ? with_sign_of(r, x) : r;
    r = (x <= -FLT_MIN) & !whole ? NAN : r;
    return ((x != x) & (y != 0)) | ((y != y) & (x != 1)) ? x + y : r;
}

/* Angle of the point (x, y). */
static inline float M(atan2)(float y, float x) {
    float ay = M(fabs)(y), ax = M(fabs)(x), top = ay < ax ? ay : ax, bottom = ay < ax ? ax : ay;
    float q = top / bottom, z;
    q = bottom == 0 ? 0 : q;
    q = top == bottom && top > FLT_MAX ? 1 : q;
    z = q * q;
    float p = poly9(z, z * z, -3.333330187e-1f, 1.999863867e-1f, -1.426524562e-1f, 1.095757644e-1f, -8.419457964e-2f, 5.823450990e-2f,
                    -3.145564789e-2f, 1.106440715e-2f, -1.827204617e-3f);
    float r = FMA(p * z, q, q);
    r = ay > ax ? 1.57079637f - (r + 4.37113883e-8f) : r;
    r = bits_of(x) >> 31 ? 3.14159274f - (r + 8.74227766e-8f) : r;
    r = x != x || y != y ? x + y : r;
    return with_sign_of(r, y);
}

#endif

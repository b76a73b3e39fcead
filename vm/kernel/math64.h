/* math64.h: elementary functions in double precision.  exp, log, sin and what is built from them are branch-free like their
 * single-precision kin; erf, pow and atan2 are libm's. */
#ifndef EBM_KERNEL_MATH64_H
#define EBM_KERNEL_MATH64_H

static inline uint64_t bits_of(double x)      { uint64_t b; memcpy(&b, &x, sizeof b); return b; }
static inline double   double_of(uint64_t b)  { double x; memcpy(&x, &b, sizeof x); return x; }

/* Adding 1.5 * 2^52 rounds to a whole number k and leaves k in the low bits. */
#define ROUNDER 6755399441055744.0
#define EXP_TOP    709.782712893384
#define EXP_BOTTOM (-708.3964185322641)

static inline double M(fabs)(double x)  { return __builtin_fabs(x); }
static inline double M(sqrt)(double x)  { return __builtin_sqrt(x); }
static inline double M(floor)(double x) { return __builtin_floor(x); }

/* x = k ln2 + r with k whole and |r| <= ln2/2: exp(r) - 1, and k in the low bits of *rounded. */
static inline double exp_reduced(double x, double *rounded) {
    double t = FMA(x, 1.4426950408889634, ROUNDER), k = t - ROUNDER;
    double r = FMA(k, -2.3190468138462996e-17, FMA(k, -0.6931471805599453, x));
    double rr = r * r, rrrr = rr * rr;
    double high = poly3(r, 2.75572332151394625e-7, 2.51123487401670166e-8, 2.09269847294248391e-9);
    double p = poly8(r, rr, 0.5, 0.16666666666666684, 4.16666666666667248e-2, 8.33333333331661786e-3, 1.388888888885833e-3,
                     1.98412698973628631e-4, 2.48015873739291558e-5, 2.75572339286134365e-6);
    *rounded = t;
    return FMA(FMA(high, rrrr * rrrr, p), rr, r);
}

/* x times 2^k, k in the low bits of `rounded`; both x and the result normal. */
static inline double scaled(double x, double rounded) { return double_of(bits_of(x) + (bits_of(rounded) << 52)); }

static inline double M(exp)(double x) {
    double in = x < EXP_BOTTOM ? EXP_BOTTOM : x, t;
    in = in > EXP_TOP ? EXP_TOP : in;
    double e = exp_reduced(in, &t), y = scaled(1 + e, t);
    y = x < EXP_BOTTOM ? 0 : y;
    return x <= EXP_TOP ? y : x + (double)INFINITY;
}

static inline double M(expm1)(double x) {
    double in = x < -50 ? -50 : x, t;
    in = in > EXP_TOP ? EXP_TOP : in;
    double e = exp_reduced(in, &t), s = scaled(1, t);
    double y = x > 60 ? scaled(1 + e, t) : FMA(s, e, s - 1);
    return x <= EXP_TOP ? y : x + (double)INFINITY;
}

static inline double with_sign_of(double magnitude, double sign) {
    return double_of((bits_of(magnitude) & 0x7fffffffffffffffu) | (bits_of(sign) & 0x8000000000000000u));
}

static inline double M(tanh)(double x) {
    double a = 2 * M(fabs)(x), e = M(expm1)(a > 50 ? 50 : a);
    return with_sign_of(e / (e + 2), x);
}

/* log(u) + c for a positive normal u and a small correction c. */
static inline double log_positive(double u, double c) {
    uint64_t b = bits_of(u) + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu);  /* the exponent turns over at sqrt(1/2) */
    double k = double_of(b >> 52 | 0x4330000000000000u) - (4503599627370496.0 + 1023);
    double f = double_of((b & 0xfffffffffffffu) + 0x3fe6a09e667f3bcdu) - 1, s = f / (2 + f), z = s * s, half = 0.5 * f * f;
    double p = poly7(z, z * z, 0.666666666666674472, 0.399999999993389469, 0.285714287606888665, 0.222221965599139893, 0.181836753862343816,
                     0.153110574218413796, 0.14827306897998012);
    double low = FMA(s, FMA(p, z, half), FMA(k, 1.9082149292705877e-10, c));       /* the two parts of ln2 */
    return FMA(k, 0.6931471803691238, f - (half - low));
}
static inline double log_checked(double y, double u) {
    y = u < DBL_MIN ? (u <= -DBL_MIN ? (double)NAN : -(double)INFINITY) : y;
    return u <= DBL_MAX ? y : u;
}
static inline double M(log)(double x) { return log_checked(log_positive(x, 0), x); }
static inline double M(log1p)(double x) {
    double u = 1 + x, c = (x - (u - 1)) / u;
    return log_checked(log_positive(u, c), u);
}
/* Either side from the exponential that does not overflow, so that the small side keeps its digits. */
static inline double M(sigmoid)(double x) {
    double e = M(exp)(-M(fabs)(x));
    return (x < 0 ? e : 1) / (1 + e);
}


static inline double M(exp_falling)(double x) { return M(exp)(-M(fabs)(x)); }
static inline double softplus_second(double x, double e) {
    double u = 1 + e, d = u - 1, lost = e - d;
    return (x > 0 ? x : 0) + log_positive(u, FMA(lost, FMA(d * 0.5, d, -d), lost));
}
static inline double M(softplus)(double x) { return softplus_second(x, M(exp_falling)(x)); }

/* sin and cos of r in [-pi/4, pi/4] turned by `quarters` quarter turns. */
static inline double turned_sin(double r, uint64_t quarters) {
    double z = r * r;
    double s = poly7(z, z * z, -0.166666666666666666, 8.3333333333333215e-3, -1.9841269841253601e-4, 2.75573192134200954e-6,
                     -2.50521047087251745e-8, 1.60583405309959458e-10, -7.57739301296510675e-13);
    double c = poly7(z, z * z, 4.16666666666666666e-2, -1.38888888888888723e-3, 2.48015873015698929e-5, -2.75573192146839962e-7,
                     2.08767542097114872e-9, -1.14702754526027269e-11, 4.73730321529626355e-14);
    s = FMA(s, z * r, r);
    c = FMA(c, z * z, FMA(z, -0.5, 1));
    double y = quarters & 1 ? c : s;
    return double_of(bits_of(y) ^ (quarters & 2) << 62);
}

/* Beyond this the tile loop takes another way. */
#define ANGLE_LIMIT 1e5
static inline double angle_reduced(double x, uint64_t *quarters) {
    double t = FMA(x, 0.6366197723675814, ROUNDER), k = t - ROUNDER;
    *quarters = bits_of(t);
    return FMA(k, 1.4973849048591833e-33, FMA(k, -6.123233995736766e-17, FMA(k, -1.5707963267948966, x)));
}
static inline double M(sin)(double x) { uint64_t q; double r = angle_reduced(x, &q); return turned_sin(r, q); }
static inline double M(cos)(double x) { uint64_t q; double r = angle_reduced(x, &q); return turned_sin(r, q + 1); }

static inline double M(erf)(double x)    { return erf(x); }
static inline double M(pow)(double x, double y)   { return pow(x, y); }
static inline double M(atan2)(double y, double x) { return atan2(y, x); }

#endif

/* math64.h: elementary functions in double precision.  exp, log and what is built from them alone are branch-free like their
 * single-precision kin; the others are libm's. */
#ifndef EBM_KERNEL_MATH64_H
#define EBM_KERNEL_MATH64_H

static inline uint64_t bits_of(double x)      { uint64_t b; memcpy(&b, &x, sizeof b); return b; }
static inline double   double_of(uint64_t b)  { double x; memcpy(&x, &b, sizeof x); return x; }
#define D(a, b, c) __builtin_fma((a), (b), (c))

/* Adding 1.5 * 2^52 rounds to a whole number k and leaves k in the low bits. */
#define ROUNDER 6755399441055744.0
#define EXP_TOP    709.782712893384
#define EXP_BOTTOM (-708.3964185322641)

static inline double M(fabs)(double x)  { return __builtin_fabs(x); }
static inline double M(sqrt)(double x)  { return __builtin_sqrt(x); }
static inline double M(floor)(double x) { return __builtin_floor(x); }

static inline double M(exp)(double x) {
    double in = x < EXP_BOTTOM ? EXP_BOTTOM : x;
    in = in > EXP_TOP ? EXP_TOP : in;
    double t = D(in, 1.4426950408889634, ROUNDER), k = t - ROUNDER;
    double r = D(k, -2.3190468138462996e-17, D(k, -0.6931471805599453, in));
    double p = D(2.09269847294248391e-9, r, 2.51123487401670166e-8);
    p = D(p, r, 2.75572332151394625e-7);
    p = D(p, r, 2.75572339286134365e-6);
    p = D(p, r, 2.48015873739291558e-5);
    p = D(p, r, 1.98412698973628631e-4);
    p = D(p, r, 1.388888888885833e-3);
    p = D(p, r, 8.33333333331661786e-3);
    p = D(p, r, 4.16666666666667248e-2);
    p = D(p, r, 0.16666666666666684);
    p = D(p, r, 0.5);
    double y = double_of(bits_of(1 + D(p * r, r, r)) + (bits_of(t) << 52));
    y = x < EXP_BOTTOM ? 0 : y;
    return x <= EXP_TOP ? y : x + (double)INFINITY;
}

/* log(u) + c for a positive normal u and a small correction c. */
static inline double log_positive(double u, double c) {
    uint64_t b = bits_of(u) + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu);  /* the exponent turns over at sqrt(1/2) */
    double k = double_of(b >> 52 | 0x4330000000000000u) - (4503599627370496.0 + 1023);
    double f = double_of((b & 0xfffffffffffffu) + 0x3fe6a09e667f3bcdu) - 1, s = f / (2 + f), z = s * s, half = 0.5 * f * f;
    double p = D(0.14827306897998012, z, 0.153110574218413796);
    p = D(p, z, 0.181836753862343816);
    p = D(p, z, 0.222221965599139893);
    p = D(p, z, 0.285714287606888665);
    p = D(p, z, 0.399999999993389469);
    p = D(p, z, 0.666666666666674472);
    double low = D(s, D(p, z, half), D(k, 1.9082149292705877e-10, c));       /* the two parts of ln2 */
    return D(k, 0.6931471803691238, f - (half - low));
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

static inline double M(softplus)(double x) { return (x > 0 ? x : 0) + M(log1p)(M(exp)(-M(fabs)(x))); }

static inline double M(expm1)(double x)  { return expm1(x); }
static inline double M(tanh)(double x)   { return tanh(x); }
static inline double M(sin)(double x)    { return sin(x); }
static inline double M(cos)(double x)    { return cos(x); }
static inline double M(erf)(double x)    { return erf(x); }
static inline double M(pow)(double x, double y)   { return pow(x, y); }
static inline double M(atan2)(double y, double x) { return atan2(y, x); }

#endif

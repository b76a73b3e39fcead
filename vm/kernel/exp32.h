/* exp32.h: the exponential in single precision, and what is made of it.  Read twice: for one value (math32.h) and for a vector of them
 * (multi/vector.h), with the same bits.  The reader defines
 *   VALUE            the type
 *   F(name)          the name of a function
 *   K(c)             a constant
 *   MULADD(x, y, z)  x*y + z, rounded once
 *   SMALLER, LARGER  of two values; the second one if either is no number
 *   WORD(x), OF_WORD(w)  its bits, as a whole number, and back
 * which end with this file.
 * No step asks what kind of number x is: bounds are set by SMALLER and LARGER alone, which let a NaN in x pass, and numbers too
 * small to be normal count as 0 (flush_set). */

/* exp(x) - 1 = *scale * e + (*scale - 1) for the e returned; x between -88 and `top`.  x = k ln2 + r with k whole and |r| <= ln2/2; scale is 2^k, and
 * 0 for k = -127.  Adding EXP_ROUNDER rounds x/ln2 to k and leaves k + 127, the exponent's bits, in the lowest ones.
 * TERMS: the terms of exp(r) beyond 1 + r. */
#define EXP_ROUNDER (12582912.0f + 127)
#define EXP_SPLIT(top) \
    VALUE t = MULADD(x, K(1.44269504f), K(EXP_ROUNDER)); \
    top \
    VALUE k = t - K(EXP_ROUNDER), r = MULADD(k, K(1.90465432e-9f), MULADD(k, K(-0.69314718f), x)), rr = r * r; \
    *scale = OF_WORD(WORD(t) << 23);

/* For x up to 88. */
static inline VALUE F(exp_parts)(VALUE x, VALUE *scale) {
    EXP_SPLIT()
    VALUE high = MULADD(K(1.392622492e-3f), rr, MULADD(r, K(8.363212140e-3f), K(4.166655437e-2f)));
    return MULADD(MULADD(high, rr, MULADD(r, K(1.666657679e-1f), K(0.5f))), rr, r);
}

/* For x up to 89, where exp(x) overflows: k stays below 128, and r grows to ln2. */
static inline VALUE F(exp_wide_parts)(VALUE x, VALUE *scale) {
    EXP_SPLIT(t = SMALLER(K(EXP_ROUNDER + 127), t);)
    VALUE high = MULADD(MULADD(r, K(2.276727407e-4f), K(1.386880823e-3f)), rr, MULADD(r, K(8.328380149e-3f), K(4.166723260e-2f)));
    return MULADD(MULADD(high, rr, MULADD(r, K(1.666668573e-1f), K(0.5f))), rr, r);
}

static inline VALUE F(exp)(VALUE x) {
    VALUE s, e = F(exp_wide_parts)(SMALLER(K(89.0f), LARGER(K(-88.0f), x)), &s);
    return MULADD(s, e, s);
}

static inline VALUE F(expm1)(VALUE x) {
    VALUE s, e = F(exp_wide_parts)(SMALLER(K(89.0f), LARGER(K(-20.0f), x)), &s);
    return MULADD(s, e, s - K(1.0f));
}

/* Exact on both sides: the small one is 1 / exp(-x). */
static inline VALUE F(sigmoid)(VALUE x) {
    VALUE s, e = F(exp_parts)(-SMALLER(K(88.0f), LARGER(K(-88.0f), x)), &s);
    return K(1.0f) / (K(1.0f) + MULADD(s, e, s));
}

/* (exp(2a) - 1) / (exp(2a) + 1) for a = |x|. */
static inline VALUE F(tanh)(VALUE x) {
    VALUE a = SMALLER(K(10.0f), OF_WORD(WORD(x) & 0x7fffffff)), s, e = F(exp_parts)(a + a, &s), m = MULADD(s, e, s - K(1.0f));
    return OF_WORD(WORD(m / (m + K(2.0f))) | (WORD(x) & 0x80000000u));
}

/* exp(-|x|) */
static inline VALUE F(exp_falling)(VALUE x) {
    VALUE s, e = F(exp_parts)(LARGER(K(-88.0f), OF_WORD(WORD(x) | 0x80000000u)), &s);
    return MULADD(s, e, s);
}

#undef EXP_SPLIT
#undef VALUE
#undef F
#undef K
#undef MULADD
#undef SMALLER
#undef LARGER
#undef WORD
#undef OF_WORD

/* key.c: the counter key of a draw. */
#include "vm/kernel/kernel.h"

/* A bijection of 64 bits in which each bit of x moves about half of the result's (the finalizer of splitmix64). */
static uint64_t avalanche(uint64_t x) {
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* Two chains of hashes with different increments: 128 bits in all. */
typedef struct Hash { uint64_t a, b; } Hash;
static void absorb(Hash *h, uint64_t x) {
    h->a = avalanche((h->a ^ x) + UINT64_C(0x9e3779b97f4a7c15));
    h->b = avalanche((h->b + x) ^ UINT64_C(0xd1b54a32d192ed03)) + h->a;
}

void random_key(uint32_t key[4], uint64_t seed, uint64_t place, uint64_t step, const int64_t *times, int n_times) {
    Hash h = { UINT64_C(0x243f6a8885a308d3), UINT64_C(0x13198a2e03707344) };
    absorb(&h, seed);
    absorb(&h, place);
    absorb(&h, step);
    for (int i = 0; i < n_times; i++) absorb(&h, (uint64_t)times[i]);
    absorb(&h, (uint64_t)n_times);
    h.b = avalanche(h.b);
    key[0] = (uint32_t)h.a;
    key[1] = (uint32_t)(h.a >> 32);
    key[2] = (uint32_t)h.b;
    key[3] = (uint32_t)(h.b >> 32);
}

/* memory_test.c: the memory of a run: it does not grow with the length of its loops, a derivative through ten thousand passes keeps some of their
 * starts only, and a data set of bytes takes their room.  Each run is a process of its own, whose largest memory the system tells. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "lang/ebm.h"
#include "tests/files.h"

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };         /* shadows and what is kept from being used again: only that it runs is tested */
#else
enum { SANITIZED = 0 };
#endif

static void run_alone(const char *text, const char *option, double value, const char *data_dir)
{
    EbmSettings settings = { .threads = 2, .out_dir = "/tmp", .data_dir = data_dir };
    Ebm *ebm = ebm_open(&settings);
    bool well = ebm && (!option || ebm_set(ebm, option, value)) && ebm_add(ebm, "memory.ebm", text, strlen(text)) && ebm_run(ebm) == EBM_WELL;
    if (ebm && !well) ebm_report(ebm, stderr, false);
    ebm_close(ebm);
    _exit(well ? 0 : 1);
}

/* Megabytes of a run of the text. */
static double memory_of(const char *text, const char *option, double value, const char *data_dir)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) run_alone(text, option, value, data_dir);
    int status;
    struct rusage usage;
    assert_int_equal(wait4(child, &status, 0, &usage), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return (double)usage.ru_maxrss / 1024;
}

static void expect_growth_below(double most, double small, double large)
{
    if (!SANITIZED && large - small > most) fail_msg("%.1f MB grew to %.1f, by more than %.1f", small, large, most);
}

static const char chains[] =
    "option steps = 10 \"steps\"\n"
    "energy bowl(x: [16]) = 0.5 * sum(x^2) + 0.1 * sum(cos(x))\n"
    "start ~ normal([200, 16])\n"
    "end = sample x of bowl(x) by langevin(steps = steps, step = 0.01) from start\n"
    "claim mean(end^2) < 5 \"it went somewhere\"\n";

static const char sweeps[] =
    "option steps = 10 \"sweeps\"\n"
    "energy E(s: {-1,1}[4, 4]) = -0.3 * (sum[i,j] s[i,j] * s[(i+1) mod 4, j] + sum[i,j] s[i,j] * s[i, (j+1) mod 4])\n"
    "start ~ spins([100, 4, 4])\n"
    "end = sample s of E(s) by gibbs(sweeps = steps) from start\n"
    "claim max(abs(end)) == 1 \"spins\"\n";

static const char training[] =
    "option steps = 10 steps \"steps\"\n"
    "net f(x: [4]) -> [] = x |> dense(16) |> silu |> readout\n"
    "points ~ normal([1000, 4])\n"
    "train fit {\n  x = draw(points, batch = 20)\n  minimize mean((f(x) - x[:, 0])^2)\n  update f by adam(lr = 1e-3)\n  until steps\n}\n"
    "claim mean(abs(f(points))) < 100 \"it trained\"\n";

static void memory_does_not_grow_with_the_length_of_loops(void **state)
{
    (void)state;
    double most = SANITIZED ? 300 : 20000;
    expect_growth_below(3, memory_of(chains, "steps", 10, NULL), memory_of(chains, "steps", most / 20, NULL));
    expect_growth_below(3, memory_of(sweeps, "steps", 10, NULL), memory_of(sweeps, "steps", most / 2, NULL));
    expect_growth_below(3, memory_of(training, "steps", 10, NULL), memory_of(training, "steps", most, NULL));
}

/* The carries alone would be 10000 passes of 4096 values, 164 MB. */
static const char unrolled[] =
    "option steps = 10 \"steps\"\n"
    "energy bowl(x: [16], c: [16]) = 0.5 * sum((x - c)^2)\n"
    "start ~ normal([256, 16])\n"
    "fn far(c: [16]) -> [] {\n  y = argmin x of bowl(x, c) by descent(steps = steps, step = 0.001) from start through unroll\n  mean(y)\n}\n"
    "slope = grad[c](far(c))\n"
    "c = ones([16])\n"
    "claim max(abs(16 * slope - (1 - 0.999^steps))) < 1e-4 \"the derivative\"\n";

static void a_derivative_through_ten_thousand_passes_fits(void **state)
{
    (void)state;
    expect_growth_below(16, memory_of(unrolled, "steps", 10, NULL), memory_of(unrolled, "steps", SANITIZED ? 5000 : 10000, NULL));
}

/* Rows of bytes are drawn and fetched, but never all of them made reals. */
static const char drawing[] =
    "data picture: [100, 100] = read(\"pictures.idx\")\n"
    "net f(x: [100, 100]) -> [] { param a: [] = 0; a * mean(x) }\n"
    "train fit {\n  x = draw(picture, batch = 10)\n  minimize mean((f(x) - 1)^2)\n  update f by sgd(lr = 0.1)\n  until 3 steps\n}\n"
    "claim mean(rows(picture, 5)) >= 0 \"rows\"\n"
    "claim fit.f.a > 0 \"it trained\"\n";

/* Of a file only the rows that are named. */
static const char slicing[] =
    "data picture = read(\"pictures.idx\")\n"
    "part = picture[100:200]\n"
    "claim mean(part) >= 0 \"rows\"\n";

static void data_stays_as_bytes(void **state)
{
    enum { ROWS = 2000, BYTES = 16 + ROWS * 10000 };
    uint8_t *bytes = calloc(1, BYTES);
    assert_non_null(bytes);
    static const uint8_t head[] = { 0, 0, 8, 3, 0, 0, ROWS >> 8, ROWS & 255, 0, 0, 0, 100, 0, 0, 0, 100 };
    memcpy(bytes, head, sizeof head);
    for (int i = 16; i < BYTES; i++) bytes[i] = (uint8_t)(i * 37 >> 3);
    char *folder = strdup(put_gzip(state, "pictures.idx", bytes, BYTES));
    free(bytes);
    *strrchr(folder, '/') = 0;
    double with = memory_of(drawing, NULL, 0, folder);
    double without = memory_of(chains, NULL, 0, NULL);
    expect_growth_below(30, without, with);     /* 20 MB of bytes; as reals they are 80 */
    expect_growth_below(10, without, memory_of(slicing, NULL, 0, folder));
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_does_not_grow_with_the_length_of_loops), cmocka_unit_test(a_derivative_through_ten_thousand_passes_fits), TEST(data_stays_as_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* resolve_test.c: name resolution finds each mistake at its place and finds none where there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lang/mean/resolve.h"
#include "vm/base/codes.h"

static const char *const known_names[] = { "sum", "mean", "exp", "log", "tanh", "relu", "zeros", "normal", "uniform", "choose", "bernoulli", "draw", "grad",
    "langevin", "descent", "exact", "gibbs", "adam", "pcd", "nll", "dense", "readout", "two_moons", "concat", "sigmoid", "mmd", "ema", "true", "false" };
static const KnownNames known = { sizeof known_names / sizeof known_names[0], known_names };

/* The mistakes of a text as "line:column code", one a line. */
static void mistakes(const char *text, char *out, size_t room, char *helps, size_t helps_room)
{
    Source *source = source_new("test.ebm", text, strlen(text));
    Diagnostics found = { 0 };
    File *file = parse(source, &found);
    if (found.errors) diagnostics_print(stderr, &found, false);
    assert_int_equal(found.errors, 0);
    bool well = resolve(file, known, &found);
    assert_int_equal(well, found.errors == 0);
    size_t n = 0, h = 0;
    out[0] = helps[0] = 0;
    for (const Diagnostic *d = found.first; d; d = d->next) {
        Position p = source_position(d->span.source, d->span.start);
        n += (size_t)snprintf(out + n, room - n, "%d:%d %s\n", p.line, p.column, d->code);
        h += (size_t)snprintf(helps + h, helps_room - h, "%s\n", d->help ? d->help : "");
        assert_true(n < room && h < helps_room);
        assert_non_null(code_info(d->code));
    }
    diagnostics_free(&found);
    file_free(file);
    source_free(source);
}

static void expect(const char *text, const char *wanted)
{
    char found[2000], helps[4000];
    mistakes(text, found, sizeof found, helps, sizeof helps);
    if (strcmp(found, wanted)) fprintf(stderr, "in the text:\n%s\n", text);
    assert_string_equal(found, wanted);
}

static void expect_help(const char *text, const char *words)
{
    char found[2000], helps[4000];
    mistakes(text, found, sizeof found, helps, sizeof helps);
    if (!strstr(helps, words)) fprintf(stderr, "in the text:\n%s\nthe helps are:\n%s", text, helps);
    assert_non_null(strstr(helps, words));
}

#define TRAIN "data m = two_moons()\nenergy E(x: [2]) = sum(x^2)\ntrain fit {\n  x = draw(m, batch = 9)\n  lower E(x)\n  update E by adam()\n"

static void test_names(void **state)
{
    (void)state;
    expect("fn f(x: [D]) = sigmiod(x)\n", "1:16 E0201\n");
    expect("fn f(x: [D]) = D * sum(x)\n", "");
    expect("fn f(x: [d]) = x\n", "1:10 E0201\n");
    expect("fn f(x: [I]) -> [O] = x\n", "1:18 E0201\n");
    expect("fn f(O)(x: [I]) -> [O] = zeros([O]) + sum(x) * I\n", "");
    expect("fn f(x: {0..K-1}[T]) = x * K\n", "");
    expect("option K = 5\nfn f(x: [K]) = x\n", "");
    expect("fn f(x: [N, ..S]) { e ~ normal([N, ..S])\n e + x }\n", "");
    expect("fn f(x: [N]) { e ~ normal([N, ..S])\n e + x }\n", "1:33 E0201\n");
    expect("fn f(x: [2]) { y = z\n z = x\n y + z }\n", "1:20 E0201\n");
    expect("fn f(x: [2]) = g(x)\nfn g(x: [2]) = x\n", "");
    expect("fn f(x: [2]) = nothing(x) + nothing(x)\n", "1:16 E0201\n");    /* once is enough */
    expect("fn f(x: [2]) = nothing(x)\nfn g(x: [2]) = nothing(x)\n", "1:16 E0201\n");
    expect("use \"other.ebm\" as m\nfn f(x: [2]) = m.g(x)\n", "");
    expect("fn f(x: [2], k = 3, j = k) = x^j\n", "");
    expect("fn f(E) = fn(x: [D]) -> E(x) / D\n", "");
}

static void test_helps(void **state)
{
    (void)state;
    expect_help("fn f(x: [2]) = sigmiod(x)\n", "`sigmoid`");
    expect_help("fn f(photo: [2]) = phto\n", "`photo`");
    expect_help("fn f(x: [2]) = np.exp(x)\n", "write exp alone");
    expect_help("fn f(x: [2]) = torch.nn.functional.relu(x)\n", "write relu alone");
    expect_help("fn f(x: [2]) = torch.randn_like(x)\n", "normal(like x)");
    expect_help("fn f(x: [2]) = ReLU(x)\n", "`relu`");
    expect_help("fn f(x: [2]) = detach(x)\n", "stop(x)");
    expect_help("fn f(x: [2]) = None\n", "no empty value");
    expect_help("fn f(x: [2]) { y = z\n z = x\n y + z }\n", "move the definition up");
}

static void test_indices(void **state)
{
    (void)state;
    expect("fn f(W: [O, I], x: [I]) -> [O] {\n  y[o] = sum[i] W[o,i] * x[i]\n  y\n}\n", "");
    expect("fn f(x: [I]) -> [I] {\n  y[i] = sum[i] x[i]\n  y\n}\n", "2:14 E0226\n");
    expect("fn f(x: [I]) = sum[x] x[x]\n", "1:20 E0226\n");
    expect("fn f(x: [I]) = sum[i, i] x[i]\n", "1:23 E0205\n");
    expect("fn f(x: [I]) = sum[i+1] x[i]\n", "1:20 E0222\n");
    expect("fn f(x: [I]) = sum[i] x[f]\n", "1:25 E0201\n");
    expect("fn f(x: [I]) = grad[x](sum(x))\n", "");
    expect("fn f(E, x: [I]) = grad(E)(x)\n", "1:19 E0350\n");
    expect("fn f(x: [I]) = sum[i] x[j]\n", "1:25 E0201\n");
    expect("mask[i: 28, j: 28] = if j < 14 then 1 else 0\nfn half(x: [28, 28]) = x * mask\n", "");
    expect("regime r(pool = 9)(E, x: [N, D]) {\n  state c: [pool, D] = 0\n  s ~ choose(pool, N)\n  c'[s[n]] = x[n]\n  lower E(c)\n}\n", "");
}

static void test_values(void **state)
{
    (void)state;
    expect("a = 1\na = 2\n", "2:1 E0202\n");
    expect("fn f(x: [2]) = x\nnet f(x: [2]) = x\n", "2:5 E0202\n");
    expect("fn f(x: [2]) {\n  y = x\n  y = x\n  y\n}\n", "3:3 E0204\n");
    expect("fn f(x: [2]) {\n  x = x + 1\n  x\n}\n", "2:3 E0226\n");
    expect("f = 2\nfn g(x: [2]) {\n  f = x\n  f\n}\n", "");
    expect("fn f(x: [2], x: [3]) = x\n", "1:14 E0205\n");
    expect("fn f(x: [2]) = dense(3, bias = 1, bias = 2)(x)\n", "1:35 E0205\n");
    expect("fn f(x: [2]) {\n  y = x\n  x\n}\n", "2:3 E0206\n");
    expect("fn f(x: [2]) {\n  sum(x)\n  x\n}\n", "2:3 E0207\n");
    expect("fn f(x: [2]) { y = x }\n", "1:4 E0216\n");
    expect("net f(x: [2]) {\n  param W: [2] = 0\n  x\n}\n", "2:9 E0206\n");
    expect("energy E(x: [2]) {\n  term a = sum(x)\n  sum(x)\n}\n", "3:3 E0207\n");
    expect("energy E(x: [2]) {\n  a = sum(x)\n  a\n}\n", "");
    expect("sum([1, 2])\n", "1:1 E0207\n");
}

static void test_recursion(void **state)
{
    (void)state;
    expect("fn f(x: [2]) = f(x)\n", "1:16 E0208\n");
    expect("fn f(x: [2]) = g(x)\nfn g(x: [2]) = h(x)\nfn h(x: [2]) = f(x)\n", "1:16 E0208\n");
    expect("a = b\nb = a\n", "1:5 E0208\n");
    expect("x = x + 1\n", "1:5 E0208\n");
    expect(TRAIN "  guard fit.E(x) < 3 else stop\n  until 9 steps\n}\n", "7:9 E0208\n");
}

static void test_places(void **state)
{
    (void)state;
    expect("fn f(x: [2]) {\n  lower x\n  x\n}\n", "2:3 E0209\n");
    expect("fn f(x: [2]) {\n  param W: [2] = 0\n  x * W\n}\n", "2:3 E0209\n");
    expect("fn f(x: [2]) {\n  term a = x\n  x\n}\n", "2:3 E0209\n");
    expect("fn f(x: [2]) {\n  state a = 0\n  x * a\n}\n", "2:3 E0209\n");
    expect("fn f(x: [2]) {\n  keep x as xs\n  xs\n}\n", "2:3 E0209\n3:3 E0201\n");
    expect(TRAIN "  record mean(x) as m1\n  until 9 steps\n}\n", "7:3 E0209\n");
    expect(TRAIN "  claim mean(x) < 1 \"small\"\n  until 9 steps\n}\n", "7:3 E0209\n");
    expect("regime r(E, x: [N, D]) {\n  lower E(x)\n  update E by adam()\n  until 9 steps\n}\n", "3:3 E0209\n4:3 E0209\n");
}

static void test_draws(void **state)
{
    (void)state;
    expect("energy E(x: [2]) {\n  e ~ normal(like x)\n  sum((x + e)^2)\n}\n", "2:3 E0210\n");
    expect("fn noisy(x: [2]) {\n  e ~ normal(like x)\n  x + e\n}\nenergy E(x: [2]) = sum(noisy(x)^2)\n", "5:24 E0210\n");
    expect("fn noisy(x: [2]) {\n  e ~ normal(like x)\n  x + e\n}\nfn g(x: [2]) = noisy(x)\nenergy E(x: [2]) = sum(g(x)^2)\n", "6:24 E0210\n");
    expect("net f(x: [2]) {\n  param W: [2] ~ normal()\n  sum(W * x)\n}\nenergy E(x: [2]) = f(x)\n", "");
    expect("e ~ normal([2])\nenergy E(x: [2]) = sum(x * e)\n", "");     /* drawn once: a constant */
}

static void test_next_values(void **state)
{
    (void)state;
    expect("fn f(x: [2]) {\n  x' = x\n  x\n}\n", "2:3 E0211\n");
    expect("fn f(x: [2]) {\n  repeat 3 { x' = x + 1 }\n  x\n}\n", "");
    expect("fn f(x: [2]) {\n  repeat 3 { y = x; y' = y; x' = y }\n  x\n}\n", "2:21 E0211\n");
    expect("fn f(x: [2]) {\n  repeat 3 { h' = x + 1 }\n  x\n}\n", "2:14 E0211\n");
    expect("fn f(x: [2]) {\n  repeat 3 { x' = x' + 1 }\n  x\n}\n", "2:19 E0212\n");
    expect("fn f(x: [2]) {\n  y = 0\n  repeat 3 { x' = x + 1; y' = x' }\n  x + y\n}\n", "");
    expect("fn f(x: [2]) {\n  repeat 3 { x' = x + 1; x' = x - 1 }\n  x\n}\n", "2:26 E0221\n");
    expect("fn f(x: [2]) {\n  repeat 3 { y = x + 1 }\n  x\n}\n", "2:3 E0213\n");
    expect("fn f(x: [2]) {\n  t = 0\n  repeat 3 { t = t + x }\n  t\n}\n", "3:14 E0226\n");
    expect("fn f(x: [2]) {\n  repeat 3 as t { keep x * t as xs }\n  xs\n}\n", "");
    expect("fn f(x: [2]) {\n  repeat 3 as t { keep x * t }\n  x\n}\n", "2:24 E0220\n");
    expect("fn f(x: [2]) {\n  repeat 3 { repeat 2 { x' = x + 1 } }\n  x\n}\n", "");
    expect("fn f(x: []) {\n  repeat x { x' = x / 2 }\n  x\n}\n", "2:10 E0227\n");
    expect("fn f(n)(x: [N]) {\n  repeat n + N { x' = x / 2 }\n  x\n}\n", "");
    expect("optimizer o(lr = 1)(w, g) {\n  state m: like w = 0\n  m' = m + g\n  w' = w - lr * m'\n}\n", "");
    expect("optimizer o(lr = 1)(w, g) {\n  state m: like w = 0\n  m' = m + g\n}\n", "1:11 E0454\n");
    expect("optimizer o(lr = 1)(w, g) {\n  lr' = lr * 2\n  w' = w - lr * g\n}\n", "2:3 E0211\n");
    expect("pool = zeros([3])\nregime r(E, x: [N, D]) {\n  pool' = x\n  lower E(x)\n}\n", "3:3 E0211\n");
}

static void test_trains(void **state)
{
    (void)state;
    expect(TRAIN "  until 9 steps\n}\n", "");
    expect(TRAIN "}\n", "3:7 E0215\n");
    expect(TRAIN "  until 9 steps\n  until 2 epochs\n}\n", "8:3 E0218\n");
    expect("energy E(x: [2]) = sum(x)\ntrain fit {\n  lower E([1, 2])\n  until 9 steps\n}\n", "2:7 E0214\n");
    expect("energy E(x: [2]) = sum(x)\ntrain fit {\n  update E by adam()\n  until 9 steps\n}\n", "2:7 E0224\n");
    expect("data m = two_moons()\nenergy E(x: [2]) = sum(x)\ntrain fit { nll()(E, draw(m, batch = 3)); update E by adam(); until 9 steps }\n", "");
    expect(TRAIN "  every 10 steps { record mean(E(x)) as E }\n  until 9 steps\n}\n", "7:41 E0219\n");
    expect(TRAIN "  every 10 steps { record mean(E(x)) }\n  until 9 steps\n}\n", "7:27 E0220\n");
    expect(TRAIN "  loss = mean(E(x))\n  until 9 steps\n}\n", "7:3 E0206\n");
    expect(TRAIN "  minimize mean(x) as size\n  every 10 steps { record size }\n  until 9 steps\n}\n", "");
    expect(TRAIN "  minimize mean(x) as size\n  minimize mean(x) as size\n  until 9 steps\n}\n", "8:23 E0219\n");
    expect("regime mine(E, x: [N, D]) { minimize mean(E(x)) as fine }\n" TRAIN "  mine(E, x)\n  every 10 steps { record fine }\n  until 9 steps\n}\n", "");
    expect(TRAIN "  guard mean(x) < 9 else rolback\n  until 9 steps\n}\n", "7:26 E0223\n");
    expect("precision f16\n", "1:11 E0223\n");
    expect(TRAIN "  mean(E(x))\n  until 9 steps\n}\n", "7:3 E0207\n");
    expect("data m = two_moons()\nenergy E(x: [2]) = sum(x^2)\ntrain fit {\n  phase a { x = draw(m, batch = 9) }\n"
           "  phase b { lower E(x); update E by adam() }\n  until 9 steps\n}\n", "");
    expect("energy E(x: [2]) = sum(x)\nclaim fit.E([1, 2]) < 3 \"low\"\n" "train fit { lower E([1, 2]); update E by adam(); until 9 steps }\n", "2:7 E0225\n");
    expect("energy E(x: [2]) = sum(x)\nclaim g([1, 2]) < 3 \"low\"\nfn g(x: [2]) = fit.E(x)\n"
           "train fit { lower E([1, 2]); update E by adam(); until 9 steps }\n", "2:7 E0225\n");
}

static void test_regime_values(void **state)
{
    (void)state;
#define REGIME "regime mine(E, x: [N, D]) {\n  seen = mean(x)\n  lower E(x)\n}\n"
    expect(REGIME, "");                                          /* a library: who uses it is not known */
    expect(REGIME TRAIN "  mine(E, x)\n  until 9 steps\n}\n", "2:3 E0206\n");
    expect(REGIME TRAIN "  r = mine(E, x)\n  every 9 steps { record r.seen }\n  until 9 steps\n}\n", "");
}

static void test_inference(void **state)
{
    (void)state;
#define LATENT "energy E(x: [2]; z: [3]) = sum(x) * sum(z)\n"
    expect(LATENT "fn f(x: [2]) {\n  z = argmin z of E(x; z) by descent() from zeros\n  E(x; z)\n}\n", "");
    expect(LATENT "fn f(x: [2]) = argmin z of E(x; w) by descent() from zeros\n", "2:33 E0201\n");
    expect(LATENT "fn f(x: [2]) = argmin w of E(x; x) by descent() from zeros\n", "2:23 E0217\n");
    expect(LATENT "fn f(x: [2]) = argmin z, z of E(x; z) by descent() from zeros\n", "2:26 E0205\n");
    expect(LATENT "fn f(x: [2]) = sample x of E(x; z) by gibbs() from x\n", "");
    expect(LATENT "fn f(x: [2]) = argmin z of E(x; z) by descent() from z\n", "2:54 E0201\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names), cmocka_unit_test(test_helps), cmocka_unit_test(test_indices), cmocka_unit_test(test_values),
        cmocka_unit_test(test_recursion), cmocka_unit_test(test_places), cmocka_unit_test(test_draws), cmocka_unit_test(test_next_values),
        cmocka_unit_test(test_trains), cmocka_unit_test(test_regime_values), cmocka_unit_test(test_inference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

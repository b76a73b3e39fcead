/* unknown.c: uses of names.  For one that means nothing: the nearest spelling, a definition further down, or what users of other
 * libraries may have meant. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "lang/mean/resolver.h"

/* Words of other languages and libraries that have another form here.  The nearest spelling of a known name goes before. */
static const struct { const char *word, *help; } elsewhere[] = {
    { "self",      "there are no objects: a definition sees its arguments, its parameters and the names of the file" },
    { "None",      "there is no empty value: a setting that may be absent has a number or a truth value as its default" },
    { "null",      "there is no empty value: a setting that may be absent has a number or a truth value as its default" },
    { "lambda",    "a function value is written fn(x) -> x^2" },
    { "return",    "the last line of a body is its value: no word is needed" },
    { "def",       "a function is written fn f(x: [D]) -> [] = .." },
    { "for",       "the loop is: repeat n as t { .. }; most loops are better said by an index: sum[i] x[i]" },
    { "while",     "loops have a known length: repeat n { .. }" },
    { "range",     "the loop is: repeat n as t { .. }; an index takes its range from what it subscripts: sum[i] x[i]" },
    { "import",    "another file is used by: use \"file.ebm\" as m; the library needs no import" },
    { "len",       "name the size in the signature: fn f(x: [N]) can use N as a number" },
    { "shape",     "name the sizes in the signature: fn f(x: [N, D]) can use N and D as numbers" },
    { "int",       "every value is a real; floor(x) gives whole numbers" },
    { "float",     "every value is a real: nothing needs converting" },
    { "matmul",    "say it with indices: y[o] = sum[i] W[o,i] * x[i]" },
    { "bmm",       "say it with indices: y[o] = sum[i] W[o,i] * x[i]; it maps over the batch by itself" },
    { "dot",       "say it with indices: sum[i] a[i] * b[i]" },
    { "einsum",    "say it with indices: y[o] = sum[i] W[o,i] * x[i]" },
    { "tensor",    "an array is written [1, 2, 3]" },
    { "array",     "an array is written [1, 2, 3]" },
    { "randn",     "draw it: eps ~ normal([N, D]), or eps ~ normal(like x)" },
    { "randn_like", "draw it: eps ~ normal(like x)" },
    { "rand",      "draw it: u ~ uniform(0, 1, [N])" },
    { "rand_like", "draw it: u ~ uniform(0, 1, like x)" },
    { "randint",   "draw it: i ~ choose(n, m) draws m different ones of 0 .. n-1" },
    { "zeros_like", "a scalar meets every shape: write 0; an array of zeros is zeros([N, D])" },
    { "ones_like", "a scalar meets every shape: write 1" },
    { "arange",    "write an index equation: t[i: n] = i" },
    { "linspace",  "write an index equation: t[i: n] = a + (b - a) * i / (n - 1)" },
    { "detach",    "stop(x) is x without a gradient" },
    { "no_grad",   "stop(x) is x without a gradient; results of argmin and sample are constants already" },
    { "backward",  "gradients need no call: minimize, lower or raise in a train, or grad[x](e)" },
    { "zero_grad", "gradients do not accumulate: nothing needs resetting" },
    { "autograd",  "the gradient of a scalar e is grad[x](e)" },
    { "Linear",    "the affine layer is dense(outputs)" },
    { "Dense",     "the affine layer is dense(outputs)" },
    { "linear",    "the affine layer is dense(outputs)" },
    { "Conv2d",    "the convolution is conv(channels, width, stride = 1)" },
    { "conv2d",    "the convolution is conv(channels, width, stride = 1)" },
    { "Sequential", "layers are joined by a pipeline: x |> dense(64) |> silu |> dense(10)" },
    { "Module",    "a network is written net f(x: [D]) -> [K] = .." },
    { "Parameter", "a parameter is written param W: [O, I] ~ normal()" },
    { "DataLoader", "batches are drawn in a train: x = draw(rows, batch = 128)" },
    { "Tensor",    "an array type is written [N, D]" },
    { "clip",      "the word is clamp(x, low, high)" },
    { "concatenate", "the word is concat(a, b)" },
    { "cat",       "the word is concat(a, b)" },
    { "where",     "write if c then a else b; it chooses element by element" },
    { "log_prob",  "an energy is minus a log probability, up to a constant: -E(x)" },
    { "loss",      "name it first: loss = .., or write minimize .. as loss" },
    { "grid",      "several images in one picture: show images(x) -> \"x.png\"" },
    { "make_grid", "several images in one picture: show images(x) -> \"x.png\"" },
    { "imshow",    "show images(x) -> \"x.png\", or heat(x) with a range of colors" },
    { "plot",      "show curve(y) -> \"y.png\", or scatter(points) for points of the plane" },
    { "hist",      "show curve(histogram(bins = 20, low = 0, high = 1)(x)) -> \"h.png\"" },
    { "PCA",       "principal components of rows are pca(K)(x)" },
    { "rankme",    "RankMe is effective_rank(x)" },
    { "rank_me",   "RankMe is effective_rank(x)" },
    { "knn",       "the probe by nearest neighbors is knn_probe(x, y, test_x, test_y)" },
    { "linear_probe", "the probes are ridge_probe, logistic_probe and knn_probe" },
    { "inv",       "inverse(A), for a symmetric positive definite A; solve(A, b) is cheaper" },
    { "logdet",    "log_det(A), for a symmetric positive definite A" },
    { "slogdet",   "log_det(A), for a symmetric positive definite A" },
    { "eigh",      "of a symmetric positive A, u, s, v = svd(A) gives eigenvectors u and eigenvalues s" },
    { "trace",     "say it with indices: sum[i] A[i, i]" },
    { "permute",   "say it with indices: y[j, i] = x[i, j]" },
    { "multinomial", "classes are drawn by their odds: k = categorical(odds)" },
    { "gumbel",    "classes are drawn by their odds: k = categorical(odds)" },
    { "stopgrad",  "stop(x) is x without a gradient" },
    { "stop_gradient", "stop(x) is x without a gradient" },
};
enum { ELSEWHERE = sizeof elsewhere / sizeof elsewhere[0] };

static const char *const modules[] = {
    "np", "numpy", "torch", "nn", "jnp", "jax", "tf", "math", "scipy", "optim", "optax", "keras", "plt", "random", "F", "jr", "sk", "sklearn", NULL
};

static const char *help_from_elsewhere(const char *text)
{
    for (int i = 0; i < ELSEWHERE; i++)
        if (!strcmp(elsewhere[i].word, text)) return elsewhere[i].help;
    return NULL;
}

static bool is_module(const char *text)
{
    for (int i = 0; modules[i]; i++)
        if (!strcmp(modules[i], text)) return true;
    return false;
}

const char *join_text(Resolver *r, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return arena_copy(&r->arena, text, strlen(text));
}

bool is_name(const Resolver *r, const char *text)
{
    return find_meaning(r, text) || find_top(r, text) || is_known_name(r, text);
}

/* ---- candidates for the nearest spelling ---- */

static const char *nearest_visible(Resolver *r, const char *text)
{
    int n = 0;
    for (const NameScope *s = r->scope; s; s = s->outer)
        for (const Meaning *m = s->names; m; m = m->next) n++;
    const char **names = ARENA_ARRAY(&r->arena, const char *, n + r->n_tops + r->known.n + 1);
    n = 0;
    for (const NameScope *s = r->scope; s; s = s->outer)
        for (const Meaning *m = s->names; m; m = m->next) names[n++] = m->text;
    for (int i = 0; i < r->n_tops; i++) names[n++] = r->tops[i].name.text;
    for (int i = 0; i < r->known.n; i++) names[n++] = r->known.at[i];
    return nearest_name(text, names, n);
}

/* ---- a definition of the name further down in the same body ---- */

static bool defines(const Stmt *s, const char *text, Span *place)
{
    for (int i = 0; i < s->targets.n; i++) {
        const Expr *t = s->targets.at[i];
        if (t->kind == EXPR_INDEX) t = t->kid[0];
        if (t->kind == EXPR_NAME && !strcmp(t->name.text, text)) return *place = t->span, true;
    }
    if (s->kind != STMT_BIND && s->name.text && !strcmp(s->name.text, text)) return *place = s->name.span, true;
    for (int i = 0; i < s->block.n; i++)
        if (defines(s->block.at[i], text, place)) return true;
    return false;
}

static bool is_defined_in(const Block *block, const char *text, Span *place)
{
    for (int i = 0; i < block->n; i++)
        if (defines(block->at[i], text, place)) return true;
    return false;
}

/* ---- the report ---- */

bool is_blamed_here(const Resolver *r, const char *text)
{
    for (const Blame *b = r->blamed; b; b = b->next)
        if (b->item == r->item && (!text || !strcmp(b->text, text))) return true;
    return false;
}

static void blame(Resolver *r, const char *text, Diagnostic *report)
{
    Blame *b = ARENA_NEW(&r->arena, Blame);
    *b = (Blame){ text, r->item, report, r->blamed };
    r->blamed = b;
}

/* A name that is missing in several places is one mistake: the first place is reported, the others are noted. */
static bool already_blamed(Resolver *r, Name name)
{
    if (is_blamed_here(r, name.text)) return true;
    for (const Blame *b = r->blamed; b; b = b->next) {
        if (strcmp(b->text, name.text)) continue;
        if (b->report) diag_note(b->report, name.span, "and here");
        blame(r, name.text, b->report);
        return true;
    }
    return false;
}

/* Another definition of the file with a local of this name. */
static const Def *home_of(const Resolver *r, const char *text, Span *place)
{
    for (int i = 0; i < r->n_items; i++) {
        const Stmt *s = r->items[i].stmt;
        if (s->kind == STMT_DEF && s->def != r->def && is_defined_in(&s->def->block, text, place)) return s->def;
    }
    return NULL;
}

/* The names of the definition, oldest first: "x, W, h". */
static const char *names_in_scope(Resolver *r)
{
    enum { MOST = 8 };
    const char *text = NULL;
    int n = 0;
    for (const NameScope *s = r->scope; s; s = s->outer)
        for (const Meaning *m = s->names; m && n < MOST; m = m->next, n++)
            text = text ? join_text(r, "%s, %s", m->text, text) : m->text;
    return text;
}

static bool help_by_place(Resolver *r, Diagnostic *d, const char *text)
{
    Span place;
    if (r->def && is_defined_in(&r->def->block, text, &place)) {
        bool above = place.start < d->span.start;
        diag_note(d, place, above ? "a `%s` is defined here, inside a block that ends before" : "`%s` is defined further down", text);
        diag_help(d, above ? "what is made inside repeat or every is known there alone; keep v as name collects it over the passes"
                           : "a body is read from top to bottom: move the definition up");
        return true;
    }
    if (r->in_latent) diag_help(d, "a latent is given a value, or sought: argmin %s of E(x; %s) by descent() from zeros", text, text);
    else if (r->in_subscript && strlen(text) < 3) diag_help(d, "an index is bound by a reduction, sum[%s] .., or on the left of its equation, y[%s] = ..", text, text);
    else return false;
    return true;
}

static void help_by_spelling(Resolver *r, Diagnostic *d, const char *text)
{
    const char *help = help_from_elsewhere(text), *near = nearest_visible(r, text), *here;
    Span place;
    Meaning *meant = near ? find_meaning(r, near) : NULL;
    if (meant) meant->group->reads++;                           /* its misspelling is one mistake, its being unused no other */
    const Def *home = near || help ? NULL : home_of(r, text, &place);
    if (home) diag_note(d, place, "a `%s` is local to `%s`, and known there alone", text, home->name.text);
    if (near && !(help && strcasecmp(near, text))) diag_help(d, "did you mean `%s`?", near);
    else if (help) diag_help(d, "%s", help);
    else if (r->in_result && isupper((unsigned char)text[0]))
        diag_help(d, "a size of the result is one of the arguments' sizes, a setting (f(%s)(x: ..)) or a number", text);
    else if ((here = names_in_scope(r))) diag_help(d, "known here, besides the names of the file and the library: %s", here);
}

static void help_unknown(Resolver *r, Diagnostic *d, const char *text)
{
    if (!help_by_place(r, d, text)) help_by_spelling(r, d, text);
}

static void report_unknown(Resolver *r, Name name)
{
    if (already_blamed(r, name)) return;
    if (r->damaged) {
        blame(r, name.text, NULL);
        return;
    }
    Diagnostic *d = diag_error(r->diagnostics, "E0201", name.span, "nothing is called `%s`", name.text);
    blame(r, name.text, d);
    help_unknown(r, d, name.text);
}

static void report_module(Resolver *r, Name name, const char *member)
{
    if (already_blamed(r, name)) return;
    Diagnostic *d = diag_error(r->diagnostics, "E0201", name.span, "nothing is called `%s`: the library needs no prefix", name.text);
    blame(r, name.text, d);
    const char *help = help_from_elsewhere(member), *near = is_name(r, member) ? member : nearest_visible(r, member);
    if (near && !strcmp(near, member)) diag_help(d, "write %s alone", member);
    else if (help) diag_help(d, "%s", help);
    else if (near) diag_help(d, "did you mean `%s`?", near);
}

/* ---- uses ---- */

static void add_link(Resolver *r, TopItem *to, Span at)
{
    if (!r->item) return;
    Link *link = ARENA_NEW(&r->arena, Link);
    *link = (Link){ to, at, NULL };
    *r->item->links_end = link;
    r->item->links_end = &link->next;
}

static bool use_visible(Resolver *r, Name name)
{
    Meaning *m = find_meaning(r, name.text);
    if (m) {
        m->group->reads++;
        return true;
    }
    TopName *top = find_top(r, name.text);
    bool is_size = r->unknown == UNKNOWN_IS_SIZE && isupper((unsigned char)name.text[0])
                && !(top && (top->item->stmt->kind == STMT_OPTION || top->item->stmt->kind == STMT_BIND));
    if (is_size) {
        declare_in(r, r->scope, MEANING_SIZE, name);
        return true;
    }
    if (top) add_link(r, top->item, name.span);
    return top || is_known_name(r, name.text);
}

bool use_name(Resolver *r, Name name)
{
    if (use_visible(r, name)) return true;
    if (r->unknown == UNKNOWN_IS_INDEX) {
        declare(r, MEANING_INDEX, name);
        return true;
    }
    report_unknown(r, name);
    return false;
}

bool use_base(Resolver *r, Name name, const char *member)
{
    if (!is_name(r, name.text) && is_module(name.text)) {
        report_module(r, name, member);
        return false;
    }
    return use_name(r, name);
}

void want_word(Resolver *r, Name word, const char *const words[2], const char *after)
{
    if (!word.text || !strcmp(word.text, words[0]) || !strcmp(word.text, words[1])) return;
    Diagnostic *d = diag_error(r->diagnostics, "E0223", word.span, "after %s stands `%s` or `%s`, not `%s`", after, words[0], words[1], word.text);
    const char *near = nearest_name(word.text, words, 2);
    if (near) diag_help(d, "did you mean `%s`?", near);
}

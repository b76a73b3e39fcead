/* text_test.c: the text front end: trees and errors against golden files, and what golden files cannot say.
 *
 * tests/golden/text/NAME.ebm is read and compared with NAME.tree: its errors, then its tree.  EBM_ACCEPT=1 rewrites the trees. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lang/text/build.h"
#include "vm/base/codes.h"

#define GOLDEN "tests/golden/text"

/* ---- helpers ---- */

static Source *text_source(const char *text) { return source_new("t.ebm", text, strlen(text)); }

typedef struct Reading { Source *source; Diagnostics diagnostics; File *file; } Reading;

static Reading read_text(const char *text)
{
    Reading reading = { .source = text_source(text) };
    reading.file = parse(reading.source, &reading.diagnostics);
    return reading;
}

static void reading_free(Reading *reading)
{
    file_free(reading->file);
    diagnostics_free(&reading->diagnostics);
    source_free(reading->source);
}

/* Errors and tree as one text, to be freed. */
static char *show_reading(const Reading *reading)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    diagnostics_print(out, &reading->diagnostics, false);
    syntax_print(out, reading->file);
    fclose(out);
    return text;
}

static bool has_code(const Reading *reading, const char *code)
{
    for (const Diagnostic *d = reading->diagnostics.first; d; d = d->next)
        if (!strcmp(d->code, code)) return true;
    return false;
}

static const char *first_code(const char *text)
{
    static char code[16];
    Reading reading = read_text(text);
    snprintf(code, sizeof code, "%s", reading.diagnostics.first ? reading.diagnostics.first->code : "none");
    reading_free(&reading);
    return code;
}

/* ---- formatting ---- */

static char *formatted(const Reading *reading)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    format_print(out, reading->file);
    fclose(out);
    return text;
}

static char *tree_text(const Reading *reading)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    syntax_print(out, reading->file);
    fclose(out);
    return text;
}

/* Formatting keeps the tree, and formatting again changes nothing.  Returns the formatted text, to be freed. */
static char *check_format(const Reading *reading)
{
    char *text = formatted(reading), *tree = tree_text(reading);
    Reading again = { .source = source_new(reading->source->name, text, strlen(text)) };
    again.file = parse(again.source, &again.diagnostics);
    if (again.diagnostics.errors) diagnostics_print(stderr, &again.diagnostics, false);
    assert_int_equal(again.diagnostics.errors, 0);
    char *next_tree = tree_text(&again), *next = formatted(&again);
    assert_string_equal(next_tree, tree);
    assert_string_equal(next, text);
    free(tree);
    free(next_tree);
    free(next);
    reading_free(&again);
    return text;
}

/* ---- golden files ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

static void accept_golden(const char *path, const char *text)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void compare_golden(const char *path, const char *text)
{
    if (getenv("EBM_ACCEPT")) accept_golden(path, text);
    Source *expected = source_read(path, path);
    if (!expected) fail_msg("%s is missing; EBM_ACCEPT=1 writes it", path);
    if (strcmp(expected->text, text)) fail_msg("%s differs; it is now:\n%s", path, text);
    source_free(expected);
}

static void check_golden(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, GOLDEN "/%s", name);
    Reading reading = { .source = source_read(path, name) };
    assert_non_null(reading.source);
    reading.file = parse(reading.source, &reading.diagnostics);
    char *shown = show_reading(&reading);
    snprintf(path, sizeof path, GOLDEN "/%.*s.tree", (int)strlen(name) - 4, name);
    compare_golden(path, shown);
    free(shown);
    if (!reading.diagnostics.errors) {
        char *text = check_format(&reading);
        snprintf(path, sizeof path, GOLDEN "/%.*s.formatted", (int)strlen(name) - 4, name);
        compare_golden(path, text);
        free(text);
    }
    reading_free(&reading);
}

/* Calls visit(name) for each .ebm file of a folder; returns how many there were. */
static int each_program(const char *folder, void (*visit)(const char *folder, const char *name))
{
    DIR *directory = opendir(folder);
    if (!directory) return 0;
    int n = 0;
    for (struct dirent *entry; (entry = readdir(directory));)
        if (ends_with(entry->d_name, ".ebm")) {
            visit(folder, entry->d_name);
            n++;
        }
    closedir(directory);
    return n;
}

static void visit_golden(const char *folder, const char *name)
{
    (void)folder;
    check_golden(name);
}

static void test_golden(void **state)
{
    (void)state;
    assert_true(each_program(GOLDEN, visit_golden) >= 12);
}

static void visit_program(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    Reading reading = { .source = source_read(path, path) };
    assert_non_null(reading.source);
    reading.file = parse(reading.source, &reading.diagnostics);
    if (reading.diagnostics.errors) diagnostics_print(stderr, &reading.diagnostics, false);
    assert_int_equal(reading.diagnostics.errors, 0);
    assert_true(reading.file->block.n > 0);
    char *text = check_format(&reading);
    assert_string_equal(text, reading.source->text);
    free(text);
    reading_free(&reading);
}

/* What we publish is free of errors of grammar and in the one style. */
static void test_programs(void **state)
{
    (void)state;
    assert_true(each_program("stdlib", visit_program) > 0);
    assert_true(each_program("examples", visit_program) > 0);
}

/* ---- places ---- */

static void test_positions(void **state)
{
    (void)state;
    Source *source = text_source("ab\n\tαβ = 1\r\nlast");
    Position place = source_position(source, 0);
    assert_int_equal(place.line, 1);
    assert_int_equal(place.column, 1);
    place = source_position(source, 8);                 /* the blank after the two-byte letters */
    assert_int_equal(place.line, 2);
    assert_int_equal(place.column, 4);
    place = source_position(source, 4000);
    assert_int_equal(place.line, 3);
    assert_int_equal(place.column, 5);
    size_t length;
    const char *line = source_line(source, 5, &length);
    assert_int_equal(length, strlen("\tαβ = 1"));
    assert_memory_equal(line, "\tαβ = 1", length);
    Span joined = span_join((Span){ source, 5, 6 }, (Span){ source, 1, 3 });
    assert_int_equal(joined.start, 1);
    assert_int_equal(joined.end, 6);
    assert_ptr_equal(span_join((Span){ 0 }, (Span){ source, 1, 3 }).source, source);
    source_free(source);
}

/* The span of an expression is exactly its text. */
static void test_spans(void **state)
{
    (void)state;
    Reading reading = read_text("seed 1\ny = f(x, 2)  +  g.h[3]  # end\n");
    assert_int_equal(reading.diagnostics.errors, 0);
    const Stmt *s = reading.file->block.at[1];
    assert_memory_equal(reading.source->text + s->span.start, "y = f(x, 2)  +  g.h[3]", s->span.end - s->span.start);
    assert_int_equal(s->span.end - s->span.start, strlen("y = f(x, 2)  +  g.h[3]"));
    const Expr *sum = s->value;
    assert_int_equal(sum->kid[0]->span.end - sum->kid[0]->span.start, strlen("f(x, 2)"));
    assert_int_equal(sum->kid[1]->span.end - sum->kid[1]->span.start, strlen("g.h[3]"));
    assert_int_equal(sum->op_span.end - sum->op_span.start, 1);
    assert_int_equal(reading.source->text[sum->op_span.start], '+');
    reading_free(&reading);
}

/* ---- names ---- */

static void test_nearest_name(void **state)
{
    (void)state;
    const char *const names[] = { "langevin", "pcd", "dsm", "mean", "x", "Encoder" };
    assert_string_equal(nearest_name("lagnevin", names, 6), "langevin");     /* a swap is one edit */
    assert_string_equal(nearest_name("langvin", names, 6), "langevin");
    assert_string_equal(nearest_name("pcb", names, 6), "pcd");
    assert_string_equal(nearest_name("encoder", names, 6), "Encoder");
    assert_null(nearest_name("metropolis", names, 6));
    assert_null(nearest_name("y", names, 6));
    assert_null(nearest_name("", names, 6));
    assert_null(nearest_name("mean", names, 0));
}

static void test_sites(void **state)
{
    (void)state;
    Reading reading = read_text("net f(x: [2]) -> [] = x |> dense(8) |> dense(8)\na = dense(1)\n"
                                "net g(x: [2]) -> [] = x |> dense(8)\nb = dense(2)\n");
    assert_int_equal(reading.diagnostics.errors, 0);
    Stmt **at = reading.file->block.at;
    const Expr *f = at[0]->def->value, *g = at[2]->def->value;
    assert_int_equal(f->kid[0]->kid[1]->kid[0]->site, 1);
    assert_int_equal(f->kid[1]->kid[0]->site, 2);
    assert_int_equal(g->kid[1]->kid[0]->site, 1);       /* each definition counts from 1 */
    assert_int_equal(at[1]->value->kid[0]->site, 1);    /* and so does each statement outside, so that a line added elsewhere changes no name */
    assert_int_equal(at[3]->value->kid[0]->site, 1);
    reading_free(&reading);
}

/* Every keyword may name a field, an argument and a loss. */
static void test_keywords_as_names(void **state)
{
    (void)state;
    static const char *const words[] = {
#define KEYWORD(word, token) word,
#include "lang/text/keywords.def"
#undef KEYWORD
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "a = f(%s = 1, x.%s).%s\ntrain t { lower e as %s; record x as %s }\n", words[i], words[i], words[i],
                 words[i], words[i]);
        Reading reading = read_text(text);
        if (reading.diagnostics.errors) diagnostics_print(stderr, &reading.diagnostics, false);
        assert_int_equal(reading.diagnostics.errors, 0);
        const Expr *e = reading.file->block.at[0]->value;
        assert_string_equal(e->name.text, words[i]);
        assert_string_equal(e->kid[0]->args[0].name.text, words[i]);
        reading_free(&reading);
    }
}

/* ---- diagnostics ---- */

static void test_diagnostics(void **state)
{
    (void)state;
    Source *source = text_source("first = 1\n  second = 2\n");
    Diagnostics list = { 0 };
    Diagnostic *d = diag_error(&list, "E0301", (Span){ source, 12, 18 }, "shapes differ: %d", 3);
    diag_note(d, (Span){ source, 0, 5 }, "from here");
    diag_note(d, (Span){ source, 0, 5 }, "from here");  /* the same note counts once */
    diag_help(d, "try this");
    assert_ptr_equal(diag_error(&list, "E0301", (Span){ source, 12, 18 }, "again"), d);
    diag_warning(&list, "W0001", (Span){ source, 0, 5 }, "hm");
    assert_int_equal(list.errors, 1);
    assert_int_equal(list.warnings, 1);
    diagnostics_sort(&list, source);
    assert_string_equal(list.first->code, "W0001");
    assert_ptr_equal(list.last, d);
    char *shown = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&shown, &length);
    diag_print(out, d, false);
    fclose(out);
    assert_string_equal(shown, "t.ebm:2:3: error[E0301]: shapes differ: 3\n"
                               "    2 |   second = 2\n"
                               "      |   ^~~~~~\n"
                               "      note: from here (t.ebm:1:1)\n"
                               "    1 | first = 1\n"
                               "      | ^~~~~\n"
                               "      help: try this\n");
    free(shown);
    diagnostics_free(&list);
    source_free(source);
}

/* Every code that reading can report is explained, and no code twice. */
static void test_codes(void **state)
{
    (void)state;
    assert_non_null(code_info("e0106"));
    assert_null(code_info("E9999"));
    for (int i = 0; code_at(i); i++) {
        assert_ptr_equal(code_info(code_at(i)->code), code_at(i));
        assert_true(strlen(code_at(i)->title) > 0 && ends_with(code_at(i)->text, "\n"));
    }
    static const char *const texts[] = { "x = )", "x = `", "claim a = b \"\"", "x := 1", "x = if a then b", "x = (1", "x = a]", "x = \"a",
                                         "x = 1x", "x = \xff", "data = 3", "lower x", "f(x) = 3", "fn f(a)(b)(c) = 1" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *code = first_code(texts[i]);
        if (!code_info(code)) fail_msg("%s gives %s, which codes.def does not explain", texts[i], code);
    }
}

/* ---- broken and excessive texts ---- */

static char *repeated(const char *head, const char *unit, int n, const char *tail)
{
    size_t size = strlen(head) + strlen(unit) * (size_t)n + strlen(tail) + 1;
    char *text = malloc(size), *to = text;
    assert_non_null(text);
    to = stpcpy(to, head);
    for (int i = 0; i < n; i++) to = stpcpy(to, unit);
    stpcpy(to, tail);
    return text;
}

static void test_depth(void **state)
{
    (void)state;
    static const char *const units[] = { "(", "[", "-", "not ", "a + ", "a ^ ", "if a then b else ", "fn(x) -> ", "sum[i] ", "a |> ", "f(x = " };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        char *text = repeated("x = ", units[i], 30000, "1\n");
        Reading reading = read_text(text);
        assert_true(has_code(&reading, "E0109"));
        assert_in_range(reading.diagnostics.errors, 1, 2);
        reading_free(&reading);
        free(text);
    }
    char *fine = repeated("x = ", "1 + ", 900, "1\n");
    assert_string_equal(first_code(fine), "none");
    free(fine);
}

static void test_many_errors(void **state)
{
    (void)state;
    char *text = repeated("", "x = = 1\n", 5000, "");
    Reading reading = read_text(text);
    assert_true(has_code(&reading, "E0199"));
    assert_in_range(reading.diagnostics.errors, MOST_ERRORS, MOST_ERRORS + 5);
    reading_free(&reading);
    free(text);
}

/* Every prefix of a program, and the program with each byte replaced by something nasty, is read without harm. */
static void test_mutilated(void **state)
{
    (void)state;
    Source *whole = source_read(GOLDEN "/lines.ebm", "lines.ebm");
    assert_non_null(whole);
    static const char nasty[] = "({[\"'\0\n;=\xff";
    char *text = malloc(whole->length);
    for (size_t i = 0; i < whole->length; i++) {
        memcpy(text, whole->text, whole->length);
        text[i] = nasty[i % (sizeof nasty - 1)];
        for (int cut = 0; cut < 2; cut++) {
            Reading reading = { .source = source_new("m.ebm", text, cut ? i : whole->length) };
            reading.file = parse(reading.source, &reading.diagnostics);
            char *shown = show_reading(&reading);
            free(shown);
            reading_free(&reading);
        }
    }
    free(text);
    source_free(whole);
}

/* ---- the prompt ---- */

static FeedState feed_lines(const char *const *lines)
{
    Feed *feed = feed_new();
    FeedState result = FEED_MORE;
    for (; *lines; lines++) {
        assert_int_equal(result, FEED_MORE);
        result = feed_line(feed, *lines);
    }
    feed_free(feed);
    return result;
}
#define FEED(...) feed_lines((const char *const[]){ __VA_ARGS__, NULL })

static void test_feed(void **state)
{
    (void)state;
    assert_int_equal(FEED("x = 1\n"), FEED_DONE);
    assert_int_equal(FEED("\n"), FEED_DONE);
    assert_int_equal(FEED("x = 1 +\n"), FEED_MORE);
    assert_int_equal(FEED("x = 1 +\n", "2\n"), FEED_DONE);
    assert_int_equal(FEED("x = 1 +\n", "\n"), FEED_ERROR);      /* an empty line gives up */
    assert_int_equal(FEED("x = f(1,\n", "\n", "2)\n"), FEED_DONE);
    assert_int_equal(FEED("train t {\n", "  x = 1\n", "\n", "}\n"), FEED_DONE);
    assert_int_equal(FEED("z = argmin z of E(z)\n"), FEED_MORE);
    assert_int_equal(FEED("z = argmin z of E(z)\n", "by exact()\n"), FEED_DONE);
    assert_int_equal(FEED("y = if a then b\n", "else c\n"), FEED_DONE);
    assert_int_equal(FEED("x = x |>\n", "f\n"), FEED_DONE);
    assert_int_equal(FEED("x = = 1\n"), FEED_ERROR);
    assert_int_equal(FEED("x = (1]\n"), FEED_ERROR);
    assert_int_equal(FEED("x = \"open\n"), FEED_ERROR);
    assert_int_equal(FEED("train t {\n", "x = = 1\n"), FEED_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden), cmocka_unit_test(test_programs), cmocka_unit_test(test_positions), cmocka_unit_test(test_spans),
        cmocka_unit_test(test_nearest_name), cmocka_unit_test(test_sites), cmocka_unit_test(test_keywords_as_names),
        cmocka_unit_test(test_diagnostics), cmocka_unit_test(test_codes), cmocka_unit_test(test_depth), cmocka_unit_test(test_many_errors),
        cmocka_unit_test(test_mutilated), cmocka_unit_test(test_feed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* repl.c: the prompt: definitions, expressions and commands, one complete text at a time.  A mistake is shown and forgotten. */
#define _GNU_SOURCE
#include "cli/repl.h"

#include <ctype.h>
#include <editline/readline.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/interrupt.h"
#include "cli/listen.h"

/* All that a prompt has: the session, the lines of the text being written, where history is kept. */
typedef struct Repl {
    Ebm *ebm;
    Listener listener;
    char *text;                 /* lines so far, each with its newline; "" between texts */
    char *history;              /* path; null if there is no home */
    bool by_hand;               /* someone types */
    bool over;
} Repl;

/* ---- completion ----
 * The library calls back without a context, so the session and the answers are kept here while a line is read. */

static Ebm *completed;
static char *answers, *next_answer;

static char *complete_next(const char *prefix, int again)
{
    if (!again) {
        size_t length;
        free(answers);
        answers = NULL;
        FILE *out = open_memstream(&answers, &length);
        if (!out) return NULL;
        ebm_complete(completed, out, prefix);
        fclose(out);
        next_answer = answers;
    }
    if (!next_answer || !*next_answer) return NULL;
    size_t length = strcspn(next_answer, "\n");
    char *name = strndup(next_answer, length);
    next_answer += length + 1;
    return name;
}

static char **complete(const char *word, int start, int end)
{
    (void)start;
    (void)end;
    rl_attempted_completion_over = 1;                    /* no file names */
    return rl_completion_matches(word, complete_next);
}

/* ---- reading lines ---- */

static void begin_editing(Repl *r)
{
    completed = r->ebm;
    rl_readline_name = "ebm";
    rl_initialize();
    rl_attempted_completion_function = complete;
    using_history();
    stifle_history(2000);
    const char *home = getenv("HOME");
    if (home && asprintf(&r->history, "%s/.ebm_history", home) >= 0) read_history(r->history);
}

static void end_editing(Repl *r)
{
    if (r->history) write_history(r->history);
    free(r->history);
    free(answers);
    answers = next_answer = NULL;
}

/* A line without its newline, to be freed; null at the end of the input. */
static char *read_line(const Repl *r, const char *prompt)
{
    if (r->by_hand) return readline(prompt);
    char *line = NULL;
    size_t room = 0;
    ssize_t length = getline(&line, &room, stdin);
    if (length < 0) {
        free(line);
        return NULL;
    }
    if (length && line[length - 1] == '\n') line[length - 1] = 0;
    return line;
}

static void add_line(Repl *r, const char *line)
{
    char *text = NULL;
    if (asprintf(&text, "%s%s\n", r->text, line) < 0) return;
    free(r->text);
    r->text = text;
}

static void clear_text(Repl *r)
{
    free(r->text);
    r->text = strdup("");
}

/* ---- answering ---- */

static void report(Repl *r)
{
    listener_clear(&r->listener);
    ebm_report(r->ebm, stderr, r->listener.color);
}

static void run(Repl *r, EbmStatus (*how)(Ebm *))
{
    interrupt_taken();
    if (how(r->ebm) == EBM_INTERRUPTED) {
        listener_clear(&r->listener);
        puts("stopped; what was trained is kept as it stands");
    }
    interrupt_taken();
    report(r);
}

/* The text as one entry of the history, without its last newline. */
static void remember(const Repl *r)
{
    char *entry = strndup(r->text, strlen(r->text) - 1);
    if (r->by_hand && entry) add_history(entry);
    free(entry);
}

static void answer_text(Repl *r)
{
    remember(r);
    if (ebm_add_prompt(r->ebm, r->text, strlen(r->text))) run(r, ebm_run);
    else report(r);
    clear_text(r);
}

/* ---- commands ---- */

static void help(void)
{
    puts("a definition         is kept; one with a name that was used replaces it, and what depends on it is computed anew\n"
         "an expression        is computed and shown\n"
         "?name                what is known of a name\n"
         ":type expression     its shape, without computing it\n"
         ":set name=value      gives an option another value\n"
         ":run                 does all commands of the text from the first on; trains that ran are not run again\n"
         ":save file.ebm       writes the text so far\n"
         ":load file.ebm       adds a file\n"
         ":summary             shapes, parameters and cost of all definitions\n"
         ":quit                leaves (as Ctrl-D does)\n"
         "Ctrl-C stops a training and keeps its state to look at; Tab completes names");
}

static void save(Repl *r, const char *path)
{
    FILE *out = *path ? fopen(path, "w") : NULL;
    if (out) ebm_source(r->ebm, out);
    if (!out || fclose(out)) fprintf(stderr, "not written: %s\n", *path ? strerror(errno) : "a file name is missing (:save spec.ebm)");
    else printf("wrote %s\n", path);
}

static void set(Repl *r, char *text)
{
    char *equals = strchr(text, '='), *end;
    if (!equals) {
        fprintf(stderr, "expected :set name=value\n");
        return;
    }
    *equals = 0;
    double value = strtod(equals + 1, &end);
    for (char *last = equals; last > text && isspace((unsigned char)last[-1]);) *--last = 0;
    if (end == equals + 1 || *end) fprintf(stderr, "'%s' is not a number\n", equals + 1);
    else ebm_set(r->ebm, text, value);
    report(r);
}

static void load(Repl *r, const char *path)
{
    if (ebm_add_file(r->ebm, path)) ebm_leave(r->ebm);
    report(r);
}

static void show_type(Repl *r, const char *expression)
{
    ebm_type(r->ebm, stdout, expression);
    report(r);
}

static void show_summary(Repl *r)
{
    ebm_summary(r->ebm, stdout);
    report(r);
}

static void command(Repl *r, char *line)
{
    static const char *const names[] = { ":help", ":type", ":set", ":run", ":save", ":load", ":summary", ":quit" };
    enum { N_NAMES = sizeof names / sizeof names[0] };
    size_t length = strcspn(line, " \t");
    char *rest = line + length + strspn(line + length, " \t");
    line[length] = 0;
    if (!strcmp(line, ":help") || !strcmp(line, ":h")) help();
    else if (!strcmp(line, ":quit") || !strcmp(line, ":q")) r->over = true;
    else if (!strcmp(line, ":type")) show_type(r, rest);
    else if (!strcmp(line, ":set")) set(r, rest);
    else if (!strcmp(line, ":run")) run(r, ebm_run_all);
    else if (!strcmp(line, ":save")) save(r, rest);
    else if (!strcmp(line, ":load")) load(r, rest);
    else if (!strcmp(line, ":summary")) show_summary(r);
    else {
        const char *nearest = ebm_nearest(line, names, N_NAMES);
        fprintf(stderr, "no command %s; %s%s\n", line, nearest ? "did you mean " : ":help lists them", nearest ? nearest : "");
    }
}

/* Cuts blanks off both ends, in place. */
static char *trim(char *line)
{
    line += strspn(line, " \t");
    for (size_t n = strlen(line); n && isspace((unsigned char)line[n - 1]);) line[--n] = 0;
    return line;
}

static void answer_question(Repl *r, char *name)
{
    name = trim(name);
    if (!ebm_describe(r->ebm, stdout, name)) ebm_doc(stdout, name, NULL);
    report(r);
}

/* Only comments so far: the documentation of what comes next. */
static bool is_comment(const char *text)
{
    while (*text) {
        text += strspn(text, " \t");
        if (*text != '#') return false;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return true;
}

static void answer(Repl *r, char *line)
{
    char *word = trim(line);
    if (!*r->text && !*word) return;
    if (!*r->text && (*word == ':' || *word == '?')) {
        if (r->by_hand) add_history(word);
        if (*word == ':') command(r, word);
        else answer_question(r, word + 1);
        return;
    }
    add_line(r, line);
    if (is_comment(r->text) || ebm_text_state(r->text) == EBM_TEXT_MORE) return;
    answer_text(r);
}

static void converse(Repl *r)
{
    while (!r->over) {
        errno = 0;
        char *line = read_line(r, *r->text ? "...  " : "ebm> ");
        if (interrupt_taken()) {                         /* Ctrl-C at the prompt drops what was being written */
            puts("");
            clear_text(r);
            free(line);
            continue;
        }
        if (!line) break;
        answer(r, line);
        free(line);
        fflush(stdout);
    }
    if (*r->text && !is_comment(r->text)) answer_text(r);        /* the input ended in the middle: say what is missing */
}

int repl(const Options *options)
{
    Repl r = { .listener = listener_new(false, true), .text = strdup(""), .by_hand = isatty(STDIN_FILENO) };
    EbmSettings settings = options->settings;
    settings.hear = listener_hear;
    settings.context = &r.listener;
    r.ebm = ebm_open(&settings);
    if (!r.ebm || !r.text) return EBM_MACHINE_WRONG;
    interrupt_watch(r.ebm, false);
    if (r.by_hand) puts("ebm " EBM_VERSION "  (:help, :quit)");
    if (options->n_operands) load(&r, options->operands[0]);
    if (r.by_hand) begin_editing(&r);
    converse(&r);
    if (r.by_hand) {
        puts("");
        end_editing(&r);
    }
    interrupt_watch(NULL, false);
    ebm_close(r.ebm);
    free(r.text);
    return EBM_WELL;
}

/* main.c: the program ebm: a client of ebm.h, one function for each command. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/interrupt.h"
#include "cli/listen.h"
#include "cli/options.h"
#include "cli/repl.h"
#include "cli/verify.h"

static bool color_errors(void)
{
    return isatty(STDERR_FILENO) && !getenv("NO_COLOR");
}

/* Whether there are `least` to `most` words after the command; else says what it wants. */
static bool has_operands(const Options *options, int least, int most, const char *wants)
{
    if (options->n_operands >= least && options->n_operands <= most) return true;
    fprintf(stderr, "ebm: usage: ebm %s %s\n", options->command, wants);
    return false;
}

/* Runs a text from its start, or goes on from a saved state. */
static int run(Options *options, bool (*add)(Ebm *ebm, const char *path), const char *wants)
{
    if (!has_operands(options, 1, 1, wants)) return EBM_TEXT_WRONG;
    Listener listener = listener_new(options->json, options->picture);
    options->settings.hear = listener_hear;
    options->settings.context = &listener;
    Ebm *ebm = ebm_open(&options->settings);
    if (!ebm) return EBM_MACHINE_WRONG;
    interrupt_watch(ebm, true);
    if (add(ebm, options->operands[0])) {
        ebm_report(ebm, stderr, color_errors());         /* warnings go before what the run tells */
        ebm_run(ebm);
    }
    listener_clear(&listener);
    ebm_report(ebm, stderr, color_errors());
    listener_close(&listener);
    EbmStatus status = ebm_status(ebm);
    interrupt_watch(NULL, true);
    ebm_close(ebm);
    return (int)status;
}

static int check(const Options *options)
{
    if (!has_operands(options, 1, 1, "FILE")) return EBM_TEXT_WRONG;
    Ebm *ebm = ebm_open(&options->settings);
    if (!ebm) return EBM_MACHINE_WRONG;
    bool well = ebm_add_file(ebm, options->operands[0]);
    ebm_report(ebm, stderr, color_errors());
    if (well) ebm_summary(ebm, stdout);
    ebm_report(ebm, stderr, color_errors());
    EbmStatus status = ebm_status(ebm);
    ebm_close(ebm);
    return (int)status;
}

/* ---- texts ---- */

/* All of a file (`-`: standard input) in memory, ended by a zero byte; null with a line on stderr. */
static char *read_text(const char *path, size_t *length)
{
    FILE *in = strcmp(path, "-") ? fopen(path, "rb") : stdin;
    char *text = NULL;
    FILE *out = in ? open_memstream(&text, length) : NULL;
    if (out) {
        char block[4096];
        size_t n;
        while ((n = fread(block, 1, sizeof block, in)) > 0) fwrite(block, 1, n, out);
        fclose(out);
    }
    if (!in || ferror(in)) {
        fprintf(stderr, "ebm: %s cannot be read: %s\n", path, strerror(errno));
        free(text);
        text = NULL;
    }
    if (in && in != stdin) fclose(in);
    return text;
}

static bool is_code(const char *word)
{
    return (*word == 'E' || *word == 'e' || *word == 'W') && strlen(word) == 5 && strspn(word + 1, "0123456789") == 4;
}

static int explain_text(const Options *options)
{
    size_t length;
    char *text = read_text(options->operands[0], &length);
    if (!text) return EBM_MACHINE_WRONG;
    bool well = ebm_explain_text(stdout, stderr, options->stage, options->operands[0], text, length);
    free(text);
    return well ? EBM_WELL : EBM_TEXT_WRONG;
}

static int explain_program(const Options *options, const char *stage)
{
    Ebm *ebm = ebm_open(&options->settings);
    if (!ebm) return EBM_MACHINE_WRONG;
    const char *name = options->n_operands > 1 ? options->operands[1] : NULL;
    if (ebm_add_file(ebm, options->operands[0]) && !ebm_explain(ebm, stdout, stage, name, options->dot) && !ebm_report(ebm, stderr, color_errors()))
        fprintf(stderr, "ebm: nothing in %s is called '%s' at the stage %s\n", options->operands[0], name ? name : "", stage);
    ebm_report(ebm, stderr, color_errors());
    EbmStatus status = ebm_status(ebm);
    ebm_close(ebm);
    return (int)status;
}

static int explain(const Options *options)
{
    static const char *const stages[] = { "tokens", "ast", "core", "graph", "plan", "code" };
    enum { N_STAGES = sizeof stages / sizeof stages[0] };
    if (!has_operands(options, 1, 2, "FILE [NAME] --stage tokens|ast|core|graph|plan|code [--dot], or: ebm explain CODE")) return EBM_TEXT_WRONG;
    if (!options->stage && is_code(options->operands[0])) {
        if (ebm_explain_code(stdout, options->operands[0])) return EBM_WELL;
        fprintf(stderr, "ebm: there is no code %s\n", options->operands[0]);
        return EBM_TEXT_WRONG;
    }
    const char *stage = options->stage ? options->stage : "core";
    for (int i = 0; i < N_STAGES; i++)
        if (!strcmp(stages[i], stage)) return i < 2 ? explain_text(options) : explain_program(options, stage);
    const char *nearest = ebm_nearest(stage, stages, N_STAGES);
    fprintf(stderr, "ebm: there is no stage '%s'; %s%s\n", stage, nearest ? "did you mean " : "there are tokens, ast, core, graph, plan, code",
            nearest ? nearest : "");
    return EBM_TEXT_WRONG;
}

/* Rewrites a file only when its text changes; `-` goes through. */
static int format(const Options *options)
{
    if (!has_operands(options, 1, 1, "FILE")) return EBM_TEXT_WRONG;
    const char *path = options->operands[0];
    size_t length, new_length;
    char *text = read_text(path, &length), *new_text = NULL;
    FILE *out = text ? open_memstream(&new_text, &new_length) : NULL;
    if (!out) return EBM_MACHINE_WRONG;
    bool well = ebm_format(out, stderr, path, text, length);
    fclose(out);
    int status = well ? EBM_WELL : EBM_TEXT_WRONG;
    if (well && !strcmp(path, "-")) {
        fwrite(new_text, 1, new_length, stdout);
    } else if (well && (new_length != length || memcmp(text, new_text, length) != 0)) {
        FILE *file = fopen(path, "wb");
        bool written = file && fwrite(new_text, 1, new_length, file) == new_length;
        if (file && fclose(file)) written = false;
        if (!written) {
            fprintf(stderr, "ebm: %s was not written: %s\n", path, strerror(errno));
            status = EBM_MACHINE_WRONG;
        }
    }
    free(text);
    free(new_text);
    return status;
}

/* ---- documents ---- */

static int doc(const Options *options)
{
    if (!has_operands(options, 0, 1, "[NAME]")) return EBM_TEXT_WRONG;
    const char *name = options->n_operands ? options->operands[0] : NULL;
    if (ebm_doc(stdout, name, options->settings.stdlib_dir)) return EBM_WELL;
    fprintf(stderr, "ebm: the library has no '%s' (`ebm doc` lists what it has)\n", name);
    return EBM_TEXT_WRONG;
}

static int inspect(const Options *options)
{
    if (!has_operands(options, 1, 1, "MODEL.safetensors")) return EBM_TEXT_WRONG;
    return ebm_inspect(stdout, options->operands[0]) ? EBM_WELL : EBM_MACHINE_WRONG;
}

static int dispatch(Options *options)
{
    const char *command = options->command;
    if (!strcmp(command, "run"))     return run(options, ebm_add_file, "FILE");
    if (!strcmp(command, "resume"))  return run(options, ebm_resume, "STATE.safetensors");
    if (!strcmp(command, "verify"))  return verify(options);
    if (!strcmp(command, "check"))   return check(options);
    if (!strcmp(command, "explain")) return explain(options);
    if (!strcmp(command, "doc"))     return doc(options);
    if (!strcmp(command, "fmt"))     return format(options);
    if (!strcmp(command, "inspect")) return inspect(options);
    if (!strcmp(command, "repl"))    return repl(options);
    if (!strcmp(command, "version")) puts("ebm " EBM_VERSION);
    else options_help(stdout);
    return EBM_WELL;
}

int main(int argc, char **argv)
{
    Options options;
    int status = EBM_TEXT_WRONG;
    if (options_read(&options, argc, argv)) {
        options.settings.stdlib_dir = getenv("EBM_STDLIB");
        status = dispatch(&options);
    }
    options_free(&options);
    return status;
}

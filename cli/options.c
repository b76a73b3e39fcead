/* options.c: reads the command line.  One table of options says which commands know them. */
#define _GNU_SOURCE
#include "cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const commands[] = { "run", "check", "explain", "doc", "fmt", "inspect", "verify", "resume", "repl", "help", "version" };
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

typedef enum OptionKind { SET, SEED, OUT, DATA, THREADS, PRECISION, QUICK, PROFILE, JSON, PICTURE, STAGE, DOT, MATH } OptionKind;

static const struct { const char *name; OptionKind kind; bool takes_value; const char *commands; } table[] = {
    { "--set",       SET,       true,  "run check explain repl" },
    { "--seed",      SEED,      true,  "run check explain repl" },
    { "--out",       OUT,       true,  "run resume repl" },
    { "--data",      DATA,      true,  "run check explain verify resume repl" },
    { "--threads",   THREADS,   true,  "run verify resume repl" },
    { "--precision", PRECISION, true,  "run check explain repl" },
    { "--quick",     QUICK,     false, "run check explain repl" },
    { "--profile",   PROFILE,   false, "run resume" },
    { "--json",      JSON,      false, "run resume" },
    { "--picture",   PICTURE,   false, "run resume" },
    { "--math",      MATH,      true,  "run verify resume repl" },
    { "--stage",     STAGE,     true,  "explain" },
    { "--dot",       DOT,       false, "explain" },
};
enum { N_OPTIONS = sizeof table / sizeof table[0] };

void options_help(FILE *out)
{
    fputs("ebm " EBM_VERSION ": energies, inference and training from equations\n"
          "\n"
          "  ebm                             a prompt (`ebm repl FILE` starts from a file)\n"
          "  ebm run FILE                    do what the text says: train, check its claims, draw, save\n"
          "  ebm run MODEL.safetensors       the same from the text a saved model holds\n"
          "  ebm check FILE                  find all mistakes without running; shapes, parameters, cost\n"
          "  ebm explain FILE [NAME] --stage tokens|ast|core|graph|plan|code [--dot]\n"
          "  ebm explain CODE                what an error code means\n"
          "  ebm doc [NAME]                  documentation of the library\n"
          "  ebm fmt FILE                    rewrite a text in the one style (`-`: from standard input to standard output)\n"
          "  ebm inspect MODEL.safetensors   what a saved model holds\n"
          "  ebm verify MODEL.safetensors    run its text again: does it give the same bits?\n"
          "  ebm resume STATE.safetensors    go on from where Ctrl-C or a checkpoint left a run\n"
          "\n"
          "  --set NAME=VALUE     give an option of the text a value\n"
          "  --seed N             draw by this seed, not by the text's\n"
          "  --out DIR            write files below this folder (default: here)\n"
          "  --data DIR           look for data files there first\n"
          "  --threads N          use N threads (default: all processors); results do not depend on it\n"
          "  --precision f64      compute in double precision\n"
          "  --quick              train for a few steps only, to try a text out\n"
          "  --profile            tell where the time went; profile.tsv and profile.folded (a flame graph) go below the output folder\n"
          "  --json               tell everything as lines of JSON\n"
          "  --picture            show pictures in the terminal too\n"
          "  --math blas          matrix products by OpenBLAS, not by our own (`own`); bits then depend on the processor\n"
          "\n"
          "Exit status: 0 all well; 1 a claim failed; 2 the text or command line is wrong; 3 the data or machine is;\n"
          "130 interrupted, with the state saved.\n", out);
}

static bool refuse(const char *format, const char *what, const char *nearest)
{
    fputs("ebm: ", stderr);
    fprintf(stderr, format, what);
    if (nearest) fprintf(stderr, "; did you mean '%s'?", nearest);
    else fputs(" (`ebm --help` lists what there is)", stderr);
    fputc('\n', stderr);
    return false;
}

static bool knows(const char *list, const char *command)
{
    size_t n = strlen(command);
    for (const char *at = list; (at = strstr(at, command)); at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || !at[n])) return true;
    return false;
}

/* ---- values ---- */

static bool read_number(const char *text, double *value)
{
    char *end;
    if (!strcmp(text, "true") || !strcmp(text, "false")) {
        *value = *text == 't';
        return true;
    }
    errno = 0;
    *value = strtod(text, &end);
    return *text && !*end && !errno;
}

static bool read_whole(const char *text, uint64_t most, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno && *value <= most;
}

static bool read_set(Options *options, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text) return refuse("--set %s: expected NAME=VALUE", text, NULL);
    if (options->settings.n_sets == MAX_SETS) return refuse("--set %s: too many of them", text, NULL);
    int i = options->settings.n_sets;
    if (!read_number(equals + 1, &options->set_values[i])) return refuse("--set %s: the value is not a number", text, NULL);
    options->set_names[i] = strndup(text, (size_t)(equals - text));
    if (!options->set_names[i]) return false;
    options->settings.n_sets++;
    return true;
}

static bool read_option(Options *options, OptionKind kind, const char *value)
{
    EbmSettings *settings = &options->settings;
    uint64_t whole;
    switch (kind) {
    case SET:   return read_set(options, value);
    case SEED:
        settings->has_seed = true;
        return read_whole(value, UINT64_MAX, &settings->seed) || refuse("--seed %s: expected a whole number", value, NULL);
    case THREADS:
        if (!read_whole(value, 1024, &whole) || !whole) return refuse("--threads %s: expected a number from 1 to 1024", value, NULL);
        settings->threads = (int)whole;
        return true;
    case PRECISION:
        settings->double_precision = !strcmp(value, "f64");
        return settings->double_precision || !strcmp(value, "f32") || refuse("--precision %s: there are f32 and f64", value, NULL);
    case MATH:
        settings->blas = !strcmp(value, "blas");
        return settings->blas || !strcmp(value, "own") || refuse("--math %s: there are own and blas", value, NULL);
    case OUT:   settings->out_dir = value;  break;
    case DATA:  settings->data_dir = value; break;
    case STAGE: options->stage = value;     break;
    case QUICK: settings->quick = true;     break;
    case PROFILE: settings->profile = true; break;
    case JSON:  options->json = true;       break;
    case PICTURE: options->picture = true;  break;
    case DOT:   options->dot = true;        break;
    }
    return true;
}

/* ---- words ---- */

/* One option, with its value in the same word (--seed=3) or the next.  Returns how many words were used; 0: wrong. */
static int read_word(Options *options, char **word)
{
    size_t length = strcspn(*word, "=");
    const char *names[N_OPTIONS];
    for (int i = 0; i < N_OPTIONS; i++) {
        names[i] = table[i].name;
        if (strlen(table[i].name) != length || strncmp(table[i].name, *word, length)) continue;
        if (!knows(table[i].commands, options->command)) {
            fprintf(stderr, "ebm: `ebm %s` has no option %s (it is for: %s)\n", options->command, table[i].name, table[i].commands);
            return 0;
        }
        const char *value = (*word)[length] ? *word + length + 1 : NULL;
        if (!table[i].takes_value) return value ? refuse("%s takes no value", table[i].name, NULL) : read_option(options, table[i].kind, "");
        if (value) return read_option(options, table[i].kind, value);
        if (!word[1]) return refuse("%s wants a value", table[i].name, NULL);
        return read_option(options, table[i].kind, word[1]) ? 2 : 0;
    }
    char *name = strndup(*word, length);
    if (name) refuse("unknown option '%s'", name, ebm_nearest(name, names, N_OPTIONS));
    free(name);
    return 0;
}

static bool is_command(const char *word)
{
    for (int i = 0; i < N_COMMANDS; i++)
        if (!strcmp(word, commands[i])) return true;
    return false;
}

static bool read_command(Options *options, const char *word)
{
    if (!word) options->command = "repl";
    else if (!strcmp(word, "--help") || !strcmp(word, "-h")) options->command = "help";
    else if (!strcmp(word, "--version") || !strcmp(word, "-V")) options->command = "version";
    else if (is_command(word)) options->command = word;
    else if (*word == '-') options->command = "repl";           /* ebm --seed 3: a prompt with options */
    else if (strchr(word, '.')) return refuse("'%s' is no command; to run a file: ebm run FILE", word, NULL);
    else return refuse("unknown command '%s'", word, ebm_nearest(word, commands, N_COMMANDS));
    return true;
}

bool options_read(Options *options, int argc, char **argv)
{
    *options = (Options){ 0 };
    options->settings.set_names = options->set_names;
    options->settings.set_values = options->set_values;
    if (!read_command(options, argc > 1 ? argv[1] : NULL)) return false;
    int at = argc > 1 && (is_command(argv[1]) || !strcmp(options->command, "help") || !strcmp(options->command, "version")) ? 2 : 1;
    bool only_operands = false;
    while (at < argc) {
        if (!only_operands && !strcmp(argv[at], "--")) {
            only_operands = true;
            at++;
        } else if (!only_operands && argv[at][0] == '-' && argv[at][1]) {
            if (!strcmp(argv[at], "--help")) options->command = "help";
            int used = !strcmp(argv[at], "--help") ? 1 : read_word(options, argv + at);
            if (!used) return false;
            at += used;
        } else if (options->n_operands == MAX_OPERANDS) {
            return refuse("'%s' is one word too many", argv[at], NULL);
        } else {
            options->operands[options->n_operands++] = argv[at++];
        }
    }
    return true;
}

void options_free(Options *options)
{
    for (int i = 0; i < options->settings.n_sets; i++) free((char *)(uintptr_t)options->set_names[i]);
}

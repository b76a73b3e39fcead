/* listen.c: what a run tells: results on stdout, progress on stderr (one live line on a terminal, a plain line every few seconds
 * elsewhere), or everything as lines of JSON on stdout. */
#define _GNU_SOURCE
#include "cli/listen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const double PLAIN_SECONDS = 5;

Listener listener_new(bool json, bool picture)
{
    Listener listener = { .json = json };
    listener.live = isatty(STDERR_FILENO) && !json;
    listener.color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && !json;
    listener.picture = picture || isatty(STDOUT_FILENO);
    return listener;
}

/* ---- the progress line ---- */

static int terminal_columns(void)
{
    struct winsize size;
    return !ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col > 10 ? size.ws_col : 80;
}

static void write_time(FILE *out, double seconds)
{
    long s = lround(seconds);
    if (s >= 3600) fprintf(out, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else fprintf(out, "%ld:%02ld", s / 60, s % 60);
}

static void write_values(FILE *out, const EbmEvent *event)
{
    for (int i = 0; i < event->n; i++) fprintf(out, "  %s %.4g", event->names[i], event->values[i]);
}

/* "fit  1200/5000  24 %  810 steps/s  0:05 left  loss 0.1234  scale 0.01" */
static void write_progress(FILE *out, const EbmEvent *event)
{
    fprintf(out, "%s  %lld", event->train, (long long)event->step);
    if (event->steps) fprintf(out, "/%lld  %.0f %%", (long long)event->steps, 100.0 * (double)event->step / (double)event->steps);
    if (event->rate > 0) fprintf(out, event->rate < 10 ? "  %.2f steps/s" : "  %.0f steps/s", event->rate);
    if (event->left > 0) {
        fputs("  ", out);
        write_time(out, event->left);
        fputs(" left", out);
    }
    write_values(out, event);
}

void listener_clear(Listener *listener)
{
    if (listener->line_shown) fputs("\r\033[K", stderr);
    listener->line_shown = false;
}

/* Bytes of at most `columns` code points. */
static int cut(const char *text, int columns)
{
    int bytes = 0;
    while (text[bytes] && columns > 0) {
        bytes++;
        if (((unsigned char)text[bytes] & 0xC0) != 0x80) columns--;
    }
    return bytes;
}

static void show_progress(Listener *listener, const EbmEvent *event)
{
    if (!listener->live && event->seconds - listener->last_line < PLAIN_SECONDS) return;
    listener->last_line = event->seconds;
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out) return;
    write_progress(out, event);
    fclose(out);
    if (listener->live) fprintf(stderr, "\r%.*s\033[K", cut(text, terminal_columns() - 1), text);
    else fprintf(stderr, "%s\n", text);
    listener->line_shown = listener->live;
    fflush(stderr);
    free(text);
}

/* ---- for readers ---- */

static void tell_end(const EbmEvent *event)
{
    fprintf(stderr, "%s: %lld steps in %.1f s", event->train, (long long)event->step, event->seconds);
    if (event->rate > 0) fprintf(stderr, ", %.0f steps/s", event->rate);
    write_values(stderr, event);
    if (event->text) fprintf(stderr, "; ended early: %s", event->text);
    fputc('\n', stderr);
}

static void tell_record(const EbmEvent *event)
{
    fprintf(stderr, "%s  step %lld", event->train, (long long)event->step);
    write_values(stderr, event);
    fputc('\n', stderr);
}

static void tell_claim(Listener *listener, const EbmEvent *event)
{
    const char *verdict = event->holds ? "holds" : "FAILS";
    const char *color = !listener->color ? "" : event->holds ? "\033[32m" : "\033[1;31m";
    printf("claim %s%s%s: %s", color, verdict, listener->color ? "\033[0m" : "", event->text);
    if (event->detail) printf(" (%s)", event->detail);
    putchar('\n');
}

static void tell_reader(Listener *listener, const EbmEvent *event)
{
    if (event->kind == EBM_TRAIN_STEP) {
        show_progress(listener, event);
        return;
    }
    listener_clear(listener);
    switch (event->kind) {
    case EBM_TRAIN_BEGINS:  listener->last_line = 0; break;
    case EBM_TRAIN_RECORD:  tell_record(event); break;
    case EBM_TRAIN_ENDS:    tell_end(event); break;
    case EBM_PRINTED:       fputs(event->text, stdout); break;
    case EBM_CLAIM:         tell_claim(listener, event); break;
    case EBM_PICTURE:       if (listener->picture || !event->detail) fputs(event->text, stdout); break;
    case EBM_WROTE:         printf("wrote %s\n", event->text); break;
    case EBM_NOTE:          fprintf(stderr, "note: %s\n", event->text); break;
    case EBM_TRAIN_STEP:    break;
    }
    fflush(stdout);
}

/* ---- for programs ---- */

static void write_json_string(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\') printf("\\%c", *c);
        else if (*c == '\n') fputs("\\n", stdout);
        else if (*c < 0x20) printf("\\u%04x", *c);
        else putchar(*c);
    }
    putchar('"');
}

static void write_json_text(const char *key, const char *text)
{
    if (!text) return;
    printf(", \"%s\": ", key);
    write_json_string(text);
}

/* JSON has no infinities and no "not a number". */
static void write_json_number(double value)
{
    if (isfinite(value)) printf("%.9g", value);
    else fputs("null", stdout);
}

static void write_json_values(const EbmEvent *event)
{
    fputs(", \"values\": {", stdout);
    for (int i = 0; i < event->n; i++) {
        if (i) fputs(", ", stdout);
        write_json_string(event->names[i]);
        fputs(": ", stdout);
        write_json_number(event->values[i]);
    }
    putchar('}');
}

static void tell_program(const EbmEvent *event)
{
    static const char *const kinds[] = {
        [EBM_TRAIN_BEGINS] = "begin", [EBM_TRAIN_STEP] = "step", [EBM_TRAIN_RECORD] = "record", [EBM_TRAIN_ENDS] = "end",
        [EBM_PRINTED] = "print", [EBM_CLAIM] = "claim", [EBM_PICTURE] = "picture", [EBM_WROTE] = "wrote", [EBM_NOTE] = "note"
    };
    printf("{\"event\": \"%s\"", kinds[event->kind]);
    write_json_text("train", event->train);
    if (event->train) {
        printf(", \"step\": %lld", (long long)event->step);
        if (event->steps) printf(", \"steps\": %lld", (long long)event->steps);
        if (event->seconds > 0) printf(", \"seconds\": %.3f", event->seconds);
        if (event->rate > 0) printf(", \"rate\": %.6g", event->rate);
    }
    write_json_text("text", event->text);
    write_json_text("detail", event->detail);
    if (event->kind == EBM_CLAIM) printf(", \"holds\": %s", event->holds ? "true" : "false");
    if (event->n) write_json_values(event);
    puts("}");
    fflush(stdout);
}

/* ---- both ---- */

void listener_hear(void *context, const EbmEvent *event)
{
    Listener *listener = context;
    if (event->kind == EBM_CLAIM) {
        listener->claims++;
        listener->failed += !event->holds;
    }
    if (listener->json) tell_program(event);
    else tell_reader(listener, event);
}

void listener_close(Listener *listener)
{
    listener_clear(listener);
    if (!listener->claims || listener->json) return;
    if (listener->claims == 1 && listener->failed) puts("the claim fails");
    else if (!listener->failed) printf(listener->claims == 1 ? "the claim holds\n" : "all %d claims hold\n", listener->claims);
    else printf("%d of %d claims %s\n", listener->failed, listener->claims, listener->failed == 1 ? "fails" : "fail");
}

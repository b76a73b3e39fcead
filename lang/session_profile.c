/* session_profile.c: where a run's time went, told by kind of instruction, by line of the text and by instruction; and the same as files:
 * profile.tsv, a line for each instruction, and profile.folded, stacks of places in the text with microseconds, for a flame graph.
 *
 * An instruction stands at the place its values came from; its line of the text is where the calls that led there began.  The time of a fused map
 * is divided among its steps by their flops.  Share of the bound: the time it would take at the machine's measured rates
 * (flops at the rate of products, bytes at that of the second cache, or of what lies beyond for operands that do not fit), by the time it took. */
#define _GNU_SOURCE
#include "lang/session_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_LINES = 12, SHOWN_INSTRUCTIONS = 16, PLACE_BYTES = 200 };

/* ---- Places ---- */

static bool is_library(const Source *source) { return !strncmp(source->name, "<stdlib>/", 9); }

/* The place in the text where the calls that led to the origin began: the innermost that is not the library's. */
static const Origin *text_place(const Origin *origin)
{
    for (const Origin *o = origin; o; o = o->caller)
        if (o->span.source && !is_library(o->span.source)) return o;
    return origin;
}

/* "file:line" without the file's folders; "-" for what has no place. */
static const char *write_place(char text[PLACE_BYTES], const Origin *o)
{
    if (!o || !o->span.source) return "-";
    const char *slash = strrchr(o->span.source->name, '/');
    snprintf(text, PLACE_BYTES, "%s:%d", slash ? slash + 1 : o->span.source->name, source_position(o->span.source, o->span.start).line);
    return text;
}

static bool is_map(const ProfileRow *row) { return !strcmp(row->kind, "map"); }

/* ---- Sums over rows with equal keys ---- */

typedef struct Sum { const char *key; const Origin *place; double seconds, flops, bytes, bound; int number; } Sum;
typedef struct Sums { Arena *memory; int n, room; Sum *at; } Sums;

/* Rows are some thousands at most, keys some hundreds: a list will do. */
static Sum *sum_of(Sums *sums, const char *key)
{
    for (int i = 0; i < sums->n; i++)
        if (!strcmp(sums->at[i].key, key)) return &sums->at[i];
    if (sums->n == sums->room) {
        int room = sums->room ? 2 * sums->room : 32;
        Sum *at = ARENA_ARRAY(sums->memory, Sum, room);
        if (sums->n) memcpy(at, sums->at, (size_t)sums->n * sizeof *at);
        sums->at = at;
        sums->room = room;
    }
    sums->at[sums->n] = (Sum){ .key = arena_copy(sums->memory, key, strlen(key)), .number = sums->n };
    return &sums->at[sums->n++];
}

static void add_share(Sum *sum, const ProfileRow *row, double share)
{
    sum->seconds += share * row->seconds;
    sum->flops += share * row->flops;
    sum->bytes += share * row->bytes;
    sum->bound += share * row->bound;
}

static int compare_sums(const void *a, const void *b)
{
    const Sum *x = a, *y = b;
    if (x->seconds != y->seconds) return x->seconds < y->seconds ? 1 : -1;
    return x->number - y->number;
}

static void sort_sums(Sums *sums)
{
    if (sums->n) qsort(sums->at, (size_t)sums->n, sizeof *sums->at, compare_sums);
}

static Sums by_kind(Arena *memory, const Profile *p)
{
    Sums sums = { .memory = memory };
    for (int i = 0; i < p->n; i++) add_share(sum_of(&sums, p->rows[i].kind), &p->rows[i], 1);
    sort_sums(&sums);
    return sums;
}

static Sums by_line(Arena *memory, const Profile *p)
{
    char text[PLACE_BYTES];
    Sums sums = { .memory = memory };
    for (int i = 0; i < p->n; i++)
        for (int k = 0; k < p->rows[i].n_parts; k++) {
            const ProfilePart *part = &p->rows[i].parts[k];
            Sum *sum = sum_of(&sums, write_place(text, text_place(part->origin)));
            if (!sum->place) sum->place = text_place(part->origin);
            add_share(sum, &p->rows[i], part->share);
        }
    sort_sums(&sums);
    return sums;
}

/* ---- The tables ---- */

static double of_hundred(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }
static double giga(double amount, double seconds) { return seconds > 0 ? amount / seconds * 1e-9 : 0; }

static void write_figures(FILE *out, const Sum *s, double all)
{
    fprintf(out, "%10.4f %5.1f %8.1f %7.1f %8.0f  ", s->seconds, of_hundred(s->seconds, all), giga(s->flops, s->seconds), giga(s->bytes, s->seconds),
            of_hundred(s->bound, s->seconds));
}

static void write_heading(FILE *out, const char *title) { fprintf(out, "\n   seconds     %%  Gflop/s    GB/s  %% bound  %s\n", title); }

static double all_seconds(const Profile *p)
{
    double sum = 0;
    for (int i = 0; i < p->n; i++) sum += p->rows[i].seconds;
    return sum;
}

static double all_waiting(const Profile *p)
{
    double sum = 0;
    for (int i = 0; i < p->n; i++) sum += p->rows[i].waiting;
    return sum;
}

static void write_kinds(FILE *out, Arena *memory, const Profile *p)
{
    Sums kinds = by_kind(memory, p);
    write_heading(out, "kind of instruction");
    for (int i = 0; i < kinds.n; i++) {
        write_figures(out, &kinds.at[i], all_seconds(p));
        fprintf(out, "%s\n", strcmp(kinds.at[i].key, "region") ? kinds.at[i].key : "between the instructions of regions");
    }
}

static void write_lines(FILE *out, Arena *memory, const Profile *p)
{
    Sums lines = by_line(memory, p);
    write_heading(out, "line of the text");
    for (int i = 0; i < lines.n && i < SHOWN_LINES; i++) {
        const Sum *s = &lines.at[i];
        write_figures(out, s, all_seconds(p));
        fprintf(out, "%s", s->key);
        if (s->place && s->place->span.source) {
            size_t length;
            const char *line = source_line(s->place->span.source, s->place->span.start, &length);
            while (length && *line == ' ') line++, length--;
            fprintf(out, "  %.*s", (int)(length < 70 ? length : 70), line);
        }
        fputc('\n', out);
    }
    if (lines.n > SHOWN_LINES) fprintf(out, "%42s%d further lines\n", "", lines.n - SHOWN_LINES);
}

static int compare_rows(const void *a, const void *b)
{
    const ProfileRow *x = *(const ProfileRow *const *)a, *y = *(const ProfileRow *const *)b;
    if (x->seconds != y->seconds) return x->seconds < y->seconds ? 1 : -1;
    return x < y ? -1 : x > y;
}

static const ProfileRow **sorted_rows(Arena *memory, const Profile *p)
{
    const ProfileRow **rows = ARENA_ARRAY(memory, const ProfileRow *, p->n + 1);
    for (int i = 0; i < p->n; i++) rows[i] = &p->rows[i];
    qsort(rows, (size_t)p->n, sizeof *rows, compare_rows);
    return rows;
}

/* "fit: product dot %812", with where it came from and, if that is the library, from where in the text. */
static void write_row_name(FILE *out, const ProfileRow *row)
{
    char text[PLACE_BYTES];
    const Origin *place = text_place(row->origin);
    fprintf(out, "%s: %s", row->label, row->kind);
    if (is_map(row)) fprintf(out, " of %d", row->n_parts);
    else if (op_info[row->op].family != FAMILY_LEAF && strcmp(row->kind, "region")) fprintf(out, " %s", op_info[row->op].name);
    fprintf(out, "  %%%u %s", row->node, write_place(text, row->origin));
    if (place != row->origin) fprintf(out, " < %s", write_place(text, place));
}

static void write_instructions(FILE *out, Arena *memory, const Profile *p)
{
    const ProfileRow **rows = sorted_rows(memory, p);
    write_heading(out, "instruction, node of the graph, place");
    for (int i = 0; i < p->n && i < SHOWN_INSTRUCTIONS; i++) {
        Sum sum = { 0 };
        add_share(&sum, rows[i], 1);
        write_figures(out, &sum, all_seconds(p));
        write_row_name(out, rows[i]);
        fputc('\n', out);
    }
    if (p->n > SHOWN_INSTRUCTIONS) fprintf(out, "%42s%d further instructions: see profile.tsv\n", "", p->n - SHOWN_INSTRUCTIONS);
}

static void write_report(FILE *out, const Profile *p)
{
    Arena memory = { 0 };
    fprintf(out, "profile: %.4f s in %.0f runs of code; the threads worked %.4f s and waited %.4f s\n", p->run_seconds, p->runs, all_seconds(p), all_waiting(p));
    fprintf(out, "a thread of this machine at best: %.0f Gflop/s in products, %.0f GB/s in the second cache, %.0f GB/s beyond\n", p->rates.flops * 1e-9,
            p->rates.near_bytes * 1e-9, p->rates.far_bytes * 1e-9);
    write_kinds(out, &memory, p);
    write_lines(out, &memory, p);
    write_instructions(out, &memory, p);
    arena_free(&memory);
}

/* ---- The files ---- */

static void write_tsv(FILE *out, const Profile *p)
{
    char text[PLACE_BYTES], caller[PLACE_BYTES];
    fputs("of\tinstruction\top\tnode\tplace\tline\truns\tseconds\twaiting\tflops\tbytes\tbound\n", out);
    for (int i = 0; i < p->n; i++) {
        const ProfileRow *r = &p->rows[i];
        fprintf(out, "%s\t%s\t%s\t%u\t%s\t%s\t%.0f\t%.9f\t%.9f\t%.6g\t%.6g\t%.9f\n", r->label, r->kind, strcmp(r->kind, "region") ? op_info[r->op].name : "-", r->node, write_place(text, r->origin),
                write_place(caller, text_place(r->origin)), r->runs, r->seconds, r->waiting, r->flops, r->bytes, r->bound);
    }
}

/* The places from the outermost call inwards, each as "what file:line;". */
static void write_stack(FILE *out, const Origin *origin)
{
    char text[PLACE_BYTES];
    if (!origin) return;
    write_stack(out, origin->caller);
    if (!origin->span.source) return;
    if (origin->what) fprintf(out, "%s ", origin->what);
    fprintf(out, "%s;", write_place(text, origin));
}

static void write_folded(FILE *out, const Profile *p)
{
    for (int i = 0; i < p->n; i++)
        for (int k = 0; k < p->rows[i].n_parts; k++) {
            const ProfileRow *row = &p->rows[i];
            double microseconds = row->seconds * row->parts[k].share * 1e6;
            if (microseconds < 0.5) continue;
            fprintf(out, "%s;", row->label);
            write_stack(out, row->parts[k].origin);
            fprintf(out, "%s %.0f\n", is_map(row) ? op_info[row->parts[k].op].name : row->kind, microseconds);
        }
}

static bool write_file(Session *session, const char *name, void (*write)(FILE *, const Profile *))
{
    char *path = session_out_path(session, name, (Span){ 0 });
    if (!path) return false;
    FILE *out = fopen(path, "w");
    if (out) write(out, session->profile);
    bool well = out && !ferror(out);
    if (out && fclose(out)) well = false;
    if (well) session_tell(session, &(EbmEvent){ .kind = EBM_WROTE, .text = path });
    else diag_error(session->diagnostics, "E0811", (Span){ 0 }, "\"%s\" was not written: %s", path, strerror(errno))->fault = FAULT_MACHINE;
    free(path);
    return well;
}

bool session_report_profile(Session *session)
{
    if (!session->profile || !session->profile->n) return true;
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out) return false;
    write_report(out, session->profile);
    fclose(out);
    session_tell(session, &(EbmEvent){ .kind = EBM_PRINTED, .text = text });
    free(text);
    bool well = write_file(session, "profile.tsv", write_tsv);
    return write_file(session, "profile.folded", write_folded) && well;
}

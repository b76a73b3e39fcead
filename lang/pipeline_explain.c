/* pipeline_explain.c: shows each stage of a program's way from text to code. */
#define _GNU_SOURCE
#include "lang/pipeline_inside.h"

#include <stdlib.h>
#include <string.h>
#include "lang/session_inside.h"
#include "vm/base/codes.h"

/* ---- text ---- */

EbmText ebm_text_state(const char *lines)
{
    Feed *feed = feed_new();
    FeedState state = FEED_MORE;
    while (*lines && state != FEED_ERROR) {
        size_t length = strcspn(lines, "\n");
        length += lines[length] == '\n';
        char *line = strndup(lines, length);
        if (!line) break;
        state = feed_line(feed, line);
        free(line);
        lines += length;
    }
    feed_free(feed);
    return state == FEED_MORE ? EBM_TEXT_MORE : state == FEED_DONE ? EBM_TEXT_WHOLE : EBM_TEXT_MISTAKEN;
}

bool ebm_explain_text(FILE *out, FILE *errors, const char *stage, const char *name, const char *text, size_t length)
{
    Diagnostics diagnostics = { 0 };
    Source *source = source_new(name, text, length);
    if (!source) return false;
    if (!strcmp(stage, "tokens")) {
        tokens_print(out, source, &diagnostics);
    } else {
        File *file = parse(source, &diagnostics);
        syntax_print(out, file);
        file_free(file);
    }
    bool well = !diagnostics.errors;
    diagnostics_print(errors, &diagnostics, false);
    diagnostics_free(&diagnostics);
    source_free(source);
    return well;
}

bool ebm_format(FILE *out, FILE *errors, const char *name, const char *text, size_t length)
{
    Diagnostics diagnostics = { 0 };
    Source *source = source_new(name, text, length);
    if (!source) return false;
    File *file = parse(source, &diagnostics);
    bool well = !diagnostics.errors;
    if (well) format_print(out, file);
    file_free(file);
    diagnostics_print(errors, &diagnostics, false);
    diagnostics_free(&diagnostics);
    source_free(source);
    return well;
}

bool ebm_explain_code(FILE *out, const char *code)
{
    const CodeInfo *info = code_info(code);
    if (!info) return false;
    fprintf(out, "%s: %s\n\n%s", info->code, info->title, info->text);
    return true;
}

const char *ebm_nearest(const char *name, const char *const *candidates, int count)
{
    return nearest_name(name, candidates, count);
}

/* ---- programs ---- */

/* What is shown of each program, and how many were. */
typedef struct Shower { Ebm *ebm; FILE *out; const char *stage, *name; bool dot; int shown; bool failed; } Shower;

/* Whether a slot or train called `title` belongs to the name asked for. */
static bool is_asked(const char *title, const char *name)
{
    if (!name) return true;
    size_t n = strlen(name);
    return !strncmp(title, name, n) && (!title[n] || strchr("./:", title[n]));
}

static void show_graph(Shower *s, const Program *program)
{
    Node **roots = calloc((size_t)program->n + 1, sizeof *roots);
    if (!roots) return;
    for (int i = 0; i < program->n; i++) roots[i] = program->outputs[i].value;
    if (!s->dot)
        for (int i = 0; i < program->n; i++)
            fprintf(s->out, "# %%%u -> %s\n", (unsigned)roots[i]->id, builder_script(s->ebm->builder)->store->slots[program->outputs[i].slot].name);
    graph_print(s->out, program->graph, roots, program->n, s->dot);
    free(roots);
}

static void show_code(Shower *s, const Program *program)
{
    Code *code = session_plan(s->ebm->session, program);
    if (!code) {
        s->failed = true;
        return;
    }
    Cost cost = code_cost(code);
    fprintf(s->out, "%.4g Mflop, %.4g MB moved, arena of %.4g MB\n", cost.flops * 1e-6, cost.bytes * 1e-6, (double)cost.arena * 1e-6);
    if (!strcmp(s->stage, "code")) code_print(s->out, code);
    code_free(code);
}

static void show_program(Shower *s, const char *title, const Program *program)
{
    if (!program->n || !is_asked(title, s->name)) return;
    s->shown++;
    if (!s->dot) fprintf(s->out, "== %s\n", title);
    if (!strcmp(s->stage, "graph")) show_graph(s, program);
    else show_code(s, program);
}

static void show_train(Shower *s, const Train *train)
{
    for (int p = 0; p < train->n_phases; p++) {
        char title[300];
        const char *phase = train->phases[p].name;
        snprintf(title, sizeof title, "%s%s%s", train->name, phase ? ":" : "", phase ? phase : "");
        show_program(s, title, &train->phases[p].program);
    }
}

static const char *action_title(const Action *action)
{
    switch (action->kind) {
    case ACTION_CLAIM: return "claim";
    case ACTION_PRINT: return "print";
    case ACTION_SHOW:  return "show";
    case ACTION_SAVE:  return "save";
    case ACTION_TRAIN: break;
    }
    return "train";
}

static void show_programs(Shower *s)
{
    const Script *script = builder_script(s->ebm->builder);
    for (int i = 0; i < script->n_fills; i++)
        if (script->fills[i].has_program) show_program(s, script->store->slots[i].name, &script->fills[i].program);
    for (int i = 0; i < script->n_actions; i++) {
        const Action *action = &script->actions[i];
        if (action->kind == ACTION_TRAIN) show_train(s, action->train);
        else show_program(s, action_title(action), &action->program);
    }
}

bool ebm_explain(Ebm *ebm, FILE *out, const char *stage, const char *name, bool dot)
{
    static const char *const stages[] = { "core", "graph", "plan", "code" };
    bool known = false;
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) known |= !strcmp(stage, stages[i]);
    if (!known || !ebm->builder) return false;
    if (!strcmp(stage, "core")) {
        if (name) builder_describe(ebm->builder, out, name);
        else builder_summary(ebm->builder, out);
        return true;
    }
    Shower shower = { .ebm = ebm, .out = out, .stage = stage, .name = name, .dot = dot };
    show_programs(&shower);
    return shower.shown > 0 && !shower.failed;
}

/* ---- what is known of names ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void ebm_complete(Ebm *ebm, FILE *out, const char *prefix)
{
    if (!ebm->builder) ebm_add(ebm, "<prompt>", "", 0);
    if (!ebm->builder) return;
    const char **names = NULL;
    int n = builder_names(ebm->builder, &names);
    if (n) qsort(names, (size_t)n, sizeof *names, compare_names);
    for (int i = 0; i < n; i++)
        if (!strncmp(names[i], prefix, strlen(prefix)) && (!i || strcmp(names[i], names[i - 1]))) fprintf(out, "%s\n", names[i]);
    free(names);
}

bool ebm_describe(Ebm *ebm, FILE *out, const char *name)
{
    if (!ebm->builder && !ebm_add(ebm, "<prompt>", "", 0)) return false;
    builder_describe(ebm->builder, out, name);
    return true;
}

/* Flops and memory of each train's step, as planned. */
static void write_costs(Ebm *ebm, FILE *out)
{
    const Script *script = builder_script(ebm->builder);
    for (int i = 0; i < script->n_actions; i++) {
        if (script->actions[i].kind != ACTION_TRAIN) continue;
        const Train *train = script->actions[i].train;
        Cost cost = { 0 };
        for (int p = 0; p < train->n_phases; p++) {
            Code *code = session_plan(ebm->session, &train->phases[p].program);
            if (!code) return;
            Cost one = code_cost(code);
            cost = (Cost){ one.arena > cost.arena ? one.arena : cost.arena, cost.flops + one.flops, cost.bytes + one.bytes };
            code_free(code);
        }
        fprintf(out, "a step of %s: %.4g Mflop, %.4g MB moved, %.4g MB of memory\n", train->name, cost.flops * 1e-6, cost.bytes * 1e-6,
                (double)cost.arena * 1e-6);
    }
}

void ebm_summary(Ebm *ebm, FILE *out)
{
    if (!ebm->builder) return;
    builder_summary(ebm->builder, out);
    write_costs(ebm, out);
}

bool ebm_type(Ebm *ebm, FILE *out, const char *expression)
{
    if (!ebm->builder && !ebm_add(ebm, "<prompt>", "", 0)) return false;
    char *line = NULL;
    if (asprintf(&line, "%s\n", expression) < 0) return false;
    Script *script = builder_script(ebm->builder);
    int before = script->n_actions;
    bool well = pipeline_try(ebm, line);
    for (int i = before; well && i < script->n_actions; i++)
        for (int v = 0; v < script->actions[i].n_values; v++) {
            const Shape *shape = &script->store->slots[script->actions[i].values[v]].shape;
            fputc('[', out);
            for (int a = 0; a < shape->n; a++) fprintf(out, "%s%lld", a ? ", " : "", (long long)axis_size(shape->at[a]));
            fputs("]\n", out);
        }
    script->n_actions = before;
    free(line);
    return well;
}

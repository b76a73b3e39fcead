/* summary.c: summary(f): the layers of a net or an energy, what each takes and gives, its parameters and operations.
 *
 * The definition is built once on stand-ins of its declared shapes; meanwhile every call of a layer or a net inside leaves a row. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lang/graph/builder.h"

typedef struct Row { const char *path, *takes, *gives; int depth; int64_t params; double flops; uint32_t begin; } Row;

struct Summary { int n, room, depth; Row *rows; };

/* ---- operations ---- */

static double flops_of(const Node *n)
{
    double each = op_info[n->op].flops, count;
    if (n->op == OP_dot) {
        Axes all = axes_union(&n->in[0]->axes, &n->in[1]->axes);
        count = 2 * (double)axes_count(&all);
    } else if (op_info[n->op].family == FAMILY_MAP) count = each * (double)axes_count(&n->axes);
    else if (n->n_in) count = each * (double)axes_count(&n->in[0]->axes);
    else return 0;
    for (const Loop *l = n->scope; l; l = l->outer) count *= (double)l->passes;
    return count;
}

static double flops_since(const Graph *g, uint32_t begin)
{
    double sum = 0;
    for (uint32_t id = begin; id < graph_size(g); id++) {
        const Node *n = graph_node(g, id);
        if (n) sum += flops_of(n);
    }
    return sum;
}

/* ---- rows ---- */

static const char *shapes_of(Builder *b, Value **v, int n)
{
    const char *text = "";
    for (int i = 0; i < n; i++)
        if (v[i] && v[i]->kind == VALUE_ARRAY) text = arena_format(b->arena, "%s%s%s", text, *text ? ", " : "", shape_text(b, v[i]->shape));
    return text;
}

int summary_enter(Builder *b, const Closure *c, const char *path, Value **v, int n)
{
    Summary *s = b->summary;
    if (!s || c->kind != CLOSURE_DEF || c->def->kind > DEF_ENERGY) return -1;
    int at = 0;
    while (at < s->n && (s->rows[at].depth != s->depth || strcmp(s->rows[at].path, path) != 0)) at++;   /* used before: one row */
    if (at == s->n) {
        s->rows = grown(b, s->rows, s->n, &s->room, sizeof *s->rows);
        s->rows[s->n++] = (Row){ .path = path, .takes = shapes_of(b, v, n), .depth = s->depth };
    }
    s->rows[at].begin = graph_size(b->g);
    s->depth++;
    return at;
}

void summary_leave(Builder *b, int at, Value *result)
{
    if (at < 0) return;
    Row *row = &b->summary->rows[at];
    b->summary->depth--;
    row->gives = shapes_of(b, &result, 1);
    row->params = count_params(b, row->path);
    row->flops += flops_since(b->g, row->begin);
}

/* ---- the text ---- */

static bool owns(const char *root, const char *path)
{
    size_t n = strlen(root);
    return !strncmp(path, root, n) && path[n] == '.';
}

/* Its own, and those of the nets it calls. */
static int64_t params_in(const Summary *s, int at)
{
    int64_t sum = s->rows[at].params;
    for (int i = at + 1; i < s->n && s->rows[i].depth > s->rows[at].depth; i++)
        if (s->rows[i].depth == s->rows[at].depth + 1 && !owns(s->rows[at].path, s->rows[i].path)) sum += params_in(s, i);
    return sum;
}

static const char *row_name(Builder *b, const Summary *s, int at)
{
    const char *path = s->rows[at].path;
    int caller = at - 1;
    while (caller >= 0 && s->rows[caller].depth >= s->rows[at].depth) caller--;
    if (caller >= 0 && owns(s->rows[caller].path, path)) path += strlen(s->rows[caller].path) + 1;
    return arena_format(b->arena, "%*s%s", 2 * s->rows[at].depth, "", path);
}

static const char *flops_text(Builder *b, double flops)
{
    return flops < 1e6 ? arena_format(b->arena, "%.3g k", flops / 1e3) : flops < 1e9 ? arena_format(b->arena, "%.3g M", flops / 1e6) : arena_format(b->arena, "%.3g G", flops / 1e9);
}

static const char *table_of(Builder *b, const Summary *s, const char *said)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return "";
    int wide[3] = { 5, 5, 5 };
    for (int i = 0; i < s->n; i++) {
        const char *cell[3] = { row_name(b, s, i), s->rows[i].takes, s->rows[i].gives };
        for (int k = 0; k < 3; k++) if ((int)strlen(cell[k]) > wide[k]) wide[k] = (int)strlen(cell[k]);
    }
    fprintf(out, "%-*s  %-*s  %-*s  parameters  operations", wide[0], "layer", wide[1], "takes", wide[2], "gives");
    for (int i = 0; i < s->n; i++) {
        const Row *r = &s->rows[i];
        fprintf(out, "\n%-*s  %-*s  %-*s  %10lld  %10s", wide[0], row_name(b, s, i), wide[1], r->takes, wide[2], r->gives, (long long)params_in(s, i), flops_text(b, r->flops));
    }
    if (said) fprintf(out, "\nwith %s", said);
    fclose(out);
    const char *copy = arena_copy(b->arena, text, size);
    free(text);
    return copy;
}

Value *call_summary(Builder *b, Scope *scope, const CallArgs *args)
{
    (void)scope;
    Value *f = args->at[0].value;
    if (f->kind != VALUE_FUNCTION || f->fn->kind != CLOSURE_DEF || f->fn->def->kind > DEF_ENERGY || f->fn->def->kind == DEF_LAYER || !f->fn->def->n_signatures) {
        Diagnostic *d = complain(b, "E0347", args->span, "summary takes a net or an energy that the text defines, but this is %s", value_text(b, f));
        diag_help(d, "a layer takes its sizes from what it is used on: net f(x: [2]) -> [] = x |> ..; show summary(f)");
        return b->none;
    }
    Summary rows = { .n = 0 }, *before = b->summary;
    b->summary = &rows;
    const char *said = try_net(b, f->fn);
    b->summary = before;
    Value *v = value_new(b, VALUE_STRING);
    v->string = table_of(b, &rows, said);
    return v;
}

/* graph_print.c: a graph as text, one node a line, or as a graphviz picture. */
#include <stdlib.h>
#include "vm/base/graph_inner.h"

static int by_id(const void *a, const void *b)
{
    const Node *const *x = a, *const *y = b;
    return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

/* All nodes that the roots need, in order of ids. */
static NodeList needed(const Graph *g, Node *const *roots, int n)
{
    NodeList list = { 0 };
    char *seen = calloc(g->n + 1, 1);
    if (!seen) abort();
    for (int i = 0; i < n; i++)
        if (!seen[roots[i]->id]) seen[roots[i]->id] = 1, node_list_push(&list, roots[i]);
    for (int at = 0; at < list.n; at++)
        for (int i = 0; i < list.at[at]->n_in; i++) {
            Node *in = list.at[at]->in[i];
            if (!seen[in->id]) seen[in->id] = 1, node_list_push(&list, in);
        }
    free(seen);
    if (list.n) qsort(list.at, (size_t)list.n, sizeof *list.at, by_id);
    return list;
}

/* An axis as number:size, items marked by a star. */
static void print_axis(FILE *out, Axis a)
{
    fprintf(out, "%u%s:%lld", axis_number(a) & ~ITEM_AXIS, axis_is_item(a) ? "*" : "", (long long)axis_size(a));
}

static void print_axes(FILE *out, const Axis *at, int n, char open, char close)
{
    fputc(open, out);
    for (int i = 0; i < n; i++) {
        if (i) fputc(' ', out);
        print_axis(out, at[i]);
    }
    fputc(close, out);
}

static void print_coord(FILE *out, const Coord *c)
{
    fputc(' ', out);
    print_axis(out, c->from);
    fprintf(out, "=%lld", (long long)c->offset);
    for (int k = 0; k < c->n; k++) {
        fprintf(out, "%+lld*", (long long)c->term[k].coef);
        print_axis(out, c->term[k].axis);
    }
    if (c->wrap) fputs(" wrap", out);
}

static void print_attributes(FILE *out, const Node *n)
{
    static const char *const kinds[] = { "uniform", "normal", "choose", "rows" };
    switch (n->op) {
    case OP_const: fprintf(out, " %.17g", n->value); break;
    case OP_slot: fprintf(out, " %llu epoch %lld", (unsigned long long)n->key, (long long)n->size); break;
    case OP_random:
        fprintf(out, " %s key %016llx size %lld ", kinds[n->kind], (unsigned long long)n->key, (long long)n->size);
        print_axes(out, n->to->at, n->to->n, '[', ']');
        break;
    case OP_carry: case OP_result: fprintf(out, " %llu of loop %u", (unsigned long long)n->key, n->loop->id); break;
    case OP_time: fprintf(out, " of loop %u", n->loop->id); break;
    case OP_loop:
        fprintf(out, " %u passes %lld carries %d keeps %d", n->loop->id, (long long)n->loop->passes, n->loop->n_carry, n->loop->n_keep);
        if (n->loop->until >= 0) fprintf(out, " until %d", n->loop->until);
        break;
    case OP_reshape:
        fputc(' ', out);
        print_axes(out, n->from->at, n->from->n, '[', ']');
        print_axes(out, n->to->at, n->to->n, '[', ']');
        break;
    default: break;
    }
    if (n->axis) fputs(" along ", out), print_axis(out, n->axis);
    if (n->flag) fputs(n->op == OP_cumsum ? " backward" : " descending", out);
    if (n->move)
        for (int i = 0; i < n->move->n; i++) print_coord(out, &n->move->at[i]);
}

static void print_line(FILE *out, const Node *n)
{
    fprintf(out, "%%%u = %s", n->id, op_info[n->op].name);
    for (int i = 0; i < n->n_in; i++) fprintf(out, " %%%u", n->in[i]->id);
    print_attributes(out, n);
    fputc(' ', out);
    print_axes(out, n->axes.at, n->axes.n, '{', '}');
    if (n->scope) fprintf(out, " in loop %u", n->scope->id);
    fputc('\n', out);
}

static void print_vertex(FILE *out, const Node *n)
{
    fprintf(out, "  n%u [label=\"%s", n->id, op_info[n->op].name);
    print_attributes(out, n);
    fputs("\\n", out);
    print_axes(out, n->axes.at, n->axes.n, '{', '}');
    fputs("\"];\n", out);
    for (int i = 0; i < n->n_in; i++) fprintf(out, "  n%u -> n%u;\n", n->in[i]->id, n->id);
}

void graph_print(FILE *out, const Graph *g, Node *const *roots, int n_roots, bool dot)
{
    NodeList list = needed(g, roots, n_roots);
    if (dot) fputs("digraph values {\n  node [shape=box, fontname=monospace];\n", out);
    for (int i = 0; i < list.n; i++) (dot ? print_vertex : print_line)(out, list.at[i]);
    if (dot) {
        fputs("}\n", out);
    } else {
        fputs("roots", out);
        for (int i = 0; i < n_roots; i++) fprintf(out, " %%%u", roots[i]->id);
        fputc('\n', out);
    }
    free(list.at);
}

/* describe.c: what is known of names, for the prompt, `ebm check` and `ebm doc`. */
#include <stdlib.h>
#include <string.h>
#include "lang/graph/builder.h"
#include "vm/io/data.h"

static void print_domain(FILE *out, Domain d)
{
    if (d.kind == CLASS_WHOLE) fprintf(out, "{%g..%g}", d.low, d.high);
    if (d.kind == CLASS_SPIN) fprintf(out, "{%g, %g}", d.low, d.high);
    if (d.kind == CLASS_BOX) fprintf(out, "%g..%g ", d.low, d.high);
    if (d.kind == CLASS_SPHERE) fputs("sphere", out);
    if (d.kind == CLASS_SIMPLEX) fputs("simplex", out);
    if (d.kind == CLASS_POSITIVE) fputs("positive", out);
}

static void print_value_type(Builder *b, FILE *out, const Value *v)
{
    if (v->kind == VALUE_ARRAY) {
        if (v->domain.kind != CLASS_WHOLE || v->shape.n) print_domain(out, v->domain);
        fputs(shape_text(b, v->shape), out);
        if (is_known(v)) fprintf(out, " = %g", known(v));
        return;
    }
    if (v->kind == VALUE_RECORD) {
        fputs("{ ", out);
        for (Field *f = v->fields; f; f = f->next) {
            fprintf(out, "%s: ", f->name);
            print_value_type(b, out, f->value);
            if (f->next) fputs(", ", out);
        }
        fputs(" }", out);
        return;
    }
    fputs(value_text(b, v), out);
}

static const char *signature(Builder *b, const Def *d)
{
    Span span = d->name.span;
    if (d->n_signatures) span = span_join(span, d->signatures[d->n_signatures - 1].span);
    if (d->result) span = span_join(span, d->result->span);
    Expr e = { .span = span };
    return expr_text(b, &e);
}

static bool owned_by(const ParamInfo *p, const char *root)
{
    size_t length = strlen(root);
    return !strncmp(p->path, root, length) && p->path[length] == '.';
}

int64_t count_params(Builder *b, const char *root)
{
    int64_t n = 0;
    for (int i = 0; i < b->n_params; i++)
        if (owned_by(&b->params[i], root) && !b->params[i].is_state && is_read(b, &b->params[i])) n += slot_count(&b->script.store->slots[b->params[i].slot]);
    return n;
}

static void print_doc(FILE *out, const char *doc)
{
    if (!doc) return;
    fputs("  ", out);
    for (; *doc; doc++) {
        fputc(*doc, out);
        if (*doc == '\n' && doc[1]) fputs("  ", out);
    }
    if (doc[-1] != '\n') fputc('\n', out);
}

static Global *named(Builder *b, const char *name)
{
    for (Global *g = b->buckets[mix_hash(0, name, 0) % GLOBAL_BUCKETS]; g; g = g->next) if (!strcmp(g->name, name)) return g;
    return NULL;
}

/* Whether the cell of a run is a layer's state. */
static bool is_layer_state(Builder *b, uint32_t slot)
{
    for (int i = 0; i < b->n_params; i++) if (b->params[i].slot == b->script.fills[slot].source) return b->params[i].is_state;
    return false;
}

static void describe_train(Builder *b, FILE *out, const Train *t)
{
    int64_t moved = 0;
    for (int i = 0; i < t->n_cells; i++) if (!t->is_state[i] && !is_layer_state(b, t->cells[i])) moved += slot_count(&b->script.store->slots[t->cells[i]]);
    fprintf(out, "train %s: ", t->name);
    if (t->steps) fprintf(out, "%lld steps", (long long)t->steps);
    if (t->seconds > 0) fprintf(out, "%s%g s", t->steps ? ", " : "", t->seconds);
    fprintf(out, ", moves %lld parameters\n", (long long)moved);
}

void builder_describe(Builder *b, FILE *out, const char *name)
{
    Global *g = named(b, name);
    const Builtin *f = g ? NULL : builtin_named(name);
    if (f) { fprintf(out, "%s\n  %s\n", f->usage, f->doc); return; }
    if (!g || !g->stmt) {
        fprintf(out, "%s is not defined\n", name);
        return;
    }
    const Stmt *s = g->stmt;
    const char *doc = s->kind == STMT_DEF && s->def->doc ? s->def->doc : s->doc;
    if (s->kind == STMT_DEF && s->def->kind != DEF_TRAIN) {
        fprintf(out, "%s %s\n", def_kind_name(s->def->kind), signature(b, s->def));
        int64_t n = count_params(b, name);
        if (n) fprintf(out, "  %lld parameters\n", (long long)n);
        for (int i = 0; n && i < b->n_params; i++) {
            const ParamInfo *p = &b->params[i];
            if (owned_by(p, name) && is_read(b, p)) fprintf(out, "    %s: %s%s\n", p->path, shape_text(b, b->script.store->slots[p->slot].shape), p->is_state ? " (state)" : "");
        }
        print_doc(out, doc);
        return;
    }
    Value *v = global_value(b, name, s->span);
    if (v && v->kind == VALUE_RUN) describe_train(b, out, v->run);
    else if (v) {
        fprintf(out, "%s: ", name);
        print_value_type(b, out, v);
        fputc('\n', out);
    }
    print_doc(out, doc);
}

/* Files that the text reads, by content. */
static void print_files(const Builder *b, FILE *out)
{
    for (int i = 0; i < b->script.n_digests; i++) {
        char *digest = data_digest(b->script.digests[i].path);
        fprintf(out, "file %s: %s\n", b->script.digests[i].path, digest ? digest : "unreadable");
        free(digest);
    }
}

void builder_summary(Builder *b, FILE *out)
{
    for (Global *g = b->first_global; g; g = g->order) {
        if (g->library || !g->stmt || g->target) continue;
        const Stmt *s = g->stmt;
        if (s->kind == STMT_DEF && s->def->kind == DEF_TRAIN) {
            if (g->value && g->value->kind == VALUE_RUN) describe_train(b, out, g->value->run);
        } else if (s->kind == STMT_DEF) {
            int64_t n = count_params(b, g->name);
            fprintf(out, "%s %s", def_kind_name(s->def->kind), signature(b, s->def));
            if (n) fprintf(out, "   %lld parameters", (long long)n);
            fputc('\n', out);
        } else if (g->value && g->value->kind != VALUE_NONE) {
            fprintf(out, "%s%s: ", s->kind == STMT_OPTION ? "option " : s->kind == STMT_DATA ? "data " : "", g->name);
            print_value_type(b, out, g->value);
            fputc('\n', out);
        }
    }
    print_files(b, out);
}

bool builder_builtin(int i, BuiltinText *text)
{
    static const BuiltinText derivatives[] = {
        { "grad", "grad[x](e)", "The gradient of e by x, in the shape of x; of an e for each item, each item's own." },
        { "hvp", "hvp[x](e, v)", "The second derivative of e by x, times v." },
        { "jvp", "jvp[x](y, v)", "The derivative of y along v." },
        { "laplacian", "laplacian[x](e)", "The sum of the second derivatives of e by the places of x." },
    };
    int n = (int)(sizeof derivatives / sizeof *derivatives);
    if (i < n) { *text = derivatives[i]; return true; }
    const Builtin *f = builtin_at(i - n);
    if (f) *text = (BuiltinText){ f->name, f->usage, f->doc };
    return f != NULL;
}

int builder_names(Builder *b, const char ***names)
{
    int n = 0, room = 0;
    for (Global *g = b->first_global; g; g = g->order) room++;
    for (int i = 0; builtin_at(i); i++) room++;
    *names = malloc(sizeof **names * (size_t)(room + 1));
    if (!*names) return 0;
    for (Global *g = b->first_global; g; g = g->order) (*names)[n++] = g->name;
    for (int i = 0; builtin_at(i); i++) (*names)[n++] = builtin_at(i)->name;
    return n;
}

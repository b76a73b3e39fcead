/* resolve.c: names of a file as a whole: the top level first, then every statement, then what concerns several of them. */
#include <string.h>
#include "lang/mean/resolver.h"

/* ---- the names of the top level ---- */

static int names_at_top(const Stmt *s)
{
    return s->kind == STMT_BIND ? s->targets.n : 1;
}

static void add_top(Resolver *r, TopItem *item, Name name)
{
    if (!name.text) return;
    if (!item->name.text) item->name = name;
    const TopName *taken = find_top(r, name.text);
    if (!taken) {
        r->tops[r->n_tops++] = (TopName){ name, item };
        return;
    }
    Diagnostic *d = diag_error(r->diagnostics, "E0202", name.span, "`%s` is defined twice", name.text);
    diag_note(d, taken->name.span, "the first definition is here");
    if (item->stmt->kind == STMT_BIND) diag_help(d, "a name stands for one value: give this one another name");
    else diag_help(d, "definitions may stand in any order, so there is one for each name: rename or delete one");
}

static void add_targets(Resolver *r, TopItem *item)
{
    for (int i = 0; i < item->stmt->targets.n; i++) {
        const Expr *target = item->stmt->targets.at[i];
        if (target->kind == EXPR_INDEX) target = target->kid[0];
        if (target->kind == EXPR_NAME) add_top(r, item, target->name);
    }
}

static void collect_top(Resolver *r)
{
    const Block *block = &r->file->block;
    int names = 0;
    for (int i = 0; i < block->n; i++) names += names_at_top(block->at[i]);
    r->items = ARENA_ARRAY(&r->arena, TopItem, block->n + 1);
    r->tops = ARENA_ARRAY(&r->arena, TopName, names + 1);
    for (int i = 0; i < block->n; i++) {
        const Stmt *s = block->at[i];
        TopItem *item = &r->items[r->n_items++];
        item->stmt = s;
        item->number = i;
        item->links_end = &item->links;
        switch (s->kind) {
        case STMT_DEF:
            r->has_train |= s->def->kind == DEF_TRAIN;
            add_top(r, item, s->def->name);
            break;
        case STMT_BIND: add_targets(r, item); break;
        case STMT_OPTION: case STMT_DATA: case STMT_USE: case STMT_LOAD: add_top(r, item, s->name); break;
        default: break;
        }
    }
}

/* ---- one statement of the top level ---- */

static void resolve_alone_at_top(Resolver *r, const Stmt *s)
{
    resolve_expr(r, s->value);
    if (r->damaged) return;                                     /* it may have stood in a body */
    Diagnostic *d = diag_error(r->diagnostics, "E0207", s->value->span, "this value is thrown away");
    diag_help(d, "write print .. to see it, or give it a name");
}

static void resolve_top(Resolver *r, TopItem *item)
{
    const Stmt *s = item->stmt;
    r->item = item;
    switch (s->kind) {
    case STMT_DEF:  resolve_def(r, s->def); break;
    case STMT_BIND: resolve_bind(r, s); break;
    case STMT_EXPR: resolve_alone_at_top(r, s); break;
    case STMT_PRECISION: want_word(r, s->name, (const char *const[]){ "f32", "f64" }, "precision"); break;
    default:
        if (s->type) resolve_type(r, s->type);
        if (s->value) resolve_expr(r, s->value);
        for (int i = 0; i < s->list.n; i++) resolve_expr(r, s->list.at[i]);
    }
    r->item = NULL;
}

bool is_broken(const Stmt *s, const Diagnostic *from)
{
    for (const Diagnostic *d = from; d; d = d->next)
        if (d->severity == SEVERITY_ERROR && d->span.source == s->span.source && d->span.start >= s->span.start && d->span.start < s->span.end) return true;
    return false;
}

bool is_damaged(const File *file, const Diagnostics *diagnostics)
{
    for (const Diagnostic *d = diagnostics->first; d; d = d->next)
        if (d->span.source == file->source && !strncmp(d->code, "E01", 3)) return true;
    return false;
}

bool resolve(const File *file, KnownNames known, Diagnostics *diagnostics)
{
    Resolver r = { .file = file, .known = known, .diagnostics = diagnostics };
    int errors = diagnostics->errors;
    r.damaged = is_damaged(file, diagnostics);
    collect_top(&r);
    enter_scope(&r, SCOPE_DEF);                                 /* the top level has no names of its own here: they are in tops */
    for (int i = 0; i < r.n_items; i++)
        if (!r.damaged || !is_broken(r.items[i].stmt, diagnostics->first)) resolve_top(&r, &r.items[i]);
    leave_scope(&r);
    report_unread_of_regimes(&r);
    check_recursion(&r);
    check_draws_in_energies(&r);
    check_runs_in_order(&r);
    arena_free(&r.arena);
    return diagnostics->errors == errors;
}

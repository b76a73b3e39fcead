/* resolve_order.c: what follows from who needs whom: recursion, random draws inside energies, runs used before they are trained. */
#include <string.h>
#include "lang/mean/resolver.h"

/* ---- recursion ---- */

typedef struct Walk { TopItem **path; Link **by; int n; } Walk;   /* by[i]: how path[i] leads on */

static const char *chain_text(Resolver *r, const Walk *walk, int from)
{
    const char *text = walk->path[from]->name.text;
    for (int i = from + 1; i < walk->n; i++) text = join_text(r, "%s -> %s", text, walk->path[i]->name.text);
    return join_text(r, "%s -> %s", text, walk->path[from]->name.text);
}

static bool is_value(const TopItem *item)
{
    return item->stmt->kind == STMT_BIND || item->stmt->kind == STMT_DATA || item->stmt->kind == STMT_OPTION;
}

static void report_cycle(Resolver *r, const Walk *walk, int from)
{
    const TopItem *first = walk->path[from];
    Diagnostic *d = diag_error(r->diagnostics, "E0208", walk->by[from]->at, "`%s` needs itself: %s", first->name.text, chain_text(r, walk, from));
    for (int i = from + 1; i < walk->n; i++)
        diag_note(d, walk->by[i]->at, "`%s` needs `%s` here", walk->path[i]->name.text, walk->by[i]->to->name.text);
    if (is_value(first)) diag_help(d, "a name stands for one value: give the new one another name");
    else if (first->stmt->kind == STMT_DEF && first->stmt->def->kind == DEF_TRAIN) diag_help(d, "inside a train write E, not %s.E: it is the run's own already", first->name.text);
    else diag_help(d, "there is no recursion; repeat n as t { x' = .. } is the loop");
}

static void walk_from(Resolver *r, Walk *walk, TopItem *item)
{
    item->mark = MARK_OPEN;
    walk->path[walk->n++] = item;
    for (Link *link = item->links; link; link = link->next) {
        walk->by[walk->n - 1] = link;
        if (link->to->mark == MARK_NEW) {
            walk_from(r, walk, link->to);
        } else if (link->to->mark == MARK_OPEN) {
            int from = walk->n - 1;
            while (walk->path[from] != link->to) from--;
            report_cycle(r, walk, from);
        }
    }
    walk->n--;
    item->mark = MARK_DONE;
}

static void clear_marks(Resolver *r)
{
    for (int i = 0; i < r->n_items; i++) r->items[i].mark = MARK_NEW;
}

void check_recursion(Resolver *r)
{
    clear_marks(r);
    Walk walk = { ARENA_ARRAY(&r->arena, TopItem *, r->n_items + 1), ARENA_ARRAY(&r->arena, Link *, r->n_items + 1), 0 };
    for (int i = 0; i < r->n_items; i++)
        if (r->items[i].mark == MARK_NEW) walk_from(r, &walk, &r->items[i]);
}

/* ---- draws inside energies ---- */

static const Def *def_of(const TopItem *item)
{
    return item->stmt->kind == STMT_DEF ? item->stmt->def : NULL;
}

/* The first definition, of those that `item` calls, that draws; energies answer for themselves. */
static const TopItem *drawing(TopItem *item)
{
    const Def *def = def_of(item);
    if (!def || !gives_a_value(def->kind) || item->mark != MARK_NEW) return NULL;
    item->mark = MARK_DONE;
    if (item->draw.source) return item;
    for (Link *link = item->links; link; link = link->next) {
        const TopItem *found = drawing(link->to);
        if (found) return found;
    }
    return NULL;
}

void check_draws_in_energies(Resolver *r)
{
    for (int i = 0; i < r->n_items; i++) {
        const Def *def = def_of(&r->items[i]);
        if (!def || def->kind != DEF_ENERGY) continue;
        clear_marks(r);
        for (Link *link = r->items[i].links; link; link = link->next) {
            const TopItem *found = drawing(link->to);
            if (!found) continue;
            Diagnostic *d = diag_error(r->diagnostics, "E0210", link->at, "the energy `%s` draws at random, in `%s`", def->name.text, found->name.text);
            diag_note(d, found->draw, "`%s` draws here", found->name.text);
            diag_help(d, "an energy is a function of its arguments: draw in the regime or train, and pass the values in");
        }
    }
}

/* ---- runs in text order ---- */

static bool is_train(const TopItem *item)
{
    const Def *def = def_of(item);
    return def && def->kind == DEF_TRAIN;
}

/* A train further down than `number` that `item` needs; what trains need is their own affair. */
static const TopItem *later_train(TopItem *item, int number)
{
    if (is_train(item)) return item->number > number ? item : NULL;
    if (item->mark != MARK_NEW) return NULL;
    item->mark = MARK_DONE;
    for (Link *link = item->links; link; link = link->next) {
        const TopItem *found = later_train(link->to, number);
        if (found) return found;
    }
    return NULL;
}

static bool is_done_in_order(const TopItem *item)
{
    switch (item->stmt->kind) {
    case STMT_CLAIM: case STMT_SHOW: case STMT_SAVE: case STMT_PRINT: return true;
    default: return is_train(item);
    }
}

void check_runs_in_order(Resolver *r)
{
    for (int i = 0; i < r->n_items; i++) {
        if (!is_done_in_order(&r->items[i])) continue;
        clear_marks(r);
        for (Link *link = r->items[i].links; link; link = link->next) {
            const TopItem *train = later_train(link->to, i);
            if (!train) continue;
            Diagnostic *d = diag_error(r->diagnostics, "E0225", link->at, "the run `%s` is used before it is trained", train->name.text);
            diag_note(d, train->name.span, "`%s` is trained here: trains and commands are done in text order", train->name.text);
            diag_help(d, is_train(&r->items[i]) ? "put the train `%s` first" : "move this below the train `%s`", train->name.text);
            break;
        }
    }
}

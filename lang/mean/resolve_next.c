/* resolve_next.c: x' is the next value of x.  Which names have one, that each gets at most one a pass, and that it is read
 * only once it is known. */
#include <string.h>
#include "lang/mean/resolver.h"

static const NextValue *find_next(const Resolver *r, const Meaning *m)
{
    for (const NameScope *s = r->scope; s; s = s->outer)
        for (const NextValue *n = s->nexts; n; n = n->next)
            if (n->of == m) return n;
    return NULL;
}

/* ---- reading ---- */

void read_next(Resolver *r, const Expr *e)
{
    Meaning *m = find_meaning(r, e->name.text);
    if (!m) {
        if (!is_name(r, e->name.text)) {
            use_name(r, e->name);
            return;
        }
        Diagnostic *d = diag_error(r->diagnostics, "E0211", e->span, "`%s` has no next value here", e->name.text);
        diag_help(d, "a prime stands for the next value of a state, of an operand, or of what repeat carries");
        return;
    }
    m->group->reads++;
    if (find_next(r, m)) return;
    Diagnostic *d = diag_error(r->diagnostics, "E0212", e->span, "%s' is read before it is defined", m->text);
    diag_note(d, m->span, "`%s` is first met here", m->text);
    diag_help(d, "write %s' = .. on a line above, or read `%s`, the value as the pass begins", m->text, m->text);
}

/* ---- writing ---- */

static bool is_made_in(const NameScope *scope, const Meaning *m)
{
    for (const Meaning *n = scope->names; n; n = n->next)
        if (n == m) return true;
    return false;
}

/* Inside repeat all that comes from outside it can be carried; elsewhere only cells and operands move. */
static bool can_move(const Resolver *r, const Meaning *m)
{
    const NameScope *repeat = innermost(r, SCOPE_REPEAT);
    if (m->kind == MEANING_STATE || m->kind == MEANING_PARAM) return true;
    if (repeat) return (m->kind == MEANING_LOCAL || m->kind == MEANING_OPERAND || m->kind == MEANING_SETTING) && !is_made_in(repeat, m);
    return m->kind == MEANING_OPERAND && r->def && (r->def->kind == DEF_SOLVER || r->def->kind == DEF_OPTIMIZER);
}

static void help_unmoved(const Resolver *r, Diagnostic *d, const char *text)
{
    DefKind kind = r->def ? r->def->kind : DEF_FN;
    if (innermost(r, SCOPE_REPEAT)) diag_help(d, "give `%s` its first value before repeat: what repeat carries comes from outside it", text);
    else if (kind == DEF_TRAIN || kind == DEF_REGIME || kind == DEF_OPTIMIZER) diag_help(d, "declare it: state %s = .. with its first value", text);
    else diag_help(d, "outside repeat a value has no next one: write another name, without a prime");
}

/* m: null for a name of the file. */
static void report_unmoved(Resolver *r, const char *text, Span span, const Meaning *m)
{
    Diagnostic *d = diag_error(r->diagnostics, "E0211", span, "`%s` has no next value: it is %s", text, m ? meaning_text(m->kind) : "a name of the file");
    if (m) diag_note(d, m->span, "`%s` is first met here", text);
    help_unmoved(r, d, text);
}

void want_first_value(Resolver *r, Name name, Span span)
{
    if (find_meaning(r, name.text) || find_top(r, name.text) || (r->damaged && !r->def)) return;
    Diagnostic *d = diag_error(r->diagnostics, "E0211", span, "%s' has no `%s` before it", name.text, name.text);
    help_unmoved(r, d, name.text);
    declare_in(r, r->scope, MEANING_STATE, name)->spared = true;   /* so that its uses are no further mistakes */
}

void set_next(Resolver *r, Name name, Span span)
{
    Meaning *m = find_meaning(r, name.text);
    if (r->damaged && !r->def) return;                          /* it stood in a body that was not read */
    if (!m || !can_move(r, m)) {
        report_unmoved(r, name.text, span, m);
        if (!m) return;
        m->spared = true;
    }
    for (const NextValue *n = r->scope->nexts; n; n = n->next)
        if (n->of == m && n->phase == r->phase) {
            Diagnostic *d = diag_error(r->diagnostics, "E0221", span, "%s' is given a value twice in one pass", name.text);
            diag_note(d, n->span, "the first time is here");
            diag_help(d, "a cell has one next value a pass: join the two into one expression");
            return;
        }
    NextValue *next = ARENA_NEW(&r->arena, NextValue);
    *next = (NextValue){ m, span, r->phase, r->scope->nexts };
    r->scope->nexts = next;
}

/* scope.c: which names are visible inside a definition, and what each is. */
#include <string.h>
#include "lang/mean/resolver.h"

void enter_scope(Resolver *r, ScopeKind kind)
{
    NameScope *scope = ARENA_NEW(&r->arena, NameScope);
    scope->kind = kind;
    scope->outer = r->scope;
    r->scope = scope;
}

NameScope *innermost(const Resolver *r, ScopeKind kind)
{
    for (NameScope *s = r->scope; s; s = s->outer)
        if (s->kind == kind) return s;
    return NULL;
}

static Meaning *find_in(const NameScope *scope, const char *text)
{
    for (Meaning *m = scope->names; m; m = m->next)
        if (!strcmp(m->text, text)) return m;
    return NULL;
}

Meaning *find_meaning(const Resolver *r, const char *text)
{
    for (const NameScope *s = r->scope; s; s = s->outer) {
        Meaning *m = find_in(s, text);
        if (m) return m;
    }
    return NULL;
}

TopName *find_top(const Resolver *r, const char *text)
{
    for (int i = 0; i < r->n_tops; i++)
        if (!strcmp(r->tops[i].name.text, text)) return &r->tops[i];
    return NULL;
}

const Def *find_def(const Resolver *r, const char *text)
{
    if (find_meaning(r, text)) return NULL;
    const TopName *top = find_top(r, text);
    return top && top->item->stmt->kind == STMT_DEF ? top->item->stmt->def : NULL;
}

bool is_known_name(const Resolver *r, const char *text)
{
    for (int i = 0; i < r->known.n; i++)
        if (!strcmp(r->known.at[i], text)) return true;
    return false;
}

const char *meaning_text(MeaningKind kind)
{
    switch (kind) {
    case MEANING_SETTING: return "a setting";
    case MEANING_OPERAND: return "an argument";
    case MEANING_SIZE:    return "a size";
    case MEANING_LOCAL:   return "a local value";
    case MEANING_STATE:   return "a state";
    case MEANING_PARAM:   return "a parameter";
    case MEANING_TERM:    return "a term";
    case MEANING_LOSS:    return "a loss";
    case MEANING_INDEX:   return "an index";
    case MEANING_PASS:    return "the number of the pass";
    case MEANING_BOUND:   return "bound in this expression";
    }
    return "";
}

/* ---- declaring ---- */

static bool is_argument(const Meaning *m)
{
    return m->kind == MEANING_SETTING || m->kind == MEANING_OPERAND || m->kind == MEANING_SIZE;
}

static void report_twice(Resolver *r, MeaningKind kind, Name name, const Meaning *taken)
{
    Diagnostic *d;
    if (is_argument(taken) && (kind == MEANING_SETTING || kind == MEANING_OPERAND)) {
        d = diag_error(r->diagnostics, "E0205", name.span, "two arguments are called `%s`", name.text);
        diag_help(d, "give one of them another name");
    } else if (kind == MEANING_BOUND || kind == MEANING_INDEX) {
        d = diag_error(r->diagnostics, "E0205", name.span, "`%s` is bound twice", name.text);
        diag_help(d, "write `%s` once", name.text);
    } else {
        d = diag_error(r->diagnostics, "E0204", name.span, "`%s` is given a value twice", name.text);
        bool places = r->in_equation && kind == MEANING_LOCAL;
        bool cell = taken->kind == MEANING_STATE || innermost(r, SCOPE_REPEAT);
        if (places) diag_help(d, "places of a value are not written over: say all of it in one equation, %s[i: n] = if i == 0 then .. else ..", name.text);
        else if (cell) diag_help(d, "a name stands for one value; the next value of a cell is written %s' = ..", name.text);
        else diag_help(d, "a name stands for one value: call the second one otherwise; only a state, or a value that repeat carries, "
                          "has a next value, written %s' = ..", name.text);
    }
    diag_note(d, taken->span, "`%s` is first met here", name.text);
}

static void report_hidden(Resolver *r, MeaningKind kind, Name name, const Meaning *taken)
{
    Diagnostic *d = diag_error(r->diagnostics, "E0226", name.span, "this `%s` would hide %s of the same name", name.text,
                               is_argument(taken) ? "an argument" : meaning_text(taken->kind));
    diag_note(d, taken->span, "`%s` means this already", name.text);
    if (kind == MEANING_INDEX) diag_help(d, "use another letter for the index");
    else if (kind == MEANING_LOCAL && innermost(r, SCOPE_REPEAT))
        diag_help(d, "for the value that the next pass sees, write %s' = ..; for another value, take another name", name.text);
    else diag_help(d, "take another name, such as `%s_new`", name.text);
}

static Meaning *add_meaning(Resolver *r, NameScope *scope, MeaningKind kind, Name name)
{
    Meaning *m = ARENA_NEW(&r->arena, Meaning);
    *m = (Meaning){ .kind = kind, .text = name.text, .span = name.span, .group = m, .next = scope->names };
    m->spared = is_blamed_here(r, name.text);                   /* it was used above its definition, which was reported */
    scope->names = m;
    return m;
}

/* What is bound in one expression before `of`, or as an argument of fn, may reuse any name; nothing else may. */
Meaning *declare_in(Resolver *r, NameScope *scope, MeaningKind kind, Name name)
{
    Meaning *taken = find_in(scope, name.text);
    if (taken) {
        report_twice(r, kind, name, taken);
        taken->spared = true;
        return taken;
    }
    for (const NameScope *s = scope->outer; s && kind != MEANING_BOUND && !taken; s = s->outer) taken = find_in(s, name.text);
    Meaning *m = add_meaning(r, scope, kind, name);
    if (taken) {
        report_hidden(r, kind, name, taken);
        taken->spared = m->spared = true;
    }
    return m;
}

Meaning *declare(Resolver *r, MeaningKind kind, Name name)
{
    return declare_in(r, r->scope, kind, name);
}

/* ---- what was never read ---- */

static bool must_be_read(const Meaning *m)
{
    return (m->kind == MEANING_LOCAL || m->kind == MEANING_STATE || m->kind == MEANING_PARAM)
        && m->group == m && !m->reads && !m->spared;
}

static void report_unread(Resolver *r, const Meaning *m)
{
    const char *what = m->kind == MEANING_PARAM ? "the parameter " : m->kind == MEANING_STATE ? "the state " : "";
    Diagnostic *d = diag_error(r->diagnostics, "E0206", m->span, "%s`%s` is never used", what, m->text);
    if (m->kind == MEANING_LOCAL && r->def && r->def->kind == DEF_TRAIN)
        diag_help(d, "say what it is for (minimize %s, guard, record) or delete it: what is computed for nothing is a slip more often than not", m->text);
    else if (m->kind == MEANING_LOCAL) diag_help(d, "use it or delete this statement: what is computed for nothing is a slip more often than not");
    else diag_help(d, "use it or delete it");
}

/* The locals and states of a regime are the fields of its record (cd.neg): they are looked at when the whole file is known. */
static bool may_be_a_field(Resolver *r, Meaning *m)
{
    if (!r->def || r->def->kind != DEF_REGIME || (m->kind != MEANING_LOCAL && m->kind != MEANING_STATE)) return false;
    MeaningList *later = ARENA_NEW(&r->arena, MeaningList);
    *later = (MeaningList){ m, r->regime_locals };
    r->regime_locals = later;
    return true;
}

static Meaning *in_text_order(Meaning *newest)
{
    Meaning *list = NULL;
    while (newest) {
        Meaning *next = newest->next;
        newest->next = list;
        list = newest;
        newest = next;
    }
    return list;
}

void leave_scope(Resolver *r)
{
    /* where a name is unknown, one that is not used may have been meant */
    bool sound = !is_blamed_here(r, NULL);
    for (Meaning *m = in_text_order(r->scope->names); m && sound; m = m->next)
        if (must_be_read(m) && !may_be_a_field(r, m)) report_unread(r, m);
    r->scope = r->scope->outer;
}

/* A file without a train is a library: who uses its regimes is not known. */
void report_unread_of_regimes(Resolver *r)
{
    if (!r->has_train) return;
    MeaningList *ordered = NULL;
    while (r->regime_locals) {
        MeaningList *l = r->regime_locals;
        r->regime_locals = l->next;
        l->next = ordered;
        ordered = l;
    }
    for (MeaningList *l = ordered; l; l = l->next) {
        bool is_field = false;
        for (NameList *f = r->fields; f && !is_field; f = f->next) is_field = !strcmp(f->text, l->meaning->text);
        if (!is_field) report_unread(r, l->meaning);
    }
}

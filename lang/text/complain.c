/* complain.c: an error of the grammar in words: what stood there, what could have, what was probably meant. */
#include <stdio.h>
#include <string.h>

#include "lang/text/build.h"
#include "lang/text/grammar.tab.h"

static const Token *token_after(const Reader *r, int step)
{
    int i = r->at + step;
    return i < 0 || i >= r->tokens.n ? NULL : &r->tokens.at[i];
}

static const Token *found(const Reader *r) { return token_after(r, 0); }

static Span found_span(const Reader *r)
{
    Span span = found(r)->span;
    if (r->at_separator && found(r)->kind != '}' && r->at > 0) {
        span.start = token_after(r, -1)->span.end;
        span.end = span.start;
    }
    return span;
}

static bool expects(const Mishap *m, const char *what)
{
    for (int i = 0; i < m->n_expected; i++)
        if (!strcmp(m->expected[i], what)) return true;
    return false;
}

static bool is_keyword(const Token *t) { return t && t->word && t->kind != T_NAME && t->kind != T_PRIMED; }

static bool ends_operand(const Token *t)
{
    return t && (t->kind == T_NAME || t->kind == T_PRIMED || t->kind == T_NUMBER || t->kind == T_QUANTITY || t->kind == T_STRING ||
                 t->kind == ')' || t->kind == ']');
}

static bool begins_operand(const Token *t)
{
    return t->kind == T_NAME || t->kind == T_PRIMED || t->kind == T_NUMBER || t->kind == T_QUANTITY || t->kind == T_STRING ||
           t->kind == T_REDUCTION;
}

static bool is_comparison(int kind)
{
    return kind == '<' || kind == '>' || kind == T_LE || kind == T_GE || kind == T_EQ || kind == T_NE;
}

static const Opener *innermost_bracket(const Reader *r)
{
    return r->depth && !r->open[r->depth - 1].is_block ? &r->open[r->depth - 1] : NULL;
}

/* ---- what was found, what was expected ---- */

enum { ROOM = 512 };

static void name_found(const Reader *r, char out[ROOM])
{
    const Token *t = found(r);
    const char *text = t->span.source->text + t->span.start;
    int length = (int)(t->span.end - t->span.start), most = 40;
    if (r->at_separator && t->kind && t->kind != ';' && t->kind != '}') snprintf(out, ROOM, "end of the line");
    else if (t->kind == 0) snprintf(out, ROOM, "end of the text");
    else if (t->kind == T_STRING) snprintf(out, ROOM, "text in quotes");
    else if (t->kind == T_NUMBER || t->kind == T_QUANTITY) snprintf(out, ROOM, "number %.*s", length < most ? length : most, text);
    else if (t->kind == T_NAME || t->kind == T_PRIMED) snprintf(out, ROOM, "name `%.*s`%s", length < most ? length : most, text,
                                                                length < most ? "" : "..");
    else snprintf(out, ROOM, "`%.*s`", length < most ? length : most, text);
}

typedef struct Listing { char text[ROOM]; int n; const char *last; } Listing;

static void list_flush(Listing *list, const char *glue)
{
    if (!list->last) return;
    size_t used = strlen(list->text);
    bool quote = !strchr(list->last, ' ');
    const char *word = list->last;
    size_t length = strlen(word);
    if (*word == '\'' && length > 2) {
        word++;
        length -= 2;
    }
    snprintf(list->text + used, ROOM - used, "%s%s%.*s%s", list->n > 1 ? glue : "", quote ? "`" : "", (int)length, word, quote ? "`" : "");
}

static void list_add(Listing *list, const char *what)
{
    list_flush(list, ", ");
    list->last = what;
    list->n++;
}

static bool in_set(const char *what, const char *const *set)
{
    for (; *set; set++)
        if (!strcmp(what, *set)) return true;
    return false;
}

/* Groups of tokens that one word says.  A group is named when its sign is among the expected; its members are then not. */
typedef struct Group { const char *sign, *name; const char *const *members; } Group;

static const char *const expression_members[] = { "a name", "a primed name", "a number", "a quantity", "a text in quotes", "fn", "if",
    "argmin", "sample", "marginal", "expectation", "like", "a reduction", "load", "not", "'-'", "'('", "'['", NULL };
static const char *const operator_members[] = { "'+'", "'-'", "'*'", "'/'", "'^'", "'<'", "'>'", "<=", ">=", "==", "!=", "or", "and",
    "mod", "|>", "'('", "'['", "'.'", NULL };
static const char *const word_members[] = { "net", "energy", "fn", "solver", "train", "option", "data", "seed", "precision", "edition",
    "use", "param", "state", "term", "repeat", "as", "keep", "lower", "raise", "minimize", "update", "by", "guard", "else", "every", "until",
    "checkpoint", "record", "phase", "claim", "show", "save", "load", "print", "if", "then", "argmin", "sample", "marginal", "expectation",
    "of", "under", "given", "from", "through", "like", "a reduction", "or", "and", "not", "mod", NULL };
static const char *const definition_members[] = { "net", "energy", "fn", "solver", "train", "option", "data", "seed", "precision",
    "edition", "use", "claim", "show", "save", "load", "print", NULL };
static const char *const statement_members[] = { "param", "state", "term", "repeat", "keep", "lower", "raise", "minimize", "update",
    "guard", "every", "until", "checkpoint", "record", "phase", "claim", "show", "save", "load", "print", NULL };

enum { STATEMENT, DEFINITION, EXPRESSION, OPERATOR, GROUPS };
static const Group groups[GROUPS] = {
    [STATEMENT] = { "raise", "a statement", statement_members },
    [DEFINITION] = { "seed", "a definition", definition_members },
    [EXPRESSION] = { "a primed name", "an expression", expression_members },
    [OPERATOR] = { "'*'", "an operator", operator_members },
};

/* "expected `)`, `,` or an operator"; empty if that would be no help. */
static void name_expected(const Mishap *m, char out[ROOM])
{
    Listing list = { .n = 0 };
    bool hidden[128] = { false };
    bool word = expects(m, "seed") && expects(m, "then");        /* any word at all */
    bool active[GROUPS] = { false };
    for (int g = 0; g < GROUPS; g++) active[g] = expects(m, groups[g].sign) && (g == EXPRESSION || !word);
    for (int i = 0; i < m->n_expected; i++) {
        for (int g = 0; g < GROUPS; g++)
            if (active[g] && in_set(m->expected[i], groups[g].members)) hidden[i] = true;
        if (word && in_set(m->expected[i], word_members)) hidden[i] = true;
        if (active[OPERATOR] && !strcmp(m->expected[i], "the end of the statement")) hidden[i] = true;
    }
    if (word && !active[EXPRESSION]) list_add(&list, "a name");
    for (int g = 0; g < GROUPS; g++)
        if (active[g]) list_add(&list, groups[g].name);
    for (int i = 0; i < m->n_expected; i++)
        if (!hidden[i] && !(word && !strcmp(m->expected[i], "a name"))) list_add(&list, m->expected[i]);
    list_flush(&list, " or ");
    if (list.n > 0 && list.n <= 7) snprintf(out, ROOM, ", expected %.480s", list.text);
    else out[0] = '\0';
}

/* ---- what was probably meant ---- */

static const struct { const char *word, *help; } foreign[] = {
    { "def", "a function is defined with fn: fn f(x: [D]) -> [D] = .." },
    { "function", "a function is defined with fn: fn f(x: [D]) -> [D] = .." },
    { "func", "a function is defined with fn: fn f(x: [D]) -> [D] = .." },
    { "lambda", "a function value is written fn(x) -> e" },
    { "class", "there are no classes; layer, net, energy, solver, regime and optimizer define things" },
    { "import", "another file is used with: use \"file.ebm\" as name; the library needs no import" },
    { "include", "another file is used with: use \"file.ebm\" as name; the library needs no import" },
    { "let", "no word is needed: x = 1" },
    { "var", "no word is needed: x = 1; what changes is a cell: state x = 0" },
    { "const", "no word is needed: x = 1" },
    { "for", "the loop is repeat: repeat 10 as t { .. }; over indices: y[i] = .. or sum[i] .." },
    { "foreach", "over indices write y[i] = .. or sum[i] .." },
    { "while", "the loop is repeat, whose bound is known before it starts: repeat 10 as t { ..; until c }" },
    { "loop", "the loop is repeat: repeat 10 as t { .. }" },
    { "return", "the last expression of a block is its value; no word is needed" },
    { "elif", "write: if a then x else if b then y else z" },
    { "elseif", "write: if a then x else if b then y else z" },
    { "end", "a block ends with }" },
    { "endif", "write: if c then a else b" },
    { "assert", "what must hold is a claim: claim x < 1 \"text\"; during training it is a guard" },
    { "break", "until c, in a repeat, ends it after the pass in which c holds" },
    { "module", "a file is a module: use \"file.ebm\" as name" },
    { "minimise", "it is spelled minimize" },
    { "optimiser", "it is spelled optimizer" },
    { "maximize", "write: minimize -(..)" },
    { "model", "write net, encoder, predictor, decoder or energy" },
    { "parameter", "write param" },
};

static const char *foreign_help(const Token *t)
{
    if (!t || t->kind != T_NAME) return NULL;
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (!strcmp(t->text, foreign[i].word)) return foreign[i].help;
    return NULL;
}

static bool complain_foreign(Reader *r)
{
    const Token *start = r->statement, *candidates[] = { found(r), token_after(r, -1), token_after(r, -2) };
    for (int i = 0; i < 3; i++) {
        const Token *t = candidates[i];
        const char *help = foreign_help(t);
        if (!help || (start && t->span.start < start->span.start) || (r->at_separator && i == 0)) continue;
        if (i == 2 && t != start) continue;
        Diagnostic *d = reader_error(r, "E0104", t->span, "there is no `%s` in this language", t->text);
        HELP(d, "%s", help);
        return true;
    }
    return false;
}

/* A line begins where the statement did, or left of it, while a bracket is open. */
static bool complain_unclosed(Reader *r)
{
    const Opener *opener = innermost_bracket(r);
    const Token *t = found(r), *before = token_after(r, -1);
    if (!opener || r->at_separator || !r->statement) return false;
    if (!t->first && is_keyword(before) && before->first) t = before;       /* `lower` could still have been an argument's name */
    if (!t->first || t->column > r->statement->column || t == r->statement) return false;
    if (t->kind == ')' || t->kind == ']' || t->kind == '}') return false;
    Diagnostic *d = reader_error(r, "E0106", opener->token->span, "this `%c` is never closed", opener->token->kind);
    NOTE(d, t->span, "a new statement seems to begin here");
    return true;
}

/* The line ends in an operator and the next one cannot be its other side. */
static bool complain_unfinished(Reader *r, const Mishap *m)
{
    const Token *t = found(r), *before = token_after(r, -1);
    if (!before || t == r->statement || !expects(m, "a number") || !before->kind || ends_operand(before) || before->word) return false;
    bool leaves = r->at_separator || (t->first && r->statement && t->column <= r->statement->column);
    if (!leaves || before->kind == '(' || before->kind == '[' || before->kind == '{') return false;
    reader_error(r, "E0101", before->span, "an expression is missing after `%.*s`", (int)(before->span.end - before->span.start),
                 before->span.source->text + before->span.start);
    return true;
}

static bool complain_closer(Reader *r)
{
    const Token *t = found(r);
    if (r->at_separator || (t->kind != ')' && t->kind != ']' && t->kind != '}')) return false;
    const Opener *opener = innermost_bracket(r);
    int opening = t->kind == ')' ? '(' : t->kind == ']' ? '[' : '{';
    if (opener && opener->token->kind == opening) return false;     /* the bracket is right, what is before it is not */
    if (!opener) {
        reader_error(r, "E0107", t->span, "this `%c` closes nothing", t->kind);
        return true;
    }
    Diagnostic *d = reader_error(r, "E0107", t->span, "`%c` stands here while `%c` is open", t->kind, opener->token->kind);
    NOTE(d, opener->token->span, "this is what is open");
    return true;
}

static bool complain_choice(Reader *r, const Mishap *m)
{
    if (!m->construct || m->construct->kind != T_IF) return false;
    int kind = found(r)->kind;
    bool needs_then = expects(m, "then"), needs_else = expects(m, "else");
    if (needs_else && (r->at_separator || kind == ')' || kind == ']' || kind == ',' || kind == ';')) {
        Diagnostic *d = reader_error(r, "E0105", m->construct->span, "this `if` has no `else`");
        HELP(d, "an `if` is a value, so it needs one for both cases: if c then a else b");
        return true;
    }
    if (needs_then && (r->at_separator || kind == '{' || kind == ':')) {
        Diagnostic *d = reader_error(r, "E0105", m->construct->span, "this `if` has no `then`");
        HELP(d, "an `if` is a value: if c then a else b");
        return true;
    }
    return false;
}

static bool complain_reserved(Reader *r, const Token *t)
{
    Diagnostic *d = reader_error(r, "E0112", t->span, "`%s` is a word of the language", t->text);
    HELP(d, "it can name a field or an argument, not a value; a longer name can: %s_, my_%s", t->text, t->text);
    return true;
}

static bool complain_equals(Reader *r, const Mishap *m)
{
    const Token *t = found(r), *before = token_after(r, -1);
    if (r->at_separator || t->kind != '=') return false;
    if (is_keyword(before) && before == r->statement) return complain_reserved(r, before);
    const Opener *opener = innermost_bracket(r);
    if ((!m->construct && !opener) || (opener && opener->token->kind == '[')) return false;
    if (!expects(m, "==") && !expects(m, "and")) return false;
    Diagnostic *d = reader_error(r, "E0103", t->span, "`=` gives a value to a name; it does not compare");
    if (m->construct && m->construct->kind == T_IF && expects(m, "else")) HELP(d, "an `if` is a value: y = if c then a else b");
    HELP(d, "to compare, write ==");
    return true;
}

static bool complain_order(Reader *r, const Mishap *m)
{
    if (r->at_separator || !is_comparison(found(r)->kind) || !expects(m, "and") || expects(m, "<=")) return false;
    Diagnostic *d = reader_error(r, "E0101", found(r)->span, "comparisons do not chain");
    HELP(d, "write: a < b and b < c");
    return true;
}

static bool complain_parentheses(Reader *r, const Mishap *m)
{
    const Token *t = found(r), *before = token_after(r, -1);
    if (r->at_separator || !before || ends_operand(before) || !expects(m, "a number")) return false;
    bool low = t->kind == T_IF || t->kind == T_FN || t->kind == T_ARGBEST || t->kind == T_SAMPLE || t->kind == T_MARGINAL ||
               t->kind == T_EXPECTATION;
    if (!low) return false;
    Diagnostic *d = reader_error(r, "E0101", t->span, "`%s` needs parentheses here", t->text);
    HELP(d, "write: (%s ..)", t->text);
    return true;
}

static bool complain_keyword(Reader *r, const Mishap *m)
{
    const Token *t = found(r), *before = token_after(r, -1);
    if (r->at_separator || !is_keyword(t)) return false;
    const Token *after = token_after(r, 1);
    bool at_start = t == r->statement;
    if (at_start && after && after->kind == '=') return complain_reserved(r, t);
    if (at_start && r->depth && expects(m, "raise")) {
        Diagnostic *d = reader_error(r, "E0113", t->span, "`%s` belongs at the top of a file, not inside a block", t->text);
        NOTE(d, r->open[r->depth - 1].token->span, "the block that is open here");
        return true;
    }
    if (at_start && !r->depth && expects(m, "seed")) {
        Diagnostic *d = reader_error(r, "E0113", t->span, "`%s` belongs inside a block", t->text);
        HELP(d, "%s", t->kind == T_REPEAT || t->kind == T_TERM || t->kind == T_PARAM ? "put it into a definition: fn f(..) { .. }, energy E(..) { .. }"
                                                                                     : "put it into a train, a regime or a solver");
        return true;
    }
    if (!expects(m, "a name") || !before || ends_operand(before)) return false;
    return complain_reserved(r, t);
}

/* The keyword that was probably meant by a name before another operand; null if it is like none. */
static const char *nearest_keyword(const Token *name)
{
    static const char *const keywords[] = {
#define KEYWORD(word, token) word,
#include "lang/text/keywords.def"
#undef KEYWORD
    };
    return name && name->kind == T_NAME && strlen(name->text) > 2 ? nearest_name(name->text, keywords, sizeof keywords / sizeof keywords[0]) : NULL;
}

/* energi E(x: []) = .., shwo x */
static bool complain_misspelt(Reader *r)
{
    const Token *t = found(r), *before = token_after(r, -1);
    const char *near = r->at_separator || before != r->statement || !begins_operand(t) ? NULL : nearest_keyword(before);
    if (!near) return false;
    Diagnostic *d = reader_error(r, "E0101", before->span, "no statement begins with `%s`", before->text);
    HELP(d, "did you mean `%s`?", near);
    return true;
}

static bool complain_number(Reader *r)
{
    const Token *t = found(r), *before = token_after(r, -1), *after = token_after(r, 1);
    if (r->at_separator || t->kind == 0) return false;
    if (t->kind == '.' && after && after->kind == T_NUMBER && after->span.start == t->span.end && !ends_operand(before)) {
        Diagnostic *d = reader_error(r, "E0110", span_join(t->span, after->span), "a number begins with a digit");
        HELP(d, "write 0%.*s", (int)(after->span.end - t->span.start), t->span.source->text + t->span.start);
        return true;
    }
    const Token *number = token_after(r, -2);
    if (before && before->kind == '.' && number && number->kind == T_NUMBER && number->span.end == before->span.start) {
        Diagnostic *d = reader_error(r, "E0110", span_join(number->span, before->span), "a number does not end in a point");
        HELP(d, "write %.*s.0", (int)(number->span.end - number->span.start), number->span.source->text + number->span.start);
        return true;
    }
    return false;
}

/* x: R, x: 2 */
static bool complain_type(Reader *r, const Mishap *m)
{
    const Token *before = token_after(r, -1), *colon = token_after(r, -2);
    const Opener *opener = innermost_bracket(r);
    if (r->at_separator || !colon || colon->kind != ':' || !opener || opener->token->kind != '(') return false;
    if (!(before->kind == T_NAME && expects(m, "'['")) && !(before->kind == T_NUMBER && expects(m, ".."))) return false;
    Diagnostic *d = reader_error(r, "E0101", before->span, "`%.*s` is not a type", (int)(before->span.end - before->span.start),
                                 before->span.source->text + before->span.start);
    HELP(d, "types are: [] a number, [D] a vector, [H, W], {0..9} a class, {0,1}[D] bits, 0..1 [D] a box, simplex[K]");
    return true;
}

/* ---- the rest ---- */

static void note_construct(Diagnostic *d, const Reader *r, const Mishap *m)
{
    const Token *construct = m->construct;
    if (!d || !construct || construct == found(r)) return;
    const Token *name = construct + 1;
    bool named = construct->kind == T_ROLE || construct->kind == T_ENERGY || construct->kind == T_FN || construct->kind == T_PROCEDURE ||
                 construct->kind == T_TRAIN || construct->kind == T_DATA || construct->kind == T_OPTION || construct->kind == T_PARAM ||
                 construct->kind == T_STATE || construct->kind == T_TERM || construct->kind == T_PHASE;
    if (named && name->kind == T_NAME && name != found(r)) diag_note(d, construct->span, "while reading `%s %s`", construct->text, name->text);
    else diag_note(d, construct->span, "while reading this `%s`", construct->text);
}

/* How a construct goes on, where the grammar's list of tokens says it badly. */
static const struct { int construct; const char *expected, *help; } forms[] = {
    { T_SAMPLE, "by", "no solver is chosen by itself: sample x of E(x) by langevin(steps = 100) from start" },
    { T_ARGBEST, "by", "no solver is chosen by itself: argmin z of E(x; z) by descent(steps = 8) from zeros" },
    { T_MARGINAL, "by", "no solver is chosen by itself: marginal z of E(x; z) by exact()" },
    { T_EXPECTATION, "under", "expectation z of f(z) under E(z) by exact()" },
    { T_EXPECTATION, "by", "no solver is chosen by itself: expectation z of f(z) under E(z) by exact()" },
    { T_SAMPLE, ",", "what is observed is a mask and values: given mask, photo" },
    { T_CLAIM, "a text in quotes", "a claim ends with what it says: claim accuracy > 0.9 \"labels are found\"" },
    { T_SAVE, "->", "save fit -> \"fit.safetensors\"" },
    { T_LOAD, "as", "load \"fit.safetensors\" as fit" },
    { T_UPDATE, "by", "update E by adam(lr = 1e-3)" },
    { T_GUARD, "a name", "guard x < 10 else rollback, or: else stop" },
    { T_GUARD, "else", "guard x < 10 else rollback, or: else stop" },
    { T_ENERGY, "{", "an energy is a number for each item and has no result type: energy E(x: [2]) = .., or a block of terms" },
    { T_FN, "->", "the type of the result follows an arrow: fn f(x: [2]) -> [3] = .." },
    { T_ROLE, "->", "the type of the result follows an arrow: net f(x: [2]) -> [3] = .." },
    { T_PROCEDURE, "{", "a solver, a regime or an optimizer has a block: solver s(steps = 10)(E, x: [..S]) { .. }" },
    { T_TRAIN, "{", "a train is a block: train fit { .. }" },
    { T_PARAM, "~", "a parameter has an initial value: param W: [O, I] ~ normal(), param b: [O] = 0" },
    { T_STATE, "~", "a state has an initial value: state n = 0" },
};

/* What this token was probably written for. */
static void help_token(Diagnostic *d, const Reader *r, const Mishap *m)
{
    const Token *t = found(r), *before = token_after(r, -1);
    const Opener *opener = innermost_bracket(r);
    bool statement_could_end = expects(m, "the end of the statement");
    if (t->kind == ':' && expects(m, "'{'")) HELP(d, "a body follows = or stands in braces: { .. }");
    if (t->kind == ':' && opener && opener->token->kind == '[') HELP(d, "a part is written x[from:to], without a step");
    if (t->kind == '{' && expects(m, "a primed name")) HELP(d, "an array is written [1, 2, 3]");
    if (t->kind == ',' && statement_could_end) HELP(d, "a statement gives one value; write two statements, on two lines or with ; between");
    if (before && before->kind == T_REDUCTION && t->kind == T_NAME) HELP(d, "over an index write sum[i] x[i], over everything sum(x)");
    if (m->construct && m->construct->kind == T_FN && m->construct[1].kind == '(' && expects(m, "->"))
        HELP(d, "a function value is written fn(x) -> e; a definition has a name: fn f(x) = e");
    if (t->kind == '=' && statement_could_end)
        HELP(d, "the left side is a name, a name with indices (y[i] = ..) or a cell's next value (x' = ..); to compare, write ==");
    if (ends_operand(before) && begins_operand(t) && expects(m, "'*'") && t->kind != T_STRING && t->kind != T_NAME)
        HELP(d, "if a product is meant, write *");
}

static void help_form(Diagnostic *d, const Mishap *m)
{
    for (size_t i = 0; m->construct && i < sizeof forms / sizeof forms[0]; i++) {
        const char *what = forms[i].expected;
        char quoted[8];
        snprintf(quoted, sizeof quoted, "'%.4s'", what);
        if (forms[i].construct == m->construct->kind && (expects(m, what) || expects(m, quoted))) {
            HELP(d, "%s", forms[i].help);
            return;
        }
    }
}

static void complain_plainly(Reader *r, const Mishap *m)
{
    char what[ROOM], expected[ROOM];
    const Token *t = found(r), *before = token_after(r, -1);
    name_found(r, what);
    name_expected(m, expected);
    Diagnostic *d = reader_error(r, "E0101", found_span(r), "unexpected %s%s", what, expected);
    note_construct(d, r, m);
    const Opener *opener = innermost_bracket(r);
    if (opener && opener->token->line != t->line) NOTE(d, opener->token->span, "this `%c` is still open", opener->token->kind);
    if (d && !r->at_separator) help_token(d, r, m);
    if (!opener) help_form(d, m);
    if (r->at_separator || !ends_operand(before) || t->kind != T_NAME || !expects(m, "'*'")) return;
    const char *near = nearest_keyword(before);
    if (near) HELP(d, "did you mean `%s %s`?", near, t->text);
    else HELP(d, "if a product is meant, write *");
}

/* The scanner has said what is wrong with this token. */
static bool already_reported(const Reader *r)
{
    for (const Diagnostic *d = r->diagnostics->first; d; d = d->next)
        if (d->span.source == found(r)->span.source && d->span.start == found(r)->span.start) return true;
    return false;
}

void explain_mishap(Reader *r, const Mishap *m)
{
    if (r->quiet || (!r->at_separator && already_reported(r))) return;
    if (r->at_separator && found(r)->kind == 0 && !r->diagnostics->errors) r->ending = ENDING_IN_STATEMENT;
    if (complain_unclosed(r) || complain_unfinished(r, m) || complain_foreign(r) || complain_closer(r) || complain_number(r)) return;
    if (complain_misspelt(r) || complain_choice(r, m) || complain_type(r, m)) return;
    if (complain_equals(r, m) || complain_order(r, m) || complain_parentheses(r, m) || complain_keyword(r, m)) return;
    complain_plainly(r, m);
}

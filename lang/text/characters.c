/* characters.c: which characters a name may have, what the others probably meant, and what a backslash means in a text. */
#include <string.h>

#include "lang/text/token.h"
#include "lang/text/grammar.tab.h"

/* ---- UTF-8 ---- */

/* Bytes of the well-formed sequence at `at`, or 0. */
static size_t sequence_length(const unsigned char *at, size_t room)
{
    unsigned char lead = at[0];
    if (lead < 0x80) return 1;
    size_t n = lead >= 0xC2 && lead <= 0xDF ? 2 : lead >= 0xE0 && lead <= 0xEF ? 3 : lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
    if (!n || n > room) return 0;
    for (size_t i = 1; i < n; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    if ((lead == 0xE0 && at[1] < 0xA0) || (lead == 0xED && at[1] > 0x9F)) return 0;
    if ((lead == 0xF0 && at[1] < 0x90) || (lead == 0xF4 && at[1] > 0x8F)) return 0;
    return n;
}

/* The code point of a well-formed sequence of n bytes. */
static uint32_t code_point(const unsigned char *at, size_t n)
{
    uint32_t value = n == 1 ? at[0] : at[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) value = value << 6 | (at[i] & 0x3Fu);
    return value;
}

void check_encoding(const Source *source, Diagnostics *diagnostics)
{
    enum { MOST_PLACES = 3 };
    const unsigned char *text = (const unsigned char *)source->text;
    int places = 0;
    for (size_t i = 0; i < source->length && places < MOST_PLACES;) {
        size_t n = text[i] ? sequence_length(text + i, source->length - i) : 0;
        if (n) {
            i += n;
            continue;
        }
        Span span = { source, (uint32_t)i, (uint32_t)i + 1 };
        Diagnostic *d = text[i] ? diag_error(diagnostics, "E0111", span, "byte 0x%02X here is not UTF-8 text", text[i])
                                : diag_error(diagnostics, "E0111", span, "a zero byte stands in the text");
        diag_help(d, "save the file as UTF-8 text%s", ++places == MOST_PLACES ? "; further such places are not shown" : "");
        while (i < source->length && (!text[i] || !sequence_length(text + i, source->length - i))) i++;
    }
}

/* ---- names ---- */

/* Letters of all scripts, digits below, accents: everything beyond ASCII but marks, signs and blanks. */
static bool in_names(uint32_t c)
{
    static const struct { uint32_t from, to; } signs[] = {
        { 0x80, 0xA9 }, { 0xAB, 0xB4 }, { 0xB6, 0xB9 }, { 0xBB, 0xBF }, { 0xD7, 0xD7 }, { 0xF7, 0xF7 },
        { 0x2000, 0x207F }, { 0x208A, 0x208F }, { 0x20A0, 0x20CF }, { 0x2190, 0x2BFF }, { 0x3000, 0x3004 }, { 0x3008, 0x3020 },
        { 0xE000, 0xF8FF }, { 0xFE00, 0xFE6F }, { 0xFEFF, 0xFF0F }, { 0xFF1A, 0xFF20 }, { 0xFF3B, 0xFF40 }, { 0xFF5B, 0xFF65 },
        { 0xFFE0, 0xFFFF }, { 0x1F000, 0x1FAFF }, { 0xE0000, 0x10FFFF }
    };
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (c >= signs[i].from && c <= signs[i].to) return false;
    return true;
}

size_t word_length(const char *word, size_t length, uint32_t *bad, size_t *bad_bytes)
{
    const unsigned char *text = (const unsigned char *)word;
    for (size_t i = 0; i < length;) {
        if (text[i] == '\'') return i;
        size_t n = sequence_length(text + i, length - i);
        uint32_t c = n ? code_point(text + i, n) : 0;
        if (!n || (c >= 0x80 && !in_names(c))) {
            *bad = c;
            *bad_bytes = n ? n : 1;
            return i;
        }
        i += n;
    }
    return length;
}

/* ---- characters that were not meant ---- */

typedef struct Mending { uint32_t from, to; int kind; const char *word, *help; } Mending;

static const Mending mendings[] = {
    { 0x2010, 0x2015, '-', 0, "minus is the plain -" },
    { 0x2212, 0x2212, '-', 0, "minus is the plain -" },
    { 0xD7, 0xD7, '*', 0, "a product is written with *" },
    { 0xB7, 0xB7, '*', 0, "a product is written with *" },
    { 0x22C5, 0x22C5, '*', 0, "a product is written with *" },
    { 0x2217, 0x2217, '*', 0, "a product is written with *" },
    { 0xF7, 0xF7, '/', 0, "a quotient is written with /" },
    { 0x2264, 0x2264, T_LE, 0, "write <=" },
    { 0x2265, 0x2265, T_GE, 0, "write >=" },
    { 0x2260, 0x2260, T_NE, 0, "write !=" },
    { 0x2192, 0x2192, T_ARROW, 0, "write ->" },
    { 0x2026, 0x2026, T_DOTS, 0, "write .." },
    { 0x221E, 0x221E, T_NAME, "inf", "infinity is written inf" },
    { 0x2227, 0x2227, T_AND, "and", "write and" },
    { 0x2228, 0x2228, T_OR, "or", "write or" },
    { 0xAC, 0xAC, T_NOT, "not", "write not" },
    { 0xFF0C, 0xFF0C, ',', 0, "a comma is the plain ," },
    { 0xFF08, 0xFF08, '(', 0, "write (" },
    { 0xFF09, 0xFF09, ')', 0, "write )" },
    { 0xFF1A, 0xFF1A, ':', 0, "write :" },
    { 0xFF1B, 0xFF1B, ';', 0, "write ;" },
    { 0xFF1D, 0xFF1D, '=', 0, "write =" },
    { 0xA0, 0xA0, 0, 0, "this is a blank that does not break; write a plain one" },
    { 0x2000, 0x200A, 0, 0, "write a plain blank" },
    { 0x202F, 0x202F, 0, 0, "write a plain blank" },
    { 0x3000, 0x3000, 0, 0, "write a plain blank" },
    { 0x200B, 0x200F, 0, 0, "this character cannot be seen; delete it" },
    { 0x2060, 0x2064, 0, 0, "this character cannot be seen; delete it" },
    { 0x202A, 0x202E, 0, 0, "this character changes the direction of writing; delete it" },
    { 0x2019, 0x2019, 0, 0, "the next value of x is written x' with a plain quote" },
    { 0x2018, 0x201F, 0, 0, "texts stand in plain double quotes: \"..\"" },
    { 0x2032, 0x2033, 0, 0, "the next value of x is written x' with a plain quote" },
    { 0xB9, 0xB9, 0, 0, "a power is written x^1" },
    { 0xB2, 0xB2, 0, 0, "a power is written x^2" },
    { 0xB3, 0xB3, 0, 0, "a power is written x^3" },
    { 0x2070, 0x207F, 0, 0, "a power is written x^n" },
    { 0x221A, 0x221A, 0, 0, "a square root is written sqrt(x)" },
    { 0x2211, 0x2211, 0, 0, "a sum is written sum[i] x[i]" },
    { 0x220F, 0x220F, 0, 0, "a product over an index is written prod[i] x[i]" },
    { 0x2207, 0x2207, 0, 0, "a gradient is written grad[x](E(x))" },
    { 0x2202, 0x2202, 0, 0, "a gradient is written grad[x](E(x))" },
    { '$', '$', 0, 0, "names are letters, digits and _" },
    { '\\', '\\', 0, 0, "a function value is written fn(x) -> e; a line goes on after an operator and inside brackets" },
};

int mend_character(Scanning *s, uint32_t c)
{
    if (c == 0xFEFF && s->start == 0) return 0;         /* a byte order mark says that this is UTF-8 */
    const char *shown = s->source->text + s->start;
    int bytes = c >= 0x20 ? (int)(s->end - s->start) : 0;
    if (c == 0x2032 || c == 0x2019) bytes = 0;          /* the span holds the name as well */
    for (size_t i = 0; i < sizeof mendings / sizeof mendings[0]; i++) {
        const Mending *m = &mendings[i];
        if (c < m->from || c > m->to) continue;
        Diagnostic *d = diag_error(s->diagnostics, "E0102", (Span){ s->source, s->start, s->end },
                                   "the character %.*s%s(U+%04X) is not of this language", bytes, shown, bytes ? " " : "", c);
        diag_help(d, "%s", m->help);
        if (m->word) {
            s->meant = m->kind;
            s->meant_text = m->word;
        }
        return m->kind;
    }
    diag_error(s->diagnostics, "E0102", (Span){ s->source, s->start, s->end }, "the character %.*s%s(U+%04X) is not of this language", bytes,
               shown, bytes ? " " : "", c);
    return 0;
}

/* ---- texts in quotes ---- */

const char *unescape(Scanning *s, const char *text, size_t length, uint32_t offset)
{
    static const char known[] = "ntr\"\\", meaning[] = "\n\t\r\"\\";
    char *plain = arena_alloc(s->arena, length + 1), *to = plain;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '\\' || i + 1 == length) {
            *to++ = text[i];
            continue;
        }
        const char *escape = strchr(known, text[++i]);
        if (escape && *escape) *to++ = meaning[escape - known];
        else {
            uint32_t at = offset + (uint32_t)i - 1;
            Diagnostic *d = diag_error(s->diagnostics, "E0108", (Span){ s->source, at, at + 2 }, "this escape has no meaning");
            diag_help(d, "known are \\n, \\t, \\r, \\\" and \\\\; for a backslash itself write \\\\");
            *to++ = text[i];
        }
    }
    return plain;
}

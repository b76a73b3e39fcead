/* codes.c: the table of codes.def. */
#include "vm/base/codes.h"

#include <stddef.h>
#include <strings.h>

static const CodeInfo rows[] = {
#define CODE(code, title, text) { code, title, text },
#include "vm/base/codes.def"
#undef CODE
};
enum { ROWS = sizeof rows / sizeof rows[0] };

const CodeInfo *code_info(const char *code)
{
    for (int i = 0; i < ROWS; i++)
        if (!strcasecmp(rows[i].code, code)) return &rows[i];
    return NULL;
}

const CodeInfo *code_at(int i)
{
    return i >= 0 && i < ROWS ? &rows[i] : NULL;
}

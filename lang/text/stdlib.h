/* stdlib.h: the library of the language, as texts inside the program.  stdlib/embed.sh writes their C file at build time. */
#ifndef EBM_TEXT_STDLIB_H
#define EBM_TEXT_STDLIB_H

#include <stddef.h>

typedef struct StdlibText {
    const char *name;           /* path below stdlib/: "layers.ebm" */
    const char *text;           /* UTF-8, ended by a zero byte */
    size_t length;              /* bytes, without the zero */
} StdlibText;

extern const StdlibText stdlib_texts[];                  /* in order of name; ended by a null name */
extern const int stdlib_text_count;

#endif

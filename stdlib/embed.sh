#!/bin/sh
# embed.sh: writes C that holds the library's texts (library_texts of lang/graph/build.h).  Usage: embed.sh stdlib/a.ebm ..
printf '/* Written by stdlib/embed.sh. */\n#include "lang/graph/build.h"\n'
i=0
for file in "$@"; do
    printf 'static const char text%d[] = {' $i
    od -An -v -td1 "$file" | sed 's/^ *//; s/  */,/g; s/$/,/'
    printf '0};\n'
    i=$((i + 1))
done
printf 'const LibraryText library_texts[] = {\n'
i=0
for file in "$@"; do
    printf '    {"%s", text%d},\n' "${file#stdlib/}" $i
    i=$((i + 1))
done
printf '    {0, 0}\n};\n'

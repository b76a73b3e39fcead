#!/bin/sh
# embed.sh: writes C that holds the files given as texts (lang/text/stdlib.h tells the interface).  Usage: embed.sh stdlib/a.ebm ..
printf '#include "lang/text/stdlib.h"\n'
i=0
for file in "$@"; do
    printf 'static const char text%d[] = {' $i
    od -An -v -td1 "$file" | sed 's/^ *//; s/  */,/g; s/$/,/'
    printf '0};\n'
    i=$((i + 1))
done
printf 'const StdlibText stdlib_texts[] = {\n'
i=0
for file in "$@"; do
    printf '    {"%s", text%d, sizeof text%d - 1},\n' "${file#stdlib/}" $i $i
    i=$((i + 1))
done
printf '    {0, 0, 0}\n};\nconst int stdlib_text_count = %d;\n' $#

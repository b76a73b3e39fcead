#!/bin/sh
# layers_test.sh: every #include "..." points to the same folder or to one on its left in the flow; vm/ never sees lang/, and the
# passes over the graph (grad, tidy, plan) never see the text.  An optional argument is the root to look at.
cd "${1:-.}" || exit 2
find vm lang cli -name '*.[chly]' -o -name '*.def' | xargs grep -n '^ *#include "' /dev/null | awk -F: '
BEGIN {
    n = split("vm/base vm lang/text lang/grad lang/tidy lang/plan lang/mean lang/graph lang cli", order, " ")
    for (i = 1; i <= n; i++) rank[order[i]] = i
    rank["vm/kernel"] = rank["vm/io"] = rank["vm/draw"] = rank["vm"]
    free["lang/grad"] = free["lang/tidy"] = free["lang/plan"] = "lang/text lang/mean"   # never seen from here
    free["cli"] = "lang/text lang/grad lang/tidy lang/plan lang/mean lang/graph vm vm/base vm/kernel vm/io vm/draw"   # a client of ebm.h alone
}
function folder(path) { sub("/[^/]*$", "", path); return path }
{
    from = folder($1)
    to = $3; sub(/^ *#include "/, "", to); sub(/".*/, "", to)
    if (to ~ /\.tab\.h$|\.lex\.h$/) next                                # what bison and flex write
    to = to ~ /\// ? folder(to) : from
    seen++
    why = ""
    if (!(from in rank) || !(to in rank)) why = "unknown folder"
    else if (rank[to] > rank[from])       why = "points to the right"
    else if (index(" " free[from] " ", " " to " ")) why = "may not see " to
    if (why) { printf "%s:%s: %s -> %s: %s\n", $1, $2, from, to, why; bad++ }
}
END { if (!seen) print "no include found"; exit bad > 0 || !seen }'

#!/bin/sh
# layers.sh: data flows one way through the rooms, and so do includes: every #include "..." names a file of the same room or of
# one to its left.  A folder inside a room belongs to it.  vm/ never includes lang/; lang/grad, which only knows the graph, stands before
# the text so that the builder can call it; vm/ never includes lang/.
# Usage: tests/layers.sh [root of the checkout]
cd "${1:-$(dirname "$0")/..}" || exit 2
ROOMS="vm/base vm/kernel vm/io vm/draw vm lang/grad lang/text lang/mean lang/graph lang/tidy lang/plan lang cli"
grep -rn --include='*.[chly]' --include='*.def' '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' vm lang cli | awk -F: -v rooms="$ROOMS" '
BEGIN { n = split(rooms, name, " "); for (i = 1; i <= n; i++) rank[name[i]] = i }
function room(path) {
    while (sub("/[^/]*$", "", path)) if (path in rank) return path
    return ""
}
{
    from = room($1)
    to = $0
    sub(/^[^"]*"/, "", to); sub(/".*/, "", to)
    why = ""
    if (to !~ /\//) why = "is not written from the root of the checkout"
    else if (from == "") why = "stands in an unknown room"
    else if (room(to) == "") why = "is of an unknown room"
    else if (rank[room(to)] > rank[from]) why = "points to the right"
    if (why) { printf "%s:%s: \"%s\" %s\n", $1, $2, to, why; bad++ }
    seen++
}
END {
    if (!seen) { print "layers.sh: no includes found"; exit 2 }
    exit bad > 0
}'

#!/bin/sh
# bad_test.sh: each tests/bad/*.ebm holds a mistake (its first line says which); `ebm check` finds it, at its place, and reports nothing
# else.  The .expected file beside it has a line for each diagnostic: line:column, code, message.  If it has a line that begins with "note", it tells of
# every note that names a place, too: note line:column, message.
# EBM_ACCEPT=1 writes the .expected files anew (read the difference before committing it).  Arguments: only these programs.
ebm=${BUILD_DIR:-build}/ebm
found=$(mktemp) && text=$(mktemp) || exit 2
trap 'rm -f "$found" "$text"' EXIT
[ $# -gt 0 ] || set -- tests/bad/*.ebm
programs=0 failed=0

complain() {
    echo "$1: $2"
    failed=$((failed + 1))
}

for program; do
    programs=$((programs + 1))
    expected=${program%.ebm}.expected
    "$ebm" check "$program" >"$text" 2>&1 </dev/null
    status=$?
    # FILE:LINE:COLUMN: error[CODE]: message -> LINE:COLUMN CODE message; a warning says so; one without a place has - for it
    sed -n -e "s|^$program:\([0-9]*:[0-9]*\): error\[\(E[0-9]*\)\]: |\1 \2 |p" \
           -e "s|^$program:\([0-9]*:[0-9]*\): warning\[\([EW][0-9]*\)\]: |\1 \2 warning: |p" \
           -e "s|^[^ ]*:\([0-9]*:[0-9]*\): error\[\(E[0-9]*\)\]: |elsewhere \1 \2 |p" \
           -e "s|^error\[\(E[0-9]*\)\]: |- \1 |p" \
           -e "s|^ *note: \(.*\) ($program:\([0-9]*:[0-9]*\))\$|note \2 \1|p" "$text" >"$found"
    grep -q '^note ' "$expected" 2>/dev/null || sed -i '/^note /d' "$found"
    [ -n "$EBM_ACCEPT" ] && cp "$found" "$expected"
    if grep -v '^note ' "$found" | grep -qv ' warning: '; then wanted="2 3"; else wanted=0; fi   # 3: the data is to blame
    if ! echo "$wanted" | grep -qw "$status"; then
        complain "$program" "the exit status is $status, not one of: $wanted"
        sed 's/^/    /' "$text" | head -20
        continue
    fi
    if [ ! -s "$expected" ]; then complain "$program" "nothing is expected of it"; continue; fi
    if ! cmp -s "$expected" "$found"; then
        complain "$program" "other mistakes are found than expected"
        diff "$expected" "$found"
    fi
done
echo "$programs programs with mistakes, $failed failed"
[ $failed = 0 ] && [ $programs -ge 1 ]

#!/bin/sh
# manual_test.sh: every example of docs/language.md marked ```ebm is a whole program and must run to its end with status 0; every one
# marked ```ebm-wrong must be refused with status 2 and the code that follows the mark.
build=${BUILD_DIR:-build}
out=$build/tests/manual
manual=docs/language.md
rm -rf "$out"
mkdir -p "$out"
awk -v out="$out" '
    /^```ebm$/ || /^```ebm-wrong / { file = sprintf("%s/%04d.%s", out, NR, $1 == "```ebm" ? "run" : $2); next }
    /^```/ { file = "" }
    file { print > file }
' "$manual"
count=0 failed=0
for file in "$out"/[0-9]*; do
    line=$(basename "$file" | sed 's/^0*//; s/\..*//')
    want=${file##*.}
    cp "$file" "$out/example.ebm"
    "$build/ebm" run "$out/example.ebm" --out "$out" >"$out/log" 2>&1
    status=$?
    count=$((count + 1))
    if [ "$want" = run ]; then [ $status = 0 ]; else [ $status = 2 ] && grep -q "$want" "$out/log"; fi && continue
    failed=$((failed + 1))
    echo "$manual:$line: status $status, expected $want"
    sed 's/^/    /' "$out/log" | head -n 20
done
echo "$count examples, $failed failed"
[ $failed = 0 ] && [ $count -gt 0 ]

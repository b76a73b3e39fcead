#!/bin/sh
# library_test.sh: runs the small programs of tests/stdlib/, whose claims hold the library to what is known in closed form.
# Each must end with status 0, must have claimed something, and no claim may have failed.
build=${BUILD_DIR:-build}
out=$build/tests/library
failed=0 count=0
mkdir -p "$out"
for file in tests/stdlib/*.ebm; do
    name=$(basename "$file" .ebm)
    count=$((count + 1))
    if ! "$build/ebm" run "$file" --out "$out" >"$out/$name.log" 2>&1; then
        failed=$((failed + 1))
        echo "$file FAILED:"
        sed 's/^/    /' "$out/$name.log" | tail -n 40
    elif ! grep -q '^claim' "$file"; then
        failed=$((failed + 1))
        echo "$file claims nothing"
    fi
done
echo "$count programs, $failed failed"
[ $failed = 0 ] && [ $count -gt 0 ]

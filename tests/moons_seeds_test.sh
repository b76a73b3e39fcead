#!/bin/sh
# moons_seeds_test.sh: examples/moons.ebm does not owe its claim to its seed: it holds for five others, and no guard has to step in.
build=${BUILD_DIR:-build}
case $build in *sanitize*) echo "0 passed, 0 failed, 5 skipped (too slow under the sanitizers)"; exit 0 ;; esac
out=$(mktemp -d) || exit 2
trap 'rm -rf "$out"' EXIT
passed=0 failed=0
for seed in 1 2 3 4 5; do
    if "$build/ebm" run examples/moons.ebm --seed $seed --out "$out" >"$out/log" 2>&1 && ! grep -qi 'guard' "$out/log"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        tail -n 20 "$out/log" | sed 's/^/    /'
    fi
    echo "seed $seed: $(grep '^claim' "$out/log")"
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]

#!/bin/sh
# examples_test.sh: every program of examples/ runs as it stands and its claims hold; under the sanitizers each is tried out with --quick,
# where a claim may fail but nothing else may.  planner.ebm plans for its whole length whatever --quick says, which takes too long there (cem
# itself is sanitized in tests/stdlib), and others are ended after half a minute, as sampling is not shortened either.  The long ones run with --quick
# too, and whole with EXAMPLES=whole, which `make examples` sets.
long="hjepa paint inpaint motion collapse rooms ijepa vjepa series"
build=${BUILD_DIR:-build}
out=$build/tests/examples
mkdir -p "$out"
failed=0 count=0
for file in examples/*.ebm; do
    name=$(basename "$file" .ebm)
    case $build/$name in *sanitize*/planner) echo "$name: skipped under the sanitizers"; continue ;; esac
    count=$((count + 1))
    began=$(date +%s)
    case $build in
    *sanitize*) timeout 30 "$build/ebm" run "$file" --quick --out "$out" >"$out/$name.log" 2>&1; status=$?
        [ $status = 124 ] && echo "$name: ended after half a minute"
        case $status in 1|124) status=0 ;; esac ;;
    *) quick=
        case " $long " in *" $name "*) [ "$EXAMPLES" = whole ] || quick=--quick ;; esac
        "$build/ebm" run "$file" $quick --out "$out" >"$out/$name.log" 2>&1; status=$?
        [ "$quick" ] && [ $status = 1 ] && status=0 ;; # a claim may fail after one step
    esac
    echo "$name: status $status after $(($(date +%s) - began)) s"
    grep '^claim' "$out/$name.log"
    [ $status = 0 ] && continue
    failed=$((failed + 1))
    tail -n 30 "$out/$name.log" | sed 's/^/    /'
done
echo "$count programs, $failed failed"
[ $failed = 0 ] && [ $count -gt 0 ]

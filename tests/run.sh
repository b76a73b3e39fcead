#!/bin/sh
# run.sh: runs the test programs and scripts given, each with a time limit, and sums up.  Usage: run.sh TEST..
# Output of a passing test is kept in $BUILD_DIR/tests/*.log; that of a failing one is shown.
passed=0 failed=0
export ASAN_OPTIONS=exitcode=99 LSAN_OPTIONS=exitcode=99 # not the 1 of a claim that fails
build=${BUILD_DIR:-build}
mkdir -p "$build/tests"
for test in "$@"; do
    name=$(basename "$test")
    log="$build/tests/$name.log"
    case $test in *.sh) command="sh $test" ;; *) command="./$test" ;; esac
    began=$(date +%s)
    if timeout "${TEST_SECONDS:-1500}" $command >"$log" 2>&1; then
        passed=$((passed + 1)); verdict=ok
    else
        failed=$((failed + 1)); verdict=FAILED
    fi
    echo "$verdict $name ($(($(date +%s) - began)) s)"
    [ $verdict = ok ] || sed 's/^/    /' "$log" | tail -n 60
done
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]

#!/bin/sh
# layers_test.sh: includes point one way (layers.sh), the program is a client of ebm.h alone, and no two parts of the library define
# the same name.
build=${BUILD_DIR:-build}
bad=0
sh tests/layers.sh || bad=1
if grep -n '^#include "\(lang\|vm\)/' cli/*.[ch] | grep -v '"lang/ebm.h"'; then
    echo "cli/ may include ebm.h and its own files, nothing else"
    bad=1
fi
twice=$(find "$build/obj/vm" "$build/obj/lang" "$build/gen" -name '*.o' | xargs nm --defined-only | awk 'NF == 3 && $2 ~ /[TDBRC]/ { print $3 }' | sort | uniq -d)
[ -z "$twice" ] || { echo "defined in two places: $twice"; bad=1; }
exit $bad

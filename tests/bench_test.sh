#!/bin/sh
# bench_test.sh: the workloads of bench/ check without a mistake, and, where PyTorch is installed (`make bench` does it), one step of each
# by ebm and by PyTorch is the same.
build=${BUILD_DIR:-build}
failed=0
for f in bench/workloads/*.ebm; do
    $build/ebm check "$f" >/dev/null 2>&1 || { echo "FAILED $f does not check"; failed=1; }
done
if /usr/bin/python3 -c 'import torch, functorch' 2>/dev/null; then
    /usr/bin/python3 -W ignore bench/same.py --ebm "$build/ebm" || failed=1
else
    echo "PyTorch is not installed: steps were not compared"
fi
exit $failed

#!/bin/sh
# bench_test.sh: the workloads of bench/ check without a mistake, and, where PyTorch is installed (`make bench` does it), one step of each
# by ebm and by PyTorch is the same; the table's ratios and means are what its figures make them; a scaling is measured.
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

# Two workloads, twice and thrice as fast as PyTorch by autograd, 1 and 2 times as fast as by hand; on two threads all take half.
kept=$(mktemp)
cat > "$kept" <<'END'
{"w1 1": {"blocks": {"ebm": [2, 2, 2], "hand": [2, 2, 2], "eager": [4, 4, 4]}, "memory": {"ebm": 10, "hand": 90, "eager": 99}, "start": {"ebm": 0.1, "hand": 1, "eager": 1}, "bound": 1},
 "w2 1": {"blocks": {"ebm": [1, 2, 1], "hand": [2, 4, 2], "eager": [3, 6, 3]}, "memory": {"ebm": 10, "hand": 50, "eager": 50}, "start": {"ebm": 0.1, "hand": 1, "eager": 1}, "bound": 0.5},
 "w1 2": {"blocks": {"ebm": [1, 1, 1], "hand": [1, 1, 1], "eager": [2, 2, 2]}, "memory": {"ebm": 10, "hand": 90, "eager": 99}, "start": {"ebm": 0.1, "hand": 1, "eager": 1}, "bound": 0.5}}
END
told=$(bench/run.py --show --json "$kept")
rm -f "$kept"
expect() { echo "$told" | grep -qF "$1" || { echo "FAILED the table lacks: $1"; failed=1; }; }
expect '| w1 | 1 | 2 | 0% | 1 | 50% | 4 (eager) | 2.00 | 2 (hand) | 1.00 | 10 / 90 | 1/9.0 | 0.10 / 1.00 |'
expect "| PyTorch's best by autograd | 2.45 (least w1, 2.00) | 2.00 (least w1, 2.00) |"
expect "| PyTorch's best, by hand included | 1.41 (least w1, 1.00) | 1.00 (least w1, 1.00) |"
expect 'Two threads over one, ebm: w1 2.00'

table=$(mktemp -u)
bench/scaling.py gibbs:items --ebm "$build/ebm" --modest --threads 1 --most 1 --table "$table" > "$table.told" 2>&1 || { echo "FAILED bench/scaling.py:"; cat "$table.told"; failed=1; }
grep -q '^gibbs items 1e1, 1 threads: .* MB$' "$table.told" || { echo "FAILED bench/scaling.py tells nothing of ten tori"; cat "$table.told"; failed=1; }
rm -f "$table.told"
exit $failed

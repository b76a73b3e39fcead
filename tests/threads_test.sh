#!/bin/sh
# threads_test.sh: a training ends with the same bytes on one thread and on two, with the wide kernels and the narrow ones: convolutions, and two
# steps of each workload of bench/.
build=${BUILD_DIR:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# same NAME FILE SAVED [OPTION]..: runs the text three ways and compares what it saved.
same() {
    name=$1 file=$2 saved=$3
    shift 3
    "$build/ebm" run "$file" --out "$work/one" --threads 1 "$@" >/dev/null 2>&1 || { echo "FAILED $name does not run"; failed=1; return; }
    "$build/ebm" run "$file" --out "$work/two" --threads 2 "$@" >/dev/null 2>&1
    EBM_KERNELS=v3 "$build/ebm" run "$file" --out "$work/narrow" --threads 2 "$@" >/dev/null 2>&1
    for way in two narrow; do
        cmp -s "$work/one/$saved" "$work/$way/$saved" || { echo "FAILED $name: other bytes ($way)"; failed=1; }
    done
    echo "ok $name"
}

same "convolutions" tests/stdlib/convolution_gradients.ebm convolutions.safetensors
for file in bench/workloads/*.ebm; do
    name=$(basename "$file" .ebm)
    { cat "$file"; echo 'save fit -> "fit.safetensors"'; } > "$work/$name.ebm"
    same "$name" "$work/$name.ebm" fit.safetensors --set length=2
done
exit $failed

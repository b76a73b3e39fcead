#!/bin/sh
# one_row_test.sh: an element-wise op is one row of vm/base/ops.def.  A copy of the sources gets a row for `cube`, is built, and runs a
# program that uses cube(x) and its derivatives; the same program means nothing to the program without the row.
build=${BUILD_DIR:-build}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
failed=0
# check NAME STATUS PATTERN COMMAND..: the command ends with this status and its output matches the pattern.
check() {
    name=$1 status=$2 pattern=$3
    shift 3
    "$@" >"$copy/out.txt" 2>&1
    got=$?
    if [ $got = "$status" ] && grep -q -e "$pattern" "$copy/out.txt"; then echo "ok $name"; return; fi
    echo "FAILED $name: status $got, expected $status and a line like: $pattern"
    tail -n 30 "$copy/out.txt" | sed 's/^/    /'
    failed=$((failed + 1))
}

cp -R Makefile vm lang cli stdlib "$copy" || exit 2
cat > "$copy/row.txt" <<'ROW'
MAP1 (cube,     x * x * x,                           "3 * g * x * x",                                  "-2 2",    2, "x times x times x")
ROW
sed -i "/^MAP1 (erf,/r $copy/row.txt" "$copy/vm/base/ops.def"
check 'the copy differs by one row' 1 '^> MAP1 (cube,' diff -r vm "$copy/vm"
[ "$(grep -c '^[<>]' "$copy/out.txt")" = 1 ] || { echo 'FAILED: more than one row differs'; failed=$((failed + 1)); }

cat > "$copy/cube.ebm" <<'EBM'
x = [-1.5, 0.5, 2]
slope = grad[x](sum(cube(x)))
bend = grad[x](sum(slope_of(x)))
fn slope_of(x: [N]) -> [N] = grad[x](sum(cube(x)))
claim max(abs(cube(x) - [-3.375, 0.125, 8])) < 1e-6 "its value"
claim max(abs(slope - 3 * x^2)) < 1e-5 "its derivative"
claim max(abs(bend - 6 * x)) < 1e-5 "its second derivative"

# A chunked region, a loop and its derivative: 4096 chains fall down the energy |x|^3 / 3.
energy E(x: [2]) = sum(cube(abs(x))) / 3
start ~ uniform(-1, 1, [4096, 2])
low = argmin x of E(x) by descent(steps = 50, step = 0.5) from start
claim max(abs(low)) < 0.05 "descent on an energy made of it"
EBM
# The quickest build: nothing here is about speed.
check 'the copy builds' 0 'link ' make -C "$copy" BUILD_DIR=made CFLAGS='-std=gnu11 -O0 -fPIC -ffp-contract=off' \
    KERNEL_FLAGS='-O1 -ffp-contract=off -fno-math-errno -fno-trapping-math' made/ebm
check 'cube and its derivatives' 0 'descent on an energy made of it' "$copy/made/ebm" run "$copy/cube.ebm" --out "$copy"
check 'in double precision' 0 'its second derivative' "$copy/made/ebm" run "$copy/cube.ebm" --out "$copy" --precision f64
check 'ebm doc knows it' 0 'x times x times x' "$copy/made/ebm" doc cube
check 'without the row it means nothing' 2 'E0[0-9]*.*cube' "$build/ebm" run "$copy/cube.ebm" --out "$copy"
exit $failed

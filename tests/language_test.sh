#!/bin/sh
# language_test.sh: runs the small programs of tests/language/, one for each part of the language, whose claims check exact values; then the
# scenes of tests/language/scenes/, where more than one run is needed: saving and loading, draws and added lines, options, what is refused.
# The interpreter is $EBM, else the one in $BUILD_DIR.
build=${BUILD_DIR:-build}
ebm=${EBM:-$build/ebm}
out=$build/tests/language
passed=0 failed=0
rm -rf "$out"
mkdir -p "$out"

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAILED: $1"; [ -z "$2" ] || sed 's/^/    /' "$2" | tail -n 40; }

# runs NAME STATUS ARGUMENT..: a scene ends with this status; what it says is kept in $out/NAME.log
runs() {
    name=$1 want=$2
    shift 2
    "$ebm" run "$@" --out "$out" --data "$out" >"$out/$name.log" 2>&1
    status=$?
    if [ $status = "$want" ]; then pass; else fail "$name ended with status $status, not $want" "$out/$name.log"; fi
}

# says NAME TEXT [COUNT]: a line of the log holds the text (COUNT times, if given)
says() {
    n=$(grep -c -F -- "$2" "$out/$1.log")
    if [ "$n" = "${3:-$n}" ] && [ "$n" -gt 0 ]; then pass; else fail "$1 says '$2' $n times" "$out/$1.log"; fi
}

# same A B: the logs are equal, but for the lines that tell of time
same() {
    grep -v 'steps/s' "$out/$1.log" >"$out/$1.told"
    grep -v 'steps/s' "$out/$2.log" >"$out/$2.told"
    if cmp -s "$out/$1.told" "$out/$2.told"; then pass; else diff "$out/$1.told" "$out/$2.told" >"$out/$1.diff"; fail "$1 and $2 differ" "$out/$1.diff"; fi
}

# --- one program for each part of the language ---

for file in tests/language/*.ebm; do
    name=$(basename "$file" .ebm)
    "$ebm" run "$file" --out "$out" >"$out/$name.log" 2>&1
    status=$?
    if [ $status != 0 ]; then fail "$file ended with status $status" "$out/$name.log"
    elif grep -q 'claim FAILS' "$out/$name.log"; then fail "$file" "$out/$name.log"
    elif [ "$(grep -c '^claim holds' "$out/$name.log")" != "$(grep -c '^claim ' "$file")" ]; then fail "$file: not every claim was judged" "$out/$name.log"
    elif grep -q 'warning\[' "$out/$name.log"; then fail "$file: warnings" "$out/$name.log"
    else pass; fi
done

# --- scenes ---

scenes=tests/language/scenes

runs save 0 $scenes/save.ebm
says save 'wrote'
runs load 0 $scenes/load.ebm
says load 'claim holds' 7
runs checkpoint 0 $scenes/checkpoint.ebm
cp "$out/model.safetensors" "$out/first.safetensors"
runs save_again 0 $scenes/save.ebm --threads 1
if cmp -s "$out/model.safetensors" "$out/first.safetensors"; then pass; else fail "two runs save the same bytes"; fi
runs save_other 0 $scenes/save.ebm --seed 6
if cmp -s "$out/model.safetensors" "$out/first.safetensors"; then fail "another seed saves other bytes"; else pass; fi

runs draws1 0 $scenes/draws1.ebm
runs draws2 0 $scenes/draws2.ebm
grep -v 'mean(h())' "$out/draws2.log" >"$out/draws2.rest" && mv "$out/draws2.rest" "$out/draws2.log"
same draws1 draws2
runs draws3 0 $scenes/draws1.ebm --seed 1
if cmp -s "$out/draws1.log" "$out/draws3.log"; then fail "another seed draws the same"; else pass; fi
runs batch1 0 $scenes/batch1.ebm
sed 's/\[50\]/[4000]/' $scenes/batch1.ebm >"$out/batch2.ebm"
runs batch2 0 "$out/batch2.ebm"
same batch1 batch2
runs threads1 0 $scenes/draws1.ebm --threads 1
runs threads2 0 $scenes/draws1.ebm --threads 2
same threads1 threads2

runs beside 0 tests/language/texts.ebm # files beside the text, also those that library functions read, with --data elsewhere
runs option 0 $scenes/option.ebm
says option 'width * 2 = 8'
runs option_set 0 $scenes/option.ebm --set width=6 --set rate=0.25
says option_set 'width * 2 = 12'
says option_set 'rate = 0.25'
says option_set 'sum(ones([width])) = 6'
runs option_wrong 2 $scenes/option.ebm --set widht=6
says option_wrong 'did you mean `width`?'

runs print 0 $scenes/print.ebm
says print 'these are'
says print 'x: [3] = [1, 2, 3]'
says print 'd.b: [3] = [2, 4, 6]'
for file in deep/curve.svg scatter.png field.png M.npy d.safetensors; do
    if [ -s "$out/$file" ]; then pass; else fail "print.ebm wrote no $file"; fi
done

runs summary 0 $scenes/summary.ebm
says summary '    twice1       [8, 4]  [8, 3]          48     0.768 k' 1
says summary '      dense2     [6]     [3]             18     0.288 k' 1
says summary 'head             [8, 4]  []              58      1.06 k' 1
says summary '  batch_norm1  [5, 5]  [5, 5]          10      0.26 k' 1
says summary 'with N = 5' 1
says summary '  cell  [48], [1]  [48]         7248      1.14 M' 1

runs every 0 $scenes/every.ebm
says every 'f() = 0'
says every 'f() = -2'
says every 'f() = -4'
runs rollback 0 $scenes/rollback.ebm --seed 1
says rollback 'back to step 0 with new draws'
runs hopeless 3 $scenes/hopeless.ebm
says hopeless 'E0510'
runs digest 2 $scenes/digest.ebm
says digest 'E0393'
says digest 'sha256:'
runs uncalled 2 $scenes/uncalled.ebm
says uncalled 'error[' 7
runs right 0 $scenes/right.ebm
if [ -s "$out/right.log" ]; then fail "right says something" "$out/right.log"; else pass; fi

# a file of 400 MB (that takes no room), read in 200 MB of memory: not under the sanitizers, whose own memory counts too
printf '\223NUMPY\1\0v\0%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (400000, 250), }" >"$out/large.npy"
truncate -s $((128 + 400000000)) "$out/large.npy"
case $build in
*sanitize*) ;;
*) if (ulimit -d 200000 && runs large 0 $scenes/large.ebm && says large 'claim holds' 2; [ $failed = 0 ]); then pass; else fail "a file larger than memory" "$out/large.log"; fi ;;
esac
rm -f "$out/large.npy"

# a table whose text and numbers are each larger than the memory there is, as it is and packed (known by its first bytes)
(echo a,b; yes 1.5,-2.5 | head -n 4000000) >"$out/large.csv"
for packed in no yes; do
    case $build in
    *sanitize*) ;;
    *) if (ulimit -d 30000 && runs large_table 0 $scenes/large_table.ebm --threads 1 && says large_table 'claim holds' 2; [ $failed = 0 ]); then pass
       else fail "a table larger than memory, packed: $packed" "$out/large_table.log"; fi ;;
    esac
    [ $packed = no ] && gzip -1 "$out/large.csv" && mv "$out/large.csv.gz" "$out/large.csv"
done
rm -f "$out/large.csv"

echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]

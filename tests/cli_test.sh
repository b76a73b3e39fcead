#!/bin/sh
# cli_test.sh: the program as its users meet it: exit statuses, messages, options, the prompt, saved models, stages, formatting.
build=${BUILD_DIR:-build}
root=$(pwd)
ebm=$root/$build/ebm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME="$work"
cd "$work" || exit 2
failed=0

# check NAME STATUS PATTERN COMMAND..: the command ends with this status and its output (both streams) matches the pattern.
check() {
    name=$1 status=$2 pattern=$3
    shift 3
    "$@" >out.txt 2>&1
    got=$?
    if [ $got != "$status" ]; then
        echo "FAILED $name: status $got, expected $status"; sed 's/^/    /' out.txt; failed=$((failed + 1))
    elif ! grep -q -e "$pattern" out.txt; then
        echo "FAILED $name: no line matches: $pattern"; sed 's/^/    /' out.txt; failed=$((failed + 1))
    else
        echo "ok $name"
    fi
}
# prompt NAME PATTERN LINE..: what the prompt answers to these lines.
prompt() {
    name=$1 pattern=$2
    shift 2
    printf '%s\n' "$@" > lines.txt
    check "$name" 0 "$pattern" sh -c "'$ebm' < lines.txt"
}
# --- command line ---
check "version"                     0 '^ebm [0-9]'                         "$ebm" --version
check "help"                        0 'ebm run FILE'                       "$ebm" --help
check "unknown command"             2 "did you mean 'run'"                 "$ebm" rum x
check "a file without a command"    2 'ebm run FILE'                       "$ebm" x.ebm
check "unknown option"              2 "did you mean '--set'"              "$ebm" run x.ebm --sed 3
check "option of another command"   2 'has no option --json'               "$ebm" check x.ebm --json
check "missing value"               2 'wants a value'                      "$ebm" run x.ebm --seed
check "bad number"                  2 'whole number'                       "$ebm" run x.ebm --seed three
check "missing operand"             2 'usage'                              "$ebm" run
check "missing file"                3 'No such file'                       "$ebm" run none.ebm

# --- texts ---
printf 'a = 1 + 1\nprint a\n' > two.ebm
check "two lines"                   0 '^a = 2$'                            "$ebm" run two.ebm
printf 'a = 1 + 1\nprint b\n' > wrong.ebm
check "a mistake"                   2 '^wrong.ebm:2:7: error'              "$ebm" run wrong.ebm
check "a mistake, checked"          2 '^wrong.ebm:2:7: error'              "$ebm" check wrong.ebm
check "a code explained"            0 'unknown name'                       "$ebm" explain E0201
check "no such code"                2 'no code'                            "$ebm" explain E9999
printf 'a = 2\nclaim a < 1 "small"\nclaim a < 3 "not large"\n' > claims.ebm
check "a claim fails"               1 '^claim FAILS: small (2 < 1)'        "$ebm" run claims.ebm
check "the others are judged"       1 '^claim holds: not large (2 < 3)'    "$ebm" run claims.ebm
check "claims are counted"          1 '^1 of 2 claims fails'               "$ebm" run claims.ebm
check "claims as JSON"              1 '^{"event": "claim", "text": "small", "detail": "2 < 1", "holds": false}' "$ebm" run claims.ebm --json
cat > guarded.ebm <<'END'
net at() -> [] { param w: [] = 4; w }
train fit {
  minimize at()^2
  update at by sgd(lr = 0.25)
  guard at() > 1 else stop "it shrinks to a point"
  every 5 steps { record at() as place }
  until 100 steps
}
show curve(fit.place)
END
check "a guard tells the cause"     0 'ended early: the guard at() > 1 does not hold (1 > 1): it shrinks to a point' "$ebm" run guarded.ebm
check "its curve ends where it did" 0 '^ *0  *3$'                           "$ebm" run guarded.ebm
printf 'option width = 3 "units"\nprint 2 * width\n' > option.ebm
check "an option"                   0 '= 6$'                               "$ebm" run option.ebm
check "an option set"               0 '= 14$'                              "$ebm" run option.ebm --set width=7
check "an unknown option set"       2 'width'                              "$ebm" run option.ebm --set widht=7
printf 'x ~ normal([3])\nshow table(a = x[0]) -> "../escaped.png"\n' > escape.ebm
check "no file outside the folder"  2 'outside the output folder'          "$ebm" run escape.ebm
[ -e ../escaped.png ] && { echo "FAILED a file was written outside"; failed=$((failed + 1)); }

cat > saddle.ebm <<'END'
energy Saddle(c: []; x: [2]) = (x[0] - c)^2 - 0.5 * x[1]^2 + 0.1 * x[1] * c
energy Flat(c: []; x: [2]) = (x[0] - c)^2 + 0.1 * x[1] * c
fn saddle(c: []) -> [] = sum(argmin x of Saddle(c; x) by descent(steps = 50, step = 0.1) from zeros through implicit)
fn flat(c: []) -> [] = sum(argmin x of Flat(c; x) by descent(steps = 50, step = 0.1) from zeros through implicit)
c = 0.5
END
sed '$a print grad[c](flat(c))' saddle.ebm > flat.ebm
echo 'print grad[c](saddle(c))' >> saddle.ebm
check "no derivative at a saddle"   3 '^saddle.ebm:3:109: error.E0908.*matrix is not positive' "$ebm" run saddle.ebm
check "nor along a flat direction"  3 '^flat.ebm:4:105: error.E0908.*did not come to an end' "$ebm" run flat.ebm

awk '/^```$/ { inside = !inside; if (!inside) exit; next } inside' "$root/README.md" > readme.ebm
check "the README's example"        0 'train fit: 5000 steps'              "$ebm" check readme.ebm

# --- stages ---
check "tokens"                      0 '^1:1 '                              "$ebm" explain two.ebm --stage tokens
check "syntax"                      0 'bind a'                             "$ebm" explain two.ebm --stage ast
printf 'x ~ normal([4])\nprint sum(x^2)\n' > sum.ebm
for stage in core graph plan code; do
    check "stage $stage"            0 .                                    "$ebm" explain sum.ebm --stage $stage
done
check "graph for graphviz"          0 'digraph'                            "$ebm" explain sum.ebm --stage graph --dot
# index equations of a convolution, strided and dilated, are one product over outputs, taps (5 and 3) and channels; no window is copied
cat > taps.ebm <<'END'
x ~ normal([64, 8, 16, 16])
k ~ normal([16, 8, 5, 3])
fn slide(x: [C, H, W], k: [O, C, P, Q]) {
  y[o, i, j] = sum[c, p, q] k[o, c, p, q] * x[c, 2 * i + p, j + 3 * q]
  y
}
print sum(slide(x, k))
END
check "convolutions are found"      0 'product dot .*\[.* 5 3 .* 8\]'        "$ebm" explain taps.ebm --stage code
check "no window is copied"         1 '^0$'                                 sh -c "'$ebm' explain taps.ebm --stage code | grep -c 'copy index'"
check "unknown stage"               2 'did you mean graph'                 "$ebm" explain sum.ebm --stage grahp
check "documentation"               0 '^langevin .*solver'                 "$ebm" doc
check "documentation of a name"     0 'langevin(steps'                     "$ebm" doc langevin
check "documentation of nothing"    2 "no 'langevim'"                      "$ebm" doc langevim

# --- style ---
printf 'fn f(x: []) {\n      y = x   \n\n\n\n  y\n   }' > style.ebm
check "format"                      0 .                                    sh -c "'$ebm' fmt style.ebm && printf 'fn f(x: []) {\n  y = x\n\n  y\n}\n' | diff - style.ebm && echo same"
printf 'fn f( {\n' > wrong_syntax.ebm
check "format a mistake"            2 'error'                              "$ebm" fmt wrong_syntax.ebm
check "it was left alone"           0 '^fn f( {$'                          cat wrong_syntax.ebm

# --- training, saved models ---
cat > fit.ebm <<'END'
seed 3
option rate = 0.1 "learning rate"
net f(x: [2]) -> [] { param w: [2] = 1; sum(w * x) }
train fit {
  x ~ normal([16, 2])
  minimize mean((f(x) - 3 * x[:, 0])^2) as error
  update f by sgd(lr = rate)
  every 50 steps { record error }
  until 200 steps
}
claim abs(fit.f.w[0] - 3) < 0.01 "the weight is found"
save fit -> "out/fit.safetensors"
END
check "a small training"            0 '^the claim holds'                   "$ebm" run fit.ebm --out a
check "it says how long"            0 'fit: 200 steps in'                  "$ebm" run fit.ebm --out b --threads 1
check "the same bytes"              0 same                                 sh -c 'cmp a/out/fit.safetensors b/out/fit.safetensors && echo same'
check "another seed, other bytes"   0 different                            sh -c "'$ebm' run fit.ebm --out c --seed 4 && ! cmp -s a/out/fit.safetensors c/out/fit.safetensors && echo different"
check "inspect"                     0 'claim holds: the weight is found'   "$ebm" inspect a/out/fit.safetensors
check "a model runs again"          0 '^the claim holds'                   "$ebm" run a/out/fit.safetensors --out d
check "with the same bytes"         0 same                                 sh -c 'cmp a/out/fit.safetensors d/out/fit.safetensors && echo same'
check "double precision"            0 '^the claim holds'                   "$ebm" run fit.ebm --out e --precision f64
check "records as JSON"             0 '"event": "record", "train": "fit", "step": 200' "$ebm" run fit.ebm --out a --json
check "products by OpenBLAS"        0 '^the claim holds'                   "$ebm" run fit.ebm --out f --math blas
check "no such products"            2 'own and blas'                       "$ebm" run fit.ebm --math mkl
head -c 100 a/out/fit.safetensors > broken.safetensors
check "a broken model"              3 .                                    "$ebm" inspect broken.safetensors
check "a broken model does not run" 3 'error'                              "$ebm" run broken.safetensors

# --- profile ---
check "a profile"                   0 'line of the text'                   "$ebm" run fit.ebm --out p --profile
check "lines have their text"       0 '^ .*fit.ebm:6  minimize mean'       "$ebm" run fit.ebm --out p --profile
check "a line an instruction"       0 '^fit	map	.*	fit.ebm:6	196	0.0'  cat p/profile.tsv
check "stacks with microseconds"    0 '^fit;fit fit.ebm:6;.* [0-9][0-9]*$' cat p/profile.folded
check "nothing but stacks"          1 '^0$'                                grep -c -v '^[^;]*\(;[^;]*\)* [0-9][0-9]*$' p/profile.folded
check "a profile changes no bit"    0 same                                 sh -c 'cmp a/out/fit.safetensors p/out/fit.safetensors && echo same'
check "a profile as JSON"           0 '^{"event": "wrote", "text": "p/profile.folded"}' "$ebm" run fit.ebm --out p --profile --json

# --- interruption ---
sed 's/until 200 steps/until 100000000 steps/; s/every 50/every 1000000/' fit.ebm > long.ebm
timeout --preserve-status -s INT 2 "$ebm" run long.ebm --out i > interrupted.txt 2>&1
[ $? = 130 ] || { echo "FAILED Ctrl-C: the status is not 130"; failed=$((failed + 1)); }
check "Ctrl-C saves the state"      0 'fit.interrupted.safetensors'        cat interrupted.txt
check "the saved state is whole"    0 'f.w'                                "$ebm" inspect i/fit.interrupted.safetensors

check "a state is no result"        1 'is a state on the way'                         "$ebm" verify i/fit.interrupted.safetensors

# --- going on, and running again ---
cat > two_trains.ebm <<'END'
seed 5
net f(x: [2]) -> [] = x |> dense(8) |> tanh |> dense(1) |> sum
net g(x: [2]) -> [] = x |> dense(8) |> tanh |> dense(1) |> sum
train first {
  x ~ normal([16, 2])
  minimize mean((f(x) - x[:, 0])^2) as error
  update f by adam(lr = 0.01)
  every 20 steps { record error }
  until 60 steps
}
train second {
  x ~ normal([16, 2])
  minimize mean((g(x) - first.f(x))^2) as error
  update g by adam(lr = 0.01)
  guard error < 100 else rollback
  every 7 steps { record error }
  checkpoint every 90 steps
  until 130 steps
}
claim mean(second.error) < 100 "the curve is whole"
save second.error -> "error.npy"
save second -> "second.safetensors"
save first -> "first.safetensors"
END
check "a run with checkpoints"      0 'second.checkpoint'                  "$ebm" run two_trains.ebm --out whole
check "goes on from one"            0 'second: goes on from step 90'       "$ebm" resume whole/second.checkpoint.safetensors --out rest
check "without the earlier train"   0 nothing                              sh -c "'$ebm' resume whole/second.checkpoint.safetensors --out rest | grep -q '^first:' || echo nothing"
check "to the same bytes"           0 same                                 sh -c 'cmp whole/second.safetensors rest/second.safetensors && cmp whole/first.safetensors rest/first.safetensors && echo same'
check "and the same curve"          0 same                                 sh -c 'cmp whole/error.npy rest/error.npy && echo same'
check "a result does not go on"     3 'E0813'                              "$ebm" resume whole/second.safetensors
check "a text does not go on"       3 'E0813'                              "$ebm" resume two_trains.ebm
check "verify"                      0 '^verified'                          "$ebm" verify whole/second.safetensors
check "verify with another seed"    0 '^verified'                          "$ebm" verify c/out/fit.safetensors
sed 's/weight is found/weight is round/' a/out/fit.safetensors > false.safetensors
check "a model that is not its text's" 1 'not verified'                    "$ebm" verify false.safetensors
head -c -4 a/out/fit.safetensors > changed.safetensors; printf 'abcd' >> changed.safetensors
check "changed values are told"     1 'values differ'                      "$ebm" verify changed.safetensors

# --- the prompt ---
prompt "an expression"              '= 3$'                                 '1 + 2'
prompt "a definition is kept"       '= 12$'                                'a = 3' 'a * 4'
prompt "several lines"              '= 25$'                                'fn sq(x: []) -> [] {' '  x * x' '}' 'sq(5)'
prompt "a mistake loses nothing"    '= 3$'                                 'a = 3' 'b = aa' 'fn ) (' 'a'
prompt "a mistake is shown"         'error'                                'a = 3' 'b = aa'
prompt "defined again"              '= 20$'                                'a = 3' 'b = 2 * a' 'b' 'a = 10' 'b'
prompt "what is known of a name"    'langevin'                             '?langevin'
prompt "a definition by its name"   '^energy E(x: \[2\])'                 'energy E(x: [2]) = sum(x^2)' 'E'
prompt "a picture"                  '┤'                                    'contour(fn(x: [2]) -> sum(x^2), box(-2, 2))'
prompt "a type"                     '\[3, 4\]'                             ':type zeros([3, 4])'
prompt "options change"             '= 8$'                                 'option w = 3 "w"' ':set w=4' '2 * w'
prompt "help"                       'quit'                                 ':help'
prompt "no such command"            'did you mean :help'                   ':hepl'
prompt "saves the text"             'wrote spec.ebm'                       'a = 3' 'b = 2 * a' ':save spec.ebm'
check "and that runs"               0 .                                    sh -c "echo 'print b' >> spec.ebm && '$ebm' run spec.ebm | grep '= 6'"

[ $failed = 0 ] && echo "all well" || { echo "$failed failed"; exit 1; }

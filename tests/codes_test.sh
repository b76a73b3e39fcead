#!/bin/sh
# codes_test.sh: every code that a diagnostic carries is explained in vm/base/codes.def, once, and every code explained there is in use.
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
find vm lang cli -name '*.[chly]' | xargs grep -hoE '"[EW]0[0-9]{3}"' | tr -d '"' | sort -u >"$work/used"
grep -oE '^CODE\("[EW][0-9]+' vm/base/codes.def | sed 's/.*"//' | sort >"$work/explained"
uniq -d "$work/explained" | sed 's/$/ is explained twice/' >"$work/wrong"
sort -u -o "$work/explained" "$work/explained"
comm -23 "$work/used" "$work/explained" | sed 's/$/ is used but not explained/' >>"$work/wrong"
comm -13 "$work/used" "$work/explained" | sed 's/$/ is explained but never used/' >>"$work/wrong"
cat "$work/wrong"
[ -s "$work/used" ] && [ ! -s "$work/wrong" ]

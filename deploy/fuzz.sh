#!/usr/bin/env bash
# fuzz.sh fuzzes parsers of what others write: some seconds for each of a few
# targets, which rotate by the day so that all of them come round. Failing
# inputs are left in the package's testdata/fuzz.
#   usage: deploy/fuzz.sh [SECONDS [TARGETS]]     200 and 8; 0 targets: every one. With compiling it
#   stays below 8 minutes: no target is begun after 400 seconds
set -uo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-200} count=${2:-8} failed=0
mapfile -t all < <(grep -rlE '^func Fuzz' --include='*_test.go' airlock cmd deploy pkg policies workspace | sort | while read -r f; do
  grep -oE '^func Fuzz[A-Za-z0-9_]+' "$f" | sed "s|^func |$(dirname "$f") |"; done)
n=${#all[@]}
[ "$n" -gt 15 ] || { echo "fuzz: only $n targets were found"; exit 1; }
[ "$count" -eq 0 ] && count=$n
[ "$count" -gt "$n" ] && count=$n
# The end of -fuzztime is told as a failure now and then (go.dev/issue/75804, mended in Go 1.27): the
# target's only words are the clock's then. What is found names an input, a subtest, a panic or a hung worker.
out_of_time() {
  [ "$(grep -A1 '^--- FAIL: ' <<<"$1" | sed 1d)" = '    context deadline exceeded' ] &&
    ! grep -qE 'Failing input|failure while testing|panic:|DATA RACE|hung or terminated|^ +--- FAIL' <<<"$1"
}
# What every run has to try: deliveries, contracts, permits and filters come from outside.
day=$(($(date +%s) / 86400)) each=$((seconds / count))
echo "fuzz: $count of $n targets, $each s each"
for i in $(seq 0 $((count - 1))); do
  [ $# -eq 0 ] && [ $SECONDS -gt 400 ] && { echo "fuzz: the rest is left for another day"; break; }
  read -r dir name <<<"${all[$(((day * count + i) % n))]}"
  start=$SECONDS
  if out=$(go test "./$dir" -run '^$' -fuzz "^$name\$" -fuzztime "${each}s" -fuzzminimizetime 100x 2>&1) || out_of_time "$out"; then
    printf '  %-40s %-45s %3d s  %s\n' "$dir" "$name" $((SECONDS - start)) "$(grep -oE 'execs: [0-9]+' <<<"$out" | tail -1)"
  else
    failed=1; printf '  %-40s %-45s FAILED\n%s\n' "$dir" "$name" "$out"
  fi
done
exit $failed

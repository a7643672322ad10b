#!/usr/bin/env bash
# bench.sh prints the benchmark table: each figure beside a rival or a physical limit measured in
# the same run, with the machine and its load. Nothing here passes or fails.
#   usage: deploy/bench.sh [--with-splink]     --with-splink: installs Splink in .cache and runs against it
#          deploy/bench.sh --big N             publishing and cutting N rows beside DuckDB alone (20000000, 100000000);
#                                              takes 60 bytes of disk a row in .cache, and for DuckDB's sort 100 more
#          deploy/bench.sh --city N            a region of N people (2800000 make 110 million rows) from deliveries to versions
set -uo pipefail
cd "$(dirname "$0")/.."
echo "machine: $(nproc) cores, $(free -g | awk '/Mem/{print $2}') GiB, $(uname -r), $(go version | cut -d' ' -f3); load $(cut -d' ' -f1-3 /proc/loadavg)"
part() { printf '\n== %s\n' "$1"; shift; "$@" 2>&1 | grep -vE '^(goos|goarch|PASS|ok|pkg):?' ; }
data() { sh -c 'rm -rf .cache/bench-data && CGO_ENABLED=1 go test -c -o .cache/duck-rival ./pkg/engine/duck && exec bin/ark bench data --dir .cache/bench-data --rival .cache/duck-rival "$@"' data "$@"; }
case "${1:-}" in
--big) part "publishing and cutting beside DuckDB" data --rows 0 --rounds 1 --big "$2"; exit ;;
--city) part "a city region" bin/ark bench city --dir .cache/bench-city --people "$2"; exit ;;
esac
part "pseudonyms: HMAC per person beside one core's SHA-256 limit" go test -run '^$' -bench . -benchtime 1s ./pkg/pseudonym
part "Parquet: write, read, sort" go test -run '^$' -bench . -benchtime 1x ./pkg/columnar
part "intake, publishing and cutting beside DuckDB" data
part "objects: sealed put and open" go test -run '^$' -bench . -benchtime 1x ./pkg/objects
part "ledger: append and verify" go test -run '^$' -bench . -benchtime 1x ./pkg/ledger
part "disclosure: tables judged" go test -run '^$' -bench . -benchtime 10x ./airlock/disclosure
part "disclosure: the same crosstab by ACRO" deploy/bench-acro.sh airlock/disclosure/testdata/acro_charities.csv
part "disclosure: planted and clean tables" sh -c 'go test -count=1 -v -run PlantedRecall ./airlock/disclosure | grep -E "planted:|clean:|research:"'
part "secondary suppression: 961 and 3,721 cells" sh -c 'ARK_BENCH=30x4,60x4 go test -count=1 -v -run TestMeasure ./airlock/suppress | grep -E "cells|memory"'
part "secondary suppression: three dimensions" sh -c 'ARK_BENCH_CUBE=5,6 go test -count=1 -v -run TestCubes ./airlock/suppress | grep -E "cells|memory"'
part "airlock pages with 10,000 open requests and 10,400 files (bar: p95 of 60 ms)" sh -c 'ARK_BENCH=1 go test -count 1 -v -run TestAirlockAtSize ./pkg/portal | grep -E "ms|heap"'
part "inspection: 1 MB CSV (bar: 50 ms), 10 MB XLSX (2 s), a start of the walled child, a thousand small files (5 s), ten million known values, the corpus" go test -run "^$" -bench . -benchtime 3x ./airlock/inspect
part "differencing: a request of 200 cells beside 1,000,000 released ones over 2.8 million people" go test -run '^$' -bench Compare -benchtime 3x ./airlock/differencing
part "differencing: planted attacks and ordinary revisions" sh -c 'go test -count=1 -v -run "Planted|Ordinary|OverAMerge|SlowDrip" ./airlock/rederive ./airlock/differencing | grep -E "pass;|do not pass|releases among" | sed "s/^[^:]*:[0-9]*: //"'
part "re-derivation: a table of a query over 3,000,000 records made again by the airlock, beside the workspace (bar: 1.1)" sh -c 'go test -run "^$" -bench MadeAgain -benchtime 3x ./pkg/worker | grep Benchmark'
part "filter" go test -run '^$' -bench . -benchtime 1s ./pkg/filter
if [ "${1:-}" = --with-splink ]; then part "linkage beside Splink" bin/ark bench linkage --rounds 1
else printf '\n== linkage beside Splink\nnot run: deploy/bench.sh --with-splink installs Splink and takes minutes\n'; fi
part "data-action latency of the main job" sh -c 'bin/ark demo --unattended | grep -E "times, longest|this run|passed"'

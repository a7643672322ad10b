#!/usr/bin/env bash
# test.sh runs every test of Ark and is what .ci/run calls. It installs what it needs, builds the
# real servers that contract suites run on (kept in .cache), and says how long each part took and
# what was skipped and why. In CI (CI set) a missing real part is a failure.
#   usage: deploy/test.sh
set -uo pipefail
cd "$(dirname "$0")/.."
failed=() ; times=()
part() { # name, command…
  local name=$1 start=$SECONDS; shift
  printf '\n=== %s\n' "$name"
  "$@" || failed+=("$name")
  times+=("$(printf '%6d s  %s' $((SECONDS - start)) "$name")")
}
formatted() { local bad; bad=$(gofmt -l $(git ls-files '*.go')); [ -z "$bad" ] || { echo "not formatted: $bad"; return 1; }; }
static() { go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./... ; }
vulnerable() {
  local out
  out=$(go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./... 2>&1) && { echo "$out" | tail -3; return 0; }
  if grep -qiE 'vuln.go.dev|dial tcp|no such host|forbidden|connection refused|fetching' <<<"$out"; then
    echo "SKIPPED govulncheck: its database cannot be reached from here"; return 0
  fi
  echo "$out"; return 1
}
npm_packages() { (cd pkg/portal/browsertest && { [ -d node_modules ] || npm ci --no-audit --no-fund; }); }
# A browser, a whole Ark and its workspaces are enough for the machine: their tests run alone.
most() { go list ./... | grep -v '/pkg/portal/browsertest$' | xargs go test -timeout 30m; }
part "packages of the operating system" deploy/deps.sh test
part "gofmt" formatted
part "build" make -s build
part "root file system of workspaces" deploy/rootfs/build.sh
part "real servers for the contract suites" deploy/tools/build.sh
part "npm packages of the browser tests" npm_packages
part "readers of rebuilt files" deploy/tools/readers/build.sh
part "vet" go vet ./...
part "staticcheck" static
part "govulncheck" vulnerable
part "tests" most
part "tests in a browser" go test -timeout 30m ./pkg/portal/browsertest
part "tests under the race detector" go test -race -timeout 30m ./pkg/store ./pkg/work ./pkg/ledger ./pkg/objects/... ./pkg/keys/... ./pkg/identity/... ./airlock ./workspace/gateway ./pkg/portal
part "the main job, played by its users" bin/ark demo --unattended
part "the main job on Vault, S3, PostgreSQL and an outside provider" env ARK_WHOLE=1 go test -v -count=1 -timeout 20m -run "MainJob|Planted" ./deploy/real
part "fuzzing, by turns" deploy/fuzz.sh
part "the studies" bin/ark demo --unattended --studies --people 20000
part "the main job broken while it is played" env ARK_WHOLE=1 go test -v -count=1 -timeout 20m -run Crashes ./deploy/real
printf '\n=== where the time went\n'; printf '%s\n' "${times[@]}"
if [ ${#failed[@]} -gt 0 ]; then printf '\nFAILED: %s\n' "$(IFS=,; echo "${failed[*]}")"; exit 1; fi
printf '\nall parts passed\n'

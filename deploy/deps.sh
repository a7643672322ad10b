#!/usr/bin/env bash
# deps.sh installs the Debian packages that Ark needs to build, run and test, by name, if they
# are missing: what isolates workspaces, what makes their root file system, and a browser and a
# database for the tests. Without root it says what is missing and goes on: Ark then refuses
# workspaces and says why.
#   usage: deploy/deps.sh [test]      test: also what only the tests need
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
say() { printf 'deps: %s\n' "$*" >&2; }
for tool in go gcc make git node npm python3; do
  command -v "$tool" >/dev/null || { say "missing $tool: install Go, gcc, make, git, Node with npm and Python 3 first"; exit 2; }
done
want=(g++ libc6-dev mmdebstrap squashfs-tools libseccomp-dev pkg-config e2fsprogs debian-archive-keyring python3-venv ca-certificates)
[ "${1:-}" = test ] && want+=(chromium postgresql)
missing=()
for p in "${want[@]}"; do
  dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ]; then
    say "not root, so these Debian packages are not installed: ${missing[*]}"
    say "workspaces will be refused; to have them: sudo apt-get install ${missing[*]}"
    exit 0
  fi
  say "installing ${missing[*]}"
  log=$(mktemp); trap 'rm -f "$log"' EXIT
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 \
    || { tail -20 "$log" >&2; say "the packages could not be installed"; exit 2; }
fi
[ -x "$here/../.cache/tools/runc" ] || say "building the container runtime"
"$here/tools/runc/build.sh" >/dev/null

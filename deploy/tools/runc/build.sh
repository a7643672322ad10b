#!/usr/bin/env bash
# build.sh builds the pinned runc with seccomp; the last line printed is its path.
#   usage: deploy/tools/runc/build.sh [output file]     (default .cache/tools/runc)
# Needs Go, gcc and the Debian packages libseccomp-dev and pkg-config.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$(cd "$here/../../.." && pwd)/.cache/tools/runc}
stamp=$(sha256sum "$here/go.mod" "$here/go.sum" "$here/build.sh" | sha256sum | cut -c1-16)
if [ -x "$out" ] && [ "$(cat "$out.inputs" 2>/dev/null)" = "$stamp" ]; then echo "$out"; exit 0; fi
pkg-config --exists libseccomp 2>/dev/null || { echo "runc: install the Debian packages libseccomp-dev and pkg-config" >&2; exit 2; }
mkdir -p "$(dirname "$out")"
echo "runc: building" >&2
(cd "$here" && go build -trimpath -tags seccomp -ldflags '-s -w -X main.version=1.5.2' -o "$out" github.com/opencontainers/runc)
"$out" --version | grep -q libseccomp || { echo "runc: built without seccomp" >&2; exit 1; }
echo "$stamp" > "$out.inputs"
echo "$out"

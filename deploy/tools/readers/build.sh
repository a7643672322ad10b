#!/usr/bin/env bash
# build.sh installs the Python packages that open rebuilt files in a test into .cache/readers/<hash>,
# locked by hash, for CPython 3.11; the test finds them by the same hash.
#   usage: deploy/tools/readers/build.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$here/../../../.cache/readers/$(sha256sum "$here/requirements.txt" | cut -c1-16)
[ -d "$out" ] && { echo "readers: already there"; exit 0; }
t=$(mktemp -d); trap 'rm -rf "$t" "$out.part"' EXIT
pip=(python3 -m pip --disable-pip-version-check)
python3 -m pip --version >/dev/null 2>&1 || { python3 -m venv "$t/v"; pip=("$t/v/bin/pip" --disable-pip-version-check); }
mkdir -p "$(dirname "$out")"
"${pip[@]}" install -q --no-deps --require-hashes --only-binary=:all: --python-version 3.11 --implementation cp \
  --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --platform any \
  --root-user-action=ignore --target "$out.part" -r "$here/requirements.txt"
mv "$out.part" "$out"
echo "readers: installed"

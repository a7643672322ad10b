#!/usr/bin/env bash
# lock.sh resolves requirements.in for CPython 3.11 (Debian 12) and rewrites requirements.txt with
# one hash per wheel.
set -euo pipefail
cd "$(dirname "$0")"
t=$(mktemp -d); trap 'rm -rf "$t"' EXIT
python3 -m venv "$t/v"
"$t/v/bin/pip" install -q --dry-run --ignore-installed --only-binary=:all: --python-version 3.11 \
  --implementation cp --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 \
  --platform manylinux2014_x86_64 --platform any --target "$t/x" --report "$t/report.json" -r requirements.in
python3 - "$t/report.json" > requirements.txt <<'P'
import json, sys
print("# What opens rebuilt files in a test, one line per wheel, locked by hash: made by lock.sh.")
for i in sorted(json.load(open(sys.argv[1]))["install"], key=lambda i: i["metadata"]["name"].lower()):
    m = i["metadata"]
    print(f"{m['name']}=={m['version']} --hash=sha256:{i['download_info']['archive_info']['hashes']['sha256']}")
P

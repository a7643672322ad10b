#!/usr/bin/env bash
# Builds the servers that tests run against, each from its Go module in the
# folder of its name, into .cache/tools/<name>/<hash>/<name>. The hash is of the
# module's files: what is built already is not built again.
#
# usage: deploy/tools/build.sh [NAME...]     all of them without a name
#
# A folder holds go.mod, go.sum and either main.go or a "tool" line in go.mod
# that says which package to build.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${ARK_TOOLS:-$here/../../.cache/tools}

hash_of() { # must agree with hash in built/built.go
	(cd "$1" && LC_ALL=C ls | grep -E '^(go\.mod|go\.sum|.*\.go)$' | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-16)
}

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
	for dir in "$here"/*/; do
		# A tool with a build.sh of its own (runc) is built by that.
		[ -f "$dir/go.mod" ] && [ ! -f "$dir/build.sh" ] && names+=("$(basename "$dir")")
	done
fi
for name in "${names[@]}"; do
	dir=$here/$name
	[ -f "$dir/go.mod" ] || { echo "tools: there is no tool $name" >&2; exit 2; }
	out=$cache/$name/$(hash_of "$dir")
	if [ -x "$out/$name" ]; then
		echo "tools: $name: built already"
		continue
	fi
	package=.
	[ -f "$dir/main.go" ] || package=$(sed -n 's/^tool  *//p' "$dir/go.mod" | head -1)
	echo "tools: $name: building $package (minutes, the first time)"
	started=$(date +%s)
	mkdir -p "$out"
	(cd "$dir" && nice go build -mod=readonly -trimpath -ldflags '-s -w' -o "$out/$name.part" "$package") &
	build=$!
	while kill -0 "$build" 2>/dev/null; do
		sleep 2
		now=$(($(date +%s) - started))
		if [ $((now % 20)) -lt 2 ] && [ "$now" -gt 10 ]; then echo "tools: $name: still building, ${now} s"; fi
	done
	wait "$build"
	mv "$out/$name.part" "$out/$name"
	echo "tools: $name: $(du -h "$out/$name" | cut -f1) in $(($(date +%s) - started)) s"
	for old in "$cache/$name"/*/; do # builds of earlier versions
		[ "$(basename "$old")" = "$(basename "$out")" ] || rm -rf "$old"
	done
done

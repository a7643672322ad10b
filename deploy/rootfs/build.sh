#!/usr/bin/env bash
# build.sh makes the read-only root file system of workspaces: Debian 12 with Python and the
# hash-locked environment of requirements.txt, packed as one squashfs image.
#   usage: deploy/rootfs/build.sh [cache folder]      (default .cache/rootfs)
# The image is <cache>/<hash of the inputs>/rootfs.squashfs; the last line printed is its path,
# and <cache>/current points at it. With unchanged inputs nothing is done. Needs root (mmdebstrap
# in a namespace of its own), mmdebstrap, squashfs-tools and Python's pip; the package mirror is
# the one this machine's apt uses.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${1:-$(cd "$here/../.." && pwd)/.cache/rootfs}
say() { printf 'rootfs: %s\n' "$*" >&2; }

inputs=$(cd "$here" && cat build.sh packages.txt requirements.txt $(find files r -type f | LC_ALL=C sort) | sha256sum | cut -c1-16)
out=$cache/$inputs
if [ -f "$out/rootfs.squashfs" ]; then
  ln -sfn "$inputs" "$cache/current"
  say "already built"; echo "$out/rootfs.squashfs"; exit 0
fi
if [ "$(id -u)" != 0 ]; then
  say "SKIPPED: it needs root. Ark refuses workspaces without it and says so; to have them: sudo deploy/rootfs/build.sh"
  exit 0
fi
for tool in mmdebstrap mksquashfs python3; do
  command -v "$tool" >/dev/null || { say "missing $tool: install the Debian packages mmdebstrap squashfs-tools python3-pip"; exit 2; }
done

mkdir -p "$cache"
work=$(mktemp -d "$cache/.building.XXXXXX"); trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir "$work/debs" "$work/wheels"
start=$(date +%s); since() { echo "$(( $(date +%s) - start )) s"; }

# The two downloads are independent: pip's runs beside mmdebstrap.
pip=(python3 -m pip --disable-pip-version-check)
python3 -m pip --version >/dev/null 2>&1 || { python3 -m venv "$work/venv"; pip=("$work/venv/bin/pip" --disable-pip-version-check); }
say "1/4 Python environment: $(grep -c == "$here/requirements.txt") wheels"
"${pip[@]}" install -q --no-compile --no-deps --require-hashes --only-binary=:all: --python-version 3.11 \
  --implementation cp --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 \
  --platform manylinux2014_x86_64 --platform manylinux_2_12_x86_64 --platform any \
  --root-user-action=ignore --target "$work/python" -r "$here/requirements.txt" >"$work/pip.log" 2>&1 &
pipjob=$!

# Debian's mirror as apt here has it: only Debian's own entries, never third-party ones.
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -E 'debian(-security)?/?$' | grep -v security | head -1 || true)
security=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -E 'debian-security/?$' | head -1 || true)
mirror=${mirror:-http://deb.debian.org/debian}; security=${security:-http://deb.debian.org/debian-security}
say "2/4 Debian 12 base from $mirror"
packages=$(sed 's/#.*//' "$here/packages.txt" | xargs | tr ' ' ,)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mmdebstrap --quiet --mode=root --variant=essential --components=main --include="$packages" \
  --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' --dpkgopt='force-unsafe-io' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  bookworm "$work/root" \
  "deb [signed-by=$keyring] $mirror bookworm main" \
  "deb [signed-by=$keyring] $mirror bookworm-updates main" \
  "deb [signed-by=$keyring] $security bookworm-security main" >"$work/deb.log" 2>&1 \
  || { tail -20 "$work/deb.log" >&2; kill $pipjob 2>/dev/null; exit 1; }
say "    done after $(since)"
wait $pipjob || { tail -20 "$work/pip.log" >&2; exit 1; }
say "3/4 putting it together ($(since))"
root=$work/root
mkdir -p "$root/opt/ark"
mv "$work/python" "$root/opt/ark/python"
cp -r "$here/files/." "$root/"
# Nothing inside may raise privilege or knows this machine.
find "$root" -xdev -perm /6000 -type f -exec chmod a-s {} +
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/etc/apt/sources.list* "$root"/etc/apt/apt.conf.d/* \
  "$root"/var/log/* "$root"/etc/resolv.conf "$root"/etc/hostname "$root"/etc/hosts "$root"/tmp/* "$root"/dev/* "$root"/run/* \
  "$root"/etc/machine-id "$root"/etc/ssh "$root"/opt/ark/python/bin
find "$root/opt/ark/python" -type d \( -name tests -o -name test \) -path '*/site-packages/*' -prune -exec rm -rf {} + 2>/dev/null || true
find "$root/opt/ark/python" \( -name 'tests' -o -name '*.map' -o -name '*.a' -o -name '*.pyi' \) -prune -exec rm -rf {} + 2>/dev/null || true
echo workspace > "$root/etc/hostname"; printf '127.0.0.1 localhost\n' > "$root/etc/hosts"; : > "$root/etc/resolv.conf"
grep -q '^researcher:' "$root/etc/passwd" || {
  echo 'researcher:x:1000:1000:researcher:/home/researcher:/bin/bash' >> "$root/etc/passwd"
  echo 'researcher:x:1000:' >> "$root/etc/group"; }
# What is mounted into a workspace needs its place here: the root is read-only there.
rmdir "$root/home/researcher" 2>/dev/null || true
mkdir -p "$root"/workspace/{extract,home,outbox,inbox,shared} "$root/run/ark" "$root/ark" "$root/dev/shm"
ln -sfn /workspace/home "$root/home/researcher"
touch "$root/ark/enclaved" "$root/ark/engine" "$root/ark/ark" "$root/ark/inspect"
ln -s /ark/ark "$root/usr/local/bin/ark"
# The file system is read-only inside, so byte code must be there from the start. Files that
# don't compile (templates for other Python versions) are harmless.
chroot "$root" /usr/bin/python3 -m compileall -q --invalidation-mode unchecked-hash /opt/ark/python >"$work/compile.log" 2>&1 || true
chroot "$root" /usr/bin/env PYTHONPATH=/opt/ark/python /usr/bin/python3 -c 'import pandas, pyarrow, duckdb, matplotlib, jupyterlab, ipykernel' \
  || { say "the Python environment does not import"; exit 1; }
cp -r "$here/r/ark" "$root/tmp/ark"
chroot "$root" /usr/bin/R CMD INSTALL --no-docs --library=/usr/local/lib/R/site-library /tmp/ark >"$work/r.log" 2>&1 \
  || { tail -20 "$work/r.log" >&2; say "the package ark for R does not install"; exit 1; }
rm -rf "$root/tmp/ark"
chroot "$root" /usr/bin/Rscript -e 'stopifnot(requireNamespace("ark", quietly = TRUE), requireNamespace("IRkernel", quietly = TRUE))' || { say "R does not load its kernel"; exit 1; }
say "4/4 packing ($(since))"
mksquashfs "$root" "$work/rootfs.squashfs" -comp zstd -Xcompression-level 6 -noappend -no-progress -quiet \
  -mkfs-time 0 -all-time 0 >/dev/null
mkdir -p "$out"
mv "$work/rootfs.squashfs" "$out/rootfs.squashfs"
(cd "$out" && sha256sum rootfs.squashfs > rootfs.sha256)
ln -sfn "$inputs" "$cache/current"
say "done in $(since): $(du -h "$out/rootfs.squashfs" | cut -f1)"
echo "$out/rootfs.squashfs"

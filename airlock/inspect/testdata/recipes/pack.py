"""Packs what make.py, hostile.R and more.py made: python pack.py OUTDIR corpus.zip

The list corpus.tsv in it says of each file: label, name, technique, tool. A kind and technique keeps
as many files as fit; large ones are left out first.
"""
import collections, os, sys, zipfile

out, to = sys.argv[1:3]
rows, seen = [], collections.Counter()
for t in ("py.tsv", "r.tsv", "more.tsv"):
    for line in open(f"{out}/{t}"):
        label, name, technique, tool = line.rstrip("\n").split("\t")
        p = f"{out}/{label}/{name}"
        size = os.path.getsize(p)
        most = 4 if size < 5000 else 2 if size < 12000 else 1
        if label == "harmless":
            most += 2
        if seen[label, technique] < most:
            seen[label, technique] += 1
            rows.append((label, name, technique, tool, p))
rows.sort()
with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
    def add(name, data):
        z.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    add("corpus.tsv", "".join("\t".join(r[:4]) + "\n" for r in rows))
    for n, r in enumerate(rows):
        add(f"{n:04d}", open(r[4], "rb").read())
print({k: sum(1 for r in rows if r[0] == k) for k in ("hostile", "harmless")}, os.path.getsize(to), len({r[2] for r in rows if r[0] == "hostile"}))

"""Scores one linkage against the truth with SQL: neither tool judges itself.

usage: score.py PAIRS.parquet CLUSTERS.parquet TRUTH.parquet
TRUTH has id and person. Prints precision, recall and F1 of the pairs at
probability 0.95 and 0.5, at the best weight, and of the clusters, and B-cubed.
"""
import json, math, sys

import duckdb

pairs, clusters, truth = sys.argv[1:4]
con = duckdb.connect()
con.execute("SET threads=2; SET enable_progress_bar=false")
con.execute(f"CREATE TABLE t AS SELECT CAST(id AS VARCHAR) id, person FROM '{truth}'")
con.execute(f"""CREATE TABLE p AS SELECT weight, a.person = b.person AS hit FROM '{pairs}' q
 JOIN t a ON a.id = CAST(q.id_l AS VARCHAR) JOIN t b ON b.id = CAST(q.id_r AS VARCHAR)""")
con.execute(f"CREATE TABLE c AS SELECT t.id, person, cluster FROM '{clusters}' q JOIN t ON t.id = CAST(q.id AS VARCHAR)")
wanted = con.execute("SELECT sum(n*(n-1)/2) FROM (SELECT count(*) n FROM t GROUP BY person)").fetchone()[0]


def f1(right, found):
    p, r = right / found if found else 1.0, right / wanted if wanted else 1.0
    return {"precision": p, "recall": r, "f1": 2 * p * r / (p + r) if p + r else 0.0}


def at(w):
    return f1(*con.execute("SELECT coalesce(sum(hit::int), 0), count(*) FROM p WHERE weight >= ?", [w]).fetchone())


best = con.execute("""SELECT w FROM (SELECT w, 2.0 * h / (n + ?) AS f FROM (SELECT w, sum(h) OVER (ORDER BY w DESC) h, sum(n) OVER (ORDER BY w DESC) n
 FROM (SELECT round(weight, 2) w, sum(hit::int) h, count(*) n FROM p GROUP BY 1))) ORDER BY f DESC LIMIT 1""", [wanted]).fetchone()
right, found = con.execute("""SELECT (SELECT coalesce(sum(n*(n-1)/2), 0) FROM (SELECT count(*) n FROM c GROUP BY cluster, person)),
 (SELECT coalesce(sum(n*(n-1)/2), 0) FROM (SELECT count(*) n FROM c GROUP BY cluster))""").fetchone()
bp, br = con.execute("""SELECT sum(n*n/cn)/sum(n), sum(n*n/tn)/sum(n) FROM (SELECT cluster, person, count(*)::double n FROM c GROUP BY 1, 2)
 JOIN (SELECT cluster, count(*) cn FROM c GROUP BY 1) USING (cluster) JOIN (SELECT person, count(*) tn FROM c GROUP BY 1) USING (person)""").fetchone()
print(json.dumps({"pairs_at_95": at(math.log2(19)), "pairs_at_50": at(0), "pairs_at_best": at(best[0] - 0.005) if best else at(0), "best_weight": best[0] if best else 0,
                  "clusters": f1(right, found), "b_cubed": {"precision": bp, "recall": br, "f1": 2 * bp * br / (bp + br)}}))

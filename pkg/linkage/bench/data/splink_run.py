"""Links one file with Splink, as its own documentation does, and times the stages.

usage: splink_run.py INPUT.parquet MODEL.json OUT_DIR THREADS MEMORY [train]
MODEL has blocking rules and levels. With "train" the prior, u and m are
estimated (u on 1e6 pairs, the least that Splink's notebooks use); without, the
probabilities in MODEL are taken. Writes pairs.parquet (id_l, id_r, weight,
probability >= 0.01) and clusters.parquet (id, cluster at 0.95), and prints
timings and versions as one line of JSON.
"""
import json, logging, os, sys, time

import duckdb
import splink
from splink import DuckDBAPI, Linker, block_on

logging.disable(logging.CRITICAL)
path, model, out, threads, memory = sys.argv[1:6]
train = len(sys.argv) > 6
t0 = time.time()
con = duckdb.connect()
con.execute(f"SET threads={int(threads)}; SET memory_limit='{memory}'; SET enable_progress_bar=false; SET temp_directory='{out}/spill'")
settings = json.load(open(model))
uid = settings["unique_id_column_name"]
cols = [r[0] for r in con.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()]
concat = ", first_name || ' ' || surname AS first_name_surname_concat" if "first_name" in cols else ""
given, family = ("first_name" if "first_name" in cols else "given_name"), ("surname" if "surname" in cols else "family_name")
if "full_name" in json.dumps(settings):
    concat += f", {given} || ' ' || {family} AS full_name"
con.execute(f"CREATE TABLE input AS SELECT *{concat} FROM '{path}'")
db = DuckDBAPI(con)
linker = Linker(db.register("input") if hasattr(db, "register") else "input", settings)
t1 = time.time()
if train:
    name = os.path.basename(model)
    recall = 0.8
    if name.startswith("febrl"):  # as Splink's notebooks on FEBRL 3 and 4
        sure = [block_on("soc_sec_id"), block_on("given_name", "surname", "date_of_birth"),
                "l.given_name = r.surname AND l.surname = r.given_name AND l.date_of_birth = r.date_of_birth"]
        sessions = [block_on("date_of_birth"), block_on("given_name")]
        recall = 0.9
    elif name.startswith("fake_1000"):  # as Splink's notebook on it
        sure = [block_on("first_name", "dob"), "l.first_name = r.first_name AND levenshtein(r.surname, l.surname) <= 2", block_on("email")]
        sessions = [block_on("first_name", "surname"), block_on("dob")]
        recall = 0.7
    elif "first_name" in cols:
        sure = [block_on("first_name", "surname", "dob"), block_on("surname", "dob", "postcode_fake")]
        sessions = [block_on("first_name", "surname"), block_on("dob")]
    else:
        sure = [block_on("nhs_number", "date_of_birth"), block_on("given_name", "family_name", "date_of_birth")]
        sessions = [block_on("given_name", "family_name", "date_of_birth"), block_on("nhs_number")]
    linker.training.estimate_probability_two_random_records_match(sure, recall=recall)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for s in sessions:
        linker.training.estimate_parameters_using_expectation_maximisation(s)
t2 = time.time()
pred = linker.inference.predict(threshold_match_probability=0.01)
t3 = time.time()
clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(pred, threshold_match_probability=0.95)
t4 = time.time()
con.execute(f"COPY (SELECT {uid}_l AS id_l, {uid}_r AS id_r, match_weight AS weight FROM {pred.physical_name}) TO '{out}/pairs.parquet' (FORMAT parquet)")
con.execute(f"COPY (SELECT {uid} AS id, cluster_id AS cluster FROM {clusters.physical_name}) TO '{out}/clusters.parquet' (FORMAT parquet)")
print(json.dumps({"splink": splink.__version__, "duckdb": duckdb.__version__, "read": t1 - t0, "train": t2 - t1, "predict": t3 - t2,
                  "cluster": t4 - t3, "write": time.time() - t4}))

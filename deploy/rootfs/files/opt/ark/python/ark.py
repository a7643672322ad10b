"""Ark in a workspace: the extract as tables, results with how they were made to the outbox.

    import ark
    ark.tables()                                   # what the permit grants
    visits = ark.read("visits")                    # one table as a pandas DataFrame
    old = ark.sql("select person, ward from visits where age > 70")

    ark.table("visits", ["ward"], out="wards.csv")              # counts by ward
    ark.table(old, ["ward"], out="old.csv")                     # of a frame that ark.read or ark.sql gave
    ark.table("visits", ["ward"], values="stay", stats="mean", weights="w", where="age >= 18", out="stay.csv")
    ark.model("logistic", "died ~ age + sex", "visits", out="model.csv")
    ark.figure(plt.gcf(), "wards.csv", out="wards.png")
    ark.check()                                    # the outbox, as the airlock will look at it first

table and model compute in a program of the Ark, return a DataFrame, and write two files into the
outbox: the output, and beside it NAME.ark.json, which says how it was made. Submit both: the
airlock makes the output again from your extract, and one that it can make again can pass by itself.
Nothing here leaves the workspace.
"""

import json as _json
import os as _os
import pathlib as _pathlib
import subprocess as _subprocess
import tempfile as _tempfile

EXTRACT = _pathlib.Path(_os.environ.get("ARK_EXTRACT", "/workspace/extract"))
OUTBOX = _pathlib.Path(_os.environ.get("ARK_OUTBOX", "/workspace/outbox"))
PROGRAM = _os.environ.get("ARK_PROGRAM", "/ark/ark")
_connection = None


class Refused(Exception):
    """What the Ark says no to, with what to do."""


def connect():
    """A DuckDB connection with the extract attached, read-only."""
    global _connection
    if _connection is None:
        import duckdb

        c = duckdb.connect(":memory:", config={"memory_limit": "1GB", "threads": "2", "temp_directory": "/workspace/home/.ark/spill"})
        database = EXTRACT / "extract.duckdb"
        if database.exists():
            c.execute(f"attach '{database}' as extract (read_only)")
            c.execute("use extract")
        for file in [] if database.exists() else sorted(EXTRACT.glob("*.parquet")):
            name = file.stem.replace('"', "")
            c.execute(f"create or replace view memory.main.\"{name}\" as select * from read_parquet('{file}')")
        _connection = c
    return _connection


def _mark(frame):
    """A fingerprint of a frame's contents: whether it is still what was read."""
    import pandas

    return f"{list(frame.columns)} {len(frame)} {int(pandas.util.hash_pandas_object(frame, index=False).sum())}"


def _from(frame, how):
    frame.attrs["ark"] = dict(how, mark=_mark(frame))
    return frame


def sql(query):
    """Runs a query over the extract and returns a pandas DataFrame."""
    return _from(connect().execute(query).df(), {"query": query})


def tables():
    """The tables and columns of the extract, with their types."""
    return connect().execute(
        "select table_name, column_name, data_type from information_schema.columns "
        "where table_catalog in ('extract', 'memory') order by table_name, ordinal_position"
    ).df()


def read(name):
    """One whole table of the extract as a pandas DataFrame."""
    return _from(connect().execute('select * from "' + name.replace('"', '""') + '"').df(), {"data": name})


def _how(data):
    """What a specification says of the records: a table's name, or a frame as it was read."""
    if data is None or isinstance(data, str):
        return {} if data is None else {"data": data}
    how = dict(getattr(data, "attrs", {}).get("ark") or {})
    if not how:
        raise Refused("this frame did not come from ark.read or ark.sql, so that the airlock could not make it again: give a table's name, or the query as ark.sql")
    if how.pop("mark") != _mark(data):
        raise Refused("this frame was changed since it was read: say the change in the query of ark.sql, or as where=")
    return how


def _run(*args):
    done = _subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise Refused(done.stderr.strip().removeprefix("ark: ") or "the Ark's program ended without a word")
    return done


def _make(spec, out, profile):
    import pandas

    spec = {k: v for k, v in spec.items() if v is not None}
    with _tempfile.TemporaryDirectory() as folder:
        at = _pathlib.Path(folder) / "spec.json"
        at.write_text(_json.dumps(dict(spec, ark=1)))
        path = _pathlib.Path(folder) / "table.csv" if out is None else OUTBOX / _pathlib.PurePath(out).name
        done = _run("table", at, "--microdata", EXTRACT, "--out", path, *(["--profile", profile] if profile else []))
        if done.returncode:
            raise Refused(done.stderr.strip())
        return pandas.read_csv(path)


def _list(x):
    return [x] if isinstance(x, str) else list(x or [])


def table(data, rows=None, cols=None, values=None, stats=None, *, where=None, weights=None, margins=False, rounding=None, out=None, profile="ark"):
    """A table of counts, or of statistics of values, with how it was made.

    data is a table's name, or a frame as ark.read or ark.sql gave it; rows and cols are columns;
    stats is count, sum, mean, median, std, min, max or mode, or several; where is a filter such as
    "age >= 18 AND sex = 'F'"; weights a column. With a profile small counts are withheld and counts
    rounded as it asks, or as rounding (a base) says; with None the table is exact.
    Without rows, table is read: one whole table.
    """
    if rows is None and isinstance(data, str):
        return read(data)
    stats = ",".join(_list(stats)) or None
    spec = dict(_how(data), kind="crosstab", rows=_list(rows), cols=_list(cols), values=values, aggfunc=stats or ("mean" if values else None),
                margins=margins, filter=where, weights=weights, rounding={"base": rounding} if rounding else None)
    return _make(spec, out, profile)


def model(family, formula, data=None, *, where=None, weights=None, out=None):
    """A linear, logistic, poisson or cox model: "y ~ a + b", of cox "time, event ~ a + b"."""
    left, _, right = formula.partition("~")
    spec = dict(_how(data), kind=family, predictors=[t.strip() for t in right.split("+")], filter=where, weights=weights)
    names = [t.strip() for t in left.replace("Surv(", "").replace(")", "").split(",")]
    if family == "cox":
        if len(names) != 2:
            raise Refused('a cox model is written "time, event ~ a + b"')
        spec["time"], spec["event"] = names
    else:
        spec["outcome"] = names[0]
    return _make(spec, out, None)


def survival(time, event, by=None, data=None, *, where=None, out=None, profile="ark"):
    """Kaplan-Meier curves: time, how many are at risk, survival."""
    return _make(dict(_how(data), kind="survival", rows=_list(by), time=time, event=event, filter=where), out, profile)


def histogram(values, edges, data=None, *, where=None, out=None, profile="ark"):
    """The counts of a histogram's bins; the last one holds its upper edge too."""
    return _make(dict(_how(data), kind="histogram", values=values, edges=[float(e) for e in edges], filter=where), out, profile)


def figure(picture, of, out):
    """Writes a figure (matplotlib's, or anything with savefig) and the name of the table behind it."""
    of = _pathlib.PurePath(of).name
    if not (OUTBOX / (of + ".ark.json")).exists():
        raise Refused("a figure is drawn from a table that ark.table made: name its file")
    path = OUTBOX / _pathlib.PurePath(out).name
    getattr(picture, "figure", picture).savefig(path)
    _pathlib.Path(str(path) + ".ark.json").write_text(_json.dumps({"ark": 1, "kind": "figure", "of": of}, indent=1) + "\n")
    return str(path)


def check(profile="ark"):
    """Looks at the outbox as the airlock will before anything else: a frame of what to mend."""
    import pandas

    found = _json.loads(_run("check", OUTBOX, "--profile", profile, "--microdata", EXTRACT).stdout)
    lines = [
        {"file": name, "verdict": o["verdict"], "says": f.get("says", ""), "repair": f.get("repair", "")}
        for name, o in sorted(found["outputs"].items())
        for f in o["findings"] or [{}]
    ]
    return pandas.DataFrame(lines, columns=["file", "verdict", "says", "repair"])


def save(frame, name):
    """Writes a DataFrame, or a matplotlib figure, into the outbox under a plain name, without how it was made."""
    path = OUTBOX / _pathlib.PurePath(name).name
    if hasattr(frame, "savefig"):
        frame.savefig(path)
    else:
        frame.to_csv(path, index=False)
    return str(path)

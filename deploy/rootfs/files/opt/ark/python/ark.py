"""Ark in a workspace: the extract as tables, results to the outbox.

    import ark
    ark.tables()                      # what the permit grants
    ark.table("admissions")           # one table as a pandas DataFrame
    ark.sql("select ward, count(*) n from admissions group by ward")
    ark.save(frame, "table1.csv")     # into the outbox, to be submitted from the project's page

Nothing here leaves the workspace: the outbox is where checkers look first.
"""

import pathlib as _pathlib

EXTRACT = _pathlib.Path("/workspace/extract")
OUTBOX = _pathlib.Path("/workspace/outbox")
_connection = None


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


def sql(query):
    """Runs a query over the extract and returns a pandas DataFrame."""
    return connect().execute(query).df()


def tables():
    """The tables and columns of the extract, with their types."""
    return sql(
        "select table_name, column_name, data_type from information_schema.columns "
        "where table_catalog in ('extract', 'memory') order by table_name, ordinal_position"
    )


def table(name):
    """One whole table of the extract as a pandas DataFrame."""
    return sql('select * from "' + name.replace('"', '""') + '"')


def save(frame, name):
    """Writes a DataFrame, or a matplotlib figure, into the outbox under a plain name."""
    path = OUTBOX / _pathlib.PurePath(name).name
    if hasattr(frame, "savefig"):
        frame.savefig(path)
    else:
        frame.to_csv(path, index=False)
    return str(path)

package duck

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/engine"
	"github.com/ark-tre/ark/pkg/engine/walls"
)

// JobPlan returns the walls for a job: its folder and nothing else.
func JobPlan(j engine.Job) walls.Plan {
	own := []string{j.Folder}
	if j.Scratch != "" {
		own = append(own, j.Scratch)
	}
	return walls.Plan{
		ReadWrite: own, BestEffort: j.Limits.Weak, FileSize: uint64(j.Limits.Disk),
		Data: uint64(j.Limits.Memory)*3/2 + 1<<30,
	}
}

// RunJob does one job behind the walls that stand.
func RunJob(ctx context.Context, j engine.Job, stand walls.Report) engine.Answer {
	ctx, stop := context.WithTimeout(ctx, time.Duration(j.Limits.Seconds)*time.Second)
	defer stop()
	done := make(chan engine.Answer, 1)
	go func() {
		a := engine.Answer{Walls: stand}
		if err := runJob(ctx, j, &a); err != nil {
			a = refusal(stand, fault(ctx, err, "", nil))
		}
		done <- a
	}()
	select {
	case a := <-done:
		return a
	case <-ctx.Done():
	}
	select { // some operators look up only rarely; the process ends either way
	case a := <-done:
		return a
	case <-time.After(grace):
		return refusal(stand, fault(ctx, ctx.Err(), "", nil))
	}
}

// grace is how long an interrupted query has to stop by itself.
const grace = 2 * time.Second

func refusal(stand walls.Report, f *ark.Fault) engine.Answer {
	r := &engine.Refusal{Kind: int(f.Kind), Says: f.Says, Remedy: f.Remedy}
	if f.Cause != nil {
		r.Class = f.Cause.Error()
	}
	return engine.Answer{Walls: stand, Fault: r}
}

func runJob(ctx context.Context, j engine.Job, a *engine.Answer) error {
	files := slices.Collect(maps.Values(j.Tables))
	if j.Out != "" {
		files = append(files, j.Out)
	}
	for _, f := range files {
		if err := engine.CheckName(f); err != nil {
			return err
		}
	}
	switch j.Do {
	case engine.DoProbe:
		return nil
	case engine.DoQuery, engine.DoView:
		return rowsOf(ctx, j, a)
	case engine.DoCopy:
		return copyOut(ctx, j, a)
	case engine.DoBuild:
		return build(ctx, j)
	}
	return ark.Faultf(ark.Invalid, "there is no such engine job")
}

// scratch opens a database in a file of its own, so that tables larger than
// memory can be loaded, and returns it with a function that takes it away.
func scratch(j engine.Job) (*sql.DB, func(), error) {
	at := j.Folder
	if j.Scratch != "" {
		at = j.Scratch
	}
	dir, err := os.MkdirTemp(at, "engine-")
	if err != nil {
		return nil, nil, err
	}
	db, err := open(options{file: filepath.Join(dir, "work.duckdb"), memory: j.Limits.Memory, threads: j.Limits.Threads, temp: filepath.Join(dir, "spill")})
	if err != nil {
		os.RemoveAll(dir)
		return nil, nil, err
	}
	return db, func() { db.Close(); os.RemoveAll(dir) }, nil
}

func define(ctx context.Context, db *sql.DB, what string, j engine.Job) error {
	for _, table := range slices.Sorted(maps.Keys(j.Tables)) {
		path := filepath.Join(j.Folder, j.Tables[table])
		if err := exec(ctx, db, "CREATE %s %s AS SELECT * FROM read_parquet(%s)", what, quote(table), quoteText(path)); err != nil {
			return err
		}
	}
	return nil
}

func rowsOf(ctx context.Context, j engine.Job, a *engine.Answer) error {
	db, done, err := scratch(j)
	if err != nil {
		return err
	}
	defer done()
	if j.Do == engine.DoView {
		err = define(ctx, db, "VIEW", j)
	} else if err = define(ctx, db, "TABLE", j); err == nil {
		err = lock(ctx, db, true)
	}
	if err != nil {
		return err
	}
	if len(split(j.SQL)) != 1 {
		return ark.Faultf(ark.Invalid, "a query job is one SELECT")
	}
	limit := j.MaxRows
	if limit <= 0 || limit > engine.MaxRows {
		limit = engine.MaxRows
	}
	rows, err := db.QueryContext(ctx, wrap(split(j.SQL)[0], limit+1))
	if err != nil {
		return err
	}
	defer rows.Close()
	return collect(rows, limit, a)
}

func collect(rows *sql.Rows, limit int, a *engine.Answer) error {
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	for _, t := range types {
		a.Columns = append(a.Columns, engine.Column{Name: t.Name(), Type: cellType(t.DatabaseTypeName())})
	}
	for rows.Next() {
		if len(a.Rows) == limit {
			a.Truncated = true
			break
		}
		row, err := scan(rows, len(types))
		if err != nil {
			return err
		}
		out := make([]*string, len(row))
		for i, v := range row {
			if v != nil {
				s := text(v, types[i].DatabaseTypeName())
				out[i] = &s
			}
		}
		a.Rows = append(a.Rows, out)
	}
	return rows.Err()
}

func scan(rows *sql.Rows, n int) ([]any, error) {
	row, into := make([]any, n), make([]any, n)
	for i := range row {
		into[i] = &row[i]
	}
	return row, rows.Scan(into...)
}

func copyOut(ctx context.Context, j engine.Job, a *engine.Answer) error {
	db, done, err := scratch(j)
	if err != nil {
		return err
	}
	defer done()
	if err := define(ctx, db, "VIEW", j); err != nil {
		return err
	}
	stmts := split(j.SQL)
	if len(stmts) != 1 {
		return ark.Faultf(ark.Invalid, "a copy job is one SELECT")
	}
	out := filepath.Join(j.Folder, j.Out)
	q := "COPY (\n" + stmts[0] + "\n) TO " + quoteText(out+".part") + " (FORMAT PARQUET, COMPRESSION ZSTD, ROW_GROUP_SIZE 61440)"
	res, err := db.ExecContext(ctx, q)
	if err != nil {
		os.Remove(out + ".part")
		return err
	}
	a.Written, _ = res.RowsAffected()
	return os.Rename(out+".part", out)
}

// build writes the tables into a database file of their own, checkpointed and
// without a write-ahead log beside it.
func build(ctx context.Context, j engine.Job) error {
	part := filepath.Join(j.Folder, j.Out+".part")
	os.Remove(part)
	db, err := open(options{file: part, memory: j.Limits.Memory, threads: j.Limits.Threads, temp: filepath.Join(j.Folder, "spill-"+j.Out)})
	if err != nil {
		return err
	}
	err = define(ctx, db, "TABLE", j)
	if err == nil {
		err = exec(ctx, db, "CHECKPOINT")
	}
	err = errors.Join(err, db.Close(), os.RemoveAll(filepath.Join(j.Folder, "spill-"+j.Out)))
	if err != nil {
		os.Remove(part)
		return err
	}
	if _, err := os.Stat(part + ".wal"); !errors.Is(err, os.ErrNotExist) {
		return errors.New("duck: the database was not checkpointed")
	}
	return os.Rename(part, filepath.Join(j.Folder, j.Out))
}

package duck

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/engine"
	"github.com/ark-tre/ark/pkg/engine/walls"
)

// JobPlan returns the walls for a job: its folder and nothing else.
func JobPlan(j engine.Job) walls.Plan {
	return walls.Plan{
		ReadWrite: []string{j.Folder}, BestEffort: j.Limits.Weak, FileSize: uint64(j.Limits.Disk),
		Data: uint64(j.Limits.Memory)*3/2 + 1<<30,
	}
}

// RunJob does one job behind the walls that stand.
func RunJob(ctx context.Context, j engine.Job, stand walls.Report) engine.Answer {
	ctx, stop := context.WithTimeout(ctx, time.Duration(j.Limits.Seconds)*time.Second)
	defer stop()
	a := engine.Answer{Walls: stand}
	if err := runJob(ctx, j, &a); err != nil {
		f := fault(ctx, err, "", nil)
		a = engine.Answer{Walls: stand, Fault: &engine.Refusal{Kind: int(f.Kind), Says: f.Says, Remedy: f.Remedy}}
		if f.Cause != nil {
			a.Fault.Class = f.Cause.Error()
		}
	}
	return a
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
	dir, err := os.MkdirTemp(j.Folder, "engine-")
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

// split cuts SQL into statements at the semicolons outside quotes and
// comments, and drops empty ones.
func split(text string) []string {
	var out []string
	start, i := 0, 0
	add := func(end int) {
		if s := strings.TrimSpace(text[start:end]); s != "" && !onlyComments(s) {
			out = append(out, s)
		}
	}
	for i < len(text) {
		if text[i] == ';' {
			add(i)
			i++
			start = i
			continue
		}
		i += span(text[i:])
	}
	add(len(text))
	return out
}

// span is the length of the quotation, comment or single byte text begins with.
func span(text string) int {
	until := func(from int, end string) int {
		if at := strings.Index(text[from:], end); at >= 0 {
			return from + at + len(end)
		}
		return len(text)
	}
	switch {
	case text[0] == '\'' || text[0] == '"':
		return until(1, text[:1]) // a doubled quote is two quotations in a row
	case strings.HasPrefix(text, "--"):
		return until(2, "\n")
	case strings.HasPrefix(text, "/*"):
		return until(2, "*/")
	case text[0] == '$':
		if end := strings.IndexByte(text[1:], '$'); end >= 0 && !strings.ContainsFunc(text[1:1+end], func(r rune) bool {
			return r != '_' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') && r < 128
		}) {
			return until(end+2, text[:end+2])
		}
	}
	return 1
}

func onlyComments(s string) bool {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if !strings.HasPrefix(s, "--") && !strings.HasPrefix(s, "/*") {
			return false
		}
		s = s[span(s):]
	}
	return true
}

// wrap limits the rows of a SELECT.
func wrap(stmt string, limit int) string {
	return "SELECT * FROM (\n" + stmt + "\n) LIMIT " + itoa(limit)
}

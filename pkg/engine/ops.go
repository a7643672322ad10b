package engine

import (
	"context"
	"math"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/filter"
)

var special = map[string]cell.Value{"NaN": cell.Float(math.NaN()), "+Inf": cell.Float(math.Inf(1)), "-Inf": cell.Float(math.Inf(-1))}

// Select says which rows and columns of one Parquet file. Names are looked up
// by the engine and quoted; the filter is a checked one, so nothing here can
// be SQL.
type Select struct {
	Table   string          // a file in the working folder
	Columns []string        // none means all
	As      []string        // new names, one per column; none keeps the names
	Where   *filter.Checked // nil means every row
	OrderBy []string        // none leaves the order of the file
}

// source is the name under which a Select's table is known to its SQL.
const source = "t"

func (s Select) tables() Tables { return Tables{source: s.Table} }

func (s Select) where() string {
	if s.Where == nil {
		return ""
	}
	return " WHERE " + s.Where.SQL()
}

func (s Select) sql() (string, error) {
	if len(s.As) > 0 && len(s.As) != len(s.Columns) {
		return "", ark.Faultf(ark.Internal, "new names must match the columns one to one")
	}
	list := "*"
	if len(s.Columns) > 0 {
		parts := make([]string, len(s.Columns))
		for i, c := range s.Columns {
			parts[i] = filter.QuoteName(c)
			if len(s.As) > 0 {
				parts[i] += " AS " + filter.QuoteName(s.As[i])
			}
		}
		list = strings.Join(parts, ", ")
	}
	q := "SELECT " + list + " FROM " + source + s.where()
	if len(s.OrderBy) > 0 {
		q += " ORDER BY " + quoteAll(s.OrderBy, " NULLS FIRST")
	}
	return q, nil
}

func quoteAll(names []string, suffix string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = filter.QuoteName(n) + suffix
	}
	return strings.Join(out, ", ")
}

// Counts are how many rows a Select keeps, of how many, and how many distinct
// non-missing values of a column stand behind them. They are exact: round
// before showing.
type Counts struct{ Rows, Total, Distinct int64 }

// Count counts. distinct names the column whose values are counted (most often
// the person); "" counts rows only.
func (r Runner) Count(ctx context.Context, dir string, s Select, distinct string) (Counts, error) {
	keep := "TRUE"
	if s.Where != nil {
		keep = s.Where.SQL()
	}
	who := "0"
	if distinct != "" {
		who = "count(DISTINCT " + filter.QuoteName(distinct) + ") FILTER (WHERE " + keep + ")"
	}
	q := "SELECT count(*) FILTER (WHERE " + keep + ") AS kept, count(*) AS total, " + who + " AS who FROM " + source
	n, err := r.numbers(ctx, dir, s.tables(), q, 3)
	if err != nil {
		return Counts{}, err
	}
	return Counts{n[0], n[1], n[2]}, nil
}

// Uniqueness says how far quasi-identifiers single people out: how many people
// there are, in how many combinations of values, and how many people are the
// only one of theirs. Missing is a value of its own. Exact: round before
// showing.
type Uniqueness struct{ People, Combinations, Alone int64 }

// Share is the part of people who are alone in their combination, 0 when there
// is nobody.
func (u Uniqueness) Share() float64 {
	if u.People == 0 {
		return 0
	}
	return float64(u.Alone) / float64(u.People)
}

// Unique computes Uniqueness over the rows that s keeps. A person with rows in
// several combinations counts as alone if alone in any of them.
func (r Runner) Unique(ctx context.Context, dir string, s Select, person string, quasi []string) (Uniqueness, error) {
	if len(quasi) == 0 {
		return Uniqueness{}, ark.Faultf(ark.Invalid, "uniqueness needs at least one quasi-identifier")
	}
	who := filter.QuoteName(person)
	q := "WITH d AS (SELECT DISTINCT " + who + " AS w, " + quoteAll(quasi, "") + " FROM " + source + s.where() + "), " +
		"g AS (SELECT count(*) AS n, min(w) AS w FROM d WHERE w IS NOT NULL GROUP BY " + quoteAll(quasi, "") + ") " +
		"SELECT (SELECT count(DISTINCT w) FROM d), (SELECT count(*) FROM g), (SELECT count(DISTINCT w) FROM g WHERE n = 1)"
	n, err := r.numbers(ctx, dir, s.tables(), q, 3)
	if err != nil {
		return Uniqueness{}, err
	}
	return Uniqueness{n[0], n[1], n[2]}, nil
}

func (r Runner) numbers(ctx context.Context, dir string, t Tables, sql string, want int) ([]int64, error) {
	a, err := r.do(ctx, Job{Do: DoView, Folder: dir, Tables: t, SQL: sql, MaxRows: 1})
	if err != nil {
		return nil, err
	}
	res, err := a.result()
	if err != nil {
		return nil, err
	}
	if len(res.Rows) != 1 || len(res.Columns) != want {
		return nil, ark.Faultf(ark.Internal, "the query engine gave another shape than asked for")
	}
	out := make([]int64, want)
	for i, v := range res.Rows[0] {
		out[i] = v.Int()
	}
	return out, nil
}

// Query runs any one SELECT over the tables and returns at most MaxRows rows.
// The tables are loaded first and the engine locked: the SQL can reach no file,
// setting or extension. Use it for SQL that Ark did not write.
func (r Runner) Query(ctx context.Context, dir string, t Tables, sql string) (*Result, error) {
	return r.rows(ctx, Job{Do: DoQuery, Folder: dir, Tables: t, SQL: sql, MaxRows: MaxRows})
}

// View runs SQL of Ark's own making over the tables without loading them.
// Whatever came from a user must be in it as filter.QuoteName,
// filter.QuoteText or Checked.SQL.
func (r Runner) View(ctx context.Context, dir string, t Tables, sql string) (*Result, error) {
	return r.rows(ctx, Job{Do: DoView, Folder: dir, Tables: t, SQL: sql, MaxRows: MaxRows})
}

func (r Runner) rows(ctx context.Context, job Job) (*Result, error) {
	a, err := r.do(ctx, job)
	if err != nil {
		return nil, err
	}
	return a.result()
}

// Extract filters, projects and sorts one file into another Parquet file of
// the folder, and returns the number of rows.
func (r Runner) Extract(ctx context.Context, dir string, s Select, out string) (int64, error) {
	q, err := s.sql()
	if err != nil {
		return 0, err
	}
	return r.Copy(ctx, dir, s.tables(), q, out)
}

// Copy writes the rows of SQL of Ark's own making (see View) as Parquet, in
// the order the SQL says, and returns their number.
func (r Runner) Copy(ctx context.Context, dir string, t Tables, sql, out string) (int64, error) {
	a, err := r.do(ctx, Job{Do: DoCopy, Folder: dir, Tables: t, SQL: sql, Out: out})
	return a.Written, err
}

// BuildDatabase writes a DuckDB file that holds the tables, in the order of
// their names, each in the order of its file.
func (r Runner) BuildDatabase(ctx context.Context, dir string, t Tables, out string) error {
	_, err := r.do(ctx, Job{Do: DoBuild, Folder: dir, Tables: t, Out: out})
	return err
}

package duck

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/filter"
)

var (
	agreeNames = []string{"i", "j", "f", "g", "s", "r", "b", "d", "e", "t"}
	agreeTypes = map[string]cell.Type{
		"i": cell.Int64, "j": cell.Int64, "f": cell.Float64, "g": cell.Float64, "s": cell.String, "r": cell.String, "b": cell.Bool, "d": cell.Date, "e": cell.Date, "t": cell.Timestamp,
	}
)

func drawValue(t *rapid.T, typ cell.Type) cell.Value {
	if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
		return cell.Null
	}
	switch typ {
	case cell.Int64:
		return cell.Int(rapid.OneOf(rapid.Int64Range(-3, 3), rapid.SampledFrom([]int64{math.MaxInt64, math.MinInt64, 1 << 53, 1<<53 + 1})).Draw(t, "i"))
	case cell.Float64:
		return cell.Float(rapid.OneOf(rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, -2, 0.5, 1e300, -1e300, 1 << 53, math.NaN(), 0.1}), rapid.Float64Range(-3, 3)).Draw(t, "f"))
	case cell.String:
		return cell.Str(rapid.StringOfN(rapid.SampledFrom([]rune("ab%_'é\\ \"")), 0, 4, -1).Draw(t, "s"))
	case cell.Bool:
		return cell.Flag(rapid.Bool().Draw(t, "b"))
	case cell.Date:
		return cell.Day(rapid.Int32Range(-3, 3).Draw(t, "d"))
	}
	return cell.Micros(rapid.Int64Range(-2, 2).Draw(t, "t") * 43200e6)
}

func sqlText(v cell.Value, typ cell.Type) string {
	name := map[cell.Type]string{cell.Int64: "BIGINT", cell.Float64: "DOUBLE", cell.String: "VARCHAR", cell.Bool: "BOOLEAN", cell.Date: "DATE", cell.Timestamp: "TIMESTAMP"}[typ]
	if v.IsNull() {
		return "CAST(NULL AS " + name + ")"
	}
	return "CAST(" + filter.QuoteText(strings.TrimSuffix(v.Text(), "Z")) + " AS " + name + ")"
}

// literalIn writes v in the filter language.
func literalIn(v cell.Value) string {
	switch v.Type() {
	case cell.String:
		return "'" + strings.ReplaceAll(v.Str(), "'", "''") + "'"
	case cell.Date:
		return "DATE '" + v.Text() + "'"
	case cell.Timestamp:
		return "TIMESTAMP '" + v.Text() + "'"
	}
	return v.Text()
}

func drawLiteral(t *rapid.T, typ cell.Type) string {
	for {
		v := drawValue(t, typ)
		if v.IsNull() || typ == cell.Float64 && math.IsNaN(v.Float()) {
			continue
		}
		text := literalIn(v)
		if typ == cell.Float64 && !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return text
	}
}

func drawOperand(t *rapid.T, typ cell.Type, depth int) string {
	if (typ == cell.Float64) && depth > 0 && rapid.IntRange(0, 2).Draw(t, "sum") > 0 {
		if rapid.IntRange(0, 5).Draw(t, "days") == 0 {
			return "(" + drawOperand(t, cell.Date, 0) + " - " + drawOperand(t, cell.Date, 0) + ")"
		}
		kind := func() cell.Type { return rapid.SampledFrom([]cell.Type{cell.Int64, cell.Float64}).Draw(t, "kind") }
		if rapid.IntRange(0, 4).Draw(t, "neg") == 0 {
			return "(- " + drawOperand(t, kind(), depth-1) + ")"
		}
		o := rapid.SampledFrom([]string{"+", "-", "*", "/", "%"}).Draw(t, "o")
		return "(" + drawOperand(t, kind(), depth-1) + " " + o + " " + drawOperand(t, kind(), depth-1) + ")"
	}
	if rapid.Bool().Draw(t, "column") {
		var of []string
		for _, n := range agreeNames {
			if agreeTypes[n] == typ {
				of = append(of, n)
			}
		}
		return rapid.SampledFrom(of).Draw(t, "name")
	}
	return drawLiteral(t, typ)
}

func drawCondition(t *rapid.T, depth int) string {
	if depth > 0 {
		switch rapid.IntRange(0, 4).Draw(t, "join") {
		case 0:
			return "(" + drawCondition(t, depth-1) + " AND " + drawCondition(t, depth-1) + ")"
		case 1:
			return "(" + drawCondition(t, depth-1) + " OR " + drawCondition(t, depth-1) + " OR " + drawCondition(t, depth-1) + ")"
		case 2:
			return "(NOT " + drawCondition(t, depth-1) + ")"
		}
	}
	typ := rapid.SampledFrom(cell.Types[:]).Draw(t, "type")
	a := func() string { return drawOperand(t, typ, 2) }
	not := rapid.SampledFrom([]string{"", "NOT "}).Draw(t, "not")
	switch rapid.IntRange(0, 6).Draw(t, "what") {
	case 0:
		return "(" + a() + " IS " + not + "NULL)"
	case 1:
		return "(" + a() + " " + not + "BETWEEN " + a() + " AND " + a() + ")"
	case 2:
		return "(" + a() + " " + not + "IN (" + drawLiteral(t, typ) + ", " + drawLiteral(t, typ) + "))"
	case 3:
		pattern := rapid.StringOfN(rapid.SampledFrom([]rune("ab%_é")), 0, 5, -1).Draw(t, "pattern")
		return "(" + drawOperand(t, cell.String, 0) + " " + not + "LIKE '" + pattern + "')"
	case 4:
		return "b"
	case 5: // whole numbers beside floats
		return "(" + drawOperand(t, cell.Int64, 0) + " " + rapid.SampledFrom([]string{"=", "<", ">="}).Draw(t, "o") + " " + drawOperand(t, cell.Float64, 1) + ")"
	}
	return "(" + a() + " " + rapid.SampledFrom([]string{"=", "<>", "<", "<=", ">", ">="}).Draw(t, "o") + " " + a() + ")"
}

// Eval in Go and the SQL in DuckDB give the same truth on random rows and
// random expressions.
func TestEvalAgreesWithEngine(t *testing.T) {
	db, err := open(options{memory: 256 << 20, threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const rowsEach = 12
	rapid.Check(t, func(t *rapid.T) {
		text := drawCondition(t, 3)
		e, err := filter.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		c, err := e.Check(filter.Scope{Types: agreeTypes})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		bound, err := c.Bind(agreeNames)
		if err != nil {
			t.Fatal(err)
		}
		var rows [][]cell.Value
		var lines []string
		for n := range rowsEach {
			row, cells := make([]cell.Value, len(agreeNames)), make([]string, len(agreeNames))
			for i, name := range agreeNames {
				row[i] = drawValue(t, agreeTypes[name])
				cells[i] = sqlText(row[i], agreeTypes[name])
			}
			rows = append(rows, row)
			lines = append(lines, fmt.Sprintf("(%d, %s)", n, strings.Join(cells, ", ")))
		}
		q := "SELECT " + c.SQL() + " FROM (VALUES " + strings.Join(lines, ", ") + ") v(n, " + strings.Join(agreeNames, ", ") + ") ORDER BY n"
		got, err := truths(db, q)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for i, row := range rows {
			if want := bound.Eval(row); got[i] != want {
				var b strings.Builder
				for c, v := range row {
					fmt.Fprintf(&b, "%s=%q ", agreeNames[c], v.Text())
				}
				t.Fatalf("%s\n%s\nengine %s, Go %s of %s", text, c.SQL(), got[i], want, &b)
			}
		}
	})
}

func truths(db *sql.DB, q string) ([]filter.Truth, error) {
	rows, err := db.QueryContext(context.Background(), q)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []filter.Truth
	for rows.Next() {
		var b sql.NullBool
		if err := rows.Scan(&b); err != nil {
			return nil, err
		}
		switch {
		case !b.Valid:
			out = append(out, filter.Unknown)
		case b.Bool:
			out = append(out, filter.True)
		default:
			out = append(out, filter.False)
		}
	}
	return out, rows.Err()
}

// Whatever text stands in a literal or a column's name, the engine sees that
// text and nothing else.
func TestQuotingHoldsInEngine(t *testing.T) {
	db, err := open(options{memory: 256 << 20, threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	attacks := []string{
		"'; DROP TABLE victim; --", `"; DROP TABLE victim; --`, `\'; DROP TABLE victim; --`, "' OR 1=1 --", "'' OR ''=''", "$$; DROP TABLE victim; $$", "/*", "*/", "\x00'; DROP TABLE victim; --", "\u2019 OR 1=1", "\u02bc; --", "%'", "a\nb", "E'\\'", "x' UNION SELECT 1 --", "{{x}}", "?", "$1", ":a", "{%s}", "\U0001F600'", strings.Repeat("'", 999),
	}
	if _, err := db.Exec("CREATE TABLE victim AS SELECT 1 AS x"); err != nil {
		t.Fatal(err)
	}
	check := func(t interface{ Fatalf(string, ...any) }, s string) {
		var back string
		if err := db.QueryRow("SELECT " + filter.QuoteText(s)).Scan(&back); err != nil || back != s {
			t.Fatalf("%q came back as %q: %v", s, back, err)
		}
		if strings.ContainsAny(s, "\x00\n") || s == "" || len(s) > 255 {
			return
		}
		e, err := filter.Parse(`"` + strings.ReplaceAll(s, `"`, `""`) + `" = '` + strings.ReplaceAll(s, "'", "''") + `'`)
		if err != nil {
			return // refused before it could reach an engine
		}
		c, err := e.Check(filter.Scope{Types: map[string]cell.Type{s: cell.String}})
		if err != nil {
			return
		}
		var n, left int
		if err := db.QueryRow("SELECT count(*) FROM (SELECT " + filter.QuoteText(s) + " AS " + filter.QuoteName(s) + ") WHERE " + c.SQL()).Scan(&n); err != nil || n != 1 {
			t.Fatalf("%q: %d rows, %v", s, n, err)
		}
		if err := db.QueryRow("SELECT count(*) FROM victim").Scan(&left); err != nil || left != 1 {
			t.Fatalf("%q reached another table: %v", s, err)
		}
	}
	for _, s := range attacks {
		check(t, s)
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, rapid.StringOf(rapid.OneOf(rapid.SampledFrom([]rune(`'"\;-/*$%()`+"\x00\n")), rapid.Rune())).Draw(t, "s"))
	})
}

func TestScrub(t *testing.T) {
	names := map[string]bool{"people": true, "age": true}
	for _, tt := range [][4]string{
		{`Binder Error: Referenced column "agee" not found in FROM clause! Candidate bindings: "people.age"` + "\nLINE 1: SELECT secret", "SELECT agee FROM people", `Binder Error: Referenced column "agee" not found in FROM clause! Candidate bindings: "people.age"`, ""},
		{`Parser Error: syntax error at or near "SMITH"`, "SELECT * FROM query(x)", `Parser Error: syntax error at or near "…"`, "SMITH"},
		{`Odd Error: it's SMITH`, "SELECT 1", `Odd Error: it…`, "SMITH"},
	} {
		if got := scrub(tt[0], tt[1], names); got != tt[2] {
			t.Errorf("%s", got)
		}
	}
}

func TestSplit(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, ";;": 0, "-- x": 0, "/* ; */ ;": 0, "SELECT 1": 1, "SELECT 1;": 1, "SELECT ';'; SELECT 2": 2, `SELECT ";" ; x`: 2, "SELECT $$;$$; SELECT $a$;$$;$a$": 2,
		"SELECT 1 -- ;\n; SELECT 2": 2, "SELECT 'it''s;'": 1, "SELECT 'open;": 1, "SELECT $1; SELECT $2": 2,
	} {
		if got := split(text); len(got) != want {
			t.Errorf("%q: %d statements %q, want %d", text, len(got), got, want)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("SELECT 1; SELECT '$$;' -- x\n; /* ; */")
	f.Fuzz(func(t *testing.T, s string) {
		total := 0
		for _, stmt := range split(s) {
			if strings.TrimSpace(stmt) == "" {
				t.Error("an empty statement")
			}
			total += len(stmt)
			keyword(stmt)
		}
		if total > len(s) {
			t.Error("more came out than went in")
		}
	})
}

package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

var types = map[string]cell.Type{
	"age": cell.Int64, "bmi": cell.Float64, "sex": cell.String, "smoker": cell.Bool,
	"born": cell.Date, "died": cell.Date, "seen": cell.Timestamp, "date": cell.Date, `odd "name`: cell.Int64,
}

func parse(t testing.TB, text string) *Expr {
	t.Helper()
	e, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

func check(t testing.TB, text string, refs map[string]*Expr) *Checked {
	t.Helper()
	c, err := parse(t, text).Check(Scope{types, refs})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c
}

func TestCanonical(t *testing.T) {
	for _, tt := range [][2]string{
		{"age>=18 and Sex in('1','2')", "age >= 18 AND Sex IN ('1', '2')"},
		{"((a))=1 OR(b=2 OR c=3)", "a = 1 OR b = 2 OR c = 3"},
		{"a=1 AND (b=2 OR c=3)", "a = 1 AND (b = 2 OR c = 3)"},
		{"not not a", "NOT NOT a"},
		{"NOT a IN (1)", "a NOT IN (1)"},
		{"NOT (a AND b)", "NOT (a AND b)"},
		{"a - (b - c) - d = -5", "a - (b - c) - d = -5"},
		{"a*(b+c)%2 <> - -x", "a * (b + c) % 2 <> - -x"},
		{`"and" = 'it''s' AND "x""y" != 1.50`, `"and" = 'it''s' AND "x""y" <> 1.5`},
		{"date = date '2020-01-31'", "date = DATE '2020-01-31'"},
		{"t<timestamp'2020-01-31 10:00'", "t < TIMESTAMP '2020-01-31T10:00:00Z'"},
		{"x not between -1 and 2+3", "x NOT BETWEEN -1 AND 2 + 3"},
		{"(a = 1) = (b is null)", "(a = 1) = (b IS NULL)"},
		{"1e3 == 1e-7 or @ref_1", "1000.0 = 1e-07 OR @ref_1"},
		{"-9223372036854775808 = n", "-9223372036854775808 = n"},
	} {
		if got := parse(t, tt[0]).String(); got != tt[1] {
			t.Errorf("%s\n got %s\nwant %s", tt[0], got, tt[1])
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", " ", "a =", "= 1", "a = 1 b", "a IN ()", "a IN (b)", "a IN (1+1)", "a LIKE b", "a IS 1", "a NOT 1", "a = NULL", "NULL", "(a = 1", "a = 1)",
		"a = 'x", `a = "x`, `"" = 1`, "a ; b", "a = 1; DROP TABLE t", "a = 1 -- x", "a /* x */ = 1", "a = $1", "a = ?", "a || b = c", "f(a) = 1", "a::int = 1", "a.b = 1",
		"a = 12ab", "a = 1.2.3", "a = 9223372036854775808", "a = 1e999", "a = .", "a = 'x\x00y'", "a = 'x\ny'", "a = '\xff'", "@ = 1", "@1 = 1", "a = DATE '2020-02-30'",
		"a = TIMESTAMP ''", "a BETWEEN 1", "a BETWEEN 1 OR 2", "SELECT 1", "a = (SELECT 1)", "a = [1]", "a = {1}", "a < b < c", "a IN 1", "a = \\'x\\'", "EXISTS (a)", "a = e'x'",
	} {
		_, err := Parse(text)
		if !ark.Is(err, ark.Invalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for name, text := range map[string]string{
		"long": strings.Repeat("a", MaxLength+1), "parentheses": strings.Repeat("(", 10000) + "a" + strings.Repeat(")", 10000),
		"not": strings.Repeat("NOT ", 10000) + "a", "minus": strings.Repeat("- ", 10000) + "a", "sum": "a" + strings.Repeat(" + a", 1000) + " = 1",
	} {
		if _, err := Parse(text); !ark.Is(err, ark.TooMuch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	refs := map[string]*Expr{"a": parse(t, "age > 1 OR @b"), "b": parse(t, "@c"), "c": parse(t, "NOT @a"), "self": parse(t, "@self"), "num": parse(t, "age + 1"), "ok": parse(t, "age > 1")}
	for text, says := range map[string]string{
		"weight > 1":         "do not have",
		"Age > 1":            "do not have",
		"@nobody":            "no filter named @nobody",
		"@a AND age > 1":     "@a → @b → @c → @a",
		"@self":              "@self → @self",
		"@num":               "true or false",
		"age":                "true or false",
		"age AND smoker":     "join conditions",
		"NOT sex":            "join conditions",
		"sex = 1":            "can't be compared",
		"age = '1'":          "can't be compared",
		"born = sex":         "can't be compared",
		"born = seen":        "can't be compared",
		"born = 'yesterday'": "can't be compared",
		"smoker = 1":         "can't be compared",
		"smoker > age":       "can't be compared",
		"age LIKE '1%'":      "LIKE is for text",
		"sex + 1 = 2":        "arithmetic is for numbers",
		"born + 1 = died":    "arithmetic is for numbers",
		"-sex = 1":           "arithmetic is for numbers",
		"@ok + 1 = 2":        "arithmetic is for numbers",
		"age IN (1, 'x')":    "can't be compared",
	} {
		_, err := parse(t, text).Check(Scope{types, refs})
		var f *ark.Fault
		if !errors.As(err, &f) || f.Kind != ark.Invalid || !strings.Contains(f.Says, says) {
			t.Errorf("%s: %v", text, err)
		}
	}
	twins := map[string]cell.Type{"age": cell.Int64, "AGE": cell.String}
	if _, err := parse(t, "age > 1").Check(Scope{Types: twins}); !ark.Is(err, ark.Invalid) {
		t.Errorf("columns that differ in capitals: %v", err)
	}
	if _, err := new(Expr).Check(Scope{Types: types}); !ark.Is(err, ark.Invalid) {
		t.Errorf("the zero expression: %v", err)
	}
}

// Thirty names, each the double of the next, would be a billion parts.
func TestReferencesDoNotExplode(t *testing.T) {
	refs := map[string]*Expr{"n30": parse(t, "age > 1")}
	for i := range 30 {
		refs[fmt.Sprintf("n%d", i)] = parse(t, fmt.Sprintf("@n%d = @n%d", i+1, i+1))
	}
	if _, err := parse(t, "@n0").Check(Scope{types, refs}); !ark.Is(err, ark.TooMuch) {
		t.Errorf("got %v", err)
	}
}

func TestSQL(t *testing.T) {
	refs := map[string]*Expr{"adult": parse(t, "age >= 18")}
	for _, tt := range [][2]string{
		{"@adult AND sex = 'it''s'", `((("age" >= 18) AND ("sex" = 'it''s')))`},
		{"bmi > 25 AND born >= '2020-01-31'", `((("bmi" > (2.5e+01)) AND ("born" >= DATE '2020-01-31')))`},
		{"age > 1.5", `((CAST("age" AS DOUBLE) > (1.5e+00)))`},
		{"age / 2 = -3", `(((CAST("age" AS DOUBLE) / NULLIF(CAST(2 AS DOUBLE), 0e0)) = (-3e+00)))`},
		{"seen < DATE '2020-01-31'", `(("seen" < TIMESTAMP '2020-01-31 00:00:00'))`},
		{`"odd ""name" IS NOT NULL`, `((NOT ("odd ""name" IS NULL)))`},
		{"died - born BETWEEN 0 AND 30", `((CAST(("died" - "born") AS DOUBLE) BETWEEN (0e+00) AND (3e+01)))`},
		{"sex LIKE 'a%' OR smoker", `((("sex" LIKE 'a%') OR "smoker"))`},
	} {
		if got := check(t, tt[0], refs).SQL(); got != tt[1] {
			t.Errorf("%s\n got %s\nwant %s", tt[0], got, tt[1])
		}
	}
	if got := new(Checked).SQL(); got != "(FALSE)" {
		t.Errorf("the zero Checked: %s", got)
	}
	if got, want := QuoteText("a\x00'b"), "('a' || chr(0) || '''b')"; got != want {
		t.Errorf("control characters: %s", got)
	}
}

func TestWords(t *testing.T) {
	refs := map[string]*Expr{"adult": parse(t, "age >= 18")}
	for _, tt := range [][2]string{
		{"@adult AND sex IN ('1','2')", "“adult” (age is at least 18) and sex is one of “1” or “2”"},
		{"NOT (age < 18 OR smoker)", "age is at least 18 and smoker is no"},
		{"born BETWEEN '2000-01-01' AND DATE '2001-12-31' AND died IS NULL", "born is between 1 January 2000 and 31 December 2001, both included and died is missing"},
		{"sex NOT LIKE 'E1%' AND (smoker OR bmi > 30.5)", "sex does not start with “E1” and (smoker is yes or bmi is more than 30.5)"},
		{"died - born <= 30", "the days from born to died is at most 30"},
		{"(age + 1) * 2 <> 8", "(age plus 1) times 2 is not 8"},
		{"seen >= '2020-01-01'", "seen is at or after 1 January 2020 00:00:00 UTC"},
		{"@adult = smoker", "whether (“adult” (age is at least 18)) is smoker"},
	} {
		if got := check(t, tt[0], refs).Words(nil); got != tt[1] {
			t.Errorf("%s\n got %s\nwant %s", tt[0], got, tt[1])
		}
	}
}

func TestEval(t *testing.T) {
	cols := []string{"age", "bmi", "sex", "smoker", "born", "died"}
	day, _ := cell.Parse(cell.Date, "1980-05-05")
	row := []cell.Value{cell.Int(40), cell.Null, cell.Str("Été"), cell.Flag(true), day, cell.Null}
	for text, want := range map[string]Truth{
		"age = 40": True, "age <> 40": False, "bmi = 1": Unknown, "bmi IS NULL": True, "NOT bmi = 1": Unknown,
		"bmi = 1 OR age = 40": True, "bmi = 1 AND age = 40": Unknown, "bmi = 1 AND age = 41": False, "bmi = 1 OR age = 41": Unknown,
		"smoker": True, "NOT smoker": False, "sex LIKE '_t_'": True, "sex LIKE '%t%'": True, "sex LIKE '____'": False, "sex LIKE 'é%'": False,
		"age IN (1, 40)": True, "age IN (1, 40.5)": False, "bmi IN (1)": Unknown, "age / 0 = 1": Unknown, "age % 0 IS NULL": True, "age / 16 = 2.5": True,
		"died - born > 1": Unknown, "born = '1980-05-05'": True, "born > DATE '1980-05-04'": True, "age BETWEEN 40 AND 50": True, "age BETWEEN 41 AND bmi": False,
		"age BETWEEN 1 AND bmi": Unknown, "TRUE": True, "FALSE": False, "(bmi = 1) IS NULL": True,
	} {
		b, err := check(t, text, nil).Bind(cols)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Eval(row); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	var none Bound
	if none.Eval(row) == True {
		t.Error("the zero filter keeps a row")
	}
	b, _ := check(t, "age = 40", nil).Bind(cols)
	if b.Eval([]cell.Value{cell.Str("40")}) == True || b.Eval(nil) == True {
		t.Error("a cell of the wrong type, or none, kept a row")
	}
	if _, err := check(t, "age = 40", nil).Bind(cols[1:]); !ark.Is(err, ark.Invalid) {
		t.Error("rows without the column were accepted")
	}
}

func TestNames(t *testing.T) {
	refs := map[string]*Expr{"r": parse(t, "bmi > 1 AND @s"), "s": parse(t, "sex = 'x'")}
	e := parse(t, "age > 1 AND @r AND age < 9")
	if d := cmp.Diff([]string{"age"}, e.Fields()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"r"}, e.Refs()); d != "" {
		t.Error(d)
	}
	c, err := e.Check(Scope{types, refs})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"age", "bmi", "sex"}, c.Fields()); d != "" {
		t.Error(d)
	}
}

// randomExpr draws any well-formed expression, typed or not.
func randomExpr(depth int) *rapid.Generator[*node] {
	leaf := rapid.Custom(func(t *rapid.T) *node {
		switch rapid.IntRange(0, 6).Draw(t, "leaf") {
		case 0:
			return literal(cell.Int(rapid.Int64().Draw(t, "n")))
		case 1:
			return literal(cell.Float(rapid.Float64Range(-1e300, 1e300).Draw(t, "f")))
		case 2:
			return literal(cell.Str(rapid.StringMatching(`[a'"%_\\; é-]{0,6}`).Draw(t, "s")))
		case 3:
			return literal(cell.Day(rapid.Int32Range(-700000, 2900000).Draw(t, "d")))
		case 4:
			return literal(cell.Micros(rapid.Int64Range(-62135596800e6, 253402300799e6).Draw(t, "us")))
		case 5:
			return &node{op: opRef, name: rapid.StringMatching(`[a-z_][a-z0-9_]{0,3}`).Draw(t, "r"), depth: 1}
		}
		return &node{op: opField, name: rapid.StringMatching(`[a-zA-Z" .;'-]{1,5}|date|and|NULL`).Draw(t, "name"), depth: 1}
	})
	if depth == 0 {
		return leaf
	}
	kid := randomExpr(depth - 1)
	return rapid.Custom(func(t *rapid.T) *node {
		o := op(rapid.IntRange(int(opRef), int(opNeg)).Draw(t, "op"))
		draw := func() *node { return kid.Draw(t, "kid") }
		var kids []*node
		switch o {
		case opRef:
			return leaf.Draw(t, "leaf")
		case opNot, opIsNull:
			kids = []*node{draw()}
		case opNeg:
			kids = []*node{draw()}
			if kids[0].op == opLit && numeric(kids[0].typ) {
				return kids[0] // a minus before a number is part of the number
			}
		case opBetween:
			kids = []*node{draw(), draw(), draw()}
		case opLike:
			kids = []*node{draw(), literal(cell.Str("a%_'"))}
		case opIn:
			kids = []*node{draw(), literal(cell.Int(-1)), literal(cell.Str("x'"))}
		case opOr, opAnd:
			n, _ := group(o, []*node{draw(), draw()})
			return n
		default:
			kids = []*node{draw(), draw()}
		}
		n, _ := mk(o, kids...)
		return n
	})
}

func TestStringReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := &Expr{randomExpr(4).Draw(t, "e")}
		back, err := Parse(e.String())
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		if !back.Equal(e) || back.String() != e.String() {
			t.Fatalf("%s became %s", e, back)
		}
	})
}

// sqlIsTame takes SQL apart with a scanner of its own and reports whether,
// outside quotes, it holds nothing but the fixed words and signs.
func sqlIsTame(sql string, names []string) error {
	words := []string{"AND", "OR", "NOT", "IN", "IS", "NULL", "BETWEEN", "LIKE", "CAST", "AS", "DOUBLE", "NULLIF", "TRUE", "FALSE", "DATE", "TIMESTAMP", "chr", "e"}
	open := 0
	for i := 0; i < len(sql); i++ {
		c := sql[i]
		switch {
		case c == '\'' || c == '"':
			start := i + 1
			for i++; i < len(sql) && (sql[i] != c || i+1 < len(sql) && sql[i+1] == c); i++ {
				if sql[i] == c {
					i++
				}
				if i < len(sql) && sql[i] < ' ' {
					return errors.New("a control character in quotes")
				}
			}
			if i == len(sql) {
				return errors.New("an open quotation")
			}
			if c == '"' && !slices.Contains(names, strings.ReplaceAll(sql[start:i], `""`, `"`)) {
				return errors.New("a name that is not a column")
			}
		case letter(c):
			end := i
			for end < len(sql) && letter(sql[end]) {
				end++
			}
			if !slices.Contains(words, sql[i:end]) {
				return fmt.Errorf("the word %s", sql[i:end])
			}
			i = end - 1
		case c == '(':
			open++
		case c == ')':
			if open--; open < 0 {
				return errors.New("a parenthesis too many")
			}
		case c == '-' && i+1 < len(sql) && sql[i+1] == '-', c == '/' && i+1 < len(sql) && sql[i+1] == '*':
			return errors.New("a comment")
		case strings.IndexByte("0123456789.,<>=+-*/%| ", c) < 0:
			return fmt.Errorf("the sign %q", c)
		}
	}
	if open != 0 {
		return errors.New("an open parenthesis")
	}
	return nil
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"age >= 18 AND sex IN ('1','2') OR NOT @r", `"odd ""name" - -1 < 2 % 3`, "born BETWEEN '2020-01-01' AND DATE '2021-01-01'", "sex LIKE '%''; DROP TABLE x; --'",
		"smoker = (age > 1e3)", "seen < TIMESTAMP '2020-01-01'", `sex = '\' OR 1=1 --'`, "sex = 'x' /* */", "-(-(age)) / 0 = .5",
	} {
		f.Add(s)
	}
	ref, _ := Parse("sex = 'a' OR bmi < 1")
	var names []string
	for n := range types {
		names = append(names, n)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			if k := ark.KindOf(err); k != ark.Invalid && k != ark.TooMuch {
				t.Fatalf("kind %s", k)
			}
			return
		}
		back, err := Parse(e.String())
		if err != nil || !back.Equal(e) {
			t.Fatalf("%s does not read back: %v", e, err)
		}
		c, err := e.Check(Scope{types, map[string]*Expr{"r": ref}})
		if err != nil {
			return
		}
		if err := sqlIsTame(c.SQL(), names); err != nil {
			t.Fatalf("%v in %s", err, c.SQL())
		}
		if c.Words(nil) == "" {
			t.Error("no words")
		}
		b, err := c.Bind(names)
		if err != nil {
			t.Fatal(err)
		}
		b.Eval(make([]cell.Value, len(names)))
	})
}

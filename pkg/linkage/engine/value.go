// Package engine runs a linkage model over a frame: it compiles expressions
// to tests on value numbers, blocks, compares, estimates, scores and clusters.
// Its answers depend on the frame and the model only, never on the number of
// threads or the order in which work was done.
package engine

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/expr"
)

type kind byte

const (
	null kind = iota
	text
	number
	truth
)

// value is the outcome of an expression on one record.
type value struct {
	k kind
	s string
	f float64
	b bool
}

func (v value) string() string {
	if v.k == number {
		return strconv.FormatFloat(v.f, 'g', -1, 64)
	}
	return v.s
}

// evaluator works out one-sided expressions, value by value.
type evaluator struct {
	patterns map[string]*regexp.Regexp
	layouts  map[string]string
}

func noSuch(name string, args int) error {
	return ark.Faultf(ark.Invalid, "function %q with %d arguments is not known", name, args).
		Do("use the functions listed in docs/linkage-spec.md")
}

// eval works out n; get gives the value of a column of the record.
func (e *evaluator) eval(n *expr.Node, get func(string) value) (value, error) {
	switch n.Op {
	case expr.Col:
		return get(n.Text), nil
	case expr.Str:
		return value{k: text, s: n.Text}, nil
	case expr.Num:
		return value{k: number, f: n.Number}, nil
	case expr.Null:
		return value{}, nil
	case expr.Bool:
		return value{k: truth, b: n.Text == "true"}, nil
	}
	args := make([]value, len(n.Args))
	for i, a := range n.Args {
		v, err := e.eval(a, get)
		if err != nil {
			return value{}, err
		}
		args[i] = v
	}
	switch n.Op {
	case expr.Call:
		return e.call(n, args)
	case expr.IsNull:
		return value{k: truth, b: args[0].k == null}, nil
	}
	for _, a := range args {
		if a.k == null {
			return value{}, nil
		}
	}
	return operate(n.Op, args)
}

func operate(op expr.Op, args []value) (value, error) {
	switch op {
	case expr.Concat:
		return value{k: text, s: args[0].string() + args[1].string()}, nil
	case expr.Add, expr.Sub, expr.Mul, expr.Div:
		if args[0].k != number || args[1].k != number {
			return value{}, ark.Faultf(ark.Invalid, "arithmetic on something that is not a number").Do("cast it first")
		}
		return numeric(arith(op, args[0].f, args[1].f)), nil
	case expr.Eq, expr.Ne, expr.Lt, expr.Le, expr.Gt, expr.Ge:
		c := 0
		if args[0].k == number && args[1].k == number {
			c = sign(args[0].f - args[1].f)
		} else {
			c = strings.Compare(args[0].string(), args[1].string())
		}
		return value{k: truth, b: holds(op, float64(c), 0)}, nil
	case expr.Not:
		return value{k: truth, b: !args[0].b}, nil
	case expr.And, expr.Or:
		b := op == expr.And
		for _, a := range args {
			if op == expr.And {
				b = b && a.b
			} else {
				b = b || a.b
			}
		}
		return value{k: truth, b: b}, nil
	}
	return value{}, ark.Faultf(ark.Invalid, "operator %s is not known here", op)
}

func sign(f float64) int {
	switch {
	case f < 0:
		return -1
	case f > 0:
		return 1
	}
	return 0
}

func arith(op expr.Op, a, b float64) float64 {
	switch op {
	case expr.Add:
		return a + b
	case expr.Sub:
		return a - b
	case expr.Mul:
		return a * b
	}
	return a / b
}

func holds(op expr.Op, a, b float64) bool {
	switch op {
	case expr.Eq:
		return a == b
	case expr.Ne:
		return a != b
	case expr.Lt:
		return a < b
	case expr.Le:
		return a <= b
	case expr.Gt:
		return a > b
	}
	return a >= b
}

func numeric(f float64) value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return value{}
	}
	return value{k: number, f: f}
}

// call works out a function of one record's values.
func (e *evaluator) call(n *expr.Node, a []value) (value, error) {
	switch n.Text {
	case "coalesce":
		for _, v := range a {
			if v.k != null {
				return v, nil
			}
		}
		return value{}, nil
	case "concat":
		var b strings.Builder
		for _, v := range a {
			b.WriteString(v.string())
		}
		return value{k: text, s: b.String()}, nil
	case "nullif":
		if len(a) != 2 {
			return value{}, noSuch(n.Text, len(a))
		}
		if a[0].k != null && a[1].k != null && a[0].string() == a[1].string() {
			return value{}, nil
		}
		return a[0], nil
	}
	for _, v := range a {
		if v.k == null {
			return value{}, nil
		}
	}
	if len(a) == 0 {
		return value{}, noSuch(n.Text, 0)
	}
	s := a[0].string()
	str := func(s string) (value, error) { return value{k: text, s: s}, nil }
	switch n.Text {
	case "lower", "lcase":
		return str(strings.ToLower(s))
	case "upper", "ucase":
		return str(strings.ToUpper(s))
	case "trim":
		return str(strings.TrimSpace(s))
	case "length", "len":
		return numeric(float64(len([]rune(s)))), nil
	case "reverse":
		r := []rune(s)
		for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
			r[i], r[j] = r[j], r[i]
		}
		return str(string(r))
	case "epoch":
		return a[0], nil
	case "abs":
		return numeric(math.Abs(a[0].f)), nil
	case "cast_varchar", "cast_text", "cast_string", "try_cast_varchar":
		return str(s)
	case "cast_double", "cast_float", "cast_int", "cast_integer", "cast_bigint",
		"try_cast_double", "try_cast_float", "try_cast_int", "try_cast_integer", "try_cast_bigint":
		f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil {
			return value{}, nil
		}
		return numeric(f), nil
	case "cast_date", "cast_timestamp", "try_cast_date", "try_cast_timestamp":
		return e.when(s, "%Y-%m-%d")
	case "year":
		v, err := e.when(s, "%Y-%m-%d")
		if v.k == number {
			v.f = float64(time.Unix(int64(v.f), 0).UTC().Year())
		}
		return v, err
	case "soundex":
		return str(Soundex(s))
	}
	return e.call2(n, s, a)
}

// call2 works out the functions of two arguments and more.
func (e *evaluator) call2(n *expr.Node, s string, a []value) (value, error) {
	str := func(s string) (value, error) { return value{k: text, s: s}, nil }
	if len(a) < 2 {
		return value{}, noSuch(n.Text, len(a))
	}
	switch n.Text {
	case "substring", "substr":
		length := math.MaxInt32
		if len(a) > 2 {
			length = int(a[2].f)
		}
		return str(substring(s, int(a[1].f), length))
	case "left":
		return str(substring(s, 1, int(a[1].f)))
	case "right":
		r := []rune(s)
		return str(string(r[max(0, len(r)-max(0, int(a[1].f))):]))
	case "least", "greatest":
		for _, v := range a[1:] {
			if (v.string() < s) == (n.Text == "least") {
				s = v.string()
			}
		}
		return str(s)
	case "try_strptime", "strptime":
		return e.when(s, a[1].string())
	case "regexp_extract":
		group := 0
		if len(a) > 2 {
			group = int(a[2].f)
		}
		re, err := e.pattern(a[1].string())
		if err != nil {
			return value{}, err
		}
		m := re.FindStringSubmatch(s)
		if group < 0 || group >= len(m) {
			return str("")
		}
		return str(m[group])
	case "replace", "regexp_replace":
		if len(a) < 3 {
			return value{}, noSuch(n.Text, len(a))
		}
		if n.Text == "replace" {
			return str(strings.ReplaceAll(s, a[1].string(), a[2].string()))
		}
		re, err := e.pattern(a[1].string())
		if err != nil {
			return value{}, err
		}
		return str(re.ReplaceAllString(s, a[2].string()))
	}
	return value{}, noSuch(n.Text, len(a))
}

func (e *evaluator) pattern(s string) (*regexp.Regexp, error) {
	if re, ok := e.patterns[s]; ok {
		return re, nil
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, ark.Faultf(ark.Invalid, "a regular expression of the model can't be read").Do("use RE2 syntax").Because(err)
	}
	e.patterns[s] = re
	return re, nil
}

// when reads s as a time in the given strptime format, as seconds since 1970.
func (e *evaluator) when(s, format string) (value, error) {
	layout, ok := e.layouts[format]
	if !ok {
		layout = strings.NewReplacer("%Y", "2006", "%m", "01", "%d", "02", "%H", "15", "%M", "04", "%S", "05", "%y", "06").Replace(format)
		if strings.Contains(layout, "%") {
			return value{}, ark.Faultf(ark.Invalid, "date format %q is not known", format).Do("use %Y, %m, %d, %H, %M and %S")
		}
		e.layouts[format] = layout
	}
	t, err := time.Parse(layout, s)
	if err != nil {
		return value{}, nil
	}
	return numeric(float64(t.Unix())), nil
}

// substring is SQL's: counted in characters from 1.
func substring(s string, from, length int) string {
	if length <= 0 {
		return ""
	}
	ascii := true
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			ascii = false
			break
		}
	}
	if ascii {
		lo := min(max(from-1, 0), len(s))
		hi := min(max(from-1+length, lo), len(s))
		return s[lo:hi]
	}
	r := []rune(s)
	lo := min(max(from-1, 0), len(r))
	hi := min(max(from-1+length, lo), len(r))
	return string(r[lo:hi])
}

// Soundex returns the American Soundex code of the ASCII letters of s.
func Soundex(s string) string {
	const codes = "01230120022455012623010202"
	out := make([]byte, 0, 4)
	last := byte('0')
	for i := 0; i < len(s) && len(out) < 4; i++ {
		c := s[i] | 0x20
		if c < 'a' || c > 'z' {
			continue
		}
		code := codes[c-'a']
		if len(out) == 0 {
			out = append(out, c-0x20)
		} else if code != '0' && code != last {
			out = append(out, code)
		}
		if c != 'h' && c != 'w' {
			last = code
		}
	}
	if len(out) == 0 {
		return ""
	}
	for len(out) < 4 {
		out = append(out, '0')
	}
	return string(out)
}

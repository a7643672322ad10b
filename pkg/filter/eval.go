package filter

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// Truth is one of three. The zero Truth is Unknown, which keeps no row.
type Truth int8

// The truth values.
const (
	Unknown Truth = iota
	False
	True
)

func (t Truth) String() string { return [...]string{"unknown", "false", "true"}[t] }

// Bound is a checked expression over rows whose columns have known places.
type Bound struct {
	eval func(row []cell.Value) cell.Value
}

// Bind prepares c for rows with the named columns in order. It may be used by
// several goroutines.
func (c *Checked) Bind(columns []string) (*Bound, error) {
	at := make(map[string]int, len(columns))
	for i, n := range columns {
		at[n] = i
	}
	for _, f := range c.Fields() {
		if _, ok := at[f]; !ok {
			return nil, ark.Faultf(ark.Invalid, "the rows lack a column that the filter needs").At("", 0, f)
		}
	}
	if c.root == nil {
		return &Bound{}, nil
	}
	return &Bound{compile(c.root, at)}, nil
}

// Eval returns whether the filter holds of row.
func (b *Bound) Eval(row []cell.Value) Truth {
	if b == nil || b.eval == nil {
		return Unknown
	}
	return truth(b.eval(row))
}

func truth(v cell.Value) Truth {
	switch {
	case v.Type() != cell.Bool:
		return Unknown
	case v.Flag():
		return True
	}
	return False
}

func fromTruth(t Truth) cell.Value {
	if t == Unknown {
		return cell.Null
	}
	return cell.Flag(t == True)
}

type evaluator = func(row []cell.Value) cell.Value

func compile(n *node, at map[string]int) evaluator {
	if n.op == opLit {
		return func([]cell.Value) cell.Value { return n.lit }
	}
	if n.op == opField {
		return field(at[n.name], n.typ)
	}
	kids := make([]evaluator, len(n.kids))
	for i, k := range n.kids {
		kids[i] = compile(k, at)
	}
	switch n.op {
	case opRef:
		return kids[0]
	case opOr:
		return join(kids, True, False)
	case opAnd:
		return join(kids, False, True)
	case opNot:
		return func(row []cell.Value) cell.Value {
			switch truth(kids[0](row)) {
			case True:
				return cell.Flag(false)
			case False:
				return cell.Flag(true)
			}
			return cell.Null
		}
	case opIsNull:
		return func(row []cell.Value) cell.Value { return cell.Flag(kids[0](row).IsNull()) }
	case opIn:
		return compileIn(n, kids[0])
	case opBetween:
		low, high := comparison(opGe, kids[0], kids[1]), comparison(opLe, kids[0], kids[2])
		return join([]evaluator{low, high}, False, True)
	case opLike:
		return compileLike(n.kids[1].lit.Str(), kids[0])
	case opNeg, opAdd, opSub, opMul, opDiv, opMod:
		return arithmetic(n.op, kids)
	}
	return comparison(n.op, kids[0], kids[1])
}

// field reads a cell; one of another type than was checked counts as missing.
func field(i int, t cell.Type) evaluator {
	return func(row []cell.Value) cell.Value {
		if i < len(row) && row[i].Type() == t {
			return row[i]
		}
		return cell.Null
	}
}

// join is OR (decisive True) or AND (decisive False).
func join(kids []evaluator, decisive, otherwise Truth) evaluator {
	return func(row []cell.Value) cell.Value {
		result := otherwise
		for _, k := range kids {
			switch truth(k(row)) {
			case decisive:
				return fromTruth(decisive)
			case Unknown:
				result = Unknown
			}
		}
		return fromTruth(result)
	}
}

// compare orders two values of one type; whole numbers beside floats count as
// floats, as they do in the engine.
func compare(a, b cell.Value) int {
	if a.Type() != b.Type() {
		a, b = cell.Float(a.Float()), cell.Float(b.Float())
	}
	return cell.Compare(a, b)
}

func comparison(o op, left, right evaluator) evaluator {
	return func(row []cell.Value) cell.Value {
		a, b := left(row), right(row)
		if a.IsNull() || b.IsNull() {
			return cell.Null
		}
		c := compare(a, b)
		switch o {
		case opEq:
			return cell.Flag(c == 0)
		case opNe:
			return cell.Flag(c != 0)
		case opLt:
			return cell.Flag(c < 0)
		case opLe:
			return cell.Flag(c <= 0)
		case opGt:
			return cell.Flag(c > 0)
		case opGe:
			return cell.Flag(c >= 0)
		}
		return cell.Null
	}
}

func compileIn(n *node, value evaluator) evaluator {
	members := make(map[cell.Value]bool, len(n.kids))
	float := n.kids[0].typ == cell.Float64
	for _, k := range n.kids[1:] {
		float = float || k.typ == cell.Float64
	}
	norm := func(v cell.Value) cell.Value {
		if float {
			return cell.Float(v.Float() + 0) // -0 and +0 are one member
		}
		return v
	}
	for _, k := range n.kids[1:] {
		members[norm(k.lit)] = true
	}
	return func(row []cell.Value) cell.Value {
		v := value(row)
		if v.IsNull() {
			return cell.Null
		}
		return cell.Flag(members[norm(v)])
	}
}

func arithmetic(o op, kids []evaluator) evaluator {
	return func(row []cell.Value) cell.Value {
		a := kids[0](row)
		if a.IsNull() {
			return cell.Null
		}
		if o == opNeg {
			return cell.Float(-a.Float())
		}
		b := kids[1](row)
		switch {
		case b.IsNull():
			return cell.Null
		case a.Type() == cell.Date:
			return cell.Float(float64(a.Int() - b.Int()))
		}
		return calculate(o, a.Float(), b.Float())
	}
}

func calculate(o op, x, y float64) cell.Value {
	switch {
	case o == opAdd:
		return cell.Float(x + y)
	case o == opSub:
		return cell.Float(x - y)
	case o == opMul:
		return cell.Float(x * y)
	case y == 0:
		return cell.Null
	case o == opDiv:
		return cell.Float(x / y)
	}
	return cell.Float(math.Mod(x, y))
}

// compileLike matches % (any text) and _ (one character), case counting.
func compileLike(pattern string, value evaluator) evaluator {
	return func(row []cell.Value) cell.Value {
		v := value(row)
		if v.IsNull() {
			return cell.Null
		}
		return cell.Flag(like(v.Str(), pattern))
	}
}

// like goes back only to the last %, so it takes at most len(s)·len(p) steps.
func like(s, p string) bool {
	var backS, backP string
	star := false
	for {
		switch {
		case strings.HasPrefix(p, "%"):
			p = p[1:]
			star, backS, backP = true, s, p
			continue
		case s == "" && p == "":
			return true
		case s != "" && strings.HasPrefix(p, "_"):
			_, n := utf8.DecodeRuneInString(s)
			s, p = s[n:], p[1:]
			continue
		case s != "" && p != "" && s[0] == p[0]:
			s, p = s[1:], p[1:]
			continue
		case !star || backS == "":
			return false
		}
		_, n := utf8.DecodeRuneInString(backS)
		backS = backS[n:]
		s, p = backS, backP
	}
}

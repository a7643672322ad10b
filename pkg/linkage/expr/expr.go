// Package expr reads the small part of SQL in which comparison levels and
// blocking rules are written, as Splink writes them for DuckDB. It only
// parses: what a function means is the engine's business. An expression can
// reach nothing but the columns of the two records compared.
package expr

import (
	"fmt"
	"strconv"
	"strings"
)

// Side says which of two compared records a column is of.
type Side byte

// The sides. A column without a side is an error outside derived columns.
const (
	NoSide Side = 0
	Left   Side = 'l'
	Right  Side = 'r'
)

// Op is what a node does.
type Op string

// The operators; function calls have Op Call and the lower-case name in Text.
const (
	Col    Op = "col"
	Str    Op = "str"
	Num    Op = "num"
	Null   Op = "null"
	Bool   Op = "bool"
	Call   Op = "call"
	And    Op = "and"
	Or     Op = "or"
	Not    Op = "not"
	IsNull Op = "isnull"
	Else   Op = "else"
	Eq     Op = "="
	Ne     Op = "<>"
	Lt     Op = "<"
	Le     Op = "<="
	Gt     Op = ">"
	Ge     Op = ">="
	Add    Op = "+"
	Sub    Op = "-"
	Mul    Op = "*"
	Div    Op = "/"
	Concat Op = "||"
)

// Node is an expression.
type Node struct {
	Op     Op
	Text   string
	Number float64
	Side   Side
	Args   []*Node
}

// String writes n in a canonical form in which equal expressions are equal.
func (n *Node) String() string { return n.write(true) }

// Sideless is String without the sides of columns: the same text for the same
// derivation on either record.
func (n *Node) Sideless() string { return n.write(false) }

func (n *Node) write(sides bool) string {
	switch n.Op {
	case Col:
		q := `"` + strings.ReplaceAll(n.Text, `"`, `""`) + `"`
		if sides && n.Side != NoSide {
			return string(rune(n.Side)) + "." + q
		}
		return q
	case Str:
		return "'" + strings.ReplaceAll(n.Text, "'", "''") + "'"
	case Num:
		return strconv.FormatFloat(n.Number, 'g', -1, 64)
	case Null, Else, Bool:
		return strings.ToUpper(string(n.Op)) + n.Text
	}
	args := make([]string, len(n.Args))
	for i, a := range n.Args {
		args[i] = a.write(sides)
	}
	switch n.Op {
	case Call:
		return n.Text + "(" + strings.Join(args, ", ") + ")"
	case Not:
		return "NOT (" + args[0] + ")"
	case IsNull:
		return "(" + args[0] + " IS NULL)"
	}
	return "(" + strings.Join(args, " "+strings.ToUpper(string(n.Op))+" ") + ")"
}

// Sides returns which sides n looks at.
func (n *Node) Sides() (left, right bool) {
	if n.Op == Col {
		return n.Side == Left, n.Side == Right
	}
	for _, a := range n.Args {
		l, r := a.Sides()
		left, right = left || l, right || r
	}
	return left, right
}

// Columns adds the columns that n names to into.
func (n *Node) Columns(into map[string]bool) {
	if n.Op == Col {
		into[n.Text] = true
	}
	for _, a := range n.Args {
		a.Columns(into)
	}
}

// Conjuncts splits n at its outermost ANDs.
func (n *Node) Conjuncts() []*Node {
	if n.Op != And {
		return []*Node{n}
	}
	var all []*Node
	for _, a := range n.Args {
		all = append(all, a.Conjuncts()...)
	}
	return all
}

// A syntaxError says where an expression can't be read.
type syntaxError struct {
	at   int
	says string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("at character %d: %s", e.at+1, e.says) }

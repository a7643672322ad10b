package filter

import (
	"strings"

	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// String returns e in its canonical form: Parse(e.String()) equals e, and two
// equal expressions have the same text.
func (e *Expr) String() string {
	if e.root == nil {
		return ""
	}
	var b strings.Builder
	write(&b, e.root, 0)
	return b.String()
}

// binding is how tightly an operator holds; a child that holds less tightly
// than its place asks for stands in parentheses.
func binding(n *node) int {
	switch n.op {
	case opOr:
		return 1
	case opAnd:
		return 2
	case opNot:
		if negated(n) {
			return 4
		}
		return 3
	case opEq, opNe, opLt, opLe, opGt, opGe, opIsNull, opIn, opBetween, opLike:
		return 4
	case opAdd, opSub:
		return 5
	case opMul, opDiv, opMod:
		return 6
	}
	return 7
}

// negated reports whether a NOT is written inside its predicate: x NOT IN (…).
func negated(n *node) bool {
	switch n.kids[0].op {
	case opIsNull, opIn, opBetween, opLike:
		return true
	}
	return false
}

func write(b *strings.Builder, n *node, least int) {
	if binding(n) < least {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	switch n.op {
	case opLit:
		b.WriteString(literalText(n.lit))
	case opField:
		b.WriteString(nameText(n.name))
	case opRef:
		b.WriteString("@" + n.name)
	case opOr, opAnd:
		for i, k := range n.kids {
			if i > 0 {
				b.WriteString(map[op]string{opOr: " OR ", opAnd: " AND "}[n.op])
			}
			write(b, k, binding(n)+1)
		}
	case opNot:
		if negated(n) {
			writePredicate(b, n.kids[0], "NOT ")
			return
		}
		b.WriteString("NOT ")
		write(b, n.kids[0], 3)
	case opNeg:
		b.WriteByte('-')
		if n.kids[0].op == opLit { // else it would read as a negative number
			b.WriteByte('(')
			defer b.WriteByte(')')
		} else if n.kids[0].op == opNeg { // two minus signs together are refused
			b.WriteByte(' ')
		}
		write(b, n.kids[0], 7)
	case opAdd, opSub, opMul, opDiv, opMod:
		write(b, n.kids[0], binding(n))
		b.WriteString(" " + symbols[n.op] + " ")
		write(b, n.kids[1], binding(n)+1)
	default:
		writePredicate(b, n, "")
	}
}

func writePredicate(b *strings.Builder, n *node, not string) {
	write(b, n.kids[0], 5)
	switch n.op {
	case opIsNull:
		b.WriteString(" IS " + not + "NULL")
	case opIn:
		b.WriteString(" " + not + "IN (")
		for i, k := range n.kids[1:] {
			if i > 0 {
				b.WriteString(", ")
			}
			write(b, k, 7)
		}
		b.WriteByte(')')
	case opBetween:
		b.WriteString(" " + not + "BETWEEN ")
		write(b, n.kids[1], 5)
		b.WriteString(" AND ")
		write(b, n.kids[2], 5)
	case opLike:
		b.WriteString(" " + not + "LIKE ")
		write(b, n.kids[1], 5)
	default:
		b.WriteString(" " + symbols[n.op] + " ")
		write(b, n.kids[1], 5)
	}
}

func literalText(v cell.Value) string {
	switch v.Type() {
	case cell.String:
		return "'" + strings.ReplaceAll(v.Str(), "'", "''") + "'"
	case cell.Bool:
		return strings.ToUpper(v.Text())
	case cell.Date:
		return "DATE '" + v.Text() + "'"
	case cell.Timestamp:
		return "TIMESTAMP '" + v.Text() + "'"
	case cell.Float64:
		if s := v.Text(); strings.ContainsAny(s, ".e") {
			return s
		}
		return v.Text() + ".0"
	}
	return v.Text()
}

func nameText(s string) string {
	if letter(s[0]) && nameEnd(s, 0) == len(s) && !reserved[strings.ToUpper(s)] {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

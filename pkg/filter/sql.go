package filter

import (
	"strconv"
	"strings"

	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// SQL returns the expression as a condition in DuckDB's dialect, in
// parentheses. The zero Checked gives FALSE.
func (c *Checked) SQL() string {
	if c == nil || c.root == nil {
		return "(FALSE)"
	}
	var b strings.Builder
	b.WriteByte('(')
	sql(&b, c.root)
	b.WriteByte(')')
	return b.String()
}

// QuoteName returns name as a quoted SQL identifier.
func QuoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// QuoteText returns text as a SQL string literal. A control character, at
// which an engine might stop reading, becomes a chr() of its own.
func QuoteText(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	var parts []string
	start := 0
	for i := 0; i < len(text); i++ {
		if text[i] < ' ' || text[i] == 0x7f {
			parts = append(parts, QuoteText(text[start:i]), "chr("+strconv.Itoa(int(text[i]))+")")
			start = i + 1
		}
	}
	return "(" + strings.Join(append(parts, QuoteText(text[start:])), " || ") + ")"
}

func sql(b *strings.Builder, n *node) {
	switch n.op {
	case opLit:
		b.WriteString(sqlLiteral(n.lit))
	case opField:
		b.WriteString(QuoteName(n.name))
	case opRef:
		sql(b, n.kids[0])
	case opOr, opAnd:
		b.WriteByte('(')
		for i, k := range n.kids {
			if i > 0 {
				b.WriteString(map[op]string{opOr: " OR ", opAnd: " AND "}[n.op])
			}
			sql(b, k)
		}
		b.WriteByte(')')
	case opNot:
		b.WriteString("(NOT ")
		sql(b, n.kids[0])
		b.WriteByte(')')
	case opIsNull:
		b.WriteByte('(')
		sql(b, n.kids[0])
		b.WriteString(" IS NULL)")
	case opNeg, opAdd, opSub, opMul, opDiv, opMod:
		sqlArithmetic(b, n)
	default:
		sqlComparison(b, n)
	}
}

func sqlComparison(b *strings.Builder, n *node) {
	float := false
	for _, k := range n.kids {
		float = float || k.typ == cell.Float64
	}
	put := func(k *node) {
		if float {
			sqlDouble(b, k)
		} else {
			sql(b, k)
		}
	}
	b.WriteByte('(')
	put(n.kids[0])
	switch n.op {
	case opIn:
		b.WriteString(" IN (")
		for i, k := range n.kids[1:] {
			if i > 0 {
				b.WriteString(", ")
			}
			put(k)
		}
		b.WriteByte(')')
	case opBetween:
		b.WriteString(" BETWEEN ")
		put(n.kids[1])
		b.WriteString(" AND ")
		put(n.kids[2])
	case opLike:
		b.WriteString(" LIKE ")
		put(n.kids[1])
	default:
		b.WriteString(" " + symbols[n.op] + " ")
		put(n.kids[1])
	}
	b.WriteByte(')')
}

// sqlDouble writes n as a DOUBLE.
func sqlDouble(b *strings.Builder, n *node) {
	if n.typ == cell.Float64 {
		sql(b, n)
		return
	}
	b.WriteString("CAST(")
	sql(b, n)
	b.WriteString(" AS DOUBLE)")
}

func sqlArithmetic(b *strings.Builder, n *node) {
	switch {
	case n.op == opNeg:
		b.WriteString("(-")
		sqlDouble(b, n.kids[0])
		b.WriteByte(')')
	case n.kids[0].typ == cell.Date:
		b.WriteString("CAST((")
		sql(b, n.kids[0])
		b.WriteString(" - ")
		sql(b, n.kids[1])
		b.WriteString(") AS DOUBLE)")
	default:
		b.WriteByte('(')
		sqlDouble(b, n.kids[0])
		b.WriteString(" " + symbols[n.op] + " ")
		if n.op == opDiv || n.op == opMod { // by zero is missing, whatever the engine's setting
			b.WriteString("NULLIF(")
			sqlDouble(b, n.kids[1])
			b.WriteString(", 0e0)")
		} else {
			sqlDouble(b, n.kids[1])
		}
		b.WriteByte(')')
	}
}

func sqlLiteral(v cell.Value) string {
	switch v.Type() {
	case cell.String:
		return QuoteText(v.Str())
	case cell.Int64:
		if v.Int() < 0 {
			return "(" + v.Text() + ")"
		}
		return v.Text()
	case cell.Float64:
		return "(" + strconv.FormatFloat(v.Float(), 'e', -1, 64) + ")" // with an exponent it is a DOUBLE, not a DECIMAL
	case cell.Bool:
		return strings.ToUpper(v.Text())
	case cell.Date:
		return "DATE '" + v.Text() + "'"
	case cell.Timestamp:
		return "TIMESTAMP '" + v.Time().Format("2006-01-02 15:04:05.999999") + "'"
	}
	return "NULL"
}

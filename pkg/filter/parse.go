package filter

import (
	"math"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/pkg/columnar/cell"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Parse reads an expression. Every fault is Invalid or TooMuch, and names the
// character where reading stopped.
func Parse(text string) (*Expr, error) {
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	root, err := p.or()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != tokEnd {
		return nil, wrong(t.at, "the filter should end here, or go on with AND or OR")
	}
	return &Expr{root}, nil
}

type parser struct {
	tokens []token
	at     int
	level  int
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokEnd {
		p.at++
	}
	return t
}

// word takes the next token if it is the keyword w.
func (p *parser) word(w string) bool {
	if p.peek().word() == w {
		p.at++
		return true
	}
	return false
}

func (p *parser) sign(s string) bool {
	if t := p.peek(); t.kind == tokSign && t.text == s {
		p.at++
		return true
	}
	return false
}

func (p *parser) need(s string) error {
	if !p.sign(s) {
		return wrong(p.peek().at, "here should stand %s", s)
	}
	return nil
}

// deeper guards the parser's own stack.
func (p *parser) deeper() error {
	if p.level++; p.level > 4*MaxDepth {
		return tooDeep()
	}
	return nil
}

func (p *parser) or() (*node, error)  { return p.chain(opOr, "OR", p.and) }
func (p *parser) and() (*node, error) { return p.chain(opAnd, "AND", p.not) }

func (p *parser) chain(o op, word string, part func() (*node, error)) (*node, error) {
	var kids []*node
	for {
		k, err := part()
		if err != nil {
			return nil, err
		}
		kids = append(kids, k)
		if !p.word(word) {
			return group(o, kids)
		}
	}
}

func (p *parser) not() (*node, error) {
	if !p.word("NOT") {
		return p.predicate()
	}
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.level-- }()
	k, err := p.not()
	if err != nil {
		return nil, err
	}
	return mk(opNot, k)
}

var comparisons = map[string]op{"=": opEq, "==": opEq, "<>": opNe, "!=": opNe, "<": opLt, "<=": opLe, ">": opGt, ">=": opGe}

func (p *parser) predicate() (*node, error) {
	left, err := p.sum()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind == tokSign && comparisons[t.text] != opNone {
		p.at++
		right, err := p.sum()
		if err != nil {
			return nil, err
		}
		return mk(comparisons[t.text], left, right)
	}
	if p.word("IS") {
		not := p.word("NOT")
		if !p.word("NULL") {
			return nil, wrong(p.peek().at, "after IS comes NULL or NOT NULL")
		}
		return maybeNot(not)(mk(opIsNull, left))
	}
	not := p.word("NOT")
	switch {
	case p.word("IN"):
		return maybeNot(not)(p.in(left))
	case p.word("BETWEEN"):
		return maybeNot(not)(p.between(left))
	case p.word("LIKE"):
		return maybeNot(not)(p.like(left))
	case not:
		return nil, wrong(p.peek().at, "after NOT comes IN, BETWEEN or LIKE")
	}
	return left, nil
}

func maybeNot(not bool) func(*node, error) (*node, error) {
	return func(n *node, err error) (*node, error) {
		if err != nil || !not {
			return n, err
		}
		return mk(opNot, n)
	}
}

func (p *parser) in(left *node) (*node, error) {
	if err := p.need("("); err != nil {
		return nil, err
	}
	kids := []*node{left}
	for {
		at := p.peek().at
		k, err := p.factor()
		if err != nil {
			return nil, err
		}
		if k.op != opLit {
			return nil, wrong(at, "IN takes a list of plain values")
		}
		kids = append(kids, k)
		if !p.sign(",") {
			break
		}
	}
	if err := p.need(")"); err != nil {
		return nil, err
	}
	return mk(opIn, kids...)
}

func (p *parser) between(left *node) (*node, error) {
	low, err := p.sum()
	if err != nil {
		return nil, err
	}
	if !p.word("AND") {
		return nil, wrong(p.peek().at, "BETWEEN takes two values with AND between them")
	}
	high, err := p.sum()
	if err != nil {
		return nil, err
	}
	return mk(opBetween, left, low, high)
}

func (p *parser) like(left *node) (*node, error) {
	t := p.next()
	if t.kind != tokText {
		return nil, wrong(t.at, "after LIKE comes a pattern in quotes; %% stands for any text, _ for one character")
	}
	return mk(opLike, left, literal(cell.Str(t.text)))
}

var (
	sums  = map[string]op{"+": opAdd, "-": opSub}
	terms = map[string]op{"*": opMul, "/": opDiv, "%": opMod}
)

func (p *parser) sum() (*node, error)  { return p.arithmetic(sums, p.term) }
func (p *parser) term() (*node, error) { return p.arithmetic(terms, p.factor) }

func (p *parser) arithmetic(ops map[string]op, part func() (*node, error)) (*node, error) {
	left, err := part()
	for err == nil {
		t := p.peek()
		o := ops[t.text]
		if t.kind != tokSign || o == opNone {
			return left, nil
		}
		p.at++
		var right *node
		if right, err = part(); err == nil {
			left, err = mk(o, left, right)
		}
	}
	return nil, err
}

func (p *parser) factor() (*node, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.level-- }()
	if t := p.peek(); !p.sign("-") {
		return p.primary()
	} else if n := p.peek(); n.kind == tokNumber { // so that the least int64 can be written
		p.at++
		return number("-"+n.text, t.at)
	}
	k, err := p.factor()
	if err != nil {
		return nil, err
	}
	if k.op == opLit && k.typ == cell.Float64 {
		return literal(cell.Float(-k.lit.Float())), nil
	}
	if k.op == opLit && k.typ == cell.Int64 && k.lit.Int() != math.MinInt64 {
		return literal(cell.Int(-k.lit.Int())), nil
	}
	return mk(opNeg, k)
}

func (p *parser) primary() (*node, error) {
	t := p.next()
	switch t.kind {
	case tokNumber:
		return number(t.text, t.at)
	case tokText:
		return literal(cell.Str(t.text)), nil
	case tokQuoted:
		return &node{op: opField, name: t.text, depth: 1}, nil
	case tokRef:
		return &node{op: opRef, name: t.text, depth: 1}, nil
	case tokName:
		return p.name(t)
	case tokSign:
		if t.text == "(" {
			inner, err := p.or()
			if err != nil {
				return nil, err
			}
			return inner, p.need(")")
		}
	}
	return nil, wrong(t.at, "here should stand a column, a value, @name or (")
}

func (p *parser) name(t token) (*node, error) {
	w := t.word()
	switch {
	case w == "TRUE" || w == "FALSE":
		return literal(cell.Flag(w == "TRUE")), nil
	case w == "NULL":
		return nil, wrong(t.at, "NULL stands only in IS NULL and IS NOT NULL; any other comparison with it is never true")
	case reserved[w]:
		return nil, wrong(t.at, "%s has no meaning here; put a column of that name in double quotes", w)
	case (w == "DATE" || w == "TIMESTAMP") && p.peek().kind == tokText:
		v, err := cell.Parse(cell.Type(strings.ToLower(w)), p.next().text)
		if err != nil || v.IsNull() {
			return nil, wrong(t.at, "after %s comes one in quotes, such as '2020-01-31'", w)
		}
		return literal(v), nil
	}
	return &node{op: opField, name: t.text, depth: 1}, nil
}

func number(text string, at int) (*node, error) {
	if !strings.ContainsAny(text, ".eE") {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, wrong(at, "that is not a whole number between -2^63 and 2^63-1")
		}
		return literal(cell.Int(n)), nil
	}
	v, err := cell.Parse(cell.Float64, text)
	if err != nil {
		return nil, wrong(at, "that is not a number")
	}
	return literal(v), nil
}

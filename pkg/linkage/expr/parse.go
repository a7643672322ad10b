package expr

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
)

// maxDepth bounds nesting, so that a hostile model can't exhaust the stack.
const maxDepth = 200

// Level reads the condition of a comparison level, in which a column's side
// is its suffix: "surname_l" is surname of the left record.
func Level(s string) (*Node, error) { return parse(s, true) }

// Rule reads a blocking rule, in which a column's side is its table: l.surname.
func Rule(s string) (*Node, error) { return parse(s, false) }

func parse(s string, suffixed bool) (*Node, error) {
	if strings.EqualFold(strings.TrimSpace(s), "else") {
		return &Node{Op: Else}, nil
	}
	toks, err := lex(s)
	if err != nil {
		return nil, fault(err)
	}
	p := &parser{toks: toks, suffixed: suffixed}
	n, err := p.or()
	if err == nil && p.peek().kind != tokEnd {
		err = p.unexpected()
	}
	if err != nil {
		return nil, fault(err)
	}
	return n, nil
}

func fault(err error) error {
	return ark.Faultf(ark.Invalid, "an expression of the model can't be read: %v", err).
		Do("write it with columns, =, <, >, AND, OR, NOT, IS NULL and the functions in docs/linkage-spec.md")
}

type parser struct {
	toks     []token
	i        int
	depth    int
	suffixed bool
}

func (p *parser) peek() token { return p.toks[p.i] }
func (p *parser) next() token { t := p.toks[p.i]; p.i++; return t }
func (p *parser) take(s string) bool {
	if p.peek().is(s) {
		p.i++
		return true
	}
	return false
}
func (p *parser) unexpected() error {
	if p.peek().kind == tokEnd {
		return &syntaxError{p.peek().at, "the expression ends too early"}
	}
	return &syntaxError{p.peek().at, fmt.Sprintf("did not expect %q", p.peek().text)}
}
func (p *parser) expect(s string) error {
	if !p.take(s) {
		return &syntaxError{p.peek().at, fmt.Sprintf("expected %q", s)}
	}
	return nil
}

// deeper counts a level of nesting.
func (p *parser) deeper() error {
	if p.depth++; p.depth > maxDepth {
		return &syntaxError{p.peek().at, "nested too deeply"}
	}
	return nil
}

func (p *parser) or() (*Node, error)  { return p.chain(Or, p.and) }
func (p *parser) and() (*Node, error) { return p.chain(And, p.not) }

func (p *parser) chain(op Op, sub func() (*Node, error)) (*Node, error) {
	n, err := sub()
	if err != nil || !p.peek().is(string(op)) {
		return n, err
	}
	all := &Node{Op: op, Args: []*Node{n}}
	for p.take(string(op)) {
		a, err := sub()
		if err != nil {
			return nil, err
		}
		all.Args = append(all.Args, a)
	}
	return all, nil
}

func (p *parser) not() (*Node, error) {
	if !p.take("not") {
		return p.comparison()
	}
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	n, err := p.not()
	if err != nil {
		return nil, err
	}
	return &Node{Op: Not, Args: []*Node{n}}, nil
}

func (p *parser) comparison() (*Node, error) {
	n, err := p.sum()
	if err != nil {
		return nil, err
	}
	if p.take("is") {
		negated := p.take("not")
		if err := p.expect("null"); err != nil {
			return nil, err
		}
		n = &Node{Op: IsNull, Args: []*Node{n}}
		if negated {
			n = &Node{Op: Not, Args: []*Node{n}}
		}
		return n, nil
	}
	op, ok := map[string]Op{"=": Eq, "==": Eq, "<>": Ne, "!=": Ne, "<": Lt, "<=": Le, ">": Gt, ">=": Ge}[p.peek().text]
	if !ok || p.peek().kind != tokPunct {
		return n, nil
	}
	p.next()
	r, err := p.sum()
	if err != nil {
		return nil, err
	}
	return &Node{Op: op, Args: []*Node{n, r}}, nil
}

func (p *parser) sum() (*Node, error) {
	return p.infix(p.product, map[string]Op{"+": Add, "-": Sub, "||": Concat})
}

func (p *parser) product() (*Node, error) {
	return p.infix(p.unary, map[string]Op{"*": Mul, "/": Div})
}

func (p *parser) infix(sub func() (*Node, error), ops map[string]Op) (*Node, error) {
	n, err := sub()
	for err == nil {
		op, ok := ops[p.peek().text]
		if !ok || p.peek().kind != tokPunct {
			break
		}
		p.next()
		var r *Node
		if r, err = sub(); err == nil {
			n = &Node{Op: op, Args: []*Node{n, r}}
		}
	}
	return n, err
}

func (p *parser) unary() (*Node, error) {
	if !p.take("-") {
		return p.cast()
	}
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	n, err := p.unary()
	if err != nil {
		return nil, err
	}
	return &Node{Op: Sub, Args: []*Node{{Op: Num}, n}}, nil
}

// cast reads a primary and any "::type" after it.
func (p *parser) cast() (*Node, error) {
	n, err := p.primary()
	for err == nil && p.take("::") {
		if p.peek().kind != tokWord {
			return nil, p.unexpected()
		}
		n = &Node{Op: Call, Text: "cast_" + strings.ToLower(p.next().text), Args: []*Node{n}}
	}
	return n, err
}

func (p *parser) primary() (*Node, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	t := p.peek()
	switch t.kind {
	case tokString:
		p.next()
		return &Node{Op: Str, Text: t.text}, nil
	case tokNumber:
		p.next()
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			return nil, &syntaxError{t.at, "not a number"}
		}
		return &Node{Op: Num, Number: f}, nil
	case tokQuoted:
		return p.column()
	case tokWord:
		return p.word()
	}
	if p.take("(") {
		n, err := p.or()
		if err != nil {
			return nil, err
		}
		return n, p.expect(")")
	}
	return nil, p.unexpected()
}

func (p *parser) word() (*Node, error) {
	t := p.peek()
	switch strings.ToLower(t.text) {
	case "null":
		p.next()
		return &Node{Op: Null}, nil
	case "true", "false":
		p.next()
		return &Node{Op: Bool, Text: strings.ToLower(t.text)}, nil
	case "and", "or", "not", "is":
		return nil, p.unexpected()
	}
	if p.toks[p.i+1].is("(") {
		return p.call()
	}
	return p.column()
}

func (p *parser) call() (*Node, error) {
	n := &Node{Op: Call, Text: strings.ToLower(p.next().text)}
	p.next()
	if p.take(")") {
		return n, nil
	}
	for {
		a, err := p.or()
		if err != nil {
			return nil, err
		}
		n.Args = append(n.Args, a)
		if (n.Text == "cast" || n.Text == "try_cast") && p.take("as") {
			if p.peek().kind != tokWord {
				return nil, p.unexpected()
			}
			n.Text = n.Text + "_" + strings.ToLower(p.next().text)
			return n, p.expect(")")
		}
		if p.take(")") {
			return n, nil
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
}

// column reads a name, with the side before it or at its end.
func (p *parser) column() (*Node, error) {
	t := p.next()
	if p.take(".") {
		side := Side(0)
		switch strings.ToLower(t.text) {
		case "l":
			side = Left
		case "r":
			side = Right
		default:
			return nil, &syntaxError{t.at, "a column may be of l or r only"}
		}
		if k := p.peek().kind; k != tokWord && k != tokQuoted {
			return nil, p.unexpected()
		}
		return &Node{Op: Col, Text: p.next().text, Side: side}, nil
	}
	if !p.suffixed {
		return &Node{Op: Col, Text: t.text}, nil
	}
	if name, ok := strings.CutSuffix(t.text, "_l"); ok {
		return &Node{Op: Col, Text: name, Side: Left}, nil
	}
	if name, ok := strings.CutSuffix(t.text, "_r"); ok {
		return &Node{Op: Col, Text: name, Side: Right}, nil
	}
	return nil, &syntaxError{t.at, fmt.Sprintf("column %q does not end in _l or _r", t.text)}
}

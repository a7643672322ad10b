package filter

import (
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// Scope is what the names in an expression may mean.
type Scope struct {
	Types map[string]cell.Type // columns
	Refs  map[string]*Expr     // named filters, each true or false of a row
}

// Checked is an expression all of whose names and types are known: the only
// thing that can be evaluated or turned into SQL. The zero Checked keeps no row.
type Checked struct {
	root *node // references expanded in place, as opRef with one kid
}

// Check returns e with every name found in the scope and every type right. A
// name that isn't there, a comparison of things that don't compare, a
// reference that leads back to itself: an Invalid fault that says which.
func (e *Expr) Check(s Scope) (*Checked, error) {
	if e == nil || e.root == nil {
		return nil, ark.Faultf(ark.Invalid, "there is no filter to check")
	}
	c := &checker{scope: s, done: map[string]*expanded{}}
	x, err := c.condition(e.root)
	if err != nil {
		return nil, err
	}
	return &Checked{x.n}, nil
}

// expanded is a checked node with its size once every reference in it is
// written out.
type expanded struct {
	n          *node
	size, deep int
}

type checker struct {
	scope Scope
	done  map[string]*expanded
	path  []string // references being expanded
}

// condition checks n where a truth value is wanted.
func (c *checker) condition(n *node) (*expanded, error) {
	x, err := c.check(n)
	if err != nil {
		return nil, err
	}
	if x.n.typ != cell.Bool {
		return nil, ark.Faultf(ark.Invalid, "a filter must be true or false of a row; this part of it is a %s", x.n.typ).Do("compare it with something")
	}
	return x, nil
}

func (c *checker) check(n *node) (*expanded, error) {
	switch n.op {
	case opLit:
		return &expanded{n, 1, 1}, nil
	case opField:
		return c.field(n)
	case opRef:
		return c.ref(n)
	}
	out := &expanded{&node{op: n.op, depth: n.depth, kids: make([]*node, len(n.kids))}, 1, 1}
	for i, k := range n.kids {
		x, err := c.check(k)
		if err != nil {
			return nil, err
		}
		out.n.kids[i] = x.n
		out.size += x.size
		out.deep = max(out.deep, x.deep+1)
	}
	if out.size > maxNodes || out.deep > maxDeep {
		return nil, ark.Faultf(ark.TooMuch, "the filter grows past %d parts or %d levels once its named references are put in their places", maxNodes, maxDeep)
	}
	return out, settle(out.n)
}

func (c *checker) field(n *node) (*expanded, error) {
	t, ok := c.scope.Types[n.name]
	if !ok {
		return nil, ark.Faultf(ark.Invalid, "the filter names a column that the data do not have").At("", 0, n.name).Do("look the name up in the data dictionary; capitals count")
	}
	if err := cell.CheckType(t); err != nil {
		return nil, err
	}
	if strings.ContainsFunc(n.name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, ark.Faultf(ark.Invalid, "a column's name holds a control character")
	}
	for other := range c.scope.Types { // engines fold the case of names, quoted or not
		if other != n.name && strings.EqualFold(other, n.name) {
			return nil, ark.Faultf(ark.Invalid, "two columns differ in capitals only, so a filter can't tell them apart").At("", 0, n.name)
		}
	}
	return &expanded{&node{op: opField, name: n.name, typ: t, depth: 1}, 1, 1}, nil
}

func (c *checker) ref(n *node) (*expanded, error) {
	if x := c.done[n.name]; x != nil {
		return x, nil
	}
	e := c.scope.Refs[n.name]
	if e == nil || e.root == nil {
		return nil, ark.Faultf(ark.Invalid, "there is no filter named @%s", n.name)
	}
	if at := slices.Index(c.path, n.name); at >= 0 {
		round := append(slices.Clone(c.path[at:]), n.name)
		return nil, ark.Faultf(ark.Invalid, "the named references go round in a circle: @%s", strings.Join(round, " → @")).Do("write one of them out without the others")
	}
	c.path = append(c.path, n.name)
	x, err := c.condition(e.root)
	c.path = c.path[:len(c.path)-1]
	if err != nil {
		if f, ok := err.(*ark.Fault); ok && !strings.Contains(f.Says, "@") {
			f.Says = "in @" + n.name + ": " + f.Says
		}
		return nil, err
	}
	x = &expanded{&node{op: opRef, name: n.name, typ: cell.Bool, kids: []*node{x.n}, depth: 1}, x.size + 1, x.deep + 1}
	c.done[n.name] = x
	return x, nil
}

// settle sets the type of a node whose kids have theirs, and turns literals
// into the type they stand beside.
func settle(n *node) error {
	switch n.op {
	case opOr, opAnd, opNot:
		n.typ = cell.Bool
		for _, k := range n.kids {
			if k.typ != cell.Bool {
				return ark.Faultf(ark.Invalid, "AND, OR and NOT join conditions; one part here is a %s", k.typ).Do("compare it with something")
			}
		}
		return nil
	case opIsNull:
		n.typ = cell.Bool
		return nil
	case opLike:
		n.typ = cell.Bool
		if n.kids[0].typ != cell.String {
			return ark.Faultf(ark.Invalid, "LIKE is for text; this is a %s", n.kids[0].typ)
		}
		return nil
	case opNeg, opAdd, opSub, opMul, opDiv, opMod:
		return settleArithmetic(n)
	}
	n.typ = cell.Bool
	return unify(n.kids)
}

func settleArithmetic(n *node) error {
	n.typ = cell.Float64
	if n.op == opSub && n.kids[0].typ == cell.Date && n.kids[1].typ == cell.Date {
		return nil
	}
	for _, k := range n.kids {
		if !numeric(k.typ) {
			return ark.Faultf(ark.Invalid, "arithmetic is for numbers, and date - date for days; this is a %s", k.typ)
		}
	}
	return nil
}

func numeric(t cell.Type) bool { return t == cell.Int64 || t == cell.Float64 }

// unify gives the kids of a comparison one type: that of the columns among
// them, whole numbers becoming floats beside floats, literals in quotes
// becoming dates beside dates.
func unify(kids []*node) error {
	want := cell.Type("")
	for _, k := range kids {
		switch {
		case want == "" || rank(k.typ) > rank(want) && convertible(want, k.typ):
			want = k.typ
		}
	}
	for i, k := range kids {
		v, ok := fit(k, want)
		if !ok {
			return ark.Faultf(ark.Invalid, "a %s can't be compared with a %s here", k.typ, want).Do("dates are written '2020-01-31', text in single quotes, numbers plain")
		}
		kids[i] = v
	}
	return nil
}

func rank(t cell.Type) int {
	return slices.Index([]cell.Type{cell.String, cell.Int64, cell.Float64, cell.Bool, cell.Date, cell.Timestamp}, t)
}

func convertible(from, to cell.Type) bool {
	return from == cell.Int64 && to == cell.Float64 || from == cell.String && (to == cell.Date || to == cell.Timestamp) || from == cell.Date && to == cell.Timestamp
}

// fit returns k as a value of type t, if it may be one.
func fit(k *node, t cell.Type) (*node, bool) {
	switch {
	case k.typ == t:
		return k, true
	case k.op != opLit:
		return k, k.typ == cell.Int64 && t == cell.Float64
	case k.typ == cell.Int64 && t == cell.Float64:
		return literal(cell.Float(float64(k.lit.Int()))), true
	case k.typ == cell.String || k.typ == cell.Date && t == cell.Timestamp:
		if !convertible(k.typ, t) {
			return k, false
		}
		v, err := cell.Parse(t, k.lit.Text())
		return literal(v), err == nil && !v.IsNull()
	}
	return k, false
}

// Fields returns every column the expression reads, also through references,
// sorted.
func (c *Checked) Fields() []string {
	seen, names := map[*node]bool{}, map[string]bool{}
	var visit func(*node)
	visit = func(n *node) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		if n.op == opField {
			names[n.name] = true
		}
		for _, k := range n.kids {
			visit(k)
		}
	}
	visit(c.root)
	return sorted(names)
}

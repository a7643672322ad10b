package filter

import (
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// op is what a node does. The zero op is nothing and is refused everywhere.
type op uint8

const (
	opNone op = iota
	opLit
	opField
	opRef
	opOr
	opAnd
	opNot
	opEq
	opNe
	opLt
	opLe
	opGt
	opGe
	opIsNull
	opIn
	opBetween
	opLike
	opAdd
	opSub
	opMul
	opDiv
	opMod
	opNeg
)

var symbols = map[op]string{
	opEq: "=", opNe: "<>", opLt: "<", opLe: "<=", opGt: ">", opGe: ">=",
	opAdd: "+", opSub: "-", opMul: "*", opDiv: "/", opMod: "%",
}

// node is one node of an expression. kids of IN and BETWEEN begin with the
// value asked about; the rest of IN's and LIKE's kids are literals.
type node struct {
	op    op
	kids  []*node
	lit   cell.Value // opLit
	name  string     // opField, opRef
	typ   cell.Type  // set by Check
	depth int
}

// The limits of an expression.
const (
	MaxLength = 256 << 10 // bytes of text
	MaxDepth  = 64        // levels of one expression
	maxNodes  = 60_000    // after every reference is put in its place
	maxDeep   = 256       // levels after every reference is put in its place
)

func mk(o op, kids ...*node) (*node, error) {
	n := &node{op: o, kids: kids, depth: 1}
	for _, k := range kids {
		n.depth = max(n.depth, k.depth+1)
	}
	if n.depth > MaxDepth {
		return nil, tooDeep()
	}
	return n, nil
}

// group makes an AND or OR; a group inside a group of its own kind dissolves.
func group(o op, kids []*node) (*node, error) {
	if len(kids) == 1 {
		return kids[0], nil
	}
	flat := make([]*node, 0, len(kids))
	for _, k := range kids {
		if k.op == o {
			flat = append(flat, k.kids...)
		} else {
			flat = append(flat, k)
		}
	}
	return mk(o, flat...)
}

func literal(v cell.Value) *node { return &node{op: opLit, lit: v, typ: v.Type(), depth: 1} }

func tooDeep() error {
	return ark.Faultf(ark.TooMuch, "the filter is nested deeper than %d levels", MaxDepth).Do("give a part of it a name of its own")
}

// Expr is a parsed expression. The zero Expr is not an expression.
type Expr struct{ root *node }

// Equal reports whether a and b are the same expression.
func (e *Expr) Equal(o *Expr) bool { return same(e.root, o.root) }

func same(a, b *node) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.op == b.op && a.lit == b.lit && a.name == b.name && slices.EqualFunc(a.kids, b.kids, same)
}

// Fields returns the columns that e itself names, sorted, without those of the
// references it makes (see Checked.Fields).
func (e *Expr) Fields() []string { return e.names(opField) }

// Refs returns the references that e itself makes, sorted.
func (e *Expr) Refs() []string { return e.names(opRef) }

func (e *Expr) names(o op) []string {
	seen := map[string]bool{}
	walk(e.root, func(n *node) {
		if n.op == o {
			seen[n.name] = true
		}
	})
	return sorted(seen)
}

func walk(n *node, visit func(*node)) {
	if n == nil {
		return
	}
	visit(n)
	for _, k := range n.kids {
		walk(k, visit)
	}
}

func sorted(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

package engine

import (
	"maps"
	"math"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/expr"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// level is a compiled comparison level.
type level struct {
	model.Level
	node *expr.Node
	test test
	tf   *vector   // column of the term-frequency adjustment, or nil
	bits []float64 // per value of tf: what the adjustment adds for it
}

// comparison is a compiled comparison: its outcome is one digit of a pattern.
type comparison struct {
	name   string
	levels []level
	cols   map[string]bool
	stride uint32 // weight of its digit in a pattern
	slots  []int  // vectors that its tests look at
	// plain: it looks at one column, its first level is that either is null and
	// its second that both are equal, so that equal and null tuple numbers
	// settle it.
	plain bool
	pos   int // of its tuple number in a record
}

// rule is a compiled blocking rule. Records of one block share key; rest must
// hold too, when there is one.
type rule struct {
	name   string
	cols   map[string]bool
	keys   []*vector
	ref    []*vector
	perRow float64
	total  float64
	blind  bool
	rest   test
	size   int // number of blocks, the null block 0 among them
	lost   int64
	idle   bool // another rule brings all its pairs before it
}

// Plan is a model compiled against a frame.
type Plan struct {
	m      *model.Model
	f      *frame.Frame
	vs     *vectors
	comps  []comparison
	rules  []rule // tiers first
	tiers  int
	cannot []test
	unique []*vector

	rows    []uint32 // row-major: tuple numbers that are no single value, what rules only look at, value numbers
	width   int
	own     int  // how many tuple numbers come first in a row
	base    int  // where value numbers begin in a row
	keyed   bool // rules look at values; otherwise at block numbers
	held    held
	tasks   []task
	upper   int64    // pairs, with repeats across rules
	lists   []*list  // by rule; of rules that look at values, only where no other brings their pairs
	blocks  []uint32 // numbers of the blocks that records are in, when rules look at them
	threads int
	weights []float64 // per comparison and level, flattened by offset
	rare    []*level  // the same: those whose weight depends on the value
	offsets []int
	prior   float64
	bits    float64 // of the prior
	sizes   uint32  // number of patterns
}

// Compile makes a plan to run m over f with the given number of threads.
func Compile(m *model.Model, f *frame.Frame, threads int) (*Plan, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	if f.N == 0 {
		return nil, ark.Faultf(ark.Invalid, "the input has no rows").Do("give at least one row")
	}
	p := &Plan{m: m, f: f, vs: newVectors(f), threads: max(1, threads), tiers: len(m.Tiers), prior: m.Prior}
	c := &compiler{vs: p.vs, memos: map[string]int{}}
	if err := p.compileComparisons(c); err != nil {
		return nil, err
	}
	for _, r := range append(append([]model.Rule(nil), m.Tiers...), m.Rules...) {
		cr, err := c.rule(r)
		if err != nil {
			return nil, err
		}
		p.rules = append(p.rules, cr)
	}
	for _, r := range m.Cannot {
		n, err := expr.Rule(r.When)
		if err != nil {
			return nil, err
		}
		t, err := c.test(n)
		if err != nil {
			return nil, err
		}
		p.cannot = append(p.cannot, t)
	}
	for _, u := range m.Unique {
		v, err := p.vs.of(&expr.Node{Op: expr.Col, Text: u})
		if err != nil {
			return nil, err
		}
		p.unique = append(p.unique, v)
	}
	p.layOut()
	p.block()
	p.free()
	return p, nil
}

func (p *Plan) compileComparisons(c *compiler) error {
	stride := uint64(1)
	for _, mc := range p.m.Comparisons {
		c.vs.touched = map[int]bool{}
		cc := comparison{name: mc.Name, cols: map[string]bool{}, stride: uint32(stride)}
		for _, ml := range mc.Levels {
			n, err := expr.Level(ml.Condition)
			if err != nil {
				return err
			}
			t, err := c.test(n)
			if err != nil {
				return err
			}
			n.Columns(cc.cols)
			l := level{Level: ml, node: n, test: t}
			if ml.TFColumn != "" && ml.TFWeight != 0 {
				if l.tf, err = p.vs.of(&expr.Node{Op: expr.Col, Text: ml.TFColumn}); err != nil {
					return err
				}
			}
			cc.levels = append(cc.levels, l)
		}
		cc.slots = slices.Sorted(maps.Keys(c.vs.touched))
		cc.plain = cc.isPlain() && len(cc.slots) == 1
		p.comps = append(p.comps, cc)
		p.offsets = append(p.offsets, len(p.weights))
		p.weights = append(p.weights, make([]float64, len(cc.levels))...)
		p.rare = append(p.rare, make([]*level, len(cc.levels))...)
		stride *= uint64(len(cc.levels))
		if stride > math.MaxUint32 {
			return ark.Faultf(ark.TooMuch, "the comparisons have too many levels together").Do("use fewer comparisons or levels")
		}
	}
	p.sizes = uint32(stride)
	return nil
}

// isPlain reports whether the first levels of c are null and equality of one column.
func (c *comparison) isPlain() bool {
	if len(c.cols) != 1 || len(c.levels) < 3 || !c.levels[0].IsNull || !isKey(c.levels[1].node) || c.levels[1].node.Args[0].Op != expr.Col {
		return false
	}
	n := c.levels[0].node
	if n.Op != expr.Or || len(n.Args) != 2 {
		return false
	}
	left, right := false, false
	for _, a := range n.Args {
		if a.Op != expr.IsNull || a.Args[0].Op != expr.Col {
			return false
		}
		l, r := a.Args[0].Sides()
		left, right = left || l, right || r
	}
	return left && right
}

// rule compiles a blocking rule: conjuncts that equate the same expression of
// either record become keys, whatever else must hold is tested on each pair.
func (c *compiler) rule(r model.Rule) (rule, error) {
	n, err := expr.Rule(r.When)
	if err != nil {
		return rule{}, err
	}
	out := rule{name: r.Name, cols: map[string]bool{}, perRow: r.PerRow, total: r.Total, blind: r.Blind}
	if out.name == "" {
		out.name = r.When
	}
	n.Columns(out.cols)
	var rest []*expr.Node
	for _, e := range n.Conjuncts() {
		if !isKey(e) {
			rest = append(rest, e)
			continue
		}
		v, err := c.vs.key(e.Args[0])
		if err != nil {
			return rule{}, err
		}
		out.keys = append(out.keys, v)
	}
	if len(out.keys) == 0 {
		return rule{}, ark.Faultf(ark.Invalid, "blocking rule %q equates nothing of the two records", out.name).
			Do("use at least one l.column = r.column")
	}
	if len(rest) > 0 {
		if out.rest, err = c.test(&expr.Node{Op: expr.And, Args: rest}); err != nil {
			return rule{}, err
		}
	}
	for _, s := range r.Refine {
		n, err := expr.Rule(s)
		if err != nil {
			return rule{}, err
		}
		v, err := c.vs.key(n)
		if err != nil {
			return rule{}, err
		}
		out.ref = append(out.ref, v)
	}
	return out, nil
}

// isKey reports whether n equates one expression of the left record with the
// same of the right one.
func isKey(n *expr.Node) bool {
	if n.Op != expr.Eq || n.Args[0].Sideless() != n.Args[1].Sideless() {
		return false
	}
	al, ar := n.Args[0].Sides()
	bl, br := n.Args[1].Sides()
	return al != ar && bl != br && al != bl
}

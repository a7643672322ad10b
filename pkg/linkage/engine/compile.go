package engine

import (
	"math"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/distance"
	"github.com/ark-tre/ark/pkg/linkage/expr"
	"github.com/ark-tre/ark/pkg/linkage/frame"
)

// tri is SQL's truth: no, yes, unknown.
type tri int8

const (
	no      tri = 0
	yes     tri = 1
	unknown tri = -1
)

func triOf(b bool) tri {
	if b {
		return yes
	}
	return no
}

// test is a condition on two records, given as rows of value numbers.
type test func(w *scratch, l, r []uint32) tri

// measure is a number worked out of two records; NaN is null.
type measure func(w *scratch, l, r []uint32) float64

// scratch is what one worker keeps between pairs: similarities seen lately.
type scratch struct {
	memos  [][]memo
	seen   []outcome // by comparison
	splits []split

	left, right []uint32 // values of two records, but for one of each nothing

	patterns []uint32 // of the pairs that are compared now
	open     []open   // of these, the values that have yet to be compared
	sum      uint32   // of what was touched: keeps the looks from being left out
}

type memo struct {
	l, r uint32
	f    float64
}

const memoBits = 8

// similarity returns f of two values, from the memo when it is there.
func (w *scratch) similarity(which int, l, r uint32, lw, rw *frame.Words, f func(a, b string) float64) float64 {
	for len(w.memos) <= which {
		w.memos = append(w.memos, nil)
	}
	if w.memos[which] == nil {
		w.memos[which] = make([]memo, 1<<memoBits)
	}
	h := (l*0x9E3779B1 ^ r*0x85EBCA77) >> (32 - memoBits)
	m := &w.memos[which][h]
	if m.l != l || m.r != r {
		m.l, m.r, m.f = l, r, f(lw.At(l), rw.At(r))
	}
	return m.f
}

// compiler turns expressions into tests over a frame's vectors.
type compiler struct {
	vs    *vectors
	memos map[string]int
}

func (c *compiler) test(n *expr.Node) (test, error) {
	switch n.Op {
	case expr.Else:
		return func(*scratch, []uint32, []uint32) tri { return yes }, nil
	case expr.Bool:
		v := triOf(n.Text == "true")
		return func(*scratch, []uint32, []uint32) tri { return v }, nil
	case expr.Null:
		return func(*scratch, []uint32, []uint32) tri { return unknown }, nil
	case expr.And, expr.Or:
		return c.chain(n)
	case expr.Not:
		t, err := c.test(n.Args[0])
		if err != nil {
			return nil, err
		}
		return func(w *scratch, l, r []uint32) tri {
			switch t(w, l, r) {
			case yes:
				return no
			case no:
				return yes
			}
			return unknown
		}, nil
	case expr.IsNull:
		return c.isNull(n.Args[0])
	case expr.Eq, expr.Ne, expr.Lt, expr.Le, expr.Gt, expr.Ge:
		return c.compare(n)
	}
	l, r := n.Sides()
	if l != r { // a one-sided truth, such as a function that says yes or no
		v, err := c.vs.of(n)
		if err != nil {
			return nil, err
		}
		tab := make([]tri, v.words.Len())
		for id := range tab {
			tab[id] = triOf(v.words.At(uint32(id)) == "true")
		}
		tab[0] = unknown
		return sided(v, tab, l), nil
	}
	return nil, ark.Faultf(ark.Invalid, "%s is not a condition", n).Do("compare it with something")
}

func sided(v *vector, tab []tri, left bool) test {
	if left {
		return func(_ *scratch, l, _ []uint32) tri { return tab[v.in(l)] }
	}
	return func(_ *scratch, _, r []uint32) tri { return tab[v.in(r)] }
}

func (c *compiler) chain(n *expr.Node) (test, error) {
	tests := make([]test, len(n.Args))
	for i, a := range n.Args {
		t, err := c.test(a)
		if err != nil {
			return nil, err
		}
		tests[i] = t
	}
	stop, rest := no, yes
	if n.Op == expr.Or {
		stop, rest = yes, no
	}
	return func(w *scratch, l, r []uint32) tri {
		out := rest
		for _, t := range tests {
			switch v := t(w, l, r); v {
			case stop:
				return stop
			case unknown:
				out = unknown
			}
		}
		return out
	}, nil
}

func (c *compiler) isNull(n *expr.Node) (test, error) {
	l, r := n.Sides()
	if l && r {
		m, err := c.measure(n)
		if err != nil {
			return nil, err
		}
		return func(w *scratch, l, r []uint32) tri { return triOf(math.IsNaN(m(w, l, r))) }, nil
	}
	v, err := c.vs.of(n)
	if err != nil {
		return nil, err
	}
	if l {
		return func(_ *scratch, l, _ []uint32) tri { return triOf(v.in(l) == 0) }, nil
	}
	return func(_ *scratch, _, r []uint32) tri { return triOf(v.in(r) == 0) }, nil
}

// compare compiles a comparison, choosing the cheapest way to do it.
func (c *compiler) compare(n *expr.Node) (test, error) {
	a, b := n.Args[0], n.Args[1]
	al, ar := a.Sides()
	bl, br := b.Sides()
	switch {
	case !(al && ar || bl && br) && !(al && br || ar && bl): // one record only
		v, err := c.vs.of(n)
		if err != nil {
			return nil, err
		}
		tab := make([]tri, v.words.Len())
		for id := range tab {
			tab[id] = triOf(v.words.At(uint32(id)) == "true")
		}
		tab[0] = unknown
		return sided(v, tab, al || bl), nil
	case (n.Op == expr.Eq || n.Op == expr.Ne) && al != ar && bl != br:
		if ar {
			a, b = b, a
		}
		return c.equal(a, b, n.Op == expr.Ne)
	}
	if t, ok, err := c.bounded(n); ok || err != nil {
		return t, err
	}
	x, err := c.measure(a)
	if err != nil {
		return nil, err
	}
	y, err := c.measure(b)
	if err != nil {
		return nil, err
	}
	op := n.Op
	return func(w *scratch, l, r []uint32) tri {
		f, g := x(w, l, r), y(w, l, r)
		if math.IsNaN(f) || math.IsNaN(g) {
			return unknown
		}
		return triOf(holds(op, f, g))
	}, nil
}

// equal compiles a = b where a is of the left and b of the right record.
func (c *compiler) equal(a, b *expr.Node, negate bool) (test, error) {
	va, err := c.vs.of(a)
	if err != nil {
		return nil, err
	}
	vb, err := c.vs.of(b)
	if err != nil {
		return nil, err
	}
	same, differ := yes, no
	if negate {
		same, differ = no, yes
	}
	if va == vb {
		return func(_ *scratch, l, r []uint32) tri {
			x, y := va.in(l), vb.in(r)
			switch {
			case x == 0 || y == 0:
				return unknown
			case x == y:
				return same
			}
			return differ
		}, nil
	}
	cross := crossing(va.words, vb.words)
	return func(_ *scratch, l, r []uint32) tri {
		x, y := va.in(l), vb.in(r)
		switch {
		case x == 0 || y == 0:
			return unknown
		case cross[x] == y:
			return same
		}
		return differ
	}, nil
}

// crossing gives for each value of a its number in b, or 0.
func crossing(a, b *frame.Words) []uint32 {
	at := make(map[string]uint32, b.Len())
	for id := uint32(1); int(id) < b.Len(); id++ {
		at[b.At(id)] = id
	}
	out := make([]uint32, a.Len())
	for id := uint32(1); int(id) < a.Len(); id++ {
		out[id] = at[a.At(id)]
	}
	return out
}

// similarities are the functions of two strings.
func similarities(name string) func(a, b string) float64 {
	switch name {
	case "jaro_winkler_similarity":
		return distance.JaroWinkler
	case "jaro_similarity":
		return distance.Jaro
	case "levenshtein", "editdist3":
		return func(a, b string) float64 { return float64(distance.Levenshtein(a, b)) }
	case "damerau_levenshtein":
		return func(a, b string) float64 { return float64(distance.DamerauLevenshtein(a, b)) }
	}
	return nil
}

// bounded compiles "similarity(a, b) >= constant" and "edits(a, b) <= 1" with
// tests that settle most pairs before any string is looked at.
func (c *compiler) bounded(n *expr.Node) (test, bool, error) {
	f, k := n.Args[0], n.Args[1]
	if f.Op != expr.Call || k.Op != expr.Num || len(f.Args) != 2 || similarities(f.Text) == nil {
		return nil, false, nil
	}
	va, vb, ok, err := c.twoSides(f)
	if !ok || err != nil {
		return nil, false, err
	}
	limit := k.Number
	switch {
	case n.Op == expr.Ge && f.Text == "jaro_winkler_similarity":
		which := c.memo(f)
		la, lb := va.shapes(), vb.shapes()
		return func(w *scratch, l, r []uint32) tri {
			x, y := va.in(l), vb.in(r)
			if x == 0 || y == 0 {
				return unknown
			}
			if va == vb && x == y {
				return triOf(1 >= limit)
			}
			a, b := &la[x], &lb[y]
			if distance.JaroWinklerBound(int(a.size), int(b.size), a.letters, b.letters) < limit {
				return no
			}
			return triOf(w.similarity(which, x, y, va.words, vb.words, distance.JaroWinkler) >= limit)
		}, true, nil
	case n.Op == expr.Le && limit == 1 && (f.Text == "damerau_levenshtein" || f.Text == "levenshtein"):
		within := distance.WithinOneEdit
		if f.Text == "levenshtein" {
			within = distance.WithinOneLevenshtein
		}
		ta, tb := va.tallies(), vb.tallies()
		return func(_ *scratch, l, r []uint32) tri {
			x, y := va.in(l), vb.in(r)
			if x == 0 || y == 0 {
				return unknown
			}
			if distance.FarTallies(ta[x], tb[y]) {
				return no
			}
			return triOf(within(va.words.At(x), vb.words.At(y)))
		}, true, nil
	}
	return nil, false, nil
}

// twoSides returns the vectors of a function's two arguments, left one first.
func (c *compiler) twoSides(f *expr.Node) (l, r *vector, ok bool, err error) {
	a, b := f.Args[0], f.Args[1]
	al, ar := a.Sides()
	bl, br := b.Sides()
	if al && !ar && br && !bl {
		// in order
	} else if ar && !al && bl && !br {
		a, b = b, a
	} else {
		return nil, nil, false, nil
	}
	if l, err = c.vs.of(a); err != nil {
		return nil, nil, false, err
	}
	r, err = c.vs.of(b)
	return l, r, err == nil, err
}

func (c *compiler) memo(f *expr.Node) int {
	key := f.String()
	i, ok := c.memos[key]
	if !ok {
		i = len(c.memos)
		c.memos[key] = i
	}
	return i
}

// measure compiles a number that may look at both records.
func (c *compiler) measure(n *expr.Node) (measure, error) {
	l, r := n.Sides()
	switch {
	case !l && !r:
		v, err := c.vs.eval.eval(n, nil)
		if err != nil {
			return nil, err
		}
		f := math.NaN()
		if v.k == number {
			f = v.f
		}
		return func(*scratch, []uint32, []uint32) float64 { return f }, nil
	case !(l && r):
		v, err := c.vs.of(n)
		if err != nil {
			return nil, err
		}
		if l {
			return func(_ *scratch, l, _ []uint32) float64 { return v.number(v.in(l)) }, nil
		}
		return func(_ *scratch, _, r []uint32) float64 { return v.number(v.in(r)) }, nil
	}
	switch n.Op {
	case expr.Add, expr.Sub, expr.Mul, expr.Div:
		a, err := c.measure(n.Args[0])
		if err != nil {
			return nil, err
		}
		b, err := c.measure(n.Args[1])
		if err != nil {
			return nil, err
		}
		op := n.Op
		return func(w *scratch, l, r []uint32) float64 { return arith(op, a(w, l, r), b(w, l, r)) }, nil
	case expr.Call:
		return c.measureCall(n)
	}
	return nil, ark.Faultf(ark.Invalid, "%s is not a number", n).Do("use a similarity, a distance or a difference")
}

func (c *compiler) measureCall(n *expr.Node) (measure, error) {
	if f := similarities(n.Text); f != nil && len(n.Args) == 2 {
		va, vb, ok, err := c.twoSides(n)
		if err != nil {
			return nil, err
		}
		if ok {
			which := c.memo(n)
			return func(w *scratch, l, r []uint32) float64 {
				x, y := va.in(l), vb.in(r)
				if x == 0 || y == 0 {
					return math.NaN()
				}
				return w.similarity(which, x, y, va.words, vb.words, f)
			}, nil
		}
	}
	if (n.Text == "abs" || n.Text == "epoch") && len(n.Args) == 1 {
		m, err := c.measure(n.Args[0])
		if err != nil {
			return nil, err
		}
		if n.Text == "epoch" {
			return m, nil
		}
		return func(w *scratch, l, r []uint32) float64 { return math.Abs(m(w, l, r)) }, nil
	}
	return nil, noSuch(n.Text, len(n.Args))
}

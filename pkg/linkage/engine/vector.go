package engine

import (
	"math"
	"regexp"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/distance"
	"github.com/ark-tre/ark/pkg/linkage/expr"
	"github.com/ark-tre/ark/pkg/linkage/frame"
)

// vector is a one-sided expression worked out for every record: per record
// the number of its value, 0 for null.
type vector struct {
	slot   int      // place among a record's values of it, or of the column when via is there; -1 when only blocking looks at it
	ids    []uint32 // per record; of the column's values when via is there; nil when they are in rows only
	rows   []uint32 // the records' rows, of which each has it in one place
	width  int      // of a row
	pos    int      // of its place
	via    []uint32 // the column's value → the number of what is worked out of it
	words  *frame.Words
	nums   []float64     // per value; NaN when it is not a number
	shape  []shape       // per value; nil until asked for
	tally  []uint64      // the same, for tests of one edit
	counts []int32       // per value; nil until asked for
	known  float64       // records that have a value; 0: sum of counts
	from   *frame.Column // the one column it is worked out of; nil: several
	times  []uint32      // how many rows each record stands for; nil: one
}

// at is the number of the value of record i.
func (v *vector) at(i int) uint32 {
	var id uint32
	if v.ids == nil {
		id = v.rows[i*v.width+v.pos]
	} else {
		id = v.ids[i]
	}
	if v.via != nil {
		return v.via[id]
	}
	return id
}

// len is how many records there are.
func (v *vector) len() int {
	if v.ids == nil {
		return len(v.rows) / v.width
	}
	return len(v.ids)
}

// in is the number of the value of a record, given as a row of value numbers.
func (v *vector) in(row []uint32) uint32 {
	id := row[v.slot]
	if v.via != nil {
		return v.via[id]
	}
	return id
}

// run returns the numbers of the values of records lo to hi, in buf when they
// have to be worked out.
func (v *vector) run(lo, hi int, buf []uint32) []uint32 {
	if v.ids == nil {
		for i := lo; i < hi; i++ {
			buf[i-lo] = v.at(i)
		}
		return buf[:hi-lo]
	}
	if v.via == nil {
		return v.ids[lo:hi]
	}
	for i, id := range v.ids[lo:hi] {
		buf[i] = v.via[id]
	}
	return buf[:hi-lo]
}

// shape is what settles most string comparisons before the string is looked at.
type shape struct {
	letters uint64
	size    int32
}

func (v *vector) shapes() []shape {
	if v.shape == nil {
		v.shape = make([]shape, v.words.Len())
		for i := range v.shape {
			s := v.words.At(uint32(i))
			v.shape[i] = shape{distance.Letters(s), int32(len(s))}
		}
	}
	return v.shape
}

// tallies returns what settles most tests of one edit before the string is
// looked at.
func (v *vector) tallies() []uint64 {
	if v.tally == nil {
		v.tally = make([]uint64, v.words.Len())
		for i := range v.tally {
			v.tally[i] = distance.Tally(v.words.At(uint32(i)))
		}
	}
	return v.tally
}

// frequencies returns how many records hold each value.
func (v *vector) frequencies() []int32 {
	if v.counts == nil {
		v.counts = make([]int32, v.words.Len())
		for i := range v.len() {
			id := v.at(i)
			if v.times == nil {
				v.counts[id]++
			} else {
				v.counts[id] += int32(v.times[i])
			}
		}
	}
	return v.counts
}

// vectors works out and keeps the vectors of a frame.
type vectors struct {
	f    *frame.Frame
	eval evaluator
	byEx map[string]*vector
	all  []*vector

	slots   []*vector    // by slot
	counted []*vector    // that tests look at
	touched map[int]bool // slots asked for since it was last emptied
}

func newVectors(f *frame.Frame) *vectors {
	return &vectors{f: f, byEx: map[string]*vector{}, touched: map[int]bool{},
		eval: evaluator{patterns: map[string]*regexp.Regexp{}, layouts: map[string]string{}}}
}

// of returns the vector of the one-sided expression n, the same for either
// side, for a test that looks at its values.
func (vs *vectors) of(n *expr.Node) (*vector, error) {
	v, err := vs.key(n)
	if err != nil {
		return nil, err
	}
	if v.slot < 0 && v.via != nil { // the column's value tells it
		base, err := vs.of(&expr.Node{Op: expr.Col, Text: v.from.Name})
		if err != nil {
			return nil, err
		}
		v.slot = base.slot
		vs.counted = append(vs.counted, v)
	}
	if v.slot < 0 {
		v.slot = len(vs.slots)
		vs.slots = append(vs.slots, v)
		vs.counted = append(vs.counted, v)
	}
	vs.touched[v.slot] = true
	return v, nil
}

// key returns the vector of n for blocking.
func (vs *vectors) key(n *expr.Node) (*vector, error) {
	key := n.Sideless()
	if v, ok := vs.byEx[key]; ok {
		return v, nil
	}
	v, err := vs.make(n)
	if err != nil {
		return nil, err
	}
	v.slot, v.times = -1, vs.f.Times
	vs.byEx[key] = v
	vs.all = append(vs.all, v)
	return v, nil
}

func (vs *vectors) make(n *expr.Node) (*vector, error) {
	names := map[string]bool{}
	n.Columns(names)
	cols := map[string]*frame.Column{}
	var only *frame.Column
	for name := range names {
		c := vs.f.Col(name)
		if c == nil {
			return nil, ark.Faultf(ark.Invalid, "the model names a column that the input lacks").At("", 0, name).
				Do("give the column in the input or take it out of the model")
		}
		cols[name], only = c, c
	}
	if n.Op == expr.Col {
		return &vector{ids: only.IDs, words: only.Dict, counts: only.Counts, known: only.Known, from: only}, nil
	}
	b := &vectorMaker{in: frame.NewInterner(), nums: []float64{math.NaN()}}
	if len(cols) == 1 { // once per distinct value
		renumber := make([]uint32, only.Dict.Len())
		if from, length, ok := part(n); ok {
			for id := 1; id < len(renumber); id++ {
				renumber[id] = b.in.String(substring(only.Dict.At(uint32(id)), from, length))
			}
			return &vector{ids: only.IDs, via: renumber, words: b.in.Dict(), from: only}, nil
		}
		for id := range renumber {
			v, err := vs.eval.eval(n, func(string) value {
				if id == 0 {
					return value{}
				}
				return value{k: text, s: only.Dict.At(uint32(id))}
			})
			if err != nil {
				return nil, err
			}
			renumber[id] = b.id(v)
		}
		return &vector{ids: only.IDs, via: renumber, words: b.in.Dict(), nums: b.nums, from: only}, nil
	}
	if two, ok := extreme(n, cols); ok {
		return two, nil
	}
	ids := make([]uint32, vs.f.N)
	row := 0
	get := func(name string) value {
		c := cols[name]
		id := c.IDs[row]
		if id == 0 {
			return value{}
		}
		return value{k: text, s: c.Dict.At(id)}
	}
	for row = range ids {
		v, err := vs.eval.eval(n, get)
		if err != nil {
			return nil, err
		}
		ids[row] = b.id(v)
	}
	return &vector{ids: ids, words: b.in.Dict(), nums: b.nums}, nil
}

// part reports whether n is a part of a column's value, and which.
func part(n *expr.Node) (from, length int, ok bool) {
	if n.Op != expr.Call || n.Text != "substring" && n.Text != "substr" || len(n.Args) != 3 ||
		n.Args[0].Op != expr.Col || n.Args[1].Op != expr.Num || n.Args[2].Op != expr.Num {
		return 0, 0, false
	}
	return int(n.Args[1].Number), int(n.Args[2].Number), true
}

// extreme makes the vector of LEAST or GREATEST of two columns, whose values
// are numbered once and not for every record.
func extreme(n *expr.Node, cols map[string]*frame.Column) (*vector, bool) {
	if n.Op != expr.Call || n.Text != "least" && n.Text != "greatest" || len(n.Args) != 2 ||
		n.Args[0].Op != expr.Col || n.Args[1].Op != expr.Col {
		return nil, false
	}
	a, b := cols[n.Args[0].Text], cols[n.Args[1].Text]
	in, least := frame.NewInterner(), n.Text == "least"
	ids := make([]uint32, len(a.IDs))
	as, bs := make([]uint32, a.Dict.Len()), make([]uint32, b.Dict.Len()) // numbers of their values, as they come up
	for i, x := range a.IDs {
		y := b.IDs[i]
		if x == 0 || y == 0 {
			continue
		}
		s, t := a.Dict.At(x), b.Dict.At(y)
		to, word := &as[x], s
		if (t < s) == least {
			to, word = &bs[y], t
		}
		if *to == 0 {
			*to = in.String(word)
		}
		ids[i] = *to
	}
	return &vector{ids: ids, words: in.Dict()}, true
}

// number is the number that value id is, NaN when it is none.
func (v *vector) number(id uint32) float64 {
	if int(id) < len(v.nums) {
		return v.nums[id]
	}
	return math.NaN()
}

type vectorMaker struct {
	in   *frame.Interner
	nums []float64
}

// id numbers v.
func (b *vectorMaker) id(v value) uint32 {
	switch v.k {
	case null:
		return 0
	case truth:
		v.s = "false"
		if v.b {
			v.s = "true"
		}
	}
	id := b.in.String(v.string())
	if v.k == number {
		for int(id) >= len(b.nums) {
			b.nums = append(b.nums, math.NaN())
		}
		b.nums[id] = v.f
	}
	return id
}

package linkage

import (
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/canon"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// records are the rows of all identifiers files.
type records struct {
	keys   *frame.Column // record_key
	source *frame.Column // may be nil
	canon  *frame.Frame
	coded  *frame.Frame // keyed encodings; nil: none
}

func newRecords(f *frame.Frame, superseded map[string]string) (*records, error) {
	k := f.Col("record_key")
	if k == nil {
		return nil, ark.Faultf(ark.Invalid, "the identifiers have no record_key").At("", 0, "record_key").
			Do("give identifiers.parquet files that intake wrote")
	}
	for i, id := range k.IDs {
		if id == 0 {
			return nil, ark.Faultf(ark.Invalid, "a row has no record key").At(f.Sources[f.Source[i]], 0, "record_key")
		}
	}
	r := &records{keys: k, source: f.Col("source"), canon: canonical(f)}
	r.coded = encodings(f)
	for i, c := range r.canon.Cols {
		if c.Name == string(model.NHSNumber) && len(superseded) > 0 {
			r.canon.Cols[i] = rewrite(c, c.Name, func(s string) string { return follow(s, superseded) }).Column
		}
	}
	return r, nil
}

// follow returns what number replaced s in the end.
func follow(s string, superseded map[string]string) string {
	for range 16 { // a ring of replacements ends here
		next := canon.NHSNumber(superseded[s])
		if next == "" || next == s {
			break
		}
		s = next
	}
	return s
}

// nodes are the distinct identities among the records. Rows that say the same,
// and enough to name one person, are one node whatever records they are of;
// rows that say little are one node per record.
type nodes struct {
	frame *frame.Frame
	of    []uint32    // row → node
	row   []uint32    // node → first row
	same  [][2]uint32 // nodes that share a record
	first []uint32    // node → smallest record key's number
	recs  *records

	apart   [][2]uint32 // nodes that people decided must not join
	decided []decided
}

// decided is a decision about two records that the index holds.
type decided struct {
	l, r uint32 // record numbers
	Decision
}

func (r *records) nodes(decisions []Decision) *nodes {
	n := &nodes{recs: r, of: make([]uint32, len(r.keys.IDs))}
	strong := r.strong()
	alone := n.decide(decisions)
	seen := frame.NewInterner() // what nodes say, by number of the node plus one
	buf := make([]byte, 0, 128)
	for i := range n.of {
		buf = buf[:0]
		for _, c := range r.canon.Cols {
			buf = put(buf, c.IDs[i])
		}
		if !alone[r.keys.IDs[i]] && strong(i) {
			buf = put(buf, 0)
		} else {
			buf = put(buf, r.keys.IDs[i])
		}
		id := seen.Bytes(buf) - 1
		if int(id) == len(n.row) {
			n.row = append(n.row, uint32(i))
			n.first = append(n.first, r.keys.IDs[i])
		}
		n.of[i] = id
		if r.keys.Dict.At(r.keys.IDs[i]) < r.keys.Dict.At(n.first[id]) {
			n.first[id] = r.keys.IDs[i]
		}
	}
	n.shared()
	n.apply()
	n.frame = r.canon.Take(n.row)
	return n
}

func put(b []byte, v uint32) []byte { return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24)) }

// shared finds nodes that have a record in common: what one record said at
// different times.
func (n *nodes) shared() {
	last := make([]uint32, n.recs.keys.Dict.Len())
	for i, k := range n.recs.keys.IDs {
		node := n.of[i] + 1
		if last[k] != 0 && last[k] != node {
			n.same = append(n.same, [2]uint32{last[k] - 1, node - 1})
		}
		last[k] = node
	}
}

// strong returns whether a row says enough to be one person wherever it is
// said: a valid NHS number and a date of birth, or both names, a full date of
// birth and where the person lives or how to reach them.
func (r *records) strong() func(i int) bool {
	col := func(role model.Role) *frame.Column { return r.canon.Col(string(role)) }
	nhs, dob, given, family := col(model.NHSNumber), col(model.Birth), col(model.Given), col(model.Family)
	reach := []*frame.Column{col(model.Postcode), col(model.Phone), col(model.Email)}
	has := func(c *frame.Column, i int) bool { return c != nil && c.IDs[i] != 0 }
	return func(i int) bool {
		if !has(dob, i) || len(dob.Dict.At(dob.IDs[i])) != 10 {
			return false
		}
		if has(nhs, i) {
			return true
		}
		if !has(given, i) || !has(family, i) {
			return false
		}
		for _, c := range reach {
			if has(c, i) {
				return true
			}
		}
		return false
	}
}

// joinSame labels nodes by shared records only.
func (n *nodes) joinSame(labels []uint32) {
	for i := range labels {
		labels[i] = uint32(i)
	}
	find := func(x uint32) uint32 {
		for labels[x] != x {
			x = labels[x]
		}
		return x
	}
	for _, q := range n.same {
		a, b := find(q[0]), find(q[1])
		labels[max(a, b)] = min(a, b)
	}
	for i := range labels {
		labels[i] = find(uint32(i))
	}
}

// decide keeps the last decision about each pair of records that there are.
// Their records are nodes of their own: who says the same may still be two.
func (n *nodes) decide(all []Decision) (alone map[uint32]bool) {
	alone = map[uint32]bool{}
	if len(all) == 0 {
		return alone
	}
	number := make(map[string]uint32, n.recs.keys.Dict.Len())
	for id := uint32(1); int(id) < n.recs.keys.Dict.Len(); id++ {
		number[n.recs.keys.Dict.At(id)] = uint32(id)
	}
	at := map[[2]uint32]int{}
	for _, d := range all {
		if d.R < d.L {
			d.L, d.R = d.R, d.L
		}
		l, r := number[d.L], number[d.R]
		if l == 0 || r == 0 || l == r {
			continue
		}
		k := [2]uint32{l, r}
		if i, ok := at[k]; ok {
			n.decided[i].Decision = d
			continue
		}
		at[k] = len(n.decided)
		n.decided = append(n.decided, decided{l, r, d})
		alone[l], alone[r] = true, true
	}
	return alone
}

// apply turns decisions into pairs of nodes.
func (n *nodes) apply() {
	if len(n.decided) == 0 {
		return
	}
	node := make([]uint32, n.recs.keys.Dict.Len())
	for i, k := range n.recs.keys.IDs {
		node[k] = n.of[i]
	}
	for _, d := range n.decided {
		q := [2]uint32{node[d.l], node[d.r]}
		if d.Same {
			n.same = append(n.same, q)
		} else {
			n.apart = append(n.apart, q)
		}
	}
}

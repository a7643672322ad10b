package linkage

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/engine"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// gather finds the identities of the index to look at: those that say the same
// as a new one or are of the same record, those that share a blocking key, and
// all others of the persons so found.
func (x *extension) gather(decisions []Decision) error {
	n := x.nodes
	var keys [][]uint64
	err := engine.Keys(&x.model, n.frame, func(_ int, k []uint64) { keys = append(keys, slices.Clone(k)) })
	if err != nil {
		return err
	}
	strong := x.recs.strong()
	prints, records := map[uint64]uint32{}, map[uint64]uint32{} // → new node
	somePrint, someRecord := newSieve(n.frame.N, 32), newSieve(x.recs.keys.Dict.Len()+2*len(decisions), 32)
	for i, row := range n.row {
		if p := fingerprint(n.values(i), strong(int(row))); p != 0 {
			prints[p] = uint32(i)
			somePrint.put(p)
		}
	}
	for i, k := range x.recs.keys.IDs {
		h := engine.Hash(x.recs.keys.Dict.At(k))
		records[h] = n.of[i]
		someRecord.put(h)
	}
	decided := map[uint64]*place{}
	for _, d := range decisions {
		for _, k := range []string{d.L, d.R} {
			h := engine.Hash(k)
			decided[h] = &place{}
			someRecord.put(h)
		}
	}
	type tie struct {
		segment int
		number  uint32
		node    uint32
		print   bool
	}
	var ties []tie
	looked := make([]frame.Marks, len(x.segments))
	known := make([]bool, n.frame.N)
	for g, s := range x.segments {
		looked[g] = frame.NewMarks(s.N)
		err := s.scan64(s.fingerprints(), s.N, func(i int, v uint64) {
			if v == 0 || !somePrint.may(v) {
				return
			}
			if node, ok := prints[v]; ok {
				ties = append(ties, tie{g, uint32(i), node, true})
				known[node] = true
				looked[g].Set(uint32(i))
			}
		})
		if err != nil {
			return err
		}
		var at []int // ordinals of records that come again or were decided about
		var again []uint32
		var about []*place
		if err = s.scan64(s.recordHashes(), s.R, func(i int, v uint64) {
			if !someRecord.may(v) {
				return
			}
			node, ok := records[v]
			if !ok {
				node = noNode
			}
			if d := decided[v]; ok || d != nil {
				at, again, about = append(at, i), append(again, node), append(about, d)
			}
		}); err != nil {
			return err
		}
		if len(at) > 0 {
			j := 0
			err = s.scan(s.recordIdentities(), s.R, 4, func(from int, b []byte) {
				for ; j < len(at) && at[j] < from+len(b)/4; j++ {
					v := binary.LittleEndian.Uint32(b[4*(at[j]-from):])
					if int(v) >= s.N {
						continue
					}
					if again[j] != noNode {
						ties = append(ties, tie{g, v, again[j], false})
					}
					if about[j] != nil {
						*about[j] = place{true, uint32(g), v}
					}
					looked[g].Set(v)
				}
			})
			if err != nil {
				return err
			}
		}
	}
	for rule, k := range keys {
		wanted := newWanted(k, known)
		if wanted == nil {
			continue
		}
		for g, s := range x.segments {
			if err := s.scan(s.keys(rule), s.N, 4, func(from int, b []byte) { wanted.mark(looked[g], from, b) }); err != nil {
				return err
			}
		}
	}
	// All identities of the persons found.
	x.everyone = frame.NewNumbers(1 << 16)
	persons := make([][]uint64, len(x.segments))
	for g, s := range x.segments {
		persons[g] = make([]uint64, s.N)
		if err := s.scan64(s.persons(), s.N, func(i int, v uint64) {
			if len(x.merged) > 0 {
				v = x.now(v)
			}
			persons[g][i] = v
			if looked[g].Has(uint32(i)) {
				x.everyone.Number(v)
			}
		}); err != nil {
			return err
		}
	}
	some := newSieve(x.everyone.Len(), 32)
	for g := range x.segments {
		for _, i := range looked[g].All() {
			some.put(frame.Mix(persons[g][i]))
		}
	}
	total := 0
	numbers := make([][]uint32, len(x.segments)) // those looked at, in order
	first := make([]uint32, len(x.segments))     // row of the frame of the first of a segment
	for g := range x.segments {
		for i, p := range persons[g] {
			if some.may(frame.Mix(p)) && x.everyone.Find(p) != 0 {
				looked[g].Set(uint32(i))
			}
		}
		numbers[g], first[g] = looked[g].All(), uint32(total)
		total += len(numbers[g])
	}
	x.old = newIdentities(len(n.frame.Cols), total)
	for g, s := range x.segments {
		if err := s.read(numbers[g], persons[g], x.old); err != nil {
			return err
		}
	}
	row := func(segment int, number uint32) uint32 {
		i, _ := slices.BinarySearch(numbers[segment], number)
		return first[segment] + uint32(i)
	}
	begins := make([]uint32, x.everyone.Len()+1) // a person's first row, plus one
	for i, p := range x.old.person {
		at := &begins[x.everyone.Find(p)]
		if *at == 0 {
			*at = uint32(i) + 1
		} else {
			x.same = append(x.same, [2]uint32{*at - 1, uint32(i)})
		}
	}
	old := uint32(x.old.len())
	x.tier = make([]string, int(old)+n.frame.N)
	x.weight = slices.Repeat([]float64{math.NaN()}, len(x.tier))
	says := map[uint32]uint64{} // new node → the person who said the same
	for _, t := range ties {
		if t.print { // two persons say the same where people parted them: the first counts
			who := persons[t.segment][t.number]
			if first, ok := says[t.node]; ok && first != who {
				continue
			}
			says[t.node] = who
		}
		x.same = append(x.same, [2]uint32{row(t.segment, t.number), old + t.node})
		x.tier[old+t.node] = model.TierRecord
		if t.print {
			x.tier[old+t.node] = model.TierTuple
		}
	}
	for _, q := range n.same {
		x.same = append(x.same, [2]uint32{old + q[0], old + q[1]})
	}
	// What people decided.
	for _, d := range decisions {
		var at [2]uint32
		there, inNew := true, false
		for i, k := range []string{d.L, d.R} {
			h := engine.Hash(k)
			if node, ok := records[h]; ok {
				at[i], inNew = old+node, true
			} else if p := decided[h]; p.known {
				at[i] = row(int(p.segment), p.number)
			} else {
				there = false // of a delivery that was taken back
			}
		}
		switch {
		case !there:
			continue
		case d.Same:
			x.same = append(x.same, at)
		case at[0] == at[1] || inNew || x.old.person[at[0]] == x.old.person[at[1]]:
			return ark.Faultf(ark.Conflict, "a decision parts records that the index holds for one person").Do("build the index anew")
		default:
			x.apart = append(x.apart, at)
		}
		x.decided = append(x.decided, d)
	}
	for _, k := range known {
		if k {
			x.rep.Known++
		}
	}
	x.rep.New, x.rep.Looked, x.rep.Records = n.frame.N-x.rep.Known, x.old.len(), x.recs.keys.Dict.Len()-1
	x.combine(known)
	return nil
}

// place is where the index has the identity of a record that people decided about.
type place struct {
	known           bool
	segment, number uint32
}

// noNode stands for no new identity.
const noNode = ^uint32(0)

// wanted is a set of short keys.
type wanted struct {
	some *sieve
	all  *frame.Numbers
}

// newWanted returns the short keys of the given ones; nil when there are none.
func newWanted(keys []uint64, leaveOut []bool) *wanted {
	w := &wanted{newSieve(len(keys), 128), frame.NewNumbers(len(keys))}
	for i, k := range keys {
		if k != 0 && !leaveOut[i] {
			v := k | 1<<32
			w.some.put(v)
			w.all.Number(v >> 32)
		}
	}
	if w.all.Len() == 0 {
		return nil
	}
	return w
}

// mark marks the identities that have a wanted key; b has the keys of those from
// number i on.
func (w *wanted) mark(looked frame.Marks, i int, b []byte) {
	for ; len(b) >= 4; b, i = b[4:], i+1 {
		v := binary.LittleEndian.Uint32(b)
		if w.some.may(uint64(v)<<32) && v != 0 && w.all.Find(uint64(v)) != 0 {
			looked.Set(uint32(i))
		}
	}
}

// combine makes the frame of the index's identities and the new ones. New
// identities that the index knows are not compared: their values are left out.
func (x *extension) combine(known []bool) {
	n, base := x.nodes, x.segments[0]
	old := x.old.len()
	f := &frame.Frame{N: old + n.frame.N, Old: old, Sources: []string{"index", "new"}, Source: make([]uint16, old+n.frame.N)}
	for i := old; i < f.N; i++ {
		f.Source[i] = 1
	}
	for j, c := range n.frame.Cols {
		v := x.old.cols[j]
		in, ids := v.in, slices.Grow(v.ids, n.frame.N)
		for i, said := range c.IDs {
			id := uint32(0)
			if !known[i] {
				id = in.String(c.Dict.At(said))
				v.count(id, 1)
			}
			ids = append(ids, id)
		}
		counts := v.counts
		for _, top := range base.Common[j] {
			if id := in.String(top.Value); int(id) < len(counts) {
				counts[id] = max(counts[id], top.Count)
			}
		}
		dict := in.Dict()
		for len(counts) < dict.Len() {
			counts = append(counts, 1)
		}
		counts[0] = 0
		f.Cols = append(f.Cols, &frame.Column{Name: c.Name, IDs: ids, Dict: dict, Counts: counts, Known: max(base.Known[j], 1)})
	}
	x.frame = f
}

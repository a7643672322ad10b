package linkage

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"math"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/engine"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// ExtendInput is a new delivery and what the index knows.
type ExtendInput struct {
	Identifiers []File // of the new deliveries, oldest first
	State       []File // of the index: the full build's, then each extension's
	Key         []byte // as for BuildIndex
	Superseded  map[string]string
	// Decisions are all that people decided, as for BuildIndex. One that parts
	// records which the index, or what they say, holds for one person needs a
	// full build: Extend answers ark.Conflict.
	Decisions []Decision
	Options   Options
}

// ExtendOutput is where an extension is written.
type ExtendOutput struct {
	// PersonIndex gets the rows of the delivery's records, to be laid over the
	// index. Persons that became one are in the report's events.
	PersonIndex io.Writer
	Links       io.Writer
	State       io.Writer // what the next extension needs besides the earlier ones
	Report      io.Writer
}

// ExtendReport is what an extension did, in counts.
type ExtendReport struct {
	ModelVersion string         `json:"model_version"`
	Records      int            `json:"records"`
	Known        int            `json:"identities_known"`
	New          int            `json:"identities_new"`
	Looked       int            `json:"identities_looked_at"`
	Persons      int            `json:"persons_new"`
	ByTier       map[string]int `json:"records_by_tier"`
	Links        map[string]int `json:"links_by_status"`
	Events       []Event        `json:"events"`
}

// Extend links new deliveries against an index by its model, without comparing
// again what was compared before. What the index knows already costs a look-up;
// only new identities are compared, with those that share a blocking key.
func Extend(ctx context.Context, in ExtendInput, out ExtendOutput) (ExtendReport, error) {
	x, links, err := newExtension(ctx, in)
	if err != nil {
		return ExtendReport{}, err
	}
	if err := x.write(out, links); err != nil {
		return x.rep, err
	}
	enc := json.NewEncoder(out.Report)
	enc.SetIndent("", "  ")
	return x.rep, enc.Encode(x.rep)
}

// newExtension does the work of Extend but for writing.
func newExtension(ctx context.Context, in ExtendInput) (*extension, []extendLink, error) {
	if len(in.Key) < 16 || len(in.State) == 0 {
		return nil, nil, ark.Faultf(ark.Internal, "the index key or the state of the index is missing")
	}
	x := &extension{merged: map[uint64]uint64{}, rep: ExtendReport{ModelVersion: modelVersion, ByTier: map[string]int{}, Links: map[string]int{}}}
	for _, f := range in.State {
		s, err := openState(f)
		if err != nil {
			return nil, nil, err
		}
		for _, m := range s.Merged {
			x.merged[m[0]] = m[1]
		}
		x.segments = append(x.segments, s)
	}
	x.model = x.segments[0].Model
	x.model.Trained = true
	// 1. The new identities.
	raw, err := readIdentifiers(ctx, in.Identifiers, in.Options.Threads)
	if err != nil {
		return nil, nil, err
	}
	if x.recs, err = newRecords(raw, in.Superseded); err != nil {
		return nil, nil, err
	}
	if x.recs.coded != nil {
		return nil, nil, ark.Faultf(ark.Conflict, "keyed encodings are compared with all others").Do("build the index anew")
	}
	x.recs.align(x.segments[0].Columns)
	x.nodes = x.recs.nodes(nil)
	// 2. Those of the index that they may belong to.
	if err := x.gather(lastDecisions(in.Decisions)); err != nil {
		return nil, nil, err
	}
	// 3. Compare, cluster, name.
	labels, found, err := x.link(ctx, in.Options)
	if err != nil {
		return nil, nil, err
	}
	x.name(in.Key, labels)
	x.found = found
	return x, x.links(found, labels), nil
}

// lastDecisions keeps the last decision about each two records, in order.
func lastDecisions(all []Decision) []Decision {
	at := map[[2]string]int{}
	var out []Decision
	for _, d := range all {
		q := inOrder(d.L, d.R)
		if i, ok := at[q]; ok {
			out[i] = d
			continue
		}
		if q[0] != q[1] {
			at[q] = len(out)
			out = append(out, d)
		}
	}
	return out
}

// extension is the work of Extend.
type extension struct {
	segments []*segment
	model    model.Model
	merged   map[uint64]uint64
	recs     *records
	nodes    *nodes
	old      []identity // of the index, first in the frame
	frame    *frame.Frame
	same     [][2]uint32
	apart    [][2]uint32
	decided  []Decision
	found    *Result
	person   []uint64  // per row of the frame
	tier     []string  // per row of the frame, of new identities
	weight   []float64 // not a number: none
	rep      ExtendReport
}

// align gives the canonical frame the columns of the state, in its order.
func (r *records) align(columns []string) {
	var cols []*frame.Column
	for _, name := range columns {
		c := r.canon.Col(name)
		if c == nil {
			c = &frame.Column{Name: name, IDs: make([]uint32, r.canon.N), Dict: frame.NewWords()}
		}
		cols = append(cols, c)
	}
	r.canon.Cols = cols
}

// now is the person that a number stands for after the merges.
func (x *extension) now(p uint64) uint64 {
	for range 64 {
		q, ok := x.merged[p]
		if !ok {
			break
		}
		p = q
	}
	return p
}

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
	for i, row := range n.row {
		if p := fingerprint(n.values(i), strong(int(row))); p != 0 {
			prints[p] = uint32(i)
		}
	}
	for i, k := range x.recs.keys.IDs {
		records[engine.Hash(x.recs.keys.Dict.At(k))] = n.of[i]
	}
	decided := map[uint64]*place{}
	for _, d := range decisions {
		decided[engine.Hash(d.L)], decided[engine.Hash(d.R)] = &place{}, &place{}
	}
	type tie struct {
		segment int
		number  uint32
		node    uint32
		print   bool
	}
	var ties []tie
	looked := make([][]uint64, len(x.segments))
	known := make([]bool, n.frame.N)
	for g, s := range x.segments {
		looked[g] = make([]uint64, s.N/64+1)
		set := func(i uint32) { looked[g][i/64] |= 1 << (i % 64) }
		err := s.scan(s.fingerprints(), s.N, 8, func(i int, v uint64) {
			if v == 0 {
				return
			}
			if node, ok := prints[v]; ok {
				ties = append(ties, tie{g, uint32(i), node, true})
				known[node] = true
				set(uint32(i))
			}
		})
		if err != nil {
			return err
		}
		var at []int // ordinals of records that come again or were decided about
		var again []uint32
		var about []*place
		if err = s.scan(s.recordHashes(), s.R, 8, func(i int, v uint64) {
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
		j := 0
		if len(at) > 0 {
			err = s.scan(s.recordIdentities(), s.R, 4, func(i int, v uint64) {
				if j < len(at) && at[j] == i {
					if v < uint64(s.N) {
						if again[j] != noNode {
							ties = append(ties, tie{g, uint32(v), again[j], false})
						}
						if about[j] != nil {
							*about[j] = place{true, uint32(g), uint32(v)}
						}
						set(uint32(v))
					}
					j++
				}
			})
			if err != nil {
				return err
			}
		}
	}
	for rule, k := range keys {
		wanted := newFilter(k, known)
		if wanted.empty {
			continue
		}
		for g, s := range x.segments {
			err := s.scan(s.keys(rule), s.N, 4, func(i int, v uint64) {
				if v != 0 && wanted.has(uint32(v)) {
					looked[g][i/64] |= 1 << (i % 64)
				}
			})
			if err != nil {
				return err
			}
		}
	}
	// All identities of the persons found.
	people := map[uint64]struct{}{}
	persons := make([][]uint64, len(x.segments))
	for g, s := range x.segments {
		persons[g] = make([]uint64, s.N)
		if err := s.scan(s.persons(), s.N, 8, func(i int, v uint64) {
			if len(x.merged) > 0 {
				v = x.now(v)
			}
			persons[g][i] = v
			if looked[g][i/64]&(1<<(i%64)) != 0 {
				people[v] = struct{}{}
			}
		}); err != nil {
			return err
		}
	}
	bloom := make([]uint64, 1<<16)
	for p := range people {
		h := frame.Mix(p) >> 42
		bloom[h/64] |= 1 << (h % 64)
	}
	for g := range x.segments {
		for i, p := range persons[g] {
			if h := frame.Mix(p) >> 42; bloom[h/64]&(1<<(h%64)) != 0 {
				if _, ok := people[p]; ok {
					looked[g][i/64] |= 1 << (i % 64)
				}
			}
		}
	}
	rows := map[[2]uint32]uint32{} // segment, number → row of the frame
	first := map[uint64]uint32{}   // person → row
	for g, s := range x.segments {
		err := s.rows(setBits(looked[g]), func(i uint32, id identity) error {
			id.person = persons[g][i]
			row := uint32(len(x.old))
			rows[[2]uint32{uint32(g), i}] = row
			if f, ok := first[id.person]; ok {
				x.same = append(x.same, [2]uint32{f, row})
			} else {
				first[id.person] = row
			}
			x.old = append(x.old, id)
			return nil
		})
		if err != nil {
			return err
		}
	}
	old := uint32(len(x.old))
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
		x.same = append(x.same, [2]uint32{rows[[2]uint32{uint32(t.segment), t.number}], old + t.node})
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
				at[i] = rows[[2]uint32{p.segment, p.number}]
			} else {
				there = false // of a delivery that was taken back
			}
		}
		switch {
		case !there:
			continue
		case d.Same:
			x.same = append(x.same, at)
		case at[0] == at[1] || inNew || x.old[at[0]].person == x.old[at[1]].person:
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
	x.rep.New, x.rep.Looked, x.rep.Records = n.frame.N-x.rep.Known, len(x.old), x.recs.keys.Dict.Len()-1
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

// filter is a set of short keys.
type filter struct {
	bits  []uint64
	exact map[uint32]struct{}
	empty bool
}

func newFilter(keys []uint64, leaveOut []bool) *filter {
	f := &filter{bits: make([]uint64, 1<<16), exact: map[uint32]struct{}{}, empty: true}
	for i, k := range keys {
		if k != 0 && !leaveOut[i] {
			v := uint32(k>>32) | 1
			f.bits[v>>10&0xffff] |= 1 << (v >> 4 & 63)
			f.exact[v] = struct{}{}
			f.empty = false
		}
	}
	return f
}

func (f *filter) has(v uint32) bool {
	if f.bits[v>>10&0xffff]&(1<<(v>>4&63)) == 0 {
		return false
	}
	_, ok := f.exact[v]
	return ok
}

// combine makes the frame of the index's identities and the new ones. New
// identities that the index knows are not compared: their values are left out.
func (x *extension) combine(known []bool) {
	n, base := x.nodes, x.segments[0]
	old := len(x.old)
	f := &frame.Frame{N: old + n.frame.N, Old: old, Sources: []string{"index", "new"}, Source: make([]uint16, old+n.frame.N)}
	for i := old; i < f.N; i++ {
		f.Source[i] = 1
	}
	for j, c := range n.frame.Cols {
		in := frame.NewInterner()
		k := &frame.Column{Name: c.Name, IDs: make([]uint32, 0, f.N)}
		counts := []int32{0}
		count := func(id uint32, n int32) {
			for int(id) >= len(counts) {
				counts = append(counts, 0)
			}
			counts[id] = max(counts[id], n)
		}
		for i := range x.old {
			id := in.String(x.old[i].values[j])
			k.IDs = append(k.IDs, id)
			count(id, x.old[i].counts[j])
		}
		for i, v := range c.IDs {
			id := uint32(0)
			if !known[i] {
				id = in.String(c.Dict.At(v))
				count(id, 1)
			}
			k.IDs = append(k.IDs, id)
		}
		for _, top := range base.Common[j] {
			if id := in.String(top.Value); int(id) < len(counts) {
				counts[id] = max(counts[id], top.Count)
			}
		}
		k.Dict = in.Dict()
		for len(counts) < k.Dict.Len() {
			counts = append(counts, 1)
		}
		counts[0] = 0
		k.Counts, k.Known = counts, max(base.Known[j], 1)
		f.Cols = append(f.Cols, k)
	}
	x.frame = f
}

// link compares and clusters.
func (x *extension) link(ctx context.Context, o Options) ([]uint32, *Result, error) {
	if o.Accept == 0 {
		o.Accept = indexAccept
	}
	m := x.model
	plan, err := engine.Compile(&m, x.frame, o.Threads)
	if err != nil {
		return nil, nil, err
	}
	scored, err := plan.Estimate(ctx)
	if err != nil {
		return nil, nil, err
	}
	edges, err := scored.Pairs(ctx, engine.Weight(reviewFrom))
	if err != nil {
		return nil, nil, err
	}
	labels, refused := scored.Clusters(edges, x.same, engine.Clustering{Accept: engine.Weight(o.Accept), Mean: defaultMean, Connected: o.Connected, Apart: x.apart, Rival: m.Rival})
	return labels, &Result{Model: &m, Edges: edges, Clusters: labels, Refused: refused, Scored: scored}, nil
}

// name gives each cluster its person: the one that holds most records of the
// index, or a new one.
func (x *extension) name(key []byte, labels []uint32) {
	type holder struct {
		person uint64
		size   uint64
	}
	held := map[uint32][]holder{}
	least := map[uint32]string{}
	taken := map[uint64]bool{}
	for i := range x.old {
		id := &x.old[i]
		taken[id.person] = true
		hs := held[labels[i]]
		at := slices.IndexFunc(hs, func(h holder) bool { return h.person == id.person })
		if at < 0 {
			at = len(hs)
			hs = append(hs, holder{person: id.person})
		}
		hs[at].size += id.size
		held[labels[i]] = hs
	}
	old := len(x.old)
	for i := old; i < len(labels); i++ {
		k := x.recs.keys.Dict.At(x.nodes.first[i-old])
		if l, ok := least[labels[i]]; !ok || k < l {
			least[labels[i]] = k
		}
	}
	x.person = make([]uint64, len(labels))
	named := map[uint32]uint64{}
	for i, l := range labels {
		p, ok := named[l]
		if !ok {
			hs := held[l]
			slices.SortFunc(hs, func(a, b holder) int { return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.person, b.person)) })
			if len(hs) > 0 {
				p = hs[0].person
			} else {
				x.rep.Persons++
				for n := uint64(0); ; n++ {
					if p = personNumber(personID(key, least[l], n)); !taken[p] {
						break
					}
				}
			}
			for _, h := range hs[min(1, len(hs)):] {
				x.merged[h.person] = p
				x.rep.Events = append(x.rep.Events, Event{Kind: "merge", From: []string{personText(min(h.person, p)), personText(max(h.person, p))}, Into: []string{personText(p)}})
			}
			named[l], taken[p] = p, true
		}
		x.person[i] = p
	}
	if x.rep.Events == nil {
		x.rep.Events = []Event{}
	}
	slices.SortFunc(x.rep.Events, func(a, b Event) int { return slices.Compare(a.From, b.From) })
}

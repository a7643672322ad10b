package linkage

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
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
	old      *identities    // of the index, first in the frame
	everyone *frame.Numbers // the persons of these
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
	type holder struct{ person, size uint64 }
	old := uint32(x.old.len())
	x.person = make([]uint64, len(labels))
	order, starts := byLabel(labels)
	var held []holder
	for l := range labels { // a label is the first row of its cluster
		members := order[starts[l]:starts[l+1]]
		if len(members) == 0 {
			continue
		}
		held = held[:0]
		least := ""
		for _, i := range members {
			if i >= old {
				if k := x.key(i); least == "" || k < least {
					least = k
				}
				continue
			}
			at := slices.IndexFunc(held, func(h holder) bool { return h.person == x.old.person[i] })
			if at < 0 {
				at = len(held)
				held = append(held, holder{person: x.old.person[i]})
			}
			held[at].size += x.old.size[i]
		}
		slices.SortFunc(held, func(a, b holder) int { return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.person, b.person)) })
		var p uint64
		if len(held) > 0 {
			p = held[0].person
			for _, h := range held[1:] {
				x.merged[h.person] = p
				x.rep.Events = append(x.rep.Events, Event{Kind: "merge", From: []string{personText(min(h.person, p)), personText(max(h.person, p))}, Into: []string{personText(p)}})
			}
		} else {
			x.rep.Persons++
			for n := uint64(0); ; n++ {
				if p = personNumber(personID(key, least, n)); x.everyone.Find(p) == 0 {
					break
				}
			}
			x.everyone.Number(p)
		}
		for _, i := range members {
			x.person[i] = p
		}
	}
	if x.rep.Events == nil {
		x.rep.Events = []Event{}
	}
	slices.SortFunc(x.rep.Events, func(a, b Event) int { return slices.Compare(a.From, b.From) })
}

// byLabel lists rows by their label, each label's in order.
func byLabel(labels []uint32) (order, starts []uint32) {
	order, starts = make([]uint32, len(labels)), make([]uint32, len(labels)+1)
	for _, l := range labels {
		starts[l+1]++
	}
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	next := slices.Clone(starts)
	for i, l := range labels {
		order[next[l]] = uint32(i)
		next[l]++
	}
	return order, starts
}

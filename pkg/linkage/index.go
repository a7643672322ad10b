package linkage

import (
	"context"
	"encoding/json"
	"io"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/engine"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// File is a Parquet file to read. Name is the delivery it belongs to; it goes
// into messages and reports.
type File struct {
	Name string
	At   io.ReaderAt
	Size int64
}

// IndexInput is everything a person index is made of.
type IndexInput struct {
	// Identifiers are the identifiers.parquet of all current deliveries, oldest
	// first: where two say something else about a record, both count as evidence.
	Identifiers []File
	// Demographics are the demographics.parquet of the same deliveries, oldest
	// first: at a tie the later says what a person's demographics are.
	Demographics []File
	// Previous is the person_index.parquet made before, nil for the first one.
	// Its person ids are kept.
	Previous *File
	// Key derives new person ids from record keys. At least 16 bytes.
	Key []byte
	// Superseded maps NHS numbers to the ones that replaced them.
	Superseded map[string]string
	// Decisions are what people decided about pairs of records; the last one
	// about a pair counts.
	Decisions []Decision
	// Show rounds a count of people for the report by a disclosure profile; nil
	// stands for a count that is not shown. Without it none is.
	Show    func(n int) *int
	Options Options
}

// Decision is what people decided about two records, after review or when a
// link was found wrong.
type Decision struct {
	L, R   string // record keys
	Same   bool   // of one person; otherwise of two
	Reason string // goes into the evidence; must hold no identifier
}

// IndexOutput is where the parts of an index are written. The caller makes
// them durable.
type IndexOutput struct {
	PersonIndex io.Writer // person_index.parquet: person_record_key, person_id, tier, weight
	Links       io.Writer // links.parquet: the evidence, one row per link
	Persons     io.Writer // persons.parquet: one row per person
	Report      io.Writer // linkage.json
	// State is what Extend needs to link new deliveries against this index
	// without reading the old ones; nil: none. It holds identifiers.
	State io.Writer
	// Review is given the pairs for people to decide on; nil: nobody reviews.
	Review func([]ReviewPair) error
}

// BuildIndex decides which records are of one person and writes the index.
// The same input gives the same bytes at any number of threads.
func BuildIndex(ctx context.Context, in IndexInput, out IndexOutput) (Report, error) {
	if len(in.Key) < 16 {
		return Report{}, ark.Faultf(ark.Internal, "the index key is missing or shorter than 16 bytes")
	}
	if out.PersonIndex == nil || out.Links == nil || out.Persons == nil || out.Report == nil {
		return Report{}, ark.Faultf(ark.Internal, "an output of the index is missing")
	}
	// 1. Read identifiers; one node per distinct identity.
	raw, err := readIdentifiers(ctx, in.Identifiers, in.Options.Threads)
	if err != nil {
		return Report{}, err
	}
	recs, err := newRecords(raw, in.Superseded)
	if err != nil {
		return Report{}, err
	}
	nodes := recs.nodes(in.Decisions)
	// 2. Link them.
	m := model.Default(func(r model.Role) bool { return nodes.frame.Col(string(r)) != nil })
	m.Mode, m.Complete = model.Dedupe, false
	labels := make([]uint32, nodes.frame.N)
	var found *Result
	if len(m.Comparisons) == 0 || len(m.Rules) == 0 || nodes.frame.N < 2 {
		nodes.joinSame(labels)
	} else if found, err = nodes.link(ctx, m, in); err != nil {
		return Report{}, err
	} else {
		copy(labels, found.Clusters)
	}
	coded, err := nodes.linkCoded(ctx, labels, in.Options)
	if err != nil {
		return Report{}, err
	}
	// 3. Name the persons, keeping earlier names.
	earlier, err := readIndex(ctx, in.Previous)
	if err != nil {
		return Report{}, err
	}
	people := newPeople(recs, nodes, labels)
	people.name(in.Key, earlier)
	// 4. Write.
	links := &coded.links
	nodes.links(recs, people, found, links)
	if err := writeLinks(out.Links, recs, people, links); err != nil {
		return Report{}, err
	}
	if out.Review != nil {
		if err := out.Review(nodes.evidence(recs, found).review()); err != nil {
			return Report{}, err
		}
	}
	people.evidence(recs, links)
	if err := writePersonIndex(out.PersonIndex, people); err != nil {
		return Report{}, err
	}
	if out.State != nil {
		frozen := m
		if found != nil {
			frozen = found.Scored.Model()
		}
		size, strong, counts, known := nodes.stateOf()
		person := func(i int) uint64 { return personNumber(people.ids[people.of[nodes.first[i]]]) }
		if err := writeState(out.State, nodes, frozen, person, size, strong, counts, known, nil); err != nil {
			return Report{}, err
		}
	}
	demo, err := readAll(ctx, in.Demographics, in.Options.Threads)
	if err != nil {
		return Report{}, err
	}
	persons := people.reconcile(recs, demo)
	people.lives(in.Key, recs, people.of, persons)
	if err := writePersons(out.Persons, persons); err != nil {
		return Report{}, err
	}
	rep := report(in, recs, nodes, people, persons, links, found)
	rep.Encoded, rep.Joined = coded.records, coded.joined
	enc := json.NewEncoder(out.Report)
	enc.SetIndent("", "  ")
	return rep, enc.Encode(rep)
}

func readAll(ctx context.Context, files []File, threads int) (*frame.Frame, error) {
	return read(ctx, frame.NewBuilder().Threads(threads), files)
}

// readIdentifiers reads the columns that say whose a record is.
func readIdentifiers(ctx context.Context, files []File, threads int) (*frame.Frame, error) {
	return read(ctx, frame.NewBuilder().Threads(threads).Only(func(c string) bool {
		return c == "record_key" || c == "source" || model.RoleOf(c) != model.Ignored || model.IsEncoded(c)
	}), files)
}

func read(ctx context.Context, b *frame.Builder, files []File) (*frame.Frame, error) {
	for _, f := range files {
		if err := b.AddParquet(ctx, f.Name, f.At, f.Size); err != nil {
			return nil, err
		}
	}
	return b.Frame(), nil
}

// readIndex reads an earlier index as record key → person id.
func readIndex(ctx context.Context, f *File) (map[string]string, error) {
	out := map[string]string{}
	if f == nil {
		return out, nil
	}
	fr, err := readAll(ctx, []File{*f}, 1)
	if err != nil {
		return nil, err
	}
	k, p := fr.Col("person_record_key"), fr.Col("person_id")
	if k == nil || p == nil {
		return nil, ark.Faultf(ark.Invalid, "the earlier index lacks person_record_key or person_id").At(f.Name, 0, "").
			Do("give a person_index.parquet that linkage wrote")
	}
	for i := range fr.N {
		key, _ := k.Value(i)
		id, ok := p.Value(i)
		if !ok || key == "" {
			return nil, ark.Faultf(ark.Invalid, "a row of the earlier index has no key or no person").At(f.Name, int64(i)+1, "")
		}
		out[key] = id
	}
	return out, nil
}

// link runs the model over the nodes.
func (n *nodes) link(ctx context.Context, m *model.Model, in IndexInput) (*Result, error) {
	o := in.Options
	if o.Accept == 0 {
		o.Accept = indexAccept
	}
	plan, err := engine.Compile(m, n.frame, o.Threads)
	if err != nil {
		return nil, err
	}
	scored, err := plan.Estimate(ctx)
	if err != nil {
		return nil, err
	}
	edges, err := scored.Pairs(ctx, engine.Weight(reviewFrom))
	if err != nil {
		return nil, err
	}
	labels, refused := scored.Clusters(edges, n.same, engine.Clustering{
		Accept: engine.Weight(o.Accept), Mean: defaultMean, Connected: o.Connected, Apart: n.apart, Rival: m.Rival})
	return &Result{Model: m, Edges: edges, Clusters: labels, Refused: refused, Scored: scored}, nil
}

// reviewFrom is the probability from which a pair that is not a link is kept
// for people to look at.
const reviewFrom = 0.2

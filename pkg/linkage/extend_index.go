package linkage

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/frame"
)

// ExtendIndexInput is new deliveries, what the index before them said, and what
// the report and the demographics are made of.
type ExtendIndexInput struct {
	ExtendInput
	Index, Links File   // person_index.parquet and links.parquet before
	Persons      File   // persons.parquet before; its zero value: where people lived is forgotten
	Report       Report // of the run before
	All          []File // identifiers.parquet of all current deliveries: which record is whose
	Demographics []File // demographics.parquet of the same, oldest first
	Show         func(n int) *int
}

// ExtendIndex links new deliveries by Extend and writes the whole index that
// comes of it, in the form of BuildIndex; State gets the next segment only. It
// answers ark.Conflict when a full build is needed.
func ExtendIndex(ctx context.Context, in ExtendIndexInput, out IndexOutput) (Report, error) {
	x, links, err := newExtension(ctx, in.ExtendInput)
	if err != nil {
		return Report{}, err
	}
	p, err := x.people(ctx, in.Index)
	if err != nil {
		return Report{}, err
	}
	if err := writePersonIndex(out.PersonIndex, p); err != nil {
		return Report{}, err
	}
	counts, err := x.writeAllLinks(ctx, in.Links, links, p, out)
	if err != nil {
		return Report{}, err
	}
	if out.State != nil {
		if err := x.writeState(out.State); err != nil {
			return Report{}, err
		}
	}
	demo, err := readAll(ctx, in.Demographics, in.Options.Threads)
	if err != nil {
		return Report{}, err
	}
	persons := p.reconcile(nil, demo)
	if err := p.livedBefore(ctx, in.Persons, persons, x); err != nil {
		return Report{}, err
	}
	p.lives(in.Key, x.recs, p.ordinals(x.recs.keys), persons)
	if err := writePersons(out.Persons, persons); err != nil {
		return Report{}, err
	}
	keys, source, err := readSources(ctx, in.All)
	if err != nil {
		return Report{}, err
	}
	if out.Review != nil {
		if err := out.Review(x.evidence(keys, source).review()); err != nil {
			return Report{}, err
		}
	}
	rep := x.report(in, p, counts)
	rep.Bias = bias(IndexInput{Show: in.Show}, p, persons, senders(keys, source, p.ordinals(keys), p.size))
	enc := json.NewEncoder(out.Report)
	enc.SetIndent("", "  ")
	return rep, enc.Encode(rep)
}

// people lays the new records over the index before, after the merges.
func (x *extension) people(ctx context.Context, before File) (*people, error) {
	f, err := readAll(ctx, []File{before}, 1)
	if err != nil {
		return nil, err
	}
	key, id, tier, weight := f.Col("person_record_key"), f.Col("person_id"), f.Col("tier"), f.Col("weight")
	if key == nil || id == nil || tier == nil {
		return nil, ark.Faultf(ark.Invalid, "the earlier index lacks a column").At(before.Name, 0, "").Do("build the index anew")
	}
	type line struct {
		key, id, tier string
		weight        float64
	}
	lines := make([]line, 0, f.N+len(x.nodes.of))
	dict, node := x.recs.keys.Dict, x.nodes.recordNodes()
	isNew := map[string]bool{}
	for k := uint32(1); int(k) < dict.Len(); k++ {
		at := uint32(x.old.len()) + node[k]
		lines = append(lines, line{dict.At(k), personText(x.person[at]), cmp.Or(x.tier[at], "single"), x.weight[at]})
		isNew[dict.At(k)] = true
	}
	for i := range f.N {
		k, _ := key.Value(i)
		if isNew[k] {
			continue
		}
		l := line{key: k, weight: math.NaN()}
		l.id, _ = id.Value(i)
		l.tier, _ = tier.Value(i)
		if len(x.merged) > 0 {
			l.id = personText(x.now(personNumber(l.id)))
		}
		if weight != nil {
			if s, ok := weight.Value(i); ok {
				if l.weight, err = strconv.ParseFloat(s, 64); err != nil {
					return nil, ark.Faultf(ark.Invalid, "a weight of the earlier index is not a number").At(before.Name, int64(i)+1, "weight").Because(err)
				}
			}
		}
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Compare(a.key, b.key) })
	keys := make([]string, len(lines))
	for i, l := range lines {
		keys[i] = l.key
	}
	n := len(lines) + 1 // numbers begin with one
	p := &people{dict: frame.NewWords(keys...), of: make([]uint32, n), tier: make([]string, n), weight: make([]float64, n), Events: x.rep.Events}
	ordinal := map[string]uint32{}
	for i, l := range lines {
		o, ok := ordinal[l.id]
		if !ok {
			o = uint32(len(p.ids))
			ordinal[l.id] = o
			p.ids, p.least, p.size = append(p.ids, l.id), append(p.least, l.key), append(p.size, 0)
		}
		k := uint32(i) + 1
		p.number = append(p.number, k)
		p.of[k], p.tier[k], p.weight[k] = o, l.tier, l.weight
		p.size[o]++
	}
	for _, i := range p.number { // who was alone may have company now
		if p.tier[i] == "single" && p.size[p.of[i]] > 1 {
			p.tier[i] = "joined_later"
		}
	}
	return p, nil
}

// livedBefore takes over where people lived from the run before.
func (p *people) livedBefore(ctx context.Context, before File, persons []person, x *extension) error {
	if before.At == nil {
		return nil
	}
	f, err := readAll(ctx, []File{before}, 1)
	if err != nil {
		return err
	}
	id, place, home := f.Col("person_id"), f.Col("place"), f.Col("household")
	if id == nil || place == nil || home == nil {
		return nil
	}
	for i := range f.N {
		who, _ := id.Value(i)
		if len(x.merged) > 0 {
			who = personText(x.now(personNumber(who)))
		}
		at, ok := slices.BinarySearchFunc(persons, who, func(q person, who string) int { return compareText(q.id, who) })
		if ok {
			persons[at].place, _ = place.Value(i)
			persons[at].home, _ = home.Value(i)
		}
	}
	return nil
}

// ordinals gives each key of a column its person, noNode when it has none.
func (p *people) ordinals(keys *frame.Column) []uint32 {
	out := make([]uint32, keys.Dict.Len())
	at, last := 0, "" // keys come in order, file by file: the next is not far
	for k := uint32(1); int(k) < keys.Dict.Len(); k++ {
		out[k] = noNode
		key, far := keys.Dict.At(k), 1
		if key < last {
			at = 0
		}
		for at+far < len(p.number) && p.dict.At(p.number[at+far]) < key {
			at, far = at+far, 2*far
		}
		some := p.number[min(at, len(p.number)):min(at+far+1, len(p.number))]
		if i, ok := slices.BinarySearchFunc(some, key, p.compare); ok {
			out[k] = p.of[some[i]]
		}
		last = key
	}
	return out
}

// readSources reads which record is of which source.
func readSources(ctx context.Context, files []File) (keys, source *frame.Column, err error) {
	b := frame.NewBuilder().Only(func(c string) bool { return c == "record_key" || c == "source" })
	for _, f := range files {
		if err := b.AddParquet(ctx, f.Name, f.At, f.Size); err != nil {
			return nil, nil, err
		}
	}
	f := b.Frame()
	if keys = f.Col("record_key"); keys == nil {
		return nil, nil, ark.Faultf(ark.Invalid, "the identifiers have no record_key").At("", 0, "record_key").
			Do("give identifiers.parquet files that intake wrote")
	}
	return keys, f.Col("source"), nil
}

// evidence is what the extension compared.
func (x *extension) evidence(keys, source *frame.Column) evidence {
	of := map[string]uint32{}
	if source != nil {
		for i, k := range keys.IDs {
			of[keys.Dict.At(k)] = source.IDs[i]
		}
	}
	e := evidence{frame: x.frame, found: x.found, key: x.key, decided: map[[2]string]bool{}, source: func(i uint32) string {
		if source == nil {
			return ""
		}
		return source.Dict.At(of[x.key(i)])
	}}
	for _, d := range x.decided {
		e.decided[inOrder(d.L, d.R)] = true
	}
	return e
}

// writeAllLinks writes the links before and the new ones, in order, and counts
// them by status.
func (x *extension) writeAllLinks(ctx context.Context, before File, links []extendLink, p *people, out IndexOutput) (map[string]int, error) {
	f, err := readAll(ctx, []File{before}, 1)
	if err != nil {
		return nil, err
	}
	var cols [8]*frame.Column
	for i, name := range linkColumns() {
		if cols[i] = f.Col(name); cols[i] == nil {
			cols[i] = &frame.Column{Name: name, IDs: make([]uint32, f.N), Dict: frame.NewWords()}
		}
	}
	all := slices.Clip(links)
	for i := range f.N {
		v := func(c int) string { s, _ := cols[c].Value(i); return s }
		l := extendLink{l: v(0), r: v(1), status: v(2), person: v(3), tier: v(4), pattern: v(6), reason: v(7), weight: math.NaN()}
		if len(x.merged) > 0 {
			l.person = personText(x.now(personNumber(l.person)))
		}
		if s := v(5); s != "" {
			if l.weight, err = strconv.ParseFloat(s, 64); err != nil {
				return nil, ark.Faultf(ark.Invalid, "a weight of the earlier evidence is not a number").At(before.Name, int64(i)+1, "weight").Because(err)
			}
		}
		all = append(all, l)
	}
	for _, d := range x.decided {
		q := inOrder(d.L, d.R)
		l := extendLink{l: q[0], r: q[1], status: Refused, tier: TierDecision, reason: "decided: " + d.Reason, weight: math.NaN()}
		if d.Same {
			l.status = Linked
		}
		if i, ok := p.find(l.l); ok {
			l.person = p.ids[p.of[i]]
		}
		if !slices.ContainsFunc(all, func(o extendLink) bool { return o.tier == TierDecision && o.l == l.l && o.r == l.r }) {
			all = append(all, l)
		}
	}
	sortLinks(all)
	counts := map[string]int{}
	for _, l := range all {
		counts[l.status]++
	}
	return counts, writeExtendLinks(out.Links, all)
}

// report is the report before with what the extension added.
func (x *extension) report(in ExtendIndexInput, p *people, links map[string]int) Report {
	rep := in.Report
	rep.ModelVersion = modelVersion
	rep.Deliveries = append([]string(nil), rep.Deliveries...)
	for _, f := range in.Identifiers {
		rep.Deliveries = append(rep.Deliveries, f.Name)
	}
	rep.Rows += len(x.recs.keys.IDs)
	rep.Records, rep.Persons, rep.Identities = len(p.number), len(p.ids), rep.Identities+x.rep.New
	rep.Single, rep.ByTier, rep.Links, rep.Events = 0, map[string]int{}, links, p.Events
	for _, n := range p.size {
		if n == 1 {
			rep.Single++
		}
	}
	for _, k := range p.number {
		rep.ByTier[p.tier[k]]++
	}
	q := x.recs.quality()
	rep.Quality.NoNHSNumber += q.NoNHSNumber
	rep.Quality.NoDateOfBirth += q.NoDateOfBirth
	rep.Quality.NoName += q.NoName
	rep.Quality.NotBelieved += x.found.Scored.Doubted(x.old.len())
	rep.Extended = len(in.State)
	return rep
}

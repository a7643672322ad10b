package worker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/selection"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/linkage"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/work"
	"github.com/ark-tre/ark/policies/disclosure"
)

func (b Bench) linkSteps() []work.Step {
	return []work.Step{
		step("index", func(ctx context.Context, job catalogue.LinkJob, _ none) (any, error) { return b.index(ctx, job) }),
		step("lists", func(ctx context.Context, job catalogue.LinkJob, res catalogue.LinkResult) (any, error) {
			return b.lists(ctx, job, res)
		}),
	}
}

// index links all records and writes the person index.
func (b Bench) index(ctx context.Context, job catalogue.LinkJob) (catalogue.LinkResult, error) {
	res := catalogue.LinkResult{Outputs: map[string]objects.Ref{}}
	key, err := b.Keys.Derive(ctx, PersonsKey, "person ids")
	if err != nil {
		return res, err
	}
	defer key.Wipe()
	// What linkage keeps grows with the region and holds few pointers: looking for
	// garbage often costs little, and saves the half of all memory.
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	in := linkage.IndexInput{Key: key.Reveal()}
	var added []linkage.File
	var closers []func() error
	defer func() {
		for _, c := range closers {
			c()
		}
	}()
	each := &inTurn{open: func(ref objects.Ref) (*objects.File, error) { return b.Objects.OpenAt(ctx, ref) }}
	file := func(name string, ref objects.Ref) (linkage.File, error) {
		f, err := b.Objects.OpenAt(ctx, ref)
		if err != nil {
			return linkage.File{}, err
		}
		closers = append(closers, f.Close)
		return linkage.File{Name: name, At: f, Size: f.Size()}, nil
	}
	for _, d := range job.Inputs {
		f := each.file(d.Source, d.Identifiers)
		in.Identifiers = append(in.Identifiers, f)
		if d.New {
			added = append(added, f)
		}
		if d.Demographics.Name != "" {
			in.Demographics = append(in.Demographics, each.file(d.Source, d.Demographics))
		}
	}
	if job.Previous.Name != "" {
		f, err := file("previous", job.Previous)
		if err != nil {
			return res, err
		}
		in.Previous = &f
	}
	if in.Show, err = shownCounts(job.Profile); err != nil {
		return res, err
	}
	if in.Decisions, err = b.decisions(ctx, job.Decisions); err != nil {
		return res, err
	}
	if job.Base != nil {
		x := linkage.ExtendIndexInput{All: in.Identifiers, Demographics: in.Demographics, Show: in.Show,
			ExtendInput: linkage.ExtendInput{Identifiers: added, Key: in.Key, Decisions: in.Decisions}}
		if x.Index, err = file("index", job.Previous); err != nil {
			return res, err
		}
		if x.Links, err = file("links", job.Base.Links); err != nil {
			return res, err
		}
		if job.Base.Persons.Name != "" {
			if x.Persons, err = file("persons", job.Base.Persons); err != nil {
				return res, err
			}
		}
		for _, ref := range job.Base.States {
			f, err := file("state", ref)
			if err != nil {
				return res, err
			}
			x.State = append(x.State, f)
		}
		if err := json.Unmarshal(job.Base.Report, &x.Report); err != nil {
			return res, err
		}
		err := b.writeIndex(ctx, job.Linkage, &res, func(out linkage.IndexOutput) error {
			_, err := linkage.ExtendIndex(ctx, x, out)
			return err
		})
		if res.Extended = err == nil; !ark.Is(err, ark.Conflict) {
			return res, err
		}
		res = catalogue.LinkResult{Outputs: map[string]objects.Ref{}} // a decision parts people: everything is compared
	}
	err = b.writeIndex(ctx, job.Linkage, &res, func(out linkage.IndexOutput) error {
		_, err := linkage.BuildIndex(ctx, in, out)
		return err
	})
	return res, err
}

// inTurn opens deliveries as they are read, one after the other: a region has
// more of them than may be open at once.
type inTurn struct {
	open func(objects.Ref) (*objects.File, error)
	mu   sync.Mutex
	ref  objects.Ref
	at   *objects.File
}

func (t *inTurn) file(name string, ref objects.Ref) linkage.File {
	return linkage.File{Name: name, At: turn{t, ref}, Size: ref.Size}
}

// turn is one of the deliveries.
type turn struct {
	of  *inTurn
	ref objects.Ref
}

// ReadAt implements io.ReaderAt.
func (t turn) ReadAt(p []byte, off int64) (int, error) {
	at, err := t.of.take(t.ref)
	if err != nil {
		return 0, err
	}
	return at.ReadAt(p, off)
}

func (t *inTurn) take(ref objects.Ref) (*objects.File, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at != nil && t.ref == ref {
		return t.at, nil
	}
	at, err := t.open(ref)
	if err != nil {
		return nil, err
	}
	t.ref, t.at = ref, at // nothing of the one before stays open; others may still be reading what they took
	return at, nil
}

// writeIndex stores what build writes, whole or not at all.
func (b Bench) writeIndex(ctx context.Context, id string, res *catalogue.LinkResult, build func(linkage.IndexOutput) error) error {
	name := func(s string) string { return id + "/" + s }
	writers := map[string]*objects.Writer{}
	for out, object := range map[string]string{"index": "person_index.parquet", "links": "links.parquet", "persons": "persons.parquet"} {
		w := b.Objects.Writer(ctx, objects.Index, name(object), IndexKey)
		defer w.Abort()
		writers[out] = w
	}
	writers["state"] = b.Objects.Writer(ctx, objects.Identifiers, name("state"), IdentifiersKey)
	defer writers["state"].Abort()
	review := func(ps []linkage.ReviewPair) error {
		for i, p := range ps {
			line, err := b.putReview(ctx, name(fmt.Sprintf("review/%04d.json", i+1)), p)
			if err != nil {
				return err
			}
			res.Review = append(res.Review, line)
		}
		return nil
	}
	var report bytes.Buffer
	err := build(linkage.IndexOutput{PersonIndex: writers["index"], Links: writers["links"], Persons: writers["persons"], Report: &report, State: writers["state"], Review: review})
	if err != nil {
		return err
	}
	for out, w := range writers {
		if res.Outputs[out], err = w.Commit(); err != nil {
			return err
		}
	}
	res.Report = report.Bytes()
	return nil
}

// shownCounts rounds counts of people by a disclosure profile; one that does
// not round is helped out with fives.
func shownCounts(name string) (func(int) *int, error) {
	p, err := Profile(cmp.Or(name, "ark"))
	if err != nil {
		return nil, err
	}
	if p.Rounding == nil {
		p.Rounding = &disclosure.Rounding{Base: 5}
	}
	return func(n int) *int {
		s := disclosure.RoundCount(p, int64(n))
		if s.Masked {
			return nil
		}
		v := int(s.Value)
		return &v
	}, nil
}

// decisions finds the records that people decided about.
func (b Bench) decisions(ctx context.Context, all []catalogue.LinkDecision) ([]linkage.Decision, error) {
	var out []linkage.Decision
	for _, d := range all {
		x := linkage.Decision{L: d.L, R: d.R, Same: d.Same, Reason: d.Reason}
		if d.Review.Name != "" {
			var p linkage.ReviewPair
			if err := b.getJSON(ctx, d.Review, &p); err != nil {
				return nil, err
			}
			x.L, x.R = p.L, p.R
		}
		out = append(out, x)
	}
	return out, nil
}

func (b Bench) getJSON(ctx context.Context, ref objects.Ref, into any) error {
	f, err := b.Objects.Open(ctx, ref)
	if err != nil {
		return err
	}
	defer f.Close()
	return json.NewDecoder(f).Decode(into)
}

// putReview stores a pair for reviewers among the identifiers.
func (b Bench) putReview(ctx context.Context, name string, p linkage.ReviewPair) (catalogue.ReviewLine, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return catalogue.ReviewLine{}, err
	}
	ref, err := b.Objects.Put(ctx, objects.Identifiers, name, IdentifiersKey, bytes.NewReader(body))
	if err != nil {
		return catalogue.ReviewLine{}, err
	}
	line := catalogue.ReviewLine{Kind: p.Kind, Ref: ref}
	for _, s := range p.Sources {
		if s != "" {
			line.Sources = append(line.Sources, s)
		}
	}
	return line, nil
}

func (b Bench) rows(ctx context.Context, ref objects.Ref, columns []string, each func([]columnar.Value)) error {
	r, c, err := selection.Objects(b.Objects)(ctx, ref)
	if err != nil {
		return err
	}
	defer c.Close()
	for row, err := range r.Rows(ctx, columns...) {
		if err != nil {
			return err
		}
		each(row)
	}
	return nil
}

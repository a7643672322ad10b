package linkage

import (
	"context"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/engine"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// Options are how a linkage is run. The zero value is the default.
type Options struct {
	Threads   int     // 0: one
	Keep      float64 // probability from which a pair is reported; 0: 0.01
	Accept    float64 // probability from which a pair is a link; 0: DefaultAccept, 0.95 for an index
	Connected bool    // clusters are connected components
}

// The defaults, the same for every data set.
const (
	defaultKeep = 0.01
	// DefaultAccept is the probability from which a pair of files is a link:
	// more likely than not.
	DefaultAccept = 0.5
	// indexAccept is the same for the person index, where a false link shows
	// somebody another person's care.
	indexAccept = 0.95
	// defaultMean is the mean weight between two clusters from which they are
	// taken as one. It is below zero because a person's records that are far
	// apart share little: what counts is that they don't speak against it.
	defaultMean = -2.0
)

// Result is what a linkage found, by row of the frame.
type Result struct {
	Model    *model.Model
	Edges    []engine.Edge
	Clusters []uint32 // per row, the smallest row of its cluster
	Refused  []engine.Refusal
	Scored   *engine.Scored
	Accept   float64 // probability from which a pair was a link

	folded   *folding
	compared []engine.Edge // edges of the folded frame, when there is one
}

// At clusters the pairs again, linking from another weight.
func (r *Result) At(weight float64, o Options) []uint32 {
	edges := r.Edges
	if r.folded != nil {
		edges = r.compared
	}
	labels, _ := r.Scored.Clusters(edges, nil, engine.Clustering{Accept: weight, Mean: defaultMean, Connected: o.Connected, Rival: r.Model.Rival})
	if r.folded != nil {
		labels = r.folded.labels(labels)
	}
	return labels
}

// Reached is the share of the true pairs that blocking brings together, of
// the rows that were compared.
func (r *Result) Reached(truth []uint32) float64 {
	if r.folded != nil {
		kept := make([]uint32, len(r.folded.kept))
		for k, i := range r.folded.kept {
			kept[k] = truth[i]
		}
		truth = kept
	}
	return r.Scored.Reached(truth)
}

// Infer returns the canonical frame of f and the default model for it.
func Infer(f *frame.Frame, mode model.Mode) (*frame.Frame, *model.Model, error) {
	if slices.ContainsFunc(f.Cols, func(c *frame.Column) bool { return model.IsEncoded(c.Name) }) {
		m := model.Encoded(func(column string) bool { return f.Col(column) != nil })
		m.Mode = mode
		if len(m.Comparisons) == 0 || len(m.Rules) == 0 {
			return nil, nil, ark.Faultf(ark.Invalid, "the keyed encodings are too few to link by").Do("encode names, dates of birth or numbers with ark link encode")
		}
		return f, m, nil
	}
	c := canonical(f)
	m := model.Default(func(r model.Role) bool { return c.Col(string(r)) != nil })
	m.Mode = mode
	if len(m.Comparisons) == 0 || len(m.Rules) == 0 {
		return nil, nil, ark.Faultf(ark.Invalid, "no columns were found that say who a person is").
			Do("name columns as in docs/linkage-spec.md (given_name, family_name, date_of_birth, postcode …), or give a spec")
	}
	return c, m, nil
}

// Run links the rows of f by m.
func Run(ctx context.Context, f *frame.Frame, m *model.Model, o Options) (*Result, error) {
	if o.Keep == 0 {
		o.Keep = defaultKeep
	}
	if o.Accept == 0 {
		o.Accept = DefaultAccept
	}
	folded, err := fold(f, m)
	if err != nil {
		return nil, err
	}
	if folded != nil {
		f = folded.frame
	}
	plan, err := engine.Compile(m, f, o.Threads)
	if err != nil {
		return nil, err
	}
	scored, err := plan.Estimate(ctx)
	if err != nil {
		return nil, err
	}
	edges, err := scored.Pairs(ctx, engine.Weight(o.Keep))
	if err != nil {
		return nil, err
	}
	labels, refused := scored.Clusters(edges, nil, engine.Clustering{
		Accept: engine.Weight(o.Accept), Mean: defaultMean, Connected: o.Connected, Rival: m.Rival})
	if m.Complete {
		edges = scored.Complete(slices.Clip(edges), labels, engine.Weight(o.Keep)) // at the end: refusals name edges by position
	}
	r := &Result{Model: m, Edges: edges, Clusters: labels, Refused: refused, Scored: scored, Accept: o.Accept, folded: folded}
	if folded != nil {
		r.Edges, r.Clusters = folded.edges(slices.Clone(edges)), folded.labels(labels)
		r.compared = edges
	}
	return r, nil
}

package files

import (
	"context"
	"fmt"
	"io"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage"
	"github.com/ark-tre/ark/pkg/linkage/engine"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// Evaluation is how good a linkage is against a truth.
type Evaluation struct {
	Truth     float64 `json:"true_pairs"`
	Reached   float64 `json:"blocking_recall"`
	Threshold float64 `json:"threshold"` // probability
	At        Scores  `json:"at_threshold"`
	Best      float64 `json:"best_weight"`
	BestAt    Scores  `json:"at_best"`
}

// Scores are the measures at one threshold.
type Scores struct {
	Pairs    linkage.Measure `json:"pairs"`
	Clusters linkage.Measure `json:"clusters"`
	BCubed   linkage.Measure `json:"b_cubed"`
}

// Evaluate links and measures the answer against the column that holds the
// truth. Rows without a truth count for nothing.
func Evaluate(ctx context.Context, q Request, column string) (*Evaluation, *Done, error) {
	q.Truth = column
	d, err := Link(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	c := d.Frame.Col(column)
	if c == nil {
		return nil, nil, ark.Faultf(ark.Invalid, "the inputs have no such column").At("", 0, column).Do("give the column that names the true person with --truth")
	}
	truth := c.IDs
	var across []uint16
	if d.Result.Model.Mode == model.Link {
		across = d.Frame.Source
	}
	e := &Evaluation{Truth: linkage.PairTruth(truth, across), Threshold: d.Result.Accept}
	e.Reached = d.Result.Reached(truth)
	at := engine.Weight(e.Threshold)
	e.At.Pairs = linkage.EvaluatePairs(d.Result.Edges, truth, e.Truth, at)
	e.At.Clusters, e.At.BCubed = linkage.EvaluateClusters(d.Result.Clusters, truth, across)
	e.Best, e.BestAt.Pairs = linkage.BestPairs(d.Result.Edges, truth, e.Truth)
	best := -1.0
	for _, w := range []float64{at, e.Best, at + 2, at + 4, at + 7, at + 10, at - 2, at - 4} {
		labels := d.Result.At(w, q.Options)
		p, b := linkage.EvaluateClusters(labels, truth, across)
		if p.F1 > best {
			best, e.BestAt.Clusters, e.BestAt.BCubed = p.F1, p, b
		}
	}
	return e, d, nil
}

// Print writes the evaluation as a table.
func (e *Evaluation) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "true pairs %.0f, reached by blocking %.4f\n%-28s %9s %9s %9s\n", e.Truth, e.Reached, "", "precision", "recall", "F1")
	line := func(name string, m linkage.Measure) {
		if err == nil {
			_, err = fmt.Fprintf(w, "%-28s %9.4f %9.4f %9.4f\n", name, m.Precision, m.Recall, m.F1)
		}
	}
	line(fmt.Sprintf("pairs at %.4g", e.Threshold), e.At.Pairs)
	line(fmt.Sprintf("clusters at %.4g", e.Threshold), e.At.Clusters)
	line(fmt.Sprintf("B-cubed at %.4g", e.Threshold), e.At.BCubed)
	line(fmt.Sprintf("pairs at best (%.2f bits)", e.Best), e.BestAt.Pairs)
	line("clusters at best", e.BestAt.Clusters)
	line("B-cubed at best", e.BestAt.BCubed)
	return err
}

package rows

import (
	"context"
	"iter"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// Of are the numbers of each row of a table: whole ones, others, and days since
// 1970. The slice is used again. A table with fewer numbers than a record has
// gives none.
func Of(ctx context.Context, r *columnar.Reader) iter.Seq2[[]float64, error] {
	var names []string
	for _, c := range r.Schema() {
		if c.Type == cell.Int64 || c.Type == cell.Float64 || c.Type == cell.Date {
			names = append(names, c.Name)
		}
	}
	if len(names) < leastRun {
		return func(func([]float64, error) bool) {}
	}
	return func(yield func([]float64, error) bool) {
		var out []float64
		for row, err := range r.Rows(ctx, names...) {
			out = out[:0]
			for _, v := range row {
				switch {
				case v.IsNull():
				case v.Type() == cell.Int64:
					out = append(out, float64(v.Int()))
				case v.Type() == cell.Float64:
					out = append(out, v.Float())
				default:
					out = append(out, float64(v.Time().Unix()/86400))
				}
			}
			if !yield(out, err) || err != nil {
				return
			}
		}
	}
}

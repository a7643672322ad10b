package differencing

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock/suppress/highs"
)

// Bounds of one search: beyond them what was found without it stands, and
// the report says that it was cut short. Work is what is solved, in rows times
// atoms; it is counted, so that the same releases always get equally far.
const (
	maxSearchRows  = 300
	maxSearchAtoms = 1500
	maxSearchWork  = 1_000_000
)

// column is small atoms that every combination counts alike.
type column struct {
	people float64
	w      []float64 // per combination
}

// search looks through all that can be made of the combinations about small
// atoms, and of one more if given, for one that weighs less than the
// threshold. It is a linear programme for each new figure in turn, the lightest
// combination with that figure once, and for each atom, the lightest that
// counts the atom once.
func (x *joint) search(ctx context.Context, more *reduced) error {
	rows := x.nulls
	if more != nil {
		rows = append(append([]*reduced{}, rows...), more)
	}
	cols := x.columns(rows)
	k, m := len(rows), len(cols)
	if k > maxSearchRows || m > maxSearchAtoms {
		x.rep.Cut = true
		return nil
	}
	s, err := x.h.solver(ctx)
	if err != nil {
		return err
	}
	var news []*entry
	for _, e := range x.entries {
		if e.fresh && slices.ContainsFunc(rows, func(r *reduced) bool { return r.part[e] != 0 }) {
			news = append(news, e)
		}
	}
	// z: how often each combination; c: how often each atom; s: without sign;
	// last, how often each new figure.
	inf := math.Inf(1)
	p := highs.Problem{Start: []int32{0}}
	for range k {
		p.Cost, p.ColLo, p.ColHi = append(p.Cost, 0), append(p.ColLo, -inf), append(p.ColHi, inf)
	}
	for range m {
		p.Cost, p.ColLo, p.ColHi = append(p.Cost, 0), append(p.ColLo, -inf), append(p.ColHi, inf)
	}
	for _, c := range cols {
		p.Cost, p.ColLo, p.ColHi = append(p.Cost, c.people), append(p.ColLo, 0), append(p.ColHi, inf)
	}
	for range news {
		p.Cost, p.ColLo, p.ColHi = append(p.Cost, 0), append(p.ColLo, -inf), append(p.ColHi, inf)
	}
	add := func(lo, hi float64) {
		p.RowLo, p.RowHi, p.Start = append(p.RowLo, lo), append(p.RowHi, hi), append(p.Start, int32(len(p.Index)))
	}
	put := func(col int, v float64) { p.Index, p.Value = append(p.Index, int32(col)), append(p.Value, v) }
	for i, c := range cols {
		put(k+i, -1)
		for j, w := range c.w {
			if w != 0 {
				put(j, w)
			}
		}
		add(0, 0)
		put(k+m+i, 1)
		put(k+i, 1)
		add(0, inf)
		put(k+m+i, 1)
		put(k+i, -1)
		add(0, inf)
	}
	for i, e := range news {
		put(k+2*m+i, -1)
		for j, r := range rows {
			if y := r.part[e]; y != 0 {
				put(j, y)
			}
		}
		add(0, 0)
	}
	model, err := s.Load(p)
	if err != nil {
		return x.h.spoiled(err)
	}
	defer model.Close()
	var once []int
	for i := range news {
		once = append(once, k+2*m+i)
	}
	for i := range cols {
		once = append(once, k+i)
	}
	for n, i := range once {
		if err := ctx.Err(); err != nil {
			return err
		}
		if n*k*m > maxSearchWork {
			x.rep.Cut = true
			return nil
		}
		p.ColLo[i], p.ColHi[i] = 1, 1
		err := model.SetBounds(p.ColLo, p.ColHi)
		p.ColLo[i], p.ColHi[i] = -inf, inf
		if err != nil {
			return x.h.spoiled(err)
		}
		sol, err := model.Solve()
		if err != nil {
			return x.h.spoiled(err)
		}
		if sol.Status != highs.Optimal || i < k+2*m && sol.Objective > float64(x.least)-1e-6 {
			continue
		}
		got := part{}
		for j, r := range rows {
			for e, y := range r.part {
				if got[e] += sol.X[j] * y; math.Abs(got[e]) < tiny {
					delete(got, e)
				}
			}
		}
		if before := len(x.rep.Conflicts); len(got) > 0 {
			if x.judge(x.vector(got), got); len(x.rep.Conflicts) > before {
				return nil
			}
		}
	}
	return nil
}

// columns joins the small atoms that all combinations count alike.
func (x *joint) columns(rows []*reduced) []column {
	vecs := make([]map[int32]float64, len(rows))
	all := map[int32]bool{}
	for j, r := range rows {
		vecs[j] = x.vector(r.part)
		for a := range vecs[j] {
			all[a] = true
		}
	}
	at := map[string]int{}
	var out []column
	for a := range x.atoms {
		if !all[int32(a)] {
			continue
		}
		w := make([]float64, len(rows))
		var key strings.Builder
		for j := range rows {
			if w[j] = vecs[j][int32(a)]; w[j] != 0 {
				fmt.Fprintf(&key, "%d:%d ", j, int64(math.Round(w[j]*1e6)))
			}
		}
		i, ok := at[key.String()]
		if !ok {
			i = len(out)
			at[key.String()] = i
			out = append(out, column{w: w})
		}
		out[i].people += float64(x.atoms[a].people)
	}
	return out
}

// solver starts the linear programming solver when it is first needed.
func (h *History) solver(ctx context.Context) (*highs.Solver, error) {
	if h.lp == nil {
		s, err := highs.New(context.WithoutCancel(ctx), highs.Options{CacheDir: h.SolverCache})
		if err != nil {
			return nil, err
		}
		h.lp = s
	}
	return h.lp, nil
}

// spoiled drops a solver that failed.
func (h *History) spoiled(err error) error {
	h.Close()
	return err
}

// Close lets go of the solver, if it was needed.
func (h *History) Close() {
	if h.lp != nil {
		_ = h.lp.Close()
		h.lp = nil
	}
}

package protect

import (
	"context"
	"math"
	"math/big"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/suppress/highs"
	"github.com/ark-tre/ark/pkg/ark"
)

// Control implements disclosure.Controller: every count becomes one of the two
// multiples of the base beside it, a multiple stays, so that all equations still
// hold and the counts change as little as can be. Where the tables don't allow
// that, counts may go one multiple further.
func (a *Attacker) Control(ctx context.Context, values []int64, eqs []disclosure.SystemEquation, base int64) ([]int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.solver == nil {
		s, err := a.start(ctx)
		if err != nil {
			return nil, err
		}
		a.solver = s
	}
	for _, more := range []int64{0, 1} {
		out, err := a.control(values, eqs, base, more)
		if err != nil || out != nil {
			return out, err
		}
	}
	return nil, ark.Faultf(ark.Invalid, "no controlled rounding of this table exists").Do("round it conventionally, or leave totals out")
}

// control looks for the multiples; nil if there are none. x is how many
// multiples above the one below the value; its cost is the change, which is
// convex: one variable for the step up, one each for going further.
func (a *Attacker) control(values []int64, eqs []disclosure.SystemEquation, base, more int64) ([]int64, error) {
	q := highs.Problem{Start: []int32{0}, Integer: true}
	at := make([][]int32, len(values)) // the variables of a count
	signs := make([][]float64, len(values))
	low := make([]int64, len(values))
	add := func(i int, sign, cost float64) {
		at[i], signs[i] = append(at[i], int32(len(q.Cost))), append(signs[i], sign)
		q.Cost, q.ColLo, q.ColHi = append(q.Cost, cost), append(q.ColLo, 0), append(q.ColHi, 1)
	}
	for i, v := range values {
		low[i] = v / base
		if rest := v % base; rest != 0 {
			add(i, 1, float64(base-2*rest)) // up costs what is gained less what is lost
		}
		if more > 0 {
			add(i, 1, float64(10*base))
			if low[i] > 0 {
				add(i, -1, float64(10*base))
			}
		}
	}
	for _, e := range eqs {
		rhs := low[e.Total]
		put := func(i int, sign float64) {
			for k, v := range at[i] {
				q.Index, q.Value = append(q.Index, v), append(q.Value, sign*signs[i][k])
			}
		}
		put(e.Total, -1)
		for _, p := range e.Parts {
			rhs -= low[p]
			put(p, 1)
		}
		q.RowLo, q.RowHi = append(q.RowLo, float64(rhs)), append(q.RowHi, float64(rhs))
		q.Start = append(q.Start, int32(len(q.Index)))
	}
	out := make([]int64, len(values))
	for i := range out {
		out[i] = low[i] * base
	}
	if len(q.Cost) > 0 {
		m, err := a.solver.Load(q)
		if err != nil {
			return nil, err
		}
		defer m.Close()
		if err := m.SetInt("mip_max_nodes", 20_000); err != nil {
			return nil, err
		}
		sol, err := m.Solve()
		if err != nil {
			return nil, err
		}
		if !sol.HasX {
			return nil, nil
		}
		for i := range out {
			for k, v := range at[i] {
				out[i] += int64(math.Round(sol.X[v]*signs[i][k])) * base
			}
		}
	}
	// The solver is not believed.
	for _, e := range eqs {
		left := new(big.Int).SetInt64(out[e.Total])
		for _, p := range e.Parts {
			left.Sub(left, big.NewInt(out[p]))
		}
		if left.Sign() != 0 {
			return nil, nil
		}
	}
	for i, v := range values {
		if out[i] < 0 || out[i] > v+base*(1+more) || out[i] < v-base*(1+more) {
			return nil, nil
		}
	}
	return out, nil
}

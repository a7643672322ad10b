package rederive

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// fitted is a model as computed again.
type fitted struct {
	coef, se []float64
	dof      int
	r2       float64   // of a linear model
	leverage []float64 // per record; of a Cox model, its share of the information
	move     []float64 // per record: the most that leaving it out moves a coefficient, in its standard errors
}

// Tolerances beyond the printed digits, of coefficients and of their standard
// errors: tools end a fit when it hardly moves, not when it is exact (R's glm
// prints 1.436 for mtcars' am ~ wt, where the limit is 1.43653).
const (
	fitTolerance   = 2e-5
	errorTolerance = 3e-4
)

// fit computes the model again.
func (s Spec) fit(d *design, efron bool) (*fitted, error) {
	n, k := len(d.x), len(d.names)
	if n <= k {
		return nil, bad("the model has no more records than columns")
	}
	if s.Kind == "cox" {
		return d.cox(efron)
	}
	return d.weighted(s.Kind)
}

// weighted fits linear, logistic and Poisson models by weighted least squares,
// repeated for the last two.
func (d *design) weighted(kind string) (*fitted, error) {
	n, k := len(d.x), len(d.names)
	beta := make([]float64, k)
	w, z, eta := make([]float64, n), make([]float64, n), make([]float64, n)
	rounds := 1
	if kind != "linear" {
		rounds = 100
	}
	var inverse mat.SymDense
	for round := range rounds {
		for i, row := range d.x {
			eta[i] = dot(row, beta)
			switch kind {
			case "linear":
				w[i], z[i] = 1, d.y[i]
			case "logistic":
				p := 1 / (1 + math.Exp(-eta[i]))
				w[i] = max(p*(1-p), 1e-12)
				z[i] = eta[i] + (d.y[i]-p)/w[i]
			case "poisson":
				mu := eta[i]
				if round == 0 {
					mu = math.Log(d.y[i] + 0.5)
					eta[i] = mu
				}
				mu = math.Exp(min(mu, 500))
				w[i] = max(mu, 1e-12)
				z[i] = eta[i] + (d.y[i]-mu)/w[i]
			}
			w[i] *= d.weight[i]
		}
		next, err := solve(d.x, w, z, &inverse)
		if err != nil || !finite(next) {
			return nil, bad("the model can't be fitted: its columns depend on each other, or tell the outcome outright")
		}
		moved := 0.0
		for j := range next {
			moved = max(moved, math.Abs(next[j]-beta[j])/(1+math.Abs(next[j])))
		}
		if beta = next; moved < 1e-10 {
			break
		}
	}
	f := &fitted{coef: beta, dof: n - k}
	residual, total, mean, scale := 0.0, 0.0, 0.0, 1.0
	weight := 0.0
	for i, y := range d.y {
		weight += d.weight[i]
		mean += (y - mean) * d.weight[i] / weight
	}
	for i, row := range d.x {
		e := d.y[i] - dot(row, beta)
		residual += d.weight[i] * e * e
		total += d.weight[i] * (d.y[i] - mean) * (d.y[i] - mean)
	}
	if kind == "linear" {
		scale = residual / float64(n-k)
		if total > 0 {
			f.r2 = 1 - residual/total
		}
	}
	for j := range k {
		f.se = append(f.se, math.Sqrt(scale*inverse.At(j, j)))
	}
	step := mat.NewVecDense(k, nil)
	for i, row := range d.x {
		step.MulVec(&inverse, mat.NewVecDense(k, row))
		h := min(w[i]*dot(row, step.RawVector().Data), 1)
		f.leverage = append(f.leverage, h)
		e := w[i] * (z[i] - dot(row, beta)) / max(1-h, 1e-9)
		most := 0.0
		for j := range k {
			if f.se[j] > 0 {
				most = max(most, math.Abs(step.AtVec(j)*e)/f.se[j])
			}
		}
		f.move = append(f.move, most)
	}
	return f, nil
}

func dot(a, b []float64) float64 {
	s := 0.0
	for i, x := range a {
		s += x * b[i]
	}
	return s
}

// solve solves the weighted normal equations and leaves their inverse.
func solve(x [][]float64, w, z []float64, inverse *mat.SymDense) ([]float64, error) {
	k := len(x[0])
	a, b := mat.NewSymDense(k, nil), mat.NewVecDense(k, nil)
	raw := a.RawSymmetric()
	for i, row := range x {
		for p, xp := range row {
			if xp == 0 {
				continue
			}
			wx := w[i] * xp
			b.SetVec(p, b.AtVec(p)+wx*z[i])
			for q := p; q < k; q++ {
				raw.Data[p*raw.Stride+q] += wx * row[q]
			}
		}
	}
	return chol(a, b, inverse)
}

func chol(a *mat.SymDense, b *mat.VecDense, inverse *mat.SymDense) ([]float64, error) {
	var c mat.Cholesky
	if !c.Factorize(a) || c.Cond() > 1e14 {
		return nil, bad("the model can't be fitted")
	}
	var out mat.VecDense
	if err := c.SolveVecTo(&out, b); err != nil {
		return nil, err
	}
	inverse.Reset()
	if err := c.InverseTo(inverse); err != nil {
		return nil, err
	}
	return slices.Clone(out.RawVector().Data), nil
}

// cox fits a proportional hazards model by Newton's method, ties as Efron or
// Breslow treat them.
func (d *design) cox(efron bool) (*fitted, error) {
	n, k := len(d.x), len(d.names)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { // the longest first
		switch {
		case d.time[a] > d.time[b]:
			return -1
		case d.time[a] < d.time[b]:
			return 1
		}
		return 0
	})
	beta := make([]float64, k)
	var inverse mat.SymDense
	events := 0
	for range 60 {
		gradient, info := mat.NewVecDense(k, nil), mat.NewSymDense(k, nil)
		s0, s1, s2 := 0.0, make([]float64, k), make([]float64, k*k)
		events = 0
		for at := 0; at < n; {
			end := at
			t0, t1, t2, dead := 0.0, make([]float64, k), make([]float64, k*k), 0
			for ; end < n && d.time[order[end]] == d.time[order[at]]; end++ {
				i := order[end]
				r := math.Exp(dot(d.x[i], beta))
				add(&s0, s1, s2, d.x[i], r)
				if d.y[i] != 0 {
					add(&t0, t1, t2, d.x[i], r)
					dead++
					for j, x := range d.x[i] {
						gradient.SetVec(j, gradient.AtVec(j)+x)
					}
				}
			}
			for e := range dead {
				share := 0.0
				if efron {
					share = float64(e) / float64(dead)
				}
				b0 := s0 - share*t0
				for p := range k {
					m := (s1[p] - share*t1[p]) / b0
					gradient.SetVec(p, gradient.AtVec(p)-m)
					for q := p; q < k; q++ {
						info.SetSym(p, q, info.At(p, q)+(s2[p*k+q]-share*t2[p*k+q])/b0-m*(s1[q]-share*t1[q])/b0)
					}
				}
			}
			events += dead
			at = end
		}
		step, err := chol(info, gradient, &inverse)
		if err != nil || !finite(step) {
			return nil, bad("the model can't be fitted: its columns depend on each other, or tell the outcome outright")
		}
		moved := 0.0
		for j := range beta {
			beta[j] += step[j]
			moved = max(moved, math.Abs(step[j])/(1+math.Abs(beta[j])))
		}
		if moved < 1e-10 {
			break
		}
	}
	f := &fitted{coef: beta, dof: events - k}
	for j := range k {
		f.se = append(f.se, math.Sqrt(inverse.At(j, j)))
	}
	return f, nil
}

func add(s0 *float64, s1, s2 []float64, x []float64, r float64) {
	k := len(x)
	*s0 += r
	for p, xp := range x {
		s1[p] += r * xp
		for q := p; q < k; q++ {
			s2[p*k+q] += r * xp * x[q]
		}
	}
}

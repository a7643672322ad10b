package disclosure

import (
	"math"
	"slices"
	"sort"
	"strings"

	typed "github.com/ark-tre/ark/pkg/columnar/cell"
)

// design is the matrix of a regression with its outcome.
type design struct {
	names []string    // of the columns; the first is the intercept
	x     [][]float64 // by record
	y     []float64
	rows  []int // records of the microdata
}

// newDesign lays out a regression: numbers as they are, other columns as an
// indicator for each value but the first, a:b as products.
func newDesign(f *Frame, s Spec, keep []int) (*design, error) {
	d := &design{names: []string{"Intercept"}}
	type part struct {
		name string
		of   func(i int) float64
	}
	columns := func(name string) ([]part, error) {
		c := f.at(name)
		if c < 0 {
			return nil, badSpec("the microdata has no column %q", name)
		}
		if t := f.types[name]; t == typed.Int64 || t == typed.Float64 {
			return []part{{name, func(i int) float64 { return f.rows[i][c].Float() }}}, nil
		}
		var out []part
		for k, l := range f.labels(c, keep) {
			if k > 0 {
				out = append(out, part{name + "[" + l + "]", func(i int) float64 {
					if f.rows[i][c].Text() == l {
						return 1
					}
					return 0
				}})
			}
		}
		return out, nil
	}
	need := []int{}
	if c := f.at(s.Outcome); c >= 0 && (f.types[s.Outcome] == typed.Int64 || f.types[s.Outcome] == typed.Float64) {
		need = append(need, c)
	} else {
		return nil, badSpec("the outcome %q is no column of numbers", s.Outcome)
	}
	for _, p := range s.Predictors {
		for _, name := range strings.Split(p, ":") {
			if c := f.at(name); c >= 0 {
				need = append(need, c)
			}
		}
	}
	keep = slices.DeleteFunc(slices.Clone(keep), func(i int) bool {
		return slices.ContainsFunc(need, func(c int) bool { return f.rows[i][c].IsNull() })
	})
	var parts []part
	for _, p := range s.Predictors {
		terms := []part{{"", func(int) float64 { return 1 }}}
		for _, name := range strings.Split(p, ":") {
			cs, err := columns(name)
			if err != nil {
				return nil, err
			}
			var next []part
			for _, a := range terms {
				for _, b := range cs {
					next = append(next, part{strings.TrimPrefix(a.name+":"+b.name, ":"), func(i int) float64 { return a.of(i) * b.of(i) }})
				}
			}
			terms = next
		}
		parts = append(parts, terms...)
	}
	if len(parts) > 500 {
		return nil, badSpec("the model has more than 500 columns")
	}
	for _, p := range parts {
		d.names = append(d.names, p.name)
	}
	out := f.at(s.Outcome)
	for _, i := range keep {
		row := make([]float64, 1, len(d.names))
		row[0] = 1
		for _, p := range parts {
			row = append(row, p.of(i))
		}
		d.x, d.y, d.rows = append(d.x, row), append(d.y, f.rows[i][out].Float()), append(d.rows, i)
	}
	return d, nil
}

// fit is a regression computed anew.
type fit struct {
	coef     []float64
	rank     int
	r2       float64 // R², or McFadden's pseudo R² of a logistic model
	leverage []float64
	settled  bool // a logistic model: the iterations came to rest
}

// ols fits by least squares on an orthonormal basis (modified Gram–Schmidt,
// twice); columns that add nothing get no coefficient.
func (d *design) ols(weights, y []float64) fit {
	n, p := len(d.x), len(d.names)
	q, r := make([][]float64, p), make([][]float64, p)
	used := make([]bool, p)
	w := func(i int) float64 {
		if weights == nil {
			return 1
		}
		return math.Sqrt(weights[i])
	}
	for j := range p {
		v := make([]float64, n)
		size := 0.0
		for i := range n {
			v[i] = d.x[i][j] * w(i)
			size += v[i] * v[i]
		}
		r[j] = make([]float64, p)
		for range 2 {
			for k := range j {
				if used[k] {
					dot := 0.0
					for i := range n {
						dot += q[k][i] * v[i]
					}
					r[j][k] += dot
					for i := range n {
						v[i] -= dot * q[k][i]
					}
				}
			}
		}
		left := 0.0
		for i := range n {
			left += v[i] * v[i]
		}
		if left > 1e-16*size && left > 0 {
			used[j], r[j][j] = true, math.Sqrt(left)
			for i := range n {
				v[i] /= r[j][j]
			}
			q[j] = v
		}
	}
	f := fit{coef: make([]float64, p), leverage: make([]float64, n)}
	qy := make([]float64, p)
	for j := range p {
		if !used[j] {
			continue
		}
		f.rank++
		for i := range n {
			qy[j] += q[j][i] * y[i] * w(i)
			f.leverage[i] += q[j][i] * q[j][i]
		}
	}
	for j := p - 1; j >= 0; j-- {
		if !used[j] {
			f.coef[j] = math.NaN()
			continue
		}
		s := qy[j]
		for k := j + 1; k < p; k++ {
			if used[k] {
				s -= r[k][j] * f.coef[k]
			}
		}
		f.coef[j] = s / r[j][j]
	}
	mean, total, res := 0.0, 0.0, 0.0
	for i := range n {
		mean += y[i] / float64(n)
	}
	for i := range n {
		fitted := 0.0
		for j := range p {
			if used[j] {
				fitted += d.x[i][j] * f.coef[j]
			}
		}
		total += (y[i] - mean) * (y[i] - mean)
		res += (y[i] - fitted) * (y[i] - fitted)
	}
	if total > 0 {
		f.r2 = 1 - res/total
	}
	return f
}

// logit fits a logistic model by reweighted least squares.
func (d *design) logit() fit {
	n, p := len(d.x), len(d.names)
	beta := make([]float64, p)
	var f fit
	loss := func(b []float64) float64 {
		l := 0.0
		for i := range n {
			eta := 0.0
			for j := range p {
				if !math.IsNaN(b[j]) {
					eta += d.x[i][j] * b[j]
				}
			}
			l += d.y[i]*eta - math.Max(eta, 0) - math.Log1p(math.Exp(-math.Abs(eta)))
		}
		return l
	}
	settled := false
	for range 60 {
		w, z := make([]float64, n), make([]float64, n)
		for i := range n {
			eta := 0.0
			for j := range p {
				if !math.IsNaN(beta[j]) {
					eta += d.x[i][j] * beta[j]
				}
			}
			mu := 1 / (1 + math.Exp(-eta))
			w[i] = math.Max(mu*(1-mu), 1e-10)
			z[i] = eta + (d.y[i]-mu)/w[i]
		}
		f = d.ols(w, z)
		change := 0.0
		for j := range p {
			if !math.IsNaN(f.coef[j]) {
				change = math.Max(change, math.Abs(f.coef[j]-beta[j])/(1+math.Abs(beta[j])))
			}
		}
		beta = slices.Clone(f.coef)
		if change < 1e-10 {
			settled = true
			break
		}
	}
	mean := 0.0
	for i := range n {
		mean += d.y[i] / float64(n)
	}
	null := 0.0
	if mean > 0 && mean < 1 {
		null = float64(n) * (mean*math.Log(mean) + (1-mean)*math.Log(1-mean))
	}
	f.settled = settled
	if null != 0 {
		f.r2 = 1 - loss(f.coef)/null
	} else {
		f.r2 = 1
	}
	return f
}

// groups counts the records of each distinct row of the design.
func (d *design) groups() []int {
	keys := make([]string, len(d.x))
	for i, row := range d.x {
		var b strings.Builder
		for _, v := range row {
			b.WriteString(number(v))
			b.WriteByte(0x1f)
		}
		keys[i] = b.String()
	}
	sort.Strings(keys)
	var out []int
	for i, k := range keys {
		if i == 0 || k != keys[i-1] {
			out = append(out, 0)
		}
		out[len(out)-1]++
	}
	return out
}

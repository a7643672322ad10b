package disclosure

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	typed "github.com/ark-tre/ark/pkg/columnar/cell"
)

// checkOther judges an output that is no cross-tabulation, computed anew from
// the microdata and, when f has bytes, compared with them.
func checkOther(ctx context.Context, c *otherCheck, f *File) ([]Finding, error) {
	if f != nil {
		c.file = f.Name
	}
	switch c.m.Spec.Kind {
	case KindRegression:
		return checkRegression(ctx, c.p, c.m, f)
	case KindSurvival:
		err := c.survival(ctx, f)
		return c.out, err
	default:
		err := c.histogram(ctx, f)
		return c.out, err
	}
}

// number reads a column that must hold numbers.
func (c *otherCheck) number(name string) (int, error) {
	at := c.m.Frame.at(name)
	if at < 0 {
		return 0, badSpec("the microdata has no column %q", name)
	}
	if t := c.m.Frame.types[name]; t != typed.Int64 && t != typed.Float64 {
		return 0, badSpec("the column %q holds no numbers", name)
	}
	return at, nil
}

// step is one time of a survival curve.
type step struct {
	time     float64
	risk     int64 // units at risk just before
	events   int64
	censored int64
	survival float64 // after the events
}

// grouped is the records of each curve: one per group of Rows.
func (c *otherCheck) grouped() (groups map[string][]int, order []string, at, event int, by []int, err error) {
	s := c.m.Spec
	keep, err := c.m.Frame.filtered(s.Filter)
	if err != nil {
		return
	}
	if at, err = c.number(s.Time); err != nil {
		return
	}
	if event, err = c.number(s.Event); err != nil {
		return
	}
	for _, r := range s.Rows {
		k := c.m.Frame.at(r)
		if k < 0 {
			err = badSpec("the microdata has no column %q", r)
			return
		}
		by = append(by, k)
	}
	groups = map[string][]int{}
	for _, i := range keep {
		row := c.m.Frame.rows[i]
		if row[at].IsNull() || row[event].IsNull() || slices.ContainsFunc(by, func(k int) bool { return row[k].IsNull() }) {
			continue
		}
		if e := row[event].Float(); e != 0 && e != 1 {
			err = badSpec("the event must be 0 or 1")
			return
		}
		var key []string
		for _, k := range by {
			key = append(key, row[k].Text())
		}
		g := strings.Join(key, "\x1f")
		if groups[g] == nil {
			order = append(order, g)
		}
		groups[g] = append(groups[g], i)
	}
	slices.Sort(order)
	return
}

// survival recomputes Kaplan–Meier curves, one per group of Rows.
func (c *otherCheck) survival(ctx context.Context, f *File) error {
	s := c.m.Spec
	groups, order, at, event, by, err := c.grouped()
	if err != nil {
		return err
	}
	v, err := c.table(ctx, f)
	if err != nil {
		return err
	}
	for _, g := range order {
		steps := c.curve(groups[g], at, event)
		times := c.printedTimes(v, by, g, s, steps)
		c.judgeCurve(g, steps, times, v != nil)
	}
	return nil
}

// curve is the steps of one curve.
func (c *otherCheck) curve(records []int, at, event int) []step {
	recs := slices.Clone(records)
	f := c.m.Frame
	slices.SortStableFunc(recs, func(a, b int) int { return cmp.Compare(f.rows[a][at].Float(), f.rows[b][at].Float()) })
	var out []step
	risk, s := int64(len(recs)), 1.0
	for i := 0; i < len(recs); {
		x := step{time: f.rows[recs[i]][at].Float(), risk: risk}
		for ; i < len(recs) && f.rows[recs[i]][at].Float() == x.time; i++ {
			if f.rows[recs[i]][event].Float() == 1 {
				x.events++
			} else {
				x.censored++
			}
		}
		s *= 1 - float64(x.events)/float64(x.risk)
		x.survival = s
		risk -= x.events + x.censored
		out = append(out, x)
	}
	return out
}

// printedTimes finds the times a table prints of a curve and compares its
// figures there.
func (c *otherCheck) printedTimes(v *view, by []int, g string, s Spec, steps []step) []float64 {
	if v == nil {
		return nil
	}
	col := func(names ...string) int {
		return slices.IndexFunc(v.cols, func(x column) bool { return anyWord(words(x.name()), names...) && len(x.path) > 0 })
	}
	timeAt := slices.IndexFunc(v.cols, func(x column) bool { return strings.EqualFold(x.name(), s.Time) })
	if timeAt < 0 {
		timeAt = col("time", "timeline", "day", "days", "months", "years", "month", "year", "week", "weeks", "t")
	}
	survAt, riskAt := col("survival", "surv", "km"), col("risk")
	if timeAt < 0 || survAt < 0 {
		c.add("table-incomplete", SevReview, "the table has no columns for the time and the survival", "head them as time and survival")
		return nil
	}
	var want []string
	if g != "" {
		want = strings.Split(g, "\x1f")
	}
	rounded := c.p.Rounding != nil && riskAt >= 0
	for r := range v.t.rows {
		if n, ok := v.whole(r, riskAt); rounded && ok {
			rounded = c.p.Rounding.Rounded(n)
		}
	}
	var times []float64
	for r, row := range v.t.rows {
		mine := true
		for i := range by {
			k := slices.IndexFunc(v.cols, func(x column) bool { return strings.EqualFold(x.name(), s.Rows[i]) })
			mine = mine && k >= 0 && row.cells[k].raw == want[i]
		}
		t := row.cells[timeAt]
		if !mine || t.kind != cellNumber {
			continue
		}
		times = append(times, t.values[0].f)
		true1, risk := 1.0, int64(0)
		for _, x := range steps {
			if x.time <= t.values[0].f {
				true1 = x.survival
			}
			if x.time >= t.values[0].f {
				risk = max(risk, x.risk)
			}
		}
		bad := func(k int, want float64) {
			w := v.where(r, k)
			c.out = append(c.out, Finding{Rule: "table-not-reproducible", Severity: SevFail, File: c.file, Where: w, Says: "a printed figure is not what the specification gives on this microdata",
				Repair: "compute the curve again from the same data, or correct the specification", Evidence: map[string]string{"printed": row.cells[k].raw, "recomputed": strconv.FormatFloat(want, 'g', 8, 64)}, row: r, col: k})
		}
		if x := row.cells[survAt]; x.kind == cellNumber {
			got, half := x.values[0].f, 0.5*math.Pow(10, -float64(x.values[0].decimals))
			if x.values[0].percent {
				got, half = got/100, half/100
			}
			if math.Abs(got-true1) > half*(1+1e-6)+1e-9 {
				bad(survAt, true1)
			}
		}
		if riskAt >= 0 {
			if n, ok := v.whole(r, riskAt); ok && n != risk && !(rounded && c.p.Rounding.Round(risk) == n) {
				bad(riskAt, float64(risk))
			}
		}
	}
	return times
}

// judgeCurve: between two printed times at least the threshold of people have
// the event or leave, or none; and as many are at risk at the end.
func (c *otherCheck) judgeCurve(g string, steps []step, times []float64, printed bool) {
	if !printed { // a curve drawn from the data shows every time
		for _, s := range steps {
			times = append(times, s.time)
		}
	}
	slices.Sort(times)
	label := strings.ReplaceAll(g, "\x1f", ", ")
	few, worst := 0, int64(math.MaxInt64)
	from := math.Inf(-1)
	for _, t := range times {
		left := int64(0)
		for _, s := range steps {
			if s.time > from && s.time <= t {
				left += s.events + s.censored
			}
		}
		from = t
		if c.p.Counts.Small(left) {
			few++
			worst = min(worst, left)
		}
	}
	if few > 0 {
		c.add("survival-step", SevFail, "between two times of the curve fewer people than the threshold have the event or leave", "print fewer times, or draw the curve from rounded numbers",
			"group", label, "steps", itoa(few), "people", strconv.FormatInt(worst, 10))
	}
	last := int64(0)
	for _, s := range steps {
		if len(times) > 0 && s.time >= times[len(times)-1] {
			last = max(last, s.risk)
		}
	}
	if c.p.Counts.Small(last) {
		c.add("count-below-threshold", SevFail, "the curve goes on when fewer people than the threshold are at risk", "end the curve earlier", "group", label, "units", strconv.FormatInt(last, 10))
	}
}

// histogram recomputes bins, the last one closed.
func (c *otherCheck) histogram(ctx context.Context, f *File) error {
	s := c.m.Spec
	keep, err := c.m.Frame.filtered(s.Filter)
	if err != nil {
		return err
	}
	at, err := c.number(*s.Values)
	if err != nil {
		return err
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	bins := make([][]int, len(s.Edges)-1)
	for _, i := range keep {
		x := c.m.Frame.rows[i][at]
		if x.IsNull() {
			continue
		}
		v := x.Float()
		lo, hi = math.Min(lo, v), math.Max(hi, v)
		for b := range bins {
			if v >= s.Edges[b] && (v < s.Edges[b+1] || b == len(bins)-1 && v == s.Edges[b+1]) {
				bins[b] = append(bins[b], i)
			}
		}
	}
	name := func(b int) string {
		end := ")"
		if b == len(bins)-1 {
			end = "]"
		}
		return "[" + number(s.Edges[b]) + ", " + number(s.Edges[b+1]) + end
	}
	var counts []int64
	for b, records := range bins {
		n, err := c.units(records)
		if err != nil {
			return err
		}
		counts = append(counts, int64(len(records)))
		switch {
		case n == 0:
			if sev := severity(c.p.Counts.Zeros); sev != SevInfo {
				c.add("count-zero", sev, "a bin is empty", "combine bins", "bin", name(b))
			}
		case c.p.Counts.Small(n):
			c.add("count-below-threshold", SevFail, "a bin holds fewer people than the threshold", "make the bins wider", "bin", name(b), "units", strconv.FormatInt(n, 10))
		}
	}
	if s.Edges[0] == lo || s.Edges[len(s.Edges)-1] == hi {
		c.add("histogram-edge", SevFail, "an outer edge of the histogram is the smallest or largest value", "round the outer edges outward")
	}
	v, err := c.table(ctx, f)
	if v == nil || err != nil {
		return err
	}
	var got []int64
	for r := range v.t.rows {
		for col := range v.cols {
			if n, ok := v.whole(r, col); ok && v.counts(col) && !v.rowTotal[r] {
				got = append(got, n)
				break
			}
		}
	}
	same := len(got) == len(counts)
	for i := range got {
		same = same && (got[i] == counts[i] || c.p.Rounding != nil && v.rounded() && c.p.Rounding.Round(counts[i]) == got[i])
	}
	if !same {
		c.add("table-not-reproducible", SevFail, "the printed bins are not what the specification gives on this microdata", "compute the histogram again from the same data, the last bin closed")
	}
	return nil
}

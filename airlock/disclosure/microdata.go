package disclosure

import (
	"cmp"
	"context"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	typed "github.com/ark-tre/ark/pkg/columnar/cell"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// The rules that need the microdata behind a table. They have no check of
// their own: CheckMicrodata applies them.

func cellDominated() Rule {
	return Rule{ID: "cell-dominated", Effective: "2026-11-22", Clause: "profile dominance; Handbook on SDC 4.2 ((n,k) and p% rules); ABS DataLab (1,50) and (2,67)",
		Applies: "sums and means", Needs: "the microdata, its unit and, if any, holding column",
		Says: "One or two units make up most of a cell, so that each can work out the other."}
}

func cellNegative() Rule {
	return Rule{ID: "cell-negative", Effective: "2026-11-22", Clause: "profile dominance.negative; Handbook on SDC 4.2 (negative contributions)",
		Applies: "sums and means with negative contributions", Needs: "the microdata",
		Says: "With negative contributions shares of a total mean little; dominance was judged on absolute values."}
}

func cellAllSame() Rule {
	return Rule{ID: "cell-all-same", Effective: "2026-11-22", Clause: "attribute disclosure, Handbook on SDC 5; disclosure.md ADV-09",
		Applies: "statistics of values", Needs: "the microdata",
		Says: "All units of a cell have one value: the statistic is everyone's."}
}

func cellFewDegrees() Rule {
	return Rule{ID: "cell-few-degrees", Effective: "2026-11-22", Clause: "profile models.degrees_of_freedom; statbarn Shape",
		Applies: "standard deviations", Needs: "the microdata",
		Says: "A deviation over few degrees of freedom, with its mean, gives single values away."}
}

func countAllButOne() Rule {
	return Rule{ID: "count-all-but-one", Effective: "2026-11-22", Clause: "within-group disclosure, Handbook on SDC 5; disclosure.md ADV-07",
		Applies: "counts with their row or column total", Needs: "the microdata",
		Says: "All of a group but one share a class: the one learns the class of all others."}
}

func tableNotReproducible() Rule {
	return Rule{ID: "table-not-reproducible", Effective: "2026-11-22", Clause: "what is released is what was computed: disclosure.md ADV-29",
		Applies: "a table with its specification and microdata", Needs: "the microdata",
		Says: "A printed figure is not what the specification gives on the microdata."}
}

func tableIncomplete() Rule {
	return Rule{ID: "table-incomplete", Effective: "2026-11-22", Clause: "can't tell is for review",
		Applies: "a table with its specification and microdata", Needs: "the microdata",
		Says: "The specification gives cells that the table doesn't show."}
}

// Microdata is what a table is checked against.
type Microdata struct {
	Frame *Frame
	Spec  Spec
	Unit  string // column that tells units apart; empty: the profile's, if there, else records
}

// guessing lists the rules that guess what figures mean; with a specification
// nothing has to be guessed.
func guessing(rule string) bool {
	return slices.Contains([]string{"count-below-threshold", "count-zero", "count-full", "count-derived-small", "percentage-without-base", "statistic-endpoint",
		"statistic-few-contributors", "table-no-figures", "class-not-allowed", "row-level", "row-level-maybe", "count-unrounded", "table-headerless", "base-recovered", "values-recovered", "histogram-edge", "survival-step"}, rule)
}

// Guessed reports whether a rule guesses what figures mean, so that it falls
// away where a specification says so.
func Guessed(rule string) bool { return guessing(rule) }

// CheckMicrodata judges the table of a specification: recomputed from the
// microdata and, when f has bytes, compared with them cell by cell. Cells that
// the given table withholds are not judged as shown.
func CheckMicrodata(ctx context.Context, p policy.Profile, m Microdata, f *File) (Verdict, []Finding, error) {
	unit := m.Unit
	if unit == "" && m.Frame.Has(p.Counts.UnitColumn) {
		unit = p.Counts.UnitColumn
	}
	if err := p.Check(); err != nil && !strings.Contains(p.Name, "+") {
		return Fail, nil, err
	}
	if m.Spec.Kind != KindCrosstab {
		if err := m.Spec.check(); err != nil {
			return Fail, nil, err
		}
		if unit != "" && !m.Frame.Has(unit) {
			return Fail, nil, ark.Faultf(ark.Invalid, "the microdata has no column %q to tell units apart", unit)
		}
		found, err := checkOther(ctx, &otherCheck{p: m.Spec.rounds(p), m: m, file: "recomputed", out: []Finding{}}, f)
		if err != nil {
			return Fail, nil, err
		}
		attribute(p, found)
		Sort(found)
		return Judge(found), found, nil
	}
	r, err := Recompute(m.Frame, m.Spec, unit)
	if err != nil {
		return Fail, nil, err
	}
	p = m.Spec.rounds(p)
	c := &microCheck{p: p, r: r, file: "recomputed"}
	findings := []Finding{}
	if f != nil {
		c.file = f.Name
		b, err := readAll(f.Reader)
		if err != nil {
			return Fail, nil, err
		}
		_, fromText, err := CheckTable(ctx, p, File{Name: f.Name, Reader: strings.NewReader(string(b)), Pseudonym: f.Pseudonym, Attacker: f.Attacker})
		if err != nil {
			return Fail, nil, err
		}
		findings = slices.DeleteFunc(fromText, func(x Finding) bool { return guessing(x.Rule) })
		if rs, err := readRecords(b); err == nil {
			c.locate(f.Name, rs)
			findings = append(findings, c.compare()...)
		}
	}
	for i := range r.Cells {
		if err := ctx.Err(); err != nil {
			return Fail, nil, err
		}
		findings = append(findings, c.judge(i)...)
	}
	findings = append(findings, c.groups()...)
	if len(r.Cells) == 0 {
		findings = append(findings, Finding{Rule: "table-no-figures", Severity: SevReview, File: c.file, Says: "the specification gives no cell on this microdata", Repair: "check the filter and the data", Evidence: map[string]string{}})
	}
	attribute(p, findings)
	Sort(findings)
	return Judge(findings), findings, nil
}

// microCheck judges recomputed cells.
type microCheck struct {
	p     policy.Profile
	r     *Recomputed
	file  string
	table *table
	place map[placeKey]int // index into printed, per cell and aggregate
	shown []printed
	extra []printed // printed figures the specification doesn't give

	allRounded *bool
}

type placeKey struct{ cell, agg int }

// printed is a figure of the given table.
type printed struct {
	row, col int
	c        cell
}

// withheld reports whether the given table withholds a figure.
func (m *microCheck) withheld(i, agg int) bool {
	if m.table == nil {
		return false
	}
	k, ok := m.place[placeKey{i, agg}]
	return !ok || m.shown[k].c.kind != cellNumber
}

func (m *microCheck) finding(rule string, sev Severity, i, agg int, says, repair string, evidence ...string) Finding {
	c := m.r.Cells[i]
	f := Finding{Rule: rule, Severity: sev, File: m.file, Says: says, Repair: repair, Evidence: map[string]string{"statistic": m.r.Spec.aggregates()[agg]}, row: i, col: agg}
	f.Where.Cell = &CellRef{Row: slices.Clone(c.Row), Col: append([]string{}, c.Col...)}
	if k, ok := m.place[placeKey{i, agg}]; ok {
		w := m.table.bare(m.shown[k].row, m.shown[k].col)
		f.Where.Sheet, f.Where.Ref, f.Where.Line = w.Sheet, w.Ref, w.Line
	}
	for k := 0; k+1 < len(evidence); k += 2 {
		f.Evidence[evidence[k]] = evidence[k+1]
	}
	return f
}

// judge applies the rules to one cell.
func (m *microCheck) judge(i int) []Finding {
	var out []Finding
	c := m.r.Cells[i]
	n := strconv.FormatInt(c.Units, 10)
	for agg, name := range m.r.Spec.aggregates() {
		if m.withheld(i, agg) {
			continue
		}
		if name == "count" {
			switch {
			case c.Units == 0:
				if s := severity(m.p.Counts.Zeros); s != SevInfo {
					out = append(out, m.finding("count-zero", s, i, agg, "a count of zero is shown", "say why no one can be in this cell, or suppress or combine it", "units", n))
				}
			case m.p.Counts.Small(c.Units):
				out = append(out, m.finding("count-below-threshold", SevFail, i, agg, "a count is of fewer distinct units than the threshold",
					"suppress the count, and others so that it cannot be worked out, or combine categories", "units", n, "records", itoa(len(c.records)), "smallest_allowed", strconv.FormatInt(m.p.Counts.Least(), 10)))
			}
			continue
		}
		if c.Units == 0 || math.IsNaN(c.Values[agg]) {
			continue // nothing is shown
		}
		least, rule := m.least(name)
		if c.Units < least {
			out = append(out, m.finding(rule, SevFail, i, agg, "a statistic is of fewer distinct units than the profile asks",
				"suppress the statistic, or combine groups", "units", n, "smallest_allowed", strconv.FormatInt(least, 10)))
		}
		if name == "min" || name == "max" {
			if s := severity(m.p.Contributors.Endpoints); s != SevInfo {
				out = append(out, m.finding("statistic-endpoint", s, i, agg, "a minimum or maximum is shown", "show percentiles with enough units on both sides"))
			}
		}
		if name == "std" && c.Units-1 < m.p.Models.DegreesOfFreedom {
			out = append(out, m.finding("cell-few-degrees", SevFail, i, agg, "a deviation has too few degrees of freedom", "suppress it, or combine groups", "degrees_of_freedom", strconv.FormatInt(c.Units-1, 10), "least", strconv.FormatInt(m.p.Models.DegreesOfFreedom, 10)))
		}
		if m.allSame(c) {
			out = append(out, m.finding("cell-all-same", SevFail, i, agg, "all units of this cell have the same value", "suppress the statistic, or combine groups", "units", n))
		}
		if name == "sum" || name == "mean" {
			out = append(out, m.dominance(i, agg)...)
		}
	}
	return out
}

func (m *microCheck) least(name string) (int64, string) {
	k := m.p.Contributors
	const rule = "statistic-few-contributors"
	switch name {
	case "mean":
		return k.Mean, rule
	case "sum":
		return k.Sum, rule
	case "median":
		return k.Median, rule
	case "std":
		return k.Deviation, rule
	case "mode":
		return k.Mode, rule
	}
	return m.p.Counts.Least(), rule
}

func (m *microCheck) allSame(c RecomputedCell) bool {
	var first *float64
	n := 0
	for _, i := range c.records {
		v := m.r.frame.rows[i][m.r.value]
		if v.IsNull() {
			continue
		}
		f := v.Float()
		if first == nil {
			first = &f
		}
		if f != *first {
			return false
		}
		n++
	}
	return n > 1
}

// unitKey is a unit, or a record of an unknown one.
type unitKey struct {
	record int
	unit   typed.Value
}

// unitSum is one unit's sum: millionths and what doesn't fit them.
type unitSum struct {
	micro   int64
	rat     *big.Rat
	holding string
	weight  *big.Rat // nil: 1
}

// contributions sums a cell's values per unit, exactly: in whole millionths
// where the values have no finer digits, else in rationals.
func (m *microCheck) contributions(c RecomputedCell) ([]unitSum, bool) {
	var units []unitSum
	at := make(map[unitKey]int, len(c.records))
	negative := false
	holding, weight := m.r.frame.at(m.p.Dominance.Holding), m.r.frame.at(m.p.Dominance.Weight)
	for _, i := range c.records {
		row := m.r.frame.rows[i]
		v := row[m.r.value]
		if v.IsNull() {
			continue
		}
		key := unitKey{record: i}
		if m.r.units >= 0 && !row[m.r.units].IsNull() {
			key = unitKey{record: -1, unit: row[m.r.units]}
		}
		k, ok := at[key]
		if !ok {
			k = len(units)
			at[key] = k
			u := unitSum{}
			if holding >= 0 && !row[holding].IsNull() {
				u.holding = row[holding].Text()
			}
			if weight >= 0 { // a unit without a weight has none to hide behind
				u.weight = new(big.Rat)
				if !row[weight].IsNull() {
					u.weight = exactValue(row[weight].Text())
				}
			}
			units = append(units, u)
		}
		f := v.Float()
		negative = negative || f < 0
		if m.r.weigh >= 0 {
			f *= m.r.Weight(i)
		}
		if n := math.Round(f * 1e6); math.Abs(n) < 1<<50 && math.Abs(float64(units[k].micro)+n) < 1<<52 && n/1e6 == f {
			units[k].micro += int64(n)
			continue
		}
		if units[k].rat == nil {
			units[k].rat = new(big.Rat)
		}
		exact := exactValue(v.Text())
		if m.r.weigh >= 0 {
			exact.Mul(exact, exactValue(row[m.r.weigh].Text()))
		}
		units[k].rat.Add(units[k].rat, exact)
	}
	return units, negative
}

// exactly is the unit sums as contributions in rationals.
func exactly(units []unitSum) []Contribution {
	out := make([]Contribution, len(units))
	for k, u := range units {
		x := big.NewRat(u.micro, 1_000_000)
		if u.rat != nil {
			x.Add(x, u.rat)
		}
		out[k] = Contribution{Value: x, Holding: u.holding, Weight: u.weight}
	}
	return out
}

// plain reports whether all sums are whole millionths of units of their own,
// so that whole-number arithmetic is exact; and gives their absolute values,
// the largest first.
func plain(units []unitSum) ([]int64, bool) {
	xs := make([]int64, len(units))
	for k, u := range units {
		if u.rat != nil || u.holding != "" || u.weight != nil {
			return nil, false
		}
		xs[k] = abs(u.micro)
	}
	slices.SortFunc(xs, func(a, b int64) int { return cmp.Compare(b, a) })
	return xs, true
}

// unsafeWhole is JudgeCell's decision on sorted whole numbers.
func unsafeWhole(xs []int64, r CellRule) bool {
	total, top1, top2, topN := new(big.Int), int64(0), int64(0), new(big.Int)
	for i, x := range xs {
		total.Add(total, big.NewInt(x))
		if int64(i) < r.n {
			topN.Set(total)
		}
		switch i {
		case 0:
			top1 = x
		case 1:
			top2 = x
		}
	}
	if total.Sign() == 0 {
		return false
	}
	var left, right *big.Int
	if r.kind == "nk" { // topN/total against num/den
		left = new(big.Int).Mul(topN, r.limit.Denom())
		right = new(big.Int).Mul(total, r.limit.Num())
	} else { // limit·top1 against the rest
		rest := total.Sub(total, new(big.Int).Add(big.NewInt(top1), big.NewInt(top2)))
		left = new(big.Int).Mul(r.limit.Num(), big.NewInt(top1))
		right = rest.Mul(rest, r.limit.Denom())
	}
	c := left.Cmp(right)
	return c > 0 || r.inclusive && c == 0
}

// exactValue is the exact rational of a printed value.
func exactValue(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return new(big.Rat)
	}
	return r
}

func (m *microCheck) dominance(i, agg int) []Finding {
	var out []Finding
	cs, negative := m.contributions(m.r.Cells[i])
	xs, whole := plain(cs)
	var exact []Contribution
	for _, d := range m.p.Dominance.Rules {
		rule := ruleOf(d)
		unsafe := false
		if whole {
			unsafe = unsafeWhole(xs, rule)
		} else {
			if exact == nil {
				exact = exactly(cs)
			}
			v, err := JudgeCell(exact, rule)
			unsafe = err != nil || v.Unsafe
		}
		if unsafe {
			out = append(out, m.finding("cell-dominated", SevFail, i, agg, "a few units make up most of this cell", "suppress the cell, or combine groups", "rule", d.String(), "units", strconv.FormatInt(m.r.Cells[i].Units, 10)))
		}
	}
	if s := severity(m.p.Dominance.Negative); negative && s != SevInfo && len(m.p.Dominance.Rules) > 0 {
		out = append(out, m.finding("cell-negative", s, i, agg, "some contributions to this cell are negative", "say what negative values mean, or use a frequency rule"))
	}
	return out
}

// groups finds groups all of whose units, or all but one, are in one class.
func (m *microCheck) groups() []Finding {
	aggs := m.r.Spec.aggregates()
	agg := slices.Index(aggs, "count")
	if agg < 0 || len(m.r.Spec.Cols) == 0 {
		return nil
	}
	var out []Finding
	for _, byRow := range []bool{true, false} {
		total := map[string]int64{}
		key := func(c RecomputedCell) string {
			if byRow {
				return strings.Join(c.Row, "\x1f")
			}
			return strings.Join(c.Col, "\x1f")
		}
		for _, c := range m.r.Cells {
			if !c.Margin {
				total[key(c)] += c.Units
			}
		}
		for i, c := range m.r.Cells {
			if c.Margin || c.Units == 0 || m.withheld(i, agg) {
				continue
			}
			switch total[key(c)] - c.Units {
			case 0:
				if s := severity(m.p.Counts.Full); s != SevInfo {
					out = append(out, m.finding("count-full", s, i, agg, "everyone in a group is in this class", "say why this is no news about anyone, or combine the group with another"))
				}
			case 1:
				out = append(out, m.finding("count-all-but-one", SevFail, i, agg, "everyone in a group but one is in this class: that one learns about all the others", "suppress or combine the group"))
			}
		}
	}
	return out
}

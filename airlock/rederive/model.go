package rederive

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// modelTable is a table of coefficients as a file shows it.
type modelTable struct {
	figures []modelFigureAt
	unknown int // figures whose heading or label Ark doesn't know
}

type modelFigureAt struct {
	term, what string // coef, se, exp, n
	value      float64
	half       float64
}

// what a heading means; empty: something else.
func headingMeans(h string) string {
	h = strings.Join(strings.Fields(strings.ToLower(strings.NewReplacer(".", " ", "_", " ").Replace(h))), " ")
	switch h {
	case "coef", "coefficient", "estimate", "beta", "b":
		return "coef"
	case "se", "std err", "std error", "standard error", "se(coef)":
		return "se"
	case "or", "hr", "rr", "irr", "odds ratio", "hazard ratio", "rate ratio", "exp(coef)", "exp(beta)", "exp(b)":
		return "exp"
	case "n", "records", "observations", "nobs", "n obs":
		return "n"
	case "z", "t", "statistic", "t value", "z value":
		return "z"
	case "p", "p-value", "p value", "pr(>|z|)", "pr(>|t|)", "p>|z|", "p>|t|":
		return "p"
	case "lower", "ci low", "2 5%", "2 5 %", "[0 025", "conf low", "ci lower":
		return "low"
	case "upper", "ci high", "97 5%", "97 5 %", "0 975]", "conf high", "ci upper":
		return "high"
	}
	return ""
}

func readModel(f disclosure.File) (modelTable, error) {
	var t modelTable
	ls, err := disclosure.ReadFields(f)
	if err != nil || len(ls) == 0 {
		return t, err
	}
	for _, row := range ls[1:] {
		for c := 1; c < len(row) && c < len(ls[0]); c++ {
			s := strings.TrimSpace(row[c])
			v, err := strconv.ParseFloat(strings.TrimPrefix(s, "<"), 64)
			if err != nil {
				if s != "" {
					t.unknown++
				}
				continue
			}
			what := headingMeans(ls[0][c])
			if what == "" {
				t.unknown++
				continue
			}
			half := 0.0
			if _, digits, ok := strings.Cut(s, "."); ok && !strings.ContainsAny(digits, "eE") {
				half = 0.5 * math.Pow(10, -float64(len(digits)))
			} else if !strings.ContainsAny(s, "eE") {
				half = 0.5
			} else {
				half = math.Abs(v) * 1e-3
			}
			if strings.HasPrefix(s, "<") && what == "p" {
				what, half = "below", 0
			}
			t.figures = append(t.figures, modelFigureAt{strings.TrimSpace(row[0]), what, v, half})
		}
	}
	return t, nil
}

func modelFinding(rule string, sev disclosure.Severity, file, says, repair string, evidence ...string) disclosure.Finding {
	f := disclosure.Finding{Rule: rule, Severity: sev, File: file, Says: says, Repair: repair, Evidence: map[string]string{}}
	for k := 0; k+1 < len(evidence); k += 2 {
		f.Evidence[evidence[k]] = evidence[k+1]
	}
	return f
}

// judgeModel fits the model of a specification again, compares the table of
// coefficients, and looks for people whom it shows.
func judgeModel(ctx context.Context, p policy.Profile, o Output) (disclosure.Verdict, []disclosure.Finding, error) {
	d, err := build(o.Micro.Frame, *o.Spec)
	if err != nil {
		return disclosure.Fail, nil, err
	}
	name := o.Name
	if name == "" {
		name = "recomputed"
	}
	var found []disclosure.Finding
	fits, err := o.Spec.fits(d)
	if err != nil {
		if ark.KindOf(err) != ark.Invalid {
			return disclosure.Fail, nil, err
		}
		found = append(found, modelFinding("table-not-reproducible", disclosure.SevFail, name, "the model of the specification can't be fitted to this microdata", "correct the specification, or fit fewer columns"))
		return disclosure.Fail, found, nil
	}
	if err := ctx.Err(); err != nil {
		return disclosure.Fail, nil, err
	}
	if f := o.file(); f != nil {
		_, text, err := disclosure.CheckTable(ctx, p, *o.file())
		if err != nil {
			return disclosure.Fail, nil, err
		}
		for _, x := range text {
			if !disclosure.Guessed(x.Rule) {
				found = append(found, x)
			}
		}
		t, err := readModel(*f)
		if err != nil {
			return disclosure.Fail, nil, err
		}
		best := []disclosure.Finding(nil)
		for i, fit := range fits {
			if got := fit.compare(name, o.Spec.Kind, d, t); i == 0 || len(got) < len(best) {
				best = got
			}
		}
		found = append(found, best...)
		if t.unknown > 0 || len(t.figures) == 0 {
			found = append(found, modelFinding("table-incomplete", disclosure.SevReview, name, "the table holds figures that Ark can't compute again", "head the columns coef, se, n, or as docs/specification.md lists them", "figures", strconv.Itoa(t.unknown)))
		}
	}
	found = append(found, fits[0].people(p, name, d, o)...)
	disclosure.Sort(found)
	return disclosure.Judge(found), found, nil
}

// fits computes a model again, in each convention that tools use.
func (s Spec) fits(d *design) ([]*fitted, error) {
	first, err := s.fit(d, true)
	if err != nil || s.Kind != "cox" {
		return []*fitted{first}, err
	}
	second, err := s.fit(d, false)
	return []*fitted{first, second}, err
}

// compare finds printed figures that are not the model's.
func (f *fitted) compare(file, kind string, d *design, t modelTable) []disclosure.Finding {
	var out []disclosure.Finding
	for _, x := range t.figures {
		want, ok := math.NaN(), false
		if x.what == "n" {
			want, ok = float64(len(d.records)), true
		}
		for j, n := range d.names {
			if x.what == "n" || !sameTerm(x.term, n) {
				continue
			}
			ok = true
			switch x.what {
			case "coef":
				want = f.coef[j]
			case "se":
				want = f.se[j]
			case "exp":
				want = math.Exp(f.coef[j])
			default: // tests, levels and limits
				if want = math.NaN(); f.follows(j, kind, x) {
					want = x.value
				}
			}
		}
		slack := fitTolerance * (1 + math.Abs(want))
		if x.what == "se" {
			slack = errorTolerance * math.Abs(want)
		}
		if !ok || !(math.Abs(x.value-want) <= x.half*(1+1e-9)+slack) {
			out = append(out, modelFinding("table-not-reproducible", disclosure.SevFail, file, "a printed figure of a model is not what the specification gives on this microdata",
				"fit the model again to the same data, or correct the specification", "figure", x.what))
		}
	}
	return out
}

// people finds those whom a model shows.
func (f *fitted) people(p policy.Profile, file string, d *design, o Output) []disclosure.Finding {
	var out []disclosure.Finding
	if int64(f.dof) < p.Models.DegreesOfFreedom {
		out = append(out, modelFinding("model-few-degrees", disclosure.SevFail, file, "a model has too few residual degrees of freedom", "fit fewer parameters, or to more records",
			"degrees_of_freedom", strconv.Itoa(f.dof), "least", strconv.FormatInt(p.Models.DegreesOfFreedom, 10)))
	}
	if f.r2 > 1-1e-9 {
		out = append(out, modelFinding("model-perfect-fit", disclosure.SevFail, file, "a model fits its records exactly", "don't release it: it gives the values it was fitted to"))
	}
	if i := slices.IndexFunc(f.leverage, func(h float64) bool { return h > 1-1e-6 }); i >= 0 {
		out = append(out, modelFinding("model-leverage", disclosure.SevFail, file, "a record has a leverage of 1: the model gives its value", "drop or combine the columns that only this record has"))
	}
	unit := unitNames(o)
	for _, c := range d.ones {
		with, without := map[string]bool{}, map[string]bool{}
		top := math.Inf(-1)
		for _, row := range d.x {
			top = max(top, row[c])
		}
		for i, row := range d.x {
			if row[c] == top {
				with[unit(d.records[i])] = true
			} else {
				without[unit(d.records[i])] = true
			}
		}
		for _, g := range []map[string]bool{with, without} {
			if n := int64(len(g)); n > 0 && p.Counts.Small(n) {
				out = append(out, modelFinding("model-few-in-group", disclosure.SevFail, file, "an indicator sets fewer people apart than the threshold", "drop the indicator, or combine its category with another",
					"column", d.names[c], "units", strconv.FormatInt(n, 10), "smallest_allowed", strconv.FormatInt(p.Counts.Least(), 10)))
			}
		}
	}
	if n := d.saturated(unit); n > 0 && p.Counts.Small(int64(n)) {
		out = append(out, modelFinding("model-few-in-group", disclosure.SevFail, file, "the model is saturated: its coefficients are the figures of groups, one of them of few people", "leave interactions out, or combine categories",
			"units", strconv.Itoa(n), "smallest_allowed", strconv.FormatInt(p.Counts.Least(), 10)))
	}
	if o.spec().Kind == "cox" {
		out = append(out, modelFinding("model-influence", disclosure.SevReview, file, "what one record moves is not computed for a Cox model, nor is its leverage", "none is needed: a checker looks at it"))
	}
	if slices.ContainsFunc(f.move, func(m float64) bool { return m > 1 }) {
		out = append(out, modelFinding("model-influence", disclosure.SevReview, file, "leaving one record out moves a coefficient by more than its standard error", "look at the record; fit without it, or with a robust method"))
	}
	return out
}

// saturated gives the units of the smallest group of equal records, when there
// are no more such groups than a model tells apart; else 0.
func (d *design) saturated(unit func(int) string) int {
	groups, most := map[string]map[string]bool{}, len(d.names)
	if most == 0 || d.names[0] != intercept {
		most++ // a Cox model has its baseline instead
	}
	for i, row := range d.x {
		key := fmt.Sprint(row)
		if groups[key] == nil {
			if len(groups) == most {
				return 0
			}
			groups[key] = map[string]bool{}
		}
		groups[key][unit(d.records[i])] = true
	}
	least := 0
	for _, g := range groups {
		if least == 0 || len(g) < least {
			least = len(g)
		}
	}
	return least
}

// unitNames tells the unit of a record; a record of no known unit is its own.
func unitNames(o Output) func(int) string {
	return func(i int) string {
		if v := o.Micro.Frame.At(i, o.Micro.Unit); o.Micro.Unit != "" && !v.IsNull() {
			return "unit\x1f" + v.Text()
		}
		return "record\x1f" + strconv.Itoa(i)
	}
}

package disclosure

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	policy "github.com/ark-tre/ark/policies/disclosure"
)

func modelFewInGroup() Rule {
	return Rule{ID: "model-few-in-group", Effective: "2026-11-22", Clause: "profile counts.threshold; indicator columns with few ones, saturated interactions: disclosure.md 3 and ADV-53",
		Applies: "regressions with their specification", Needs: "the microdata",
		Says: "The coefficient of an indicator that holds for few people is about these few."}
}

func modelLeverage() Rule {
	return Rule{ID: "model-leverage", Effective: "2026-11-22", Clause: "leverage below 1: disclosure.md 3 and ADV-53 (a dummy for one record, 806 degrees of freedom)",
		Applies: "regressions with their specification", Needs: "the microdata",
		Says: "A record of leverage 1 is fitted exactly: the model gives its value away."}
}

// checkRegression judges a regression computed anew, and a printed table of it.
func checkRegression(ctx context.Context, p policy.Profile, m Microdata, f *File) ([]Finding, error) {
	keep, err := m.Frame.filtered(m.Spec.Filter)
	if err != nil {
		return nil, err
	}
	d, err := newDesign(m.Frame, m.Spec, keep)
	if err != nil {
		return nil, err
	}
	c := &otherCheck{p: p, m: m, file: "recomputed", out: []Finding{}}
	if f != nil {
		c.file = f.Name
	}
	if len(d.x) == 0 {
		return c.out, badSpec("no record has a value for every term")
	}
	var got fit
	if m.Spec.Family == "logit" {
		for _, y := range d.y {
			if y != 0 && y != 1 {
				return nil, badSpec("the outcome of a logit model must be 0 or 1")
			}
		}
		got = d.logit()
	} else {
		got = d.ols(nil, d.y)
	}
	units, err := c.units(d.rows)
	if err != nil {
		return nil, err
	}
	if dof := units - int64(got.rank); dof < p.Models.DegreesOfFreedom {
		c.add("model-few-degrees", SevFail, "the model has too few residual degrees of freedom", "fit fewer parameters, or to more people",
			"degrees_of_freedom", strconv.FormatInt(dof, 10), "least", strconv.FormatInt(p.Models.DegreesOfFreedom, 10))
	}
	for j, name := range d.names[1:] {
		ones, indicator := []int{}, true
		for i, row := range d.x {
			switch row[j+1] {
			case 1:
				ones = append(ones, d.rows[i])
			case 0:
			default:
				indicator = false
			}
		}
		if !indicator {
			continue
		}
		n, err := c.units(ones)
		if err != nil {
			return nil, err
		}
		if p.Counts.Small(n) || p.Counts.Small(units-n) {
			c.add("model-few-in-group", SevFail, "an indicator holds for fewer people than the threshold, or for all but so few", "combine categories",
				"term", name, "people", strconv.FormatInt(min(n, units-n), 10))
		}
	}
	if g := d.groups(); len(g) == got.rank && p.Counts.Small(int64(slices.Min(g))) {
		c.add("model-few-in-group", SevFail, "the model is saturated: its coefficients are the means of groups, one of them of few people", "leave interactions out, or combine categories", "people", itoa(slices.Min(g)))
	}
	if worst := slices.Max(got.leverage); worst > 1-1e-6 {
		c.add("model-leverage", SevFail, "a record is fitted exactly: its leverage is 1", "leave out the term that singles it out", "leverage", strconv.FormatFloat(worst, 'f', 6, 64))
	}
	switch {
	case got.r2 > 1-1e-9:
		c.add("model-perfect-fit", SevFail, "the model fits perfectly", "fit fewer parameters")
	case m.Spec.Family == "logit" && !got.settled:
		c.add("model-perfect-fit", SevReview, "the model doesn't settle: some combination of terms tells the outcome exactly", "leave out the term that separates the outcomes")
	}
	err = c.printedModel(ctx, d, got, f)
	return c.out, err
}

// otherCheck gathers what is found about outputs that are no cross-tabulation.
type otherCheck struct {
	p    policy.Profile
	m    Microdata
	file string
	out  []Finding
}

func (c *otherCheck) add(rule string, sev Severity, says, repair string, evidence ...string) {
	f := Finding{Rule: rule, Severity: sev, File: c.file, Says: says, Repair: repair, Evidence: map[string]string{}, row: len(c.out)}
	for i := 0; i+1 < len(evidence); i += 2 {
		f.Evidence[evidence[i]] = evidence[i+1]
	}
	c.out = append(c.out, f)
}

// units counts the distinct units of records.
func (c *otherCheck) units(records []int) (int64, error) {
	name := c.m.Unit
	if name == "" && c.m.Frame.Has(c.p.Counts.UnitColumn) {
		name = c.p.Counts.UnitColumn
	}
	if name == "" {
		return int64(len(records)), nil
	}
	at := c.m.Frame.at(name)
	if at < 0 {
		return 0, badSpec("the microdata has no column %q to tell units apart", name)
	}
	seen, n := map[string]bool{}, int64(0)
	for _, i := range records {
		if v := c.m.Frame.rows[i][at]; v.IsNull() {
			n++
		} else if k := v.Text(); !seen[k] {
			seen[k] = true
			n++
		}
	}
	return n, nil
}

// table reads the printed table, if there is one, and judges what needs no
// guessing.
func (c *otherCheck) table(ctx context.Context, f *File) (*view, error) {
	if f == nil {
		return nil, nil
	}
	b, err := readAll(f.Reader)
	if err != nil {
		return nil, err
	}
	_, found, err := CheckTable(ctx, c.p, File{Name: f.Name, Reader: strings.NewReader(string(b)), Pseudonym: f.Pseudonym, Attacker: f.Attacker})
	if err != nil {
		return nil, err
	}
	c.out = append(c.out, slices.DeleteFunc(found, func(x Finding) bool { return guessing(x.Rule) })...)
	t, err := readTable(f.Name, b)
	if err != nil {
		return nil, nil // the check of the file says so
	}
	return understand(t, c.p), nil
}

// printedModel compares printed coefficients, R² and degrees of freedom.
func (c *otherCheck) printedModel(ctx context.Context, d *design, got fit, f *File) error {
	v, err := c.table(ctx, f)
	if v == nil || err != nil {
		return err
	}
	want := map[string]float64{}
	for j, name := range d.names {
		want[plainTerm(name)] = got.coef[j]
	}
	placed := map[string]bool{}
	for r, row := range v.t.rows {
		name := plainTerm(row.cells[0].raw)
		for col, x := range row.cells[1:] {
			if x.kind != cellNumber || len(v.t.header[col+1]) == 0 {
				continue
			}
			ws := words(v.cols[col+1].name())
			b, known := want[name]
			switch {
			case !known || !anyWord(ws, "coef", "coefficient", "estimate", "beta", "b") || anyWord(ws, "se", "std", "err", "error"):
				continue
			case math.Abs(x.values[0].f-b) > 0.5*math.Pow(10, -float64(x.values[0].decimals))*(1+1e-6)+1e-6*math.Abs(b):
				w := v.where(r, col+1)
				c.out = append(c.out, Finding{Rule: "table-not-reproducible", Severity: SevFail, File: c.file, Where: w, Says: "a printed coefficient is not what the specification gives on this microdata",
					Repair: "fit the model again on the same data, or correct the specification", Evidence: map[string]string{"printed": x.raw, "recomputed": strconv.FormatFloat(b, 'g', 10, 64)}, row: r, col: col + 1})
			}
			placed[name] = true
		}
	}
	if missing := len(want) - len(placed); missing > 0 {
		c.add("table-incomplete", SevReview, "the table lacks terms that the specification gives, or names them otherwise", "name the terms as the columns of the microdata", "missing", itoa(missing))
	}
	return nil
}

// plainTerm brings the names that tools give to terms to one form: "const",
// "(Intercept)", "C(sex)[T.M]", "sexM".
func plainTerm(s string) string {
	s = strings.NewReplacer("c(", "", ")", "", "(", "", "[t.", "", "[", "", "]", "", " ", "").Replace(strings.ToLower(strings.TrimSpace(s)))
	if s == "const" || s == "_cons" || s == "constant" {
		return "intercept"
	}
	return s
}

package rederive_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/rederive"
)

// Published fits, typed from where they are printed.
const (
	// R, help(lm): Annette Dobson (1990), An Introduction to Generalized Linear Models, page 9.
	plants = "4.17 5.58 5.18 6.11 4.50 4.61 5.17 4.53 5.33 5.14 4.81 4.17 4.41 3.59 5.87 3.83 6.03 4.89 4.32 4.69"
	// R, help(glm): Dobson (1990), page 93, randomised controlled trial.
	trial = "18 17 15 20 10 20 25 13 12"
	// R, datasets::mtcars, weight in 1,000 pounds; Motor Trend 1974, in Henderson and Velleman (1981).
	weights = "2.620 2.875 2.320 3.215 3.440 3.460 3.570 3.190 3.150 3.440 3.440 4.070 3.730 3.780 5.250 5.424 5.345 2.200 1.615 1.835 2.465 3.520 3.435 3.840 3.845 1.935 2.140 1.513 3.170 2.770 3.570 2.780"
	manual  = "1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 1 1 0 0 0 0 0 1 1 1 1 1 1 1"
	// R, survival::aml: Miller (1997), Survival Analysis.
	aml = "9:1:m 13:1:m 13:0:m 18:1:m 23:1:m 28:0:m 31:1:m 34:1:m 45:0:m 48:1:m 161:0:m 5:1:n 5:1:n 8:1:n 8:1:n 12:1:n 16:0:n 23:1:n 27:1:n 30:1:n 33:1:n 43:1:n 45:1:n"
)

func dobson() string {
	b := "person,weight,grp\n"
	for i, w := range strings.Fields(plants) {
		b += fmt.Sprintf("p%d,%s,%s\n", i, w, []string{"Ctl", "Trt"}[i/10])
	}
	return b
}

func counts() string {
	b := "person,counts,outcome,treatment\n"
	for i, n := range strings.Fields(trial) {
		b += fmt.Sprintf("p%d,%s,o%d,t%d\n", i, n, 1+i%3, 1+i/3)
	}
	return b
}

func cars() string {
	b, am := "person,wt,am\n", strings.Fields(manual)
	for i, w := range strings.Fields(weights) {
		b += fmt.Sprintf("p%d,%s,%s\n", i, w, am[i])
	}
	return b
}

func leukaemia() string {
	b := "person,time,status,x\n"
	for i, r := range strings.Fields(aml) {
		b += fmt.Sprintf("p%d,%s\n", i, strings.ReplaceAll(r, ":", ","))
	}
	return b
}

func modelOutput(t testing.TB, data, spec, table string) rederive.Output {
	t.Helper()
	s, err := rederive.Read(strings.NewReader(spec))
	if err != nil {
		t.Fatal(err)
	}
	m, err := rederive.ReadMicrodata(context.Background(), strings.NewReader(data), int64(len(data)), s.Table(), "person")
	if err != nil {
		t.Fatal(err)
	}
	return rederive.Output{Name: "model.csv", Data: []byte(table), Spec: &s, Micro: m}
}

func ruleIDs(fs []disclosure.Finding) []string {
	var out []string
	for _, f := range fs {
		if f.Severity != disclosure.SevInfo && !slices.Contains(out, f.Rule) {
			out = append(out, f.Rule)
		}
	}
	return out
}

func TestPublishedModelsAreFittedAgain(t *testing.T) {
	for _, c := range []struct {
		name, data, spec, table string
	}{
		{"linear", dobson(), `{"kind":"linear","outcome":"weight","predictors":["grp"]}`, "term,coef,se\n(Intercept),5.0320,0.2202\ngrpTrt,-0.3710,0.3114\n"},
		{"poisson", counts(), `{"kind":"poisson","outcome":"counts","predictors":["outcome","treatment"]}`, "term,Estimate,Std. Error\nIntercept,3.0445,0.1709\noutcome[T.o2],-0.4543,0.2022\noutcome[T.o3],-0.2930,0.1927\ntreatment[T.t2],0.0000,0.2000\ntreatment[T.t3],0.0000,0.2000\n"},
		{"logistic", cars(), `{"kind":"logistic","outcome":"am","predictors":["wt"]}`, "term,coef,se\nconst,12.040,4.510\nwt,-4.024,1.436\n"},
		{"cox", leukaemia(), `{"kind":"cox","event":"status","time":"time","predictors":["x"]}`, "term,coef,exp(coef),se(coef)\nxn,0.9155,2.4981,0.5119\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, fs, err := rederive.Judge(context.Background(), profile(t, "cms"), modelOutput(t, c.data, c.spec, c.table))
			if err != nil {
				t.Fatal(err)
			}
			if slices.Contains(ruleIDs(fs), "table-not-reproducible") || slices.Contains(ruleIDs(fs), "table-incomplete") {
				t.Errorf("%+v", fs)
			}
			// One digit changed anywhere is told.
			lines := strings.Split(strings.TrimSpace(c.table), "\n")
			for i := 1; i < len(lines); i++ {
				cells := strings.Split(lines[i], ",")
				for k := 1; k < len(cells); k++ {
					bad := slices.Clone(cells)
					last := bad[k][len(bad[k])-1]
					bad[k] = bad[k][:len(bad[k])-1] + string('0'+(last-'0'+2)%10)
					other := slices.Clone(lines)
					other[i] = strings.Join(bad, ",")
					v, fs, err := rederive.Judge(context.Background(), profile(t, "cms"), modelOutput(t, c.data, c.spec, strings.Join(other, "\n")+"\n"))
					if err != nil || v != disclosure.Fail || !slices.Contains(ruleIDs(fs), "table-not-reproducible") {
						t.Errorf("%s as %s is not told: %s %v %v", cells[k], bad[k], v, ruleIDs(fs), err)
					}
				}
			}
		})
	}
}

// people is microdata of n people, of whom the first few have a rare mark.
func marked(n, rare int) string {
	w := newWorld(5, n)
	var b strings.Builder
	b.WriteString("person,age,bmi,sex,rare,one\n")
	for i, p := range w.people {
		fmt.Fprintf(&b, "p%d,%d,%.1f,%d,%d,%d\n", p.id, p.age, p.bmi, p.sex, map[bool]int{true: 1}[i < rare], map[bool]int{true: 1}[i == 4])
	}
	return b.String()
}

func TestAModelThatHidesPeopleFails(t *testing.T) {
	for _, c := range []struct {
		name, spec, rule string
		n, rare          int
	}{
		{"an indicator of one record", `{"kind":"linear","outcome":"bmi","predictors":["age","one"]}`, "model-leverage", 300, 0},
		{"an indicator of four", `{"kind":"logistic","outcome":"sex","predictors":["age","rare"]}`, "model-few-in-group", 300, 4},
		{"all but six", `{"kind":"linear","outcome":"bmi","predictors":["rare"]}`, "model-few-in-group", 300, 294},
		{"few degrees", `{"kind":"linear","outcome":"bmi","predictors":["age","sex"]}`, "model-few-degrees", 12, 0},
		{"counts over an indicator of four", `{"kind":"regression","family":"poisson","outcome":"age","predictors":["bmi","rare"]}`, "model-few-in-group", 300, 4},
		{"times over an indicator of four", `{"kind":"regression","family":"cox","time":"age","event":"sex","predictors":["bmi","rare"]}`, "model-few-in-group", 300, 4},
		{"counts of few", `{"kind":"regression","family":"poisson","outcome":"age","predictors":["bmi","sex"]}`, "model-few-degrees", 12, 0},
		{"counts, nothing wrong", `{"kind":"regression","family":"poisson","outcome":"age","predictors":["bmi","sex","rare"]}`, "", 300, 60},
		{"itself", `{"kind":"linear","outcome":"bmi","predictors":["age"],"filter":"age < 20 AND one = 5"}`, "table-not-reproducible", 300, 0},
		{"nothing wrong", `{"kind":"linear","outcome":"bmi","predictors":["age","sex","rare"]}`, "", 300, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := modelOutput(t, marked(c.n, c.rare), c.spec, "")
			o.Data = nil
			v, fs, err := rederive.Judge(context.Background(), profile(t, "ark"), o)
			if err != nil {
				t.Fatal(err)
			}
			if c.rule == "" && v != disclosure.Pass || c.rule != "" && (v != disclosure.Fail || !slices.Contains(ruleIDs(fs), c.rule)) {
				t.Errorf("%s %v, want %s", v, ruleIDs(fs), c.rule)
			}
		})
	}
}

func TestALeaveOneOutRefitFails(t *testing.T) {
	p := profile(t, "ark")
	spec := func(filter string) string {
		return `{"kind":"logistic","outcome":"sex","predictors":["age","bmi"],"filter":"` + filter + `"}`
	}
	data := marked(300, 60)
	x := newPast(t, p)
	whole := modelOutput(t, data, spec(""), "")
	whole.Data = nil
	x.keep(whole)
	for _, c := range []struct {
		filter string
		want   disclosure.Verdict
	}{{"", disclosure.Pass}, {"person <> 'p7'", disclosure.Fail}, {"age >= 40", disclosure.Pass}} {
		o := modelOutput(t, data, spec(c.filter), "")
		o.Data = nil
		if v, fs := x.check(o); v != c.want {
			t.Errorf("%q: %s %v, want %s", c.filter, v, ruleIDs(fs), c.want)
		}
	}
}

// TestACoxModelIsForReview: what one record moves is undefined, which is said.
func TestACoxModelIsForReview(t *testing.T) {
	o := modelOutput(t, marked(300, 60), `{"kind":"regression","family":"cox","time":"age","event":"sex","predictors":["bmi","rare"]}`, "")
	o.Data = nil
	v, fs, err := rederive.Judge(context.Background(), profile(t, "ark"), o)
	if err != nil || v != disclosure.Review || !slices.Equal(ruleIDs(fs), []string{"model-influence"}) {
		t.Errorf("%s %v %v", v, ruleIDs(fs), err)
	}
}

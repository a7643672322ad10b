package rederive_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/differencing"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/rederive"
)

// weighed is a world with a weight and a follow-up time for each person.
func weighed() string {
	w := newWorld(41, 600)
	return w.csv(extra{"w", func(p someone) string { return fmt.Sprint(0.5 * float64(1+p.visits)) }},
		extra{"days", func(p someone) string { return fmt.Sprint(1 + (p.id*37+p.age)%20) }},
		extra{"died", func(p someone) string { return fmt.Sprint((p.id*13 + p.age) % 3 / 2) }})
}

// TestWhatIsWrittenIsMadeAgain: outputs of every kind that ark table writes are
// reproducible and pass, but for Cox models, whose influence is for a person to
// weigh; with one figure changed they fail.
func TestWhatIsWrittenIsMadeAgain(t *testing.T) {
	data := weighed()
	for _, spec := range []string{
		`{"kind":"crosstab","rows":["region"],"cols":["sex"]}`,
		`{"kind":"crosstab","rows":["region"],"values":"bmi","aggfunc":"mean,count"}`,
		`{"kind":"crosstab","rows":["region"],"weights":"w"}`,
		`{"kind":"crosstab","rows":["region"],"cols":["sex"],"weights":"w","values":"bmi","aggfunc":"mean"}`,
		`{"kind":"crosstab","rows":["region"],"weights":"w","values":"bmi","aggfunc":"sum"}`,
		`{"kind":"linear","outcome":"bmi","predictors":["age","sex"],"weights":"w"}`,
		`{"kind":"logistic","outcome":"died","predictors":["age","sex"],"weights":"w","filter":"age > 20"}`,
		`{"kind":"poisson","outcome":"visits","predictors":["age"]}`,
		`{"kind":"cox","time":"days","event":"died","predictors":["age","sex"]}`,
		`{"kind":"survival","time":"days","event":"died","rows":["sex"]}`,
		`{"kind":"histogram","values":"age","edges":[0,30,50,100]}`,
	} {
		o := modelOutput(t, data, spec, "")
		var b bytes.Buffer
		p := profile(t, "ark")
		if err := rederive.Write(&b, o, p, true); err != nil {
			t.Fatalf("%s: %v", spec, err)
		}
		o.Name, o.Data = "t.csv", b.Bytes()
		want, why := disclosure.Pass, []string(nil)
		if strings.Contains(spec, `"cox"`) {
			want, why = disclosure.Review, []string{"model-influence"}
		}
		if v, fs, err := rederive.Judge(context.Background(), p, o); err != nil || v != want || !slices.Equal(ruleIDs(fs), why) {
			t.Errorf("%s: %s %v %v\n%s", spec, v, ruleIDs(fs), err, o.Data)
		}
		lines := strings.Split(strings.TrimSpace(b.String()), "\n")
		last := strings.LastIndex(lines[1], ",")
		for col := strings.Count(lines[1], ","); col > 0; col-- {
			cells := strings.Split(lines[1], ",")
			var x float64
			if _, err := fmt.Sscan(cells[col], &x); err != nil || strings.Contains(lines[0], "days") && col < 3 {
				continue // a label; a step's time is where it is looked at, not a figure
			}
			cells[col] = fmt.Sprint(x + 20)
			other := slices.Clone(lines)
			other[1] = strings.Join(cells, ",")
			o.Data = []byte(strings.Join(other, "\n") + "\n")
			if v, fs, err := rederive.Judge(context.Background(), p, o); err != nil || v != disclosure.Fail || !slices.Contains(ruleIDs(fs), "table-not-reproducible") {
				t.Errorf("%s: %s instead of %s in column %d is not told: %s %v %v", spec, cells[col], lines[1][last+1:], col, v, ruleIDs(fs), err)
			}
		}
	}
}

func TestWeightedStatistics(t *testing.T) {
	data := "person,g,x,w\na,k,10,1\nb,k,20,3\nc,k,30,0\nd,k,40,\ne,k,,2\n"
	for spec, want := range map[string]string{
		`{"kind":"crosstab","rows":["g"],"weights":"w"}`:                                    "g,count\nk,6.00\n",
		`{"kind":"crosstab","rows":["g"],"weights":"w","values":"x","aggfunc":"sum,mean"}`:  "g,sum,mean\nk,70.00,17.50\n",
		`{"kind":"crosstab","rows":["g"],"weights":"w","values":"x","aggfunc":"count,sum"}`: "g,count,sum\nk,4.00,70.00\n",
	} {
		var b bytes.Buffer
		if err := rederive.Write(&b, modelOutput(t, data, spec, ""), profile(t, "ark"), false); err != nil || b.String() != want {
			t.Errorf("%s gives %q, %v", spec, b.String(), err)
		}
	}
	for _, bad := range []string{`{"kind":"crosstab","rows":["g"],"weights":"w","values":"x","aggfunc":"median"}`, `{"kind":"crosstab","rows":["g"],"weights":"g"}`,
		`{"kind":"cox","time":"x","event":"w","predictors":["x"],"weights":"w"}`, `{"kind":"survival","time":"x","event":"w","weights":"w"}`} {
		if s, err := rederive.Read(strings.NewReader(bad)); err == nil && s.Weights != "g" {
			t.Errorf("%s is accepted", bad)
		}
	}
	o := modelOutput(t, strings.ReplaceAll(data, ",3\n", ",-3\n"), `{"kind":"crosstab","rows":["g"],"weights":"w"}`, "")
	if err := rederive.Write(&bytes.Buffer{}, o, profile(t, "ark"), false); err == nil {
		t.Error("a negative weight is taken")
	}
}

// TestWeightsAsRepeatedRecords: a model with whole weights is that of the
// records repeated, but for the standard errors of a linear one.
func TestWeightsAsRepeatedRecords(t *testing.T) {
	w := newWorld(5, 300)
	once, often := w.csv(extra{"w", func(p someone) string { return fmt.Sprint(1 + p.visits) }}), ""
	lines := strings.Split(strings.TrimSpace(once), "\n")
	often = lines[0] + "\n"
	for i, l := range lines[1:] {
		often += strings.Repeat(l+"\n", 1+w.people[i].visits)
	}
	for _, spec := range []string{`{"kind":"logistic","outcome":"job","predictors":["age"]%s,"filter":"job < 2"}`, `{"kind":"poisson","outcome":"visits","predictors":["age","sex"]%s}`} {
		spec = strings.Replace(spec, `"job"`, `"y"`, 1)
		spec = strings.Replace(spec, `"job < 2"`, `"y < 2"`, 1)
		add := func(csv string) string {
			ls := strings.Split(strings.TrimSpace(csv), "\n")
			for i := range ls {
				if i == 0 {
					ls[i] += ",y"
				} else {
					ls[i] += fmt.Sprint(",", strings.Count(strings.Split(ls[i], ",")[1], "3")%2)
				}
			}
			return strings.Join(ls, "\n") + "\n"
		}
		var a, b bytes.Buffer
		if err := rederive.Write(&a, modelOutput(t, add(once), fmt.Sprintf(spec, `,"weights":"w"`), ""), profile(t, "ark"), false); err != nil {
			t.Fatal(err)
		}
		if err := rederive.Write(&b, modelOutput(t, add(often), fmt.Sprintf(spec, ""), ""), profile(t, "ark"), false); err != nil {
			t.Fatal(err)
		}
		for i, l := range strings.Split(a.String(), "\n")[1:] {
			x, y := strings.Split(l, ","), strings.Split(strings.Split(b.String(), "\n")[i+1], ",")
			for k := 1; k < len(x) && k < 6; k++ {
				var p, q float64
				_, _ = fmt.Sscan(x[k], &p)
				_, _ = fmt.Sscan(y[k], &q)
				if math.Abs(p-q) > 2e-4 {
					t.Errorf("%s: %v and %v", spec, x, y)
				}
			}
		}
	}
}

// TestWeightedFiguresAreCompared: a weighted count of all and one of all but
// one person give that person's weight away.
func TestWeightedFiguresAreCompared(t *testing.T) {
	data := weighed()
	spec := crosstab([]string{"region"}, nil, "")
	spec.Weights = "w"
	x := newPast(t, profile(t, "ark"))
	x.keep(output(t, data, spec, style{decimals: 2}))
	spec.Filter = "person <> 'p9'"
	v, fs := x.check(output(t, data, spec, style{decimals: 2}))
	if v != disclosure.Fail || !slices.Contains(ruleIDs(fs), "release-difference") {
		t.Errorf("%s %v", v, ruleIDs(fs))
	}
}

// TestFilesOfOneRequestAreCompared: two tables of one request that pass alone
// are told to differ by a few people; nothing else is kept of them.
func TestFilesOfOneRequestAreCompared(t *testing.T) {
	w := newWorld(9, 400)
	w.people[3].age, w.people[9].age = 97, 97
	d := w.csv()
	h := differencing.New()
	p := profile(t, "ark")
	a, b := output(t, d, crosstab([]string{"sex"}, nil, ""), style{}), output(t, d, crosstab([]string{"sex"}, nil, "age < 90"), style{})
	if fs, err := rederive.BesideFiles(context.Background(), p, a, h, number); err != nil || len(fs) > 0 {
		t.Fatalf("the first: %v %v", fs, err)
	}
	fs, err := rederive.BesideFiles(context.Background(), p, b, h, number)
	if err != nil || len(fs) == 0 || fs[0].Rule != "release-difference" || fs[0].Severity != disclosure.SevFail || !strings.Contains(fs[0].Evidence["combination"], "another file of this request") {
		t.Errorf("the second: %+v %v", fs, err)
	}
}

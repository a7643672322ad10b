package disclosure

import (
	"context"
	"math"
	"strings"
	"testing"
)

// ACRO's own test of ols on this table prints an R² of 0.894 with 807 degrees
// of freedom (AI-SDC/ACRO v1.0.1, test_ols).
func TestRegressionOfTheCharities(t *testing.T) {
	frame := charities(t)
	s := Spec{Kind: KindRegression, Outcome: "inc_activity", Predictors: []string{"inc_grants", "inc_donations", "total_costs"}}
	keep, err := frame.filtered("")
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDesign(frame, s, keep)
	if err != nil {
		t.Fatal(err)
	}
	got := d.ols(nil, d.y)
	if math.Abs(got.r2-0.8943129) > 1e-6 || got.rank != 4 {
		t.Errorf("R² %.7f, rank %d, n %d", got.r2, got.rank, len(d.x))
	}
	sum := 0.0
	for _, h := range got.leverage {
		sum += h
	}
	if math.Abs(sum-4) > 1e-8 {
		t.Errorf("the leverages add up to %v, not to the number of coefficients", sum)
	}
}

// A logistic model of one indicator has log odds as its coefficients: 20 of 50
// against 10 of 60.
func TestLogitOfATwoByTwoTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("y,g\n")
	for _, c := range []struct {
		y, g string
		n    int
	}{{"1", "b", 20}, {"0", "b", 30}, {"1", "a", 10}, {"0", "a", 50}} {
		b.WriteString(strings.Repeat(c.y+","+c.g+"\n", c.n))
	}
	frame, err := ReadFrame(context.Background(), strings.NewReader(b.String()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	m := Microdata{Frame: frame, Spec: Spec{Kind: KindRegression, Outcome: "y", Predictors: []string{"g"}, Family: "logit"}}
	keep, _ := frame.filtered("")
	d, err := newDesign(frame, m.Spec, keep)
	if err != nil {
		t.Fatal(err)
	}
	got := d.logit()
	if want := math.Log(20.0/30) - math.Log(10.0/50); math.Abs(got.coef[1]-want) > 1e-9 || !got.settled {
		t.Errorf("%v, want %v", got.coef[1], want)
	}
	for b, wrong := range map[string]bool{"1.204": false, "1.304": true} {
		table := "term,coef,p-value\nIntercept,-1.609,0.001\ng[T.b]," + b + ",0.01\n"
		_, fs, err := CheckMicrodata(context.Background(), profile(t, "acro"), m, &File{Name: "t.csv", Reader: strings.NewReader(table)})
		if err != nil || wrong != (rulesOf(fs) == "table-not-reproducible") || !wrong && rulesOf(fs) != "" {
			t.Errorf("%s: [%s] %v", b, rulesOf(fs), err)
		}
	}
}

// A Kaplan–Meier curve by hand: 20 people, 5 events at 1, 5 lost at 2, 5
// events at 3.
func TestSurvivalCurve(t *testing.T) {
	var b strings.Builder
	b.WriteString("t,e\n")
	for _, c := range []struct {
		row string
		n   int
	}{{"1,1\n", 25}, {"2,0\n", 25}, {"3,1\n", 25}, {"4,0\n", 25}} {
		b.WriteString(strings.Repeat(c.row, c.n))
	}
	frame, err := ReadFrame(context.Background(), strings.NewReader(b.String()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	m := Microdata{Frame: frame, Spec: Spec{Kind: KindSurvival, Time: "t", Event: "e"}}
	for table, want := range map[string]string{
		"time,survival,n at risk\n1,0.75,100\n2,0.75,75\n3,0.375,50\n": "",
		"time,survival,n at risk\n1,0.75,100\n2,0.75,75\n3,0.365,50\n": "table-not-reproducible",
		"time,survival,n at risk\n1,0.75,100\n2,0.75,70\n3,0.375,50\n": "table-not-reproducible",
	} {
		_, fs, err := CheckMicrodata(context.Background(), profile(t, "acro"), m, &File{Name: "t.csv", Reader: strings.NewReader(table)})
		if err != nil || rulesOf(fs) != want {
			t.Errorf("%s: [%s] %v, want [%s]", table, rulesOf(fs), err, want)
		}
	}
	b.WriteString("5,1\n")
	frame, err = ReadFrame(context.Background(), strings.NewReader(b.String()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	m.Frame = frame
	if _, fs, err := CheckMicrodata(context.Background(), profile(t, "acro"), m, nil); err != nil || !strings.Contains(rulesOf(fs), "survival-step") {
		t.Errorf("a step of one person: [%s] %v", rulesOf(fs), err)
	}
}

// Bins with the last one closed; an edge at the largest value fails.
func TestHistogram(t *testing.T) {
	var b strings.Builder
	b.WriteString("x\n")
	for i := range 40 {
		b.WriteString([]string{"1\n", "2.5\n", "4\n", "6\n"}[i%4])
	}
	frame, err := ReadFrame(context.Background(), strings.NewReader(b.String()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	x := "x"
	m := Microdata{Frame: frame, Spec: Spec{Kind: KindHistogram, Values: &x, Edges: []float64{0, 2, 4, 6}}}
	for name, c := range map[string]struct {
		edges []float64
		table string
		want  string
	}{
		"edge-at-the-maximum": {[]float64{0, 2, 4, 6}, "", "histogram-edge"},
		"round-outward":       {[]float64{0, 2, 4, 8}, "bin,n\n\"[0, 2)\",10\n\"[2, 4)\",10\n\"[4, 8]\",20\n", ""},
		"last-bin-open":       {[]float64{0, 2, 4, 6.5}, "bin,n\n\"[0, 2)\",10\n\"[2, 4)\",10\n\"[4, 6.5]\",10\n", "table-not-reproducible"},
	} {
		m.Spec.Edges = c.edges
		var f *File
		if c.table != "" {
			f = &File{Name: "t.csv", Reader: strings.NewReader(c.table)}
		}
		if _, fs, err := CheckMicrodata(context.Background(), profile(t, "acro"), m, f); err != nil || rulesOf(fs) != c.want {
			t.Errorf("%s: [%s] %v, want [%s]", name, rulesOf(fs), err, c.want)
		}
	}
}

// A rate of an area whose population is published is a count.
func TestPublishedPopulations(t *testing.T) {
	f := File{Name: "t.csv", Reader: strings.NewReader("Area,Rate per 100000\nLeeds,0.6\nYork,52.1\n"), Populations: map[string]int64{"leeds": 812_000, "york": 202_800}}
	v, fs, err := CheckTable(context.Background(), profile(t, "uk-llc"), f)
	if err != nil || v != Fail || !strings.Contains(rulesOf(fs), "count-derived-small") || fs[0].Evidence["count_to"] != "5" {
		t.Errorf("%s %+v %v", v, fs, err)
	}
}

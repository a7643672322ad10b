package disclosure

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	policy "github.com/ark-tre/ark/policies/disclosure"
)

type source struct{ *rand.Rand }

func (s source) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(s.Uint32())
	}
	return len(b), nil
}

func keyed(t testing.TB) policy.Profile {
	p := profile(t, "cms")
	p.Evidence["rounding"] = policy.Evidence{Source: "this test", Date: "2026-11-22", Grade: policy.Own}
	p.Rounding = &policy.Rounding{Base: 3, Mode: policy.CellKey, Order: "suppress-then-round", Totals: "own"}
	return p
}

// Noise is nothing on average, never below one, and a zero stays.
func TestNoiseTable(t *testing.T) {
	if noiseOf(0, 3, 0.9) != 0 {
		t.Error("a zero got noise")
	}
	for _, n := range []int64{2, 3, 5, 11, 200} {
		sum := 0.0
		const draws = 20000
		for k := range draws {
			x := noiseOf(n, 3, (float64(k)+0.5)/draws)
			if x < -3 || x > 3 || n+x < 1 {
				t.Fatalf("noise %d on %d", x, n)
			}
			sum += float64(x)
		}
		if mean := sum / draws; math.Abs(mean) > 0.01 {
			t.Errorf("the noise on %d is %.3f on average", n, mean)
		}
	}
}

// The same cell has the same noise in every table, however often it is asked:
// by its labels, and with the microdata by the people in it.
func TestNoiseIsConsistent(t *testing.T) {
	p := keyed(t)
	ask := func(csv string, m *Microdata) string {
		r, err := RoundWith(context.Background(), p, File{Name: "t.csv", Reader: strings.NewReader(csv)}, 7, m)
		if err != nil {
			t.Fatal(err)
		}
		return r.Table
	}
	cells := func(csv string) map[string]string {
		out := map[string]string{}
		for _, l := range strings.Split(strings.TrimSpace(csv), "\n")[1:] {
			f := strings.Split(l, ",")
			out[f[0]+" "+f[1]] = f[2]
			out[f[1]+" "+f[0]] = f[2]
		}
		return out
	}
	a := cells(ask("sex,region,n\nF,North,120\nF,South,57\nM,North,80\nM,South,44\n", nil))
	b := cells(ask("region,sex,n\nNorth,F,120\nNorth,M,80\nSouth,F,57\nSouth,M,44\n", nil))
	for k, v := range a {
		if b[k] != v {
			t.Errorf("%s is %s in one table and %s in the other", k, v, b[k])
		}
	}
	// The people of a cell under other labels: sex F is group "x".
	var data strings.Builder
	data.WriteString("id,sex,g\n")
	for i := range 90 {
		fmt.Fprintf(&data, "%d,%s,%s\n", i, []string{"F", "M"}[i%3/2], []string{"x", "y"}[i%3/2])
	}
	frame, err := ReadFrame(context.Background(), strings.NewReader(data.String()), int64(data.Len()))
	if err != nil {
		t.Fatal(err)
	}
	one := ask("sex,n\nF,60\nM,30\n", &Microdata{Frame: frame, Unit: "id", Spec: Spec{Kind: KindCrosstab, Rows: []string{"sex"}}})
	two := ask("g,n\nx,60\ny,30\n", &Microdata{Frame: frame, Unit: "id", Spec: Spec{Kind: KindCrosstab, Rows: []string{"g"}}})
	if strings.NewReplacer("sex", "g", "F", "x", "M", "y").Replace(one) != two {
		t.Errorf("the same people got different noise:\n%s%s", one, two)
	}
}

// Handbook on SDC 5.7: a true mean beside a true sum gives the true count back.
// After the treatment every count that the noise allows still fits.
func TestMeanAttackIsClosed(t *testing.T) {
	p := keyed(t)
	rng := rand.New(rand.NewPCG(3, 1))
	for range 200 {
		n := 12 + rng.Int64N(300)
		sum := n*20 + rng.Int64N(n*30)
		csv := fmt.Sprintf("g,n,sum,mean\na,%d,%d,%.6f\n", n, sum, float64(sum)/float64(n))
		r, err := RoundTable(context.Background(), p, File{Name: "t.csv", Reader: strings.NewReader(csv)}, rng.Int64())
		if err != nil {
			t.Fatal(err)
		}
		f := strings.Split(strings.Split(r.Table, "\n")[1], ",")
		shown, _ := strconv.ParseInt(f[1], 10, 64)
		mean, _ := strconv.ParseFloat(f[3], 64)
		_, frac, _ := strings.Cut(f[3], ".")
		half := 0.5 * math.Pow(10, -float64(len(frac)))
		if math.Abs(float64(sum)/float64(shown)-mean) > half*1.001 {
			t.Fatalf("the mean is not the sum over the shown count: %s from %s", r.Table, csv)
		}
		// The mean alone: every count within the noise has a whole sum near it.
		for m := shown - 3; m <= shown+3; m++ {
			if k := math.Round(mean * float64(m)); math.Abs(k/float64(m)-mean) > half+0.5/float64(m) {
				t.Fatalf("%d people are ruled out by a mean of %s", m, f[3])
			}
		}
	}
}

// The draws have the distribution they should: P(0) and the mean size of
// discrete Laplace noise of scale 2, over a fixed source.
func TestDiscreteLaplace(t *testing.T) {
	src := source{rand.New(rand.NewPCG(9, 9))}
	const draws = 40000
	zero, size, sum := 0, 0.0, 0.0
	for range draws {
		x, err := discreteLaplace(src, big.NewRat(2, 1))
		if err != nil {
			t.Fatal(err)
		}
		if x == 0 {
			zero++
		}
		size += math.Abs(float64(x))
		sum += float64(x)
	}
	a := math.Exp(-0.5)
	if want := (1 - a) / (1 + a); math.Abs(float64(zero)/draws-want) > 0.01 {
		t.Errorf("P(0) is %.4f, should be %.4f", float64(zero)/draws, want)
	}
	if want := 2 * a / (1 - a*a); math.Abs(size/draws-want) > 0.05 || math.Abs(sum/draws) > 0.06 {
		t.Errorf("mean size %.3f, should be %.3f; mean %.3f", size/draws, want, sum/draws)
	}
}

// The budget refuses where no profile grants one, beyond one release's part,
// beyond the whole, and a second draw of the same release.
func TestPrivacyBudget(t *testing.T) {
	var b PrivacyBudget
	p := profile(t, "ark")
	if b.Spend(p, "one", "0.1") == nil {
		t.Error("a profile without a budget granted one")
	}
	p.Privacy = &policy.Privacy{Epsilon: "0.25", Most: "0.1"}
	p.Classes = append(p.Classes, policy.Private)
	for i, c := range []struct {
		id, epsilon string
		ok          bool
	}{{"one", "0.1", true}, {"one", "0.1", false}, {"two", "0.2", false}, {"two", "0.1", true}, {"three", "0.1", false}, {"three", "0.05", true}, {"four", "0.0001", false}, {"five", "0", false}, {"five", "-1", false}} {
		if err := b.Spend(p, c.id, c.epsilon); (err == nil) != c.ok {
			t.Errorf("%d: %v", i, err)
		}
	}
	csv := "g,n,mean\na,120,4.25\nb,80,5.5\nTotal,200,5\n"
	r, err := MakePrivate(context.Background(), p, File{Name: "t.csv", Reader: strings.NewReader(csv)}, "0.1", 1, source{rand.New(rand.NewPCG(1, 2))})
	if err != nil || r.Noised != 2 || r.Totals != 1 || strings.Contains(r.Table, "4.25") {
		t.Fatalf("%+v %v", r, err)
	}
	lines := strings.Split(r.Table, "\n")
	at := func(i int) int64 { n, _ := strconv.ParseInt(strings.Split(lines[i], ",")[1], 10, 64); return n }
	if at(1)+at(2) != at(3) {
		t.Errorf("the total is not the sum: %s", r.Table)
	}
	if _, err := MakePrivate(context.Background(), profile(t, "ark"), File{Name: "t.csv", Reader: strings.NewReader(csv)}, "0.1", 1, source{rand.New(rand.NewPCG(1, 2))}); err == nil {
		t.Error("a profile without a budget made a table")
	}
}

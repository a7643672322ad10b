package disclosure

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseCell(t *testing.T) {
	for _, c := range []struct {
		in   string
		kind cellKind
		nums []float64
	}{
		{"", cellBlank, nil}, {"  ", cellBlank, nil}, {"*", cellMark, nil}, {"[c]", cellMark, nil}, {"[REDACTED]", cellMark, nil},
		{"..", cellMark, nil}, {"<10", cellMark, nil}, {"≤7", cellMark, nil}, {"fewer than 10", cellMark, nil}, {"-", cellMark, nil},
		{"NaN", cellNA, nil}, {"12", cellNumber, []float64{12}}, {"-12", cellNumber, []float64{-12}},
		{"1,234,567", cellNumber, []float64{1234567}}, {"12 (3.4%)", cellNumber, []float64{12, 3.4}},
		{"1.2 [1.0, 1.4]", cellNumber, []float64{1.2, 1, 1.4}}, {"1.20 (1.10–1.40)", cellNumber, []float64{1.2, 1.1, 1.4}},
		{"0.3 (-0.1 to 0.7)", cellNumber, []float64{0.3, -0.1, 0.7}}, {"3/40", cellNumber, []float64{3, 40}},
		{"54.2 ± 12.1", cellNumber, []float64{54.2, 12.1}}, {"1e-05", cellNumber, []float64{1e-5}}, {"£1,200", cellNumber, []float64{1200}},
		{"2020-01-31", cellText, nil}, {"31/01/2020", cellText, nil}, {"20-24", cellText, nil}, {"65+", cellNumber, []float64{65}},
		{"<0.001", cellNumber, []float64{0.001}}, {"Male", cellText, nil}, {"E11.9", cellText, nil}, {"12a", cellText, nil}, {"45.0%", cellNumber, []float64{45}},
	} {
		got := parseCell(c.in)
		var nums []float64
		for _, v := range got.values {
			nums = append(nums, v.f)
		}
		if got.kind != c.kind || cmp.Diff(c.nums, nums) != "" {
			t.Errorf("%q: kind %d %v, want %d %v", c.in, got.kind, nums, c.kind, c.nums)
		}
	}
}

func FuzzParseCell(f *testing.F) {
	for _, s := range []string{"12 (3.4%)", "<10", "1,234.5e-3", "−5", "((((", "%", "1.2 [1.0, 1.4]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := parseCell(s)
		if c.kind == cellNumber && len(c.values) == 0 {
			t.Errorf("%q is a number without one", s)
		}
	})
}

package disclosure

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// thousand is a cross-tabulation of 1,000 cells.
func thousand() string {
	rng := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	b.WriteString("row")
	for c := range 20 {
		fmt.Fprintf(&b, ",group %c", 'a'+c)
	}
	b.WriteByte('\n')
	for r := range 50 {
		fmt.Fprintf(&b, "area %d", r)
		for range 20 {
			fmt.Fprintf(&b, ",%d", 5*(1+rng.IntN(300)))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// BenchmarkThousandCells judges a 1,000-cell table under the ark profile.
func BenchmarkThousandCells(b *testing.B) {
	p, csv := profile(b, "ark"), thousand()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := CheckTable(context.Background(), p, File{Name: "t.csv", Reader: strings.NewReader(csv)}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLongTable judges a table of 15,000 rows, some of whose counts are
// withheld, of about 1 MB.
func BenchmarkLongTable(b *testing.B) {
	p := profile(b, "ark")
	rng := rand.New(rand.NewPCG(1, 1))
	var t strings.Builder
	t.WriteString("area,sex,patients,deaths,percent dead,rate per 1000,mean age,sd age\n")
	for r := range 15_000 {
		n := fmt.Sprint(5 * (200 + rng.IntN(600)))
		if r%10 == 0 {
			n = "[REDACTED]"
		}
		fmt.Fprintf(&t, "general practice of area %d,%s,%s,%d,%.1f,%.1f,%.1f,%.2f\n", r/2, []string{"female", "male"}[r%2], n, 5*(2+rng.IntN(20)), 100*rng.Float64(), 100*rng.Float64(), 30+50*rng.Float64(), 5+10*rng.Float64())
	}
	csv := t.String()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := CheckTable(context.Background(), p, File{Name: "t.csv", Reader: strings.NewReader(csv)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(csv))/1e6, "MB")
}

// BenchmarkACROCrosstab recomputes and judges ACRO's own test table.
func BenchmarkACROCrosstab(b *testing.B) {
	f, err := os.Open("testdata/acro_charities.csv")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	frame, err := ReadFrame(context.Background(), f, st.Size())
	if err != nil {
		b.Fatal(err)
	}
	sp, err := ReadSpec(strings.NewReader(`{"kind":"crosstab","rows":["year"],"cols":["grant_type"],"values":"inc_grants","aggfunc":"mean","margins":false}`))
	if err != nil {
		b.Fatal(err)
	}
	p := profile(b, "acro")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := CheckMicrodata(context.Background(), p, Microdata{Frame: frame, Spec: sp, Unit: "unit_id"}, nil); err != nil {
			b.Fatal(err)
		}
	}
}

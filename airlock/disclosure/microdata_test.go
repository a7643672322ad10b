package disclosure

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
)

// acro_charities.csv: the test microdata of AI-SDC/ACRO (MIT), names replaced
// by unit_id; see testdata/SOURCES.md.
func charities(t testing.TB) *Frame { return frameOf(t, "testdata/acro_charities.csv") }

func frameOf(t testing.TB, name string) *Frame {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	fr, err := ReadFrame(context.Background(), f, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	return fr
}

func spec(t testing.TB, s string) Spec {
	t.Helper()
	x, err := ReadSpec(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// found lists rule@row/col of the findings of a rule.
func found(fs []Finding, rule string) []string {
	var out []string
	for _, f := range fs {
		if f.Rule == rule && f.Where.Cell != nil {
			out = append(out, strings.Join(f.Where.Cell.Row, "|")+"/"+strings.Join(f.Where.Cell.Col, "|"))
		}
	}
	return out
}

func micro(t testing.TB, prof string, f *Frame, s, unit, table string) (Verdict, []Finding) {
	t.Helper()
	var file *File
	if table != "" {
		file = &File{Name: "table.csv", Reader: strings.NewReader(table)}
	}
	v, fs, err := CheckMicrodata(context.Background(), profile(t, prof), Microdata{Frame: f, Spec: spec(t, s), Unit: unit}, file)
	if err != nil {
		t.Fatal(err)
	}
	return v, fs
}

const yearGrant = `{"kind":"crosstab","rows":["year"],"cols":["grant_type"],"values":null,"aggfunc":null,"margins":false,"filter":""}`

// ADV-01, fixture acro-ct-year-grant: six cells of 8 (R/G in each year).
func TestACROCrosstab(t *testing.T) {
	v, fs := micro(t, "acro", charities(t), yearGrant, "", "")
	want := "2010/R/G 2011/R/G 2012/R/G 2013/R/G 2014/R/G 2015/R/G"
	if got := strings.Join(found(fs, "count-below-threshold"), " "); v != Fail || got != want {
		t.Errorf("%s [%s], want [%s]", v, got, want)
	}
}

// ADV-29: off by one is not reproducible; the true table is.
func TestReproducible(t *testing.T) {
	good := "year,G,N,R,R/G\n"
	for y := 2010; y <= 2015; y++ {
		good += fmt.Sprintf("%d,15,59,71,8\n", y)
	}
	f := charities(t)
	if _, fs := micro(t, "uk-llc", f, yearGrant, "", good); len(found(fs, "table-not-reproducible")) != 0 || len(found(fs, "count-below-threshold")) != 6 {
		t.Errorf("the true table: %+v", fs)
	}
	bad := strings.Replace(good, "2012,15,59", "2012,15,58", 1)
	if _, fs := micro(t, "uk-llc", f, yearGrant, "", bad); strings.Join(found(fs, "table-not-reproducible"), " ") != "2012/N" {
		t.Errorf("off by one: %v", found(fs, "table-not-reproducible"))
	}
	masked := strings.ReplaceAll(strings.ReplaceAll(good, ",8\n", ",*\n"), "59,71", "60,70")
	if v, fs := micro(t, "ark", f, yearGrant, "", masked); v != Pass {
		t.Errorf("masked and rounded: %s %+v", v, fs)
	}
	if _, fs := micro(t, "uk-llc", f, yearGrant, "", strings.Replace(good, "R/G\n", "X\n", 1)); len(found(fs, "table-not-reproducible")) != 6 {
		t.Errorf("a foreign column: %v", fs)
	}
}

// ADV-15: rows are not units.
func TestUnitsNotRows(t *testing.T) {
	var b strings.Builder
	b.WriteString("unit,g\n")
	for i := range 18 {
		fmt.Fprintf(&b, "u%d,a\n", i%3)
	}
	for i := range 40 {
		fmt.Fprintf(&b, "v%d,b\n", i)
	}
	f, err := ReadFrame(context.Background(), strings.NewReader(b.String()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	s := `{"kind":"crosstab","rows":["g"],"cols":[]}`
	if v, _ := micro(t, "uk-llc", f, s, "", ""); v != Pass {
		t.Errorf("by rows: %s", v)
	}
	v, fs := micro(t, "uk-llc", f, s, "unit", "")
	if got := strings.Join(found(fs, "count-below-threshold"), " "); v != Fail || got != "a/" {
		t.Errorf("by units: %s %s", v, got)
	}
}

// ADV-07, 09, 11, 17, 19 in own numbers, against microdata.
func TestPlantedInMicrodata(t *testing.T) {
	rows := "id,g,h,firm,v\n"
	n := 0
	add := func(g, h, firm string, v string, k int) {
		for range k {
			n++
			rows += fmt.Sprintf("%d,%s,%s,%s,%s\n", n, g, h, firm+fmt.Sprint(n), v)
		}
	}
	add("divorced", "full", "f", "3", 15)
	add("divorced", "part", "f", "4", 1)
	add("married", "full", "f", "7", 15) // all the same
	for i := range 30 {
		add("single", []string{"full", "part"}[i%2], "f", fmt.Sprint(10+i), 1)
	}
	add("widowed", "part", "f", "1000", 1)
	for i := range 14 {
		add("widowed", []string{"full", "part"}[i%2], "f", fmt.Sprint(10+i), 1)
	}
	f, err := ReadFrame(context.Background(), strings.NewReader(rows), int64(len(rows)))
	if err != nil {
		t.Fatal(err)
	}
	_, fs := micro(t, "uk-llc", f, `{"kind":"crosstab","rows":["g"],"cols":["h"]}`, "id", "")
	if got := strings.Join(found(fs, "count-all-but-one"), " "); got != "divorced/full" {
		t.Errorf("within-group: %s", got)
	}
	_, fs = micro(t, "abs-datalab", f, `{"kind":"crosstab","rows":["g"],"cols":[],"values":"v","aggfunc":"mean,max,std"}`, "id", "")
	for rule, want := range map[string]string{"cell-all-same": "married/ married/ married/", "statistic-endpoint": "divorced/ married/ single/ widowed/", "cell-dominated": "widowed/ widowed/"} {
		if got := strings.Join(found(fs, rule), " "); got != want {
			t.Errorf("%s: %q, want %q", rule, got, want)
		}
	}
	// Per unit before dominance: the same firm in two rows is one contributor.
	small := "id,g,v\n1,a,30\n1,a,30\n"
	for i := range 12 {
		small += fmt.Sprintf("%d,a,%d\n", i+2, 4+i%2)
	}
	f, err = ReadFrame(context.Background(), strings.NewReader(small), int64(len(small)))
	if err != nil {
		t.Fatal(err)
	}
	sum := `{"kind":"crosstab","rows":["g"],"cols":[],"values":"v","aggfunc":"sum"}`
	if _, fs := micro(t, "abs-datalab", f, sum, "id", ""); len(found(fs, "cell-dominated")) != 1 {
		t.Errorf("60 of 114 by one unit passes (1,50): %v", fs)
	}
	if _, fs := micro(t, "abs-datalab", f, sum, "", ""); len(found(fs, "cell-dominated")) != 0 {
		t.Errorf("by records nobody has more than half: %v", fs)
	}
}

func TestMarginsFiltersAndNulls(t *testing.T) {
	data := "a,b,v\nx,p,1\nx,q,2\ny,p,3\ny,,4\n,q,5\nx,p,\n"
	f, err := ReadFrame(context.Background(), strings.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Recompute(f, spec(t, `{"kind":"crosstab","rows":["a"],"cols":["b"],"values":"v","aggfunc":"count,sum,mode","margins":true,"filter":"a <> 'z'"}`), "")
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, c := range r.Cells {
		got += fmt.Sprintf("%s%s=%v ", strings.Join(c.Row, ""), strings.Join(c.Col, ""), c.Values)
	}
	want := "xp=[1 1 1] xq=[1 2 2] xAll=[2 3 1] yp=[1 3 3] yq=[0 NaN NaN] yAll=[1 3 3] Allp=[2 4 1] Allq=[1 2 2] AllAll=[3 6 1] "
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestBadSpecs(t *testing.T) {
	for _, s := range []string{``, `{}`, `{"kind":"crosstab","rows":[]}`, `{"kind":"regression","rows":["a"]}`, `{"kind":"crosstab","rows":["a"],"cols":["a"]}`,
		`{"kind":"crosstab","rows":["a"],"aggfunc":"mean"}`, `{"kind":"crosstab","rows":["a"],"values":"v","aggfunc":"variance"}`, `{"kind":"crosstab","rows":["a"],"surprise":1}`,
		`{"kind":"crosstab","rows":["a"],"values":"v"}`} {
		if _, err := ReadSpec(strings.NewReader(s)); err == nil {
			t.Errorf("%s was accepted", s)
		}
	}
}

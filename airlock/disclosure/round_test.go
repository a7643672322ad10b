package disclosure

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"testing/fstest"
)

// The table of the OpenSAFELY page before and after rounding: totals are the
// sum of the rounded counts.
func TestRoundTableOpenSAFELY(t *testing.T) {
	in := "Age band,Heart disease,Population\n21-30,3,18\n31-40,8,23\n41-50,16,31\n51+,23,44\nTotal,50,116\n"
	want := "Age band,Heart disease,Population\n21-30,[7 or fewer],20\n31-40,10,25\n41-50,15,30\n51+,25,45\nTotal,50,120\n"
	r, err := RoundTable(context.Background(), profile(t, "opensafely"), File{Name: "t.csv", Reader: strings.NewReader(in)}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if r.Table != want {
		t.Errorf("got\n%swant\n%s", r.Table, want)
	}
	if r.Audit.Verdict != Pass || r.Audit.Masked != 1 || r.Audit.Totals != 2 || r.Audit.Furthest != 2 {
		t.Errorf("%+v", r.Audit)
	}
}

func TestRandomRoundingRepeats(t *testing.T) {
	p := profile(t, "opensafely")
	rd := *p.Rounding
	rd.Mode, rd.Base = "random", 3
	p.Rounding = &rd
	in := "g,n\na,20\nb,31\nc,44\n"
	first, err := RoundTable(context.Background(), p, File{Name: "t.csv", Reader: strings.NewReader(in)}, 7)
	if err != nil {
		t.Fatal(err)
	}
	again, err := RoundTable(context.Background(), p, File{Name: "t.csv", Reader: strings.NewReader("g,n\nc,44\na,20\nb,31\n")}, 7)
	if err != nil {
		t.Fatal(err)
	}
	a, b := strings.Split(first.Table, "\n"), strings.Split(again.Table, "\n")
	if a[1] != b[2] || a[3] != b[1] {
		t.Errorf("the same cell got other noise:\n%s\n%s", first.Table, again.Table)
	}
	differs := false
	for seed := range int64(20) {
		r, err := RoundTable(context.Background(), p, File{Name: "t.csv", Reader: strings.NewReader(in)}, seed)
		if err != nil {
			t.Fatal(err)
		}
		differs = differs || r.Table != first.Table
	}
	if !differs {
		t.Error("no seed changes anything")
	}
}

func TestACROResults(t *testing.T) {
	sum := func(s string) *fstest.MapFile {
		h := sha256.Sum256([]byte(s))
		return &fstest.MapFile{Data: []byte(hex.EncodeToString(h[:]))}
	}
	small, fine := "year,G,R/G\n2010,15,8\n2011,15,20\n", "year,G,R\n2010,15,25\n2011,15,20\n"
	dir := fstest.MapFS{
		"results.json": {Data: []byte(`{"version":"1.0.1","results":{
			"output_0":{"uid":"output_0","status":"pass","type":"table","files":[{"name":"output_0_0.csv","sdc":{}}]},
			"output_1":{"uid":"output_1","status":"fail","type":"table","files":[{"name":"output_1_0.csv"}]},
			"output_2":{"uid":"output_2","status":"pass","type":"custom","files":[{"name":"../secret.csv"}]},
			"output_3":{"uid":"output_3","status":"pass","type":"table","files":[{"name":"output_3_0.csv"}]}}}`)},
		"output_0_0.csv": {Data: []byte(small)}, "checksums/output_0_0.csv.txt": sum(small),
		"output_1_0.csv": {Data: []byte(fine)}, "checksums/output_1_0.csv.txt": sum(fine),
		"output_3_0.csv": {Data: []byte(fine)}, "checksums/output_3_0.csv.txt": sum(small),
	}
	out, err := CheckACRO(context.Background(), profile(t, "ark"), dir, File{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"output_0": "fail count-below-threshold", "output_1": "pass ", "output_2": "fail file-changed", "output_3": "fail file-changed"} {
		if got := string(out[name].Verdict) + " " + rulesOf(out[name].Findings); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if _, err := CheckACRO(context.Background(), profile(t, "ark"), fstest.MapFS{}, File{}); err == nil {
		t.Error("an empty folder was read")
	}
}

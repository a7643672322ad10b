package disclosure

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
)

// grid lays texts out as sheet cells from a corner.
func gridCells(row, col int, lines ...[]string) []SheetCell {
	var out []SheetCell
	for i, l := range lines {
		for k, s := range l {
			if s != "" {
				out = append(out, SheetCell{Row: row + i, Col: col + k, Text: s})
			}
		}
	}
	return out
}

// A sheet travels as Arrow and is judged table by table, with references into
// the sheet.
func TestSheets(t *testing.T) {
	first := append(gridCells(1, 2, []string{"Patients by region"}), gridCells(3, 2, []string{"Region", "Patients"}, []string{"North", "25"}, []string{"South", "30"})...)
	first = append(first, gridCells(8, 4, []string{"Sex", "N"}, []string{"F", "45"}, []string{"M", "3"})...)
	sheets := []Sheet{{"Tables", first}, {"Clean", gridCells(1, 1, []string{"Age", "N"}, []string{"18-64", "120"}, []string{"65+", "80"})}}
	var b bytes.Buffer
	if err := WriteSheets(&b, sheets); err != nil {
		t.Fatal(err)
	}
	back, err := ReadSheets(&b)
	if err != nil || len(back) != 2 || len(back[0].Cells) != len(first) {
		t.Fatalf("%v %v", back, err)
	}
	v, fs, err := CheckSheets(context.Background(), profile(t, "ark"), File{Name: "book.xlsx"}, back)
	if err != nil || v != Fail {
		t.Fatalf("%s %v", v, err)
	}
	for _, f := range fs {
		if f.Severity == SevFail && (f.Rule != "count-below-threshold" || f.Where.Sheet != "Tables" || f.Where.Ref != "E10" || f.Where.Line != 10) {
			t.Errorf("%+v", f)
		}
	}
	if v, _, _ := CheckSheets(context.Background(), profile(t, "ark"), File{Name: "book.xlsx"}, nil); v != Fail {
		t.Error("a workbook without sheets passed")
	}
	if v, _, _ := CheckSheets(context.Background(), profile(t, "ark"), File{Name: "book.xlsx"}, []Sheet{{"a", []SheetCell{{0, 1, "x"}}}}); v != Fail {
		t.Error("a cell outside the sheet passed")
	}
}

func FuzzReadSheets(f *testing.F) {
	var b bytes.Buffer
	if err := WriteSheets(&b, []Sheet{{"a", []SheetCell{{1, 1, "x"}, {2, 1, "3"}}}}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:40])
	p := profile(f, "ark")
	f.Fuzz(func(t *testing.T, b []byte) {
		sheets, err := ReadSheets(bytes.NewReader(b))
		if err == nil {
			if _, _, err := CheckSheets(context.Background(), p, File{Name: "b.xlsx"}, sheets); err != nil && len(sheets) < 2 {
				t.Error(err)
			}
		}
	})
}

// A stream damaged anywhere is refused or read, at no great cost.
func TestDamagedSheets(t *testing.T) {
	var b bytes.Buffer
	if err := WriteSheets(&b, []Sheet{{"a", []SheetCell{{1, 1, "x"}, {2, 1, "3"}}}}); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	refused := 0
	for range 5000 {
		x := bytes.Clone(b.Bytes())
		for range 1 + rng.IntN(3) {
			x[rng.IntN(len(x))] = byte(rng.IntN(256))
		}
		if _, err := ReadSheets(bytes.NewReader(x)); err != nil {
			refused++
		}
	}
	if refused < 1000 {
		t.Errorf("%d of 5000 damaged streams were refused", refused)
	}
}

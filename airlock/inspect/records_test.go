package inspect_test

import (
	"bufio"
	"compress/gzip"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/airlock/inspect/rows"
)

// TestRecordsAmongNumbers: models by the tools people use, each holding four
// rows of an extract of 3,000 in a way of its own, too few for the rules on
// length. Each hands its numbers on and the rows are found among them; nothing
// is found of what holds nobody, and nothing in an extract of others.
func TestRecordsAmongNumbers(t *testing.T) {
	s := start(t, inspect.Inspector{}, nil)
	files, err := filepath.Glob("testdata/records/*.*")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range files {
		name := filepath.Base(path)
		if strings.HasPrefix(name, "recipe.") || strings.HasSuffix(name, ".gz") {
			continue
		}
		n++
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Look(t.Context(), inspect.Item{Name: name, Data: data, Tables: true, Anyway: true})
		if err != nil {
			t.Fatal(err)
		}
		found, err := rows.New(r.Numbers).Scan(t.Context(), recordsBy(t, 0))
		if err != nil {
			t.Fatal(err)
		}
		want := 4
		if strings.HasPrefix(name, "one.") {
			want = 1
		}
		if harmless := strings.HasPrefix(name, "harmless"); harmless && found > 0 || !harmless && found < want {
			t.Errorf("%s: %d records found in %d runs of numbers; findings %v", name, found, len(r.Numbers), r.Findings)
		}
		if found, err := rows.New(r.Numbers).Scan(t.Context(), recordsBy(t, 7)); err != nil || found > 0 {
			t.Errorf("%s: %d records found in an extract of others: %v", name, found, err)
		}
	}
	if n < 20 {
		t.Fatalf("only %d models: the fixtures are gone", n)
	}
}

// recordsBy are the rows of the made-up extract, each number shifted by shift.
func recordsBy(t *testing.T, shift float64) iter.Seq2[[]float64, error] {
	return func(yield func([]float64, error) bool) {
		f, err := os.Open("testdata/records/records.csv.gz")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		for in := bufio.NewScanner(z); in.Scan(); {
			var row []float64
			for x := range strings.SplitSeq(in.Text(), ",") {
				v, err := strconv.ParseFloat(x, 64)
				if err != nil {
					t.Fatal(err)
				}
				row = append(row, v+shift*1.0037)
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

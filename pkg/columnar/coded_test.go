package columnar

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// TestCodedIsWhatRowsAre: read by dictionary, cells are what they are read
// otherwise, with nulls, over row groups that share no words, and in groups
// whose words were too many for a dictionary.
func TestCodedIsWhatRowsAre(t *testing.T) {
	shape := Schema{{"code", String, true}, {"long", String, true}, {"record_key", String, false}, {"n", Int64, true}}
	var rows [][]Value
	for i := range 3 * BatchRows {
		row := []Value{cell.Str(fmt.Sprintf("c%d", i%7+i/9000*3)), cell.Str(fmt.Sprintf("%0100d", i)), cell.Str(fmt.Sprintf("%016d", i)), cell.Int(int64(i))}
		if i%5 == 0 {
			row[0], row[3] = cell.Null, cell.Null
		}
		if i%11 == 0 {
			row[1] = cell.Str("")
		}
		rows = append(rows, row)
	}
	file := write(t, shape, rows, Options{RowGroup: 9000})
	r, err := Open(bytes.NewReader(file), int64(len(file)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	at, coded := 0, false
	for rec, err := range r.Coded(context.Background(), "n", "long", "code", "record_key") {
		if err != nil {
			t.Fatal(err)
		}
		_, is := rec.Column(2).(*array.Dictionary)
		coded = coded || is
		for i := range int(rec.NumRows()) {
			for k, c := range []int{3, 1, 0, 2} {
				if got := At(rec.Column(k), i); got != rows[at][c] {
					t.Fatalf("row %d, column %d: %v; want %v", at, c, got, rows[at][c])
				}
			}
			at++
		}
	}
	if at != len(rows) || !coded {
		t.Errorf("%d rows of %d, by dictionary %v", at, len(rows), coded)
	}
}

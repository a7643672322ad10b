package disclosure

import (
	"bytes"
	"context"
	"testing"

	"github.com/ark-tre/ark/pkg/columnar"
	typed "github.com/ark-tre/ark/pkg/columnar/cell"
)

func TestParquetTableIsReadAsATable(t *testing.T) {
	var b bytes.Buffer
	w, err := columnar.NewWriter(&b, columnar.Schema{{Name: "group", Type: typed.String}, {Name: "n", Type: typed.Int64}}, columnar.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for g, n := range map[string]int64{"a": 20, "b": 3} {
		if err := w.Append([]columnar.Value{typed.Str(g), typed.Int(n)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	p := profile(t, "uk-llc")
	p.Files = append(p.Files, "parquet")
	v, fs, err := CheckTable(context.Background(), p, File{Name: "t.parquet", Reader: bytes.NewReader(b.Bytes())})
	if err != nil || v != Fail || rulesOf(fs) != "count-below-threshold" {
		t.Errorf("%s %s %v", v, rulesOf(fs), err)
	}
	cut := b.Bytes()[:b.Len()-5]
	if v, fs, err := CheckTable(context.Background(), p, File{Name: "t.parquet", Reader: bytes.NewReader(cut)}); err != nil || v != Fail || rulesOf(fs) != "table-unreadable" {
		t.Errorf("a damaged file: %s %s %v", v, rulesOf(fs), err)
	}
}

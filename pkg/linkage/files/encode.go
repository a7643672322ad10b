package files

import (
	"context"
	"io"
	"path/filepath"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/durable"
	"github.com/ark-tre/ark/pkg/linkage"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// Encode writes keyed encodings of a file as Parquet: for an organisation that
// won't send names. The id column goes through as it is; beside, so does every
// other column: for one that sends both, through which the others are linked.
func Encode(ctx context.Context, in Input, out, id string, key []byte, beside bool) error {
	named := map[string]bool{id: true}
	if id == "" {
		for _, n := range idColumns() {
			named[n] = true
		}
	}
	raw, err := load(ctx, []Input{in}, 1, func(c string) bool { return named[c] || model.RoleOf(c) != model.Ignored }, nil)
	if err != nil {
		return err
	}
	if id == "" {
		id = guessID(raw)
	}
	if id == "" {
		return ark.Faultf(ark.Invalid, "no column names the rows").Do("give --id COLUMN")
	}
	f, err := linkage.Encode(raw, key, id)
	if err != nil {
		return err
	}
	if beside {
		whole, err := load(ctx, []Input{in}, 1, nil, nil)
		if err != nil {
			return err
		}
		for i, c := range whole.Cols {
			if f.Col(c.Name) == nil {
				f.Cols = slices.Insert(f.Cols, min(i, len(f.Cols)), c)
			}
		}
	}
	if err := durable.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return ark.Faultf(ark.Invalid, "the output folder can't be made").Do("check --out").Because(err)
	}
	return put(out, func(w io.Writer) error { return writeFrame(w, f) })
}

// writeFrame writes a frame as Parquet, in the order of its rows.
func writeFrame(w io.Writer, f *frame.Frame) error {
	var s columnar.Schema
	for _, c := range f.Cols {
		s = append(s, columnar.Field{Name: c.Name, Type: cell.String, Nullable: true})
	}
	t, err := columnar.NewWriter(w, s, columnar.Options{Compression: columnar.Snappy})
	if err != nil {
		return err
	}
	cells := make([]columnar.Value, len(s))
	for i := range f.N {
		for j, c := range f.Cols {
			cells[j] = columnar.Value{}
			if v, ok := c.Value(i); ok {
				cells[j] = cell.Str(v)
			}
		}
		if err := t.Append(cells); err != nil {
			return err
		}
	}
	return t.Close()
}

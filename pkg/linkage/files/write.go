package files

import (
	"io"
	"unsafe"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/linkage"
	"github.com/ark-tre/ark/pkg/linkage/engine"
)

// writeTable writes rows of a table whose string columns are plain, but for the
// named ones: ids are all different, and a dictionary of them costs more than
// it saves. fill gives the values of rows lo to hi, a list for each column:
// []parquet.ByteArray, of a nullable one nil where it is null, or []float64.
func writeTable(w io.Writer, s columnar.Schema, rows int, fill func(lo, hi int) []any, repeated ...string) error {
	options := []parquet.WriterProperty{parquet.WithCompression(compress.Codecs.Snappy), parquet.WithCreatedBy("ark"),
		parquet.WithDictionaryDefault(false), parquet.WithStats(false)}
	for _, c := range repeated {
		options = append(options, parquet.WithDictionaryFor(c, true))
	}
	props := parquet.NewWriterProperties(options...)
	schema, err := pqarrow.ToParquet(s.Arrow(), props, pqarrow.NewArrowWriterProperties())
	if err != nil {
		return err
	}
	out := file.NewParquetWriter(struct{ io.Writer }{w}, schema.Root(), file.WithWriterProps(props))
	for lo := 0; lo < rows; lo += columnar.DefaultRowGroup {
		group := out.AppendRowGroup()
		for i, values := range fill(lo, min(lo+columnar.DefaultRowGroup, rows)) {
			if err := writeColumn(group, values, s[i].Nullable); err != nil {
				return err
			}
		}
		if err := group.Close(); err != nil {
			return err
		}
	}
	return out.Close()
}

// writeColumn writes the next column of a row group.
func writeColumn(group file.SerialRowGroupWriter, values any, nullable bool) error {
	c, err := group.NextColumn()
	if err != nil {
		return err
	}
	switch c := c.(type) {
	case *file.Float64ColumnChunkWriter:
		_, err = c.WriteBatch(values.([]float64), nil, nil)
	case *file.ByteArrayColumnChunkWriter:
		all, levels := values.([]parquet.ByteArray), []int16(nil)
		if nullable {
			there := make([]parquet.ByteArray, 0, len(all))
			levels = make([]int16, len(all))
			for i, v := range all {
				if v != nil {
					levels[i], there = 1, append(there, v)
				}
			}
			all = there
		}
		_, err = c.WriteBatch(all, levels, nil)
	}
	if err != nil {
		return err
	}
	return c.Close()
}

// bytesOf views s as the bytes of a value that is only read.
func bytesOf(s string) parquet.ByteArray { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// writePairs writes the scored pairs, id_l before id_r as text, in an order
// that depends on the input and the model only.
func writePairs(w io.Writer, ids *Names, r *linkage.Result) error {
	schema := columnar.Schema{
		{Name: "id_l", Type: cell.String}, {Name: "id_r", Type: cell.String},
		{Name: "weight", Type: cell.Float64}, {Name: "probability", Type: cell.Float64},
		{Name: "pattern", Type: cell.String}, {Name: "tier", Type: cell.String, Nullable: true},
	}
	patterns := map[uint32]parquet.ByteArray{}
	tiers := make([]parquet.ByteArray, len(r.Model.Tiers))
	for i, t := range r.Model.Tiers {
		tiers[i] = bytesOf(t.Name)
	}
	var id [2][]parquet.ByteArray
	var pattern, tier []parquet.ByteArray
	var weight, probability []float64
	return writeTable(w, schema, len(r.Edges), func(lo, hi int) []any {
		for k := range id {
			id[k] = id[k][:0]
		}
		pattern, tier, weight, probability = pattern[:0], tier[:0], weight[:0], probability[:0]
		last, code := r.Edges[lo].Pattern, parquet.ByteArray(nil)
		for i := range r.Edges[lo:hi] {
			e := &r.Edges[lo+i]
			a, z := ids.At(e.L), ids.At(e.R)
			if z < a {
				a, z = z, a
			}
			id[0], id[1] = append(id[0], bytesOf(a)), append(id[1], bytesOf(z))
			weight, probability = append(weight, e.Weight), append(probability, engine.Probability(e.Weight))
			if code == nil || e.Pattern != last {
				var ok bool
				if code, ok = patterns[e.Pattern]; !ok {
					code = bytesOf(r.Scored.Gammas(e.Pattern))
					patterns[e.Pattern] = code
				}
				last = e.Pattern
			}
			pattern = append(pattern, code)
			if e.Tier >= 0 {
				tier = append(tier, tiers[e.Tier])
			} else {
				tier = append(tier, nil)
			}
		}
		return []any{id[0], id[1], weight, probability, pattern, tier}
	}, "pattern", "tier")
}

// writeClusters writes id and cluster, the smallest id of the cluster as text,
// in the order of the rows.
func writeClusters(w io.Writer, ids *Names, labels []uint32) error {
	least := make([]uint32, ids.Len()) // label → row of the smallest id
	for i := range least {
		least[i] = uint32(i)
	}
	for i, l := range labels {
		if uint32(i) != l && ids.At(uint32(i)) < ids.At(least[l]) {
			least[l] = uint32(i)
		}
	}
	schema := columnar.Schema{{Name: "id", Type: cell.String}, {Name: "cluster", Type: cell.String}}
	var id, cluster []parquet.ByteArray
	return writeTable(w, schema, len(labels), func(lo, hi int) []any {
		id, cluster = id[:0], cluster[:0]
		for i := lo; i < hi; i++ {
			id, cluster = append(id, bytesOf(ids.At(uint32(i)))), append(cluster, bytesOf(ids.At(least[labels[i]])))
		}
		return []any{id, cluster}
	})
}

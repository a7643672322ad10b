package files

import (
	"io"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/linkage"
	"github.com/ark-tre/ark/pkg/linkage/engine"
)

// newTable begins a table whose string columns are plain, but for the named
// ones: ids are all different, and a dictionary of them costs more than it saves.
func newTable(w io.Writer, s columnar.Schema, repeated ...string) (*pqarrow.FileWriter, error) {
	props := []parquet.WriterProperty{parquet.WithCompression(compress.Codecs.Snappy), parquet.WithCreatedBy("ark"),
		parquet.WithDictionaryDefault(false), parquet.WithStats(false)}
	for _, c := range repeated {
		props = append(props, parquet.WithDictionaryFor(c, true))
	}
	return pqarrow.NewFileWriter(s.Arrow(), struct{ io.Writer }{w}, parquet.NewWriterProperties(props...), pqarrow.NewArrowWriterProperties())
}

// writePairs writes the scored pairs, id_l before id_r as text, in an order
// that depends on the input and the model only.
func writePairs(w io.Writer, ids *Names, r *linkage.Result) error {
	schema := columnar.Schema{
		{Name: "id_l", Type: cell.String}, {Name: "id_r", Type: cell.String},
		{Name: "weight", Type: cell.Float64}, {Name: "probability", Type: cell.Float64},
		{Name: "pattern", Type: cell.String}, {Name: "tier", Type: cell.String, Nullable: true},
	}
	out, err := newTable(w, schema, "pattern", "tier")
	if err != nil {
		return err
	}
	patterns := map[uint32]string{}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema.Arrow())
	defer b.Release()
	l, rt := b.Field(0).(*array.StringBuilder), b.Field(1).(*array.StringBuilder)
	weight, prob := b.Field(2).(*array.Float64Builder), b.Field(3).(*array.Float64Builder)
	pattern, tier := b.Field(4).(*array.StringBuilder), b.Field(5).(*array.StringBuilder)
	for i := range r.Edges {
		e := &r.Edges[i]
		a, z := ids.At(e.L), ids.At(e.R)
		if z < a {
			a, z = z, a
		}
		l.Append(a)
		rt.Append(z)
		weight.Append(e.Weight)
		prob.Append(engine.Probability(e.Weight))
		p, ok := patterns[e.Pattern]
		if !ok {
			p = r.Scored.Gammas(e.Pattern)
			patterns[e.Pattern] = p
		}
		pattern.Append(p)
		if e.Tier >= 0 {
			tier.Append(r.Model.Tiers[e.Tier].Name)
		} else {
			tier.AppendNull()
		}
		if (i+1)%columnar.DefaultRowGroup == 0 || i+1 == len(r.Edges) {
			rec := b.NewRecord()
			err := out.Write(rec)
			rec.Release()
			if err != nil {
				return err
			}
		}
	}
	return out.Close()
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
	out, err := newTable(w, schema)
	if err != nil {
		return err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema.Arrow())
	defer b.Release()
	id, cluster := b.Field(0).(*array.StringBuilder), b.Field(1).(*array.StringBuilder)
	for i, l := range labels {
		id.Append(ids.At(uint32(i)))
		cluster.Append(ids.At(least[l]))
		if (i+1)%columnar.DefaultRowGroup == 0 || i+1 == len(labels) {
			rec := b.NewRecord()
			err := out.Write(rec)
			rec.Release()
			if err != nil {
				return err
			}
		}
	}
	return out.Close()
}

package files

import (
	"cmp"
	"io"
	"slices"

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

// order is the order of ids as text: rows by rank, ranks by row.
type order struct{ rows, rank []uint32 }

func newOrder(ids []string) *order {
	o := &order{rows: make([]uint32, len(ids)), rank: make([]uint32, len(ids))}
	for i := range o.rows {
		o.rows[i] = uint32(i)
	}
	if !slices.IsSorted(ids) {
		slices.SortFunc(o.rows, func(a, b uint32) int { return cmp.Compare(ids[a], ids[b]) })
	}
	for r, i := range o.rows {
		o.rank[i] = uint32(r)
	}
	return o
}

// writePairs writes the scored pairs, id_l before id_r, in order of both.
func writePairs(w io.Writer, ids []string, o *order, r *linkage.Result) error {
	type keyed struct {
		key uint64
		at  uint32
	}
	list := make([]keyed, len(r.Edges))
	for i, e := range r.Edges {
		a, b := o.rank[e.L], o.rank[e.R]
		list[i] = keyed{uint64(min(a, b))<<32 | uint64(max(a, b)), uint32(i)}
	}
	slices.SortFunc(list, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
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
	for i, k := range list {
		e := &r.Edges[k.at]
		l.Append(ids[o.rows[k.key>>32]])
		rt.Append(ids[o.rows[uint32(k.key)]])
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
		if (i+1)%columnar.DefaultRowGroup == 0 || i+1 == len(list) {
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

// writeClusters writes id and cluster, the smallest id of the cluster, by id.
func writeClusters(w io.Writer, ids []string, o *order, labels []uint32) error {
	least := make([]uint32, len(ids)) // label → smallest rank + 1
	for i, l := range labels {
		if r := o.rank[i] + 1; least[l] == 0 || r < least[l] {
			least[l] = r
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
	for i, row := range o.rows {
		id.Append(ids[row])
		cluster.Append(ids[o.rows[least[labels[row]]-1]])
		if (i+1)%columnar.DefaultRowGroup == 0 || i+1 == len(o.rows) {
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

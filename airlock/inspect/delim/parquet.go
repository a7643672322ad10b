package delim

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/pkg/columnar/pages"
)

// Parquet looks at a Parquet table and writes it as CSV: what leaves is what
// people can read.
func Parquet(s *look.Scope, f look.File) look.Report {
	r := look.Report{Media: "application/vnd.apache.parquet"}
	unreadable := func() look.Report {
		r.Add(f, "table-unreadable", look.Nowhere)
		return r
	}
	if !bytes.HasSuffix(f.Data, []byte("PAR1")) {
		return unreadable()
	}
	pf, err := file.NewParquetReader(bytes.NewReader(f.Data))
	if err != nil {
		return unreadable()
	}
	defer pf.Close()
	meta := pf.MetaData()
	if pf.NumRows() > int64(20*look.DefaultRows) || meta.Schema.NumColumns() > 500 {
		r.Add(f, "table-too-long", look.Nowhere, "rows", look.Itoa(int(pf.NumRows())))
		return r
	}
	if kv := meta.KeyValueMetadata(); kv != nil {
		for _, key := range kv.Keys() {
			v := kv.FindValue(key)
			if v == nil {
				continue
			}
			if key != "pandas" && key != "ARROW:schema" && key != "r" && len(*v) > 200 || key == "r" && len(*v) > 20_000 || key == "pandas" && len(*v) > 500*(meta.Schema.NumColumns()+4) {
				r.Add(f, "sheet-properties-data", look.Nowhere)
			}
			if key != "ARROW:schema" {
				s.Word(&r, f, look.Nowhere, *v)
			}
		}
	}
	t, err := read(s, pf, f.Data)
	if err != nil {
		return unreadable()
	}
	s.Table(&r, f, t)
	r.Tables = []look.Table{t}
	r.Rebuilt, r.Ending = look.CSV(t, ','), "csv"
	return r
}

// read is a table as text. Its readers panic where they trusted the file: that
// is an error like any other.
func read(s *look.Scope, pf *file.Reader, data []byte) (t look.Table, err error) {
	defer func() {
		if p := recover(); p != nil {
			t, err = look.Table{}, fmt.Errorf("the reader panicked: %T", p) // the text of p may quote the file
		}
	}()
	if err := pages.Check(s.Context, bytes.NewReader(data), pf, flat(pf)...); err != nil { // the decoder would wait for what a changed page promises
		return t, err
	}
	reader, err := pqarrow.NewFileReader(pf, pqarrow.ArrowReadProperties{BatchSize: 4096}, memory.DefaultAllocator)
	if err != nil {
		return t, err
	}
	tbl, err := reader.ReadTable(s.Context)
	if err != nil {
		return t, err
	}
	defer tbl.Release()
	t = look.Table{Rows: make([][]string, 1+tbl.NumRows()), Text: true}
	for i := range t.Rows {
		t.Rows[i] = make([]string, tbl.NumCols())
	}
	for c := range int(tbl.NumCols()) {
		t.Rows[0][c] = tbl.Column(c).Name()
		row := 1
		for _, chunk := range tbl.Column(c).Data().Chunks() {
			for i := range chunk.Len() {
				if !chunk.IsNull(i) {
					t.Rows[row][c] = chunk.ValueStr(i)
				}
				row++
			}
		}
	}
	return t, nil
}

// flat are the places of the columns that are neither lists nor records.
func flat(f *file.Reader) (columns []int) {
	for i := range f.MetaData().Schema.NumColumns() {
		if c := f.MetaData().Schema.Column(i); c.MaxRepetitionLevel() == 0 && c.MaxDefinitionLevel() <= 1 {
			columns = append(columns, i)
		}
	}
	return columns
}

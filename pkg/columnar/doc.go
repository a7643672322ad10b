// Package columnar reads, sorts and writes Ark's tables: Parquet files through
// arrow v17, in pure Go (CGO_ENABLED=0).
//
// It may touch the readers, writers and the one temporary folder it is given.
// It must never open a file by a path that came out of data, never start a
// process, and never put a row value into an error.
//
// A table has a Schema: flat columns of six types (see columnar/cell). The
// three parts are
//
//	w, err := columnar.NewWriter(out, schema, columnar.Options{})      // rows → Parquet
//	w.Append(row) | w.AppendText(cells, where) | w.WriteRecord(record)
//	w.Close()
//
//	r, err := columnar.Open(readerAt, size, columnar.Limits{})         // Parquet → rows
//	for rec, err := range r.Records(ctx, "a", "b") { columnar.Strings(rec, "a") }
//	for row, err := range r.Rows(ctx, "a", "b")    { row[0].Str() }
//
//	s, err := columnar.NewSorter(schema, columnar.SortOptions{By: …, Dir: tmp})
//	s.Append(row); s.WriteTo(ctx, w); s.Close()                        // a total order
//
// The same rows give the same bytes on every machine and at every thread
// count: row groups and pages are cut by row count, nothing in the file names
// a time or a machine, and the sorter's order is total (equal rows are
// identical rows, so their order can't be seen).
package columnar

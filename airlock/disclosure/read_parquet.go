package disclosure

import (
	"bytes"
	"context"
)

// isParquet tells a Parquet file by its first bytes.
func isParquet(b []byte) bool { return bytes.HasPrefix(b, []byte("PAR1")) }

// readTable lays out a Parquet table or delimited text.
func readTable(file string, b []byte) (*table, error) {
	rs, err := readRecords(b)
	if err != nil {
		return nil, err
	}
	return layOut(file, rs)
}

// readRecords reads a Parquet table or delimited text as records of texts.
func readRecords(b []byte) ([]record, error) {
	if !isParquet(b) {
		return readDelimited(b)
	}
	if len(b) > maxBytes {
		return nil, &errUnreadable{says: "the file is larger than 16 MiB"}
	}
	f, err := readParquet(context.Background(), bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, &errUnreadable{says: "the file is not a Parquet table that can be read"}
	}
	if len(f.rows) > maxRecords || len(f.names) > maxFields {
		return nil, &errUnreadable{says: "the file has more rows or columns than a table that people read"}
	}
	rs := []record{{line: 1, index: 1, fields: f.names}}
	for i, row := range f.rows {
		fields := make([]string, len(row))
		for c, v := range row {
			if !v.IsNull() {
				fields[c] = v.Text()
			}
		}
		rs = append(rs, record{line: i + 2, index: i + 2, fields: fields})
	}
	return rs, nil
}

package intake

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"iter"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
)

// parquetRecords reads a table's fields out of a Parquet file by its columns'
// names. Values become the text a CSV file would hold, and are then judged by
// the same rules. A column that no field names is not unpacked.
type parquetRecords struct {
	next1 func() ([]columnar.Value, error, bool)
	stop  func()
	at    []int // field → column read, -1 where the file lacks it, -2 the row's number
	n     int64
	limit Limits
	texts [][]byte
	file  string
}

// openParquet hashes the file, which is read once for that, and opens it.
func openParquet(ctx context.Context, in Input, o *opened, t *Table, l Limits) (*parquetRecords, error) {
	if in.At == nil {
		return nil, ark.Faultf(ark.Invalid, "the file is Parquet, which cannot be read here").At(in.Name, 0, "").Do("export it as CSV")
	}
	r, size, closer, err := in.At()
	if err != nil {
		return nil, ark.Faultf(ark.Unavailable, "the file cannot be opened").At(in.Name, 0, "").Because(err)
	}
	o.also = closer
	f, err := columnar.Open(r, size, columnar.Limits{Cell: l.Field, Chunk: 256 << 20, Memory: 512 << 20, Foreign: true})
	if err != nil {
		return nil, readFault(err).At(in.Name, 0, "")
	}
	o.report.Encoding = "parquet"
	header := &csvRecords{csv: &csvReader{file: in.Name}}
	for _, c := range f.Schema() {
		header.csv.cells = append(header.csv.cells, []byte(c.Name))
	}
	if err := header.match(o.report, t); err != nil {
		return nil, err
	}
	p := &parquetRecords{limit: l, file: in.Name, texts: make([][]byte, len(t.Fields)), at: header.at}
	var columns []string
	for i, c := range p.at {
		if c >= 0 {
			columns = append(columns, f.Schema()[c].Name)
			p.at[i] = len(columns) - 1
		}
	}
	if len(columns) == 0 {
		return nil, ark.Faultf(ark.Invalid, "the file has none of the contract's columns").At(in.Name, 0, "").Do("send the columns the contract names")
	}
	p.next1, p.stop = iter.Pull2(f.Rows(ctx, columns...))
	return p, nil
}

func (p *parquetRecords) row() int64 { return p.n }

func (p *parquetRecords) next(fields [][]byte) error {
	row, err, ok := p.next1()
	if !ok {
		return io.EOF
	}
	if err != nil {
		return readFault(err).At(p.file, p.n, "")
	}
	p.n++
	for i, c := range p.at {
		switch {
		case c == atRow:
			p.texts[i] = appendNumber(p.texts[i][:0], p.n)
			fields[i] = p.texts[i]
		case c < 0 || row[c].IsNull():
			fields[i] = nil
		default:
			p.texts[i] = append(p.texts[i][:0], row[c].Text()...)
			fields[i] = p.texts[i]
		}
	}
	return nil
}

// hashWhole completes the report of a file that was not read as a stream.
func (o *opened) hashWhole(ctx context.Context, in Input) error {
	r, err := in.Open()
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the file cannot be opened").At(in.Name, 0, "").Because(err)
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, bufio.NewReaderSize(interruptible{ctx, r}, 1<<20))
	if err != nil {
		return readFault(err).At(in.Name, 0, "")
	}
	o.report.Bytes, o.report.SHA256 = n, hex.EncodeToString(h.Sum(nil))
	return nil
}

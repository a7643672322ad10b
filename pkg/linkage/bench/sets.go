package bench

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// set is a data set with its truth.
type set struct {
	name    string
	file    string // Parquet of the records
	truth   string // Parquet of id and person
	id      string // column
	model   string // Splink model of blocking rules and levels; empty: only Ark's default is run
	records int64
	people  int // generated; 0: a set of its own
}

// open reads an embedded table: rows of cells under a header.
func open(name string) (header []string, rows [][]string, err error) {
	b, err := data.ReadFile("data/" + name)
	if err != nil {
		return nil, nil, err
	}
	var r io.Reader
	if strings.HasSuffix(name, ".zst") {
		z, err := zstd.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, nil, err
		}
		defer z.Close()
		r = z
	} else if r, err = gzip.NewReader(bytes.NewReader(b)); err != nil {
		return nil, nil, err
	}
	if strings.Contains(name, ".tsv") { // values hold quotation marks, never tabs
		all, err := io.ReadAll(r)
		if err != nil {
			return nil, nil, err
		}
		for line := range strings.Lines(string(all)) {
			rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
		}
		return []string{"unique_id", "first_name", "surname", "dob", "postcode_fake", "birth_place", "occupation"}, rows, nil
	}
	rows, err = csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, nil, err
	}
	header, rows = rows[0], rows[1:]
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	return header, rows, err
}

// write makes a set of rows: the records without what tells the person, and
// the truth apart.
func write(dir, name string, header []string, rows [][]string, id string, person func(row []string) string, drop ...string) (*set, error) {
	s := &set{name: name, id: id, file: filepath.Join(dir, name+".parquet"), truth: filepath.Join(dir, name+".truth.parquet"), records: int64(len(rows))}
	var keep []int
	at := 0
	var schema columnar.Schema
	for i, h := range header {
		if h == id {
			at = i
		}
		if !strings.Contains("|"+strings.Join(drop, "|")+"|", "|"+h+"|") {
			keep = append(keep, i)
			schema = append(schema, columnar.Field{Name: h, Type: columnar.String, Nullable: true})
		}
	}
	err := table(s.file, schema, func(add func(...string) error) error {
		cells := make([]string, len(keep))
		for _, r := range rows {
			for j, i := range keep {
				cells[j] = strings.TrimSpace(r[i])
			}
			if err := add(cells...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, table(s.truth, columnar.Schema{{Name: "id", Type: columnar.String}, {Name: "person", Type: columnar.String}}, func(add func(...string) error) error {
		for _, r := range rows {
			if err := add(strings.TrimSpace(r[at]), person(r)); err != nil {
				return err
			}
		}
		return nil
	})
}

// table writes rows of text as Parquet; "" is null.
func table(path string, s columnar.Schema, fill func(add func(...string) error) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w, err := columnar.NewWriter(f, s, columnar.Options{Compression: columnar.Snappy})
	if err != nil {
		return err
	}
	cells := make([]columnar.Value, len(s))
	err = fill(func(v ...string) error {
		for i, x := range v {
			cells[i] = columnar.Value{}
			if x != "" {
				cells[i] = cell.Str(x)
			}
		}
		return w.Append(cells)
	})
	if err != nil {
		return err
	}
	return w.Close()
}

// small makes the sets that come with the program.
func small(dir string) ([]*set, error) {
	prefix := func(re string, column int) func([]string) string {
		x := regexp.MustCompile(re)
		return func(r []string) string { return x.FindString(strings.TrimSpace(r[column])) }
	}
	var out []*set
	header, rows, err := open("h50k.tsv.zst")
	if err != nil {
		return nil, err
	}
	s, err := write(dir, "historical_50k", header, rows, "unique_id", prefix(`^[^-]+`, 0))
	if err != nil {
		return nil, err
	}
	s.model = "h50k_untrained.json"
	out = append(out, s)
	if header, rows, err = open("fake_1000.csv.gz"); err != nil {
		return nil, err
	}
	if s, err = write(dir, "fake_1000", header, rows, "unique_id", func(r []string) string { return r[len(r)-1] }, "cluster"); err != nil {
		return nil, err
	}
	s.model = "fake_1000_model.json"
	out = append(out, s)
	for _, name := range []string{"febrl1", "febrl2", "febrl3"} {
		if header, rows, err = open(name + ".csv.gz"); err != nil {
			return nil, err
		}
		if s, err = write(dir, name, header, rows, "rec_id", prefix(`^rec-\d+`, 0)); err != nil {
			return nil, err
		}
		s.model = "febrl_model.json"
		out = append(out, s)
	}
	header, rows, err = open("febrl4a.csv.gz")
	if err != nil {
		return nil, err
	}
	_, more, err := open("febrl4b.csv.gz")
	if err != nil {
		return nil, err
	}
	if s, err = write(dir, "febrl4", header, append(rows, more...), "rec_id", prefix(`^rec-\d+`, 0)); err != nil {
		return nil, err
	}
	s.model = "febrl_model.json"
	return append(out, s), nil
}

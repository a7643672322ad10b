package synthetic

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"strings"
)

// deliveries are the names of the two deliveries of every source.
var deliveries = [2]string{"2024-10", "2025-01"}

// memory is how many bytes of rows all files together hold before they write.
const memory = 96 << 20

// output is the folder being written.
type output struct {
	dir   string
	seed  uint64
	files []*file
	err   error
}

// file collects rows and appends them to its path block by block. Within a
// block the rows are shuffled: the order people are made in is the truth, and
// a feed must not show it. It is closed between blocks, since a region has
// more files than a process may open.
type file struct {
	out      *output
	path     string
	table    string
	delivery int
	source   *source
	buf      bytes.Buffer
	ends     []int
	block    uint64
	number   uint64
	limit    int
	rows     int64
	size     int64
	sum      hash.Hash
	started  bool
	header   string
}

func (o *output) file(s *source, delivery int, table, header string) *file {
	f := &file{out: o, source: s, delivery: delivery, table: table, header: header, sum: sha256.New(),
		path: filepath.Join(o.dir, "deliveries", s.ID, deliveries[delivery], table+".csv"), number: uint64(len(o.files))}
	o.files = append(o.files, f)
	return f
}

// row adds a row of cells.
func (f *file) row(cells []string) {
	for i, c := range cells {
		if i > 0 {
			f.buf.WriteByte(',')
		}
		writeCell(&f.buf, c)
	}
	f.buf.WriteByte('\n')
	f.ends = append(f.ends, f.buf.Len())
	f.rows++
	if f.buf.Len() >= f.limit {
		f.flush()
	}
}

func writeCell(b *bytes.Buffer, c string) {
	if !strings.ContainsAny(c, ",\"\r\n") {
		b.WriteString(c)
		return
	}
	b.WriteByte('"')
	b.WriteString(strings.ReplaceAll(c, `"`, `""`))
	b.WriteByte('"')
}

// flush appends the held rows in shuffled order. The first failure is kept in
// the output and stops all writing.
func (f *file) flush() {
	if f.out.err != nil || (f.started && len(f.ends) == 0) {
		return
	}
	var text bytes.Buffer
	text.Grow(f.buf.Len() + len(f.header) + 1)
	if !f.started {
		text.WriteString(f.header + "\n")
		if f.out.err = os.MkdirAll(filepath.Dir(f.path), 0o755); f.out.err != nil {
			return
		}
	}
	d := throw(f.out.seed, 0xF11E<<40|f.number<<20|f.block)
	f.block++
	order := d.Perm(len(f.ends))
	raw := f.buf.Bytes()
	for _, i := range order {
		from := 0
		if i > 0 {
			from = f.ends[i-1]
		}
		text.Write(raw[from:f.ends[i]])
	}
	f.out.err = f.append(text.Bytes())
	f.started = true
	f.buf.Reset()
	f.ends = f.ends[:0]
}

func (f *file) append(b []byte) error {
	mode := os.O_APPEND
	if !f.started {
		mode = os.O_CREATE | os.O_EXCL
	}
	w, err := os.OpenFile(f.path, os.O_WRONLY|mode, 0o644)
	if err != nil {
		return err
	}
	f.sum.Write(b)
	f.size += int64(len(b))
	_, err = w.Write(b)
	if e := w.Close(); err == nil {
		err = e
	}
	return err
}

// manifest is manifest.json of one delivery.
type manifest struct {
	Source   string         `json:"source"`
	Delivery string         `json:"delivery"`
	Contract string         `json:"contract"`
	Sent     string         `json:"sent"`
	Files    []manifestFile `json:"files"`
}

type manifestFile struct {
	Name   string `json:"name"`
	Table  string `json:"table"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"`
}

// finish writes what is held and the manifest of every delivery.
func (o *output) finish(sources []*source) error {
	for _, f := range o.files {
		f.flush()
	}
	if o.err != nil {
		return o.err
	}
	for _, s := range sources {
		for i, name := range deliveries {
			m := manifest{Source: s.ID, Delivery: name, Contract: strings.TrimSuffix(s.Contract, ".yaml"), Sent: name + "-05"}
			for _, t := range s.tables {
				f := t.files[i]
				m.Files = append(m.Files, manifestFile{t.name + ".csv", t.name, f.rows, hex.EncodeToString(f.sum.Sum(nil))})
			}
			if err := o.json(filepath.Join("deliveries", s.ID, name, "manifest.json"), m); err != nil {
				return err
			}
		}
	}
	return nil
}

// json writes v to a path below the folder.
func (o *output) json(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("synthetic: write %s: %w", path, err)
	}
	full := filepath.Join(o.dir, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return err
	}
	return os.WriteFile(full, append(b, '\n'), 0o644)
}

// Package files links files into files: CSV and Parquet in, pairs, clusters
// and a report out. It opens the paths its caller names and writes to one
// folder; it knows nothing of zones, keys or payload.
package files

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// Input is a file to link, under the name that its ids get.
type Input struct{ Name, Path string }

// ParseInput reads [NAME=]FILE. Without a name it is the file's, up to the
// first dot.
func ParseInput(s string) (Input, error) {
	name, path, ok := strings.Cut(s, "=")
	if !ok || strings.ContainsAny(name, `/\`) {
		path = s
		name, _, _ = strings.Cut(filepath.Base(path), ".")
	}
	if name == "" || path == "" || strings.Contains(name, "/") {
		return Input{}, ark.Faultf(ark.Invalid, "an input is not NAME=FILE or FILE").Do("write for example gp=gp.csv")
	}
	return Input{name, path}, nil
}

// load reads the wanted columns of all inputs into one frame. Nothing but the
// names of rows is asked of the columns that rows names.
func load(ctx context.Context, inputs []Input, threads int, want, rows func(string) bool) (*frame.Frame, error) {
	if len(inputs) == 0 {
		return nil, ark.Faultf(ark.Invalid, "no input is named").Do("give --in FILE")
	}
	b := frame.NewBuilder().Only(want).Rows(rows).Threads(threads)
	seen := map[string]bool{}
	for _, in := range inputs {
		if seen[in.Name] {
			return nil, ark.Faultf(ark.Invalid, "two inputs have the same name").At(in.Name, 0, "").Do("name them: --in a=FILE --in b=FILE")
		}
		seen[in.Name] = true
		if err := add(ctx, b, in); err != nil {
			return nil, err
		}
	}
	f := b.Frame()
	if f.N == 0 {
		return nil, ark.Faultf(ark.Invalid, "the inputs have no rows").Do("give at least one row")
	}
	return f, nil
}

func add(ctx context.Context, b *frame.Builder, in Input) error {
	f, err := os.Open(in.Path)
	if err != nil {
		return ark.Faultf(ark.Invalid, "the file can't be opened").At(in.Name, 0, "").Do("check the path and the permission to read it").Because(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return ark.Faultf(ark.Invalid, "the file can't be read").At(in.Name, 0, "").Because(err)
	}
	br := bufio.NewReader(f)
	head, _ := br.Peek(4)
	switch {
	case bytes.Equal(head, []byte("PAR1")):
		return b.AddParquet(ctx, in.Name, f, st.Size())
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(br)
		if err != nil {
			return ark.Faultf(ark.Invalid, "the file can't be unpacked").At(in.Name, 0, "").Because(err)
		}
		return b.AddCSV(in.Name, io.LimitReader(z, 1<<36))
	}
	return b.AddCSV(in.Name, br)
}

// names returns for each row the id that outputs call it by.
func names(f *frame.Frame, column string, m *model.Model) (*Names, error) {
	if column == "" && m != nil && m.UniqueID != "" && f.Col(m.UniqueID) != nil {
		column = m.UniqueID
	}
	if column == "" {
		column = guessID(f)
	}
	if column == "" {
		return nil, ark.Faultf(ark.Invalid, "no column names the rows").Do("give --id COLUMN")
	}
	c := f.Col(column)
	if c == nil {
		return nil, ark.Faultf(ark.Invalid, "the inputs have no such column").At("", 0, column).Do("give the name of a column with --id")
	}
	start := make([]int64, len(f.Sources)+1)
	for _, x := range f.Source {
		start[x+1]++
	}
	for x := range f.Sources {
		start[x+1] += start[x]
	}
	row := func(i int) (string, int64) { s := f.Source[i]; return f.Sources[s], int64(i) - start[s] + 1 }
	for i, id := range c.IDs {
		if id == 0 {
			file, n := row(i)
			return nil, ark.Faultf(ark.Invalid, "the row has no id").At(file, n, column).Do("give every row an id")
		}
	}
	if i := repeated(c, f.Source); i >= 0 {
		file, n := row(i)
		return nil, ark.Faultf(ark.Invalid, "the id of the row was given to an earlier row").At(file, n, column).
			Do("give every row an id of its own, or name another column with --id")
	}
	out := &Names{ids: c}
	if len(f.Sources) > 1 {
		out.source, out.sources = f.Source, f.Sources
	}
	return out, nil
}

// named is a row with a part of the hash of its id.
type named struct{ hash, row uint32 }

// repeated returns the first row whose source has its id in an earlier row, -1
// when there is none. Rows are looked at in parts by their hash, whose tables
// stay in cache.
func repeated(c *frame.Column, source []uint16) int {
	seed := maphash.MakeSeed()
	hash := func(i int) uint32 {
		return uint32(frame.Mix(maphash.String(seed, c.Dict.At(c.IDs[i])) ^ uint64(source[i])))
	}
	bits := 1
	for len(c.IDs)>>bits > 2048 && bits < 13 {
		bits++
	}
	hashes := make([]uint32, len(c.IDs))
	starts := make([]uint32, 1<<bits+1)
	for i := range hashes {
		hashes[i] = hash(i)
		starts[hashes[i]>>(32-bits)+1]++
	}
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	parts, next := make([]named, len(hashes)), slices.Clone(starts)
	for i, h := range hashes {
		p := h >> (32 - bits)
		parts[next[p]] = named{h, uint32(i)}
		next[p]++
	}
	first := -1
	var slots []uint32 // place in the part, plus one
	for p := range 1 << bits {
		part := parts[starts[p]:starts[p+1]]
		room := 16
		for room < 2*len(part) {
			room *= 2
		}
		if room > len(slots) {
			slots = make([]uint32, room)
		}
		table := slots[:room]
		clear(table)
		for k := range part {
			e := &part[k]
			for h := e.hash & uint32(room-1); ; h = (h + 1) & uint32(room-1) {
				if table[h] == 0 {
					table[h] = uint32(k) + 1
					break
				}
				o := &part[table[h]-1]
				if o.hash != e.hash || source[o.row] != source[e.row] || c.Dict.At(c.IDs[o.row]) != c.Dict.At(c.IDs[e.row]) {
					continue
				}
				if first < 0 || int(e.row) < first {
					first = int(e.row)
				}
				break
			}
		}
	}
	return first
}

// Names are the ids of rows as outputs write them.
type Names struct {
	ids     *frame.Column
	source  []uint16 // nil when there is one input
	sources []string
}

// own copies the ids when their column says who a person is too, and so is
// about to be rewritten.
func (n *Names) own(role func(column string) model.Role) {
	if role(n.ids.Name) != model.Ignored {
		n.ids = &frame.Column{Name: n.ids.Name, IDs: slices.Clone(n.ids.IDs), Dict: n.ids.Dict}
	}
}

// Len is how many rows there are.
func (n *Names) Len() int { return len(n.ids.IDs) }

// At is the id of row i, after its input's name when there are several.
func (n *Names) At(i uint32) string {
	s := n.ids.Dict.At(n.ids.IDs[i])
	if n.source == nil {
		return s
	}
	return n.sources[n.source[i]] + "/" + s
}

// idColumns are names of columns that name rows, likeliest first.
func idColumns() []string {
	return []string{"unique_id", "id", "rec_id", "record_id", "record_key", "row_id", "uid", "person_record_key"}
}

// guessID finds the column that names the rows, by its name only.
func guessID(f *frame.Frame) string {
	for _, n := range idColumns() {
		if f.Col(n) != nil {
			return n
		}
	}
	return ""
}

package columnar

import (
	"bytes"
	"context"
	"iter"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
)

// SortOptions say how rows are sorted.
type SortOptions struct {
	By     []string // leading columns; every other column follows in schema order
	Dir    string   // where runs are spilled; it must exist
	Memory int64    // bytes of rows held before a spill, default 64 MiB
	Unique bool     // drop rows that equal the row before in every column
}

// Sorter puts rows in a total order in bounded memory. Equal rows are kept
// unless Unique. It is not safe for concurrent use.
type Sorter struct {
	schema Schema
	order  []int // position in the key → column
	opt    SortOptions
	keys   [][]byte
	slab   []byte
	held   int64
	rows   int64
	runs   []*run
	seal   *sealer
	done   bool
}

// slabSize is the unit in which row keys are allocated.
const slabSize = 1 << 20

// NewSorter returns a sorter for rows of the given columns.
func NewSorter(s Schema, o SortOptions) (*Sorter, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if o.Dir == "" {
		return nil, ark.Faultf(ark.Internal, "a sorter needs a folder to spill to")
	}
	if o.Memory <= 0 {
		o.Memory = 64 << 20
	}
	order, first := make([]int, 0, len(s)), map[int]bool{}
	for _, name := range o.By {
		i := s.Index(name)
		if i < 0 {
			return nil, ark.Faultf(ark.Unknown, "there is no such column to sort by").At("", 0, name)
		}
		if !first[i] {
			first[i] = true
			order = append(order, i)
		}
	}
	for i := range s {
		if !first[i] {
			order = append(order, i)
		}
	}
	seal, err := newSealer()
	if err != nil {
		return nil, err
	}
	return &Sorter{schema: s, order: order, opt: o, seal: seal}, nil
}

// Rows returns how many rows were appended.
func (s *Sorter) Rows() int64 { return s.rows }

// Append adds a row. It copies what it needs of it.
func (s *Sorter) Append(row []Value) error {
	if s.done || len(row) != len(s.schema) {
		return ark.Faultf(ark.Invalid, "the row has %d cells and the table %d columns, or the sort has begun", len(row), len(s.schema)).At("", s.rows+1, "")
	}
	for i, v := range row {
		if f := s.schema[i]; !v.IsNull() && v.Type() != f.Type && !(f.Type == Float64 && v.Type() == Int64) {
			return ark.Faultf(ark.Invalid, "the field holds a %s and must hold a %s", v.Type(), f.Type).At("", s.rows+1, f.Name)
		}
	}
	if cap(s.slab)-len(s.slab) < 256 {
		s.slab = make([]byte, 0, slabSize)
	}
	start := len(s.slab)
	key := s.slab[start:start]
	for _, c := range s.order {
		key = appendKey(key, s.schema[c].Type, row[c])
	}
	if start+len(key) <= cap(s.slab) && len(key) > 0 && &s.slab[:start+1][start] == &key[0] {
		s.slab = s.slab[:start+len(key)]
	} else {
		s.slab = nil // the key outgrew the slab and lives on its own
	}
	s.keys = append(s.keys, key[:len(key):len(key)])
	s.held += int64(len(key)) + 24
	s.rows++
	if s.held >= s.opt.Memory {
		return s.spill()
	}
	return nil
}

func (s *Sorter) spill() error {
	slices.SortFunc(s.keys, bytes.Compare)
	r, err := writeRun(s.opt.Dir, s.seal, slices.Values(s.keys))
	if err != nil {
		return err
	}
	s.runs = append(s.runs, r)
	s.keys, s.slab, s.held = s.keys[:0], nil, 0
	clear(s.keys[:cap(s.keys)])
	return s.compact()
}

// fanIn is how many runs of one level are kept before they are merged into one
// run of the next: each open run holds a file and a buffer, and every row is
// rewritten once per level, of which there are log(rows) many.
const fanIn = 64

func (s *Sorter) compact() error {
	for {
		first := len(s.runs)
		for first > 0 && s.runs[first-1].level == s.runs[len(s.runs)-1].level {
			first--
		}
		tail := s.runs[first:]
		if len(tail) < fanIn {
			return nil
		}
		m, err := newMerge(tail, nil)
		if err != nil {
			return err
		}
		r, err := writeRun(s.opt.Dir, s.seal, m.keys())
		if err == nil {
			err = m.err
		}
		if err != nil {
			r.close()
			return err
		}
		r.level = tail[0].level + 1
		for _, old := range tail {
			old.close()
		}
		s.runs = append(s.runs[:first], r)
	}
}

// All yields the rows in order; Append is refused from then on. The slice is
// used again for the next row. All can be called once.
func (s *Sorter) All(ctx context.Context) iter.Seq2[[]Value, error] {
	return func(yield func([]Value, error) bool) {
		if s.done {
			yield(nil, ark.Faultf(ark.Conflict, "the sorted rows were read already"))
			return
		}
		s.done = true
		slices.SortFunc(s.keys, bytes.Compare)
		m, err := newMerge(s.runs, s.keys)
		if err != nil {
			yield(nil, err)
			return
		}
		if err := s.decode(ctx, m, yield); err != nil {
			yield(nil, err)
		}
	}
}

func (s *Sorter) decode(ctx context.Context, m *merge, yield func([]Value, error) bool) error {
	row := make([]Value, len(s.schema))
	var last []byte
	n := 0
	for key := range m.keys() {
		if n++; n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if s.opt.Unique {
			if n > 1 && bytes.Equal(last, key) {
				continue
			}
			last = append(last[:0], key...)
		}
		rest, err := key, error(nil)
		for _, c := range s.order {
			if row[c], rest, err = cutKey(rest, s.schema[c].Type); err != nil {
				return err
			}
		}
		if !yield(row, nil) {
			return nil
		}
	}
	return m.err
}

// WriteTo writes the rows in order to w, which must have the same columns. It
// closes neither.
func (s *Sorter) WriteTo(ctx context.Context, w *Writer) error {
	if !slices.Equal(w.Schema().Names(), s.schema.Names()) {
		return ark.Faultf(ark.Internal, "the sorter's columns are not the writer's")
	}
	for row, err := range s.All(ctx) {
		if err != nil {
			return err
		}
		if err := w.Append(row); err != nil {
			return err
		}
	}
	return nil
}

// Close frees the memory and the spilled runs.
func (s *Sorter) Close() error {
	for _, r := range s.runs {
		r.close()
	}
	s.runs, s.keys, s.slab, s.done = nil, nil, nil, true
	return nil
}

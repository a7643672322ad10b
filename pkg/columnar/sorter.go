package columnar

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"sync/atomic"

	"github.com/ark-tre/ark/pkg/ark"
)

// SortOptions say how rows are sorted.
type SortOptions struct {
	By     []string // leading columns; every other column follows in schema order
	Dir    string   // where runs are spilled; it must exist
	Memory int64    // bytes of rows held before a spill, default 64 MiB
	Unique bool     // drop rows that equal the row before in every column
	Pool   *Pool    // where more memory may come from before the first spill, nil for nowhere
}

// Pool is memory that several sorters share beyond what each has: whichever
// fills first takes it, and keeps it to its end.
type Pool struct{ left atomic.Int64 }

// NewPool returns a pool of so many bytes.
func NewPool(bytes int64) *Pool {
	p := &Pool{}
	p.left.Store(bytes)
	return p
}

// take reports whether the pool had n bytes more to give.
func (p *Pool) take(n int64) bool {
	if p == nil {
		return false
	}
	if p.left.Add(-n) < 0 {
		p.left.Add(n)
		return false
	}
	return true
}

// Sorter puts rows in a total order in bounded memory. Equal rows are kept
// unless Unique. It is not safe for concurrent use.
type Sorter struct {
	schema Schema
	order  []int // position in the key → column
	opt    SortOptions
	keys   []entry
	pile   pile
	room   []byte // a key being put together
	held   int64
	limit  int64 // of held before a spill
	rows   int64
	runs   []*run
	seal   *sealer
	behind chan error // of the run being spilled, nil where there is none
	spent  [][]byte   // slabs of the run being spilled, to be used again when it is
	done   bool
}

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
	return &Sorter{schema: s, order: order, opt: o, seal: seal, limit: o.Memory / 2}, nil // the other half is being spilled
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
	s.room = s.Encode(s.room[:0], row)
	return s.AppendKey(s.room)
}

// AppendKey adds a row by its key: the cells in the order of the sort, each as
// AppendCell writes it. It copies the key.
func (s *Sorter) AppendKey(key []byte) error {
	if s.done {
		return ark.Faultf(ark.Invalid, "the sort has begun")
	}
	if len(s.keys) == cap(s.keys) { // by half again and again, every entry would be moved several times
		s.keys = slices.Grow(s.keys, max(len(s.keys), 1<<10))
	}
	s.keys = append(s.keys, s.pile.put(key))
	s.held += int64(len(key)) + heldBeside
	s.rows++
	if s.held < s.limit {
		return nil
	}
	if len(s.runs) == 0 && s.behind == nil && s.opt.Pool.take(s.opt.Memory/2) {
		s.limit += s.opt.Memory / 2
		return nil
	}
	return s.spill()
}

// heldBeside is what a row takes beside its key, while it is sorted.
const heldBeside = 2*16 + prefix

// AppendCell writes one cell of a key behind dst.
func AppendCell(dst []byte, t Type, v Value) []byte { return appendKey(dst, t, v) }

// AppendText writes a text that is no Value behind dst.
func AppendText(dst, text []byte) []byte {
	dst = append(dst, markValue)
	if bytes.IndexByte(text, 0) >= 0 {
		return appendText(dst, string(text))
	}
	return append(append(dst, text...), 0, 1)
}

// spill sorts the rows held longest and writes them as a run, behind the
// caller's back. What the pool gave stays full of rows that may never need it.
func (s *Sorter) spill() error {
	if err := s.settle(); err != nil {
		return err
	}
	s.pile.reuse(s.spent)
	n, size := 0, int64(0)
	for ; n < len(s.keys) && size < s.opt.Memory/2; n++ {
		size += int64(len(s.pile.key(s.keys[n]))) + heldBeside
	}
	keys, done := s.keys[:n:n], make(chan error, 1)
	var old pile // of keys; its last slab may hold others too
	if n == len(s.keys) {
		old = s.pile.all()
		s.spent = old.slabs
	} else {
		old = s.pile.part(s.keys[n])
		s.spent = old.slabs[:len(old.slabs)-1]
	}
	s.keys = append(make([]entry, 0, len(s.keys)), s.keys[n:]...)
	s.held, s.behind = s.held-size, done
	go func() {
		keys = old.sorted(keys)
		r, err := writeRun(s.opt.Dir, s.seal, func(yield func([]byte) bool) {
			for i, e := range keys {
				old.warm(keys, i)
				if !yield(old.key(e)) {
					return
				}
			}
		})
		if err == nil {
			s.runs = append(s.runs, r)
			err = s.compact()
		}
		done <- err
	}()
	return nil
}

// settle waits for the run that is being spilled. Until then the runs are its.
func (s *Sorter) settle() error {
	if s.behind == nil {
		return nil
	}
	err := <-s.behind
	s.behind = nil
	return err
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
		m, err := newMerge(tail, nil, nil)
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
		m, err := s.merged()
		if err != nil {
			yield(nil, err)
			return
		}
		if err := s.decode(ctx, m, yield); err != nil {
			yield(nil, err)
		}
	}
}

// merged ends the appending and begins the reading.
func (s *Sorter) merged() (*merge, error) {
	s.done = true
	if err := s.settle(); err != nil {
		return nil, err
	}
	s.pile.spare, s.spent = nil, nil
	s.keys = s.pile.sorted(s.keys)
	return newMerge(s.runs, &s.pile, s.keys)
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
// closes neither. Merging runs beside writing.
func (s *Sorter) WriteTo(ctx context.Context, w *Writer) error {
	if !slices.Equal(w.Schema().Names(), s.schema.Names()) {
		return ark.Faultf(ark.Internal, "the sorter's columns are not the writer's")
	}
	if s.done || s.opt.Unique {
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
	m, err := s.merged()
	if err != nil {
		return err
	}
	batches, stop := m.batches(ctx)
	defer stop()
	for b := range batches {
		from := 0
		for _, end := range b.ends {
			if err := w.AppendRow(Row{s, b.keys[from:end]}); err != nil {
				return err
			}
			from = end
		}
		if b.err != nil {
			return b.err
		}
	}
	return nil
}

// Close frees the memory and the spilled runs.
func (s *Sorter) Close() error {
	s.settle()
	for _, r := range s.runs {
		r.close()
	}
	s.runs, s.keys, s.pile, s.spent, s.done = nil, nil, pile{}, nil, true
	return nil
}

package frame

import "unsafe"

// bytesString views b as a string, which holds as long as nobody writes to b.
func bytesString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// stringBytes views s as bytes, which nobody may write to.
func stringBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// Builder collects rows of one or more inputs into a frame. Columns are
// matched by name; a column that an input lacks is null in its rows.
type Builder struct {
	cols    []*building
	byName  map[string]int
	sources []string
	source  []uint16
	n       int
	want    func(column string) bool // nil: every column
	rows    func(column string) bool // nil: none
	threads int
}

type building struct {
	name string
	ids  []uint32
	in   *Interner
	each bool // every row gets a number of its own
}

// NewBuilder returns an empty builder.
func NewBuilder() *Builder { return &Builder{byName: map[string]int{}} }

// Only makes the builder leave out the columns that want refuses.
func (b *Builder) Only(want func(column string) bool) *Builder { b.want = want; return b }

// Rows names columns whose values are all different, so that nothing is gained
// by looking each up: every row gets a number of its own there, also when its
// value was seen before.
func (b *Builder) Rows(of func(column string) bool) *Builder { b.rows = of; return b }

// Threads lets a Parquet file's columns be read by several goroutines.
func (b *Builder) Threads(n int) *Builder { b.threads = n; return b }

// wanted reports whether a column is to be read.
func (b *Builder) wanted(name string) bool { return b.want == nil || b.want(name) }

// column returns the column of that name, adding it when it is new.
func (b *Builder) column(name string) *building {
	if i, ok := b.byName[name]; ok {
		return b.cols[i]
	}
	c := &building{name: name, in: NewInterner(), ids: make([]uint32, b.n), each: b.rows != nil && b.rows(name)}
	b.byName[name] = len(b.cols)
	b.cols = append(b.cols, c)
	return c
}

// finish ends an input of that name: columns it lacked are filled with nulls.
func (b *Builder) finish(name string, rows int) {
	ord := uint16(len(b.sources))
	b.sources = append(b.sources, name)
	b.n += rows
	for _, c := range b.cols {
		if short := b.n - len(c.ids); short > 0 {
			c.ids = append(c.ids, make([]uint32, short)...)
		}
	}
	for range rows {
		b.source = append(b.source, ord)
	}
}

// Frame returns what was collected. The builder must not be used after.
func (b *Builder) Frame() *Frame {
	f := &Frame{N: b.n, Sources: b.sources, Source: b.source}
	for _, c := range b.cols {
		f.Cols = append(f.Cols, &Column{Name: c.name, IDs: c.ids, Dict: c.in.Dict()})
	}
	return f
}

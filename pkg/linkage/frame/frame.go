// Package frame holds a table of strings by column, each distinct value once:
// what record linkage compares are the numbers of values. It reads CSV and
// Parquet and must never be given a payload file: it knows nothing of zones,
// its caller opens the readers.
package frame

import (
	"hash/maphash"
)

// Column is one column: per row the number of its value in Dict. Number 0 is
// null; an empty string in the input is null too.
type Column struct {
	Name string
	IDs  []uint32
	Dict []string
	// Counts, when given, is how many records hold each value in the table that
	// this one is a part of, and Known how many hold any.
	Counts []int32
	Known  float64
}

// Value returns the value of row i, and whether there is one.
func (c *Column) Value(i int) (string, bool) {
	id := c.IDs[i]
	return c.Dict[id], id != 0
}

// Frame is a table. Source gives for each row the ordinal of the input it
// came from; Sources names those inputs.
type Frame struct {
	N       int
	Cols    []*Column
	Sources []string
	Source  []uint16
	Times   []uint32 // how many rows each row stands for; nil: one
	Old     int      // rows before this one were compared with each other already
}

// Col returns the column of that name, or nil.
func (f *Frame) Col(name string) *Column {
	for _, c := range f.Cols {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Names lists the columns in order.
func (f *Frame) Names() []string {
	names := make([]string, len(f.Cols))
	for i, c := range f.Cols {
		names[i] = c.Name
	}
	return names
}

// Take returns the given rows of f. It shares the dictionaries.
func (f *Frame) Take(rows []uint32) *Frame {
	out := &Frame{N: len(rows), Sources: f.Sources, Source: make([]uint16, len(rows))}
	for i, r := range rows {
		out.Source[i] = f.Source[r]
	}
	for _, c := range f.Cols {
		k := &Column{Name: c.Name, Dict: c.Dict, IDs: make([]uint32, len(rows))}
		for i, r := range rows {
			k.IDs[i] = c.IDs[r]
		}
		out.Cols = append(out.Cols, k)
	}
	return out
}

// Interner numbers distinct strings from 1 in order of first appearance; 0 is
// the empty string. It is not safe for concurrent use.
type Interner struct {
	seed  maphash.Seed
	slots []uint32
	tags  []uint32
	dict  []string
	arena []byte
}

// NewInterner returns an empty interner.
func NewInterner() *Interner {
	return &Interner{seed: maphash.MakeSeed(), slots: make([]uint32, 64), tags: make([]uint32, 64), dict: []string{""}}
}

// Dict returns the values by number. The interner must not be used after.
func (t *Interner) Dict() []string { return t.dict }

// Bytes returns the number of b, whose bytes it copies when they are new.
func (t *Interner) Bytes(b []byte) uint32 {
	if len(b) == 0 {
		return 0
	}
	h := maphash.Bytes(t.seed, b)
	mask := uint64(len(t.slots) - 1)
	tag := uint32(h >> 32)
	for i := h & mask; ; i = (i + 1) & mask {
		id := t.slots[i]
		if id == 0 {
			return t.add(i, tag, t.keep(b))
		}
		if t.tags[i] == tag && t.dict[id] == string(b) {
			return id
		}
	}
}

// String returns the number of s.
func (t *Interner) String(s string) uint32 {
	if s == "" {
		return 0
	}
	h := maphash.String(t.seed, s)
	mask := uint64(len(t.slots) - 1)
	tag := uint32(h >> 32)
	for i := h & mask; ; i = (i + 1) & mask {
		id := t.slots[i]
		if id == 0 {
			return t.add(i, tag, s)
		}
		if t.tags[i] == tag && t.dict[id] == s {
			return id
		}
	}
}

func (t *Interner) add(slot uint64, tag uint32, s string) uint32 {
	id := uint32(len(t.dict))
	t.dict = append(t.dict, s)
	t.slots[slot], t.tags[slot] = id, tag
	if len(t.dict)*2 > len(t.slots) {
		t.grow()
	}
	return id
}

func (t *Interner) grow() {
	n := len(t.slots) * 4
	t.slots, t.tags = make([]uint32, n), make([]uint32, n)
	mask := uint64(n - 1)
	for id := 1; id < len(t.dict); id++ {
		h := maphash.String(t.seed, t.dict[id])
		i := h & mask
		for t.slots[i] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i], t.tags[i] = uint32(id), uint32(h>>32)
	}
}

// keep copies b into the arena: one allocation per 64 KiB of values.
func (t *Interner) keep(b []byte) string {
	if len(b) > 1<<12 {
		return string(b)
	}
	if cap(t.arena)-len(t.arena) < len(b) {
		t.arena = make([]byte, 0, 1<<16)
	}
	at := len(t.arena)
	t.arena = append(t.arena, b...)
	return bytesString(t.arena[at:len(t.arena):len(t.arena)])
}

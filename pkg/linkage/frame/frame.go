// Package frame holds a table of strings by column, each distinct value once:
// what record linkage compares are the numbers of values. It reads CSV and
// Parquet and must never be given a payload file: it knows nothing of zones,
// its caller opens the readers.
package frame

import "hash/maphash"

// Column is one column: per row the number of its value in Dict. Number 0 is
// null; an empty string in the input is null too.
type Column struct {
	Name string
	IDs  []uint32
	Dict *Words
	// Counts, when given, is how many records hold each value in the table that
	// this one is a part of, and Known how many hold any.
	Counts []int32
	Known  float64
}

// Value returns the value of row i, and whether there is one.
func (c *Column) Value(i int) (string, bool) {
	id := c.IDs[i]
	return c.Dict.At(id), id != 0
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
	slots []uint64 // part of the hash above, number below; 0: free
	dict  *Words
	seen  uint64 // of what was looked at: keeps the looks from being left out
}

// NewInterner returns an empty interner.
func NewInterner() *Interner {
	return &Interner{seed: maphash.MakeSeed(), slots: make([]uint64, 64), dict: NewWords()}
}

// Dict returns the values by number. The interner must not be used after.
func (t *Interner) Dict() *Words { t.slots = nil; return t.dict }

// Bytes returns the number of b, whose bytes it copies when they are new.
func (t *Interner) Bytes(b []byte) uint32 {
	return t.String(bytesString(b))
}

// String returns the number of s, whose bytes it copies when they are new.
func (t *Interner) String(s string) uint32 {
	if s == "" {
		return 0
	}
	return t.tagged(t.tag(s), s)
}

// tag is the part of s's hash that tells where s is looked for.
func (t *Interner) tag(s string) uint64 { return maphash.String(t.seed, s) >> 32 }

// touch looks where the words with these tags would be, one look not waiting
// for the one before, so that the memory is near when each is looked up.
func (t *Interner) touch(tags []uint64) {
	mask := uint64(len(t.slots) - 1)
	for _, tag := range tags {
		t.seen += t.slots[tag&mask]
	}
}

// near looks at the words that those with these tags may be, for the same end.
func (t *Interner) near(tags []uint64) {
	mask := uint64(len(t.slots) - 1)
	for _, tag := range tags {
		v := t.slots[tag&mask]
		if v>>32 != tag {
			continue
		}
		p := &t.dict.pages[uint32(v)/wordsPage]
		if at := int(p.ends[uint32(v)%wordsPage]); at > 0 {
			t.seen += uint64(p.bytes[at-1])
		}
	}
}

// tagged is String of a string that is not empty, with its tag.
func (t *Interner) tagged(tag uint64, s string) uint32 {
	mask := uint64(len(t.slots) - 1)
	for i := tag & mask; ; i = (i + 1) & mask {
		v := t.slots[i]
		if v == 0 {
			return t.add(i, tag, s)
		}
		if v>>32 == tag && t.dict.At(uint32(v)) == s {
			return uint32(v)
		}
	}
}

func (t *Interner) add(slot, tag uint64, s string) uint32 {
	id := t.dict.add(stringBytes(s))
	t.slots[slot] = tag<<32 | uint64(id)
	if t.dict.Len()*8 > len(t.slots)*5 {
		t.grow()
	}
	return id
}

// grow makes room; the hashes are in the slots, so no word is looked at.
func (t *Interner) grow() {
	old := t.slots
	factor := 4
	if len(old) >= 1<<20 { // large tables: memory counts more
		factor = 2
	}
	t.slots = make([]uint64, len(old)*factor)
	mask := uint64(len(t.slots) - 1)
	for _, v := range old {
		if v == 0 {
			continue
		}
		i := v >> 32 & mask
		for t.slots[i] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = v
	}
}

package intake

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"

	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// memo remembers what short texts of one field became: senders repeat codes,
// days and small numbers, and what a text becomes depends on nothing else. It
// gives itself up where texts do not repeat. The zero memo is ready.
type memo struct {
	slots       []memoSlot
	tries, hits int
	off         bool
}

type memoSlot struct {
	a, b    uint64 // the text's first and last eight bytes
	n       uint8  // its length; 0: the slot is empty
	missing bool
	value   cell.Value
	bad     *failing
}

const (
	memoSlots = 512
	memoText  = 16   // the longest text that is remembered
	memoTrial = 8192 // look-ups between two judgements of whether it is worth it
)

// slot returns where raw is or will be remembered, and whether it is; nil
// where it cannot be.
func (m *memo) slot(raw []byte) (s *memoSlot, hit bool) {
	n := len(raw)
	if m.off || n == 0 || n > memoText {
		return nil, false
	}
	if m.slots == nil {
		m.slots = make([]memoSlot, memoSlots)
	}
	var a, b uint64
	switch {
	case n >= 8:
		a, b = binary.LittleEndian.Uint64(raw), binary.LittleEndian.Uint64(raw[n-8:])
	case n >= 4:
		a, b = uint64(binary.LittleEndian.Uint32(raw)), uint64(binary.LittleEndian.Uint32(raw[n-4:]))
	default:
		a, b = uint64(raw[0])|uint64(raw[n/2])<<8|uint64(raw[n-1])<<16, 0
	}
	h := (a ^ b*0x9e3779b97f4a7c15 ^ uint64(n)<<56) * 0xff51afd7ed558ccd
	s = &m.slots[h>>55]
	hit = int(s.n) == n && s.a == a && s.b == b
	if m.tries++; hit {
		m.hits++
	} else {
		s.a, s.b, s.n = a, b, uint8(n)
	}
	if m.tries == memoTrial {
		m.off = m.hits < memoTrial/4
		m.tries, m.hits = 0, 0
	}
	return s, hit
}

// value reads and checks raw as judge does, and remembers the outcome.
func (f *fieldRun) value(raw []byte, today cell.Value) (cell.Value, *failing) {
	s, hit := f.memo.slot(raw)
	switch {
	case s == nil:
		return f.judge(raw, today)
	case !hit:
		before := f.report.Missing
		s.value, s.bad = f.judge(raw, today)
		s.missing = f.report.Missing > before
	case s.missing:
		f.report.Missing++
	default:
		f.report.Filled++
	}
	return s.value, s.bad
}

// personMemo remembers the record keys of persons: a person's rows are many.
// What is remembered is found through a table small enough for the processor's
// caches; once it is full, the person met longest ago is forgotten.
type personMemo struct {
	seed   maphash.Seed
	places [][4]uint32 // by the text's hash: 1 + where in slots, and above it more of the hash; 0: none
	slots  []personSlot
	next   int      // of slots, to be used or used again
	hashes []uint64 // of the texts that warm saw
	warmed uint8    // of no meaning: it keeps what warm does from being left out
}

// personSlot fills a line of the processor's cache.
type personSlot struct {
	text [47]byte
	n    uint8 // 0: the slot is empty
	code [16]byte
}

const personSlots = 1 << 16

// slot returns where text, of the given hash, is or will be remembered, and
// whether it is; nil where it is too long.
func (m *personMemo) slot(text []byte, hash uint64) (s *personSlot, hit bool) {
	if len(text) == 0 || len(text) > len(s.text) {
		return nil, false
	}
	places, tag := m.of(hash)
	for _, at := range places {
		if at&^(2*personSlots-1) != tag || at&(2*personSlots-1) == 0 {
			continue
		}
		if s = &m.slots[at&(2*personSlots-1)-1]; int(s.n) == len(text) && bytes.Equal(s.text[:len(text)], text) {
			return s, true
		}
	}
	copy(places[1:], places[:3])
	places[0] = tag | uint32(m.next) + 1
	s = &m.slots[m.next]
	s.n = uint8(copy(s.text[:], text))
	m.next = (m.next + 1) % personSlots
	return s, false
}

// of is where a hash may stand, and what stands above its place there.
func (m *personMemo) of(hash uint64) (places *[4]uint32, tag uint32) {
	return &m.places[hash%personSlots], uint32(hash>>32) &^ (2*personSlots - 1)
}

// warm hashes some texts and looks at their slots, which lie all over memory:
// looked at one after the other, as each is needed, each would have to be waited
// for.
func (m *personMemo) warm(texts func(yield func([]byte) bool)) (hashes []uint64) {
	if m.slots == nil {
		m.seed, m.places, m.slots = maphash.MakeSeed(), make([][4]uint32, personSlots), make([]personSlot, personSlots)
	}
	m.hashes = m.hashes[:0]
	for text := range texts {
		hash := maphash.Bytes(m.seed, text)
		m.hashes = append(m.hashes, hash)
		places, tag := m.of(hash)
		for _, at := range places {
			if at&^(2*personSlots-1) == tag && at&(2*personSlots-1) > 0 {
				m.warmed ^= m.slots[at&(2*personSlots-1)-1].n
			}
		}
	}
	return m.hashes
}

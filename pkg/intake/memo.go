package intake

import (
	"encoding/binary"

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

// personMemo remembers the record keys of persons: a person's rows are many,
// and often lie together.
type personMemo struct {
	slots  []personSlot
	warmed uint8 // of no meaning: it keeps what warm does from being left out
}

type personSlot struct {
	text [24]byte
	n    uint8 // 0: the slot is empty
	code [16]byte
}

const personSlots = 1 << 16

// slot returns where text is or will be remembered, and whether it is; nil
// where it is too long.
func (m *personMemo) slot(text []byte) (s *personSlot, hit bool) {
	if len(text) == 0 || len(text) > len(s.text) {
		return nil, false
	}
	if m.slots == nil {
		m.slots = make([]personSlot, personSlots)
	}
	padded, at := personSlotOf(text)
	s = &m.slots[at]
	if int(s.n) == len(text) && s.text == padded {
		return s, true
	}
	s.text, s.n = padded, uint8(len(text))
	return s, false
}

func personSlotOf(text []byte) (padded [24]byte, at uint64) {
	copy(padded[:], text)
	h := binary.LittleEndian.Uint64(padded[:]) ^ binary.LittleEndian.Uint64(padded[8:])*0x9e3779b97f4a7c15 ^ binary.LittleEndian.Uint64(padded[16:])*0xc2b2ae3d27d4eb4f
	h *= 0xff51afd7ed558ccd
	h ^= h >> 29
	h *= 0xc4ceb9fe1a85ec53
	return padded, h >> 48
}

// warm looks at the slots of some texts, which lie all over memory: looked at
// one after the other, as each is needed, each would have to be waited for.
func (m *personMemo) warm(texts func(yield func([]byte) bool)) {
	if m.slots == nil {
		return
	}
	for text := range texts {
		if len(text) > 0 && len(text) <= len(m.slots[0].text) {
			_, at := personSlotOf(text)
			m.warmed ^= m.slots[at].n
		}
	}
}

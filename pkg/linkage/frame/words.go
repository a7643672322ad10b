package frame

import "unsafe"

// Words are distinct strings by number; number 0 is the empty string. They lie
// end to end in one piece of memory, without a pointer each, so that tens of
// millions of them cost their bytes and four more, and the garbage collector
// nothing.
type Words struct {
	bytes []byte
	ends  []uint32 // of each word, from the base of its page
	bases []uint64 // where each page of words begins
}

// wordsPage is how many words share a base.
const wordsPage = 1 << 12

// NewWords returns the given words after the empty one.
func NewWords(words ...string) *Words {
	w := &Words{}
	w.add(nil)
	for _, s := range words {
		w.add([]byte(s))
	}
	return w
}

// Len is how many words there are, the empty one among them.
func (w *Words) Len() int { return len(w.ends) }

// At returns word id.
func (w *Words) At(id uint32) string {
	base := w.bases[id/wordsPage]
	from := base
	if id%wordsPage != 0 {
		from += uint64(w.ends[id-1])
	}
	n := base + uint64(w.ends[id]) - from
	if n == 0 {
		return ""
	}
	return unsafe.String(&w.bytes[from], int(n))
}

// Size is how many bytes word id has.
func (w *Words) Size(id uint32) int {
	if id%wordsPage != 0 {
		return int(w.ends[id] - w.ends[id-1])
	}
	return int(w.ends[id])
}

// add appends a word. What At returned before stays right: the bytes are only
// ever copied, never written again.
func (w *Words) add(b []byte) uint32 {
	id := uint32(len(w.ends))
	if id%wordsPage == 0 {
		w.bases = append(w.bases, uint64(len(w.bytes)))
	}
	w.bytes = append(w.bytes, b...)
	w.ends = append(w.ends, uint32(uint64(len(w.bytes))-w.bases[id/wordsPage]))
	return id
}

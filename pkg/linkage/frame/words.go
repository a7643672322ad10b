package frame

import "unsafe"

// Words are distinct strings by number; number 0 is the empty string. They lie
// end to end in pages, without a pointer each, so that tens of millions of
// them cost their bytes and four more, the garbage collector nothing, and
// adding one never moves the others.
type Words struct {
	pages []page
	n     uint32
}

// page holds wordsPage words.
type page struct {
	bytes []byte
	ends  []uint32 // of each word in bytes
}

// wordsPage is how many words a page holds.
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
func (w *Words) Len() int { return int(w.n) }

// At returns word id.
func (w *Words) At(id uint32) string {
	p := &w.pages[id/wordsPage]
	i := id % wordsPage
	to, from := p.ends[i], uint32(0)
	if i != 0 {
		from = p.ends[i-1]
	}
	if from == to {
		return ""
	}
	return unsafe.String(&p.bytes[from], int(to-from))
}

// Size is how many bytes word id has.
func (w *Words) Size(id uint32) int { return len(w.At(id)) }

// add appends a word. What At returned before stays right: the bytes are only
// ever copied, never written again.
func (w *Words) add(b []byte) uint32 {
	if w.n%wordsPage == 0 {
		var p page
		if k := len(w.pages); k > 0 { // about as long as those before
			last := len(w.pages[k-1].bytes)
			p.bytes, p.ends = make([]byte, 0, last+last/16), make([]uint32, 0, wordsPage)
		}
		w.pages = append(w.pages, p)
	}
	p := &w.pages[len(w.pages)-1]
	p.bytes = append(p.bytes, b...)
	p.ends = append(p.ends, uint32(len(p.bytes)))
	w.n++
	return w.n - 1
}

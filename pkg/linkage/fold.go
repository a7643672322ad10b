package linkage

import (
	"github.com/ark-tre/ark/pkg/linkage/engine"
	"github.com/ark-tre/ark/pkg/linkage/frame"
	"github.com/ark-tre/ark/pkg/linkage/model"
)

// foldFrom is how many rows of one source that say exactly the same are
// compared one by one; more of them follow the first. Without it a million
// equal rows would be half a million million pairs.
const foldFrom = 50

// folding is a frame without the rows that say what many others say.
type folding struct {
	frame *frame.Frame
	kept  []uint32 // row of the folded frame → row of the whole one
	first []uint32 // row of the whole frame → the row it follows, itself if kept
}

// fold folds f by the columns that m looks at; nil when there is nothing to fold.
func fold(f *frame.Frame, m *model.Model) (*folding, error) {
	need, err := m.Columns()
	if err != nil {
		return nil, err
	}
	var cols []*frame.Column
	for _, c := range f.Cols {
		if need[c.Name] {
			cols = append(cols, c)
		}
	}
	same, times, first := alike(f, cols)
	if times == nil {
		return nil, nil
	}
	x := &folding{first: make([]uint32, f.N)}
	left := append([]uint32(nil), times...)
	for i, s := range same {
		x.first[i] = uint32(i)
		if times[s] > foldFrom && times[s]-left[s] >= foldFrom {
			x.first[i] = first[s]
		} else {
			x.kept = append(x.kept, uint32(i))
		}
		left[s]--
	}
	if len(x.kept) == f.N {
		return nil, nil
	}
	x.frame = f.Take(x.kept)
	x.frame.Times = make([]uint32, len(x.kept))
	for k, i := range x.kept {
		x.frame.Times[k] = 1
		if s := same[i]; first[s] == i && times[s] > foldFrom {
			x.frame.Times[k] = times[s] - foldFrom + 1
		}
	}
	return x, nil
}

// alike numbers what rows say; times is how many rows say each, nil when none
// is said more than foldFrom times, and first the first that does.
func alike(f *frame.Frame, cols []*frame.Column) (same, times, first []uint32) {
	if f.N > sampleFrom && !repeated(f, cols) {
		return nil, nil, nil
	}
	hashes := make([]uint64, f.N)
	for i, s := range f.Source {
		hashes[i] = uint64(s) + 1
	}
	for _, c := range cols {
		for i, id := range c.IDs {
			hashes[i] = said(hashes[i], id)
		}
	}
	t := frame.NewNumbers(f.N / 2)
	same = make([]uint32, f.N)
	most := uint32(0)
	for i, h := range hashes {
		n := t.Number(h) - 1
		if int(n) == len(times) {
			times, first = append(times, 0), append(first, uint32(i))
		} else if !equalRows(f, cols, first[n], uint32(i)) {
			return nil, nil, nil // two hashes met: fold nothing rather than wrongly
		}
		times[n]++
		most = max(most, times[n])
		same[i] = n
	}
	if most <= foldFrom {
		return nil, nil, nil
	}
	return same, times, first
}

// sampleFrom is from how many rows on a sample tells whether any row is said
// so often that folding pays.
const sampleFrom = 100_000

// said is the hash of what a row says with one value more.
func said(hash uint64, id uint32) uint64 {
	h := (hash ^ uint64(id)) * 0x9E3779B97F4A7C15
	return h ^ h>>29
}

// repeated reports whether a sixteenth of the rows, spread over all, says
// anything four times: what is said hundreds of times shows there, and less
// costs little to compare.
func repeated(f *frame.Frame, cols []*frame.Column) bool {
	t := frame.NewNumbers(f.N / 32)
	var n []uint8
	for i, s := range f.Source {
		if frame.Mix(uint64(i))&15 != 0 {
			continue
		}
		h := uint64(s) + 1
		for _, c := range cols {
			h = said(h, c.IDs[i])
		}
		k := int(t.Number(h)) - 1
		if k == len(n) {
			n = append(n, 0)
		}
		if n[k]++; n[k] > 3 {
			return true
		}
	}
	return false
}

func equalRows(f *frame.Frame, cols []*frame.Column, a, b uint32) bool {
	if f.Source[a] != f.Source[b] {
		return false
	}
	for _, c := range cols {
		if c.IDs[a] != c.IDs[b] {
			return false
		}
	}
	return true
}

// labels carries cluster labels of the folded frame to the whole one: a row
// that was left out is with the row it follows, if the second row that says
// the same is.
func (x *folding) labels(in []uint32) []uint32 {
	at := make(map[uint32]uint32, len(x.kept))
	for k, i := range x.kept {
		at[i] = uint32(k)
	}
	out := make([]uint32, len(x.first))
	for k, i := range x.kept {
		out[i] = x.kept[in[k]]
	}
	joined := map[uint32]bool{}
	for i, f := range x.first {
		if uint32(i) == f {
			continue
		}
		ok, known := joined[f]
		if !known {
			ok = x.together(f, in, at)
			joined[f] = ok
		}
		out[i] = uint32(i)
		if ok {
			out[i] = out[f]
		}
	}
	return out
}

// together reports whether the rows kept of a folded group are one cluster:
// they say the same, so if any other is with the first, all are.
func (x *folding) together(first uint32, in []uint32, at map[uint32]uint32) bool {
	n := 0
	for k := range x.kept {
		if in[k] == in[at[first]] {
			if n++; n > 1 {
				return true
			}
		}
	}
	return false
}

// edges carries pairs to the whole frame, and gives each row that was left out
// the pair with the row it follows that the second row of the group has.
func (x *folding) edges(in []engine.Edge) []engine.Edge {
	self := map[uint32]engine.Edge{}
	for i := range in {
		in[i].L, in[i].R = x.kept[in[i].L], x.kept[in[i].R]
	}
	heads := map[uint32]bool{}
	for i, f := range x.first {
		if uint32(i) != f {
			heads[f] = true
		}
	}
	second := map[uint32]uint32{}
	for _, e := range in {
		if heads[e.L] {
			if s, ok := second[e.L]; !ok || e.R < s {
				second[e.L], self[e.L] = e.R, e
			}
		}
	}
	for i, f := range x.first {
		if e, ok := self[f]; ok && uint32(i) != f {
			e.R = uint32(i)
			in = append(in, e)
		}
	}
	return in
}

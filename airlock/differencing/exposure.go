package differencing

import (
	"context"
	"math"
)

// Exposure is how much is known together of the people behind some releases:
// for whoever answers for the data. Exact; round before showing.
type Exposure struct {
	Cells   int // released figures with a contributor set
	Atom    int // the fewest people whom the figures together tell from all others; 0: nobody is behind any
	Nearest int // the fewest people, from 1 on, by which two figures differ; 0: none by fewer than least
}

// Exposure looks at the releases that of holds.
func (h *History) Exposure(ctx context.Context, of func(Summary) bool, least int64) (Exposure, error) {
	var s Exposure
	mine := make([]bool, len(h.releases))
	for i, r := range h.releases {
		mine[i] = of(r)
	}
	sig := make([]imprint, len(h.numbers))
	var buf [1024]uint32
	for _, sys := range h.systems {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		for _, r := range sys.rows {
			if !mine[r.release] {
				continue
			}
			s.Cells++
			for level, l := range r.set.levels {
				// Figures of the same set part nobody further.
				x := imprint{mix(r.imprint[0] + uint64(level)), mix(r.imprint[1] ^ uint64(level))}
				it := l.ManyIterator()
				for k := it.NextMany(buf[:]); k > 0; k = it.NextMany(buf[:]) {
					for _, o := range buf[:k] {
						sig[o][0] += x[0]
						sig[o][1] += x[1]
					}
				}
			}
		}
		s.note(sys.closest(mine, int(min(least, math.MaxInt32))))
	}
	atoms := map[imprint]int{}
	for _, x := range sig {
		if x != (imprint{}) {
			atoms[x]++
		}
	}
	for _, people := range atoms {
		if s.Atom == 0 || people < s.Atom {
			s.Atom = people
		}
	}
	return s, nil
}

func (s *Exposure) note(n int) {
	if n > 0 && (s.Nearest == 0 || n < s.Nearest) {
		s.Nearest = n
	}
}

// closest is the least number of people, from 1, between two rows of the
// releases.
func (s *system) closest(mine []bool, least int) int {
	best := 0
	for _, r := range s.rows {
		if !mine[r.release] {
			continue
		}
		s.near(r, least, func(o *row, d int) {
			if mine[o.release] && d > 0 && (best == 0 || d < best) {
				best = d
			}
		})
		if best == 1 {
			return best
		}
	}
	return best
}

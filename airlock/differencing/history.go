package differencing

import (
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/ark-tre/ark/airlock/suppress/highs"
)

// History is every release so far, ready to be searched.
type History struct {
	ordinals map[uint64]uint32
	numbers  []uint64
	releases []Summary
	systems  map[string]*system // people as they are one over all linkages
	plain    [][]Plain          // per release

	same    Same
	lacking [][]uint64
	moved   *roaring.Bitmap               // ordinals of numbers that are in same; where there are any:
	rest    map[string]*system            // the rows without these people
	within  map[string]map[string]*system // per linkage: people as it told them apart

	// Relinked is how many people linkage has joined or parted of whom same does
	// not know: each has another number in releases before and after, so that
	// two sets may differ by so many more than people came or went.
	Relinked int

	// SolverCache is a folder in which the solver's compiled code is kept;
	// empty: it is compiled when first needed.
	SolverCache string
	lp          *highs.Solver
}

// Summary is what may be said of a kept release to who may see the history.
type Summary struct {
	ID      string `json:"id"`
	Project string `json:"project,omitempty"`
	Linked  string `json:"linked,omitempty"`
	Figures int    `json:"figures"` // with a contributor set
	Plain   int    `json:"plain"`   // known by their labels alone
	People  int    `json:"people"`
	Bytes   int    `json:"bytes"`
}

// system is the figures that can be added up and subtracted: counts, or sums
// of one column. Others are compared pair by pair.
type system struct {
	name   string
	rows   []*row
	bySize []int32 // rows in order of their people
	dirty  bool
	alike  [buckets][]uint64 // per bucket: its sketch and the row, in order
	tables map[[2]int32]*population
}

// row is one figure in a system.
type row struct {
	release int // into History.releases; -1: the new one
	table   int32
	figure  Figure // without Times
	set     set
	size    int // people
	imprint imprint
	sketch  sketch
}

// population is everybody behind one table of one release.
type population struct {
	rows []int32
	low  []uint64 // the smallest hashes of its people: a sample
	size int      // of its largest set
}

// systemOf names the system of a figure.
func systemOf(f Figure) string {
	switch f.Statistic {
	case "count":
		return "count"
	case "sum", "mean":
		return "sum\x1f" + f.Of
	default:
		return "other\x1f" + f.Statistic + "\x1f" + f.Of
	}
}

// linear reports whether figures of the system add up.
func linear(name string) bool { return name == "count" || strings.HasPrefix(name, "sum\x1f") }

// New returns an empty history.
func New() *History { return NewSame(nil) }

// Releases lists what is kept.
func (h *History) Releases() []Summary { return slices.Clone(h.releases) }

// Has reports whether a release of that id is kept.
func (h *History) Has(id string) bool {
	return slices.ContainsFunc(h.releases, func(s Summary) bool { return s.ID == id })
}

func (h *History) ordinal(p uint64) uint32 {
	o, ok := h.ordinals[p]
	if !ok {
		o = uint32(len(h.numbers))
		h.ordinals[p] = o
		h.numbers = append(h.numbers, p)
		if _, ok := h.same[p]; ok {
			h.moved.Add(o)
		}
	}
	return o
}

// Load adds a release as Marshal wrote it.
func (h *History) Load(b []byte) error {
	s, err := unmarshal(b)
	if err != nil {
		return err
	}
	h.knows(s.Same)
	global := make([]uint32, len(s.people))
	monotone := true
	for i, p := range s.people {
		global[i] = h.ordinal(p)
		monotone = monotone && (i == 0 || global[i] > global[i-1])
	}
	figures := make([]Figure, len(s.Figures))
	for i, f := range s.Figures {
		figures[i] = f.Figure
		for k, l := range s.sets[i].levels {
			s.sets[i].levels[k] = renumber(l, global, monotone)
		}
	}
	h.add(Summary{ID: s.ID, Project: s.Project, Linked: s.Linked, Figures: len(figures), Plain: len(s.Plain), People: len(s.people), Bytes: len(b)}, figures, s.sets, s.Plain)
	return nil
}

// renumber moves a bitmap from a release's own ordinals to the history's.
func renumber(l *roaring.Bitmap, global []uint32, monotone bool) *roaring.Bitmap {
	if monotone && len(global) > 0 && int(global[len(global)-1])-int(global[0]) == len(global)-1 {
		if global[0] == 0 {
			return l
		}
		return roaring.AddOffset(l, global[0])
	}
	out := l.ToArray()
	for i, o := range out {
		out[i] = global[o]
	}
	slices.Sort(out)
	b := roaring.BitmapOf(out...)
	b.RunOptimize()
	return b
}

func (h *History) add(sum Summary, figures []Figure, sets []set, plain []Plain) {
	at := len(h.releases)
	h.releases, h.plain = append(h.releases, sum), append(h.plain, plain)
	tables := map[string]int32{}
	for i, f := range figures {
		raw := h.row(at, f, sets[i], tables)
		one := h.asOne(raw)
		put(h.systems, one, h.numbers)
		if len(h.same) == 0 {
			continue
		}
		if h.within[sum.Linked] == nil {
			h.within[sum.Linked] = map[string]*system{}
		}
		put(h.within[sum.Linked], raw, h.numbers)
		put(h.rest, h.without(raw), h.numbers)
	}
}

// put adds a row to its system.
func put(systems map[string]*system, r *row, numbers []uint64) {
	name := systemOf(r.figure)
	s := systems[name]
	if s == nil {
		s = &system{name: name, tables: map[[2]int32]*population{}}
		systems[name] = s
	}
	n := int32(len(s.rows))
	s.rows, s.dirty = append(s.rows, r), true
	key := [2]int32{int32(r.release), r.table}
	p := s.tables[key]
	if p == nil {
		p = &population{}
		s.tables[key] = p
	}
	p.rows = append(p.rows, n)
	p.note(r, numbers)
}

func (h *History) row(release int, f Figure, x set, tables map[string]int32) *row {
	t, ok := tables[f.Table]
	if !ok {
		t = int32(len(tables))
		tables[f.Table] = t
	}
	f.Times = nil
	r := &row{release: release, table: t, figure: f, set: x, size: x.people()}
	r.imprint, r.sketch = x.measure(h.numbers)
	return r
}

// sampled is how many hashes stand for a population.
const sampled = 64

// note takes a set's people into the population's sample.
func (p *population) note(r *row, numbers []uint64) {
	p.size = max(p.size, r.size)
	if len(r.set.levels) == 0 {
		return
	}
	limit := ^uint64(0)
	if len(p.low) == sampled {
		limit = p.low[sampled-1]
	}
	var low []uint64
	it := r.set.levels[0].ManyIterator()
	var buf [1024]uint32
	for n := it.NextMany(buf[:]); n > 0; n = it.NextMany(buf[:]) {
		for _, o := range buf[:n] {
			if x := mix(numbers[o]); x < limit {
				low = append(low, x)
			}
		}
	}
	low = append(low, p.low...)
	slices.Sort(low)
	low = slices.Compact(low)
	p.low = slices.Clone(low[:min(len(low), sampled)])
}

// shares estimates how much two populations have in common, 0 to 1.
func (p *population) shares(q *population) float64 {
	if len(p.low) == 0 || len(q.low) == 0 {
		return 0
	}
	both, i, j, seen := 0, 0, 0, 0
	for i < len(p.low) && j < len(q.low) && seen < sampled {
		switch {
		case p.low[i] == q.low[j]:
			both, i, j = both+1, i+1, j+1
		case p.low[i] < q.low[j]:
			i++
		default:
			j++
		}
		seen++
	}
	return float64(both) / float64(max(seen, 1))
}

// sorted gives the rows in order of their people.
func (s *system) sorted() []int32 {
	if s.dirty {
		s.bySize = s.bySize[:0]
		for i := range s.rows {
			s.bySize = append(s.bySize, int32(i))
		}
		slices.SortFunc(s.bySize, func(a, b int32) int { return s.rows[a].size - s.rows[b].size })
		s.alike, s.dirty = [buckets][]uint64{}, false
	}
	return s.bySize
}

// candidates lists the rows that may differ from r in fewer people than least:
// they agree with it in at least one of the first least buckets.
func (s *system) candidates(r *row, least int) []int32 {
	order := s.sorted()
	if least > buckets {
		return order
	}
	var out []int32
	for b := range least {
		if s.alike[b] == nil {
			index := make([]uint64, len(s.rows))
			for i, o := range s.rows {
				index[i] = uint64(o.sketch[b])<<32 | uint64(i)
			}
			slices.Sort(index)
			s.alike[b] = index
		}
		want := uint64(r.sketch[b]) << 32
		from, _ := slices.BinarySearch(s.alike[b], want)
		for _, x := range s.alike[b][from:] {
			if x>>32 != want>>32 {
				break
			}
			out = append(out, int32(uint32(x)))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Figures counts the figures kept with a set.
func (h *History) Figures() int {
	n := 0
	for _, s := range h.releases {
		n += s.Figures
	}
	return n
}

// Strangers reports whether nobody behind c is behind anything kept.
func (h *History) Strangers(c Release) bool {
	for _, f := range c.Figures {
		for p := range f.Times {
			_, known := h.ordinals[p]
			if _, other := h.ordinals[h.same.of(p)]; known || other {
				return false
			}
		}
	}
	return true
}

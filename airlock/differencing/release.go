package differencing

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/ark-tre/ark/pkg/ark"
)

// Release is one set of figures that left, or asks to.
type Release struct {
	ID      string
	Project string // empty where there is none
	// Linked names the linkage that told these people apart: within one, two
	// numbers are two people; over two, they may be one (History.Same).
	Linked string
	// Same is who goes by several numbers, as far as it is known; of it what is
	// about the release's people is kept with it.
	Same    Same
	Figures []Figure
	Plain   []Plain // figures of tables without a specification
}

// Figure is one released figure with who stands behind it.
type Figure struct {
	Table     string   `json:"table,omitempty"` // tells tables of one release apart
	Row       []string `json:"row,omitempty"`
	Col       []string `json:"col,omitempty"`
	Statistic string   `json:"statistic"`    // count, sum, mean, median …, or model
	Of        string   `json:"of,omitempty"` // the values' column, or the model's outcome and family
	Printed   float64  `json:"printed"`
	// Lo and Hi are what the printed figure says of its count of records, or
	// of its sum; they are equal where it is exact.
	Lo     float64 `json:"lo"`
	Hi     float64 `json:"hi"`
	Random bool    `json:"random,omitempty"` // rounded or perturbed by chance
	Scale  float64 `json:"scale,omitempty"`  // the largest contribution to a sum
	// Times holds how many records of each person are behind it.
	Times map[uint64]int `json:"-"`
	// Worth holds each person's contribution to a sum; known for a new release
	// only, never kept.
	Worth map[uint64]float64 `json:"-"`
}

// Plain is a figure known by its labels alone.
type Plain struct {
	Labels   string  `json:"labels"`
	Withheld bool    `json:"withheld,omitempty"`
	Value    float64 `json:"value"`
	Half     float64 `json:"half,omitempty"`
	Whole    bool    `json:"whole,omitempty"`
}

// People lists who is behind any figure, in order.
func (r Release) People() []uint64 {
	most := 0
	for _, f := range r.Figures {
		most = max(most, len(f.Times))
	}
	all := make(map[uint64]bool, most)
	for _, f := range r.Figures {
		for p := range f.Times {
			all[p] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

const magic = "ARKSETS1"

type header struct {
	ID      string         `json:"id"`
	Project string         `json:"project,omitempty"`
	Linked  string         `json:"linked,omitempty"`
	Same    [][]uint64     `json:"same,omitempty"`
	People  int            `json:"people"`
	Figures []headerFigure `json:"figures"`
	Plain   []Plain        `json:"plain,omitempty"`
}

type headerFigure struct {
	Figure
	Sizes []int `json:"sizes"` // bytes of each level's bitmap
}

// Marshal writes a release: its people in a table of its own, its figures, and
// their sets as bitmaps over that table.
func (r Release) Marshal() ([]byte, error) {
	people := r.People()
	at := make(map[uint64]uint32, len(people))
	for i, p := range people {
		at[p] = uint32(i)
	}
	if len(r.Figures) > 0 {
		r.Plain = nil // its people are known: labels would only raise false alarms
	}
	h := header{ID: r.ID, Project: r.Project, Linked: r.Linked, Same: r.Same.about(people), People: len(people), Plain: r.Plain, Figures: []headerFigure{}}
	var sets bytes.Buffer
	for _, f := range r.Figures {
		hf := headerFigure{Figure: f}
		for _, l := range levels(f.Times, func(p uint64) uint32 { return at[p] }).levels {
			n, err := l.WriteTo(&sets)
			if err != nil {
				return nil, err
			}
			hf.Sizes = append(hf.Sizes, int(n))
		}
		h.Figures = append(h.Figures, hf)
	}
	head, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	out := append([]byte(magic), make([]byte, 4)...)
	binary.BigEndian.PutUint32(out[len(magic):], uint32(len(head)))
	out = append(out, head...)
	for _, p := range people {
		out = binary.BigEndian.AppendUint64(out, p)
	}
	out = append(out, sets.Bytes()...)
	sum := sha256.Sum256(out)
	return append(out, sum[:]...), nil
}

// levels makes the set of a figure.
func levels(times map[uint64]int, ordinal func(uint64) uint32) set {
	var s set
	byLevel := [][]uint32{}
	for p, n := range times {
		o := ordinal(p)
		for k := range min(n, maxLevels) {
			if k == len(byLevel) {
				byLevel = append(byLevel, nil)
			}
			byLevel[k] = append(byLevel[k], o)
		}
	}
	for _, os := range byLevel {
		slices.Sort(os)
		b := roaring.BitmapOf(os...)
		b.RunOptimize()
		s.levels = append(s.levels, b)
	}
	return s
}

func damaged() error {
	return ark.Faultf(ark.Unavailable, "a kept release is damaged").Do("restore the history from its backup: without it no output can be compared")
}

// stored is a release as read: its sets over its own table of people.
type stored struct {
	header
	people []uint64
	sets   []set
}

func unmarshal(b []byte) (*stored, error) {
	if len(b) < len(magic)+4+sha256.Size || string(b[:len(magic)]) != magic {
		return nil, damaged()
	}
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return nil, damaged()
	}
	n := int(binary.BigEndian.Uint32(body[len(magic):]))
	body = body[len(magic)+4:]
	s := &stored{}
	if n > len(body) || json.Unmarshal(body[:n], &s.header) != nil || s.header.People < 0 || s.header.People > (len(body)-n)/8 {
		return nil, damaged()
	}
	body = body[n:]
	s.people = make([]uint64, s.header.People)
	for i := range s.people {
		s.people[i] = binary.BigEndian.Uint64(body[8*i:])
	}
	if !slices.IsSorted(s.people) {
		return nil, damaged()
	}
	body = body[8*len(s.people):]
	for _, f := range s.Figures {
		var x set
		for _, size := range f.Sizes {
			if size < 0 || size > len(body) {
				return nil, damaged()
			}
			m := roaring.New()
			if err := m.UnmarshalBinary(body[:size:size]); err != nil || !m.IsEmpty() && int(m.Maximum()) >= len(s.people) {
				return nil, damaged()
			}
			x.levels, body = append(x.levels, m), body[size:]
		}
		s.sets = append(s.sets, x)
	}
	return s, nil
}

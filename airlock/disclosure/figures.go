package disclosure

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	policy "github.com/ark-tre/ark/policies/disclosure"
)

// Figure is one figure of a specification as a table shows it.
type Figure struct {
	Cell      int // of Recomputed.Cells
	Agg       int // of Recomputed.Statistics
	Statistic string
	Shown     bool    // a number is printed; else the figure is withheld or left out
	Printed   float64 // the number
	Half      float64 // half a unit of its last printed place
	Bound     float64 // of a withheld figure whose mark states one: it is below this; else 0
}

// Figures recomputes the table of a specification and says what f shows of
// each of its figures; everything, to the last digit, when f is nil.
func Figures(p policy.Profile, m Microdata, f *File) (*Recomputed, []Figure, error) {
	unit := m.Unit
	if unit == "" && m.Frame.Has(p.Counts.UnitColumn) {
		unit = p.Counts.UnitColumn
	}
	r, err := Recompute(m.Frame, m.Spec, unit)
	if err != nil {
		return nil, nil, err
	}
	c := &microCheck{p: m.Spec.rounds(p), r: r}
	if f != nil {
		b, err := readAll(f.Reader)
		if err != nil {
			return nil, nil, err
		}
		rs, err := readRecords(b)
		if err != nil {
			return r, nil, nil // an unreadable table shows nothing; its check fails it
		}
		c.locate(f.Name, rs)
	}
	var out []Figure
	for i := range r.Cells {
		for agg, name := range r.Statistics() {
			fig := Figure{Cell: i, Agg: agg, Statistic: name}
			k, placed := c.place[placeKey{i, agg}]
			switch {
			case f == nil:
				fig.Printed = r.Cells[i].Values[agg]
				fig.Shown = !math.IsNaN(fig.Printed)
			case placed && c.shown[k].c.kind == cellNumber && len(c.shown[k].c.values) > 0:
				v := c.shown[k].c.values[0]
				fig.Shown, fig.Printed = true, v.f
				if !v.whole || name != "count" || r.weigh >= 0 {
					fig.Half = 0.5 * math.Pow(10, -float64(v.decimals))
				}
			case placed:
				fig.Bound = float64(c.shown[k].c.bound)
			}
			out = append(out, fig)
		}
	}
	return r, out, nil
}

// Statistics names the statistics of each cell, in order.
func (r *Recomputed) Statistics() []string { return r.Spec.aggregates() }

// Behind lists the records behind a cell: those with a value, where the
// specification has values.
func (r *Recomputed) Behind(cell int) []int {
	if r.value < 0 {
		return r.Cells[cell].records
	}
	return slices.DeleteFunc(slices.Clone(r.Cells[cell].records), func(i int) bool { return r.frame.rows[i][r.value].IsNull() })
}

// Value is the value of a record; NaN if it is no number.
func (r *Recomputed) Value(record int) float64 {
	if r.value < 0 {
		return math.NaN()
	}
	return r.frame.rows[record][r.value].Float()
}

// Unit numbers the unit that a record belongs to, from 0 to before Units; -1
// where the record tells none.
func (r *Recomputed) Unit(record int) int {
	if r.units < 0 {
		return -1
	}
	return int(r.coded.at[record])
}

// UnitName is the name of a unit.
func (r *Recomputed) UnitName(unit int) string { return r.coded.values[unit].Text() }

// Units is how many units the microdata has, in any cell or none.
func (r *Recomputed) Units() int { return len(r.coded.values) }

// ByUnit reports whether records tell their unit.
func (r *Recomputed) ByUnit() bool { return r.units >= 0 }

// Contents hashes each record by the names and values of its columns, so that
// a record is recognised in another file of the same columns. Equal records
// are numbered.
func (f *Frame) Contents() [][32]byte {
	order := make([]int, len(f.names))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(f.names[a], f.names[b]) })
	out := make([][32]byte, len(f.rows))
	seen := make(map[[32]byte]uint64, len(f.rows))
	var buf []byte
	for i, row := range f.rows {
		buf = buf[:0]
		for _, c := range order {
			text := row[c].Text()
			buf = binary.AppendUvarint(buf, uint64(len(f.names[c])))
			buf = append(buf, f.names[c]...)
			buf = binary.AppendUvarint(buf, uint64(len(text)))
			buf = append(buf, text...)
		}
		h := sha256.Sum256(buf)
		n := seen[h]
		seen[h] = n + 1
		buf = binary.BigEndian.AppendUint64(append(buf[:0], h[:]...), n)
		out[i] = sha256.Sum256(buf)
	}
	return out
}

// Rounds is the rounding of a table: what its specification declares, else the
// profile's, if any.
func (s Spec) Rounds(p policy.Profile) *policy.Rounding { return s.rounds(p).Rounding }

// Labelled is one figure of a table without a specification, by its labels.
type Labelled struct {
	Labels   string
	Withheld bool
	Value    float64
	Half     float64
	Whole    bool
}

// ReadLabelled reads a table's figures by their labels, as far as Ark can tell
// labels from figures; nothing of a table it can't read.
func ReadLabelled(p policy.Profile, f File) ([]Labelled, error) {
	b, err := readAll(f.Reader)
	if err != nil {
		return nil, err
	}
	t, err := readTable(f.Name, b)
	if err != nil {
		return nil, nil
	}
	v := understand(t, p)
	var out []Labelled
	for _, row := range t.rows {
		var labels []string
		for c, x := range row.cells {
			if c < len(v.cols) && v.cols[c].label {
				labels = append(labels, plainLabel(x.raw))
			}
		}
		for c, x := range row.cells {
			if c >= len(v.cols) || v.cols[c].label || x.kind != cellNumber && x.kind != cellMark {
				continue
			}
			l := Labelled{Labels: strings.ToLower(strings.Join(labels, "\x1f") + "\x1e" + strings.Join(t.header[c], "\x1f")), Withheld: x.kind == cellMark}
			if x.kind == cellNumber && len(x.values) > 0 {
				l.Value, l.Whole = x.values[0].f, x.values[0].whole
				l.Half = 0.5 * math.Pow(10, -float64(x.values[0].decimals))
			}
			out = append(out, l)
		}
	}
	return out, nil
}

// ReadFields reads a text table's records as they are, the heading first.
func ReadFields(f File) ([][]string, error) {
	b, err := readAll(f.Reader)
	if err != nil {
		return nil, err
	}
	rs, err := readRecords(b)
	if err != nil {
		return nil, nil
	}
	var out [][]string
	for _, r := range rs {
		if filled(r.fields) > 0 {
			out = append(out, r.fields)
		}
	}
	return out, nil
}

package disclosure

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// Rounded is a table after suppression and rounding, with what was done and
// the judgement of its bytes.
type Rounded struct {
	Table string     `json:"table"` // CSV
	Audit RoundAudit `json:"audit"`
}

// RoundAudit says what rounding did.
type RoundAudit struct {
	Profile   string    `json:"profile"`
	Base      int64     `json:"base"`
	Mode      string    `json:"mode"`
	Seed      int64     `json:"seed"`
	Counts    int       `json:"counts"`    // counts found
	Masked    int       `json:"masked"`    // suppressed as too small
	Changed   int       `json:"changed"`   // printed otherwise than before
	Totals    int       `json:"totals"`    // made the sum of rounded counts
	Furthest  int64     `json:"furthest"`  // the largest change of a count that isn't a total
	Coarsened int       `json:"coarsened"` // means and shares printed coarser, or made of what is shown
	Exact     int       `json:"exact"`     // true counts that follow from what is shown, by the sums among them
	Narrowest int64     `json:"narrowest"` // width of the narrowest range that follows for a count; −1: nothing was rounded
	Verdict   Verdict   `json:"verdict"`   // of the new table, judged from its bytes
	Findings  []Finding `json:"findings"`
}

// RoundTable suppresses and rounds the counts of a table as the profile asks,
// then judges the result from its bytes. The random mode and the noise of cell
// keys draw from seed and the cell's labels, so that the same cell gets the same
// noise however often it is asked, in whatever table.
func RoundTable(ctx context.Context, p policy.Profile, f File, seed int64) (*Rounded, error) {
	return RoundWith(ctx, p, f, seed, nil)
}

// RoundWith is RoundTable with the microdata behind the table at hand: cell
// keys are then those of the records, so that the same people get the same
// noise under whatever labels.
func RoundWith(ctx context.Context, p policy.Profile, f File, seed int64, m *Microdata) (*Rounded, error) {
	if p.Rounding == nil {
		return nil, ark.Faultf(ark.Invalid, "the profile %s says nothing about rounding", p.Name).Do("use a profile with a rounding section")
	}
	b, err := readAll(f.Reader)
	if err != nil {
		return nil, err
	}
	t, err := readTable(f.Name, b)
	if err != nil {
		return nil, ark.Faultf(ark.Invalid, "the table can't be read: %s", err)
	}
	v := understand(t, p)
	r := &rounder{v: v, p: p, seed: seed, out: map[[2]int]string{}, val: map[[2]int]int64{}, masked: map[[2]int]bool{}, made: map[[2]int]bool{}}
	if m != nil && p.Rounding.Mode == policy.CellKey {
		if r.keys, err = keysOf(p, f.Name, b, *m, seed); err != nil {
			return nil, err
		}
	}
	r.audit = RoundAudit{Profile: p.Name, Base: p.Rounding.Base, Mode: string(p.Rounding.Mode), Seed: seed}
	if p.Rounding.Mode == policy.Controlled {
		c, ok := f.Attacker.(Controller)
		if !ok {
			return nil, ark.Faultf(ark.Unavailable, "controlled rounding needs a solver")
		}
		if err := r.control(ctx, c); err != nil {
			return nil, err
		}
	} else {
		r.counts()
		if p.Rounding.Totals == "of-rounded" {
			r.totals()
		}
	}
	if p.Rounding.Mode == policy.CellKey || p.Rounding.Mode == policy.Random {
		r.closeMeans()
	}
	if err := r.attacked(ctx, f.Attacker); err != nil {
		return nil, err
	}
	table, err := r.write()
	if err != nil {
		return nil, err
	}
	r.audit.Verdict, r.audit.Findings, err = CheckTable(ctx, p, File{Name: f.Name, Reader: strings.NewReader(table), Pseudonym: f.Pseudonym, Attacker: f.Attacker})
	return &Rounded{Table: table, Audit: r.audit}, err
}

type rounder struct {
	v       *view
	p       policy.Profile
	seed    int64
	out     map[[2]int]string
	val     map[[2]int]int64 // shown value of a count
	masked  map[[2]int]bool
	made    map[[2]int]bool    // totals made of what is shown
	keys    map[[2]int]float64 // cell keys of the records
	further bool               // controlled rounding went one multiple further
	audit   RoundAudit
}

// counts suppresses and rounds each count by itself.
func (r *rounder) counts() {
	for _, s := range r.v.sites {
		if s.kind != kCount || s.part > 0 || len(r.v.at[[2]int{s.row, s.col}]) > 1 {
			continue // composite cells are for their author
		}
		r.audit.Counts++
		at := [2]int{s.row, s.col}
		zero := s.v.n == 0 && r.p.Counts.Zeros == policy.Fail
		if r.p.Counts.Small(s.v.n) || zero {
			r.masked[at], r.out[at] = true, "["+r.p.MaskText()+"]"
			if r.p.Counts.Strictness == policy.Below {
				r.out[at] = "<" + strconv.FormatInt(r.p.Counts.Threshold, 10)
			}
			r.audit.Masked++
			continue
		}
		n := r.p.Rounding.Round(s.v.n)
		if r.p.Rounding.Mode == policy.Random {
			n = r.random(s)
		}
		if r.p.Rounding.Mode == policy.CellKey {
			key, ok := r.keys[at]
			if !ok {
				key = labelKey(r.seed, r.v.key(s.row, s.col), s.v.n)
			}
			n = s.v.n + noiseOf(s.v.n, r.p.Rounding.Base, key)
		}
		r.val[at], r.out[at] = n, strconv.FormatInt(n, 10)
		r.audit.Furthest = max(r.audit.Furthest, abs(n-s.v.n))
	}
}

func abs(n int64) int64 { return max(n, -n) }

// random rounds to one of the two neighbours, up with the probability that
// keeps the expectation.
func (r *rounder) random(s site) int64 {
	b := r.p.Rounding.BaseFor(s.v.n)
	rest := s.v.n % b
	if rest == 0 {
		return s.v.n
	}
	h := sha256.New()
	_ = binary.Write(h, binary.BigEndian, r.seed)
	for _, l := range r.v.labels {
		h.Write([]byte(r.v.t.rows[s.row].cells[l].raw + "\x1f"))
	}
	h.Write([]byte(strings.Join(r.v.cols[s.col].path, "\x1f")))
	draw := binary.BigEndian.Uint64(h.Sum(nil)) % uint64(b)
	if draw < uint64(rest) {
		return s.v.n - rest + b
	}
	return s.v.n - rest
}

// totals makes totals the sums of what is shown, wherever the true total is
// the sum of the true parts: innermost first.
func (r *rounder) totals() {
	ss := r.v.sums()
	isTotal := map[[2]int]bool{}
	for _, s := range ss {
		isTotal[s.total] = true
	}
	done := map[[2]int]bool{}
	for range 8 {
		changed := false
		for _, s := range ss {
			ready := !done[s.total]
			for _, p := range s.parts {
				ready = ready && (!isTotal[p] || done[p])
			}
			if ready {
				r.total(s.total, s.parts)
				done[s.total], changed = true, true
			}
		}
		if !changed {
			return
		}
	}
}

func (r *rounder) total(at [2]int, cells [][2]int) {
	truth := func(k [2]int) (int64, bool) {
		x := r.v.t.rows[k[0]].cells[k[1]]
		if x.kind != cellNumber || !x.values[0].whole {
			return 0, false
		}
		return x.values[0].n, true
	}
	want, ok := truth(at)
	sum, shown := int64(0), int64(0)
	for _, k := range cells {
		n, fine := truth(k)
		ok = ok && fine
		sum += n
		shown += r.val[k]
	}
	if !ok || sum != want || len(cells) < 2 {
		return
	}
	r.val[at], r.out[at], r.made[at] = shown, strconv.FormatInt(shown, 10), true
	if r.masked[at] {
		r.audit.Masked--
		delete(r.masked, at)
	}
	r.audit.Totals++
}

// write prints the table with what changed.
func (r *rounder) write() (string, error) {
	return r.v.t.write(func(i, c int) (string, bool) {
		s, ok := r.out[[2]int{i, c}]
		if ok && s != r.v.t.rows[i].cells[c].raw {
			r.audit.Changed++
		}
		return s, ok
	})
}

// keysOf places the cell keys of the records in the printed table.
func keysOf(p policy.Profile, name string, b []byte, m Microdata, seed int64) (map[[2]int]float64, error) {
	unit := m.Unit
	if unit == "" && m.Frame.Has(p.Counts.UnitColumn) {
		unit = p.Counts.UnitColumn
	}
	rec, err := Recompute(m.Frame, m.Spec, unit)
	if err != nil {
		return nil, err
	}
	rs, err := readRecords(b)
	if err != nil {
		return nil, err
	}
	c := &microCheck{p: p, r: rec}
	c.locate(name, rs)
	keys, out, lines := rec.recordKeys(seed), map[[2]int]float64{}, map[int]int{}
	t, err := layOut(name, rs)
	if err != nil {
		return nil, err
	}
	for i, row := range t.rows {
		lines[row.line] = i
	}
	for k, at := range c.place {
		if i, ok := lines[c.table.rows[c.shown[at].row].line]; ok {
			out[[2]int{i, c.shown[at].col}] = keys[k.cell]
		}
	}
	return out, nil
}

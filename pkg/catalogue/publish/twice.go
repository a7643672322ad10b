package publish

import (
	"hash/maphash"
	"math"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// twice counts rows that two organisations sent alike of one person: the same
// event, told by both. Rows come in runs of one person and, within, of one
// organisation, so a person whom one organisation knows costs a hash a row.
// They are counted and stay: which of the two is right is not for Ark to say.
// Of rows alike, those count that the organisation which told most of them did
// not tell, so that the order in which they come changes nothing.
type twice struct {
	on      bool
	columns []int // of the record: variables that are no keys
	dates   []bool
	seed    maphash.Seed
	run     uint64
	org     string
	first   []uint64                    // rows of the run's first organisation
	seen    map[uint64]map[string]int64 // rows of the run by who told them how often, once there are two who did
	rows    int64
}

// newTwice looks at a table fed by several organisations, one of whose
// variables is a day or time: without one two rows alike need not be one event.
func newTwice(t catalogue.Table, orgs int) *twice {
	w := &twice{seed: maphash.MakeSeed(), seen: map[uint64]map[string]int64{}}
	for i, v := range t.Variables {
		if v.Transform == "entity" {
			continue
		}
		date := v.Type == "date" || v.Type == "timestamp"
		w.columns, w.dates = append(w.columns, i+2), append(w.dates, date)
		w.on = w.on || date
	}
	w.on = w.on && orgs > 1 && len(w.columns) > 1 && t.Name != catalogue.PersonTable
	return w
}

// look counts one row of a run of one person's rows.
func (w *twice) look(rec arrow.Record, row int, run uint64) {
	org := columnar.At(rec.Column(1), row).Str()
	if run != w.run {
		w.run, w.org, w.first = run, string(append([]byte(nil), org...)), w.first[:0]
		clear(w.seen)
	}
	sum, ok := w.sum(rec, row)
	if !ok {
		return
	}
	if org == w.org && len(w.seen) == 0 {
		w.first = append(w.first, sum)
		return
	}
	if len(w.seen) == 0 {
		for _, s := range w.first {
			w.tell(s, w.org)
		}
	}
	w.tell(sum, strings.Clone(org))
}

// tell notes that an organisation told a row, and counts it if another told more.
func (w *twice) tell(sum uint64, org string) {
	by := w.seen[sum]
	if by == nil {
		by = map[string]int64{}
		w.seen[sum] = by
	}
	w.rows -= beside(by)
	by[org]++
	w.rows += beside(by)
}

// beside is how many rows were told by others than who told most.
func beside(by map[string]int64) int64 {
	var all, most int64
	for _, n := range by {
		all, most = all+n, max(most, n)
	}
	return all - most
}

// sum is a row's variables as a number; not ok where it has no day, or nothing
// beside it.
func (w *twice) sum(rec arrow.Record, row int) (sum uint64, ok bool) {
	dated, filled := false, 0
	for i, c := range w.columns {
		x := columnar.At(rec.Column(c), row)
		sum = sum*0x9e3779b97f4a7c15 + uint64(i) + 1
		if x.IsNull() {
			continue
		}
		filled++
		dated = dated || w.dates[i]
		switch x.Type() {
		case cell.String:
			sum ^= maphash.String(w.seed, x.Str())
		case cell.Float64:
			sum ^= math.Float64bits(x.Float()) * 0xff51afd7ed558ccd
		default:
			sum ^= uint64(x.Int()) * 0xc4ceb9fe1a85ec53
		}
		sum ^= sum >> 29
	}
	return sum, dated && filled > 1
}

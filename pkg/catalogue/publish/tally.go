package publish

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/restricted"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/policies/disclosure"
)

// Bounds of what is counted per variable. A text with more values than
// maxValues is no category and is left out of the synthetic version.
const (
	maxValues     = 2_000
	syntheticRows = 1_000
)

// tally counts people per value of each variable. Only counts that pass the
// profile leave it: as completeness, and as marginals of the synthetic version.
type tally struct {
	profile disclosure.Profile
	table   catalogue.Table
	rows    int64
	run     uint64 // of rows of one person
	person  string
	columns []column
	judge   *restricted.Judge
	twice   *twice
}

// column counts one variable. Bins have numbers, so that a row costs one
// look-up: by text, or by the value's bits where it is a number or a time.
type column struct {
	present int64
	bins    map[string]int32
	byText  map[string]int32
	byBits  map[int64]int32
	counts  []int64  // people per bin
	last    []uint64 // the run of rows, that is the person, last counted in the bin
	open    bool     // too many values to be a category
}

func newTally(p disclosure.Profile, t catalogue.Table, own restricted.Codes) *tally {
	q := &tally{profile: p, table: t, judge: restricted.New(nil, own), columns: make([]column, len(t.Variables))}
	for i, v := range t.Variables {
		q.columns[i] = column{bins: map[string]int32{}, byText: map[string]int32{}, byBits: map[int64]int32{}, open: v.Transform == "entity"}
	}
	return q
}

// record counts a row group. Rows come in the order of persons, so a run of
// rows with one pseudonym is one person, who counts once in a bin however many
// rows say so: people are counted, not rows.
func (q *tally) record(rec arrow.Record) error {
	persons := rec.Column(0)
	runs := make([]uint64, rec.NumRows())
	for i := range runs {
		if p := columnar.At(persons, i).Str(); q.run == 0 || p != q.person {
			q.person = strings.Clone(p)
			q.run++
		}
		runs[i] = q.run
		if q.twice != nil && q.twice.on {
			q.twice.look(rec, i, q.run)
		}
	}
	q.rows += rec.NumRows()
	for i := range q.columns {
		c, col := &q.columns[i], rec.Column(i+2)
		c.present += rec.NumRows() - int64(col.NullN())
		for r := 0; r < len(runs) && !c.open; r++ {
			if col.IsNull(r) {
				continue
			}
			n := c.bin(q.table.Variables[i], columnar.At(col, r))
			if n >= 0 && c.last[n] != runs[r] {
				c.last[n] = runs[r]
				c.counts[n]++
			}
		}
	}
	return nil
}

// memo bounds the look-ups kept by value, of which there may be many more than
// bins.
const memo = 1 << 16

// bin is the number of a value's bin, -1 where the column has become open.
func (c *column) bin(v catalogue.Variable, x columnar.Value) int32 {
	text := x.Type() == cell.String
	bits := x.Int()
	if x.Type() == cell.Float64 {
		bits = int64(math.Float64bits(x.Float()))
	}
	if text {
		if n, ok := c.byText[x.Str()]; ok {
			return n
		}
	} else if n, ok := c.byBits[bits]; ok {
		return n
	}
	name := binOf(v, x)
	n, ok := c.bins[name]
	if !ok {
		n = int32(len(c.counts))
		if n == maxValues {
			*c = column{present: c.present, open: true}
			return -1
		}
		c.bins[strings.Clone(name)], c.counts, c.last = n, append(c.counts, 0), append(c.last, 0)
	}
	if text {
		c.byText[strings.Clone(x.Str())] = n // no more of them than bins
		return n
	}
	if len(c.byBits) == memo {
		clear(c.byBits)
	}
	c.byBits[bits] = n
	return n
}

// binOf is the category of a value: the value itself, the year of a date, or
// one of two significant digits of a number.
func binOf(v catalogue.Variable, x columnar.Value) string {
	switch catalogue.CellType(v.Type) {
	case cell.Date, cell.Timestamp:
		return strconv.Itoa(x.Time().Year())
	case cell.Float64:
		return strconv.FormatFloat(x.Float(), 'g', 2, 64)
	case cell.Int64:
		if v.Transform == "year" || x.Int() < 200 && x.Int() > -200 {
			return strconv.FormatInt(x.Int(), 10)
		}
		return strconv.FormatFloat(float64(x.Int()), 'f', -1, 64)
	}
	return x.Text()
}

// quality is each variable's completeness, from counts as the profile shows
// them, in steps of 5 %.
func (q *tally) quality() []catalogue.VariableQuality {
	var out []catalogue.VariableQuality
	all := disclosure.RoundCount(q.profile, q.rows)
	for i, v := range q.table.Variables {
		text := "unknown"
		some := disclosure.RoundCount(q.profile, q.columns[i].present)
		if !all.Masked && !some.Masked && all.Value > 0 {
			share := min(100, some.Value*100/all.Value)
			text = fmt.Sprintf("about %d %%", (share+2)/5*5)
		} else if !all.Masked && all.Value > 0 {
			text = "hardly any"
		}
		out = append(out, catalogue.VariableQuality{Table: q.table.Name, Variable: v.Name, Complete: text})
	}
	return out
}

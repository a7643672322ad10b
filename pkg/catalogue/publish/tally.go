package publish

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
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

// synthetic is a table of the same shape with rows drawn from the marginals
// that passed the profile, each variable on its own: it keeps no relation
// between variables and no row of anybody. The version seeds the draw.
func (q *tally) synthetic(version string) io.Reader {
	sum := sha256.Sum256([]byte("synthetic\n" + version + "\n" + q.table.Name))
	rng := rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16])))
	draws := make([]marginal, len(q.columns))
	for i := range q.columns {
		draws[i] = q.marginal(i)
	}
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	header := []string{PersonColumn}
	for _, v := range q.table.Variables {
		header = append(header, v.Name)
	}
	w.Write(header)
	for n := range syntheticRows {
		row := []string{fmt.Sprintf("SYNTHETIC%05d", n/q.perPerson()+1)}
		for i, v := range q.table.Variables {
			row = append(row, draws[i].draw(rng, v))
		}
		w.Write(row)
	}
	w.Flush()
	return &buf
}

func (q *tally) perPerson() int {
	if q.table.Name == catalogue.PersonTable {
		return 1
	}
	return 3
}

type marginal struct {
	values []string
	upto   []int64 // running sums
}

func (q *tally) marginal(i int) marginal {
	c := q.columns[i]
	var m marginal
	var sum int64
	for _, v := range slices.Sorted(maps.Keys(c.bins)) {
		if q.judge.Holds(q.table.Variables[i].System, v) {
			continue // no permit stands behind the synthetic version
		}
		shown := disclosure.RoundCount(q.profile, c.counts[c.bins[v]])
		if shown.Masked || shown.Value <= 0 {
			continue
		}
		sum += shown.Value
		m.values, m.upto = append(m.values, v), append(m.upto, sum)
	}
	return m
}

func (m marginal) draw(rng *rand.Rand, v catalogue.Variable) string {
	if len(m.values) == 0 {
		return ""
	}
	at := rng.Int64N(m.upto[len(m.upto)-1])
	i, _ := slices.BinarySearch(m.upto, at+1)
	x := m.values[i]
	switch catalogue.CellType(v.Type) {
	case cell.Date:
		return fmt.Sprintf("%s-%02d-%02d", x, 1+rng.IntN(12), 1+rng.IntN(28))
	case cell.Timestamp:
		return fmt.Sprintf("%s-%02d-%02dT%02d:00:00Z", x, 1+rng.IntN(12), 1+rng.IntN(28), rng.IntN(24))
	}
	return x
}

package publish

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"

	"github.com/ark-tre/ark/pkg/catalogue"
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
	columns []column
}

type column struct {
	present int64
	counts  map[string]int64  // category or bin → rows
	last    map[string]string // bin → the person last counted in it
	open    bool              // too many values to be a category
}

func newTally(p disclosure.Profile, t catalogue.Table) *tally {
	q := &tally{profile: p, table: t, columns: make([]column, len(t.Variables))}
	for i := range q.columns {
		q.columns[i].counts, q.columns[i].last = map[string]int64{}, map[string]string{}
	}
	return q
}

// add counts one row of a person. A bin counts a person once for each run of
// their rows, so no bin's count is above its rows or, for sorted input, wrong.
func (q *tally) add(person string, values []columnar.Value) {
	q.rows++
	for i, v := range values {
		c := &q.columns[i]
		if v.IsNull() {
			continue
		}
		c.present++
		if c.open || q.table.Variables[i].Transform == "entity" {
			continue
		}
		bin := binOf(q.table.Variables[i], v)
		if c.last[bin] == person {
			continue
		}
		c.last[bin] = person
		c.counts[bin]++
		if len(c.counts) > maxValues {
			c.open, c.counts, c.last = true, nil, nil
		}
	}
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
	names := make([]string, 0, len(c.counts))
	for v := range c.counts {
		names = append(names, v)
	}
	sort.Strings(names)
	var sum int64
	for _, v := range names {
		shown := disclosure.RoundCount(q.profile, c.counts[v])
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

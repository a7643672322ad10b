package synthetic

import (
	"math/bits"
	"strconv"
	"strings"
)

// source is one feed of one organisation, as written to sources.json.
type source struct {
	ID           string   `json:"id"`
	Organisation string   `json:"organisation"`
	Title        string   `json:"title"`
	Contract     string   `json:"contract"`
	Declared     string   `json:"declared"` // synthetic: what demonstration mode accepts
	Deliveries   []string `json:"deliveries"`

	tables []*table
	start  uint64 // where its local numbers begin
	number uint64
}

// organisation is written to organisations.json.
type organisation struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// table is one table of a source, and its file in each delivery.
type table struct {
	source *source
	name   string
	header []string
	files  [2]*file
	change int // position of the change column
	keyAt  int
}

// prime is the largest below 10¹⁰; 5 does not divide prime-1, so the fifth
// power permutes the numbers below it.
const prime = 9_999_999_967

// local makes the next local number of the source: scrambled, so that numbers
// given together are not alike.
func (s *source) local() string {
	s.number++
	x := (s.start + s.number) % prime
	y := times(x, x)
	return strconv.FormatUint(times(times(y, y), x), 10)
}

func times(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	_, r := bits.Div64(hi, lo, prime)
	return r
}

func (s *source) table(name, header string, o *output) *table {
	t := &table{source: s, name: name, header: strings.Split(header, ",")}
	t.change = len(t.header) - 1
	for i := range t.files {
		t.files[i] = o.file(s, i, name, header)
	}
	s.tables = append(s.tables, t)
	return t
}

// noise says how a table's rows go wrong on their way, as chances per row.
type noise struct {
	duplicate, spoiled, mended, deleted, cut float64
}

var usual = noise{duplicate: 0.003, spoiled: 0.005, mended: 0.6, deleted: 0.0005, cut: 0.0004}

// send puts a row into the delivery of its day, as the sender's system would:
// now and then twice, spoiled and corrected in the next delivery, withdrawn in
// the next delivery, or with its key missing. spoil may be nil.
func (t *table) send(d dice, on day, row []string, spoil func(dice, []string)) {
	row[t.change] = "N"
	if on > firstCut {
		t.files[1].row(row)
		return
	}
	switch x := d.Float64(); {
	case spoil != nil && x < usual.spoiled:
		wrong := append([]string(nil), row...)
		spoil(d, wrong)
		t.files[0].row(wrong)
		if d.chance(usual.mended) {
			t.again(row, "U")
		}
		return
	case x > 1-usual.deleted:
		t.again(row, "D")
	case x > 1-usual.deleted-usual.cut:
		row = append([]string(nil), row...)
		row[t.keyAt] = ""
	case x > 1-usual.deleted-usual.cut-usual.duplicate:
		t.files[0].row(row)
	}
	t.files[0].row(row)
}

// again sends a row in the second delivery with a change mark.
func (t *table) again(row []string, mark string) {
	r := append([]string(nil), row...)
	r[t.change] = mark
	t.files[1].row(r)
}

// num writes a measurement as laboratories print it.
func num(x float64, places int) string { return strconv.FormatFloat(x, 'f', places, 64) }

// spoilDate returns a spoiler that makes the date in column i impossible.
func spoilDate(i int) func(dice, []string) {
	return func(d dice, row []string) {
		rest := ""
		if len(row[i]) > 10 {
			rest = row[i][10:]
		}
		row[i] = of(d, "2091-04-31", "1791-01-01", "2020-02-30", "2023-13-04", "2088-06-15") + rest
	}
}

// either runs one of the spoilers.
func either(list ...func(dice, []string)) func(dice, []string) {
	return func(d dice, row []string) { list[d.IntN(len(list))](d, row) }
}

// put returns a spoiler that writes one of the texts into column i.
func put(i int, texts ...string) func(dice, []string) {
	return func(d dice, row []string) { row[i] = texts[d.IntN(len(texts))] }
}

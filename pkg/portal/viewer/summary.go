package viewer

import (
	"bytes"
	"encoding/csv"
	"math"
	"strconv"
	"strings"
)

// column sums up a column of a table: what a checker would otherwise count by
// hand.
type column struct {
	Name                   string
	Rows, Numbers, Missing int
	Masked                 int // cells that hold a redaction mark
	Least, LeastOver, Most string
	Sum                    string
	Fives, Tens            string // whether every number is a multiple
}

type running struct {
	rows, numbers, missing, masked int
	min, over, max, sum            float64
	fives, tens                    bool
}

type summaries struct{ cols []running }

func newSummaries() *summaries { return &summaries{} }

// masks are the marks that stand for a suppressed number.
var masks = map[string]bool{"*": true, "-": true, "c": true, "[c]": true, "x": true, "[x]": true, "..": true, "...": true, ":": true, "redacted": true, "[redacted]": true, "suppressed": true, "<10": true, "<5": true, "<8": true}

func (s *summaries) add(n int, rec []string) {
	if n == 1 {
		return
	}
	for i, text := range rec {
		if i >= maxCols {
			return
		}
		if i >= len(s.cols) {
			s.cols = append(s.cols, running{min: math.Inf(1), over: math.Inf(1), max: math.Inf(-1), fives: true, tens: true})
		}
		c := &s.cols[i]
		c.rows++
		text = strings.TrimSpace(text)
		if text == "" {
			c.missing++
			continue
		}
		if masks[strings.ToLower(text)] {
			c.masked++
			continue
		}
		x, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			continue
		}
		c.numbers++
		c.sum += x
		c.min, c.max = math.Min(c.min, x), math.Max(c.max, x)
		if x > 0 {
			c.over = math.Min(c.over, x)
		}
		c.fives, c.tens = c.fives && math.Mod(x, 5) == 0, c.tens && math.Mod(x, 10) == 0
	}
}

func (s *summaries) columns(head []cell) []column {
	var out []column
	for i, c := range s.cols {
		k := column{Rows: c.rows, Numbers: c.numbers, Missing: c.missing, Masked: c.masked}
		if i < len(head) {
			k.Name = head[i].Text
		}
		if c.numbers > 0 {
			k.Least, k.Most, k.Sum = short(c.min), short(c.max), short(c.sum)
			if !math.IsInf(c.over, 0) {
				k.LeastOver = short(c.over)
			}
			k.Fives, k.Tens = yesNo(c.fives), yesNo(c.tens)
		}
		out = append(out, k)
	}
	return out
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func short(x float64) string { return strconv.FormatFloat(x, 'g', 8, 64) }

// cellsOf reads a delimited table into its cells by row and column, nil for
// anything else.
func cellsOf(name string, data []byte) map[[2]int]string {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	sep, ok := tabular(name, data)
	if !ok {
		return nil
	}
	in := csv.NewReader(bytes.NewReader(data))
	in.Comma, in.FieldsPerRecord, in.LazyQuotes = sep, -1, true
	out := map[[2]int]string{}
	for n := 1; n <= maxRows; n++ {
		rec, err := in.Read()
		if err != nil {
			break
		}
		for c, text := range rec {
			if c < maxCols {
				out[[2]int{n, c + 1}] = text
			}
		}
	}
	return out
}

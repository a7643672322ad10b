package look

import (
	_ "embed"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
)

// column is one column of a table as its values are.
type column struct {
	head                      string
	words                     []string
	values, numbers, whole    int
	distinct                  map[string]int
	names, ages               int
	codes                     int // values such as P00123: letters and digits, as keys are
	long                      int // numbers with more digits than data supports
	lengths                   map[int]int
	firstDay, lastDay         time.Time
	fullDates                 int
	sorted, falling, monotone bool
	prev                      string
	prevF                     float64
	increments                int // whole numbers one above the last
}

type shape struct {
	table Table
	head  []string
	rows  [][]string
	at    int // of rows[0] in the table
	cols  []column
}

// newShape reads a table's columns. The heading is the first row with as many
// filled fields as most rows have.
func newShape(t Table, width int) shape {
	s := shape{table: t}
	at := 0
	for at < len(t.Rows) && filled(t.Rows[at])*2 < width && at < 10 {
		at++
	}
	if at < len(t.Rows) {
		s.head, s.rows, s.at = t.Rows[at], t.Rows[at+1:], at+1
		if mostlyNumbers(s.head) && len(s.rows) > 3 { // no heading at all
			s.rows, s.head, s.at = t.Rows[at:], nil, at
		}
	}
	for j := range width {
		c := column{distinct: make(map[string]int, min(len(s.rows), 2000)), lengths: map[int]int{}, sorted: true, falling: true, monotone: true}
		if j < len(s.head) {
			c.head = s.head[j]
			c.words = Words(c.head)
		}
		for _, row := range s.rows {
			if j < len(row) {
				c.read(strings.TrimSpace(row[j]))
			}
		}
		s.cols = append(s.cols, c)
	}
	return s
}

func filled(row []string) int {
	n := 0
	for _, x := range row {
		if strings.TrimSpace(x) != "" {
			n++
		}
	}
	return n
}

func mostlyNumbers(row []string) bool {
	n := 0
	for _, x := range row {
		if v, ok := Float(x); ok && !(v >= 1900 && v <= 2100) {
			n++
		}
	}
	return len(row) > 1 && n*2 > len(row)
}

func (c *column) read(x string) {
	if x == "" {
		return
	}
	c.values++
	if len(c.distinct) < 10_000 {
		c.distinct[x]++
	}
	v, isNumber := Float(x)
	if isNumber {
		c.numbers++
		if v == math.Trunc(v) {
			c.whole++
			if c.numbers > 1 && v == c.prevF+1 {
				c.increments++
			}
		}
		if v >= 0 && v <= 120 && v == math.Trunc(v) {
			c.ages++
		}
		if significant(x) > 6 && v != math.Trunc(v) {
			c.long++
		}
		if c.numbers > 1 {
			c.sorted = c.sorted && v >= c.prevF
			c.falling = c.falling && v <= c.prevF
		}
		c.prevF = v
	} else {
		if c.values > 1 {
			c.sorted = c.sorted && strings.ToLower(x) >= strings.ToLower(c.prev)
			c.falling = c.falling && strings.ToLower(x) <= strings.ToLower(c.prev)
		}
		if d, ok := Day(x); ok {
			c.fullDates++
			if c.firstDay.IsZero() || d.Before(c.firstDay) {
				c.firstDay = d
			}
			if d.After(c.lastDay) {
				c.lastDay = d
			}
		} else if name(x) {
			c.names++
		}
	}
	if code(x) {
		c.codes++
		c.lengths[len(x)]++
	}
	c.prev = x
}

// significant counts the digits of a number without leading and trailing
// zeros.
func significant(s string) int {
	if i := strings.IndexAny(s, "eE"); i > 0 {
		s = s[:i]
	}
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
	return len(strings.Trim(digits, "0"))
}

// Day reads a full calendar date, in the ways people write them.
func Day(s string) (time.Time, bool) {
	if len(s) < 8 || len(s) > 30 {
		return time.Time{}, false
	}
	if i := strings.IndexAny(s, "T "); i >= 8 && i <= 10 {
		s = s[:i]
	}
	if len(s) == 8 && strings.Trim(s, "0123456789") == "" {
		d, err := time.Parse("20060102", s)
		return d, err == nil && d.Year() > 1880 && d.Year() < 2100
	}
	if len(s) < 8 || !digit(s[0]) {
		return time.Time{}, false
	}
	for _, layout := range []string{"2006-1-2", "2/1/2006", "2.1.2006", "2-1-2006", "2006/1/2", "2 January 2006", "2 Jan 2006", "2-Jan-2006", "02-Jan-06", "1/2/2006"} {
		if d, err := time.Parse(layout, s); err == nil {
			return d, true
		}
	}
	return time.Time{}, false
}

// code reports whether x looks like a key: one word of letters with digits, or
// of many digits.
func code(x string) bool {
	if len(x) < 5 || len(x) > 64 {
		return false
	}
	digits, letters := 0, 0
	for i := range len(x) {
		switch c := x[i]; {
		case digit(c):
			digits++
		case c == '-' || c == '_':
		case alnum(c) && c < 0x80:
			letters++
		default:
			return false
		}
	}
	return digits >= 3 && (letters > 0 || digits >= 6) && (letters == 0 || digits*4 >= letters)
}

//go:embed data/given.txt
var givenList string

//go:embed data/surnames.txt
var surnameList string

var givenNames, surnames = set(givenList), set(surnameList)

func set(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}

// name reports whether x is a person's name: of two or three words, one known
// as given name and one as surname; or one that is either.
func name(x string) bool {
	if wordsOf(x) > 4 {
		return false
	}
	ws := strings.FieldsFunc(strings.ToLower(x), func(r rune) bool { return !unicode.IsLetter(r) && r != '-' && r != '\'' })
	switch len(ws) {
	case 1:
		return len(ws[0]) == len(x) && (givenNames[x1(ws[0])] || surnames[x1(ws[0])]) && unicode.IsUpper(rune(x[0]))
	case 2, 3, 4:
		first, last := ws[0], ws[len(ws)-1]
		if slices.Contains([]string{"mr", "mrs", "ms", "miss", "dr", "prof"}, first) {
			return surnames[last] || len(ws) > 2
		}
		return givenNames[first] && surnames[last] || givenNames[last] && surnames[first]
	}
	return false
}

// wordsOf counts words as name cuts them, without making them.
func wordsOf(x string) int {
	n, inside := 0, false
	for _, r := range x {
		letter := r < 0x80 && (r|0x20 >= 'a' && r|0x20 <= 'z' || r == '-' || r == '\'') || r >= 0x80 && unicode.IsLetter(r)
		if letter && !inside {
			n++
		}
		inside = letter
	}
	return n
}

func x1(s string) string { return strings.ToLower(s) }

// Words cuts a heading into lower-case words, at cases and separators.
func Words(h string) []string {
	var out []string
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			out = append(out, strings.ToLower(b.String()))
			b.Reset()
		}
	}
	prev := rune(0)
	for _, r := range h {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '%':
			flush()
		case unicode.IsUpper(r) && unicode.IsLower(prev), unicode.IsDigit(r) != unicode.IsDigit(prev) && prev != 0 && (unicode.IsDigit(r) || unicode.IsDigit(prev)):
			flush()
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
		prev = r
	}
	flush()
	return out
}

package look

import (
	"strings"
	"unicode/utf8"

	"github.com/ark-tre/ark/airlock/disclosure"
)

// MaxLine bounds what is searched as one text.
const MaxLine = 1 << 20

// Text searches free text line by line: identifiers, hidden characters,
// encoded words, lines that are rows.
func (s *Scope) Text(r *Report, f File, text string) {
	if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		r.Add(f, "file-unreadable", Nowhere)
		return
	}
	t := tally{scope: s, report: r, file: f}
	line := 0
	trailing := map[string]int{}
	for l := range strings.Lines(text) {
		line++
		l = strings.TrimRight(l, "\r\n")
		where := disclosure.Where{Line: line}
		if end := l[len(strings.TrimRight(l, " \t")):]; end != "" && len(end) < len(l) {
			trailing[end]++
		}
		for len(l) > MaxLine {
			t.see(l[:MaxLine], where)
			l = l[MaxLine-64:]
		}
		t.see(l, where)
	}
	t.finish(false)
	n := 0
	for _, k := range trailing {
		n += k
	}
	if len(trailing) > 2 && n >= 16 {
		r.Add(f, "text-spaces", Nowhere, "lines", Itoa(n))
	}
	rowsOf(r, f, text)
}

// Word searches one short text, such as a name, a heading or a property.
func (s *Scope) Word(r *Report, f File, where disclosure.Where, text string) {
	t := tally{scope: s, report: r, file: f}
	t.see(text, where)
	t.finish(true)
}

// tally turns hits into findings, weighing those that chance may make.
type tally struct {
	scope     *Scope
	report    *Report
	file      File
	ten, nhs  int
	postcodes int
	contacts  int
	encoded   int
	nhsAt     []disclosure.Where
	postAt    []disclosure.Where
	contactAt []disclosure.Where
}

func (t *tally) see(text string, where disclosure.Where) {
	if h := t.scope.scan(text); h != 0 {
		t.add(h, where)
	}
}

func (t *tally) add(h hit, where disclosure.Where) {
	r, f := t.report, t.file
	for _, x := range hitRules {
		if h&x.hit != 0 {
			r.Add(f, x.rule, where)
		}
	}
	if h&hitTenDigits != 0 {
		t.ten++
	}
	if h&hitNHS != 0 {
		t.nhs++
		t.nhsAt = append(t.nhsAt, where)
	}
	if h&hitPostcode != 0 {
		t.postcodes++
		t.postAt = append(t.postAt, where)
	}
	if h&hitContact != 0 {
		t.contacts++
		t.contactAt = append(t.contactAt, where)
	}
	if h&hitEncodedMaybe != 0 {
		t.encoded++
	}
}

var hitRules = []struct {
	hit  hit
	rule string
}{
	{hitKnown, "identifier-known"}, {hitPseudonym, "identifier-pseudonym"}, {hitInvisible, "text-invisible"}, {hitBidi, "text-bidirectional"},
	{hitHomoglyph, "text-homoglyph"}, {hitControl, "text-control"}, {hitNested, "identifier-encoded"}, {hitEncoded, "text-encoded"}, {hitEncodedMaybe, "text-encoded-maybe"},
}

// finish weighs what was counted. strict is for tables and names, where one
// postcode is a finding; in prose one may be an institution's address.
func (t *tally) finish(strict bool) {
	rule := "identifier-nhs-number"
	if t.ten >= 8 && t.nhs*4 < t.ten { // of any ten digits, one in eleven passes the check
		rule = "identifier-nhs-number-maybe"
	}
	for _, w := range t.nhsAt {
		t.report.Add(t.file, rule, w)
	}
	rule = "identifier-contact"
	if !strict && t.contacts <= 2 { // whom to ask about the work
		rule = "identifier-contact-maybe"
	}
	for _, w := range t.contactAt {
		t.report.Add(t.file, rule, w)
	}
	rule = "identifier-postcode"
	if !strict && t.postcodes == 1 {
		rule = "identifier-postcode-maybe"
	}
	for _, w := range t.postAt {
		t.report.Add(t.file, rule, w)
	}
	if t.encoded > 8 { // a digest or two is a reference, many are a channel
		t.report.Add(t.file, "text-encoded", Nowhere, "words", Itoa(t.encoded))
	}
}

// rowsOf finds stretches of lines that are rows of a table: as many fields
// each, of which several hold numbers.
func rowsOf(r *Report, f File, text string) {
	run, best, bestAt, width := 0, 0, 0, 0
	line := 0
	last := ""
	for l := range strings.Lines(text) {
		line++
		l = strings.TrimSpace(l)
		n := fields(l)
		if n > 0 && said(l, last) { // a log says the same words every time
			n = 0
		}
		if l != "" {
			last = l
		}
		switch {
		case n >= 3 && n == width:
			run++
		case n >= 3:
			run, width = 1, n
		case l != "":
			run, width = 0, 0
		}
		if run > best {
			best, bestAt = run, line-run+1
		}
	}
	where := disclosure.Where{Line: bestAt}
	switch {
	case best >= 20:
		r.Add(f, "text-rows", where, "lines", Itoa(best))
	case best >= 5:
		r.Add(f, "text-rows-maybe", where, "lines", Itoa(best))
	}
}

// said reports whether two lines share at least two words of three letters or
// more at the same places, as the lines of a log do.
func said(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	same := 0
	for i := range min(len(x), len(y)) {
		if x[i] == y[i] && len(x[i]) >= 3 && strings.Trim(x[i], "0123456789.-:/") != "" && !strings.ContainsAny(x[i], ",\t") {
			same++
		}
	}
	return same >= 2
}

// fields counts the fields of a line that looks like a row: at least two
// numbers among fields parted by commas, tabs, bars or several spaces. 0: no
// row.
func fields(l string) int {
	if len(l) == 0 || len(l) > 4000 {
		return 0
	}
	for _, sep := range []string{"\t", ",", ";", "|"} {
		if strings.Count(l, sep) >= 2 {
			return numbered(strings.Split(l, sep), 3)
		}
	}
	return numbered(strings.Fields(l), 2)
}

// numbered counts fields if at least two, and one in share, are numbers.
func numbered(fs []string, share int) int {
	numbers := 0
	for _, x := range fs {
		x = strings.Trim(strings.TrimSpace(x), `"'[](){}`)
		if x != "" && strings.Trim(x, "0123456789.-+eE:/%") == "" && strings.ContainsAny(x, "0123456789") {
			numbers++
		}
	}
	if numbers < 2 || len(fs) < 3 || numbers*share < len(fs) {
		return 0
	}
	return len(fs)
}

// TextLike reports whether data is UTF-8 text without control characters.
func TextLike(data []byte) bool {
	if !utf8.Valid(data) {
		return false
	}
	for _, c := range data {
		if c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' {
			return false
		}
	}
	return true
}

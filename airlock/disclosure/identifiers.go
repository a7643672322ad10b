package disclosure

import (
	"regexp"
	"strings"
	"time"
)

// nhsNumber reports whether s, ten digits with optional spaces or dashes after
// the third and sixth, has a valid modulus-11 check digit (NHS Data
// Dictionary: NHS NUMBER). Ten equal digits are not a number ever issued.
func nhsNumber(s string) bool {
	var d [10]int
	n := 0
	for i := range len(s) {
		switch ch := s[i]; {
		case isDigit(ch) && n < 10:
			d[n] = int(ch - '0')
			n++
		case (ch == ' ' || ch == '-') && (n == 3 || n == 6) && isDigit(s[i-1]):
		default:
			return false
		}
	}
	if n != 10 {
		return false
	}
	sum, same := 0, true
	for i := range 9 {
		sum += d[i] * (10 - i)
		same = same && d[i] == d[i+1]
	}
	check := (11 - sum%11) % 11
	return check != 10 && check == d[9] && !same
}

// patterns of identifiers, made once per view.
type patterns struct {
	nhs, postcode, postcodeIn, email, phone, nino, date *regexp.Regexp
}

func newPatterns() patterns {
	return patterns{
		nhs:        regexp.MustCompile(`\d{3}[ -]?\d{3}[ -]?\d{4}`),
		postcode:   regexp.MustCompile(`^[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][ABD-HJLNP-UW-Z]{2}$`),
		postcodeIn: regexp.MustCompile(`\b[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][ABD-HJLNP-UW-Z]{2}\b`),
		email:      regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+`),
		phone:      regexp.MustCompile(`^(\+44 ?7|07)\d{3} ?\d{6}$|^0\d{2,4} \d{3,4} \d{3,4}$`),
		nino:       regexp.MustCompile(`\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b`),
		date:       regexp.MustCompile(`^(\d{4})-(\d{2})-(\d{2})([T ].*)?$|^(\d{1,2})[/.](\d{1,2})[/.](\d{4})$`),
	}
}

// nhsNumbers finds NHS numbers in a text, where no further digit adjoins.
func (p patterns) nhsIn(s string) bool {
	digits := 0
	for i := range len(s) {
		if isDigit(s[i]) {
			digits++
		}
	}
	if digits < 10 {
		return false
	}
	for _, m := range p.nhs.FindAllStringIndex(s, -1) {
		if (m[0] > 0 && (isDigit(s[m[0]-1]) || s[m[0]-1] == '.')) || (m[1] < len(s) && (isDigit(s[m[1]]) || s[m[1]] == '.' && m[1]+1 < len(s) && isDigit(s[m[1]+1]))) {
			continue
		}
		if nhsNumber(s[m[0]:m[1]]) {
			return true
		}
	}
	return false
}

// day reads a full calendar date.
func (p patterns) day(s string) (time.Time, bool) {
	if len(s) < 8 || !isDigit(s[0]) {
		return time.Time{}, false
	}
	m := p.date.FindStringSubmatch(s)
	if m == nil {
		return time.Time{}, false
	}
	layout, text := "2006-01-02", m[1]+"-"+m[2]+"-"+m[3]
	if m[1] == "" {
		layout, text = "2/1/2006", m[5]+"/"+m[6]+"/"+m[7]
	}
	d, err := time.Parse(layout, text)
	if err != nil && m[1] == "" {
		d, err = time.Parse("1/2/2006", text)
	}
	return d, err == nil
}

// scan calls f for every text of the file: headings, cells and notes. Cell
// coordinates are -1 for headings and notes.
func (v *view) scan(f func(text string, r, c, line int) bool) {
	for c, col := range v.cols {
		for _, h := range col.path {
			if !f(h, -1, c, 0) {
				return
			}
		}
	}
	for r, row := range v.t.rows {
		for c, x := range row.cells {
			if x.raw != "" && !f(x.raw, r, c, row.line) {
				return
			}
		}
	}
	for _, n := range v.t.notes {
		if !f(n.text, -1, -1, n.line) {
			return
		}
	}
}

// identifier makes the rule that reports texts for which is() holds. The
// text itself is never repeated.
func (v *view) identifier(is func(text string, r, c int) (Severity, bool), says, repair string) []Finding {
	var out []Finding
	v.scan(func(text string, r, c, line int) bool {
		sev, hit := is(text, r, c)
		if !hit {
			return true
		}
		w := Where{Sheet: v.t.sheet, Line: line}
		if r >= 0 {
			w = v.bare(r, c)
		}
		evidence := []string{}
		if r >= 0 && c >= 0 {
			evidence = []string{"column_number", itoa(c + 1)}
		}
		out = append(out, v.finding(sev, w, r, c, says, repair, evidence...))
		return len(out) <= perRule*4
	})
	return out
}

// tokens splits a text into the words a key may stand as.
func tokens(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_')
	})
}

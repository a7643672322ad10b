// Package people measures what an inbound file tells of people: direct
// identifiers, pseudonyms and whose they are, the columns by which people can
// be told apart, how many rows those single out, and how many fit exactly one
// person of the extract that the file would lie beside. That last figure is the
// linkage attack, done where nobody sees either side.
//
// It may touch the bytes and the records it is given. It must never put a value
// of either into a finding.
package people

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/ingress"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/nhsnumber"
	"github.com/ark-tre/ark/pkg/pseudonym"
)

// Table is one table of the extract.
type Table interface {
	Names() []string
	Len() int
	Has(name string) bool
	At(record int, name string) cell.Value
}

// Input is one file, and the extract it is held against. Both are asked for
// only where they are needed.
type Input struct {
	Name    string
	Data    []byte
	Type    string                     // by content
	Own     func(string) (bool, error) // a pseudonym of this project's extract
	Extract func() ([]Table, error)
}

// Found is what was found.
type Found struct {
	Profile  ingress.Profile
	Findings []disclosure.Finding
}

// few is how many rows must fit or be alone before a table counts as one of
// persons, in a hundred.
const few = 5

// many is how many rows of a table of counts may fit one person, in a hundred.
const many = 25

var (
	words     = regexp.MustCompile(`[0-9A-Za-z]+`)
	email     = regexp.MustCompile(`(?i)\b[a-z0-9._%+-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}\b`)
	postcode  = regexp.MustCompile(`^(?i)[a-z]{1,2}[0-9][0-9a-z]? ?[0-9][a-z]{2}$`)
	birthDate = regexp.MustCompile(`(?i)(^|_)(dob|date_?of_?birth|birth_?date|born_?on)($|_)`)
	names     = regexp.MustCompile(`(?i)(^|_)(first|given|fore|middle|family|sur|last)_?names?($|_)`)
	counts    = regexp.MustCompile(`(?i)(^|_)(counts?|n|people|persons|population|pop|total|number|frequency|rate)($|_)`)
)

// quasi are columns by which people can be told apart, by what they are.
var quasi = []struct {
	is   string
	like *regexp.Regexp
}{
	{"year_of_birth", regexp.MustCompile(`(?i)^(year_?of_?birth|yob|birth_?year)$`)},
	{"age", regexp.MustCompile(`(?i)(^|_)age($|_)`)},
	{"sex", regexp.MustCompile(`(?i)^(sex|gender)$`)},
	{"ethnicity", regexp.MustCompile(`(?i)^ethnic`)},
	{"lsoa", regexp.MustCompile(`(?i)^(lsoa|msoa|oa|ward|area|postcode_?district|outcode)`)},
	{"imd_decile", regexp.MustCompile(`(?i)^imd`)},
	{"practice", regexp.MustCompile(`(?i)^(gp_?)?practice`)},
	{"occupation", regexp.MustCompile(`(?i)^(occupation|job|employer|school)`)},
	{"date", regexp.MustCompile(`(?i)(^|_)(date|day|month|admitted|arrived|discharged|died)($|_)`)},
	{"diagnosis", regexp.MustCompile(`(?i)^(diagnos|icd|snomed|condition|procedure|opcs)`)},
}

// Look measures one file.
func Look(in Input) (Found, error) {
	var f Found
	t, isTable := read(in)
	if isTable {
		return f, f.table(in, t)
	}
	return f, f.text(in)
}

func (f *Found) add(in Input, rule string, s disclosure.Severity, says, repair string) {
	f.Findings = append(f.Findings, disclosure.Finding{Rule: rule, Severity: s, File: in.Name, Says: says, Repair: repair, Evidence: map[string]string{}})
}

func (f *Found) identified(in Input, what string) {
	f.add(in, "inbound-identifier", disclosure.SevFail, "it holds "+what, "identifiers never enter a workspace: take them out, or have the data delivered to the Ark as a source, where linkage is sealed")
}

func (f *Found) foreign(in Input) {
	f.add(in, "inbound-foreign-pseudonym", disclosure.SevFail, "it holds pseudonyms that are not of this project's extract", "take them out: pseudonyms of one project never come into another")
}

// text looks through what is no table, for what has a form of its own.
func (f *Found) text(in Input) error {
	if !strings.HasPrefix(in.Type, "text/") && !strings.HasSuffix(in.Type, "/sql") && !strings.HasSuffix(in.Type, "yaml") && !strings.HasSuffix(in.Type, "toml") {
		return nil
	}
	other, own, nhs := map[string]bool{}, false, 0
	for _, w := range words.FindAll(in.Data, -1) {
		switch s := string(w); {
		case pseudonym.IsPseudonym(s):
			mine, err := in.Own(s)
			if err != nil {
				return err
			}
			if mine {
				own = true
			} else {
				other[s] = true
			}
		case len(s) == nhsnumber.Len && nhsnumber.Valid(s):
			nhs++
		}
	}
	if len(other) > 0 {
		if len(other) < 3 { // a word of that length passes by chance once in 32
			f.add(in, "inbound-foreign-pseudonym", disclosure.SevReview, "it holds words that may be pseudonyms of another project", "look at it")
		} else {
			f.foreign(in)
		}
	}
	if f.Profile.Own = own; own {
		f.Profile.Persons = true
	}
	if nhs >= 3 {
		f.identified(in, "NHS numbers")
	}
	if email.Match(in.Data) && nhs > 0 {
		f.identified(in, "addresses of people")
	}
	return nil
}

type table struct {
	head []string
	rows [][]string
}

// read reads a CSV or TSV; what cannot be read whole is no table here, and
// inspection has said what it thinks of it.
func read(in Input) (table, bool) {
	var t table
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(in.Data, []byte("\ufeff"))))
	switch lower := strings.ToLower(in.Name); {
	case strings.HasSuffix(lower, ".tsv"):
		r.Comma = '\t'
	case !strings.HasSuffix(lower, ".csv"):
		return t, false
	}
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return t, len(t.head) > 0
		}
		if err != nil {
			return t, false
		}
		if t.head == nil {
			t.head = row
			continue
		}
		t.rows = append(t.rows, row)
	}
}

func (t table) at(row, col int) string {
	if col >= len(t.rows[row]) {
		return ""
	}
	return strings.TrimSpace(t.rows[row][col])
}

// table judges each column by its values and its name, then the rows together.
func (f *Found) table(in Input, t table) error {
	f.Profile.Rows = len(t.rows)
	kinds := map[string]int{} // what it is → its column
	aggregated, told := false, map[string]bool{}
	identified := func(what string) {
		if !told[what] {
			told[what] = true
			f.identified(in, what)
		}
	}
	foreign := false
	for col, name := range t.head {
		name = strings.TrimSpace(name)
		var filled, nhs, mails, codes int
		var numbers []int
		for row := range t.rows {
			v := t.at(row, col)
			if v == "" {
				continue
			}
			filled++
			switch {
			case pseudonym.IsPseudonym(v):
				own, err := in.Own(v)
				if err != nil {
					return err
				}
				if own {
					f.Profile.Own = true
				} else {
					foreign = true
				}
			case nhsnumber.Valid(strings.ReplaceAll(v, " ", "")):
				nhs++
			case email.MatchString(v):
				mails++
			case postcode.MatchString(v):
				codes++
			}
			if n, err := strconv.Atoi(v); err == nil {
				numbers = append(numbers, n)
			}
		}
		lower := strings.ToLower(name)
		if filled > 0 && (2*nhs >= filled || nhs > 0 && strings.Contains(lower, "nhs")) {
			identified("NHS numbers")
		}
		if filled > 0 && 2*mails >= filled {
			identified("e-mail addresses")
		}
		if filled > 0 && 2*codes >= filled {
			identified("full postcodes")
		}
		if birthDate.MatchString(name) {
			identified("dates of birth")
		}
		if names.MatchString(name) {
			identified("names")
		}
		if counts.MatchString(name) && len(numbers) == filled && filled > 0 {
			slices.Sort(numbers)
			aggregated = aggregated || numbers[len(numbers)/2] >= 10 // counts of one person each are persons
		}
		for _, q := range quasi {
			if q.like.MatchString(name) {
				if _, have := kinds[q.is]; !have {
					kinds[q.is] = col
				}
				break
			}
		}
	}
	if foreign {
		f.foreign(in)
	}
	return f.rows(in, t, kinds, aggregated)
}

// rows measures how far rows single people out, and holds them against the
// extract.
func (f *Found) rows(in Input, t table, kinds map[string]int, aggregated bool) error {
	var cols []int
	for _, q := range quasi {
		if col, ok := kinds[q.is]; ok {
			f.Profile.Quasi, cols = append(f.Profile.Quasi, q.is), append(cols, col)
		}
	}
	if len(t.rows) == 0 {
		return nil
	}
	seen := map[string]int{}
	for row := range t.rows {
		seen[key(func(i int) string { return t.at(row, cols[i]) }, len(cols))]++
	}
	alone := 0
	for _, n := range seen {
		if n == 1 {
			alone++
		}
	}
	single := len(cols) >= 2 && 100*alone >= few*len(t.rows)
	f.Profile.Persons = f.Profile.Own || !aggregated && (len(cols) >= 3 || single)
	if len(cols) > 0 {
		f.Profile.Unique = share(alone, len(t.rows))
	}
	if len(cols) < 2 && !f.Profile.Own {
		return nil
	}
	matched, err := f.match(in, t, kinds)
	if err != nil {
		return err
	}
	most := few
	if aggregated {
		most = many // a column of counts is easily added to rows of persons
	}
	if 100*matched >= most*len(t.rows) {
		f.Profile.Persons = true
	}
	if f.Profile.Persons {
		says := "its rows are about persons"
		if f.Profile.Matched != "" {
			says += ": " + f.Profile.Matched + " of them fit exactly one person of the extract"
		}
		f.add(in, "inbound-persons", disclosure.SevReview, says, "the custodians decide on it as on a linkage")
	}
	return nil
}

// match counts the rows that fit exactly one person of the extract, by the
// columns that both have.
func (f *Found) match(in Input, t table, kinds map[string]int) (int, error) {
	if in.Extract == nil {
		return 0, nil
	}
	tables, err := in.Extract()
	if err != nil {
		return 0, err
	}
	var best Table
	var by [][2]string // what it is, and the extract's column
	for _, x := range tables {
		if !x.Has("person") {
			continue
		}
		var have [][2]string
		for _, name := range x.Names() {
			for _, q := range quasi {
				if _, ok := kinds[q.is]; ok && q.like.MatchString(name) && !slices.ContainsFunc(have, func(h [2]string) bool { return h[0] == q.is }) {
					have = append(have, [2]string{q.is, name})
					break
				}
			}
		}
		if len(have) > len(by) {
			best, by = x, have
		}
	}
	if len(by) < 2 {
		return 0, nil
	}
	who := map[string]string{} // combination → its only person, or "" for several
	for i := range best.Len() {
		k := key(func(j int) string { return best.At(i, by[j][1]).Text() }, len(by))
		p := best.At(i, "person").Text()
		if was, ok := who[k]; ok && was != p {
			p = ""
		}
		who[k] = p
	}
	matched := 0
	for row := range t.rows {
		if who[key(func(j int) string { return t.at(row, kinds[by[j][0]]) }, len(by))] != "" {
			matched++
		}
	}
	for _, b := range by {
		f.Profile.By = append(f.Profile.By, b[0])
	}
	f.Profile.Matched = share(matched, len(t.rows))
	return matched, nil
}

func key(at func(int) string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ToLower(at(i)))
		b.WriteByte(0x1f)
	}
	return b.String()
}

// share is a share of rows, in steps of five in a hundred: fine enough to
// decide on, too coarse to count with.
func share(n, of int) string {
	p := (100*n + of/2) / of
	switch {
	case p < few:
		return "fewer than 5 in 100"
	case p > 95:
		return "nearly all"
	}
	return "about " + strconv.Itoa((p+2)/5*5) + " in 100"
}

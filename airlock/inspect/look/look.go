// Package look holds what every inspector of a kind of file shares: the file,
// the report, the closed list of rules, and the search for identifiers, rows
// and hidden characters in text and tables.
//
// It judges bytes it is given, inside ark-inspect, and may touch nothing else.
// It must never execute anything it finds, and a finding's words must never
// repeat the file's content.
package look

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
)

// File is one file, or one member of an archive, to look at.
type File struct {
	Name  string // as submitted; a member of an archive is outer.zip!/inner
	Data  []byte
	Depth int // 0 for a submitted file
}

// Base is the last element of the file's name.
func (f File) Base() string {
	n := f.Name
	if i := strings.LastIndex(n, "!/"); i >= 0 {
		n = n[i+2:]
	}
	return path.Base(strings.ReplaceAll(n, `\`, "/"))
}

// Ext is the lower-case ending of the name, without the dot.
func (f File) Ext() string { return strings.ToLower(strings.TrimPrefix(path.Ext(f.Base()), ".")) }

// Table is a table as laid out, cell by cell; the first row is its heading.
type Table struct {
	Sheet string
	Rows  [][]string
	Text  bool // a text file: places are lines, not cell references
	Row   int  // where the first row and column stand in the sheet, from 0
	Col   int
}

// Report is what was found of one file.
type Report struct {
	Media    string
	Findings []disclosure.Finding
	Tables   []Table
	Numbers  [][]float32 // of models, as they are stored: rows of the extract are looked for among them
	Rebuilt  []byte      // the clean file; nil: none could be made
	Ending   string      // of the rebuilt file's name, when it is not the original's
}

// Verdict is what the findings amount to.
func (r *Report) Verdict() disclosure.Verdict { return disclosure.Judge(r.Findings) }

// Fails reports whether any finding fails.
func (r *Report) Fails() bool { return r.Verdict() == disclosure.Fail }

// Scope is what an inspector may use.
type Scope struct {
	Context context.Context
	Known   func(folded []byte) bool // a known value, folded as Fold does; nil: none is known
	MaxRows int                      // most rows of a table; 0: DefaultRows
	Inspect func(File) Report        // looks at a member of an archive or document
	Records int                      // how many records the extract holds; 0: not known
	Anyway  bool                     // rebuild what fails too
	Room    *Room                    // what the whole submitted file may still unfold to

	forward, back [80]byte // a word on its way to Known: made once, not for every word
}

// DefaultRows is the longest table that people read.
const DefaultRows = 5000

// Rows is the most rows of a table.
func (s *Scope) Rows() int {
	if s.MaxRows > 0 {
		return s.MaxRows
	}
	return DefaultRows
}

// Room is what a submitted file may unfold to: bytes and members, over all
// levels of nesting.
type Room struct{ Bytes, Members int64 }

// The limits of one submitted file.
const (
	MaxFile    = 16 << 20  // bytes
	MaxUnfold  = 256 << 20 // bytes after decompression, over all levels
	MaxMembers = 2000
	MaxDepth   = 4
	MaxRatio   = 250 // of unfolded to folded bytes, for what unfolds to more than a MiB
)

// NewRoom is the room of a new submitted file.
func NewRoom() *Room { return &Room{Bytes: MaxUnfold, Members: MaxMembers} }

// Take claims bytes and members; false when there is no room left.
func (r *Room) Take(bytes, members int64) bool {
	r.Bytes -= bytes
	r.Members -= members
	return r.Bytes >= 0 && r.Members >= 0
}

// Add records that a rule was broken. Pairs of evidence are names and values.
func (r *Report) Add(f File, rule string, where disclosure.Where, evidence ...string) {
	d, ok := rules[rule]
	if !ok { // a rule that isn't on the list refuses, loudly
		d = Rule{ID: rule, Severity: disclosure.SevFail, Says: "an inspector broke its own list of rules", Repair: "tell the operator"}
	}
	n := 0
	for _, x := range r.Findings {
		if x.Rule == rule && x.File == f.Name {
			n++
		}
	}
	if n >= perRule {
		return
	}
	e := map[string]string{}
	for i := 0; i+1 < len(evidence); i += 2 {
		e[evidence[i]] = evidence[i+1]
	}
	r.Findings = append(r.Findings, disclosure.Finding{Rule: rule, Severity: d.Severity, File: f.Name, Where: where, Says: d.Says, Repair: d.Repair, Evidence: e})
}

// perRule bounds the findings of one rule in one file: the first places are
// named, the rest would only repeat them.
const perRule = 20

// Hopeless reports whether what failed is what people see, so that a rebuilt
// file would fail as well and none need be made.
func (r *Report) Hopeless() bool {
	for _, f := range r.Findings {
		if f.Severity != disclosure.SevFail || f.Rule == "table-formula" || f.Rule == "text-spaces" {
			continue
		}
		for _, family := range []string{"identifier-", "row-", "table-", "code-", "file-", "model-", "archive-"} {
			if strings.HasPrefix(f.Rule, family) {
				return true
			}
		}
	}
	return false
}

// Has reports whether a rule was broken.
func (r *Report) Has(rule string) bool {
	for _, x := range r.Findings {
		if x.Rule == rule {
			return true
		}
	}
	return false
}

// Take adds what was found of a part.
func (r *Report) Take(part Report) {
	r.Findings = append(r.Findings, part.Findings...)
	r.Tables = append(r.Tables, part.Tables...)
	r.Numbers = append(r.Numbers, part.Numbers...)
}

// Refuse is the report of a file that breaks one rule and is not looked at
// further.
func Refuse(f File, media, rule string, evidence ...string) Report {
	r := Report{Media: media}
	r.Add(f, rule, disclosure.Where{}, evidence...)
	return r
}

// Keys lists a map's keys in order: what is found must not hang on chance.
func Keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// Order sorts findings so that equal files give equal reports.
func Order(fs []disclosure.Finding) {
	key := func(f disclosure.Finding) string {
		e := ""
		for _, k := range Keys(f.Evidence) {
			e += k + "=" + f.Evidence[k] + ";"
		}
		return fmt.Sprintf("%s\x00%s\x00%s\x00%08d\x00%s\x00%s", f.Rule, f.File, f.Where.Sheet, f.Where.Line, f.Where.Ref, e)
	}
	slices.SortStableFunc(fs, func(a, b disclosure.Finding) int { return strings.Compare(key(a), key(b)) })
}

// Nowhere is the place of what concerns a whole file.
var Nowhere = disclosure.Where{}

package inspect_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect"
)

// matrix is what inspection looks for, by kind, and the rules that find it: a
// line for each technique of the corpus that shows it.
//
//	what is looked for: technique of the corpus → a rule that must find it
func matrix(t testing.TB) [][3]string {
	t.Helper()
	text, err := os.ReadFile("testdata/matrix.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var out [][3]string
	for line := range strings.Lines(string(text)) {
		c := strings.Split(strings.TrimSpace(line), "\t")
		if len(c) != 3 {
			t.Fatalf("the matrix's line %q has %d columns", line, len(c))
		}
		out = append(out, [3]string(c))
	}
	return out
}

// Everything that inspection says it looks for has files in the corpus, and
// every one of these files is found for the reason that is given.
func TestEachThingLookedForIsFound(t *testing.T) {
	s := start(t, inspect.Inspector{}, extract(t))
	by := map[string][]sample{}
	for _, c := range corpus(t) {
		if c.label == "hostile" {
			by[c.technique] = append(by[c.technique], c)
		}
	}
	claimed := map[string]bool{}
	things := map[string]bool{}
	for _, m := range matrix(t) {
		things[m[0]], claimed[m[1]] = true, true
		if len(by[m[1]]) == 0 {
			t.Errorf("%s: the corpus has no file of the technique %s", m[0], m[1])
		}
		rules := strings.Split(m[2], " ")
		for _, c := range by[m[1]] {
			r, err := s.Look(t.Context(), inspect.Item{Name: c.name, Data: c.data, Records: 2000})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(r.Findings, func(x disclosure.Finding) bool {
				return slices.Contains(rules, x.Rule) && x.Severity != disclosure.SevInfo
			}) {
				t.Errorf("%s: %s (%s) is not found by %s: %v", m[0], c.name, c.technique, m[2], r.Findings)
			}
		}
	}
	for technique := range by {
		if !claimed[technique] {
			t.Errorf("the matrix does not say what %s shows", technique)
		}
	}
	if len(things) < 50 {
		t.Errorf("only %d things are looked for", len(things))
	}
	for _, thing := range issue {
		if !things[thing] {
			t.Errorf("nothing shows that %q is found", thing)
		}
	}
}

// issue is what must be looked for: the words of the specification.
var issue = []string{
	"row-level shape", "NHS numbers with check digit", "project pseudonyms", "postcodes", "dates of birth", "names from name lists", "record keys",
	"hidden and very hidden sheets", "hidden rows", "hidden columns", "pivot caches", "external links", "defined names", "comments", "macros", "formulas and CSV injection",
	"zero-width characters", "homoglyphs", "high-entropy labels", "row order as a channel", "suspicious low digits",
	"data after the end", "picture metadata", "palette payloads", "low-bit payloads", "points in vector paths", "embedded JSON of plots and widgets", "attachments", "scripts", "hidden layers", "text under images", "forms", "encryption",
	"embedded workbooks behind charts", "tracked changes", "hidden text",
	"stored outputs", "row listings", "tracebacks with values", "literals that match data", "history",
	"training rows stored", "leaf sizes", "class probabilities of zero", "parameters against rows", "rows equal to the extract", "models that execute",
	"archives within archives", "encrypted archives", "polyglots", "bombs", "traversal", "links", "file names as content", "member names as content", "unknown is refused",
}

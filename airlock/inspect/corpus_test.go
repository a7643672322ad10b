package inspect_test

import (
	"archive/zip"
	"io"
	"path"
	"reflect"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect"
	_ "github.com/ark-tre/ark/airlock/inspect/kinds" // what the program under test is made of: a change there is a change here
	"github.com/ark-tre/ark/airlock/inspect/known"
)

type sample struct {
	label, name, technique, tool string
	data                         []byte
}

func corpus(t testing.TB) []sample {
	t.Helper()
	z, err := zip.OpenReader("testdata/corpus.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var out []sample
	for i, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			for line := range strings.Lines(string(b)) {
				c := strings.Split(strings.TrimRight(line, "\n"), "\t")
				out = append(out, sample{label: c[0], name: c[1], technique: c[2], tool: c[3]})
			}
			continue
		}
		out[i-1].data = b
	}
	return out
}

// extract are the known values that recipes/more.py hides: an extract's
// pseudonyms and record keys.
func extract(t testing.TB) inspect.Known {
	t.Helper()
	f, _, err := known.Make(t.TempDir(), strings.NewReader("QX7-22K-19AB\nK5T0-9VDE-WW3M\nROWKEY-00041-77\nHJ4M8P2R6T1X\n"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// No hostile file passes, and at most three in a hundred harmless ones fail.
// What is rebuilt is found clean in its turn.
func TestCorpus(t *testing.T) {
	all := corpus(t)
	s := start(t, inspect.Inspector{}, extract(t))
	hostile, harmless, alarms, byTool := 0, 0, 0, map[string]int{}
	techniques := map[string]bool{}
	for _, c := range all {
		r := look(t, s, c.name, c.data)
		if has(r, "file-crashed") || has(r, "file-slow") {
			t.Errorf("%s (%s): %v", c.name, c.technique, r.Findings)
		}
		if !strings.Contains(c.tool, "by hand") {
			byTool[c.label]++
		}
		switch {
		case c.label == "hostile":
			hostile++
			techniques[c.technique] = true
			if r.Verdict != disclosure.Fail && r.Verdict != disclosure.Review {
				t.Errorf("%s (%s) passes", c.name, c.technique)
			}
		case r.Verdict == disclosure.Fail:
			alarms++
			harmless++
			t.Logf("false alarm: %s (%s): %v", c.name, c.technique, r.Findings)
		default:
			harmless++
		}
		if r.Rebuilt == nil {
			continue
		}
		name := c.name
		if r.Ending != "" {
			name = strings.TrimSuffix(name, path.Ext(name)) + "." + r.Ending
		}
		if again := look(t, s, name, r.Rebuilt); again.Verdict == disclosure.Fail && r.Verdict != disclosure.Fail {
			t.Errorf("%s (%s): rebuilt, it fails: %v", c.name, c.technique, again.Findings)
		}
	}
	t.Logf("%d hostile of %d techniques (%d by tools), %d harmless (%d by tools), %d false alarms", hostile, len(techniques), byTool["hostile"], harmless, byTool["harmless"], alarms)
	if hostile < 300 || harmless < 300 || len(techniques) < 60 || 2*byTool["hostile"] < hostile || 2*byTool["harmless"] < harmless {
		t.Error("the corpus is smaller than it must be")
	}
	if alarms*100 > 3*harmless {
		t.Errorf("%d of %d harmless files fail", alarms, harmless)
	}
}

// Two processes find and rebuild the same of every technique.
func TestSameEveryTime(t *testing.T) {
	a, b := start(t, inspect.Inspector{}, extract(t)), start(t, inspect.Inspector{}, extract(t))
	seen := map[string]bool{}
	for _, c := range corpus(t) {
		if seen[c.technique] {
			continue
		}
		seen[c.technique] = true
		if one, two := look(t, a, c.name, c.data), look(t, b, c.name, c.data); !reflect.DeepEqual(one, two) {
			t.Errorf("%s (%s) differs", c.name, c.technique)
		}
	}
	if len(seen) < 60 {
		t.Errorf("only %d techniques", len(seen))
	}
}

package disclosure

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	policy "github.com/ark-tre/ark/policies/disclosure"
)

// sample is one case of samples/<rule>.yaml.
type sample struct {
	Name    string   `yaml:"name"`
	Source  string   `yaml:"source"`
	Profile string   `yaml:"profile"`
	File    string   `yaml:"file"`
	Table   string   `yaml:"table"`
	Micro   string   `yaml:"microdata"`
	Spec    string   `yaml:"spec"`
	Unit    string   `yaml:"unit"`
	Verdict string   `yaml:"verdict"`
	Rules   []string `yaml:"rules"`
}

func samples(t testing.TB, rule string) []sample {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("samples", rule+".yaml"))
	if err != nil {
		t.Fatalf("every rule has samples: %v", err)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	var out []sample
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%s: %v", rule, err)
	}
	return out
}

// expand writes out the two shorthands of the samples.
func expand(p *policy.Profile, table string) string {
	var n int
	if _, err := fmt.Sscanf(table, "#ROWS %d", &n); err == nil {
		var b strings.Builder
		b.WriteString("code,n\n")
		for i := range n {
			fmt.Fprintf(&b, "group %d,%d\n", i, 20+5*(i%100))
		}
		return b.String()
	}
	if rest, ok := strings.CutPrefix(table, "#PROFILE-WITHOUT "); ok {
		class, body, _ := strings.Cut(rest, "\n")
		p.Classes = slices.DeleteFunc(slices.Clone(p.Classes), func(c policy.Class) bool { return string(c) == class })
		return body
	}
	return table
}

func TestSamples(t *testing.T) {
	for _, r := range Rules() {
		if r.ID == "file-changed" || r.Needs == historyNeeded || r.Needs == modelNeeded {
			continue // needs a folder: TestACROResults, airlock/differencing, airlock/rederive
		}
		found, clean := false, false
		for _, s := range samples(t, r.ID) {
			t.Run(r.ID+"/"+s.Name, func(t *testing.T) {
				p := profile(t, s.Profile)
				v, fs := judgeSample(t, p, s)
				if string(v) != s.Verdict || rulesOf(fs) != strings.Join(s.Rules, " ") {
					t.Errorf("%s [%s], want %s %v", v, rulesOf(fs), s.Verdict, s.Rules)
					for _, f := range fs {
						t.Logf("  %s %s line %d %s: %s %v", f.Rule, f.Severity, f.Where.Line, f.Where.Ref, f.Says, f.Evidence)
					}
				}
			})
			if slices.Contains(s.Rules, r.ID) {
				found = true
			} else {
				clean = true
			}
		}
		if !found || !clean {
			t.Errorf("%s needs a sample that breaks it and one that doesn't", r.ID)
		}
	}
}

// judgeSample judges a table alone, or with the microdata behind it.
func judgeSample(t *testing.T, p policy.Profile, s sample) (Verdict, []Finding) {
	t.Helper()
	file := File{Name: s.File, Reader: strings.NewReader(expand(&p, s.Table)), Pseudonym: func(w string) bool { return strings.HasPrefix(w, "PSEU") }}
	if s.Micro == "" {
		v, fs, err := CheckTable(context.Background(), p, file)
		if err != nil {
			t.Fatal(err)
		}
		return v, fs
	}
	f, err := ReadFrame(context.Background(), strings.NewReader(s.Micro), int64(len(s.Micro)))
	if err != nil {
		t.Fatal(err)
	}
	given := &file
	if s.Table == "" {
		given = nil
	}
	v, fs, err := CheckMicrodata(context.Background(), p, Microdata{Frame: f, Spec: spec(t, s.Spec), Unit: s.Unit}, given)
	if err != nil {
		t.Fatal(err)
	}
	return v, fs
}

func TestEverySampleFileHasARule(t *testing.T) {
	files, err := filepath.Glob("samples/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, r := range Rules() {
		have = append(have, r.ID)
		if r.Clause == "" || r.Effective == "" || r.Applies == "" || r.Needs == "" || r.Says == "" {
			t.Errorf("%s does not say where it comes from and what it needs", r.ID)
		}
	}
	if !slices.IsSorted(have) {
		t.Errorf("rules are not sorted: %v", have)
	}
	for _, f := range files {
		if id := strings.TrimSuffix(filepath.Base(f), ".yaml"); !slices.Contains(have, id) {
			t.Errorf("%s belongs to no rule", f)
		}
	}
}

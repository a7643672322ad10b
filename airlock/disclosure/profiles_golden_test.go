package disclosure

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	policy "github.com/ark-tre/ark/policies/disclosure"
)

// goldenCases are golden/<profile>.yaml: what a profile's own source says of
// counts, cells and tables.
type goldenCases struct {
	Counts []struct {
		N      int64  `yaml:"n"`
		Shown  string `yaml:"shown"`
		Source string `yaml:"source"`
	} `yaml:"counts"`
	Cells []struct {
		Contributions string `yaml:"contributions"`
		Rule          string `yaml:"rule"`
		Unsafe        bool   `yaml:"unsafe"`
		Source        string `yaml:"source"`
	} `yaml:"cells"`
	Tables []struct {
		Source  string   `yaml:"source"`
		Verdict string   `yaml:"verdict"`
		Rules   []string `yaml:"rules"`
		Table   string   `yaml:"table"`
	} `yaml:"tables"`
}

// Every shipped profile gives what its source says.
func TestGoldenProfiles(t *testing.T) {
	for _, name := range policy.Names() {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join("golden", name+".yaml"))
			if err != nil {
				t.Fatalf("every profile has golden cases: %v", err)
			}
			d := yaml.NewDecoder(bytes.NewReader(b))
			d.KnownFields(true)
			var g goldenCases
			if err := d.Decode(&g); err != nil {
				t.Fatal(err)
			}
			if len(g.Counts) < 3 || len(g.Tables) == 0 {
				t.Error("too few cases")
			}
			p := profile(t, name)
			for _, c := range g.Counts {
				if got := policy.RoundCount(p, c.N).Text; got != c.Shown || c.Source == "" {
					t.Errorf("%d is shown as %q, should be %q (%s)", c.N, got, c.Shown, c.Source)
				}
			}
			for _, c := range g.Cells {
				rule, err := ParseCellRule(c.Rule)
				if err != nil {
					t.Fatal(err)
				}
				var cs []Contribution
				for _, s := range strings.Split(c.Contributions, ",") {
					x, ok := ParseDecimal(s)
					if !ok {
						t.Fatal(s)
					}
					cs = append(cs, Contribution{Value: x})
				}
				if v, err := JudgeCell(cs, rule); err != nil || v.Unsafe != c.Unsafe || c.Source == "" {
					t.Errorf("%s by %s: unsafe %v, should be %v (%s)", c.Contributions, c.Rule, v.Unsafe, c.Unsafe, c.Source)
				}
			}
			for i, c := range g.Tables {
				v, fs, err := CheckTable(context.Background(), p, File{Name: "t.csv", Reader: strings.NewReader(c.Table)})
				if err != nil || string(v) != c.Verdict || rulesOf(fs) != strings.Join(c.Rules, " ") || c.Source == "" {
					t.Errorf("table %d: %s [%s] %v, should be %s %v (%s)", i+1, v, rulesOf(fs), err, c.Verdict, c.Rules, c.Source)
				}
			}
		})
	}
}

package catalogue

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ark-tre/ark/pkg/intake"
)

// Every variable of the demonstration's datasets comes from a payload column
// that its contract gives, of the variable's type.
func TestDemonstrationDatasetsFitTheirContracts(t *testing.T) {
	contracts := map[string]*intake.Contract{}
	paths, _ := filepath.Glob("../../deploy/demo/contracts/*.yaml")
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		c, err := intake.ParseContract(text)
		if err != nil {
			t.Fatal(err)
		}
		contracts[c.Name] = c
	}
	contracts["synthea-01"] = contracts["synthea"]
	paths, _ = filepath.Glob("../../deploy/demo/datasets/*.yaml")
	if len(paths) == 0 {
		t.Fatal("no datasets")
	}
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		d, err := ParseDataset(text)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(p), err)
			continue
		}
		for _, table := range d.Tables {
			for _, o := range table.From {
				c := contracts[o.Contract+o.Source]
				if c == nil || c.Table(o.Table) == nil {
					t.Errorf("%s %s: there is no table %s of %s%s", d.Slug, table.Name, o.Table, o.Contract, o.Source)
					continue
				}
				given := map[string]intake.FieldType{}
				for _, f := range c.Table(o.Table).Fields {
					given[f.Column] = f.Type
				}
				for _, v := range table.Variables {
					if is, there := given[v.column()]; !there || !v.takes(is) {
						t.Errorf("%s %s: the variable %s is %s, and its column a %q", d.Slug, table.Name, v.Name, v.Type, is)
					}
				}
			}
		}
	}
}

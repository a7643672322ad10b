package model

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
)

func TestDefaultModelIsSound(t *testing.T) {
	m := Default(func(Role) bool { return true })
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := m.WriteSplink(&b); err != nil {
		t.Fatal(err)
	}
	back, err := ReadSplink("default", &b)
	if err != nil {
		t.Fatal(err)
	}
	rare := 0
	for _, r := range m.Rules {
		if r.Rare {
			rare++
		}
	}
	if rare == 0 || len(back.Rules) != len(m.Tiers)+len(m.Rules)-rare {
		t.Errorf("%d rules for rare values, and Splink is given %d of %d rules and tiers", rare, len(back.Rules), len(m.Tiers)+len(m.Rules))
	}
	if m := Default(func(r Role) bool { return r == Family || r == Birth }); len(m.Comparisons) != 2 || m.Check() != nil {
		t.Errorf("a model of two columns has %d comparisons, %v", len(m.Comparisons), m.Check())
	}
}

// TestSchemaNamesEveryKey holds the published schema and the reader together.
func TestSchemaNamesEveryKey(t *testing.T) {
	var s struct {
		Properties map[string]any
		Defs       struct {
			Rules struct {
				Items struct{ Properties map[string]any }
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(SpecSchema()), &s); err != nil {
		t.Fatal(err)
	}
	keys := func(v any) map[string]any {
		out := map[string]any{}
		for i := range reflect.TypeOf(v).NumField() {
			out[reflect.TypeOf(v).Field(i).Tag.Get("yaml")] = nil
		}
		return out
	}
	for _, c := range []struct {
		what      string
		have, got map[string]any
	}{{"spec", keys(spec{}), s.Properties}, {"rule", keys(specRule{}), s.Defs.Rules.Items.Properties}} {
		for k := range c.have {
			if _, ok := c.got[k]; !ok {
				t.Errorf("%s: the schema lacks %q", c.what, k)
			}
		}
		for k := range c.got {
			if _, ok := c.have[k]; !ok {
				t.Errorf("%s: the reader lacks %q", c.what, k)
			}
		}
	}
}

const smallSpec = `version: 1
mode: both
prior: 0.001
trained: true
blocking:
  - when: l.family_name = r.family_name
    refine: ["SUBSTRING(l.given_name, 1, 1)"]
cannot_link:
  - {name: sex, when: l.sex <> r.sex}
comparisons:
  - name: family_name
    levels:
      - {when: family_name_l IS NULL OR family_name_r IS NULL, "null": true}
      - {when: family_name_l = family_name_r, m: 0.9, u: 0.01, tf: {column: family_name}}
      - {when: ELSE, m: 0.1, u: 0.99}
`

func TestSpecIsRead(t *testing.T) {
	m, err := ReadSpec("spec.yaml", strings.NewReader(smallSpec))
	if err != nil {
		t.Fatal(err)
	}
	if m.Mode != Both || m.Prior != 0.001 || !m.Trained || len(m.Cannot) != 1 || m.Comparisons[0].Levels[1].TFWeight != 1 {
		t.Errorf("read as %+v", m)
	}
	for _, bad := range []string{"", "version: 2", strings.Replace(smallSpec, "prior: 0.001\n", "", 1),
		strings.Replace(smallSpec, "mode: both", "mode: most", 1), strings.Replace(smallSpec, "ELSE", "1 = 1", 1), "a: [b"} {
		if _, err := ReadSpec("spec.yaml", strings.NewReader(bad)); !ark.Is(err, ark.Invalid) {
			t.Errorf("%.30q: %v", bad, err)
		}
	}
}

func FuzzReadSplink(f *testing.F) {
	b, err := os.ReadFile("../bench/data/h50k_model.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"link_type":"link_only","comparisons":[],"blocking_rules_to_generate_predictions":["l.a = r.a"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ReadSplink("m", bytes.NewReader(b))
		if err == nil && m.Check() != nil {
			t.Fatal("a model was read that can't be run")
		}
	})
}

func FuzzReadSpec(f *testing.F) {
	f.Add(smallSpec)
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ReadSpec("s", strings.NewReader(s))
		if err == nil && m.Check() != nil {
			t.Fatal("a spec was read that can't be run")
		}
	})
}

package intake

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
)

func TestDemonstrationContracts(t *testing.T) {
	paths, _ := filepath.Glob("../../deploy/demo/contracts/*.yaml")
	if len(paths) != 8 {
		t.Fatalf("%d contracts, want 8", len(paths))
	}
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ParseContract(text)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(p), err)
		} else if c.Name+".yaml" != filepath.Base(p) || c.Declared != Synthetic {
			t.Errorf("%s: it is %s, declared %s", filepath.Base(p), c.Name, c.Declared)
		}
	}
}

// Each change makes the contract wrong; the fault says where.
func TestContractRefusals(t *testing.T) {
	for name, c := range map[string]struct{ old, new, says string }{
		"unknown key":            {"title: Visits", "title: Visits\ntilte: x", "tilte"},
		"unknown field key":      {"header: Surname", "heading: Surname", "heading"},
		"second document":        {"", "\n---\ncontract: b\n", "after its end"},
		"declared nothing":       {"declared: synthetic", "declared: \"\"", "declared"},
		"declared something":     {"declared: synthetic", "declared: anonymous", "declared"},
		"no way":                 {"{name: score, type: integer, to: payload,", "{name: score, type: integer,", "field score"},
		"wrong way":              {"to: payload, optional: true", "to: everywhere, optional: true", "field left_on"},
		"no type":                {"{name: left_on, type: date,", "{name: left_on,", "field left_on"},
		"key not there":          {"key: [note_id]", "key: [nope]", `"nope"`},
		"person not there":       {"person: [patient_id]\n    change", "person: [nobody]\n    change", `"nobody"`},
		"change not there":       {"change: {field: change", "change: {field: nope", "change must name"},
		"coarse not there":       {"from: date_of_birth, take: year", "from: nope, take: year", `"nope"`},
		"coarse unknown":         {"column: year_of_birth", "column: date_of_birth", "coarse columns are"},
		"coarse carries a name":  {"{column: sex, from: sex}", "{column: ethnicity, from: family_name}", "carry the identifier"},
		"birth as payload":       {"type: birth-date, to: identifier, role: date_of_birth", "type: birth-date, to: payload", "identifier"},
		"code list not there":    {"type: code, to: payload, codes: kind", "type: code, to: payload, codes: nope", `"nope"`},
		"role twice":             {"type: code, to: identifier, role: sex, codes: sex", "type: string, to: identifier, role: family_name", "two fields of the role"},
		"role unknown":           {"role: family_name", "role: shoe_size", "needs a role"},
		"reserved column":        {"{name: weight, type: number, to: payload,", "{name: weight, column: person, type: number, to: payload,", "taken"},
		"rule on a missing name": {"left_on >= seen_on", "left_on >= nope", "left-after-seen"},
		"rule of two types":      {"left_on >= seen_on", "left_on >= weight", "left-after-seen"},
		"rule not a condition":   {`require: "NOT @ended OR left_on >= seen_on"`, `require: "weight + 1"`, "left-after-seen"},
		"rule cannot be parsed":  {"left_on >= seen_on", "left_on >= >=", "left-after-seen"},
		"cyclic reference":       {"{name: ended, is: \"left_on IS NOT NULL\"}", "{name: ended, is: \"@other\"}\n      - {name: other, is: \"@ended OR weight > 3\"}", "ended"},
		"self reference":         {"left_on IS NOT NULL", "@ended AND left_on IS NOT NULL", "ended"},
		"unknown reference":      {"NOT @ended", "NOT @nope", "left-after-seen"},
		"bounds of no type":      {`min: "1", max: "400"`, `min: "one", max: "400"`, "field weight"},
		"bad pattern":            {"max_length: 1}", "pattern: \"(\"}", "field change"},
		"two fields of a name":   {"{name: note_id, type: string, to: none}", "{name: note_id, type: string, to: none}\n      - {name: note_id, type: string, to: none}", "twice"},
		"table named person":     {"name: notes", "name: person", "person"},
		"key that may be blank":  {"{name: note_id, type: string, to: none}", "{name: note_id, type: string, to: none, on_fail: blank}", "note_id"},
		"anchor bomb":            {"title: Visits", "title: &a [x,x,x]\nlicence: *a", "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(visitsContract, c.old, c.new, 1)
			if c.old == "" {
				text = visitsContract + c.new
			}
			if text == visitsContract {
				t.Fatal("the test changes nothing")
			}
			_, err := ParseContract([]byte(text))
			if !ark.Is(err, ark.Invalid) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want an Invalid fault that says %q", err, c.says)
			}
		})
	}
	if _, err := ParseContract(nil); err == nil {
		t.Error("the empty contract is accepted")
	}
}

func FuzzContract(f *testing.F) {
	f.Add([]byte(visitsContract))
	f.Add([]byte(fhirContract))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseContract(text)
		if err != nil {
			return
		}
		for _, table := range c.Tables { // what is accepted can be run
			if _, _, err := table.bindRules("t"); err != nil {
				t.Errorf("an accepted contract has a rule that cannot be bound: %v", err)
			}
			for _, k := range table.Key {
				if table.Field(k) == nil {
					t.Error("an accepted contract has a key that is not there")
				}
			}
		}
	})
}

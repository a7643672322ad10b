package catalogue

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue/restricted"
)

// Real codes of each system pass, and every single wrong digit of those with a
// check digit is seen.
func TestReadCodes(t *testing.T) {
	right := map[string][]string{"snomed": {"22298006", "73211009", "44054006", "709044004"}, "dmd": {"322236009", "39720311000001101"}, "loinc": {"2160-0", "4548-4", "33914-3", "718-7"}, "icd10": {"N18.3", "F10", "K70.31", "E11", "C50.9", "U07.1"}, "other": {"A&E 01"}}
	for system, codes := range right {
		got, err := ReadCodes(system, strings.NewReader("code\n"+strings.Join(codes, "\n")+"\n"))
		if err != nil || len(got) != len(codes) {
			t.Errorf("%s: %v", system, err)
		}
		if system == "icd10" || system == "other" {
			continue
		}
		for _, c := range codes {
			for i := range len(c) {
				if c[i] < '0' || c[i] > '9' {
					continue
				}
				for d := byte('0'); d <= '9'; d++ {
					if x := c[:i] + string(d) + c[i+1:]; x != c && rightCode(system, x) {
						t.Errorf("%s: %s passes beside %s", system, x, c)
					}
				}
			}
		}
	}
	deep, err := ReadCodes("snomed", strings.NewReader("code,parents\n73211009,22298006 44054006\n22298006,\n"))
	if err != nil || len(deep) != 2 || len(deep[1].Parents) != 2 {
		t.Errorf("parents: %v, %v", deep, err)
	}
	for what, in := range map[string]string{"its own parent": "code,parents\n22298006,22298006\n", "a parent that is no code": "code,parents\n22298006,73211008\n", "no header": "22298006\n", "twice": "code\n22298006\n22298006\n", "a formula": "code,term\n22298006,=1+1\n", "nothing": "code\n", "ragged": "code,term\n22298006\n", "a description, no concept": "code\n37436014\n", "empty": ""} {
		if _, err := ReadCodes("snomed", strings.NewReader(in)); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := ReadCodes("", strings.NewReader("code\n1\n")); !ark.Is(err, ark.Invalid) {
		t.Errorf("no system: %v", err)
	}
}

func FuzzReadCodes(f *testing.F) {
	f.Add("snomed", "code,term\n22298006,x\n")
	f.Add("other", "\ufeffcode\n\"a\"\n")
	f.Fuzz(func(t *testing.T, system, text string) {
		codes, err := ReadCodes(system, strings.NewReader(text))
		if err != nil {
			return
		}
		var b strings.Builder
		if err := (CodeList{Codes: codes}).WriteCSV(&b); err != nil {
			t.Fatal(err)
		}
		again, err := ReadCodes(system, strings.NewReader(b.String()))
		if err != nil || !cmp.Equal(again, codes, cmpopts.EquateEmpty()) {
			t.Fatalf("what went out does not come in: %v", err)
		}
	})
}

// TestRestrictedConcepts: the shipped restricted codes have the form and the
// check digit of their system.
func TestRestrictedConcepts(t *testing.T) {
	for _, g := range restricted.Groups() {
		for system, codes := range map[string][]string{"snomed": g.SNOMED, "icd10": g.ICD10} {
			if _, err := ReadCodes(system, strings.NewReader("code\n"+strings.Join(codes, "\n"))); err != nil {
				t.Errorf("%s, %s: %v", g.Group, system, err)
			}
		}
	}
}

// TestDescendants: what lies below a restricted code, at any depth and by any
// way, is found once; what lies beside it is not; a circle does no harm.
func TestDescendants(t *testing.T) {
	below := map[string][]string{"top": {"a", "b"}, "a": {"c"}, "b": {"c"}, "c": {"d"}, "d": {"a"}, "beside": {"x"}}
	got := descendants(below, []string{"top"})
	slices.Sort(got)
	if !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("%v", got)
	}
	if got := descendants(below, nil); len(got) != 0 {
		t.Errorf("below nothing: %v", got)
	}
}

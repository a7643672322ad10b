package restricted

import (
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

func TestHolds(t *testing.T) {
	j := New(nil, Codes{"gender-recognition": {ICD10: {"Q99.9"}, "other": {"x"}}, "no-such-group": {ICD10: {"J45"}}})
	for _, c := range []struct {
		system, value string
		want          bool
	}{
		{ICD10, "A54.0", true}, {ICD10, "a540", true}, {ICD10, "A54", true}, {ICD10, "B20", true}, {ICD10, "Z31.2", true}, {ICD10, "F64.0", true},
		{ICD10, "J45 A56.2", true}, {ICD10, "J45;A562;I10", true}, {ICD10, "J45,A56.2D", true}, {ICD10, "A5 4.0", true},
		{ICD10, "Q99.9", true}, {ICD10, "J45", false}, {ICD10, "A49", false}, {ICD10, "", false}, {ICD10, "A5", false},
		{OPCS4, "Q13.1", true}, {OPCS4, "X15", true}, {OPCS4, "A54", false},
		{SNOMED, "15628003", true}, {SNOMED, "15628003 |Gonorrhoea|", true}, {SNOMED, "195967001", false}, {SNOMED, " 15628003", true}, {SNOMED, "243796009:246090004=86406008", true},
		{"", "86406008", true}, {"", "A54.0", false}, {"", "A510", false}, {"", "see 86406008", true}, {"", "B20", false},
	} {
		if got := j.Holds(c.system, c.value); got != c.want {
			t.Errorf("%s %q: %v", c.system, c.value, got)
		}
	}
	allowed := New([]string{"sexually-transmitted-infection"}, nil)
	if allowed.Holds(ICD10, "A54.0") || allowed.Holds(SNOMED, "15628003") || !allowed.Holds(ICD10, "F64.0") || !allowed.Holds(ICD10, "N98") {
		t.Error("a basis for one group lets another pass, or does not let its own")
	}
}

// TestGroups: every code has the form of its system, and is of one group.
func TestGroups(t *testing.T) {
	seen := map[string]string{}
	for _, g := range Groups() {
		if _, err := time.Parse(time.DateOnly, g.AsOf); err != nil || g.Source == "" || g.Review != "not clinically reviewed" {
			t.Errorf("%s does not say whence and since when its codes are, or claims a review that there was not: %+v", g.Group, g)
		}
		if g.Group == "" || g.Says == "" || g.Law == "" || len(g.ICD10) == 0 || len(g.SNOMED) == 0 {
			t.Errorf("%+v", g)
		}
		for _, c := range append(append([]string{}, g.ICD10...), g.SNOMED...) {
			if seen[c] != "" || plain(c) != c {
				t.Errorf("%s is in %s and %s, or not plain", c, seen[c], g.Group)
			}
			seen[c] = g.Group
		}
	}
	if err := Check(map[string]string{"sexually-transmitted-infection": "Regulation 2(b)"}); err != nil {
		t.Error(err)
	}
	for _, bad := range []map[string]string{{"all": "x"}, {"gender-recognition": "  "}} {
		if err := Check(bad); !ark.Is(err, ark.Invalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

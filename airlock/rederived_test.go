package airlock

import (
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/disclosure"
)

// TestAnAuthorLearnsOnlyThatItConflicts: no count, no cell, no project and no
// release; a checker sees the combination.
func TestAnAuthorLearnsOnlyThatItConflicts(t *testing.T) {
	secret := disclosure.Finding{Rule: "release-difference", Severity: disclosure.SevFail, File: "t.csv", Says: "conflicts with an earlier release", Repair: "round the counts",
		Where:    disclosure.Where{Cell: &disclosure.CellRef{Row: []string{"north"}}},
		Evidence: map[string]string{"people": "2", "combination": "+ 60 (count, release rel-9)"}}
	plain := disclosure.Finding{Rule: "count-zero", Severity: disclosure.SevReview, File: "t.csv", Evidence: map[string]string{"units": "0"}}
	files := []File{{ID: "f1", Findings: []disclosure.Finding{secret, secret, plain}}}
	r := &Request{ID: "req-1", Author: "usr-a", State: "blocked", Round: 2, Files: files, Earlier: []Round{{1, files}}}
	author, checker := r.View(Viewer{User: "usr-a"}), r.View(Viewer{User: "usr-c", Checker: true})
	for _, fs := range [][]disclosure.Finding{author.Files[0].Findings, author.Earlier[0].Files[0].Findings} {
		if len(fs) != 2 || fs[0].Repair == "" || !strings.Contains(fs[0].Says, "conflicts with an earlier release") || fs[1].Evidence["units"] != "0" {
			t.Fatalf("the author is told %+v", fs)
		}
		if fs[0].Where.Cell != nil || len(fs[0].Evidence) > 0 {
			t.Errorf("the author is told more: %+v", fs[0])
		}
	}
	if fs := checker.Files[0].Findings; len(fs) != 3 || fs[0].Evidence["people"] != "2" {
		t.Errorf("a checker is told %+v", fs)
	}
	if r.Files[0].Findings[0].Evidence["people"] != "2" {
		t.Error("what the room keeps was changed by looking at it")
	}
}

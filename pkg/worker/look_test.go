package worker

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	disclose "github.com/ark-tre/ark/airlock/disclosure"
)

// Two tables that each pass alone: North is 55 by the second, so that South
// is 5 by the first.
func TestTablesOfARequestAreSubtracted(t *testing.T) {
	b := Bench{Tmp: t.TempDir()}
	p, err := Profile("cms")
	must(t, err)
	look := &looking{profile: p, attacker: b.attacker()}
	defer look.attacker.Close()
	names := []string{"a.csv", "b.csv"}
	data := [][]byte{[]byte("region,n\nNorth,*\nSouth,*\nEast,40\nTotal,100\n"), []byte("region,n\nNorth,55\nEast,40\n")}
	for i, n := range names {
		if v, fs, err := disclose.CheckTable(context.Background(), p, look.asTable(n, data[i])); err != nil || v != disclose.Pass {
			t.Fatalf("%s alone: %s %v %v", n, v, fs, err)
		}
	}
	if hit, err := filepath.Glob(filepath.Join(b.Tmp, "highs", "*")); err != nil || len(hit) > 0 {
		t.Errorf("a solver was started for tables that need none: %v %v", hit, err)
	}
	var all []leaving
	for i, n := range names {
		all = append(all, leaving{tables: []table{{name: n, data: data[i]}}})
	}
	joint, err := look.together(context.Background(), all)
	must(t, err)
	if v := disclose.Judge(joint[0]); v != disclose.Fail || joint[0][0].Rule != "suppression-recoverable" {
		t.Errorf("together: %s %v", v, joint)
	}
}

// Where sums of rows and columns meet, the solver is asked; what its work does
// not reach is never a pass.
func TestWhatIsNotWorkedOutIsForReview(t *testing.T) {
	dir, err := os.UserCacheDir() // the solver's compiled form is kept
	if err != nil {
		dir = t.TempDir()
	}
	b := Bench{Tmp: filepath.Join(dir, "ark")}
	p, err := Profile("cms")
	must(t, err)
	table := []byte("region,x,y,z,Total\nNorth,*,*,70,100\nSouth,*,*,80,110\nEast,60,70,90,220\nTotal,90,100,240,430\n")
	for work, want := range map[int]disclose.Verdict{attackWork: disclose.Pass, 1: disclose.Review} {
		look := &looking{profile: p, attacker: b.attacker().Within(work)}
		v, fs, err := disclose.CheckTable(context.Background(), p, look.asTable("a.csv", table))
		look.attacker.Close()
		if err != nil || v != want {
			t.Errorf("with work for %d: %s, want %s: %v %v", work, v, want, fs, err)
		}
	}
}

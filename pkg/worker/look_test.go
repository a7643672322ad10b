package worker

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ark-tre/ark/airlock"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect"
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

// What only linear programmes find: seven withheld counts hang together in a
// ring, in whose first sum a small count stands besides. No total and no exact
// combination gives any of them; all together leave North's young men 1 to 5.
// The airlock's check fails it; without its attacker the table would pass.
func TestOnlyTheSolverFindsIt(t *testing.T) {
	dir, err := os.UserCacheDir() // the solver's compiled form is kept
	if err != nil {
		dir = t.TempDir()
	}
	b := Bench{Tmp: filepath.Join(dir, "ark")}
	p, err := Profile("cms")
	must(t, err)
	table := []byte("area,sex,age,n\n" +
		"North,men,young,*\nEast,men,young,*\nWest,men,young,<11\nAll,men,young,46\n" + // 5 40 1
		"North,women,young,25\nEast,women,young,*\nWest,women,young,*\nAll,women,young,105\n" + // 30 50
		"North,men,old,*\nEast,men,old,22\nWest,men,old,24\n" + // 60
		"North,women,old,*\nEast,women,old,33\nWest,women,old,*\nAll,women,old,113\n" + // 45 35
		"East,All,young,70\nNorth,All,old,105\nNorth,men,All,65\nWest,women,All,85\n")
	look := &looking{profile: p, attacker: b.attacker()}
	defer look.attacker.Close()
	blind := look.asTable("a.csv", table)
	blind.Attacker = nil
	if v, fs, err := disclose.CheckTable(context.Background(), p, blind); err != nil || v == disclose.Fail {
		t.Fatalf("bounds and elimination find it too, so that this shows nothing of the solver: %s %v %v", v, fs, err)
	}
	r, err := look.discloses(context.Background(), airlock.CheckOf{Name: "a.csv"}, table, inspect.Result{Type: "text/csv"})
	must(t, err)
	var at []string
	for _, f := range r.Findings {
		if f.Severity == disclose.SevFail {
			at = append(at, f.Rule+" "+f.Where.Ref)
		}
	}
	if want := []string{"suppression-recoverable D2"}; r.Verdict != disclose.Fail || !slices.Equal(at, want) {
		t.Errorf("%s at %q, want %q", r.Verdict, at, want)
	}
}

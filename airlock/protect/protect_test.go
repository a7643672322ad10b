package protect

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/suppress"
	"github.com/ark-tre/ark/airlock/suppress/highs"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

func solver(t testing.TB) *highs.Solver {
	t.Helper()
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = t.TempDir()
	}
	dir = filepath.Join(dir, "ark", "highs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := highs.New(context.Background(), highs.Options{CacheDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func profile(t testing.TB, name string) policy.Profile {
	t.Helper()
	p, err := policy.Shipped(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func file(name, text string, a disclosure.Attacker) disclosure.File {
	return disclosure.File{Name: name, Reader: strings.NewReader(text), Attacker: a}
}

func fails(fs []disclosure.Finding) string {
	out := ""
	for _, f := range fs {
		if f.Severity == disclosure.SevFail {
			out += f.Rule + " " + f.File + " " + f.Where.Ref + "; "
		}
	}
	return out
}

// Bounds passed from equation to equation leave x between 0 and 9; the linear
// programme sees that y = z = 12 − x and that y + z is at most 14: 5 to 9.
func TestNarrow(t *testing.T) {
	a := NewAttacker(nil)
	a.solver = solver(t)
	free, is := disclosure.Range{Lo: 0, Hi: math.Inf(1)}, func(v float64) disclosure.Range { return disclosure.Range{Lo: v, Hi: v} }
	s := disclosure.System{Cells: []disclosure.Range{free, free, free, free, free, is(12), is(14), is(9), is(12)},
		Equations: []disclosure.SystemEquation{{Total: 5, Parts: []int{0, 1}}, {Total: 8, Parts: []int{0, 2}}, {Total: 6, Parts: []int{1, 2, 3}}, {Total: 7, Parts: []int{0, 4}}}}
	got, no, err := a.Narrow(context.Background(), s, []int{0})
	if err != nil || no || got[0].Lo != 5 || got[0].Hi != 9 || got[0].Exact {
		t.Errorf("%+v %v %v", got, no, err)
	}
	s.Cells[5] = is(3) // y is 3 − x, z 12 − x: fine; but then nothing fits x + v = 9 and x ≥ 10
	s.Cells[0].Lo = 10
	if _, no, err := a.Narrow(context.Background(), s, []int{0}); err != nil || !no {
		t.Errorf("a contradiction was not seen: %v", err)
	}
}

// Over random tables with withheld counts the attacker finds all that bounds
// and elimination find.
func TestAttackerFindsNoLess(t *testing.T) {
	a := NewAttacker(nil)
	a.solver = solver(t)
	p := profile(t, "cms")
	rng := rand.New(rand.NewPCG(8, 8))
	for range 60 {
		n := 4
		v := make([][]int, n+1)
		hide := make([][]bool, n+1)
		for r := range v {
			v[r], hide[r] = make([]int, n+1), make([]bool, n+1)
		}
		for r := range n {
			for c := range n {
				v[r][c], hide[r][c] = 11+rng.IntN(40), rng.IntN(3) > 0
				if hide[r][c] && rng.IntN(5) > 0 {
					v[r][c] = 1 + rng.IntN(10)
				}
				v[r][n], v[n][c], v[n][n] = v[r][n]+v[r][c], v[n][c]+v[r][c], v[n][n]+v[r][c]
			}
		}
		text := "area,w,x,y,z,Total\n"
		for r := range n + 1 {
			text += []string{"a", "b", "c", "d", "Total"}[r]
			for c := range n + 1 {
				switch {
				case hide[r][c] && v[r][c] < 11:
					text += ",<11"
				case hide[r][c]:
					text += ",*"
				default:
					text += fmt.Sprintf(",%d", v[r][c])
				}
			}
			text += "\n"
		}
		_, weak, err := disclosure.CheckTable(context.Background(), p, file("t.csv", text, nil))
		if err != nil {
			t.Fatal(err)
		}
		_, strong, err := disclosure.CheckTable(context.Background(), p, file("t.csv", text, a))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range weak {
			if f.Severity == disclosure.SevFail && !strings.Contains(fails(strong), f.Rule+" t.csv "+f.Where.Ref) {
				t.Errorf("the attacker overlooks %s at %s:\n%s", f.Rule, f.Where.Ref, text)
			}
		}
	}
}

// Two tables that share margins: what is withheld in one is shown in the
// other, or follows from both and from neither alone.
func TestTablesTogether(t *testing.T) {
	s := solver(t)
	a := NewAttacker(nil)
	a.solver = s
	p := profile(t, "cms")
	first := "region,n\nNorth,*\nSouth,*\nEast,40\nTotal,100\n"
	second := "region,Male,Female,Total\nNorth,30,25,55\nSouth,20,*,*\nTotal,50,*,*\n"
	for name, text := range map[string]string{"a.csv": first, "b.csv": second} {
		if v, fs, err := disclosure.CheckTable(context.Background(), p, file(name, text, a)); err != nil || v == disclosure.Fail {
			t.Fatalf("%s alone: %s %v %v", name, v, fails(fs), err)
		}
	}
	// North is 55 by the second table, so South is 5 by the first.
	third := "region,n\nNorth,55\nEast,40\n"
	v, fs, err := disclosure.CheckTables(context.Background(), p, []disclosure.File{file("a.csv", first, a), file("c.csv", third, a)})
	if err != nil || v != disclosure.Fail {
		t.Errorf("together: %s %v %v", v, fails(fs), err)
	}
}

// disclosure.md ADV-21: percentages in one table, their base in another.
func TestBaseInAnotherTable(t *testing.T) {
	p := profile(t, "cms")
	shares := "group,percent ill\na,12.5\nb,50.0\n"
	if v, _, err := disclosure.CheckTable(context.Background(), p, file("a.csv", shares, nil)); err != nil || v == disclosure.Fail {
		t.Fatalf("alone: %s %v", v, err)
	}
	v, fs, err := disclosure.CheckTables(context.Background(), p, []disclosure.File{file("a.csv", shares, nil), file("b.csv", "group,n\na,40\nb,400\n", nil)})
	if err != nil || v != disclosure.Fail || !strings.Contains(fails(fs), "count-derived-small a.csv B2") {
		t.Errorf("together: %s %s %v", v, fails(fs), err)
	}
}

// Hierarchical, linked tables protected at once: nothing withheld can be
// recovered from all of them together, whoever asks; and none of the small
// counts is left.
func TestLinkedTablesProtected(t *testing.T) {
	s := solver(t)
	p := profile(t, "cms")
	rng := rand.New(rand.NewPCG(5, 5))
	for round := range 4 {
		n := func() int {
			if rng.IntN(5) == 0 {
				return 1 + rng.IntN(10)
			}
			return 20 + rng.IntN(300)
		}
		regions := map[string][]string{"North": {"Leeds", "York", "Hull"}, "South": {"Kent", "Dorset"}}
		cols := []string{"Asthma", "COPD", "Stroke"}
		body := map[string][]int{}
		for _, as := range regions {
			for _, a := range as {
				body[a] = []int{n(), n(), n()}
			}
		}
		line := func(name string, of ...string) string {
			xs := make([]int, 4)
			for _, a := range of {
				for k, x := range body[a] {
					xs[k] += x
					xs[3] += x
				}
			}
			return fmt.Sprintf("%s,%d,%d,%d,%d\n", name, xs[0], xs[1], xs[2], xs[3])
		}
		one := "area," + strings.Join(cols, ",") + ",Total\n"
		var every []string
		for _, r := range []string{"North", "South"} {
			for _, a := range regions[r] {
				one += line(a, a)
			}
			one += line(r+" total", regions[r]...)
			every = append(every, regions[r]...)
		}
		one += line("Total", every...)
		// The same counts of Leeds by sex.
		two := "Leeds,Male,Female,Total\n"
		for k, c := range cols {
			x := body["Leeds"][k]
			two += fmt.Sprintf("%s,%d,%d,%d\n", c, x/3, x-x/3, x)
		}
		two = strings.Replace(two, "Leeds,Male", "area,condition,Male", 1)
		for _, c := range cols {
			two = strings.Replace(two, "\n"+c+",", "\nLeeds,"+c+",", 1)
		}
		files := func() []disclosure.File {
			return []disclosure.File{file("one.csv", one, nil), file("two.csv", two, nil)}
		}
		r, err := Tables(context.Background(), p, files(), suppress.Options{Solver: s, Insiders: true}, suppress.Budget{Work: 800})
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, one, two)
		}
		t.Logf("round %d: %d cells, %d equations, %d primary, %d withheld, %s gap %.3f", round, r.Audit.Cells, r.Audit.Equations, r.Audit.Primary, r.Audit.Withheld, r.Audit.Status, r.Audit.Gap)
		if r.Audit.Equations < 20 {
			t.Errorf("only %d equations were found", r.Audit.Equations)
		}
		if f := fails(r.Findings); f != "" {
			t.Errorf("%s\n%s\n%s\nfrom\n%s\n%s", f, r.Tables["one.csv"], r.Tables["two.csv"], one, two)
		}
	}
}

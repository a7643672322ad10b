package disclosure

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	policy "github.com/ark-tre/ark/policies/disclosure"
)

func profile(t testing.TB, name string) policy.Profile {
	t.Helper()
	p, err := policy.Shipped(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func check(t testing.TB, prof, csv string) (Verdict, []Finding) {
	t.Helper()
	v, fs, err := CheckTable(context.Background(), profile(t, prof), File{Name: "table.csv", Reader: strings.NewReader(csv),
		Pseudonym: func(s string) bool { return strings.HasPrefix(s, "PSEU") }})
	if err != nil {
		t.Fatal(err)
	}
	return v, fs
}

func rulesOf(fs []Finding) string {
	seen, out := map[string]bool{}, []string{}
	for _, f := range fs {
		if f.Severity != SevInfo && !seen[f.Rule] {
			seen[f.Rule] = true
			out = append(out, f.Rule)
		}
	}
	return strings.Join(out, " ")
}

func TestFindingShape(t *testing.T) {
	_, fs := check(t, "uk-llc", "Region,Male,Female\nNorth,5,20\nSouth,30,35\n")
	got, err := json.Marshal(Result{Verdict: Judge(fs), Findings: fs})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"verdict":"fail","findings":[{"rule":"count-below-threshold","severity":"fail","file":"table.csv",` +
		`"where":{"sheet":"","ref":"B2","line":2,"cell":{"row":["North"],"col":["Male"]}},"says":"a count is below the threshold",` +
		`"evidence":{"smallest_allowed":"10","value":"5"},"repair":"suppress the count, and others so that it cannot be worked out, or combine categories"}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNoFindingsIsAnEmptyList(t *testing.T) {
	v, fs := check(t, "ark", "group,n\na,20\nb,30\n")
	got, _ := json.Marshal(Result{Verdict: v, Findings: fs})
	if string(got) != `{"verdict":"pass","findings":[]}` {
		t.Errorf("%s", got)
	}
}

func TestFindingsAreOrdered(t *testing.T) {
	_, fs := check(t, "ark", "g,n,percent\na,3,12\nb,0,100\nc,7,5\n")
	for i := 1; i < len(fs); i++ {
		a, b := fs[i-1], fs[i]
		if a.Rule > b.Rule || a.Rule == b.Rule && (a.row > b.row || a.row == b.row && a.col > b.col) {
			t.Errorf("%s %s comes after %s %s", b.Rule, b.Where.Ref, a.Rule, a.Where.Ref)
		}
	}
}

func TestZeroProfileRefuses(t *testing.T) {
	v, _, err := CheckTable(context.Background(), policy.Profile{}, File{Name: "t.csv", Reader: strings.NewReader("g,n\na,20\n")})
	if err == nil || v == Pass {
		t.Errorf("the zero profile judged a table: %s, %v", v, err)
	}
	if v, _, err := CheckTable(context.Background(), profile(t, "ark"), File{}); err == nil || v == Pass {
		t.Errorf("nothing was judged: %s, %v", v, err)
	}
}

// What a finding says and advises must not repeat an identifier it found.
func TestIdentifiersAreNotRepeated(t *testing.T) {
	secrets := []string{"943 476 5919", "9434765919", "M13 9PL", "PSEU0001", "1980-03-04", "jane@example.org"}
	for _, s := range secrets {
		_, fs := check(t, "ark", "who,date_of_birth,n\n"+s+","+s+",20\nother,x,25\n")
		hit := false
		for _, f := range fs {
			if !strings.HasPrefix(f.Rule, "identifier-") {
				continue
			}
			hit = true
			if b, _ := json.Marshal(f); strings.Contains(string(b), s) {
				t.Errorf("%s repeats what it found: %s", f.Rule, b)
			}
		}
		if !hit {
			t.Errorf("%q was not found", s)
		}
	}
}

func TestUnknownSeverityFails(t *testing.T) {
	if Judge([]Finding{{}}) != Fail {
		t.Error("a finding without a severity passed")
	}
}

func FuzzCheckTable(f *testing.F) {
	f.Add([]byte("g,n\na,3\n"))
	f.Add([]byte("\ufeffa;b\n\"x\";1 (2%)\n"))
	f.Add([]byte("t\n\n,\n1,2\n"))
	p, err := policy.Shipped("ark")
	if err != nil {
		f.Fatal(err)
	}
	known := map[string]bool{}
	for _, r := range Rules() {
		known[r.ID] = true
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, fs, err := CheckTable(context.Background(), p, File{Name: "t.csv", Reader: bytes.NewReader(b)})
		if err != nil || v != Judge(fs) {
			t.Errorf("%v %v", v, err)
		}
		for _, x := range fs {
			if !known[x.Rule] {
				t.Errorf("the rule %q is not listed", x.Rule)
			}
		}
	})
}

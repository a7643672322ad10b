package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// capture runs the program with the given arguments and returns its exit
// status and standard output.
func capture(t *testing.T, args ...string) (int, string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stdout
	os.Stdout = w
	done := make(chan string)
	go func() {
		b, _ := io.ReadAll(r)
		done <- string(b)
	}()
	code := run(args)
	os.Stdout = old
	w.Close()
	return code, <-done
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

const square = `{"cells":[
 {"id":1,"labels":["a","x"],"value":3,"weight":3,"lb":0,"ub":60,"eligible":true,"contributors":null,"owner":null},
 {"id":2,"value":20,"weight":20,"lb":0,"ub":60},{"id":"r1","value":23,"weight":23,"lb":0,"ub":60},
 {"id":4,"value":15,"weight":15,"lb":0,"ub":60},{"id":5,"value":12.5,"weight":12.5,"lb":0,"ub":60},{"id":"r2","value":27.5,"weight":27.5,"lb":0,"ub":60},
 {"id":"c1","value":18,"weight":18,"lb":0,"ub":60},{"id":"c2","value":32.5,"weight":32.5,"lb":0,"ub":60},{"id":"T","value":50.5,"weight":50.5,"lb":0,"ub":60}],
 "equations":[{"total":"r1","parts":[1,2]},{"total":"r2","parts":[4,5]},{"total":"c1","parts":[1,4]},{"total":"c2","parts":[2,5]},{"total":"T","parts":["r1","r2"]},{"total":"T","parts":["c1","c2"]}],
 "primary":[{"cell":1,"lpl":2,"upl":3,"spl":0}]SUPPRESSED}`

func TestDiscloseExitStatusAndShapes(t *testing.T) {
	good, bad := write(t, "good.csv", "g,n\na,20\nb,30\n"), write(t, "bad.csv", "g,n\na,3\nb,30\n")
	problem := write(t, "p.json", strings.Replace(square, "SUPPRESSED", "", 1))
	open := write(t, "open.json", strings.Replace(square, "SUPPRESSED", `,"suppressed":[1,2]`, 1))
	safe := write(t, "safe.json", strings.Replace(square, "SUPPRESSED", `,"suppressed":[1,2,4,5]`, 1))
	odd := write(t, "odd.json", strings.Replace(strings.Replace(square, "SUPPRESSED", "", 1), `"value":20`, `"value":21`, 1))
	never := write(t, "never.json", strings.Replace(strings.Replace(square, "SUPPRESSED", "", 1), `"lpl":2,"upl":3`, `"lpl":2,"upl":100`, 1))
	data := write(t, "d.csv", "g,h,id\n"+strings.Repeat("a,x,1\n", 12)+strings.Repeat("a,y,2\n", 11))
	spec := write(t, "s.json", `{"kind":"crosstab","rows":["g"],"cols":["h"],"values":null,"aggfunc":null,"margins":false,"filter":""}`)
	certs := filepath.Join(t.TempDir(), "certs")
	for _, c := range []struct {
		name string
		args []string
		code int
		keys string // top-level keys of the JSON, in any order
		has  string
	}{
		{"check-pass", []string{"check", good, "--json"}, 0, "findings verdict", `"verdict": "pass"`},
		{"check-fail", []string{"check", bad, "--profile", "acro", "--json"}, 1, "findings verdict", `"ref": "B2"`},
		{"check-missing", []string{"check", "nowhere.csv"}, 2, "", ""},
		{"check-nothing", []string{"check"}, 2, "", ""},
		{"check-unknown-profile", []string{"check", good, "--profile", "nobody"}, 2, "", ""},
		{"check-by-rows", []string{"check", "--spec", spec, "--microdata", data, "--profile", "uk-llc", "--json"}, 0, "findings verdict", ""},
		{"check-by-units", []string{"check", "--spec", spec, "--microdata", data, "--profile", "uk-llc", "--unit", "id", "--json"}, 1, "findings verdict", `"units": "1"`},
		{"check-unknown-unit", []string{"check", "--spec", spec, "--microdata", data, "--unit", "zz"}, 2, "", ""},
		{"cell-unsafe", []string{"cell", "--contributions", "500,400,12.5", "--rule", "nk:2:0.9", "--json"}, 1, "evidence rule unsafe verdict", `"unsafe": true`},
		{"cell-safe", []string{"cell", "--contributions", "500,400,100", "--rule", "nk:2:0.9", "--json"}, 0, "evidence rule unsafe verdict", `"unsafe": false`},
		{"cell-boundary", []string{"cell", "--contributions", "500,400,100", "--rule", "nk:2:0.9:ge", "--json"}, 1, "evidence rule unsafe verdict", ""},
		{"cell-negative-first", []string{"cell", "--contributions", "-500,400,12.5", "--rule", "nk:2:0.9"}, 1, "evidence rule unsafe verdict", `"total": "912.5"`},
		{"cell-misuse", []string{"cell", "--contributions", "1,2", "--rule", "nk:2:90"}, 2, "", ""},
		{"suppress", []string{"suppress", problem, "--certificate", certs, "--json"}, 0, "bound cost gap intervals status suppressed", `"status": "optimal"`},
		{"verify", []string{"verify", filepath.Join(certs, "internal.json"), filepath.Join(certs, "released.json")}, 0, "certificates same_table verdict", `"verdict": "pass"`},
		{"suppress-infeasible", []string{"suppress", never, "--json"}, 1, "bound cost gap intervals status suppressed", `"status": "infeasible"`},
		{"suppress-not-additive", []string{"suppress", odd}, 2, "", ""},
		{"suppress-budget-twice", []string{"suppress", problem, "--budget", "1s", "--work", "5"}, 2, "", ""},
		{"audit-open", []string{"audit", open, "--json"}, 1, "exact intervals unprotected", ""},
		{"audit-safe", []string{"audit", safe, "--json"}, 0, "exact intervals unprotected", `"exact": []`},
		{"round", []string{"round", bad, "--profile", "opensafely", "--json"}, 0, "audit table", ""},
		{"round-no-rule", []string{"round", bad, "--profile", "uk-llc"}, 2, "", ""},
		{"acro-no-results", []string{"acro", t.TempDir()}, 2, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out := capture(t, append([]string{"disclose"}, c.args...)...)
			if code != c.code {
				t.Fatalf("exit status %d, want %d\n%s", code, c.code, out)
			}
			if c.keys == "" {
				return
			}
			var got map[string]json.RawMessage
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, k := range strings.Fields(c.keys) {
				if _, ok := got[k]; !ok {
					t.Errorf("no %q in %s", k, out)
				}
			}
			if len(got) != len(strings.Fields(c.keys)) || !strings.Contains(out, c.has) {
				t.Errorf("not as expected: %s", out)
			}
			if strings.Contains(out, "/tmp") {
				t.Errorf("a path of the machine is printed: %s", out)
			}
		})
	}
}

// TestDiscloseHistory: two tables that each pass alone, the second of which
// gives two people away beside the first.
func TestDiscloseHistory(t *testing.T) {
	var data, one, two strings.Builder
	data.WriteString("person,age,g\n")
	for i := range 60 {
		fmt.Fprintf(&data, "p%d,%d,%s\n", i, 20+i, []string{"a", "b"}[i%2])
	}
	one.WriteString("g,count\na,30\nb,30\n")
	two.WriteString("g,count\na,29\nb,29\n")
	d, first, second := write(t, "d.csv", data.String()), write(t, "one.csv", one.String()), write(t, "two.csv", two.String())
	all := write(t, "all.json", `{"kind":"crosstab","rows":["g"],"cols":[],"values":null,"aggfunc":null,"margins":false,"filter":""}`)
	some := write(t, "some.json", `{"kind":"crosstab","rows":["g"],"cols":[],"values":null,"aggfunc":null,"margins":false,"filter":"age < 78"}`)
	h := filepath.Join(t.TempDir(), "h")
	made := func(spec string) []string { return []string{"--spec", spec, "--microdata", d, "--unit", "person"} }
	check := func(table, spec string) []string {
		return append([]string{"disclose", "check", table, "--history", h, "--json"}, made(spec)...)
	}
	for i, c := range []struct {
		args []string
		code int
		want string
	}{
		{append([]string{"disclose", "check", second, "--json"}, made(some)...), 0, `"verdict": "pass"`},
		{check(second, some), 2, ""},
		{append([]string{"disclose", "history", "add", h, first, "--id", "one"}, made(all)...), 0, `"people": 60`},
		{append([]string{"disclose", "history", "add", h, first, "--id", "one"}, made(all)...), 2, ""},
		{[]string{"disclose", "history", "list", h}, 0, `"id": "one"`},
		{check(first, all), 0, `"verdict": "pass"`},
		{check(second, some), 1, `release-difference`},
		{[]string{"disclose", "check", second, "--history", h, "--profile", "cms"}, 0, `release-unspecified`},
	} {
		code, out := capture(t, c.args...)
		if code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%d: %v gives %d, want %d and %q:\n%s", i, c.args, code, c.code, c.want, out)
		}
	}
}

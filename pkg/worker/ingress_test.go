package worker

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock/ingress"
	"github.com/ark-tre/ark/pkg/pseudonym"
)

// scanner is a clamd that finds everything infected that holds the word EVIL.
func scanner(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clamd.sock")
	l, err := net.Listen("unix", path)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf, all := make([]byte, 4096), ""
				for !strings.Contains(all, "\x00\x00\x00\x00") || len(all) < 20 {
					n, err := c.Read(buf)
					if err != nil {
						break
					}
					all += string(buf[:n])
				}
				if strings.Contains(all, "EVIL") {
					fmt.Fprint(c, "stream: Test.Signature FOUND\x00")
					return
				}
				fmt.Fprint(c, "stream: OK\x00")
			}()
		}
	}()
	return path
}

// TestWhatComesInIsLookedAt brings files with something hidden, with malware,
// with persons and with another project's pseudonyms: each is stopped or
// measured, and what comes in of a table is the clean file.
func TestWhatComesInIsLookedAt(t *testing.T) {
	b := bench(t).inspector(t)
	b.Inspect.Scanner = scanner(t)
	data := b.grown(t, 1, 60)
	bring := func(kind, name, text string) ingress.File {
		t.Helper()
		f := b.submit(t, "in-"+name, name, text)
		raw, err := json.Marshal(ingress.CheckJob{Input: "inp", Project: "prj-a", Kind: kind, Files: []ingress.File{{Ordinal: 1, Name: name, Ref: f.Ref}}, Data: data})
		must(t, err)
		got, err := b.bringSteps()[0].Do(t.Context(), raw, nil)
		must(t, err)
		return got.(ingress.CheckResult).Files[0]
	}
	rules := func(f ingress.File) string {
		var out []string
		for _, x := range f.Findings {
			if x.Severity == "fail" && !slices.Contains(out, x.Rule) {
				out = append(out, x.Rule)
			}
		}
		return strings.Join(out, " ")
	}
	if f := bring(ingress.KindReference, "codes.csv", "\ufeffcode,meaning\r\nA,first\r\nB,second\r\n"); f.Verdict == "fail" || f.Profile.Persons || f.Came.Name == "" || f.Ref == f.Came {
		t.Errorf("a code list: %+v", f)
	} else if text, err := b.bytes(t.Context(), f.Ref); err != nil || string(text) != "code,meaning\nA,first\nB,second\n" {
		t.Errorf("what comes in is %q %v", text, err)
	}
	if f := bring(ingress.KindCode, "model.py", "import pandas as pd\nprint(1)\n"); f.Verdict == "fail" || f.Came.Name != "" {
		t.Errorf("a script: %+v", f)
	}
	if f := bring(ingress.KindCode, "bad.py", "print('EVIL')\n"); f.Verdict != "fail" {
		t.Errorf("malware: %+v", f)
	}
	if f := bring(ingress.KindFile, "plot.png", "MZ this is no picture"); f.Verdict != "fail" {
		t.Errorf("a program that says it is a picture: %+v", f)
	}
	if f := bring(ingress.KindReference, "n.csv", "nhs_number,x\n9434765919,1\n"); rules(f) != "inbound-identifier" {
		t.Errorf("identifiers: %q %+v", rules(f), f)
	}
	foreign := ""
	for n := range 40 { // of the form of pseudonyms, and of no row of this extract
		for _, last := range "0123456789ABCDEFGHJKMNPQRSTVWXYZ" {
			if p := fmt.Sprintf("%016d%c", n, last); pseudonym.IsPseudonym(p) {
				foreign += p + ",1\n"
			}
		}
	}
	if f := bring(ingress.KindReference, "foreign.csv", "person,score\n"+foreign); rules(f) != "inbound-foreign-pseudonym" {
		t.Errorf("another project's pseudonyms: %q %+v", rules(f), f)
	}
	if f := bring(ingress.KindCode, "foreign.py", "keep = \"\"\"\n"+foreign+"\"\"\"\n"); rules(f) != "inbound-foreign-pseudonym" {
		t.Errorf("another project's pseudonyms in a script: %q %+v", rules(f), f)
	}
	if f := bring(ingress.KindReference, "p.csv", "year_of_birth,sex,ward\n1950,F,A\n1951,M,B\n1952,F,C\n"); f.Verdict != "review" || !f.Profile.Persons || len(f.Profile.Quasi) != 3 {
		t.Errorf("persons: %+v", f)
	}
	packed := func(inside, text string) string {
		var b strings.Builder
		z := zip.NewWriter(&b)
		for name, text := range map[string]string{"tool/__init__.py": "def mean(x):\n    return sum(x) / len(x)\n", "tool/" + inside: text} {
			w, err := z.Create(name)
			must(t, err)
			_, err = w.Write([]byte(text))
			must(t, err)
		}
		must(t, z.Close())
		return b.String()
	}
	var people, mine, numbers strings.Builder
	people.WriteString("id,year_of_birth,sex,ward,height,weight\n")
	mine.WriteString("name,x\n")
	numbers.WriteString("nhs_number,x\n")
	for i := range 60 {
		fmt.Fprintf(&people, "%d,%d,%s,W%d,%d,%.1f\n", 9001+i, 1940+i, []string{"F", "M"}[i%2], i%7, 150+i*7%45, 50+float64(i*13%50))
		fmt.Fprintf(&mine, "name-%04d,1\n", i)
		fmt.Fprintf(&numbers, "%s,1\n", numberOf(t, i))
	}
	if f := bring(ingress.KindPackage, "tool-1.0.zip", packed("data.txt", "numbers of nobody\n")); f.Verdict == "fail" || f.Profile.Persons {
		t.Errorf("a package: %+v", f)
	}
	if f := bring(ingress.KindPackage, "people-1.0.zip", packed("people.csv", people.String())); f.Verdict == "fail" || !f.Profile.Persons {
		t.Errorf("persons packed away from the match need the custodians: %+v", f)
	}
	if f := bring(ingress.KindPackage, "numbers-1.0.zip", packed("numbers.csv", numbers.String())); f.Verdict != "fail" {
		t.Errorf("identifiers packed away: %+v", f)
	}
	if f := bring(ingress.KindPackage, "known-1.0.zip", packed("known.csv", mine.String())); f.Verdict != "fail" {
		t.Errorf("names of the extract packed away: %+v", f)
	}
}

// TestDamagedInputsAreNamed: what was altered in the store before its checks is
// judged by nobody, and the worker says which file it was.
func TestDamagedInputsAreNamed(t *testing.T) {
	b := bench(t).inspector(t)
	files := []ingress.File{{Ordinal: 1, Name: "a.py", Ref: b.submit(t, "whole", "a.py", "print(1)\n").Ref}, {Ordinal: 2, Name: "b.py", Ref: b.submit(t, "hurt", "b.py", "print(2)\n").Ref}}
	b.altered(t, "in/hurt")
	raw, err := json.Marshal(ingress.CheckJob{Input: "inp", Project: "prj-a", Kind: ingress.KindCode, Files: files})
	must(t, err)
	got, err := b.bringSteps()[0].Do(t.Context(), raw, nil)
	must(t, err)
	if res := got.(ingress.CheckResult).Files; len(res) != 1 || res[0].Ordinal != 2 || !res[0].Damaged || res[0].Verdict != "fail" {
		t.Errorf("the checks say %+v", res)
	}
}

package worker

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/acro"
	disclose "github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/objects"
)

func acroFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../airlock/acro/testdata/results/" + name)
	must(t, err)
	return string(b)
}

// TestClaimsAreNotBelieved submits a results folder of ACRO twice: as it is, and
// with every status made "pass". The claims come with the files; the verdicts
// and findings are the same.
func TestClaimsAreNotBelieved(t *testing.T) {
	b := bench(t).inspector(t)
	counts := acroFile(t, "counts_0.csv")
	times := 0
	check := func(results string) airlock.CheckResult {
		times++
		n := strconv.Itoa(times)
		files := []airlock.CheckOf{b.submit(t, "f1-"+n, "counts_0.csv", counts), b.submit(t, "f2-"+n, acro.ResultsName, results), b.submit(t, "f3-"+n, "counts_0.csv.txt", acroFile(t, "checksums/counts_0.csv.txt"))}
		files[1].Kind, files[2].Kind = airlock.KindSupporting, airlock.KindSupporting
		return b.checks(t, airlock.CheckJob{Request: "r", Round: 1, Project: "prj-a", Profile: "ark", Files: files})
	}
	real := acroFile(t, acro.ResultsName)
	honest := check(real)
	lied := check(strings.NewReplacer(`"status": "fail"`, `"status": "pass"`, "fail - 7 cells", "pass - 0 cells").Replace(real))
	c := honest.Files[0].ACRO
	if c == nil || c.Status != "fail" || len(c.Masks) != 7 || !c.Recorded || c.Altered || c.Exception == "" {
		t.Fatalf("the claim is %+v", c)
	}
	if l := lied.Files[0].ACRO; l == nil || l.Status != "pass" {
		t.Fatalf("the other claim is %+v", l)
	}
	if honest.Files[0].Verdict != "fail" || lied.Files[0].Verdict != "fail" {
		t.Errorf("counts under ten are judged %s, and with a claim of pass %s", honest.Files[0].Verdict, lied.Files[0].Verdict)
	}
	if a, b := rules(honest.Files[0].Findings), rules(lied.Files[0].Findings); !slices.Equal(a, b) {
		t.Errorf("findings %v, and with a claim of pass %v", a, b)
	}
	if honest.Files[1].ACRO != nil {
		t.Error("the results claim something of themselves")
	}
	broken := check(`{"version": 1`)
	if broken.Files[0].ACRO != nil || broken.Files[0].Verdict != "fail" || !slices.ContainsFunc(broken.Files[1].Findings, func(f disclose.Finding) bool { return f.Rule == "acro-unreadable" }) {
		t.Errorf("results that cannot be read: %+v", broken.Files)
	}
}

// altered turns one byte of a stored object around.
func (b Bench) altered(t *testing.T, name string) {
	t.Helper()
	found := false
	must(t, filepath.WalkDir(filepath.Join(b.Tmp, "objects"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(path, name) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil || len(data) < 40 {
			return err
		}
		for i := len(data) / 3; i < len(data); i++ {
			data[i] ^= 1
		}
		found = true
		must(t, os.Chmod(path, 0o600))
		return os.WriteFile(path, data, 0o600)
	}))
	if !found {
		t.Fatalf("there is no stored object %s", name)
	}
}

// TestDamagedFilesAreNamed: a file altered in the store fails the checks and
// stops the release, and the worker says which it was.
func TestDamagedFilesAreNamed(t *testing.T) {
	b := bench(t).inspector(t)
	files := []airlock.CheckOf{b.submit(t, "whole", "a.csv", "side,count\nnorth,60\nsouth,60\n"), b.submit(t, "hurt", "b.csv", "side,count\nnorth,70\nsouth,70\n")}
	b.altered(t, "in/hurt")
	res := b.checks(t, airlock.CheckJob{Request: "r", Round: 1, Project: "prj-a", Profile: "ark", Files: files})
	if len(res.Files) != 1 || res.Files[0].ID != "hurt" || !res.Files[0].Damaged || res.Files[0].Verdict != "fail" {
		t.Errorf("the checks say %+v", res.Files)
	}
	raw, err := json.Marshal(airlock.ReleaseJob{Release: "rel", Request: "r", Project: "prj-a", Profile: "ark", Files: files})
	must(t, err)
	out, err := b.releaseSteps()[0].Do(t.Context(), raw, nil)
	must(t, err)
	if rel := out.(airlock.ReleaseResult); rel.Refused == "" || !slices.Equal(rel.Damaged, []string{"hurt"}) || rel.Bundle != (objects.Ref{}) {
		t.Errorf("the release: %+v", rel)
	}
}

// TestWhatLeftBecomesASample: the files of an incident become samples in the
// form of the rules' own, and the worker says which the rules stop.
func TestWhatLeftBecomesASample(t *testing.T) {
	b := bench(t)
	bad, good := b.submit(t, "f1", "small.csv", "side,count\nnorth,60\nsouth,3\n"), b.submit(t, "f2", "large.csv", "side,count\nnorth,60\nsouth,60\n")
	bad.Ordinal, good.Ordinal = 1, 2
	raw, err := json.Marshal(airlock.SampleJob{Incident: "inc_1", Request: "r", Project: "prj-a", Profile: "ark", Files: []airlock.CheckOf{bad, good}})
	must(t, err)
	out, err := b.sampleSteps()[0].Do(t.Context(), raw, nil)
	must(t, err)
	res := out.(airlock.SampleResult)
	if !slices.Equal(res.Stopped, []int{1}) {
		t.Errorf("the rules stop %v", res.Stopped)
	}
	data, err := b.bytes(t.Context(), res.Sample)
	must(t, err)
	cases, err := disclose.ReadCases(strings.NewReader(string(data)))
	must(t, err)
	if len(cases) != 2 || cases[0].Table != "side,count\nnorth,60\nsouth,3\n" || cases[0].Verdict != "fail" || !slices.Contains(cases[0].Rules, "count-below-threshold") || len(cases[1].Rules) != 0 {
		t.Errorf("the samples are\n%s", data)
	}
}

// TestDeathBetweenStoreAndAnswer: a worker that dies after it stored what it
// made and before it answered does its step again, as the queue has it; the
// second answer is the first, byte for byte, and nothing is stored twice.
func TestDeathBetweenStoreAndAnswer(t *testing.T) {
	b := bench(t).inspector(t)
	stored := func() (n int) {
		must(t, filepath.WalkDir(filepath.Join(b.Tmp, "objects"), func(_ string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				n++
			}
			return err
		}))
		return n
	}
	file := b.submit(t, "f1", "table.csv", "\ufeffside;count\r\nnorth;60\r\nsouth;60\r\n")
	check, err := json.Marshal(airlock.CheckJob{Request: "r", Round: 1, Project: "prj-a", Profile: "ark", Files: []airlock.CheckOf{file}})
	must(t, err)
	twice := func(name string, step func() (any, error)) any {
		t.Helper()
		first, err := step()
		must(t, err)
		n := stored()
		again, err := step()
		must(t, err)
		one, err := json.Marshal(first)
		must(t, err)
		two, err := json.Marshal(again)
		must(t, err)
		if string(one) != string(two) || stored() != n {
			t.Errorf("%s, done again: %d objects where there were %d\n%s\n%s", name, stored(), n, one, two)
		}
		return again
	}
	res := twice("the checks", func() (any, error) { return b.checkSteps()[0].Do(t.Context(), check, nil) }).(airlock.CheckResult)
	clean := file
	clean.Submitted = airlock.Submitted{Name: file.Name, Ref: file.Ref}
	clean.Name, clean.Ref = res.Files[0].Clean.Name, res.Files[0].Clean.Ref
	release, err := json.Marshal(airlock.ReleaseJob{Release: "rel", Request: "r", Project: "prj-a", Profile: "ark", Files: []airlock.CheckOf{clean}})
	must(t, err)
	if out := twice("the release", func() (any, error) { return b.releaseSteps()[0].Do(t.Context(), release, nil) }).(airlock.ReleaseResult); out.Refused != "" || out.Bundle.Name == "" {
		t.Errorf("the release is %+v", out)
	}
	sample, err := json.Marshal(airlock.SampleJob{Incident: "inc_1", Request: "r", Project: "prj-a", Profile: "ark", Files: []airlock.CheckOf{clean}})
	must(t, err)
	twice("the samples", func() (any, error) { return b.sampleSteps()[0].Do(t.Context(), sample, nil) })
}

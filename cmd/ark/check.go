package main

import (
	"context"
	"crypto/rand"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ark-tre/ark/airlock/differencing"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/airlock/protect"
	"github.com/ark-tre/ark/airlock/rederive"
	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
	"github.com/ark-tre/ark/workspace/apps"
)

// checkCmd judges what lies in a folder before it is submitted.
type checkCmd struct {
	Folder    string `arg:"" help:"The folder, such as outbox/." type:"existingdir"`
	Profile   string `help:"A shipped profile's name or a profile file; several joined by +." default:"ark"`
	Microdata string `help:"The microdata of the specifications beside the outputs; or a folder of tables by the name of their data. In a workspace the extract."`
	Unit      string `help:"The column that tells units (people) apart."`
	JSON      bool   `name:"json" help:"Print JSON (always on)."`
}

// checked is what is said of one file.
type checked struct {
	disclosure.Result
	Type string `json:"type,omitempty"`
}

// Run looks at every file as inspection does, and judges every table by the
// rules that need no other release.
func (c checkCmd) Run(ctx context.Context) error {
	if st, err := os.Stat(extractFolder); c.Microdata == "" && err == nil && st.IsDir() {
		c.Microdata = extractFolder
	}
	look, err := c.inspector(ctx)
	if err != nil {
		return err
	}
	defer look.Close()
	attacker := newAttacker()
	defer attacker.Close()
	outputs := map[string]checked{}
	failed := false
	var files []fileArg
	err = fs.WalkDir(os.DirFS(c.Folder), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(name, specSuffix) {
			files = append(files, fileArg{path: filepath.Join(c.Folder, filepath.FromSlash(name)), name: name, shown: name, odd: !d.Type().IsRegular()})
		}
		return err
	})
	if err != nil {
		return err
	}
	p, err := policy.Joined(c.Profile, policy.Open)
	if err != nil {
		return err
	}
	others := differencing.New()
	others.SolverCache = solverCache()
	defer others.Close()
	key := make([]byte, 32) // for this once: nothing is kept
	if _, err := rand.Read(key); err != nil {
		return err
	}
	number := differencing.Keyed(key)
	var tables []string
	for _, f := range files {
		seen, err := f.look(ctx, look, inspect.Item{Allowed: p.Files, MaxRows: p.MaxRows, Tables: true})
		if err == nil {
			seen, err = holdsRecords(ctx, c.Microdata, f.name, seen)
		}
		if err != nil {
			return err
		}
		r := checked{Type: seen.Type}
		if r.Findings = seen.Findings; r.Findings == nil {
			r.Findings = []disclosure.Finding{}
		}
		if isTable(f.name) && seen.Type != "" && !f.odd {
			tables = append(tables, f.name)
			more, again, err := c.one(ctx, f.name, p, attacker, others, number)
			if err != nil {
				return err
			}
			if again { // nothing has to be guessed
				r.Findings = slices.DeleteFunc(r.Findings, func(x disclosure.Finding) bool { return disclosure.Guessed(x.Rule) })
			}
			r.Findings = joined(r.Findings, more)
		}
		disclosure.Sort(r.Findings)
		r.Verdict = disclosure.Judge(r.Findings)
		outputs[f.name] = r
		failed = failed || r.Verdict == disclosure.Fail
	}
	together, err := c.together(ctx, p, tables, attacker)
	if err != nil {
		return err
	}
	for i, name := range tables {
		if len(together[i]) == 0 {
			continue
		}
		r := outputs[name]
		r.Findings = append(r.Findings, together[i]...)
		disclosure.Sort(r.Findings)
		r.Verdict = disclosure.Judge(r.Findings)
		outputs[name] = r
		failed = failed || r.Verdict == disclosure.Fail
	}
	return printResult(map[string]any{"outputs": outputs}, failed)
}

func isTable(name string) bool {
	return slices.Contains([]string{".csv", ".tsv", ".parquet"}, strings.ToLower(filepath.Ext(name)))
}

// joined adds findings that are not there yet.
func joined(to, more []disclosure.Finding) []disclosure.Finding {
	for _, f := range more {
		if !slices.ContainsFunc(to, func(g disclosure.Finding) bool {
			return f.Rule == g.Rule && f.Where.Ref == g.Where.Ref && f.Where.Line == g.Where.Line && f.Where.Cell == nil
		}) {
			to = append(to, f)
		}
	}
	return to
}

// inspector is ark-inspect. In a workspace it stands inside the sandbox
// already, so that walls which can't be raised within walls are let be.
func (c checkCmd) inspector(ctx context.Context) (*inspect.Session, error) {
	i := inspect.Inspector{Program: apps.Inspect, Weak: true}
	if _, err := os.Stat(apps.Inspect); err != nil {
		i.Weak = false
		if i.Program, err = program("ark-inspect"); err != nil {
			return nil, err
		}
	}
	return i.Start(ctx, nil)
}

// one judges a table: computed again where its specification and the microdata
// are there, else by what it shows; and beside the others of the folder.
func (c checkCmd) one(ctx context.Context, name string, p policy.Profile, attacker *protect.Attacker, others *differencing.History, number rederive.Numbers) (found []disclosure.Finding, again bool, err error) {
	path := filepath.Join(c.Folder, filepath.FromSlash(name))
	m := howMade{Profile: c.Profile}
	says := "there is no specification of how this was made, or no microdata to make it again from"
	if _, err := os.Stat(path + specSuffix); err == nil && c.Microdata != "" {
		m.Spec, m.Unit, m.Microdata = path+specSuffix, c.Unit, c.Microdata
		says = ""
	}
	o, err := m.output(ctx, path)
	if err != nil && says == "" {
		if ark.KindOf(err) != ark.Invalid && ark.KindOf(err) != ark.TooMuch {
			return nil, false, err
		}
		says = "its specification could not be used: " + ark.Public(err, "something went wrong")
		o, err = howMade{Profile: c.Profile}.output(ctx, path)
	}
	if err != nil {
		return nil, false, err
	}
	o.Name, o.Attacker = name, attacker
	_, found, err = rederive.Judge(ctx, p, o)
	if err != nil && o.Micro != nil && ark.KindOf(err) == ark.Invalid {
		return []disclosure.Finding{{Rule: "table-not-reproducible", Severity: disclosure.SevFail, File: name, Says: "the specification does not fit the microdata: " + ark.Public(err, "something went wrong"),
			Evidence: map[string]string{}, Repair: "correct the specification"}}, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	if o.Micro == nil {
		return append(found, disclosure.Finding{Rule: "release-unspecified", Severity: disclosure.SevReview, File: name, Says: says, Evidence: map[string]string{},
			Repair: "make the table with ark.table in Python or R, or with ark table: then it is computed again, and can pass by itself"}), false, nil
	}
	beside, err := rederive.BesideFiles(ctx, p, o, others, number)
	return append(found, beside...), true, err
}

// together judges tables beside each other, as a request of them would be.
func (c checkCmd) together(ctx context.Context, p policy.Profile, names []string, attacker *protect.Attacker) ([][]disclosure.Finding, error) {
	var paths []string
	for _, n := range names {
		paths = append(paths, filepath.Join(c.Folder, filepath.FromSlash(n)))
	}
	files, done, err := openTables(paths, attacker)
	if err != nil {
		return nil, err
	}
	defer done()
	return disclosure.Together(ctx, p, files)
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/rederive"
	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// specSuffix ends the name of a specification: that of table.csv is
// table.csv.ark.json.
const specSuffix = ".ark.json"

// tableCmd makes a table from its specification.
type tableCmd struct {
	Spec      string `arg:"" help:"The specification, a JSON file."`
	Microdata string `required:"" help:"The microdata, CSV or Parquet."`
	Out       string `help:"Where to write the table; its specification is written beside it. Without it the table is printed."`
	Profile   string `help:"Withhold small counts and round as this profile asks; without it the table is exact."`
}

// Run makes the table.
func (c tableCmd) Run(ctx context.Context) error {
	o, err := howMade{Spec: c.Spec, Microdata: c.Microdata}.output(ctx, "")
	if err != nil {
		return err
	}
	if o.Spec.Kind != disclosure.KindCrosstab {
		return ark.Faultf(ark.Invalid, "only tables can be made here").Do("fit the model with your own tools, and keep the specification beside its table")
	}
	var p policy.Profile
	if c.Profile != "" {
		if p, err = policy.Open(c.Profile); err != nil {
			return err
		}
	}
	var out bytes.Buffer
	if err := rederive.WriteTable(&out, *o.Micro, p, c.Profile != ""); err != nil {
		return err
	}
	if c.Out == "" {
		_, err := os.Stdout.Write(out.Bytes())
		return err
	}
	o.Spec.Ark = rederive.Version
	spec, err := json.MarshalIndent(o.Spec, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.Out, out.Bytes(), 0o600); err != nil {
		return ark.Faultf(ark.Unavailable, "the table could not be written").Because(err)
	}
	if err := os.WriteFile(c.Out+specSuffix, append(spec, '\n'), 0o600); err != nil {
		return ark.Faultf(ark.Unavailable, "the specification could not be written").Because(err)
	}
	return nil
}

// checkCmd judges what lies in a folder before it is submitted.
type checkCmd struct {
	Folder    string `arg:"" help:"The folder, such as outbox/." type:"existingdir"`
	Profile   string `help:"A shipped profile's name or a profile file." default:"ark"`
	Microdata string `help:"The microdata of the specifications beside the outputs; or a folder of tables by the name of their data."`
	Unit      string `help:"The column that tells units (people) apart."`
	JSON      bool   `name:"json" help:"Print JSON (always on)."`
}

// Run judges every output by the rules that need no other release.
func (c checkCmd) Run(ctx context.Context) error {
	outputs := map[string]disclosure.Result{}
	failed := false
	err := fs.WalkDir(os.DirFS(c.Folder), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, specSuffix) {
			return err
		}
		r, err := c.one(ctx, name)
		if err != nil {
			return err
		}
		outputs[name] = r
		failed = failed || r.Verdict == disclosure.Fail
		return nil
	})
	if err != nil {
		return err
	}
	return printResult(map[string]any{"outputs": outputs}, failed)
}

func (c checkCmd) one(ctx context.Context, name string) (disclosure.Result, error) {
	path := filepath.Join(c.Folder, filepath.FromSlash(name))
	m := howMade{Profile: c.Profile}
	unspecified := true
	if _, err := os.Stat(path + specSuffix); err == nil && c.Microdata != "" {
		m.Spec, m.Unit = path+specSuffix, c.Unit
		if m.Microdata, err = c.data(m.Spec); err != nil {
			return disclosure.Result{}, err
		}
		unspecified = false
	}
	r, err := m.check(ctx, path, "", nil, nil)
	if err != nil || !unspecified {
		return r, err
	}
	r.Findings = append(r.Findings, disclosure.Finding{Rule: "release-unspecified", Severity: disclosure.SevReview, File: name,
		Says: "there is no specification of how this was made, or no microdata to make it again from", Evidence: map[string]string{},
		Repair: "write the table with ark table, and name the microdata"})
	disclosure.Sort(r.Findings)
	r.Verdict = disclosure.Judge(r.Findings)
	return r, nil
}

// data finds the microdata of a specification.
func (c checkCmd) data(spec string) (string, error) {
	if st, err := os.Stat(c.Microdata); err != nil || !st.IsDir() {
		return c.Microdata, nil
	}
	f, err := os.Open(spec)
	if err != nil {
		return "", ark.Faultf(ark.Invalid, "a specification could not be opened").Because(err)
	}
	defer f.Close()
	s, err := rederive.Read(f)
	if err != nil {
		return "", err
	}
	for _, ext := range []string{".parquet", ".csv"} {
		p := filepath.Join(c.Microdata, filepath.Base(s.Data)+ext)
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", ark.Faultf(ark.Invalid, "there is no table of a specification's data in that folder")
}

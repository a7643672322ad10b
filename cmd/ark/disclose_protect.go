package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/protect"
	"github.com/ark-tre/ark/airlock/suppress"
	"github.com/ark-tre/ark/airlock/suppress/highs"
	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

type discloseProtectCmd struct {
	Table       []string `arg:"" help:"The tables of one request, as computed: CSV or Parquet."`
	Profile     string   `help:"A shipped profile's name or a profile file." default:"ark"`
	Work        int      `help:"How much work to spend on cheaper patterns."`
	Out         string   `help:"Write the tables to this folder too." type:"path"`
	Certificate string   `help:"Write internal.json and released.json to this folder." type:"path"`
	JSON        bool     `name:"json" help:"Print JSON (always on)."`
}

// Run withholds counts in all tables at once and judges what comes out.
func (c discloseProtectCmd) Run(ctx context.Context) error {
	p, err := policy.Open(c.Profile)
	if err != nil {
		return err
	}
	if c.Work < 0 {
		return ark.Faultf(ark.Invalid, "a budget can't be negative")
	}
	files, done, err := openTables(c.Table, nil)
	if err != nil {
		return err
	}
	defer done()
	solver, err := startSolver(ctx, false, nil)
	if err != nil {
		return err
	}
	defer solver.Close()
	o := suppress.Options{Solver: solver, Insiders: true}
	r, err := protect.Tables(ctx, p, files, o, suppress.Budget{Work: c.Work})
	if err != nil {
		return err
	}
	if c.Certificate != "" && r.Result != nil {
		if err := writeCertificates(ctx, r.Result, o, c.Certificate); err != nil {
			return err
		}
	}
	if c.Out != "" {
		if err := os.MkdirAll(c.Out, 0o700); err != nil {
			return ark.Faultf(ark.Invalid, "the folder could not be made").Because(err)
		}
		for name, text := range r.Tables {
			if err := os.WriteFile(filepath.Join(c.Out, filepath.Base(name)), []byte(text), 0o600); err != nil {
				return ark.Faultf(ark.Invalid, "a table could not be written").Because(err)
			}
		}
	}
	return printResult(r, r.Verdict == disclosure.Fail)
}

// newAttacker attacks withheld counts with HiGHS, started when first needed.
func newAttacker() *protect.Attacker {
	return protect.NewAttacker(func(ctx context.Context) (*highs.Solver, error) { return startSolver(ctx, false, nil) })
}

// openTables opens tables by their paths; findings name them by their last
// part.
func openTables(paths []string, attacker *protect.Attacker) ([]disclosure.File, func(), error) {
	var files []disclosure.File
	var open []*os.File
	done := func() {
		for _, f := range open {
			_ = f.Close()
		}
	}
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			done()
			return nil, nil, ark.Faultf(ark.Invalid, "the table could not be opened").Because(err)
		}
		open = append(open, f)
		file := disclosure.File{Name: baseName(p), Reader: f}
		if attacker != nil {
			file.Attacker = attacker
		}
		files = append(files, file)
	}
	return files, done, nil
}

// readPopulations reads areas and their populations; none without a file.
func readPopulations(name string) (map[string]int64, error) {
	if name == "" {
		return nil, nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, ark.Faultf(ark.Invalid, "the populations could not be opened").Because(err)
	}
	rs, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff")))).ReadAll()
	if err != nil || len(rs) < 2 {
		return nil, ark.Faultf(ark.Invalid, "the populations are no CSV file of area and population")
	}
	out := map[string]int64{}
	for i, r := range rs[1:] {
		n, err := strconv.ParseInt(strings.ReplaceAll(strings.TrimSpace(r[len(r)-1]), ",", ""), 10, 64)
		if err != nil || n < 0 || len(r) < 2 {
			return nil, ark.Faultf(ark.Invalid, "row %d of the populations has no population", i+2)
		}
		out[strings.ToLower(strings.TrimSpace(r[0]))] = n
	}
	return out, nil
}

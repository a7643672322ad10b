package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

type disclosePrivateCmd struct {
	Table   string `arg:"" help:"The table, as computed: CSV or Parquet."`
	Profile string `required:"" help:"A profile file with a privacy budget; none of the shipped profiles grants one."`
	Epsilon string `required:"" help:"What this release spends, a decimal."`
	ID      string `name:"id" required:"" help:"The release's id; each once."`
	Budget  string `required:"" help:"The file that keeps what was spent; made if it isn't there." type:"path"`
	Cells   int64  `help:"How many cells, totals apart, one person may stand in." default:"1"`
	JSON    bool   `name:"json" help:"Print JSON (always on)."`
}

// Run spends from the budget, writes it down, and only then draws the noise.
func (c disclosePrivateCmd) Run(ctx context.Context) error {
	p, err := policy.Open(c.Profile)
	if err != nil {
		return err
	}
	files, done, err := openTables([]string{c.Table}, nil)
	if err != nil {
		return err
	}
	defer done()
	var budget disclosure.PrivacyBudget
	b, err := os.ReadFile(c.Budget)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return ark.Faultf(ark.Invalid, "the budget could not be read").Because(err)
	case json.Unmarshal(b, &budget) != nil:
		return ark.Faultf(ark.Invalid, "the budget's record is damaged")
	}
	if err := budget.Spend(p, c.ID, c.Epsilon); err != nil {
		return err
	}
	if b, err = json.MarshalIndent(budget, "", " "); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(c.Budget), ".budget-*")
	if err != nil {
		return ark.Faultf(ark.Invalid, "the budget could not be written").Because(err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), c.Budget)
	}
	if err != nil {
		return ark.Faultf(ark.Invalid, "the budget could not be written").Because(err)
	}
	r, err := disclosure.MakePrivate(ctx, p, files[0], c.Epsilon, c.Cells, rand.Reader)
	if err != nil {
		return err
	}
	return printResult(r, false)
}

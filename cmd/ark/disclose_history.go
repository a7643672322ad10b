package main

import (
	"context"
	"os"

	"github.com/ark-tre/ark/airlock/differencing"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/rederive"
	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// discloseHistoryCmd keeps what left, so that new outputs can be compared with it.
type discloseHistoryCmd struct {
	Add  historyAddCmd  `cmd:"" help:"Keep a released table, with who is behind each figure where its specification is given."`
	List historyListCmd `cmd:"" help:"List what a history keeps."`
}

// howMade are the flags that say how a table was made.
type howMade struct {
	Profile   string `help:"A shipped profile's name or a profile file." default:"ark"`
	Spec      string `help:"How the table was made, a JSON file."`
	Microdata string `help:"The microdata it was made from, CSV or Parquet; or a folder of tables, of which the specification names one or queries several."`
	Unit      string `help:"The column that tells units (people) apart; by default the profile's, if it is there, else records."`
}

// output reads a table and what was said of it.
func (m howMade) output(ctx context.Context, table string) (rederive.Output, error) {
	var o rederive.Output
	if (m.Spec == "") != (m.Microdata == "") || m.Unit != "" && m.Microdata == "" {
		return o, ark.Faultf(ark.Invalid, "--spec and --microdata go together, and --unit with them")
	}
	if table == "" && m.Spec == "" {
		return o, ark.Faultf(ark.Invalid, "there is nothing to check").Do("name a table, or give --spec and --microdata")
	}
	if table != "" {
		b, err := os.ReadFile(table)
		if err != nil {
			return o, ark.Faultf(ark.Invalid, "the table could not be opened").Because(err)
		}
		o.Name, o.Data = baseName(table), b
	}
	if m.Spec == "" {
		return o, nil
	}
	sf, err := os.Open(m.Spec)
	if err != nil {
		return o, ark.Faultf(ark.Invalid, "the specification could not be opened").Because(err)
	}
	defer sf.Close()
	spec, err := rederive.Read(sf)
	if err != nil {
		return o, err
	}
	o.Spec = &spec
	o.Micro, err = readMicrodata(ctx, m.Microdata, spec, m.Unit)
	return o, err
}

type historyAddCmd struct {
	Dir     string `arg:"" help:"The history's folder; made if it isn't there."`
	Table   string `arg:"" help:"The table that left, a CSV file."`
	ID      string `name:"id" required:"" help:"The release's id; each once."`
	Project string `help:"The project it left from."`
	howMade
	JSON bool `name:"json" help:"Print JSON (always on)."`
}

// Run keeps a table.
func (c historyAddCmd) Run(ctx context.Context) error {
	p, err := policy.Open(c.Profile)
	if err != nil {
		return err
	}
	o, err := c.output(ctx, c.Table)
	if err != nil {
		return err
	}
	f, err := differencing.OpenFolder(c.Dir, true)
	if err != nil {
		return err
	}
	r, tied, err := rederive.Contents(p, o, f.Number)
	if err != nil {
		return err
	}
	r.ID, r.Project = c.ID, c.Project
	if err := f.Add(ctx, r); err != nil {
		return err
	}
	plain := len(r.Plain)
	if len(r.Figures) > 0 {
		plain = 0
	}
	return printResult(map[string]any{"id": r.ID, "figures": len(r.Figures), "plain": plain, "people": len(r.People()), "units": tied}, false)
}

type historyListCmd struct {
	Dir  string `arg:"" help:"The history's folder."`
	JSON bool   `name:"json" help:"Print JSON (always on)."`
}

// Run lists the releases in the order they were added.
func (c historyListCmd) Run(ctx context.Context) error {
	f, err := differencing.OpenFolder(c.Dir, false)
	if err != nil {
		return err
	}
	h, err := f.History(ctx)
	if err != nil {
		return err
	}
	rs := h.Releases()
	if rs == nil {
		rs = []differencing.Summary{}
	}
	return printResult(map[string]any{"releases": rs}, false)
}

// check judges an output alone and, with a history, beside what left.
func (m howMade) check(ctx context.Context, table, history string, attacker disclosure.Attacker, populations map[string]int64) (disclosure.Result, error) {
	none := disclosure.Result{Verdict: disclosure.Fail}
	p, err := policy.Open(m.Profile)
	if err != nil {
		return none, err
	}
	o, err := m.output(ctx, table)
	if err != nil {
		return none, err
	}
	o.Attacker, o.Populations = attacker, populations
	var r disclosure.Result
	if r.Verdict, r.Findings, err = rederive.Judge(ctx, p, o); err != nil || history == "" {
		return r, err
	}
	f, err := differencing.OpenFolder(history, false)
	if err != nil {
		return none, err
	}
	h, err := f.History(ctx)
	if err != nil {
		return none, err
	}
	h.SolverCache = solverCache()
	defer h.Close()
	beside, _, err := rederive.Beside(ctx, p, o, h, f.Number)
	if err != nil {
		return none, err
	}
	r.Findings = append(r.Findings, beside...)
	disclosure.Sort(r.Findings)
	r.Verdict = disclosure.Judge(r.Findings)
	return r, nil
}

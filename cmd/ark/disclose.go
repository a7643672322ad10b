package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/protect"
	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// discloseCmd groups the commands of disclosure control. Each prints one JSON
// document; exit status 0 nothing fails, 1 something fails, 2 misuse or
// missing input.
type discloseCmd struct {
	Check    discloseCheckCmd    `cmd:"" help:"Judge a table, or one recomputed from microdata, under a disclosure profile."`
	Cell     discloseCellCmd     `cmd:"" help:"Judge the contributions to one cell by one rule."`
	Round    discloseRoundCmd    `cmd:"" help:"Suppress and round a table's counts as a profile asks, and judge what comes out."`
	ACRO     discloseACROCmd     `cmd:"" name:"acro" help:"Judge the outputs of an ACRO or SACRO results folder afresh."`
	Private  disclosePrivateCmd  `cmd:"" help:"Make a table differentially private, within the budget of a profile that grants one."`
	Protect  discloseProtectCmd  `cmd:"" help:"Withhold counts in all linked tables of a request at once, and judge what comes out."`
	Suppress discloseSuppressCmd `cmd:"" help:"Choose which further cells to withhold, so that the primary ones can't be worked out."`
	Audit    discloseAuditCmd    `cmd:"" help:"Say what an attacker learns from a pattern of suppression."`
	Verify   discloseVerifyCmd   `cmd:"" help:"Verify certificates of suppression in exact arithmetic."`
	Cases    discloseCasesCmd    `cmd:"" help:"Judge what left an Ark and should not have, by the rules of this program; status 1 when they do not stop it."`
	History  discloseHistoryCmd  `cmd:"" help:"Keep released tables, and list them."`
	Rules    discloseRulesCmd    `cmd:"" help:"List the rules, or the profiles shipped with Ark."`
}

type discloseCheckCmd struct {
	Table []string `arg:"" optional:"" help:"The table, CSV or Parquet; several are judged together too."`
	howMade
	History     string `help:"A folder of earlier releases to judge it beside."`
	Populations string `help:"Published populations, a CSV file of area and population: with them a rate is a count."`
	JSON        bool   `name:"json" help:"Print JSON (always on)."`
}

// Run judges and prints the verdict with its findings.
func (c discloseCheckCmd) Run(ctx context.Context) error {
	attacker := newAttacker()
	defer attacker.Close()
	r, err := c.several(ctx, attacker)
	if err != nil {
		return err
	}
	return printResult(r, r.Verdict == disclosure.Fail)
}

// several judges each table, and several tables together too.
func (c discloseCheckCmd) several(ctx context.Context, attacker *protect.Attacker) (disclosure.Result, error) {
	populations, err := readPopulations(c.Populations)
	if err != nil {
		return disclosure.Result{}, err
	}
	if len(c.Table) < 2 {
		table := ""
		if len(c.Table) == 1 {
			table = c.Table[0]
		}
		return c.check(ctx, table, c.History, attacker, populations)
	}
	if c.Spec != "" || c.Microdata != "" || c.History != "" {
		return disclosure.Result{}, ark.Faultf(ark.Invalid, "a specification and a history are for one table at a time")
	}
	p, err := policy.Open(c.Profile)
	if err != nil {
		return disclosure.Result{}, err
	}
	files, done, err := openTables(c.Table, attacker)
	if err != nil {
		return disclosure.Result{}, err
	}
	defer done()
	for i := range files {
		files[i].Populations = populations
	}
	var r disclosure.Result
	r.Verdict, r.Findings, err = disclosure.CheckTables(ctx, p, files)
	return r, err
}

type discloseRoundCmd struct {
	Table   string `arg:"" help:"The table, a CSV file."`
	Profile string `required:"" help:"A shipped profile's name or a profile file."`
	Seed    int64  `help:"Seed of random rounding and of cell keys; keep it secret, and the same for all releases."`

	Spec      string `help:"How the table was made, a JSON file: with the microdata, cell keys are those of the records."`
	Microdata string `help:"The microdata it was made from, CSV or Parquet."`
	Unit      string `help:"The column that tells units (people) apart."`
	JSON      bool   `name:"json" help:"Print JSON (always on)."`
}

// Run suppresses and rounds a table's counts, and judges what comes out.
func (c discloseRoundCmd) Run(ctx context.Context) error {
	p, err := policy.Open(c.Profile)
	if err != nil {
		return err
	}
	attacker := newAttacker()
	defer attacker.Close()
	files, done, err := openTables([]string{c.Table}, attacker)
	if err != nil {
		return err
	}
	defer done()
	made, err := howMade{Spec: c.Spec, Microdata: c.Microdata, Unit: c.Unit}.output(ctx, c.Table)
	if err != nil {
		return err
	}
	r, err := disclosure.RoundWith(ctx, p, files[0], c.Seed, made.Micro)
	if err != nil {
		return err
	}
	return printResult(r, r.Audit.Verdict == disclosure.Fail)
}

type discloseACROCmd struct {
	Results string `arg:"" help:"The folder that ACRO or SACRO finalised." type:"existingdir"`
	Profile string `help:"A shipped profile's name or a profile file." default:"ark"`
	JSON    bool   `name:"json" help:"Print JSON (always on)."`
}

// Run reads ACRO's results and judges every output afresh.
func (c discloseACROCmd) Run(ctx context.Context) error {
	p, err := policy.Open(c.Profile)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(c.Results)
	if err != nil {
		return ark.Faultf(ark.Invalid, "the results folder could not be opened").Because(err)
	}
	defer root.Close()
	attacker := newAttacker()
	defer attacker.Close()
	out, err := disclosure.CheckACRO(ctx, p, root.FS(), disclosure.File{Attacker: attacker})
	if err != nil {
		return err
	}
	found := false
	for _, r := range out {
		found = found || r.Verdict == disclosure.Fail
	}
	return printResult(map[string]any{"outputs": out}, found)
}

// baseName keeps the machine's folders out of what is printed.
func baseName(p string) string { return p[strings.LastIndexAny(p, `/\`)+1:] }

// printResult prints v as JSON and says whether something was found.
func printResult(v any, found bool) error {
	enc := json.NewEncoder(os.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	if found {
		return errFound
	}
	return nil
}

type discloseCellCmd struct {
	Contributions string `required:"" help:"The contributions, decimals joined by commas."`
	Weights       string `help:"Their weights: a weight w is w equal respondents."`
	Holding       string `help:"Their holdings, joined by commas; empty: a respondent of its own."`
	Rule          string `required:"" help:"nk:N:K[:ge], p:P[:le] or threshold:T[:le]."`
	JSON          bool   `name:"json" help:"Print JSON (always on)."`
}

// Run judges one cell, in exact arithmetic.
func (c discloseCellCmd) Run(context.Context) error {
	rule, err := disclosure.ParseCellRule(c.Rule)
	if err != nil {
		return err
	}
	values := splitList(c.Contributions)
	weights, holdings := splitList(c.Weights), splitList(c.Holding)
	if (len(weights) > 0 && len(weights) != len(values)) || (len(holdings) > 0 && len(holdings) != len(values)) {
		return ark.Faultf(ark.Invalid, "the lists differ in length").Do("give as many weights and holdings as contributions")
	}
	var cs []disclosure.Contribution
	for i, s := range values {
		v, ok := disclosure.ParseDecimal(s)
		if !ok {
			return ark.Faultf(ark.Invalid, "contribution %d is not a decimal", i+1)
		}
		x := disclosure.Contribution{Value: v}
		if len(weights) > 0 {
			if x.Weight, ok = disclosure.ParseDecimal(weights[i]); !ok || x.Weight.Sign() < 0 {
				return ark.Faultf(ark.Invalid, "weight %d is not a decimal of at least 0", i+1)
			}
		}
		if len(holdings) > 0 {
			x.Holding = strings.TrimSpace(holdings[i])
		}
		cs = append(cs, x)
	}
	v, err := disclosure.JudgeCell(cs, rule)
	if err != nil {
		return err
	}
	return printResult(v, v.Verdict == disclosure.Fail)
}

func splitList(s string) []string {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	return strings.Split(s, ",")
}

type discloseRulesCmd struct {
	Profiles bool   `help:"List the shipped profiles instead."`
	Profile  string `help:"Print one profile with the source of each value."`
	Markdown bool   `help:"Print the reference of rules, marks and profiles."`
}

// Run prints the closed list of rules, or profiles.
func (c discloseRulesCmd) Run(context.Context) error {
	switch {
	case c.Markdown:
		return disclosure.WriteDocs(os.Stdout)
	case c.Profile != "":
		p, err := policy.Open(c.Profile)
		if err != nil {
			return err
		}
		return printResult(p, false)
	case c.Profiles:
		for _, n := range policy.Names() {
			p, err := policy.Shipped(n)
			if err != nil {
				return err
			}
			fmt.Printf("%-20s %s (from %s)\n", n, p.Reading, p.Effective)
		}
		return nil
	}
	return printResult(disclosure.Rules(), false)
}

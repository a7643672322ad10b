package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
)

type countsCmd struct {
	online
	Dataset string   `arg:"" help:"The dataset's short name or identifier."`
	Number  int      `arg:"" help:"The version's number."`
	Approve []string `help:"Approve exactly the counts with these hashes, one for each table as they were printed." placeholder:"TABLE=SHA256"`
}

// Run prints what the disclosure rules left of a version's counts, or approves
// them: then the synthetic version is made of them and of nothing else.
func (c countsCmd) Run(ctx context.Context) error {
	k, d, err := c.dataset(ctx, c.Dataset)
	if err != nil {
		return err
	}
	path := "/datasets/" + d.ID + "/versions/" + strconv.Itoa(c.Number) + "/counts"
	if len(c.Approve) > 0 {
		hashes, err := pairs(c.Approve)
		if err != nil {
			return err
		}
		var s catalogue.Synthesis
		if err := k.Post(ctx, path, map[string]any{"hashes": hashes}, &s); err != nil {
			return err
		}
		return c.print(s, "the counts of %s, version %d, are approved; its synthetic version is being made", d.Slug, c.Number)
	}
	var out struct {
		Synthesis *catalogue.Synthesis `json:"synthesis,omitempty"`
		Tables    []struct {
			Table     string               `json:"table"`
			Hash      string               `json:"hash"`
			Profile   string               `json:"profile"`
			Variables []catalogue.Withheld `json:"variables"`
		} `json:"tables"`
	}
	if err := k.Get(ctx, path, &out); err != nil {
		return err
	}
	if c.JSON {
		return printResult(out, false)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, t := range out.Tables {
		fmt.Fprintf(w, "%s=%s\tprofile %s\n", t.Table, t.Hash, t.Profile)
		for _, v := range t.Variables {
			fmt.Fprintf(w, "  %s\t%d values shown\t%d of too few people\n", v.Variable, v.Shown, v.Few)
		}
	}
	if s := out.Synthesis; s != nil {
		fmt.Fprintf(w, "approved %s: %s\n", s.Approval.At.Format("2006-01-02"), s.State)
	}
	return w.Flush()
}

// pairs reads name=value arguments.
func pairs(args []string) (map[string]string, error) {
	out := map[string]string{}
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if !ok || name == "" || value == "" {
			return nil, ark.Faultf(ark.Invalid, "an approval is written TABLE=SHA256").Do("copy the lines that the command prints without --approve")
		}
		out[name] = value
	}
	return out, nil
}

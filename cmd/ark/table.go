package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"os"

	"github.com/ark-tre/ark/airlock/rederive"
	"github.com/ark-tre/ark/pkg/ark"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// specSuffix ends the name of a specification: that of table.csv is
// table.csv.ark.json.
const specSuffix = ".ark.json"

// tableCmd makes an output from its specification.
type tableCmd struct {
	Spec      string `arg:"" help:"The specification, a JSON file."`
	Microdata string `help:"The microdata, CSV or Parquet, or a folder of tables; in a workspace the extract."`
	Out       string `help:"Where to write the table; its specification is written beside it. Without it the table is printed."`
	Profile   string `help:"Withhold small counts and round as this profile asks; without it the table is exact."`
}

// Run makes the table.
func (c tableCmd) Run(ctx context.Context) error {
	if c.Microdata == "" {
		c.Microdata = extractFolder
	}
	o, err := howMade{Spec: c.Spec, Microdata: c.Microdata}.output(ctx, "")
	if err != nil {
		return err
	}
	var p policy.Profile
	if c.Profile != "" {
		if p, err = policy.Open(c.Profile); err != nil {
			return err
		}
	}
	var out bytes.Buffer
	if err := rederive.Write(&out, o, p, c.Profile != ""); err != nil {
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

// recordsCmd prints the records of a query, for tools without DuckDB.
type recordsCmd struct {
	Query     string `arg:"" help:"One SELECT over the tables."`
	Microdata string `help:"The folder of Parquet tables; in a workspace the extract."`
}

// Run asks the query engine and prints CSV.
func (c recordsCmd) Run(ctx context.Context) error {
	if c.Microdata == "" {
		c.Microdata = extractFolder
	}
	r, err := queryTables(ctx, c.Microdata, c.Query)
	if err != nil {
		return err
	}
	if r.Truncated {
		return ark.Faultf(ark.TooMuch, "the query gives more than %d records", len(r.Rows)).Do("ask for less at a time")
	}
	w := csv.NewWriter(os.Stdout)
	var line []string
	for _, col := range r.Columns {
		line = append(line, col.Name)
	}
	if err := w.Write(line); err != nil {
		return err
	}
	for _, row := range r.Rows {
		line = line[:0]
		for _, v := range row {
			if v.IsNull() {
				line = append(line, "")
			} else {
				line = append(line, v.Text())
			}
		}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

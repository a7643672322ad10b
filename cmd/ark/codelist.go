package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
)

type codelistCmd struct {
	Add    codelistAddCmd    `cmd:"" help:"Add a code list, or its next version, from CSV with the columns code and term."`
	List   codelistListCmd   `cmd:"" help:"List every version of every code list."`
	Export codelistExportCmd `cmd:"" help:"Print a version as CSV, or as a part of a filter."`
}

type codelistAddCmd struct {
	online
	Name   string `arg:"" help:"Its name: lower-case letters, digits and hyphens."`
	System string `arg:"" help:"snomed, icd10, dmd, loinc or other." enum:"snomed,icd10,dmd,loinc,other"`
	File   string `arg:"" help:"CSV with the columns code and term." type:"existingfile"`
	Title  string `required:"" help:"What it is."`
	Source string `help:"Where it comes from, and under which licence."`
}

// Run adds a list.
func (c codelistAddCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	text, err := readText(c.File)
	if err != nil {
		return err
	}
	if _, err := catalogue.ReadCodes(c.System, strings.NewReader(string(text))); err != nil {
		return err
	}
	var l catalogue.CodeList
	if err := k.Post(ctx, "/code-lists", map[string]string{"name": c.Name, "system": c.System, "title": c.Title, "origin": c.Source, "csv": string(text)}, &l); err != nil {
		return err
	}
	return c.print(l, "%s: %d codes", l.Ref(), l.Size)
}

type codelistListCmd struct{ online }

// Run lists the lists.
func (c codelistListCmd) Run(ctx context.Context) error {
	return list(ctx, c.online, "/code-lists", "", func(l catalogue.CodeList) string {
		return fmt.Sprintf("%s\t%s\t%d codes\t%s", l.Ref(), l.System, l.Size, l.Title)
	})
}

type codelistExportCmd struct {
	online
	Ref string `arg:"" help:"The version, as name@version."`
	As  string `help:"csv, or filter: the codes as they stand in a filter or an output's specification." enum:"csv,filter" default:"csv"`
}

// Run prints a version.
func (c codelistExportCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	var l catalogue.CodeList
	if err := k.Get(ctx, "/code-lists/"+c.Ref, &l); err != nil {
		return err
	}
	switch {
	case c.JSON:
		return printResult(l, false)
	case c.As == "csv":
		return l.WriteCSV(os.Stdout)
	case len(l.Codes) == 0:
		return ark.Faultf(ark.Invalid, "the list has no code")
	}
	codes := make([]string, len(l.Codes))
	for i, x := range l.Codes {
		codes[i] = "'" + strings.ReplaceAll(x.Code, "'", "''") + "'"
	}
	fmt.Printf("IN (%s)\n", strings.Join(codes, ", "))
	return nil
}

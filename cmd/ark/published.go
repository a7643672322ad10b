package main

import (
	"context"
	"fmt"

	"github.com/ark-tre/ark/airlock"
)

type publishedCmd struct {
	Add      publishedAddCmd      `cmd:"" help:"Add a published table; status 1 when its file could not be taken."`
	List     publishedListCmd     `cmd:"" help:"List the published tables."`
	Show     publishedShowCmd     `cmd:"" help:"Show a published table."`
	Withdraw publishedWithdrawCmd `cmd:"" help:"Ask that a table be taken back that was added by mistake, or agree as the second output checker."`
}

type publishedAddCmd struct {
	online
	waiting
	File       string `arg:"" help:"The table: CSV, TSV, XLSX or ODS with a heading." type:"existingfile"`
	Title      string `required:"" help:"What it shows."`
	Cited      string `required:"" help:"Where it was published: a citation or an address."`
	On         string `required:"" help:"The day, as 2026-03-31."`
	Dataset    string `required:"" help:"The dataset that it is about."`
	Unit       string `required:"" help:"What a figure counts: people, admissions, euros."`
	Population string `required:"" help:"Who is counted: the population, the period, what was left out."`
}

// Run adds a table and waits until its figures are kept.
func (c publishedAddCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	var x airlock.PublishedTable
	fields := map[string]string{"title": c.Title, "cited": c.Cited, "on": c.On, "dataset": c.Dataset, "unit": c.Unit, "population": c.Population}
	if err := k.UploadForm(ctx, "/published", fields, []string{c.File}, &x); err != nil {
		return err
	}
	if err := k.Until(ctx, c.Wait, "the table to be looked into", "/published/"+x.ID, &x, func() (bool, error) { return x.State != "checking", nil }); err != nil {
		return err
	}
	if c.JSON {
		return printResult(x, x.State == "refused")
	}
	printPublished(x)
	if x.State == "refused" {
		return errFound
	}
	return nil
}

func printPublished(x airlock.PublishedTable) {
	fmt.Printf("published table %s: %s, %q\n%s, %s\n%d figures; counts %s: %s\n", x.ID, x.State, x.Title, x.Cited, x.On, x.Figures, x.Unit, x.Population)
	if x.Says != "" {
		fmt.Println(x.Says)
	}
}

type publishedListCmd struct{ online }

// Run lists the published tables.
func (c publishedListCmd) Run(ctx context.Context) error {
	return list(ctx, c.online, "/published", "no table has been added", func(x airlock.PublishedTable) string {
		return fmt.Sprintf("%s\t%s\t%s\t%d figures\t%q\t%q", x.ID, x.State, x.On, x.Figures, x.Title, x.Cited)
	})
}

// onPublished names the published table that a command is about.
type onPublished struct {
	online
	Table string `arg:"" help:"The table's identifier."`
}

type publishedShowCmd struct{ onPublished }

// Run shows a published table.
func (c publishedShowCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	var x airlock.PublishedTable
	if err := k.Get(ctx, "/published/"+c.Table, &x); err != nil {
		return err
	}
	if c.JSON {
		return printResult(x, false)
	}
	printPublished(x)
	return nil
}

type publishedWithdrawCmd struct {
	onPublished
	Reason string `help:"Why it was a mistake; the second who agrees need not say."`
}

// Run takes a table back.
func (c publishedWithdrawCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	if err := k.Post(ctx, "/published/"+c.Table+"/withdraw", map[string]string{"reason": c.Reason}, nil); err != nil {
		return err
	}
	return c.print(map[string]string{"published": c.Table, "did": "withdraw"}, "published table %s: recorded; it is taken back when two output checkers agree", c.Table)
}

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/client"
)

type datasetCmd struct {
	Offer datasetOfferCmd `cmd:"" help:"Offer a dataset, or change its definition."`
}

type datasetOfferCmd struct {
	online
	File string `arg:"" help:"The dataset's definition (YAML)." type:"existingfile"`
}

// Run offers a dataset.
func (c datasetOfferCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	text, err := readText(c.File)
	if err != nil {
		return err
	}
	var d catalogue.Dataset
	if err := k.Post(ctx, "/datasets", map[string]string{"definition": string(text)}, &d); err != nil {
		return err
	}
	return c.print(d, "dataset %s (%s), %d tables", d.Slug, d.ID, len(d.Tables))
}

// dataset finds a dataset by its short name or identifier.
func dataset(ctx context.Context, k *client.Client, name string) (catalogue.Dataset, error) {
	return named(ctx, k, "/datasets", "dataset", name, func(d catalogue.Dataset) (string, string) { return d.ID, d.Slug })
}

// dataset is the client, and the dataset that a command names.
func (o online) dataset(ctx context.Context, name string) (*client.Client, catalogue.Dataset, error) {
	k, err := o.client()
	if err != nil {
		return nil, catalogue.Dataset{}, err
	}
	d, err := dataset(ctx, k, name)
	return k, d, err
}

type publishCmd struct {
	online
	waiting
	Dataset string `arg:"" help:"The dataset's short name or identifier."`
}

// published is a version as everyone may know it.
type published struct {
	ID      string            `json:"id"`
	Number  int               `json:"number"`
	Edition string            `json:"edition,omitempty"`
	State   string            `json:"state"`
	Says    string            `json:"says,omitempty"`
	People  string            `json:"people,omitempty"`
	Rows    map[string]string `json:"rows,omitempty"`
	Hash    string            `json:"hash,omitempty"`
}

// Run publishes the dataset's next version and waits for it.
func (c publishCmd) Run(ctx context.Context) error {
	k, d, err := c.dataset(ctx, c.Dataset)
	if err != nil {
		return err
	}
	path := "/datasets/" + d.ID + "/versions"
	var v published
	if err := k.Post(ctx, path, nil, &v); err != nil {
		return err
	}
	v, err = until(ctx, k, c.Wait, "the version", path, func(x published) bool {
		return x.ID == v.ID && (x.State == "published" || x.State == "failed")
	})
	if err != nil {
		return err
	}
	if v.State == "failed" {
		return ark.Faultf(ark.Conflict, "the version failed: %s", v.Says)
	}
	return c.print(v, "%s version %d is published: %s people, manifest %s", d.Slug, v.Number, v.People, v.Hash)
}

type catalogueCmd struct {
	online
	Dataset string `arg:"" optional:"" help:"The short name or identifier of one dataset; without it, all are listed."`
}

// Run lists the datasets, or prints the dictionary of one.
func (c catalogueCmd) Run(ctx context.Context) error {
	if c.Dataset != "" {
		k, err := c.client()
		if err != nil {
			return err
		}
		return c.one(ctx, k)
	}
	return list(ctx, c.online, "/datasets", "", func(d catalogue.Dataset) string {
		state := "published"
		if d.Latest == "" {
			state = "not published yet"
		}
		return fmt.Sprintf("%s\t%s\t%d tables\t%s", d.Slug, d.Title, len(d.Tables), state)
	})
}

func (c catalogueCmd) one(ctx context.Context, k *client.Client) error {
	d, err := dataset(ctx, k, c.Dataset)
	if err != nil {
		return err
	}
	if c.JSON {
		return printResult(d, false)
	}
	fmt.Printf("%s: %s\n%s\n", d.Slug, d.Title, strings.TrimSpace(d.Summary))
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, t := range d.Tables {
		for _, v := range t.Variables {
			fmt.Fprintf(w, "%s.%s\t%s\t%s\t%s\n", t.Name, v.Name, v.Type, v.Sensitivity, v.Meaning)
		}
	}
	return w.Flush()
}

type feasibilityCmd struct {
	online
	waiting
	Dataset string   `arg:"" help:"The dataset's short name or identifier."`
	Filters []string `arg:"" name:"filter" optional:"" sep:"none" help:"Rows of a table, as TABLE=FILTER; one on person bounds every table."`
}

// Run asks how many people filters would reach; the answer is rounded, and the
// question is recorded.
func (c feasibilityCmd) Run(ctx context.Context) error {
	filters := map[string]string{}
	for _, f := range c.Filters {
		table, text, ok := strings.Cut(f, "=")
		if _, twice := filters[table]; !ok || table == "" || twice {
			return ark.Faultf(ark.Invalid, "the filters are not one TABLE=FILTER for each table").Do(`write them like "person=year_of_birth <= 2006"`)
		}
		filters[table] = text
	}
	k, d, err := c.dataset(ctx, c.Dataset)
	if err != nil {
		return err
	}
	path := "/datasets/" + d.ID + "/feasibility"
	var f catalogue.Feasibility
	if err := k.Post(ctx, path, map[string]any{"filters": filters}, &f); err != nil {
		return err
	}
	if err := k.Until(ctx, c.Wait, "the answer", path+"/"+f.ID, &f, func() (bool, error) { return f.State != "asked", nil }); err != nil {
		return err
	}
	if f.State == "failed" {
		return ark.Faultf(ark.Conflict, "the question could not be answered: %s", f.Says)
	}
	return c.print(f, "%s people", f.People)
}

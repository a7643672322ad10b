package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/ark-tre/ark/pkg/catalogue"
)

type versionsCmd struct {
	online
	Dataset string `arg:"" help:"The dataset's short name or identifier."`
	Number  int    `arg:"" optional:"" help:"One version: what it was made from, and what changed since the one before. Without it, all are listed."`
}

// detail is a version as the API describes it.
type detail struct {
	published
	Lineage catalogue.Lineage  `json:"lineage"`
	Changes *catalogue.Changes `json:"changes,omitempty"`
}

// Run lists a dataset's versions, or shows one.
func (c versionsCmd) Run(ctx context.Context) error {
	k, d, err := c.dataset(ctx, c.Dataset)
	if err != nil {
		return err
	}
	path := "/datasets/" + d.ID + "/versions"
	if c.Number == 0 {
		return list(ctx, c.online, path, "", func(v published) string {
			return fmt.Sprintf("%d\t%s\t%s people\t%s", v.Number, v.State, v.People, v.Hash)
		})
	}
	var v detail
	if err := k.Get(ctx, path+"/"+strconv.Itoa(c.Number), &v); err != nil {
		return err
	}
	if c.JSON {
		return printResult(v, false)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s version %d\t%s\t%s people\tlinkage %d\n", d.Slug, v.Number, v.State, v.People, v.Lineage.Linkage)
	for _, x := range v.Lineage.Deliveries {
		fmt.Fprintf(w, "from\t%s\t%s\t%s\n", x.Source, x.Name, x.Received.Format("2006-01-02"))
	}
	if v.Changes != nil {
		for _, x := range v.Changes.Variables {
			fmt.Fprintf(w, "changed\t%s\n", x)
		}
		for _, x := range v.Changes.Counts {
			fmt.Fprintf(w, "changed\t%s\t%s\t%s\n", x.What, x.Before, x.After)
		}
	}
	return w.Flush()
}

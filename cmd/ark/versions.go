package main

import (
	"context"
	"encoding/json"
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

	Hold        string `enum:",litigation,inquiry,complaint,audit" default:"" help:"Keep it from being destroyed: litigation, inquiry, complaint or audit." xor:"end"`
	Unhold      bool   `help:"Lift its hold." xor:"end"`
	Destroy     bool   `help:"Order that it be destroyed, its retention being over; another custodian confirms." xor:"end"`
	Confirm     bool   `help:"Confirm another's order: its key is destroyed." xor:"end"`
	Certificate bool   `help:"Print the signed certificate of its destruction." xor:"end"`
}

// detail is a version as the API describes it.
type detail struct {
	published
	Lineage catalogue.Lineage  `json:"lineage"`
	Changes *catalogue.Changes `json:"changes,omitempty"`
	Ending  ending             `json:"ending"`
}

// ending is how long a version is kept and what became of its end.
type ending struct {
	State       string           `json:"state"`
	Kept        string           `json:"kept,omitempty"`
	Holds       []catalogue.Hold `json:"holds,omitempty"`
	Ordered     string           `json:"ordered,omitempty"`
	Confirmed   string           `json:"confirmed,omitempty"`
	Certificate string           `json:"certificate,omitempty"`
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
			return fmt.Sprintf("%d\t%s\t%s\t%s people\t%s", v.Number, v.Edition, v.State, v.People, v.Hash)
		})
	}
	at := path + "/" + strconv.Itoa(c.Number)
	var v detail
	if err := k.Get(ctx, at, &v); err != nil {
		return err
	}
	if c.Certificate {
		var signed json.RawMessage
		if err := k.Get(ctx, at+"/certificate", &signed); err != nil {
			return err
		}
		return printResult(signed, false)
	}
	if step, body := c.step(); step != "" {
		var e ending
		if err := k.Post(ctx, "/versions/"+v.ID+"/"+step, body, &e); err != nil {
			return err
		}
		return c.print(e, "%s version %d: %s", d.Slug, v.Number, map[string]string{"hold": "on hold", "unhold": "no longer on hold", "destroy": "to be destroyed when another custodian confirms", "confirm": "being destroyed"}[step])
	}
	if c.JSON {
		return printResult(v, false)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s version %d\tedition %s\t%s\t%s people\tlinkage %d\n", d.Slug, v.Number, v.Edition, v.State, v.People, v.Lineage.Linkage)
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
	if v.Ending.Kept != "" {
		fmt.Fprintf(w, "kept\t%s\n", v.Ending.Kept)
	}
	return w.Flush()
}

// step is the step of the version's end that was asked for, if any.
func (c versionsCmd) step() (name string, body any) {
	switch {
	case c.Hold != "":
		return "hold", map[string]string{"reason": c.Hold}
	case c.Unhold:
		return "unhold", nil
	case c.Destroy:
		return "destroy", nil
	case c.Confirm:
		return "confirm", nil
	}
	return "", nil
}

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
)

type deliverCmd struct {
	online
	waiting
	Source string `arg:"" help:"The source's short name or identifier."`
	Name   string `arg:"" help:"The delivery's name; manifest.json says the same."`
	Dir    string `arg:"" help:"A folder with manifest.json and the files it names." type:"existingdir"`
	Resume bool   `help:"Send the files in parts, so that a delivery that breaks off goes on where it was when it is sent again; what does not get through is tried again for the time of --wait."`
}

// Run delivers a folder and waits until it is taken in; a blocked delivery
// makes the exit status 1.
func (c deliverCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	s, err := named(ctx, k, "/sources", "source", c.Source, func(s catalogue.Source) (string, string) { return s.ID, s.Slug })
	if err != nil {
		return err
	}
	k.HTTP.Timeout = 0 // a feed may be large; ctx ends it
	path := "/sources/" + s.ID + "/deliveries"
	var d catalogue.Delivery
	if c.Resume {
		err = inParts{client: k, source: s.ID, dir: c.Dir, patience: c.Wait, pause: 2 * time.Second, progress: os.Stderr}.send(ctx, &d)
	} else {
		err = k.Upload(ctx, path, c.Name, c.Dir, &d)
	}
	if err != nil {
		return err
	}
	k.HTTP.Timeout = time.Minute
	d, err = until(ctx, k, c.Wait, "the delivery to be taken in", path, func(x catalogue.Delivery) bool {
		return x.ID == d.ID && (x.State == "accepted" || x.State == "blocked")
	})
	if err != nil {
		return err
	}
	n := d.Counts
	line := fmt.Sprintf("accepted: %d rows read, %d accepted, %d quarantined, %d duplicates, %d superseded", n.Read, n.Accepted, n.Quarantined, n.Duplicates, n.Superseded)
	if d.State == "blocked" {
		line = "blocked: " + d.Says
	}
	if err := c.print(d, "%s", line); err != nil {
		return err
	}
	if d.State == "blocked" {
		return errFound
	}
	return nil
}

type recallCmd struct {
	online
	Source   string `arg:"" help:"The source's short name or identifier."`
	Delivery string `arg:"" help:"The delivery's name or identifier."`
	Reason   string `required:"" help:"court-order, misdelivery, wrong-link, wrong-data or consent-withdrawn." enum:"court-order,misdelivery,wrong-link,wrong-data,consent-withdrawn"`
	Days     int    `help:"Within which frozen extracts have to be cut anew." default:"14"`
}

// Run takes a delivery back and says what followed.
func (c recallCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	s, err := named(ctx, k, "/sources", "source", c.Source, func(s catalogue.Source) (string, string) { return s.ID, s.Slug })
	if err != nil {
		return err
	}
	d, err := named(ctx, k, "/sources/"+s.ID+"/deliveries", "delivery", c.Delivery, func(d catalogue.Delivery) (string, string) { return d.ID, d.Name })
	if err != nil {
		return err
	}
	var rec catalogue.Recall
	if err := k.Post(ctx, "/deliveries/"+d.ID+"/recall", map[string]any{"reason": c.Reason, "days": c.Days}, &rec); err != nil {
		return err
	}
	return c.print(rec, "took %s back: %d versions withdrawn, %d extracts frozen, to be cut anew by %s; link and publish again", d.Name, len(rec.Versions), len(rec.Frozen), rec.Due.Format("2006-01-02"))
}

type listCmd struct {
	online
	Kind string `arg:"" help:"objections, optouts, or checked: the answer of the national check." enum:"objections,optouts,checked"`
	File string `arg:"" help:"One NHS number a line, in the format of the national check." type:"existingfile"`
}

// Run sends a list of people who objected or opted out.
func (c listCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	k.HTTP.Timeout = 0
	if err := k.PostFile(ctx, "/lists/"+c.Kind, c.File); err != nil {
		return err
	}
	return c.print(map[string]string{"list": c.Kind, "state": "received"}, "received the list of %s", c.Kind)
}

type sourceCmd struct {
	Add sourceAddCmd `cmd:"" help:"Register a source, or change its contract."`
}

type sourceAddCmd struct {
	online
	Slug     string `arg:"" help:"The source's short name."`
	Org      string `arg:"" help:"The short name or identifier of its organisation."`
	Contract string `arg:"" help:"The contract (YAML)." type:"existingfile"`
	Title    string `help:"What the source is called."`
}

// Run registers a source with its contract.
func (c sourceAddCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	contract, err := readText(c.Contract)
	if err != nil {
		return err
	}
	org, err := named(ctx, k, "/organisations", "organisation", c.Org, func(o governance.Organisation) (string, string) { return o.ID, o.Slug })
	if err != nil {
		return err
	}
	var s catalogue.Source
	in := map[string]string{"slug": c.Slug, "org": org.ID, "title": c.Title, "contract": string(contract)}
	if err := k.Post(ctx, "/sources", in, &s); err != nil {
		return err
	}
	return c.print(s, "source %s (%s), by the contract in %s", s.Slug, s.ID, filepath.Base(c.Contract))
}

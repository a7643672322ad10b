package instance

import (
	"context"
	"encoding/json"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
)

// Standing outputs are where three rooms meet: a published version starts the
// runs, an extract is cut for each, and the airlock makes the output from it.

// versionPublished starts the runs of standing outputs inside the change that
// publishes a version.
func (c *Control) versionPublished(ctx context.Context, tx *store.Tx, version string) ([]store.Event, error) {
	v, err := catalogue.GetVersion(ctx, tx, version)
	if err != nil || v.State != "published" {
		return nil, err
	}
	p := airlock.Published{Dataset: v.Dataset, Version: v.ID, Number: v.Number}
	for _, id := range v.Deliveries {
		d, err := catalogue.GetDelivery(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if d.Received.After(p.Received) {
			p.Received = d.Received
		}
	}
	return c.Airlock.VersionPublished(ctx, tx, p)
}

// extractCut records an extract and, where it was cut for a run of a standing
// output, goes on with that.
func (c *Control) extractCut(ctx context.Context, tx *store.Tx, extract string, res workspace.CutResult) ([]store.Event, error) {
	events, err := c.Workspaces.ApplyCut(ctx, tx, extract, res)
	if err != nil {
		return nil, err
	}
	e, err := workspace.GetExtract(ctx, tx, extract)
	if err != nil || e.Run == "" {
		return events, err
	}
	more, err := c.Airlock.ExtractCut(ctx, tx, e.Run, e.State == "ready", e.Says)
	return append(events, more...), err
}

func (c *Control) made(ctx context.Context, tx *store.Tx, j store.Job, res airlock.MakeResult) ([]store.Event, error) {
	var in airlock.MakeJob
	if err := json.Unmarshal(j.Input, &in); err != nil {
		return nil, err
	}
	return c.Airlock.ApplyMake(ctx, tx, in, res)
}

// standingOf is the standing output that a job of making one is about.
func standingOf(j store.Job) store.Resource {
	var in airlock.MakeJob
	if json.Unmarshal(j.Input, &in) != nil {
		return store.Resource{Type: "Standing"} // an id that nothing has, which the door refuses
	}
	return store.Resource{Type: "Standing", ID: in.Standing}
}

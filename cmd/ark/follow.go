package main

import (
	"context"

	"github.com/ark-tre/ark/pkg/ark"
)

type followCmd struct {
	online
	Project string `arg:"" help:"The project's identifier."`
	Dataset string `arg:"" help:"The dataset's short name."`
	Pause   bool   `help:"Pause it." xor:"halt"`
	Stop    bool   `help:"Stop it." xor:"halt"`
}

// Run has a project take newer versions of a dataset from now on, or ends that.
func (c followCmd) Run(ctx context.Context) error {
	k, d, err := c.dataset(ctx, c.Dataset)
	if err != nil {
		return err
	}
	path := "/projects/" + c.Project + "/subscriptions"
	if !c.Pause && !c.Stop {
		if err := k.Post(ctx, path, map[string]string{"dataset": d.ID}, nil); err != nil {
			return err
		}
		return c.print(map[string]string{"project": c.Project, "dataset": d.ID, "state": "following"}, "project %s takes newer versions of %s", c.Project, c.Dataset)
	}
	to, state := "/stop", "stopped"
	if c.Pause {
		to, state = "/pause", "paused"
	}
	subs, err := all[struct{ ID, Dataset string }](ctx, k, path)
	if err != nil {
		return err
	}
	for _, s := range subs {
		if s.Dataset != d.ID {
			continue
		}
		if err := k.Post(ctx, path+"/"+s.ID+to, nil, nil); err != nil {
			return err
		}
		return c.print(map[string]string{"project": c.Project, "dataset": d.ID, "state": state}, "%s for project %s: %s", c.Dataset, c.Project, state)
	}
	return ark.Faultf(ark.Unknown, "this project does not follow %s", c.Dataset).Do("see ark project")
}

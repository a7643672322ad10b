package main

import (
	"context"
	"fmt"

	"github.com/ark-tre/ark/pkg/catalogue"
)

type namesCmd struct {
	Rotate namesRotateCmd `cmd:"" help:"Change the key that names people: versions built from then on are named under the new one."`
	List   namesListCmd   `cmd:"" help:"List the key's versions, but for the first."`
}

type namesRotateCmd struct {
	online
	Reason string `arg:"" help:"scheduled, exposed or left." enum:"scheduled,exposed,left"`
}

// Run has the key changed.
func (c namesRotateCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	var n catalogue.NameKey
	if err := k.Post(ctx, "/name-keys", map[string]string{"reason": c.Reason}, &n); err != nil {
		return err
	}
	return c.print(n, "Key %d is being made. Publish each dataset again, so that it is named under it.", n.Number)
}

type namesListCmd struct{ online }

// Run lists the versions.
func (c namesListCmd) Run(ctx context.Context) error {
	return list(ctx, c.online, "/name-keys", "Only the first key is there.", func(k catalogue.NameKey) string {
		return fmt.Sprintf("%d\t%s\t%s\tasked %s", k.Number, k.State, k.Reason, k.Asked.Format("2006-01-02"))
	})
}

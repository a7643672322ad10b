package main

import (
	"context"
	"fmt"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/client"
	"github.com/ark-tre/ark/workspace"
)

type workspaceCmd struct {
	Open  workspaceOpenCmd  `cmd:"" help:"Open your workspace in a project and print a way in, good once and for seconds."`
	Start workspaceStartCmd `cmd:"" help:"Start a workspace with everything kept."`
	Stop  workspaceStopCmd  `cmd:"" help:"Stop a workspace; its files are kept."`
	List  workspaceListCmd  `cmd:"" help:"List your workspaces."`
}

type workspaceOpenCmd struct {
	online
	waiting
	Project string `arg:"" help:"The project's identifier."`
}

// Run opens the workspace, waits until it runs, and prints the address.
func (c workspaceOpenCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	var w workspace.Workspace
	if err := k.Post(ctx, "/projects/"+c.Project+"/workspace", nil, &w); err != nil {
		return err
	}
	if w.State == "stopped" {
		if err := k.Post(ctx, "/workspaces/"+w.ID+"/start", nil, nil); err != nil {
			return err
		}
	}
	if err := running(ctx, k, c.waiting, &w); err != nil {
		return err
	}
	var in struct {
		Address string `json:"address"`
	}
	if err := k.Post(ctx, "/workspaces/"+w.ID+"/enter", nil, &in); err != nil {
		return err
	}
	return c.print(map[string]any{"workspace": w, "address": in.Address}, "workspace %s runs; self-test: %d escape attempts, %d stopped\nopen in a browser, at once: %s", w.ID, w.SelfTest.Attempts, w.SelfTest.Held, in.Address)
}

// running waits until a workspace runs.
func running(ctx context.Context, k *client.Client, c waiting, w *workspace.Workspace) error {
	path := "/workspaces/" + w.ID
	return k.Until(ctx, c.Wait, "the workspace to run", path, w, func() (bool, error) {
		if w.State == "failed" || w.State == "frozen" {
			return false, ark.Faultf(ark.Conflict, "the workspace is %s: %s", w.State, w.Says).Do(w.Remedy)
		}
		return w.State == "running", nil
	})
}

type workspaceStartCmd struct {
	online
	waiting
	ID string `arg:"" help:"The workspace's identifier."`
}

// Run starts a workspace and waits until it runs.
func (c workspaceStartCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	if err := k.Post(ctx, "/workspaces/"+c.ID+"/start", nil, nil); err != nil {
		return err
	}
	w := workspace.Workspace{ID: c.ID}
	if err := running(ctx, k, c.waiting, &w); err != nil {
		return err
	}
	return c.print(w, "workspace %s runs", w.ID)
}

type workspaceStopCmd struct {
	online
	ID string `arg:"" help:"The workspace's identifier."`
}

// Run stops a workspace.
func (c workspaceStopCmd) Run(ctx context.Context) error {
	k, err := c.client()
	if err != nil {
		return err
	}
	if err := k.Post(ctx, "/workspaces/"+c.ID+"/stop", nil, nil); err != nil {
		return err
	}
	return c.print(map[string]string{"workspace": c.ID, "state": "stopping"}, "workspace %s stops; its files are kept", c.ID)
}

type workspaceListCmd struct{ online }

// Run lists the user's workspaces.
func (c workspaceListCmd) Run(ctx context.Context) error {
	return list(ctx, c.online, "/workspaces", "you have no workspace", func(w workspace.Workspace) string {
		return fmt.Sprintf("%s\tproject %s\t%s\t%s", w.ID, w.Project, w.State, w.Says)
	})
}

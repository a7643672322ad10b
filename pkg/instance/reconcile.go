package instance

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/ingress"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue/publish"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/cut"
	"github.com/ark-tre/ark/workspace/enclave"
)

// reconcileEvery is how often what is held against what should be.
const reconcileEvery = time.Second

// reconcile keeps the enclave as the rows say: it freezes who has lapsed, stops
// and destroys what should not run, and takes away what no row knows.
func (c *Control) reconcile(ctx context.Context) error {
	for {
		if err := c.reconcileOnce(ctx); err != nil && ctx.Err() == nil {
			c.Slog.DebugContext(ctx, "workspaces not reconciled", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reconcileEvery):
		}
	}
}

func (c *Control) reconcileOnce(ctx context.Context) error {
	have, err := c.Enclave.List(ctx)
	if err != nil {
		return err // no enclave on this host, or it is starting
	}
	is := map[string]enclave.Info{}
	for _, i := range have {
		is[i.ID] = i
	}
	var rows []workspace.Workspace
	lapsed := map[string]error{}
	err = c.Store.View(ctx, func(q store.Querier) error {
		var err error
		if rows, err = workspace.All(ctx, q); err != nil {
			return err
		}
		for _, w := range rows {
			if w.State == "running" {
				if why := c.Workspaces.Lapsed(ctx, q, w); why != nil {
					lapsed[w.ID] = why
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, w := range rows {
		if err := c.settle(ctx, w, is[w.ID], lapsed[w.ID]); err != nil {
			c.Slog.WarnContext(ctx, "workspace not settled", "workspace", w.ID, "err", err)
		}
		if w.State == "running" && is[w.ID].State == enclave.Running && lapsed[w.ID] == nil {
			if err := c.bringIn(ctx, w.ID); err != nil {
				c.Slog.WarnContext(ctx, "approved input not delivered", "workspace", w.ID, "err", err)
			}
		}
		delete(is, w.ID)
	}
	for id := range is {
		c.Slog.WarnContext(ctx, "a workspace that no row knows is destroyed", "workspace", id)
		if err := c.Enclave.Destroy(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// settle brings one workspace to what its row says.
func (c *Control) settle(ctx context.Context, w workspace.Workspace, is enclave.Info, lapsed error) error {
	part := store.Actor{System: "enclave"}
	switch w.State {
	case "running":
		if lapsed != nil {
			says, remedy := wording(lapsed)
			if err := c.Workspaces.Freeze(ctx, part, w.ID, says, remedy); err != nil {
				return err
			}
			return c.Enclave.Freeze(ctx, w.ID)
		}
		if is.State != enclave.Running {
			return c.Workspaces.Stop(ctx, part, w.ID) // the host was restarted: files are kept
		}
	case "frozen":
		if is.State == enclave.Running {
			return c.Enclave.Freeze(ctx, w.ID)
		}
	case "stopped":
		if is.State == enclave.Running || is.State == enclave.Frozen {
			return c.Enclave.Stop(ctx, w.ID)
		}
	}
	return nil
}

// wording is what the user of a frozen workspace reads.
func wording(err error) (says, remedy string) {
	f, ok := err.(*ark.Fault)
	if !ok {
		return "Your access could not be confirmed.", "Your work is kept. Ask the operator."
	}
	return f.Says, f.Remedy
}

// closeProject destroys a closing project's workspaces and key, and closes it.
func (c *Control) closeProject(ctx context.Context, project string) error {
	var rows []workspace.Workspace
	if err := c.Store.View(ctx, func(q store.Querier) (err error) {
		rows, err = workspace.Of(ctx, q, project)
		return err
	}); err != nil {
		return err
	}
	for _, w := range rows {
		if err := c.Enclave.Destroy(ctx, w.ID); err != nil && !ark.Is(err, ark.Unknown) && !ark.Is(err, ark.Unavailable) {
			return err
		}
		if err := c.Workspaces.Destroyed(ctx, w.ID); err != nil {
			return err
		}
	}
	evidence, err := c.Keys.Destroy(ctx, cut.ProjectKey(project))
	if err != nil && !ark.Is(err, ark.Unknown) && !ark.Is(err, ark.Lapsed) {
		return err
	}
	if err == nil {
		c.Config.destroyCopy(&evidence, c.Slog)
	}
	remains, err := c.remains(ctx, project)
	if err != nil {
		return err
	}
	if err := c.Workspaces.EndAll(ctx, project, "its project has ended"); err != nil {
		return err
	}
	return c.Governance.Closed(ctx, project, map[string]any{"key": evidence, "remains": remains})
}

// shred destroys the key of a version that two people had destroyed. The key
// has been destroyed already when a crash came before it was noted.
func (c *Control) shred(ctx context.Context, version string) error {
	evidence, err := c.Keys.Destroy(ctx, publish.VersionKey(version))
	if err != nil {
		return err
	}
	c.Config.destroyCopy(&evidence, c.Slog)
	return c.Catalogue.Shredded(ctx, version, evidence)
}

// remains is what a closed project leaves behind, for its evidence of deletion.
func (c *Control) remains(ctx context.Context, project string) (out []airlock.Remains, err error) {
	err = c.Store.View(ctx, func(q store.Querier) error {
		out, err = airlock.RemainsOf(ctx, q, project)
		return err
	})
	return out, err
}

// bringIn puts what was approved into the inbox of a workspace that runs.
func (c *Control) bringIn(ctx context.Context, workspace string) error {
	_, err := c.Ingress.Deliver(ctx, workspace, func(ctx context.Context, f ingress.File) error {
		body, err := openers{c.Config}.open(ctx, f.Ref)
		if err != nil {
			return err
		}
		defer body.Close()
		r := &heard{Reader: body}
		if err := c.Enclave.PutInbox(ctx, workspace, f.Name, r); err != nil {
			return errors.Join(err, r.err)
		}
		return nil
	})
	return err
}

// heard is a reader that remembers why it ended.
type heard struct {
	io.Reader
	err error
}

// Read implements io.Reader.
func (h *heard) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if err != nil && err != io.EOF {
		h.err = err
	}
	return n, err
}

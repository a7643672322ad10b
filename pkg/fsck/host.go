package fsck

import (
	"context"
	"slices"
)

// keys holds the keys of projects against the projects: a key that lives for
// every extract that can be opened, none for a project that is closed, and
// none that no project knows.
func (c *check) keys(ctx context.Context) error {
	if err := c.versionKeys(ctx); err != nil {
		return err
	}
	for id, p := range c.tables["projects"] {
		state, err := c.ProjectKey(ctx, id)
		if err != nil {
			return err
		}
		cut := false
		for _, e := range c.tables["extracts"] {
			cut = cut || e.doc["project"] == id && e.state == "ready"
		}
		switch {
		case p.state == "closed" && state == "live":
			c.find(Key, id, "the project is closed and its key lives")
		case p.state != "closed" && p.state != "closing" && cut && state != "live":
			c.find(Key, id, "the project has an extract and its key is gone")
		}
	}
	if c.ProjectKeys == nil {
		return nil
	}
	all, err := c.ProjectKeys(ctx)
	if err != nil {
		return err
	}
	for _, id := range all {
		if c.tables["projects"][id] == nil {
			c.find(Leftover, id, "a key is there for a project that no row knows")
		}
	}
	return nil
}

// versionKeys holds the keys of versions against the versions: one that lives
// for every version that has its own and was not destroyed, and none besides.
func (c *check) versionKeys(ctx context.Context) error {
	if c.VersionKeys == nil {
		return nil
	}
	all, err := c.VersionKeys(ctx)
	if err != nil {
		return err
	}
	for id, destroyed := range all {
		if v := c.tables["versions"][id]; v == nil {
			c.find(Leftover, id, "a key is there for a version that no row knows")
		} else if destroyed && v.state != "ending" && v.state != "destroyed" {
			c.find(Key, id, "the version is %s and its key is destroyed", v.state)
		} else if !destroyed && v.state == "destroyed" {
			c.find(Key, id, "the version is destroyed and its key lives")
		}
	}
	for id, v := range c.tables["versions"] {
		if _, there := all[id]; v.doc["own_key"] == true && !there {
			c.find(Key, id, "the version is sealed by a key of its own, which is not there")
		}
	}
	return nil
}

// enclave holds what is on the host against the rows of workspaces.
func (c *check) enclave(ctx context.Context) error {
	if c.Enclave == nil {
		return nil
	}
	host, err := c.Enclave(ctx)
	if err != nil {
		return err
	}
	lives := func(id string, states ...string) bool {
		r := c.tables["workspaces"][id]
		return r != nil && slices.Contains(states, r.state)
	}
	moving := []string{"provisioning", "starting"} // a job is at it
	var up []string
	if host.Up {
		up = append(moving, "running", "frozen")
	}
	for _, part := range []struct {
		what   string
		ids    []string
		states []string
	}{
		{"volume", host.Volumes, append(moving, "running", "stopped", "frozen", "failed")},
		{"record of the enclave", host.Records, append(moving, "running", "stopped", "frozen", "failed")},
		{"sandbox", host.Sandboxes, up},
		{"mount", host.Mounts, up},
	} {
		for _, id := range part.ids {
			switch {
			case c.tables["workspaces"][id] == nil:
				c.find(Leftover, id, "a %s is there and no row knows it", part.what)
			case !lives(id, part.states...):
				c.find(Volume, id, "the workspace is %s, and a %s of it is there that should not be", c.tables["workspaces"][id].state, part.what)
			}
		}
	}
	for id, r := range c.tables["workspaces"] {
		if lives(id, "running", "stopped", "frozen") && !slices.Contains(host.Volumes, id) {
			c.find(Volume, id, "the workspace is %s and its volume is not there", r.state)
		}
		if host.Up && lives(id, "running", "frozen") && !slices.Contains(host.Sandboxes, id) {
			c.find(Volume, id, "the workspace is %s and no sandbox is there", r.state)
		}
	}
	return nil
}

package enclave

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/apps"
	"github.com/ark-tre/ark/workspace/volume"
)

// with runs act on the workspace called id, alone.
func (m *Manager) with(id string, act func(*place) error) error {
	p, err := m.find(id)
	if err != nil {
		return err
	}
	p.Lock()
	defer p.Unlock()
	if p.State == "" {
		return ark.Faultf(ark.Unknown, "there is no such workspace")
	}
	return act(p)
}

func in(p *place, states ...State) error {
	if slices.Contains(states, p.State) {
		return nil
	}
	return ark.Faultf(ark.Conflict, "the workspace is %s", p.State)
}

// Start opens the volume with key and starts the apps. A running workspace is
// left as it is; a frozen one has to be resumed.
func (m *Manager) Start(ctx context.Context, id string, key []byte, names []string) error {
	if err := m.Probe(ctx); err != nil {
		return err
	}
	list, err := apps.Named(names...)
	if err != nil {
		return err
	}
	if slices.Contains(names, apps.SQL) && m.config.Engine == "" {
		return ark.Faultf(ark.Unavailable, "the SQL app needs ark-engine, which is not here")
	}
	asked, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return m.with(id, func(p *place) error {
		if p.State == Running {
			return nil
		}
		if err := in(p, Ready); err != nil {
			return err
		}
		if _, err := m.open(ctx, p, key); err != nil {
			return err
		}
		if err := m.runc.Start(ctx, m.spec(p, p.Limits, "init", string(asked))); err != nil {
			return errors.Join(err, m.close(context.WithoutCancel(ctx), p))
		}
		p.State, p.Apps = Running, names
		p.run++
		go m.await(p, p.run)
		return m.save(p)
	})
}

// Freeze stops every process where it is and ends every session at once. What
// was done is kept: in memory for Resume, and the volume is brought to the
// disk. Freezing what doesn't run is fine.
func (m *Manager) Freeze(ctx context.Context, id string) error {
	return m.with(id, func(p *place) error {
		if p.State != Running {
			return nil
		}
		p.conns.closeAll()
		if err := m.runc.Pause(ctx, id); err != nil {
			return err
		}
		p.State = Frozen
		return errors.Join(m.save(p), m.volume(id).Sync())
	})
}

// Resume lets a frozen workspace go on.
func (m *Manager) Resume(ctx context.Context, id string) error {
	return m.with(id, func(p *place) error {
		if p.State == Running {
			return nil
		}
		if err := in(p, Frozen); err != nil {
			return err
		}
		if err := m.runc.Resume(ctx, id); err != nil {
			return err
		}
		p.State = Running
		return m.save(p)
	})
}

// grace is how long a workspace's programs may take to end by themselves.
const grace = 5 * time.Second

// Stop ends everything inside, takes the key out of the kernel and closes the
// volume. Home and outbox are kept.
func (m *Manager) Stop(ctx context.Context, id string) error {
	return m.with(id, func(p *place) error { return m.stop(ctx, p) })
}

func (m *Manager) stop(ctx context.Context, p *place) error {
	p.conns.closeAll()
	patience := grace
	if p.State == Frozen {
		patience = 0
	}
	if err := m.runc.Stop(ctx, p.ID, patience); err != nil {
		return err
	}
	if err := m.close(ctx, p); err != nil {
		return err
	}
	p.Apps = nil
	p.run++
	if p.State == Running || p.State == Frozen {
		p.State = Ready
		return m.save(p)
	}
	return nil
}

// Destroy stops the workspace and removes its volume and record. The bytes are
// gone for good when the key service has destroyed the volume's key as well.
func (m *Manager) Destroy(ctx context.Context, id string) error {
	return m.with(id, func(p *place) error {
		if err := m.stop(ctx, p); err != nil {
			return err
		}
		for _, file := range []string{m.image(id), m.recordFile(id)} {
			if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
				return ark.Faultf(ark.Unavailable, "the workspace's files cannot be removed").Because(err)
			}
		}
		p.State = ""
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.places, id)
		return nil
	})
}

// Status returns what is known of one workspace.
func (m *Manager) Status(id string) (Info, error) {
	var info Info
	err := m.with(id, func(p *place) error {
		info = m.info(p)
		return nil
	})
	return info, err
}

func (m *Manager) info(p *place) Info {
	info := p.Info
	info.AppsUp = map[string]bool{}
	if list, err := apps.Named(p.Apps...); err == nil && p.State == Running {
		for _, app := range list {
			_, err := os.Lstat(filepath.Join(m.runDir(p.ID), app.Socket))
			info.AppsUp[app.Name] = err == nil
		}
	}
	return info
}

// List returns every workspace in id order.
func (m *Manager) List() []Info {
	m.mu.Lock()
	places := make([]*place, 0, len(m.places))
	for _, p := range m.places {
		places = append(places, p)
	}
	m.mu.Unlock()
	var out []Info
	for _, p := range places {
		p.Lock()
		if p.State != "" {
			out = append(out, m.info(p))
		}
		p.Unlock()
	}
	slices.SortFunc(out, func(a, b Info) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return out
}

// Usage measures one workspace.
func (m *Manager) Usage(ctx context.Context, id string) (Usage, error) {
	var u Usage
	err := m.with(id, func(p *place) (err error) {
		if p.State == Running || p.State == Frozen {
			if u.Usage, err = m.runc.Usage(ctx, id); err != nil {
				return err
			}
		}
		if v := m.volume(id); volume.IsMounted(v.Mount) {
			u.DiskBytes, u.DiskSize, err = v.Used()
		}
		return err
	})
	return u, err
}

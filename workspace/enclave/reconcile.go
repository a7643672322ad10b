package enclave

import (
	"context"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/workspace/runtime"
	"github.com/ark-tre/ark/workspace/volume"
)

// reconcile makes the host agree with the records after a restart. A sandbox
// whose record says it runs (or is frozen) is taken back as it is; every other
// sandbox, mount and folder is removed. What can't be brought into agreement
// is logged and stays refused; it does not keep the others away.
func (m *Manager) reconcile(ctx context.Context) error {
	sandboxes, err := m.runc.List(ctx)
	if err != nil {
		return err
	}
	found := map[string]runtime.Status{}
	for _, s := range sandboxes {
		found[s.ID] = s.Status
	}
	for id := range found {
		if p := m.places[id]; p == nil || (p.State != Running && p.State != Frozen) {
			m.config.Log.Info("removing a stray sandbox", "workspace", id)
			if err := m.runc.Delete(ctx, id); err != nil {
				m.config.Log.Error("a stray sandbox stays", "workspace", id, "error", err)
				continue
			}
			delete(found, id)
		}
	}
	for _, p := range m.places {
		if err := m.reattach(ctx, p, found[p.ID]); err != nil {
			m.config.Log.Error("a workspace could not be taken back", "workspace", p.ID, "error", err)
		}
	}
	return m.sweep(found)
}

// reattach brings one record and its sandbox into agreement.
func (m *Manager) reattach(ctx context.Context, p *place, is runtime.Status) error {
	p.Lock()
	defer p.Unlock()
	switch {
	case is == runtime.Running && p.State == Frozen: // the crash came between record and act: the stricter state holds
		go m.await(p, p.run)
		return m.runc.Pause(ctx, p.ID)
	case is == runtime.Running && p.State == Running:
		go m.await(p, p.run)
		return nil
	case is == runtime.Paused:
		go m.await(p, p.run)
		p.State = Frozen
		return m.save(p)
	}
	m.config.Log.Info("closing a workspace that ended without the daemon", "workspace", p.ID)
	return m.stop(ctx, p)
}

// sweep unmounts and removes the folders of workspaces that have no sandbox.
func (m *Manager) sweep(found map[string]runtime.Status) error {
	folders, err := os.ReadDir(filepath.Join(m.config.Run, "ws"))
	if err != nil {
		return err
	}
	for _, f := range folders {
		if _, lives := found[f.Name()]; lives {
			continue
		}
		dir := filepath.Join(m.config.Run, "ws", f.Name())
		for _, mount := range []string{"volume", "run"} {
			if at := filepath.Join(dir, mount); volume.IsMounted(at) {
				m.config.Log.Info("removing a stray mount", "workspace", f.Name())
				if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
					return err
				}
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// await closes a workspace whose sandbox ends by itself, as when its first
// process is killed. run says which start it belongs to.
func (m *Manager) await(p *place, run int) {
	ctx := context.Background()
	if err := m.runc.Wait(ctx, p.ID); err != nil {
		m.config.Log.Error("a workspace cannot be watched", "workspace", p.ID, "error", err)
		return
	}
	p.Lock()
	defer p.Unlock()
	if p.run != run || (p.State != Running && p.State != Frozen) {
		return // stopped on purpose
	}
	m.config.Log.Warn("a workspace ended by itself", "workspace", p.ID)
	if err := m.stop(ctx, p); err != nil {
		m.config.Log.Error("it could not be closed", "workspace", p.ID, "error", err)
	}
}

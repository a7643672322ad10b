package enclave

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/runtime"
)

// record is what is kept of a workspace on disk: no key, no content.
type record struct {
	Info
	Slot uint32 `json:"slot"` // which id range is its own
}

// IDBase is the host id of the workspace's id 0. Slot 0 is the probe's.
func (r record) idBase() uint32 { return runtime.MinIDBase + (r.Slot+1)*runtime.IDRange }

// owner is the host id of the researcher inside.
func (r record) owner() int { return int(r.idBase()) + researcher }

// researcher is the uid and gid of everything in a workspace, as seen inside.
const researcher = 1000

// place is a record in memory: its lock is held during every act on it.
type place struct {
	sync.Mutex
	record
	conns connections
	run   int // counts starts
}

func (m *Manager) recordFile(id string) string {
	return filepath.Join(m.config.State, "records", id+".json")
}

// save writes the record so that a crash leaves the old one or the new one.
func (m *Manager) save(p *place) error {
	p.Since = m.config.Now().UTC()
	data, err := json.MarshalIndent(p.record, "", "  ")
	if err != nil {
		return err
	}
	file := m.recordFile(p.ID)
	f, err := os.OpenFile(file+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the workspace's record cannot be written").Because(err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the workspace's record cannot be written").Because(err)
	}
	return nil
}

// load reads every record; one that can't be read stops the daemon.
func (m *Manager) load() error {
	files, err := filepath.Glob(filepath.Join(m.config.State, "records", "*.json"))
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		p := &place{}
		if err := json.Unmarshal(data, &p.record); err != nil || p.ID+".json" != filepath.Base(file) {
			return ark.Faultf(ark.Unavailable, "the record %s is unreadable", strings.TrimSuffix(filepath.Base(file), ".json")).
				Do("restore it from the backup or remove it together with its volume").Because(err)
		}
		m.places[p.ID] = p
	}
	return nil
}

// add makes the place of a new workspace in the lowest free slot.
func (m *Manager) add(q Request) (*place, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := map[uint32]bool{}
	for _, p := range m.places {
		if p.ID == q.ID {
			if p.Project != q.Project || p.User != q.User {
				return nil, ark.Faultf(ark.Conflict, "the workspace belongs to another project or user")
			}
			return p, nil
		}
		if p.Project == q.Project && p.User == q.User {
			return nil, ark.Faultf(ark.Conflict, "this user has a workspace in this project already")
		}
		taken[p.Slot] = true
	}
	if len(m.places) >= maxWorkspaces {
		return nil, ark.Faultf(ark.TooMuch, "there are %d workspaces on this machine already", maxWorkspaces)
	}
	p := &place{record: record{Info: Info{ID: q.ID, Project: q.Project, User: q.User}}}
	for taken[p.Slot] {
		p.Slot++
	}
	m.places[q.ID] = p
	return p, nil
}

// maxWorkspaces keeps the id ranges below 2^31.
const maxWorkspaces = 4000

func (m *Manager) find(id string) (*place, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.places[id]; p != nil {
		return p, nil
	}
	return nil, ark.Faultf(ark.Unknown, "there is no such workspace")
}

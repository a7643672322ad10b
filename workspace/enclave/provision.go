package enclave

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/apps"
	"github.com/ark-tre/ark/workspace/runtime"
	"github.com/ark-tre/ark/workspace/selftest"
	"github.com/ark-tre/ark/workspace/volume"
)

// Provision makes the workspace's volume (or opens the one it has, keeping its
// home), empties its extract, and runs the self-test in it. The workspace then
// waits for its extract: PutExtract for each file, and Deliver at the end. It
// may be repeated after any failure.
func (m *Manager) Provision(ctx context.Context, q Request) (selftest.Report, error) {
	if err := m.Probe(ctx); err != nil {
		return selftest.Report{}, err
	}
	if err := q.check(); err != nil {
		return selftest.Report{}, err
	}
	p, err := m.add(q)
	if err != nil {
		return selftest.Report{}, err
	}
	p.Lock()
	defer p.Unlock()
	if p.State != "" {
		if err := in(p, Provisioning, Ready); err != nil {
			return selftest.Report{}, err
		}
	}
	report, err := m.provision(ctx, p, q)
	if err != nil {
		return report, errors.Join(err, m.stop(context.WithoutCancel(ctx), p))
	}
	return report, nil
}

func (q Request) check() error {
	l := q.Limits
	switch {
	case !idPattern.MatchString(q.ID) || !idPattern.MatchString(q.Project) || !idPattern.MatchString(q.User):
		return ark.Faultf(ark.Invalid, "workspace, project and user each need an id")
	case len(q.Key) != volume.KeySize:
		return ark.Faultf(ark.Invalid, "a volume's key has %d bytes", volume.KeySize)
	case l.DiskBytes < volume.MinBytes || l.ScratchBytes < 1<<20 || l.MemoryBytes < 64<<20 || l.CPUMillis < 10 || l.Processes < 32:
		return ark.Faultf(ark.Invalid, "a workspace's limits are too small: disk %d MiB, scratch 1 MiB, memory 64 MiB, CPU 10 thousandths and 32 processes are the least", volume.MinBytes>>20)
	}
	return nil
}

// makeImage makes the volume of p unless it has one.
func (m *Manager) makeImage(ctx context.Context, p *place, bytes int64) error {
	info, err := os.Stat(m.image(p.ID))
	if errors.Is(err, os.ErrNotExist) {
		return volume.Create(ctx, m.image(p.ID), bytes)
	}
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the workspace's volume cannot be read").Because(err)
	}
	if info.Size() != bytes {
		return ark.Faultf(ark.Conflict, "the workspace's disk has %d MiB, and its size cannot be changed", info.Size()>>20).
			Do("ask for the same size, or destroy the workspace and make a new one")
	}
	return nil
}

func (m *Manager) provision(ctx context.Context, p *place, q Request) (selftest.Report, error) {
	p.Limits, p.State, p.Extract = q.Limits, Provisioning, nil
	if err := m.save(p); err != nil {
		return selftest.Report{}, err
	}
	if err := m.stop(ctx, p); err != nil { // what a crash left
		return selftest.Report{}, err
	}
	if err := m.makeImage(ctx, p, q.Limits.DiskBytes); err != nil {
		return selftest.Report{}, err
	}
	v, err := m.open(ctx, p, q.Key)
	if err != nil {
		return selftest.Report{}, err
	}
	// An earlier try may have died in the middle of its self-test.
	err = errors.Join(volume.Empty(v.Path(volume.Extract)), volume.Empty(v.Path(volume.Outbox), selftest.PlantPrefix), volume.Empty(v.Path(volume.Home), selftest.FilePrefix))
	if err != nil {
		return selftest.Report{}, err
	}
	report, err := m.selfTest(ctx, p)
	if err != nil {
		return report, err
	}
	if !report.Passed() {
		return report, ark.Faultf(ark.Unavailable, "the workspace failed its self-test: %d of %d attempts were not refused", len(report.Failures()), len(report.Results)).
			Do("an operator has to look at the report before any workspace is given out on this machine")
	}
	p.Checked, p.Tried = m.config.Now().UTC(), len(report.Results)
	return report, m.save(p)
}

// PutExtract writes one file of the extract, in plaintext, into the encrypted
// volume, and returns its SHA-256 in hexadecimal.
func (m *Manager) PutExtract(ctx context.Context, id, name string, r io.Reader) (sum string, err error) {
	err = m.with(id, func(p *place) error {
		if err := in(p, Provisioning); err != nil {
			return err
		}
		if p.Checked.IsZero() || !volume.IsMounted(m.volume(id).Mount) {
			return ark.Faultf(ark.Conflict, "the workspace is not ready for its extract").Do("provision it again")
		}
		h := sha256.New()
		if _, err := volume.Put(m.volume(id).Path(volume.Extract), name, io.TeeReader(ctxReader{ctx, r}, h)); err != nil {
			return err
		}
		sum = hex.EncodeToString(h.Sum(nil))
		p.Extract = append(p.Extract, name)
		return nil
	})
	return sum, err
}

// Deliver ends provisioning: the extract is whole, the volume is closed, and
// the workspace may be started.
func (m *Manager) Deliver(ctx context.Context, id string) error {
	return m.with(id, func(p *place) error {
		if err := in(p, Provisioning); err != nil {
			return err
		}
		if p.Checked.IsZero() || !volume.IsMounted(m.volume(id).Mount) {
			return ark.Faultf(ark.Conflict, "the workspace was not tested since it was last provisioned").Do("provision it again")
		}
		if err := m.close(ctx, p); err != nil {
			return err
		}
		slices.Sort(p.Extract)
		p.State = Ready
		return m.save(p)
	})
}

type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c ctxReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// testLimits are the limits under which the self-test runs: the same mechanism
// as the workspace's, with less to fill.
func testLimits(l Limits) Limits {
	return Limits{
		Limits: runtime.Limits{
			MemoryBytes: min(l.MemoryBytes, 256<<20), CPUMillis: max(l.CPUMillis, 1000), Processes: min(l.Processes, 256),
		},
		DiskBytes: l.DiskBytes, ScratchBytes: min(l.ScratchBytes, 64<<20),
	}
}

// selfTest runs the attempts in a sandbox made exactly as the workspace's, then
// tries the daemon's own reader on what they planted in the outbox.
func (m *Manager) selfTest(ctx context.Context, p *place) (selftest.Report, error) {
	bait, err := selftest.NewBait(m.folder(p.ID), m.config.Socket)
	if err != nil {
		return selftest.Report{}, ark.Faultf(ark.Unavailable, "the self-test could not be set up").Because(err)
	}
	defer bait.Close()
	limits, v := testLimits(p.Limits), m.volume(p.ID)
	target := bait.Target
	target.HostFiles = append(target.HostFiles, m.recordFile(p.ID), m.image(p.ID))
	for _, other := range m.others(p.ID) {
		target.HostFiles = append(target.HostFiles, m.image(other), filepath.Join(m.volume(other).Path(volume.Home), ".ark/jupyter.log"))
		for _, name := range []string{apps.SQL, apps.Jupyter} {
			target.Sockets = append(target.Sockets, filepath.Join(m.runDir(other), name+".sock"))
		}
	}
	target.MemoryBytes, target.Processes = limits.MemoryBytes, limits.Processes
	target.DiskBytes, target.ScratchBytes = limits.DiskBytes, limits.ScratchBytes
	report, err := m.runAttempts(ctx, p, limits, target)
	if err != nil {
		return report, err
	}
	report.Results = append(report.Results, selftest.Planted(v.Path(volume.Outbox))...)
	return report, errors.Join(volume.Empty(v.Path(volume.Outbox), selftest.PlantPrefix), volume.Empty(m.runDir(p.ID)))
}

// others returns the ids of a few other workspaces.
func (m *Manager) others(id string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for other := range m.places {
		if other != id && len(out) < 8 {
			out = append(out, other)
		}
	}
	return out
}

func (m *Manager) runAttempts(ctx context.Context, p *place, limits Limits, target selftest.Target) (selftest.Report, error) {
	args, err := target.Args()
	if err != nil {
		return selftest.Report{}, err
	}
	if err := m.runc.Start(ctx, m.spec(p, limits, args...)); err != nil {
		return selftest.Report{}, err
	}
	defer m.runc.Delete(context.WithoutCancel(ctx), p.ID) //nolint:errcheck // stop, which follows a failure, repeats it
	if err := m.runc.Wait(ctx, p.ID); err != nil {
		return selftest.Report{}, err
	}
	return selftest.ReadReport(filepath.Join(m.runDir(p.ID)))
}

package enclave

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/apps"
	"github.com/ark-tre/ark/workspace/runtime"
	"github.com/ark-tre/ark/workspace/volume"
)

// Config is where things are. All paths are absolute.
type Config struct {
	State  string // kept: records, volumes
	Run    string // lost on reboot: mounts, sockets, the runtime's state; best on /run
	Runc   string // the OCI runtime program
	RootFS string // squashfs image or folder of the workspaces' root
	Self   string // a static executable that answers to init, attempts, attempt and nothing
	Engine string // ark-engine; without it there is no SQL app
	Tools  string // the folder of ark and ark-inspect; without it workspaces have no ark table and no ark check
	Socket string // the daemon's own socket, which the self-test tries to reach
	Log    *slog.Logger
	Now    func() time.Time
}

// Manager does the daemon's work. Its methods are safe for concurrent use; acts
// on one workspace happen one after the other.
type Manager struct {
	config Config
	runc   runtime.Runc
	mu     sync.Mutex
	places map[string]*place

	probeOnce sync.Once
	probeErr  error
}

// Open prepares the folders, reads the records, and brings the host into
// agreement with them: sandboxes that outlived the last daemon are taken back,
// strays of every kind are removed.
func Open(ctx context.Context, c Config) (*Manager, error) {
	m := &Manager{config: c, places: map[string]*place{}, runc: runtime.Runc{Program: c.Runc, State: filepath.Join(c.Run, "runtime")}}
	for dir, mode := range map[string]os.FileMode{
		filepath.Join(c.State, "records"): 0o700, filepath.Join(c.State, "volumes"): 0o700,
		filepath.Join(c.Run, "runtime"): 0o711, filepath.Join(c.Run, "ws"): 0o711, filepath.Join(c.Run, "root"): 0o755,
	} {
		if volume.IsMounted(dir) {
			continue // the root file system, from the daemon before
		}
		if err := errors.Join(os.MkdirAll(dir, mode), os.Chmod(dir, mode)); err != nil {
			return nil, ark.Faultf(ark.Unavailable, "the enclave's folders cannot be made").Because(err)
		}
	}
	if err := m.load(); err != nil {
		return nil, err
	}
	if err := m.Probe(ctx); err != nil {
		c.Log.Warn("this host cannot run workspaces", "reason", err)
		return m, nil
	}
	return m, m.reconcile(ctx)
}

// Probe says whether this host can isolate and encrypt; tried once, when the
// daemon starts. Without it every act that needs a sandbox is refused.
func (m *Manager) Probe(ctx context.Context) error {
	m.probeOnce.Do(func() { m.probeErr = m.probe(ctx) })
	return m.probeErr
}

func (m *Manager) probe(ctx context.Context) error {
	if err := m.mountRoot(); err != nil {
		return err
	}
	if err := m.runc.Probe(ctx, m.config.Self, "nothing"); err != nil {
		return err
	}
	return volume.Probe(ctx, filepath.Join(m.config.State, "volumes"))
}

// mountRoot shows the root file system at Run/root, read-only.
func (m *Manager) mountRoot() error {
	at := filepath.Join(m.config.Run, "root")
	info, err := os.Stat(m.config.RootFS)
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the workspaces' root file system is not there").Do("build it with deploy/rootfs/build.sh").Because(err)
	}
	for volume.IsMounted(at) { // perhaps an older one
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
			return ark.Faultf(ark.Unavailable, "the old root file system cannot be taken away").Because(err)
		}
	}
	if err := volume.MountReadOnly(m.config.RootFS, at, info.IsDir()); err != nil {
		return ark.Faultf(ark.Unavailable, "the workspaces' root file system cannot be mounted").Do("the kernel needs squashfs and loop devices").Because(err)
	}
	return nil
}

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{2,80}$`)

func (m *Manager) image(id string) string {
	return filepath.Join(m.config.State, "volumes", id+".img")
}
func (m *Manager) folder(id string) string { return filepath.Join(m.config.Run, "ws", id) }
func (m *Manager) runDir(id string) string { return filepath.Join(m.folder(id), "run") }
func (m *Manager) volume(id string) volume.Volume {
	return volume.Volume{Image: m.image(id), Mount: filepath.Join(m.folder(id), "volume")}
}

// open opens the volume and the run folder of p.
func (m *Manager) open(ctx context.Context, p *place, key []byte) (volume.Volume, error) {
	if err := os.MkdirAll(m.folder(p.ID), 0o711); err != nil {
		return volume.Volume{}, ark.Faultf(ark.Unavailable, "the workspace's folder cannot be made").Because(err)
	}
	v := m.volume(p.ID)
	if !volume.IsMounted(v.Mount) {
		if _, err := volume.Open(ctx, v.Image, v.Mount, key, p.owner()); err != nil {
			return v, err
		}
	}
	if err := volume.MountRun(m.runDir(p.ID), runBytes, p.owner()); err != nil {
		_ = m.close(context.WithoutCancel(ctx), p)
		return v, ark.Faultf(ark.Unavailable, "the workspace's run folder cannot be made").Because(err)
	}
	return v, nil
}

// runBytes bounds the memory file system that holds an app's sockets.
const runBytes = 4 << 20

// close undoes open. The sandbox must be gone.
func (m *Manager) close(ctx context.Context, p *place) error {
	err := m.volume(p.ID).Close(ctx)
	if dir := m.runDir(p.ID); volume.IsMounted(dir) {
		err = errors.Join(err, unix.Unmount(dir, unix.UMOUNT_NOFOLLOW))
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(m.folder(p.ID))
}

// spec is the sandbox of p running args.
func (m *Manager) spec(p *place, limits Limits, args ...string) runtime.Spec {
	v := m.volume(p.ID)
	mount := func(folder string, writable bool) runtime.Mount {
		return runtime.Mount{Source: v.Path(folder), Target: apps.Top + "/" + folder, Writable: writable, Executable: folder == volume.Home}
	}
	s := runtime.Spec{
		ID: p.ID, RootFS: filepath.Join(m.config.Run, "root"), Args: append([]string{apps.Self}, args...),
		Env: apps.Environment(), IDBase: p.idBase(), User: researcher, Limits: limits.Limits,
		Mounts: []runtime.Mount{
			{Source: m.config.Self, Target: apps.Self, Executable: true},
			{Source: m.runDir(p.ID), Target: apps.RunFolder, Writable: true},
			mount(volume.Extract, false), mount(volume.Inbox, false),
			mount(volume.Home, true), mount(volume.Outbox, true), mount(volume.Shared, true),
		},
		Scratch: []runtime.Scratch{{Target: "/tmp", Bytes: limits.ScratchBytes}, {Target: "/dev/shm", Bytes: 64 << 20}},
	}
	if m.config.Engine != "" {
		s.Mounts = append(s.Mounts, runtime.Mount{Source: m.config.Engine, Target: apps.Engine, Executable: true})
	}
	for _, tool := range [...]struct{ name, target string }{{"ark", apps.Ark}, {"ark-inspect", apps.Inspect}} {
		source := filepath.Join(m.config.Tools, tool.name)
		// A root file system made before these has no place for them.
		if m.config.Tools != "" && there(source) && there(filepath.Join(s.RootFS, tool.target)) {
			s.Mounts = append(s.Mounts, runtime.Mount{Source: source, Target: tool.target, Executable: true})
		}
	}
	return s
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

package enclave

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/apps"
	"github.com/ark-tre/ark/workspace/volume"
)

// ListOutbox returns what lies in the outbox of a running or frozen workspace.
func (m *Manager) ListOutbox(id string) (out []volume.Entry, err error) {
	err = m.with(id, func(p *place) error {
		if err := in(p, Running, Frozen); err != nil {
			return err
		}
		out, err = volume.List(m.volume(id).Path(volume.Outbox))
		return err
	})
	return out, err
}

// OpenOutbox opens one regular file of the outbox. What is read is what counts:
// the workspace may go on writing to it.
func (m *Manager) OpenOutbox(id, name string) (f *os.File, e volume.Entry, err error) {
	err = m.with(id, func(p *place) error {
		if err := in(p, Running, Frozen); err != nil {
			return err
		}
		f, e, err = volume.OpenFile(m.volume(id).Path(volume.Outbox), name)
		return err
	})
	return f, e, err
}

// PutInbox puts an approved file into the inbox of a running workspace.
func (m *Manager) PutInbox(ctx context.Context, id, name string, r io.Reader) error {
	return m.with(id, func(p *place) error {
		if err := in(p, Running, Frozen); err != nil {
			return err
		}
		_, err := volume.Put(m.volume(id).Path(volume.Inbox), name, ctxReader{ctx, r})
		return err
	})
}

// Dial connects to an app's socket. The connection ends with the session: at
// once when the workspace is frozen, stopped or destroyed.
func (m *Manager) Dial(ctx context.Context, id, name string) (net.Conn, error) {
	list, err := apps.Named(name)
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	err = m.with(id, func(p *place) error {
		if err := in(p, Running); err != nil {
			return err
		}
		if conn, err = dialBeneath(ctx, m.runDir(id), list[0].Socket); err != nil {
			return ark.Faultf(ark.Unavailable, "the app does not answer yet").Do("try again in a moment").Because(err)
		}
		conn = p.conns.add(conn)
		return nil
	})
	return conn, err
}

// dialBeneath connects to the socket called name in dir, which a hostile
// workspace writes to: a link there is not followed.
func dialBeneath(ctx context.Context, dir, name string) (net.Conn, error) {
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(root)
	fd, err := unix.Openat2(root, filepath.Base(name), &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	})
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return nil, err
	}
	if s.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return nil, unix.ENOTSOCK
	}
	var d net.Dialer
	return d.DialContext(ctx, "unix", "/proc/self/fd/"+strconv.Itoa(fd))
}

// connections are the open ones of a workspace.
type connections struct {
	mu   sync.Mutex
	open map[*tracked]bool
}

// tracked forgets itself when it is closed.
type tracked struct {
	net.Conn
	of *connections
}

func (c *connections) add(conn net.Conn) net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = map[*tracked]bool{}
	}
	t := &tracked{conn, c}
	c.open[t] = true
	return t
}

func (c *connections) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for t := range c.open {
		_ = t.Conn.Close()
	}
	c.open = nil
}

// Close closes the connection.
func (t *tracked) Close() error {
	t.of.mu.Lock()
	delete(t.of.open, t)
	t.of.mu.Unlock()
	return t.Conn.Close()
}

package selftest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Bait is a set of things on the host that an escape could reach. It exists
// while a self-test runs.
type Bait struct {
	Target Target
	close  []func() error
}

// NewBait sets out the bait: listeners, a secret file in dir, a shared memory
// segment. sockets are further ones that listen already.
func NewBait(dir string, sockets ...string) (*Bait, error) {
	name := make([]byte, 8)
	if _, err := rand.Read(name); err != nil {
		return nil, err
	}
	b := &Bait{Target: Target{
		AbstractSocket: "ark-selftest-" + hex.EncodeToString(name),
		HostProcess:    os.Getpid(),
		SharedMemory:   int(name[0])<<16 | int(name[1])<<8 | int(name[2]) | 1<<24,
		Extract:        "/workspace/extract", Home: "/workspace/home", Outbox: "/workspace/outbox", Scratch: "/tmp",
	}}
	err := errors.Join(b.listen(dir, sockets), b.secret(dir), b.segment())
	if err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func (b *Bait) listen(dir string, sockets []string) error {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	b.close = append(b.close, tcp.Close)
	b.Target.TCPPort = tcp.Addr().(*net.TCPAddr).Port
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	b.close = append(b.close, udp.Close)
	b.Target.UDPPort = udp.LocalAddr().(*net.UDPAddr).Port
	path := filepath.Join(dir, "bait.sock")
	for _, address := range []string{"@" + b.Target.AbstractSocket, path} {
		l, err := net.Listen("unix", address)
		if err != nil {
			return err
		}
		b.close = append(b.close, l.Close)
	}
	b.Target.Sockets = append([]string{path}, sockets...)
	return nil
}

func (b *Bait) secret(dir string) error {
	path := filepath.Join(dir, "bait.txt")
	b.Target.HostFiles = []string{path}
	b.close = append(b.close, func() error { return os.Remove(path) })
	return os.WriteFile(path, []byte("a secret of the host\n"), 0o644)
}

func (b *Bait) segment() error {
	id, err := unix.SysvShmGet(b.Target.SharedMemory, 4096, unix.IPC_CREAT|0o666)
	if err != nil {
		return err
	}
	b.close = append(b.close, func() error {
		_, err := unix.SysvShmCtl(id, unix.IPC_RMID, nil)
		return err
	})
	return nil
}

// Close takes the bait away.
func (b *Bait) Close() error {
	var err error
	for _, f := range b.close {
		err = errors.Join(err, f())
	}
	b.close = nil
	return err
}

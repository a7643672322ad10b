package enclave

import (
	"log/slog"
	"net"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/pkg/ark"
)

// Listen opens the daemon's socket at path. Root and the users of the given
// ids may connect, told apart by the kernel; anyone else is cut off.
func Listen(path string, users []uint32, log *slog.Logger) (net.Listener, error) {
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return nil, ark.Faultf(ark.Conflict, "another enclave daemon answers on this socket").Do("stop it first")
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, ark.Faultf(ark.Unavailable, "the old socket cannot be removed").Because(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, ark.Faultf(ark.Unavailable, "the enclave daemon cannot listen").Because(err)
	}
	if err := os.Chmod(path, 0o666); err != nil { // who connects is checked below
		l.Close()
		return nil, ark.Faultf(ark.Unavailable, "the enclave daemon cannot open its socket to others").Because(err)
	}
	return peers{l, users, log}, nil
}

type peers struct {
	net.Listener
	users []uint32
	log   *slog.Logger
}

// Accept returns the next connection of an allowed user.
func (p peers) Accept() (net.Conn, error) {
	for {
		conn, err := p.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if uid, err := peer(conn); err == nil && (uid == 0 || slices.Contains(p.users, uid)) {
			return conn, nil
		}
		p.log.Warn("refused a connection of another user")
		conn.Close()
	}
}

func peer(conn net.Conn) (uint32, error) {
	u, ok := conn.(*net.UnixConn)
	if !ok {
		return 0, unix.ENOTSOCK
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) { cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return 0, err
	}
	if credErr != nil {
		return 0, credErr
	}
	return cred.Uid, nil
}

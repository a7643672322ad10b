package identity_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/ark-tre/ark/deploy/tools/built"
)

// postgres is a PostgreSQL server of this test run's own, listening on a socket
// in a folder that goes with it.
type postgres struct {
	once   sync.Once
	folder string
	bin    string
	dsn    string
	err    error
}

var server postgres

func TestMain(m *testing.M) {
	code := m.Run()
	server.stop()
	os.Exit(code)
}

// dsn is where the server is, starting it at first use; ARK_TEST_POSTGRES names
// another one.
func postgresDSN(t *testing.T) string {
	t.Helper()
	if dsn := os.Getenv("ARK_TEST_POSTGRES"); dsn != "" {
		return dsn
	}
	server.once.Do(func() { server.dsn, server.err = server.start() })
	if server.err != nil {
		built.Missing(t, "PostgreSQL does not start: "+server.err.Error())
	}
	return server.dsn
}

func (p *postgres) start() (string, error) {
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
		if len(found) == 0 {
			return "", errors.New("initdb is not installed")
		}
		initdb = found[len(found)-1]
	}
	p.bin = filepath.Dir(initdb)
	if p.folder, err = os.MkdirTemp("", "ark-pg-"); err != nil {
		return "", err
	}
	if os.Geteuid() == 0 { // the server refuses to run as root
		uid, _, err := nobody()
		if err != nil {
			return "", err
		}
		if err := os.Chown(p.folder, uid, -1); err != nil {
			return "", err
		}
	}
	if err := p.run("initdb", "-D", p.folder+"/data", "-A", "trust", "-U", "ark", "--no-sync"); err != nil {
		return "", err
	}
	if err := p.run("pg_ctl", "-D", p.folder+"/data", "-l", p.folder+"/log", "-w", "-o", "-F -c listen_addresses='' -k "+p.folder, "start"); err != nil {
		return "", err
	}
	return fmt.Sprintf("host=%s user=ark dbname=postgres", p.folder), nil
}

func (p *postgres) stop() {
	if p.folder == "" {
		return
	}
	if err := p.run("pg_ctl", "-D", p.folder+"/data", "-m", "immediate", "stop"); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.RemoveAll(p.folder)
}

func (p *postgres) run(name string, args ...string) error {
	c := exec.Command(filepath.Join(p.bin, name), args...)
	c.Dir = p.folder
	if os.Geteuid() == 0 {
		uid, gid, err := nobody()
		if err != nil {
			return err
		}
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	// No pipes: the server would keep them open.
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func nobody() (uid, gid int, err error) {
	u, err := user.Lookup("nobody")
	if err != nil {
		return 0, 0, err
	}
	if uid, err = strconv.Atoi(u.Uid); err != nil {
		return 0, 0, err
	}
	gid, err = strconv.Atoi(u.Gid)
	return uid, gid, err
}

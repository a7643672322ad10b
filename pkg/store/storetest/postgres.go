package storetest

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // database/sql driver "pgx"
)

// Server is a PostgreSQL server that starts at the first use and listens on a
// socket in a folder that goes with it. Stop it when the test run ends.
type Server struct {
	// Password is asked of everybody who connects; without one the socket is
	// open to all. Set it before the first use.
	Password string

	once   sync.Once
	mu     sync.Mutex
	made   int
	folder string
	bin    string
	err    error
}

// DSN returns the address of a new, empty database on the server. Without
// PostgreSQL the test is skipped, and fails where CI is set.
func (p *Server) DSN(t testing.TB) string {
	t.Helper()
	p.once.Do(func() { p.err = p.start() })
	if p.err != nil {
		Missing(t, "PostgreSQL does not start: "+p.err.Error())
	}
	p.mu.Lock()
	p.made++
	name := fmt.Sprintf("ark%d", p.made)
	p.mu.Unlock()
	db, err := sql.Open("pgx", p.address("postgres"))
	if err == nil {
		_, err = db.Exec("CREATE DATABASE " + name)
		db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return p.address(name)
}

func (p *Server) address(database string) string {
	q := url.Values{"host": {p.folder}, "user": {"ark"}}
	if p.Password != "" {
		q.Set("password", p.Password)
	}
	return "postgres:///" + database + "?" + q.Encode()
}

// Missing skips a test that lacks a real part, and fails it where CI is set.
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func (p *Server) start() error {
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
		if len(found) == 0 {
			return errors.New("initdb is not installed")
		}
		initdb = found[len(found)-1]
	}
	p.bin = filepath.Dir(initdb)
	if p.folder, err = os.MkdirTemp("", "ark-pg-"); err != nil {
		return err
	}
	if os.Geteuid() == 0 { // the server refuses to run as root
		uid, _, err := nobody()
		if err == nil {
			err = os.Chown(p.folder, uid, -1)
		}
		if err != nil {
			return err
		}
	}
	how := []string{"-A", "trust"}
	if p.Password != "" {
		file := p.folder + "/password"
		if err := os.WriteFile(file, []byte(p.Password), 0o644); err != nil { // initdb reads it as another user
			return err
		}
		defer os.Remove(file)
		how = []string{"-A", "scram-sha-256", "--pwfile", file}
	}
	if p.Password != "" { // other users may connect: they are asked for it
		if err := os.Chmod(p.folder, 0o711); err != nil {
			return err
		}
	}
	if err := p.run("initdb", append([]string{"-D", p.folder + "/data", "-U", "ark", "--no-sync"}, how...)...); err != nil {
		return err
	}
	return p.run("pg_ctl", "-D", p.folder+"/data", "-l", p.folder+"/log", "-w", "-o", "-F -c listen_addresses='' -k "+p.folder, "start")
}

// Stop ends the server, if it was started, and removes what it kept.
func (p *Server) Stop() {
	if p.folder == "" {
		return
	}
	if err := p.run("pg_ctl", "-D", p.folder+"/data", "-m", "immediate", "stop"); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.RemoveAll(p.folder)
}

func (p *Server) run(name string, args ...string) error {
	c := exec.Command(filepath.Join(p.bin, name), args...)
	c.Dir = p.folder
	if os.Geteuid() == 0 {
		uid, gid, err := nobody()
		if err != nil {
			return err
		}
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	if err := c.Run(); err != nil { // no pipes: the server would keep them open
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

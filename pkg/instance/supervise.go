package instance

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/policies"
	"github.com/ark-tre/ark/workspace/runtime"
)

// grace is how long a role may take to stop before it is killed.
const grace = 15 * time.Second

// child is one process of an Ark.
type child struct {
	role string
	args []string
	id   *identityOf // nil: as we are
}

// Supervise runs every role of an Ark as a process of its own until ctx ends,
// each under its own OS user when we are root, and starts again what ends.
// ready is called once the portal answers.
func Supervise(ctx context.Context, c Config, log *slog.Logger, ready func()) error {
	if err := c.preflight(); err != nil {
		return err
	}
	if err := c.renew(ctx, log); err != nil {
		return err
	}
	if err := c.Layout(); err != nil {
		return err
	}
	grants, err := policies.LoadGrants()
	if err != nil {
		return err
	}
	ids := identities(grants)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var children []child
	for _, role := range roleNames(grants) {
		ch := child{role: role, args: []string{self, "serve", "--dir", c.dir, "--role", role}}
		if ids != nil {
			id := ids[role]
			ch.id = &id
		}
		children = append(children, ch)
	}
	if why := c.canIsolate(); why == "" {
		args := []string{c.program("ark-enclaved"), "--socket", c.socket("enclaved"), "--state", c.Path("workspaces"),
			"--run", c.enclaveRun(), "--runc", c.runtime(), "--rootfs", c.Rootfs, "--engine", c.program("ark-engine"), "--tools", filepath.Dir(c.program("ark"))}
		for _, role := range []string{"control", "enclave"} {
			args = append(args, "--users", strconv.Itoa(int(ids[role].uid)))
		}
		children = append(children, child{role: "enclaved", args: args})
	} else {
		log.Warn("workspaces are refused on this host", "why", why)
	}
	var all sync.WaitGroup
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for _, ch := range children {
		all.Go(func() { c.keep(ctx, ch, log) })
	}
	go func() {
		if c.waitReady(ctx) == nil && ready != nil {
			ready()
		}
	}()
	all.Wait()
	return nil
}

// keep runs a child until ctx ends, starting it again more slowly each time it
// ends by itself soon after it started.
func (c Config) keep(ctx context.Context, ch child, log *slog.Logger) {
	wait := 100 * time.Millisecond
	for ctx.Err() == nil {
		start := time.Now()
		err := c.runChild(ctx, ch)
		if ctx.Err() != nil {
			return
		}
		log.Warn("a role ended and is started again", "role", ch.role, "after", time.Since(start).Round(time.Millisecond), "err", err)
		if time.Since(start) > 10*time.Second {
			wait = 100 * time.Millisecond
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, 5*time.Second)
	}
}

func (c Config) runChild(ctx context.Context, ch child) error {
	logs, err := os.OpenFile(c.Path("log", ch.role+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer logs.Close()
	cmd := exec.CommandContext(ctx, ch.args[0], ch.args[1:]...)
	cmd.Stdout, cmd.Stderr = logs, logs
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + c.Path("tmp", ch.role), "HOME=/nonexistent"}
	if ch.id == nil {
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/root"}
	}
	for _, name := range []string{failpointEnv, leaseEnv, commitsEnv, asksEnv} {
		if v := os.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	if ch.id != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: ch.id.uid, Gid: ch.id.uid, Groups: ch.id.groups}
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = grace
	return cmd.Run()
}

// runtime is the OCI runtime's path.
func (c Config) runtime() string {
	if c.Runtime != "" {
		return c.Runtime
	}
	if p, err := exec.LookPath("runc"); err == nil {
		return p
	}
	return ""
}

// enclaveRun is where the enclave daemon keeps what a reboot ends.
func (c Config) enclaveRun() string { return c.Path("run", "enclaved", "state") }

// EndWorkspaces ends what runs of this Ark's workspaces on this host; the enclave
// daemon must not run, which takes back what it left running. Their volumes stay.
func (c Config) EndWorkspaces(ctx context.Context) error {
	if c.runtime() == "" {
		return nil
	}
	return runtime.Runc{Program: c.runtime(), State: filepath.Join(c.enclaveRun(), "runtime")}.DeleteAll(ctx)
}

// canIsolate says why workspaces cannot run here, "" if they can as far as can
// be seen from outside; the enclave daemon probes the rest.
func (c Config) canIsolate() string {
	switch {
	case os.Geteuid() != 0:
		return "Ark was not started as root, which isolating workspaces needs"
	case c.Rootfs == "":
		return "there is no root file system for workspaces"
	case c.runtime() == "":
		return "there is no OCI runtime (runc) on this host"
	}
	if _, err := os.Stat(c.Rootfs); err != nil {
		return "the root file system of workspaces is not where the configuration says"
	}
	return ""
}

// preflight finds what would stop the Ark from starting and says what to do.
func (c Config) preflight() error {
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return ark.Faultf(ark.Conflict, "the address %s is taken by another program", c.Listen).
			Do("stop that program, or start this one elsewhere: ark demo --listen 127.0.0.1:8090").Because(err)
	}
	l.Close()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(c.dir, &fs); err == nil && fs.Bavail*uint64(fs.Bsize) < 1<<30 {
		return ark.Faultf(ark.Unavailable, "less than 1 GiB is free on the disk of %s", c.dir).Do("free some space and start again")
	}
	if os.Geteuid() != 0 {
		return nil
	}
	for _, p := range []string{c.dir, c.Programs} {
		if at := blocked(p); at != "" {
			return ark.Faultf(ark.Conflict, "the roles of this Ark run as users of their own, and %s lets only its owner in", at).
				Do("put the tree somewhere that others may pass through, or run chmod o+x on that folder")
		}
	}
	return nil
}

// blocked returns the first folder on the way to path that other users may not
// pass, "" if there is none.
func blocked(path string) string {
	for p := path; ; p = filepath.Dir(p) {
		if info, err := os.Stat(p); err == nil && info.IsDir() && info.Mode().Perm()&0o001 == 0 {
			return p
		}
		if p == filepath.Dir(p) {
			return ""
		}
	}
}

// waitReady waits until the portal answers that it is ready.
func (c Config) waitReady(ctx context.Context) error {
	client := http.Client{Timeout: 2 * time.Second}
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Listen+"/readyz", nil)
		if err != nil {
			return err
		}
		req.Host = c.host()
		resp, err := client.Do(req)
		if err == nil {
			io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("not ready: %w", ctx.Err())
}

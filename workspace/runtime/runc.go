package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"time"

	oci "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/ark-tre/ark/pkg/ark"
)

// Runc drives the OCI runtime program at Program. State holds bundles and the
// runtime's own records; it must be a folder of root's alone, on a memory file
// system, so that a reboot forgets what a reboot ended.
type Runc struct {
	Program string
	State   string
}

// Status is the runtime's word for what a sandbox is doing.
type Status string

// The states a sandbox can be in. The zero value means it does not exist.
const (
	Absent  Status = ""
	Created Status = "created"
	Running Status = "running"
	Paused  Status = "paused"
	Stopped Status = "stopped"
)

// State is what the runtime knows of one sandbox.
type State struct {
	ID     string `json:"id"`
	PID    int    `json:"pid"`
	Status Status `json:"status"`
}

// Start writes the bundle of s and starts its first process, detached: the
// sandbox outlives this program. A sandbox of that id must not exist.
func (r Runc) Start(ctx context.Context, s Spec) error {
	if err := s.Check(); err != nil {
		return err
	}
	return r.start(ctx, s.ID, config(s, goruntime.GOARCH))
}

func (r Runc) start(ctx context.Context, id string, c *oci.Spec) error {
	bundle, err := r.writeBundle(id, c)
	if err != nil {
		return ark.Faultf(ark.Unavailable, "the sandbox's bundle could not be written").Because(err)
	}
	if _, err := r.run(ctx, "run", "--detach", "--bundle", bundle, id); err != nil {
		_ = r.Delete(context.WithoutCancel(ctx), id)
		return ark.Faultf(ark.Unavailable, "the sandbox did not start").Because(err)
	}
	return nil
}

// writeBundle writes an OCI configuration and returns the bundle folder.
func (r Runc) writeBundle(id string, c *oci.Spec) (string, error) {
	dir := filepath.Join(r.State, "bundles", id)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600)
}

// Pause freezes every process of the sandbox; Resume lets them go on. Where some
// process waits for the disk just then, the runtime gives up after a moment and
// lets all go on: it is asked again, for some ten seconds.
func (r Runc) Pause(ctx context.Context, id string) error {
	for try := 1; ; try++ {
		err := r.act(ctx, "pause", id)
		if err == nil || try == pauseTries || !strings.Contains(err.Error(), "unable to freeze") {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(try) * pauseWait):
		}
	}
}

// How often a runtime that could not freeze is asked, and what is waited the
// first time; each time after it waits that much longer.
const (
	pauseTries = 10
	pauseWait  = 200 * time.Millisecond
)

// Resume undoes Pause.
func (r Runc) Resume(ctx context.Context, id string) error { return r.act(ctx, "resume", id) }

func (r Runc) act(ctx context.Context, verb, id string) error {
	if _, err := r.run(ctx, verb, id); err != nil {
		return ark.Faultf(ark.Unavailable, "the runtime could not %s the sandbox", verb).Because(err)
	}
	return nil
}

// Stop asks the first process to end, gives it grace, then kills everything
// inside and forgets the sandbox. Stopping what does not exist is fine.
func (r Runc) Stop(ctx context.Context, id string, grace time.Duration) error {
	state, err := r.Get(ctx, id)
	if err != nil {
		return err
	}
	if state.Status == Running && grace > 0 {
		_, _ = r.run(ctx, "kill", id, "TERM")
		for deadline := time.Now().Add(grace); time.Now().Before(deadline); time.Sleep(25 * time.Millisecond) {
			if s, err := r.Get(ctx, id); err != nil || s.Status == Stopped || s.Status == Absent {
				break
			}
		}
	}
	return r.Delete(ctx, id)
}

// Delete kills everything inside and removes every trace of the sandbox.
func (r Runc) Delete(ctx context.Context, id string) error {
	if !idPattern.MatchString(id) {
		return ark.Faultf(ark.Invalid, "not a sandbox id")
	}
	_, err := r.run(ctx, "delete", "--force", id)
	if s, getErr := r.Get(ctx, id); getErr != nil || s.Status != Absent {
		return ark.Faultf(ark.Unavailable, "the sandbox could not be removed").Because(errors.Join(err, getErr))
	}
	if err := killOrphans(id); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(r.State, "bundles", id))
}

// DeleteAll does so with every sandbox of this State folder.
func (r Runc) DeleteAll(ctx context.Context) error {
	if _, err := os.Stat(r.State); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	all, err := r.List(ctx)
	for _, s := range all {
		err = errors.Join(err, r.Delete(ctx, s.ID))
	}
	return err
}

// Get returns the state of one sandbox; Absent if there is none.
func (r Runc) Get(ctx context.Context, id string) (State, error) {
	all, err := r.List(ctx)
	if err != nil {
		return State{}, err
	}
	for _, s := range all {
		if s.ID == id {
			return s, nil
		}
	}
	return State{ID: id}, nil
}

// List returns every sandbox of this State folder, started by this process or
// by one before it.
func (r Runc) List(ctx context.Context) ([]State, error) {
	out, err := r.run(ctx, "list", "--format", "json")
	if err != nil {
		return nil, ark.Faultf(ark.Unavailable, "the runtime does not list its sandboxes").Because(err)
	}
	var all []State
	if err := json.Unmarshal(out, &all); err != nil {
		return nil, ark.Faultf(ark.Unavailable, "the runtime's list is unreadable").Because(err)
	}
	return all, nil
}

// run runs the runtime program. Its stdout is returned except for "run", whose
// child would otherwise hold the pipe open.
func (r Runc) run(ctx context.Context, args ...string) ([]byte, error) {
	logFile, err := os.CreateTemp(r.State, "log-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(logFile.Name())
	defer logFile.Close()
	cmd := exec.CommandContext(ctx, r.Program, append([]string{"--root", filepath.Join(r.State, "runc"), "--log", logFile.Name()}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	var out bytes.Buffer
	if args[0] != "run" {
		cmd.Stdout = &out
	}
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(logFile.Name())
		lines := strings.Split(strings.TrimSpace(string(said)), "\n")
		return nil, fmt.Errorf("%s %s: %w: %s", filepath.Base(r.Program), args[0], err, lines[len(lines)-1])
	}
	return out.Bytes(), nil
}

// Wait returns when the sandbox's first process has ended.
func (r Runc) Wait(ctx context.Context, id string) error {
	s, err := r.Get(ctx, id)
	if err != nil || s.Status == Absent || s.Status == Stopped {
		return err
	}
	fd, err := unix.PidfdOpen(s.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	} else if err != nil {
		return ark.Faultf(ark.Unavailable, "the sandbox cannot be waited for").Because(err)
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100)
		if n > 0 {
			return nil
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return ark.Faultf(ark.Unavailable, "the sandbox cannot be waited for").Because(err)
		}
		if ctx.Err() != nil {
			return ark.Faultf(ark.Unavailable, "the sandbox did not end in time").Because(ctx.Err())
		}
	}
}

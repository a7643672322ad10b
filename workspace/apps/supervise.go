package apps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// logFolder keeps the apps' own words in the workspace's home: they are
// unreviewed output like everything else made there.
const logFolder = Top + "/home/.ark"

// Supervise is the first process of a workspace: it starts the apps, reaps
// every orphan, starts an app that ended again (more slowly each time), and
// returns when ctx ends, having asked everything to stop.
func Supervise(ctx context.Context, list []App) error {
	if os.Getpid() != 1 {
		return ark.Faultf(ark.Invalid, "only the first process of a workspace may do this: it ends every process it sees")
	}
	if err := os.MkdirAll(logFolder, 0o700); err != nil {
		return err
	}
	s := supervisor{running: map[int]int{}, list: list, due: make([]time.Time, len(list)), fails: make([]int, len(list))}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		s.startDue(time.Now())
		select {
		case <-ctx.Done():
			s.stop(4 * time.Second)
			return nil
		case <-tick.C:
			s.reap(time.Now())
		}
	}
}

type supervisor struct {
	list    []App
	running map[int]int // process id to place in list
	due     []time.Time // when to start, by place; zero is at once
	fails   []int
}

// never is the due time of an app that is running.
func never() time.Time { return time.Unix(1<<40, 0) }

func (s *supervisor) startDue(now time.Time) {
	for i, app := range s.list {
		if now.Before(s.due[i]) {
			continue
		}
		s.due[i] = never()
		if pid, err := start(app); err == nil {
			s.running[pid] = i
		} else {
			s.again(i, now)
		}
	}
}

func (s *supervisor) again(i int, now time.Time) {
	s.fails[i]++
	s.due[i] = now.Add(min(time.Duration(s.fails[i])*time.Second, 30*time.Second))
}

// reap collects every process that ended, orphans of the apps included.
func (s *supervisor) reap(now time.Time) {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if i, ours := s.running[pid]; ours {
			delete(s.running, pid)
			s.again(i, now)
		}
	}
}

func (s *supervisor) stop(grace time.Duration) {
	for pid := range s.running {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
	for deadline := time.Now().Add(grace); len(s.running) > 0 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		s.reap(time.Now())
	}
	_ = syscall.Kill(-1, syscall.SIGKILL)
}

// start starts one app in a session of its own and returns its process id.
func start(app App) (int, error) {
	_ = os.Remove(filepath.Join(RunFolder, app.Socket))
	if len(app.Args) == 0 {
		return 0, fmt.Errorf("app %s has no program", app.Name)
	}
	logFile, err := os.OpenFile(filepath.Join(logFolder, app.Name+".log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		// A full disk must not lock the researcher out of freeing it.
		if logFile, err = os.OpenFile(os.DevNull, os.O_WRONLY, 0); err != nil {
			return 0, err
		}
	}
	defer logFile.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	p, err := os.StartProcess(app.Args[0], app.Args, &os.ProcAttr{
		Dir: app.Dir, Env: append(Environment(), app.Env...), Files: []*os.File{null, logFile, logFile},
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		fmt.Fprintln(logFile, err)
		return 0, err
	}
	pid := p.Pid
	return pid, p.Release()
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/ark-tre/ark/pkg/engine/duck"
	"github.com/ark-tre/ark/pkg/engine/walls"
)

// statusStuck is how the walled child ends when a statement would not stop:
// its parent starts another on the same socket.
const statusStuck = 75

type serveFlags struct {
	duck.Config
	socket string
	weak   bool
	memory int
}

func parseServe(args []string) (serveFlags, error) {
	var f serveFlags
	set := flag.NewFlagSet("ark-engine serve", flag.ContinueOnError)
	set.StringVar(&f.DB, "db", "", "the extract: a DuckDB file, attached read-only")
	set.StringVar(&f.socket, "socket", "", "Unix socket to answer on")
	set.StringVar(&f.Home, "home", "", "private folder for the history")
	set.StringVar(&f.Outbox, "outbox", "", "folder that results may be saved to")
	set.StringVar(&f.Spill, "spill", "", "folder for data larger than memory; empty keeps all in memory")
	set.IntVar(&f.memory, "memory", 1024, "MiB the engine may use")
	set.IntVar(&f.Threads, "threads", 2, "threads the engine may use")
	set.DurationVar(&f.Timeout, "timeout", 2*time.Minute, "longest time of one statement")
	set.IntVar(&f.MaxRows, "rows", 1000, "rows shown on screen")
	set.BoolVar(&f.weak, "weak", false, "go on where the kernel has no Landlock, as inside a sandbox that forbids it")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if f.DB == "" || f.socket == "" || set.NArg() > 0 {
		return f, errors.New("ark-engine serve needs --db and --socket, and nothing after the flags")
	}
	f.Memory = int64(f.memory) << 20
	return f, nil
}

// serve listens, and keeps a walled child answering on the listener.
func serve(ctx context.Context, args []string) int {
	f, err := parseServe(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if st, err := os.Lstat(f.socket); err == nil && st.Mode()&os.ModeSocket != 0 {
		os.Remove(f.socket) // of a server that was killed
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: f.socket, Net: "unix"})
	if err != nil {
		fmt.Fprintln(os.Stderr, "ark-engine: the socket can't be made:", err)
		return 2
	}
	defer l.Close()
	if err := os.Chmod(f.socket, 0o660); err != nil {
		fmt.Fprintln(os.Stderr, "ark-engine:", err)
		return 2
	}
	file, err := l.File()
	if err != nil {
		fmt.Fprintln(os.Stderr, "ark-engine:", err)
		return 2
	}
	runtime.LockOSThread() // the child's life hangs on this thread
	for short := 0; ; {
		start := time.Now()
		status := child(ctx, file, args)
		if status != statusStuck || ctx.Err() != nil {
			return status
		}
		if short++; time.Since(start) > 10*time.Second {
			short = 0
		}
		if short == 5 {
			fmt.Fprintln(os.Stderr, "ark-engine: it ended five times in a row as soon as it began")
			return 1
		}
	}
}

func child(ctx context.Context, listener *os.File, args []string) int {
	cmd := exec.Command("/proc/self/exe", append([]string{"serve-walled"}, args...)...)
	cmd.Env = []string{"TZ=UTC", "GOMAXPROCS=2"}
	cmd.Stderr = os.Stderr // nothing may come by standard output: an engine's profile would show a user's SQL
	cmd.ExtraFiles = []*os.File{listener}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "ark-engine:", err)
		return 3
	}
	stop := context.AfterFunc(ctx, func() { cmd.Process.Signal(syscall.SIGTERM) })
	defer stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exit.ExitCode()
	case exit != nil && ctx.Err() == nil:
		return statusStuck // killed, most often for its memory: begin again
	}
	return 1
}

// serveWalled is the child: it holds the listener as descriptor 3.
func serveWalled(ctx context.Context, args []string) int {
	f, err := parseServe(args)
	if err != nil {
		return 2
	}
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return 2
	}
	plan := walls.Plan{ReadOnly: []string{f.DB}, Accept: true, BestEffort: f.weak, Data: uint64(f.Memory)*3/2 + 1<<30}
	for _, dir := range []string{f.Home, f.Outbox, f.Spill} {
		if dir != "" {
			plan.ReadWrite = append(plan.ReadWrite, dir)
		}
	}
	stand, err := walls.Raise(plan)
	if err != nil {
		fmt.Fprintln(os.Stderr, "ark-engine:", err)
		return 3
	}
	s, err := duck.NewServer(ctx, f.Config, stand, func() {
		time.AfterFunc(200*time.Millisecond, func() { os.Exit(statusStuck) }) // after the refusal is on its way
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "ark-engine: the extract can't be opened:", err)
		return 1
	}
	h := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	context.AfterFunc(ctx, func() { h.Close() })
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return 1
	}
	s.Close()
	return 0
}

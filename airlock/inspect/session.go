package inspect

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect/box"
	"github.com/ark-tre/ark/airlock/inspect/wire"
	"github.com/ark-tre/ark/pkg/ark"
)

// Known is a set of known values, written by package known; nil: there is
// none. Each child gets a descriptor of it.
type Known = *os.File

// Session is one child that looks at files, and its successors.
type Session struct {
	in    Inspector
	act   string // what the child is started to do
	known Known
	child *child
	// Walls are those around the first child.
	Walls wire.Hello
}

type child struct {
	cmd    *exec.Cmd
	in     *bufio.Writer
	pipe   io.Closer
	out    *bufio.Reader
	stderr *bytes.Buffer
	done   chan struct{}
}

// Start starts a child and sees that its walls stand. A Session is for one
// goroutine.
func (in Inspector) Start(ctx context.Context, known Known) (*Session, error) {
	if in.Program == "" {
		return nil, in.missing()
	}
	s := &Session{in: in.timed(), act: "look", known: known}
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// timed bounds how long one file may take.
func (in Inspector) timed() Inspector {
	if in.PerFile == 0 {
		in.PerFile = 45 * time.Second
	}
	return in
}

// Close ends the child.
func (s *Session) Close() {
	if s.child != nil {
		s.child.end()
		s.child = nil
	}
}

func (s *Session) start(ctx context.Context) error {
	ways := []*syscall.SysProcAttr{box.Attributes(true)}
	if os.Getuid() == 0 {
		ways = append(ways, box.Attributes(false))
	}
	if s.in.Weak {
		ways = append(ways, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true})
	}
	var last error
	for _, attr := range ways {
		c, hello, err := s.try(ctx, attr)
		if err == nil {
			s.child, s.Walls = c, hello
			return nil
		}
		if last = err; errors.Is(err, os.ErrNotExist) {
			return s.in.missing()
		}
	}
	return ark.Faultf(ark.Unavailable, "ark-inspect can't wall itself in on this machine, so no file is looked at").
		Do("use a kernel with Landlock and user namespaces, or declare the weaker walls in the configuration").Because(last)
}

// try starts one child with attr and reads its greeting.
func (s *Session) try(ctx context.Context, attr *syscall.SysProcAttr) (*child, wire.Hello, error) {
	var hello wire.Hello
	cmd := exec.Command(s.in.Program, s.act)
	cmd.Dir = "/"
	cmd.Env = []string{"TZ=UTC", "GOMAXPROCS=2", "GOGC=400"}
	if s.in.Weak {
		cmd.Env = append(cmd.Env, "ARK_INSPECT_WEAK=1")
	}
	if s.in.Memory > 0 {
		cmd.Env = append(cmd.Env, "ARK_INSPECT_MEMORY="+strconv.FormatUint(s.in.Memory, 10))
	}
	if s.known != nil {
		cmd.ExtraFiles = []*os.File{s.known}
		cmd.Env = append(cmd.Env, "ARK_INSPECT_KNOWN=1")
	}
	cmd.SysProcAttr = attr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, hello, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, hello, err
	}
	c := &child{cmd: cmd, in: bufio.NewWriterSize(in, 64<<10), pipe: in, out: bufio.NewReaderSize(out, 64<<10), stderr: &bytes.Buffer{}, done: make(chan struct{})}
	cmd.Stderr = &capped{to: c.stderr}
	started := make(chan error)
	go func() { // the child's life hangs on the thread that started it: this one stays for as long
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			<-c.done
		}
	}()
	if err := <-started; err != nil {
		return nil, hello, fmt.Errorf("inspect: start: %w", err)
	}
	stop := c.killAfter(ctx, 20*time.Second)
	_, err = wire.Read(c.out, &hello, 0)
	if stop(); err == nil && hello.Fault != "" {
		err = errors.New(hello.Fault)
	}
	if err == nil && !s.in.Weak && !box.Stands(hello) {
		err = errors.New("a wall does not stand")
	}
	if err != nil {
		c.end()
		return nil, hello, fmt.Errorf("inspect: greeting: %w: %.200s", err, c.stderr.String())
	}
	return c, hello, nil
}

// killAfter kills the child after d or when ctx ends, unless stopped first.
func (c *child) killAfter(ctx context.Context, d time.Duration) (stop func()) {
	t := time.AfterFunc(d, c.kill)
	off := context.AfterFunc(ctx, c.kill)
	return func() { t.Stop(); off() }
}

func (c *child) kill() { _ = c.cmd.Process.Kill() } // it may have ended by itself

func (c *child) end() {
	_ = c.pipe.Close() // a child that is well ends at the end of its input
	gentle := time.AfterFunc(time.Second, c.kill)
	_, _ = io.Copy(io.Discard, io.LimitReader(c.out, 1<<30))
	_ = c.cmd.Wait() // how it ended changes nothing
	gentle.Stop()
	close(c.done)
}

type capped struct{ to *bytes.Buffer }

func (c *capped) Write(p []byte) (int, error) {
	if c.to.Len() < 16<<10 {
		c.to.Write(p[:min(len(p), 4096)])
	}
	return len(p), nil
}

// Look has one file looked at. An error means that nothing can be looked at
// here; anything wrong with the file is a finding.
func (s *Session) Look(ctx context.Context, it Item) (Result, error) {
	if len(it.Data) > MaxFile {
		return refused(it.Name, "file-too-large"), nil
	}
	if s.in.Scanner != "" {
		if rule := scanFor(ctx, s.in.Scanner, it.Data); rule != "" {
			return refused(it.Name, rule), nil
		}
	}
	if s.child == nil {
		if err := s.start(ctx); err != nil {
			return Result{}, err
		}
	}
	begun := time.Now()
	stop := s.child.killAfter(ctx, s.in.PerFile)
	r, err := s.child.ask(it)
	stop()
	if err == nil {
		return r, nil
	}
	s.Close()
	switch {
	case ctx.Err() != nil:
		return Result{}, ctx.Err()
	case time.Since(begun) >= s.in.PerFile:
		return refused(it.Name, "file-slow"), nil
	}
	return refused(it.Name, "file-crashed"), nil
}

// ask sends one file and reads the answer, which a hostile child may have
// written: its verdict is worked out again from its findings.
func (c *child) ask(it Item) (Result, error) {
	if err := wire.Write(c.in, wire.Ask{Name: it.Name, Allowed: it.Allowed, MaxRows: it.MaxRows, Records: it.Records, Anyway: it.Anyway, Tables: it.Tables}, it.Data); err != nil {
		return Result{}, err
	}
	var a wire.Answer
	body, err := wire.Read(c.out, &a, wire.MaxBody)
	if err != nil {
		return Result{}, err
	}
	r := Result{Type: a.Type, Verdict: disclosure.Judge(a.Findings), Findings: a.Findings, Ending: a.Ending}
	take := func(n int) []byte {
		if n < 0 || n > len(body) {
			err = errors.New("inspect: the answer is shorter than it says")
			return nil
		}
		p := body[:n:n]
		body = body[n:]
		return p
	}
	if a.Rebuilt >= 0 {
		r.Rebuilt = take(a.Rebuilt)
	}
	if a.Sheets >= 0 {
		r.Sheets = take(a.Sheets)
	}
	if p := take(a.Numbers); err == nil && a.Numbers > 0 {
		r.Numbers, err = wire.Numbers(p)
	}
	if a.Verdict != r.Verdict || r.Findings == nil || len(body) > 0 {
		err = errors.New("inspect: the answer contradicts itself")
	}
	return r, err
}

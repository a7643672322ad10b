package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/cell"
)

// Runner starts ark-engine. The zero Runner refuses: it names no program.
type Runner struct {
	Program string // path of ark-engine
	Limits  Limits
	// Scratch is an absolute folder for what a job keeps for itself, where the
	// job's own can't be written to.
	Scratch string
}

// plain is what a file or table may be called: nothing that a path, a glob or
// a URL could be made of.
var plain = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$`)

// CheckName refuses a file name that is not plain.
func CheckName(name string) error {
	if !plain.MatchString(name) {
		return ark.Faultf(ark.Invalid, "a file of an engine job has a name of letters, digits, _, - and . only")
	}
	return nil
}

// Probe starts an engine and reports the walls that stand around it.
func (r Runner) Probe(ctx context.Context, dir string) (Answer, error) {
	return r.do(ctx, Job{Do: DoProbe, Folder: dir})
}

func (r Runner) do(ctx context.Context, job Job) (Answer, error) {
	job.Limits, job.Scratch = r.Limits.OrDefault(), r.Scratch
	if err := job.check(); err != nil {
		return Answer{}, err
	}
	ask, err := json.Marshal(job)
	if err != nil {
		return Answer{}, fmt.Errorf("engine: write the job: %w", err)
	}
	ctx, stop := context.WithTimeout(ctx, time.Duration(job.Limits.Seconds+10)*time.Second)
	defer stop()
	out, err := r.start(ctx, job.Folder, ask)
	if err != nil {
		return Answer{}, err
	}
	var a Answer
	if err := json.Unmarshal(out, &a); err != nil {
		return Answer{}, ark.Faultf(ark.Internal, "the query engine gave no answer").Because(err)
	}
	if f := a.Fault; f != nil {
		return a, (&ark.Fault{Kind: ark.Kind(f.Kind), Says: f.Says, Remedy: f.Remedy}).Because(errors.New("engine: " + f.Class))
	}
	return a, nil
}

func (j Job) check() error {
	if !filepath.IsAbs(j.Folder) || j.Scratch != "" && !filepath.IsAbs(j.Scratch) {
		return ark.Faultf(ark.Internal, "an engine job's folder must be an absolute path")
	}
	names := []string{}
	if j.Out != "" {
		names = append(names, j.Out)
	}
	for table, file := range j.Tables {
		if table == "" || len(table) > 255 {
			return ark.Faultf(ark.Invalid, "a table's name has 1 to 255 bytes")
		}
		names = append(names, file)
	}
	for _, n := range names {
		if err := CheckName(n); err != nil {
			return err
		}
	}
	return nil
}

// maxAnswer bounds what a child may write back.
const maxAnswer = 256 << 20

func (r Runner) start(ctx context.Context, dir string, ask []byte) ([]byte, error) {
	if r.Program == "" {
		return nil, ark.Faultf(ark.Unavailable, "there is no query engine here").Do("build ark-engine and name it in the configuration")
	}
	err := errNoNamespaces
	var out []byte
	for _, alone := range [...]bool{true, false} { // own namespaces where possible; seccomp forbids sockets either way
		if out, err = r.once(ctx, dir, ask, alone); !errors.Is(err, errNoNamespaces) {
			break
		}
	}
	return out, err
}

// errNoNamespaces means that the kernel refused the namespaces before the
// program began.
var errNoNamespaces = errors.New("engine: no namespaces")

func (r Runner) once(ctx context.Context, dir string, ask []byte, alone bool) ([]byte, error) {
	runtime.LockOSThread() // the child's life hangs on the thread that started it
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, r.Program, "job")
	cmd.Dir = dir
	if r.Scratch != "" {
		dir = r.Scratch
	}
	cmd.Env = []string{"TMPDIR=" + dir, "HOME=" + dir, "TZ=UTC", "GOMAXPROCS=2"}
	cmd.Stdin = bytes.NewReader(ask)
	var stdout, stderr capped
	stdout.limit, stderr.limit = maxAnswer, 16<<10
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = isolation(alone)
	cmd.WaitDelay = 2 * time.Second
	if err := cmd.Start(); err != nil {
		if alone {
			return nil, errNoNamespaces
		}
		return nil, ark.Faultf(ark.Unavailable, "the query engine does not start").Because(err)
	}
	err := cmd.Wait()
	switch {
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return nil, ark.Faultf(ark.TooMuch, "the query took longer than it may").Do("ask for less at a time")
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case stdout.over.Load():
		return nil, ark.Faultf(ark.TooMuch, "the query's answer is too large")
	case err != nil && stdout.Len() == 0:
		return nil, ark.Faultf(ark.TooMuch, "the query engine ended before its answer; most often it ran out of memory").Do("ask for less at a time, or give it more memory").Because(fmt.Errorf("%w: %s", err, tail(stderr.Bytes())))
	}
	return stdout.Bytes(), nil
}

// tail keeps the last line of what the child said before it died: a Go or
// kernel message, since the engine's own errors go to the answer.
func tail(b []byte) string {
	b = bytes.TrimSpace(b)
	if i := bytes.IndexByte(b, '\n'); i > 0 {
		b = b[:i]
	}
	return string(b[:min(len(b), 200)])
}

type capped struct {
	bytes.Buffer
	limit int
	over  atomic.Bool
}

func (c *capped) Write(p []byte) (int, error) {
	if c.Len()+len(p) > c.limit {
		c.over.Store(true)
		return len(p), nil // let the child end by itself; what it says is thrown away
	}
	return c.Buffer.Write(p)
}

func (a Answer) result() (*Result, error) {
	out := &Result{Columns: a.Columns, Truncated: a.Truncated, Walls: a.Walls, Rows: make([][]cell.Value, len(a.Rows))}
	for i, row := range a.Rows {
		if len(row) != len(a.Columns) {
			return nil, ark.Faultf(ark.Internal, "the query engine gave a ragged answer")
		}
		out.Rows[i] = make([]cell.Value, len(row))
		for c, text := range row {
			v, err := read(a.Columns[c].Type, text)
			if err != nil {
				return nil, ark.Faultf(ark.Internal, "the query engine gave a cell that is not of its column's type").At("", 0, a.Columns[c].Name).Because(err)
			}
			out.Rows[i][c] = v
		}
	}
	return out, nil
}

func read(t cell.Type, text *string) (cell.Value, error) {
	switch {
	case text == nil:
		return cell.Null, nil
	case t == cell.String:
		return cell.Str(*text), nil
	case t == cell.Float64:
		if v, ok := special[*text]; ok {
			return v, nil
		}
	}
	return cell.Parse(t, *text)
}

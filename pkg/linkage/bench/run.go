package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Options are what a benchmark is to do.
type Options struct {
	Ark    string // the ark program
	Dir    string // where data, environment and results go
	People []int  // sizes of generated populations, smallest first
	Rounds int    // runs of each program on sets up to a million records; one above
	Python string // python3 to make Splink's environment with
	Splink string // what to install; empty: the newest
	Best   bool   // run Splink with the blocking rules and levels of Ark's default too, once
	Out    io.Writer
}

// usage is what one run of a program took.
type usage struct {
	CPU  float64 `json:"cpu_seconds"`
	Wall float64 `json:"wall_seconds"`
	RSS  int64   `json:"peak_bytes"`
}

// score is what score.py prints.
type score struct {
	At95     measure `json:"pairs_at_95"`
	At50     measure `json:"pairs_at_50"`
	Best     measure `json:"pairs_at_best"`
	Weight   float64 `json:"best_weight"`
	Clusters measure `json:"clusters"`
	BCubed   measure `json:"b_cubed"`
}

type measure struct {
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
}

// runner carries a benchmark along.
type runner struct {
	Options
	python   string  // of Splink's environment; empty: there is none
	first    float64 // CPU seconds of Ark's default for each generated person, at the smallest size
	versions string
}

// Run runs the benchmark and prints its table.
func Run(ctx context.Context, o Options) error {
	if o.Rounds < 1 {
		o.Rounds = 5
	}
	r := &runner{Options: o}
	if err := r.mkdirs(); err != nil {
		return err
	}
	r.machine()
	if err := r.install(ctx); err != nil {
		r.printf("Splink could not be installed, so nothing is compared with it and no ratio is printed: %v\n", err)
	} else {
		r.printf("rival: %s, two threads\n", r.versions)
	}
	for _, f := range []string{"splink_run.py", "score.py", "h50k_untrained.json", "people_model.json", "fake_1000_model.json", "febrl_model.json"} {
		b, err := data.ReadFile("data/" + f)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(o.Dir, f), b, 0o644); err != nil {
			return err
		}
	}
	sets, err := small(filepath.Join(o.Dir, "sets"))
	if err != nil {
		return err
	}
	r.printf("\n%-16s %9s %-22s %8s %8s %8s  %7s %7s %7s %7s\n", "data", "records", "program", "CPU s", "wall s", "MB", "F1 95%", "F1 50%", "F1 best", "F1 clu")
	for _, s := range sets {
		if err := r.compare(ctx, s); err != nil {
			return err
		}
	}
	for _, n := range o.People {
		s, err := r.people(n)
		if err != nil {
			return err
		}
		if err := r.compare(ctx, s); err != nil {
			return err
		}
		if n <= 1_000_000 {
			if err := r.daily(ctx, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// mkdirs makes the folders below Dir.
func (r *runner) mkdirs() error {
	if err := os.MkdirAll(filepath.Join(r.Dir, "sets"), 0o755); err != nil {
		return err
	}
	return os.MkdirAll(filepath.Join(r.Dir, "out"), 0o755)
}

func (r *runner) printf(format string, a ...any) { fmt.Fprintf(r.Out, format, a...) }

// machine says what it runs on, and how busy that is.
func (r *runner) machine() {
	load, _ := os.ReadFile("/proc/loadavg")
	model := "unknown processor"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
				model = strings.TrimSpace(v)
				break
			}
		}
	}
	r.printf("machine: %s, %d processors, load %s", model, runtime.NumCPU(), strings.TrimSpace(string(load)))
	if fields := strings.Fields(string(load)); len(fields) > 0 && fields[0] > "1.5" {
		r.printf(" (busy: compare CPU seconds, not wall)")
	}
	r.printf("\n")
}

// install makes an environment of its own for Splink.
func (r *runner) install(ctx context.Context) error {
	venv := filepath.Join(r.Dir, "venv")
	python := filepath.Join(venv, "bin", "python")
	if _, err := os.Stat(python); err != nil {
		if out, err := exec.CommandContext(ctx, r.Python, "-m", "venv", venv).CombinedOutput(); err != nil {
			return fmt.Errorf("python venv: %w: %s", err, last(out))
		}
	}
	what := r.Splink
	if what == "" {
		what = "splink"
	}
	if out, err := exec.CommandContext(ctx, python, "-m", "pip", "install", "-q", "--disable-pip-version-check", what).CombinedOutput(); err != nil {
		return fmt.Errorf("pip install %s: %w: %s", what, err, last(out))
	}
	out, err := exec.CommandContext(ctx, python, "-c",
		"import splink, duckdb, platform; print('Splink', splink.__version__, 'on DuckDB', duckdb.__version__, 'and Python', platform.python_version())").Output()
	if err != nil {
		return fmt.Errorf("splink does not start: %w", err)
	}
	r.python, r.versions = python, strings.TrimSpace(string(out))
	return nil
}

func last(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// people makes a generated population, once.
func (r *runner) people(n int) (*set, error) {
	name := fmt.Sprintf("people_%d", n)
	s := &set{name: name, people: n, id: "id", model: "people_model.json", file: filepath.Join(r.Dir, "sets", name+".parquet")}
	s.truth = s.file // has id and person; the programs under test don't look at person
	f, err := os.Create(s.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if s.records, err = Generate(f, n, 1); err != nil {
		return nil, err
	}
	return s, f.Close()
}

// contestant is a program with its arguments.
type contestant struct {
	name string
	out  string
	args []string
	runs []usage
	err  error
}

// compare runs the programs on a set, alternating, and prints a line for each.
func (r *runner) compare(ctx context.Context, s *set) error {
	rounds := r.Rounds
	if s.records > 1_000_000 {
		rounds = 1
	}
	dir := func(name string) string { return filepath.Join(r.Dir, "out", s.name+"-"+name) }
	ark := func(name string, more ...string) *contestant {
		return &contestant{name: name, out: dir(strings.ReplaceAll(name, " ", "-")), args: append([]string{r.Ark, "link", "--threads", "2", "--id", s.id, "--mode", "dedupe",
			"--in", s.file, "--out", dir(strings.ReplaceAll(name, " ", "-"))}, more...)}
	}
	all := []*contestant{ark("ark default")}
	if s.model != "" {
		m := filepath.Join(r.Dir, s.model)
		all = append(all, ark("ark same levels", "--model", m))
		if s.people > 1_000_000 { // beyond it Ark is held against itself
			all = all[:1]
		} else if r.python != "" {
			all = append(all, &contestant{name: "splink same levels", out: dir("splink"),
				args: []string{r.python, filepath.Join(r.Dir, "splink_run.py"), s.file, m, dir("splink"), "2", "8GB", "train"}})
		}
	}
	for range rounds {
		for _, c := range all {
			if c.err != nil {
				continue
			}
			if err := os.MkdirAll(c.out, 0o755); err != nil {
				return err
			}
			u, err := measured(ctx, c.args)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c.err = err
			c.runs = append(c.runs, u)
		}
	}
	if r.Best && r.python != "" && s.people > 0 && s.people <= 1_000_000 { // the exported model names columns by what they are
		c, err := r.best(ctx, s, ark("exported"), dir("splink-best"))
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	var own, same, rival, best usage
	for _, c := range all {
		if c.err != nil {
			r.printf("%-16s %9d %-22s failed: %v\n", s.name, s.records, c.name, c.err)
			continue
		}
		u := median(c.runs)
		switch c.name {
		case "ark default":
			own = u
		case "ark same levels":
			same = u
		case "splink same levels":
			rival = u
		case "splink ark's rules":
			best = u
		}
		r.printf("%-16s %9d %-22s %8.2f %8.2f %8.0f  %s\n", s.name, s.records, c.name, u.CPU, u.Wall, float64(u.RSS)/1e6, r.scored(ctx, c, s))
	}
	if same.CPU > 0 && rival.CPU > 0 {
		r.printf("%-16s %9s same blocking and levels: Ark takes %.1f times less CPU and %.1f times less memory than Splink\n",
			s.name, "", rival.CPU/same.CPU, float64(rival.RSS)/float64(same.RSS))
		r.printf("%-16s %9s Ark's default takes %.1f times less CPU and %.1f times less memory than Splink with its own levels\n",
			s.name, "", rival.CPU/own.CPU, float64(rival.RSS)/float64(own.RSS))
	}
	if best.CPU > 0 {
		r.printf("%-16s %9s Ark's default takes %.1f times less CPU and %.1f times less memory than Splink with the default's rules and levels\n",
			s.name, "", best.CPU/own.CPU, float64(best.RSS)/float64(own.RSS))
	}
	if s.people > 0 && own.CPU > 0 {
		each := own.CPU / float64(s.people)
		if r.first == 0 {
			r.first = each
		}
		r.printf("%-16s %9s ark default: %.1f CPU µs for each person, %.2f times that of the smallest size\n", s.name, "", each*1e6, each/r.first)
	}
	return nil
}

// best runs Splink once with the blocking rules and levels that Ark's default has
// for a set, as Ark exports them; Splink trains them itself.
func (r *runner) best(ctx context.Context, s *set, export *contestant, out string) (*contestant, error) {
	for _, d := range []string{export.out, out} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	m := filepath.Join(r.Dir, s.name+"_best.json")
	if _, err := measured(ctx, append(export.args, "--export-model", m)); err != nil {
		return nil, err
	}
	c := &contestant{name: "splink ark's rules", out: out, args: []string{r.python, filepath.Join(r.Dir, "splink_run.py"), s.file, m, out, "2", "12GB", "train"}}
	u, err := measured(ctx, c.args)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	c.runs, c.err = []usage{u}, err
	return c, nil
}

// scored runs the third program on what a contestant wrote.
func (r *runner) scored(ctx context.Context, c *contestant, s *set) string {
	if r.python == "" {
		return "not scored (the scorer needs Splink's environment)"
	}
	out, err := exec.CommandContext(ctx, r.python, filepath.Join(r.Dir, "score.py"), filepath.Join(c.out, "pairs.parquet"),
		filepath.Join(c.out, "clusters.parquet"), s.truth).Output()
	var x score
	if err == nil {
		err = json.Unmarshal(out, &x)
	}
	if err != nil {
		return fmt.Sprintf("not scored: %v", err)
	}
	return fmt.Sprintf("%7.4f %7.4f %7.4f %7.4f", x.At95.F1, x.At50.F1, x.Best.F1, x.Clusters.F1)
}

// measured runs a program in a fresh process.
func measured(ctx context.Context, args []string) (usage, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	began := time.Now()
	err := cmd.Run()
	u := usage{Wall: time.Since(began).Seconds()}
	if cmd.ProcessState != nil {
		u.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
		if ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			u.RSS = int64(ru.Maxrss) * 1024
		}
	}
	if err != nil {
		err = fmt.Errorf("%w: %s", err, last(stderr.Bytes()))
	}
	return u, err
}

func median(runs []usage) usage {
	sorted := slices.Clone(runs)
	slices.SortFunc(sorted, func(a, b usage) int {
		switch {
		case a.CPU < b.CPU:
			return -1
		case a.CPU > b.CPU:
			return 1
		}
		return 0
	})
	return sorted[len(sorted)/2]
}

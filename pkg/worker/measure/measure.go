package measure

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Options say what to measure.
type Options struct {
	Ark    string // this program, started anew for every stage
	Engine string // ark-engine
	Rival  string // the compiled tests of pkg/engine/duck, whose TestRival runs SQL; "" leaves the rival out
	Dir    string // an empty or absent folder, removed at the end
	Rows   int    // of a delivery of text
	Busy   int    // of a region: how many times the ordinary number of contacts
	Big    int    // of a payload table that is published and cut
	Rounds int    // how often each side is run, by turns
	One    bool   // of a region: end after one stage; the next call goes on
	Out    io.Writer
}

// Used is what a process used.
type Used struct {
	Wall, CPU time.Duration
	Peak      int64 // MiB
	Spill     int64 // MiB of files without a name, at most
}

// stages are what Stage does, by name.
var stages = map[string]func(ctx context.Context, s *shop, rows int) error{
	"prepare-csv": func(ctx context.Context, s *shop, n int) error {
		return s.prepareDelivery(ctx, "wide.csv", "results", "result_id,patient_id,reported_on,collected_on,code,value,low,high,unit,repeats,urgent,note\n", n, wideRow)
	},
	"csv": func(ctx context.Context, s *shop, _ int) error { return s.takeIn(ctx, "wide.csv", wideContract) },
	"prepare-fhir": func(ctx context.Context, s *shop, n int) error {
		return s.prepareDelivery(ctx, "encounters.ndjson", "encounters", "", n, encounter)
	},
	"fhir": func(ctx context.Context, s *shop, _ int) error {
		return s.takeIn(ctx, "encounters.ndjson", fhirContract)
	},
	"prepare-publish": func(ctx context.Context, s *shop, n int) error { return s.prepareVersion(ctx, n) },
	"publish":         func(ctx context.Context, s *shop, _ int) error { return s.publish(ctx) },
	"prepare-cut": func(ctx context.Context, s *shop, _ int) error {
		if err := s.plain(ctx, s.State.Refs["version person"], "person.parquet"); err != nil {
			return err
		}
		return s.plain(ctx, s.State.Refs["version visits"], "visits.parquet")
	},
	"cut":           func(ctx context.Context, s *shop, _ int) error { return s.cut(ctx) },
	"city-generate": func(ctx context.Context, s *shop, n int) error { return s.cityGenerate(ctx, n, s.busy) },
	"city-intake":   func(ctx context.Context, s *shop, _ int) error { return s.cityIntake(ctx) },
	"city-link":     func(ctx context.Context, s *shop, _ int) error { return s.cityLink(ctx) },
	"city-publish":  func(ctx context.Context, s *shop, _ int) error { return s.cityPublish(ctx) },
}

// Stage does one stage in this process and says what it used.
func Stage(ctx context.Context, name, dir, engine string, rows, busy int, out io.Writer) error {
	do, ok := stages[name]
	if !ok {
		return ark.Faultf(ark.Unknown, "there is no stage %q", name)
	}
	s, err := open(dir, engine)
	if err != nil {
		return err
	}
	s.busy, s.stage, s.began = max(busy, 1), name, time.Now()
	if strings.HasPrefix(name, "city-") { // these go on where they were interrupted
		s.before = s.State.Spent[name]
	}
	most := watch(unnamed)
	if err := do(ctx, s, rows); err != nil {
		return err
	}
	s.spill = most()
	if err := s.save(); err != nil {
		return err
	}
	u := s.State.Spent[name]
	fmt.Fprintf(out, "stage wall %.3f cpu %.3f peak %d spill %d\n", u.Wall.Seconds(), u.CPU.Seconds(), u.Peak, u.Spill)
	return nil
}

// unnamed is the size of this process's open files that have no name any more:
// what its sorts spilled. No walk through a folder finds them.
func unnamed() (n int64) {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	for _, f := range open {
		var st syscall.Stat_t
		if syscall.Stat("/proc/self/fd/"+f.Name(), &st) == nil && st.Nlink == 0 && st.Mode&syscall.S_IFMT == syscall.S_IFREG {
			n += st.Size
		}
	}
	return n
}

// used is what this process and those before it, which were interrupted, used
// for the stage.
func (s *shop) used() (u Used, err error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return u, err
	}
	return Used{s.before.Wall + time.Since(s.began), s.before.CPU + time.Duration(r.Utime.Nano()+r.Stime.Nano()), max(s.before.Peak, r.Maxrss>>10), max(s.before.Spill, s.spill>>20)}, nil
}

// child starts a program and reads the line that says what it used.
func child(ctx context.Context, env []string, program string, args ...string) (Used, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return Used{}, ark.Faultf(ark.Internal, "%s did not end well: %s", filepath.Base(program), strings.TrimSpace(errs.String()+lastLine(out.String()))).Because(err)
	}
	for _, line := range strings.Split(out.String(), "\n") {
		var wall, cpu float64
		var u Used
		if n, _ := fmt.Sscanf(line[strings.Index(line, " ")+1:], "wall %f cpu %f peak %d spill %d", &wall, &cpu, &u.Peak, &u.Spill); n >= 3 {
			u.Wall, u.CPU = time.Duration(wall*float64(time.Second)), time.Duration(cpu*float64(time.Second))
			return u, nil
		}
	}
	return Used{}, ark.Faultf(ark.Internal, "%s did not say what it used", filepath.Base(program))
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

func (o Options) stage(ctx context.Context, name string, rows int) (Used, error) {
	return child(ctx, nil, o.Ark, "bench", "data", "--stage", name, "--dir", o.Dir, "--rows", fmt.Sprint(rows), "--busy", fmt.Sprint(o.Busy), "--engine", o.Engine)
}

// rival runs a statement in a plain DuckDB with as many threads.
func (o Options) rival(ctx context.Context, sql string) (Used, error) {
	text := fmt.Sprintf("SET threads=2\n--\nSET memory_limit='6GB'\n--\nSET temp_directory='%s'\n--\n%s", filepath.Join(o.Dir, "tmp"), strings.ReplaceAll(sql, "DIR", o.Dir))
	return child(ctx, []string{"ARK_RIVAL_SQL=" + text}, o.Rival, "-test.run", "^TestRival$")
}

const parquetOut = " TO 'DIR/rival.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 65536)"

// Run measures every row of the table. Ark and its rival are run by turns; of
// each side's rounds the fastest counts, which other work on the machine
// disturbed least.
func Run(ctx context.Context, o Options) error {
	defer os.RemoveAll(o.Dir)
	fmt.Fprintf(o.Out, "%-52s %10s %9s %9s %9s %9s %9s %9s %9s %9s %7s %7s\n", "stage (fresh processes, two threads, zstd, sorted)", "rows", "Ark s", "CPU s", "peak MiB", "disk MB", "DuckDB s", "CPU s", "peak MiB", "disk MB", "wall x", "CPU x")
	for _, row := range []struct {
		says, name string
		rows       int
		sql        string
	}{
		{"CSV with 20 typed rules to checked, keyed Parquet", "csv", o.Rows, "COPY (SELECT * FROM read_csv('DIR/wide.csv') ORDER BY hash(result_id))" + parquetOut},
		{"FHIR NDJSON to checked, keyed Parquet", "fhir", o.Rows / 4, "COPY (SELECT id, subject.reference AS patient, class.code AS class, type[1].coding[1].code AS type, period.start AS s, period.end AS e FROM read_json('DIR/encounters.ndjson', format='newline_delimited', columns={id: 'VARCHAR', subject: 'STRUCT(reference VARCHAR)', class: 'STRUCT(code VARCHAR)', type: 'STRUCT(coding STRUCT(code VARCHAR)[])[]', period: 'STRUCT(\"start\" TIMESTAMP, \"end\" TIMESTAMP)'}) ORDER BY hash(id))" + parquetOut},
		{"pseudonymise and publish", "publish", o.Big, "COPY (SELECT person_record_key, '" + org + "' AS org, code, day, value, unit FROM 'DIR/payload.parquet' ORDER BY ALL)" + parquetOut},
		{"cut of a tenth of the people", "cut", o.Big, "COPY (SELECT person, code, day, value, unit FROM 'DIR/visits.parquet' WHERE person IN (SELECT person FROM 'DIR/person.parquet' WHERE year_of_birth BETWEEN 1940 AND 1947) ORDER BY hash(person), code, day, value, unit)" + parquetOut},
	} {
		if row.rows == 0 {
			continue
		}
		if _, err := o.stage(ctx, "prepare-"+row.name, row.rows); err != nil {
			return err
		}
		var a, b tried
		for range max(o.Rounds, 1) {
			err := a.try(o.Dir, func() (Used, error) { return o.stage(ctx, row.name, row.rows) })
			if err == nil && o.Rival != "" {
				err = b.try(o.Dir, func() (Used, error) { return o.rival(ctx, row.sql) })
			}
			if err != nil {
				return err
			}
		}
		fmt.Fprintf(o.Out, "%-52s %10d %s", row.says, row.rows, a)
		if o.Rival != "" {
			fmt.Fprintf(o.Out, " %s %7.2f %7.2f", b, a.wall.Seconds()/b.wall.Seconds(), a.cpu.Seconds()/b.cpu.Seconds())
		}
		fmt.Fprintln(o.Out)
	}
	return nil
}

// tried is the best of a side's rounds.
type tried struct {
	wall, cpu  time.Duration
	peak, disk int64 // MiB; bytes beyond what was there before
}

func (t *tried) try(dir string, run func() (Used, error)) error {
	before := size(dir)
	most := watch(func() int64 { return size(dir) })
	u, err := run()
	disk := most() - before + u.Spill<<20
	if t.wall == 0 {
		t.wall, t.cpu = u.Wall, u.CPU
	}
	t.wall, t.cpu, t.peak, t.disk = min(t.wall, u.Wall), min(t.cpu, u.CPU), max(t.peak, u.Peak), max(t.disk, disk)
	return err
}

// String implements fmt.Stringer.
func (t tried) String() string {
	return fmt.Sprintf("%9.2f %9.2f %9d %9d", t.wall.Seconds(), t.cpu.Seconds(), t.peak, t.disk/1e6)
}

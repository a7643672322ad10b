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
	Out    io.Writer
}

// Used is what a process used.
type Used struct {
	Wall, CPU time.Duration
	Peak      int64 // MiB
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
	s.busy, s.stage, s.began, s.before = max(busy, 1), name, time.Now(), s.State.Spent[name]
	if err := do(ctx, s, rows); err != nil {
		return err
	}
	if err := s.save(); err != nil {
		return err
	}
	u := s.State.Spent[name]
	fmt.Fprintf(out, "stage wall %.3f cpu %.3f peak %d\n", u.Wall.Seconds(), u.CPU.Seconds(), u.Peak)
	return nil
}

// used is what this process and those before it, which were interrupted, used
// for the stage.
func (s *shop) used() (u Used, err error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return u, err
	}
	return Used{s.before.Wall + time.Since(s.began), s.before.CPU + time.Duration(r.Utime.Nano()+r.Stime.Nano()), max(s.before.Peak, r.Maxrss>>10)}, nil
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
		if _, err := fmt.Sscanf(line[strings.Index(line, " ")+1:], "wall %f cpu %f peak %d", &wall, &cpu, &u.Peak); err == nil {
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

const parquetOut = " TO 'DIR/rival.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 65536)"

// Run measures every row of the table.
func Run(ctx context.Context, o Options) error {
	defer os.RemoveAll(o.Dir)
	fmt.Fprintf(o.Out, "%-52s %10s %9s %9s %9s %9s %9s %7s\n", "stage (fresh processes, two threads, zstd, sorted)", "rows", "Ark s", "CPU s", "peak MiB", "DuckDB s", "CPU s", "wall x")
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
		a, err := o.stage(ctx, row.name, row.rows)
		if err != nil {
			return err
		}
		fmt.Fprintf(o.Out, "%-52s %10d %9.2f %9.2f %9d", row.says, row.rows, a.Wall.Seconds(), a.CPU.Seconds(), a.Peak)
		if o.Rival != "" {
			b, err := o.rival(ctx, row.sql)
			if err != nil {
				return err
			}
			fmt.Fprintf(o.Out, " %9.2f %9.2f %7.2f", b.Wall.Seconds(), b.CPU.Seconds(), a.Wall.Seconds()/b.Wall.Seconds())
		}
		fmt.Fprintln(o.Out)
	}
	return nil
}

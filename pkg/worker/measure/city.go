package measure

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/intake"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/synthetic"
)

// City takes a whole region from deliveries through linkage to published
// versions by the workers' own steps, each stage in a fresh process. A raw
// delivery is removed as soon as it is taken in. Interrupted, it goes on where
// it was when it is called again with the same folder, which it removes at its
// end. tree is the checkout, for the demonstration's contracts and datasets.
func City(ctx context.Context, o Options, people int, tree string) error {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return err
	}
	if err := os.Symlink(filepath.Join(tree, "deploy", "demo"), filepath.Join(o.Dir, "demo")); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	done, err := os.OpenFile(filepath.Join(o.Dir, "stages.txt"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer done.Close()
	before, err := io.ReadAll(done)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "%-14s %9s %9s %9s %14s %10s %10s\n%s", "stage", "wall s", "CPU s", "peak MiB", "rows/s of wall", "disk GB", "at most", before)
	for _, name := range []string{"city-generate", "city-intake", "city-link", "city-publish"} {
		if strings.Contains(string(before), name[5:]+" ") {
			continue
		}
		full := watch(func() int64 { return size(o.Dir) })
		u, err := o.stage(ctx, name, people)
		most := full() + u.Spill<<20
		if err != nil {
			return err
		}
		s, err := readState(o.Dir)
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%-14s %9.1f %9.1f %9d %14.0f %10.2f %10.2f\n", name[5:], u.Wall.Seconds(), u.CPU.Seconds(), u.Peak, float64(s.Made.Rows)/u.Wall.Seconds(), float64(size(o.Dir))/1e9, float64(most)/1e9)
		if _, err := io.WriteString(io.MultiWriter(done, o.Out), line); err != nil || o.One {
			return err
		}
	}
	s, err := readState(o.Dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "%d people, %d sources of %d organisations, %d files, %d rows, %.1f GB of CSV; %d rows taken in, %d set aside; %d tables published of %d rows\n",
		s.Made.People, s.Made.Sources, s.Orgs, s.Made.Files, s.Made.Rows, float64(s.Made.Bytes)/1e9, s.Rows, s.Bad, s.Tables, s.Published)
	return os.RemoveAll(o.Dir)
}

// watch looks at a size every second until it is asked for the largest it saw.
func watch(size func() int64) func() int64 {
	quit, most := make(chan struct{}), make(chan int64)
	go func() {
		var n int64
		for {
			n = max(n, size())
			select {
			case <-quit:
				most <- max(n, size())
				return
			case <-time.After(time.Second):
			}
		}
	}()
	return func() int64 { close(quit); return <-most }
}

func readState(dir string) (s state, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "state.json"))
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

// cityGenerate makes the region in a folder that is there only once it is whole.
func (s *shop) cityGenerate(ctx context.Context, people, busy int) error {
	part := filepath.Join(s.dir, "region.part")
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	var err error
	if s.State.Made, err = synthetic.Generate(ctx, synthetic.Options{People: people, Busy: busy, Seed: 1, Dir: part}); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(part, "truth")); err != nil {
		return err
	}
	return os.Rename(part, filepath.Join(s.dir, "region"))
}

// size is what lies below a folder, in bytes.
func size(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // what went away while we looked
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
		return nil
	})
	return n
}

// citySource is a source of a generated region.
type citySource struct {
	ID, Contract, Organisation string
	Deliveries                 []string
}

func (s *shop) cityIntake(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(s.dir, "region", "sources.json"))
	if err != nil {
		return err
	}
	var sources []citySource
	if err := json.Unmarshal(text, &sources); err != nil {
		return err
	}
	orgs := map[string]bool{}
	for _, src := range sources {
		orgs[src.Organisation] = true
	}
	s.State.Orgs = len(orgs)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, cityBeside)
	for w := range errs {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(sources)) && errs[w] == nil; i = next.Add(1) - 1 {
				if errs[w] = s.citySource(ctx, sources[i]); errs[w] != nil {
					stop()
				}
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	slices.SortFunc(s.State.Order, func(a, b delivered) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Number, b.Number))
	})
	return nil
}

// cityBeside is how many sources are taken in at a time: one of them computes
// while another's files reach the disk. A source's deliveries come in order.
const cityBeside = 2

// citySource takes one source's deliveries in.
func (s *shop) citySource(ctx context.Context, src citySource) error {
	contract, err := os.ReadFile(filepath.Join(s.dir, "demo", "contracts", src.Contract))
	if err != nil {
		return err
	}
	for n, name := range src.Deliveries {
		if err := s.cityDelivery(ctx, src, n+1, name, string(contract)); err != nil {
			return fmt.Errorf("%s %s: %w", src.ID, name, err)
		}
	}
	return nil
}

func (s *shop) cityDelivery(ctx context.Context, src citySource, number int, name, contract string) error {
	dir := filepath.Join(s.dir, "region", "deliveries", src.ID, name)
	id := fmt.Sprintf("dlv_%s_%d", src.ID, number)
	s.mu.Lock()
	done := s.State.Sources[id] != nil // taken in before this run was interrupted
	s.mu.Unlock()
	if done {
		return os.RemoveAll(dir)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	job := catalogue.IntakeJob{Delivery: id, DeliveryName: name, Source: src.ID, Number: number, Contract: contract, Received: time.Now()}
	for _, f := range files {
		ref, err := s.land(ctx, id+"/"+f.Name(), filepath.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		job.Files = append(job.Files, catalogue.DeliveredFile{Name: f.Name(), Ref: ref})
	}
	var res catalogue.IntakeResult
	if err := s.do(ctx, "intake", "intake", job, &res); err != nil {
		return err
	}
	if res.Blocked != "" {
		return ark.Faultf(ark.Internal, "the delivery was blocked: %s", res.Blocked)
	}
	for _, f := range job.Files {
		if err := s.bench.Objects.Delete(ctx, objects.Landing, f.Ref.Name); err != nil {
			return err
		}
	}
	parsed, err := intake.ParseContract([]byte(contract))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.State.Sources[id], s.State.Rows, s.State.Bad = res.Outputs, s.State.Rows+res.Counts.Read, s.State.Bad+res.Counts.Quarantined
	s.State.Order = append(s.State.Order, delivered{src.ID, parsed.Name, src.Organisation, id, number})
	if err := s.save(); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

func (s *shop) cityLink(ctx context.Context) error {
	job := catalogue.LinkJob{Linkage: "lnk_1", Lists: map[string]objects.Ref{}}
	for _, d := range s.State.Order {
		if ref, ok := s.State.Sources[d.Delivery]["identifiers"]; ok {
			job.Inputs = append(job.Inputs, catalogue.LinkInput{Delivery: d.Delivery, Source: d.Source, Number: d.Number, Identifiers: ref, Demographics: s.State.Sources[d.Delivery]["demographics"]})
		}
	}
	for _, kind := range []string{catalogue.ListObjections, catalogue.ListOptOuts} {
		ref, err := s.land(ctx, "lists/"+kind, filepath.Join(s.dir, "region", "lists", kind+".dat"))
		if err != nil {
			return err
		}
		job.Lists[kind] = ref
	}
	var res catalogue.LinkResult
	if err := s.do(ctx, "linkage", "link", job, &res); err != nil {
		return err
	}
	for name, ref := range res.Outputs {
		s.State.Refs["linkage "+name] = ref
	}
	return nil
}

// cityPublish publishes every dataset of the demonstration whose contracts the
// region delivers.
func (s *shop) cityPublish(ctx context.Context) error {
	paths, err := filepath.Glob(filepath.Join(s.dir, "demo", "datasets", "*.yaml"))
	if err != nil || len(paths) == 0 {
		return errors.Join(err, ark.Faultf(ark.Unknown, "the demonstration has no datasets"))
	}
	for n, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		d, err := catalogue.ParseDataset(text)
		if err != nil {
			return err
		}
		job := catalogue.PublishJob{Version: fmt.Sprintf("ver_%032d", n+1), Number: 1, Linkage: "lnk_1", Index: s.State.Refs["linkage index"], Persons: s.State.Refs["linkage persons"], Objections: s.State.Refs["linkage objections"]}
		for i, t := range d.Tables {
			var from []catalogue.Origin
			for _, o := range t.From {
				for _, in := range s.State.Order {
					ref, ok := s.State.Sources[in.Delivery]["payload/"+o.Table]
					if in.Contract != o.Contract || !ok {
						continue
					}
					job.Inputs = append(job.Inputs, catalogue.PublishInput{Table: t.Name, Source: in.Source, Org: in.Org, Origin: o.Table, Delivery: in.Delivery, Number: in.Number, Ref: ref})
					if !slices.ContainsFunc(from, func(x catalogue.Origin) bool { return x.Source == in.Source && x.Table == o.Table }) {
						from = append(from, catalogue.Origin{Source: in.Source, Table: o.Table})
					}
				}
			}
			d.Tables[i].From = from
		}
		if len(job.Inputs) == 0 {
			continue
		}
		job.Dataset = *d
		var res catalogue.PublishResult
		if err := s.do(ctx, "publish", "publish", job, &res); err != nil {
			return fmt.Errorf("dataset %s: %w", d.Slug, err)
		}
		for _, t := range res.Tables {
			s.State.Refs[strings.Join([]string{"version", d.Slug, t.Name}, " ")] = t.Ref
			s.State.Tables, s.State.Published = s.State.Tables+1, s.State.Published+t.Rows
		}
	}
	return nil
}

package measure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue/publish"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/engine"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/folder"
	"github.com/ark-tre/ark/pkg/synthetic"
	"github.com/ark-tre/ark/pkg/worker"
	"github.com/ark-tre/ark/workspace/cut"
)

// shop is a keyring and an object store in a folder, and what the stages so far
// have made.
type shop struct {
	dir   string
	bench worker.Bench
	busy  int
	mu    sync.Mutex // of State and its file, while several sources are taken in
	State state

	stage  string
	began  time.Time
	before Used
	spill  int64 // bytes of spilled rows, at most
}

// state is what one stage leaves the next.
type state struct {
	Refs    map[string]objects.Ref            `json:"refs"`
	Sources map[string]map[string]objects.Ref `json:"sources"` // delivery → outputs
	Order   []delivered                       `json:"order"`
	Rows    int64                             `json:"rows"`
	Bad     int64                             `json:"bad"`

	Made      synthetic.Summary `json:"made"` // of a region
	Orgs      int               `json:"orgs"`
	Tables    int               `json:"tables"`
	Published int64             `json:"published"`
	Spent     map[string]Used   `json:"spent"` // by stage
}

type delivered struct {
	Source, Contract, Org, Delivery string
	Number                          int
}

func open(dir, program string) (*shop, error) {
	ring, store := filepath.Join(dir, "keys"), filepath.Join(dir, "objects")
	fresh := false
	if _, err := os.Stat(ring); errors.Is(err, fs.ErrNotExist) {
		fresh = true
		if err := errors.Join(os.MkdirAll(dir, 0o700), local.Init(ring), folder.Init(store, objects.DefaultRules())); err != nil {
			return nil, err
		}
	}
	if err := alone(dir); err != nil {
		return nil, err
	}
	keyring, err := local.Open(ring, time.Now)
	if err != nil {
		return nil, err
	}
	if fresh {
		for _, k := range []keys.Name{worker.LandingKey, worker.IdentifiersKey, worker.PayloadKey, worker.IndexKey, worker.RecordsKey, worker.PersonsKey,
			publish.DomainKey, publish.VersionsKey, publish.SigningKey, cut.SidecarKey} {
			if err := keyring.Create(context.Background(), k); err != nil {
				return nil, err
			}
		}
	}
	back, err := folder.Open(store, objects.DefaultRules(), time.Now)
	if err != nil {
		return nil, err
	}
	tmp := filepath.Join(dir, "tmp")
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		return nil, err
	}
	s := &shop{dir: dir, bench: worker.Bench{Objects: objects.New(back, keyring, objects.DefaultRules()), Keys: keyring, Engine: engine.Runner{Program: program}, Tmp: tmp, Trial: true},
		State: state{Refs: map[string]objects.Ref{}, Sources: map[string]map[string]objects.Ref{}, Spent: map[string]Used{}}}
	text, err := os.ReadFile(filepath.Join(dir, "state.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	return s, json.Unmarshal(text, &s.State)
}

// alone waits until no other process works in the folder: a stage outlives the
// command that started it, where that is killed. The lock ends with this process.
func alone(dir string) error {
	fd, err := syscall.Open(filepath.Join(dir, "lock"), syscall.O_CREAT|syscall.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	return syscall.Flock(fd, syscall.LOCK_EX)
}

func (s *shop) save() error {
	u, err := s.used()
	if err != nil {
		return err
	}
	s.State.Spent[s.stage] = u
	text, err := json.Marshal(s.State)
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, "state.json")
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// do runs a worker's job to its end and reads its result into out.
func (s *shop) do(ctx context.Context, role, kind string, in, out any) error {
	text, err := json.Marshal(in)
	if err != nil {
		return err
	}
	var carry json.RawMessage
	steps := s.bench.Roles()[role][kind]
	if len(steps) == 0 {
		return ark.Faultf(ark.Internal, "there is no job %s of %s", kind, role)
	}
	for _, step := range steps {
		res, err := step.Do(ctx, text, carry)
		if err != nil {
			return fmt.Errorf("%s: %w", step.Name, err)
		}
		if carry, err = json.Marshal(res); err != nil {
			return err
		}
	}
	return json.Unmarshal(carry, out)
}

// table writes rows as a sealed object and, where plain is named, once more as
// a plain file for the rival.
func (s *shop) table(ctx context.Context, zone objects.Zone, key keys.Name, name, plain string, shape columnar.Schema, rows int, row func(i int, into []columnar.Value)) (objects.Ref, error) {
	w := s.bench.Objects.Writer(ctx, zone, name, key)
	defer w.Abort()
	both := []*columnar.Writer{}
	t, err := columnar.NewWriter(w, shape, columnar.Options{Behind: true})
	if err != nil {
		return objects.Ref{}, err
	}
	defer t.Close()
	both = append(both, t)
	if plain != "" {
		f, err := os.Create(filepath.Join(s.dir, plain))
		if err != nil {
			return objects.Ref{}, err
		}
		defer f.Close()
		p, err := columnar.NewWriter(f, shape, columnar.Options{Behind: true})
		if err != nil {
			return objects.Ref{}, err
		}
		defer p.Close()
		both = append(both, p)
	}
	values := make([]columnar.Value, len(shape))
	for i := range rows {
		row(i, values)
		for _, t := range both {
			if err := t.Append(values); err != nil {
				return objects.Ref{}, err
			}
		}
	}
	for _, t := range both {
		if err := t.Close(); err != nil {
			return objects.Ref{}, err
		}
	}
	return w.Commit()
}

// plain writes an object's bytes to a file, for the rival.
func (s *shop) plain(ctx context.Context, ref objects.Ref, name string) error {
	in, err := s.bench.Objects.Open(ctx, ref)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(filepath.Join(s.dir, name))
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := out.ReadFrom(in); err != nil {
		return err
	}
	return out.Close()
}

// land puts a file into the landing zone.
func (s *shop) land(ctx context.Context, name, path string) (objects.Ref, error) {
	f, err := os.Open(path)
	if err != nil {
		return objects.Ref{}, err
	}
	defer f.Close()
	return s.bench.Objects.Put(ctx, objects.Landing, name, worker.LandingKey, f)
}

func (s *shop) landText(ctx context.Context, name string, v any) (objects.Ref, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return objects.Ref{}, err
	}
	return s.bench.Objects.Put(ctx, objects.Landing, name, worker.LandingKey, bytes.NewReader(text))
}

package instance

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"go.yaml.in/yaml/v3"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/backup"
	"github.com/ark-tre/ark/pkg/durable"
	"github.com/ark-tre/ark/pkg/fsck"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/ledger"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/policies"
)

// Taken is a backup that was taken.
type Taken struct {
	*backup.Manifest
	SHA256 string // of the bundle
	New    int    // objects that no earlier backup in the folder had
}

// TakeBackup copies the Ark, which may be at work, into the folder that its
// configuration names. first makes the folder one of backups. It runs as the
// owner of the box, who can be every role.
//
// One moment is copied, that of the snapshot of the metadata. Objects never
// change, so they are copied before it, and after it those that came since and
// that its rows name. The ledger is copied before it: acts that the snapshot
// has beyond are entered again after a restore, in the same order, and come to
// stand where they stood.
func TakeBackup(ctx context.Context, c Config, first bool, program string, log *slog.Logger) (Taken, error) {
	if err := c.oneBox(); err != nil {
		return Taken{}, err
	}
	if c.Backup.To == "" {
		return Taken{}, ark.Faultf(ark.Conflict, "the configuration does not say where backups go").At("config.yaml", 0, "backup").Do("set backup.to and backup.recipients; docs/production.md shows how")
	}
	to, err := backup.Recipients(c.Backup.Recipients)
	if err != nil {
		return Taken{}, err
	}
	open := backup.Open
	if first {
		open = backup.Make
	}
	folder, err := open(c.Backup.To)
	if err != nil {
		return Taken{}, err
	}
	unlock, err := folder.Lock()
	if err != nil {
		return Taken{}, err
	}
	defer unlock()
	ctl, err := openControl(ctx, c, log, true)
	if err != nil {
		return Taken{}, err
	}
	defer ctl.Close()
	stage, err := c.stage()
	if err != nil {
		return Taken{}, err
	}
	defer os.RemoveAll(stage)
	t := &taking{Config: c, ctl: ctl, folder: folder, to: to, stage: stage, had: c.readIndex(), index: map[string]kept{},
		m: &backup.Manifest{Taken: time.Now().UTC().Truncate(time.Second), Program: program, Origin: c.ledgerOrigin()}}
	t.m.Name = time.Now().UTC().Format("20060102T150405.000000Z") + "-" + strings.ToLower(rand.Text()[:6])
	for range 3 { // what a row names may be deleted between the snapshot and its copy
		if err = t.copy(ctx); !errors.Is(err, errMoved) {
			break
		}
	}
	if err != nil {
		return Taken{}, err
	}
	out := Taken{Manifest: t.m, New: t.fresh}
	err = folder.Write(t.m, stage, to, func(sum string) error {
		out.SHA256 = sum
		// Before the bundle has a name: what is not recorded did not happen.
		return ctl.Store.Act(ctx, store.Actor{System: "governance"}, "backup.take", store.Whole, func(*store.Tx) ([]store.Event, error) {
			return []store.Event{{Type: "backup.taken", Body: map[string]any{"name": t.m.Name, "sha256": sum, "ledger": t.m.Ledger, "acts": t.m.Acts, "objects": len(t.m.Objects), "by": caller()}}}, nil
		})
	})
	if err != nil {
		return Taken{}, err
	}
	return out, errors.Join(t.writeIndex(), c.ownCopies())
}

// oneBox refuses what keeps its parts in services, which have snapshots of
// their own.
func (c Config) oneBox() error {
	if c.Vault.Address != "" || c.S3.Endpoint != "" || c.Store != "sqlite:" {
		return ark.Faultf(ark.Conflict, "this Ark keeps its keys, objects or metadata in services, which are copied by their own means").
			Do("docs/production.md says in which order, and what of it is tested")
	}
	return nil
}

// caller says who runs this command, as the system knows them.
func caller() string {
	if id := os.Getenv("SUDO_UID"); id != "" {
		return "uid " + id + " by sudo"
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

const stagePrefix = "backup-"

// stage makes a folder of our own for what goes into the bundle, and removes
// what earlier ones left that were killed. The folder of backups is locked.
func (c Config) stage() (string, error) {
	old, err := filepath.Glob(c.Path("tmp", stagePrefix+"*"))
	if err != nil {
		return "", err
	}
	for _, dir := range old {
		if err := os.RemoveAll(dir); err != nil {
			return "", err
		}
	}
	return os.MkdirTemp(c.Path("tmp"), stagePrefix)
}

// taking is one backup while it is taken.
type taking struct {
	Config
	ctl    *Control
	folder *backup.Folder
	to     []age.Recipient
	stage  string
	m      *backup.Manifest
	had    map[string]kept // objects that are in the folder already
	index  map[string]kept
	fresh  int
}

// kept is an object that the folder of backups has.
type kept struct {
	Modified time.Time `json:"modified"`
	SHA256   string    `json:"sha256"`
	Size     int64     `json:"size"`
}

var errMoved = errors.New("an object that a row names went while it was copied")

// copy stages everything and notes it in the manifest.
func (t *taking) copy(ctx context.Context) error {
	entries, err := os.ReadDir(t.stage)
	if err != nil {
		return err
	}
	for _, e := range entries { // of an attempt before
		if err := os.RemoveAll(filepath.Join(t.stage, e.Name())); err != nil {
			return err
		}
	}
	t.m.Objects, t.m.Keys, t.m.Left = nil, nil, nil
	for _, step := range []func(context.Context) error{t.destroyed, t.ledger, t.data, t.keys, t.files, t.volumes} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// destroyed takes out of the folder the copies of keys that were destroyed.
func (t *taking) destroyed(ctx context.Context) error {
	return t.eachKey(ctx, func(ring *local.Keyring, i keys.Info) error {
		if !i.Destroyed {
			return nil
		}
		ev, err := ring.Evidence(i.Name)
		if err != nil {
			return err
		}
		return t.folder.DestroyKey(ev)
	})
}

// eachKey calls each with every key that the Ark has or had.
func (t *taking) eachKey(ctx context.Context, each func(*local.Keyring, keys.Info) error) error {
	ring, err := local.Open(t.Path("keys"), time.Now)
	if err != nil {
		return err
	}
	for _, class := range keys.Classes {
		infos, err := ring.List(ctx, class)
		if err != nil {
			return err
		}
		for _, i := range infos {
			if err := each(ring, i); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *taking) ledger(ctx context.Context) error {
	dir := filepath.Join(t.stage, "ledger")
	key, err := t.ctl.exportLedger(ctx, dir)
	if err != nil {
		return err
	}
	head, err := headOf(dir, key)
	if err != nil {
		return err
	}
	t.m.Ledger = backup.Head{Size: head.Size, Root: head.Root.String(), Key: key}
	return nil
}

// headOf reads the head of an exported ledger.
func headOf(dir string, keys ...string) (ledger.Checkpoint, error) {
	signed, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return ledger.Checkpoint{}, ark.Faultf(ark.Invalid, "that is no exported ledger").At(dir, 0, "").Do("ark ledger fetch makes one").Because(err)
	}
	return ledger.OpenCheckpoint(signed, keys...)
}

// data copies objects, the metadata, and the objects that came meanwhile.
func (t *taking) data(ctx context.Context) error {
	before := map[string]bool{}
	if err := t.objects(ctx, func(key string, o backup.Object) { before[key] = true }); err != nil {
		return err
	}
	path := filepath.Join(t.stage, "db", "ark.sqlite")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := t.ctl.Store.Snapshot(ctx, path); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=query_only(1)")
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.QueryRowContext(ctx, `SELECT n FROM counters WHERE name = 'outbox'`).Scan(&t.m.Acts); err != nil {
		return err
	}
	named, err := fsck.Names(ctx, db)
	if err != nil {
		return err
	}
	in := map[string]bool{}
	err = t.objects(ctx, func(key string, o backup.Object) {
		// What no row names and was there before is being made by a job that the
		// snapshot has; what came since is made again by it.
		if before[key] || named.Knows(objects.Zone(o.Zone), o.Name) {
			t.m.Objects = append(t.m.Objects, o)
			in[key] = true
		}
	})
	if err != nil {
		return err
	}
	for _, ref := range named.Needs() {
		if !in[string(ref.Zone)+"/"+ref.Name] && !objects.DefaultRules()[ref.Zone].Plain {
			return ark.Faultf(ark.Conflict, "the object %q in the zone %q is named by a row and is not there", ref.Name, string(ref.Zone)).
				Do("ark fsck says more; a backup without it would not be one").Because(errMoved)
		}
	}
	return nil
}

// objects copies every object that is not in the folder yet, and calls each.
func (t *taking) objects(ctx context.Context, each func(key string, o backup.Object)) error {
	rules := objects.DefaultRules()
	back, err := t.backend(ctx, Credential{}, rules)
	if err != nil {
		return err
	}
	for z := range rules {
		if z == objects.Ledger {
			continue
		}
		for meta, err := range back.List(ctx, z, "") {
			if err != nil {
				return err
			}
			if rules[z].Plain { // readable by anybody there, by nobody here
				if err := t.plain(ctx, back, z, meta); err != nil {
					return err
				}
				continue
			}
			key := string(z) + "/" + meta.Name
			k, ok := t.index[key]
			if was, had := t.had[key]; !ok && had && was.Modified.Equal(meta.Modified) && was.Size == meta.Size && t.folder.Has(was.SHA256, was.Size) {
				k, ok = was, true
			}
			if !ok {
				if k, err = t.keep(ctx, back, z, meta); errors.Is(err, objects.ErrNotFound) {
					continue // deleted meanwhile; if a row names it, that is said
				} else if err != nil {
					return err
				}
			}
			t.index[key] = k
			each(key, backup.Object{Zone: string(z), Name: meta.Name, SHA256: k.SHA256, Size: k.Size})
		}
	}
	return nil
}

// plainDir holds, in the bundle, the objects of zones that are not sealed.
const plainDir = "plain"

func (t *taking) plain(ctx context.Context, back objects.Backend, z objects.Zone, meta objects.Meta) error {
	file := filepath.Join(t.stage, plainDir, string(z), filepath.FromSlash(meta.Name))
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	r, err := back.Read(ctx, z, meta.Name, 0, -1)
	if errors.Is(err, objects.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, r)
	return errors.Join(err, out.Close())
}

func (t *taking) keep(ctx context.Context, back objects.Backend, z objects.Zone, meta objects.Meta) (kept, error) {
	r, err := back.Read(ctx, z, meta.Name, 0, -1)
	if err != nil {
		return kept{}, err
	}
	defer r.Close()
	sum, n, err := t.folder.Keep(r)
	t.fresh++
	return kept{Modified: meta.Modified, SHA256: sum, Size: n}, err
}

// keys copies the standing keys into the bundle, and those that can be
// destroyed beside it.
func (t *taking) keys(ctx context.Context) error {
	return t.eachKey(ctx, func(ring *local.Keyring, i keys.Info) error {
		files, err := ring.Copy(i.Name)
		gone := ark.Is(err, ark.Lapsed)
		if err != nil && !gone {
			return err
		}
		if slices.Contains(standing, i.Name) {
			if gone {
				return lost(i.Name)
			}
			return writeKey(filepath.Join(t.stage, "keys", string(i.Name.Class()), i.Name.Local()), files)
		}
		t.m.Keys = append(t.m.Keys, backup.Key{Name: i.Name, Destroyed: gone})
		if gone {
			return nil
		}
		return t.folder.KeepKey(i.Name, files, t.to)
	})
}

func writeKey(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// ending are the files of identity/ that end with a restore: they are secrets
// of running sign-ins, and are made anew.
var ending = []string{"secret", "keys.json"}

// files copies the configuration and the accounts.
func (t *taking) files(context.Context) error {
	text, err := yaml.Marshal(t.Config)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(t.stage, "config.yaml"), text, 0o600); err != nil {
		return err
	}
	entries, err := os.ReadDir(t.Path("identity"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(t.stage, "identity"), 0o700); err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || slices.Contains(ending, e.Name()) || strings.HasPrefix(e.Name(), durable.TempPrefix) {
			continue
		}
		if err := copyFile(t.Path("identity", e.Name()), filepath.Join(t.stage, "identity", e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}

// volumes copies the homes of workspaces that are closed. One that is open
// changes under the hands of whoever copies it, and is left out and named.
func (t *taking) volumes(ctx context.Context) error {
	for _, part := range []string{"volumes/*.img", "records/*.json"} {
		paths, err := filepath.Glob(t.Path("workspaces", part))
		if err != nil {
			return err
		}
		for _, path := range paths {
			id, _, _ := strings.Cut(filepath.Base(path), ".")
			before, err := t.closedVolume(ctx, id)
			if err != nil {
				return err
			}
			if before.IsZero() {
				if strings.HasPrefix(part, "volumes") {
					t.m.Left = append(t.m.Left, "the home of the workspace "+id+", which is open")
				}
				continue
			}
			if strings.HasPrefix(part, "records") { // it names what is in the extract
				err := os.MkdirAll(filepath.Join(t.stage, "records"), 0o700)
				if err == nil {
					err = copyFile(path, filepath.Join(t.stage, "records", filepath.Base(path)))
				}
				if err != nil {
					return err
				}
				continue
			}
			o, err := t.volume(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			if after, err := t.closedVolume(ctx, id); err != nil || !after.Equal(before) {
				if err == nil {
					t.m.Left = append(t.m.Left, "the home of the workspace "+id+", which was opened meanwhile")
				}
				continue
			}
			t.m.Objects = append(t.m.Objects, o)
		}
	}
	return nil
}

func (t *taking) volume(path string) (backup.Object, error) {
	f, err := os.Open(path)
	if err != nil {
		return backup.Object{}, err
	}
	defer f.Close()
	sum, n, err := t.folder.Keep(f)
	name, rerr := filepath.Rel(t.Path("workspaces"), path)
	return backup.Object{Zone: backup.Volumes, Name: filepath.ToSlash(name), SHA256: sum, Size: n}, errors.Join(err, rerr)
}

// closedVolume returns when the volume of a workspace was last written to, zero
// when it is open or not there.
func (t *taking) closedVolume(ctx context.Context, id string) (time.Time, error) {
	host, err := t.onHost(ctx)
	if err != nil || slices.Contains(host.Mounts, id) || slices.Contains(host.Sandboxes, id) {
		return time.Time{}, err
	}
	info, err := os.Stat(t.Path("workspaces", "volumes", id+".img"))
	if err != nil {
		return time.Time{}, nil
	}
	return info.ModTime(), nil
}

// The index says which objects the folder of backups has, so that they are not
// read again. It is a help only: what it says is held against the folder.
func (c Config) indexFile() string { return c.Path("db", "backup-index.json") }

func (c Config) readIndex() map[string]kept {
	var in struct {
		To      string
		Objects map[string]kept
	}
	text, err := os.ReadFile(c.indexFile())
	if err != nil || json.Unmarshal(text, &in) != nil || in.To != c.Backup.To {
		return nil
	}
	return in.Objects
}

func (t *taking) writeIndex() error {
	text, err := json.Marshal(map[string]any{"To": t.Backup.To, "Objects": t.index})
	if err != nil {
		return err
	}
	return durable.WriteFile(t.indexFile(), text, 0o600)
}

// ownCopies gives the folder of copied keys to the control plane, which can
// open none of them: it destroys the copy with the key.
func (c Config) ownCopies() error {
	if c.Backup.To == "" || os.Geteuid() != 0 {
		return nil
	}
	if _, err := backup.Open(c.Backup.To); err != nil {
		return nil // not mounted: a destruction then says that a copy remains
	}
	grants, err := policies.LoadGrants()
	if err != nil {
		return err
	}
	return own(filepath.Join(c.Backup.To, "keys"), identities(grants)["control"].uid, 0o700)
}

// destroyCopy takes the copy of a destroyed key out of the folder of backups,
// or says in the evidence that it remains.
func (c Config) destroyCopy(ev *keys.Evidence, log *slog.Logger) {
	if c.Backup.To == "" {
		return
	}
	folder, err := backup.Open(c.Backup.To)
	if err == nil {
		err = folder.DestroyKey(*ev)
	}
	if err != nil {
		log.Warn("the copy of a destroyed key in the folder of backups was not reached; the next ark backup destroys it", "key", ev.Name, "err", err)
		ev.Remains = append(ev.Remains, "its sealed copy in the folder of backups, which was not reached, until the next backup is taken or a restore hears of this entry")
	}
}

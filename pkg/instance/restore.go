package instance

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"go.yaml.in/yaml/v3"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/backup"
	"github.com/ark-tre/ark/pkg/durable"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/ledger"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/folder"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
)

// Restoring says what to restore, and where.
type Restoring struct {
	Dir    string // of the new Ark: not there, or empty
	From   string // the folder of backups
	Name   string // of the backup; "": the newest
	With   []age.Identity
	SHA256 string // of the bundle, where it was noted; "": not compared
	Ledger string // a later export of the same Ark's ledger; "": none
	Origin string // of the new Ark, on the same host; "": as it was
	Listen string // "": as it was
}

// Restored is what became of it.
type Restored struct {
	*backup.Manifest
	SHA256 string
	Known  int64       // entries of the newest ledger that is known of
	Lost   int64       // acts that are known to be lost
	Until  time.Time   // when the last of what is known happened
	Gone   []keys.Name // keys that were not brought back
	Later  governance.Later
	Again  []string // what was taken away after the backup and has to be again, by people
	Ended  int      // workspaces whose homes were not in the backup
}

// Restore makes an Ark of a backup in an empty place. Nothing can start it
// before all is done: its configuration comes last. What a later ledger, or the
// folder of backups, says to have been destroyed, closed or suspended after the
// backup is so in the restored Ark before anybody can ask it for anything.
func Restore(ctx context.Context, o Restoring, log *slog.Logger) (Restored, error) {
	r, err := beginRestore(o)
	if err != nil {
		return Restored{}, err
	}
	for _, step := range []func(context.Context) error{r.later, r.keys, r.objects, r.ledger, r.files} {
		if err := step(ctx); err != nil {
			return r.Restored, err
		}
	}
	if err := r.begin(ctx, log); err != nil {
		return r.Restored, err
	}
	if err := os.RemoveAll(r.stage); err != nil {
		return r.Restored, err
	}
	text, err := yaml.Marshal(r.cfg)
	if err != nil {
		return r.Restored, err
	}
	return r.Restored, durable.WriteFile(r.cfg.Path("config.yaml"), text, 0o644)
}

type restoring struct {
	Restoring
	Restored
	folder *backup.Folder
	stage  string
	cfg    Config
	acts   int64
	heard  string            // the newest ledger that is known of
	head   ledger.Checkpoint // its head
	closed []string          // projects
	issuer string            // who signed users in
	ended  []string          // versions
}

func beginRestore(o Restoring) (*restoring, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, ark.Faultf(ark.Conflict, "%s is not empty", dir).Do("restore into a new folder; remove what an interrupted restore left, never an Ark that lives")
	}
	r := &restoring{Restoring: o}
	if r.folder, err = backup.Open(o.From); err != nil {
		return nil, err
	}
	if o.Name == "" {
		if r.Name, err = r.folder.Newest(); err != nil {
			return nil, err
		}
	}
	r.stage = filepath.Join(dir, "tmp", "restore")
	for _, d := range []string{"", "db", "run", "tmp", "log", "identity", "workspaces"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.Mkdir(r.stage, 0o700); err != nil {
		return nil, err
	}
	r.Manifest, r.Restored.SHA256, err = r.folder.Unpack(r.Name, filepath.Join(r.stage, "bundle"), o.With)
	if err != nil {
		return nil, err
	}
	if o.SHA256 != "" && o.SHA256 != r.Restored.SHA256 {
		return nil, ark.Faultf(ark.Conflict, "the bundle is not the one whose SHA-256 was given").Do("compare it with what ark backup printed, and with the entry backup.taken of the ledger")
	}
	return r, r.configure(dir)
}

func (r *restoring) configure(dir string) error {
	text, err := os.ReadFile(filepath.Join(r.stage, "bundle", "config.yaml"))
	if err != nil {
		return err
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&r.cfg); err != nil {
		return ark.Faultf(ark.Invalid, "the configuration in the backup cannot be read: %v", err).Do("use the version of Ark that took it: " + r.Program)
	}
	r.cfg.dir, r.issuer = dir, r.cfg.issuerURL()
	r.cfg.Backup = Backup{} // a drill must not write over the copies of the Ark that lives
	if _, err := os.Stat(r.cfg.program("ark")); errors.Is(err, fs.ErrNotExist) {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		r.cfg.Programs = filepath.Dir(self)
	}
	if r.Listen != "" {
		r.cfg.Listen = r.Listen
	}
	if r.Restoring.Origin != "" {
		was := r.cfg.host()
		r.cfg.Origin = strings.TrimSuffix(r.Restoring.Origin, "/")
		if u, err := url.Parse(r.cfg.Origin); err != nil || u.Hostname() != was {
			return ark.Faultf(ark.Invalid, "the new origin is on another host, and the ledger and the accounts are of %s", was).At("", 0, "origin").Do("change the port only")
		}
	}
	return errors.Join(r.cfg.check(), r.cfg.oneBox())
}

func (r *restoring) bundle(parts ...string) string {
	return filepath.Join(append([]string{r.stage, "bundle"}, parts...)...)
}

// keys brings the keys back, but for those that were destroyed.
func (r *restoring) keys(context.Context) error {
	if err := local.Init(r.cfg.Path("keys")); err != nil {
		return err
	}
	ring, err := local.Open(r.cfg.Path("keys"), time.Now)
	if err != nil {
		return err
	}
	for _, k := range standing {
		files := map[string][]byte{}
		entries, err := os.ReadDir(r.bundle("keys", string(k.Class()), k.Local()))
		if errors.Is(err, fs.ErrNotExist) {
			if _, ok := later(k); ok {
				continue // taken from an older Ark: serve adds it
			}
			return lost(k)
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			if files[e.Name()], err = os.ReadFile(r.bundle("keys", string(k.Class()), k.Local(), e.Name())); err != nil {
				return err
			}
		}
		if err := ring.Take(k, files); err != nil {
			return err
		}
	}
	for _, k := range r.Manifest.Keys {
		if err := r.key(ring, k); err != nil {
			return err
		}
	}
	return nil
}

func (r *restoring) key(ring *local.Keyring, k backup.Key) error {
	ev, gone, err := r.folder.Destroyed(k.Name)
	if err != nil {
		return err
	}
	project := ""
	if k.Name.Class() == keys.Project {
		project = k.Name.Local()
	}
	version := ""
	if k.Name.Class() == keys.Versions {
		version = k.Name.Local()
	}
	if !gone && !k.Destroyed && !slices.Contains(r.closed, project) && !slices.Contains(r.ended, version) {
		files, err := r.folder.Key(k.Name, r.With)
		if err != nil {
			return err
		}
		return ring.Take(k.Name, files)
	}
	if ev.Name == "" || ev.Method == "" {
		ev = keys.Evidence{Name: k.Name, Time: time.Now().UTC().Truncate(time.Second), Method: "not brought back from the backup: the ledger, or the folder of backups, tells of its destruction",
			Remains: []string{"older copies of the folder of backups, until each is destroyed by its own procedure"}}
	}
	if !k.Destroyed {
		r.Gone = append(r.Gone, k.Name)
	}
	if project != "" && !slices.Contains(r.closed, project) {
		r.closed = append(r.closed, project)
	}
	if version != "" && !slices.Contains(r.ended, version) {
		r.ended = append(r.ended, version)
	}
	return ring.Bury(ev)
}

func (r *restoring) objects(ctx context.Context) error {
	rules := objects.DefaultRules()
	if err := folder.Init(r.cfg.Path("objects"), rules); err != nil {
		return err
	}
	back, err := folder.Open(r.cfg.Path("objects"), rules, time.Now)
	if err != nil {
		return err
	}
	for _, o := range r.Manifest.Objects {
		if err := ctx.Err(); err != nil {
			return err
		}
		body, err := r.folder.Open(o.SHA256)
		if err != nil {
			return err
		}
		if o.Zone == backup.Volumes {
			err = r.volume(o, body)
		} else {
			err = back.Create(ctx, objects.Zone(o.Zone), o.Name, body)
		}
		if err = errors.Join(err, body.Close()); err != nil {
			return err
		}
	}
	return plain(ctx, back, os.DirFS(r.stage))
}

// plain brings back the objects of zones that are not sealed.
func plain(ctx context.Context, back objects.Backend, stage fs.FS) error {
	err := fs.WalkDir(stage, path.Join("bundle", plainDir), func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		zone, object, _ := strings.Cut(strings.TrimPrefix(name, "bundle/"+plainDir+"/"), "/")
		f, err := stage.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		return back.Create(ctx, objects.Zone(zone), object, f)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // there were none
	}
	return err
}

// ledger brings back the ledger of the bundle, which has been verified.
func (r *restoring) ledger(ctx context.Context) error {
	back, err := folder.Open(r.cfg.Path("objects"), objects.DefaultRules(), time.Now)
	if err != nil {
		return err
	}
	export := os.DirFS(r.bundle("ledger"))
	if err := fs.WalkDir(export, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path == "checkpoint" {
			return err
		}
		f, err := export.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return back.Create(ctx, objects.Ledger, path, f)
	}); err != nil {
		return err
	}
	head, err := fs.ReadFile(export, "checkpoint")
	if err != nil {
		return err
	}
	return back.Replace(ctx, objects.Ledger, "checkpoint", head, "")
}

// files brings back the metadata and the accounts. Whoever was signed in is not.
func (r *restoring) files(ctx context.Context) (err error) {
	if r.acts, err = store.Part(ctx, r.bundle("db", "ark.sqlite"), r.Manifest.Ledger.Size); err != nil {
		return err
	}
	if r.acts != r.Manifest.Acts {
		return ark.Faultf(ark.Internal, "the metadata in the backup are not those that its manifest names").Do("use another backup")
	}
	if err := os.Rename(r.bundle("db", "ark.sqlite"), r.cfg.Path("db", "ark.sqlite")); err != nil {
		return err
	}
	entries, err := os.ReadDir(r.bundle("identity"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(r.bundle("identity", e.Name()), r.cfg.Path("identity", e.Name())); err != nil {
			return err
		}
	}
	records, err := os.ReadDir(r.bundle("records"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range records {
		if err := os.MkdirAll(r.cfg.Path("workspaces", "records"), 0o700); err != nil {
			return err
		}
		if err := os.Rename(r.bundle("records", e.Name()), r.cfg.Path("workspaces", "records", e.Name())); err != nil {
			return err
		}
	}
	return makeSecrets(r.cfg)
}

func (r *restoring) volume(o backup.Object, body io.Reader) error {
	name := filepath.FromSlash(o.Name)
	if !filepath.IsLocal(name) {
		return ark.Faultf(ark.Invalid, "the backup names a file outside the folder of workspaces")
	}
	path := r.cfg.Path("workspaces", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	p, err := durable.Begin(filepath.Dir(path), 0o600)
	if err != nil {
		return err
	}
	defer p.Abort()
	if _, err := p.Sparse(body); err != nil {
		return err
	}
	return p.Create(path)
}

// begin records, as the first act after the backup's last, that the Ark was
// restored, and takes away again what was taken away since.
func (r *restoring) begin(ctx context.Context, log *slog.Logger) error {
	ctl, err := OpenControl(ctx, r.cfg, log)
	if err != nil {
		return err
	}
	defer ctl.Close()
	key, err := ctl.Log.VerifierKey(ctx)
	if err != nil {
		return err
	}
	if key != r.Manifest.Ledger.Key {
		return ark.Faultf(ark.Internal, "the key of the ledger in the backup is not the one that its manifest names").Do("use another backup")
	}
	r.Later.Closed = r.closed
	err = ctl.Store.Act(ctx, store.Actor{System: "governance"}, "ark.restore", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		if r.issuer != r.cfg.issuerURL() { // the embedded one moves with the Ark
			if err := ctl.Governance.Moved(ctx, tx, r.issuer, r.cfg.issuerURL()); err != nil {
				return nil, err
			}
		}
		again, err := ctl.Governance.Repeat(ctx, tx, r.Later)
		if err != nil {
			return nil, err
		}
		ends, err := ctl.Catalogue.RepeatEnds(ctx, tx, r.ended)
		if err != nil {
			return nil, err
		}
		again = append(again, ends...)
		head := map[string]any{"size": r.head.Size, "root": r.head.Root.String()}
		return append([]store.Event{{Type: ledger.RestoredType, Body: map[string]any{"backup": r.Manifest.Name, "sha256": r.Restored.SHA256, "taken": r.Taken, "acts": r.acts,
			"ledger": r.Manifest.Ledger, "known": head, "lost": r.Lost, "again": r.Later, "issuer": r.cfg.issuerURL(), "by": caller()}}}, again...), nil
	})
	if err != nil {
		return err
	}
	if err := r.endWorkspaces(ctx, ctl); err != nil {
		return err
	}
	seq := ledger.Sequencer{Log: ctl.Log, Outbox: store.Outbox{Store: ctl.Store}}
	for {
		if n, err := seq.Step(ctx); err != nil || n == 0 {
			return err
		}
	}
}

// endWorkspaces ends those whose home was not in the backup.
func (r *restoring) endWorkspaces(ctx context.Context, ctl *Control) error {
	var rows []workspace.Workspace
	if err := ctl.Store.View(ctx, func(q store.Querier) (err error) {
		rows, err = workspace.All(ctx, q)
		return err
	}); err != nil {
		return err
	}
	for _, w := range rows {
		if !slices.Contains([]string{"running", "stopped", "frozen"}, w.State) {
			continue
		}
		if _, err := os.Stat(r.cfg.Path("workspaces", "volumes", w.ID+".img")); err == nil {
			continue
		}
		if err := ctl.Workspaces.Destroyed(ctx, w.ID); err != nil {
			return err
		}
		r.Ended++
	}
	return nil
}

// later verifies the backup's own ledger, finds the newest one that is known
// of, and reads there what happened after the backup.
func (r *restoring) later(ctx context.Context) error {
	own, err := headOf(r.bundle("ledger"), r.Manifest.Ledger.Key)
	if err != nil {
		return err
	}
	if own.Size != r.Manifest.Ledger.Size || own.Root.String() != r.Manifest.Ledger.Root || own.Origin != r.Manifest.Origin {
		return ark.Faultf(ark.Internal, "the ledger in the backup is not the one that its manifest names").Do("use another backup")
	}
	r.Until = r.Taken
	if err := r.hear(own, r.bundle("ledger")); err != nil {
		return err
	}
	if r.Restoring.Ledger != "" {
		if err := r.hear(own, r.Restoring.Ledger); err != nil {
			return err
		}
	}
	// A newer backup in the same folder holds a later ledger.
	newest, err := r.folder.Newest()
	if err != nil {
		return err
	}
	if newest > r.Manifest.Name {
		dir := filepath.Join(r.stage, "newest")
		m, _, err := r.folder.Unpack(newest, dir, r.With)
		if err != nil {
			return err
		}
		if m.Origin == r.Manifest.Origin && m.Ledger.Key == r.Manifest.Ledger.Key {
			if err := r.hear(own, filepath.Join(dir, "ledger")); err != nil {
				return err
			}
		}
	}
	if err := r.heed(); err != nil {
		return err
	}
	return ctx.Err()
}

// hear takes an exported ledger for the newest if it is whole, begins with the
// backup's and goes further than what was heard before.
func (r *restoring) hear(own ledger.Checkpoint, dir string) error {
	report, err := ledger.Verify(os.DirFS(dir), []string{r.Manifest.Ledger.Key}, own.Note)
	if err != nil {
		return err
	}
	if !report.OK() {
		says := "it is not signed"
		if len(report.Findings) > 0 {
			says = report.Findings[0].String()
		}
		return ark.Faultf(ark.Conflict, "the ledger in %s does not verify as the continuation of the backup's: %s", filepath.Base(dir), says).
			Do("give an export of the same Ark's ledger, made after the backup")
	}
	if report.Size >= r.Known {
		r.Known, r.head = report.Size, report.Checkpoint
		if report.Last.After(r.Until) {
			r.Until = report.Last
		}
		r.heard = dir
	}
	return nil
}

// takesAway are the acts that take something away and are not repeated by
// themselves: what they say of it is not in the ledger's entries.
var takesAway = map[string]string{
	"delivery.recalled": "recall the delivery", "version.withdrawn": "withdraw the version", "release.frozen": "freeze the release",
	"delegation.revoked": "take the delegation back", "user.roles-set": "set the roles of the account", "list.received": "send the lists of opt-outs and objections",
	"passkey.revoked": "revoke the passkey", "names.rotated": "change the key that names people", "published.withdrawn": "take the published table back",
	"refresh.stopped": "stop the following of newer versions", "source.contract-changed": "change the source's contract",
}

// once appends what is not in a list yet.
func once(list *[]string, s string) {
	if !slices.Contains(*list, s) {
		*list = append(*list, s)
	}
}

// heed reads what was taken away after the backup's last act.
func (r *restoring) heed() error {
	if r.Known <= r.Manifest.Acts {
		return nil
	}
	r.Lost = r.Known - r.Manifest.Acts
	leaves, err := ledger.Leaves(os.DirFS(r.heard), r.Manifest.Acts, r.Known)
	if err != nil {
		return err
	}
	suspended := map[string]bool{}
	for _, l := range leaves {
		if words := takesAway[l.Type]; words != "" {
			once(&r.Again, strings.TrimSpace(words+" "+strings.Join(l.Subjects, " ")))
		}
		if len(l.Subjects) == 0 {
			continue
		}
		id := l.Subjects[0]
		switch l.Type {
		case "project.closing", "project.closed":
			once(&r.closed, id)
		case "version.ending", "version.shredded", "version.destroyed":
			once(&r.ended, id)
		case "project.suspended":
			suspended[id] = true
		case "project.active":
			delete(suspended, id)
		case "user.suspended": // or restored: which is not in the entry, so it is the safe one
			once(&r.Later.Users, id)
		}
	}
	for id := range suspended {
		r.Later.Suspended = append(r.Later.Suspended, id)
	}
	slices.Sort(r.Later.Suspended)
	return nil
}

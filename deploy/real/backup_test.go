package real

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/pkg/backup"
	"github.com/ark-tre/ark/pkg/client"
	"github.com/ark-tre/ark/pkg/demonstration"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/instance"
	"github.com/ark-tre/ark/pkg/ledger"
)

// copier takes and restores backups of a played Ark.
type copier struct {
	t              *testing.T
	ark            string
	cfg            instance.Config
	tmp, to, names string // names is the identity
}

// run is the command with an exit status; it returns what was said.
func (c *copier) run(status int, says string, args ...string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), c.ark, args...)
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != status || !strings.Contains(string(out), says) {
		c.t.Fatalf("ark %s: exit status %d, want %d and %q\n%s", strings.Join(args, " "), got, status, says, out)
	}
	return string(out)
}

// restore restores into a new folder of that name and loads what came.
func (c *copier) restore(name, says string, more ...string) instance.Config {
	c.t.Helper()
	dir := filepath.Join(c.tmp, name)
	at := listenAt(c.t)
	_, port, _ := strings.Cut(at, ":")
	out := c.run(0, says, append([]string{"restore", "--dir", dir, "--from", c.to, "--identity", c.names, "--listen", at, "--origin", "http://localhost:" + port}, more...)...)
	c.t.Logf("restored as %s:\n    %s", name, indented([]byte(out)))
	cfg, err := instance.Load(dir)
	must(c.t, err)
	return cfg
}

// served runs an Ark while do does something with it.
func (c *copier) served(cfg instance.Config, do func(users *demonstration.Users)) {
	c.t.Helper()
	cmd := exec.Command(c.ark, "serve", "--dir", cfg.Path())
	log, err := os.Create(cfg.Path("serve.log"))
	must(c.t, err)
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	must(c.t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if err := demonstration.Unmount(cfg.Path()); err != nil {
			c.t.Error(err)
		}
	}()
	ctx, stop := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer stop()
	for {
		resp, err := http.Get(cfg.Origin + "/readyz")
		if err == nil {
			resp.Body.Close()
		}
		if err == nil && resp.StatusCode == http.StatusOK {
			break
		}
		select {
		case err := <-ended:
			ended <- err
			text, _ := os.ReadFile(log.Name())
			c.t.Fatalf("ark serve ended: %v\n%s", err, text)
		default:
		}
		if err := pause(ctx); err != nil {
			c.t.Fatal("ark serve is not ready")
		}
	}
	users, err := demonstration.NewUsers(ctx, cfg, demonstration.Options{Dir: cfg.Path(), Say: c.t.Logf})
	must(c.t, err)
	do(users)
}

func (c *copier) as(u *demonstration.Users, name string) *client.Client {
	c.t.Helper()
	cl, err := u.As(c.t.Context(), name)
	must(c.t, err)
	return cl
}

// backedUp backs an Ark up while it is worked with, restores it, and attacks
// both. It closes the Ark's project.
func backedUp(t *testing.T, cfg instance.Config) {
	_, ark := whole(t)
	tmp, err := os.MkdirTemp("", "ark-backup-")
	must(t, err)
	must(t, os.Chmod(tmp, 0o755))
	t.Cleanup(func() { os.RemoveAll(tmp) })
	c := &copier{t: t, ark: ark, cfg: cfg, tmp: tmp, to: filepath.Join(tmp, "copies"), names: filepath.Join(tmp, "identity")}
	must(t, os.Mkdir(c.to, 0o755))
	recipient, err := backup.NewIdentity(c.names)
	must(t, err)
	text, err := os.ReadFile(cfg.Path("config.yaml"))
	must(t, err)
	part := fmt.Sprintf("backup:\n    to: %q\n    recipients: [%s]\n", c.to, recipient)
	changed := strings.Replace(string(text), "backup:\n    to: \"\"\n    recipients: []\n", part, 1)
	if changed == string(text) {
		t.Fatal("the configuration has no part for backups")
	}
	must(t, os.WriteFile(cfg.Path("config.yaml"), []byte(changed), 0o644))
	c.cfg, err = instance.Load(cfg.Path())
	must(t, err)

	var project string
	var released []byte
	var path string
	var before string
	old := filepath.Join(tmp, "old-copies") // what somebody took before the project was closed
	c.served(c.cfg, func(u *demonstration.Users) {
		omar := c.as(u, "omar")
		project, path, released = c.release(u)
		var users struct{ Items []governance.User }
		must(t, omar.Get(t.Context(), "/users", &users))
		// Acts under way all the time, and two backups among them.
		var acts atomic.Int64
		working, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			for working.Err() == nil {
				id := users.Items[0].ID
				if err := omar.Put(working, "/users/"+id+"/training", map[string]any{"training": time.Now().AddDate(1, 0, 0)}, nil); err != nil && working.Err() == nil {
					done <- err
					return
				}
				acts.Add(1)
			}
			done <- nil
		}()
		for acts.Load() == 0 && len(done) == 0 {
			must(t, pause(t.Context()))
		}
		started := acts.Load()
		t.Logf("    %s", indented([]byte(c.run(0, "keys beside it", "backup", "--dir", cfg.Path(), "--first"))))
		c.run(0, "(0 new)", "backup", "--dir", cfg.Path())
		during := acts.Load() - started
		stop()
		must(t, <-done)
		if during == 0 {
			t.Error("nobody did anything while the backups were taken")
		}
		t.Logf("%d acts were done while two backups were taken", during)
		c.run(0, "verified: ", "backup", "verify", "--from", c.to, "--identity", c.names)
		before = c.newest()

		must(t, os.CopyFS(old, os.DirFS(c.to)))
		if _, err := os.Stat(c.key(project)); err != nil {
			t.Error("the copy of the project's key is not there: ", err)
		}
		must(t, omar.Post(t.Context(), "/projects/"+project+"/close", map[string]string{"reason": "The study is over."}, nil))
		c.closes(omar, project)
		if _, err := os.Stat(c.key(project)); !errors.Is(err, fs.ErrNotExist) {
			t.Error("the project was closed and the copy of its key is there: ", err)
		}
		c.fetch(filepath.Join(tmp, "later"), "project.closed", project)
	})

	t.Run("nobody reads a copy without the identity", func(t *testing.T) { c.stolen(old) })
	t.Run("what was destroyed stays destroyed", func(t *testing.T) {
		c := *c
		c.t = t
		new := c.restore("new", "1 keys, 1 projects, 0 accounts", before)
		c.run(0, "nothing disagrees", "fsck", "--dir", new.Path())
		c.served(new, func(u *demonstration.Users) {
			c.closes(c.as(u, "omar"), project)
			var got bytes.Buffer
			_, err := c.as(u, "amina").Download(t.Context(), path, &got)
			must(t, err)
			if !bytes.Equal(got.Bytes(), released) {
				t.Error("the release is not what it was")
			}
			c.run(0, "", "ledger", "fetch", new.Origin, filepath.Join(tmp, "restored"))
		})
		c.run(0, "nothing disagrees", "fsck", "--dir", new.Path())
		c.gone(new, project)
		// An auditor who holds a later head of the old ledger.
		key := filepath.Join(tmp, "ledger.key")
		must(t, os.WriteFile(key, []byte(c.ledgerKey(new)), 0o644))
		c.run(1, "tells that it was restored from a backup", "ledger", "verify", "--key", key, "--against", filepath.Join(tmp, "later", "checkpoint"), filepath.Join(tmp, "restored"))
		c.run(0, "restored from a backup at entry", "ledger", "verify", "--key", key, filepath.Join(tmp, "restored"))
	})
	t.Run("a copy of the copies brings no key back", func(t *testing.T) {
		c := *c
		c.t, c.to = t, old
		told := c.restore("told", "1 projects", "--ledger", filepath.Join(tmp, "later"))
		c.gone(told, project)
		c.run(0, "nothing disagrees", "fsck", "--dir", told.Path())
	})
	t.Run("everything is as it was", func(t *testing.T) {
		c := *c
		c.t, c.to = t, old
		was := c.restore("was", "is not known here", before) // nobody tells it of the end
		c.run(0, "nothing disagrees", "fsck", "--dir", was.Path())
		if _, err := os.Stat(was.Path("keys", "project", project, "v1.secret")); err != nil {
			t.Error(err)
		}
	})
	t.Run("killed while it is taken", func(t *testing.T) { c := *c; c.t = t; c.killedTaking() })
	t.Run("killed while it is restored", func(t *testing.T) { c := *c; c.t, c.to = t, old; c.killedRestoring() })
	t.Run("an object is missing or changed", func(t *testing.T) { c := *c; c.t, c.to = t, old; c.broken() })
}

// fetch fetches the Ark's ledger until it tells of an act: acts come to stand in
// it a moment after they are done.
func (c *copier) fetch(dir, act, subject string) {
	c.t.Helper()
	ctx, stop := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer stop()
	for {
		c.run(0, "fetched", "ledger", "fetch", c.cfg.Origin, dir)
		head, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
		must(c.t, err)
		var origin string
		var size int64
		_, err = fmt.Sscan(string(head), &origin, &size)
		must(c.t, err)
		leaves, err := ledger.Leaves(os.DirFS(dir), 0, size)
		must(c.t, err)
		if slices.ContainsFunc(leaves, func(l ledger.Leaf) bool { return l.Type == act && slices.Contains(l.Subjects, subject) }) {
			return
		}
		must(c.t, os.RemoveAll(dir))
		if err := pause(ctx); err != nil {
			c.t.Fatalf("the ledger does not tell of %s after %d entries", act, size)
		}
	}
}

// release downloads a release of the Ark's project.
func (c *copier) release(u *demonstration.Users) (project, path string, data []byte) {
	c.t.Helper()
	amina := c.as(u, "amina")
	var projects struct{ Items []governance.Project }
	must(c.t, amina.Get(c.t.Context(), "/projects", &projects))
	for _, p := range projects.Items {
		var releases struct{ Items []airlock.Release }
		must(c.t, amina.Get(c.t.Context(), "/projects/"+p.ID+"/releases", &releases))
		for _, r := range releases.Items {
			var out bytes.Buffer
			path := "/releases/" + r.ID + "/download"
			if _, err := amina.Download(c.t.Context(), path, &out); err == nil && out.Len() > 0 {
				return p.ID, path, out.Bytes()
			}
		}
	}
	c.t.Fatal("no release can be downloaded")
	return "", "", nil
}

func (c *copier) key(project string) string {
	return filepath.Join(c.to, "keys", "project", project+".age")
}

func (c *copier) newest() string {
	c.t.Helper()
	f, err := backup.Open(c.to)
	must(c.t, err)
	name, err := f.Newest()
	must(c.t, err)
	return name
}

func (c *copier) closes(omar *client.Client, project string) {
	c.t.Helper()
	ctx, stop := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer stop()
	for {
		var p governance.Project
		must(c.t, omar.Get(ctx, "/projects/"+project, &p))
		if p.State == "closed" {
			return
		}
		if err := pause(ctx); err != nil {
			c.t.Fatalf("the project is %s and not closed", p.State)
		}
	}
}

// gone checks that a restored Ark has no secret of the project's key.
func (c *copier) gone(cfg instance.Config, project string) {
	c.t.Helper()
	entries, err := os.ReadDir(cfg.Path("keys", "project", project))
	must(c.t, err)
	if len(entries) != 1 || entries[0].Name() != "destroyed" {
		c.t.Errorf("the key of the closed project is back: %v", entries)
	}
}

func (c *copier) ledgerKey(cfg instance.Config) string {
	c.t.Helper()
	r, err := instance.OpenRole(c.t.Context(), cfg, "control")
	must(c.t, err)
	key, err := r.LedgerKey(c.t.Context())
	must(c.t, err)
	return key + "\n"
}

// stolen looks through a folder of backups for anything that says something.
// Whatever follows it, a Parquet file goes on behind its first word with the
// byte 0x15; the word alone, of four bytes, comes up in sealed bytes by chance.
func (c *copier) stolen(dir string) {
	canaries := []string{"SQLite format 3", "ark secret 1", "PAR1\x15", "otpauth", "Amina", "amina@example.org", "Northfield", "emergency", "person_id", "nhs_number", "-----BEGIN"}
	seen := 0
	must(c.t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen++
		for _, s := range canaries {
			if bytes.Contains(data, []byte(s)) && !strings.HasSuffix(path, "ark-backups") {
				rel, _ := filepath.Rel(dir, path)
				c.t.Errorf("%s shows %q", rel, s)
			}
		}
		return nil
	}))
	if seen < 100 {
		c.t.Fatalf("only %d files: the test looks at nothing", seen)
	}
	c.t.Logf("%d files show nothing", seen)
}

// killedTaking kills a backup when all is written but its record: the Ark is
// well, and there is no bundle.
func (c *copier) killedTaking() {
	t := c.t
	db, err := sql.Open("sqlite", "file:"+c.cfg.Path("db", "ark.sqlite")+"?_pragma=busy_timeout(10000)&_txlock=immediate")
	must(t, err)
	defer db.Close()
	tx, err := db.Begin() // nobody else writes now
	must(t, err)
	names := c.newest()
	cmd := exec.Command(c.ark, "backup", "--dir", c.cfg.Path())
	must(t, cmd.Start())
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	unnamed := filepath.Join(c.to, "bundles", ".unfinished-*")
	for {
		if found, _ := filepath.Glob(unnamed); len(found) > 0 {
			break
		}
		must(t, pause(ctx))
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	must(t, tx.Rollback())
	if now := c.newest(); now != names {
		t.Errorf("a killed backup left the bundle %s", now)
	}
	c.run(0, "nothing disagrees", "fsck", "--dir", c.cfg.Path())
	c.run(0, "keys beside it", "backup", "--dir", c.cfg.Path())
	if left, _ := filepath.Glob(unnamed); len(left) > 0 {
		t.Errorf("the next backup leaves %v", left)
	}
}

// killedRestoring kills a restore in its midst: nothing starts what is there,
// and nothing is restored over it.
func (c *copier) killedRestoring() {
	t := c.t
	object := c.object()
	must(t, os.Rename(object, object+".away"))
	must(t, syscall.Mkfifo(object, 0o600)) // whoever reads it waits
	defer func() {
		must(t, os.Remove(object))
		must(t, os.Rename(object+".away", object))
	}()
	dir := filepath.Join(c.tmp, "half")
	cmd := exec.Command(c.ark, "restore", "--dir", dir, "--from", c.to, "--identity", c.names)
	must(t, cmd.Start())
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for {
		if _, err := os.Stat(filepath.Join(dir, "objects")); err == nil {
			break
		}
		must(t, pause(ctx))
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	c.run(2, "there is no Ark in ", "serve", "--dir", dir)
	c.run(2, "is not empty", "restore", "--dir", dir, "--from", c.to, "--identity", c.names)
}

// broken takes an object away, and changes one.
func (c *copier) broken() {
	object := c.object()
	data, err := os.ReadFile(object)
	must(c.t, err)
	must(c.t, os.Remove(object))
	check := func(name, says string) {
		c.t.Helper()
		c.run(1, says, "backup", "verify", "--from", c.to, "--identity", c.names)
		c.run(2, says, "restore", "--dir", filepath.Join(c.tmp, name), "--from", c.to, "--identity", c.names)
		c.run(2, "there is no Ark in ", "serve", "--dir", filepath.Join(c.tmp, name))
	}
	check("missing", "lacks the object")
	data[len(data)/2] ^= 1
	must(c.t, os.WriteFile(object, data, 0o440))
	check("changed", "is not what was put there")
}

// object is one of those kept.
func (c *copier) object() string {
	c.t.Helper()
	all, err := filepath.Glob(filepath.Join(c.to, "objects", "*", "*"))
	must(c.t, err)
	return all[len(all)/2]
}

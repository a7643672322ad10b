package real

import (
	"context"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // database/sql driver "sqlite"

	"github.com/ark-tre/ark/pkg/fsck"
	"github.com/ark-tre/ark/pkg/instance"
)

// played is a stopped Ark on which the main job has been played.
func played(t *testing.T, more ...string) (cfg instance.Config, said string) {
	t.Helper()
	tree, ark := whole(t)
	dir, err := os.MkdirTemp("", "ark-whole-")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	home := filepath.Join(dir, "ark")
	t.Cleanup(func() {
		if out, err := exec.Command(ark, "demo", "--reset", "--dir", home).CombinedOutput(); err != nil {
			t.Errorf("remove the Ark: %v: %s", err, out)
		}
		os.RemoveAll(dir)
	})
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
	defer stop()
	args := append([]string{"demo", "--unattended", "--keep", "--tree", tree, "--dir", home, "--listen", listenAt(t)}, more...)
	out, err := exec.CommandContext(ctx, ark, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, indented(out))
	}
	cfg, err = instance.Load(home)
	must(t, err)
	return cfg, string(out)
}

// TestPlantedDisagreements plants one disagreement after the other in a whole
// Ark, and fsck has to find each, by its kind and place, and nothing else.
func TestPlantedDisagreements(t *testing.T) {
	cfg, _ := played(t)
	db, err := sql.Open("sqlite", "file:"+cfg.Path("db", "ark.sqlite")+"?_pragma=busy_timeout(10000)")
	must(t, err)
	defer db.Close()
	p := &planter{t: t, cfg: cfg, db: db}
	if found := p.look(); len(found) > 0 {
		t.Fatalf("before anything is planted: %v", found)
	}
	for _, c := range []struct {
		name  string
		kind  fsck.Kind
		plant func() (undo func())
	}{
		{"a state column that is not the document's", fsck.Row, p.sql(`UPDATE projects SET state = 'closing'`, `UPDATE projects SET state = 'active'`)},
		{"a row that names a project that is not there", fsck.Row, p.sql(`UPDATE releases SET doc = replace(doc, '"project":"prj_', '"project":"prj_0')`, `UPDATE releases SET doc = replace(doc, '"project":"prj_0', '"project":"prj_')`)},
		{"a row that is gone", fsck.Row, p.gone("extracts")},
		{"a version that nobody builds", fsck.Work, p.sql(`UPDATE versions SET state = 'building', doc = replace(doc, '"state":"published"', '"state":"building"') WHERE number = 1 AND state = 'published'`, `UPDATE versions SET state = 'published', doc = replace(doc, '"state":"building"', '"state":"published"') WHERE state = 'building'`)},
		{"a job in a state that is none", fsck.Row, p.sql(`UPDATE jobs SET state = 'lost' WHERE kind = 'cut'`, `UPDATE jobs SET state = 'done' WHERE kind = 'cut'`)},
		{"an object that is gone", fsck.Missing, p.file("objects/releases", func(path string) { must(t, os.Remove(path)) })},
		{"an object with one bit flipped", fsck.Missing, p.file("objects/identifiers", flip(t, false))},
		{"an object cut short", fsck.Missing, p.file("objects/versions", func(path string) { must(t, os.Truncate(path, 200)) })},
		{"two objects exchanged", fsck.Missing, p.exchanged("objects/payload")},
		{"an object that no row knows", fsck.Leftover, p.stray("objects/outputs")},
		{"half an upload", fsck.Leftover, p.half("objects/payload")},
		{"a bit of the ledger flipped", fsck.Log, p.file("objects/ledger/tile/entries", flip(t, true))},
		{"an act that was changed", fsck.Log, p.sql(`UPDATE outbox SET type = 'x' || type WHERE seq = 3`, `UPDATE outbox SET type = substr(type, 2) WHERE seq = 3`)},
		{"an act that was taken out", fsck.Log, p.act()},
		{"a body that was exchanged", fsck.Log, p.bodies()},
		{"a permit's head of another log", fsck.Log, p.sql(`UPDATE permits SET doc = replace(doc, '/ledger\n', '/ledgex\n')`, `UPDATE permits SET doc = replace(doc, '/ledgex\n', '/ledger\n')`)},
		{"a project's key that is gone", fsck.Key, p.moved("keys/project")},
		{"a key that no project knows", fsck.Leftover, p.extraKey()},
		{"a volume that is gone", fsck.Volume, p.moved("workspaces/volumes")},
		{"a volume that no row knows", fsck.Leftover, p.extraVolume()},
	} {
		t.Run(c.name, func(t *testing.T) {
			undo := c.plant()
			found := p.look()
			undo()
			ok := false
			for _, f := range found {
				ok = ok || f.Kind == c.kind
			}
			if !ok {
				t.Errorf("not found: %v", found)
			}
			t.Logf("%s -> %v", c.name, short(found))
			if left := p.look(); len(left) > 0 {
				t.Fatalf("the test did not undo it: %v", left)
			}
		})
	}
	backedUp(t, cfg) // the Ark was dear to play: it is used for this, too
}

func short(found []fsck.Finding) string {
	if len(found) == 0 {
		return "nothing"
	}
	s := found[0].String()
	if len(found) > 1 {
		s += " (and more)"
	}
	return strings.ReplaceAll(s, "\n", " ")
}

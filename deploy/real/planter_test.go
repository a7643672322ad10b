package real

import (
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/deploy/tools/built"
	"github.com/ark-tre/ark/pkg/fsck"
	"github.com/ark-tre/ark/pkg/instance"
)

func listenAt(t *testing.T) string {
	t.Helper()
	return "127.0.0.1:" + itoa(built.FreePort(t))
}

func itoa(n int) string {
	var b []byte
	for ; n > 0; n /= 10 {
		b = append([]byte{byte('0' + n%10)}, b...)
	}
	return string(b)
}

// planter plants disagreements in an Ark on one box, each with its undoing.
type planter struct {
	t   *testing.T
	cfg instance.Config
	db  *sql.DB
}

func (p *planter) look() []fsck.Finding {
	p.t.Helper()
	r, err := instance.Fsck(p.t.Context(), p.cfg, false)
	must(p.t, err)
	return r.Findings
}

func (p *planter) exec(text string, args ...any) {
	p.t.Helper()
	res, err := p.db.Exec(text, args...)
	must(p.t, err)
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		p.t.Fatalf("%s changed nothing", text)
	}
}

func (p *planter) sql(do, undo string) func() func() {
	return func() func() {
		p.exec(do)
		return func() { p.exec(undo) }
	}
}

// gone takes a row out of a table.
func (p *planter) gone(table string) func() func() {
	return func() func() {
		p.exec(`CREATE TABLE kept AS SELECT * FROM ` + table)
		p.exec(`DELETE FROM ` + table)
		return func() {
			p.exec(`INSERT INTO ` + table + ` SELECT * FROM kept`)
			_, err := p.db.Exec(`DROP TABLE kept`)
			must(p.t, err)
		}
	}
}

func (p *planter) act() func() func() {
	return func() func() {
		p.exec(`CREATE TABLE kept AS SELECT * FROM outbox WHERE seq = 5`)
		p.exec(`DELETE FROM outbox WHERE seq = 5`)
		return func() {
			p.exec(`INSERT INTO outbox SELECT * FROM kept`)
			_, err := p.db.Exec(`DROP TABLE kept`)
			must(p.t, err)
		}
	}
}

// bodies gives one act the body of another.
func (p *planter) bodies() func() func() {
	return func() func() {
		var id, body, other string
		must(p.t, p.db.QueryRow(`SELECT id, body FROM outbox_bodies ORDER BY id LIMIT 1`).Scan(&id, &body))
		must(p.t, p.db.QueryRow(`SELECT body FROM outbox_bodies ORDER BY id DESC LIMIT 1`).Scan(&other))
		p.exec(`UPDATE outbox_bodies SET body = $1 WHERE id = $2`, other, id)
		return func() { p.exec(`UPDATE outbox_bodies SET body = $1 WHERE id = $2`, body, id) }
	}
}

// files lists the regular files below a folder of the Ark that are whole objects.
func (p *planter) files(under string) []string {
	p.t.Helper()
	var out []string
	err := filepath.WalkDir(p.cfg.Path(under), func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && !strings.Contains(path, "/.") {
			out = append(out, path)
		}
		return err
	})
	must(p.t, err)
	if len(out) == 0 {
		p.t.Fatalf("%s is empty", under)
	}
	return out
}

// file does something to the newest file below a folder (of the ledger, the
// bundle that counts) and puts it back.
func (p *planter) file(under string, do func(path string)) func() func() {
	return func() func() {
		all := p.files(under)
		path := newest(p.t, all)
		data, err := os.ReadFile(path)
		must(p.t, err)
		info, err := os.Stat(path)
		must(p.t, err)
		do(path)
		return func() { must(p.t, os.WriteFile(path, data, info.Mode().Perm())) }
	}
}

func newest(t *testing.T, paths []string) string {
	t.Helper()
	best, at := "", time.Time{}
	for _, path := range paths {
		info, err := os.Stat(path)
		must(t, err)
		if !info.ModTime().Before(at) {
			best, at = path, info.ModTime()
		}
	}
	return best
}

// flip flips a bit: in the middle, or near the end where a partial bundle of
// the log is as good as any.
func flip(t *testing.T, end bool) func(string) {
	return func(path string) {
		data, err := os.ReadFile(path)
		must(t, err)
		at := len(data) / 2
		if end {
			at = len(data) - 3
		}
		data[at] ^= 1
		must(t, os.WriteFile(path, data, 0o600))
	}
}

func (p *planter) exchanged(under string) func() func() {
	return func() func() {
		all := p.files(under)
		a, b := all[0], all[len(all)-1]
		swap := func() {
			must(p.t, os.Rename(a, a+".x"))
			must(p.t, os.Rename(b, a))
			must(p.t, os.Rename(a+".x", b))
		}
		swap()
		return swap
	}
}

func (p *planter) stray(under string) func() func() {
	return func() func() {
		from := p.files(under)[0]
		data, err := os.ReadFile(from)
		must(p.t, err)
		to := filepath.Join(filepath.Dir(from), "fil_stray")
		must(p.t, os.WriteFile(to, data, 0o600))
		return func() { must(p.t, os.Remove(to)) }
	}
}

// half is what a process that is killed in the middle of a write leaves.
func (p *planter) half(under string) func() func() {
	return func() func() {
		dirs, err := os.ReadDir(p.cfg.Path(under))
		must(p.t, err)
		for _, d := range dirs {
			if strings.HasPrefix(d.Name(), ".") {
				to := p.cfg.Path(under, d.Name(), ".unfinished-half")
				must(p.t, os.WriteFile(to, []byte("half"), 0o600))
				return func() { _ = os.Remove(to) }
			}
		}
		p.t.Fatal("the zone has no folder for what is being written")
		return nil
	}
}

// moved takes the first entry of a folder away.
func (p *planter) moved(under string) func() func() {
	return func() func() {
		entries, err := os.ReadDir(p.cfg.Path(under))
		must(p.t, err)
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				from, to := p.cfg.Path(under, e.Name()), p.cfg.Path("tmp", e.Name())
				must(p.t, os.Rename(from, to))
				return func() { must(p.t, os.Rename(to, from)) }
			}
		}
		p.t.Fatalf("%s is empty", under)
		return nil
	}
}

func (p *planter) extraKey() func() func() {
	return func() func() {
		role, err := instance.OpenRole(p.t.Context(), p.cfg, "publish")
		must(p.t, err)
		const name = "prj_00000000000000000000000000000000"
		must(p.t, role.Keys.Create(p.t.Context(), "project/"+name))
		return func() { must(p.t, os.RemoveAll(p.cfg.Path("keys", "project", name))) }
	}
}

func (p *planter) extraVolume() func() func() {
	return func() func() {
		to := p.cfg.Path("workspaces", "volumes", "wsp_00000000000000000000000000000000.img")
		must(p.t, os.WriteFile(to, nil, 0o600))
		return func() { must(p.t, os.Remove(to)) }
	}
}

package ledger_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/ledger"
)

// In these tests the attacker owns the export, byte by byte; in the last ones
// also the signing key. Each finding must be of the right kind and name the
// right place.

const attacked = 700

func export(t *testing.T) (*ledger.Log, string) {
	t.Helper()
	_, l := create(t)
	fill(t, l, attacked)
	dir := filepath.Join(t.TempDir(), "export")
	_, err := l.Export(t.Context(), dir)
	must(t, err)
	if report := verifyDir(t, l, dir); !report.OK() {
		t.Fatalf("before the attack: %+v", report.Findings)
	}
	return l, dir
}

func edit(t *testing.T, dir, name string, change func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	data, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, change(bytes.Clone(data)), 0o644))
}

func wantFinding(t *testing.T, report ledger.Report, kind, where string, entry int64) {
	t.Helper()
	if report.OK() {
		t.Error("the attack went unnoticed")
	}
	if !slices.ContainsFunc(report.Findings, func(f ledger.Finding) bool {
		return f.Kind == kind && strings.HasPrefix(f.Where, where) && f.Entry == entry
	}) {
		t.Errorf("no finding %q at %q (entry %d) among %v", kind, where, entry, report.Findings)
	}
}

func split(bundle []byte) [][]byte {
	var es [][]byte
	for len(bundle) > 0 {
		n := 2 + int(bundle[0])<<8 + int(bundle[1])
		es = append(es, bundle[:n])
		bundle = bundle[n:]
	}
	return es
}

func TestAttackFlippedBitInAnEntry(t *testing.T) {
	l, dir := export(t)
	edit(t, dir, "tile/entries/001", func(b []byte) []byte {
		e := split(b)
		i := bytes.Index(e[44], []byte("project.submit"))
		e[44][i] ^= 0x01
		return bytes.Join(e, nil)
	})
	wantFinding(t, verifyDir(t, l, dir), ledger.Altered, "tile/entries/001 entry 300", 300)
}

func TestAttackEveryBitOfASmallLog(t *testing.T) {
	_, l := create(t)
	fill(t, l, 3)
	dir := filepath.Join(t.TempDir(), "export")
	_, err := l.Export(t.Context(), dir)
	must(t, err)
	for _, name := range []string{"checkpoint", "tile/0/000.p/3", "tile/entries/000.p/3"} {
		whole, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		for i := range whole {
			bad := bytes.Clone(whole)
			bad[i] ^= 1 << (i % 8)
			must(t, os.WriteFile(filepath.Join(dir, name), bad, 0o644))
			if report := verifyDir(t, l, dir); report.OK() {
				t.Errorf("%s: bit %d of byte %d flipped unnoticed", name, i%8, i)
			}
		}
		must(t, os.WriteFile(filepath.Join(dir, name), whole, 0o644))
	}
	if report := verifyDir(t, l, dir); !report.OK() {
		t.Errorf("mended, and still: %v", report.Findings)
	}
}

func TestAttackFlippedBitInATile(t *testing.T) {
	for _, c := range []struct {
		name  string
		entry int64
	}{{"tile/0/001", 256 + 5}, {"tile/1/000.p/2", 0}} {
		l, dir := export(t)
		edit(t, dir, c.name, func(b []byte) []byte {
			i := 0
			if c.entry > 0 {
				i = 5 * tlog.HashSize
			}
			b[i] ^= 0x80
			return b
		})
		report := verifyDir(t, l, dir)
		if report.OK() || !slices.ContainsFunc(report.Findings, func(f ledger.Finding) bool { return f.Entry == c.entry }) {
			t.Errorf("%s: %v", c.name, report.Findings)
		}
	}
}

func TestAttackDroppedEntry(t *testing.T) {
	l, dir := export(t)
	edit(t, dir, "tile/entries/001", func(b []byte) []byte {
		return bytes.Join(slices.Delete(split(b), 44, 45), nil)
	})
	wantFinding(t, verifyDir(t, l, dir), ledger.Dropped, "tile/entries/001 entry 300", 300)
}

// The entry is dropped and all after it move up, across files, so that every
// file is full but the last.
func TestAttackDroppedEntryAndMovedUp(t *testing.T) {
	l, dir := export(t)
	names := []string{"tile/entries/000", "tile/entries/001", "tile/entries/002.p/188"}
	var all [][]byte
	for _, n := range names {
		b, err := os.ReadFile(filepath.Join(dir, n))
		must(t, err)
		all = append(all, split(b)...)
	}
	all = slices.Delete(all, 100, 101)
	for i, n := range names {
		must(t, os.WriteFile(filepath.Join(dir, n), bytes.Join(all[i*256:min(len(all), i*256+256)], nil), 0o644))
	}
	wantFinding(t, verifyDir(t, l, dir), ledger.Dropped, "tile/entries/000 entry 100", 100)
}

func TestAttackReorderedEntries(t *testing.T) {
	l, dir := export(t)
	edit(t, dir, "tile/entries/002.p/188", func(b []byte) []byte {
		e := split(b)
		e[3], e[90] = e[90], e[3]
		return bytes.Join(e, nil)
	})
	wantFinding(t, verifyDir(t, l, dir), ledger.Reordered, "tile/entries/002.p/188 entry 515", 515)
}

func TestAttackTruncatedFile(t *testing.T) {
	l, dir := export(t)
	edit(t, dir, "tile/entries/002.p/188", func(b []byte) []byte {
		return bytes.Join(split(b)[:180], nil)
	})
	wantFinding(t, verifyDir(t, l, dir), ledger.Truncated, "tile/entries/002.p/188", 692)
}

func TestAttackMissingFile(t *testing.T) {
	for _, name := range []string{"tile/entries/000", "tile/0/001", "tile/1/000.p/2", "checkpoint"} {
		l, dir := export(t)
		must(t, os.Remove(filepath.Join(dir, name)))
		report := verifyDir(t, l, dir)
		if report.OK() || report.Findings[0].Kind != ledger.Truncated || report.Findings[0].Where != name {
			t.Errorf("%s: %v", name, report.Findings)
		}
	}
}

// An older, genuine export instead of today's: whole in itself.
func TestAttackTruncatedLog(t *testing.T) {
	c, l := create(t)
	fill(t, l, 300)
	dir := filepath.Join(t.TempDir(), "old")
	_, err := l.Export(t.Context(), dir)
	must(t, err)
	_, permit, err := reopen(t, c).Append(t.Context(), leaves(300, 310))
	must(t, err)
	if report := verifyDir(t, l, dir); !report.OK() {
		t.Fatalf("%v", report.Findings)
	}
	wantFinding(t, verifyDir(t, l, dir, permit.Note), ledger.Truncated, "entry 300", 300)
}

// The operator rewrites the log with the real key: another entry 5, everything
// after it computed anew. The export is whole; only a checkpoint that was given
// out tells.
func TestAttackRewrittenLog(t *testing.T) {
	c, l := create(t)
	first := fill(t, l, 3)
	_, permit, err := l.Append(t.Context(), leaves(3, 20))
	must(t, err)

	rc := config(t)
	rc.Keys, rc.Key = c.Keys, c.Key
	rewritten, err := ledger.Create(t.Context(), rc)
	must(t, err)
	other := leaves(0, 400)
	other[5] = leaf(5000)
	_, _, err = rewritten.Append(t.Context(), other)
	must(t, err)

	if report := verified(t, rewritten); !report.OK() {
		t.Fatalf("alone it looks whole: %v", report.Findings)
	}
	report := verified(t, rewritten, permit.Note, first.Note)
	wantFinding(t, report, ledger.Rewritten, "entries 0 to 19", 0)
	if !slices.Equal(report.Against, []int64{3}) {
		t.Errorf("the checkpoint from before the rewriting holds: %v", report.Against)
	}
	if _, err := rewritten.ProveConsistency(t.Context(), permit); err == nil {
		t.Error("a consistency proof was made across the rewriting")
	}
}

func TestVerifyAgainstEveryCheckpointGivenOut(t *testing.T) {
	_, l := create(t)
	var given [][]byte
	want := []int64{0}
	first, err := l.Checkpoint(t.Context())
	must(t, err)
	given = append(given, first.Note)
	for from, to := 0, 1; to < 600; from, to = to, to*2+1 {
		_, head, err := l.Append(t.Context(), leaves(from, to))
		must(t, err)
		given, want = append(given, head.Note), append(want, int64(to))
	}
	report := verified(t, l, given...)
	if !report.OK() || !slices.Equal(report.Against, want) {
		t.Errorf("%v, %v; want %v", report.Findings, report.Against, want)
	}
}

func TestAttackForeignKey(t *testing.T) {
	l, dir := export(t)
	_, stranger := create(t)
	fill(t, stranger, 5)
	key, err := stranger.VerifierKey(t.Context())
	must(t, err)
	report, err := ledger.Verify(os.DirFS(dir), []string{key})
	must(t, err)
	wantFinding(t, report, ledger.Forged, "checkpoint", -1)
	head, err := stranger.Checkpoint(t.Context())
	must(t, err)
	wantFinding(t, verifyDir(t, l, dir, head.Note), ledger.Forged, "checkpoint to hold it against", -1)
	if _, err := ledger.Verify(os.DirFS(dir), nil); !ark.Is(err, ark.Invalid) {
		t.Errorf("verified without a key: %v", err)
	}
	if _, err := ledger.Verify(os.DirFS(dir), []string{"nonsense"}); !ark.Is(err, ark.Invalid) {
		t.Errorf("verified with a nonsense key: %v", err)
	}
}

// Damage in the store itself stops the log from being extended or proved.
func TestDamagedStoreIsNotExtended(t *testing.T) {
	c, l := create(t)
	fill(t, l, 300)
	bc := c
	bc.Tiles = &lying{c.Tiles}
	if _, err := ledger.Open(t.Context(), bc); err == nil {
		t.Error("opened a damaged log")
	}
}

// lying flips a bit of what it reads from bundles.
type lying struct{ ledger.Tiles }

func (l *lying) Get(ctx context.Context, name string) ([]byte, error) {
	data, err := l.Tiles.Get(ctx, name)
	if err == nil && strings.HasPrefix(name, "tile/entries/") {
		data = bytes.Clone(data)
		data[40] ^= 1
	}
	return data, err
}

package instance

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue/publish"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/folder"
	"github.com/ark-tre/ark/pkg/worker"
)

// older is an Ark's store and keys, opened as a role opens them.
func older(t *testing.T) (Config, func() *objects.Store) {
	t.Helper()
	c := Config{dir: t.TempDir()}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(local.Init(c.Path("keys")))
	must(folder.Init(c.Path("objects"), objects.DefaultRules()))
	ring, err := local.Open(c.Path("keys"), time.Now)
	must(err)
	for _, k := range standing {
		must(ring.Create(t.Context(), k))
	}
	return c, func() *objects.Store {
		ring, err := local.Open(c.Path("keys"), time.Now)
		must(err)
		back, err := folder.Open(c.Path("objects"), objects.DefaultRules(), time.Now)
		must(err)
		return objects.New(back, ring, objects.DefaultRules())
	}
}

func put(t *testing.T, s *objects.Store) (objects.Ref, error) {
	t.Helper()
	return s.Put(t.Context(), objects.Contributors, "rel/sets", worker.ContributorsKey, strings.NewReader("sets"))
}

// TestAnOlderArkOpens: without the zones and keys that came later, an Ark gets
// them, says so once, and releases can be kept; what it has is not touched.
func TestAnOlderArkOpens(t *testing.T) {
	c, open := older(t)
	for _, gone := range []string{"keys/contributors", "keys/lists", "objects/contributors", "objects/lists"} {
		if err := os.RemoveAll(c.Path(gone)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := put(t, open()); err == nil {
		t.Fatal("the test took nothing away")
	}
	var log bytes.Buffer
	for range 2 {
		if err := c.renew(t.Context(), slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "an older version made this Ark"); n != 4 {
		t.Errorf("%d additions in the log, want 4:\n%s", n, log.String())
	}
	ref, err := put(t, open())
	if err != nil {
		t.Fatal(err)
	}
	// Once something is sealed under it, the key is not made again.
	if err := os.RemoveAll(c.Path("keys", "contributors")); err != nil {
		t.Fatal(err)
	}
	if err := c.renew(t.Context(), slog.New(slog.DiscardHandler)); !ark.Is(err, ark.Unavailable) || !strings.Contains(err.Error(), "contributors/sets") {
		t.Errorf("a lost key of sets that were kept: %v", err)
	}
	if r, err := open().Open(t.Context(), ref); err == nil {
		if _, err = io.ReadAll(r); err == nil {
			t.Error("sets open without their key")
		}
	}
}

// TestALostKeyIsNotMadeAnew: another key of the pseudonyms would give people
// other names without a word.
func TestALostKeyIsNotMadeAnew(t *testing.T) {
	for _, k := range []keys.Name{publish.DomainKey, worker.PersonsKey, ledgerKey} {
		c, _ := older(t)
		if err := os.RemoveAll(c.Path("keys", string(k))); err != nil {
			t.Fatal(err)
		}
		err := c.renew(t.Context(), slog.New(slog.DiscardHandler))
		if _, statErr := os.Stat(c.Path("keys", string(k))); !ark.Is(err, ark.Unavailable) || statErr == nil {
			t.Errorf("%s was lost: %v; there again: %v", k, err, statErr == nil)
		}
	}
}

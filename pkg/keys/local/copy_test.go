package local

import (
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// A key that is copied opens in another keyring what it sealed here; swapped
// and cut copies are refused, and a buried key can't come back.
func TestCopyTakeBury(t *testing.T) {
	ctx := t.Context()
	_, here := fresh(t)
	must(t, here.Create(ctx, "project/a"))
	plain, sealed, err := here.NewDataKey(ctx, "project/a")
	must(t, err)
	_, err = here.Rotate(ctx, "project/a")
	must(t, err)
	files, err := here.Copy("project/a")
	must(t, err)
	if len(files) != 4 {
		t.Fatalf("%d files of two versions", len(files))
	}
	_, there := fresh(t)
	if err := there.Take("project/b", files); err == nil {
		t.Error("a key was taken under another name")
	}
	cut := map[string][]byte{"v1.secret": files["v2.secret"], "v1.public": files["v1.public"]}
	if err := there.Take("project/a", cut); err == nil {
		t.Error("a secret was taken that does not belong to its public half")
	}
	if err := there.Take("project/a", map[string][]byte{"../v1.secret": nil}); err == nil {
		t.Error("a file outside the key's folder was taken")
	}
	must(t, there.Take("project/a", files))
	got, err := there.Unwrap(ctx, "project/a", sealed)
	if err != nil || !got.Same(plain) {
		t.Fatalf("what was sealed does not open: %v", err)
	}
	if err := there.Take("project/a", files); !ark.Is(err, ark.Conflict) {
		t.Errorf("a key was taken twice: %v", err)
	}

	ev, err := here.Destroy(ctx, "project/a")
	must(t, err)
	if _, err := here.Copy("project/a"); !ark.Is(err, ark.Lapsed) {
		t.Errorf("a destroyed key was copied: %v", err)
	}
	_, third := fresh(t)
	must(t, third.Bury(ev))
	if err := third.Take("project/a", files); err == nil {
		t.Error("a buried key came back")
	}
	if err := third.Create(ctx, "project/a"); !ark.Is(err, ark.Lapsed) {
		t.Errorf("a buried key was made again: %v", err)
	}
	if was, err := third.Evidence("project/a"); err != nil || !was.Time.Equal(ev.Time) || was.Time.After(time.Now()) {
		t.Errorf("%+v, %v", was, err)
	}
}

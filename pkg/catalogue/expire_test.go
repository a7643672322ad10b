package catalogue_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/intake"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// TestExpireUploads: an upload that broke off is given up after a fortnight
// without a part, its objects are removed also when removing is cut off, and it
// can be begun again; one that became a delivery loses nothing.
func TestExpireUploads(t *testing.T) {
	w := newWorld(t)
	s := w.source(t)
	hash := strings.Repeat("a", 64)
	ref := func(name string) objects.Ref {
		return objects.Ref{Zone: objects.Landing, Name: name, SHA256: strings.Repeat("b", 64), Size: 1}
	}
	open := func(name string) *catalogue.Upload {
		t.Helper()
		m := &intake.Manifest{Source: "hospital", Delivery: name, Files: []intake.ManifestFile{{Name: "a.csv", Table: "admission", Rows: 1, SHA256: hash}}}
		u, err := w.OpenUpload(t.Context(), w.engineer, s.ID, m, objects.Ref{Zone: objects.Landing, Name: "manifest-" + name, SHA256: strings.Repeat(name[:1], 64)})
		must(t, err)
		return u
	}
	part := func(u *catalogue.Upload, n int, name string) error {
		_, err := w.AddPart(t.Context(), w.engineer, s.ID, u.ID, "a.csv", n, ref(name))
		return err
	}
	old, live, whole := open("old"), open("live"), open("whole")
	must(t, errors.Join(part(old, 1, "old-1"), part(old, 2, "old-2"), part(live, 1, "live-1"), part(whole, 1, "whole-1")))
	// The delivery's row was written, the upload's was not: a crash came between.
	_, err := w.ReceiveDelivery(t.Context(), w.engineer, s.ID, "whole", []catalogue.DeliveredFile{whole.Manifest, {Name: "a.csv", Ref: ref("whole-1")}})
	must(t, err)
	w.clock.Move(10 * 24 * time.Hour)
	must(t, part(live, 2, "live-2"))
	removed := map[string]int{}
	broken := true
	expire := func() (int, error) {
		return w.ExpireUploads(t.Context(), func(_ context.Context, r objects.Ref) error {
			if broken && r.Name == "old-2" {
				return errors.New("the store is away")
			}
			removed[r.Name]++
			return nil
		})
	}
	if n, err := expire(); n != 0 || err != nil || len(removed) != 0 {
		t.Errorf("after ten days: %d %v %v", n, err, removed)
	}
	w.clock.Move(5 * 24 * time.Hour)
	if _, err := expire(); err == nil {
		t.Error("an object that cannot be removed is not told")
	}
	if err := part(old, 3, "late"); !ark.Is(err, ark.Lapsed) {
		t.Errorf("a part for one that is given up: %v", err)
	}
	broken = false
	if _, err := expire(); err != nil {
		t.Fatal(err)
	}
	if n, err := expire(); n != 0 || err != nil {
		t.Errorf("again: %d %v", n, err)
	}
	if len(removed) != 3 || removed["old-1"] == 0 || removed["old-2"] != 1 || removed["manifest-old"] == 0 {
		t.Errorf("removed %v; the delivery's and the live upload's objects stay", removed)
	}
	if again := open("old"); again.ID != old.ID || len(again.Files[0].Parts) != 0 || !again.Expired.IsZero() || part(again, 1, "new-1") != nil {
		t.Errorf("begun again: %+v", again)
	}
	must(t, w.St.View(t.Context(), func(q store.Querier) error {
		u, err := catalogue.GetUpload(t.Context(), q, s.ID, whole.ID)
		if err == nil && u.Delivery == "" {
			t.Error("the upload does not know its delivery")
		}
		return err
	}))
}

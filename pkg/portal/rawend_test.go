package portal

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// TestDeliveredFilesEnd: files are removed as they came when their source's
// retention is over, unless rows of them wait, a version of them is on hold or
// what was made of them is being taken back; what was cut off is gone on with,
// and all that was made of them stays.
func TestDeliveredFilesEnd(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	ctx, k := context.Background(), b.rooms.Catalogue
	b.active("Alcohol and emergency care")
	delivery := "/sources/" + b.id["source"] + "/deliveries/" + b.id["delivery"]
	read := func() (d *catalogue.Delivery, version string) {
		t.Helper()
		b.must(b.st.View(ctx, func(q store.Querier) (err error) {
			if d, err = catalogue.GetDelivery(ctx, q, b.id["delivery"]); err != nil {
				return err
			}
			set, err := catalogue.GetDataset(ctx, q, b.id["dataset"])
			version = set.Latest
			return err
		}))
		return d, version
	}
	was, one := read()
	removed, broken := map[string]int{}, false
	expire := func() (int, error) {
		return k.ExpireDeliveries(ctx, func(_ context.Context, r objects.Ref) error {
			if broken && removed[r.Name] == 0 && len(removed) == 1 {
				return errors.New("the store is away")
			}
			if r.Zone != objects.Landing {
				t.Errorf("an object of the zone %q was removed", r.Zone)
			}
			removed[r.Name]++
			return nil
		})
	}
	kept := func(when, why string) {
		t.Helper()
		if n, err := expire(); n != 0 || err != nil || len(removed) != 0 {
			t.Fatalf("%s: %d fell due, %v were removed, %v", when, n, removed, err)
		}
		if page := b.get("engineer", delivery); !strings.Contains(page, why) {
			t.Errorf("%s the page does not say %q", when, why)
		}
	}
	b.later.set(40 * 24 * time.Hour)
	kept("without a retention", "the contract has no retention")
	_, err := k.RegisterSource(ctx, b.actor("engineer"), catalogue.Source{Slug: "emergency-feed", Org: b.id["hospital"], Contract: strings.Replace(contractYAML, "version: 1.0.0", "version: 1.1.0\nretention: {delivered: 60}", 1)})
	b.must(err)
	kept("before it is over", "The files are kept as they came until")
	b.later.set(61 * 24 * time.Hour)
	kept("while rows wait", "rows of them wait to be corrected")
	later, err := k.ReceiveDelivery(ctx, b.actor("engineer"), b.id["source"], "2026-12", []catalogue.DeliveredFile{{Name: "attendance.csv", Ref: b.mem.put("landing", "x2")}, {Name: "manifest.json", Ref: b.mem.put("landing", "y2")}})
	b.must(err)
	b.as("delivery.apply", store.Resource{Type: "Source", ID: b.id["source"]}, func(tx *store.Tx) ([]store.Event, error) {
		return k.ApplyIntake(ctx, tx, later.ID, catalogue.IntakeResult{Outputs: refs{"identifiers": b.mem.put("identifiers", "i2"), "payload/attendance": b.mem.put("payload", "p2")}})
	})
	_, err = k.HoldVersion(ctx, b.actor("custodian"), one, "litigation")
	b.must(err)
	kept("while a version is on hold", "is on hold")
	_, err = k.LiftHold(ctx, b.actor("custodian"), one)
	b.must(err)
	_, err = k.WithdrawVersion(ctx, b.actor("custodian"), b.id["dataset"], one, "wrong-data", 3)
	b.must(err)
	kept("while a version is being taken back", "were taken back")
	b.freshList()
	b.publish() // what was frozen is cut anew

	broken = true
	if _, err := expire(); err == nil {
		t.Error("a file that cannot be removed is not told")
	}
	if d, _ := read(); d.Gone || d.Expired.IsZero() || d.Files[1].Ref.Name == "" {
		t.Errorf("cut off, it is %+v", d)
	}
	broken = false
	if n, err := expire(); n != 0 || err != nil {
		t.Errorf("gone on with: %d %v", n, err)
	}
	if n, err := expire(); n != 0 || err != nil {
		t.Errorf("again: %d %v", n, err)
	}
	d, _ := read()
	for i, f := range d.Files {
		if f.Ref.Name != "" || f.Ref.SHA256 != was.Files[i].Ref.SHA256 || f.Size() != was.Files[i].Size() || removed[was.Files[i].Ref.Name] == 0 {
			t.Errorf("%+v of %+v; removed %v", f, was.Files[i], removed)
		}
	}
	if !d.Gone || len(removed) != 2 || len(d.Outputs) != len(was.Outputs) || d.Counts != was.Counts || d.State != "accepted" {
		t.Errorf("%+v; removed %v", d, removed)
	}
	if page := b.get("engineer", delivery); !strings.Contains(page, "The files as they came were removed on") {
		t.Error("the page does not say that the files are gone")
	}
	acts := b.get("auditor", apiPrefix+"/acts?limit=100")
	if strings.Count(acts, "delivery.files-expired") != 1 || strings.Count(acts, "delivery.files-removed") != 1 {
		t.Error("the recorded acts lack it, or have it twice")
	}
	// The same bytes under the same name are the same delivery; a version is made
	// of what was kept.
	again, err := k.ReceiveDelivery(ctx, b.actor("engineer"), b.id["source"], was.Name, was.Files)
	if err != nil || again.ID != was.ID {
		t.Errorf("delivered again: %v", err)
	}
	b.publish()
}

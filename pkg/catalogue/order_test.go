package catalogue_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// TestLateDeliveriesReplaceNothingNewer: three deliveries arrive as second,
// third, first, and one that does not say when it was sent. What linkage and
// publishing are given is in the order of sending; all are kept.
func TestLateDeliveriesReplaceNothingNewer(t *testing.T) {
	w := newWorld(t)
	s := w.source(t)
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	names := map[string]string{}
	take := func(name string, sent time.Time) {
		w.clock.Move(time.Hour)
		d, err := w.ReceiveDelivery(t.Context(), w.engineer, s.ID, name, landed('a'))
		must(t, err)
		names[d.ID] = name
		must(t, w.apply(t, "delivery.apply", "Source", s.ID, func(tx *store.Tx) ([]store.Event, error) {
			return w.ApplyIntake(t.Context(), tx, d.ID, catalogue.IntakeResult{Sent: sent, Outputs: map[string]objects.Ref{
				"identifiers": {Zone: objects.Identifiers, Name: name}, "payload/patients": {Zone: objects.Payload, Name: name}}})
		}))
	}
	take("second", day(2))
	take("third", day(3))
	take("first", day(1))
	take("unsaid", time.Time{})
	want := []string{"first", "second", "third", "unsaid"}

	w.link(t)
	job := func(kind string, into any) {
		must(t, w.St.View(t.Context(), func(q store.Querier) error {
			jobs, err := store.Jobs(t.Context(), q, "kind = '"+kind+"'")
			must(t, err)
			return json.Unmarshal(jobs[len(jobs)-1].Input, into)
		}))
	}
	var link catalogue.LinkJob
	job("link", &link)
	var got []string
	for _, in := range link.Inputs {
		got = append(got, names[in.Delivery])
	}
	if !slices.Equal(got, want) {
		t.Errorf("linked in the order %v, want %v", got, want)
	}
	def, err := catalogue.ParseDataset([]byte("slug: h\ntitle: H\nsummary: s\nprofile: ark\ntables:\n- {name: person, variables: [{name: sex, type: string, meaning: m, sensitivity: ordinary, transform: keep}]}\n- {name: admission, from: [{source: hospital, table: patients}], variables: [{name: event, type: string, meaning: m, sensitivity: ordinary, transform: keep}]}\n"))
	must(t, err)
	ds, err := w.OfferDataset(t.Context(), w.engineer, *def)
	must(t, err)
	v, err := w.Publish(t.Context(), w.engineer, ds.ID)
	must(t, err)
	if len(v.Deliveries) != len(want) {
		t.Errorf("the version has %d deliveries, want all %d", len(v.Deliveries), len(want))
	}
	var publish catalogue.PublishJob
	job("publish", &publish)
	got = nil
	for i, in := range publish.Inputs {
		got = append(got, names[in.Delivery])
		if in.Order != i+1 {
			t.Errorf("%s has the place %d, want %d", names[in.Delivery], in.Order, i+1)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("published in the order %v, want %v", got, want)
	}
}

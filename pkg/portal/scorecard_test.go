package portal

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/store"
)

// The source's page shows each delivery's scores and that the newest is unlike
// the sender's own past.
func TestScorecardPage(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	ctx, k := context.Background(), b.rooms.Catalogue
	for i := range 5 {
		missing := 50
		if i == 4 {
			missing = 700
		}
		d, err := k.ReceiveDelivery(ctx, b.actor("engineer"), b.id["source"], fmt.Sprintf("2027-%02d", i+1), []catalogue.DeliveredFile{{Name: "a.csv", Ref: b.mem.put("landing", fmt.Sprint(i))}})
		b.must(err)
		quality := fmt.Sprintf(`{"tables":[{"table":"attendance","rows":1000,"accepted":990,"quarantined":10,"fields":[{"field":"reason","to":"payload","filled":%d,"missing":%d}],"scores":{"conformance":0.99,"completeness":0.9,"plausibility":1}}],"identifiers":{"records":100,"flags":{"nhs-number-missing":7}}}`, 1000-missing, missing)
		b.as("delivery.apply", store.Resource{Type: "Source", ID: b.id["source"]}, func(tx *store.Tx) ([]store.Event, error) {
			return k.ApplyIntake(ctx, tx, d.ID, catalogue.IntakeResult{Counts: catalogue.DeliveryCounts{Read: 1000, Accepted: 990, Quarantined: 10}, Quality: []byte(quality)})
		})
	}
	page := b.get("custodian", "/sources/"+b.id["source"])
	for _, want := range []string{"Scorecard, newest first", "The share of rows without the field has moved", "70.0 %", "5.0 %", "7.0 %", "rows were set aside in all"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page, "another size than usual") {
		t.Error("five deliveries of one size drift")
	}
}

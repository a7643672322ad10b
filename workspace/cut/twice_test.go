package cut_test

import (
	"testing"

	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/policies/disclosure"
)

// TestToldTwice: what two organisations sent alike of one person is counted, as
// the profile shows it; what one organisation sent twice, what differs in one
// value, and what has no day is not.
func TestToldTwice(t *testing.T) {
	w := newWorld(t)
	job := w.job(t)
	var same [][]columnar.Value
	for i := range n {
		if i%2 == 0 || i%4 == 3 {
			v := visit("b", i, "A", false)
			if i == 40 {
				v[4] = columnar.Value{} // another cost than the other organisation says
			}
			if i == 42 {
				v[3] = columnar.Value{} // no day
			}
			same = append(same, v)
		}
	}
	job.Inputs[2].Ref = w.put(t, objects.Payload, "payload/data", "b/1/same", visits, same)
	told := func(job catalogue.PublishJob) string {
		t.Helper()
		res, err := w.shop().Build(t.Context(), job)
		must(t, err)
		for _, p := range res.Tables {
			if p.Name == catalogue.PersonTable && p.Twice != "" {
				t.Error("people are no events")
			}
			if p.Name == "visits" {
				return p.Twice
			}
		}
		return "no table"
	}
	profile, err := disclosure.Shipped("ark")
	must(t, err)
	// Even persons are known to both: 200, less 20, 22 and 24 who object, 12
	// who was withdrawn, 8 who was corrected, and 42. Costs of i%5 == 0 are not
	// known to either, so 40 is alike after all.
	if got, want := told(job), disclosure.RoundCount(profile, 194).Text; got != want {
		t.Errorf("%s rows, want %s", got, want)
	}
	job.Version = "ver_00000000000070008000000000000004"
	for i := range job.Inputs {
		job.Inputs[i].Org = alpha // two feeds of one organisation
	}
	if got := told(job); got != "" {
		t.Errorf("one organisation alone: %q", got)
	}
}

package portal

import (
	"encoding/json"
	"fmt"

	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/intake"
	"github.com/ark-tre/ark/pkg/portal/ui"
)

// scorecard shows a sender's quality over time, and how the newest delivery
// differs from the sender's own past. Its figures count rows of a feed, for its
// own engineers and custodians.
func scorecard(s *catalogue.Source, ds []catalogue.Delivery) []ui.Block {
	var past []*intake.Report
	t := ui.Table{Caption: "Scorecard, newest first", Columns: ui.Cols("Delivery", "#Rows", "#Set aside", "#Conformance", "#Completeness", "#Plausibility", "#Without a valid NHS number"), Empty: &ui.Empty{Text: "No delivery has been checked yet."}}
	for _, d := range ds {
		var r intake.Report
		if d.State != "accepted" || len(d.Quality) == 0 || json.Unmarshal(d.Quality, &r) != nil {
			continue
		}
		past = append(past, &r)
		all := r.Scores()
		number0 := "–"
		if r.Identifiers != nil && r.Identifiers.Records > 0 {
			number0 = percent(float64(r.Identifiers.Flags["nhs-number-missing"]+r.Identifiers.Flags["nhs-number-invalid"]) / float64(r.Identifiers.Records))
		}
		row := []ui.Cell{{Text: d.Name, Href: "/sources/" + s.ID + "/deliveries/" + d.ID, Head: true}, {Text: number(d.Counts.Read)}, {Text: percent(share(d.Counts.Quarantined, d.Counts.Read))},
			{Text: percent(all.Conformance)}, {Text: percent(all.Completeness)}, {Text: percent(all.Plausibility)}, {Text: number0}}
		t.Rows = append([][]ui.Cell{row}, t.Rows...)
	}
	out := []ui.Block{t}
	if len(past) < 4 {
		return append(out, ui.Text{Text: "From the fourth delivery on, each is held against the sender’s own past."})
	}
	drift := ui.Table{Caption: "How the newest delivery differs from the past", Columns: ui.Cols("Table", "Field", "What", "#Now", "#Usual"), Empty: &ui.Empty{Text: "It is like the ones before."}}
	for _, x := range intake.Scorecard(past[:len(past)-1], past[len(past)-1]) {
		now, usual := percent(x.Now), percent(x.Usual)
		if x.What == "rows" {
			now, usual = number(int64(x.Now)), number(int64(x.Usual))
		}
		drift.Rows = append(drift.Rows, []ui.Cell{{Text: x.Table, Head: true}, {Text: orText(x.Field, "–")}, {Text: sentence(x.Says)}, {Text: now}, {Text: usual}})
	}
	return append(out, drift)
}

func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// waiting says how many rows of a source wait for their sender, and how they
// come back.
func waitingRows(ds []catalogue.Delivery) ui.Block {
	var n int64
	for _, d := range ds {
		if d.State == "accepted" {
			n += d.Counts.Quarantined
		}
	}
	if n == 0 {
		return ui.Text{Text: "No row waits to be corrected."}
	}
	return ui.Text{Text: fmt.Sprintf("%s rows were set aside in all. A row comes back by being sent again, corrected, under its key in a later delivery; each delivery’s page says which rows and why.", number(n))}
}

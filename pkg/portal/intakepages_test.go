package portal

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/intake"
	"github.com/ark-tre/ark/pkg/store"
)

// spoiled is the OMOP sample's visits with some errors that a sender makes: an
// end before the start, a day that is none, a start in the future.
func spoiled(t *testing.T, every int) (text string, bad int) {
	t.Helper()
	f, err := os.Open("../intake/testdata/omop-visit_occurrence.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
	for i := 1; every > 0 && i < len(lines); i += every {
		cells := strings.Split(lines[i], ",")
		switch bad++; bad % 3 {
		case 0:
			cells[3] = "2093-01-01"
		case 1:
			cells[5] = "1950-01-01"
		case 2:
			cells[3] = "31/12/2001"
		}
		lines[i] = strings.Join(cells, ",")
	}
	return strings.Join(lines, "\n") + "\n", bad
}

// The pages of a sender's deliveries, by intake itself: the scorecard over
// time, the quality of the newest, and what of it waits and why, without a
// value. With ARK_SHOTS set they are the pictures of docs/pictures.
func TestIntakePages(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	ctx, k, eng := context.Background(), b.rooms.Catalogue, b.actor("engineer")
	text, err := os.ReadFile("../../deploy/demo/contracts/omop.yaml")
	b.must(err)
	c, err := intake.ParseContract(text)
	b.must(err)
	s, err := k.RegisterSource(ctx, eng, catalogue.Source{Slug: "omop-sample", Org: b.id["hospital"], Title: "OMOP sample, visits", Contract: string(text)})
	b.must(err)
	var last string
	for i, every := range []int{0, 900, 600, 0, 100} {
		csv, bad := spoiled(t, every)
		name := fmt.Sprintf("2026-%02d", i+6)
		m := &intake.Manifest{Source: s.Slug, Delivery: name, Files: []intake.ManifestFile{{Name: "visit_occurrence.csv", Table: "visit_occurrence", Rows: int64(strings.Count(csv, "\n") - 1), SHA256: hash(csv)}}}
		dir := t.TempDir()
		report, err := intake.Process(ctx, intake.Job{Contract: c, Source: s.Slug, Delivery: name, Received: time.Now(), Manifest: m, Key: bytes.Repeat([]byte{1}, 32), Sink: intake.Folder(dir), Scratch: t.TempDir(), Demonstration: true,
			Files: []intake.Input{{Name: "visit_occurrence.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil }}}})
		b.must(err)
		if report.Quarantined() != int64(bad) {
			t.Errorf("%s: %d rows wait, %d are spoiled", name, report.Quarantined(), bad)
		}
		d, err := k.ReceiveDelivery(ctx, eng, s.ID, name, []catalogue.DeliveredFile{{Name: "visit_occurrence.csv", Ref: b.mem.put("landing", csv)}})
		b.must(err)
		quality, err := report.JSON()
		b.must(err)
		waits, err := os.ReadFile(filepath.Join(dir, "landing", "quarantine.ndjson"))
		b.must(err)
		got := report.Tables[0]
		res := catalogue.IntakeResult{Counts: catalogue.DeliveryCounts{Read: got.Rows, Accepted: got.Accepted, Quarantined: got.Quarantined, Duplicates: got.Duplicates}, Quality: quality, Outputs: refs{"quality": b.mem.put("payload", string(quality)), "quarantine": b.mem.put("landing", string(waits))}}
		b.as("delivery.apply", store.Resource{Type: "Source", ID: s.ID}, func(tx *store.Tx) ([]store.Event, error) { return k.ApplyIntake(ctx, tx, d.ID, res) })
		last = d.ID
	}
	page := b.get("engineer", "/sources/"+s.ID+"/deliveries/"+last)
	for _, want := range []string{"the visit ended before it began", "visit_start_date", "the value is higher than the contract allows"} {
		if !strings.Contains(page, want) {
			t.Errorf("the delivery's page does not say %q", want)
		}
	}
	for _, value := range []string{"2093-01-01", "31/12/2001", "1950-01-01"} {
		if strings.Contains(page, value) {
			t.Errorf("the delivery's page shows the value %s", value)
		}
	}
	as := func(name, path string) look {
		return look{Name: name, URL: b.origin() + path, Cookie: "ark=" + b.user("engineer"), Plain: true}
	}
	lookAt(t, []look{as("scorecard", "/sources/"+s.ID), as("quality", "/sources/"+s.ID+"/deliveries/"+last)})
}

package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/linkage"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/folder"
	"github.com/ark-tre/ark/pkg/objects/objectstest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newBench(t *testing.T) Bench {
	t.Helper()
	dir := t.TempDir()
	must(t, local.Init(filepath.Join(dir, "keys")))
	ring, err := local.Open(filepath.Join(dir, "keys"), time.Now)
	must(t, err)
	for _, k := range []keys.Name{IdentifiersKey, IndexKey, PersonsKey} {
		must(t, ring.Create(t.Context(), k))
	}
	must(t, folder.Init(filepath.Join(dir, "objects"), objectstest.Rules()))
	back, err := folder.Open(filepath.Join(dir, "objects"), objectstest.Rules(), time.Now)
	must(t, err)
	return Bench{Objects: objects.New(back, ring, objectstest.Rules()), Keys: ring, Tmp: dir}
}

// deliver stores identifiers of people as intake does: people from to to, each
// at the given source.
func (b Bench) deliver(t *testing.T, delivery, source string, from, to int) catalogue.LinkInput {
	t.Helper()
	names := strings.Fields("Ada Bea Cara Dora Ella Fay Gina Hana Ida Joan Kim Lena Mona Nora Olga Pia Rita Sara Tina Una")
	cols := []string{"record_key", "source", "nhs_number", "given_name", "family_name", "date_of_birth", "sex", "postcode"}
	var shape columnar.Schema
	for _, c := range cols {
		shape = append(shape, columnar.Field{Name: c, Type: cell.String, Nullable: true})
	}
	var buf bytes.Buffer
	w, err := columnar.NewWriter(&buf, shape, columnar.Options{})
	must(t, err)
	for i := from; i < to; i++ {
		row := []string{key(source, i), source, "", names[i%20], names[i*7%20] + names[i*3%19] + "son", fmt.Sprintf("%d-%02d-%02d", 1930+i%80, 1+i%12, 1+i%28), "F", fmt.Sprintf("M%d 1A%c", 1+i%9, 'A'+i%20)}
		cells := make([]columnar.Value, len(row))
		for j, v := range row {
			if v != "" {
				cells[j] = cell.Str(v)
			}
		}
		must(t, w.Append(cells))
	}
	must(t, w.Close())
	ref, err := b.Objects.Put(t.Context(), objects.Identifiers, delivery+"/identifiers.parquet", IdentifiersKey, &buf)
	must(t, err)
	return catalogue.LinkInput{Delivery: delivery, Source: source, Number: 1, Identifiers: ref}
}

func key(source string, i int) string { return fmt.Sprintf("%s%015d", strings.ToUpper(source[:1]), i) }

// link does the step of a job, through JSON as the worker gets it.
func (b Bench) link(t *testing.T, job catalogue.LinkJob) (catalogue.LinkResult, map[string]string) {
	t.Helper()
	raw, err := json.Marshal(job)
	must(t, err)
	out, err := b.linkSteps()[0].Do(context.Background(), raw, nil)
	must(t, err)
	res := out.(catalogue.LinkResult)
	persons := map[string]string{}
	must(t, b.rows(t.Context(), res.Outputs["index"], []string{"person_record_key", "person_id"}, func(v []columnar.Value) { persons[v[0].Str()] = v[1].Str() }))
	return res, persons
}

// TestLinkingGoesOnFromTheRunBefore: a small delivery is linked against the
// state of the run before; ids stay; pairs for review are sealed with the
// identifiers; a decision that parts a person makes the worker compare all.
func TestLinkingGoesOnFromTheRunBefore(t *testing.T) {
	b := newBench(t)
	gp, hospital := b.deliver(t, "dlv_1", "gp", 0, 900), b.deliver(t, "dlv_2", "hospital", 0, 300)
	first, before := b.link(t, catalogue.LinkJob{Linkage: "lnk_1", Inputs: []catalogue.LinkInput{gp, hospital}, Profile: "ark"})
	if first.Extended || first.Outputs["state"].Zone != objects.Identifiers || before[key("gp", 5)] == "" || before[key("gp", 5)] != before[key("hospital", 5)] {
		t.Fatalf("the first run: extended %v, state %v", first.Extended, first.Outputs["state"])
	}
	late := b.deliver(t, "dlv_3", "lab", 250, 350)
	late.New = true
	job := catalogue.LinkJob{Linkage: "lnk_2", Inputs: []catalogue.LinkInput{gp, hospital, late}, Previous: first.Outputs["index"], Profile: "ark",
		Base: &catalogue.LinkBase{Links: first.Outputs["links"], States: []objects.Ref{first.Outputs["state"]}, Report: first.Report}}
	second, after := b.link(t, job)
	if !second.Extended || len(after) != len(before)+100 {
		t.Fatalf("extended %v, %d records", second.Extended, len(after))
	}
	for k, id := range before {
		if after[k] != id {
			t.Fatal("a person changed its id")
		}
	}
	for i := 250; i < 350; i++ {
		if after[key("lab", i)] != after[key("gp", i)] {
			t.Errorf("record %d of the late delivery was not linked", i)
		}
	}
	var rep linkage.Report
	must(t, json.Unmarshal(second.Report, &rep))
	if rep.Records != 1300 || rep.Extended != 1 || !slices.Contains(rep.Deliveries, "lab") {
		t.Errorf("report %+v", rep)
	}
	for _, line := range append(first.Review, second.Review...) {
		if line.Ref.Zone != objects.Identifiers || len(line.Sources) != 2 {
			t.Errorf("a pair for review lies in %s and is of %v", line.Ref.Zone, line.Sources)
		}
	}
	// Reviewers' answers come back by the object that they saw.
	if len(first.Review) == 0 {
		t.Fatal("no pair was put up for review")
	}
	var seen linkage.ReviewPair
	must(t, b.getJSON(t.Context(), first.Review[0].Ref, &seen))
	job.Linkage, job.Decisions = "lnk_3", []catalogue.LinkDecision{{Review: first.Review[0].Ref, Same: false, Reason: "two reviewers agreed"}}
	third, parted := b.link(t, job)
	if parted[seen.L] == parted[seen.R] {
		t.Error("two that reviewers parted are one person")
	}
	if together := before[seen.L] == before[seen.R]; together == third.Extended {
		t.Errorf("they were together %v, and the run extended %v", together, third.Extended)
	}
}

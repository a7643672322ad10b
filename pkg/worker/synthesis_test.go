package worker

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/attest"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/catalogue/publish"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/objects"
)

// TestSynthesisNeedsACustodian: a synthetic version is drawn from marginals that
// a custodian's act names by their hash, that this Ark signed and that the
// profile lets pass, and from no other; the attack on it says how well a member
// is told from somebody held out.
func TestSynthesisNeedsACustodian(t *testing.T) {
	b := newBench(t)
	must(t, b.Keys.Create(t.Context(), publish.VersionsKey))
	must(t, b.Keys.Create(t.Context(), publish.SigningKey))
	dictionary := []catalogue.Table{{Name: "person", Variables: []catalogue.Variable{{Name: "sex", Type: "string", Transform: "keep"}, {Name: "reason", Type: "string", Transform: "keep", System: "icd10"}}}}
	put := func(name string, version, table string, people string, sign bool) objects.Ref {
		raw := []byte(fmt.Sprintf(`{"dataset":"care","version":%q,"table":%q,"profile":"ark","variables":[{"name":"sex","type":"string","values":["F","M"],"people":%s},{"name":"reason","type":"string","values":["I10"],"people":[2000]}]}`, version, table, people))
		if strings.Contains(name, "restricted") {
			raw = bytes.Replace(raw, []byte("I10"), []byte("A53"), 1)
		}
		if sign {
			var err error
			raw, err = attest.Sign(t.Context(), b.Keys, publish.SigningKey, publish.MarginalsType, raw)
			must(t, err)
		}
		ref, err := b.Objects.Put(t.Context(), objects.Versions, "care/ver_1/synthetic/"+name+".json", publish.VersionsKey, bytes.NewReader(raw))
		must(t, err)
		return ref
	}
	people := func(n int) objects.Ref {
		var table bytes.Buffer
		w, err := columnar.NewWriter(&table, columnar.Schema{{Name: "person", Type: cell.String}, {Name: "_orgs", Type: cell.String}, {Name: "sex", Type: cell.String, Nullable: true}, {Name: "reason", Type: cell.String, Nullable: true}}, columnar.Options{})
		must(t, err)
		rng := rand.New(rand.NewPCG(1, 2))
		for i := range n {
			must(t, w.Append([]columnar.Value{cell.Str(fmt.Sprintf("P%05d", i)), cell.Str("org"), cell.Str([]string{"F", "M"}[rng.IntN(2)]), cell.Str(fmt.Sprint("I", 10+rng.IntN(30)))}))
		}
		must(t, w.Close())
		ref, err := b.Objects.Put(t.Context(), objects.Versions, fmt.Sprintf("care/ver_1/person-%d.parquet", n), publish.VersionsKey, &table)
		must(t, err)
		return ref
	}
	rows := people(3000)
	good := put("good", "ver_1", "person", "[1500,1500]", true)
	job := func(ref objects.Ref, change func(*catalogue.Approval)) catalogue.SynthesisJob {
		a := catalogue.Approval{Dataset: "dst_1", Version: "ver_1", Custodian: "usr_carol", Org: "org_1", At: time.Unix(1, 0).UTC(), Hashes: map[string]string{"person": ref.SHA256}}
		if change != nil {
			change(&a)
		}
		return catalogue.SynthesisJob{Version: "ver_1", Slug: "care", Profile: "ark", Marginals: map[string]objects.Ref{"person": ref}, Approval: a, Tables: []catalogue.PublishedTable{{Name: "person", Ref: rows}}, Dictionary: dictionary}
	}
	steps := b.synthesisSteps()
	run := func(step int, j catalogue.SynthesisJob, carry any) (catalogue.SynthesisResult, error) {
		in, err := json.Marshal(j)
		must(t, err)
		was, err := json.Marshal(carry)
		must(t, err)
		out, err := steps[step].Do(t.Context(), in, was)
		if err != nil {
			return catalogue.SynthesisResult{}, err
		}
		return out.(catalogue.SynthesisResult), nil
	}
	other := put("other", "ver_1", "person", "[1000,1000]", true)
	for name, bad := range map[string]catalogue.SynthesisJob{
		"nobody approved":            job(good, func(a *catalogue.Approval) { *a = catalogue.Approval{} }),
		"other counts were approved": job(other, func(a *catalogue.Approval) { a.Hashes["person"] = good.SHA256 }),
		"no hash":                    job(good, func(a *catalogue.Approval) { delete(a.Hashes, "person") }),
		"another version's approval": job(good, func(a *catalogue.Approval) { a.Version = "ver_0" }),
		"another version's counts":   job(put("version", "ver_0", "person", "[1500,1500]", true), nil),
		"another table's counts":     job(put("table", "ver_1", "visits", "[1500,1500]", true), nil),
		"a count that may not pass":  job(put("few", "ver_1", "person", "[1500,3]", true), nil),
		"a restricted code":          job(put("restricted", "ver_1", "person", "[1500,1500]", true), nil),
		"not signed by this Ark":     job(put("unsigned", "ver_1", "person", "[1500,1500]", false), nil),
	} {
		if res, err := run(0, bad, nil); err == nil || !ark.Is(err, ark.Forbidden) && !ark.Is(err, ark.Invalid) || len(res.Synthetic) > 0 {
			t.Errorf("%s: %v, %v", name, res.Synthetic, err)
		}
	}
	var made catalogue.SynthesisResult
	for range 2 { // an attempt that was cut off is repeated
		var err error
		made, err = run(0, job(good, nil), nil)
		must(t, err)
	}
	text, err := b.Objects.Get(t.Context(), made.Synthetic["person"])
	must(t, err)
	drawn, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	must(t, err)
	if len(drawn) != 1001 || drawn[1][2] != "I10" {
		t.Errorf("%d rows, the first %v", len(drawn), drawn[1])
	}
	statement, err := b.Objects.Get(t.Context(), made.Approval)
	must(t, err)
	public, err := b.Keys.Public(t.Context(), publish.SigningKey)
	must(t, err)
	raw, err := attest.Verify(t.Context(), statement, publish.ApprovalType, public)
	must(t, err)
	var a catalogue.Approval
	must(t, json.Unmarshal(raw, &a))
	if a.Custodian != "usr_carol" || !maps.Equal(a.Hashes, map[string]string{"person": good.SHA256}) {
		t.Errorf("the statement says %+v", a)
	}
	res, err := run(1, job(good, nil), made)
	must(t, err)
	if m := res.Membership["person"]; m < "0.45" || m > "0.60" || res.Synthetic["person"] != made.Synthetic["person"] {
		t.Errorf("membership is told with %q", m)
	}
	small := job(good, nil)
	small.Tables[0].Ref = people(100)
	if res, err := run(1, small, made); err != nil || res.Membership["person"] != "too few people to try" {
		t.Errorf("of 100 people: %v, %v", res.Membership, err)
	}
}

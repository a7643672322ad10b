package portal

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"crypto/sha256"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/differencing"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/rederive"
	"github.com/ark-tre/ark/pkg/store"
	policy "github.com/ark-tre/ark/policies/disclosure"
)

// cohort is 600 made-up people; three of them are over 95, and one had the new
// valve.
func cohort() string {
	b := "person,age,ward,valve,stay\n"
	for i := range 600 {
		h := func(k int) int { return (i*7919 + k*104729 + i*i*31) % 997 }
		age := 20 + h(1)%70
		if i < 3 {
			age = 97
		}
		b += fmt.Sprintf("p%04d,%d,%s,%d,%d\n", i, age, []string{"east", "north", "west"}[h(2)%3], map[bool]int{true: 1}[i == 41], 1+h(3)%30)
	}
	return b
}

// table makes an output of a specification as ark table does.
func table(t *testing.T, name, spec string, safe bool) rederive.Output {
	t.Helper()
	s, err := rederive.Read(strings.NewReader(spec))
	if err != nil {
		t.Fatal(err)
	}
	data := cohort()
	m, err := rederive.ReadMicrodata(context.Background(), strings.NewReader(data), int64(len(data)), s.Table(), "person")
	if err != nil {
		t.Fatal(err)
	}
	o := rederive.Output{Name: name, Spec: &s, Micro: m}
	p, err := policy.Shipped("ark")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := rederive.Write(&b, o, p, safe); err != nil {
		t.Fatal(err)
	}
	o.Data = b.Bytes()
	return o
}

// TestThreeRequests walks the three requests of the page on re-derivation: a
// table that passes alone but not beside what another project released, a
// revision that rightly passes, a regression that hides one person. With
// ARK_SHOTS it takes the pictures.
func TestThreeRequests(t *testing.T) {
	b := newMarked(t, "")
	b.people()
	b.data()
	project, ws := b.active("Waiting in emergency care")
	_ = project
	p, err := policy.Shipped("ark")
	if err != nil {
		t.Fatal(err)
	}
	number := func(s string) uint64 {
		h := sha256.Sum256([]byte("a key" + s))
		return binary.BigEndian.Uint64(h[:]) >> 1
	}
	h := differencing.New()
	defer h.Close()
	keep := func(id, spec string, safe bool) {
		r, _, err := rederive.Contents(p, table(t, "t.csv", spec, safe), number)
		b.must(err)
		r.ID, r.Project = id, "another"
		text, err := r.Marshal()
		b.must(err)
		b.must(h.Load(text))
	}
	keep("rel-of-another-project", `{"kind":"crosstab","rows":["ward"],"filter":"age < 95"}`, false)
	keep("rel-of-the-first-paper", `{"kind":"crosstab","rows":["ward"],"filter":"age < 80","values":"stay","aggfunc":"count"}`, true)
	var pages []look
	for _, c := range []struct {
		name, spec   string
		safe         bool
		alone, want  disclosure.Verdict
		author       string // what its author is told
		checker, not string // what a checker sees, and the author must not
	}{
		{"beside-another-project", `{"kind":"crosstab","rows":["ward"]}`, false, "pass", "fail", "conflicts with an earlier release", "rel-of-another-project", "rel-of-another-project"},
		{"a-revision", `{"kind":"crosstab","rows":["ward"],"filter":"age < 82"}`, true, "pass", "pass", "", "", "rel-of"},
		{"one-person-in-a-model", `{"kind":"linear","outcome":"stay","predictors":["age","valve"]}`, true, "fail", "fail", "A record has a leverage of 1", "", "p0041"},
	} {
		o := table(t, "rates.csv", c.spec, c.safe)
		alone, found, err := rederive.Judge(context.Background(), p, o)
		b.must(err)
		beside, _, err := rederive.Beside(context.Background(), p, o, h, number)
		b.must(err)
		found = append(found, beside...)
		disclosure.Sort(found)
		if v := disclosure.Judge(found); alone != c.alone || v != c.want {
			t.Fatalf("%s: %s alone and %s beside what left: %+v", c.name, alone, v, found)
		}
		b.rooms.Outputs.(*pinned).outbox["rates.csv"], b.rooms.Enclave.(testEnclave).files["rates.csv"] = string(o.Data), string(o.Data)
		request := b.submit(ws)
		view := b.view("researcher", request)
		var res airlock.CheckResult
		for _, f := range view.Files {
			x := airlock.CheckedFile{ID: f.ID, Type: "text/csv", Verdict: "pass"}
			if f.Name == "rates.csv" {
				x.Verdict, x.Findings = string(c.want), found
			}
			res.Files = append(res.Files, x)
		}
		b.as("request.apply", store.Resource{Type: "Request", ID: request}, func(tx *store.Tx) ([]store.Event, error) {
			return b.rooms.Airlock.ApplyChecks(context.Background(), tx, request, view.Round, res)
		})
		page := b.get("researcher", "/outputs/"+request)
		if !strings.Contains(strings.ToLower(page), strings.ToLower(c.author)) || strings.Contains(page, c.not) {
			t.Errorf("%s: the author's page says other things than it may", c.name)
		}
		if c.checker != "" {
			if page := b.get("checker1", "/queue/"+request); !strings.Contains(page, c.checker) {
				t.Errorf("%s: a checker's page does not say %s", c.name, c.checker)
			}
			pages = append(pages, look{Name: c.name + "-checker", URL: b.origin() + "/queue/" + request, Cookie: "ark=" + b.user("checker1")})
		}
		pages = append(pages, look{Name: c.name, URL: b.origin() + "/outputs/" + request, Cookie: "ark=" + b.user("researcher")})
	}
	lookAt(t, pages)
}

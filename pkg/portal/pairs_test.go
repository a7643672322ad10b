package portal

import (
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/linkage"
	"github.com/ark-tre/ark/pkg/store"
)

// pairs are what the linkage worker puts up for review: one that the evidence
// leaves open, and a sample of its links.
func (b *bench) pairs() []catalogue.ReviewLine {
	var out []catalogue.ReviewLine
	for i, kind := range []string{linkage.ReviewGrey, linkage.ReviewLink} {
		body, err := json.Marshal(linkage.ReviewPair{Kind: kind, L: strings.Repeat("A", 16), R: strings.Repeat("B", 15) + string(rune('0'+i)), Prior: -20.5, Weight: 0.4, Rarity: 1.5,
			Sources: [2]string{"emergency-feed", "emergency-feed"}, Fields: []linkage.ReviewField{
				{Name: "name", What: "close", Bits: 8.2, Values: []linkage.ReviewValue{{Column: "given_name", Left: "ELISABETH", Right: "LISBETH"}, {Column: "family_name", Same: true}}},
				{Name: "date_of_birth", What: "same", Bits: 13.1, Values: []linkage.ReviewValue{{Column: "date_of_birth", Same: true}}},
				{Name: "nhs_number", What: "missing", Values: []linkage.ReviewValue{{Column: "nhs_number", Left: "4010232137"}}},
				{Name: "sex", What: "different", Bits: -1.9, Values: []linkage.ReviewValue{{Column: "sex", Left: "F", Right: "M"}}}}})
		b.must(err)
		out = append(out, catalogue.ReviewLine{Kind: kind, Sources: []string{"emergency-feed", "emergency-feed"}, Ref: b.mem.put("identifiers", string(body))})
	}
	return out
}

// mainOf is the main part of a page without what differs from one look to the next.
func mainOf(page string) string {
	_, page, _ = strings.Cut(page, "<main")
	page, _, _ = strings.Cut(page, "</main>")
	return untimed.ReplaceAllString(page, "")
}

var untimed = regexp.MustCompile(`\d+ (second|minute)s?|less than a \w+`)

func (b *bench) openPairs() []catalogue.Pair {
	var all []catalogue.Pair
	b.must(b.st.View(context.Background(), func(q store.Querier) error {
		var err error
		all, err = catalogue.OpenPairs(context.Background(), q)
		return err
	}))
	return all
}

// TestPairsAreReviewedBlind: two reviewers of other organisations settle a pair
// without learning of each other; those who sent the records, and everybody
// else, see nothing; a third decides when two differ; what was settled reaches
// the next linkage.
func TestPairsAreReviewedBlind(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	open := b.openPairs()
	if len(open) != 2 {
		t.Fatalf("%d pairs wait", len(open))
	}
	first, second := "/pairs/"+open[0].ID, "/pairs/"+open[1].ID
	for who, want := range map[string]int{"": 303, "custodian": 403, "researcher": 403, "checker1": 403, "operator": 403, "auditor": 403, "lay": 403} {
		resp, body := b.do(who, "GET", first, nil)
		if resp.StatusCode != want || strings.Contains(body, "LISBETH") {
			t.Errorf("%q sees the pair: %d", who, resp.StatusCode)
		}
		if code, _, _ := b.post(who, first, "answer", "same"); code == 303 && who != "" {
			t.Errorf("%q answers", who)
		}
	}
	if strings.Contains(b.get("custodian", "/pairs"), open[0].ID) {
		t.Error("the sender's custodian is asked about their own records")
	}
	page := b.get("labcustodian", first)
	for _, want := range []string{"ELISABETH", "LISBETH", "4010232137", "the same", "13.1", "−20.5"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, never := range []string{strings.Repeat("A", 16), "emergency-feed", "Northfield Hospital", "grey"} {
		if strings.Contains(page, never) {
			t.Errorf("the page tells %s", never)
		}
	}
	if b.get("labcustodian", second) == "" {
		t.Error("the sample can't be seen")
	}
	for who, want := range map[string]int{"": 401, "custodian": 403, "researcher": 403, "labcustodian": 200} {
		resp, body := b.api(who, "GET", first, "")
		if resp.StatusCode != want || strings.Contains(body, "LISBETH") != (want == 200) {
			t.Errorf("%q reads the pair from the API: %d", who, resp.StatusCode)
		}
		for _, never := range []string{strings.Repeat("A", 16), "emergency-feed", "grey", "state", "answers"} {
			if strings.Contains(body, never) {
				t.Errorf("the API tells %s", never)
			}
		}
	}
	if _, body := b.api("labcustodian", "GET", "/pairs", ""); !strings.Contains(body, open[0].ID) || strings.Contains(body, "orgs") {
		t.Errorf("the list of pairs says %s", body)
	}
	if _, body := b.api("custodian", "GET", "/pairs", ""); strings.Contains(body, open[0].ID) {
		t.Error("the sender's custodian is asked about their own records by the API")
	}
	if resp, _ := b.api("labcustodian", "POST", first+"/answer", `{"answer":"maybe"}`, "Idempotency-Key", "pair-none-1"); resp.StatusCode != 422 {
		t.Errorf("the API takes an answer that is none: %d", resp.StatusCode)
	}
	before := b.get("engineer", "/pairs")
	answer := func(who, path, says string) int {
		code, _, _ := b.post(who, path, "answer", says)
		return code
	}
	if code := answer("labcustodian", first, "maybe"); code != 422 {
		t.Errorf("an answer that is none: %d", code)
	}
	if code := answer("labcustodian", first, "same"); code != 303 {
		t.Fatalf("the first answer: %d", code)
	}
	if after := b.get("engineer", "/pairs"); mainOf(before) != mainOf(after) {
		t.Error("the second reviewer learns that there was a first")
	}
	if code := answer("labcustodian", first, "different"); code != 403 {
		t.Errorf("somebody answers twice: %d", code)
	}
	if resp, body := b.api("engineer", "POST", first+"/answer", `{"answer":"same"}`, "Idempotency-Key", "pair-same-1"); resp.StatusCode != 204 {
		t.Fatalf("the second answer, by the API: %d %s", resp.StatusCode, body)
	}
	if code := answer("engineer", first, "different"); code != 403 {
		t.Errorf("a settled pair takes answers: %d", code)
	}
	// Two who differ: a third is asked.
	answer("labcustodian", second, "same")
	answer("engineer", second, "different")
	if open = b.openPairs(); len(open) != 1 || open[0].State != "disputed" {
		t.Fatalf("two who differ leave %+v", open)
	}
	job := b.linkJob()
	if len(job.Decisions) != 1 || !job.Decisions[0].Same || job.Decisions[0].Review.SHA256 == "" {
		t.Errorf("the next linkage is told %+v", job.Decisions)
	}
}

// linkJob starts a linkage and returns what its worker is given.
func (b *bench) linkJob() catalogue.LinkJob {
	b.t.Helper()
	l, err := b.rooms.Catalogue.RunLinkage(context.Background(), b.actor("engineer"))
	b.must(err)
	var raw string
	b.must(b.st.View(context.Background(), func(q store.Querier) error {
		return q.QueryRowContext(context.Background(), `SELECT input FROM jobs WHERE subject = $1`, l.ID).Scan(&raw)
	}))
	var job catalogue.LinkJob
	b.must(json.Unmarshal([]byte(raw), &job))
	return job
}

// TestALinkIsUndoneByHand: an engineer parts two records with a reason of the
// list; nobody else may; the next linkage is told.
func TestALinkIsUndoneByHand(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	l, r := "0123456789ABCDEF", "ZYXWVTSRQPNMKJHG"
	form := func(left, right, outcome, reason string) []string {
		return []string{"left", left, "right", right, "outcome", outcome, "reason", reason}
	}
	for _, who := range []string{"custodian", "researcher", "operator", "auditor"} {
		if code, _, _ := b.post(who, "/linkage/by-hand", form(l, r, "different", catalogue.ReasonPerson)...); code != 403 {
			t.Errorf("%s decides by hand: %d", who, code)
		}
	}
	for _, bad := range [][]string{form(l, l, "different", catalogue.ReasonPerson), form("9434765919", r, "different", catalogue.ReasonPerson), form(l, r, "different", "Mrs Smith rang"), form(l, r, "", catalogue.ReasonPerson)} {
		if code, _, _ := b.post("engineer", "/linkage/by-hand", bad...); code != 422 {
			t.Errorf("%v: %d", url.Values{"form": bad}, code)
		}
	}
	if code, _, body := b.post("engineer", "/linkage/by-hand", form(r, l, "different", catalogue.ReasonPerson)...); code != 303 {
		t.Fatalf("by hand: %d %s", code, body)
	}
	job := b.linkJob()
	if len(job.Decisions) != 1 || job.Decisions[0].Same || job.Decisions[0].L != l || job.Decisions[0].R != r || job.Decisions[0].Reason != catalogue.ReasonPerson {
		t.Errorf("the next linkage is told %+v", job.Decisions)
	}
}

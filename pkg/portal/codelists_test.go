package portal

import (
	"context"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/store"
)

// A list is added on the page, named in a filter and a contract by name and
// version, and comes out as it went in.
func TestCodeLists(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	ctx, k := context.Background(), b.rooms.Catalogue
	csv := "code,term\n22298006,Myocardial infarction\n73211009,\"Diabetes, any\"\n"
	add := func(who, codes string) (int, string, string) {
		return b.post(who, "/code-lists", "name", "heart", "title", "Heart and sugar", "system", "snomed", "origin", "made up", "codes", codes)
	}
	if code, _, body := add("researcher", "code,term\n22298007,wrong digit\n"); code != 422 || !strings.Contains(body, "wrong digit") {
		t.Errorf("a code with a wrong check digit: %d", code)
	}
	code, to, body := add("researcher", csv)
	if code != 303 || to != "/code-lists/heart@1" {
		t.Fatalf("%d %s %s", code, to, body)
	}
	if page := b.get("checker1", to); !strings.Contains(page, "Myocardial infarction") {
		t.Error("the page lacks the codes")
	}
	if got := b.get("lay", to+"/codes.csv"); got != csv {
		t.Errorf("%q came out as %q", csv, got)
	}
	if _, to, _ := add("colleague", csv); to != "/code-lists/heart@1" {
		t.Errorf("the same codes made %s", to)
	}
	if code, _, _ := add("custodian", csv+"44054006,Type 2\n"); code != 403 {
		t.Errorf("another organisation made the next version: %d", code)
	}
	if code, _, _ := add("auditor", csv); code != 403 {
		t.Errorf("an auditor added a list: %d", code)
	}
	if _, to, _ := add("colleague", csv+"44054006,Type 2\n"); to != "/code-lists/heart@2" {
		t.Errorf("the next version is %s", to)
	}
	if resp, _ := b.do("researcher", "GET", "/code-lists/heart@3", nil); resp.StatusCode != 404 {
		t.Errorf("a version there is not: %d", resp.StatusCode)
	}
	// In a filter, the version named is what is meant.
	plan := func(where string) (string, error) {
		var text string
		err := b.st.View(ctx, func(q store.Querier) error {
			cut, err := k.Plan(ctx, q, b.id["dataset"], "", map[string][]string{"attendance": {"reason"}}, map[string]string{"attendance": where})
			if err == nil {
				text = cut.Tables[1].Filter
			}
			return err
		})
		return text, err
	}
	if got, err := plan("reason IN LIST 'heart@1'"); err != nil || got != "reason IN ('22298006', '73211009')" {
		t.Errorf("%s %v", got, err)
	}
	for _, bad := range []string{"reason IN LIST 'heart@3'", "reason IN LIST 'heart'", "reason IN LIST 'x''; DROP TABLE users@1'", "arrived IN LIST 'heart@1'"} {
		if _, err := plan(bad); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := k.AskFeasibility(ctx, b.actor("researcher"), b.id["dataset"], map[string]string{"attendance": "reason NOT IN LIST 'heart@2'"}); err != nil {
		t.Errorf("a feasibility question: %v", err)
	}
	// In a contract, the codes stand in its text.
	contract := strings.Replace(contractYAML, "version: 1.0.0", "version: 1.1.0", 1)
	at := strings.Index(contract, "code_lists:\n") + len("code_lists:\n")
	name := strings.TrimSuffix(strings.TrimSpace(strings.SplitN(contract[at:], "\n", 2)[0]), ":")
	shared := contract[:at] + "  shared_one: {list: heart@2}\n" + contract[at:]
	s, err := k.RegisterSource(ctx, b.actor("engineer"), catalogue.Source{Slug: "emergency-feed", Org: b.id["hospital"], Contract: shared})
	b.must(err)
	if !strings.Contains(s.Contract, "44054006") || !strings.Contains(s.Contract, "heart@2") || !strings.Contains(s.Contract, name) {
		t.Error("the contract does not hold the shared list's codes")
	}
	if _, err := k.RegisterSource(ctx, b.actor("engineer"), catalogue.Source{Slug: "emergency-feed", Org: b.id["hospital"], Contract: contract[:at] + "  shared_one: {list: heart@9}\n" + contract[at:]}); !ark.Is(err, ark.Invalid) {
		t.Errorf("a contract with a list there is not: %v", err)
	}
}

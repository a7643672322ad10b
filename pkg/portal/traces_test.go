package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/pseudonym"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace/trace"
	"github.com/ark-tre/ark/workspace/trace/seal"
)

// traced is a bench with a second custodian of the hospital and its key.
func traced(t *testing.T) (b *bench, project, private, name string) {
	b = newBench(t)
	b.people()
	b.data()
	project, _ = b.active("Alcohol and emergency care")
	u, err := b.rooms.Governance.AddUser(context.Background(), b.actor("operator"), governance.User{Name: "Dr Nina Byrne", Email: "nina@example.org", Org: b.id["hospital"], Issuer: "http://id.localhost", Subject: "nina", Roles: []ark.Role{ark.Custodian}})
	b.must(err)
	b.id["nina"] = u.ID
	private, public, err := seal.NewKey()
	b.must(err)
	if _, err := b.rooms.Traces.RegisterKey(context.Background(), b.actor("labcustodian"), b.id["hospital"], public); !ark.Is(err, ark.Forbidden) {
		t.Errorf("a custodian of another organisation registered its key: %v", err)
	}
	if code, to, body := b.post("custodian", "/organisations/"+b.id["hospital"]+"/key", "key", public); code != 303 || to != "/my-data" {
		t.Fatalf("%d %s", code, body)
	}
	h, err := pseudonym.New(bytes.Repeat([]byte{3}, pseudonym.KeyLen))
	b.must(err)
	return b, project, private, h.Name(pseudonym.Person, "somebody")
}

// found gives the workers' results to a trace.
func (b *bench) found(id, public string) {
	on := store.Resource{Type: "Trace", ID: id}
	b.as("trace.apply", on, func(tx *store.Tx) ([]store.Event, error) {
		return b.rooms.Traces.ApplyFound(context.Background(), tx, id, trace.FindResult{Records: []string{"0123456789ABCDEF"}})
	})
	tok, err := seal.Seal(public, b.id["hospital"], seal.Answer{Trace: id, Why: "safety", Records: []seal.Record{{Source: "emergency-feed", NHSNumber: "9990000018"}}})
	b.must(err)
	foreign := *tok
	foreign.Org = b.id["lab"] // an organisation that was not asked gets nothing
	b.as("trace.apply", on, func(tx *store.Tx) ([]store.Event, error) {
		return b.rooms.Traces.ApplySealed(context.Background(), tx, id, trace.IdentifyResult{Tokens: []seal.Token{*tok, foreign}})
	})
}

func (b *bench) keyOf(org string) string {
	var public string
	b.must(b.st.View(context.Background(), func(q store.Querier) error {
		k, err := trace.KeyOf(context.Background(), q, b.id[org])
		if err == nil {
			public = k.Public
		}
		return err
	}))
	return public
}

func (b *bench) readTrace(id string) (t *trace.Trace) {
	b.must(b.st.View(context.Background(), func(q store.Querier) (err error) {
		t, err = trace.Get(context.Background(), q, id)
		return err
	}))
	return t
}

// A finding about a person: asked by one, let pass by a second, fetched by a
// third who was named; everything else is refused.
func TestTraceOfAPersonTakesTwo(t *testing.T) {
	b, project, private, name := traced(t)
	ctx, r := context.Background(), b.rooms.Traces
	ask := trace.Ask{Kind: trace.Person, Pseudonym: name, Reason: "incidental-finding", Org: b.id["hospital"]}
	for _, who := range []string{"custodian", "checker1", "operator", "engineer", "labcustodian"} {
		if _, err := r.Ask(ctx, b.actor(who), project, ask); !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s asked for a person: %v", who, err)
		}
	}
	for what, change := range map[string]func(*trace.Ask){
		"a forged pseudonym":         func(a *trace.Ask) { a.Pseudonym = name[:16] + "!" },
		"a wrong check":              func(a *trace.Ask) { a.Pseudonym = name[1:] + name[:1] },
		"an NHS number":              func(a *trace.Ask) { a.Pseudonym = "9990000018" },
		"an unknown reason":          func(a *trace.Ask) { a.Reason = "curiosity" },
		"no organisation":            func(a *trace.Ask) { a.Org = "" },
		"an organisation without it": func(a *trace.Ask) { a.Org = b.id["lab"] },
		"a kind there is not":        func(a *trace.Ask) { a.Kind = "anything" },
	} {
		x := ask
		change(&x)
		if _, err := r.Ask(ctx, b.actor("researcher"), project, x); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	code, to, body := b.post("researcher", "/projects/"+project+"/traces", "kind", "person", "pseudonym", strings.ToLower(name), "reason", "incidental-finding", "org", b.id["hospital"])
	if code != 303 {
		t.Fatalf("%d %s", code, body)
	}
	id := strings.TrimPrefix(to, "/traces/")
	if page := b.get("custodian", "/home"); !strings.Contains(page, to) {
		t.Error("the custodian is not told that a report waits")
	}
	// The researcher's own second account, as a custodian of the hospital, is the same human being.
	u, err := b.rooms.Governance.AddUser(ctx, b.actor("operator"), governance.User{Name: "Amara at the hospital", Email: "amara2@example.org", Org: b.id["hospital"], Issuer: "http://id.localhost", Subject: "amara2", Human: b.human("researcher"), Roles: []ark.Role{ark.Custodian}})
	b.must(err)
	b.id["twice"] = u.ID
	for who, kind := range map[string]ark.Kind{"twice": ark.Forbidden, "researcher": ark.Forbidden, "labcustodian": ark.Forbidden, "operator": ark.Forbidden, "engineer": ark.Forbidden} {
		if err := r.Decide(ctx, b.actor(who), id, true, b.id["nina"]); !ark.Is(err, kind) {
			t.Errorf("%s let it pass: %v", who, err)
		}
	}
	for what, to := range map[string]string{"themselves": "custodian", "one who asked": "twice", "one of another organisation": "labcustodian", "one who is no custodian": "engineer"} {
		if err := r.Decide(ctx, b.actor("custodian"), id, true, b.id[to]); err == nil {
			t.Errorf("the decider named %s as the recipient", what)
		}
	}
	if _, err := r.Fetch(ctx, b.actor("nina"), id); !ark.Is(err, ark.Forbidden) {
		t.Errorf("fetched before it was let pass: %v", err)
	}
	if code, _, body := b.post("custodian", "/traces/"+id+"/decision", "pass", "yes", "recipient", b.id["nina"]); code != 303 {
		t.Fatalf("%d %s", code, body)
	}
	if err := r.Decide(ctx, b.actor("custodian"), id, true, b.id["nina"]); !ark.Is(err, ark.Conflict) {
		t.Errorf("decided twice: %v", err)
	}
	b.found(id, b.keyOf("hospital"))
	if x := b.readTrace(id); x.State != "sealed" || x.Pseudonym != "" || len(x.Parcels) != 1 {
		t.Errorf("%s, pseudonym %q, %d parcels", x.State, x.Pseudonym, len(x.Parcels))
	}
	for _, who := range []string{"custodian", "twice", "researcher", "labcustodian", "operator", "engineer", "auditor"} {
		if _, err := r.Fetch(ctx, b.actor(who), id); !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s fetched the answer: %v", who, err)
		}
	}
	code, _, raw := b.post("nina", "/traces/"+id+"/token")
	var tok seal.Token
	if err := json.Unmarshal([]byte(raw), &tok); code != 200 || err != nil {
		t.Fatalf("%d %v", code, err)
	}
	if strings.Contains(raw, "9990000018") {
		t.Error("the fetched answer is open")
	}
	if a, err := seal.Open(private, tok); err != nil || a.Records[0].NHSNumber != "9990000018" {
		t.Errorf("%+v %v", a, err)
	}
	b.killed("nina", "POST", "/traces/"+id+"/token", "", "token-0001")
	var again seal.Token
	resp, text := b.api("nina", "POST", "/traces/"+id+"/token", "", "Idempotency-Key", "token-0001")
	if err := json.Unmarshal([]byte(text), &again); err != nil || resp.StatusCode != 200 || !bytes.Equal(again.Box, tok.Box) {
		t.Errorf("a fetch whose answer was lost is repeated, and answered %d %s", resp.StatusCode, text)
	}
	for _, who := range []string{"researcher", "custodian", "nina", "auditor"} {
		for _, page := range []string{"/traces/" + id, apiPrefix + "/traces/" + id} {
			if body := b.get(who, page); strings.Contains(body, name) || strings.Contains(body, "0123456789ABCDEF") || strings.Contains(body, "box") {
				t.Errorf("%s as %s shows the pseudonym, a record or the token", page, who)
			}
		}
	}
	if page := b.get("researcher", "/projects/"+project+"/traces"); !strings.Contains(page, to) {
		t.Error("the project does not see its report")
	}
	if code, _, body := b.post("nina", "/traces/"+id+"/answer", "resolution", "was-right"); code != 303 {
		t.Fatalf("%d %s", code, body)
	}
	if page := b.get("researcher", to); !strings.Contains(page, "looked at; the data are right") && !strings.Contains(page, "Looked at; the data are right") {
		t.Error("the outcome does not come back to the project")
	}
}

// An error report goes to the custodians of the sender, and lapses unfetched.
func TestTraceOfAnError(t *testing.T) {
	b, project, _, name := traced(t)
	ctx, r := context.Background(), b.rooms.Traces
	ask := trace.Ask{Kind: trace.Error, Pseudonym: name, Reason: "impossible", Dataset: "emergency", Table: "attendance", Variable: "arrived"}
	hidden := ask
	hidden.Variable = "reason" // in the dataset, not in the project's extract
	if _, err := r.Ask(ctx, b.actor("researcher"), project, hidden); !ark.Is(err, ark.Invalid) {
		t.Errorf("an error in a variable that is not granted: %v", err)
	}
	x, err := r.Ask(ctx, b.actor("researcher"), project, ask)
	b.must(err)
	if len(x.Orgs) != 1 || x.Orgs[0] != b.id["hospital"] {
		t.Errorf("senders %v", x.Orgs)
	}
	if err := r.Decide(ctx, b.actor("labcustodian"), x.ID, true, ""); !ark.Is(err, ark.Forbidden) {
		t.Errorf("a custodian who is not concerned decided: %v", err)
	}
	b.must(r.Decide(ctx, b.actor("engineer"), x.ID, true, ""))
	b.found(x.ID, b.keyOf("hospital"))
	if _, err := r.Fetch(ctx, b.actor("engineer"), x.ID); !ark.Is(err, ark.Forbidden) {
		t.Errorf("the data engineer fetched it: %v", err)
	}
	if _, err := r.Fetch(ctx, b.actor("custodian"), x.ID); err != nil {
		t.Errorf("the sender's custodian: %v", err)
	}
	if err := r.Answer(ctx, b.actor("custodian"), x.ID, "who knows", ""); !ark.Is(err, ark.Invalid) {
		t.Errorf("free text as an outcome: %v", err)
	}
	b.must(r.Answer(ctx, b.actor("custodian"), x.ID, "corrected", b.id["delivery"]))

	y, err := r.Ask(ctx, b.actor("researcher"), project, ask)
	b.must(err)
	b.must(r.Decide(ctx, b.actor("engineer"), y.ID, true, ""))
	b.found(y.ID, b.keyOf("hospital"))
	b.later.set(31 * 24 * time.Hour)
	if _, err := r.Fetch(ctx, b.actor("custodian"), y.ID); !ark.Is(err, ark.Lapsed) {
		t.Errorf("fetched after its time: %v", err)
	}
	if n, err := r.Expire(ctx); err != nil || n != 1 {
		t.Errorf("expired %d, %v", n, err)
	}
	if y := b.readTrace(y.ID); y.State != "lapsed" || y.Parcels[0].Token != nil {
		t.Errorf("%+v", y)
	}
	var d *catalogue.Dataset
	b.must(b.st.View(ctx, func(q store.Querier) (err error) { d, err = catalogue.GetDataset(ctx, q, b.id["dataset"]); return err }))
	if len(d.Orgs) != 1 {
		t.Errorf("%v", d.Orgs)
	}
}

// A pseudonym that is nobody's says no more than that, after the second user.
func TestTraceOfNobody(t *testing.T) {
	b, project, _, name := traced(t)
	ctx, r := context.Background(), b.rooms.Traces
	x, err := r.Ask(ctx, b.actor("researcher"), project, trace.Ask{Kind: trace.Error, Pseudonym: name, Reason: "duplicate", Dataset: "emergency", Table: "attendance", Variable: "arrived"})
	b.must(err)
	b.must(r.Decide(ctx, b.actor("custodian"), x.ID, true, ""))
	b.as("trace.apply", store.Resource{Type: "Trace", ID: x.ID}, func(tx *store.Tx) ([]store.Event, error) {
		return r.ApplyFound(ctx, tx, x.ID, trace.FindResult{})
	})
	if got := b.readTrace(x.ID); got.State != "unknown" || got.Pseudonym != "" {
		t.Errorf("%+v", got)
	}
}

func (b *bench) human(name string) (human string) {
	b.must(b.st.View(context.Background(), func(q store.Querier) (err error) {
		human, _, err = governance.Human(context.Background(), q, b.user(name))
		return err
	}))
	return human
}

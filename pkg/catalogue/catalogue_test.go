package catalogue_test

import (
	"context"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/pkg/store/storetest"
	"github.com/ark-tre/ark/policies"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

type world struct {
	*catalogue.Room
	clock    *storetest.Clock
	engineer store.Actor
	orgs     []string
	contract string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	access, err := policies.LoadAccess()
	must(t, err)
	w := &world{clock: storetest.NewClock(noon)}
	loaders := governance.Loaders()
	maps.Copy(loaders, catalogue.Loaders())
	st := storetest.Open(t, store.Config{DSN: storetest.SQLite(t), Decider: access, Entities: loaders, Schemas: []store.Schema{governance.Schema(), catalogue.Schema()},
		Now: func() time.Time { w.clock.Move(time.Millisecond); return w.clock.Now() }})
	w.Room = catalogue.New(st, true)
	gov := governance.New(st, w.Room, func(context.Context) (string, error) { return "", nil })
	founder := store.Actor{System: "founder"}
	for _, n := range []string{"one", "two"} {
		o, err := gov.AddOrganisation(t.Context(), founder, governance.Organisation{Slug: n, Name: n, Kind: "trust"})
		must(t, err)
		w.orgs = append(w.orgs, o.ID)
	}
	u, err := gov.AddUser(t.Context(), founder, governance.User{Name: "e", Org: w.orgs[0], Roles: []ark.Role{ark.DataEngineer}, Issuer: "i", Subject: "e"})
	must(t, err)
	w.engineer = store.Actor{User: u.ID}
	raw, err := os.ReadFile("../intake/testdata/hospital.yaml")
	must(t, err)
	w.contract = string(raw)
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) source(t *testing.T) *catalogue.Source {
	t.Helper()
	s, err := w.RegisterSource(t.Context(), w.engineer, catalogue.Source{Slug: "hospital", Org: w.orgs[0], Contract: w.contract})
	must(t, err)
	return s
}

func landed(sum byte) []catalogue.DeliveredFile {
	return []catalogue.DeliveredFile{{Name: "a.csv", Ref: objects.Ref{Zone: objects.Landing, Name: "a", SHA256: strings.Repeat(string(sum), 64)}}}
}

// apply does what the result of a worker's job does.
func (w *world) apply(t *testing.T, action, kind, id string, change func(*store.Tx) ([]store.Event, error)) error {
	t.Helper()
	return w.St.Act(t.Context(), store.Actor{System: "worker"}, action, store.Resource{Type: kind, ID: id}, change)
}

func TestSourcesAndDeliveries(t *testing.T) {
	w := newWorld(t)
	s := w.source(t)
	if s.Declared != "synthetic" && s.Declared != "public" {
		t.Fatalf("the sample contract declares %q", s.Declared)
	}
	real := strings.Replace(w.contract, "declared: "+s.Declared, "declared: personal", 1)
	if _, err := w.RegisterSource(t.Context(), w.engineer, catalogue.Source{Slug: "real", Org: w.orgs[0], Contract: real}); !ark.Is(err, ark.Forbidden) {
		t.Errorf("an Ark for trial took people's records: %v", err)
	}
	if _, err := w.RegisterSource(t.Context(), w.engineer, catalogue.Source{Slug: "hospital", Org: w.orgs[1], Contract: w.contract}); !ark.Is(err, ark.Conflict) {
		t.Errorf("another organisation took the source over: %v", err)
	}
	for name, text := range map[string]string{"none": "", "not a contract": "a: [", "endless": strings.Repeat("#", 2<<20)} {
		if _, err := w.RegisterSource(t.Context(), w.engineer, catalogue.Source{Slug: "x", Org: w.orgs[0], Contract: text}); !ark.Is(err, ark.Invalid) {
			t.Errorf("a contract that is %s: %.100v", name, err)
		}
	}
	d, err := w.ReceiveDelivery(t.Context(), w.engineer, s.ID, "2026-03", landed('a'))
	must(t, err)
	if again, err := w.ReceiveDelivery(t.Context(), w.engineer, s.ID, "2026-03", landed('a')); err != nil || again.ID != d.ID {
		t.Errorf("the same delivery again: %v %v", again, err)
	}
	if _, err := w.ReceiveDelivery(t.Context(), w.engineer, s.ID, "2026-03", landed('b')); !ark.Is(err, ark.Conflict) {
		t.Errorf("other bytes under the same name: %v", err)
	}
	if _, err := w.ReceiveDelivery(t.Context(), w.engineer, s.ID, "empty", nil); !ark.Is(err, ark.Invalid) {
		t.Errorf("a delivery of nothing: %v", err)
	}
	if _, err := w.ReceiveDelivery(t.Context(), w.engineer, "src_00000000000070008000000000000009", "x", landed('a')); !ark.Is(err, ark.Unknown) {
		t.Errorf("an unknown source: %v", err)
	}
	must(t, w.St.View(t.Context(), func(q store.Querier) error {
		jobs, err := store.Jobs(t.Context(), q, "kind = 'intake'")
		if len(jobs) != 1 {
			t.Errorf("%d intakes of one delivery", len(jobs))
		}
		return err
	}))
	done := func() error {
		return w.apply(t, "delivery.apply", "Source", s.ID, func(tx *store.Tx) ([]store.Event, error) {
			return w.ApplyIntake(t.Context(), tx, d.ID, catalogue.IntakeResult{})
		})
	}
	must(t, done())
	if err := done(); !ark.Is(err, ark.Conflict) {
		t.Errorf("taken in twice: %v", err)
	}
}

// link runs a linkage to its end, with an output for every list it was given.
func (w *world) link(t *testing.T) {
	t.Helper()
	l, err := w.RunLinkage(t.Context(), w.engineer)
	must(t, err)
	if _, err := w.RunLinkage(t.Context(), w.engineer); !ark.Is(err, ark.Conflict) {
		t.Errorf("two linkages at once: %v", err)
	}
	out := map[string]objects.Ref{}
	for _, k := range []string{"index", "persons", catalogue.ListObjections, catalogue.ListOptOuts} {
		out[k] = objects.Ref{Zone: objects.Index, Name: k + l.ID}
	}
	must(t, w.apply(t, "linkage.apply", "Ark", "ark", func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyLinkage(t.Context(), tx, l.ID, catalogue.LinkResult{Outputs: out})
	}))
}

// TestListsOfPeople: no cut on a stale or unknown opt-out list, no version
// that does not know a list of objections.
func TestListsOfPeople(t *testing.T) {
	w := newWorld(t)
	s := w.source(t)
	d, err := w.ReceiveDelivery(t.Context(), w.engineer, s.ID, "1", landed('a'))
	must(t, err)
	must(t, w.apply(t, "delivery.apply", "Source", s.ID, func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyIntake(t.Context(), tx, d.ID, catalogue.IntakeResult{Outputs: map[string]objects.Ref{"identifiers": {Zone: objects.Identifiers, Name: "i"}, "payload/patients": {Zone: objects.Payload, Name: "p"}}})
	}))
	optOuts := func(basis string) (ref objects.Ref, err error) {
		verr := w.St.View(t.Context(), func(q store.Querier) error { ref, err = w.OptOuts(t.Context(), q, basis); return nil })
		must(t, verr)
		return ref, err
	}
	list := func(kind string) {
		must(t, w.ReceiveList(t.Context(), w.engineer, kind, objects.Ref{Zone: objects.Landing, Name: kind}))
	}
	if err := w.ReceiveList(t.Context(), w.engineer, "friends", objects.Ref{}); !ark.Is(err, ark.Invalid) {
		t.Errorf("a list of another kind: %v", err)
	}
	if ref, err := optOuts("exempt"); err != nil || ref.Name != "" {
		t.Errorf("exempt: %v %v", ref, err)
	}
	if _, err := optOuts(""); !ark.Is(err, ark.Forbidden) {
		t.Errorf("a permit that does not say: %v", err)
	}
	if _, err := optOuts("applied"); !ark.Is(err, ark.Conflict) {
		t.Errorf("no list: %v", err)
	}
	w.link(t)
	list(catalogue.ListOptOuts)
	if _, err := optOuts("applied"); !ark.Is(err, ark.Conflict) {
		t.Errorf("a list that no linkage knows: %v", err)
	}
	w.link(t)
	if ref, err := optOuts("applied"); err != nil || ref.Name == "" {
		t.Errorf("a current list: %v %v", ref, err)
	}
	w.clock.Move(21 * 24 * time.Hour)
	if _, err := optOuts("applied"); !ark.Is(err, ark.Lapsed) {
		t.Errorf("a list of three weeks ago: %v", err)
	}
	list(catalogue.ListChecked) // the answer of the national check takes its place
	if _, err := optOuts("applied"); !ark.Is(err, ark.Conflict) {
		t.Errorf("an answer that no linkage knows: %v", err)
	}
	w.link(t)
	if ref, err := optOuts("applied"); err != nil || ref.Name == "" {
		t.Errorf("a current answer: %v %v", ref, err)
	}
	w.clock.Move(21 * 24 * time.Hour)
	if _, err := optOuts("applied"); !ark.Is(err, ark.Lapsed) {
		t.Errorf("an answer of three weeks ago: %v", err)
	}

	def, err := catalogue.ParseDataset([]byte("slug: h\ntitle: H\nsummary: s\nprofile: ark\ntables:\n- {name: person, variables: [{name: sex, type: string, meaning: m, sensitivity: ordinary, transform: keep}]}\n- {name: admission, from: [{source: hospital, table: patients}], variables: [{name: event, type: string, meaning: m, sensitivity: ordinary, transform: keep}]}\n"))
	must(t, err)
	ds, err := w.OfferDataset(t.Context(), w.engineer, *def)
	must(t, err)
	if len(ds.Orgs) != 1 || ds.Orgs[0] != w.orgs[0] {
		t.Errorf("the dataset concerns %v", ds.Orgs)
	}
	list(catalogue.ListObjections)
	if _, err := w.Publish(t.Context(), w.engineer, ds.ID); !ark.Is(err, ark.Conflict) {
		t.Errorf("published without those who objected since the linkage: %v", err)
	}
	w.link(t)
	v, err := w.Publish(t.Context(), w.engineer, ds.ID)
	must(t, err)
	if _, err := w.Publish(t.Context(), w.engineer, ds.ID); !ark.Is(err, ark.Conflict) {
		t.Errorf("two versions at once: %v", err)
	}
	publish := func(res catalogue.PublishResult) error {
		return w.apply(t, "version.apply", "Dataset", ds.ID, func(tx *store.Tx) ([]store.Event, error) {
			return w.ApplyVersion(t.Context(), tx, v.ID, res)
		})
	}
	must(t, publish(catalogue.PublishResult{Failed: "no room"}))
	if err := publish(catalogue.PublishResult{}); !ark.Is(err, ark.Conflict) {
		t.Errorf("a failed version was published: %v", err)
	}
}

func TestParseDatasetRefuses(t *testing.T) {
	const variable = "{name: sex, type: string, meaning: m, sensitivity: ordinary, transform: keep}"
	head := "slug: h\ntitle: H\nsummary: s\nprofile: ark\n"
	person := "- {name: person, variables: [" + variable + "]}\n"
	if _, err := catalogue.ParseDataset([]byte(head + "tables:\n" + person)); err != nil {
		t.Fatal(err)
	}
	if _, err := catalogue.ParseDataset([]byte(head + "tables:\n" + strings.NewReplacer("name: sex", "name: household", "ordinary", "quasi", "keep", "entity").Replace(person))); err != nil {
		t.Errorf("a home as a key of the project's own: %v", err)
	}
	for name, text := range map[string]string{
		"unknown key":           head + "colour: red\ntables:\n" + person,
		"no person table":       head + "tables: []\n",
		"no profile":            strings.Replace(head, "profile: ark\n", "", 1) + "tables:\n" + person,
		"a name that is SQL":    head + "tables:\n" + strings.Replace(person, "name: sex", `name: "sex; drop"`, 1),
		"two of one name":       head + "tables:\n" + strings.Replace(person, variable, variable+", "+variable, 1),
		"unknown type":          head + "tables:\n" + strings.Replace(person, "type: string", "type: blob", 1),
		"unknown transform":     head + "tables:\n" + strings.Replace(person, "transform: keep", "transform: shout", 1),
		"unknown sensitivity":   head + "tables:\n" + strings.Replace(person, "ordinary", "harmless", 1),
		"a table without feeds": head + "tables:\n" + person + "- {name: visits, variables: [" + variable + "]}\n",
		"a fed person table":    head + "tables:\n" + strings.Replace(person, "variables", "from: [{source: a, table: b}], variables", 1),
		"not YAML":              "\x00",

		"the index's own number of people": head + "tables:\n" + strings.Replace(person, "{name: sex", "{name: sex, from: person_id", 1),
		"a home as the index has it":       head + "tables:\n" + strings.Replace(strings.Replace(person, "name: sex", "name: household", 1), "ordinary", "quasi", 1),
		"a home under another name":        head + "tables:\n" + strings.Replace(strings.Replace(strings.Replace(person, "name: sex", "name: home, from: household", 1), "ordinary", "quasi", 1), "keep", "entity", 1),
		"a postcode that is ordinary":      head + "tables:\n" + strings.Replace(strings.Replace(person, "name: sex", "name: place", 1), "keep", "entity", 1),
	} {
		if _, err := catalogue.ParseDataset([]byte(text)); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParseDataset: whatever the text, an answer or a clear refusal.
func FuzzParseDataset(f *testing.F) {
	f.Add("slug: h\n")
	f.Add("tables: [{name: person}]")
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := catalogue.ParseDataset([]byte(text)); err == nil && d.Slug == "" {
			t.Error("a dataset without a name")
		}
	})
}

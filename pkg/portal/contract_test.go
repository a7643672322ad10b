package portal

import (
	"context"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
)

// What cleansing changed is counted on the delivery's page by field and rule.
func TestChangesAreCounted(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	page := strings.Join(strings.Fields(b.get("engineer", "/sources/"+b.id["source"]+"/deliveries/"+b.id["delivery"])), " ")
	for _, want := range []string{"Values of attendance that cleansing changed", "ark contract try --changes", ">length</td>", "Left empty"} {
		if !strings.Contains(page, want) {
			t.Errorf("the delivery's page does not say %q", want)
		}
	}
}

// TestContractBreaks: a contract that breaks what was built on the one in force
// is refused, with all that breaks, unless it says that it is the next major
// version; datasets and permits that it breaks are refused until they are as it
// is, and no others.
func TestContractBreaks(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	ctx, k, w := context.Background(), b.rooms.Catalogue, b.rooms.Workspaces
	source := func() (s catalogue.Source) {
		b.must(b.st.View(ctx, func(q store.Querier) error {
			x, err := catalogue.GetSource(ctx, q, b.id["source"])
			if err == nil {
				s = *x
			}
			return err
		}))
		return s
	}
	change := func(version string, pairs ...string) string {
		return strings.NewReplacer(append([]string{"version: 1.0.0", "version: " + version}, pairs...)...).Replace(contractYAML)
	}
	register := func(text string) error {
		_, err := k.RegisterSource(ctx, b.actor("engineer"), catalogue.Source{Slug: "emergency-feed", Org: b.id["hospital"], Contract: text})
		return err
	}
	attacks := map[string]struct {
		version string
		says    string
		pairs   []string
	}{
		"a variable is gone":        {"1.1.0", "attendance alcohol: the column is gone", []string{"{name: alcohol, type: boolean, to: payload}", "{name: alcohol, type: boolean, to: none}"}},
		"renamed":                   {"1.1.0", "attendance alcohol: the column is gone", []string{"{name: alcohol, type: boolean, to: payload}", "{name: alcohol, type: boolean, to: payload, column: drink}"}},
		"retyped":                   {"1.1.0", "attendance alcohol: the column is of the type integer, was of the type boolean", []string{"{name: alcohol, type: boolean", "{name: alcohol, type: integer"}},
		"fewer categories":          {"1.1.0", `attendance reason: the code "73211009" is gone`, []string{`, "73211009": diabetes`, ""}},
		"a code means another":      {"1.1.0", `the code "73211009" means`, []string{"diabetes", "asthma"}},
		"another role":              {"1.1.0", "attendance identifier nhs_number: the column is gone", []string{"role: nhs_number", "role: phone"}},
		"a coarse column":           {"1.1.0", "attendance coarse ethnicity: the column is gone", []string{"      - {column: ethnicity, from: ethnicity}\n", ""}},
		"another key":               {"1.1.0", "attendance: the key is", []string{"key: [attendance_id]", "key: [attendance_id, patient_id]"}},
		"a lower number":            {"0.9.0", "must be higher", []string{"Attendances at", "Visits to"}},
		"another text of the same":  {"1.0.0", "must be higher", []string{"Attendances at", "Visits to"}},
		"another contract, its own": {"1.0.0", "must be higher", []string{"contract: attendances", "contract: visits"}},
		"another contract, minor":   {"1.1.0", "the contract is visits, was attendances", []string{"contract: attendances", "contract: visits"}},
	}
	was := source()
	for name, x := range attacks {
		err := register(change(x.version, x.pairs...))
		if err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now := source(); now.ContractHash != was.ContractHash || len(now.Breaks) != 0 {
		t.Fatalf("a refused contract left something: %+v", now.Breaks)
	}
	code, _, page := b.post("engineer", "/sources", "slug", "emergency-feed", "org", b.id["hospital"], "contract", change("1.1.0", attacks["retyped"].pairs...))
	if code != 409 || !strings.Contains(page, "its major version must rise") || !strings.Contains(page, "ake it version 2.0.0") || !strings.Contains(page, "version: 1.1.0") {
		t.Errorf("the page of a refused contract: %d %s", code, page)
	}

	// What adds only needs a minor version, and breaks nothing.
	b.must(register(change("1.1.0", "diabetes", "diabetes, \"195967001\": asthma")))
	b.must(register(change("1.1.0", "diabetes", "diabetes, \"195967001\": asthma"))) // the same again
	project, ws := b.active("Alcohol and emergency care")
	if _, err := w.Subscribe(ctx, b.actor("researcher"), project, b.id["dataset"]); err != nil {
		t.Fatal(err)
	}
	refresh := func(want int, when string) (s workspace.Subscription) {
		t.Helper()
		if n, err := w.Refresh(ctx); err != nil || n != want {
			t.Fatalf("%s: %d extracts were begun, %v; want %d", when, n, err, want)
		}
		s, _, _, _ = b.follows(project, ws)
		return s
	}
	// The next major version: fewer categories of a variable that the permit does
	// not grant. The edition rises, and the permit fits.
	two := []string{`, "73211009": diabetes`, ""}
	b.must(register(change("2.0.0", two...)))
	if s := source(); len(s.Breaks) != 1 || s.Breaks[0].From != "attendances 1.1.0" || s.Breaks[0].To != "attendances 2.0.0" || len(s.Breaks[0].What) != 1 {
		t.Fatalf("%+v", s.Breaks)
	}
	if page := b.get("engineer", "/sources/"+b.id["source"]); !strings.Contains(page, "attendances 2.0.0") || !strings.Contains(page, "is gone") {
		t.Error("the source's page does not say what broke")
	}
	b.later.set(month)
	b.freshList()
	b.publish()
	refresh(1, "of a version whose contract broke elsewhere")
	_, es, _, _ := b.follows(project, ws)
	b.as("extract.apply", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyCut(ctx, tx, es[1].ID, workspace.CutResult{})
	})
	edition := func() string {
		var out string
		b.must(b.st.View(ctx, func(q store.Querier) error {
			vs, err := catalogue.Versions(ctx, q, b.id["dataset"])
			out = vs[len(vs)-1].Edition()
			return err
		}))
		return out
	}
	if got := edition(); got != "2.0" {
		t.Errorf("the version after the break is edition %s", got)
	}

	// A variable that the permit grants is retyped: the dataset no longer fits the
	// contract, and once it does, the permit does not.
	three := append(two, "{name: alcohol, type: boolean", "{name: alcohol, type: integer")
	b.must(register(change("3.0.0", three...)))
	if _, err := k.Publish(ctx, b.actor("engineer"), b.id["dataset"]); !ark.Is(err, ark.Conflict) || !strings.Contains(err.Error(), "attendance.alcohol is of the type integer in source emergency-feed") {
		t.Errorf("a version of variables that the contract gives no more: %v", err)
	}
	offer := func(from, to string) error {
		def, err := catalogue.ParseDataset([]byte(strings.ReplaceAll(strings.Replace(datasetYAML, from, to, 1), "SOURCE", "emergency-feed")))
		b.must(err)
		_, err = k.OfferDataset(ctx, b.actor("engineer"), *def)
		return err
	}
	if err := offer("arrived, type: date, meaning: Day of arrival, sensitivity: ordinary, transform: month", "left, type: date, meaning: m, sensitivity: ordinary, transform: keep"); !ark.Is(err, ark.Conflict) || !strings.Contains(err.Error(), "attendance.left is not in source") {
		t.Errorf("offered what no contract gives: %v", err)
	}
	b.must(offer("alcohol, type: boolean", "alcohol, type: integer"))
	b.later.set(2 * month)
	b.freshList()
	b.publish()
	if s := refresh(0, "of a version with a retyped variable"); s.State != "refused" || !strings.Contains(s.Says, "attendance.alcohol: the column is of the type integer, was of the type boolean") || !strings.Contains(s.Says, "amendment") {
		t.Errorf("%+v", s)
	}
	if err := b.st.View(ctx, func(q store.Querier) error {
		_, err := k.Plan(ctx, q, b.id["dataset"], es[0].Versions[0], map[string][]string{"attendance": {"alcohol"}}, nil)
		return err
	}); err != nil {
		t.Errorf("a version cannot be cut by its own dictionary once its dataset is another: %v", err)
	}

	// Fewer categories of a fact of people.
	b.must(register(change("4.0.0", append(three, "F: female", "U: unknown")...)))
	b.later.set(3 * month)
	b.freshList()
	b.publish()
	if s := refresh(0, "of a version with fewer categories"); s.State != "refused" || !strings.Contains(s.Says, `person.sex: the code "F" is gone`) {
		t.Errorf("%+v", s)
	}
}

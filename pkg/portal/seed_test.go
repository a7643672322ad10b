package portal

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/enclave"
	"github.com/ark-tre/ark/workspace/runtime"
	"github.com/ark-tre/ark/workspace/volume"
)

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func queryEscape(s string) string { return url.QueryEscape(s) }

// outboxFiles is what lies in the workspace's outbox. mark stands in every word
// that a workspace can write, but the name of the file that is released.
func outboxFiles(mark string) map[string]string {
	return map[string]string{
		"rates.csv":             "age,sex,people,rate" + mark + "\n18-39,F,1240,3.1\n18-39,M,1180,2.9\n40-64,F,2310,6.4\n40-64,M,2190,7.0\n65+,F,980,14.2\n65+,M,7,16.8\n",
		"notes" + mark + ".txt": "Counts are rounded to 10." + mark + "\n",
	}
}

// testEnclave is an enclave in which everything runs and holds.
type testEnclave struct{ files map[string]string }

func (testEnclave) Probe(context.Context) error { return nil }
func (testEnclave) Status(_ context.Context, id string) (enclave.Info, error) {
	return enclave.Info{ID: id, State: enclave.Running, Limits: enclave.DefaultLimits()}, nil
}
func (testEnclave) Usage(context.Context, string) (enclave.Usage, error) {
	return enclave.Usage{Usage: runtime.Usage{MemoryBytes: 410 << 20, Processes: 14}, DiskBytes: 120 << 20, DiskSize: 1 << 30}, nil
}
func (e testEnclave) ListOutbox(context.Context, string) ([]volume.Entry, error) {
	var out []volume.Entry
	for n, body := range e.files {
		out = append(out, volume.Entry{Name: n, Size: int64(len(body)), ModTime: time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)})
	}
	out = append(out, volume.Entry{Name: "shortcut", Refused: "it is a link"})
	slices.SortFunc(out, func(a, b volume.Entry) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// people adds the organisations and the users of the demonstration.
func (b *bench) people() {
	ctx, g, found := context.Background(), b.rooms.Governance, store.Actor{System: "founder"}
	for _, o := range []governance.Organisation{{Slug: "hospital", Name: "Northfield Hospital", Kind: "trust"}, {Slug: "lab", Name: "Northfield Pathology", Kind: "laboratory"}, {Slug: "university", Name: "University of Northfield", Kind: "university"}, {Slug: "ark", Name: "The Ark’s own team", Kind: "operator"}} {
		// The founder may act while nobody is there; organisations come first.
		x, err := g.AddOrganisation(ctx, found, o)
		b.must(err)
		b.id[o.Slug] = x.ID
	}
	add := func(by store.Actor, short, name, org string, roles ...ark.Role) {
		u, err := g.AddUser(ctx, by, governance.User{Name: name, Email: short + "@example.org", Org: b.id[org], Issuer: "http://id.localhost", Subject: short, Roles: roles})
		b.must(err)
		b.id[short] = u.ID
	}
	add(found, "operator", "Olu Operator", "ark", ark.Operator)
	op := b.actor("operator")
	add(op, "researcher", "Dr Amara Osei", "university", ark.Researcher)
	add(op, "colleague", "Dr Ben Carter", "university", ark.Researcher)
	add(op, "custodian", "Dr Priya Shah", "hospital", ark.Custodian)
	add(op, "labcustodian", "Dr Li Wei", "lab", ark.Custodian)
	add(op, "checker1", "Chris Checker", "ark", ark.Checker)
	add(op, "checker2", "Cara Second", "ark", ark.Checker)
	add(op, "engineer", "Eve Engineer", "ark", ark.DataEngineer)
	add(op, "auditor", "Anna Auditor", "ark", ark.Auditor, ark.Operator)
	add(op, "lay", "Lee Public", "ark", ark.LayReviewer)
	for _, u := range []string{"researcher", "colleague"} {
		b.must(g.RecordTraining(ctx, op, b.user(u), time.Now().AddDate(1, 0, 0), time.Now().AddDate(0, 6, 0)))
	}
}

// as applies a worker's result inside an act of the system.
func (b *bench) as(action string, r store.Resource, fn func(tx *store.Tx) ([]store.Event, error)) {
	b.t.Helper()
	b.must(b.st.Act(context.Background(), store.Actor{System: "worker"}, action, r, fn))
}

// contractYAML is the contract of the emergency feed, as the dataset below asks.
const contractYAML = `
contract: attendances
version: 1.0.0
title: Attendances at an emergency department
declared: synthetic
format: {kind: csv}
delivers: changes
code_lists:
  reason: {version: SNOMED CT UK 2024-04, codes: {"22298006": heart attack, "73211009": diabetes}}
  sex: {version: Ark 1, codes: {M: male, F: female}}
tables:
  - name: attendance
    key: [attendance_id]
    person: [patient_id]
    fields:
      - {name: attendance_id, type: string, to: none}
      - {name: patient_id, type: string, to: none}
      - {name: nhs_number, type: string, to: identifier, role: nhs_number}
      - {name: born, type: birth-date, to: identifier, role: date_of_birth}
      - {name: sex, type: code, codes: sex, to: identifier, role: sex}
      - {name: ethnicity, type: string, to: none}
      - {name: arrived, type: date, to: payload}
      - {name: reason, type: code, codes: reason, to: payload}
      - {name: alcohol, type: boolean, to: payload}
    coarse:
      - {column: year_of_birth, from: born, take: year}
      - {column: sex, from: sex}
      - {column: ethnicity, from: ethnicity}
`

type refs = map[string]objects.Ref

const datasetYAML = `
slug: emergency
title: Emergency care
summary: Attendances at emergency departments of the region, with age, sex and what was found.
topic: emergency care
conditions: ["DUO:0000042", "DUO:0000046"]
profile: standard
tables:
  - name: person
    title: People
    variables:
      - {name: year_of_birth, type: integer, meaning: Year of birth, sensitivity: quasi, transform: keep}
      - {name: sex, type: string, meaning: Sex as recorded, sensitivity: quasi, transform: keep}
      - {name: ethnicity, type: string, meaning: Ethnic category, sensitivity: sensitive, transform: keep}
  - name: attendance
    title: Attendances
    from: [{source: SOURCE, table: attendance}]
    variables:
      - {name: arrived, type: date, meaning: Day of arrival, sensitivity: ordinary, transform: month}
      - {name: reason, type: string, meaning: Reason for attendance (SNOMED CT), sensitivity: ordinary, transform: keep}
      - {name: alcohol, type: boolean, meaning: Alcohol was involved, sensitivity: sensitive, transform: keep}
`

// data registers a source, takes a delivery in, links and publishes, with
// results as the workers give them.
func (b *bench) data() {
	ctx, k, eng := context.Background(), b.rooms.Catalogue, b.actor("engineer")
	s, err := k.RegisterSource(ctx, eng, catalogue.Source{Slug: "emergency-feed", Org: b.id["hospital"], Title: "Emergency department feed", Contract: contractYAML})
	b.must(err)
	b.id["source"] = s.ID
	d, err := k.ReceiveDelivery(ctx, eng, s.ID, "2026-11", []catalogue.DeliveredFile{{Name: "attendance.csv", Ref: b.mem.put("landing", "x")}, {Name: "manifest.json", Ref: b.mem.put("landing", "y")}})
	b.must(err)
	b.id["delivery"] = d.ID
	res := catalogue.IntakeResult{Counts: catalogue.DeliveryCounts{Read: 48210, Accepted: 47950, Quarantined: 212, Duplicates: 48}}
	res.Outputs = refs{"identifiers": b.mem.put("identifiers", "i"), "demographics": b.mem.put("index", "d"), "payload/attendance": b.mem.put("payload", "p"),
		"quality":    b.mem.put("payload", `{"tables":[{"table":"attendance","rows":48210,"accepted":47950,"quarantined":212,"duplicates":48,"fields":[{"field":"reason","to":"payload","filled":47000,"missing":950,"changed":52,"changes":[{"rule":"code","changed":40,"emptied":0},{"rule":"length","changed":12,"emptied":12}],"rules":[{"rule":"code-list","kind":"conformance","action":"quarantine","failed":212}]}],"scores":{"conformance":0.995,"completeness":0.98,"plausibility":0.999}}]}`),
		"quarantine": b.mem.put("landing", `{"file":"attendance.csv","row":17,"field":"reason","rule":"code-list","reason":"the code is in none of the lists"}`+"\n")}
	b.as("delivery.apply", store.Resource{Type: "Source", ID: s.ID}, func(tx *store.Tx) ([]store.Event, error) { return k.ApplyIntake(ctx, tx, d.ID, res) })
	b.must(k.ReceiveList(ctx, eng, catalogue.ListOptOuts, b.mem.put("lists", "optouts")))
	l, err := k.RunLinkage(ctx, eng)
	b.must(err)
	b.id["linkage"] = l.ID
	b.as("linkage.apply", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		return k.ApplyLinkage(ctx, tx, l.ID, catalogue.LinkResult{Outputs: refs{"index": b.mem.put("index", "x"), "persons": b.mem.put("index", "y"), "optouts": b.mem.put("index", "o")}, Review: b.pairs(), Report: []byte(`{"model_version":"1","unlinked_by_group":[{"by":"sex","value":"F","persons":10100,"of_one_record":4100},{"by":"sex","value":"not known","persons":30,"of_one_record":null},{"by":"sender","value":"emergency-feed","persons":20010,"of_one_record":8120}],"records":47950,"persons":20012,"persons_of_one_record":8120,"records_by_tier":{"nhs-number":41200,"probabilistic":6750},"links_by_status":{"certain":46000,"grey":120},"quality":{"records_without_valid_nhs_number":1120}}`)})
	})
	def, err := catalogue.ParseDataset([]byte(strings.ReplaceAll(datasetYAML, "SOURCE", "emergency-feed")))
	b.must(err)
	ds, err := k.OfferDataset(ctx, eng, *def)
	b.must(err)
	b.id["dataset"] = ds.ID
	b.publish()
	b.synthetic()
}

func (b *bench) publish() {
	ctx, k := context.Background(), b.rooms.Catalogue
	v, err := k.Publish(ctx, b.actor("engineer"), b.id["dataset"])
	b.must(err)
	res := catalogue.PublishResult{OwnKey: true, People: "20,010", Manifest: b.mem.put("versions", "m"),
		Tables:    []catalogue.PublishedTable{{Name: "person", Ref: b.mem.put("versions", "a"), Rows: 20012, RowText: "20,010"}, {Name: "attendance", Ref: b.mem.put("versions", "b"), Rows: 47950, RowText: "47,950"}},
		Marginals: refs{"person": b.mem.put("versions", marginalsText(v.ID))}, Withheld: []catalogue.Withheld{{Table: "person", Variable: "sex", Shown: 2, Few: 1}},
		Quality: []catalogue.VariableQuality{{Table: "person", Variable: "sex", Complete: "99 %"}, {Table: "person", Variable: "ethnicity", Complete: "84 %"}}}
	b.as("version.apply", store.Resource{Type: "Dataset", ID: b.id["dataset"]}, func(tx *store.Tx) ([]store.Event, error) { return k.ApplyVersion(ctx, tx, v.ID, res) })
}

// application starts a project and fills in its application, through the room.
func (b *bench) application(title string) string {
	ctx, g, r := context.Background(), b.rooms.Governance, b.actor("researcher")
	x, err := g.CreateProject(ctx, r, title)
	b.must(err)
	b.must(g.EditApplication(ctx, r, x.ID, b.answers(title)))
	return x.ID
}

// answers is a complete application.
func (b *bench) answers(title string) governance.Application {
	r := b.actor("researcher")
	return governance.Application{Title: title, LaySummary: "People come to the emergency department because of alcohol. We count how often, where and when.", PublicBenefit: "Help can be offered at the right place and hour.",
		Method: "Rates by month, age and sex.", Purposes: []string{"health-research", "public-health"}, LegalBasis: "UK GDPR 6(1)(e), 9(2)(j)", Ethics: "24/NF/0012", Funder: "The region", Members: []string{r.User, b.user("colleague")}, OptOut: "applied", Refresh: "monthly",
		From: time.Now().AddDate(0, 0, -1), Until: time.Now().AddDate(1, 0, 0), ExpectedOutputs: []string{"A table of rates by age and sex"}, Destination: "University of Northfield, secure share",
		Asks: []governance.Ask{{Dataset: b.id["dataset"], Variables: map[string][]string{"person": {"year_of_birth", "sex"}, "attendance": {"arrived", "alcohol"}}, Filters: map[string]string{"person": "year_of_birth BETWEEN 1940 AND 2005"}, Why: map[string]string{"attendance.alcohol": "It is the question."}}}}
}

// submitted takes a project to the custodians.
func (b *bench) submitted(title string) string {
	ctx, g := context.Background(), b.rooms.Governance
	id := b.application(title)
	b.must(g.Submit(ctx, b.actor("researcher"), id))
	var app string
	b.must(b.st.View(ctx, func(q store.Querier) error {
		x, err := governance.GetProject(ctx, q, id)
		if err == nil {
			app = x.Application
		}
		return err
	}))
	b.as("application.assess", store.Resource{Type: "Project", ID: id}, func(tx *store.Tx) ([]store.Event, error) {
		return g.ApplyAssessment(ctx, tx, id, app, governance.Assessment{Datasets: []governance.DatasetAssessment{{Dataset: b.id["dataset"], Title: "Emergency care", People: "18,240", Coverage: "91 %", Unique: "0.4 %"}}, Quasi: []string{"person.sex", "person.year_of_birth"}, Sensitive: []string{"attendance.alcohol"}, Variables: 4})
	})
	return id
}

func (b *bench) review(project string) string {
	var id string
	b.must(b.st.View(context.Background(), func(q store.Querier) error {
		x, err := governance.GetProject(context.Background(), q, project)
		if err != nil {
			return err
		}
		rs, err := governance.ReviewsOf(context.Background(), q, x.Application)
		if len(rs) > 0 {
			id = rs[0].ID
		}
		return err
	}))
	return id
}

// active takes a project to its extract and a running workspace.
func (b *bench) active(title string) (project, ws string) {
	ctx, g, w := context.Background(), b.rooms.Governance, b.rooms.Workspaces
	id := b.submitted(title)
	b.must(g.Decide(ctx, b.actor("custodian"), b.review(id), governance.Verdict{Decision: "approved", Conditions: []string{"No practice is named."}}))
	b.must(g.IssuePermit(ctx, id))
	var permit string
	b.must(b.st.View(ctx, func(q store.Querier) error {
		x, err := governance.GetProject(ctx, q, id)
		permit = x.Permit
		return err
	}))
	b.must(w.StartCut(ctx, permit))
	var ext string
	b.must(b.st.View(ctx, func(q store.Querier) error {
		es, err := workspace.ExtractsOf(ctx, q, id)
		if len(es) > 0 {
			ext = es[0].ID
		}
		return err
	}))
	b.as("extract.apply", store.Resource{Type: "Project", ID: id}, func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyCut(ctx, tx, ext, workspace.CutResult{Tables: []workspace.ExtractTable{{Name: "emergency__person", Variables: []string{"person", "sex", "year_of_birth"}}, {Name: "emergency__attendance", Variables: []string{"person", "arrived", "alcohol"}}}})
	})
	x, err := w.Create(ctx, b.actor("researcher"), id)
	b.must(err)
	b.must(b.st.Act(ctx, store.Actor{System: "enclave"}, "workspace.apply", store.Resource{Type: "Workspace", ID: x.ID}, func(tx *store.Tx) ([]store.Event, error) {
		return w.ApplyStart(ctx, tx, x.ID, workspace.StartResult{SelfTest: workspace.SelfTest{At: time.Now(), Attempts: 36, Held: 36}})
	}))
	return id, x.ID
}

// synthetic has a custodian approve the counts of the newest version, and gives
// what the worker makes of them.
func (b *bench) synthetic() {
	ctx, k := context.Background(), b.rooms.Catalogue
	var v *catalogue.Version
	b.must(b.st.View(ctx, func(q store.Querier) error {
		d, err := catalogue.GetDataset(ctx, q, b.id["dataset"])
		if err == nil {
			v, err = catalogue.GetVersion(ctx, q, d.Latest)
		}
		return err
	}))
	_, err := k.ApproveMarginals(ctx, b.actor("custodian"), v.Dataset, v.ID, map[string]string{"person": v.Marginals["person"].SHA256})
	b.must(err)
	b.as("version.apply", store.Resource{Type: "Dataset", ID: v.Dataset}, func(tx *store.Tx) ([]store.Event, error) {
		return k.ApplySynthesis(ctx, tx, v.ID, catalogue.SynthesisResult{Synthetic: refs{"person": b.mem.put("public", "year_of_birth,sex\n1950,F\n")}, Approval: b.mem.put("versions", "approval"+v.ID), Membership: map[string]string{"person": "0.51"}})
	})
}

// marginalsText is the signed counts of a version, as the worker stores them.
func marginalsText(version string) string {
	payload := `{"dataset":"emergency","version":"` + version + `","table":"person","profile":"standard","variables":[{"name":"sex","type":"string","values":["F","M"],"people":[10110,9900]}]}`
	return `{"payloadType":"application/vnd.ark.marginals+json","payload":"` + base64.StdEncoding.EncodeToString([]byte(payload)) + `","signatures":[]}`
}

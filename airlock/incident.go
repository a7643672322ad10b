package airlock

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// Incident is something that left and should not have, or bytes that are not
// what was signed or submitted.
type Incident struct {
	ID        string    `json:"id"`
	Release   string    `json:"release"`           // empty: it is about a file of a request or an input
	Request   string    `json:"request,omitempty"` // that file's
	Input     string    `json:"input,omitempty"`   // or this one's
	File      int       `json:"file,omitempty"`    // its number
	Project   string    `json:"project"`
	State     string    `json:"state"` // "open" or "settled"
	Kind      string    `json:"kind"`  // IncidentLeft, IncidentAltered or IncidentDamaged
	Says      string    `json:"says"`
	By        string    `json:"by"`
	At        time.Time `json:"at"`
	ReportBy  time.Time `json:"report_by"` // the law's 72 hours
	Downloads int       `json:"downloads"` // before it was frozen
	Told      []string  `json:"told"`      // users whose list it stands on
	Read      []string  `json:"read,omitempty"`
	Outcome   string    `json:"outcome,omitempty"` // OutcomeNearMiss or OutcomeBreach
	Settled   time.Time `json:"settled,omitzero"`
	SettledBy string    `json:"settled_by,omitempty"`
	Lesson    string    `json:"lesson,omitempty"`
	Cases     []Case    `json:"cases"`
	// Sample is the cases as a file of samples of the rules, in the form of
	// airlock/disclosure/samples; the airlock's worker writes it.
	Sample objects.Ref `json:"sample,omitzero"`
}

// Case is a file of an incident as a sample of the rules: its bytes are kept,
// and the rules of a later Ark are expected to stop it.
type Case struct {
	Ordinal  int         `json:"ordinal"`
	Ref      objects.Ref `json:"ref"`
	Expect   string      `json:"expect"`            // "fail"
	Findings int         `json:"findings"`          // that the rules of the day had
	Judged   bool        `json:"judged,omitempty"`  // it was judged again as a sample
	Stopped  bool        `json:"stopped,omitempty"` // the rules stop it by themselves
}

// Kinds and outcomes of incidents.
const (
	IncidentLeft    = "should-not-have-left"
	IncidentAltered = "altered-bytes"
	IncidentDamaged = "damaged-file" // of a request or an input: nothing of it has left or come in since
	OutcomeNearMiss = "near-miss"
	OutcomeBreach   = "breach"
)

// reportWithin is the time the law gives to report a breach.
const reportWithin = 72 * time.Hour

var incidents = store.Docs[Incident]{Table: "incidents", Noun: "incident", Keys: []string{"release", "project", "state"},
	Of: func(i *Incident) (string, []any) { return i.ID, []any{i.Release, i.Project, i.State} }}

// Freeze stops downloads of a release that should not have left, tells the
// custodians concerned, the recipients and the operators, and starts the clock.
func (x *Room) Freeze(ctx context.Context, actor store.Actor, release, why string) error {
	if strings.TrimSpace(why) == "" || len(why) > maxText {
		return ark.Faultf(ark.Invalid, "say in at most %d characters why it should not have left", maxText).At("", 0, "reason")
	}
	return x.St.Act(ctx, actor, "release.freeze", store.Resource{Type: "Release", ID: release}, func(tx *store.Tx) ([]store.Event, error) {
		return x.incident(ctx, tx, release, IncidentLeft, why)
	})
}

// Altered records that a release's stored bytes are not what was signed: it is
// refused to everybody from then on.
func (x *Room) Altered(ctx context.Context, release string) error {
	return x.St.Act(ctx, store.Actor{System: "worker"}, "release.fault", store.Resource{Type: "Release", ID: release}, func(tx *store.Tx) ([]store.Event, error) {
		return x.incident(ctx, tx, release, IncidentAltered, "the stored bytes are not what was signed")
	})
}

func (x *Room) incident(ctx context.Context, tx *store.Tx, release, kind, why string) ([]store.Event, error) {
	rel, err := releases.Get(ctx, tx, release)
	if err != nil {
		return nil, err
	}
	if rel.Frozen {
		return nil, ark.Faultf(ark.Conflict, "the release is frozen already").Do("see its incident")
	}
	by := tx.Actor().Name()
	in := Incident{ID: tx.NewID("inc"), Release: rel.ID, Project: rel.Project, State: "open", Kind: kind, Says: why, By: by, At: tx.Now(), ReportBy: tx.Now().Add(reportWithin), Downloads: rel.Downloads}
	if in.Told, err = concerned(ctx, tx, rel.Project, rel.Recipients); err != nil {
		return nil, err
	}
	r, err := requests.Get(ctx, tx, rel.Request)
	if err != nil {
		return nil, err
	}
	for _, f := range r.Files {
		if f.Release == rel.ID && kind == IncidentLeft {
			in.Cases = append(in.Cases, Case{Ordinal: f.Ordinal, Ref: f.Ref, Expect: "fail", Findings: len(f.Findings)})
		}
	}
	rel.Frozen, rel.FrozenSays, rel.FrozenBy, rel.FrozenAt, rel.Incident = true, why, by, tx.Now(), in.ID
	if err := incidents.Insert(ctx, tx, &in); err != nil {
		return nil, err
	}
	if err := in.enqueueSample(ctx, tx, r); err != nil {
		return nil, err
	}
	if x.Notify {
		n := notice{ID: tx.NewID("ntc"), Kind: NoticeIncident, Request: rel.Request, Release: rel.ID, Project: rel.Project, State: "frozen", To: in.Told, At: tx.Now()}
		if err := notices.Insert(ctx, tx, &n); err != nil {
			return nil, err
		}
	}
	subjects := append([]string{rel.ID, rel.Project, in.ID}, in.Told...)
	return []store.Event{{Type: "release.frozen", Project: rel.Project, Subjects: []string{rel.ID, rel.Project}}, {Type: "incident.opened", Project: rel.Project, Subjects: subjects, Body: map[string]string{"kind": kind}}}, releases.Update(ctx, tx, rel)
}

// concerned are the users who have to know: recipients or the author, custodians
// of the organisations whose data it is, and operators.
func concerned(ctx context.Context, q store.Querier, project string, first []string) ([]string, error) {
	p, err := governance.GetProject(ctx, q, project)
	if err != nil {
		return nil, err
	}
	all, err := governance.Users(ctx, q)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(first)
	for _, u := range all {
		custodian := slices.Contains(u.Roles, ark.Custodian) && slices.Contains(p.Orgs, u.Org)
		if (custodian || slices.Contains(u.Roles, ark.Operator)) && !u.Suspended && !slices.Contains(out, u.ID) {
			out = append(out, u.ID)
		}
	}
	return out, nil
}

// verdictOn looks at what an incident is said to have been.
func verdictOn(outcome, lesson string) error {
	if outcome != OutcomeNearMiss && outcome != OutcomeBreach {
		return ark.Faultf(ark.Invalid, "an incident is a near miss or a breach").At("", 0, "outcome")
	}
	if strings.TrimSpace(lesson) == "" || len(lesson) > maxText {
		return ark.Faultf(ark.Invalid, "say in at most %d characters what was found out and done", maxText).At("", 0, "lesson")
	}
	return nil
}

// settle ends one incident.
func (in *Incident) settle(ctx context.Context, tx *store.Tx, outcome, lesson string, subjects ...string) (store.Event, error) {
	if in.State != "open" {
		return store.Event{}, ark.Faultf(ark.Conflict, "the incident is settled already")
	}
	if outcome == OutcomeNearMiss && in.Downloads > 0 && in.Kind == IncidentLeft {
		return store.Event{}, ark.Faultf(ark.Conflict, "it was downloaded %d times before it was frozen, so it is no near miss", in.Downloads).At("", 0, "outcome").Do("record it as a breach")
	}
	in.State, in.Outcome, in.Lesson, in.Settled, in.SettledBy = "settled", outcome, lesson, tx.Now(), tx.Actor().Name()
	return store.Event{Type: "incident.settled", Project: in.Project, Subjects: append(subjects, in.Project, in.ID), Body: map[string]any{"outcome": outcome, "late": tx.Now().After(in.ReportBy)}}, incidents.Update(ctx, tx, in)
}

// Settle records what the incident turned out to be, and what is to be learnt.
func (x *Room) Settle(ctx context.Context, actor store.Actor, release, outcome, lesson string) error {
	if err := verdictOn(outcome, lesson); err != nil {
		return err
	}
	return x.St.Act(ctx, actor, "release.settle", store.Resource{Type: "Release", ID: release}, func(tx *store.Tx) ([]store.Event, error) {
		rel, err := releases.Get(ctx, tx, release)
		if err != nil {
			return nil, err
		}
		if rel.Incident == "" {
			return nil, ark.Faultf(ark.Conflict, "there is no incident about this release")
		}
		in, err := incidents.Get(ctx, tx, rel.Incident)
		if err != nil {
			return nil, err
		}
		e, err := in.settle(ctx, tx, outcome, lesson, rel.ID)
		return []store.Event{e}, err
	})
}

// GetIncident returns an incident.
func GetIncident(ctx context.Context, q store.Querier, id string) (*Incident, error) {
	return incidents.Get(ctx, q, id)
}

// IncidentsFor lists the open incidents that concern a user.
func IncidentsFor(ctx context.Context, q store.Querier, user string) ([]Incident, error) {
	all, err := incidents.Where(ctx, q, "state = 'open'")
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(i Incident) bool { return !slices.Contains(i.Told, user) }), nil
}

// Cases lists the files of all incidents as samples for the rules.
func Cases(ctx context.Context, q store.Querier) ([]Case, error) {
	all, err := incidents.Where(ctx, q, "")
	if err != nil {
		return nil, err
	}
	var out []Case
	for _, i := range all {
		out = append(out, i.Cases...)
	}
	return out, nil
}

package trace

import (
	"context"
	"embed"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/pseudonym"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/policies"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/trace/seal"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Schema is the room's tables.
func Schema() store.Schema { return store.SchemaOf("trace", schemaFiles) }

// Room does the room's work on a store.
type Room struct {
	St      *store.Store
	machine policies.Machine
}

// New returns the room.
func New(st *store.Store) *Room { return &Room{St: st, machine: policies.MustMachine("trace")} }

// Loaders read the room's entities for decisions.
func Loaders() map[string]store.Loader { return map[string]store.Loader{"Trace": load} }

func load(ctx context.Context, q store.Querier, id string) (store.Entity, error) {
	t, err := traces.Get(ctx, q, id)
	if err != nil {
		return store.Entity{}, err
	}
	e, err := governance.LoadProject(ctx, q, t.Project)
	if err != nil {
		return store.Entity{}, err
	}
	with := []string{}
	for _, p := range t.Parcels {
		with = append(with, p.Org)
	}
	asker, _, err := governance.Human(ctx, q, t.By)
	if err != nil {
		return store.Entity{}, err
	}
	// Whoever asked counts as of the project also after leaving it.
	humans, _ := e.Attrs["humans"].([]string)
	if !slices.Contains(humans, asker) {
		humans = append(slices.Clone(humans), asker)
	}
	e.Attrs["humans"] = humans
	until := int64(math.MaxInt64) // nothing to fetch yet
	if !t.Until.IsZero() {
		until = t.Until.Unix()
	}
	for k, v := range map[string]any{"kind": t.Kind, "traceState": t.State, "senders": t.Orgs, "parcels": with, "recipient": t.Recipient, "approver": t.Human, "answerUntil": until} {
		e.Attrs[k] = v
	}
	return e, nil
}

func resource(id string) store.Resource { return store.Resource{Type: "Trace", ID: id} }

// RegisterKey gives an organisation a public key, to which answers are sealed
// from now on. The private half never comes here.
func (r *Room) RegisterKey(ctx context.Context, actor store.Actor, org, public string) (*OrgKey, error) {
	print, err := seal.Fingerprint(public)
	if err != nil {
		return nil, err
	}
	var k OrgKey
	err = r.St.Act(ctx, actor, "organisation.key", store.Resource{Type: "Organisation", ID: org}, func(tx *store.Tx) ([]store.Event, error) {
		k = OrgKey{ID: tx.NewID(ark.PrefixTrace), Org: org, Public: public, Fingerprint: print, By: actor.Name(), At: tx.Now()}
		return []store.Event{{Type: "organisation.key-registered", Subjects: []string{org}, Body: map[string]string{"fingerprint": print}}}, orgKeys.Insert(ctx, tx, &k)
	})
	if err != nil {
		return nil, err
	}
	return &k, nil
}

// KeyOf is the newest public key of an organisation, nil if it has none.
func KeyOf(ctx context.Context, q store.Querier, org string) (*OrgKey, error) {
	all, err := orgKeys.Where(ctx, q, "org = $1", org)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[len(all)-1], nil
}

// Ask is what a user of a project gives. Org is the sending organisation for a
// person; Dataset, Table and Variable say where an error is.
type Ask struct {
	Kind      string `json:"kind" enum:"person,error"`
	Pseudonym string `json:"pseudonym" maxLength:"17" doc:"As the extract names the person"`
	Reason    string `json:"reason" maxLength:"40"`
	Org       string `json:"org,omitempty" maxLength:"80"`
	Dataset   string `json:"dataset,omitempty" maxLength:"80"`
	Table     string `json:"table,omitempty" maxLength:"64"`
	Variable  string `json:"variable,omitempty" maxLength:"64"`
}

// Ask records a request to trace one person. Nothing is looked up until a
// second user let it pass; whether the pseudonym is anybody's is not said before.
func (r *Room) Ask(ctx context.Context, actor store.Actor, project string, a Ask) (*Trace, error) {
	var t Trace
	err := r.St.Act(ctx, actor, "trace.ask", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		if !pseudonym.IsPseudonym(a.Pseudonym) {
			return nil, ark.Faultf(ark.Invalid, "that is not a pseudonym: its form or its check character is wrong").At("", 0, "pseudonym").Do("copy all 17 characters again")
		}
		p, err := governance.GetProject(ctx, tx, project)
		if err != nil {
			return nil, err
		}
		if p.Extract == "" {
			return nil, ark.Faultf(ark.Conflict, "this project has no extract")
		}
		t = Trace{ID: tx.NewID(ark.PrefixTrace), Kind: a.Kind, Project: project, State: r.machine.Start, Extract: p.Extract, Pseudonym: a.Pseudonym, Reason: a.Reason, By: actor.Name(), Asked: tx.Now(), Parcels: []Parcel{}}
		if err := t.scope(ctx, tx, p, a); err != nil {
			return nil, err
		}
		return []store.Event{t.event("trace.asked", map[string]any{"kind": t.Kind, "reason": t.Reason, "orgs": t.Orgs})}, traces.Insert(ctx, tx, &t)
	})
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// scope checks what is asked and finds whose records it is about.
func (t *Trace) scope(ctx context.Context, tx *store.Tx, p *governance.Project, a Ask) error {
	e, err := workspace.GetExtract(ctx, tx, p.Extract)
	if err != nil {
		return err
	}
	orgs := map[string]string{} // organisation → linkage of the version its records are in
	for _, id := range e.Versions {
		v, err := catalogue.GetVersion(ctx, tx, id)
		if err != nil {
			return err
		}
		d, err := catalogue.GetDataset(ctx, tx, v.Dataset)
		if err != nil {
			return err
		}
		if t.Linkage == "" {
			t.Linkage = v.Linkage
		}
		if a.Kind == Error {
			if a.Dataset != d.ID && a.Dataset != d.Slug {
				continue
			}
			table, ok := d.Table(a.Table)
			if !ok || !known(e, *d, a) {
				return ark.Faultf(ark.Invalid, "the project's extract has no such variable").At("", 0, "variable").Do("name a table and a variable of your extract")
			}
			t.Dataset, t.Table, t.Variable, t.Linkage = d.ID, a.Table, a.Variable, v.Linkage
			from, err := sendersOf(ctx, tx, *d, table)
			if err != nil {
				return err
			}
			for _, o := range from {
				orgs[o] = v.Linkage
			}
			continue
		}
		if slices.Contains(d.Orgs, a.Org) {
			orgs[a.Org], t.Linkage = v.Linkage, v.Linkage
		}
	}
	for o := range orgs {
		t.Orgs = append(t.Orgs, o)
	}
	slices.Sort(t.Orgs)
	closed := reasons
	if a.Kind == Error {
		closed = problems
	}
	switch {
	case a.Kind != Error && a.Kind != Person:
		return ark.Faultf(ark.Invalid, "a trace is of a person or of an error").At("", 0, "kind")
	case closed[a.Reason] == "":
		return ark.Faultf(ark.Invalid, "the reason is none of the known ones").At("", 0, "reason").Do("choose one of the list")
	case len(t.Orgs) == 0:
		return ark.Faultf(ark.Invalid, "no record of that organisation is in the project's extract").At("", 0, "org").Do("choose an organisation whose data the extract holds")
	}
	return nil
}

// known reports whether the extract holds the variable, or it is the row's person.
func known(e *workspace.Extract, d catalogue.Dataset, a Ask) bool {
	return slices.ContainsFunc(e.Tables, func(t workspace.ExtractTable) bool {
		return t.Name == catalogue.TableName(d.Slug, a.Table) && slices.Contains(t.Variables, a.Variable)
	})
}

// sendersOf is the organisations that feed a table; the table of persons is
// made from what all of them say.
func sendersOf(ctx context.Context, q store.Querier, d catalogue.Dataset, t catalogue.Table) ([]string, error) {
	if len(t.From) == 0 {
		return d.Orgs, nil
	}
	var out []string
	for _, o := range t.From {
		s, err := catalogue.SourceBySlug(ctx, q, o.Source)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, s.Org) {
			out = append(out, s.Org)
		}
	}
	return out, nil
}

func (t *Trace) event(kind string, body any) store.Event {
	return store.Event{Type: kind, Project: t.Project, Subjects: []string{t.ID, t.Project}, Body: body}
}

// Decide lets a request pass, or refuses it. For a person it names the user who
// will get the answer: a custodian of the sending organisation, another human
// being than those who asked and decided.
func (r *Room) Decide(ctx context.Context, actor store.Actor, id string, pass bool, recipient string) error {
	return r.St.Act(ctx, actor, "trace.decide", resource(id), func(tx *store.Tx) ([]store.Event, error) {
		t, err := traces.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		to := "refused"
		if pass {
			to = "approved"
		}
		if err := r.machine.Move(t.State, to, "trace.decide"); err != nil {
			return nil, err
		}
		human, _, err := governance.Human(ctx, tx, actor.User)
		if err != nil {
			return nil, err
		}
		t.State, t.Approver, t.Human, t.Decided = to, actor.Name(), human, tx.Now()
		if !pass {
			t.Pseudonym = ""
			return []store.Event{t.event("trace.refused", nil)}, traces.Update(ctx, tx, t)
		}
		if err := t.address(ctx, tx, recipient, human); err != nil {
			return nil, err
		}
		l, err := catalogue.GetLinkage(ctx, tx, t.Linkage)
		if err != nil {
			return nil, err
		}
		e, err := workspace.GetExtract(ctx, tx, t.Extract)
		if err != nil {
			return nil, err
		}
		job := FindJob{Trace: t.ID, Project: t.Project, Pseudonym: t.Pseudonym, Index: l.Outputs["index"], Names: e.Named}
		if _, err := tx.Enqueue(ctx, "trace", "publish", t.ID, job); err != nil {
			return nil, err
		}
		return []store.Event{t.event("trace.approved", map[string]string{"recipient": t.Recipient})}, traces.Update(ctx, tx, t)
	})
}

// address checks that the answer has somebody who may get it, and can be sealed.
func (t *Trace) address(ctx context.Context, tx *store.Tx, recipient, approver string) error {
	keyed := 0
	for _, o := range t.Orgs {
		k, err := KeyOf(ctx, tx, o)
		if err != nil {
			return err
		}
		if k != nil {
			keyed++
		}
	}
	if keyed == 0 {
		return ark.Faultf(ark.Conflict, "the sending organisation has registered no key, so nothing can be sealed to it").Do("ask its custodian to make one with ark trace new-key and to register it")
	}
	if t.Kind == Error {
		return nil
	}
	u, err := governance.GetUser(ctx, tx, recipient)
	if err != nil {
		return err
	}
	asker, _, err := governance.Human(ctx, tx, t.By)
	if err != nil {
		return err
	}
	switch {
	case u.Org != t.Orgs[0] || !u.Has(ark.Custodian) || u.Suspended:
		return ark.Faultf(ark.Invalid, "the recipient has to be a custodian of the sending organisation").At("", 0, "recipient")
	case u.Human == approver || u.Human == asker:
		return ark.Faultf(ark.Forbidden, "whoever asked or decided cannot be the recipient as well").At("", 0, "recipient").Do("name another custodian of the sending organisation")
	}
	t.Recipient = u.ID
	return nil
}

// ApplyFound records inside the change that ends its job which records are the
// person's, and has them identified and sealed. The pseudonym is erased.
func (r *Room) ApplyFound(ctx context.Context, tx *store.Tx, id string, res FindResult) ([]store.Event, error) {
	t, err := traces.Get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	t.Pseudonym = ""
	if len(res.Records) == 0 {
		return r.close(ctx, tx, t, "unknown")
	}
	job := IdentifyJob{Trace: t.ID, Why: t.Reason, Records: res.Records, Keys: map[string]string{}}
	if t.Kind == Error {
		d, err := catalogue.GetDataset(ctx, tx, t.Dataset)
		if err != nil {
			return nil, err
		}
		job.About = seal.About{Dataset: d.Slug, Table: t.Table, Variable: t.Variable, Problem: t.Reason}
	}
	all, err := catalogue.Sources(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if !slices.Contains(t.Orgs, s.Org) {
			continue
		}
		k, err := KeyOf(ctx, tx, s.Org)
		if err != nil {
			return nil, err
		}
		if k == nil {
			continue
		}
		job.Keys[s.Org] = k.Public
		ds, err := catalogue.Deliveries(ctx, tx, s.ID)
		if err != nil {
			return nil, err
		}
		for _, d := range ds {
			if ref, ok := d.Outputs["identifiers"]; ok && d.State == "accepted" {
				job.Inputs = append(job.Inputs, IdentifyFrom{Org: s.Org, Source: s.Slug, Ref: ref})
			}
		}
	}
	if _, err := tx.Enqueue(ctx, "identify", "linkage", t.ID, job); err != nil {
		return nil, err
	}
	return []store.Event{t.event("trace.found", nil)}, traces.Update(ctx, tx, t)
}

// ApplySealed records the sealed answers.
func (r *Room) ApplySealed(ctx context.Context, tx *store.Tx, id string, res IdentifyResult) ([]store.Event, error) {
	t, err := traces.Get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	for _, tok := range res.Tokens {
		if slices.Contains(t.Orgs, tok.Org) && tok.Trace == t.ID {
			t.Parcels = append(t.Parcels, Parcel{Org: tok.Org, Token: &tok})
		}
	}
	if len(t.Parcels) == 0 {
		return r.close(ctx, tx, t, "unknown")
	}
	t.Until = tx.Now().Add(keepFor)
	return r.close(ctx, tx, t, "sealed")
}

// Failed records that a trace came to nothing, and erases its pseudonym.
func (r *Room) Failed(ctx context.Context, tx *store.Tx, id string) ([]store.Event, error) {
	t, err := traces.Get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	t.Pseudonym = ""
	return r.close(ctx, tx, t, "failed")
}

func (r *Room) close(ctx context.Context, tx *store.Tx, t *Trace, to string) ([]store.Event, error) {
	if err := r.machine.Move(t.State, to, "trace.apply"); err != nil {
		return nil, err
	}
	t.State = to
	return []store.Event{t.event("trace."+to, nil)}, traces.Update(ctx, tx, t)
}

// Fetch hands an organisation's sealed answer to whoever may have it, and
// records that they took it. It opens with that organisation's own key only.
func (r *Room) Fetch(ctx context.Context, actor store.Actor, id string) (*seal.Token, error) {
	var tok *seal.Token
	err := r.St.Act(ctx, actor, "trace.open", resource(id), func(tx *store.Tx) ([]store.Event, error) {
		t, err := traces.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		_, org, err := governance.Human(ctx, tx, actor.User)
		if err != nil {
			return nil, err
		}
		p := t.parcel(org)
		if p == nil || p.Token == nil {
			return nil, ark.Faultf(ark.Conflict, "there is no sealed answer for your organisation").Do("wait until it is found; the page shows it")
		}
		tok = p.Token
		if p.Acknowledged.IsZero() {
			p.Acknowledged = tx.Now()
		}
		return []store.Event{t.event("trace.opened", map[string]string{"org": org, "key": tok.Key})}, traces.Update(ctx, tx, t)
	})
	if err != nil {
		return nil, err
	}
	return tok, nil
}

// Answer records what a sending organisation found out, for the project.
func (r *Room) Answer(ctx context.Context, actor store.Actor, id, resolution, delivery string) error {
	if resolutions[resolution] == "" {
		return ark.Faultf(ark.Invalid, "the outcome is none of the known ones").At("", 0, "resolution").Do("choose one of the list")
	}
	return r.St.Act(ctx, actor, "trace.answer", resource(id), func(tx *store.Tx) ([]store.Event, error) {
		t, err := traces.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		_, org, err := governance.Human(ctx, tx, actor.User)
		if err != nil {
			return nil, err
		}
		p := t.parcel(org)
		if p == nil {
			return nil, ark.Faultf(ark.Conflict, "there is no report for your organisation")
		}
		if delivery != "" {
			d, err := catalogue.GetDelivery(ctx, tx, delivery)
			if err != nil {
				return nil, err
			}
			s, err := catalogue.GetSource(ctx, tx, d.Source)
			if err != nil || s.Org != org {
				return nil, ark.Faultf(ark.Invalid, "that is no delivery of your organisation").At("", 0, "delivery").Because(err)
			}
		}
		p.Resolved, p.Resolution, p.Delivery = tx.Now(), resolution, delivery
		if p.Acknowledged.IsZero() {
			p.Acknowledged = tx.Now()
		}
		events := []store.Event{t.event("trace.answered", map[string]string{"org": org, "resolution": resolution})}
		if !slices.ContainsFunc(t.Parcels, func(p Parcel) bool { return p.Resolved.IsZero() }) && t.State == "sealed" {
			if err := r.machine.Move(t.State, "answered", "trace.answer"); err != nil {
				return nil, err
			}
			t.State = "answered"
		}
		return events, traces.Update(ctx, tx, t)
	})
}

// errAnswered: a trace that was to expire was answered meanwhile.
var errAnswered = errors.New("trace: answered meanwhile")

// Expire erases, as a step of the system, the sealed answers that nobody
// fetched in time. It returns how many traces it ended.
func (r *Room) Expire(ctx context.Context) (int, error) {
	var old []string
	if err := r.St.View(ctx, func(q store.Querier) error {
		all, err := traces.Where(ctx, q, "state = 'sealed'")
		for _, t := range all {
			if r.St.Now().After(t.Until) {
				old = append(old, t.ID)
			}
		}
		return err
	}); err != nil {
		return 0, err
	}
	n := 0
	for _, t := range old {
		err := r.St.Act(ctx, store.Actor{System: "worker"}, "trace.apply", resource(t), func(tx *store.Tx) ([]store.Event, error) {
			t, err := traces.Get(ctx, tx, t)
			if err != nil {
				return nil, err
			}
			if t.State != "sealed" {
				return nil, errAnswered
			}
			for i := range t.Parcels {
				t.Parcels[i].Token = nil
			}
			return r.close(ctx, tx, t, "lapsed")
		})
		switch {
		case errors.Is(err, errAnswered):
		case err != nil:
			return n, err
		default:
			n++
		}
	}
	return n, nil
}

// Get returns a trace.
func Get(ctx context.Context, q store.Querier, id string) (*Trace, error) {
	return traces.Get(ctx, q, id)
}

// Of returns a project's traces.
func Of(ctx context.Context, q store.Querier, project string) ([]Trace, error) {
	return traces.Where(ctx, q, "project = $1", project)
}

// All returns every trace.
func All(ctx context.Context, q store.Querier) ([]Trace, error) { return traces.Where(ctx, q, "") }

// Public is a trace as those who may follow it see it: no pseudonym, no token.
type Public struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Project  string    `json:"project"`
	State    string    `json:"state"`
	Reason   string    `json:"reason"`
	Dataset  string    `json:"dataset,omitempty"`
	Table    string    `json:"table,omitempty"`
	Variable string    `json:"variable,omitempty"`
	Asked    time.Time `json:"asked"`
	Decided  time.Time `json:"decided,omitzero"`
	Until    time.Time `json:"until,omitzero"`
	Outcomes []Outcome `json:"outcomes"`
}

// Outcome is what a sending organisation did. Which one it is, the project is
// not told: it would say where the person was treated.
type Outcome struct {
	Org          string    `json:"org,omitempty"`
	Acknowledged time.Time `json:"acknowledged,omitzero"`
	Resolved     time.Time `json:"resolved,omitzero"`
	Resolution   string    `json:"resolution,omitempty"`
}

// Shown is t for somebody of an organisation; own names only that one's parcel.
func (t Trace) Shown(own string) Public {
	out := Public{ID: t.ID, Kind: t.Kind, Project: t.Project, State: t.State, Reason: t.Reason, Dataset: t.Dataset, Table: t.Table, Variable: t.Variable, Asked: t.Asked, Decided: t.Decided, Until: t.Until, Outcomes: []Outcome{}}
	if p := t.parcel(own); p != nil {
		out.Outcomes = append(out.Outcomes, Outcome{Org: own, Acknowledged: p.Acknowledged, Resolved: p.Resolved, Resolution: p.Resolution})
		return out
	}
	// To everybody else they are one, lest their number say how many
	// organisations know the person.
	var o Outcome
	var what []string
	done := true
	for _, p := range t.Parcels {
		if o.Acknowledged.IsZero() || !p.Acknowledged.IsZero() && p.Acknowledged.Before(o.Acknowledged) {
			o.Acknowledged = p.Acknowledged
		}
		done = done && !p.Resolved.IsZero()
		if p.Resolved.After(o.Resolved) {
			o.Resolved = p.Resolved
		}
		if p.Resolution != "" && !slices.Contains(what, p.Resolution) {
			what = append(what, p.Resolution)
		}
	}
	slices.Sort(what)
	if !done {
		o.Resolved, what = time.Time{}, nil
	}
	o.Resolution = strings.Join(what, " ")
	if len(t.Parcels) > 0 {
		out.Outcomes = append(out.Outcomes, o)
	}
	return out
}

package workspace

import (
	"context"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// Subscription has a project's extract cut again when a newer version of a
// dataset is published, as often as its permit allows.
type Subscription struct {
	ID      string      `json:"id"`
	Project string      `json:"project"`
	Dataset string      `json:"dataset"`
	State   string      `json:"state"`
	Since   time.Time   `json:"since"`
	By      string      `json:"by"`                // who last began, paused or stopped it
	Halted  string      `json:"halted,omitempty"`  // permit under which somebody who is not on the project stopped it
	Refused string      `json:"refused,omitempty"` // version that the permit does not fit
	Permit  string      `json:"permit,omitempty"`  // permit that does not fit it
	Says    string      `json:"says,omitempty"`    // what it waits for
	Taken   []Refreshed `json:"taken"`
}

// Refreshed is one newer version that was taken.
type Refreshed struct {
	At      time.Time `json:"at"`
	From    string    `json:"from"` // version
	To      string    `json:"to"`
	Extract string    `json:"extract"`
	Permit  string    `json:"permit"`
}

// Changed is a version that was taken, with what differs from the one before:
// rounded figures of the versions, never of the extracts, whose difference would
// show who left.
type Changed struct {
	Refreshed
	State   string             `json:"state"` // of its extract
	Changes *catalogue.Changes `json:"changes"`
}

var subscriptions = store.Docs[Subscription]{Table: "subscriptions", Noun: "subscription", Keys: []string{"project", "dataset", "state"},
	Of: func(s *Subscription) (string, []any) { return s.ID, []any{s.Project, s.Dataset, s.State} }}

func (s *Subscription) event(kind string, more ...string) store.Event {
	return store.Event{Type: "refresh." + kind, Project: s.Project, Subjects: append([]string{s.ID, s.Project, s.Dataset}, more...)}
}

// Subscribe follows a dataset of the project's permit from now on, or goes on
// with what was paused or stopped.
func (r *Room) Subscribe(ctx context.Context, actor store.Actor, project, dataset string) (*Subscription, error) {
	var s Subscription
	err := r.St.Act(ctx, actor, "refresh.subscribe", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		x, err := governance.GetProject(ctx, tx, project)
		if err != nil {
			return nil, err
		}
		p, err := governance.GetPermit(ctx, tx, x.Permit)
		if err != nil {
			return nil, err
		}
		if _, ok := p.RefreshAfter(); !ok {
			return nil, ark.Faultf(ark.Forbidden, "the permit of this project is for one version: it lets no newer one be taken").Do("ask for an amendment that names a schedule")
		}
		if !slices.ContainsFunc(p.Grants, func(g governance.Grant) bool { return g.Dataset == dataset }) {
			return nil, ark.Faultf(ark.Invalid, "the permit of this project grants nothing of that dataset").At("", 0, "dataset")
		}
		old, err := subscriptions.First(ctx, tx, "project = $1 AND dataset = $2", project, dataset)
		if ark.Is(err, ark.Unknown) {
			s = Subscription{ID: tx.NewID(ark.PrefixSubscription), Project: project, Dataset: dataset, State: r.subscription.Start, Since: tx.Now(), By: actor.User, Taken: []Refreshed{}}
			return []store.Event{s.event("subscribed")}, subscriptions.Insert(ctx, tx, &s)
		}
		if err != nil {
			return nil, err
		}
		if s = *old; s.Halted == p.ID {
			return nil, ark.Faultf(ark.Conflict, "somebody who is not on the project stopped this").Do("ask the custodians concerned for an amendment")
		}
		if err := r.subscription.Move(s.State, "following", "refresh.subscribe"); err != nil {
			return nil, err
		}
		s.State, s.Since, s.By, s.Halted, s.Says = "following", tx.Now(), actor.User, "", ""
		return []store.Event{s.event("subscribed")}, subscriptions.Update(ctx, tx, &s)
	})
	if err != nil {
		return nil, err
	}
	return &s, nil
}

// Halt pauses or stops a subscription of a project: to is "paused" or "stopped".
// What somebody else than its members halted stays so under the same permit.
func (r *Room) Halt(ctx context.Context, actor store.Actor, project, id, to string) error {
	return r.St.Act(ctx, actor, "refresh.stop", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		s, err := subscriptions.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if s.Project != project {
			return nil, ark.Faultf(ark.Unknown, "this project follows nothing of that name")
		}
		if to != "paused" && to != "stopped" {
			return nil, ark.Faultf(ark.Invalid, "it is either paused or stopped").At("", 0, "state")
		}
		if err := r.subscription.Move(s.State, to, "refresh.stop"); err != nil {
			return nil, err
		}
		x, err := governance.GetProject(ctx, tx, project)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(x.Members, actor.User) {
			s.Halted = x.Permit
		}
		s.State, s.Since, s.By, s.Says = to, tx.Now(), actor.User, ""
		return []store.Event{s.event(to)}, subscriptions.Update(ctx, tx, s)
	})
}

// SubscriptionsOf are a project's subscriptions.
func SubscriptionsOf(ctx context.Context, q store.Querier, project string) ([]Subscription, error) {
	return subscriptions.Where(ctx, q, "project = $1", project)
}

// SubscribersOf are the subscriptions to a dataset.
func SubscribersOf(ctx context.Context, q store.Querier, dataset string) ([]Subscription, error) {
	return subscriptions.Where(ctx, q, "dataset = $1", dataset)
}

// Changes are what differs between the versions that a subscription took, the
// newest first.
func (s Subscription) Changes(ctx context.Context, q store.Querier) ([]Changed, error) {
	out := []Changed{}
	for _, t := range slices.Backward(s.Taken) {
		from, err := catalogue.GetVersion(ctx, q, t.From)
		if err != nil {
			return nil, err
		}
		to, err := catalogue.GetVersion(ctx, q, t.To)
		if err != nil {
			return nil, err
		}
		e, err := extracts.Get(ctx, q, t.Extract)
		if err != nil {
			return nil, err
		}
		c, err := catalogue.Compare(*from, *to)
		if err != nil {
			return nil, err
		}
		out = append(out, Changed{t, e.State, c})
	}
	return out, nil
}

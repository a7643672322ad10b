package workspace

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// cannotCut is what a subscription says of a fault that is not for its readers.
const cannotCut = "it cannot be cut now"

var errNothing = errors.New("workspace: nothing to do")

// due is what a project could take now: the extract it has, and by dataset the
// version of it and the subscription that asks for the newest.
type due struct {
	permit *governance.Permit
	held   map[string]*catalogue.Version
	subs   []Subscription
}

// Refresh is a step of the system: it has every extract cut again of whose
// datasets a followed one has a newer version, when the permit's schedule allows
// it. A version to which the permit does not fit is refused, with what is wrong.
// It may be repeated; it returns how many extracts it had cut.
func (r *Room) Refresh(ctx context.Context) (int, error) {
	waiting := map[string]bool{}
	if err := r.St.View(ctx, func(q store.Querier) error {
		all, err := subscriptions.Where(ctx, q, "state = 'following' OR state = 'refused'")
		if err != nil {
			return err
		}
		for _, s := range all {
			if _, seen := waiting[s.Project]; seen {
				continue
			}
			d, err := r.due(ctx, q, s.Project)
			if err != nil {
				return err
			}
			waiting[s.Project] = len(d.subs) > 0
		}
		return nil
	}); err != nil {
		return 0, err
	}
	n := 0
	for project, wants := range waiting {
		if !wants {
			continue
		}
		err := r.St.Act(ctx, store.Actor{System: "governance"}, "extract.cut", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
			events, cut, err := r.refresh(ctx, tx, project)
			if err == nil && len(events) == 0 {
				err = errNothing
			}
			if err == nil && cut {
				n++
			}
			return events, err
		})
		if err != nil && !errors.Is(err, errNothing) && !ark.Is(err, ark.Lapsed) && !ark.Is(err, ark.Forbidden) {
			return n, err
		}
	}
	return n, nil
}

// due says which subscriptions of a project have something to take, if its
// permit is in force, allows it and enough time has passed since the last cut.
func (r *Room) due(ctx context.Context, q store.Querier, project string) (due, error) {
	var d due
	x, err := governance.GetProject(ctx, q, project)
	if err != nil || x.State != "active" || x.Permit == "" || x.Extract == "" {
		return d, err
	}
	if d.permit, err = governance.GetPermit(ctx, q, x.Permit); err != nil {
		return d, err
	}
	now := r.St.Now()
	wait, ok := d.permit.RefreshAfter()
	if !ok || now.Before(d.permit.From) || !now.Before(d.permit.Until) {
		return d, nil
	}
	es, err := extracts.Where(ctx, q, "project = $1", project)
	if err != nil {
		return d, err
	}
	if slices.ContainsFunc(es, func(e Extract) bool { return e.Run == "" && e.State == "cutting" }) {
		return d, nil
	}
	i := slices.IndexFunc(es, func(e Extract) bool { return e.ID == x.Extract })
	if i < 0 || es[i].State != "ready" || es[i].Permit != x.Permit || now.Before(es[i].Cut.Add(wait)) {
		return d, nil // a recall or an amendment has its own cut
	}
	if d.held, err = es[i].Held(ctx, q); err != nil {
		return d, err
	}
	subs, err := subscriptions.Where(ctx, q, "project = $1 AND (state = 'following' OR state = 'refused')", project)
	if err != nil {
		return d, err
	}
	for _, s := range subs {
		set, err := catalogue.GetDataset(ctx, q, s.Dataset)
		if err != nil {
			return d, err
		}
		tried := slices.ContainsFunc(s.Taken, func(t Refreshed) bool { return t.To == set.Latest && t.Permit == x.Permit }) || s.Refused == set.Latest && s.Permit == x.Permit
		held := d.held[s.Dataset]
		if held == nil || set.Latest == "" || tried {
			continue
		}
		newest, err := catalogue.GetVersion(ctx, q, set.Latest)
		if err != nil {
			return d, err
		}
		if newest.Number > held.Number {
			d.subs = append(d.subs, s)
		}
	}
	return d, nil
}

// Held are the versions, by dataset, that an extract is cut from.
func (e Extract) Held(ctx context.Context, q store.Querier) (map[string]*catalogue.Version, error) {
	out := map[string]*catalogue.Version{}
	for _, id := range e.Versions {
		v, err := catalogue.GetVersion(ctx, q, id)
		if err != nil {
			return nil, err
		}
		out[v.Dataset] = v
	}
	return out, nil
}

// Stands refuses what would rest on an extract whose data were taken back or
// destroyed: an output of it cannot be computed again, and must not leave.
func (e Extract) Stands(ctx context.Context, q store.Querier) error {
	why := ""
	switch e.State {
	case frozen:
		why = "data in its extract were taken back"
	case "ending", "destroyed":
		why = "its extract was destroyed"
	default:
		held, err := e.Held(ctx, q)
		if err != nil {
			return err
		}
		for _, v := range held {
			if v.State == "ending" || v.State == "destroyed" {
				why = fmt.Sprintf("version %d, which its extract was cut from, was destroyed", v.Number)
			}
		}
	}
	if why == "" {
		return nil
	}
	return ark.Faultf(ark.Conflict, "nothing that was made of this data can leave or be computed again: %s", why).
		Do("make it again in a workspace with the project's present extract, and submit that").By("made-of-data-that-is-there")
}

// refresh takes what is due of one project: everything that fits its permit in
// one extract, with the other datasets as they are.
func (r *Room) refresh(ctx context.Context, tx *store.Tx, project string) (events []store.Event, cut bool, err error) {
	d, err := r.due(ctx, tx, project)
	if err != nil {
		return nil, false, err
	}
	take, fit := map[string]string{}, []Subscription{}
	for dataset, v := range d.held {
		take[dataset] = v.ID
	}
	for _, s := range d.subs {
		latest, why := r.fits(ctx, tx, d.permit, s.Dataset)
		switch {
		case why == nil:
			take[s.Dataset] = latest
			fit = append(fit, s)
		case ark.Is(why, ark.Conflict) || ark.Is(why, ark.Invalid):
			event, err := r.refuse(ctx, tx, s, d.permit.ID, latest, why)
			if err != nil {
				return nil, false, err
			}
			events = append(events, event)
		default:
			return nil, false, why
		}
	}
	if len(fit) == 0 {
		return events, false, nil
	}
	e, err := r.cut(ctx, tx, d.permit, func(g governance.Grant) string { return take[g.Dataset] }, "")
	if ark.Is(err, ark.Lapsed) || ark.Is(err, ark.Conflict) || ark.Is(err, ark.Invalid) {
		more, err := r.wait(ctx, tx, fit, err)
		return append(events, more...), false, err
	}
	if err != nil {
		return nil, false, err
	}
	for _, s := range fit {
		if s.State == "refused" {
			if err := r.subscription.Move(s.State, "following", "extract.cut"); err != nil {
				return nil, false, err
			}
			s.State, s.Since = "following", tx.Now()
		}
		s.Refused, s.Permit, s.Says = "", "", ""
		s.Taken = append(s.Taken, Refreshed{At: tx.Now(), From: d.held[s.Dataset].ID, To: take[s.Dataset], Extract: e.ID, Permit: d.permit.ID})
		if err := subscriptions.Update(ctx, tx, &s); err != nil {
			return nil, false, err
		}
		events = append(events, s.event("taken", e.ID, take[s.Dataset]))
	}
	return append(events, store.Event{Type: "extract.started", Project: project, Subjects: []string{e.ID, d.permit.ID, project}}), true, nil
}

// fits is the newest version of a dataset, and why the permit does not fit it.
func (r *Room) fits(ctx context.Context, q store.Querier, p *governance.Permit, dataset string) (string, error) {
	set, err := catalogue.GetDataset(ctx, q, dataset)
	if err != nil {
		return "", err
	}
	for _, g := range p.Grants {
		if g.Dataset != dataset {
			continue
		}
		if err := catalogue.Fits(ctx, q, g.Version, set.Latest, g.Variables, g.Filters); err != nil {
			return set.Latest, err
		}
		if _, err := r.Catalogue.PlanGrant(ctx, q, dataset, set.Latest, g.Variables, g.Filters, g.Without, p.Restricted); err != nil {
			return set.Latest, err
		}
	}
	return set.Latest, nil
}

// refuse notes that a version cannot be taken under a permit: an amendment, or
// the version after it, has to mend that.
func (r *Room) refuse(ctx context.Context, tx *store.Tx, s Subscription, permit, version string, why error) (store.Event, error) {
	if s.State != "refused" {
		if err := r.subscription.Move(s.State, "refused", "extract.cut"); err != nil {
			return store.Event{}, err
		}
		s.State, s.Since = "refused", tx.Now()
	}
	s.Refused, s.Permit, s.Says = version, permit, ark.Public(why, cannotCut)
	return s.event("refused", version), subscriptions.Update(ctx, tx, &s)
}

// wait notes, once, what a cut waits for: a list of opt-outs that has grown too
// old, a dataset beside it that cannot be had now. It is tried again.
func (r *Room) wait(ctx context.Context, tx *store.Tx, subs []Subscription, why error) ([]store.Event, error) {
	var events []store.Event
	says := ark.Public(why, cannotCut)
	for _, s := range subs {
		if s.Says == says {
			continue
		}
		s.Says = says
		if err := subscriptions.Update(ctx, tx, &s); err != nil {
			return nil, err
		}
		events = append(events, s.event("waiting"))
	}
	return events, nil
}

package airlock

import (
	"context"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// Damaged records that the stored bytes of a file of a request, of this round
// or an earlier one, were found not to be what was submitted. Every read of them
// is refused by the object store; this tells those who have to know, starts the
// clock, and keeps the file from leaving until it is settled. Found again while
// that is open, it changes nothing.
func (x *Room) Damaged(ctx context.Context, request, file string) error {
	return x.St.Act(ctx, store.Actor{System: "worker"}, "request.fault", resource(request), func(tx *store.Tx) ([]store.Event, error) {
		r, err := requests.Get(ctx, tx, request)
		if err != nil {
			return nil, err
		}
		events, err := x.damaged(ctx, tx, r, file)
		if err != nil {
			return nil, err
		}
		if len(events) == 0 {
			return []store.Event{r.event("request.damage-known", nil)}, nil
		}
		return events, put(ctx, tx, r)
	})
}

// damaged marks a file of r and opens the incident about it; nil where it is
// open already. The change of r is the caller's to keep.
func (x *Room) damaged(ctx context.Context, tx *store.Tx, r *Request, file string) ([]store.Event, error) {
	f, err := r.anyFile(file)
	if err != nil {
		return nil, err
	}
	f.Damaged = true
	open, err := incidents.Where(ctx, tx, "project = $1 AND state = 'open'", r.Project)
	if err != nil {
		return nil, err
	}
	for _, in := range open {
		if in.Request == r.ID && in.File == f.Ordinal {
			return nil, nil
		}
	}
	in := Incident{ID: tx.NewID("inc"), Request: r.ID, File: f.Ordinal, Project: r.Project, State: "open", Kind: IncidentDamaged, Says: "the stored bytes of a file are not what was submitted",
		By: tx.Actor().Name(), At: tx.Now(), ReportBy: tx.Now().Add(reportWithin), Cases: []Case{}}
	if in.Told, err = concerned(ctx, tx, r.Project, []string{r.Author}); err != nil {
		return nil, err
	}
	if err := incidents.Insert(ctx, tx, &in); err != nil {
		return nil, err
	}
	if x.Notify {
		n := notice{ID: tx.NewID("ntc"), Kind: NoticeIncident, Request: r.ID, Project: r.Project, State: "damaged", To: in.Told, At: tx.Now()}
		if err := notices.Insert(ctx, tx, &n); err != nil {
			return nil, err
		}
	}
	subjects := append([]string{r.ID, r.Project, in.ID}, in.Told...)
	return []store.Event{{Type: "incident.opened", Project: r.Project, Subjects: subjects, Body: map[string]any{"kind": in.Kind, "file": f.Ordinal}}}, nil
}

// SettleDamage records what the open incidents about a request's files turned
// out to be. After that they can leave if their bytes are whole again: every
// read still verifies them.
func (x *Room) SettleDamage(ctx context.Context, actor store.Actor, request, outcome, lesson string) error {
	if err := verdictOn(outcome, lesson); err != nil {
		return err
	}
	return x.St.Act(ctx, actor, "request.settle", resource(request), func(tx *store.Tx) ([]store.Event, error) {
		r, err := requests.Get(ctx, tx, request)
		if err != nil {
			return nil, err
		}
		all, err := incidents.Where(ctx, tx, "project = $1 AND state = 'open'", r.Project)
		if err != nil {
			return nil, err
		}
		var events []store.Event
		for _, in := range all {
			if in.Request != r.ID {
				continue
			}
			e, err := in.settle(ctx, tx, outcome, lesson, r.ID)
			if err != nil {
				return nil, err
			}
			events = append(events, e)
		}
		if len(events) == 0 {
			return nil, ark.Faultf(ark.Conflict, "there is no open incident about this request")
		}
		for i := range r.Files {
			r.Files[i].Damaged = false
		}
		for _, round := range r.Earlier {
			for i := range round.Files {
				round.Files[i].Damaged = false
			}
		}
		return events, put(ctx, tx, r)
	})
}

// IncidentsAbout lists the incidents about a request's files, oldest first.
func IncidentsAbout(ctx context.Context, q store.Querier, project, request string) ([]Incident, error) {
	all, err := incidents.Where(ctx, q, "project = $1", project)
	if err != nil {
		return nil, err
	}
	var out []Incident
	for _, in := range all {
		if in.Request == request {
			out = append(out, in)
		}
	}
	return out, nil
}

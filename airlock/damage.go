package airlock

import (
	"context"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// Hurt is a file of a request, or of an input, whose stored bytes are not what
// came.
type Hurt struct {
	Request string // or
	Input   string
	Project string
	Author  string
	File    int // its number; 0 where it is about all of them
}

func (h Hurt) thing() string { return h.Request + h.Input }

func (h Hurt) isOf(in Incident) bool {
	return in.Request == h.Request && in.Input == h.Input && in.Release == ""
}

// OpenDamage opens the incident about a hurt file, inside the change that
// records it: those who have to know find it on their list, and by message where
// notify is set; the clock starts. Nil where it is open already.
func OpenDamage(ctx context.Context, tx *store.Tx, h Hurt, notify bool) ([]store.Event, error) {
	open, err := incidents.Where(ctx, tx, "project = $1 AND state = 'open'", h.Project)
	if err != nil {
		return nil, err
	}
	for _, in := range open {
		if h.isOf(in) && in.File == h.File {
			return nil, nil
		}
	}
	in := Incident{ID: tx.NewID("inc"), Request: h.Request, Input: h.Input, File: h.File, Project: h.Project, State: "open", Kind: IncidentDamaged, Says: "the stored bytes of a file are not what was submitted",
		By: tx.Actor().Name(), At: tx.Now(), ReportBy: tx.Now().Add(reportWithin), Cases: []Case{}}
	if in.Told, err = concerned(ctx, tx, h.Project, []string{h.Author}); err != nil {
		return nil, err
	}
	if err := incidents.Insert(ctx, tx, &in); err != nil {
		return nil, err
	}
	if notify {
		n := notice{ID: tx.NewID("ntc"), Kind: NoticeIncident, Request: h.Request, Input: h.Input, Project: h.Project, State: "damaged", To: in.Told, At: tx.Now()}
		if err := notices.Insert(ctx, tx, &n); err != nil {
			return nil, err
		}
	}
	subjects := append([]string{h.thing(), h.Project, in.ID}, in.Told...)
	return []store.Event{{Type: "incident.opened", Project: h.Project, Subjects: subjects, Body: map[string]any{"kind": in.Kind, "file": h.File}}}, nil
}

// SettleHurt records, inside a change, what the open incidents about the files
// of a request or an input turned out to be.
func SettleHurt(ctx context.Context, tx *store.Tx, h Hurt, outcome, lesson string) ([]store.Event, error) {
	if err := verdictOn(outcome, lesson); err != nil {
		return nil, err
	}
	all, err := incidents.Where(ctx, tx, "project = $1 AND state = 'open'", h.Project)
	if err != nil {
		return nil, err
	}
	var events []store.Event
	for _, in := range all {
		if !h.isOf(in) {
			continue
		}
		e, err := in.settle(ctx, tx, outcome, lesson, h.thing())
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	if len(events) == 0 {
		return nil, ark.Faultf(ark.Conflict, "there is no open incident about this")
	}
	return events, nil
}

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
	return OpenDamage(ctx, tx, Hurt{Request: r.ID, Project: r.Project, Author: r.Author, File: f.Ordinal}, x.Notify)
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
		events, err := SettleHurt(ctx, tx, Hurt{Request: r.ID, Project: r.Project}, outcome, lesson)
		if err != nil {
			return nil, err
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

// IncidentsAbout lists the incidents about the files of a request or an input,
// oldest first.
func IncidentsAbout(ctx context.Context, q store.Querier, project, thing string) ([]Incident, error) {
	all, err := incidents.Where(ctx, q, "project = $1", project)
	if err != nil {
		return nil, err
	}
	var out []Incident
	for _, in := range all {
		if in.Release == "" && (in.Request == thing || in.Input == thing) {
			out = append(out, in)
		}
	}
	return out, nil
}

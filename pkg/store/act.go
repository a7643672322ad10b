package store

import (
	"context"
	"fmt"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Actor is who acts: a signed-in user, or a named part of the system. The zero
// Actor is nobody and may do nothing but what the policies give to everyone.
//
// It says only who: roles, training and the human being behind the account are
// read from the database in the deciding transaction, so that a right taken
// away between page and click is gone.
type Actor struct {
	User    string    // usr_…, empty for the system and for nobody
	System  string    // "worker", "scheduler", "enclave"…: a part of the system, never settable by a request
	StepUp  time.Time // when the second factor was last shown
	StepFor string    // the one act that it was shown for: StepUpFor; it serves for no other, and once
	Session string    // ses_… of the sign-in
}

// Name is how the actor stands in a recorded act: an id, never a person's name.
func (a Actor) Name() string {
	switch {
	case a.User != "":
		return a.User
	case a.System != "":
		return "system:" + a.System
	default:
		return "nobody"
	}
}

// Resource is what is acted on. Type names an entity loader; the type "Ark"
// with id "ark" is the whole instance, for acts that create something.
type Resource struct {
	Type string
	ID   string
}

// Whole is the resource of acts on the instance itself.
var Whole = Resource{Type: "Ark", ID: "ark"}

// Entity is what a decision may know of a resource. Attribute values are
// string, bool, int64 and []string.
type Entity struct {
	Type  string
	ID    string
	Attrs map[string]any
}

// Loader reads the entity of a resource inside the deciding transaction. A
// thing that does not exist is an ark.Unknown fault.
type Loader func(ctx context.Context, q Querier, id string) (Entity, error)

// Decider says whether actor may do action on resource. A refusal is an
// ark.Forbidden, Lapsed or Unsigned fault that names the policy. Decide must
// refuse what it does not know.
type Decider interface {
	Decide(ctx context.Context, d Decision) error
}

// Decision is a question to the Decider. User is the actor's own entity, the
// zero Entity for the system and for nobody.
type Decision struct {
	Now      time.Time
	Actor    Actor
	User     Entity
	Action   string
	Resource Entity
}

// Event is what a change leaves in the ledger: its type, the ids it is about
// and a body for those entitled to read it. Neither may hold a row value, a
// direct identifier, free text or a file name from a workspace.
type Event struct {
	Type     string
	Project  string   // prj_… when the act belongs to a project
	Subjects []string // ids only
	Body     any      // marshalled to JSON, sealed, erasable
}

// Act is the door. It authorises, runs change, records change's events and
// commits, all in one transaction; on any error nothing of it stays. A refusal
// is recorded and returned. A change that returns no event is an error: what
// is not recorded did not happen.
func (s *Store) Act(ctx context.Context, actor Actor, action string, r Resource, change func(*Tx) ([]Event, error)) error {
	req, _ := ctx.Value(requestKey{}).(*Request)
	if req != nil && req.Actor != actor.Name() {
		req = nil
	}
	return s.act(ctx, actor, action, r, req, func(tx *Tx) ([]Event, error) {
		events, err := change(tx)
		if err != nil {
			return nil, err
		}
		return events, tx.useStepUp(ctx, actor, action, r)
	})
}

// act is Act for a request, if there is one.
func (s *Store) act(ctx context.Context, actor Actor, action string, r Resource, req *Request, change func(*Tx) ([]Event, error)) error {
	tx, err := s.begin(ctx, actor, action)
	if err != nil {
		return err
	}
	defer tx.rollback()
	entity, err := s.decide(ctx, tx, actor, action, r)
	if err != nil {
		tx.rollback()
		s.recordRefusal(ctx, actor, action, r, err)
		return err
	}
	tx.entity = entity
	if req != nil {
		if err := req.fresh(ctx, tx); err != nil {
			return err
		}
	}
	events, err := change(tx)
	if err != nil {
		return err
	}
	if len(events) == 0 {
		return fmt.Errorf("store: %s changed something and recorded nothing", action)
	}
	tx.what += "/" + events[0].Type
	for _, e := range events {
		if err := tx.record(ctx, e); err != nil {
			return err
		}
	}
	if req != nil {
		if err := req.claim(ctx, tx, events); err != nil {
			return err
		}
	}
	if err := tx.commit(ctx); err != nil {
		return err
	}
	if req != nil {
		req.claimed = true
	}
	return nil
}

// Access records that actor reads restricted bytes of r, after authorising it.
// The bytes may be handed out only when it returns nil.
func (s *Store) Access(ctx context.Context, actor Actor, action string, r Resource, project string, subjects ...string) error {
	return s.act(ctx, actor, action, r, nil, func(tx *Tx) ([]Event, error) { // looking may be repeated
		return []Event{{Type: "access." + action, Project: project, Subjects: append([]string{r.ID}, subjects...)}}, nil
	})
}

// Check is the decision Act would take, without acting or recording: for a
// greyed button and its reason.
func (s *Store) Check(ctx context.Context, actor Actor, action string, r Resource) error {
	return s.View(ctx, func(q Querier) error { return s.CheckIn(ctx, q, actor, action, r) })
}

// CheckIn is Check inside a View the caller already holds.
func (s *Store) CheckIn(ctx context.Context, q Querier, actor Actor, action string, r Resource) error {
	_, err := s.decide(ctx, q, actor, action, r)
	return err
}

// decide loads the resource and the user, asks the Decider, and returns the
// resource's entity when the answer is yes.
func (s *Store) decide(ctx context.Context, q Querier, actor Actor, action string, r Resource) (Entity, error) {
	load, ok := s.cfg.Entities[r.Type]
	if !ok {
		return Entity{}, ark.Faultf(ark.Forbidden, "nothing is known about things of the kind %q", r.Type)
	}
	e, err := load(ctx, q, r.ID)
	if err != nil {
		return Entity{}, err
	}
	e.Type, e.ID = r.Type, r.ID
	var user Entity
	if actor.User != "" {
		load, ok := s.cfg.Entities["User"]
		if !ok {
			return Entity{}, ark.Faultf(ark.Forbidden, "nothing is known about users")
		}
		if user, err = load(ctx, q, actor.User); err != nil {
			return Entity{}, ark.Faultf(ark.Unsigned, "this account is not known here").Do("sign in again, or ask the operator").Because(err)
		}
	}
	if actor, err = actor.forThis(ctx, q, action, r); err != nil {
		return Entity{}, err
	}
	return e, s.cfg.Decider.Decide(ctx, Decision{Now: s.Now(), Actor: actor, User: user, Action: action, Resource: e})
}

// recordRefusal writes the refusal in a transaction of its own. Refusals of
// people who are not signed in are counted per day and action, so that nobody
// can grow the ledger from outside. A refusal that cannot be recorded stays a
// refusal.
func (s *Store) recordRefusal(ctx context.Context, actor Actor, action string, r Resource, cause error) {
	ctx = context.WithoutCancel(ctx)
	tx, err := s.begin(ctx, actor, "refusal")
	if err != nil {
		return
	}
	defer tx.rollback()
	if actor.User == "" && actor.System == "" {
		_, err = tx.ExecContext(ctx, `INSERT INTO anonymous_refusals (day, action, n) VALUES ($1,$2,1) ON CONFLICT (day, action) DO UPDATE SET n = anonymous_refusals.n + 1`,
			s.Now().Format(time.DateOnly), action)
	} else if ark.Is(cause, ark.Unknown) {
		return // nothing of that name: there is nothing to record it against
	} else {
		policy := ""
		if f, ok := cause.(*ark.Fault); ok {
			policy = f.Policy
		}
		err = tx.record(ctx, Event{Type: "refused", Subjects: []string{r.ID}, Body: map[string]string{"action": action, "policy": policy, "kind": ark.KindOf(cause).String()}})
	}
	if err == nil {
		_ = tx.commit(ctx)
	}
}

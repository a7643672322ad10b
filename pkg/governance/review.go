package governance

import (
	"context"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/store"
)

// Verdict is what a custodian decides.
type Verdict struct {
	Decision   string   `json:"decision"` // "approved", "changes-requested" or "refused"
	Reason     string   `json:"reason"`
	Conditions []string `json:"conditions"`

	Airlock VerdictTerms `json:"airlock,omitzero"`
}

// Decide records a custodian's decision. Asking for changes returns the
// application at once; a refusal ends it when the application is
// all-or-nothing or nobody is left who might approve, and otherwise carves out
// that organisation's rows. When nobody is left to wait for, the permit is
// issued by a job of the system.
func (r *Room) Decide(ctx context.Context, actor store.Actor, review string, v Verdict) error {
	if v.Decision != "approved" && strings.TrimSpace(v.Reason) == "" {
		return ark.Faultf(ark.Invalid, "a decision that is not an approval needs its reason").At("", 0, "reason").Do("say why, and what would change it")
	}
	if len(v.Reason) > maxText {
		return ark.Faultf(ark.TooMuch, "the reason is longer than %d characters", maxText).At("", 0, "reason").Do("shorten it")
	}
	if len(v.Conditions) > 50 || slices.ContainsFunc(v.Conditions, func(c string) bool { return len(c) > maxText }) {
		return ark.Faultf(ark.TooMuch, "a decision takes at most 50 conditions of %d characters each", maxText).At("", 0, "conditions").Do("shorten them")
	}
	if err := v.Airlock.check(); err != nil {
		return err
	}
	return r.St.Act(ctx, actor, "review.decide", store.Resource{Type: "Review", ID: review}, func(tx *store.Tx) ([]store.Event, error) {
		rev, err := reviews.Get(ctx, tx, review)
		if err != nil {
			return nil, err
		}
		if err := r.review.Move(rev.State, v.Decision, "review.decide"); err != nil {
			return nil, err
		}
		p, err := projects.Get(ctx, tx, rev.Project)
		if err != nil {
			return nil, err
		}
		if p.State != "in-review" || p.Application != rev.Application {
			return nil, r.project.Refusal(p.State)
		}
		if err := r.delegationHolds(ctx, tx, actor, rev); err != nil {
			return nil, err
		}
		rev.State, rev.Reason, rev.Conditions, rev.Airlock, rev.By, rev.Decided = v.Decision, v.Reason, v.Conditions, v.Airlock, actor.User, tx.Now()
		if err := reviews.Update(ctx, tx, rev); err != nil {
			return nil, err
		}
		decided := store.Event{Type: "review." + v.Decision, Project: p.ID, Subjects: []string{p.ID, rev.Application, rev.ID, rev.Org}, Body: v}
		events, err := r.afterDecision(ctx, tx, p, v)
		return append([]store.Event{decided}, events...), err
	})
}

// delegationHolds refuses a committee whose delegation ran out since it was asked.
func (r *Room) delegationHolds(ctx context.Context, tx *store.Tx, actor store.Actor, rev *Review) error {
	if rev.Delegation == "" {
		return nil
	}
	d, err := delegations.Get(ctx, tx, rev.Delegation)
	if err != nil {
		return err
	}
	u, err := users.Get(ctx, tx, actor.User)
	if err != nil {
		return err
	}
	if u.Org == d.Committee && !d.InForce(tx.Now()) {
		return ark.Faultf(ark.Lapsed, "the delegation to your committee does not hold any more").Do("the organisation itself has to decide, or delegate again")
	}
	return nil
}

func (r *Room) afterDecision(ctx context.Context, tx *store.Tx, p *Project, v Verdict) ([]store.Event, error) {
	if v.Decision == "changes-requested" {
		return r.move(ctx, tx, p.ID, "changes-requested", "review.decide", "")
	}
	all, err := reviews.Where(ctx, tx, "application = $1", p.Application)
	if err != nil {
		return nil, err
	}
	waiting, approved := 0, 0
	for _, x := range all {
		switch x.State {
		case "waiting":
			waiting++
		case "approved":
			approved++
		}
	}
	a, err := applications.Get(ctx, tx, p.Application)
	if err != nil {
		return nil, err
	}
	if v.Decision == "refused" && (a.AllOrNothing || waiting+approved == 0) {
		return r.move(ctx, tx, p.ID, "rejected", "review.decide", v.Reason)
	}
	if waiting > 0 {
		return nil, nil
	}
	_, err = tx.Enqueue(ctx, "issue-permit", "control", p.ID, map[string]string{"project": p.ID})
	return nil, err
}

// IssuePermit makes the permit of an application that every custodian has
// decided on, and has its extract cut. It runs as a job of the system and is
// idempotent.
func (r *Room) IssuePermit(ctx context.Context, project string) error {
	actor := store.Actor{System: "governance"}
	checkpoint, err := r.Checkpoint(ctx)
	if err != nil {
		return err
	}
	return r.St.Act(ctx, actor, "permit.issue", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
		p, err := projects.Get(ctx, tx, project)
		if err != nil {
			return nil, err
		}
		if p.State == "approved" || p.State == "active" {
			return []store.Event{{Type: "permit.already-issued", Project: p.ID, Subjects: []string{p.ID}}}, nil
		}
		if err := r.project.Move(p.State, "approved", "permit.issue"); err != nil {
			return nil, err
		}
		permit, err := r.draftPermit(ctx, tx, p, checkpoint)
		if err != nil {
			return nil, err
		}
		if err := permits.Insert(ctx, tx, permit); err != nil {
			return nil, err
		}
		p.State, p.StateSince, p.Permit = "approved", tx.Now(), permit.ID
		if err := projects.Update(ctx, tx, p); err != nil {
			return nil, err
		}
		if _, err := tx.Enqueue(ctx, "start-cut", "control", p.ID, map[string]string{"permit": permit.ID}); err != nil {
			return nil, err
		}
		return []store.Event{{Type: "permit.issued", Project: p.ID, Subjects: []string{p.ID, permit.ID}, Body: permit}}, nil
	})
}

func (r *Room) draftPermit(ctx context.Context, tx *store.Tx, p *Project, checkpoint string) (*Permit, error) {
	a, err := applications.Get(ctx, tx, p.Application)
	if err != nil {
		return nil, err
	}
	all, err := reviews.Where(ctx, tx, "application = $1", a.ID)
	if err != nil {
		return nil, err
	}
	permit := &Permit{ID: tx.NewID(ark.PrefixPermit), Project: p.ID, Application: a.ID, Purposes: a.Purposes, OptOut: a.OptOut, Restricted: a.Restricted, Refresh: a.Refresh,
		Outputs: a.ExpectedOutputs, Destination: a.Destination, Checkers: 2, Conditions: []string{}, From: a.From, Until: a.Until,
		Issued: tx.Now(), Checkpoint: checkpoint}
	var refused []string
	for _, rev := range all {
		switch rev.State {
		case "approved":
			permit.Conditions = append(permit.Conditions, rev.Conditions...)
			permit.addTerms(rev.Org, rev.Airlock)
		case "refused":
			refused = append(refused, rev.Org)
		default:
			return nil, ark.Faultf(ark.Conflict, "a custodian has not decided yet, so no permit can be issued")
		}
	}
	for _, id := range a.Members {
		u, err := users.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		permit.Holders = append(permit.Holders, Holder{User: u.ID, Human: u.Human})
	}
	profiles := []string{}
	for _, ask := range a.Asks {
		d, err := catalogue.GetDataset(ctx, tx, ask.Dataset)
		if err != nil {
			return nil, err
		}
		g := Grant{Dataset: ask.Dataset, Version: ask.Version, Variables: ask.Variables, Filters: ask.Filters, Without: []string{}}
		if ask.Version != "" {
			v, err := catalogue.GetVersion(ctx, tx, ask.Version)
			if err != nil {
				return nil, err
			}
			g.Edition = v.Major
		}
		for _, o := range refused {
			if slices.Contains(d.Orgs, o) {
				g.Without = append(g.Without, o)
			}
		}
		permit.Grants = append(permit.Grants, g)
		if !slices.Contains(profiles, d.Profile) {
			profiles = append(profiles, d.Profile)
		}
	}
	slices.Sort(profiles)
	permit.Profile = strings.Join(profiles, "+")
	hash, err := permit.ComputeHash()
	permit.Hash = hash
	return permit, err
}

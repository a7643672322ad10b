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

// Standing is a released output whose specification is approved to run again
// on each new version of its data: each run is checked and differenced like any
// request, confirmed by one checker, and sent to the named recipients.
type Standing struct {
	ID          string      `json:"id"`
	Project     string      `json:"project"`
	Permit      string      `json:"permit"` // an amended permit pauses it
	Release     string      `json:"release"`
	Author      string      `json:"author"`
	State       string      `json:"state"`
	StateSince  time.Time   `json:"state_since"`
	Says        string      `json:"says,omitempty"` // why it is paused, declined or ended
	Title       string      `json:"title"`          // unreviewed until it is approved, as is Use
	Use         string      `json:"use"`            // who acts on it, and how
	Name        string      `json:"name"`           // of the file of each run; reviewed with the release
	Spec        objects.Ref `json:"spec"`
	Group       Group       `json:"group"` // the context that each run is submitted with
	Destination string      `json:"destination"`
	Profile     string      `json:"profile"`
	Recipients  []string    `json:"recipients"`
	Approvals   []Approval  `json:"approvals"`
	Reviewed    bool        `json:"reviewed"` // a checker has approved what its author wrote
	Created     time.Time   `json:"created"`
}

// Approval is one person's consent to a standing output.
type Approval struct {
	As    string    `json:"as"` // AsChecker or AsCustodian
	By    string    `json:"by"`
	Human string    `json:"human"`
	At    time.Time `json:"at"`
}

// Who approves a standing output: always an output checker, and a custodian
// concerned where somebody receives it whom the permit does not name.
const (
	AsChecker   = "checker"
	AsCustodian = "custodian"
)

// maxRecipients is how many users one standing output may be sent to.
const maxRecipients = 20

var standings = store.Docs[Standing]{Table: "standing_outputs", Noun: "standing output", Keys: []string{"project", "state"},
	Of: func(s *Standing) (string, []any) { return s.ID, []any{s.Project, s.State} }}

// UnreadTitle stands for the name of a standing output that no checker has read.
const UnreadTitle = "A standing output that no output checker has read yet"

// For is the standing output as a user may read it: what its author wrote began
// with somebody who saw the rows, so until an output checker has approved it
// only its author and output checkers do.
func (s Standing) For(user string, checker bool) Standing {
	if !s.Reviewed && !checker && user != s.Author {
		s.Title, s.Use, s.Group = UnreadTitle, "", Group{}
	}
	return s
}

func onStanding(id string) store.Resource { return store.Resource{Type: "Standing", ID: id} }

func loadStanding(ctx context.Context, q store.Querier, id string) (store.Entity, error) {
	s, err := standings.Get(ctx, q, id)
	if err != nil {
		return store.Entity{}, err
	}
	e, err := governance.LoadProject(ctx, q, s.Project)
	if err != nil {
		return store.Entity{}, err
	}
	author, err := governance.GetUser(ctx, q, s.Author)
	if err != nil {
		return store.Entity{}, err
	}
	receive := s.Recipients
	if !s.Reviewed {
		receive = []string{} // what its author wrote is read by nobody outside yet
	}
	e.Attrs["humans"] = append(e.Attrs["humans"].([]string), author.Human)
	e.Attrs["author"], e.Attrs["recipients"], e.Attrs["state"] = s.Author, receive, s.State
	return e, nil
}

func (s *Standing) event(kind string, body any) store.Event {
	return store.Event{Type: kind, Project: s.Project, Subjects: []string{s.ID, s.Project}, Body: body}
}

// needs lists whose approval a standing output still lacks.
func (s *Standing) needs(permit *governance.Permit) []string {
	need := []string{AsChecker}
	if slices.ContainsFunc(s.Recipients, func(u string) bool { return !permit.Names(u) }) {
		need = append(need, AsCustodian)
	}
	return slices.DeleteFunc(need, func(as string) bool {
		return slices.ContainsFunc(s.Approvals, func(a Approval) bool { return a.As == as })
	})
}

// Proposal is what an author asks: which file of a release shall be made again,
// for whom, and what they do with it.
type Proposal struct {
	File       int      `json:"file"` // its number in the release
	Title      string   `json:"title"`
	Use        string   `json:"use"`
	Recipients []string `json:"recipients"`
}

func (p Proposal) check() error {
	switch {
	case strings.TrimSpace(p.Title) == "" || len(p.Title) > maxName:
		return ark.Faultf(ark.Invalid, "give it a name of at most %d characters", maxName).At("", 0, "title")
	case len(strings.TrimSpace(p.Use)) < minContext || len(p.Use) > maxText:
		return ark.Faultf(ark.Invalid, "say who acts on it, and how").At("", 0, "use").Do("a sentence or two: what is decided by it, how often")
	case len(p.Recipients) == 0:
		return ark.Faultf(ark.Invalid, "name at least one recipient").At("", 0, "recipients")
	case len(p.Recipients) > maxRecipients:
		return ark.Faultf(ark.TooMuch, "name at most %d recipients", maxRecipients).At("", 0, "recipients")
	}
	return nil
}

// Propose asks that a released output, whose specification was submitted with
// it, be made again on each new version. The airlock's worker first tries
// whether it can make it.
func (x *Room) Propose(ctx context.Context, actor store.Actor, release string, p Proposal) (*Standing, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	var s Standing
	err := x.St.Act(ctx, actor, "standing.propose", store.Resource{Type: "Release", ID: release}, func(tx *store.Tx) ([]store.Event, error) {
		rel, err := releases.Get(ctx, tx, release)
		if err != nil {
			return nil, err
		}
		if rel.Frozen {
			return nil, ark.Faultf(ark.Conflict, "this release was frozen, so nothing of it is made again")
		}
		r, err := requests.Get(ctx, tx, rel.Request)
		if err != nil {
			return nil, err
		}
		f, spec, err := r.specified(rel, p.File)
		if err != nil {
			return nil, err
		}
		for _, id := range p.Recipients {
			if u, err := governance.GetUser(ctx, tx, id); err != nil || u.Suspended || u.Has(ark.Checker) {
				return nil, ark.Faultf(ark.Invalid, "one of the recipients has no account in this Ark, or may not receive outputs").At("", 0, "recipients").Do("name users who are active and no output checkers")
			}
		}
		to := slices.Clone(p.Recipients)
		slices.Sort(to)
		s = Standing{ID: tx.NewID(ark.PrefixStanding), Project: r.Project, Permit: r.Permit, Release: rel.ID, Author: actor.User, State: x.standing.Start, StateSince: tx.Now(),
			Title: strings.TrimSpace(p.Title), Use: strings.TrimSpace(p.Use), Name: f.Name, Spec: spec, Group: r.Groups[f.Group], Destination: r.Destination, Profile: r.Profile,
			Recipients: slices.Compact(to), Approvals: []Approval{}, Created: tx.Now()}
		job := MakeJob{Standing: s.ID, Project: s.Project, Profile: s.Profile, Name: s.Name, Spec: s.Spec}
		if x.Data != nil {
			if job.Data, err = x.Data(ctx, tx, r.Extract); err != nil {
				return nil, err
			}
		}
		if _, err := tx.Enqueue(ctx, "make", "airlock", s.ID, job); err != nil {
			return nil, err
		}
		return []store.Event{s.event("standing.proposed", map[string]int{"recipients": len(s.Recipients)})}, standings.Insert(ctx, tx, &s)
	})
	if err != nil {
		return nil, err
	}
	return &s, nil
}

// specified finds a released table and the specification submitted with it.
func (r *Request) specified(rel *Release, ordinal int) (*File, objects.Ref, error) {
	for i := range r.Files {
		f := &r.Files[i]
		if f.Ordinal != ordinal || f.Release != rel.ID {
			continue
		}
		for _, s := range r.Files {
			if s.Name == f.given().Name+SpecSuffix {
				return f, s.Ref, nil
			}
		}
		return nil, objects.Ref{}, ark.Faultf(ark.Conflict, "file %d was released without a specification, so it cannot be made again", ordinal).Do("submit the table with its " + SpecSuffix + " file: see docs/specification.md")
	}
	return nil, objects.Ref{}, ark.Faultf(ark.Unknown, "this release has no such file")
}

// Approve consents, as an output checker or as a custodian concerned. When all
// who are asked have, every new version is run.
func (x *Room) Approve(ctx context.Context, actor store.Actor, id string) error {
	return x.St.Act(ctx, actor, "standing.approve", onStanding(id), func(tx *store.Tx) ([]store.Event, error) {
		s, err := standings.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		u, err := governance.GetUser(ctx, tx, actor.User)
		if err != nil {
			return nil, err
		}
		project, err := governance.GetProject(ctx, tx, s.Project)
		if err != nil {
			return nil, err
		}
		permit, err := governance.GetPermit(ctx, tx, project.Permit)
		if err != nil {
			return nil, err
		}
		if s.State != "proposed" && s.State != "paused" {
			return nil, x.standing.Refusal(s.State)
		}
		if s.Permit != permit.ID {
			s.Permit, s.Destination, s.Profile, s.Approvals = permit.ID, permit.Destination, permit.Profile, []Approval{}
		}
		if slices.ContainsFunc(s.Approvals, func(a Approval) bool { return a.Human == u.Human }) {
			return nil, ark.Faultf(ark.Conflict, "you have approved it already").By("one-human-counts-once")
		}
		as := ""
		for _, n := range s.needs(permit) {
			if n == AsChecker && u.Has(ark.Checker) || n == AsCustodian && u.Has(ark.Custodian) && slices.Contains(project.Orgs, u.Org) {
				as = n
				break
			}
		}
		if as == "" {
			return nil, ark.Faultf(ark.Conflict, "it does not wait for your approval")
		}
		if as == AsCustodian && !s.Reviewed {
			return nil, ark.Faultf(ark.Conflict, "an output checker first reads what its author wrote").Do("approve it after that").By("unreviewed-words-stay-in")
		}
		s.Approvals = append(s.Approvals, Approval{As: as, By: u.ID, Human: u.Human, At: tx.Now()})
		s.Reviewed = s.Reviewed || as == AsChecker
		events := []store.Event{s.event("standing.approved", map[string]string{"as": as})}
		if len(s.needs(permit)) == 0 {
			if err := x.moveStanding(tx, s, "active", "standing.approve", ""); err != nil {
				return nil, err
			}
		}
		return events, standings.Update(ctx, tx, s)
	})
}

func (x *Room) moveStanding(tx *store.Tx, s *Standing, to, action, says string) error {
	if err := x.standing.Move(s.State, to, action); err != nil {
		return err
	}
	s.State, s.StateSince, s.Says = to, tx.Now(), says
	return nil
}

// Decline refuses a proposed standing output.
func (x *Room) Decline(ctx context.Context, actor store.Actor, id, why string) error {
	return x.endStanding(ctx, actor, id, "declined", "standing.decline", why)
}

// EndStanding stops a standing output for good: nothing of it is made again.
func (x *Room) EndStanding(ctx context.Context, actor store.Actor, id, why string) error {
	return x.endStanding(ctx, actor, id, "ended", "standing.end", why)
}

func (x *Room) endStanding(ctx context.Context, actor store.Actor, id, to, action, why string) error {
	if err := reason(why); err != nil {
		return err
	}
	return x.St.Act(ctx, actor, action, onStanding(id), func(tx *store.Tx) ([]store.Event, error) {
		s, err := standings.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if err := x.moveStanding(tx, s, to, action, why); err != nil {
			return nil, err
		}
		if to == "declined" {
			return []store.Event{s.event("standing.declined", nil)}, standings.Update(ctx, tx, s)
		}
		if err := x.stopRuns(ctx, tx, s.ID, "standing.end", "the standing output was ended"); err != nil {
			return nil, err
		}
		return []store.Event{s.event("standing."+to, nil)}, standings.Update(ctx, tx, s)
	})
}

// GetStanding returns a standing output.
func GetStanding(ctx context.Context, q store.Querier, id string) (*Standing, error) {
	return standings.Get(ctx, q, id)
}

// StandingsOf returns the standing outputs that actor may see, newest first; of
// one project if it is named.
func (x *Room) StandingsOf(ctx context.Context, q store.Querier, actor store.Actor, project string) ([]Standing, error) {
	clause, args := "", []any{}
	if project != "" {
		clause, args = "project = $1", []any{project}
	}
	all, err := standings.Where(ctx, q, clause, args...)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s Standing) bool { return x.St.CheckIn(ctx, q, actor, "standing.read", onStanding(s.ID)) != nil })
	slices.Reverse(all)
	return all, nil
}

// Lacks lists whose approval a standing output waits for.
func (s *Standing) Lacks(ctx context.Context, q store.Querier) ([]string, error) {
	project, err := governance.GetProject(ctx, q, s.Project)
	if err != nil || project.Permit == "" || s.State != "proposed" && s.State != "paused" {
		return nil, err
	}
	permit, err := governance.GetPermit(ctx, q, project.Permit)
	if err != nil {
		return nil, err
	}
	fresh := *s
	if s.Permit != permit.ID {
		fresh.Approvals = nil
	}
	return fresh.needs(permit), nil
}

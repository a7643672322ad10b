package airlock

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// Phase is who works on a request and what they see of each other.
type Phase string

// The phases.
const (
	PhaseAuthor      Phase = "author"      // with the author, or with the automatic checks
	PhaseIndependent Phase = "independent" // checkers see only their own votes and comments
	PhaseOpen        Phase = "open"        // checkers see each other's
	PhaseComplete    Phase = "complete"
)

// Phase returns the request's phase.
func (r *Request) Phase() Phase { return phaseOf(r.State) }

func phaseOf(state string) Phase {
	switch state {
	case "submitted", "partly-reviewed":
		return PhaseIndependent
	case "reviewed":
		return PhaseOpen
	case "checking", "blocked", "contested", "returned", "held", "appealed":
		return PhaseAuthor
	default:
		return PhaseComplete
	}
}

// Viewer is who looks: the author, or a checker. Access has been authorised;
// View only hides what the phase hides.
type Viewer struct {
	User    string
	Checker bool
	Signer  bool // somebody whose sign-off or waiver it waits for
}

// viewer is how u looks at the request.
func (r *Request) viewer(u *governance.User) Viewer {
	checker := u.ID != r.Author && slices.Contains(u.Roles, ark.Checker)
	return Viewer{User: u.ID, Checker: checker, Signer: u.ID != r.Author && !checker}
}

// View is what one viewer may see of a request. Author and checkers appear as
// "author", "checker 1" and so on, except that a viewer is "you".
type View struct {
	ID          string        `json:"id"`
	Project     string        `json:"project"`
	Workspace   string        `json:"workspace,omitempty"`
	State       string        `json:"state"`
	Phase       Phase         `json:"phase"`
	Round       int           `json:"round"`
	Destination string        `json:"destination"`
	Profile     string        `json:"profile"`
	Checkers    int           `json:"checkers"`
	Created     time.Time     `json:"created"`
	StateSince  time.Time     `json:"state_since"`
	Groups      []Group       `json:"groups"`
	Files       []FileView    `json:"files"`
	Comments    []CommentView `json:"comments"`
	YouFinished bool          `json:"you_finished"`
	Finished    int           `json:"finished"` // reviews finished, 0 while that is hidden
	Release     string        `json:"release,omitempty"`
	Says        string        `json:"says,omitempty"`
	Author      bool          `json:"author"` // the viewer is the author

	Calibration bool `json:"calibration,omitempty"` // told when all have finished

	Permit   string       `json:"permit,omitempty"`
	Class    string       `json:"class,omitempty"`
	Apart    bool         `json:"apart,omitempty"`
	Due      time.Time    `json:"due,omitzero"`
	Releases []string     `json:"releases,omitempty"`
	Earlier  []Round      `json:"earlier,omitempty"`
	Signs    []SignView   `json:"signs,omitempty"`
	Contest  *ContestView `json:"contest,omitempty"`
	Appeal   *AppealView  `json:"appeal,omitempty"`
	You      string       `json:"you,omitempty"` // "author", "checker" or "signer"
}

// SignView is a sign-off that the permit asks for.
type SignView struct {
	As   string    `json:"as"`
	Done bool      `json:"done"`
	Yes  bool      `json:"yes"`
	Says string    `json:"says,omitempty"`
	At   time.Time `json:"at,omitzero"`
}

// ContestView is the last contest. Opinions show when it is decided, one's own
// before.
type ContestView struct {
	Reason  string   `json:"reason"`
	Need    []string `json:"need,omitempty"` // organisations that have to waive
	Outcome string   `json:"outcome,omitempty"`
	Says    []string `json:"says,omitempty"`
	Yours   bool     `json:"yours"` // you have given your opinion
}

// AppealView is the last appeal.
type AppealView struct {
	Reason  string `json:"reason"`
	Outcome string `json:"outcome,omitempty"`
	Says    string `json:"says,omitempty"`
	Yours   bool   `json:"yours"` // you decide on it
}

// FileView is a file with what the viewer may know of the votes on it.
type FileView struct {
	File
	YourVote string            `json:"your_vote,omitempty"`
	Decision string            `json:"decision,omitempty"`
	Votes    map[string]string `json:"votes,omitempty"` // "checker 1" → vote
}

// CommentView is a comment with its author's name as the viewer may know it.
type CommentView struct {
	Comment
	By string `json:"by"`
}

// shown is the state as one may see it whose own review is mine, nil for none:
// in the independent phase it says nothing of the other checkers.
func (r *Request) shown(mine *CheckerReview) (state string, since time.Time) {
	switch {
	case r.Phase() != PhaseIndependent:
		return r.State, r.StateSince
	case mine != nil && !mine.Done.IsZero():
		return "partly-reviewed", mine.Done
	default:
		return "submitted", r.Offered
	}
}

// reviewOf returns a user's review of this round, nil if there is none.
func (r *Request) reviewOf(user string) *CheckerReview {
	for i := range r.Reviews {
		if r.Reviews[i].Round == r.Round && r.Reviews[i].Checker == user {
			return &r.Reviews[i]
		}
	}
	return nil
}

// View returns what v may see. To the author the state partly-reviewed looks
// like submitted, and nothing of the current round shows until it is returned
// or complete; a checker who has not finished sees only their own.
func (r *Request) View(v Viewer) View {
	out := View{ID: r.ID, Project: r.Project, State: r.State, Phase: r.Phase(), Round: r.Round, Destination: r.Destination, Profile: r.Profile,
		Checkers: r.Checkers, Created: r.Created, Groups: r.Groups, Release: r.Release, Author: v.User == r.Author,
		Files: []FileView{}, Comments: []CommentView{}}
	if out.Author {
		out.Workspace = r.Workspace
	}
	out.State, out.StateSince = r.shown(r.reviewOf(v.User))
	names := r.names(v)
	hides := r.hides()
	hidden := hides == PhaseIndependent || hides == PhaseOpen && (out.Author || out.State == "held") || r.State == "held"
	if !v.Checker && !out.Author && !v.Signer {
		return View{ID: r.ID, Project: r.Project, State: out.State, Phase: out.Phase} // neither: ordinals only
	}
	switch {
	case r.State == "rejected", r.State == "reviewed" && !out.Author, r.State == "blocked":
		out.Says = r.Says
	case r.Recounted == r.Round && v.Checker && reviewable(r.State):
		out.Says = recountedSays
	}
	r.more(&out, v)
	for _, f := range r.Files {
		fv := FileView{File: f}
		if !v.Checker {
			fv.Findings = forAuthor(f.Findings)
		}
		for _, rev := range r.Reviews {
			if rev.Round != r.Round {
				continue
			}
			if rev.Checker == v.User {
				fv.YourVote = rev.Votes[f.ID]
			}
			if !hidden && v.Checker && !rev.Done.IsZero() {
				if fv.Votes == nil {
					fv.Votes = map[string]string{}
				}
				fv.Votes[names[rev.Checker]] = rev.Votes[f.ID]
			}
		}
		if !hidden {
			fv.Decision = r.Decision(f)
			if out.Author && fv.Decision == Conflicted {
				fv.Decision = Changes
			}
		}
		out.Files = append(out.Files, fv)
	}
	for _, rev := range r.Reviews {
		if rev.Round != r.Round || rev.Done.IsZero() {
			continue
		}
		if rev.Checker == v.User {
			out.YouFinished = true
		}
		if !hidden {
			out.Finished++
		}
	}
	for _, c := range r.Comments {
		if r.maySee(v, c) {
			by := names[c.Author]
			if c.Author != v.User {
				c.Author = "" // who it was stays unknown, by id as by name
			}
			if c.ResolvedBy != "" {
				c.ResolvedBy = names[c.ResolvedBy]
			}
			out.Comments = append(out.Comments, CommentView{Comment: c, By: by})
		}
	}
	return out
}

// more fills in what the phase does not hide.
func (r *Request) more(out *View, v Viewer) {
	out.Class, out.Apart, out.Due, out.Releases = r.Class, r.Apart, r.due(), r.Releases
	out.Permit = r.Permit
	out.Calibration = r.Calibration && (out.Author || r.State == "reviewed" || r.hides() == PhaseComplete)
	for _, e := range r.Earlier {
		e.Files = slices.Clone(e.Files)
		for i := range e.Files {
			if !v.Checker {
				e.Files[i].Findings = forAuthor(e.Files[i].Findings)
			}
		}
		out.Earlier = append(out.Earlier, e)
	}
	out.You = map[bool]string{true: "checker", false: "signer"}[v.Checker]
	if out.Author {
		out.You = "author"
	}
	for _, need := range r.NeedSigns {
		s := SignView{As: need}
		for _, x := range r.Signs {
			if x.As == need && x.Round == r.Round {
				s.Done, s.Yes, s.At = true, x.Yes, x.At
				if !out.Author {
					s.Says = x.Says
				}
			}
		}
		if out.Author && r.hides() != PhaseComplete {
			s.Done, s.Yes, s.At = false, false, time.Time{}
		}
		out.Signs = append(out.Signs, s)
	}
	if n := len(r.Contests); n > 0 {
		c := r.Contests[n-1]
		w := ContestView{Reason: c.Reason, Outcome: c.Outcome, Need: c.Need}
		for _, o := range c.Opinion {
			w.Yours = w.Yours || o.By == v.User
			if c.Outcome != "" {
				w.Says = append(w.Says, o.Says)
			}
		}
		out.Contest = &w
	}
	if n := len(r.Appeals); n > 0 {
		a := r.Appeals[n-1]
		out.Appeal = &AppealView{Reason: a.Reason, Outcome: a.Outcome, Says: a.Says, Yours: a.Arbiter == v.User}
	}
}

// maySee hides comments of checkers from each other in the independent phase,
// and from the author until the round is over; private ones always. A round
// that a hold cut short stays as blind as it was until the request is settled.
func (r *Request) maySee(v Viewer, c Comment) bool {
	if c.Author == v.User {
		return true
	}
	hides := r.hides()
	live := c.Round == r.Round && (hides == PhaseIndependent || hides == PhaseOpen) || slices.Contains(r.Cut, c.Round) && !r.settled()
	apart := live && hides != PhaseOpen
	switch {
	case r.authored(c.Author):
		return true
	case v.User == r.Author:
		return c.Public && !live
	case v.Checker:
		return !apart
	default:
		return v.Signer && c.Public && !apart
	}
}

// names numbers the checkers in the order they first took part, round by
// round, so that what is hidden in the current round moves no earlier number.
func (r *Request) names(v Viewer) map[string]string {
	out := map[string]string{r.Author: "author"}
	for _, f := range r.Former {
		out[f] = "author"
	}
	n := 0
	name := func(user string) {
		if _, ok := out[user]; !ok {
			n++
			out[user] = fmt.Sprintf("checker %d", n)
		}
	}
	for round := 1; round <= r.Round; round++ {
		for _, rev := range r.Reviews {
			if rev.Round == round {
				name(rev.Checker)
			}
		}
		for _, c := range r.Comments {
			if c.Round == round {
				name(c.Author)
			}
		}
	}
	out[v.User] = "you"
	return out
}

// ViewOf authorises actor to read the request and returns what they may see.
func (x *Room) ViewOf(ctx context.Context, actor store.Actor, request string) (View, error) {
	var out View
	err := x.St.View(ctx, func(q store.Querier) error {
		if err := x.St.CheckIn(ctx, q, actor, "request.read", resource(request)); err != nil {
			return err
		}
		r, err := requests.Get(ctx, q, request)
		if err != nil {
			return err
		}
		u, err := governance.GetUser(ctx, q, actor.User)
		if err != nil {
			return err
		}
		out = r.View(r.viewer(u))
		return nil
	})
	return out, err
}

// OpenFile authorises and records that actor looks at a submitted file, and
// returns it for the airlock worker to open.
func (x *Room) OpenFile(ctx context.Context, actor store.Actor, request, file string) (*File, error) {
	var out *File
	err := x.St.Act(ctx, actor, "file.view", resource(request), func(tx *store.Tx) ([]store.Event, error) {
		r, err := requests.Get(ctx, tx, request)
		if err != nil {
			return nil, err
		}
		if out, err = r.anyFile(file); err != nil {
			return nil, err
		}
		detail := map[string]int{"file": out.Ordinal, "round": r.Round}
		if actor.User == r.Author {
			return []store.Event{r.event("access.file.view", detail)}, nil
		}
		return []store.Event{r.blindEvent("access.file.view", detail)}, nil
	})
	return out, err
}

// RequestsOf returns the views of an author's own requests, newest last.
func (x *Room) RequestsOf(ctx context.Context, q store.Querier, author string) ([]View, error) {
	return x.ownRequests(ctx, q, author, "author = $1")
}

// RequestsWith returns those of an author's requests that are the author's to
// act on, newest last.
func (x *Room) RequestsWith(ctx context.Context, q store.Querier, author string) ([]View, error) {
	var states []string
	for name, s := range x.machine.States {
		if s.Owner == "author" {
			states = append(states, "'"+name+"'") // names of our own, from the policies
		}
	}
	slices.Sort(states)
	return x.ownRequests(ctx, q, author, "author = $1 AND state IN ("+strings.Join(states, ",")+")")
}

func (x *Room) ownRequests(ctx context.Context, q store.Querier, author, clause string) ([]View, error) {
	all, err := requests.Where(ctx, q, clause, author)
	if err != nil {
		return nil, err
	}
	out := make([]View, len(all))
	for i := range all {
		out[i] = all[i].View(Viewer{User: author})
	}
	return out, nil
}

// anyFile finds a file of this round or of an earlier one.
func (r *Request) anyFile(id string) (*File, error) {
	for i := range r.Earlier {
		for j := range r.Earlier[i].Files {
			if r.Earlier[i].Files[j].ID == id {
				return &r.Earlier[i].Files[j], nil
			}
		}
	}
	return r.file(id)
}

package airlock

import (
	"context"
	"fmt"
	"time"

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
func (r *Request) Phase() Phase {
	switch r.State {
	case "submitted", "partly-reviewed":
		return PhaseIndependent
	case "reviewed":
		return PhaseOpen
	case "checking", "blocked", "returned":
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
	hidden := out.Phase == PhaseIndependent || out.Phase == PhaseOpen && out.Author
	if !v.Checker && !out.Author {
		return View{ID: r.ID, Project: r.Project, State: out.State, Phase: out.Phase} // neither: ordinals only
	}
	if r.State == "rejected" || r.State == "reviewed" && !out.Author {
		out.Says = r.Says
	}
	for _, f := range r.Files {
		fv := FileView{File: f}
		for _, rev := range r.Reviews {
			if rev.Round != r.Round {
				continue
			}
			if rev.Checker == v.User {
				fv.YourVote = rev.Votes[f.ID]
			}
			if !hidden && !out.Author && !rev.Done.IsZero() {
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
			out.Comments = append(out.Comments, CommentView{Comment: c, By: by})
		}
	}
	return out
}

// maySee hides comments of checkers from each other in the independent phase,
// and from the author until the round is over; private ones always.
func (r *Request) maySee(v Viewer, c Comment) bool {
	if c.Author == v.User {
		return true
	}
	current := c.Round == r.Round && (r.Phase() == PhaseIndependent || r.Phase() == PhaseOpen)
	if v.User == r.Author {
		return c.Public && !current
	}
	if c.Author == r.Author {
		return true
	}
	return v.Checker && !(current && r.Phase() == PhaseIndependent)
}

// names numbers the checkers in the order they first took part, round by
// round, so that what is hidden in the current round moves no earlier number.
func (r *Request) names(v Viewer) map[string]string {
	out := map[string]string{r.Author: "author"}
	name := func(user string) {
		if _, ok := out[user]; !ok {
			out[user] = fmt.Sprintf("checker %d", len(out))
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
		out = r.View(Viewer{User: actor.User, Checker: actor.User != r.Author})
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
		if out, err = r.file(file); err != nil {
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

// QueueLine is a request as the queue shows it: nothing that its author wrote.
type QueueLine struct {
	ID         string    `json:"id"`
	Project    string    `json:"project"`
	State      string    `json:"state"`
	Round      int       `json:"round"`
	Outputs    int       `json:"outputs"`
	Supporting int       `json:"supporting"`
	Findings   int       `json:"findings"`
	Worst      string    `json:"worst"` // verdict of the worst file
	Since      time.Time `json:"since"`
	Yours      string    `json:"yours"` // "", "started", "finished"
}

// Queue returns the requests under review that user may check, oldest first.
// How far other checkers are stays hidden: a half-reviewed request looks like
// an unreviewed one to those who have not finished it.
func (x *Room) Queue(ctx context.Context, q store.Querier, actor store.Actor) ([]QueueLine, error) {
	all, err := requests.Where(ctx, q, "state IN ('submitted','partly-reviewed','reviewed')")
	if err != nil {
		return nil, err
	}
	var out []QueueLine
	for i := range all {
		r := &all[i]
		if x.St.CheckIn(ctx, q, actor, "request.vote", resource(r.ID)) != nil {
			continue
		}
		out = append(out, r.line(actor.User))
	}
	return out, nil
}

func (r *Request) line(user string) QueueLine {
	l := QueueLine{ID: r.ID, Project: r.Project, Round: r.Round, Worst: "pass"}
	mine := r.reviewOf(user)
	l.State, l.Since = r.shown(mine)
	if mine != nil {
		l.Yours = "started"
		if !mine.Done.IsZero() {
			l.Yours = "finished"
		}
	}
	for _, f := range r.Files {
		if f.Kind == KindOutput {
			l.Outputs++
		} else {
			l.Supporting++
		}
		l.Findings += len(f.Findings)
		if f.Verdict != "pass" {
			l.Worst = f.Verdict
		}
	}
	return l
}

// RequestsOf returns the views of an author's own requests, newest last.
func (x *Room) RequestsOf(ctx context.Context, q store.Querier, author string) ([]View, error) {
	all, err := requests.Where(ctx, q, "author = $1", author)
	if err != nil {
		return nil, err
	}
	out := make([]View, len(all))
	for i := range all {
		out[i] = all[i].View(Viewer{User: author})
	}
	return out, nil
}

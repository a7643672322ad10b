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

// Kinds of notices.
const (
	NoticeWaiting  = "waiting"  // a request came before the checkers
	NoticeSettle   = "settle"   // its checkers have finished and have to settle it
	NoticeAuthor   = "author"   // something was decided for its author
	NoticeNudge    = "nudge"    // nobody has taken it and time runs out
	NoticeIncident = "incident" // a release should not have left

	NoticeDelivered = "delivered" // a standing output has come to its recipients
)

// notice is a message that is still to be sent. It is written in the
// transaction of what it tells of, and holds nothing that an author wrote.
type notice struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"`
	Request string    `json:"request"`
	Release string    `json:"release,omitempty"`
	Input   string    `json:"input,omitempty"`
	Project string    `json:"project"`
	State   string    `json:"state"`
	Class   string    `json:"class,omitempty"`
	Risk    string    `json:"risk,omitempty"`
	Round   int       `json:"round,omitempty"`
	Due     time.Time `json:"due,omitzero"`
	To      []string  `json:"to,omitempty"` // users; none: every checker who may review it
	At      time.Time `json:"at"`
	Sent    int64     `json:"sent"`
}

var notices = store.Docs[notice]{Table: "notices", Noun: "notice", Keys: []string{"kind", "request", "at", "sent"},
	Of: func(n *notice) (string, []any) { return n.ID, []any{n.Kind, n.Request, n.At.Unix(), n.Sent} }}

// Message is what goes out by mail and webhook: project, purpose, destination,
// and not a word that its author wrote.
type Message struct {
	ID          string    `json:"id"`
	Kind        string    `json:"kind"`
	Request     string    `json:"request"`
	Release     string    `json:"release,omitempty"`
	Input       string    `json:"input,omitempty"`
	Project     string    `json:"project"`
	Title       string    `json:"title"`
	Purposes    []string  `json:"purposes"`
	Destination string    `json:"destination"`
	Class       string    `json:"class,omitempty"`
	Risk        string    `json:"risk,omitempty"`
	Round       int       `json:"round,omitempty"`
	Due         time.Time `json:"due,omitzero"`
	Subject     string    `json:"subject"`
	Text        string    `json:"text"`
	To          []string  `json:"-"` // addresses
}

// noticeOf is what a change of state tells, and whom.
func (r *Request) noticeOf(from, to string) (kind string, users []string) {
	switch to {
	case "submitted":
		if from != "held" {
			return NoticeWaiting, nil
		}
	case "reviewed":
		if from == "approved" || from == "held" {
			return "", nil
		}
		for _, rev := range r.Reviews {
			if rev.Round == r.Round && !rev.Done.IsZero() {
				users = append(users, rev.Checker)
			}
		}
		return NoticeSettle, users
	case "returned", "blocked", "rejected", "released":
		return NoticeAuthor, []string{r.Author}
	}
	return "", nil
}

// tell writes the notices of a change.
func (r *Request) tell(ctx context.Context, tx *store.Tx) error {
	for _, m := range r.moved {
		kind, users := r.noticeOf(m[0], m[1])
		if kind == "" || !r.notify {
			continue
		}
		risk, _ := r.risk()
		n := notice{ID: tx.NewID("ntc"), Kind: kind, Request: r.ID, Release: r.Release, Project: r.Project, State: m[1], Class: r.Class, Round: r.Round, Due: r.due(), To: users, At: tx.Now()}
		if kind != NoticeAuthor {
			n.Risk = risk
		}
		if err := notices.Insert(ctx, tx, &n); err != nil {
			return err
		}
	}
	r.moved = nil
	return nil
}

// Nudge writes a notice for every request that nobody has taken and that is due
// within half a day, at most one a day each. It returns how many.
func (x *Room) Nudge(ctx context.Context) (int, error) {
	now := x.St.Now()
	var docs []lineDoc
	err := x.St.View(ctx, func(q store.Querier) (err error) {
		docs, err = lines(ctx, q, `SELECT doc FROM request_lines WHERE claims = 0 AND due < $1 AND id NOT IN (SELECT request FROM notices WHERE kind = 'nudge' AND at > $2) ORDER BY place LIMIT 50`,
			[]any{now.Add(12 * time.Hour).Unix(), now.Add(-24 * time.Hour).Unix()})
		return err
	})
	if err != nil || len(docs) == 0 {
		return 0, err
	}
	return len(docs), x.St.Act(ctx, store.Actor{System: "worker"}, "job.finish", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		for _, d := range docs {
			l := d.Line
			if err := notices.Insert(ctx, tx, &notice{ID: tx.NewID("ntc"), Kind: NoticeNudge, Request: l.ID, Project: l.Project, State: l.State, Class: l.Class, Risk: l.Risk, Round: l.Round, Due: l.Due, At: tx.Now()}); err != nil {
				return nil, err
			}
		}
		return []store.Event{{Type: "airlock.nudged", Body: map[string]int{"requests": len(docs)}}}, nil
	})
}

// Unsent returns the next messages to send, oldest first.
func (x *Room) Unsent(ctx context.Context, origin string) ([]Message, error) {
	var out []Message
	err := x.St.View(ctx, func(q store.Querier) error {
		all, err := notices.Where(ctx, q, "sent = 0")
		if err != nil || len(all) == 0 {
			return err
		}
		users, err := governance.Users(ctx, q)
		if err != nil {
			return err
		}
		for _, n := range all[:min(len(all), 50)] {
			m, err := x.message(ctx, q, n, users, origin)
			if err != nil {
				return err
			}
			out = append(out, m)
		}
		return nil
	})
	return out, err
}

func (x *Room) message(ctx context.Context, q store.Querier, n notice, users []governance.User, origin string) (Message, error) {
	p, err := governance.GetProject(ctx, q, n.Project)
	if err != nil {
		return Message{}, err
	}
	m := Message{ID: n.ID, Kind: n.Kind, Request: n.Request, Release: n.Release, Input: n.Input, Project: p.ID, Title: p.Title, Class: n.Class, Risk: n.Risk, Round: n.Round, Due: n.Due, Purposes: []string{}}
	if p.Permit != "" {
		permit, err := governance.GetPermit(ctx, q, p.Permit)
		if err != nil {
			return Message{}, err
		}
		m.Purposes, m.Destination = permit.Purposes, permit.Destination
	}
	for _, u := range users {
		if u.Suspended || u.Email == "" {
			continue
		}
		to := slices.Contains(n.To, u.ID)
		if n.To == nil {
			to = slices.Contains(u.Roles, ark.Checker) && x.St.CheckIn(ctx, q, store.Actor{User: u.ID}, "request.vote", resource(n.Request)) == nil
		}
		if to {
			m.To = append(m.To, u.Email)
		}
	}
	href := origin + "/queue/" + n.Request
	switch n.Kind {
	case NoticeWaiting:
		m.Subject = "Outputs wait for review: " + p.Title
	case NoticeSettle:
		m.Subject = "Reviewed, to be settled: " + p.Title
	case NoticeNudge:
		m.Subject = "Taken by nobody, due soon: " + p.Title
	case NoticeDelivered:
		m.Subject, href = "A standing output has come: "+p.Title, origin+"/releases/"+n.Release
	case NoticeIncident:
		m.Subject, href = "A release should not have left: "+p.Title, origin+"/releases/"+n.Release
		switch {
		case n.Input != "":
			m.Subject, href = "A file to be brought in was found damaged: "+p.Title, origin+"/inputs/"+n.Input+"/incident"
		case n.Release == "":
			m.Subject, href = "A submitted file was found damaged: "+p.Title, origin+"/incidents/"+n.Request
		}
	default:
		m.Subject, href = "Your outputs are "+strings.ReplaceAll(n.State, "-", " ")+": "+p.Title, origin+"/outputs/"+n.Request
	}
	lines := []string{m.Subject + ".", "", "Project: " + p.Title, "Purposes: " + strings.Join(m.Purposes, ", "), "Goes to: " + m.Destination}
	if m.Risk != "" {
		lines = append(lines, "Risk: "+m.Risk, fmt.Sprintf("Round: %d", m.Round))
	}
	if !m.Due.IsZero() && n.Kind != NoticeAuthor {
		lines = append(lines, "Due: "+m.Due.UTC().Format("2 Jan 2006, 15:04")+" UTC")
	}
	m.Text = strings.Join(append(lines, "", href, ""), "\n")
	return m, nil
}

// MarkSent records that messages went out, so that they do not go out again.
func (x *Room) MarkSent(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	return x.St.Act(ctx, store.Actor{System: "worker"}, "job.finish", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		for _, id := range ids {
			n, err := notices.Get(ctx, tx, id)
			if err != nil {
				return nil, err
			}
			n.Sent = tx.Now().Unix()
			if err := notices.Update(ctx, tx, n); err != nil {
				return nil, err
			}
		}
		return []store.Event{{Type: "airlock.notices-sent", Body: map[string]int{"messages": len(ids)}}}, nil
	})
}

package airlock

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// The queue is a table of its own, written in the transaction of every change
// of a request: a page of it reads fifty short lines, however many wait and
// however large they are.

// QueueLine is a request as the queue shows it: nothing that its author wrote.
type QueueLine struct {
	ID         string    `json:"id"`
	Project    string    `json:"project"`
	Class      string    `json:"class,omitempty"`
	State      string    `json:"state"`
	Round      int       `json:"round"`
	Outputs    int       `json:"outputs"`
	Supporting int       `json:"supporting"`
	Findings   int       `json:"findings"`
	Worst      string    `json:"worst"` // verdict of the worst file
	Risk       string    `json:"risk"`  // high, medium or low
	Since      time.Time `json:"since"`
	Due        time.Time `json:"due"`
	Claimed    []string  `json:"claimed"` // the checkers who took it, by their ids
	Yours      string    `json:"yours"`   // "", "started", "finished"
}

// lineDoc is a stored line: what every viewer sees, and what each viewer's own
// line and the decision on it need.
type lineDoc struct {
	Line    QueueLine           `json:"line"`
	Author  string              `json:"author"`
	Former  []string            `json:"former,omitempty"`
	Arbiter string              `json:"arbiter,omitempty"`
	Offered time.Time           `json:"offered"`
	Own     map[string]*ownDone `json:"own"` // by checker
}

type ownDone struct {
	Done time.Time `json:"done,omitzero"`
}

// How long checkers aim to take, by class.
const (
	outputTarget = 48 * time.Hour
	quickTarget  = 24 * time.Hour
)

// due is when the checkers aim to have decided; zero while it is not theirs.
func (r *Request) due() time.Time {
	switch {
	case !reviewable(r.State) && r.State != "contested" && r.State != "appealed":
		return time.Time{}
	case r.Class == ClassCode || r.Class == ClassStanding || r.State != "submitted" && !reviewable(r.State):
		return r.begun().Add(quickTarget)
	}
	return r.begun().Add(outputTarget)
}

// begun is when the clock of this round began.
func (r *Request) begun() time.Time {
	if reviewable(r.State) {
		return r.Offered
	}
	return r.StateSince
}

// risk weighs what the automatic checks found, and how much sooner a request
// stands in the queue for it.
func (r *Request) risk() (string, time.Duration) {
	findings, worst := 0, "low"
	for _, f := range r.Files {
		findings += len(f.Findings)
		switch {
		case len(f.Waved) > 0 || f.Kind == KindOutput && f.Verdict != "pass" && f.Verdict != "review":
			worst = "high"
		case f.Verdict == "review" && worst == "low":
			worst = "medium"
		}
	}
	sooner := map[string]time.Duration{"low": 0, "medium": 6 * time.Hour, "high": 24 * time.Hour}[worst]
	return worst, sooner + time.Duration(min(findings, 24))*15*time.Minute
}

// lineOf is the stored line of a request.
func (r *Request) lineOf() lineDoc {
	l := QueueLine{ID: r.ID, Project: r.Project, Class: r.Class, State: r.State, Round: r.Round, Worst: "pass", Due: r.due(), Since: r.begun(), Claimed: []string{}}
	if r.Phase() == PhaseIndependent {
		l.State = "submitted" // how far the others are is nobody's to see
	} else {
		l.Since = r.StateSince
	}
	l.Risk, _ = r.risk()
	for _, f := range r.Files {
		if f.Kind == KindOutput {
			l.Outputs++
		} else {
			l.Supporting++
		}
		l.Findings += len(f.Findings)
		if f.Verdict == "fail" || f.Verdict == "review" && l.Worst == "pass" {
			l.Worst = f.Verdict
		}
	}
	for _, a := range r.Assigned {
		l.Claimed = append(l.Claimed, a.User)
	}
	d := lineDoc{Line: l, Author: r.Author, Former: r.Former, Offered: r.Offered, Own: map[string]*ownDone{}}
	if r.State == "appealed" {
		d.Arbiter = r.Appeals[len(r.Appeals)-1].Arbiter
	}
	for _, rev := range r.Reviews {
		if rev.Round == r.Round {
			d.Own[rev.Checker] = &ownDone{rev.Done}
		}
	}
	return d
}

// seen is the line as one checker may see it.
func (d lineDoc) seen(user string) QueueLine {
	l := d.Line
	if own, ok := d.Own[user]; ok {
		l.Yours = "started"
		if !own.Done.IsZero() {
			l.Yours = "finished"
			if l.State == "submitted" {
				l.State, l.Since = "partly-reviewed", own.Done
			}
		}
	}
	return l
}

func insert(ctx context.Context, tx *store.Tx, r *Request) error {
	if err := requests.Insert(ctx, tx, r); err != nil {
		return err
	}
	return r.index(ctx, tx)
}

// put stores a changed request, its line of the queue, and the end of a round.
func put(ctx context.Context, tx *store.Tx, r *Request) error {
	if err := requests.Update(ctx, tx, r); err != nil {
		return err
	}
	if r.ended != "" {
		if _, err := tx.ExecContext(ctx, `INSERT INTO request_rounds (request, round, class, outcome, ended, seconds) VALUES ($1,$2,$3,$4,$5,$6) ON CONFLICT (request, round, outcome) DO NOTHING`,
			r.ID, r.Round, r.Class, r.ended, tx.Now().Unix(), int64(tx.Now().Sub(r.Offered).Seconds())); err != nil {
			return err
		}
		r.ended = ""
	}
	if slices.ContainsFunc(r.moved, func(m [2]string) bool { return m[1] == "reviewed" && m[0] != "held" && m[0] != "approved" }) {
		if err := r.agree(ctx, tx); err != nil {
			return err
		}
	}
	if err := r.follow(ctx, tx); err != nil {
		return err
	}
	if err := r.tell(ctx, tx); err != nil {
		return err
	}
	return r.index(ctx, tx)
}

func (r *Request) index(ctx context.Context, tx *store.Tx) error {
	for _, q := range []string{`DELETE FROM request_lines WHERE id = $1`, `DELETE FROM request_claims WHERE request = $1`} {
		if _, err := tx.ExecContext(ctx, q, r.ID); err != nil {
			return err
		}
	}
	if !reviewable(r.State) && r.State != "contested" && r.State != "appealed" {
		return nil
	}
	d := r.lineOf()
	raw, err := json.Marshal(d)
	if err != nil {
		return err
	}
	_, sooner := r.risk()
	if _, err := tx.ExecContext(ctx, `INSERT INTO request_lines (id, project, class, state, risk, place, due, claims, doc) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)`,
		r.ID, r.Project, r.Class, d.Line.State, d.Line.Risk, d.Line.Due.Add(-sooner).Unix(), d.Line.Due.Unix(), len(r.Assigned), string(raw)); err != nil {
		return err
	}
	for _, a := range r.Assigned {
		if _, err := tx.ExecContext(ctx, `INSERT INTO request_claims (request, usr) VALUES ($1,$2)`, r.ID, a.User); err != nil {
			return err
		}
	}
	return nil
}

// memo keeps, for one View, what the decisions on many lines share: projects
// and users are read once each, and a request's own part comes from its line.
type memo struct {
	projects map[string]store.Entity
	humans   map[string]string
	lines    map[string]lineDoc
}

type memoKey struct{}

func newMemo(ctx context.Context) (context.Context, *memo) {
	m := &memo{map[string]store.Entity{}, map[string]string{}, map[string]lineDoc{}}
	return context.WithValue(ctx, memoKey{}, m), m
}

// entity is what loadRequest would load, from the line.
func (m *memo) entity(ctx context.Context, q store.Querier, d lineDoc) (store.Entity, error) {
	p, ok := m.projects[d.Line.Project]
	if !ok {
		var err error
		if p, err = governance.LoadProject(ctx, q, d.Line.Project); err != nil {
			return store.Entity{}, err
		}
		m.projects[d.Line.Project] = p
	}
	humans := append([]string(nil), p.Attrs["humans"].([]string)...)
	for _, id := range append([]string{d.Author}, d.Former...) {
		h, ok := m.humans[id]
		if !ok {
			u, err := governance.GetUser(ctx, q, id)
			if err != nil {
				return store.Entity{}, err
			}
			h = u.Human
			m.humans[id] = h
		}
		humans = append(humans, h)
	}
	attrs := maps.Clone(p.Attrs)
	attrs["author"], attrs["humans"], attrs["state"], attrs["arbiter"] = d.Author, humans, d.Line.State, d.Arbiter
	attrs["signers"], attrs["waiveOrgs"] = []string{}, []string{}
	return store.Entity{Attrs: attrs}, nil
}

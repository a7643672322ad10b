package airlock

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/policies"
)

// Run is one making of a standing output, from one new version of its data to
// what came of it. The times are its data-action latency.
type Run struct {
	ID         string    `json:"id"`
	Standing   string    `json:"standing"`
	State      string    `json:"state"`
	Says       string    `json:"says,omitempty"`
	Dataset    string    `json:"dataset"`
	Version    string    `json:"version"`
	Number     int       `json:"number"` // of the version
	Extract    string    `json:"extract,omitempty"`
	Request    string    `json:"request,omitempty"`
	Release    string    `json:"release,omitempty"`
	Received   time.Time `json:"received,omitzero"`  // the newest delivery in the version
	Published  time.Time `json:"published"`          // the version
	Made       time.Time `json:"made,omitzero"`      // the output, and sent to its checks
	Confirmed  time.Time `json:"confirmed,omitzero"` // and signed
	Opened     time.Time `json:"opened,omitzero"`    // first downloaded by a recipient
	Answers    []Answer  `json:"answers,omitempty"`
	Downloaded int       `json:"downloaded,omitempty"`
}

// Answer is what a recipient says came of a run.
type Answer struct {
	By      string    `json:"by"`
	Acted   bool      `json:"acted"`
	Says    string    `json:"says"`              // what was done, or why nothing
	Benefit string    `json:"benefit,omitempty"` // who gained, and how
	At      time.Time `json:"at"`
}

// Acted is when somebody first said that they acted on the run; zero if nobody.
func (r *Run) Acted() time.Time {
	for _, a := range r.Answers {
		if a.Acted {
			return a.At
		}
	}
	return time.Time{}
}

var runs = store.Docs[Run]{Table: "standing_runs", Noun: "run of a standing output", Keys: []string{"standing", "state"},
	Of: func(r *Run) (string, []any) { return r.ID, []any{r.Standing, r.State} }}

// MakeJob is what the airlock worker is given to make a standing output. A job
// without a run tries whether it can.
type MakeJob struct {
	Standing string      `json:"standing"`
	Run      string      `json:"run,omitempty"`
	Project  string      `json:"project"`
	Profile  string      `json:"profile"`
	Name     string      `json:"name"`
	Spec     objects.Ref `json:"spec"`
	Data     Data        `json:"data"`
}

// MakeResult is what it gives back.
type MakeResult struct {
	Failed string      `json:"failed,omitempty"`
	Table  objects.Ref `json:"table,omitzero"`
	Rows   int         `json:"rows,omitempty"`
}

// Published says of a new version, inside the change that publishes it.
type Published struct {
	Dataset  string
	Version  string
	Number   int
	Received time.Time // its newest delivery
}

// VersionPublished starts a run of every active standing output whose permit
// grants the dataset. Runs that were still being made of an older version stop.
func (x *Room) VersionPublished(ctx context.Context, tx *store.Tx, p Published) ([]store.Event, error) {
	all, err := standings.Where(ctx, tx, "state = 'active'")
	if err != nil {
		return nil, err
	}
	var out []store.Event
	for i := range all {
		s := &all[i]
		permit, err := governance.GetPermit(ctx, tx, s.Permit)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(permit.Grants, func(g governance.Grant) bool { return g.Dataset == p.Dataset }) {
			continue
		}
		project, err := governance.GetProject(ctx, tx, s.Project)
		if err != nil {
			return nil, err
		}
		if project.State == "closing" || project.State == "closed" {
			continue
		}
		if err := x.stopRuns(ctx, tx, s.ID, "version.apply", "a newer version came before it was made"); err != nil {
			return nil, err
		}
		r := Run{ID: tx.NewID(ark.PrefixRun), Standing: s.ID, State: x.run.Start, Dataset: p.Dataset, Version: p.Version, Number: p.Number, Received: p.Received, Published: tx.Now()}
		if _, err := tx.Enqueue(ctx, "run-standing", "control", r.ID, map[string]string{"run": r.ID}); err != nil {
			return nil, err
		}
		if err := runs.Insert(ctx, tx, &r); err != nil {
			return nil, err
		}
		out = append(out, s.event("standing.run", map[string]string{"run": r.ID, "version": p.Version}))
	}
	return out, nil
}

// stopRuns stops the runs of a standing output that have not come to a request.
func (x *Room) stopRuns(ctx context.Context, tx *store.Tx, standing, action, says string) error {
	old, err := runs.Where(ctx, tx, "standing = $1 AND state IN ('waiting', 'cutting', 'making')", standing)
	if err != nil {
		return err
	}
	for i := range old {
		r := &old[i]
		if err := x.moveRun(r, "stopped", action, says); err != nil {
			return err
		}
		if err := tx.CancelJobs(ctx, r.ID); err != nil {
			return err
		}
		if err := runs.Update(ctx, tx, r); err != nil {
			return err
		}
	}
	return nil
}

func (x *Room) moveRun(r *Run, to, action, says string) error {
	if err := x.run.Move(r.State, to, action); err != nil {
		return err
	}
	r.State, r.Says = to, says
	return nil
}

// Begin has the extract of a run cut. cut does so under the permit, inside the
// change; a refusal of the door, or a permit that was amended, ends the run.
func (x *Room) Begin(ctx context.Context, run string, cut func(ctx context.Context, tx *store.Tx, permit, run string) (extract string, err error)) error {
	var r *Run
	var s *Standing
	var amended bool
	if err := x.St.View(ctx, func(q store.Querier) error {
		var err error
		if r, err = runs.Get(ctx, q, run); err != nil {
			return err
		}
		if s, err = standings.Get(ctx, q, r.Standing); err != nil {
			return err
		}
		p, err := governance.GetProject(ctx, q, s.Project)
		amended = err == nil && p.Permit != s.Permit
		return err
	}); err != nil {
		return err
	}
	if r.State != "waiting" {
		return nil // done already, or stopped meanwhile
	}
	system := store.Actor{System: "governance"}
	if amended {
		return x.failBegin(ctx, system, run, "the permit was amended since this standing output was approved", true)
	}
	err := x.St.Act(ctx, system, "extract.cut", store.Resource{Type: "Project", ID: s.Project}, func(tx *store.Tx) ([]store.Event, error) {
		r, err := runs.Get(ctx, tx, run)
		if err != nil {
			return nil, err
		}
		if err := x.moveRun(r, "cutting", "standing.run", ""); err != nil {
			return nil, err
		}
		if r.Extract, err = cut(ctx, tx, s.Permit, r.ID); err != nil {
			return nil, err
		}
		return []store.Event{s.event("standing.cutting", map[string]string{"run": r.ID, "extract": r.Extract})}, runs.Update(ctx, tx, r)
	})
	switch ark.KindOf(err) {
	case ark.Lapsed, ark.Forbidden, ark.Conflict, ark.Invalid:
		return x.failBegin(ctx, system, run, fault(err), false)
	}
	return err
}

func fault(err error) string {
	var f *ark.Fault
	if !errors.As(err, &f) {
		return "it could not be begun"
	}
	return f.Says
}

func (x *Room) failBegin(ctx context.Context, system store.Actor, run, says string, pause bool) error {
	var standing string
	if err := x.St.View(ctx, func(q store.Querier) error {
		r, err := runs.Get(ctx, q, run)
		if err == nil {
			standing = r.Standing
		}
		return err
	}); err != nil {
		return err
	}
	return x.St.Act(ctx, system, "standing.run", onStanding(standing), func(tx *store.Tx) ([]store.Event, error) {
		r, err := runs.Get(ctx, tx, run)
		if err != nil {
			return nil, err
		}
		s, err := standings.Get(ctx, tx, r.Standing)
		if err != nil {
			return nil, err
		}
		if r.State != "waiting" {
			return []store.Event{s.event("standing.run-over", map[string]string{"run": run})}, nil
		}
		if err := x.moveRun(r, "failed", "standing.run", says); err != nil {
			return nil, err
		}
		if pause && s.State == "active" {
			if err := x.moveStanding(tx, s, "paused", "standing.run", says); err != nil {
				return nil, err
			}
			s.Approvals = []Approval{}
			if err := standings.Update(ctx, tx, s); err != nil {
				return nil, err
			}
		}
		return []store.Event{s.event("standing.failed", map[string]string{"run": run})}, runs.Update(ctx, tx, r)
	})
}

// ExtractCut goes on with a run inside the change that records its extract.
func (x *Room) ExtractCut(ctx context.Context, tx *store.Tx, run string, ready bool, says string) ([]store.Event, error) {
	r, err := runs.Get(ctx, tx, run)
	if err != nil {
		return nil, err
	}
	s, err := standings.Get(ctx, tx, r.Standing)
	if err != nil {
		return nil, err
	}
	if r.State != "cutting" {
		return nil, nil // stopped meanwhile
	}
	if !ready {
		if says == "" {
			says = "its extract could not be cut"
		}
		if err := x.moveRun(r, "failed", "extract.apply", says); err != nil {
			return nil, err
		}
		return []store.Event{s.event("standing.failed", map[string]string{"run": r.ID})}, runs.Update(ctx, tx, r)
	}
	if err := x.moveRun(r, "making", "extract.apply", ""); err != nil {
		return nil, err
	}
	job := MakeJob{Standing: s.ID, Run: r.ID, Project: s.Project, Profile: s.Profile, Name: s.Name, Spec: s.Spec}
	if x.Data != nil {
		if job.Data, err = x.Data(ctx, tx, r.Extract); err != nil {
			return nil, err
		}
	}
	if _, err := tx.Enqueue(ctx, "make", "airlock", r.ID, job); err != nil {
		return nil, err
	}
	return []store.Event{s.event("standing.making", map[string]string{"run": r.ID})}, runs.Update(ctx, tx, r)
}

// ApplyMake records inside the change that ends its job what became of making a
// standing output: a trial lets it be approved, a run opens a request.
func (x *Room) ApplyMake(ctx context.Context, tx *store.Tx, job MakeJob, res MakeResult) ([]store.Event, error) {
	s, err := standings.Get(ctx, tx, job.Standing)
	if err != nil {
		return nil, err
	}
	if job.Run == "" {
		to, kind := "proposed", "standing.tried"
		if res.Failed != "" {
			to, kind = "declined", "standing.cannot"
		}
		if s.State != "trying" {
			return []store.Event{s.event("standing.trial-dropped", nil)}, nil
		}
		if err := x.moveStanding(tx, s, to, "standing.apply", res.Failed); err != nil {
			return nil, err
		}
		return []store.Event{s.event(kind, nil)}, standings.Update(ctx, tx, s)
	}
	r, err := runs.Get(ctx, tx, job.Run)
	if err != nil {
		return nil, err
	}
	if r.State != "making" {
		return []store.Event{s.event("standing.run-over", map[string]string{"run": r.ID})}, nil
	}
	if res.Failed != "" {
		if err := x.moveRun(r, "failed", "standing.apply", res.Failed); err != nil {
			return nil, err
		}
		return []store.Event{s.event("standing.failed", map[string]string{"run": r.ID})}, runs.Update(ctx, tx, r)
	}
	if res.Table.Zone != objects.Outputs || len(res.Table.SHA256) != 64 {
		return nil, ark.Faultf(ark.Internal, "the standing output is not where outputs are kept")
	}
	q, err := x.openRun(ctx, tx, s, r, res)
	if err != nil {
		return nil, err
	}
	if err := x.moveRun(r, "in-review", "standing.apply", ""); err != nil {
		return nil, err
	}
	r.Request, r.Made = q.ID, tx.Now()
	e := s.event("standing.made", map[string]string{"run": r.ID})
	e.Subjects = append(e.Subjects, q.ID)
	return []store.Event{e}, runs.Update(ctx, tx, r)
}

// openRun opens the request of a run: the table and its specification, in the
// context that was reviewed with the first of the series.
func (x *Room) openRun(ctx context.Context, tx *store.Tx, s *Standing, run *Run, res MakeResult) (*Request, error) {
	permit, err := governance.GetPermit(ctx, tx, s.Permit)
	if err != nil {
		return nil, err
	}
	g := s.Group
	g.Relation = strings.TrimSpace("The same table as earlier releases of this standing output, made from the next version of its data. " + g.Relation)
	r := Request{ID: tx.NewID(ark.PrefixRequest), Project: s.Project, Permit: s.Permit, Extract: run.Extract, Author: s.Author, State: x.machine.Start, Round: 1,
		Destination: permit.Destination, Profile: permit.Profile, Checkers: 1, Created: tx.Now(), StateSince: tx.Now(), Reviews: []CheckerReview{}, Comments: []Comment{},
		Groups: []Group{g}, Class: ClassStanding, NeedSigns: permit.Airlock.SignOff, Standing: s.ID, Run: run.ID, Recipients: s.Recipients}
	r.Files = []File{{ID: tx.NewID(ark.PrefixFile), Ordinal: 1, Name: s.Name, Kind: KindOutput, Ref: res.Table, Rows: res.Rows},
		{ID: tx.NewID(ark.PrefixFile), Ordinal: 2, Name: s.Name + SpecSuffix, Kind: KindSupporting, Ref: s.Spec}}
	if err := insert(ctx, tx, &r); err != nil {
		return nil, err
	}
	return &r, x.enqueueCheck(ctx, tx, &r)
}

// follow moves the run that a request is of, when the request ends.
func (r *Request) follow(ctx context.Context, tx *store.Tx) error {
	if r.Run == "" {
		return nil
	}
	for _, m := range r.moved {
		to, action := "", ""
		switch m[1] {
		case "released":
			to, action = "delivered", "release.apply"
		case "rejected":
			to, action = "stopped", "request.reject"
		case "withdrawn":
			to, action = "stopped", "request.withdraw"
		default:
			continue
		}
		run, err := runs.Get(ctx, tx, r.Run)
		if err != nil {
			return err
		}
		if err := policies.MustMachine("run").Move(run.State, to, action); err != nil {
			return err
		}
		if run.State = to; to == "delivered" {
			run.Release, run.Confirmed = r.Release, tx.Now()
			if r.notify {
				n := notice{ID: tx.NewID("ntc"), Kind: NoticeDelivered, Request: r.ID, Release: r.Release, Project: r.Project, State: to, Class: r.Class, To: r.Recipients, At: tx.Now()}
				if err := notices.Insert(ctx, tx, &n); err != nil {
					return err
				}
			}
		}
		if err := runs.Update(ctx, tx, run); err != nil {
			return err
		}
	}
	return nil
}

// standing makes a release that of its standing output: it goes to the named
// recipients.
func (rel *Release) standing(r *Request) {
	if r.Standing != "" {
		rel.Standing, rel.Run, rel.Recipients = r.Standing, r.Run, slices.Clone(r.Recipients)
	}
}

// opened notes that a recipient has downloaded a run's release.
func (rel *Release) opened(ctx context.Context, tx *store.Tx) error {
	if rel.Run == "" {
		return nil
	}
	r, err := runs.Get(ctx, tx, rel.Run)
	if err != nil {
		return err
	}
	if r.Downloaded++; r.Opened.IsZero() {
		r.Opened = tx.Now()
	}
	return runs.Update(ctx, tx, r)
}

// Answer records what came of a run, in the words of one of its recipients.
func (x *Room) Answer(ctx context.Context, actor store.Actor, standing, run string, a Answer) error {
	switch {
	case strings.TrimSpace(a.Says) == "" || len(a.Says) > maxText:
		return ark.Faultf(ark.Invalid, "say in at most %d characters what was done, or why nothing", maxText).At("", 0, "says")
	case len(a.Benefit) > maxText:
		return ark.Faultf(ark.TooMuch, "that is longer than %d characters", maxText).At("", 0, "benefit")
	}
	return x.St.Act(ctx, actor, "standing.answer", onStanding(standing), func(tx *store.Tx) ([]store.Event, error) {
		r, err := runs.Get(ctx, tx, run)
		if err != nil {
			return nil, err
		}
		s, err := standings.Get(ctx, tx, standing)
		if err != nil {
			return nil, err
		}
		if r.Standing != s.ID {
			return nil, ark.Faultf(ark.Unknown, "this standing output has no such run")
		}
		if r.State != "answered" {
			if err := x.moveRun(r, "answered", "standing.answer", ""); err != nil {
				return nil, err
			}
		}
		r.Answers = slices.DeleteFunc(r.Answers, func(o Answer) bool { return o.By == actor.User })
		a.By, a.At, a.Says, a.Benefit = actor.User, tx.Now(), strings.TrimSpace(a.Says), strings.TrimSpace(a.Benefit)
		r.Answers = append(r.Answers, a)
		return []store.Event{s.event("standing.answered", map[string]any{"run": r.ID, "acted": a.Acted})}, runs.Update(ctx, tx, r)
	})
}

// RunsOf returns the runs of a standing output, newest first.
func RunsOf(ctx context.Context, q store.Querier, standing string) ([]Run, error) {
	all, err := runs.Where(ctx, q, "standing = $1", standing)
	slices.Reverse(all)
	return all, err
}

// WaitsForAnswer returns the runs whose recipients include user and who have not
// answered yet, with their standing outputs.
func (x *Room) WaitsForAnswer(ctx context.Context, q store.Querier, user string) ([]Standing, []Run, error) {
	series, err := standings.Where(ctx, q, "")
	if err != nil {
		return nil, nil, err
	}
	mine := map[string]Standing{}
	for _, s := range series {
		if slices.Contains(s.Recipients, user) {
			mine[s.ID] = s
		}
	}
	if len(mine) == 0 {
		return nil, nil, nil
	}
	all, err := runs.Where(ctx, q, "state IN ('delivered', 'answered')")
	if err != nil {
		return nil, nil, err
	}
	var ss []Standing
	var rs []Run
	for _, r := range all {
		if s, ok := mine[r.Standing]; ok && !slices.ContainsFunc(r.Answers, func(a Answer) bool { return a.By == user }) {
			ss, rs = append(ss, s), append(rs, r)
		}
	}
	return ss, rs, nil
}

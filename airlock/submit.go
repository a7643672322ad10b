package airlock

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// Limits of a request; a permit's own may be lower.
const (
	maxFiles   = 25
	maxText    = 20_000
	maxName    = 255
	minContext = 20
)

// Submission is what an author sends. Files are already pinned: their bytes
// were copied out of the outbox and hashed before this is called.
type Submission struct {
	Groups []Group         `json:"groups"`
	Files  []SubmittedFile `json:"files"`
}

// SubmittedFile is one pinned file of a submission.
type SubmittedFile struct {
	Name  string      `json:"name"`
	Kind  string      `json:"kind"`
	Group int         `json:"group"`
	Ref   objects.Ref `json:"ref"`
}

func (s Submission) check() error {
	switch {
	case len(s.Groups) == 0 || len(s.Files) == 0:
		return ark.Faultf(ark.Invalid, "a request needs at least one group with one file").Do("put files into the outbox and choose them")
	case len(s.Files) > maxFiles:
		return ark.Faultf(ark.TooMuch, "a request may hold at most %d files", maxFiles).Do("ask for what is needed, or split it")
	}
	outputs := 0
	used := map[int]bool{}
	names := map[string]bool{}
	for i, f := range s.Files {
		at := fmt.Sprintf("file %d", i+1)
		switch {
		case f.Kind != KindOutput && f.Kind != KindSupporting:
			return ark.Faultf(ark.Invalid, "%s is neither an output nor a supporting file", at)
		case f.Group < 0 || f.Group >= len(s.Groups):
			return ark.Faultf(ark.Invalid, "%s belongs to a group that is not there", at)
		case f.Name == "" || len(f.Name) > maxName || !utf8.ValidString(f.Name) || strings.ContainsAny(f.Name, "/\\\x00"):
			return ark.Faultf(ark.Invalid, "%s has a name that cannot be used", at).Do("rename it in the outbox")
		case names[f.Name]:
			return ark.Faultf(ark.Invalid, "%s has the name of another file", at).Do("rename it in the outbox")
		case len(f.Ref.SHA256) != 64 || f.Ref.Zone != objects.Outputs:
			return ark.Faultf(ark.Invalid, "%s is not pinned", at)
		}
		names[f.Name], used[f.Group] = true, true
		if f.Kind == KindOutput {
			outputs++
		}
	}
	if outputs == 0 {
		return ark.Faultf(ark.Invalid, "there is no file that is to leave").Do("mark at least one file as output")
	}
	for i, g := range s.Groups {
		at := fmt.Sprintf("group %d", i+1)
		for field, v := range map[string]string{"name": g.Name, "context": g.Context, "population": g.Population, "controls": g.Controls, "relation": g.Relation} {
			if len(v) > maxText {
				return ark.Faultf(ark.TooMuch, "%s: this answer is longer than %d characters", at, maxText).At("", 0, field).Do("shorten it")
			}
		}
		switch {
		case !used[i]:
			return ark.Faultf(ark.Invalid, "%s has no file", at)
		case strings.TrimSpace(g.Name) == "":
			return ark.Faultf(ark.Invalid, "%s has no name", at).At("", 0, "name")
		case len(strings.TrimSpace(g.Context)) < minContext:
			return ark.Faultf(ark.Invalid, "%s does not say what it is", at).At("", 0, "context").Do("describe it in a sentence or two: thin context is a common reason for returns")
		case strings.TrimSpace(g.Population) == "":
			return ark.Faultf(ark.Invalid, "%s does not say who is in it", at).At("", 0, "population")
		case strings.TrimSpace(g.Controls) == "":
			return ark.Faultf(ark.Invalid, "%s does not say which disclosure control was applied", at).At("", 0, "controls")
		}
	}
	return nil
}

// CheckJob is what the airlock worker is given.
type CheckJob struct {
	Request string    `json:"request"`
	Round   int       `json:"round"`
	Project string    `json:"project"`
	Extract string    `json:"extract"`
	Profile string    `json:"profile"`
	Files   []CheckOf `json:"files"`
}

// CheckOf names one file to check.
type CheckOf struct {
	ID   string      `json:"id"`
	Name string      `json:"name"`
	Kind string      `json:"kind"`
	Ref  objects.Ref `json:"ref"`
}

// Submit opens a request from a workspace's outbox and has it checked.
func (x *Room) Submit(ctx context.Context, actor store.Actor, workspace string, s Submission) (*Request, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	var r Request
	err := x.St.Act(ctx, actor, "request.submit", store.Resource{Type: "Workspace", ID: workspace}, func(tx *store.Tx) ([]store.Event, error) {
		at := tx.Resource().Attrs
		project, permitID, extract := at["project"].(string), at["permit"].(string), at["extract"].(string)
		permit, err := governance.GetPermit(ctx, tx, permitID)
		if err != nil {
			return nil, err
		}
		r = Request{ID: tx.NewID(ark.PrefixRequest), Project: project, Permit: permitID, Extract: extract, Workspace: workspace, Author: actor.User,
			State: x.machine.Start, Round: 1, Destination: permit.Destination, Profile: permit.Profile, Checkers: permit.Checkers,
			Created: tx.Now(), StateSince: tx.Now(), Reviews: []CheckerReview{}, Comments: []Comment{}}
		r.take(tx, s)
		if err := requests.Insert(ctx, tx, &r); err != nil {
			return nil, err
		}
		return []store.Event{r.event("request.submitted", r.ordinals())}, x.enqueueCheck(ctx, tx, &r)
	})
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// Resubmit answers a returned or blocked request with new files. Votes on
// files whose bytes and kind did not change are kept.
func (x *Room) Resubmit(ctx context.Context, actor store.Actor, request string, s Submission, answer string) error {
	if err := s.check(); err != nil {
		return err
	}
	if len(answer) > maxText {
		return ark.Faultf(ark.TooMuch, "the answer is longer than %d characters", maxText).At("", 0, "answer").Do("shorten it")
	}
	return x.St.Act(ctx, actor, "request.resubmit", resource(request), func(tx *store.Tx) ([]store.Event, error) {
		r, err := requests.Get(ctx, tx, request)
		if err != nil {
			return nil, err
		}
		if r.State == "returned" && strings.TrimSpace(answer) == "" {
			return nil, ark.Faultf(ark.Invalid, "say what you changed").At("", 0, "answer").Do("answer the checkers' comments")
		}
		if err := x.move(tx, r, "checking", "request.resubmit"); err != nil {
			return nil, err
		}
		old := slices.Clone(r.Files)
		r.Round++
		r.take(tx, s)
		r.keepVotes(old)
		if strings.TrimSpace(answer) != "" {
			r.Comments = append(r.Comments, Comment{ID: tx.NewID("cmt"), Round: r.Round, Author: actor.User, Group: -1, Text: answer, Public: true, At: tx.Now()})
		}
		if err := requests.Update(ctx, tx, r); err != nil {
			return nil, err
		}
		return []store.Event{r.event("request.resubmitted", r.ordinals())}, x.enqueueCheck(ctx, tx, r)
	})
}

// take replaces groups and files by those of s.
func (r *Request) take(tx *store.Tx, s Submission) {
	r.Groups, r.Files = s.Groups, nil
	for i, f := range s.Files {
		r.Files = append(r.Files, File{ID: tx.NewID(ark.PrefixFile), Ordinal: i + 1, Group: f.Group, Name: f.Name, Kind: f.Kind, Ref: f.Ref})
	}
}

// keepVotes carries votes of the last round over to files that are the same
// bytes under the same name and kind. A review stays unfinished all the same:
// its checker confirms it for the new round.
func (r *Request) keepVotes(old []File) {
	same := map[string]string{} // old id → new id
	for _, o := range old {
		for _, n := range r.Files {
			if o.Ref.SHA256 == n.Ref.SHA256 && o.Name == n.Name && o.Kind == n.Kind {
				same[o.ID] = n.ID
			}
		}
	}
	for _, rev := range slices.Clone(r.Reviews) {
		if rev.Round != r.Round-1 {
			continue
		}
		next := CheckerReview{Checker: rev.Checker, Human: rev.Human, Round: r.Round, Votes: map[string]string{}}
		for id, v := range rev.Votes {
			if n, ok := same[id]; ok {
				next.Votes[n] = v
			}
		}
		r.Reviews = append(r.Reviews, next)
	}
}

// ordinals is what the ledger may know of the files: how many, of which kind.
func (r *Request) ordinals() map[string]int {
	out := map[string]int{"round": r.Round}
	for _, f := range r.Files {
		out[f.Kind]++
	}
	return out
}

func (x *Room) enqueueCheck(ctx context.Context, tx *store.Tx, r *Request) error {
	job := CheckJob{Request: r.ID, Round: r.Round, Project: r.Project, Extract: r.Extract, Profile: r.Profile}
	for _, f := range r.Files {
		job.Files = append(job.Files, CheckOf{ID: f.ID, Name: f.Name, Kind: f.Kind, Ref: f.Ref})
	}
	_, err := tx.Enqueue(ctx, "check", "airlock", r.ID, job)
	return err
}

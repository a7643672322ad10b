package airlock

import (
	"context"
	"fmt"
	"regexp"
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
	maxRows    = 5000
	maxText    = 20_000
	maxName    = 255
	minContext = 20

	minCheckers = 2 // whatever a permit says, but for code
)

// Submission is what an author sends. Files are already pinned: their bytes
// were copied out of the outbox and hashed before this is called.
type Submission struct {
	Class  string          `json:"class,omitempty"` // ClassOutput or ClassCode
	Groups []Group         `json:"groups"`
	Files  []SubmittedFile `json:"files"`
}

// SubmittedFile is one pinned file of a submission.
type SubmittedFile struct {
	Name  string      `json:"name"`
	Kind  string      `json:"kind"`
	Group int         `json:"group"`
	Ref   objects.Ref `json:"ref"`
	Rows  int         `json:"rows,omitempty"` // of a table, the heading not counted
}

func (s Submission) check() error {
	switch {
	case s.Class != ClassOutput && s.Class != ClassCode:
		return ark.Faultf(ark.Invalid, "a request is for outputs or for code").At("", 0, "class")
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
		if s.Class == ClassCode && f.Kind == KindOutput && !isCode(f.Name) {
			return ark.Faultf(ark.Invalid, "%s is not code", at).Do("submit it as an output")
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
		if err := g.check(at); err != nil {
			return err
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

var (
	wholeNumber = regexp.MustCompile(`^[0-9]{1,9}$`)
	commitHash  = regexp.MustCompile(`^[0-9a-f]{7,64}$`)
)

// check looks at the answers that have a form of their own.
func (g Group) check(at string) error {
	for field, v := range map[string]string{"name": g.Name, "context": g.Context, "population": g.Population, "controls": g.Controls, "relation": g.Relation, "counts": g.Counts, "code": g.Code} {
		if len(v) > maxText {
			return ark.Faultf(ark.TooMuch, "%s: this answer is longer than %d characters", at, maxText).At("", 0, field).Do("shorten it")
		}
	}
	switch {
	case g.Kind != "" && !slices.Contains(GroupKinds(), g.Kind):
		return ark.Faultf(ark.Invalid, "%s is of no kind that there is", at).At("", 0, "kind")
	case g.Kind == "model" && !wholeNumber.MatchString(strings.TrimSpace(g.Freedom)):
		return ark.Faultf(ark.Invalid, "%s is a model and does not say its residual degrees of freedom", at).At("", 0, "freedom").Do("give them as a whole number")
	case g.Freedom != "" && !wholeNumber.MatchString(strings.TrimSpace(g.Freedom)):
		return ark.Faultf(ark.Invalid, "%s: degrees of freedom are a whole number", at).At("", 0, "freedom")
	case g.Commit != "" && !commitHash.MatchString(g.Commit):
		return ark.Faultf(ark.Invalid, "%s: a commit is 7 to 64 hexadecimal digits", at).At("", 0, "commit")
	}
	return nil
}

// isCode reports whether a file's name is one of code that keeps no outputs in it.
func isCode(name string) bool {
	ext := strings.ToLower(name[strings.LastIndexByte(name, '.')+1:])
	return slices.Contains([]string{"py", "r", "rmd", "qmd", "sql", "do", "jl", "sh", "go", "toml", "yaml", "yml", "md"}, ext)
}

// within refuses what is more than the permit allows at once.
func (s Submission) within(t governance.AirlockTerms) error {
	files, rows := maxFiles, maxRows
	if t.MaxFiles > 0 && t.MaxFiles < files {
		files = t.MaxFiles
	}
	if t.MaxRows > 0 && t.MaxRows < rows {
		rows = t.MaxRows
	}
	if len(s.Files) > files {
		return ark.Faultf(ark.TooMuch, "the permit allows %d files in a request", files).Do("ask for what is needed, or split it").By("permit-limits")
	}
	for i, f := range s.Files {
		if f.Kind == KindOutput && f.Rows > rows {
			return ark.Faultf(ark.TooMuch, "file %d has %d rows, and the permit allows %d", i+1, f.Rows, rows).Do("aggregate it, or send it as a supporting file").By("permit-limits")
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
	Behind  Behind    `json:"behind,omitzero"`
}

// CheckOf names one file to check.
type CheckOf struct {
	ID   string      `json:"id"`
	Name string      `json:"name"`
	Kind string      `json:"kind"`
	Ref  objects.Ref `json:"ref"`

	Submitted  Submitted `json:"submitted,omitzero"` // what the author sent, where Ref is a clean file made of it
	Ordinal    int       `json:"ordinal,omitempty"`
	Overridden []string  `json:"overridden,omitempty"` // failing rules that were decided not to apply
	Approvals  int       `json:"approvals,omitempty"`
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
		if err := s.within(permit.Airlock); err != nil {
			return nil, err
		}
		r = Request{ID: tx.NewID(ark.PrefixRequest), Project: project, Permit: permitID, Extract: extract, Workspace: workspace, Author: actor.User,
			State: x.machine.Start, Round: 1, Destination: permit.Destination, Profile: permit.Profile, Checkers: permit.Checkers,
			Created: tx.Now(), StateSince: tx.Now(), Reviews: []CheckerReview{}, Comments: []Comment{},
			Class: s.Class, Apart: permit.Airlock.OtherOrganisation, NeedSigns: permit.Airlock.SignOff}
		r.Checkers = max(r.Checkers, minCheckers)
		if s.Class == ClassCode {
			r.Checkers, r.Apart = 1, false
		}
		r.take(tx, s)
		if err := insert(ctx, tx, &r); err != nil {
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
		permit, err := governance.GetPermit(ctx, tx, r.Permit)
		if err != nil {
			return nil, err
		}
		if err := s.within(permit.Airlock); err != nil {
			return nil, err
		}
		if err := r.notReleased(s); err != nil {
			return nil, err
		}
		if s.Class != r.Class {
			return nil, ark.Faultf(ark.Invalid, "a request for code stays one, and one for outputs too").Do("withdraw it and start another")
		}
		if r.State == "held" {
			r.Cut, r.HeldFrom = append(r.Cut, r.Round), ""
		}
		if err := x.move(tx, r, "checking", "request.resubmit"); err != nil {
			return nil, err
		}
		old := slices.Clone(r.Files)
		r.Earlier = append(r.Earlier, Round{r.Round, old})
		r.Round++
		r.take(tx, s)
		r.keepVotes(old)
		if strings.TrimSpace(answer) != "" {
			r.Comments = append(r.Comments, Comment{ID: tx.NewID("cmt"), Round: r.Round, Author: actor.User, Group: -1, Text: answer, Public: true, At: tx.Now()})
		}
		if err := put(ctx, tx, r); err != nil {
			return nil, err
		}
		return []store.Event{r.event("request.resubmitted", r.ordinals())}, x.enqueueCheck(ctx, tx, r)
	})
}

// notReleased refuses files that this request has released already.
func (r *Request) notReleased(s Submission) error {
	for i, n := range s.Files {
		for _, o := range r.Files {
			if o.Release != "" && n.Kind == KindOutput && (o.Name == n.Name || o.given().Name == n.Name) {
				return ark.Faultf(ark.Conflict, "file %d has the name of one that was released from this request", i+1).Do("leave it out, or give the new one its own name")
			}
		}
	}
	return nil
}

// take replaces groups and files by those of s. A file keeps its number over
// rounds, by its name; what was released stays, and a new name gets a new number.
func (r *Request) take(tx *store.Tx, s Submission) {
	old, last := map[string]int{}, 0
	var kept []File
	for _, round := range r.Earlier {
		for _, f := range round.Files {
			old[f.given().Name], last = f.Ordinal, max(last, f.Ordinal)
		}
	}
	for _, f := range r.Files {
		if f.Release != "" {
			f.Group = min(f.Group, len(s.Groups)-1)
			kept = append(kept, f)
		}
	}
	r.Groups, r.Files = s.Groups, kept
	for _, f := range s.Files {
		n, ok := old[f.Name]
		if !ok || slices.ContainsFunc(kept, func(k File) bool { return k.Ordinal == n }) {
			last++
			n = last
		}
		r.Files = append(r.Files, File{ID: tx.NewID(ark.PrefixFile), Ordinal: n, Group: f.Group, Name: f.Name, Kind: f.Kind, Ref: f.Ref, Rows: f.Rows})
	}
	slices.SortStableFunc(r.Files, func(a, b File) int { return a.Ordinal - b.Ordinal })
}

// keepVotes carries votes of the last round over to files that are the same
// bytes under the same name and kind, as they were sent; ApplyChecks sees that
// the clean files are the same too. A review stays unfinished all the same:
// its checker confirms it for the new round.
func (r *Request) keepVotes(old []File) {
	same := map[string]string{} // old id → new id
	for _, o := range old {
		for _, n := range r.Files {
			if was := o.given(); was.Ref.SHA256 == n.Ref.SHA256 && was.Name == n.Name && o.Kind == n.Kind {
				same[o.ID] = n.ID
			}
		}
	}
	for _, rev := range slices.Clone(r.Reviews) {
		if rev.Round != r.Round-1 {
			continue
		}
		next := CheckerReview{Checker: rev.Checker, Human: rev.Human, Org: rev.Org, Round: r.Round, Votes: map[string]string{}}
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
		if f.Release != "" {
			continue
		}
		job.Files = append(job.Files, CheckOf{ID: f.ID, Name: f.Name, Kind: f.Kind, Ref: f.Ref, Ordinal: f.Ordinal})
	}
	var err error
	if job.Behind, err = x.behind(ctx, tx, r); err != nil {
		return err
	}
	_, err = tx.Enqueue(ctx, "check", "airlock", r.ID, job)
	return err
}

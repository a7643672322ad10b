package airlock

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// ReleaseJob is what the airlock worker is given to assemble and sign.
type ReleaseJob struct {
	Release     string    `json:"release"`
	Request     string    `json:"request"`
	Project     string    `json:"project"`
	Permit      string    `json:"permit"`
	PermitHash  string    `json:"permit_hash"`
	Extract     string    `json:"extract"`
	Destination string    `json:"destination"`
	Profile     string    `json:"profile"`
	Checkers    int       `json:"checkers"`
	Round       int       `json:"round"`
	Files       []CheckOf `json:"files"`
	Checkpoint  string    `json:"checkpoint"`

	Class    string          `json:"class,omitempty"`
	Apart    bool            `json:"apart,omitempty"`
	SignOffs []string        `json:"sign_offs,omitempty"` // "lay", "custodian"
	At       time.Time       `json:"at"`
	Inside   json.RawMessage `json:"inside,omitempty"` // the decisions, for the internal record
	Behind   Behind          `json:"behind,omitzero"`
	Concerns []Concern       `json:"concerns,omitempty"`
}

// ReleaseResult is what it gives back. Refused says that the bundle, reopened
// from its bytes, did not pass: the request goes back to its checkers' hands.
type ReleaseResult struct {
	Refused string         `json:"refused,omitempty"`
	Damaged []string       `json:"damaged,omitempty"` // files whose stored bytes are not what was submitted
	Bundle  objects.Ref    `json:"bundle"`
	Files   []ReleasedFile `json:"files"`
	Record  objects.Ref    `json:"record,omitzero"` // the internal record
	// Contributors are the sets of who stands behind the released figures.
	Contributors objects.Ref `json:"contributors,omitzero"`
	Exposure     []Exposure  `json:"exposure,omitempty"`
}

// downloadDays is how long the recipient may download a release.
const downloadDays = 14 * 24 * time.Hour

// Release decides that the approved files leave. Unless partial is set every
// output file has to be approved. The bytes leave when the airlock worker has
// assembled, reopened, checked and signed them.
func (x *Room) Release(ctx context.Context, actor store.Actor, request string, partial bool) error {
	checkpoint, err := x.Checkpoint(ctx)
	if err != nil {
		return err
	}
	err = x.review(ctx, actor, request, "request.release", func(tx *store.Tx, r *Request, u *governance.User) (string, error) {
		permit, err := governance.GetPermit(ctx, tx, r.Permit)
		if err != nil {
			return "", err
		}
		if r.State == "reviewed" {
			gone, err := x.gone(ctx, tx, r)
			if err != nil {
				return "", err
			}
			if len(gone) > 0 {
				return "", errRecount
			}
		}
		if err := r.stillApart(ctx, tx); err != nil {
			return "", err
		}
		onProject, _ := tx.Resource().Attrs["humans"].([]string)
		missing, err := r.unsigned(ctx, tx, onProject)
		if err != nil {
			return "", err
		}
		if len(missing) > 0 {
			return "", ark.Faultf(ark.Conflict, "the permit asks for %d more sign-offs of this round", len(missing)).Do("the lay reviewer or custodian has to sign it off first").By("permit-sign-off")
		}
		job := ReleaseJob{Release: tx.NewID(ark.PrefixRelease), Request: r.ID, Project: r.Project, Permit: permit.ID, PermitHash: permit.Hash, Extract: r.Extract,
			Destination: r.Destination, Profile: r.Profile, Checkers: r.finished(), Round: r.Round, Checkpoint: checkpoint,
			Class: r.Class, Apart: r.Apart, At: tx.Now()}
		if r.State != "reviewed" {
			return "", x.refusal(r)
		}
		if r.Calibration {
			return "", ark.Faultf(ark.Conflict, "this was a calibration: an output known to be bad, which never leaves").Do("refuse it for good, or return it").By("calibrations-never-leave")
		}
		said, unsaid := r.said(u), 0
		for _, f := range r.Files {
			if !f.asks() {
				continue
			}
			if f.Damaged {
				return "", ark.Faultf(ark.Conflict, "the stored bytes of file %d are not what was submitted, so it can't leave", f.Ordinal).Do("settle the incident, or return the request so that the file is sent again").By("bytes-are-what-was-submitted")
			}
			if r.Decision(f) != Approved {
				if !partial {
					return "", ark.Faultf(ark.Conflict, "file %d is not approved", f.Ordinal).Do("return the request, or release only what is approved")
				}
				if !said[f.Group] {
					unsaid = f.Group + 1
				}
				continue
			}
			job.Files = append(job.Files, CheckOf{ID: f.ID, Name: f.Name, Kind: f.Kind, Ref: f.Ref, Submitted: f.Submitted, Ordinal: f.Ordinal, Overridden: f.Waved, Approvals: r.approvals(f)})
		}
		if len(job.Files) == 0 {
			return "", ark.Faultf(ark.Conflict, "no file is approved").Do("return the request")
		}
		if unsaid > 0 {
			return "", ark.Faultf(ark.Invalid, "group %d has a file that is not approved and no comment for the author", unsaid).Do("say what to change: that part goes back to its author")
		}
		for _, s := range r.NeedSigns {
			if s != governance.SignOffLay {
				s = "custodian"
			}
			job.SignOffs = append(job.SignOffs, s)
		}
		if job.Inside, err = r.inside(); err != nil {
			return "", err
		}
		if err := x.move(tx, r, "approved", "request.release"); err != nil {
			return "", err
		}
		if job.Concerns, err = concerns(ctx, tx, permit); err != nil {
			return "", err
		}
		if job.Behind, err = x.behind(ctx, tx, r); err != nil {
			return "", err
		}
		r.ReleasedBy, r.Release = u.ID, job.Release
		_, err = tx.Enqueue(ctx, "release", "airlock", r.ID, job)
		return "request.approved", err
	})
	if !errors.Is(err, errRecount) {
		return err
	}
	if err := x.recount(ctx, request); err != nil {
		return err
	}
	return recounted()
}

// approvals counts who approved f in this round.
func (r *Request) approvals(f File) int {
	n := 0
	for _, rev := range r.Reviews {
		if rev.Round == r.Round && !rev.Done.IsZero() && rev.Votes[f.ID] == VoteApprove {
			n++
		}
	}
	return n
}

// inside is what the internal record holds of the decisions: all rounds, with
// votes and reasons of checkers, and nothing that the author wrote.
func (r *Request) inside() (json.RawMessage, error) {
	ordinal := map[string]int{}
	for _, round := range r.Earlier {
		for _, f := range round.Files {
			ordinal[f.ID] = f.Ordinal
		}
	}
	for _, f := range r.Files {
		ordinal[f.ID] = f.Ordinal
	}
	type review struct {
		Checker string         `json:"checker"`
		Round   int            `json:"round"`
		Done    time.Time      `json:"done,omitzero"`
		Votes   map[int]string `json:"votes"` // file number → vote
	}
	type contest struct {
		Round   int                 `json:"round"`
		Rules   map[string][]string `json:"rules"`
		Opinion []Opinion           `json:"opinion"`
		Outcome string              `json:"outcome"`
	}
	out := struct {
		Request  string    `json:"request"`
		Round    int       `json:"round"`
		Authors  []string  `json:"authors"`
		Reviews  []review  `json:"reviews"`
		Signs    []SignOff `json:"signs"`
		Contests []contest `json:"contests"`
		Created  time.Time `json:"created"`
		Offered  time.Time `json:"offered"`
	}{Request: r.ID, Round: r.Round, Authors: append(slices.Clone(r.Former), r.Author), Signs: r.Signs, Created: r.Created, Offered: r.Offered}
	for _, rev := range r.Reviews {
		v := review{rev.Checker, rev.Round, rev.Done, map[int]string{}}
		for id, vote := range rev.Votes {
			v.Votes[ordinal[id]] = vote
		}
		out.Reviews = append(out.Reviews, v)
	}
	for _, c := range r.Contests {
		out.Contests = append(out.Contests, contest{c.Round, c.Rules, c.Opinion, c.Outcome})
	}
	return json.Marshal(out)
}

// stillApart refuses a release whose finished reviews come from one organisation
// as things stand now, where the permit asks for more.
func (r *Request) stillApart(ctx context.Context, tx *store.Tx) error {
	orgs := map[string]bool{}
	for _, rev := range r.Reviews {
		if rev.Round != r.Round || rev.Done.IsZero() {
			continue
		}
		u, err := governance.GetUser(ctx, tx, rev.Checker)
		if err != nil {
			return err
		}
		orgs[u.Org] = true
	}
	if r.Apart && len(orgs) < 2 {
		return ark.Faultf(ark.Conflict, "the permit asks for checkers of different organisations").Do("return the request, so that a checker of another organisation reviews it").By("permit-other-organisation")
	}
	return nil
}

// holds reports whether the files are those approved, in their order.
func (j ReleaseJob) holds(files []ReleasedFile) bool {
	return slices.EqualFunc(j.Files, files, func(want CheckOf, got ReleasedFile) bool {
		return want.Name == got.Name && want.Ref.SHA256 == got.SHA256 && (want.Ordinal == 0 || want.Ordinal == got.Ordinal)
	})
}

// ApplyRelease records the signed bundle inside the change that ends its job.
func (x *Room) ApplyRelease(ctx context.Context, tx *store.Tx, job ReleaseJob, res ReleaseResult) ([]store.Event, error) {
	r, err := requests.Get(ctx, tx, job.Request)
	if err != nil {
		return nil, err
	}
	if res.Refused == "" && !job.holds(res.Files) {
		res.Refused = "the worker's bundle does not hold exactly what was approved"
	}
	if res.Refused == "" {
		late, err := job.overtaken(ctx, tx)
		if err != nil {
			return nil, err
		}
		if late {
			res.Refused = "another release left meanwhile, or a published table was added; release again, so that this one is compared with it"
		}
	}
	if res.Refused == "" && x.Data != nil {
		switch _, err := x.Data(ctx, tx, r.Extract); {
		case ark.Is(err, ark.Conflict): // taken back or destroyed while it was assembled
			res.Refused = ark.Public(err, "the data that it was made of are no longer there")
		case err != nil:
			return nil, err
		}
	}
	if res.Refused != "" {
		if err := x.move(tx, r, "reviewed", "release.apply"); err != nil {
			return nil, err
		}
		r.Says, r.Release, r.ReleasedBy = res.Refused, "", ""
		events := []store.Event{r.event("release.refused", map[string]string{"why": "the bundle did not pass its own checks"})}
		for _, id := range res.Damaged {
			more, err := x.damaged(ctx, tx, r, id)
			if err != nil {
				return nil, err
			}
			events = append(events, more...)
		}
		return events, put(ctx, tx, r)
	}
	for i := range r.Files {
		for _, f := range job.Files {
			if r.Files[i].ID == f.ID {
				r.Files[i].Release = job.Release
			}
		}
	}
	to := "released"
	if slices.ContainsFunc(r.Files, File.asks) {
		to = "returned" // a part left; the rest is its author's again
	}
	if err := x.move(tx, r, to, "release.apply"); err != nil {
		return nil, err
	}
	r.Releases = append(r.Releases, job.Release)
	rel := Release{ID: job.Release, Project: r.Project, Request: r.ID, Permit: r.Permit, Recipients: []string{r.Author}, Destination: r.Destination,
		Files: res.Files, Bundle: res.Bundle, Checkpoint: job.Checkpoint, At: tx.Now(), By: r.ReleasedBy,
		DownloadUntil: tx.Now().Add(downloadDays), Record: res.Record, Contributors: res.Contributors, Exposure: res.Exposure}
	rel.standing(r)
	if err := releases.Insert(ctx, tx, &rel); err != nil {
		return nil, err
	}
	e := r.event("release.signed", map[string]any{"bundle": rel.Bundle.SHA256, "files": len(rel.Files)})
	e.Subjects = append(e.Subjects, rel.ID)
	return []store.Event{e}, put(ctx, tx, r)
}

// Download authorises, counts and records a download, and returns the release
// whose bundle may then be handed out.
func (x *Room) Download(ctx context.Context, actor store.Actor, release string) (*Release, error) {
	var out *Release
	err := x.St.Act(ctx, actor, "release.download", store.Resource{Type: "Release", ID: release}, func(tx *store.Tx) ([]store.Event, error) {
		r, err := releases.Get(ctx, tx, release)
		if err != nil {
			return nil, err
		}
		r.Downloads++
		if err := r.opened(ctx, tx); err != nil {
			return nil, err
		}
		out = r
		return []store.Event{{Type: "release.downloaded", Project: r.Project, Subjects: []string{r.ID, r.Project}, Body: map[string]int{"nth": r.Downloads}}}, releases.Update(ctx, tx, r)
	})
	return out, err
}

// GetRelease returns a release.
func GetRelease(ctx context.Context, q store.Querier, id string) (*Release, error) {
	return releases.Get(ctx, q, id)
}

// ReleasesOf returns a project's releases, oldest first.
func ReleasesOf(ctx context.Context, q store.Querier, project string) ([]Release, error) {
	return releases.Where(ctx, q, "project = $1", project)
}

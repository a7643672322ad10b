package airlock

import (
	"context"
	"slices"

	"github.com/ark-tre/ark/airlock/acro"
	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// CheckedFile is what the automatic checks say of one file.
type CheckedFile struct {
	ID       string               `json:"id"`
	Type     string               `json:"type"`
	Verdict  string               `json:"verdict"`
	Findings []disclosure.Finding `json:"findings"`
	Clean    Submitted            `json:"clean,omitzero"` // the file made of it; none: it is the submitted one
	ACRO     *acro.Claim          `json:"acro,omitempty"`
	Damaged  bool                 `json:"damaged,omitempty"` // its stored bytes are not what was submitted
}

// CheckResult is what the airlock worker gives back.
type CheckResult struct {
	Files []CheckedFile `json:"files"`
}

// ApplyChecks records the automatic checks inside the change that ends their
// job. A file that failed blocks the request; a file that was not checked
// counts as failed.
func (x *Room) ApplyChecks(ctx context.Context, tx *store.Tx, request string, round int, res CheckResult) ([]store.Event, error) {
	r, err := requests.Get(ctx, tx, request)
	if err != nil {
		return nil, err
	}
	if r.State != "checking" || r.Round != round {
		for _, c := range res.Files { // withdrawn or resubmitted meanwhile; no object is without a row
			if c.Clean.Name != "" && !slices.Contains(r.Dropped, c.Clean.Ref) {
				r.Dropped = append(r.Dropped, c.Clean.Ref)
			}
		}
		return []store.Event{r.event("request.checks-dropped", nil)}, put(ctx, tx, r)
	}
	by := map[string]CheckedFile{}
	for _, c := range res.Files {
		by[c.ID] = c
	}
	to := "submitted"
	var damaged []string
	rules := map[string]int{}
	for i := range r.Files {
		f := &r.Files[i]
		if f.Release != "" {
			continue // it has left already
		}
		c, ok := by[f.ID]
		if !ok {
			c.Verdict = "fail"
		}
		f.Type, f.Verdict, f.Findings, f.ACRO = c.Type, c.Verdict, c.Findings, c.ACRO
		if c.Damaged {
			f.Verdict, damaged = "fail", append(damaged, f.ID)
		}
		if f.Kind == KindOutput && c.Clean.Name != "" {
			if c.Clean.Ref.Zone != objects.Outputs || len(c.Clean.Ref.SHA256) != 64 {
				return nil, ark.Faultf(ark.Internal, "the clean file is not where clean files are kept")
			}
			f.Submitted = f.given()
			f.Name, f.Ref = c.Clean.Name, c.Clean.Ref
		}
		r.sameClean(*f)
		for _, fd := range c.Findings {
			rules[fd.Rule]++
		}
		f.Waved = r.overridden(*f)
		if f.Verdict != "pass" && f.Verdict != "review" && len(f.Waved) == 0 {
			to = "blocked"
		}
	}
	if err := x.move(tx, r, to, "request.apply"); err != nil {
		return nil, err
	}
	alarm, err := x.alarm(ctx, tx, r)
	if err != nil {
		return nil, err
	}
	r.Alone = false
	if to == "submitted" {
		r.Alone = x.alone(r)
		r.Offered = tx.Now()
	}
	for _, id := range damaged {
		events, err := x.damaged(ctx, tx, r, id)
		if err != nil {
			return nil, err
		}
		alarm = append(alarm, events...)
	}
	return append(alarm, r.event("request.checked", map[string]any{"state": to, "rules": rules, "round": round})), put(ctx, tx, r)
}

// sameClean takes back the votes that were kept for f when the clean file is
// not the one that they were cast on: another program may have made it.
func (r *Request) sameClean(f File) {
	if len(r.Earlier) == 0 {
		return
	}
	for _, o := range r.Earlier[len(r.Earlier)-1].Files {
		if o.given().Name == f.given().Name && o.Ref.SHA256 == f.Ref.SHA256 {
			return
		}
	}
	for _, rev := range r.Reviews {
		if rev.Round == r.Round {
			delete(rev.Votes, f.ID)
		}
	}
}

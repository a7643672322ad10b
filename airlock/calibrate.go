package airlock

import (
	"context"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/store"
)

// Calibrate puts the files of a settled incident before the checkers once more,
// as a request like any other. It has no destination and can never be released;
// what it is shows when all have finished. The automatic checks look at it
// first: rules that stop it by now block it, and that is the answer too.
func (x *Room) Calibrate(ctx context.Context, actor store.Actor, release string) (*Request, error) {
	var r Request
	err := x.St.Act(ctx, actor, "release.calibrate", store.Resource{Type: "Release", ID: release}, func(tx *store.Tx) ([]store.Event, error) {
		rel, err := releases.Get(ctx, tx, release)
		if err != nil {
			return nil, err
		}
		if rel.Incident == "" {
			return nil, ark.Faultf(ark.Conflict, "only what should not have left is used to calibrate")
		}
		in, err := incidents.Get(ctx, tx, rel.Incident)
		if err != nil {
			return nil, err
		}
		old, err := requests.Get(ctx, tx, rel.Request)
		if err != nil {
			return nil, err
		}
		permit, err := governance.GetPermit(ctx, tx, rel.Permit)
		if err != nil {
			return nil, err
		}
		if in.Outcome == "" || len(in.Cases) == 0 {
			return nil, ark.Faultf(ark.Conflict, "the incident is not settled, or has no files").Do("settle it first")
		}
		r = Request{ID: tx.NewID(ark.PrefixRequest), Project: rel.Project, Permit: rel.Permit, Extract: old.Extract, Author: actor.User, State: x.machine.Start, Round: 1,
			Destination: rel.Destination, Profile: old.Profile, Checkers: max(permit.Checkers, minCheckers), Created: tx.Now(), StateSince: tx.Now(),
			Reviews: []CheckerReview{}, Comments: []Comment{}, Groups: old.Groups, Calibration: true}
		for _, c := range in.Cases {
			for _, f := range old.Files {
				if f.Ordinal == c.Ordinal && f.Ref.SHA256 == c.Ref.SHA256 {
					r.Files = append(r.Files, File{ID: tx.NewID(ark.PrefixFile), Ordinal: f.Ordinal, Group: min(f.Group, len(r.Groups)-1), Name: f.Name, Kind: KindOutput, Ref: f.Ref, Rows: f.Rows})
				}
			}
		}
		if len(r.Files) == 0 {
			return nil, ark.Faultf(ark.Conflict, "the files of the incident are not there any more")
		}
		if err := insert(ctx, tx, &r); err != nil {
			return nil, err
		}
		// The ledger's leaf does not name the request: everybody may read it.
		return []store.Event{r.blindEvent("calibration.seeded", map[string]string{"incident": in.ID})}, x.enqueueCheck(ctx, tx, &r)
	})
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// agree records, when a round's checkers have all finished, how far their votes
// were alike, and for a calibration who stopped it.
func (r *Request) agree(ctx context.Context, tx *store.Tx) error {
	if r.Recounted == r.Round {
		return nil // who finishes now may have seen the votes of others
	}
	pairs, same, stopped, seen := 0, 0, 0, 0
	for i, a := range r.Reviews {
		if a.Round != r.Round || a.Done.IsZero() {
			continue
		}
		for _, b := range r.Reviews[:i] {
			if b.Round != r.Round || b.Done.IsZero() {
				continue
			}
			for _, f := range r.Files {
				if f.asks() {
					pairs++
					if a.Votes[f.ID] == b.Votes[f.ID] {
						same++
					}
				}
			}
		}
		if r.Calibration {
			seen++
			for _, v := range a.Votes {
				if v == VoteChanges {
					stopped++
					break
				}
			}
		}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO request_agreement (request, round, at, pairs, same, seen, stopped) VALUES ($1,$2,$3,$4,$5,$6,$7) ON CONFLICT (request, round) DO UPDATE SET pairs = excluded.pairs, same = excluded.same, seen = excluded.seen, stopped = excluded.stopped`,
		r.ID, r.Round, tx.Now().Unix(), pairs, same, seen, stopped)
	return err
}

// Agreement is how far checkers, each on their own, voted alike.
type Agreement struct {
	Pairs   int `json:"pairs"`   // pairs of votes on one file
	Same    int `json:"same"`    // that were alike
	Seen    int `json:"seen"`    // reviews of calibrations
	Stopped int `json:"stopped"` // that asked for changes
}

// ReadAgreement sums up all rounds.
func ReadAgreement(ctx context.Context, q store.Querier) (Agreement, error) {
	var a Agreement
	err := q.QueryRowContext(ctx, `SELECT COALESCE(SUM(pairs),0), COALESCE(SUM(same),0), COALESCE(SUM(seen),0), COALESCE(SUM(stopped),0) FROM request_agreement`).Scan(&a.Pairs, &a.Same, &a.Seen, &a.Stopped)
	return a, err
}

package catalogue

import (
	"context"
	"errors"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// Why an extract that a recall froze is destroyed.
const (
	endReplaced = "it was cut anew without what was taken back"
	endOverdue  = "the time to cut it anew has passed"
)

var errNothing = errors.New("catalogue: nothing to do")

// EnforceRecalls is a step of the system: it cuts anew what recalls froze as
// soon as a newer version allows it, destroys a frozen extract once its
// replacement is there, and destroys what nobody cut anew in time. It may be
// repeated; it returns how many extracts it began to destroy.
func (r *Room) EnforceRecalls(ctx context.Context) (int, error) {
	if r.Extracts == nil {
		return 0, nil
	}
	var all []Recall
	due := map[string]map[string]string{} // recall → extract → why
	wanting := map[string]string{}        // project → a recall whose extract can perhaps be cut now
	err := r.St.View(ctx, func(q store.Querier) error {
		var err error
		if all, err = recalls.Where(ctx, q, ""); err != nil {
			return err
		}
		for _, rec := range all {
			for _, f := range rec.Frozen {
				why, err := r.mustEnd(ctx, q, rec, f)
				if err != nil {
					return err
				}
				if why != "" {
					if due[rec.ID] == nil {
						due[rec.ID] = map[string]string{}
					}
					due[rec.ID][f.Extract] = why
				} else if f.Recut == "" && f.Ended == "" && rec.State == "open" {
					newer, err := publishedSince(ctx, q, rec)
					if err != nil {
						return err
					}
					if newer {
						wanting[f.Project] = rec.ID
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	part := store.Actor{System: "governance"}
	for project := range wanting {
		err := r.St.Act(ctx, part, "extract.cut", store.Resource{Type: "Project", ID: project}, func(tx *store.Tx) ([]store.Event, error) {
			events, err := r.recut(ctx, tx)
			if err == nil && len(events) == 0 {
				err = errNothing
			}
			return events, err
		})
		if err != nil && !errors.Is(err, errNothing) && !ark.Is(err, ark.Lapsed) && !ark.Is(err, ark.Forbidden) {
			return 0, err
		}
	}
	n := 0
	for _, rec := range all {
		for _, f := range rec.Frozen {
			why := due[rec.ID][f.Extract]
			if why == "" {
				continue
			}
			if err := r.end(ctx, part, rec.ID, f, why); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

// mustEnd says why a frozen extract has to be destroyed now, "" if it has not.
func (r *Room) mustEnd(ctx context.Context, q store.Querier, rec Recall, f FrozenIn) (string, error) {
	if f.Ended != "" {
		return "", nil
	}
	state, err := r.Extracts.ExtractState(ctx, q, f.Extract)
	if err != nil || state != "frozen" {
		return "", err
	}
	if f.Recut != "" {
		now, err := r.Extracts.ExtractState(ctx, q, f.Recut)
		if err == nil && now == "ready" {
			return endReplaced, nil
		}
		if err != nil {
			return "", err
		}
	}
	if r.St.Now().After(rec.Due) {
		return endOverdue, nil
	}
	return "", nil
}

// end destroys one frozen extract and notes it in its recall.
func (r *Room) end(ctx context.Context, part store.Actor, recall string, f FrozenIn, why string) error {
	return r.St.Act(ctx, part, "extract.end", store.Resource{Type: "Project", ID: f.Project}, func(tx *store.Tx) ([]store.Event, error) {
		rec, err := recalls.Get(ctx, tx, recall)
		if err != nil {
			return nil, err
		}
		events, err := r.Extracts.EndExtract(ctx, tx, f.Extract, why)
		if err != nil {
			return nil, err
		}
		for i := range rec.Frozen {
			if rec.Frozen[i].Extract == f.Extract {
				rec.Frozen[i].Ended = why
			}
		}
		return events, rec.settle(ctx, tx)
	})
}

// publishedSince reports whether one of the datasets that a recall withdrew a
// version of has a version from after it. An older one that is left is no
// replacement: it may hold people who have objected since.
func publishedSince(ctx context.Context, q store.Querier, rec Recall) (bool, error) {
	for _, id := range rec.Versions {
		v, err := versions.Get(ctx, q, id)
		if err != nil {
			return false, err
		}
		left, err := versions.Where(ctx, q, "dataset = $1 AND state = 'published'", v.Dataset)
		if err != nil {
			return false, err
		}
		for _, x := range left {
			if x.Published.After(rec.At) {
				return true, nil
			}
		}
	}
	return false, nil
}

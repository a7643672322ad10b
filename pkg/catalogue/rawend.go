package catalogue

import (
	"context"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/intake"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// ExpireDeliveries is a step of the system: of deliveries whose source's
// retention is over it removes the files as they came. Nothing reads them after
// intake: linkage and publishing need the identifiers, the coarse facts and the
// payload that were made of them, which stay, and so do the files' names, sizes
// and hashes, the manifest's counts, the report and the list of what waits. It is
// noted first and the names of objects are forgotten last, so that a crash
// between loses nothing. It returns how many deliveries fell due.
func (r *Room) ExpireDeliveries(ctx context.Context, remove func(context.Context, objects.Ref) error) (int, error) {
	var due []Delivery
	if err := r.St.View(ctx, func(q store.Querier) (err error) {
		due, err = rawDue(ctx, q, r.St.Now(), "")
		return err
	}); err != nil {
		return 0, err
	}
	n := 0
	for _, d := range due {
		if d.Expired.IsZero() {
			kept := false
			err := r.expireRaw(ctx, d, func(tx *store.Tx, now *Delivery) ([]store.Event, error) {
				still, err := rawDue(ctx, tx, tx.Now(), d.Source) // a hold or a recall may have come meanwhile
				if err != nil {
					return nil, err
				}
				if kept = !slices.ContainsFunc(still, func(x Delivery) bool { return x.ID == d.ID }); kept {
					return []store.Event{{Type: "delivery.files-kept", Subjects: []string{d.ID, d.Source}}}, nil
				}
				now.Expired = tx.Now()
				return []store.Event{{Type: "delivery.files-expired", Subjects: []string{d.ID, d.Source}, Body: map[string]any{"files": len(d.Files)}}}, nil
			})
			if err != nil {
				return n, err
			}
			if kept {
				continue
			}
			n++
		}
		for _, f := range d.Files {
			for _, ref := range append([]objects.Ref{f.Ref}, f.Parts...) {
				if ref.Name == "" {
					continue
				}
				if err := remove(ctx, ref); err != nil {
					return n, err
				}
			}
		}
		err := r.expireRaw(ctx, d, func(tx *store.Tx, now *Delivery) ([]store.Event, error) {
			forget := func(ref *objects.Ref) { *ref = objects.Ref{SHA256: ref.SHA256, Size: ref.Size} }
			for i := range now.Files {
				forget(&now.Files[i].Ref)
				for j := range now.Files[i].Parts {
					forget(&now.Files[i].Parts[j])
				}
			}
			now.Gone = true
			came, err := uploads.Where(ctx, tx, "source = $1", d.Source)
			if err != nil {
				return nil, err
			}
			for _, u := range came {
				if u.Delivery != d.ID {
					continue
				}
				forget(&u.Manifest.Ref)
				for i := range u.Files {
					for j := range u.Files[i].Parts {
						forget(&u.Files[i].Parts[j].Ref)
					}
				}
				if err := uploads.Update(ctx, tx, &u); err != nil {
					return nil, err
				}
			}
			return []store.Event{{Type: "delivery.files-removed", Subjects: []string{d.ID, d.Source}}}, nil
		})
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (r *Room) expireRaw(ctx context.Context, d Delivery, change func(*store.Tx, *Delivery) ([]store.Event, error)) error {
	return r.St.Act(ctx, store.Actor{System: "governance"}, "delivery.expire", store.Resource{Type: "Source", ID: d.Source}, func(tx *store.Tx) ([]store.Event, error) {
		now, err := deliveries.Get(ctx, tx, d.ID)
		if err != nil {
			return nil, err
		}
		events, err := change(tx, now)
		if err != nil {
			return nil, err
		}
		return events, deliveries.Update(ctx, tx, now)
	})
}

// rawDue are the deliveries of a source, or of all when it is empty, whose files
// are to be removed at a time, and those of which that was begun.
func rawDue(ctx context.Context, q store.Querier, now time.Time, source string) ([]Delivery, error) {
	where, args := "", []any{}
	if source != "" {
		where, args = "id = $1", []any{source}
	}
	all, err := sources.Where(ctx, q, where, args...)
	if err != nil {
		return nil, err
	}
	k, err := keepersOf(ctx, q)
	if err != nil {
		return nil, err
	}
	days := map[string]int{} // of a contract's text
	var out []Delivery
	for _, s := range all {
		if _, known := days[s.ContractHash]; !known {
			c, err := intake.ParseContract([]byte(s.Contract))
			if err != nil {
				return nil, err
			}
			days[s.ContractHash] = c.Retention.Delivered
		}
		if days[s.ContractHash] == 0 {
			continue
		}
		ds, err := deliveries.Where(ctx, q, "source = $1", s.ID)
		if err != nil {
			return nil, err
		}
		for _, d := range ds {
			if d.Gone || d.Expired.IsZero() && now.Before(d.Received.AddDate(0, 0, days[s.ContractHash])) {
				continue
			}
			if !d.Expired.IsZero() || k.why(d, ds) == "" {
				out = append(out, d)
			}
		}
	}
	return out, nil
}

// keepers are what may need delivered files beyond their retention.
type keepers struct {
	recalls  []Recall // open ones
	versions []Version
}

func keepersOf(ctx context.Context, q store.Querier) (k keepers, err error) {
	if k.recalls, err = OpenRecalls(ctx, q); err != nil {
		return k, err
	}
	k.versions, err = versions.Where(ctx, q, "")
	return k, err
}

// why is what keeps a delivery's files whatever their retention; empty if nothing
// does. all are the deliveries of its source.
func (k keepers) why(d Delivery, all []Delivery) string {
	if d.State == "received" {
		return "they are being taken in"
	}
	holds := func(v Version) bool { return slices.Contains(v.Deliveries, d.ID) }
	for _, rec := range k.recalls {
		if rec.ID == d.ID || slices.ContainsFunc(k.versions, func(v Version) bool { return holds(v) && slices.Contains(rec.Versions, v.ID) }) {
			return "data in them were taken back, and that is not settled yet"
		}
	}
	if slices.ContainsFunc(k.versions, func(v Version) bool { return holds(v) && v.Held() != nil }) {
		return "a version that they are in is on hold"
	}
	later := func(x Delivery) bool { return x.Number > d.Number && x.State == "accepted" }
	if d.State == "accepted" && d.Counts.Quarantined > 0 && !slices.ContainsFunc(all, later) {
		return "rows of them wait to be corrected, and no later delivery has come"
	}
	return ""
}

// RawKept says until when a delivery's files are kept as they came, whether that
// is told at all, and what keeps them beyond it.
func RawKept(ctx context.Context, q store.Querier, d Delivery) (until time.Time, why string, told bool, err error) {
	s, err := sources.Get(ctx, q, d.Source)
	if err != nil {
		return until, "", false, err
	}
	c, err := intake.ParseContract([]byte(s.Contract))
	if err != nil || c.Retention.Delivered == 0 {
		return until, "", false, err
	}
	all, err := deliveries.Where(ctx, q, "source = $1", d.Source)
	if err != nil {
		return until, "", false, err
	}
	k, err := keepersOf(ctx, q)
	return d.Received.AddDate(0, 0, c.Retention.Delivered), k.why(d, all), true, err
}

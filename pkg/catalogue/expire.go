package catalogue

import (
	"context"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// uploadKept is how long an upload that broke off waits for its next part.
const uploadKept = 14 * 24 * time.Hour

// ExpireUploads is a step of the system: it gives up uploads to which nothing
// came for a fortnight, and has what came of them removed. An upload that was
// given up is noted first and forgets its parts last, so that a crash between
// loses no object and names none that is gone for longer than until the next
// time. It returns how many were given up.
func (r *Room) ExpireUploads(ctx context.Context, remove func(context.Context, objects.Ref) error) (int, error) {
	var all []Upload
	if err := r.St.View(ctx, func(q store.Querier) (err error) {
		all, err = uploads.Where(ctx, q, "")
		return err
	}); err != nil {
		return 0, err
	}
	n := 0
	for _, u := range all {
		if u.Delivery != "" || u.Gone || r.St.Now().Sub(u.touched()) <= uploadKept {
			continue
		}
		if u.Expired.IsZero() {
			err := r.expire(ctx, u.ID, u.Source, func(tx *store.Tx, u *Upload) []store.Event {
				if u.Delivery != "" || tx.Now().Sub(u.touched()) <= uploadKept { // a part came meanwhile
					return []store.Event{{Type: "delivery.upload-resumed", Subjects: []string{u.ID, u.Source}}}
				}
				u.Expired = tx.Now()
				return []store.Event{{Type: "delivery.upload-expired", Subjects: []string{u.ID, u.Source}, Body: map[string]any{"parts": len(u.refs()) - 1}}}
			})
			if err != nil {
				return n, err
			}
			if err := r.St.View(ctx, func(q store.Querier) error {
				now, err := uploads.Get(ctx, q, u.ID)
				if err == nil {
					u = *now
				}
				return err
			}); err != nil {
				return n, err
			}
			if u.Expired.IsZero() {
				continue
			}
			n++
		}
		for _, ref := range u.refs() {
			if err := remove(ctx, ref); err != nil {
				return n, err
			}
		}
		err := r.expire(ctx, u.ID, u.Source, func(_ *store.Tx, u *Upload) []store.Event {
			u.Gone = true
			for i := range u.Files {
				u.Files[i].Parts = []UploadPart{}
			}
			u.Manifest.Ref = objects.Ref{SHA256: u.Manifest.Ref.SHA256}
			return []store.Event{{Type: "delivery.upload-removed", Subjects: []string{u.ID, u.Source}}}
		})
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (r *Room) expire(ctx context.Context, id, source string, change func(*store.Tx, *Upload) []store.Event) error {
	return r.St.Act(ctx, store.Actor{System: "governance"}, "delivery.expire", store.Resource{Type: "Source", ID: source}, func(tx *store.Tx) ([]store.Event, error) {
		u, err := uploads.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		// A crash may have come between the delivery's row and the upload's.
		made, err := deliveries.Where(ctx, tx, "source = $1 AND name = $2", source, u.Name)
		if err != nil {
			return nil, err
		}
		for _, d := range made {
			if u.Delivery == "" && d.holds(u.refs()) {
				u.Delivery = d.ID
			}
		}
		events := change(tx, u)
		return events, uploads.Update(ctx, tx, u)
	})
}

// holds reports whether a delivery names one of the objects.
func (d Delivery) holds(refs []objects.Ref) bool {
	for _, f := range d.Files {
		for _, ref := range append([]objects.Ref{f.Ref}, f.Parts...) {
			if ref.Name != "" && slices.ContainsFunc(refs, func(x objects.Ref) bool { return x.Name == ref.Name }) {
				return true
			}
		}
	}
	return false
}

// touched is when something last came.
func (u *Upload) touched() time.Time {
	if u.Touched.After(u.Opened) {
		return u.Touched
	}
	return u.Opened
}

// refs are the objects of an upload.
func (u *Upload) refs() []objects.Ref {
	out := []objects.Ref{u.Manifest.Ref}
	for _, f := range u.Files {
		for _, p := range f.Parts {
			out = append(out, p.Ref)
		}
	}
	return out
}

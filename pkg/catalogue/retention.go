package catalogue

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// Retention is for how many days a dataset's versions are kept when they are of
// no use for new work any more. A dataset without one keeps them all.
type Retention struct {
	Superseded int `json:"superseded" yaml:"superseded"` // after a newer version was published
	Withdrawn  int `json:"withdrawn" yaml:"withdrawn"`   // after it was taken back
}

// maxRetention is a hundred years.
const maxRetention = 36525

func (r *Retention) check() error {
	if r != nil && (r.Superseded < 0 || r.Withdrawn < 0 || r.Superseded > maxRetention || r.Withdrawn > maxRetention) {
		return ark.Faultf(ark.Invalid, "a retention is 0 to %d days", maxRetention).At("", 0, "retention").Do("give days after which a superseded and a withdrawn version may be destroyed; leave retention out to keep all")
	}
	return nil
}

// Hold keeps a version from being destroyed, whatever its retention.
type Hold struct {
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Lifted time.Time `json:"lifted,omitzero"`
	Lifter string    `json:"lifter,omitempty"`
}

var holdReasons = map[string]string{
	"litigation": "a court case needs it, or may",
	"inquiry":    "a regulator or a public inquiry needs it",
	"complaint":  "a complaint about it is open",
	"audit":      "results that rest on it are being looked at again",
}

// HoldReasons returns the reasons for a hold and what they mean.
func HoldReasons() map[string]string {
	return maps.Clone(holdReasons)
}

// Ending is the destruction of a version: who ordered it, which other person
// confirmed it, what became of its key, and the signed certificate.
type Ending struct {
	Ordered     string         `json:"ordered"` // user
	Human       string         `json:"human"`   // the human being behind that account
	OrderedAt   time.Time      `json:"ordered_at"`
	Was         string         `json:"was"` // its state then
	Confirmed   string         `json:"confirmed,omitempty"`
	ConfirmedAt time.Time      `json:"confirmed_at,omitzero"`
	Key         *keys.Evidence `json:"key,omitempty"` // once its key is destroyed
	Certificate objects.Ref    `json:"certificate,omitzero"`
}

// EndVersionJob is what the publishing worker is given once a version's key is
// destroyed: it makes sure that nothing of it opens, and signs the certificate.
type EndVersionJob struct {
	Dataset  string           `json:"dataset"` // slug
	Version  string           `json:"version"`
	Number   int              `json:"number"`
	Manifest string           `json:"manifest"` // SHA-256
	Tables   []PublishedTable `json:"tables"`
	Ending   Ending           `json:"ending"`
	At       time.Time        `json:"at"`
}

// EndVersionResult is what it gives back.
type EndVersionResult struct {
	Certificate objects.Ref `json:"certificate"`
}

// KeptUntil is until when a version is kept by its dataset's retention, and
// whether that is told at all: not of the newest, nor without a retention.
func KeptUntil(ctx context.Context, q store.Querier, d Dataset, v Version) (time.Time, bool, error) {
	if d.Retention == nil {
		return time.Time{}, false, nil
	}
	if v.State == "withdrawn" {
		from := v.Withdrawn
		if from.IsZero() { // taken back before the day was noted
			all, err := recalls.Where(ctx, q, "")
			if err != nil {
				return from, false, err
			}
			for _, rec := range all {
				if slices.Contains(rec.Versions, v.ID) {
					from = rec.At
				}
			}
		}
		return from.AddDate(0, 0, d.Retention.Withdrawn), !from.IsZero(), nil
	}
	all, err := versions.Where(ctx, q, "dataset = $1", d.ID)
	if err != nil {
		return time.Time{}, false, err
	}
	var from time.Time
	for _, x := range all {
		if x.Number > v.Number && !x.Published.IsZero() && (from.IsZero() || x.Published.Before(from)) {
			from = x.Published
		}
	}
	return from.AddDate(0, 0, d.Retention.Superseded), !from.IsZero(), nil
}

// Held returns the hold that keeps a version, nil if none does.
func (v Version) Held() *Hold {
	for i := range v.Holds {
		if v.Holds[i].Lifted.IsZero() {
			return &v.Holds[i]
		}
	}
	return nil
}

// MayEnd refuses, with the reason, a version that must not be destroyed now.
func (r *Room) MayEnd(ctx context.Context, q store.Querier, d Dataset, v Version) error {
	no := func(format string, args ...any) *ark.Fault {
		return ark.Faultf(ark.Conflict, "version %d of %s cannot be destroyed: "+format, append([]any{v.Number, d.Slug}, args...)...)
	}
	if err := r.version.Move(v.State, "ending", "version.confirm"); err != nil {
		return err
	}
	if d.Latest == v.ID {
		return no("it is the newest").Do("publish another first, or take it back")
	}
	if h := v.Held(); h != nil {
		return no("it is on hold because %s", holdReasons[h.Reason]).Do("a custodian of the dataset has to lift the hold first")
	}
	if !v.OwnKey {
		return no("it was published before versions had keys of their own, and its key seals others too").Do("keep it; what is published from now on can be destroyed")
	}
	if v.Synthesis != nil && v.Synthesis.State == "making" {
		return no("its synthetic version is being made").Do("wait for it")
	}
	until, told, err := KeptUntil(ctx, q, d, v)
	switch {
	case err != nil:
		return err
	case d.Retention == nil:
		return no("its dataset has no retention, so all is kept").Do("have a data engineer offer the dataset with a retention")
	case !told:
		return no("nobody knows since when it is of no use").Do("take it back first")
	case r.St.Now().Before(until):
		return no("it is kept until %s", until.Format("2 January 2006")).Do("wait until then")
	case r.Extracts == nil:
		return ark.Faultf(ark.Internal, "nothing here knows which extracts rest on it")
	}
	pins, err := r.Extracts.Pinned(ctx, q, v.ID, d.ID)
	if err != nil {
		return err
	}
	if n := len(pins); n > 0 {
		return no("%d project%s an extract that was cut from it", n, map[bool]string{true: " has", false: "s have"}[n == 1]).Do("wait until they are closed, or take the version back, which has their extracts cut anew")
	}
	return nil
}

// change does one step of a version's end through the door.
func (r *Room) change(ctx context.Context, actor store.Actor, action, version string, do func(*store.Tx, *Dataset, *Version) ([]store.Event, error)) (*Version, error) {
	var out Version
	err := r.St.Act(ctx, actor, action, store.Resource{Type: "Version", ID: version}, func(tx *store.Tx) ([]store.Event, error) {
		v, err := versions.Get(ctx, tx, version)
		if err != nil {
			return nil, err
		}
		d, err := datasets.Get(ctx, tx, v.Dataset)
		if err != nil {
			return nil, err
		}
		events, err := do(tx, d, v)
		if err != nil {
			return nil, err
		}
		out = *v
		return events, versions.Update(ctx, tx, v)
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

func (v *Version) event(kind string, body any) []store.Event {
	return []store.Event{{Type: kind, Subjects: []string{v.ID, v.Dataset}, Body: body}}
}

// HoldVersion keeps a version from being destroyed until the hold is lifted. An
// order that nobody has confirmed is void with it.
func (r *Room) HoldVersion(ctx context.Context, actor store.Actor, version, reason string) (*Version, error) {
	return r.change(ctx, actor, "version.hold", version, func(tx *store.Tx, _ *Dataset, v *Version) ([]store.Event, error) {
		switch {
		case holdReasons[reason] == "":
			return nil, ark.Faultf(ark.Invalid, "the reason is none of the known ones").At("", 0, "reason").Do("use litigation, inquiry, complaint or audit")
		case v.State != "published" && v.State != "withdrawn":
			return nil, ark.Faultf(ark.Conflict, "there is nothing to hold: the version is %s", v.State)
		case v.Held() != nil:
			return nil, ark.Faultf(ark.Conflict, "the version is on hold already")
		}
		v.Holds, v.Ending = append(v.Holds, Hold{Reason: reason, By: actor.Name(), At: tx.Now()}), nil
		return v.event("version.held", map[string]string{"reason": reason}), nil
	})
}

// LiftHold ends a hold.
func (r *Room) LiftHold(ctx context.Context, actor store.Actor, version string) (*Version, error) {
	return r.change(ctx, actor, "version.unhold", version, func(tx *store.Tx, _ *Dataset, v *Version) ([]store.Event, error) {
		h := v.Held()
		if h == nil {
			return nil, ark.Faultf(ark.Conflict, "the version is not on hold")
		}
		h.Lifted, h.Lifter = tx.Now(), actor.Name()
		return v.event("version.unheld", map[string]string{"reason": h.Reason}), nil
	})
}

// OrderEnd orders that a version be destroyed. Nothing happens until a
// custodian who is another person confirms it.
func (r *Room) OrderEnd(ctx context.Context, actor store.Actor, version string) (*Version, error) {
	return r.change(ctx, actor, "version.destroy", version, func(tx *store.Tx, d *Dataset, v *Version) ([]store.Event, error) {
		if err := r.MayEnd(ctx, tx, *d, *v); err != nil {
			return nil, err
		}
		if v.Ending != nil {
			return nil, ark.Faultf(ark.Conflict, "its destruction is ordered already").Do("another custodian has to confirm it")
		}
		if r.Who == nil {
			return nil, ark.Faultf(ark.Unavailable, "nobody here knows who you are")
		}
		human, _, err := r.Who(ctx, tx, actor.User)
		if err != nil {
			return nil, err
		}
		v.Ending = &Ending{Ordered: actor.User, Human: human, OrderedAt: tx.Now(), Was: v.State}
		return v.event("version.end-ordered", nil), nil
	})
}

// ConfirmEnd confirms an order of somebody else: the version's key is destroyed,
// which cannot be undone.
func (r *Room) ConfirmEnd(ctx context.Context, actor store.Actor, version string) (*Version, error) {
	return r.change(ctx, actor, "version.confirm", version, func(tx *store.Tx, d *Dataset, v *Version) ([]store.Event, error) {
		if err := r.MayEnd(ctx, tx, *d, *v); err != nil {
			return nil, err
		}
		if v.Ending == nil {
			return nil, ark.Faultf(ark.Conflict, "nobody has ordered its destruction").Do("order it; another custodian has to confirm")
		}
		v.State, v.Says = "ending", ""
		v.Ending.Confirmed, v.Ending.ConfirmedAt = actor.User, tx.Now()
		_, err := tx.Enqueue(ctx, "destroy-version", "control", v.ID, map[string]string{"version": v.ID})
		return v.event("version.ending", map[string]string{"ordered": v.Ending.Ordered, "confirmed": v.Ending.Confirmed}), err
	})
}

// Shredded notes that a version's key is destroyed, and has that certified. It
// runs as a job of the system and may be repeated.
func (r *Room) Shredded(ctx context.Context, version string, evidence keys.Evidence) error {
	_, err := r.change(ctx, store.Actor{System: "governance"}, "version.shred", version, func(tx *store.Tx, d *Dataset, v *Version) ([]store.Event, error) {
		if v.State != "ending" {
			return nil, ark.Faultf(ark.Conflict, "nobody had this version destroyed")
		}
		if v.Ending.Key != nil {
			return v.event("version.already-shredded", nil), nil
		}
		v.Ending.Key = &evidence
		job := EndVersionJob{Dataset: d.Slug, Version: v.ID, Number: v.Number, Manifest: v.Hash, Tables: v.Tables, Ending: *v.Ending, At: tx.Now()}
		_, err := tx.Enqueue(ctx, "certify-version", "publish", v.ID, job)
		return v.event("version.shredded", evidence), err
	})
	return err
}

// ApplyEnd records inside the change that ends its job that a version is
// destroyed and certified.
func (r *Room) ApplyEnd(ctx context.Context, tx *store.Tx, id string, res EndVersionResult) ([]store.Event, error) {
	v, err := versions.Get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if err := r.version.Move(v.State, "destroyed", "version.apply"); err != nil {
		return nil, err
	}
	v.State, v.Says, v.Ending.Certificate = "destroyed", fmt.Sprintf("It was destroyed on %s.", tx.Now().Format("2 January 2006")), res.Certificate
	return v.event("version.destroyed", map[string]string{"certificate": res.Certificate.SHA256, "manifest": v.Hash}), versions.Update(ctx, tx, v)
}

// loadVersion reads a version for decisions: whose data it is of, and who has
// ordered that it be destroyed.
func loadVersion(ctx context.Context, q store.Querier, id string) (store.Entity, error) {
	v, err := versions.Get(ctx, q, id)
	if err != nil {
		return store.Entity{}, err
	}
	e, err := loadDataset(ctx, q, v.Dataset)
	if err != nil {
		return e, err
	}
	humans := []string{}
	if v.Ending != nil {
		humans = append(humans, v.Ending.Human)
	}
	e.Attrs["humans"] = humans
	return e, nil
}

// EndsWaiting are the versions whose destruction somebody ordered and nobody
// has confirmed.
func EndsWaiting(ctx context.Context, q store.Querier) ([]Version, error) {
	all, err := versions.Where(ctx, q, "state IN ('published', 'withdrawn')")
	return slices.DeleteFunc(all, func(v Version) bool { return v.Ending == nil }), err
}

// RepeatEnds destroys again, inside the change that restores an Ark from a
// backup, the versions that were destroyed after it. What the backup does not
// know is passed over.
func (r *Room) RepeatEnds(ctx context.Context, tx *store.Tx, ids []string) (events []store.Event, err error) {
	for _, id := range ids {
		v, err := versions.Get(ctx, tx, id)
		if ark.Is(err, ark.Unknown) {
			continue
		}
		if err != nil {
			return nil, err
		}
		was := v.State
		if r.version.Move(was, "ending", "version.confirm") != nil {
			continue // being built, failed, or at its end already
		}
		v.State, v.Says = "ending", "It was destroyed after the backup from which this Ark was restored."
		v.Ending = &Ending{Ordered: "the ledger", Confirmed: "the ledger", OrderedAt: tx.Now(), ConfirmedAt: tx.Now(), Was: was}
		if err := versions.Update(ctx, tx, v); err != nil {
			return nil, err
		}
		if err := newestLeft(ctx, tx, v.Dataset); err != nil {
			return nil, err
		}
		if _, err := tx.Enqueue(ctx, "destroy-version", "control", v.ID, map[string]string{"version": v.ID}); err != nil {
			return nil, err
		}
		events = append(events, v.event("version.ending", map[string]string{"again": "after a restore"})...)
		more, err := r.freezeAgain(ctx, tx, *v)
		if err != nil {
			return nil, err
		}
		events = append(events, more...)
	}
	again, err := r.recut(ctx, tx)
	return append(events, again...), err
}

// againDays is by when what a restore froze has to be cut anew.
const againDays = 14

// freezeAgain freezes what a restored Ark still has of a version that had been
// destroyed: extracts that were cut, or are being cut, from it before the backup.
func (r *Room) freezeAgain(ctx context.Context, tx *store.Tx, v Version) ([]store.Event, error) {
	if r.Extracts == nil {
		return nil, ark.Faultf(ark.Internal, "nothing here knows which extracts rest on it")
	}
	pins, err := r.Extracts.Pinned(ctx, tx, v.ID, v.Dataset)
	if err != nil || len(pins) == 0 {
		return nil, err
	}
	if _, err := recalls.Get(ctx, tx, v.ID); !ark.Is(err, ark.Unknown) {
		return nil, err // taken back before the backup: what it froze is frozen
	}
	rec := Recall{ID: v.ID, Dataset: v.Dataset, State: "open", Reason: endedAgain, By: "the ledger", At: tx.Now(), Due: tx.Now().AddDate(0, 0, againDays), Versions: []string{v.ID}, Linkages: []string{}}
	return r.freeze(ctx, tx, &rec, []string{v.Dataset}, rec.Why(), nil)
}

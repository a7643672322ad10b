package catalogue

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// Reasons why a delivery is taken back.
var recallReasons = map[string]string{
	"court-order":       "a court or the regulator ordered it",
	"misdelivery":       "it should not have been sent, or not here",
	"wrong-link":        "it links records of different people",
	"wrong-data":        "its data are wrong in a way that must not be used",
	"consent-withdrawn": "what allowed it to be used is gone",
}

// RecallReasons returns the reasons and what they mean.
func RecallReasons() map[string]string {
	return maps.Clone(recallReasons)
}

// endedAgain is the reason of Ark itself: a version had been destroyed after the
// backup from which an Ark is restored.
const endedAgain = "destroyed"

// Why is the reason of a recall in words.
func (r Recall) Why() string {
	if r.Reason == endedAgain {
		return "it was destroyed after the backup from which this Ark was restored"
	}
	return recallReasons[r.Reason]
}

// recallDays bound the time within which frozen extracts have to be cut anew.
const recallDays = 90

// Recall is the taking back of a delivery and everything that followed: which
// versions were withdrawn, which extracts frozen, in whose homes copies may
// lie, and by when what was frozen has to be cut anew.
type Recall struct {
	ID       string     `json:"id"` // of the delivery or version
	Source   string     `json:"source,omitempty"`
	Dataset  string     `json:"dataset,omitempty"` // when a version alone was withdrawn
	State    string     `json:"state"`             // open, or closed when every frozen extract was cut anew or destroyed
	Reason   string     `json:"reason"`
	By       string     `json:"by"`
	At       time.Time  `json:"at"`
	Due      time.Time  `json:"due"`
	Versions []string   `json:"versions"` // withdrawn
	Linkages []string   `json:"linkages"` // that used it: the next publishing needs a newer one
	Frozen   []FrozenIn `json:"frozen"`
}

// FrozenIn is what a recall froze in one project.
type FrozenIn struct {
	Project string   `json:"project"`
	Extract string   `json:"extract"`
	Homes   []string `json:"homes"`           // workspaces that could read it: its users' homes may hold copies
	Recut   string   `json:"recut,omitempty"` // the extract that takes its place
	Ended   string   `json:"ended,omitempty"` // why it was destroyed
}

// Overdue reports whether the time for cutting anew has passed.
func (r Recall) Overdue(now time.Time) bool { return r.State == "open" && now.After(r.Due) }

var recalls = store.Docs[Recall]{Table: "recalls", Noun: "recall", Keys: []string{"delivery", "state"},
	Of: func(r *Recall) (string, []any) { return r.ID, []any{r.ID, r.State} }}

// Extracts is what the room of extracts does when versions are withdrawn, in
// the same change: the one freezes every extract of them, the other starts to cut
// anew what can be and returns the new extracts by the old ones.
type Extracts interface {
	FreezeExtracts(ctx context.Context, tx *store.Tx, versions, datasets []string, says, remedy string) ([]FrozenIn, []store.Event, error)
	RecutExtracts(ctx context.Context, tx *store.Tx, extracts []string) (map[string]string, []store.Event, error)
	// EndExtract begins to destroy one; ExtractState says what became of one.
	EndExtract(ctx context.Context, tx *store.Tx, extract, why string) ([]store.Event, error)
	ExtractState(ctx context.Context, q store.Querier, extract string) (string, error)
	// Pinned are the projects with an extract in use, or about to be cut, from a version.
	Pinned(ctx context.Context, q store.Querier, version, dataset string) ([]string, error)
}

// RecallDelivery takes an accepted delivery back, in one change: every version
// that holds it is withdrawn, every extract of those is frozen with its
// workspaces, and it is no input of linkage and publishing any more. Frozen
// extracts are cut anew from the next version, by the day due at the latest.
func (r *Room) RecallDelivery(ctx context.Context, actor store.Actor, id, reason string, days int) (*Recall, error) {
	says, err := r.recallable(reason, days)
	if err != nil {
		return nil, err
	}
	var rec Recall
	err = r.St.Act(ctx, actor, "delivery.recall", store.Resource{Type: "Delivery", ID: id}, func(tx *store.Tx) ([]store.Event, error) {
		d, err := deliveries.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if err := r.delivery.Move(d.State, "recalled", "delivery.recall"); err != nil {
			return nil, err
		}
		d.State, d.Says = "recalled", says
		if err := deliveries.Update(ctx, tx, d); err != nil {
			return nil, err
		}
		rec = Recall{ID: d.ID, Source: d.Source, State: "open", Reason: reason, By: actor.Name(), At: tx.Now(), Due: tx.Now().AddDate(0, 0, days), Versions: []string{}, Linkages: []string{}}
		events := []store.Event{{Type: "delivery.recalled", Subjects: []string{d.ID, d.Source}, Body: map[string]string{"reason": reason}}}
		withdrawn, touched, err := r.withdrawHolding(ctx, tx, d.ID, &rec)
		if err != nil {
			return nil, err
		}
		events = append(events, withdrawn...)
		runs, err := linkages.Where(ctx, tx, "")
		if err != nil {
			return nil, err
		}
		for _, l := range runs {
			if slices.Contains(l.Deliveries, d.ID) {
				rec.Linkages = append(rec.Linkages, l.ID)
			}
		}
		return r.freeze(ctx, tx, &rec, touched, says, events)
	})
	if err != nil {
		return nil, err
	}
	return &rec, nil
}

// recallable checks a reason and a time, and returns the reason's words.
func (r *Room) recallable(reason string, days int) (string, error) {
	says, ok := recallReasons[reason]
	switch {
	case !ok:
		return "", ark.Faultf(ark.Invalid, "a recall needs one of the known reasons").At("", 0, "reason").Do("use court-order, misdelivery, wrong-link, wrong-data or consent-withdrawn")
	case days < 1 || days > recallDays:
		return "", ark.Faultf(ark.Invalid, "the time to cut anew is 1 to %d days", recallDays).At("", 0, "days")
	case r.Extracts == nil:
		return "", ark.Faultf(ark.Internal, "nothing here can freeze extracts")
	}
	return says, nil
}

// freeze freezes the extracts of a recall's versions and records it.
func (r *Room) freeze(ctx context.Context, tx *store.Tx, rec *Recall, touched []string, says string, events []store.Event) ([]store.Event, error) {
	frozen, more, err := r.Extracts.FreezeExtracts(ctx, tx, rec.Versions, touched, "Data in this extract was taken back: "+says+".",
		"It is cut anew from the next version. If that has not happened by "+rec.Due.Format("2 January 2006")+", it is destroyed. The project page shows it.")
	if err != nil {
		return nil, err
	}
	rec.Frozen = frozen
	if len(frozen) == 0 {
		rec.State = "closed"
	}
	return append(events, more...), recalls.Insert(ctx, tx, rec)
}

// WithdrawVersion takes one version back, whose deliveries stay: for a link
// found wrong, or a mistake in its making. Extracts follow as in a recall.
func (r *Room) WithdrawVersion(ctx context.Context, actor store.Actor, dataset, version, reason string, days int) (*Recall, error) {
	says, err := r.recallable(reason, days)
	if err != nil {
		return nil, err
	}
	var rec Recall
	err = r.St.Act(ctx, actor, "version.withdraw", store.Resource{Type: "Dataset", ID: dataset}, func(tx *store.Tx) ([]store.Event, error) {
		v, err := versions.Get(ctx, tx, version)
		if err != nil {
			return nil, err
		}
		if v.Dataset != dataset {
			return nil, ark.Faultf(ark.Unknown, "this dataset has no such version").Do("use a version of its page")
		}
		if err := r.version.Move(v.State, "withdrawn", "version.withdraw"); err != nil {
			return nil, err
		}
		rec = Recall{ID: v.ID, Dataset: dataset, State: "open", Reason: reason, By: actor.Name(), At: tx.Now(), Due: tx.Now().AddDate(0, 0, days), Versions: []string{}, Linkages: []string{}}
		if reason == "wrong-link" {
			rec.Linkages = append(rec.Linkages, v.Linkage)
		}
		events, err := r.withdraw(ctx, tx, v, "version.withdraw", "It was taken back: "+says+".", &rec)
		if err != nil {
			return nil, err
		}
		if err := newestLeft(ctx, tx, dataset); err != nil {
			return nil, err
		}
		return r.freeze(ctx, tx, &rec, []string{dataset}, says, events)
	})
	if err != nil {
		return nil, err
	}
	return &rec, nil
}

func (r *Room) withdraw(ctx context.Context, tx *store.Tx, v *Version, action, says string, rec *Recall) ([]store.Event, error) {
	if err := r.version.Move(v.State, "withdrawn", action); err != nil {
		return nil, err
	}
	v.State, v.Says, v.Withdrawn = "withdrawn", says, tx.Now()
	rec.Versions = append(rec.Versions, v.ID)
	return []store.Event{{Type: "version.withdrawn", Subjects: []string{v.ID, v.Dataset}, Body: map[string]string{"reason": rec.Reason}}}, versions.Update(ctx, tx, v)
}

// withdrawHolding withdraws every published version that holds a delivery, and
// gives its dataset the newest version that is left.
func (r *Room) withdrawHolding(ctx context.Context, tx *store.Tx, delivery string, rec *Recall) (events []store.Event, touched []string, err error) {
	all, err := versions.Where(ctx, tx, "state = 'published'")
	if err != nil {
		return nil, nil, err
	}
	for _, v := range all {
		if !slices.Contains(v.Deliveries, delivery) {
			continue
		}
		if !slices.Contains(touched, v.Dataset) {
			touched = append(touched, v.Dataset)
		}
		more, err := r.withdraw(ctx, tx, &v, "delivery.recall", "A delivery in it was taken back.", rec)
		if err != nil {
			return nil, nil, err
		}
		events = append(events, more...)
	}
	for _, id := range touched {
		if err := newestLeft(ctx, tx, id); err != nil {
			return nil, nil, err
		}
	}
	return events, touched, nil
}

// newestLeft gives a dataset the newest version that is still published.
func newestLeft(ctx context.Context, tx *store.Tx, dataset string) error {
	d, err := datasets.Get(ctx, tx, dataset)
	if err != nil {
		return err
	}
	d.Latest = ""
	left, err := versions.Where(ctx, tx, "dataset = $1 AND state = 'published'", dataset)
	if err != nil {
		return err
	}
	newest := 0
	for _, v := range left {
		if v.Number > newest {
			newest, d.Latest = v.Number, v.ID
		}
	}
	return datasets.Update(ctx, tx, d)
}

// holdsRecalled reports whether one of the deliveries was taken back.
func holdsRecalled(ctx context.Context, q store.Querier, ids []string) (bool, error) {
	gone, err := deliveries.Where(ctx, q, "state = 'recalled'")
	return slices.ContainsFunc(gone, func(d Delivery) bool { return slices.Contains(ids, d.ID) }), err
}

// recut cuts anew, when a version was published, whatever recalls froze and can
// now be had. A recall whose last extract is cut anew is closed.
func (r *Room) recut(ctx context.Context, tx *store.Tx) ([]store.Event, error) {
	open, err := recalls.Where(ctx, tx, "state = 'open'")
	if err != nil || len(open) == 0 || r.Extracts == nil {
		return nil, err
	}
	var frozen []string
	for _, rec := range open {
		for _, f := range rec.Frozen {
			if f.Recut == "" && f.Ended == "" {
				frozen = append(frozen, f.Extract)
			}
		}
	}
	cut, events, err := r.Extracts.RecutExtracts(ctx, tx, frozen)
	if err != nil {
		return nil, err
	}
	for _, rec := range open {
		for i, f := range rec.Frozen {
			if f.Recut == "" && f.Ended == "" {
				rec.Frozen[i].Recut = cut[f.Extract]
			}
		}
		if err := rec.settle(ctx, tx); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// settle closes a recall when nothing frozen waits any more, and keeps it.
func (r *Recall) settle(ctx context.Context, tx *store.Tx) error {
	if !slices.ContainsFunc(r.Frozen, func(f FrozenIn) bool { return f.Recut == "" && f.Ended == "" }) {
		r.State = "closed"
	}
	return recalls.Update(ctx, tx, r)
}

// GetRecall returns the recall of a delivery or version.
func GetRecall(ctx context.Context, q store.Querier, delivery string) (*Recall, error) {
	return recalls.Get(ctx, q, delivery)
}

// OpenRecalls returns the recalls whose frozen extracts wait to be cut anew.
func OpenRecalls(ctx context.Context, q store.Querier) ([]Recall, error) {
	return recalls.Where(ctx, q, "state = 'open'")
}

package catalogue

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/store"
)

// NameKey is one version of the key that names people and entities inside this
// Ark. The first is there from the first day and has no row. A version of a
// dataset is named under the newest that is in use when its building starts,
// and keeps it; none is ever taken away, for older versions stay readable and
// what was named under it can still be traced.
type NameKey struct {
	Number int       `json:"number"` // from 2
	State  string    `json:"state"`  // "making", "current" (and in use until a newer one is), or "failed"
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	Asked  time.Time `json:"asked"`
	Since  time.Time `json:"since,omitzero"`
	Says   string    `json:"says,omitempty"`
}

// nameKeyReasons are why a key is changed.
var nameKeyReasons = map[string]string{
	"scheduled": "it was time",
	"exposed":   "somebody may have seen it who must not",
	"left":      "somebody who could reach it left",
}

// NameKeyJob is what the publishing worker is given to make a key.
type NameKeyJob struct {
	Number int `json:"number"`
}

// NameKeyResult is what it gives back.
type NameKeyResult struct {
	Failed string `json:"failed,omitempty"`
}

var nameKeys = store.Docs[NameKey]{Table: "namekeys", Noun: "key of names", Keys: []string{"state"},
	Of: func(k *NameKey) (string, []any) { return nameKeyID(k.Number), []any{k.State} }}

func nameKeyID(n int) string { return fmt.Sprintf("names-%d", n) }

// NameKeys returns the versions of the key, but for the first, oldest first.
func NameKeys(ctx context.Context, q store.Querier) ([]NameKey, error) {
	all, err := nameKeys.Where(ctx, q, "")
	slices.SortFunc(all, func(a, b NameKey) int { return a.Number - b.Number })
	return all, err
}

// CurrentNames is the number of the key that names what is built now.
func CurrentNames(ctx context.Context, q store.Querier) (int, error) {
	all, err := NameKeys(ctx, q)
	n := 1
	for _, k := range all {
		if k.State == "current" {
			n = k.Number
		}
	}
	return n, err
}

// RotateNames has the key that names people changed: what is built from then on
// is named under the new one.
func (r *Room) RotateNames(ctx context.Context, actor store.Actor, reason string) (*NameKey, error) {
	var k NameKey
	err := r.St.Act(ctx, actor, "names.rotate", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
		if nameKeyReasons[reason] == "" {
			return nil, ark.Faultf(ark.Invalid, "the reason is none of the known ones").At("", 0, "reason").Do("use scheduled, exposed or left")
		}
		all, err := NameKeys(ctx, tx)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(k NameKey) bool { return k.State == "making" }) {
			return nil, ark.Faultf(ark.Conflict, "a new key is being made already").Do("wait for it")
		}
		k = NameKey{Number: len(all) + 2, State: "making", Reason: reason, By: actor.Name(), Asked: tx.Now()}
		if _, err := tx.Enqueue(ctx, "rotate-names", "publish", nameKeyID(k.Number), NameKeyJob{k.Number}); err != nil {
			return nil, err
		}
		return []store.Event{{Type: "names.rotating", Body: map[string]any{"number": k.Number, "reason": reason}}}, nameKeys.Insert(ctx, tx, &k)
	})
	if err != nil {
		return nil, err
	}
	return &k, nil
}

// ApplyRotation records inside the change that ends its job that a key is there.
func (r *Room) ApplyRotation(ctx context.Context, tx *store.Tx, id string, res NameKeyResult) ([]store.Event, error) {
	k, err := nameKeys.Get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if k.State != "making" {
		return nil, ark.Faultf(ark.Conflict, "that key is not being made")
	}
	k.State, k.Since = "current", tx.Now()
	if res.Failed != "" {
		k.State, k.Since, k.Says = "failed", time.Time{}, res.Failed
	}
	return []store.Event{{Type: "names." + map[bool]string{true: "rotated", false: "rotation-failed"}[res.Failed == ""], Body: map[string]any{"number": k.Number}}}, nameKeys.Update(ctx, tx, k)
}

// Names is the number of the key that a version's people are named under.
func (v Version) Names() int { return max(1, v.NamedUnder) }

// IndexOf is the person index that a version was built from.
func IndexOf(ctx context.Context, q store.Querier, version string) (objects.Ref, error) {
	v, err := versions.Get(ctx, q, version)
	if err != nil {
		return objects.Ref{}, err
	}
	l, err := linkages.Get(ctx, q, v.Linkage)
	if err != nil {
		return objects.Ref{}, err
	}
	return l.Outputs["index"], nil
}

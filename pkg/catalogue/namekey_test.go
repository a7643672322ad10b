package catalogue_test

import (
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/store"
)

// TestRotateNames: a new key counts when it is there, not before; a failed one
// never does and its number is not given again.
func TestRotateNames(t *testing.T) {
	w := newWorld(t)
	current := func() (n int) {
		must(t, w.St.View(t.Context(), func(q store.Querier) (err error) {
			n, err = catalogue.CurrentNames(t.Context(), q)
			return err
		}))
		return n
	}
	apply := func(id string, res catalogue.NameKeyResult) error {
		return w.apply(t, "names.apply", "Ark", "ark", func(tx *store.Tx) ([]store.Event, error) {
			return w.ApplyRotation(t.Context(), tx, id, res)
		})
	}
	if _, err := w.RotateNames(t.Context(), w.engineer, "bored"); !ark.Is(err, ark.Invalid) {
		t.Errorf("a reason of one's own: %v", err)
	}
	k, err := w.RotateNames(t.Context(), w.engineer, "scheduled")
	must(t, err)
	if k.Number != 2 || current() != 1 {
		t.Errorf("key %d, current %d before it is there", k.Number, current())
	}
	if _, err := w.RotateNames(t.Context(), w.engineer, "left"); !ark.Is(err, ark.Conflict) {
		t.Errorf("two at once: %v", err)
	}
	must(t, apply("names-2", catalogue.NameKeyResult{Failed: "no room"}))
	if current() != 1 {
		t.Error("a key that was not made is in use")
	}
	if k, err = w.RotateNames(t.Context(), w.engineer, "exposed"); err != nil || k.Number != 3 {
		t.Fatalf("%v %v", k, err)
	}
	must(t, apply("names-3", catalogue.NameKeyResult{}))
	if current() != 3 {
		t.Errorf("key %d names what is built now", current())
	}
	if err := apply("names-3", catalogue.NameKeyResult{}); !ark.Is(err, ark.Conflict) {
		t.Errorf("made twice: %v", err)
	}
}

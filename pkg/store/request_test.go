package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/pkg/store/storetest"
)

// TestTheKeyIsKeptWithTheAct: with the act in one transaction, or not at all.
func TestTheKeyIsKeptWithTheAct(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		act := func(r *store.Request, fail error) error {
			return w.Act(store.ForRequest(t.Context(), r), founder, "user.manage", store.Whole, func(tx *store.Tx) ([]store.Event, error) {
				n := &note{tx.NewID(ark.PrefixProject), "kept", 1}
				if err := noteDocs.Insert(t.Context(), tx, n); err != nil {
					return nil, err
				}
				return []store.Event{{Type: "note.added", Subjects: []string{n.ID}}}, fail
			})
		}
		request := func(key string) *store.Request {
			return &store.Request{Actor: founder.Name(), Key: key, Hash: func() (string, error) { return "h", nil }, Answer: func(wrote []any) (store.Reply, bool) {
				return store.Reply{Status: 200, Type: "text/plain", Body: wrote[0].(*note).ID}, true
			}}
		}
		if err := act(request("k1"), errors.New("broken")); err == nil {
			t.Fatal("a broken act was done")
		}
		if r, err := w.Replied(t.Context(), founder.Name(), "k1", "h"); r != nil || err != nil {
			t.Fatalf("an act that was not done has a reply: %v %v", r, err)
		}
		if err := act(request("k1"), nil); err != nil {
			t.Fatal(err)
		}
		made := w.notes(t, "kept")
		if r, err := w.Replied(t.Context(), founder.Name(), "k1", "h"); err != nil || len(made) != 1 || r == nil || r.Body != made[0].ID || r.Made != made[0].ID {
			t.Fatalf("after the act: %+v %v %v", r, err, made)
		}
		// Another process that was asked the same at the same time.
		if err := act(request("k1"), nil); !ark.Is(err, ark.Conflict) || len(w.notes(t, "kept")) != 1 {
			t.Errorf("the same key did it twice: %v, %d notes", err, len(w.notes(t, "kept")))
		}
		sent := store.Reply{Status: 201, Body: "sent"}
		for _, r := range []store.Reply{sent, {Status: 202, Body: "later"}} {
			if err := w.KeepReply(t.Context(), founder.Name(), "k1", "h", r); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := w.Replied(t.Context(), founder.Name(), "k1", "h"); err != nil || *r != sent {
			t.Errorf("the answer that was sent first: %+v %v", r, err)
		}

		// A request that was made for an older state.
		last, err := w.Last(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for key, c := range map[string]struct {
			of    string
			since int64
			stale bool
		}{"k2": {made[0].ID, last - 1, true}, "k3": {"", last - 1, true}, "k4": {made[0].ID, last, false}, "k5": {gone, last - 1, false}} {
			r := request(key)
			r.Unless, r.Of, r.Since = true, c.of, c.since
			if err := act(r, errors.New("stop here")); errors.Is(err, store.ErrStale) != c.stale {
				t.Errorf("%s: %v", key, err)
			}
		}
	})
}

// TestKeptFormsOutliveAStop: sealed, found by their secret alone, for an hour.
func TestKeptFormsOutliveAStop(t *testing.T) {
	on(t, func(t *testing.T, dsn string) {
		w := open(t, dsn)
		const words = "My long words"
		until := w.clock.Now().Add(time.Hour)
		if err := w.KeepForm(t.Context(), "secret", []byte(words), until); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		again := storetest.Open(t, w.cfg)
		if got, err := again.KeptForm(t.Context(), "secret"); err != nil || string(got) != words {
			t.Errorf("after a restart: %q %v", got, err)
		}
		if got, err := again.KeptForm(t.Context(), "Secret"); got != nil || err != nil {
			t.Errorf("another secret: %q %v", got, err)
		}
		err := again.View(t.Context(), func(q store.Querier) error {
			var id, sealed string
			if err := q.QueryRowContext(context.Background(), `SELECT id, sealed FROM kept_forms`).Scan(&id, &sealed); err != nil {
				return err
			}
			if strings.Contains(sealed+id, "secret") || strings.Contains(sealed, "words") {
				t.Error("the form lies open")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Move(time.Hour + time.Minute)
		if got, err := again.KeptForm(t.Context(), "secret"); got != nil || err != nil {
			t.Errorf("after its hour: %q %v", got, err)
		}
		for range 3 {
			if err := again.KeepForm(t.Context(), "more"+w.clock.Now().String(), []byte("x"), w.clock.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			w.clock.Move(time.Minute)
		}
		if n := (world{again, w.clock, w.cfg}).count(t, `SELECT COUNT(*) FROM kept_forms`); n != 3 {
			t.Errorf("%d forms are kept, want the 3 that have not expired", n)
		}
	})
}

package worker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ark-tre/ark/deploy/tools/built"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/keys"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/objectstest"
	"github.com/ark-tre/ark/pkg/objects/s3"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/pkg/store/storetest"
	"github.com/ark-tre/ark/pkg/work"
	"github.com/ark-tre/ark/policies"
)

const outageContract = `
contract: visits
version: 1.0.0
title: Visits
declared: synthetic
licence: CC0-1.0
format: {kind: csv}
delivers: changes
tables:
  - name: visits
    key: [id]
    person: [pid]
    fields:
      - {name: id, type: string, to: none}
      - {name: pid, type: string, to: none}
      - {name: nhs_number, type: string, to: identifier, role: nhs_number}
      - {name: cost, type: integer, to: payload}
`

// outage stands before an object store and answers 503 while it is down: for
// so many requests, from the moment on that begins says.
type outage struct {
	to     http.Handler
	down   atomic.Int64 // requests still to refuse
	begins atomic.Pointer[func(*http.Request) int64]
	failed atomic.Int64
}

// ServeHTTP implements http.Handler.
func (o *outage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f := o.begins.Load(); f != nil {
		if n := (*f)(r); n > 0 && o.begins.CompareAndSwap(f, nil) {
			o.down.Store(n)
		}
	}
	if o.down.Add(-1) >= 0 {
		o.failed.Add(1)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>ServiceUnavailable</Code><Message>Reduce your request rate.</Message></Error>`)
		return
	}
	o.to.ServeHTTP(w, r)
}

// TestAStoreThatIsAwayForAMinute: the object store answers 503 while a
// delivery is read, then while its outputs are written, longer each time than
// one attempt of the job lasts. The job waits and ends as if nothing had been:
// the delivery is taken in once, whole, and nothing else lies in the store.
// Time is scaled: the waits between attempts are milliseconds.
func TestAStoreThatIsAwayForAMinute(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a client's own retries")
	}
	server := built.StartS3(t)
	to, err := url.Parse("http://" + server.Endpoint)
	must(t, err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host }, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	front := &outage{to: proxy}
	at := httptest.NewServer(front)
	t.Cleanup(at.Close)
	b := newBench(t)
	for _, k := range []keys.Name{LandingKey, PayloadKey, IdentifiersKey, IndexKey, RecordsKey} {
		if err := b.Keys.Create(t.Context(), k); err != nil && !ark.Is(err, ark.Conflict) {
			t.Fatal(err)
		}
	}
	rules := objectstest.Rules()
	cfg := s3.Config{Endpoint: strings.TrimPrefix(at.URL, "http://"), Region: server.Region, Access: server.Access, Secret: server.Secret, Insecure: true}
	must(t, s3.Init(t.Context(), cfg, rules))
	back, err := s3.Open(t.Context(), cfg, rules, time.Now)
	must(t, err)
	b.Objects, b.Trial = objects.New(back, b.Keys, rules), true

	room, source, engineer := catalogueOf(t)
	var csv bytes.Buffer
	csv.WriteString("id,pid,nhs_number,cost\n")
	const rows = 2000
	for i := range rows {
		fmt.Fprintf(&csv, "v%d,p%d,,%d\n", i, i%300, i)
	}
	sum := sha256.Sum256(csv.Bytes())
	manifest, err := json.Marshal(map[string]any{"source": "visits", "delivery": "one", "files": []any{map[string]any{"name": "visits.csv", "table": "visits", "rows": rows, "sha256": hex.EncodeToString(sum[:])}}})
	must(t, err)
	var files []catalogue.DeliveredFile
	for name, text := range map[string][]byte{"visits.csv": csv.Bytes(), "manifest.json": manifest} {
		ref, err := b.Objects.Put(t.Context(), objects.Landing, "visits/"+name, LandingKey, bytes.NewReader(text))
		must(t, err)
		files = append(files, catalogue.DeliveredFile{Name: name, Ref: ref})
	}
	d, err := room.ReceiveDelivery(t.Context(), engineer, source, "one", files)
	must(t, err)

	writes := func(r *http.Request) int64 {
		if r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/payload/") {
			return 25
		}
		return 0
	}
	reads := func(*http.Request) int64 { front.begins.Store(&writes); front.down.Store(15); return 0 }
	front.begins.Store(&reads)

	applied := 0
	queue := work.Local{St: room.St, Kinds: map[string]work.Kind{"intake": {Action: "delivery.apply", Resource: func(store.Job) store.Resource { return store.Resource{Type: "Source", ID: source} },
		Apply: func(ctx context.Context, tx *store.Tx, j store.Job, out json.RawMessage) ([]store.Event, error) {
			var res catalogue.IntakeResult
			if err := json.Unmarshal(out, &res); err != nil {
				return nil, err
			}
			applied++
			return room.ApplyIntake(ctx, tx, j.Subject, res)
		},
		Failed: func(ctx context.Context, tx *store.Tx, j store.Job, says string) ([]store.Event, error) {
			return room.ApplyIntake(ctx, tx, j.Subject, catalogue.IntakeResult{Blocked: says})
		}}}}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	w := &work.Worker{Queue: queue, Role: "intake", Owner: "w", Kinds: b.Roles()["intake"], Log: slog.New(slog.DiscardHandler), Idle: 5 * time.Millisecond}
	go func() { done <- w.Run(ctx) }()
	var got *catalogue.Delivery
	for got == nil || got.State == "received" {
		select {
		case <-t.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
		must(t, room.St.View(t.Context(), func(q store.Querier) (err error) { got, err = catalogue.GetDelivery(t.Context(), q, d.ID); return err }))
	}
	stop()
	<-done

	if got.State != "accepted" || got.Counts.Accepted != rows || applied != 1 {
		t.Fatalf("the delivery is %s (%s), %d rows, applied %d times", got.State, got.Says, got.Counts.Accepted, applied)
	}
	if n := front.failed.Load(); n != 40 {
		t.Errorf("%d requests were refused, want 40: the outage was not met", n)
	}
	must(t, room.St.View(t.Context(), func(q store.Querier) error {
		jobs, err := store.Jobs(t.Context(), q, "kind = 'intake'")
		if len(jobs) != 1 || jobs[0].Attempts < 2 {
			t.Errorf("%d jobs; the first was tried %d times, want more than once", len(jobs), jobs[0].Attempts)
		}
		return err
	}))
	lie := map[string]int{}
	for _, z := range []objects.Zone{objects.Landing, objects.Identifiers, objects.Index, objects.Payload} {
		for o, err := range b.Objects.List(t.Context(), z, "") {
			must(t, err)
			lie[string(z)+"/"+o.Name]++
		}
		left, err := b.Objects.Unfinished(t.Context(), z, time.Now().Add(time.Hour))
		must(t, err)
		if len(left) > 0 {
			t.Errorf("unfinished uploads in %s: %v", z, left)
		}
	}
	want := map[string]int{}
	for _, ref := range got.Outputs {
		want[string(ref.Zone)+"/"+ref.Name]++
		r, err := b.Objects.Open(t.Context(), ref)
		must(t, err)
		_, err = io.Copy(io.Discard, r) // the hash is held against the reference at the end
		must(t, err)
		must(t, r.Close())
	}
	for _, f := range files {
		want[string(f.Ref.Zone)+"/"+f.Ref.Name]++
	}
	if !maps.Equal(lie, want) {
		t.Errorf("in the store lie\n%v, want\n%v", slices.Sorted(maps.Keys(lie)), slices.Sorted(maps.Keys(want)))
	}
}

// catalogueOf is a catalogue with one source, whose waits between attempts are
// milliseconds.
func catalogueOf(t *testing.T) (*catalogue.Room, string, store.Actor) {
	t.Helper()
	access, err := policies.LoadAccess()
	must(t, err)
	loaders := governance.Loaders()
	maps.Copy(loaders, catalogue.Loaders())
	st := storetest.Open(t, store.Config{DSN: storetest.SQLite(t), Decider: access, Entities: loaders, Schemas: []store.Schema{governance.Schema(), catalogue.Schema()}, Retry: 20 * time.Millisecond})
	room := catalogue.New(st, true)
	gov := governance.New(st, room, func(context.Context) (string, error) { return "", nil })
	founder := store.Actor{System: "founder"}
	o, err := gov.AddOrganisation(t.Context(), founder, governance.Organisation{Slug: "one", Name: "one", Kind: "trust"})
	must(t, err)
	u, err := gov.AddUser(t.Context(), founder, governance.User{Name: "e", Org: o.ID, Roles: []ark.Role{ark.DataEngineer}, Issuer: "i", Subject: "e"})
	must(t, err)
	engineer := store.Actor{User: u.ID}
	s, err := room.RegisterSource(t.Context(), engineer, catalogue.Source{Slug: "visits", Org: o.ID, Contract: outageContract})
	must(t, err)
	return room, s.ID, engineer
}

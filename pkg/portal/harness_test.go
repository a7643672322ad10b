package portal

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ark-tre/ark/airlock"
	"github.com/ark-tre/ark/airlock/ingress"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/identity"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/ledger"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/objects/folder"
	"github.com/ark-tre/ark/pkg/portal/viewer"
	"github.com/ark-tre/ark/pkg/store"
	"github.com/ark-tre/ark/policies"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/trace"
)

// plainBodies keeps bodies of acts as hex: the sealing is another package's.
type plainBodies struct{}

func (plainBodies) Seal(_ string, b []byte) (string, error) { return hex.EncodeToString(b), nil }
func (plainBodies) Open(_, s string) ([]byte, error)        { return hex.DecodeString(s) }

// testDoor lets in whoever the cookie names; the real one is tested in
// pkg/identity and by the end-to-end run.
type testDoor struct {
	fresh bool   // the second factor has just been shown for whatever is asked now
	last  string // what it was last asked for
	exact bool   // it was shown for that alone, at
	at    time.Time

	handed int // how often a session was offered to a program
}

var stepped = regexp.MustCompile(`/(queue|requests|inputs|standing)/([a-z]+_[0-9A-Za-z]+)(/|$)`)

// stepFor is the act with a second factor that a request may be about.
func (d *testDoor) stepFor(r *http.Request) string {
	m := stepped.FindStringSubmatch(r.URL.Path)
	if m == nil {
		return d.last
	}
	action, kind := "request.release", "Request"
	switch m[1] {
	case "inputs":
		action, kind = "input.approve", "Input"
	case "standing":
		action, kind = "standing.approve", "Standing"
	}
	return store.StepUpFor(action, store.Resource{Type: kind, ID: m[2]})
}

func (d *testDoor) Who(r *http.Request) (store.Actor, error) {
	c, err := r.Cookie("ark")
	if err != nil || !strings.HasPrefix(c.Value, "usr_") {
		return store.Actor{}, ark.Faultf(ark.Unsigned, "you are not signed in")
	}
	a := store.Actor{User: c.Value, Session: "ses_test"}
	if d.fresh {
		a.StepUp, a.StepFor = time.Now(), d.stepFor(r)
	}
	if d.exact {
		a.StepUp, a.StepFor, a.Session = d.at, d.last, "ses_"+c.Value
	}
	return a, nil
}
func (d *testDoor) Begin(w http.ResponseWriter, r *http.Request, to string) error {
	http.Redirect(w, r, "http://id.localhost/?to="+to, http.StatusSeeOther)
	return nil
}
func (d *testDoor) StepUp(w http.ResponseWriter, r *http.Request, to, act string) error {
	d.fresh, d.last, d.at = !d.exact, act, time.Now()
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
func (d *testDoor) Finish(w http.ResponseWriter, r *http.Request) (string, error) {
	return "", ark.Faultf(ark.Unsigned, "the sign-in could not be completed")
}
func (d *testDoor) HandOver(_ *http.Request, a identity.Asked) (string, error) {
	d.handed++
	return "http://127.0.0.1:" + strconv.Itoa(a.Port) + "/?code=CODE&state=" + a.State, nil
}
func (d *testDoor) TakeOver(_ http.ResponseWriter, _ *http.Request, code, verifier string) error {
	if code != "CODE" || verifier == "" {
		return ark.Faultf(ark.Unsigned, "the code is not good")
	}
	return nil
}
func (d *testDoor) Leave(http.ResponseWriter, *http.Request) (string, error) { return "", nil }
func (d *testDoor) LoggedOut(w http.ResponseWriter, r *http.Request) error   { return nil }

// memory is objects in memory, by the hash of their bytes.
type memory struct {
	at    map[string]string
	lands map[string]int // by name, how often one was stored
}

func (m *memory) put(zone, body string) objects.Ref {
	sum := hash(body)
	m.at[sum] = body
	return objects.Ref{Zone: objects.Zone(zone), Name: "test/" + sum[:8], SHA256: sum, Size: int64(len(body))}
}
func (m *memory) Land(_ context.Context, source, name string, r io.Reader) (objects.Ref, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return objects.Ref{}, err
	}
	m.lands[name]++
	return m.put("landing", string(b)), nil
}
func (m *memory) LandList(ctx context.Context, kind string, r io.Reader) (objects.Ref, error) {
	ref, err := m.Land(ctx, "", kind, r)
	ref.Zone = objects.Lists
	return ref, err
}
func (m *memory) Open(_ context.Context, ref objects.Ref) (io.ReadCloser, error) {
	b, ok := m.at[ref.SHA256]
	if !ok {
		return nil, ark.Faultf(ark.Unknown, "there is no such object")
	}
	return io.NopCloser(strings.NewReader(b)), nil
}

// pinned is the airlock worker's side of files, in memory.
type pinned struct {
	*memory
	outbox map[string]string
}

func (p *pinned) Pin(_ context.Context, project, ws string, names []string) ([]objects.Ref, error) {
	var out []objects.Ref
	for _, n := range names {
		body, ok := p.outbox[n]
		if !ok {
			return nil, ark.Faultf(ark.Unknown, "the outbox has no such file")
		}
		out = append(out, p.put("outputs", body))
	}
	return out, nil
}
func (p *pinned) Take(_ context.Context, _ string, r io.Reader) (objects.Ref, error) {
	b, err := io.ReadAll(r)
	return p.put("outputs", string(b)), err
}
func (p *pinned) Look(_ context.Context, _, name string, most int64) ([]byte, error) {
	body, ok := p.outbox[name]
	if !ok || int64(len(body)) > most {
		return nil, ark.Faultf(ark.Unknown, "the outbox has no such file")
	}
	return []byte(body), nil
}
func (p *pinned) Open(ctx context.Context, _ string, ref objects.Ref) (io.ReadCloser, error) {
	return p.memory.Open(ctx, ref)
}

// Pages answers with pictures where the bytes are those of a PDF.
func (p *pinned) Pages(ctx context.Context, ref objects.Ref, from int) (viewer.Drawn, error) {
	r, err := p.memory.Open(ctx, ref)
	if err != nil {
		return viewer.Drawn{}, err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil || !strings.HasPrefix(string(b), "%PDF-") || from != 1 {
		return viewer.Drawn{}, viewer.ErrNotDrawn
	}
	return viewer.Drawn{Count: 1, From: 1, Pages: []viewer.Drawing{{PNG: []byte("pixels of " + ref.SHA256)}}}, nil
}

// bench is a portal over a real store with real rooms and real policies.
type bench struct {
	t      *testing.T
	mark   string // stands in every word of the workspace
	p      *Portal
	st     *store.Store
	rooms  Rooms
	door   *testDoor
	mem    *memory
	server *httptest.Server
	log    *strings.Builder
	id     map[string]string // short name → id
	later  ahead             // the clock
	failed map[string]int    // user and path → status, of a crawl
	few    bool              // a crawl looks at a dozen pages of a kind
}

// ahead is a clock that a test puts forward while the bench reads it.
type ahead struct{ by atomic.Int64 }

func (a *ahead) now() time.Time       { return time.Now().Add(time.Duration(a.by.Load())) }
func (a *ahead) set(by time.Duration) { a.by.Store(int64(by)) }

func newBench(t *testing.T) *bench {
	t.Helper()
	return newMarked(t, " CANARY")
}

// newMarked makes a bench in which mark stands in every word of the workspace.
func newMarked(t *testing.T, mark string) *bench {
	t.Helper()
	ctx := context.Background()
	access, err := policies.LoadAccess()
	if err != nil {
		t.Fatal(err)
	}
	loaders := map[string]store.Loader{}
	for _, l := range []map[string]store.Loader{governance.Loaders(), catalogue.Loaders(), workspace.Loaders(), airlock.Loaders(), ingress.Loaders(), trace.Loaders()} {
		maps.Copy(loaders, l)
	}
	b := &bench{t: t, mark: mark, door: &testDoor{}, id: map[string]string{}, failed: map[string]int{}, log: &strings.Builder{}}
	st, err := store.Open(ctx, store.Config{Now: b.later.now, DSN: "sqlite:" + filepath.Join(t.TempDir(), "ark.sqlite"), Decider: access, Bodies: plainBodies{}, Entities: loaders,
		Schemas: []store.Schema{governance.Schema(), catalogue.Schema(), workspace.Schema(), airlock.Schema(), ingress.Schema(), trace.Schema()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	head := func(context.Context) (string, error) { return "ark.test\n0\nAAAA\n\n— ark.test AAAA\n", nil }
	cat := catalogue.New(st, true)
	cat.Who = governance.Human
	gov := governance.New(st, cat, head)
	mem := &memory{at: map[string]string{}, lands: map[string]int{}}
	b.st, b.mem = st, mem
	b.rooms = Rooms{Catalogue: cat, Governance: gov, Workspaces: workspace.New(st, cat, gov), Airlock: airlock.New(st, head), Ingress: ingress.New(st), Traces: trace.New(st), Objects: mem, Outputs: &pinned{mem, outboxFiles(mark)}, Enclave: testEnclave{outboxFiles(mark)},
		ReleaseKey: func(context.Context) (ed25519.PublicKey, error) {
			return make(ed25519.PublicKey, ed25519.PublicKeySize), nil
		},
		Enter: func(ws, user, session string) (string, error) {
			return "http://x.ws.localhost/.ark/enter?ticket=1", nil
		}}
	b.rooms.Ledger = b.ledger()
	b.server = httptest.NewUnstartedServer(nil)
	origin := "http://localhost:" + portOf(b.server.Listener.Addr().String())
	view := "http://view.localhost:" + portOf(b.server.Listener.Addr().String())
	fv, err := viewer.New(view, origin, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	b.p, err = New(Config{Store: st, Access: access, Door: b.door, Rooms: b.rooms, Log: slog.New(slog.NewTextHandler(b.log, nil)), Region: "Northfield", Demonstration: "synthetic people only; this Ark takes no real data.",
		Host: "localhost", Origin: origin, IssuerOrigin: "http://id.localhost", ViewerOrigin: view, FileViewer: fv, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	b.server.Config.Handler = b.p.Handler()
	b.server.Start()
	t.Cleanup(b.server.Close)
	return b
}

// ledger is a real log that takes what the store records.
func (b *bench) ledger() Ledger {
	dir := b.t.TempDir()
	b.must(local.Init(filepath.Join(dir, "keys")))
	ring, err := local.Open(filepath.Join(dir, "keys"), time.Now)
	b.must(err)
	b.must(ring.Create(context.Background(), "signing/ledger"))
	b.must(folder.Init(filepath.Join(dir, "objects"), objects.DefaultRules()))
	back, err := folder.Open(filepath.Join(dir, "objects"), objects.DefaultRules(), time.Now)
	b.must(err)
	tiles := ledger.InStore(objects.New(back, ring, objects.DefaultRules()))
	l, err := ledger.Create(context.Background(), ledger.Config{Tiles: tiles, Keys: ring, Key: "signing/ledger", Origin: "ark.test/ledger"})
	b.must(err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = (&ledger.Sequencer{Log: l, Outbox: store.Outbox{Store: b.st}, Every: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)}).Run(ctx)
	}()
	b.t.Cleanup(func() { stop(); <-done })
	return openLedger{l, tiles}
}

func portOf(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

func (b *bench) origin() string { return b.p.cfg.Origin }

// do sends one request as user ("" is nobody) and returns status and body.
func (b *bench) do(user, method, path string, body io.Reader, header ...string) (*http.Response, string) {
	b.t.Helper()
	r, err := http.NewRequest(method, "http://"+b.server.Listener.Addr().String()+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Host = "localhost"
	if user != "" {
		r.AddCookie(&http.Cookie{Name: "ark", Value: b.user(user)})
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp, string(text)
}

func (b *bench) user(name string) string {
	id, ok := b.id[name]
	if !ok {
		b.t.Fatalf("there is no user %q", name)
	}
	return id
}

func (b *bench) actor(name string) store.Actor {
	return store.Actor{User: b.user(name), StepUp: time.Now(), Session: "ses_test"}
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// get is do for a page that has to be there.
func (b *bench) get(user, path string) string {
	b.t.Helper()
	resp, body := b.do(user, "GET", path, nil)
	if resp.StatusCode != 200 {
		b.t.Fatalf("%s as %q: %d %s\n%s", path, user, resp.StatusCode, body, b.log)
	}
	return body
}

// post sends a form and returns where it leads.
func (b *bench) post(user, path string, pairs ...string) (int, string, string) {
	b.t.Helper()
	var form []string
	for i := 0; i+1 < len(pairs); i += 2 {
		form = append(form, pairs[i]+"="+queryEscape(pairs[i+1]))
	}
	resp, body := b.do(user, "POST", path, strings.NewReader(strings.Join(form, "&")), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
	return resp.StatusCode, resp.Header.Get("Location"), body
}

// openLedger shows a log with its tiles.
type openLedger struct {
	*ledger.Log
	tiles ledger.Tiles
}

func (l openLedger) Tile(ctx context.Context, path string) ([]byte, error) {
	if path == "checkpoint" {
		head, _, err := l.tiles.Head(ctx)
		return head, err
	}
	return l.tiles.Get(ctx, path)
}

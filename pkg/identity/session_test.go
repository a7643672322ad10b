package identity_test

import (
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/identity"
)

// stores are the session stores that every test of this file runs on. The
// PostgreSQL one is on a server of their own.
func stores(t *testing.T, run func(t *testing.T, store identity.SessionStore)) {
	t.Run("memory", func(t *testing.T) { run(t, identity.NewMemorySessions()) })
	t.Run("sqlite", func(t *testing.T) { run(t, openSQL(t, "sqlite", filepath.Join(t.TempDir(), "s.db"))) })
	t.Run("postgresql", func(t *testing.T) {
		run(t, openSQL(t, "pgx", server.DSN(t)))
	})
}

func openSQL(t *testing.T, driver, dsn string) identity.SessionStore {
	db, err := sql.Open(driver, dsn)
	must(t, err)
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	_, err = db.Exec("DROP TABLE IF EXISTS identity_sessions")
	must(t, err)
	_, err = db.Exec(identity.SessionsDDL + identity.SessionsForDDL)
	must(t, err)
	return identity.SQLSessions{DB: db}
}

var proof = identity.Proof{Issuer: "https://id.example", Subject: "sub", SessionID: "sid", AMR: []string{"pwd", "otp"},
	SecondFactor: true, AuthTime: time.UnixMicro(1_700_000_000_000_000).UTC()}

// start signs user in on a new browser and returns the cookie.
func start(t *testing.T, s *identity.Sessions, user string, p identity.Proof, had ...*http.Cookie) (*http.Cookie, identity.Session) {
	t.Helper()
	w := httptest.NewRecorder()
	made, err := s.Start(t.Context(), w, with(had...), user, p)
	must(t, err)
	return w.Result().Cookies()[0], made
}

func with(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

func TestSessionRoundTrip(t *testing.T) {
	stores(t, func(t *testing.T, store identity.SessionStore) {
		s := &identity.Sessions{Store: store, Secure: true}
		c, made := start(t, s, "usr_1", proof)
		if c.Name != "__Host-ark" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Fatalf("%+v", c)
		}
		if raw, err := base64.RawURLEncoding.DecodeString(c.Value); err != nil || len(raw) != 32 {
			t.Fatal("the secret is not 256 bits")
		}
		found, err := s.Resume(with(c))
		must(t, err)
		if d := cmp.Diff(made, found); d != "" {
			t.Fatal(d)
		}
		must(t, s.End(t.Context(), httptest.NewRecorder(), with(c)))
		if _, err := s.Resume(with(c)); !ark.Is(err, ark.Unsigned) {
			t.Fatal("an ended session goes on")
		}
	})
}

// TestOnlyTheHashIsStored reads the database file itself.
func TestOnlyTheHashIsStored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := &identity.Sessions{Store: openSQL(t, "sqlite", path)}
	c, _ := start(t, s, "usr_1", proof)
	b, err := os.ReadFile(path)
	must(t, err)
	sum := sha256.Sum256([]byte(c.Value))
	if !strings.Contains(string(b), hex.EncodeToString(sum[:])) {
		t.Fatal("the hash isn't in the file: this test reads the wrong thing")
	}
	if strings.Contains(string(b), c.Value) {
		t.Fatal("the secret is in the file")
	}
}

func TestSessionFixation(t *testing.T) {
	stores(t, func(t *testing.T, store identity.SessionStore) {
		s := &identity.Sessions{Store: store}
		attacker, _ := start(t, s, "usr_attacker", proof)
		victim, _ := start(t, s, "usr_victim", proof, attacker)
		if victim.Value == attacker.Value {
			t.Fatal("the planted secret was kept")
		}
		if _, err := s.Resume(with(attacker)); !ark.Is(err, ark.Unsigned) {
			t.Fatal("the planted session goes on")
		}
		made := &http.Cookie{Name: "ark", Value: base64.RawURLEncoding.EncodeToString(make([]byte, 32))}
		chosen, _ := start(t, s, "usr_victim", proof, made)
		if chosen.Value == made.Value {
			t.Fatal("a secret that the browser chose was taken")
		}
		// A cookie tossed in by a sibling host makes the request nobody's.
		if _, err := s.Resume(with(chosen, attacker)); !ark.Is(err, ark.Unsigned) {
			t.Fatal("one of two cookies was believed")
		}
	})
}

func TestSessionLimits(t *testing.T) {
	stores(t, func(t *testing.T, store identity.SessionStore) {
		clock := &clock{}
		s := &identity.Sessions{Store: store, Now: clock.now, Idle: 30 * time.Minute, Absolute: 2 * time.Hour}
		c, _ := start(t, s, "usr_1", proof)
		for range 5 { // in use: only the absolute limit counts
			clock.move(20 * time.Minute)
			if _, err := s.Resume(with(c)); err != nil {
				t.Fatal(err)
			}
		}
		clock.move(20 * time.Minute)
		if _, err := s.Resume(with(c)); !ark.Is(err, ark.Unsigned) {
			t.Fatal("past the absolute limit")
		}
		c, _ = start(t, s, "usr_1", proof)
		clock.move(31 * time.Minute)
		if _, err := s.Resume(with(c)); !ark.Is(err, ark.Unsigned) {
			t.Fatal("past the idle limit")
		}
		idle, _ := start(t, s, "usr_1", proof)
		clock.move(31 * time.Minute)
		live, _ := start(t, s, "usr_1", proof)
		if n, err := s.Sweep(t.Context()); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		if _, err := s.Resume(with(live)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Resume(with(idle)); err == nil {
			t.Fatal("swept and alive")
		}
	})
}

func TestRevocation(t *testing.T) {
	stores(t, func(t *testing.T, store identity.SessionStore) {
		s := &identity.Sessions{Store: store}
		p := func(sub, sid string) identity.Proof { q := proof; q.Subject, q.SessionID = sub, sid; return q }
		one, _ := start(t, s, "usr_1", p("a", "s1"))
		two, _ := start(t, s, "usr_1", p("a", "s2"))
		other, _ := start(t, s, "usr_2", p("b", "s3"))
		live := func(c *http.Cookie) bool { _, err := s.Resume(with(c)); return err == nil }
		count := func(want int, n int, err error) {
			t.Helper()
			if err != nil || n != want {
				t.Fatal(n, err)
			}
		}
		end := func(l identity.Logout) (int, error) { return s.EndProvider(t.Context(), l) }
		n, err := end(identity.Logout{Issuer: "https://other.example", Subject: "a"})
		count(0, n, err)
		n, err = end(identity.Logout{Issuer: proof.Issuer})
		count(0, n, err)
		n, err = end(identity.Logout{Issuer: proof.Issuer, Subject: "b", SessionID: "s1"})
		count(0, n, err)
		n, err = end(identity.Logout{Issuer: proof.Issuer, Subject: "a", SessionID: "s1"})
		count(1, n, err)
		if live(one) || !live(two) || !live(other) {
			t.Fatal("the wrong session ended")
		}
		n, err = s.EndUser(t.Context(), "usr_1")
		count(1, n, err)
		n, err = s.EndUser(t.Context(), "")
		count(0, n, err)
		n, err = end(identity.Logout{Issuer: proof.Issuer, SessionID: "s3"})
		count(1, n, err)
		if live(two) || live(other) {
			t.Fatal("a revoked session goes on")
		}
	})
}

func TestElevate(t *testing.T) {
	s := &identity.Sessions{Store: identity.NewMemorySessions()}
	good := proof
	good.StepUp, good.For = true, "request.release/Request/req_1"
	cases := map[string]func(*identity.Proof){
		"not-a-step-up":    func(p *identity.Proof) { p.StepUp = false },
		"for-nothing":      func(p *identity.Proof) { p.For = "" },
		"one-factor":       func(p *identity.Proof) { p.SecondFactor = false },
		"another-subject":  func(p *identity.Proof) { p.Subject = "x" },
		"another-provider": func(p *identity.Proof) { p.Issuer = "https://evil.example" },
	}
	c, made := start(t, s, "usr_1", proof)
	if s.Fresh(made, good.For, time.Hour) {
		t.Fatal("a plain sign-in counts as a step-up")
	}
	for name, bend := range cases {
		p := good
		bend(&p)
		if _, err := s.Elevate(t.Context(), httptest.NewRecorder(), with(c), p); !ark.Is(err, ark.Forbidden) {
			t.Errorf("%s: accepted: %v", name, err)
		}
	}
	if _, err := s.Elevate(t.Context(), httptest.NewRecorder(), with(), good); !ark.Is(err, ark.Unsigned) {
		t.Error("stepped up without a session")
	}
	w := httptest.NewRecorder()
	up, err := s.Elevate(t.Context(), w, with(c), good)
	must(t, err)
	if !s.Fresh(up, good.For, time.Minute) || s.Fresh(up, "request.release/Request/req_2", time.Minute) || s.Fresh(up, "", time.Minute) || up.ID != made.ID || up.User != "usr_1" {
		t.Fatalf("%+v", up)
	}
	if _, err := s.Resume(with(c)); err == nil {
		t.Fatal("the secret from before the step-up still works")
	}
}

func TestZeroSessionsRefuse(t *testing.T) {
	for _, s := range []*identity.Sessions{nil, {}} {
		if _, err := s.Resume(with(&http.Cookie{Name: "ark", Value: strings.Repeat("A", 43)})); !ark.Is(err, ark.Unsigned) {
			t.Fatal(err)
		}
	}
	s := &identity.Sessions{Store: identity.NewMemorySessions()}
	if _, err := s.Start(t.Context(), httptest.NewRecorder(), with(), "usr_1", identity.Proof{}); !ark.Is(err, ark.Unsigned) {
		t.Fatal("an empty proof signs in")
	}
}

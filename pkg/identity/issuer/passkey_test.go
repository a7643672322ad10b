package issuer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// authenticator is one passkey in software: ES256, no attestation.
type authenticator struct {
	t       *testing.T
	key     *ecdsa.PrivateKey
	id      []byte
	handle  string // the user handle it was made for
	counter uint32

	origin, rp, kind string
	flags            byte
}

const (
	present  = 0x01
	verified = 0x04
	attested = 0x40
)

func newAuthenticator(t *testing.T) *authenticator {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	rand.Read(id)
	return &authenticator{t: t, key: key, id: id, counter: 1, origin: "http://id.localhost:8080", rp: "id.localhost", flags: present | verified}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (a *authenticator) client(kind, challenge string) []byte {
	if a.kind != "" {
		kind = a.kind
	}
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.origin, "crossOrigin": false})
	if err != nil {
		a.t.Fatal(err)
	}
	return b
}

func (a *authenticator) data(flags byte) []byte {
	rp := sha256.Sum256([]byte(a.rp))
	return binary.BigEndian.AppendUint32(append(rp[:], flags), a.counter)
}

// create answers navigator.credentials.create.
func (a *authenticator) create(o options) string {
	a.handle = o.PublicKey.User.ID
	x, y := a.key.X.FillBytes(make([]byte, 32)), a.key.Y.FillBytes(make([]byte, 32))
	cose := slices.Concat([]byte{0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32}, x, []byte{0x22, 0x58, 32}, y)
	auth := slices.Concat(a.data(a.flags|attested), make([]byte, 16), []byte{0, byte(len(a.id))}, a.id, cose)
	object := slices.Concat([]byte{0xa3, 0x63}, []byte("fmt"), []byte{0x64}, []byte("none"), []byte{0x67}, []byte("attStmt"), []byte{0xa0, 0x68}, []byte("authData"), []byte{0x58, byte(len(auth))}, auth)
	return a.answer(map[string]string{"clientDataJSON": b64(a.client("webauthn.create", o.PublicKey.Challenge)), "attestationObject": b64(object)})
}

// get answers navigator.credentials.get.
func (a *authenticator) get(o options) string {
	client, auth := a.client("webauthn.get", o.PublicKey.Challenge), a.data(a.flags)
	sum := sha256.Sum256(client)
	digest := sha256.Sum256(append(slices.Clone(auth), sum[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		a.t.Fatal(err)
	}
	return a.answer(map[string]string{"clientDataJSON": b64(client), "authenticatorData": b64(auth), "signature": b64(sig), "userHandle": a.handle})
}

func (a *authenticator) answer(response map[string]string) string {
	b, err := json.Marshal(map[string]any{"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{}})
	if err != nil {
		a.t.Fatal(err)
	}
	return string(b)
}

// options are what a page asks the browser for.
type options struct {
	PublicKey struct {
		Challenge        string `json:"challenge"`
		RPID             string `json:"rpId"`
		UserVerification string `json:"userVerification"`
		RP               struct {
			ID string `json:"id"`
		} `json:"rp"`
		User struct {
			ID string `json:"id"`
		} `json:"user"`
		Allow []any `json:"allowCredentials"`
	} `json:"publicKey"`
}

var optionsPattern = regexp.MustCompile(`data-options="([^"]*)"`)

func (d *desk) options(r reply) (o options) {
	d.t.Helper()
	m := optionsPattern.FindStringSubmatch(r.body)
	if m == nil {
		d.t.Fatalf("the page asks for no passkey: %d %s", r.status, r.body)
	}
	d.must(json.Unmarshal([]byte(html.UnescapeString(m[1])), &o))
	return o
}

// enter signs in as name for the issuer's own page of passkeys.
func (b *tab) enter(name, code string) {
	b.d.t.Helper()
	r := b.get("/passkeys")
	if r.to == nil || r.to.Path != "/sign-in" {
		b.d.t.Fatalf("the page of passkeys asked for no sign-in: %d", r.status)
	}
	tx := r.to.Query().Get("tx")
	b.post("/sign-in", "tx", tx, "user", name, "password", goodPassword)
	if r := b.post("/code", "tx", tx, "code", code); r.to == nil || r.to.Path != "/passkeys" {
		b.d.t.Fatalf("no way back to the page of passkeys: %d %v", r.status, r.to)
	}
}

func (b *tab) register(a *authenticator, name string) reply {
	b.d.t.Helper()
	return b.post("/passkeys", "name", name, "answer", a.create(b.d.options(b.get("/passkeys"))))
}

// asked begins a sign-in of name as far as the page that asks for a passkey.
func (b *tab) asked(name string) (tx string, o options) {
	b.d.t.Helper()
	tx = b.begin("prompt", "login")
	b.post("/sign-in", "tx", tx, "user", name, "password", goodPassword)
	return tx, b.d.options(b.get("/passkey?tx=" + tx))
}

// withPasskey is a desk whose amina has a passkey.
func withPasskey(t *testing.T, change ...func(*Options)) (*desk, *tab, *authenticator) {
	t.Helper()
	d, b, a := newDesk(t, change...), (*tab)(nil), newAuthenticator(t)
	b = d.tab()
	b.enter("amina", d.code())
	if r := b.register(a, "Work laptop"); r.status != http.StatusSeeOther {
		t.Fatalf("not registered: %d %s", r.status, r.body)
	}
	a.counter++
	return d, b, a
}

func TestPasskeySignsIn(t *testing.T) {
	var seen []PasskeyEvent
	d, b, a := withPasskey(t, func(o *Options) {
		o.Record = func(_ context.Context, e PasskeyEvent) error { seen = append(seen, e); return nil }
	})
	if len(seen) != 1 || seen[0].Act != "registered" || seen[0].Subject != d.account.Subject || strings.Contains(b64(a.id), seen[0].Passkey) {
		t.Fatalf("recorded %v", seen)
	}
	if list := b.get("/passkeys"); !strings.Contains(list.body, "Work laptop") {
		t.Fatal("the passkey is not listed")
	}
	for range 2 { // at sign-in, and again at a step-up
		tx, o := b.asked("amina")
		if o.PublicKey.RPID != "id.localhost" || o.PublicKey.UserVerification != "required" || len(o.PublicKey.Allow) != 0 {
			t.Fatalf("asked for %+v", o)
		}
		d.now = d.now.Add(time.Minute)
		r := b.post("/passkey", "tx", tx, "answer", a.get(o))
		if !r.signedIn() {
			t.Fatalf("%d %s", r.status, r.body)
		}
		status, m := d.exchange(r.to.Query().Get("code"))
		if status != 200 {
			t.Fatal(status, m)
		}
		claims := strings.Split(m["id_token"].(string), ".")[1]
		raw, err := base64.RawURLEncoding.DecodeString(claims)
		d.must(err)
		var said struct {
			AMR  []string `json:"amr"`
			Time int64    `json:"auth_time"`
		}
		d.must(json.Unmarshal(raw, &said))
		if !slices.Equal(said.AMR, []string{"pwd", "hwk"}) || said.Time != d.now.Unix() {
			t.Fatalf("%s", raw)
		}
		a.counter++
	}
	d.now = d.now.Add(time.Minute)
	if r := d.tab().signIn(goodPassword, d.code()); !r.signedIn() {
		t.Fatal("the one-time code stopped working")
	}
}

// TestPasskeyAttacks bends one thing each, and takes the honest answer after it.
func TestPasskeyAttacks(t *testing.T) {
	cases := map[string]func(d *desk, a *authenticator, o *options){
		"wrong-origin":         func(_ *desk, a *authenticator, _ *options) { a.origin = "http://evil.localhost:8080" },
		"workspace-origin":     func(_ *desk, a *authenticator, _ *options) { a.origin = "http://ws.localhost:8080" },
		"portal-origin":        func(_ *desk, a *authenticator, _ *options) { a.origin = "http://localhost:8080" },
		"wrong-rp":             func(_ *desk, a *authenticator, _ *options) { a.rp = "localhost" },
		"no-user-verification": func(_ *desk, a *authenticator, _ *options) { a.flags = present },
		"nobody-present":       func(_ *desk, a *authenticator, _ *options) { a.flags = verified },
		"counter-regress":      func(_ *desk, a *authenticator, _ *options) { a.counter = 1 },
		"counter-back-to-zero": func(_ *desk, a *authenticator, _ *options) { a.counter = 0 },
		"another-challenge":    func(_ *desk, _ *authenticator, o *options) { o.PublicKey.Challenge = b64(make([]byte, 32)) },
		"another-ceremony":     func(_ *desk, a *authenticator, _ *options) { a.kind = "webauthn.create" },
		"another-key":          func(d *desk, a *authenticator, _ *options) { a.key = newAuthenticator(d.t).key },
		"unknown-credential":   func(_ *desk, a *authenticator, _ *options) { a.id = []byte("0123456789abcdef") },
		"another-users-handle": func(_ *desk, a *authenticator, _ *options) { a.handle = b64([]byte("somebody")) },
		"no-handle":            func(_ *desk, a *authenticator, _ *options) { a.handle = "" },
		"late":                 func(d *desk, _ *authenticator, _ *options) { d.now = d.now.Add(challengeLife) },
		"revoked": func(d *desk, a *authenticator, _ *options) {
			d.must(d.dir.RemovePasskey(d.t.Context(), d.account.Subject, b64(a.id)))
		},
		"disabled-backup-state": func(_ *desk, a *authenticator, _ *options) { a.flags |= 0x10 },
	}
	for name, bend := range cases {
		t.Run(name, func(t *testing.T) {
			var seen []string
			d, _, a := withPasskey(t, func(o *Options) {
				o.Record = func(_ context.Context, e PasskeyEvent) error { seen = append(seen, e.Act); return nil }
			})
			b, honest := d.tab(), *a
			tx, o := b.asked("amina")
			bend(d, a, &o)
			if r := b.post("/passkey", "tx", tx, "answer", a.get(o)); r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, wrongText) {
				t.Fatalf("%d %v %s", r.status, r.to, r.body)
			}
			if cloned := slices.Contains(seen, "cloned"); cloned != strings.HasPrefix(name, "counter-") {
				t.Fatalf("recorded %v", seen)
			}
			tx, o = b.asked("amina")
			if r := b.post("/passkey", "tx", tx, "answer", honest.get(o)); r.signedIn() != (name != "revoked") {
				t.Fatalf("the honest answer: %d %v", r.status, r.to)
			}
		})
	}
}

func TestPasskeyReplays(t *testing.T) {
	d, _, a := withPasskey(t)
	b := d.tab()
	tx, o := b.asked("amina")
	good := a.get(o)
	a.origin = "http://evil.localhost:8080"
	b.post("/passkey", "tx", tx, "answer", a.get(o))
	if r := b.post("/passkey", "tx", tx, "answer", good); r.status != http.StatusUnprocessableEntity {
		t.Fatal("a challenge was taken twice")
	}
	tx2, _ := b.asked("amina")
	if r := b.post("/passkey", "tx", tx2, "answer", good); r.status != http.StatusUnprocessableEntity {
		t.Fatal("an answer to another sign-in was taken")
	}
	if r := d.tab().post("/passkey", "tx", tx2, "answer", good); r.status != http.StatusBadRequest {
		t.Fatal("another browser went on with the sign-in")
	}
	tx3 := b.begin("prompt", "login")
	b.post("/sign-in", "tx", tx3, "user", "amina", "password", goodPassword)
	if r := b.post("/passkey", "tx", tx3, "answer", good); r.status != http.StatusUnprocessableEntity {
		t.Fatal("an answer was taken that nobody asked for")
	}
}

// TestPasskeyOfAnother: each user's passkey opens that user's account alone,
// and never without the password.
func TestPasskeyOfAnother(t *testing.T) {
	d, b, a := withPasskey(t)
	other, err := NewAccount("ben", "Ben", "ben@example.org", goodPassword, cheap, rand.Reader)
	d.must(err)
	d.must(d.dir.Add(t.Context(), other))
	tx, o := b.asked("ben")
	if r := b.post("/passkey", "tx", tx, "answer", a.get(o)); r.signedIn() {
		t.Fatal("amina's passkey opened ben's account")
	}
	tx, o = b.asked("ben")
	a.handle = b64([]byte(other.Subject))
	if r := b.post("/passkey", "tx", tx, "answer", a.get(o)); r.signedIn() {
		t.Fatal("amina's passkey opened ben's account under his handle")
	}
	a.handle = b64([]byte(d.account.Subject))
	tx = b.begin("prompt", "login")
	b.post("/sign-in", "tx", tx, "user", "amina", "password", "not her password")
	o = d.options(b.get("/passkey?tx=" + tx))
	if r := b.post("/passkey", "tx", tx, "answer", a.get(o)); r.signedIn() {
		t.Fatal("a passkey opened the account without the password")
	}
	second := d.tab()
	code, err := TOTPCode(other.TOTPSecret, TOTPStep(d.now))
	d.must(err)
	second.enter("ben", code)
	if r := second.register(a, "hers"); r.status != http.StatusUnprocessableEntity {
		t.Fatal("ben registered amina's passkey")
	}
	if r := second.post("/passkeys/revoke", "id", b64(a.id)); r.status != http.StatusNotFound {
		t.Fatal("ben revoked amina's passkey")
	}
	if keys, err := d.dir.Passkeys(t.Context(), d.account.Subject); err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
}

func TestRegistrationRefusals(t *testing.T) {
	cases := map[string]func(*authenticator, *options){
		"wrong-origin":         func(a *authenticator, _ *options) { a.origin = "http://evil.localhost:8080" },
		"wrong-rp":             func(a *authenticator, _ *options) { a.rp = "localhost" },
		"no-user-verification": func(a *authenticator, _ *options) { a.flags = present },
		"another-challenge":    func(_ *authenticator, o *options) { o.PublicKey.Challenge = b64(make([]byte, 32)) },
	}
	for name, bend := range cases {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			b, a := d.tab(), newAuthenticator(t)
			b.enter("amina", d.code())
			o := d.options(b.get("/passkeys"))
			bend(a, &o)
			if r := b.post("/passkeys", "name", "x", "answer", a.create(o)); r.status != http.StatusUnprocessableEntity {
				t.Fatalf("%d %v", r.status, r.to)
			}
		})
	}
	t.Run("challenge-once", func(t *testing.T) {
		d := newDesk(t)
		b, a := d.tab(), newAuthenticator(t)
		b.enter("amina", d.code())
		o := d.options(b.get("/passkeys"))
		if r := b.post("/passkeys", "name", "x", "answer", a.create(o)); r.status != http.StatusSeeOther {
			t.Fatal(r.status, r.body)
		}
		if r := b.post("/passkeys", "name", "y", "answer", newAuthenticator(t).create(o)); r.status != http.StatusUnprocessableEntity {
			t.Fatal("a challenge made two passkeys")
		}
	})
	t.Run("stale-second-factor", func(t *testing.T) {
		d, b, a := withPasskey(t)
		d.now = d.now.Add(freshFactor)
		for _, r := range []reply{b.get("/passkeys"), b.post("/passkeys", "name", "x", "answer", "{}"), b.post("/passkeys/revoke", "id", b64(a.id))} {
			if r.to == nil || r.to.Path != "/sign-in" {
				t.Fatalf("not asked for both factors: %d", r.status)
			}
		}
		if keys, _ := d.dir.Passkeys(t.Context(), d.account.Subject); len(keys) != 1 {
			t.Fatal(keys)
		}
	})
	t.Run("not-recorded-not-made", func(t *testing.T) {
		d := newDesk(t, func(o *Options) {
			o.Record = func(context.Context, PasskeyEvent) error { return errors.New("the ledger is away") }
		})
		b := d.tab()
		b.enter("amina", d.code())
		if r := b.register(newAuthenticator(t), "x"); r.status != http.StatusServiceUnavailable {
			t.Fatal(r.status)
		}
		if keys, _ := d.dir.Passkeys(t.Context(), d.account.Subject); len(keys) != 0 {
			t.Fatal(keys)
		}
	})
	t.Run("revoked-by-its-user-and-kept-on-disk", func(t *testing.T) {
		d, b, a := withPasskey(t)
		again, err := OpenFileDirectory(d.dir.path)
		d.must(err)
		if keys, _ := again.Passkeys(t.Context(), d.account.Subject); len(keys) != 1 || keys[0].Name != "Work laptop" {
			t.Fatal(keys)
		}
		if r := b.post("/passkeys/revoke", "id", b64(a.id)); r.status != http.StatusSeeOther {
			t.Fatal(r.status)
		}
		tx, o := b.asked("amina")
		if r := b.post("/passkey", "tx", tx, "answer", a.get(o)); r.signedIn() {
			t.Fatal("a revoked passkey signs in")
		}
	})
}

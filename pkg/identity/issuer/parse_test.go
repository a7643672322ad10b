package issuer

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"pgregory.net/rapid"

	"github.com/ark-tre/ark/pkg/ark"
)

// TestTOTPVectors holds us to RFC 6238, appendix B (SHA-1), whose eight-digit
// codes end in our six.
func TestTOTPVectors(t *testing.T) {
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		now := time.Unix(at, 0)
		if got, err := TOTPCode(secret, TOTPStep(now)); err != nil || got != want {
			t.Errorf("%d: %s, want %s", at, got, want)
		}
		if step, ok := matchTOTP(secret, want, now, 0); !ok || step != TOTPStep(now) {
			t.Errorf("%d is not matched", at)
		}
	}
}

// TestTOTPWindow: a code is accepted in its own step and one either side, and
// only when nothing as new was used.
func TestTOTPWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret, err := NewTOTPSecret(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(rapid.Int64Range(100, 4e9).Draw(t, "now"), 0)
		off := rapid.Int64Range(-4, 4).Draw(t, "off")
		last := TOTPStep(now) + rapid.Int64Range(-4, 4).Draw(t, "last")
		code, err := TOTPCode(secret, TOTPStep(now)+off)
		if err != nil {
			t.Fatal(err)
		}
		step, ok := matchTOTP(secret, code, now, last)
		want := off >= -1 && off <= 1 && TOTPStep(now)+off > last
		if ok != want && !collides(secret, code, now, off) {
			t.Fatalf("off %d, last %+d: %v", off, last-TOTPStep(now), ok)
		}
		if ok && step <= last {
			t.Fatal("a used step was accepted")
		}
	})
}

// collides reports the one-in-a-million case that two steps share a code.
func collides(secret, code string, now time.Time, off int64) bool {
	for s := int64(-1); s <= 1; s++ {
		if c, err := TOTPCode(secret, TOTPStep(now)+s); err == nil && c == code && s != off {
			return true
		}
	}
	return false
}

func TestPasswordHash(t *testing.T) {
	text, err := HashPassword("pass word", cheap, rand.Reader) // a no-break space: one key on some keyboards
	if err != nil {
		t.Fatal(err)
	}
	h, err := parseHash(text)
	if err != nil || !h.matches("pass word") || h.matches("pass  word") || h.matches("") {
		t.Fatal("a password matches wrongly")
	}
	other, _ := HashPassword("pass word", cheap, rand.Reader)
	if other == text {
		t.Fatal("no salt")
	}
	if _, err := HashPassword("short", cheap, rand.Reader); err == nil {
		t.Fatal("a short password was taken")
	}
}

func FuzzParseHash(f *testing.F) {
	good, err := HashPassword("password", cheap, rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{good, "$argon2id$v=19$m=4294967295,t=4294967295,p=255$AAAAAAAAAAA$AAAA", "$argon2i$v=19$m=64,t=1,p=1$$", "", "$$$$$"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parseHash(s)
		if err == nil && (h.cost.Memory > argonMaxMemory || h.cost.Passes > argonMaxPasses || h.cost.Threads == 0 || len(h.sum) != 32) {
			t.Fatalf("%q may exhaust the machine: %+v", s, h.cost)
		}
	})
}

func FuzzAuthRequest(f *testing.F) {
	f.Add(goodRequest().Encode())
	f.Add("client_id=portal&redirect_uri=http://localhost:8080/cb&prompt=none%20login&max_age=9")
	f.Add("%zz;&=")
	c := Client{ID: "portal", RedirectURI: "http://localhost:8080/cb"}
	f.Fuzz(func(t *testing.T, query string) {
		req, err := parseAuthRequest(query, c)
		if err == nil && (!isChallenge(req.Challenge) || req.State == "" || req.Nonce == "" || req.MaxAge < 0 || req.None && req.Login) {
			t.Fatalf("%q: %+v", query, req)
		}
	})
}

func FuzzDirectory(f *testing.F) {
	f.Add([]byte(`{"accounts":[],"steps":{},"attempts":{}}`))
	f.Add([]byte(`{"accounts":[{"subject":"a","user_name":"A"}]}`))
	f.Add([]byte(`{"accounts":null} {}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d fileData
		if parseDirectory(b, &d) != nil {
			return
		}
		for _, a := range d.Accounts {
			if a.Subject == "" || CanonicalUserName(a.UserName) != a.UserName || a.PasswordHash == "" || len(a.TOTPSecret) < 16 {
				t.Fatalf("%+v", a)
			}
		}
	})
}

func TestFileDirectory(t *testing.T) {
	d := newDesk(t)
	info, err := os.Stat(d.dir.path)
	d.must(err)
	if info.Mode().Perm() != 0o600 {
		t.Fatal("others may read the accounts")
	}
	b, err := os.ReadFile(d.dir.path)
	d.must(err)
	if json.Valid(b) == false || string(b) == "" {
		t.Fatal("not JSON")
	}
	if err := d.dir.Add(t.Context(), d.account); !ark.Is(err, ark.Conflict) {
		t.Fatal("an account twice")
	}
	d.must(os.Chmod(d.dir.path, 0o644))
	if _, err := OpenFileDirectory(d.dir.path); !ark.Is(err, ark.Forbidden) {
		t.Fatal("a file that others may read was accepted")
	}
	d.must(os.WriteFile(d.dir.path, []byte(`{"accounts":[],"surprise":1}`), 0o600))
	d.must(os.Chmod(d.dir.path, 0o600))
	if _, err := OpenFileDirectory(d.dir.path); !ark.Is(err, ark.Invalid) {
		t.Fatal("an unknown field was accepted")
	}
}

// TestAFailedWriteChangesNothing takes the folder away under the directory.
func TestAFailedWriteChangesNothing(t *testing.T) {
	d := newDesk(t)
	d.must(os.RemoveAll(filepath.Dir(d.dir.path)))
	d.must(os.WriteFile(filepath.Dir(d.dir.path), nil, 0o600)) // a file where the folder was
	if err := d.dir.Succeeded(t.Context(), d.account.Subject, 5); err == nil {
		t.Fatal("nothing was written and it says it was")
	}
	if last, _ := d.dir.LastStep(t.Context(), d.account.Subject); last != 0 {
		t.Fatal("what isn't on disk is believed")
	}
	if r := d.tab().signIn(goodPassword, d.code()); r.signedIn() {
		t.Fatal("signed in though the code could not be spent")
	}
}

func TestOneCodeManyHands(t *testing.T) {
	d := newDesk(t)
	var mu sync.Mutex
	won := 0
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if d.dir.Succeeded(t.Context(), d.account.Subject, 7) == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if won != 1 {
		t.Fatalf("%d used one code", won)
	}
}

func TestPauses(t *testing.T) {
	if pause(freeAttempts-1) != 0 || pause(freeAttempts) != firstPause || pause(freeAttempts+1) != 2*firstPause || pause(1000) != longestPause {
		t.Fatal("the pauses are not as told")
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 1_000_000).Draw(t, "n")
		if a, b := pause(n), pause(n+1); b < a || b > longestPause {
			t.Fatalf("%d: %v, then %v", n, a, b)
		}
	})
}

func TestKeyRing(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	path := filepath.Join(t.TempDir(), "keys.json")
	k, err := openKeys(path, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	first, err := k.sign("JWT", map[string]string{"a": "b"})
	if err != nil {
		t.Fatal(err)
	}
	next := k.public().Keys[1].KeyID
	if err := k.rotate(); err != nil {
		t.Fatal(err)
	}
	if k.public().Keys[0].KeyID != next {
		t.Fatal("the key that signs now was not published before")
	}
	again, err := openKeys(path, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.verify(first); err != nil {
		t.Fatal("a token from before the rotation fails at once")
	}
	now = now.Add(oldKeyLife)
	if _, err := again.verify(first); err == nil {
		t.Fatal("a retired key is believed for ever")
	}
	for _, key := range again.public().Keys {
		if !key.IsPublic() || key.Algorithm != string(jose.ES256) {
			t.Fatal("a private key is published")
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openKeys(path, time.Now); !ark.Is(err, ark.Invalid) {
		t.Fatal("half a key file was taken, or replaced by new keys")
	}
}

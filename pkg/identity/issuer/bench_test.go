package issuer

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var cheap = Argon{Memory: 64, Passes: 1, Threads: 1}

const goodPassword = "correct horse battery"

// desk is an issuer with one account and a clock that a test moves; requests go
// straight into the handler.
type desk struct {
	t       *testing.T
	now     time.Time
	issuer  *Issuer
	dir     *FileDirectory
	account Account
	opt     Options
}

func newDesk(t *testing.T, change ...func(*Options)) *desk {
	t.Helper()
	d := &desk{t: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	var err error
	d.dir, err = OpenFileDirectory(filepath.Join(t.TempDir(), "accounts.json"))
	d.must(err)
	d.account, err = NewAccount("amina", "Dr Amina Shah", "amina@example.org", goodPassword, cheap, rand.Reader)
	d.must(err)
	d.must(d.dir.Add(t.Context(), d.account))
	d.opt = Options{
		Issuer: "http://id.localhost:8080", Directory: d.dir, KeyFile: filepath.Join(t.TempDir(), "keys.json"),
		Now: func() time.Time { return d.now }, Hash: cheap,
		Client: Client{ID: "portal", Secret: "a secret of the portal", RedirectURI: "http://localhost:8080/cb", SignedOutURI: "http://localhost:8080/"},
	}
	for _, f := range change {
		f(&d.opt)
	}
	d.issuer, err = New(d.opt)
	d.must(err)
	return d
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// tab is a browser with its cookies.
type tab struct {
	d       *desk
	cookies map[string]string
	address string
}

func (d *desk) tab() *tab { return &tab{d, map[string]string{}, "192.0.2.1:1000"} }

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
	to     *url.URL // of a redirect
}

func (b *tab) do(r *http.Request) reply {
	b.d.t.Helper()
	r.Host, r.RemoteAddr = "id.localhost:8080", b.address
	for k, v := range b.cookies {
		r.AddCookie(&http.Cookie{Name: k, Value: v})
	}
	w := httptest.NewRecorder()
	b.d.issuer.ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	body, err := io.ReadAll(res.Body)
	b.d.must(err)
	to, _ := res.Location()
	return reply{res.StatusCode, res.Header, string(body), to}
}

func (b *tab) get(path string) reply { return b.do(httptest.NewRequest("GET", path, nil)) }

func (b *tab) post(path string, kv ...string) reply {
	v := url.Values{}
	for i := 0; i < len(kv); i += 2 {
		v.Add(kv[i], kv[i+1])
	}
	r := httptest.NewRequest("POST", path, strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

const verifier = "verifier-verifier-verifier-verifier-verifier-0"

func goodRequest() url.Values {
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{"client_id": {"portal"}, "redirect_uri": {"http://localhost:8080/cb"}, "response_type": {"code"}, "scope": {"openid profile email"},
		"state": {"the-state"}, "nonce": {"the-nonce"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
}

var txPattern = regexp.MustCompile(`name="tx" value="([^"]+)"`)

// begin opens the sign-in page and returns its transaction.
func (b *tab) begin(change ...string) string {
	b.d.t.Helper()
	q := goodRequest()
	for i := 0; i < len(change); i += 2 {
		q.Set(change[i], change[i+1])
	}
	r := b.get("/authorize?" + q.Encode())
	if r.to == nil || r.to.Path != "/sign-in" {
		b.d.t.Fatalf("no sign-in page: %d %v", r.status, r.to)
	}
	page := b.get(r.to.RequestURI())
	m := txPattern.FindStringSubmatch(page.body)
	if m == nil {
		b.d.t.Fatal("the page has no transaction")
	}
	return m[1]
}

func (d *desk) code() string {
	c, err := TOTPCode(d.account.TOTPSecret, TOTPStep(d.now))
	d.must(err)
	return c
}

// signIn gives password and code and returns the last reply.
func (b *tab) signIn(password, code string, change ...string) reply {
	b.d.t.Helper()
	tx := b.begin(change...)
	if r := b.post("/sign-in", "tx", tx, "user", "amina", "password", password); r.status != http.StatusSeeOther || r.to.Path != "/code" {
		return r
	}
	return b.post("/code", "tx", tx, "code", code)
}

// authorizationCode signs in and returns the code that the client gets.
func (b *tab) authorizationCode() string {
	b.d.t.Helper()
	r := b.signIn(goodPassword, b.d.code())
	if !r.signedIn() {
		b.d.t.Fatalf("not signed in: %d %s", r.status, r.body)
	}
	return r.to.Query().Get("code")
}

func (r reply) signedIn() bool {
	return r.to != nil && r.to.Host == "localhost:8080" && r.to.Path == "/cb" && r.to.Query().Get("code") != "" && r.to.Query().Get("error") == ""
}

// exchange posts a code to the token endpoint.
func (d *desk) exchange(code string, change ...string) (int, map[string]any) {
	d.t.Helper()
	v := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {"http://localhost:8080/cb"}, "code_verifier": {verifier},
		"client_id": {"portal"}, "client_secret": {"a secret of the portal"}}
	for i := 0; i < len(change); i += 2 {
		if v.Set(change[i], change[i+1]); change[i+1] == "" {
			v.Del(change[i])
		}
	}
	r := httptest.NewRequest("POST", "/token", strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	got := d.tab().do(r)
	var m map[string]any
	d.must(json.Unmarshal([]byte(got.body), &m))
	return got.status, m
}

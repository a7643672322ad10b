package signin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/identity"
)

// Credentials prove a user to the embedded issuer. Code may be given instead of
// TOTPSecret by a user who reads it from an authenticator.
type Credentials struct {
	UserName   string
	Password   identity.Secret
	TOTPSecret identity.Secret
	Code       string
}

// Walker signs in. The zero value is ready; one Walker should make all the
// sign-ins of a process, since a TOTP code works once and it remembers which
// were used.
type Walker struct {
	Path      string            // optional: the portal's sign-in path; "/sign-in" by default
	Transport http.RoundTripper // optional: identity.Transport by default
	Now       func() time.Time  // optional
	Tries     int               // optional: how often a refused code is followed by a later one; 3 by default

	mu    sync.Mutex
	users map[string]*hand
}

// hand is one user's authenticator. Codes are given in order, so one sign-in of
// a user waits for the one before.
type hand struct {
	sync.Mutex
	used int64 // last TOTP step given
}

func (k *Walker) hand(userName string) *hand {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.users == nil {
		k.users = map[string]*hand{}
	}
	if k.users[userName] == nil {
		k.users[userName] = &hand{}
	}
	return k.users[userName]
}

// SignIn returns a client whose jar holds the session of the user at base, such
// as http://localhost:8080. It may wait up to a minute for a TOTP code that was
// not used before.
func (k *Walker) SignIn(ctx context.Context, base string, c Credentials) (*http.Client, error) {
	root, err := url.Parse(base)
	if err != nil || root.Host == "" {
		return nil, ark.Faultf(ark.Invalid, "the address of the Ark is not a URL").Do("give one such as http://localhost:8080")
	}
	client, err := k.client()
	if err != nil {
		return nil, err
	}
	return client, k.Again(ctx, client, base, k.path(), c)
}

// Again walks the sign-in pages with a client that may hold a session already,
// starting from the portal's path: a step-up page, for instance.
func (k *Walker) Again(ctx context.Context, client *http.Client, base, path string, c Credentials) error {
	var err error
	tries := k.Tries
	if tries <= 0 {
		tries = 3
	}
	for range tries {
		var again bool
		if again, err = k.once(ctx, client, strings.TrimSuffix(base, "/")+path, c); err == nil || !again || c.Code != "" {
			return err
		}
	}
	return err
}

func (k *Walker) path() string {
	if k.Path == "" {
		return "/sign-in"
	}
	return k.Path
}

func (k *Walker) client() (*http.Client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	t := k.Transport
	if t == nil {
		t = identity.Transport()
	}
	return &http.Client{Jar: jar, Transport: t, Timeout: time.Minute}, nil
}

func refused(what string) error {
	return ark.Faultf(ark.Unsigned, "signing in failed: %s", what).Do("check the user name, the password and the authenticator, then try again")
}

// once walks the pages one time; again says that another code may help.
func (k *Walker) once(ctx context.Context, client *http.Client, start string, c Credentials) (again bool, err error) {
	home, err := url.Parse(start)
	if err != nil {
		return false, err
	}
	page, err := get(ctx, client, start)
	if err != nil {
		return false, err
	}
	if page.at.Host == home.Host && !page.has("password") {
		return false, page.arrived() // the issuer knew this client already
	}
	if f := page.form("password"); f == nil || !f.has("user") {
		// Nobody's password for somewhere else is typed into a form that we do not know.
		return false, ark.Faultf(ark.Unsigned, "this Ark's users sign in at %s, whose page the command line cannot fill in", page.at.Host).Do("run ark sign-in without a user name, and confirm in a browser")
	}
	if page, err = page.submit(ctx, client, map[string]string{"user": c.UserName, "password": string(c.Password)}); err != nil {
		return false, err
	}
	if !page.has("code") {
		return false, refused(page.problem())
	}
	h := k.hand(c.UserName)
	h.Lock()
	defer h.Unlock()
	code, err := k.code(ctx, c, h)
	if err != nil {
		return false, err
	}
	if page, err = page.submit(ctx, client, map[string]string{"code": code}); err != nil {
		return false, err
	}
	if page.at.Host != home.Host {
		return page.has("code") || page.has("password"), refused(page.problem())
	}
	return false, page.arrived()
}

// code returns a code that this Walker has not used. The step after now is used
// too, since issuers accept it; beyond that it waits.
func (k *Walker) code(ctx context.Context, c Credentials, h *hand) (string, error) {
	if c.Code != "" {
		return c.Code, nil
	}
	step := max(k.now().Unix()/30, h.used+1)
	h.used = step
	for step > k.now().Unix()/30+1 {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	code, err := hotp.GenerateCodeCustom(string(c.TOTPSecret), uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return "", refused("the TOTP secret can't be read")
	}
	return code, nil
}

func (k *Walker) now() time.Time {
	if k.Now == nil {
		return time.Now()
	}
	return k.Now()
}

// page is one answer: where it came from and the forms on it.
type page struct {
	at     *url.URL
	status int
	forms  []form
	alert  string
}

func get(ctx context.Context, client *http.Client, address string) (*page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return fetch(client, req)
}

func fetch(client *http.Client, req *http.Request) (*page, error) {
	resp, err := client.Do(req)
	if err != nil {
		return nil, ark.Faultf(ark.Unavailable, "the Ark does not answer").Do("check its address and that it is running").Because(err)
	}
	defer resp.Body.Close()
	p := &page{at: resp.Request.URL, status: resp.StatusCode}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		p.forms, p.alert = readForms(io.LimitReader(resp.Body, 1<<20))
	}
	return p, nil
}

func (p *page) has(field string) bool { return p.form(field) != nil }

func (p *page) form(field string) *form {
	for i := range p.forms {
		if _, ok := p.forms[i].fields[field]; ok {
			return &p.forms[i]
		}
	}
	return nil
}

// problem is what the page says is wrong, or its status.
func (p *page) problem() string {
	if p.alert != "" {
		return p.alert
	}
	return fmt.Sprintf("the service answered %d", p.status)
}

func (p *page) arrived() error {
	if p.status == http.StatusUnauthorized || p.status >= 500 || p.status == http.StatusTooManyRequests || p.status == http.StatusForbidden {
		return refused(p.problem())
	}
	return nil
}

// submit posts the form that holds the given fields, with its hidden ones.
func (p *page) submit(ctx context.Context, client *http.Client, fill map[string]string) (*page, error) {
	v, action := url.Values{}, ""
	for name := range fill {
		if f := p.form(name); f != nil {
			action = f.action
			for k, value := range f.fields {
				v.Set(k, value)
			}
		}
	}
	for name, value := range fill {
		v.Set(name, value)
	}
	to, err := p.at.Parse(action)
	if err != nil {
		return nil, err
	}
	if to.Host != p.at.Host || to.Scheme != p.at.Scheme { // a password goes to the page's own host alone
		return nil, refused("the sign-in page sends its form elsewhere")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(v.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return fetch(client, req)
}

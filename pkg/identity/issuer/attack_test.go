package issuer

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestSignIn(t *testing.T) {
	d := newDesk(t)
	r := d.tab().signIn(goodPassword, d.code())
	if !r.signedIn() || r.to.Query().Get("state") != "the-state" || r.to.Query().Get("iss") != d.opt.Issuer {
		t.Fatalf("%d %v", r.status, r.to)
	}
	status, m := d.exchange(r.to.Query().Get("code"))
	if status != 200 || m["id_token"] == nil {
		t.Fatal(status, m)
	}
}

// TestAuthorizeRefusals bends one parameter each; "page" means that nothing may
// be sent to the redirect address.
func TestAuthorizeRefusals(t *testing.T) {
	d := newDesk(t)
	cases := map[string]struct {
		bend func(url.Values)
		want string
	}{
		"unknown-client":     {func(q url.Values) { q.Set("client_id", "x") }, "page"},
		"no-client":          {func(q url.Values) { q.Del("client_id") }, "page"},
		"open-redirect":      {func(q url.Values) { q.Set("redirect_uri", "https://evil.example/cb") }, "page"},
		"redirect-suffix":    {func(q url.Values) { q.Set("redirect_uri", "http://localhost:8080/cb/../evil") }, "page"},
		"redirect-query":     {func(q url.Values) { q.Set("redirect_uri", "http://localhost:8080/cb?x") }, "page"},
		"two-redirects":      {func(q url.Values) { q.Add("redirect_uri", "https://evil.example/cb") }, "page"},
		"two-clients":        {func(q url.Values) { q.Add("client_id", "x") }, "page"},
		"pkce-left-out":      {func(q url.Values) { q.Del("code_challenge"); q.Del("code_challenge_method") }, "invalid_request"},
		"pkce-plain":         {func(q url.Values) { q.Set("code_challenge_method", "plain") }, "invalid_request"},
		"pkce-no-method":     {func(q url.Values) { q.Del("code_challenge_method") }, "invalid_request"},
		"pkce-short":         {func(q url.Values) { q.Set("code_challenge", "abc") }, "invalid_request"},
		"two-challenges":     {func(q url.Values) { q.Add("code_challenge", strings.Repeat("x", 43)) }, "invalid_request"},
		"no-nonce":           {func(q url.Values) { q.Del("nonce") }, "invalid_request"},
		"no-state":           {func(q url.Values) { q.Del("state") }, "invalid_request"},
		"implicit":           {func(q url.Values) { q.Set("response_type", "id_token") }, "unsupported_response_type"},
		"hybrid":             {func(q url.Values) { q.Set("response_type", "code id_token") }, "unsupported_response_type"},
		"fragment":           {func(q url.Values) { q.Set("response_mode", "fragment") }, "invalid_request"},
		"form-post":          {func(q url.Values) { q.Set("response_mode", "form_post") }, "invalid_request"},
		"no-openid":          {func(q url.Values) { q.Set("scope", "profile") }, "invalid_scope"},
		"request-object":     {func(q url.Values) { q.Set("request", "x") }, "request_not_supported"},
		"request-uri":        {func(q url.Values) { q.Set("request_uri", "https://evil.example") }, "request_uri_not_supported"},
		"nobody-is-there":    {func(q url.Values) { q.Set("prompt", "none") }, "login_required"},
		"none-and-login":     {func(q url.Values) { q.Set("prompt", "none login") }, "invalid_request"},
		"unknown-prompt":     {func(q url.Values) { q.Set("prompt", "create") }, "invalid_request"},
		"bad-max-age":        {func(q url.Values) { q.Set("max_age", "-1") }, "invalid_request"},
		"long-state":         {func(q url.Values) { q.Set("state", strings.Repeat("x", 600)) }, "invalid_request"},
		"state-with-newline": {func(q url.Values) { q.Set("state", "a\r\nLocation: https://evil.example"); q.Del("nonce") }, "invalid_request"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			q := goodRequest()
			c.bend(q)
			r := d.tab().get("/authorize?" + q.Encode())
			if c.want == "page" {
				if r.to != nil || r.status != http.StatusBadRequest {
					t.Fatalf("redirected to %v", r.to)
				}
				return
			}
			if r.to == nil || r.to.Host != "localhost:8080" || r.to.Query().Get("error") != c.want || r.to.Query().Get("iss") != d.opt.Issuer || r.to.Query().Get("code") != "" {
				t.Fatalf("%d %v", r.status, r.to)
			}
		})
	}
}

func TestCodes(t *testing.T) {
	cases := map[string][]string{
		"wrong-verifier":     {"code_verifier", strings.Repeat("x", 43)},
		"no-verifier":        {"code_verifier", ""},
		"challenge-as-plain": {"code_verifier", goodRequest().Get("code_challenge")},
		"wrong-redirect":     {"redirect_uri", "http://localhost:8080/other"},
		"no-redirect":        {"redirect_uri", ""},
		"wrong-secret":       {"client_secret", "a secret of the portaL"},
		"no-secret":          {"client_secret", ""},
		"wrong-client":       {"client_id", "other"},
		"wrong-code":         {"code", strings.Repeat("x", 43)},
		"refresh":            {"grant_type", "refresh_token"},
		"password-grant":     {"grant_type", "password"},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			if status, m := d.exchange(d.tab().authorizationCode(), change...); status/100 != 4 || m["id_token"] != nil || m["error"] == nil {
				t.Fatal(status, m)
			}
		})
	}
	t.Run("sixty-seconds", func(t *testing.T) {
		d := newDesk(t)
		code := d.tab().authorizationCode()
		d.now = d.now.Add(60 * time.Second)
		if status, _ := d.exchange(code); status != 400 {
			t.Fatal("an old code was taken")
		}
	})
	t.Run("once", func(t *testing.T) {
		d := newDesk(t)
		code := d.tab().authorizationCode()
		status, m := d.exchange(code)
		if status != 200 || d.userinfo(m["access_token"].(string)) != 200 {
			t.Fatal("an honest code was refused")
		}
		if status, _ := d.exchange(code); status != 400 {
			t.Fatal("a code was taken twice")
		}
		if d.userinfo(m["access_token"].(string)) != 401 {
			t.Fatal("the stolen code's token still works")
		}
	})
	t.Run("spent-by-a-wrong-verifier", func(t *testing.T) {
		d := newDesk(t)
		code := d.tab().authorizationCode()
		d.exchange(code, "code_verifier", strings.Repeat("x", 43))
		if status, _ := d.exchange(code); status != 400 {
			t.Fatal("a code may be guessed at")
		}
	})
}

func (d *desk) userinfo(token string) int {
	r := httptest.NewRequest("GET", "/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return d.tab().do(r).status
}

// TestOneAnswerForEveryRefusal compares, byte for byte, what a stranger learns
// from an unknown name, a wrong password, a wrong code, a paused and a disabled
// account: nothing.
func TestOneAnswerForEveryRefusal(t *testing.T) {
	d := newDesk(t)
	try := func(user, password, code string) (first, second string) {
		b := d.tab()
		tx := b.begin()
		hide := func(r reply) string { return strings.ReplaceAll(r.header.Get("Location")+r.body, tx, "TX") }
		p := b.post("/sign-in", "tx", tx, "user", user, "password", password)
		page := b.get("/code?tx=" + tx)
		c := b.post("/code", "tx", tx, "code", code)
		if c.signedIn() {
			t.Fatal("signed in")
		}
		return hide(p) + hide(page), hide(c)
	}
	wrong := "000000"
	if d.code() == wrong {
		wrong = "000001"
	}
	page, refusal := try("amina", goodPassword, wrong)
	for name, c := range map[string][3]string{
		"unknown-name":   {"nobody", goodPassword, d.code()},
		"wrong-password": {"amina", "wrong password", d.code()},
		"both-wrong":     {"amina", "wrong password", wrong},
	} {
		if p, r := try(c[0], c[1], c[2]); p != page || r != refusal {
			t.Errorf("%s is told apart", name)
		}
	}
	a := d.account
	a.Disabled = true
	d.must(d.dir.Replace(t.Context(), a))
	if p, r := try("amina", goodPassword, d.code()); p != page || r != refusal {
		t.Error("a disabled account is told apart")
	}
	a.Disabled = false
	d.must(d.dir.Replace(t.Context(), a))
	for range freeAttempts {
		try("amina", "wrong password", wrong)
	}
	d.issuer.byPair.forgive("192.0.2.1 amina")
	if p, r := try("amina", goodPassword, d.code()); p != page || r != refusal {
		t.Error("a paused account is told apart, or not paused")
	}
	if strings.Contains(page+refusal, "amina") || strings.Contains(page, goodPassword) {
		t.Error("the page repeats what was typed")
	}
}

func TestTOTPReplay(t *testing.T) {
	d := newDesk(t)
	code := d.code()
	if r := d.tab().signIn(goodPassword, code); !r.signedIn() {
		t.Fatal("refused")
	}
	if r := d.tab().signIn(goodPassword, code); r.signedIn() {
		t.Fatal("a code worked twice")
	}
	before, err := TOTPCode(d.account.TOTPSecret, TOTPStep(d.now)-1)
	d.must(err)
	if r := d.tab().signIn(goodPassword, before); r.signedIn() {
		t.Fatal("an older code worked after a newer one")
	}
	again, err := OpenFileDirectory(d.dir.path) // as after a restart
	d.must(err)
	if last, _ := again.LastStep(t.Context(), d.account.Subject); last != TOTPStep(d.now) {
		t.Fatal("a restart forgets which code was used")
	}
	d.now = d.now.Add(30 * time.Second)
	if r := d.tab().signIn(goodPassword, d.code()); !r.signedIn() {
		t.Fatal("the next code was refused")
	}
	far, err := TOTPCode(d.account.TOTPSecret, TOTPStep(d.now)+3)
	d.must(err)
	if r := d.tab().signIn(goodPassword, far); r.signedIn() {
		t.Fatal("a code of the far future worked")
	}
}

// TestBruteForce counts how many guesses a patient attacker with the password
// and any number of addresses gets at the code in six hours.
func TestBruteForce(t *testing.T) {
	d := newDesk(t)
	guesses, end := 0, d.now.Add(6*time.Hour)
	for n := 0; d.now.Before(end); n++ {
		b := d.tab()
		b.address = "[2001:db8:" + strings.ToLower(strings.TrimLeft(time.Unix(int64(n), 0).UTC().Format("150405"), "0")) + "::1]:5"
		tx := b.begin()
		b.post("/sign-in", "tx", tx, "user", "amina", "password", goodPassword)
		for range codeTries {
			p, _ := d.issuer.pending.get(hashOf(tx), d.now)
			if p.right && p.tries == 0 || p.right && !locked(d.dir.data.Attempts["amina"], d.now) {
				guesses++
			}
			if b.post("/code", "tx", tx, "code", "xxxxxx").signedIn() {
				t.Fatal("signed in")
			}
		}
		d.now = d.now.Add(time.Minute)
	}
	t.Logf("%d guesses in six hours", guesses)
	if guesses == 0 || guesses > 75 { // of a million codes, three of which are right at a time: under 0.1 % a day
		t.Fatalf("%d guesses", guesses)
	}
	d.now = d.now.Add(longestPause)
	if r := d.tab().signIn(goodPassword, d.code()); !r.signedIn() {
		t.Fatal("the account stays locked for ever")
	}
}

func TestRateLimit(t *testing.T) {
	d := newDesk(t)
	b := d.tab()
	limited := 0
	for range 15 {
		if r := b.signIn("wrong password", "000000"); r.status == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited == 0 {
		t.Fatal("one address may try without end")
	}
	other := d.tab()
	other.address = "198.51.100.7:9"
	d.now = d.now.Add(longestPause)
	if r := other.signIn(goodPassword, d.code()); !r.signedIn() {
		t.Fatal("another address is limited too")
	}
	many := newDesk(t)
	refused := 0
	for range 200 {
		if r := many.tab().get("/authorize?" + goodRequest().Encode()); r.status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused == 0 {
		t.Fatal("one address may start sign-ins without end")
	}
}

func TestASignInBelongsToItsBrowser(t *testing.T) {
	d := newDesk(t)
	attacker, victim := d.tab(), d.tab()
	tx := attacker.begin()
	victim.begin()
	if r := victim.post("/sign-in", "tx", tx, "user", "amina", "password", goodPassword); r.status != http.StatusBadRequest {
		t.Fatal("a victim's browser goes on with the attacker's sign-in")
	}
	if r := victim.get("/code?tx=" + tx); r.status != http.StatusBadRequest {
		t.Fatal("a victim's browser sees the attacker's sign-in")
	}
	if r := attacker.post("/code", "tx", tx, "code", d.code()); r.signedIn() || r.to == nil || r.to.Path != "/sign-in" {
		t.Fatal("the code page works without a password")
	}
	r := httptest.NewRequest("POST", "/sign-in", strings.NewReader("tx="+tx))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if got := attacker.do(r); got.status != http.StatusForbidden {
		t.Fatal("a form of another site was taken")
	}
}

func TestSessionsHere(t *testing.T) {
	d := newDesk(t)
	b := d.tab()
	b.cookies["ark-id-session"] = strings.Repeat("A", 43) // planted
	if !b.signIn(goodPassword, d.code()).signedIn() {
		t.Fatal("refused")
	}
	if b.cookies["ark-id-session"] == strings.Repeat("A", 43) {
		t.Fatal("a planted session secret was kept")
	}
	ask := func(kv ...string) reply {
		q := goodRequest()
		for i := 0; i < len(kv); i += 2 {
			q.Set(kv[i], kv[i+1])
		}
		return b.get("/authorize?" + q.Encode())
	}
	if !ask().signedIn() || !ask("prompt", "none").signedIn() {
		t.Fatal("a signed-in user is asked again")
	}
	if ask("prompt", "login").signedIn() || ask("max_age", "0").signedIn() {
		t.Fatal("a fresh proof was asked for and not demanded")
	}
	d.now = d.now.Add(time.Minute)
	if ask("max_age", "30").signedIn() || !ask("max_age", "90").signedIn() {
		t.Fatal("max_age is not kept")
	}
	a := d.account
	a.Disabled = true
	d.must(d.dir.Replace(t.Context(), a))
	if ask().signedIn() {
		t.Fatal("a disabled account is still signed in")
	}
	a.Disabled = false
	d.must(d.dir.Replace(t.Context(), a))
	if r := b.get("/sign-out?post_logout_redirect_uri=https://evil.example/"); r.to != nil || !strings.Contains(r.body, `action="/sign-out"`) {
		t.Fatal("a link signs people out, or leads elsewhere")
	}
	if r := b.post("/sign-out", "back", "yes", "state", "s"); r.to == nil || r.to.String() != "http://localhost:8080/?state=s" {
		t.Fatalf("%v", r.to)
	}
	if ask("prompt", "none").signedIn() {
		t.Fatal("signed out and still in")
	}
}

func TestDemonstrationIsOffUnlessOn(t *testing.T) {
	demo := []DemoAccount{{UserName: "amina", Label: "Dr Amina Shah, researcher", Password: goodPassword}}
	on := newDesk(t, func(o *Options) { o.Demonstration, o.Demo = true, demo })
	b := on.tab()
	tx := b.begin()
	if page := b.get("/sign-in?tx=" + tx); !strings.Contains(page.body, "Dr Amina Shah, researcher") || !strings.Contains(page.body, "DEMONSTRATION") {
		t.Fatal("the demonstration's sign-ins aren't on the page")
	}
	if filled := b.post("/sign-in", "tx", tx, "as", "amina"); !strings.Contains(filled.body, `value="amina"`) || !strings.Contains(filled.body, goodPassword) {
		t.Fatal("the button fills nothing in")
	}
	b.post("/sign-in", "tx", tx, "user", "amina", "password", goodPassword)
	if page := b.get("/code?tx=" + tx); !strings.Contains(page.body, `your code is <strong id="demo-code">`+on.code()) {
		t.Fatal("the demonstration's code isn't on the page")
	}
	if !b.post("/code", "tx", tx, "code", on.code()).signedIn() {
		t.Fatal("the code on the page is refused")
	}

	off := newDesk(t)
	b = off.tab()
	tx = b.begin()
	pages := b.get("/sign-in?tx="+tx).body + b.post("/sign-in", "tx", tx, "as", "amina").body
	b.post("/sign-in", "tx", tx, "user", "amina", "password", goodPassword)
	pages += b.get("/code?tx=" + tx).body
	for _, never := range []string{"emonstration", "Amina", "demo", off.code(), off.account.TOTPSecret, goodPassword, `name="as"`} {
		if strings.Contains(pages, never) {
			t.Errorf("%q is on a page though the option is off", never)
		}
	}
	opt := off.opt
	opt.Demo = demo
	if _, err := New(opt); err == nil {
		t.Fatal("demonstration sign-ins are accepted outside a demonstration")
	}
}

func TestOnlyDemoAccountsShowCodes(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Demonstration, o.Demo = true, []DemoAccount{{UserName: "someone-else"}} })
	b := d.tab()
	tx := b.begin()
	b.post("/sign-in", "tx", tx, "user", "amina", "password", goodPassword)
	if page := b.get("/code?tx=" + tx); strings.Contains(page.body, d.code()) {
		t.Fatal("the code of an account that is no demonstration's is shown")
	}
}

func TestPagesAreStrict(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Client.StylesheetURL = "http://localhost:8080/assets/ark.css" })
	b := d.tab()
	tx := b.begin()
	replies := []reply{b.get("/sign-in?tx=" + tx), b.post("/sign-in", "tx", tx, "user", `"><script>x</script>`, "password", "p"), b.get("/nowhere"), b.get("/")}
	b.post("/sign-in", "tx", tx, "user", "amina", "password", goodPassword)
	replies = append(replies, b.get("/code?tx="+tx), b.get("/sign-out"))
	for i, r := range replies {
		csp := r.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "form-action 'self' http://localhost:8080;", "frame-ancestors 'none'", "style-src 'self' http://localhost:8080;"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%d: %s", i, csp)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "script-src") {
			t.Errorf("%d: %s", i, csp)
		}
		for _, never := range []string{"<script", "<style", "style=", "onclick", "javascript:"} {
			if strings.Contains(strings.ToLower(r.body), never) {
				t.Errorf("%d holds %s", i, never)
			}
		}
		if r.header.Get("Cache-Control") != "no-store" || r.header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(r.body, `<html lang="en-GB"`) {
			t.Errorf("%d: %v", i, r.header)
		}
	}
	r := httptest.NewRequest("GET", "/sign-in", nil)
	w := httptest.NewRecorder()
	r.Host = "evil.example"
	if d.issuer.ServeHTTP(w, r); w.Code != http.StatusMisdirectedRequest {
		t.Error("another host name is served")
	}
}

// TestAPauseReachesOpenSignIns: a sign-in whose password was right is held by a
// pause that other tries brought about meanwhile.
func TestAPauseReachesOpenSignIns(t *testing.T) {
	d := newDesk(t)
	b := d.tab()
	tx := b.begin()
	b.post("/sign-in", "tx", tx, "user", "amina", "password", goodPassword)
	if b.post("/code", "tx", tx, "code", "xxxxxx").signedIn() {
		t.Fatal("signed in")
	}
	for range freeAttempts {
		d.tab().signIn("wrong password", "xxxxxx")
	}
	if b.post("/code", "tx", tx, "code", d.code()).signedIn() {
		t.Fatal("an open sign-in goes on guessing through a pause")
	}
}

func TestAnotherHostNameIsNotServed(t *testing.T) {
	d := newDesk(t)
	for _, path := range []string{"/.well-known/openid-configuration", "/keys", "/authorize?" + goodRequest().Encode()} {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "localhost:8080"
		w := httptest.NewRecorder()
		if d.issuer.ServeHTTP(w, r); w.Code != http.StatusMisdirectedRequest {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

package issuer

import (
	"net/http"
	"strings"
	"time"
)

// Two cookies: one binds a sign-in under way to the browser that began it, one
// is the session of a user who is signed in. Both are random and host-only.

func (i *Issuer) cookieName(kind string) string {
	if strings.HasPrefix(i.opt.Issuer, "https:") {
		return "__Host-ark-id-" + kind
	}
	return "ark-id-" + kind
}

func (i *Issuer) setCookie(w http.ResponseWriter, kind, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: i.cookieName(kind), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true,
		Secure: strings.HasPrefix(i.opt.Issuer, "https:"), SameSite: http.SameSiteLaxMode,
	})
}

func (i *Issuer) readCookie(r *http.Request, kind string) (string, bool) {
	found := r.CookiesNamed(i.cookieName(kind))
	if len(found) != 1 || len(found[0].Value) != 43 || !urlSafe(found[0].Value) {
		return "", false
	}
	return found[0].Value, true
}

// browser returns the hash of this browser's binding, making one if it has none.
func (i *Issuer) browser(w http.ResponseWriter, r *http.Request) hash {
	v, ok := i.readCookie(r, "browser")
	if !ok {
		v = newSecret(i.opt.Random)
		i.setCookie(w, "browser", v, 0)
	}
	return hashOf(v)
}

// session returns the user signed in on this browser.
func (i *Issuer) session(r *http.Request) (session, bool) {
	v, ok := i.readCookie(r, "session")
	if !ok {
		return session{}, false
	}
	return i.sessions.get(hashOf(v), i.opt.Now())
}

// startSession signs subject in on this browser, under a new secret.
func (i *Issuer) startSession(w http.ResponseWriter, r *http.Request, subject string, now time.Time, amr []string) (session, bool) {
	if v, ok := i.readCookie(r, "session"); ok {
		i.sessions.take(hashOf(v), now)
	}
	s := session{SID: idText(), Subject: subject, AuthTime: now, AMR: amr}
	v := newSecret(i.opt.Random)
	if !i.sessions.put(hashOf(v), s, now, now.Add(i.opt.SessionLife)) {
		return session{}, false
	}
	i.setCookie(w, "session", v, 0)
	return s, true
}

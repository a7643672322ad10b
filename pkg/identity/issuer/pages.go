package issuer

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

//go:embed pages/*.html pages/style.css pages/passkey.js
var files embed.FS

// pages renders the issuer's pages. They hold no inline script or style, and
// all but those of passkeys work without either.
type pages struct {
	set    *template.Template
	css    []byte
	script []byte
	policy string
	look   look
	demo   []DemoAccount
}

// look is what every page shows around its substance.
type look struct {
	Service, Home, Stylesheet string
	Demonstration             bool
}

type passwordPage struct {
	TX, UserName, Password, Filled, Error string
	Demo                                  []DemoAccount
}

type codePage struct {
	TX, Error, DemoCode string
	Authenticator       bool
	DemoWait            int
	Passkeys            bool
}

type passkeyPage struct{ TX, Options string }

type passkeysPage struct {
	UserName, Options, Error string
	Keys                     []passkeyRow
	Full                     bool
}

type passkeyRow struct{ ID, Name, Made, Used string }

type signOutPage struct{ Back, State string }

type messagePage struct{ Title, Text string }

func newPages(opt Options) (*pages, error) {
	set, err := template.ParseFS(files, "pages/*.html")
	if err != nil {
		return nil, err
	}
	css, err := files.ReadFile("pages/style.css")
	if err != nil {
		return nil, err
	}
	script, err := files.ReadFile("pages/passkey.js")
	if err != nil {
		return nil, err
	}
	p := &pages{set: set, css: css, script: script, look: look{
		Service: opt.Client.ServiceName, Home: opt.Client.HomeURI, Stylesheet: opt.Client.StylesheetURL, Demonstration: opt.Demonstration,
	}}
	if p.look.Stylesheet == "" {
		p.look.Stylesheet = "/style.css"
	}
	if opt.Demonstration {
		p.demo = opt.Demo
	}
	p.policy = policy(p.look.Stylesheet, opt.Client.RedirectURI, opt.Client.SignedOutURI)
	return p, nil
}

// policy is the pages' content security policy. Browsers hold form-action
// against the redirect that follows a form too, so the client is in it.
func policy(stylesheet, redirect, signedOut string) string {
	assets := strings.TrimSpace("'self' " + origin(stylesheet))
	targets := "'self'"
	for _, o := range []string{origin(redirect), origin(signedOut)} {
		if o != "" && !strings.Contains(targets+" ", " "+o+" ") {
			targets += " " + o
		}
	}
	return "default-src 'none'; style-src " + assets + "; font-src " + assets + "; img-src " + assets +
		"; form-action " + targets + "; base-uri 'none'; frame-ancestors 'none'"
}

func origin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// headers are on every answer of the issuer.
func (p *pages) headers(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", permissions+"publickey-credentials-get=(), publickey-credentials-create=()")
	h.Set("Cache-Control", "no-store")
}

func (p *pages) style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=3600")
	w.Write(p.css)
}

// scripted renders one of the two pages that have a script: their policy allows
// the issuer's own, and those pages alone may ask the browser for passkeys.
func (p *pages) scripted(w http.ResponseWriter, status int, name string, page any) {
	w.Header().Set("Content-Security-Policy", p.policy+"; script-src 'self'")
	w.Header().Set("Permissions-Policy", permissions+"publickey-credentials-get=(self), publickey-credentials-create=(self)")
	p.render(w, status, name, page)
}

const permissions = "camera=(), microphone=(), geolocation=(), "

func (p *pages) passkeyScript(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=3600")
	w.Write(p.script)
}

func (p *pages) password(w http.ResponseWriter, status int, page passwordPage) {
	p.render(w, status, "password.html", page)
}

func (p *pages) code(w http.ResponseWriter, status int, page codePage) {
	p.render(w, status, "code.html", page)
}

func (p *pages) signOut(w http.ResponseWriter, page signOutPage) {
	p.render(w, http.StatusOK, "signout.html", page)
}

func (p *pages) message(w http.ResponseWriter, status int, title, text string) {
	p.render(w, status, "message.html", messagePage{title, text})
}

func (p *pages) render(w http.ResponseWriter, status int, name string, page any) {
	var b bytes.Buffer
	err := p.set.ExecuteTemplate(&b, name, struct {
		Look look
		Page any
	}{p.look, page})
	if err != nil {
		http.Error(w, "The page can't be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

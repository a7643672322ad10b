package portal

import (
	"net/http"
	"net/url"
	"sync"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/governance"
	"github.com/ark-tre/ark/pkg/identity"
	"github.com/ark-tre/ark/pkg/portal/edge"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

// Door says who is at the door of the portal, and lets users in and out.
type Door interface {
	// Who returns the actor of the request's session, or an ark.Unsigned fault.
	Who(r *http.Request) (store.Actor, error)
	// Begin sends the browser to prove who its user is and come back to returnTo.
	Begin(w http.ResponseWriter, r *http.Request, returnTo string) error
	// StepUp sends a signed-in user to show both factors afresh, for one act:
	// a name of store.StepUpFor.
	StepUp(w http.ResponseWriter, r *http.Request, returnTo, act string) error
	// Finish starts the session of who came back, and says where they wanted to go.
	Finish(w http.ResponseWriter, r *http.Request) (returnTo string, err error)
	// Leave ends the session and returns where to end the provider's, if anywhere.
	Leave(w http.ResponseWriter, r *http.Request) (next string, err error)
	// HandOver gives a session like the request's to a program on the user's
	// machine, and returns the loopback address to send the browser to.
	HandOver(r *http.Request, a identity.Asked) (address string, err error)
	// TakeOver starts that session in the answer to the program.
	TakeOver(w http.ResponseWriter, r *http.Request, code, verifier string) error
	// LoggedOut takes the provider's word that a user's session there has ended.
	LoggedOut(w http.ResponseWriter, r *http.Request) error
}

// Accounts is the Door of an Ark whose users sign in by OpenID Connect and are
// known to governance by issuer and subject.
type Accounts struct {
	Party    *identity.RelyingParty
	Sessions *identity.Sessions
	Rooms    *governance.Room

	handovers identity.Handovers
	once      sync.Once
}

func (a *Accounts) handed() *identity.Handovers {
	a.once.Do(func() { a.handovers.Sessions = a.Sessions })
	return &a.handovers
}

// HandOver implements Door.
func (a *Accounts) HandOver(r *http.Request, asked identity.Asked) (string, error) {
	return a.handed().Offer(r.Context(), r, asked)
}

// TakeOver implements Door.
func (a *Accounts) TakeOver(w http.ResponseWriter, r *http.Request, code, verifier string) error {
	_, err := a.handed().Redeem(r.Context(), w, r, code, verifier)
	return err
}

var _ Door = (*Accounts)(nil)

// Who implements Door.
func (a *Accounts) Who(r *http.Request) (store.Actor, error) {
	s, err := a.Sessions.Resume(r)
	if err != nil {
		return store.Actor{}, err
	}
	return store.Actor{User: s.User, StepUp: s.Proved, StepFor: s.ProvedFor, Session: s.ID}, nil
}

// Begin implements Door.
func (a *Accounts) Begin(w http.ResponseWriter, r *http.Request, returnTo string) error {
	return a.Party.Begin(w, r, returnTo)
}

// StepUp implements Door.
func (a *Accounts) StepUp(w http.ResponseWriter, r *http.Request, returnTo, act string) error {
	s, err := a.Sessions.Resume(r)
	if err != nil {
		return err
	}
	return a.Party.BeginStepUp(w, r, returnTo, s.Subject, act)
}

// Finish implements Door. A proof of somebody without an account here is refused.
func (a *Accounts) Finish(w http.ResponseWriter, r *http.Request) (string, error) {
	proof, returnTo, err := a.Party.Finish(w, r)
	if err != nil {
		return "", err
	}
	if proof.StepUp {
		_, err := a.Sessions.Elevate(r.Context(), w, r, proof)
		return returnTo, err
	}
	var user *governance.User
	err = a.Rooms.St.View(r.Context(), func(q store.Querier) error {
		var err error
		user, err = a.Rooms.UserByIdentity(r.Context(), q, proof.Issuer, proof.Subject)
		return err
	})
	if ark.Is(err, ark.Unknown) {
		return "", ark.Faultf(ark.Forbidden, "you proved who you are, but there is no account for you in this Ark").Do("ask the operator to add you")
	}
	if err != nil {
		return "", err
	}
	if !proof.SecondFactor {
		return "", ark.Faultf(ark.Forbidden, "your sign-in showed one factor, and this Ark asks for two").Do("set up a second factor where you sign in")
	}
	_, err = a.Sessions.Start(r.Context(), w, r, user.ID, proof)
	return returnTo, err
}

// Leave implements Door.
func (a *Accounts) Leave(w http.ResponseWriter, r *http.Request) (string, error) {
	if err := a.Sessions.End(r.Context(), w, r); err != nil {
		return "", err
	}
	return a.Party.EndSessionURL(r.Context()), nil
}

// LoggedOut implements Door.
func (a *Accounts) LoggedOut(w http.ResponseWriter, r *http.Request) error {
	l, err := a.Party.VerifyLogout(w, r)
	if err != nil {
		return err
	}
	_, err = a.Sessions.EndProvider(r.Context(), l)
	return err
}

// Addresses of signing in and out. The relying party's redirect address is the
// portal's own with SignedInPath.
const (
	SignInPath    = "/sign-in"
	SignedInPath  = "/signed-in"
	LoggedOutPath = "/logged-out"
)

func (p *Portal) doorRoutes() []Route {
	return []Route{
		{Pattern: "GET " + SignInPath, Action: "session.manage", On: whole, Serve: p.signIn},
		{Pattern: "GET /step-up", Action: "session.manage", On: whole, Serve: p.stepUp},
		{Pattern: "GET " + SignedInPath, Action: "session.manage", On: whole, Serve: p.signedIn},
		{Pattern: "POST /sign-out", Action: "session.manage", On: whole, Serve: p.signOut},
		{Pattern: "GET /signed-out", Action: "session.manage", On: whole, Serve: p.signedOut},
		{Pattern: "POST " + LoggedOutPath, Action: "session.manage", On: whole, Serve: p.loggedOut},
		{Pattern: "GET /kept", Action: "session.manage", On: whole, Serve: p.showKept},
		{Pattern: "POST /role", Action: "session.manage", On: whole, Serve: p.switchRole},
	}
}

// throttled refuses the sign-ins that come too fast from one address, and the
// second factors of one user who is signed in: a whole office may share an
// address, and its checkers release one thing after the other.
func (p *Portal) throttled(c *Call) error {
	who, from := edge.ClientAddress(c.R), "from your network address"
	if c.Viewer != nil {
		who, from = "user "+c.Viewer.User, "with your account"
	}
	if p.throttle.Allow(who) {
		return nil
	}
	c.W.Header().Set("Retry-After", "30")
	return ark.Faultf(ark.TooMuch, "too many sign-ins were tried %s", from).Do("wait half a minute and try again")
}

func (p *Portal) signIn(c *Call) error {
	to := identity.SafeReturn(c.Query("to"))
	if to == "/" {
		to = "/home"
	}
	if c.Viewer != nil {
		return c.Go(to)
	}
	if err := p.throttled(c); err != nil {
		return err
	}
	return p.cfg.Door.Begin(c.W, c.R, to)
}

func (p *Portal) stepUp(c *Call) error {
	to := identity.SafeReturn(c.Query("to"))
	if c.Viewer == nil {
		return c.Go(SignInPath)
	}
	act := c.Query("for")
	action, on, err := store.ParseStepUp(act)
	if err != nil {
		return err
	}
	err = p.cfg.Store.Check(c.Ctx(), c.Actor, action, on)
	if err == nil {
		return c.Go(to) // it was shown for this already, or nothing asks for it
	}
	if !ark.Is(err, ark.Unsigned) {
		return err // nobody shows a second factor for what they may not do
	}
	if err := p.throttled(c); err != nil {
		return err
	}
	return p.cfg.Door.StepUp(c.W, c.R, to, act)
}

// stepUpPath is where the second factor is shown for an act, on the way to the
// page to.
func stepUpPath(action string, on store.Resource, to string) string {
	return "/step-up?" + url.Values{"for": {store.StepUpFor(action, on)}, "to": {to}}.Encode()
}

// shown reports whether the caller's second factor was shown for an act, and
// is good for it yet.
func (c *Call) shown(action, kind, id string) bool {
	return !c.Actor.StepUp.IsZero() && c.Actor.StepFor == store.StepUpFor(action, store.Resource{Type: kind, ID: id}) && c.Off(action, kind, id) == ""
}

// asksForStepUp is what a page says of a button that leads by way of it.
const asksForStepUp = "You are asked for your second factor when you press the button. It serves for this alone, once."

func (p *Portal) signedIn(c *Call) error {
	if err := p.throttled(c); err != nil {
		return err
	}
	to, err := p.cfg.Door.Finish(c.W, c.R)
	if ark.Is(err, ark.Unsigned) {
		// Not sent to sign in again at once: that could go round for ever.
		page := p.faultPage(c, err)
		page.Body = append(page.Body, ui.Actions{Buttons: []ui.Button{{Text: "Sign in", Href: SignInPath}}})
		return p.print(c, http.StatusUnauthorized, page)
	}
	if err != nil {
		return err
	}
	return c.Go(identity.SafeReturn(to))
}

func (p *Portal) signOut(c *Call) error {
	next, err := p.cfg.Door.Leave(c.W, c.R)
	if err != nil {
		return err
	}
	if next == "" {
		next = "/signed-out"
	}
	return c.Go(next)
}

func (p *Portal) signedOut(c *Call) error {
	return c.Page(ui.Page{Head: "You are signed out", Lead: "Workspaces that were running go on or stop by their own clocks; their files are kept.",
		Body: []ui.Block{ui.Actions{Buttons: []ui.Button{{Text: "Sign in", Href: SignInPath}}}, ui.Links{Items: []ui.Link{{Text: "The public pages", Href: "/"}}}}})
}

func (p *Portal) loggedOut(c *Call) error {
	if err := p.cfg.Door.LoggedOut(c.W, c.R); err != nil {
		return err
	}
	c.W.WriteHeader(http.StatusOK)
	return nil
}

const roleCookie = "ark_role"

// switchRole changes the role in hand: which home and menu are shown. It gives
// no right: what a user may do follows from all roles that they hold.
func (p *Portal) switchRole(c *Call) error {
	if c.Viewer == nil {
		return ark.Faultf(ark.Unsigned, "sign in first")
	}
	if err := c.parse(); err != nil {
		return err
	}
	role, err := ark.ParseRole(c.R.PostForm.Get("role"))
	if err != nil {
		return err
	}
	if !c.Viewer.Has(role) {
		return ark.Faultf(ark.Forbidden, "you do not hold that role").Do("ask the operator for it")
	}
	http.SetCookie(c.W, &http.Cookie{Name: roleCookie, Value: string(role), Path: "/", HttpOnly: true, Secure: p.cfg.HTTPS, SameSite: http.SameSiteLaxMode})
	return c.Go("/home")
}

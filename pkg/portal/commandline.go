package portal

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/identity"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

// HandoverPath is where the command line gets a session from a browser.
const HandoverPath = "/sign-in/command-line"

func (p *Portal) handoverRoutes() []Route {
	return []Route{
		{Pattern: "GET " + HandoverPath, Action: "session.manage", On: whole, Serve: p.handoverPage},
		{Pattern: "POST " + HandoverPath, Action: "session.manage", On: whole, Serve: p.handOver},
		{Pattern: "POST " + HandoverPath + "/session", Action: "session.manage", On: whole, Serve: p.takeOver},
	}
}

// handoverAsked reads what a program asks for; act is what a second factor is
// to be shown for, if anything.
func handoverAsked(v url.Values) (a identity.Asked, act string, err error) {
	if a, err = identity.ParseAsked(v); err != nil {
		return a, "", err
	}
	if act = v.Get("for"); act != "" {
		_, _, err = store.ParseStepUp(act)
	}
	return a, act, err
}

// handoverPage asks whether the program that sent its user here may act as
// them. Nothing is given by looking at it.
func (p *Portal) handoverPage(c *Call) error {
	a, act, err := handoverAsked(c.R.URL.Query())
	if err != nil {
		return err
	}
	here := c.R.URL.RequestURI()
	if c.Viewer == nil {
		return c.Go(SignInPath + "?" + url.Values{"to": {here}}.Encode())
	}
	hidden := []ui.Pair{{Name: "port", Value: strconv.Itoa(a.Port)}, {Name: "state", Value: a.State}, {Name: "challenge", Value: a.Challenge}}
	lead := "A program on this computer asks for a session as you. With it, it can do in this Ark whatever you can."
	if act != "" {
		action, on, err := store.ParseStepUp(act)
		if err != nil {
			return err
		}
		if !c.shown(action, on.Type, on.ID) {
			return c.Go(stepUpPath(action, on, here))
		}
		hidden = append(hidden, ui.Pair{Name: "for", Value: act})
		lead = "A program on this computer asks for a session as you, with the second factor that you have just shown for one act: " + act + "."
	}
	return c.Page(ui.Page{Head: "Let the command line act as you?", Lead: lead, Body: []ui.Block{
		ui.Warning{Head: "Only if you have just asked for it yourself", Text: "Go on if you ran ark sign-in on this computer a moment ago, and it shows the word below. If somebody sent you here by a message, or you do not know why you are here, don’t."},
		ui.Summary{Rows: []ui.Row{{Key: "The command line shows", Text: a.Word()}, {Key: "You are", Text: c.Viewer.Name}, {Key: "It ends", Text: "with your session in this browser, or when it is signed out"}}},
		ui.Form{Action: HandoverPath, Hidden: hidden, Submit: ui.Button{Text: "It shows this word: let it act as me"}, Cancel: &ui.Link{Text: "No", Href: "/home"}}}})
}

// handOver sends the browser to the program's port with a code. The answer is a
// page that goes there by itself, and not a redirect: a form of this site may
// not lead to another.
func (p *Portal) handOver(c *Call) error {
	if c.Viewer == nil {
		return ark.Faultf(ark.Unsigned, "sign in first")
	}
	if err := c.parse(); err != nil {
		return err
	}
	a, act, err := handoverAsked(c.R.PostForm)
	if err != nil {
		return err
	}
	if act != "" {
		action, on, err := store.ParseStepUp(act)
		if err != nil {
			return err
		}
		if !c.shown(action, on.Type, on.ID) {
			return ark.Faultf(ark.Conflict, "the second factor for it is not shown, or was used").Do("run the command again")
		}
	}
	to, err := p.cfg.Door.HandOver(c.R, a)
	if err != nil {
		return err
	}
	c.W.Header().Set("Refresh", "0; url="+to)
	c.W.Header().Set("Referrer-Policy", "no-referrer")
	return c.Page(ui.Page{Head: "Going back to the command line", Lead: "If nothing happens, follow the link. It is good for a minute, once, on this computer.", Body: []ui.Block{ui.Links{Items: []ui.Link{{Text: "Back to the command line", Href: to}}}}})
}

// takeOver starts the session of the program that has the code and what proves
// that it asked for it.
func (p *Portal) takeOver(c *Call) error {
	if err := p.throttled(c); err != nil {
		return err
	}
	if err := c.parse(); err != nil {
		return err
	}
	err := p.cfg.Door.TakeOver(c.W, c.R, c.R.PostForm.Get("code"), c.R.PostForm.Get("verifier"))
	if ark.Is(err, ark.Unsigned) { // not sent to sign in: it is a program that asks
		return ark.Faultf(ark.Forbidden, "%s", says(err)).Do("run ark sign-in again")
	}
	if err != nil {
		return err
	}
	c.W.WriteHeader(http.StatusNoContent)
	return nil
}

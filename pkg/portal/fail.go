package portal

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/portal/edge"
	"github.com/ark-tre/ark/pkg/portal/ui"
)

// fail answers a request that was refused or went wrong: what happened, why,
// what to do, and the reference to quote.
func (p *Portal) fail(c *Call, r Route, err error) {
	kind := ark.KindOf(err)
	if kind == ark.Internal || kind == ark.Unavailable {
		p.cfg.Log.ErrorContext(c.Ctx(), "page failed", "reference", edge.Reference(c.Ctx()), "route", r.Pattern, "err", err)
	}
	if kind == ark.Unsigned {
		p.askToSign(c, r, err)
		return
	}
	status := Status(kind)
	if kind == ark.TooMuch && c.W.Header().Get("Retry-After") != "" {
		status = http.StatusTooManyRequests
	}
	_ = p.print(c, status, p.faultPage(c, err))
}

// askToSign sends the user to sign in, or to show the second factor again, and
// keeps what they had typed.
func (p *Portal) askToSign(c *Call, r Route, err error) {
	back := c.R.URL.RequestURI()
	if r.Mutates() {
		back = p.keep(c, r)
	}
	to := "/sign-in?to=" + url.QueryEscape(back)
	if c.Viewer != nil {
		to = stepUpPath(r.Action, r.On(c.R), back)
	}
	http.Redirect(c.W, c.R, to, http.StatusSeeOther)
}

// faultPage is the page of a fault.
func (p *Portal) faultPage(c *Call, err error) ui.Page {
	var f *ark.Fault
	kind := ark.KindOf(err)
	page := ui.Page{Head: faultHead(kind)}
	if kind != ark.Internal && errors.As(err, &f) {
		page.Body = append(page.Body, ui.Text{Text: sentence(strings.TrimSpace(placed(f)))})
		if f.Remedy != "" {
			page.Body = append(page.Body, ui.Head2{Text: "What you can do"}, ui.Text{Text: sentence(f.Remedy)})
		}
		if f.Policy != "" {
			page.Body = append(page.Body, ui.Text{Soft: true, Text: "The rule that decided: " + f.Policy})
		}
	} else {
		page.Body = append(page.Body, ui.Text{Text: "It is not your doing. Nothing was half done: a change is made whole or not at all."},
			ui.Head2{Text: "What you can do"}, ui.Text{Text: "Try again in a minute. If it happens again, tell the operator the reference below."})
	}
	page.Body = append(page.Body, ui.Text{Soft: true, Text: "Reference " + edge.Reference(c.Ctx())},
		ui.Links{Items: []ui.Link{{Text: "Go to the start page", Href: p.home(c)}}})
	return page
}

func placed(f *ark.Fault) string {
	if w := f.Where.String(); strings.TrimSpace(w) != "" {
		return strings.TrimSpace(w) + ": " + f.Says
	}
	return f.Says
}

func faultHead(k ark.Kind) string {
	switch k {
	case ark.Invalid:
		return "That could not be used"
	case ark.Unknown, ark.Withheld:
		return "Page not found"
	case ark.Forbidden:
		return "You may not do that"
	case ark.Conflict:
		return "That is not possible now"
	case ark.Lapsed:
		return "Something has run out"
	case ark.Unavailable:
		return "A part of this Ark does not answer"
	case ark.TooMuch:
		return "That is too much at once"
	case ark.Unsigned:
		return "Sign in first"
	default:
		return "Something went wrong on our side"
	}
}

// broken is what a crashed page shows: plain, with nothing of the request in it.
func broken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write([]byte(`<!DOCTYPE html><html lang="en-GB"><head><meta charset="utf-8"><title>Something went wrong – Ark</title></head><body><main><h1>Something went wrong on our side</h1><p>Nothing was half done. Try again in a minute; if it happens again, tell the operator this reference: <strong>` +
		edge.Reference(r.Context()) + `</strong></p><p><a href="/">Go to the start page</a></p></main></body></html>`))
}

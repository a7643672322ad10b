package portal

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ark-tre/ark/airlock/ingress"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/portal/edge"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

// Call is one request to a page while it is answered, by one goroutine.
type Call struct {
	W      http.ResponseWriter
	R      *http.Request
	Actor  store.Actor
	Viewer *Viewer // nil when nobody is signed in
	p      *Portal
	todos  *[]todo // what waits for the viewer, once read
}

// Viewer is the signed-in user that a page is drawn for.
type Viewer struct {
	User    string
	Name    string
	Org     string
	OrgName string
	Roles   []ark.Role
	Role    ark.Role // the one in hand
}

// Has reports whether the user holds role r.
func (v *Viewer) Has(r ark.Role) bool {
	if v == nil {
		return false
	}
	for _, x := range v.Roles {
		if x == r {
			return true
		}
	}
	return false
}

// Ctx is the request's context.
func (c *Call) Ctx() context.Context { return c.R.Context() }

// ID is the {id} of the path.
func (c *Call) ID() string { return c.R.PathValue("id") }

// Query is one value of the query string.
func (c *Call) Query(name string) string { return c.R.URL.Query().Get(name) }

// Now is the house's clock.
func (c *Call) Now() time.Time { return c.p.cfg.Store.Now() }

// Page answers with a page.
func (c *Call) Page(page ui.Page) error { return c.p.print(c, http.StatusOK, page) }

// attach answers with a small file to be kept. name is Ark's own, no user's text.
func (c *Call) attach(kind, name string, body []byte) error {
	h := c.W.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, err := c.W.Write(body)
	return err
}

// Go sends the browser on, after something was done.
func (c *Call) Go(path string) error {
	http.Redirect(c.W, c.R, path, http.StatusSeeOther)
	return nil
}

// Off is why the user can't do action to the resource now, "" if they can. It
// is the sentence that the refusal would carry.
func (c *Call) Off(action, kind, id string) string {
	return says(c.p.cfg.Store.Check(c.Ctx(), c.Actor, action, store.Resource{Type: kind, ID: id}))
}

// says is what a user may read of an error.
func says(err error) string {
	var f *ark.Fault
	switch {
	case err == nil:
		return ""
	case errors.As(err, &f):
		s := sentence(f.Says)
		if f.Remedy != "" {
			s += " " + sentence(f.Remedy)
		}
		return s
	default:
		return "This is not possible now."
	}
}

// sentence gives s a capital and a full stop.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return s
	}
	if first, _, _ := strings.Cut(s, " "); !strings.Contains(strings.TrimRight(first, ".:"), ".") { // a file keeps its name
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	if !strings.ContainsAny(s[len(s)-1:], ".!?") {
		s += "."
	}
	return s
}

// problems turns an error into lines of an error summary. field is the field
// it is about when the fault doesn't say.
func problems(err error) []ui.Problem {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		var out []ui.Problem
		for _, e := range many.Unwrap() {
			out = append(out, problems(e)...)
		}
		return out
	}
	var f *ark.Fault
	if !errors.As(err, &f) {
		return []ui.Problem{{Text: "Something went wrong on our side."}}
	}
	text := f.Says
	if f.Where.File != "" || f.Where.Row > 0 {
		w := f.Where
		w.Field = ""
		text = w.String() + ": " + text
	}
	return []ui.Problem{{Field: f.Where.Field, Text: sentence(text), Remedy: sentence(f.Remedy)}}
}

// build draws a form's page: with nothing typed at first, and with what was
// typed and what was wrong after a refused attempt.
type build func(typed url.Values, wrong []ui.Problem) (ui.Page, error)

// draw answers with a form's page, nothing typed.
func (p *Portal) draw(c *Call, form build) error {
	page, err := form(nil, nil)
	if err != nil {
		return err
	}
	return c.Page(page)
}

// Attempt runs act on the posted form. When act returns an address, the browser
// goes there; when it refuses, the page is drawn again with everything typed.
func (c *Call) Attempt(again build, act func(form url.Values) (string, error)) error {
	if err := c.parse(); err != nil {
		return err
	}
	next, err := act(c.R.PostForm)
	return c.answer(again, c.R.PostForm, next, err)
}

// answer sends the browser on to next, or, where err refuses, draws the page
// again with what was typed.
func (c *Call) answer(again build, form url.Values, next string, err error) error {
	if err == nil {
		return c.Go(next)
	}
	if again == nil || c.stepUp(err) || ark.KindOf(err) == ark.Internal || ark.KindOf(err) == ark.Unknown || ark.KindOf(err) == ark.Withheld {
		return err
	}
	page, bad := again(form, problems(err))
	if bad != nil {
		return err // the page can't be drawn for this user; the refusal itself can
	}
	if len(page.Errors) == 0 {
		page.Errors = problems(err)
	}
	return c.p.print(c, Status(ark.KindOf(err)), page)
}

// parse reads the posted form, multipart or not.
func (c *Call) parse() error {
	var err error
	if strings.HasPrefix(c.R.Header.Get("Content-Type"), "multipart/form-data") {
		err = c.R.ParseMultipartForm(8 << 20)
	} else {
		err = c.R.ParseForm()
	}
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return ark.Faultf(ark.TooMuch, "what you sent is larger than the %s this page takes", bytesText(long.Limit)).Do("send less at once")
	case err != nil:
		return ark.Faultf(ark.Invalid, "the form could not be read").Do("go back and send it again").Because(err)
	}
	return nil
}

// sealed reads the posted form, whose files, most of them at the most, are
// sealed in a folder of the zone of outputs as they come.
func (c *Call) sealed(folder string, most int) (form url.Values, files []ingress.File, err error) {
	form = url.Values{}
	outputs := c.p.cfg.Rooms.Outputs
	if outputs == nil {
		return form, nil, ark.Faultf(ark.Unavailable, "no file can be taken in on this host").Do("ask the operator")
	}
	in, err := c.R.MultipartReader()
	if err != nil {
		return form, nil, ark.Faultf(ark.Invalid, "the upload is not made of a form and files").Do("send multipart/form-data").Because(err)
	}
	for {
		part, err := in.NextPart()
		if errors.Is(err, io.EOF) {
			return form, files, nil
		}
		if err != nil {
			return form, nil, broken4xx(err)
		}
		if name := part.FileName(); name != "" {
			if len(files) == most {
				return form, nil, ark.Faultf(ark.TooMuch, "at most %s can be sent at once", count(most, "file")).At("", 0, part.FormName())
			}
			ref, err := outputs.Take(c.Ctx(), folder, part)
			if err != nil {
				return form, nil, broken4xx(err)
			}
			files = append(files, ingress.File{Name: name, Ref: ref})
			continue
		}
		text, err := io.ReadAll(io.LimitReader(part, 64<<10))
		if err != nil {
			return form, nil, broken4xx(err)
		}
		form.Add(part.FormName(), string(text))
	}
}

// stepUp reports whether err asks for the second factor of a signed-in user.
func (c *Call) stepUp(err error) bool {
	return c.Viewer != nil && ark.Is(err, ark.Unsigned)
}

// Status is the HTTP status of a kind of fault. An unknown kind is 500.
func Status(k ark.Kind) int {
	switch k {
	case ark.Invalid:
		return http.StatusUnprocessableEntity
	case ark.Unknown, ark.Withheld:
		return http.StatusNotFound
	case ark.Forbidden, ark.Lapsed:
		return http.StatusForbidden
	case ark.Conflict:
		return http.StatusConflict
	case ark.Unavailable:
		return http.StatusServiceUnavailable
	case ark.TooMuch:
		return http.StatusRequestEntityTooLarge
	case ark.Unsigned:
		return http.StatusUnauthorized
	default:
		return http.StatusInternalServerError
	}
}

// serve answers one request by one route: who is it, may they, then the page.
func (p *Portal) serve(r Route, w http.ResponseWriter, q *http.Request) {
	c := &Call{W: w, R: q, p: p}
	edge.Note(q.Context(), "", r.Pattern)
	if err := p.identify(c); err != nil {
		p.fail(c, r, err)
		return
	}
	edge.Note(q.Context(), c.Actor.User, "")
	err := p.allow(c, r.Action, r.On(q), r.Record)
	if err == nil {
		err = r.Serve(c)
	}
	if err != nil {
		p.fail(c, r, err)
	}
}

// allow asks whether the caller may do the action, before anything of the
// request is looked at: nobody learns from a form's complaints what they may
// not see. A refusal of a user is recorded; so is a read of restricted bytes.
func (p *Portal) allow(c *Call, action string, on store.Resource, record bool) error {
	if record {
		return p.cfg.Store.Access(c.Ctx(), c.Actor, action, on, "")
	}
	err := p.cfg.Store.Check(c.Ctx(), c.Actor, action, on)
	if err == nil {
		return nil
	}
	return p.cfg.Store.Access(c.Ctx(), c.Actor, action, on, "") // decides again, and records
}

// identify finds the session's user. No session is no error: nobody is a
// principal too, and may read the public pages.
func (p *Portal) identify(c *Call) error {
	who, err := p.cfg.Door.Who(c.R)
	if ark.Is(err, ark.Unsigned) {
		return nil
	}
	if err != nil {
		return err
	}
	c.Actor = who
	v, err := p.viewer(c, who.User)
	if err != nil {
		return err
	}
	c.Viewer = v
	return nil
}

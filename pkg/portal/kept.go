package portal

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/portal/edge"
	"github.com/ark-tre/ark/pkg/portal/ui"
	"github.com/ark-tre/ark/pkg/store"
)

// keptForm is a form that was sent when the session had ended. The store keeps
// it sealed until its sender has signed in again or an hour has passed; it is
// found by a secret in the sender's cookie only.
type keptForm struct {
	Path   string     `json:"path"`
	Fields url.Values `json:"fields"`
	User   string     `json:"user,omitempty"` // who sent it, where the second factor was asked for
	For    string     `json:"for,omitempty"`  // and for which act
	Files  []keptFile `json:"files,omitempty"`
}

// keptFile is a field of a kept form that carried files. Of them the names are
// kept and not the bytes: they came from nobody that the Ark knew, and a store of
// such would be anybody's.
type keptFile struct {
	Field string   `json:"field"`
	Names []string `json:"names"`
}

const (
	keptCookie = "ark_kept"
	keptFor    = time.Hour
	keptBytes  = 256 << 10
)

// keep puts the posted form by and returns where to go after signing in. Of
// files their names are kept, for who sent them to choose them again.
func (p *Portal) keep(c *Call, r Route) string {
	back := c.R.Referer()
	if u, err := url.Parse(back); err == nil && u.Host == c.R.Host {
		back = u.RequestURI()
	} else {
		back = "/home"
	}
	sent, files, ok := c.sent()
	if !ok || len(sent) == 0 && len(files) == 0 && c.Viewer == nil {
		return back
	}
	fields := url.Values{}
	for k, v := range sent {
		if k != "otp" && k != "password" {
			fields[k] = v
		}
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand does not fail
	id := hex.EncodeToString(b[:])
	f := keptForm{Path: c.R.URL.RequestURI(), Fields: fields, Files: files}
	if c.Viewer != nil {
		f.User, f.For = c.Actor.User, store.StepUpFor(r.Action, r.On(c.R))
	}
	form, err := json.Marshal(f)
	if err != nil || len(form) > keptBytes {
		return back
	}
	if err := p.cfg.Store.KeepForm(context.WithoutCancel(c.Ctx()), id, form, c.Now().Add(keptFor)); err != nil {
		p.cfg.Log.ErrorContext(c.Ctx(), "form not kept", "reference", edge.Reference(c.Ctx()), "err", err)
		return back
	}
	http.SetCookie(c.W, &http.Cookie{Name: keptCookie, Value: id, Path: "/kept", HttpOnly: true, Secure: p.cfg.HTTPS, SameSite: http.SameSiteLaxMode, MaxAge: int(keptFor.Seconds())})
	return "/kept"
}

// sent is what the posted form holds: its fields, and the names of its files,
// whose bytes are passed over.
func (c *Call) sent() (fields url.Values, files []keptFile, ok bool) {
	if !strings.HasPrefix(c.R.Header.Get("Content-Type"), "multipart/form-data") {
		return c.R.PostForm, nil, c.parse() == nil && c.R.MultipartForm == nil
	}
	if c.R.MultipartForm != nil {
		return nil, nil, false // it was read to its end
	}
	in, err := c.R.MultipartReader()
	if err != nil {
		return nil, nil, false // its page has begun to read it
	}
	fields = url.Values{}
	for left := int64(keptBytes); left > 0; {
		part, err := in.NextPart()
		if errors.Is(err, io.EOF) {
			return fields, files, true
		}
		if err != nil {
			break
		}
		if name := part.FileName(); name != "" || part.Header.Get("Content-Type") != "" {
			left -= int64(len(name)) + 100
			at := slices.IndexFunc(files, func(f keptFile) bool { return f.Field == part.FormName() })
			if at < 0 {
				at, files = len(files), append(files, keptFile{Field: part.FormName()})
			}
			if name != "" {
				files[at].Names = append(files[at].Names, name)
			}
			continue // the next part passes over the rest of this one
		}
		text, err := io.ReadAll(io.LimitReader(part, left+1))
		if err != nil {
			break
		}
		left -= int64(len(text)) + 100
		fields.Add(part.FormName(), string(text))
	}
	// What broke off, or is longer than is kept, comes back as far as it came; a
	// field cut short does not.
	return fields, files, len(fields) > 0
}

// confirmed reports whether the second factor was just shown by who sent a form,
// for the very act that the form asks for.
func (p *Portal) confirmed(c *Call, f keptForm) bool {
	action, on, err := store.ParseStepUp(f.For)
	return err == nil && len(f.Files) == 0 && f.User == c.Actor.User && c.shown(action, on.Type, on.ID)
}

// goOn sends a kept form on as its sender did: it was posted by this user from
// the Ark's own page, and confirmed with the second factor for this act, which
// the act uses up. What becomes of it is the answer to the form.
func (p *Portal) goOn(c *Call, f keptForm) error {
	u, err := url.Parse(f.Path)
	if err != nil || u.IsAbs() || u.Host != "" {
		return ark.Faultf(ark.Internal, "a kept form has no place").Because(err)
	}
	http.SetCookie(c.W, &http.Cookie{Name: keptCookie, Path: "/kept", HttpOnly: true, Secure: p.cfg.HTTPS, SameSite: http.SameSiteLaxMode, MaxAge: -1})
	body := f.Fields.Encode()
	q := c.R.Clone(c.Ctx())
	q.Method, q.URL, q.RequestURI, q.Pattern = http.MethodPost, u, u.RequestURI(), ""
	q.Body, q.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Form, q.PostForm, q.MultipartForm = nil, nil, nil
	p.mux.ServeHTTP(c.W, q)
	return nil
}

// showKept sends the kept form on if that is what the second factor was just
// shown for, and offers to send it otherwise. The link stays good for its hour.
func (p *Portal) showKept(c *Call) error {
	cookie, err := c.R.Cookie(keptCookie)
	if err != nil {
		return ark.Faultf(ark.Unknown, "nothing is kept for you here").Do("go to the page and type it again")
	}
	raw, err := p.cfg.Store.KeptForm(c.Ctx(), cookie.Value)
	if err != nil {
		return err
	}
	if raw == nil {
		return ark.Faultf(ark.Unknown, "nothing is kept for you any more; forms are kept for an hour").Do("go to the page and type it again")
	}
	var f keptForm
	if err := json.Unmarshal(raw, &f); err != nil {
		return err
	}
	if c.Viewer == nil {
		return ark.Faultf(ark.Unsigned, "sign in to send what you had typed")
	}
	if f.For != "" && f.User != c.Actor.User {
		return ark.Faultf(ark.Unknown, "nothing is kept for you here").Do("go to the page and type it again")
	}
	if p.confirmed(c, f) {
		return p.goOn(c, f)
	}
	names := make([]string, 0, len(f.Fields))
	for k := range f.Fields {
		names = append(names, k)
	}
	sort.Strings(names)
	var hidden []ui.Pair
	var rows []ui.Row
	for _, k := range names {
		for _, v := range f.Fields[k] {
			hidden = append(hidden, ui.Pair{Name: k, Value: v})
			if v != "" {
				rows = append(rows, ui.Row{Key: k, Said: v})
			}
		}
	}
	form := ui.Form{Action: f.Path, Hidden: hidden, Submit: ui.Button{Text: "Send it now"}, Cancel: &ui.Link{Text: "Don’t send it", Href: "/home"}}
	page := ui.Page{Head: "Nothing you typed is lost", Lead: "You had to show who you are before this could be sent. Here is what you had typed."}
	for _, x := range f.Files {
		field := ui.Field{Kind: "file", Name: x.Field, Label: "Choose the files again", Multiple: true}
		switch len(x.Names) {
		case 0:
			field.Hint = "None was chosen."
		case 1:
			field.Label, field.Hint = "Choose the file again", "It was "+x.Names[0]+"."
		default:
			field.Hint = "They were " + strings.Join(x.Names, ", ") + "."
		}
		form.Multipart, form.Fields = true, append(form.Fields, field)
		page.Head, page.Lead = "What you typed is not lost; choose the files again", "You had to show who you are before this could be sent. Files are not kept from somebody who is not signed in."
	}
	page.Body = []ui.Block{ui.Summary{Rows: rows, Compact: true}, form}
	return c.Page(page)
}

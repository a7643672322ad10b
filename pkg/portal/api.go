package portal

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"path"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/portal/edge"
	"github.com/ark-tre/ark/pkg/store"
)

// apiPrefix is where the JSON API is.
const apiPrefix = "/api/v1"

// Op is one operation of the JSON API. As with a Route, it cannot be
// registered without its policy action and the kind of thing it is done to.
type Op struct {
	Method  string
	Path    string // under /api/v1
	Action  string // a name in policies/actions.tsv
	On      string // resource type; its id is {id} of the path, and "Ark" is the whole
	Summary string
	Tag     string
	Status  int   // of success; 0 is 200, or 204 without a body
	Body    int64 // largest body; 0 is 1 MiB
	Stream  bool  // the body is files: it is not held in memory
	Again   bool  // is done again where its answer was lost: only the record of who looked grows by it
	Record  bool  // that it was allowed stands in the ledger before it is done: it shows identifiers
}

// API is the JSON API of a portal.
type API struct {
	p    *Portal
	huma huma.API
	ops  []Op
	gets map[reflect.Type]string // type of an answer → the path under which one thing of it is read
	// lists are the paths of lists, by the type of what they list.
	lists map[reflect.Type]string
}

// List is a page of a list. Next is the cursor of the next page, "" at the end.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"Give it as ?after= to get the next page"`
}

// Body wraps a value as the body of an answer.
type Body[T any] struct{ Body T }

// One is the input of an operation on one thing.
type One struct {
	ID string `path:"id" maxLength:"80" doc:"Its identifier"`
}

// None is the input of an operation without any.
type None struct{}

type callKey struct{}

// caller is the Call of an API request.
func caller(ctx context.Context) *Call { return ctx.Value(callKey{}).(*Call) }

// addAPI builds the API and registers every operation.
func (p *Portal) addAPI() error {
	speakProblem()
	cfg := huma.DefaultConfig("Ark", "1")
	cfg.Info.Description = "The JSON API of one Ark. Every change takes an Idempotency-Key; every refusal is an RFC 9457 problem that says what to do."
	cfg.DocsPath, cfg.SchemasPath, cfg.CreateHooks = "", "", nil
	cfg.RejectUnknownQueryParameters = true
	cfg.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"session": {Type: "apiKey", In: "cookie", Name: "ark", Description: "The session of a signed-in user, from the portal or `ark sign-in`."}}
	a := &API{p: p, huma: humago.NewWithPrefix(p.mux, apiPrefix, cfg), gets: map[reflect.Type]string{}, lists: map[reflect.Type]string{}}
	p.api = a
	if err := p.addOperations(a); err != nil {
		return err
	}
	p.mux.HandleFunc(apiPrefix+"/", func(w http.ResponseWriter, r *http.Request) {
		edge.Note(r.Context(), "", apiPrefix+"/")
		a.refuse(w, r, ark.Faultf(ark.Unknown, "the API has no such operation").Do("see "+apiPrefix+"/openapi.json"))
	})
	return nil
}

// schemaName names the schema of a type: rooms have nouns of one name, so the
// room's name comes first.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	room := path.Base(t.PkgPath())
	name := huma.DefaultSchemaNamer(t, hint)
	if room == "." || room == "portal" {
		return name
	}
	return capital(room) + name
}

// Operations lists every operation of the API.
func (p *Portal) Operations() []Op { return append([]Op(nil), p.api.ops...) }

// operation registers one operation.
func operation[I, O any](a *API, op Op, fn func(c *Call, in *I) (*O, error)) error {
	act, ok := a.p.cfg.Access.Actions()[op.Action]
	switch {
	case op.Action == "" || !ok:
		return fmt.Errorf("portal: operation %s %s names no known policy action (%q)", op.Method, op.Path, op.Action)
	case act.Resource != op.On:
		return fmt.Errorf("portal: operation %s %s does %s to a %s, which is done to a %s", op.Method, op.Path, op.Action, op.On, act.Resource)
	case op.Summary == "" || fn == nil:
		return fmt.Errorf("portal: operation %s %s has no summary or does nothing", op.Method, op.Path)
	}
	body := op.Body
	if body == 0 {
		body = defaultBody
	}
	h := huma.Operation{Method: op.Method, Path: op.Path, Summary: op.Summary, Tags: []string{op.Tag}, DefaultStatus: op.Status,
		OperationID: operationID(op), MaxBodyBytes: -1, BodyReadTimeout: -1,
		Description: "Policy action `" + op.Action + "`: " + act.Words + "; " + act.Who + "."}
	if op.Action != "public.read" {
		h.Security = []map[string][]string{{"session": {}}}
	}
	if op.Method != http.MethodGet {
		h.Parameters = []*huma.Param{{Name: "Idempotency-Key", In: "header", Required: true, Description: "8 to 80 letters, digits, hyphens or underscores. The same key and request get the same answer for a day.", Schema: &huma.Schema{Type: "string"}},
			{Name: "If-Match", In: "header", Description: "The ETag that the thing had when it was read. When it has changed since, nothing is done and the answer is 412.", Schema: &huma.Schema{Type: "string"}}}
	} else if strings.HasSuffix(op.Path, "/{id}") {
		a.gets[reflect.TypeFor[O]()] = op.Path
	} else if item, ok := listed(reflect.TypeFor[O]()); ok {
		a.lists[item] = op.Path
	}
	h.Responses = map[string]*huma.Response{"default": {Description: "A problem", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: a.huma.OpenAPI().Components.Schemas.Schema(problemType, true, "Problem")}}}}
	h.Middlewares = huma.Middlewares{func(hc huma.Context, next func(huma.Context)) { a.enter(op, body, reflect.TypeFor[O](), hc, next) }}
	huma.Register(a.huma, h, func(ctx context.Context, in *I) (*O, error) {
		out, err := fn(caller(ctx), in)
		if err != nil {
			return nil, a.problem(ctx, op, err)
		}
		return out, nil
	})
	a.ops = append(a.ops, op)
	return nil
}

func operationID(op Op) string {
	s := strings.ToLower(op.Method)
	for _, part := range strings.Split(op.Path, "/") {
		if part = strings.Trim(part, "{}"); part != "" {
			s += "-" + part
		}
	}
	return s
}

func (a *API) problem(ctx context.Context, op Op, err error) *Problem {
	pr := problemOf(ctx, err)
	if pr.Status >= 500 {
		a.p.cfg.Log.ErrorContext(ctx, "operation failed", "reference", edge.Reference(ctx), "route", op.Method+" "+op.Path, "err", err)
	}
	return pr
}

// enter is what every operation passes: who is it, may they, was it asked before.
func (a *API) enter(op Op, body int64, out reflect.Type, hc huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(hc)
	edge.Note(r.Context(), "", op.Method+" "+apiPrefix+op.Path)
	ctl := http.NewResponseController(w)
	limit := 30 * time.Second
	if op.Stream {
		limit = time.Hour
	}
	_ = ctl.SetReadDeadline(time.Now().Add(limit))  // not every writer has deadlines
	_ = ctl.SetWriteDeadline(time.Now().Add(limit)) // the same
	r.Body = http.MaxBytesReader(w, r.Body, body)
	c := &Call{W: w, R: r, p: a.p}
	if err := a.p.identify(c); err != nil {
		a.refuse(w, r, err)
		return
	}
	edge.Note(r.Context(), c.Actor.User, "")
	on := store.Whole
	if op.On != "Ark" {
		on = store.Resource{Type: op.On, ID: r.PathValue("id")}
	}
	if err := a.p.allow(c, op.Action, on, op.Record); err != nil && !a.repeats(op, c, err) {
		if c.stepUp(err) {
			a.refuseFor(w, r, err, store.StepUpFor(op.Action, on))
			return
		}
		a.refuse(w, r, err)
		return
	}
	ctx := context.WithValue(r.Context(), callKey{}, c)
	if op.Method == http.MethodGet {
		r = r.WithContext(ctx)
		c.R = r
		if op.Stream {
			next(humago.NewContext(hc.Operation(), r, w))
			return
		}
		held := &tagged{ResponseWriter: w}
		next(humago.NewContext(hc.Operation(), r, held))
		held.send(r)
		return
	}
	a.once(op, c, out, r.WithContext(ctx), w, hc, next)
}

var keyShape = regexp.MustCompile(`^[A-Za-z0-9_-]{8,80}$`)

// once runs a change once per Idempotency-Key, and gives its kept answer again.
// Only answers that will not change are kept: not failures of ours. The key is
// kept in the transaction of the act, the answer there too where it is known.
func (a *API) once(op Op, c *Call, out reflect.Type, r *http.Request, w http.ResponseWriter, hc huma.Context, next func(huma.Context)) {
	key := r.Header.Get("Idempotency-Key")
	if !keyShape.MatchString(key) {
		a.refuse(w, r, ark.Faultf(ark.Invalid, "every change needs an Idempotency-Key header of 8 to 80 letters, digits, hyphens or underscores").
			At("", 0, "Idempotency-Key").Do("make a new random one for each new request, and repeat it when you repeat the request"))
		return
	}
	request, err := hashed(op, r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	old, err := a.replied(r.Context(), op, c.Actor.Name(), key, request)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	if old != nil {
		if old.Status == 0 && op.Again {
			c.R = r
			next(humago.NewContext(hc.Operation(), r, w))
			return
		}
		if old.Status == 0 {
			if old, err = a.found(op, r, out, old.Made); err != nil {
				a.refuse(w, r, err)
				return
			}
		}
		w.Header().Set("Content-Type", old.Type)
		w.Header().Set("Idempotency-Replayed", "true")
		w.WriteHeader(old.Status)
		_, _ = io.WriteString(w, old.Body)
		return
	}
	if !a.p.running.start(c.Actor.Name() + " " + key) {
		a.refuse(w, r, ark.Faultf(ark.Conflict, "a request with that Idempotency-Key is being answered now").Do("wait for it, then ask again with the same key"))
		return
	}
	defer a.p.running.stop(c.Actor.Name() + " " + key)
	req := &store.Request{Actor: c.Actor.Name(), Key: key, Hash: request, Answer: func(wrote []any) (store.Reply, bool) { return a.answer(op, out, wrote) }}
	if err := a.asRead(op, r, req); err != nil {
		a.refuse(w, r, err)
		return
	}
	edge.Note(r.Context(), "", op.Method+" "+apiPrefix+op.Path)
	rec := &recorder{ResponseWriter: w}
	r = r.WithContext(store.ForRequest(r.Context(), req))
	c.R = r
	next(humago.NewContext(hc.Operation(), r, rec))
	if rec.status < 500 && rec.status != 0 && rec.body.Len() <= defaultBody {
		hash, err := request()
		if err != nil {
			return // a body that could not be read whole is no request to recognise
		}
		err = a.p.cfg.Store.KeepReply(context.WithoutCancel(r.Context()), c.Actor.Name(), key, hash, store.Reply{Status: rec.status, Type: w.Header().Get("Content-Type"), Body: rec.body.String()})
		if err != nil {
			a.p.cfg.Log.ErrorContext(r.Context(), "reply not kept", "reference", edge.Reference(r.Context()), "err", err)
		}
	}
}

// repeats reports whether a change that asks for the second factor is a request
// that was seen before: its answer is given again, though the step-up that it
// was done with is used up. The act itself would be refused still.
func (a *API) repeats(op Op, c *Call, err error) bool {
	key := c.R.Header.Get("Idempotency-Key")
	if op.Method == http.MethodGet || !c.stepUp(err) || !keyShape.MatchString(key) {
		return false
	}
	known, bad := a.p.cfg.Store.Known(c.Ctx(), c.Actor.Name(), key)
	return bad == nil && known
}

// refuse answers with a problem before huma is reached.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) { a.refuseFor(w, r, err, "") }

// refuseFor is refuse where the second factor has to be shown for an act.
func (a *API) refuseFor(w http.ResponseWriter, r *http.Request, err error, act string) {
	pr := a.problem(r.Context(), Op{Method: r.Method, Path: "(before the operation)"}, err)
	pr.StepUp = act
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(pr.Status)
	_ = a.huma.Marshal(w, "application/json", pr) // the client may have gone
}

// recorder keeps a copy of what is answered.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader notes the status.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Write notes the body.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

package portal

import (
	"fmt"
	"net/http"
	"sort"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/portal/edge"
	"github.com/ark-tre/ark/pkg/store"
)

// Route is one address of the portal. It cannot be registered without the
// policy action that it performs and the resource it performs it on: before
// Serve runs, the door has said yes to that action for the user of the request.
type Route struct {
	Pattern string                               // "GET /projects/{id}"
	Action  string                               // a name in policies/actions.tsv
	On      func(r *http.Request) store.Resource // what it is done to
	Serve   func(c *Call) error
	Record  bool        // a read of restricted bytes: leave an act in the ledger
	Body    int64       // largest body in bytes; 0 is the default of 1 MiB
	Time    edge.Timing // 0 is the default of 30 seconds each
}

const defaultBody = 1 << 20

// defaultTime is how long a request may take unless its route says otherwise,
// and downloadTime how long one may that sends or takes files.
var (
	defaultTime  = edge.Timing{Read: 30 * time.Second, Write: 30 * time.Second}
	downloadTime = edge.Timing{Read: time.Minute, Write: time.Hour}
)

// Mutates reports whether the route changes something.
func (r Route) Mutates() bool {
	m, _, _ := strings.Cut(r.Pattern, " ")
	return m != http.MethodGet
}

// check refuses a route that names no action known to the policies, no
// resource of that action's kind, or no method.
func (p *Portal) check(r Route) error {
	method, path, ok := strings.Cut(r.Pattern, " ")
	switch {
	case !ok || !strings.HasPrefix(path, "/") || (method != http.MethodGet && method != http.MethodPost):
		return fmt.Errorf("portal: route %q wants a method (GET or POST) and a path", r.Pattern)
	case r.Action == "":
		return fmt.Errorf("portal: route %q names no policy action", r.Pattern)
	case p.cfg.Access.Actions()[r.Action].Name == "":
		return fmt.Errorf("portal: route %q names the action %q, which the policies do not know", r.Pattern, r.Action)
	case r.On == nil:
		return fmt.Errorf("portal: route %q names no resource", r.Pattern)
	case r.Serve == nil:
		return fmt.Errorf("portal: route %q does nothing", r.Pattern)
	}
	want := p.cfg.Access.Actions()[r.Action].Resource
	if got := r.On(exampleRequest(path)).Type; got != want {
		return fmt.Errorf("portal: route %q does %s to a %s, which is done to a %s", r.Pattern, r.Action, got, want)
	}
	return nil
}

func exampleRequest(path string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, "http://localhost/", nil)
	if err != nil {
		panic(err) // a constant address
	}
	return r
}

// add registers a route.
func (p *Portal) add(r Route) error {
	if err := p.check(r); err != nil {
		return err
	}
	body, timing := r.Body, r.Time
	if body == 0 {
		body = defaultBody
	}
	if timing == (edge.Timing{}) {
		timing = defaultTime
	}
	p.mux.Handle(r.Pattern, edge.Limit(body, timing, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		p.serve(r, w, q)
	})))
	p.routes = append(p.routes, r)
	return nil
}

// Routes lists every route of the pages, in order of their patterns.
func (p *Portal) Routes() []Route {
	out := append([]Route(nil), p.routes...)
	sort.Slice(out, func(i, j int) bool { return out[i].Pattern < out[j].Pattern })
	return out
}

// whole is the resource of acts on the instance itself.
func whole(*http.Request) store.Resource { return store.Whole }

// thing returns the resource of that type whose id is in the path as {id}.
func thing(kind string) func(*http.Request) store.Resource {
	return func(r *http.Request) store.Resource { return store.Resource{Type: kind, ID: r.PathValue("id")} }
}

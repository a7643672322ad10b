package portal

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/store"
)

func TestEveryRouteNamesItsAction(t *testing.T) {
	b := newBench(t)
	if n := len(b.p.Routes()); n < 80 {
		t.Errorf("only %d routes; are some not registered?", n)
	}
	acts := b.p.cfg.Access.Actions()
	for _, r := range b.p.Routes() {
		if acts[r.Action].Name == "" || r.On == nil {
			t.Errorf("%s: action %q", r.Pattern, r.Action)
		}
	}
	if n := len(b.p.Operations()); n < 50 {
		t.Errorf("only %d operations", n)
	}
	for _, op := range b.p.Operations() {
		if acts[op.Action].Resource != op.On {
			t.Errorf("%s %s: %s on %s", op.Method, op.Path, op.Action, op.On)
		}
	}
}

// TestARouteWithoutItsActionIsRefused tries to register what may not be.
func TestARouteWithoutItsActionIsRefused(t *testing.T) {
	b := newBench(t)
	serve := func(*Call) error { return nil }
	for name, r := range map[string]Route{
		"no_action":      {Pattern: "GET /x", On: whole, Serve: serve},
		"unknown_action": {Pattern: "GET /x", Action: "everything.do", On: whole, Serve: serve},
		"no_resource":    {Pattern: "GET /x", Action: "public.read", Serve: serve},
		"wrong_resource": {Pattern: "GET /x/{id}", Action: "public.read", On: thing("Project"), Serve: serve},
		"no_handler":     {Pattern: "GET /x", Action: "public.read", On: whole},
		"no_method":      {Pattern: "/x", Action: "public.read", On: whole, Serve: serve},
		"other_method":   {Pattern: "DELETE /x", Action: "public.read", On: whole, Serve: serve},
	} {
		if err := b.p.add(r); err == nil {
			t.Errorf("%s: the route was registered", name)
		}
	}
	for name, op := range map[string]Op{
		"no_action": {Method: get, Path: "/x", On: "Ark", Summary: "x"}, "wrong_resource": {Method: get, Path: "/x", Action: "public.read", On: "Project", Summary: "x"}, "no_summary": {Method: get, Path: "/x", Action: "public.read", On: "Ark"},
	} {
		if err := operation(b.p.api, op, func(*Call, *None) (*struct{}, error) { return nil, nil }); err == nil {
			t.Errorf("%s: the operation was registered", name)
		}
	}
}

// TestNobodyReachesAnythingButThePublicPages asks for every page and operation
// without a session: what is not public leads to signing in, and is recorded or
// counted nowhere as done.
func TestNobodyReachesAnythingButThePublicPages(t *testing.T) {
	b := newBench(t)
	b.people()
	b.data()
	acts := func() int {
		n := 0
		b.must(b.st.View(context.Background(), func(q store.Querier) error {
			all, err := b.st.Acts(context.Background(), q, "", 0, 100000)
			n = len(all)
			return err
		}))
		return n
	}
	before := acts()
	for _, r := range b.p.Routes() {
		method, path, _ := strings.Cut(r.Pattern, " ")
		if r.Action == "public.read" || r.Action == "session.manage" {
			continue
		}
		w := httptest.NewRecorder()
		q := httptest.NewRequest(method, fillPath(path), strings.NewReader("title=x&reason=x"))
		q.Host = "localhost"
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		b.p.Handler().ServeHTTP(w, q)
		if w.Code == 303 && strings.HasPrefix(w.Header().Get("Location"), "/sign-in?to=") {
			continue
		}
		if w.Code != 404 && w.Code != 403 && w.Code != 401 {
			t.Errorf("%s without a session: %d %s", r.Pattern, w.Code, w.Header().Get("Location"))
		}
	}
	for _, op := range b.p.Operations() {
		if op.Action == "public.read" {
			continue
		}
		w := httptest.NewRecorder()
		q := httptest.NewRequest(op.Method, apiPrefix+fillPath(op.Path), strings.NewReader("{}"))
		q.Host = "localhost"
		q.Header.Set("Idempotency-Key", "12345678")
		q.Header.Set("Content-Type", "application/json")
		b.p.Handler().ServeHTTP(w, q)
		if w.Code < 400 || w.Code >= 500 || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s without a session: %d %s %s", op.Method, op.Path, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
	}
	if after := acts(); after != before {
		t.Errorf("%d acts were recorded for nobody", after-before)
	}
}

// fillPath puts identifiers of nothing into the wildcards of a pattern.
func fillPath(path string) string {
	out := strings.NewReplacer("{id}", "prj_00000000000000000000000000000000", "{file}", "fil_0", "{part}", "project", "{dataset}", "dst_0", "{delivery}", "dlv_0", "{question}", "fea_0", "{path...}", "checkpoint", "{$}", "", "{index}", "0", "{number}", "1", "{ref}", "x@1", "{version}", "ver_0").Replace(path)
	return out
}

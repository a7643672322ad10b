package portal

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/store"
)

// answer is what op will answer, as far as its act alone tells: nothing, or the
// last value that it wrote of the kind that op answers with.
func (a *API) answer(op Op, out reflect.Type, wrote []any) (store.Reply, bool) {
	body, has := out.FieldByName("Body")
	if !has {
		return store.Reply{Status: http.StatusNoContent}, true
	}
	for _, v := range slices.Backward(wrote) {
		if reflect.TypeOf(v) != body.Type {
			continue
		}
		var buf bytes.Buffer
		if err := a.huma.Marshal(&buf, "application/json", v); err != nil {
			return store.Reply{}, false
		}
		status := op.Status
		if status == 0 {
			status = http.StatusOK
		}
		return store.Reply{Status: status, Type: "application/json", Body: buf.String()}, true
	}
	return store.Reply{}, false
}

// found answers again for an act that was done and whose answer was lost when
// the server stopped: with the thing as it is now, where the API can read it.
func (a *API) found(op Op, r *http.Request, out reflect.Type, made string) (*store.Reply, error) {
	body, _ := out.FieldByName("Body")
	if path, ok := a.lists[body.Type]; ok && body.Type != nil && ark.IsID(made) {
		if item := a.item(r, strings.Replace(path, "{id}", r.PathValue("id"), 1), made); item != nil {
			return &store.Reply{Status: max(op.Status, http.StatusOK), Type: "application/json", Body: string(item)}, nil
		}
	}
	if path, ok := a.gets[out]; ok && ark.IsID(made) {
		if got := a.get(r, strings.Replace(path, "{id}", made, 1)); got.status == http.StatusOK {
			return &store.Reply{Status: http.StatusOK, Type: got.header.Get("Content-Type"), Body: got.body.String()}, nil
		}
	}
	return nil, ark.Faultf(ark.Conflict, "that request was done, but its answer was lost (it was about %s)", made).Do("look at what is there; don't send the request again with a new key")
}

// listed is the type of what an answer lists, if it is a list.
func listed(out reflect.Type) (reflect.Type, bool) {
	body, ok := out.FieldByName("Body")
	if !ok || body.Type.Kind() != reflect.Struct {
		return nil, false
	}
	items, ok := body.Type.FieldByName("Items")
	if !ok || items.Type.Kind() != reflect.Slice {
		return nil, false
	}
	return items.Type.Elem(), true
}

// item looks for a thing in a list of the API, as who sent r.
func (a *API) item(r *http.Request, path, id string) json.RawMessage {
	for after := ""; ; {
		got := a.get(r, path+"?"+url.Values{"limit": {"200"}, "after": {after}}.Encode())
		var page List[json.RawMessage]
		if got.status != http.StatusOK || json.Unmarshal(got.body.Bytes(), &page) != nil {
			return nil
		}
		for _, raw := range page.Items {
			var of struct {
				ID string `json:"id"`
			}
			if json.Unmarshal(raw, &of) == nil && of.ID == id {
				return raw
			}
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}

// get asks the API itself, as who sent r.
func (a *API) get(r *http.Request, path string) *inner {
	path, query, _ := strings.Cut(path, "?")
	q := r.Clone(r.Context())
	q.Method, q.Body, q.ContentLength = http.MethodGet, http.NoBody, 0
	u := *r.URL
	u.Path, u.RawPath, u.RawQuery = apiPrefix+path, "", query
	q.URL, q.RequestURI = &u, u.RequestURI()
	for _, h := range []string{"If-None-Match", "If-Match", "Content-Type", "Content-Length", "Idempotency-Key"} {
		q.Header.Del(h)
	}
	w := &inner{header: http.Header{}, status: http.StatusOK}
	a.p.mux.ServeHTTP(w, q)
	return w
}

// inner is an answer that stays here.
type inner struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *inner) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *inner) WriteHeader(status int) { w.status = status }

// Write implements http.ResponseWriter.
func (w *inner) Write(b []byte) (int, error) { return w.body.Write(b) }

// asRead refuses a request whose If-Match names none of the tags that the thing
// it is done to has now, and tells the act to look again in its transaction.
// The thing is the one that the API reads under the longest beginning of the path.
func (a *API) asRead(op Op, r *http.Request, req *store.Request) error {
	given := r.Header.Values("If-Match")
	if len(given) == 0 {
		return nil
	}
	path := ""
	for _, g := range a.ops {
		if g.Method == http.MethodGet && !g.Stream && len(g.Path) > len(path) && (op.Path == g.Path || strings.HasPrefix(op.Path, g.Path+"/")) && strings.Count(g.Path, "{") <= 1 {
			path = g.Path
		}
	}
	if path == "" {
		return ark.Faultf(ark.Invalid, "there is no ETag of what this operation is done to").At("", 0, "If-Match").Do("leave If-Match out")
	}
	since, err := a.p.cfg.Store.Last(r.Context())
	if err != nil {
		return err
	}
	req.Unless, req.Since = true, since
	if strings.Contains(path, "{id}") {
		req.Of = r.PathValue("id")
	}
	got := a.get(r, strings.Replace(path, "{id}", req.Of, 1))
	if got.status != http.StatusOK {
		return store.Stale()
	}
	for _, list := range given {
		for x := range strings.SplitSeq(list, ",") {
			if x = strings.TrimSpace(x); x == "*" || x == got.header.Get("ETag") {
				return nil
			}
		}
	}
	return store.Stale()
}

package enclave

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/workspace/selftest"
)

// sumHeader is the trailer that ends a whole file.
const sumHeader = "X-Ark-Sha256"

// startBody and sumBody are small bodies of the API.
type startBody struct {
	Key  []byte   `json:"key"`
	Apps []string `json:"apps"`
}
type sumBody struct {
	SHA256 string `json:"sha256"`
}

// Handler is the daemon's API. Who may call it is decided by Listen.
func (m *Manager) Handler() http.Handler {
	mux := http.NewServeMux()
	on := func(pattern string, f func(http.ResponseWriter, *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			answer, err := f(w, r)
			m.reply(w, r, answer, err)
		})
	}
	id := func(r *http.Request) string { return r.PathValue("id") }
	on("GET /v1/probe", func(_ http.ResponseWriter, r *http.Request) (any, error) { return struct{}{}, m.Probe(r.Context()) })
	on("GET /v1/workspaces", func(http.ResponseWriter, *http.Request) (any, error) { return m.List(), nil })
	on("POST /v1/workspaces", func(_ http.ResponseWriter, r *http.Request) (any, error) {
		var q Request
		if err := decode(r, &q); err != nil {
			return nil, err
		}
		defer clear(q.Key)
		return m.Provision(r.Context(), q)
	})
	on("GET /v1/workspaces/{id}", func(_ http.ResponseWriter, r *http.Request) (any, error) { return m.Status(id(r)) })
	on("DELETE /v1/workspaces/{id}", func(_ http.ResponseWriter, r *http.Request) (any, error) {
		return struct{}{}, m.Destroy(r.Context(), id(r))
	})
	on("GET /v1/workspaces/{id}/usage", func(_ http.ResponseWriter, r *http.Request) (any, error) { return m.Usage(r.Context(), id(r)) })
	on("PUT /v1/workspaces/{id}/extract/{name}", func(_ http.ResponseWriter, r *http.Request) (any, error) {
		sum, err := m.PutExtract(r.Context(), id(r), r.PathValue("name"), r.Body)
		return sumBody{sum}, err
	})
	on("POST /v1/workspaces/{id}/deliver", func(_ http.ResponseWriter, r *http.Request) (any, error) {
		return struct{}{}, m.Deliver(r.Context(), id(r))
	})
	on("POST /v1/workspaces/{id}/start", func(_ http.ResponseWriter, r *http.Request) (any, error) {
		var b startBody
		if err := decode(r, &b); err != nil {
			return nil, err
		}
		defer clear(b.Key)
		return struct{}{}, m.Start(r.Context(), id(r), b.Key, b.Apps)
	})
	on("POST /v1/workspaces/{id}/freeze", func(_ http.ResponseWriter, r *http.Request) (any, error) {
		return struct{}{}, m.Freeze(r.Context(), id(r))
	})
	on("POST /v1/workspaces/{id}/resume", func(_ http.ResponseWriter, r *http.Request) (any, error) {
		return struct{}{}, m.Resume(r.Context(), id(r))
	})
	on("POST /v1/workspaces/{id}/stop", func(_ http.ResponseWriter, r *http.Request) (any, error) {
		return struct{}{}, m.Stop(r.Context(), id(r))
	})
	on("GET /v1/workspaces/{id}/outbox", func(_ http.ResponseWriter, r *http.Request) (any, error) { return m.ListOutbox(id(r)) })
	on("PUT /v1/workspaces/{id}/inbox/{name}", func(_ http.ResponseWriter, r *http.Request) (any, error) {
		return struct{}{}, m.PutInbox(r.Context(), id(r), r.PathValue("name"), r.Body)
	})
	mux.HandleFunc("GET /v1/workspaces/{id}/outbox/file", m.readOutbox)
	mux.HandleFunc("POST /v1/workspaces/{id}/apps/{app}/dial", m.dial)
	return mux
}

// reply writes an answer or a fault. Causes are logged, never sent; they hold
// paths and the kernel's words, nothing that began in a workspace.
func (m *Manager) reply(w http.ResponseWriter, r *http.Request, answer any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		kind, out := ark.KindOf(err), fault{Says: "the enclave daemon failed"}
		var f *ark.Fault
		if errors.As(err, &f) {
			out = fault{Kind: f.Kind, Says: f.Says, Remedy: f.Remedy, File: f.Where.File}
		}
		if kind == ark.Internal || kind == ark.Unavailable {
			m.config.Log.Error("refused", "path", r.Pattern, "workspace", r.PathValue("id"), slog.Any("error", err))
		}
		w.WriteHeader(kindStatus(kind))
		if report, ok := answer.(selftest.Report); ok {
			out.Report = &report
		}
		answer = out
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func decode(r *http.Request, into any) error {
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return ark.Faultf(ark.Invalid, "the request is not what the enclave daemon expects").Because(err)
	}
	return nil
}

// readOutbox streams one file (?name=) and ends with its SHA-256 as a trailer:
// without the trailer the file isn't whole.
func (m *Manager) readOutbox(w http.ResponseWriter, r *http.Request) {
	f, e, err := m.OpenOutbox(r.PathValue("id"), r.URL.Query().Get("name"))
	if err != nil {
		m.reply(w, r, nil, err)
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Trailer", sumHeader)
	h := sha256.New()
	// A file that grows while it is read is cut at the size it had.
	if n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(f, e.Size)); err != nil || n != e.Size {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set(sumHeader, hex.EncodeToString(h.Sum(nil)))
}

// dial joins the caller's connection to an app's socket.
func (m *Manager) dial(w http.ResponseWriter, r *http.Request) {
	app, err := m.Dial(r.Context(), r.PathValue("id"), r.PathValue("app"))
	if err != nil {
		if !ark.Is(err, ark.Unavailable) { // an app still starting is no news
			m.reply(w, r, nil, err)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = json.NewEncoder(w).Encode(fault{Kind: ark.Unavailable, Says: "the app does not answer yet", Remedy: "try again in a moment"})
		return
	}
	defer app.Close()
	caller, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer caller.Close()
	if _, err := caller.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ark-stream\r\n\r\n")); err != nil {
		return
	}
	done := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(app, buffered); halfClose(app); done <- struct{}{} }()
	go func() { _, _ = io.Copy(caller, app); halfClose(caller); done <- struct{}{} }()
	<-done
	<-done
}

func halfClose(c net.Conn) {
	if t, ok := c.(*tracked); ok {
		c = t.Conn
	}
	if u, ok := c.(*net.UnixConn); ok {
		_ = u.CloseWrite()
	}
}

// upgradeRequest is what a client sends to dial an app.
func upgradeRequest(id, app string) string {
	return strings.Join([]string{"POST /v1/workspaces/" + id + "/apps/" + app + "/dial HTTP/1.1", "Host: enclave",
		"Connection: Upgrade", "Upgrade: ark-stream", "Content-Length: 0", "", ""}, "\r\n")
}

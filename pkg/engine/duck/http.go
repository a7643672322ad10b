package duck

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/engine/walls"
)

//go:embed page
var page embed.FS

// Server answers SQL over HTTP inside a workspace: a page at /, and
//
//	GET  /schema                     tables and columns
//	POST /query   {"sql"}            a Screen, capped
//	POST /outbox  {"sql","name"}     Saved: the result as CSV in the outbox
//	POST /cancel                     stops the running statement
//	GET  /history                    this user's statements, latest first
//	GET  /healthz                    the walls that stand
//
// Refusals are {"kind","says","remedy"} with a 4xx or 5xx status.
type Server struct {
	session *session
	history *history
	walls   walls.Report
	mux     *http.ServeMux
}

// NewServer attaches the extract, locks the engine and returns the handler.
// stuck is called when a statement does not stop: the process should end then
// and be started again.
func NewServer(ctx context.Context, cfg Config, stand walls.Report, stuck func()) (*Server, error) {
	cfg = cfg.orDefault()
	ses, err := newSession(ctx, cfg, stuck)
	if err != nil {
		return nil, fault(ctx, err, "", nil)
	}
	s := &Server{session: ses, history: openHistory(cfg.Home), walls: stand, mux: http.NewServeMux()}
	s.mux.HandleFunc("GET /{$}", asset("page/index.html", "text/html; charset=utf-8"))
	s.mux.HandleFunc("GET /app.js", asset("page/app.js", "text/javascript; charset=utf-8"))
	s.mux.HandleFunc("GET /app.css", asset("page/app.css", "text/css; charset=utf-8"))
	s.mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	s.mux.HandleFunc("GET /schema", s.schema)
	s.mux.HandleFunc("POST /query", s.query)
	s.mux.HandleFunc("POST /outbox", s.outbox)
	s.mux.HandleFunc("POST /cancel", func(w http.ResponseWriter, _ *http.Request) { s.session.stop(); w.WriteHeader(http.StatusNoContent) })
	s.mux.HandleFunc("GET /history", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"entries": s.history.list()}, nil)
	})
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]any{"walls": s.walls}, nil) })
	return s, nil
}

// Close ends the session.
func (s *Server) Close() { s.session.close() }

// policy is the page's content security policy: everything from its own
// origin, nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	var foreign http.CrossOriginProtection
	foreign.Handler(s.mux).ServeHTTP(w, r)
}

func asset(name, kind string) http.HandlerFunc {
	body, err := page.ReadFile(name)
	return func(w http.ResponseWriter, r *http.Request) {
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", kind)
		w.Write(body)
	}
}

func (s *Server) schema(w http.ResponseWriter, r *http.Request) {
	t, err := s.session.schema(r.Context())
	reply(w, map[string]any{"tables": t}, err)
}

type request struct {
	SQL     string `json:"sql"`
	Name    string `json:"name"`
	MaxRows int    `json:"max_rows"`
}

// maxBody bounds a request.
const maxBody = 1 << 20

func ask(w http.ResponseWriter, r *http.Request) (request, error) {
	var q request
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return q, ark.Faultf(ark.Invalid, "the request must be application/json")
	}
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	in.DisallowUnknownFields()
	err := in.Decode(&q)
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return q, ark.Faultf(ark.TooMuch, "the statement is longer than %d bytes", maxBody)
	case err != nil:
		return q, ark.Faultf(ark.Invalid, "the request is not the JSON that is wanted").Do(`send {"sql": "SELECT …"}`)
	}
	if strings.ContainsRune(q.SQL, 0) {
		return q, ark.Faultf(ark.Invalid, "a statement can't hold a zero byte")
	}
	return q, nil
}

func (s *Server) query(w http.ResponseWriter, r *http.Request) {
	q, err := ask(w, r)
	if err != nil {
		reply(w, nil, err)
		return
	}
	at := time.Now().UTC()
	out, err := s.session.query(r.Context(), q.SQL, q.MaxRows)
	s.history.add(Entry{At: at, SQL: q.SQL, Rows: len(out.Rows), ElapsedMS: out.ElapsedMS, OK: err == nil})
	reply(w, out, err)
}

func (s *Server) outbox(w http.ResponseWriter, r *http.Request) {
	q, err := ask(w, r)
	if err != nil {
		reply(w, nil, err)
		return
	}
	at := time.Now().UTC()
	out, err := s.session.save(r.Context(), q.SQL, q.Name)
	s.history.add(Entry{At: at, SQL: q.SQL, Rows: int(out.Rows), ElapsedMS: time.Since(at).Milliseconds(), OK: err == nil})
	reply(w, out, err)
}

var statuses = map[ark.Kind]int{
	ark.Invalid: http.StatusBadRequest, ark.Unknown: http.StatusNotFound, ark.Forbidden: http.StatusForbidden, ark.Conflict: http.StatusConflict,
	ark.TooMuch: http.StatusRequestEntityTooLarge, ark.Unavailable: http.StatusServiceUnavailable,
}

func reply(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		status, says := statuses[ark.KindOf(err)], &ark.Fault{Says: "the query engine failed"}
		errors.As(err, &says)
		if status == 0 {
			status = http.StatusInternalServerError
		}
		w.WriteHeader(status)
		v = map[string]string{"kind": says.Kind.String(), "says": says.Says, "remedy": says.Remedy}
	}
	json.NewEncoder(w).Encode(v)
}

package edge

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"
)

type requestKey struct{}

// info is what is known of a request while it is answered. One goroutine uses it.
type info struct {
	reference string
	user      string
	route     string
}

// Reference is the short code that names this request in the log and on error
// pages; a user quotes it to the operator. It is empty outside Observe.
func Reference(ctx context.Context) string {
	if i, ok := ctx.Value(requestKey{}).(*info); ok {
		return i.reference
	}
	return ""
}

// Note records who asked and by which route pattern, for the log and the
// metrics. Neither may come from the request's own text.
func Note(ctx context.Context, user, route string) {
	if i, ok := ctx.Value(requestKey{}).(*info); ok {
		if user != "" {
			i.user = user
		}
		if route != "" {
			i.route = route
		}
	}
}

// Observer takes one measurement for each answered request. It is called from
// many goroutines.
type Observer interface {
	Observe(method, route string, status int, took time.Duration)
}

// Observe gives each request its reference, logs one line when it is answered
// and turns a panic into broken's page with status 500. The line holds method,
// route pattern, status, size and time: never the path, query or body.
func Observe(log *slog.Logger, seen Observer, broken http.Handler, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		i := &info{reference: newReference()}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, i))
		w.Header().Set("X-Request-Id", i.reference)
		c := &counter{ResponseWriter: w}
		defer func() {
			p := recover()
			if p == http.ErrAbortHandler {
				panic(p)
			}
			if p != nil {
				log.ErrorContext(r.Context(), "panic", "reference", i.reference, "route", i.route,
					"kind", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
				if !c.wrote {
					broken.ServeHTTP(c, r)
				}
			}
			route, status, took := i.route, c.status, time.Since(start)
			if route == "" {
				route = "none"
			}
			if status == 0 {
				status = http.StatusOK
			}
			if seen != nil {
				seen.Observe(r.Method, route, status, took)
			}
			log.InfoContext(r.Context(), "request", "reference", i.reference, "method", r.Method, "route", route,
				"status", status, "bytes", c.bytes, "took", took.Round(time.Microsecond), "user", i.user)
		}()
		h.ServeHTTP(c, r)
	})
}

// newReference is 50 random bits as ten letters and digits that can be read aloud.
func newReference() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // crypto/rand does not fail
	return base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").EncodeToString(b[:])[:10]
}

// counter remembers the status and size of an answer.
type counter struct {
	http.ResponseWriter
	status int
	bytes  int64
	wrote  bool
}

// WriteHeader notes the status.
func (c *counter) WriteHeader(status int) {
	if status >= 200 {
		c.wrote, c.status = true, status
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write notes the size.
func (c *counter) Write(b []byte) (int, error) {
	if !c.wrote {
		c.wrote, c.status = true, http.StatusOK
	}
	n, err := c.ResponseWriter.Write(b)
	c.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// Flush sends what is written so far, for server-sent events.
func (c *counter) Flush() { _ = http.NewResponseController(c.ResponseWriter).Flush() }

// Hijack is for web sockets.
func (c *counter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c.wrote, c.status = true, http.StatusSwitchingProtocols
	return http.NewResponseController(c.ResponseWriter).Hijack()
}
